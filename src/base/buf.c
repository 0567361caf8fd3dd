/* base/buf.c: the bounded byte appender. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>

#define FIRST_ROOM_BYTES 256u

void buf_init_in(struct buf *buf, size_t limit_bytes, char *room, size_t room_bytes)
{
    assert(room_bytes > BUF_SLACK_BYTES);
    buf_init(buf, limit_bytes);
    buf->is_lent = true;
    buf->data = room;
    buf->room_bytes =
        room_bytes < limit_bytes + BUF_SLACK_BYTES ? room_bytes : limit_bytes + BUF_SLACK_BYTES;
    room[0] = '\0';
}

void buf_free_room(struct buf *buf)
{
    if (!buf->is_lent)
        mem_free(buf->data);
    *buf = (struct buf){.limit_bytes = buf->limit_bytes};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room of its own, larger, with the content in it. */
static char *move_to(struct buf *buf, size_t room_bytes)
{
    if (!buf->is_lent)
        return mem_realloc(buf->data, room_bytes);
    char *own = mem_alloc(room_bytes);
    if (own)
        memcpy(own, buf->data, buf->len + 1);
    return own;
}

char *buf_grow(struct buf *buf, size_t len)
{
    assert(buf->limit_bytes > 0); /* buf_init was called */
    if (buf->failed || len > buf->limit_bytes - buf->len) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->len + len + BUF_SLACK_BYTES;
    if (needed > buf->room_bytes) {
        size_t room = buf->room_bytes ? buf->room_bytes * 2 : FIRST_ROOM_BYTES;
        if (room > buf->limit_bytes + BUF_SLACK_BYTES)
            room = buf->limit_bytes + BUF_SLACK_BYTES;
        if (room < needed)
            room = needed;
        char *grown = move_to(buf, room);
        if (!grown) {
            buf->failed = true;
            return NULL;
        }
        buf->data = grown;
        buf->is_lent = false;
        buf->room_bytes = room;
    }
    return buf->data + buf->len;
}

void buf_put_uint(struct buf *buf, uint64_t value)
{
    char room[20]; /* UINT64_MAX has 20 digits */
    char *at = room + sizeof room;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_append(buf, at, (size_t)(room + sizeof room - at));
}

void buf_put_hex(struct buf *buf, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        const char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        buf_append(buf, pair, sizeof pair);
    }
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    UNSET char room[512];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(room, sizeof room, format, args);
    if (len >= 0 && (size_t)len < sizeof room) {
        buf_append(buf, room, (size_t)len);
    } else if (len >= 0) {
        char *into = buf_reserve(buf, (size_t)len);
        if (into) { /* the slack behind every reservation holds the NUL */
            vsnprintf(into, (size_t)len + 1, format, again);
            buf->len += (size_t)len;
        }
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data;
    if (buf->is_lent)
        data = buf->len ? mem_dup(buf->data, buf->len) : NULL;
    *buf = (struct buf){.limit_bytes = buf->limit_bytes};
    return data;
}
