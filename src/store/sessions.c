/* store/sessions.c: what a restart must know of who is signed in. No configuration: nothing is published. */
#include "store/store_parts.h"

#define SESSION_COLUMNS \
    "id, user_id, address, agent, digest, created_at_ms, expires_at_ms, last_seen_ms"

static enum err submit_quietly(struct store *store,
                               enum err (*run)(sqlite3 *, void *, struct error *), const void *arg,
                               const struct event_row *event, struct error *error)
{
    struct work work = {
        .run = run, .arg = (void *)(uintptr_t)arg, .event = event, .keeps_version = true};
    return writer_submit(store, &work, error);
}

/* ---- beginning ----------------------------------------------------------------------------------- */

/* As gateway/sessions.c does: the oldest of the user make room, and what is over goes. */
static enum err make_room(sqlite3 *db, const struct session_row *row, struct error *error)
{
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err = sql_prepare(db,
                               "DELETE FROM session WHERE expires_at_ms <= ?2 OR (user_id = ?1 AND "
                               "id NOT IN (SELECT id FROM session WHERE user_id = ?1 "
                               "ORDER BY created_at_ms DESC LIMIT ?3))",
                               &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(row->user_id));
    (void)sqlite3_bind_int64(drop, 2, row->created_at_ms);
    (void)sqlite3_bind_int(drop, 3, SESSIONS_OF_USER_MAX - 1);
    return sql_done(drop, NULL, error);
}

struct beginning {
    const struct session_row *row;
    const char *hash;
};

/* Only for a user who is still there, may sign in and has the password that was shown: while it was verified, an admin
 * or the user themselves may have thought otherwise. */
static enum err session_insert(sqlite3 *db, void *arg, struct error *error)
{
    const struct beginning *beginning = arg;
    const struct session_row *row = beginning->row;
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = make_room(db, row, error);
    if (err == OK)
        err = sql_prepare(
            db,
            "INSERT INTO session (" SESSION_COLUMNS ") "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS "
            "(SELECT 1 FROM user WHERE id = ?2 AND disabled_at_ms = 0 AND password = ?9)",
            &insert, error);
    if (err != OK)
        return err;
    const char *const texts[] = {row->id, row->user_id, row->address, row->agent};
    for (int i = 0; i < 4; i++)
        sql_bind_text(insert, i + 1, str_of(texts[i]));
    (void)sqlite3_bind_blob(insert, 5, row->digest, sizeof row->digest, SQLITE_STATIC);
    (void)sqlite3_bind_int64(insert, 6, row->created_at_ms);
    (void)sqlite3_bind_int64(insert, 7, row->expires_at_ms);
    (void)sqlite3_bind_int64(insert, 8, row->last_seen_ms);
    sql_bind_text(insert, 9, str_of(beginning->hash));
    return done_one(insert, "user", row->user_id, error);
}

enum err store_session_insert(struct store *store, const struct session_row *row, const char *hash,
                              const struct event_row *event, struct error *error)
{
    struct beginning beginning = {row, hash};
    return submit_quietly(store, session_insert, &beginning, event, error);
}

/* ---- ending -------------------------------------------------------------------------------------- */

struct ending {
    const char *user_id, *id;
    struct work *work;
};

static enum err sessions_end(sqlite3 *db, void *arg, struct error *error)
{
    const struct ending *ending = arg;
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err = sql_prepare(
        db, "DELETE FROM session WHERE user_id = ?1 AND (?2 = '' OR id = ?2)", &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(ending->user_id));
    sql_bind_text(drop, 2, str_of(ending->id));
    err = sql_done(drop, NULL, error);
    if (err == OK && sqlite3_changes(db) == 0)
        ending->work->event = NULL; /* nothing happened that could be told */
    return err;
}

enum err store_sessions_end(struct store *store, const char *user_id, const char *id,
                            const struct event_row *event, struct error *error)
{
    struct ending ending = {user_id, id ? id : "", NULL};
    struct work work = {.run = sessions_end, .arg = &ending, .event = event, .keeps_version = true};
    ending.work = &work;
    return writer_submit(store, &work, error);
}

/* ---- use ----------------------------------------------------------------------------------------- */

struct uses {
    const struct session_seen *seen;
    size_t count;
};

static enum err sessions_seen(sqlite3 *db, void *arg, struct error *error)
{
    const struct uses *uses = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err =
        sql_prepare(db, "UPDATE session SET last_seen_ms = ?2 WHERE id = ?1", &update, error);
    for (size_t i = 0; err == OK && i < uses->count; i++) {
        sql_bind_text(update, 1, str_of(uses->seen[i].id));
        (void)sqlite3_bind_int64(update, 2, uses->seen[i].last_seen_ms);
        err = sql_done(update, NULL, error);
    }
    return err;
}

enum err store_sessions_seen(struct store *store, const struct session_seen *seen, size_t count,
                             struct error *error)
{
    struct uses uses = {seen, count};
    return submit_quietly(store, sessions_seen, &uses, NULL, error);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum err session_read(sqlite3_stmt *statement, struct session_row *row, struct error *error)
{
    struct str digest = sql_blob(statement, 4);
    if (digest.len != sizeof row->digest)
        return error_set(error, ERR_MALFORMED, "a row of the sessions is damaged");
    memcpy(row->digest, digest.at, sizeof row->digest);
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->user_id, sizeof row->user_id);
    sql_copy(statement, 2, row->address, sizeof row->address);
    sql_copy(statement, 3, row->agent, sizeof row->agent);
    row->created_at_ms = sqlite3_column_int64(statement, 5);
    row->expires_at_ms = sqlite3_column_int64(statement, 6);
    row->last_seen_ms = sqlite3_column_int64(statement, 7);
    return OK;
}

static enum err each_session(sqlite3 *db, store_on_session *on_session, void *arg,
                             struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(
        db, "SELECT " SESSION_COLUMNS " FROM session ORDER BY created_at_ms, id", &select, error);
    for (bool has_row = true; err == OK;) {
        struct session_row row = {0};
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        err = session_read(select, &row, error);
        if (err == OK)
            err = on_session(arg, &row);
    }
    return err;
}

enum err store_sessions_each(struct store *store, store_on_session *on_session, void *arg,
                             struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = each_session(db, on_session, arg, error);
    reader_give(&store->readers, db);
    return err;
}
