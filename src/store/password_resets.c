/* store/password_resets.c: links by which somebody chooses a new password. A user has one, the newest; one that was used or revoked
 * has no row, and none outlives the password that it was to replace.
 */
#include "store/store_parts.h"

#define RESET_COLUMNS "user_id, created_by, digest, created_at_ms, expires_at_ms"
#define NOT_OPEN \
    "This link is not open: it was used, revoked, replaced or is over. Ask for a new one."

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

static void reset_read(sqlite3_stmt *statement, void *out_row)
{
    struct password_reset_row *row = out_row;
    sql_copy(statement, 0, row->user_id, sizeof row->user_id);
    sql_copy(statement, 1, row->created_by, sizeof row->created_by);
    token_digest_read(statement, 2, row->digest);
    row->created_at_ms = sqlite3_column_int64(statement, 3);
    row->expires_at_ms = sqlite3_column_int64(statement, 4);
}

enum err store_password_reset_find(struct store *store, const uint8_t digest[32], int64_t now_ms,
                                   struct password_reset_row *out_row, struct error *error)
{
    static const struct token_search open = {.select =
                                                 "SELECT " RESET_COLUMNS " FROM password_reset "
                                                 "WHERE digest = ?1 AND expires_at_ms > ?2",
                                             .not_open = NOT_OPEN,
                                             .read = reset_read};
    return token_find(store, &open, digest, now_ms, out_row, error);
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
    return err == OK && sqlite3_changes(db) == 0 ? error_set(error, ERR_NOT_FOUND, NOT_OPEN) : err;
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
