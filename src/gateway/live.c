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

/* ---- how it stands ------------------------------------------------------------------------------- */

/* Of a provider that is its workers: none is there. */
static struct live_standing stand_alone(const struct live_provider *live)
{
    int64_t until_ms = live->slot_figures.quota_until_ms;
    if (until_ms > 0)
        return (struct live_standing){STATE_OVER_QUOTA, until_ms, "window_used_up",
                                      "The subscriptions of all its workers are used up for now."};
    return (struct live_standing){STATE_OFFLINE, 0, "no_worker", "No worker of it is online."};
}

struct live_standing live_look(const struct live_provider *live, int64_t now_ms)
{
    struct health_view view = health_look(&live->health, live->is_paused, now_ms);
    bool is_out = view.state == STATE_PAUSED || view.state == STATE_ERROR;
    if (live->has_workers && live->slot_figures.workers == 0 && !is_out)
        return stand_alone(live);
    struct live_standing standing = {view.state, view.until_ms, live->health.reason,
                                     live->health.sentence};
    if (view.state == STATE_ONLINE)
        standing.reason = standing.sentence = "";
    if (view.state == STATE_PAUSED) {
        standing.reason = "paused";
        standing.sentence = "An administrator paused it.";
    }
    return standing;
}

/* Is what was noted last still what the log knows? */
static bool is_noted(const struct live_provider *live)
{
    return live->noted.is_any && live->noted.page == transitions_page(live->transitions);
}

static void note(struct live_provider *live, const char *to, const char *reason, int64_t at_ms)
{
    struct transition transition = {.at_ms = at_ms};
    transition_set(&transition, TRANSITION_PROVIDER, live->id,
                   is_noted(live) ? provider_state_name(live->noted.state) : "", to, reason);
    str_copy(str_of(live->name), transition.name, sizeof transition.name);
    transitions_note(live->transitions, &transition);
}

/* A rest that ran out ended when it ran out, not when somebody looked. */
static int64_t changed_at_ms(const struct live_provider *live, const struct live_standing *standing,
                             int64_t now_ms)
{
    int64_t wall_ms = clock_wall_ms();
    bool has_run_out = standing->state == STATE_ONLINE && live->health.state == STATE_DEGRADED &&
                       is_noted(live) && live->noted.state == STATE_DEGRADED;
    return has_run_out ? wall_ms - (now_ms - live->health.until_ms) : wall_ms;
}

void live_note(struct live_provider *live, int64_t now_ms)
{
    if (!live->transitions || live->is_deleted) /* a late answer does not bring it back */
        return;
    struct live_standing standing = live_look(live, now_ms);
    struct live_noted *noted = &live->noted;
    int64_t page =
        transitions_page(live->transitions); /* notes that are lost from here on turn it */
    if (is_noted(live) && noted->state == standing.state &&
        strcmp(noted->reason, standing.reason) == 0)
        return;
    int64_t at_ms = changed_at_ms(live, &standing, now_ms);
    bool is_same = noted->is_any && noted->state == standing.state;
    note(live, provider_state_name(standing.state), standing.reason, at_ms);
    *noted = (struct live_noted){.state = standing.state,
                                 .page = page,
                                 .since_ms = is_same ? noted->since_ms : at_ms,
                                 .is_any = true};
    str_copy(str_of(standing.reason), noted->reason, sizeof noted->reason);
}

void live_note_gone(struct live_provider *live)
{
    note(live, "gone", "deleted", clock_wall_ms());
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
