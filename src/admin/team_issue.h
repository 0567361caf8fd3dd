/* admin/team_issue.h: making a team in the store; the management API and `auxot keys` share it.
 *
 * Thread:  any that may block.
 */
#pragma once
#include "store/store.h"

/** By id, else by name whatever its case; NULL: there is none. */
const struct team_row *config_team(const struct store_config *config, struct str id_or_name);
/** 1 to 63 bytes, nothing that reads as an id. ERR_MALFORMED with a sentence. */
MUST_USE enum err team_name_check(struct str name, struct error *error);
/**
 * Makes one. `policy_json` is "" or a policy that was read already. `out_row` owns nothing.
 * Errors: ERR_MALFORMED for the name, what the store says.
 */
MUST_USE enum err team_issue(struct store *store, struct str name, const char *policy_json,
                             const char *actor, struct team_row *out_row, struct error *error);
