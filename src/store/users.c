/* store/users.c: people. The rules that two writers at once could break stand here, inside the transaction: set-up
 * happens once, an address is one person's, and somebody is always owner.
 */
#include "store/store_parts.h"

#include "sys/password.h"
#include "sys/random.h"

/* ---- set-up -------------------------------------------------------------------------------------- */

static enum err nonce_get(sqlite3 *db, void *out_nonce, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    char *nonce = out_nonce;
    bool has_row = false;
    enum err err =
        sql_prepare(db, "SELECT value FROM setting WHERE name = 'setup_nonce'", &select, error);
    if (err == OK)
        err = sql_step(select, &has_row, error);
    if (err == OK && has_row)
        sql_copy(select, 0, nonce, STORE_NONCE_MAX);
    if (err != OK || has_row)
        return err;
    random_hex(nonce, STORE_NONCE_MAX - 1);
    return setting_put(db, "setup_nonce", nonce, error);
}

enum err store_setup_nonce(struct store *store, char out_nonce[STORE_NONCE_MAX],
                           struct error *error)
{
    struct work work = {.run = nonce_get, .arg = out_nonce, .keeps_version = true};
    return writer_submit(store, &work, error);
}

struct set_up {
    const struct user_row *owner;
    const char *hash, *organization;
};

static enum err user_insert(sqlite3 *db, const struct user_row *row, const char *hash,
                            struct error *error)
{
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(
        db,
        "INSERT INTO user (id, email, name, role, password, created_at_ms, disabled_at_ms, rev) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 1)",
        &insert, error);
    if (err != OK)
        return err;
    const char *const texts[] = {row->id, row->email, row->name, row->role, hash};
    for (int i = 0; i < 5; i++)
        sql_bind_text(insert, i + 1, str_of(texts[i]));
    (void)sqlite3_bind_int64(insert, 6, row->created_at_ms);
    err = sql_done(insert, NULL, error);
    if (err == ERR_CONFLICT)
        return error_set(error, ERR_CONFLICT, "There is a user with the address %s already.",
                         row->email);
    return err;
}

static enum err set_up(sqlite3 *db, void *arg, struct error *error)
{
    const struct set_up *wanted = arg;
    int64_t done = 0;
    enum err err = sql_number(
        db,
        "SELECT (SELECT count(*) FROM user) + (SELECT count(*) FROM setting WHERE name = 'set_up')",
        0, &done, error);
    if (err != OK)
        return err;
    if (done > 0)
        return error_set(error, ERR_CONFLICT, "Set-up was done already: sign in instead.");
    err = user_insert(db, wanted->owner, wanted->hash, error);
    if (err == OK)
        err = setting_put(db, "organization", wanted->organization, error);
    return err == OK ? setting_put(db, "set_up", "1", error) : err;
}

enum err store_set_up(struct store *store, const struct user_row *owner, const char *hash,
                      const char *organization, const struct event_row *event, struct error *error)
{
    struct set_up wanted = {owner, hash, organization};
    return config_submit(store, set_up, &wanted, event, error);
}

/* ---- changes ------------------------------------------------------------------------------------- */

static enum err owner_is_left(sqlite3 *db, struct error *error)
{
    int64_t owners = 0;
    enum err err =
        sql_number(db, "SELECT count(*) FROM user WHERE role = 'owner' AND disabled_at_ms = 0", 0,
                   &owners, error);
    if (err == OK && owners == 0)
        return error_set(
            error, ERR_CONFLICT,
            "This is the last owner who can sign in: make somebody else an owner first.");
    return err;
}

/* A statement with the user's id, and a time, as its parameters. */
static enum err run_for(sqlite3 *db, const char *sql, const char *id, int64_t at_ms,
                        struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement, error);
    if (err != OK)
        return err;
    sql_bind_text(statement, 1, str_of(id));
    if (sqlite3_bind_parameter_count(statement) > 1)
        (void)sqlite3_bind_int64(statement, 2, at_ms);
    return sql_done(statement, NULL, error);
}

enum err sessions_drop(sqlite3 *db, const char *user_id, struct error *error)
{
    return run_for(db, "DELETE FROM session WHERE user_id = ?1", user_id, 0, error);
}

/* None outlives the password that it was to replace. */
static enum err password_reset_drop(sqlite3 *db, const char *user_id, struct error *error)
{
    return run_for(db, "DELETE FROM password_reset WHERE user_id = ?1", user_id, 0, error);
}

struct user_change {
    const struct user_row *row;
    bool ends_sessions;
};

static enum err user_update(sqlite3 *db, void *arg, struct error *error)
{
    const struct user_change *change = arg;
    const struct user_row *row = change->row;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(db,
                               "UPDATE user SET name = ?2, role = ?3, disabled_at_ms = ?4, "
                               "rev = rev + 1 WHERE id = ?1",
                               &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(row->id));
    sql_bind_text(update, 2, str_of(row->name));
    sql_bind_text(update, 3, str_of(row->role));
    (void)sqlite3_bind_int64(update, 4, row->disabled_at_ms);
    err = done_one(update, "user", row->id, error);
    if (err == OK)
        err = owner_is_left(db, error);
    return err == OK && change->ends_sessions ? sessions_drop(db, row->id, error) : err;
}

struct user_end {
    const char *id;
    int64_t at_ms;
};

static enum err user_delete(sqlite3 *db, void *arg, struct error *error)
{
    const struct user_end *end = arg;
    enum err err = delete_by_id(db, "DELETE FROM user WHERE id = ?1", "user", end->id, error);
    if (err == OK)
        err = owner_is_left(db, error);
    if (err == OK)
        err = sessions_drop(db, end->id, error);
    if (err == OK)
        err = password_reset_drop(db, end->id, error);
    if (err == OK)
        err = run_for(db, "DELETE FROM team_member WHERE user_id = ?1", end->id, 0, error);
    if (err == OK)
        err = run_for(db,
                      "UPDATE api_key SET revoked_at_ms = max(?2, 1) "
                      "WHERE user_id = ?1 AND revoked_at_ms = 0",
                      end->id, end->at_ms, error);
    return err == OK
               ? run_for(
                     db,
                     "DELETE FROM invitation WHERE created_by = ?1 OR created_by IN (SELECT id FROM api_key WHERE user_id = ?1)",
                     end->id, 0, error)
               : err;
}

enum err store_user_update(struct store *store, const struct user_row *row, bool ends_sessions,
                           const struct event_row *event, struct error *error)
{
    struct user_change change = {row, ends_sessions};
    return config_submit(store, user_update, &change, event, error);
}

enum err store_user_delete(struct store *store, const char *id, int64_t at_ms,
                           const struct event_row *event, struct error *error)
{
    struct user_end end = {id, at_ms};
    return config_submit(store, user_delete, &end, event, error);
}

/* ---- passwords ----------------------------------------------------------------------------------- */

struct password_change {
    const char *id, *was, *hash;
    bool ends_sessions;
};

static enum err password_put(sqlite3 *db, void *arg, struct error *error)
{
    const struct password_change *change = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(db, "UPDATE user SET password = ?2 WHERE id = ?1 AND password = ?3",
                               &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(change->id));
    sql_bind_text(update, 2, str_of(change->hash));
    sql_bind_text(update, 3, str_of(change->was));
    err = sql_done(update, NULL, error);
    if (err == OK && sqlite3_changes(db) == 0)
        return error_set(error, ERR_CONFLICT, "The password was changed meanwhile.");
    if (err == OK && change->ends_sessions)
        err = password_reset_drop(db, change->id, error);
    return err == OK && change->ends_sessions ? sessions_drop(db, change->id, error) : err;
}

/* No snapshot holds a password, so there is nothing to publish. */
enum err store_user_password(struct store *store, const char *id, const char *was, const char *hash,
                             const struct event_row *event, struct error *error)
{
    struct password_change change = {id, was, hash, .ends_sessions = event != NULL};
    struct work work = {.run = password_put, .arg = &change, .event = event, .keeps_version = true};
    return writer_submit(store, &work, error);
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum err user_read(sqlite3_stmt *statement, void *out_row)
{
    struct user_row *row = out_row;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->email, sizeof row->email);
    sql_copy(statement, 2, row->name, sizeof row->name);
    sql_copy(statement, 3, row->role, sizeof row->role);
    row->created_at_ms = sqlite3_column_int64(statement, 4);
    row->disabled_at_ms = sqlite3_column_int64(statement, 5);
    row->rev = sqlite3_column_int64(statement, 6);
    return OK;
}

static enum err find_by_email(sqlite3 *db, const char *email, struct user_row *out_row,
                              char *out_hash, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, "SELECT " USER_COLUMNS ", password FROM user WHERE email = ?1",
                               &select, error);
    if (err != OK)
        return err;
    sql_bind_text(select, 1, str_of(email));
    err = sql_step(select, &has_row, error);
    if (err != OK)
        return err;
    if (!has_row)
        return error_set(error, ERR_NOT_FOUND, "there is no user with this address");
    sql_copy(select, USER_COLUMN_COUNT, out_hash, PASSWORD_HASH_MAX);
    return user_read(select, out_row);
}

enum err store_user_by_email(struct store *store, const char *email, struct user_row *out_row,
                             char *out_hash, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = find_by_email(db, email, out_row, out_hash, error);
    reader_give(&store->readers, db);
    return err;
}

/* ---- invitations: the making of the user ---------------------------------------------------------- */

static enum err member_insert(sqlite3 *db, const struct invitation_row *invitation,
                              const char *user_id, struct error *error)
{
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO team_member (team_id, user_id, is_lead) "
                               "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM team WHERE id = ?1)",
                               &insert, error);
    if (err != OK)
        return err;
    sql_bind_text(insert, 1, str_of(invitation->team_id));
    sql_bind_text(insert, 2, str_of(user_id));
    (void)sqlite3_bind_int(insert, 3, invitation->is_lead);
    return sql_done(insert, NULL, error); /* the team may be gone: then they are in none */
}

struct acceptance {
    const struct invitation_row *invitation;
    const struct user_row *user;
    const char *hash;
};

static enum err accept_invitation(sqlite3 *db, void *arg, struct error *error)
{
    const struct acceptance *acceptance = arg;
    enum err err = delete_by_id(db, "DELETE FROM invitation WHERE id = ?1", "open invitation",
                                acceptance->invitation->id, error);
    if (err == OK)
        err = user_insert(db, acceptance->user, acceptance->hash, error);
    if (err == OK && acceptance->invitation->team_id[0])
        err = member_insert(db, acceptance->invitation, acceptance->user->id, error);
    return err;
}

enum err store_invitation_accept(struct store *store, const struct invitation_row *invitation,
                                 const struct user_row *user, const char *hash,
                                 const struct event_row *event, struct error *error)
{
    struct acceptance acceptance = {invitation, user, hash};
    return config_submit(store, accept_invitation, &acceptance, event, error);
}
