/* tests/unit/gateway/test_workers.c: jobs at a worker, told as stories; and that whatever was taken is given back. */
#include "gateway/request.h"
#include "tests/unit/gateway/worker_stories.h"

struct story {
    const char *name;
    const char *answer_status, *answer_body;
    int busy_first, cut_first;
    const char *wait; /* X-Auxot-Wait */
    int status;       /* expected */
    int attempts;
    const char *reason; /* of the job */
};

// clang-format off
static const struct story stories[] = {
    {"an answer", "200 OK", WHOLE, 0, 0, "5s", 200, 1, "ok"},
    {"busy, not begun, is no attempt", "200 OK", WHOLE, 2, 0, "5s", 200, 1, "ok"},
    {"the caller's own fault is the caller's to see", "400 Bad", "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}", 0, 0, "5s", 400, 1, "bad_request"},
    {"a worker that fails, and no other", "500 Bad", "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}", 0, 0, "200ms", 502, 1, "attempts_exhausted"},
    {"a worker that dies over it: the wait for another ends", "200 OK", WHOLE, 0, 1, "300ms", 502, 1, "attempts_exhausted"},
};
// clang-format on

static void play(const struct story *story)
{
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.busy_first = story->busy_first, .cut_first = story->cut_first};
    char headers[64];
    stage_begin(&stage, 1);
    char *text = answer_text(story->answer_status, story->answer_body);
    worker.answer = text;
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    snprintf(headers, sizeof headers, "x-auxot-wait: %s\r\n", story->wait);
    struct answer answer = stage_ask(&stage, CHAT, headers, ASK);
    struct job_record job = stage_job(&stage);
    if (answer.status != story->status)
        print_error("%s\n", answer.raw);
    CHECK_INT(story->name, answer.status, story->status);
    CHECK_INT(story->name, job.attempt_count, story->attempts);
    CHECK_STR(story->name, job.reason, story->reason);
    if (story->attempts > 0)
        CHECK_STR(story->name, job.attempt[0].worker, worker.id);
    check_idle(&stage, story->name);
    answer_free(&answer);
    fake_worker_end(&worker);
    stage_end(&stage);
    free(text);
}

static void jobs_at_a_worker_end_as_the_stories_say(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++)
        play(&stories[i]);
}

static void one_slot_serves_many_in_turn(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.cut_first = 0};
    struct buf raw[8];
    int fds[8];
    char *text = answer_text("200 OK", WHOLE);
    stage_begin(&stage, 1);
    worker.answer = text;
    for (int i = 0; i < 8; i++) { /* before there is any worker: they wait */
        buf_init(&raw[i], 65536);
        fds[i] = client_open(&stage);
        client_ask(&stage, fds[i], CHAT, "x-auxot-wait: 5s\r\n", ASK);
    }
    while (figures_of(&stage).waiting < 8)
        sleep_ms(1);
    fake_worker_begin(&worker, &stage);
    for (int i = 0; i < 8; i++) {
        struct answer answer = client_finish(fds[i], &raw[i]);
        CHECK_INT("each is answered", answer.status, 200);
        answer_free(&answer);
    }
    CHECK_INT("once", atomic_load(&worker.jobs), 8);
    check_idle(&stage, "in turn");
    fake_worker_end(&worker);
    stage_end(&stage);
    free(text);
}

static void callers_that_leave_the_queue_leave_nothing_behind(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    int fds[16];
    stage_begin(&stage, 1);
    for (int i = 0; i < 16; i++) {
        fds[i] = client_open(&stage);
        client_ask(&stage, fds[i], CHAT, "x-auxot-wait: 30s\r\n", ASK);
    }
    while (figures_of(&stage).waiting < 16)
        sleep_ms(1);
    for (int i = 0; i < 16; i++)
        close(fds[i]);
    check_idle(&stage, "they left");
    stage_end(&stage);
}

static void a_server_that_stops_ends_what_waits_and_what_runs(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true, .is_cut_short = true};
    struct fake_worker worker = {.answer = ""}; /* it begins, and never ends */
    int fds[4];
    stage_begin(&stage, 1);
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    for (int i = 0; i < 4; i++) {
        fds[i] = client_open(&stage);
        client_ask(&stage, fds[i], CHAT, "x-auxot-wait: 30s\r\n", ASK);
    }
    while (figures_of(&stage).waiting < 3 || atomic_load(&worker.jobs) < 1)
        sleep_ms(1);
    atomic_store(&worker.is_tired, true);
    stage_end(&stage); /* the worker is still there */
    fake_worker_end(&worker);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void a_stale_epoch_is_refused(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.answer = "", .stage = &stage};
    struct answer answer;
    char body[128];
    stage_begin(&stage, 1);
    CHECK("registered", fake_register(&worker));
    long old = worker.epoch;
    CHECK("again", fake_register(&worker) && worker.epoch == old + 1);
    snprintf(body, sizeof body, "{\"worker_id\":\"%s\",\"epoch\":%ld}", worker.id, old);
    CHECK("the old one", !fake_post(&stage, "heartbeat", body, &answer));
    CHECK_INT("stale", answer.status, 409);
    CHECK("says so", strstr(answer.body, "\"stale_epoch\""));
    answer_free(&answer);
    snprintf(body, sizeof body, "{\"worker_id\":\"%s\",\"epoch\":%ld}", worker.id, worker.epoch);
    CHECK("the new one", fake_post(&stage, "heartbeat", body, &answer));
    answer_free(&answer);
    worker.epoch = old;
    CHECK_INT("no connection for it", fake_open(&worker, "reverse"), -1);
    CHECK_INT("counted", figures_of(&stage).stale_messages, 2);
    stage_end(&stage);
}

/* ---- a message that comes late ----------------------------------------------------------------------- */

/* On the loop: while it stands still the worker dies, and the message of that is behind this one; then the attempt ends
 * for another reason first, as when the connection's end is seen before. */
struct standstill {
    struct loop_message message;
    struct gateway_loop *gl;
    atomic_bool is_begun, may_go_on;
};

static void stand_still(struct loop_message *message)
{
    struct standstill *still = LIST_OWNER(message, struct standstill, message);
    atomic_store(&still->is_begun, true);
    while (!atomic_load(&still->may_go_on))
        sleep_ms(1);
    struct request *request = LIST_OWNER(still->gl->live.next, struct request, node);
    attempt_broken(request, "connection_reset", "seen first");
}

/* The same instance registers anew: what it was dies at once, with its leases. */
static void die(struct stage *stage, unsigned number)
{
    struct snapshot *snapshot = gateway_snapshot(stage->gateway);
    struct worker_hello hello = {.kind = "gpu", .slots = 1, .model_count = 1};
    struct worker_terms terms;
    struct error error;
    char id[ID_MAX];
    snprintf(hello.instance, sizeof hello.instance, "0123456789abcde%x", number);
    snprintf(hello.models[0].id, sizeof hello.models[0].id, "m1");
    CHECK_INT("registered anew",
              workers_register(gateway_workers(stage->gateway), &snapshot->worker_keys[0],
                               snapshot->routing.providers[0], &hello, id, &terms, &error),
              OK);
    snapshot_unref(snapshot);
}

/* Whose slot the request has by then, or waits for. */
enum next { NEXT_IS_WAITED_FOR, NEXT_IS_A_WORKER, NEXT_IS_A_CAP, NEXT_COUNT };

static void add_capped_cloud(struct stage *stage)
{
    struct provider_row *row = &stage->rows[1];
    snprintf(row->kind, sizeof row->kind, "openai");
    snprintf(row->base_url, sizeof row->base_url, "http://127.0.0.1:%d/v1", stage->up[1].port);
    row->max_concurrent = 1;
    stage_publish(stage, true);
}

/* The news of the old slot's end changes nothing for the next: it made the request go to a cloud twice. */
static void hear_late_of_a_death(const char *name, enum next next)
{
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker first = {.held_first = 1}, other = {.number = 1};
    struct buf raw;
    char *text = answer_text("200 OK", WHOLE);
    stage.up[1].plays[0] = stage.up[1].plays[1] = (struct play){{{ACT_SAY, text, 0}, KEEP}};
    stage_begin(&stage, 2);
    first.answer = other.answer = text;
    if (next == NEXT_IS_A_CAP)
        add_capped_cloud(&stage);
    fake_worker_begin(&first, &stage);
    fake_worker_await(&first, 1);
    buf_init(&raw, 65536);
    int fd = client_open(&stage);
    client_ask(&stage, fd, CHAT, "x-auxot-wait: 5s\r\n", ASK);
    while (atomic_load(&first.jobs) < 1)
        sleep_ms(1);
    if (next == NEXT_IS_A_WORKER) {
        fake_worker_begin(&other, &stage);
        fake_worker_await(&other, 1);
    }
    struct standstill still = {.message.run = stand_still, .gl = stage.gateway_loop};
    loop_post(stage.loop, &still.message);
    while (!atomic_load(&still.is_begun))
        sleep_ms(1);
    die(&stage, 0);
    atomic_store(&still.may_go_on, true);
    struct answer answer = client_finish(fd, &raw);
    CHECK_INT(name, answer.status, 200);
    CHECK_INT(name, stage_job(&stage).attempt_count, 2);
    pthread_mutex_lock(&stage.up[1].lock);
    int asked = atomic_load(&first.jobs) + atomic_load(&other.jobs) + stage.up[1].seen_count;
    pthread_mutex_unlock(&stage.up[1].lock);
    CHECK_INT(name, asked, 2);
    check_idle(&stage, name);
    answer_free(&answer);
    fake_worker_end(&first);
    if (next == NEXT_IS_A_WORKER)
        fake_worker_end(&other);
    stage_end(&stage);
    free(text);
}

static void a_death_that_is_told_late_sends_nothing_twice(void **unused)
{
    static const char *const names[NEXT_COUNT] = {"it waits for the next slot",
                                                  "it was granted a worker's", "it has a cloud's"};
    (void)unused;
    for (int next = 0; next < NEXT_COUNT; next++)
        hear_late_of_a_death(names[next], (enum next)next);
}

/* ---- budgets ----------------------------------------------------------------------------------- */

static int begin_ask(struct stage *stage, const char *wait, const char *ask)
{
    int fd = client_open(stage);
    client_ask(stage, fd, CHAT, wait, ask);
    return fd;
}

static void await_waiting(struct stage *stage, int64_t count)
{
    int64_t until_ms = clock_monotonic_ms() + IDLE_WAIT_MS;
    while (figures_of(stage).waiting < count && clock_monotonic_ms() < until_ms)
        sleep_ms(1);
    CHECK_INT("so many wait", figures_of(stage).waiting, count);
}

/* While a request waits, the queue grows so deep that a rule gives the cloud's dearest model: it was never admitted. */
static void a_dearer_model_is_not_asked_because_somebody_waited(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    stage.team_policy = "{\"budget_microusd_per_month\":3000}";
    struct fake_worker worker = {.held_first = 1};
    char *text = answer_text("200 OK", WHOLE);
    stage.up[1].plays[0] = (struct play){{WAIT(1500), {ACT_SAY, text, 0}, KEEP}};
    stage.up[1].plays[1] = (struct play){{{ACT_SAY, text, 0}, KEEP}};
    worker.answer = text;
    str_copy(STR("gpt-5.4-nano"), stage.rows[1].default_model, sizeof stage.rows[1].default_model);
    stage.rows[1].models_json =
        "[{\"id\":\"gpt-5.4-nano\",\"surfaced\":true},{\"id\":\"gpt-5.4-pro\",\"surfaced\":true}]";
    stage_begin(&stage, 2);
    stage.rows[0].rules_json = "[{\"condition\":\"queue_too_deep\",\"threshold\":1,"
                               "\"provider\":\"prv_2\",\"model\":\"gpt-5.4-pro\"}]";
    add_capped_cloud(&stage);
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    int fds[4];
    fds[0] = begin_ask(&stage, "x-auxot-wait: 5s\r\n", ASK);
    while (atomic_load(&worker.jobs) < 1)
        sleep_ms(1);
    fds[1] = begin_ask(&stage, "", "{\"model\":\"gpt-5.4-nano\",\"max_tokens\":9,\"messages\":[]}");
    while (upstream_count(&stage.up[1]) < 1)
        sleep_ms(1);
    fds[2] = begin_ask(&stage, "x-auxot-wait: 3s\r\n",
                       "{\"model\":\"auto\",\"max_tokens\":9,\"messages\":[]}");
    await_waiting(&stage, 1);
    fds[3] = begin_ask(&stage, "x-auxot-wait: 3s\r\n", ASK);
    await_waiting(&stage, 2);
    for (int i = 1; i < 4; i++) {
        struct buf raw;
        buf_init(&raw, 65536);
        struct answer answer = client_finish(fds[i], &raw);
        CHECK_INT("only the second is answered", answer.status == 200, i == 1);
        answer_free(&answer);
    }
    CHECK_STR("the dear model was not asked", upstream_seen(&stage.up[1], 1), "");
    close(fds[0]);
    check_idle(&stage, "idle");
    fake_worker_end(&worker);
    stage_end(&stage);
    free(text);
}

/* ---- F39: slots ------------------------------------------------------------------------------------ */

static void keep_view(void *arg, const struct worker_view *view)
{
    *(struct worker_view *)arg = *view;
}

static int64_t slots_of(struct stage *stage)
{
    static struct worker_view view;
    view.slots = -1;
    CHECK_INT("listed", workers_each(gateway_workers(stage->gateway), keep_view, &view), OK);
    return view.slots;
}

static void beat(struct fake_worker *worker, const char *more)
{
    struct answer answer;
    char body[256];
    snprintf(body, sizeof body, "{\"worker_id\":\"%s\",\"epoch\":%ld%s}", worker->id, worker->epoch,
             more);
    CHECK(more, fake_post(worker->stage, "heartbeat", body, &answer));
    answer_free(&answer);
}

static void cap(struct stage *stage, int64_t slots)
{
    stage->rows[0].max_concurrent = slots;
    stage_publish(stage, true);
}

static void whatever_a_worker_says_it_has_no_more_slots_than_an_admin_allows(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.stage = &stage, .slots = 8};
    stage_begin(&stage, 1);
    CHECK("registered", fake_register(&worker));
    CHECK_INT("as it says", slots_of(&stage), 8);
    cap(&stage, 2);
    CHECK_INT("a cap reaches who is there", slots_of(&stage), 2);
    beat(&worker, ",\"slots\":1000000000,\"models\":[\"m1\",\"m2\"]");
    CHECK_INT("also beside other models", slots_of(&stage), 2);
    beat(&worker, ",\"slots\":5");
    CHECK_INT("fewer, but not few enough", slots_of(&stage), 2);
    cap(&stage, 0);
    CHECK_INT("what it said last is remembered", slots_of(&stage), 5);
    beat(&worker, ",\"slots\":7");
    CHECK_INT("more only with a registration", slots_of(&stage), 5);
    beat(&worker, ",\"slots\":1");
    CHECK_INT("fewer at once", slots_of(&stage), 1);
    CHECK("again", fake_register(&worker));
    CHECK_INT("anew", slots_of(&stage), 8);
    stage_end(&stage);
}

/* ---- what is told of them -------------------------------------------------------------------------- */

static int count_news(struct stage *stage, const char *action)
{
    struct worker_news news;
    int count = 0;
    while (workers_take_news(gateway_workers(stage->gateway), &news))
        count += strcmp(news.action, action) == 0;
    return count;
}

static void a_goodbye_said_twice_is_one_event(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.stage = &stage};
    stage_begin(&stage, 1);
    CHECK("registered", fake_register(&worker));
    for (int i = 0; i < 3; i++) {
        struct answer answer;
        char body[128];
        snprintf(body, sizeof body, "{\"worker_id\":\"%s\",\"epoch\":%ld}", worker.id,
                 worker.epoch);
        CHECK("taken", fake_post(&stage, "deregister", body, &answer));
        answer_free(&answer);
    }
    CHECK_INT("once", count_news(&stage, "worker.left"), 1);
    CHECK("registered again", fake_register(&worker));
    CHECK_INT("back", count_news(&stage, "worker.returned"), 1);
    stage_end(&stage);
}

static void models_that_could_not_be_written_are_new_again(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.stage = &stage};
    struct worker_model models[DISPATCH_MODELS_MAX];
    char id[ID_MAX];
    stage_begin(&stage, 1);
    struct workers *workers = gateway_workers(stage.gateway);
    CHECK("registered", fake_register(&worker));
    beat(&worker, ",\"models\":[\"never-seen\"]");
    for (int i = 0; i < 2; i++) {
        size_t place = 0, count = 0;
        CHECK("new", workers_take_new_models(workers, &place, id, models, &count));
        CHECK_STR("whose", id, "prv_1");
        CHECK("which", count == 1 && worker_models_have(models, count, STR("never-seen")));
        workers_models_again(workers, id);
        CHECK("not in this walk", !workers_take_new_models(workers, &place, id, models, &count));
    }
    workers_models_again(workers, "prv_gone"); /* deleted meanwhile: nothing */
    stage_end(&stage);
}

TEST_MAIN(TEST(jobs_at_a_worker_end_as_the_stories_say), TEST(one_slot_serves_many_in_turn),
          TEST(callers_that_leave_the_queue_leave_nothing_behind),
          TEST(a_server_that_stops_ends_what_waits_and_what_runs), TEST(a_stale_epoch_is_refused),
          TEST(a_death_that_is_told_late_sends_nothing_twice),
          TEST(whatever_a_worker_says_it_has_no_more_slots_than_an_admin_allows),
          TEST(a_dearer_model_is_not_asked_because_somebody_waited),
          TEST(a_goodbye_said_twice_is_one_event),
          TEST(models_that_could_not_be_written_are_new_again))
