/* admin/recent_use.h: what was spent today, beside a usual day (the average of those of the seven before that had requests, UTC),
 * and what the last sixty minutes used.
 *
 * Pages of health ask every few seconds, each for itself, and an answer reads the sums of eight days and the rows of the minutes
 * that are not whole. So one reading serves all of RECENT_USE_KEEP_MS.
 *
 * Thread: any, except loop threads.
 */
#pragma once
#include "store/usage.h"

#include <pthread.h>

#define RECENT_USE_KEEP_MS 5000

struct recent_figures {
    int64_t today_microusd, usual_microusd; /* usual: -1: no day before had requests */
    struct usage_sums hour;
};

struct recent_use {
    pthread_mutex_t
        lock; /* guards the rest; held while it is read, so that others wait instead of reading, too */
    bool is_known;
    int64_t read_at_ms; /* monotonic */
    struct recent_figures figures;
};

void recent_use_init(struct recent_use *recent);
void recent_use_release(struct recent_use *recent);
/** `wall_ms` and `mono_ms` are now. False: it cannot be read now, and `*out_figures` is untouched. */
MUST_USE bool recent_use_look(struct recent_use *recent, struct store *store, int64_t wall_ms,
                              int64_t mono_ms, struct recent_figures *out_figures);
