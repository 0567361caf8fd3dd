/* admin/rehearse.c: one rehearsal: the jobs are read once, and run twice. */
#include "admin/rehearse_parts.h"

#include "admin/api.h"
#include "admin/endpoints.h"
#include "sys/clock.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define DRAIN_MS    1000
#define HOUR_MS     3600000.0
#define IDLE_LOOKS  5000u /* teams and keys that are looked at without a request of theirs */

/* ---- both runs ----------------------------------------------------------------------------------- */

static bool is_over(void *arg)
{
    const struct rehearse_side *side = arg;
    return clock_monotonic_ms() > side->deadline_ms;
}

static enum err run_side(struct admin *admin, struct rehearse_report *report,
                         struct rehearse_side *side, struct error *error)
{
    side->deadline_ms = report->wish.deadline_ms;
    enum err err = rehearse_stage(admin, report, side);
    if (err != OK)
        return error_set(error, err, "no memory for the rehearsal");
    side->world.is_over = is_over;
    err = rehearse_run(&side->world, &report->traffic, side->landings, error);
    if (err != OK)
        return err;
    err = rehearse_sum(side->landings, report->traffic.job_count, &side->sums);
    return err == OK ? OK : error_set(error, err, "no memory for the rehearsal");
}

/* What is proposed becomes a snapshot of its own, with live parts of its own: nobody else ever sees it. */
static enum err propose(struct admin *admin, struct rehearse_report *report, struct error *error)
{
    struct rehearse_side *after = &report->after;
    if (!report->wish.proposed) {
        after->snapshot = snapshot_ref(report->before.snapshot);
        return OK;
    }
    after->registry = live_registry_new();
    if (!after->registry)
        return error_set(error, ERR_NO_MEMORY, "no memory for the rehearsal");
    return snapshot_build(report->wish.proposed, admin->options.vault, after->registry,
                          admin->options.prices, &after->snapshot, error);
}

/* ---- what it comes to ---------------------------------------------------------------------------- */

static void match_providers(struct rehearse_report *report)
{
    const struct routing *was = &report->before.snapshot->routing;
    const struct routing *is = &report->after.snapshot->routing;
    for (size_t i = 0; i < was->provider_count; i++) {
        report->after_of[i] = -2; /* gone: nobody lands there */
        for (size_t k = 0; k < is->provider_count; k++)
            if (strcmp(was->providers[i]->id, is->providers[k]->id) == 0)
                report->after_of[i] = (int32_t)k;
    }
}

static void count_as_recorded(struct rehearse_report *report)
{
    const struct rehearse_jobs *jobs = &report->jobs;
    for (size_t i = 0; i < jobs->count; i++)
        report->as_recorded += report->before.landings[i].provider == jobs->landed_at[i];
}

/* Who has no request in the window, but would be left with nothing. */
static void look_at_idle(struct rehearse_report *report, struct route_plan *plan, const char *kind,
                         const char *id, const char *name, const struct access *accesses[2])
{
    struct rehearse_world worlds[2] = {report->before.world, report->after.world};
    const struct rehearse_question question = {.endpoint = ENDPOINT_CHAT, .model = STR("auto")};
    enum route_outcome outcomes[2];
    for (size_t i = 0; i < 2; i++) {
        worlds[i].accesses = accesses[i];
        rehearse_plan_settled(&worlds[i], &question, plan);
        outcomes[i] = plan->outcome;
    }
    if (outcomes[0] == ROUTE_OK && outcomes[1] != ROUTE_OK)
        report->idle[report->idle_count++] =
            (struct rehearse_idle){kind, id, name, route_outcome_reason(outcomes[1])};
}

static bool has_asked(const struct rehearse_jobs *jobs, const char *team, const char *key)
{
    for (size_t i = 0; i < jobs->caller_count; i++)
        if ((team && strcmp(jobs->callers[i].team, team) == 0) ||
            (key && strcmp(jobs->callers[i].key_id, key) == 0))
            return true;
    return false;
}

static void look_at_teams(struct rehearse_report *report, struct route_plan *plan)
{
    const struct snapshot *was = report->before.snapshot, *is = report->after.snapshot;
    for (size_t i = 0; i < is->team_count && i < IDLE_LOOKS; i++) {
        const struct team *team = &is->teams[i], *old = snapshot_team(was, team->id);
        struct access now = {.team_id = team->id, .team_name = team->name, .team = &team->policy};
        struct access before = now;
        if (report->idle_count == REHEARSE_STRANDED_MAX || !old ||
            has_asked(&report->jobs, team->id, NULL))
            continue;
        before.team = &old->policy;
        look_at_idle(report, plan, "team", team->id, team->name,
                     (const struct access *[2]){&before, &now});
    }
}

/* Keys of a team share its fate, unless they have a policy of their own; so those without a team. */
static void look_at_keys(struct rehearse_report *report, struct route_plan *plan)
{
    const struct snapshot *is = report->after.snapshot;
    for (size_t i = 0; i < is->principal_count && i < IDLE_LOOKS; i++) {
        const struct principal *principal = &is->principals[i];
        const struct access access = principal_access(principal);
        if (report->idle_count == REHEARSE_STRANDED_MAX || principal->team ||
            has_asked(&report->jobs, NULL, principal->id))
            continue;
        look_at_idle(report, plan, "key", principal->id, principal->name,
                     (const struct access *[2]){&access, &access});
    }
}

/* A fallback rule is of no use to whom a policy forbids its target. */
static void look_at_policies(struct rehearse_report *report, struct route_plan *plan)
{
    for (size_t i = 0; i < report->stranded_count; i++) {
        const struct rehearse_question *question =
            &report->traffic.questions[report->stranded[i].question];
        rehearse_plan_settled(&report->after.world, question, plan);
        report->are_denied[i] = !question->pin.len && plan->outcome == ROUTE_DENIED;
    }
}

static const char *name_of_provider(const struct rehearse_side *side, int32_t index)
{
    return side->snapshot->routing.providers[index]->name;
}

/* Who gains most. */
static void find_gainer(const struct rehearse_report *report, struct rehearse_story *story)
{
    int64_t gains[PROVIDERS_MAX] = {0};
    for (size_t i = 0; i < report->traffic.job_count; i++) {
        const struct rehearse_landing *was = &report->before.landings[i];
        int32_t to = report->after.landings[i].provider;
        if (to >= 0 && (was->provider < 0 || report->after_of[was->provider] != to))
            gains[to]++;
    }
    for (size_t i = 0; i < report->after.snapshot->routing.provider_count; i++)
        if (gains[i] > story->most_jobs) {
            story->most_jobs = gains[i];
            story->most_to = name_of_provider(&report->after, (int32_t)i);
        }
}

int64_t rehearse_per_hour(const struct rehearse_report *report, int64_t cost_microusd)
{
    double hours = (double)(report->wish.until_ms - report->wish.since_ms) / HOUR_MS;
    double times = report->jobs.is_sampled && report->jobs.count > 0
                       ? (double)report->jobs.all /
                             (double)(report->jobs.count + (size_t)report->jobs.left_out)
                       : 1.0;
    return (int64_t)((double)cost_microusd * times / hours);
}

static void tell(struct rehearse_report *report)
{
    const struct rehearse_sums *was = &report->before.sums, *is = &report->after.sums;
    struct rehearse_story story = {.jobs = (int64_t)report->traffic.job_count,
                                   .moved = report->moved,
                                   .newly_refused = report->stranded_jobs,
                                   .cost_change_per_hour_microusd =
                                       rehearse_per_hour(report, is->cost_microusd) -
                                       rehearse_per_hour(report, was->cost_microusd),
                                   .wait_p95_before_ms = was->wait_p95_ms,
                                   .wait_p95_after_ms = is->wait_p95_ms,
                                   .is_sampled = report->jobs.is_sampled};
    find_gainer(report, &story);
    rehearse_say(&story, report->sentence, sizeof report->sentence);
}

static enum err conclude(struct rehearse_report *report, struct error *error)
{
    AUTO_FREE struct route_plan *plan = mem_alloc(sizeof *plan);
    if (!plan)
        return error_set(error, ERR_NO_MEMORY, "no memory for the rehearsal");
    match_providers(report);
    count_as_recorded(report);
    report->moved = rehearse_moved(report->before.landings, report->after.landings,
                                   report->traffic.job_count, report->after_of);
    report->stranded_count =
        rehearse_strand(&report->traffic, report->before.landings, report->after.landings,
                        report->stranded, &report->stranded_jobs);
    if (rehearse_moves(report->before.landings, report->after.landings, report->traffic.job_count,
                       report->after_of, report->moves, &report->move_count) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory for the rehearsal");
    look_at_policies(report, plan);
    look_at_teams(report, plan);
    look_at_keys(report, plan);
    tell(report);
    return OK;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static enum err rehearse_all(struct admin *admin, struct rehearse_report *report,
                             struct error *error)
{
    report->before.snapshot = gateway_snapshot(admin->options.gateway);
    enum err drained = store_drain(admin->options.store, DRAIN_MS);
    (void)drained; /* what is late is of the next rehearsal */
    enum err err = propose(admin, report, error);
    if (err == OK)
        err = rehearse_jobs_read(admin, report, error);
    if (err == OK)
        err = run_side(admin, report, &report->before, error);
    if (err == OK)
        err = run_side(admin, report, &report->after, error);
    return err == OK ? conclude(report, error) : err;
}

enum err rehearse(struct admin *admin, const struct rehearse_wish *wish,
                  struct rehearse_report **out_report, struct error *error)
{
    struct rehearse_report *report = mem_zalloc(1, sizeof *report);
    if (!report)
        return error_set(error, ERR_NO_MEMORY, "no memory for the rehearsal");
    report->wish = *wish;
    arena_init(&report->arena, ARENA_BYTES);
    enum err err = rehearse_all(admin, report, error);
    if (err == OK)
        *out_report = report;
    else
        rehearse_report_free(report);
    return err;
}

void rehearse_report_free(struct rehearse_report *report)
{
    if (!report)
        return;
    rehearse_side_release(&report->after);
    rehearse_side_release(&report->before);
    rehearse_jobs_release(&report->jobs);
    arena_release(&report->arena);
    mem_free(report);
}

const char *rehearse_report_sentence(const struct rehearse_report *report)
{
    return report->sentence;
}

/* ---- the handler --------------------------------------------------------------------------------- */

void routing_rehearse(struct api_call *call)
{
    struct error error = {0};
    struct store_config proposed = {0};
    struct rehearse_wish wish = {0};
    struct rehearse_report *report = NULL;
    if (rehearse_wish_read(call, &proposed, &wish)) {
        if (rehearse(call->admin, &wish, &report, &error) == OK) {
            rehearse_report_write(report, api_answer(call, 200));
            api_done(call);
        } else {
            api_fail_error(call, &error);
        }
    }
    rehearse_report_free(report);
    store_config_release(&proposed);
}
