/* gateway/attempt_end.c: how a try ends: well, cancelled, not begun, or failed; and what its end does to the provider.
 *
 * The policy is domain/attempt.c's table. What an error means is providers/'s tables; what it does to the provider is
 * domain/health.c.
 */
#include "gateway/slots.h"
#include "gateway/translate.h"
#include "gateway/workers.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/random.h"

#define WORKER_DEATHS_MAX 3 /* F43 */
#define NOT_BEGUN_MAX     16

/* ---- its note ---------------------------------------------------------------------------------- */

void attempt_end_health_trial(struct trial *trial)
{
    if (!trial->is_health_trial)
        return;
    pthread_mutex_lock(&trial->live->lock);
    health_end_trial(&trial->live->health);
    pthread_mutex_unlock(&trial->live->lock);
    trial->is_health_trial = false;
}

/* Its tokens and what they cost, posted once. A provider that began to tell what it took has taken it, also when it
 * failed afterwards: what it did not get to say is estimated, as is what a cut stream relayed. */
static void settle_note(struct request *request, struct attempt_note *note)
{
    struct trial *trial = &request->trial;
    const struct usage *told = &trial->meter.usage;
    bool has_told = told->input_tokens >= 0 || told->output_tokens >= 0;
    if ((trial->has_spent || has_told) && request->endpoint != ENDPOINT_COUNT_TOKENS)
        meter_estimate(&trial->meter, admission_prompt_bytes(request));
    note->usage = *told;
    note->cost_microusd =
        price_cost(snapshot_price(request_snapshot(request), trial->provider, trial->model), told);
}

static void close_note(struct request *request, const char *outcome, const char *reason)
{
    struct trial *trial = &request->trial;
    struct attempt_note *note = trial->note;
    if (!note || note->outcome)
        return;
    settle_note(request, note);
    note->outcome = outcome;
    note->ended_at_ms = loop_wall_ms(request->gl->loop);
    str_copy(str_of(reason), note->reason, sizeof note->reason);
    atomic_fetch_sub_explicit(&trial->live->in_flight, 1, memory_order_relaxed);
}

/* ---- cancelled, not begun, well ---------------------------------------------------------------- */

void attempt_cancel(struct request *request, const char *outcome, const char *reason)
{
    struct trial *trial = &request->trial;
    trial->has_spent |= trial->call != NULL; /* it was asked, and may have worked on it */
    if (trial->call)
        call_cancel(TAKE(trial->call));
    slot_end(request);
    if (trial->live && !trial->note)
        attempt_end_health_trial(trial); /* it was still being translated */
    if (!trial->note || trial->note->outcome || !outcome)
        return;
    if (trial->machine.state != ATTEMPT_ENDED)
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CLIENT_GONE);
    close_note(request, outcome, reason);
    attempt_end_health_trial(trial);
}

void attempt_not_begun(struct request *request, const char *reason)
{
    struct trial *trial = &request->trial;
    if (trial->call)
        call_cancel(TAKE(trial->call));
    if (trial->repeats > 0 || trial->is_repeat) { /* it had begun once */
        attempt_broken(request, reason, "the worker did not begin again");
        return;
    }
    log_debug("not_begun", "job=%s worker=%s why=%s", request->id, slot_worker_id(request), reason);
    attempt_end_health_trial(trial);
    if (trial->note) {
        atomic_fetch_sub_explicit(&trial->live->in_flight, 1, memory_order_relaxed);
        request->attempt_count--;
    }
    slot_note_not_begun(request);
    slot_end(request);
    attempt_take_apart(request);
    *trial = (struct trial){.call = NULL};
    if (++request->not_begun <= NOT_BEGUN_MAX)
        slots_retake(request);
    else
        request_fail(request, SAY_OVERLOADED, "workers_busy",
                     "Workers took the request and had no room for it after all; try again.");
}

void attempt_succeeded(struct request *request)
{
    struct trial *trial = &request->trial;
    struct live_provider *live = trial->live;
    struct attempt_note *note = trial->note;
    trial->has_spent = true;
    close_note(request, "ok", "");
    pthread_mutex_lock(&live->lock);
    enum provider_state before = live->health.state;
    health_on_success(&live->health, loop_now_ms(request->gl->loop));
    bool has_changed = live->health.state != before;
    live_note(live, loop_now_ms(request->gl->loop));
    live->heartbeat_at_ms = note->ended_at_ms;
    if (note->first_byte_ms >= 0)
        live->latency_ms = live->latency_ms ? (live->latency_ms * 7 + note->first_byte_ms) / 8
                                            : note->first_byte_ms;
    pthread_mutex_unlock(&live->lock);
    if (has_changed)
        workers_health_changed(request->gl->gateway->workers, trial->provider);
}

/* ---- failed: for the provider ------------------------------------------------------------------ */

static bool is_providers_fault(enum verdict verdict)
{
    return verdict != VERDICT_CALLER && verdict != VERDICT_PARAM && verdict != VERDICT_LONG &&
           verdict != VERDICT_POLICY;
}

static void tell_health(struct request *request, const struct verdict_report *report)
{
    struct trial *trial = &request->trial;
    struct live_provider *live = trial->live;
    bool is_workers_own = slot_note_verdict(request, report);
    pthread_mutex_lock(&live->lock);
    enum provider_state before = live->health.state;
    if (!is_workers_own)
        health_on_failure(&live->health, report, trial->model, trial->credential_version,
                          live->credential_version, loop_now_ms(request->gl->loop), random_unit());
    if (trial->is_health_trial)
        health_end_trial(&live->health);
    enum provider_state after = live->health.state;
    if (report->http_status)
        live->heartbeat_at_ms = clock_wall_ms();
    live_note(live, loop_now_ms(request->gl->loop));
    pthread_mutex_unlock(&live->lock);
    if (is_providers_fault(report->verdict))
        atomic_fetch_add_explicit(&live->failures, 1, memory_order_relaxed);
    if (after != before)
        workers_health_changed(request->gl->gateway->workers, trial->provider);
    if (after != before)
        log_warn("provider_state", "provider=%s from=%s to=%s reason=%s", trial->provider->slug,
                 provider_state_name(before), provider_state_name(after), report->reason);
}

/* ---- failed: for the caller -------------------------------------------------------------------- */

/* Keeps a provider's own error that the caller may have to see in the end. */
static void keep_error(struct request *request, const struct verdict_report *report)
{
    const struct trial *trial = &request->trial;
    request->kept_error = (struct kept_error){
        .status = trial->status,
        .provider = trial->provider,
        .model = trial->model,
        .extra_headers = trial->extra_headers,
        .content_type = trial->content_type,
        .body = request_keep(request, buf_str(&trial->held)),
        .asked = trial->asked,
        .reason = request_keep(request, str_of(report->reason)).at,
        .sentence = request_keep(request, str_of(report->sentence)).at,
        .is_long = report->verdict == VERDICT_LONG,
        .context_tokens = trial->context_tokens,
    };
}

/* The status that tells best what the provider's error was. */
static enum say say_of_status(int status)
{
    switch (status) {
    case 413: return SAY_BODY_TOO_LARGE;
    case 404: return SAY_NO_MODEL;
    case 429: return SAY_RATE_LIMITED;
    default: return status >= 500 ? SAY_ATTEMPTS_EXHAUSTED : SAY_BAD_REQUEST;
    }
}

/* To a client that has its head already: what the provider said in a stream, or an event of ours. */
static void relay_error_late(struct request *request, int status, struct str content_type,
                             struct str body)
{
    if (request->trial.asked != request->endpoint) {
        relay_cut(request, request->has_met_long ? SAY_TOO_LONG : say_of_status(status),
                  request->last_sentence);
        return;
    }
    if (!str_istarts(content_type, STR("text/event-stream"))) {
        relay_cut(request, SAY_BAD_REQUEST, request->last_sentence);
        return;
    }
    struct iovec piece = {(char *)(uintptr_t)body.at, body.len};
    exchange_send_finish(TAKE(request->exchange), &piece, 1);
}

void attempt_relay_error(struct request *request, int status, struct str content_type,
                         struct str body, const char *reason)
{
    request->is_answered = true;
    request->ended = reason;
    record_close(request, JOB_FAILED, reason, request->is_head_sent ? 200 : status);
    if (request->is_head_sent) {
        relay_error_late(request, status, content_type, body);
        request_finish(request);
        return;
    }
    struct str extra = request->trial.extra_headers;
    AUTO_BUF struct buf headers;
    UNSET char room[HEADERS_USUAL];
    buf_init_in(&headers, HEADERS_MAX, room, sizeof room);
    answer_headers_write(request, &headers);
    buf_append_str(&headers, extra);
    if (status >= 400 && !str_ifind(extra, STR("x-should-retry"), NULL))
        buf_puts(&headers, "x-should-retry: false\r\n"); /* the same again meets the same */
    if (request->trial.asked != request->endpoint) {
        answer_foreign_error(request, status, buf_str(&headers), body);
    } else {
        exchange_answer(TAKE(request->exchange), status, buf_str(&headers),
                        content_type.len ? content_type : STR("application/json"), body);
    }
    request_finish(request);
}

/* ---- failed: what next ------------------------------------------------------------------------- */

static bool is_about_model(const struct verdict_report *report)
{
    return report->verdict == VERDICT_MODEL || report->verdict == VERDICT_LONG;
}

/* May another candidate be asked after this verdict? A pin shows its provider's own words. */
static bool moves_on(const struct request *request, const struct verdict_report *report)
{
    if (!verdict_moves_on(report->verdict))
        return false;
    return !is_about_model(report) || !request->is_pinned;
}

static void remember(struct request *request, const struct verdict_report *report)
{
    bool is_quota = report->verdict == VERDICT_LIMIT || report->verdict == VERDICT_SPENT;
    request->has_met_quota |= is_quota;
    request->has_met_long = report->verdict == VERDICT_LONG;
    request->has_met_trouble |= !is_quota && !is_about_model(report);
    if (is_quota && report->retry_after_ms > 0 &&
        (request->quota_wait_ms == 0 || report->retry_after_ms < request->quota_wait_ms))
        request->quota_wait_ms = report->retry_after_ms;
    request->last_sentence = request_keep(request, str_of(report->sentence)).at;
    if (is_about_model(report) && !request->is_pinned)
        keep_error(request, report);
}

/* An error inside a 200 has a status of its own when it cannot be shown as it came. What the caller did wrong is a 400,
 * also where the provider took it for a fault of its own (llama-server): clients ask again after a 500. */
static int status_of(const struct trial *trial, const struct verdict_report *report)
{
    bool is_as_it_came = !trial->translation || trial->status >= 400;
    int status = is_as_it_came ? trial->status : report->http_status;
    bool is_callers = report->verdict == VERDICT_CALLER && status >= 500;
    return is_callers || (!is_as_it_came && status < 400) ? 400 : status;
}

void attempt_failed(struct request *request, const struct verdict_report *report)
{
    struct trial *trial = &request->trial;
    enum attempt_event event = !moves_on(request, report)           ? ATTEMPT_ON_REFUSED
                               : report->verdict == VERDICT_NETWORK ? ATTEMPT_ON_BROKEN
                                                                    : ATTEMPT_ON_UNAVAILABLE;
    if (trial->machine.state == ATTEMPT_CONNECTING && event != ATTEMPT_ON_BROKEN)
        trial->machine.state = ATTEMPT_WAITING;
    enum attempt_action action = attempt_step(&trial->machine, event);
    if (trial->call)
        call_cancel(TAKE(trial->call));
    remember(request, report);
    tell_health(request, report);
    request->was_cut =
        report->verdict == VERDICT_NETWORK && trial->note && trial->note->worker[0] != '\0';
    request->worker_deaths += request->was_cut;
    slot_avoid(request);
    slot_end(request);
    trial->has_spent = action == ATTEMPT_CUT_STREAM;
    close_note(request, "failed", report->reason);
    switch (action) {
    case ATTEMPT_TRY_NEXT:
        outcomes_moved_on(&request->gl->gateway->outcomes, report->reason,
                          loop_now_ms(request->gl->loop));
        attempt_take_apart(request);
        if (request->worker_deaths >= WORKER_DEATHS_MAX) {
            request_fail(request, SAY_ATTEMPTS_EXHAUSTED, "poison",
                         "Each of several workers failed in the middle of this request; it is not "
                         "given to another.");
            return;
        }
        request_reroute(request);
        attempt_next(request);
        return;
    case ATTEMPT_RELAY_ERROR: {
        struct buf held = trial->held;
        trial->held = (struct buf){0};
        attempt_relay_error(request, status_of(trial, report), trial->content_type, buf_str(&held),
                            report->reason);
        buf_release(&held);
        return;
    }
    case ATTEMPT_CUT_STREAM:
        record_close(request, JOB_FAILED, report->reason, 200);
        relay_cut(request, SAY_ATTEMPTS_EXHAUSTED, report->sentence);
        request_finish(request);
        return;
    default:
        log_error("attempt_illegal", "job=%s state=%s event=%d", request->id,
                  attempt_state_name(trial->machine.state), (int)event);
        request_fail(request, SAY_INTERNAL, "internal",
                     "The server met a state that should not exist.");
    }
}

void attempt_broken(struct request *request, const char *reason, const char *sentence)
{
    struct verdict_report report = {.verdict = VERDICT_NETWORK, .retry_after_ms = RETRY_UNKNOWN_MS};
    report.http_status = request->trial.status;
    str_copy(str_of(reason), report.reason, sizeof report.reason);
    str_copy(str_of(sentence), report.sentence, sizeof report.sentence);
    attempt_failed(request, &report);
}

static bool blot_event(struct request *request)
{
    struct trial *trial = &request->trial;
    struct meter *meter = &trial->meter;
    return attempt_blot(request, trial->held.data, trial->held.len) &&
           attempt_blot(request, meter->error_message, strlen(meter->error_message)) &&
           attempt_blot(request, meter->error_type, strlen(meter->error_type)) &&
           attempt_blot(request, meter->error_code, strlen(meter->error_code));
}

void attempt_judge_event(struct request *request)
{
    struct trial *trial = &request->trial;
    struct meter *meter = &trial->meter;
    struct verdict_report report;
    if (!blot_event(request)) {
        buf_clear(&trial->held); /* after COMMIT it would be the stream's last word */
        request_fail_for_memory(request);
        return;
    }
    provider_judge_event(trial->provider->kind, meter->error_status, meter->error_type,
                         meter->error_code, meter->error_message, clock_wall_ms(), &report);
    attempt_failed(request, &report);
}
