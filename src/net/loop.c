/* net/loop.c: libevent's core, a clock that is read once per wake-up, and an eventfd for messages.
 *
 * Each turn: wait for readiness, run what became ready, then run what was deferred meanwhile. Messages
 * from other threads come over a lock-free stack that only this thread empties; the sender of the first
 * one rings the eventfd.
 */
#include "net/loop.h"

#include "base/mem.h"
#include "net/deadlines.h"
#include "sys/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFERRED_TURNS_MAX 64 /* then look at the sockets again */
#define NS_PER_MS          1000000
#define VERY_LATE_NS       (INT64_C(500) * NS_PER_MS)

struct loop {
    int index;
    struct event_base *base;
    int64_t now_ns, wall_ms; /* 0: not read since the last wake-up */
    atomic_bool is_stopping;
    _Atomic(struct loop_message *) posted; /* newest first */
    struct loop_message *deferred_first, **deferred_last;
    struct event bell;
    int bell_fd;
    struct event timer;
    int64_t timer_ns; /* when it will fire; INT64_MAX: not set */
    bool is_timer_put_off;
    struct deadlines deadlines;
    char *scratch;
};

static void run_posted(struct loop *loop)
{
    struct loop_message *newest =
        atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    struct loop_message *oldest = NULL;
    while (newest) { /* turn the stack over: first come, first served */
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct loop_message *message = oldest;
        oldest = message->next;
        message->next = NULL;
        message->run(message); /* may free the message */
    }
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t rings;
    ssize_t n = read(fd, &rings, sizeof rings);
    (void)n; /* nonblocking: an empty bell is fine */
    run_posted(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

static void run_deferred(struct loop *loop)
{
    for (int turn = 0; turn < DEFERRED_TURNS_MAX && loop->deferred_first; turn++) {
        struct loop_message *message = loop->deferred_first;
        loop->deferred_first = NULL;
        loop->deferred_last = &loop->deferred_first;
        while (message) {
            struct loop_message *next = message->next;
            message->next = NULL;
            message->run(message);
            message = next;
        }
    }
}

/* The timer is added once and taken back: libevent keeps the room for it, so that a deadline never fails. */
static bool set_up_events(struct loop *loop)
{
    struct timeval late = {.tv_sec = 3600};
    event_assign(&loop->bell, loop->base, loop->bell_fd, EV_READ | EV_PERSIST, on_bell, loop);
    evtimer_assign(&loop->timer, loop->base, on_timer, loop);
    bool is_done = event_add(&loop->bell, NULL) == 0 && event_add(&loop->timer, &late) == 0;
    event_del(&loop->timer);
    return is_done;
}

enum err loop_new(int index, struct loop **out_loop, struct error *error)
{
    struct loop *loop = mem_zalloc(1, sizeof *loop);
    if (!loop)
        return error_set(error, ERR_NO_MEMORY, "no memory for an event loop");
    loop->index = index;
    loop->deferred_last = &loop->deferred_first;
    loop->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = event_base_new();
    loop->scratch = mem_alloc(LOOP_SCRATCH_BYTES + LOOP_SCRATCH_SLACK);
    if (loop->bell_fd < 0 || !loop->base || !loop->scratch) {
        loop_free(loop);
        return error_set(error, ERR_NO_MEMORY,
                         "cannot make an event loop: out of memory or descriptors");
    }
    loop->timer_ns = INT64_MAX;
    if (!set_up_events(loop)) {
        loop_free(loop);
        return error_set(error, ERR_NO_MEMORY, "no memory for an event loop");
    }
    *out_loop = loop;
    return OK;
}

void loop_settle(struct loop *loop)
{
    run_posted(loop);
    run_deferred(loop);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_settle(loop);
    if (event_initialized(&loop->bell))
        event_del(&loop->bell);
    if (event_initialized(&loop->timer))
        event_del(&loop->timer);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->bell_fd >= 0)
        close(loop->bell_fd);
    mem_free(loop->scratch);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    loop->now_ns = loop->wall_ms = 0; /* what was read while things were set up is old by now */
    while (!atomic_load_explicit(&loop->is_stopping, memory_order_acquire)) {
        event_base_loop(loop->base, EVLOOP_ONCE | (loop->deferred_first ? EVLOOP_NONBLOCK : 0));
        run_deferred(loop);
        loop->now_ns = loop->wall_ms = 0;
    }
    atomic_store_explicit(&loop->is_stopping, false,
                          memory_order_release); /* it may be run again */
}

static void ring(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->bell_fd, &one, sizeof one);
    (void)n; /* a full counter rings just as well */
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->is_stopping, true, memory_order_release);
    ring(loop);
}

int loop_index(const struct loop *loop)
{
    return loop->index;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

int64_t loop_refresh_now(struct loop *loop)
{
    loop->now_ns = clock_monotonic_ns();
    loop->wall_ms = 0;
    return loop->now_ns;
}

int64_t loop_now_ns(const struct loop *loop)
{
    if (loop->now_ns == 0)
        ((struct loop *)loop)->now_ns = clock_monotonic_ns(); /* a cache; the loop's thread only */
    return loop->now_ns;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop_now_ns(loop) / NS_PER_MS;
}

int64_t loop_wall_ms(const struct loop *loop)
{
    if (loop->wall_ms == 0)
        ((struct loop *)loop)->wall_ms = clock_wall_ms(); /* as above */
    return loop->wall_ms;
}

char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    struct loop_message *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do
        message->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&loop->posted, &newest, message,
                                                  memory_order_release, memory_order_relaxed));
    if (!newest)
        ring(loop);
}

void loop_defer(struct loop *loop, struct loop_message *message)
{
    message->next = NULL;
    *loop->deferred_last = message;
    loop->deferred_last = &message->next;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* One timer of libevent's for all of them. */
static void set_timer(struct loop *loop)
{
    const struct deadline *first = loop->deadlines.first;
    if (!first || first->armed_ns >= loop->timer_ns)
        return;
    int64_t left_ns = first->armed_ns - loop_now_ns(loop);
    int64_t left_us = left_ns > 0 ? left_ns / 1000 + 1 : 0;
    struct timeval wait = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    loop->timer_ns = first->armed_ns;
    event_add(&loop->timer, &wait);
}

/* For a time gone by: at the next turn, behind whatever is due already, lest it starve that. */
static void arm(struct deadline *deadline)
{
    int64_t now_ns = loop_now_ns(deadline->loop);
    deadline->armed_ns = deadline->due_ns > now_ns ? deadline->due_ns : now_ns + 1;
    deadlines_add(&deadline->loop->deadlines, deadline);
}

static void disarm(struct deadline *deadline)
{
    if (deadline->armed_ns == INT64_MAX)
        return;
    deadlines_remove(&deadline->loop->deadlines, deadline);
    deadline->armed_ns = INT64_MAX;
}

/* Its time has come, unless it was cleared or moved back meanwhile. */
static void look_at(struct deadline *deadline, int64_t now_ns)
{
    disarm(deadline);
    if (deadline->due_ns == INT64_MAX)
        return;
    if (deadline->due_ns > now_ns) {
        arm(deadline);
        return;
    }
    deadline->due_ns = INT64_MAX;
    deadline->on_due(deadline);
}

/* Much too late: the process was stopped, or the machine was. What has come meanwhile is read before anybody is called
 * silent: heartbeats may lie in the sockets, and a wait that a signal ends does not look at them. */
static bool has_been_asleep(struct loop *loop, int64_t now_ns)
{
    if (loop->is_timer_put_off || now_ns - loop->timer_ns < VERY_LATE_NS) {
        loop->is_timer_put_off = false;
        return false;
    }
    loop->is_timer_put_off = true;
    event_add(&loop->timer, &(struct timeval){0});
    return true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *loop = arg;
    struct deadlines *deadlines = &loop->deadlines;
    int64_t now_ns = loop_now_ns(loop);
    if (has_been_asleep(loop, now_ns))
        return;
    loop->timer_ns = INT64_MAX;
    while (deadlines->first && deadlines->first->armed_ns <= now_ns)
        look_at(deadlines->first, now_ns);
    set_timer(loop);
}

void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_due)(struct deadline *deadline))
{
    *deadline = (struct deadline){
        .loop = loop, .due_ns = INT64_MAX, .armed_ns = INT64_MAX, .on_due = on_due};
}

void deadline_set(struct deadline *deadline, int64_t due_ns)
{
    deadline->due_ns = due_ns;
    if (due_ns >= deadline->armed_ns)
        return;
    disarm(deadline);
    arm(deadline);
    set_timer(deadline->loop);
}

void deadline_clear(struct deadline *deadline)
{
    deadline->due_ns = INT64_MAX;
}

void deadline_release(struct deadline *deadline)
{
    if (deadline->loop)
        disarm(deadline);
    deadline->due_ns = INT64_MAX;
}
