/* store/job_pick.h: which of the rows that a list comes by stand on its page.
 *
 * Some of what one may ask for has no index: what a job cost, how long it took, who failed at it, and an order by these. An
 * index for each would be paid for by every row. Instead rows are looked at one by one, newest first, and no more of them for
 * a page than can be in its time, at any size of the store: such a page may be short, or empty, and the next one goes on
 * from there. An order has one page: the first of the rows that were looked at.
 *
 * Owner:   one reading thread.
 */
#pragma once
#include "store/job_row.h"
#include "store/store.h"

#define JOB_LOOKS_MAX \
    20000 /* rows: 18 ms of CPU when they lie side by side, more when an index leads to each */

struct job_pick {
    const struct job_filter *filter;
    struct job_record *jobs, *scratch; /* `limit` of them; one, while its row is looked at */
    int limit, count, looks;
    struct {
        int64_t value;
        int slot;            /* in `jobs` */
    } places[JOBS_PAGE_MAX]; /* of an order: the largest first, then the newest */
};

/** `filter` and `jobs` are borrowed; filter->limit is in its range. */
void job_pick_init(struct job_pick *pick, const struct job_filter *filter, struct job_record *jobs,
                   struct job_record *scratch);
/** Is anything asked for that no index knows? */
bool job_filter_looks(const struct job_filter *filter);
/** No further row has room. */
bool job_pick_is_full(const struct job_pick *pick);
/** Looks at a row of job_sql_select. ERR_MALFORMED when it is damaged. */
MUST_USE enum err job_pick_look(struct job_pick *pick, sqlite3_stmt *row, struct error *error);
/** In the order of the list. */
const struct job_record *job_pick_at(const struct job_pick *pick, int number);
