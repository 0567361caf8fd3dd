/* store/transition_log.c: changes of state as rows: written in batches, told as a list, added up to a moment, and let go of.
 *
 * What the server itself did stands among them, because it turns a page: from "stopped", "killed" or "notes_lost" on nothing is
 * known of providers and workers until it is noted again, which the server does as soon as it runs. So the state at a time is the
 * last row of each since the last page before that time, and no page needs to repeat what the one before said.
 *
 * A kill writes no row. The next start does, with the time at which the server was last known to be alive.
 */
#include "base/mem.h"
#include "store/cursor.h"
#include "store/store_parts.h"
#include "sys/clock.h"

#include <stdio.h>

#define AT_ONCE       64
#define TRIM_EVERY_MS (INT64_C(3600) * 1000)
#define TRIM_ROWS     1000
#define ROWS_MAX      "500000"
#define KEPT_FROM \
    "transitions_from_ms" /* in `setting`: older ones are not all there; absent: since ever */

#define COLUMNS "at_ms, kind, id, owner, name, from_state, to_state, reason, lost"

/* ---- writing ------------------------------------------------------------------------------------- */

static void bind(sqlite3_stmt *insert, const struct transition *transition)
{
    (void)sqlite3_bind_int64(insert, 1, transition->at_ms);
    sql_bind_text(insert, 2, str_of(transition_kind_name(transition->kind)));
    sql_bind_text(insert, 3, str_of(transition->id));
    sql_bind_text(insert, 4, str_of(transition->owner));
    sql_bind_text(insert, 5, str_of(transition->name));
    sql_bind_text(insert, 6, str_of(transition->from));
    sql_bind_text(insert, 7, str_of(transition->to));
    sql_bind_text(insert, 8, str_of(transition->reason));
    (void)sqlite3_bind_int64(insert, 9, transition->lost);
}

static enum err insert_all(sqlite3 *db, const struct transition *transitions, size_t count,
                           struct error *error)
{
    AUTO_STMT sqlite3_stmt *insert = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO transition (" COLUMNS ")"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                               &insert, error);
    for (size_t i = 0; err == OK && i < count; i++) {
        bind(insert, &transitions[i]);
        err = sql_done(insert, NULL, error);
    }
    return err;
}

enum err transition_log_step(struct store *store, bool *out_did, struct error *error)
{
    struct writer *writer = &store->writer;
    struct transition first[AT_ONCE];
    size_t count = transitions_look(store->transitions, first, AT_ONCE);
    *out_did = false;
    if (count == 0)
        return OK;
    enum err err = sql_begin(writer->db, SQL_WRITER, error);
    if (err == OK)
        err = insert_all(writer->db, first, count, error);
    if (err == OK)
        err = sql_run(writer->db, "COMMIT", error);
    if (err != OK)
        return err;
    transitions_drop(store->transitions, count);
    *out_did = true;
    return OK;
}

enum err transition_log_config(sqlite3 *db, const struct event_row *event,
                               struct transition *out_change, struct error *error)
{
    int64_t version = 0;
    char from[24], to[24];
    enum err err = sql_number(db, "SELECT value FROM setting WHERE name = 'config_version'", 0,
                              &version, error);
    if (err != OK)
        return err;
    (void)snprintf(from, sizeof from, "%lld", (long long)version - 1);
    (void)snprintf(to, sizeof to, "%lld", (long long)version);
    *out_change = (struct transition){.at_ms = clock_wall_ms()};
    transition_set(out_change, TRANSITION_CONFIG, "", from, to, event ? event->action : "");
    str_copy(str_of(event ? event->id : ""), out_change->owner, sizeof out_change->owner);
    str_copy(str_of(event ? event->actor : ""), out_change->name, sizeof out_change->name);
    return insert_all(db, out_change, 1, error);
}

/* ---- reading one row ----------------------------------------------------------------------------- */

/* `columns` begin at `at`. False: a kind that this program does not know. */
static bool row_read(sqlite3_stmt *select, int at, struct transition *out_row)
{
    *out_row = (struct transition){.at_ms = sqlite3_column_int64(select, at),
                                   .lost = sqlite3_column_int64(select, at + 8)};
    sql_copy(select, at + 2, out_row->id, sizeof out_row->id);
    sql_copy(select, at + 3, out_row->owner, sizeof out_row->owner);
    sql_copy(select, at + 4, out_row->name, sizeof out_row->name);
    sql_copy(select, at + 5, out_row->from, sizeof out_row->from);
    sql_copy(select, at + 6, out_row->to, sizeof out_row->to);
    sql_copy(select, at + 7, out_row->reason, sizeof out_row->reason);
    return transition_kind_parse(sql_text(select, at + 1), &out_row->kind);
}

/* The last row of a kind up to a time. `out_seq` 0: there is none. */
static enum err last_of(sqlite3 *db, enum transition_kind kind, int64_t at_ms,
                        struct transition *out_row, int64_t *out_seq, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    *out_seq = 0;
    enum err err = sql_prepare(db,
                               "SELECT seq, " COLUMNS " FROM transition WHERE kind = ?1 AND id = ''"
                               " AND at_ms <= ?2 ORDER BY seq DESC LIMIT 1",
                               &select, error);
    if (err != OK)
        return err;
    sql_bind_text(select, 1, str_of(transition_kind_name(kind)));
    (void)sqlite3_bind_int64(select, 2, at_ms);
    err = sql_step(select, &has_row, error);
    if (err == OK && has_row && row_read(select, 1, out_row))
        *out_seq = sqlite3_column_int64(select, 0);
    return err;
}

/* ---- a life begins and ends ---------------------------------------------------------------------- */

static void note_server(struct store *store, int64_t at_ms, const char *from, const char *to)
{
    struct transition note = {.at_ms = at_ms};
    transition_set(&note, TRANSITION_SERVER, "", from, to, "");
    transitions_note(store->transitions, &note);
}

/* When the last life was last heard of, unless it said goodbye. 0: it did, or there was none. */
static enum err killed_at(struct store *store, int64_t alive_ms, int64_t now_ms, int64_t *out_at_ms,
                          struct error *error)
{
    struct transition last;
    int64_t seq = 0, newest_ms = 0;
    *out_at_ms = 0;
    enum err err = last_of(store->writer.db, TRANSITION_SERVER, INT64_MAX, &last, &seq, error);
    if (err == OK)
        err = sql_number(store->writer.db,
                         "SELECT at_ms FROM transition WHERE kind <> 'config' ORDER BY seq DESC "
                         "LIMIT 1",
                         0, &newest_ms, error);
    if (err != OK || seq == 0 || strcmp(last.to, "stopped") == 0)
        return err;
    *out_at_ms = alive_ms > newest_ms ? alive_ms : newest_ms + 1; /* it lived to note that */
    *out_at_ms = *out_at_ms < now_ms ? *out_at_ms : now_ms;
    return OK;
}

/* The configuration as it is found: for the first life with a log, and for changes that left no row. */
static enum err note_found(struct store *store, int64_t now_ms, struct error *error)
{
    struct transition last = {.to = ""};
    int64_t seq = 0, version = 0;
    char to[24];
    enum err err = last_of(store->writer.db, TRANSITION_CONFIG, INT64_MAX, &last, &seq, error);
    if (err == OK)
        err =
            sql_number(store->writer.db, "SELECT value FROM setting WHERE name = 'config_version'",
                       0, &version, error);
    (void)snprintf(to, sizeof to, "%lld", (long long)version);
    if (err != OK || strcmp(last.to, to) == 0)
        return err;
    struct transition found = {.at_ms = now_ms};
    transition_set(&found, TRANSITION_CONFIG, "", last.to, to, "found");
    transitions_note(store->transitions, &found);
    return OK;
}

enum err transition_log_begin(struct store *store, struct error *error)
{
    int64_t killed_ms = 0, now_ms = clock_wall_ms();
    int64_t alive_ms = alive_open(store);
    enum err err = killed_at(store, alive_ms, now_ms, &killed_ms, error);
    if (err == OK && killed_ms > 0)
        note_server(store, killed_ms, "started", "killed");
    if (err == OK)
        note_server(store, now_ms, killed_ms > 0 ? "killed" : "stopped", "started");
    if (err == OK)
        err = note_found(store, now_ms, error);
    if (err == OK)
        store_still_alive(store, now_ms);
    return err;
}

void transition_log_end(struct store *store)
{
    note_server(store, clock_wall_ms(), "started", "stopped");
}

/* ---- the list ------------------------------------------------------------------------------------ */

static const char list_text[] =
    "SELECT seq, " COLUMNS " FROM transition WHERE seq < ?1"
    " AND (?2 = '' OR (kind = 'provider' AND id = ?2) OR (kind = 'worker' AND owner = ?2))"
    " AND (?3 = '' OR kind = ?3) AND at_ms >= ?4 AND (?5 = 0 OR at_ms < ?5) ORDER BY seq DESC";

static enum err list_read(sqlite3 *db, int64_t before, const struct transition_filter *filter,
                          int limit, store_on_transition *on_transition, void *arg,
                          int64_t *out_last, bool *out_more, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db, list_text, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, before);
    sql_bind_text(select, 2, str_of(filter->provider));
    sql_bind_text(select, 3, str_of(filter->kind));
    (void)sqlite3_bind_int64(select, 4, filter->since_ms);
    (void)sqlite3_bind_int64(select, 5, filter->until_ms);
    for (int given = 0; err == OK; given++) {
        struct transition row;
        err = sql_step(select, out_more, error);
        if (err != OK || !*out_more || given == limit)
            break;
        *out_last = sqlite3_column_int64(select, 0);
        if (row_read(select, 1, &row))
            on_transition(arg, &row);
    }
    return err;
}

enum err store_transition_list(struct store *store, const struct transition_filter *filter,
                               store_on_transition *on_transition, void *arg,
                               char out_next_cursor[96], struct error *error)
{
    struct cursor from = {.at = INT64_MAX};
    if (filter->cursor[0] &&
        !cursor_read(store->vault, str_of(filter->cursor), CURSOR_TRANSITIONS, &from))
        return error_set(error, ERR_MALFORMED, "the cursor is not one of ours: start without it");
    int limit = filter->limit < 1                      ? 1
                : filter->limit > TRANSITIONS_PAGE_MAX ? TRANSITIONS_PAGE_MAX
                                                       : filter->limit;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct cursor next = {.kind = CURSOR_TRANSITIONS};
    bool has_more = false;
    err = list_read(db, from.at, filter, limit, on_transition, arg, &next.at, &has_more, error);
    reader_give(&store->readers, db);
    out_next_cursor[0] = '\0';
    if (err == OK && has_more)
        cursor_write(store->vault, &next, out_next_cursor);
    return err;
}

/* ---- a moment ------------------------------------------------------------------------------------ */

static enum err moment_read(sqlite3 *db, int64_t at_ms, struct transition_moment *moment,
                            int64_t *out_page, struct error *error)
{
    struct transition page = {.to = ""};
    int64_t kept_from_ms = 0, config_seq = 0;
    *moment = (struct transition_moment){.why = "not_kept"};
    enum err err = last_of(db, TRANSITION_SERVER, at_ms, &page, out_page, error);
    if (err == OK)
        err = last_of(db, TRANSITION_CONFIG, at_ms, &moment->config, &config_seq, error);
    if (err == OK)
        err = sql_number(db, "SELECT value FROM setting WHERE name = '" KEPT_FROM "'", 0,
                         &kept_from_ms, error);
    if (err != OK || *out_page == 0 || at_ms < kept_from_ms)
        return err;
    bool has_ended = strcmp(page.to, "stopped") == 0 || strcmp(page.to, "killed") == 0;
    moment->has_config = config_seq > 0;
    moment->page_at_ms = page.at_ms;
    moment->is_known = !has_ended;
    str_copy(str_of(strcmp(page.to, "started") == 0 ? "" : page.to), moment->why,
             sizeof moment->why);
    return OK;
}

static enum err states_read(sqlite3 *db, int64_t page, int64_t at_ms,
                            store_on_transition *on_transition, void *arg, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err =
        sql_prepare(db,
                    "SELECT max(seq), " COLUMNS " FROM transition WHERE seq > ?1 AND at_ms <= ?2"
                    " AND kind IN ('provider', 'worker') GROUP BY kind, id",
                    &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, page);
    (void)sqlite3_bind_int64(select, 2, at_ms);
    for (bool has_row = true; err == OK;) {
        struct transition row;
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        bool is_there =
            row_read(select, 1, &row) && strcmp(row.to, "gone") != 0 && strcmp(row.to, "dead") != 0;
        if (is_there)
            on_transition(arg, &row);
    }
    return err;
}

enum err store_transitions_at(struct store *store, int64_t at_ms,
                              struct transition_moment *out_moment,
                              store_on_transition *on_transition, void *arg, struct error *error)
{
    int64_t page = 0;
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = moment_read(db, at_ms, out_moment, &page, error);
    if (err == OK && out_moment->is_known)
        err = states_read(db, page, at_ms, on_transition, arg, error);
    reader_give(&store->readers, db);
    return err;
}

/* ---- letting go ---------------------------------------------------------------------------------- */

/* Of each, the last row before the cut stays: it says how things stood at the cut. Unless that was an end, or a page
 * has been turned since. */
static const char trim_text[] =
    "DELETE FROM transition WHERE seq IN (SELECT seq FROM transition AS old WHERE at_ms < ?1 AND ("
    "  to_state IN ('gone', 'dead')"
    "  OR EXISTS (SELECT 1 FROM transition AS later WHERE later.kind = old.kind"
    "    AND later.id = old.id AND later.seq > old.seq AND later.at_ms < ?1)"
    "  OR (kind IN ('provider', 'worker') AND EXISTS (SELECT 1 FROM transition AS page"
    "    WHERE page.kind = 'server' AND page.id = '' AND page.seq > old.seq AND page.at_ms < ?1))"
    ") LIMIT ?2)";

/* Whatever comes first: too old, or too many. */
static enum err cut_find(struct store *store, int64_t now_ms, int64_t *out_cut_ms,
                         struct error *error)
{
    int64_t crowd_ms = 0;
    enum err err =
        sql_number(store->writer.db,
                   "SELECT at_ms FROM transition WHERE seq <= "
                   "(SELECT max(seq) FROM transition) - " ROWS_MAX " ORDER BY seq DESC LIMIT 1",
                   0, &crowd_ms, error);
    int64_t old_ms = now_ms - store->transitions_kept_ms;
    *out_cut_ms = crowd_ms > old_ms ? crowd_ms : old_ms;
    return err;
}

static enum err trim_some(sqlite3 *db, int64_t cut_ms, int *out_deleted, struct error *error)
{
    AUTO_STMT sqlite3_stmt *trim = NULL;
    char from[24];
    enum err err = sql_prepare(db, trim_text, &trim, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(trim, 1, cut_ms);
    (void)sqlite3_bind_int64(trim, 2, TRIM_ROWS);
    err = sql_done(trim, out_deleted, error);
    (void)snprintf(from, sizeof from, "%lld", (long long)cut_ms);
    return err == OK && *out_deleted > 0 ? setting_put(db, KEPT_FROM, from, error) : err;
}

enum err transition_log_trim(struct store *store, int64_t now_ms, bool *out_did,
                             struct error *error)
{
    sqlite3 *db = store->writer.db;
    int deleted = 0;
    int64_t cut_ms = 0;
    *out_did = false;
    if (now_ms < store->transitions_trim_at_ms)
        return OK;
    enum err err = cut_find(store, now_ms, &cut_ms, error);
    if (err == OK)
        err = sql_begin(db, SQL_WRITER, error);
    if (err == OK)
        err = trim_some(db, cut_ms, &deleted, error);
    if (err == OK)
        err = sql_run(db, "COMMIT", error);
    *out_did = err == OK && deleted == TRIM_ROWS;
    if (err == OK && !*out_did)
        store->transitions_trim_at_ms = now_ms + TRIM_EVERY_MS;
    return err;
}
