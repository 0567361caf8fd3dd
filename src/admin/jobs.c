/* admin/jobs.c: /api/jobs: the record of requests, as it reads after everything so far was written down.
 *
 * Members see their own jobs: those of all their keys, or of the one key that is nobody's.
 */
#include "admin/endpoints.h"
#include "admin/export.h"
#include "admin/job_view.h"
#include "admin/state.h"

#include <assert.h>
#include <stdlib.h>

#define DRAIN_MS 1000

static_assert(API_LIMIT_MAX <= JOBS_PAGE_MAX, "a list asks for no more than the store gives");

/* ---- filters ------------------------------------------------------------------------------------- */

static bool status_is_known(struct api_call *call, const char *status)
{
    enum job_status parsed;
    if (!status[0] || job_status_parse(str_of(status), &parsed))
        return true;
    api_fail(call, PROBLEM_BAD_REQUEST, "status",
             "status must be done, failed, cancelled, interrupted, refused or open.");
    return false;
}

/* The dispatcher held them to the contract: digits, true or false, a word of the list. */
static bool looks_read(struct api_call *call, struct job_filter *filter)
{
    char cost[24] = "", duration[24] = "", failed_over[8] = "", other[8] = "", order[16] = "";
    const struct {
        const char *name;
        char *room;
        size_t size;
    } texts[] = {
        {"cost_from", cost, sizeof cost},
        {"duration_from", duration, sizeof duration},
        {"failed_over", failed_over, sizeof failed_over},
        {"other_than_asked", other, sizeof other},
        {"order", order, sizeof order},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!api_query(call, texts[i].name, texts[i].room, texts[i].size) && api_has_failed(call))
            return false;
    filter->cost_from_microusd = strtoll(cost, NULL, 10);
    filter->duration_from_ms = strtoll(duration, NULL, 10);
    filter->is_failed_over = strcmp(failed_over, "true") == 0;
    filter->is_other_than_asked = strcmp(other, "true") == 0;
    filter->order = strcmp(order, "cost") == 0       ? JOBS_COSTLIEST
                    : strcmp(order, "duration") == 0 ? JOBS_SLOWEST
                                                     : JOBS_NEWEST;
    return true;
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
        {"failed_provider", filter->failed_provider, sizeof filter->failed_provider},
        {"cursor", filter->cursor, sizeof filter->cursor},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!api_query(call, texts[i].name, texts[i].room, texts[i].size) && api_has_failed(call))
            return false;
    return looks_read(call, filter) && api_time(call, "since", &filter->since_ms) &&
           api_time(call, "until", &filter->until_ms) && status_is_known(call, filter->status);
}

/* A provider's slug means its id, as everywhere; so does a team's name. */
static void resolve_provider(const struct snapshot *snapshot, char *name, size_t room_bytes)
{
    const struct provider *provider = name[0] ? snapshot_provider(snapshot, name) : NULL;
    if (provider)
        str_copy(str_of(provider->id), name, room_bytes);
}

static void resolve_names(struct api_call *call, struct job_filter *filter)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    resolve_provider(snapshot, filter->provider, sizeof filter->provider);
    resolve_provider(snapshot, filter->failed_provider, sizeof filter->failed_provider);
    const struct team *team = filter->team[0] ? snapshot_team_named(snapshot, filter->team) : NULL;
    if (team)
        str_copy(str_of(team->id), filter->team, sizeof filter->team);
    snapshot_unref(snapshot);
}

/* ---- handlers ------------------------------------------------------------------------------------ */

/* A list that is being written. */
struct listing {
    struct json_writer *writer;
    struct job_reader reader;
};

static void on_job(void *arg, const struct job_record *job)
{
    const struct listing *listing = arg;
    json_open_object(listing->writer);
    job_write(listing->writer, job, &listing->reader);
    json_close_object(listing->writer);
}

/* A file that is being filled. */
struct file {
    struct buf *out;
    struct job_reader reader;
    enum export_format format;
    struct csv csv;
};

static void on_row(void *arg, const struct job_record *job)
{
    struct file *file = arg;
    struct json_writer writer;
    if (file->format == EXPORT_CSV) {
        job_csv(&file->csv, job, &file->reader);
        return;
    }
    json_writer_init(&writer, file->out);
    json_open_object(&writer);
    job_write(&writer, job, &file->reader);
    json_close_object(&writer);
    buf_append_lit(file->out, "\n");
}

/* Page after page of the list, up to a bound; the rest by the cursor in the header. */
static void export(struct api_call *call, struct job_filter *filter, enum export_format format)
{
    struct error error = {0};
    struct file file = {.out = export_begin(call, format, "auxot-jobs.csv", "auxot-jobs.jsonl"),
                        .format = format};
    job_reader_open(&file.reader, call);
    int left = filter->limit;
    file.csv.out = file.out;
    if (format == EXPORT_CSV)
        job_csv_head(&file.csv);
    enum err err = OK;
    do {
        filter->limit = left < JOBS_PAGE_MAX ? left : JOBS_PAGE_MAX;
        left -= filter->limit;
        err = store_jobs(call->admin->options.store, filter, on_row, &file, filter->cursor, &error);
    } while (err == OK && left > 0 && filter->cursor[0] && file.out->len < EXPORT_BYTES);
    if (err == OK)
        api_done_text(call, filter->cursor);
    else
        api_fail_error(call, &error);
    job_reader_close(&file.reader);
}

static bool is_own(const struct api_call *call, const struct job_record *job)
{
    if (call->role >= ROLE_ADMIN)
        return true;
    return call->user[0] ? strcmp(job->user, call->user) == 0
                         : strcmp(job->key_id, call->actor) == 0;
}

static void put_time_or_null(struct json_writer *writer, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        json_put_int(writer, name, at_ms);
    else
        json_put_null(writer, name);
}

void jobs_list(struct api_call *call)
{
    struct error error = {0};
    struct job_filter filter = {0};
    enum export_format format = EXPORT_JSON;
    struct jobs_page page;
    if (!export_format_read(call, &format) || !filter_read(call, &filter) ||
        !export_limit_read(call, format, &filter.limit))
        return;
    resolve_names(call, &filter);
    if (call->role < ROLE_ADMIN)
        job_narrow_to_own(call, &filter);
    enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
    (void)drained; /* late rows show up in the next list */
    if (format != EXPORT_JSON) {
        export(call, &filter, format);
        return;
    }
    struct listing listing = {.writer = api_answer(call, 200)};
    job_reader_open(&listing.reader, call);
    json_open_array(listing.writer, "items");
    enum err err =
        store_jobs_page(call->admin->options.store, &filter, on_job, &listing, &page, &error);
    job_reader_close(&listing.reader);
    if (err != OK) {
        api_fail_error(call, &error);
        return;
    }
    json_close_array(listing.writer);
    json_put_text(listing.writer, "next_cursor", page.next_cursor[0] ? page.next_cursor : NULL);
    put_time_or_null(listing.writer, "looked_back_to_ms", page.looked_back_ms);
    api_done(call);
}

void jobs_read(struct api_call *call)
{
    struct error error = {0};
    struct job_record job = {0};
    enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
    (void)drained;
    enum err err = store_job(call->admin->options.store, call->args[0], &job, &error);
    if (err == ERR_NOT_FOUND || (err == OK && !is_own(call, &job))) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no job \"%s\".", call->args[0]);
    } else if (err != OK) {
        api_fail_error(call, &error);
    } else {
        struct job_reader reader;
        job_reader_open(&reader, call);
        job_write(api_answer(call, 200), &job, &reader);
        job_reader_close(&reader);
        api_done(call);
    }
}
