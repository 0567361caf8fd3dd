/* bench/store_rows.c: how many jobs a second the store takes, and how fast a page of them is.
 *
 *     store_rows [jobs] [directory] [rate]     e.g. store_rows 2000000 /var/tmp 20000; without a rate as fast as it goes
 *     store_rows 0 directory            reads again what an earlier run left there
 *
 * Two threads play loops: each job is opened and closed later, with 1,000 open at a time in each, held
 * back when the journals are 64 MiB ahead. Meanwhile pages are read, five a second with each of several filters; then
 * once more, at rest, and the usage is summed up.
 * The jobs are of one month, of 1,000 keys in 20 teams, at two models.
 */
#include "base/log.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/usage.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/thread.h"
#include "sys/vault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOOPS     2
#define OPEN_JOBS 1000
#define AHEAD_MAX (64 * 1024 * 1024)
#define START_MS  INT64_C(1790000000000)
#define MONTH_MS  (INT64_C(30) * 24 * 3600 * 1000)

static int64_t jobs_in_all, jobs_a_second; /* 0: as many as it takes */
static atomic_int loops_left;              /* that still bring jobs */

/* Spread over the month. */
static int64_t time_of(int64_t number)
{
    return START_MS + (int64_t)((double)number / (double)jobs_in_all * (double)MONTH_MS);
}

struct loop {
    struct store *store;
    int index;
    int64_t jobs, append_ns, appends, cpu_ns;
};

static void fail(const struct error *error)
{
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static void job_make(struct job_record *job, int64_t number)
{
    uint8_t random[10];
    random_fill(random, sizeof random);
    *job = (struct job_record){.dialect = "openai",
                               .endpoint = "chat_completions",
                               .source = "api",
                               .requested_model = "auto",
                               .model = "gpt-5.2-mini",
                               .provider_id = "prv_01jz0000000000000000000000",
                               .provider_name = "OpenAI production",
                               .key_id = "key_01jz0000000000000000000000",
                               .is_stream = true,
                               .created_at_ms = time_of(number),
                               .queued_ms = 0,
                               .first_byte_ms = -1,
                               .duration_ms = -1,
                               .usage = {-1, -1, -1, -1, -1, false},
                               .cost_microusd = -1,
                               .attempt_count = 1,
                               .attempt = {{.seq = 1,
                                            .provider_id = "prv_01jz0000000000000000000000",
                                            .provider_name = "OpenAI production",
                                            .model = "gpt-5.2-mini",
                                            .tier = "cloud",
                                            .started_at_ms = time_of(number),
                                            .first_byte_ms = -1}}};
    snprintf(job->key_name, sizeof job->key_name, "key %lld", (long long)(number % 1000));
    snprintf(job->key_id, sizeof job->key_id, "key_%lld", (long long)(number % 1000));
    snprintf(job->user, sizeof job->user, "usr_%lld", (long long)(number % 50));
    snprintf(job->team, sizeof job->team, "tea_%lld", (long long)(number % 20));
    if (number % 3 == 0)
        str_copy(STR("gpt-5.2"), job->attempt[0].model, sizeof job->attempt[0].model);
    id_make("job_", job->created_at_ms, random, job->id);
}

static void job_close(struct job_record *job, int64_t number)
{
    job->status = number % 100 == 0 ? JOB_FAILED : JOB_DONE;
    str_copy(number % 100 == 0 ? STR("rate_limited") : STR("ok"), job->reason, sizeof job->reason);
    job->http_status = 200;
    job->first_byte_ms = 210;
    job->duration_ms = 1234;
    job->usage.input_tokens = 1200;
    job->usage.output_tokens = 345;
    job->cost_microusd = 5120;
    str_copy(STR("ok"), job->attempt[0].outcome, sizeof job->attempt[0].outcome);
    job->attempt[0].input_tokens = 1200;
    job->attempt[0].output_tokens = 345;
    job->attempt[0].cost_microusd = 5120;
    job->attempt[0].ended_at_ms = job->created_at_ms + 1234;
}

/* Of this thread: what it would take on a machine that nobody else uses, but for the disk. */
static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void append(struct loop *loop, enum record_kind kind, const struct job_record *job)
{
    struct error error = {0};
    int64_t before = clock_monotonic_ns();
    if (journal_append(store_journal(loop->store, loop->index), kind, true, job, &error) != OK)
        fail(&error);
    loop->append_ns += clock_monotonic_ns() - before;
    loop->appends++;
}

/* Not before its turn has come, at the rate that was asked for. */
static void wait_for_turn(int64_t began_ns, int64_t number)
{
    int64_t due_ns = jobs_a_second ? began_ns + number * LOOPS * 1000 / jobs_a_second * 1000000 : 0;
    int64_t now_ns = clock_monotonic_ns();
    if (due_ns > now_ns)
        usleep((useconds_t)((due_ns - now_ns) / 1000));
}

static void run_loop(void *arg)
{
    struct loop *loop = arg;
    int64_t began_ns = clock_monotonic_ns();
    struct job_record *open = calloc(OPEN_JOBS, sizeof *open);
    for (int64_t i = 0; i < loop->jobs + OPEN_JOBS; i++) {
        struct job_record *job = &open[i % OPEN_JOBS];
        if (i >= OPEN_JOBS) {
            job_close(job, i);
            append(loop, RECORD_CLOSE, job);
        }
        if (i < loop->jobs) {
            job_make(job, i * LOOPS + loop->index);
            append(loop, RECORD_OPEN, job);
        }
        if (i % 256 == 0)
            wait_for_turn(began_ns, i);
        struct store_figures figures;
        for (store_figures(loop->store, &figures);
             i % 256 == 0 && figures.journal_bytes_waiting > AHEAD_MAX;
             store_figures(loop->store, &figures))
            usleep(1000);
    }
    free(open);
    loop->cpu_ns = cpu_ns();
    atomic_fetch_sub(&loops_left, 1);
}

static void on_job(void *arg, const struct job_record *job)
{
    (void)job;
    ++*(int *)arg;
}

static void time_page(struct store *store, const char *name, struct job_filter filter)
{
    struct error error = {0};
    char cursor[96];
    int64_t best = INT64_MAX, worst = 0, cpu = INT64_MAX;
    int count = 0;
    filter.limit = 50;
    for (int i = 0; i < 5; i++) {
        count = 0;
        int64_t before = clock_monotonic_ns(), cpu_before = cpu_ns();
        if (store_jobs(store, &filter, on_job, &count, cursor, &error) != OK) {
            printf("  %-34s %s\n", name, error.text);
            return;
        }
        int64_t took = clock_monotonic_ns() - before, used = cpu_ns() - cpu_before;
        cpu = used < cpu ? used : cpu;
        best = took < best ? took : best;
        worst = took > worst ? took : worst;
    }
    printf("  %-34s %3d rows  best %7.2f ms  worst %7.2f ms  CPU %7.2f ms\n", name, count,
           (double)best / 1e6, (double)worst / 1e6, (double)cpu / 1e6);
}

/* ---- while rows come in -------------------------------------------------------------------------- */

#define SAMPLES_MAX 4096
#define PAUSE_US    200000

struct meanwhile {
    const char *name;
    struct job_filter filter;
    int count, refused; /* after 2 s, the store's limit */
    int64_t took_ns[SAMPLES_MAX], cpu_ns[SAMPLES_MAX];
};

static int compare_ns(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void sample(struct store *store, struct meanwhile *page)
{
    struct error error = {0};
    char cursor[96];
    int count = 0;
    int64_t before = clock_monotonic_ns(), cpu_before = cpu_ns();
    page->filter.limit = 50;
    if (page->count == SAMPLES_MAX)
        return;
    if (store_jobs(store, &page->filter, on_job, &count, cursor, &error) != OK)
        page->refused++;
    page->took_ns[page->count] = clock_monotonic_ns() - before;
    page->cpu_ns[page->count++] = cpu_ns() - cpu_before;
}

static void tell(struct meanwhile *page)
{
    if (page->count == 0)
        return;
    qsort(page->took_ns, (size_t)page->count, sizeof page->took_ns[0], compare_ns);
    qsort(page->cpu_ns, (size_t)page->count, sizeof page->cpu_ns[0], compare_ns);
    int last = page->count - 1, p99 = last * 99 / 100;
    printf(
        "  %-34s %4d pages  p50 %7.2f  p99 %7.2f  worst %7.2f ms  CPU p50 %7.2f  p99 %7.2f ms  refused %d\n",
        page->name, page->count, (double)page->took_ns[last / 2] / 1e6,
        (double)page->took_ns[p99] / 1e6, (double)page->took_ns[last] / 1e6,
        (double)page->cpu_ns[last / 2] / 1e6, (double)page->cpu_ns[p99] / 1e6, page->refused);
}

static void time_meanwhile(struct store *store)
{
    static struct meanwhile pages[] = {
        {.name = "no filter"},
        {.name = "status=failed (1 %)", .filter = {.status = "failed"}},
        {.name = "key (0.1 %)", .filter = {.key = "key 77"}},
        {.name = "user (2 %)", .filter = {.user = "usr_7"}},
        {.name = "key that nobody has", .filter = {.key = "no such key"}},
        {.name = "reason=rate_limited and user",
         .filter = {.reason = "rate_limited", .user = "usr_7"}},
    };
    while (atomic_load(&loops_left) > 0) {
        usleep(PAUSE_US);
        for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
            sample(store, &pages[i]);
    }
    puts("while rows came in:");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        tell(&pages[i]);
}

static void time_pages(struct store *store)
{
    time_page(store, "no filter", (struct job_filter){0});
    time_page(store, "status=failed (1 %)", (struct job_filter){.status = "failed"});
    time_page(store, "status=refused (none)", (struct job_filter){.status = "refused"});
    time_page(store, "key (0.1 %)", (struct job_filter){.key = "key 77"});
    time_page(store, "key that nobody has", (struct job_filter){.key = "no such key"});
    time_page(store, "user (2 %)", (struct job_filter){.user = "usr_7"});
    time_page(store, "provider (all)", (struct job_filter){.provider = "OpenAI production"});
    time_page(store, "model that nobody has", (struct job_filter){.model = "none"});
    time_page(store, "reason=rate_limited and user",
              (struct job_filter){.reason = "rate_limited", .user = "usr_7"});
    time_page(store, "one minute in the middle",
              (struct job_filter){.since_ms = START_MS + MONTH_MS / 2,
                                  .until_ms = START_MS + MONTH_MS / 2 + 60000});
}

static void on_usage(void *arg, const struct usage_item *item)
{
    (void)item;
    ++*(int *)arg;
}

static void time_usage(struct store *store, const char *name, struct usage_query query)
{
    struct error error = {0};
    struct usage_item totals = {.at_ms = 0};
    char cursor[96];
    int64_t best = INT64_MAX, worst = 0, cpu = INT64_MAX;
    int count = 0;
    query.limit = USAGE_PAGE_MAX;
    for (int i = 0; i < 5; i++) {
        count = 0;
        int64_t before = clock_monotonic_ns(), cpu_before = cpu_ns();
        if (store_usage(store, &query, on_usage, &count, &totals, cursor, &error) != OK) {
            printf("  %-34s %s\n", name, error.text);
            return;
        }
        int64_t took = clock_monotonic_ns() - before, used = cpu_ns() - cpu_before;
        cpu = used < cpu ? used : cpu;
        best = took < best ? took : best;
        worst = took > worst ? took : worst;
    }
    printf("  %-34s %3d items, %lld jobs  best %7.2f ms  worst %7.2f ms  CPU %7.2f ms\n", name,
           count, (long long)totals.sums.jobs, (double)best / 1e6, (double)worst / 1e6,
           (double)cpu / 1e6);
}

static void time_usages(struct store *store)
{
    time_usage(store, "usage: the month by team",
               (struct usage_query){.group_by = USAGE_team,
                                    .bucket = USAGE_IN_ONE,
                                    .since_ms = START_MS,
                                    .until_ms = START_MS + MONTH_MS});
    time_usage(store, "usage: the month by key",
               (struct usage_query){.group_by = USAGE_key, .bucket = USAGE_IN_ONE});
    time_usage(store, "usage: a team's month by day",
               (struct usage_query){.group_by = USAGE_team,
                                    .bucket = USAGE_BY_DAY,
                                    .filter.name[USAGE_team] = "tea_7"});
    time_usage(store, "usage: the month by hour and team",
               (struct usage_query){
                   .group_by = USAGE_team, .bucket = USAGE_BY_HOUR, .since_ms = START_MS});
}

static void wait_until_sealed(const char *dir)
{
    struct error error = {0};
    sqlite3 *db = NULL;
    char path[300];
    int64_t left = 1;
    snprintf(path, sizeof path, "%s/store.db", dir);
    if (sql_open(path, SQL_READER, &db, &error) != OK)
        fail(&error);
    while (left > 0) {
        if (sql_number(db,
                       "SELECT count(*) - 1 FROM chunk WHERE indexes_done = 0 OR "
                       "indexes_done < (SELECT max(indexes_done) FROM chunk)",
                       0, &left, &error) != OK)
            fail(&error);
        usleep(100000);
    }
    sql_close(db);
}

static int read_again(struct store_options *options, struct vault *vault)
{
    struct error error = {0};
    struct store *store = NULL;
    if (store_open(options, vault, &store, &error) != OK)
        fail(&error);
    time_pages(store);
    time_usages(store);
    store_close(store);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t jobs = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    jobs_in_all = jobs;
    jobs_a_second = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    struct error error = {0};
    struct vault *vault = NULL;
    struct store *store = NULL;
    char dir[256];
    snprintf(dir, sizeof dir, "%s/auxot-bench-XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
    if (jobs == 0 && argc > 2)
        str_copy(str_of(argv[2]), dir, sizeof dir);
    else if (!mkdtemp(dir))
        return 1;
    struct store_options options = {.data_dir = dir, .journal_count = LOOPS};
    if (vault_new(STR("the secret of the store benchmark 0123"), &vault, &error) != OK)
        fail(&error);
    if (jobs == 0)
        return read_again(&options, vault);
    if (store_open(&options, vault, &store, &error) != OK || store_drain(store, 5000) != OK)
        fail(&error);

    struct loop loops[LOOPS];
    pthread_t threads[LOOPS];
    int64_t before = clock_monotonic_ns();
    atomic_store(&loops_left, LOOPS);
    for (int i = 0; i < LOOPS; i++) {
        loops[i] = (struct loop){.store = store, .index = i, .jobs = jobs / LOOPS};
        if (thread_start("loop", run_loop, &loops[i], &threads[i], &error) != OK)
            fail(&error);
    }
    time_meanwhile(store);
    for (int i = 0; i < LOOPS; i++)
        thread_join(threads[i]);
    if (store_drain(store, 600000) != OK)
        return 1;
    double seconds = (double)(clock_monotonic_ns() - before) / 1e9;

    struct store_figures figures;
    struct rusage usage;
    store_figures(store, &figures);
    getrusage(RUSAGE_SELF, &usage);
    printf("jobs %lld in %.2f s: %.0f jobs/s, append %.0f ns, %lld batches, RSS peak %ld KiB\n",
           (long long)jobs, seconds, (double)jobs / seconds,
           (double)(loops[0].append_ns + loops[1].append_ns) /
               (double)(loops[0].appends + loops[1].appends),
           (long long)figures.batches, usage.ru_maxrss);
    double all_cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    printf("the writer's CPU, sealing included: %.1f us a job\n",
           (all_cpu_us - (double)(loops[0].cpu_ns + loops[1].cpu_ns) / 1e3) / (double)jobs);
    puts("while chunks are being sealed:");
    time_pages(store);
    before = clock_monotonic_ns();
    wait_until_sealed(dir);
    getrusage(RUSAGE_SELF, &usage);
    printf("all sealed %.1f s later, RSS peak %ld KiB:\n",
           (double)(clock_monotonic_ns() - before) / 1e9, usage.ru_maxrss);
    time_pages(store);
    time_usages(store);

    before = clock_monotonic_ns();
    store_close(store);
    printf("close %.0f ms\n", (double)(clock_monotonic_ns() - before) / 1e6);
    before = clock_monotonic_ns();
    if (store_open(&options, vault, &store, &error) != OK)
        fail(&error);
    printf("open %.1f ms\n", (double)(clock_monotonic_ns() - before) / 1e6);
    store_close(store);
    vault_free(vault);
    printf("left in %s\n", dir);
    return 0;
}
