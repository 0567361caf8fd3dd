/* tests/unit/worker/test_backoff.c: waits double, end at the most, and half of each is chance. */
#include "worker/backoff.h"

#include "tests/test.h"

static const struct step {
    const char *name;
    double chance;
    int64_t wait_ms;
} steps[] = {
    {"the first wait, without chance: half", 0.0, 250},
    {"the second is twice the first", 0.0, 500},
    {"chance adds up to the other half", 0.5, 1500},
    {"and never all of it", 0.999, 3998},
    {"the most is the most", 0.999, 3998},
    {"also without chance", 0.0, 2000},
};

static void waits_double_up_to_the_most(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 500, .most_ms = 4000};
    for (size_t i = 0; i < COUNT(steps); i++)
        CHECK_INT(steps[i].name, backoff_next(&backoff, steps[i].chance), steps[i].wait_ms);
    backoff_reset(&backoff);
    CHECK_INT("after a success it begins anew", backoff_next(&backoff, 0.0), 250);
}

static void a_thousand_failures_overflow_nothing(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 500, .most_ms = 8000};
    for (int i = 0; i < 1000; i++) {
        int64_t wait_ms = backoff_next(&backoff, 0.5);
        CHECK("it stays within bounds", wait_ms >= 250 && wait_ms < 8000);
    }
}

/* F41: no two thousandths of a second hold more than a few of a thousand workers. */
static void a_thousand_workers_do_not_come_back_at_once(void **state)
{
    (void)state;
    int at_ms[500] = {0}, most = 0;
    for (int i = 0; i < 1000; i++) {
        struct backoff backoff = {.first_ms = 500, .most_ms = 8000};
        at_ms[backoff_next(&backoff, i / 1000.0)]++;
    }
    for (size_t i = 0; i < COUNT(at_ms); i++)
        most = at_ms[i] > most ? at_ms[i] : most;
    CHECK("they are spread", most <= 8);
}

TEST_MAIN(TEST(waits_double_up_to_the_most), TEST(a_thousand_failures_overflow_nothing),
          TEST(a_thousand_workers_do_not_come_back_at_once))
