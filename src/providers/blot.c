/* providers/blot.c: the runs that a text and a key have in common. */
#include "providers/blot.h"

#define RUN_LEAST 12u

/* Length of the longest run at the front of `text` that is anywhere in `key`. */
static size_t longest_run(struct str text, struct str key)
{
    size_t longest = 0;
    for (size_t from = 0; from + RUN_LEAST <= key.len; from++) {
        size_t run = 0;
        while (run < text.len && from + run < key.len && text.at[run] == key.at[from + run])
            run++;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void blot_key(char *bytes, size_t len, struct str key)
{
    for (size_t at = 0; at + RUN_LEAST <= len;) {
        size_t run = longest_run((struct str){bytes + at, len - at}, key);
        if (run >= RUN_LEAST)
            memset(bytes + at, '*', run);
        at += run >= RUN_LEAST ? run : 1;
    }
}
