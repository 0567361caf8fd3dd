/* tests/unit/gateway/oom_stage.h: F62 on a stage: one scenario, over and over, with another allocation failing
 * each time, and what must hold each time:
 *
 *     the process lives, and the stage gets back whatever was taken;
 *     the caller gets the answer, an error (500 and up, or the dialect's event), or a cut, and soon;
 *     no head is malformed, and a good answer has its type;
 *     no job stays open, and no provider is blamed;
 *     the same scenario, without a failure, then goes as it should.
 */
#pragma once
#include "gateway/request.h"
#include "tests/unit/gateway/stories.h"
#include "tests/unit/oom.h"

#define OOM_BUDGET_MS \
    60 /* for the failures of a scenario in an ordinary run; one happens in any case */
#define OOM_SLOW_MS 80
#define OOM_SOON_MS 8000 /* the client's patience is 10 s */

/* A clean slate for the next run: health, the retry budget, what the upstreams have played. */
struct oom_reset {
    struct loop_message message;
    struct gateway_loop *gateway_loop;
    atomic_bool is_done;
};

static inline void oom_on_reset(struct loop_message *message)
{
    struct oom_reset *reset = LIST_OWNER(message, struct oom_reset, message);
    reset->gateway_loop->retries = (struct retry_budget){0};
    atomic_store(&reset->is_done, true);
}

static inline void upstream_rewind(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    for (int i = 0; i < UPSTREAM_SEEN; i++) {
        free(up->seen[i]);
        up->seen[i] = NULL;
    }
    up->seen_count = up->left_count = 0;
    pthread_mutex_unlock(&up->lock);
}

static inline void oom_rewind(struct stage *stage)
{
    struct oom_reset reset = {.message.run = oom_on_reset, .gateway_loop = stage->gateway_loop};
    loop_post(stage->loop, &reset.message);
    while (!atomic_load(&reset.is_done))
        sleep_ms(1);
    for (size_t i = 0; i < stage->provider_count; i++) {
        struct live_provider *live = stage_live(stage, i);
        pthread_mutex_lock(&live->lock);
        health_clear(&live->health, clock_monotonic_ms());
        live->learned = (struct quirk_memory){0};
        atomic_store(&live->failures, 0);
        pthread_mutex_unlock(&live->lock);
        upstream_rewind(&stage->up[i]);
    }
}

static inline int64_t oom_blame(struct stage *stage)
{
    int64_t failures = 0;
    for (size_t i = 0; i < stage->provider_count; i++)
        failures += atomic_load(&stage_live(stage, i)->failures);
    return failures;
}

/* ---- the records ----------------------------------------------------------------------------- */

struct oom_jobs {
    struct job_record newest;
    int count, open_count;
};

static inline void oom_on_job(void *arg, const struct job_record *job)
{
    struct oom_jobs *jobs = arg;
    if (jobs->count++ == 0)
        jobs->newest = *job;
    jobs->open_count += job->status == JOB_OPEN;
    for (int i = 0; i < job->attempt_count; i++)
        jobs->open_count += job->attempt[i].outcome[0] == '\0';
}

/* Waits until all is written down. The writer meets its failures, too: then it tries again. */
static inline struct oom_jobs oom_jobs(struct stage *stage, const char *name)
{
    struct error error = {0};
    struct oom_jobs jobs = {0};
    struct job_filter filter = {.limit = 5};
    char next[96];
    CHECK(name, stage_is_idle(stage));
    CHECK_INT(name, store_drain(stage->kept.store, 10000), OK);
    CHECK_INT(name, store_jobs(stage->kept.store, &filter, oom_on_job, &jobs, next, &error), OK);
    return jobs;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Each line of a head has a name and a value. */
static inline bool oom_is_head_sound(const char *raw)
{
    const char *end = strstr(raw, "\r\n\r\n");
    const char *line = strstr(raw, "\r\n");
    if (!end || strncmp(raw, "HTTP/1.1 ", 9) != 0)
        return false;
    for (; line < end; line = strstr(line + 2, "\r\n")) {
        const char *colon = strstr(line + 2, ": ");
        const char *stop = strstr(line + 2, "\r\n");
        if (!colon || colon > stop || colon == line + 2)
            return false;
        for (const char *c = line + 2; c < colon; c++)
            if (*c == ' ')
                return false;
    }
    return true;
}

static inline bool oom_is_json(const struct answer *answer)
{
    struct json_reader *reader = NULL;
    struct json root;
    bool is_json =
        json_reader_new(ANSWER_MAX, &reader) == OK &&
        json_parse(reader, (struct str){answer->body, answer->body_len}, &root, NULL) == OK;
    json_reader_free(reader);
    return is_json;
}

/* What is so when nothing fails. */
struct oom_good {
    int status;
    bool has_type;
    int64_t blame; /* failures that providers were charged with */
};

static inline bool oom_has_type(const struct answer *answer)
{
    return answer->raw && strstr(answer->raw, "\r\ncontent-type: ");
}

static inline bool oom_is_allowed(const struct answer *answer, const struct oom_good *good)
{
    if (answer->raw_len == 0)
        return true; /* a cut */
    if (!oom_is_head_sound(answer->raw))
        return false;
    if (answer->status >= 500)
        return answer->is_whole && (answer->body_len == 0 || oom_is_json(answer));
    return answer->status == good->status && oom_has_type(answer) == good->has_type;
}

static inline void oom_check_answer(const char *name, long nth, const struct answer *answer,
                                    const struct oom_good *good)
{
    if (oom_is_allowed(answer, good))
        return;
    print_error("%s, allocation %ld: %.1500s\n", name, nth, answer->raw ? answer->raw : "(none)");
    CHECK("an answer, an error or a cut", false);
}

/* ---- a scenario ------------------------------------------------------------------------------ */

struct oom_scenario {
    const char *name;
    int good_status; /* of an answer; 0: none is expected */
    /* Plays it; the answer is the runner's to free. */
    struct answer (*play)(struct stage *stage, const void *arg);
    /* A job that is on record as done: has the client, if it was not cut off, all of it? NULL: not looked at. */
    bool (*has_all)(const void *arg, const struct answer *answer);
    /* What must be so when nothing failed; NULL: only the status. */
    void (*check)(const void *arg, const struct answer *answer, const struct job_record *job);
    const void *arg;
};

static inline struct oom_good oom_run_well(struct stage *stage, const struct oom_scenario *scenario)
{
    oom_rewind(stage);
    struct answer answer = scenario->play(stage, scenario->arg);
    struct oom_jobs jobs = oom_jobs(stage, scenario->name);
    CHECK_INT(scenario->name, answer.status, scenario->good_status);
    CHECK_INT(scenario->name, jobs.open_count, 0);
    if (scenario->check)
        scenario->check(scenario->arg, &answer, &jobs.newest);
    struct oom_good good = {answer.status, oom_has_type(&answer), oom_blame(stage)};
    answer_free(&answer);
    return good;
}

/* Returns how many allocations there were. */
static inline long oom_run(struct stage *stage, const struct oom_scenario *scenario, long nth,
                           const struct oom_good *good)
{
    oom_rewind(stage);
    oom_begin(nth);
    int64_t before_ms = clock_monotonic_ms();
    struct answer answer = scenario->play(stage, scenario->arg);
    int64_t took_ms = clock_monotonic_ms() - before_ms;
    struct oom_jobs jobs = oom_jobs(stage, scenario->name);
    long count = oom_end();
    oom_check_answer(scenario->name, nth, &answer, good);
    if (oom_blame(stage) > good->blame || jobs.open_count > 0 || took_ms > OOM_SOON_MS)
        print_error("%s, allocation %ld: %s\n", scenario->name, nth, jobs.newest.attempt[0].reason);
    CHECK("soon", took_ms <= OOM_SOON_MS);
    CHECK_INT("no job is open", jobs.open_count, 0);
    CHECK("no provider is blamed for our memory", oom_blame(stage) <= good->blame);
    if (scenario->has_all && jobs.newest.status == JOB_DONE && answer.is_whole &&
        answer.status == good->status)
        CHECK(scenario->name, scenario->has_all(scenario->arg, &answer));
    stage_check(stage, scenario->name);
    answer_free(&answer);
    return count;
}

/* Once without a failure, so that what is made once and kept is there; then the failures. Of the scenarios that take
 * their time, being about waiting, two of three are left to the long run. */
static inline void oom_tell(struct stage *stage, const struct oom_scenario *scenario)
{
    int64_t before_ms = clock_monotonic_ms();
    struct oom_good good = oom_run_well(stage, scenario);
    bool is_slow = clock_monotonic_ms() - before_ms > OOM_SLOW_MS;
    if (is_slow && !oom_is_long() && str_hash(str_of(scenario->name)) % 3 != 0)
        return;
    long all = oom_run(stage, scenario, 0, &good), struck = 0, turn = 0;
    int64_t until_ms = clock_monotonic_ms() + OOM_BUDGET_MS;
    for (long nth; (nth = oom_nth(scenario->name, all, turn)) > 0; turn++) {
        if (struck > 0 && clock_monotonic_ms() > until_ms && !oom_is_long())
            break;
        (void)oom_run(stage, scenario, nth, &good);
        struck += oom_has_struck();
        (void)oom_run_well(stage, scenario);
    }
    CHECK(scenario->name, all == 0 || struck > 0);
    if (getenv("STORY_LOUD"))
        print_message("%s: %ld allocations, %ld failed\n", scenario->name, all, struck);
}
