/* http/exchange.c: one request and its answer: what the service asks for, and what goes out. */
#include "http/server_parts.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PIECES_MAX       64
#define CHUNK_LINE_BYTES 18   /* 16 digits, CR LF */
#define HEAD_LINES_BYTES 256u /* what write_head itself says, at most */
#define HEAD_USUAL_BYTES 1024u

/* ---- memory ------------------------------------------------------------------------------------- */

void exchange_release(struct exchange *exchange)
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
bool exchange_keep_head(struct exchange *exchange, const struct http_head *head, struct str bytes)
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

/* ---- writing ------------------------------------------------------------------------------------ */

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
    server_conn_arm_write(sc);
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

/* The answer is out: on to the next request, or to the end of the connection. */
static void end_exchange(struct server_conn *sc)
{
    bool is_body_unread = sc->phase == PHASE_DISPATCHED || sc->phase == PHASE_BODY;
    bool closes = sc->exchange.closes_after || is_body_unread || sc->listener->is_draining;
    exchange_release(&sc->exchange);
    list_unlink(&sc->starved);
    sc->is_starved = false;
    if (sc->conn.is_write_dead) {
        server_conn_close(sc, false);
        return;
    }
    if (closes) {
        server_conn_linger(sc);
        return;
    }
    sc->phase = PHASE_IDLE;
    conn_resume(&sc->conn);
    server_conn_await(sc);
    server_conn_arm_write(sc);
    server_conn_feed_later(sc);
    if (sc->adopted)
        adopted_tell_idle(sc->adopted);
}

void exchange_answer(struct exchange *exchange, int status, struct str headers,
                     struct str content_type, struct str body)
{
    struct server_conn *sc = exchange_conn(exchange);
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
    struct server_conn *sc = exchange_conn(exchange);
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
    struct server_conn *sc = exchange_conn(exchange);
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

void exchange_interim(struct exchange *exchange, int status, struct str headers)
{
    struct server_conn *sc = exchange_conn(exchange);
    AUTO_BUF struct buf head;
    UNSET char room[HEAD_USUAL_BYTES];
    buf_init_in(&head, HTTP_RESPONSE_HEAD_MAX, room, sizeof room);
    assert(!exchange->is_started && status >= 102 && status < 200);
    assert(headers.len == 0 || str_ends(headers, STR("\r\n")));
    if (sc->phase == PHASE_CLOSED || exchange->head.minor_version == 0)
        return;
    buf_append_lit(&head, "HTTP/1.1 ");
    buf_put_uint(&head, (uint64_t)status);
    buf_putc(&head, ' ');
    buf_puts(&head, http_reason(status));
    buf_append_lit(&head, "\r\n");
    buf_append_str(&head, headers);
    buf_append_lit(&head, "\r\n");
    if (head.failed)
        return; /* nobody depends on it */
    struct iovec piece = {head.data, head.len};
    put(sc, &piece, 1);
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
    if (exchange_conn(exchange)->phase != PHASE_CLOSED)
        end_exchange(exchange_conn(exchange));
}

void exchange_finish(struct exchange *exchange)
{
    exchange_send_finish(exchange, NULL, 0);
}

void exchange_send_raw(struct exchange *exchange, const void *bytes, size_t len)
{
    struct server_conn *sc = exchange_conn(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    struct iovec piece = {(char *)(uintptr_t)bytes, len};
    put(sc, &piece, 1);
}

void exchange_abort(struct exchange *exchange, bool with_reset)
{
    struct server_conn *sc = exchange_conn(exchange);
    if (sc->phase == PHASE_CLOSED)
        return;
    if (!with_reset && conn_pending(&sc->conn) > 0) { /* what was said goes out first */
        exchange->closes_after = true;
        end_exchange(sc);
        return;
    }
    server_conn_close(sc, with_reset);
}

size_t exchange_pending(const struct exchange *exchange)
{
    const struct server_conn *sc = exchange_conn((struct exchange *)(uintptr_t)exchange);
    return conn_pending(&sc->conn);
}

/* ---- errors of the HTTP layer itself ------------------------------------------------------------ */

void exchange_answer_error_with(struct server_conn *sc, int status, struct str more,
                                const char *sentence)
{
    if (sc->exchange.is_started) { /* a second head would be taken for a part of the body */
        server_conn_lose(sc, true);
        return;
    }
    const struct http_service *service = sc->listener->options.service;
    struct exchange *exchange = &sc->exchange;
    AUTO_BUF struct buf headers, body;
    buf_init(&headers, 4096);
    buf_append_str(&headers, more);
    buf_init(&body, 8192);
    service->write_error(service->arg, status, exchange->head.path, sentence, &headers, &body);
    struct str type = service->error_type ? service->error_type(service->arg, exchange->head.path)
                                          : STR("application/json");
    count_up(&sc->listener->counters.bad_requests, 1);
    const struct exchange_ops *ops = exchange->ops;
    void *owner = exchange->owner;
    exchange->closes_after = true;
    exchange->head.minor_version = 1;
    exchange_answer(exchange, status, buf_str(&headers), type, buf_str(&body));
    if (ops && ops->on_refused)
        ops->on_refused(owner, status);
    else if (ops)
        ops->on_gone(owner);
}

void exchange_answer_error(struct server_conn *sc, int status, const char *sentence)
{
    exchange_answer_error_with(sc, status, STR(""), sentence);
}

void exchange_answer_too_large(struct server_conn *sc)
{
    char sentence[120];
    snprintf(sentence, sizeof sentence, "The request body is larger than %zu bytes.",
             sc->exchange.body_limit);
    exchange_answer_error(sc, 413, sentence);
}

/* ---- the service's side ------------------------------------------------------------------------- */

const struct http_head *exchange_head(const struct exchange *exchange)
{
    return &exchange->head;
}

struct loop *exchange_loop(const struct exchange *exchange)
{
    return exchange_conn((struct exchange *)(uintptr_t)exchange)->listener->loop;
}

void exchange_peer(const struct exchange *exchange, char *room, size_t room_bytes)
{
    const struct server_conn *sc = exchange_conn((struct exchange *)(uintptr_t)exchange);
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
    return exchange_conn((struct exchange *)(uintptr_t)exchange)->listener->is_control;
}

void exchange_attach(struct exchange *exchange, const struct exchange_ops *ops, void *owner)
{
    exchange->ops = ops;
    exchange->owner = owner;
}

void exchange_want_body(struct exchange *exchange, size_t limit_bytes)
{
    struct server_conn *sc = exchange_conn(exchange);
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
    server_conn_feed_later(sc); /* what came before it was wanted */
}

void exchange_take_body(struct exchange *exchange, struct buf *out_body)
{
    *out_body = exchange->body;
    exchange->body = (struct buf){0};
    exchange->body_charged = 0; /* the taker returns it */
}
