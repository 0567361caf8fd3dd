/* tests/unit/gateway/test_workers_warm.c: connections that have just brought an answer, and stay at hand (lot_warm.c). */
#include "gateway/request.h"
#include "tests/unit/gateway/worker_stories.h"

/* What happens to it while nobody reads. */
struct spoiling {
    const char *name;
    unsigned char op;
    const char *text;
    int rule_breaks;
};

static const struct spoiling spoilings[] = {
    {"a pong that comes late", 10, "", 0},
    {"a ping", 9, "are you there", 0},
    {"its worker closes it", 0, "", 0},
    {"a close", 8, "", 0},
    {"ready, said twice", 1, "{\"type\":\"ready\",\"epoch\":1}", 1},
    {"bytes that nobody asked for", 2, "junk", 1},
};

/* Three jobs: the first is answered over a connection that is spoilt then, the others are answered all the same, and
 * none is sent twice. */
static void spoil(const struct spoiling *spoiling)
{
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.says_at_once = true,
                                 .spoils = 1,
                                 .spoils_with = spoiling->op,
                                 .spoils_text = spoiling->text};
    char *text = answer_text("200 OK", WHOLE);
    stage_begin(&stage, 1);
    worker.answer = text;
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    for (int i = 0; i < 3; i++) {
        struct answer answer = stage_ask(&stage, CHAT, "x-auxot-wait: 5s\r\n", ASK);
        CHECK_INT(spoiling->name, answer.status, 200);
        CHECK_INT(spoiling->name, stage_job(&stage).attempt_count, 1);
        answer_free(&answer);
        while (atomic_load(&worker.spoilt) < 1 ||
               figures_of(&stage).rule_breaks < spoiling->rule_breaks)
            sleep_ms(1); /* a broken rule is seen when the lot has collected it */
    }
    CHECK_INT(spoiling->name, atomic_load(&worker.jobs), 3);
    CHECK_INT(spoiling->name, figures_of(&stage).rule_breaks, spoiling->rule_breaks);
    CHECK_INT(spoiling->name, atomic_load(&worker.registrations), 1);
    check_idle(&stage, spoiling->name);
    fake_worker_end(&worker);
    stage_end(&stage);
    free(text);
}

static void whatever_comes_over_a_connection_at_hand_loses_no_job(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(spoilings); i++)
        spoil(&spoilings[i]);
}

/* It is counted as parked before and after the lot has collected it, and serves on; it goes with its epoch. */
static void a_connection_at_hand_is_counted_and_goes_with_its_epoch(void **unused)
{
    (void)unused;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.says_at_once = true};
    char *text = answer_text("200 OK", WHOLE);
    stage_begin(&stage, 1);
    worker.answer = text;
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    for (int i = 0; i < 3; i++) {
        struct answer answer = stage_ask(&stage, CHAT, "x-auxot-wait: 5s\r\n", ASK);
        CHECK_INT("answered", answer.status, 200);
        answer_free(&answer);
        fake_worker_await(&worker, i + 2);
        CHECK_INT("at hand, and counted once", fake_parked(&worker), 1);
        if (i == 0)
            sleep_ms(2200); /* the lot has it */
        CHECK_INT("still counted once", fake_parked(&worker), 1);
    }
    CHECK_INT("one connection", atomic_load(&worker.readies), 4);
    struct fake_worker again = {.stage = &stage};
    CHECK("the same instance", fake_register(&again));
    struct answer answer = stage_ask(&stage, CHAT, "x-auxot-wait: 5s\r\n", ASK);
    CHECK_INT("by a new connection", answer.status, 200);
    CHECK_INT("registered anew", atomic_load(&worker.registrations), 2);
    CHECK_INT("once", atomic_load(&worker.jobs), 4);
    answer_free(&answer);
    fake_worker_end(&worker);
    stage_end(&stage);
    free(text);
}

TEST_MAIN(TEST(whatever_comes_over_a_connection_at_hand_loses_no_job),
          TEST(a_connection_at_hand_is_counted_and_goes_with_its_epoch))
