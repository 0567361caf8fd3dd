/* store/invitations.c: open invitations. One that is used, revoked or over has no row; the events tell what became
 * of it. Its acceptance stands in users.c, with the making of the user.
 */
#include "store/store_parts.h"

#define INVITATION_COLUMNS                                                   \
    "id, email, role, team_id, created_by, digest, is_lead, created_at_ms, " \
    "expires_at_ms"

static enum err drop_old(sqlite3 *db, int64_t now_ms, struct error *error)
{
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err =
        sql_prepare(db, "DELETE FROM invitation WHERE expires_at_ms <= ?1", &drop, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(drop, 1, now_ms);
    return sql_done(drop, NULL, error);
}

/* Whoever makes them leaves room for others: with all their keys together. */
static enum err room_check(sqlite3 *db, const char *maker, struct error *error)
{
    AUTO_STMT sqlite3_stmt *count = NULL;
    bool has_row = false;
    enum err err =
        sql_prepare(db,
                    "WITH owner(id) AS (SELECT coalesce((SELECT nullif(user_id, '') FROM api_key "
                    "WHERE id = ?1), ?1)) "
                    "SELECT count(*), count(*) FILTER (WHERE created_by IN (SELECT id FROM owner "
                    "UNION SELECT k.id FROM api_key k JOIN owner ON k.user_id = owner.id)) "
                    "FROM invitation",
                    &count, error);
    if (err != OK)
        return err;
    sql_bind_text(count, 1, str_of(maker));
    err = sql_step(count, &has_row, error);
    if (err != OK)
        return err;
    if (sqlite3_column_int64(count, 0) >= INVITATIONS_MAX)
        return error_set(error, ERR_CONFLICT,
                         "There are %d open invitations, which is the most: revoke some.",
                         INVITATIONS_MAX);
    if (sqlite3_column_int64(count, 1) >= INVITATIONS_OF_ONE_MAX)
        return error_set(error, ERR_CONFLICT,
                         "%d invitations of yours are open, which is the most: revoke some.",
                         INVITATIONS_OF_ONE_MAX);
    return OK;
}

static enum err invitation_insert(sqlite3 *db, void *arg, struct error *error)
{
    const struct invitation_row *row = arg;
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = drop_old(db, row->created_at_ms, error);
    if (err == OK)
        err = room_check(db, row->created_by, error);
    if (err == OK)
        err = sql_prepare(db,
                          "INSERT INTO invitation (" INVITATION_COLUMNS ") "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                          &insert, error);
    if (err != OK)
        return err;
    const char *const texts[] = {row->id, row->email, row->role, row->team_id, row->created_by};
    for (int i = 0; i < 5; i++)
        sql_bind_text(insert, i + 1, str_of(texts[i]));
    (void)sqlite3_bind_blob(insert, 6, row->digest, sizeof row->digest, SQLITE_STATIC);
    (void)sqlite3_bind_int(insert, 7, row->is_lead);
    (void)sqlite3_bind_int64(insert, 8, row->created_at_ms);
    (void)sqlite3_bind_int64(insert, 9, row->expires_at_ms);
    return sql_done(insert, NULL, error);
}

static enum err invitation_delete(sqlite3 *db, void *arg, struct error *error)
{
    return delete_by_id(db, "DELETE FROM invitation WHERE id = ?1", "open invitation", arg, error);
}

enum err store_invitation_insert(struct store *store, const struct invitation_row *row,
                                 const struct event_row *event, struct error *error)
{
    struct work work = {.run = invitation_insert,
                        .arg = (void *)(uintptr_t)row,
                        .event = event,
                        .keeps_version = true};
    return writer_submit(store, &work, error);
}

enum err store_invitation_delete(struct store *store, const char *id, const struct event_row *event,
                                 struct error *error)
{
    struct work work = {.run = invitation_delete,
                        .arg = (void *)(uintptr_t)id,
                        .event = event,
                        .keeps_version = true};
    return writer_submit(store, &work, error);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void invitation_read(sqlite3_stmt *statement, void *out_row)
{
    struct invitation_row *row = out_row;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->email, sizeof row->email);
    sql_copy(statement, 2, row->role, sizeof row->role);
    sql_copy(statement, 3, row->team_id, sizeof row->team_id);
    sql_copy(statement, 4, row->created_by, sizeof row->created_by);
    token_digest_read(statement, 5, row->digest);
    row->is_lead = sqlite3_column_int(statement, 6) != 0;
    row->created_at_ms = sqlite3_column_int64(statement, 7);
    row->expires_at_ms = sqlite3_column_int64(statement, 8);
}

enum err store_invitation_find(struct store *store, const uint8_t digest[32], int64_t now_ms,
                               struct invitation_row *out_row, struct error *error)
{
    static const struct token_search open = {
        .select = "SELECT " INVITATION_COLUMNS " FROM invitation "
                  "WHERE digest = ?1 AND expires_at_ms > ?2",
        .not_open =
            "This invitation is not open: it was used, revoked or is over. Ask for a new one.",
        .read = invitation_read};
    return token_find(store, &open, digest, now_ms, out_row, error);
}

static enum err each_invitation(sqlite3 *db, int64_t now_ms, store_on_invitation *on_invitation,
                                void *arg, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db,
                               "SELECT " INVITATION_COLUMNS " FROM invitation "
                               "WHERE expires_at_ms > ?1 ORDER BY created_at_ms DESC, id DESC",
                               &select, error);
    if (err == OK)
        (void)sqlite3_bind_int64(select, 1, now_ms);
    for (bool has_row = true; err == OK;) {
        struct invitation_row row = {0};
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        invitation_read(select, &row);
        on_invitation(arg, &row);
    }
    return err;
}

enum err store_invitations_each(struct store *store, int64_t now_ms,
                                store_on_invitation *on_invitation, void *arg, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = each_invitation(db, now_ms, on_invitation, arg, error);
    reader_give(&store->readers, db);
    return err;
}
