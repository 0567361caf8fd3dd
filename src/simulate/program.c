/* simulate/program.c: building steps, and playing them without a clock.
 *
 * Three layers, each a function that gives one beat: `render` goes through the steps; `limited` cuts
 * at a number of body bytes; program_next frames chunks and, for a trickle, hands out single bytes.
 */
#include "simulate/program.h"

#include "base/mem.h"

#include <assert.h>

#define FIRST_BYTES  4096u
#define TRICKLE_WANT 4096u
#define NUMBER_ROOM  24

/* ---- building -------------------------------------------------------------------------------- */

void program_init(struct program *program)
{
    *program = (struct program){.bytes_max = -1};
    buf_init(&program->headers, 65536);
    buf_init(&program->bytes, PROGRAM_BYTES_MAX);
}

void program_release(struct program *program)
{
    buf_release(&program->headers);
    buf_release(&program->bytes);
    mem_free(program->steps);
    *program = (struct program){0};
}

void program_clear(struct program *program)
{
    struct program kept = *program;
    buf_clear(&kept.headers);
    buf_clear(&kept.bytes);
    *program = (struct program){.bytes_max = -1,
                                .headers = kept.headers,
                                .bytes = kept.bytes,
                                .steps = kept.steps,
                                .step_room = kept.step_room};
    if (!buf_reserve(&program->bytes, FIRST_BYTES))
        program->failed = true;
}

/* Room for one more step, or NULL. */
static struct step *add_step(struct program *program)
{
    if (program->step_count == program->step_room) {
        size_t room = program->step_room ? program->step_room * 2 : 16;
        struct step *grown =
            room > PROGRAM_STEPS_MAX ? NULL : mem_realloc(program->steps, room * sizeof *grown);
        if (!grown) {
            program->failed = true;
            return NULL;
        }
        program->steps = grown;
        program->step_room = room;
    }
    struct step *step = &program->steps[program->step_count++];
    *step = (struct step){0};
    return step;
}

size_t program_open(const struct program *program)
{
    return program->bytes.len;
}

void program_close(struct program *program, size_t opened, int events)
{
    program->failed |= program->bytes.failed;
    size_t len = program->bytes.len - opened;
    if (len == 0)
        return;
    struct step *last =
        program->step_count > program->head_steps ? &program->steps[program->step_count - 1] : NULL;
    if (last && last->kind == STEP_BYTES && last->start + last->len == opened) {
        last->len += len;
        last->events += events;
        return;
    }
    struct step *step = add_step(program);
    if (step)
        *step = (struct step){.kind = STEP_BYTES, .start = opened, .len = len, .events = events};
}

void program_bytes(struct program *program, struct str bytes, int events)
{
    size_t opened = program_open(program);
    buf_append_str(&program->bytes, bytes);
    program_close(program, opened, events);
}

void program_tokens(struct program *program, struct str before, struct str middle, struct str after,
                    int64_t first, int64_t count, int64_t gap_ms)
{
    if (count <= 0)
        return;
    size_t start = program->bytes.len;
    buf_append_str(&program->bytes, before);
    buf_append_str(&program->bytes, middle);
    if (first >= 0)
        buf_append_str(&program->bytes, after);
    program->failed |= program->bytes.failed;
    struct step *step = add_step(program);
    if (step)
        *step = (struct step){.kind = STEP_TOKENS,
                              .start = start,
                              .len = program->bytes.len - start,
                              .token = before.len,
                              .number = before.len + (first >= 0 ? middle.len : 0),
                              .first = first,
                              .count = count,
                              .gap_ms = gap_ms};
}

void program_fill(struct program *program, char byte, int64_t count)
{
    struct step *step = count > 0 ? add_step(program) : NULL;
    if (step)
        *step = (struct step){.kind = STEP_FILL, .count = count, .fill = byte};
}

void program_wait(struct program *program, int64_t wait_ms)
{
    struct step *step = wait_ms > 0 ? add_step(program) : NULL;
    if (step)
        *step = (struct step){.kind = STEP_WAIT, .count = wait_ms};
}

void program_end(struct program *program, enum step_kind end)
{
    assert(end >= STEP_FINISH);
    struct step *step = add_step(program);
    if (step)
        step->kind = end;
}

void program_make_head(struct program *program, size_t count)
{
    if (program->failed)
        return;
    assert(count <= 8 && count <= program->step_count);
    struct step head[8];
    size_t rest = program->step_count - count;
    memcpy(head, program->steps + rest, count * sizeof *head);
    memmove(program->steps + count, program->steps, rest * sizeof *head);
    memcpy(program->steps, head, count * sizeof *head);
    program->head_steps = count;
}

static int64_t digits_of(int64_t number)
{
    int64_t count = 1;
    for (; number > 9; number /= 10)
        count++;
    return count;
}

int64_t program_size(const struct program *program)
{
    int64_t size = 0, tokens = 0;
    for (size_t i = 0; i < program->step_count; i++) {
        const struct step *step = &program->steps[i];
        if (step->kind == STEP_BYTES)
            size += (int64_t)step->len;
        else if (step->kind == STEP_FILL)
            size += step->count;
        else if (step->kind == STEP_TOKENS)
            for (int64_t n = 0; n < step->count; n++, tokens++)
                size += (int64_t)step->len + 6 + digits_of(program->seq) + digits_of(tokens) +
                        (step->number > step->token ? digits_of(step->first + n) : 0);
    }
    return size;
}

/* Decimal digits of a number that is not negative; shows where they begin in `room`. */
static struct str digits(int64_t number, char room[NUMBER_ROOM])
{
    char *at = room + NUMBER_ROOM;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return (struct str){at, (size_t)(room + NUMBER_ROOM - at)};
}

void token_append(struct buf *out, int64_t seq, int64_t n)
{
    char room[NUMBER_ROOM];
    buf_append(out, "tok-", 4);
    buf_append_str(out, digits(seq, room));
    buf_append(out, "-", 1);
    buf_append_str(out, digits(n, room));
    buf_append(out, " ", 1);
}

/* ---- playing: the steps ---------------------------------------------------------------------- */

void cursor_init(struct cursor *cursor)
{
    *cursor = (struct cursor){0};
    buf_init(&cursor->held, PROGRAM_BYTES_MAX);
}

void cursor_release(struct cursor *cursor)
{
    buf_release(&cursor->held);
    *cursor = (struct cursor){0};
}

static void next_step(struct cursor *cursor)
{
    cursor->step++;
    cursor->at = 0;
    cursor->has_waited = false;
}

static void render_token(const struct program *program, struct cursor *cursor,
                         const struct step *step, struct buf *out)
{
    struct str frame = {program->bytes.data + step->start, step->len};
    buf_append(out, frame.at, step->token);
    token_append(out, program->seq, cursor->tokens);
    if (step->number > step->token) {
        char room[NUMBER_ROOM];
        buf_append(out, frame.at + step->token, step->number - step->token);
        buf_append_str(out, digits(step->first + cursor->at, room));
    }
    buf_append_str(out, str_from(frame, step->number));
    cursor->tokens++;
    cursor->events++;
    cursor->at++;
}

/* One piece of a run. True when a gap must be waited first. */
static bool play_tokens(const struct program *program, struct cursor *cursor,
                        const struct step *step, struct buf *out)
{
    if (step->gap_ms > 0 && cursor->at > 0 && !cursor->has_waited) {
        cursor->has_waited = true;
        return true;
    }
    cursor->has_waited = false;
    render_token(program, cursor, step, out);
    if (cursor->at == step->count)
        next_step(cursor);
    return false;
}

/* Up to `want` bytes of a step that is plain bytes. */
static void play_bytes(const struct program *program, struct cursor *cursor,
                       const struct step *step, struct buf *out, size_t want)
{
    size_t at = (size_t)cursor->at;
    size_t len = step->len - at < want ? step->len - at : want;
    buf_append(out, program->bytes.data + step->start + at, len);
    cursor->at += (int64_t)len;
    if (at + len < step->len)
        return;
    cursor->events += step->events;
    next_step(cursor);
}

static void play_fill(struct cursor *cursor, const struct step *step, struct buf *out, size_t want)
{
    size_t left = (size_t)(step->count - cursor->at);
    size_t len = left < want ? left : want;
    char *room = buf_reserve(out, len);
    if (!room)
        return;
    memset(room, step->fill, len);
    out->len += len;
    cursor->at += (int64_t)len;
    if (cursor->at == step->count)
        next_step(cursor);
}

static enum beat_kind end_beat(enum step_kind end)
{
    switch (end) {
    case STEP_FINISH: return BEAT_FINISH;
    case STEP_RESET: return BEAT_RESET;
    case STEP_STALL: return BEAT_STALL;
    default: return BEAT_CUT;
    }
}

/* Head and body are never in one beat of a raw program: the body is counted and chunked. */
static bool is_at_body(const struct program *program, const struct cursor *cursor)
{
    return cursor->step == program->head_steps && cursor->at == 0 && program->head_steps > 0;
}

static struct beat render(const struct program *program, struct cursor *cursor, struct buf *out,
                          size_t want)
{
    size_t start = out->len;
    while (cursor->step < program->step_count) {
        if (out->failed)
            return (struct beat){BEAT_CUT, 0};
        if (out->len - start >= want || (out->len > start && is_at_body(program, cursor)))
            return (struct beat){BEAT_SEND, 0};
        const struct step *step = &program->steps[cursor->step];
        size_t room = want - (out->len - start);
        switch (step->kind) {
        case STEP_BYTES: play_bytes(program, cursor, step, out, room); break;
        case STEP_FILL: play_fill(cursor, step, out, room); break;
        case STEP_TOKENS:
            if (play_tokens(program, cursor, step, out))
                return (struct beat){BEAT_WAIT, step->gap_ms};
            break;
        case STEP_WAIT: next_step(cursor); return (struct beat){BEAT_WAIT, step->count};
        default: return (struct beat){end_beat(step->kind), 0};
        }
    }
    return (struct beat){BEAT_CUT, 0}; /* a program always has an end; this one has none */
}

/* ---- playing: limits, chunks, trickle ---------------------------------------------------------- */

static bool is_raw(const struct program *program)
{
    return program->framing == FRAMING_RAW || program->framing == FRAMING_RAW_CHUNKED;
}

static struct beat limited(const struct program *program, struct cursor *cursor, struct buf *out,
                           size_t want, bool *out_is_body)
{
    *out_is_body = !is_raw(program) || cursor->step >= program->head_steps;
    struct beat end = {end_beat(program->max_end), 0};
    if (program->bytes_max >= 0 && *out_is_body && cursor->body_bytes >= program->bytes_max)
        return end;
    size_t start = out->len;
    struct beat beat = render(program, cursor, out, want);
    if (!*out_is_body)
        return beat;
    cursor->body_bytes += (int64_t)(out->len - start);
    int64_t excess = program->bytes_max >= 0 ? cursor->body_bytes - program->bytes_max : 0;
    if (excess < 0 || program->bytes_max < 0 || (excess == 0 && beat.kind == BEAT_FINISH))
        return beat;
    out->len -= (size_t)excess;
    cursor->body_bytes -= excess;
    return end;
}

static struct beat framed(const struct program *program, struct cursor *cursor, struct buf *out,
                          size_t want)
{
    bool is_body;
    if (program->framing != FRAMING_RAW_CHUNKED)
        return limited(program, cursor, out, want, &is_body);
    AUTO_BUF struct buf body;
    buf_init(&body, PROGRAM_BYTES_MAX);
    struct beat beat = limited(program, cursor, &body, want, &is_body);
    bool is_torn = program->torn_chunk && (beat.kind == BEAT_CUT || beat.kind == BEAT_RESET);
    if (is_body && (body.len > 0 || is_torn))
        buf_printf(out, "%zx\r\n", body.len + (is_torn ? 64 : 0));
    buf_append_str(out, buf_str(&body));
    if (is_body && body.len > 0 && !is_torn)
        buf_puts(out, "\r\n");
    if (is_body && beat.kind == BEAT_FINISH)
        buf_puts(out, "0\r\n\r\n");
    return beat;
}

static struct beat trickled(const struct program *program, struct cursor *cursor, struct buf *out)
{
    while (cursor->held_at == cursor->held.len) {
        if (cursor->has_held && cursor->held_beat.kind != BEAT_SEND) {
            struct beat beat = cursor->held_beat;
            cursor->has_held = beat.kind != BEAT_WAIT; /* an end stays */
            return beat;
        }
        buf_clear(&cursor->held);
        cursor->held_at = 0;
        cursor->held_beat = framed(program, cursor, &cursor->held, TRICKLE_WANT);
        cursor->has_held = true;
    }
    buf_append(out, cursor->held.data + cursor->held_at++, 1);
    return (struct beat){BEAT_WAIT, program->trickle_ms};
}

struct beat program_next(const struct program *program, struct cursor *cursor, struct buf *out,
                         size_t want)
{
    if (program->trickle_ms > 0)
        return trickled(program, cursor, out);
    return framed(program, cursor, out, want);
}
