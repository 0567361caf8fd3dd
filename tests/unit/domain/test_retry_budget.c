/* tests/unit/domain/test_retry_budget.c: failovers may not become the outage. */
#include "domain/retry_budget.h"
#include "tests/test.h"

static int take_all(struct retry_budget *budget, int64_t now_ms)
{
    int taken = 0;
    while (taken < 100000 && retry_budget_take(budget, now_ms))
        taken++;
    return taken;
}

static void a_quiet_server_may_retry_ten_times_a_second(void **unused)
{
    (void)unused;
    struct retry_budget budget = {0};
    CHECK_INT("ten seconds' worth", take_all(&budget, 5000), 100);
    CHECK_INT("spent", take_all(&budget, 14999), 0);
    CHECK_INT("a window later", take_all(&budget, 15000), 100);
}

static void a_busy_server_may_retry_a_tenth_more(void **unused)
{
    (void)unused;
    struct retry_budget budget = {0};
    for (int i = 0; i < 20000; i++)
        retry_budget_on_request(&budget, 100000 + i / 2); /* over ten seconds */
    CHECK_INT("a tenth and a hundred", take_all(&budget, 109999), 2100);
}

static void old_requests_do_not_count(void **unused)
{
    (void)unused;
    struct retry_budget budget = {0};
    for (int i = 0; i < 1000; i++)
        retry_budget_on_request(&budget, 50000);
    CHECK_INT("forgotten", take_all(&budget, 60000), 100);
}

TEST_MAIN(TEST(a_quiet_server_may_retry_ten_times_a_second),
          TEST(a_busy_server_may_retry_a_tenth_more), TEST(old_requests_do_not_count))
