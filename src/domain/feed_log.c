/* domain/feed_log.c: see feed_log.h. */
#include "domain/feed_log.h"

#include <assert.h>
#include <string.h>

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

/* What it saw of the rows behind that is forgotten: it is looked at again. */
static void go_to(struct feed_reader *reader, int64_t states_rev, int64_t rows_rev)
{
    reader->states_rev = states_rev;
    reader->rows_rev = reader->looked_rev = rows_rev;
    reader->waiting_count = 0;
    reader->jobs_before = 0;
}

void feed_reader_begin(struct feed_reader *reader, const struct feed_log *log)
{
    go_to(reader, log->last_rev, log->last_rev);
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
    go_to(reader, states_rev, rows_rev);
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

/* One read: what it may still look at. */
struct turn {
    const struct feed_log *log;
    const struct feed_viewer *viewer;
    int64_t now_ms;
    struct buf *out;
    size_t full_bytes;
    size_t looks;
};

static bool sees(struct turn *turn, const struct feed_frame *frame)
{
    turn->looks--;
    return feed_sees(turn->viewer, &frame->audience);
}

static enum feed_read read_states(struct turn *turn, struct feed_reader *reader)
{
    const struct feed_ring *ring = &turn->log->states;
    if (feed_ring_has_lost(ring, reader->states_rev))
        return FEED_READ_LOST;
    for (size_t i = feed_ring_after(ring, reader->states_rev); i < ring->count; i++) {
        const struct feed_frame *frame = feed_ring_at(ring, i);
        if (turn->out->len >= turn->full_bytes || turn->looks == 0)
            return FEED_READ_MORE;
        reader->states_rev = frame->rev;
        if (sees(turn, frame))
            write_frame(turn->log, reader, frame, 0, turn->out);
    }
    reader->states_rev = turn->log->last_rev;
    return FEED_READ_ALL;
}

/* Of those that wait the oldest makes room: it is left out. */
static void row_waits(struct feed_reader *reader, const struct feed_frame *frame)
{
    if (reader->waiting_count == FEED_ROWS_A_TURN) {
        reader->jobs_before += reader->waiting[0].is_job;
        memmove(reader->waiting, reader->waiting + 1,
                (FEED_ROWS_A_TURN - 1) * sizeof *reader->waiting);
        reader->waiting_count--;
    }
    reader->waiting[reader->waiting_count++] =
        (struct feed_row){.rev = frame->rev, .is_job = frame->kind == FEED_JOB};
}

static enum feed_read look_at_rows(struct turn *turn, struct feed_reader *reader)
{
    const struct feed_ring *ring = &turn->log->rows;
    for (size_t i = feed_ring_after(ring, reader->looked_rev); i < ring->count; i++) {
        const struct feed_frame *frame = feed_ring_at(ring, i);
        if (turn->looks == 0)
            return FEED_READ_MORE;
        reader->looked_rev = frame->rev;
        if (sees(turn, frame))
            row_waits(reader, frame);
        else if (reader->waiting_count == 0)
            reader->rows_rev = frame->rev;
    }
    reader->looked_rev = turn->log->last_rev;
    return FEED_READ_ALL;
}

/* As many as the pace allows, the newest. */
static void send_rows(struct turn *turn, struct feed_reader *reader, size_t allowed)
{
    const struct feed_ring *ring = &turn->log->rows;
    size_t skip = reader->waiting_count > allowed ? reader->waiting_count - allowed : 0;
    int64_t left_out = reader->jobs_before;
    for (size_t i = 0; i < reader->waiting_count; i++) {
        const struct feed_row *row = &reader->waiting[i];
        if (i < skip) {
            left_out += row->is_job;
            continue;
        }
        reader->rows_rev = row->rev;
        write_frame(turn->log, reader, feed_ring_at(ring, feed_ring_after(ring, row->rev - 1)),
                    left_out, turn->out);
        note_row(reader, turn->now_ms);
        left_out = 0;
    }
}

static enum feed_read read_rows(struct turn *turn, struct feed_reader *reader)
{
    if (feed_ring_has_lost(&turn->log->rows, reader->rows_rev))
        return FEED_READ_LOST;
    if (look_at_rows(turn, reader) == FEED_READ_MORE)
        return FEED_READ_MORE;
    size_t allowed = rows_allowed(reader, turn->now_ms);
    if (reader->waiting_count > 0 && allowed == 0)
        return FEED_READ_ALL; /* they wait */
    send_rows(turn, reader, allowed);
    go_to(reader, reader->states_rev, turn->log->last_rev);
    return FEED_READ_ALL;
}

/* States first: a reader who was too slow for the rows still gets every one of them before it is told so. */
enum feed_read feed_read(const struct feed_log *log, struct feed_reader *reader,
                         const struct feed_viewer *viewer, int64_t now_ms, struct buf *out,
                         size_t full_bytes)
{
    struct turn turn = {.log = log,
                        .viewer = viewer,
                        .now_ms = now_ms,
                        .out = out,
                        .full_bytes = full_bytes,
                        .looks = FEED_LOOKS_MAX};
    enum feed_read result = read_states(&turn, reader);
    return result == FEED_READ_ALL ? read_rows(&turn, reader) : result;
}
