/* tests/unit/wire/test_say.c: exact bytes of what the server says itself. */
#include "wire/say.h"

#include "wire/meter.h"

#include "tests/test.h"

static const struct error_story {
    enum dialect dialect;
    enum say what;
    const char *sentence, *param, *request_id, *body;
} errors[] = {
    {DIALECT_OPENAI, SAY_NO_MODEL, "no \"x\" here", "model", "job_1",
     "{\"error\":{\"message\":\"no \\\"x\\\" here\",\"type\":\"invalid_request_error\","
     "\"param\":\"model\",\"code\":\"model_not_found\"}}"},
    {DIALECT_OPENAI, SAY_RATE_LIMITED, "bad \xFF byte", NULL, NULL,
     "{\"error\":{\"message\":\"bad \xEF\xBF\xBD byte\",\"type\":\"rate_limit_error\","
     "\"param\":null,\"code\":null}}"},
    {DIALECT_ANTHROPIC, SAY_OVERLOADED, "full", NULL, "job_1",
     "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"full\"},"
     "\"request_id\":\"job_1\"}"},
};

static void errors_have_the_dialects_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 4096);
        say_error(&out, errors[i].dialect, errors[i].what, errors[i].sentence, errors[i].param,
                  errors[i].request_id);
        CHECK_STR(errors[i].sentence, out.data, errors[i].body);
    }
}

static const struct stream_story {
    enum endpoint endpoint;
    enum say what;
    const char *response_id, *event;
} streams[] = {
    {ENDPOINT_CHAT, SAY_ATTEMPTS_EXHAUSTED, "",
     "data: {\"error\":{\"message\":\"cut\",\"type\":\"server_error\",\"param\":null,"
     "\"code\":null}}\n\n"},
    {ENDPOINT_MESSAGES, SAY_ATTEMPTS_EXHAUSTED, "",
     "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
     "\"message\":\"cut\"},\"request_id\":\"job_1\"}\n\n"},
    {ENDPOINT_RESPONSES, SAY_ATTEMPTS_EXHAUSTED, "resp_9",
     "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":3,"
     "\"response\":{\"id\":\"resp_9\",\"object\":\"response\",\"created_at\":0,"
     "\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"cut\"},"
     "\"incomplete_details\":null,\"output\":[],\"usage\":null}}\n\n"},
    {ENDPOINT_RESPONSES, SAY_OVERLOADED, "",
     "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":3,"
     "\"response\":{\"id\":\"resp_job_1\",\"object\":\"response\",\"created_at\":0,"
     "\"status\":\"failed\",\"error\":{\"code\":\"server_is_overloaded\",\"message\":\"cut\"},"
     "\"incomplete_details\":null,\"output\":[],\"usage\":null}}\n\n"},
};

static void streams_end_with_the_dialects_error_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 4096);
        say_stream_error(&out, streams[i].endpoint, streams[i].what, "cut", "job_1",
                         streams[i].response_id, 3);
        CHECK_STR("stream error", out.data, streams[i].event);
    }
}

/* What we say must be understood by what reads providers: an Auxot may stand before another. */
static void our_own_errors_are_errors_to_the_meter(void **state)
{
    (void)state;
    struct json_reader *reader;
    assert_int_equal(json_reader_new(1 << 16, &reader), OK);
    static const enum endpoint endpoints[] = {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES};
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        for (int what = 0; what < SAY_COUNT; what++) {
            AUTO_BUF struct buf out;
            AUTO_BUF struct buf joined;
            buf_init(&out, 4096);
            buf_init(&joined, 4096);
            say_stream_error(&out, endpoints[i], (enum say)what, "cut", NULL, NULL, 0);
            size_t scanned = 0;
            CHECK("one whole event", sse_event_end(buf_str(&out), &scanned) == out.len);
            struct sse_event event;
            struct meter meter;
            enum stream_class class;
            sse_event_read(buf_str(&out), &joined, &event);
            meter_init(&meter, endpoints[i]);
            CHECK("read", meter_event(&meter, reader, &event, &class, &(struct json){0}) == OK);
            CHECK("error", class == STREAM_ERROR && strcmp(meter.error_message, "cut") == 0);
        }
    }
    json_reader_free(reader);
}

static void statuses_and_keepalives_are_as_told(void **state)
{
    (void)state;
    CHECK("status", say_status(SAY_NO_MODEL) == 404 && say_status(SAY_OVERLOADED) == 503);
    CHECK("retry", !say_may_retry(SAY_UNAUTHORIZED) && say_may_retry(SAY_RATE_LIMITED));
    CHECK("ping", str_eq(say_keepalive(ENDPOINT_MESSAGES),
                         STR("event: ping\ndata: {\"type\":\"ping\"}\n\n")));
    CHECK("comment", str_eq(say_keepalive(ENDPOINT_RESPONSES), STR(": keep-alive\n\n")));
}

static void models_are_listed(void **state)
{
    (void)state;
    static const struct model_entry entries[] = {{"auto", "auxot", 0},
                                                 {"gpt", "openai", 1709210096789}};
    AUTO_BUF struct buf out;
    buf_init(&out, 4096);
    say_models(&out, DIALECT_OPENAI, entries, 2, false);
    CHECK_STR("openai", out.data,
              "{\"object\":\"list\",\"data\":[{\"id\":\"auto\",\"object\":\"model\",\"created\":0,"
              "\"owned_by\":\"auxot\"},{\"id\":\"gpt\",\"object\":\"model\",\"created\":1709210096,"
              "\"owned_by\":\"openai\"}]}");
    buf_clear(&out);
    say_models(&out, DIALECT_ANTHROPIC, entries, 2, true);
    CHECK_STR("anthropic", out.data,
              "{\"data\":[{\"type\":\"model\",\"id\":\"auto\",\"display_name\":\"auto\","
              "\"created_at\":\"1970-01-01T00:00:00Z\"},{\"type\":\"model\",\"id\":\"gpt\","
              "\"display_name\":\"gpt\",\"created_at\":\"2024-02-29T12:34:56Z\"}],"
              "\"has_more\":true,\"first_id\":\"auto\",\"last_id\":\"gpt\"}");
    buf_clear(&out);
    say_models(&out, DIALECT_ANTHROPIC, NULL, 0, false);
    CHECK_STR("empty", out.data,
              "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
    buf_clear(&out);
    say_model(&out, DIALECT_OPENAI, &entries[0]);
    CHECK_STR("one", out.data,
              "{\"id\":\"auto\",\"object\":\"model\",\"created\":0,\"owned_by\":\"auxot\"}");
}

TEST_MAIN(TEST(errors_have_the_dialects_shape), TEST(streams_end_with_the_dialects_error_event),
          TEST(our_own_errors_are_errors_to_the_meter), TEST(statuses_and_keepalives_are_as_told),
          TEST(models_are_listed))
