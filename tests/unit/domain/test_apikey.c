/* tests/unit/domain/test_apikey.c: keys of our own. */
#include "domain/apikey.h"
#include "tests/test.h"

static void a_made_key_is_wellformed(void **unused)
{
    (void)unused;
    uint8_t random[32];
    char key[APIKEY_LEN + 1];
    for (unsigned seed = 0; seed < 256; seed++) {
        for (unsigned i = 0; i < sizeof random; i++)
            random[i] = (uint8_t)(seed * 31 + i * 7);
        apikey_make(APIKEY_PREFIX, random, key);
        CHECK_INT("length", strlen(key), APIKEY_LEN);
        CHECK("own prefix", apikey_is_wellformed(str_of(key), APIKEY_PREFIX));
        CHECK("other prefix", !apikey_is_wellformed(str_of(key), APIKEY_PREFIX_WORKER));
    }
}

static void a_key_made_long_ago_is_still_wellformed(void **unused)
{
    (void)unused;
    static const char old[] = "auxk_0Eoh211G4kiExH7ug60llKrrhz4Cm4CWBYRy5bwsi7E3ILEV6";
    const uint8_t random[32] = {1, 2, 3, 4, 5, 6, 7, 200, 100, 99, 3};
    char key[APIKEY_LEN + 1];
    apikey_make(APIKEY_PREFIX, random, key);
    CHECK_STR("made anew", key, old);
    CHECK("well-formed", apikey_is_wellformed(str_of(old), APIKEY_PREFIX));
}

static void the_extremes_keep_their_length(void **unused)
{
    (void)unused;
    uint8_t random[32] = {0};
    char key[APIKEY_LEN + 1];
    apikey_make(APIKEY_PREFIX, random, key);
    CHECK("all zero", strncmp(key, "auxk_0000000000000000000000000000000000000000000", 48) == 0);
    memset(random, 0xFF, sizeof random);
    apikey_make(APIKEY_PREFIX, random, key);
    CHECK("all ones", apikey_is_wellformed(str_of(key), APIKEY_PREFIX));
}

static void every_single_typing_error_is_noticed(void **unused)
{
    (void)unused;
    uint8_t random[32] = {1, 2, 3};
    char key[APIKEY_LEN + 1];
    apikey_make(APIKEY_PREFIX, random, key);
    for (size_t i = 0; i < APIKEY_LEN; i++) {
        char was = key[i];
        for (int c = 0; c < 256; c++) {
            key[i] = (char)c;
            bool is_good = apikey_is_wellformed((struct str){key, APIKEY_LEN}, APIKEY_PREFIX);
            CHECK("changed", is_good == (key[i] == was));
        }
        key[i] = was;
    }
    for (size_t len = 0; len < APIKEY_LEN; len++)
        CHECK("cut", !apikey_is_wellformed((struct str){key, len}, APIKEY_PREFIX));
}

static void a_hint_shows_eight_characters_and_no_more(void **unused)
{
    (void)unused;
    uint8_t random[32] = {9, 8, 7};
    char key[APIKEY_LEN + 1], hint[APIKEY_HINT_MAX + 8], expected[32];
    apikey_make(APIKEY_PREFIX, random, key);
    (void)snprintf(expected, sizeof expected, "%.9s\xE2\x80\xA6%.4s", key, key + 44);
    apikey_hint(str_of(key), hint);
    CHECK_STR("hint", hint, expected);
    apikey_hint(STR("sk-proj-somebody-elses-secret"), hint);
    CHECK_STR("not ours", hint, "\xE2\x80\xA6");
    key[6] = '\n';
    apikey_hint(str_of(key), hint);
    CHECK_STR("not ours", hint, "\xE2\x80\xA6");
}

TEST_MAIN(TEST(a_made_key_is_wellformed), TEST(a_key_made_long_ago_is_still_wellformed),
          TEST(the_extremes_keep_their_length), TEST(every_single_typing_error_is_noticed),
          TEST(a_hint_shows_eight_characters_and_no_more))
