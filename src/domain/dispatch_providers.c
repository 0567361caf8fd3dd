/* domain/dispatch_providers.c: what the dispatcher knows of a provider: whether it is open, which models are
 * its workers', and its figures.
 *
 * A provider is there while a call has named it, or a worker or ticket is here for it. Each model that a worker
 * names, or that is waited for, has a bit for as long: which worker may have which ticket is then one AND.
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

#include <assert.h>

/* ---- known by id --------------------------------------------------------------------------------- */

struct dispatch_provider *provider_find(const struct dispatch *dispatch, const char *id)
{
    struct hash_node *node = hash_table_find(&dispatch->providers, str_hash(str_of(id)));
    for (; node; node = hash_next(node)) {
        struct dispatch_provider *provider = HASH_OWNER(node, struct dispatch_provider, node);
        if (strcmp(provider->id, id) == 0)
            return provider;
    }
    return NULL;
}

static enum err provider_new(struct dispatch *dispatch, const char *id,
                             struct dispatch_provider **out_provider)
{
    if (dispatch->provider_count >= DISPATCH_PROVIDERS_MAX)
        return ERR_TOO_LARGE;
    AUTO_FREE struct dispatch_provider *provider = mem_zalloc(1, sizeof *provider);
    if (!provider)
        return ERR_NO_MEMORY;
    provider->id = mem_dup(id, strlen(id));
    if (!provider->id)
        return ERR_NO_MEMORY;
    provider->gate = DISPATCH_OPEN;
    model_set_add(&provider->bits_used, BIT_ANY);
    model_set_add(&provider->bits_used, BIT_UNLISTED);
    list_init(&provider->workers);
    list_init(&provider->first);
    list_init(&provider->patient);
    hash_table_add(&dispatch->providers, &provider->node, str_hash(str_of(id)));
    dispatch->provider_count++;
    *out_provider = TAKE(provider);
    return OK;
}

enum err provider_get(struct dispatch *dispatch, const char *id,
                      struct dispatch_provider **out_provider)
{
    struct dispatch_provider *known = provider_find(dispatch, id);
    if (!known)
        return provider_new(dispatch, id, out_provider);
    *out_provider = known;
    return OK;
}

void provider_tidy(struct dispatch *dispatch, struct dispatch_provider *provider)
{
    if (provider->is_kept || provider->joined || !list_is_empty(&provider->workers))
        return;
    hash_table_remove(&dispatch->providers, &provider->node);
    dispatch->provider_count--;
    mem_free(provider->id);
    mem_free(provider);
}

/* ---- its models ---------------------------------------------------------------------------------- */

static const struct model_set set_any = {{UINT64_C(1) << BIT_ANY}};
static const struct model_set set_unlisted = {{UINT64_C(1) << BIT_UNLISTED}};

static struct dispatch_model *model_find(const struct dispatch_provider *provider, struct str name,
                                         uint64_t hash)
{
    struct dispatch_model *model = provider->models[hash % MODEL_SLOTS];
    while (model &&
           !(model->hash == hash && str_eq((struct str){model->name, model->name_len}, name)))
        model = model->next;
    return model;
}

/* The lowest bit that is not taken; MODEL_SET_BITS: all are. */
static unsigned spare_bit(const struct dispatch_provider *provider)
{
    for (unsigned i = 0; i < MODEL_SET_WORDS; i++)
        if (~provider->bits_used.word[i])
            return i * 64 + (unsigned)__builtin_ctzll(~provider->bits_used.word[i]);
    return MODEL_SET_BITS;
}

static enum err model_new(struct dispatch_provider *provider, struct str name, uint64_t hash,
                          struct dispatch_model **out_model)
{
    unsigned bit = spare_bit(provider);
    if (bit == MODEL_SET_BITS)
        return ERR_TOO_LARGE;
    AUTO_FREE struct dispatch_model *model = mem_zalloc(1, sizeof *model);
    if (!model)
        return ERR_NO_MEMORY;
    model->name = mem_dup(name.at, name.len);
    if (!model->name)
        return ERR_NO_MEMORY;
    model->name_len = name.len;
    model->hash = hash;
    model->bit = bit;
    model_set_add(&model->self, bit);
    model_set_add(&provider->bits_used, bit);
    provider->model_of_bit[bit] = model;
    model->next = provider->models[hash % MODEL_SLOTS];
    provider->models[hash % MODEL_SLOTS] = model;
    *out_model = TAKE(model);
    return OK;
}

enum err provider_model_ref(struct dispatch_provider *provider, struct str name,
                            unsigned *in_out_bit)
{
    if (str_is_empty(name)) {
        *in_out_bit = BIT_ANY;
        return OK;
    }
    struct dispatch_model *model = NULL;
    if (*in_out_bit >= BIT_FIRST) {
        model = provider->model_of_bit[*in_out_bit];
    } else {
        uint64_t hash = str_hash(name);
        model = model_find(provider, name, hash);
        enum err err = model ? OK : model_new(provider, name, hash, &model);
        if (err)
            return err;
    }
    model->users++;
    *in_out_bit = model->bit;
    return OK;
}

void provider_model_unref(struct dispatch_provider *provider, unsigned bit)
{
    if (bit < BIT_FIRST)
        return;
    struct dispatch_model *model = provider->model_of_bit[bit];
    assert(model && model->users > 0);
    if (--model->users > 0)
        return;
    struct dispatch_model **at = &provider->models[model->hash % MODEL_SLOTS];
    while (*at != model)
        at = &(*at)->next;
    *at = model->next;
    provider->model_of_bit[bit] = NULL;
    model_set_drop(&provider->bits_used, bit);
    mem_free(model->name);
    mem_free(model);
}

unsigned provider_model_bit(const struct dispatch_provider *provider, struct str name)
{
    if (str_is_empty(name))
        return BIT_ANY;
    const struct dispatch_model *model = model_find(provider, name, str_hash(name));
    return model ? model->bit : BIT_UNLISTED;
}

const struct model_set *provider_bit_set(const struct dispatch_provider *provider, unsigned bit)
{
    if (bit < BIT_FIRST)
        return bit == BIT_ANY ? &set_any : &set_unlisted;
    return &provider->model_of_bit[bit]->self;
}

int64_t provider_live(const struct dispatch_provider *provider, unsigned bit)
{
    if (bit == BIT_ANY)
        return provider->live;
    return provider->live_all + (bit < BIT_FIRST ? 0 : provider->model_of_bit[bit]->live);
}

/* ---- calls --------------------------------------------------------------------------------------- */

enum err dispatch_provider_open(struct dispatch *dispatch, const char *provider_id,
                                enum dispatch_gate gate, int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    struct dispatch_provider *provider;
    enum err err = provider_get(dispatch, provider_id, &provider);
    if (err)
        return err;
    provider->is_kept = true;
    provider->gate = gate;
    dispatch_serve(dispatch, provider);
    dispatch_hurry(dispatch, provider);
    return OK;
}

void dispatch_provider_remove(struct dispatch *dispatch, const char *provider_id, int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    struct dispatch_provider *provider = provider_find(dispatch, provider_id);
    if (!provider)
        return;
    provider->is_kept = true; /* until all have gone */
    while (!list_is_empty(&provider->workers))
        worker_end(dispatch,
                   LIST_OWNER(provider->workers.next, struct dispatch_worker, of_provider));
    for (struct dispatch_choice *choice; (choice = queue_any(provider));)
        dispatch_drop_choice(dispatch, choice);
    provider->is_kept = false;
    provider_tidy(dispatch, provider);
    dispatch_catch_up(dispatch, now_ms);
}

void dispatch_provider_look(const struct dispatch *dispatch, const char *provider_id,
                            struct str model, int64_t now_ms,
                            struct dispatch_provider_view *out_view)
{
    *out_view = (struct dispatch_provider_view){0};
    const struct dispatch_provider *provider = provider_find(dispatch, provider_id);
    if (!provider)
        return;
    unsigned bit = provider_model_bit(provider, model);
    out_view->slots = provider->slots;
    out_view->busy = provider->busy;
    out_view->workers = provider->live;
    out_view->waiting = (int64_t)provider->first_count;
    out_view->serves_model = provider_live(provider, bit) > 0;
    out_view->is_full = out_view->serves_model && provider->gate != DISPATCH_CLOSED &&
                        !model_tree_find(&provider->free, provider_bit_set(provider, bit));
    if (provider->first_count) {
        const struct dispatch_ticket *oldest =
            LIST_OWNER(provider->first.next, struct dispatch_ticket, first);
        out_view->oldest_wait_ms = now_ms - oldest->waiting_since_ms;
    }
}
