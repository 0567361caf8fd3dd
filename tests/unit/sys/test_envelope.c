/* tests/unit/sys/test_envelope.c: sealed text that travels with strangers comes back whole, or not at all. */
#include "sys/envelope.h"
#include "tests/test.h"

static struct vault *vault, *other;

static int open_vaults(void **state)
{
    (void)state;
    struct error error;
    return vault_new(STR("one secret of thirty-two characters!"), &vault, &error) == OK &&
                   vault_new(STR("another secret of 32 characters, yes"), &other, &error) == OK
               ? 0
               : -1;
}

static int close_vaults(void **state)
{
    (void)state;
    vault_free(vault);
    vault_free(other);
    return 0;
}

static void any_length_comes_back(void **state)
{
    (void)state;
    char text[70];
    for (size_t len = 0; len < sizeof text; len++) {
        AUTO_BUF struct buf sealed, plain;
        buf_init(&sealed, 4096);
        buf_init(&plain, 4096);
        memset(text, (int)len, sizeof text);
        struct str said = {text, len};
        CHECK("sealed", envelope_seal(vault, said, &sealed) == OK);
        CHECK("opened", envelope_open(vault, buf_str(&sealed), &plain) == OK);
        CHECK("the same", str_eq(buf_str(&plain), said));
        CHECK("nothing shows", len < 8 || !str_find(buf_str(&sealed), str_upto(said, 8), NULL));
    }
}

static void what_was_touched_does_not_open(void **state)
{
    (void)state;
    AUTO_BUF struct buf sealed, plain;
    buf_init(&sealed, 4096);
    buf_init(&plain, 4096);
    CHECK("sealed", envelope_seal(vault, STR("what a model thought"), &sealed) == OK);
    CHECK("another secret", envelope_open(other, buf_str(&sealed), &plain) == ERR_DENIED);
    for (size_t i = 0; i < sealed.len; i++) {
        char was = sealed.data[i];
        sealed.data[i] = was == 'A' ? 'B' : 'A';
        CHECK("one letter", envelope_open(vault, buf_str(&sealed), &plain) == ERR_DENIED);
        sealed.data[i] = was;
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK("cut", envelope_open(vault, str_upto(buf_str(&sealed), len), &plain) == ERR_DENIED);
    CHECK("no base64", envelope_open(vault, STR("????"), &plain) == ERR_DENIED);
    CHECK_INT("nothing came out", plain.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(any_length_comes_back),
                                       TEST(what_was_touched_does_not_open)};
    return cmocka_run_group_tests(tests, open_vaults, close_vaults);
}
