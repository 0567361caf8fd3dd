/* admin/provider_teams.h: what a plan says about providers: how many, and whose they may be; and who sees them.
 *
 * Thread:  api.
 */
#pragma once
#include "admin/api.h"

/** May one more of the row's type be added? False: the call has failed. */
MUST_USE bool provider_plan_check(struct api_call *call, const struct store_config *config,
                                  const struct provider_row *row);
/** Reads `teams` of the body into the row: ids or names of those that may use it; null: everybody. False: the
 *  call has failed. */
MUST_USE bool provider_teams_field(struct api_call *call, const struct store_config *config,
                                   struct provider_row *row);

/** Is the caller in this team, as they called? */
bool team_is_callers(const struct api_call *call, const struct snapshot *snapshot,
                     const char *team_id);
/** Admins see every provider; others those that are everybody's or their teams'. NULL: not seen. */
bool provider_is_seen(const struct api_call *call, const struct snapshot *snapshot,
                      const struct provider *provider);
/** Appends a list as it is kept, whose entries may name a `provider` by its id: without those whose provider the caller
 *  does not see. Empty: "[]". */
void seen_entries_write(struct json_writer *writer, const char *name, const char *list,
                        const struct snapshot *snapshot, const struct api_call *call);
