/* store/store.c: opening and closing.
 *
 * The order of opening: directory and lock (one process), then the file is looked at without touching
 * it (ours? whole? not newer?), then SQLite, schema, secret, and last the writer thread, which replays
 * what the journals of earlier lives hold while the caller goes on.
 */
#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/migrations.h"
#include "store/retention.h"
#include "store/secret_ring.h"
#include "store/store_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/random.h"
#include "sys/thread.h"
#include "sys/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#define TRANSITIONS_KEPT_MS (INT64_C(90) * 24 * 3600 * 1000)

/* ---- the directory ------------------------------------------------------------------------------- */

static enum err paths_make(struct store *store, const char *data_dir, struct error *error)
{
    if (strlen(data_dir) >= sizeof store->data_dir)
        return error_set(error, ERR_MALFORMED, "the path of the data directory is too long");
    str_copy(str_of(data_dir), store->data_dir, sizeof store->data_dir);
    snprintf(store->db_path, sizeof store->db_path, "%s/store.db", data_dir);
    snprintf(store->journal_dir, sizeof store->journal_dir, "%s/journal", data_dir);
    store->owner.dir = store->journal_dir;
    enum err err = file_make_private_dir(store->data_dir, error);
    return err != OK ? err : file_make_private_dir(store->journal_dir, error);
}

static enum err lock_dir(struct store *store, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", store->data_dir);
    return lock_take(path, &store->lock_fd, error);
}

/* SQLite would make it by the umask; the journal files of SQLite take the mode of this one. */
static enum err db_file_make(struct store *store, struct error *error)
{
    AUTO_CLOSE int fd = open(store->db_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0)
        return error_set(
            error, ERR_IO,
            "cannot write '%s' (%s); it must be owned by the user that runs auxot, with mode 0600",
            store->db_path, ERRNO_TEXT(errno));
    return OK;
}

/* ---- the database -------------------------------------------------------------------------------- */

/* Reads a blob setting, or puts `fresh` when there is none. */
static enum err setting_have(sqlite3 *db, const char *name, struct str fresh, uint8_t *out_value,
                             struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    AUTO_STMT sqlite3_stmt *get = NULL;
    enum err err =
        sql_prepare(db, "INSERT OR IGNORE INTO setting (name, value) VALUES (?1, ?2)", &put, error);
    if (err == OK)
        err = sql_prepare(db, "SELECT value FROM setting WHERE name = ?1", &get, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(name));
    (void)sqlite3_bind_blob(put, 2, fresh.at, (int)fresh.len, SQLITE_STATIC);
    sql_bind_text(get, 1, str_of(name));
    bool has_row = false;
    err = sql_done(put, NULL, error);
    if (err == OK)
        err = sql_step(get, &has_row, error);
    if (err != OK)
        return err;
    struct str value = has_row ? sql_blob(get, 0) : (struct str){"", 0};
    if (value.len != fresh.len)
        return error_set(error, ERR_MALFORMED, "the setting '%s' is damaged", name);
    memcpy(out_value, value.at, value.len);
    return OK;
}

static enum err settings_check(struct store *store, struct error *error)
{
    sqlite3 *db = store->writer.db;
    uint8_t node[16];
    random_fill(node, sizeof node);
    random_fill(store->owner.boot, sizeof store->owner.boot);
    struct secret_open secret = {store->vault, store->data_dir, store->secret_is_in_files};
    enum err err = sql_run(
        db, "INSERT OR IGNORE INTO setting (name, value) VALUES ('config_version', 1)", error);
    if (err == OK)
        err = setting_have(db, "node_id", (struct str){(const char *)node, sizeof node},
                           store->owner.node, error);
    return err == OK ? secret_ring_open(db, &secret, clock_wall_ms(), error) : err;
}

static enum err db_open(struct store *store, int64_t chunk_rows, struct error *error)
{
    struct writer *writer = &store->writer;
    enum err err = migrations_precheck(store->db_path, error);
    if (err == OK)
        err = db_file_make(store, error);
    if (err == OK)
        err = sql_open(store->db_path, SQL_WRITER, &writer->db, error);
    if (err != OK)
        return err;
    /* Until all is well, closing must not move the WAL into a file that we then refuse. */
    (void)sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    err = migrations_check(writer->db, error);
    if (err == OK)
        err = migrations_apply(writer->db, error);
    if (err == OK)
        err = migrations_verify(writer->db, error);
    if (err == OK)
        err = settings_check(store, error);
    if (err == OK)
        err = chunks_open(&writer->chunks, writer->db,
                          chunk_rows > 0 ? chunk_rows : CHUNK_ROWS_DEFAULT, error);
    usage_book_open(&writer->usage, writer->db, store->usage_minutes_kept_ms);
    if (err == OK)
        (void)sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return err;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

static void locks_init(struct store *store)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->writer.lock, NULL);
    pthread_cond_init(&store->writer.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    list_init(&store->writer.works);
    pthread_mutex_init(&store->readers.lock, NULL);
    pthread_cond_init(&store->readers.given_back, NULL);
    store->readers.db_path = store->db_path;
}

static enum err store_start(struct store *store, const struct store_options *options,
                            struct error *error)
{
    enum err err = paths_make(store, options->data_dir, error);
    if (err == OK)
        err = lock_dir(store, error);
    if (err == OK)
        err = db_open(store, options->chunk_rows, error);
    if (err == OK)
        err = lives_begin(store, error);
    if (err == OK)
        err = series_open_all(store, options->journal_count, error);
    if (err != OK)
        return err;
    store->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->bell.fd < 0)
        return error_set(error, ERR_IO, "cannot make an eventfd: %s", ERRNO_TEXT(errno));
    store->transitions = transitions_new(&store->bell);
    if (!store->transitions)
        return error_set(error, ERR_NO_MEMORY, "no memory for the changes of state");
    store->is_server = options->journal_count > 0;
    if (store->is_server)
        err = transition_log_begin(store, error);
    if (err != OK)
        return err;
    atomic_store(&store->is_urgent, true); /* the replay begins at once */
    err = thread_start("writer", writer_run, store, &store->thread, error);
    store->is_started = err == OK;
    return err;
}

enum err store_open(const struct store_options *options, struct vault *vault,
                    struct store **out_store, struct error *error)
{
    struct store *store = mem_zalloc(1, sizeof *store);
    if (!store)
        return error_set(error, ERR_NO_MEMORY, "no memory for the store");
    store->vault = vault;
    store->lock_fd = store->bell.fd = store->alive_fd = store->lives.own_fd = -1;
    store->transitions_kept_ms =
        options->transitions_kept_ms > 0 ? options->transitions_kept_ms : TRANSITIONS_KEPT_MS;
    store->secret_is_in_files = options->secret_is_in_files;
    store->jobs_kept_ms = options->jobs_kept_ms;
    assert(store->jobs_kept_ms == 0 || store->jobs_kept_ms >= RETENTION_LEAST_MS);
    store->usage_minutes_kept_ms = options->usage_minutes_kept_ms;
    atomic_store(&store->is_writable, true);
    locks_init(store);
    enum err err = store_start(store, options, error);
    if (err != OK) {
        store_close(store);
        return err;
    }
    *out_store = store;
    return OK;
}

static void db_close(struct store *store)
{
    chunks_close(&store->writer.chunks);
    usage_book_close(&store->writer.usage);
    sql_close(TAKE(store->writer.db));
}

static bool everything_is_drained(const struct store *store)
{
    for (int i = 0; i < store->journal_count; i++)
        if (store->series[i].committed < journal_written(store->journals[i]))
            return false;
    return true;
}

static void writer_stop(struct store *store)
{
    pthread_mutex_lock(&store->writer.lock);
    store->writer.is_stopping = true;
    pthread_mutex_unlock(&store->writer.lock);
    writer_wake(store);
    thread_join(store->thread);
}

/* Works that came too late are answered, and so is whoever comes later. */
static void works_refuse(struct store *store)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    writer->is_released = true;
    LIST_EACH_SAFE(node, &writer->works)
    {
        struct work *work = LIST_OWNER(node, struct work, node);
        list_unlink(&work->node);
        work->result = released(&work->error);
        work->is_done = true;
    }
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

void store_release(struct store *store)
{
    if (store->is_server)
        transition_log_end(store);
    store->is_releasing = true;
    writer_stop(store);
    works_refuse(store);
    /* The next one goes on with the WAL as it is: it must not wait for us to move it. */
    (void)sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    for (int i = 0; i < store->series_count; i++)
        series_close(&store->series[i]);
    db_close(store);
    fd_close(&store->lock_fd);
}

static void writer_go_on(struct store *store)
{
    pthread_mutex_lock(&store->writer.lock);
    store->writer.is_stopping = store->writer.is_released = false;
    store->is_releasing = false;
    pthread_mutex_unlock(&store->writer.lock);
    atomic_store(&store->is_urgent, true);
}

/* Every open job was in memory, but its place may have changed: they are read again, and none is of an earlier life for that. */
enum err store_take_back(struct store *store, struct error *error)
{
    struct writer *writer = &store->writer;
    enum err err = lock_dir(store, error);
    if (err == OK)
        err = db_open(store, 0, error);
    open_jobs_release(&writer->open_jobs);
    if (err == OK)
        err = writer_read_open(store, error);
    if (err == OK && store->is_server)
        err = transition_log_begin(store, error);
    if (err == OK) {
        writer_go_on(store);
        err = thread_start("writer", writer_run, store, &store->thread, error);
    }
    if (err == OK)
        return OK;
    works_refuse(store);
    db_close(store);
    fd_close(&store->lock_fd);
    atomic_store(&store->is_writable, false);
    return err;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    bool is_ours = store->is_started && !store->writer.is_released;
    if (is_ours && store->is_server)
        transition_log_end(store);
    if (is_ours)
        writer_stop(store);
    bool is_drained = is_ours && everything_is_drained(store);
    for (int i = 0; i < store->series_count; i++)
        series_close(&store->series[i]);
    for (int i = 0; i < store->journal_count; i++)
        journal_free(store->journals[i], is_drained);
    mem_free(store->series);
    mem_free(store->journals);
    mem_free(store->first_positions);
    mem_free(store->writer.drained);
    batch_free(store->writer.batch);
    open_jobs_release(&store->writer.open_jobs);
    readers_release(&store->readers);
    db_close(store); /* the last connection: moves the WAL into the file */
    pthread_mutex_destroy(&store->writer.lock);
    pthread_cond_destroy(&store->writer.changed);
    transitions_free(store->transitions);
    fd_close(&store->alive_fd);
    fd_close(&store->bell.fd);
    fd_close(&store->lock_fd);
    lives_end(store);
    mem_free(store);
}

struct journal *store_journal(struct store *store, int index)
{
    assert(index >= 0 && index < store->journal_count);
    return store->journals[index];
}

/* ---- waiting and watching ------------------------------------------------------------------------ */

static bool has_reached(const struct store *store, const uint64_t *wanted)
{
    bool is_starting =
        store->writer.phase == WRITER_REPLAY || store->writer.phase == WRITER_INTERRUPT;
    if (is_starting || transitions_wait(store->transitions))
        return false;
    for (int i = 0; i < store->journal_count; i++)
        if (store->writer.drained[i] < wanted[i])
            return false;
    return true;
}

enum err store_drain(struct store *store, int64_t timeout_ms)
{
    struct writer *writer = &store->writer;
    AUTO_FREE uint64_t *wanted = mem_zalloc((size_t)store->journal_count, sizeof *wanted);
    if (!wanted)
        return ERR_NO_MEMORY;
    if (store->is_releasing)
        return ERR_UNAVAILABLE;
    for (int i = 0; i < store->journal_count; i++)
        wanted[i] = journal_written(store->journals[i]);
    int64_t deadline_ns = clock_monotonic_ns() + timeout_ms * 1000000;
    struct timespec deadline = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    writer_wake(store);

    pthread_mutex_lock(&writer->lock);
    bool is_late = false;
    while (!has_reached(store, wanted) && writer->phase != WRITER_DEAD && !is_late)
        is_late = pthread_cond_timedwait(&writer->changed, &writer->lock, &deadline) == ETIMEDOUT;
    enum err err = has_reached(store, wanted)     ? OK
                   : writer->phase == WRITER_DEAD ? ERR_IO
                                                  : ERR_TIMEOUT;
    pthread_mutex_unlock(&writer->lock);
    return err;
}

bool store_is_writable(const struct store *store)
{
    return atomic_load_explicit(&store->is_writable, memory_order_relaxed);
}

bool store_disk(const struct store *store, int64_t *out_free_bytes, int64_t *out_total_bytes)
{
    struct statvfs disk;
    if (statvfs(store->data_dir, &disk) != 0)
        return false;
    *out_free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    *out_total_bytes = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
    return true;
}

void store_figures(const struct store *store, struct store_figures *out_figures)
{
    *out_figures = (struct store_figures){
        .rows_written = atomic_load(&store->figures.rows_written),
        .batches = atomic_load(&store->figures.batches),
        .write_errors = atomic_load(&store->figures.write_errors),
        .replayed = atomic_load(&store->figures.replayed),
        .interrupted = atomic_load(&store->figures.interrupted),
        .transitions_lost = transitions_lost(store->transitions),
    };
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&store->writer.lock;
    pthread_mutex_lock(lock);
    for (int i = 0; i < store->journal_count; i++) {
        uint64_t written = journal_written(store->journals[i]), drained = store->writer.drained[i];
        int64_t segments = (int64_t)(position_sequence(written) - position_sequence(drained));
        if (written > drained && drained > 0)
            out_figures->journal_bytes_waiting += segments * SEGMENT_BYTES +
                                                  position_offset(written) -
                                                  (int64_t)position_offset(drained);
    }
    pthread_mutex_unlock(lock);
}
