/* domain/dispatch_workers.c: workers and caps: who has a free slot, who gets it, who comes and goes.
 *
 * A slot is free when its worker belongs to the pool (is live or suspect), holds fewer leases than slots, and
 * has a connection parked that is promised to nobody. All workers with one stand in their provider's tree.
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

#include <assert.h>

/* The order of free workers, as one number: is it suspect, then its leases. Of equals the one that has stood
 * there longest is first. */
#define KEY_SUSPECT (INT64_C(1) << 32)

static bool is_of_pool(const struct dispatch_worker *worker)
{
    return worker->state != DISPATCH_AWAY;
}

bool worker_is_free(const struct dispatch_worker *worker)
{
    return is_of_pool(worker) && worker->busy < worker->slots &&
           (worker->is_cap || worker->parked > 0);
}

/* After anything of the above changed: it stands where it belongs, or not at all. */
static void worker_place(struct dispatch_worker *worker)
{
    struct model_tree *free = &worker->provider->free;
    model_tree_remove(free, &worker->free);
    if (!worker_is_free(worker))
        return;
    int64_t key = worker->busy + (worker->state == DISPATCH_SUSPECT ? KEY_SUSPECT : 0);
    model_tree_add(free, &worker->free, key, &worker->models);
}

/* ---- choosing ------------------------------------------------------------------------------------ */

struct dispatch_worker *worker_of_life(const struct dispatch *dispatch, uint64_t life)
{
    struct hash_node *node = hash_table_find(&dispatch->workers, life);
    return node ? HASH_OWNER(node, struct dispatch_worker, node) : NULL;
}

bool ticket_avoids(const struct dispatch_ticket *ticket, const struct dispatch_worker *worker)
{
    for (size_t i = 0; i < ticket->avoid_count; i++)
        if (ticket->avoid[i] == worker->life)
            return true;
    return false;
}

int64_t workers_tried(const struct dispatch *dispatch, const struct dispatch_ticket *ticket,
                      const struct dispatch_provider *provider, unsigned bit)
{
    int64_t tried = 0;
    for (size_t i = 0; i < ticket->avoid_count; i++) {
        bool is_repeat = false;
        for (size_t before = 0; before < i; before++)
            is_repeat = is_repeat || ticket->avoid[before] == ticket->avoid[i];
        const struct dispatch_worker *worker = worker_of_life(dispatch, ticket->avoid[i]);
        tried += !is_repeat && worker && worker->provider == provider && is_of_pool(worker) &&
                 model_set_has(&worker->models, bit);
    }
    return tried;
}

/* The one that served the conversation last, if it can again. */
static struct dispatch_worker *affine_worker(const struct dispatch *dispatch,
                                             const struct dispatch_provider *provider, unsigned bit,
                                             const struct dispatch_ticket *ticket)
{
    uint64_t life = affinity_find(&dispatch->affinity, ticket->affinity);
    struct dispatch_worker *worker = life ? worker_of_life(dispatch, life) : NULL;
    bool may = worker && worker->provider == provider && worker_is_free(worker) &&
               worker->state == DISPATCH_LIVE && model_set_has(&worker->models, bit) &&
               !ticket_avoids(ticket, worker);
    return may ? worker : NULL;
}

static struct dispatch_worker *worker_of_free(const struct model_node *node)
{
    return LIST_OWNER(node, struct dispatch_worker, free);
}

struct dispatch_worker *worker_choose(const struct dispatch *dispatch,
                                      const struct dispatch_provider *provider, unsigned bit,
                                      const struct dispatch_ticket *ticket, bool may_be_suspect)
{
    if (provider->gate == DISPATCH_CLOSED)
        return NULL;
    struct dispatch_worker *affine = affine_worker(dispatch, provider, bit, ticket);
    if (affine)
        return affine;
    const struct model_set *wanted = provider_bit_set(provider, bit);
    struct model_node *node = model_tree_find(&provider->free, wanted);
    while (node && ticket_avoids(ticket, worker_of_free(node)))
        node = model_tree_find_next(node, wanted);
    if (!node || (worker_of_free(node)->state == DISPATCH_SUSPECT && !may_be_suspect))
        return NULL;
    return worker_of_free(node);
}

/* ---- leases -------------------------------------------------------------------------------------- */

void worker_lend(struct dispatch *dispatch, struct dispatch_worker *worker,
                 struct dispatch_ticket *ticket, size_t choice)
{
    assert(worker_is_free(worker) && worker->provider->gate != DISPATCH_CLOSED);
    worker->busy++;
    worker->provider->busy++;
    if (!worker->is_cap)
        worker->parked--;
    worker_place(worker);
    if (worker->provider->gate == DISPATCH_TRIAL)
        worker->provider->gate = DISPATCH_CLOSED;
    if (!worker->is_cap)
        affinity_note(&dispatch->affinity, ticket->affinity, worker->life);
    list_push_back(&worker->held, &ticket->held);
    ticket->had_slot = true;
    ticket->lease = (struct dispatch_lease){.owner = worker->owner,
                                            .epoch = worker->epoch,
                                            .life = worker->life,
                                            .choice = choice,
                                            .worker = worker};
}

void worker_take_back(struct dispatch_worker *worker, struct dispatch_ticket *ticket,
                      bool with_connection)
{
    list_unlink(&ticket->held);
    ticket->lease.worker = NULL;
    worker->busy--;
    worker->provider->busy--;
    if (with_connection && !worker->is_cap)
        worker->parked++;
    worker_place(worker);
}

/* ---- the pool ------------------------------------------------------------------------------------ */

#define EACH_BIT(bit, set)                                      \
    for (unsigned bit = BIT_FIRST; bit < MODEL_SET_BITS; bit++) \
        if (model_set_has((set), bit))

/* Counts the worker in (+1) or out (-1) of what its provider has; nothing for one that is away. */
static void count_in_pool(struct dispatch_worker *worker, int by)
{
    struct dispatch_provider *provider = worker->provider;
    if (!is_of_pool(worker))
        return;
    provider->live += by;
    provider->slots += (int64_t)by * worker->slots;
    if (worker->has_all_models) {
        provider->live_all += by;
        return;
    }
    EACH_BIT(bit, &worker->models)
    {
        provider->model_of_bit[bit]->live += (uint32_t)by;
    }
}

static void drop_models(struct dispatch_provider *provider, const struct model_set *models,
                        bool are_all)
{
    if (are_all)
        return;
    EACH_BIT(bit, models)
    {
        provider_model_unref(provider, bit);
    }
}

/* The bits of the models that a worker names, each with one user more. */
static enum err take_models(struct dispatch_provider *provider,
                            const struct dispatch_worker_options *options,
                            struct model_set *out_models)
{
    struct model_set models = {0};
    model_set_add(&models, BIT_ANY);
    if (options->has_all_models)
        memset(&models, 0xff, sizeof models);
    for (size_t i = 0; !options->has_all_models && i < options->model_count; i++) {
        unsigned bit = BIT_UNLISTED;
        enum err err = provider_model_ref(provider, options->models[i], &bit);
        if (err) {
            drop_models(provider, &models, false);
            return err;
        }
        if (model_set_has(&models, bit))
            provider_model_unref(provider, bit); /* it names it twice */
        model_set_add(&models, bit);
    }
    *out_models = models;
    return OK;
}

static enum err say_models(enum err err, struct error *error)
{
    if (err == ERR_TOO_LARGE)
        return error_set(error, err, "the workers of a provider may have at most %u models",
                         DISPATCH_MODELS_MAX);
    return err ? error_set(error, err, "no memory for the worker's models") : OK;
}

static int32_t clamp_slots(int64_t slots)
{
    if (slots < 1)
        return 1;
    return slots < DISPATCH_SLOTS_MAX ? (int32_t)slots : DISPATCH_SLOTS_MAX;
}

/* ---- coming -------------------------------------------------------------------------------------- */

static enum err worker_new(struct dispatch *dispatch, struct dispatch_provider *provider,
                           const struct dispatch_worker_options *options,
                           struct dispatch_worker **out_worker, struct error *error)
{
    AUTO_FREE struct dispatch_worker *worker = mem_zalloc(1, sizeof *worker);
    if (!worker)
        return error_set(error, ERR_NO_MEMORY, "no memory for a worker");
    enum err err = say_models(take_models(provider, options, &worker->models), error);
    if (err)
        return err;
    worker->provider = provider;
    worker->owner = options->owner;
    worker->epoch = options->epoch;
    worker->has_all_models = options->has_all_models;
    worker->slots = clamp_slots(options->slots);
    /* Else all workers of a provider would give batch its first slot at the same time, late. */
    worker->stood_back = (int)(provider->workers_seen++ * 3 % DISPATCH_BATCH_SHARE);
    worker->life = ++dispatch->lives;
    hash_table_add(&dispatch->workers, &worker->node, worker->life);
    list_init(&worker->held);
    list_push_back(&provider->workers, &worker->of_provider);
    count_in_pool(worker, +1);
    *out_worker = TAKE(worker);
    return OK;
}

enum err dispatch_worker_join(struct dispatch *dispatch,
                              const struct dispatch_worker_options *options, int64_t now_ms,
                              struct dispatch_worker **out_worker, struct error *error)
{
    dispatch_catch_up(dispatch, now_ms);
    if (dispatch->worker_count >= DISPATCH_WORKERS_MAX)
        return error_set(error, ERR_TOO_LARGE, "there are %u workers already",
                         DISPATCH_WORKERS_MAX);
    struct dispatch_provider *provider;
    enum err err = provider_get(dispatch, options->provider_id, &provider);
    if (err)
        return error_set(error, err, "there is no room for the worker's provider");
    if (provider->cap)
        return error_set(error, ERR_CONFLICT, "this provider has a cap, not workers");
    err = worker_new(dispatch, provider, options, out_worker, error);
    if (err)
        provider_tidy(dispatch, provider);
    else
        dispatch->worker_count++;
    return err;
}

enum err dispatch_provider_cap(struct dispatch *dispatch, const char *provider_id, int32_t slots,
                               int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    struct dispatch_provider *provider;
    enum err err = provider_get(dispatch, provider_id, &provider);
    if (err)
        return err;
    if (!provider->cap) {
        if (!list_is_empty(&provider->workers))
            return ERR_CONFLICT;
        static const struct dispatch_worker_options all = {.has_all_models = true};
        err = worker_new(dispatch, provider, &all, &provider->cap, NULL);
        if (err) {
            provider_tidy(dispatch, provider);
            return err;
        }
        provider->cap->is_cap = true;
        provider->cap->stood_back = 0;
    }
    provider->is_kept = true;
    count_in_pool(provider->cap, -1);
    provider->cap->slots = slots > 0 ? slots : 0;
    count_in_pool(provider->cap, +1);
    worker_place(provider->cap);
    dispatch_serve(dispatch, provider);
    return OK;
}

/* ---- changing ------------------------------------------------------------------------------------ */

enum err dispatch_worker_update(struct dispatch *dispatch, struct dispatch_worker *worker,
                                const struct dispatch_worker_options *options, int64_t now_ms,
                                struct error *error)
{
    dispatch_catch_up(dispatch, now_ms);
    struct dispatch_provider *provider = worker->provider;
    struct model_set models;
    enum err err = say_models(take_models(provider, options, &models), error);
    if (err)
        return err;
    count_in_pool(worker, -1);
    model_tree_remove(&provider->free, &worker->free); /* it stands there by its models */
    drop_models(provider, &worker->models, worker->has_all_models);
    worker->models = models;
    worker->has_all_models = options->has_all_models;
    worker->slots = clamp_slots(options->slots);
    count_in_pool(worker, +1);
    worker_place(worker);
    dispatch_serve(dispatch, worker->provider);
    dispatch_hurry(dispatch, provider);
    return OK;
}

void dispatch_worker_set(struct dispatch *dispatch, struct dispatch_worker *worker,
                         enum dispatch_worker_state state, int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    count_in_pool(worker, -1);
    worker->state = state;
    count_in_pool(worker, +1);
    worker_place(worker);
    dispatch_serve(dispatch, worker->provider);
    if (!is_of_pool(worker))
        dispatch_hurry(dispatch, worker->provider);
}

void dispatch_worker_park(struct dispatch *dispatch, struct dispatch_worker *worker, int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    worker->parked++;
    worker_place(worker);
    dispatch_serve(dispatch, worker->provider);
}

void dispatch_worker_unpark(struct dispatch *dispatch, struct dispatch_worker *worker)
{
    (void)dispatch;
    if (worker->parked == 0)
        return;
    worker->parked--;
    worker_place(worker);
}

void dispatch_worker_look(const struct dispatch_worker *worker,
                          struct dispatch_worker_view *out_view)
{
    *out_view = (struct dispatch_worker_view){.state = worker->state,
                                              .life = worker->life,
                                              .slots = worker->slots,
                                              .busy = worker->busy,
                                              .parked = worker->parked};
}

/* ---- going --------------------------------------------------------------------------------------- */

void worker_end(struct dispatch *dispatch, struct dispatch_worker *worker)
{
    struct dispatch_provider *provider = worker->provider;
    count_in_pool(worker, -1);
    worker->state = DISPATCH_AWAY;
    worker_place(worker);
    while (!list_is_empty(&worker->held)) {
        struct dispatch_ticket *ticket =
            LIST_OWNER(worker->held.next, struct dispatch_ticket, held);
        worker_take_back(worker, ticket, false);
        dispatch_settle(dispatch, ticket, DISPATCH_LOST);
    }
    drop_models(provider, &worker->models, worker->has_all_models);
    list_unlink(&worker->of_provider);
    hash_table_remove(&dispatch->workers, &worker->node);
    if (worker->is_cap)
        provider->cap = NULL;
    else
        dispatch->worker_count--;
    mem_free(worker);
}

void dispatch_worker_remove(struct dispatch *dispatch, struct dispatch_worker *worker,
                            int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    struct dispatch_provider *provider = worker->provider;
    worker_end(dispatch, worker);
    if (provider->joined)
        dispatch_hurry(dispatch, provider); /* the last that leaves it tidies up */
    else
        provider_tidy(dispatch, provider);
}
