/* gateway/relay.c: from the provider's bytes to the caller's, in whole events. SPEC.md 4.4, DESIGN.md 3.
 *
 * Before COMMIT events are held back; the first content event hands over what was held and opens the gate.
 * From then on each read is cut at event boundaries and goes out in one write. The record is closed before
 * the terminal event is handed over, because clients stop reading there. A plain answer is held whole, so
 * its COMMIT is its end (or its cap).
 */
#include "gateway/request.h"

#include <assert.h>

#define BATCH_MAX 48

/* What one read has to send: slices of the bytes in hand, sent before these move. */
struct batch {
    struct iovec piece[BATCH_MAX];
    int count;
};

/* ---- to the client --------------------------------------------------------------------------- */

static void note_write(struct request *request, size_t len)
{
    request->bytes_out += (int64_t)len;
    request->client_write_ns = loop_now_ns(request->gl->loop);
    if (request->first_byte_ns == 0 && request->state == REQUEST_STREAMING)
        request->first_byte_ns = request->client_write_ns;
}

static size_t batch_bytes(const struct batch *batch)
{
    size_t total = 0;
    for (int i = 0; i < batch->count; i++)
        total += batch->piece[i].iov_len;
    return total;
}

static void batch_send(struct request *request, struct batch *batch)
{
    if (batch->count == 0)
        return;
    note_write(request, batch_bytes(batch));
    exchange_send(request->exchange, batch->piece, batch->count);
    batch->count = 0;
    bool is_full = exchange_pending(request->exchange) > EXCHANGE_HIGH_BYTES;
    if (is_full && !request->is_paused && request->trial.call) {
        request->is_paused = true;
        call_pause(request->trial.call);
    }
}

/* Neighbours grow together, so a read of ten events is one slice. */
static void batch_add(struct request *request, struct batch *batch, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    if (batch->count > 0) {
        struct iovec *last = &batch->piece[batch->count - 1];
        if ((const char *)last->iov_base + last->iov_len == bytes) {
            last->iov_len += len;
            return;
        }
    }
    if (batch->count == BATCH_MAX)
        batch_send(request, batch);
    batch->piece[batch->count++] = (struct iovec){(char *)(uintptr_t)bytes, len};
}

void relay_start_client(struct request *request, int status, struct str content_type)
{
    AUTO_BUF struct buf headers;
    buf_init(&headers, 8192);
    answer_headers_write(request, &headers);
    buf_append_str(&headers, request->trial.extra_headers);
    buf_puts(&headers, "cache-control: no-store\r\nx-accel-buffering: no\r\n");
    exchange_start(request->exchange, status, buf_str(&headers), content_type);
    request->is_head_sent = true;
}

void relay_keepalive(struct request *request)
{
    if (request->trial.tail_sent > 0)
        return; /* in the middle of an event */
    bool is_late_head = !request->is_head_sent;
    if (is_late_head) {
        /* Who will answer is not known yet, so the head cannot say it. */
        const struct provider *provider = request->trial.provider;
        request->trial.provider = NULL;
        relay_start_client(request, 200, STR("text/event-stream"));
        request->trial.provider = provider;
    }
    struct str ping = say_keepalive(request->endpoint);
    struct iovec piece = {(char *)(uintptr_t)ping.at, ping.len};
    exchange_send(request->exchange, &piece, 1);
    request->client_write_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)ping.len;
}

void relay_cut(struct request *request, enum say what, const char *sentence)
{
    struct exchange *exchange = TAKE(request->exchange);
    if (!exchange)
        return;
    if (request->trial.tail_sent > 0) { /* inside an event nothing can be said */
        exchange_abort(exchange, true);
        return;
    }
    AUTO_BUF struct buf event;
    buf_init(&event, 16384);
    bool is_sse = request->trial.is_sse || request->state == REQUEST_ATTEMPT;
    if (!is_sse) { /* a plain answer that outgrew its hold: only a torn body can tell */
        exchange_abort(exchange, true);
        return;
    }
    say_stream_error(&event, request->endpoint, what, sentence, request->id, "",
                     request->trial.events_relayed);
    struct iovec piece = {event.data, event.len};
    exchange_send_finish(exchange, &piece, 1);
}

/* ---- COMMIT ---------------------------------------------------------------------------------- */

/* From here on nothing can be undone: the request's body is of no more use. */
static void commit(struct request *request)
{
    struct trial *trial = &request->trial;
    if (!request->is_head_sent)
        relay_start_client(request, trial->status, trial->content_type);
    request->state = REQUEST_STREAMING;
    buf_release(&request->body);
    body_budget_return(request->body_charged);
    request->body_charged = 0;
    request_set_clock(request);
}

static void send_held(struct request *request, struct batch *batch)
{
    struct trial *trial = &request->trial;
    if (trial->held.len == 0)
        return;
    batch_send(request, batch);
    batch_add(request, batch, trial->held.data, trial->held.len);
    batch_send(request, batch);
    buf_release(&trial->held);
}

/* ---- the end of a good answer ---------------------------------------------------------------- */

static const char *done_reason(const struct request *request)
{
    return request->attempt_count > 1 ? "failover" : "ok";
}

/* The client has everything after `batch`. The upstream may still owe the end of its framing. */
static void complete_stream(struct request *request, struct batch *batch)
{
    struct trial *trial = &request->trial;
    (void)attempt_step(&trial->machine, ATTEMPT_ON_FINISHED);
    attempt_succeeded(request);
    if (request->first_byte_ns == 0)
        request->first_byte_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)batch_bytes(batch);
    record_close(request, JOB_DONE, done_reason(request), trial->status);
    struct exchange *exchange = TAKE(request->exchange);
    exchange_send_finish(exchange, batch->piece, batch->count);
    batch->count = 0;
    if (!trial->call) {
        request_finish(request);
        return;
    }
    request->state = REQUEST_DRAINING;
    if (request->is_paused)
        call_resume(trial->call);
    request->deadline_ns = loop_now_ns(request->gl->loop) + ENDED_GRACE_MS * NS_PER_MS;
    deadline_set(&request->clock, request->deadline_ns);
}

/* ---- one event ------------------------------------------------------------------------------- */

/* Hands `event` on (from `sent` on: the rest is out already), or holds it. False: the request is over. */
static bool pass(struct request *request, struct batch *batch, struct str event, size_t sent,
                 enum attempt_event what)
{
    struct trial *trial = &request->trial;
    enum attempt_action action = attempt_step(&trial->machine, what);
    if (action == ATTEMPT_HOLD) {
        buf_append_str(&trial->held, event);
        trial->events_relayed++;
        if (!trial->held.failed)
            return true;
        trial->held.failed = false; /* the bound is COMMIT */
        action = attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
        trial->events_relayed--;
    }
    assert(action == ATTEMPT_RELAY);
    if (request->state != REQUEST_STREAMING) {
        commit(request);
        send_held(request, batch);
    }
    trial->events_relayed++;
    batch_add(request, batch, event.at + sent, event.len - sent);
    return true;
}

static void stream_error(struct request *request, struct batch *batch, struct str event,
                         size_t sent)
{
    struct trial *trial = &request->trial;
    if (trial->machine.state == ATTEMPT_HOLDING) {
        buf_append_str(&trial->held, event); /* in case the caller has to see it */
        attempt_judge_event(request);
        return;
    }
    /* After COMMIT the provider's own error event is the dialect's own: it goes out, and that is the end. */
    batch_add(request, batch, event.at + sent, event.len - sent);
    request->bytes_out += (int64_t)batch_bytes(batch);
    struct exchange *exchange = TAKE(request->exchange);
    exchange_send_finish(exchange, batch->piece, batch->count);
    batch->count = 0;
    trial->tail_sent = 0;
    attempt_judge_event(request);
}

/* False: the request is over, or the bytes in hand are no longer wanted. */
static bool take_event(struct request *request, struct batch *batch, struct str event, size_t sent)
{
    struct trial *trial = &request->trial;
    struct sse_event read;
    enum stream_class class = STREAM_LIFECYCLE;
    bool had_content = trial->meter.has_content;
    sse_event_read(event, &request->gl->joined, &read);
    if (meter_event(&trial->meter, request->gl->event_reader, &read, &class) != OK) {
        batch_send(request, batch);
        attempt_broken(request, "bad_answer", "the provider sent an event that is not JSON");
        return false;
    }
    switch (class) {
    case STREAM_LIFECYCLE: return pass(request, batch, event, sent, ATTEMPT_ON_LIFECYCLE);
    case STREAM_CONTENT: return pass(request, batch, event, sent, ATTEMPT_ON_CONTENT);
    case STREAM_USAGE:
        if (trial->adds_usage && sent == 0)
            return true; /* we asked for it, the caller did not */
        return pass(request, batch, event, sent, ATTEMPT_ON_LIFECYCLE);
    case STREAM_ERROR: stream_error(request, batch, event, sent); return false;
    case STREAM_END: break;
    }
    bool is_silent =
        trial->machine.state == ATTEMPT_HOLDING && !had_content && !trial->meter.has_content;
    if (is_silent) {
        attempt_broken(request, "empty_answer", "the provider ended its answer without a word");
        return false;
    }
    enum attempt_event what =
        trial->machine.state == ATTEMPT_HOLDING ? ATTEMPT_ON_CONTENT : ATTEMPT_ON_LIFECYCLE;
    (void)pass(request, batch, event, sent, what);
    complete_stream(request, batch);
    return false;
}

/* ---- events from bytes ----------------------------------------------------------------------- */

/* A large unfinished event goes out as it comes; a copy is kept for reading, up to a bound. */
static void pass_unfinished(struct request *request)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    if (trial->tail.len < EVENT_RAW_BYTES && trial->tail_sent == 0)
        return;
    if (trial->machine.state == ATTEMPT_HOLDING) {
        if (trial->held.len + trial->tail.len < HELD_EVENTS_MAX)
            return;
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
        commit(request);
        send_held(request, &batch);
    }
    batch_add(request, &batch, trial->tail.data + trial->tail_sent,
              trial->tail.len - trial->tail_sent);
    batch_send(request, &batch);
    trial->tail_sent = trial->tail.len;
    if (trial->tail.len < EVENT_MAX)
        return;
    /* Too long to be kept: from now on only its end is looked for. */
    trial->is_tail_lost = true;
    buf_consume(&trial->tail, trial->tail.len - 4);
    trial->tail_sent = trial->tail.len;
    trial->tail_scanned = 0;
}

static void relay_events(struct request *request, char *bytes, size_t len)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    bool has_tail = trial->tail.len > 0;
    if (has_tail) {
        buf_append(&trial->tail, bytes, len);
        if (trial->tail.failed) {
            attempt_broken(request, "no_memory", "the server ran out of memory for an event");
            return;
        }
    }
    struct str all = has_tail ? buf_str(&trial->tail) : (struct str){bytes, len};
    size_t at = 0, event_len;
    while ((event_len = sse_event_end(str_from(all, at), &trial->tail_scanned)) > 0) {
        struct str event = {all.at + at, event_len};
        size_t sent = trial->tail_sent;
        bool is_lost = trial->is_tail_lost;
        trial->tail_sent = 0;
        trial->tail_scanned = 0;
        trial->is_tail_lost = false;
        at += event_len;
        if (is_lost)
            batch_add(request, &batch, event.at + sent, event.len - sent);
        else if (!take_event(request, &batch, event, sent))
            return;
    }
    batch_send(request, &batch);
    if (has_tail)
        buf_consume(&trial->tail, at);
    else
        buf_append(&trial->tail, bytes + at, len - at);
    if (trial->tail.len == 0)
        buf_release(&trial->tail); /* idle streams hold no buffers */
    else
        pass_unfinished(request);
}

/* ---- plain answers --------------------------------------------------------------------------- */

static void relay_plain(struct request *request, char *bytes, size_t len)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    if (trial->machine.state == ATTEMPT_HOLDING) {
        if (trial->held.len + len <= HELD_ANSWER_MAX) {
            buf_append(&trial->held, bytes, len);
            if (trial->held.failed)
                attempt_broken(request, "no_memory", "the server ran out of memory for the answer");
            return;
        }
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
        trial->meter.output_bytes = (int64_t)trial->held.len;
        commit(request);
        send_held(request, &batch);
    }
    trial->meter.output_bytes += (int64_t)len;
    batch_add(request, &batch, bytes, len);
    batch_send(request, &batch);
}

static void plain_is_whole(struct request *request)
{
    struct trial *trial = &request->trial;
    switch (meter_answer(&trial->meter, request->gl->event_reader, buf_str(&trial->held))) {
    case ANSWER_EMPTY:
        attempt_broken(request, "empty_answer", "the provider's answer is empty");
        return;
    case ANSWER_GARBAGE:
        attempt_broken(request, "bad_answer",
                       "the provider's answer is not what this endpoint gives");
        return;
    case ANSWER_ERROR: attempt_judge_event(request); return;
    case ANSWER_GOOD: break;
    }
    (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
    (void)attempt_step(&trial->machine, ATTEMPT_ON_FINISHED);
    attempt_succeeded(request);
    request->first_byte_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)trial->held.len;
    record_close(request, JOB_DONE, done_reason(request), trial->status);
    AUTO_BUF struct buf headers;
    buf_init(&headers, 8192);
    answer_headers_write(request, &headers);
    buf_append_str(&headers, trial->extra_headers);
    exchange_answer(TAKE(request->exchange), trial->status, buf_str(&headers), trial->content_type,
                    buf_str(&trial->held));
    request_finish(request);
}

/* ---- the two ways in ------------------------------------------------------------------------- */

void relay_bytes(struct request *request, char *bytes, size_t len)
{
    if (request->state == REQUEST_DRAINING || request->state == REQUEST_ENDED)
        return;
    if (request->trial.is_sse)
        relay_events(request, bytes, len);
    else
        relay_plain(request, bytes, len);
}

static void stream_ended(struct request *request)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    if (trial->tail.len > 0 && trial->tail_sent == 0) { /* a last event without its blank line */
        static char blank[] = "\n\n";
        relay_events(request, blank, 2);
        if (request->state == REQUEST_ENDED || request->state == REQUEST_DRAINING ||
            trial->machine.state == ATTEMPT_ENDED || trial->call)
            return;
    }
    if (trial->machine.state == ATTEMPT_STREAMING && trial->meter.has_end) {
        complete_stream(request, &batch);
        return;
    }
    bool is_empty = trial->machine.state == ATTEMPT_HOLDING && !trial->meter.has_content;
    attempt_broken(request, is_empty ? "empty_answer" : "stream_cut",
                   is_empty ? "the provider ended its answer without a word"
                            : "the provider's stream ended before its last event");
}

void relay_upstream_ended(struct request *request)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    if (trial->is_sse)
        stream_ended(request);
    else if (trial->machine.state == ATTEMPT_HOLDING)
        plain_is_whole(request);
    else
        complete_stream(request, &batch);
}
