/* main/terminal.c: see terminal.h. */
#include "main/terminal.h"

bool terminal_obeys(struct str text, size_t *at)
{
    unsigned char byte = (unsigned char)text.at[*at];
    bool has_next = *at + 1 < text.len;
    bool is_c1 = byte == 0xc2 && has_next && (unsigned char)text.at[*at + 1] < 0xa0;
    *at += is_c1 ? 2 : 1;
    return is_c1 || byte < 0x20 || byte == 0x7f;
}

void terminal_clean(char *text)
{
    struct str all = str_of(text);
    char *to = text;
    for (size_t at = 0; at < all.len;) {
        char byte = all.at[at];
        *to++ = terminal_obeys(all, &at) ? '?' : byte;
    }
    *to = '\0';
}
