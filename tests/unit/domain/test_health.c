/* tests/unit/domain/test_health.c: SPEC 4.1's state table, as stories in time. */
#include "domain/health.h"
#include "tests/test.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum what {
    END,
    OKAY,    /* a success at `at` */
    FAIL,    /* a failure: verdict, reason, retry_ms */
    TIMES_3, /* FAIL three times */
    BEGIN,   /* an attempt; `number` says whether it may go */
    GONE,    /* the trial's client left */
    CLEAR,
    NO_MODELS,
    LOOK,   /* `state` is expected; `number` is until_ms when it is not 0 */
    MAY_TRY /* `number` says whether over_quota may be tried */
};

#define NOT_TOLD RETRY_UNKNOWN_MS

struct event {
    enum what what;
    int64_t at;
    enum verdict verdict;
    const char *reason;
    int64_t number;
    enum provider_state state;
};

#define MAX_EVENTS 16
#define FAILS(when, kind, code, retry)                                                             \
    {                                                                                              \
        .what = FAIL, .at = (when), .verdict = VERDICT_##kind, .reason = (code), .number = (retry) \
    }
#define FAILS_3(when, kind)                                                      \
    {                                                                            \
        .what = TIMES_3, .at = (when), .verdict = VERDICT_##kind, .reason = "x", \
        .number = NOT_TOLD                                                       \
    }
#define SUCCEEDS(when)             \
    {                              \
        .what = OKAY, .at = (when) \
    }
#define IS(when, name)                                    \
    {                                                     \
        .what = LOOK, .at = (when), .state = STATE_##name \
    }
#define UNTIL(when, name, until)                                             \
    {                                                                        \
        .what = LOOK, .at = (when), .state = STATE_##name, .number = (until) \
    }
#define BEGINS(when, goes)                            \
    {                                                 \
        .what = BEGIN, .at = (when), .number = (goes) \
    }
#define TRIAL(when, may)                               \
    {                                                  \
        .what = MAY_TRY, .at = (when), .number = (may) \
    }

// clang-format off
static const struct story {
    const char  *name;
    struct event events[MAX_EVENTS];
} stories[] = {
    {"a new provider is online", {IS(0, ONLINE), BEGINS(0, 1)}},
    {"two faults in a row are bad luck, three degrade it for a minute",
     {FAILS(0, SERVER, "server_error", NOT_TOLD), FAILS(1, SERVER, "server_error", NOT_TOLD),
      IS(1, ONLINE), FAILS(2, SERVER, "server_error", NOT_TOLD), UNTIL(2, DEGRADED, MINUTE + 2)}},
    {"a success in between starts the count again",
     {FAILS(0, SERVER, "x", NOT_TOLD), FAILS(1, SERVER, "x", NOT_TOLD), SUCCEEDS(2),
      FAILS(3, SERVER, "x", NOT_TOLD), IS(3, ONLINE)}},
    {"resets count with the 5xx",
     {FAILS(0, SERVER, "x", NOT_TOLD), FAILS(1, NETWORK, "reset", NOT_TOLD),
      FAILS(2, NETWORK, "timeout", NOT_TOLD), IS(2, DEGRADED)}},
    {"a degraded provider is still tried, and its first success ends it",
     {FAILS_3(0, SERVER), IS(1, DEGRADED), BEGINS(1, 1), SUCCEEDS(2), IS(2, ONLINE)}},
    {"degraded ends by itself", {FAILS_3(0, SERVER), IS(MINUTE - 1, DEGRADED), IS(MINUTE, ONLINE)}},
    {"and comes back, twice as long, with the first failure after it",
     {FAILS_3(0, SERVER), FAILS(MINUTE, SERVER, "x", NOT_TOLD),
      UNTIL(MINUTE, DEGRADED, 3 * MINUTE), FAILS(3 * MINUTE, SERVER, "x", NOT_TOLD),
      UNTIL(3 * MINUTE, DEGRADED, 7 * MINUTE)}},
    {"failures of requests that began before it do not make it longer",
     {FAILS_3(0, SERVER), FAILS_3(1, SERVER), FAILS_3(2, SERVER), UNTIL(3, DEGRADED, MINUTE)}},
    {"ten minutes are the longest",
     {FAILS_3(0, SERVER), FAILS(HOUR, SERVER, "x", NOT_TOLD), FAILS(2 * HOUR, SERVER, "x", NOT_TOLD),
      FAILS(3 * HOUR, SERVER, "x", NOT_TOLD), FAILS(4 * HOUR, SERVER, "x", NOT_TOLD),
      FAILS(5 * HOUR, SERVER, "x", NOT_TOLD), UNTIL(5 * HOUR, DEGRADED, 5 * HOUR + 10 * MINUTE)}},
    {"after a success the next trouble starts at a minute again",
     {FAILS_3(0, SERVER), FAILS(MINUTE, SERVER, "x", NOT_TOLD), SUCCEEDS(2 * MINUTE),
      FAILS_3(HOUR, SERVER), UNTIL(HOUR, DEGRADED, HOUR + MINUTE)}},
    {"nobody listens: degraded at once",
     {FAILS(0, NETWORK, "connect_refused", NOT_TOLD), UNTIL(0, DEGRADED, MINUTE)}},
    {"a bad certificate: degraded at once",
     {FAILS(0, NETWORK, "tls_certificate", NOT_TOLD), IS(0, DEGRADED)}},
    {"no such name: degraded at once", {FAILS(0, NETWORK, "dns_not_found", NOT_TOLD), IS(0, DEGRADED)}},
    {"a timeout alone does not degrade", {FAILS(0, NETWORK, "timeout", NOT_TOLD), IS(0, ONLINE)}},
    {"overloaded: degraded at once, for as long as it says",
     {FAILS(0, BUSY, "overloaded", 7 * SECOND), UNTIL(0, DEGRADED, 7 * SECOND),
      IS(7 * SECOND, ONLINE)}},
    {"overloaded without a time: five seconds, doubling to a minute",
     {FAILS(0, BUSY, "overloaded", NOT_TOLD), UNTIL(0, DEGRADED, 5 * SECOND),
      FAILS(HOUR, BUSY, "overloaded", NOT_TOLD), UNTIL(HOUR, DEGRADED, HOUR + 10 * SECOND),
      FAILS(2 * HOUR, BUSY, "overloaded", NOT_TOLD), FAILS(3 * HOUR, BUSY, "overloaded", NOT_TOLD),
      FAILS(4 * HOUR, BUSY, "overloaded", NOT_TOLD), FAILS(5 * HOUR, BUSY, "overloaded", NOT_TOLD),
      UNTIL(5 * HOUR, DEGRADED, 5 * HOUR + MINUTE)}},
    {"a short overload does not shorten a longer rest",
     {FAILS_3(0, SERVER), FAILS(1, BUSY, "overloaded", SECOND), UNTIL(1, DEGRADED, MINUTE)}},
    {"a rate limit: left alone until the reset",
     {FAILS(0, LIMIT, "rate_limited", 7 * SECOND), UNTIL(0, OVER_QUOTA, 7 * SECOND),
      TRIAL(7 * SECOND - 1, 0), BEGINS(7 * SECOND - 1, 0), TRIAL(7 * SECOND, 1)}},
    {"a rate limit without a time: thirty seconds, every time",
     {FAILS(0, LIMIT, "rate_limited", NOT_TOLD), UNTIL(0, OVER_QUOTA, 30 * SECOND),
      FAILS(HOUR, LIMIT, "rate_limited", NOT_TOLD), UNTIL(HOUR, OVER_QUOTA, HOUR + 30 * SECOND)}},
    {"one trial at a time, and its success ends it",
     {FAILS(0, LIMIT, "x", SECOND), BEGINS(SECOND, 1), TRIAL(SECOND, 0), BEGINS(SECOND, 0),
      SUCCEEDS(2 * SECOND), IS(2 * SECOND, ONLINE), BEGINS(2 * SECOND, 1)}},
    {"a trial that is refused again rests again",
     {FAILS(0, LIMIT, "x", SECOND), BEGINS(SECOND, 1), FAILS(2 * SECOND, LIMIT, "x", MINUTE),
      UNTIL(2 * SECOND, OVER_QUOTA, 2 * SECOND + MINUTE), TRIAL(2 * SECOND, 0)}},
    {"a trial whose client leaves lets another try",
     {FAILS(0, LIMIT, "x", SECOND), BEGINS(SECOND, 1), {.what = GONE}, TRIAL(SECOND, 1),
      BEGINS(SECOND, 1)}},
    {"a trial that fails by the caller's fault lets another try",
     {FAILS(0, LIMIT, "x", SECOND), BEGINS(SECOND, 1), FAILS(SECOND, CALLER, "bad_request", NOT_TOLD),
      BEGINS(SECOND, 1)}},
    {"a trial that fails by the service's fault lets another try",
     {FAILS(0, LIMIT, "x", SECOND), BEGINS(SECOND, 1), FAILS(SECOND, SERVER, "x", NOT_TOLD),
      IS(SECOND, OVER_QUOTA), BEGINS(SECOND, 1)}},
    {"a success that began before the limit does not end it",
     {FAILS(0, LIMIT, "x", MINUTE), SUCCEEDS(1), IS(1, OVER_QUOTA)}},
    {"faults do not soften a limit", {FAILS(0, LIMIT, "x", MINUTE), FAILS_3(1, SERVER), IS(1, OVER_QUOTA)}},
    {"a limit is stronger than a fault",
     {FAILS_3(0, SERVER), FAILS(1, LIMIT, "x", SECOND), UNTIL(1, OVER_QUOTA, SECOND + 1)}},
    {"the longer of two limits holds",
     {FAILS(0, LIMIT, "x", MINUTE), FAILS(1, LIMIT, "x", SECOND), UNTIL(1, OVER_QUOTA, MINUTE)}},
    {"money gone: a quarter of an hour, doubling to six hours",
     {FAILS(0, SPENT, "insufficient_quota", NOT_TOLD), UNTIL(0, OVER_QUOTA, 15 * MINUTE),
      BEGINS(15 * MINUTE, 1), FAILS(15 * MINUTE, SPENT, "x", NOT_TOLD),
      UNTIL(15 * MINUTE, OVER_QUOTA, 45 * MINUTE), FAILS(HOUR, SPENT, "x", NOT_TOLD),
      FAILS(24 * HOUR, SPENT, "x", NOT_TOLD), FAILS(48 * HOUR, SPENT, "x", NOT_TOLD),
      FAILS(72 * HOUR, SPENT, "x", NOT_TOLD), FAILS(96 * HOUR, SPENT, "x", NOT_TOLD),
      UNTIL(96 * HOUR, OVER_QUOTA, 102 * HOUR)}},
    {"money gone until a date", {FAILS(0, SPENT, "spend_limit", 200 * HOUR), UNTIL(0, OVER_QUOTA, 200 * HOUR)}},
    {"a rate limit says nothing new of an empty account",
     {FAILS(0, SPENT, "x", HOUR), FAILS(1, LIMIT, "x", 2 * HOUR), UNTIL(1, OVER_QUOTA, HOUR)}},
    {"a refused key: error, until something changes",
     {FAILS(0, KEY, "invalid_api_key", NOT_TOLD), IS(0, ERROR), BEGINS(1, 0), IS(100 * HOUR, ERROR)}},
    {"a probe that succeeds ends error", {FAILS(0, KEY, "x", NOT_TOLD), SUCCEEDS(5 * MINUTE), IS(5 * MINUTE, ONLINE)}},
    {"nothing softens error",
     {FAILS(0, KEY, "x", NOT_TOLD), FAILS_3(1, SERVER), FAILS(2, LIMIT, "x", 1), FAILS(3, BUSY, "x", 1),
      IS(4, ERROR)}},
    {"a new key forgets everything", {FAILS(0, KEY, "x", NOT_TOLD), {.what = CLEAR, .at = 1}, IS(1, ONLINE)}},
    {"no models: error", {{.what = NO_MODELS, .at = 0}, IS(0, ERROR)}},
    {"the caller's faults change nothing",
     {FAILS_3(0, CALLER), FAILS_3(0, PARAM), FAILS_3(0, LONG), FAILS_3(0, POLICY), FAILS_3(0, MODEL),
      IS(0, ONLINE)}},
    {"nor do they end a run of faults",
     {FAILS(0, SERVER, "x", NOT_TOLD), FAILS(1, SERVER, "x", NOT_TOLD), FAILS(2, CALLER, "x", NOT_TOLD),
      FAILS(3, SERVER, "x", NOT_TOLD), IS(3, DEGRADED)}},
};
// clang-format on

static void fail_as(struct health *health, const struct event *event)
{
    struct verdict_report report = {.verdict = event->verdict, .retry_after_ms = event->number};
    str_copy(str_of(event->reason), report.reason, sizeof report.reason);
    str_copy(STR("what the vendor said"), report.sentence, sizeof report.sentence);
    health_on_failure(health, &report, STR("m"), 1, 1, event->at, 0.0);
}

static void play(const char *name, struct health *health, const struct event *event)
{
    bool is_trial = false;
    struct health_view view = health_look(health, false, event->at);
    switch (event->what) {
    case OKAY: health_on_success(health, event->at); break;
    case TIMES_3:
        fail_as(health, event);
        fail_as(health, event);
        fail_as(health, event);
        break;
    case FAIL: fail_as(health, event); break;
    case BEGIN:
        CHECK_INT(name, health_begin_attempt(health, event->at, &is_trial), event->number);
        CHECK(name, is_trial == (event->number && view.state == STATE_OVER_QUOTA));
        break;
    case GONE: health_end_trial(health); break;
    case CLEAR: health_clear(health, event->at); break;
    case NO_MODELS: health_on_no_models(health, event->at, "no models"); break;
    case LOOK:
        CHECK_STR(name, provider_state_name(view.state), provider_state_name(event->state));
        if (event->number)
            CHECK_INT(name, view.until_ms, event->number);
        CHECK(name,
              (view.state == STATE_ONLINE) == (view.until_ms == 0) || view.state == STATE_ERROR);
        break;
    case MAY_TRY: CHECK_INT(name, view.may_try, event->number); break;
    default: break;
    }
}

static void states_go_as_told(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct health health;
        health_init(&health, 0);
        for (size_t e = 0; e < MAX_EVENTS && stories[i].events[e].what != END; e++)
            play(stories[i].name, &health, &stories[i].events[e]);
    }
}

static void report_of(struct verdict_report *report, enum verdict verdict, const char *reason)
{
    *report = (struct verdict_report){.verdict = verdict, .retry_after_ms = RETRY_UNKNOWN_MS};
    str_copy(str_of(reason), report->reason, sizeof report->reason);
}

static void half_of_the_last_minutes_outcomes_degrade(void **unused)
{
    (void)unused;
    struct verdict_report report;
    report_of(&report, VERDICT_SERVER, "server_error");
    struct health health;

    health_init(&health, 0);
    for (int i = 0; i < 10; i++) { /* every second one fails: never two in a row */
        CHECK("not before ten outcomes", health_look(&health, false, i).state == STATE_ONLINE);
        if (i % 2)
            health_on_failure(&health, &report, STR("m"), 1, 1, i, 0.0);
        else
            health_on_success(&health, i);
    }
    CHECK("half of ten", health_look(&health, false, 10).state == STATE_DEGRADED);
    health_on_success(&health, 11);
    health_on_failure(&health, &report, STR("m"), 1, 1, 12, 0.0);
    CHECK("the old ones do not count again", health_look(&health, false, 12).state == STATE_ONLINE);

    health_init(&health, 0);
    for (int i = 0; i < 40; i++) { /* every third one fails */
        if (i % 3 == 2)
            health_on_failure(&health, &report, STR("m"), 1, 1, i, 0.0);
        else
            health_on_success(&health, i);
        CHECK("a third", health_look(&health, false, i).state == STATE_ONLINE);
    }

    health_init(&health, 0);
    for (int i = 0; i < 40; i++) { /* half, but slowly */
        int64_t at = i * 10 * SECOND;
        if (i % 2)
            health_on_failure(&health, &report, STR("m"), 1, 1, at, 0.0);
        else
            health_on_success(&health, at);
        CHECK("older than a minute", health_look(&health, false, at).state == STATE_ONLINE);
    }
}

static void verdicts_about_an_old_key_are_ignored(void **unused)
{
    (void)unused;
    static const enum verdict of_key[] = {VERDICT_KEY, VERDICT_LIMIT, VERDICT_SPENT, VERDICT_MODEL};
    struct verdict_report report;
    struct health health;
    for (size_t i = 0; i < COUNT(of_key); i++) {
        health_init(&health, 0);
        report_of(&report, of_key[i], "x");
        health_on_failure(&health, &report, STR("m"), 1, 2, 0, 0.0);
        CHECK(verdict_name(of_key[i]), health_look(&health, false, 0).state == STATE_ONLINE);
        CHECK(verdict_name(of_key[i]), !health_model_is_missing(&health, STR("m"), 0));
    }
    report_of(&report, VERDICT_NETWORK, "connect_refused");
    health_on_failure(&health, &report, STR("m"), 1, 2, 0, 0.0);
    CHECK("a dead service is dead for every key",
          health_look(&health, false, 0).state == STATE_DEGRADED);
}

static void a_missing_model_is_missing_for_five_minutes(void **unused)
{
    (void)unused;
    struct verdict_report report;
    struct health health;
    report_of(&report, VERDICT_MODEL, "model_not_found");
    health_init(&health, 0);
    health_on_failure(&health, &report, STR("gone"), 1, 1, 100, 0.0);
    CHECK("missing", health_model_is_missing(&health, STR("gone"), 100 + 5 * MINUTE - 1));
    CHECK("that one only", !health_model_is_missing(&health, STR("here"), 100));
    CHECK("for a while", !health_model_is_missing(&health, STR("gone"), 100 + 5 * MINUTE));
    CHECK("no name is none", !health_model_is_missing(&health, STR(""), 100));

    for (int i = 0; i < HEALTH_MODELS_MAX + 3; i++) { /* the oldest makes room */
        char name[16];
        (void)snprintf(name, sizeof name, "m%d", i);
        health_on_failure(&health, &report, str_of(name), 1, 1, 1000 + i, 0.0);
    }
    CHECK("the last", health_model_is_missing(&health, STR("m10"), 2000));
    CHECK("the oldest kept", health_model_is_missing(&health, STR("m3"), 2000));
    CHECK("forgotten", !health_model_is_missing(&health, STR("m2"), 2000));

    char endless[500];
    memset(endless, 'x', sizeof endless);
    health_on_failure(&health, &report, (struct str){endless, sizeof endless}, 1, 1, 2000, 0.0);
    CHECK("never by a part of its name",
          !health_model_is_missing(&health, (struct str){endless, 127}, 2000));
}

static void jitter_adds_at_most_a_tenth(void **unused)
{
    (void)unused;
    struct verdict_report report;
    struct health health;
    report_of(&report, VERDICT_LIMIT, "rate_limited");
    health_init(&health, 0);
    health_on_failure(&health, &report, STR("m"), 1, 1, 0, 0.5);
    CHECK_INT("half of a tenth", health.until_ms, 31500);
}

static void a_pause_hides_everything_and_changes_nothing(void **unused)
{
    (void)unused;
    struct verdict_report report;
    struct health health;
    health_init(&health, 0);
    report_of(&report, VERDICT_KEY, "invalid_api_key");
    health_on_failure(&health, &report, STR("m"), 1, 1, 0, 0.0);
    CHECK("paused", health_look(&health, true, 0).state == STATE_PAUSED);
    CHECK("unpaused", health_look(&health, false, 0).state == STATE_ERROR);
    CHECK_STR("the reason stays", health.reason, "invalid_api_key");
}

TEST_MAIN(TEST(states_go_as_told), TEST(half_of_the_last_minutes_outcomes_degrade),
          TEST(verdicts_about_an_old_key_are_ignored),
          TEST(a_missing_model_is_missing_for_five_minutes), TEST(jitter_adds_at_most_a_tenth),
          TEST(a_pause_hides_everything_and_changes_nothing))
