/* gateway/attempt.c: one try at one provider after the other: which next, and its beginning. Its end: attempt_end.c.
 *
 * The policy is domain/attempt.c's table; this file and reply.c feed it events and perform its actions. What an
 * error means is providers/'s tables; what it does to the provider is domain/health.c.
 */
#include "gateway/slots.h"
#include "gateway/translate.h"
#include "sys/clock.h"

#include <stdio.h>

/* ---- beginning ------------------------------------------------------------------------------- */

/* Notes the try where the record will find it. */
static bool note_attempt(struct request *request)
{
    struct trial *trial = &request->trial;
    struct attempt_note *note = arena_alloc(&request->arena, sizeof *note);
    if (!note)
        return false;
    *note = (struct attempt_note){.provider = trial->provider,
                                  .model = trial->model,
                                  .chosen = route_reason_code(trial->chosen),
                                  .started_at_ms = loop_wall_ms(request->gl->loop),
                                  .started_ns = loop_now_ns(request->gl->loop),
                                  .first_byte_ms = -1,
                                  .cost_microusd = COST_UNKNOWN};
    usage_init(&note->usage);
    str_copy(str_of(slot_worker_id(request)), note->worker, sizeof note->worker);
    trial->note = note;
    request->notes[request->attempt_count++] = note;
    return true;
}

static void fail_unrecorded(struct request *request, const struct error *error)
{
    request->attempt_count = 0; /* nobody was asked */
    request_fail(request, SAY_OVERLOADED, "record_not_writable", error->text);
}

static void on_recorded(struct request *request, enum err err, const struct error *error)
{
    if (err == OK)
        attempt_ask(request);
    else
        fail_unrecorded(request, error);
}

/* In the figures: an attempt at a worker is one only when it has begun. */
static void count_attempt(struct request *request)
{
    struct gateway_loop *gl = request->gl;
    struct trial *trial = &request->trial;
    if (trial->is_counted)
        return;
    trial->is_counted = true;
    atomic_fetch_add_explicit(&trial->live->attempts, 1, memory_order_relaxed);
    count_up(&gl->counters[COUNT_ATTEMPTS], 1);
    if (request->attempt_count > 1)
        count_up(&gl->counters[COUNT_FAILOVERS], 1);
}

void attempt_has_begun(struct request *request)
{
    slot_has_begun(request);
    count_attempt(request);
}

/* Everything is ready: on record first, then to the provider. */
static void ask(struct request *request)
{
    struct trial *trial = &request->trial;
    struct error error = {0};
    if (trial->note) { /* again, in another form: the same attempt */
        attempt_ask(request);
        return;
    }
    if (!note_attempt(request)) {
        attempt_end_health_trial(trial);
        request_fail_for_memory(request);
        return;
    }
    atomic_fetch_add_explicit(&trial->live->in_flight, 1, memory_order_relaxed);
    if (slot_was_begun(request)) /* no worker's */
        count_attempt(request);
    /* Nothing goes upstream that is not on record. */
    if (request->is_opened) {
        record_progress(request);
        attempt_ask(request);
    } else if (record_open(request, &error) != OK) {
        fail_unrecorded(request, &error);
    } else {
        record_await(request, on_recorded);
    }
}

/* What became of a translation. False: this candidate is unfit, and nobody has heard of it. */
static bool go_on(struct request *request, enum translated outcome)
{
    switch (outcome) {
    case TRANSLATED_READY: ask(request); return true;
    case TRANSLATED_AWAY: return true;
    case TRANSLATED_UNFIT:
        if (request->trial.note) {
            attempt_broken(request, request->unfit_reason, request->unfit_sentence);
            return true;
        }
        attempt_end_health_trial(&request->trial);
        attempt_take_apart(request);
        return false;
    case TRANSLATED_FAILED: break;
    }
    attempt_end_health_trial(&request->trial);
    request_fail_for_memory(request);
    return true;
}

void attempt_translated(struct request *request, enum translated outcome)
{
    if (go_on(request, outcome))
        return;
    slot_end(request); /* it was held while the translation was away */
    attempt_next(request);
}

void attempt_again(struct request *request)
{
    struct trial *trial = &request->trial;
    slot_end(request); /* its worker may take another job before it hears of this one again */
    attempt_take_apart(request);
    trial->status = 0;
    trial->error_headers = NULL;
    trial->repeats++;
    meter_init(&trial->meter, trial->asked);
    if (trial->asked == request->endpoint)
        (void)go_on(request, TRANSLATED_READY);
    else
        (void)go_on(request, translate_request(request));
}

/* False: it turned out unfit. */
static bool begin(struct request *request, const struct candidate *candidate, bool is_health_trial)
{
    struct trial *trial = &request->trial;
    struct live_provider *live = provider_live(candidate->provider);
    *trial = (struct trial){.provider = candidate->provider,
                            .live = live,
                            .model = candidate->model,
                            .asked = candidate->asked,
                            .chosen = candidate->reason,
                            .rank = candidate->rank,
                            .quirks =
                                quirks_join(candidate->quirks, live_quirks(live, candidate->model)),
                            .context_tokens = candidate->context_tokens,
                            .max_output_tokens = candidate->max_output_tokens,
                            .ceiling = admission_ceiling(request, candidate),
                            .is_health_trial = is_health_trial};
    trial->is_lowered = trial->ceiling >= 0 && request->facts.max_output_tokens > trial->ceiling;
    meter_init(&trial->meter, trial->asked);
    if (trial->asked == request->endpoint)
        return go_on(request, TRANSLATED_READY);
    return go_on(request, translate_request(request));
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

bool attempt_is_large_enough(const struct request *request, const struct candidate *candidate)
{
    if (!request->kept_error.is_long || candidate->context_tokens < 0 ||
        request->kept_error.context_tokens < 0)
        return true;
    return candidate->context_tokens > request->kept_error.context_tokens;
}

/* What was said of a model is the caller's answer when nothing else went wrong. */
static void relay_kept(struct request *request)
{
    const struct kept_error *kept = &request->kept_error;
    struct trial *trial = &request->trial; /* it is over: from here it tells who answered */
    trial->provider = kept->provider;
    trial->model = kept->model;
    trial->extra_headers = kept->extra_headers;
    trial->asked = kept->asked;
    request->has_met_long = kept->is_long;
    meter_init(&trial->meter, kept->asked);
    request->last_sentence = kept->sentence;
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

/* No slot was free, or became free in time. */
static void fail_for_slot(struct request *request)
{
    char sentence[160];
    const char *reason = request->is_crowded       ? "queue_full"
                         : request->waited_ms == 0 ? "no_slot"
                                                   : "queue_timeout";
    if (request->is_crowded)
        snprintf(sentence, sizeof sentence,
                 "Too many requests wait for a free worker already; try again in a moment.");
    else if (request->waited_ms == 0)
        snprintf(sentence, sizeof sentence,
                 "Every provider that could answer is busy, and the request may not wait.");
    else
        snprintf(sentence, sizeof sentence,
                 "Every provider that could answer was busy for %lld s; try again in a moment.",
                 (long long)(request->waited_ms + 999) / 1000);
    request_fail(request, SAY_OVERLOADED, reason, sentence);
}

/* Each candidate changed under our hands, or others were faster. */
static void nobody_asked(struct request *request)
{
    if (request->unfit_sentence)
        request_fail(request, SAY_BAD_REQUEST, request->unfit_reason, request->unfit_sentence);
    else if (request->seat && request_plan(request) == ROUTE_OK)
        fail_for_slot(request);
    else if (request_plan(request) != ROUTE_OK)
        request_fail_unrouted(request);
    else
        request_fail(request, SAY_OVERLOADED, "no_candidate",
                     "No provider may be asked at this moment; try again.");
}

static void exhausted(struct request *request)
{
    char sentence[400];
    if (slots_linger(request))
        return;
    passed_note_before(request, SIZE_MAX);
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

/* Tries candidates[index], whose slot is held if it needs one. False: it was not to be, and the next one is due. */
/* Its key may have ended while it waited: those that run are looked at once a second, and this may come before. */
static bool has_key_ended(const struct request *request)
{
    int64_t end_ms = request->principal->expires_at_ms;
    return end_ms > 0 && end_ms <= loop_wall_ms(request->gl->loop);
}

static bool begin_at(struct request *request, size_t index)
{
    struct gateway_loop *gl = request->gl;
    const struct candidate *candidate = &request->candidates[index];
    bool is_health_trial = false;
    request->next_candidate = index + 1;
    if (has_key_ended(request)) {
        request_fail(request, SAY_UNAUTHORIZED, "key_expired",
                     "The API key of this request ended before a provider was asked.");
        return true;
    }
    if (!may_begin(request, candidate, &is_health_trial)) {
        slot_end(request);
        passed_note_one(request, candidate, "just_changed");
        return false; /* a lost race is not an attempt */
    }
    if (request->attempt_count >= 2 && !retry_budget_take(&gl->retries, loop_now_ms(gl->loop))) {
        struct trial unbegun = {.live = provider_live(candidate->provider),
                                .is_health_trial = is_health_trial};
        attempt_end_health_trial(&unbegun);
        slot_end(request);
        exhausted(request);
        return true;
    }
    passed_note_before(request, candidate->rank);
    if (begin(request, candidate, is_health_trial))
        return true;
    passed_note_one(request, candidate, request->unfit_reason);
    slot_end(request);
    return false;
}

static int most_attempts(const struct request *request)
{
    int64_t most = request->gl->gateway->tuning.max_attempts;
    return most < 1 || most > ATTEMPTS_MAX ? ATTEMPTS_MAX : (int)most;
}

/* Behind the last who can be asked now: is there anybody worth waiting for? */
static bool is_waiting_due(const struct request *request)
{
    return !request->has_asked_later && slots_may_wait(request);
}

void attempt_next(struct request *request)
{
    int most = most_attempts(request);
    while (request->attempt_count < most) {
        size_t index = request->next_candidate;
        bool is_behind = index >= request->candidate_count;
        if (is_behind && !is_waiting_due(request))
            break;
        if (!is_behind && request->candidates[index].asked == ENDPOINT_COUNT) {
            answer_token_estimate(request);
            return;
        }
        if (!is_behind && !attempt_is_large_enough(request, &request->candidates[index])) {
            passed_note_one(request, &request->candidates[index], "context_too_small");
            request->next_candidate++;
            continue;
        }
        if (is_behind || slot_is_needed(&request->candidates[index])) {
            enum slots_answer answer = slots_ask(request, index, &index);
            if (answer == SLOTS_LATER || answer == SLOTS_ENDED)
                return;
            request->next_candidate = index;
            if (answer == SLOTS_NONE)
                continue;
        }
        if (begin_at(request, index))
            return;
    }
    exhausted(request);
}

void attempt_granted(struct request *request, size_t index)
{
    if (!begin_at(request, index))
        attempt_next(request);
}
