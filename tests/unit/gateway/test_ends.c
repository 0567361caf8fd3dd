/* tests/unit/gateway/test_ends.c: every way out of a request that is no answer, and what stays behind. */
#include "tests/unit/gateway/stories.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#define FAST_MS 1000 /* SPEC asks for 100 ms; a loaded machine under a sanitizer gets some more */

/* A request under way: the client has sent it, and read until `needle`. */
struct talk {
    int fd;
    struct buf raw;
};

static struct talk talk_begin(const struct stage *stage, const char *ask, const char *needle)
{
    struct talk talk = {.fd = client_open(stage)};
    buf_init(&talk.raw, ANSWER_MAX);
    client_ask(stage, talk.fd, CHAT, "", ask);
    if (needle)
        CHECK(needle, client_read_until(talk.fd, &talk.raw, needle));
    return talk;
}

static void talk_leave(struct talk *talk)
{
    close(talk->fd);
    buf_release(&talk->raw);
}

static bool is_soon(bool (*is_so)(struct upstream *up), struct upstream *up)
{
    for (int waited_ms = 0; waited_ms < FAST_MS; waited_ms += 2) {
        if (is_so(up))
            return true;
        sleep_ms(2);
    }
    return false;
}

static bool has_seen_one(struct upstream *up)
{
    return upstream_count(up) > 0;
}

static bool was_left(struct upstream *up)
{
    return upstream_left(up) > 0;
}

static void check_job(const struct job_record *job, const char *attempts, const char *ended)
{
    char said[512], status[96];
    story_attempts(job, said, sizeof said);
    snprintf(status, sizeof status, "%s %s", job_status_name(job->status), job->reason);
    CHECK_STR(ended, said, attempts);
    CHECK_STR(ended, status, ended);
}

static void a_client_that_leaves_closes_the_upstream_in_each_phase(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct play play;
        const char *ask, *needle;
        const char *provider;
        int64_t output_tokens;
    } phases[] = {
        {"before the head", {{STALL}}, ASK_STREAM, NULL, "", 0},
        {"a plain request", {{STALL}}, ASK, NULL, "", 0},
        {"while events are held", {{SAY(SSE ROLE), STALL}}, ASK_STREAM, NULL, "", 0},
        {"in mid-stream",
         {{SAY(SSE ROLE TEXT("12345678")), STALL}},
         ASK_STREAM,
         "12345678",
         "Provider 1",
         2},
        {"in a plain answer", {{SAY(JSON "{\"choices\":["), STALL}}, ASK, NULL, "", 0},
    };
    for (size_t i = 0; i < COUNT(phases); i++) {
        struct stage stage = {0};
        stage.up[0].plays[0] = phases[i].play;
        stage_begin(&stage, 1);
        struct talk talk = talk_begin(&stage, phases[i].ask, phases[i].needle);
        CHECK(phases[i].name, is_soon(has_seen_one, &stage.up[0]));
        sleep_ms(20);
        talk_leave(&talk);
        CHECK(phases[i].name, is_soon(was_left, &stage.up[0]));
        struct job_record job = stage_job(&stage);
        check_job(&job, "cancelled client_gone", "cancelled client_gone");
        CHECK_STR(phases[i].name, job.provider_name, phases[i].provider);
        CHECK_INT(phases[i].name, job.usage.output_tokens, phases[i].output_tokens);
        CHECK(phases[i].name, job.usage.is_estimated);
        stage_end(&stage);
    }
}

static void a_client_that_leaves_in_its_own_body_is_on_record(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){{STALL}};
    stage_begin(&stage, 1);
    int fd = client_open(&stage);
    char head[512];
    int len = snprintf(head, sizeof head,
                       "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-length: "
                       "1000\r\n\r\n{\"model\":",
                       stage.key);
    client_say(fd, head, (size_t)len);
    sleep_ms(30);
    close(fd);
    sleep_ms(30);
    struct job_record job = stage_job(&stage);
    check_job(&job, "", "refused body_incomplete");
    CHECK_INT("nobody was asked", upstream_count(&stage.up[0]), 0);
    stage_end(&stage);
}

static void a_revoked_key_ends_its_streams(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){{SAY(SSE ROLE TEXT("12345678")), STALL}};
    stage_begin(&stage, 1);
    struct talk talk = talk_begin(&stage, ASK_STREAM, "12345678");
    stage_publish(&stage, false);
    struct answer answer = client_finish(talk.fd, &talk.raw);
    CHECK("it is told", strstr(answer.body, "\"error\"") && strstr(answer.body, "revoked"));
    CHECK("properly", answer.is_whole && !strstr(answer.body, "[DONE]"));
    struct job_record job = stage_job(&stage);
    check_job(&job, "failed key_revoked", "failed key_revoked");
    CHECK_INT("what came is counted", job.usage.output_tokens, 2);
    CHECK("the upstream is let go", is_soon(was_left, &stage.up[0]));
    answer_free(&answer);
    stage_end(&stage);
}

static void a_revoked_key_ends_what_waits(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){{STALL}};
    stage_begin(&stage, 1);
    struct talk talk = talk_begin(&stage, ASK, NULL);
    CHECK("asked", is_soon(has_seen_one, &stage.up[0]));
    stage_publish(&stage, false);
    struct answer answer = client_finish(talk.fd, &talk.raw);
    CHECK_INT("status", answer.status, 401);
    struct job_record job = stage_job(&stage);
    check_job(&job, "failed key_revoked", "failed key_revoked");
    answer_free(&answer);
    stage_end(&stage);
}

static void a_cut_tells_the_clients(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){{SAY(SSE ROLE TEXT("a")), STALL}};
    stage_begin(&stage, 1);
    struct talk talk = talk_begin(&stage, ASK_STREAM, "\"a\"");
    gateway_cut(stage.gateway);
    struct answer answer = client_finish(talk.fd, &talk.raw);
    CHECK("it is told", answer.is_whole && strstr(answer.body, "shutting down"));
    struct job_record job = stage_job(&stage);
    check_job(&job, "failed shutdown", "failed shutdown");
    answer_free(&answer);
    stage_end(&stage);
}

/* The memory of what still ran is looked after by the sanitizer. */
static void a_server_may_be_freed_with_requests_under_way(void **state)
{
    (void)state;
    static const struct play plays[] = {
        {{STALL}},
        {{SAY(SSE ROLE TEXT("a")), STALL}},
        {{SAY(SSE ROLE TEXT("a") STOP DONE), STALL}}, /* draining */
    };
    for (size_t i = 0; i < COUNT(plays); i++) {
        struct stage stage = {.is_cut_short = true};
        stage.up[0].plays[0] = plays[i];
        stage_begin(&stage, 1);
        struct talk talk = talk_begin(&stage, ASK_STREAM, NULL);
        CHECK("asked", is_soon(has_seen_one, &stage.up[0]));
        sleep_ms(20);
        stage_end(&stage);
        talk_leave(&talk);
        CHECK_INT("no body is held", body_budget_used(), 0);
    }
}

static void a_draining_server_says_so(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){{STALL}};
    stage_begin(&stage, 1);
    gateway_drain(stage.gateway);
    struct answer answer = stage_ask(&stage, CHAT, "", ASK);
    CHECK_INT("status", answer.status, 503);
    CHECK("when to come back", strstr(answer.raw, "retry-after: 1\r\n"));
    struct job_record job = stage_job(&stage);
    check_job(&job, "", "refused draining");
    answer_free(&answer);
    stage_end(&stage);
}

static void a_full_server_takes_the_next_one_when_one_has_ended(void **state)
{
    (void)state;
    struct stage stage = {.options.tuning = {.max_concurrent = 1}};
    stage.up[0].plays[0] = (struct play){{SAY(SSE ROLE TEXT("a")), STALL}};
    stage.up[0].plays[1] = (struct play){{SAY(JSON WHOLE)}};
    stage_begin(&stage, 1);
    struct talk talk = talk_begin(&stage, ASK_STREAM, "\"a\"");
    struct answer answer = stage_ask(&stage, CHAT, "", ASK);
    CHECK_INT("full", answer.status, 503);
    answer_free(&answer);
    talk_leave(&talk);
    CHECK("idle", stage_is_idle(&stage));
    answer = stage_ask(&stage, CHAT, "", ASK);
    CHECK_INT("free again", answer.status, 200);
    answer_free(&answer);
    stage_end(&stage);
}

/* ---- clients that do not read -------------------------------------------------------------------- */

static void a_client_that_does_not_read_holds_the_provider_back(void **state)
{
    (void)state;
    struct stage stage = {.options.tuning = {.keepalive_ms = 20}};
    stage.up[0].plays[0] =
        (struct play){{SAY(SSE ROLE), REPEAT(TEXT("0123456789"), 200000), SAY(STOP DONE)}};
    stage_begin(&stage, 1);
    int fd = client_open(&stage);
    struct talk talk = {.fd = fd};
    buf_init(&talk.raw, ANSWER_MAX);
    client_ask(&stage, fd, CHAT, "", ASK_STREAM);
    sleep_ms(300);
    pthread_mutex_lock(&stage.up[0].lock);
    int64_t said_bytes = stage.up[0].said_bytes;
    pthread_mutex_unlock(&stage.up[0].lock);
    CHECK("the provider waits", said_bytes < 12000000); /* of 20 MB: socket buffers on the way */
    struct answer answer = client_finish(fd, &talk.raw);
    size_t wanted = strlen(ROLE) + 200000 * strlen(TEXT("0123456789")) + strlen(STOP DONE);
    CHECK_INT("all of it, and no keep-alive in a full pipe", answer.body_len, wanted);
    CHECK("whole", answer.is_whole);
    struct job_record job = stage_job(&stage);
    check_job(&job, "ok", "done ok");
    answer_free(&answer);
    stage_end(&stage);
}

static void an_answer_is_settled_though_its_client_still_reads(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage.up[0].plays[0] = (struct play){
        {SAY(SSE ROLE TEXT("a")), REPEAT(TEXT("0123456789"), 3000), SAY(STOP DONE), STALL}};
    stage_begin(&stage, 1);
    struct talk talk = talk_begin(&stage, ASK_STREAM, "\"a\"");
    CHECK("idle without being read", stage_is_idle(&stage));
    struct answer answer = client_finish(talk.fd, &talk.raw);
    CHECK("whole", answer.is_whole && strstr(answer.body, "[DONE]"));
    answer_free(&answer);
    stage_end(&stage);
}

static void a_silence_inside_an_event_costs_nothing(void **state)
{
    (void)state;
    struct stage stage = {.options.tuning = {.keepalive_ms = 10}};
    stage.up[0].plays[0] =
        (struct play){{SAY(SSE ROLE TEXT("a") "data: {\"choices\":[{\"delta\":{\"content\":\""),
                       FILL(600000), WAIT(1000), SAY("\"}}]}\n\n" STOP DONE)}};
    stage_begin(&stage, 1);
    clock_t before = clock();
    struct talk talk = talk_begin(&stage, ASK_STREAM, "\"a\"");
    struct answer answer = client_finish(talk.fd, &talk.raw);
    double used_s = (double)(clock() - before) / CLOCKS_PER_SEC;
    CHECK("whole", answer.is_whole && strstr(answer.body, "[DONE]"));
    CHECK("the processor rests", used_s < 0.7);
    answer_free(&answer);
    stage_end(&stage);
}

/* ---- health trials ------------------------------------------------------------------------------- */

static void make_over_quota(struct stage *stage)
{
    struct live_provider *live = stage_live(stage, 0);
    pthread_mutex_lock(&live->lock);
    live->health.state = STATE_OVER_QUOTA;
    live->health.cause = VERDICT_LIMIT;
    live->health.until_ms = clock_monotonic_ms() - 1;
    pthread_mutex_unlock(&live->lock);
}

static void a_trial_ends_with_its_request(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct play plays[2];
        bool leaves;
        enum provider_state state;
    } ways[] = {
        {"it answers", {{{SAY(SSE ROLE TEXT("a") STOP DONE)}}}, false, STATE_ONLINE},
        {"it fails", {{{SAY(ERROR("500", "", ""))}}}, false, STATE_OVER_QUOTA},
        {"it is over its quota still", {{{SAY(ERROR("429", "", ""))}}}, false, STATE_OVER_QUOTA},
        {"the caller's fault", {{{SAY(ERROR("400", "", ""))}}}, false, STATE_OVER_QUOTA},
        {"the client leaves", {{{STALL}}}, true, STATE_OVER_QUOTA},
        {"asked again without the usage option",
         {{{SAY(ERROR("400", "", OPENAI_ERROR("unknown stream_options", "x", "null")))}},
          {{SAY(SSE ROLE TEXT("a") STOP DONE)}}},
         false,
         STATE_ONLINE},
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct stage stage = {0};
        memcpy(stage.up[0].plays, ways[i].plays, sizeof ways[i].plays);
        stage_begin(&stage, 1);
        make_over_quota(&stage);
        struct talk talk = talk_begin(&stage, ASK_STREAM, NULL);
        CHECK(ways[i].name, is_soon(has_seen_one, &stage.up[0]));
        if (ways[i].leaves) {
            talk_leave(&talk);
        } else {
            struct answer answer = client_finish(talk.fd, &talk.raw);
            answer_free(&answer);
        }
        stage_check(&stage, ways[i].name);
        struct live_provider *live = stage_live(&stage, 0);
        pthread_mutex_lock(&live->lock);
        enum provider_state now = live->health.state;
        pthread_mutex_unlock(&live->lock);
        CHECK_STR(ways[i].name, provider_state_name(now), provider_state_name(ways[i].state));
        stage_end(&stage);
    }
}

/* ---- one write of the journal for a whole turn ------------------------------------------------- */

/* The loop stands still until `go`, so that whatever comes meanwhile is read in one turn. */
struct standstill {
    struct loop_message message;
    sem_t stands, go;
};

static void stand_still(struct loop_message *message)
{
    struct standstill *still = LIST_OWNER(message, struct standstill, message);
    sem_post(&still->stands);
    while (sem_wait(&still->go) != 0)
        ;
}

static void standstill_begin(struct standstill *still, struct stage *stage)
{
    sem_init(&still->stands, 0, 0);
    sem_init(&still->go, 0, 0);
    still->message = (struct loop_message){.run = stand_still};
    loop_post(stage->loop, &still->message);
    while (sem_wait(&still->stands) != 0)
        ;
}

static void open_all(const struct stage *stage, int *fds, int count)
{
    for (int i = 0; i < count; i++)
        fds[i] = client_open(stage);
    for (int waited_ms = 0; waited_ms < FAST_MS; waited_ms += 2) {
        if (http_listener_connections(stage->listener) == count)
            return;
        sleep_ms(2);
    }
    CHECK("all are connected", false);
}

static struct play play_whole(struct upstream *up, int number)
{
    (void)up;
    (void)number;
    return (struct play){{SAY(JSON WHOLE)}};
}

static void requests_of_one_turn_are_answered_and_recorded_each(void **state)
{
    (void)state;
    enum { CLIENTS = 8, LEAVERS = 3 };
    int fds[CLIENTS];
    struct stage stage = {.up[0].choose = play_whole};
    struct standstill still;
    stage_begin(&stage, 1);
    open_all(&stage, fds, CLIENTS);
    standstill_begin(&still, &stage);
    for (int i = 0; i < CLIENTS; i++)
        client_ask(&stage, fds[i], CHAT, "", ASK);
    for (int i = 0; i < LEAVERS; i++)
        close(fds[i]);
    sem_post(&still.go);
    for (int i = LEAVERS; i < CLIENTS; i++) {
        struct buf raw;
        buf_init(&raw, ANSWER_MAX);
        struct answer answer = client_finish(fds[i], &raw);
        CHECK_INT("answered", answer.status, 200);
        CHECK_STR("whole", answer.body, WHOLE);
        answer_free(&answer);
    }
    stage_job(&stage);
    struct job_filter filter = {.limit = CLIENTS + 1, .status = "done"};
    struct jobs_seen done = {0};
    struct error error;
    char next[96];
    CHECK_INT("jobs", store_jobs(stage.kept.store, &filter, stage_on_job, &done, next, &error), OK);
    CHECK("each answer is on record", done.count >= CLIENTS - LEAVERS);
    struct jobs_seen all = {0};
    filter.status[0] = '\0';
    CHECK_INT("jobs", store_jobs(stage.kept.store, &filter, stage_on_job, &all, next, &error), OK);
    CHECK_INT("each request is, once", all.count, CLIENTS);
    stage_end(&stage);
}

static void let_files_be_written(bool may)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT("limit", getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = may ? limit.rlim_max : 1;
    CHECK_INT("limit", setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Some run already, so that the segment is there and only the write fails. */
static void nobody_is_asked_when_the_record_cannot_be_written(void **state)
{
    (void)state;
    enum { CLIENTS = 3 };
    int fds[CLIENTS];
    struct stage stage = {.up[0].choose = play_whole};
    struct standstill still;
    stage_begin(&stage, 1);
    struct answer first = stage_ask(&stage, CHAT, "", ASK);
    CHECK_INT("before", first.status, 200);
    answer_free(&first);
    stage_job(&stage);
    open_all(&stage, fds, CLIENTS);
    standstill_begin(&still, &stage);
    for (int i = 0; i < CLIENTS; i++)
        client_ask(&stage, fds[i], CHAT, "", ASK);
    let_files_be_written(false);
    sem_post(&still.go);
    for (int i = 0; i < CLIENTS; i++) {
        struct buf raw;
        buf_init(&raw, ANSWER_MAX);
        struct answer answer = client_finish(fds[i], &raw);
        CHECK_INT("refused", answer.status, 503);
        CHECK("says why", strstr(answer.body, "cannot write the journal") != NULL);
        answer_free(&answer);
    }
    let_files_be_written(true);
    CHECK_INT("nobody saw them", upstream_count(&stage.up[0]), 1);
    stage_end(&stage);
}

TEST_MAIN(TEST(a_client_that_leaves_closes_the_upstream_in_each_phase),
          TEST(a_client_that_leaves_in_its_own_body_is_on_record),
          TEST(a_revoked_key_ends_its_streams), TEST(a_revoked_key_ends_what_waits),
          TEST(a_cut_tells_the_clients), TEST(a_server_may_be_freed_with_requests_under_way),
          TEST(a_draining_server_says_so),
          TEST(a_full_server_takes_the_next_one_when_one_has_ended),
          TEST(a_client_that_does_not_read_holds_the_provider_back),
          TEST(an_answer_is_settled_though_its_client_still_reads),
          TEST(a_silence_inside_an_event_costs_nothing), TEST(a_trial_ends_with_its_request),
          TEST(requests_of_one_turn_are_answered_and_recorded_each),
          TEST(nobody_is_asked_when_the_record_cannot_be_written))
