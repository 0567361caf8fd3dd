/* net/conn_parts.h: what conn.c and conn_websocket.c share. Nobody else includes it. */
#pragma once
#include "net/conn.h"

/** What a WebSocket connection is besides a `struct conn`. While it is on a loop, conn->ws points to it and its first
 *  group is empty; off the loop it is all there is. One block for both, so that leaving a loop cannot fail. */
struct detached {
    int fd; /* -1 while on a loop */
    SSL *tls;
    struct buf unsent;
    size_t unsent_at;
    int64_t progress_ns;
    bool is_dialled, is_write_dead, is_out_of_memory;

    struct ws_reader reader;
    struct buf unread; /* [unread_at, len) was read and not looked at */
    size_t unread_at;
    struct ws_event held; /* to be told in the next turn; what it points to is the reader's */
    int64_t heard_ns;
    bool is_close_said;
};

/* conn_websocket.c, for conn.c */
bool websocket_is_waiting(
    const struct detached *ws); /* there is something to tell without reading */
void websocket_take(struct conn *conn, char *bytes,
                    size_t len);         /* what was read; the last thing done */
void websocket_go_on(struct conn *conn); /* with what waits; likewise */
MUST_USE enum err websocket_write(struct conn *conn, const struct iovec *pieces, int count);
void websocket_say_goodbye(struct conn *conn); /* one try, before it closes */
void websocket_free(struct detached *ws);      /* its memory; NULL is fine */

/* conn.c, for conn_websocket.c */
void conn_init(struct conn *conn, struct loop *loop, int fd, const struct conn_ops *ops,
               void *owner);
MUST_USE bool conn_want_write(struct conn *conn);
void conn_forget_write(struct conn *conn);
void conn_start_reading(struct conn *conn);
void conn_tell_closed(struct conn *conn, enum conn_end end, const char *sentence);
void conn_tell_no_memory(struct conn *conn);
void conn_close_loopless(struct conn *conn, bool with_reset); /* what of closing needs no loop */
void conn_half_close(struct conn *conn);
/** As conn_write, of bytes that are framed already. */
MUST_USE enum err conn_write_raw(struct conn *conn, const struct iovec *pieces, int count);
/** One try, nothing is queued: bytes taken, 0 for "not now", -1 for "never again". */
ssize_t conn_send_now(struct conn *conn, const struct iovec *pieces, int count);
