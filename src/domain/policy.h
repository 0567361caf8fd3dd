/* domain/policy.h: what a team, or one key, may use and how much.
 *
 * Lists and limits are both narrowing: what a policy does not speak of is allowed, and a request must pass
 * the team's and the key's. An empty list allows nothing.
 *
 * Layer:   domain: pure.  Thread: any (immutable once read).
 * Memory:  lists and strings live in the arena that policy_read was given.
 */
#pragma once
#include "base/mem.h"
#include "domain/provider.h"
#include "json/json.h"
#include "json/json_writer.h"

#define POLICY_LIST_MAX       256  /* providers or models in one list */
#define POLICY_MODEL_LEN_MAX  199u /* as the names of models elsewhere */
#define POLICY_REQUESTS_MAX   INT64_C(1000000000)
#define POLICY_TOKENS_MAX     INT64_C(1000000000000)
#define POLICY_CONCURRENT_MAX INT64_C(1000000)
#define POLICY_BUDGET_MAX     INT64_C(1000000000000000) /* microusd: a thousand million dollars */

struct policy {
    bool has_tiers, has_providers, has_models; /* false: all are allowed */
    unsigned tiers;                            /* bit per enum tier */
    const char *const *providers;              /* ids */
    size_t provider_count;
    const char *const *models; /* exact, or a prefix with '*' at its end */
    size_t model_count;
    bool is_batch; /* service_class: waits behind everything interactive */
    int64_t requests_per_minute, tokens_per_minute, max_concurrent;    /* -1: no limit */
    int64_t budget_microusd_per_month, budget_soft_microusd_per_month; /* -1: none */
    int64_t max_output_tokens; /* of one request; -1: none */
};

/** Allows everything, limits nothing. */
struct policy policy_none(void);
/** Neither lists nor limits nor class. */
bool policy_is_none(const struct policy *policy);
/** Some of what is counted: rates, concurrency, a budget. */
bool policy_has_limits(const struct policy *policy);

/**
 * Reads the members of `object` over what `policy` says already: a missing one stays as it is, null takes
 * it away. So what is kept is read over policy_none(), and a change over what was kept.
 *
 * arena      receives lists and strings.
 * out_field  the member that is wrong; NULL: all of it. A string of the program's, or in the arena.
 * Errors     ERR_MALFORMED with a sentence: an unknown or doubled member, a wrong type, a number out of
 *            range, a soft budget above the hard one. ERR_NO_MEMORY. The policy is then not to be used.
 */
MUST_USE enum err policy_read(struct policy *policy, struct json object, struct arena *arena,
                              const char **out_field, struct error *error);
/** Only its models: a list of names and prefixes, or null for all. */
MUST_USE enum err policy_read_models(struct policy *policy, struct json value, struct arena *arena,
                                     struct error *error);
/** All members into the object that is open; null: no limit. policy_read takes it back. */
void policy_write(struct json_writer *writer, const struct policy *policy);

/** Does `list` allow `model`: named exactly, or by a prefix that ends in '*'? */
bool policy_model_matches(const char *pattern, struct str model);
