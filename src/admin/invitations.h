/* admin/invitations.h: what the two files about invitations share. */
#pragma once
#include "admin/api.h"

/** Does the key hold all that its role gives, without end? Others would widen themselves by an invitation. */
bool key_may_invite(const struct key_row *row);
bool is_lead(const struct store_config *config, const char *user, const char *team);
/** What anybody may see of it, into the writer's open object. */
void invitation_write(struct json_writer *writer, const struct store_config *config,
                      const struct invitation_row *row);
