/* domain/month.h: calendar months, UTC, as one number that grows by one a month. */
#pragma once
#include <stdint.h>

/** The month of a wall-clock time, of 1970 or later: 0 is January 1970. */
int32_t month_of(int64_t wall_ms);
/** When it begins. */
int64_t month_start_ms(int32_t month);
/** "2026-11" into `room` (at least 16 bytes). */
void month_name(int32_t month, char room[16]);
