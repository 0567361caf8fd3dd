/* domain/access.c: see access.h. */
#include "domain/access.h"

#include <assert.h>
#include <stdio.h>

static const struct {
    const char *code, *text;
} rules[] = {
#define X(name, code, text) {code, text},
    ACCESS_RULE_LIST(X)
#undef X
};

const char *access_rule_code(enum access_rule rule)
{
    assert(rule < ACCESS_RULE_COUNT);
    return rules[rule].code;
}

const char *access_rule_text(enum access_rule rule)
{
    assert(rule < ACCESS_RULE_COUNT);
    return rules[rule].text;
}

/* ---- deciding ---------------------------------------------------------------------------------- */

static bool is_among(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static bool allows_model(const struct policy *policy, struct str model)
{
    if (model.len == 0)
        return policy->model_count > 0;
    for (size_t i = 0; i < policy->model_count; i++)
        if (policy_model_matches(policy->models[i], model))
            return true;
    return false;
}

/* What of one policy forbids it: 0 nothing, else 1 tiers, 2 providers, 3 models: the order of the rules. */
static int forbids(const struct policy *policy, const struct provider *provider, struct str model)
{
    if (policy->has_tiers && !(policy->tiers & 1u << provider_kind_tier(provider->kind)))
        return 1;
    if (policy->has_providers && !is_among(policy->providers, policy->provider_count, provider->id))
        return 2;
    return policy->has_models && !allows_model(policy, model) ? 3 : 0;
}

static bool is_assigned(const struct access *access, const struct provider *provider)
{
    return !provider->has_teams ||
           (access->team_id && is_among(provider->teams, provider->team_count, access->team_id));
}

enum access_rule access_decide(const struct access *access, const struct provider *provider,
                               struct str model)
{
    static_assert(ACCESS_TEAM_MODELS == ACCESS_PROVIDER_TEAMS + 3, "behind each other");
    static_assert(ACCESS_KEY_MODELS == ACCESS_TEAM_MODELS + 3, "behind each other");
    if (!is_assigned(access, provider))
        return ACCESS_PROVIDER_TEAMS;
    int what = access->team ? forbids(access->team, provider, model) : 0;
    if (what)
        return ACCESS_PROVIDER_TEAMS + (enum access_rule)what;
    what = access->key ? forbids(access->key, provider, model) : 0;
    return what ? ACCESS_TEAM_MODELS + (enum access_rule)what : ACCESS_ALLOWED;
}

/* ---- saying ------------------------------------------------------------------------------------ */

#define NAME_MAX_SAID 72

/* What people typed: cut, and without control characters. */
struct said {
    char text[NAME_MAX_SAID];
};
static struct said said_of(struct str name)
{
    struct said said;
    str_copy(name, said.text, sizeof said.text);
    for (char *at = said.text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '?';
    return said;
}

static void say_assigned(const struct access *access, const char *provider, char *room,
                         size_t room_bytes)
{
    if (access->team_id)
        (void)snprintf(
            room, room_bytes,
            "Provider '%s' is assigned to other teams than %s. An admin can change that.", provider,
            said_of(str_of(access->team_name)).text);
    else
        (void)snprintf(room, room_bytes,
                       "Provider '%s' is assigned to teams, and this caller has none. An admin can "
                       "change that.",
                       provider);
}

/* What is not allowed: "the cloud tier (of provider 'OpenAI')", "provider 'OpenAI'", "model 'gpt-5'". */
static void say_what(const struct provider *provider, struct str model, enum access_rule rule,
                     char *room, size_t room_bytes)
{
    struct said name = said_of(str_of(provider->name));
    const char *tier = tier_name(provider_kind_tier(provider->kind));
    if (rule == ACCESS_TEAM_TIERS || rule == ACCESS_KEY_TIERS)
        (void)snprintf(room, room_bytes, "the %s tier (provider '%s')", tier, name.text);
    else if (rule == ACCESS_TEAM_PROVIDERS || rule == ACCESS_KEY_PROVIDERS || model.len == 0)
        (void)snprintf(room, room_bytes, "provider '%s'", name.text);
    else
        (void)snprintf(room, room_bytes, "model '%s'", said_of(model).text);
}

void access_say(const struct access *access, const struct provider *provider, struct str model,
                enum access_rule rule, char *room, size_t room_bytes)
{
    char what[2 * NAME_MAX_SAID];
    if (rule == ACCESS_ALLOWED) {
        (void)snprintf(room, room_bytes, "Nothing forbids it.");
    } else if (rule == ACCESS_PROVIDER_TEAMS) {
        say_assigned(access, said_of(str_of(provider->name)).text, room, room_bytes);
    } else if (rule < ACCESS_KEY_TIERS) {
        say_what(provider, model, rule, what, sizeof what);
        (void)snprintf(room, room_bytes,
                       "Team %s may not use %s. An admin can allow it in the team's policy.",
                       said_of(str_of(access->team_name)).text, what);
    } else {
        say_what(provider, model, rule, what, sizeof what);
        (void)snprintf(room, room_bytes,
                       "This API key may not use %s. Whoever manages the key can allow it.", what);
    }
}
