/* tests/unit/domain/test_health_report.c: worst first, one sentence, one next step: told as stories. */
#include "domain/health_report.h"
#include "tests/test.h"

#define NOW    INT64_C(1790000000000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define ROOM   40

struct stage {
    struct health_item items[ROOM];
    struct health_report report;
};

static void provider(struct stage *stage, const char *name, enum provider_state state,
                     const char *reason)
{
    struct health_provider_fact fact = {.id = "prv_1",
                                        .name = name,
                                        .reason = reason,
                                        .sentence = "",
                                        .tier = TIER_CLOUD,
                                        .state = state,
                                        .since_ms = NOW - 1000};
    health_add_provider(&stage->report, &fact);
}

static void rack(struct stage *stage, enum tier tier, enum provider_state state, int64_t since_ms)
{
    struct health_provider_fact fact = {.id = "prv_2",
                                        .name = tier == TIER_GPU ? "Rack" : "Tool",
                                        .reason = "no_worker",
                                        .sentence = "",
                                        .tier = tier,
                                        .state = state,
                                        .since_ms = since_ms};
    health_add_provider(&stage->report, &fact);
}

static void worker(struct stage *stage, const char *state, const char *reason)
{
    struct health_worker_fact fact = {.id = "wrk_1",
                                      .name = "rack-1",
                                      .provider = "Rack",
                                      .state = state,
                                      .reason = reason,
                                      .since_ms = NOW - 2000};
    health_add_worker(&stage->report, &fact);
}

static void limit(struct stage *stage, int64_t used, int64_t most, bool is_money)
{
    struct health_limit_fact fact = {.id = "tea_1",
                                     .name = "Engineering",
                                     .of = "requests a minute",
                                     .used = used,
                                     .most = most,
                                     .is_money = is_money,
                                     .is_team = true};
    health_add_limit(&stage->report, &fact);
}

static void all_is_well(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    provider(stage, "Rack", STATE_ONLINE, "");
    worker(stage, "live", "joined");
    health_add_queue(&stage->report, 0, 0, 60000);
    health_add_record(&stage->report, true, INT64_C(50) << 30, INT64_C(100) << 30);
    health_add_backup(&stage->report, NOW - DAY_MS, 30 * DAY_MS, NOW);
    health_add_server(&stage->report, "1.0", NOW - DAY_MS, false);
    health_add_spend(&stage->report, 900000, 1000000);
}

static void a_key_is_refused(struct stage *stage)
{
    all_is_well(stage);
    provider(stage, "Other", STATE_ERROR, "invalid_api_key");
}

static void much_is_wrong(struct stage *stage)
{
    all_is_well(stage);
    provider(stage, "Limited", STATE_OVER_QUOTA, "rate_limited");
    provider(stage, "Refused", STATE_ERROR, "invalid_api_key");
    provider(stage, "Off", STATE_OFFLINE, "no_worker");
    worker(stage, "suspect", "heartbeat_late");
}

static void nobody_answers(struct stage *stage)
{
    provider(stage, "Refused", STATE_ERROR, "invalid_api_key");
    provider(stage, "Resting", STATE_PAUSED, "paused");
}

static void nothing_is_there(struct stage *stage)
{
    health_add_record(&stage->report, true, INT64_C(50) << 30, INT64_C(100) << 30);
}

static void the_disk_is_full(struct stage *stage)
{
    much_is_wrong(stage);
    health_add_record(&stage->report, false, 0, INT64_C(100) << 30);
}

static void the_disk_gets_full(struct stage *stage)
{
    all_is_well(stage);
    health_add_record(&stage->report, true, INT64_C(1) << 29, INT64_C(100) << 30);
}

static void somebody_paused_one(struct stage *stage)
{
    all_is_well(stage);
    provider(stage, "Resting", STATE_PAUSED, "paused");
}

static void they_wait_long(struct stage *stage)
{
    all_is_well(stage);
    health_add_queue(&stage->report, 12, 31000, 60000);
}

static void one_waits(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    health_add_queue(&stage->report, 1, 2000, 60000);
}

static void a_budget_is_spent(struct stage *stage)
{
    all_is_well(stage);
    limit(stage, 200000000, 200000000, true);
    limit(stage, 79, 100, false);
}

static void a_limit_is_near(struct stage *stage)
{
    all_is_well(stage);
    limit(stage, 80, 100, false);
}

static void a_certificate_ends(struct stage *stage)
{
    all_is_well(stage);
    health_add_certificate(&stage->report, NOW + 2 * DAY_MS + 1, NOW);
}

static void a_certificate_is_over(struct stage *stage)
{
    all_is_well(stage);
    health_add_certificate(&stage->report, NOW - 1, NOW);
}

static void many_fail(struct stage *stage)
{
    all_is_well(stage);
    health_add_failures(&stage->report, "attempts_exhausted", 30, 400, NOW - 3600000);
    health_add_failovers(&stage->report, "connect_refused", 5, NOW - 3600000);
}

static void few_fail(struct stage *stage)
{
    all_is_well(stage);
    health_add_failures(&stage->report, "attempts_exhausted", 3, 4000, NOW - 3600000);
}

static void it_was_killed(struct stage *stage)
{
    all_is_well(stage);
    health_add_server(&stage->report, "1.0", NOW - 1000, true);
}

static void no_backup_was_made(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    health_add_backup(&stage->report, 0, 2 * DAY_MS, NOW);
}

static void today_is_dear(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    health_add_spend(&stage->report, 5000000, 2000000);
}

#define AT_14_02 (NOW / DAY_MS * DAY_MS + (14 * 60 + 2) * INT64_C(60000))

static void none_of_our_own_is_left(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    rack(stage, TIER_CLI, STATE_OFFLINE, AT_14_02 - 60000);
    rack(stage, TIER_GPU, STATE_OFFLINE, AT_14_02);
    health_add_hour(&stage->report, 3200000);
}

static void one_of_our_own_is_left(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    rack(stage, TIER_CLI, STATE_OFFLINE, AT_14_02);
    rack(stage, TIER_GPU, STATE_DEGRADED, AT_14_02);
}

static void ours_are_paused(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    rack(stage, TIER_GPU, STATE_PAUSED, AT_14_02);
}

static void none_of_our_own_since_nobody_knows_when(struct stage *stage)
{
    provider(stage, "Cloud", STATE_ONLINE, "");
    rack(stage, TIER_CLI, STATE_OFFLINE, AT_14_02);
    rack(stage, TIER_GPU, STATE_OFFLINE, 0);
}

// clang-format off
static const struct story {
    const char        *name;
    void (*tell)(struct stage *stage);
    enum health_level  level;
    const char        *sentence, *next_step, *first_kind, *first_what, *first_code;
} stories[] = {
    {"all is well", all_is_well, HEALTH_FINE,
     "Operational: 2 of 2 providers, 1 worker.", "", "disk", "Disk for records", ""},
    {"a key is refused", a_key_is_refused, HEALTH_DEGRADED,
     "Degraded: Other: It refuses us.", "Enter its API key again.", "provider", "Other", "invalid_api_key"},
    {"the worst is told first", much_is_wrong, HEALTH_DEGRADED,
     "Degraded: Refused: It refuses us. And 3 more.", "Enter its API key again.", "provider", "Refused", "invalid_api_key"},
    {"nobody answers", nobody_answers, HEALTH_DOWN,
     "Down: No provider can answer now. And 1 more.", "Enter its API key again.", "service", "Service", "nobody_now"},
    {"nothing is configured", nothing_is_there, HEALTH_DOWN,
     "Down: No provider is configured, so no request can be answered.", "Add a provider.", "service", "Service", "no_provider"},
    {"a record that cannot be written is worse than all else", the_disk_is_full, HEALTH_DOWN,
     "Down: Disk for records: The record cannot be written, so requests are refused. And 4 more.", "Make room on the disk of the data directory.", "disk", "Disk for records", "record_not_writable"},
    {"a disk that gets full", the_disk_gets_full, HEALTH_DEGRADED,
     "Degraded: Disk for records: 512 MiB of 102400 are free.", "Make room on the disk of the data directory.", "disk", "Disk for records", "disk_short"},
    {"what an administrator paused is a note", somebody_paused_one, HEALTH_FINE,
     "Operational: 2 of 3 providers, 1 worker.", "Resume it when it may answer again.", "provider", "Resting", "paused"},
    {"they wait for more than half of their patience", they_wait_long, HEALTH_DEGRADED,
     "Degraded: Queue: 12 requests wait for a slot, the oldest for 31 s.", "Add a worker, slots or a provider, or let a team spill to the cloud.", "queue", "Queue", "at_capacity"},
    {"one waits, for a moment", one_waits, HEALTH_FINE,
     "Operational: 1 of 1 provider; 1 request waits.", "", "queue", "Queue", "at_capacity"},
    {"a budget is spent; what is under four fifths is not told", a_budget_is_spent, HEALTH_DEGRADED,
     "Degraded: Engineering: $200.00 of $200.00 this month are spent.", "Raise the budget, or wait for the next month.", "budget", "Engineering", "limit_reached"},
    {"a limit is near", a_limit_is_near, HEALTH_FINE,
     "Operational: 2 of 2 providers, 1 worker.", "Raise the limit, if that much is meant.", "limit", "Engineering", "limit_near"},
    {"a certificate ends in two days", a_certificate_ends, HEALTH_DEGRADED,
     "Degraded: Certificate: It is good for 2 more days.", "Put the new certificate in place and send SIGHUP.", "certificate", "Certificate", "certificate_ends"},
    {"a certificate is over", a_certificate_is_over, HEALTH_DOWN,
     "Down: Certificate: It is over since 0 days: clients refuse us.", "Put the new certificate in place and send SIGHUP.", "certificate", "Certificate", "certificate_over"},
    {"one in twenty fails", many_fail, HEALTH_DEGRADED,
     "Degraded: Failed requests: 30 of 400 failed lately: attempts_exhausted.", "Look at one of them: its attempts say why.", "errors", "Failed requests", "attempts_exhausted"},
    {"few fail", few_fail, HEALTH_FINE,
     "Operational: 2 of 2 providers, 1 worker.", "Look at one of them: its attempts say why.", "errors", "Failed requests", "attempts_exhausted"},
    {"it was killed", it_was_killed, HEALTH_FINE,
     "Operational: 2 of 2 providers, 1 worker.", "Look for the end of its log: memory, a crash, or somebody's kill.", "server", "Gateway", "killed"},
    {"no backup after a day", no_backup_was_made, HEALTH_FINE,
     "Operational: 1 of 1 provider.", "Run auxot backup, daily.", "backup", "Backup", "no_backup"},
    {"today is dear", today_is_dear, HEALTH_FINE,
     "Operational: 1 of 1 provider.", "Look who spends it, by team and key.", "spend", "Spend today", "above_usual"},
    {"none of our own is left: since the last of them, and what that costs", none_of_our_own_is_left, HEALTH_DEGRADED,
     "Degraded: Rack: It is offline. And 1 more. Auto has no local tier since 14:02 UTC; the last hour cost $3.20.", "Start a worker, or look at the log of the one that is gone.", "provider", "Rack", "no_worker"},
    {"one of our own is left", one_of_our_own_is_left, HEALTH_DEGRADED,
     "Degraded: Tool: It is offline. And 1 more.", "Start a worker, or look at the log of the one that is gone.", "provider", "Tool", "no_worker"},
    {"ours are paused: that was meant", ours_are_paused, HEALTH_FINE,
     "Operational: 1 of 2 providers.", "Start a worker, or look at the log of the one that is gone.", "provider", "Rack", "no_worker"},
    {"none of our own is left, and nobody knows since when", none_of_our_own_since_nobody_knows_when, HEALTH_DEGRADED,
     "Degraded: Tool: It is offline. And 1 more. Auto has no local tier.", "Start a worker, or look at the log of the one that is gone.", "provider", "Tool", "no_worker"},
};
// clang-format on

static void it_is_told_worst_first_with_one_sentence_and_one_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        static struct stage stage;
        health_report_init(&stage.report, stage.items, ROOM);
        stage.report.is_whole = true;
        story->tell(&stage);
        health_report_finish(&stage.report);
        const struct health_item *first = &stage.items[0];
        CHECK_STR(story->name, health_level_name(stage.report.level),
                  health_level_name(story->level));
        CHECK_STR(story->name, stage.report.sentence, story->sentence);
        CHECK_STR(story->name, stage.report.next_step, story->next_step);
        CHECK_STR(story->name, first->kind, story->first_kind);
        CHECK_STR(story->name, first->what, story->first_what);
        CHECK_STR(story->name, first->why_code, story->first_code);
        for (size_t at = 1; at < stage.report.count; at++)
            CHECK(story->name, stage.items[at].level <= stage.items[at - 1].level);
    }
}

static void of_more_than_there_is_room_for_the_worst_are_told(void **state)
{
    (void)state;
    static struct stage stage;
    health_report_init(&stage.report, stage.items, 3);
    for (int i = 0; i < 5; i++)
        provider(&stage, "Fine", STATE_ONLINE, "");
    provider(&stage, "Refused", STATE_ERROR, "invalid_api_key");
    provider(&stage, "Fine", STATE_ONLINE, "");
    provider(&stage, "Off", STATE_OFFLINE, "no_worker");
    health_report_finish(&stage.report);
    CHECK_INT("told", stage.report.count, 3);
    CHECK_INT("left out", stage.report.left_out, 5);
    CHECK_STR("the worst", stage.items[0].what, "Refused");
    CHECK_STR("the next", stage.items[1].what, "Off");
    CHECK_INT("all are counted", stage.report.providers, 8);
}

static void who_sees_no_provider_is_not_told_that_there_is_none(void **state)
{
    (void)state;
    static struct stage stage;
    health_report_init(&stage.report, stage.items, ROOM);
    health_report_finish(&stage.report);
    CHECK_INT("fine", stage.report.level, HEALTH_FINE);
    CHECK_INT("nothing", stage.report.count, 0);
    CHECK_STR("and that is said", stage.report.sentence, "There is no provider that you may see.");
}

static void what_began_last_stands_first_among_equals(void **state)
{
    (void)state;
    static struct stage stage;
    health_report_init(&stage.report, stage.items, ROOM);
    for (int i = 0; i < 3; i++) {
        struct health_provider_fact fact = {.id = "prv_1",
                                            .name = i == 1 ? "Late" : "Early",
                                            .reason = "",
                                            .sentence = "",
                                            .state = STATE_ERROR,
                                            .since_ms = i == 1 ? NOW : NOW - 1000};
        health_add_provider(&stage.report, &fact);
    }
    health_report_finish(&stage.report);
    CHECK_STR("behind the service", stage.items[1].what, "Late");
}

TEST_MAIN(TEST(it_is_told_worst_first_with_one_sentence_and_one_step),
          TEST(of_more_than_there_is_room_for_the_worst_are_told),
          TEST(who_sees_no_provider_is_not_told_that_there_is_none),
          TEST(what_began_last_stands_first_among_equals))
