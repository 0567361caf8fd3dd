/* store/retention.h: jobs that are older than they are kept go, bit by bit, between batches.
 *
 * A chunk behind the head whose newest job is too old is taken out of the catalogue and then dropped, which costs little. Of
 * one that is only partly too old, rows are deleted, but only those that are a day over the time: so a busy server, whose
 * chunks hold hours, drops whole chunks and deletes hardly any row, and a quiet one, whose chunk holds months, deletes
 * once a day's worth at a time. The sums of usage stay (usage_book.h has times of its own), and so do events, which are
 * a chain.
 *
 * Thread:  the writer's.
 */
#pragma once
#include "store/chunks.h"

#define RETENTION_GRACE_MS (INT64_C(24) * 3600 * 1000)
#define RETENTION_ROWS     500 /* deleted in one transaction */
/** Jobs last at most a day (job_timeout); none that is open may go. */
#define RETENTION_LEAST_MS (INT64_C(48) * 3600 * 1000)

/** One step, in a transaction of its own: jobs created before `before_ms` (wall). `*out_did`: call again. */
MUST_USE enum err retention_step(struct chunks *chunks, int64_t before_ms, bool *out_did,
                                 struct error *error);
