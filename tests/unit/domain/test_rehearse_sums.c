/* tests/unit/domain/test_rehearse_sums.c: what landings come to, and how it is said. */
#include "domain/rehearse_sums.h"
#include "tests/test.h"

#define LANDED(at, ms, cost)                                                                     \
    {                                                                                            \
        .provider = (at), .attempts = 1, .is_answered = true, .reason = "ok", .waited_ms = (ms), \
        .cost_microusd = (cost)                                                                  \
    }
#define REFUSED(why)                                                                \
    {                                                                               \
        .provider = REHEARSE_NOBODY, .reason = (why), .cost_microusd = COST_UNKNOWN \
    }

static void landings_are_summed(void **state)
{
    (void)state;
    struct rehearse_landing landings[] = {
        LANDED(0, 0, COST_UNKNOWN),
        LANDED(1, 0, 70),
        LANDED(1, 300, 50),
        LANDED(0, 900, 5),
        REFUSED("no_candidate"),
        REFUSED("queue_timeout"),
        REFUSED("no_candidate"),
        {.provider = REHEARSE_NOBODY, .is_answered = true, .reason = "ok"}};
    struct rehearse_sums sums;
    landings[2].attempts = 2;
    CHECK("summed", rehearse_sum(landings, COUNT(landings), &sums) == OK);
    CHECK_INT("landed", sums.landed, 5);
    CHECK_INT("refused", sums.refused, 3);
    CHECK_INT("failovers", sums.failovers, 1);
    CHECK_INT("the first's", sums.shares[0].jobs, 2);
    CHECK_INT("the second's", sums.shares[1].cost_microusd, 120);
    CHECK_INT("unpriced", sums.shares[0].unpriced, 1);
    CHECK_INT("cost", sums.cost_microusd, 125);
    CHECK_INT("reasons", sums.refusal_count, 2);
    CHECK_STR("the first reason", sums.refusals[0].reason, "no_candidate");
    CHECK_INT("of it", sums.refusals[0].jobs, 2);
    CHECK_INT("waited", sums.waited, 2);
}

static void waits_are_of_all_that_landed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t zeros, waits; /* waits of 10, 20, 30 ... ms */
        int64_t p50, p95, most;
    } rows[] = {
        {"nobody waited", 5, 0, 0, 0, 0},    {"one of one", 0, 1, 10, 10, 10},
        {"half waited", 10, 10, 0, 90, 100}, {"one more than half", 9, 11, 10, 100, 110},
        {"one in twenty", 19, 1, 0, 0, 10},  {"all of twenty", 0, 20, 100, 190, 200},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rehearse_landing landings[32];
        struct rehearse_sums sums;
        size_t count = rows[i].zeros + rows[i].waits;
        for (size_t k = 0; k < count; k++)
            landings[k] = (struct rehearse_landing)LANDED(
                0, k < rows[i].waits ? 10 * (int64_t)(rows[i].waits - k) : 0, 0);
        CHECK(rows[i].name, rehearse_sum(landings, count, &sums) == OK);
        CHECK_INT(rows[i].name, sums.wait_p50_ms, rows[i].p50);
        CHECK_INT(rows[i].name, sums.wait_p95_ms, rows[i].p95);
        CHECK_INT(rows[i].name, sums.wait_max_ms, rows[i].most);
    }
}

static void the_stranded_are_told_by_who_and_what(void **state)
{
    (void)state;
    static const struct rehearse_question questions[] = {
        {.model = STR_INIT("auto"), .caller = 0},
        {.model = STR_INIT("gpt"), .pin = STR_INIT("one"), .caller = 1},
        {.model = STR_INIT("gpt"), .pin = STR_INIT("one"), .caller = 1, .needs = NEEDS_TOOLS}};
    static const struct rehearse_job jobs[] = {
        {.question = 0}, {.question = 1}, {.question = 2}, {.question = 0}, {.question = 1}};
    static const struct rehearse_landing before[] = {
        LANDED(0, 0, 0), LANDED(0, 0, 0), LANDED(0, 0, 0), REFUSED("no_slot"), LANDED(0, 0, 0)};
    static const struct rehearse_landing after[] = {
        REFUSED("policy_denied"), REFUSED("no_candidate"), REFUSED("no_candidate"),
        REFUSED("no_slot"), REFUSED("all_over_quota")};
    const struct rehearse_traffic traffic = {jobs, COUNT(jobs), questions, COUNT(questions)};
    static struct rehearse_stranded found[REHEARSE_STRANDED_MAX];
    int64_t all = 0;
    CHECK_INT("kinds", rehearse_strand(&traffic, before, after, found, &all), 3);
    CHECK_INT("all; who was refused before is none of them", all, 4);
    CHECK_INT("the most first", found[0].jobs, 2);
    CHECK_STR("what they need does not tell them apart", found[0].reason, "no_candidate");
}

static void moved_is_who_lands_elsewhere(void **state)
{
    (void)state;
    static const struct rehearse_landing before[] = {LANDED(0, 0, 0),    LANDED(1, 0, 0),
                                                     LANDED(0, 0, 0),    REFUSED("no_slot"),
                                                     REFUSED("no_slot"), LANDED(2, 0, 0)};
    static const struct rehearse_landing after[] = {LANDED(1, 0, 0), LANDED(0, 0, 0),
                                                    LANDED(0, 0, 0), REFUSED("no_candidate"),
                                                    LANDED(0, 0, 0), REFUSED("no_candidate")};
    static const int32_t after_of[] = {1, 0, -2}; /* they changed places; the third is gone */
    CHECK_INT("moved", rehearse_moved(before, after, COUNT(before), after_of), 3);
}

static void each_reason_has_its_fix(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *pin, *elsewhere, *fix;
    } rows[] = {
        {"policy_denied", "", "OpenAI",
         "Let team A use OpenAI too: its policy leaves nothing that stands."},
        {"no_candidate", "Rack", "OpenAI",
         "team A is pinned to Rack: give Rack a fallback rule (offline, over_quota) with OpenAI as "
         "its target."},
        {"attempts_exhausted", "", "",
         "Nobody else serves what team A asks for: give its provider a fallback rule (offline, "
         "over_quota) with another provider as its target."},
        {"queue_timeout", "", "OpenAI",
         "Add slots, or a fallback rule queue_too_deep to the provider that is waited for, with "
         "OpenAI as its target."},
        {"unknown_model", "", "OpenAI",
         "What team A asks for by name is served by nobody then: add the model to a provider, or a "
         "route of that name."},
        {"context_too_small", "", "OpenAI",
         "No model that stands can do what team A needs: add one that can as a fallback."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char fix[400];
        rehearse_fix(rows[i].reason, "team A", rows[i].pin, rows[i].elsewhere, fix, sizeof fix);
        CHECK_STR(rows[i].reason, fix, rows[i].fix);
    }
}

static void one_sentence_says_it(void **state)
{
    (void)state;
    static const struct {
        struct rehearse_story story;
        const char *sentence;
    } rows[] = {
        {{.jobs = 0}, "There were no requests in this time."},
        {{.jobs = 9},
         "All of 9 requests would land where they land now; none would fail that is answered now."},
        {{.jobs = 1904,
          .moved = 212,
          .newly_refused = 22,
          .most_to = "Anthropic",
          .most_jobs = 190,
          .cost_change_per_hour_microusd = 4100000},
         "Of 1904 requests, 190 would land elsewhere (190 on Anthropic), at $4.10 an hour more; 22 "
         "would fail."},
        {{.jobs = 5, .moved = 2, .newly_refused = 2, .cost_change_per_hour_microusd = -25000},
         "Of 5 requests, none would land elsewhere, at $0.02 an hour less; 2 would fail."},
        {{.jobs = 5, .cost_change_per_hour_microusd = 9999, .wait_p95_after_ms = 12400},
         "All of 5 requests would land where they land now; none would fail that is answered now. "
         "One in twenty would wait longer than 12 s."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char sentence[600];
        rehearse_say(&rows[i].story, sentence, sizeof sentence);
        CHECK_STR("a sentence", sentence, rows[i].sentence);
    }
    char small[24];
    rehearse_say(&rows[2].story, small, sizeof small);
    CHECK_STR("cut to its room", small, "Of 1904 requests, 190 w");
}

TEST_MAIN(TEST(landings_are_summed), TEST(waits_are_of_all_that_landed),
          TEST(the_stranded_are_told_by_who_and_what), TEST(moved_is_who_lands_elsewhere),
          TEST(each_reason_has_its_fix), TEST(one_sentence_says_it))
