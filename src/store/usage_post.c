/* store/usage_post.c: from a closed job to what is added to the sums. */
#include "store/usage_post.h"

#include <assert.h>

void usage_sums_add(struct usage_sums *to, const struct usage_sums *more)
{
#define X(sum) to->sum += more->sum;
    USAGE_SUM_LIST(X)
#undef X
}

static const char *const names[] = {
#define X(name) #name,
    USAGE_NAME_LIST(X)
#undef X
};
static_assert(sizeof names / sizeof names[0] == USAGE_NAME_COUNT, "one text per name");

const char *usage_name_text(enum usage_name name)
{
    assert(name < USAGE_NAME_COUNT);
    return names[name];
}

bool usage_name_parse(struct str text, enum usage_name *out_name)
{
    for (size_t i = 0; i < USAGE_NAME_COUNT; i++) {
        if (!str_eq(text, str_of(names[i])))
            continue;
        *out_name = (enum usage_name)i;
        return true;
    }
    return false;
}

struct posting {
    const struct job_record *job;
    struct usage_post *posts;
    size_t count;
    bool has_unknown, has_estimated; /* the job was counted among those */
};

/* The post of that provider and model; `attempt` NULL: of nobody, when no provider was asked. A caller chooses what he
 * asks for, so a model that nobody was asked for is no name: there would be no end to them. */
static struct usage_post *post_of(struct posting *posting, const struct attempt_record *attempt)
{
    static const struct attempt_record nobody = {.seq = 0};
    const struct job_record *job = posting->job;
    if (!attempt)
        attempt = &nobody;
    struct str provider = str_of(attempt->provider_id), model = str_of(attempt->model);
    struct str tier = str_of(attempt->tier);
    for (size_t i = 0; i < posting->count; i++) {
        const struct str *name = posting->posts[i].names.name;
        if (str_eq(name[USAGE_provider], provider) && str_eq(name[USAGE_model], model) &&
            str_eq(name[USAGE_tier], tier))
            return &posting->posts[i];
    }
    assert(posting->count < USAGE_POSTS_MAX);
    struct usage_post *post = &posting->posts[posting->count++];
    *post = (struct usage_post){.names = {.name = {[USAGE_provider] = provider,
                                                   [USAGE_tier] = tier,
                                                   [USAGE_model] = model,
                                                   [USAGE_team] = str_of(job->team),
                                                   [USAGE_agent] = str_of(job->agent),
                                                   [USAGE_user] = str_of(job->user),
                                                   [USAGE_key] = str_of(job->key_id),
                                                   [USAGE_source] = str_of(job->source)},
                                          .provider_name = str_of(attempt->provider_name),
                                          .key_name = str_of(job->key_name)}};
    return post;
}

static int64_t known(int64_t value)
{
    return value > 0 ? value : 0;
}

static bool has_tokens(const struct attempt_record *attempt)
{
    return attempt->input_tokens >= 0 || attempt->output_tokens >= 0;
}

static void post_attempt(struct posting *posting, const struct attempt_record *attempt)
{
    struct usage_sums *sums = &post_of(posting, attempt)->sums;
    bool is_wasted = strcmp(attempt->outcome, "failed") == 0;
    /* What one that was interrupted used, nobody can tell; with a budget it costs what was reserved for it. */
    bool is_lost = strcmp(attempt->outcome, "interrupted") == 0;
    bool is_unpriced = (is_lost || has_tokens(attempt)) && attempt->cost_microusd < 0;
    sums->input_tokens += known(attempt->input_tokens);
    sums->output_tokens += known(attempt->output_tokens);
    sums->cached_tokens += known(attempt->cached_tokens);
    sums->cost_microusd += known(attempt->cost_microusd);
    if (is_wasted) {
        sums->wasted_input_tokens += known(attempt->input_tokens);
        sums->wasted_output_tokens += known(attempt->output_tokens);
        sums->wasted_microusd += known(attempt->cost_microusd);
    }
    sums->unknown_cost_jobs += is_unpriced && !posting->has_unknown;
    sums->estimated_jobs += attempt->is_estimated && !posting->has_estimated;
    posting->has_unknown |= is_unpriced;
    posting->has_estimated |= attempt->is_estimated;
}

size_t usage_post(const struct job_record *job, struct usage_post posts[USAGE_POSTS_MAX])
{
    struct posting posting = {.job = job, .posts = posts};
    int32_t count = job->attempt_count < ATTEMPTS_MAX ? job->attempt_count : ATTEMPTS_MAX;
    if (job->status == JOB_OPEN)
        return 0;
    for (int32_t i = 0; i < count; i++)
        post_attempt(&posting, &job->attempt[i]);
    struct usage_sums *ended =
        &post_of(&posting, count > 0 ? &job->attempt[count - 1] : NULL)->sums;
    ended->jobs++;
    ended->failed += job->status == JOB_FAILED || job->status == JOB_INTERRUPTED;
    ended->cancelled += job->status == JOB_CANCELLED;
    ended->refused += job->status == JOB_REFUSED;
    return posting.count;
}
