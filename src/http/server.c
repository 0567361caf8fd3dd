/* http/server.c: accepts connections, reads requests one after the other, and writes their answers.
 *
 * A connection is a small state machine (enum phase); a request and its answer are its one `exchange`,
 * which lives inside the connection and is reused by the next request. Pipelined bytes wait in a bounded
 * stash. What is freed is freed between two turns of the loop, so no callback ever loses its own object.
 */
#include "http/server.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/parser.h"
#include "net/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS        INT64_C(1000000)
#define ACCEPTS_PER_TURN 64
#define STASH_HIGH       32768u /* bytes behind the request in hand: from here on reading pauses */
#define STASH_MAX        (STASH_HIGH + HTTP_REQUEST_HEAD_MAX + LOOP_SCRATCH_BYTES)
#define LINGER_BYTES     (1u << 20)
#define LINGER_MS        2000
#define BODY_RATE        1024 /* bytes a second a body must bring on average, after body_ms */
#define BODY_RESERVE_MAX (1u << 20)
#define STARVED_RETRY_MS 20
#define ACCEPT_PAUSE_MS  100
#define PIECES_MAX       64
#define CHUNK_LINE_BYTES 18 /* 16 digits, CR LF */
#define DATE_BYTES       40
#define HEAD_LINES_BYTES 256u /* what write_head itself says, at most */
#define HEAD_USUAL_BYTES 1024u

/* ---- held bodies, process-wide --------------------------------------------------------------- */

static _Atomic int64_t budget_used;
static _Atomic int64_t budget_limit = INT64_C(256) << 20;
static _Atomic int64_t connections_open; /* of the whole process: descriptors are */

void body_budget_set(int64_t limit_bytes)
{
    atomic_store(&budget_limit, limit_bytes);
}

void body_budget_return(size_t bytes)
{
    atomic_fetch_sub_explicit(&budget_used, (int64_t)bytes, memory_order_relaxed);
}

int64_t body_budget_used(void)
{
    return atomic_load_explicit(&budget_used, memory_order_relaxed);
}

static bool body_budget_take(size_t bytes)
{
    int64_t before = atomic_fetch_add_explicit(&budget_used, (int64_t)bytes, memory_order_relaxed);
    if (before + (int64_t)bytes <= atomic_load_explicit(&budget_limit, memory_order_relaxed))
        return true;
    body_budget_return(bytes);
    return false;
}

/* ---- types ----------------------------------------------------------------------------------- */

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
    bool
        is_mute; /* the answer has no body, whatever is sent: HEAD, or a head that could not be made */
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
};

struct http_listener {
    struct http_listener_options options;
    struct loop *loop;
    int fd, spare_fd, port;
    struct event accept_event;
    struct deadline accept_pause, starved_tick;
    struct list conns, starved;
    bool is_draining, is_control;
    char unix_path[108];
    char date[DATE_BYTES];
    int64_t date_at_s;
    struct {
        _Atomic int64_t accepted, refused, requests, bad_requests, open;
    } counters; /* written by the loop, read by anybody */
};

/* One writer: no locked instruction is needed. */
static void count_up(_Atomic int64_t *counter, int64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static struct server_conn *conn_of(struct exchange *exchange)
{
    return LIST_OWNER(exchange, struct server_conn, exchange);
}

static void feed(struct server_conn *sc, char *bytes, size_t len);
static void close_conn(struct server_conn *sc, bool with_reset);

static int64_t after_ms(const struct server_conn *sc, int64_t ms)
{
    return loop_now_ns(sc->listener->loop) + ms * NS_PER_MS;
}

/* ---- the exchange's memory ------------------------------------------------------------------- */

static void exchange_release(struct exchange *exchange)
{
    mem_free(exchange->head_bytes);
    buf_release(&exchange->body);
    buf_release(&exchange->start);
    body_budget_return(exchange->body_charged);
    *exchange = (struct exchange){0};
}

/* A slice of `from` becomes the same slice of `to`; what lies elsewhere (a literal) stays. */
static struct str rebase(struct str slice, struct str from, const char *to)
{
    bool is_inside = slice.len > 0 && slice.at >= from.at && slice.at < from.at + from.len;
    return is_inside ? (struct str){to + (slice.at - from.at), slice.len} : slice;
}

/* Copies head and header table into one block of their own size: an idle stream holds no more. */
static bool keep_head(struct exchange *exchange, const struct http_head *head, struct str bytes)
{
    size_t table = head->header_count * sizeof(struct http_header);
    char *block = mem_alloc(table + bytes.len);
    if (!block)
        return false;
    struct http_header *headers = (struct http_header *)(void *)block;
    char *text = block + table;
    memcpy(text, bytes.at, bytes.len);
    exchange->head = *head;
    exchange->head.headers = headers;
    for (size_t i = 0; i < head->header_count; i++) {
        headers[i].name = rebase(head->headers[i].name, bytes, text);
        headers[i].value = rebase(head->headers[i].value, bytes, text);
    }
    exchange->head.target = rebase(head->target, bytes, text);
    exchange->head.path = rebase(head->path, bytes, text);
    exchange->head.query = rebase(head->query, bytes, text);
    exchange->head_bytes = block;
    return true;
}

/* ---- closing --------------------------------------------------------------------------------- */

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

static void feed_stash_later(struct server_conn *sc)
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
    if (sc->is_feed_queued || sc->is_body_queued) {
        loop_defer(sc->listener->loop, &sc->free_later);
        return;
    }
    deadline_release(&sc->deadline);
    buf_release(&sc->stash);
    mem_free(sc);
}

static void close_conn(struct server_conn *sc, bool with_reset)
{
    if (sc->phase == PHASE_CLOSED)
        return;
    sc->phase = PHASE_CLOSED;
    conn_close(&sc->conn, with_reset);
    exchange_release(&sc->exchange);
    list_unlink(&sc->node);
    list_unlink(&sc->starved);
    deadline_clear(&sc->deadline);
    count_up(&sc->listener->counters.open, -1);
    atomic_fetch_sub(&connections_open, 1);
    loop_defer(sc->listener->loop, &sc->free_later);
}

/* Closes, and tells the owner of the exchange if there is one. */
static void lose(struct server_conn *sc, bool with_reset)
{
    const struct exchange_ops *ops = sc->exchange.ops;
    void *owner = sc->exchange.owner;
    close_conn(sc, with_reset);
    if (ops)
        ops->on_gone(owner);
}

/* ---- writing --------------------------------------------------------------------------------- */

static const char *date_line(struct http_listener *listener)
{
    time_t now = time(NULL);
    if (now != listener->date_at_s) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(listener->date, sizeof listener->date, "date: %a, %d %b %Y %H:%M:%S GMT\r\n",
                 &utc);
        listener->date_at_s = now;
    }
    return listener->date;
}

static void arm_write_deadline(struct server_conn *sc)
{
    if (conn_pending(&sc->conn) > 0)
        deadline_set(&sc->deadline,
                     sc->conn.progress_ns + sc->listener->options.write_ms * NS_PER_MS);
}

/* The service has its own deadlines. Ours is only that what was said gets taken. */
static void rest_deadline(struct server_conn *sc)
{
    deadline_clear(&sc->deadline);
    arm_write_deadline(sc);
    if (sc->conn.is_write_dead)
        deadline_set(&sc->deadline, loop_now_ns(sc->listener->loop));
}

/* Hands pieces to the connection. Nobody is called back from here: a connection that takes no more is
 * given up by its deadline, at once, or by reading, whichever is first. */
static void put(struct server_conn *sc, const struct iovec *pieces, int count)
{
    if (conn_write(&sc->conn, pieces, count) != OK) {
        deadline_set(&sc->deadline, loop_now_ns(sc->listener->loop));
        return;
    }
    if (conn_pending(&sc->conn) > EXCHANGE_HIGH_BYTES)
        sc->exchange.is_over_high = true;
    arm_write_deadline(sc);
}

/* 204 and 304 have no body and no length (RFC 9110 section 8.6). */
static bool is_bodyless(int status)
{
    return status == 204 || status == 304;
}

/* False when there is no memory for it, or its caller had none and left half a line: then what goes out is a
 * bare 500, and nothing behind it. */
static bool write_head(struct server_conn *sc, struct buf *out, int status, struct str headers,
                       struct str content_type, int64_t length)
{
    struct exchange *exchange = &sc->exchange;
    char *room = buf_reserve(out, HEAD_LINES_BYTES + content_type.len + headers.len);
    (void)room; /* grown once; a failure shows at the end */
    buf_append_lit(out, "HTTP/1.1 ");
    buf_put_uint(out, (uint64_t)status);
    buf_putc(out, ' ');
    buf_puts(out, http_reason(status));
    buf_append_lit(out, "\r\n");
    buf_puts(out, date_line(sc->listener));
    if (content_type.len) {
        buf_append_lit(out, "content-type: ");
        buf_append_str(out, content_type);
        buf_append_lit(out, "\r\n");
    }
    buf_append_str(out, headers);
    if (length >= 0) {
        buf_append_lit(out, "content-length: ");
        buf_put_uint(out, (uint64_t)length);
        buf_append_lit(out, "\r\n");
    } else if (exchange->is_chunked) {
        buf_append_lit(out, "transfer-encoding: chunked\r\n");
    }
    if (exchange->closes_after)
        buf_append_lit(out, "connection: close\r\n");
    else if (exchange->head.minor_version == 0)
        buf_append_lit(out, "connection: keep-alive\r\n");
    buf_append_lit(out, "\r\n");
    if (!out->failed && (headers.len == 0 || str_ends(headers, STR("\r\n"))))
        return true;
    static const char excuse[] = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n"
                                 "connection: close\r\n\r\n";
    buf_clear(out); /* no memory, or headers without end: half a head must not go out */
    buf_puts(out, excuse);
    exchange->is_mute = exchange->closes_after = true;
    return false;
}

/* Lets what was said go out, reads and drops what still comes, so that no reset eats the answer. */
static void begin_linger(struct server_conn *sc)
{
    sc->phase = PHASE_LINGER;
    sc->lingered = 0;
    buf_release(&sc->stash);
    conn_shutdown_write(&sc->conn);
    conn_resume(&sc->conn);
    deadline_set(&sc->deadline, after_ms(sc, LINGER_MS));
    arm_write_deadline(sc);
}

/* The answer is out: on to the next request, or to the end of the connection. */
static void end_exchange(struct server_conn *sc)
{
    bool is_body_unread = sc->phase == PHASE_DISPATCHED || sc->phase == PHASE_BODY;
    bool closes = sc->exchange.closes_after || is_body_unread || sc->listener->is_draining;
    exchange_release(&sc->exchange);
    list_unlink(&sc->starved);
    sc->is_starved = false;
    if (sc->conn.is_write_dead) {
        close_conn(sc, false);
        return;
    }
    if (closes) {
        begin_linger(sc);
        return;
    }
    sc->phase = PHASE_IDLE;
    conn_resume(&sc->conn);
    deadline_set(&sc->deadline, after_ms(sc, sc->listener->options.idle_ms));
    arm_write_deadline(sc);
    feed_stash_later(sc);
}

void exchange_answer(struct exchange *exchange, int status, struct str headers,
                     struct str content_type, struct str body)
{
    struct server_conn *sc = conn_of(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    assert(!exchange->is_started);
    exchange->is_mute = exchange->head.method == METHOD_HEAD || is_bodyless(status);
    if (sc->phase != PHASE_ANSWERING || sc->listener->is_draining || !exchange->head.keep_alive)
        exchange->closes_after = true;
    AUTO_BUF struct buf head;
    UNSET char room[HEAD_USUAL_BYTES];
    buf_init_in(&head, HTTP_RESPONSE_HEAD_MAX, room, sizeof room);
    bool is_sound = write_head(sc, &head, status, headers, content_type,
                               is_bodyless(status) ? -1 : (int64_t)body.len);
    bool has_body = is_sound && !exchange->is_mute && body.len > 0;
    struct iovec pieces[2] = {{head.data, head.len}, {(char *)(uintptr_t)body.at, body.len}};
    put(sc, pieces, has_body ? 2 : 1);
    end_exchange(sc);
}

enum err exchange_start(struct exchange *exchange, int status, struct str headers,
                        struct str content_type)
{
    struct server_conn *sc = conn_of(exchange);
    if (sc->phase == PHASE_CLOSED)
        return OK;
    assert(!exchange->is_started);
    exchange->is_started = true;
    exchange->is_mute = exchange->head.method == METHOD_HEAD || is_bodyless(status);
    exchange->is_chunked = exchange->head.minor_version == 1 && !is_bodyless(status);
    if (exchange->head.minor_version == 0 || sc->phase != PHASE_ANSWERING ||
        !exchange->head.keep_alive || sc->listener->is_draining)
        exchange->closes_after = true;
    buf_init(&exchange->start, HTTP_RESPONSE_HEAD_MAX);
    return write_head(sc, &exchange->start, status, headers, content_type, -1) ? OK : ERR_NO_MEMORY;
}

/* The size of a chunk and its CR LF, at the end of `room`. */
static struct iovec chunk_line(size_t size, char room[CHUNK_LINE_BYTES])
{
    char *end = room + CHUNK_LINE_BYTES, *at = end;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = "0123456789abcdef"[size & 15];
        size >>= 4;
    } while (size);
    return (struct iovec){at, (size_t)(end - at)};
}

/* Head (if it still waits), chunk framing, pieces, and the last chunk: one write. */
static void send_pieces(struct exchange *exchange, const struct iovec *pieces, int count,
                        bool is_last)
{
    struct server_conn *sc = conn_of(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    assert(count <= PIECES_MAX - 4);
    UNSET struct iovec all[PIECES_MAX];
    int n = 0;
    size_t total = 0;
    char size_line[CHUNK_LINE_BYTES];
    for (int i = 0; i < count && !exchange->is_mute; i++)
        total += pieces[i].iov_len;
    bool is_framed = exchange->is_chunked && !exchange->is_mute;
    struct buf start = exchange->start;
    exchange->start = (struct buf){0};
    if (start.len)
        all[n++] = (struct iovec){start.data, start.len};
    if (total > 0) {
        if (is_framed)
            all[n++] = chunk_line(total, size_line);
        for (int i = 0; i < count; i++)
            all[n++] = pieces[i];
    }
    static char crlf[] = "\r\n", crlf_last[] = "\r\n0\r\n\r\n", last[] = "0\r\n\r\n";
    if (is_framed && total > 0)
        all[n++] = is_last ? (struct iovec){crlf_last, 7} : (struct iovec){crlf, 2};
    else if (is_framed && is_last)
        all[n++] = (struct iovec){last, 5};
    if (n > 0)
        put(sc, all, n);
    buf_release(&start);
}

void exchange_send(struct exchange *exchange, const struct iovec *pieces, int count)
{
    send_pieces(exchange, pieces, count, false);
}

void exchange_flush_head(struct exchange *exchange)
{
    send_pieces(exchange, NULL, 0, false);
}

void exchange_send_finish(struct exchange *exchange, const struct iovec *pieces, int count)
{
    send_pieces(exchange, pieces, count, true);
    if (conn_of(exchange)->phase != PHASE_CLOSED)
        end_exchange(conn_of(exchange));
}

void exchange_finish(struct exchange *exchange)
{
    exchange_send_finish(exchange, NULL, 0);
}

void exchange_send_raw(struct exchange *exchange, const void *bytes, size_t len)
{
    struct server_conn *sc = conn_of(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    struct iovec piece = {(char *)(uintptr_t)bytes, len};
    put(sc, &piece, 1);
}

void exchange_abort(struct exchange *exchange, bool with_reset)
{
    struct server_conn *sc = conn_of(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    if (!with_reset && conn_pending(&sc->conn) > 0) { /* what was said goes out first */
        exchange->closes_after = true;
        end_exchange(sc);
        return;
    }
    close_conn(sc, with_reset);
}

size_t exchange_pending(const struct exchange *exchange)
{
    const struct server_conn *sc = conn_of((struct exchange *)(uintptr_t)exchange);
    return conn_pending(&sc->conn);
}

/* ---- errors of the HTTP layer itself --------------------------------------------------------- */

static void answer_error(struct server_conn *sc, int status, const char *sentence)
{
    if (sc->exchange.is_started) { /* a second head would be taken for a part of the body */
        lose(sc, true);
        return;
    }
    const struct http_service *service = sc->listener->options.service;
    struct exchange *exchange = &sc->exchange;
    AUTO_BUF struct buf headers, body;
    buf_init(&headers, 4096);
    buf_init(&body, 8192);
    service->write_error(service->arg, status, exchange->head.path, sentence, &headers, &body);
    count_up(&sc->listener->counters.bad_requests, 1);
    const struct exchange_ops *ops = exchange->ops;
    void *owner = exchange->owner;
    exchange->closes_after = true;
    exchange->head.minor_version = 1;
    exchange_answer(exchange, status, buf_str(&headers), STR("application/json"), buf_str(&body));
    if (ops && ops->on_refused)
        ops->on_refused(owner, status);
    else if (ops)
        ops->on_gone(owner);
}

static const char out_of_memory[] = "The server is out of memory for the moment; try again.";

static void answer_too_large(struct server_conn *sc)
{
    char sentence[120];
    snprintf(sentence, sizeof sentence, "The request body is larger than %zu bytes.",
             sc->exchange.body_limit);
    answer_error(sc, 413, sentence);
}

static int status_of(const struct error *error)
{
    return error->code == ERR_TOO_LARGE ? 431 : 400;
}

/* ---- reading --------------------------------------------------------------------------------- */

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
    rest_deadline(sc);
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
        answer_too_large(sc);
        return len;
    }
    if (exchange->body.failed) {
        answer_error(sc, 503, out_of_memory);
        return len;
    }
    if (parse == HTTP_PARSE_BAD) {
        answer_error(sc, 400, error.text);
        return len;
    }
    size_t grown = exchange->body.len - exchange->body_charged;
    bool is_paid = body_budget_take(grown);
    if (!is_paid) /* these bytes are here already: count them, and read no more for now */
        atomic_fetch_add_explicit(&budget_used, (int64_t)grown, memory_order_relaxed);
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
    count_up(&sc->listener->counters.requests, 1);
    if ((end ? end : len) > HTTP_REQUEST_HEAD_MAX) {
        answer_error(sc, 431, "The request head is larger than 32 KiB.");
        return len;
    }
    if (end == 0) {
        answer_error(sc, 400, "This is not an HTTP/1.1 request.");
        return len;
    }
    struct str whole = {bytes, end};
    http_parser_init(&sc->parser, true, on_body_bytes, sc);
    if (http_parser_head(&sc->parser, whole, false, &head, &error) != OK) {
        answer_error(sc, status_of(&error), error.text);
        return len;
    }
    if (!keep_head(&sc->exchange, &head, whole)) {
        answer_error(sc, 503, out_of_memory);
        return len;
    }
    sc->phase = http_parser_is_done(&sc->parser) ? PHASE_ANSWERING : PHASE_DISPATCHED;
    rest_deadline(sc);
    const struct http_service *service = sc->listener->options.service;
    service->on_request(service->arg, &sc->exchange);
    return end;
}

/* Keeps bytes whose time has not come; false when that was too much and the connection is gone. */
static bool stash(struct server_conn *sc, const char *bytes, size_t len)
{
    buf_append(&sc->stash, bytes, len);
    if (sc->stash.failed) {
        lose(sc, true); /* no memory: the limit is above what can come before reading pauses */
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
        close_conn(sc, false);
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
        deadline_set(&sc->deadline, after_ms(sc, sc->listener->options.idle_ms));
        conn_resume(&sc->conn);
        feed_stash_later(sc);
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
    lose(sc, false);
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
        answer_error(sc, 503, "The server holds as many request bodies as it can; try again.");
    else
        answer_error(sc, 408, "The request body did not arrive in time.");
}

static void on_due(struct deadline *deadline)
{
    struct server_conn *sc = LIST_OWNER(deadline, struct server_conn, deadline);
    if (sc->conn.is_write_dead) {
        lose(sc, true);
        return;
    }
    if (conn_pending(&sc->conn) > 0) {
        int64_t due = sc->conn.progress_ns + sc->listener->options.write_ms * NS_PER_MS;
        if (due > loop_now_ns(sc->listener->loop))
            deadline_set(deadline, due);
        else
            lose(sc, true); /* a reader that stands still */
        return;
    }
    switch (sc->phase) {
    case PHASE_HEAD: answer_error(sc, 408, "The request head did not arrive in time."); return;
    case PHASE_BODY: body_is_due(sc); return;
    case PHASE_IDLE:
    case PHASE_LINGER: close_conn(sc, false); return;
    default: return; /* the service has its own deadlines */
    }
}

/* ---- the service's side ---------------------------------------------------------------------- */

const struct http_head *exchange_head(const struct exchange *exchange)
{
    return &exchange->head;
}

struct loop *exchange_loop(const struct exchange *exchange)
{
    return conn_of((struct exchange *)(uintptr_t)exchange)->listener->loop;
}

void exchange_peer(const struct exchange *exchange, char *room, size_t room_bytes)
{
    const struct server_conn *sc = conn_of((struct exchange *)(uintptr_t)exchange);
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (sc->listener->is_control) {
        str_copy(STR("control"), room, room_bytes);
        return;
    }
    getpeername(sc->conn.fd, (struct sockaddr *)&address, &len);
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        port = ntohs(v4->sin_port);
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)&address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        port = ntohs(v6->sin6_port);
    }
    snprintf(room, room_bytes, "%s:%u", host, port);
}

bool exchange_is_control(const struct exchange *exchange)
{
    return conn_of((struct exchange *)(uintptr_t)exchange)->listener->is_control;
}

void exchange_attach(struct exchange *exchange, const struct exchange_ops *ops, void *owner)
{
    exchange->ops = ops;
    exchange->owner = owner;
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
        answer_too_large(sc);
    }
}

void exchange_want_body(struct exchange *exchange, size_t limit_bytes)
{
    struct server_conn *sc = conn_of(exchange);
    assert(sc->phase == PHASE_DISPATCHED || sc->phase == PHASE_ANSWERING);
    exchange->is_body_wanted = true;
    exchange->body_limit = limit_bytes;
    buf_init(&exchange->body, limit_bytes ? limit_bytes : 1);
    bool is_too_large = exchange->head.content_length > (int64_t)limit_bytes;
    if (sc->phase == PHASE_ANSWERING || is_too_large) {
        if (!sc->is_body_queued) /* nobody is called back from inside */
            loop_defer(sc->listener->loop, &sc->body_later);
        sc->is_body_queued = true;
        return;
    }
    sc->phase = PHASE_BODY;
    sc->body_from_ns = loop_now_ns(sc->listener->loop);
    deadline_set(&sc->deadline, after_ms(sc, sc->listener->options.body_ms));
    if (exchange->head.expects_continue) {
        static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct iovec piece = {go_on, sizeof go_on - 1};
        put(sc, &piece, 1);
    }
    conn_resume(&sc->conn);
    feed_stash_later(sc); /* what came before it was wanted */
}

void exchange_take_body(struct exchange *exchange, struct buf *out_body)
{
    *out_body = exchange->body;
    exchange->body = (struct buf){0};
    exchange->body_charged = 0; /* the taker returns it */
}

/* ---- accepting ------------------------------------------------------------------------------- */

static bool is_own_user(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

/* A plain 503 on a connection we have no room for. */
static void refuse(struct http_listener *listener, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n"
                               "retry-after: 1\r\nconnection: close\r\n\r\n";
    char request[4096];
    count_up(&listener->counters.refused, 1);
    if (!listener->options.tls) {
        ssize_t n = send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
        n = recv(fd, request, sizeof request,
                 MSG_DONTWAIT); /* unread bytes would turn the end into a reset */
        (void)n;
    }
    close(fd);
}

static void welcome(struct http_listener *listener, int fd)
{
    if (listener->is_control && !is_own_user(fd)) {
        close(fd);
        return;
    }
    if (atomic_fetch_add(&connections_open, 1) >= listener->options.connections_max &&
        !listener->is_control) {
        atomic_fetch_sub(&connections_open, 1);
        refuse(listener, fd);
        return;
    }
    struct server_conn *sc = mem_zalloc(1, sizeof *sc);
    if (!sc) {
        atomic_fetch_sub(&connections_open, 1);
        refuse(listener, fd);
        return;
    }
    sc->listener = listener;
    sc->feed_later.run = feed_stash;
    sc->body_later.run = tell_body;
    sc->free_later.run = free_conn;
    list_init(&sc->starved);
    list_init(&sc->node);
    buf_init(&sc->stash, STASH_MAX);
    if (conn_accept(&sc->conn, listener->loop, fd, listener->options.tls, &conn_ops, sc) != OK) {
        atomic_fetch_sub(&connections_open, 1);
        buf_release(&sc->stash);
        mem_free(sc);
        return;
    }
    deadline_init(&sc->deadline, listener->loop, on_due);
    deadline_set(&sc->deadline, after_ms(sc, listener->options.head_ms));
    list_push_back(&listener->conns, &sc->node);
    count_up(&listener->counters.accepted, 1);
    count_up(&listener->counters.open, 1);
}

/* No descriptor left: give up the spare one to take a connection and turn it away; then rest. */
static void out_of_descriptors(struct http_listener *listener)
{
    close(listener->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse(listener, fd);
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    event_del(&listener->accept_event);
    deadline_set(&listener->accept_pause,
                 loop_now_ns(listener->loop) + ACCEPT_PAUSE_MS * NS_PER_MS);
}

static void on_acceptable(evutil_socket_t listen_fd, short what, void *arg)
{
    (void)what;
    struct http_listener *listener = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(listener, fd);
            continue;
        }
        int why = errno;
        if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM)
            out_of_descriptors(listener);
        if (why != EINTR && why != ECONNABORTED)
            return;
    }
}

static void on_accept_pause_over(struct deadline *deadline)
{
    struct http_listener *listener = LIST_OWNER(deadline, struct http_listener, accept_pause);
    if (!listener->is_draining)
        event_add(&listener->accept_event, NULL);
}

static void on_starved_tick(struct deadline *deadline)
{
    struct http_listener *listener = LIST_OWNER(deadline, struct http_listener, starved_tick);
    while (!list_is_empty(&listener->starved)) {
        if (body_budget_used() >= atomic_load(&budget_limit)) {
            deadline_set(deadline, loop_now_ns(listener->loop) + STARVED_RETRY_MS * NS_PER_MS);
            return;
        }
        struct server_conn *sc = LIST_OWNER(listener->starved.next, struct server_conn, starved);
        list_unlink(&sc->starved);
        sc->is_starved = false;
        sc->body_from_ns += loop_now_ns(listener->loop) - sc->starved_from_ns;
        conn_resume(&sc->conn);
        feed_stash_later(sc);
    }
}

/* ---- listeners ------------------------------------------------------------------------------- */

static enum err resolve_listen(const char *host, int port, struct addrinfo **out_list,
                               struct error *error)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int why = getaddrinfo(host && *host ? host : NULL, service, &hints, out_list);
    if (why != 0)
        return error_set(error, ERR_MALFORMED, "cannot listen on '%s': %s", host,
                         gai_strerror(why));
    return OK;
}

static enum err bind_tcp(const char *host, int port, bool share_port, int *out_fd,
                         struct error *error)
{
    struct addrinfo *list;
    enum err err = resolve_listen(host, port, &list, error);
    if (err != OK)
        return err;
    int one = 1;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why = fd < 0 ? errno : 0;
    if (!why) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
                   sizeof one); /* inherited by what is accepted */
        int user_timeout = 60000, lowat = 128 * 1024;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        if (share_port)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 4096) != 0)
            why = errno;
    }
    freeaddrinfo(list);
    if (why) {
        if (fd >= 0)
            close(fd);
        return error_set(error, why == EADDRINUSE ? ERR_BUSY : ERR_IO,
                         "cannot listen on %s port %d: %s", host, port, ERRNO_TEXT(why));
    }
    *out_fd = fd;
    return OK;
}

static enum err bind_unix(const char *path, int *out_fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, ERR_TOO_LARGE,
                         "the path of the control socket is longer than %zu bytes: '%s'",
                         sizeof address.sun_path - 1, path);
    str_copy(str_of(path), address.sun_path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot make the control socket: %s", ERRNO_TEXT(errno));
    unlink(path);
    mode_t old = umask(0177);
    int why = bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0
                  ? errno
                  : 0;
    umask(old);
    if (why) {
        close(fd);
        return error_set(error, ERR_IO, "cannot listen on '%s': %s", path, ERRNO_TEXT(why));
    }
    *out_fd = fd;
    return OK;
}

enum err http_port_probe(const char *host, int port, struct error *error)
{
    int fd = -1;
    enum err err = bind_tcp(host, port, false, &fd, error);
    if (err == OK)
        close(fd);
    return err;
}

static int port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return 0;
}

/* Two descriptors a proxied stream, and some for files: RELIABILITY.md F64. */
static int connections_from_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t usable =
        limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    int room = (int)((double)(usable > 64 ? usable - 64 : 1) / 2.2);
    return room > 8 ? room : 8;
}

static void fill_defaults(struct http_listener_options *options)
{
    options->head_ms = options->head_ms ? options->head_ms : 10000;
    options->body_ms = options->body_ms ? options->body_ms : 30000;
    options->idle_ms = options->idle_ms ? options->idle_ms : 60000;
    options->write_ms = options->write_ms ? options->write_ms : 60000;
    options->connections_max =
        options->connections_max ? options->connections_max : connections_from_limit();
}

enum err http_listener_new(const struct http_listener_options *options,
                           struct http_listener **out_listener, struct error *error)
{
    int fd = -1;
    enum err err = options->unix_path
                       ? bind_unix(options->unix_path, &fd, error)
                       : bind_tcp(options->host, options->port, options->share_port, &fd, error);
    if (err != OK)
        return err;
    struct http_listener *listener = mem_zalloc(1, sizeof *listener);
    if (!listener) {
        close(fd);
        return error_set(error, ERR_NO_MEMORY, "no memory for a listener");
    }
    listener->options = *options;
    fill_defaults(&listener->options);
    listener->loop = options->loop;
    listener->fd = fd;
    listener->port = port_of(fd);
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listener->is_control = options->unix_path != NULL;
    if (options->unix_path)
        str_copy(str_of(options->unix_path), listener->unix_path, sizeof listener->unix_path);
    list_init(&listener->conns);
    list_init(&listener->starved);
    deadline_init(&listener->accept_pause, listener->loop, on_accept_pause_over);
    deadline_init(&listener->starved_tick, listener->loop, on_starved_tick);
    event_assign(&listener->accept_event, loop_base(listener->loop), fd, EV_READ | EV_PERSIST,
                 on_acceptable, listener);
    if (event_add(&listener->accept_event, NULL) != 0) {
        http_listener_free(listener);
        return error_set(error, ERR_NO_MEMORY, "no memory for a listener");
    }
    *out_listener = listener;
    return OK;
}

int http_listener_port(const struct http_listener *listener)
{
    return listener->port;
}

int http_listener_connections(const struct http_listener *listener)
{
    return (int)atomic_load_explicit(&listener->counters.open, memory_order_relaxed);
}

void http_listener_figures(const struct http_listener *listener, struct http_figures *out_figures)
{
    *out_figures = (struct http_figures){.accepted = listener->counters.accepted,
                                         .refused = listener->counters.refused,
                                         .requests = listener->counters.requests,
                                         .bad_requests = listener->counters.bad_requests,
                                         .open = listener->counters.open};
}

void http_listener_drain(struct http_listener *listener)
{
    if (listener->is_draining)
        return;
    listener->is_draining = true;
    event_del(&listener->accept_event);
    close(listener->fd);
    listener->fd = -1;
    LIST_EACH_SAFE(node, &listener->conns)
    {
        struct server_conn *sc = LIST_OWNER(node, struct server_conn, node);
        if (sc->phase != PHASE_IDLE && sc->phase != PHASE_HEAD)
            continue;
        if (conn_pending(&sc->conn) > 0)
            begin_linger(sc); /* the end of an answer is still on its way */
        else
            close_conn(sc, false);
    }
}

void http_listener_free(struct http_listener *listener)
{
    if (!listener)
        return;
    http_listener_drain(listener);
    while (!list_is_empty(&listener->conns))
        lose(LIST_OWNER(listener->conns.next, struct server_conn, node), true);
    deadline_release(&listener->accept_pause);
    deadline_release(&listener->starved_tick);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    if (listener->is_control)
        unlink(listener->unix_path);
    mem_free(listener);
}
