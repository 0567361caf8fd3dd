/* domain/provider.h: what the rules know of providers: configuration only, no sockets, no health.
 *
 * Everything here is immutable once built: it lives in a snapshot's arena and is shared by all threads.
 * Strings are NUL-terminated, never NULL unless said, owned by the snapshot.
 */
#pragma once
#include "base/err.h"
#include "wire/api.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDPOINT_BIT(endpoint) (1u << (endpoint))
/* A compatible server may lack some of these; its own 404 then says so. */
#define ENDPOINTS_OPENAI                                              \
    (ENDPOINT_BIT(ENDPOINT_CHAT) | ENDPOINT_BIT(ENDPOINT_RESPONSES) | \
     ENDPOINT_BIT(ENDPOINT_EMBEDDINGS) | ENDPOINT_BIT(ENDPOINT_COMPLETIONS))
#define ENDPOINTS_ANTHROPIC (ENDPOINT_BIT(ENDPOINT_MESSAGES) | ENDPOINT_BIT(ENDPOINT_COUNT_TOKENS))
/* llama-server's own /v1/responses and /v1/messages are not exact: CLIENTS.md 9. */
#define ENDPOINTS_GPU                                                  \
    (ENDPOINT_BIT(ENDPOINT_CHAT) | ENDPOINT_BIT(ENDPOINT_EMBEDDINGS) | \
     ENDPOINT_BIT(ENDPOINT_COMPLETIONS))
#define ENDPOINTS_CLI ENDPOINT_BIT(ENDPOINT_MESSAGES)
/* The three that are translated into each other. */
#define ENDPOINTS_GENERATION                                          \
    (ENDPOINT_BIT(ENDPOINT_CHAT) | ENDPOINT_BIT(ENDPOINT_RESPONSES) | \
     ENDPOINT_BIT(ENDPOINT_MESSAGES))

/* In cascade order: SPEC 4.1. */
// clang-format off
#define PROVIDER_KIND_LIST(X)                                                                      \
    /* name       text         tier        dialect            what it may be asked */             \
    X(GPU,        "gpu",       TIER_GPU,   DIALECT_OPENAI,    ENDPOINTS_GPU)                       \
    X(CLI,        "cli",       TIER_CLI,   DIALECT_ANTHROPIC, ENDPOINTS_CLI)                       \
    X(OPENAI,     "openai",    TIER_CLOUD, DIALECT_OPENAI,    ENDPOINTS_OPENAI)                    \
    X(ANTHROPIC,  "anthropic", TIER_CLOUD, DIALECT_ANTHROPIC, ENDPOINTS_ANTHROPIC)
// clang-format on

enum tier { TIER_GPU, TIER_CLI, TIER_CLOUD, TIER_COUNT };
enum provider_kind {
#define X(name, text, tier, dialect, endpoints) PROVIDER_##name,
    PROVIDER_KIND_LIST(X)
#undef X
        PROVIDER_KIND_COUNT
};

const char *provider_kind_name(enum provider_kind kind); /* "openai" */
bool provider_kind_parse(struct str name, enum provider_kind *out_kind);
enum tier provider_kind_tier(enum provider_kind kind);
enum dialect provider_kind_dialect(enum provider_kind kind);
/** ENDPOINT_BIT of each endpoint that it answers, unless its configuration says otherwise. */
unsigned provider_kind_endpoints(enum provider_kind kind);
/** What one word of a provider's `dialects` stands for: an endpoint by its name, or "openai" or "anthropic" for
 *  all that such a provider usually answers. ENDPOINT_BITs; 0 when it is no such word. */
unsigned provider_dialect_endpoints(struct str word);
const char *tier_name(enum tier tier);
bool tier_parse(struct str name, enum tier *out_tier);

enum condition {
    CONDITION_OFFLINE,
    CONDITION_OVER_QUOTA,
    CONDITION_QUEUE_TOO_DEEP,
    CONDITION_COUNT
};
const char *condition_name(enum condition condition); /* "queue_too_deep" */
bool condition_parse(struct str name, enum condition *out_condition);

/* What a model is known to be without. What is not known counts as there. */
enum model_lack {
    MODEL_LACKS_TOOLS = 1u << 0,
    MODEL_LACKS_IMAGES = 1u << 1,
    MODEL_LACKS_SCHEMA = 1u << 2, /* answers by a JSON schema */
    MODEL_LACKS_REASONING = 1u << 3
};

struct price;
struct model {
    const char *id; /* the provider's own spelling */
    bool is_surfaced;
    int64_t context_tokens;    /* -1 unknown */
    int64_t max_output_tokens; /* -1 unknown */
    int64_t created_at_ms;     /* wall clock; 0 unknown */
    unsigned lacks;            /* enum model_lack */
    unsigned quirks; /* enum quirk: known beforehand; what was learned is the live part's */
    const struct price *price; /* what it costs at this provider; NULL unknown */
};

/** When `condition` holds for the provider that owns it, `provider_id` comes right behind it. */
struct fallback_rule {
    enum condition condition;
    const char *provider_id;
    const char *model; /* NULL: the target's default */
    int64_t threshold; /* tickets waiting, for queue_too_deep */
};
#define FALLBACK_THRESHOLD_DEFAULT 10

struct timeouts {
    int64_t connect_ms, first_byte_ms, plain_ms, idle_ms;
};
/** Clouds: 5 s, 120 s, 600 s, 120 s. What is our own may take 600 s to its first byte also in a stream. */
const struct timeouts *provider_kind_timeouts(enum provider_kind kind);

#define PROVIDERS_MAX      256u
#define MODELS_MAX         2000u /* of one provider */
#define RULES_MAX          16u   /* of one provider */
#define PROVIDER_TEAMS_MAX 256u

struct provider {
    const char *id; /* "prv_..." */
    const char *name, *slug;
    enum provider_kind kind;
    const char *
        base_url; /* normalised: no trailing slash; openai with /v1, anthropic without; "": workers */
    bool has_workers;    /* reached over connections that they opened; offline while none is live */
    unsigned speaks;     /* ENDPOINT_BIT of each that it really answers */
    bool is_openais_own; /* OpenAI or Azure: there responses is the better of the two dialects */
    const char *default_model;  /* NULL: none */
    const struct model *models; /* sorted by id (strcmp) */
    size_t model_count;
    const struct fallback_rule *rules;
    size_t rule_count;
    bool has_teams;           /* false: every team may use it, and who has none */
    const char *const *teams; /* ids of those that may; none: nobody may */
    size_t team_count;
    struct timeouts timeouts;
    int64_t wait_ms, max_concurrent; /* 0: none */
    bool is_paused;
    bool has_key;
    int64_t credential_version; /* grows with each new key; a verdict about a key carries it */
    int64_t created_at_ms;
    int64_t created_seq; /* order of creation */
    void *live; /* the long-lived part (health, secret, pool keys): gateway's; opaque here */
};

/** In an array sorted by id (strcmp), by binary search; NULL when it is not there. */
const struct model *models_find(const struct model *models, size_t count, struct str id);
/** NULL when it has no such model. Binary search. */
const struct model *provider_model(const struct provider *provider, struct str model_id);

/** Makes a slug: lower-case ASCII letters, digits and '-', 1 to 40 bytes; "provider" if nothing is left. */
void provider_slug(struct str name, char *out_slug, size_t room_bytes);

/**
 * Normalises a base URL: http or https only, no userinfo, query, fragment; openai ends in /v1 (added
 * when the path is empty), anthropic's trailing /v1 is removed; no trailing slash; host lower-cased.
 * Errors: ERR_MALFORMED with a sentence.
 */
MUST_USE enum err provider_base_url(enum provider_kind kind, struct str given, char *out_url,
                                    size_t room_bytes, struct error *error);
