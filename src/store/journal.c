/* store/journal.c: appending, and the promise that a close always finds room.
 *
 * The loop thread owns a current segment and some spare ones. Each open job is promised
 * RECORD_MAX_BYTES: an open record is accepted only when the current segment and the spares hold
 * everything promised and the newcomer; when they do not, a further segment is allocated first, and
 * a full disk shows there, where a request can still be refused.
 *
 * Only the loop thread writes and rotates. The writer thread sees `written`, and may offer one
 * segment that it made ahead of need, so that the loop seldom waits for the disk.
 *
 * Room that is counted: at the end of each segment up to RECORD_MAX_BYTES may stay unused, because
 * records do not cross segments.
 */
#include "store/journal.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/journal_parts.h"
#include "sys/fd.h"
#include "sys/file.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#define SPARES_MAX 256 /* 1 GiB: the closes of 170,000 open jobs */
#define BEHIND_MAX \
    128 /* segments (512 MiB) that the writer may be behind before opens are refused */
#define SEGMENT_USABLE (SEGMENT_BYTES - SEGMENT_HEAD_BYTES - RECORD_MAX_BYTES)
#define OFFER_NONE     0u
#define PENDING_MAX    (64u * 1024) /* put together; then they are written without being asked for */

struct segment {
    int fd; /* -1: none */
    uint64_t sequence;
};

struct journal {
    const struct segment_owner *owner;
    struct bell *bell;
    int loop;
    /* owner: the loop thread */
    struct segment current;
    struct segment spares[SPARES_MAX]; /* by sequence */
    int spare_count;
    uint32_t offset;    /* in current: where the pending bytes go */
    struct buf pending; /* records that were put, not yet written */
    int64_t open_jobs;  /* accepted, not closed */
    /* shared with the writer thread */
    _Atomic uint64_t written;       /* position; release after the bytes are in the file */
    _Atomic uint64_t next_sequence; /* either thread takes one when it makes a segment */
    _Atomic uint64_t drained;       /* sequence that the writer reads from */
    _Atomic uint64_t offer;         /* position_of(sequence, fd + 1), or OFFER_NONE */
};

void bell_ring(struct bell *bell)
{
    if (atomic_exchange(&bell->is_rung, true))
        return;
    uint64_t one = 1;
    ssize_t n = write(bell->fd, &one, sizeof one);
    assert(n == (ssize_t)sizeof one);
}

enum err journal_new(const struct segment_owner *owner, int loop, uint64_t first_sequence,
                     struct bell *bell, struct journal **out_journal)
{
    struct journal *journal = mem_zalloc(1, sizeof *journal);
    if (!journal)
        return ERR_NO_MEMORY;
    journal->owner = owner;
    journal->bell = bell;
    journal->loop = loop;
    journal->current.fd = -1;
    buf_init(&journal->pending, PENDING_MAX + RECORD_MAX_BYTES);
    atomic_store(&journal->written, position_of(first_sequence, 0));
    atomic_store(&journal->next_sequence, first_sequence);
    atomic_store(&journal->drained, first_sequence);
    *out_journal = journal;
    return OK;
}

static void segment_drop(struct journal *journal, struct segment *segment, bool is_removed)
{
    if (segment->fd < 0)
        return;
    fd_close(&segment->fd);
    if (is_removed)
        segment_remove(journal->owner, journal->loop, segment->sequence);
}

static bool offer_take(struct journal *journal, struct segment *out_segment)
{
    uint64_t offer = atomic_exchange(&journal->offer, OFFER_NONE);
    if (offer == OFFER_NONE)
        return false;
    *out_segment = (struct segment){(int)position_offset(offer) - 1, position_sequence(offer)};
    return true;
}

void journal_free(struct journal *journal, bool is_drained)
{
    if (!journal)
        return;
    struct segment offered;
    if (offer_take(journal, &offered))
        segment_drop(journal, &offered, true);
    for (int i = 0; i < journal->spare_count; i++)
        segment_drop(journal, &journal->spares[i], true);
    segment_drop(journal, &journal->current, is_drained);
    buf_release(&journal->pending);
    mem_free(journal);
}

uint64_t journal_written(const struct journal *journal)
{
    return atomic_load_explicit(&journal->written, memory_order_acquire);
}

void journal_set_drained(struct journal *journal, uint64_t sequence)
{
    atomic_store_explicit(&journal->drained, sequence, memory_order_relaxed);
}

void journal_prepare(struct journal *journal)
{
    uint64_t written = journal_written(journal);
    uint32_t offset = position_offset(written);
    if ((offset > 0 && offset < SEGMENT_BYTES / 2) || atomic_load(&journal->offer) != OFFER_NONE)
        return;
    int fd = -1;
    uint64_t sequence = atomic_fetch_add(&journal->next_sequence, 1);
    if (segment_create(journal->owner, journal->loop, sequence, &fd, NULL) != OK)
        return; /* a full disk is told where it matters: when the loop needs the room */
    atomic_store(&journal->offer, position_of(sequence, (uint64_t)fd + 1));
}

/* ---- room --------------------------------------------------------------------------------------- */

static uint64_t newest_sequence(const struct journal *journal)
{
    if (journal->spare_count > 0)
        return journal->spares[journal->spare_count - 1].sequence;
    return journal->current.fd >= 0 ? journal->current.sequence : 0;
}

/* Adds a spare: the offered one, else a new one. An offer that was overtaken is thrown away, because
 * segments are read in the order of their sequence. */
static enum err spare_add(struct journal *journal, struct error *error)
{
    if (journal->spare_count == SPARES_MAX)
        return error_set(error, ERR_UNAVAILABLE, "too many requests are open for the journal");
    struct segment spare = {.fd = -1};
    if (offer_take(journal, &spare) && spare.sequence < newest_sequence(journal))
        segment_drop(journal, &spare, true);
    if (spare.fd < 0) {
        spare.sequence = atomic_fetch_add(&journal->next_sequence, 1);
        enum err err =
            segment_create(journal->owner, journal->loop, spare.sequence, &spare.fd, error);
        if (err != OK)
            return err;
    }
    journal->spares[journal->spare_count++] = spare;
    return OK;
}

static int64_t room_bytes(const struct journal *journal)
{
    int64_t room = (int64_t)journal->spare_count * SEGMENT_USABLE;
    size_t used = journal->offset + journal->pending.len;
    if (journal->current.fd >= 0 && used + RECORD_MAX_BYTES < SEGMENT_BYTES)
        room += (int64_t)(SEGMENT_BYTES - used - RECORD_MAX_BYTES);
    return room;
}

static enum err room_have(struct journal *journal, int64_t needed, struct error *error)
{
    uint64_t behind =
        position_sequence(atomic_load_explicit(&journal->written, memory_order_relaxed)) -
        atomic_load_explicit(&journal->drained, memory_order_relaxed);
    if (behind > BEHIND_MAX)
        return error_set(error, ERR_UNAVAILABLE,
                         "the store does not keep up with the record of requests");
    needed += journal->open_jobs * (int64_t)RECORD_MAX_BYTES;
    while (room_bytes(journal) < needed) {
        enum err err = spare_add(journal, error);
        if (err != OK)
            return err;
    }
    return OK;
}

static void rotate(struct journal *journal)
{
    assert(journal->spare_count > 0);
    segment_drop(journal, &journal->current, false); /* the writer reads it by its name */
    journal->current = journal->spares[0];
    journal->spare_count--;
    memmove(journal->spares, journal->spares + 1,
            (size_t)journal->spare_count * sizeof journal->spares[0]);
    journal->offset = SEGMENT_HEAD_BYTES;
}

/* ---- appending ---------------------------------------------------------------------------------- */

/* The first `len` of the pending bytes. A failed write leaves everything as it was: the next one
 * overwrites whatever part of it arrived. */
static enum err pending_write(struct journal *journal, size_t len, struct error *error)
{
    if (len == 0)
        return OK;
    if (file_write_at(journal->current.fd, journal->pending.data, len, journal->offset) != OK)
        return error_set(error, ERR_IO, "cannot write the journal: %s", ERRNO_TEXT(errno));
    buf_consume(&journal->pending, len);
    journal->offset += (uint32_t)len;
    atomic_store_explicit(&journal->written,
                          position_of(journal->current.sequence, journal->offset),
                          memory_order_release);
    bell_ring(journal->bell);
    return OK;
}

/* The frame that stands behind the first `before` pending bytes does not cross into the next segment:
 * then those are written, and it begins that segment. */
static enum err frame_fit(struct journal *journal, size_t before, struct error *error)
{
    if (journal->current.fd >= 0 && journal->pending.len <= SEGMENT_BYTES - journal->offset)
        return OK;
    enum err err = journal->spare_count == 0 ? spare_add(journal, error) : OK;
    if (err == OK)
        err = pending_write(journal, before, error);
    if (err == OK)
        rotate(journal);
    return err;
}

/* Room for the record, and for the close of what it opens. A promised close has it. */
static enum err room_admit(struct journal *journal, enum record_kind kind, bool was_opened,
                           struct error *error)
{
    if (kind != RECORD_CLOSE || !was_opened)
        return room_have(journal, (kind == RECORD_OPEN ? 2 : 1) * (int64_t)RECORD_MAX_BYTES, error);
    assert(journal->open_jobs > 0);
    journal->open_jobs--; /* whatever happens now, the job is over */
    return OK;
}

static enum err put(struct journal *journal, enum record_kind kind, bool was_opened,
                    const struct job_record *record, size_t *out_len, struct error *error)
{
    size_t before = journal->pending.len;
    enum err err = room_admit(journal, kind, was_opened, error);
    if (err != OK)
        return err;
    record_encode(&journal->pending, kind, record);
    if (journal->pending.failed) {
        journal->pending.failed = false;
        return error_set(error, ERR_NO_MEMORY, "no memory for the record of a request");
    }
    *out_len = journal->pending.len - before;
    err = frame_fit(journal, before, error);
    if (err != OK)
        journal->pending.len = before;
    else if (kind == RECORD_OPEN)
        journal->open_jobs++;
    return err;
}

/* Takes back the record that was put last, which could not be written. */
static void take_back(struct journal *journal, enum record_kind kind, size_t len)
{
    journal->pending.len -= len;
    if (kind == RECORD_OPEN)
        journal->open_jobs--;
}

static enum err append(struct journal *journal, enum record_kind kind, bool was_opened,
                       const struct job_record *record, bool is_written, struct error *error)
{
    size_t len = 0;
    enum err err = put(journal, kind, was_opened, record, &len, error);
    if (err == OK && (is_written || journal->pending.len > PENDING_MAX)) {
        err = pending_write(journal, journal->pending.len, error);
        if (err != OK)
            take_back(journal, kind, len);
    }
    if (err != OK && kind == RECORD_CLOSE)
        log_error("journal_close_lost", "job=%s error=\"%s\"", record->id,
                  error ? error->text : err_name(err));
    return err;
}

enum err journal_append(struct journal *journal, enum record_kind kind, bool was_opened,
                        const struct job_record *record, struct error *error)
{
    return append(journal, kind, was_opened, record, true, error);
}

enum err journal_put(struct journal *journal, enum record_kind kind, bool was_opened,
                     const struct job_record *record, struct error *error)
{
    return append(journal, kind, was_opened, record, false, error);
}

enum err journal_write(struct journal *journal, struct error *error)
{
    enum err err = pending_write(journal, journal->pending.len, error);
    buf_clear(&journal->pending);
    return err;
}
