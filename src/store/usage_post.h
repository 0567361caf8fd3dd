/* store/usage_post.h: how a closed job is posted: which sums grow, and under which names.
 *
 * Each attempt is posted once, under the provider, tier and model that it was made at; the job itself is counted
 * once, where it ended. So the sums of a provider are what was used there, also by jobs that another one answered,
 * and the sums of everything are the sums of the rows.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "store/record.h"

/* clang-format off */
#define USAGE_SUM_LIST(X) X(jobs) USAGE_SUM_LIST_BEHIND_JOBS(X)
#define USAGE_SUM_LIST_BEHIND_JOBS(X)                                                 \
    X(failed)               /* among the jobs: failed or interrupted */               \
    X(cancelled)                                                                      \
    X(refused)                                                                        \
    X(input_tokens)         /* of all attempts, reported or estimated */              \
    X(output_tokens)                                                                  \
    X(cached_tokens)        /* among the input */                                     \
    X(wasted_input_tokens)  /* the part of the above that failed attempts took */     \
    X(wasted_output_tokens)                                                           \
    X(cost_microusd)        /* as far as it is known */                               \
    X(wasted_microusd)      /* the part of it that failed attempts took */            \
    X(unknown_cost_jobs)    /* used tokens that have no price, or nobody can tell */  \
    X(estimated_jobs)       /* some of their tokens are counted by us */
#define USAGE_NAME_LIST(X) \
    X(provider) X(tier) X(model) X(team) X(agent) X(user) X(key) X(source)
/* clang-format on */

struct usage_sums {
#define X(sum) int64_t sum;
    USAGE_SUM_LIST(X)
#undef X
};
void usage_sums_add(struct usage_sums *to, const struct usage_sums *more);

enum usage_name {
#define X(name) USAGE_##name,
    USAGE_NAME_LIST(X)
#undef X
        USAGE_NAME_COUNT
};
const char *usage_name_text(enum usage_name name); /* "provider" */
bool usage_name_parse(struct str text, enum usage_name *out_name);

/** Identifiers, "" where there is none. Borrowed from the record. */
struct usage_names {
    struct str name[USAGE_NAME_COUNT];
    struct str provider_name, key_name; /* as people know them; not part of the identity */
};

struct usage_post {
    struct usage_names names;
    struct usage_sums sums;
};
#define USAGE_POSTS_MAX (ATTEMPTS_MAX + 1)
/** Fills `posts`, one per set of names; returns how many. None for a job that is still open. */
size_t usage_post(const struct job_record *job, struct usage_post posts[USAGE_POSTS_MAX]);
