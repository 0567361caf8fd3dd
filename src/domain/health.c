/* domain/health.c: SPEC 4.1's state table.
 *
 * Two families of trouble, and they do not mix:
 *
 *   degraded    the service fails or is short of capacity. It is still tried, behind the others. A rest
 *               that runs out without a success in between is followed by one twice as long.
 *   over_quota  the account may not go on. It is left alone until the reset, then one request (the
 *   error       trial) finds out. `error` waits for a new key, a refresh or the gateway's probe.
 *
 * The stronger state stays: trouble of the service does not soften a rest that the account must keep.
 *
 * Answers of requests that began before a verdict arrive after it, often by the hundred. So a rest is
 * doubled only by what fails after it ran out, and a success ends over_quota only when a trial is out.
 */
#include "domain/health.h"

#include <assert.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

#define FAILURES_TO_DEGRADE 3
#define WINDOW_MS           MINUTE
#define WINDOW_AT_LEAST     10 /* outcomes before a ratio means anything */
#define LIMIT_REST_MS       (30 * SECOND)
#define MODEL_REST_MS       (5 * MINUTE)
#define JITTER_SHARE        0.1

/* How long a provider rests when it does not say: doubling from first to last. */
static const struct rest {
    int64_t first_ms, last_ms;
} rests[VERDICT_COUNT] = {
    [VERDICT_BUSY] = {5 * SECOND, MINUTE},
    [VERDICT_SPENT] = {15 * MINUTE, 6 * HOUR},
    [VERDICT_LIMIT] = {LIMIT_REST_MS, LIMIT_REST_MS},
    [VERDICT_SERVER] = {MINUTE, 10 * MINUTE},
    [VERDICT_NETWORK] = {MINUTE, 10 * MINUTE},
};

const char *provider_state_name(enum provider_state state)
{
    static const char *const names[] = {"online",  "degraded", "over_quota",
                                        "offline", "error",    "paused"};
    static_assert(sizeof names / sizeof names[0] == STATE_COUNT, "one name per state");
    assert(state < STATE_COUNT);
    return names[state];
}

/* ---- state ------------------------------------------------------------------------------------- */

static void come_online(struct health *health, int64_t now_ms)
{
    if (health->state != STATE_ONLINE)
        health->since_ms = now_ms;
    health->state = STATE_ONLINE;
    health->cause = VERDICT_NONE;
    health->until_ms = 0;
    health->backoff_ms = 0;
    health->failures_in_row = 0;
    health->is_on_trial = false;
    health->reason[0] = '\0';
    health->sentence[0] = '\0';
}

void health_init(struct health *health, int64_t now_ms)
{
    *health = (struct health){.state = STATE_ONLINE, .since_ms = now_ms};
}

void health_clear(struct health *health, int64_t now_ms)
{
    int64_t since_ms = health->state == STATE_ONLINE ? health->since_ms : now_ms;
    health_init(health, since_ms);
}

static void enter(struct health *health, enum provider_state state, enum verdict cause,
                  const char *reason, const char *sentence, int64_t now_ms)
{
    if (health->state != state)
        health->since_ms = now_ms;
    health->state = state;
    health->cause = cause;
    health->is_on_trial = false;
    str_copy(str_of(reason), health->reason, sizeof health->reason);
    str_copy(str_of(sentence), health->sentence, sizeof health->sentence);
}

static void fail_with_report(struct health *health, enum provider_state state,
                             const struct verdict_report *report, int64_t now_ms)
{
    enter(health, state, report->verdict, report->reason, report->sentence, now_ms);
}

/* ---- rests ------------------------------------------------------------------------------------- */

static bool is_resting(const struct health *health, int64_t now_ms)
{
    return (health->state == STATE_DEGRADED || health->state == STATE_OVER_QUOTA) &&
           now_ms < health->until_ms;
}

/* SERVER and NETWORK are one kind of trouble: a service that dies refuses, resets and answers 502. */
static bool is_same_trouble(enum verdict a, enum verdict b)
{
    bool a_is_fault = a == VERDICT_SERVER || a == VERDICT_NETWORK;
    bool b_is_fault = b == VERDICT_SERVER || b == VERDICT_NETWORK;
    return a == b || (a_is_fault && b_is_fault);
}

/* The rest that follows now, when nothing was said; remembers the next one. */
static int64_t next_rest_ms(struct health *health, enum verdict verdict)
{
    const struct rest *rest = &rests[verdict];
    bool goes_on = health->backoff_ms > 0 && is_same_trouble(health->cause, verdict);
    int64_t rest_ms = goes_on ? health->backoff_ms : rest->first_ms;
    if (rest_ms > rest->last_ms)
        rest_ms = rest->last_ms;
    health->backoff_ms = rest_ms * 2;
    return rest_ms;
}

static void rest(struct health *health, enum provider_state state,
                 const struct verdict_report *report, int64_t now_ms, double jitter)
{
    bool has_time = report->retry_after_ms != RETRY_UNKNOWN_MS;
    bool is_echo = health->state == state && is_same_trouble(health->cause, report->verdict) &&
                   is_resting(health, now_ms);
    if (is_echo && !has_time)
        return; /* it began before this rest: nothing new */

    int64_t rest_ms = has_time ? report->retry_after_ms : next_rest_ms(health, report->verdict);
    rest_ms += (int64_t)((double)rest_ms * JITTER_SHARE * jitter);
    int64_t until_ms = now_ms + rest_ms;
    if (health->state == state && until_ms < health->until_ms)
        until_ms = health->until_ms; /* never shorter by another's answer */

    fail_with_report(health, state, report, now_ms);
    health->until_ms = until_ms;
}

/* ---- the last outcomes --------------------------------------------------------------------------*/

static void note_outcome(struct health *health, bool has_failed, int64_t now_ms)
{
    health->outcomes = health->outcomes << 1 | (has_failed ? 1u : 0u);
    health->outcome_at_ms[health->outcome_next] = now_ms;
    health->outcome_next = (health->outcome_next + 1) % HEALTH_WINDOW;
    if (health->outcome_count < HEALTH_WINDOW)
        health->outcome_count++;
}

static bool fails_half_the_time(const struct health *health, int64_t now_ms)
{
    int seen = 0, failed = 0, slot = health->outcome_next;
    for (int age = 0; age < health->outcome_count; age++) {
        slot = (slot + HEALTH_WINDOW - 1) % HEALTH_WINDOW;
        if (now_ms - health->outcome_at_ms[slot] > WINDOW_MS)
            break;
        seen++;
        failed += (int)(health->outcomes >> age & 1u);
    }
    return seen >= WINDOW_AT_LEAST && failed * 2 >= seen;
}

/* ---- missing models ---------------------------------------------------------------------------- */

static void note_missing(struct health *health, struct str model, int64_t now_ms)
{
    struct health_model *place = &health->missing[0];
    if (model.len == 0 || model.len >= sizeof place->id)
        return; /* a name that long is never remembered: it is asked for again, that is all */
    for (int i = 0; i < HEALTH_MODELS_MAX; i++) {
        if (str_eq(str_of(health->missing[i].id), model)) {
            place = &health->missing[i];
            break;
        }
        if (health->missing[i].until_ms < place->until_ms)
            place = &health->missing[i];
    }
    str_copy(model, place->id, sizeof place->id);
    place->until_ms = now_ms + MODEL_REST_MS;
}

double health_error_rate(const struct health *health)
{
    int failed = 0;
    for (int i = 0; i < health->outcome_count && i < HEALTH_WINDOW; i++)
        failed += (int)(health->outcomes >> i & 1u);
    return health->outcome_count > 0 ? (double)failed / health->outcome_count : 0.0;
}

bool health_model_is_missing(const struct health *health, struct str model, int64_t now_ms)
{
    for (int i = 0; i < HEALTH_MODELS_MAX; i++)
        if (now_ms < health->missing[i].until_ms && str_eq(str_of(health->missing[i].id), model))
            return true;
    return false;
}

/* ---- events ------------------------------------------------------------------------------------ */

void health_on_success(struct health *health, int64_t now_ms)
{
    note_outcome(health, false, now_ms);
    health->failures_in_row = 0;
    switch (health->state) {
    case STATE_OVER_QUOTA:
        if (!health->is_on_trial)
            return; /* of a request that began before the limit was met */
        break;
    case STATE_DEGRADED:
    case STATE_ERROR: break;
    default: return;
    }
    come_online(health, now_ms);
}

/* Nobody gets in at all: waiting for two more would only cost two callers their first attempt. */
static bool is_unreachable(const struct verdict_report *report)
{
    static const struct str codes[] = {STR_INIT("connect"), STR_INIT("tls"), STR_INIT("dns")};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (str_starts(str_of(report->reason), codes[i]))
            return report->verdict == VERDICT_NETWORK;
    return false;
}

static void on_fault(struct health *health, const struct verdict_report *report, int64_t now_ms,
                     double jitter)
{
    note_outcome(health, true, now_ms);
    if (report->verdict != VERDICT_BUSY)
        health->failures_in_row++;
    if (health->state == STATE_ERROR || health->state == STATE_OFFLINE)
        return;
    if (health->state == STATE_OVER_QUOTA) {
        health->is_on_trial = false; /* it did not tell: another may try */
        if (is_resting(health, now_ms))
            return;
    }

    bool is_down = health->failures_in_row >= FAILURES_TO_DEGRADE || is_unreachable(report) ||
                   fails_half_the_time(health, now_ms);
    if (report->verdict != VERDICT_BUSY && !is_down)
        return;
    if (health->state !=
        STATE_DEGRADED) { /* old outcomes must not degrade it again once it is back */
        health->outcomes = 0;
        health->outcome_count = 0;
    }
    struct verdict_report untimed = *report;
    if (report->verdict != VERDICT_BUSY)
        untimed.retry_after_ms = RETRY_UNKNOWN_MS; /* 60 s doubling, whatever a 5xx asks for */
    rest(health, STATE_DEGRADED, &untimed, now_ms, jitter);
}

/* Is it about a key that was changed since? */
static bool is_stale(enum verdict verdict, int64_t version, int64_t current_version)
{
    bool is_of_key = verdict == VERDICT_KEY || verdict == VERDICT_LIMIT ||
                     verdict == VERDICT_SPENT || verdict == VERDICT_MODEL;
    return is_of_key && version != current_version;
}

/* A rate limit says nothing new about an account whose money is gone. */
static bool is_weaker_limit(const struct health *health, enum verdict verdict, int64_t now_ms)
{
    return verdict == VERDICT_LIMIT && health->state == STATE_OVER_QUOTA &&
           health->cause == VERDICT_SPENT && is_resting(health, now_ms);
}

void health_on_failure(struct health *health, const struct verdict_report *report, struct str model,
                       int64_t credential_version, int64_t current_version, int64_t now_ms,
                       double jitter)
{
    if (is_stale(report->verdict, credential_version, current_version))
        return;
    switch (report->verdict) {
    case VERDICT_SERVER:
    case VERDICT_NETWORK:
    case VERDICT_BUSY: on_fault(health, report, now_ms, jitter); break;
    case VERDICT_LIMIT:
    case VERDICT_SPENT:
        if (health->state == STATE_ERROR || is_weaker_limit(health, report->verdict, now_ms))
            break;
        rest(health, STATE_OVER_QUOTA, report, now_ms, jitter);
        health->credential_version = credential_version;
        break;
    case VERDICT_KEY:
        fail_with_report(health, STATE_ERROR, report, now_ms);
        health->until_ms = 0;
        health->credential_version = credential_version;
        break;
    case VERDICT_MODEL:
        note_missing(health, model, now_ms);
        health->is_on_trial = false;
        break;
    default: /* the caller's trouble; it says nothing about the provider, a trial included */
        health->is_on_trial = false;
        break;
    }
}

void health_on_no_models(struct health *health, int64_t now_ms, const char *sentence)
{
    enter(health, STATE_ERROR, VERDICT_MODEL, "no_models", sentence, now_ms);
    health->until_ms = 0;
}

/* ---- attempts ---------------------------------------------------------------------------------- */

struct health_view health_look(const struct health *health, bool is_paused, int64_t now_ms)
{
    struct health_view view = {.state = health->state, .until_ms = health->until_ms};
    if (is_paused)
        view = (struct health_view){.state = STATE_PAUSED};
    else if (health->state == STATE_DEGRADED && !is_resting(health, now_ms))
        view = (struct health_view){.state = STATE_ONLINE};
    else if (health->state == STATE_OVER_QUOTA)
        view.may_try = !is_resting(health, now_ms) && !health->is_on_trial;
    return view;
}

bool health_begin_attempt(struct health *health, int64_t now_ms, bool *out_is_trial)
{
    *out_is_trial = false;
    if (health->state == STATE_ERROR || health->state == STATE_OFFLINE)
        return false;
    if (health->state != STATE_OVER_QUOTA)
        return true;
    if (is_resting(health, now_ms) || health->is_on_trial)
        return false;
    health->is_on_trial = true;
    *out_is_trial = true;
    return true;
}

void health_end_trial(struct health *health)
{
    health->is_on_trial = false;
}
