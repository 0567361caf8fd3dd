/* gateway/relay_plain.c: a plain answer. It is held whole, so that its COMMIT is its end and any trouble
 * before it goes to the next provider unseen. Past 4 MiB (a batch of embeddings, an image) it passes as it
 * comes; of those only the last bytes are kept, because the usage stands there.
 */
#include "gateway/relay_parts.h"
#include "base/log.h"
#include "gateway/repeat.h"
#include "gateway/translate.h"

#define END_KEPT (16u * 1024) /* of a large answer: usage, and what vendors put behind it */

/* ---- usage at the end of a large answer -------------------------------------------------------- */

static void keep_end(struct buf *end, const char *bytes, size_t len)
{
    if (len >= END_KEPT) {
        buf_clear(end);
        buf_append(end, bytes + len - END_KEPT, END_KEPT);
        return;
    }
    if (end->len + len > END_KEPT)
        buf_consume(end, end->len + len - END_KEPT);
    buf_append(end, bytes, len);
}

/* The object that begins at `at`; empty when it does not end. */
static struct str object_at(struct str text, size_t at)
{
    int depth = 0;
    bool is_inside_string = false;
    for (size_t i = at; i < text.len; i++) {
        char c = text.at[i];
        if (is_inside_string && c == '\\')
            i++;
        else if (c == '"')
            is_inside_string = !is_inside_string;
        else if (!is_inside_string && c == '{')
            depth++;
        else if (!is_inside_string && c == '}' && --depth == 0)
            return (struct str){text.at + at, i + 1 - at};
    }
    return STR("");
}

/* Reads the last "usage" member as if it were the whole answer: what it lacks besides is no matter. */
static void read_usage_at_end(struct request *request)
{
    static const struct str name = STR_INIT("\"usage\"");
    struct trial *trial = &request->trial;
    struct str end = buf_str(&trial->tail);
    size_t behind = 0, found;
    while (str_find(str_from(end, behind), name, &found))
        behind += found + name.len;
    size_t open;
    if (behind == 0 || !str_find(str_from(end, behind), STR("{"), &open))
        return;
    AUTO_BUF struct buf answer;
    buf_init(&answer, END_KEPT + 64);
    buf_puts(&answer, "{\"usage\":");
    buf_append_str(&answer, object_at(end, behind + open));
    buf_puts(&answer, "}");
    (void)meter_answer(&trial->meter, request->gl->event_reader, buf_str(&answer), NULL);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static void note_output(struct request *request, size_t len)
{
    if (request->endpoint != ENDPOINT_EMBEDDINGS) /* vectors are no tokens */
        request->trial.meter.output_bytes += (int64_t)len;
}

/* The late head promised a stream after this answer had begun. */
static bool comes_too_late(struct request *request)
{
    if (request->is_head_sent)
        attempt_broken(request, "bad_answer",
                       "the provider answered a streaming request without a stream");
    return request->is_head_sent;
}

void relay_plain(struct request *request, char *bytes, size_t len)
{
    struct trial *trial = &request->trial;
    struct batch batch = {.count = 0};
    if (trial->machine.state == ATTEMPT_HOLDING) {
        if (trial->held.len + len <= HELD_ANSWER_MAX) {
            buf_append(&trial->held, bytes, len);
            if (trial->held.failed)
                request_fail_for_memory(request);
            return;
        }
        if (trial->translation) {
            attempt_broken(request, "bad_answer",
                           "the provider's answer is too large to translate");
            return;
        }
        if (comes_too_late(request))
            return;
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
        note_output(request, trial->held.len);
        keep_end(&trial->tail, trial->held.data, trial->held.len);
        if (!relay_commit(request))
            return;
        relay_held(request, &batch);
    }
    note_output(request, len);
    keep_end(&trial->tail, bytes, len);
    batch_add(request, &batch, bytes, len);
    batch_send(request, &batch);
}

struct str answer_type(const struct request *request)
{
    const struct trial *trial = &request->trial;
    return !trial->translation     ? trial->content_type
           : request->facts.stream ? STR("text/event-stream")
                                   : STR("application/json");
}

static void answer_whole(struct request *request)
{
    struct trial *trial = &request->trial;
    AUTO_BUF struct buf headers;
    UNSET char room[HEADERS_USUAL];
    buf_init_in(&headers, HEADERS_MAX, room, sizeof room);
    answer_headers_write(request, &headers);
    buf_append_str(&headers, trial->extra_headers);
    exchange_answer(TAKE(request->exchange), trial->status, buf_str(&headers), answer_type(request),
                    buf_str(&trial->held));
}

/* Makes what is held, and was read as `root`, the caller's answer. False: it cannot be told in the caller's dialect. */
static bool translate_held(struct request *request, struct json root)
{
    struct trial *trial = &request->trial;
    struct buf *out = &request->gl->translated;
    if (!trial->translation)
        return true;
    meter_estimate(&trial->meter, admission_prompt_bytes(request));
    if (!translate_plain(request, root))
        return false;
    buf_release(&trial->held);
    trial->held = *out;
    buf_init(out, TRANSLATED_MAX);
    return true;
}

/* An answer without its record is an answer all the same: it was paid for. */
static void on_recorded(struct request *request, enum err err, const struct error *error)
{
    if (err != OK)
        log_error("record_close_lost", "job=%s why=\"%s\"", request->id, error->text);
    answer_whole(request);
    request_finish(request);
}

static void held_is_whole(struct request *request)
{
    struct trial *trial = &request->trial;
    struct json root = {0};
    if (json_reserve(request->gl->event_reader, trial->held.len) != OK) {
        request_fail_for_memory(request);
        return;
    }
    switch (meter_answer(&trial->meter, request->gl->event_reader, buf_str(&trial->held), &root)) {
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
    if (comes_too_late(request) || !translate_held(request, root))
        return;
    (void)attempt_step(&trial->machine, ATTEMPT_ON_CONTENT);
    (void)attempt_step(&trial->machine, ATTEMPT_ON_FINISHED);
    attempt_succeeded(request);
    request->is_answered = true;
    request->first_byte_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)trial->held.len;
    (void)receipt_since(&request->receipt, PHASE_HOLD, request->receipt.hold_from);
    repeat_answered(request);
    record_close_put(request, JOB_DONE, relay_done_reason(request), trial->status);
    request->state = REQUEST_ANSWERING;
    record_await(request, on_recorded);
}

void relay_plain_end(struct request *request)
{
    struct batch batch = {.count = 0};
    if (request->trial.machine.state == ATTEMPT_HOLDING) {
        held_is_whole(request);
        return;
    }
    read_usage_at_end(request);
    relay_complete(request, &batch);
}
