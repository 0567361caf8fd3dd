/* store/teams.c: teams, who is in them, and their service accounts. */
#include "store/store_parts.h"

#include "base/mem.h"

/* ---- teams --------------------------------------------------------------------------------------- */

static enum err team_put(sqlite3 *db, const struct team_row *row, const char *sql,
                         struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement, error);
    if (err != OK)
        return err;
    sql_bind_text(statement, 1, str_of(row->id));
    sql_bind_text(statement, 2, str_of(row->name));
    sql_bind_text(statement, 3, str_of(row->policy_json));
    (void)sqlite3_bind_int64(statement, 4, row->created_at_ms);
    (void)sqlite3_bind_int64(statement, 5, row->rev);
    return done_named(statement, "team", row->id, row->name, error);
}

enum err team_insert(sqlite3 *db, void *arg, struct error *error)
{
    return team_put(db, arg,
                    "INSERT INTO team (id, name, policy_json, created_at_ms, rev) "
                    "VALUES (?1, ?2, ?3, ?4, ?5)",
                    error);
}

enum err team_update(sqlite3 *db, void *arg, struct error *error)
{
    return team_put(db, arg,
                    "UPDATE team SET name = ?2, policy_json = ?3, "
                    "created_at_ms = coalesce(created_at_ms, ?4), rev = max(rev + 1, ?5) "
                    "WHERE id = ?1",
                    error);
}

/* How many rows of the statement's table are the id's. */
static enum err count_of(sqlite3 *db, const char *sql, const char *id, int64_t *out_count,
                         struct error *error)
{
    AUTO_STMT sqlite3_stmt *count = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, sql, &count, error);
    if (err != OK)
        return err;
    sql_bind_text(count, 1, str_of(id));
    err = sql_step(count, &has_row, error);
    if (err == OK && has_row)
        *out_count = sqlite3_column_int64(count, 0);
    return err;
}

/* Nothing may be left that names the team: a key would lose its limits, a provider its only users. */
static enum err team_is_unused(sqlite3 *db, const char *id, struct error *error)
{
    int64_t keys = 0, accounts = 0, providers = 0;
    enum err err = count_of(
        db, "SELECT count(*) FROM api_key WHERE team = ?1 AND revoked_at_ms = 0", id, &keys, error);
    if (err == OK)
        err = count_of(db, "SELECT count(*) FROM service_account WHERE team_id = ?1", id, &accounts,
                       error);
    if (err == OK)
        err = count_of(db,
                       "SELECT count(*) FROM provider "
                       "WHERE instr(teams_json, '\"' || ?1 || '\"') > 0",
                       id, &providers, error);
    if (err != OK || keys + accounts + providers == 0)
        return err;
    return error_set(error, ERR_CONFLICT,
                     "The team still has %lld API keys, %lld service accounts and %lld providers "
                     "of its own: remove or move them first.",
                     (long long)keys, (long long)accounts, (long long)providers);
}

static enum err members_drop(sqlite3 *db, const char *id, struct error *error)
{
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err = sql_prepare(db, "DELETE FROM team_member WHERE team_id = ?1", &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(id));
    return sql_done(drop, NULL, error);
}

enum err team_delete(sqlite3 *db, void *arg, struct error *error)
{
    enum err err = team_is_unused(db, arg, error);
    if (err == OK)
        err = delete_by_id(db, "DELETE FROM team WHERE id = ?1", "team", arg, error);
    return err == OK ? members_drop(db, arg, error) : err;
}

enum err team_read(sqlite3_stmt *statement, void *out)
{
    struct team_row *row = out;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->name, sizeof row->name);
    row->created_at_ms = sqlite3_column_int64(statement, 3);
    row->rev = sqlite3_column_int64(statement, 4);
    return copy_text_column(statement, 2, &row->policy_json);
}

void team_row_release(struct team_row *row)
{
    mem_free(TAKE(row->policy_json));
}

enum err store_team_insert(struct store *store, const struct team_row *row,
                           const struct event_row *event, struct error *error)
{
    return config_submit(store, team_insert, row, event, error);
}

enum err store_team_update(struct store *store, const struct team_row *row,
                           const struct event_row *event, struct error *error)
{
    return config_submit(store, team_update, row, event, error);
}

enum err store_team_delete(struct store *store, const char *id, const struct event_row *event,
                           struct error *error)
{
    return config_submit(store, team_delete, id, event, error);
}

/* ---- members ------------------------------------------------------------------------------------- */

static enum err member_put(sqlite3 *db, void *arg, struct error *error)
{
    const struct team_member_row *row = arg;
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO team_member (team_id, user_id, is_lead) "
                               "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM team WHERE id = ?1) "
                               "ON CONFLICT DO UPDATE SET is_lead = excluded.is_lead",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(row->team_id));
    sql_bind_text(put, 2, str_of(row->user_id));
    (void)sqlite3_bind_int(put, 3, row->is_lead);
    return done_one(put, "team", row->team_id, error);
}

static enum err member_remove(sqlite3 *db, void *arg, struct error *error)
{
    const struct team_member_row *row = arg;
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err = sql_prepare(db, "DELETE FROM team_member WHERE team_id = ?1 AND user_id = ?2",
                               &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(row->team_id));
    sql_bind_text(drop, 2, str_of(row->user_id));
    return done_one(drop, "member of this team", row->user_id, error);
}

enum err team_member_read(sqlite3_stmt *statement, void *out)
{
    struct team_member_row *row = out;
    sql_copy(statement, 0, row->team_id, sizeof row->team_id);
    sql_copy(statement, 1, row->user_id, sizeof row->user_id);
    row->is_lead = sqlite3_column_int(statement, 2) != 0;
    return OK;
}

enum err store_team_member_put(struct store *store, const struct team_member_row *row,
                               const struct event_row *event, struct error *error)
{
    return config_submit(store, member_put, row, event, error);
}

enum err store_team_member_remove(struct store *store, const char *team_id, const char *user_id,
                                  const struct event_row *event, struct error *error)
{
    struct team_member_row row = {0};
    str_copy(str_of(team_id), row.team_id, sizeof row.team_id);
    str_copy(str_of(user_id), row.user_id, sizeof row.user_id);
    return config_submit(store, member_remove, &row, event, error);
}

/* ---- service accounts ---------------------------------------------------------------------------- */

static enum err account_put(sqlite3 *db, const struct service_account_row *row, const char *sql,
                            struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement, error);
    if (err != OK)
        return err;
    sql_bind_text(statement, 1, str_of(row->id));
    sql_bind_text(statement, 2, str_of(row->team_id));
    sql_bind_text(statement, 3, str_of(row->name));
    (void)sqlite3_bind_int64(statement, 4, row->created_at_ms);
    (void)sqlite3_bind_int64(statement, 5, row->rev);
    return done_named(statement, "service account", row->id, row->name, error);
}

enum err account_insert(sqlite3 *db, void *arg, struct error *error)
{
    return account_put(db, arg,
                       "INSERT INTO service_account (id, team_id, name, created_at_ms, rev) "
                       "SELECT ?1, ?2, ?3, ?4, ?5 "
                       "WHERE EXISTS (SELECT 1 FROM team WHERE id = ?2)",
                       error);
}

/* Its team stays: its keys count there. */
static enum err account_update(sqlite3 *db, void *arg, struct error *error)
{
    return account_put(db, arg,
                       "UPDATE service_account SET name = ?3, team_id = coalesce(team_id, ?2), "
                       "created_at_ms = coalesce(created_at_ms, ?4), rev = max(rev + 1, ?5) "
                       "WHERE id = ?1",
                       error);
}

enum err account_delete(sqlite3 *db, void *arg, struct error *error)
{
    const struct account_end *end = arg;
    enum err err = delete_by_id(db, "DELETE FROM service_account WHERE id = ?1", "service account",
                                end->id, error);
    AUTO_STMT sqlite3_stmt *revoke = NULL;
    if (err == OK)
        err = sql_prepare(db,
                          "UPDATE api_key SET revoked_at_ms = max(?2, 1) "
                          "WHERE service_account_id = ?1 AND revoked_at_ms = 0",
                          &revoke, error);
    if (err != OK)
        return err;
    sql_bind_text(revoke, 1, str_of(end->id));
    (void)sqlite3_bind_int64(revoke, 2, end->at_ms);
    return sql_done(revoke, NULL, error);
}

enum err service_account_read(sqlite3_stmt *statement, void *out)
{
    struct service_account_row *row = out;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->team_id, sizeof row->team_id);
    sql_copy(statement, 2, row->name, sizeof row->name);
    row->created_at_ms = sqlite3_column_int64(statement, 3);
    row->rev = sqlite3_column_int64(statement, 4);
    return OK;
}

enum err store_service_account_insert(struct store *store, const struct service_account_row *row,
                                      const struct event_row *event, struct error *error)
{
    return config_submit(store, account_insert, row, event, error);
}

enum err store_service_account_update(struct store *store, const struct service_account_row *row,
                                      const struct event_row *event, struct error *error)
{
    return config_submit(store, account_update, row, event, error);
}

enum err store_service_account_delete(struct store *store, const char *id, int64_t at_ms,
                                      const struct event_row *event, struct error *error)
{
    struct account_end end = {id, at_ms};
    return config_submit(store, account_delete, &end, event, error);
}
