/* simulate/slots.h: what a llama-server is besides its answers: slots, a context, a time of loading. CLIENTS.md 9.
 *
 * When all slots are taken, a request waits, without limit and without a word; /health says that all is well. Each slot
 * has the same context; a prompt that is longer is refused before its first byte.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "base/buf.h"
#include "base/list.h"
#include "net/loop.h"

#define SLOTS_MAX       256
#define SLOTS_DEFAULT   4
#define CONTEXT_DEFAULT 131072

/** Whoever needs a slot; lives in its owner. */
struct slot_user {
    struct list node; /* while it waits */
    int slot;         /* -1: has none */
    int64_t task;
    void (*on_slot)(struct slot_user *user); /* it has one: at once, or when it was its turn */
};

struct slots {
    struct loop *loop;
    int count, taken;
    int64_t context_tokens;
    int64_t ready_at_ms; /* loop's clock: until then the model loads */
    const char *key;     /* what callers must bring; NULL: nothing */
    struct slot_user *users[SLOTS_MAX];
    struct list waiting;
    struct loop_message turn;
    bool is_turn_posted;
};

void slots_init(struct slots *slots, struct loop *loop, int count, int64_t context_tokens,
                int64_t loading_ms);
bool slots_are_loading(const struct slots *slots);
static inline bool slots_are_full(const struct slots *slots)
{
    return slots->taken == slots->count;
}
void slot_user_init(struct slot_user *user, void (*on_slot)(struct slot_user *user));
void slot_user_enter(struct slots *slots, struct slot_user *user, int64_t task);
/** From the slot, or out of the queue; fine when it is in neither. */
void slot_user_leave(struct slots *slots, struct slot_user *user);
/** GET /slots. */
void slots_write(const struct slots *slots, struct buf *out);
