/* sys/thread.c: starts named threads. */
#include "sys/thread.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>

struct start {
    thread_main *on_start;
    void *arg;
    char name[16];
};

static void *run_thread(void *given)
{
    struct start start = *(struct start *)given;
    mem_free(given);
    (void)pthread_setname_np(pthread_self(), start.name);
    start.on_start(start.arg);
    return NULL;
}

/* All but those that a fault in the thread itself raises: they must end the process with a core. */
static void block_signals(sigset_t *out_before)
{
    sigset_t all;
    sigfillset(&all);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, out_before);
}

enum err thread_start(const char *name, thread_main *on_start, void *arg, pthread_t *out_thread,
                      struct error *error)
{
    assert(name && on_start && strlen(name) < sizeof((struct start *)0)->name);
    struct start *start = mem_zalloc(1, sizeof *start);
    if (!start)
        return error_set(error, ERR_NO_MEMORY, "no memory for the thread '%s'", name);
    start->on_start = on_start;
    start->arg = arg;
    str_copy(str_of(name), start->name, sizeof start->name);

    sigset_t before;
    block_signals(
        &before); /* the new thread inherits the mask: it never runs a moment without it */
    int why = pthread_create(out_thread, NULL, run_thread, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why == 0)
        return OK;
    mem_free(start);
    return error_set(error, why == ENOMEM ? ERR_NO_MEMORY : ERR_UNAVAILABLE,
                     "cannot start the thread '%s': %s (is there a limit on threads?)", name,
                     ERRNO_TEXT(why));
}

void thread_join(pthread_t thread)
{
    int why = pthread_join(thread, NULL);
    assert(why == 0);
}
