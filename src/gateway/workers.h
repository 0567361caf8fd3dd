/* gateway/workers.h: who our workers are, and who may use which of their slots. SPEC.md 4.2, 6; DESIGN.md 3.1, 3.2.
 *
 * One registry for the process. It holds the workers (identity, epoch, state, models), and the one dispatcher
 * of all providers with counted slots: those of workers, and clouds with a cap. Everything in it is guarded
 * by one lock, which is never held across I/O; what must reach a thread is an intrusive message.
 *
 * A worker is known by its id and an epoch that grows with each registration. Whatever carries an older epoch
 * is refused (F36): a message is told `stale`, a connection is closed, a job's bytes come over a connection
 * that was closed when the epoch ended.
 *
 *     LIVE        hears and is heard
 *     SUSPECT     one heartbeat is missing: gets a job when nobody else can
 *     AWAY        its control connection closed; may come back with the same epoch
 *     QUOTA       its subscription's window is used up, until a time
 *     BARRED      it broke the rules too often, until a time (T19)
 *     LEAVING     it said goodbye: running jobs finish
 *     DEAD        silent for too long, deregistered and idle, replaced, or its key is gone
 *
 * Thread: any. Lock order: this lock, then a live provider's.
 */
#pragma once
#include "base/list.h"
#include "domain/dispatch.h"
#include "domain/id.h"
#include "gateway/snapshot.h"
#include "net/loop.h"
#include "store/transitions.h"
#include "wire/worker.h"

struct workers;
struct worker;
struct lot;

struct workers_options {
    int64_t heartbeat_ms;  /* 0: 30 s */
    int64_t dead_after_ms; /* 0: 90 s */
    int64_t grace_ms;      /* what a worker may take to finish; told to it */
    struct transitions
        *transitions; /* where changes of a worker's state are noted; NULL: nowhere */
};

MUST_USE enum err workers_new(const struct workers_options *options, struct workers **out_workers,
                              struct error *error);
/** When no seat is held and the lot has ended. NULL is fine. */
void workers_free(struct workers *workers);

/** Follows the configuration: caps, pauses, and whose key or provider is gone. Any thread but while holding a
 *  live provider's lock. */
void workers_follow(struct workers *workers, const struct snapshot *snapshot);
/** Something happened to a provider's health: who waits for it may go on. Cheap when nobody waits. */
void workers_health_changed(struct workers *workers, const struct provider *provider);
/** Slots of a gpu provider by URL that are ours now. */
int64_t workers_slots_ours(struct workers *workers, const struct provider *provider);
/** A cap that was found out: of a gpu provider by URL. `slots` 0: unknown again. `busy` of them work; `ours_before`:
 *  workers_slots_ours, from before the server was asked. What of them is not ours, others have. */
void workers_slots_found(struct workers *workers, const struct provider *provider, int64_t slots,
                         int64_t busy, int64_t ours_before);

/* ---- the worker API (worker_api.c) -------------------------------------------------------------- */

/** Registers; `out_terms->worker_id` points into `out_id`. ERR_CONFLICT: its kind is not the provider's;
 *  ERR_UNAVAILABLE: too many workers. */
MUST_USE enum err workers_register(struct workers *workers, const struct worker_key *key,
                                   const struct provider *provider,
                                   const struct worker_hello *hello, char out_id[ID_MAX],
                                   struct worker_terms *out_terms, struct error *error);
/** A heartbeat or a goodbye by POST. ERR_NOT_FOUND: no such worker of this key's provider; ERR_CONFLICT: the
 *  epoch is stale. */
MUST_USE enum err workers_take_message(struct workers *workers, const struct worker_key *key,
                                       const struct worker_message *message, struct error *error);
/** May a connection of this worker and epoch be opened? A reference for the lot. Errors as above; ERR_BUSY:
 *  it has more reverse connections than it has use for. */
MUST_USE enum err workers_admit(struct workers *workers, const struct worker_key *key,
                                struct str worker_id, int64_t epoch, bool is_reverse,
                                struct worker **out_worker, struct error *error);
/** It was admitted, and its connection was not made after all. */
void workers_turn_away(struct workers *workers, struct worker *worker, bool is_reverse);
void worker_unref(struct workers *workers, struct worker *worker);

/* ---- what is seen ------------------------------------------------------------------------------- */

/** One worker as GET /api/workers shows it. */
struct worker_view {
    char id[ID_MAX], provider_id[ID_MAX], key_id[ID_MAX];
    const char *kind, *state;
    char reason[48];     /* why it is in that state: a stable code */
    int64_t state_at_ms; /* since when; wall */
    char name[128], version[32], tool[32];
    int64_t epoch, slots, busy, parked, vram_mb;
    int64_t slots_said;                    /* by itself; `slots` is what an admin leaves of them */
    bool is_of_pool;                       /* live or suspect: it may get jobs */
    int64_t registered_at_ms, heard_at_ms; /* wall */
    int64_t over_quota_until_ms, barred_until_ms;
    int64_t jobs, failures;
    size_t model_count;
    struct worker_model models[WORKER_MODELS_MAX];
};
/** Calls back for each, outside the lock. ERR_NO_MEMORY. */
typedef void workers_on_view(void *arg, const struct worker_view *view);
MUST_USE enum err workers_each(struct workers *workers, workers_on_view *on_view, void *arg);

/** What happened by itself, for the record of events: bounded, the oldest are lost first. */
struct worker_news {
    const char *action; /* "worker.joined", "worker.lost", "worker.returned", "worker.barred" */
    char worker_id[ID_MAX], provider_id[ID_MAX], name[128];
    const char *why; /* a stable code, or NULL */
    int64_t at_ms;
};
/** False: none is left. */
bool workers_take_news(struct workers *workers, struct worker_news *out_news);
/** A provider whose workers brought models that its row does not know: `out_models` gets all that its live
 *  workers have (room for DISPATCH_MODELS_MAX). `*place`: 0 at first; each is told once in a walk. False: no more. */
bool workers_take_new_models(struct workers *workers, size_t *place, char out_provider_id[ID_MAX],
                             struct worker_model *out_models, size_t *out_count);
/** They could not be written down: they are new again, for whoever takes them next. */
void workers_models_again(struct workers *workers, const char *provider_id);
/** All that live workers of the provider have loaded. */
size_t workers_models(struct workers *workers, const char *provider_id,
                      struct worker_model *out_models, size_t room);
/** Wakes whoever takes news: called under the lock, must only post. Before any worker comes. */
void workers_on_news(struct workers *workers, void (*on_news)(void *arg), void *arg);

/** Notes how each stands whose last note is on a page that is turned (store/transitions.h). Once a second. */
void workers_note_all(struct workers *workers);

struct workers_figures {
    int64_t live, suspect, away, waiting, oldest_wait_ms;
    int64_t heartbeat_ms, dead_after_ms; /* what is asked of them: as configured */
    int64_t joined, lost, stale_messages, rule_breaks, not_begun, queue_full, queue_timeouts;
};
void workers_figures(struct workers *workers, struct workers_figures *out_figures);
