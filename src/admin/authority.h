/* admin/authority.h: what a caller may still do when their call comes to its turn.
 *
 * A call waits in a queue, and then for the lock, while others change roles, revoke keys and end sessions. So whatever
 * changes something looks at its caller again, in the rows that it has under the lock.
 *
 * Layer:   pure, but for the table of sessions, which has a lock of its own.  Thread: any.
 */
#pragma once
#include "admin/api.h"
#include "gateway/sessions.h"

/** Takes from the call what its caller lost since it came: never gives. Calls that need nobody, and those of the control
 *  socket, stay as they are. False: not enough is left, and the call has failed (401, 403). */
MUST_USE bool authority_look(struct api_call *call, const struct store_config *config,
                             struct sessions *sessions, int64_t now_ms);

/** The role that a user has, or that a key has together with its user; ROLE_NONE: it opens nothing now. */
enum role user_role_now(const struct store_config *config, const char *user_id);
enum role key_role_now(const struct store_config *config, const struct key_row *row,
                       int64_t now_ms);
/** What a key may do at all, whatever its role. */
unsigned key_scopes(const struct key_row *row, enum role role);
