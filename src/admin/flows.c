/* admin/flows.c: /api/routing/flows: which callers asked how, and where that went, minute by minute.
 *
 * Summed up from the rows of the jobs, newest first, as far as FLOW_JOBS_MAX reaches; then the answer begins later than
 * it was asked to, and says so. A job is counted where it ended, an attempt where it was made. Only what had ended by
 * `as_of_ms` is in it: whoever adds the jobs that the live stream tells from then on counts none twice. Members see
 * what their own jobs did.
 */
#include "admin/endpoints.h"
#include "admin/job_view.h"
#include "admin/state.h"
#include "base/hash.h"
#include "sys/clock.h"

#define DRAIN_MS      1000
#define MINUTE_MS     INT64_C(60000)
#define DEFAULT_MS    (5 * MINUTE_MS)
#define FLOW_JOBS_MAX 5000
#define FLOWS_MAX     8192
#define FLOW_SLOTS    1024

/* What tells two flows apart. Zeroed before it is filled, for it is compared as bytes. */
struct flow_key {
    int64_t at_ms; /* where its minute begins */
    bool is_auto;
    char team[ID_MAX], provider[ID_MAX], worker[ID_MAX], tier[8], model[128];
};

struct flow {
    struct hash_node node;
    struct flow *older;
    struct flow_key key;
    char provider_name[64];
    int64_t jobs, failed, attempts, moved_on;
};

struct summing {
    int64_t as_of_ms, oldest_ms;
    size_t jobs, flow_count;
    struct arena arena;
    struct hash_table table;
    struct flow *newest;
    bool has_no_room, has_no_memory;
};

/* ---- adding up ----------------------------------------------------------------------------------- */

static struct flow *flow_add(struct summing *summing, const struct flow_key *key, uint64_t hash)
{
    struct flow *flow = NULL;
    if (summing->flow_count < FLOWS_MAX)
        flow = arena_alloc(&summing->arena, sizeof *flow);
    summing->has_no_room |= summing->flow_count == FLOWS_MAX;
    summing->has_no_memory |= !flow && !summing->has_no_room;
    if (!flow)
        return NULL;
    *flow = (struct flow){.older = summing->newest, .key = *key};
    summing->newest = flow;
    summing->flow_count++;
    hash_table_add(&summing->table, &flow->node, hash);
    return flow;
}

static struct flow *flow_of(struct summing *summing, const struct flow_key *key)
{
    uint64_t hash = str_hash((struct str){(const char *)key, sizeof *key});
    struct hash_node *node = hash_table_find(&summing->table, hash);
    for (; node; node = hash_next(node)) {
        struct flow *flow = HASH_OWNER(node, struct flow, node);
        if (memcmp(&flow->key, key, sizeof *key) == 0)
            return flow;
    }
    return flow_add(summing, key, hash);
}

/* `attempt` NULL: nobody was asked. */
static struct flow *flow_of_job(struct summing *summing, const struct job_record *job,
                                const struct attempt_record *attempt)
{
    struct flow_key key;
    memset(&key, 0, sizeof key);
    key.at_ms = job->created_at_ms / MINUTE_MS * MINUTE_MS;
    key.is_auto = str_eq(str_of(job->requested_model), STR("auto"));
    str_copy(str_of(job->team), key.team, sizeof key.team);
    if (attempt) {
        str_copy(str_of(attempt->provider_id), key.provider, sizeof key.provider);
        str_copy(str_of(attempt->worker), key.worker, sizeof key.worker);
        str_copy(str_of(attempt->tier), key.tier, sizeof key.tier);
        str_copy(str_of(attempt->model), key.model, sizeof key.model);
    }
    struct flow *flow = flow_of(summing, &key);
    if (flow && attempt && !flow->provider_name[0])
        str_copy(str_of(attempt->provider_name), flow->provider_name, sizeof flow->provider_name);
    return flow;
}

static bool ended_by(const struct job_record *job, int64_t as_of_ms)
{
    int64_t took_ms = job->duration_ms > 0 ? job->duration_ms : 0;
    return job->status != JOB_OPEN && job->created_at_ms + took_ms <= as_of_ms;
}

static void on_job(void *arg, const struct job_record *job)
{
    struct summing *summing = arg;
    int32_t count = job->attempt_count < ATTEMPTS_MAX ? job->attempt_count : ATTEMPTS_MAX;
    summing->oldest_ms = job->created_at_ms;
    if (!ended_by(job, summing->as_of_ms))
        return;
    struct flow *last = count > 0 ? NULL : flow_of_job(summing, job, NULL);
    for (int32_t i = 0; i < count; i++) {
        last = flow_of_job(summing, job, &job->attempt[i]);
        if (!last)
            continue;
        last->attempts++;
        last->moved_on += i + 1 < count;
    }
    if (!last)
        return;
    summing->jobs++;
    last->jobs++;
    last->failed += job->status != JOB_DONE && job->status != JOB_CANCELLED;
}

static enum err sum(struct api_call *call, struct job_filter *filter, struct summing *summing,
                    struct error *error)
{
    enum err err = OK;
    filter->limit = JOBS_PAGE_MAX;
    for (int read = 0; err == OK && read < FLOW_JOBS_MAX; read += JOBS_PAGE_MAX) {
        err =
            store_jobs(call->admin->options.store, filter, on_job, summing, filter->cursor, error);
        if (!filter->cursor[0])
            break;
    }
    if (err == OK && summing->has_no_memory)
        err = error_set(error, ERR_NO_MEMORY, "no memory to sum up the flows");
    return err;
}

/* ---- telling ------------------------------------------------------------------------------------- */

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void write_provider(struct json_writer *writer, const struct flow *flow)
{
    if (!flow->key.provider[0]) {
        json_put_null(writer, "provider");
        return;
    }
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", flow->key.provider);
    json_put_text(writer, "name", flow->provider_name);
    json_close_object(writer);
}

static void write_flow(struct json_writer *writer, const struct flow *flow,
                       const struct snapshot *snapshot)
{
    const struct team *team = snapshot_team(snapshot, flow->key.team);
    json_open_object(writer);
    json_put_int(writer, "at_ms", flow->key.at_ms);
    put_text(writer, "team", flow->key.team);
    json_put_text(writer, "team_name", team ? team->name : NULL);
    json_put_text(writer, "asked", flow->key.is_auto ? "auto" : "name");
    write_provider(writer, flow);
    put_text(writer, "tier", flow->key.tier);
    put_text(writer, "model", flow->key.model);
    put_text(writer, "worker", flow->key.worker);
    json_put_int(writer, "jobs", flow->jobs);
    json_put_int(writer, "failed", flow->failed);
    json_put_int(writer, "attempts", flow->attempts);
    json_put_int(writer, "moved_on", flow->moved_on);
    json_close_object(writer);
}

static void tell(struct api_call *call, const struct job_filter *filter,
                 const struct summing *summing)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    struct json_writer *writer = api_answer(call, 200);
    bool is_cut = filter->cursor[0] != '\0'; /* there are older ones */
    json_put_int(writer, "since_ms", is_cut ? summing->oldest_ms : filter->since_ms);
    json_put_int(writer, "until_ms", filter->until_ms);
    json_put_int(writer, "as_of_ms", summing->as_of_ms);
    json_put_int(writer, "jobs", (int64_t)summing->jobs);
    json_put_bool(writer, "is_whole", !is_cut && !summing->has_no_room);
    json_open_array(writer, "flows");
    for (const struct flow *flow = summing->newest; flow; flow = flow->older)
        write_flow(writer, flow, snapshot);
    json_close_array(writer);
    api_done(call);
    snapshot_unref(snapshot);
}

static bool range_read(struct api_call *call, int64_t now_ms, struct job_filter *filter)
{
    filter->until_ms = now_ms + 1;
    if (!api_time(call, "until", &filter->until_ms))
        return false;
    filter->since_ms = filter->until_ms > DEFAULT_MS ? filter->until_ms - DEFAULT_MS : 0;
    if (!api_time(call, "since", &filter->since_ms))
        return false;
    if (filter->until_ms <= filter->since_ms)
        api_fail(call, PROBLEM_BAD_REQUEST, "until", "until must be later than since.");
    return filter->until_ms > filter->since_ms;
}

void routing_flows(struct api_call *call)
{
    struct error error = {0};
    struct job_filter filter = {0};
    struct summing summing = {.as_of_ms = clock_wall_ms()};
    if (!range_read(call, summing.as_of_ms, &filter))
        return;
    if (call->role < ROLE_ADMIN)
        job_narrow_to_own(call, &filter);
    enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
    (void)drained; /* late rows show up in the next answer */
    arena_init(&summing.arena, FLOWS_MAX * (sizeof(struct flow) + ARENA_ALIGN_BYTES));
    enum err err = hash_table_init(&summing.table, FLOW_SLOTS);
    if (err == OK)
        err = sum(call, &filter, &summing, &error);
    else
        error_set(&error, err, "no memory to sum up the flows");
    if (err == OK)
        tell(call, &filter, &summing);
    else
        api_fail_error(call, &error);
    hash_table_release(&summing.table);
    arena_release(&summing.arena);
}
