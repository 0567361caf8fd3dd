/* store/job_meet.h: the rows of a sealed chunk for which several conditions hold.
 *
 * The index of each condition is walked from the newest row on, side by side: a lane that is behind goes on to where the
 * furthest one is, by single steps while that is near and by a seek when it is not. A row, which lies anywhere, is read only
 * when all lanes agree. So a pair that never meets costs two walks over its indexes and not a look-up for each row of one.
 */
#pragma once
#include "base/str.h"
#include "store/job_row.h"

/** One filter that is in force: a column, and the value it must have. */
struct job_condition {
    enum job_index column;
    struct str text;
    int64_t number; /* for status */
};
/* Binds its value as parameter `at`. */
void job_condition_bind(const struct job_condition *condition, sqlite3_stmt *statement, int at);

struct job_meet;

/** Keys `first` to `last`, inclusive. The conditions' texts must outlive it. */
MUST_USE enum err job_meet_open(sqlite3 *db, int64_t chunk, const struct job_condition *conditions,
                                int count, int64_t first, int64_t last, struct job_meet **out_meet,
                                struct error *error);
/** The next key for which all hold, in descending order; `*out_has_row` false at the end. */
MUST_USE enum err job_meet_next(struct job_meet *meet, bool *out_has_row, int64_t *out_at,
                                struct error *error);
void job_meet_close(struct job_meet *meet); /* NULL: nothing */
