/* sys/clock.c: the two clocks. Neither call can fail on Linux with these arguments: asserted. */
#include "sys/clock.h"

#include <assert.h>
#include <time.h>

static int64_t read_ns(clockid_t which)
{
    struct timespec now;
    int result = clock_gettime(which, &now);
    assert(result == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}
