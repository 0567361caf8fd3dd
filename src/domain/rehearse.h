/* domain/rehearse.h: recorded requests, run once more under faults or another configuration. UI.md 11.1.
 *
 * A simulation by events: each recorded request arrives when it did, is planned by the very function that plans live
 * traffic (route.h), takes slots of the very dispatcher (dispatch.h), and what providers answer moves the very
 * machine of their health (health.h). What it cannot know it takes from the record: how many tokens, and how long the
 * provider took; at another provider, so much more or less as that one takes on the average. Nothing is sent to anybody.
 *
 * A fault is something that a provider does, not a state that is set: one that is offline refuses connections, one whose
 * key is rejected answers 401. So the first request fails over and the next ones are planned around it, as in life.
 *
 * What is left out: limits and budgets of teams and keys, conversations that go back to their worker, callers who leave
 * earlier because they wait longer.
 *
 * Layer:   domain: pure. Times are given; arrivals are of the wall clock, `now_ms` and all that health says monotonic.
 * Thread:  any, one at a time for each run.
 * Memory:  a run takes what the requests under way need at once, and frees it.
 * Cost:    a plan and a slot for each request; see bench/RESULTS.md.
 */
#pragma once
#include "domain/price.h"
#include "domain/route.h"

#define REHEARSE_JOBS_MAX 100000u

/* Bits: a provider may have several. */
// clang-format off
#define REHEARSE_FAULT_LIST(X)                                                             \
    X(OFFLINE,      "offline",      0, "refuses connections, or has no live worker")       \
    X(KEY_REJECTED, "key_rejected", 1, "answers 401: its key is refused")                  \
    X(OVER_QUOTA,   "over_quota",   2, "answers 429: its quota is gone")                   \
    X(SLOW_X3,      "slow_x3",      3, "takes three times as long")                        \
    X(HALF_SLOTS,   "half_slots",   4, "has half of its slots")
// clang-format on
enum rehearse_fault {
#define X(name, code, bit, text) REHEARSE_##name = 1u << (bit),
    REHEARSE_FAULT_LIST(X)
#undef X
};
bool rehearse_fault_parse(struct str name, unsigned *out_fault);

/* ---- what was recorded --------------------------------------------------------------------------- */

/** What requests have in common; each is pointed to by its number. Strings are borrowed. */
struct rehearse_question {
    enum endpoint endpoint;
    struct str model, pin;
    unsigned needs;
    bool is_admin;
    bool is_batch;   /* by the request's own word; by policy: the world's */
    uint32_t caller; /* into the world's accesses */
};

struct rehearse_job {
    int64_t at_ms;         /* wall; jobs stand in this order */
    int64_t service_ms;    /* from the beginning of the attempt that answered to its end */
    int64_t first_byte_ms; /* of that attempt; -1 unknown */
    int64_t usual_ms;      /* what requests took on the average where this one went; 0 unknown */
    int64_t prompt_tokens; /* at least; -1 unknown */
    int64_t wait_ms;       /* X-Auxot-Wait; -1 not said */
    struct usage usage;
    uint32_t question;
    bool is_stream;
};

struct rehearse_traffic {
    const struct rehearse_job *jobs;
    size_t job_count;
    const struct rehearse_question *questions;
    size_t question_count;
};

/* ---- where it is sent ---------------------------------------------------------------------------- */

struct rehearse_worker {
    int64_t slots;
    const struct str *models; /* as it has them loaded; borrowed */
    size_t model_count;
};

/** A provider as it stands, in the order of routing.providers. Borrowed. */
struct rehearse_provider {
    struct health health;
    const struct quirk_memory *learned; /* may be NULL */
    const struct model *loaded;         /* of all its live workers, sorted by id */
    size_t loaded_count;
    const struct rehearse_worker *workers; /* live ones */
    size_t worker_count;
    int64_t
        quota_until_ms; /* monotonic: none is live, and the first is over its quota until then; 0 */
    int64_t slots_found; /* of a server that is reached by its URL; 0: not told */
    int64_t usual_ms;    /* what recorded requests took here, on the average; 0: there were none */
    unsigned faults;     /* enum rehearse_fault */
};

struct rehearse_world {
    const struct routing *routing;
    const struct rehearse_provider *providers;
    const struct access *accesses; /* by rehearse_question.caller */
    const uint64_t *teams; /* likewise: whatever tells teams apart, for the fairness of the queue */
    const bool *are_batch; /* likewise: whom a policy puts into that class */
    int64_t now_ms;        /* monotonic: the first request arrives then */
    int64_t queue_wait_ms;
    int max_attempts;
    /* What a model costs there; NULL: not known. */
    const struct price *(*price_of)(void *arg, const struct provider *provider, struct str model);
    bool (*is_over)(void *arg); /* asked now and then: the deadline has passed. May be NULL */
    void *arg;                  /* of both */
};

/* ---- what comes of it ---------------------------------------------------------------------------- */

#define REHEARSE_NOBODY (-1)

/** Where one request went. */
struct rehearse_landing {
    int32_t provider;      /* index into routing.providers, or REHEARSE_NOBODY */
    int32_t attempts;      /* all that were made, the last one included */
    bool is_answered;      /* also when nobody was asked: tokens that are counted here */
    const char *reason;    /* as the job would tell it: "ok", "failover", "no_candidate"; static */
    struct str model;      /* that provider's; borrowed from the world */
    int64_t waited_ms;     /* for slots */
    int64_t cost_microusd; /* COST_UNKNOWN */
};

/** Runs all of the traffic; `out_landings` has job_count entries. ERR_NO_MEMORY; ERR_TIMEOUT: is_over said so. */
MUST_USE enum err rehearse_run(const struct rehearse_world *world,
                               const struct rehearse_traffic *traffic,
                               struct rehearse_landing *out_landings, struct error *error);

/** What becomes of a request once faults are known: nobody is found out any more. Fills the plan. */
void rehearse_plan_settled(const struct rehearse_world *world,
                           const struct rehearse_question *question, struct route_plan *out_plan);

/** Slots of a provider under its faults: of its workers, or counted otherwise. -1: it has no counted ones. */
int64_t rehearse_slots(const struct rehearse_world *world, size_t index);
