/* domain/month.c: days and months by years that begin in March, so that the leap day is the last one (H. Hinnant,
 * "chrono-compatible low-level date algorithms").
 */
#include "domain/month.h"

#include <stdio.h>

#define DAY_MS         INT64_C(86400000)
#define DAYS_TO_1970   719468 /* since 0000-03-01 */
#define DAYS_OF_ERA    146097 /* 400 years */
#define MONTHS_TO_1970 (1970 * 12)

int32_t month_of(int64_t wall_ms)
{
    int64_t day = (wall_ms > 0 ? wall_ms : 0) / DAY_MS + DAYS_TO_1970;
    int64_t era = day / DAYS_OF_ERA, of_era = day % DAYS_OF_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    return (int32_t)((era * 400 + year) * 12 + from_march + 2 - MONTHS_TO_1970);
}

int64_t month_start_ms(int32_t month)
{
    int64_t months = (int64_t)month + MONTHS_TO_1970 - 2; /* since March of the year 0 */
    int64_t year = months / 12, from_march = months % 12;
    int64_t era = year / 400, of_era = year % 400;
    int64_t day =
        era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5;
    return (day - DAYS_TO_1970) * DAY_MS;
}

void month_name(int32_t month, char room[16])
{
    (void)snprintf(room, 16, "%04d-%02d", (int)(month / 12 + 1970) % 10000, (int)(month % 12 + 1));
}
