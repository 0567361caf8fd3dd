/* store/worker_keys.c: the keys that workers register with. Each belongs to one provider and is dropped with it. */
#include "store/store_parts.h"

static enum err key_insert(sqlite3 *db, void *arg, struct error *error)
{
    const struct worker_key_row *row = arg;
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(
        db,
        "INSERT INTO worker_key (id, provider_id, name, hint, digest, created_at_ms, revoked_at_ms) "
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, 0 WHERE EXISTS (SELECT 1 FROM provider WHERE id = ?2)",
        &insert, error);
    if (err != OK)
        return err;
    const char *const texts[] = {row->id, row->provider_id, row->name, row->hint};
    for (int i = 0; i < 4; i++)
        sql_bind_text(insert, i + 1, str_of(texts[i]));
    (void)sqlite3_bind_blob(insert, 5, row->digest, sizeof row->digest, SQLITE_STATIC);
    (void)sqlite3_bind_int64(insert, 6, row->created_at_ms);
    int changes = 0;
    err = sql_done(insert, &changes, error);
    if (err == ERR_CONFLICT)
        return error_set(error, ERR_CONFLICT, "this key exists already");
    if (err == OK && changes == 0)
        return error_set(error, ERR_NOT_FOUND, "there is no provider '%s'", row->provider_id);
    return err;
}

struct revocation {
    const char *id, *provider_id;
    int64_t at_ms;
};

static enum err key_revoke(sqlite3 *db, void *arg, struct error *error)
{
    const struct revocation *revocation = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(db,
                               "UPDATE worker_key SET revoked_at_ms = max(?3, 1) "
                               "WHERE id = ?1 AND provider_id = ?2 AND revoked_at_ms = 0",
                               &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(revocation->id));
    sql_bind_text(update, 2, str_of(revocation->provider_id));
    (void)sqlite3_bind_int64(update, 3, revocation->at_ms);
    int changes = 0;
    err = sql_done(update, &changes, error);
    if (err == OK && changes == 0)
        return error_set(error, ERR_NOT_FOUND, "there is no worker key '%s' of this provider",
                         revocation->id);
    return err;
}

enum err worker_keys_drop(sqlite3 *db, const char *provider_id, struct error *error)
{
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err = sql_prepare(db, "DELETE FROM worker_key WHERE provider_id = ?1", &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(provider_id));
    return sql_done(drop, NULL, error);
}

enum err worker_key_read(sqlite3_stmt *statement, void *out_row)
{
    struct worker_key_row *row = out_row;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->provider_id, sizeof row->provider_id);
    sql_copy(statement, 2, row->name, sizeof row->name);
    sql_copy(statement, 3, row->hint, sizeof row->hint);
    struct str digest = sql_blob(statement, 4);
    if (digest.len != sizeof row->digest)
        return ERR_MALFORMED;
    memcpy(row->digest, digest.at, sizeof row->digest);
    row->created_at_ms = sqlite3_column_int64(statement, 5);
    return OK;
}

enum err store_worker_key_insert(struct store *store, const struct worker_key_row *row,
                                 const struct event_row *event, struct error *error)
{
    struct work work = {.run = key_insert, .arg = (void *)(uintptr_t)row, .event = event};
    return writer_submit(store, &work, error);
}

enum err store_worker_key_revoke(struct store *store, const char *id, const char *provider_id,
                                 int64_t at_ms, const struct event_row *event, struct error *error)
{
    struct revocation revocation = {id, provider_id, at_ms};
    struct work work = {.run = key_revoke, .arg = &revocation, .event = event};
    return writer_submit(store, &work, error);
}
