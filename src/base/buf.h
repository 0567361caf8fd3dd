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
#include <stdarg.h>

struct buf {
    char *data; /* NULL while empty; NUL-terminated once anything was appended */
    size_t len, room_bytes, limit_bytes;
    bool failed;
};

/** Empty buffer of at most `limit_bytes`; allocates nothing yet. */
void buf_init(struct buf *buf, size_t limit_bytes);
void buf_release(struct buf *buf);
/** Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *buf);
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
/** A literal, whose length the compiler knows. */
#define buf_append_lit(buf, literal) buf_append((buf), "" literal, sizeof(literal) - 1)
/** Decimal, as "%llu" would write it, at a tenth of its price. */
void buf_put_uint(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/** Removes the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
/** Makes room for `len` more bytes and returns it (write there, then buf->len += n); NULL if not. */
MUST_USE char *buf_reserve(struct buf *buf, size_t len);
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
