/* tests/unit/simulate/test_slots.c: llama-server's slots: taken in turn, waited for without limit. */
#include "simulate/slots.h"

#include "tests/test.h"

#define USERS 64

static struct loop *loop;
static struct slots slots;
static struct slot_user users[USERS];
static int order[USERS], served;

static void on_slot(struct slot_user *user)
{
    order[served++] = (int)(user - users);
}

static void on_slot_and_done(struct slot_user *user)
{
    on_slot(user);
    slot_user_leave(&slots, user);
}

static void begin(int count, void (*on_slot_of_all)(struct slot_user *))
{
    struct error error;
    CHECK("a loop", loop_new(-1, &loop, &error) == OK);
    slots_init(&slots, loop, count, 4096, 0);
    for (size_t i = 0; i < USERS; i++)
        slot_user_init(&users[i], on_slot_of_all);
    served = 0;
}

static void end(void)
{
    loop_free(loop);
}

static void who_comes_waits_for_a_slot_and_gets_it_in_turn(void **state)
{
    (void)state;
    begin(2, on_slot);
    for (int i = 0; i < 5; i++)
        slot_user_enter(&slots, &users[i], i);
    CHECK_INT("two are served", served, 2);
    CHECK("full", slots_are_full(&slots));

    slot_user_leave(&slots, &users[3]); /* one that waits goes away */
    slot_user_leave(&slots, &users[0]);
    slot_user_enter(&slots, &users[5], 5);
    CHECK_INT("a newcomer does not push in", served, 2);
    loop_settle(loop);
    CHECK_INT("the first in the queue has the slot", order[2], 2);
    slot_user_leave(&slots, &users[1]);
    slot_user_leave(&slots, &users[2]);
    loop_settle(loop);
    CHECK_INT("all that stayed were served", served, 5);
    CHECK_INT("in turn", order[3], 4);
    CHECK_INT("and the last", order[4], 5);
    slot_user_leave(&slots, &users[4]);
    slot_user_leave(&slots, &users[5]);
    slot_user_leave(&slots, &users[5]); /* twice is as once */
    CHECK_INT("none is taken", slots.taken, 0);
    end();
}

static void short_jobs_hand_on_without_end(void **state)
{
    (void)state;
    begin(1, on_slot_and_done);
    users[0].on_slot = on_slot;
    for (int i = 0; i < USERS; i++)
        slot_user_enter(&slots, &users[i], i);
    slot_user_leave(&slots, &users[0]);
    loop_settle(loop);
    CHECK_INT("all", served, USERS);
    CHECK_INT("none is taken", slots.taken, 0);
    end();
}

static void the_state_is_told_as_llama_server_does(void **state)
{
    (void)state;
    AUTO_BUF struct buf out;
    buf_init(&out, 4096);
    begin(2, on_slot);
    slot_user_enter(&slots, &users[0], 77);
    slots_write(&slots, &out);
    CHECK_STR(
        "one of two", out.data,
        "[{\"id\":0,\"n_ctx\":4096,\"speculative\":false,\"is_processing\":true,\"id_task\":77,"
        "\"next_token\":[{\"has_next_token\":true,\"n_remain\":-1,\"n_decoded\":0}]},"
        "{\"id\":1,\"n_ctx\":4096,\"speculative\":false,\"is_processing\":false,\"id_task\":-1,"
        "\"next_token\":[{\"has_next_token\":false,\"n_remain\":-1,\"n_decoded\":0}]}]");
    end();
}

TEST_MAIN(TEST(who_comes_waits_for_a_slot_and_gets_it_in_turn),
          TEST(short_jobs_hand_on_without_end), TEST(the_state_is_told_as_llama_server_does))
