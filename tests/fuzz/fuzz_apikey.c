/* tests/fuzz/fuzz_apikey.c: any bytes as a key. What is taken for well-formed shows a hint of its own,
 * and a key made of the bytes is always taken.
 */
#include "domain/apikey.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str key = {(const char *)bytes, len};
    char hint[APIKEY_HINT_MAX + 8];
    apikey_hint(key, hint);
    assert(strlen(hint) < sizeof hint);
    if (apikey_is_wellformed(key, APIKEY_PREFIX)) {
        assert(len == APIKEY_LEN);
        assert(strncmp(hint, APIKEY_PREFIX, strlen(APIKEY_PREFIX)) == 0);
    }

    uint8_t random[32] = {0};
    char made[APIKEY_LEN + 1];
    memcpy(random, bytes, len < sizeof random ? len : sizeof random);
    apikey_make(APIKEY_PREFIX_WORKER, random, made);
    assert(apikey_is_wellformed(str_of(made), APIKEY_PREFIX_WORKER));
    assert(!apikey_is_wellformed(str_of(made), APIKEY_PREFIX));
    return 0;
}
