/* tests/unit/wire/test_meter.c: whole streams and answers, told by what the relay makes of them.
 *
 * Every stream is cut at every point into two reads, and also fed byte by byte: nothing may depend
 * on how the bytes arrive.
 */
#include "wire/meter.h"

#include "tests/fixtures/fixture.h"

#include "tests/test.h"

#define EVENTS_MAX 64
#define UNKNOWN    TOKENS_UNKNOWN

static struct json_reader *reader;

static int open_reader(void **state)
{
    (void)state;
    return json_reader_new(1 << 20, &reader) == OK ? 0 : -1;
}

static int close_reader(void **state)
{
    (void)state;
    json_reader_free(reader);
    return 0;
}

/* One letter per event: l lifecycle, C content, U usage, X error, E end. */
// clang-format off
static const struct stream_story {
    const char   *file;
    enum endpoint endpoint;
    const char   *classes;
    int64_t       input, output, cached, written, reasoning;
    int           error_status;
    const char   *error_type, *error_code;
} streams[] = {
    {"openai/chat_text.sse",            ENDPOINT_CHAT, "lCCCUE",   19, 10, 8, UNKNOWN, 0, 0, "", ""},
    {"openai/chat_tool_calls.sse",      ENDPOINT_CHAT, "CCCCCCCE", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/chat_reasoning_crlf.sse",  ENDPOINT_CHAT, "llCCClE",  7, 31, UNKNOWN, UNKNOWN, 24, 0, "", ""},
    {"openai/chat_azure.sse",           ENDPOINT_CHAT, "llCCE",    UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/chat_refusal.sse",         ENDPOINT_CHAT, "lCCE",     UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/chat_empty_answer.sse",    ENDPOINT_CHAT, "lCE",      UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/chat_pretty.sse",          ENDPOINT_CHAT, "CCE",      UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/chat_error_midway.sse",    ENDPOINT_CHAT, "lCX",      UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 500, "server_error", ""},
    {"openai/chat_error_first.sse",     ENDPOINT_CHAT, "X",        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 429, "tokens", "rate_limit_exceeded"},
    {"openai/chat_error_openrouter.sse",ENDPOINT_CHAT, "lXE",      UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 502, "", ""},
    {"openai/chat_error_vllm.sse",      ENDPOINT_CHAT, "XE",       UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 500, "InternalServerError", ""},
    {"openai/chat_error_text.sse",      ENDPOINT_CHAT, "X",        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/completions_text.sse",     ENDPOINT_COMPLETIONS, "lCCUE", 5, 2, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/responses_text.sse",       ENDPOINT_RESPONSES, "llllCCCllCCCCCE", 37, 11, 16, UNKNOWN, 4, 0, "", ""},
    {"openai/responses_tool_call.sse",  ENDPOINT_RESPONSES, "lCCCCCE", 37, 11, 16, UNKNOWN, 4, 0, "", ""},
    {"openai/responses_incomplete.sse", ENDPOINT_RESPONSES, "llCE", 37, 11, 16, UNKNOWN, 4, 0, "", ""},
    {"openai/responses_keepalive.sse",  ENDPOINT_RESPONSES, "llllCE", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"openai/responses_failed.sse",     ENDPOINT_RESPONSES, "lX",  UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 429, "", "rate_limit_exceeded"},
    {"openai/responses_error_nested.sse", ENDPOINT_RESPONSES, "lX", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 400, "invalid_request_error", "context_length_exceeded"},
    {"openai/responses_error_flat.sse", ENDPOINT_RESPONSES, "lX",  UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 503, "", "server_is_overloaded"},
    {"anthropic/messages_text.sse",     ENDPOINT_MESSAGES, "lllCClCE", 2125, 15, 2000, 100, UNKNOWN, 0, "", ""},
    {"anthropic/messages_tool_use.sse", ENDPOINT_MESSAGES, "lClCClCE", 472, 89, 0, 0, UNKNOWN, 0, "", ""},
    {"anthropic/messages_thinking.sse", ENDPOINT_MESSAGES, "llCClCllClCE", 10, 30, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"anthropic/messages_late_usage.sse", ENDPOINT_MESSAGES, "llClCEE", 1500, 4, 300, UNKNOWN, UNKNOWN, 0, "", ""},
    {"anthropic/messages_empty.sse",    ENDPOINT_MESSAGES, "llCE", 9, 2, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"anthropic/messages_error_first.sse", ENDPOINT_MESSAGES, "X", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 529, "overloaded_error", ""},
    {"anthropic/messages_error_midway.sse", ENDPOINT_MESSAGES, "llCX", 9, 1, UNKNOWN, UNKNOWN, UNKNOWN, 500, "api_error", ""},
    {"llama/chat_text.sse",             ENDPOINT_CHAT, "lCCCUE",   60, 21, 59, UNKNOWN, UNKNOWN, 0, "", ""},
    {"llama/chat_reasoning.sse",        ENDPOINT_CHAT, "llCCCE",   UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, "", ""},
    {"llama/error_data.sse",            ENDPOINT_CHAT, "X",        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 500, "server_error", ""},
    {"llama/error_field.sse",           ENDPOINT_CHAT, "X",        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 400, "exceed_context_size_error", ""},
    {"llama/error_event.sse",           ENDPOINT_CHAT, "X",        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 503, "unavailable_error", ""},
};
// clang-format on

/* A stream on its way through the cutter and the meter. */
struct play {
    struct meter meter;
    char classes[EVENTS_MAX];
    size_t events, start, scanned;
};

static void play_init(struct play *play, enum endpoint endpoint)
{
    *play = (struct play){0};
    meter_init(&play->meter, endpoint);
}

/* The stream has grown to `bytes`. */
static void play_feed(struct play *play, struct str bytes, struct buf *joined)
{
    for (size_t len; (len = sse_event_end(str_from(bytes, play->start), &play->scanned));) {
        struct sse_event event;
        enum stream_class class;
        sse_event_read(str_upto(str_from(bytes, play->start), len), joined, &event);
        assert_int_equal(meter_event(&play->meter, reader, &event, &class, &(struct json){0}), OK);
        assert_true(play->events < EVENTS_MAX - 1);
        play->classes[play->events++] = "lCUXE"[class];
        play->start += len;
    }
}

static void check_stream(const struct stream_story *story, const struct play *play)
{
    const struct meter *meter = &play->meter;
    CHECK_STR(story->file, play->classes, story->classes);
    CHECK_INT(story->file, meter->usage.input_tokens, story->input);
    CHECK_INT(story->file, meter->usage.output_tokens, story->output);
    CHECK_INT(story->file, meter->usage.cached_tokens, story->cached);
    CHECK_INT(story->file, meter->usage.cache_write_tokens, story->written);
    CHECK_INT(story->file, meter->usage.reasoning_tokens, story->reasoning);
    CHECK_INT(story->file, meter->error_status, story->error_status);
    CHECK_STR(story->file, meter->error_type, story->error_type);
    CHECK_STR(story->file, meter->error_code, story->error_code);
    bool has_error = strchr(story->classes, 'X');
    CHECK(story->file, (meter->error_message[0] != '\0') == has_error);
    CHECK(story->file, meter->has_content == (strchr(story->classes, 'C') != NULL));
    CHECK(story->file, meter->has_end == (strchr(story->classes, 'E') != NULL));
}

static void streams_mean_the_same_however_they_are_cut(void **state)
{
    (void)state;
    AUTO_BUF struct buf joined;
    buf_init(&joined, 1 << 16);
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct fixture file = fixture_read(streams[i].file);
        struct str all = {file.bytes, file.len};
        for (size_t split = 0; split <= all.len; split++) {
            struct play play;
            play_init(&play, streams[i].endpoint);
            play_feed(&play, str_upto(all, split), &joined);
            play_feed(&play, all, &joined);
            CHECK(streams[i].file, play.start == all.len);
            check_stream(&streams[i], &play);
        }
        struct play play;
        play_init(&play, streams[i].endpoint);
        for (size_t len = 1; len <= all.len; len++)
            play_feed(&play, str_upto(all, len), &joined);
        check_stream(&streams[i], &play);
        free(file.bytes);
    }
}

static const struct event_story {
    const char *name;
    enum endpoint endpoint;
    const char *event_name, *data;
    char class; /* '!' for garbage */
} events[] = {
    {"no JSON", ENDPOINT_CHAT, "", "<html>", '!'},
    {"no object", ENDPOINT_CHAT, "", "[]", '!'},
    {"cut JSON", ENDPOINT_MESSAGES, "", "{\"type\":\"ping\"", '!'},
    {"[DONE] with space", ENDPOINT_CHAT, "", " [DONE] ", 'E'},
    {"error: null is no error", ENDPOINT_CHAT, "", "{\"error\":null,\"choices\":[]}", 'l'},
    {"empty error", ENDPOINT_CHAT, "", "{\"error\":{},\"choices\":[]}", 'l'},
    {"error by name", ENDPOINT_CHAT, "error", "{\"message\":\"no\"}", 'X'},
    {"error by name, without data", ENDPOINT_CHAT, "error", "", 'X'},
    {"empty delta", ENDPOINT_CHAT, "", "{\"choices\":[{\"delta\":{}}]}", 'l'},
    {"null delta", ENDPOINT_CHAT, "", "{\"choices\":[{\"delta\":null}]}", 'l'},
    {"vendor's extras", ENDPOINT_CHAT, "", "{\"choices\":[{\"delta\":{\"x_extra\":\"y\"}}]}", 'l'},
    {"no tool calls", ENDPOINT_CHAT, "", "{\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}", 'l'},
    {"content in parts", ENDPOINT_CHAT, "",
     "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}]}", 'C'},
    {"a second choice speaks", ENDPOINT_CHAT, "",
     "{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"x\"}}]}", 'C'},
    {"wrong types", ENDPOINT_CHAT, "", "{\"choices\":7,\"usage\":[],\"model\":{}}", 'l'},
    {"usage null", ENDPOINT_CHAT, "", "{\"choices\":[],\"usage\":null}", 'l'},
    {"type by event name", ENDPOINT_MESSAGES, "message_stop", "{}", 'E'},
    {"the data's type goes first", ENDPOINT_MESSAGES, "ping", "{\"type\":\"message_stop\"}", 'E'},
    {"unknown events", ENDPOINT_MESSAGES, "", "{\"type\":\"news\",\"text\":\"x\"}", 'l'},
    {"server tool", ENDPOINT_MESSAGES, "",
     "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"server_tool_use\"}}", 'C'},
    {"text at once", ENDPOINT_MESSAGES, "",
     "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"x\"}}",
     'C'},
    {"unknown responses event", ENDPOINT_RESPONSES, "", "{\"type\":\"response.new\"}", 'l'},
    {"foreign type", ENDPOINT_RESPONSES, "", "{\"type\":\"codex.rate_limits\"}", 'l'},
    {"error object alone", ENDPOINT_RESPONSES, "", "{\"error\":{\"message\":\"no\"}}", 'X'},
    {"web search begins", ENDPOINT_RESPONSES, "",
     "{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"web_search_call\"}}", 'C'},
};

static void single_events_are_classed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(events); i++) {
        struct meter meter;
        enum stream_class class = STREAM_LIFECYCLE;
        struct sse_event event = {str_of(events[i].event_name), str_of(events[i].data), true};
        meter_init(&meter, events[i].endpoint);
        enum err failed = meter_event(&meter, reader, &event, &class, &(struct json){0});
        CHECK(events[i].name, (failed ? '!' : "lCUXE"[class]) == events[i].class);
    }
}

// clang-format off
static const struct answer_story {
    const char       *file;
    enum endpoint     endpoint;
    enum answer_class class;
    int64_t           input, output, cached;
    const char       *model;
    int               error_status;
} answers[] = {
    {"openai/chat_plain.json",            ENDPOINT_CHAT, ANSWER_GOOD,   19, 10, 8, "gpt-4.1-2025-04-14", 0},
    {"openai/chat_tool_plain.json",       ENDPOINT_CHAT, ANSWER_GOOD,   82, 17, UNKNOWN, "gpt-4.1", 0},
    {"openai/chat_error_in_200.json",     ENDPOINT_CHAT, ANSWER_ERROR,  UNKNOWN, UNKNOWN, UNKNOWN, "", 429},
    {"openai/chat_no_choices.json",       ENDPOINT_CHAT, ANSWER_EMPTY,  82, 0, UNKNOWN, "m", 0},
    {"openai/chat_absurd_usage.json",     ENDPOINT_CHAT, ANSWER_GOOD,   UNKNOWN, UNKNOWN, UNKNOWN, "m", 0},
    {"openai/chat_text.sse",              ENDPOINT_CHAT, ANSWER_GARBAGE, UNKNOWN, UNKNOWN, UNKNOWN, "", 0},
    {"openai/completions_plain.json",     ENDPOINT_COMPLETIONS, ANSWER_GOOD, 5, 7, UNKNOWN, "gpt-3.5-turbo-instruct", 0},
    {"openai/embeddings_plain.json",      ENDPOINT_EMBEDDINGS, ANSWER_GOOD, 8, 0, UNKNOWN, "text-embedding-3-small", 0},
    {"openai/responses_plain.json",       ENDPOINT_RESPONSES, ANSWER_GOOD, 37, 11, 16, "gpt-4.1-2025-04-14", 0},
    {"openai/responses_failed_plain.json", ENDPOINT_RESPONSES, ANSWER_ERROR, UNKNOWN, UNKNOWN, UNKNOWN, "gpt-4.1-2025-04-14", 500},
    {"anthropic/messages_plain.json",     ENDPOINT_MESSAGES, ANSWER_GOOD, 20, 6, 5, "claude-sonnet-4-5-20250929", 0},
    {"anthropic/error.json",              ENDPOINT_MESSAGES, ANSWER_ERROR, UNKNOWN, UNKNOWN, UNKNOWN, "", 400},
    {"anthropic/count_tokens.json",       ENDPOINT_COUNT_TOKENS, ANSWER_GOOD, UNKNOWN, UNKNOWN, UNKNOWN, "", 0},
    {"llama/chat_plain.json",             ENDPOINT_CHAT, ANSWER_GOOD,   60, 21, UNKNOWN, "tiny", 0},
    {"llama/loading.json",                ENDPOINT_CHAT, ANSWER_ERROR,  UNKNOWN, UNKNOWN, UNKNOWN, "", 503},
};
// clang-format on

static void plain_answers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        const struct answer_story *story = &answers[i];
        struct fixture file = fixture_read(story->file);
        struct meter meter;
        meter_init(&meter, story->endpoint);
        enum answer_class class =
            meter_answer(&meter, reader, (struct str){file.bytes, file.len}, NULL);
        CHECK_INT(story->file, class, story->class);
        CHECK_INT(story->file, meter.usage.input_tokens, story->input);
        CHECK_INT(story->file, meter.usage.output_tokens, story->output);
        CHECK_INT(story->file, meter.usage.cached_tokens, story->cached);
        CHECK_INT(story->file, meter.error_status, story->error_status);
        CHECK_STR(story->file, meter.model, story->model);
        free(file.bytes);
    }
}

static const struct body_story {
    const char *name;
    enum endpoint endpoint;
    const char *body;
    enum answer_class class;
} bodies[] = {
    {"nothing", ENDPOINT_CHAT, "", ANSWER_GARBAGE},
    {"HTML", ENDPOINT_CHAT, "<html>", ANSWER_GARBAGE},
    {"an array", ENDPOINT_CHAT, "[]", ANSWER_GARBAGE},
    {"an empty object", ENDPOINT_CHAT, "{}", ANSWER_EMPTY},
    {"null content", ENDPOINT_CHAT, "{\"choices\":[{\"message\":{\"content\":null}}]}",
     ANSWER_EMPTY},
    {"FastAPI's complaint", ENDPOINT_CHAT, "{\"detail\":\"no\"}", ANSWER_ERROR},
    {"empty, but stopped", ENDPOINT_MESSAGES,
     "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\"}", ANSWER_GOOD},
    {"in the background", ENDPOINT_RESPONSES, "{\"status\":\"queued\",\"output\":[]}", ANSWER_GOOD},
    {"completed with nothing", ENDPOINT_RESPONSES, "{\"status\":\"completed\",\"output\":[]}",
     ANSWER_EMPTY},
};

static void odd_answers_are_classed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct meter meter;
        struct json root;
        meter_init(&meter, bodies[i].endpoint);
        enum answer_class class = meter_answer(&meter, reader, str_of(bodies[i].body), &root);
        CHECK_INT(bodies[i].name, class, bodies[i].class);
        CHECK_INT(bodies[i].name, json_type_of(root) == JSON_OBJECT, class != ANSWER_GARBAGE);
    }
}

static void cache_writes_that_are_kept_an_hour_are_told_apart(void **state)
{
    (void)state;
    struct meter meter;
    struct json root;
    meter_init(&meter, ENDPOINT_MESSAGES);
    CHECK_INT("read",
              meter_answer(&meter, reader,
                           STR("{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"usage\":{"
                               "\"input_tokens\":5,\"output_tokens\":1,"
                               "\"cache_creation_input_tokens\":300,\"cache_creation\":{"
                               "\"ephemeral_5m_input_tokens\":100,"
                               "\"ephemeral_1h_input_tokens\":200}}}"),
                           &root),
              ANSWER_GOOD);
    CHECK_INT("all", meter.usage.input_tokens, 305);
    CHECK_INT("written", meter.usage.cache_write_tokens, 300);
    CHECK_INT("of those for an hour", meter.usage.cache_write_1h_tokens, 200);
}

static void unknown_tokens_are_estimated_and_marked(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter, ENDPOINT_CHAT);
    meter.output_bytes = 9;
    meter_estimate(&meter, 40);
    CHECK("output", meter.usage.output_tokens == 3);
    CHECK("input", meter.usage.input_tokens == 10 && meter.usage.is_estimated);

    meter_init(&meter, ENDPOINT_CHAT);
    meter.usage.input_tokens = meter.usage.output_tokens = 5;
    meter.output_bytes = 1000;
    meter_estimate(&meter, 40);
    CHECK("known stays", meter.usage.output_tokens == 5 && !meter.usage.is_estimated);

    meter_init(&meter, ENDPOINT_MESSAGES);
    meter.usage.input_tokens = 5;
    meter.usage.output_tokens = 1;
    meter.output_bytes = 1000;
    meter_estimate(&meter, -1);
    CHECK("message_start's placeholder in a cut stream", meter.usage.output_tokens == 250);
}

static const struct error_story {
    const char *name, *body;
    const char *type, *code, *message, *details_code;
    int64_t number_code;
    int status;
} errors[] = {
    {"OpenAI",
     "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":\"p\","
     "\"code\":\"invalid_api_key\"}}",
     "invalid_request_error", "invalid_api_key", "m", "", 0, 401},
    {"OpenAI with nulls", "{\"error\":{\"message\":\"m\",\"type\":null,\"code\":null}}", "", "",
     "m", "", 0, 0},
    {"Anthropic with details",
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\","
     "\"details\":{\"error_code\":\"credit_balance_too_low\"}}}",
     "invalid_request_error", "", "m", "credit_balance_too_low", 0, 400},
    {"llama", "{\"error\":{\"code\":503,\"message\":\"m\",\"type\":\"unavailable_error\"}}",
     "unavailable_error", "", "m", "", 503, 503},
    {"a number in a string", "{\"error\":{\"code\":\"429\",\"message\":\"m\"}}", "", "429", "m", "",
     429, 429},
    {"flat vLLM",
     "{\"object\":\"error\",\"message\":\"m\",\"type\":\"NotFoundError\",\"code\":404}",
     "NotFoundError", "", "m", "", 404, 404},
    {"flat Mistral with an object as message",
     "{\"object\":\"error\",\"message\":{\"detail\":[{\"loc\":[\"x\"],\"msg\":\"m\"}]},"
     "\"type\":\"invalid_request_error\"}",
     "invalid_request_error", "", "m", "", 0, 400},
    {"Ollama", "{\"error\":\"m\"}", "", "", "m", "", 0, 0},
    {"FastAPI", "{\"detail\":\"m\"}", "", "", "m", "", 0, 0},
    {"FastAPI with a list", "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\"}]}", "", "", "m", "", 0,
     0},
    {"Databricks", "{\"error_code\":\"REQUEST_LIMIT_EXCEEDED\",\"message\":\"m\"}", "",
     "REQUEST_LIMIT_EXCEEDED", "m", "", 0, 0},
    {"no error", "{\"id\":1}", "", "", "", "", 0, 0},
    {"HTML", "<html>", "", "", "", "", 0, 0},
    {"empty", "", "", "", "", "", 0, 0},
};

static void error_bodies_of_all_shapes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        const struct error_story *story = &errors[i];
        struct error_body error;
        error_body_read(reader, str_of(story->body), &error);
        CHECK(story->name, str_eq(error.type, str_of(story->type)));
        CHECK(story->name, str_eq(error.code, str_of(story->code)));
        CHECK(story->name, str_eq(error.message, str_of(story->message)));
        CHECK(story->name, str_eq(error.details_code, str_of(story->details_code)));
        CHECK_INT(story->name, error.number_code, story->number_code);
        CHECK_INT(story->name, error_body_status(&error), story->status);
        CHECK(story->name, error.is_json == (story->body[0] == '{'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(streams_mean_the_same_however_they_are_cut),
        TEST(single_events_are_classed),
        TEST(plain_answers_are_read),
        TEST(odd_answers_are_classed),
        TEST(cache_writes_that_are_kept_an_hour_are_told_apart),
        TEST(unknown_tokens_are_estimated_and_marked),
        TEST(error_bodies_of_all_shapes_are_read),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
