/* tests/unit/wire/test_chat_thinking.c: signed thinking waits for the tool's result, though the caller cannot carry it. */
#include "wire/dialects.h"
#include "tests/test.h"

static struct buf kept_content, kept;

static bool seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    buf_append_str(out, plain);
    return true;
}

static void keep(void *arg, struct str content, struct str envelopes)
{
    (void)arg;
    buf_clear(&kept_content);
    buf_clear(&kept);
    buf_append_str(&kept_content, content);
    buf_append_str(&kept, envelopes);
}

static bool recall(void *arg, struct str content, struct buf *out)
{
    (void)arg;
    if (!str_eq(content, buf_str(&kept_content)))
        return false;
    buf_append_str(out, buf_str(&kept));
    return true;
}

static const struct sealer sealer = {NULL, seal, seal, keep, recall};

static const char *const answer[] = {
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":1}}}",
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Let me \"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"see.\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}}",
    "{\"type\":\"content_block_stop\",\"index\":0}",
    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"b64\"}}",
    "{\"type\":\"content_block_stop\",\"index\":1}",
    "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"look\",\"input\":{}}}",
    "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}",
    "{\"type\":\"content_block_stop\",\"index\":2}",
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":9}}",
    "{\"type\":\"message_stop\"}",
};

static struct json_reader *reader, *scratch;

/* The provider's stream, heard by a chat caller. */
static void play(struct fidelity *fidelity, struct buf *out)
{
    struct usage usage;
    usage_init(&usage);
    struct answer_translation *translation;
    struct answer_options options = {.from = ENDPOINT_MESSAGES,
                                     .to = ENDPOINT_CHAT,
                                     .is_stream = true,
                                     .key = "k",
                                     .model = STR("m"),
                                     .sealer = &sealer,
                                     .fidelity = fidelity};
    CHECK("made", answer_translation_new(&options, &translation) == OK);
    for (size_t i = 0; i < COUNT(answer); i++) {
        struct json root;
        struct sse_event event = {.data = str_of(answer[i]), .has_data = true};
        CHECK("json", json_parse(reader, event.data, &root, NULL) == OK);
        CHECK("translated", answer_translate_event(translation, &event, reader, root, scratch,
                                                   &usage, out) == OK);
    }
    CHECK("ended", answer_translate_end(translation, scratch, &usage, out) == OK);
    answer_translation_free(translation);
}

static void ask(const char *call_id, struct buf *out, struct fidelity *fidelity)
{
    struct arena arena;
    struct tool_names names;
    AUTO_BUF struct buf body;
    buf_init(&body, 1u << 20);
    arena_init(&arena, 1u << 20);
    tool_names_init(&names, &arena, 128);
    buf_printf(
        &body,
        "{\"model\":\"m\",\"reasoning_effort\":\"high\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"},"
        "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"Let me see.\",\"tool_calls\":[{"
        "\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":\"2\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"parameters\":{\"type\":\"object\"}}}]}",
        call_id, call_id);
    struct prompt_options options = {.from = ENDPOINT_CHAT,
                                     .to = ENDPOINT_MESSAGES,
                                     .target = {.model = STR("m"), .max_output_tokens = 64000},
                                     .sealer = &sealer,
                                     .reader = reader,
                                     .scratch = scratch,
                                     .arena = &arena,
                                     .names = &names,
                                     .fidelity = fidelity};
    struct error error = {0};
    CHECK("asked", prompt_translate(&options, buf_str(&body), out, &error) == OK);
    arena_release(&arena);
}

static void thinking_returns_with_the_tools_result(void **state)
{
    (void)state;
    struct fidelity fidelity = {0};
    AUTO_BUF struct buf heard, asked;
    buf_init(&heard, 1u << 20);
    buf_init(&asked, 1u << 20);
    play(&fidelity, &heard);
    CHECK("shown", str_find(buf_str(&heard), STR("\"reasoning_content\":\"Let me \""), NULL));
    CHECK("the caller's id", str_find(buf_str(&heard), STR("\"call_toolu_1\""), NULL));
    CHECK("kept under it", str_eq(buf_str(&kept_content), STR("\"call_toolu_1\"")));
    CHECK("no loss", !fidelity_loss(&fidelity));

    ask("call_toolu_1", &asked, &fidelity);
    CHECK(
        "signed",
        str_find(buf_str(&asked),
                 STR("{\"type\":\"thinking\",\"thinking\":\"Let me see.\",\"signature\":\"EqQB\"},"
                     "{\"type\":\"redacted_thinking\",\"data\":\"b64\"},"
                     "{\"type\":\"tool_use\",\"id\":\"toolu_1\""),
                 NULL));
}

static void what_is_forgotten_is_left_out(void **state)
{
    (void)state;
    struct fidelity fidelity = {0};
    AUTO_BUF struct buf asked;
    buf_init(&asked, 1u << 20);
    ask("call_toolu_2", &asked, &fidelity);
    CHECK("no block", !str_find(buf_str(&asked), STR("\"type\":\"thinking\""), NULL));
    CHECK("said so", fidelity_loss(&fidelity));
}

static int begin(void **state)
{
    (void)state;
    buf_init(&kept_content, 1u << 20);
    buf_init(&kept, 1u << 20);
    return json_reader_new(1u << 20, &reader) == OK && json_reader_new(1u << 20, &scratch) == OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    buf_release(&kept_content);
    buf_release(&kept);
    json_reader_free(reader);
    json_reader_free(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(thinking_returns_with_the_tools_result),
                                       TEST(what_is_forgotten_is_left_out)};
    return cmocka_run_group_tests(tests, begin, end);
}
