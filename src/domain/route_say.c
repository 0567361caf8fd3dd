/* domain/route_say.c: when nobody is left: which of the cases of SPEC 3 it is, and the sentence that
 * tells the caller what to do.
 *
 * Which case, is asked in the order of what helps soonest: a limit that ends by itself, then what an
 * admin can repair, then what can never work with this request.
 */
#include "domain/route_parts.h"

#include <stdarg.h>
#include <stdio.h>

#define TRIAL_WAIT_MS 1000 /* past the reset, while another request finds out */

/* ---- which outcome ----------------------------------------------------------------------------- */

/* Who was left out, by kind of reason. */
struct leftover {
    const struct candidate *out;  /* first: paused, refused */
    const struct candidate *away; /* first: no worker of it is online, or none with the model */
    const struct candidate
        *dialect; /* first that could else have served, but speaks no dialect of use */
    const struct candidate *endpoint, *no_default;
    const struct candidate *ability;  /* first whose model lacks something */
    const struct candidate *too_long; /* with the largest window of those that are too small */
    const struct candidate *denied;   /* first that a policy forbids */
    size_t over_quota;
    int64_t wait_ms;
};

static void note(const struct candidate **place, const struct candidate *candidate)
{
    if (!*place)
        *place = candidate;
}

static void note_over_quota(const struct planning *planning, const struct candidate *candidate,
                            struct leftover *left)
{
    int64_t wait_ms = planning->views[candidate->index].health.until_ms - planning->request->now_ms;
    if (wait_ms < TRIAL_WAIT_MS)
        wait_ms = TRIAL_WAIT_MS;
    if (left->over_quota == 0 || wait_ms < left->wait_ms)
        left->wait_ms = wait_ms;
    left->over_quota++;
}

static void note_too_long(const struct candidate *candidate, struct leftover *left)
{
    if (!left->too_long || candidate->context_tokens > left->too_long->context_tokens)
        left->too_long = candidate;
}

/* Rather one that the caller may know of. */
static void note_denied(const struct candidate *candidate, struct leftover *left)
{
    if (!left->denied || left->denied->reason == REASON_PROVIDER_TEAMS)
        left->denied = candidate;
}

static struct leftover look_at_leftover(const struct planning *planning)
{
    struct leftover left = {0};
    for (size_t i = 0; i < planning->plan->count; i++) {
        const struct candidate *candidate = &planning->plan->list[i];
        bool is_out = route_is_out(planning->views[candidate->index].health.state);
        if (route_is_denied(candidate->reason))
            note_denied(candidate, &left);
        switch (candidate->reason) {
        case REASON_OVER_QUOTA: note_over_quota(planning, candidate, &left); break;
        case REASON_OFFLINE:
        case REASON_NOT_LOADED: note(&left.away, candidate); break;
        case REASON_PAUSED:
        case REASON_KEY_ERROR: note(&left.out, candidate); break;
        case REASON_DIALECT: note(is_out ? &left.out : &left.dialect, candidate); break;
        case REASON_LACKS_TOOLS:
        case REASON_LACKS_IMAGES:
        case REASON_LACKS_SCHEMA: note(&left.ability, candidate); break;
        case REASON_CONTEXT: note_too_long(candidate, &left); break;
        case REASON_ENDPOINT: note(&left.endpoint, candidate); break;
        case REASON_NO_DEFAULT_MODEL: note(&left.no_default, candidate); break;
        default: break;
        }
    }
    return left;
}

static enum route_outcome outcome_of(const struct planning *planning, const struct leftover *left)
{
    if (left->over_quota > 0)
        return ROUTE_ALL_OVER_QUOTA;
    if (left->away)
        return ROUTE_NOBODY_NOW;
    if (left->denied) /* of those that are forbidden one could answer, or so one must think */
        return ROUTE_DENIED;
    bool is_repairable = left->out && left->out->reason != REASON_DIALECT;
    if (is_repairable)
        return ROUTE_NONE_EVER;
    if (left->too_long) /* first, for a shorter prompt would be served */
        return ROUTE_TOO_LONG;
    if (left->ability)
        return ROUTE_ABILITY;
    if (left->dialect)
        return ROUTE_DIALECT;
    if (left->endpoint)
        return ROUTE_ENDPOINT;
    if (planning->asked == ASKED_ROUTE && planning->pinned != NOBODY)
        return ROUTE_PIN_LACKS_MODEL;
    return ROUTE_NONE_EVER;
}

/* ---- sentences --------------------------------------------------------------------------------- */

#define QUOTED_MAX 80

/* What a caller or an admin typed: cut, and without control characters. */
struct quoted {
    char text[QUOTED_MAX];
};
static struct quoted quote(struct str s)
{
    struct quoted quoted;
    str_copy(s, quoted.text, sizeof quoted.text);
    for (char *at = quoted.text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '?';
    return quoted;
}

static void say(struct planning *planning, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct planning *planning, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    str_copy(str_of(text), planning->plan->sentence, sizeof planning->plan->sentence);
}

static const char *models_path(const struct planning *planning)
{
    return endpoint_facts(planning->request->endpoint)->dialect == DIALECT_ANTHROPIC
               ? "GET /api/anthropic/v1/models"
               : "GET /api/openai/v1/models";
}

static const char *repair_of(enum provider_state state)
{
    switch (state) {
    case STATE_PAUSED: return "is paused; an admin can unpause it";
    case STATE_ERROR:
        return "is in error (its key was refused, or it has no models); an admin must "
               "repair it";
    case STATE_OFFLINE: return "has no worker online";
    default: return "cannot be used now";
    }
}

static bool is_there(const struct routing *routing, const char *provider_id)
{
    for (size_t i = 0; i < routing->provider_count; i++)
        if (strcmp(routing->providers[i]->id, provider_id) == 0)
            return true;
    return false;
}

/* A route whose only hope may have been a provider that was deleted since. */
static void say_no_step(struct planning *planning)
{
    struct quoted name = quote(planning->model);
    for (size_t i = 0; i < planning->route->step_count; i++) {
        const char *id = planning->route->steps[i].provider_id;
        if (!id || is_there(planning->routing, id))
            continue;
        say(planning,
            "Route '%s' leads to provider '%s', which is gone. An admin gives its step another: "
            "PATCH /api/routes/%s.",
            name.text, quote(str_of(id)).text, quote(str_of(planning->route->id)).text);
        return;
    }
    say(planning,
        "No step of route '%s' leads to a provider that can answer now. POST "
        "/api/routing/explain shows each one's reason.",
        name.text);
}

static void say_none(struct planning *planning, const struct leftover *left)
{
    if (planning->routing->provider_count == 0) {
        say(planning, "No provider is configured yet. An admin adds one with POST /api/providers.");
    } else if (left->out) {
        struct quoted name = quote(str_of(left->out->provider->name));
        enum provider_state state = planning->views[left->out->index].health.state;
        say(planning, "Nobody can answer this now: provider '%s' %s. GET /api/providers shows why.",
            name.text, repair_of(state));
    } else if (left->no_default) {
        struct quoted name = quote(str_of(left->no_default->provider->name));
        say(planning,
            "No provider has a default model to answer with. Name a model, or set default_model of "
            "'%s'.",
            name.text);
    } else if (planning->asked == ASKED_ROUTE) {
        say_no_step(planning);
    } else {
        say(planning,
            "No default model is surfaced, so nobody can answer. Name a model; %s lists "
            "them.",
            models_path(planning));
    }
}

static void say_nobody_now(struct planning *planning, const struct candidate *candidate)
{
    struct quoted name = quote(str_of(candidate->provider->name));
    if (candidate->reason == REASON_NOT_LOADED)
        say(planning, "No live worker of provider '%s' has model '%s' loaded at present.",
            name.text, quote(candidate->model).text);
    else
        say(planning,
            "Provider '%s' has no worker online at present. GET /api/workers shows those that "
            "are.",
            name.text);
}

static void say_dialect(struct planning *planning, const struct candidate *candidate)
{
    struct quoted name = quote(str_of(candidate ? candidate->provider->name : ""));
    say(planning,
        "Provider '%s' could answer this, but it speaks none of chat_completions, responses and "
        "messages. An admin sets its dialects; GET /api/providers shows them.",
        name.text);
}

static void say_ability(struct planning *planning, const struct candidate *candidate)
{
    char lacks[80];
    route_lacks_say(planning->request,
                    route_model(planning, candidate->index, candidate->model, NULL), lacks,
                    sizeof lacks);
    say(planning,
        "No model that could answer this can do all that it needs: '%s' of provider '%s' cannot "
        "%s. Name another model.",
        quote(candidate->model).text, quote(str_of(candidate->provider->name)).text, lacks);
}

/* Begins as Anthropic's own error does: clients look for it, and shorten the conversation. */
static void say_too_long(struct planning *planning, const struct candidate *candidate)
{
    say(planning,
        "prompt is too long: %lld tokens > %lld maximum (estimated, for model '%s' of provider "
        "'%s', the largest that could answer).",
        (long long)planning->request->prompt_tokens, (long long)candidate->context_tokens,
        quote(candidate->model).text, quote(str_of(candidate->provider->name)).text);
}

static void say_denied(struct planning *planning, const struct candidate *candidate)
{
    const struct access *access = planning->request->access;
    if (candidate->reason == REASON_PROVIDER_TEAMS && !planning->request->is_admin) {
        say(planning, "Whoever could answer is assigned to other teams than this caller's. An "
                      "admin can change that."); /* members are told nothing of these */
        return;
    }
    access_say(access, candidate->provider, candidate->model,
               access_decide(access, candidate->provider, candidate->model),
               planning->plan->sentence, sizeof planning->plan->sentence);
}

static void say_outcome(struct planning *planning, const struct leftover *left)
{
    const struct routing *routing = planning->routing;
    struct quoted model = quote(planning->model), pin = quote(planning->request->provider_pin);
    struct quoted name =
        quote(str_of(planning->pinned != NOBODY ? routing->providers[planning->pinned]->name : ""));

    switch (planning->plan->outcome) {
    case ROUTE_UNKNOWN_MODEL:
        say(planning, "Model '%s' is not known here. %s lists the models you can use.", model.text,
            models_path(planning));
        break;
    case ROUTE_UNKNOWN_PIN:
        say(planning,
            "There is no provider '%s' (X-Auxot-Provider takes an id or a slug). It may have been "
            "deleted; choose another or leave the header out.",
            pin.text);
        break;
    case ROUTE_PIN_LACKS_MODEL:
        say(planning,
            "Provider '%s' does not serve model '%s'. %s lists the models you can use; without the "
            "pin another provider may serve it.",
            name.text, model.text, models_path(planning));
        break;
    case ROUTE_PINS_DISAGREE:
        say(planning,
            "X-Auxot-Provider names '%s', but model '%s' names another provider. Send only one of "
            "the two.",
            pin.text, model.text);
        break;
    case ROUTE_DIALECT: say_dialect(planning, left->dialect); break;
    case ROUTE_ABILITY: say_ability(planning, left->ability); break;
    case ROUTE_DENIED: say_denied(planning, left->denied); break;
    case ROUTE_TOO_LONG: say_too_long(planning, left->too_long); break;
    case ROUTE_ENDPOINT:
        say(planning, "No provider offers %s for model '%s'. Use another endpoint or model.",
            endpoint_facts(planning->request->endpoint)->name, model.text);
        break;
    case ROUTE_NOBODY_NOW: say_nobody_now(planning, left->away); break;
    case ROUTE_ALL_OVER_QUOTA:
        say(planning,
            "Every provider that could answer is over its quota. The first resets in %lld s; try "
            "again then.",
            (long long)(planning->plan->wait_ms + 999) / 1000);
        break;
    default: say_none(planning, left); break;
    }
}

/* ---- conclusion -------------------------------------------------------------------------------- */

void route_conclude(struct planning *planning)
{
    if (planning->plan->eligible_count > 0)
        return;
    struct leftover left = look_at_leftover(planning);
    planning->plan->outcome = outcome_of(planning, &left);
    if (planning->plan->outcome == ROUTE_ALL_OVER_QUOTA)
        planning->plan->wait_ms = left.wait_ms;
    say_outcome(planning, &left);
}

void route_fail(struct planning *planning, enum route_outcome outcome)
{
    struct leftover none = {0};
    planning->plan->outcome = outcome;
    say_outcome(planning, &none);
}
