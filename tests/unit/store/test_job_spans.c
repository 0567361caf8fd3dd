/* tests/unit/store/test_job_spans.c: what a collector is told of a job, to the byte. */
#include "store/job_spans.h"

#include "json/json.h"

#include "tests/test.h"

#define JOB "job_01jz0000000000000000000000"

static const struct trace callers = {.id = {0x0a, [15] = 0x9c},
                                     .parent = {0xb7, [7] = 0x31},
                                     .has_parent = true,
                                     .is_sampled = true};
static const char *const kinds[ATTEMPTS_MAX] = {"openai", "anthropic"};

static struct job_record failover(void)
{
    return (struct job_record){
        .id = JOB,
        .status = JOB_DONE,
        .reason = "failover",
        .http_status = 200,
        .endpoint = "chat_completions",
        .requested_model = "auto",
        .model = "claude-x",
        .provider_id = "prv_2",
        .provider_name = "second",
        .key_id = "key_secret",
        .key_name = "the name of a key",
        .created_at_ms = 1790000000000,
        .duration_ms = 250,
        .usage = {.input_tokens = 7, .output_tokens = 3},
        .cost_microusd = 12,
        .attempt_count = 2,
        .attempt = {{.seq = 1,
                     .provider_name = "first",
                     .model = "gpt-x",
                     .outcome = "failed",
                     .reason = "overloaded",
                     .chosen = "only",
                     .http_status = 503,
                     .started_at_ms = 1790000000010,
                     .ended_at_ms = 1790000000020,
                     .input_tokens = TOKENS_UNKNOWN,
                     .output_tokens = TOKENS_UNKNOWN,
                     .cost_microusd = COST_UNKNOWN},
                    {.seq = 2,
                     .provider_name = "second",
                     .model = "claude-x",
                     .worker = "wrk_1",
                     .outcome = "ok",
                     .http_status = 200,
                     .started_at_ms = 1790000000020,
                     .ended_at_ms = 1790000000240,
                     .input_tokens = 7,
                     .output_tokens = 3,
                     .cost_microusd = 12}},
    };
}

/* Quotes are written as ' in the stories. */
static void tell(const struct job_record *job, const struct trace *trace, struct buf *out)
{
    buf_init(out, 65536);
    job_spans_write(job, trace, kinds, out);
    assert_false(out->failed);
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] == '"')
            out->data[i] = '\'';
}

static bool holds(const struct buf *text, const char *part)
{
    return str_find(buf_str(text), str_of(part), NULL);
}

static void a_failover_is_three_spans(void **state)
{
    (void)state;
    static const struct {
        const char *name, *part;
    } stories[] = {
        {"the job, under its caller",
         "{'traceId':'0a00000000000000000000000000009c','spanId':'%s',"
         "'parentSpanId':'b700000000000031','name':'chat auto','kind':2,"
         "'startTimeUnixNano':'1790000000000000000','endTimeUnixNano':'1790000000250000000',"
         "'status':{'code':0},'attributes':["
         "{'key':'gen_ai.operation.name','value':{'stringValue':'chat'}},"
         "{'key':'auxot.job','value':{'stringValue':'" JOB "'}},"
         "{'key':'gen_ai.provider.name','value':{'stringValue':'anthropic'}},"
         "{'key':'gen_ai.request.model','value':{'stringValue':'auto'}},"
         "{'key':'gen_ai.response.model','value':{'stringValue':'claude-x'}},"
         "{'key':'gen_ai.usage.input_tokens','value':{'intValue':'7'}},"
         "{'key':'gen_ai.usage.output_tokens','value':{'intValue':'3'}},"
         "{'key':'http.response.status_code','value':{'intValue':'200'}},"
         "{'key':'auxot.provider','value':{'stringValue':'second'}},"
         "{'key':'auxot.status','value':{'stringValue':'done'}},"
         "{'key':'auxot.reason','value':{'stringValue':'failover'}},"
         "{'key':'auxot.cost_microusd','value':{'intValue':'12'}}]},"},
        {"the attempt that failed, under the job",
         "'parentSpanId':'%s','name':'chat gpt-x','kind':3,"
         "'startTimeUnixNano':'1790000000010000000','endTimeUnixNano':'1790000000020000000',"
         "'status':{'code':2},'attributes':["
         "{'key':'gen_ai.operation.name','value':{'stringValue':'chat'}},"
         "{'key':'auxot.job','value':{'stringValue':'" JOB "'}},"
         "{'key':'gen_ai.provider.name','value':{'stringValue':'openai'}},"
         "{'key':'gen_ai.request.model','value':{'stringValue':'gpt-x'}},"
         "{'key':'error.type','value':{'stringValue':'overloaded'}},"
         "{'key':'http.response.status_code','value':{'intValue':'503'}},"
         "{'key':'auxot.attempt','value':{'intValue':'1'}},"
         "{'key':'auxot.provider','value':{'stringValue':'first'}},"
         "{'key':'auxot.chosen','value':{'stringValue':'only'}},"
         "{'key':'auxot.reason','value':{'stringValue':'overloaded'}}]},"},
        {"the one that answered, under the job",
         "'parentSpanId':'%s','name':'chat claude-x','kind':3,"
         "'startTimeUnixNano':'1790000000020000000','endTimeUnixNano':'1790000000240000000',"
         "'status':{'code':0},"},
        {"its worker", "{'key':'auxot.worker','value':{'stringValue':'wrk_1'}}"},
    };
    const struct job_record job = failover();
    AUTO_BUF struct buf text, id;
    uint8_t span[SPAN_ID_BYTES];
    tell(&job, &callers, &text);
    trace_span(STR(JOB), TRACE_JOB_SPAN, span);
    buf_init(&id, 64);
    buf_put_hex(&id, span, sizeof span);
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct str rest = str_of(stories[i].part), before;
        size_t at;
        AUTO_BUF struct buf part;
        buf_init(&part, 65536);
        bool has_id = str_find(rest, STR("%s"), &at);
        before = str_upto(rest, has_id ? at : rest.len);
        buf_append_str(&part, before);
        if (has_id) {
            buf_append_str(&part, buf_str(&id));
            buf_append_str(&part, str_from(rest, at + 2));
        }
        CHECK(stories[i].name, holds(&text, part.data));
    }
    CHECK("of keys nothing is told", !holds(&text, "key_secret") && !holds(&text, "name of a key"));
}

static void ends_are_told_as_the_conventions_have_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum job_status status;
        const char *reason, *has, *has_not;
    } stories[] = {
        {"done", JOB_DONE, "ok", "'status':{'code':0}", "error.type"},
        {"failed", JOB_FAILED, "overloaded", "'status':{'code':2}", "'code':0"},
        {"refused: the caller's mistake", JOB_REFUSED, "model_not_found", "'status':{'code':0}",
         "'code':2"},
        {"cancelled: the caller left", JOB_CANCELLED, "client_gone",
         "{'key':'error.type','value':{'stringValue':'client_gone'}}", "'code':2"},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct job_record job = failover();
        AUTO_BUF struct buf text;
        job.status = stories[i].status;
        job.attempt_count = 0;
        str_copy(str_of(stories[i].reason), job.reason, sizeof job.reason);
        tell(&job, &callers, &text);
        CHECK(stories[i].name, holds(&text, stories[i].has));
        CHECK(stories[i].name, !holds(&text, stories[i].has_not));
    }
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct job_record job = {
        .id = JOB,
        .status = JOB_CANCELLED,
        .endpoint = "count_tokens",
        .created_at_ms = 1790000000000,
        .duration_ms = -1,
        .usage = {.input_tokens = TOKENS_UNKNOWN, .output_tokens = TOKENS_UNKNOWN},
        .cost_microusd = COST_UNKNOWN,
        .attempt_count = 1,
        .attempt = {{.seq = 1,
                     .started_at_ms = 1790000000010,
                     .ended_at_ms = 1790000000001,
                     .cost_microusd = COST_UNKNOWN}}};
    struct trace own;
    AUTO_BUF struct buf text;
    CHECK("a trace of its own", trace_of_job(STR(JOB), &own));
    tell(&job, &own, &text);
    CHECK("no caller's span", !holds(&text, "b7000000"));
    CHECK("a name without a model", holds(&text, "'name':'count_tokens',"));
    CHECK("an end that is its beginning", holds(&text, "'endTimeUnixNano':'1790000000000000000'"));
    CHECK("a clock that was set back ends nothing before it began",
          holds(&text, "'endTimeUnixNano':'1790000000010000000'"));
    CHECK("no provider of a job that nobody answered",
          !holds(&text, "gen_ai.response.model") && !holds(&text, "cost_microusd"));
}

static void a_body_is_json_whatever_names_hold(void **state)
{
    (void)state;
    struct job_record job = failover();
    struct json_reader *reader = NULL;
    struct json root;
    struct error error;
    AUTO_BUF struct buf body;
    memset(job.requested_model, '"', sizeof job.requested_model - 1);
    str_copy(STR("a\\b\n\xff\x01"), job.provider_name, sizeof job.provider_name);
    buf_init(&body, 65536);
    job_spans_begin("a \"service\"", "0.1", &body);
    job_spans_write(&job, &callers, kinds, &body);
    buf_putc(&body, ',');
    job_spans_write(&job, &callers, kinds, &body);
    job_spans_end(&body);
    assert_int_equal(json_reader_new(65536, &reader), OK);
    CHECK("json", json_parse(reader, buf_str(&body), &root, &error) == OK);
    json_reader_free(reader);
}

TEST_MAIN(TEST(a_failover_is_three_spans), TEST(ends_are_told_as_the_conventions_have_it),
          TEST(what_is_not_known_is_left_out), TEST(a_body_is_json_whatever_names_hold))
