/* admin/jobs.c: /api/jobs: the record of requests, as it reads after everything so far was written down.
 *
 * Members see the jobs of their own key.
 */
#include "admin/endpoints.h"
#include "admin/state.h"

#include <assert.h>
#include <time.h>

#define DRAIN_MS 1000

static_assert(API_LIMIT_MAX <= JOBS_PAGE_MAX, "a list asks for no more than the store gives");

/* ---- one job as JSON ----------------------------------------------------------------------------- */

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
    put_text_or_null(writer, "outcome", attempt->outcome);
    put_text_or_null(writer, "reason", attempt->reason);
    put_or_null(writer, "http_status", attempt->http_status ? attempt->http_status : -1);
    json_put_int(writer, "started_at_ms", attempt->started_at_ms);
    put_or_null(writer, "first_byte_ms", attempt->first_byte_ms);
    put_or_null(writer, "ended_at_ms", attempt->ended_at_ms ? attempt->ended_at_ms : -1);
    put_or_null(writer, "input_tokens", attempt->input_tokens);
    put_or_null(writer, "output_tokens", attempt->output_tokens);
    put_or_null(writer, "cached_tokens", attempt->cached_tokens);
    put_or_null(writer, "cost_microusd", attempt->cost_microusd);
    json_put_bool(writer, "estimated", attempt->is_estimated);
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

static void job_write(struct json_writer *writer, const struct job_record *job)
{
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
    json_put_int(writer, "created_at_ms", job->created_at_ms);
    write_figures(writer, job);
    json_open_array(writer, "attempts");
    for (int32_t i = 0; i < job->attempt_count && i < ATTEMPTS_MAX; i++)
        write_attempt(writer, &job->attempt[i]);
    json_close_array(writer);
    write_fidelity(writer, job->fidelity);
}

/* ---- filters ------------------------------------------------------------------------------------- */

/* Milliseconds since 1970, or 2026-01-31, or 2026-01-31T12:00:00Z. */
static bool time_parse(const char *text, int64_t *out_ms)
{
    if (str_to_int64(str_of(text), out_ms))
        return true;
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &utc);
    if (rest && *rest == 'T')
        rest = strptime(rest, "T%H:%M:%S", &utc);
    if (!rest || (strcmp(rest, "Z") != 0 && *rest != '\0'))
        return false;
    *out_ms = (int64_t)timegm(&utc) * 1000;
    return true;
}

static bool time_query(struct api_call *call, const char *name, int64_t *out_ms)
{
    char text[40];
    if (!api_query(call, name, text, sizeof text) || time_parse(text, out_ms))
        return !api_has_failed(call);
    api_fail(call, PROBLEM_BAD_REQUEST, name,
             "%s must be milliseconds since 1970, or a time like 2026-01-31T12:00:00Z (UTC).",
             name);
    return false;
}

static bool status_is_known(struct api_call *call, const char *status)
{
    enum job_status parsed;
    if (!status[0] || job_status_parse(str_of(status), &parsed))
        return true;
    api_fail(call, PROBLEM_BAD_REQUEST, "status",
             "status must be done, failed, cancelled, interrupted, refused or open.");
    return false;
}

static bool filter_read(struct api_call *call, struct job_filter *filter)
{
    const struct {
        const char *name;
        char *room;
        size_t size;
    } texts[] = {
        {"status", filter->status, sizeof filter->status},
        {"provider", filter->provider, sizeof filter->provider},
        {"model", filter->model, sizeof filter->model},
        {"team", filter->team, sizeof filter->team},
        {"user", filter->user, sizeof filter->user},
        {"key", filter->key, sizeof filter->key},
        {"agent", filter->agent, sizeof filter->agent},
        {"source", filter->source, sizeof filter->source},
        {"reason", filter->reason, sizeof filter->reason},
        {"cursor", filter->cursor, sizeof filter->cursor},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!api_query(call, texts[i].name, texts[i].room, texts[i].size) && api_has_failed(call))
            return false;
    return time_query(call, "since", &filter->since_ms) &&
           time_query(call, "until", &filter->until_ms) && api_limit(call, &filter->limit) &&
           status_is_known(call, filter->status);
}

/* A provider's slug means its id, as everywhere. */
static void resolve_provider(struct api_call *call, struct job_filter *filter)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider =
        filter->provider[0] ? snapshot_provider(snapshot, filter->provider) : NULL;
    if (provider)
        str_copy(str_of(provider->id), filter->provider, sizeof filter->provider);
    snapshot_unref(snapshot);
}

/* ---- handlers ------------------------------------------------------------------------------------ */

static void on_job(void *arg, const struct job_record *job)
{
    struct json_writer *writer = arg;
    json_open_object(writer);
    job_write(writer, job);
    json_close_object(writer);
}

void jobs_list(struct api_call *call)
{
    struct error error = {0};
    struct job_filter filter = {0};
    char next_cursor[96] = "";
    if (!filter_read(call, &filter))
        return;
    resolve_provider(call, &filter);
    if (call->role < ROLE_ADMIN)
        str_copy(str_of(call->actor), filter.key, sizeof filter.key);
    enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
    (void)drained; /* late rows show up in the next list */
    json_open_array(api_answer(call, 200), "items");
    enum err err =
        store_jobs(call->admin->options.store, &filter, on_job, &call->writer, next_cursor, &error);
    if (err == OK)
        api_done_list(call, next_cursor);
    else
        api_fail_error(call, &error);
}

void jobs_read(struct api_call *call)
{
    struct error error = {0};
    struct job_record job = {0};
    enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
    (void)drained;
    enum err err = store_job(call->admin->options.store, call->args[0], &job, &error);
    bool is_own = call->role >= ROLE_ADMIN || strcmp(job.key_id, call->actor) == 0;
    if (err == ERR_NOT_FOUND || (err == OK && !is_own)) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no job \"%s\".", call->args[0]);
    } else if (err != OK) {
        api_fail_error(call, &error);
    } else {
        job_write(api_answer(call, 200), &job);
        api_done(call);
    }
}
