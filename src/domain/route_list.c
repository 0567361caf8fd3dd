/* domain/route_list.c: who comes in question for a request, in which order, and who is left out.
 *
 * SPEC 4.1 in its own order: a base list (items 1 to 5), the fallback rules (6), removal (7).
 *
 * A model that is not surfaced is asked for only when an admin's key names it: neither a default, nor
 * a step, nor a rule brings it in.
 */
#include "domain/route_parts.h"

#include <assert.h>

/* ---- conditions -------------------------------------------------------------------------------- */

static const struct provider *provider_at(const struct planning *planning, size_t index)
{
    return planning->routing->providers[index];
}

bool route_is_out(enum provider_state state)
{
    return state == STATE_PAUSED || state == STATE_ERROR || state == STATE_OFFLINE;
}

static bool condition_holds(const struct planning *planning, size_t index, enum condition condition,
                            int64_t threshold)
{
    const struct provider_view *view = &planning->views[index];
    enum provider_state state = view->health.state;
    switch (condition) {
    case CONDITION_OFFLINE: return state == STATE_DEGRADED || route_is_out(state);
    case CONDITION_OVER_QUOTA: return state == STATE_OVER_QUOTA;
    case CONDITION_QUEUE_TOO_DEEP:
        return view->waiting >= (threshold > 0 ? threshold : FALLBACK_THRESHOLD_DEFAULT);
    default: return false;
    }
}

/* ---- base list --------------------------------------------------------------------------------- */

/* Nobody is listed twice: the first mention counts. */
static void add(struct planning *planning, size_t index, struct str model, enum route_reason reason)
{
    if (planning->is_listed[index])
        return;
    planning->is_listed[index] = true;
    planning->plan->list[planning->plan->count++] =
        (struct candidate){.provider = provider_at(planning, index),
                           .index = index,
                           .rank = RANK_UNLISTED,
                           .model = model,
                           .asked = planning->request->endpoint,
                           .verdict = ROUTE_ELIGIBLE,
                           .reason = reason,
                           .context_tokens = -1,
                           .max_output_tokens = -1};
}

static void add_who_serves(struct planning *planning, struct str model, enum route_reason reason)
{
    for (size_t i = 0; i < planning->routing->provider_count; i++) {
        const struct model *found = route_model(planning, i, model, NULL);
        if (found)
            add(planning, i, str_of(found->id), reason);
    }
}

static void list_auto(struct planning *planning)
{
    const struct routing *routing = planning->routing;
    size_t first = routing->auto_provider_id
                       ? route_index_of(routing, str_of(routing->auto_provider_id))
                       : NOBODY;
    if (first != NOBODY)
        add(planning, first,
            routing->auto_model ? route_own_spelling(planning, first, str_of(routing->auto_model))
                                : route_default_model(planning, first),
            REASON_AUTO_DEFAULT);
    for (size_t i = 0; i < routing->provider_count; i++)
        add(planning, i, route_default_model(planning, i), REASON_CASCADE);
}

/* ---- named routes ------------------------------------------------------------------------------ */

/* Is this provider meant by the step? */
static bool step_names(const struct planning *planning, const struct route_step *step, size_t index)
{
    const struct provider *provider = provider_at(planning, index);
    if (step->provider_id)
        return strcmp(provider->id, step->provider_id) == 0;
    if (step->model)
        return route_serves(planning, index, str_of(step->model));
    return step->tier >= 0 && provider_kind_tier(provider->kind) == (enum tier)step->tier;
}

/* A step without a model: the caller's own word where it is a model's name (patterns), else the
 * default. */
static struct str step_model(const struct planning *planning, const struct route_step *step,
                             size_t index)
{
    if (step->model)
        return route_own_spelling(planning, index, str_of(step->model));
    if (route_serves(planning, index, planning->model))
        return route_own_spelling(planning, index, planning->model);
    return route_default_model(planning, index);
}

/* Holds when it holds for everybody whom the previous step means. */
static bool step_applies(const struct planning *planning, const struct route_step *steps, size_t at)
{
    if (steps[at].when == STEP_ALWAYS)
        return true;
    for (size_t i = 0; at > 0 && i < planning->routing->provider_count; i++) {
        if (!step_names(planning, &steps[at - 1], i))
            continue;
        bool is_offline = condition_holds(planning, i, CONDITION_OFFLINE, 0);
        const struct provider_view *view = &planning->views[i];
        bool has_no_room = is_offline || view->health.state == STATE_OVER_QUOTA || view->is_full ||
                           view->waiting > 0;
        if (steps[at].when == STEP_PREVIOUS_OFFLINE ? !is_offline : !has_no_room)
            return false;
    }
    return true;
}

static void list_route(struct planning *planning)
{
    const struct named_route *route = planning->route;
    for (size_t at = 0; at < route->step_count; at++) {
        const struct route_step *step = &route->steps[at];
        bool applies = step_applies(planning, route->steps, at);
        for (size_t i = 0; i < planning->routing->provider_count; i++) {
            if (!step_names(planning, step, i))
                continue;
            if (applies)
                add(planning, i, step_model(planning, step, i), REASON_ROUTE_STEP);
            else
                planning->has_failed_step[i] = true;
        }
    }
}

/* ---- pins -------------------------------------------------------------------------------------- */

/* The model of the first step that means the pinned provider; empty when none does. */
static struct str route_model_of_pin(const struct planning *planning)
{
    for (size_t at = 0; at < planning->route->step_count; at++)
        if (step_names(planning, &planning->route->steps[at], planning->pinned))
            return step_model(planning, &planning->route->steps[at], planning->pinned);
    return STR("");
}

static void list_pin(struct planning *planning)
{
    size_t index = planning->pinned;
    struct str model = route_own_spelling(planning, index, planning->model);
    if (planning->asked == ASKED_AUTO)
        model = route_default_model(planning, index);
    else if (planning->asked == ASKED_ROUTE)
        model = route_model_of_pin(planning);
    add(planning, index, model, REASON_PINNED);
}

/* ---- fallback rules ---------------------------------------------------------------------------- */

static size_t place_of(const struct planning *planning, size_t index)
{
    size_t place = 0;
    while (planning->plan->list[place].index != index)
        place++;
    return place;
}

/* Moves list[from] to `to`, shifting what is between by one. */
static void move(struct route_plan *plan, size_t from, size_t to)
{
    struct candidate moved = plan->list[from];
    for (; from > to; from--)
        plan->list[from] = plan->list[from - 1];
    for (; from < to; from++)
        plan->list[from] = plan->list[from + 1];
    plan->list[to] = moved;
}

/* Puts the rule's target at `place`, unless it comes earlier anyway. True when it did. */
static bool put_target(struct planning *planning, const struct fallback_rule *rule, size_t place)
{
    size_t target = route_index_of(planning->routing, str_of(rule->provider_id));
    if (target == NOBODY)
        return false;
    bool was_listed = planning->is_listed[target];
    add(planning, target, route_default_model(planning, target), REASON_FALLBACK_RULE);
    size_t from = place_of(planning, target);
    if (from < place)
        return false;
    move(planning->plan, from, place);
    struct candidate *candidate = &planning->plan->list[place];
    if (rule->model)
        candidate->model = route_own_spelling(planning, target, str_of(rule->model));
    if (!was_listed || from != place)
        candidate->reason = REASON_FALLBACK_RULE;
    return true;
}

/* Targets go behind their owner in the order of its rules; each is then an owner itself. What stands
 * at or before `at` never moves again, so the walk ends. */
static void apply_rules(struct planning *planning)
{
    for (size_t at = 0; at < planning->plan->count; at++) {
        struct candidate owner = planning->plan->list[at];
        size_t place = at + 1;
        for (size_t r = 0; r < owner.provider->rule_count; r++) {
            const struct fallback_rule *rule = &owner.provider->rules[r];
            if (!condition_holds(planning, owner.index, rule->condition, rule->threshold))
                continue;
            if (put_target(planning, rule, place))
                place++;
        }
    }
}

/* ---- degraded ---------------------------------------------------------------------------------- */

static bool is_degraded(const struct planning *planning, size_t place)
{
    return planning->views[planning->plan->list[place].index].health.state == STATE_DEGRADED;
}

static enum tier tier_of(const struct planning *planning, size_t place)
{
    return provider_kind_tier(planning->plan->list[place].provider->kind);
}

/* Behind the last of its tier that is not degraded. From the end, so that they keep their order. */
static void put_degraded_back(struct planning *planning)
{
    for (size_t place = planning->plan->count; place-- > 0;) {
        size_t to = place;
        if (!is_degraded(planning, place))
            continue;
        for (size_t other = place + 1; other < planning->plan->count; other++)
            if (tier_of(planning, other) == tier_of(planning, place) &&
                !is_degraded(planning, other))
                to = other;
        planning->plan->list[place].reason = REASON_DEGRADED;
        move(planning->plan, place, to);
    }
}

void route_list_make(struct planning *planning)
{
    if (planning->pinned != NOBODY)
        list_pin(planning);
    else if (planning->asked == ASKED_AUTO)
        list_auto(planning);
    else if (planning->asked == ASKED_ROUTE)
        list_route(planning);
    else
        add_who_serves(planning, planning->model, REASON_SERVES_MODEL);
    apply_rules(planning);
    for (size_t place = 0; place < planning->plan->count; place++)
        planning->plan->list[place].rank = place;
    put_degraded_back(planning); /* which passes them over */
}

/* ---- removal ----------------------------------------------------------------------------------- */

#define NO_REASON REASON_COUNT

/* Nobody of its workers is there; of what they will bring, nothing may be known yet. */
static bool awaits_workers(const struct planning *planning, const struct candidate *candidate)
{
    return candidate->provider->has_workers &&
           planning->views[candidate->index].health.state == STATE_OFFLINE;
}

/* An admin's key may name what is not surfaced. */
static bool may_name(const struct planning *planning, const struct candidate *candidate)
{
    return planning->request->is_admin && planning->asked == ASKED_MODEL &&
           str_eq(candidate->model,
                  route_own_spelling(planning, candidate->index, planning->model));
}

/* The route's reason for each rule that forbids. */
static const enum route_reason reason_of_rule[ACCESS_RULE_COUNT] = {
    [ACCESS_ALLOWED] = NO_REASON,
    [ACCESS_PROVIDER_TEAMS] = REASON_PROVIDER_TEAMS,
    [ACCESS_TEAM_TIERS] = REASON_TEAM_TIERS,
    [ACCESS_TEAM_PROVIDERS] = REASON_TEAM_PROVIDERS,
    [ACCESS_TEAM_MODELS] = REASON_TEAM_MODELS,
    [ACCESS_KEY_TIERS] = REASON_KEY_TIERS,
    [ACCESS_KEY_PROVIDERS] = REASON_KEY_PROVIDERS,
    [ACCESS_KEY_MODELS] = REASON_KEY_MODELS,
};

bool route_is_denied(enum route_reason reason)
{
    return reason >= REASON_PROVIDER_TEAMS && reason <= REASON_KEY_MODELS;
}

/* By policy. */
static enum route_reason why_denied(const struct planning *planning,
                                    const struct candidate *candidate)
{
    const struct access *access = planning->request->access;
    return access ? reason_of_rule[access_decide(access, candidate->provider, candidate->model)]
                  : NO_REASON;
}

/* By configuration. Also says where it is asked. */
static enum route_reason why_unfit(const struct planning *planning, struct candidate *candidate)
{
    bool is_shown = false;
    enum route_reason reason = why_denied(planning, candidate);
    if (reason != NO_REASON)
        return reason;
    if (candidate->model.len == 0 && planning->asked == ASKED_AUTO &&
        awaits_workers(planning, candidate))
        return NO_REASON;          /* any that comes will do */
    if (candidate->model.len == 0) /* a pin that its route does not know, or no default */
        return planning->asked == ASKED_ROUTE && candidate->index == planning->pinned
                   ? REASON_MODEL_NOT_SERVED
                   : REASON_NO_DEFAULT_MODEL;
    const struct model *model =
        route_model(planning, candidate->index, candidate->model, &is_shown);
    if (!model)
        return REASON_MODEL_NOT_SERVED;
    candidate->context_tokens = model->context_tokens;
    candidate->max_output_tokens = model->max_output_tokens;
    candidate->quirks = model->quirks;
    if (!is_shown && !may_name(planning, candidate))
        return REASON_MODEL_UNSURFACED;
    if (!route_endpoint_choose(planning, candidate, model, &reason))
        return reason;
    bool is_pin = candidate->index == planning->pinned; /* its own answer is the better one */
    return !is_pin && route_lacks(planning->request, model, &reason) ? reason : NO_REASON;
}

/* By its state now. */
static enum route_reason why_not_now(const struct planning *planning, struct candidate *candidate)
{
    const struct provider_view *view = &planning->views[candidate->index];
    switch (view->health.state) {
    case STATE_PAUSED: return REASON_PAUSED;
    case STATE_ERROR: return REASON_KEY_ERROR;
    case STATE_OFFLINE: return REASON_OFFLINE;
    case STATE_OVER_QUOTA:
        candidate->until_ms = view->health.until_ms;
        if (!view->health.may_try)
            return REASON_OVER_QUOTA;
        break;
    default: break;
    }
    bool is_pin = candidate->index == planning->pinned; /* its own answer is the better one */
    if (!is_pin && view->models &&
        health_model_is_missing(view->models, candidate->model, planning->request->now_ms))
        return REASON_MODEL_MISSING;
    bool is_loaded = !candidate->provider->has_workers ||
                     models_find(view->loaded, view->loaded_count, candidate->model);
    return is_loaded ? NO_REASON : REASON_NOT_LOADED;
}

static size_t mark_skipped(struct planning *planning)
{
    size_t left = 0;
    for (size_t i = 0; i < planning->plan->count; i++) {
        struct candidate *candidate = &planning->plan->list[i];
        enum route_reason reason = why_unfit(planning, candidate);
        if (reason == NO_REASON)
            reason = why_not_now(planning, candidate);
        if (reason == NO_REASON) {
            left++;
            continue;
        }
        candidate->verdict = ROUTE_SKIPPED;
        candidate->reason = reason;
    }
    return left;
}

static bool any_has_reason(const struct route_plan *plan, enum route_reason reason)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->list[i].reason == reason)
            return true;
    return false;
}

/* Nobody is left but those who said lately that they lack the model: then they are asked again. Their
 * own words tell the caller more than ours, and the model may be back. */
static void ask_missing_again(struct route_plan *plan)
{
    if (any_has_reason(plan, REASON_OVER_QUOTA))
        return;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->list[i].reason == REASON_MODEL_MISSING)
            plan->list[i].verdict = ROUTE_ELIGIBLE;
}

/* Not now, but perhaps soon: a worker comes, a quota is reset. */
static bool may_come(const struct candidate *candidate)
{
    return candidate->verdict == ROUTE_SKIPPED &&
           (candidate->reason == REASON_OFFLINE || candidate->reason == REASON_NOT_LOADED ||
            candidate->reason == REASON_OVER_QUOTA);
}

/* The eligible first, then who may come, each group in list order. */
static void put_eligible_first(struct route_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->list[i].verdict != ROUTE_SKIPPED)
            move(plan, i, plan->eligible_count++);
    for (size_t i = plan->eligible_count; i < plan->count; i++)
        if (may_come(&plan->list[i]))
            move(plan, i, plan->eligible_count + plan->later_count++);
    if (plan->eligible_count > 0)
        plan->list[0].verdict = ROUTE_CHOSEN;
}

static enum route_reason why_absent(const struct planning *planning, size_t index)
{
    if (planning->has_failed_step[index])
        return REASON_CONDITION_FALSE;
    if (planning->asked != ASKED_MODEL || (planning->plan->is_pinned && index != planning->pinned))
        return REASON_NOT_ASKED;
    return route_serves(planning, index, planning->model) ? REASON_MODEL_UNSURFACED
                                                          : REASON_MODEL_NOT_SERVED;
}

static void add_the_rest(struct planning *planning)
{
    for (size_t i = 0; i < planning->routing->provider_count; i++) {
        if (planning->is_listed[i])
            continue;
        add(planning, i, STR(""), why_absent(planning, i));
        planning->plan->list[planning->plan->count - 1].verdict = ROUTE_SKIPPED;
    }
}

/* An estimate of ours is no match for a provider's own count: it is made when nobody counts. */
static void leave_out_estimates(struct planning *planning)
{
    struct route_plan *plan = planning->plan;
    bool has_counter = false;
    for (size_t i = 0; i < plan->count; i++)
        has_counter |=
            plan->list[i].verdict != ROUTE_SKIPPED && plan->list[i].asked == ENDPOINT_COUNT_TOKENS;
    for (size_t i = 0; has_counter && i < plan->count; i++) {
        if (plan->list[i].verdict == ROUTE_SKIPPED || plan->list[i].asked != ENDPOINT_COUNT)
            continue;
        plan->list[i].verdict = ROUTE_SKIPPED;
        plan->list[i].reason = REASON_ENDPOINT;
    }
}

void route_list_sieve(struct planning *planning)
{
    if (mark_skipped(planning) == 0)
        ask_missing_again(planning->plan);
    if (planning->request->endpoint == ENDPOINT_COUNT_TOKENS)
        leave_out_estimates(planning);
    put_eligible_first(planning->plan);
    add_the_rest(planning);
}
