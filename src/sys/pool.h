/* sys/pool.h: a few threads that run work which may block, behind a bounded queue.
 *
 * Thread:  pool_submit any; the work runs on `api-N`.
 */
#pragma once
#include "base/err.h"
#include "base/list.h"
#include "json/json.h"

#define POOL_THREADS   4
#define POOL_QUEUE_MAX 256

/** One piece of work; lives in its owner. */
struct pool_work {
    struct list node;
    /** `reader` is the thread's own. `is_stopping`: do not begin, just tell whoever waits. */
    void (*run)(struct pool_work *work, struct json_reader *reader, bool is_stopping);
};

struct pool;
MUST_USE enum err pool_new(struct pool **out_pool, struct error *error); /* starts the threads */
/** False when the queue is full or the pool is stopping: `work` is then still yours. */
bool pool_submit(struct pool *pool, struct pool_work *work);
/** Runs what waits with is_stopping, joins the threads, frees. NULL is fine. */
void pool_free(struct pool *pool);
