/* tests/fuzz/fuzz_vault.c: no bytes but ours open; what was sealed opens as it was. */
#include "sys/vault.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct vault *vault;
    struct error error;
    struct secret *plain = NULL;
    struct str given = {(const char *)bytes, len};
    if (!vault && vault_new(STR("the fuzzer's own secret, 0123456789"), &vault, &error) != OK)
        return 0;
    enum err err = vault_open(vault, "org", "t", "c", "r", given, &plain, &error);
    assert(err != OK);
    AUTO_BUF struct buf blob;
    buf_init(&blob, 2 * SECRET_MAX_BYTES);
    if (vault_seal(vault, "org", "t", "c", "r", given, &blob, &error) != OK)
        return 0; /* too long */
    err = vault_open(vault, "org", "t", "c", "r", buf_str(&blob), &plain, &error);
    assert(err == OK && str_eq(secret_borrow(plain), given));
    secret_free(plain);
    return 0;
}
