/* tests/unit/store/test_usage.c: the usage is the sum of the rows: over any range, by any name, whatever crashed. */
#include "tests/unit/store/store_fixture.h"

#include "store/sql.h"
#include "store/usage.h"
#include "store/usage_book.h"
#include "sys/clock.h"

#include <sys/wait.h>

#include "tests/test.h"

/* ---- jobs at random ------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

/* Near an edge of a minute, an hour or a day of the last five days, or anywhere in them. */
static int64_t random_time(int64_t now_ms)
{
    static const int64_t units[] = {USAGE_MINUTE_MS, USAGE_HOUR_MS, USAGE_DAY_MS, 1};
    int64_t at_ms = now_ms - (int64_t)random_below(5 * 24 * 3600) * 1000;
    int64_t unit = units[random_below(4)];
    return at_ms / unit * unit + (int64_t)random_below(3) - 1;
}

static void random_attempt(struct job_record *job, int32_t at)
{
    static const char *const tiers[] = {"gpu", "cli", "cloud"};
    struct attempt_record *attempt = &job->attempt[at];
    uint32_t provider = random_below(3);
    *attempt = (struct attempt_record){.seq = at + 1,
                                       .started_at_ms = job->created_at_ms,
                                       .first_byte_ms = -1,
                                       .input_tokens = -1,
                                       .output_tokens = -1,
                                       .cached_tokens = -1,
                                       .cost_microusd = -1};
    snprintf(attempt->provider_id, ID_MAX, "prv_%u", provider);
    snprintf(attempt->provider_name, 64, "Provider %u", provider);
    snprintf(attempt->model, 128, "model-%u", random_below(2));
    str_copy(str_of(tiers[provider]), attempt->tier, sizeof attempt->tier);
    str_copy(random_below(3) ? STR("ok") : STR("failed"), attempt->outcome,
             sizeof attempt->outcome);
    if (random_below(4) == 0)
        return;
    attempt->input_tokens = random_below(1000);
    attempt->output_tokens = random_below(1000);
    attempt->cached_tokens = random_below(100);
    attempt->is_estimated = random_below(5) == 0;
    if (random_below(4))
        attempt->cost_microusd = random_below(100000);
}

/* One attempt more, of which only its beginning is on record. */
static void leave_running(struct job_record *job)
{
    random_attempt(job, job->attempt_count);
    struct attempt_record *attempt = &job->attempt[job->attempt_count++];
    attempt->outcome[0] = '\0';
    attempt->input_tokens = attempt->output_tokens = attempt->cached_tokens = -1;
    attempt->is_estimated = random_below(2); /* with a budget: the most that it may cost */
    attempt->cost_microusd = attempt->is_estimated ? (int64_t)random_below(100000) : -1;
}

static void random_job(struct job_record *job, int64_t now_ms)
{
    fixture_job(job, random_time(now_ms), 0);
    job->status = (enum job_status)(JOB_DONE + random_below(JOB_STATUS_COUNT - 1));
    job->attempt_count = (int32_t)random_below(4);
    for (int32_t i = 0; i < job->attempt_count; i++)
        random_attempt(job, i);
    uint32_t key = random_below(4);
    snprintf(job->team, ID_MAX, "tea_%u", random_below(3));
    snprintf(job->key_id, ID_MAX, "key_%u", key);
    snprintf(job->key_name, 64, "laptop %u", key);
    if (random_below(2))
        snprintf(job->user, ID_MAX, "usr_%u", random_below(3));
    if (random_below(3) == 0)
        str_copy(STR("agt_1"), job->agent, ID_MAX);
    if (random_below(8) == 0) { /* its close is never written */
        job->status = JOB_INTERRUPTED;
        str_copy(STR("left"), job->reason, sizeof job->reason);
        if (random_below(2))
            leave_running(job);
    }
}

/* ---- the naive sum -------------------------------------------------------------------------------- */

#define JOBS_MAX 600
#define LIVES    6
struct world {
    struct fixture fixture;
    struct job_record jobs[JOBS_MAX];
    size_t count;
};

static bool is_of(const struct job_record *job, const struct usage_query *query)
{
    return job->created_at_ms >= query->since_ms &&
           (!query->until_ms || job->created_at_ms < query->until_ms);
}

/* One value's sums, or all (value NULL), straight from the attempts and without any of the code under test. */
static struct usage_sums naive(const struct world *world, const struct usage_query *query,
                               const char *team)
{
    struct usage_sums sums = {0};
    for (size_t i = 0; i < world->count; i++) {
        const struct job_record *job = &world->jobs[i];
        bool has_unknown = false, has_estimated = false;
        if (!is_of(job, query) || (team && strcmp(job->team, team) != 0))
            continue;
        sums.jobs++;
        sums.failed += job->status == JOB_FAILED || job->status == JOB_INTERRUPTED;
        sums.cancelled += job->status == JOB_CANCELLED;
        sums.refused += job->status == JOB_REFUSED;
        for (int32_t k = 0; k < job->attempt_count; k++) {
            const struct attempt_record *attempt = &job->attempt[k];
            has_estimated |= attempt->is_estimated;
            if (attempt->outcome[0] == '\0') { /* nobody can tell; or at most that */
                has_unknown |= attempt->cost_microusd < 0;
                sums.cost_microusd += attempt->cost_microusd < 0 ? 0 : attempt->cost_microusd;
            }
            if (attempt->input_tokens < 0)
                continue;
            bool is_failed = strcmp(attempt->outcome, "failed") == 0;
            int64_t cost = attempt->cost_microusd < 0 ? 0 : attempt->cost_microusd;
            has_unknown |= attempt->cost_microusd < 0;
            sums.input_tokens += attempt->input_tokens;
            sums.output_tokens += attempt->output_tokens;
            sums.cached_tokens += attempt->cached_tokens;
            sums.cost_microusd += cost;
            sums.wasted_input_tokens += is_failed ? attempt->input_tokens : 0;
            sums.wasted_output_tokens += is_failed ? attempt->output_tokens : 0;
            sums.wasted_microusd += is_failed ? cost : 0;
        }
        sums.unknown_cost_jobs += has_unknown;
        sums.estimated_jobs += has_estimated;
    }
    return sums;
}

static void check_sums(const char *name, const struct usage_sums *got,
                       const struct usage_sums *want)
{
#define X(sum) CHECK_INT(name, got->sum, want->sum);
    USAGE_SUM_LIST(X)
#undef X
}

struct gathered {
    struct usage_sums all, by_team[3];
    int64_t last_at_ms;
    int items;
};

static void on_item(void *arg, const struct usage_item *item)
{
    struct gathered *gathered = arg;
    CHECK("in order", item->at_ms >= gathered->last_at_ms);
    gathered->last_at_ms = item->at_ms;
    gathered->items++;
    usage_sums_add(&gathered->all, &item->sums);
    if (str_starts(item->value, STR("tea_")))
        usage_sums_add(&gathered->by_team[item->value.at[4] - '0'], &item->sums);
}

/* All pages; the sum of the items, the totals and the naive sum are one. */
static void check_query(struct world *world, const char *name, struct usage_query query)
{
    struct gathered gathered = {0};
    struct usage_item totals;
    struct error error = {0};
    struct usage_sums want = naive(world, &query, NULL);
    query.limit = 1 + (int)random_below(40);
    do {
        enum err err = store_usage(world->fixture.store, &query, on_item, &gathered, &totals,
                                   query.cursor, &error);
        CHECK_STR(name, err == OK ? "" : error.text, "");
        check_sums(name, &totals.sums, &want);
    } while (query.cursor[0]);
    check_sums(name, &gathered.all, &want);
    for (int i = 0; query.group_by == USAGE_team && i < 3; i++) {
        char team[8];
        snprintf(team, sizeof team, "tea_%d", i);
        want = naive(world, &query, team);
        check_sums(team, &gathered.by_team[i], &want);
    }
}

static void on_spent(void *arg, const char *team_id, const char *key_id, int64_t cost_microusd)
{
    int64_t *spent = arg;
    CHECK("a team and a key", strncmp(team_id, "tea_", 4) == 0 && strncmp(key_id, "key_", 4) == 0);
    spent[team_id[4] - '0'] += cost_microusd;
}

static void check_spent(struct world *world, int64_t since_ms, int64_t until_ms)
{
    int64_t spent[3] = {0};
    struct error error = {0};
    struct usage_query query = {.since_ms = since_ms, .until_ms = until_ms};
    CHECK_INT("spent",
              store_usage_spent(world->fixture.store, since_ms, until_ms, on_spent, spent, &error),
              OK);
    for (int i = 0; i < 3; i++) {
        char team[8];
        snprintf(team, sizeof team, "tea_%d", i);
        CHECK_INT(team, spent[i], naive(world, &query, team).cost_microusd);
    }
}

static int64_t known(int64_t value)
{
    return value > 0 ? value : 0;
}

/* A row that was closed for its dead life has the sums of its own attempts. */
static void check_left(struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct job_record *job = &world->jobs[i];
        static struct world alone;
        alone.jobs[0] = *job;
        alone.count = 1;
        struct usage_query ever = {.bucket = USAGE_IN_ONE};
        struct job_record row;
        struct error error = {0};
        if (strcmp(job->reason, "left") != 0)
            continue;
        struct usage_sums want = naive(&alone, &ever, NULL);
        CHECK_INT("the row", store_job(world->fixture.store, job->id, &row, &error), OK);
        CHECK_INT("its cost", known(row.cost_microusd), want.cost_microusd);
        CHECK_INT("wasted of it", known(row.wasted_microusd), want.wasted_microusd);
        CHECK_INT("its input", known(row.usage.input_tokens), want.input_tokens);
        CHECK_INT("its output", known(row.usage.output_tokens), want.output_tokens);
        CHECK_INT("its cached input", known(row.usage.cached_tokens), want.cached_tokens);
        CHECK_INT("estimated", row.usage.is_estimated, want.estimated_jobs);
        CHECK_INT("not priced", row.is_unpriced, want.unknown_cost_jobs);
    }
}

static void check_all(struct world *world, int64_t now_ms)
{
    check_left(world);
    check_query(world, "ever", (struct usage_query){.bucket = USAGE_IN_ONE});
    for (int i = 0; i < USAGE_NAME_COUNT; i++)
        check_query(world, usage_name_text((enum usage_name)i),
                    (struct usage_query){.group_by = (enum usage_name)i, .bucket = USAGE_IN_ONE});
    check_query(world, "by day",
                (struct usage_query){.group_by = USAGE_team, .bucket = USAGE_BY_DAY});
    check_query(world, "by hour",
                (struct usage_query){.group_by = USAGE_team,
                                     .bucket = USAGE_BY_HOUR,
                                     .since_ms = now_ms - 7 * USAGE_DAY_MS});
    check_query(world, "by minute",
                (struct usage_query){.group_by = USAGE_team,
                                     .bucket = USAGE_BY_MINUTE,
                                     .since_ms = now_ms - 40 * USAGE_HOUR_MS});
    for (int i = 0; i < 40; i++) {
        int64_t since_ms = random_time(now_ms), until_ms = random_time(now_ms);
        check_query(world, "any range",
                    (struct usage_query){.group_by = USAGE_team,
                                         .bucket = USAGE_IN_ONE,
                                         .since_ms = since_ms,
                                         .until_ms = until_ms});
        check_spent(world, since_ms, until_ms);
    }
}

/* ---- lives ---------------------------------------------------------------------------------------- */

static void append(struct fixture *fixture, size_t number, enum record_kind kind, bool was_opened,
                   const struct job_record *job)
{
    struct error error = {0};
    struct journal *journal = store_journal(fixture->store, (int)(number % 2));
    if (journal_append(journal, kind, was_opened, job, &error) != OK)
        abort();
}

static void maybe_drain(struct fixture *fixture, uint32_t one_in)
{
    if (random_below(one_in) == 0 && store_drain(fixture->store, 5000) != OK)
        abort();
}

/* Puts some jobs on record, in a process that ends without a goodbye: some are drained by then, some are not. */
static void live_and_die(struct world *world, size_t first)
{
    fixture_open(&world->fixture, 2, 100);
    for (size_t i = first; i < world->count; i++) {
        struct job_record open = world->jobs[i];
        bool is_left_open = strcmp(open.reason, "left") == 0;
        bool is_opened = is_left_open || random_below(2) == 0;
        open.status = JOB_OPEN;
        if (is_opened)
            append(&world->fixture, i, RECORD_OPEN, false, &open);
        maybe_drain(&world->fixture, 20);
        if (!is_left_open)
            append(&world->fixture, i, RECORD_CLOSE, is_opened, &world->jobs[i]);
    }
    maybe_drain(&world->fixture, 2);
    _exit(0);
}

static void shell(const struct world *world, const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "cd %s && %s", world->fixture.dir, command);
    CHECK_INT(command, system(line), 0);
}

static void lives_and_dies(struct world *world, int64_t now_ms)
{
    size_t first = world->count;
    int status = 0;
    while (world->count < first + JOBS_MAX / LIVES)
        random_job(&world->jobs[world->count++], now_ms);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        live_and_die(world, first);
    CHECK_INT("its end", waitpid(child, &status, 0), child);
    CHECK_INT("and it worked", status, 0);
    shell(world, "rm -rf journal.kept && cp -a journal journal.kept");
}

static void recover_and_check(struct world *world, int64_t now_ms)
{
    fixture_open(&world->fixture, 2, 100);
    CHECK_INT("drain", store_drain(world->fixture.store, 20000), OK);
    check_all(world, now_ms);
    fixture_close(&world->fixture);
}

/* The journals come back although the tables have it all: a copied directory, a restored database. */
static void forget_positions(struct world *world)
{
    char path[128];
    sqlite3 *db = NULL;
    struct error error = {0};
    shell(world, "rm -rf journal && cp -a journal.kept journal");
    snprintf(path, sizeof path, "%s/store.db", world->fixture.dir);
    CHECK_INT("open", sql_open(path, SQL_WRITER, &db, &error), OK);
    CHECK_INT("forget", sql_run(db, "DELETE FROM journal_position", &error), OK);
    sql_close(db);
}

static void usage_is_the_sum_of_the_rows_whatever_crashed(void **state)
{
    (void)state;
    const char *given = getenv("AUXOT_TEST_SEED");
    struct world *world = calloc(1, sizeof *world);
    int64_t now_ms = clock_wall_ms();
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)now_ms;
    print_message("AUXOT_TEST_SEED=%llu\n", (unsigned long long)seed);
    fixture_begin(&world->fixture);
    for (int life = 0; life < LIVES; life++) {
        lives_and_dies(world, now_ms);
        recover_and_check(world, now_ms);
        forget_positions(world);
        recover_and_check(world, now_ms);
    }
    fixture_end(&world->fixture);
    free(world);
}

/* ---- many keys ------------------------------------------------------------------------------------ */

#define PAIRS 200001 /* one more than a query may give */

/* A key and a cost each on the first of January 1970; the last of them once more a day later. */
static void put_pairs(struct fixture *fixture)
{
    char path[128], pairs[512];
    sqlite3 *db = NULL;
    struct error error = {0};
    snprintf(path, sizeof path, "%s/store.db", fixture->dir);
    snprintf(pairs, sizeof pairs,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO usage_group SELECT i, '', '', '', 'tea_1', '', '', 'key_' || i, 'api',"
             " '', '' FROM n",
             PAIRS);
    CHECK_INT("open", sql_open(path, SQL_WRITER, &db, &error), OK);
    CHECK_INT("groups", sql_run(db, pairs, &error), OK);
    CHECK_INT("first day",
              sql_run(db,
                      "INSERT INTO usage_day SELECT 0, id, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0 "
                      "FROM usage_group",
                      &error),
              OK);
    CHECK_INT("second day",
              sql_run(db,
                      "INSERT INTO usage_day SELECT 1, max(id), 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, "
                      "0, 0 FROM usage_group",
                      &error),
              OK);
    sql_close(db);
}

static void on_pair(void *arg, const char *team_id, const char *key_id, int64_t cost_microusd)
{
    int64_t *sum = arg;
    CHECK("a team and a key", strcmp(team_id, "tea_1") == 0 && strncmp(key_id, "key_", 4) == 0);
    *sum += cost_microusd;
}

static void keys_of_other_times_do_not_count_as_items(void **state)
{
    (void)state;
    struct fixture fixture;
    struct gathered gathered = {0};
    struct usage_item totals;
    struct error error = {0};
    struct usage_query by_key = {
        .group_by = USAGE_key, .bucket = USAGE_IN_ONE, .since_ms = USAGE_DAY_MS, .limit = 10};
    int64_t spent = 0;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 100);
    put_pairs(&fixture);
    CHECK_INT(
        "of the second day",
        store_usage(fixture.store, &by_key, on_item, &gathered, &totals, by_key.cursor, &error),
        OK);
    CHECK_INT("there is one", gathered.items, 1);
    CHECK_INT("with its own cost", totals.sums.cost_microusd, 5);
    CHECK_INT("a start reads them all",
              store_usage_spent(fixture.store, 0, 0, on_pair, &spent, &error), OK);
    CHECK_INT("what they cost", spent, 3 * PAIRS + 5);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(usage_is_the_sum_of_the_rows_whatever_crashed),
          TEST(keys_of_other_times_do_not_count_as_items))
