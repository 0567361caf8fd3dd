/* store/usage_book.h: the sums of what was used, by minute, hour and day, as the writer keeps them.
 *
 * A job is booked in the transaction that closes its row, and only then; so whatever is replayed after a crash,
 * each is in the sums as often as it is in the rows: once. It counts at the time it was created.
 *
 * Thread:  the writer's.
 */
#pragma once
#include "store/sql.h"
#include "store/usage_post.h"

#define USAGE_MINUTE_MS       INT64_C(60000)
#define USAGE_HOUR_MS         INT64_C(3600000)
#define USAGE_DAY_MS          INT64_C(86400000)
#define USAGE_MINUTES_KEPT_MS (48 * USAGE_HOUR_MS)
#define USAGE_HOURS_KEPT_MS   (400 * USAGE_DAY_MS)

/* From which time on the minutes, and the hours, are all there: numbers in `setting`; absent: since ever. */
#define USAGE_MINUTES_FROM "usage_minutes_from_ms"
#define USAGE_HOURS_FROM   "usage_hours_from_ms"

#define USAGE_LEVELS 3 /* minute, hour, day */

struct usage_entry;
struct usage_known;
struct usage_book {
    sqlite3 *db;
    struct usage_entry *entries; /* of this transaction, not yet written */
    size_t count;
    struct usage_known *known; /* which group has which id: a cache */
    size_t known_count;
    sqlite3_stmt *put_group, *put[USAGE_LEVELS];
    int64_t minutes_kept_ms;
    int64_t trim_at_ms; /* wall clock */
};

/** `minutes_kept_ms`: sums by the minute; 0: USAGE_MINUTES_KEPT_MS. */
void usage_book_open(struct usage_book *book, sqlite3 *db, int64_t minutes_kept_ms);
void usage_book_close(struct usage_book *book);

/* Inside the transaction that closes the job's row. */
MUST_USE enum err usage_book_add(struct usage_book *book, const struct job_record *job,
                                 struct error *error);
/** Writes what was added; before the COMMIT. */
MUST_USE enum err usage_book_write(struct usage_book *book, struct error *error);
/** What was added since never happened. */
void usage_book_on_rollback(struct usage_book *book);

/** Deletes some of the minutes and hours that are too old, in a transaction of its own. `*out_did`: call again. */
MUST_USE enum err usage_book_trim(struct usage_book *book, int64_t now_ms, bool *out_did,
                                  struct error *error);
