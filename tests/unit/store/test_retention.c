/* tests/unit/store/test_retention.c: what is too old goes, whole chunks and rows, a little at a time; what is not, and what is
 * open, stays; what was cut off is finished. F58.
 */
#include "tests/unit/store/store_fixture.h"

#include "store/retention.h"
#include "store/store_parts.h"

#include "tests/test.h"

#define LIMIT_MS   INT64_C(20000)
#define HOUR_MS    (INT64_C(3600) * 1000)
#define CHUNK_ROWS 100

/* A job an hour, the first at FIXTURE_TIME; the last `open` of them are left open. */
static void fill(struct fixture *fixture, int jobs, int open)
{
    struct error error = {0};
    fixture_begin(fixture);
    fixture_open(fixture, 1, CHUNK_ROWS);
    struct journal *journal = store_journal(fixture->store, 0);
    for (int i = 0; i < jobs; i++) {
        struct job_record job;
        fixture_job(&job, FIXTURE_TIME + i * HOUR_MS, i);
        CHECK_INT("open", journal_append(journal, RECORD_OPEN, false, &job, &error), OK);
        fixture_job_close(&job);
        if (i < jobs - open)
            CHECK_INT("close", journal_append(journal, RECORD_CLOSE, true, &job, &error), OK);
        if (i % CHUNK_ROWS == CHUNK_ROWS - 1) /* a chunk is sealed between batches */
            CHECK_INT("drain", store_drain(fixture->store, LIMIT_MS), OK);
    }
    CHECK_INT("drain", store_drain(fixture->store, LIMIT_MS), OK);
}

struct bench {
    sqlite3 *db;
    struct chunks chunks;
};

/* The writer's part of a store that is closed, by hand. */
static void bench_open(const struct fixture *fixture, struct bench *bench)
{
    char path[128];
    struct error error = {0};
    snprintf(path, sizeof path, "%s/store.db", fixture->dir);
    CHECK_INT(error.text, sql_open(path, SQL_WRITER, &bench->db, &error), OK);
    CHECK_INT(error.text, chunks_open(&bench->chunks, bench->db, CHUNK_ROWS, &error), OK);
}

static void bench_close(struct bench *bench)
{
    chunks_close(&bench->chunks);
    sql_close(bench->db);
}

static int64_t number(const struct bench *bench, const char *sql)
{
    int64_t found = -1;
    struct error error = {0};
    CHECK_INT(error.text, sql_number(bench->db, sql, -1, &found, &error), OK);
    return found;
}

/* Steps until nothing is left to do. */
static int run(struct bench *bench, int64_t before_ms)
{
    struct error error = {0};
    bool did = true;
    int steps = 0;
    for (; did; steps++) {
        CHECK_INT(error.text, retention_step(&bench->chunks, before_ms, &did, &error), OK);
        CHECK("it ends", steps < 1000);
    }
    return steps;
}

struct seen {
    int count;
    int64_t oldest_ms;
};

static void on_job(void *arg, const struct job_record *job)
{
    struct seen *seen = arg;
    seen->count++;
    seen->oldest_ms = job->created_at_ms;
}

static struct seen list(struct fixture *fixture)
{
    struct seen seen = {0};
    struct error error = {0};
    struct job_filter filter = {.limit = JOBS_PAGE_MAX};
    fixture_open(fixture, 1, CHUNK_ROWS);
    CHECK_INT("recovered", store_drain(fixture->store, LIMIT_MS), OK);
    do
        CHECK_INT(error.text,
                  store_jobs(fixture->store, &filter, on_job, &seen, filter.cursor, &error), OK);
    while (filter.cursor[0]);
    CHECK_INT(error.text, store_integrity(fixture->store, &error), OK);
    return seen;
}

#define TABLES "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name GLOB 'jobs_[0-9]*'"

static void whole_chunks_go_and_the_rest_within_a_day(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        int64_t before_hours; /* since the first job */
        int left, oldest;     /* in hours */
    } stories[] = {
        {"nothing is too old", 0, 520, 0},
        {"less than a day over", 23, 520, 0},
        {"a day over: rows of the first chunk", 30, 490, 30},
        {"the first chunk, and no more", 101, 420, 100},
        {"two chunks, and rows", 250, 270, 250},
        {"all chunks but the head, and rows of it", 550, 0, -1},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct fixture fixture;
        struct bench bench;
        fill(&fixture, 520, 0);
        fixture_close(&fixture);
        bench_open(&fixture, &bench);
        int64_t events = number(&bench, "SELECT count(*) FROM event");
        int64_t sums = number(&bench, "SELECT sum(jobs) FROM usage_day");
        (void)run(&bench, FIXTURE_TIME + story->before_hours * HOUR_MS);
        CHECK_INT("sums of usage stay", number(&bench, "SELECT sum(jobs) FROM usage_day"), sums);
        CHECK_INT("events stay", number(&bench, "SELECT count(*) FROM event"), events);
        CHECK_INT("one table for each row of the catalogue", number(&bench, TABLES),
                  number(&bench, "SELECT count(*) FROM chunk"));
        bench_close(&bench);
        struct seen seen = list(&fixture);
        CHECK_INT(story->name, seen.count, story->left);
        if (story->left)
            CHECK_INT(story->name, (seen.oldest_ms - FIXTURE_TIME) / HOUR_MS, story->oldest);
        fixture_end(&fixture);
    }
}

static void what_is_open_stays_and_can_be_closed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bench bench;
    fill(&fixture, 250, 3);
    fixture_close(&fixture);
    bench_open(&fixture, &bench);
    (void)run(&bench, FIXTURE_TIME + 1000 * HOUR_MS);
    bench_close(&bench);
    CHECK_INT("the open ones", list(&fixture).count, 3);
    struct store_figures figures;
    store_figures(fixture.store, &figures);
    CHECK_INT("closed by the next start", figures.interrupted, 3);
    fixture_end(&fixture);
}

/* Each step alone, with a new connection before it: as if the process had ended behind the one before. */
static void what_was_cut_off_is_finished(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bench bench;
    struct error error = {0};
    bool did = true;
    int steps = 0;
    fill(&fixture, 320, 0);
    fixture_close(&fixture);
    bench_open(&fixture, &bench);
    while (did)
        CHECK_INT("sealed", chunks_maintain(&bench.chunks, &did, &error), OK);
    bench_close(&bench);
    for (did = true; did; steps++) {
        bench_open(&fixture, &bench);
        CHECK_INT(error.text,
                  retention_step(&bench.chunks, FIXTURE_TIME + 205 * HOUR_MS, &did, &error), OK);
        bench_close(&bench);
        CHECK("it ends", steps < 200);
    }
    CHECK("index by index", steps > 2 * JOB_INDEX_COUNT);
    bench_open(&fixture, &bench);
    CHECK_INT("no table is left", number(&bench, TABLES),
              number(&bench, "SELECT count(*) FROM chunk"));
    bench_close(&bench);
    CHECK_INT("rows", list(&fixture).count, 120);
    fixture_end(&fixture);
}

static void a_step_is_small_however_much_is_old(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bench bench;
    struct error error = {0};
    bool did = true;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 100000);
    struct journal *journal = store_journal(fixture.store, 0);
    for (int i = 0; i < 2600; i++) {
        struct job_record job;
        fixture_job(&job, FIXTURE_TIME + i, i);
        fixture_job_close(&job);
        CHECK_INT("close", journal_append(journal, RECORD_CLOSE, false, &job, &error), OK);
    }
    CHECK_INT("drain", store_drain(fixture.store, LIMIT_MS), OK);
    fixture_close(&fixture);
    bench_open(&fixture, &bench);
    for (int64_t left = 2600; did;) {
        CHECK_INT(error.text,
                  retention_step(&bench.chunks, FIXTURE_TIME + 100 * HOUR_MS, &did, &error), OK);
        int64_t now = number(&bench, "SELECT count(*) FROM jobs_1");
        CHECK("bounded", left - now <= RETENTION_ROWS);
        left = now;
    }
    CHECK_INT("all are gone", number(&bench, "SELECT count(*) FROM jobs_1"), 0);
    CHECK_INT("the head remains", number(&bench, "SELECT count(*) FROM chunk"), 1);
    bench_close(&bench);
    CHECK_INT("and takes new ones", list(&fixture).count, 0);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(whole_chunks_go_and_the_rest_within_a_day),
          TEST(what_is_open_stays_and_can_be_closed), TEST(what_was_cut_off_is_finished),
          TEST(a_step_is_small_however_much_is_old))
