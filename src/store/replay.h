/* store/replay.h: recorded jobs in the order of their arrival, as much of each as it takes to route it again.
 *
 * A hundred thousand rows are read at once, so only their columns that routing needs are; the jobs that are still open are
 * passed over, for how long they take nobody knows.
 *
 * Thread:  any but a loop. A reader's connection; its limit of time holds.
 */
#pragma once
#include "store/store.h"

/** Text is borrowed, and gone after the callback. */
struct replay_row {
    struct str id, reason, endpoint, requested_model, provider_id, key_id, team, user, pin;
    enum job_status status;
    bool is_stream, is_batch, is_admin;
    bool has_shape; /* needs, prompt_tokens, pin, class and wait are known */
    int64_t created_at_ms, queued_ms, first_byte_ms, duration_ms;
    int64_t needs, prompt_tokens, wait_ms;
    struct usage usage;
};
typedef enum err store_on_replay(void *arg, const struct replay_row *row);

/** Calls back for at most `limit` jobs created in [since, until), the oldest first (but where a late one lies in a newer
 *  chunk). What on_row returns but OK ends it, and is returned. */
MUST_USE enum err store_replay(struct store *store, int64_t since_ms, int64_t until_ms,
                               size_t limit, store_on_replay *on_row, void *arg,
                               struct error *error);
/** About how many jobs that are, from the catalogue alone: exact where a chunk lies in the range as a whole. */
MUST_USE enum err store_replay_count(struct store *store, int64_t since_ms, int64_t until_ms,
                                     int64_t *out_count, struct error *error);
