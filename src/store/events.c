/* store/events.c: the list of events, newest first, and whether it is as it was written. writer.c adds them, each with the
 * write it tells of, or alone when something happened by itself.
 */
#include "store/cursor.h"
#include "store/event_chain.h"
#include "store/store_parts.h"
#include "sys/clock.h"

#include <stdio.h>
#include <string.h>

#define VERIFY_ROWS 2000 /* of one read transaction */

/* "team" finds "team.created". A row that does not fit costs a look, so the time limit of readers bounds a page. */
static const char select_text[] =
    "SELECT seq, id, at_ms, actor, action, subject, before_json, after_json FROM event "
    "WHERE seq < ?1 AND (?2 = '' OR actor = ?2) AND (?4 = '' OR subject = ?4) "
    "AND (?3 = '' OR action = ?3 OR (substr(action, 1, length(?3) + 1) = ?3 || '.')) "
    "AND at_ms >= ?5 AND (?6 = 0 OR at_ms < ?6) ORDER BY seq DESC";

static enum err events_read(sqlite3 *db, int64_t before, const struct event_filter *filter,
                            int limit, store_on_event *on_event, void *arg, int64_t *out_last,
                            bool *out_more, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db, select_text, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, before);
    sql_bind_text(select, 2, str_of(filter->actor));
    sql_bind_text(select, 3, str_of(filter->action));
    sql_bind_text(select, 4, str_of(filter->subject));
    (void)sqlite3_bind_int64(select, 5, filter->since_ms);
    (void)sqlite3_bind_int64(select, 6, filter->until_ms);
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

enum err store_events(struct store *store, const struct event_filter *filter,
                      store_on_event *on_event, void *arg, char out_next_cursor[96],
                      struct error *error)
{
    struct cursor from = {.at = INT64_MAX};
    if (filter->cursor[0] &&
        !cursor_read(store->vault, str_of(filter->cursor), CURSOR_EVENTS, &from))
        return error_set(error, ERR_MALFORMED, "the cursor is not one of ours: start without it");
    int limit = filter->limit < 1               ? 1
                : filter->limit > JOBS_PAGE_MAX ? JOBS_PAGE_MAX
                                                : filter->limit;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct cursor next = {.kind = CURSOR_EVENTS};
    bool has_more = false;
    err = events_read(db, from.at, filter, limit, on_event, arg, &next.at, &has_more, error);
    reader_give(&store->readers, db);
    out_next_cursor[0] = '\0';
    if (err == OK && has_more)
        cursor_write(store->vault, &next, out_next_cursor);
    return err;
}

/* ---- verifying ------------------------------------------------------------------------------------ */

bool event_head_read(struct str text, struct event_head *out_head)
{
    struct event_head head = {0};
    struct str hex = text, number = str_cut(&hex, ':');
    if (!str_to_int64(number, &head.seq) || head.seq < 1 || hex.len != (size_t)2 * EVENT_MAC_BYTES)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        int digit = str_hex_digit(hex.at[i]);
        if (digit < 0)
            return false;
        head.mac[i / 2] = (uint8_t)(head.mac[i / 2] << 4 | digit);
    }
    *out_head = head;
    return true;
}

void event_head_write(const struct event_report *report, char out_text[EVENT_HEAD_MAX])
{
    int at = snprintf(out_text, EVENT_HEAD_MAX, "%lld:", (long long)report->events);
    for (size_t i = 0; i < EVENT_MAC_BYTES; i++)
        at +=
            snprintf(out_text + at, EVENT_HEAD_MAX - (size_t)at, "%02x", (unsigned)report->last[i]);
}

/* Some rows further, in a short transaction. Stops at the head that was noted, to compare it. */
static enum err verify_some(struct store *store, const struct event_head *head,
                            struct event_report *report, bool *out_is_over, struct error *error)
{
    int64_t to_head = head->seq - report->events;
    int rows = to_head > 0 && to_head < VERIFY_ROWS ? (int)to_head : VERIFY_ROWS;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = event_chain_follow(db, store->vault, rows, report, out_is_over, error);
    reader_give(&store->readers, db);
    bool is_at_head = err == OK && head->seq > 0 && report->events == head->seq;
    if (is_at_head && !report->is_broken && memcmp(report->last, head->mac, EVENT_MAC_BYTES) != 0) {
        report->is_broken = true;
        report->bad_seq = head->seq;
        str_copy(STR("this is not the head that was noted: the rows up to here were replaced"),
                 report->why, sizeof report->why);
    }
    return err;
}

enum err store_events_verify(struct store *store, const struct event_head *head,
                             int64_t deadline_ms, struct event_report *out_report,
                             struct error *error)
{
    bool is_over = false;
    enum err err = OK;
    *out_report = (struct event_report){0};
    while (err == OK && !is_over && !out_report->is_broken) {
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(error, ERR_TIMEOUT,
                             "following %lld events took too long; run `auxot verify` without a "
                             "server on the data directory",
                             (long long)out_report->events);
        err = verify_some(store, head, out_report, &is_over, error);
    }
    if (err == OK && !out_report->is_broken && out_report->events < head->seq) {
        out_report->is_broken = true;
        out_report->bad_seq = out_report->events + 1;
        str_copy(STR("rows are missing at the end: the head that was noted is further on"),
                 out_report->why, sizeof out_report->why);
    }
    return err;
}

enum err store_event_add(struct store *store, const struct event_row *event, struct error *error)
{
    struct work work = {.is_event_only = true, .event = event};
    return writer_submit(store, &work, error);
}

void store_watch_events(struct store *store, store_on_event *on_event, void *arg)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    writer->on_event = on_event;
    writer->on_event_arg = arg;
    pthread_mutex_unlock(&writer->lock);
}
