/* tests/unit/wire/test_chat_answer_write.c: what a caller of chat completions hears, byte for byte; and that what we write
 * means to our own reader what was told to us. */
#include "tests/unit/wire/chat_listener.h"

#include "tests/fixtures/fixture.h"

#include "tests/test.h"

#define EVENTS_MAX 16

/* ---- a caller --------------------------------------------------------------------------------------- */

struct caller {
    struct answer_writer writer;
    struct chat_writing writing;
    struct fidelity fidelity;
    struct buf out, notes;
    struct json_reader *scratch;
    struct arena arena;
    struct tool_names names;
};

static struct caller caller;
static struct listener listener;

static void start(bool wants_usage)
{
    struct json_reader *scratch = caller.scratch;
    caller = (struct caller){.scratch = scratch};
    if (!scratch)
        assert_int_equal(json_reader_new(4u << 20, &caller.scratch), OK);
    buf_init(&caller.out, 16u << 20);
    buf_init(&caller.notes, 1u << 16);
    arena_init(&caller.arena, 1u << 20);
    tool_names_init(&caller.names, &caller.arena, 64);
    (void)tool_name_out(&caller.names, STR(""), STR("my.tool"), false);
    (void)tool_name_out(&caller.names, STR(""), STR("patch"), true);
    caller.writer = (struct answer_writer){.out = &caller.out,
                                           .key = "k1",
                                           .model = STR("m"),
                                           .created_s = 7,
                                           .wants_usage = wants_usage,
                                           .names = &caller.names,
                                           .scratch = caller.scratch,
                                           .fidelity = &caller.fidelity,
                                           .own = &caller.writing};
    buf_init(&caller.writer.kept, ANSWER_KEPT_MAX);
}

static void stop(void)
{
    chat_writer_release(&caller.writer);
    buf_release(&caller.writer.kept);
    buf_release(&caller.out);
    buf_release(&caller.notes);
    arena_release(&caller.arena);
}

static const char *notes_of(void)
{
    buf_puts(&caller.notes, "");
    fidelity_write(&caller.fidelity, &caller.notes);
    return caller.notes.data;
}

/* ---- stories ---------------------------------------------------------------------------------------- */

// clang-format off
#define BEGIN             {.kind = ANSWER_BEGIN}
#define END               {.kind = ANSWER_END, .usage = &counted}
#define STOPS(why)        {.kind = ANSWER_STOP, .stop = why}
#define OPENS(what)       {.kind = ANSWER_PART_BEGIN, .part = what}
#define SAYS(what, words) {.kind = ANSWER_PART_DELTA, .part = what, .text = STR_INIT(words)}
#define PROBABLE(words, list) {.kind = ANSWER_PART_DELTA, .part = PART_TEXT, .text = STR_INIT(words), .logprobs = STR_INIT(list)}
#define CLOSES(what)      {.kind = ANSWER_PART_END, .part = what}
#define CALLS(call, tool) {.kind = ANSWER_PART_BEGIN, .part = PART_TOOL_CALL, .id = STR_INIT(call), .name = STR_INIT(tool)}
#define ARGS(words)       SAYS(PART_TOOL_CALL, words)

#define HEAD              "data: {\"id\":\"chatcmpl-k1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":["
#define CHUNK(delta)      HEAD "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
#define PROBABLE_CHUNK(text, list) HEAD "{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"logprobs\":{\"content\":[" list "],\"refusal\":null},\"finish_reason\":null}]}\n\n"
#define FINISH(reason)    HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"" reason "\"}]}\n\n"
#define ROLE              CHUNK("\"role\":\"assistant\",\"content\":\"\"")
#define DONE              "data: [DONE]\n\n"
#define FIRST(index, id, name) CHUNK("\"tool_calls\":[{\"index\":" index ",\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"\"}}]")
#define MORE(index, text) CHUNK("\"tool_calls\":[{\"index\":" index ",\"function\":{\"arguments\":\"" text "\"}}]")
#define USAGE             "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":0}}"
#define PLAIN(message, reason) "{\"id\":\"chatcmpl-k1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null,\"finish_reason\":\"" reason "\"}],\"usage\":" USAGE "}"

static const struct usage counted = {.input_tokens = 10, .output_tokens = 5, .cached_tokens = 4, .cache_write_tokens = -1, .reasoning_tokens = -1};

static const struct story {
    const char *name;
    struct answer_event events[EVENTS_MAX];
    const char *stream, *plain, *notes;
} stories[] = {
    {"text", {BEGIN, OPENS(PART_TEXT), SAYS(PART_TEXT, "a\n\"b\""), SAYS(PART_TEXT, "c"), CLOSES(PART_TEXT), STOPS(STOP_END), END},
     ROLE CHUNK("\"content\":\"a\\n\\\"b\\\"\"") CHUNK("\"content\":\"c\"") FINISH("stop") DONE,
     PLAIN("\"content\":\"a\\n\\\"b\\\"c\",\"refusal\":null", "stop"), ""},
    {"thoughts, then two calls, whose names and ids come back as the caller knows them",
     {BEGIN, OPENS(PART_THINKING), SAYS(PART_THINKING, "hm"), CLOSES(PART_THINKING), CALLS("call_1", "f"), ARGS("{\"a\""), ARGS(":1}"), CLOSES(PART_TOOL_CALL),
      CALLS("toolu_2", "my_tool"), ARGS("{}"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE CHUNK("\"reasoning_content\":\"hm\"") FIRST("0", "call_1", "f") MORE("0", "{\\\"a\\\"") MORE("0", ":1}") FIRST("1", "call_toolu_2", "my.tool") MORE("1", "{}") FINISH("tool_calls") DONE,
     PLAIN("\"reasoning_content\":\"hm\",\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},"
           "{\"id\":\"call_toolu_2\",\"type\":\"function\",\"function\":{\"name\":\"my.tool\",\"arguments\":\"{}\"}}]", "tool_calls"), ""},
    {"a call without arguments has empty ones", {BEGIN, CALLS("call_1", "f"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE FIRST("0", "call_1", "f") MORE("0", "{}") FINISH("tool_calls") DONE,
     PLAIN("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]", "tool_calls"), ""},
    {"a custom tool's input is taken out of its function's arguments",
     {BEGIN, CALLS("call_1", "patch"), ARGS("{\"input\":\"a \\\"b"), ARGS("\\\"\\n\"}"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"\"}}]")
          CHUNK("\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"a \\\"b\\\"\\n\"}}]") FINISH("tool_calls") DONE,
     PLAIN("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"a \\\"b\\\"\\n\"}}]", "tool_calls"), ""},
    {"a custom tool's input in no form at all is told whole",
     {BEGIN, CALLS("call_1", "patch"), ARGS("*** Begin"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"\"}}]")
          CHUNK("\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"*** Begin\"}}]") FINISH("tool_calls") DONE,
     PLAIN("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"*** Begin\"}}]", "tool_calls"), ""},
    {"free text passes as it comes",
     {BEGIN, {.kind = ANSWER_PART_BEGIN, .part = PART_TOOL_CALL, .is_custom = true, .id = STR_INIT("call_1"), .name = STR_INIT("patch")}, ARGS("a"), ARGS("b"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"\"}}]")
          CHUNK("\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"a\"}}]") CHUNK("\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"b\"}}]") FINISH("tool_calls") DONE,
     PLAIN("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"ab\"}}]", "tool_calls"), ""},
    {"free text for a function is wrapped",
     {BEGIN, {.kind = ANSWER_PART_BEGIN, .part = PART_TOOL_CALL, .is_custom = true, .id = STR_INIT("call_1"), .name = STR_INIT("my_tool")}, ARGS("a"), CLOSES(PART_TOOL_CALL), STOPS(STOP_TOOLS), END},
     ROLE FIRST("0", "call_1", "my.tool") MORE("0", "{\\\"input\\\":\\\"a\\\"}") FINISH("tool_calls") DONE,
     PLAIN("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"my.tool\",\"arguments\":\"{\\\"input\\\":\\\"a\\\"}\"}}]", "tool_calls"), ""},
    {"a refusal", {BEGIN, OPENS(PART_REFUSAL), SAYS(PART_REFUSAL, "no"), CLOSES(PART_REFUSAL), STOPS(STOP_REFUSAL), END},
     ROLE CHUNK("\"refusal\":\"no\"") FINISH("content_filter") DONE,
     PLAIN("\"content\":null,\"refusal\":\"no\"", "content_filter"), ""},
    {"a whole block's source ends where the block ends, counted in characters",
     {BEGIN, OPENS(PART_TEXT), SAYS(PART_TEXT, "Grüß "), CLOSES(PART_TEXT), OPENS(PART_TEXT),
      {.kind = ANSWER_ANNOTATION, .part = PART_TEXT, .url = STR_INIT("https://x"), .title = STR_INIT("X"), .text = STR_INIT("cited"), .raw = STR_INIT("{\"type\":\"web_search_result_location\"}")},
      SAYS(PART_TEXT, "Rain"), CLOSES(PART_TEXT), STOPS(STOP_END), END},
     ROLE CHUNK("\"content\":\"Grüß \"") CHUNK("\"content\":\"Rain\"")
     CHUNK("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"X\",\"start_index\":5,\"end_index\":9}}]") FINISH("stop") DONE,
     PLAIN("\"content\":\"Grüß Rain\",\"refusal\":null,\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"X\",\"start_index\":5,\"end_index\":9}}]", "stop"), ""},
    {"a source with a place keeps it, behind the text before",
     {BEGIN, OPENS(PART_TEXT), SAYS(PART_TEXT, "ab"), CLOSES(PART_TEXT), OPENS(PART_TEXT), SAYS(PART_TEXT, "cdef"),
      {.kind = ANSWER_ANNOTATION, .part = PART_TEXT, .url = STR_INIT("https://x"), .raw = STR_INIT("{\"type\":\"url_citation\",\"start_index\":1,\"end_index\":3}")},
      CLOSES(PART_TEXT), STOPS(STOP_END), END},
     ROLE CHUNK("\"content\":\"ab\"") CHUNK("\"content\":\"cdef\"")
     CHUNK("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"https://x\",\"start_index\":3,\"end_index\":5}}]") FINISH("stop") DONE,
     PLAIN("\"content\":\"abcdef\",\"refusal\":null,\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"https://x\",\"start_index\":3,\"end_index\":5}}]", "stop"), ""},
    {"what the dialect cannot say is noted",
     {BEGIN, OPENS(PART_THINKING), SAYS(PART_THINKING, "hm"), {.kind = ANSWER_PART_END, .part = PART_THINKING, .seal = STR_INIT("s"), .sealed_by = ENDPOINT_MESSAGES},
      OPENS(PART_SEALED), {.kind = ANSWER_PART_END, .part = PART_SEALED, .seal = STR_INIT("s"), .sealed_by = ENDPOINT_MESSAGES},
      OPENS(PART_TEXT), {.kind = ANSWER_ANNOTATION, .part = PART_TEXT, .text = STR_INIT("cited")}, CLOSES(PART_TEXT),
      {.kind = ANSWER_STOP, .stop = STOP_SEQUENCE, .text = STR_INIT("###")}, END},
     ROLE CHUNK("\"reasoning_content\":\"hm\"") FINISH("stop") DONE,
     PLAIN("\"reasoning_content\":\"hm\",\"content\":null,\"refusal\":null", "stop"),
     "dropped:answer.citations,dropped:answer.thinking.signature,dropped:answer.stop_sequence"},
    {"probabilities of tokens stand beside them, and all together in a whole answer",
     {BEGIN, OPENS(PART_TEXT), PROBABLE("a", "{\"logprob\":-0.10}"), SAYS(PART_TEXT, "b"), PROBABLE("", "1,\n2"), CLOSES(PART_TEXT), STOPS(STOP_END), END},
     ROLE PROBABLE_CHUNK("a", "{\"logprob\":-0.10}") CHUNK("\"content\":\"b\"") PROBABLE_CHUNK("", "1, 2") FINISH("stop") DONE,
     "{\"id\":\"chatcmpl-k1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ab\",\"refusal\":null},"
     "\"logprobs\":{\"content\":[{\"logprob\":-0.10},1, 2],\"refusal\":null},\"finish_reason\":\"stop\"}],\"usage\":" USAGE "}", ""},
    {"cut at its limit", {BEGIN, STOPS(STOP_LENGTH), END}, ROLE FINISH("length") DONE, PLAIN("\"content\":null,\"refusal\":null", "length"), ""},
    {"a pause is an end here", {BEGIN, STOPS(STOP_PAUSE), END}, ROLE FINISH("stop") DONE, PLAIN("\"content\":null,\"refusal\":null", "stop"), "changed:answer.stop_reason"},
    {"an end that nobody gave a reason for", {BEGIN, STOPS(STOP_UNKNOWN), END}, ROLE FINISH("stop") DONE, PLAIN("\"content\":null,\"refusal\":null", "stop"), ""},
};
// clang-format on

static void play(const struct story *story,
                 void (*write)(struct answer_writer *, const struct answer_event *))
{
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        write(&caller.writer, &story->events[i]);
        if (story->events[i].kind == ANSWER_END)
            return;
    }
}

static void callers_hear_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        start(false);
        play(&stories[i], chat_stream_write);
        CHECK(stories[i].name, !caller.writer.failed && !caller.out.failed);
        CHECK_STR(stories[i].name, caller.out.data, stories[i].stream);
        CHECK_STR(stories[i].name, notes_of(), stories[i].notes);
        stop();
    }
}

static void callers_hear_whole_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        start(true);
        play(&stories[i], chat_answer_write);
        CHECK(stories[i].name, !caller.writer.failed && !caller.out.failed);
        CHECK_STR(stories[i].name, caller.out.data, stories[i].plain);
        CHECK_STR(stories[i].name, notes_of(), stories[i].notes);
        stop();
    }
}

static void usage_comes_in_a_chunk_of_its_own_when_asked_for(void **state)
{
    (void)state;
    static const struct story story = {.events = {BEGIN, OPENS(PART_TEXT), SAYS(PART_TEXT, "a"),
                                                  CLOSES(PART_TEXT), STOPS(STOP_END), END}};
    start(true);
    play(&story, chat_stream_write);
    CHECK_STR("chunks", caller.out.data,
              HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                   "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n" HEAD
                   "{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":null,"
                   "\"finish_reason\":null}],\"usage\":null}\n\n" HEAD
                   "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                   "\"usage\":null}\n\n" HEAD "],\"usage\":" USAGE "}\n\n" DONE);
    stop();
}

static void usage_that_nobody_knows_is_zero(void **state)
{
    (void)state;
    static const struct usage unknown = {-1, -1, -1, -1, -1, false};
    start(true);
    chat_answer_write(&caller.writer, &(struct answer_event){.kind = ANSWER_BEGIN});
    chat_answer_write(&caller.writer,
                      &(struct answer_event){.kind = ANSWER_END, .usage = &unknown});
    CHECK("zeros", strstr(caller.out.data, "\"prompt_tokens\":0,\"completion_tokens\":0,"
                                           "\"total_tokens\":0") != NULL);
    stop();
}

static void an_answer_without_end_is_refused(void **state)
{
    (void)state;
    static char piece[1u << 20];
    memset(piece, 'a', sizeof piece);
    struct answer_event more = {
        .kind = ANSWER_PART_DELTA, .part = PART_TEXT, .text = {piece, sizeof piece}};
    start(false);
    chat_answer_write(&caller.writer, &(struct answer_event){.kind = ANSWER_BEGIN});
    for (size_t i = 0; i < ANSWER_KEPT_MAX / sizeof piece; i++)
        chat_answer_write(&caller.writer, &more);
    CHECK("refused", caller.writer.failed);
    stop();
}

/* ---- there and back ---------------------------------------------------------------------------------- */

/* Ids begin with call_ here: those that do not are given it, which is no identity. */
static const char *const fixtures[] = {
    "openai/chat_text.sse",
    "openai/chat_tool_calls.sse",
    "openai/chat_reasoning_crlf.sse",
    "openai/chat_refusal.sse",
    "openai/chat_pretty.sse",
    "openai/chat_parallel_tools.sse",
    "openai/chat_citations.sse",
    "openai/chat_interleaved_tools.sse",
    "vllm/chat_tools_new_ids.sse",
    "openai/chat_function_call.sse",
    "llama/chat_text.sse",
    "llama/chat_reasoning.sse",
    "ollama/chat_tools_no_index.sse",
};

static void hear_and_write(void *arg, const struct answer_event *event)
{
    void (*write)(struct answer_writer *, const struct answer_event *) = chat_stream_write;
    listener_hear(&listener, event);
    write(arg, event);
}

/* What comes behind the id, which is ours the second time; of a source, what is in brackets is spelled anew. */
static const char *behind_id(const char *told)
{
    const char *rest = strchr(told + strlen("begin "), ' ');
    return rest ? rest : "";
}

static void what_was_heard_is_what_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct fixture file = fixture_read(fixtures[i]);
        start(false);
        listener_start(&listener);
        listener.reader.on_event = listener.reader.parts.on_event = hear_and_write;
        listener.reader.arg = listener.reader.parts.arg = &caller.writer;
        listener_stream(&listener, (struct str){file.bytes, file.len});
        hear_and_write(&caller.writer, &(struct answer_event){.kind = ANSWER_END});
        char *first = strdup(behind_id(listener.told.data));
        listener_stop(&listener);

        listener_start(&listener);
        listener_stream(&listener, buf_str(&caller.out));
        listener_hear(&listener, &(struct answer_event){.kind = ANSWER_END});
        const char *second = behind_id(listener.told.data);
        char *mark = strchr(first, '[');
        if (mark)
            CHECK(fixtures[i], strncmp(first, second, (size_t)(mark - first)) == 0);
        else
            CHECK_STR(fixtures[i], second, first);
        free(first);
        listener_stop(&listener);
        stop();
        free(file.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(callers_hear_chunks),
        TEST(callers_hear_whole_answers),
        TEST(usage_comes_in_a_chunk_of_its_own_when_asked_for),
        TEST(usage_that_nobody_knows_is_zero),
        TEST(an_answer_without_end_is_refused),
        TEST(what_was_heard_is_what_is_said),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_reader_free(listener.json);
    json_reader_free(caller.scratch);
    return failed;
}
