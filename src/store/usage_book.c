/* store/usage_book.c: what a transaction adds is gathered, sorted and written once.
 *
 * A batch of a thousand jobs has few distinct groups and minutes, so it is added up in memory first: sorted by
 * group and time, what belongs to one row of a table stands together, at each level.
 */
#include "store/usage_book.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

#define ENTRIES_MAX   4096u
#define KNOWN_SLOTS   8192u /* a power of two; it is forgotten when it is half full */
#define TRIM_ROWS     1000
#define TRIM_EVERY_MS USAGE_HOUR_MS

struct usage_entry {
    int64_t group, minute;
    struct usage_sums sums;
};

/* A group whose id we know. */
struct usage_known {
    char *names; /* packed; NULL: free */
    size_t len;
    uint64_t hash;
    int64_t id;
};

void usage_book_open(struct usage_book *book, sqlite3 *db, int64_t minutes_kept_ms)
{
    *book = (struct usage_book){
        .db = db, .minutes_kept_ms = minutes_kept_ms ? minutes_kept_ms : USAGE_MINUTES_KEPT_MS};
}

static void known_forget(struct usage_book *book)
{
    for (size_t i = 0; book->known && i < KNOWN_SLOTS; i++) {
        mem_free(book->known[i].names);
        book->known[i].names = NULL;
    }
    book->known_count = 0;
}

void usage_book_close(struct usage_book *book)
{
    known_forget(book);
    mem_free(book->known);
    mem_free(book->entries);
    sqlite3_finalize(book->put_group);
    for (size_t level = 0; level < USAGE_LEVELS; level++)
        sqlite3_finalize(book->put[level]);
    *book = (struct usage_book){0};
}

void usage_book_on_rollback(struct usage_book *book)
{
    book->count = 0;
    known_forget(book); /* it may know rows that were taken back */
}

static enum err no_memory(struct error *error)
{
    return error_set(error, ERR_NO_MEMORY, "no memory to sum up what is used");
}

static enum err rooms_make(struct usage_book *book, struct error *error)
{
    if (!book->entries)
        book->entries = mem_alloc(ENTRIES_MAX * sizeof *book->entries);
    if (!book->known)
        book->known = mem_zalloc(KNOWN_SLOTS, sizeof *book->known);
    return book->entries && book->known ? OK : no_memory(error);
}

/* ---- groups -------------------------------------------------------------------------------------- */

/* No name holds a NUL. */
static void names_pack(const struct usage_names *names, struct buf *out)
{
    for (size_t i = 0; i < USAGE_NAME_COUNT; i++) {
        buf_append_str(out, names->name[i]);
        buf_append_lit(out, "\0");
    }
    buf_append_str(out, names->provider_name);
    buf_append_lit(out, "\0");
    buf_append_str(out, names->key_name);
}

/* The slot that holds these names, or the free one where they would go. */
static struct usage_known *known_slot(struct usage_book *book, struct str names, uint64_t hash)
{
    size_t at = (size_t)hash & (KNOWN_SLOTS - 1);
    for (; book->known[at].names; at = (at + 1) & (KNOWN_SLOTS - 1)) {
        struct usage_known *known = &book->known[at];
        if (known->hash == hash && str_eq((struct str){known->names, known->len}, names))
            break;
    }
    return &book->known[at];
}

/* Makes the row, or brings the names that people know up to date. */
static enum err group_put(struct usage_book *book, const struct usage_names *names, int64_t *out_id,
                          struct error *error)
{
    enum err err = OK;
    bool has_row = false;
    if (!book->put_group)
        err = sql_prepare(
            book->db,
            "INSERT INTO usage_group (provider, tier, model, team, agent, user, key, source,"
            " provider_name, key_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
            "ON CONFLICT (key, provider, model, user, team, agent, tier, source) DO UPDATE SET"
            " provider_name = excluded.provider_name, key_name = excluded.key_name RETURNING id",
            &book->put_group, error);
    if (err != OK)
        return err;
    static_assert(USAGE_NAME_COUNT == 8 && USAGE_provider == 0 && USAGE_source == 7,
                  "the columns are in the order of the names");
    for (int i = 0; i < USAGE_NAME_COUNT; i++)
        sql_bind_text(book->put_group, i + 1, names->name[i]);
    sql_bind_text(book->put_group, USAGE_NAME_COUNT + 1, names->provider_name);
    sql_bind_text(book->put_group, USAGE_NAME_COUNT + 2, names->key_name);
    err = sql_step(book->put_group, &has_row, error);
    if (err == OK && has_row)
        *out_id = sqlite3_column_int64(book->put_group, 0);
    (void)sqlite3_reset(book->put_group);
    if (err == OK && !has_row)
        return error_set(error, ERR_IO, "a group of the usage could not be made");
    return err;
}

static enum err group_find(struct usage_book *book, const struct usage_names *names,
                           int64_t *out_id, struct error *error)
{
    AUTO_BUF struct buf packed;
    UNSET char room[1024];
    buf_init_in(&packed, 4096, room, sizeof room);
    names_pack(names, &packed);
    if (packed.failed)
        return no_memory(error);
    uint64_t hash = str_hash(buf_str(&packed));
    struct usage_known *known = known_slot(book, buf_str(&packed), hash);
    if (known->names) {
        *out_id = known->id;
        return OK;
    }
    enum err err = group_put(book, names, out_id, error);
    if (err != OK)
        return err;
    if (book->known_count >= KNOWN_SLOTS / 2) {
        known_forget(book);
        known = known_slot(book, buf_str(&packed), hash);
    }
    char *copy = mem_dup(packed.data, packed.len);
    if (!copy)
        return no_memory(error);
    *known = (struct usage_known){copy, packed.len, hash, *out_id};
    book->known_count++;
    return OK;
}

/* ---- adding -------------------------------------------------------------------------------------- */

enum err usage_book_add(struct usage_book *book, const struct job_record *job, struct error *error)
{
    UNSET struct usage_post posts[USAGE_POSTS_MAX];
    enum err err = rooms_make(book, error);
    size_t count = err == OK ? usage_post(job, posts) : 0;
    int64_t created_at_ms = job->created_at_ms > 0 ? job->created_at_ms : 0;
    for (size_t i = 0; err == OK && i < count; i++) {
        if (book->count == ENTRIES_MAX)
            err = usage_book_write(book, error);
        struct usage_entry *entry = &book->entries[book->count];
        if (err == OK)
            err = group_find(book, &posts[i].names, &entry->group, error);
        if (err != OK)
            break;
        entry->minute = created_at_ms / USAGE_MINUTE_MS;
        entry->sums = posts[i].sums;
        book->count++;
    }
    return err;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static const int64_t minutes_of_level[USAGE_LEVELS] = {1, 60, 1440};

/* clang-format off */
#define COLUMN(sum)    ", " #sum
#define PARAMETER(sum) ", ?"
#define ADDITION(sum)  ", " #sum " = " #sum " + excluded." #sum
#define PUT_INTO(table)                                                     \
    "INSERT INTO " table " (at, grp" USAGE_SUM_LIST(COLUMN) ") VALUES (?, ?" \
    USAGE_SUM_LIST(PARAMETER) ") ON CONFLICT (at, grp) DO UPDATE SET" \
    " jobs = jobs + excluded.jobs" USAGE_SUM_LIST_BEHIND_JOBS(ADDITION)
/* clang-format on */

static const char *const put_texts[USAGE_LEVELS] = {PUT_INTO("usage_minute"),
                                                    PUT_INTO("usage_hour"), PUT_INTO("usage_day")};

static int compare_entries(const void *left, const void *right)
{
    const struct usage_entry *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->minute > b->minute) - (a->minute < b->minute);
}

static enum err row_put(struct usage_book *book, size_t level, int64_t at, int64_t group,
                        const struct usage_sums *sums, struct error *error)
{
    sqlite3_stmt *put = book->put[level];
    int next = 1;
    (void)sqlite3_bind_int64(put, next++, at);
    (void)sqlite3_bind_int64(put, next++, group);
#define X(sum) (void)sqlite3_bind_int64(put, next++, sums->sum);
    USAGE_SUM_LIST(X)
#undef X
    return sql_done(put, NULL, error);
}

/* What belongs to one row stands together. */
static enum err level_write(struct usage_book *book, size_t level, struct error *error)
{
    int64_t minutes = minutes_of_level[level];
    enum err err = OK;
    if (!book->put[level])
        err = sql_prepare(book->db, put_texts[level], &book->put[level], error);
    for (size_t i = 0, next; err == OK && i < book->count; i = next) {
        const struct usage_entry *first = &book->entries[i];
        struct usage_sums sums = first->sums;
        int64_t at = first->minute / minutes;
        for (next = i + 1; next < book->count; next++) {
            const struct usage_entry *entry = &book->entries[next];
            if (entry->group != first->group || entry->minute / minutes != at)
                break;
            usage_sums_add(&sums, &entry->sums);
        }
        err = row_put(book, level, at, first->group, &sums, error);
    }
    return err;
}

enum err usage_book_write(struct usage_book *book, struct error *error)
{
    if (book->count == 0)
        return OK;
    qsort(book->entries, book->count, sizeof *book->entries, compare_entries);
    enum err err = OK;
    for (size_t level = 0; err == OK && level < USAGE_LEVELS; level++)
        err = level_write(book, level, error);
    if (err == OK)
        book->count = 0;
    return err;
}

/* ---- trimming ------------------------------------------------------------------------------------ */

static const struct kept {
    const char *setting, *delete_some;
    int64_t kept_ms, level_ms; /* kept_ms 0: a setting */
} kept[] = {
    {USAGE_MINUTES_FROM,
     "DELETE FROM usage_minute WHERE (at, grp) IN"
     " (SELECT at, grp FROM usage_minute WHERE at < ?1 LIMIT ?2)",
     0, USAGE_MINUTE_MS},
    {USAGE_HOURS_FROM,
     "DELETE FROM usage_hour WHERE (at, grp) IN"
     " (SELECT at, grp FROM usage_hour WHERE at < ?1 LIMIT ?2)",
     USAGE_HOURS_KEPT_MS, USAGE_HOUR_MS},
};

/* Notes that from here on all is there, first; then what lies before it may go, bit by bit. */
static enum err from_put(struct usage_book *book, const char *setting, int64_t from_ms,
                         struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(book->db,
                               "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT "
                               "(name) DO UPDATE SET value = max(value, excluded.value)",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(setting));
    (void)sqlite3_bind_int64(put, 2, from_ms);
    return sql_done(put, NULL, error);
}

static enum err level_trim(struct usage_book *book, const struct kept *level, int64_t now_ms,
                           bool *out_did, struct error *error)
{
    AUTO_STMT sqlite3_stmt *delete_some = NULL;
    int64_t kept_ms = level->kept_ms ? level->kept_ms : book->minutes_kept_ms;
    int64_t from = (now_ms - kept_ms) / level->level_ms;
    int changes = 0;
    if (from <= 0)
        return OK;
    enum err err = sql_begin(book->db, SQL_WRITER, error);
    if (err == OK)
        err = from_put(book, level->setting, from * level->level_ms, error);
    if (err == OK)
        err = sql_prepare(book->db, level->delete_some, &delete_some, error);
    if (err == OK) {
        (void)sqlite3_bind_int64(delete_some, 1, from);
        (void)sqlite3_bind_int64(delete_some, 2, TRIM_ROWS);
        err = sql_done(delete_some, &changes, error);
    }
    if (err == OK)
        err = sql_run(book->db, "COMMIT", error);
    if (err != OK)
        sql_roll_back(book->db);
    *out_did = *out_did || (err == OK && changes == TRIM_ROWS);
    return err;
}

enum err usage_book_trim(struct usage_book *book, int64_t now_ms, bool *out_did,
                         struct error *error)
{
    assert(book->count == 0); /* not inside somebody's transaction */
    *out_did = false;
    if (now_ms < book->trim_at_ms)
        return OK;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < sizeof kept / sizeof kept[0]; i++)
        err = level_trim(book, &kept[i], now_ms, out_did, error);
    if (err == OK && !*out_did)
        book->trim_at_ms = now_ms + TRIM_EVERY_MS;
    return err;
}
