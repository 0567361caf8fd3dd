/* admin/state.h: what the files of this room share: the admin itself and the one way to change
 * configuration.
 */
#pragma once
#include "admin/people.h"
#include "admin/refusals.h"
#include "admin/recent_use.h"

#define LISTENERS_MAX 64

struct pool;
struct prober;

struct admin {
    struct admin_options options;
    struct live_registry *registry;
    struct prober *prober;
    const struct http_listener
        *listeners[LISTENERS_MAX]; /* one per loop; read-only while they run */
    int listener_count;
    pthread_mutex_t config_lock; /* one change of configuration at a time; held from reading the
                                          rows to the publishing; never across a provider's answer */
    bool has_spent;        /* under config_lock: the ledgers know what was spent before the start */
    int64_t started_at_ms; /* wall; 0 until the first configuration is published */
    int64_t recheck_at_ms; /* under config_lock: when the next key or session ends (wall) ... */
    int64_t recheck_version;   /* ... as that configuration has it */
    bool is_behind;            /* under config_lock: what the store holds could not be published */
    pthread_mutex_t pool_lock; /* guards the pools, which admin_stop takes away */
    struct pool *pool, *hash_pool;
    _Atomic int64_t certificate_ends_ms; /* wall; 0: no TLS here */
    atomic_bool is_set_up;               /* there was an owner: as last published */
    struct people people;
    struct refusals refusals;
    struct recent_use recent_use;
};

/** Reads the rows and publishes them: in force on every loop when it returns. Under config_lock. */
MUST_USE enum err admin_publish(struct admin *admin, struct error *error);

/** Publishes what an earlier change wrote and could not publish: a revoked key must not wait for the next
 *  change. Called by the health thread once a second. */
void admin_catch_up(struct admin *admin);
/** Writes down when sessions were last used. Likewise. */
void admin_note_seen(struct admin *admin);
/** Cuts requests of keys that have ended by now, and writes down which keys were used. Likewise. */
void admin_watch_keys(struct admin *admin);

/* A change reads top to bottom:
 *     struct change change;
 *     if (!change_begin(&change, call)) return;        // locks, reads the rows, looks at the caller again
 *     ... look at change.config, write one row with its event ...
 *     change_end(&change, err, &error);                // publishes when err is OK, unlocks
 */
struct api_call;
struct change {
    struct admin *admin;
    struct api_call *call; /* NULL: the prober's */
    struct store_config config;
};
/** False: the call has failed and nothing is locked. */
MUST_USE bool change_begin(struct change *change, struct admin *admin, struct api_call *call);
/** True: in force. Else the call (if any) has failed, with the error's sentence. */
bool change_end(struct change *change, enum err err, struct error *error);
/** Gives up without a write: only unlocks. */
void change_drop(struct change *change);
