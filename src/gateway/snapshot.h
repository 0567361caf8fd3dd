/* gateway/snapshot.h: the configuration as one immutable structure, built from the store, swapped whole.
 *
 * Loops hold one lease each of the newest snapshot; a request takes the loop's lease (a plain count) and
 * gives it back at its end, so that no shared cache line is touched per request. A management write answers
 * after every loop has adopted its version.
 *
 * Thread: a snapshot is immutable; any. Publishing: one thread at a time (the config lock).
 */
#pragma once
#include "base/mem.h"
#include "domain/access.h"
#include "domain/price.h"
#include "domain/role.h"
#include "domain/route.h"
#include "gateway/live.h"
#include "http/client.h"
#include "store/store.h"

struct live_limits; /* live_limits.h: what is counted of one team or key */

/** Owned by the snapshot. */
struct team {
    char id[ID_MAX], name[64];
    struct policy policy;
    struct live_limits *live;
};

/** Who calls, once the key is known. Owned by the snapshot. */
struct principal {
    char id[ID_MAX], name[64];                  /* key_...; usr_... of a session */
    char user[ID_MAX], service_account[ID_MAX]; /* whose key it is; "" none */
    const struct team *team;                    /* who pays; NULL: nobody but the key */
    enum role role;
    unsigned scopes;          /* bits of enum scope */
    struct policy policy;     /* the key's own; with its allowed models */
    struct live_limits *live; /* the key's own; NULL: it has no limits */
    int64_t expires_at_ms;    /* wall; 0: never */
    uint8_t digest[32];
};

/** What binds them in what they use. Borrowed from the snapshot. */
static inline struct access principal_access(const struct principal *principal)
{
    const struct team *team = principal->team;
    return (struct access){.team_id = team ? team->id : NULL,
                           .team_name = team ? team->name : NULL,
                           .team = team ? &team->policy : NULL,
                           .key = &principal->policy};
}

/** What a worker registers with, once the key is known. Owned by the snapshot. */
struct worker_key {
    char id[ID_MAX], provider_id[ID_MAX];
    uint8_t digest[32];
};

struct snapshot {
    atomic_int refs; /* one per loop, one per other holder */
    struct arena arena;
    struct routing routing;
    const struct target *targets; /* parallel to routing.providers */
    const struct team *teams;     /* by id */
    size_t team_count;
    struct principal *principals;
    size_t principal_count;
    uint32_t *principal_table; /* open addressing by the digest's first bytes; index + 1 */
    size_t principal_mask;
    _Atomic int64_t *used_at_ms; /* parallel to principals; wall, at most one write a minute each */
    int64_t *used_stored_ms;     /* the same as last gathered; owner: who holds the config lock */
    const struct principal *users; /* by id, then in the order of their teams: one for each */
    size_t user_count;
    struct worker_key *worker_keys;
    size_t worker_key_count;
    const struct price_table *prices; /* process lifetime */
    const struct price *overrides;    /* an admin's own; by model, then provider */
    size_t override_count;
    int64_t version;
};

/** Builds one. `live_of` finds or makes the live part of a provider id (a new reference). */
struct live_registry; /* all live providers by id */
struct live_registry *live_registry_new(void);
/** Where changes of state are noted; before the first snapshot is built. */
struct transitions;
void live_registry_note_to(struct live_registry *registry, struct transitions *transitions);
void live_registry_free(struct live_registry *registry);
/** The counted parts of teams and keys; whoever builds snapshots may use it. */
struct limits_registry *live_registry_limits(struct live_registry *registry);
/** Builds a snapshot; brings the live parts up to date (key opened from its blob with `vault` when its
 *  credential_version changed, health cleared when key, base URL or paused changed). */
MUST_USE enum err snapshot_build(const struct store_config *config, const struct vault *vault,
                                 struct live_registry *registry, const struct price_table *prices,
                                 struct snapshot **out_snapshot, struct error *error);
/** Seals a provider's key as snapshot_build will open it: bound to that provider's row. */
#define SNAPSHOT_ORG STORE_ORG
MUST_USE enum err provider_key_seal(const struct vault *vault, const char *provider_id,
                                    struct str key, struct buf *out, struct error *error);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/** Looks a key's digest up; constant-time compare of the whole digest. NULL: unknown, or over at `now_ms`
 *  (wall). */
const struct principal *snapshot_principal(const struct snapshot *snapshot,
                                           const uint8_t digest[32], int64_t now_ms);
/** Was it here, and is over? For the sentence. */
bool snapshot_principal_is_over(const struct snapshot *snapshot, const uint8_t digest[32]);
/** The first end of a key behind `after_ms` (wall); INT64_MAX: none. Looks at all. */
int64_t snapshot_next_end(const struct snapshot *snapshot, int64_t after_ms);
/** A key was used. Any thread; for the most part it only reads. Other principals are passed over. */
#define KEY_USE_STEP_MS 60000
void snapshot_note_use(const struct snapshot *snapshot, const struct principal *principal,
                       int64_t now_ms);
/** Keys that were used since the last time; `*out_uses` is the caller's to mem_free. Under the config lock. */
MUST_USE enum err snapshot_gather_uses(const struct snapshot *snapshot, struct key_use **out_uses,
                                       size_t *out_count);
/** NULL: there is none, also for "". */
const struct team *snapshot_team(const struct snapshot *snapshot, const char *id);
/** By id, else by name whatever its case; looks at all. */
const struct team *snapshot_team_named(const struct snapshot *snapshot, const char *id_or_name);
/** What a user who is signed in may do. `team`: an id or a name, "" for their first or none. NULL: there is no such
 *  user, they may not sign in, or they are not in that team. */
const struct principal *snapshot_user(const struct snapshot *snapshot, const char *user_id,
                                      const char *team);
/** May somebody who is no admin see the provider, as this user ("" none) for whom this team ("" none) pays? NULL: no. */
bool snapshot_may_see(const struct snapshot *snapshot, const struct provider *provider,
                      const char *user_id, const char *team_id);
/** Likewise for workers' keys; few, so it looks at all. */
const struct worker_key *snapshot_worker_key(const struct snapshot *snapshot,
                                             const uint8_t digest[32]);
const struct provider *snapshot_provider(const struct snapshot *snapshot, const char *id_or_slug);
/** What this model's tokens cost there; NULL: unknown. Frozen, as all of the snapshot is. */
const struct price *snapshot_price(const struct snapshot *snapshot, const struct provider *provider,
                                   struct str model);
static inline struct live_provider *provider_live(const struct provider *provider)
{
    return (struct live_provider *)provider->live;
}
