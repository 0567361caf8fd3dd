/* gateway/outcomes.c: see outcomes.h. */
#include "gateway/outcomes.h"

void outcomes_init(struct outcomes *outcomes)
{
    *outcomes = (struct outcomes){0};
    pthread_mutex_init(&outcomes->lock, NULL);
}

void outcomes_release(struct outcomes *outcomes)
{
    pthread_mutex_destroy(&outcomes->lock);
}

static void add(struct outcomes *outcomes, struct reason_tally *tally, const char *reason,
                int64_t now_ms)
{
    pthread_mutex_lock(&outcomes->lock);
    reason_tally_add(tally, reason, now_ms);
    pthread_mutex_unlock(&outcomes->lock);
}

void outcomes_failed(struct outcomes *outcomes, const char *reason, int64_t now_ms)
{
    add(outcomes, &outcomes->failures, reason, now_ms);
}

void outcomes_moved_on(struct outcomes *outcomes, const char *reason, int64_t now_ms)
{
    add(outcomes, &outcomes->failovers, reason, now_ms);
}

void outcomes_read(struct outcomes *outcomes, struct reason_tally *out_failures,
                   struct reason_tally *out_failovers)
{
    pthread_mutex_lock(&outcomes->lock);
    *out_failures = outcomes->failures;
    *out_failovers = outcomes->failovers;
    pthread_mutex_unlock(&outcomes->lock);
}
