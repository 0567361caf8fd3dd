/* tests/unit/domain/test_ledger.c: budgets, in stories and against books that are kept in the plainest way.
 *
 * AUXOT_TEST_LONG=1 plays fifty times as many seeds; LEDGER_SEED=n that one alone.
 */
#include "base/hash.h"
#include "domain/ledger.h"
#include "domain/month.h"
#include "tests/test.h"

#include <stdlib.h>

#define NOVEMBER  INT64_C(1796070526000) /* the 30th of 2026, 20:28 */
#define DECEMBER  (NOVEMBER + 4 * HOUR_MS)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    (24 * HOUR_MS)
#define LIFE_MS   INT64_C(1800000)
#define UNLIMITED LEDGER_NONE

static bool reserve(struct ledger *ledger, struct reservation *reservation, int64_t amount,
                    int64_t wall_ms)
{
    int64_t left;
    return ledger_reserve(ledger, reservation, amount, wall_ms, wall_ms + LIFE_MS, &left);
}

/* ---- stories ----------------------------------------------------------------------------------- */

static void what_is_reserved_cannot_be_reserved_again(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation a = {0}, b = {0}, c = {0};
    int64_t left = -7;
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    CHECK("60 of 100", reserve(&ledger, &a, 60, NOVEMBER));
    CHECK("50 do not fit", !ledger_reserve(&ledger, &b, 50, NOVEMBER, 0, &left));
    CHECK_INT("40 would", left, 40);
    CHECK("40 do", reserve(&ledger, &b, 40, NOVEMBER));
    CHECK("nothing costs nothing", reserve(&ledger, &c, 0, NOVEMBER));
    ledger_settle(&ledger, &a, 10);
    CHECK_INT("spent", ledger_now(&ledger, NOVEMBER)->spent_microusd, 10);
    CHECK_INT("reserved", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 40);
    ledger_settle(&ledger, &b, 0);
    ledger_settle(&ledger, &c, 0);
    CHECK_INT("all is given back", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 0);
}

static void each_reservation_ends_once(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation never = {0}, once = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    ledger_settle(&ledger, &never, 50);
    CHECK_INT("never made", ledger_now(&ledger, NOVEMBER)->spent_microusd, 0);
    CHECK("made", reserve(&ledger, &once, 60, NOVEMBER));
    ledger_settle(&ledger, &once, 20);
    ledger_settle(&ledger, &once, 20);
    CHECK_INT("settled once", ledger_now(&ledger, NOVEMBER)->spent_microusd, 20);
    CHECK_INT("given back once", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 0);
}

static void a_new_month_begins_afresh_and_the_old_one_gets_what_is_its(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation old = {0}, new = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    ledger_load(&ledger, NOVEMBER, 30);
    CHECK("in November", reserve(&ledger, &old, 70, NOVEMBER));
    CHECK("November is full", !reserve(&ledger, &new, 1, NOVEMBER));
    CHECK("all of December", reserve(&ledger, &new, 100, DECEMBER));
    ledger_settle(&ledger, &old, 55);
    CHECK_INT("November's", ledger_now(&ledger, NOVEMBER)->spent_microusd, 85);
    CHECK_INT("not December's", ledger_now(&ledger, DECEMBER)->spent_microusd, 0);
}

/* F54, I6 */
static void a_clock_that_jumps_back_opens_no_month_again(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation reservation = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    ledger_load(&ledger, NOVEMBER, 100);
    CHECK("November is spent", !reserve(&ledger, &reservation, 1, NOVEMBER));
    CHECK("four hours on", reserve(&ledger, &reservation, 80, DECEMBER));
    ledger_settle(&ledger, &reservation, 80);
    CHECK("and back: November is as it was", !reserve(&ledger, &reservation, 1, NOVEMBER));
    CHECK("a year back: no month is opened that was there before",
          !reserve(&ledger, &reservation, 1, NOVEMBER - 365 * DAY_MS));
    CHECK("on again: so is December", !reserve(&ledger, &reservation, 21, DECEMBER));
    CHECK("20 are left there", reserve(&ledger, &reservation, 20, DECEMBER));
    ledger_settle(&ledger, &reservation, 0);
    CHECK("ten years on", reserve(&ledger, &reservation, 100, NOVEMBER + 3650 * DAY_MS));
    ledger_settle(&ledger, &reservation, 100);
    CHECK("and back", !reserve(&ledger, &reservation, 21, DECEMBER));
}

static void an_orphan_expires_and_may_still_tell_its_cost(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation orphan = {0}, other = {0};
    int64_t left;
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    CHECK("made", ledger_reserve(&ledger, &orphan, 90, NOVEMBER, 5000, &left));
    CHECK("made later", ledger_reserve(&ledger, &other, 10, NOVEMBER, 9000, &left));
    CHECK_INT("not yet", ledger_expire(&ledger, 4999), 0);
    CHECK_INT("now", ledger_expire(&ledger, 5000), 1);
    CHECK_INT("it is free", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 10);
    CHECK("it cannot grow any more", !ledger_resize(&ledger, &orphan, 95, &left));
    ledger_settle(&ledger, &orphan, 7);
    CHECK_INT("its cost counts", ledger_now(&ledger, NOVEMBER)->spent_microusd, 7);
    CHECK_INT("nothing is given back twice", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 10);
    ledger_settle(&ledger, &other, 0);
}

static void a_reservation_grows_as_far_as_there_is_room(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation reservation = {0};
    int64_t left;
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    ledger_load(&ledger, NOVEMBER, 40);
    CHECK("made", reserve(&ledger, &reservation, 50, NOVEMBER));
    CHECK("eleven more do not fit", !ledger_resize(&ledger, &reservation, 61, &left));
    CHECK_INT("ten would", left, 10);
    CHECK("they do", ledger_resize(&ledger, &reservation, 60, &left));
    CHECK("less always does", ledger_resize(&ledger, &reservation, 5, &left));
    CHECK_INT("reserved", ledger_now(&ledger, NOVEMBER)->reserved_microusd, 5);
    ledger_settle(&ledger, &reservation, 0);
}

static void the_soft_limit_is_told_once_a_month(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation reservation = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, UNLIMITED, 50);
    CHECK("no hard limit", reserve(&ledger, &reservation, LEDGER_AMOUNT_MAX, NOVEMBER));
    CHECK("49: not yet", !ledger_settle(&ledger, &reservation, 49));
    (void)reserve(&ledger, &reservation, 1, NOVEMBER);
    CHECK("50: passed", ledger_settle(&ledger, &reservation, 1));
    (void)reserve(&ledger, &reservation, 1, NOVEMBER);
    CHECK("told already", !ledger_settle(&ledger, &reservation, 1));
    (void)reserve(&ledger, &reservation, 60, DECEMBER);
    CHECK("a new month tells anew", ledger_settle(&ledger, &reservation, 60));
    ledger_change(&ledger, UNLIMITED, 55);
    (void)reserve(&ledger, &reservation, 0, DECEMBER);
    CHECK("so does a new limit", ledger_settle(&ledger, &reservation, 0));
}

static void what_was_passed_before_the_start_is_not_told_again(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation reservation = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, UNLIMITED, 50);
    ledger_load(&ledger, NOVEMBER, 50);
    (void)reserve(&ledger, &reservation, 1, NOVEMBER);
    CHECK("told by the run before", !ledger_settle(&ledger, &reservation, 1));
}

static void a_month_that_is_over_lends_its_money_to_no_later_one(void **unused)
{
    (void)unused;
    struct ledger ledger;
    ledger_init(&ledger);
    CHECK_INT("December is open", ledger_now(&ledger, DECEMBER)->spent_microusd, 0);
    ledger_load(&ledger, NOVEMBER, 70);
    CHECK_INT("November's is not its", ledger_now(&ledger, DECEMBER)->spent_microusd, 0);
    ledger_load(&ledger, DECEMBER, 5);
    CHECK_INT("its own is", ledger_now(&ledger, DECEMBER)->spent_microusd, 5);
}

static void a_lowered_limit_keeps_what_was_promised(void **unused)
{
    (void)unused;
    struct ledger ledger;
    struct reservation promised = {0}, late = {0};
    ledger_init(&ledger);
    ledger_change(&ledger, 100, UNLIMITED);
    CHECK("made", reserve(&ledger, &promised, 90, NOVEMBER));
    ledger_change(&ledger, 10, UNLIMITED);
    CHECK("nobody else", !reserve(&ledger, &late, 1, NOVEMBER));
    ledger_settle(&ledger, &promised, 4);
    CHECK("again", reserve(&ledger, &late, 6, NOVEMBER));
    ledger_settle(&ledger, &late, 0);
}

/* ---- against plain books ----------------------------------------------------------------------- */

#define SEEDS  3000
#define STEPS  300
#define OWNERS 24
#define MONTHS 6

struct owner {
    struct reservation reservation;
    bool is_made, is_open;
    int64_t amount, expires_at_ms;
    int month;
};

struct world {
    char name[32];
    uint64_t random;
    struct ledger ledger;
    int64_t limit;
    int64_t now_ms; /* monotonic: never jumps */
    int month;      /* of the wall clock, which does */
    int first;      /* the first that was opened */
    int64_t spent[MONTHS];
    struct owner owners[OWNERS];
};

static int64_t roll(struct world *world, int64_t sides)
{
    world->random += UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)((hash_spread(world->random) >> 33) % (uint64_t)sides);
}

static int64_t wall_of(struct world *world, int month)
{
    int64_t start = month_start_ms(month_of(NOVEMBER) + month);
    int64_t end = month_start_ms(month_of(NOVEMBER) + month + 1);
    return start + roll(world, (end - start) / 1000) * 1000;
}

static int64_t reserved_of(const struct world *world, int month)
{
    int64_t sum = 0;
    for (int i = 0; i < OWNERS; i++)
        if (world->owners[i].is_open && world->owners[i].month == month)
            sum += world->owners[i].amount;
    return sum;
}

static void step_reserve(struct world *world, struct owner *owner)
{
    int month = world->month < world->first ? world->first : world->month;
    int64_t amount = roll(world, 60), left = 0;
    int64_t committed = world->spent[month] + reserved_of(world, month);
    bool fits = amount + committed <= world->limit || amount == 0;
    bool is_in = ledger_reserve(&world->ledger, &owner->reservation, amount,
                                wall_of(world, world->month), world->now_ms + LIFE_MS, &left);
    CHECK(world->name, is_in == fits);
    if (!is_in)
        return;
    owner->is_made = owner->is_open = true;
    owner->amount = amount;
    owner->month = month;
    owner->expires_at_ms = world->now_ms + LIFE_MS;
}

static void step_resize(struct world *world, struct owner *owner)
{
    int64_t amount = roll(world, 80), left = 0;
    int64_t committed =
        world->spent[owner->month] + reserved_of(world, owner->month) - owner->amount;
    bool fits = owner->is_open && (amount <= owner->amount || amount + committed <= world->limit);
    CHECK(world->name, ledger_resize(&world->ledger, &owner->reservation, amount, &left) == fits);
    if (fits)
        owner->amount = amount;
}

static void step_settle(struct world *world, struct owner *owner)
{
    int64_t cost = owner->is_open ? roll(world, owner->amount + 1) : 0;
    (void)ledger_settle(&world->ledger, &owner->reservation, cost);
    world->spent[owner->month] += cost;
    owner->is_made = owner->is_open = false;
}

static void step_expire(struct world *world)
{
    size_t due = 0;
    for (int i = 0; i < OWNERS; i++) {
        struct owner *owner = &world->owners[i];
        if (!owner->is_open || owner->expires_at_ms > world->now_ms)
            continue;
        owner->is_open = false;
        due++;
    }
    CHECK_INT(world->name, ledger_expire(&world->ledger, world->now_ms), due);
}

static void check_books(struct world *world)
{
    for (int month = world->first; month < world->first + (int)LEDGER_MONTHS && month < MONTHS;
         month++)
        for (size_t i = 0; i < world->ledger.month_count; i++) {
            const struct ledger_month *account = &world->ledger.months[i];
            if (account->month != month_of(NOVEMBER) + month)
                continue;
            CHECK_INT(world->name, account->spent_microusd, world->spent[month]);
            CHECK_INT(world->name, account->reserved_microusd, reserved_of(world, month));
            CHECK(world->name,
                  account->spent_microusd + account->reserved_microusd <= world->limit);
        }
}

static void play(uint64_t seed)
{
    static struct world world;
    world = (struct world){.random = seed * 104729};
    (void)snprintf(world.name, sizeof world.name, "seed %llu", (unsigned long long)seed);
    ledger_init(&world.ledger);
    world.limit = roll(&world, 400);
    world.first = world.month = (int)roll(&world, 3);
    world.spent[world.month] = roll(&world, world.limit + 1);
    ledger_change(&world.ledger, world.limit, UNLIMITED);
    ledger_load(&world.ledger, wall_of(&world, world.month), world.spent[world.month]);
    for (int step = 0; step < STEPS; step++) {
        struct owner *owner = &world.owners[roll(&world, OWNERS)];
        world.now_ms += roll(&world, LIFE_MS / 20);
        if (roll(&world, 30) == 0) /* a jump: on, or back; within as many months as are kept */
            world.month = (int)roll(&world, world.first + (int)LEDGER_MONTHS);
        if (roll(&world, 10) == 0)
            step_expire(&world);
        else if (!owner->is_made)
            step_reserve(&world, owner);
        else if (roll(&world, 3) == 0)
            step_resize(&world, owner);
        else
            step_settle(&world, owner);
        check_books(&world);
    }
    for (int i = 0; i < OWNERS; i++)
        ledger_settle(&world.ledger, &world.owners[i].reservation, 0);
    for (size_t i = 0; i < world.ledger.month_count; i++)
        CHECK_INT(world.name, world.ledger.months[i].reserved_microusd, 0);
}

static void spent_and_reserved_are_never_more_than_the_limit(void **unused)
{
    (void)unused;
    const char *one = getenv("LEDGER_SEED");
    uint64_t seeds = getenv("AUXOT_TEST_LONG") ? SEEDS * 50 : SEEDS;
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= seeds; seed++)
        play(seed);
}

TEST_MAIN(TEST(what_is_reserved_cannot_be_reserved_again), TEST(each_reservation_ends_once),
          TEST(a_new_month_begins_afresh_and_the_old_one_gets_what_is_its),
          TEST(a_clock_that_jumps_back_opens_no_month_again),
          TEST(an_orphan_expires_and_may_still_tell_its_cost),
          TEST(a_reservation_grows_as_far_as_there_is_room),
          TEST(the_soft_limit_is_told_once_a_month),
          TEST(what_was_passed_before_the_start_is_not_told_again),
          TEST(a_month_that_is_over_lends_its_money_to_no_later_one),
          TEST(a_lowered_limit_keeps_what_was_promised),
          TEST(spent_and_reserved_are_never_more_than_the_limit))
