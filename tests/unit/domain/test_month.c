/* tests/unit/domain/test_month.c: months by number, against the C library's calendar. */
#include "domain/month.h"
#include "tests/test.h"

#include <time.h>

#define DAY_MS INT64_C(86400000)

static void each_day_of_three_centuries_is_in_its_month(void **unused)
{
    (void)unused;
    for (int64_t day = 0; day < 300 * 366; day++) {
        time_t at = (time_t)(day * 86400);
        struct tm utc;
        gmtime_r(&at, &utc);
        int32_t month = (utc.tm_year - 70) * 12 + utc.tm_mon;
        CHECK_INT("its first millisecond", month_of(day * DAY_MS), month);
        CHECK_INT("its last one", month_of(day * DAY_MS + DAY_MS - 1), month);
        if (utc.tm_mday == 1)
            CHECK_INT("the month begins", month_start_ms(month), day * DAY_MS);
    }
}

static void a_month_has_a_name(void **unused)
{
    (void)unused;
    char name[16];
    month_name(month_of(INT64_C(1796070526000)), name);
    CHECK_STR("as people write it", name, "2026-11");
    month_name(0, name);
    CHECK_STR("the first", name, "1970-01");
    CHECK_INT("a clock before 1970 is at its beginning", month_of(-1), 0);
}

TEST_MAIN(TEST(each_day_of_three_centuries_is_in_its_month), TEST(a_month_has_a_name))
