/* gateway/workers_pools.c: providers with counted slots: their caps, their gates, and what of them routing sees.
 *
 * What routing reads is published to the live provider, under its lock, so that no plan waits for the registry's.
 */
#include "gateway/workers_parts.h"

#include "sys/clock.h"

#include <stdlib.h>

/* ---- pools: providers with slots --------------------------------------------------------------- */

struct pool_entry *workers_pool(struct workers *workers, const char *provider_id)
{
    for (size_t i = 0; i < workers->pool_count; i++)
        if (workers->pools[i].live && strcmp(workers->pools[i].id, provider_id) == 0)
            return &workers->pools[i];
    return NULL;
}

void workers_pool_release(struct pool_entry *pool)
{
    if (!pool->live)
        return;
    pool->live->pool = NULL;
    live_unref(pool->live);
    *pool = (struct pool_entry){0};
}

struct pool_entry *workers_pool_new(struct workers *workers, struct live_provider *live)
{
    size_t at = 0;
    while (at < workers->pool_count && workers->pools[at].live)
        at++;
    if (at == POOLS_MAX)
        return NULL;
    if (at == workers->pool_count)
        workers->pool_count++;
    struct pool_entry *pool = &workers->pools[at];
    *pool = (struct pool_entry){.live = live_ref(live), .cap = -1, .gate = DISPATCH_OPEN};
    str_copy(str_of(live->id), pool->id, sizeof pool->id);
    live->pool = pool;
    return pool;
}

void workers_gate(struct workers *workers, struct pool_entry *pool, int64_t now_ms)
{
    pthread_mutex_lock(&pool->live->lock);
    struct health_view view = health_look(&pool->live->health, pool->is_paused, now_ms);
    pthread_mutex_unlock(&pool->live->lock);
    enum dispatch_gate gate = DISPATCH_OPEN;
    if (view.state == STATE_OVER_QUOTA)
        gate = view.may_try ? DISPATCH_TRIAL : DISPATCH_CLOSED;
    else if (view.state == STATE_PAUSED || view.state == STATE_ERROR)
        gate = DISPATCH_CLOSED;
    /* One trial was granted and came to nothing: it is closed over there, and not here. */
    if (gate == pool->gate && gate != DISPATCH_TRIAL)
        return;
    if (dispatch_provider_open(workers->dispatch, pool->id, gate, now_ms) == OK)
        pool->gate = gate;
}

/* Slots of a provider that has no workers: as an admin wants, at most as many as it says it has, and, but for the
 * nominal ones, as others leave of those. */
static int64_t cap_of(const struct pool_entry *pool, bool is_nominal)
{
    int64_t found = atomic_load_explicit(&pool->live->slots_found, memory_order_relaxed);
    int64_t taken = atomic_load_explicit(&pool->live->slots_taken, memory_order_relaxed);
    int64_t cap = found == 0 ? DISPATCH_NO_CAP : is_nominal ? found : found - taken;
    return pool->max_concurrent > 0 && pool->max_concurrent < cap ? pool->max_concurrent : cap;
}

void workers_cap(struct workers *workers, struct pool_entry *pool, int64_t now_ms)
{
    int64_t cap = pool->has_workers ? -1 : cap_of(pool, false);
    cap = cap > DISPATCH_NO_CAP ? DISPATCH_NO_CAP : cap;
    if (cap == pool->cap || cap < 0)
        return;
    if (dispatch_provider_cap(workers->dispatch, pool->id, (int32_t)cap, now_ms) == OK)
        pool->cap = cap;
}

/* ---- figures for routing ----------------------------------------------------------------------- */

static bool is_listed(const struct worker *worker)
{
    return worker->state == WORKER_LIVE || worker->state == WORKER_SUSPECT;
}

static unsigned lacks_of(const struct worker_model *model)
{
    return (model->lacks_tools ? MODEL_LACKS_TOOLS : 0u) |
           (model->lacks_images ? MODEL_LACKS_IMAGES : 0u) |
           (model->lacks_schema ? MODEL_LACKS_SCHEMA : 0u) |
           (model->lacks_reasoning ? MODEL_LACKS_REASONING : 0u);
}

/* The same model of two workers: what both can do. */
static void model_join(struct model *model, const struct worker_model *other)
{
    model->lacks |= lacks_of(other);
    bool is_smaller = other->context_tokens > 0 &&
                      (model->context_tokens < 0 || other->context_tokens < model->context_tokens);
    if (is_smaller)
        model->context_tokens = other->context_tokens;
}

static struct model *model_put(struct loaded_models *loaded, char **ids, enum provider_kind kind,
                               const struct worker_model *from)
{
    struct model *model = &loaded->models[loaded->count++];
    size_t len = strlen(from->id) + 1;
    memcpy(*ids, from->id, len);
    *model = (struct model){.id = *ids,
                            .is_surfaced = true,
                            .context_tokens = -1,
                            .max_output_tokens = -1,
                            .quirks = quirks_known(kind, "", str_of(from->id))};
    *ids += len;
    return model;
}

static int model_order(const void *left, const void *right)
{
    return strcmp(((const struct model *)left)->id, ((const struct model *)right)->id);
}

static struct model *model_named(struct loaded_models *loaded, const char *id)
{
    for (size_t i = 0; i < loaded->count; i++)
        if (strcmp(loaded->models[i].id, id) == 0)
            return &loaded->models[i];
    return NULL;
}

static size_t models_room(const struct workers *workers, const struct pool_entry *pool)
{
    size_t room = 0;
    LIST_EACH(node, &workers->all)
    {
        const struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker->live == pool->live && is_listed(worker))
            room += worker->model_count;
    }
    return room < DISPATCH_MODELS_MAX ? room : DISPATCH_MODELS_MAX;
}

/* The union of what live workers have; NULL when none is live, or without memory. */
static struct loaded_models *models_gather(const struct workers *workers,
                                           const struct pool_entry *pool)
{
    size_t room = models_room(workers, pool);
    size_t id_bytes = sizeof((struct worker_model *)0)->id;
    struct loaded_models *loaded =
        room ? mem_alloc(sizeof *loaded + room * (sizeof loaded->models[0] + id_bytes)) : NULL;
    if (!loaded)
        return NULL;
    atomic_init(&loaded->refs, 1);
    loaded->count = 0;
    char *ids = (char *)&loaded->models[room];
    LIST_EACH(node, &workers->all)
    {
        const struct worker *worker = LIST_OWNER(node, struct worker, node);
        bool counts = worker->live == pool->live && is_listed(worker);
        for (size_t i = 0; counts && i < worker->model_count; i++) {
            struct model *model = model_named(loaded, worker->models[i].id);
            if (!model && loaded->count < room)
                model = model_put(loaded, &ids, pool->kind, &worker->models[i]);
            if (model)
                model_join(model, &worker->models[i]);
        }
    }
    qsort(loaded->models, loaded->count, sizeof loaded->models[0], model_order);
    return loaded;
}

static void publish_models(struct workers *workers, struct pool_entry *pool)
{
    struct loaded_models *loaded = models_gather(workers, pool);
    pthread_mutex_lock(&pool->live->lock);
    struct loaded_models *old = pool->live->loaded;
    pool->live->loaded = loaded;
    pthread_mutex_unlock(&pool->live->lock);
    loaded_models_unref(old);
}

/* When the first worker that is over its quota may be asked again, on the monotonic clock. */
static int64_t quota_until(const struct workers *workers, const struct pool_entry *pool,
                           int64_t now_ms)
{
    int64_t first_ms = 0, wall_ms = clock_wall_ms();
    LIST_EACH(node, &workers->all)
    {
        const struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker->live != pool->live || worker->state != WORKER_QUOTA)
            continue;
        int64_t at_ms = now_ms + (worker->quota_until_ms - wall_ms);
        if (first_ms == 0 || at_ms < first_ms)
            first_ms = at_ms;
    }
    return first_ms;
}

static void publish_figures(struct workers *workers, struct pool_entry *pool, int64_t now_ms)
{
    struct dispatch_provider_view view;
    dispatch_provider_look(workers->dispatch, pool->id, STR(""), now_ms, &view);
    int64_t cap = pool->has_workers ? view.slots : cap_of(pool, true);
    int64_t free = view.slots > view.busy ? view.slots - view.busy : 0;
    bool has_slots = pool->has_workers || cap < DISPATCH_NO_CAP;
    struct slot_figures figures = {
        .slots = has_slots ? cap : 0,
        .busy = has_slots && cap - free > view.busy ? cap - free : view.busy, /* with others */
        .waiting = view.waiting,
        .oldest_wait_at_ms = view.waiting > 0 ? now_ms - view.oldest_wait_ms : 0,
        .workers = pool->has_workers ? view.workers : 0,
        .is_full = view.is_full,
    };
    if (pool->has_workers && view.workers == 0)
        figures.quota_until_ms = quota_until(workers, pool, now_ms);
    pthread_mutex_lock(&pool->live->lock);
    pool->live->slot_figures = figures;
    live_note(pool->live, now_ms);
    pthread_mutex_unlock(&pool->live->lock);
}

void workers_publish(struct workers *workers, int64_t now_ms)
{
    for (size_t i = 0; i < workers->pool_count; i++) {
        struct pool_entry *pool = &workers->pools[i];
        if (!pool->live || !(pool->are_figures_old || pool->are_models_old))
            continue;
        if (pool->are_models_old)
            publish_models(workers, pool);
        publish_figures(workers, pool, now_ms);
        pool->are_models_old = pool->are_figures_old = false;
    }
}
