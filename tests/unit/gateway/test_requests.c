/* tests/unit/gateway/test_requests.c: what goes to the provider, what is refused before, what is kept. */
#include "tests/unit/gateway/stories.h"

#define HELLO                                                                       \
    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\"," \
    "\"text\":\"hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5," \
    "\"output_tokens\":2}}"

static void only_allowed_headers_go_to_the_provider(void **state)
{
    (void)state;
    struct stage stage = {.kind = "anthropic"};
    stage.up[0].plays[0] = (struct play){{SAY(JSON HELLO)}};
    stage_begin(&stage, 1);
    struct answer answer = stage_ask(&stage, MESSAGES "?beta=true",
                                     "anthropic-beta: one\r\nAnthropic-Beta: two\r\n"
                                     "anthropic-version: 2023-06-01\r\ncookie: secret=1\r\n"
                                     "x-forwarded-for: 1.2.3.4\r\nX-Auxot-Wait: 30s\r\n"
                                     "traceparent: 00-1-2-3\r\naccept-encoding: gzip\r\n",
                                     "{\"model\":\"auto\",\"messages\":[],\"x\":1}");
    CHECK_INT("status", answer.status, 200);
    CHECK_STR("body", answer.body, HELLO);
    struct job_record job = stage_job(&stage);
    const char *seen = upstream_seen(&stage.up[0], 0);
    char id[64];
    snprintf(id, sizeof id, "x-client-request-id: %s-1\r\n", job.id);
    static const char *const has[] = {"POST /v1/messages?beta=true HTTP/1.1\r\n",
                                      "x-api-key: sk-canary-of-the-tests\r\n",
                                      "anthropic-beta: one\r\n",
                                      "Anthropic-Beta: two\r\n",
                                      "anthropic-version: 2023-06-01\r\n",
                                      "traceparent: 00-1-2-3\r\n",
                                      "accept-encoding: identity\r\n",
                                      "\r\n\r\n{\"model\":\"m1\",\"messages\":[],\"x\":1}"};
    static const char *const lacks[] = {"cookie",  "auxk_",   "forwarded",
                                        "x-auxot", "X-Auxot", "gzip"};
    CHECK("the id of the attempt", strstr(seen, id));
    for (size_t i = 0; i < COUNT(has); i++)
        CHECK(has[i], strstr(seen, has[i]));
    for (size_t i = 0; i < COUNT(lacks); i++)
        CHECK(lacks[i], !strstr(seen, lacks[i]));
    CHECK("nor does the key come back", !strstr(answer.raw, "canary"));
    answer_free(&answer);
    stage_end(&stage);
}

static void a_job_says_all_that_is_known(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.rows[0].models_json = "[{\"id\":\"gpt-6.1-terra\",\"surfaced\":true}]";
    str_copy(STR("gpt-6.1-terra"), stage.rows[0].default_model, sizeof stage.rows[0].default_model);
    stage.up[0].plays[0] = (struct play){{SAY(SSE ROLE TEXT("a") STOP USAGE DONE)}};
    stage_begin(&stage, 1);
    struct answer answer = stage_ask(&stage, CHAT, "", ASK_STREAM);
    struct job_record job = stage_job(&stage);
    const struct attempt_record *attempt = &job.attempt[0];
    CHECK_STR("status", job_status_name(job.status), "done");
    CHECK_INT("http", job.http_status, 200);
    CHECK_STR("dialect", job.dialect, "openai");
    CHECK_STR("endpoint", job.endpoint, "chat_completions");
    CHECK_STR("source", job.source, "api");
    CHECK_STR("asked", job.requested_model, "auto");
    CHECK_STR("model", job.model, "gpt-6.1-terra");
    CHECK_STR("provider", job.provider_name, "Provider 1");
    CHECK_STR("key", job.key_name, "tester");
    CHECK("stream", job.is_stream);
    CHECK("queued", job.queued_ms >= 0 && job.queued_ms < 5000);
    CHECK("first byte", job.first_byte_ms >= 0 && job.first_byte_ms <= job.duration_ms);
    CHECK_INT("input", job.usage.input_tokens, 7);
    CHECK_INT("output", job.usage.output_tokens, 3);
    CHECK("told, not guessed", !job.usage.is_estimated);
    CHECK_INT("7 at 1 and 3 at 5 dollars a million", job.cost_microusd, 22);
    CHECK_INT("in", job.bytes_in, strlen(ASK_STREAM));
    CHECK_INT("out", job.bytes_out, answer.body_len);
    CHECK_INT("version", job.config_version, 1);
    CHECK_INT("attempts", job.attempt_count, 1);
    CHECK_STR("attempt", attempt->outcome, "ok");
    CHECK_STR("attempt", attempt->model, "gpt-6.1-terra");
    CHECK_INT("attempt", attempt->http_status, 200);
    CHECK_INT("attempt", attempt->output_tokens, 3);
    CHECK("attempt", attempt->first_byte_ms >= 0 && attempt->ended_at_ms >= attempt->started_at_ms);
    answer_free(&answer);
    stage_end(&stage);
}

static struct job_record job_now(struct stage *stage)
{
    struct error error = {0};
    struct jobs_seen seen = {0};
    struct job_filter filter = {.limit = 1};
    char next[96];
    CHECK_INT("drain", store_drain(stage->kept.store, 10000), OK);
    CHECK_INT("jobs", store_jobs(stage->kept.store, &filter, stage_on_job, &seen, next, &error),
              OK);
    return seen.newest;
}

static void the_record_is_ahead_of_the_provider_and_of_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *name, *last, *status;
        struct play play;
    } ends[] = {
        {"an answer", "[DONE]", "done", {{WAIT(100), SAY(SSE ROLE TEXT("a") STOP DONE), STALL}}},
        {"the provider's error event",
         "overloaded",
         "failed",
         {{WAIT(100),
           SAY(SSE ROLE TEXT("a") "data: " OPENAI_ERROR("overloaded", "server_error",
                                                        "null") "\n\n"),
           STALL}}},
        {"our error event",
         "\"error\"",
         "failed",
         {{WAIT(100), SAY(SSE ROLE TEXT("a")), WAIT(200), RESET}}},
    };
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct stage stage = {0};
        stage.up[0].plays[0] = ends[i].play;
        stage_begin(&stage, 1);
        int fd = client_open(&stage);
        struct buf raw;
        buf_init(&raw, ANSWER_MAX);
        client_ask(&stage, fd, CHAT, "", ASK_STREAM);
        while (upstream_count(&stage.up[0]) == 0)
            sleep_ms(1);
        struct job_record job = job_now(&stage);
        CHECK_STR(ends[i].name, job_status_name(job.status), "open");
        CHECK_INT(ends[i].name, job.attempt_count, 1);
        CHECK(ends[i].name, client_read_until(fd, &raw, ends[i].last));
        job = job_now(&stage);
        CHECK_STR(ends[i].name, job_status_name(job.status), ends[i].status);
        struct answer answer = client_finish(fd, &raw);
        answer_free(&answer);
        stage_end(&stage);
    }
}

static void a_strange_model_name_is_told_in_plain_characters(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.rows[0].models_json = "[{\"id\":\"\xC3\xA9 1%\",\"surfaced\":true}]";
    str_copy(STR("\xC3\xA9 1%"), stage.rows[0].default_model, sizeof stage.rows[0].default_model);
    stage.up[0].plays[0] = (struct play){{SAY(JSON WHOLE)}};
    stage_begin(&stage, 1);
    struct answer answer = stage_ask(&stage, CHAT, "", ASK);
    CHECK("header", strstr(answer.raw, "x-auxot-model: %C3%A9%201%25\r\n"));
    answer_free(&answer);
    stage_end(&stage);
}

static void the_usage_option_is_given_up_only_when_that_was_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct play again; /* the answer to the repeat */
        bool is_given_up;
    } ways[] = {
        {"it answers without the option", {{SAY(SSE ROLE TEXT("a") STOP DONE)}}, true},
        {"it refuses for another reason",
         {{SAY(ERROR("400", "", OPENAI_ERROR("no", "x", "null")))}},
         false},
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct stage stage = {0};
        stage.up[0].plays[0] = (struct play){
            {SAY(ERROR("400", "", OPENAI_ERROR("unknown: stream_options", "x", "null")))}};
        stage.up[0].plays[1] = ways[i].again;
        stage.up[0].plays[2] = (struct play){{SAY(SSE ROLE TEXT("a") STOP DONE)}};
        stage_begin(&stage, 1);
        for (int n = 0; n < 2; n++) {
            struct answer answer = stage_ask(&stage, CHAT, "", ASK_STREAM);
            answer_free(&answer);
        }
        CHECK_INT(ways[i].name, upstream_count(&stage.up[0]), 3);
        CHECK(ways[i].name, strstr(upstream_seen(&stage.up[0], 0), "include_usage"));
        CHECK(ways[i].name, !strstr(upstream_seen(&stage.up[0], 1), "include_usage"));
        bool has_option = strstr(upstream_seen(&stage.up[0], 2), "include_usage") != NULL;
        CHECK_INT(ways[i].name, has_option, !ways[i].is_given_up);
        stage_end(&stage);
    }
}

static void a_prompt_that_no_window_holds_is_turned_away_unasked(void **state)
{
    (void)state;
    static const struct {
        const char *path, *headers, *part; /* part: behind the text of the only message */
        int status;
        const char *has, *job;
    } rows[] = {
        {CHAT, "", "", 400, "\"code\":\"context_length_exceeded\"", "refused context_too_small"},
        {MESSAGES, "", "", 400, "\"message\":\"prompt is too long: ", "refused context_too_small"},
        {CHAT, "x-auxot-provider: p1\r\n", "", 200, "hello", "done ok"},
        {CHAT, "", ",{\"type\":\"input_audio\",\"input_audio\":{}}", 200, "hello", "done ok"},
    };
    static char body[4096], text[3201];
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stage stage = {0};
        stage.rows[0].models_json = "[{\"id\":\"m1\",\"surfaced\":true,\"context_tokens\":400}]";
        stage.up[0].plays[0] = (struct play){{SAY(JSON WHOLE)}};
        snprintf(body, sizeof body,
                 "{\"model\":\"m1\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
                 "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}%s]}]}",
                 text, rows[i].part);
        stage_begin(&stage, 1);
        struct answer answer = stage_ask(&stage, rows[i].path, rows[i].headers, body);
        struct job_record job = stage_job(&stage);
        char ended[96];
        snprintf(ended, sizeof ended, "%s %s", job_status_name(job.status), job.reason);
        CHECK_INT(rows[i].has, answer.status, rows[i].status);
        CHECK(rows[i].has, strstr(answer.body, rows[i].has));
        CHECK_STR(rows[i].has, ended, rows[i].job);
        CHECK_INT(rows[i].has, upstream_count(&stage.up[0]), rows[i].status == 200);
        answer_free(&answer);
        stage_end(&stage);
    }
}

static void what_is_wrong_with_a_request_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *name, *request; /* KEY stands for the key */
        int status;
        const char *has, *job; /* job: NULL none */
    } stories[] = {
        {"no key", "POST " CHAT " HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}", 401,
         "invalid_api_key", NULL},
        {"junk", "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: auxk_1\r\n\r\n", 401,
         "x-should-retry: false\r\n", NULL},
        {"two keys",
         "POST " CHAT
         " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\nauthorization: Bearer other\r\n\r\n",
         400, "two different keys", NULL},
        {"the same key twice",
         "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\nauthorization: Bearer KEY\r\n"
         "content-length: 2\r\n\r\n{}",
         400, "model", "refused bad_request"},
        {"the wrong method", "GET " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\n\r\n", 405,
         "allow: POST\r\n", NULL},
        {"a path of nobody", "POST /api/openai/v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n", 404,
         "no such path", NULL},
        {"anthropic in its own words", "POST /api/anthropic/v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n",
         404, "\"type\":\"not_found_error\"", NULL},
        {"a WebSocket",
         "GET " RESPONSES
         " HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
         426, "WebSocket", NULL},
        {"a large body",
         "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\ncontent-length: 5000\r\n\r\n", 413,
         "x-auxot-job: job_", "refused body_too_large"},
        {"two pins",
         "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\nx-auxot-provider: a\r\n"
         "x-auxot-provider: b\r\ncontent-length: 2\r\n\r\n{}",
         400, "X-Auxot-Provider", "refused pins_disagree"},
        {"a pin on nobody",
         "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\nx-auxot-provider: nobody\r\n"
         "content-length: 30\r\n\r\n{\"model\":\"auto\",\"messages\":[]}",
         404, "nobody", "refused unknown_provider"},
        {"no such model in the list",
         "GET /api/openai/v1/models/a%2fb HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\n\r\n", 404,
         "model_not_found", NULL},
        {"the list", "GET /api/openai/models HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\n\r\n", 200,
         "\"id\":\"auto\"", NULL},
        {"the same list for the other dialect: they are translated for",
         "GET /api/anthropic/v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\n\r\n", 200,
         "\"id\":\"m1\"", NULL},
        {"a model of it",
         "GET /api/openai/v1/v1/models/m%31 HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\n\r\n", 200,
         "\"id\":\"m1\"", NULL},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct stage stage = {.options = {.body_limit_bytes = 1000}};
        stage.up[0].plays[0] = (struct play){{STALL}};
        stage_begin(&stage, 1);
        struct buf request, raw;
        buf_init(&request, 8192);
        buf_init(&raw, ANSWER_MAX);
        for (struct str rest = str_of(stories[i].request); rest.len;) {
            size_t at = rest.len;
            bool has_key = str_find(rest, STR("KEY"), &at);
            buf_append_str(&request, str_upto(rest, at));
            if (has_key)
                buf_puts(&request, stage.key);
            rest = str_from(rest, has_key ? at + 3 : at);
        }
        int fd = client_open(&stage);
        client_say(fd, request.data, request.len);
        (void)client_read_until(fd, &raw, "\r\n\r\n");
        sleep_ms(10);
        char more[8192];
        ssize_t n = recv(fd, more, sizeof more, MSG_DONTWAIT);
        if (n > 0)
            buf_append(&raw, more, (size_t)n);
        close(fd);
        struct answer answer = answer_of(&raw);
        CHECK_INT(stories[i].name, answer.status, stories[i].status);
        CHECK(stories[i].name, strstr(answer.raw, stories[i].has));
        CHECK(stories[i].name, strstr(answer.raw, "\r\nrequest-id: "));
        struct job_record job = stage_job(&stage);
        char ended[96] = "";
        if (job.id[0])
            snprintf(ended, sizeof ended, "%s %s", job_status_name(job.status), job.reason);
        CHECK_STR(stories[i].name, ended, stories[i].job ? stories[i].job : "");
        answer_free(&answer);
        buf_release(&request);
        stage_end(&stage);
    }
}

TEST_MAIN(TEST(only_allowed_headers_go_to_the_provider), TEST(a_job_says_all_that_is_known),
          TEST(the_record_is_ahead_of_the_provider_and_of_the_client),
          TEST(a_strange_model_name_is_told_in_plain_characters),
          TEST(the_usage_option_is_given_up_only_when_that_was_it),
          TEST(a_prompt_that_no_window_holds_is_turned_away_unasked),
          TEST(what_is_wrong_with_a_request_is_said))
