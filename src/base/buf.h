/* base/buf.h: bytes that grow up to a limit fixed at birth.
 *
 * Appending never fails loudly in the middle of building something: past the limit, or without
 * memory, the buffer turns `failed`, keeps what it had, and ignores further appends. The builder
 * checks once, at the end. No pass sizes and another fills: appenders only.
 *
 * Memory:  the buffer owns its bytes; `buf_release` frees them, `buf_take` gives them away.
 * Thread:  any, one at a time.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <assert.h>
#include <stdarg.h>

struct buf {
    char *data; /* NULL while empty; NUL-terminated once anything was appended */
    size_t len, room_bytes, limit_bytes;
    bool failed;
    bool is_lent; /* `data` is somebody else's room */
};

#define BUF_SLACK_BYTES 64u /* behind the content: for the NUL, and simdjson may read this far */

/** Empty buffer of at most `limit_bytes`; allocates nothing yet. */
static inline void buf_init(struct buf *buf, size_t limit_bytes)
{
    assert(limit_bytes > 0 && limit_bytes < SIZE_MAX / 4);
    *buf = (struct buf){.limit_bytes = limit_bytes};
}
/** The same, with `room` (on the caller's stack; it outlives the buffer) to begin in: what fits there
 *  needs no allocation. `room_bytes` is more than BUF_SLACK_BYTES. */
void buf_init_in(struct buf *buf, size_t limit_bytes, char *room, size_t room_bytes);
void buf_free_room(struct buf *buf); /* of buf_release */
static inline void buf_release(struct buf *buf)
{
    if (buf->data)
        buf_free_room(buf);
    buf->failed = false;
}
/** Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *buf);
/** What buf_reserve does when the room is not there already. */
MUST_USE char *buf_grow(struct buf *buf, size_t len);
/** Makes room for `len` more bytes and returns it (write there, then buf->len += n); NULL if not. */
MUST_USE static inline char *buf_reserve(struct buf *buf, size_t len)
{
    bool has_room =
        buf->data && !buf->failed && len <= buf->room_bytes - BUF_SLACK_BYTES - buf->len;
    return has_room ? buf->data + buf->len : buf_grow(buf, len);
}
static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    char *room = buf_reserve(buf, len);
    if (!room)
        return;
    if (len)
        memcpy(room, bytes, len);
    room[len] = '\0'; /* in the slack, if need be */
    buf->len += len;
}
static inline void buf_append_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.at, s.len);
}
static inline void buf_puts(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}
static inline void buf_putc(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}
/** A literal, whose length the compiler knows. */
#define buf_append_lit(buf, literal) buf_append((buf), "" literal, sizeof(literal) - 1)
/** Decimal, as "%llu" would write it, at a tenth of its price. */
void buf_put_uint(struct buf *buf, uint64_t value);
/** Each byte as two lower-case hexadecimal digits. */
void buf_put_hex(struct buf *buf, const uint8_t *bytes, size_t len);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/** Removes the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
/** What is in it, borrowed until the next change. */
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->data ? buf->data : "", buf->len};
}
/** Gives the NUL-terminated bytes away (NULL if nothing was ever appended); the buffer is empty. */
MUST_USE char *buf_take(struct buf *buf);

static inline void buf_auto_release(struct buf *buf)
{
    buf_release(buf);
}
#define AUTO_BUF __attribute__((cleanup(buf_auto_release)))
