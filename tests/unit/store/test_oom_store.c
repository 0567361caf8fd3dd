/* tests/unit/store/test_oom_store.c: F62 for what is kept: an allocation fails in the caller, in the writer or in
 * SQLite. What was asked for is then done whole or not at all, is said, and can be done again; no record is lost.
 */
#include "tests/unit/store/store_fixture.h"

#include "sys/clock.h"
#include "tests/unit/oom.h"

#include "tests/test.h"

#define BUDGET_MS 400 /* of each act in an ordinary run; one failure happens in any case */
#define JOBS_EACH 8
/* Opening makes thousands, nearly all of them SQLite's, and waits for the disk. */
#define OPENING_MS      1600
#define LONG_OPENING_MS 60000

static char written_id[ID_MAX]; /* of a job that is in the store */

/* ---- acts ------------------------------------------------------------------------------------ */

static struct event_row event_of(const char *action, int number)
{
    struct event_row event = {
        .at_ms = FIXTURE_TIME, .before_json = "{\"a\":1}", .after_json = "{\"a\":2}"};
    snprintf(event.id, sizeof event.id, "evt_%s_%d", action, number);
    str_copy(STR("key_1"), event.actor, sizeof event.actor);
    str_copy(str_of(action), event.action, sizeof event.action);
    return event;
}

static enum err insert_provider(struct fixture *fixture, int number, struct error *error)
{
    struct event_row event = event_of("provider", number);
    struct provider_row row = {.kind = "openai",
                               .base_url = "https://api.example/v1",
                               .models_json = (char[]){"[{\"id\":\"m\"}]"},
                               .rules_json = (char[]){"[]"},
                               .sealed_key = (char[]){"\x01\x00\xff blob"},
                               .sealed_key_len = 8,
                               .credential_version = 1,
                               .created_at_ms = FIXTURE_TIME,
                               .rev = 1};
    snprintf(row.id, sizeof row.id, "prv_%d", number);
    snprintf(row.name, sizeof row.name, "Cloud %d", number);
    return store_provider_insert(fixture->store, &row, &event, error);
}

static enum err delete_provider(struct fixture *fixture, int number, struct error *error)
{
    char id[ID_MAX];
    struct event_row event = event_of("deleted", number);
    snprintf(id, sizeof id, "prv_%d", number);
    return store_provider_delete(fixture->store, id, &event, error);
}

static enum err insert_key(struct fixture *fixture, int number, struct error *error)
{
    struct key_row row = {.name = "laptop", .role = "member", .created_at_ms = FIXTURE_TIME};
    snprintf(row.id, sizeof row.id, "key_%d", number);
    memcpy(row.digest, row.id, sizeof row.digest < sizeof row.id ? sizeof row.digest : 8);
    return store_key_insert(fixture->store, &row, NULL, error);
}

static enum err set_auto(struct fixture *fixture, int number, struct error *error)
{
    char model[32];
    struct event_row event = event_of("auto", number);
    snprintf(model, sizeof model, "model-%d", number);
    return store_auto_set(fixture->store, "prv_1", model, &event, error);
}

static enum err put_route(struct fixture *fixture, int number, struct error *error)
{
    struct route_row row = {.steps_json = (char[]){"[]"}, .created_at_ms = FIXTURE_TIME, .rev = 1};
    snprintf(row.id, sizeof row.id, "rte_%d", number);
    snprintf(row.name, sizeof row.name, "fast-%d", number);
    return store_route_put(fixture->store, &row, true, NULL, error);
}

static enum err delete_route(struct fixture *fixture, int number, struct error *error)
{
    char id[ID_MAX];
    snprintf(id, sizeof id, "rte_%d", number);
    return store_route_delete(fixture->store, id, NULL, error);
}

static enum err revoke_key(struct fixture *fixture, int number, struct error *error)
{
    char id[ID_MAX];
    snprintf(id, sizeof id, "key_%d", number);
    return store_key_revoke(fixture->store, id, FIXTURE_TIME, NULL, error);
}

static enum err load(struct fixture *fixture, int number, struct error *error)
{
    (void)number;
    struct store_config config = {0};
    enum err err = store_config_load(fixture->store, &config, error);
    store_config_release(&config);
    return err;
}

static void count_job(void *arg, const struct job_record *job)
{
    (void)job;
    ++*(int *)arg;
}

static enum err list_jobs(struct fixture *fixture, int number, struct error *error)
{
    (void)number;
    struct job_filter filter = {.limit = 3};
    int count = 0;
    str_copy(STR("ok"), filter.reason, sizeof filter.reason);
    enum err err = OK;
    do {
        char next[96] = "";
        err = store_jobs(fixture->store, &filter, count_job, &count, next, error);
        str_copy(str_of(next), filter.cursor, sizeof filter.cursor);
    } while (err == OK && filter.cursor[0] && count < 30);
    return err;
}

static enum err read_job(struct fixture *fixture, int number, struct error *error)
{
    (void)number;
    struct job_record job;
    return store_job(fixture->store, written_id, &job, error);
}

static void on_event(void *arg, const struct event_row *event)
{
    (void)event;
    ++*(int *)arg;
}

static enum err list_events(struct fixture *fixture, int number, struct error *error)
{
    (void)number;
    int count = 0;
    char next[96];
    return store_events(fixture->store, &(struct event_filter){.limit = 10}, on_event, &count, next,
                        error);
}

/* Closed and open ones: enough that a chunk is sealed. */
static enum err append_jobs(struct fixture *fixture, int number, struct error *error)
{
    enum err err = OK;
    for (int i = 0; err == OK && i < JOBS_EACH; i++) {
        struct job_record job;
        fixture_job(&job, FIXTURE_TIME + number, i);
        memcpy(written_id, job.id, sizeof written_id);
        err = journal_append(store_journal(fixture->store, 0), RECORD_OPEN, false, &job, error);
        fixture_job_close(&job);
        if (err == OK)
            err = journal_append(store_journal(fixture->store, 0), RECORD_CLOSE, true, &job, error);
    }
    return err;
}

/* ---- each of them, with each allocation failing ------------------------------------------------ */

static const struct act {
    const char *name;
    enum err (*run)(struct fixture *fixture, int number, struct error *error);
    enum err (*before)(struct fixture *fixture, int number, struct error *error);
    enum err (*after)(struct fixture *fixture, int number, struct error *error);
    int jobs;
} acts[] = {
    {"inserting a provider", insert_provider, NULL, delete_provider, 0},
    {"deleting a provider", delete_provider, insert_provider, NULL, 0},
    {"inserting a key", insert_key, NULL, revoke_key, 0},
    {"revoking a key", revoke_key, insert_key, NULL, 0},
    {"setting the default", set_auto, NULL, NULL, 0},
    {"putting a route", put_route, NULL, delete_route, 0},
    {"deleting a route", delete_route, put_route, NULL, 0},
    {"loading the configuration", load, NULL, NULL, 0},
    {"listing jobs", list_jobs, NULL, NULL, 0},
    {"reading a job", read_job, NULL, NULL, 0},
    {"listing events", list_events, NULL, NULL, 0},
    {"appending jobs", append_jobs, NULL, NULL, JOBS_EACH},
};

static int count_jobs(struct fixture *fixture)
{
    struct job_filter filter = {.limit = JOBS_PAGE_MAX};
    struct error error = {0};
    int count = 0;
    do {
        char next[96];
        CHECK_INT("jobs", store_jobs(fixture->store, &filter, count_job, &count, next, &error), OK);
        str_copy(str_of(next), filter.cursor, sizeof filter.cursor);
    } while (filter.cursor[0]);
    return count;
}

static bool is_memory(enum err err)
{
    return err == ERR_NO_MEMORY || err == ERR_UNAVAILABLE;
}

/* A round of the writer that failed is tried again after a pause. */
static bool is_writable_soon(const struct store *store)
{
    for (int waited_ms = 0; waited_ms < 5000 && !store_is_writable(store); waited_ms += 5)
        usleep(5000);
    return store_is_writable(store);
}

/* Returns how many allocations there were, here and on the writer's thread. */
static long run_act(const struct act *act, struct fixture *fixture, int number, long nth)
{
    struct error error = {0};
    if (act->before)
        CHECK_INT(act->name, act->before(fixture, number, &error), OK);
    oom_begin(nth);
    oom_watch(true);
    enum err err = act->run(fixture, number, &error);
    oom_watch(false);
    enum err drained = store_drain(fixture->store, 10000);
    long all = oom_end();
    if (err != OK && !is_memory(err))
        print_error("%s, allocation %ld: %s %s\n", act->name, nth, err_name(err), error.text);
    CHECK(act->name, err == OK || (is_memory(err) && error.text[0]));
    CHECK_INT(act->name, drained, OK);
    error.text[0] = '\0';
    if (err != OK) /* again, under the same names: nothing of it was left behind */
        err = act->run(fixture, number, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    if (act->after)
        CHECK_INT(act->name, act->after(fixture, number, &error), OK);
    CHECK(act->name, is_writable_soon(fixture->store));
    return all;
}

static void F62_acts_without_memory_are_done_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(acts); i++) {
        const struct act *act = &acts[i];
        struct fixture fixture;
        int number = 1, jobs = JOBS_EACH;
        struct error error = {0};
        fixture_begin(&fixture);
        fixture_open(&fixture, 1, 5);
        CHECK_INT("jobs to look at", append_jobs(&fixture, 0, &error), OK);
        CHECK_INT("written", store_drain(fixture.store, 10000), OK);
        long all = run_act(act, &fixture, number++, 0);
        all = run_act(act, &fixture, number++, 0);
        jobs += 2 * act->jobs;
        int64_t until_ms = clock_monotonic_ms() + BUDGET_MS;
        for (long turn = 0, nth; (nth = oom_nth(act->name, all, turn)) > 0; turn++) {
            if (turn > 0 && clock_monotonic_ms() > until_ms && !oom_is_long())
                break;
            (void)run_act(act, &fixture, number++, nth);
            jobs += act->jobs;
        }
        CHECK_INT("written", store_drain(fixture.store, 10000), OK);
        CHECK_INT("no job is lost, none is there twice", count_jobs(&fixture), jobs);
        if (getenv("STORY_LOUD"))
            print_message("%s: %ld allocations\n", act->name, all);
        fixture_end(&fixture);
    }
}

/* ---- opening ----------------------------------------------------------------------------------- */

static long open_one(struct fixture *fixture, long nth)
{
    struct error error = {0};
    struct store_options options = {.data_dir = fixture->dir, .journal_count = 1, .chunk_rows = 5};
    oom_begin(nth);
    oom_watch(true);
    enum err err = store_open(&options, fixture->vault, &fixture->store, &error);
    oom_watch(false);
    if (err != OK && !is_memory(err))
        print_error("opening, allocation %ld: %s %s\n", nth, err_name(err), error.text);
    CHECK("opened, or said why not", err == OK || (is_memory(err) && error.text[0]));
    if (err == OK)
        CHECK_INT("drain", store_drain(fixture->store, 10000), OK);
    long all = oom_end();
    if (err == OK)
        fixture_close(fixture);
    return all;
}

/* A store of no life before; of another with open jobs in its journal. */
static long open_new(long nth)
{
    struct fixture fixture;
    fixture_begin(&fixture);
    long all = open_one(&fixture, nth);
    (void)open_one(&fixture, 0);
    fixture_end(&fixture);
    return all;
}

static long open_old(long nth)
{
    struct fixture fixture;
    struct error error = {0};
    struct job_record job;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 5);
    CHECK_INT("jobs", append_jobs(&fixture, 1, &error), OK);
    fixture_job(&job, FIXTURE_TIME, 1);
    CHECK_INT("an open one",
              journal_append(store_journal(fixture.store, 0), RECORD_OPEN, false, &job, &error),
              OK);
    fixture_close(&fixture);
    long all = open_one(&fixture, nth);
    fixture_open(&fixture, 1, 5);
    CHECK_INT("drain", store_drain(fixture.store, 10000), OK);
    CHECK_INT("all are there", count_jobs(&fixture), JOBS_EACH + 1);
    CHECK_INT("the open one", store_job(fixture.store, job.id, &job, &error), OK);
    CHECK_STR("is closed", job.reason, "interrupted");
    fixture_end(&fixture);
    return all;
}

static void open_in_turn(const char *name, long (*open)(long nth))
{
    long all = open(0);
    int64_t until_ms = clock_monotonic_ms() + (oom_is_long() ? LONG_OPENING_MS : OPENING_MS);
    for (long turn = 0, nth; (nth = oom_nth_spread(name, all, turn)) > 0; turn++)
        if (turn == 0 || clock_monotonic_ms() < until_ms)
            (void)open(nth);
    if (getenv("STORY_LOUD"))
        print_message("%s: %ld allocations\n", name, all);
}

static void F62_a_store_that_cannot_be_opened_for_memory_opens_the_next_time(void **state)
{
    (void)state;
    open_in_turn("a new store", open_new);
    open_in_turn("an old store", open_old);
}

TEST_MAIN(TEST(F62_acts_without_memory_are_done_whole_or_not_at_all),
          TEST(F62_a_store_that_cannot_be_opened_for_memory_opens_the_next_time))
