/* store/job_spans.c: see job_spans.h. */
#include "store/job_spans.h"

#include "json/json_writer.h"

#include <stdio.h>

/* opentelemetry/proto/trace/v1/trace.proto */
enum { SPAN_SERVER = 2, SPAN_CLIENT = 3 };
enum { STATUS_UNSET = 0, STATUS_ERROR = 2 };

#define NS_PER_MS INT64_C(1000000)

/* 64-bit numbers are strings in this encoding. */
static void put_decimal(struct json_writer *writer, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    json_put_text(writer, name, text);
}

/* ---- attributes ---------------------------------------------------------------------------------- */

static void put_text(struct json_writer *writer, const char *key, const char *text)
{
    if (!text[0])
        return;
    json_open_object(writer);
    json_put_text(writer, "key", key);
    json_open_object_named(writer, "value");
    json_put_text(writer, "stringValue", text);
    json_close_object(writer);
    json_close_object(writer);
}

static void put_number(struct json_writer *writer, const char *key, int64_t number)
{
    if (number < 0) /* not known */
        return;
    json_open_object(writer);
    json_put_text(writer, "key", key);
    json_open_object_named(writer, "value");
    put_decimal(writer, "intValue", number);
    json_close_object(writer);
    json_close_object(writer);
}

static const char *operation_of(const struct job_record *job)
{
    static const struct {
        const char *endpoint, *operation;
    } known[] = {{"chat_completions", "chat"},
                 {"responses", "chat"},
                 {"messages", "chat"},
                 {"completions", "text_completion"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(job->endpoint, known[i].endpoint) == 0)
            return known[i].operation;
    return job->endpoint; /* embeddings; and what the conventions have no word for */
}

/* ---- spans --------------------------------------------------------------------------------------- */

struct span {
    const uint8_t *id, *parent; /* NULL: none */
    int kind, status;
    const char *model; /* of its name */
    int64_t from_ms, to_ms;
};

static void put_id(struct json_writer *writer, const char *name, const uint8_t *bytes, size_t count)
{
    char room[2 * TRACE_ID_BYTES + BUF_SLACK_BYTES + 1];
    AUTO_BUF struct buf hex;
    buf_init_in(&hex, sizeof room, room, sizeof room);
    buf_put_hex(&hex, bytes, count);
    json_put_string(writer, name, buf_str(&hex));
}

/* Leaves the span open, in its list of attributes. */
static void open_span(struct json_writer *writer, const struct job_record *job,
                      const struct trace *trace, const struct span *span)
{
    char name[32 + sizeof job->requested_model];
    const char *operation = operation_of(job);
    snprintf(name, sizeof name, "%s%s%s", operation, span->model[0] ? " " : "", span->model);
    json_open_object(writer);
    put_id(writer, "traceId", trace->id, TRACE_ID_BYTES);
    put_id(writer, "spanId", span->id, SPAN_ID_BYTES);
    if (span->parent)
        put_id(writer, "parentSpanId", span->parent, SPAN_ID_BYTES);
    json_put_text(writer, "name", name);
    json_put_int(writer, "kind", span->kind);
    put_decimal(writer, "startTimeUnixNano", span->from_ms * NS_PER_MS);
    int64_t to_ms = span->to_ms < span->from_ms ? span->from_ms : span->to_ms; /* a clock was set */
    put_decimal(writer, "endTimeUnixNano", to_ms * NS_PER_MS);
    json_open_object_named(writer, "status");
    json_put_int(writer, "code", span->status);
    json_close_object(writer);
    json_open_array(writer, "attributes");
    put_text(writer, "gen_ai.operation.name", operation);
    put_text(writer, "auxot.job", job->id);
}

static void close_span(struct json_writer *writer)
{
    json_close_array(writer);
    json_close_object(writer);
}

/* A caller's mistake and a caller who left are no errors of a server's span: its status stays unset. */
static void write_job(const struct job_record *job, const struct trace *trace, const uint8_t *id,
                      const char *kind, int64_t ended_at_ms, struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    struct span span = {.id = id,
                        .parent = trace->has_parent ? trace->parent : NULL,
                        .kind = SPAN_SERVER,
                        .status = job->status == JOB_FAILED ? STATUS_ERROR : STATUS_UNSET,
                        .model = job->requested_model,
                        .from_ms = job->created_at_ms,
                        .to_ms = ended_at_ms};
    open_span(&writer, job, trace, &span);
    put_text(&writer, "gen_ai.provider.name", kind);
    put_text(&writer, "gen_ai.request.model", job->requested_model);
    put_text(&writer, "gen_ai.response.model", job->model);
    put_number(&writer, "gen_ai.usage.input_tokens", job->usage.input_tokens);
    put_number(&writer, "gen_ai.usage.output_tokens", job->usage.output_tokens);
    put_text(&writer, "error.type", job->status == JOB_DONE ? "" : job->reason);
    put_number(&writer, "http.response.status_code", job->http_status ? job->http_status : -1);
    put_text(&writer, "auxot.provider", job->provider_name);
    put_text(&writer, "auxot.status", job_status_name(job->status));
    put_text(&writer, "auxot.reason", job->reason);
    put_number(&writer, "auxot.cost_microusd", job->cost_microusd);
    close_span(&writer);
}

static void write_attempt(const struct job_record *job, const struct attempt_record *attempt,
                          const struct trace *trace, const uint8_t *parent, const char *kind,
                          int64_t job_ended_at_ms, struct buf *out)
{
    struct json_writer writer;
    uint8_t id[SPAN_ID_BYTES];
    trace_span(str_of(job->id), attempt->seq, id);
    json_writer_init(&writer, out);
    bool has_failed = strcmp(attempt->outcome, "failed") == 0;
    struct span span = {.id = id,
                        .parent = parent,
                        .kind = SPAN_CLIENT,
                        .status = has_failed ? STATUS_ERROR : STATUS_UNSET,
                        .model = attempt->model,
                        .from_ms = attempt->started_at_ms,
                        .to_ms = attempt->ended_at_ms ? attempt->ended_at_ms : job_ended_at_ms};
    open_span(&writer, job, trace, &span);
    put_text(&writer, "gen_ai.provider.name", kind);
    put_text(&writer, "gen_ai.request.model", attempt->model);
    put_number(&writer, "gen_ai.usage.input_tokens", attempt->input_tokens);
    put_number(&writer, "gen_ai.usage.output_tokens", attempt->output_tokens);
    put_text(&writer, "error.type", strcmp(attempt->outcome, "ok") == 0 ? "" : attempt->reason);
    put_number(&writer, "http.response.status_code",
               attempt->http_status ? attempt->http_status : -1);
    put_number(&writer, "auxot.attempt", attempt->seq);
    put_text(&writer, "auxot.provider", attempt->provider_name);
    put_text(&writer, "auxot.worker", attempt->worker);
    put_text(&writer, "auxot.chosen", attempt->chosen);
    put_text(&writer, "auxot.reason", attempt->reason);
    put_number(&writer, "auxot.cost_microusd", attempt->cost_microusd);
    close_span(&writer);
}

void job_spans_write(const struct job_record *job, const struct trace *trace,
                     const char *const *kinds, struct buf *out)
{
    uint8_t id[SPAN_ID_BYTES];
    trace_span(str_of(job->id), TRACE_JOB_SPAN, id);
    int64_t ended_at_ms = job->created_at_ms + (job->duration_ms > 0 ? job->duration_ms : 0);
    bool is_answered = job->provider_id[0] && job->attempt_count > 0; /* by the last one */
    write_job(job, trace, id, is_answered ? kinds[job->attempt_count - 1] : "", ended_at_ms, out);
    for (int32_t i = 0; i < job->attempt_count; i++) {
        buf_putc(out, ',');
        write_attempt(job, &job->attempt[i], trace, id, kinds[i], ended_at_ms, out);
    }
}

/* ---- around them --------------------------------------------------------------------------------- */

void job_spans_begin(const char *service, const char *version, struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    buf_append_lit(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":");
    json_open_array(&writer, NULL);
    put_text(&writer, "service.name", service);
    put_text(&writer, "service.version", version);
    json_close_array(&writer);
    buf_append_lit(out, "},\"scopeSpans\":[{\"scope\":{\"name\":\"auxot\",\"version\":");
    json_quote(out, str_of(version));
    buf_append_lit(out, "},\"spans\":[");
}

void job_spans_end(struct buf *out)
{
    buf_append_lit(out, "]}]}]}");
}
