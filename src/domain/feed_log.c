/* domain/feed_log.c: see feed_log.h. */
#include "domain/feed_log.h"

#include <assert.h>

enum err feed_log_init(struct feed_log *log, const char *life, size_t frames)
{
    *log = (struct feed_log){0};
    str_copy(str_of(life), log->life, sizeof log->life);
    enum err err = feed_ring_init(&log->states, frames, FEED_STATES_BYTES, FEED_KEEP_MS);
    if (err == OK)
        err = feed_ring_init(&log->rows, frames, FEED_ROWS_BYTES, FEED_KEEP_MS);
    if (err != OK)
        feed_log_release(log);
    return err;
}

void feed_log_release(struct feed_log *log)
{
    feed_ring_release(&log->states);
    feed_ring_release(&log->rows);
}

void feed_log_put(struct feed_log *log, struct feed_frame *frame, int64_t now_ms)
{
    frame->rev = ++log->last_rev;
    frame->at_ms = now_ms;
    feed_ring_put(feed_kind_is_row(frame->kind) ? &log->rows : &log->states, frame);
}

/* The number that is passed over stands for whatever was not put. */
void feed_log_forget(struct feed_log *log)
{
    log->last_rev++;
    feed_ring_clear(&log->states, log->last_rev);
    feed_ring_clear(&log->rows, log->last_rev);
}

/* ---- where a reader is --------------------------------------------------------------------------- */

void feed_reader_begin(struct feed_reader *reader, const struct feed_log *log)
{
    reader->states_rev = reader->rows_rev = log->last_rev;
}

bool feed_reader_resume(struct feed_reader *reader, const struct feed_log *log, struct str id)
{
    int64_t states_rev, rows_rev;
    struct str life = str_cut(&id, '-'), states = str_cut(&id, '-');
    if (!str_eq(life, str_of(log->life)) || !str_to_int64(states, &states_rev) ||
        !str_to_int64(id, &rows_rev))
        return false;
    if (states_rev > log->last_rev || rows_rev > log->last_rev ||
        feed_ring_has_lost(&log->states, states_rev) || feed_ring_has_lost(&log->rows, rows_rev))
        return false;
    reader->states_rev = states_rev;
    reader->rows_rev = rows_rev;
    return true;
}

/* ---- the pace of rows ---------------------------------------------------------------------------- */

/* Each of the last ten that is less than a second old takes one of ten places. */
static size_t rows_allowed(const struct feed_reader *reader, int64_t now_ms)
{
    size_t allowed = 0;
    for (size_t i = 0; i < FEED_ROWS_A_SECOND && allowed < FEED_ROWS_A_TURN; i++) {
        int64_t at_ms = reader->row_sent_at_ms[i];
        allowed += at_ms == 0 || now_ms - at_ms >= 1000;
    }
    return allowed;
}

static void note_row(struct feed_reader *reader, int64_t now_ms)
{
    reader->row_sent_at_ms[reader->next_row] = now_ms;
    reader->next_row = (reader->next_row + 1) % FEED_ROWS_A_SECOND;
}

/* ---- writing ------------------------------------------------------------------------------------- */

void feed_write_id(const struct feed_log *log, const struct feed_reader *reader, struct buf *out)
{
    buf_append_lit(out, "id: ");
    buf_puts(out, log->life);
    buf_putc(out, '-');
    buf_put_uint(out, (uint64_t)reader->states_rev);
    buf_putc(out, '-');
    buf_put_uint(out, (uint64_t)reader->rows_rev);
    buf_putc(out, '\n');
}

/* All of an event up to where its own text begins. */
static void write_head(const struct feed_log *log, const struct feed_reader *reader,
                       enum feed_kind kind, int64_t rev, struct buf *out)
{
    feed_write_id(log, reader, out);
    buf_append_lit(out, "event: ");
    buf_puts(out, feed_kind_name(kind));
    buf_append_lit(out, "\ndata: {\"rev\":");
    buf_put_uint(out, (uint64_t)rev);
    buf_putc(out, ',');
}

void feed_write_own(const struct feed_log *log, const struct feed_reader *reader,
                    enum feed_kind kind, const char *id, struct str patch, struct buf *out)
{
    write_head(log, reader, kind, log->last_rev, out);
    buf_append_lit(out, "\"type\":\"");
    buf_puts(out, feed_kind_name(kind));
    buf_append_lit(out, "\",\"id\":\"");
    buf_puts(out, id);
    buf_append_lit(out, "\",\"patch\":");
    buf_append_str(out, patch);
    buf_append_lit(out, "}\n\n");
}

static void write_frame(const struct feed_log *log, const struct feed_reader *reader,
                        const struct feed_frame *frame, int64_t left_out, struct buf *out)
{
    write_head(log, reader, frame->kind, frame->rev, out);
    if (feed_kind_is_row(frame->kind)) {
        buf_append_lit(out, "\"left_out\":");
        buf_put_uint(out, (uint64_t)left_out);
        buf_putc(out, ',');
    }
    buf_append(out, frame->text, frame->len);
    buf_append_lit(out, "\n\n");
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum feed_read read_states(const struct feed_log *log, struct feed_reader *reader,
                                  const struct feed_viewer *viewer, struct buf *out,
                                  size_t full_bytes)
{
    const struct feed_ring *ring = &log->states;
    if (feed_ring_has_lost(ring, reader->states_rev))
        return FEED_READ_LOST;
    for (size_t i = feed_ring_after(ring, reader->states_rev); i < ring->count; i++) {
        const struct feed_frame *frame = feed_ring_at(ring, i);
        if (out->len >= full_bytes)
            return FEED_READ_MORE;
        reader->states_rev = frame->rev;
        if (feed_sees(viewer, &frame->audience))
            write_frame(log, reader, frame, 0, out);
    }
    reader->states_rev = log->last_rev;
    return FEED_READ_ALL;
}

static size_t count_seen(const struct feed_ring *ring, size_t from,
                         const struct feed_viewer *viewer)
{
    size_t seen = 0;
    for (size_t i = from; i < ring->count; i++)
        seen += feed_sees(viewer, &feed_ring_at(ring, i)->audience);
    return seen;
}

static enum feed_read read_rows(const struct feed_log *log, struct feed_reader *reader,
                                const struct feed_viewer *viewer, int64_t now_ms, struct buf *out)
{
    const struct feed_ring *ring = &log->rows;
    if (feed_ring_has_lost(ring, reader->rows_rev))
        return FEED_READ_LOST;
    size_t from = feed_ring_after(ring, reader->rows_rev);
    size_t seen = count_seen(ring, from, viewer), allowed = rows_allowed(reader, now_ms);
    if (seen > 0 && allowed == 0)
        return FEED_READ_ALL; /* they wait */
    size_t skip = seen > allowed ? seen - allowed : 0;
    int64_t left_out = 0;
    for (size_t i = from; i < ring->count; i++) {
        const struct feed_frame *frame = feed_ring_at(ring, i);
        if (!feed_sees(viewer, &frame->audience))
            continue;
        if (skip > 0) {
            skip--;
            left_out += frame->kind == FEED_JOB;
            continue;
        }
        reader->rows_rev = frame->rev;
        write_frame(log, reader, frame, left_out, out);
        note_row(reader, now_ms);
        left_out = 0;
    }
    reader->rows_rev = log->last_rev;
    return FEED_READ_ALL;
}

/* States first: a reader who was too slow for the rows still gets every one of them before it is told so. */
enum feed_read feed_read(const struct feed_log *log, struct feed_reader *reader,
                         const struct feed_viewer *viewer, int64_t now_ms, struct buf *out,
                         size_t full_bytes)
{
    enum feed_read result = read_states(log, reader, viewer, out, full_bytes);
    return result == FEED_READ_ALL ? read_rows(log, reader, viewer, now_ms, out) : result;
}
