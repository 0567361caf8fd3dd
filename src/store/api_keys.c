/* store/api_keys.c: the keys of users, teams and service accounts. A revoked one stays, so that its jobs
 * keep their name; nothing reads it into a snapshot again.
 */
#include "store/store_parts.h"

#include "base/mem.h"

enum { KEY_TEXTS = 9, AT_DIGEST = 10, AT_PREVIOUS = 11, AT_NUMBERS = 12 };

/* In the order of KEY_COLUMNS. */
static void key_bind(sqlite3_stmt *statement, const struct key_row *row)
{
    const char *const texts[KEY_TEXTS] = {row->id,
                                          row->name,
                                          row->hint,
                                          row->role,
                                          row->team,
                                          row->user_id,
                                          row->service_account_id,
                                          row->models_json,
                                          row->policy_json};
    const int64_t numbers[] = {row->scopes,
                               row->previous_until_ms,
                               row->created_at_ms,
                               row->revoked_at_ms,
                               row->last_used_at_ms,
                               row->expires_at_ms,
                               row->rev};
    for (int i = 0; i < KEY_TEXTS; i++)
        sql_bind_text(statement, i + 1, str_of(texts[i]));
    (void)sqlite3_bind_blob(statement, AT_DIGEST, row->digest, sizeof row->digest, SQLITE_STATIC);
    if (row->previous_until_ms)
        (void)sqlite3_bind_blob(statement, AT_PREVIOUS, row->previous_digest,
                                sizeof row->previous_digest, SQLITE_STATIC);
    for (int i = 0; i < (int)(sizeof numbers / sizeof numbers[0]); i++)
        (void)sqlite3_bind_int64(statement, AT_NUMBERS + i, numbers[i]);
}

static enum err done_key(sqlite3_stmt *statement, const char *id, struct error *error)
{
    enum err err = done_one(statement, "key", id, error);
    if (err == ERR_CONFLICT)
        return error_set(error, ERR_CONFLICT, "this key exists already");
    return err;
}

static enum err key_insert(sqlite3 *db, void *arg, struct error *error)
{
    const struct key_row *row = arg;
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO api_key (" KEY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, "
                               "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                               &insert, error);
    if (err != OK)
        return err;
    key_bind(insert, row);
    return done_key(insert, row->id, error);
}

/* What is fixed is bound and not used: one order of parameters for both. */
static enum err key_update(sqlite3 *db, void *arg, struct error *error)
{
    const struct key_row *row = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(
        db,
        "UPDATE api_key SET name = ?2, hint = ?3, team = ?5, models_json = ?8, policy_json = ?9, "
        "digest = ?10, previous_digest = ?11, scopes = ?12, previous_until_ms = ?13, "
        "expires_at_ms = ?17, rev = max(rev + 1, ?18) WHERE id = ?1 AND revoked_at_ms = 0",
        &update, error);
    if (err != OK)
        return err;
    key_bind(update, row);
    return done_key(update, row->id, error);
}

struct revocation {
    const char *id;
    int64_t at_ms;
};

static enum err key_revoke(sqlite3 *db, void *arg, struct error *error)
{
    const struct revocation *revocation = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(
        db, "UPDATE api_key SET revoked_at_ms = max(?2, 1) WHERE id = ?1 AND revoked_at_ms = 0",
        &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(revocation->id));
    (void)sqlite3_bind_int64(update, 2, revocation->at_ms);
    return done_one(update, "key", revocation->id, error);
}

struct uses {
    const struct key_use *list;
    size_t count;
};

static enum err keys_used(sqlite3 *db, void *arg, struct error *error)
{
    const struct uses *uses = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(
        db, "UPDATE api_key SET last_used_at_ms = ?2 WHERE id = ?1 AND last_used_at_ms < ?2",
        &update, error);
    for (size_t i = 0; err == OK && i < uses->count; i++) {
        sql_bind_text(update, 1, str_of(uses->list[i].id));
        (void)sqlite3_bind_int64(update, 2, uses->list[i].at_ms);
        err = sql_done(update, NULL, error);
    }
    return err;
}

static enum err digest_copy(sqlite3_stmt *statement, int column, uint8_t out_digest[32])
{
    struct str digest = sql_blob(statement, column);
    if (digest.len != 32)
        return ERR_MALFORMED;
    memcpy(out_digest, digest.at, 32);
    return OK;
}

enum err key_read(sqlite3_stmt *statement, void *out)
{
    struct key_row *row = out;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->name, sizeof row->name);
    sql_copy(statement, 2, row->hint, sizeof row->hint);
    sql_copy(statement, 3, row->role, sizeof row->role);
    sql_copy(statement, 4, row->team, sizeof row->team);
    sql_copy(statement, 5, row->user_id, sizeof row->user_id);
    sql_copy(statement, 6, row->service_account_id, sizeof row->service_account_id);
    row->scopes = (unsigned)sqlite3_column_int(statement, 11);
    row->previous_until_ms = sqlite3_column_int64(statement, 12);
    row->created_at_ms = sqlite3_column_int64(statement, 13);
    row->revoked_at_ms = sqlite3_column_int64(statement, 14);
    row->last_used_at_ms = sqlite3_column_int64(statement, 15);
    row->expires_at_ms = sqlite3_column_int64(statement, 16);
    row->rev = sqlite3_column_int64(statement, 17);
    enum err err = digest_copy(statement, 9, row->digest);
    if (err == OK && row->previous_until_ms)
        err = digest_copy(statement, 10, row->previous_digest);
    if (err == OK)
        err = copy_text_column(statement, 7, &row->models_json);
    return err == OK ? copy_text_column(statement, 8, &row->policy_json) : err;
}

void key_row_release(struct key_row *row)
{
    mem_free(TAKE(row->models_json));
    mem_free(TAKE(row->policy_json));
}

enum err store_key_insert(struct store *store, const struct key_row *row,
                          const struct event_row *event, struct error *error)
{
    return config_submit(store, key_insert, row, event, error);
}

enum err store_key_update(struct store *store, const struct key_row *row,
                          const struct event_row *event, struct error *error)
{
    return config_submit(store, key_update, row, event, error);
}

enum err store_key_revoke(struct store *store, const char *id, int64_t at_ms,
                          const struct event_row *event, struct error *error)
{
    struct revocation revocation = {id, at_ms};
    return config_submit(store, key_revoke, &revocation, event, error);
}

enum err store_keys_used(struct store *store, const struct key_use *uses, size_t count,
                         struct error *error)
{
    struct uses list = {uses, count};
    struct work work = {.run = keys_used, .arg = &list, .keeps_version = true};
    return writer_submit(store, &work, error);
}
