/* gateway/relay.c: from the provider's bytes to the caller's, in whole events. SPEC.md 4.4, DESIGN.md 3.
 *
 * Before COMMIT events are held back; the first content event hands over what was held and opens the gate.
 * From then on each read is cut at event boundaries and goes out in one write. The record is closed before
 * the terminal event is handed over, because clients stop reading there. Plain answers: relay_plain.c.
 */
#include "gateway/relay_parts.h"
#include "gateway/translate.h"

#include <assert.h>

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

void batch_send(struct request *request, struct batch *batch)
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
void batch_add(struct request *request, struct batch *batch, const char *bytes, size_t len)
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

bool relay_start_client(struct request *request, int status, struct str content_type)
{
    AUTO_BUF struct buf headers;
    UNSET char room[HEADERS_USUAL];
    buf_init_in(&headers, HEADERS_MAX, room, sizeof room);
    answer_headers_write(request, &headers);
    if (request->trial.provider)
        buf_append_str(&headers, request->trial.extra_headers);
    buf_puts(&headers, "cache-control: no-store\r\nx-accel-buffering: no\r\n");
    enum err err = headers.failed ? ERR_NO_MEMORY : OK;
    if (err == OK) {
        err = exchange_start(request->exchange, status, buf_str(&headers), content_type);
        request->is_head_sent = true;
        request->client_write_ns = loop_now_ns(request->gl->loop);
    }
    if (err != OK)
        request_fail_for_memory(request);
    return err == OK;
}

void relay_keepalive(struct request *request)
{
    request->client_write_ns = loop_now_ns(request->gl->loop);
    if (request->trial.tail_sent > 0 || request->is_paused)
        return; /* in the middle of an event, or the client has not even read what was sent */
    bool is_late_head = !request->is_head_sent;
    if (is_late_head) {
        /* Who will answer is not known yet, so the head cannot say it. */
        const struct provider *provider = request->trial.provider;
        request->trial.provider = NULL;
        bool is_started = relay_start_client(request, 200, STR("text/event-stream"));
        request->trial.provider = provider;
        if (!is_started)
            return;
    }
    struct str ping = say_keepalive(request->endpoint);
    struct iovec piece = {(char *)(uintptr_t)ping.at, ping.len};
    exchange_send(request->exchange, &piece, 1);
    request->bytes_out += (int64_t)ping.len;
}

/* The provider's own error event when it sent one after COMMIT (stream_error), else one of ours. */
static struct str last_words(const struct request *request, enum say what, const char *sentence,
                             struct buf *event)
{
    const struct trial *trial = &request->trial;
    bool is_streaming = request->state == REQUEST_STREAMING;
    if (is_streaming && trial->held.len > 0)
        return buf_str(&trial->held);
    const struct answer_translation *answer =
        trial->translation ? trial->translation->answer : NULL;
    int64_t sequence = answer         ? answer_next_sequence(answer)
                       : is_streaming ? trial->events_relayed
                                      : 0;
    say_stream_error(event, request->endpoint, what, sentence, request->id,
                     answer ? answer_response_id(answer) : "", is_streaming ? sequence : 0);
    return buf_str(event);
}

void relay_cut(struct request *request, enum say what, const char *sentence)
{
    struct exchange *exchange = TAKE(request->exchange);
    if (!exchange)
        return;
    /* Inside an event nothing can be said, nor in a plain answer that outgrew its hold: only a torn
     * body can tell. */
    bool is_plain = request->state == REQUEST_STREAMING && !request->trial.is_sse;
    if (request->trial.tail_sent > 0 || is_plain) {
        exchange_abort(exchange, true);
        return;
    }
    AUTO_BUF struct buf event;
    buf_init(&event, 16384);
    struct str words = last_words(request, what, sentence, &event);
    if (event.failed) { /* half an event says nothing */
        exchange_abort(exchange, true);
        return;
    }
    struct iovec piece = {(char *)(uintptr_t)words.at, words.len};
    exchange_send_finish(exchange, &piece, 1);
}

/* ---- COMMIT ---------------------------------------------------------------------------------- */

/* From here on nothing can be undone: the request's body is of no more use. */
bool relay_commit(struct request *request)
{
    struct trial *trial = &request->trial;
    struct str type = trial->translation ? STR("text/event-stream") : trial->content_type;
    (void)receipt_since(&request->receipt, PHASE_HOLD, request->receipt.hold_from);
    receipt_relay(&request->receipt);
    if (!request->is_head_sent && !relay_start_client(request, trial->status, type))
        return false;
    request->state = REQUEST_STREAMING;
    request->is_answered = true;
    translation_release_body(trial->translation);
    buf_release(&request->body);
    body_budget_return(request->body_charged);
    request->body_charged = 0;
    request_set_clock(request);
    return true;
}

void relay_held(struct request *request, struct batch *batch)
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

const char *relay_done_reason(const struct request *request)
{
    return request->attempt_count > 1 ? "failover" : "ok";
}

/* The client has everything after `batch`. The upstream may still owe the end of its framing. */
void relay_complete(struct request *request, struct batch *batch)
{
    struct trial *trial = &request->trial;
    if (trial->translation) {
        meter_estimate(&trial->meter,
                       admission_prompt_bytes(request)); /* the last events tell tokens */
        if (!translate_end(request))
            return;
        relay_translated(request, batch);
    }
    (void)attempt_step(&trial->machine, ATTEMPT_ON_FINISHED);
    attempt_succeeded(request);
    if (request->first_byte_ns == 0)
        request->first_byte_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)batch_bytes(batch);
    record_close(request, JOB_DONE, relay_done_reason(request), trial->status);
    struct exchange *exchange = TAKE(request->exchange);
    exchange_send_finish(exchange, batch->piece, batch->count);
    batch->count = 0;
    buf_clear(&request->gl->translated);
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
    if (action == ATTEMPT_HOLD && event.len <= HELD_EVENTS_MAX - trial->held.len) {
        buf_append_str(&trial->held, event);
        trial->events_relayed++;
        if (trial->held.failed)
            request_fail_for_memory(request);
        return request->state != REQUEST_ENDED;
    }
    if (action == ATTEMPT_HOLD) /* the bound is COMMIT */
        action = attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
    assert(action == ATTEMPT_RELAY);
    if (request->state != REQUEST_STREAMING) {
        if (!relay_commit(request))
            return false;
        relay_held(request, batch);
    }
    trial->events_relayed++;
    batch_add(request, batch, event.at + sent, event.len - sent);
    return true;
}

static void stream_error(struct request *request, struct batch *batch, struct str event,
                         size_t sent)
{
    struct trial *trial = &request->trial;
    if (trial->translation) { /* its words are told in the caller's dialect */
        relay_flush(request);
        attempt_judge_event(request);
        return;
    }
    if (trial->machine.state == ATTEMPT_HOLDING) {
        buf_append_str(&trial->held, event); /* in case the caller has to see it */
        if (trial->held.failed)
            request_fail_for_memory(request);
        else
            attempt_judge_event(request);
        return;
    }
    /* After COMMIT the provider's own error event is the dialect's own: it goes out, behind the close of
     * the record, and that is the end. */
    batch_send(request, batch);
    buf_append(&trial->held, event.at + sent, event.len - sent);
    trial->held.len = trial->held.failed ? 0 : trial->held.len;
    attempt_judge_event(request);
}

/* One event in the caller's dialect, which may be none or several. */
static bool pass_translated(struct request *request, struct batch *batch,
                            const struct sse_event *event, struct json root,
                            enum attempt_event what)
{
    struct trial *trial = &request->trial;
    struct buf *out = &request->gl->translated;
    if (!translate_event(request, event, root))
        return false;
    bool is_held = trial->machine.state == ATTEMPT_HOLDING && what == ATTEMPT_ON_LIFECYCLE;
    if (!is_held)
        return pass(request, batch, STR(""), 0, what); /* the bytes go out with the read */
    if (trial->held.len + out->len > HELD_EVENTS_MAX)  /* the bound is COMMIT */
        return pass(request, batch, STR(""), 0, ATTEMPT_ON_CONTENT);
    bool is_kept = pass(request, batch, buf_str(out), 0, what);
    buf_clear(out);
    return is_kept;
}

/* False: the request is over, or the bytes in hand are no longer wanted. */
static bool take_event(struct request *request, struct batch *batch, struct str event, size_t sent)
{
    struct trial *trial = &request->trial;
    struct sse_event read;
    enum stream_class class = STREAM_LIFECYCLE;
    struct json root = {0};
    bool had_content = trial->meter.has_content;
    sse_event_read(event, &request->gl->joined, &read);
    enum err err =
        request->gl->joined.failed /* its limit is above any event's */
            ? ERR_NO_MEMORY
            : meter_event(&trial->meter, request->gl->event_reader, &read, &class, &root);
    if (err == ERR_MALFORMED || err == ERR_NO_MEMORY) {
        if (sent > 0) /* half of it is out: no word of ours may stand inside it */
            batch_add(request, batch, event.at + sent, event.len - sent);
        relay_flush(request);
    }
    if (err == ERR_NO_MEMORY) {
        request_fail_for_memory(request);
        return false;
    }
    if (err == ERR_MALFORMED) {
        attempt_broken(request, "bad_answer", "the provider sent an event that is not JSON");
        return false;
    }
    if (err != OK && trial->translation) {
        relay_flush(request);
        attempt_broken(request, "bad_answer", "the provider sent an event that is too large");
        return false;
    }
    if (err != OK) /* too large to be read here: so much is content */
        return pass(request, batch, event, sent, ATTEMPT_ON_CONTENT);
    if (trial->translation && class != STREAM_ERROR && class != STREAM_END)
        return pass_translated(request, batch, &read, root,
                               class == STREAM_CONTENT ? ATTEMPT_ON_CONTENT : ATTEMPT_ON_LIFECYCLE);
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
    if (trial->translation ? pass_translated(request, batch, &read, root, what)
                           : pass(request, batch, event, sent, what))
        relay_complete(request, batch);
    return false;
}

/* ---- events from bytes ----------------------------------------------------------------------- */

/* Too long to be kept: from now on only its end is looked for, in its last bytes and those to come. What
 * was scanned stays scanned: a first byte that is a line end is no blank line. */
static void lose_tail(struct trial *trial)
{
    char last[4];
    size_t gone = trial->tail.len - sizeof last;
    assert(trial->tail_scanned >= gone);
    memcpy(last, trial->tail.data + gone, sizeof last);
    buf_release(&trial->tail);
    buf_append(&trial->tail, last, sizeof last);
    trial->tail_scanned -= gone;
    trial->tail_sent = trial->tail.len;
    trial->is_tail_lost = true;
}

/* A large unfinished event goes out as it comes; a copy is kept for reading, up to a bound. */
static void pass_unfinished(struct request *request)
{
    struct trial *trial = &request->trial;
    struct batch *batch = &request->gl->batch;
    if (trial->tail.len < EVENT_RAW_BYTES && trial->tail_sent == 0)
        return;
    if (trial->translation) {
        if (trial->tail.len >= EVENT_MAX)
            attempt_broken(request, "bad_answer", "the provider sent an event that is too large");
        return;
    }
    if (trial->machine.state == ATTEMPT_HOLDING) {
        if (trial->held.len + trial->tail.len < HELD_EVENTS_MAX)
            return;
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
        if (!relay_commit(request))
            return;
        relay_held(request, batch);
    }
    batch_add(request, batch, trial->tail.data + trial->tail_sent,
              trial->tail.len - trial->tail_sent);
    batch_send(request, batch);
    trial->tail_sent = trial->tail.len;
    if (trial->tail.len < EVENT_MAX && !trial->is_tail_lost)
        return;
    lose_tail(trial);
}

/* What was translated stands behind what is in the batch: one slice, now that it no longer grows. */
void relay_translated(struct request *request, struct batch *batch)
{
    struct buf *out = &request->gl->translated;
    batch_add(request, batch, out->data, out->len);
}

/* The read is over, or bytes of it are about to move. */
void relay_flush(struct request *request)
{
    struct buf *out = &request->gl->translated;
    bool has_translated = out->len > 0 && request->state == REQUEST_STREAMING;
    if (request->exchange && has_translated)
        relay_translated(request, &request->gl->batch);
    if (request->exchange)
        batch_send(request, &request->gl->batch);
    request->gl->batch.count = 0;
    if (out->room_bytes > TRANSLATED_KEPT)
        buf_release(out);
    else
        buf_clear(out);
}

static void relay_events(struct request *request, char *bytes, size_t len)
{
    struct trial *trial = &request->trial;
    struct batch *batch = &request->gl->batch; /* stays open until the read is over */
    bool has_tail = trial->tail.len > 0;
    if (has_tail)
        buf_append(&trial->tail, bytes, len);
    if (trial->tail.failed) {
        relay_flush(request);
        request_fail_for_memory(request);
        return;
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
        trial->is_last_lost = is_lost;
        at += event_len;
        if (is_lost)
            batch_add(request, batch, event.at + sent, event.len - sent);
        else if (!take_event(request, batch, event, sent))
            return;
    }
    if (has_tail) {
        relay_flush(request);
        buf_consume(&trial->tail, at);
    } else if (at < len) {
        buf_append(&trial->tail, bytes + at, len - at);
    }
    if (trial->tail.failed) {
        relay_flush(request);
        request_fail_for_memory(request);
    } else if (trial->tail.len == 0) {
        buf_release(&trial->tail); /* idle streams hold no buffers */
    } else {
        pass_unfinished(request);
    }
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
    if (trial->tail.len > 0 && !trial->is_tail_lost) { /* a last event without its blank line */
        static char blank[] = "\n\n";
        relay_events(request, blank, 2);
        if (request->state != REQUEST_ENDED)
            relay_flush(request);
        if (request->state == REQUEST_ENDED || request->state == REQUEST_DRAINING ||
            trial->machine.state == ATTEMPT_ENDED || trial->call)
            return;
    }
    bool has_end = trial->meter.has_end || trial->is_last_lost;
    if (trial->machine.state == ATTEMPT_STREAMING && has_end) {
        relay_complete(request, &batch);
        return;
    }
    bool is_empty = trial->machine.state == ATTEMPT_HOLDING && !trial->meter.has_content;
    attempt_broken(request, is_empty ? "empty_answer" : "stream_cut",
                   is_empty ? "the provider ended its answer without a word"
                            : "the provider's stream ended before its last event");
}

void relay_upstream_ended(struct request *request)
{
    if (request->trial.is_sse)
        stream_ended(request);
    else
        relay_plain_end(request);
}
