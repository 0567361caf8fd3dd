/* domain/health.h: the state of one provider, as a pure machine. SPEC 4.1's state table.
 *
 * Time:    now_ms is monotonic and given. Randomness (jitter) is given too.
 * Thread:  none of its own: the owner (gateway's live provider) holds a lock around each call.
 */
#pragma once
#include "domain/verdict.h"
#include "base/str.h"
#include <stddef.h>

enum provider_state {
    STATE_ONLINE,
    STATE_DEGRADED,
    STATE_OVER_QUOTA,
    STATE_OFFLINE,
    STATE_ERROR,
    STATE_PAUSED,
    STATE_COUNT
};
const char *provider_state_name(enum provider_state state); /* "over_quota" */

#define HEALTH_WINDOW     20
#define HEALTH_MODELS_MAX 8

struct health {
    enum provider_state state; /* never PAUSED: that is configuration */
    enum verdict cause;        /* of this state; NONE when online */
    int64_t since_ms;          /* when this state began */
    int64_t until_ms;          /* degraded, over_quota: when it may be tried again; else 0 */
    int64_t backoff_ms;        /* the next degraded (60 s doubling to 10 min) or busy/spent rest */
    int failures_in_row;       /* SERVER and NETWORK */
    uint32_t outcomes;         /* the last HEALTH_WINDOW outcomes, newest in bit 0; 1 = failed */
    int outcome_count;
    int64_t outcome_at_ms[HEALTH_WINDOW]; /* ring, newest at (outcome_next - 1) */
    int outcome_next;
    bool is_on_trial;           /* over_quota past its reset: one request is out to see */
    int64_t credential_version; /* of the key that the KEY/SPENT/LIMIT verdict was about */
    char reason[48];            /* stable code */
    char sentence[256];         /* what the vendor said; "" when online */
    struct health_model {       /* models that this provider said it does not have */
        char id[128];
        int64_t until_ms;
    } missing[HEALTH_MODELS_MAX];
};

void health_init(struct health *health, int64_t now_ms);

/** A request succeeded (2xx with an answer). Ends degraded, over_quota (trial) and error. */
void health_on_success(struct health *health, int64_t now_ms);

/**
 * A request or a probe failed. `model` is for VERDICT_MODEL (missing for 5 minutes). A verdict about
 * a key that is no longer the current one (`credential_version` differs from `current_version`) is
 * ignored. `jitter` is in [0, 1).
 */
void health_on_failure(struct health *health, const struct verdict_report *report, struct str model,
                       int64_t credential_version, int64_t current_version, int64_t now_ms,
                       double jitter);

/** Unpaused, new key, new base URL, refresh: forgets every verdict. */
void health_clear(struct health *health, int64_t now_ms);
/** The model list came back empty: STATE_ERROR "no_models", or cleared by health_clear. */
void health_on_no_models(struct health *health, int64_t now_ms, const char *sentence);

/** How the provider stands right now, for routing. */
struct health_view {
    enum provider_state
        state;    /* degraded that has run out shows as online; PAUSED when is_paused */
    bool may_try; /* over_quota past its reset and nobody on trial */
    int64_t until_ms;
};
struct health_view health_look(const struct health *health, bool is_paused, int64_t now_ms);
/** Of the last outcomes, the part that failed: 0 to 1. */
double health_error_rate(const struct health *health);
bool health_model_is_missing(const struct health *health, struct str model, int64_t now_ms);

/** An attempt starts. True: go. False: it is a lost race for the trial (not an attempt): move on.
 *  When this attempt is the trial, `*out_is_trial` is set and health_end_trial must follow. */
bool health_begin_attempt(struct health *health, int64_t now_ms, bool *out_is_trial);
/** The trial ended without a verdict (client left): another may try. */
void health_end_trial(struct health *health);
