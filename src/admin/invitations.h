/* admin/invitations.h: what the two files about invitations share. */
#pragma once
#include "admin/api.h"

/** Does the key hold all that its role gives, without end? Others would widen themselves by an invitation. */
bool key_may_invite(const struct key_row *row);
/** May the caller make links that sign somebody in? False: the call has failed, for it came with a narrower key. */
bool link_maker_is_wide(struct api_call *call, const struct store_config *config);
/** The role that who made a link holds now, and the user whose it is. */
enum role link_maker_role(const struct store_config *config, const char *maker_id,
                          const char **out_user);
bool is_lead(const struct store_config *config, const char *user, const char *team);
/** What anybody may see of it, into the writer's open object. */
void invitation_write(struct json_writer *writer, const struct store_config *config,
                      const struct invitation_row *row);
