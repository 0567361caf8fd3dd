/* tests/fuzz/fuzz_cursor.c: no bytes but ours pass for a cursor; ours pass as they were written.
 *
 * No fuzzer guesses a signature, so the bytes also say what stands in a cursor of ours: kind, chunk, row, and
 * where that cursor is damaged.
 */
#include "store/cursor.h"

#include <assert.h>

#define PARTS_BYTES 15u

static struct vault *vault;

static void check_foreign(struct str text)
{
    struct cursor cursor;
    if (cursor_read(vault, text, CURSOR_JOBS, &cursor)) {
        char again[CURSOR_MAX]; /* found it: then it is spelled as we spell it */
        cursor_write(vault, &cursor, again);
        assert(str_eq(text, str_of(again)));
    }
}

static void check_own(const uint8_t *parts)
{
    struct cursor cursor = {.kind = parts[0] & 1 ? CURSOR_JOBS : CURSOR_EVENTS}, read;
    char text[CURSOR_MAX];
    memcpy(&cursor.chunk, parts + 1, sizeof cursor.chunk);
    memcpy(&cursor.at, parts + 5, sizeof cursor.at);
    cursor_write(vault, &cursor, text);
    assert(cursor_read(vault, str_of(text), cursor.kind, &read));
    assert(read.kind == cursor.kind && read.chunk == cursor.chunk && read.at == cursor.at);
    assert(!cursor_read(vault, str_of(text), parts[0] & 1 ? CURSOR_EVENTS : CURSOR_JOBS, &read));

    size_t where = parts[13] % strlen(text);
    char other = (char)parts[14];
    if (text[where] == other)
        return;
    struct str damaged = str_of(text);
    text[where] = other;
    assert(!cursor_read(vault, damaged, cursor.kind, &read));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct error error;
    if (!vault && vault_new(STR("the fuzzer's own secret, 0123456789"), &vault, &error) != OK)
        return 0;
    check_foreign((struct str){(const char *)bytes, len});
    if (len >= PARTS_BYTES)
        check_own(bytes);
    return 0;
}
