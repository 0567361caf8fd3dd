/* gateway/attempt.c: one try at one provider: send the request, judge what comes back, move on.
 *
 * The policy is domain/attempt.c's table; this file feeds it events and performs its actions. What an
 * error means is providers/'s tables; what it does to the provider is domain/health.c.
 */
#include "gateway/request.h"
#include "base/log.h"
#include "gen/version.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/vault.h"

#include <stdio.h>

#define HEAD_MAX            (48u * 1024)
#define HEAD_USUAL          1024u
#define FORWARDED_VALUE_MAX 4096u
#define SPLICE_MAX          (64u * 1024)

static const struct call_ops call_ops;

/* ---- the upstream's head --------------------------------------------------------------------- */

/* The caller's headers that go along: an allow-list. SPEC.md 3. True when anthropic-version is one. */
static bool forward_headers(const struct http_head *head, struct buf *out)
{
    static const struct str version = STR_INIT("anthropic-version");
    static const struct str forwarded[] = {STR_INIT("anthropic-beta"), STR_INIT("openai-beta"),
                                           STR_INIT("traceparent")};
    bool has_version = false;
    for (size_t h = 0; h < head->header_count; h++) {
        const struct http_header *header = &head->headers[h];
        bool is_version = !has_version && str_ieq(header->name, version);
        bool goes = is_version;
        for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0] && !goes; i++)
            goes = str_ieq(header->name, forwarded[i]); /* lists: each line of them */
        if (!goes || header->value.len == 0 || header->value.len > FORWARDED_VALUE_MAX)
            continue;
        buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(header->name), STR_ARG(header->value));
        has_version |= is_version;
    }
    return has_version;
}

/* Builds the head with the provider's credential, which is opened for this and wiped with the head. */
static enum err write_head(struct request *request, const struct target *target, size_t body_bytes,
                           struct error *error)
{
    struct trial *trial = &request->trial;
    const struct provider_kind_facts *kind = provider_kind_facts(trial->provider->kind);
    const struct http_head *head = exchange_head(request->exchange);
    struct secret *key = NULL;
    enum err err = live_key_open(trial->live, request->gl->gateway->options.vault, &key,
                                 &trial->credential_version, error);
    if (err != OK)
        return err;
    bool is_beta = str_eq(head->query, STR("beta=true")) && request->dialect == DIALECT_ANTHROPIC;
    buf_init(&trial->head, HEAD_MAX);
    if (!buf_reserve(&trial->head, HEAD_USUAL + SECRET_MAX_BYTES)) /* in one piece, nearly always */
        err = ERR_NO_MEMORY;
    buf_printf(&trial->head,
               "POST %s%s%s%s HTTP/1.1\r\nhost: %s\r\nuser-agent: auxot/" AUXOT_VERSION "\r\n"
               "content-type: application/json\r\naccept: %s\r\naccept-encoding: identity\r\n"
               "content-length: %zu\r\nx-client-request-id: %s-%d\r\n",
               target->path, kind->path_prefix, endpoint_facts(request->endpoint)->upstream_path,
               is_beta ? "?beta=true" : "", target->authority,
               request->facts.stream ? "text/event-stream" : "application/json", body_bytes,
               request->id, request->attempt_count);
    bool has_version = forward_headers(head, &trial->head);
    kind->write_defaults(&trial->head, has_version);
    if (!buf_reserve(&trial->head,
                     SECRET_MAX_BYTES + 64)) /* no growing behind the key: no copies */
        err = ERR_NO_MEMORY;
    kind->write_credential(&trial->head, key ? secret_borrow(key) : STR(""));
    buf_puts(&trial->head, "\r\n");
    secret_free(key);
    return err == OK && !trial->head.failed
               ? OK
               : error_set(error, ERR_NO_MEMORY, "no memory for a request head");
}

static void wipe_head(struct trial *trial)
{
    if (trial->head.data)
        secret_wipe(trial->head.data, trial->head.len);
    buf_release(&trial->head);
    buf_release(&trial->splice);
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool wants_usage_added(const struct request *request)
{
    bool may = request->endpoint == ENDPOINT_CHAT || request->endpoint == ENDPOINT_COMPLETIONS;
    if (!may || !request->facts.stream || request->facts.wants_usage)
        return false;
    struct live_provider *live = request->trial.live;
    pthread_mutex_lock(&live->lock);
    bool refuses = live->drops_usage_option;
    pthread_mutex_unlock(&live->lock);
    return !refuses;
}

static enum err send_request(struct request *request, struct error *error)
{
    struct trial *trial = &request->trial;
    const struct snapshot *snapshot = request_snapshot(request);
    size_t index = request->candidates[request->next_candidate - 1].index;
    const struct target *target = &snapshot->targets[index];
    const struct timeouts *timeouts = &trial->provider->timeouts;
    struct body_pieces pieces;
    buf_init(&trial->splice, SPLICE_MAX);
    enum err err = body_splice(buf_str(&request->body), &request->facts, trial->model,
                               trial->adds_usage, &trial->splice, &pieces);
    if (err != OK)
        return error_set(error, err, "no memory for the request to the provider");
    err = write_head(request, target, pieces.total_bytes, error);
    if (err != OK)
        return err;
    struct call_options options = {.target = target,
                                   .piece_count = 1,
                                   .connect_ms = timeouts->connect_ms,
                                   .first_byte_ms = request->facts.stream ? timeouts->first_byte_ms
                                                                          : timeouts->plain_ms,
                                   .idle_ms = timeouts->idle_ms,
                                   .ops = &call_ops,
                                   .owner = request};
    options.pieces[0] = (struct iovec){trial->head.data, trial->head.len};
    for (size_t i = 0; i < pieces.count; i++)
        options.pieces[options.piece_count++] =
            (struct iovec){(char *)(uintptr_t)pieces.piece[i].at, pieces.piece[i].len};
    trial->machine.state = ATTEMPT_CONNECTING;
    trial->call = call_start(request->gl->pool, &options);
    return trial->call ? OK
                       : error_set(error, ERR_NO_MEMORY, "no memory for a call to the provider");
}

static void ask(struct request *request)
{
    struct error error = {0};
    enum err err = send_request(request, &error);
    if (err == ERR_NO_MEMORY)
        request_fail(request, SAY_OVERLOADED, "no_memory",
                     "The server is out of memory; try again.");
    else if (err != OK)
        attempt_broken(request, "key_unreadable", error.text);
}

/* A health trial that told nothing: another may try. */
static void end_health_trial(struct trial *trial)
{
    if (!trial->is_health_trial)
        return;
    pthread_mutex_lock(&trial->live->lock);
    health_end_trial(&trial->live->health);
    pthread_mutex_unlock(&trial->live->lock);
}

/* Notes the try where the record will find it. */
static bool note_attempt(struct request *request)
{
    struct trial *trial = &request->trial;
    struct attempt_note *note = arena_alloc(&request->arena, sizeof *note);
    if (!note)
        return false;
    *note = (struct attempt_note){.provider = trial->provider,
                                  .model = trial->model,
                                  .started_at_ms = clock_wall_ms(),
                                  .started_ns = loop_now_ns(request->gl->loop),
                                  .first_byte_ms = -1,
                                  .input_tokens = TOKENS_UNKNOWN,
                                  .output_tokens = TOKENS_UNKNOWN};
    trial->note = note;
    request->notes[request->attempt_count++] = note;
    return true;
}

static void begin(struct request *request, const struct candidate *candidate, bool is_health_trial)
{
    struct gateway_loop *gl = request->gl;
    struct trial *trial = &request->trial;
    struct error error = {0};
    *trial = (struct trial){.provider = candidate->provider,
                            .live = provider_live(candidate->provider),
                            .model = candidate->model,
                            .is_health_trial = is_health_trial};
    meter_init(&trial->meter, request->endpoint);
    if (!note_attempt(request)) {
        end_health_trial(trial);
        request_fail(request, SAY_OVERLOADED, "no_memory",
                     "The server is out of memory; try again.");
        return;
    }
    atomic_fetch_add_explicit(&trial->live->in_flight, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&trial->live->attempts, 1, memory_order_relaxed);
    count_up(&gl->counters[COUNT_ATTEMPTS], 1);
    if (request->attempt_count > 1)
        count_up(&gl->counters[COUNT_FAILOVERS], 1);
    /* Nothing goes upstream that is not on record. */
    if (request->is_opened) {
        record_progress(request);
    } else if (record_open(request, &error) != OK) {
        request->attempt_count = 0; /* nobody was asked */
        request_fail(request, SAY_OVERLOADED, "record_not_writable", error.text);
        return;
    }
    trial->adds_usage = wants_usage_added(request);
    ask(request);
}

/* ---- which next ------------------------------------------------------------------------------ */

/* What must be true at this very moment, whatever the snapshot said when the list was made. */
static bool may_begin(struct request *request, const struct candidate *candidate,
                      bool *out_is_health_trial)
{
    struct live_provider *live = provider_live(candidate->provider);
    const struct snapshot *newest = request->gl->lease->snapshot;
    if (newest != request_snapshot(request)) {
        const struct provider *now = snapshot_provider(newest, candidate->provider->id);
        if (!now || now->is_paused)
            return false;
    }
    pthread_mutex_lock(&live->lock);
    bool may =
        !live->is_deleted &&
        health_begin_attempt(&live->health, loop_now_ms(request->gl->loop), out_is_health_trial);
    pthread_mutex_unlock(&live->lock);
    return may;
}

/* Too long for one model: only a larger window, or an unknown one, is worth a try. */
static bool is_large_enough(const struct request *request, const struct candidate *candidate)
{
    const struct model *model = provider_model(candidate->provider, candidate->model);
    if (!request->kept_error.is_long || !model || model->context_tokens < 0 ||
        request->kept_error.context_tokens < 0)
        return true;
    return model->context_tokens > request->kept_error.context_tokens;
}

/* What was said of a model is the caller's answer when nothing else went wrong. */
static void relay_kept(struct request *request)
{
    const struct kept_error *kept = &request->kept_error;
    struct trial *trial = &request->trial; /* it is over: from here it tells who answered */
    trial->provider = kept->provider;
    trial->model = kept->model;
    trial->extra_headers = kept->extra_headers;
    meter_init(&trial->meter, request->endpoint);
    str_copy(str_of(kept->sentence), request->last_sentence, sizeof request->last_sentence);
    attempt_relay_error(request, kept->status, kept->content_type, kept->body, kept->reason);
}

/* How long until the first provider may be asked again: as routing sees it now, others than those that
 * were tried included, else as they told. */
static void all_over_quota(struct request *request)
{
    char sentence[400];
    if (request_plan(request) == ROUTE_ALL_OVER_QUOTA)
        request->quota_wait_ms = request->gl->plan.wait_ms;
    snprintf(sentence, sizeof sentence,
             "Every provider that could answer is over its quota. The last one said: %s",
             request->last_sentence);
    request_fail(request, SAY_ALL_OVER_QUOTA, "all_over_quota", sentence);
}

/* Each candidate changed under our hands, or others were faster. */
static void nobody_asked(struct request *request)
{
    if (request_plan(request) != ROUTE_OK)
        request_fail_unrouted(request);
    else
        request_fail(request, SAY_OVERLOADED, "no_candidate",
                     "No provider may be asked at this moment; try again.");
}

static void exhausted(struct request *request)
{
    char sentence[400];
    if (request->attempt_count == 0) {
        nobody_asked(request);
        return;
    }
    if (request->kept_error.status && !request->has_met_quota && !request->has_met_trouble) {
        relay_kept(request);
        return;
    }
    if (request->has_met_quota && !request->has_met_trouble) {
        all_over_quota(request);
        return;
    }
    snprintf(sentence, sizeof sentence,
             "No provider could answer (%d tried). The last one said: %s", request->attempt_count,
             request->last_sentence);
    request_fail(request, SAY_ATTEMPTS_EXHAUSTED, "attempts_exhausted", sentence);
}

void attempt_next(struct request *request)
{
    struct gateway_loop *gl = request->gl;
    int most = gl->gateway->options.max_attempts;
    if (most < 1 || most > ATTEMPTS_MAX)
        most = ATTEMPTS_MAX;
    while (request->next_candidate < request->candidate_count && request->attempt_count < most) {
        const struct candidate *candidate = &request->candidates[request->next_candidate++];
        bool is_health_trial = false;
        if (!is_large_enough(request, candidate))
            continue;
        if (!may_begin(request, candidate, &is_health_trial))
            continue; /* a lost race is not an attempt */
        if (request->attempt_count >= 2 &&
            !retry_budget_take(&gl->retries, loop_now_ms(gl->loop))) {
            struct trial unbegun = {.live = provider_live(candidate->provider),
                                    .is_health_trial = is_health_trial};
            end_health_trial(&unbegun);
            break;
        }
        begin(request, candidate, is_health_trial);
        return;
    }
    exhausted(request);
}

/* ---- how a try ends -------------------------------------------------------------------------- */

void attempt_take_apart(struct request *request)
{
    struct trial *trial = &request->trial;
    wipe_head(trial);
    buf_release(&trial->held);
    buf_release(&trial->tail);
}

static void close_note(struct request *request, const char *outcome, const char *reason)
{
    struct trial *trial = &request->trial;
    struct attempt_note *note = trial->note;
    if (!note || note->outcome)
        return;
    if (trial->has_spent && request->endpoint != ENDPOINT_COUNT_TOKENS)
        meter_estimate(&trial->meter, (int64_t)request->body_bytes);
    note->outcome = outcome;
    note->ended_at_ms = clock_wall_ms();
    note->input_tokens = trial->meter.usage.input_tokens;
    note->output_tokens = trial->meter.usage.output_tokens;
    str_copy(str_of(reason), note->reason, sizeof note->reason);
    atomic_fetch_sub_explicit(&trial->live->in_flight, 1, memory_order_relaxed);
}

void attempt_cancel(struct request *request, const char *outcome, const char *reason)
{
    struct trial *trial = &request->trial;
    trial->has_spent |= trial->call != NULL; /* it was asked, and may have worked on it */
    if (trial->call)
        call_cancel(TAKE(trial->call));
    if (!trial->note || trial->note->outcome || !outcome)
        return;
    if (trial->machine.state != ATTEMPT_ENDED)
        (void)attempt_step(&trial->machine, ATTEMPT_ON_CLIENT_GONE);
    close_note(request, outcome, reason);
    end_health_trial(trial);
}

void attempt_succeeded(struct request *request)
{
    struct trial *trial = &request->trial;
    struct live_provider *live = trial->live;
    struct attempt_note *note = trial->note;
    trial->has_spent = true;
    close_note(request, "ok", "");
    pthread_mutex_lock(&live->lock);
    health_on_success(&live->health, loop_now_ms(request->gl->loop));
    live->heartbeat_at_ms = note->ended_at_ms;
    if (note->first_byte_ms >= 0)
        live->latency_ms = live->latency_ms ? (live->latency_ms * 7 + note->first_byte_ms) / 8
                                            : note->first_byte_ms;
    pthread_mutex_unlock(&live->lock);
}

static bool is_providers_fault(enum verdict verdict)
{
    return verdict != VERDICT_CALLER && verdict != VERDICT_PARAM && verdict != VERDICT_LONG &&
           verdict != VERDICT_POLICY;
}

static void tell_health(struct request *request, const struct verdict_report *report)
{
    struct trial *trial = &request->trial;
    struct live_provider *live = trial->live;
    pthread_mutex_lock(&live->lock);
    enum provider_state before = live->health.state;
    health_on_failure(&live->health, report, trial->model, trial->credential_version,
                      live->credential_version, loop_now_ms(request->gl->loop), random_unit());
    if (trial->is_health_trial)
        health_end_trial(&live->health);
    enum provider_state after = live->health.state;
    if (report->http_status)
        live->heartbeat_at_ms = clock_wall_ms();
    pthread_mutex_unlock(&live->lock);
    if (is_providers_fault(report->verdict))
        atomic_fetch_add_explicit(&live->failures, 1, memory_order_relaxed);
    if (after != before)
        log_warn("provider_state", "provider=%s from=%s to=%s reason=%s", trial->provider->slug,
                 provider_state_name(before), provider_state_name(after), report->reason);
}

static struct str keep_text(struct request *request, struct str text)
{
    char *copy = arena_dup(&request->arena, text.at, text.len);
    return copy ? (struct str){copy, text.len} : STR("");
}

/* Keeps a provider's own error that the caller may have to see in the end. */
static void keep_error(struct request *request, const struct verdict_report *report)
{
    const struct trial *trial = &request->trial;
    const struct model *model = provider_model(trial->provider, trial->model);
    request->kept_error = (struct kept_error){
        .status = trial->status,
        .provider = trial->provider,
        .model = trial->model,
        .extra_headers = trial->extra_headers,
        .content_type = trial->content_type,
        .body = keep_text(request, buf_str(&trial->held)),
        .reason = keep_text(request, str_of(report->reason)).at,
        .sentence = keep_text(request, str_of(report->sentence)).at,
        .is_long = report->verdict == VERDICT_LONG,
        .context_tokens = model ? model->context_tokens : -1,
    };
}

/* To a client that has its head already: what the provider said in a stream, or an event of ours. */
static void relay_error_late(struct request *request, struct str content_type, struct str body)
{
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
    record_close(request, JOB_FAILED, reason, request->is_head_sent ? 200 : status);
    if (request->is_head_sent) {
        relay_error_late(request, content_type, body);
        request_finish(request);
        return;
    }
    struct str extra = request->trial.extra_headers;
    AUTO_BUF struct buf headers;
    buf_init(&headers, 8192);
    answer_headers_write(request, &headers);
    buf_append_str(&headers, extra);
    if (status >= 400 && !str_ifind(extra, STR("x-should-retry"), NULL))
        buf_puts(&headers, "x-should-retry: false\r\n"); /* the same again meets the same */
    exchange_answer(TAKE(request->exchange), status, buf_str(&headers),
                    content_type.len ? content_type : STR("application/json"), body);
    request_finish(request);
}

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
    request->has_met_trouble |= !is_quota && !is_about_model(report);
    if (is_quota && report->retry_after_ms > 0 &&
        (request->quota_wait_ms == 0 || report->retry_after_ms < request->quota_wait_ms))
        request->quota_wait_ms = report->retry_after_ms;
    str_copy(str_of(report->sentence), request->last_sentence, sizeof request->last_sentence);
    if (is_about_model(report) && !request->is_pinned)
        keep_error(request, report);
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
    trial->has_spent = action == ATTEMPT_CUT_STREAM;
    close_note(request, "failed", report->reason);
    switch (action) {
    case ATTEMPT_TRY_NEXT:
        attempt_take_apart(request);
        request_reroute(request);
        attempt_next(request);
        return;
    case ATTEMPT_RELAY_ERROR: {
        struct buf held = trial->held;
        trial->held = (struct buf){0};
        attempt_relay_error(request, trial->status, trial->content_type, buf_str(&held),
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

void attempt_judge_event(struct request *request)
{
    struct trial *trial = &request->trial;
    const struct meter *meter = &trial->meter;
    struct verdict_report report;
    provider_judge_event(trial->provider->kind, meter->error_status, meter->error_type,
                         meter->error_code, meter->error_message, clock_wall_ms(), &report);
    attempt_failed(request, &report);
}

/* ---- what comes back ------------------------------------------------------------------------- */

/* The provider's headers that go along to the caller: an allow-list. SPEC.md 3. */
static void keep_headers(struct request *request, const struct http_head *head)
{
    struct trial *trial = &request->trial;
    AUTO_BUF struct buf lines;
    buf_init(&lines, 4096);
    struct str id = http_header_find(head, STR("x-request-id"), NULL);
    if (id.len == 0)
        id = http_header_find(head, STR("request-id"), NULL);
    struct str taken = http_header_find(head, STR("openai-processing-ms"), NULL);
    if (id.len && id.len <= 256)
        buf_printf(&lines, "x-upstream-request-id: %.*s\r\n", STR_ARG(id));
    if (taken.len && taken.len <= 32)
        buf_printf(&lines, "openai-processing-ms: %.*s\r\n", STR_ARG(taken));
    if (head->status >= 400) {
        static const struct str pacing[] = {STR_INIT("retry-after"), STR_INIT("retry-after-ms"),
                                            STR_INIT("x-should-retry")};
        for (size_t i = 0; i < sizeof pacing / sizeof pacing[0]; i++) {
            struct str value = http_header_find(head, pacing[i], NULL);
            if (value.len && value.len <= 64)
                buf_printf(&lines, "%.*s: %.*s\r\n", STR_ARG(pacing[i]), STR_ARG(value));
        }
        for (size_t i = 0; i < head->header_count; i++) {
            struct str value = str_upto(head->headers[i].value, 128);
            struct answer_headers probe = {0};
            answer_headers_note(&probe, head->headers[i].name, value);
            if (memcmp(&probe, &(struct answer_headers){0}, sizeof probe) != 0)
                answer_headers_note(&trial->error_headers, head->headers[i].name,
                                    keep_text(request, value));
        }
    }
    trial->extra_headers = keep_text(request, buf_str(&lines));
    struct str type = http_header_find(head, STR("content-type"), NULL);
    trial->content_type = keep_text(request, str_upto(type, 128));
    trial->is_sse = str_istarts(type, STR("text/event-stream"));
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

static void on_head(void *owner, const struct http_head *head)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    (void)attempt_step(&trial->machine, ATTEMPT_ON_CONNECTED);
    (void)attempt_step(&trial->machine, ATTEMPT_ON_SENT);
    wipe_head(trial);
    trial->status = head->status;
    trial->note->http_status = head->status;
    trial->note->first_byte_ms =
        (loop_now_ns(request->gl->loop) - trial->note->started_ns) / NS_PER_MS;
    keep_headers(request, head);
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
    if (!trial->is_repeat)
        return;
    pthread_mutex_lock(&trial->live->lock); /* so it was the option: no more of it */
    trial->live->drops_usage_option = true;
    pthread_mutex_unlock(&trial->live->lock);
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

static void judge_answer(struct request *request)
{
    struct trial *trial = &request->trial;
    struct verdict_report report;
    provider_judge(trial->provider->kind, trial->status, &trial->error_headers,
                   buf_str(&trial->held), request->gl->event_reader, clock_wall_ms(), &report);
    if (!is_usage_refused(request, &report)) {
        attempt_failed(request, &report);
        return;
    }
    attempt_take_apart(request);
    trial->adds_usage = false;
    trial->is_repeat = true;
    trial->status = 0;
    trial->error_headers = (struct answer_headers){0};
    ask(request);
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    if (trial->status < 400) {
        relay_bytes(request, bytes, len);
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

static void on_end(void *owner)
{
    struct request *request = owner;
    request->trial.call = NULL;
    if (request->state == REQUEST_DRAINING)
        request_finish(request);
    else if (request->trial.status >= 400)
        judge_answer(request);
    else
        relay_upstream_ended(request);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct request *request = owner;
    struct trial *trial = &request->trial;
    trial->call = NULL;
    if (request->state == REQUEST_DRAINING)
        request_finish(request);
    else if (trial->status >= 400)
        judge_answer(request); /* an error that was cut short is still that error */
    else
        attempt_broken(request, call_failure_reason(failure), sentence);
}

static const struct call_ops call_ops = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};
