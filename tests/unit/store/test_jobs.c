/* tests/unit/store/test_jobs.c: jobs come in by the journal and are read back in pages. */
#include "tests/unit/store/store_fixture.h"

#include "store/job_answer.h"
#include "store/store_parts.h"

#include "tests/test.h"

#define JOBS_MAX 1200

struct list_of_jobs {
    int count;
    struct job_record jobs[JOBS_MAX];
};

static void on_job(void *arg, const struct job_record *job)
{
    struct list_of_jobs *list = arg;
    CHECK("no more than there are", list->count < JOBS_MAX);
    list->jobs[list->count++] = *job;
}

static void append(struct journal *journal, enum record_kind kind, const struct job_record *job)
{
    struct error error = {0};
    enum err err = journal_append(journal, kind, job->http_status != 429, job, &error);
    CHECK_STR(error.text, err_name(err), "OK");
}

static void drain(struct fixture *fixture)
{
    CHECK_INT("drain", store_drain(fixture->store, 20000), OK);
}

/* All pages of `limit`, in the order they came. */
static void read_all(struct fixture *fixture, struct job_filter filter, int limit,
                     struct list_of_jobs *out_list)
{
    struct error error = {0};
    out_list->count = 0;
    filter.limit = limit;
    do {
        int before = out_list->count;
        char next[96];
        enum err err = store_jobs(fixture->store, &filter, on_job, out_list, next, &error);
        CHECK_STR(error.text, err_name(err), "OK");
        CHECK("a page is not longer than asked", out_list->count - before <= limit);
        CHECK("only the last page is short", out_list->count - before == limit || !next[0]);
        str_copy(str_of(next), filter.cursor, sizeof filter.cursor);
    } while (filter.cursor[0]);
}

static bool is_same(const struct job_record *a, const struct job_record *b)
{
    AUTO_BUF struct buf one, two; /* not memcmp: behind a text's NUL anything may stand */
    buf_init(&one, RECORD_MAX_BYTES);
    buf_init(&two, RECORD_MAX_BYTES);
    record_encode(&one, RECORD_CLOSE, a);
    record_encode(&two, RECORD_CLOSE, b);
    return str_eq(buf_str(&one), buf_str(&two));
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
    append(journal, RECORD_OPEN, &job);
    drain(&fixture);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    CHECK("it is open", is_same(&job, &got));

    fixture_job_close(&job);
    append(journal, RECORD_CLOSE, &job);
    drain(&fixture);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    CHECK("it is closed", is_same(&job, &got));

    struct list_of_jobs *list = calloc(1, sizeof *list);
    read_all(&fixture, (struct job_filter){0}, 10, list);
    CHECK_INT("one", list->count, 1);
    CHECK_INT("not there", store_job(fixture.store, "job_01jz000000000000000000zzzz", &got, &error),
              ERR_NOT_FOUND);
    CHECK_INT("no id", store_job(fixture.store, "x' OR 1=1", &got, &error), ERR_NOT_FOUND);
    free(list);
    fixture_end(&fixture);
}

static void a_job_is_found_although_its_id_tells_another_moment(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct job_record job, got;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    fixture_job(&job, FIXTURE_TIME, 1);
    job.created_at_ms += 2500;
    append(store_journal(fixture.store, 0), RECORD_OPEN, &job);
    drain(&fixture);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    append(store_journal(fixture.store, 0), RECORD_CLOSE, &job);
    fixture_end(&fixture);
}

/* ---- lists over head and sealed chunks ------------------------------------------------------------ */

#define SPREAD 1000
static struct job_record made[SPREAD];

/* What is looked for row by row: every seventh failed at somebody first, every ninth named another model; some cost. */
static void make_looks(int i, struct job_record *job)
{
    job->duration_ms = (i * 37) % 1000;
    if (i % 4 != 2)
        job->cost_microusd = (i * 53) % 1000;
    if (i % 7 == 3 && job->status == JOB_DONE) {
        job->attempt[1] = job->attempt[0];
        job->attempt[1].seq = job->attempt_count = 2;
        str_copy(str_of(job->provider_id), job->attempt[1].provider_id, ID_MAX);
        str_copy(STR("failed"), job->attempt[0].outcome, sizeof job->attempt[0].outcome);
        str_copy(STR("prv_01jzffffffffffffffffffffff"), job->attempt[0].provider_id, ID_MAX);
        str_copy(STR("Frail"), job->attempt[0].provider_name, sizeof job->attempt[0].provider_name);
    } else if (i % 10 == 1 && job->status == JOB_DONE) {
        str_copy(str_of(job->provider_id), job->attempt[0].provider_id, ID_MAX);
    }
    if (i % 9 == 4)
        str_copy(STR("by-another-name"), job->requested_model, sizeof job->requested_model);
}

/* Every third job is not of its time (it waited long and was refused), so chunks overlap. */
static void make_job(int i, struct job_record *job)
{
    int64_t when = FIXTURE_TIME + i * 7 - (i % 3 == 0 ? (i * 31) % 900 : 0);
    fixture_job(job, when, i);
    fixture_job_close(job);
    snprintf(job->key_name, sizeof job->key_name, "key %d", i % 5);
    snprintf(job->team, sizeof job->team, "%s", i % 4 == 0 ? "tea_blue" : "");
    snprintf(job->user, sizeof job->user, "usr_%d", i % 100);
    snprintf(job->agent, sizeof job->agent, "%s", i == 500 ? "agt_rare" : "");
    snprintf(job->source, sizeof job->source, "%s", i % 2 == 0 ? "api" : "chat");
    if (i % 6 == 0) {
        job->status = JOB_REFUSED;
        job->http_status = 429;
        job->model[0] = job->provider_id[0] = job->provider_name[0] = '\0';
        str_copy(STR("wanted-model"), job->requested_model, sizeof job->requested_model);
        str_copy(STR("rate_limited"), job->reason, sizeof job->reason);
    } else if (i % 10 == 1) {
        str_copy(STR("prv_01jzaaaaaaaaaaaaaaaaaaaaaa"), job->provider_id, ID_MAX);
        str_copy(STR("Other"), job->provider_name, sizeof job->provider_name);
    }
    make_looks(i, job);
}

static bool matches(const struct job_filter *filter, const struct job_record *job)
{
#define WANTS(field, value) (!filter->field[0] || strcmp(filter->field, value) == 0)
    return WANTS(status, job_status_name(job->status)) && WANTS(reason, job->reason) &&
           (WANTS(provider, job->provider_id) || WANTS(provider, job->provider_name)) &&
           WANTS(model, job->model[0] ? job->model : job->requested_model) &&
           WANTS(team, job->team) && WANTS(user, job->user) && WANTS(agent, job->agent) &&
           (WANTS(key, job->key_name) || WANTS(key, job->key_id)) && WANTS(source, job->source) &&
           (!filter->failed_provider[0] || job->attempt_count == 2) &&
           (!filter->is_failed_over || job->attempt_count == 2) &&
           (!filter->is_other_than_asked || job_is_other_than_asked(job)) &&
           (!filter->cost_from_microusd || job->cost_microusd >= filter->cost_from_microusd) &&
           job->duration_ms >= filter->duration_from_ms &&
           (!filter->since_ms || job->created_at_ms >= filter->since_ms) &&
           (!filter->until_ms || job->created_at_ms < filter->until_ms);
#undef WANTS
}

static void check_list(const char *name, const struct job_filter *filter,
                       const struct list_of_jobs *list)
{
    int wanted = 0;
    for (int i = 0; i < SPREAD; i++)
        wanted += matches(filter, &made[i]);
    CHECK_INT(name, list->count, wanted);
    for (int i = 0; i < list->count; i++) {
        const struct job_record *job = &list->jobs[i];
        CHECK(name, matches(filter, job));
        CHECK(name, i == 0 || job->created_at_ms <= list->jobs[i - 1].created_at_ms);
        /* bytes_in tells which of the made ones it is: each once, and unchanged */
        for (int k = 0; k < i; k++)
            CHECK(name, list->jobs[k].bytes_in != job->bytes_in);
        CHECK(name, is_same(job, &made[job->bytes_in]));
    }
}

static const struct filter_story {
    const char *name;
    struct job_filter filter;
} filter_stories[] = {
    {"no filter", {.limit = 0}},
    {"by status", {.status = "refused"}},
    {"by another status", {.status = "done"}},
    {"by a status nobody has", {.status = "cancelled"}},
    {"by provider id", {.provider = "prv_01jzaaaaaaaaaaaaaaaaaaaaaa"}},
    {"by provider name", {.provider = "Other"}},
    {"by the model that answered", {.model = "gpt-test"}},
    {"by the model that was asked for", {.model = "wanted-model"}},
    {"by team", {.team = "tea_blue"}},
    {"by user", {.user = "usr_42"}},
    {"by key name", {.key = "key 3"}},
    {"by key id", {.key = "key_01jz0000000000000000000000"}},
    {"by a key nobody has", {.key = "key 77"}},
    {"by a rare agent", {.agent = "agt_rare"}},
    {"by source", {.source = "chat"}},
    {"by reason", {.reason = "rate_limited"}},
    {"since", {.since_ms = FIXTURE_TIME + 3000}},
    {"until", {.until_ms = FIXTURE_TIME + 3000}},
    {"a window", {.since_ms = FIXTURE_TIME + 1000, .until_ms = FIXTURE_TIME + 1500}},
    {"several", {.status = "done", .source = "chat", .key = "key 3", .provider = "Cloud"}},
    {"several and a window",
     {.status = "refused", .team = "tea_blue", .since_ms = FIXTURE_TIME + 2000}},
    {"a rare one and a common one", {.agent = "agt_rare", .source = "api"}},
    {"two that are far apart", {.user = "usr_42", .status = "done"}},
    {"two that never meet", {.reason = "rate_limited", .user = "usr_7"}},
    {"three of which one is nobody's", {.user = "usr_42", .team = "tea_red", .source = "api"}},
    {"quotes are only text", {.key = "x' OR '1'='1"}},
    {"by what it cost", {.cost_from_microusd = 700}},
    {"by how long it took", {.duration_from_ms = 600}},
    {"by who failed, by id", {.failed_provider = "prv_01jzffffffffffffffffffffff"}},
    {"by who failed, by name", {.failed_provider = "Frail"}},
    {"that failed over", {.is_failed_over = true}},
    {"that another model answered", {.is_other_than_asked = true}},
    {"by an index and by looking", {.key = "key 3", .source = "chat", .cost_from_microusd = 500}},
    {"by all that is looked for, in a window",
     {.failed_provider = "Frail",
      .is_failed_over = true,
      .cost_from_microusd = 1,
      .duration_from_ms = 1,
      .since_ms = FIXTURE_TIME + 1000}},
};

/* ---- in an order ------------------------------------------------------------------------------------ */

static int64_t value_of(const struct job_filter *filter, const struct job_record *job)
{
    return filter->order == JOBS_COSTLIEST ? job->cost_microusd : job->duration_ms;
}

/* No job that matches and is not on the page has a larger value than the last one there. */
static void check_order(const struct job_filter *filter, const struct list_of_jobs *list)
{
    int larger = 0, with_value = 0;
    int64_t least = list->count ? value_of(filter, &list->jobs[list->count - 1]) : 0;
    for (int i = 1; i < list->count; i++)
        CHECK("the largest first",
              value_of(filter, &list->jobs[i - 1]) >= value_of(filter, &list->jobs[i]));
    for (int i = 0; i < SPREAD; i++) {
        with_value += matches(filter, &made[i]) && value_of(filter, &made[i]) > 0;
        larger += matches(filter, &made[i]) && value_of(filter, &made[i]) > least;
    }
    CHECK("as many as fit",
          list->count == (with_value < filter->limit ? with_value : filter->limit));
    CHECK("all of the larger ones are there", larger < list->count || larger == 0);
    for (int i = 0; i < list->count; i++)
        CHECK("a job of the list", is_same(&list->jobs[i], &made[list->jobs[i].bytes_in]));
}

static void check_orders(struct fixture *fixture, struct list_of_jobs *list)
{
    static const struct job_filter filters[] = {
        {.order = JOBS_COSTLIEST, .limit = 7},
        {.order = JOBS_SLOWEST, .limit = 200},
        {.order = JOBS_SLOWEST, .limit = 50, .status = "refused", .source = "api"},
        {.order = JOBS_COSTLIEST, .limit = 10, .is_failed_over = true},
        {.order = JOBS_COSTLIEST, .limit = 3, .until_ms = FIXTURE_TIME + 500},
    };
    for (size_t i = 0; i < COUNT(filters); i++) {
        struct error error = {0};
        struct jobs_page page;
        list->count = 0;
        CHECK_INT("page", store_jobs_page(fixture->store, &filters[i], on_job, list, &page, &error),
                  OK);
        CHECK_STR("it is the only one", page.next_cursor, "");
        CHECK_INT("it looked to the end", page.looked_back_ms, 0);
        CHECK("some are there", list->count > 0);
        check_order(&filters[i], list);
    }
}

static void lists_are_complete_ordered_and_without_duplicates(void **state)
{
    (void)state;
    struct fixture fixture;
    struct list_of_jobs *list = calloc(1, sizeof *list);
    fixture_begin(&fixture);
    fixture_open(&fixture, 2, 130); /* so seven sealed chunks and a head */
    for (int i = 0; i < SPREAD; i++) {
        struct journal *journal = store_journal(fixture.store, i % 2);
        make_job(i, &made[i]);
        if (made[i].http_status != 429) {
            struct job_record open = made[i];
            open.status = JOB_OPEN;
            append(journal, RECORD_OPEN, &open);
        }
        append(journal, RECORD_CLOSE, &made[i]);
        if (i % 100 == 99)
            drain(&fixture);
    }
    drain(&fixture);
    static const int limits[] = {1, 7, 100, 200};
    for (size_t s = 0; s < COUNT(filter_stories); s++) {
        const struct filter_story *story = &filter_stories[s];
        for (size_t l = s == 0 ? 0 : 1; l < COUNT(limits); l++) {
            read_all(&fixture, story->filter, limits[l], list);
            check_list(story->name, &story->filter, list);
        }
    }
    check_orders(&fixture, list);
    fixture_close(&fixture);
    fixture_open(&fixture, 0, 130); /* and the same after a restart */
    read_all(&fixture, (struct job_filter){0}, 200, list);
    check_list("after a restart", &(struct job_filter){0}, list);
    free(list);
    fixture_end(&fixture);
}

static void pages_stay_exact_while_rows_come_in(void **state)
{
    (void)state;
    struct fixture fixture;
    struct list_of_jobs *list = calloc(1, sizeof *list);
    struct error error = {0};
    struct job_record job;
    struct job_filter filter = {.limit = 10};
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 40);
    struct journal *journal = store_journal(fixture.store, 0);
    for (int i = 0; i < 100; i++) {
        fixture_job(&job, FIXTURE_TIME + i, i);
        append(journal, RECORD_OPEN, &job);
    }
    drain(&fixture);
    do { /* newer rows, chunks sealed in between */
        CHECK_INT("page", store_jobs(fixture.store, &filter, on_job, list, filter.cursor, &error),
                  OK);
        for (int i = 0; i < 15; i++) {
            fixture_job(&job, FIXTURE_TIME + 1000 + i, 1000);
            append(journal, RECORD_OPEN, &job);
        }
        drain(&fixture);
    } while (filter.cursor[0]);
    CHECK_INT("those of the beginning", list->count, 100);
    for (int i = 0; i < 100; i++)
        CHECK_INT("each once, newest first", list->jobs[i].bytes_in, 99 - i);
    free(list);
    fixture_end(&fixture);
}

static void bad_filters_are_refused(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        struct job_filter filter;
    } stories[] = {
        {"a status that is none", {.status = "finished", .limit = 1}},
        {"a forged cursor", {.cursor = "AQEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .limit = 1}},
        {"no cursor at all", {.cursor = "; DROP TABLE jobs_1", .limit = 1}},
    };
    struct fixture fixture;
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct error error = {0};
        char next[96];
        CHECK_INT(stories[i].name,
                  store_jobs(fixture.store, &stories[i].filter, on_job, NULL, next, &error),
                  ERR_MALFORMED);
        CHECK(stories[i].name, error.text[0] != '\0');
    }
    fixture_end(&fixture);
}

static void sealed_chunks_have_every_index_and_lists_never_sort(void **state)
{
    (void)state;
    struct fixture fixture;
    struct job_record job;
    char path[128];
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 50);
    for (int i = 0; i < 120; i++) {
        fixture_job(&job, FIXTURE_TIME + i, i);
        append(store_journal(fixture.store, 0), RECORD_OPEN, &job);
        if (i % 50 == 49)
            drain(&fixture);
    }
    snprintf(path, sizeof path, "%s/store.db", fixture.dir);
    sqlite3 *db = NULL;
    struct error error = {0};
    int64_t count = 0, done = 0;
    CHECK_INT("open", sql_open(path, SQL_READER, &db, &error), OK);
    for (int i = 0; i < 2000 && done < JOB_INDEX_COUNT; i++) { /* sealing goes on by itself */
        CHECK_INT("wait",
                  sql_number(db, "SELECT indexes_done FROM chunk WHERE id = 1", 0, &done, &error),
                  OK);
        usleep(5000);
    }
    CHECK_INT("count",
              sql_number(db,
                         "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'jobs_1' AND "
                         "type = 'index'",
                         0, &count, &error),
              OK);
    CHECK_INT("all indexes, and that of the open ones", count, JOB_INDEX_COUNT + 1);
    sqlite3_stmt *plan = NULL;
    bool has_row = true, uses_index = false;
    CHECK_INT("explain",
              sql_prepare(db,
                          "EXPLAIN QUERY PLAN SELECT at FROM jobs_1 INDEXED BY jobs_1_team WHERE "
                          "team = ?3 AND at >= ?1 AND at <= ?2 AND team <> '' ORDER BY at DESC",
                          &plan, &error),
              OK);
    while (sql_step(plan, &has_row, &error) == OK && has_row) {
        CHECK("no sorting", !str_find(sql_text(plan, 3), STR("TEMP B-TREE"), NULL));
        uses_index = uses_index || str_find(sql_text(plan, 3), STR("jobs_1_team"), NULL);
    }
    CHECK("the index is used", uses_index);
    sqlite3_finalize(plan);
    sql_close(db);
    fixture_close(&fixture);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(an_opened_and_closed_job_is_one_row),
          TEST(a_job_is_found_although_its_id_tells_another_moment),
          TEST(lists_are_complete_ordered_and_without_duplicates),
          TEST(pages_stay_exact_while_rows_come_in), TEST(bad_filters_are_refused),
          TEST(sealed_chunks_have_every_index_and_lists_never_sort))
