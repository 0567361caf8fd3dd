/* simulate/slots.c: see slots.h. */
#include "simulate/slots.h"

static void on_turn(struct loop_message *message);

void slots_init(struct slots *slots, struct loop *loop, int count, int64_t context_tokens,
                int64_t loading_ms)
{
    *slots = (struct slots){.loop = loop,
                            .count = count,
                            .context_tokens = context_tokens,
                            .ready_at_ms = loop ? loop_now_ms(loop) + loading_ms : 0,
                            .turn.run = on_turn};
    list_init(&slots->waiting);
}

bool slots_are_loading(const struct slots *slots)
{
    return slots->loop && loop_now_ms(slots->loop) < slots->ready_at_ms;
}

void slot_user_init(struct slot_user *user, void (*on_slot)(struct slot_user *user))
{
    *user = (struct slot_user){.slot = -1, .on_slot = on_slot};
    list_init(&user->node);
}

static void give(struct slots *slots, struct slot_user *user)
{
    int n = 0;
    while (slots->users[n])
        n++;
    slots->users[n] = user;
    slots->taken++;
    user->slot = n;
    user->on_slot(user); /* may leave at once */
}

/* Not from inside the one that left: a queue of short answers would be as many calls deep. */
static void on_turn(struct loop_message *message)
{
    struct slots *slots = LIST_OWNER(message, struct slots, turn);
    slots->is_turn_posted = false;
    while (!slots_are_full(slots) && !list_is_empty(&slots->waiting)) {
        struct slot_user *user = LIST_OWNER(slots->waiting.next, struct slot_user, node);
        list_unlink(&user->node);
        give(slots, user);
    }
}

void slot_user_enter(struct slots *slots, struct slot_user *user, int64_t task)
{
    user->task = task;
    if (slots_are_full(slots) || !list_is_empty(&slots->waiting))
        list_push_back(&slots->waiting, &user->node);
    else
        give(slots, user);
}

void slot_user_leave(struct slots *slots, struct slot_user *user)
{
    list_unlink(&user->node);
    if (user->slot < 0)
        return;
    slots->users[user->slot] = NULL;
    slots->taken--;
    user->slot = -1;
    if (!slots->is_turn_posted && !list_is_empty(&slots->waiting)) {
        slots->is_turn_posted = true;
        loop_defer(slots->loop, &slots->turn);
    }
}

void slots_write(const struct slots *slots, struct buf *out)
{
    buf_putc(out, '[');
    for (int i = 0; i < slots->count; i++) {
        const struct slot_user *user = slots->users[i];
        buf_printf(out,
                   "%s{\"id\":%d,\"n_ctx\":%lld,\"speculative\":false,\"is_processing\":%s,"
                   "\"id_task\":%lld,\"next_token\":[{\"has_next_token\":%s,\"n_remain\":-1,"
                   "\"n_decoded\":0}]}",
                   i ? "," : "", i, (long long)slots->context_tokens, user ? "true" : "false",
                   (long long)(user ? user->task : -1), user ? "true" : "false");
    }
    buf_putc(out, ']');
}
