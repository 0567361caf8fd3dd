/* tests/unit/admin/test_spent.c: what was spent before the start is read whole, or not at all. */
#include "admin/spent.h"
#include "gateway/live_limits.h"
#include "store/sql.h"
#include "sys/clock.h"

#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

struct stage {
    struct fixture kept;
    struct admin admin;
    struct live_limits *team;
};

static void set_up(struct stage *stage)
{
    struct policy policy = policy_none();
    *stage = (struct stage){0};
    fixture_begin(&stage->kept);
    fixture_open(&stage->kept, 1, 100);
    stage->admin.options.store = stage->kept.store;
    stage->admin.registry = live_registry_new();
    stage->admin.started_at_ms = clock_wall_ms();
    stage->team = limits_registry_follow(live_registry_limits(stage->admin.registry), "tea_1",
                                         "Research", &policy);
    CHECK("a team", stage->team != NULL);
}

static void tear_down(struct stage *stage)
{
    live_limits_unref(stage->team);
    live_registry_free(stage->admin.registry);
    fixture_end(&stage->kept);
}

static void put_job(struct stage *stage, int64_t cost_microusd)
{
    struct job_record job;
    struct error error;
    fixture_job(&job, stage->admin.started_at_ms - 1, 1);
    fixture_job_close(&job);
    str_copy(STR("tea_1"), job.team, sizeof job.team);
    job.attempt[0].cost_microusd = job.cost_microusd = cost_microusd;
    CHECK_INT(
        "on record",
        journal_append(store_journal(stage->kept.store, 0), RECORD_CLOSE, false, &job, &error), OK);
}

static int64_t spent(const struct stage *stage)
{
    struct limits_figures figures;
    live_limits_figures(stage->team, &figures);
    return figures.spent_microusd;
}

/* Somebody else writes into the database, so the writer waits. */
static sqlite3 *hold_the_writer(struct stage *stage)
{
    char path[128];
    sqlite3 *db = NULL;
    struct error error = {0};
    snprintf(path, sizeof path, "%s/store.db", stage->kept.dir);
    CHECK_INT("open", sql_open(path, SQL_WRITER, &db, &error), OK);
    CHECK_INT("hold", sql_run(db, "BEGIN IMMEDIATE", &error), OK);
    return db;
}

static void what_cannot_be_read_yet_is_read_later(void **unused)
{
    (void)unused;
    struct stage stage;
    struct error error = {0};
    set_up(&stage);
    CHECK_INT("drained", store_drain(stage.kept.store, 20000), OK);
    sqlite3 *db = hold_the_writer(&stage);
    put_job(&stage, 700);
    CHECK("not all is in the tables", spent_load(&stage.admin, &error) != OK);
    CHECK("a sentence", error.text[0]);
    CHECK_INT("nothing is loaded", spent(&stage), 0);
    CHECK_INT("let go", sql_run(db, "ROLLBACK", &error), OK);
    sql_close(db);
    CHECK_INT("drained", store_drain(stage.kept.store, 20000), OK);
    CHECK_INT("again", spent_load(&stage.admin, &error), OK);
    CHECK_INT("all is loaded", spent(&stage), 700);
    CHECK_INT("once", spent_load(&stage.admin, &error), OK);
    CHECK_INT("and not twice", spent(&stage), 700);
    tear_down(&stage);
}

TEST_MAIN(TEST(what_cannot_be_read_yet_is_read_later))
