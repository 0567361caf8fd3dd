/* net/conn.c: reads when ready, writes at once, queues the rest.
 *
 * A failed write is not told to anybody: the peer may have answered before it closed, so reading goes on
 * and finds the answer, the end or the reset. Every callback is the last thing its function does, because
 * the owner may close and free the conn inside it.
 */
#include "net/conn.h"

#include "base/mem.h"
#include "net/conn_parts.h"
#include "net/tls.h"
#include "sys/secret.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define USER_TIMEOUT_MS 60000
#define NOTSENT_LOWAT   (128 * 1024)
#define TLS_STAGE_BYTES 16384 /* one TLS record */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

void conn_set_options(int fd)
{
    int one = 1, user_timeout = USER_TIMEOUT_MS, lowat = NOTSENT_LOWAT;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

void conn_init(struct conn *conn, struct loop *loop, int fd, const struct conn_ops *ops,
               void *owner)
{
    *conn = (struct conn){.loop = loop, .ops = ops, .owner = owner, .fd = fd, .is_reading = true};
    buf_init(&conn->unsent, CONN_UNSENT_MAX);
    event_assign(&conn->read_event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, conn);
}

/* Asks to be told when the socket takes bytes. The event is made when it is first needed: most streams
 * never wait for it, and it is larger than what else a connection holds. False without memory. */
bool conn_want_write(struct conn *conn)
{
    if (!conn->write_event) {
        conn->write_event = mem_alloc(sizeof *conn->write_event);
        if (!conn->write_event)
            return false;
        event_assign(conn->write_event, loop_base(conn->loop), conn->fd, EV_WRITE, on_writable,
                     conn);
    }
    return event_add(conn->write_event, NULL) == 0;
}

void conn_forget_write(struct conn *conn)
{
    if (conn->write_event)
        event_del(conn->write_event);
    mem_free(TAKE(conn->write_event));
}

enum err conn_accept(struct conn *conn, struct loop *loop, int fd, SSL_CTX *tls_context,
                     const struct conn_ops *ops, void *owner)
{
    conn_init(conn, loop, fd, ops, owner);
    if (tls_context) {
        conn->tls = SSL_new(tls_context);
        if (!conn->tls || SSL_set_fd(conn->tls, fd) != 1) {
            conn_close(conn, false);
            return ERR_NO_MEMORY;
        }
        SSL_set_accept_state(conn->tls);
        conn->is_handshaking = conn->is_accepted = true;
    }
    if (event_add(&conn->read_event, NULL) != 0) {
        conn_close(conn, false);
        return ERR_NO_MEMORY;
    }
    return OK;
}

enum err conn_dial(struct conn *conn, struct loop *loop, const struct sockaddr *address,
                   unsigned address_len, SSL_CTX *tls_context, const char *tls_host,
                   SSL_SESSION *session, const struct conn_ops *ops, void *owner,
                   struct error *error)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot make a socket: %s", ERRNO_TEXT(errno));
    conn_set_options(fd);
    conn_init(conn, loop, fd, ops, owner);
    conn->is_dialled = true;
    if (tls_context) {
        conn->tls = SSL_new(tls_context);
        if (!conn->tls || SSL_set_fd(conn->tls, fd) != 1 ||
            tls_expect_host(conn->tls, tls_host) != OK) {
            conn_close(conn, false);
            return error_set(error, ERR_NO_MEMORY, "cannot prepare TLS for '%s'", tls_host);
        }
        SSL_set_connect_state(conn->tls);
        if (session)
            SSL_set_session(conn->tls, session);
        conn->is_handshaking = true;
    }
    if (connect(fd, address, address_len) != 0 && errno != EINPROGRESS) {
        int why = errno;
        conn_close(conn, false);
        return error_set(error, ERR_IO, "cannot connect: %s", ERRNO_TEXT(why));
    }
    conn->is_connecting = true;
    if (!conn_want_write(conn)) {
        conn_close(conn, false);
        return error_set(error, ERR_NO_MEMORY, "no memory to wait for a connection");
    }
    return OK;
}

static void release_unsent(struct conn *conn)
{
    if (conn->is_dialled && conn->unsent.data)
        secret_wipe(conn->unsent.data, conn->unsent.room_bytes);
    buf_release(&conn->unsent);
    conn->unsent_at = 0;
}

void conn_close(struct conn *conn, bool with_reset)
{
    if (conn->fd < 0)
        return;
    event_del(&conn->read_event);
    conn_forget_write(conn);
    conn_close_loopless(conn, with_reset);
}

void conn_close_loopless(struct conn *conn, bool with_reset)
{
    if (conn->ws && !with_reset)
        websocket_say_goodbye(conn);
    websocket_free(TAKE(conn->ws));
    if (conn->tls) {
        if (!with_reset && !conn->is_handshaking && !conn->is_connecting && !conn->is_write_dead)
            SSL_shutdown(conn->tls); /* one try to say goodbye */
        SSL_free(conn->tls);
        ERR_clear_error();
        conn->tls = NULL;
    }
    if (with_reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(conn->fd);
    conn->fd = -1;
    release_unsent(conn);
}

void conn_tell_closed(struct conn *conn, enum conn_end end, const char *sentence)
{
    conn_close(conn, false);
    conn->ops->on_closed(conn->owner, end, sentence);
}

void conn_tell_no_memory(struct conn *conn)
{
    conn_tell_closed(conn, CONN_END_NO_MEMORY, "no memory for the connection");
}

/* ---- opening --------------------------------------------------------------------------------- */

/* True when the handshake is over; otherwise waits for the socket, or has told on_closed. */
static bool shake_hands(struct conn *conn)
{
    ERR_clear_error();
    int done = SSL_do_handshake(conn->tls);
    if (done == 1) {
        conn->is_handshaking = false;
        return true;
    }
    int why = SSL_get_error(conn->tls, done);
    if (why == SSL_ERROR_WANT_READ) {
        event_add(&conn->read_event, NULL);
        return false;
    }
    if (why == SSL_ERROR_WANT_WRITE) {
        if (!conn_want_write(conn))
            conn_tell_no_memory(conn);
        return false;
    }
    char sentence[300];
    tls_explain(conn->tls, sentence, sizeof sentence);
    conn_tell_closed(conn, CONN_END_TLS, sentence);
    return false;
}

/* OpenSSL or a WebSocket may hold bytes, or the end, that the socket will not announce again: look once for sure. Adding
 * needs no memory: libevent knows the descriptor since the connection was opened. */
void conn_start_reading(struct conn *conn)
{
    event_add(&conn->read_event, NULL);
    if (conn->tls || (conn->ws && websocket_is_waiting(conn->ws)))
        event_active(&conn->read_event, EV_READ, 1);
}

static void go_on_opening(struct conn *conn)
{
    if (conn->is_connecting) {
        int why = 0;
        socklen_t len = sizeof why;
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &why, &len);
        if (why) {
            char sentence[160];
            struct error error;
            error_set(&error, ERR_IO, "cannot connect: %s", ERRNO_TEXT(why));
            str_copy(str_of(error.text), sentence, sizeof sentence);
            conn_tell_closed(conn, CONN_END_REFUSED, sentence);
            return;
        }
        conn->is_connecting = false;
    }
    if (conn->is_handshaking && !shake_hands(conn))
        return;
    if (conn->is_reading)
        conn_start_reading(conn);
    else
        event_del(&conn->read_event);
    if (conn_pending(conn) == 0) {
        conn_forget_write(conn);
    } else if (!conn_want_write(conn)) {
        conn_tell_no_memory(conn);
        return;
    }
    if (!conn->is_accepted)
        conn->ops->on_connected(conn->owner);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void tell_write_dead(struct conn *conn)
{
    if (conn->is_out_of_memory)
        conn_tell_no_memory(conn);
    else
        conn_tell_closed(conn, CONN_END_RESET, "the peer takes no more bytes");
}

static void take(struct conn *conn, char *bytes, size_t len)
{
    if (conn->ws)
        websocket_take(conn, bytes, len);
    else
        conn->ops->on_bytes(conn->owner, bytes, len);
}

static void read_plain(struct conn *conn)
{
    char *scratch = loop_scratch(conn->loop);
    ssize_t n = recv(conn->fd, scratch, LOOP_SCRATCH_BYTES, 0);
    if (n > 0) {
        take(conn, scratch, (size_t)n);
        return;
    }
    if (n == 0) {
        conn_tell_closed(conn, CONN_END_EOF, "the peer closed the connection");
        return;
    }
    if (errno == EINTR || errno == EAGAIN) {
        if (conn->is_write_dead)
            tell_write_dead(conn);
        return;
    }
    bool is_timeout = errno == ETIMEDOUT;
    conn_tell_closed(conn, is_timeout ? CONN_END_TIMEOUT : CONN_END_RESET,
                     is_timeout ? "the peer stopped answering" : "the peer reset the connection");
}

static void read_tls(struct conn *conn)
{
    char *scratch = loop_scratch(conn->loop);
    size_t len = 0;
    int why = SSL_ERROR_NONE;
    ERR_clear_error();
    while (len < LOOP_SCRATCH_BYTES) {
        size_t got = 0;
        int done = SSL_read_ex(conn->tls, scratch + len, LOOP_SCRATCH_BYTES - len, &got);
        if (done != 1) {
            why = SSL_get_error(conn->tls, done);
            break;
        }
        len += got;
    }
    if (len > 0) {
        /* What stays inside OpenSSL, and an end that stands behind the bytes, is seen next turn. */
        if (why != SSL_ERROR_WANT_READ)
            event_active(&conn->read_event, EV_READ, 1);
        take(conn, scratch, len);
        return;
    }
    if (why == SSL_ERROR_WANT_READ) {
        if (conn->is_write_dead)
            tell_write_dead(conn);
        return;
    }
    if (why == SSL_ERROR_WANT_WRITE) {
        if (!conn_want_write(conn))
            conn_tell_no_memory(conn);
        return;
    }
    if (why == SSL_ERROR_ZERO_RETURN)
        conn_tell_closed(conn, CONN_END_EOF, "the peer closed the connection");
    else
        conn_tell_closed(conn, CONN_END_RESET, "the peer cut the TLS connection");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct conn *conn = arg;
    if (conn->is_connecting || conn->is_handshaking)
        go_on_opening(conn);
    else if (!conn->is_reading)
        return;
    else if (conn->ws && websocket_is_waiting(conn->ws))
        websocket_go_on(conn);
    else if (conn->tls)
        read_tls(conn);
    else
        read_plain(conn);
}

void conn_pause(struct conn *conn)
{
    if (!conn->is_reading || conn->fd < 0)
        return;
    conn->is_reading = false;
    if (!conn->is_connecting && !conn->is_handshaking)
        event_del(&conn->read_event);
}

void conn_resume(struct conn *conn)
{
    if (conn->is_reading || conn->fd < 0)
        return;
    conn->is_reading = true;
    if (conn->is_connecting || conn->is_handshaking)
        return;
    conn_start_reading(conn);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The peer takes no more: reading will find out why. Or a piece of the stream was lost for want of memory. */
static void stop_writing(struct conn *conn, enum err why)
{
    conn->is_write_dead = true;
    conn->is_out_of_memory = why == ERR_NO_MEMORY;
    release_unsent(conn);
    conn_forget_write(conn);
    if (conn->is_reading)
        event_active(&conn->read_event, EV_READ, 1);
}

/* Bytes taken, 0 for "not now", -1 for "never again". */
static ssize_t send_tls(struct conn *conn, const char *bytes, size_t len)
{
    size_t sent = 0;
    ERR_clear_error();
    int done = SSL_write_ex(conn->tls, bytes, len, &sent);
    if (done == 1)
        return (ssize_t)sent;
    int why = SSL_get_error(conn->tls, done);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* As many as fit of the pieces from (`first`, `skip`) on, in one record. */
static ssize_t send_pieces_tls(struct conn *conn, const struct iovec *pieces, int count, int first,
                               size_t skip)
{
    UNSET char stage[TLS_STAGE_BYTES];
    size_t len = 0;
    if (pieces[first].iov_len - skip >= sizeof stage)
        return send_tls(conn, (char *)pieces[first].iov_base + skip, pieces[first].iov_len - skip);
    for (int i = first; i < count && len < sizeof stage; i++) {
        size_t from = i == first ? skip : 0;
        size_t part = pieces[i].iov_len - from;
        if (part > sizeof stage - len)
            part = sizeof stage - len;
        if (part)
            memcpy(stage + len, (char *)pieces[i].iov_base + from, part);
        len += part;
    }
    ssize_t sent = len ? send_tls(conn, stage, len) : 0;
    if (conn->is_dialled)
        secret_wipe(stage, len);
    return sent;
}

static ssize_t send_pieces_plain(struct conn *conn, const struct iovec *pieces, int count,
                                 int first, size_t skip)
{
    UNSET struct iovec rest[64];
    int n = 0;
    for (int i = first; i < count && n < 64; i++) {
        size_t from = i == first ? skip : 0;
        if (pieces[i].iov_len > from)
            rest[n++] = (struct iovec){(char *)pieces[i].iov_base + from, pieces[i].iov_len - from};
    }
    struct msghdr message = {.msg_iov = rest, .msg_iovlen = (size_t)n};
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

ssize_t conn_send_now(struct conn *conn, const struct iovec *pieces, int count)
{
    return conn->tls ? send_pieces_tls(conn, pieces, count, 0, 0)
                     : send_pieces_plain(conn, pieces, count, 0, 0);
}

/* Moves what waits to the front once the sent part is the larger one: a queue that never runs quite empty
 * must not grow for that reason. */
static void compact(struct conn *conn)
{
    if (conn->unsent_at == 0 || conn->unsent_at < conn->unsent.len / 2)
        return;
    buf_consume(&conn->unsent, conn->unsent_at);
    conn->unsent_at = 0;
}

static enum err queue_rest(struct conn *conn, const struct iovec *pieces, int count, int first,
                           size_t skip)
{
    bool was_empty = conn->unsent.len == 0;
    size_t total = 0;
    compact(conn);
    for (int i = first; i < count; i++)
        total += pieces[i].iov_len - (i == first ? skip : 0);
    char *room = buf_reserve(&conn->unsent, total); /* all or nothing, and grown once */
    for (int i = first; room && i < count; i++) {
        size_t from = i == first ? skip : 0;
        buf_append(&conn->unsent, (char *)pieces[i].iov_base + from, pieces[i].iov_len - from);
    }
    if (conn->unsent.failed) {
        enum err err = conn->unsent.len < CONN_UNSENT_MAX / 2 ? ERR_NO_MEMORY : ERR_TOO_LARGE;
        stop_writing(conn, err); /* a hole in the stream must never be followed by more of it */
        return err;
    }
    if (was_empty && conn->unsent.len > 0) {
        conn->progress_ns = loop_now_ns(conn->loop);
        if (!conn->is_connecting && !conn->is_handshaking && !conn_want_write(conn)) {
            stop_writing(conn, ERR_NO_MEMORY);
            return ERR_NO_MEMORY;
        }
    }
    return OK;
}

enum err conn_write(struct conn *conn, const struct iovec *pieces, int count)
{
    return conn->ws ? websocket_write(conn, pieces, count) : conn_write_raw(conn, pieces, count);
}

enum err conn_write_raw(struct conn *conn, const struct iovec *pieces, int count)
{
    if (conn->fd < 0 || conn->is_write_dead)
        return ERR_IO;
    int first = 0;
    size_t skip = 0;
    bool may_send = conn->unsent.len == 0 && !conn->is_connecting && !conn->is_handshaking;
    while (may_send) {
        while (first < count && pieces[first].iov_len == skip) {
            first++;
            skip = 0;
        }
        if (first == count)
            return OK;
        ssize_t sent = conn->tls ? send_pieces_tls(conn, pieces, count, first, skip)
                                 : send_pieces_plain(conn, pieces, count, first, skip);
        if (sent < 0) {
            stop_writing(conn, ERR_IO);
            return ERR_IO;
        }
        may_send = sent > 0;
        for (size_t left = (size_t)sent; left > 0;) {
            size_t part = pieces[first].iov_len - skip;
            if (left < part) {
                skip += left;
                /* A short plain write means that the socket is full: do not ask it again. */
                may_send = may_send && conn->tls;
                break;
            }
            left -= part;
            first++;
            skip = 0;
        }
    }
    return queue_rest(conn, pieces, count, first, skip);
}

size_t conn_pending(const struct conn *conn)
{
    return conn->unsent.len - conn->unsent_at;
}

static void flush(struct conn *conn)
{
    while (conn->unsent_at < conn->unsent.len) {
        struct iovec rest = {conn->unsent.data + conn->unsent_at,
                             conn->unsent.len - conn->unsent_at};
        ssize_t sent = conn->tls ? send_pieces_tls(conn, &rest, 1, 0, 0)
                                 : send_pieces_plain(conn, &rest, 1, 0, 0);
        if (sent < 0) {
            stop_writing(conn, ERR_IO);
            return;
        }
        if (sent == 0) {
            if (!conn_want_write(conn))
                stop_writing(conn, ERR_NO_MEMORY);
            return;
        }
        conn->unsent_at += (size_t)sent;
        conn->progress_ns = loop_now_ns(conn->loop);
    }
    release_unsent(conn);
    conn_forget_write(conn);
    if (conn->shuts_when_drained)
        conn_shutdown_write(conn);
    conn->ops->on_drained(conn->owner);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct conn *conn = arg;
    if (conn->is_connecting || conn->is_handshaking)
        go_on_opening(conn);
    else if (conn->unsent.len > 0)
        flush(conn);
    else if (conn->tls && conn->is_reading)
        read_tls(conn); /* it wanted to write while reading */
}

void conn_shutdown_write(struct conn *conn)
{
    if (conn->fd < 0)
        return;
    if (conn_pending(conn) > 0) {
        conn->shuts_when_drained = true;
        return;
    }
    if (conn->ws)
        conn_say_close(conn, 1000, STR(""));
    else
        conn_half_close(conn);
}

void conn_half_close(struct conn *conn)
{
    if (conn->tls)
        SSL_shutdown(conn->tls);
    shutdown(conn->fd, SHUT_WR);
}
