/* net/loop.h: one thread's event loop: readiness, deadlines, and messages from other threads.
 *
 * Thread:  everything here belongs to the loop's own thread, save loop_post and loop_stop.
 * Rule:    nothing on a loop thread blocks, reads a database or resolves names synchronously.
 */
#pragma once
#include "base/err.h"
#include "base/list.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>

struct loop;
struct resolver;
struct tls_client;
struct client_pool;

#define LOOP_SCRATCH_BYTES 65536u
#define LOOP_SCRATCH_SLACK 64u

/** `index` is 0-based and names the thread (loop-0). Negative: a loop of another program (simulate). */
MUST_USE enum err loop_new(int index, struct loop **out_loop, struct error *error);
void loop_free(struct loop *loop);
/** Runs until loop_stop; may be run again afterwards. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread */
/** Runs the messages that came too late for loop_run, while what they speak of is still there. After the
 *  loop's thread has ended, before its objects are freed. */
void loop_settle(struct loop *loop);
int loop_index(const struct loop *loop);
struct event_base *loop_base(struct loop *loop);
int64_t loop_now_ns(const struct loop *loop); /* monotonic, read once per wake-up */
int64_t loop_now_ms(const struct loop *loop);
int64_t loop_wall_ms(const struct loop *loop); /* wall clock, read once per wake-up */
int64_t loop_refresh_now(struct loop *loop);   /* reads the clock again: monotonic ns */
/** Room for one read; valid until the next read on this loop. LOOP_SCRATCH_BYTES + slack. */
char *loop_scratch(struct loop *loop);

/** A message that cannot fail: the node lives in the sender's object; one outstanding at a time. */
struct loop_message {
    struct loop_message *next;
    void (*run)(struct loop_message *message); /* on the loop's thread */
};
void loop_post(struct loop *loop, struct loop_message *message); /* any thread */

/** Does `run` after the current callback has returned (not recursion): also an intrusive node. */
void loop_defer(struct loop *loop, struct loop_message *message);

/** A deadline that is cheap to move later: its place in the order is only touched when it must come earlier. */
struct deadline {
    struct loop *loop;
    int64_t due_ns;   /* INT64_MAX: none */
    int64_t armed_ns; /* when it will be looked at; INT64_MAX: not armed */
    void (*on_due)(struct deadline *deadline);
    struct deadline *child, *next, *before; /* see deadlines.h */
};
void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_due)(struct deadline *deadline));
void deadline_set(struct deadline *deadline, int64_t due_ns);
void deadline_clear(struct deadline *deadline); /* stays armed, fires into nothing */
static inline bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->due_ns != INT64_MAX;
}
void deadline_release(struct deadline *deadline); /* before its memory goes */
