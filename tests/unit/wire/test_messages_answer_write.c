/* tests/unit/wire/test_messages_answer_write.c: rows of events, told by the bytes that a caller of messages gets.
 *
 * A stream is told without its `event:` lines, which are checked against the data each time, and from the first block to the last.
 */
#include "tests/unit/wire/messages_play.h"

#define EVENTS_MAX 12

struct saying {
    struct answer_writer writer;
    struct messages_writing own;
    struct fidelity fidelity;
    struct json_reader *scratch;
    struct buf out;
};

static void saying_start(struct saying *saying, const struct tool_names *names,
                         const struct sealer *sealer)
{
    *saying = (struct saying){0};
    CHECK("a reader", json_reader_new(PLAY_BYTES, &saying->scratch) == OK);
    buf_init(&saying->out, PLAY_BYTES);
    saying->writer = (struct answer_writer){.out = &saying->out,
                                            .key = "k1",
                                            .model = STR("claude-x"),
                                            .names = names,
                                            .sealer = sealer,
                                            .scratch = saying->scratch,
                                            .fidelity = &saying->fidelity,
                                            .own = &saying->own};
    buf_init(&saying->writer.kept, ANSWER_KEPT_MAX);
}

static void saying_end(struct saying *saying)
{
    messages_writer_release(&saying->writer);
    buf_release(&saying->writer.kept);
    buf_release(&saying->out);
    json_reader_free(saying->scratch);
}

/* ---- a stream, without what is always the same ----------------------------------------------------- */

/* Appends the data of each event between message_start and message_delta, a line each; checks names and JSON. */
static void tell_blocks(const char *name, struct json_reader *reader, struct str stream,
                        struct buf *out)
{
    AUTO_BUF struct buf joined;
    buf_init(&joined, PLAY_BYTES);
    size_t scanned = 0;
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(stream, len), &joined, &event);
        CHECK(name, json_parse(reader, event.data, &root, NULL) == OK);
        CHECK(name, str_eq(event.name, json_string_or_empty(json_get(root, "type"))));
        if (str_starts(event.name, STR("content_block"))) {
            buf_append_str(out, event.data);
            buf_putc(out, '\n');
        }
    }
    CHECK_INT(name, stream.len, 0);
}

#define B(...)                                         \
    {                                                  \
        .kind = ANSWER_PART_BEGIN, .part = __VA_ARGS__ \
    }
#define D(part_is, words)                                                   \
    {                                                                       \
        .kind = ANSWER_PART_DELTA, .part = part_is, .text = STR_INIT(words) \
    }
#define E(...)                                       \
    {                                                \
        .kind = ANSWER_PART_END, .part = __VA_ARGS__ \
    }
#define START(index, block)                                                                     \
    "{\"type\":\"content_block_start\",\"index\":" #index ",\"content_block\":{\"type\":" block \
    "}}\n"
#define DELTA(index, delta) \
    "{\"type\":\"content_block_delta\",\"index\":" #index ",\"delta\":{\"type\":" delta "}}\n"
#define STOP(index)       "{\"type\":\"content_block_stop\",\"index\":" #index "}\n"
#define TEXT_START(index) START(index, "\"text\",\"text\":\"\"")
#define CITATION          "{\"type\":\"char_location\",\"cited_text\":\"c\",\"document_index\":0}"

static const struct block_story {
    const char *name;
    const struct answer_event events[EVENTS_MAX];
    const char *stream, *plain; /* plain: the content array's inside */
    const char *notes;
    bool is_unsealed; /* no sealer */
} block_stories[] = {
    {"a text in pieces",
     {B(PART_TEXT), D(PART_TEXT, "a\n"), D(PART_TEXT, "\xC3\xA9"), E(PART_TEXT)},
     TEXT_START(0) DELTA(0, "\"text_delta\",\"text\":\"a\\n\"")
         DELTA(0, "\"text_delta\",\"text\":\"\xC3\xA9\"") STOP(0),
     "{\"type\":\"text\",\"text\":\"a\\n\xC3\xA9\"}",
     ""},
    {"probabilities of tokens have no place",
     {B(PART_TEXT),
      {.kind = ANSWER_PART_DELTA,
       .part = PART_TEXT,
       .text = STR_INIT("a"),
       .logprobs = STR_INIT("1")},
      E(PART_TEXT)},
     TEXT_START(0) DELTA(0, "\"text_delta\",\"text\":\"a\"") STOP(0),
     "{\"type\":\"text\",\"text\":\"a\"}",
     "dropped:answer.logprobs"},
    {"an answer without any block gets an empty one",
     {{.kind = ANSWER_STOP}},
     TEXT_START(0) STOP(0),
     "{\"type\":\"text\",\"text\":\"\"}",
     ""},
    {"an empty text takes no index",
     {B(PART_TEXT), D(PART_TEXT, ""), E(PART_TEXT), B(PART_TEXT), D(PART_TEXT, "b"), E(PART_TEXT)},
     TEXT_START(0) DELTA(0, "\"text_delta\",\"text\":\"b\"") STOP(0),
     "{\"type\":\"text\",\"text\":\"b\"}",
     ""},
    {"a call, and another without arguments",
     {B(PART_TOOL_CALL, .id = STR_INIT("call_1"), .name = STR_INIT("f")),
      D(PART_TOOL_CALL, "{\"n\":"), D(PART_TOOL_CALL, " 1.0}"), E(PART_TOOL_CALL),
      B(PART_TOOL_CALL, .id = STR_INIT("toolu_2"), .name = STR_INIT("sent_name")),
      E(PART_TOOL_CALL)},
     START(0, "\"tool_use\",\"id\":\"toolu_call_1\",\"name\":\"f\",\"input\":{}")
         DELTA(0, "\"input_json_delta\",\"partial_json\":\"{\\\"n\\\":\"")
             DELTA(0, "\"input_json_delta\",\"partial_json\":\" 1.0}\"") STOP(0) START(
                 1, "\"tool_use\",\"id\":\"toolu_2\",\"name\":\"my.name\",\"input\":{}") STOP(1),
     "{\"type\":\"tool_use\",\"id\":\"toolu_call_1\",\"name\":\"f\",\"input\":{\"n\": 1.0}},"
     "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"my.name\",\"input\":{}}",
     ""},
    {"free text of a tool",
     {B(PART_TOOL_CALL, .id = STR_INIT("c"), .name = STR_INIT("f"), .is_custom = true),
      D(PART_TOOL_CALL, "a\"\n"), D(PART_TOOL_CALL, "b"), E(PART_TOOL_CALL)},
     START(0, "\"tool_use\",\"id\":\"toolu_c\",\"name\":\"f\",\"input\":{}")
         DELTA(0, "\"input_json_delta\",\"partial_json\":\"{\\\"input\\\":\\\"\"")
             DELTA(0, "\"input_json_delta\",\"partial_json\":\"a\\\\\\\"\\\\n\"")
                 DELTA(0, "\"input_json_delta\",\"partial_json\":\"b\"")
                     DELTA(0, "\"input_json_delta\",\"partial_json\":\"\\\"}\"") STOP(0),
     "{\"type\":\"tool_use\",\"id\":\"toolu_c\",\"name\":\"f\",\"input\":{\"input\":\"a\\\"\\nb\"}}",
     ""},
    {"Anthropic's own thinking",
     {B(PART_THINKING), D(PART_THINKING, "h"),
      E(PART_THINKING, .seal = STR_INIT("Eq"), .sealed_by = ENDPOINT_MESSAGES), B(PART_SEALED),
      E(PART_SEALED, .seal = STR_INIT("Em"), .sealed_by = ENDPOINT_MESSAGES)},
     START(0, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA(0, "\"thinking_delta\",\"thinking\":\"h\"")
             DELTA(0, "\"signature_delta\",\"signature\":\"Eq\"") STOP(0)
                 START(1, "\"redacted_thinking\",\"data\":\"Em\"") STOP(1),
     "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"Eq\"},{\"type\":\"redacted_thinking\",\"data\":\"Em\"}",
     ""},
    {"a signature alone is thinking that is not shown",
     {B(PART_THINKING), E(PART_THINKING, .seal = STR_INIT("Eq"), .sealed_by = ENDPOINT_MESSAGES)},
     START(0, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA(0, "\"signature_delta\",\"signature\":\"Eq\"") STOP(0),
     "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"Eq\"}",
     ""},
    {"OpenAI's thinking goes in our envelope",
     {B(PART_THINKING, .id = STR_INIT("r")), D(PART_THINKING, "h"),
      E(PART_THINKING, .seal = STR_INIT("z"), .sealed_by = ENDPOINT_RESPONSES),
      B(PART_SEALED, .id = STR_INIT("s")),
      E(PART_SEALED, .seal = STR_INIT("z"), .sealed_by = ENDPOINT_RESPONSES)},
     START(0, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA(0, "\"thinking_delta\",\"thinking\":\"h\"")
             DELTA(0, "\"signature_delta\",\"signature\":\"auxot1.hcdadbdkhcdadkdbdkhk\"") STOP(0)
                 START(1, "\"redacted_thinking\",\"data\":\"auxot1.hcdbdbdkhddadkdbdkhk\"") STOP(1),
     "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"auxot1.hcdadbdkhcdadkdbdkhk\"},"
     "{\"type\":\"redacted_thinking\",\"data\":\"auxot1.hcdbdbdkhddadkdbdkhk\"}",
     ""},
    {"thinking that nobody sealed is known as ours when it comes back",
     {B(PART_THINKING), D(PART_THINKING, "h"), E(PART_THINKING)},
     START(0, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA(0, "\"thinking_delta\",\"thinking\":\"h\"")
             DELTA(0, "\"signature_delta\",\"signature\":\"auxot1.gddadadkdadkdadk\"") STOP(0),
     "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"auxot1.gddadadkdadkdadk\"}",
     ""},
    {"without a sealer the text alone is shown",
     {B(PART_THINKING), D(PART_THINKING, "h"),
      E(PART_THINKING, .seal = STR_INIT("z"), .sealed_by = ENDPOINT_RESPONSES), B(PART_SEALED),
      E(PART_SEALED, .seal = STR_INIT("z"), .sealed_by = ENDPOINT_RESPONSES)},
     START(0, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA(0, "\"thinking_delta\",\"thinking\":\"h\"") STOP(0),
     "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"\"}",
     "dropped:thinking.signature",
     true},
    {"citations of Anthropic's kind pass, others are noted",
     {B(PART_TEXT),
      D(PART_TEXT, "a"),
      {.kind = ANSWER_ANNOTATION,
       .part = PART_TEXT,
       .raw = STR_INIT("{\n\"type\":\"char_location\"}")},
      {.kind = ANSWER_ANNOTATION, .part = PART_TEXT, .raw = STR_INIT(CITATION)},
      {.kind = ANSWER_ANNOTATION,
       .part = PART_TEXT,
       .url = STR_INIT("https://x"),
       .raw = STR_INIT("{\"type\":\"url_citation\"}")},
      E(PART_TEXT)},
     TEXT_START(0) DELTA(0, "\"text_delta\",\"text\":\"a\"")
         DELTA(0, "\"citations_delta\",\"citation\":{ \"type\":\"char_location\"}")
             DELTA(0, "\"citations_delta\",\"citation\":" CITATION) STOP(0),
     "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\n\"type\":\"char_location\"}," CITATION
     "]}",
     "dropped:annotations"},
    {"a refusal is a text",
     {B(PART_REFUSAL), D(PART_REFUSAL, "No."), E(PART_REFUSAL)},
     TEXT_START(0) DELTA(0, "\"text_delta\",\"text\":\"No.\"") STOP(0),
     "{\"type\":\"text\",\"text\":\"No.\"}",
     ""},
};

static void play_events(struct saying *saying, const struct block_story *story,
                        void (*write)(struct answer_writer *, const struct answer_event *))
{
    write(&saying->writer, &(struct answer_event){.kind = ANSWER_BEGIN});
    for (size_t i = 0; i < EVENTS_MAX && story->events[i].kind != ANSWER_BEGIN; i++)
        write(&saying->writer, &story->events[i]);
    write(&saying->writer, &(struct answer_event){.kind = ANSWER_END});
    CHECK(story->name, !saying->writer.failed && !saying->writer.kept.failed);
    play_check_notes(story->name, &saying->fidelity, story->notes);
}

static void blocks_are_exact_in_streams_and_in_whole(void **state)
{
    (void)state;
    struct tool_name known = {.name = STR("my.name"), .sent = STR("sent_name")};
    const struct tool_names names = {.list = &known, .count = 1};
    for (size_t i = 0; i < COUNT(block_stories); i++) {
        const struct block_story *story = &block_stories[i];
        const struct sealer *sealer = story->is_unsealed ? NULL : &play_sealer;
        struct saying saying;
        struct json root;
        AUTO_BUF struct buf told, want;
        buf_init(&told, PLAY_BYTES);
        buf_init(&want, PLAY_BYTES);

        saying_start(&saying, &names, sealer);
        play_events(&saying, story, messages_stream_write);
        tell_blocks(story->name, saying.scratch, buf_str(&saying.out), &told);
        CHECK_STR(story->name, buf_str(&told).at, story->stream);
        saying_end(&saying);

        saying_start(&saying, &names, sealer);
        play_events(&saying, story, messages_answer_write);
        buf_printf(&want, "\"content\":[%s],\"stop_reason\"", story->plain);
        CHECK(story->name, json_parse(saying.scratch, buf_str(&saying.out), &root, NULL) == OK);
        if (!str_find(buf_str(&saying.out), buf_str(&want), NULL))
            CHECK_STR(story->name, buf_str(&saying.out).at, buf_str(&want).at);
        saying_end(&saying);
    }
}

/* ---- the frame ---------------------------------------------------------------------------------------- */

static const struct usage all_known = {.input_tokens = 100,
                                       .output_tokens = 20,
                                       .cached_tokens = 60,
                                       .cache_write_tokens = 10,
                                       .reasoning_tokens = 5};

static void a_whole_stream_is_exact(void **state)
{
    (void)state;
    struct saying saying;
    struct usage early;
    usage_init(&early);
    saying_start(&saying, NULL, NULL);
    const struct answer_event events[] = {
        {.kind = ANSWER_BEGIN, .id = STR("resp_1"), .usage = &early},
        B(PART_TEXT),
        D(PART_TEXT, "a"),
        E(PART_TEXT),
        {.kind = ANSWER_STOP, .stop = STOP_SEQUENCE, .text = STR("x")},
        {.kind = ANSWER_END, .usage = &all_known},
    };
    for (size_t i = 0; i < COUNT(events); i++)
        messages_stream_write(&saying.writer, &events[i]);
    CHECK_STR(
        "the stream", buf_str(&saying.out).at,
        "event: message_start\n"
        "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_k1\",\"type\":\"message\",\"role\":\"assistant\","
        "\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n"
        "event: content_block_start\n"
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
        "event: content_block_stop\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"x\"},"
        "\"usage\":{\"input_tokens\":30,\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":60,"
        "\"output_tokens\":20,\"output_tokens_details\":{\"thinking_tokens\":5}}}\n\n"
        "event: message_stop\n"
        "data: {\"type\":\"message_stop\"}\n\n");
    saying_end(&saying);
}

static void a_whole_answer_is_exact(void **state)
{
    (void)state;
    struct saying saying;
    saying_start(&saying, NULL, NULL);
    const struct answer_event events[] = {
        {.kind = ANSWER_BEGIN},
        B(PART_TEXT),
        D(PART_TEXT, "a"),
        E(PART_TEXT),
        {.kind = ANSWER_STOP, .stop = STOP_END},
        {.kind = ANSWER_END, .usage = &(struct usage){3, 4, 9, -1, -1, false}},
    };
    for (size_t i = 0; i < COUNT(events); i++)
        messages_answer_write(&saying.writer, &events[i]);
    CHECK_STR(
        "the answer", buf_str(&saying.out).at,
        "{\"id\":\"msg_k1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\","
        "\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":9,"
        "\"output_tokens\":4}}");
    saying_end(&saying);
}

static void the_reason_fits_what_was_said(void **state)
{
    (void)state;
    static const struct {
        enum part_kind part;
        enum stop_reason stop;
        const char *want;
    } rows[] = {
        {PART_TEXT, STOP_END, "end_turn"},      {PART_TEXT, STOP_UNKNOWN, "end_turn"},
        {PART_TEXT, STOP_TOOLS, "end_turn"},    {PART_TOOL_CALL, STOP_TOOLS, "tool_use"},
        {PART_TOOL_CALL, STOP_END, "tool_use"}, {PART_TOOL_CALL, STOP_LENGTH, "max_tokens"},
        {PART_REFUSAL, STOP_END, "refusal"},    {PART_TEXT, STOP_REFUSAL, "refusal"},
        {PART_TEXT, STOP_PAUSE, "pause_turn"},  {PART_TEXT, STOP_SEQUENCE, "stop_sequence"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct saying saying;
        struct json root;
        saying_start(&saying, NULL, NULL);
        const struct answer_event events[] = {
            {.kind = ANSWER_BEGIN},
            {.kind = ANSWER_PART_BEGIN, .part = rows[i].part, .id = STR("i"), .name = STR("n")},
            {.kind = ANSWER_PART_DELTA, .part = rows[i].part, .text = STR("{}")},
            {.kind = ANSWER_PART_END, .part = rows[i].part},
            {.kind = ANSWER_STOP, .stop = rows[i].stop},
            {.kind = ANSWER_END},
        };
        for (size_t e = 0; e < COUNT(events); e++)
            messages_answer_write(&saying.writer, &events[e]);
        CHECK(rows[i].want, json_parse(saying.scratch, buf_str(&saying.out), &root, NULL) == OK);
        CHECK(rows[i].want,
              str_eq(json_string_or_empty(json_get(root, "stop_reason")), str_of(rows[i].want)));
        CHECK(rows[i].want, json_type_of(json_get(root, "stop_sequence")) == JSON_NULL);
        saying_end(&saying);
    }
}

static void an_answer_past_the_bound_has_failed(void **state)
{
    (void)state;
    static char much[1u << 20];
    struct saying saying;
    memset(much, 'a', sizeof much);
    saying_start(&saying, NULL, NULL);
    messages_answer_write(&saying.writer, &(struct answer_event){.kind = ANSWER_BEGIN});
    const struct answer_event begin = B(PART_TEXT);
    messages_answer_write(&saying.writer, &begin);
    for (size_t bytes = 0; bytes <= ANSWER_KEPT_MAX; bytes += sizeof much) {
        CHECK("so far", !saying.writer.failed);
        messages_answer_write(&saying.writer, &(struct answer_event){.kind = ANSWER_PART_DELTA,
                                                                     .part = PART_TEXT,
                                                                     .text = {much, sizeof much}});
    }
    CHECK("too much", saying.writer.failed);
    saying_end(&saying);
}

TEST_MAIN(TEST(blocks_are_exact_in_streams_and_in_whole), TEST(a_whole_stream_is_exact),
          TEST(a_whole_answer_is_exact), TEST(the_reason_fits_what_was_said),
          TEST(an_answer_past_the_bound_has_failed))
