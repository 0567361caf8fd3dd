/* store/jobs.c: the list of jobs, newest first, over all chunks.
 *
 * Each chunk gives its rows in descending order of their key, with any filter (a sealed chunk by its
 * index, the head by a scan). The list merges them; since chunks follow one another in time, a page
 * usually comes from one or two, and the others are not even opened. A cursor is the key and chunk of
 * the last row given, so pages are complete and without duplicates while rows come in.
 */
#include "base/mem.h"
#include "store/cursor.h"
#include "store/job_meet.h"
#include "store/job_pick.h"
#include "store/store_parts.h"

#include <assert.h>

#define CHUNKS_MAX     4096
#define FIND_WINDOW_MS 10000 /* an id and its row may tell slightly different times */

struct search {
    struct job_condition conditions[JOB_INDEX_COUNT];
    int condition_count;
    int64_t first, last; /* keys, inclusive */
    struct cursor from;  /* kind 0: from the newest */
};

/* A chunk that takes part. */
struct source {
    int64_t chunk, max_at, field_count;
    sqlite3_stmt *select;  /* NULL until a row is near */
    struct job_meet *meet; /* sealed, with conditions: finds the keys that `select` reads */
    int64_t at;            /* of its current row */
    bool is_sealed;        /* it has all indexes */
    bool has_row;
};
struct merge {
    sqlite3 *db;
    const struct search *search;
    struct source *sources; /* by max_at, descending */
    size_t count, opened;
};

/* ---- what is searched ---------------------------------------------------------------------------- */

/* Any prefix and a well-formed body: "prv_01h...". A name that looks so is not found by name. */
static bool looks_like_id(struct str value)
{
    char prefix[8];
    int64_t unused = 0;
    struct str rest = value, head = str_cut(&rest, '_');
    if (head.len == value.len || head.len + 2 > sizeof prefix)
        return false;
    str_copy(str_upto(value, head.len + 1), prefix, sizeof prefix);
    return id_parse(value, prefix, &unused);
}

static void search_add(struct search *search, enum job_index column, const char *value)
{
    if (value[0])
        search->conditions[search->condition_count++] =
            (struct job_condition){.column = column, .text = str_of(value)};
}

static enum err search_make(const struct store *store, const struct job_filter *filter,
                            struct search *search, struct error *error)
{
    bool is_key_id = looks_like_id(str_of(filter->key));
    bool is_provider_id = looks_like_id(str_of(filter->provider));
    *search = (struct search){.first = INT64_MIN, .last = INT64_MAX};
    /* In the order of JOB_INDEX_LIST: the most selective leads. */
    search_add(search, is_key_id ? JOB_INDEX_key_id : JOB_INDEX_key_name, filter->key);
    search_add(search, JOB_INDEX_user, filter->user);
    search_add(search, JOB_INDEX_agent, filter->agent);
    search_add(search, JOB_INDEX_team, filter->team);
    search_add(search, JOB_INDEX_model_key, filter->model);
    search_add(search, is_provider_id ? JOB_INDEX_provider_id : JOB_INDEX_provider_name,
               filter->provider);
    search_add(search, JOB_INDEX_reason, filter->reason);
    search_add(search, JOB_INDEX_status, filter->status);
    search_add(search, JOB_INDEX_source, filter->source);
    for (int i = 0; i < search->condition_count; i++) {
        struct job_condition *condition = &search->conditions[i];
        enum job_status status = JOB_OPEN;
        if (condition->column != JOB_INDEX_status)
            continue;
        if (!job_status_parse(condition->text, &status))
            return error_set(
                error, ERR_MALFORMED,
                "status must be open, done, failed, cancelled, interrupted or refused");
        condition->number = status;
    }
    if (filter->since_ms > 0)
        search->first = job_at(filter->since_ms);
    if (filter->until_ms > 0)
        search->last = job_at(filter->until_ms) - 1;
    if (filter->cursor[0] &&
        !cursor_read(store->vault, str_of(filter->cursor), CURSOR_JOBS, &search->from))
        return error_set(error, ERR_MALFORMED, "the cursor is not one of ours: start without it");
    return OK;
}

/* The last key that this chunk may still give. Behind the cursor come smaller keys, and the same key
 * in an older chunk. */
static int64_t last_of(const struct search *search, int64_t chunk)
{
    if (search->from.kind != CURSOR_JOBS)
        return search->last;
    int64_t last = chunk < (int64_t)search->from.chunk ? search->from.at : search->from.at - 1;
    return last < search->last ? last : search->last;
}

/* The head, which has no indexes yet, and any chunk while there is no condition: its rows in their order. */
static enum err source_open_scan(sqlite3 *db, const struct search *search, struct source *source,
                                 struct error *error)
{
    AUTO_BUF struct buf sql;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_select(&sql, source->chunk, source->field_count);
    buf_puts(&sql, " WHERE at >= ?1 AND at <= ?2");
    for (int i = 0; i < search->condition_count; i++)
        buf_printf(&sql, " AND %s = ?%d", job_index_column(search->conditions[i].column), i + 3);
    buf_puts(&sql, " ORDER BY at DESC");
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    enum err err = sql_prepare(db, sql.data, &source->select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(source->select, 1, search->first);
    (void)sqlite3_bind_int64(source->select, 2, last_of(search, source->chunk));
    for (int i = 0; i < search->condition_count; i++)
        job_condition_bind(&search->conditions[i], source->select, i + 3);
    return OK;
}

/* Reads one row by its key: made when the first one is found, most chunks have none. */
static enum err source_open_row(sqlite3 *db, struct source *source, struct error *error)
{
    AUTO_BUF struct buf sql;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_select(&sql, source->chunk, source->field_count);
    buf_puts(&sql, " WHERE at = ?1");
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    return sql_prepare(db, sql.data, &source->select, error);
}

static enum err source_open(sqlite3 *db, const struct search *search, struct source *source,
                            struct error *error)
{
    if (!source->is_sealed || search->condition_count == 0)
        return source_open_scan(db, search, source, error);
    return job_meet_open(db, source->chunk, search->conditions, search->condition_count,
                         search->first, last_of(search, source->chunk), &source->meet, error);
}

/* ---- the merge ----------------------------------------------------------------------------------- */

/* `select` at the next key for which all conditions hold. */
static enum err source_seek(sqlite3 *db, struct source *source, struct error *error)
{
    int64_t at = 0;
    enum err err = job_meet_next(source->meet, &source->has_row, &at, error);
    if (err == OK && source->has_row && !source->select)
        err = source_open_row(db, source, error);
    if (err != OK || !source->has_row)
        return err;
    (void)sqlite3_reset(source->select);
    (void)sqlite3_bind_int64(source->select, 1, at);
    return OK;
}

static enum err source_step(sqlite3 *db, struct source *source, struct error *error)
{
    source->has_row = true;
    enum err err = source->meet ? source_seek(db, source, error) : OK;
    if (err != OK || !source->has_row)
        return err;
    err = sql_step(source->select, &source->has_row, error);
    if (err == OK && source->has_row)
        source->at = sqlite3_column_int64(source->select, 0);
    return err;
}

static enum err merge_open(struct merge *merge, sqlite3 *db, const struct search *search,
                           struct error *error)
{
    *merge = (struct merge){.db = db, .search = search};
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(
        db,
        "SELECT id, max_at, field_count, indexes_done FROM chunk WHERE row_count > 0 AND min_at <= ?2 "
        "AND max_at >= ?1 ORDER BY max_at DESC LIMIT ?3",
        &select, error);
    if (err != OK)
        return err;
    merge->sources = mem_zalloc(CHUNKS_MAX, sizeof *merge->sources);
    if (!merge->sources)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    (void)sqlite3_bind_int64(select, 1, search->first);
    (void)sqlite3_bind_int64(select, 2, search->last);
    (void)sqlite3_bind_int(select, 3, CHUNKS_MAX);
    for (bool has_row = true; err == OK && merge->count < CHUNKS_MAX;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        merge->sources[merge->count++] =
            (struct source){.chunk = sqlite3_column_int64(select, 0),
                            .max_at = sqlite3_column_int64(select, 1),
                            .field_count = sqlite3_column_int64(select, 2),
                            .is_sealed = sqlite3_column_int64(select, 3) == JOB_INDEX_COUNT};
    }
    return err;
}

static void merge_close(struct merge *merge)
{
    for (size_t i = 0; i < merge->opened; i++) {
        sqlite3_finalize(merge->sources[i].select);
        job_meet_close(merge->sources[i].meet);
    }
    mem_free(merge->sources);
}

static bool is_newer(const struct source *a, const struct source *b)
{
    return a->at > b->at || (a->at == b->at && a->chunk > b->chunk);
}

static struct source *newest_opened(const struct merge *merge)
{
    struct source *best = NULL;
    for (size_t i = 0; i < merge->opened; i++) {
        struct source *source = &merge->sources[i];
        if (source->has_row && (!best || is_newer(source, best)))
            best = source;
    }
    return best;
}

/* The source with the newest row that was not given yet; NULL when all are at their end. Opens those
 * that may have newer rows than the best one so far. */
static enum err merge_peek(struct merge *merge, struct source **out_source, struct error *error)
{
    struct source *best = newest_opened(merge);
    while (merge->opened < merge->count &&
           (!best || merge->sources[merge->opened].max_at >= best->at)) {
        struct source *source = &merge->sources[merge->opened++];
        enum err err = source_open(merge->db, merge->search, source, error);
        if (err != OK)
            return err;
        err = source_step(merge->db, source, error);
        if (err != OK)
            return err;
        if (source->has_row && (!best || is_newer(source, best)))
            best = source;
    }
    *out_source = best;
    return OK;
}

/* Fills the page; `next->kind` stays 0 when the list ends here. */
static enum err page_read(struct merge *merge, struct job_pick *pick, struct cursor *next,
                          struct error *error)
{
    struct cursor last = {.kind = CURSOR_JOBS};
    for (;;) {
        struct source *source = NULL;
        enum err err = merge_peek(merge, &source, error);
        if (err != OK || !source)
            return err;
        if (job_pick_is_full(pick)) {
            *next = last;
            return OK;
        }
        last.at = source->at;
        last.chunk = (uint32_t)source->chunk;
        err = job_pick_look(pick, source->select, error);
        if (err == OK)
            err = source_step(merge->db, source, error);
        if (err != OK)
            return err;
    }
}

static enum err page_make(struct store *store, const struct search *search, struct job_pick *pick,
                          struct cursor *next, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct merge merge;
    err = merge_open(&merge, db, search, error);
    if (err == OK)
        err = page_read(&merge, pick, next, error);
    merge_close(&merge);
    reader_give(&store->readers, db);
    return err;
}

/* Damage that a reader meets is the server's trouble, never the caller's. */
static enum err of_reading(enum err err, struct error *error)
{
    if (err != ERR_MALFORMED)
        return err;
    if (error)
        error->code = ERR_IO;
    return ERR_IO;
}

static void page_tell(const struct store *store, const struct job_filter *filter,
                      const struct cursor *next, struct jobs_page *out_page)
{
    *out_page = (struct jobs_page){0};
    if (next->kind != CURSOR_JOBS)
        return;
    if (job_filter_looks(filter))
        out_page->looked_back_ms = next->at >> AT_NUMBER_BITS;
    if (filter->order == JOBS_NEWEST)
        cursor_write(store->vault, next, out_page->next_cursor);
}

enum err store_jobs_page(struct store *store, const struct job_filter *given, store_on_job *on_job,
                         void *arg, struct jobs_page *out_page, struct error *error)
{
    struct job_filter filter = *given;
    struct search search;
    struct job_pick pick;
    struct cursor next = {0};
    filter.limit = filter.limit < 1               ? 1
                   : filter.limit > JOBS_PAGE_MAX ? JOBS_PAGE_MAX
                                                  : filter.limit;
    enum err err = search_make(store, &filter, &search, error);
    if (err != OK)
        return err;
    /* The page is read first and told then: a slow receiver must not hold a read transaction. */
    AUTO_FREE struct job_record *jobs = mem_zalloc((size_t)filter.limit + 1, sizeof *jobs);
    if (!jobs)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    job_pick_init(&pick, &filter, jobs, &jobs[filter.limit]);
    err = of_reading(page_make(store, &search, &pick, &next, error), error);
    if (err != OK)
        return err;
    for (int i = 0; i < pick.count; i++)
        on_job(arg, job_pick_at(&pick, i));
    page_tell(store, &filter, &next, out_page);
    return OK;
}

enum err store_jobs(struct store *store, const struct job_filter *filter, store_on_job *on_job,
                    void *arg, char out_next_cursor[96], struct error *error)
{
    struct jobs_page page;
    enum err err = store_jobs_page(store, filter, on_job, arg, &page, error);
    if (err == OK)
        str_copy(str_of(page.next_cursor), out_next_cursor, sizeof page.next_cursor);
    return err;
}

/* ---- one job ------------------------------------------------------------------------------------- */

static enum err job_find_in(sqlite3 *db, const struct source *source, const char *id, int64_t first,
                            int64_t last, struct job_record *out_job, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_select(&sql, source->chunk, source->field_count);
    buf_puts(&sql, " WHERE at BETWEEN ?1 AND ?2 AND id = ?3");
    enum err err = sql.failed ? error_set(error, ERR_NO_MEMORY, "no memory to find a request")
                              : sql_prepare(db, sql.data, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, first);
    (void)sqlite3_bind_int64(select, 2, last);
    sql_bind_text(select, 3, str_of(id));
    bool has_row = false;
    int64_t unused = 0;
    err = sql_step(select, &has_row, error);
    if (err != OK)
        return err;
    if (!has_row)
        return ERR_NOT_FOUND;
    if (job_row_read(select, &unused, out_job) != OK)
        return error_set(error, ERR_MALFORMED, "the row of %s is damaged", id);
    return OK;
}

static enum err job_find(sqlite3 *db, const char *id, int64_t first, int64_t last,
                         struct job_record *out_job, struct error *error)
{
    struct search search = {.first = first, .last = last};
    struct merge merge;
    enum err err = merge_open(&merge, db, &search, error);
    bool is_read = err == OK;
    if (is_read)
        err = ERR_NOT_FOUND;
    for (size_t i = 0; err == ERR_NOT_FOUND && i < merge.count; i++)
        err = job_find_in(db, &merge.sources[i], id, first, last, out_job, error);
    merge_close(&merge);
    return err;
}

enum err store_job(struct store *store, const char *id, struct job_record *out_job,
                   struct error *error)
{
    int64_t at_ms = 0;
    if (!id_parse(str_of(id), "job_", &at_ms))
        return error_set(error, ERR_NOT_FOUND, "'%.40s' is no job id", id);
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct job_record job;
    int64_t exact = job_at(at_ms);
    err = job_find(db, id, exact, exact | AT_NUMBER_MAX, &job, error);
    if (err == ERR_NOT_FOUND)
        err = job_find(db, id, job_at(at_ms - FIND_WINDOW_MS),
                       job_at(at_ms + FIND_WINDOW_MS) | AT_NUMBER_MAX, &job, error);
    reader_give(&store->readers, db);
    if (err == ERR_NOT_FOUND)
        return error_set(error, ERR_NOT_FOUND, "there is no job '%s'", id);
    if (err == OK)
        *out_job = job;
    return of_reading(err, error);
}
