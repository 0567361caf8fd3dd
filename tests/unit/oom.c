/* tests/unit/oom.c: see oom.h. */
#include "tests/unit/oom.h"

#include "base/str.h"

#include <ares.h>
#include <event2/event.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local bool is_watched;
static atomic_bool is_counting, has_struck;
static atomic_long count, fail_at;
static const char *spared = ""; /* set before threads start */

/* ---- the count ----------------------------------------------------------------------------------- */

void oom_watch(bool watched)
{
    is_watched = watched;
}

void oom_spare(const char *name)
{
    spared = name;
}

void oom_begin(long fail_nth)
{
    atomic_store(&count, 0);
    atomic_store(&fail_at, fail_nth);
    atomic_store(&has_struck, false);
    atomic_store(&is_counting, true);
}

long oom_end(void)
{
    atomic_store(&is_counting, false);
    return atomic_load(&count);
}

bool oom_has_struck(void)
{
    return atomic_load(&has_struck);
}

bool oom_is_long(void)
{
    const char *given = getenv("AUXOT_TEST_LONG");
    return given && strcmp(given, "1") == 0;
}

static long common_factor(long a, long b)
{
    while (b) {
        long rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Steps of about the golden ratio reach every remainder once when they share no factor with `all`. */
long oom_nth(const char *scenario, long all, long turn)
{
    bool is_one_by_one = oom_is_long() && turn < all;
    return is_one_by_one ? turn + 1 : oom_nth_spread(scenario, all, turn);
}

long oom_nth_spread(const char *scenario, long all, long turn)
{
    if (turn >= all)
        return 0;
    long step = all * 618 / 1000 + 1;
    while (common_factor(all, step) != 1)
        step++;
    long start = (long)(str_hash(str_of(scenario)) % (unsigned long)all);
    return (start + turn * step) % all + 1;
}

static void show(void)
{
    void *frames[24];
    is_watched = false;
    int depth = backtrace(frames, 24);
    backtrace_symbols_fd(frames, depth, 2);
    is_watched = true;
}

static bool strikes(void)
{
    if (!is_watched || !atomic_load_explicit(&is_counting, memory_order_relaxed))
        return false;
    if (atomic_fetch_add(&count, 1) + 1 != atomic_load(&fail_at))
        return false;
    atomic_store(&has_struck, true);
    if (getenv("OOM_TRACE"))
        show();
    return true;
}

/* ---- our own allocations --------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t items, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real__ZnwmRKSt9nothrow_t(size_t size, const void *tag);
void *__real__ZnamRKSt9nothrow_t(size_t size, const void *tag);
int __real_pthread_setname_np(pthread_t thread, const char *name);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t items, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap__ZnwmRKSt9nothrow_t(size_t size, const void *tag);
void *__wrap__ZnamRKSt9nothrow_t(size_t size, const void *tag);
int __wrap_pthread_setname_np(pthread_t thread, const char *name);

void *__wrap_malloc(size_t size)
{
    return strikes() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t items, size_t size)
{
    return strikes() ? NULL : __real_calloc(items, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return strikes() ? NULL : __real_realloc(old, size);
}

void *__wrap__ZnwmRKSt9nothrow_t(size_t size, const void *tag)
{
    return strikes() ? NULL : __real__ZnwmRKSt9nothrow_t(size, tag);
}

void *__wrap__ZnamRKSt9nothrow_t(size_t size, const void *tag)
{
    return strikes() ? NULL : __real__ZnamRKSt9nothrow_t(size, tag);
}

/* Only what sys/thread.c starts names itself. */
int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
    is_watched = strcmp(name, spared) != 0;
    return __real_pthread_setname_np(thread, name);
}

/* ---- those of the libraries ------------------------------------------------------------------ */

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return strikes() ? NULL : __real_malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return strikes() ? NULL : __real_realloc(old, size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

static sqlite3_mem_methods sqlite_real;

static void *sqlite_malloc(int size)
{
    return strikes() ? NULL : sqlite_real.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
    return strikes() ? NULL : sqlite_real.xRealloc(old, size);
}

/* Before main: each of them wants to be told before it allocates for the first time. */
__attribute__((constructor)) static void hook_libraries(void)
{
    sqlite3_mem_methods ours;
    bool is_done = CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;
    is_done &= sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_real) == SQLITE_OK;
    ours = sqlite_real;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    is_done &= sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK;
    is_done &= ares_library_init_mem(ARES_LIB_INIT_ALL, __wrap_malloc, free, __wrap_realloc) == 0;
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
    if (!is_done)
        abort();
}
