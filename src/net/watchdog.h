/* net/watchdog.h: ends the process when a loop is stuck, so that a supervisor starts it again. RELIABILITY.md F69.
 *
 * A thread of its own asks each loop for a sign of life, by a message, and looks every half second whether it came. A loop
 * that gives none for `patience_ms` is stuck: in an endless loop, in a lock that nobody lets go of, in a call that does not
 * return. Requests that run elsewhere are lost with it, but nothing that was recorded is.
 *
 * A process that was stopped itself (SIGSTOP, a machine that slept) is given a new start: then the thread was late as well.
 *
 *     watchdog_new -> watchdog_watch for each loop -> watchdog_start -> watchdog_stop -> the loops' end -> watchdog_free
 *
 * Thread:  of whoever makes it, save that the loops answer on theirs.
 */
#pragma once
#include "net/loop.h"
#include <pthread.h>

#define WATCHDOG_PATIENCE_MS 5000

struct watchdog;

struct watchdog_options {
    int64_t patience_ms; /* 0: WATCHDOG_PATIENCE_MS */
    /** On the watchdog's thread, once. `thread`: the loop's. */
    void (*on_stuck)(void *arg, const char *name, pthread_t thread, int64_t silent_ms);
    void *arg;
};

MUST_USE enum err watchdog_new(const struct watchdog_options *options,
                               struct watchdog **out_watchdog, struct error *error);
/** `name` is kept as it is. At most 80 of them. */
void watchdog_watch(struct watchdog *watchdog, struct loop *loop, const char *name);
MUST_USE enum err watchdog_start(struct watchdog *watchdog, struct error *error);
/** No more questions are asked. Before the loops end. */
void watchdog_stop(struct watchdog *watchdog);
void watchdog_free(struct watchdog *watchdog); /* after the loops' end; NULL is fine */

/** For on_stuck of a server: the stack of that thread to stderr, then the end by SIGABRT. */
void watchdog_abort(void *arg, const char *name, pthread_t thread, int64_t silent_ms);
/** Makes SIGABRT write the stack. Once, before threads start. */
void watchdog_prepare(void);
