/* sys/clock.h: the two clocks. Deadlines and waits use the monotonic one, what people see the wall.
 * Thread:  any.
 */
#pragma once
#include <stdint.h>

int64_t clock_monotonic_ns(void);
int64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void); /* since 1970, UTC */
