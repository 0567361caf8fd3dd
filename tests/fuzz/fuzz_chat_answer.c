/* tests/fuzz/fuzz_chat_answer.c: whatever a chat completions provider says, each dialect's caller hears whole events of
 * JSON, or the answer is given up. The bytes are a stream, and also a plain answer. */
#include "wire/dialects.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static struct json_reader *reader, *scratch, *checker;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static struct answer_translation *begin(enum endpoint to, bool is_stream, struct fidelity *fidelity,
                                        const struct tool_names *names)
{
    struct answer_translation *translation;
    struct answer_options options = {.from = ENDPOINT_CHAT,
                                     .to = to,
                                     .is_stream = is_stream,
                                     .key = "k",
                                     .model = STR("m"),
                                     .created_s = 1,
                                     .wants_usage = true,
                                     .names = names,
                                     .fidelity = fidelity};
    require(answer_translation_new(&options, &translation) == OK);
    return translation;
}

static void check_json(struct str text)
{
    struct json root;
    require(json_parse(checker, text, &root, NULL) == OK && json_type_of(root) == JSON_OBJECT);
}

/* What was written is whole events, each of JSON. */
static void check_events(const struct buf *out)
{
    AUTO_BUF struct buf joined;
    struct str rest = buf_str(out);
    size_t scanned = 0;
    buf_init(&joined, 64 * LIMIT_BYTES);
    for (size_t len; (len = sse_event_end(rest, &scanned)) > 0; rest = str_from(rest, len)) {
        struct sse_event event;
        sse_event_read(str_upto(rest, len), &joined, &event);
        if (!str_eq(event.data, STR("[DONE]")))
            check_json(event.data);
    }
    require(rest.len == 0);
}

static void play_stream(struct str stream, enum endpoint to, const struct tool_names *names)
{
    AUTO_BUF struct buf joined, out;
    struct fidelity fidelity = {0};
    struct usage usage;
    size_t scanned = 0;
    enum err err = OK;
    struct answer_translation *translation = begin(to, true, &fidelity, names);
    buf_init(&joined, LIMIT_BYTES);
    buf_init(&out, 64 * LIMIT_BYTES);
    usage_init(&usage);
    for (size_t len; err == OK && (len = sse_event_end(stream, &scanned)) > 0;) {
        struct sse_event event;
        struct json root = {0};
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (json_parse(reader, str_trim(event.data), &root, NULL) != OK)
            root = (struct json){0};
        err = answer_translate_event(translation, &event, reader, root, scratch, &usage, &out);
        stream = str_from(stream, len);
    }
    if (err == OK)
        err = answer_translate_end(translation, scratch, &usage, &out);
    if (err == OK)
        check_events(&out);
    answer_translation_free(translation);
}

static void play_plain(struct str body, enum endpoint to, const struct tool_names *names)
{
    AUTO_BUF struct buf out;
    struct fidelity fidelity = {0};
    struct usage usage;
    struct json root;
    buf_init(&out, 64 * LIMIT_BYTES);
    usage_init(&usage);
    if (json_parse(reader, body, &root, NULL) != OK)
        return;
    struct answer_translation *translation = begin(to, false, &fidelity, names);
    if (answer_translate_plain(translation, reader, body, root, scratch, &usage, &out) == OK)
        check_json(buf_str(&out));
    answer_translation_free(translation);
}

static void start_once(void)
{
    if (reader)
        return;
    require(json_reader_new(LIMIT_BYTES, &reader) == OK);
    require(json_reader_new(LIMIT_BYTES, &scratch) == OK);
    require(json_reader_new(64 * LIMIT_BYTES, &checker) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const enum endpoint dialects[] = {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES};
    struct arena arena;
    struct tool_names names;
    struct str text = {(const char *)bytes, len};
    start_once();
    arena_init(&arena, LIMIT_BYTES);
    tool_names_init(&names, &arena, 64);
    (void)tool_name_out(&names, STR(""), STR("c"), true);
    (void)tool_name_out(&names, STR("space"), STR("f"), false);
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        play_stream(text, dialects[i], &names);
        play_plain(text, dialects[i], &names);
    }
    arena_release(&arena);
    return 0;
}
