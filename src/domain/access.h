/* domain/access.h: may this caller use this provider, and this model there? Answered with the rule that decides.
 *
 * Everything is allowed that nothing forbids: the provider's assignment to teams, then the team's policy, then the
 * key's own. The first that forbids is the rule that is named. Routing, the dry run, the lists of models and
 * "what may this person use?" ask the same function.
 *
 * Layer: domain: pure.  Thread: any (all that it looks at is immutable).
 */
#pragma once
#include "domain/policy.h"

/** Who asks. Borrowed, of the snapshot; zeroed: somebody whom nothing binds. */
struct access {
    const char *team_id, *team_name; /* NULL: no team */
    const struct policy *team;       /* NULL: none */
    const struct policy *key;        /* NULL: none */
};

/* In the order in which they are asked. Stable codes: jobs, explain and the UI show them. */
// clang-format off
#define ACCESS_RULE_LIST(X)                                                                         \
    X(ALLOWED,        "allowed",        "nothing forbids it")                                       \
    X(PROVIDER_TEAMS, "provider_teams", "the provider is assigned to other teams")                  \
    X(TEAM_TIERS,     "team_tiers",     "the team's policy does not allow this tier")               \
    X(TEAM_PROVIDERS, "team_providers", "the team's policy does not allow this provider")           \
    X(TEAM_MODELS,    "team_models",    "the team's policy does not allow this model")              \
    X(KEY_TIERS,      "key_tiers",      "the key may not use this tier")                            \
    X(KEY_PROVIDERS,  "key_providers",  "the key may not use this provider")                        \
    X(KEY_MODELS,     "key_models",     "the key may not use this model")
// clang-format on

enum access_rule {
#define X(name, code, text) ACCESS_##name,
    ACCESS_RULE_LIST(X)
#undef X
        ACCESS_RULE_COUNT
};
const char *access_rule_code(enum access_rule rule);
const char *access_rule_text(enum access_rule rule);

/** The rule that decides; ACCESS_ALLOWED when none forbids. `model` is in the provider's own spelling; empty: some
 *  model of it, so that only a policy that allows no model at all forbids by models. */
enum access_rule access_decide(const struct access *access, const struct provider *provider,
                               struct str model);

/** "Team Research may not use provider 'OpenAI': its policy allows only tiers gpu and cli. An admin can change that."
 *  into `room`, cut to fit. */
void access_say(const struct access *access, const struct provider *provider, struct str model,
                enum access_rule rule, char *room, size_t room_bytes);
