/* tests/unit/domain/test_limit.c: the sliding minute, in stories and against a list of all that was ever admitted.
 *
 * AUXOT_TEST_LONG=1 plays fifty times as many seeds; LIMIT_SEED=n that one alone.
 */
#include "base/hash.h"
#include "domain/limit.h"
#include "tests/test.h"

#include <stdlib.h>

/* ---- stories ----------------------------------------------------------------------------------- */

static int take_all(struct limit *limit, int64_t now_ms)
{
    int64_t bucket;
    int taken = 0;
    while (taken < 100000 && limit_take(limit, 1, now_ms, &bucket))
        taken++;
    return taken;
}

static void the_whole_limit_may_be_used_at_once(void **unused)
{
    (void)unused;
    struct limit limit;
    limit_init(&limit, 60);
    CHECK_INT("at once", take_all(&limit, 1000), 60);
    CHECK_INT("spent", take_all(&limit, 60999), 0);
    CHECK_INT("a minute later", take_all(&limit, 61250), 60);
}

/* The two ends of a bucket: what comes at its end counts as long as what comes at its beginning, or longer. */
static void nothing_counts_for_less_than_a_minute(void **unused)
{
    (void)unused;
    struct limit limit;
    limit_init(&limit, 1);
    CHECK_INT("at the end of a bucket", take_all(&limit, 249), 1);
    CHECK_INT("59.999 s later", take_all(&limit, 60248), 0);
    CHECK_INT("60.001 s later", take_all(&limit, 60250), 1);
    limit_init(&limit, 1);
    CHECK_INT("at the beginning of one", take_all(&limit, 250), 1);
    CHECK_INT("60.249 s later", take_all(&limit, 60499), 0);
    CHECK_INT("60.250 s later", take_all(&limit, 60500), 1);
}

static void says_how_long_to_wait(void **unused)
{
    (void)unused;
    struct limit limit;
    int64_t bucket;
    limit_init(&limit, 10);
    CHECK("three at 1 s", limit_take(&limit, 3, 1000, &bucket));
    CHECK("seven at 31 s", limit_take(&limit, 7, 31000, &bucket));
    CHECK_INT("one: when the three are gone", limit_wait_ms(&limit, 1, 41000), 20250);
    CHECK_INT("three: as long", limit_wait_ms(&limit, 3, 41000), 20250);
    CHECK_INT("four: when the seven are gone too", limit_wait_ms(&limit, 4, 41000), 50250);
    CHECK_INT("none: at once", limit_wait_ms(&limit, 0, 41000), 0);
    CHECK_INT("eleven: never", limit_wait_ms(&limit, 11, 41000), LIMIT_NEVER_MS);
    CHECK_INT("all is back with the last", limit_reset_ms(&limit, 41000), 50250);
    CHECK_INT("none is left", limit_left(&limit, 41000), 0);
    CHECK_INT("three are", limit_left(&limit, 61250), 3);
    CHECK_INT("all is there", limit_reset_ms(&limit, 200000), 0);
}

static void a_reservation_is_corrected(void **unused)
{
    (void)unused;
    struct limit limit;
    int64_t bucket;
    limit_init(&limit, 1000);
    CHECK("reserved", limit_take(&limit, 900, 1000, &bucket));
    limit_correct(&limit, bucket, 900, 100, 5000);
    CHECK_INT("less: the rest is free", limit_left(&limit, 5000), 900);
    CHECK("reserved", limit_take(&limit, 900, 5000, &bucket));
    limit_correct(&limit, bucket, 900, 1300, 30000);
    CHECK_INT("more: nobody comes", limit_left(&limit, 30000), 0);
    CHECK_INT("what was reserved is gone first", limit_left(&limit, 65250), 600);
    CHECK_INT("what came later counts from then", limit_left(&limit, 90250), 1000);
}

static void a_correction_after_the_minute_changes_nothing(void **unused)
{
    (void)unused;
    struct limit limit;
    int64_t bucket, other;
    limit_init(&limit, 1000);
    CHECK("reserved", limit_take(&limit, 900, 1000, &bucket));
    CHECK("two minutes later", limit_take(&limit, 1000, 121000, &other));
    limit_correct(&limit, bucket, 900, 0, 121000);
    CHECK_INT("nothing is given back twice", limit_left(&limit, 121000), 0);
}

static void a_changed_limit_holds_at_once(void **unused)
{
    (void)unused;
    struct limit limit;
    limit_init(&limit, 10);
    CHECK_INT("ten", take_all(&limit, 1000), 10);
    limit_change(&limit, 15);
    CHECK_INT("five more", take_all(&limit, 2000), 5);
    limit_change(&limit, 3);
    CHECK_INT("far too many were admitted", take_all(&limit, 3000), 0);
    CHECK_INT("none is left, not less than none", limit_left(&limit, 3000), 0);
    CHECK_INT("the ten are gone, the five are not", limit_left(&limit, 61250), 0);
    CHECK_INT("when the five are gone", limit_left(&limit, 62250), 3);
}

static void a_limit_of_nothing_admits_nothing(void **unused)
{
    (void)unused;
    struct limit limit;
    limit_init(&limit, 0);
    CHECK_INT("none", take_all(&limit, 1000), 0);
    CHECK_INT("never", limit_wait_ms(&limit, 1, 1000), LIMIT_NEVER_MS);
}

/* Each thread reads the clock for itself. */
static void an_earlier_time_counts_as_the_latest(void **unused)
{
    (void)unused;
    struct limit limit;
    limit_init(&limit, 1);
    CHECK_INT("at 70 s", take_all(&limit, 70000), 1);
    CHECK_INT("a thread that is at 8 s", take_all(&limit, 8000), 0);
    CHECK_INT("it has changed nothing", take_all(&limit, 130249), 0);
    CHECK_INT("as it would be", take_all(&limit, 130250), 1);
}

/* ---- against a list of all admissions ---------------------------------------------------------- */

#define SEEDS     2000
#define STEPS     400
#define ENTRIES   (STEPS * 2)
#define OPEN_MOST 16

struct entry {
    int64_t at_ms, count;
};

struct open {
    int64_t bucket, taken;
    size_t entry;
};

struct world {
    char name[32];
    uint64_t random;
    struct limit limit;
    int64_t now_ms;
    struct entry entries[ENTRIES];
    size_t entry_count;
    struct open open[OPEN_MOST];
    size_t open_count;
};

static int64_t roll(struct world *world, int64_t sides)
{
    world->random += UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)((hash_spread(world->random) >> 33) % (uint64_t)sides);
}

/* All that was admitted less than `age_ms` ago. */
static int64_t admitted_within(const struct world *world, int64_t age_ms)
{
    int64_t sum = 0;
    for (size_t i = world->entry_count; i-- > 0;) {
        if (world->now_ms - world->entries[i].at_ms >= age_ms)
            break;
        sum += world->entries[i].count;
    }
    return sum;
}

static void note(struct world *world, int64_t count)
{
    world->entries[world->entry_count++] = (struct entry){world->now_ms, count};
}

static void try_one(struct world *world)
{
    int64_t bucket = 0, count = roll(world, world->limit.most / 3 + 2);
    int64_t in_a_minute = admitted_within(world, LIMIT_WINDOW_MS);
    int64_t in_a_little_more = admitted_within(world, LIMIT_WINDOW_MS + LIMIT_BUCKET_MS);
    int64_t wait_ms = limit_wait_ms(&world->limit, count, world->now_ms);
    bool is_in = limit_take(&world->limit, count, world->now_ms, &bucket);
    if (is_in)
        CHECK(world->name, in_a_minute + count <= world->limit.most);
    else
        CHECK(world->name, in_a_little_more + count > world->limit.most);
    CHECK(world->name, is_in == (wait_ms == 0));
    if (!is_in)
        return;
    note(world, count);
    if (world->open_count < OPEN_MOST)
        world->open[world->open_count++] = (struct open){bucket, count, world->entry_count - 1};
}

static void settle_one(struct world *world)
{
    if (world->open_count == 0)
        return;
    size_t at = (size_t)roll(world, (int64_t)world->open_count);
    struct open open = world->open[at];
    world->open[at] = world->open[--world->open_count];
    int64_t real = roll(world, open.taken * 5 / 4 + 2);
    limit_correct(&world->limit, open.bucket, open.taken, real, world->now_ms);
    if (real > open.taken)
        note(world, real - open.taken);
    else
        world->entries[open.entry].count = real;
}

/* What is told of the time to wait: it fits then, and not before. */
static void check_wait(struct world *world)
{
    int64_t count = roll(world, world->limit.most + 1);
    int64_t wait_ms = limit_wait_ms(&world->limit, count, world->now_ms);
    struct limit then = world->limit;
    int64_t bucket;
    if (wait_ms == LIMIT_NEVER_MS) {
        CHECK(world->name, count > world->limit.most);
        return;
    }
    if (wait_ms > 0) {
        then = world->limit;
        CHECK(world->name, !limit_take(&then, count, world->now_ms + wait_ms - 1, &bucket));
    }
    then = world->limit;
    CHECK(world->name, limit_take(&then, count, world->now_ms + wait_ms, &bucket));
    then = world->limit;
    int64_t reset_ms = limit_reset_ms(&then, world->now_ms);
    CHECK_INT(world->name, limit_left(&then, world->now_ms + reset_ms), then.most);
}

static void check_sum(struct world *world)
{
    int64_t sum = 0;
    for (size_t i = 0; i < LIMIT_BUCKETS; i++) {
        CHECK(world->name, world->limit.bucket[i] >= 0);
        sum += world->limit.bucket[i];
    }
    CHECK_INT(world->name, world->limit.used, sum);
}

static void play(uint64_t seed)
{
    static struct world world;
    world = (struct world){.random = seed * 7919, .now_ms = (int64_t)(seed % 977) * 1000};
    (void)snprintf(world.name, sizeof world.name, "seed %llu", (unsigned long long)seed);
    limit_init(&world.limit, roll(&world, 300));
    int64_t pace_ms = roll(&world, 4) == 0 ? 4000 : 600;
    for (int step = 0; step < STEPS; step++) {
        world.now_ms += roll(&world, 50) == 0 ? roll(&world, 150000) : roll(&world, pace_ms);
        int64_t what = roll(&world, 10);
        if (what < 6)
            try_one(&world);
        else if (what < 9)
            settle_one(&world);
        else
            check_wait(&world);
        if (step % 16 == 0)
            check_sum(&world);
    }
}

static void never_more_than_the_limit_in_any_minute_and_never_a_false_no(void **unused)
{
    (void)unused;
    const char *one = getenv("LIMIT_SEED");
    uint64_t seeds = getenv("AUXOT_TEST_LONG") ? SEEDS * 50 : SEEDS;
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= seeds; seed++)
        play(seed);
}

TEST_MAIN(TEST(the_whole_limit_may_be_used_at_once), TEST(nothing_counts_for_less_than_a_minute),
          TEST(says_how_long_to_wait), TEST(a_reservation_is_corrected),
          TEST(a_correction_after_the_minute_changes_nothing), TEST(a_changed_limit_holds_at_once),
          TEST(a_limit_of_nothing_admits_nothing), TEST(an_earlier_time_counts_as_the_latest),
          TEST(never_more_than_the_limit_in_any_minute_and_never_a_false_no))
