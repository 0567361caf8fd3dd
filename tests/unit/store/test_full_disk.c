/* tests/unit/store/test_full_disk.c: F46, the disk is full at every write in turn: nothing that was accepted is lost,
 * nothing that was refused is there, and with room again all goes on by itself.
 */
#include "store/sql.h"
#include "tests/unit/full_disk.h"
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

#define JOBS       6
#define DRAIN_MS   10000
#define WRITES_MAX 2000

struct life {
    struct fixture kept;
    struct job_record jobs[JOBS];
    bool is_accepted[JOBS], is_closed[JOBS];
    bool is_team_told; /* that it is made */
    char name[64];     /* of this try, for what fails */
};

/* ---- what happens while the disk fills up -------------------------------------------------------- */

static bool is_long(void)
{
    const char *value = getenv("AUXOT_TEST_LONG");
    return value && strcmp(value, "1") == 0;
}

static bool append(struct life *life, enum record_kind kind, const struct job_record *job)
{
    struct error error;
    return journal_append(store_journal(life->kept.store, 0), kind, kind != RECORD_OPEN, job,
                          &error) == OK;
}

static void serve_one(struct life *life, int number)
{
    struct job_record *job = &life->jobs[number];
    fixture_job(job, FIXTURE_TIME + number, number);
    life->is_accepted[number] = append(life, RECORD_OPEN, job);
    fixture_job_close(job);
    if (life->is_accepted[number])
        life->is_closed[number] = append(life, RECORD_CLOSE, job);
}

static void make_team(struct life *life)
{
    struct team_row row = {.id = "team_1", .name = "Team", .created_at_ms = FIXTURE_TIME, .rev = 1};
    struct error error = {0};
    life->is_team_told = store_team_insert(life->kept.store, &row, NULL, &error) == OK;
    CHECK(life->name, life->is_team_told || error.text[0]);
}

/* Or as far as it comes. */
static void drain(struct life *life)
{
    enum err err = store_drain(life->kept.store, 30);
    CHECK(life->name, err == OK || err == ERR_TIMEOUT || err == ERR_UNAVAILABLE || err == ERR_IO);
}

static void live(struct life *life)
{
    for (int i = 0; i < JOBS; i++) {
        serve_one(life, i);
        if (i == 1)
            make_team(life);
        if (i == 3)
            drain(life);
    }
    drain(life);
}

/* ---- what must be so afterwards ------------------------------------------------------------------ */

/* With room again; but who was told that a sync failed trusts this process no more (F47). */
static void check_goes_on(struct life *life)
{
    if (full_disk_has_struck_sync())
        return;
    struct job_record job, found;
    struct error error;
    fixture_job(&job, FIXTURE_TIME + JOBS, JOBS);
    int64_t until = 200; /* times 10 ms: the writer rests between its tries */
    while (!append(life, RECORD_OPEN, &job) && until-- > 0)
        usleep(10000);
    CHECK(life->name, until > 0);
    CHECK_INT(life->name, store_drain(life->kept.store, DRAIN_MS), OK);
    CHECK_INT(life->name, store_job(life->kept.store, job.id, &found, &error), OK);
    CHECK(life->name, store_is_writable(life->kept.store));
}

static void check_job(struct life *life, int number)
{
    struct job_record found;
    struct error error;
    enum err err = store_job(life->kept.store, life->jobs[number].id, &found, &error);
    CHECK_INT(life->name, err, life->is_accepted[number] ? OK : ERR_NOT_FOUND);
    if (err == OK && life->is_closed[number])
        CHECK(life->name, found.status == JOB_DONE && found.usage.output_tokens == 20);
    else if (err == OK)
        CHECK_INT(life->name, found.status, JOB_INTERRUPTED);
}

static void check_whole(struct life *life)
{
    struct error error;
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(path, sizeof path, "%s/store.db", life->kept.dir);
    CHECK_INT(life->name, sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_INT(life->name, sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL),
              SQLITE_OK);
    CHECK_INT(life->name, sqlite3_step(statement), SQLITE_ROW);
    CHECK_STR(life->name, (const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    struct store_config config;
    CHECK_INT(life->name, store_config_load(life->kept.store, &config, &error), OK);
    CHECK_INT(life->name, config.team_count, life->is_team_told);
    store_config_release(&config);
}

/* One life with the nth write failing, and the next one, which has room. False: it has fewer writes. */
static bool try_nth(long nth, bool stays_full)
{
    struct life life = {.is_team_told = false};
    snprintf(life.name, sizeof life.name, "write %ld%s", nth,
             stays_full ? " and all behind it" : "");
    fixture_begin(&life.kept);
    fixture_open(&life.kept, 1, 0);
    full_disk_begin(life.kept.dir, nth, stays_full);
    live(&life);
    full_disk_end();
    bool has_struck = full_disk_has_struck();
    check_goes_on(&life);
    fixture_close(&life.kept);
    fixture_open(&life.kept, 1, 0);
    CHECK_INT(life.name, store_drain(life.kept.store, DRAIN_MS), OK);
    for (int i = 0; i < JOBS; i++)
        check_job(&life, i);
    check_whole(&life);
    fixture_end(&life.kept);
    return has_struck;
}

static void F46_whichever_write_fails_nothing_accepted_is_lost_and_nothing_is_made_up(void **state)
{
    (void)state;
    long step = is_long() ? 1 : 2; /* an ordinary run tries each in one of the two ways */
    for (int stays_full = 0; stays_full < 2; stays_full++) {
        long nth = 1 + (step == 2 && stays_full);
        while (nth < WRITES_MAX && try_nth(nth, stays_full != 0))
            nth += step;
        CHECK("several were tried", nth > 20 && nth < WRITES_MAX);
        print_message("%s: about %ld writes\n", stays_full ? "full from one on" : "full at one",
                      nth);
    }
}

/* ---- the first start ------------------------------------------------------------------------------- */

static bool start_with_nth(long nth)
{
    struct fixture kept;
    struct error error = {0};
    char name[64];
    snprintf(name, sizeof name, "write %ld of the first start", nth);
    fixture_begin(&kept);
    struct store_options options = {.data_dir = kept.dir, .journal_count = 1};
    full_disk_begin(kept.dir, nth, true);
    enum err err = store_open(&options, kept.vault, &kept.store, &error);
    full_disk_end();
    bool has_struck = full_disk_has_struck();
    CHECK(name, err == OK || error.text[0]);
    if (err == OK)
        fixture_close(&kept);
    fixture_open(&kept, 1, 0); /* with room it starts as if nothing had been */
    CHECK_INT(name, store_drain(kept.store, DRAIN_MS), OK);
    fixture_end(&kept);
    return has_struck;
}

static void F46_a_first_start_on_a_full_disk_says_so_and_the_next_one_is_well(void **state)
{
    (void)state;
    long nth = 1, step = is_long() ? 1 : 3;
    while (nth < WRITES_MAX && start_with_nth(nth))
        nth += step;
    CHECK("several were tried", nth > 20 && nth < WRITES_MAX);
    print_message("the first start: about %ld writes\n", nth);
}

TEST_MAIN(TEST(F46_a_first_start_on_a_full_disk_says_so_and_the_next_one_is_well),
          TEST(F46_whichever_write_fails_nothing_accepted_is_lost_and_nothing_is_made_up))
