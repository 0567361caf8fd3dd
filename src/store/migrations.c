/* store/migrations.c: the steps, and whether a file may be touched at all.
 *
 * A step is never edited once released: append the next. PRAGMA user_version holds the number of the last
 * step applied, PRAGMA application_id says that the file is ours.
 */
#include "store/migrations.h"

#include "sys/fd.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* clang-format off */
/* Of step 005, and as frozen as it: minutes, hours and days have the same columns. */
#define SUMS_OF_USAGE \
    "  at INTEGER NOT NULL, grp INTEGER NOT NULL," \
    "  jobs INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL," \
    "  refused INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL," \
    "  cached_tokens INTEGER NOT NULL, wasted_input_tokens INTEGER NOT NULL," \
    "  wasted_output_tokens INTEGER NOT NULL, cost_microusd INTEGER NOT NULL," \
    "  wasted_microusd INTEGER NOT NULL, unknown_cost_jobs INTEGER NOT NULL," \
    "  estimated_jobs INTEGER NOT NULL, PRIMARY KEY (at, grp)" \
    ") STRICT, WITHOUT ROWID;"

static const char *const steps[] = {
    /* 001: the first release. Tables of jobs are made by chunks.c, one per row of `chunk`. */
    "CREATE TABLE setting ("
    "  name TEXT PRIMARY KEY, value ANY NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE provider ("
    "  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE,"
    "  kind TEXT NOT NULL, base_url TEXT NOT NULL, key_hint TEXT NOT NULL,"
    "  default_model TEXT NOT NULL, models_json TEXT NOT NULL, rules_json TEXT NOT NULL,"
    "  sealed_key BLOB,"
    "  connect_ms INTEGER NOT NULL, first_byte_ms INTEGER NOT NULL, plain_ms INTEGER NOT NULL,"
    "  idle_ms INTEGER NOT NULL, wait_ms INTEGER NOT NULL, max_concurrent INTEGER NOT NULL,"
    "  is_paused INTEGER NOT NULL, credential_version INTEGER NOT NULL,"
    "  created_at_ms INTEGER NOT NULL, created_seq INTEGER NOT NULL UNIQUE,"
    "  updated_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL,"
    "  error_code TEXT NOT NULL, error_text TEXT NOT NULL, models_at_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE api_key ("
    "  id TEXT PRIMARY KEY, name TEXT NOT NULL, hint TEXT NOT NULL, role TEXT NOT NULL,"
    "  team TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, created_at_ms INTEGER NOT NULL,"
    "  revoked_at_ms INTEGER NOT NULL, last_used_at_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE route ("
    "  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, steps_json TEXT NOT NULL,"
    "  created_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,"
    "  action TEXT NOT NULL, subject TEXT NOT NULL, before_json TEXT, after_json TEXT"
    ") STRICT;"

    /* How far the journal of each loop is in the tables: written with the rows themselves. */
    "CREATE TABLE journal_position ("
    "  loop INTEGER PRIMARY KEY, position INTEGER NOT NULL"
    ") STRICT;"

    /* One row per table jobs_<id>. The newest is the head; a sealed one has all its indexes. */
    "CREATE TABLE chunk ("
    "  id INTEGER PRIMARY KEY, row_count INTEGER NOT NULL,"
    "  min_at INTEGER NOT NULL, max_at INTEGER NOT NULL,"
    "  min_created_at_ms INTEGER NOT NULL, max_created_at_ms INTEGER NOT NULL,"
    "  indexes_done INTEGER NOT NULL"
    ") STRICT;",

    /* 002: what a provider really speaks; empty: what its kind usually does. */
    "ALTER TABLE provider ADD COLUMN dialects_json TEXT NOT NULL DEFAULT '';",

    /* 003: what workers of a provider register with. */
    "CREATE TABLE worker_key ("
    "  id TEXT PRIMARY KEY, provider_id TEXT NOT NULL, name TEXT NOT NULL, hint TEXT NOT NULL,"
    "  digest BLOB NOT NULL UNIQUE, created_at_ms INTEGER NOT NULL, revoked_at_ms INTEGER NOT NULL"
    ") STRICT;",

    /* 004: teams, who is in them, and what their keys may do. api_key.team is a team's id from here on. */
    "CREATE TABLE team ("
    "  id TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, policy_json TEXT NOT NULL,"
    "  created_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE team_member ("
    "  team_id TEXT NOT NULL, user_id TEXT NOT NULL, is_lead INTEGER NOT NULL,"
    "  PRIMARY KEY (team_id, user_id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX team_member_user ON team_member (user_id);"

    "CREATE TABLE service_account ("
    "  id TEXT PRIMARY KEY, team_id TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
    "  created_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (team_id, name)"
    ") STRICT;"

    "ALTER TABLE api_key ADD COLUMN user_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE api_key ADD COLUMN service_account_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE api_key ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE api_key ADD COLUMN models_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE api_key ADD COLUMN policy_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE api_key ADD COLUMN expires_at_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE api_key ADD COLUMN previous_digest BLOB;"
    "ALTER TABLE api_key ADD COLUMN previous_until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE api_key ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX api_key_previous ON api_key (previous_digest);"
    "ALTER TABLE provider ADD COLUMN teams_json TEXT NOT NULL DEFAULT '';",

    /* 005: what was used, summed up by minute, hour and day (usage_book.c). `at` is the number of the minute, hour or
     * day since 1970, `grp` a row of usage_group. A chunk knows how many fields it has. Prices of an admin's own. */
    "ALTER TABLE chunk ADD COLUMN field_count INTEGER NOT NULL DEFAULT 32;"
    "CREATE TABLE usage_group ("
    "  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, tier TEXT NOT NULL, model TEXT NOT NULL,"
    "  team TEXT NOT NULL, agent TEXT NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL,"
    "  source TEXT NOT NULL, provider_name TEXT NOT NULL, key_name TEXT NOT NULL,"
    "  UNIQUE (key, provider, model, user, team, agent, tier, source)"
    ") STRICT;"
    "CREATE TABLE usage_minute (" SUMS_OF_USAGE
    "CREATE TABLE usage_hour (" SUMS_OF_USAGE
    "CREATE TABLE usage_day (" SUMS_OF_USAGE
    "CREATE TABLE price_override ("
    "  id TEXT PRIMARY KEY, model TEXT NOT NULL, provider_id TEXT NOT NULL,"
    "  input INTEGER, output INTEGER, cached INTEGER, cache_write INTEGER, cache_write_1h INTEGER,"
    "  long_from_tokens INTEGER NOT NULL, long_input INTEGER, long_output INTEGER,"
    "  long_cached INTEGER, long_cache_write INTEGER, note TEXT NOT NULL,"
    "  updated_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (model, provider_id)"
    ") STRICT;",

    /* 006: people. An invitation that is used or over has no row. */
    "CREATE TABLE user ("
    "  id TEXT PRIMARY KEY, email TEXT NOT NULL COLLATE NOCASE UNIQUE, name TEXT NOT NULL,"
    "  role TEXT NOT NULL, password TEXT NOT NULL, created_at_ms INTEGER NOT NULL,"
    "  disabled_at_ms INTEGER NOT NULL, rev INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE session ("
    "  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL,"
    "  digest BLOB NOT NULL UNIQUE, created_at_ms INTEGER NOT NULL,"
    "  expires_at_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX session_user ON session (user_id);"

    "CREATE TABLE invitation ("
    "  id TEXT PRIMARY KEY, email TEXT NOT NULL, role TEXT NOT NULL, team_id TEXT NOT NULL,"
    "  created_by TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, is_lead INTEGER NOT NULL,"
    "  created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL"
    ") STRICT;",

    /* 007: events are a chain (event_chain.h), and are only ever added. Older ones have no mac. The triggers stop other
     * programs; our own connections run none (sql.c), and have no statement that they would stop. */
    "ALTER TABLE event ADD COLUMN mac BLOB;"
    "CREATE TRIGGER event_stays BEFORE UPDATE ON event"
    " BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;"
    "CREATE TRIGGER event_remains BEFORE DELETE ON event"
    " BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;",

    /* 008: changes of state of the server, of providers, workers and the configuration (transition_log.c). */
    "CREATE TABLE transition ("
    "  seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    "  owner TEXT NOT NULL, name TEXT NOT NULL, from_state TEXT NOT NULL,"
    "  to_state TEXT NOT NULL, reason TEXT NOT NULL, lost INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX transition_of ON transition (kind, id, seq);"
    "CREATE INDEX transition_at ON transition (at_ms);",

    /* 009: links to a new password. One that was used or revoked has no row. */
    "CREATE TABLE password_reset ("
    "  user_id TEXT PRIMARY KEY, created_by TEXT NOT NULL, digest BLOB NOT NULL UNIQUE,"
    "  created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL"
    ") STRICT;",
};
/* clang-format on */
#define STEP_COUNT ((int64_t)(sizeof steps / sizeof steps[0]))

#define HEADER_BYTES      100u
#define AT_PAGE_SIZE      16u
#define AT_CHANGE_COUNTER 24u
#define AT_PAGE_COUNT     28u
#define AT_USER_VERSION   60u
#define AT_APPLICATION_ID 68u
#define AT_VALID_FOR      92u
static const char fix[] = "restore a backup or choose another data directory; nothing was changed";

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static enum err version_check(int64_t application, int64_t version, const char *path,
                              struct error *error)
{
    if (application != STORE_APPLICATION_ID && (application != 0 || version != 0))
        return error_set(error, ERR_MALFORMED, "'%s' is a database of another program: %s", path,
                         fix);
    if (version < 0 || version > STEP_COUNT)
        return error_set(
            error, ERR_MALFORMED,
            "'%s' was written by a newer auxot (schema %lld, this program knows %lld): "
            "use that version; nothing was changed",
            path, (long long)version, (long long)STEP_COUNT);
    return OK;
}

/* Is there a file beside it, and something in it? */
static bool has_beside(const char *path, const char *suffix)
{
    char beside[PATH_MAX];
    struct stat info;
    int len = snprintf(beside, sizeof beside, "%s%s", path, suffix);
    return len > 0 && (size_t)len < sizeof beside && stat(beside, &info) == 0 && info.st_size > 0;
}

/* Shorter than its own header says. Behind a WAL that may be so: its pages come later. And behind a rollback
 * journal, which a first start leaves that had no room or was killed: SQLite undoes what it began. */
static bool is_truncated(const uint8_t *header, int64_t file_bytes, const char *path)
{
    int64_t page = (int64_t)header[AT_PAGE_SIZE] << 8 | header[AT_PAGE_SIZE + 1];
    if (page == 1)
        page = 65536;
    bool is_told = big_endian(header + AT_CHANGE_COUNTER) == big_endian(header + AT_VALID_FOR);
    bool may_be_short = has_beside(path, "-wal") || has_beside(path, "-journal");
    return is_told && !may_be_short && big_endian(header + AT_PAGE_COUNT) * page > file_bytes;
}

enum err migrations_precheck(const char *path, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return OK;
    struct stat info;
    uint8_t header[HEADER_BYTES];
    size_t len = 0;
    if (fd < 0 || fstat(fd, &info) != 0 || file_read_at(fd, header, sizeof header, 0, &len) != OK)
        return error_set(
            error, ERR_IO,
            "cannot read '%s' (%s); it must be owned by the user that runs auxot, with mode 0600",
            path, ERRNO_TEXT(errno));
    if (len == 0)
        return OK;
    if (len < sizeof header || memcmp(header, "SQLite format 3", 16) != 0)
        return error_set(error, ERR_MALFORMED, "'%s' is no database or is damaged: %s", path, fix);
    if (is_truncated(header, info.st_size, path))
        return error_set(error, ERR_MALFORMED, "'%s' is cut short: %s", path, fix);
    /* One page and no number: ours, from a first start that was killed. With tables: somebody's. */
    if (big_endian(header + AT_APPLICATION_ID) == 0 && big_endian(header + AT_PAGE_COUNT) > 1)
        return error_set(error, ERR_MALFORMED, "'%s' is a database of another program: %s", path,
                         fix);
    return version_check(big_endian(header + AT_APPLICATION_ID),
                         (int32_t)big_endian(header + AT_USER_VERSION), path, error);
}

enum err migrations_check(sqlite3 *db, struct error *error)
{
    int64_t application = 0, version = 0, tables = 0;
    enum err err = sql_number(db, "PRAGMA application_id", 0, &application, error);
    if (err == OK)
        err = sql_number(db, "PRAGMA user_version", 0, &version, error);
    if (err == OK)
        err = sql_number(db, "SELECT count(*) FROM sqlite_schema WHERE type='table'", 0, &tables,
                         error);
    if (err != OK)
        return err;
    if (version == 0 && tables > 0)
        return error_set(error, ERR_MALFORMED, "'%s' is a database of another program: %s",
                         sqlite3_db_filename(db, "main"), fix);
    return version_check(application, version, sqlite3_db_filename(db, "main"), error);
}

static enum err step_apply(sqlite3 *db, int64_t number, struct error *error)
{
    char mark[96]; /* pragmas take no parameters; both are numbers of ours */
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%lld;",
             STORE_APPLICATION_ID, (long long)number);
    enum err err = sql_begin(db, SQL_WRITER, error);
    if (err == OK)
        err = sql_run(db, steps[number - 1], error);
    if (err == OK)
        err = sql_run(db, mark, error);
    if (err == OK)
        err = sql_run(db, "COMMIT", error);
    if (err != OK)
        sql_roll_back(db);
    return err;
}

enum err migrations_apply(sqlite3 *db, struct error *error)
{
    int64_t version = 0;
    enum err err = sql_number(db, "PRAGMA user_version", 0, &version, error);
    for (int64_t next = version + 1; err == OK && next <= STEP_COUNT; next++)
        err = step_apply(db, next, error);
    return err;
}

static enum err table_look(sqlite3 *db, const char *check, bool *out_is_whole, struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, check, &statement, error);
    if (err == OK)
        err = sql_step(statement, &has_row, error);
    const char *verdict =
        err == OK && has_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    *out_is_whole = !verdict || strcmp(verdict, "ok") == 0;
    return err;
}

/* A check that memory failed in the middle of says "damaged", too: so it is asked twice before that is believed. */
static enum err table_verify(sqlite3 *db, const char *check, struct error *error)
{
    bool is_whole = false;
    enum err err = table_look(db, check, &is_whole, error);
    if (err == OK && !is_whole)
        err = table_look(db, check, &is_whole, error);
    if (err == OK && !is_whole)
        return error_set(error, ERR_MALFORMED, "'%s' is damaged: %s",
                         sqlite3_db_filename(db, "main"), fix);
    return err;
}

enum err migrations_verify(sqlite3 *db, struct error *error)
{
    static const char *const checks[] = {"PRAGMA quick_check('setting')",
                                         "PRAGMA quick_check('provider')",
                                         "PRAGMA quick_check('api_key')",
                                         "PRAGMA quick_check('worker_key')",
                                         "PRAGMA quick_check('route')",
                                         "PRAGMA quick_check('journal_position')",
                                         "PRAGMA quick_check('team')",
                                         "PRAGMA quick_check('team_member')",
                                         "PRAGMA quick_check('service_account')",
                                         "PRAGMA quick_check('user')",
                                         "PRAGMA quick_check('session')",
                                         "PRAGMA quick_check('invitation')",
                                         "PRAGMA quick_check('password_reset')"};
    enum err err = OK;
    for (size_t i = 0; err == OK && i < sizeof checks / sizeof checks[0]; i++)
        err = table_verify(db, checks[i], error);
    (void)sqlite3_db_release_memory(db); /* what was read just for this need not stay */
    return err;
}
