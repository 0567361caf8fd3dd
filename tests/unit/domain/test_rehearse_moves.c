/* tests/unit/domain/test_rehearse_moves.c: who goes where, and what that costs. */
#include "domain/rehearse_moves.h"
#include "tests/test.h"

#define AT(place, name, cost)                                                                      \
    {                                                                                              \
        .provider = (place), .is_answered = true, .model = STR_INIT(name), .cost_microusd = (cost) \
    }
#define NOBODY                                                     \
    {                                                              \
        .provider = REHEARSE_NOBODY, .cost_microusd = COST_UNKNOWN \
    }
#define FAILED(place)                                      \
    {                                                      \
        .provider = (place), .cost_microusd = COST_UNKNOWN \
    }

/* Before, there are three providers; afterwards the first two have changed places, and the third is gone. */
static const int32_t after_of[] = {1, 0, -2};

struct expected {
    int32_t from, to;
    int64_t jobs, cost, unpriced;
};

static void check_moves(const struct rehearse_landing *before, const struct rehearse_landing *after,
                        size_t count, const struct expected *expected, size_t expected_count)
{
    struct rehearse_move moves[REHEARSE_MOVES_MAX];
    size_t found = 0;
    CHECK("counted", rehearse_moves(before, after, count, after_of, moves, &found) == OK);
    CHECK_INT("kinds", found, expected_count);
    for (size_t i = 0; i < expected_count; i++) {
        CHECK_INT("from", moves[i].from, expected[i].from);
        CHECK_INT("to", moves[i].to, expected[i].to);
        CHECK_INT("jobs", moves[i].jobs, expected[i].jobs);
        CHECK_INT("cost", moves[i].cost_change_microusd, expected[i].cost);
        CHECK_INT("unpriced", moves[i].unpriced, expected[i].unpriced);
    }
}

static void the_most_frequent_comes_first(void **state)
{
    (void)state;
    static const struct rehearse_landing before[] = {
        AT(0, "a", 0), AT(2, "a", 10), AT(2, "a", 20), AT(2, "a", 5), AT(0, "a", 70), NOBODY,
    };
    static const struct rehearse_landing after[] = {
        AT(1, "a", 0), AT(0, "a", 15), AT(0, "a", 21), NOBODY, FAILED(1), AT(1, "a", 9),
    };
    static const struct expected expected[] = {
        {2, 0, 2, 6, 0},
        {REHEARSE_NOBODY, 1, 1, 9, 0},
        {0, REHEARSE_NOBODY, 1, -70, 0},
        {2, REHEARSE_NOBODY, 1, -5, 0},
    };
    check_moves(before, after, COUNT(before), expected, COUNT(expected));
}

static void another_model_of_the_same_provider_is_told(void **state)
{
    (void)state;
    static const struct rehearse_landing before[] = {AT(0, "small", 1), AT(0, "small", 1)};
    static const struct rehearse_landing after[] = {AT(1, "large", 9), AT(1, "small", 1)};
    static const struct expected expected[] = {{0, 1, 1, 8, 0}};
    check_moves(before, after, COUNT(before), expected, COUNT(expected));
}

static void what_has_no_price_is_not_summed(void **state)
{
    (void)state;
    static const struct rehearse_landing before[] = {AT(0, "a", 4), AT(0, "a", COST_UNKNOWN),
                                                     AT(0, "a", 4)};
    static const struct rehearse_landing after[] = {AT(0, "a", COST_UNKNOWN), AT(0, "a", 6),
                                                    AT(0, "a", 7)};
    static const struct expected expected[] = {{0, 0, 3, 3, 2}};
    check_moves(before, after, COUNT(before), expected, COUNT(expected));
}

static void who_stays_or_is_answered_here_is_not_told(void **state)
{
    (void)state;
    static const struct rehearse_landing before[] = {
        AT(1, "a", 1), NOBODY, FAILED(0), {.provider = REHEARSE_NOBODY, .is_answered = true}};
    static const struct rehearse_landing after[] = {
        AT(0, "a", 3), FAILED(1), FAILED(1), {.provider = REHEARSE_NOBODY, .is_answered = true}};
    check_moves(before, after, COUNT(before), NULL, 0);
}

TEST_MAIN(TEST(the_most_frequent_comes_first), TEST(another_model_of_the_same_provider_is_told),
          TEST(what_has_no_price_is_not_summed), TEST(who_stays_or_is_answered_here_is_not_told))
