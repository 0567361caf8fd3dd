/* http/server_conn.c: a connection of a listener: reads requests one after the other.
 *
 * Every byte goes through feed(), which does what the phase says; what its phase has no use for yet waits in the
 * stash.
 */
#include "http/server_parts.h"

#include "base/mem.h"

#include <string.h>

#define STASH_HIGH       32768u /* bytes behind the request in hand: from here on reading pauses */
#define STASH_MAX        (STASH_HIGH + HTTP_REQUEST_HEAD_MAX + LOOP_SCRATCH_BYTES)
#define LINGER_BYTES     (1u << 20)
#define LINGER_MS        2000
#define BODY_RATE        1024 /* bytes a second a body must bring on average, after body_ms */
#define BODY_RESERVE_MAX (1u << 20)

static void feed(struct server_conn *sc, char *bytes, size_t len);

/* ---- closing ------------------------------------------------------------------------------------ */

static void feed_stash(struct loop_message *message)
{
    struct server_conn *sc = LIST_OWNER(message, struct server_conn, feed_later);
    sc->is_feed_queued = false;
    if (sc->stash.len == 0 || sc->is_starved ||
        (sc->phase != PHASE_IDLE && sc->phase != PHASE_BODY))
        return;
    AUTO_BUF struct buf bytes = sc->stash;
    buf_init(&sc->stash, STASH_MAX);
    sc->head_scanned = 0;
    feed(sc, bytes.data, bytes.len);
}

void server_conn_feed_later(struct server_conn *sc)
{
    if (sc->stash.len == 0 || sc->is_feeding || sc->is_feed_queued)
        return;
    sc->is_feed_queued = true;
    loop_defer(sc->listener->loop, &sc->feed_later);
}

/* Messages run in the order in which they were deferred, so this one comes after the other two; only when
 * one of them is still ahead in a later batch does it wait another turn. */
static void free_conn(struct loop_message *message)
{
    struct server_conn *sc = LIST_OWNER(message, struct server_conn, free_later);
    if (sc->is_feed_queued || sc->is_body_queued || (sc->adopted && sc->adopted->is_idle_queued)) {
        loop_defer(sc->conn.loop, &sc->free_later); /* the listener may be gone */
        return;
    }
    struct adopted *adopted = sc->adopted;
    deadline_release(&sc->deadline);
    buf_release(&sc->stash);
    mem_free(sc);
    adopted_free(adopted);
}

void server_conn_close(struct server_conn *sc, bool with_reset)
{
    if (sc->phase == PHASE_CLOSED)
        return;
    sc->phase = PHASE_CLOSED;
    conn_close(&sc->conn, with_reset);
    exchange_release(&sc->exchange);
    list_unlink(&sc->node);
    list_unlink(&sc->starved);
    deadline_clear(&sc->deadline);
    if (sc->adopted)
        deadline_clear(&sc->adopted->ping);
    count_up(&sc->listener->counters.open, -1);
    atomic_fetch_sub(&server_connections, 1);
    loop_defer(sc->listener->loop, &sc->free_later);
}

/* Closes, and tells the owner of the exchange if there is one. */
void server_conn_lose(struct server_conn *sc, bool with_reset)
{
    const struct exchange_ops *ops = sc->exchange.ops;
    void *owner = sc->exchange.owner;
    server_conn_close(sc, with_reset);
    if (ops)
        ops->on_gone(owner);
}

/* Lets what was said go out, reads and drops what still comes, so that no reset eats the answer. */
void server_conn_linger(struct server_conn *sc)
{
    sc->phase = PHASE_LINGER;
    sc->lingered = 0;
    buf_release(&sc->stash);
    conn_shutdown_write(&sc->conn);
    conn_resume(&sc->conn);
    deadline_set(&sc->deadline, after_ms(sc, LINGER_MS));
    server_conn_arm_write(sc);
}

/* An adopted connection is kept by its pings. */
void server_conn_await(struct server_conn *sc)
{
    if (sc->adopted)
        deadline_clear(&sc->deadline);
    else
        deadline_set(&sc->deadline, after_ms(sc, sc->listener->options.idle_ms));
}

void server_conn_arm_write(struct server_conn *sc)
{
    if (conn_pending(&sc->conn) > 0)
        deadline_set(&sc->deadline,
                     sc->conn.progress_ns + sc->listener->options.write_ms * NS_PER_MS);
}

/* The service has its own deadlines. Ours is only that what was said gets taken. */
void server_conn_rest(struct server_conn *sc)
{
    deadline_clear(&sc->deadline);
    server_conn_arm_write(sc);
    if (sc->conn.is_write_dead)
        deadline_set(&sc->deadline, loop_now_ns(sc->listener->loop));
}

/* ---- reading ------------------------------------------------------------------------------------ */

static const char out_of_memory[] = "The server is out of memory for the moment; try again.";

static int status_of(const struct error *error)
{
    return error->code == ERR_TOO_LARGE ? 431 : 400;
}

static void on_body_bytes(void *arg, char *bytes, size_t len)
{
    struct server_conn *sc = arg;
    struct exchange *exchange = &sc->exchange;
    if (!exchange->body.data) {
        int64_t said = exchange->head.content_length;
        size_t reserve = said > 0 && said < BODY_RESERVE_MAX ? (size_t)said : len;
        char *room = buf_reserve(&exchange->body, reserve < exchange->body_limit ? reserve : 1);
        (void)room; /* a failure shows in the append */
    }
    exchange->is_body_too_large |= len > exchange->body_limit - exchange->body.len;
    buf_append(&exchange->body, bytes, len);
}

static void request_is_whole(struct server_conn *sc)
{
    sc->phase = PHASE_ANSWERING;
    server_conn_rest(sc);
    const struct exchange_ops *ops = sc->exchange.ops;
    if (ops)
        ops->on_body(sc->exchange.owner);
}

/* Waits for other bodies to go before this one is read on. */
static void starve(struct server_conn *sc)
{
    sc->is_starved = true;
    sc->starved_from_ns = loop_now_ns(sc->listener->loop);
    conn_pause(&sc->conn);
    list_push_back(&sc->listener->starved, &sc->starved);
    deadline_set(&sc->listener->starved_tick, after_ms(sc, STARVED_RETRY_MS));
}

/* Body bytes; returns how many were used. */
static size_t feed_body(struct server_conn *sc, char *bytes, size_t len)
{
    struct exchange *exchange = &sc->exchange;
    UNSET struct error error;
    size_t used = 0;
    enum http_parse parse = http_parser_body(&sc->parser, bytes, len, &used, &error);
    if (exchange->is_body_too_large) {
        exchange_answer_too_large(sc);
        return len;
    }
    if (exchange->body.failed) {
        exchange_answer_error(sc, 503, out_of_memory);
        return len;
    }
    if (parse == HTTP_PARSE_BAD) {
        exchange_answer_error(sc, 400, error.text);
        return len;
    }
    size_t grown = exchange->body.len - exchange->body_charged;
    bool is_paid = body_budget_take(grown);
    if (!is_paid) /* these bytes are here already: count them, and read no more for now */
        body_budget_overdraw(grown);
    exchange->body_charged += grown;
    if (parse == HTTP_PARSE_DONE)
        request_is_whole(sc);
    else if (!is_paid)
        starve(sc);
    return used;
}

/* True while more bytes may still make a head of it that we would take; so that nobody who never will
 * send one waits for the deadline. */
static bool is_head_unfinished(struct server_conn *sc, struct str bytes, size_t *out_end)
{
    size_t seen = sc->head_scanned;
    bool is_letter = bytes.at[0] >= 'A' && bytes.at[0] <= 'Z';
    *out_end = http_head_end(bytes, &sc->head_scanned);
    return *out_end == 0 && bytes.len <= HTTP_REQUEST_HEAD_MAX &&
           (is_letter || bytes.at[0] == '\r') && !http_head_is_hopeless(bytes, seen);
}

/* One head at the front of `bytes`; returns how many bytes were used, 0 for "not whole yet". */
static size_t feed_head(struct server_conn *sc, char *bytes, size_t len)
{
    UNSET struct http_header table[HTTP_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_HEADERS_MAX};
    UNSET struct error error;
    size_t end;
    if (len >= 2 && bytes[0] == '\r' &&
        bytes[1] == '\n') { /* an empty line before it is passed over */
        sc->head_scanned = 0;
        sc->phase = PHASE_IDLE;
        return 2;
    }
    if (is_head_unfinished(sc, (struct str){bytes, len}, &end))
        return 0;
    sc->head_scanned = 0;
    sc->has_bytes_behind = end < len;
    count_up(&sc->listener->counters.requests, 1);
    if ((end ? end : len) > HTTP_REQUEST_HEAD_MAX) {
        exchange_answer_error(sc, 431, "The request head is larger than 32 KiB.");
        return len;
    }
    if (end == 0) {
        exchange_answer_error(sc, 400, "This is not an HTTP/1.1 request.");
        return len;
    }
    struct str whole = {bytes, end};
    http_parser_init(&sc->parser, true, on_body_bytes, sc);
    if (http_parser_head(&sc->parser, whole, false, &head, &error) != OK) {
        exchange_answer_error(sc, status_of(&error), error.text);
        return len;
    }
    if (!exchange_keep_head(&sc->exchange, &head, whole)) {
        exchange_answer_error(sc, 503, out_of_memory);
        return len;
    }
    sc->phase = http_parser_is_done(&sc->parser) ? PHASE_ANSWERING : PHASE_DISPATCHED;
    server_conn_rest(sc);
    const struct http_service *service = sc->listener->options.service;
    service->on_request(service->arg, &sc->exchange);
    return end;
}

/* Keeps bytes whose time has not come; false when that was too much and the connection is gone. */
static bool stash(struct server_conn *sc, const char *bytes, size_t len)
{
    buf_append(&sc->stash, bytes, len);
    if (sc->stash.failed) {
        server_conn_lose(
            sc, true); /* no memory: the limit is above what can come before reading pauses */
        return false;
    }
    if (sc->stash.len > STASH_HIGH &&
        (sc->phase == PHASE_ANSWERING || sc->phase == PHASE_DISPATCHED))
        conn_pause(&sc->conn);
    return true;
}

static void linger(struct server_conn *sc, size_t len)
{
    sc->lingered += len;
    if (sc->lingered > LINGER_BYTES)
        server_conn_close(sc, false);
}

/* The client asks on but does not read its answers: nothing more is begun until it does. */
static bool is_backed_up(const struct server_conn *sc)
{
    return sc->phase == PHASE_IDLE && conn_pending(&sc->conn) > EXCHANGE_HIGH_BYTES;
}

static size_t feed_once(struct server_conn *sc, char *bytes, size_t len)
{
    switch (sc->phase) {
    case PHASE_IDLE:
    case PHASE_HEAD: return is_backed_up(sc) ? 0 : feed_head(sc, bytes, len);
    case PHASE_BODY: return feed_body(sc, bytes, len);
    case PHASE_LINGER: linger(sc, len); return len;
    default: return 0; /* DISPATCHED, ANSWERING: later */
    }
}

static void feed(struct server_conn *sc, char *bytes, size_t len)
{
    sc->is_feeding = true;
    while (len > 0 && sc->phase != PHASE_CLOSED) {
        size_t used = feed_once(sc, bytes, len);
        if (used == 0)
            break;
        bytes += used;
        len -= used;
    }
    sc->is_feeding = false;
    if (len == 0 || sc->phase == PHASE_CLOSED)
        return;
    if (is_backed_up(sc)) {
        conn_pause(&sc->conn);
    } else if (sc->phase == PHASE_IDLE) {
        sc->phase = PHASE_HEAD;
        deadline_set(&sc->deadline, after_ms(sc, sc->listener->options.head_ms));
    }
    stash(sc, bytes, len);
}

static void on_bytes(void *owner, char *bytes, size_t len)
{
    struct server_conn *sc = owner;
    if (sc->stash.len == 0) {
        feed(sc, bytes, len);
        return;
    }
    size_t end;
    if (!stash(sc, bytes, len) || sc->phase == PHASE_DISPATCHED || sc->phase == PHASE_ANSWERING)
        return;
    if (sc->phase == PHASE_HEAD && is_head_unfinished(sc, buf_str(&sc->stash), &end))
        return; /* looked at where it lies: a head that trickles in is not copied for every byte */
    AUTO_BUF struct buf all = sc->stash;
    buf_init(&sc->stash, STASH_MAX);
    sc->head_scanned = 0;
    feed(sc, all.data, all.len);
}

static void on_drained(void *owner)
{
    struct server_conn *sc = owner;
    switch (sc->phase) {
    case PHASE_LINGER: deadline_set(&sc->deadline, after_ms(sc, LINGER_MS)); return;
    case PHASE_IDLE:
        server_conn_await(sc);
        conn_resume(&sc->conn);
        server_conn_feed_later(sc);
        return;
    case PHASE_ANSWERING:
    case PHASE_DISPATCHED: deadline_clear(&sc->deadline); break;
    default: break;
    }
    if (!sc->exchange.is_over_high)
        return;
    sc->exchange.is_over_high = false;
    if (sc->exchange.ops && sc->exchange.ops->on_drained)
        sc->exchange.ops->on_drained(sc->exchange.owner);
}

static void on_closed(void *owner, enum conn_end end, const char *sentence)
{
    struct server_conn *sc = owner;
    (void)end;
    (void)sentence;
    server_conn_lose(sc, false);
}

static const struct conn_ops conn_ops = {
    .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

/* Too slow? Waiting for the budget is not the client's fault, but neither may it last for ever: when
 * half-read bodies have spent the budget, nobody else could end it. */
static void body_is_due(struct server_conn *sc)
{
    int64_t allowed_ms = sc->listener->options.body_ms;
    int64_t from_ns = sc->is_starved ? sc->starved_from_ns : sc->body_from_ns;
    if (!sc->is_starved)
        allowed_ms += (int64_t)sc->exchange.body.len * 1000 / BODY_RATE;
    int64_t due = from_ns + allowed_ms * NS_PER_MS;
    if (due > loop_now_ns(sc->listener->loop))
        deadline_set(&sc->deadline, due);
    else if (sc->is_starved)
        exchange_answer_error(sc, 503,
                              "The server holds as many request bodies as it can; try again.");
    else
        exchange_answer_error(sc, 408, "The request body did not arrive in time.");
}

static void on_due(struct deadline *deadline)
{
    struct server_conn *sc = LIST_OWNER(deadline, struct server_conn, deadline);
    if (sc->conn.is_write_dead) {
        server_conn_lose(sc, true);
        return;
    }
    if (conn_pending(&sc->conn) > 0) {
        int64_t due = sc->conn.progress_ns + sc->listener->options.write_ms * NS_PER_MS;
        if (due > loop_now_ns(sc->listener->loop))
            deadline_set(deadline, due);
        else
            server_conn_lose(sc, true); /* a reader that stands still */
        return;
    }
    switch (sc->phase) {
    case PHASE_HEAD:
        exchange_answer_error(sc, 408, "The request head did not arrive in time.");
        return;
    case PHASE_BODY: body_is_due(sc); return;
    case PHASE_IDLE:
    case PHASE_LINGER: server_conn_close(sc, false); return;
    default: return; /* the service has its own deadlines */
    }
}

static void tell_body(struct loop_message *message)
{
    struct server_conn *sc = LIST_OWNER(message, struct server_conn, body_later);
    sc->is_body_queued = false;
    if (!sc->exchange.is_body_wanted)
        return; /* answered meanwhile; this is already another request */
    if (sc->phase == PHASE_ANSWERING) {
        request_is_whole(sc);
    } else if (sc->phase == PHASE_DISPATCHED) {
        exchange_answer_too_large(sc);
    }
}

/* ---- opening ------------------------------------------------------------------------------------ */

struct server_conn *server_conn_new(struct http_listener *listener)
{
    struct server_conn *sc = mem_zalloc(1, sizeof *sc);
    if (!sc)
        return NULL;
    sc->listener = listener;
    sc->feed_later.run = feed_stash;
    sc->body_later.run = tell_body;
    sc->free_later.run = free_conn;
    list_init(&sc->starved);
    list_init(&sc->node);
    buf_init(&sc->stash, STASH_MAX);
    return sc;
}

static void begin(struct server_conn *sc)
{
    struct http_listener *listener = sc->listener;
    deadline_init(&sc->deadline, listener->loop, on_due);
    list_push_back(&listener->conns, &sc->node);
    count_up(&listener->counters.accepted, 1);
    count_up(&listener->counters.open, 1);
}

bool server_conn_open(struct server_conn *sc, int fd)
{
    struct http_listener *listener = sc->listener;
    if (conn_accept(&sc->conn, listener->loop, fd, listener->options.tls, &conn_ops, sc) != OK) {
        buf_release(&sc->stash);
        mem_free(sc);
        return false;
    }
    begin(sc);
    deadline_set(&sc->deadline, after_ms(sc, listener->options.head_ms));
    return true;
}

bool server_conn_adopt(struct server_conn *sc, struct detached *detached)
{
    if (conn_adopt(&sc->conn, sc->listener->loop, detached, 0, &conn_ops, sc) != OK) {
        mem_free(sc);
        return false;
    }
    begin(sc);
    return true;
}
