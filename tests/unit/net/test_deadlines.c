/* tests/unit/net/test_deadlines.c: whatever comes and goes, the earliest is first. */
#include "net/deadlines.h"

#include "tests/test.h"

#define MANY 500

static uint32_t dice = 1;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

static struct deadline all[MANY];

static int64_t earliest(void)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < MANY; i++)
        if (all[i].armed_ns < least)
            least = all[i].armed_ns;
    return least;
}

static void forget_all(void)
{
    for (size_t i = 0; i < MANY; i++)
        all[i] = (struct deadline){.armed_ns = INT64_MAX};
}

static void add(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ns)
{
    deadline->armed_ns = at_ns;
    deadlines_add(deadlines, deadline);
}

static void drop(struct deadlines *deadlines, struct deadline *deadline)
{
    deadlines_remove(deadlines, deadline);
    deadline->armed_ns = INT64_MAX;
}

static void check_first(const struct deadlines *deadlines)
{
    int64_t first_ns = deadlines->first ? deadlines->first->armed_ns : INT64_MAX;
    CHECK_INT("the earliest, or none", first_ns, earliest());
}

/* `spread` small: many of the same time. */
static void come_and_go(uint32_t spread)
{
    struct deadlines deadlines = {0};
    forget_all();
    for (int step = 0; step < 5000; step++) {
        struct deadline *any = &all[roll(MANY)];
        if (any->armed_ns == INT64_MAX)
            add(&deadlines, any, roll(spread));
        else if (roll(2) == 0)
            drop(&deadlines, any); /* from the middle */
        else
            drop(&deadlines, deadlines.first);
        check_first(&deadlines);
    }
    while (deadlines.first) {
        drop(&deadlines, deadlines.first);
        check_first(&deadlines);
    }
}

static void the_earliest_is_first_whatever_comes_and_goes(void **state)
{
    (void)state;
    come_and_go(3);
    come_and_go(1000);
    come_and_go(1u << 20);
}

static void rising_and_falling_rows_come_out_in_order(void **state)
{
    (void)state;
    for (int falls = 0; falls < 2; falls++) {
        struct deadlines deadlines = {0};
        forget_all();
        for (int i = 0; i < MANY; i++)
            add(&deadlines, &all[i], falls ? MANY - i : i);
        int count = 0;
        for (int64_t last = -1; deadlines.first; count++) {
            CHECK("in order", deadlines.first->armed_ns > last);
            last = deadlines.first->armed_ns;
            drop(&deadlines, deadlines.first);
        }
        CHECK_INT("all of them", count, MANY);
    }
}

TEST_MAIN(TEST(the_earliest_is_first_whatever_comes_and_goes),
          TEST(rising_and_falling_rows_come_out_in_order))
