/* tests/unit/wire/test_responses_answer_write.c: what a caller of the responses dialect hears. */
#include "tests/fixtures/fixture.h"
#include "tests/unit/wire/responses_listener.h"
#include "wire/responses_parts.h"

#include "tests/test.h"

#define LIMIT_BYTES (64u << 20)

/* ---- the bench ------------------------------------------------------------------------------- */

static bool mirror_seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    buf_append_str(out, plain);
    return true;
}

static const struct sealer mirror = {NULL, mirror_seal, NULL};

struct bench {
    struct json_reader *json, *scratch;
    struct arena arena;
    struct tool_names names;
    struct fidelity fidelity;
    struct responses_writing writing;
    struct answer_writer writer;
    struct responses_listener listener;
    struct buf out, notes;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->json), OK);
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->scratch), OK);
    arena_init(&bench->arena, 1u << 20);
    tool_names_init(&bench->names, &bench->arena, 64);
    (void)tool_name_out(&bench->names, STR("mcp__ev"), STR("echo"), false);
    (void)tool_name_out(&bench->names, STR(""), STR("apply_patch"), true);
    buf_init(&bench->out, LIMIT_BYTES);
    buf_init(&bench->notes, 4096);
    listener_init(&bench->listener, bench->json);
    bench->writer = (struct answer_writer){.out = &bench->out,
                                           .key = "k",
                                           .model = STR("m"),
                                           .created_s = 1764500000,
                                           .names = &bench->names,
                                           .sealer = &mirror,
                                           .scratch = bench->scratch,
                                           .fidelity = &bench->fidelity,
                                           .own = &bench->writing};
    buf_init(&bench->writer.kept, ANSWER_KEPT_MAX);
}

static void bench_free(struct bench *bench)
{
    responses_writer_release(&bench->writer);
    listener_release(&bench->listener);
    json_reader_free(bench->json);
    json_reader_free(bench->scratch);
    arena_release(&bench->arena);
    buf_release(&bench->writer.kept);
    buf_release(&bench->out);
    buf_release(&bench->notes);
}

static const struct usage usage = {.input_tokens = 100,
                                   .output_tokens = 20,
                                   .cached_tokens = 60,
                                   .cache_write_tokens = TOKENS_UNKNOWN,
                                   .reasoning_tokens = TOKENS_UNKNOWN};

/* ---- the exact bytes ------------------------------------------------------------------------- */

#define BEGIN                                            \
    {                                                    \
        .kind = ANSWER_BEGIN, .id = STR_INIT("whatever") \
    }
#define OPEN(what)                                     \
    {                                                  \
        .kind = ANSWER_PART_BEGIN, .part = PART_##what \
    }
#define CALL(call, named)                                                        \
    {                                                                            \
        .kind = ANSWER_PART_BEGIN, .part = PART_TOOL_CALL, .id = STR_INIT(call), \
        .name = STR_INIT(named)                                                  \
    }
#define MORE(what, said)                                                       \
    {                                                                          \
        .kind = ANSWER_PART_DELTA, .part = PART_##what, .text = STR_INIT(said) \
    }
#define CLOSE(what)                                  \
    {                                                \
        .kind = ANSWER_PART_END, .part = PART_##what \
    }
#define STOPS(why)                              \
    {                                           \
        .kind = ANSWER_STOP, .stop = STOP_##why \
    }
#define END                                 \
    {                                       \
        .kind = ANSWER_END, .usage = &usage \
    }

#define PROBABLE(said, list)                                                  \
    {                                                                         \
        .kind = ANSWER_PART_DELTA, .part = PART_TEXT, .text = STR_INIT(said), \
        .logprobs = STR_INIT(list)                                            \
    }

#define RESPONSE(status, details, output, usage)                                                   \
    "{\"id\":\"resp_k\",\"object\":\"response\",\"created_at\":1764500000,\"status\":\"" status    \
    "\",\"background\":false,\"error\":null,\"incomplete_details\":" details                       \
    ",\"instructions\":null,\"max_output_tokens\":null,\"model\":\"m\",\"output\":[" output        \
    "],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"reasoning\":{\"effort\":null," \
    "\"summary\":null},\"store\":false,\"temperature\":null,\"text\":{\"format\":{\"type\":"       \
    "\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":null,\"truncation\":\"disabled\"," \
    "\"usage\":" usage ",\"user\":null,\"metadata\":{}}"
#define USAGE                                                                                                           \
    "{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":0},\"output_tokens\":" \
    "20,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":120}"
#define EVENT(type, number, rest) \
    "event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":" number rest "}\n\n"
#define ITEM                                                                                    \
    "{\"id\":\"msg_k_0\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\"," \
    "\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"Hi\"}]}"
#define PLACE ",\"item_id\":\"msg_k_0\",\"output_index\":0,\"content_index\":0"

static void a_text_is_told_in_full(void **state)
{
    (void)state;
    static const struct answer_event events[] = {
        BEGIN, OPEN(TEXT), MORE(TEXT, "H"), MORE(TEXT, "i"), CLOSE(TEXT), STOPS(END), END};
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < COUNT(events); i++)
        responses_stream_write(&bench.writer, &events[i]);
    CHECK_STR(
        "stream", bench.out.data,
        EVENT("response.created", "0",
              ",\"response\":" RESPONSE("in_progress", "null", "",
                                        "null")) EVENT("response.in_progress", "1",
                                                       ",\"response\":" RESPONSE(
                                                           "in_progress", "null", "", "null"))
            EVENT(
                "response.output_item.added", "2",
                ",\"output_index\":0,\"item\":{\"id\":\"msg_k_0\",\"type\":\"message\",\"status\":"
                "\"in_progress\",\"role\":\"assistant\",\"content\":[]}")
                EVENT("response.content_part.added", "3",
                      PLACE
                      ",\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
                      "\"text\":\"\"}") EVENT("response.output_text.delta", "4",
                                              PLACE ",\"delta\":\"H\",\"logprobs\":[]")
                    EVENT(
                        "response.output_text.delta", "5",
                        PLACE
                        ",\"delta\":\"i\",\"logprobs\":[]") EVENT("response.output_text.done", "6",
                                                                  PLACE
                                                                  ",\"text\":\"Hi\",\"logprobs\":[]")
                        EVENT(
                            "response.content_part.done", "7",
                            PLACE
                            ",\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
                            "\"text\":\"Hi\"}") EVENT("response.output_item.done", "8",
                                                      ",\"output_index\":0,\"item\":" ITEM)
                            EVENT("response.completed", "9",
                                  ",\"response\":" RESPONSE("completed", "null", ITEM, USAGE)));
    CHECK_INT("next number", bench.writer.sequence, 10);
    bench_free(&bench);
}

static void probabilities_stand_in_each_event(void **state)
{
    (void)state;
    static const struct answer_event events[] = {BEGIN,
                                                 OPEN(TEXT),
                                                 PROBABLE("H", "{\"logprob\":-0.10}"),
                                                 PROBABLE("i", "1,\r\n2"),
                                                 CLOSE(TEXT),
                                                 STOPS(END),
                                                 END};
    static const char *const wanted[] = {
        ",\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}",
        PLACE ",\"delta\":\"H\",\"logprobs\":[{\"logprob\":-0.10}]}\n\n",
        PLACE ",\"delta\":\"i\",\"logprobs\":[1,  2]}\n\n",
        PLACE ",\"text\":\"Hi\",\"logprobs\":[{\"logprob\":-0.10},1,  2]}\n\n",
    };
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < COUNT(events); i++)
        responses_stream_write(&bench.writer, &events[i]);
    for (size_t i = 0; i < COUNT(wanted); i++)
        CHECK(wanted[i], strstr(bench.out.data, wanted[i]) != NULL);
    bench_free(&bench);
}

/* Past the bound the deltas go on, and what repeats them says none instead of some. */
static void very_many_probabilities_are_told_once(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    struct answer_event token = MORE(TEXT, "x");
    static const struct answer_event begins[] = {BEGIN, OPEN(TEXT)};
    static const struct answer_event ends[] = {CLOSE(TEXT), STOPS(END), END};
    struct bench bench;
    memset(bytes, '1', sizeof bytes);
    token.logprobs = (struct str){bytes, sizeof bytes};
    bench_init(&bench);
    for (size_t i = 0; i < COUNT(begins); i++)
        responses_stream_write(&bench.writer, &begins[i]);
    for (size_t i = 0; i <= LOGPROBS_KEPT_MAX / sizeof bytes; i++) {
        buf_clear(&bench.out);
        responses_stream_write(&bench.writer, &token);
    }
    CHECK("the delta has its own", bench.out.len > sizeof bytes);
    buf_clear(&bench.out);
    for (size_t i = 0; i < COUNT(ends); i++)
        responses_stream_write(&bench.writer, &ends[i]);
    CHECK("the answer goes on", !bench.writer.failed);
    CHECK("none are repeated", bench.out.len < sizeof bytes);
    CHECK_STR("noted", fidelity_loss(bench.writer.fidelity), "answer.logprobs");
    bench_free(&bench);
}

static void a_plain_answer_is_the_same_object(void **state)
{
    (void)state;
    static const struct answer_event events[] = {BEGIN,       OPEN(TEXT), MORE(TEXT, "Hi"),
                                                 CLOSE(TEXT), STOPS(END), END};
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < COUNT(events); i++)
        responses_answer_write(&bench.writer, &events[i]);
    CHECK_STR("plain", bench.out.data, RESPONSE("completed", "null", ITEM, USAGE));
    bench_free(&bench);
}

/* ---- stories: the items, and how it ended ------------------------------------------------------ */

#define MESSAGE(number, status, content)                                                    \
    "{\"id\":\"msg_k_" number "\",\"type\":\"message\",\"status\":\"" status "\",\"role\":" \
    "\"assistant\",\"content\":[" content "]}"
#define TEXT(said) \
    "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"" said "\"}"

static const struct story {
    const char *name;
    struct answer_event events[16];
    const char *output, *status, *notes;
} stories[] = {
    {"nothing said", {BEGIN, STOPS(END), END}, "", "completed", ""},
    {"texts that follow one another are one message",
     {BEGIN, OPEN(TEXT), MORE(TEXT, "a"), CLOSE(TEXT), OPEN(TEXT), MORE(TEXT, "b"), CLOSE(TEXT),
      OPEN(REFUSAL), MORE(REFUSAL, "no"), CLOSE(REFUSAL), STOPS(END), END},
     MESSAGE("0", "completed",
             TEXT("a") "," TEXT("b") ",{\"type\":\"refusal\",\"refusal\":\"no\"}"),
     "completed",
     ""},
    {"probabilities of tokens are repeated with their text, each with its own",
     {BEGIN, OPEN(TEXT), PROBABLE("a", "{\"logprob\":-0.10}"), MORE(TEXT, "b"), PROBABLE("", "1"),
      CLOSE(TEXT), OPEN(TEXT), PROBABLE("c", "2"), CLOSE(TEXT), STOPS(END), END},
     MESSAGE("0", "completed",
             "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[{\"logprob\":-0.10},1],"
             "\"text\":\"ab\"},{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[2],"
             "\"text\":\"c\"}"),
     "completed",
     ""},
    {"a text that was cut is incomplete",
     {BEGIN, OPEN(TEXT), MORE(TEXT, "a"), CLOSE(TEXT), STOPS(LENGTH), END},
     MESSAGE("0", "incomplete", TEXT("a")),
     "incomplete",
     ""},
    {"a refused answer",
     {BEGIN, OPEN(TEXT), MORE(TEXT, "a"), CLOSE(TEXT), STOPS(REFUSAL), END},
     MESSAGE("0", "incomplete", TEXT("a")),
     "incomplete",
     ""},
    {"calls: the caller's own names, ids with the caller's prefix",
     {BEGIN, OPEN(TEXT), MORE(TEXT, "a"), CLOSE(TEXT), CALL("toolu_1", "mcp__ev__echo"),
      MORE(TOOL_CALL, "{\"x\""), MORE(TOOL_CALL, ": 1.0}"), CLOSE(TOOL_CALL), CALL("", "Bash"),
      CLOSE(TOOL_CALL), STOPS(TOOLS), END},
     MESSAGE(
         "0", "completed",
         TEXT(
             "a")) ",{\"id\":\"fc_k_1\",\"type\":\"function_call\",\"status\":"
                   "\"completed\",\"arguments\":\"{\\\"x\\\": 1.0}\",\"name\":\"echo\",\"namespace\":\"mcp__ev\","
                   "\"call_id\":\"call_toolu_1\"},{\"id\":\"fc_k_2\",\"type\":\"function_call\",\"status\":"
                   "\"completed\",\"arguments\":\"{}\",\"name\":\"Bash\",\"call_id\":\"call_k_2\"}",
     "completed",
     ""},
    {"a custom tool's input is taken out of its JSON",
     {BEGIN, CALL("call_1", "apply_patch"), MORE(TOOL_CALL, "{\"input\":\"*** Be"),
      MORE(TOOL_CALL, "gin\\n\\u00e4\"}"), CLOSE(TOOL_CALL), STOPS(TOOLS), END},
     "{\"id\":\"ctc_k_0\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"input\":\"*** "
     "Begin\\n\303\244\",\"name\":\"apply_patch\",\"call_id\":\"call_1\"}",
     "completed",
     ""},
    {"or is what the model wrote instead",
     {BEGIN, CALL("call_1", "apply_patch"), MORE(TOOL_CALL, "*** Begin"), CLOSE(TOOL_CALL),
      CALL("call_2", "apply_patch"), MORE(TOOL_CALL, "{\"input\":7}"), CLOSE(TOOL_CALL),
      CALL("call_3", "apply_patch"), CLOSE(TOOL_CALL), STOPS(TOOLS), END},
     "{\"id\":\"ctc_k_0\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"input\":\"*** "
     "Begin\",\"name\":\"apply_patch\",\"call_id\":\"call_1\"},{\"id\":\"ctc_k_1\",\"type\":"
     "\"custom_tool_call\",\"status\":\"completed\",\"input\":\"{\\\"input\\\":7}\",\"name\":"
     "\"apply_patch\",\"call_id\":\"call_2\"},{\"id\":\"ctc_k_2\",\"type\":\"custom_tool_call\","
     "\"status\":\"completed\",\"input\":\"\",\"name\":\"apply_patch\",\"call_id\":\"call_3\"}",
     "completed",
     ""},
    {"a custom call that is told as one stays as it is",
     {BEGIN,
      {.kind = ANSWER_PART_BEGIN,
       .part = PART_TOOL_CALL,
       .id = STR_INIT("call_1"),
       .name = STR_INIT("grep"),
       .is_custom = true},
      MORE(TOOL_CALL, "{\"input\""),
      MORE(TOOL_CALL, ":\"a\"}"),
      CLOSE(TOOL_CALL),
      STOPS(TOOLS),
      END},
     "{\"id\":\"ctc_k_0\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"input\":\"{"
     "\\\"input\\\":\\\"a\\\"}\",\"name\":\"grep\",\"call_id\":\"call_1\"}",
     "completed",
     ""},
    {"reasoning of OpenAI keeps its id and its seal",
     {BEGIN,
      {.kind = ANSWER_PART_BEGIN, .part = PART_THINKING, .id = STR_INIT("rs_1")},
      MORE(THINKING, "hm"),
      MORE(THINKING, "\n\nso"),
      {.kind = ANSWER_PART_END,
       .part = PART_THINKING,
       .seal = STR_INIT("gAAA"),
       .sealed_by = ENDPOINT_RESPONSES},
      {.kind = ANSWER_PART_BEGIN, .part = PART_SEALED, .id = STR_INIT("rs_2")},
      {.kind = ANSWER_PART_END,
       .part = PART_SEALED,
       .seal = STR_INIT("gBBB"),
       .sealed_by = ENDPOINT_RESPONSES},
      STOPS(END),
      END},
     "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":"
     "\"hm\\n\\nso\"}],\"encrypted_content\":\"gAAA\"},{\"id\":\"rs_2\",\"type\":\"reasoning\","
     "\"summary\":[],\"encrypted_content\":\"gBBB\"}",
     "completed",
     ""},
    {"thinking of another maker travels in our envelope, with or without its text",
     {BEGIN,
      OPEN(THINKING),
      MORE(THINKING, "hm"),
      {.kind = ANSWER_PART_END,
       .part = PART_THINKING,
       .seal = STR_INIT("sig"),
       .sealed_by = ENDPOINT_MESSAGES},
      OPEN(THINKING),
      {.kind = ANSWER_PART_END,
       .part = PART_THINKING,
       .seal = STR_INIT("sig2"),
       .sealed_by = ENDPOINT_MESSAGES},
      OPEN(SEALED),
      {.kind = ANSWER_PART_END,
       .part = PART_SEALED,
       .seal = STR_INIT("blob"),
       .sealed_by = ENDPOINT_MESSAGES},
      OPEN(THINKING),
      MORE(THINKING, "bare"),
      CLOSE(THINKING),
      OPEN(TEXT),
      MORE(TEXT, "a"),
      CLOSE(TEXT),
      STOPS(END),
      END},
     "{\"id\":\"rs_k_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":"
     "\"hm\"}],\"encrypted_content\":\"auxot1.m00:2:hm3:sig\"},{\"id\":\"rs_k_1\",\"type\":"
     "\"reasoning\",\"summary\":[],\"encrypted_content\":\"auxot1.m00:0:4:sig2\"},{\"id\":"
     "\"rs_k_2\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
     "\"auxot1.m10:0:4:blob\"},{\"id\":\"rs_k_3\",\"type\":\"reasoning\",\"summary\":[{\"type\":"
     "\"summary_text\",\"text\":\"bare\"}],\"encrypted_content\":\"auxot1.c00:4:bare0:\"}," MESSAGE(
         "4", "completed", TEXT("a")),
     "completed",
     ""},
    {"sources: a range as told, or the text so far; none without an address",
     {BEGIN,
      OPEN(TEXT),
      MORE(TEXT, "\303\266l"),
      {.kind = ANSWER_ANNOTATION,
       .part = PART_TEXT,
       .url = STR_INIT("u"),
       .title = STR_INIT("t"),
       .raw = STR_INIT("{\"start_index\":1,\"end_index\":2}")},
      {.kind = ANSWER_ANNOTATION,
       .part = PART_TEXT,
       .url = STR_INIT("v"),
       .raw = STR_INIT("{\"url_citation\":{\"start_index\":0,\"end_index\":1}}")},
      {.kind = ANSWER_ANNOTATION,
       .part = PART_TEXT,
       .url = STR_INIT("w"),
       .raw = STR_INIT("{\"cited_text\":\"x\"}")},
      {.kind = ANSWER_ANNOTATION, .part = PART_TEXT, .title = STR_INIT("a book")},
      CLOSE(TEXT),
      STOPS(END),
      END},
     MESSAGE(
         "0", "completed",
         "{\"type\":\"output_text\",\"annotations\":[{\"type\":\"url_citation\",\"url\":\"u\","
         "\"title\":\"t\",\"start_index\":1,\"end_index\":2},{\"type\":\"url_citation\",\"url\":"
         "\"v\",\"title\":\"\",\"start_index\":0,\"end_index\":1},{\"type\":\"url_citation\","
         "\"url\":\"w\",\"title\":\"\",\"start_index\":0,\"end_index\":2}],\"logprobs\":[],"
         "\"text\":\"\303\266l\"}"),
     "completed",
     "dropped:answer.citations"},
};

static size_t count_events(const struct story *story)
{
    size_t count = 0;
    while (story->events[count].kind != ANSWER_END)
        count++;
    return count + 1;
}

static void items_are_what_the_caller_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct bench bench;
        bench_init(&bench);
        for (size_t e = 0; e < count_events(story); e++)
            responses_stream_write(&bench.writer, &story->events[e]);
        listener_hear(&bench.listener, buf_str(&bench.out));
        buf_append_lit(&bench.listener.output, "");
        CHECK_STR(story->name, bench.listener.wrong, NULL);
        CHECK_STR(story->name, bench.listener.output.data, story->output);
        CHECK_STR(story->name, bench.listener.status, story->status);
        CHECK_INT(story->name, bench.listener.total_tokens, 120);
        CHECK_INT(story->name, bench.writer.sequence, bench.listener.sequence);
        fidelity_write(&bench.fidelity, &bench.notes);
        buf_append_lit(&bench.notes, "");
        CHECK_STR(story->name, bench.notes.data, story->notes);
        bench_free(&bench);
    }
}

static void plain_answers_have_the_same_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct bench bench;
        struct json root;
        bench_init(&bench);
        for (size_t e = 0; e < count_events(story); e++)
            responses_answer_write(&bench.writer, &story->events[e]);
        CHECK(story->name, json_parse(bench.json, buf_str(&bench.out), &root, NULL) == OK);
        struct str output = json_raw(bench.json, json_get(root, "output"), buf_str(&bench.out));
        CHECK(story->name,
              str_eq(str_upto(str_from(output, 1), output.len - 2), str_of(story->output)));
        CHECK(story->name, listener_is(root, "status", story->status));
        bench_free(&bench);
    }
}

static void thinking_without_a_vault_goes_unsealed(void **state)
{
    (void)state;
    static const struct answer_event events[] = {
        BEGIN,
        OPEN(THINKING),
        MORE(THINKING, "hm"),
        {.kind = ANSWER_PART_END,
         .part = PART_THINKING,
         .seal = STR_INIT("sig"),
         .sealed_by = ENDPOINT_MESSAGES},
        OPEN(SEALED),
        {.kind = ANSWER_PART_END,
         .part = PART_SEALED,
         .seal = STR_INIT("blob"),
         .sealed_by = ENDPOINT_MESSAGES},
        STOPS(END),
        END,
    };
    struct bench bench;
    bench_init(&bench);
    bench.writer.sealer = NULL;
    for (size_t i = 0; i < COUNT(events); i++)
        responses_stream_write(&bench.writer, &events[i]);
    listener_hear(&bench.listener, buf_str(&bench.out));
    CHECK_STR("told rightly", bench.listener.wrong, NULL);
    CHECK_STR("readable", bench.listener.output.data,
              "{\"id\":\"rs_k_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
              "\"text\":\"hm\"}]}");
    fidelity_write(&bench.fidelity, &bench.notes);
    CHECK_STR("noted", bench.notes.data, "dropped:answer.thinking.signature");
    bench_free(&bench);
}

static void an_answer_past_its_bound_fails(void **state)
{
    (void)state;
    static char much[1u << 20];
    static const struct answer_event begin = BEGIN, open = OPEN(TEXT), stop = STOPS(END);
    struct answer_event more = {.kind = ANSWER_PART_DELTA, .part = PART_TEXT};
    struct bench bench;
    memset(much, 'a', sizeof much);
    more.text = (struct str){much, sizeof much};
    bench_init(&bench);
    responses_stream_write(&bench.writer, &begin);
    responses_stream_write(&bench.writer, &open);
    for (size_t told = 0; told <= ANSWER_KEPT_MAX; told += sizeof much) {
        CHECK("not before", !bench.writer.failed);
        buf_clear(&bench.out);
        responses_stream_write(&bench.writer, &more);
    }
    CHECK("failed", bench.writer.failed);
    buf_clear(&bench.out);
    responses_stream_write(&bench.writer, &stop);
    CHECK("says no more", bench.out.len == 0);
    bench_free(&bench);
}

/* ---- from every provider's dialect --------------------------------------------------------------- */

static const struct crossing {
    enum endpoint from;
    const char *path, *output;
    const char *status;
    int64_t total_tokens;
} crossings[] = {
    {ENDPOINT_MESSAGES, "anthropic/messages_thinking.sse",
     "{\"id\":\"rs_k_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":"
     "\"Let me solve\"}],\"encrypted_content\":\"auxot1.m00:12:Let me "
     "solve56:EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds...\"},{\"id\":\"rs_k_1\",\"type\":"
     "\"reasoning\",\"summary\":[],\"encrypted_content\":"
     "\"auxot1.m10:0:19:EmwKAhgBEgy3va3pzix\"}," MESSAGE("2", "completed", TEXT("42")),
     "completed", 40},
    {ENDPOINT_RESPONSES, "openai/responses_codex.sse",
     "{\"id\":\"rs_0b1f\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
     "\"gAAAAABpX2VuY3J5cHRlZA==\"}," MESSAGE(
         "1", "completed",
         TEXT(
             "I'll patch it.")) ",{\"id\":"
                                "\"fc_k_2\",\"type\":\"function_call\",\"status\":\"completed\",\"arguments\":\"{\\\"text\\\": "
                                "\\\"hi\\\\n\\\"}\",\"name\":\"echo\",\"namespace\":\"mcp__ev\",\"call_id\":\"call_7Hq\"},{\"id\":"
                                "\"ctc_k_3\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"input\":\"*** Begin "
                                "Patch\\n*** End Patch\\n\",\"name\":\"apply_patch\",\"call_id\":\"call_9Rt\"}",
     "completed", 41306},
    {ENDPOINT_CHAT, "openai/chat_text.sse",
     MESSAGE("0", "completed", TEXT("Gr\303\274\303\237 Gott! \360\237\221\213\\n\\n")),
     "completed", 29},
};

/* As the gateway does it: cut, metered, parsed, translated. */
static void cross(struct bench *bench, const struct crossing *crossing, struct str stream)
{
    struct answer_translation *translation = NULL;
    struct answer_options options = {.from = crossing->from,
                                     .to = ENDPOINT_RESPONSES,
                                     .is_stream = true,
                                     .key = "k",
                                     .model = STR("m"),
                                     .names = &bench->names,
                                     .sealer = &mirror,
                                     .fidelity = &bench->fidelity};
    struct meter meter;
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, LIMIT_BYTES);
    meter_init(&meter, crossing->from);
    assert_int_equal(answer_translation_new(&options, &translation), OK);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0;) {
        struct sse_event event;
        enum stream_class class;
        struct json root = {0};
        sse_event_read(str_upto(stream, len), &joined, &event);
        assert_int_equal(meter_event(&meter, bench->json, &event, &class, &root), OK);
        assert_int_equal(answer_translate_event(translation, &event, bench->json, root,
                                                bench->scratch, &meter.usage, &bench->out),
                         OK);
        stream = str_from(stream, len);
    }
    assert_int_equal(answer_translate_end(translation, bench->scratch, &meter.usage, &bench->out),
                     OK);
    answer_translation_free(translation);
}

static void every_providers_stream_is_heard(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(crossings); i++) {
        const struct crossing *crossing = &crossings[i];
        struct fixture fixture = fixture_read(crossing->path);
        struct bench bench;
        bench_init(&bench);
        cross(&bench, crossing, (struct str){fixture.bytes, fixture.len});
        listener_hear(&bench.listener, buf_str(&bench.out));
        CHECK_STR(crossing->path, bench.listener.wrong, NULL);
        CHECK_STR(crossing->path, bench.listener.output.data, crossing->output);
        CHECK_STR(crossing->path, bench.listener.status, crossing->status);
        CHECK_INT(crossing->path, bench.listener.total_tokens, crossing->total_tokens);
        bench_free(&bench);
        free(fixture.bytes);
    }
}

TEST_MAIN(TEST(a_text_is_told_in_full), TEST(probabilities_stand_in_each_event),
          TEST(very_many_probabilities_are_told_once), TEST(a_plain_answer_is_the_same_object),
          TEST(items_are_what_the_caller_knows), TEST(plain_answers_have_the_same_items),
          TEST(thinking_without_a_vault_goes_unsealed), TEST(an_answer_past_its_bound_fails),
          TEST(every_providers_stream_is_heard))
