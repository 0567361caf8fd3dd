/* store/backup_note.c: that there was a backup, told to the store it is of; and whether a restored one is whole. */
#include "base/mem.h"
#include "store/store_parts.h"

static enum err number_put(sqlite3 *db, const char *name, int64_t value, struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(db, "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(name));
    (void)sqlite3_bind_int64(put, 2, value);
    return sql_done(put, NULL, error);
}

static enum err note_put(sqlite3 *db, void *arg, struct error *error)
{
    const struct backup_note *note = arg;
    enum err err = number_put(db, "backup_at_ms", note->at_ms, error);
    return err != OK ? err : number_put(db, "backup_bytes", note->bytes, error);
}

enum err store_backup_note(struct store *store, const struct backup_note *note,
                           const struct event_row *event, struct error *error)
{
    struct backup_note copy = *note;
    struct work work = {.run = note_put, .arg = &copy, .event = event, .keeps_version = true};
    return writer_submit(store, &work, error);
}

enum err store_backup_last(struct store *store, struct backup_note *out_note, struct error *error)
{
    static const char at[] = "SELECT value FROM setting WHERE name = 'backup_at_ms'";
    static const char bytes[] = "SELECT value FROM setting WHERE name = 'backup_bytes'";
    struct backup_note found = {0};
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = sql_number(db, at, 0, &found.at_ms, error);
    if (err == OK)
        err = sql_number(db, bytes, 0, &found.bytes, error);
    reader_give(&store->readers, db);
    if (err == OK)
        *out_note = found;
    return err;
}

enum err store_integrity(struct store *store, struct error *error)
{
    AUTO_STMT sqlite3_stmt *check = NULL;
    bool has_row = false;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    reader_lift_limit();
    err = sql_prepare(db, "PRAGMA integrity_check(1)", &check, error);
    if (err == OK)
        err = sql_step(check, &has_row, error);
    if (err == OK && has_row && !str_eq(sql_text(check, 0), STR("ok")))
        err = error_set(error, ERR_MALFORMED, "the database is damaged: %.120s",
                        (const char *)sqlite3_column_text(check, 0));
    sqlite3_finalize(TAKE(check));
    reader_give(&store->readers, db);
    return err;
}
