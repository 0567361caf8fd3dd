/* store/event_chain.h: events as a chain, so that none can be changed, moved or taken out unseen (T25).
 *
 * Each row carries an HMAC of the row before it and of its own fields, under a key that is derived from the master secret:
 * whoever can write to the file, but has not the secret, cannot make the next link. The last link stands once more in
 * `setting`, under a mark of its own, so that rows are missed at the end too. What no chain can tell is that the whole file
 * was put back to an earlier state: for that a head that was noted elsewhere is compared.
 *
 * Thread:  adding: the writer's; verifying: any.
 */
#pragma once
#include "store/store.h"
#include <sqlite3.h>

struct vault;

/** Adds the row behind the last one. Inside a transaction of the caller. */
MUST_USE enum err event_chain_add(sqlite3 *db, const struct vault *vault,
                                  const struct event_row *event, struct error *error);

/** Follows the chain behind `report->events` for at most `limit` rows; `*out_is_over`: that was the last, and the head fits or
 *  not. Start with a zeroed report; go on with it, in a transaction of its own each time. */
MUST_USE enum err event_chain_follow(sqlite3 *db, const struct vault *vault, int limit,
                                     struct event_report *report, bool *out_is_over,
                                     struct error *error);
