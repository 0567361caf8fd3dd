/* store/password_resets.c: links by which somebody chooses a new password. A user has one, the newest; one that was used or revoked
 * has no row, and none outlives the password that it was to replace.
 */
#include "store/store_parts.h"

#define RESET_COLUMNS "user_id, created_by, digest, created_at_ms, expires_at_ms"

static enum err reset_put(sqlite3 *db, void *arg, struct error *error)
{
    const struct password_reset_row *row = arg;
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(db,
                               "INSERT OR REPLACE INTO password_reset (" RESET_COLUMNS ") "
                               "VALUES (?1, ?2, ?3, ?4, ?5)",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(row->user_id));
    sql_bind_text(put, 2, str_of(row->created_by));
    (void)sqlite3_bind_blob(put, 3, row->digest, sizeof row->digest, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 4, row->created_at_ms);
    (void)sqlite3_bind_int64(put, 5, row->expires_at_ms);
    return sql_done(put, NULL, error);
}

static enum err reset_delete(sqlite3 *db, void *arg, struct error *error)
{
    return delete_by_id(db, "DELETE FROM password_reset WHERE user_id = ?1",
                        "open password reset of user", arg, error);
}

enum err store_password_reset_put(struct store *store, const struct password_reset_row *row,
                                  const struct event_row *event, struct error *error)
{
    struct work work = {
        .run = reset_put, .arg = (void *)(uintptr_t)row, .event = event, .keeps_version = true};
    return writer_submit(store, &work, error);
}

enum err store_password_reset_delete(struct store *store, const char *user_id,
                                     const struct event_row *event, struct error *error)
{
    struct work work = {.run = reset_delete,
                        .arg = (void *)(uintptr_t)user_id,
                        .event = event,
                        .keeps_version = true};
    return writer_submit(store, &work, error);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum err not_open(struct error *error)
{
    return error_set(error, ERR_NOT_FOUND,
                     "This link is not open: it was used, revoked, replaced or is over. Ask for a "
                     "new one.");
}

static enum err find(sqlite3 *db, const uint8_t digest[32], int64_t now_ms,
                     struct password_reset_row *out_row, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db,
                               "SELECT " RESET_COLUMNS " FROM password_reset "
                               "WHERE digest = ?1 AND expires_at_ms > ?2",
                               &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_blob(select, 1, digest, 32, SQLITE_STATIC);
    (void)sqlite3_bind_int64(select, 2, now_ms);
    err = sql_step(select, &has_row, error);
    if (err != OK || !has_row)
        return err != OK ? err : not_open(error);
    sql_copy(select, 0, out_row->user_id, sizeof out_row->user_id);
    sql_copy(select, 1, out_row->created_by, sizeof out_row->created_by);
    memcpy(out_row->digest, digest, sizeof out_row->digest);
    out_row->created_at_ms = sqlite3_column_int64(select, 3);
    out_row->expires_at_ms = sqlite3_column_int64(select, 4);
    return OK;
}

enum err store_password_reset_find(struct store *store, const uint8_t digest[32], int64_t now_ms,
                                   struct password_reset_row *out_row, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = find(db, digest, now_ms, out_row, error);
    reader_give(&store->readers, db);
    return err;
}

/* ---- use ----------------------------------------------------------------------------------------- */

struct use {
    const struct password_reset_row *row;
    const char *hash;
};

static enum err reset_spend(sqlite3 *db, const struct password_reset_row *row, struct error *error)
{
    AUTO_STMT sqlite3_stmt *spend = NULL;
    enum err err = sql_prepare(db, "DELETE FROM password_reset WHERE digest = ?1", &spend, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_blob(spend, 1, row->digest, sizeof row->digest, SQLITE_STATIC);
    err = sql_done(spend, NULL, error);
    return err == OK && sqlite3_changes(db) == 0 ? not_open(error) : err;
}

static enum err reset_use(sqlite3 *db, void *arg, struct error *error)
{
    const struct use *use = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = reset_spend(db, use->row, error);
    if (err == OK)
        err = sql_prepare(db, "UPDATE user SET password = ?2 WHERE id = ?1", &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(use->row->user_id));
    sql_bind_text(update, 2, str_of(use->hash));
    err = done_one(update, "user", use->row->user_id, error);
    return err == OK ? sessions_drop(db, use->row->user_id, error) : err;
}

enum err store_password_reset_use(struct store *store, const struct password_reset_row *row,
                                  const char *hash, const struct event_row *event,
                                  struct error *error)
{
    struct use use = {row, hash};
    struct work work = {.run = reset_use, .arg = &use, .event = event, .keeps_version = true};
    return writer_submit(store, &work, error);
}
