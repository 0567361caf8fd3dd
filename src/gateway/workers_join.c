/* gateway/workers_join.c: what workers ask of the registry: to register, to be heard, to open connections. */
#include "gateway/workers_parts.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/random.h"

#define LINES_SPARE 4

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

void worker_forget(struct worker *worker)
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
        worker_forget(oldest);
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
    worker->noted_page = -1;
    worker->live = live_ref(provider_live(provider));
    list_init(&worker->lines);
    list_init(&worker->warm);
    random_fill(random, sizeof random);
    id_make("wrk_", clock_wall_ms(), random, worker->id);
    str_copy(str_of(provider->id), worker->provider_id, sizeof worker->provider_id);
    str_copy(str_of(instance), worker->instance, sizeof worker->instance);
    list_push_back(&workers->all, &worker->node);
    workers->worker_count++;
    return worker;
}

/* More than the admin allows it counts for nothing: F39. */
static int64_t slots_of(const struct pool_entry *pool, int64_t said)
{
    bool is_capped = pool && pool->max_concurrent > 0 && pool->max_concurrent < said;
    return is_capped ? pool->max_concurrent : said;
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
                          const struct worker_hello *hello, int64_t now_ms)
{
    str_copy(str_of(key->id), worker->key_id, sizeof worker->key_id);
    str_copy(str_of(hello->name), worker->name, sizeof worker->name);
    str_copy(str_of(hello->version), worker->version, sizeof worker->version);
    str_copy(str_of(hello->tool), worker->tool, sizeof worker->tool);
    str_copy(str_of(hello->kind), worker->kind, sizeof worker->kind);
    worker->slots_said = hello->slots;
    worker->slot_count = slots_of(worker_pool(worker), hello->slots);
    worker->vram_mb = hello->vram_mb;
    worker->registered_at_ms = worker->heard_at_ms = clock_wall_ms();
    worker->heard_ms = now_ms;
    worker->is_doubted = false;
    worker->away_since_ms = 0;
    worker->is_leaving = false;
    worker->end_reason = NULL;
    worker->epoch++;
}

/* A new epoch. What the old one had is lost: the newest registration is the one that counts (F37). */
static enum err join(struct worker *worker, const struct worker_key *key,
                     const struct worker_hello *hello, int64_t now_ms, struct error *error)
{
    struct workers *workers = worker->workers;
    struct str names[WORKER_MODELS_MAX];
    if (!keep_models(worker, hello->models, hello->model_count))
        return error_set(error, ERR_NO_MEMORY, "no memory for a worker");
    if (worker->slots)
        worker_die(worker, NULL, "replaced",
                   "a newer registration of this worker has taken its place", now_ms);
    keep_identity(worker, key, hello, now_ms);
    struct dispatch_worker_options options = options_of(worker, names);
    enum err err = dispatch_worker_join(workers->dispatch, &options, now_ms, &worker->slots, error);
    if (err != OK)
        return err;
    worker->state = WORKER_LIVE;
    worker->state_why = worker->epoch > 1 ? "returned" : "joined";
    worker_note_state(worker);
    worker_note_quota(worker, hello->over_quota_until_ms, now_ms);
    worker_make_old(worker);
    worker_reckon(worker, now_ms);
    worker_tell_lot(worker); /* connections of the old epoch go */
    workers_rearm(workers);
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
    enum err err = join(worker, key, hello, now_ms, error);
    if (err != OK) {
        if (is_new)
            worker_forget(worker);
        return err;
    }
    pool->has_new_models |= !knows_models(provider, hello);
    workers->figures.joined++;
    worker_news_put(worker, is_new ? "worker.joined" : "worker.returned", NULL);
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

/* Its slots or its models are others than the dispatcher knows. */
static void update(struct worker *worker, int64_t now_ms)
{
    struct str names[WORKER_MODELS_MAX];
    struct error error;
    struct dispatch_worker_options options = options_of(worker, names);
    if (dispatch_worker_update(worker->workers->dispatch, worker->slots, &options, now_ms,
                               &error) != OK)
        log_warn("worker_update_refused", "worker=%s why=\"%s\"", worker->id, error.text);
    worker_make_old(worker);
}

void worker_clamp(struct worker *worker, int64_t now_ms)
{
    int64_t count = slots_of(worker_pool(worker), worker->slots_said);
    if (!worker->slots || count == worker->slot_count)
        return;
    worker->slot_count = count;
    update(worker, now_ms);
}

static void take_models(struct worker *worker, const struct worker_message *message, int64_t now_ms)
{
    struct pool_entry *pool = worker_pool(worker);
    if (!keep_models(worker, message->models, message->model_count))
        return;
    update(worker, now_ms);
    if (pool)
        pool->has_new_models = true; /* whoever takes them sees whether they are */
    workers_tell(worker->workers);
}

/* Fewer at any time, more only with a registration: what flips every second does not (F39). */
static void take_slots(struct worker *worker, int64_t said, int64_t now_ms)
{
    if (said <= 0 || said >= worker->slots_said)
        return;
    worker->slots_said = said;
    worker_clamp(worker, now_ms);
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
    worker->is_doubted = false;
    worker->heard_at_ms = clock_wall_ms();
    bool has_left = worker->is_leaving;
    worker->is_leaving |= message->type == WORKER_GOODBYE;
    if (worker->away_since_ms > 0 && message->type == WORKER_HEARTBEAT) {
        worker->away_since_ms = 0; /* by POST: it is there, only its WebSockets are blocked */
        worker_news_put(worker, "worker.returned", NULL);
    }
    take_slots(worker, message->slots, now_ms);
    if (has_other_models(worker, message))
        take_models(worker, message, now_ms);
    if (message->over_quota_until_ms >= 0)
        worker_note_quota(worker, message->over_quota_until_ms, now_ms);
    if (worker->is_leaving && !has_left)
        worker_news_put(worker, "worker.left", NULL);
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
