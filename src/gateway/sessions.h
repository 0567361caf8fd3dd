/* gateway/sessions.h: who is signed in: every live session of the server, in memory.
 *
 * One table for all loops: what ends here is refused everywhere from then on (RELIABILITY I10). Whether its user may still
 * do anything is the snapshot's to say. The store keeps a copy, so that a restart keeps sessions.
 *
 * A session ends some time after it began, and some time after it was last used: by default SESSION_LIFE_MS and
 * SESSION_IDLE_MS.
 *
 * Thread:  any; one lock, held for a look-up.
 */
#pragma once
#include "store/people.h"

#define SESSION_LIFE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define SESSION_IDLE_MS (INT64_C(8) * 3600 * 1000)
#define SESSIONS_MAX    65536 /* beyond it the oldest ends */

struct sessions;
MUST_USE enum err sessions_new(struct sessions **out_sessions);
void sessions_free(struct sessions *sessions); /* NULL is fine */
/** Other times than the defaults; they hold for sessions that began before, too. */
void sessions_last(struct sessions *sessions, int64_t life_ms, int64_t idle_ms);
int64_t sessions_life_ms(const struct sessions *sessions);

/** Takes one in: a new one, or one from the store. ERR_NO_MEMORY. */
MUST_USE enum err sessions_put(struct sessions *sessions, const struct session_row *row);
/** The session of this digest, if it is not over at `now_ms` (wall): it was used then. */
bool sessions_use(struct sessions *sessions, const uint8_t digest[32], int64_t now_ms,
                  char out_id[ID_MAX], char out_user[ID_MAX]);
/** Is it still there? Without using it. */
bool sessions_has(struct sessions *sessions, const uint8_t digest[32], int64_t now_ms);
/** The same for the user's session of this id. */
bool sessions_is_live(struct sessions *sessions, const char *user, const char *id, int64_t now_ms);
/** Ends the user's session of this id; NULL: all of them. Returns how many. */
int sessions_end(struct sessions *sessions, const char *user, const char *id);
/** When the next one ends by itself, unless it is used meanwhile: the first end after `after_ms`. INT64_MAX: there is
 *  none. */
int64_t sessions_next_end(struct sessions *sessions, int64_t after_ms);
/** Has the user a live session from the network of this address (http/peer.h)? */
bool sessions_know_address(struct sessions *sessions, const char *user, const char *host,
                           int64_t now_ms);
/** The user's live ones, newest first. Returns how many; at most SESSIONS_OF_USER_MAX. */
int sessions_list(struct sessions *sessions, const char *user, int64_t now_ms,
                  struct session_row out_rows[SESSIONS_OF_USER_MAX]);
/** What is worth writing down: sessions that were used again some minutes after what the store knows. Each is told
 *  once. Returns how many. */
int sessions_take_seen(struct sessions *sessions, struct session_seen *out_seen, int max);
