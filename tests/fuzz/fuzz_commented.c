/* tests/fuzz/fuzz_commented.c: whatever the file, json_parse takes what commented_to_json made of it; that is as long, and the
 * same again when it is read again; and a flaw has a place in the file and its words. */
#include "json/commented.h"
#include "json/json.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_good(char *text, size_t len)
{
    struct json_reader *reader = NULL;
    struct json root;
    struct error error = {0};
    struct text_flaw flaw;
    if (json_reader_new(LIMIT_BYTES, &reader) != OK)
        return;
    require(json_parse(reader, (struct str){text, len}, &root, &error) == OK);
    require(commented_to_json(text, len, &flaw) == OK);
    struct str raw = json_raw(reader, root, (struct str){text, len});
    require(raw.len > 0 && raw.at >= text && raw.at + raw.len <= text + len);
    json_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text_flaw flaw = {{0, 0}, NULL, NULL};
    if (len == 0 || len > LIMIT_BYTES)
        return 0;
    char *text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, bytes, len);
    if (commented_to_json(text, len, &flaw) == OK)
        check_good(text, len);
    else
        require(flaw.place.line >= 1 && flaw.place.column >= 1 && flaw.place.column <= len + 1 &&
                flaw.what && flaw.fix);
    free(text);
    return 0;
}
