/* admin/rights.h: who may see and change what belongs to a team or a person.
 *
 * Admins: all. A lead: the members, keys and service accounts of the team. A member: their own keys; they see
 * their teams. What somebody may not see does not exist for them: 404, like an id that was never given.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "admin/api.h"

struct rights {
    const struct api_call *call; /* who asks */
    const struct store_config *config;
};

bool rights_is_admin(const struct rights *rights);
bool rights_leads(const struct rights *rights, const char *team_id); /* admins lead all */
bool rights_sees_team(const struct rights *rights,
                      const char *team_id); /* who is in it, and admins */
/** Belongs to the caller: their user's, their service account's, or the key they came with. */
bool rights_owns_key(const struct rights *rights, const struct key_row *row);
/** May look at it, change it, revoke it. */
bool rights_manages_key(const struct rights *rights, const struct key_row *row);
/** May also have a new secret of it: with it they could act as whom it belongs to. */
bool rights_rotates_key(const struct rights *rights, const struct key_row *row);

/** Rows by id; NULL: there is none. */
const struct service_account_row *config_service_account(const struct store_config *config,
                                                         const char *id);
struct key_row *config_key(const struct store_config *config, const char *id);
bool config_is_member(const struct store_config *config, const char *team_id, const char *user_id);
