/* tests/fuzz/fuzz_chat_prompt.c: any chat completions request becomes JSON in every dialect, or is refused with a
 * sentence; and what chat makes of it once stays as it is. */
#include "wire/dialects.h"

#include <stdlib.h>

#define LIMIT_BYTES (4u << 20)
#define LOCAL                                                                            \
    (QUIRK_LOCAL | QUIRK_ONE_SYSTEM_FIRST | QUIRK_NAMED_TOOL_IGNORED | QUIRK_NO_EFFORT | \
     QUIRK_OLD_MAX_TOKENS)

static struct json_reader *reader, *scratch;

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* False when the request is refused. */
static bool translate(struct str body, enum endpoint to, unsigned quirks, struct buf *out)
{
    struct arena arena;
    struct fidelity fidelity = {0};
    struct tool_names names;
    struct error error = {0};
    arena_init(&arena, 4 * LIMIT_BYTES);
    tool_names_init(&names, &arena, dialect_facts(to)->tool_name_bytes);
    buf_clear(out);
    struct prompt_options options = {
        .from = ENDPOINT_CHAT,
        .to = to,
        .target = {.model = STR("m"), .quirks = quirks, .max_output_tokens = 4096},
        .reader = reader,
        .scratch = scratch,
        .arena = &arena,
        .names = &names,
        .fidelity = &fidelity,
        .is_stream = true};
    enum err err = prompt_translate(&options, body, out, &error);
    require(err == OK || error.text[0] != '\0');
    arena_release(&arena);
    return err == OK;
}

static void check_json(const struct buf *body)
{
    struct json root;
    require(json_parse(reader, buf_str(body), &root, NULL) == OK);
    require(json_type_of(root) == JSON_OBJECT);
}

static void check_dialect(struct str body, enum endpoint to, unsigned quirks)
{
    AUTO_BUF struct buf once;
    buf_init(&once, 8 * LIMIT_BYTES);
    if (!translate(body, to, quirks, &once))
        return;
    check_json(&once);
    if (to != ENDPOINT_CHAT ||
        quirks) /* for a local model some fields are spelled in ways of its own */
        return;
    AUTO_BUF struct buf twice;
    buf_init(&twice, 8 * LIMIT_BYTES);
    require(translate(buf_str(&once), to, quirks, &twice));
    require(str_eq(buf_str(&once), buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!reader) {
        require(json_reader_new(8 * LIMIT_BYTES, &reader) == OK);
        require(json_reader_new(8 * LIMIT_BYTES, &scratch) == OK);
    }
    struct str body = {(const char *)bytes, len};
    check_dialect(body, ENDPOINT_CHAT, 0);
    check_dialect(body, ENDPOINT_CHAT, LOCAL);
    check_dialect(body, ENDPOINT_RESPONSES, 0);
    check_dialect(body, ENDPOINT_MESSAGES, 0);
    return 0;
}
