/* domain/rehearse_sums.h: what a rehearsal comes to: shares, cost, waits, refusals, and who is left with nothing.
 *
 * Layer: domain: pure.  Thread: any.
 */
#pragma once
#include "domain/rehearse.h"

#define REHEARSE_REASONS_MAX  24u
#define REHEARSE_STRANDED_MAX 100u

struct rehearse_share {
    int64_t jobs, cost_microusd, unpriced; /* unpriced: jobs whose cost is not known */
};
struct rehearse_refusal {
    const char *reason;
    int64_t jobs;
};
struct rehearse_sums {
    struct rehearse_share shares[PROVIDERS_MAX]; /* by provider */
    struct rehearse_refusal refusals[REHEARSE_REASONS_MAX];
    size_t refusal_count;
    int64_t landed, refused, failovers; /* failovers: jobs for which more than one was asked */
    int64_t cost_microusd, unpriced;
    int64_t waited;                                /* jobs that waited for a slot */
    int64_t wait_p50_ms, wait_p95_ms, wait_max_ms; /* of all that landed */
};
/** ERR_NO_MEMORY. */
MUST_USE enum err rehearse_sum(const struct rehearse_landing *landings, size_t count,
                               struct rehearse_sums *out_sums);

/** Requests of one kind that landed before, and land nowhere now. */
struct rehearse_stranded {
    uint32_t question; /* the first of them; others ask the same model of the same caller */
    const char *reason;
    int64_t jobs;
};
/** The most frequent first; `*out_jobs`: of all, also those that found no room. Returns how many entries. */
size_t rehearse_strand(const struct rehearse_traffic *traffic,
                       const struct rehearse_landing *before, const struct rehearse_landing *after,
                       struct rehearse_stranded out_stranded[REHEARSE_STRANDED_MAX],
                       int64_t *out_jobs);
/** What mends it, in a sentence. `owner`: the team, key or user; `pin`, `elsewhere`: providers' names, "" none. */
void rehearse_fix(const char *reason, const char *owner, const char *pin, const char *elsewhere,
                  char *room, size_t room_bytes);

/** Jobs that land elsewhere than before, or nowhere. */
int64_t rehearse_moved(const struct rehearse_landing *before, const struct rehearse_landing *after,
                       size_t count, const int32_t *after_of);

/** The sentence at the top. */
struct rehearse_story {
    int64_t jobs, moved, newly_refused;
    const char *most_to; /* who gets most of what moves; NULL: nobody */
    int64_t most_jobs;
    int64_t cost_change_per_hour_microusd;
    int64_t wait_p95_before_ms, wait_p95_after_ms;
    bool is_sampled;
};
void rehearse_say(const struct rehearse_story *story, char *room, size_t room_bytes);
