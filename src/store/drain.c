/* store/drain.c: from the journals into the tables.
 *
 * A batch takes up to 1,000 records from all series into one buffer, keeps the last record of each job
 * (a job that opened and closed within the batch is one insert), and writes rows, catalogue and journal
 * positions in one transaction, with the sums of what the closed ones used. So whatever happens, what a position
 * covers is in the tables once.
 *
 * Damage (a power cut, a bad disk) costs the damaged record: reading goes on at the next magic.
 */
#include "base/log.h"
#include "base/mem.h"
#include "store/store_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"

#include <assert.h>

#define BATCH_BYTES (256u * 1024)
#define TABLE_ROOM  2048u /* more than twice BATCH_ROWS_MAX, a power of two */
#define SEAM_BYTES  3u    /* a magic may lie across two buffers */

struct entry {
    char id[ID_MAX];
    struct str frame; /* in the batch's buffer */
    enum record_kind kind;
    bool is_open;      /* after this batch */
    bool is_inherited; /* an earlier life wrote it */
    int64_t chunk, at;
};

struct batch {
    struct entry entries[BATCH_ROWS_MAX];
    uint16_t table[TABLE_ROOM]; /* 1 + index of an entry, by id */
    size_t count, records, used_bytes;
    struct job_record record; /* the one that is being written; 4 KiB that no stack need clear */
    char bytes[BATCH_BYTES];
};

enum err batch_new(struct batch **out_batch)
{
    *out_batch = mem_alloc(sizeof **out_batch);
    return *out_batch ? OK : ERR_NO_MEMORY;
}

void batch_free(struct batch *batch)
{
    mem_free(batch);
}

static void batch_clear(struct batch *batch)
{
    memset(batch->table, 0, sizeof batch->table);
    batch->count = batch->records = batch->used_bytes = 0;
}

static bool batch_is_full(const struct batch *batch)
{
    return batch->records == BATCH_ROWS_MAX ||
           batch->used_bytes + RECORD_MAX_BYTES > sizeof batch->bytes;
}

/* Later records replace earlier ones, but nothing replaces a close. */
static void batch_add(struct batch *batch, struct str frame, enum record_kind kind, const char *id,
                      bool is_inherited)
{
    batch->records++;
    size_t slot = (size_t)str_hash(str_of(id)) & (TABLE_ROOM - 1);
    for (; batch->table[slot]; slot = (slot + 1) & (TABLE_ROOM - 1)) {
        struct entry *entry = &batch->entries[batch->table[slot] - 1];
        if (strcmp(entry->id, id) != 0)
            continue;
        if (entry->kind != RECORD_CLOSE || kind == RECORD_CLOSE) {
            entry->frame = frame;
            entry->kind = kind;
        }
        return;
    }
    struct entry *entry = &batch->entries[batch->count++];
    *entry = (struct entry){.frame = frame, .kind = kind, .is_inherited = is_inherited};
    str_copy(str_of(id), entry->id, sizeof entry->id);
    batch->table[slot] = (uint16_t)batch->count;
}

/* ---- reading segments ---------------------------------------------------------------------------- */

uint64_t series_end(const struct store *store, const struct series *series)
{
    int index = (int)(series - store->series);
    if (series->is_foreign)
        return series->at;
    if (!series->journal || store->writer.phase == WRITER_REPLAY)
        return store->first_positions[index];
    return journal_written(series->journal);
}

void series_close(struct series *series)
{
    fd_close(&series->fd);
}

struct next_search {
    int loop;
    uint64_t behind, found;
};

static void on_candidate(void *arg, int loop, uint64_t sequence)
{
    struct next_search *search = arg;
    if (loop == search->loop && sequence > search->behind && sequence < search->found)
        search->found = sequence;
}

/* Moves to the next segment that exists, or to `end` when there is none before it. */
static enum err series_advance(struct store *store, struct series *series, uint64_t end,
                               struct error *error)
{
    struct next_search search = {series->loop, position_sequence(series->at), UINT64_MAX};
    enum err err = segment_list(store->journal_dir, on_candidate, &search, error);
    if (err != OK)
        return err;
    series_close(series);
    if (search.found > position_sequence(end))
        series->at = position_of(position_sequence(end), 0);
    else
        series->at = position_of(search.found, 0);
    return OK;
}

/* Opens the segment that `at` stands in. One that is gone or is none of ours is stepped over. */
static enum err series_open(struct store *store, struct series *series, uint64_t end,
                            bool *out_is_there, struct error *error)
{
    uint64_t sequence = position_sequence(series->at);
    *out_is_there = series->fd >= 0 && series->fd_sequence == sequence;
    if (*out_is_there)
        return OK;
    series_close(series);
    enum err err = segment_open(&store->owner, series->loop, sequence, &series->fd);
    if (err == OK) {
        series->fd_sequence = sequence;
        *out_is_there = true;
        return OK;
    }
    if (err == ERR_MALFORMED)
        log_warn("journal_segment_skipped", "loop=%d sequence=%llu why=\"not of this store\"",
                 series->loop, (unsigned long long)sequence);
    if (err != ERR_MALFORMED && err != ERR_NOT_FOUND)
        return error_set(error, ERR_IO, "cannot open segment %llu of journal %d",
                         (unsigned long long)sequence, series->loop);
    return series_advance(store, series, end, error);
}

/* Where reading goes on behind a place that holds no record; `len` when nowhere in `bytes`. */
static size_t seek_record(struct str bytes, size_t at, bool is_last, enum record_read why,
                          const struct series *series)
{
    size_t found = 0;
    if (record_seek(str_from(bytes, at + 1), &found)) {
        log_warn("journal_damaged", "loop=%d sequence=%llu lost_bytes=%zu", series->loop,
                 (unsigned long long)series->fd_sequence, found + 1);
        return at + 1 + found;
    }
    if (why == RECORD_READ_TORN && is_last)
        log_warn("journal_torn", "loop=%d sequence=%llu", series->loop,
                 (unsigned long long)series->fd_sequence);
    if (is_last || bytes.len < at + 1 + SEAM_BYTES)
        return bytes.len;
    return bytes.len - SEAM_BYTES;
}

/* Takes records from `bytes`; returns how many bytes are dealt with. Unless this is the last of the
 * segment, a record that may be cut stays for the next read. The batch keeps the bytes up to its last
 * record: the empty rest of a segment takes no room. */
static size_t batch_parse(const struct store *store, const struct series *series, struct str bytes,
                          bool is_last)
{
    struct batch *batch = store->writer.batch;
    bool is_inherited = !series->journal || store->writer.phase == WRITER_REPLAY;
    size_t at = 0, kept = 0;
    while (at < bytes.len && batch->records < BATCH_ROWS_MAX) {
        if (!is_last && bytes.len - at < RECORD_MAX_BYTES)
            break;
        char id[ID_MAX];
        enum record_kind kind;
        size_t len = 0;
        enum record_read read = record_peek(str_from(bytes, at), &kind, id, &len);
        if (read != RECORD_READ_OK) {
            at = seek_record(bytes, at, is_last, read, series);
            continue;
        }
        if (id[0])
            batch_add(batch, (struct str){bytes.at + at, len}, kind, id, is_inherited);
        at += len;
        kept = at;
    }
    batch->used_bytes += kept;
    return at;
}

/* Reads on in one series until it has no more, or the batch is full. */
static enum err batch_read(struct store *store, struct series *series, struct error *error)
{
    struct batch *batch = store->writer.batch;
    uint64_t end = series_end(store, series);
    while (series->at < end && !batch_is_full(batch)) {
        bool is_there = false;
        enum err err = series_open(store, series, end, &is_there, error);
        if (err != OK)
            return err;
        if (!is_there)
            continue;
        uint32_t offset = position_offset(series->at);
        if (offset < SEGMENT_HEAD_BYTES)
            offset = SEGMENT_HEAD_BYTES;
        bool is_complete = position_sequence(series->at) < position_sequence(end);
        uint32_t limit = is_complete ? SEGMENT_BYTES : position_offset(end);
        if (offset >= limit) {
            err = series_advance(store, series, end, error);
            if (err != OK)
                return err;
            continue;
        }
        char *room = batch->bytes + batch->used_bytes;
        size_t wanted = limit - offset, len = 0;
        if (wanted > sizeof batch->bytes - batch->used_bytes)
            wanted = sizeof batch->bytes - batch->used_bytes;
        if (file_read_at(series->fd, room, wanted, offset, &len) != OK)
            return error_set(error, ERR_IO, "cannot read the journal");
        bool is_last = offset + len == limit || len < wanted;
        size_t done = batch_parse(store, series, (struct str){room, len}, is_last);
        if (len < wanted && done == len) /* a file that was cut: nothing more will come */
            done = limit - offset;
        series->at = position_of(position_sequence(series->at), offset + done);
    }
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* In replay the row may be there already: a database restored from a backup, or a copied segment. */
static enum err entry_place(struct writer *writer, struct entry *entry,
                            const struct job_record *record, bool *out_is_there,
                            bool *out_is_closed, struct error *error)
{
    *out_is_closed = false;
    const struct open_job *open = open_jobs_find(&writer->open_jobs, entry->id);
    *out_is_there = open != NULL;
    if (open) {
        entry->chunk = open->chunk;
        entry->at = open->at;
    }
    if (open || (writer->phase != WRITER_REPLAY && !writer->is_late))
        return OK;
    bool is_open = false;
    enum err err = chunks_find(&writer->chunks, record, &entry->chunk, &entry->at, &is_open, error);
    if (err == ERR_NOT_FOUND)
        return OK;
    *out_is_there = err == OK;
    *out_is_closed = err == OK && !is_open;
    return err;
}

static enum err entry_write(struct writer *writer, struct entry *entry, struct error *error)
{
    struct job_record *record = &writer->batch->record;
    enum record_kind kind;
    size_t len = 0;
    if (record_decode(entry->frame, &kind, record, &len) != RECORD_READ_OK) {
        /* Its checksum is right, so no disk did this: another version of ours wrote it. */
        log_warn("journal_damaged", "job=%s lost_bytes=%zu", entry->id, entry->frame.len);
        entry->is_open = false;
        return OK;
    }
    if (kind != RECORD_CLOSE)
        record->status = JOB_OPEN;
    else if (record->status == JOB_OPEN)
        record->status = JOB_INTERRUPTED;
    entry->is_open = record->status == JOB_OPEN;

    bool is_there = false, is_closed = false;
    enum err err = entry_place(writer, entry, record, &is_there, &is_closed, error);
    if (err != OK)
        return err;
    if (is_closed) {
        entry->is_open = false;
        return OK;
    }
    if (is_there)
        err = chunks_update(&writer->chunks, entry->chunk, entry->at, record, error);
    else
        err = chunks_insert(&writer->chunks, record, &entry->chunk, &entry->at, error);
    if (err == OK && !entry->is_open)
        err = usage_book_add(&writer->usage, record, error);
    return err;
}

static enum err positions_write(struct store *store, struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(store->writer.db,
                               "INSERT INTO journal_position (loop, position) VALUES (?1, ?2) "
                               "ON CONFLICT (loop) DO UPDATE SET position = excluded.position",
                               &put, error);
    for (int i = 0; err == OK && i < store->series_count; i++) {
        const struct series *series = &store->series[i];
        if (series->at == series->committed)
            continue;
        (void)sqlite3_bind_int64(put, 1, series->loop);
        (void)sqlite3_bind_int64(put, 2, (int64_t)series->at);
        err = sql_done(put, NULL, error);
    }
    return err;
}

static enum err batch_write(struct store *store, struct error *error)
{
    struct writer *writer = &store->writer;
    struct batch *batch = writer->batch;
    enum err err = open_jobs_reserve(&writer->open_jobs, batch->count);
    if (err != OK)
        return error_set(error, err, "no memory for open requests");
    err = sql_begin(writer->db, SQL_WRITER, error);
    for (size_t i = 0; err == OK && i < batch->count; i++)
        err = entry_write(writer, &batch->entries[i], error);
    if (err == OK)
        err = chunks_save(&writer->chunks, error);
    if (err == OK)
        err = usage_book_write(&writer->usage, error);
    if (err == OK)
        err = positions_write(store, error);
    if (err == OK)
        err = sql_run(writer->db, "COMMIT", error);
    return err;
}

struct removal {
    const struct store *store;
    const struct series *series;
};

static void on_maybe_drained(void *arg, int loop, uint64_t sequence)
{
    const struct removal *removal = arg;
    if (loop == removal->series->loop && sequence < position_sequence(removal->series->committed))
        segment_remove(&removal->store->owner, loop, sequence);
}

/* What is behind the committed position is in the tables: its segments go. */
static void series_on_commit(struct store *store, struct series *series)
{
    bool has_moved = position_sequence(series->at) > position_sequence(series->committed);
    series->committed = series->at;
    if (series->journal)
        journal_set_drained(series->journal, position_sequence(series->at));
    if (!has_moved)
        return;
    struct removal removal = {store, series};
    struct error error;
    if (segment_list(store->journal_dir, on_maybe_drained, &removal, &error) != OK)
        log_warn("journal_not_cleaned", "error=\"%s\"", error.text);
}

static void batch_on_commit(struct store *store)
{
    struct writer *writer = &store->writer;
    struct batch *batch = writer->batch;
    for (size_t i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->entries[i];
        if (!entry->is_open) {
            open_jobs_remove(&writer->open_jobs, entry->id);
            continue;
        }
        struct open_job job = {
            .chunk = entry->chunk, .at = entry->at, .is_inherited = entry->is_inherited};
        str_copy(str_of(entry->id), job.id, sizeof job.id);
        open_jobs_put(&writer->open_jobs, &job);
    }
    for (int i = 0; i < store->series_count; i++)
        series_on_commit(store, &store->series[i]);
    atomic_fetch_add(&store->figures.rows_written, (long long)batch->count);
    atomic_fetch_add(&store->figures.batches, 1);
    if (writer->phase == WRITER_REPLAY)
        atomic_fetch_add(&store->figures.replayed, (long long)batch->records);
}

static bool batch_is_empty(const struct store *store)
{
    for (int i = 0; i < store->series_count; i++)
        if (store->series[i].at != store->series[i].committed)
            return false;
    return true;
}

enum err drain_step(struct store *store, bool *out_more, struct error *error)
{
    struct writer *writer = &store->writer;
    batch_clear(writer->batch);
    writer->is_late = lives_are_behind(store);
    enum err err = OK;
    for (int i = 0; err == OK && i < store->series_count; i++)
        err = batch_read(store, &store->series[i], error);
    *out_more = batch_is_full(writer->batch);
    if (err == OK && batch_is_empty(store))
        return OK;
    if (err == OK)
        err = batch_write(store, error);
    if (err == OK) {
        chunks_on_commit(&writer->chunks);
        batch_on_commit(store);
        return OK;
    }
    chunks_on_rollback(&writer->chunks);
    usage_book_on_rollback(&writer->usage);
    for (int i = 0; i < store->series_count; i++) {
        store->series[i].at = store->series[i].committed;
        series_close(&store->series[i]);
    }
    return err;
}
