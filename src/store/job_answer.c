/* store/job_answer.c: see job_answer.h. */
#include "store/job_answer.h"

static const enum answer_end ends[JOB_STATUS_COUNT] = {
    [JOB_OPEN] = ANSWER_OPEN,
    [JOB_DONE] = ANSWER_DONE,
    [JOB_FAILED] = ANSWER_FAILED,
    [JOB_CANCELLED] = ANSWER_CANCELLED,
    [JOB_INTERRUPTED] = ANSWER_INTERRUPTED,
    [JOB_REFUSED] = ANSWER_REFUSED,
};

/* Who answered; when nobody did and nobody failed, who was at it last. */
static int32_t attempt_named(const struct job_record *job)
{
    int32_t last = job->attempt_count - 1;
    bool is_at_it =
        job->status == JOB_OPEN || job->status == JOB_CANCELLED || job->status == JOB_INTERRUPTED;
    if (!job->provider_id[0])
        return is_at_it ? last : -1;
    while (last >= 0 && strcmp(job->attempt[last].provider_id, job->provider_id) != 0)
        last--;
    return last;
}

/* Of an array that holds it. */
#define TEXT_OF(array) ((struct str){array, strnlen(array, sizeof(array))})

static bool is_cloud(const struct attempt_record *attempt)
{
    return strcmp(attempt->tier, "gpu") != 0 && strcmp(attempt->tier, "cli") != 0;
}

static void add_try(const struct attempt_record *attempt, bool is_named, struct answer_facts *facts)
{
    bool has_tokens = attempt->input_tokens >= 0 || attempt->output_tokens >= 0;
    facts->is_unpriced |= has_tokens && attempt->cost_microusd < 0 && is_cloud(attempt);
    if (is_named || strcmp(attempt->outcome, "failed") != 0 || facts->try_count == ANSWER_TRIES_MAX)
        return;
    facts->tries[facts->try_count++] =
        (struct answer_try){TEXT_OF(attempt->provider_id), TEXT_OF(attempt->provider_name),
                            TEXT_OF(attempt->tier), TEXT_OF(attempt->reason)};
}

static void add_tries(const struct job_record *job, struct job_answer *answer)
{
    static_assert(ANSWER_TRIES_MAX >= ATTEMPTS_MAX, "room for each");
    int32_t count = job->attempt_count < ATTEMPTS_MAX ? job->attempt_count : ATTEMPTS_MAX;
    for (int32_t i = 0; i < count; i++)
        add_try(&job->attempt[i], i == answer->named, &answer->facts);
}

static void add_passed(const struct job_record *job, job_may_name *may_name, void *arg,
                       struct job_answer *answer)
{
    struct str rest = str_of(job->passed_over);
    struct passed passed;
    int64_t more = 0;
    while (answer->facts.passed_count < PASSED_OVER_MAX && passed_over_next(&rest, &passed, &more))
        if (!may_name || may_name(arg, passed.provider_id))
            answer->passed[answer->facts.passed_count++] = passed;
    answer->facts.passed = answer->passed;
    answer->facts.passed_more = may_name ? 0 : (size_t)more;
}

static int64_t tokens_of(const struct usage *usage)
{
    int64_t input = usage->input_tokens, output = usage->output_tokens;
    if (input < 0 && output < 0)
        return -1;
    return (input > 0 ? input : 0) + (output > 0 ? output : 0);
}

void job_answer_make(const struct job_record *job, job_may_name *may_name, void *arg,
                     struct job_answer *out_answer)
{
    out_answer->named = attempt_named(job);
    out_answer->facts = (struct answer_facts){
        .end = ends[job->status],
        .provider_id = str_of(job->provider_id),
        .provider = str_of(job->provider_name),
        .model = str_of(job->model),
        .code = str_of(job->reason),
        .is_begun = job->first_byte_ms >= 0,
        .queued_ms = job->queued_ms,
        .duration_ms = job->duration_ms,
        .tokens = tokens_of(&job->usage),
        .cost_microusd = job->cost_microusd,
        .is_estimated = job->usage.is_estimated,
    };
    if (out_answer->named >= 0) {
        const struct attempt_record *attempt = &job->attempt[out_answer->named];
        out_answer->facts.provider_id = str_of(attempt->provider_id);
        out_answer->facts.provider = str_of(attempt->provider_name);
        out_answer->facts.model = str_of(job->model[0] ? job->model : attempt->model);
        out_answer->facts.tier = str_of(attempt->tier);
        out_answer->facts.chosen = str_of(attempt->chosen);
    }
    add_tries(job, out_answer);
    add_passed(job, may_name, arg, out_answer);
}

void job_answer_line(const struct job_record *job, struct buf *out)
{
    struct job_answer answer;
    job_answer_make(job, NULL, NULL, &answer);
    answer_line_write(&answer.facts, out, NULL);
}

bool job_is_other_than_asked(const struct job_record *job)
{
    struct str asked = str_of(job->requested_model), model = str_of(job->model);
    if (model.len == 0 || str_eq(asked, model) || str_eq(asked, STR("auto")) ||
        str_ends(asked, STR("/auto")))
        return false;
    size_t slash = asked.len - model.len;
    bool is_prefixed =
        asked.len > model.len && str_ends(asked, model) && slash > 0 && asked.at[slash - 1] == '/';
    return !is_prefixed;
}
