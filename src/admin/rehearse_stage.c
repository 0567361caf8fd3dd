/* admin/rehearse_stage.c: providers as they stand now, under one configuration; and what binds each caller in it.
 *
 * Health, what was learned, and what workers have loaded is copied from the live parts, for both sides: a proposed
 * configuration has live parts of its own that know nothing, so the real ones are found by id.
 */
#include "admin/rehearse_parts.h"

#include "gateway/workers.h"
#include "sys/clock.h"

/* ---- workers ------------------------------------------------------------------------------------- */

/* Those of one provider are gathered for it: there are few, and each is told once. */
struct gathering {
    struct arena *arena;
    const struct provider *provider;
    struct rehearse_worker *list;
    size_t count, room;
    bool has_failed;
};

static struct str *names_of(struct arena *arena, const struct worker_view *view)
{
    struct str *names = arena_alloc(arena, (view->model_count + 1) * sizeof *names);
    for (size_t i = 0; names && i < view->model_count; i++) {
        const char *id = view->models[i].id;
        const char *copy = arena_dup(arena, id, strlen(id));
        if (!copy)
            return NULL;
        names[i] = str_of(copy);
    }
    return names;
}

static void on_worker(void *arg, const struct worker_view *view)
{
    struct gathering *gathering = arg;
    const struct provider *provider = gathering->provider;
    if (!view->is_of_pool || strcmp(view->provider_id, provider->id) != 0 ||
        gathering->count == gathering->room)
        return;
    int64_t most = provider->max_concurrent > 0 ? provider->max_concurrent : INT64_MAX;
    struct str *names = names_of(gathering->arena, view);
    gathering->has_failed |= !names;
    if (names)
        gathering->list[gathering->count++] =
            (struct rehearse_worker){.slots = view->slots_said < most ? view->slots_said : most,
                                     .models = names,
                                     .model_count = view->model_count};
}

static void count_worker(void *arg, const struct worker_view *view)
{
    struct gathering *gathering = arg;
    gathering->room += view->is_of_pool && strcmp(view->provider_id, gathering->provider->id) == 0;
}

static bool gather_workers(struct admin *admin, struct rehearse_report *report,
                           const struct provider *provider, struct rehearse_provider *out)
{
    struct workers *workers = gateway_workers(admin->options.gateway);
    struct gathering gathering = {.arena = &report->arena, .provider = provider};
    if (workers_each(workers, count_worker, &gathering) != OK)
        return false;
    gathering.list = arena_alloc(&report->arena, (gathering.room + 1) * sizeof *gathering.list);
    if (!gathering.list || workers_each(workers, on_worker, &gathering) != OK)
        return false;
    out->workers = gathering.list;
    out->worker_count = gathering.count;
    return !gathering.has_failed;
}

/* ---- providers ----------------------------------------------------------------------------------- */

/* The one that serves now; NULL: it would be new. */
static const struct provider *provider_now(const struct rehearse_report *report, const char *id)
{
    return snapshot_provider(report->before.snapshot, id);
}

static void copy_live(struct rehearse_side *side, size_t index, const struct provider *now)
{
    struct live_provider *live = provider_live(now);
    struct rehearse_provider *out = &side->providers[index];
    pthread_mutex_lock(&live->lock);
    out->health = live->health;
    side->learned[index] = live->learned;
    if (live->loaded)
        side->loaded[index] = loaded_models_ref(live->loaded);
    out->quota_until_ms = live->slot_figures.workers > 0 ? 0 : live->slot_figures.quota_until_ms;
    pthread_mutex_unlock(&live->lock);
    out->slots_found = atomic_load_explicit(&live->slots_found, memory_order_relaxed);
    out->learned = &side->learned[index];
    out->loaded = side->loaded[index] ? side->loaded[index]->models : NULL;
    out->loaded_count = side->loaded[index] ? side->loaded[index]->count : 0;
}

static unsigned faults_of(const struct rehearse_report *report, const struct rehearse_side *side,
                          const char *id)
{
    unsigned faults = 0;
    for (size_t i = 0; side == &report->after && i < report->wish.fault_count; i++)
        if (strcmp(report->wish.faults[i].provider, id) == 0)
            faults |= report->wish.faults[i].fault;
    return faults;
}

static bool stage_provider(struct admin *admin, struct rehearse_report *report,
                           struct rehearse_side *side, size_t index)
{
    const struct provider *provider = side->snapshot->routing.providers[index];
    const struct provider *now = provider_now(report, provider->id);
    struct rehearse_provider *out = &side->providers[index];
    health_init(&out->health, clock_monotonic_ms());
    if (now)
        copy_live(side, index, now);
    if (now && now->is_paused && !provider->is_paused)
        health_clear(&out->health, clock_monotonic_ms()); /* as unpausing does */
    for (size_t i = 0; now && i < report->before.snapshot->routing.provider_count; i++)
        if (report->before.snapshot->routing.providers[i] == now)
            out->usual_ms = report->jobs.usual_ms[i];
    out->faults = faults_of(report, side, provider->id);
    return !provider->has_workers || gather_workers(admin, report, provider, out);
}

/* ---- callers ------------------------------------------------------------------------------------- */

static bool is_users(const char *key_id)
{
    return str_starts(str_of(key_id), STR("usr_"));
}

static const struct principal *principal_of(const struct snapshot *snapshot,
                                            const struct rehearse_caller *caller)
{
    if (is_users(caller->key_id))
        return snapshot_user(snapshot, caller->key_id, caller->team);
    for (size_t i = 0; i < snapshot->principal_count; i++)
        if (strcmp(snapshot->principals[i].id, caller->key_id) == 0)
            return &snapshot->principals[i];
    return NULL;
}

/* Of a key that is gone, its team's policy still tells. */
static void stage_caller(struct rehearse_side *side, const struct rehearse_caller *caller,
                         size_t index)
{
    const struct principal *principal = principal_of(side->snapshot, caller);
    const struct team *team =
        principal ? principal->team : snapshot_team(side->snapshot, caller->team);
    side->principals[index] = principal;
    side->accesses[index] = principal ? principal_access(principal)
                                      : (struct access){.team_id = team ? team->id : NULL,
                                                        .team_name = team ? team->name : NULL,
                                                        .team = team ? &team->policy : NULL};
    side->teams[index] = str_hash(str_of(team ? team->id : caller->key_id));
    side->are_batch[index] =
        (team && team->policy.is_batch) || (principal && principal->policy.is_batch);
}

/* ---- the side ------------------------------------------------------------------------------------ */

static const struct price *price_of(void *arg, const struct provider *provider, struct str model)
{
    const struct rehearse_side *side = arg;
    return snapshot_price(side->snapshot, provider, model);
}

static bool reserve(struct rehearse_side *side, size_t callers, size_t jobs)
{
    size_t providers = side->snapshot->routing.provider_count;
    side->providers = mem_zalloc(providers + 1, sizeof *side->providers);
    side->loaded = mem_zalloc(providers + 1, sizeof *side->loaded);
    side->learned = mem_zalloc(providers + 1, sizeof *side->learned);
    side->accesses = mem_zalloc(callers + 1, sizeof *side->accesses);
    side->principals = mem_zalloc(callers + 1, sizeof *side->principals);
    side->teams = mem_zalloc(callers + 1, sizeof *side->teams);
    side->are_batch = mem_zalloc(callers + 1, sizeof *side->are_batch);
    side->landings = mem_zalloc(jobs + 1, sizeof *side->landings);
    return side->providers && side->loaded && side->learned && side->accesses && side->principals &&
           side->teams && side->are_batch && side->landings;
}

enum err rehearse_stage(struct admin *admin, struct rehearse_report *report,
                        struct rehearse_side *side)
{
    const struct rehearse_jobs *jobs = &report->jobs;
    if (!reserve(side, jobs->caller_count, jobs->count))
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < side->snapshot->routing.provider_count; i++)
        if (!stage_provider(admin, report, side, i))
            return ERR_NO_MEMORY;
    for (size_t i = 0; i < jobs->caller_count; i++)
        stage_caller(side, &jobs->callers[i], i);
    side->world = (struct rehearse_world){.routing = &side->snapshot->routing,
                                          .providers = side->providers,
                                          .accesses = side->accesses,
                                          .teams = side->teams,
                                          .are_batch = side->are_batch,
                                          .now_ms = clock_monotonic_ms(),
                                          .price_of = price_of,
                                          .arg = side};
    gateway_bounds(admin->options.gateway, &side->world.queue_wait_ms, &side->world.max_attempts);
    return OK;
}

void rehearse_side_release(struct rehearse_side *side)
{
    size_t count = side->snapshot ? side->snapshot->routing.provider_count : 0;
    for (size_t i = 0; side->loaded && i < count; i++)
        loaded_models_unref(side->loaded[i]);
    mem_free(side->providers);
    mem_free(side->loaded);
    mem_free(side->learned);
    mem_free(side->accesses);
    mem_free(side->principals);
    mem_free(side->teams);
    mem_free(side->are_batch);
    mem_free(side->landings);
    snapshot_unref(side->snapshot);
    live_registry_free(side->registry);
}
