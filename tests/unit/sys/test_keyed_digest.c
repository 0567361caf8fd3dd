/* tests/unit/sys/test_keyed_digest.c: HMAC-SHA-256 as RFC 4231 has it. */
#include "sys/keyed_digest.h"

#include "tests/test.h"

#define KEY_MAX 140

static const struct story {
    const char *name;
    int key_byte; /* 0: the text */
    size_t key_len;
    const char *key, *bytes, *want; /* the first 16 bytes */
} stories[] = {
    {"case 1", 0x0b, 20, NULL, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"},
    {"case 2", 0, 4, "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"},
    {"case 6: a key longer than a block", 0xaa, 131, NULL,
     "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f"},
    {"no key, no bytes", 0, 0, "", "", "b613679a0814d9ec772f95d778c35fc5"},
};

static void it_is_what_the_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        char key[KEY_MAX], got[2 * KEYED_DIGEST_BYTES + 1];
        uint8_t digest[KEYED_DIGEST_BYTES];
        memset(key, stories[i].key_byte, sizeof key);
        if (stories[i].key)
            memcpy(key, stories[i].key, stories[i].key_len);
        keyed_digest((struct str){key, stories[i].key_len}, str_of(stories[i].bytes), digest);
        for (size_t b = 0; b < sizeof digest; b++)
            snprintf(got + 2 * b, 3, "%02x", digest[b]);
        CHECK_STR(stories[i].name, got, stories[i].want);
    }
}

TEST_MAIN(cmocka_unit_test(it_is_what_the_standard_says))
