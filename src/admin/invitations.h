/* admin/invitations.h: what the two files about invitations share. */
#pragma once
#include "admin/api.h"

bool is_lead(const struct store_config *config, const char *user, const char *team);
/** What anybody may see of it, into the writer's open object. */
void invitation_write(struct json_writer *writer, const struct store_config *config,
                      const struct invitation_row *row);
