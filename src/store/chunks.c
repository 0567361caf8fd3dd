/* store/chunks.c: making, filling and sealing the tables of jobs. */
#include "store/chunks.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>

#define KEY_TRIES 1000

/* ---- catalogue ---------------------------------------------------------------------------------- */

static enum err head_make(struct chunks *chunks, int64_t id, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *insert = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_create(&sql, id);
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for a statement");
    enum err err = sql_run(chunks->db, sql.data, error);
    if (err == OK)
        err = sql_prepare(chunks->db, "INSERT INTO chunk VALUES (?1, 0, 0, 0, 0, 0, 0, ?2)",
                          &insert, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(insert, 1, id);
    (void)sqlite3_bind_int64(insert, 2, JOB_FIELD_COUNT);
    return sql_done(insert, NULL, error);
}

/* In a transaction of its own. */
static enum err head_begin(struct chunks *chunks, int64_t id, struct error *error)
{
    enum err err = sql_begin(chunks->db, SQL_WRITER, error);
    if (err == OK)
        err = head_make(chunks, id, error);
    if (err == OK)
        err = sql_run(chunks->db, "COMMIT", error);
    if (err != OK) {
        sql_roll_back(chunks->db);
        return err;
    }
    chunks->head = chunks->head_committed =
        (struct chunk){.id = id, .field_count = JOB_FIELD_COUNT};
    return OK;
}

enum err chunks_open(struct chunks *chunks, sqlite3 *db, int64_t rows_max, struct error *error)
{
    *chunks = (struct chunks){
        .db = db, .rows_max = rows_max, .may_need_indexes = true, .may_have_remnants = true};
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db,
                               "SELECT id, row_count, min_at, max_at, field_count FROM chunk "
                               "ORDER BY id DESC LIMIT 1",
                               &select, error);
    if (err == OK)
        err = sql_step(select, &has_row, error);
    if (err != OK)
        return err;
    if (!has_row)
        return head_begin(chunks, 1, error);
    chunks->head = (struct chunk){sqlite3_column_int64(select, 0), sqlite3_column_int64(select, 1),
                                  sqlite3_column_int64(select, 2), sqlite3_column_int64(select, 3),
                                  sqlite3_column_int64(select, 4)};
    chunks->head_committed = chunks->head;
    chunks->next_number = chunks->head.row_count;
    (void)sqlite3_reset(select);
    /* Made by a program that knew other fields: it is sealed as it is. */
    if (chunks->head.field_count != JOB_FIELD_COUNT)
        return head_begin(chunks, chunks->head.id + 1, error);
    return OK;
}

static void statements_drop(struct chunk_statements *statements)
{
    sqlite3_finalize(statements->insert);
    sqlite3_finalize(statements->update);
    sqlite3_finalize(statements->select);
    *statements = (struct chunk_statements){0};
}

void chunks_statements_drop(struct chunks *chunks, int64_t chunk)
{
    for (size_t i = 0; i < CHUNK_STATEMENTS_KEPT; i++)
        if (chunks->kept[i].chunk == chunk)
            statements_drop(&chunks->kept[i]);
}

void chunks_close(struct chunks *chunks)
{
    for (size_t i = 0; i < CHUNK_STATEMENTS_KEPT; i++)
        statements_drop(&chunks->kept[i]);
    sqlite3_finalize(chunks->save);
    chunks->save = NULL;
}

enum err chunks_save(struct chunks *chunks, struct error *error)
{
    const struct chunk *head = &chunks->head;
    if (!chunks->save) {
        enum err err = sql_prepare(chunks->db,
                                   "UPDATE chunk SET row_count = ?2, min_at = ?3, max_at = ?4, "
                                   "min_created_at_ms = ?5, max_created_at_ms = ?6 WHERE id = ?1",
                                   &chunks->save, error);
        if (err != OK)
            return err;
    }
    const int64_t values[] = {head->id,
                              head->row_count,
                              head->min_at,
                              head->max_at,
                              head->min_at >> AT_NUMBER_BITS,
                              head->max_at >> AT_NUMBER_BITS};
    for (int i = 0; i < 6; i++)
        (void)sqlite3_bind_int64(chunks->save, i + 1, values[i]);
    return sql_done(chunks->save, NULL, error);
}

void chunks_on_commit(struct chunks *chunks)
{
    chunks->head_committed = chunks->head;
}

void chunks_on_rollback(struct chunks *chunks)
{
    chunks->head = chunks->head_committed;
}

/* ---- rows --------------------------------------------------------------------------------------- */

typedef void sql_writer(struct buf *sql, int64_t chunk, int64_t field_count);

static void write_insert(struct buf *sql, int64_t chunk, int64_t field_count)
{
    assert(field_count == JOB_FIELD_COUNT); /* it is the head */
    job_sql_insert(sql, chunk);
}

static enum err fields_count(struct chunks *chunks, struct chunk_statements *statements,
                             struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err =
        sql_prepare(chunks->db, "SELECT field_count FROM chunk WHERE id = ?1", &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, statements->chunk);
    err = sql_step(select, &has_row, error);
    if (err == OK && !has_row)
        return error_set(error, ERR_MALFORMED, "the catalogue of requests is damaged");
    if (err == OK)
        statements->field_count = sqlite3_column_int64(select, 0);
    return err;
}

static enum err prepare_for(struct chunks *chunks, struct chunk_statements *statements,
                            sql_writer *write, const char *behind, sqlite3_stmt **out_statement,
                            struct error *error)
{
    if (*out_statement)
        return OK;
    AUTO_BUF struct buf sql;
    buf_init(&sql, SQL_TEXT_MAX);
    if (!statements->field_count) {
        enum err err = fields_count(chunks, statements, error);
        if (err != OK)
            return err;
    }
    write(&sql, statements->chunk, statements->field_count);
    buf_puts(&sql, behind);
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for a statement");
    return sql_prepare(chunks->db, sql.data, out_statement, error);
}

/* The statements kept for `chunk`; those of the chunk that was unused for longest make way. */
static struct chunk_statements *statements_of(struct chunks *chunks, int64_t chunk)
{
    struct chunk_statements *oldest = &chunks->kept[0];
    for (size_t i = 0; i < CHUNK_STATEMENTS_KEPT; i++) {
        struct chunk_statements *kept = &chunks->kept[i];
        if (kept->chunk == chunk) {
            oldest = kept;
            break;
        }
        if (kept->used_at < oldest->used_at)
            oldest = kept;
    }
    if (oldest->chunk != chunk)
        statements_drop(oldest);
    oldest->chunk = chunk;
    oldest->used_at = ++chunks->uses;
    return oldest;
}

static void head_count(struct chunk *head, int64_t at)
{
    if (head->row_count == 0 || at < head->min_at)
        head->min_at = at;
    if (head->row_count == 0 || at > head->max_at)
        head->max_at = at;
    head->row_count++;
}

enum err chunks_insert(struct chunks *chunks, const struct job_record *record, int64_t *out_chunk,
                       int64_t *out_at, struct error *error)
{
    struct chunk_statements *statements = statements_of(chunks, chunks->head.id);
    enum err err = prepare_for(chunks, statements, write_insert, "", &statements->insert, error);
    for (int tries = 0; err == OK && tries < KEY_TRIES; tries++) {
        int64_t at = job_at(record->created_at_ms) | (chunks->next_number++ & AT_NUMBER_MAX);
        job_row_bind(statements->insert, at, record, chunks->attempts);
        err = sql_done(statements->insert, NULL, error);
        if (err == OK) {
            head_count(&chunks->head, at);
            *out_chunk = chunks->head.id;
            *out_at = at;
            return OK;
        }
        /* Another row of that millisecond has the number (the count began anew): the next one. */
        if (sqlite3_extended_errcode(chunks->db) == SQLITE_CONSTRAINT_PRIMARYKEY ||
            sqlite3_extended_errcode(chunks->db) == SQLITE_CONSTRAINT_ROWID)
            err = OK;
    }
    return err != OK ? err : error_set(error, ERR_IO, "a millisecond has too many requests");
}

enum err chunks_update(struct chunks *chunks, int64_t chunk, int64_t at,
                       const struct job_record *record, struct error *error)
{
    struct chunk_statements *statements = statements_of(chunks, chunk);
    enum err err = prepare_for(chunks, statements, job_sql_update, "", &statements->update, error);
    if (err != OK)
        return err;
    int changes = 0;
    job_row_bind(statements->update, at, record, chunks->attempts);
    err = sql_done(statements->update, &changes, error);
    if (err == OK && changes != 1)
        return error_set(error, ERR_IO, "the row of %s is gone", record->id);
    return err;
}

enum err chunks_read(struct chunks *chunks, int64_t chunk, int64_t at,
                     struct job_record *out_record, struct error *error)
{
    struct chunk_statements *statements = statements_of(chunks, chunk);
    enum err err = prepare_for(chunks, statements, job_sql_select, " WHERE at = ?1",
                               &statements->select, error);
    if (err != OK)
        return err;
    bool has_row = false;
    int64_t unused = 0;
    (void)sqlite3_bind_int64(statements->select, 1, at);
    err = sql_step(statements->select, &has_row, error);
    if (err == OK && !has_row)
        return ERR_NOT_FOUND;
    if (err == OK && job_row_read(statements->select, &unused, out_record) != OK)
        err = error_set(error, ERR_MALFORMED, "the row of a request is damaged");
    (void)sqlite3_reset(statements->select);
    return err;
}

/* ---- all chunks --------------------------------------------------------------------------------- */

static enum err find_in(struct chunks *chunks, int64_t chunk, const struct job_record *wanted,
                        bool *out_has_row, int64_t *out_at, bool *out_is_open, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_printf(&sql, "SELECT at, status FROM jobs_%lld", (long long)chunk); /* table name only */
    buf_puts(&sql, " WHERE at BETWEEN ?1 AND ?2 AND id = ?3");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_prepare(chunks->db, sql.data, &select, error);
    if (err != OK)
        return err;
    int64_t first = job_at(wanted->created_at_ms);
    (void)sqlite3_bind_int64(select, 1, first);
    (void)sqlite3_bind_int64(select, 2, first | AT_NUMBER_MAX);
    sql_bind_text(select, 3, str_of(wanted->id));
    err = sql_step(select, out_has_row, error);
    if (err == OK && *out_has_row) {
        *out_at = sqlite3_column_int64(select, 0);
        *out_is_open = sqlite3_column_int64(select, 1) == JOB_OPEN;
    }
    return err;
}

enum err chunks_find(struct chunks *chunks, const struct job_record *wanted, int64_t *out_chunk,
                     int64_t *out_at, bool *out_is_open, struct error *error)
{
    AUTO_STMT sqlite3_stmt *each = NULL;
    enum err err = sql_prepare(
        chunks->db, "SELECT id FROM chunk WHERE row_count > 0 AND min_at <= ?1 AND max_at >= ?2",
        &each, error);
    if (err != OK)
        return err;
    int64_t first = job_at(wanted->created_at_ms);
    (void)sqlite3_bind_int64(each, 1, first | AT_NUMBER_MAX);
    (void)sqlite3_bind_int64(each, 2, first);
    for (bool has_chunk = true, is_found = false; err == OK && has_chunk;) {
        err = sql_step(each, &has_chunk, error);
        if (err != OK || !has_chunk)
            break;
        int64_t chunk = sqlite3_column_int64(each, 0);
        err = find_in(chunks, chunk, wanted, &is_found, out_at, out_is_open, error);
        if (err == OK && is_found) {
            *out_chunk = chunk;
            return OK;
        }
    }
    return err != OK ? err : ERR_NOT_FOUND;
}

static enum err each_open_in(struct chunks *chunks, int64_t chunk, chunks_on_open *on_open,
                             void *arg, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_printf(&sql, "SELECT at, id FROM jobs_%lld", (long long)chunk); /* table name only */
    buf_puts(&sql, " WHERE status = 0");
    enum err err = sql.failed ? ERR_NO_MEMORY : sql_prepare(chunks->db, sql.data, &select, error);
    for (bool has_row = true; err == OK && has_row;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        char id[ID_MAX];
        sql_copy(select, 1, id, sizeof id);
        err = on_open(arg, chunk, sqlite3_column_int64(select, 0), id);
    }
    return err;
}

enum err chunks_each_open(struct chunks *chunks, chunks_on_open *on_open, void *arg,
                          struct error *error)
{
    AUTO_STMT sqlite3_stmt *each = NULL;
    enum err err = sql_prepare(chunks->db, "SELECT id FROM chunk", &each, error);
    for (bool has_chunk = true; err == OK && has_chunk;) {
        err = sql_step(each, &has_chunk, error);
        if (err == OK && has_chunk)
            err = each_open_in(chunks, sqlite3_column_int64(each, 0), on_open, arg, error);
    }
    return err;
}

/* ---- sealing ------------------------------------------------------------------------------------ */

static enum err index_build(struct chunks *chunks, int64_t chunk, int64_t done, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *mark = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_index(&sql, chunk, (enum job_index)done);
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for a statement");
    enum err err = sql_begin(chunks->db, SQL_WRITER, error);
    if (err == OK)
        err = sql_run(chunks->db, sql.data, error);
    if (err == OK)
        err = sql_prepare(chunks->db, "UPDATE chunk SET indexes_done = ?2 WHERE id = ?1", &mark,
                          error);
    if (err == OK) {
        (void)sqlite3_bind_int64(mark, 1, chunk);
        (void)sqlite3_bind_int64(mark, 2, done + 1);
        err = sql_done(mark, NULL, error);
    }
    if (err == OK)
        err = sql_run(chunks->db, "COMMIT", error);
    if (err != OK)
        sql_roll_back(chunks->db);
    return err;
}

/* The oldest chunk behind the head that lacks an index; `*out_has` is false when there is none. */
static enum err unsealed_find(struct chunks *chunks, bool *out_has, int64_t *out_chunk,
                              int64_t *out_done, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(chunks->db,
                               "SELECT id, indexes_done FROM chunk "
                               "WHERE id < ?1 AND indexes_done < ?2 ORDER BY id LIMIT 1",
                               &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, chunks->head.id);
    (void)sqlite3_bind_int64(select, 2, JOB_INDEX_COUNT);
    err = sql_step(select, out_has, error);
    if (err == OK && *out_has) {
        *out_chunk = sqlite3_column_int64(select, 0);
        *out_done = sqlite3_column_int64(select, 1);
    }
    return err;
}

enum err chunks_maintain(struct chunks *chunks, bool *out_did, struct error *error)
{
    *out_did = false;
    if (chunks->head.row_count >= chunks->rows_max) {
        enum err err = head_begin(chunks, chunks->head.id + 1, error);
        *out_did = chunks->may_need_indexes = err == OK;
        return err;
    }
    if (!chunks->may_need_indexes)
        return OK;
    bool has = false;
    int64_t chunk = 0, done = 0;
    enum err err = unsealed_find(chunks, &has, &chunk, &done, error);
    if (err == OK && has) {
        err = index_build(chunks, chunk, done, error);
        *out_did = err == OK;
    } else if (err == OK) {
        chunks->may_need_indexes = false;
        mem_trim(); /* sorting half a million rows took some memory */
    }
    return err;
}
