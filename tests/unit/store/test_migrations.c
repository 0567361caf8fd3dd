/* tests/unit/store/test_migrations.c: a start that is killed at any statement of the migrations is taken up by the next one,
 * itself killed or not, with the rows that were there; an older program leaves a newer file alone. F59.
 */
#include "tests/unit/store/store_fixture.h"

#include "store/migrations.h"
#include "sys/file.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "tests/test.h"

#define KILLED         77
#define STATEMENTS_MAX 2000
#define ROWS_FROM      1 /* the schema that has the table of keys */

static int steps, end_at; /* 0: to the end */

static int on_statement(unsigned kind, void *arg, void *statement, void *text)
{
    (void)kind, (void)arg, (void)statement, (void)text;
    if (++steps == end_at)
        _exit(KILLED); /* as kill -9: nothing is closed, nothing is rolled back by hand */
    return 0;
}

/* The migrations as a start runs them, in a process that ends at that statement. 0: they came to their end. */
static int migrate(const char *path, int at_step)
{
    pid_t child = fork();
    CHECK("fork", child >= 0);
    if (child == 0) {
        sqlite3 *db = NULL;
        struct error error = {0};
        end_at = at_step;
        if (sql_open(path, SQL_WRITER, &db, &error) != OK ||
            sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL) != SQLITE_OK)
            _exit(2);
        enum err err = migrations_check(db, &error);
        if (err == OK)
            err = migrations_apply(db, &error);
        if (err == OK)
            err = migrations_verify(db, &error);
        _exit(err == OK ? 0 : 1);
    }
    int status = 0;
    CHECK_INT("ended", waitpid(child, &status, 0), child);
    CHECK("by itself", WIFEXITED(status));
    return WEXITSTATUS(status);
}

static sqlite3 *db_of(const char *path)
{
    sqlite3 *db = NULL;
    CHECK_INT("open", sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t found = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return found;
}

/* A row of a program of then, once there is its table. */
static bool row_put(sqlite3 *db)
{
    static const char insert[] =
        "INSERT OR IGNORE INTO api_key (id, name, hint, role, team, digest, created_at_ms,"
        " revoked_at_ms, last_used_at_ms) VALUES ('key_01jz0000000000000000000000', 'then',"
        " 'auxk', 'member', '',"
        " x'0000000000000000000000000000000000000000000000000000000000000001', 5, 0, 0)";
    return sqlite3_exec(db, insert, NULL, NULL, NULL) == SQLITE_OK;
}

static void path_make(const struct fixture *fixture, char out_path[128])
{
    snprintf(out_path, 128, "%s/store.db", fixture->dir);
    int fd = open(out_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK("made", fd >= 0);
    close(fd);
}

static void killed_at_any_statement_the_next_start_goes_on(void **state)
{
    (void)state;
    int ended = KILLED, at_step = 1;
    int64_t newest = 0, seen = 0;
    for (; ended == KILLED && at_step < STATEMENTS_MAX; at_step++) {
        struct fixture fixture;
        char path[128], name[48];
        fixture_begin(&fixture);
        path_make(&fixture, path);
        snprintf(name, sizeof name, "killed at statement %d", at_step);
        ended = migrate(path, at_step);
        CHECK(name, ended == KILLED || ended == 0);
        sqlite3 *db = db_of(path);
        int64_t version = number(db, "PRAGMA user_version");
        bool has_row = version >= ROWS_FROM && row_put(db);
        sqlite3_close(db);
        CHECK(name, has_row == (version >= ROWS_FROM));
        seen |= INT64_C(1) << (version < 0 ? 62 : version);
        int again = migrate(path, at_step % 23 + 1); /* the one that goes on, too */
        CHECK(name, again == KILLED || again == 0);
        CHECK_INT(name, migrate(path, 0), 0);
        db = db_of(path);
        newest = number(db, "PRAGMA user_version");
        CHECK_INT(name, number(db, "SELECT count(*) FROM api_key WHERE name = 'then'"), has_row);
        CHECK_INT(
            name,
            number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
            1);
        sqlite3_close(db);
        fixture_end(&fixture);
    }
    CHECK_INT("it came to its end", ended, 0);
    CHECK_INT("a start went on from every version", seen, (INT64_C(1) << (newest + 1)) - 1);
}

static void an_older_program_leaves_a_newer_file_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct store *store = NULL;
    char mark[48], path[128], *before = NULL, *after = NULL;
    size_t before_len = 0, after_len = 0;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    fixture_close(&fixture);
    snprintf(path, sizeof path, "%s/store.db", fixture.dir);
    sqlite3 *db = db_of(path);
    snprintf(mark, sizeof mark, "PRAGMA user_version=%lld",
             (long long)number(db, "PRAGMA user_version") + 1);
    CHECK_INT("newer", sqlite3_exec(db, mark, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    CHECK_INT("read", file_read(path, 16u << 20, &before, &before_len, &error), OK);
    struct store_options options = {.data_dir = fixture.dir};
    CHECK_INT("refused", store_open(&options, fixture.vault, &store, &error), ERR_MALFORMED);
    CHECK("says so", strstr(error.text, "newer auxot") != NULL);
    CHECK_INT("read", file_read(path, 16u << 20, &after, &after_len, &error), OK);
    CHECK("not a byte is different",
          before_len == after_len && memcmp(before, after, before_len) == 0);
    mem_free(before);
    mem_free(after);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(killed_at_any_statement_the_next_start_goes_on),
          TEST(an_older_program_leaves_a_newer_file_alone))
