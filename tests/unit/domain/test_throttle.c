/* tests/unit/domain/test_throttle.c: T14: guessing is slow, and locks out who guesses, not whom he guesses at. */
#include "domain/throttle.h"

#include "tests/test.h"

#include <stdlib.h>

#define NOW INT64_C(1000000)

static struct throttle throttle; /* too large for the stack */

static void begin(void)
{
    memset(&throttle, 0, sizeof throttle);
}

/* How many of `tries` in a row are let through. */
static int let_through(uint64_t address, uint64_t account, bool is_known, int64_t now_ms, int tries)
{
    struct throttle_try try = {.address = address, .account = account, .is_known = is_known};
    int count = 0;
    int64_t wait_ms;
    for (int i = 0; i < tries; i++)
        count += throttle_take(&throttle, &try, now_ms, &wait_ms);
    return count;
}

static void an_account_takes_ten_tries_then_one_a_minute(void **state)
{
    (void)state;
    begin();
    CHECK_INT("at once", let_through(1, 7, false, NOW, 50), 10);
    CHECK_INT("no sooner", let_through(1, 7, false, NOW + 59999, 5), 0);
    CHECK_INT("one a minute", let_through(1, 7, false, NOW + 60000, 5), 1);
    CHECK_INT("all are back", let_through(1, 7, false, NOW + 20 * 60000, 50), 10);
}

static void an_address_takes_thirty_whatever_the_account(void **state)
{
    (void)state;
    begin();
    int total = 0;
    for (uint64_t account = 100; account < 200; account++)
        total += let_through(1, account, false, NOW, 1);
    CHECK_INT("in all", total, 30);
    CHECK_INT("another address goes on", let_through(2, 150, false, NOW, 1), 1);
}

static void many_addresses_share_what_an_account_takes(void **state)
{
    (void)state;
    begin();
    int total = 0;
    for (uint64_t address = 1; address <= 1000; address++)
        total += let_through(address, 7, false, NOW, 1);
    CHECK_INT("distributed guessing", total, 10);
}

static void the_owner_is_not_locked_out_by_strangers(void **state)
{
    (void)state;
    begin();
    for (uint64_t address = 1; address <= 1000; address++)
        let_through(address, 7, false, NOW, 1);
    CHECK_INT("a stranger waits", let_through(5000, 7, false, NOW, 1), 0);
    CHECK_INT("from where he is known he does not", let_through(42, 7, true, NOW, 1), 1);
    let_through(43, 99, false, NOW, 1000);
    for (uint64_t account = 1000; account < 1100; account++)
        let_through(43, account, false, NOW, 1);
    CHECK_INT("nor behind an address that others use to guess", let_through(43, 7, true, NOW, 1),
              1);
    CHECK_INT("guessing from there is slow, too", let_through(43, 7, true, NOW, 50), 9);
}

/* Whatever is tried, what a wrong password is told does not depend on whether the account is known there. */
static void nobody_learns_who_signs_in_from_here(void **state)
{
    (void)state;
    for (int address_tries = 0; address_tries <= 40; address_tries++) {
        int64_t waits[2][25];
        for (int is_known = 0; is_known < 2; is_known++) {
            begin();
            for (int i = 0; i < address_tries; i++)
                let_through(1, 1000 + (uint64_t)i, false, NOW, 1);
            struct throttle_try try = {.address = 1, .account = 7, .is_known = is_known};
            for (int i = 0; i < 25; i++)
                (void)throttle_take(&throttle, &try, NOW + i * 1000, &waits[is_known][i]);
        }
        CHECK("told alike", memcmp(waits[0], waits[1], sizeof waits[0]) == 0);
    }
}

static void what_was_not_taken_is_not_given_back(void **state)
{
    (void)state;
    begin();
    struct throttle_try try = {.address = 1, .account = 7, .is_known = true};
    int64_t wait_ms = 0;
    let_through(2, 7, false, NOW, 10);
    for (int i = 0; i < 100; i++) {
        CHECK("the owner comes in", throttle_take(&throttle, &try, NOW, &wait_ms) && wait_ms > 0);
        throttle_give(&throttle, &try, NOW);
    }
    CHECK_INT("strangers wait as before", let_through(2, 7, false, NOW, 1), 0);
}

static void what_succeeds_is_given_back(void **state)
{
    (void)state;
    begin();
    struct throttle_try try = {.address = 1, .account = 7};
    int64_t wait_ms;
    for (int i = 0; i < 1000; i++) {
        CHECK("may", throttle_take(&throttle, &try, NOW, &wait_ms));
        throttle_give(&throttle, &try, NOW);
    }
    CHECK_INT("nothing is spent", let_through(1, 7, false, NOW, 50), 10);
}

static void the_wait_is_told(void **state)
{
    (void)state;
    begin();
    struct throttle_try try = {.address = 1, .account = 7};
    int64_t wait_ms = -1;
    let_through(1, 7, false, NOW, 10);
    CHECK("not now", !throttle_take(&throttle, &try, NOW + 1000, &wait_ms));
    CHECK_INT("a minute after the first", wait_ms, 59000);
    CHECK("then it may", throttle_take(&throttle, &try, NOW + 1000 + wait_ms, &wait_ms));
}

/* Whatever comes in whatever order: never more than the room and what came back, and waiting helps. */
static void no_order_of_tries_gets_more(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        begin();
        srand(seed);
        int64_t now = NOW, wait_ms;
        int allowed = 0;
        struct throttle_try try = {.account = 7};
        for (int i = 0; i < 2000; i++) {
            now += rand() % 3000;
            try.address = (uint64_t)(rand() % 50) + 1;
            bool may = throttle_take(&throttle, &try, now, &wait_ms);
            allowed += may;
            CHECK("a refusal tells a wait", may == (wait_ms == 0) && wait_ms <= 600000);
        }
        CHECK("the account's rate holds", allowed <= 10 + (now - NOW) / 60000 + 1);
        CHECK("and can be used", allowed >= 10 + (now - NOW) / 60000 - 1);
    }
}

/* More addresses than there are entries: the memory is the same, and who guesses on is still slow. */
static void a_flood_of_addresses_needs_no_more_memory(void **state)
{
    (void)state;
    begin();
    int64_t total = 0;
    for (uint64_t address = 1; address <= 100000; address++)
        total += let_through(address, address * 31, false, NOW, 1);
    CHECK_INT("each is let in once", total, 100000);
    CHECK_INT("and its account is counted from then on", let_through(7, 7, false, NOW, 50), 10);
}

TEST_MAIN(TEST(an_account_takes_ten_tries_then_one_a_minute),
          TEST(an_address_takes_thirty_whatever_the_account),
          TEST(many_addresses_share_what_an_account_takes),
          TEST(the_owner_is_not_locked_out_by_strangers),
          TEST(nobody_learns_who_signs_in_from_here), TEST(what_was_not_taken_is_not_given_back),
          TEST(what_succeeds_is_given_back), TEST(the_wait_is_told),
          TEST(no_order_of_tries_gets_more), TEST(a_flood_of_addresses_needs_no_more_memory))
