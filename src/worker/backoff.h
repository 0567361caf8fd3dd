/* worker/backoff.h: how long to wait before the next try. Pure; chance is a parameter.
 *
 * Each failure doubles the wait, from `first_ms` to `most_ms`; of it, the second half is left to chance, so that a
 * thousand workers that lost one server do not come back in one moment (F41).
 */
#pragma once
#include <stdint.h>

struct backoff {
    int64_t first_ms, most_ms; /* set these; the rest is zero */
    int failures;              /* in a row */
};

/** Notes a failure; returns the wait. `chance` in [0, 1). */
int64_t backoff_next(struct backoff *backoff, double chance);
static inline void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
