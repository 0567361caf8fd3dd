/* tests/unit/providers/test_blot.c: a quoted key is blotted out, and nothing else. */
#include "providers/blot.h"

#include "tests/test.h"

static void the_key_goes_and_the_rest_stays(void **state)
{
    (void)state;
    static const struct story {
        const char *name, *key, *said, *want;
    } stories[] = {
        {"whole", "0123456789abcdef", "bad key 0123456789abcdef.", "bad key ****************."},
        {"alone", "0123456789abcdef", "0123456789abcdef", "****************"},
        {"twice", "0123456789ab", "0123456789ab0123456789ab", "************************"},
        {"a piece of twelve", "0123456789abcdef", "<23456789abcd>", "<************>"},
        {"a piece of eleven says too little", "0123456789abcdef", "<23456789abc>", "<23456789abc>"},
        {"cut by the end", "0123456789abcdef", "{\"m\":\"0123456789abc", "{\"m\":\"*************"},
        {"the longer of two runs", "aaaaaaaaaaaabaaaaaaaaaaaac", "aaaaaaaaaaaac", "*************"},
        {"a short key is in many words", "key", "a bad key", "a bad key"},
        {"no key", "", "0123456789abcdef", "0123456789abcdef"},
        {"nothing said", "0123456789abcdef", "", ""},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char said[64];
        str_copy(str_of(stories[i].said), said, sizeof said);
        blot_key(said, strlen(said), str_of(stories[i].key));
        CHECK_STR(stories[i].name, said, stories[i].want);
    }
}

TEST_MAIN(TEST(the_key_goes_and_the_rest_stays))
