/* domain/route_parts.h: what route.c, route_model.c, route_list.c, route_endpoint.c, route_ability.c and route_say.c share. Nobody else includes it. */
#pragma once
#include "domain/route.h"

/* What the words of the request came to mean. */
enum asked {
    ASKED_MODEL, /* a model by its id */
    ASKED_AUTO,
    ASKED_ROUTE /* a named route or alias */
};

#define NOBODY SIZE_MAX /* in place of an index into routing->providers */

/* One planning. The list under construction is plan->list[0, plan->count). */
struct planning {
    const struct routing *routing;
    const struct provider_view *views;
    const struct route_request *request;
    struct route_plan *plan;

    enum asked asked;
    struct str model;                /* asked for, without the "<slug>/" of a pin */
    const struct named_route *route; /* ASKED_ROUTE */
    size_t pinned;                   /* or NOBODY */

    bool is_listed[PROVIDERS_MAX];
    bool has_failed_step
        [PROVIDERS_MAX]; /* a step means it, but the step's condition does not hold */
};

/* ---- route_model.c: who serves which model ---- */

/** Index of the provider with this id, or NOBODY. */
size_t route_index_of(const struct routing *routing, struct str id);
/** The model as the provider has it: of its live workers first, then as it is kept; on the gpu tier also under another
 *  quantization's name. NULL: it does not serve it. `out_is_surfaced` may be NULL. */
const struct model *route_model(const struct planning *planning, size_t index, struct str model,
                                bool *out_is_surfaced);
/** Does it serve the model, surfaced or not? */
bool route_serves(const struct planning *planning, size_t index, struct str model);
/** Does it serve the model that was asked for, and may this caller name it? */
bool route_offers(const struct planning *planning, size_t index);
/** In the provider's own spelling; as asked when it does not serve it. */
struct str route_own_spelling(const struct planning *planning, size_t index, struct str model);
/** What it answers `auto` with: its default, of workers one that is loaded rather than none; when policies forbid that,
 *  the first surfaced one that they allow. May be empty. */
struct str route_default_model(const struct planning *planning, size_t index);

/* ---- route_list.c: the list ---- */

/** Base list, rules, degraded ones behind the others of their tier. */
void route_list_make(struct planning *planning);
/** Marks who is skipped and why; puts the eligible first; adds all who were never listed. */
void route_list_sieve(struct planning *planning);
/** Is it paused, refused or gone: of no use until somebody or something changes that? */
bool route_is_out(enum provider_state state);

/** Does a policy forbid this model of the provider? (ROUTE_OK's opposite: 403.) */
bool route_is_denied(enum route_reason reason);

/* ---- route_endpoint.c: at which endpoint ---- */

/** Sets candidate->asked. False: there is no way to this provider, because of `*out_reason`. */
bool route_endpoint_choose(const struct planning *planning, struct candidate *candidate,
                           const struct model *model, enum route_reason *out_reason);

/* ---- route_ability.c: what a model lacks ---- */

/** What the model is known to lack for this request. False: nothing. */
bool route_lacks(const struct route_request *request, const struct model *model,
                 enum route_reason *out_reason);
/** Writes "use tools or see images": what of the request's needs the model lacks. */
void route_lacks_say(const struct route_request *request, const struct model *model, char *room,
                     size_t room_bytes);

/* ---- route_say.c: the outcome ---- */

/** Sets outcome, wait and sentence of a sieved list. */
void route_conclude(struct planning *planning);
/** Sets an outcome that needs no list. */
void route_fail(struct planning *planning, enum route_outcome outcome);
