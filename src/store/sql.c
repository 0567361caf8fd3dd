/* store/sql.c: how connections are set up, and what each of SQLite's results means to us.
 *
 * One connection writes and checkpoints; readers neither checkpoint by themselves nor when they
 * close. That takes away the precondition of the WAL-reset race of SQLite before 3.51.3
 * (RELIABILITY.md 5).
 */
#include "store/sql.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define LOOKASIDE_SLOT_BYTES 256
#define LOOKASIDE_SLOTS      100
#define VALUE_MAX_BYTES      (16 * 1024 * 1024)
#define SQL_MAX_BYTES        (64 * 1024)
#define BUSY_WRITER_MS       5000
#define BUSY_READER_MS       1000

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Each connection is used by one thread at a time, so the library's locks would only cost. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, LOOKASIDE_SLOT_BYTES, LOOKASIDE_SLOTS);
}

static void set_limits(sqlite3 *db)
{
    /* clang-format off */
    static const struct { int which, value; } limits[] = {
        {SQLITE_LIMIT_LENGTH,              VALUE_MAX_BYTES},
        {SQLITE_LIMIT_SQL_LENGTH,          SQL_MAX_BYTES},
        {SQLITE_LIMIT_COLUMN,              100},
        {SQLITE_LIMIT_EXPR_DEPTH,          50},
        {SQLITE_LIMIT_COMPOUND_SELECT,     4},
        {SQLITE_LIMIT_FUNCTION_ARG,        8},
        {SQLITE_LIMIT_ATTACHED,            0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
        {SQLITE_LIMIT_VARIABLE_NUMBER,     100},
        {SQLITE_LIMIT_TRIGGER_DEPTH,       1},
        {SQLITE_LIMIT_WORKER_THREADS,      0},
    };
    static const struct { int which, value; } switches[] = {
        {SQLITE_DBCONFIG_DEFENSIVE,      1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DDL,        0},
        {SQLITE_DBCONFIG_DQS_DML,        0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW,    0},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        (void)sqlite3_limit(db, limits[i].which, limits[i].value);
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        (void)sqlite3_db_config(db, switches[i].which, switches[i].value, NULL);
}

static const char pragmas_of_all[] = "PRAGMA foreign_keys=ON;"
                                     "PRAGMA cell_size_check=ON;"
                                     "PRAGMA trusted_schema=OFF;"
                                     "PRAGMA temp_store=MEMORY;";
static const char pragmas_of_writer[] = "PRAGMA journal_mode=WAL;"
                                        "PRAGMA synchronous=FULL;"
                                        "PRAGMA wal_autocheckpoint=1000;"
                                        "PRAGMA journal_size_limit=16777216;"
                                        "PRAGMA cache_size=-2048;";
static const char pragmas_of_reader[] = "PRAGMA wal_autocheckpoint=0;"
                                        "PRAGMA query_only=ON;"
                                        "PRAGMA cache_size=-512;";

enum err sql_open(const char *path, enum sql_role role, sqlite3 **out_db, struct error *error)
{
    pthread_once(&once, configure_library);
    sqlite3 *db = NULL;
    /* Not NOFOLLOW: it refuses links anywhere in the path, and a data directory may lie behind one. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        enum err err = db ? sql_error(db, "open the database", error)
                          : error_set(error, ERR_NO_MEMORY, "no memory for the database");
        sqlite3_close(db);
        return err;
    }
    set_limits(db);
    (void)sqlite3_busy_timeout(db, role == SQL_WRITER ? BUSY_WRITER_MS : BUSY_READER_MS);
    if (role == SQL_READER)
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    enum err err = sql_run(db, pragmas_of_all, error);
    if (err == OK)
        err = sql_run(db, role == SQL_WRITER ? pragmas_of_writer : pragmas_of_reader, error);
    if (err != OK) {
        sql_close(db);
        return err;
    }
    *out_db = db;
    return OK;
}

void sql_close(sqlite3 *db)
{
    int result = sqlite3_close(db); /* NULL is fine */
    assert(result == SQLITE_OK);    /* else a statement was left open */
}

enum err sql_run(sqlite3 *db, const char *text, struct error *error)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK)
        return OK;
    return sql_error(db, "write", error);
}

enum err sql_begin(sqlite3 *db, enum sql_role role, struct error *error)
{
    sql_roll_back(db);
    return sql_run(db, role == SQL_WRITER ? "BEGIN IMMEDIATE" : "BEGIN", error);
}

void sql_roll_back(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

enum err sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **out_statement,
                     struct error *error)
{
    if (sqlite3_prepare_v2(db, text, -1, out_statement, NULL) == SQLITE_OK)
        return OK;
    return sql_error(db, "prepare a statement", error);
}

enum err sql_step(sqlite3_stmt *statement, bool *out_has_row, struct error *error)
{
    int result = sqlite3_step(statement);
    *out_has_row = result == SQLITE_ROW;
    if (result == SQLITE_ROW)
        return OK;
    enum err err = OK;
    if (result != SQLITE_DONE)
        err = sql_error(sqlite3_db_handle(statement), "read", error);
    (void)sqlite3_reset(statement);
    return err;
}

enum err sql_done(sqlite3_stmt *statement, int *out_changes, struct error *error)
{
    sqlite3 *db = sqlite3_db_handle(statement);
    int result = sqlite3_step(statement);
    enum err err = OK;
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        err = sql_error(db, "write", error);
    else if (out_changes)
        *out_changes = sqlite3_changes(db);
    (void)sqlite3_reset(statement);
    return err;
}

enum err sql_number(sqlite3 *db, const char *text, int64_t otherwise, int64_t *out_number,
                    struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, text, &statement, error);
    if (err == OK)
        err = sql_step(statement, &has_row, error);
    if (err != OK)
        return err;
    bool is_there = has_row && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    *out_number = is_there ? sqlite3_column_int64(statement, 0) : otherwise;
    return OK;
}

/* Out of memory while binding shows as a failure of the step, so the result is not looked at. */
void sql_bind_text(sqlite3_stmt *statement, int at, struct str text)
{
    (void)sqlite3_bind_text(statement, at, text.at ? text.at : "", (int)text.len, SQLITE_STATIC);
}

struct str sql_text(sqlite3_stmt *statement, int column)
{
    const char *at = (const char *)sqlite3_column_text(statement, column);
    return at ? (struct str){at, (size_t)sqlite3_column_bytes(statement, column)}
              : (struct str){"", 0};
}

struct str sql_blob(sqlite3_stmt *statement, int column)
{
    const char *at = sqlite3_column_blob(statement, column);
    return at ? (struct str){at, (size_t)sqlite3_column_bytes(statement, column)}
              : (struct str){"", 0};
}

void sql_copy(sqlite3_stmt *statement, int column, char *room, size_t room_bytes)
{
    str_copy(sql_text(statement, column), room, room_bytes);
}

/* ---- what a failure means ------------------------------------------------------------------------ */

/* clang-format off */
static const struct meaning {
    int         code;     /* primary, or extended when above 255 */
    enum err    err;
    bool        is_fatal;
    const char *advice;
} meanings[] = {
    {SQLITE_FULL,              ERR_UNAVAILABLE, false, "the disk is full: free some space"},
    {SQLITE_NOMEM,             ERR_NO_MEMORY,   false, "there is no memory"},
    {SQLITE_IOERR_NOMEM,       ERR_NO_MEMORY,   false, "there is no memory"},
    {SQLITE_BUSY,              ERR_UNAVAILABLE, false, "another process holds the database: close it"},
    {SQLITE_LOCKED,            ERR_UNAVAILABLE, false, "the database is locked"},
    {SQLITE_INTERRUPT,         ERR_TIMEOUT,     false, "it took longer than 2 s: narrow the filter or the time"},
    {SQLITE_CONSTRAINT_UNIQUE, ERR_CONFLICT,    false, "it exists already"},
    {SQLITE_IOERR_FSYNC,       ERR_IO,          true,  "the disk lost a write: check the disk, then start again"},
    {SQLITE_IOERR_DIR_FSYNC,   ERR_IO,          true,  "the disk lost a write: check the disk, then start again"},
    {SQLITE_IOERR_CORRUPTFS,   ERR_MALFORMED,   true,  "the file system is damaged"},
    {SQLITE_CORRUPT,           ERR_MALFORMED,   true,  "the database is damaged: stop and restore a backup"},
    {SQLITE_NOTADB,            ERR_MALFORMED,   true,  "the file is no database: stop and restore a backup"},
    {SQLITE_READONLY,          ERR_IO,          false, "the database is read-only: check its owner and mode"},
    {SQLITE_CANTOPEN,          ERR_IO,          false, "the database cannot be opened: check its owner and mode"},
    {SQLITE_TOOBIG,            ERR_TOO_LARGE,   false, "it is too large"},
};
/* clang-format on */

static const struct meaning *meaning_of(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].code == (code & 0xff))
            return &meanings[i];
    return NULL;
}

enum err sql_error(sqlite3 *db, const char *what, struct error *error)
{
    const struct meaning *meaning = meaning_of(db);
    if (meaning)
        return error_set(error, meaning->err, "cannot %s: %s (%s)", what, meaning->advice,
                         sqlite3_errmsg(db));
    return error_set(error, ERR_IO, "cannot %s: %s", what, sqlite3_errmsg(db));
}

bool sql_is_fatal(sqlite3 *db)
{
    const struct meaning *meaning = meaning_of(db);
    return meaning && meaning->is_fatal;
}
