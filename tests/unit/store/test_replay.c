/* tests/unit/store/test_replay.c: recorded jobs come back in the order of their arrival, as much of each as routing needs. */
#include "store/replay.h"
#include "tests/unit/store/store_fixture.h"

#include "store/store_parts.h"

#include "tests/test.h"

#define JOBS       60
#define CHUNK_ROWS 20 /* so that they lie in several chunks */
#define STEP_MS    1000

struct seen {
    size_t count, stop_at; /* stop_at 0: never */
    int64_t last_ms;
    struct replay_row first;
    char model[64], pin[64], team[ID_MAX];
};

static enum err on_row(void *arg, const struct replay_row *row)
{
    struct seen *seen = arg;
    CHECK("the oldest first", row->created_at_ms >= seen->last_ms);
    seen->last_ms = row->created_at_ms;
    if (seen->count == 0) {
        seen->first = *row;
        str_copy(row->requested_model, seen->model, sizeof seen->model);
        str_copy(row->pin, seen->pin, sizeof seen->pin);
        str_copy(row->team, seen->team, sizeof seen->team);
    }
    return ++seen->count == seen->stop_at ? ERR_CANCELED : OK;
}

/* One each second; the first one is told apart by all that a rehearsal reads, and the last one is still open. */
static void fill(struct fixture *fixture)
{
    struct error error = {0};
    struct journal *journal = store_journal(fixture->store, 0);
    for (int i = 0; i < JOBS; i++) {
        struct job_record job;
        fixture_job(&job, FIXTURE_TIME + i * STEP_MS, i);
        job.needs = job.prompt_tokens = job.wait_ms = -1;
        CHECK_INT("opened", journal_append(journal, RECORD_OPEN, true, &job, &error), OK);
        if (i + 1 == JOBS)
            break;
        fixture_job_close(&job);
        job.queued_ms = 7;
        if (i == 0) {
            job.needs = 3;
            job.prompt_tokens = 500;
            job.wait_ms = 2000;
            job.is_batch = job.is_admin = true;
            str_copy(STR("rack"), job.pin, sizeof job.pin);
            str_copy(STR("tea_1"), job.team, sizeof job.team);
        }
        CHECK_INT("closed", journal_append(journal, RECORD_CLOSE, true, &job, &error), OK);
        CHECK_INT("drained", store_drain(fixture->store, 20000), OK);
    }
    CHECK_INT("drained", store_drain(fixture->store, 20000), OK);
}

static void replay(struct fixture *fixture, int64_t since_ms, int64_t until_ms, size_t limit,
                   struct seen *seen, enum err wanted)
{
    struct error error = {0};
    CHECK_INT("replayed",
              store_replay(fixture->store, since_ms, until_ms, limit, on_row, seen, &error),
              wanted);
}

static void jobs_come_back_as_they_arrived(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, CHUNK_ROWS);
    fill(&fixture);
    replay(&fixture, FIXTURE_TIME, FIXTURE_TIME + JOBS * STEP_MS, 1000, &seen, OK);
    CHECK_INT("all that are closed", seen.count, JOBS - 1);
    CHECK("its shape", seen.first.has_shape && seen.first.needs == 3 && seen.first.is_batch &&
                           seen.first.is_admin);
    CHECK_INT("its prompt", seen.first.prompt_tokens, 500);
    CHECK_INT("its wait", seen.first.wait_ms, 2000);
    CHECK_INT("its tokens", seen.first.usage.output_tokens, 20);
    CHECK_INT("its time", seen.first.duration_ms - seen.first.queued_ms, 1193);
    CHECK_STR("its model", seen.model, "auto");
    CHECK_STR("its pin", seen.pin, "rack");
    CHECK_STR("its team", seen.team, "tea_1");

    seen = (struct seen){0};
    replay(&fixture, FIXTURE_TIME + 5 * STEP_MS, FIXTURE_TIME + 9 * STEP_MS, 1000, &seen, OK);
    CHECK_INT("of a range, its end not included", seen.count, 4);
    CHECK("without a shape it is not known", !seen.first.has_shape);
    CHECK_INT("nor is the wait", seen.first.wait_ms, -1);

    seen = (struct seen){0};
    replay(&fixture, FIXTURE_TIME, FIXTURE_TIME + JOBS * STEP_MS, 33, &seen, OK);
    CHECK_INT("no more than asked, over chunks", seen.count, 33);
    seen = (struct seen){.stop_at = 25};
    replay(&fixture, FIXTURE_TIME, FIXTURE_TIME + JOBS * STEP_MS, 1000, &seen, ERR_CANCELED);
    CHECK_INT("whoever has enough ends it", seen.count, 25);
    seen = (struct seen){0};
    replay(&fixture, FIXTURE_TIME - 9000, FIXTURE_TIME, 1000, &seen, OK);
    CHECK_INT("none was before", seen.count, 0);
    fixture_end(&fixture);
}

static int64_t count_of(struct fixture *fixture, int64_t since_ms, int64_t until_ms)
{
    struct error error = {0};
    int64_t count = -1;
    CHECK_INT("counted", store_replay_count(fixture->store, since_ms, until_ms, &count, &error),
              OK);
    return count;
}

static void the_catalogue_tells_about_how_many(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, CHUNK_ROWS);
    CHECK_INT("of nothing", count_of(&fixture, 0, INT64_MAX), 0);
    fill(&fixture);
    CHECK_INT("of all, exactly", count_of(&fixture, FIXTURE_TIME, FIXTURE_TIME + JOBS * STEP_MS),
              JOBS);
    int64_t half = count_of(&fixture, FIXTURE_TIME, FIXTURE_TIME + 30 * STEP_MS);
    CHECK("of half, nearly", half >= 28 && half <= 32);
    fixture_end(&fixture);
}

static void a_chunk_of_an_older_version_has_no_shapes(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, CHUNK_ROWS);
    fill(&fixture);
    fixture_close(&fixture);
    char path[160];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/store.db", fixture.dir);
    CHECK_INT("opened", sqlite3_open(path, &db), SQLITE_OK);
    char sql[128];
    (void)snprintf(sql, sizeof sql, "UPDATE chunk SET field_count = %d WHERE id = 1",
                   JOB_FIELD_needs);
    CHECK_INT("as an older one", sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_open(&fixture, 1, CHUNK_ROWS);
    replay(&fixture, FIXTURE_TIME, FIXTURE_TIME + JOBS * STEP_MS, 1, &seen, OK);
    CHECK_INT("it comes", seen.count, 1);
    CHECK("its shape is not known", !seen.first.has_shape && !seen.first.is_admin);
    CHECK_STR("its pin neither", seen.pin, "");
    CHECK_STR("its model is", seen.model, "auto");
    fixture_end(&fixture);
}

TEST_MAIN(TEST(jobs_come_back_as_they_arrived), TEST(the_catalogue_tells_about_how_many),
          TEST(a_chunk_of_an_older_version_has_no_shapes))
