/* gateway/reply.c: what comes back from a provider: its head, its errors; answers go on to relay.c. */
#include "gateway/slots.h"
#include "sys/clock.h"

/* Of an error answer: when to come back, for the caller's eyes and for the verdict. */
static bool keep_error_headers(struct request *request, const struct http_head *head,
                               struct buf *lines)
{
    static const struct str pacing[] = {STR_INIT("retry-after"), STR_INIT("retry-after-ms"),
                                        STR_INIT("x-should-retry")};
    struct answer_headers *kept = arena_alloc(&request->arena, sizeof *kept);
    for (size_t i = 0; i < sizeof pacing / sizeof pacing[0]; i++) {
        struct str value = http_header_find(head, pacing[i], NULL);
        if (value.len && value.len <= 64)
            buf_printf(lines, "%.*s: %.*s\r\n", STR_ARG(pacing[i]), STR_ARG(value));
    }
    if (!kept)
        return false;
    memset(kept, 0, sizeof *kept);
    for (size_t i = 0; i < head->header_count; i++) {
        struct str value = str_upto(head->headers[i].value, 128);
        struct answer_headers probe = {0};
        answer_headers_note(&probe, head->headers[i].name, value);
        if (memcmp(&probe, &(struct answer_headers){0}, sizeof probe) != 0)
            answer_headers_note(kept, head->headers[i].name, request_keep(request, value));
    }
    request->trial.error_headers = kept;
    return true;
}

/* The provider's headers that go along to the caller: an allow-list. SPEC.md 3. False without memory. */
static bool keep_headers(struct request *request, const struct http_head *head)
{
    struct trial *trial = &request->trial;
    AUTO_BUF struct buf lines;
    UNSET char room[512];
    buf_init_in(&lines, 4096, room, sizeof room);
    struct str id = http_header_find(head, STR("x-request-id"), NULL);
    if (id.len == 0)
        id = http_header_find(head, STR("request-id"), NULL);
    struct str taken = http_header_find(head, STR("openai-processing-ms"), NULL);
    if (id.len && id.len <= 256)
        buf_printf(&lines, "x-upstream-request-id: %.*s\r\n", STR_ARG(id));
    if (taken.len && taken.len <= 32)
        buf_printf(&lines, "openai-processing-ms: %.*s\r\n", STR_ARG(taken));
    if (head->status >= 400 && !keep_error_headers(request, head, &lines))
        return false;
    if (head->status >= 400 && !attempt_blot(request, lines.data, lines.len))
        return false;
    trial->extra_headers = request_keep(request, buf_str(&lines));
    struct str type = http_header_find(head, STR("content-type"), NULL);
    trial->content_type = request_keep(request, str_upto(type, 128));
    trial->is_sse = str_istarts(type, STR("text/event-stream"));
    return !lines.failed && (!lines.len || trial->extra_headers.len) &&
           (!type.len || trial->content_type.len);
}

/* A head that promises what nobody can pass on ends the try. */
static bool is_as_asked(struct request *request)
{
    const struct trial *trial = &request->trial;
    const char *trouble = NULL;
    if (trial->status >= 300) {
        attempt_broken(request, "redirect_refused",
                       "the provider answered with a redirect; check its base URL");
        return false;
    }
    if (trial->is_coded)
        trouble = "the provider compressed its answer, which it was asked not to";
    else if (trial->is_sse && !request->facts.stream)
        trouble = "the provider answered with a stream that nobody asked for";
    else if (!trial->is_sse && request->is_head_sent)
        trouble = "the provider answered a streaming request without a stream";
    if (trouble)
        attempt_broken(request, "bad_answer", trouble);
    return !trouble;
}

/* "Busy, not begun": the worker's last slot went to itself, or to a job that is not quite over. */
static bool is_turned_away(const struct request *request, const struct http_head *head)
{
    return head->status == 503 && !slot_was_begun(request) &&
           str_eq(http_header_find(head, STR("x-auxot-not-begun"), NULL), STR("1"));
}

/* 102: the worker has begun. */
static void on_interim(void *owner, const struct http_head *head)
{
    if (head->status == 102)
        attempt_has_begun(owner);
}

static void on_connected(void *owner)
{
    struct request *request = owner;
    (void)receipt_since(&request->receipt, PHASE_CONNECT, request->receipt.connect_from);
}

static void on_returned(void *owner, struct detached *detached)
{
    slot_give_connection(owner, detached);
}

static void on_head(void *owner, const struct http_head *head)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    trial->is_not_begun = is_turned_away(request, head);
    if (!trial->is_not_begun)
        attempt_has_begun(request);
    (void)attempt_step(&trial->machine, ATTEMPT_ON_CONNECTED);
    (void)attempt_step(&trial->machine, ATTEMPT_ON_SENT);
    attempt_wipe_head(trial);
    trial->status = head->status;
    trial->note->http_status = head->status;
    trial->note->first_byte_ms =
        (loop_now_ns(request->gl->loop) - trial->note->started_ns) / NS_PER_MS;
    if (!keep_headers(request, head)) {
        request_fail_for_memory(request);
        return;
    }
    struct str coding = http_header_find(head, STR("content-encoding"), NULL);
    trial->is_coded = coding.len > 0 && !str_ieq(coding, STR("identity"));
    if (head->status < 400 && !is_as_asked(request))
        return;
    buf_init(&trial->held, head->status >= 400 ? HELD_ERROR_MAX
                           : trial->is_sse     ? HELD_EVENTS_MAX
                                               : HELD_ANSWER_MAX);
    buf_init(&trial->tail, (size_t)EVENT_MAX + LOOP_SCRATCH_BYTES);
    if (head->status >= 300)
        return;
    (void)attempt_step(&trial->machine, ATTEMPT_ON_ACCEPTED);
    request->receipt.hold_from = clock_monotonic_ns();
    if (trial->is_repeat) /* so it was the option: no more of it */
        live_learn_quirk(trial->live, trial->model, QUIRK_NO_STREAM_OPTIONS);
}

/* The usage option that we added was refused: ask again without it, which is not an attempt. */
static bool is_usage_refused(const struct request *request, const struct verdict_report *report)
{
    const struct trial *trial = &request->trial;
    bool may_be = report->verdict == VERDICT_PARAM || report->verdict == VERDICT_CALLER;
    if (!trial->adds_usage || !may_be)
        return false;
    struct str param = str_of(report->param), body = buf_str(&trial->held);
    return str_find(param, STR("stream_options"), NULL) ||
           str_find(param, STR("include_usage"), NULL) ||
           str_find(body, STR("stream_options"), NULL) ||
           str_find(body, STR("include_usage"), NULL);
}

#define REPEATS_MAX 4
#define FORM_QUIRKS ((unsigned)(QUIRK_TOOLS_BY_RESPONSES | QUIRK_NO_RESPONSES | QUIRK_NO_CHAT))

/* The endpoint that a quirk of form leads to; the present one when it leads nowhere. */
static enum endpoint asked_by(const struct request *request, unsigned quirk)
{
    const struct trial *trial = &request->trial;
    enum endpoint wanted = quirk & QUIRK_NO_RESPONSES ? ENDPOINT_CHAT : ENDPOINT_RESPONSES;
    bool may = quirk & FORM_QUIRKS && trial->provider->speaks & ENDPOINT_BIT(wanted);
    return may ? wanted : trial->asked;
}

/* The provider refused a form that can be avoided: learned, so that the next request begins without it. */
static bool is_lesson(struct request *request, const struct verdict_report *report)
{
    struct trial *trial = &request->trial;
    unsigned quirk = quirk_of_refusal(report, trial->asked, buf_str(&trial->held));
    if (!quirk || trial->quirks & quirk || trial->repeats == REPEATS_MAX)
        return false;
    enum endpoint asked = asked_by(request, quirk);
    bool is_rewritten = trial->translation || quirk & QUIRK_NO_THOUGHTS;
    bool helps = quirk & FORM_QUIRKS ? asked != trial->asked : is_rewritten;
    if (!helps)
        return false;
    live_learn_quirk(trial->live, trial->model, quirk);
    trial->quirks |= quirk;
    trial->asked = asked;
    return true;
}

static void judge_answer(struct request *request)
{
    struct trial *trial = &request->trial;
    struct verdict_report report;
    if (trial->held.failed || /* it holds what fits, so only for memory */
        json_reserve(request->gl->event_reader, trial->held.len) != OK ||
        !attempt_blot(request, trial->held.data, trial->held.len)) {
        request_fail_for_memory(request);
        return;
    }
    static const struct answer_headers none;
    provider_judge(trial->provider->kind, trial->status,
                   trial->error_headers ? trial->error_headers : &none, buf_str(&trial->held),
                   request->gl->event_reader, clock_wall_ms(), &report);
    if (is_lesson(request, &report)) {
        attempt_again(request);
        return;
    }
    if (!is_usage_refused(request, &report)) {
        attempt_failed(request, &report);
        return;
    }
    slot_end(request);
    attempt_take_apart(request);
    trial->is_repeat = true;
    trial->status = 0;
    trial->error_headers = NULL;
    attempt_ask(request);
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    if (trial->status < 400) {
        receipt_relay_begin(&request->receipt);
        relay_bytes(request, bytes, len);
        receipt_relay(&request->receipt);
        return;
    }
    if (trial->is_coded)
        return; /* its status says enough */
    size_t room = HELD_ERROR_MAX - trial->held.len;
    buf_append(&trial->held, bytes, len < room ? len : room);
    if (len < room)
        return;
    call_cancel(TAKE(trial->call)); /* so long an error says no more by going on */
    judge_answer(request);
}

static void upstream_ended(struct request *request)
{
    receipt_relay_begin(&request->receipt);
    relay_upstream_ended(request);
    receipt_relay(&request->receipt);
}

static void on_end(void *owner)
{
    struct request *request = owner;
    request->trial.call = NULL;
    if (request->trial.status < 400)
        slot_end(request);
    if (request->state == REQUEST_DRAINING)
        request_finish(request);
    else if (request->trial.is_not_begun)
        attempt_not_begun(request, "worker_busy");
    else if (request->trial.status >= 400)
        judge_answer(request);
    else
        upstream_ended(request);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    trial->call = NULL;
    relay_flush(request); /* what came before the end */
    if (failure == CALL_FAILED_SILENT)
        slot_doubt(request);
    if (request->state == REQUEST_DRAINING)
        request_finish(request);
    else if (failure == CALL_FAILED_NO_MEMORY)
        request_fail_for_memory(request);
    else if (trial->is_not_begun || !slot_was_begun(request))
        attempt_not_begun(request, call_failure_reason(failure));
    else if (trial->status >= 400)
        judge_answer(request); /* an error that was cut short is still that error */
    else
        attempt_broken(request, call_failure_reason(failure), sentence);
}

static void on_read_done(void *owner)
{
    struct request *request = owner;
    receipt_relay_begin(&request->receipt);
    relay_flush(request);
    receipt_relay(&request->receipt);
}

const struct call_ops attempt_call_ops = {.on_connected = on_connected,
                                          .on_interim = on_interim,
                                          .on_head = on_head,
                                          .on_returned = on_returned,
                                          .on_body = on_body,
                                          .on_read_done = on_read_done,
                                          .on_end = on_end,
                                          .on_failed = on_failed};
