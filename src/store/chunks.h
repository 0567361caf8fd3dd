/* store/chunks.h: the tables of jobs: one unindexed head that takes new rows, and sealed ones behind it.
 *
 * An index costs eight times its row while rows come in; built over a full chunk at once it costs little.
 * So new rows go into a head without indexes (a scan of it is quick), and a full head is sealed: a new
 * head is made, and the old one gets its indexes one by one, between batches.
 *
 * Thread:  the writer's.
 */
#pragma once
#include "store/job_row.h"

#define CHUNK_ROWS_DEFAULT \
    250000 /* so many unindexed rows are scanned in 60 ms, when none matches */

struct chunk {
    int64_t id, row_count, min_at, max_at;
    int64_t field_count; /* the first so many of JOB_FIELD_LIST are its columns */
};

#define CHUNK_STATEMENTS_KEPT 4
struct chunk_statements {
    int64_t chunk, field_count; /* 0: unused */
    sqlite3_stmt *insert, *update, *select;
    uint64_t used_at;
};

struct chunks {
    sqlite3 *db;
    int64_t rows_max;
    struct chunk head, head_committed;
    int64_t next_number; /* low bits of the next row's key */
    struct chunk_statements kept[CHUNK_STATEMENTS_KEPT];
    sqlite3_stmt *save;
    uint64_t uses;
    uint8_t attempts[RECORD_MAX_BYTES]; /* of the row that is being written */
    bool may_need_indexes;
    bool may_have_remnants; /* tables of chunks that left the catalogue (retention.h) */
};

/** Reads the catalogue; makes the first chunk. */
MUST_USE enum err chunks_open(struct chunks *chunks, sqlite3 *db, int64_t rows_max,
                              struct error *error);
void chunks_close(struct chunks *chunks);

/** Lets go of what is kept for a chunk, so that its table can be dropped. */
void chunks_statements_drop(struct chunks *chunks, int64_t chunk);

/* Inside a transaction of the caller. */
MUST_USE enum err chunks_insert(struct chunks *chunks, const struct job_record *record,
                                int64_t *out_chunk, int64_t *out_at, struct error *error);
MUST_USE enum err chunks_update(struct chunks *chunks, int64_t chunk, int64_t at,
                                const struct job_record *record, struct error *error);
MUST_USE enum err chunks_read(struct chunks *chunks, int64_t chunk, int64_t at,
                              struct job_record *out_record, struct error *error);
/** Finds a job by its id and creation time, in any chunk. ERR_NOT_FOUND. */
MUST_USE enum err chunks_find(struct chunks *chunks, const struct job_record *wanted,
                              int64_t *out_chunk, int64_t *out_at, bool *out_is_open,
                              struct error *error);
/** Writes the head's row of the catalogue. */
MUST_USE enum err chunks_save(struct chunks *chunks, struct error *error);
/** What was counted is in the database, or never happened. */
void chunks_on_commit(struct chunks *chunks);
void chunks_on_rollback(struct chunks *chunks);

/** One step of sealing, in transactions of its own. `*out_did`: call again. */
MUST_USE enum err chunks_maintain(struct chunks *chunks, bool *out_did, struct error *error);

/** Calls `on_open` for every open row. */
typedef enum err chunks_on_open(void *arg, int64_t chunk, int64_t at, const char *id);
MUST_USE enum err chunks_each_open(struct chunks *chunks, chunks_on_open *on_open, void *arg,
                                   struct error *error);
