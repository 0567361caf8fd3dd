/* store/job_answer.h: a job's record as the facts of its answer line.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "domain/answer_line.h"
#include "store/record.h"

/** Borrows its texts from the record. */
struct job_answer {
    struct answer_facts facts;
    struct passed passed[PASSED_OVER_MAX];
    int32_t named; /* the attempt of who answered, is asked, or was when it ended; -1 nobody */
};

/** May whoever reads it know of this provider? */
typedef bool job_may_name(void *arg, struct str provider_id);

/** `may_name` NULL: all of them. Who may not be named is not there, nor how many there were besides. */
void job_answer_make(const struct job_record *job, job_may_name *may_name, void *arg,
                     struct job_answer *out_answer);
/** The sentence alone. */
void job_answer_line(const struct job_record *job, struct buf *out);
/** Another model answered than the caller named: an alias, a route or a rule did that. `auto` names none. */
bool job_is_other_than_asked(const struct job_record *job);
