/* sys/pool.h: a few threads that run work which may block, behind a bounded queue.
 *
 * Thread:  pool_submit any; the work runs on `NAME-N`.
 */
#pragma once
#include "base/err.h"
#include "base/list.h"
#include "json/json.h"

#define POOL_THREADS_MAX 4

struct pool_options {
    const char *name; /* "api": its threads are api-0, api-1 ...; a literal */
    int threads;      /* at most POOL_THREADS_MAX */
    size_t queue_max; /* work that may wait */
};
#define POOL_OF_API ((struct pool_options){.name = "api", .threads = 4, .queue_max = 256})

/** One piece of work; lives in its owner. */
struct pool_work {
    struct list node;
    /** `reader` is the thread's own. `is_stopping`: do not begin, just tell whoever waits. */
    void (*run)(struct pool_work *work, struct json_reader *reader, bool is_stopping);
};

struct pool;
/** Starts the threads. */
MUST_USE enum err pool_new(const struct pool_options *options, struct pool **out_pool,
                           struct error *error);
/** False when the queue is full or the pool is stopping: `work` is then still yours. */
bool pool_submit(struct pool *pool, struct pool_work *work);
/** Runs what waits with is_stopping, joins the threads, frees. NULL is fine. */
void pool_free(struct pool *pool);
