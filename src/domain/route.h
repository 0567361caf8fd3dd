/* domain/route.h: who may answer this request, in which order, and why (not). SPEC 4.1.
 *
 * A pure function of (request, caller, configuration, health, now). Live traffic, the dry run and the
 * tests call the same one.
 */
#pragma once
#include "domain/access.h"
#include "domain/health.h"
#include "domain/provider.h"
#include "domain/quirks.h"

/** A named route or alias: SPEC 4.1 item 4. */
enum step_when { STEP_ALWAYS, STEP_PREVIOUS_FULL, STEP_PREVIOUS_OFFLINE };
struct route_step {
    const char *provider_id; /* one of the three is set: provider (with or without model), */
    const char *model;       /* model alone (every provider that serves it), */
    int tier;                /* or tier; -1 when unused */
    enum step_when when;
};
#define STEPS_MAX 16u
struct named_route {
    const char *id, *name; /* the name may end in '*': a pattern by prefix */
    const struct route_step *steps;
    size_t step_count;
};

/** The part of a snapshot that routing reads. */
struct routing {
    const struct provider *const *providers; /* in cascade order: kind, then created_seq */
    size_t provider_count;
    const char *auto_provider_id; /* NULL: no Auto default */
    const char *auto_model;       /* NULL: that provider's default */
    const struct named_route *routes;
    size_t route_count;
    int64_t version;
};

/** Health of each provider, in the order of routing.providers. */
struct provider_view {
    struct health_view health;
    const struct health *models;        /* for missing models; may be NULL */
    const struct quirk_memory *learned; /* from its refusals; may be NULL */
    const struct model
        *loaded; /* what its live workers have, sorted by id; NULL: it has no workers, or
                                   none is live */
    size_t loaded_count;
    int64_t waiting;     /* tickets whose first choice this is */
    int64_t heard_at_ms; /* wall clock: its last sign of life; 0: none yet. For the record only */
    bool is_full;        /* it has slots, and none is free */
};

/* What of a model the request cannot do without. */
enum route_need {
    NEEDS_TOOLS = MODEL_LACKS_TOOLS, /* the same bits: a need meets a lack */
    NEEDS_IMAGES = MODEL_LACKS_IMAGES,
    NEEDS_SCHEMA = MODEL_LACKS_SCHEMA
};

struct route_request {
    enum endpoint endpoint;
    struct str model;            /* as the caller wrote it */
    struct str provider_pin;     /* X-Auxot-Provider: id or slug; empty: none */
    bool is_admin;               /* may call unsurfaced models by name */
    const struct access *access; /* what policies and assignments bind the caller; NULL: none */
    unsigned needs;              /* enum route_need */
    int64_t prompt_tokens;       /* at least so many, by a cautious estimate; -1: no saying */
    int64_t now_ms;              /* monotonic */
};

enum route_verdict { ROUTE_CHOSEN, ROUTE_ELIGIBLE, ROUTE_SKIPPED };
const char *route_verdict_name(enum route_verdict verdict); /* "chosen" */

/* Why a provider is in the list, or is not. Stable codes: jobs, explain and the UI show them. */
// clang-format off
#define ROUTE_REASON_LIST(X)                                                                         \
    X(PINNED,            "pinned",             "the caller asked for this provider")                 \
    X(SERVES_MODEL,      "serves_model",       "it serves the model that was asked for")             \
    X(AUTO_DEFAULT,      "auto_default",       "it is the Auto default")                             \
    X(CASCADE,           "cascade",            "it is the next in the cascade")                      \
    X(ROUTE_STEP,        "route_step",         "a step of the named route leads here")               \
    X(FALLBACK_RULE,     "fallback_rule",      "a fallback rule of another provider leads here")     \
    X(DEGRADED,          "degraded",           "it failed lately, so it comes after the others of its tier") \
    X(OVER_QUOTA,        "over_quota",         "it is over its quota until the reset")               \
    X(OFFLINE,           "offline",            "it is offline")                                      \
    X(KEY_ERROR,         "error",              "its key was refused or it has no models")            \
    X(PAUSED,            "paused",             "an admin paused it")                                 \
    X(MODEL_NOT_SERVED,  "model_not_served",   "it does not serve the model")                        \
    X(MODEL_UNSURFACED,  "model_unsurfaced",   "the model is not surfaced, and the key is no admin's") \
    X(MODEL_MISSING,     "model_missing",      "it said lately that it does not have this model")    \
    X(NOT_LOADED,        "not_loaded",         "none of its live workers has the model loaded")      \
    X(NO_DEFAULT_MODEL,  "no_default_model",   "it has no default model to answer auto with")        \
    X(DIALECT,           "dialect_not_supported", "it speaks none of the dialects that this request can be translated to") \
    X(ENDPOINT,          "endpoint_not_supported", "it does not offer this endpoint")                \
    X(LACKS_TOOLS,       "lacks_tools",        "its model is known to use no tools")                 \
    X(LACKS_IMAGES,      "lacks_images",       "its model is known to see no images")                \
    X(LACKS_SCHEMA,      "lacks_json_schema",  "its model is known to answer by no JSON schema")     \
    X(CONTEXT,           "context_too_small",  "the prompt is longer than its model's window")       \
    X(PROVIDER_TEAMS,    "provider_teams",     "it is assigned to other teams")                      \
    X(TEAM_TIERS,        "team_tiers",         "the team's policy does not allow its tier")          \
    X(TEAM_PROVIDERS,    "team_providers",     "the team's policy does not allow it")                \
    X(TEAM_MODELS,       "team_models",        "the team's policy does not allow the model")         \
    X(KEY_TIERS,         "key_tiers",          "the API key may not use its tier")                   \
    X(KEY_PROVIDERS,     "key_providers",      "the API key may not use it")                         \
    X(KEY_MODELS,        "key_models",         "the API key may not use the model")                  \
    X(NOT_ASKED,         "not_asked",          "the request names another provider or route")        \
    X(CONDITION_FALSE,   "condition_not_met",  "the condition of its route step does not hold")
// clang-format on

enum route_reason {
#define X(name, code, text) REASON_##name,
    ROUTE_REASON_LIST(X)
#undef X
        REASON_COUNT
};
const char *route_reason_code(enum route_reason reason);
const char *route_reason_text(enum route_reason reason);

#define RANK_UNLISTED SIZE_MAX
struct candidate {
    const struct provider *provider;
    size_t index; /* into routing.providers */
    size_t
        rank; /* its place in the order of preference, before anybody was left out or put back; or RANK_UNLISTED */
    struct str model; /* what this provider is asked for; borrowed from config or request */
    /* Where it is asked: the request's own endpoint, or the one that the request is translated to. ENDPOINT_COUNT:
     * nobody is asked, for tokens can be counted here, if not exactly. */
    enum endpoint asked;
    enum route_verdict verdict;
    enum route_reason reason;
    int64_t context_tokens, max_output_tokens; /* of the model; -1 unknown */
    unsigned quirks;                           /* of the model, as known beforehand */
    int64_t until_ms; /* over_quota: when it may be asked again, monotonic; else 0 */
};

/** How the list came out; the gateway turns these into the table of SPEC 3. */
enum route_outcome {
    ROUTE_OK,              /* at least one candidate */
    ROUTE_UNKNOWN_MODEL,   /* 404 model_not_found */
    ROUTE_UNKNOWN_PIN,     /* 404: no such provider */
    ROUTE_PIN_LACKS_MODEL, /* 404 naming it */
    ROUTE_PINS_DISAGREE,   /* 400: header and slug/ prefix */
    ROUTE_DIALECT,         /* 400: only providers that it cannot be translated for could */
    ROUTE_ABILITY,         /* 400: every model lacks something that the request needs */
    ROUTE_TOO_LONG,        /* 400: the windows of those that could answer are too small */
    ROUTE_ENDPOINT,        /* 404: no provider offers this endpoint for it */
    ROUTE_DENIED,          /* 403: policies forbid all that could answer */
    ROUTE_ALL_OVER_QUOTA,  /* 429 with the smallest wait, in wait_ms */
    ROUTE_NOBODY_NOW,      /* 503: no worker is online that could, but one may come */
    ROUTE_NONE_EVER        /* 503: none configured, paused, key refused, offline */
};

/** The code of a job that was refused for it: "no_candidate"; "ok". */
const char *route_outcome_reason(enum route_outcome outcome);

struct route_plan {
    enum route_outcome outcome;
    /* Eligible ones first, in order; then those that may be waited for (offline, over quota); then the rest. */
    struct candidate list[PROVIDERS_MAX];
    size_t eligible_count, later_count, count;
    int64_t wait_ms; /* ROUTE_ALL_OVER_QUOTA: until the first reset */
    bool is_auto;    /* auto or a route: MODEL and LONG move on too */
    bool is_pinned;
    char sentence[256]; /* for the caller, when outcome is not ROUTE_OK */
};

/** Fills `out_plan` (all of it). `views` has routing->provider_count entries. */
void route_plan_make(const struct routing *routing, const struct provider_view *views,
                     const struct route_request *request, struct route_plan *out_plan);
