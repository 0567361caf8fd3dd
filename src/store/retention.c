/* store/retention.c: see retention.h.
 *
 * A chunk that goes leaves the catalogue in one transaction: from then on no list and no search knows it. Its table, with
 * the indexes, goes in the next steps: index by index, then some thousand rows at a time (Debian's SQLite overwrites what it
 * frees, so that dropping a quarter of a million rows at once takes a second and a log of 90 MB). A table that no row of the
 * catalogue names is one whose end was cut off, and the next step goes on with it.
 */
#include "store/retention.h"

#include "base/log.h"

#define REMNANT_ROWS     4000
#define REMNANT_NAME_MAX 64

struct doomed {
    int64_t id, min_at, max_at;
    bool is_there;
};

/* ---- taking apart -------------------------------------------------------------------------------- */

/* The first rows of a table that nobody reads any more; none when it has no more than those. */
static enum err remnant_thin(struct chunks *chunks, struct str table, bool *out_did,
                             struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *thin = NULL;
    int deleted = 0;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_puts(&sql, "DELETE FROM ");
    buf_append_str(&sql, table);
    buf_puts(&sql, " WHERE at <= (SELECT at FROM ");
    buf_append_str(&sql, table);
    buf_puts(&sql, " ORDER BY at LIMIT 1 OFFSET ?1)");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_prepare(chunks->db, sql.data, &thin, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(thin, 1, REMNANT_ROWS - 1);
    err = sql_done(thin, &deleted, error);
    *out_did = err == OK && deleted > 0;
    return err;
}

/* An index or a table of a chunk that the catalogue does not know: `is_index` and its name; "": there is none. */
static enum err remnant_find(struct chunks *chunks, bool *out_is_index, char name[REMNANT_NAME_MAX],
                             struct error *error)
{
    /* Names of ours only: jobs_<number> and jobs_<number>_<column>. Indexes come first. */
    static const char find[] =
        "SELECT type, name FROM sqlite_schema WHERE type IN ('index', 'table') "
        "AND tbl_name GLOB 'jobs_[0-9]*' AND name GLOB 'jobs_[0-9]*' "
        "AND CAST(substr(tbl_name, 6) AS INTEGER) NOT IN (SELECT id FROM chunk) "
        "ORDER BY type LIMIT 1";
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(chunks->db, find, &select, error);
    if (err == OK)
        err = sql_step(select, &has_row, error);
    if (err != OK || !has_row)
        return err;
    *out_is_index = str_eq(sql_text(select, 0), STR("index"));
    sql_copy(select, 1, name, REMNANT_NAME_MAX);
    return OK;
}

static enum err remnant_drop(struct chunks *chunks, bool *out_did, struct error *error)
{
    AUTO_BUF struct buf sql;
    char name[REMNANT_NAME_MAX] = "";
    bool is_index = false;
    buf_init(&sql, SQL_TEXT_MAX);
    enum err err = remnant_find(chunks, &is_index, name, error);
    if (err != OK || !name[0])
        return err;
    if (!is_index)
        err = remnant_thin(chunks, str_of(name), out_did, error);
    if (err != OK || *out_did)
        return err;
    buf_puts(&sql, is_index ? "DROP INDEX " : "DROP TABLE ");
    buf_puts(&sql, name);
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for a statement");
    *out_did = true;
    return sql_run(chunks->db, sql.data, error);
}

static enum err has_open_rows(struct chunks *chunks, int64_t chunk, bool *out_has,
                              struct error *error)
{
    AUTO_BUF struct buf sql;
    int64_t found = 0;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_printf(&sql, "SELECT 1 FROM jobs_%lld", (long long)chunk); /* table name only */
    buf_puts(&sql, " WHERE status = 0 LIMIT 1");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_number(chunks->db, sql.data, 0, &found, error);
    *out_has = found == 1;
    return err;
}

/* Out of the catalogue. */
static enum err chunk_forget(struct chunks *chunks, int64_t chunk, struct error *error)
{
    AUTO_STMT sqlite3_stmt *forget = NULL;
    enum err err = sql_prepare(chunks->db, "DELETE FROM chunk WHERE id = ?1", &forget, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(forget, 1, chunk);
    err = sql_done(forget, NULL, error);
    if (err == OK) {
        chunks_statements_drop(chunks, chunk);
        chunks->may_have_remnants = true;
        log_info("jobs_dropped", "chunk=%lld", (long long)chunk);
    }
    return err;
}

/* ---- deleting rows ------------------------------------------------------------------------------- */

static enum err rows_delete(struct chunks *chunks, int64_t chunk, int64_t before_at,
                            int *out_deleted, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *drop = NULL;
    long long n = chunk;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_printf(&sql, "DELETE FROM jobs_%lld WHERE at IN", n); /* table name only */
    buf_printf(&sql, " (SELECT at FROM jobs_%lld", n);        /* table name only */
    buf_puts(&sql, " WHERE at < ?1 AND status <> 0 ORDER BY at LIMIT ?2)");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_prepare(chunks->db, sql.data, &drop, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(drop, 1, before_at);
    (void)sqlite3_bind_int64(drop, 2, RETENTION_ROWS);
    return sql_done(drop, out_deleted, error);
}

/* Where the chunk begins now: lists and this file skip what lies before. */
static enum err begin_move(struct chunks *chunks, const struct doomed *doomed, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *move = NULL;
    int64_t min_at = doomed->max_at;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_printf(&sql, "SELECT min(at) FROM jobs_%lld", (long long)doomed->id); /* table name only */
    enum err err = sql.failed ? ERR_NO_MEMORY
                              : sql_number(chunks->db, sql.data, doomed->max_at, &min_at, error);
    if (err == OK)
        err = sql_prepare(chunks->db,
                          "UPDATE chunk SET min_at = ?2, min_created_at_ms = ?3 WHERE id = ?1",
                          &move, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(move, 1, doomed->id);
    (void)sqlite3_bind_int64(move, 2, min_at);
    (void)sqlite3_bind_int64(move, 3, min_at >> AT_NUMBER_BITS);
    if (doomed->id == chunks->head.id)
        chunks->head.min_at = min_at;
    return sql_done(move, NULL, error);
}

/* ---- a step -------------------------------------------------------------------------------------- */

static enum err oldest_find(struct chunks *chunks, int64_t before_at, struct doomed *out_doomed,
                            struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(chunks->db,
                               "SELECT id, min_at, max_at FROM chunk WHERE row_count > 0 AND "
                               "min_at < ?1 ORDER BY id LIMIT 1",
                               &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, before_at);
    err = sql_step(select, &out_doomed->is_there, error);
    if (err != OK || !out_doomed->is_there)
        return err;
    out_doomed->id = sqlite3_column_int64(select, 0);
    out_doomed->min_at = sqlite3_column_int64(select, 1);
    out_doomed->max_at = sqlite3_column_int64(select, 2);
    return OK;
}

static enum err step_in(struct chunks *chunks, int64_t before_ms, bool *out_did,
                        struct error *error)
{
    struct doomed doomed = {0};
    bool has_open = true;
    int deleted = 0;
    int64_t before_at = job_at(before_ms), late_at = job_at(before_ms - RETENTION_GRACE_MS);
    if (chunks->may_have_remnants) {
        enum err err = remnant_drop(chunks, out_did, error);
        if (err != OK || *out_did)
            return err;
        chunks->may_have_remnants = false;
    }
    enum err err = oldest_find(chunks, before_at, &doomed, error);
    if (err != OK || !doomed.is_there)
        return err;
    if (doomed.id < chunks->head.id && doomed.max_at < before_at) {
        err = has_open_rows(chunks, doomed.id, &has_open, error);
        *out_did = err == OK && !has_open;
        return *out_did ? chunk_forget(chunks, doomed.id, error) : err;
    }
    if (doomed.min_at >= late_at)
        return OK;
    err = rows_delete(chunks, doomed.id, before_at, &deleted, error);
    *out_did = err == OK && deleted > 0;
    return err == OK ? begin_move(chunks, &doomed, error) : err;
}

enum err retention_step(struct chunks *chunks, int64_t before_ms, bool *out_did,
                        struct error *error)
{
    *out_did = false;
    bool did = false;
    enum err err = sql_begin(chunks->db, SQL_WRITER, error);
    if (err == OK)
        err = step_in(chunks, before_ms, &did, error);
    if (err == OK)
        err = sql_run(chunks->db, "COMMIT", error);
    if (err != OK) {
        sql_roll_back(chunks->db);
        chunks_on_rollback(chunks);
        return err;
    }
    chunks_on_commit(chunks);
    *out_did = did;
    return OK;
}
