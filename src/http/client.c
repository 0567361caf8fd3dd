/* http/client.c: one request to an upstream over a pooled or a fresh connection.
 *
 * A call owns one upstream connection from start to end; what both need (deadline, parser) lives in the
 * connection, which is reused. The life of a connection is its `phase`. Whatever fails before the first
 * byte of an answer on a reused connection starts over once on a fresh one: a server may close an idle
 * connection at any time, and that is nobody's fault.
 */
#include "http/client.h"

#include "base/list.h"
#include "base/mem.h"
#include "http/parser.h"
#include "net/conn.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "sys/clock.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS         INT64_C(1000000)
#define IDLE_MS_DEFAULT   55000 /* below the usual 60 to 75 s of servers */
#define IDLE_MAX_DEFAULT  64
#define ORIGINS_MAX       512
#define WRITE_SLICE_BYTES (256u * 1024)
#define INFORMATIONAL_MAX 8

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

static const char *const failure_reasons[] = {
    "dns_failed",         "connect_refused", "connect_timeout", "tls_failed", "connection_reset",
    "first_byte_timeout", "idle_timeout",    "bad_answer",      "no_memory"};
_Static_assert(sizeof failure_reasons / sizeof failure_reasons[0] == CALL_FAILED_COUNT,
               "one per failure");

const char *call_failure_reason(enum call_failure failure)
{
    return failure_reasons[failure];
}

static void fail(struct upstream_conn *up, enum call_failure failure, const char *sentence);
static void begin(struct upstream_conn *up);

/* ---- pool ------------------------------------------------------------------------------------ */

static int origin_of_tls; /* OpenSSL's slot for our upstream_conn on an SSL */
static pthread_once_t origin_of_tls_once = PTHREAD_ONCE_INIT;

static void make_origin_of_tls(void)
{
    origin_of_tls = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* TLS 1.3 tickets come after the handshake: keep the newest for the origin's next connection. */
static int on_session(SSL *tls, SSL_SESSION *session)
{
    struct upstream_conn *up = SSL_get_ex_data(tls, origin_of_tls);
    if (!up)
        return 0;
    SSL_SESSION_free(up->origin->session);
    up->origin->session = session;
    return 1; /* the reference is ours */
}

enum err client_pool_new(struct loop *loop, const struct client_options *options,
                         struct client_pool **out_pool, struct error *error)
{
    struct client_pool *pool = mem_zalloc(1, sizeof *pool);
    if (!pool)
        return error_set(error, ERR_NO_MEMORY, "no memory for the upstream pool");
    pool->loop = loop;
    pool->options = *options;
    if (pool->options.idle_ms == 0)
        pool->options.idle_ms = IDLE_MS_DEFAULT;
    if (pool->options.idle_max == 0)
        pool->options.idle_max = IDLE_MAX_DEFAULT;
    list_init(&pool->busy);
    enum err err = tls_client_context(options->ca_file, &pool->tls, error);
    if (err == OK)
        err = resolver_new(loop, options->name_servers, &pool->resolver, error);
    if (err != OK) {
        SSL_CTX_free(pool->tls);
        mem_free(pool);
        return err;
    }
    pthread_once(&origin_of_tls_once, make_origin_of_tls);
    SSL_CTX_sess_set_new_cb(pool->tls, on_session);
    *out_pool = pool;
    return OK;
}

static struct origin *origin_find(struct client_pool *pool, const struct target *target)
{
    size_t slot = str_hash(str_of(target->host)) % (sizeof pool->origins / sizeof pool->origins[0]);
    for (struct origin *origin = pool->origins[slot]; origin; origin = origin->next)
        if (origin->port == target->port && origin->is_tls == target->is_tls &&
            strcmp(origin->host, target->host) == 0)
            return origin;
    if (pool->origin_count >= ORIGINS_MAX)
        return NULL;
    struct origin *origin = mem_zalloc(1, sizeof *origin);
    if (!origin)
        return NULL;
    str_copy(str_of(target->host), origin->host, sizeof origin->host);
    origin->port = target->port;
    origin->is_tls = target->is_tls;
    list_init(&origin->idle);
    origin->next = pool->origins[slot];
    pool->origins[slot] = origin;
    pool->origin_count++;
    return origin;
}

static void free_up(struct loop_message *message)
{
    struct upstream_conn *up = LIST_OWNER(message, struct upstream_conn, free_later);
    if (up->is_fail_queued) {
        loop_defer(up->pool->loop, &up->free_later);
        return;
    }
    deadline_release(&up->deadline);
    buf_release(&up->head);
    mem_free(up->dialing);
    mem_free(up);
}

static void close_up(struct upstream_conn *up)
{
    if (up->phase == UP_CLOSED)
        return;
    if (up->phase == UP_IDLE)
        up->origin->idle_count--;
    up->phase = UP_CLOSED;
    list_unlink(&up->node);
    if (up->query)
        resolver_cancel(up->query);
    up->query = NULL;
    if (up->has_conn) {
        if (up->conn.tls)
            SSL_set_ex_data(up->conn.tls, origin_of_tls, NULL);
        conn_close(&up->conn, false);
    }
    deadline_clear(&up->deadline);
    loop_defer(up->pool->loop, &up->free_later);
}

void client_pool_clear(struct client_pool *pool)
{
    for (size_t slot = 0; slot < sizeof pool->origins / sizeof pool->origins[0]; slot++)
        for (struct origin *origin = pool->origins[slot]; origin; origin = origin->next)
            while (!list_is_empty(&origin->idle))
                close_up(LIST_OWNER(origin->idle.next, struct upstream_conn, node));
}

void client_pool_free(struct client_pool *pool)
{
    if (!pool)
        return;
    client_pool_clear(pool);
    while (!list_is_empty(&pool->busy)) {
        struct upstream_conn *up = LIST_OWNER(pool->busy.next, struct upstream_conn, node);
        mem_free(TAKE(up->call));
        close_up(up);
    }
    resolver_free(pool->resolver);
    SSL_CTX_free(pool->tls);
    for (size_t slot = 0; slot < sizeof pool->origins / sizeof pool->origins[0]; slot++)
        while (pool->origins[slot]) {
            struct origin *origin = pool->origins[slot];
            pool->origins[slot] = origin->next;
            SSL_SESSION_free(origin->session);
            mem_free(origin);
        }
    mem_free(pool);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int64_t from_now(const struct upstream_conn *up, int64_t ms)
{
    return loop_now_ns(up->pool->loop) + ms * NS_PER_MS;
}

/* Sends as much as the socket takes, in slices, so that a large body is never queued whole. */
static void send_more(struct upstream_conn *up)
{
    struct call *call = up->call;
    const struct call_options *options = &call->options;
    while (call->piece < options->piece_count && conn_pending(&up->conn) == 0) {
        struct iovec slice[CALL_PIECES_MAX];
        int count = 0;
        size_t total = 0;
        while (call->piece < options->piece_count && total < WRITE_SLICE_BYTES) {
            const struct iovec *piece = &options->pieces[call->piece];
            size_t part = piece->iov_len - call->piece_at;
            if (part > WRITE_SLICE_BYTES - total)
                part = WRITE_SLICE_BYTES - total;
            slice[count++] = (struct iovec){(char *)piece->iov_base + call->piece_at, part};
            total += part;
            call->piece_at += part;
            if (call->piece_at == piece->iov_len) {
                call->piece++;
                call->piece_at = 0;
            }
        }
        if (conn_write(&up->conn, slice, count) != OK)
            return; /* reading will tell */
    }
}

static bool is_sent(const struct call *call)
{
    return call->piece >= call->options.piece_count && conn_pending(&call->up->conn) == 0;
}

static void start_request(struct upstream_conn *up)
{
    up->phase = UP_WAITING;
    up->is_answer_begun = false;
    deadline_set(&up->deadline, from_now(up, up->call->options.first_byte_ms));
    send_more(up);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void on_answer_body(void *arg, char *bytes, size_t len)
{
    struct upstream_conn *up = arg;
    if (up->call)
        up->call->options.ops->on_body(up->call->options.owner, bytes, len);
}

static bool may_be_reused(const struct upstream_conn *up, size_t bytes_left)
{
    return bytes_left == 0 && !up->call->is_torn && is_sent(up->call) && !up->conn.is_write_dead &&
           up->parser.is_done && up->parser.keeps_alive &&
           up->origin->idle_count < up->pool->options.idle_max;
}

/* The answer is complete: the connection goes to the pool or away, then the owner is told. */
static void end(struct upstream_conn *up, size_t bytes_left)
{
    struct call *call = up->call;
    const struct call_ops *ops = call->options.ops;
    void *owner = call->options.owner;
    bool is_kept = may_be_reused(up, bytes_left);
    up->call = NULL;
    if (is_kept) {
        list_unlink(&up->node);
        list_push_front(&up->origin->idle, &up->node);
        up->origin->idle_count++;
        up->phase = UP_IDLE;
        buf_release(&up->head);
        conn_resume(&up->conn); /* the call may have ended paused; an idle one must see its end */
        deadline_set(&up->deadline, from_now(up, up->pool->options.idle_ms));
    } else {
        close_up(up);
    }
    mem_free(call);
    ops->on_end(owner);
}

static void stop_reading(struct upstream_conn *up)
{
    conn_pause(&up->conn);
    deadline_clear(&up->deadline);
}

/* One whole head stands in `bytes`. False when the call is over. */
static bool take_head(struct upstream_conn *up, struct str bytes)
{
    UNSET struct http_header table[HTTP_RESPONSE_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    UNSET struct error error;
    http_parser_init(&up->parser, false, on_answer_body, up);
    if (http_parser_head(&up->parser, bytes, up->call->options.is_head_method, &head, &error) !=
        OK) {
        fail(up, CALL_FAILED_GARBAGE, error.text);
        return false;
    }
    if (head.status == 101 || head.status < 100 || head.status > 599) {
        fail(up, CALL_FAILED_GARBAGE, "the answer has a status that was not asked for");
        return false;
    }
    if (head.status < 200) {
        if (++up->informational > INFORMATIONAL_MAX) {
            fail(up, CALL_FAILED_GARBAGE, "too many informational answers");
            return false;
        }
        return true;
    }
    up->phase = UP_BODY;
    deadline_set(&up->deadline, from_now(up, up->call->options.idle_ms));
    if (up->call->piece < up->call->options.piece_count) {
        up->call->is_torn = true;
        up->call->piece = up->call->options.piece_count;
    }
    if (up->call->is_paused) /* since before there was anything to pause */
        stop_reading(up);
    up->call->options.ops->on_head(up->call->options.owner, &head);
    return up->call != NULL;
}

/* Finds heads (informational ones first) at the front; returns how many bytes were used. */
static size_t feed_head(struct upstream_conn *up, char *bytes, size_t len)
{
    size_t used = 0;
    while (up->phase == UP_WAITING) {
        size_t end_at = http_head_end((struct str){bytes + used, len - used}, &up->head_scanned);
        if ((end_at ? end_at : len - used) > HTTP_RESPONSE_HEAD_MAX) {
            fail(up, CALL_FAILED_GARBAGE, "the head of the answer is larger than 64 KiB");
            return len;
        }
        if (end_at == 0) {
            size_t seen = len - used < 5 ? len - used : 5;
            if (memcmp(bytes + used, "HTTP/", seen) != 0 ||
                http_head_is_hopeless((struct str){bytes + used, len - used}, 0)) {
                fail(up, CALL_FAILED_GARBAGE, "the answer is not HTTP");
                return len;
            }
            return used;
        }
        up->head_scanned = 0;
        if (!take_head(up, (struct str){bytes + used, end_at}))
            return len;
        used += end_at;
    }
    return used;
}

/* False when the owner cancelled. */
static bool tell_read_done(struct upstream_conn *up)
{
    const struct call_options *options = &up->call->options;
    if (options->ops->on_read_done)
        options->ops->on_read_done(options->owner);
    return up->call != NULL;
}

static void feed_body(struct upstream_conn *up, char *bytes, size_t len)
{
    UNSET struct error error;
    size_t used = 0;
    if (!up->call->is_paused)
        deadline_set(&up->deadline, from_now(up, up->call->options.idle_ms));
    enum http_parse parse = http_parser_body(&up->parser, bytes, len, &used, &error);
    if (!up->call)
        return; /* cancelled from inside */
    if (parse == HTTP_PARSE_BAD)
        fail(up, CALL_FAILED_GARBAGE, error.text);
    else if (tell_read_done(up) && parse == HTTP_PARSE_DONE)
        end(up, len - used);
}

/* The limit is above what can come before a head is found to be too large. */
static bool keep_head(struct upstream_conn *up, const char *bytes, size_t len)
{
    buf_append(&up->head, bytes, len);
    if (up->head.failed)
        fail(up, CALL_FAILED_NO_MEMORY, "no memory for the head of the answer");
    return up->call != NULL;
}

static void feed(struct upstream_conn *up, char *bytes, size_t len)
{
    size_t used = 0;
    if (up->phase == UP_WAITING)
        used = feed_head(up, bytes, len);
    if (!up->call || up->phase == UP_CLOSED)
        return;
    if (up->phase == UP_WAITING) {
        if (used < len)
            keep_head(up, bytes + used, len - used);
        return;
    }
    feed_body(up, bytes + used, len - used);
}

static void on_bytes(void *owner, char *bytes, size_t len)
{
    struct upstream_conn *up = owner;
    if (up->phase == UP_IDLE || !up->call) {
        close_up(up); /* nobody asked: never feed it to the next request */
        return;
    }
    up->is_answer_begun = true;
    if (up->phase != UP_WAITING || up->head.len == 0) {
        feed(up, bytes, len);
        return;
    }
    size_t seen = up->head_scanned;
    if (!keep_head(up, bytes, len))
        return;
    struct str so_far = buf_str(&up->head);
    if (so_far.len <= HTTP_RESPONSE_HEAD_MAX && seen >= 5 &&
        http_head_end(so_far, &up->head_scanned) == 0 && !http_head_is_hopeless(so_far, seen))
        return; /* looked at where it lies: a head that trickles in is not copied for every byte */
    up->head_scanned = 0;
    AUTO_BUF struct buf all = up->head;
    buf_init(&up->head, all.limit_bytes);
    feed(up, all.data, all.len);
}

static void on_drained(void *owner)
{
    struct upstream_conn *up = owner;
    if (!up->call)
        return;
    if (up->phase ==
        UP_WAITING) /* a slow upload is no silence: the clock runs from its last progress */
        deadline_set(&up->deadline, from_now(up, up->call->options.first_byte_ms));
    send_more(up);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void fail(struct upstream_conn *up, enum call_failure failure, const char *sentence)
{
    struct call *call = up->call;
    up->call = NULL;
    close_up(up);
    if (!call)
        return;
    const struct call_ops *ops = call->options.ops;
    void *owner = call->options.owner;
    mem_free(call);
    ops->on_failed(owner, failure, sentence);
}

static void on_fail_later(struct loop_message *message)
{
    struct upstream_conn *up = LIST_OWNER(message, struct upstream_conn, fail_later);
    up->is_fail_queued = false;
    if (up->call)
        fail(up, up->dialing->late_failure, up->dialing->late_sentence);
}

/* For trouble found inside call_start, which must not call back. */
static void fail_later(struct upstream_conn *up, enum call_failure failure, const char *sentence)
{
    struct dialing *dialing = up->dialing;
    dialing->late_failure = failure;
    str_copy(str_of(sentence), dialing->late_sentence, sizeof dialing->late_sentence);
    up->is_fail_queued = true;
    loop_defer(up->pool->loop, &up->fail_later);
}

static void dial_next(struct upstream_conn *up);

/* A connection that is to be made for `call`; begin() follows. NULL without memory. */
static struct upstream_conn *new_up(struct client_pool *pool, struct origin *origin,
                                    struct call *call)
{
    struct upstream_conn *up = mem_zalloc(1, sizeof *up);
    if (!up)
        return NULL;
    up->dialing = mem_zalloc(1, sizeof *up->dialing);
    if (!up->dialing) {
        mem_free(up);
        return NULL;
    }
    up->pool = pool;
    up->origin = origin;
    up->call = call;
    return up;
}

static bool may_start_over(const struct upstream_conn *dead)
{
    return dead->is_reused && !dead->is_answer_begun && !dead->call->has_retried;
}

/* Gives the call a fresh connection in place of a reused one that turned out to be dead. */
static void start_over(struct upstream_conn *dead)
{
    struct call *call = dead->call;
    struct upstream_conn *fresh = new_up(dead->pool, dead->origin, call);
    if (!fresh) {
        fail(dead, CALL_FAILED_NO_MEMORY, "no memory for another connection");
        return;
    }
    call->has_retried = true;
    call->piece = 0;
    call->piece_at = 0;
    dead->call = NULL;
    close_up(dead);
    call->up = fresh;
    begin(fresh);
}

static bool has_next_address(const struct upstream_conn *up)
{
    return up->dialing->next_address < up->dialing->resolved.count;
}

static void on_closed(void *owner, enum conn_end how, const char *sentence)
{
    struct upstream_conn *up = owner;
    if (up->phase == UP_IDLE || !up->call) {
        close_up(up);
        return;
    }
    if (how == CONN_END_NO_MEMORY) {
        fail(up, CALL_FAILED_NO_MEMORY, sentence);
        return;
    }
    if (up->phase == UP_CONNECTING) {
        if (how == CONN_END_TLS) {
            fail(up, CALL_FAILED_TLS, sentence);
        } else if (has_next_address(up)) {
            dial_next(up);
        } else {
            fail(up, CALL_FAILED_CONNECT, sentence);
        }
        return;
    }
    if (up->phase == UP_BODY && how == CONN_END_EOF && http_parser_finish(&up->parser)) {
        up->parser.is_done = false; /* ended by closing: never to be reused */
        end(up, 0);
        return;
    }
    if (may_start_over(up))
        start_over(up);
    else
        fail(up, CALL_FAILED_RESET,
             up->phase == UP_BODY ? "the upstream closed the connection in the middle of its answer"
                                  : "the upstream closed the connection before it answered");
}

static void on_due(struct deadline *deadline)
{
    struct upstream_conn *up = LIST_OWNER(deadline, struct upstream_conn, deadline);
    switch (up->phase) {
    case UP_RESOLVING: fail(up, CALL_FAILED_DNS, "the name was not resolved in time"); return;
    case UP_CONNECTING:
        if (has_next_address(up)) {
            conn_close(&up->conn, true);
            dial_next(up);
        } else {
            fail(up, CALL_FAILED_CONNECT_TIMEOUT, "no connection within the connect timeout");
        }
        return;
    case UP_WAITING:
        fail(up, CALL_FAILED_FIRST_BYTE_TIMEOUT, "no answer within the first-byte timeout");
        return;
    case UP_BODY:
        fail(up, CALL_FAILED_IDLE_TIMEOUT, "the answer stood still longer than the idle timeout");
        return;
    case UP_IDLE: close_up(up); return;
    case UP_CLOSED: return;
    }
}

static void on_connected(void *owner)
{
    struct upstream_conn *up = owner;
    mem_free(TAKE(up->dialing));
    start_request(up);
}

static const struct conn_ops conn_ops = {.on_connected = on_connected,
                                         .on_bytes = on_bytes,
                                         .on_drained = on_drained,
                                         .on_closed = on_closed};

/* ---- starting -------------------------------------------------------------------------------- */

/* One address after the other, each with its share of the time that is left, so that one that swallows
 * packets (a broken IPv6 route) does not take the others' chance. */
static void dial_next(struct upstream_conn *up)
{
    struct origin *origin = up->origin;
    struct dialing *dialing = up->dialing;
    struct error error = {0};
    int64_t now_ns = loop_now_ns(up->pool->loop);
    up->phase = UP_CONNECTING;
    up->has_conn = false;
    if (has_next_address(up))
        deadline_set(&up->deadline, now_ns + (dialing->due_ns - now_ns) /
                                                 (dialing->resolved.count - dialing->next_address));
    while (has_next_address(up)) {
        const struct address *address = &dialing->resolved.address[dialing->next_address++];
        if (conn_dial(&up->conn, up->pool->loop, (const struct sockaddr *)&address->at,
                      address->len, origin->is_tls ? up->pool->tls : NULL, origin->host,
                      origin->session, &conn_ops, up, &error) != OK)
            continue;
        up->has_conn = true;
        if (up->conn.tls)
            SSL_set_ex_data(up->conn.tls, origin_of_tls, up);
        return;
    }
    fail_later(up, error.code == ERR_NO_MEMORY ? CALL_FAILED_NO_MEMORY : CALL_FAILED_CONNECT,
               error.text);
}

static void on_resolved(void *arg, const struct resolved *resolved, const struct error *error)
{
    struct upstream_conn *up = arg;
    up->query = NULL;
    if (!resolved) {
        fail(up, error->code == ERR_NO_MEMORY ? CALL_FAILED_NO_MEMORY : CALL_FAILED_DNS,
             error->text);
        return;
    }
    up->dialing->resolved = *resolved;
    dial_next(up);
}

/* A fresh connection for up->call: resolve, connect, send. */
static void begin(struct upstream_conn *up)
{
    struct client_pool *pool = up->pool;
    up->free_later.run = free_up;
    up->fail_later.run = on_fail_later;
    buf_init(&up->head, HTTP_RESPONSE_HEAD_MAX + LOOP_SCRATCH_BYTES);
    deadline_init(&up->deadline, pool->loop, on_due);
    list_init(&up->node);
    list_push_back(&pool->busy, &up->node);
    up->phase = UP_RESOLVING;
    up->dialing->due_ns = from_now(up, up->call->options.connect_ms);
    deadline_set(&up->deadline, up->dialing->due_ns);
    if (resolver_ask(pool->resolver, up->origin->host, up->origin->port, &up->dialing->resolved,
                     on_resolved, up, &up->query))
        dial_next(up);
    else if (!up->query)
        fail_later(up, CALL_FAILED_NO_MEMORY, "no memory to resolve the name");
}

/* The idle connection that was used last. One whose socket was just found readable (by this very turn of
 * the loop, which comes to it later) is dead, or holds bytes that nobody asked for: it is dropped, so that
 * they are never taken for the next answer. */
static struct upstream_conn *take_idle(struct client_pool *pool, struct origin *origin)
{
    while (!list_is_empty(&origin->idle)) {
        struct upstream_conn *up = LIST_OWNER(origin->idle.next, struct upstream_conn, node);
        if (up->conn.read_event.ev_evcallback.evcb_flags & EVLIST_ACTIVE) {
            close_up(up);
            continue;
        }
        list_unlink(&up->node);
        list_push_back(&pool->busy, &up->node);
        origin->idle_count--;
        up->is_reused = true;
        up->head_scanned = 0;
        up->informational = 0;
        return up;
    }
    return NULL;
}

struct call *call_start(struct client_pool *pool, const struct call_options *options)
{
    assert(options->piece_count <= CALL_PIECES_MAX);
    struct origin *origin = origin_find(pool, options->target);
    struct call *call =
        origin ? mem_alloc(sizeof *call) : NULL; /* calloc is five times its price */
    if (!call)
        return NULL;
    *call = (struct call){.options = *options};
    struct upstream_conn *idle = take_idle(pool, origin);
    if (idle) {
        idle->call = call;
        call->up = idle;
        start_request(idle);
        return call;
    }
    struct upstream_conn *up = new_up(pool, origin, call);
    if (!up) {
        mem_free(call);
        return NULL;
    }
    call->up = up;
    begin(up);
    return call;
}

void call_cancel(struct call *call)
{
    struct upstream_conn *up = call->up;
    up->call = NULL;
    close_up(up);
    mem_free(call);
}

void call_pause(struct call *call)
{
    if (call->is_paused)
        return;
    call->is_paused = true;
    if (call->up->phase == UP_BODY)
        stop_reading(call->up);
}

void call_resume(struct call *call)
{
    if (!call->is_paused)
        return;
    call->is_paused = false;
    if (call->up->phase != UP_BODY)
        return;
    deadline_set(&call->up->deadline, from_now(call->up, call->options.idle_ms));
    conn_resume(&call->up->conn);
}
