/* http/client_parts.h: what client_pool.c, client_dial.c and client_call.c share. Nobody else includes it.
 *
 * A call owns one upstream connection from start to end; what both need (deadline, parser) lives in the
 * connection, which is reused. The life of a connection is its `phase`. Whatever fails before the first
 * byte of an answer on a reused connection starts over once on a fresh one: a server may close an idle
 * connection at any time, and that is nobody's fault.
 */
#pragma once
#include "base/list.h"
#include "http/client.h"
#include "http/parser.h"
#include "net/conn.h"
#include "net/resolver.h"

#define NS_PER_MS INT64_C(1000000)

/* One (host, port, TLS) with its idle connections and its TLS session. Lives as long as the pool. */
struct origin {
    struct origin *next;
    char host[256];
    int port;
    bool is_tls;
    struct list idle; /* most recently used first */
    int idle_count;
    SSL_SESSION *session;
};

enum phase { UP_RESOLVING, UP_CONNECTING, UP_WAITING, UP_BODY, UP_IDLE, UP_CLOSED };

/* What only the way to a connection needs: a stream that goes on for minutes does not carry it along. */
struct dialing {
    struct resolved resolved;
    int next_address;
    int64_t due_ns; /* for all addresses together */
    enum call_failure late_failure;
    char late_sentence[160];
};

struct upstream_conn {
    struct client_pool *pool;
    struct origin *origin;
    struct list node; /* origin->idle, or pool->busy */
    enum phase phase;
    struct conn conn;
    bool has_conn, is_reused, is_answer_begun;
    bool is_given; /* by call_options.over: never retried, never pooled; `origin` is NULL */
    struct resolver_query *query;
    struct dialing *dialing; /* NULL once connected */
    struct http_parser parser;
    struct buf head; /* an unfinished response head */
    size_t head_scanned;
    int informational;
    struct deadline deadline;
    struct call *call; /* NULL: idle, or cancelled in the middle of a callback */
    struct loop_message free_later;
    struct loop_message fail_later;
    bool is_fail_queued;
};

struct call {
    struct call_options options;
    struct upstream_conn *up;
    int piece; /* being sent */
    size_t piece_at;
    bool is_paused, has_retried;
    bool is_torn; /* the answer came before the request was out: its bytes are no more */
    /** It asks for a WebSocket: the connection behind a 101, yours, in place of on_head and on_end. */
    void (*on_switched)(void *owner, const struct http_head *head, struct detached *detached);
};

struct client_pool {
    struct loop *loop;
    struct client_options options;
    SSL_CTX *tls;
    struct resolver *resolver;
    struct origin *origins[64];
    int origin_count;
    struct list busy;
};

static inline int64_t from_now(const struct upstream_conn *up, int64_t ms)
{
    return loop_now_ns(up->pool->loop) + ms * NS_PER_MS;
}

/* client_pool.c */
/** NULL: too many, or no memory. */
MUST_USE struct origin *pool_origin(struct client_pool *pool, const struct target *target);
/** A connection that was used before and looks alive, or NULL. */
MUST_USE struct upstream_conn *pool_take_idle(struct client_pool *pool, struct origin *origin);
/** Tickets that come on `tls` are kept for the origin of `up`; NULL: no longer. */
void pool_keep_session(SSL *tls, struct upstream_conn *up);
void upstream_close(struct upstream_conn *up);
void upstream_free(struct loop_message *message); /* its free_later */

/* client_dial.c */
/** A connection that is to be made for `call`; upstream_dial follows. NULL without memory. */
MUST_USE struct upstream_conn *upstream_new(struct client_pool *pool, struct origin *origin,
                                            struct call *call);
void upstream_init(struct upstream_conn *up); /* whose pool and call are known */
void upstream_dial(struct upstream_conn *up);
void upstream_dial_next(struct upstream_conn *up);
bool upstream_has_next_address(const struct upstream_conn *up);
bool upstream_may_start_over(const struct upstream_conn *dead);
void upstream_start_over(struct upstream_conn *dead);

/* client_over.c */
/** call_start over a connection that is there. */
MUST_USE struct call *call_start_over_given(struct client_pool *pool,
                                            const struct call_options *options);
/** The first byte has come: from now on pings tell whether the peer is still there. */
void given_start_pings(struct upstream_conn *up);
void given_stop_pings(struct upstream_conn *up);
void given_release(struct upstream_conn *up);
/** Off the pool's hands; the upstream is closed, but not what it spoke over. */
struct detached *upstream_detach(struct upstream_conn *up);

/* client_call.c */
void upstream_start_request(struct upstream_conn *up);
extern const struct conn_ops upstream_ops;
void upstream_due(struct deadline *deadline); /* its deadline */
/** Ends the call by on_failed, if there still is one, and closes. */
void upstream_fail(struct upstream_conn *up, enum call_failure failure, const char *sentence);
