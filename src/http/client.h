/* http/client.h: calls to upstreams: pool, dial, TLS, one request, its answer.
 *
 * A call ends exactly once: on_end (answer complete) or on_failed. call_cancel ends it silently. A reused
 * connection that dies before the first byte of an answer is replaced by a fresh one, unseen (not an attempt).
 *
 * A call may also run over a connection that is there already (`over`: a worker's reverse connection): it is
 * never retried, and on_returned gives the connection back when the answer ended cleanly.
 *
 * Thread: the loop's. The request's bytes are the caller's and stay until on_head, on_failed or cancel.
 */
#pragma once
#include "base/buf.h"
#include "http/head.h"
#include "net/loop.h"
#include <sys/uio.h>

#define CALL_PIECES_MAX 8

/** Where to: parsed once from a base URL, lives in the snapshot. */
struct target {
    char host[256];      /* for DNS and SNI */
    char authority[272]; /* for Host: with port unless default */
    char path[256];      /* "" or "/v1" */
    int port;
    bool is_tls;
};
MUST_USE enum err target_parse(const char *url, struct target *out_target, struct error *error);

enum call_failure {
    CALL_FAILED_DNS,
    CALL_FAILED_CONNECT, /* refused or unreachable */
    CALL_FAILED_CONNECT_TIMEOUT,
    CALL_FAILED_TLS,
    CALL_FAILED_RESET, /* cut before the answer was complete */
    CALL_FAILED_FIRST_BYTE_TIMEOUT,
    CALL_FAILED_IDLE_TIMEOUT,
    CALL_FAILED_SILENT,    /* over a given connection: no answer to pings in the middle of a job */
    CALL_FAILED_GARBAGE,   /* not HTTP, a head too large, lying lengths */
    CALL_FAILED_NO_MEMORY, /* ours: says nothing about the upstream */
    CALL_FAILED_COUNT
};
const char *call_failure_reason(enum call_failure failure); /* "connect_refused": stable codes */

struct call;
struct detached; /* http/upgrade.h */
struct call_ops {
    /** A connection that had to be made is there; not called for one that was. May be NULL; not the place to cancel. */
    void (*on_connected)(void *owner);
    /** An answer before the answer: 102 and other 1xx, not 101. May be NULL. */
    void (*on_interim)(void *owner, const struct http_head *head);
    void (*on_head)(void *owner,
                    const struct http_head *head);         /* head is valid during the callback */
    void (*on_body)(void *owner, char *bytes, size_t len); /* decoded body bytes, scratch */
    /** All bytes of one read were told; may be NULL. Once after each read from the head of the answer on,
     *  and before an on_end out of the same read; never after call_cancel or on_failed. Until it returns
     *  (or on_failed, if that comes in its place) every `bytes` of this read's on_body calls stays where
     *  it is, as the owner left it: what a burst of small chunks brings can be passed on together. */
    void (*on_read_done)(void *owner);
    /** For calls over a given connection: it is yours again, for the next call. Comes right before on_end,
     *  and only if the connection can be used on; NULL: it is closed. Not the place to call call_cancel. */
    void (*on_returned)(void *owner, struct detached *detached);
    void (*on_end)(void *owner);
    void (*on_failed)(void *owner, enum call_failure failure, const char *sentence);
};
struct call_options {
    const struct target *target;
    struct detached
        *over; /* NULL: dial `target`. Taken, also when call_start fails; `target` may be NULL */
    struct iovec pieces[CALL_PIECES_MAX]; /* head and body */
    int piece_count;
    int64_t connect_ms, first_byte_ms, idle_ms;
    int64_t
        ping_ms; /* `over`: from the first byte on a ping goes out so often; three in a row that bring nothing
                        end the call. 0: none */
    bool is_head_method;
    const struct call_ops *ops;
    void *owner;
};

struct client_pool; /* per loop: idle connections, LIFO, capped; TLS sessions; DNS cache */
struct client_options {
    const char *ca_file;      /* NULL: the system's */
    const char *name_servers; /* NULL: the system's */
    int64_t idle_ms;          /* 0: 55 s */
    int idle_max;             /* per target; 0: 64 to 512, a fortieth of the descriptor limit */
};
MUST_USE enum err client_pool_new(struct loop *loop, const struct client_options *options,
                                  struct client_pool **out_pool, struct error *error);
void client_pool_free(struct client_pool *pool);
/** Closes idle connections (configuration changed, draining). */
void client_pool_clear(struct client_pool *pool);

/** Starts; never calls back from inside. NULL only without memory (an `over` is closed then). */
MUST_USE struct call *call_start(struct client_pool *pool, const struct call_options *options);
void call_cancel(struct call *call); /* closes the upstream at once; no callback follows */
void call_pause(struct call *call);  /* backpressure: stop reading; the idle clock stops too */
void call_resume(struct call *call);
