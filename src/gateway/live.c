/* gateway/live.c: making, sharing and freeing the long-lived part of a provider.
 *
 * The last reference may be dropped by any thread: a request that outlived its provider's deletion, or
 * the snapshot that knew it. The key stays sealed: it is opened for one request head at a time.
 */
#include "gateway/live.h"

#include "base/mem.h"
#include "base/str.h"
#include "gateway/snapshot.h"
#include "sys/clock.h"
#include "sys/vault.h"

#include <assert.h>

struct live_provider *live_new(const char *id)
{
    struct live_provider *live = mem_zalloc(1, sizeof *live);
    if (!live)
        return NULL;
    int failed = pthread_mutex_init(&live->lock, NULL);
    assert(!failed);
    (void)failed;
    atomic_init(&live->refs, 1);
    str_copy(str_of(id), live->id, sizeof live->id);
    health_init(&live->health, clock_monotonic_ms());
    return live;
}

struct live_provider *live_ref(struct live_provider *live)
{
    atomic_fetch_add_explicit(&live->refs, 1, memory_order_relaxed);
    return live;
}

void live_unref(struct live_provider *live)
{
    if (!live || atomic_fetch_sub_explicit(&live->refs, 1, memory_order_acq_rel) != 1)
        return;
    mem_free(live->sealed_key);
    loaded_models_unref(live->loaded);
    pthread_mutex_destroy(&live->lock);
    mem_free(live);
}

struct loaded_models *loaded_models_ref(struct loaded_models *loaded)
{
    if (loaded)
        atomic_fetch_add_explicit(&loaded->refs, 1, memory_order_relaxed);
    return loaded;
}

void loaded_models_unref(struct loaded_models *loaded)
{
    if (loaded && atomic_fetch_sub_explicit(&loaded->refs, 1, memory_order_acq_rel) == 1)
        mem_free(loaded);
}

void live_learn_quirk(struct live_provider *live, struct str model, unsigned quirk)
{
    pthread_mutex_lock(&live->lock);
    quirk_memory_learn(&live->learned, model, quirk);
    pthread_mutex_unlock(&live->lock);
}

unsigned live_quirks(struct live_provider *live, struct str model)
{
    pthread_mutex_lock(&live->lock);
    unsigned quirks = quirk_memory_find(&live->learned, model);
    pthread_mutex_unlock(&live->lock);
    return quirks;
}

enum err live_key_open(struct live_provider *live, const struct vault *vault,
                       struct secret **out_key, int64_t *out_version, struct error *error)
{
    *out_key = NULL;
    pthread_mutex_lock(&live->lock);
    *out_version = live->credential_version;
    struct str blob = {live->sealed_key, live->sealed_key_len};
    enum err err = OK;
    if (live->sealed_key)
        err = vault_open(vault, SNAPSHOT_ORG, "providers", "sealed_key", live->id, blob, out_key,
                         error);
    pthread_mutex_unlock(&live->lock);
    return err;
}
