/* simulate/program.h: an answer as a list of steps, and the cursor that plays it. Pure.
 *
 * A program is built before its first byte is sent; the cursor turns it into bytes and waits, one
 * beat at a time. All that depends on time or sockets is in player.c, so that tests can play any
 * answer, faults included, without either.
 *
 * A run of a thousand default pieces is one step: its bytes are made as they are sent, so that
 * thousands of open streams cost little.
 *
 *     program_event(&program, STR("data: {...}\n\n"), 0);
 *     program_wait(&program, 20);
 *     program_end(&program, STEP_FINISH);
 *
 *     while ((beat = program_next(&program, &cursor, &out, 65536)).kind == BEAT_SEND) ...
 */
#pragma once
#include "base/buf.h"

#define PROGRAM_BYTES_MAX (64u * 1024 * 1024)
#define PROGRAM_STEPS_MAX (1u << 20)

enum step_kind {
    STEP_BYTES,  /* as they are */
    STEP_TOKENS, /* a run of default pieces */
    STEP_FILL,   /* one byte, many times */
    STEP_WAIT,
    STEP_FINISH, /* the proper end */
    STEP_CUT,    /* close in the middle */
    STEP_RESET,  /* the same by RST */
    STEP_STALL   /* say nothing more, keep the connection */
};

/** How the bytes of the steps get onto the connection. */
enum framing {
    FRAMING_LENGTH,     /* one proper answer with its length */
    FRAMING_CHUNKED,    /* a proper stream */
    FRAMING_RAW,        /* the steps hold the head too */
    FRAMING_RAW_CHUNKED /* so, and what comes behind the head is chunked by the cursor */
};

struct step {
    enum step_kind kind;
    size_t start, len;    /* BYTES and TOKENS: in the program's bytes */
    size_t token, number; /* TOKENS: where in these bytes the token and the number go;
                                     equal: no number */
    int64_t first;        /* TOKENS: first number */
    int64_t count;        /* TOKENS: pieces; FILL: bytes; WAIT: milliseconds */
    int64_t gap_ms;       /* TOKENS: between two */
    int events;           /* BYTES: whole events in it */
    char fill;
};

struct program {
    enum framing framing;
    int status;
    struct buf headers; /* lines with CRLF; not for raw framings */
    struct str content_type;
    int64_t seq;      /* of the request: stamped into every default piece */
    int64_t delay_ms; /* before anything: the player's to wait */
    int64_t trickle_ms;
    int64_t bytes_max; /* after so many body bytes comes `max_end`; -1: never */
    enum step_kind max_end;
    bool torn_chunk;   /* a cut leaves a chunk that promised more */
    size_t head_steps; /* raw framings: steps before the body */
    struct buf bytes;
    struct step *steps;
    size_t step_count, step_room;
    bool failed; /* out of memory or past a limit: do not play */
};

void program_init(struct program *program);
void program_release(struct program *program);
/** Empties it and keeps its memory. */
void program_clear(struct program *program);

/** Appends bytes; `events` says how many events end in them. */
void program_bytes(struct program *program, struct str bytes, int events);
/** Where bytes of a step can be written directly: program_open, append to program->bytes, _close. */
size_t program_open(const struct program *program);
void program_close(struct program *program, size_t opened, int events);
/** `count` events: before, `tok-<seq>-<n> `, middle and, when `first` >= 0, number and after. */
void program_tokens(struct program *program, struct str before, struct str middle, struct str after,
                    int64_t first, int64_t count, int64_t gap_ms);
void program_fill(struct program *program, char byte, int64_t count);
void program_wait(struct program *program, int64_t wait_ms); /* 0: nothing */
void program_end(struct program *program, enum step_kind end);
/** Moves the last `count` steps to the front: a head is built when its body is known. */
void program_make_head(struct program *program, size_t count);
/** Bytes of all steps together, without chunks. */
int64_t program_size(const struct program *program);

/** Appends the default token number `n`, blank included. */
void token_append(struct buf *out, int64_t seq, int64_t n);

enum beat_kind {
    BEAT_SEND, /* more follows at once */
    BEAT_WAIT, /* send, then wait `wait_ms` */
    BEAT_FINISH,
    BEAT_CUT,
    BEAT_RESET,
    BEAT_STALL
};
struct beat {
    enum beat_kind kind;
    int64_t wait_ms;
};
struct cursor {
    size_t step;
    int64_t at; /* pieces or bytes done of this step */
    int64_t body_bytes, events, tokens;
    struct buf held; /* trickle: rendered, not yet given */
    size_t held_at;
    struct beat held_beat;
    bool has_held, has_waited;
};
void cursor_init(struct cursor *cursor);
void cursor_release(struct cursor *cursor);
/**
 * Appends what comes next to `out`, up to about `want` bytes, and says what to do after sending it.
 * An end is given again and again. Out of memory is a CUT.
 */
struct beat program_next(const struct program *program, struct cursor *cursor, struct buf *out,
                         size_t want);
