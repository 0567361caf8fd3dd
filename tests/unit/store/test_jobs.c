/* tests/unit/store/test_jobs.c: jobs come in by the journal and are read back in pages. */
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

struct page {
    int  count;
    char ids[JOBS_PAGE_MAX][ID_MAX];
    struct job_record last;
};

static void on_job(void *arg, const struct job_record *job)
{
    struct page *page = arg;
    str_copy(str_of(job->id), page->ids[page->count++], ID_MAX);
    page->last = *job;
}

static void an_opened_and_closed_job_is_one_row(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct job_record job, got;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    struct journal *journal = store_journal(fixture.store, 0);

    fixture_job(&job, FIXTURE_TIME, 1);
    CHECK_INT("open", journal_append(journal, RECORD_OPEN, true, &job, &error), OK);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    CHECK("it is open", memcmp(&job, &got, sizeof job) == 0);

    fixture_job_close(&job);
    CHECK_INT("close", journal_append(journal, RECORD_CLOSE, true, &job, &error), OK);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    CHECK("it is closed", memcmp(&job, &got, sizeof job) == 0);

    struct page page = {0};
    char cursor[96];
    struct job_filter filter = {.limit = 10};
    CHECK_INT("list", store_jobs(fixture.store, &filter, on_job, &page, cursor, &error), OK);
    CHECK_INT("one", page.count, 1);
    CHECK_STR("and no more", cursor, "");
    fixture_end(&fixture);
}

TEST_MAIN(TEST(an_opened_and_closed_job_is_one_row))
