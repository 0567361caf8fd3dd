/* tests/unit/store/test_recovery.c: what a journal accepted is in the tables once, whatever happened. */
#include "tests/unit/store/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "store/segment.h"
#include "store/sql.h"

#include "tests/test.h"

static void append(struct journal *journal, enum record_kind kind, const struct job_record *job)
{
    struct error error = {0};
    enum err err = journal_append(journal, kind, true, job, &error);
    if (err != OK) {
        fprintf(stderr, "append: %s\n", error.text);
        abort();
    }
}

static void db_path(const struct fixture *fixture, char room[128])
{
    snprintf(room, 128, "%s/store.db", fixture->dir);
}

/* A number out of the closed store. */
static int64_t ask(const struct fixture *fixture, const char *sql)
{
    char path[128];
    struct error error = {0};
    sqlite3 *db = NULL;
    int64_t number = -1;
    db_path(fixture, path);
    CHECK_INT("open", sql_open(path, SQL_READER, &db, &error), OK);
    enum err err = sql_number(db, sql, -1, &number, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    sql_close(db);
    return number;
}

static void recover(struct fixture *fixture, int journals)
{
    fixture_open(fixture, journals, 0);
    CHECK_INT("drain", store_drain(fixture->store, 20000), OK);
}

/* ---- killed --------------------------------------------------------------------------------------- */

struct told {
    char id[ID_MAX];
    enum record_kind kind;
};

/* Appends for ever and tells, after each accepted append, what was accepted. */
static void append_until_killed(struct fixture *fixture, int pipe_end)
{
    struct job_record jobs[64];
    fixture_open(fixture, 2, 200);
    for (int i = 0;; i++) {
        int loop = i % 2, slot = i % 64;
        struct journal *journal = store_journal(fixture->store, loop);
        struct told told = {.kind = RECORD_OPEN};
        if (i >= 64) {
            fixture_job_close(&jobs[slot]);
            append(journal, RECORD_CLOSE, &jobs[slot]);
            str_copy(str_of(jobs[slot].id), told.id, ID_MAX);
            told.kind = RECORD_CLOSE;
            if (write(pipe_end, &told, sizeof told) != (ssize_t)sizeof told)
                _exit(1);
        }
        fixture_job(&jobs[slot], FIXTURE_TIME + i / 10, i);
        append(journal, RECORD_OPEN, &jobs[slot]);
        str_copy(str_of(jobs[slot].id), told.id, ID_MAX);
        told.kind = RECORD_OPEN;
        if (write(pipe_end, &told, sizeof told) != (ssize_t)sizeof told)
            _exit(1);
    }
}

static void check_told(struct fixture *fixture, const struct told *told, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct job_record job;
        struct error error = {0};
        enum err err = store_job(fixture->store, told[i].id, &job, &error);
        CHECK_STR(error.text, err_name(err), "OK");
        if (told[i].kind == RECORD_CLOSE)
            CHECK_INT("what was closed stays closed", job.status, JOB_DONE);
        else
            CHECK("nothing stays open", job.status == JOB_DONE || job.status == JOB_INTERRUPTED);
        if (job.status == JOB_INTERRUPTED) {
            CHECK_STR("reason", job.reason, "interrupted");
            CHECK_STR("its attempt", job.attempt[0].outcome, "interrupted");
        }
    }
}

static void killed_at_any_moment_nothing_accepted_is_lost_or_doubled(void **state)
{
    (void)state;
    enum { ROUNDS = 8, TOLD_MAX = 200000 };
    struct told *told = calloc(TOLD_MAX, sizeof *told);
    struct fixture fixture;
    fixture_begin(&fixture);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        size_t bytes = 0;
        CHECK_INT("pipe", pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            append_until_killed(&fixture, ends[1]);
        }
        close(ends[1]);
        size_t enough = (size_t)(500 + round * 900) * sizeof *told;
        for (bool is_killed = false;;) {
            ssize_t n = read(ends[0], (char *)told + bytes, TOLD_MAX * sizeof *told - bytes);
            if (n <= 0)
                break;
            bytes += (size_t)n;
            if (bytes > enough && !is_killed) {
                kill(child, SIGKILL);
                is_killed = true;
            }
        }
        close(ends[0]);
        waitpid(child, NULL, 0);
        CHECK("it got somewhere", bytes / sizeof *told >= 500);

        recover(&fixture, 1); /* with fewer loops than before */
        check_told(&fixture, told, bytes / sizeof *told);
        fixture_close(&fixture);
        CHECK_INT("no open row", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 0"), 0);
    }
    AUTO_BUF struct buf sql;
    buf_init(&sql, 10000);
    int64_t chunks = ask(&fixture, "SELECT max(id) FROM chunk");
    buf_puts(&sql, "SELECT count(*) - count(DISTINCT id) FROM (SELECT id FROM jobs_1");
    for (int64_t n = 2; n <= chunks && n <= 3; n++)
        buf_printf(&sql, " UNION ALL SELECT id FROM jobs_%lld", (long long)n);
    buf_puts(&sql, ")");
    CHECK_INT("no job twice", ask(&fixture, sql.data), 0);
    CHECK_INT("integrity",
              ask(&fixture, "SELECT count(*) FROM pragma_integrity_check "
                            "WHERE integrity_check <> 'ok'"),
              0);
    free(told);
    fixture_end(&fixture);
}

/* ---- leftovers -------------------------------------------------------------------------------------- */

/* A life that appends `count` jobs (every second one closed) and dies before anything is drained. */
static void live_and_die(struct fixture *fixture, int count)
{
    pid_t child = fork();
    if (child == 0) {
        fixture_open(fixture, 1, 0);
        struct journal *journal = store_journal(fixture->store, 0);
        if (store_drain(fixture->store, 5000) != OK)
            _exit(1);
        for (int i = 0; i < count; i++) {
            struct job_record job;
            fixture_job(&job, FIXTURE_TIME + i, i);
            append(journal, RECORD_OPEN, &job);
            if (i % 2 == 0)
                continue;
            fixture_job_close(&job);
            append(journal, RECORD_CLOSE, &job);
        }
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_INT("it lived", status, 0);
}

static bool on_path_of_first_segment(const struct fixture *fixture, char room[256])
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s/journal", fixture->dir);
    DIR *directory = opendir(dir);
    long best = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        long sequence =
            strncmp(entry->d_name, "0-", 2) == 0 ? strtol(entry->d_name + 2, NULL, 10) : 0;
        if (sequence > 0 && (best == 0 || sequence < best))
            best = sequence;
    }
    if (directory)
        closedir(directory);
    snprintf(room, 256, "%s/0-%ld.seg", dir, best);
    return best > 0;
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[SEGMENT_BYTES];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n = read(in, bytes, sizeof bytes);
    CHECK("copied", n > 0 && write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

static void a_journal_that_is_replayed_twice_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    char segment[256], copy[64] = "/tmp/auxot-segment-copy";
    fixture_begin(&fixture);
    live_and_die(&fixture, 100);
    CHECK("there is a segment", on_path_of_first_segment(&fixture, segment));
    copy_file(segment, copy);
    recover(&fixture, 1);
    fixture_close(&fixture);
    CHECK_INT("all", ask(&fixture, "SELECT count(*) FROM jobs_1"), 100);
    CHECK_INT("interrupted", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 4"), 50);

    copy_file(copy, segment); /* somebody puts it back */
    recover(&fixture, 1);
    fixture_close(&fixture);
    CHECK_INT("still all", ask(&fixture, "SELECT count(*) FROM jobs_1"), 100);
    CHECK_INT("still closed", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 1"), 50);

    char path[128]; /* and even without its position */
    sqlite3 *db = NULL;
    db_path(&fixture, path);
    CHECK_INT("open", sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT("forget", sqlite3_exec(db, "DELETE FROM journal_position", NULL, NULL, NULL),
              SQLITE_OK);
    sqlite3_close(db);
    copy_file(copy, segment);
    recover(&fixture, 1);
    fixture_close(&fixture);
    CHECK_INT("no doubles", ask(&fixture, "SELECT count(*) FROM jobs_1"), 100);
    CHECK_INT("a close is final", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 1"),
              50);
    unlink(copy);
    fixture_end(&fixture);
}

static void damage_costs_the_damaged_record_only(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        off_t at; /* where the segment is damaged */
        size_t len;
        int64_t least; /* jobs that are still there */
    } stories[] = {
        {"a flipped byte in the first record", 100, 1, 99},
        {"a hole of a page", 4096, 4096, 80},
        {"a damaged tail", 20000, 50, 99},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct fixture fixture;
        char segment[256], zeroes[4096] = {0};
        fixture_begin(&fixture);
        live_and_die(&fixture, 100);
        CHECK("there is a segment", on_path_of_first_segment(&fixture, segment));
        int fd = open(segment, O_RDWR);
        CHECK("damage",
              pwrite(fd, zeroes, stories[i].len, stories[i].at) == (ssize_t)stories[i].len);
        close(fd);
        recover(&fixture, 1);
        fixture_close(&fixture);
        int64_t count = ask(&fixture, "SELECT count(*) FROM jobs_1");
        CHECK(stories[i].name, count >= stories[i].least && count <= 100);
        fixture_end(&fixture);
    }
}

static void the_next_life_continues_after_leftovers(void **state)
{
    (void)state;
    struct fixture fixture;
    struct job_record job, got;
    struct error error = {0};
    fixture_begin(&fixture);
    for (int life = 0; life < 3; life++)
        live_and_die(&fixture, 20);
    fixture_open(&fixture, 1, 0);
    fixture_job(&job, FIXTURE_TIME + 777, 777); /* before the replay is through */
    append(store_journal(fixture.store, 0), RECORD_OPEN, &job);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    CHECK_INT("found", store_job(fixture.store, job.id, &got, &error), OK);
    CHECK_INT("a job of this life stays open", got.status, JOB_OPEN);
    fixture_job_close(&job);
    append(store_journal(fixture.store, 0), RECORD_CLOSE, &job);
    fixture_close(&fixture);
    CHECK_INT("all", ask(&fixture, "SELECT count(*) FROM jobs_1"), 61);
    CHECK_INT("interrupted", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 4"), 30);
    CHECK_INT("done", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 1"), 31);
    char dir[128];
    snprintf(dir, sizeof dir, "%s/journal", fixture.dir);
    CHECK_INT("no segment is left", rmdir(dir), 0);
    fixture_end(&fixture);
}

static void many_segments_rotate_and_drain(void **state)
{
    (void)state;
    enum { JOBS = 30000 }; /* about 15 MiB of records */
    struct fixture fixture;
    struct job_record job;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    for (int i = 0; i < JOBS; i++) {
        fixture_job(&job, FIXTURE_TIME + i / 20, i);
        append(store_journal(fixture.store, 0), RECORD_OPEN, &job);
        fixture_job_close(&job);
        append(store_journal(fixture.store, 0), RECORD_CLOSE, &job);
    }
    CHECK_INT("drain", store_drain(fixture.store, 60000), OK);
    struct store_figures figures;
    store_figures(fixture.store, &figures);
    CHECK_INT("nothing waits", figures.journal_bytes_waiting, 0);
    fixture_close(&fixture);
    CHECK_INT("all", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 1"), JOBS);
    fixture_end(&fixture);
}

/* ---- a damaged disk ------------------------------------------------------------------------------ */

static void a_database_damaged_under_us_stops_the_writing_for_good(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct store_config config;
    struct job_record job;
    struct stat info;
    char path[128];
    fixture_begin(&fixture);
    recover(&fixture, 1);
    fixture_close(&fixture);
    fixture_open(&fixture, 1, 0);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    struct journal *journal = store_journal(fixture.store, 0);
    fixture_job(&job, FIXTURE_TIME, 1);
    append(journal, RECORD_OPEN, &job);

    db_path(&fixture, path);
    CHECK("size", stat(path, &info) == 0);
    AUTO_FREE char *garbage = mem_alloc((size_t)info.st_size);
    memset(garbage, 0xff, (size_t)info.st_size);
    int fd = open(path, O_RDWR);
    CHECK("damage", pwrite(fd, garbage, (size_t)info.st_size - 4096, 4096) > 0);
    close(fd);

    struct key_row key = {.id = "key_1", .name = "k", .role = "admin"};
    enum err err = store_key_insert(fixture.store, &key, NULL, &error);
    CHECK("a write finds it, or the record did before it", err == ERR_MALFORMED || err == ERR_IO);
    CHECK("says what to do", strstr(error.text, "backup") != NULL);
    CHECK("not writable", !store_is_writable(fixture.store));
    CHECK_INT("for good", store_key_insert(fixture.store, &key, NULL, &error), ERR_IO);
    CHECK("says why", strstr(error.text, "stopped writing") != NULL);
    CHECK_INT("reading is refused too", store_config_load(fixture.store, &config, &error),
              ERR_MALFORMED);
    fixture_job_close(&job);
    append(journal, RECORD_CLOSE, &job); /* the journal still takes what was promised */
    CHECK("nobody waits for it", store_drain(fixture.store, 5000) != ERR_TIMEOUT);
    fixture_end(&fixture);
}

/* ---- a full disk ------------------------------------------------------------------------------------ */

static void fill_disk(const char *dir)
{
    char path[128];
    static char block[65536];
    snprintf(path, sizeof path, "%s/filler", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    size_t len = sizeof block;
    while (len > 0)
        if (write(fd, block, len) <= 0)
            len /= 2;
    close(fd);
}

static void empty_disk(const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/filler", dir);
    unlink(path);
}

static void a_full_disk_refuses_opens_and_never_closes(void **state)
{
    (void)state;
    enum { OPEN_MAX_JOBS = 20000 };
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    if (mount("none", fixture.dir, "tmpfs", 0, "size=24m,mode=0700") != 0) {
        print_message("no mount here (%s): not run\n", strerrorname_np(errno));
        fixture_end(&fixture);
        return;
    }
    struct job_record *jobs = calloc(OPEN_MAX_JOBS, sizeof *jobs);
    fixture_open(&fixture, 1, 0);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    struct journal *journal = store_journal(fixture.store, 0);
    fixture_job(&jobs[0], FIXTURE_TIME, 0);
    append(journal, RECORD_OPEN, &jobs[0]);
    fill_disk(fixture.dir);
    int opened = 1;
    enum err err = OK;
    for (; opened < OPEN_MAX_JOBS; opened++) {
        fixture_job(&jobs[opened], FIXTURE_TIME + opened, opened);
        err = journal_append(journal, RECORD_OPEN, true, &jobs[opened], &error);
        if (err != OK)
            break;
    }
    CHECK_INT("an open is refused", err, ERR_UNAVAILABLE);
    CHECK("says what to do", strstr(error.text, "space") != NULL);
    for (int i = 0; i < opened; i++) {
        fixture_job_close(&jobs[i]);
        append(journal, RECORD_CLOSE, &jobs[i]); /* aborts the test when refused */
    }
    struct key_row key = {.id = "key_1", .name = "k", .role = "admin"};
    for (int i = 0; i < 1000 && store_is_writable(fixture.store); i++)
        usleep(5000);
    CHECK("it says so", !store_is_writable(fixture.store));
    CHECK_INT("a configuration write too", store_key_insert(fixture.store, &key, NULL, &error),
              ERR_UNAVAILABLE);
    empty_disk(fixture.dir);
    CHECK_INT("space again", store_drain(fixture.store, 20000), OK);
    CHECK("writable again", store_is_writable(fixture.store));
    CHECK_INT("and configuration", store_key_insert(fixture.store, &key, NULL, &error), OK);
    fixture_close(&fixture);
    CHECK_INT("every close is there", ask(&fixture, "SELECT count(*) FROM jobs_1 WHERE status = 1"),
              opened);
    CHECK_INT("integrity",
              ask(&fixture, "SELECT count(*) FROM pragma_integrity_check "
                            "WHERE integrity_check <> 'ok'"),
              0);
    umount2(fixture.dir, MNT_DETACH);
    free(jobs);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(killed_at_any_moment_nothing_accepted_is_lost_or_doubled),
          TEST(a_journal_that_is_replayed_twice_changes_nothing),
          TEST(damage_costs_the_damaged_record_only), TEST(the_next_life_continues_after_leftovers),
          TEST(many_segments_rotate_and_drain),
          TEST(a_database_damaged_under_us_stops_the_writing_for_good),
          TEST(a_full_disk_refuses_opens_and_never_closes))
