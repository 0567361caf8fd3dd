/* tests/unit/gateway/test_monkey.c: providers that answer anything, callers that do anything. What must hold
 * whatever happens: no answer is spliced, every request ends once and is on record as ended, nothing that
 * was taken is kept, and the attempts' table has no hole.
 */
#include "tests/unit/gateway/stories.h"

#define ROUNDS  60
#define CALLERS 4 /* at once */

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 10) % below;
}

/* Texts name their provider, so that a splice can be seen. */
#define SAYS(n)                                                                \
    {                                                                          \
        TEXT("from-" n), "data: {\"error\":{\"message\":\"from-" n "\"}}\n\n", \
            "{\"choices\":[{\"message\":{\"content\":\"from-" n                \
            "\"},\"finish_reason\":\"stop\"}]}"                                \
    }
static const char *const texts[STAGE_PROVIDERS][3] = {SAYS("1"), SAYS("2"), SAYS("3")};

static const char *const heads[] = {
    SSE,
    SSE,
    SSE,
    JSON,
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
    "HTTP/1.1 500 Oh\r\n\r\n",
    "HTTP/1.1 429 Oh\r\nretry-after: 1\r\n\r\n",
    "HTTP/1.1 400 Oh\r\n\r\n",
    "HTTP/1.1 401 Oh\r\n\r\n",
    "HTTP/1.1 404 Oh\r\ncontent-encoding: br\r\n\r\n",
    "HTTP/1.1 307 Oh\r\n\r\n",
    "HTTP/1.1 204 None\r\n\r\n",
    "garbage\r\n\r\n",
    ("HTTP/1.1 100 Go\r\n\r\n" SSE),
};

static const char *const events[] = {
    ROLE,
    STOP,
    USAGE,
    DONE,
    ": comment\n\n",
    "\n",
    "\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"half",
    "data: <html>\n\n",
    "event: error\n\n",
    "data: [DONE]",
    OPENAI_ERROR("stream_options", "x", "null"),
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1e99}}\n\n",
};

static struct step random_step(struct upstream *up, uint32_t provider)
{
    uint32_t kind = draw(&up->seed, 20);
    if (kind < 7)
        return (struct step){ACT_SAY, texts[provider][draw(&up->seed, 3)], 0};
    if (kind < 15)
        return (struct step){ACT_SAY, events[draw(&up->seed, COUNT(events))], 0};
    if (kind == 15)
        return (struct step){ACT_FILL, "x", 1 + draw(&up->seed, 700000)};
    if (kind == 16)
        return (struct step){ACT_FILL, ROLE, 1 + draw(&up->seed, 3000)};
    if (kind == 17)
        return (struct step){ACT_RESET, NULL, 0};
    return (struct step){ACT_WAIT, NULL, 1 + draw(&up->seed, 30)};
}

static struct play random_play(struct upstream *up, int number)
{
    (void)number;
    struct play play = {0};

    uint32_t provider = (uint32_t)up->plays[0].steps[0].amount; /* where the test wrote it */
    uint32_t count = draw(&up->seed, 10);
    if (draw(&up->seed, 10) > 0)
        play.steps[0] = (struct step){ACT_SAY, heads[draw(&up->seed, COUNT(heads))], 0};
    for (uint32_t i = 1; i <= count; i++)
        play.steps[i] = random_step(up, provider);
    if (draw(&up->seed, 2) > 0)
        play.steps[count + 1] = (struct step){ACT_SAY, STOP DONE, 0};
    return play;
}

static void check_not_spliced(const struct answer *answer)
{
    int speakers = 0;
    const char *const names[] = {"from-1", "from-2", "from-3"};
    for (size_t i = 0; i < COUNT(names); i++)
        speakers += strstr(answer->body, names[i]) != NULL;
    CHECK("one provider's words only", speakers <= 1);
}

/* The words of a failure may quote a provider: behind an error only that error speaks. */
static void one_caller(const struct stage *stage, uint32_t *seed, int fd, bool is_leaving)
{
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    if (is_leaving) {
        sleep_ms(draw(seed, 15));
        close(fd);
        return;
    }
    (void)stage;
    struct answer answer = client_finish(fd, &raw);
    bool is_error = strstr(answer.body, "The last one said") != NULL;
    if (!is_error)
        check_not_spliced(&answer);
    CHECK("an answer, or a cut", answer.status == 0 || answer.status >= 200);
    answer_free(&answer);
}

static void heal(struct stage *stage)
{
    for (size_t i = 0; i < stage->provider_count; i++) {
        struct live_provider *live = stage_live(stage, i);
        pthread_mutex_lock(&live->lock);
        health_clear(&live->health, clock_monotonic_ms());
        pthread_mutex_unlock(&live->lock);
    }
}

static void count_job(void *arg, const struct job_record *job)
{
    int *counts = arg;
    counts[0]++;
    counts[1] += job->status == JOB_OPEN || strcmp(job->reason, "internal") == 0;
    for (int i = 0; i < job->attempt_count; i++)
        counts[1] += job->attempt[i].outcome[0] == '\0';
}

static void check_records(struct stage *stage, int wanted)
{
    struct error error = {0};
    struct job_filter filter = {.limit = JOBS_PAGE_MAX};
    int counts[2] = {0};
    CHECK_INT("drain", store_drain(stage->kept.store, 10000), OK);
    do {
        char next[96];
        CHECK_INT("jobs", store_jobs(stage->kept.store, &filter, count_job, counts, next, &error),
                  OK);
        str_copy(str_of(next), filter.cursor, sizeof filter.cursor);
    } while (filter.cursor[0]);
    CHECK_INT("every request is on record", counts[0], wanted);
    CHECK_INT("and ended as it may", counts[1], 0);
}

static void whatever_happens_nothing_is_spliced_lost_or_kept(void **state)
{
    (void)state;
    static const char *const asks[] = {ASK_STREAM, ASK_STREAM, ASK, ASK_USAGE};
    const char *given = getenv("MONKEY_SEED");
    uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 10) : 7;
    struct stage stage = {
        .options.tuning = {.late_head_ms = 10, .keepalive_ms = 10, .job_timeout_ms = 1500}};
    for (uint32_t i = 0; i < STAGE_PROVIDERS; i++) {
        stage.up[i].choose = random_play;
        stage.up[i].seed = seed * 31 + i;
        stage.up[i].plays[0].steps[0].amount = i;
    }
    stage_begin(&stage, STAGE_PROVIDERS);
    for (int round = 0; round < ROUNDS; round++) {
        int fds[CALLERS];
        heal(&stage);
        for (int i = 0; i < CALLERS; i++) {
            fds[i] = client_open(&stage);
            client_ask(&stage, fds[i], CHAT, "", asks[draw(&seed, COUNT(asks))]);
        }
        if (draw(&seed, 4) == 0)
            stage_publish(&stage, true);
        if (draw(&seed, 8) == 0)
            gateway_cut(stage.gateway);
        for (int i = 0; i < CALLERS; i++)
            one_caller(&stage, &seed, fds[i], draw(&seed, 8) == 0);
    }
    stage_check(&stage, "all of them");
    check_records(&stage, ROUNDS * CALLERS);
    stage_end(&stage);
}

TEST_MAIN(TEST(whatever_happens_nothing_is_spliced_lost_or_kept))
