/* net/conn.h: a byte stream over a socket, plain or TLS, with a bounded queue of unsent bytes.
 *
 * Reading is into the loop's scratch: on_bytes must take all it is given. Writing is tried at once; what
 * the kernel does not take is queued and flushed when the socket is ready. Nobody is called back from
 * inside conn_write, so a caller never sees its own object vanish in the middle of a line.
 *
 * A connection may become a WebSocket (conn_upgrade): its bytes then travel in binary frames, unseen by the owner,
 * and texts beside them. Only such a one can leave its loop (conn_detach) and go on on another (conn_adopt).
 *
 * Process: SIGPIPE must be ignored (OpenSSL writes without MSG_NOSIGNAL).
 * Thread:  the loop's.   Memory: the struct is the owner's; on_closed has closed everything inside it.
 */
#pragma once
#include "base/buf.h"
#include "net/loop.h"
#include "net/websocket.h"
#include <openssl/ssl.h>
#include <sys/uio.h>

enum conn_end {
    CONN_END_EOF,     /* the peer closed its side cleanly */
    CONN_END_RESET,   /* reset, broken pipe, TLS trouble in mid-stream */
    CONN_END_REFUSED, /* connect failed */
    CONN_END_TLS,     /* handshake failed; the sentence says why */
    CONN_END_TIMEOUT, /* no progress: TCP_USER_TIMEOUT */
    CONN_END_BROKEN,  /* WebSocket: the peer broke its rules; it was told by a close */
    CONN_END_NO_MEMORY
};

struct conn;
struct detached;
struct conn_ops {
    void (*on_connected)(void *owner);                      /* dialled: TCP and TLS are up */
    void (*on_bytes)(void *owner, char *bytes, size_t len); /* writable scratch; take all of it */
    void (*on_drained)(void *owner); /* the unsent queue became empty after conn_pending() > 0 */
    void (*on_text)(void *owner,
                    struct str text); /* WebSocket, with a text_max: a message, UTF-8 */
    void (*on_closed)(void *owner, enum conn_end end, const char *sentence);
};

struct conn {
    struct loop *loop;
    const struct conn_ops *ops;
    void *owner;
    int fd;
    SSL *tls;            /* NULL: plain */
    struct detached *ws; /* what only a WebSocket has; NULL: bytes as they are */
    struct event read_event;
    struct event *write_event; /* NULL while nothing waits to be written */
    struct buf unsent;         /* [unsent_at, len) is still to go; no memory while empty */
    size_t unsent_at;
    int64_t progress_ns;                /* when the kernel last took bytes that had waited */
    bool is_connecting, is_handshaking; /* dialled or accepted, not yet open */
    bool is_accepted;                   /* the handshake is the server's side */
    bool is_dialled;       /* what waits may hold a provider's key: wiped when it goes */
    bool is_reading;       /* wanted by the owner */
    bool is_write_dead;    /* nothing more can be written; reading will tell why */
    bool is_out_of_memory; /* which was why */
    bool shuts_when_drained;
};

#define CONN_UNSENT_MAX (8u * 1024 * 1024)

/** What every TCP socket of ours wants; what is accepted inherits it from its listener. */
void conn_set_options(int fd);
/** Takes an accepted socket (owned from now on). `tls_context` NULL for plain. Starts reading. */
MUST_USE enum err conn_accept(struct conn *conn, struct loop *loop, int fd, SSL_CTX *tls_context,
                              const struct conn_ops *ops, void *owner);
/** Begins to connect to `address`; on_connected or on_closed follows. `tls_host` NULL for plain; `session`
 *  may be NULL (resumption). */
MUST_USE enum err conn_dial(struct conn *conn, struct loop *loop, const struct sockaddr *address,
                            unsigned address_len, SSL_CTX *tls_context, const char *tls_host,
                            SSL_SESSION *session, const struct conn_ops *ops, void *owner,
                            struct error *error);
/** Sends or queues all of `pieces`. ERR_IO when the peer takes no more (on_closed will come, from reading,
 *  unless paused); ERR_TOO_LARGE or ERR_NO_MEMORY when they could not be queued: the stream is torn and takes
 *  no more, close it. */
MUST_USE enum err conn_write(struct conn *conn, const struct iovec *pieces, int count);
size_t conn_pending(const struct conn *conn); /* bytes queued */
void conn_pause(struct conn *conn);           /* stop reading; a close is noticed after resuming */
void conn_resume(struct conn *conn);
/** Half-closes after the queue is gone. A WebSocket, which knows no halves, is said to close (1000) instead. */
void conn_shutdown_write(struct conn *conn);
/** Closes now; `with_reset` sends RST instead of FIN. No callback follows. The struct may be freed. */
void conn_close(struct conn *conn, bool with_reset);

/* ---- WebSockets (net/conn_websocket.c) ------------------------------------------------------- */

/** From here on both sides speak frames; `role` is ours. `answer` is still sent without (the server's end of the
 *  handshake, once there is memory for what follows), `bytes` were read behind the peer's. Expects no texts. */
MUST_USE enum err conn_upgrade(struct conn *conn, enum ws_role role, struct str answer,
                               struct str bytes);
/** Takes a WebSocket off its loop, with everything in it: what was read and not told, what was queued and not sent.
 *  Cannot fail. No callback follows. The struct may be freed. */
struct detached *conn_detach(struct conn *conn);
/** Puts it on a loop; taken, also on failure (ERR_NO_MEMORY). Texts of up to `text_max` bytes are told by on_text;
 *  0: one closes the connection (1003), and
 *  so it does when there is no on_text to tell it. Never calls back from inside. */
MUST_USE enum err conn_adopt(struct conn *conn, struct loop *loop, struct detached *detached,
                             size_t text_max, const struct conn_ops *ops, void *owner);
/** See http/upgrade.h. */
bool detached_skip_text(struct detached *detached, struct str text);
bool detached_is_quiet(const struct detached *detached);
void detached_free(struct detached *detached);
/** As conn_write, for one text message. */
MUST_USE enum err conn_write_text(struct conn *conn, struct str text);
void conn_ping(struct conn *conn);
/** Says that we close, and why; nothing can be written after it. The peer's answer comes as on_closed. */
void conn_say_close(struct conn *conn, int code, struct str reason);
/** Says so and closes, now. As conn_close. The reason may point into what was read. */
void conn_close_saying(struct conn *conn, int code, struct str reason);
int64_t conn_heard_ns(const struct conn *conn); /* when the peer last sent anything */
