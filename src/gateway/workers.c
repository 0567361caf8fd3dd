/* gateway/workers.c: the registry: who joins, is heard, falls silent, leaves; and what the dispatcher hears of it.
 *
 * Every function that may have settled a ticket ends with workers_settle, under the same lock: grants are
 * posted, figures are published to the live providers, and the lot's timer is moved if something is due earlier.
 */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/random.h"

#define HEARTBEAT_MS    30000
#define DEAD_AFTER_MS   90000
#define GRACE_MS        30000
#define FORGET_MS       (60 * 60 * 1000) /* a dead one is listed so long */
#define BREAKS_TO_BAR   3
#define BREAKS_WITHIN   60000
#define BARRED_MS       60000
#define QUOTA_MAX_MS    (INT64_C(8) * 24 * 3600 * 1000)
#define LINES_SPARE     4
#define HEARTBEATS_LATE 3 / 2 /* of an interval: one is missed */

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
    enum err err = lot_new(workers, &workers->lot, error);
    if (err != OK) {
        workers_free(workers);
        return err;
    }
    *out_workers = workers;
    return OK;
}

static void pool_release(struct pool_entry *pool)
{
    if (!pool->live)
        return;
    pool->live->pool = NULL;
    live_unref(pool->live);
    *pool = (struct pool_entry){0};
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
        pool_release(&workers->pools[i]);
    dispatch_free(workers->dispatch);
    pthread_mutex_destroy(&workers->lock);
    mem_free(workers);
}

int64_t workers_now_ms(void)
{
    return clock_monotonic_ms(); /* not a loop's: it must not go back from one thread to the next */
}

void worker_hold(struct worker *worker)
{
    worker->refs++;
}

void worker_drop(struct worker *worker)
{
    if (--worker->refs > 0)
        return;
    live_unref(worker->live);
    mem_free(worker->models);
    mem_free(worker);
}

void worker_unref(struct workers *workers, struct worker *worker)
{
    pthread_mutex_lock(&workers->lock);
    worker_drop(worker);
    pthread_mutex_unlock(&workers->lock);
}

/* ---- pools: providers with slots --------------------------------------------------------------- */

struct pool_entry *workers_pool(struct workers *workers, const char *provider_id)
{
    for (size_t i = 0; i < workers->pool_count; i++)
        if (workers->pools[i].live && strcmp(workers->pools[i].id, provider_id) == 0)
            return &workers->pools[i];
    return NULL;
}

static struct pool_entry *pool_new(struct workers *workers, struct live_provider *live)
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

/* Slots of a provider that has no workers: as an admin wants, at most as many as it says it has. */
static int64_t cap_of(const struct pool_entry *pool)
{
    int64_t found = atomic_load_explicit(&pool->live->slots_found, memory_order_relaxed);
    if (pool->max_concurrent > 0 && (found == 0 || pool->max_concurrent < found))
        return pool->max_concurrent;
    return found > 0 ? found : DISPATCH_NO_CAP;
}

void workers_cap(struct workers *workers, struct pool_entry *pool, int64_t now_ms)
{
    int64_t cap = pool->has_workers ? -1 : cap_of(pool);
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
    bool has_slots = pool->has_workers || cap_of(pool) < DISPATCH_NO_CAP;
    struct slot_figures figures = {
        .slots = has_slots ? view.slots : 0,
        .busy = view.busy,
        .waiting = view.waiting,
        .oldest_wait_at_ms = view.waiting > 0 ? now_ms - view.oldest_wait_ms : 0,
        .workers = pool->has_workers ? view.workers : 0,
        .is_full = view.is_full,
    };
    if (pool->has_workers && view.workers == 0)
        figures.quota_until_ms = quota_until(workers, pool, now_ms);
    pthread_mutex_lock(&pool->live->lock);
    pool->live->slot_figures = figures;
    pthread_mutex_unlock(&pool->live->lock);
}

/* ---- settling ---------------------------------------------------------------------------------- */

static void rearm_lot(struct workers *workers)
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
    for (size_t i = 0; i < workers->pool_count; i++) {
        struct pool_entry *pool = &workers->pools[i];
        if (!pool->live || !(pool->are_figures_old || pool->are_models_old))
            continue;
        if (pool->are_models_old)
            publish_models(workers, pool);
        publish_figures(workers, pool, now_ms);
        pool->are_models_old = pool->are_figures_old = false;
    }
    size_t waiting = dispatch_waiting(workers->dispatch);
    atomic_store_explicit(&workers->waiting, (int64_t)waiting, memory_order_relaxed);
    bool is_late = dispatch_due_ms(workers->dispatch) < workers->lot_due_ms ||
                   (waiting > 0 && workers->lot_due_ms > now_ms + QUEUE_LOOK_MS);
    if (is_late)
        rearm_lot(workers);
}

/* ---- news -------------------------------------------------------------------------------------- */

static void tell(struct workers *workers)
{
    if (workers->on_news)
        workers->on_news(workers->on_news_arg);
}

static void news_put(struct worker *worker, const char *action, const char *why)
{
    struct workers *workers = worker->workers;
    workers->figures.lost += strcmp(action, "worker.lost") == 0;
    if (workers->news_count == NEWS_MAX) {
        workers->news_first = (workers->news_first + 1) % NEWS_MAX;
        workers->news_count--;
    }
    struct worker_news *news =
        &workers->news[(workers->news_first + workers->news_count++) % NEWS_MAX];
    *news = (struct worker_news){.action = action, .why = why, .at_ms = clock_wall_ms()};
    str_copy(str_of(worker->id), news->worker_id, sizeof news->worker_id);
    str_copy(str_of(worker->provider_id), news->provider_id, sizeof news->provider_id);
    str_copy(str_of(worker->name), news->name, sizeof news->name);
    log_info("worker", "what=%s worker=%s provider=%s why=%s", action, worker->id,
             worker->provider_id, why ? why : "-");
    tell(workers);
}

bool workers_take_news(struct workers *workers, struct worker_news *out_news)
{
    pthread_mutex_lock(&workers->lock);
    bool has_news = workers->news_count > 0;
    if (has_news) {
        *out_news = workers->news[workers->news_first];
        workers->news_first = (workers->news_first + 1) % NEWS_MAX;
        workers->news_count--;
    }
    pthread_mutex_unlock(&workers->lock);
    return has_news;
}

void workers_on_news(struct workers *workers, void (*on_news)(void *arg), void *arg)
{
    pthread_mutex_lock(&workers->lock);
    workers->on_news = on_news;
    workers->on_news_arg = arg;
    pthread_mutex_unlock(&workers->lock);
}

/* ---- one worker's state ------------------------------------------------------------------------ */

static struct pool_entry *pool_of(struct worker *worker)
{
    return worker->live->pool;
}

static void make_old(struct worker *worker)
{
    struct pool_entry *pool = pool_of(worker);
    if (pool)
        pool->are_figures_old = pool->are_models_old = true;
}

void worker_tell_lot(struct worker *worker)
{
    if (worker->is_news_posted || !worker->workers->lot)
        return;
    worker->is_news_posted = true;
    worker_hold(worker);
    worker->news.run = lot_look_at_worker;
    loop_post(lot_loop(worker->workers->lot), &worker->news);
}

static enum worker_state reckon(const struct worker *worker, int64_t now_ms)
{
    int64_t late_ms = worker->workers->options.heartbeat_ms * HEARTBEATS_LATE;
    if (!worker->slots)
        return WORKER_DEAD;
    if (worker->is_leaving)
        return WORKER_LEAVING;
    if (worker->away_since_ms > 0)
        return WORKER_AWAY;
    if (worker->barred_until_ms > now_ms)
        return WORKER_BARRED;
    if (worker->quota_until_ms > clock_wall_ms())
        return WORKER_QUOTA;
    return now_ms - worker->heard_ms > late_ms ? WORKER_SUSPECT : WORKER_LIVE;
}

void worker_reckon(struct worker *worker, int64_t now_ms)
{
    enum worker_state state = reckon(worker, now_ms);
    if (state == worker->state)
        return;
    worker->state = state;
    make_old(worker);
    if (worker->slots)
        dispatch_worker_set(worker->workers->dispatch, worker->slots,
                            state == WORKER_LIVE      ? DISPATCH_LIVE
                            : state == WORKER_SUSPECT ? DISPATCH_SUSPECT
                                                      : DISPATCH_AWAY,
                            now_ms);
}

void worker_die(struct worker *worker, const char *news, const char *why, const char *sentence,
                int64_t now_ms)
{
    if (!worker->slots)
        return;
    dispatch_worker_remove(worker->workers->dispatch, TAKE(worker->slots), now_ms);
    worker->end_reason = sentence;
    worker->died_ms = now_ms;
    worker_reckon(worker, now_ms);
    if (news)
        news_put(worker, news, why);
    worker_tell_lot(worker);
}

void worker_control_closed(struct worker *worker, int64_t epoch, int64_t now_ms)
{
    if (!worker->slots || worker->epoch != epoch)
        return;
    worker->away_since_ms = now_ms;
    if (!worker->is_leaving)
        news_put(worker, "worker.lost", "control_closed");
    worker_reckon(worker, now_ms);
    rearm_lot(worker->workers);
}

void worker_control_opened(struct worker *worker, int64_t now_ms)
{
    bool was_away = worker->away_since_ms > 0;
    worker->away_since_ms = 0;
    worker->heard_ms = now_ms;
    worker->heard_at_ms = clock_wall_ms();
    if (was_away)
        news_put(worker, "worker.returned", NULL);
    worker_reckon(worker, now_ms);
    rearm_lot(worker->workers);
}

void worker_note_rule_break(struct worker *worker, const char *what, int64_t now_ms)
{
    worker->workers->figures.rule_breaks++;
    log_warn("worker_broke_rule", "worker=%s provider=%s what=\"%s\"", worker->id,
             worker->provider_id, what);
    if (now_ms - worker->rule_break_at_ms > BREAKS_WITHIN)
        worker->rule_breaks = 0;
    worker->rule_break_at_ms = now_ms;
    if (++worker->rule_breaks < BREAKS_TO_BAR)
        return;
    worker->rule_breaks = 0;
    worker_bar(worker, "broke_rules", BARRED_MS, now_ms);
}

void worker_bar(struct worker *worker, const char *why, int64_t rest_ms, int64_t now_ms)
{
    worker->barred_until_ms = now_ms + rest_ms;
    worker_reckon(worker, now_ms);
    if (worker->state == WORKER_BARRED)
        news_put(worker, "worker.barred", why);
    rearm_lot(worker->workers);
}

void worker_note_quota(struct worker *worker, int64_t until_ms, int64_t now_ms)
{
    int64_t latest_ms = clock_wall_ms() + QUOTA_MAX_MS;
    worker->quota_until_ms = until_ms < latest_ms ? until_ms : latest_ms;
    worker_reckon(worker, now_ms);
    rearm_lot(worker->workers);
}

/* ---- registering ------------------------------------------------------------------------------- */

static struct worker *worker_by_id(const struct workers *workers, const struct worker_key *key,
                                   struct str id)
{
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (str_eq(str_of(worker->id), id) && strcmp(worker->provider_id, key->provider_id) == 0)
            return worker;
    }
    return NULL;
}

static struct worker *worker_by_instance(const struct workers *workers,
                                         const struct worker_key *key, const char *instance)
{
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (strcmp(worker->instance, instance) == 0 &&
            strcmp(worker->provider_id, key->provider_id) == 0)
            return worker;
    }
    return NULL;
}

static void forget(struct worker *worker)
{
    list_unlink(&worker->node);
    worker->workers->worker_count--;
    worker_drop(worker);
}

/* Room for one more: the one that died first is forgotten. */
static bool make_room(struct workers *workers)
{
    struct worker *oldest = NULL;
    if (workers->worker_count < (int)DISPATCH_WORKERS_MAX)
        return true;
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker->state == WORKER_DEAD && (!oldest || worker->died_ms < oldest->died_ms))
            oldest = worker;
    }
    if (oldest)
        forget(oldest);
    return oldest != NULL;
}

static struct worker *worker_new(struct workers *workers, const struct provider *provider,
                                 const char *instance)
{
    struct worker *worker = make_room(workers) ? mem_zalloc(1, sizeof *worker) : NULL;
    uint8_t random[10];
    if (!worker)
        return NULL;
    worker->workers = workers;
    worker->refs = 1;
    worker->state = WORKER_DEAD;
    worker->live = live_ref(provider_live(provider));
    list_init(&worker->lines);
    random_fill(random, sizeof random);
    id_make("wrk_", clock_wall_ms(), random, worker->id);
    str_copy(str_of(provider->id), worker->provider_id, sizeof worker->provider_id);
    str_copy(str_of(instance), worker->instance, sizeof worker->instance);
    list_push_back(&workers->all, &worker->node);
    workers->worker_count++;
    return worker;
}

/* More than the admin allows it counts for nothing: F39. */
static int64_t slots_of(const struct provider *provider, int64_t said)
{
    return provider->max_concurrent > 0 && provider->max_concurrent < said
               ? provider->max_concurrent
               : said;
}

static bool keep_models(struct worker *worker, const struct worker_model *models, size_t count)
{
    struct worker_model *copy = mem_alloc(count * sizeof *copy);
    if (!copy)
        return false;
    memcpy(copy, models, count * sizeof *copy);
    mem_free(worker->models);
    worker->models = copy;
    worker->model_count = count;
    return true;
}

static struct dispatch_worker_options options_of(struct worker *worker, struct str *names)
{
    for (size_t i = 0; i < worker->model_count; i++)
        names[i] = str_of(worker->models[i].id);
    return (struct dispatch_worker_options){.provider_id = worker->provider_id,
                                            .owner = worker,
                                            .epoch = worker->epoch,
                                            .slots = worker->slot_count,
                                            .models = names,
                                            .model_count = worker->model_count};
}

static void keep_identity(struct worker *worker, const struct worker_key *key,
                          const struct provider *provider, const struct worker_hello *hello,
                          int64_t now_ms)
{
    str_copy(str_of(key->id), worker->key_id, sizeof worker->key_id);
    str_copy(str_of(hello->name), worker->name, sizeof worker->name);
    str_copy(str_of(hello->version), worker->version, sizeof worker->version);
    str_copy(str_of(hello->tool), worker->tool, sizeof worker->tool);
    str_copy(str_of(hello->kind), worker->kind, sizeof worker->kind);
    worker->slot_count = slots_of(provider, hello->slots);
    worker->vram_mb = hello->vram_mb;
    worker->registered_at_ms = worker->heard_at_ms = clock_wall_ms();
    worker->heard_ms = now_ms;
    worker->away_since_ms = 0;
    worker->is_leaving = false;
    worker->end_reason = NULL;
    worker->epoch++;
}

/* A new epoch. What the old one had is lost: the newest registration is the one that counts (F37). */
static enum err join(struct worker *worker, const struct worker_key *key,
                     const struct provider *provider, const struct worker_hello *hello,
                     int64_t now_ms, struct error *error)
{
    struct workers *workers = worker->workers;
    struct str names[WORKER_MODELS_MAX];
    if (!keep_models(worker, hello->models, hello->model_count))
        return error_set(error, ERR_NO_MEMORY, "no memory for a worker");
    if (worker->slots)
        worker_die(worker, NULL, NULL, "a newer registration of this worker has taken its place",
                   now_ms);
    keep_identity(worker, key, provider, hello, now_ms);
    struct dispatch_worker_options options = options_of(worker, names);
    enum err err = dispatch_worker_join(workers->dispatch, &options, now_ms, &worker->slots, error);
    if (err != OK)
        return err;
    worker->state = WORKER_LIVE;
    worker_note_quota(worker, hello->over_quota_until_ms, now_ms);
    make_old(worker);
    worker_reckon(worker, now_ms);
    worker_tell_lot(worker); /* connections of the old epoch go */
    rearm_lot(workers);
    return OK;
}

static bool knows_models(const struct provider *provider, const struct worker_hello *hello)
{
    for (size_t i = 0; i < hello->model_count; i++)
        if (!provider_model(provider, str_of(hello->models[i].id)))
            return false;
    return true;
}

static enum err register_locked(struct workers *workers, const struct worker_key *key,
                                const struct provider *provider, const struct worker_hello *hello,
                                struct worker **out_worker, struct error *error)
{
    int64_t now_ms = workers_now_ms();
    struct pool_entry *pool = provider_live(provider)->pool;
    struct worker *worker = worker_by_instance(workers, key, hello->instance);
    bool is_new = !worker;
    if (!pool || !pool->has_workers)
        return error_set(error, ERR_UNAVAILABLE, "the provider has just been changed; try again");
    if (is_new)
        worker = worker_new(workers, provider, hello->instance);
    if (!worker)
        return error_set(error, ERR_UNAVAILABLE,
                         "there are as many workers as the server can hold");
    enum err err = join(worker, key, provider, hello, now_ms, error);
    if (err != OK) {
        if (is_new)
            forget(worker);
        return err;
    }
    pool->has_new_models |= !knows_models(provider, hello);
    workers->figures.joined++;
    news_put(worker, is_new ? "worker.joined" : "worker.returned", NULL);
    *out_worker = worker;
    return OK;
}

enum err workers_register(struct workers *workers, const struct worker_key *key,
                          const struct provider *provider, const struct worker_hello *hello,
                          char out_id[ID_MAX], struct worker_terms *out_terms, struct error *error)
{
    struct worker *worker = NULL;
    if (strcmp(hello->kind, provider_kind_name(provider->kind)) != 0)
        return error_set(error, ERR_CONFLICT, "the key is of a %s provider, the worker is a %s one",
                         provider_kind_name(provider->kind), hello->kind);
    pthread_mutex_lock(&workers->lock);
    enum err err = register_locked(workers, key, provider, hello, &worker, error);
    if (err == OK) {
        str_copy(str_of(worker->id), out_id, ID_MAX);
        *out_terms = (struct worker_terms){.worker_id = out_id,
                                           .epoch = worker->epoch,
                                           .heartbeat_ms = workers->options.heartbeat_ms,
                                           .dead_after_ms = workers->options.dead_after_ms,
                                           .grace_ms = workers->options.grace_ms};
    }
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    return err;
}

/* ---- messages ---------------------------------------------------------------------------------- */

static void take_models(struct worker *worker, const struct worker_message *message, int64_t now_ms)
{
    struct str names[WORKER_MODELS_MAX];
    struct error error;
    struct pool_entry *pool = pool_of(worker);
    if (message->slots > 0)
        worker->slot_count = message->slots;
    if (message->has_models && !keep_models(worker, message->models, message->model_count))
        return;
    struct dispatch_worker_options options = options_of(worker, names);
    if (dispatch_worker_update(worker->workers->dispatch, worker->slots, &options, now_ms,
                               &error) != OK)
        log_warn("worker_update_refused", "worker=%s why=\"%s\"", worker->id, error.text);
    make_old(worker);
    if (pool && message->has_models)
        pool->has_new_models = true; /* whoever takes them sees whether they are */
    tell(worker->workers);
}

static bool has_other_models(const struct worker *worker, const struct worker_message *message)
{
    if (!message->has_models || message->model_count != worker->model_count)
        return message->has_models;
    for (size_t i = 0; i < message->model_count; i++)
        if (memcmp(&message->models[i], &worker->models[i], sizeof message->models[i]) != 0)
            return true;
    return false;
}

void worker_note_message(struct worker *worker, const struct worker_message *message,
                         int64_t now_ms)
{
    if (message->type == WORKER_NOTICE) {
        log_info("worker_notice", "worker=%s text=\"%s\"", worker->id, message->text);
        return;
    }
    worker->heard_ms = now_ms;
    worker->heard_at_ms = clock_wall_ms();
    worker->is_leaving |= message->type == WORKER_GOODBYE;
    if (worker->away_since_ms > 0 && message->type == WORKER_HEARTBEAT) {
        worker->away_since_ms =
            0; /* by POST: its WebSockets may be blocked, it is there all the same */
        news_put(worker, "worker.returned", NULL);
    }
    bool has_other_slots = message->slots > 0 && message->slots < worker->slot_count;
    if (has_other_slots || has_other_models(worker, message))
        take_models(worker, message, now_ms);
    if (message->over_quota_until_ms >= 0)
        worker_note_quota(worker, message->over_quota_until_ms, now_ms);
    if (message->type == WORKER_GOODBYE)
        news_put(worker, "worker.left", NULL);
    worker_reckon(worker, now_ms);
    pthread_mutex_lock(&worker->live->lock);
    worker->live->heartbeat_at_ms = worker->heard_at_ms;
    pthread_mutex_unlock(&worker->live->lock);
}

/* Who it is, and that it is not yesterday's. */
static enum err find_current(struct workers *workers, const struct worker_key *key,
                             struct str worker_id, int64_t epoch, struct worker **out_worker,
                             struct error *error)
{
    struct worker *worker = worker_by_id(workers, key, worker_id);
    if (!worker)
        return error_set(error, ERR_NOT_FOUND, "no such worker is registered with this key");
    if (worker->slots && worker->epoch == epoch) {
        *out_worker = worker;
        return OK;
    }
    workers->figures.stale_messages++;
    return error_set(error, ERR_CONFLICT, "this registration is over (epoch %lld): register again",
                     (long long)epoch);
}

enum err workers_take_message(struct workers *workers, const struct worker_key *key,
                              const struct worker_message *message, struct error *error)
{
    struct worker *worker = NULL;
    pthread_mutex_lock(&workers->lock);
    enum err err =
        find_current(workers, key, str_of(message->worker_id), message->epoch, &worker, error);
    if (err == OK)
        worker_note_message(worker, message, workers_now_ms());
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    return err;
}

enum err workers_admit(struct workers *workers, const struct worker_key *key, struct str worker_id,
                       int64_t epoch, bool is_reverse, struct worker **out_worker,
                       struct error *error)
{
    struct worker *worker = NULL;
    pthread_mutex_lock(&workers->lock);
    enum err err = find_current(workers, key, worker_id, epoch, &worker, error);
    if (err == OK && is_reverse && worker->line_count >= worker->slot_count * 2 + LINES_SPARE)
        err = error_set(error, ERR_BUSY, "a worker with %lld slots needs no more connections",
                        (long long)worker->slot_count);
    if (err == OK) {
        worker_hold(worker);
        worker->line_count += is_reverse;
        *out_worker = worker;
    }
    pthread_mutex_unlock(&workers->lock);
    return err;
}

void workers_turn_away(struct workers *workers, struct worker *worker, bool is_reverse)
{
    pthread_mutex_lock(&workers->lock);
    worker->line_count -= is_reverse;
    worker_drop(worker);
    pthread_mutex_unlock(&workers->lock);
}

/* ---- configuration and health ------------------------------------------------------------------ */

/* Its workers go before the dispatcher forgets whom they belong to. */
static void lose_workers(struct workers *workers, const struct pool_entry *pool, int64_t now_ms)
{
    LIST_EACH_SAFE(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (pool_of(worker) == pool)
            worker_die(worker, "worker.lost", "provider_gone", "its provider is gone", now_ms);
    }
}

static void follow_provider(struct workers *workers, const struct provider *provider,
                            int64_t now_ms)
{
    struct live_provider *live = provider_live(provider);
    struct pool_entry *pool = live->pool ? live->pool : pool_new(workers, live);
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
        const struct pool_entry *pool = pool_of(worker);
        bool has_provider = pool && pool->is_seen && pool->has_workers;
        if (!has_provider)
            worker_die(worker, "worker.lost", "provider_gone", "its provider is gone", now_ms);
        else if (!has_key(snapshot, worker))
            worker_die(worker, "worker.lost", "key_revoked", "its key was revoked", now_ms);
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
        pool_release(pool);
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

void workers_slots_found(struct workers *workers, const struct provider *provider, int64_t slots)
{
    struct live_provider *live = provider_live(provider);
    if (atomic_exchange(&live->slots_found, slots) == slots)
        return;
    pthread_mutex_lock(&workers->lock);
    struct pool_entry *pool = live->pool;
    if (pool && !pool->has_workers) {
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
        forget(worker);
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
    workers->lot_due_ms = earlier(due_ms, dispatch_due_ms(workers->dispatch));
    return workers->lot_due_ms;
}
