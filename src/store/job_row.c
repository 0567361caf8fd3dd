/* store/job_row.c: the SQL of a chunk follows from the list of fields.
 *
 * The only thing formatted into SQL is the number of a chunk, in its table's name; column names come
 * from our own lists, values are bound.
 */
#include "store/job_row.h"

#include <assert.h>

static const char *const index_columns[] = {
#define X(column) #column,
    JOB_INDEX_LIST(X)
#undef X
};

const char *job_index_column(enum job_index index)
{
    assert(index < JOB_INDEX_COUNT);
    return index_columns[index];
}

int64_t job_at(int64_t wall_ms)
{
    if (wall_ms < 0)
        wall_ms = 0;
    return (wall_ms > AT_TIME_MAX ? AT_TIME_MAX : wall_ms) << AT_NUMBER_BITS;
}

/* ---- statements --------------------------------------------------------------------------------- */

/* The fields, and two columns of our own: what the model filter looks at, and the attempts. */
static void put_columns(struct buf *sql, int64_t field_count)
{
    for (int64_t i = 0; i < field_count && i < JOB_FIELD_COUNT; i++)
        buf_printf(sql, "%s, ", job_fields[i].column);
    buf_puts(sql, "model_key, attempts");
}

/* Numbered as job_row_bind binds them, whatever is left out. */
static void put_parameters(struct buf *sql, int64_t field_count)
{
    for (int64_t i = 0; i < field_count && i < JOB_FIELD_COUNT; i++)
        buf_printf(sql, "?%lld, ", (long long)i + 2);
    buf_printf(sql, "?%d, ?%d", JOB_FIELD_COUNT + 2, JOB_FIELD_COUNT + 3);
}

static const char *missing_value(enum field_type type)
{
    return type == FIELD_TEXT || type == FIELD_LONG ? "''" : type == FIELD_MAYBE ? "NULL" : "0";
}

static const char *column_type(enum field_type type)
{
    switch (type) {
    case FIELD_TEXT:
    case FIELD_LONG: return "TEXT NOT NULL";
    case FIELD_MAYBE: return "INTEGER";
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_BOOL:
    case FIELD_STATUS: break;
    }
    return "INTEGER NOT NULL";
}

void job_sql_create(struct buf *sql, int64_t chunk)
{
    long long n = chunk;
    buf_printf(sql, "CREATE TABLE jobs_%lld (at INTEGER PRIMARY KEY", n); /* table name only */
    for (size_t i = 0; i < JOB_FIELD_COUNT; i++)
        buf_printf(sql, ", %s %s", job_fields[i].column, column_type(job_fields[i].type));
    buf_puts(sql, ", model_key TEXT NOT NULL, attempts BLOB NOT NULL) STRICT;");
    buf_printf(sql, "CREATE INDEX jobs_%lld_open", n);              /* table name only */
    buf_printf(sql, " ON jobs_%lld (status) WHERE status = 0;", n); /* table name only */
}

void job_sql_insert(struct buf *sql, int64_t chunk)
{
    buf_printf(sql, "INSERT INTO jobs_%lld (at, ", (long long)chunk); /* table name only */
    put_columns(sql, JOB_FIELD_COUNT);
    buf_puts(sql, ") VALUES (?1, ");
    put_parameters(sql, JOB_FIELD_COUNT);
    buf_puts(sql, ")");
}

void job_sql_update(struct buf *sql, int64_t chunk, int64_t field_count)
{
    buf_printf(sql, "UPDATE jobs_%lld SET (", (long long)chunk); /* table name only */
    put_columns(sql, field_count);
    buf_puts(sql, ") = (");
    put_parameters(sql, field_count);
    buf_puts(sql, ") WHERE at = ?1");
}

void job_sql_select(struct buf *sql, int64_t chunk, int64_t field_count)
{
    buf_puts(sql, "SELECT at, ");
    for (int64_t i = 0; i < JOB_FIELD_COUNT; i++)
        buf_printf(sql, "%s, ",
                   i < field_count ? job_fields[i].column : missing_value(job_fields[i].type));
    buf_puts(sql, "model_key, attempts");
    buf_printf(sql, " FROM jobs_%lld", (long long)chunk); /* table name only */
}

void job_sql_select_some(struct buf *sql, int64_t chunk, int64_t field_count,
                         const enum job_field *fields, size_t count)
{
    buf_puts(sql, "SELECT at");
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &job_fields[fields[i]];
        bool is_there = (int64_t)fields[i] < field_count;
        buf_printf(sql, ", %s", is_there ? field->column : missing_value(field->type));
    }
    buf_printf(sql, " FROM jobs_%lld", (long long)chunk); /* table name only */
}

void job_sql_index(struct buf *sql, int64_t chunk, enum job_index index)
{
    const char *column = job_index_column(index);
    long long n = chunk;
    buf_printf(sql, "CREATE INDEX IF NOT EXISTS jobs_%lld_%s", n, column); /* table name only */
    buf_printf(sql, " ON jobs_%lld (%s)", n, column);                      /* table name only */
    if (index != JOB_INDEX_status)
        buf_printf(sql, " WHERE %s <> ''", column); /* most rows lack most of these */
}

/* ---- rows --------------------------------------------------------------------------------------- */

static void bind_field(sqlite3_stmt *statement, int at, const struct field *field,
                       const struct job_record *record)
{
    if (field_is_text(field)) {
        sql_bind_text(statement, at, field_text(field, record));
        return;
    }
    int64_t value = field_int(field, record);
    if (field->type == FIELD_MAYBE && value < 0)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_int64(statement, at, value);
}

void job_row_bind(sqlite3_stmt *statement, int64_t at, const struct job_record *record,
                  uint8_t *attempts)
{
    int next = 1;
    (void)sqlite3_bind_int64(statement, next++, at);
    for (size_t i = 0; i < JOB_FIELD_COUNT; i++)
        bind_field(statement, next++, &job_fields[i], record);
    /* Who filters by model means the one that answered, or else the one that was asked for. */
    sql_bind_text(statement, next++,
                  str_of(record->model[0] ? record->model : record->requested_model));
    size_t len = attempts_encode(record, attempts);
    (void)sqlite3_bind_blob(statement, next, attempts, (int)len, SQLITE_STATIC);
}

enum err job_row_read(sqlite3_stmt *statement, int64_t *out_at, struct job_record *out_record)
{
    *out_record = (struct job_record){0};
    *out_at = sqlite3_column_int64(statement, 0);
    for (int i = 0; i < JOB_FIELD_COUNT; i++) {
        const struct field *field = &job_fields[i];
        bool fits;
        if (field_is_text(field))
            fits = field_set_text(field, out_record, sql_text(statement, i + 1));
        else if (sqlite3_column_type(statement, i + 1) == SQLITE_NULL)
            fits = field_set_int(field, out_record, -1);
        else
            fits = field_set_int(field, out_record, sqlite3_column_int64(statement, i + 1));
        if (!fits)
            return ERR_MALFORMED;
    }
    struct str attempts = sql_blob(statement, JOB_FIELD_COUNT + 2);
    return attempts_decode(attempts, out_record) ? OK : ERR_MALFORMED;
}
