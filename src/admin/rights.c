/* admin/rights.c: see rights.h. */
#include "admin/rights.h"

static const struct team_member_row *member_find(const struct store_config *config,
                                                 const char *team_id, const char *user_id)
{
    for (size_t i = 0; user_id[0] && i < config->team_member_count; i++)
        if (strcmp(config->team_members[i].user_id, user_id) == 0 &&
            strcmp(config->team_members[i].team_id, team_id) == 0)
            return &config->team_members[i];
    return NULL;
}

bool config_is_member(const struct store_config *config, const char *team_id, const char *user_id)
{
    return member_find(config, team_id, user_id) != NULL;
}

const struct service_account_row *config_service_account(const struct store_config *config,
                                                         const char *id)
{
    for (size_t i = 0; i < config->service_account_count; i++)
        if (strcmp(config->service_accounts[i].id, id) == 0)
            return &config->service_accounts[i];
    return NULL;
}

struct key_row *config_key(const struct store_config *config, const char *id)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (strcmp(config->keys[i].id, id) == 0)
            return &config->keys[i];
    return NULL;
}

bool rights_is_admin(const struct rights *rights)
{
    return rights->call->role >= ROLE_ADMIN;
}

bool rights_leads(const struct rights *rights, const char *team_id)
{
    const struct team_member_row *member = member_find(rights->config, team_id, rights->call->user);
    return rights_is_admin(rights) || (member && member->is_lead);
}

bool rights_sees_team(const struct rights *rights, const char *team_id)
{
    return rights_is_admin(rights) || strcmp(rights->call->team, team_id) == 0 ||
           config_is_member(rights->config, team_id, rights->call->user);
}

bool rights_owns_key(const struct rights *rights, const struct key_row *row)
{
    const struct api_call *call = rights->call;
    return strcmp(call->actor, row->id) == 0 ||
           (call->user[0] && strcmp(call->user, row->user_id) == 0) ||
           (call->service_account[0] &&
            strcmp(call->service_account, row->service_account_id) == 0);
}

/* A lead's role is that of a member everywhere else: an admin's key that pays on the team is not theirs. */
bool rights_manages_key(const struct rights *rights, const struct key_row *row)
{
    bool is_leads = row->team[0] && rights_leads(rights, row->team) &&
                    strcmp(row->role, role_name(ROLE_MEMBER)) == 0;
    return rights_is_admin(rights) || rights_owns_key(rights, row) || is_leads;
}

bool rights_rotates_key(const struct rights *rights, const struct key_row *row)
{
    bool is_somebody_elses = row->user_id[0] && !rights_owns_key(rights, row);
    return rights_manages_key(rights, row) && (rights_is_admin(rights) || !is_somebody_elses);
}
