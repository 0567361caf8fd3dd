/* tests/unit/wire/test_messages_streams.c: whatever a provider streams, in whichever dialect, a caller of messages gets a stream
 * that Anthropic's SDK and Claude Code accept (CLIENTS.md 3, 8).
 */
#include "tests/unit/wire/messages_play.h"

#include "tests/fixtures/fixture.h"

/* What is known of a stream so far; the rules are checked on the way. */
struct listener {
    const char *name;
    int blocks;   /* begun */
    bool is_open; /* the last of them */
    bool has_start, has_delta, has_stop, is_call;
    struct buf text, arguments;
};

static void on_block_start(struct listener *listener, struct json root)
{
    struct json block = json_get(root, "content_block");
    struct str type = json_string_or_empty(json_get(block, "type"));
    CHECK(listener->name, !listener->is_open && !listener->has_delta);
    CHECK_INT(listener->name, json_int64_or(json_get(root, "index"), -1), listener->blocks++);
    listener->is_open = true;
    listener->is_call = str_eq(type, STR("tool_use"));
    if (listener->is_call) {
        CHECK(listener->name,
              str_starts(json_string_or_empty(json_get(block, "id")), STR("toolu_")));
        CHECK(listener->name, json_string_or_empty(json_get(block, "name")).len > 0);
        CHECK(listener->name, json_type_of(json_get(block, "input")) == JSON_OBJECT);
    }
}

static void on_block_delta(struct listener *listener, struct json root)
{
    struct json delta = json_get(root, "delta");
    CHECK(listener->name, listener->is_open);
    CHECK_INT(listener->name, json_int64_or(json_get(root, "index"), -1), listener->blocks - 1);
    buf_append_str(&listener->text, json_string_or_empty(json_get(delta, "text")));
    buf_append_str(&listener->arguments, json_string_or_empty(json_get(delta, "partial_json")));
}

static void on_message_delta(struct listener *listener, struct json root)
{
    int64_t tokens;
    CHECK(listener->name, !listener->is_open && listener->blocks > 0 && !listener->has_delta);
    CHECK(listener->name, json_type_of(json_at(root, "delta", "stop_reason", NULL)) == JSON_STRING);
    CHECK(listener->name, json_int64(json_at(root, "usage", "output_tokens", NULL), &tokens));
    CHECK(listener->name, json_int64(json_at(root, "usage", "input_tokens", NULL), &tokens));
    listener->has_delta = true;
}

static void listen(struct listener *listener, const struct sse_event *event, struct json root)
{
    CHECK(listener->name, str_eq(event->name, json_string_or_empty(json_get(root, "type"))));
    CHECK(listener->name, !listener->has_stop);
    CHECK(listener->name, listener->has_start != str_eq(event->name, STR("message_start")));
    listener->has_start = true;
    if (str_eq(event->name, STR("content_block_start"))) {
        on_block_start(listener, root);
    } else if (str_eq(event->name, STR("content_block_delta"))) {
        on_block_delta(listener, root);
    } else if (str_eq(event->name, STR("content_block_stop"))) {
        CHECK(listener->name, listener->is_open);
        CHECK_INT(listener->name, json_int64_or(json_get(root, "index"), -1), listener->blocks - 1);
        listener->is_open = false;
    } else if (str_eq(event->name, STR("message_delta"))) {
        on_message_delta(listener, root);
    } else if (str_eq(event->name, STR("message_stop"))) {
        CHECK(listener->name, listener->has_delta);
        listener->has_stop = true;
    }
}

static void listen_to(struct listener *listener, struct json_reader *reader, struct str stream)
{
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, PLAY_BYTES);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(stream, len), &joined, &event);
        CHECK(listener->name, json_parse(reader, event.data, &root, NULL) == OK);
        listen(listener, &event, root);
    }
    CHECK(listener->name, listener->has_stop && stream.len == 0);
}

/* Feeds a recorded stream through meter and translation, as the gateway does. */
static void translate(struct play *play, enum endpoint from, struct str stream, struct buf *out)
{
    struct answer_translation *translation;
    const struct answer_options options = {.from = from,
                                           .to = ENDPOINT_MESSAGES,
                                           .is_stream = true,
                                           .key = "k",
                                           .model = STR("m"),
                                           .sealer = &play_sealer,
                                           .fidelity = &play->fidelity};
    struct meter meter;
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, PLAY_BYTES);
    meter_init(&meter, from);
    CHECK("made", answer_translation_new(&options, &translation) == OK);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root = {0};
        enum stream_class class;
        sse_event_read(str_upto(stream, len), &joined, &event);
        CHECK("metered", meter_event(&meter, play->reader, &event, &class, &root) == OK);
        CHECK("told", answer_translate_event(translation, &event, play->reader, root, play->scratch,
                                             &meter.usage, out) == OK);
    }
    CHECK("ended", answer_translate_end(translation, play->scratch, &meter.usage, out) == OK);
    answer_translation_free(translation);
}

static const struct stream_story {
    const char *file;
    enum endpoint from;
    int blocks;
    const char *text, *arguments;
} streams[] = {
    {"anthropic/messages_text.sse", ENDPOINT_MESSAGES, 1, "Hello!", ""},
    {"anthropic/messages_tool_use.sse", ENDPOINT_MESSAGES, 1, "",
     "{\"location\": \"San Francisco, CA\"}"},
    {"anthropic/messages_thinking.sse", ENDPOINT_MESSAGES, 3, "42", ""},
    {"anthropic/messages_empty.sse", ENDPOINT_MESSAGES, 1, "", ""},
    {"anthropic/messages_late_usage.sse", ENDPOINT_MESSAGES, 1, "late", ""},
    {"anthropic/messages_citations.sse", ENDPOINT_MESSAGES, 1, "The sky is blue", ""},
    {"llama/messages_overlap.sse", ENDPOINT_MESSAGES, 3, "One two", "{\"a\":1}"},
    {"llama/chat_text.sse", ENDPOINT_CHAT, 1, "One two", ""},
    {"llama/chat_reasoning.sse", ENDPOINT_CHAT, 2, "One", ""},
    {"openai/chat_text.sse", ENDPOINT_CHAT, 1, "Gr\xC3\xBC\xC3\x9F Gott! \xF0\x9F\x91\x8B\n\n", ""},
    {"openai/chat_tool_calls.sse", ENDPOINT_CHAT, 1, "", "{\"city\":\"Z\xC3\xBCrich\"}"},
    {"openai/chat_reasoning_crlf.sse", ENDPOINT_CHAT, 2, "42", ""},
    {"openai/chat_refusal.sse", ENDPOINT_CHAT, 1, "I'm sorry, I can't help with that.", ""},
    {"openai/chat_empty_answer.sse", ENDPOINT_CHAT, 1, "", ""},
    {"openai/responses_text.sse", ENDPOINT_RESPONSES, 2, "Hi there!", ""},
    {"openai/responses_tool_call.sse", ENDPOINT_RESPONSES, 1, "", "{\"cmd\":\"ls\"}"},
    {"openai/responses_incomplete.sse", ENDPOINT_RESPONSES, 1, "Hi there!",
     ""}, /* the rest at its end */
};

static void every_stream_becomes_one_that_clients_accept(void **state)
{
    (void)state;
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(streams); i++) {
        const struct stream_story *story = &streams[i];
        struct listener listener = {.name = story->file};
        struct fixture fixture = fixture_read(story->file);
        AUTO_BUF struct buf out;
        buf_init(&out, PLAY_BYTES);
        buf_init(&listener.text, PLAY_BYTES);
        buf_init(&listener.arguments, PLAY_BYTES);
        translate(&play, story->from, (struct str){fixture.bytes, fixture.len}, &out);
        listen_to(&listener, play.reader, buf_str(&out));
        CHECK_STR(story->file, buf_str(&listener.text).at, story->text);
        CHECK_STR(story->file, buf_str(&listener.arguments).at, story->arguments);
        CHECK_INT(story->file, listener.blocks, story->blocks);
        buf_release(&listener.text);
        buf_release(&listener.arguments);
        free(fixture.bytes);
    }
    play_end(&play);
}

TEST_MAIN(TEST(every_stream_becomes_one_that_clients_accept))
