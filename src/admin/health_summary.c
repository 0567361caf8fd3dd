/* admin/health_summary.c: /api/health/summary: how it goes, worst first, with the one thing to do next.
 *
 * Here the facts are gathered, each from whoever knows it; what they are worth and how it is said is domain/health_facts.c. What
 * cannot be found out now is left out, because half a summary at 3 a.m. is better than none. Below admin one is told of
 * the providers that one sees, their workers and queue, and the limits of one's teams.
 */
#include "admin/endpoints.h"
#include "admin/glance.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "base/log.h"
#include "domain/health_report.h"
#include "gateway/live_limits.h"
#include "gateway/outcomes.h"
#include "gateway/workers.h"
#include "store/transitions.h"
#include "store/usage.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define ITEMS_MAX    500
#define CHANGES_MAX  5
#define FAILURES_MAX 8
#define HOUR_MS      INT64_C(3600000)

struct gathering {
    struct api_call *call;
    struct snapshot *snapshot;
    struct health_report report;
    int64_t now_ms;                  /* wall */
    int64_t waiting, oldest_wait_ms; /* at the providers that are seen */
    struct glance_facts facts;       /* of an admin's */
};

static bool is_admin(const struct gathering *gathering)
{
    return gathering->call->role >= ROLE_ADMIN;
}

/* ---- providers, workers, queue ------------------------------------------------------------------- */

static void count_queue(struct gathering *gathering, const struct slot_figures *figures,
                        int64_t mono_ms)
{
    int64_t wait_ms = figures->oldest_wait_at_ms > 0 ? mono_ms - figures->oldest_wait_at_ms : 0;
    gathering->waiting += figures->waiting;
    if (wait_ms > gathering->oldest_wait_ms)
        gathering->oldest_wait_ms = wait_ms;
}

/* A provider's own words may name its address, and a vendor's may name anything: below admin the state speaks for itself. */
static void add_provider(struct gathering *gathering, const struct provider *provider)
{
    struct live_provider *live = provider_live(provider);
    char reason[48], sentence[256];
    pthread_mutex_lock(&live->lock);
    int64_t mono_ms = clock_monotonic_ms();
    struct live_standing standing = live_look(live, mono_ms);
    count_queue(gathering, &live->slot_figures, mono_ms);
    str_copy(str_of(standing.reason), reason, sizeof reason);
    str_copy(str_of(is_admin(gathering) ? standing.sentence : ""), sentence, sizeof sentence);
    bool is_noted = live->noted.is_any && live->noted.state == standing.state;
    struct health_provider_fact fact = {.id = provider->id,
                                        .name = provider->name,
                                        .reason = reason,
                                        .sentence = sentence,
                                        .tier = provider_kind_tier(provider->kind),
                                        .state = standing.state,
                                        .since_ms = is_noted ? live->noted.since_ms : 0};
    pthread_mutex_unlock(&live->lock);
    health_add_provider(&gathering->report, &fact);
}

static void add_providers(struct gathering *gathering)
{
    const struct routing *routing = &gathering->snapshot->routing;
    for (size_t i = 0; i < routing->provider_count; i++)
        if (provider_is_seen(gathering->call, gathering->snapshot, routing->providers[i]))
            add_provider(gathering, routing->providers[i]);
}

static void on_worker(void *arg, const struct worker_view *view)
{
    struct gathering *gathering = arg;
    const struct provider *provider = snapshot_provider(gathering->snapshot, view->provider_id);
    struct health_worker_fact fact = {.id = view->id,
                                      .name = view->name,
                                      .provider = provider ? provider->name : "",
                                      .state = view->state,
                                      .reason = view->reason,
                                      .since_ms = view->state_at_ms};
    if (provider_is_seen(gathering->call, gathering->snapshot, provider))
        health_add_worker(&gathering->report, &fact);
}

static void add_workers(struct gathering *gathering)
{
    struct gateway *gateway = gathering->call->admin->options.gateway;
    struct workers_figures figures;
    if (workers_each(gateway_workers(gateway), on_worker, gathering) != OK)
        log_debug("summary_without", "what=workers");
    workers_figures(gateway_workers(gateway), &figures);
    bool is_whole = is_admin(gathering); /* below admin, not who waits for providers of others */
    health_add_queue(&gathering->report, is_whole ? figures.waiting : gathering->waiting,
                     is_whole ? figures.oldest_wait_ms : gathering->oldest_wait_ms,
                     gateway_queue_wait_ms(gateway));
}

/* ---- limits -------------------------------------------------------------------------------------- */

static void add_limits_of(struct gathering *gathering, const char *id, const char *name,
                          const struct policy *policy, struct live_limits *live, bool is_team)
{
    struct limits_figures now;
    if (!live)
        return;
    live_limits_figures(live, &now);
    const struct health_limit_fact facts[] = {
        {id, name, "requests a minute", now.requests_used, policy->requests_per_minute, false,
         is_team},
        {id, name, "tokens a minute", now.tokens_used, policy->tokens_per_minute, false, is_team},
        {id, name, "requests at a time", now.running, policy->max_concurrent, false, is_team},
        {id, name, "", now.spent_microusd, policy->budget_microusd_per_month, true, is_team},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        health_add_limit(&gathering->report, &facts[i]);
}

static void add_limits(struct gathering *gathering)
{
    const struct snapshot *snapshot = gathering->snapshot;
    for (size_t i = 0; i < snapshot->team_count; i++) {
        const struct team *team = &snapshot->teams[i];
        if (is_admin(gathering) || team_is_callers(gathering->call, snapshot, team->id))
            add_limits_of(gathering, team->id, team->name, &team->policy, team->live, true);
    }
    for (size_t i = 0; is_admin(gathering) && i < snapshot->principal_count; i++) {
        const struct principal *key = &snapshot->principals[i];
        add_limits_of(gathering, key->id, key->name, &key->policy, key->live, false);
    }
}

/* ---- requests and money -------------------------------------------------------------------------- */

static void add_spend(struct gathering *gathering, const struct recent_figures *recent)
{
    gathering->facts.today_microusd = recent->today_microusd;
    gathering->facts.usual_microusd = recent->usual_microusd;
    health_add_spend(&gathering->report, recent->today_microusd, recent->usual_microusd);
}

/* What the last sixty minutes cost, as far as it is known: the nearest to a speed that does not leap. */
static void add_hour(struct gathering *gathering, const struct recent_figures *recent)
{
    bool is_partial = recent->hour.unknown_cost_jobs > 0;
    int64_t cost_microusd = recent->hour.cost_microusd;
    if (is_partial && cost_microusd == 0)
        cost_microusd = -1; /* what has no price is never $0 */
    gathering->facts.hour_microusd = cost_microusd;
    gathering->facts.is_hour_partial = is_partial;
    health_add_hour(&gathering->report, cost_microusd);
}

static void add_money(struct gathering *gathering)
{
    struct admin *admin = gathering->call->admin;
    struct recent_figures recent;
    if (!recent_use_look(&admin->recent_use, admin->options.store, gathering->now_ms,
                         clock_monotonic_ms(), &recent))
        return;
    add_spend(gathering, &recent);
    add_hour(gathering, &recent);
}

static void on_nothing(void *arg, const struct usage_item *item)
{
    (void)arg;
    (void)item;
}

/* -1: it cannot be read now. */
static int64_t jobs_since(const struct gathering *gathering, int64_t since_ms)
{
    struct error error = {0};
    struct usage_item totals;
    char next[96];
    struct usage_query query = {.group_by = USAGE_source,
                                .bucket = USAGE_IN_ONE,
                                .since_ms = since_ms,
                                .until_ms = gathering->now_ms + 1,
                                .limit = USAGE_PAGE_MAX};
    enum err err = store_usage(gathering->call->admin->options.store, &query, on_nothing, NULL,
                               &totals, next, &error);
    if (err != OK)
        log_debug("summary_without", "what=usage why=\"%s\"", error.text);
    return err == OK ? totals.sums.jobs : -1;
}

static void add_outcomes(struct gathering *gathering)
{
    struct admin *admin = gathering->call->admin;
    int64_t hour_ago_ms = gathering->now_ms - HOUR_MS, mono_ms = clock_monotonic_ms();
    int64_t since_ms = admin->started_at_ms > hour_ago_ms ? admin->started_at_ms : hour_ago_ms;
    AUTO_FREE struct reason_tally *tallies = mem_alloc(2 * sizeof *tallies);
    struct reason_count counts[TALLY_REASONS];
    if (!tallies)
        return;
    outcomes_read(gateway_outcomes(admin->options.gateway), &tallies[0], &tallies[1]);
    size_t count = reason_tally_read(&tallies[0], mono_ms, counts);
    int64_t jobs = count > 0 ? jobs_since(gathering, since_ms) : -1;
    for (size_t i = 0; i < count && i < FAILURES_MAX; i++)
        health_add_failures(&gathering->report, counts[i].reason, counts[i].count, jobs, since_ms);
    count = reason_tally_read(&tallies[1], mono_ms, counts);
    for (size_t i = 0; i < count && i < FAILURES_MAX; i++)
        health_add_failovers(&gathering->report, counts[i].reason, counts[i].count, since_ms);
}

/* ---- the server ---------------------------------------------------------------------------------- */

static void on_change(void *arg, const struct transition *row)
{
    struct gathering *gathering = arg;
    if (strcmp(row->reason, "found") != 0)
        health_add_change(&gathering->report, row->reason, row->name, row->owner, row->at_ms);
}

/* Of the two newest rows of the server: did the life before this one end by a kill? */
static void on_life(void *arg, const struct transition *row)
{
    bool *was_killed = arg;
    *was_killed |= strcmp(row->to, "killed") == 0;
}

static void read_log(struct gathering *gathering, const char *kind, int64_t since_ms, int limit,
                     store_on_transition *on_row, void *arg)
{
    struct error error = {0};
    char next[96];
    struct transition_filter filter = {.since_ms = since_ms, .limit = limit};
    str_copy(str_of(kind), filter.kind, sizeof filter.kind);
    if (store_transition_list(gathering->call->admin->options.store, &filter, on_row, arg, next,
                              &error) != OK)
        log_debug("summary_without", "what=%s why=\"%s\"", kind, error.text);
}

/* How long there has been something to lose. */
static int64_t life_of(const struct gathering *gathering)
{
    const struct routing *routing = &gathering->snapshot->routing;
    int64_t born_ms = gathering->now_ms;
    for (size_t i = 0; i < routing->provider_count; i++)
        if (routing->providers[i]->created_at_ms < born_ms)
            born_ms = routing->providers[i]->created_at_ms;
    return gathering->now_ms - born_ms;
}

static void add_server(struct gathering *gathering)
{
    struct admin *admin = gathering->call->admin;
    struct health_report *report = &gathering->report;
    struct backup_note backup;
    struct error error = {0};
    bool was_killed = false;
    int64_t ends_ms = atomic_load(&admin->certificate_ends_ms);
    gathering->facts.certificate_ends_ms = ends_ms;
    gathering->facts.memory_bytes = memory_resident_bytes();
    if (ends_ms > 0)
        health_add_certificate(report, ends_ms, gathering->now_ms);
    if (store_backup_last(admin->options.store, &backup, &error) == OK) {
        gathering->facts.backup_at_ms = backup.at_ms;
        health_add_backup(report, backup.at_ms, life_of(gathering), gathering->now_ms);
    }
    if (gathering->now_ms - admin->started_at_ms < HOUR_MS)
        read_log(gathering, "server", 0, 2, on_life, &was_killed);
    health_add_server(report, admin->options.version, admin->started_at_ms, was_killed);
    read_log(gathering, "config", gathering->now_ms - HOUR_MS, CHANGES_MAX, on_change, gathering);
}

static void add_record(struct gathering *gathering)
{
    const struct store *store = gathering->call->admin->options.store;
    int64_t free_bytes = -1, total_bytes = -1;
    if (is_admin(gathering))
        (void)store_disk(store, &free_bytes, &total_bytes);
    gathering->facts.disk_free_bytes = free_bytes;
    gathering->facts.disk_total_bytes = total_bytes;
    bool is_writable = store_is_writable(store);
    if (is_admin(gathering) || !is_writable)
        health_add_record(&gathering->report, is_writable, free_bytes, total_bytes);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void write_item(struct json_writer *writer, const struct health_item *item)
{
    json_open_object(writer);
    json_put_text(writer, "kind", item->kind);
    json_put_text(writer, "what", item->what);
    put_text(writer, "id", item->id);
    json_put_text(writer, "level", health_level_name(item->level));
    json_put_text(writer, "state", item->state);
    if (item->since_ms > 0)
        json_put_int(writer, "since_ms", item->since_ms);
    else
        json_put_null(writer, "since_ms");
    put_text(writer, "why_code", item->why_code);
    json_put_text(writer, "why_text", item->why_text);
    put_text(writer, "fix", item->fix);
    put_text(writer, "link", item->link);
    json_close_object(writer);
}

static void answer(struct gathering *gathering)
{
    const struct health_report *report = &gathering->report;
    struct json_writer *writer = api_answer(gathering->call, 200);
    json_put_text(writer, "status",
                  report->level == HEALTH_FINE ? "ok" : health_level_name(report->level));
    json_put_text(writer, "sentence", report->sentence);
    put_text(writer, "next_step", report->next_step);
    json_put_int(writer, "at_ms", gathering->now_ms);
    json_open_array(writer, "items");
    for (size_t i = 0; i < report->count; i++)
        write_item(writer, &report->items[i]);
    json_close_array(writer);
    json_put_int(writer, "left_out", (int64_t)report->left_out);
    glance_write(writer, gathering->call, gathering->snapshot,
                 is_admin(gathering) ? &gathering->facts : NULL);
    api_done(gathering->call);
}

void health_summary(struct api_call *call)
{
    AUTO_FREE struct health_item *items = mem_alloc(ITEMS_MAX * sizeof *items);
    struct gathering gathering = {
        .call = call,
        .now_ms = clock_wall_ms(),
        .facts = {.hour_microusd = -1, .today_microusd = -1, .usual_microusd = -1},
    };
    if (!items) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
        return;
    }
    gathering.snapshot = gateway_snapshot(call->admin->options.gateway);
    health_report_init(&gathering.report, items, ITEMS_MAX);
    gathering.report.is_whole = is_admin(&gathering);
    add_providers(&gathering);
    add_workers(&gathering);
    add_limits(&gathering);
    add_record(&gathering);
    if (is_admin(&gathering)) {
        add_outcomes(&gathering);
        add_money(&gathering);
        add_server(&gathering);
    }
    health_report_finish(&gathering.report);
    answer(&gathering);
    snapshot_unref(gathering.snapshot);
}
