/* store/idempotency.c: see idempotency.h. No index: what was made within the window is a range of each chunk's key, read
 * once in a life.
 */
#include "store/idempotency.h"

#include "base/mem.h"
#include "store/store_parts.h"

static enum err each_in(sqlite3 *db, int64_t chunk, int64_t since_ms, store_on_idempotency *on_row,
                        void *arg, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_puts(&sql, "SELECT id, key_id, idempotency, status, created_at_ms, first_byte_ms, "
                   "duration_ms FROM ");
    buf_printf(&sql, "jobs_%lld", (long long)chunk); /* table name only */
    buf_puts(&sql, " WHERE at >= ?1 AND idempotency <> '' ORDER BY at");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_prepare(db, sql.data, &select, error);
    if (err == OK)
        (void)sqlite3_bind_int64(select, 1, job_at(since_ms));
    for (bool has_row = true; err == OK && has_row;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        struct idempotency_row row = {.status = (enum job_status)sqlite3_column_int(select, 3),
                                      .created_at_ms = sqlite3_column_int64(select, 4),
                                      .first_byte_ms = sqlite3_column_type(select, 5) == SQLITE_NULL
                                                           ? -1
                                                           : sqlite3_column_int64(select, 5),
                                      .duration_ms = sqlite3_column_type(select, 6) == SQLITE_NULL
                                                         ? -1
                                                         : sqlite3_column_int64(select, 6)};
        sql_copy(select, 0, row.job, sizeof row.job);
        sql_copy(select, 1, row.owner, sizeof row.owner);
        sql_copy(select, 2, row.text, sizeof row.text);
        if (strlen(row.text) == IDEMPOTENCY_TEXT_MAX - 1) /* as it was written, or not at all */
            on_row(arg, &row);
    }
    return err;
}

enum err store_idempotency_each(struct store *store, int64_t since_ms, store_on_idempotency *on_row,
                                void *arg, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    reader_lift_limit(); /* half of it would be a promise broken */
    AUTO_STMT sqlite3_stmt *each = NULL;
    err =
        sql_prepare(db, "SELECT id FROM chunk WHERE field_count > ?1 AND max_at >= ?2 ORDER BY id",
                    &each, error);
    if (err == OK) {
        (void)sqlite3_bind_int64(each, 1, JOB_FIELD_idempotency);
        (void)sqlite3_bind_int64(each, 2, job_at(since_ms));
    }
    for (bool has_chunk = true; err == OK && has_chunk;) {
        err = sql_step(each, &has_chunk, error);
        if (err == OK && has_chunk)
            err = each_in(db, sqlite3_column_int64(each, 0), since_ms, on_row, arg, error);
    }
    sqlite3_finalize(TAKE(each));
    reader_give(&store->readers, db);
    return err;
}
