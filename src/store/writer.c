/* store/writer.c: the thread that owns the writing connection.
 *
 * It sleeps until a journal's bell or a submitted work wakes it. After the bell it waits until 50 ms
 * have passed since the last round, so that rows gather; works are done at once. A round goes on until
 * nothing is left: works first, then a batch, then one step of upkeep, and again.
 *
 * A failed round keeps everything where it is (the journals hold it), says not writable, and is tried
 * again after a pause. A failure after which nothing can be trusted (failed fsync, damaged file)
 * ends the writing for good: SQLite's own advice, and RELIABILITY.md F47.
 */
#include "base/log.h"
#include "base/mem.h"
#include "store/event_chain.h"
#include "store/retention.h"
#include "store/store_parts.h"
#include "sys/clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define ROUND_MS       50
#define PAUSE_FIRST_MS 50
#define PAUSE_LAST_MS  1000
#define UPKEEP_SHARE   4
#define STOP_LIMIT_MS  10000
#define TRIM_EVERY_MS  3600000

void writer_wake(struct store *store)
{
    atomic_store(&store->is_urgent, true);
    uint64_t one = 1;
    ssize_t n = write(store->bell.fd, &one, sizeof one);
    assert(n == (ssize_t)sizeof one);
}

enum err released(struct error *error)
{
    return error_set(error, ERR_UNAVAILABLE,
                     "this server has handed over to its successor; send the request again");
}

enum err writer_submit(struct store *store, struct work *work, struct error *error)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    if (writer->is_released) {
        pthread_mutex_unlock(&writer->lock);
        return released(error);
    }
    list_push_back(&writer->works, &work->node);
    pthread_mutex_unlock(&writer->lock);
    writer_wake(store);

    pthread_mutex_lock(&writer->lock);
    while (!work->is_done)
        pthread_cond_wait(&writer->changed, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    if (work->result != OK && error)
        *error = work->error;
    return work->result;
}

static void set_phase(struct store *store, enum writer_phase phase)
{
    pthread_mutex_lock(&store->writer.lock);
    store->writer.phase = phase;
    pthread_cond_broadcast(&store->writer.changed);
    pthread_mutex_unlock(&store->writer.lock);
}

/* ---- failures ------------------------------------------------------------------------------------ */

/* Looks at the connection's last error before the rollback hides it. */
static void on_failure(struct store *store, const struct error *error)
{
    struct writer *writer = &store->writer;
    atomic_fetch_add(&store->figures.write_errors, 1);
    bool is_fatal = sql_is_fatal(writer->db);
    sql_roll_back(writer->db);
    if (!is_fatal)
        return;
    atomic_store(&store->is_writable, false);
    log_error("store_dead", "error=\"%s\"", error->text);
    pthread_mutex_lock(&writer->lock);
    str_copy(str_of(error->text), writer->dead_because, sizeof writer->dead_because);
    writer->phase = WRITER_DEAD;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

static void round_failed(struct store *store, const struct error *error)
{
    struct writer *writer = &store->writer;
    on_failure(store, error);
    if (atomic_exchange(&store->is_writable, false))
        log_error("store_not_writable", "error=\"%s\"", error->text);
    int64_t pause = writer->retry_pause_ms ? writer->retry_pause_ms * 2 : PAUSE_FIRST_MS;
    writer->retry_pause_ms = pause < PAUSE_LAST_MS ? pause : PAUSE_LAST_MS;
    writer->retry_at_ms = clock_monotonic_ms() + writer->retry_pause_ms;
}

static void round_worked(struct store *store)
{
    store->writer.retry_pause_ms = store->writer.retry_at_ms = 0;
    if (store->writer.phase != WRITER_DEAD && !atomic_exchange(&store->is_writable, true))
        log_info("store_writable", "again=true");
}

/* ---- works --------------------------------------------------------------------------------------- */

static enum err work_do(struct store *store, struct work *work)
{
    struct writer *writer = &store->writer;
    if (writer->phase == WRITER_DEAD)
        return error_set(&work->error, ERR_IO, "the store stopped writing: %s",
                         writer->dead_because);
    enum err err = sql_begin(writer->db, SQL_WRITER, &work->error);
    bool has_failed_itself = false, has_version = !work->is_event_only && !work->keeps_version;
    struct transition change;
    if (err == OK && !work->is_event_only) {
        err = work->run(writer->db, work->arg, &work->error);
        has_failed_itself = err == ERR_NOT_FOUND || err == ERR_CONFLICT;
    }
    if (err == OK && has_version)
        err = sql_run(writer->db,
                      "UPDATE setting SET value = value + 1 WHERE name = 'config_version'",
                      &work->error);
    if (err == OK && has_version)
        err = transition_log_config(writer->db, work->event, &change, &work->error);
    if (err == OK && work->event)
        err = event_chain_add(writer->db, store->vault, work->event, &work->error);
    has_failed_itself = has_failed_itself || err == ERR_TOO_LARGE; /* of its event */
    if (err == OK)
        err = sql_run(writer->db, "COMMIT", &work->error);
    if (has_failed_itself)
        sql_roll_back(writer->db);
    else if (err != OK)
        on_failure(store, &work->error);
    else if (has_version)
        transitions_told(store->transitions, &change);
    return err;
}

static struct work *work_next(struct writer *writer)
{
    struct work *work = NULL;
    pthread_mutex_lock(&writer->lock);
    if (!list_is_empty(&writer->works)) {
        work = LIST_OWNER(writer->works.next, struct work, node);
        list_unlink(&work->node);
    }
    pthread_mutex_unlock(&writer->lock);
    return work;
}

static void works_do(struct store *store)
{
    struct writer *writer = &store->writer;
    for (struct work *work; (work = work_next(writer)) != NULL;) {
        enum err result = work_do(store, work);
        pthread_mutex_lock(&writer->lock);
        if (result == OK && work->event && writer->on_event)
            writer->on_event(writer->on_event_arg, work->event);
        work->result = result;
        work->is_done = true; /* from here on it is the waiting caller's again */
        pthread_cond_broadcast(&writer->changed);
        pthread_mutex_unlock(&writer->lock);
    }
}

static bool is_stopping(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool answer = writer->is_stopping;
    pthread_mutex_unlock(&writer->lock);
    return answer;
}

/* ---- rounds -------------------------------------------------------------------------------------- */

static void publish_drained(struct store *store)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    for (int i = 0; i < store->series_count; i++)
        writer->drained[i] = store->series[i].committed;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

static enum err remember_open(void *arg, int64_t chunk, int64_t at, const char *id)
{
    struct writer *writer = arg;
    struct open_job job = {.chunk = chunk, .at = at, .is_inherited = true};
    str_copy(str_of(id), job.id, sizeof job.id);
    enum err err = open_jobs_reserve(&writer->open_jobs, 1);
    if (err == OK)
        open_jobs_put(&writer->open_jobs, &job);
    return err;
}

static enum err open_jobs_load(struct writer *writer, struct error *error)
{
    enum err err = chunks_each_open(&writer->chunks, remember_open, writer, error);
    writer->has_open_jobs = err == OK;
    if (err != OK)
        open_jobs_release(&writer->open_jobs);
    return err;
}

enum err writer_read_open(struct store *store, struct error *error)
{
    struct open_jobs *jobs = &store->writer.open_jobs;
    enum err err = open_jobs_load(&store->writer, error);
    for (size_t i = 0; err == OK && i < jobs->room; i++)
        jobs->slots[i].is_inherited = false;
    return err;
}

/* What is kept for a time only, looked at once an hour, and on until nothing of it is left. */
static enum err trim(struct store *store, bool *out_did, struct error *error)
{
    struct writer *writer = &store->writer;
    int64_t now_ms = clock_wall_ms();
    enum err err = OK;
    if (clock_monotonic_ms() < writer->trim_at_ms)
        return OK;
    if (store->jobs_kept_ms)
        err = retention_step(&writer->chunks, now_ms - store->jobs_kept_ms, out_did, error);
    if (err == OK && !*out_did)
        err = usage_book_trim(&writer->usage, now_ms, out_did, error);
    if (err == OK && !*out_did)
        err = transition_log_trim(store, now_ms, out_did, error);
    if (err == OK && !*out_did)
        writer->trim_at_ms = clock_monotonic_ms() + TRIM_EVERY_MS;
    return err;
}

/* Sealing a chunk takes seconds in all. It goes on whenever the journals are empty, and under load that
 * never ends for a quarter of the time, so that sealing keeps up; at a stop it waits for the next life. */
static enum err upkeep(struct store *store, bool is_idle, bool *out_did, struct error *error)
{
    struct writer *writer = &store->writer;
    int64_t before_ms = clock_monotonic_ms();
    *out_did = false;
    if ((!is_idle && before_ms < writer->upkeep_at_ms) || is_stopping(writer))
        return OK;
    enum err err = chunks_maintain(&writer->chunks, out_did, error);
    if (err == OK && !*out_did)
        err = trim(store, out_did, error);
    int64_t now_ms = clock_monotonic_ms();
    writer->upkeep_at_ms = now_ms + (UPKEEP_SHARE - 1) * (now_ms - before_ms);
    return err;
}

/* One step of whatever the phase asks for. */
static enum err round_step(struct store *store, bool *out_more, struct error *error)
{
    struct writer *writer = &store->writer;
    enum err err = OK;
    bool did_upkeep = false;
    *out_more = true;
    switch (writer->phase) {
    case WRITER_REPLAY:
        if (!writer->has_open_jobs)
            err = open_jobs_load(writer, error);
        if (err == OK)
            err = drain_step(store, out_more, error);
        if (err == OK && !*out_more) {
            writer->owes_interrupt = store->lives.others != 0;
            set_phase(store, writer->owes_interrupt ? WRITER_LIVE : WRITER_INTERRUPT);
            *out_more = true;
        }
        return err;
    case WRITER_INTERRUPT:
        err = interrupt_step(store, out_more, error);
        if (err == OK && !*out_more) {
            log_info("store_recovered", "records=%lld interrupted=%lld",
                     (long long)atomic_load(&store->figures.replayed),
                     (long long)atomic_load(&store->figures.interrupted));
            set_phase(store, WRITER_LIVE);
            *out_more = true;
        }
        return err;
    case WRITER_LIVE:
        err = lives_look(store, error);
        if (err == OK)
            err = drain_step(store, out_more, error);
        if (err == OK && writer->owes_interrupt && !store->lives.others &&
            !lives_are_behind(store)) {
            err = interrupt_step(store, out_more, error);
            writer->owes_interrupt = err != OK || *out_more;
        }
        if (err == OK)
            err = upkeep(store, !*out_more, &did_upkeep, error);
        *out_more = *out_more || did_upkeep;
        return err;
    case WRITER_DEAD: break;
    }
    *out_more = false;
    return OK;
}

static void round_run(struct store *store)
{
    struct error error = {0};
    atomic_store(&store->is_urgent, false);
    atomic_exchange(&store->bell.is_rung, false);
    for (bool has_more = true; has_more;) {
        works_do(store);
        if (clock_monotonic_ms() < store->writer.retry_at_ms)
            break;
        for (int i = 0; i < store->journal_count; i++)
            journal_prepare(store->journals[i]);
        bool did_log = false;
        enum err err =
            store->writer.phase == WRITER_DEAD ? OK : transition_log_step(store, &did_log, &error);
        if (err == OK)
            err = round_step(store, &has_more, &error);
        has_more = has_more || did_log;
        if (err == OK) {
            round_worked(store);
        } else {
            has_more = false;
            round_failed(store, &error);
        }
        publish_drained(store);
    }
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static bool is_behind(const struct store *store)
{
    if (store->writer.phase == WRITER_DEAD)
        return false;
    if (store->writer.phase != WRITER_LIVE || transitions_wait(store->transitions))
        return true;
    for (int i = 0; i < store->series_count; i++)
        if (store->series[i].journal &&
            store->series[i].committed < series_end(store, &store->series[i]))
            return true;
    return false;
}

/* Until there is something to do; then until `not_before_ms`, unless it is urgent. */
static void wait_for_round(struct store *store, int64_t not_before_ms)
{
    while (!atomic_load(&store->is_urgent)) {
        int64_t now = clock_monotonic_ms();
        /* A round that failed is tried again even when nothing is left but upkeep: until one works, requests
         * are refused, so that no record would ever ring the bell. */
        bool may_trim = store->writer.phase == WRITER_LIVE;
        int64_t trim_in_ms = may_trim ? store->writer.trim_at_ms - now : TRIM_EVERY_MS;
        bool has_news = atomic_load(&store->bell.is_rung) || is_behind(store) ||
                        store->writer.retry_at_ms > 0 || store->lives.others ||
                        store->writer.owes_interrupt || trim_in_ms <= 0;
        int64_t at_ms =
            store->writer.retry_at_ms > not_before_ms ? store->writer.retry_at_ms : not_before_ms;
        if (has_news && now >= at_ms)
            return;
        struct pollfd wait = {.fd = store->bell.fd, .events = POLLIN};
        (void)poll(&wait, 1, (int)(has_news ? at_ms - now : trim_in_ms));
        uint64_t rings;
        if (read(store->bell.fd, &rings, sizeof rings) < 0)
            continue; /* not rung: the time is up */
    }
}

void writer_run(void *given)
{
    struct store *store = given;
    int64_t round_at_ms = 0, stop_at_ms = 0;
    for (;;) {
        wait_for_round(store, round_at_ms + ROUND_MS);
        round_at_ms = clock_monotonic_ms();
        round_run(store);
        if (!is_stopping(&store->writer))
            continue;
        if (store->is_releasing)
            break;
        if (stop_at_ms == 0)
            stop_at_ms = round_at_ms + STOP_LIMIT_MS;
        if (!is_behind(store))
            break;
        if (round_at_ms > stop_at_ms) {
            log_error("store_stop_gave_up", "the journal keeps what is missing, error=\"%s\"",
                      "not writable");
            break;
        }
    }
}
