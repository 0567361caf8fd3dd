/* admin/key_grants.c: see key_grants.h. */
#include "admin/key_grants.h"

#include "admin/people.h"
#include "admin/policy_field.h"
#include "admin/team_issue.h"

/* ---- for whom ------------------------------------------------------------------------------------ */

/* A team's policy and budget hold for the keys that count for it: who leads both teams moves a key from one to the
 * other, users their own within their teams. Only admins take one out of every team. */
static bool may_set_team(const struct rights *rights, const struct key_row *row,
                         const struct team_row *team)
{
    bool is_new = row->id[0] == '\0';
    if (rights_is_admin(rights) || strcmp(row->team, team ? team->id : "") == 0)
        return true;
    if (!team)
        return false;
    return (row->user_id[0] && (is_new || rights_owns_key(rights, row))) ||
           ((is_new || rights_leads(rights, row->team)) && rights_leads(rights, team->id));
}

bool key_team_field(const struct rights *rights, struct api_call *call, struct key_row *row)
{
    char wanted[64] = "";
    bool is_given = false;
    if (!api_text(call, "team", wanted, sizeof wanted, &is_given))
        return false;
    if (!is_given)
        return true;
    const struct team_row *team = config_team(rights->config, str_of(wanted));
    if (wanted[0] && (!team || !rights_sees_team(rights, team->id)))
        api_fail(call, PROBLEM_INVALID_FIELD, "team", "There is no team \"%s\".", wanted);
    else if (row->service_account_id[0] && (!team || strcmp(team->id, row->team) != 0))
        api_fail(call, PROBLEM_INVALID_FIELD, "team",
                 "A key of a service account counts for the account's own team.");
    else if (team && row->user_id[0] && !config_is_member(rights->config, team->id, row->user_id))
        api_fail(call, PROBLEM_INVALID_FIELD, "team", "The user is not in the team \"%s\".",
                 team->name);
    else if (!may_set_team(rights, row, team))
        api_fail(call, PROBLEM_FORBIDDEN, "team", "%s",
                 team ? "Only who leads both teams, and admins, move a key to another team."
                      : "Only admins take a key out of its team: no policy would hold for it.");
    else
        str_copy(str_of(team ? team->id : ""), row->team, sizeof row->team);
    return !api_has_failed(call);
}

static bool for_account(const struct rights *rights, struct api_call *call, const char *id,
                        struct key_row *row)
{
    const struct service_account_row *account = config_service_account(rights->config, id);
    if (!account || !rights_sees_team(rights, account->team_id)) {
        api_fail(call, PROBLEM_INVALID_FIELD, "service_account",
                 "There is no service account \"%s\".", id);
        return false;
    }
    if (!rights_leads(rights, account->team_id)) {
        api_fail(call, PROBLEM_FORBIDDEN, "service_account",
                 "Keys of service accounts are made by the leads of their team and by admins.");
        return false;
    }
    str_copy(str_of(account->id), row->service_account_id, sizeof row->service_account_id);
    str_copy(str_of(account->team_id), row->team, sizeof row->team);
    return true;
}

static bool for_user(const struct rights *rights, struct api_call *call, const char *id,
                     struct key_row *row)
{
    if (!rights_is_admin(rights) && strcmp(id, call->user) != 0) {
        api_fail(call, PROBLEM_FORBIDDEN, "user",
                 "Only admins make keys for others: whoever has the key acts as its user.");
        return false;
    }
    if (!config_user(rights->config, id)) {
        api_fail(call, PROBLEM_INVALID_FIELD, "user", "There is no user \"%s\".", id);
        return false;
    }
    str_copy(str_of(id), row->user_id, sizeof row->user_id);
    return true;
}

/* Nobody was named: a team's key, if a team was and the caller leads it; else the caller's own. */
static bool for_the_usual(const struct rights *rights, struct api_call *call, bool is_nobodys,
                          struct key_row *row)
{
    struct str wanted = json_string_or_empty(json_get(call->root, "team"));
    const struct team_row *team = config_team(rights->config, wanted);
    bool is_teams = team && (is_nobodys || rights_is_admin(rights));
    if (is_teams && rights_leads(rights, team->id))
        return true;
    if (is_nobodys ? rights_is_admin(rights) : rights_is_admin(rights) || call->user[0]) {
        str_copy(str_of(is_nobodys ? "" : call->user), row->user_id, sizeof row->user_id);
        return true;
    }
    api_fail(call, PROBLEM_FORBIDDEN, "user",
             is_nobodys
                 ? "Keys that are nobody's are made by the leads of their team and by admins."
                 : "This key belongs to no user, so it makes no keys.");
    return false;
}

bool key_owner_field(const struct rights *rights, struct api_call *call, struct key_row *row)
{
    char user[ID_MAX] = "", account[ID_MAX] = "";
    if (!api_text(call, "user", user, sizeof user, NULL) ||
        !api_text(call, "service_account", account, sizeof account, NULL))
        return false;
    bool is_nobodys = json_type_of(json_get(call->root, "user")) == JSON_NULL;
    if (user[0] && account[0]) {
        api_fail(call, PROBLEM_INVALID_FIELD, "user",
                 "A key is a user's or a service account's, not both.");
        return false;
    }
    if (account[0])
        return for_account(rights, call, account, row);
    return user[0] ? for_user(rights, call, user, row)
                   : for_the_usual(rights, call, is_nobodys, row);
}

/* ---- how much ------------------------------------------------------------------------------------ */

static bool refuse(struct api_call *call, const char *field, const char *sentence)
{
    api_fail(call, PROBLEM_FORBIDDEN, field, "%s", sentence);
    return false;
}

static bool role_is_held(struct api_call *call, const struct key_row *row)
{
    enum role role = ROLE_NONE;
    if (role_parse(str_of(row->role), &role) && role <= call->role)
        return true;
    return refuse(call, "role", "You cannot give a key a role above your own.");
}

static bool scopes_are_held(struct api_call *call, struct key_row *row, bool is_new)
{
    enum role role = ROLE_NONE;
    (void)role_parse(str_of(row->role), &role);
    unsigned scopes = row->scopes ? row->scopes : scopes_of_role(role);
    if (!row->scopes && is_new)
        row->scopes = scopes &= call->scopes;
    if (scopes && (scopes & ~call->scopes) == 0)
        return true;
    return refuse(call, "scopes", "You cannot give a key scopes that your own does not have.");
}

static bool models_are_held(struct api_call *call, const struct key_row *maker, struct key_row *row,
                            bool is_new)
{
    const char *held = maker->models_json;
    if (!held || !held[0])
        return true;
    if (!row->models_json && is_new)
        row->models_json = mem_dup(held, strlen(held));
    if (row->models_json && models_are_within(row->models_json, held))
        return true;
    return refuse(call, "allowed_models", "You cannot give a key models that yours may not call.");
}

static bool end_is_held(struct api_call *call, const struct key_row *maker, struct key_row *row,
                        bool is_new)
{
    if (!row->expires_at_ms && is_new)
        row->expires_at_ms = maker->expires_at_ms;
    return !maker->expires_at_ms ||
           (row->expires_at_ms && row->expires_at_ms <= maker->expires_at_ms) ||
           refuse(call, "expires_at_ms", "You cannot make a key that outlives yours.");
}

static bool limits_are_held(struct api_call *call, const struct key_row *maker,
                            const struct key_row *row)
{
    const char *held = maker->policy_json;
    bool is_itself = strcmp(maker->id, row->id) == 0;
    bool is_same = row->policy_json && held && strcmp(row->policy_json, held) == 0;
    return !held || !held[0] || (is_itself && is_same) ||
           refuse(call, "policy",
                  "A key with limits of its own makes no keys and lifts no limits.");
}

/* An admin's key may change the teams themselves. */
static bool team_is_held(struct api_call *call, const struct key_row *maker, struct key_row *row,
                         bool is_new)
{
    if (!maker->team[0] || call->role >= ROLE_ADMIN)
        return true;
    if (!row->team[0] && is_new)
        str_copy(str_of(maker->team), row->team, sizeof row->team);
    return strcmp(row->team, maker->team) == 0 ||
           refuse(call, "team",
                  "A key that counts for a team makes and changes keys of that team.");
}

bool key_grants_check(const struct rights *rights, struct api_call *call, struct key_row *row,
                      bool is_new)
{
    const struct key_row *maker = config_key(rights->config, call->actor);
    if (!role_is_held(call, row) || !scopes_are_held(call, row, is_new))
        return false;
    if (!maker && str_starts(str_of(call->actor), STR("key_")))
        return refuse(call, NULL, "The key of this call is not in force any more.");
    return !maker ||
           (team_is_held(call, maker, row, is_new) && models_are_held(call, maker, row, is_new) &&
            end_is_held(call, maker, row, is_new) && limits_are_held(call, maker, row));
}
