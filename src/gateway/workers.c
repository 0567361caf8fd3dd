/* gateway/workers.c: the registry as a whole: its making, what every change of it ends with, configuration, time.
 *
 *     workers_join.c    who registers, is heard, opens connections
 *     workers_state.c   one worker's state
 *     workers_pools.c   providers with slots, and what routing sees of them
 *     workers_seen.c    what others see
 *
 * Every function that may have settled a ticket ends with workers_settle, under the same lock: grants are
 * posted, figures are published to the live providers, and the lot's timer is moved if something is due earlier.
 */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#include "base/log.h"
#include "sys/clock.h"

#define HEARTBEAT_MS  30000
#define DEAD_AFTER_MS 90000
#define GRACE_MS      30000
#define FORGET_MS     (60 * 60 * 1000) /* a dead one is listed so long */

/* ---- making ------------------------------------------------------------------------------------ */

enum err workers_new(const struct workers_options *options, struct workers **out_workers,
                     struct error *error)
{
    struct workers *workers = mem_zalloc(1, sizeof *workers);
    if (!workers || dispatch_new(&workers->dispatch) != OK) {
        mem_free(workers);
        return error_set(error, ERR_NO_MEMORY, "no memory for the dispatcher");
    }
    workers->options = *options;
    if (workers->options.heartbeat_ms <= 0)
        workers->options.heartbeat_ms = HEARTBEAT_MS;
    if (workers->options.dead_after_ms <= 0)
        workers->options.dead_after_ms = DEAD_AFTER_MS;
    if (workers->options.grace_ms <= 0)
        workers->options.grace_ms = GRACE_MS;
    pthread_mutex_init(&workers->lock, NULL);
    list_init(&workers->all);
    workers->rearm.run = lot_rearm;
    workers->lot_due_ms = INT64_MAX;
    workers->warm_due_ms = INT64_MAX;
    enum err err = lot_new(workers, &workers->lot, error);
    if (err != OK) {
        workers_free(workers);
        return err;
    }
    *out_workers = workers;
    return OK;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    LIST_EACH_SAFE(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker->slots)
            dispatch_worker_remove(workers->dispatch, TAKE(worker->slots), workers_now_ms());
        list_unlink(&worker->node);
        worker_drop(worker);
    }
    for (size_t i = 0; i < POOLS_MAX; i++)
        workers_pool_release(&workers->pools[i]);
    dispatch_free(workers->dispatch);
    pthread_mutex_destroy(&workers->lock);
    mem_free(workers);
}

int64_t workers_now_ms(void)
{
    return clock_monotonic_ms(); /* not a loop's: it must not go back from one thread to the next */
}

/* ---- settling ---------------------------------------------------------------------------------- */

void workers_rearm(struct workers *workers)
{
    if (workers->is_rearm_posted || !workers->lot)
        return;
    workers->is_rearm_posted = true;
    loop_post(lot_loop(workers->lot), &workers->rearm);
}

void workers_settle(struct workers *workers)
{
    struct dispatch_ticket *ticket;
    int64_t now_ms = workers_now_ms();
    while ((ticket = dispatch_next_settled(workers->dispatch)) != NULL)
        seat_settled(ticket->owner);
    workers_publish(workers, now_ms);
    size_t waiting = dispatch_waiting(workers->dispatch);
    atomic_store_explicit(&workers->waiting, (int64_t)waiting, memory_order_relaxed);
    bool is_late = dispatch_due_ms(workers->dispatch) < workers->lot_due_ms ||
                   (waiting > 0 && workers->lot_due_ms > now_ms + QUEUE_LOOK_MS);
    if (is_late)
        workers_rearm(workers);
}

/* ---- configuration and health ------------------------------------------------------------------ */

/* Its workers go before the dispatcher forgets whom they belong to. */
static void lose_workers(struct workers *workers, const struct pool_entry *pool, int64_t now_ms)
{
    LIST_EACH_SAFE(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker_pool(worker) == pool)
            worker_die(worker, "worker.lost", "provider_gone", "its provider is gone", now_ms);
    }
}

static void follow_provider(struct workers *workers, const struct provider *provider,
                            int64_t now_ms)
{
    struct live_provider *live = provider_live(provider);
    struct pool_entry *pool = live->pool ? live->pool : workers_pool_new(workers, live);
    if (!pool)
        return;
    if (pool->has_workers != provider->has_workers && (pool->has_workers || pool->cap >= 0)) {
        lose_workers(workers, pool, now_ms);
        dispatch_provider_remove(workers->dispatch, pool->id, now_ms);
        pool->cap = -1;
        pool->gate = DISPATCH_OPEN;
    }
    pool->kind = provider->kind;
    pool->has_workers = provider->has_workers;
    pool->is_paused = provider->is_paused;
    pool->max_concurrent = provider->max_concurrent;
    pool->is_seen = true;
    pool->are_figures_old = true;
    if (provider->max_concurrent > 0 || pool->cap >= 0)
        workers_cap(workers, pool, now_ms);
    workers_gate(workers, pool, now_ms);
}

static bool has_key(const struct snapshot *snapshot, const struct worker *worker)
{
    for (size_t i = 0; i < snapshot->worker_key_count; i++)
        if (strcmp(snapshot->worker_keys[i].id, worker->key_id) == 0)
            return true;
    return false;
}

static void follow_workers(struct workers *workers, const struct snapshot *snapshot, int64_t now_ms)
{
    LIST_EACH_SAFE(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        const struct pool_entry *pool = worker_pool(worker);
        bool has_provider = pool && pool->is_seen && pool->has_workers;
        if (!has_provider)
            worker_die(worker, "worker.lost", "provider_gone", "its provider is gone", now_ms);
        else if (!has_key(snapshot, worker))
            worker_die(worker, "worker.lost", "key_revoked", "its key was revoked", now_ms);
        else
            worker_clamp(worker, now_ms);
    }
}

void workers_follow(struct workers *workers, const struct snapshot *snapshot)
{
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = workers_now_ms();
    for (size_t i = 0; i < workers->pool_count; i++)
        workers->pools[i].is_seen = false;
    for (size_t i = 0; i < snapshot->routing.provider_count; i++)
        follow_provider(workers, snapshot->routing.providers[i], now_ms);
    follow_workers(workers, snapshot, now_ms);
    workers_settle(workers);
    for (size_t i = 0; i < workers->pool_count; i++) {
        struct pool_entry *pool = &workers->pools[i];
        if (!pool->live || pool->is_seen)
            continue;
        dispatch_provider_remove(workers->dispatch, pool->id, now_ms);
        workers_pool_release(pool);
    }
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

void workers_health_changed(struct workers *workers, const struct provider *provider)
{
    if (atomic_load_explicit(&workers->waiting, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&workers->lock);
    struct pool_entry *pool = provider_live(provider)->pool;
    if (pool)
        workers_gate(workers, pool, workers_now_ms());
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

static int64_t ours(const struct workers *workers, const struct provider *provider)
{
    struct dispatch_provider_view view;
    dispatch_provider_look(workers->dispatch, provider->id, STR(""), workers_now_ms(), &view);
    return view.busy;
}

int64_t workers_slots_ours(struct workers *workers, const struct provider *provider)
{
    pthread_mutex_lock(&workers->lock);
    int64_t count = ours(workers, provider);
    pthread_mutex_unlock(&workers->lock);
    return count;
}

void workers_slots_found(struct workers *workers, const struct provider *provider, int64_t slots,
                         int64_t busy, int64_t ours_before)
{
    struct live_provider *live = provider_live(provider);
    pthread_mutex_lock(&workers->lock);
    struct pool_entry *pool = live->pool;
    /* A job of ours that began or ended meanwhile must not be taken for another's. */
    int64_t ours_now = ours(workers, provider);
    int64_t taken = busy - (ours_now > ours_before ? ours_now : ours_before);
    taken = taken < 0 ? 0 : taken > slots ? slots : taken;
    bool is_news = atomic_exchange(&live->slots_found, slots) != slots;
    is_news |= atomic_exchange(&live->slots_taken, taken) != taken;
    if (is_news && pool && !pool->has_workers) {
        workers_cap(workers, pool, workers_now_ms());
        pool->are_figures_old = true;
    }
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

/* ---- time -------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Ends what is over for this one. Returns when something next can be. */
static int64_t look_after(struct worker *worker, int64_t now_ms)
{
    const struct workers_options *options = &worker->workers->options;
    if (!worker->slots) {
        int64_t forget_ms = worker->died_ms + FORGET_MS;
        if (forget_ms > now_ms)
            return forget_ms;
        worker_forget(worker);
        return INT64_MAX;
    }
    struct dispatch_worker_view view;
    dispatch_worker_look(worker->slots, &view);
    int64_t away_ms = worker->away_since_ms;
    int64_t silent_since_ms = away_ms > 0 ? away_ms : worker->heard_ms;
    int64_t dead_ms = silent_since_ms + options->dead_after_ms;
    bool has_left = worker->is_leaving && away_ms > 0 && view.busy == 0;
    if (has_left || now_ms >= dead_ms) {
        worker_die(worker, worker->is_leaving || away_ms > 0 ? NULL : "worker.lost", "silent", NULL,
                   now_ms);
        return now_ms + FORGET_MS;
    }
    worker_reckon(worker, now_ms);
    int64_t due_ms = dead_ms;
    int64_t late_ms = worker->heard_ms + options->heartbeat_ms * HEARTBEATS_LATE + 1;
    if (late_ms > now_ms)
        due_ms = earlier(due_ms, late_ms);
    if (worker->barred_until_ms > now_ms)
        due_ms = earlier(due_ms, worker->barred_until_ms);
    int64_t quota_ms = worker->quota_until_ms - clock_wall_ms();
    if (quota_ms > 0)
        due_ms = earlier(due_ms, now_ms + quota_ms + 1);
    if (worker->is_leaving && away_ms > 0)
        due_ms = earlier(due_ms, now_ms + 1000); /* its last job ends some time */
    return due_ms;
}

int64_t workers_tick(struct workers *workers, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;
    LIST_EACH_SAFE(node, &workers->all)
    {
        due_ms = earlier(due_ms, look_after(LIST_OWNER(node, struct worker, node), now_ms));
    }
    bool is_waited_for = dispatch_waiting(workers->dispatch) > 0;
    for (size_t i = 0; is_waited_for && i < workers->pool_count; i++)
        if (workers->pools[i].live)
            workers_gate(workers, &workers->pools[i], now_ms);
    due_ms = earlier(due_ms, dispatch_tick(workers->dispatch, now_ms));
    workers->lot_due_ms = INT64_MIN; /* set below: settling needs no message for it */
    workers_settle(workers);
    if (dispatch_waiting(workers->dispatch) > 0)
        due_ms = earlier(due_ms, now_ms + QUEUE_LOOK_MS);
    due_ms = earlier(due_ms, workers->warm_due_ms);
    workers->lot_due_ms = earlier(due_ms, dispatch_due_ms(workers->dispatch));
    return workers->lot_due_ms;
}
