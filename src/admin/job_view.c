/* admin/job_view.c: a job as JSON, and as cells. */
#include "admin/job_view.h"
#include "admin/job_answer_view.h"
#include "admin/state.h"
#include "domain/route.h"

/* ---- who reads ----------------------------------------------------------------------------------- */

void job_reader_open(struct job_reader *reader, const struct api_call *call)
{
    *reader = (struct job_reader){.is_admin = call->role >= ROLE_ADMIN,
                                  .user = call->user,
                                  .team = call->team,
                                  .snapshot = gateway_snapshot(call->admin->options.gateway)};
}

void job_reader_close(struct job_reader *reader)
{
    snapshot_unref((struct snapshot *)(uintptr_t)reader->snapshot);
}

void job_narrow_to_own(const struct api_call *call, struct job_filter *filter)
{
    if (call->user[0])
        str_copy(str_of(call->user), filter->user, sizeof filter->user);
    else
        str_copy(str_of(call->actor), filter->key, sizeof filter->key);
}

/* A member is not told of providers that are other teams'. */
static bool may_name(void *arg, struct str provider_id)
{
    const struct job_reader *reader = arg;
    char id[ID_MAX];
    str_copy(provider_id, id, sizeof id);
    return snapshot_may_see(reader->snapshot, snapshot_provider(reader->snapshot, id), reader->user,
                            reader->team);
}

static void job_answer_of(const struct job_record *job, const struct job_reader *reader,
                          struct job_answer *out_answer)
{
    job_answer_make(job, reader->is_admin ? NULL : may_name, (void *)(uintptr_t)reader, out_answer);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void put_text_or_null(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

/* Unknown is -1 in records, and null here. */
static void put_or_null(struct json_writer *writer, const char *name, int64_t value)
{
    if (value >= 0)
        json_put_int(writer, name, value);
    else
        json_put_null(writer, name);
}

static void put_provider(struct json_writer *writer, const char *id, const char *name)
{
    if (!id[0]) {
        json_put_null(writer, "provider");
        return;
    }
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", id);
    json_put_text(writer, "name", name);
    json_close_object(writer);
}

static void write_attempt(struct json_writer *writer, const struct attempt_record *attempt)
{
    json_open_object(writer);
    json_put_int(writer, "seq", attempt->seq);
    put_provider(writer, attempt->provider_id, attempt->provider_name);
    put_text_or_null(writer, "tier", attempt->tier);
    put_text_or_null(writer, "worker", attempt->worker);
    put_text_or_null(writer, "model", attempt->model);
    put_text_or_null(writer, "chosen", attempt->chosen);
    put_text_or_null(writer, "outcome", attempt->outcome);
    put_text_or_null(writer, "reason", attempt->reason);
    put_or_null(writer, "http_status", attempt->http_status ? attempt->http_status : -1);
    json_put_int(writer, "started_at_ms", attempt->started_at_ms);
    put_or_null(writer, "first_byte_ms", attempt->first_byte_ms);
    put_or_null(writer, "ended_at_ms", attempt->ended_at_ms ? attempt->ended_at_ms : -1);
    put_or_null(writer, "input_tokens", attempt->input_tokens);
    put_or_null(writer, "output_tokens", attempt->output_tokens);
    put_or_null(writer, "cached_tokens", attempt->cached_tokens);
    bool has_ended = attempt->outcome[0] != '\0'; /* before, it is what it may cost */
    put_or_null(writer, "cost_microusd", has_ended ? attempt->cost_microusd : COST_UNKNOWN);
    json_put_bool(writer, "estimated", has_ended && attempt->is_estimated);
    json_close_object(writer);
}

/* Attempts failed, and no price is known for any of what they took. */
static bool is_waste_unknown(const struct job_record *job)
{
    bool has_unknown = false;
    for (int32_t i = 0; i < job->attempt_count && i < ATTEMPTS_MAX; i++) {
        const struct attempt_record *attempt = &job->attempt[i];
        bool has_tokens = attempt->input_tokens >= 0 || attempt->output_tokens >= 0;
        if (strcmp(attempt->outcome, "failed") == 0)
            has_unknown |= has_tokens && attempt->cost_microusd < 0;
    }
    return has_unknown && job->wasted_microusd == 0;
}

static void write_fidelity(struct json_writer *writer, const char *notes)
{
    struct str rest = str_of(notes);
    json_open_array(writer, "fidelity");
    while (rest.len)
        json_put_string(writer, NULL, str_trim(str_cut(&rest, ',')));
    json_close_array(writer);
}

static void write_figures(struct json_writer *writer, const struct job_record *job)
{
    put_or_null(writer, "queued_ms", job->queued_ms);
    put_or_null(writer, "first_byte_ms", job->first_byte_ms);
    put_or_null(writer, "duration_ms", job->duration_ms);
    put_or_null(writer, "input_tokens", job->usage.input_tokens);
    put_or_null(writer, "output_tokens", job->usage.output_tokens);
    put_or_null(writer, "cached_tokens", job->usage.cached_tokens);
    json_put_bool(writer, "estimated", job->usage.is_estimated);
    put_or_null(writer, "cost_microusd", job->cost_microusd);
    json_put_bool(writer, "cost_is_partial", job->is_unpriced && job->cost_microusd >= 0);
    put_or_null(writer, "wasted_microusd", is_waste_unknown(job) ? -1 : job->wasted_microusd);
    json_put_int(writer, "config_version", job->config_version);
    put_or_null(writer, "http_status", job->http_status ? job->http_status : -1);
    json_put_int(writer, "bytes_in", job->bytes_in);
    json_put_int(writer, "bytes_out", job->bytes_out);
}

/* What routing was asked: null where the body was not read, and in records of before this was kept. */
static void write_shape(struct json_writer *writer, const struct job_record *job)
{
    if (job->needs < 0) {
        json_put_null(writer, "shape");
        return;
    }
    json_open_object_named(writer, "shape");
    json_open_array(writer, "needs");
    if (job->needs & NEEDS_TOOLS)
        json_put_text(writer, NULL, "tools");
    if (job->needs & NEEDS_IMAGES)
        json_put_text(writer, NULL, "images");
    if (job->needs & NEEDS_SCHEMA)
        json_put_text(writer, NULL, "json_schema");
    json_close_array(writer);
    put_or_null(writer, "prompt_tokens", job->prompt_tokens);
    put_text_or_null(writer, "provider", job->pin);
    json_put_text(writer, "service_class", job->is_batch ? "batch" : "interactive");
    put_or_null(writer, "wait_ms", job->wait_ms);
    json_close_object(writer);
}

/* The server's own microseconds; null in records of before they were kept. */
static void write_timing(struct json_writer *writer, const struct job_record *job)
{
    bool is_known = false;
    for (int i = 0; i < PHASE_COUNT; i++)
        is_known |= job->phase_us[i] >= 0;
    if (!is_known) {
        json_put_null(writer, "timing");
        return;
    }
    json_open_object_named(writer, "timing");
#define X(name, text) put_or_null(writer, #text "_us", job->phase_us[PHASE_##name]);
    PHASE_LIST(X)
#undef X
    json_close_object(writer);
}

/* What people are called today, beside the ids of then; null: gone, or shut out. */
static void write_names(struct json_writer *writer, const struct job_record *job,
                        const struct snapshot *snapshot)
{
    const struct team *team = snapshot_team(snapshot, job->team);
    const struct principal *user = job->user[0] ? snapshot_user(snapshot, job->user, "") : NULL;
    json_put_text(writer, "team_name", team ? team->name : NULL);
    json_put_text(writer, "user_name", user ? user->name : NULL);
}

void job_write(struct json_writer *writer, const struct job_record *job,
               const struct job_reader *reader)
{
    struct job_answer answer;
    job_answer_of(job, reader, &answer);
    json_put_text(writer, "id", job->id);
    json_put_text(writer, "status", job_status_name(job->status));
    put_text_or_null(writer, "reason", job->reason);
    put_text_or_null(writer, "requested_model", job->requested_model);
    put_provider(writer, job->provider_id, job->provider_name);
    put_text_or_null(writer, "model", job->model);
    json_put_text(writer, "dialect", job->dialect);
    json_put_text(writer, "endpoint", job->endpoint);
    json_put_bool(writer, "stream", job->is_stream);
    json_put_text(writer, "source", job->source);
    put_text_or_null(writer, "team", job->team);
    put_text_or_null(writer, "user", job->user);
    put_text_or_null(writer, "key", job->key_id);
    put_text_or_null(writer, "key_name", job->key_name);
    put_text_or_null(writer, "agent", job->agent);
    write_names(writer, job, reader->snapshot);
    json_put_int(writer, "created_at_ms", job->created_at_ms);
    write_figures(writer, job);
    write_shape(writer, job);
    write_timing(writer, job);
    job_answer_write(writer, job, &answer);
    json_open_array(writer, "attempts");
    for (int32_t i = 0; i < job->attempt_count && i < ATTEMPTS_MAX; i++)
        write_attempt(writer, &job->attempt[i]);
    json_close_array(writer);
    write_fidelity(writer, job->fidelity);
}

/* ---- cells --------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT(text)   csv_text(csv, str_of(text))
#define NUMBER(value) csv_int_or_empty(csv, value)
#define COLUMN_LIST(X)                                             \
    X(id,               TEXT(job->id))                             \
    X(status,           TEXT(job_status_name(job->status)))        \
    X(reason,           TEXT(job->reason))                         \
    X(created_at_ms,    NUMBER(job->created_at_ms))                \
    X(requested_model,  TEXT(job->requested_model))                \
    X(provider,         TEXT(job->provider_id))                    \
    X(provider_name,    TEXT(job->provider_name))                  \
    X(model,            TEXT(job->model))                          \
    X(dialect,          TEXT(job->dialect))                        \
    X(endpoint,         TEXT(job->endpoint))                       \
    X(stream,           NUMBER(job->is_stream))                    \
    X(source,           TEXT(job->source))                         \
    X(team,             TEXT(job->team))                           \
    X(user,             TEXT(job->user))                           \
    X(key,              TEXT(job->key_id))                         \
    X(key_name,         TEXT(job->key_name))                       \
    X(agent,            TEXT(job->agent))                          \
    X(attempts,         NUMBER(job->attempt_count))                \
    X(queued_ms,        NUMBER(job->queued_ms))                    \
    X(first_byte_ms,    NUMBER(job->first_byte_ms))                \
    X(duration_ms,      NUMBER(job->duration_ms))                  \
    X(input_tokens,     NUMBER(job->usage.input_tokens))           \
    X(output_tokens,    NUMBER(job->usage.output_tokens))          \
    X(cached_tokens,    NUMBER(job->usage.cached_tokens))          \
    X(estimated,        NUMBER(job->usage.is_estimated))           \
    X(cost_microusd,    NUMBER(job->cost_microusd))                \
    X(cost_is_partial,  NUMBER(job->is_unpriced && job->cost_microusd >= 0)) \
    X(wasted_microusd,  NUMBER(is_waste_unknown(job) ? -1 : job->wasted_microusd)) \
    X(http_status,      NUMBER(job->http_status ? job->http_status : -1)) \
    X(config_version,   NUMBER(job->config_version))               \
    X(fidelity,         TEXT(job->fidelity))                       \
    X(answer_line,      csv_text(csv, line))
/* clang-format on */

void job_csv_head(struct csv *csv)
{
#define X(name, put) csv_text(csv, STR(#name));
    COLUMN_LIST(X)
#undef X
    csv_end_line(csv);
}

void job_csv(struct csv *csv, const struct job_record *job, const struct job_reader *reader)
{
    struct job_answer answer;
    AUTO_BUF struct buf sentence;
    buf_init(&sentence, ANSWER_LINE_MAX);
    job_answer_of(job, reader, &answer);
    answer_line_write(&answer.facts, &sentence, NULL);
    struct str line = buf_str(&sentence);
#define X(name, put) put;
    COLUMN_LIST(X)
#undef X
    csv_end_line(csv);
}
