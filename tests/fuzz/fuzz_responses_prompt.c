/* tests/fuzz/fuzz_responses_prompt.c: whatever request a caller of the responses dialect sends is refused with a
 * sentence, or becomes one JSON object in each dialect. */
#include "wire/dialects.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool open_nothing(void *arg, struct str text, struct buf *out)
{
    (void)arg;
    buf_append_str(out, text);
    return text.len % 2 == 0;
}

static void translate(enum endpoint to, struct json_reader *reader, struct json_reader *scratch,
                      struct str body)
{
    const struct sealer sealer = {NULL, open_nothing, open_nothing};
    AUTO_BUF struct buf out;
    struct arena arena;
    struct tool_names names;
    struct fidelity fidelity = {0};
    struct error error = {0};
    struct json root;
    buf_init(&out, 64u << 20);
    arena_init(&arena, 16u << 20);
    tool_names_init(&names, &arena, dialect_facts(to)->tool_name_bytes);
    const struct prompt_options options = {.from = ENDPOINT_RESPONSES,
                                           .to = to,
                                           .target = {.model = STR("m"), .max_output_tokens = 100},
                                           .sealer = &sealer,
                                           .reader = reader,
                                           .scratch = scratch,
                                           .arena = &arena,
                                           .names = &names,
                                           .fidelity = &fidelity};
    enum err err = prompt_translate(&options, body, &out, &error);
    if (err == OK)
        require(json_parse(scratch, buf_str(&out), &root, &error) == OK &&
                json_type_of(root) == JSON_OBJECT);
    else
        require(error.text[0] != '\0');
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct json_reader *reader, *scratch;
    struct str body = {(const char *)bytes, len};
    if (!reader)
        require(json_reader_new(LIMIT_BYTES, &reader) == OK &&
                json_reader_new(64u << 20, &scratch) == OK);
    translate(ENDPOINT_RESPONSES, reader, scratch, body);
    translate(ENDPOINT_CHAT, reader, scratch, body);
    translate(ENDPOINT_MESSAGES, reader, scratch, body);
    return 0;
}
