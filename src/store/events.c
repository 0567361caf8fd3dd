/* store/events.c: the list of events, newest first. writer.c adds them, each with the write it tells of, or alone
 * when something happened by itself.
 */
#include "store/cursor.h"
#include "store/store_parts.h"

static enum err events_read(sqlite3 *db, int64_t before, int limit, store_on_event *on_event,
                            void *arg, int64_t *out_last, bool *out_more, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(
        db,
        "SELECT seq, id, at_ms, actor, action, subject, before_json, after_json FROM event "
        "WHERE seq < ?1 ORDER BY seq DESC",
        &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, before);
    for (int given = 0; err == OK; given++) {
        err = sql_step(select, out_more, error);
        if (err != OK || !*out_more || given == limit)
            break;
        struct event_row row = {.at_ms = sqlite3_column_int64(select, 2)};
        sql_copy(select, 1, row.id, sizeof row.id);
        sql_copy(select, 3, row.actor, sizeof row.actor);
        sql_copy(select, 4, row.action, sizeof row.action);
        sql_copy(select, 5, row.subject, sizeof row.subject);
        row.before_json = (const char *)sqlite3_column_text(select, 6);
        row.after_json = (const char *)sqlite3_column_text(select, 7);
        *out_last = sqlite3_column_int64(select, 0);
        on_event(arg, &row);
    }
    return err;
}

enum err store_events(struct store *store, int limit, const char *cursor, store_on_event *on_event,
                      void *arg, char out_next_cursor[96], struct error *error)
{
    struct cursor from = {.at = INT64_MAX};
    if (cursor && cursor[0] && !cursor_read(store->vault, str_of(cursor), CURSOR_EVENTS, &from))
        return error_set(error, ERR_MALFORMED, "the cursor is not one of ours: start without it");
    limit = limit < 1 ? 1 : limit > JOBS_PAGE_MAX ? JOBS_PAGE_MAX : limit;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct cursor next = {.kind = CURSOR_EVENTS};
    bool has_more = false;
    err = events_read(db, from.at, limit, on_event, arg, &next.at, &has_more, error);
    reader_give(&store->readers, db);
    out_next_cursor[0] = '\0';
    if (err == OK && has_more)
        cursor_write(store->vault, &next, out_next_cursor);
    return err;
}

enum err store_event_add(struct store *store, const struct event_row *event, struct error *error)
{
    struct work work = {.is_event_only = true, .event = event};
    return writer_submit(store, &work, error);
}
