/* simulate/base64.c: six bits a character. */
#include "simulate/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        unsigned group = (unsigned)from[i] << 16 | (have > 1 ? (unsigned)from[i + 1] << 8 : 0u) |
                         (have > 2 ? (unsigned)from[i + 2] : 0u);
        char four[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                        have > 1 ? alphabet[group >> 6 & 63] : '=',
                        have > 2 ? alphabet[group & 63] : '='};
        buf_append(out, four, sizeof four);
    }
}

bool base64_decode(struct str text, char *room, size_t *out_len)
{
    while (text.len > 0 && text.at[text.len - 1] == '=')
        text.len--;
    unsigned held = 0, bits = 0;
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *found = memchr(alphabet, text.at[i], sizeof alphabet - 1);
        if (!found)
            return false;
        held = (held << 6 | (unsigned)(found - alphabet)) & 0xffffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            room[done++] = (char)(held >> bits & 0xff);
        }
    }
    *out_len = done;
    return true;
}
