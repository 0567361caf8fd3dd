/* net/websocket.h: the frames of RFC 6455, read strictly and written plainly. No I/O, no clock.
 *
 * Text messages are put together, bounded, and checked to be UTF-8. Binary ones are a stream of bytes here: each
 * piece is told as it comes, unmasked where it lies, and where one message ends and the next begins is of no
 * interest. Whatever breaks a rule is told once, as WS_BROKEN with the code to close with; after it, or after
 * WS_CLOSE, nothing more is read.
 *
 * Why not by a library: wslay copies every payload through a buffer of 4 KB that each connection keeps, and
 * unmasks byte by byte (measured: 2,355 instructions for a frame of 200 bytes; here 520). It is the second
 * reader that tests and fuzzing compare this one with.
 *
 * Thread: any, one at a time.   Fuzzed by tests/fuzz/fuzz_websocket.c.
 */
#pragma once
#include "base/buf.h"
#include <stdint.h>

#define WS_HEAD_MAX      14 /* bytes of a frame's head */
#define WS_CONTROL_MAX   125
#define WS_TEXT_MAX      (1u << 20)
#define WS_BINARY_MAX    (16u << 20) /* of one frame, which is only a formality */
#define WS_FRAGMENTS_MAX 256         /* of one text message */
#define WS_IDLE_MAX      64          /* frames without content (pings, pongs, empty ones) ... */
#define WS_IDLE_MS       1000        /* ... in this time */

enum ws_role {
    WS_SERVER,
    WS_CLIENT
}; /* what we are: the client's frames are masked, the server's not */

enum ws_opcode {
    WS_OP_CONTINUATION = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10
};

enum ws_event_kind {
    WS_NOTHING, /* all bytes were used, and there is nothing to tell */
    WS_BINARY,  /* a piece of content, in the bytes that were given */
    WS_TEXT,    /* a whole message; borrowed until the next call */
    WS_PING,    /* its payload, to be sent back; borrowed until the next call */
    WS_PONG,
    WS_CLOSE, /* with `code` (1005 when none was given) and the reason */
    WS_BROKEN /* the peer broke a rule: close with `code`; `bytes` is a sentence */
};

struct ws_event {
    enum ws_event_kind kind;
    char *bytes;
    size_t len;
    int code;
};

struct ws_reader {
    uint64_t left;   /* of the frame's payload */
    struct buf text; /* the message so far */
    size_t text_max;
    int64_t idle_from_ms;
    unsigned idle_frames, fragments;
    enum ws_role role;
    uint8_t head_len, control_len, mask_at;
    bool is_over; /* after WS_CLOSE or WS_BROKEN */
    bool is_text_told;
    uint8_t message; /* the opcode of the message whose fragments come; 0: none */
    uint8_t head[WS_HEAD_MAX];
    char control[WS_CONTROL_MAX + 1];
};

/** `text_max` (up to WS_TEXT_MAX) bounds a text message; 0: text is not expected, any breaks the rules (1003). */
void ws_reader_init(struct ws_reader *reader, enum ws_role role, size_t text_max);
/** Another use begins. */
void ws_reader_limit(struct ws_reader *reader, size_t text_max);
void ws_reader_release(struct ws_reader *reader);
/** Reads up to the next event; returns how many bytes were used. `now_ms` is any clock that goes forward. */
size_t ws_read(struct ws_reader *reader, char *bytes, size_t len, int64_t now_ms,
               struct ws_event *out_event);
/** After WS_TEXT: the text becomes yours. */
void ws_reader_take_text(struct ws_reader *reader, struct buf *out_text);

/** Writes the head of a whole (unfragmented) message; returns its length. `mask` NULL: not masked. */
size_t ws_write_head(char head[WS_HEAD_MAX], enum ws_opcode opcode, size_t len,
                     const uint8_t mask[4]);
/** Masks or unmasks in place; `at` is how many bytes of the payload came before. */
void ws_mask(char *bytes, size_t len, const uint8_t mask[4], size_t at);
/** May a Close carry this code (RFC 6455 section 7.4, and IANA's additions)? */
bool ws_is_close_code(int code);
