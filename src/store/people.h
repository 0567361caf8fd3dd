/* store/people.h: people, their sessions and invitations, as rows. Passwords are hashes, tokens are digests.
 *
 * Users and invitations are configuration: each write raises its version. Sessions are not: they are looked up in
 * gateway/sessions.h, and kept here so that a restart keeps them.
 *
 * Thread:  any that may block (store.h).
 */
#pragma once
#include "base/err.h"
#include "domain/id.h"
#include "domain/password_rules.h"
#include <stdint.h>

struct store;
struct event_row;

#define PERSON_NAME_MAX      127
#define SESSIONS_OF_USER_MAX 50

struct user_row {
    char id[ID_MAX], email[EMAIL_MAX_BYTES + 1], name[PERSON_NAME_MAX + 1], role[16];
    int64_t created_at_ms, disabled_at_ms; /* disabled 0: may sign in */
    int64_t rev;
};
struct session_row {
    char id[ID_MAX], user_id[ID_MAX], address[64], agent[128];
    uint8_t digest[32]; /* of the cookie's value */
    int64_t created_at_ms, expires_at_ms, last_seen_ms;
};
/** A link by which a user chooses a new password. */
struct password_reset_row {
    char user_id[ID_MAX], created_by[ID_MAX];
    uint8_t digest[32]; /* of its token */
    int64_t created_at_ms, expires_at_ms;
};
struct invitation_row {
    char id[ID_MAX], email[EMAIL_MAX_BYTES + 1], role[16], team_id[ID_MAX], created_by[ID_MAX];
    uint8_t digest[32]; /* of its token */
    bool is_lead;       /* in the team, if there is one */
    int64_t created_at_ms, expires_at_ms;
};

/* ---- set-up ------------------------------------------------------------------------------------- */

#define STORE_NONCE_MAX 33
/** A random number of this data directory, as text: made when it is first asked for, and never again. */
MUST_USE enum err store_setup_nonce(struct store *store, char out_nonce[STORE_NONCE_MAX],
                                    struct error *error);

/* ---- users -------------------------------------------------------------------------------------- */

/** The first user, with the organization's name. ERR_CONFLICT: set-up was done, now or ever. */
MUST_USE enum err store_set_up(struct store *store, const struct user_row *owner, const char *hash,
                               const char *organization, const struct event_row *event,
                               struct error *error);
/** Changes name, role and disabled_at_ms. `ends_sessions`: all of them, in the same transaction. The last owner who may
 *  sign in stays one: ERR_CONFLICT. */
MUST_USE enum err store_user_update(struct store *store, const struct user_row *row,
                                    bool ends_sessions, const struct event_row *event,
                                    struct error *error);
/** With sessions, memberships and keys (revoked at `at_ms`). ERR_CONFLICT: the last owner. */
MUST_USE enum err store_user_delete(struct store *store, const char *id, int64_t at_ms,
                                    const struct event_row *event, struct error *error);
/** The user of this address with the hash of the password. ERR_NOT_FOUND. `out_hash` has PASSWORD_HASH_MAX bytes. */
MUST_USE enum err store_user_by_email(struct store *store, const char *email,
                                      struct user_row *out_row, char *out_hash,
                                      struct error *error);
/** Another password; all sessions end. `event` NULL: the same password, hashed anew, and sessions stay. ERR_CONFLICT:
 *  the hash is not `was` any more. */
MUST_USE enum err store_user_password(struct store *store, const char *id, const char *was,
                                      const char *hash, const struct event_row *event,
                                      struct error *error);

/* ---- password resets ---------------------------------------------------------------------------- */

/** In the place of the one that the user had. */
MUST_USE enum err store_password_reset_put(struct store *store,
                                           const struct password_reset_row *row,
                                           const struct event_row *event, struct error *error);
MUST_USE enum err store_password_reset_delete(struct store *store, const char *user_id,
                                              const struct event_row *event, struct error *error);
/** The open one with this token. ERR_NOT_FOUND. */
MUST_USE enum err store_password_reset_find(struct store *store, const uint8_t digest[32],
                                            int64_t now_ms, struct password_reset_row *out_row,
                                            struct error *error);
/** Spends it, sets the password and ends the user's sessions. ERR_NOT_FOUND: spent meanwhile. */
MUST_USE enum err store_password_reset_use(struct store *store,
                                           const struct password_reset_row *row, const char *hash,
                                           const struct event_row *event, struct error *error);

/* ---- sessions ----------------------------------------------------------------------------------- */

/** Beyond SESSIONS_OF_USER_MAX the oldest of the user goes. Those that are over by the row's created_at_ms go, too.
 *  ERR_NOT_FOUND: the user is gone, disabled, or has another password than that of `hash`. */
MUST_USE enum err store_session_insert(struct store *store, const struct session_row *row,
                                       const char *hash, const struct event_row *event,
                                       struct error *error);
/** Ends the one with this id, or all of the user when `id` is NULL. None: OK, and no event. */
MUST_USE enum err store_sessions_end(struct store *store, const char *user_id, const char *id,
                                     const struct event_row *event, struct error *error);
struct session_seen {
    char id[ID_MAX];
    int64_t last_seen_ms;
};
MUST_USE enum err store_sessions_seen(struct store *store, const struct session_seen *seen,
                                      size_t count, struct error *error);
/** All, oldest first. ERR_NO_MEMORY and so on from `on_session` end it. */
typedef enum err store_on_session(void *arg, const struct session_row *row);
MUST_USE enum err store_sessions_each(struct store *store, store_on_session *on_session, void *arg,
                                      struct error *error);

/* ---- invitations -------------------------------------------------------------------------------- */

#define INVITATIONS_MAX        1000 /* open at once ... */
#define INVITATIONS_OF_ONE_MAX 50   /* ... and of one maker */
/** ERR_CONFLICT: too many. Those that are over go. */
MUST_USE enum err store_invitation_insert(struct store *store, const struct invitation_row *row,
                                          const struct event_row *event, struct error *error);
MUST_USE enum err store_invitation_delete(struct store *store, const char *id,
                                          const struct event_row *event, struct error *error);
/** The open one with this token. ERR_NOT_FOUND. */
MUST_USE enum err store_invitation_find(struct store *store, const uint8_t digest[32],
                                        int64_t now_ms, struct invitation_row *out_row,
                                        struct error *error);
/** All that are open at `now_ms`, newest first. */
typedef void store_on_invitation(void *arg, const struct invitation_row *row);
MUST_USE enum err store_invitations_each(struct store *store, int64_t now_ms,
                                         store_on_invitation *on_invitation, void *arg,
                                         struct error *error);
/** Spends the invitation and makes the user, in its team if it names one. ERR_NOT_FOUND: spent meanwhile;
 *  ERR_CONFLICT: the address is taken. */
MUST_USE enum err store_invitation_accept(struct store *store,
                                          const struct invitation_row *invitation,
                                          const struct user_row *user, const char *hash,
                                          const struct event_row *event, struct error *error);
