/* http/server_parts.h: what listener.c, server_conn.c and exchange.c share. Nobody else includes it.
 *
 * A connection is a small state machine (enum phase); a request and its answer are its one `exchange`,
 * which lives inside the connection and is reused by the next request. Pipelined bytes wait in a bounded
 * stash. What is freed is freed between two turns of the loop, so no callback ever loses its own object.
 */
#pragma once
#include "base/list.h"
#include "http/parser.h"
#include "http/pulse.h"
#include "http/server.h"
#include "net/conn.h"

#include <stdatomic.h>

#define NS_PER_MS        INT64_C(1000000)
#define STARVED_RETRY_MS 20
#define DATE_BYTES       40

enum phase {
    PHASE_IDLE,       /* between requests */
    PHASE_HEAD,       /* part of a head is in the stash */
    PHASE_DISPATCHED, /* the service has the head; the body is not wanted yet */
    PHASE_BODY,       /* the body is being read */
    PHASE_ANSWERING,  /* the request is whole; the answer is to come or under way */
    PHASE_LINGER,     /* answered before the body was read: drain, then close */
    PHASE_CLOSED      /* freed at the end of this turn */
};

struct exchange {
    struct http_head head;
    char *head_bytes; /* the head and its header table, one block */
    const struct exchange_ops *ops;
    void *owner;
    struct buf body;
    size_t body_limit, body_charged;
    struct buf start; /* a streamed answer's head, until the first send */
    bool is_body_wanted, is_body_too_large, is_started, is_chunked, closes_after, is_over_high;
    bool is_mute; /* no body goes out, whatever is sent: HEAD, or a head that could not be made */
};

struct server_conn {
    struct http_listener *listener;
    struct list node;
    struct conn conn;
    enum phase phase;
    bool is_feeding, is_starved;
    struct http_parser parser;
    struct buf stash; /* an unfinished head, or pipelined bytes */
    size_t head_scanned;
    struct exchange exchange;
    struct deadline deadline;
    int64_t body_from_ns, starved_from_ns;
    size_t lingered;
    struct list starved;
    struct loop_message feed_later, body_later, free_later;
    bool is_feed_queued, is_body_queued;
    bool has_bytes_behind;   /* the head in hand was not the end of its read */
    struct adopted *adopted; /* NULL: it was accepted */
};

/* What a connection has besides when it was given to the listener. */
struct adopted {
    struct server_conn *sc;
    const struct adopted_ops *ops;
    void *owner;
    struct deadline ping;
    struct pulse pulse;
    struct loop_message idle_later;
    bool is_idle_queued;
};

struct http_listener {
    struct http_listener_options options;
    struct loop *loop;
    int fd, spare_fd, port;
    struct event accept_event;
    struct deadline accept_pause, starved_tick;
    struct list conns, starved;
    bool is_draining, is_control;
    bool has_left; /* draining because another process has the socket */
    char unix_path[108];
    char date[DATE_BYTES];
    int64_t date_at_s;
    struct {
        _Atomic int64_t accepted, refused, requests, bad_requests, open;
    } counters; /* written by the loop, read by anybody */
};

/* One writer: no locked instruction is needed. */
static inline void count_up(_Atomic int64_t *counter, int64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static inline struct server_conn *exchange_conn(struct exchange *exchange)
{
    return LIST_OWNER(exchange, struct server_conn, exchange);
}

static inline int64_t after_ms(const struct server_conn *sc, int64_t ms)
{
    return loop_now_ns(sc->listener->loop) + ms * NS_PER_MS;
}

/* exchange.c */
void exchange_release(struct exchange *exchange);
/** Copies head and header table into one block of their own size: an idle stream holds no more. */
MUST_USE bool exchange_keep_head(struct exchange *exchange, const struct http_head *head,
                                 struct str bytes);
/** An error of the HTTP layer itself; ends the exchange. `headers` are more lines. */
void exchange_answer_error_with(struct server_conn *sc, int status, struct str headers,
                                const char *sentence);
void exchange_answer_error(struct server_conn *sc, int status, const char *sentence);
void exchange_answer_too_large(struct server_conn *sc);

/* server_conn.c */
/** Not open yet; NULL without memory. */
MUST_USE struct server_conn *server_conn_new(struct http_listener *listener);
/** Takes an accepted socket; false without memory, and both are gone. */
MUST_USE bool server_conn_open(struct server_conn *sc, int fd);
/** Takes a connection that was made elsewhere; likewise. */
MUST_USE bool server_conn_adopt(struct server_conn *sc, struct detached *detached);
/** The next request may come, or not. */
void server_conn_await(struct server_conn *sc);
void server_conn_close(struct server_conn *sc, bool with_reset);
/** Closes, and tells the owner of the exchange if there is one. */
void server_conn_lose(struct server_conn *sc, bool with_reset);
void server_conn_linger(struct server_conn *sc);
void server_conn_feed_later(struct server_conn *sc);
void server_conn_arm_write(struct server_conn *sc);
void server_conn_rest(struct server_conn *sc);

/* listener.c */
extern _Atomic int64_t server_connections; /* of the whole process: descriptors are */

/* adopted.c */
void adopted_tell_idle(struct adopted *adopted); /* soon, if it still is */
void adopted_free(struct adopted *adopted);      /* tells on_closed first; NULL is fine */

/* body_budget.c */
MUST_USE bool body_budget_take(size_t bytes);
void body_budget_overdraw(size_t bytes); /* these bytes are here already */
bool body_budget_is_spent(void);
