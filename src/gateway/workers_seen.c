/* gateway/workers_seen.c: what others see of the registry: lists, figures, models that a row does not know yet. */
#include "gateway/workers_parts.h"

#include "sys/clock.h"

#include <assert.h>

const char *worker_state_name(enum worker_state state)
{
    static const char *const names[] = {"live",   "suspect", "away", "over_quota",
                                        "barred", "leaving", "dead"};
    static_assert(sizeof names / sizeof names[0] == WORKER_STATE_COUNT, "one name per state");
    return names[state];
}

static void view_make(const struct worker *worker, int64_t now_ms, int64_t wall_ms,
                      struct worker_view *out_view)
{
    struct dispatch_worker_view slots = {0};
    *out_view = (struct worker_view){
        .kind = strcmp(worker->kind, "cli") == 0 ? "cli" : "gpu",
        .state = worker_state_name(worker->state),
        .state_at_ms = worker->state_at_ms,
        .epoch = worker->epoch,
        .slots = worker->slot_count,
        .slots_said = worker->slots_said,
        .is_of_pool = worker->state == WORKER_LIVE || worker->state == WORKER_SUSPECT,
        .vram_mb = worker->vram_mb,
        .registered_at_ms = worker->registered_at_ms,
        .heard_at_ms = worker->heard_at_ms,
        .over_quota_until_ms = worker->quota_until_ms > wall_ms ? worker->quota_until_ms : 0,
        .barred_until_ms =
            worker->barred_until_ms > now_ms ? wall_ms + worker->barred_until_ms - now_ms : 0,
        .jobs = worker->jobs,
        .failures = worker->failures,
        .model_count = worker->model_count,
    };
    if (worker->slots)
        dispatch_worker_look(worker->slots, &slots);
    out_view->busy = slots.busy;
    out_view->parked = slots.parked;
    str_copy(str_of(worker_state_why(worker)), out_view->reason, sizeof out_view->reason);
    memcpy(out_view->id, worker->id, sizeof out_view->id);
    memcpy(out_view->provider_id, worker->provider_id, sizeof out_view->provider_id);
    memcpy(out_view->key_id, worker->key_id, sizeof out_view->key_id);
    memcpy(out_view->name, worker->name, sizeof out_view->name);
    memcpy(out_view->version, worker->version, sizeof out_view->version);
    memcpy(out_view->tool, worker->tool, sizeof out_view->tool);
    memcpy(out_view->models, worker->models, worker->model_count * sizeof worker->models[0]);
}

/* One at a time, so that the lock is short: by place in the list, which may change between two. */
static bool view_at(struct workers *workers, size_t place, struct worker_view *out_view)
{
    size_t at = 0;
    bool is_there = false;
    pthread_mutex_lock(&workers->lock);
    LIST_EACH(node, &workers->all)
    {
        if (at++ != place)
            continue;
        view_make(LIST_OWNER(node, struct worker, node), workers_now_ms(), clock_wall_ms(),
                  out_view);
        is_there = true;
        break;
    }
    pthread_mutex_unlock(&workers->lock);
    return is_there;
}

enum err workers_each(struct workers *workers, workers_on_view *on_view, void *arg)
{
    AUTO_FREE struct worker_view *view = mem_alloc(sizeof *view);
    if (!view)
        return ERR_NO_MEMORY;
    for (size_t place = 0; view_at(workers, place, view); place++)
        on_view(arg, view);
    return OK;
}

static size_t models_of(const struct workers *workers, const char *provider_id,
                        struct worker_model *out_models, size_t room)
{
    size_t count = 0;
    LIST_EACH(node, &workers->all)
    {
        const struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (!worker->slots || strcmp(worker->provider_id, provider_id) != 0)
            continue;
        for (size_t i = 0; i < worker->model_count && count < room; i++)
            if (!worker_models_have(out_models, count, str_of(worker->models[i].id)))
                out_models[count++] = worker->models[i];
    }
    return count;
}

size_t workers_models(struct workers *workers, const char *provider_id,
                      struct worker_model *out_models, size_t room)
{
    pthread_mutex_lock(&workers->lock);
    size_t count = models_of(workers, provider_id, out_models, room);
    pthread_mutex_unlock(&workers->lock);
    return count;
}

bool workers_take_new_models(struct workers *workers, size_t *place, char out_provider_id[ID_MAX],
                             struct worker_model *out_models, size_t *out_count)
{
    bool is_found = false;
    pthread_mutex_lock(&workers->lock);
    while (*place < workers->pool_count && !is_found) {
        struct pool_entry *pool = &workers->pools[(*place)++];
        if (!pool->live || !pool->has_new_models)
            continue;
        pool->has_new_models = false;
        memcpy(out_provider_id, pool->id, ID_MAX);
        *out_count = models_of(workers, pool->id, out_models, DISPATCH_MODELS_MAX);
        is_found = true;
    }
    pthread_mutex_unlock(&workers->lock);
    return is_found;
}

void workers_models_again(struct workers *workers, const char *provider_id)
{
    pthread_mutex_lock(&workers->lock);
    struct pool_entry *pool = workers_pool(workers, provider_id);
    if (pool)
        pool->has_new_models = true;
    pthread_mutex_unlock(&workers->lock);
}

void workers_figures(struct workers *workers, struct workers_figures *out_figures)
{
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = workers_now_ms(), oldest_at_ms = 0;
    *out_figures = workers->figures;
    LIST_EACH(node, &workers->all)
    {
        enum worker_state state = LIST_OWNER(node, struct worker, node)->state;
        out_figures->live += state == WORKER_LIVE;
        out_figures->suspect += state == WORKER_SUSPECT;
        out_figures->away +=
            state != WORKER_LIVE && state != WORKER_SUSPECT && state != WORKER_DEAD;
    }
    for (size_t i = 0; i < workers->pool_count; i++) {
        struct live_provider *live = workers->pools[i].live;
        if (!live)
            continue;
        pthread_mutex_lock(&live->lock);
        int64_t at_ms = live->slot_figures.oldest_wait_at_ms;
        pthread_mutex_unlock(&live->lock);
        if (at_ms > 0 && (oldest_at_ms == 0 || at_ms < oldest_at_ms))
            oldest_at_ms = at_ms;
    }
    out_figures->waiting = (int64_t)dispatch_waiting(workers->dispatch);
    out_figures->oldest_wait_ms = oldest_at_ms ? now_ms - oldest_at_ms : 0;
    out_figures->heartbeat_ms = workers->options.heartbeat_ms;
    out_figures->dead_after_ms = workers->options.dead_after_ms;
    pthread_mutex_unlock(&workers->lock);
}
