/* tests/unit/admin/test_recent_use.c: what today costs beside a usual day; one reading serves some seconds. */
#include "admin/recent_use.h"
#include "store/store.h"

#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

#define DAY_MS INT64_C(86400000)
#define NOW    (FIXTURE_TIME / DAY_MS * DAY_MS + DAY_MS / 2) /* at noon */

struct stage {
    struct fixture kept;
    struct recent_use recent;
    int jobs;
};

static void set_up(struct stage *stage)
{
    *stage = (struct stage){0};
    fixture_begin(&stage->kept);
    fixture_open(&stage->kept, 1, 0);
    recent_use_init(&stage->recent);
}

static void tear_down(struct stage *stage)
{
    recent_use_release(&stage->recent);
    fixture_end(&stage->kept);
}

static void spend(struct stage *stage, int64_t at_ms, int64_t cost_microusd)
{
    struct job_record job;
    struct error error = {0};
    fixture_job(&job, at_ms, ++stage->jobs);
    fixture_job_close(&job);
    job.attempt[0].cost_microusd = job.cost_microusd = cost_microusd;
    CHECK_INT(
        "on record",
        journal_append(store_journal(stage->kept.store, 0), RECORD_CLOSE, false, &job, &error), OK);
    CHECK_INT("drained", store_drain(stage->kept.store, 20000), OK);
}

static void check_look(struct stage *stage, const char *name, int64_t mono_ms, int64_t want_today,
                       int64_t want_usual, int64_t want_hour)
{
    struct recent_figures figures = {-2, -2, {0}};
    CHECK(name, recent_use_look(&stage->recent, stage->kept.store, NOW, mono_ms, &figures));
    CHECK_INT(name, figures.today_microusd, want_today);
    CHECK_INT(name, figures.usual_microusd, want_usual);
    CHECK_INT(name, figures.hour.cost_microusd, want_hour);
}

static void a_usual_day_is_the_average_of_those_with_requests(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage);
    check_look(&stage, "nothing yet", 1, 0, -1, 0);
    spend(&stage, NOW - 1, 500);
    spend(&stage, NOW - DAY_MS / 12, 50);
    spend(&stage, NOW - DAY_MS, 100);
    spend(&stage, NOW - 3 * DAY_MS, 300);
    spend(&stage, NOW - 9 * DAY_MS, 70000); /* too long ago */
    check_look(&stage, "two days had some", 1 + RECENT_USE_KEEP_MS, 550, 200, 500);
    tear_down(&stage);
}

static void one_reading_serves_some_seconds(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage);
    spend(&stage, NOW - 1, 500);
    check_look(&stage, "read", 5000, 500, -1, 500);
    spend(&stage, NOW - 1, 40);
    check_look(&stage, "kept", 5001, 500, -1, 500);
    check_look(&stage, "kept", 4999 + RECENT_USE_KEEP_MS, 500, -1, 500);
    check_look(&stage, "read anew", 5000 + RECENT_USE_KEEP_MS, 540, -1, 540);
    check_look(&stage, "and kept", 5001 + RECENT_USE_KEEP_MS, 540, -1, 540);
    tear_down(&stage);
}

TEST_MAIN(TEST(a_usual_day_is_the_average_of_those_with_requests),
          TEST(one_reading_serves_some_seconds))
