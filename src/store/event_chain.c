/* store/event_chain.c: one link after the other. */
#include "store/event_chain.h"

#include "store/sql.h"
#include "sys/vault.h"

#include <string.h>

#define LINK_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define LINK_REST_MAX  512 /* of that, all but the texts */
#define SELECT_FIELDS  "seq, id, at_ms, actor, action, subject, before_json, after_json, mac"

/* Texts of one row, NULL where it has none. */
struct link {
    int64_t seq, at_ms;
    struct str text[6]; /* id, actor, action, subject, before, after */
};

/* More than any row may have. Fewer than this, and what fails is memory. */
static bool is_too_long(const struct link *link)
{
    size_t len = 0;
    for (size_t i = 0; i < sizeof link->text / sizeof link->text[0]; i++)
        len += link->text[i].len;
    return len > LINK_BYTES_MAX - LINK_REST_MAX;
}

/* Each text behind its length, so that no two rows have the same bytes; NULL is not "". */
static enum err link_mac(const struct vault *vault, const uint8_t before[EVENT_MAC_BYTES],
                         const struct link *link, uint8_t out_mac[EVENT_MAC_BYTES])
{
    AUTO_BUF struct buf bytes;
    buf_init(&bytes, LINK_BYTES_MAX);
    buf_append(&bytes, before, EVENT_MAC_BYTES);
    buf_printf(&bytes, "%lld %lld", (long long)link->seq, (long long)link->at_ms);
    for (size_t i = 0; i < sizeof link->text / sizeof link->text[0]; i++) {
        if (!link->text[i].at)
            buf_append_lit(&bytes, " -");
        else
            buf_printf(&bytes, " %zu:", link->text[i].len);
        buf_append_str(&bytes, link->text[i]);
    }
    if (bytes.failed)
        return ERR_NO_MEMORY;
    vault_event_mac(vault, buf_str(&bytes), out_mac);
    return OK;
}

/* The last link, under a mark of its own: it can be no row's. */
static void head_mac(const struct vault *vault, int64_t seq, const uint8_t last[EVENT_MAC_BYTES],
                     uint8_t out_mac[EVENT_MAC_BYTES])
{
    char room[96];
    AUTO_BUF struct buf bytes;
    buf_init_in(&bytes, sizeof room, room, sizeof room);
    buf_printf(&bytes, "head %lld ", (long long)seq);
    buf_append(&bytes, last, EVENT_MAC_BYTES);
    vault_event_mac(vault, buf_str(&bytes), out_mac);
}

static bool mac_copy(sqlite3_stmt *row, int column, uint8_t out_mac[EVENT_MAC_BYTES])
{
    struct str mac = sql_blob(row, column);
    if (mac.len != EVENT_MAC_BYTES)
        return false;
    memcpy(out_mac, mac.at, EVENT_MAC_BYTES);
    return true;
}

/* ---- adding -------------------------------------------------------------------------------------- */

/* Zeroes when there is no row before, or none that has a link. */
static enum err last_link(sqlite3 *db, int64_t *out_seq, uint8_t out_mac[EVENT_MAC_BYTES],
                          struct error *error)
{
    AUTO_STMT sqlite3_stmt *last = NULL;
    bool has_row = false;
    enum err err =
        sql_prepare(db, "SELECT seq, mac FROM event ORDER BY seq DESC LIMIT 1", &last, error);
    err = err ? err : sql_step(last, &has_row, error);
    *out_seq = err == OK && has_row ? sqlite3_column_int64(last, 0) : 0;
    memset(out_mac, 0, EVENT_MAC_BYTES);
    if (err == OK && has_row)
        (void)mac_copy(last, 1, out_mac);
    return err;
}

static enum err row_insert(sqlite3 *db, const struct link *link, const uint8_t mac[EVENT_MAC_BYTES],
                           struct error *error)
{
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO event (" SELECT_FIELDS ") "
                               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                               &insert, error);
    if (err != OK)
        return err;
    static const int places[] = {2, 4, 5, 6, 7, 8};
    (void)sqlite3_bind_int64(insert, 1, link->seq);
    (void)sqlite3_bind_int64(insert, 3, link->at_ms);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (link->text[i].at)
            sql_bind_text(insert, places[i], link->text[i]);
    (void)sqlite3_bind_blob(insert, 9, mac, EVENT_MAC_BYTES, SQLITE_STATIC);
    return sql_done(insert, NULL, error);
}

static enum err head_put(sqlite3 *db, const uint8_t head[EVENT_MAC_BYTES], struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(
        db, "INSERT OR REPLACE INTO setting (name, value) VALUES ('event_head', ?1)", &put, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_blob(put, 1, head, EVENT_MAC_BYTES, SQLITE_STATIC);
    return sql_done(put, NULL, error);
}

enum err event_chain_add(sqlite3 *db, const struct vault *vault, const struct event_row *event,
                         struct error *error)
{
    uint8_t before[EVENT_MAC_BYTES], mac[EVENT_MAC_BYTES], head[EVENT_MAC_BYTES];
    struct link link = {.at_ms = event->at_ms,
                        .text = {str_of(event->id), str_of(event->actor), str_of(event->action),
                                 str_of(event->subject), str_of(event->before_json),
                                 str_of(event->after_json)}};
    if (!event->before_json)
        link.text[4] = (struct str){0};
    if (!event->after_json)
        link.text[5] = (struct str){0};
    enum err err = last_link(db, &link.seq, before, error);
    if (err != OK)
        return err;
    link.seq++;
    if (is_too_long(&link))
        return error_set(
            error, ERR_TOO_LARGE,
            "the event of this change (row %lld, %s of %s) would be longer than 4 MiB: "
            "change less at once",
            (long long)link.seq, event->action, event->subject);
    if (link_mac(vault, before, &link, mac) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to write the event of row %lld",
                         (long long)link.seq);
    head_mac(vault, link.seq, mac, head);
    err = row_insert(db, &link, mac, error);
    return err == OK ? head_put(db, head, error) : err;
}

/* ---- verifying ------------------------------------------------------------------------------------ */

static void say_bad(struct event_report *report, int64_t seq, struct str id, const char *why)
{
    report->is_broken = true;
    report->bad_seq = seq;
    str_copy(id, report->bad_id, sizeof report->bad_id);
    str_copy(str_of(why), report->why, sizeof report->why);
}

static struct link link_of(sqlite3_stmt *row)
{
    struct link link = {.seq = sqlite3_column_int64(row, 0), .at_ms = sqlite3_column_int64(row, 2)};
    static const int places[] = {1, 3, 4, 5, 6, 7};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (sqlite3_column_type(row, places[i]) != SQLITE_NULL)
            link.text[i] = sql_text(row, places[i]);
    return link;
}

/* Older than the chain, or one link further, or the first bad one. */
static enum err follow_row(const struct vault *vault, sqlite3_stmt *row,
                           struct event_report *report, struct error *error)
{
    struct link link = link_of(row);
    uint8_t mac[EVENT_MAC_BYTES], wanted[EVENT_MAC_BYTES];
    bool has_mac = mac_copy(row, 8, mac);
    if (link.seq != report->events + 1) {
        say_bad(report, report->events + 1, STR(""),
                "the row is missing: it was deleted, or the rows were moved");
        return OK;
    }
    if (!has_mac && report->events == report->before_chain) {
        report->events++;
        report->before_chain++;
        return OK;
    }
    if (is_too_long(&link)) {
        say_bad(report, link.seq, link.text[0],
                "the row is longer than any that is written: it was changed");
        return OK;
    }
    if (link_mac(vault, report->last, &link, wanted) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the event of row %lld",
                         (long long)link.seq);
    if (!has_mac || memcmp(mac, wanted, sizeof mac) != 0) {
        say_bad(report, link.seq, link.text[0],
                "the row is not what was written: it, or its place, was changed");
        return OK;
    }
    memcpy(report->last, mac, sizeof report->last);
    report->events++;
    return OK;
}

/* The rows are over: is the last one the last that was written? */
static enum err check_head(sqlite3 *db, const struct vault *vault, struct event_report *report,
                           struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    uint8_t kept[EVENT_MAC_BYTES], wanted[EVENT_MAC_BYTES];
    bool has_row = false;
    enum err err =
        sql_prepare(db, "SELECT value FROM setting WHERE name = 'event_head'", &select, error);
    err = err ? err : sql_step(select, &has_row, error);
    if (err != OK)
        return err;
    bool has_head = has_row && mac_copy(select, 0, kept);
    head_mac(vault, report->events, report->last, wanted);
    bool has_chain = report->events > report->before_chain;
    if (has_head ? memcmp(kept, wanted, sizeof kept) != 0 : has_chain)
        say_bad(report, report->events + 1, STR(""),
                "rows are missing at the end: they were deleted, or the mark of the last one was");
    return OK;
}

enum err event_chain_follow(sqlite3 *db, const struct vault *vault, int limit,
                            struct event_report *report, bool *out_is_over, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = true;
    enum err err =
        sql_prepare(db, "SELECT " SELECT_FIELDS " FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                    &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, report->events);
    (void)sqlite3_bind_int(select, 2, limit);
    for (int i = 0; err == OK && !report->is_broken && i < limit; i++) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        err = follow_row(vault, select, report, error);
    }
    *out_is_over = report->is_broken || !has_row;
    if (err == OK && !has_row && !report->is_broken)
        err = check_head(db, vault, report, error);
    return err;
}
