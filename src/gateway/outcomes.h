/* gateway/outcomes.h: why requests failed, and why attempts were given up for another, in the last hour: counted on the way.
 *
 * Only what went wrong takes the lock.  Thread: any.
 */
#pragma once
#include "domain/reason_tally.h"
#include <pthread.h>

struct outcomes {
    pthread_mutex_t lock;
    struct reason_tally failures, failovers;
};

void outcomes_init(struct outcomes *outcomes);
void outcomes_release(struct outcomes *outcomes);
void outcomes_failed(struct outcomes *outcomes, const char *reason, int64_t now_ms);
void outcomes_moved_on(struct outcomes *outcomes, const char *reason, int64_t now_ms);
/** A copy of both. */
void outcomes_read(struct outcomes *outcomes, struct reason_tally *out_failures,
                   struct reason_tally *out_failovers);
