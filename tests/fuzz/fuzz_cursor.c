/* tests/fuzz/fuzz_cursor.c: no bytes but ours pass for a cursor. */
#include "store/cursor.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct vault *vault;
    struct error error;
    if (!vault && vault_new(STR("the fuzzer's own secret, 0123456789"), &vault, &error) != OK)
        return 0;
    struct cursor cursor;
    struct str text = {(const char *)bytes, len};
    if (cursor_read(vault, text, CURSOR_JOBS, &cursor)) {
        char again[CURSOR_MAX]; /* found it: then it is spelled as we spell it */
        cursor_write(vault, &cursor, again);
        assert(str_eq(text, str_of(again)));
    }
    return 0;
}
