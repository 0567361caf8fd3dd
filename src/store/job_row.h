/* store/job_row.h: a job as a row of its chunk: columns, binding, reading.
 *
 * `at`, the row's key, is its time and a running number in one: created_at_ms above, 20 bits below.
 * So the order of the rows is the order of the list, a time range is a key range, and a job's
 * identifier, which holds its time, leads to its row without an index.
 */
#pragma once
#include "store/job_fields.h"
#include "store/sql.h"

#define AT_NUMBER_BITS 20
#define AT_NUMBER_MAX  ((INT64_C(1) << AT_NUMBER_BITS) - 1)
#define AT_TIME_MAX    ((INT64_C(1) << 42) - 1) /* the year 2109 */

/** The first key of a millisecond; times out of range are brought into it. */
int64_t job_at(int64_t wall_ms);

/** Columns with an index in sealed chunks. Order: the most selective first, as filters prefer them. */
// clang-format off
#define JOB_INDEX_LIST(X) \
    X(key_id) X(key_name) X(user) X(agent) X(team) X(model_key) X(provider_id) X(provider_name) \
    X(reason) X(status) X(source)
// clang-format on
enum job_index {
#define X(column) JOB_INDEX_##column,
    JOB_INDEX_LIST(X)
#undef X
        JOB_INDEX_COUNT
};
const char *job_index_column(enum job_index index);

#define SQL_TEXT_MAX 4096u
/** Statements of one chunk; each appends to `sql`. */
void job_sql_create(struct buf *sql, int64_t chunk);
void job_sql_insert(struct buf *sql,
                    int64_t chunk); /* ?1 at, then the columns; of a chunk with all fields */
/* The same parameters; those that an older chunk has no columns for go nowhere. */
void job_sql_update(struct buf *sql, int64_t chunk, int64_t field_count);
/* "SELECT at, columns FROM jobs_n"; what an older chunk has no columns for reads as 0, or unknown. */
void job_sql_select(struct buf *sql, int64_t chunk, int64_t field_count);
/* "SELECT at, ... FROM jobs_n" of the fields that are named. */
void job_sql_select_some(struct buf *sql, int64_t chunk, int64_t field_count,
                         const enum job_field *fields, size_t count);
void job_sql_index(struct buf *sql, int64_t chunk, enum job_index index);

/** Binds key and columns. `attempts` (RECORD_MAX_BYTES) and the record must outlive the step. */
void job_row_bind(sqlite3_stmt *statement, int64_t at, const struct job_record *record,
                  uint8_t *attempts);
/** Reads a row of job_sql_select. ERR_MALFORMED when it is damaged. */
MUST_USE enum err job_row_read(sqlite3_stmt *statement, int64_t *out_at,
                               struct job_record *out_record);
