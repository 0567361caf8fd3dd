/* sys/pool.c: see pool.h. */
#include "sys/pool.h"

#include "base/mem.h"
#include "sys/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#define READER_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct pool {
    struct pool_options options;
    pthread_mutex_t lock; /* guards queue, count, is_stopping */
    pthread_cond_t has_work;
    struct list queue;
    size_t count;
    bool is_stopping;
    pthread_t threads[POOL_THREADS_MAX];
    struct json_reader *readers[POOL_THREADS_MAX];
    int started, taken; /* taken: readers given to threads */
};

/* Waits for work. NULL: stopping and nothing is left. */
static struct pool_work *pool_take(struct pool *pool, bool *out_is_stopping)
{
    struct pool_work *work = NULL;
    pthread_mutex_lock(&pool->lock);
    while (list_is_empty(&pool->queue) && !pool->is_stopping)
        pthread_cond_wait(&pool->has_work, &pool->lock);
    if (!list_is_empty(&pool->queue)) {
        work = LIST_OWNER(pool->queue.next, struct pool_work, node);
        list_unlink(&work->node);
        pool->count--;
    }
    *out_is_stopping = pool->is_stopping;
    pthread_mutex_unlock(&pool->lock);
    return work;
}

static void pool_main(void *arg)
{
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    struct json_reader *reader = pool->readers[pool->taken++];
    pthread_mutex_unlock(&pool->lock);

    bool is_stopping;
    struct pool_work *work;
    while ((work = pool_take(pool, &is_stopping)))
        work->run(work, reader, is_stopping);
}

enum err pool_new(const struct pool_options *options, struct pool **out_pool, struct error *error)
{
    assert(options->threads <= POOL_THREADS_MAX);
    struct pool *pool = mem_zalloc(1, sizeof *pool);
    if (!pool)
        return error_set(error, ERR_NO_MEMORY, "no memory for the %s threads", options->name);
    pool->options = *options;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    list_init(&pool->queue);
    enum err err = OK;
    for (int i = 0; err == OK && i < options->threads; i++)
        if (json_reader_new(READER_BYTES_MAX, &pool->readers[i]) != OK)
            err = error_set(error, ERR_NO_MEMORY, "no memory for the %s threads", options->name);
    for (int i = 0; err == OK && i < options->threads; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s-%d", options->name, i);
        err = thread_start(name, pool_main, pool, &pool->threads[i], error);
        if (err == OK)
            pool->started++;
    }
    if (err != OK) {
        pool_free(pool);
        return err;
    }
    *out_pool = pool;
    return OK;
}

bool pool_submit(struct pool *pool, struct pool_work *work)
{
    pthread_mutex_lock(&pool->lock);
    bool is_taken = pool->count < pool->options.queue_max && !pool->is_stopping;
    if (is_taken) {
        list_push_back(&pool->queue, &work->node);
        pool->count++;
        pthread_cond_signal(&pool->has_work);
    }
    pthread_mutex_unlock(&pool->lock);
    return is_taken;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->started; i++)
        thread_join(pool->threads[i]);
    for (int i = 0; i < pool->options.threads; i++)
        json_reader_free(pool->readers[i]);
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}
