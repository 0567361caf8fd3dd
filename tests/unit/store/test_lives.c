/* tests/unit/store/test_lives.c: a store that is handed on while its journals go on, and one that is taken back. */
#include "tests/unit/store/store_fixture.h"

#include "sys/clock.h"
#include "tests/test.h"

#include <time.h>

static void append(struct store *store, enum record_kind kind, const struct job_record *job)
{
    struct error error = {0};
    CHECK_INT(job->id, journal_append(store_journal(store, 0), kind, true, job, &error), OK);
}

static void append_done(struct store *store, struct job_record *job)
{
    job->status = JOB_DONE;
    append(store, RECORD_CLOSE, job);
}

/* Its status; -1: there is no such job. */
static int status_of(struct store *store, const char *id)
{
    struct job_record job;
    struct error error = {0};
    CHECK_INT("drain", store_drain(store, 20000), OK);
    return store_job(store, id, &job, &error) == OK ? (int)job.status : -1;
}

static bool becomes(struct store *store, const char *id, enum job_status wanted)
{
    int64_t until_ms = clock_monotonic_ms() + 10000;
    while (status_of(store, id) != (int)wanted && clock_monotonic_ms() < until_ms)
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return status_of(store, id) == (int)wanted;
}

static void what_the_old_one_ends_is_read_when_it_has_ended(void **state)
{
    (void)state;
    struct fixture old = {0}, next;
    struct job_record before, during, both, lost, own;
    fixture_begin(&old);
    fixture_open(&old, 1, 0);
    fixture_job(&before, FIXTURE_TIME, 1);
    fixture_job(&during, FIXTURE_TIME + 1, 2);
    fixture_job(&both, FIXTURE_TIME + 2, 3);
    fixture_job(&lost, FIXTURE_TIME + 3, 4);
    fixture_job(&own, FIXTURE_TIME + 4, 5);
    append(old.store, RECORD_OPEN, &before);
    append(old.store, RECORD_OPEN, &both);
    store_release(old.store);
    append(old.store, RECORD_OPEN, &during);

    next = old;
    fixture_open(&next, 1, 0);
    CHECK_INT("it is left alone", status_of(next.store, before.id), JOB_OPEN);
    CHECK_INT("not seen yet", status_of(next.store, during.id), -1);
    append(next.store, RECORD_OPEN, &own);
    append_done(old.store, &before);
    append_done(old.store, &during);
    append(old.store, RECORD_OPEN, &lost);
    CHECK_INT("still left alone", status_of(next.store, before.id), JOB_OPEN);

    fixture_close(&old);
    CHECK("closed by the old one", becomes(next.store, before.id, JOB_DONE));
    CHECK("opened and closed after the release", becomes(next.store, during.id, JOB_DONE));
    CHECK("left open before it", becomes(next.store, both.id, JOB_INTERRUPTED));
    CHECK("left open after it", becomes(next.store, lost.id, JOB_INTERRUPTED));
    CHECK_INT("that of the next one goes on", status_of(next.store, own.id), JOB_OPEN);
    append_done(next.store, &own);
    CHECK("and is closed", becomes(next.store, own.id, JOB_DONE));
    fixture_end(&next);
}

/* As a restore does, that is refused. */
static void a_life_that_took_its_lock_away_is_over(void **state)
{
    (void)state;
    struct fixture old = {0}, next;
    struct job_record job;
    char path[128];
    fixture_begin(&old);
    fixture_open(&old, 1, 0);
    store_release(old.store);
    next = old;
    fixture_open(&next, 1, 0);
    fixture_job(&job, FIXTURE_TIME, 1);
    append(old.store, RECORD_OPEN, &job);
    append_done(old.store, &job);
    snprintf(path, sizeof path, "%s/life-0.lock", old.dir);
    fixture_close(&old);
    (void)unlink(path);
    CHECK("read", becomes(next.store, job.id, JOB_DONE));
    fixture_end(&next);
}

static void three_lives_overlap_and_end_in_any_order(void **state)
{
    (void)state;
    struct fixture lives[3] = {0};
    struct job_record jobs[3];
    fixture_begin(&lives[0]);
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            store_release(lives[i - 1].store);
            lives[i] = lives[i - 1];
        }
        fixture_open(&lives[i], 2, 0);
        fixture_job(&jobs[i], FIXTURE_TIME + i, i);
        append(lives[i].store, RECORD_OPEN, &jobs[i]);
    }
    append_done(lives[1].store, &jobs[1]);
    fixture_close(&lives[1]);
    CHECK("the second ended first", becomes(lives[2].store, jobs[1].id, JOB_DONE));
    CHECK_INT("the first goes on", status_of(lives[2].store, jobs[0].id), JOB_OPEN);
    append_done(lives[0].store, &jobs[0]);
    fixture_close(&lives[0]);
    CHECK("the first", becomes(lives[2].store, jobs[0].id, JOB_DONE));
    append_done(lives[2].store, &jobs[2]);
    CHECK("the last", becomes(lives[2].store, jobs[2].id, JOB_DONE));
    fixture_end(&lives[2]);
}

static void a_released_store_refuses_writes_reads_on_and_can_be_taken_back(void **state)
{
    (void)state;
    struct fixture fixture;
    struct job_record first, second;
    struct error error = {0};
    struct event_row event = {
        .id = "evt_1", .actor = "test", .action = "a.b", .subject = "s", .at_ms = 1};
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    fixture_job(&first, FIXTURE_TIME, 1);
    fixture_job(&second, FIXTURE_TIME + 1, 2);
    append(fixture.store, RECORD_OPEN, &first);
    store_release(fixture.store);
    CHECK_INT("a write", store_event_add(fixture.store, &event, &error), ERR_UNAVAILABLE);
    struct job_record read;
    CHECK_INT("a read", store_job(fixture.store, first.id, &read, &error), OK);
    append(fixture.store, RECORD_OPEN, &second);

    CHECK_INT(error.text, store_take_back(fixture.store, &error), OK);
    CHECK_INT("a write", store_event_add(fixture.store, &event, &error), OK);
    CHECK_INT("not interrupted", status_of(fixture.store, first.id), JOB_OPEN);
    append_done(fixture.store, &first);
    append_done(fixture.store, &second);
    CHECK("closed", becomes(fixture.store, first.id, JOB_DONE));
    CHECK("closed", becomes(fixture.store, second.id, JOB_DONE));
    fixture_end(&fixture);
}

static void it_is_not_taken_back_from_who_has_it(void **state)
{
    (void)state;
    struct fixture old = {0}, next;
    struct error error = {0};
    fixture_begin(&old);
    fixture_open(&old, 1, 0);
    store_release(old.store);
    next = old;
    fixture_open(&next, 1, 0);
    CHECK_INT("taken", store_take_back(old.store, &error), ERR_BUSY);
    CHECK("it takes no requests", !store_is_writable(old.store));
    fixture_close(&old);
    fixture_end(&next);
}

TEST_MAIN(TEST(what_the_old_one_ends_is_read_when_it_has_ended),
          TEST(a_life_that_took_its_lock_away_is_over),
          TEST(three_lives_overlap_and_end_in_any_order),
          TEST(a_released_store_refuses_writes_reads_on_and_can_be_taken_back),
          TEST(it_is_not_taken_back_from_who_has_it))
