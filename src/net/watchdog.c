/* net/watchdog.c: see watchdog.h. */
#include "net/watchdog.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/thread.h"

#include <assert.h>
#include <execinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WATCHED_MAX 80
#define LOOK_MS     500
#define PAUSE_MS    (3 * LOOK_MS) /* late by this much: we were stopped as well */
#define FRAMES_MAX  64
#define STACK_MS    2000 /* to write it; then without */

struct watched {
    struct loop_message ask;
    struct loop *loop;
    const char *name;
    int64_t asked_ms;
    pthread_t thread; /* written before `has_answered` is set */
    atomic_bool has_answered;
};

struct watchdog {
    struct watchdog_options options;
    struct watched all[WATCHED_MAX];
    int count;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* guards is_stopping */
    pthread_cond_t stopping;
    bool is_stopping;
};

/* ---- looking ------------------------------------------------------------------------------------- */

static void answer(struct loop_message *message)
{
    struct watched *watched = LIST_OWNER(message, struct watched, ask);
    watched->thread = pthread_self();
    atomic_store_explicit(&watched->has_answered, true, memory_order_release);
}

static void ask(struct watched *watched, int64_t now_ms)
{
    watched->asked_ms = now_ms;
    atomic_store_explicit(&watched->has_answered, false, memory_order_relaxed);
    loop_post(watched->loop, &watched->ask);
}

/* A loop that has not answered since `asked_ms` has been asked once and holds that message: it is not asked again. */
static bool look_at(struct watchdog *watchdog, struct watched *watched, int64_t now_ms)
{
    if (atomic_load_explicit(&watched->has_answered, memory_order_acquire)) {
        ask(watched, now_ms);
        return true;
    }
    int64_t silent_ms = now_ms - watched->asked_ms;
    if (silent_ms < watchdog->options.patience_ms)
        return true;
    watchdog->options.on_stuck(watchdog->options.arg, watched->name, watched->thread, silent_ms);
    return false;
}

static void forgive(struct watchdog *watchdog, int64_t now_ms)
{
    for (int i = 0; i < watchdog->count; i++)
        watchdog->all[i].asked_ms = now_ms;
}

/* False: it is over. */
static bool rest(struct watchdog *watchdog)
{
    int64_t until_ns = clock_monotonic_ns() + LOOK_MS * INT64_C(1000000);
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    int why = 0;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->is_stopping && why == 0)
        why = pthread_cond_timedwait(&watchdog->stopping, &watchdog->lock, &until);
    bool goes_on = !watchdog->is_stopping;
    pthread_mutex_unlock(&watchdog->lock);
    return goes_on;
}

static void watch(void *arg)
{
    struct watchdog *watchdog = arg;
    int64_t looked_ms = clock_monotonic_ms();
    while (rest(watchdog)) {
        int64_t now_ms = clock_monotonic_ms();
        if (now_ms - looked_ms > PAUSE_MS)
            forgive(watchdog, now_ms);
        looked_ms = now_ms;
        for (int i = 0; i < watchdog->count; i++)
            if (!look_at(watchdog, &watchdog->all[i], now_ms))
                return;
    }
}

/* ---- life ---------------------------------------------------------------------------------------- */

enum err watchdog_new(const struct watchdog_options *options, struct watchdog **out_watchdog,
                      struct error *error)
{
    struct watchdog *watchdog = mem_zalloc(1, sizeof *watchdog);
    if (!watchdog)
        return error_set(error, ERR_NO_MEMORY, "no memory for the watchdog");
    watchdog->options = *options;
    if (watchdog->options.patience_ms <= 0)
        watchdog->options.patience_ms = WATCHDOG_PATIENCE_MS;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_cond_init(&watchdog->stopping, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out_watchdog = watchdog;
    return OK;
}

void watchdog_watch(struct watchdog *watchdog, struct loop *loop, const char *name)
{
    assert(watchdog->count < WATCHED_MAX && !watchdog->is_started);
    watchdog->all[watchdog->count++] =
        (struct watched){.loop = loop, .name = name, .ask.run = answer};
}

enum err watchdog_start(struct watchdog *watchdog, struct error *error)
{
    int64_t now_ms = clock_monotonic_ms();
    for (int i = 0; i < watchdog->count; i++) {
        watchdog->all[i].thread = pthread_self(); /* until it has answered once */
        ask(&watchdog->all[i], now_ms);
    }
    enum err err = thread_start("watchdog", watch, watchdog, &watchdog->thread, error);
    watchdog->is_started = err == OK;
    return err;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog || !watchdog->is_started)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_stopping = true;
    pthread_cond_signal(&watchdog->stopping);
    pthread_mutex_unlock(&watchdog->lock);
    thread_join(watchdog->thread);
    watchdog->is_started = false;
}

void watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    pthread_cond_destroy(&watchdog->stopping);
    pthread_mutex_destroy(&watchdog->lock);
    mem_free(watchdog);
}

/* ---- the end ------------------------------------------------------------------------------------- */

/* In the thread that is stuck, wherever it is: nothing here takes a lock or memory. */
static void write_stack(int signal_number)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&log, 1, 0) == 1 && (log.revents & POLLOUT))
        backtrace_symbols_fd(frames, count, STDERR_FILENO);
    raise(signal_number); /* the handler is taken down: this ends the process */
}

void watchdog_prepare(void)
{
    void *frame;
    (void)backtrace(&frame, 1); /* the first call loads a library */
    struct sigaction action = {.sa_handler = write_stack,
                               .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    sigaction(SIGABRT, &action, NULL);
}

void watchdog_abort(void *arg, const char *name, pthread_t thread, int64_t silent_ms)
{
    (void)arg;
    log_error(
        "stuck",
        "thread=%s silent_ms=%lld, its stack follows, then the end by SIGABRT; what was running"
        " becomes interrupted at the next start",
        name, (long long)silent_ms);
    pthread_kill(thread, SIGABRT);
    (void)poll(NULL, 0, STACK_MS);
    kill(getpid(), SIGKILL); /* it could not even do that */
}
