/* worker/backoff.c: see backoff.h. */
#include "worker/backoff.h"

#define DOUBLINGS_MAX 20

int64_t backoff_next(struct backoff *backoff, double chance)
{
    int doublings = backoff->failures < DOUBLINGS_MAX ? backoff->failures : DOUBLINGS_MAX;
    int64_t wait_ms = backoff->first_ms << doublings;
    if (wait_ms > backoff->most_ms)
        wait_ms = backoff->most_ms;
    backoff->failures += backoff->failures < DOUBLINGS_MAX;
    int64_t half_ms = wait_ms / 2;
    return wait_ms - half_ms + (int64_t)(chance * (double)half_ms);
}
