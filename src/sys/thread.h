/* sys/thread.h: named threads. The names are fixed points (SPEC 12), so that CPU can be told apart. */
#pragma once
#include "base/err.h"
#include <pthread.h>

typedef void thread_main(void *arg);

/**
 * Starts `on_start(arg)` in a thread called `name` (at most 15 bytes). It blocks every signal that
 * can be blocked with sense, so that signals reach the thread that waits for them (main).
 * Errors: ERR_NO_MEMORY, ERR_UNAVAILABLE (a limit on threads), with a sentence. Join with thread_join.
 */
MUST_USE enum err thread_start(const char *name, thread_main *on_start, void *arg,
                               pthread_t *out_thread, struct error *error);
void thread_join(pthread_t thread);
