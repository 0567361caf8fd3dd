/* tests/unit/domain/test_reason_tally.c: the last hour, by reason. */
#include "domain/reason_tally.h"
#include "tests/test.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define NOW       (INT64_C(1000) * MINUTE_MS)

static int64_t count_of(const struct reason_tally *tally, const char *reason, int64_t now_ms)
{
    struct reason_count counts[TALLY_REASONS];
    size_t count = reason_tally_read(tally, now_ms, counts);
    for (size_t i = 0; i < count; i++)
        if (strcmp(counts[i].reason, reason) == 0)
            return counts[i].count;
    return 0;
}

static void what_is_an_hour_old_is_forgotten(void **state)
{
    (void)state;
    static struct reason_tally tally;
    reason_tally_add(&tally, "timeout", NOW);
    reason_tally_add(&tally, "timeout", NOW + 30 * MINUTE_MS);
    CHECK_INT("both", count_of(&tally, "timeout", NOW + 30 * MINUTE_MS), 2);
    CHECK_INT("both at the end of the hour", count_of(&tally, "timeout", NOW + 59 * MINUTE_MS), 2);
    CHECK_INT("one", count_of(&tally, "timeout", NOW + HOUR_MS), 1);
    CHECK_INT("none", count_of(&tally, "timeout", NOW + 2 * HOUR_MS), 0);
    reason_tally_add(&tally, "timeout", NOW + 2 * HOUR_MS);
    CHECK_INT("only the new one", count_of(&tally, "timeout", NOW + 2 * HOUR_MS), 1);
}

static void each_minute_is_counted_as_itself(void **state)
{
    (void)state;
    static struct reason_tally tally;
    for (int minute = 0; minute < 200; minute++)
        for (int i = 0; i <= minute % 3; i++)
            reason_tally_add(&tally, "reset", NOW + minute * MINUTE_MS);
    int64_t want = 0;
    for (int minute = 140; minute < 200; minute++)
        want += minute % 3 + 1;
    CHECK_INT("the last sixty", count_of(&tally, "reset", NOW + 199 * MINUTE_MS), want);
}

static void the_most_come_first_and_who_finds_no_room_is_other(void **state)
{
    (void)state;
    static struct reason_tally tally;
    struct reason_count counts[TALLY_REASONS];
    for (int i = 0; i < TALLY_REASONS + 8; i++) {
        char reason[16];
        (void)snprintf(reason, sizeof reason, "r%d", i);
        reason_tally_add(&tally, reason, NOW);
    }
    reason_tally_add(&tally, "r3", NOW);
    size_t count = reason_tally_read(&tally, NOW, counts);
    CHECK_INT("all rows", count, TALLY_REASONS);
    CHECK_STR("most", counts[0].reason, "other");
    CHECK_INT("of whom there was no room", counts[0].count, 9);
    CHECK_STR("then", counts[1].reason, "r3");
    reason_tally_add(&tally, "late", NOW + 2 * HOUR_MS);
    CHECK_INT("an old row is used again", count_of(&tally, "late", NOW + 2 * HOUR_MS), 1);
}

TEST_MAIN(TEST(what_is_an_hour_old_is_forgotten), TEST(each_minute_is_counted_as_itself),
          TEST(the_most_come_first_and_who_finds_no_room_is_other))
