/* http/client_call.c: one request and its answer, over a connection that is there or about to be. */
#include "http/client_parts.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define WRITE_SLICE_BYTES (256u * 1024)
#define INFORMATIONAL_MAX 8

static const char *const failure_reasons[] = {
    "dns_failed",         "connect_refused", "connect_timeout", "tls_failed", "connection_reset",
    "first_byte_timeout", "idle_timeout",    "worker_lost",     "bad_answer", "no_memory"};

_Static_assert(sizeof failure_reasons / sizeof failure_reasons[0] == CALL_FAILED_COUNT,
               "one per failure");

const char *call_failure_reason(enum call_failure failure)
{
    return failure_reasons[failure];
}

/* ---- sending ------------------------------------------------------------------------------------ */

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

void upstream_start_request(struct upstream_conn *up)
{
    up->phase = UP_WAITING;
    up->is_answer_begun = false;
    deadline_set(&up->deadline, from_now(up, up->call->options.first_byte_ms));
    send_more(up);
}

/* ---- receiving ---------------------------------------------------------------------------------- */

static void on_answer_body(void *arg, char *bytes, size_t len)
{
    struct upstream_conn *up = arg;
    if (up->call)
        up->call->options.ops->on_body(up->call->options.owner, bytes, len);
}

static bool may_be_reused(const struct upstream_conn *up, size_t bytes_left)
{
    return bytes_left == 0 && !up->call->is_torn && is_sent(up->call) && !up->conn.is_write_dead &&
           up->parser.is_done && up->parser.keeps_alive;
}

static bool may_be_pooled(const struct upstream_conn *up)
{
    return !up->is_given && up->origin->idle_count < up->pool->options.idle_max;
}

static void put_in_pool(struct upstream_conn *up)
{
    list_unlink(&up->node);
    list_push_front(&up->origin->idle, &up->node);
    up->origin->idle_count++;
    up->phase = UP_IDLE;
    buf_release(&up->head);
    conn_resume(&up->conn); /* the call may have ended paused; an idle one must see its end */
    deadline_set(&up->deadline, from_now(up, up->pool->options.idle_ms));
}

/* The answer is complete: the connection goes to the pool, back to whom it belongs, or away; then the owner is
 * told. */
static void end(struct upstream_conn *up, size_t bytes_left)
{
    struct call *call = up->call;
    const struct call_ops *ops = call->options.ops;
    void *owner = call->options.owner;
    struct detached *returned = NULL;
    bool is_kept = may_be_reused(up, bytes_left);
    up->call = NULL;
    if (is_kept && may_be_pooled(up))
        put_in_pool(up);
    else if (is_kept && up->is_given && ops->on_returned)
        returned = upstream_detach(up);
    else
        upstream_close(up);
    mem_free(call);
    if (returned)
        ops->on_returned(owner, returned);
    ops->on_end(owner);
}

static void stop_reading(struct upstream_conn *up)
{
    conn_pause(&up->conn);
    deadline_clear(&up->deadline);
}

/* An answer before the answer. False when the call is over. */
static bool take_interim(struct upstream_conn *up, const struct http_head *head)
{
    const struct call_options *options = &up->call->options;
    if (++up->informational > INFORMATIONAL_MAX) {
        upstream_fail(up, CALL_FAILED_GARBAGE, "too many informational answers");
        return false;
    }
    if (options->ops->on_interim)
        options->ops->on_interim(options->owner, head);
    return up->call != NULL;
}

/* The call is over, the connection goes on as another: what stands behind the head belongs to that. */
static void switch_protocols(struct upstream_conn *up, const struct http_head *head,
                             struct str behind)
{
    struct call *call = up->call;
    if (conn_upgrade(&up->conn, WS_CLIENT, STR(""), behind) != OK) {
        upstream_fail(up, CALL_FAILED_NO_MEMORY, "no memory for a WebSocket");
        return;
    }
    up->call = NULL;
    struct detached *detached = upstream_detach(up);
    call->on_switched(call->options.owner, head, detached);
    mem_free(call);
}

/* One whole head stands in `bytes`, and more may stand behind it. False when the call is over. */
static bool take_head(struct upstream_conn *up, struct str bytes, struct str behind)
{
    UNSET struct http_header table[HTTP_RESPONSE_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    UNSET struct error error;
    http_parser_init(&up->parser, false, on_answer_body, up);
    if (http_parser_head(&up->parser, bytes, up->call->options.is_head_method, &head, &error) !=
        OK) {
        upstream_fail(up, CALL_FAILED_GARBAGE, error.text);
        return false;
    }
    if (head.status == 101 && up->call->on_switched && is_sent(up->call)) {
        switch_protocols(up, &head, behind);
        return false;
    }
    if (head.status == 101 || head.status < 100 || head.status > 599) {
        upstream_fail(up, CALL_FAILED_GARBAGE, "the answer has a status that was not asked for");
        return false;
    }
    if (head.status < 200)
        return take_interim(up, &head);
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
        struct str rest = {bytes + used, len - used};
        size_t end_at = http_head_end(rest, &up->head_scanned);
        if ((end_at ? end_at : rest.len) > HTTP_RESPONSE_HEAD_MAX) {
            upstream_fail(up, CALL_FAILED_GARBAGE, "the head of the answer is larger than 64 KiB");
            return len;
        }
        if (end_at == 0) {
            size_t seen = rest.len < 5 ? rest.len : 5;
            if (memcmp(rest.at, "HTTP/", seen) != 0 || http_head_is_hopeless(rest, 0)) {
                upstream_fail(up, CALL_FAILED_GARBAGE, "the answer is not HTTP");
                return len;
            }
            return used;
        }
        up->head_scanned = 0;
        if (!take_head(up, str_upto(rest, end_at), str_from(rest, end_at)))
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
        upstream_fail(up, CALL_FAILED_GARBAGE, error.text);
    else if (tell_read_done(up) && parse == HTTP_PARSE_DONE)
        end(up, len - used);
}

/* The limit is above what can come before a head is found to be too large. */
static bool keep_head(struct upstream_conn *up, const char *bytes, size_t len)
{
    buf_append(&up->head, bytes, len);
    if (up->head.failed)
        upstream_fail(up, CALL_FAILED_NO_MEMORY, "no memory for the head of the answer");
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
        upstream_close(up); /* nobody asked: never feed it to the next request */
        return;
    }
    if (!up->is_answer_begun && up->is_given)
        given_start_pings(up);
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

/* ---- ends --------------------------------------------------------------------------------------- */

void upstream_fail(struct upstream_conn *up, enum call_failure failure, const char *sentence)
{
    struct call *call = up->call;
    up->call = NULL;
    upstream_close(up);
    if (!call)
        return;
    const struct call_ops *ops = call->options.ops;
    void *owner = call->options.owner;
    mem_free(call);
    ops->on_failed(owner, failure, sentence);
}

static void on_closed(void *owner, enum conn_end how, const char *sentence)
{
    struct upstream_conn *up = owner;
    if (up->phase == UP_IDLE || !up->call) {
        upstream_close(up);
        return;
    }
    if (how == CONN_END_NO_MEMORY || how == CONN_END_BROKEN) {
        upstream_fail(up, how == CONN_END_BROKEN ? CALL_FAILED_GARBAGE : CALL_FAILED_NO_MEMORY,
                      sentence);
        return;
    }
    if (up->phase == UP_CONNECTING) {
        if (how == CONN_END_TLS) {
            upstream_fail(up, CALL_FAILED_TLS, sentence);
        } else if (upstream_has_next_address(up)) {
            upstream_dial_next(up);
        } else {
            upstream_fail(up, CALL_FAILED_CONNECT, sentence);
        }
        return;
    }
    /* The close of a WebSocket ends no body: over it, halves have no meaning. */
    if (up->phase == UP_BODY && how == CONN_END_EOF && !up->is_given &&
        http_parser_finish(&up->parser)) {
        up->parser.is_done = false; /* ended by closing: never to be reused */
        end(up, 0);
        return;
    }
    if (upstream_may_start_over(up))
        upstream_start_over(up);
    else
        upstream_fail(up, CALL_FAILED_RESET,
                      up->phase == UP_BODY
                          ? "the upstream closed the connection in the middle of its answer"
                          : "the upstream closed the connection before it answered");
}

void upstream_due(struct deadline *deadline)
{
    struct upstream_conn *up = LIST_OWNER(deadline, struct upstream_conn, deadline);
    switch (up->phase) {
    case UP_RESOLVING:
        upstream_fail(up, CALL_FAILED_DNS, "the name was not resolved in time");
        return;
    case UP_CONNECTING:
        if (upstream_has_next_address(up)) {
            conn_close(&up->conn, true);
            upstream_dial_next(up);
        } else {
            upstream_fail(up, CALL_FAILED_CONNECT_TIMEOUT,
                          "no connection within the connect timeout");
        }
        return;
    case UP_WAITING:
        upstream_fail(up, CALL_FAILED_FIRST_BYTE_TIMEOUT,
                      "no answer within the first-byte timeout");
        return;
    case UP_BODY:
        upstream_fail(up, CALL_FAILED_IDLE_TIMEOUT,
                      "the answer stood still longer than the idle timeout");
        return;
    case UP_IDLE: upstream_close(up); return;
    case UP_CLOSED: return;
    }
}

static void on_connected(void *owner)
{
    struct upstream_conn *up = owner;
    const struct call_options *options = &up->call->options;
    mem_free(TAKE(up->dialing));
    if (options->ops->on_connected)
        options->ops->on_connected(options->owner);
    upstream_start_request(up);
}

const struct conn_ops upstream_ops = {.on_connected = on_connected,
                                      .on_bytes = on_bytes,
                                      .on_drained = on_drained,
                                      .on_closed = on_closed};

/* ---- the caller's side -------------------------------------------------------------------------- */

struct call *call_start(struct client_pool *pool, const struct call_options *options)
{
    assert(options->piece_count <= CALL_PIECES_MAX);
    if (options->over)
        return call_start_over_given(pool, options);
    struct origin *origin = pool_origin(pool, options->target);
    struct call *call =
        origin ? mem_alloc(sizeof *call) : NULL; /* calloc is five times its price */
    if (!call)
        return NULL;
    *call = (struct call){.options = *options};
    struct upstream_conn *idle = pool_take_idle(pool, origin);
    if (idle) {
        idle->call = call;
        call->up = idle;
        upstream_start_request(idle);
        return call;
    }
    struct upstream_conn *up = upstream_new(pool, origin, call);
    if (!up) {
        mem_free(call);
        return NULL;
    }
    call->up = up;
    upstream_dial(up);
    return call;
}

void call_cancel(struct call *call)
{
    struct upstream_conn *up = call->up;
    up->call = NULL;
    upstream_close(up);
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
