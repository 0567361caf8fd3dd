/* tests/unit/store/test_idempotency.c: which keys the last life has used, in the order of time, out of every chunk (F30). */
#include "tests/unit/store/store_fixture.h"

#include "store/idempotency.h"

#include "tests/test.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

struct seen {
    int count;
    char marks[32]; /* the last digit of each */
    enum job_status last_status;
    int64_t last_first_byte_ms;
};

static void on_row(void *arg, const struct idempotency_row *row)
{
    struct seen *seen = arg;
    seen->marks[seen->count++] = row->text[IDEMPOTENCY_TEXT_MAX - 2];
    seen->last_status = row->status;
    seen->last_first_byte_ms = row->first_byte_ms;
    CHECK_STR("owner", row->owner, "key_01jz0000000000000000000000");
}

static void put(struct fixture *fixture, int64_t at_ms, const char *mark, bool is_closed,
                int64_t first_byte_ms)
{
    struct job_record job;
    struct error error = {0};
    fixture_job(&job, at_ms, 1);
    job.first_byte_ms = first_byte_ms;
    if (mark[0])
        snprintf(job.idempotency, sizeof job.idempotency, DIGITS "%s", mark);
    if (is_closed)
        fixture_job_close(&job);
    CHECK("put", journal_append(store_journal(fixture->store, 0),
                                is_closed ? RECORD_CLOSE : RECORD_OPEN, false, &job, &error) == OK);
    CHECK("drained", store_drain(fixture->store, 10000) == OK);
}

static struct seen look(struct fixture *fixture, int64_t since_ms)
{
    struct seen seen = {0};
    struct error error = {0};
    enum err err = store_idempotency_each(fixture->store, since_ms, on_row, &seen, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    return seen;
}

static void keys_are_read_back_in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 2); /* two rows to a chunk */
    put(&fixture, FIXTURE_TIME - 1, "1", true, 10);
    put(&fixture, FIXTURE_TIME, "2", true, 10);
    put(&fixture, FIXTURE_TIME + 1, "", true, 10);
    put(&fixture, FIXTURE_TIME + 2, "3", true, 10);
    put(&fixture, FIXTURE_TIME + 3, "4", false, -1);
    struct seen seen = look(&fixture, FIXTURE_TIME);
    CHECK_STR("since then, with a key, the open one too", seen.marks, "234");
    CHECK_STR("which runs", job_status_name(seen.last_status), "open");
    fixture_close(&fixture); /* as a crash would leave it: the last one is open */
    fixture_open(&fixture, 1, 2);
    CHECK("drained", store_drain(fixture.store, 10000) == OK);
    seen = look(&fixture, FIXTURE_TIME);
    CHECK_STR("with what was cut", seen.marks, "234");
    CHECK_STR("which is interrupted", job_status_name(seen.last_status), "interrupted");
    CHECK_INT("and nothing of it went out", seen.last_first_byte_ms, -1);
    fixture_end(&fixture);
}

TEST_MAIN(cmocka_unit_test(keys_are_read_back_in_order))
