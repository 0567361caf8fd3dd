/* domain/rehearse_job.c: the life of one rehearsed request.
 *
 * It follows gateway/request.c (plan, plan anew) and attempt.c (one try after the other) step by step; what is decided is
 * decided by the same functions of this room. What holds both together: tests/e2e/operations/rehearse.test.mjs.
 */
#include "domain/rehearse_parts.h"

#include "base/mem.h"

/* ---- runs ---------------------------------------------------------------------------------------- */

static struct run *run_new(struct rehearsal *rehearsal, size_t index)
{
    struct run *run = NULL;
    if (!list_is_empty(&rehearsal->idle)) {
        run = LIST_OWNER(rehearsal->idle.next, struct run, node);
        list_unlink(&run->node);
    } else {
        run = mem_zalloc(1, sizeof *run);
    }
    if (!run) {
        rehearsal->has_failed = true;
        return NULL;
    }
    const struct rehearse_job *job = &rehearsal->traffic->jobs[index];
    *run = (struct run){.candidates = run->candidates,
                        .choices = run->choices,
                        .candidate_of = run->candidate_of,
                        .room = run->room,
                        .index = index,
                        .job = job,
                        .question = &rehearsal->traffic->questions[job->question]};
    run->ticket.owner = run;
    list_push_back(&rehearsal->active, &run->node);
    return run;
}

static void run_free(struct run *run)
{
    mem_free(run->candidates);
    mem_free(run->choices);
    mem_free(run->candidate_of);
    mem_free(run);
}

void run_free_all(struct rehearsal *rehearsal)
{
    while (!list_is_empty(&rehearsal->active)) {
        struct run *run = LIST_OWNER(rehearsal->active.next, struct run, node);
        dispatch_cancel(rehearsal->dispatch, &run->ticket, rehearsal->now_ms);
        list_unlink(&run->node);
        run_free(run);
    }
    while (!list_is_empty(&rehearsal->idle)) {
        struct run *run = LIST_OWNER(rehearsal->idle.next, struct run, node);
        list_unlink(&run->node);
        run_free(run);
    }
}

static bool reserve(struct rehearsal *rehearsal, struct run *run, size_t count)
{
    if (count <= run->room)
        return true;
    mem_free(run->candidates);
    mem_free(run->choices);
    mem_free(run->candidate_of);
    run->candidates = mem_alloc(count * sizeof *run->candidates);
    run->choices = mem_alloc(count * sizeof *run->choices);
    run->candidate_of = mem_alloc(count * sizeof *run->candidate_of);
    bool has_all = run->candidates && run->choices && run->candidate_of;
    run->room = has_all ? count : 0;
    rehearsal->has_failed |= !has_all;
    return has_all;
}

static void slot_end(struct rehearsal *rehearsal, struct run *run)
{
    if (run->ticket.state == DISPATCH_IDLE)
        return;
    run_mark_old(rehearsal, run);
    /* A worker's connection is at hand again at once: so it is where one is kept warm. */
    dispatch_cancel(rehearsal->dispatch, &run->ticket, rehearsal->now_ms);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void finish(struct rehearsal *rehearsal, struct run *run)
{
    slot_end(rehearsal, run);
    list_unlink(&run->node);
    list_push_back(&rehearsal->idle, &run->node);
}

static void land(struct rehearsal *rehearsal, struct run *run, struct rehearse_landing landing)
{
    landing.attempts = run->attempts;
    landing.waited_ms = run->waited_ms;
    rehearsal->landings[run->index] = landing;
}

static void refuse(struct rehearsal *rehearsal, struct run *run, const char *reason)
{
    land(rehearsal, run,
         (struct rehearse_landing){
             .provider = REHEARSE_NOBODY, .reason = reason, .cost_microusd = COST_UNKNOWN});
    finish(rehearsal, run);
}

/* ---- the plan ------------------------------------------------------------------------------------ */

static enum route_outcome plan(struct rehearsal *rehearsal, const struct run *run)
{
    const struct rehearse_question *question = run->question;
    const struct route_request request = {.endpoint = question->endpoint,
                                          .model = question->model,
                                          .provider_pin = question->pin,
                                          .is_admin = question->is_admin,
                                          .access = &rehearsal->world->accesses[question->caller],
                                          .needs = question->needs,
                                          .prompt_tokens = run->job->prompt_tokens,
                                          .now_ms = rehearsal->now_ms};
    world_look(rehearsal);
    route_plan_make(rehearsal->world->routing, rehearsal->views, &request, rehearsal->plan);
    return rehearsal->plan->outcome;
}

/* Of workers each is tried once: the dispatcher sees to that. */
static bool was_tried(const struct run *run, const struct candidate *candidate)
{
    for (int i = 0; i < run->attempts && !candidate->provider->has_workers; i++)
        if (run->tried[i] == candidate->index)
            return true;
    return false;
}

/* Who is left of the plan. */
static bool keep(struct rehearsal *rehearsal, struct run *run)
{
    const struct route_plan *plan = rehearsal->plan;
    size_t all = plan->eligible_count + plan->later_count, kept = 0;
    if (!reserve(rehearsal, run, all))
        return false;
    run->eligible_count = run->later_count = run->next = 0;
    run->has_asked_later = false;
    for (size_t i = 0; i < all; i++) {
        if (was_tried(run, &plan->list[i]))
            continue;
        run->candidates[kept++] = plan->list[i];
        run->eligible_count += i < plan->eligible_count;
        run->later_count += i >= plan->eligible_count;
    }
    return true;
}

/* What is left of the old list is tried all the same when nobody comes in question any more. */
static void reroute(struct rehearsal *rehearsal, struct run *run)
{
    if (plan(rehearsal, run) == ROUTE_OK || rehearsal->plan->later_count > 0)
        (void)keep(rehearsal, run);
}

/* ---- one try after the other --------------------------------------------------------------------- */

static const char *why_no_slot(const struct run *run)
{
    if (run->is_crowded)
        return "queue_full";
    return run->waited_ms == 0 ? "no_slot" : "queue_timeout";
}

static void exhausted(struct rehearsal *rehearsal, struct run *run)
{
    const char *reason = "attempts_exhausted";
    if (run->attempts == 0) {
        enum route_outcome outcome = plan(rehearsal, run);
        reason = outcome != ROUTE_OK    ? route_outcome_reason(outcome)
                 : run->has_asked_slots ? why_no_slot(run)
                                        : "no_candidate";
    } else if (run->has_met_quota && !run->has_met_trouble) {
        reason = "all_over_quota";
    }
    refuse(rehearsal, run, reason);
}

/* On machines and plans of one's own nothing is paid by the token, unless a price was set. */
static int64_t cost_of(const struct rehearsal *rehearsal, const struct run *run,
                       const struct candidate *candidate)
{
    const struct rehearse_world *world = rehearsal->world;
    bool is_own = provider_kind_tier(candidate->provider->kind) != TIER_CLOUD;
    int64_t cost = price_cost(world->price_of(world->arg, candidate->provider, candidate->model),
                              &run->job->usage);
    return cost == COST_UNKNOWN && is_own ? 0 : cost;
}

static void begin_answer(struct rehearsal *rehearsal, struct run *run,
                         const struct candidate *candidate, int64_t takes_ms)
{
    land(rehearsal, run,
         (struct rehearse_landing){.provider = (int32_t)candidate->index,
                                   .is_answered = true,
                                   .reason = run->attempts > 1 ? "failover" : "ok",
                                   .model = candidate->model,
                                   .cost_microusd = cost_of(rehearsal, run, candidate)});
    ends_put(rehearsal, run, rehearsal->now_ms + takes_ms);
}

/* It was asked, and did not answer: what that does to it, and who is left. */
static void fail(struct rehearsal *rehearsal, struct run *run, const struct verdict_report *report)
{
    struct stage *stage = &rehearsal->stages[run->asked_at];
    bool is_quota = report->verdict == VERDICT_SPENT;
    run->has_met_quota |= is_quota;
    run->has_met_trouble |= !is_quota;
    health_on_failure(&stage->health, report, STR(""), 0, 0, rehearsal->now_ms, 0.0);
    health_end_trial(&stage->health);
    world_gate(rehearsal, run->asked_at);
    slot_end(rehearsal, run);
    reroute(rehearsal, run);
}

/* True: the request goes on by itself, or is over. False: the next one is due. */
static bool begin_at(struct rehearsal *rehearsal, struct run *run, size_t at)
{
    const struct candidate *candidate = &run->candidates[at];
    struct stage *stage = &rehearsal->stages[candidate->index];
    bool is_trial = false;
    int64_t takes_ms = 0;
    run->next = at + 1;
    if (!health_begin_attempt(&stage->health, rehearsal->now_ms, &is_trial)) {
        slot_end(rehearsal, run);
        return false;
    }
    if (run->attempts >= 2 && !retry_budget_take(&rehearsal->retries, rehearsal->now_ms)) {
        health_end_trial(&stage->health);
        exhausted(rehearsal, run);
        return true;
    }
    run->asked_at = candidate->index;
    run->tried[run->attempts++] = candidate->index;
    const struct verdict_report *report =
        world_answer(rehearsal, candidate->index, run->job, &takes_ms);
    run->is_failing = report != NULL;
    if (!report) {
        begin_answer(rehearsal, run, candidate, takes_ms);
        return true;
    }
    if (takes_ms > 0) {
        ends_put(rehearsal, run, rehearsal->now_ms + takes_ms);
        return true;
    }
    fail(rehearsal, run, report);
    return false;
}

static int most_attempts(const struct rehearsal *rehearsal)
{
    int most = rehearsal->world->max_attempts;
    return most < 1 || most > REHEARSE_ATTEMPTS_MAX ? REHEARSE_ATTEMPTS_MAX : most;
}

/* Tokens are counted here, and nobody is asked. */
static void estimate(struct rehearsal *rehearsal, struct run *run)
{
    land(rehearsal, run,
         (struct rehearse_landing){
             .provider = REHEARSE_NOBODY, .is_answered = true, .reason = "ok", .cost_microusd = 0});
    finish(rehearsal, run);
}

static void next(struct rehearsal *rehearsal, struct run *run)
{
    while (run->attempts < most_attempts(rehearsal) && !rehearsal->has_failed) {
        size_t at = run->next;
        bool is_behind = at >= run->eligible_count;
        bool may_wait =
            !run->has_asked_later && run->later_count > 0 && run_wait_left_ms(rehearsal, run) > 0;
        if (is_behind && !may_wait)
            break;
        if (!is_behind && run->candidates[at].asked == ENDPOINT_COUNT) {
            estimate(rehearsal, run);
            return;
        }
        if (is_behind || run_needs_slot(rehearsal, &run->candidates[at])) {
            enum asked_slot answer = run_ask_slot(rehearsal, run, &at);
            if (answer == SLOT_LATER)
                return;
            run->next = at;
            if (answer == SLOT_NONE)
                continue;
        }
        if (begin_at(rehearsal, run, at))
            return;
    }
    if (!rehearsal->has_failed)
        exhausted(rehearsal, run);
}

/* ---- events -------------------------------------------------------------------------------------- */

void run_arrive(struct rehearsal *rehearsal, size_t index)
{
    struct run *run = run_new(rehearsal, index);
    if (!run)
        return;
    retry_budget_on_request(&rehearsal->retries, rehearsal->now_ms);
    enum route_outcome outcome = plan(rehearsal, run);
    if (outcome != ROUTE_OK && rehearsal->plan->later_count == 0)
        refuse(rehearsal, run, route_outcome_reason(outcome));
    else if (keep(rehearsal, run))
        next(rehearsal, run);
}

void run_end(struct rehearsal *rehearsal, struct run *run)
{
    struct stage *stage = &rehearsal->stages[run->asked_at];
    int64_t unused = 0;
    if (run->is_failing) {
        fail(rehearsal, run, world_answer(rehearsal, run->asked_at, run->job, &unused));
        next(rehearsal, run);
        return;
    }
    health_on_success(&stage->health, rehearsal->now_ms);
    world_gate(rehearsal, run->asked_at);
    finish(rehearsal, run);
}

static void retake(struct rehearsal *rehearsal, struct run *run)
{
    slot_end(rehearsal, run);
    if (++run->retakes > REHEARSE_RETAKES_MAX) {
        refuse(rehearsal, run, "no_slot");
        return;
    }
    reroute(rehearsal, run);
    next(rehearsal, run);
}

/* The wait took time: what was planned may be old. False: it may not be asked now. */
static bool refresh(struct rehearsal *rehearsal, struct run *run, size_t at)
{
    const struct route_plan *now = rehearsal->plan;
    (void)plan(rehearsal, run);
    for (size_t i = 0; i < now->eligible_count; i++)
        if (now->list[i].index == run->candidates[at].index && now->list[i].model.len > 0) {
            run->candidates[at] = now->list[i];
            return true;
        }
    return false;
}

void run_settled(struct rehearsal *rehearsal, struct run *run)
{
    run->waited_ms += rehearsal->now_ms - run->since_ms;
    run_mark_old(rehearsal, run);
    if (run->ticket.state != DISPATCH_GRANTED) {
        slot_end(rehearsal, run);
        run->next = run->behind;
        next(rehearsal, run);
        return;
    }
    size_t at = run->candidate_of[run->ticket.lease.choice];
    if (!refresh(rehearsal, run, at))
        retake(rehearsal, run);
    else if (!begin_at(rehearsal, run, at))
        next(rehearsal, run);
}
