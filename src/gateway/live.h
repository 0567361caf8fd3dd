/* gateway/live.h: the long-lived part of a provider: what outlives any one configuration.
 *
 * A snapshot's provider points to one of these; it is ref-counted, and shared by all threads under its
 * own lock. Health, the sealed key, counters.
 */
#pragma once
#include "base/err.h"
#include "domain/health.h"
#include "domain/provider.h"
#include "domain/quirks.h"
#include "store/transitions.h"
#include "sys/secret.h"
#include <pthread.h>
#include <stdatomic.h>

/** What the live workers of a provider have loaded: immutable, shared. */
struct loaded_models {
    atomic_int refs;
    size_t count;
    struct model models[]; /* sorted by id; their ids stand behind the array */
};
struct loaded_models *loaded_models_ref(struct loaded_models *loaded);
void loaded_models_unref(struct loaded_models *loaded); /* NULL is fine */

/** Of a provider with counted slots, as the registry (workers.h) last reckoned it. */
struct slot_figures {
    int64_t slots, busy, waiting, oldest_wait_at_ms; /* monotonic; 0: nobody waits */
    int64_t workers;                                 /* live and suspect */
    int64_t quota_until_ms; /* monotonic: no worker is live, and the first that is over its quota is
                               not any more; 0 */
    bool is_full;
};

struct pool_entry;
struct live_provider {
    pthread_mutex_t lock; /* guards all below that is not atomic; never held across I/O */
    atomic_int refs;
    char id[32];
    char name[64];                   /* as last configured; cut */
    bool is_paused, has_workers;     /* as last configured */
    struct transitions *transitions; /* where changes of its state are noted; NULL: nowhere */
    struct live_noted {              /* what was noted last */
        enum provider_state state;
        char reason[48];
        int64_t page, since_ms; /* wall: when it took that state */
        bool is_any;
    } noted;
    struct health health;
    char *sealed_key; /* vault blob; NULL: none; opened for one request at a time */
    size_t sealed_key_len;
    int64_t credential_version;
    bool is_deleted;
    struct quirk_memory learned;                   /* what it refused once: do not ask so again */
    _Atomic int64_t attempts, failures, in_flight; /* for metrics and load */
    struct slot_figures slot_figures;
    struct loaded_models *loaded; /* NULL: no worker is live */
    struct pool_entry *pool;      /* the registry's: under its lock, not this one */
    _Atomic int64_t slots_found;  /* of a gpu provider by URL: as it said; 0: not known */
    _Atomic int64_t slots_taken;  /* of those: by others than us */
    int64_t latency_ms;           /* smoothed time to first byte */
    int64_t heartbeat_at_ms;      /* wall: the last answer of any kind */
    int64_t probe_at_ms;          /* monotonic: when the health thread may look again */
    int64_t poll_at_ms;           /* the same, for slots and health of a gpu provider by URL */
    int64_t context_found;        /* of such a one: tokens of a slot; 0: not told */
    int64_t models_at_ms;         /* wall: the last model list; 0: none yet */
};

struct live_provider *live_new(const char *id);
struct live_provider *live_ref(struct live_provider *live);
void live_unref(struct live_provider *live);

/** How it stands, in the words of the API: health, pause, and whether somebody is there to do its work. */
struct live_standing {
    enum provider_state state;
    int64_t until_ms;              /* monotonic; 0 */
    const char *reason, *sentence; /* "" when online; they live as long as the lock is held */
};
/** Under its lock. */
struct live_standing live_look(const struct live_provider *live, int64_t now_ms);
/** Notes how it stands, if that is another state or reason than was noted last. Under its lock, after whatever may have
 *  changed it; and once a second, for what time alone changes. */
void live_note(struct live_provider *live, int64_t now_ms);
/** It is gone. Under its lock. */
void live_note_gone(struct live_provider *live);

/** What a refusal taught of this model, or of the whole provider (QUIRKS_OF_SERVICE). Until it moves. */
void live_learn_quirk(struct live_provider *live, struct str model, unsigned quirk);
/** What refusals have taught so far; join with the model's own (quirks_join). */
unsigned live_quirks(struct live_provider *live, struct str model);

struct vault;
/** Opens the provider's key for the one request whose head is being built; the caller frees (and so wipes)
 *  it. `*out_key` is NULL when the provider has none. ERR_DENIED with a sentence when it cannot be opened. */
MUST_USE enum err live_key_open(struct live_provider *live, const struct vault *vault,
                                struct secret **out_key, int64_t *out_version, struct error *error);
