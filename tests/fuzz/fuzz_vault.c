/* tests/fuzz/fuzz_vault.c: no bytes but ours open; what was sealed opens as it was, and only in its place.
 *
 * No fuzzer guesses a tag, so a blob of ours is also damaged: the first two bytes say where and how.
 */
#include "sys/vault.h"

#include <assert.h>

static const struct vault *the_vault(void)
{
    static struct vault *vault;
    struct error error;
    enum err err = OK;
    if (!vault)
        err = vault_new(STR("the fuzzer's own secret, 0123456789"), &vault, &error);
    assert(err == OK);
    return vault;
}

static void check_refused(const char *row_id, struct str blob)
{
    struct error error = {0};
    struct secret *plain = NULL;
    assert(vault_open(the_vault(), "org", "t", "c", row_id, blob, &plain, &error) != OK);
    assert(!plain && error.text[0]);
}

static void check_sealed(struct str given, struct buf *blob)
{
    struct error error;
    struct secret *plain = NULL;
    assert(vault_open(the_vault(), "org", "t", "c", "r", buf_str(blob), &plain, &error) == OK);
    assert(str_eq(secret_borrow(plain), given));
    secret_free(plain);
    check_refused("another", buf_str(blob));
    if (given.len < 2)
        return;
    uint8_t where = (uint8_t)given.at[0], how = (uint8_t)given.at[1];
    check_refused("r", str_upto(buf_str(blob), where % blob->len));
    blob->data[where % blob->len] = (char)(blob->data[where % blob->len] ^ (how ? how : 1));
    check_refused("r", buf_str(blob));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct error error;
    struct str given = {(const char *)bytes, len};
    check_refused("r", given);
    AUTO_BUF struct buf blob;
    buf_init(&blob, 2 * SECRET_MAX_BYTES);
    if (vault_seal(the_vault(), "org", "t", "c", "r", given, &blob, &error) != OK)
        return 0; /* too long */
    check_sealed(given, &blob);
    return 0;
}
