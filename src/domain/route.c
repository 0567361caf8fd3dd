/* domain/route.c: what the request asks for, and the order of the planning.
 *
 *     understand   pin, route, model or auto: SPEC 3, "Per-request control"
 *     list         who comes in question, in order: base list, fallback rules, degraded ones back
 *     sieve        who is left out, each with its reason
 *     conclude     if nobody is left: what to tell the caller
 *
 * Every configured provider is in the plan exactly once, so that `explain` shows the whole decision.
 */
#include "domain/route_parts.h"

#include <assert.h>

/* ---- names ------------------------------------------------------------------------------------- */

static const struct {
    const char *code, *text;
} reasons[] = {
#define X(name, code, text) {code, text},
    ROUTE_REASON_LIST(X)
#undef X
};

const char *route_reason_code(enum route_reason reason)
{
    assert(reason < REASON_COUNT);
    return reasons[reason].code;
}

const char *route_reason_text(enum route_reason reason)
{
    assert(reason < REASON_COUNT);
    return reasons[reason].text;
}

const char *route_verdict_name(enum route_verdict verdict)
{
    static const char *const names[] = {"chosen", "eligible", "skipped"};
    static_assert(sizeof names / sizeof names[0] == ROUTE_SKIPPED + 1, "one name per verdict");
    assert(verdict <= ROUTE_SKIPPED);
    return names[verdict];
}

const char *route_outcome_reason(enum route_outcome outcome)
{
    static const char *const codes[] = {
        [ROUTE_OK] = "ok",
        [ROUTE_UNKNOWN_MODEL] = "unknown_model",
        [ROUTE_UNKNOWN_PIN] = "unknown_provider",
        [ROUTE_PIN_LACKS_MODEL] = "model_not_served",
        [ROUTE_PINS_DISAGREE] = "pins_disagree",
        [ROUTE_DIALECT] = "dialect_not_supported",
        [ROUTE_ABILITY] = "lacks_ability",
        [ROUTE_TOO_LONG] = "context_too_small",
        [ROUTE_ENDPOINT] = "endpoint_not_supported",
        [ROUTE_DENIED] = "policy_denied",
        [ROUTE_ALL_OVER_QUOTA] = "all_over_quota",
        [ROUTE_NOBODY_NOW] = "no_worker",
        [ROUTE_NONE_EVER] = "no_candidate",
    };
    static_assert(sizeof codes / sizeof codes[0] == ROUTE_NONE_EVER + 1, "one for each");
    assert(outcome <= ROUTE_NONE_EVER);
    return codes[outcome];
}

/* ---- what is asked for ------------------------------------------------------------------------- */

static size_t find_slug(const struct routing *routing, struct str slug)
{
    for (size_t i = 0; i < routing->provider_count; i++)
        if (str_eq(str_of(routing->providers[i]->slug), slug))
            return i;
    return NOBODY;
}

/* An exact name comes before a pattern, a longer pattern before a shorter one. */
static const struct named_route *find_route(const struct routing *routing, struct str name)
{
    const struct named_route *best = NULL;
    size_t best_len = 0;

    for (size_t i = 0; i < routing->route_count; i++) {
        const struct named_route *route = &routing->routes[i];
        struct str pattern = str_of(route->name);
        if (str_eq(pattern, name))
            return route;
        if (!str_ends(pattern, STR("*")))
            continue;
        if (!str_starts(name, str_upto(pattern, pattern.len - 1)) || pattern.len <= best_len)
            continue;
        best = route;
        best_len = pattern.len;
    }
    return best;
}

static bool anybody_serves(const struct planning *planning, struct str model)
{
    for (size_t i = 0; i < planning->routing->provider_count; i++)
        if (route_serves(planning, i, model))
            return true;
    return false;
}

static bool anybody_offers(const struct planning *planning)
{
    for (size_t i = 0; i < planning->routing->provider_count; i++)
        if (route_offers(planning, i))
            return true;
    return false;
}

/* A provider that is assigned to other teams does not exist for whoever is no admin. Its teams come before its models. */
static bool is_told(const struct planning *planning, size_t index)
{
    const struct route_request *request = planning->request;
    return request->is_admin || !request->access ||
           access_decide(request->access, planning->routing->providers[index], STR("")) !=
               ACCESS_PROVIDER_TEAMS;
}

/* Reads "<slug>/<model>": a pin in the model's name. */
static enum route_outcome understand_prefix(struct planning *planning)
{
    struct str rest = planning->model, slug = str_cut(&rest, '/');
    size_t index = slug.len < planning->model.len ? find_slug(planning->routing, slug) : NOBODY;
    if (index == NOBODY || !is_told(planning, index))
        return ROUTE_OK; /* a model by this name, known or not */
    if (planning->pinned != NOBODY && planning->pinned != index)
        return ROUTE_PINS_DISAGREE;
    planning->pinned = index;
    planning->model = rest;
    if (str_eq(rest, STR("auto")))
        planning->asked = ASKED_AUTO;
    return ROUTE_OK;
}

static enum route_outcome understand_model(struct planning *planning)
{
    /* `auto` is the built-in route, so no provider's model of that name can take it over. */
    if (str_eq(planning->model, STR("auto"))) {
        planning->asked = ASKED_AUTO;
        return ROUTE_OK;
    }
    if (planning->pinned != NOBODY && route_serves(planning, planning->pinned, planning->model))
        return ROUTE_OK; /* the pin says which of the names is meant */
    planning->route = find_route(planning->routing, planning->model);
    if (planning->route) {
        planning->asked = ASKED_ROUTE;
        return ROUTE_OK;
    }
    return anybody_serves(planning, planning->model) ? ROUTE_OK : understand_prefix(planning);
}

static enum route_outcome understand(struct planning *planning)
{
    const struct routing *routing = planning->routing;
    struct str pin = planning->request->provider_pin;
    if (pin.len > 0) {
        planning->pinned = route_index_of(routing, pin);
        if (planning->pinned == NOBODY)
            planning->pinned = find_slug(routing, pin);
        if (planning->pinned != NOBODY && !is_told(planning, planning->pinned))
            planning->pinned = NOBODY;
        if (planning->pinned == NOBODY)
            return ROUTE_UNKNOWN_PIN;
    }
    enum route_outcome outcome = understand_model(planning);
    if (outcome != ROUTE_OK || planning->asked != ASKED_MODEL)
        return outcome;
    if (planning->pinned != NOBODY)
        return route_offers(planning, planning->pinned) ? ROUTE_OK : ROUTE_PIN_LACKS_MODEL;
    if (routing->provider_count == 0)
        return ROUTE_NONE_EVER;
    return anybody_offers(planning) ? ROUTE_OK : ROUTE_UNKNOWN_MODEL;
}

/* ---- the plan ---------------------------------------------------------------------------------- */

void route_plan_make(const struct routing *routing, const struct provider_view *views,
                     const struct route_request *request, struct route_plan *out_plan)
{
    assert(routing->provider_count <= PROVIDERS_MAX);
    struct planning planning = {.routing = routing,
                                .views = views,
                                .request = request,
                                .plan = out_plan,
                                .model = request->model,
                                .pinned = NOBODY};
    out_plan->outcome = ROUTE_OK;
    out_plan->eligible_count = out_plan->later_count = out_plan->count = 0;
    out_plan->wait_ms = 0;
    out_plan->sentence[0] = '\0';

    enum route_outcome outcome = understand(&planning);
    out_plan->is_pinned = planning.pinned != NOBODY || outcome == ROUTE_UNKNOWN_PIN;
    out_plan->is_auto = planning.asked != ASKED_MODEL && !out_plan->is_pinned;

    bool is_lost = outcome != ROUTE_OK;
    if (!is_lost)
        route_list_make(&planning);
    route_list_sieve(&planning);
    if (is_lost)
        route_fail(&planning, outcome);
    else
        route_conclude(&planning);
}
