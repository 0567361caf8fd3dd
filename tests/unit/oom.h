/* tests/unit/oom.h: F62: the n-th allocation of the server fails, once.
 *
 * How it is done, and why so: the program under test is linked with `--wrap` for malloc, calloc, realloc and
 * the nothrow operators new (cmake/Tests.cmake: every test_oom_*.c), so that all of our own allocations, which
 * go through base/mem.c and json/json.cpp, pass here; nothing of it is in the server, and it works the same
 * under ASan, TSan and gcc. SQLite, OpenSSL, libevent and c-ares are shared objects, out of --wrap's reach:
 * they are asked through their own hooks. simdjson's inner tables are not reached.
 *
 * Whose allocations: those of threads that are watched. A thread of the server names itself when it starts
 * (sys/thread.c), and pthread_setname_np is wrapped, too; so the test's own client and its upstreams never
 * fail. A test that calls into the server from its own thread says oom_watch(true) around the call.
 *
 *     oom_begin(0);              counts
 *     ... a scenario ...
 *     long all = oom_end();
 *     for (long nth = 1; nth <= all; nth++) {
 *         oom_begin(nth);        the nth fails
 *         ... the scenario ...
 *         oom_end();
 *         ... the scenario again: all is well ...
 *     }
 *
 * With OOM_TRACE=1 each failure shows where it struck.
 */
#pragma once
#include <stdbool.h>

void oom_begin(long fail_nth);
long oom_end(void); /* how many there were */
bool oom_has_struck(void);
void oom_watch(bool is_watched);  /* this thread */
void oom_spare(const char *name); /* threads that will start under this name are not watched */

/** Which of `all` to fail as the `turn`-th try (from 0), or 0 when each had its turn. An ordinary run has no time
 *  for all of them: it takes them in an order that is spread out, and that differs from scenario to scenario.
 *  AUXOT_TEST_LONG=1 takes them one after the other. */
long oom_nth(const char *scenario, long all, long turn);
long oom_nth_spread(const char *scenario, long all, long turn); /* spread out in a long run, too */
bool oom_is_long(void);
