/* domain/dispatch.h: who may use which slot of which worker, and who waits for one. SPEC 4.2, DESIGN 3.1.
 *
 * A provider has slots: those of its workers, or one cap (a cloud's max_concurrent). A job brings a ticket
 * with its choices, the providers that could serve it in routing's order. It is granted a slot, at once or
 * later, or it is told that it will not be. A slot is a lease that is counted here; of a worker's it also
 * takes a parked connection.
 *
 *     dispatch_take(dispatch, &ticket, now_ms)      GRANTED, or WAITING, or why not
 *     dispatch_next_settled(dispatch)               after every call: whose wait has ended
 *     dispatch_release(dispatch, &ticket, now_ms)   when the job is over
 *
 * Order of those who could take a slot: who had one before and lost it, interactive, batch (which gets at
 * least one in DISPATCH_BATCH_SHARE of those it could take); then the teams in turn; then arrival.
 *
 * Layer:   domain: pure. Time is given, monotonic, in milliseconds, and never goes back.
 * Thread:  any, one at a time: the owner holds one lock around every call and while it reads what a look or
 *          a ticket says. Nothing is called back; who was granted meanwhile is told by dispatch_next_settled.
 * Memory:  tickets and choices are the caller's and are linked in place. Memory is taken only for a provider,
 *          for a worker, and for the first ticket of a team (or model) that waits at a provider.
 * Cost:    O(log n) in workers, teams and waiting tickets for each choice of a ticket; a hand-over also looks
 *          at every ticket before the one it finds that avoids the worker.
 */
#pragma once
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "domain/model_tree.h"

#define DISPATCH_PROVIDERS_MAX    1024u
#define DISPATCH_WORKERS_MAX      4096u
#define DISPATCH_SLOTS_MAX        1024 /* of one worker */
#define DISPATCH_MODELS_MAX       254u /* of one provider: those of its workers, and those waited for */
#define DISPATCH_CHOICES_MAX      64u
#define DISPATCH_AVOID_MAX        8u
#define DISPATCH_TICKETS_MAX      100000u /* waiting */
#define DISPATCH_TEAM_TICKETS_MAX 20000u
#define DISPATCH_AFFINITY_MAX     16384u /* conversations whose worker is remembered */
#define DISPATCH_BATCH_SHARE      8
#define DISPATCH_NO_CAP           INT32_MAX

struct dispatch; /* opaque: dispatch_parts.h */
struct dispatch_provider;
struct dispatch_worker;
struct dispatch_account;

/** ERR_NO_MEMORY, or an empty dispatcher. Yours to dispatch_free(). */
MUST_USE enum err dispatch_new(struct dispatch **out_dispatch);
/** Frees it with its workers; NULL is fine. No ticket may wait or hold a lease. */
void dispatch_free(struct dispatch *dispatch);

/* ---- providers ------------------------------------------------------------------------------------
 * Known by id. One that was never mentioned is open and has nobody: tickets may wait for it. */

/** Gives the provider a cap in the place of workers, or changes it. 0 to DISPATCH_NO_CAP; leases above a
 *  lowered cap run to their end. ERR_NO_MEMORY; ERR_TOO_LARGE: too many providers. */
MUST_USE enum err dispatch_provider_cap(struct dispatch *dispatch, const char *provider_id,
                                        int32_t slots, int64_t now_ms);

/* What is known of its health. A closed one is passed over; tickets may still wait for it. */
enum dispatch_gate {
    DISPATCH_CLOSED, /* over quota, error */
    DISPATCH_OPEN,   /* at first */
    DISPATCH_TRIAL   /* one lease, and with it CLOSED again: the trial after a quota's reset */
};
/** Opens or closes; who waits for it is served. The errors of dispatch_provider_cap. */
MUST_USE enum err dispatch_provider_open(struct dispatch *dispatch, const char *provider_id,
                                         enum dispatch_gate gate, int64_t now_ms);

/** It was deleted: nobody waits for it any more, its workers are removed. NULL-safe for an unknown id. */
void dispatch_provider_remove(struct dispatch *dispatch, const char *provider_id, int64_t now_ms);

struct dispatch_provider_view {
    int64_t slots;          /* of live and suspect workers, or the cap */
    int64_t busy;           /* leases */
    int64_t workers;        /* live and suspect; a cap counts as one */
    int64_t waiting;        /* tickets whose first choice it is: queue_too_deep */
    int64_t oldest_wait_ms; /* of those; 0: none */
    bool serves_model;      /* some live or suspect worker has it */
    bool is_full;           /* serves_model, is open, and has no slot that a newcomer would get */
};
/** `model` empty: any. An unknown provider gives zeros. O(log workers). */
void dispatch_provider_look(const struct dispatch *dispatch, const char *provider_id,
                            struct str model, int64_t now_ms,
                            struct dispatch_provider_view *out_view);

/* ---- workers -------------------------------------------------------------------------------------- */

enum dispatch_worker_state {
    DISPATCH_LIVE,
    DISPATCH_SUSPECT, /* a heartbeat is missing: gets a job when no other slot is free for it */
    DISPATCH_AWAY /* its control connection closed, or it wants to stop: nothing new, jobs run on */
};

struct dispatch_worker_options {
    const char *provider_id;
    void *owner;              /* the caller's record of it: leases name it */
    int64_t epoch;            /* of this registration: leases name it */
    int64_t slots;            /* as it says: taken as 1 to DISPATCH_SLOTS_MAX */
    const struct str *models; /* in the provider's own spelling; borrowed for the call */
    size_t model_count;
    bool has_all_models; /* whatever is asked of its provider; `models` is not read */
};

/** A worker registered. LIVE, with no connection parked. A new registration is a new worker: remove the old.
 *  ERR_NO_MEMORY; ERR_TOO_LARGE: too many workers, providers or models; ERR_CONFLICT: its provider has a cap. */
MUST_USE enum err dispatch_worker_join(struct dispatch *dispatch,
                                       const struct dispatch_worker_options *options,
                                       int64_t now_ms, struct dispatch_worker **out_worker,
                                       struct error *error);
/** Its slots or models changed; the other options are not read. As it was, on ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err dispatch_worker_update(struct dispatch *dispatch, struct dispatch_worker *worker,
                                         const struct dispatch_worker_options *options,
                                         int64_t now_ms, struct error *error);
void dispatch_worker_set(struct dispatch *dispatch, struct dispatch_worker *worker,
                         enum dispatch_worker_state state, int64_t now_ms);
/** It is dead, or registered anew, or its provider was deleted: its leases are LOST, and `worker` is gone. */
void dispatch_worker_remove(struct dispatch *dispatch, struct dispatch_worker *worker,
                            int64_t now_ms);
/** One more connection of it says that it can take a job. */
void dispatch_worker_park(struct dispatch *dispatch, struct dispatch_worker *worker,
                          int64_t now_ms);
/** A parked connection closed. When all were promised already, one who was granted finds none, calls
 *  dispatch_release and takes again: a lost race, no attempt. */
void dispatch_worker_unpark(struct dispatch *dispatch, struct dispatch_worker *worker);

struct dispatch_worker_view {
    enum dispatch_worker_state state;
    uint64_t life;               /* as its leases say */
    int32_t slots, busy, parked; /* parked and not promised to anyone */
};
void dispatch_worker_look(const struct dispatch_worker *worker,
                          struct dispatch_worker_view *out_view);

/* ---- tickets -------------------------------------------------------------------------------------- */

enum dispatch_class { DISPATCH_INTERACTIVE, DISPATCH_BATCH };

// clang-format off
#define DISPATCH_STATE_LIST(X)                                                                          \
    X(IDLE,    "idle")    /* not here: new, cancelled, released */                                       \
    X(WAITING, "waiting")                                                                                \
    X(GRANTED, "granted") /* holds a slot: `lease` says whose */                                         \
    X(EXPIRED, "expired") /* its deadline passed */                                                      \
    X(NEVER,   "never")   /* no choice could ever serve it: all hopeless, deleted, or tried in vain */   \
    X(CROWDED, "crowded") /* too many wait, or too many of its team; or there is no memory */            \
    X(LOST,    "lost")    /* its worker was removed, and the slot with it */
// clang-format on

enum dispatch_state {
#define X(name, text) DISPATCH_##name,
    DISPATCH_STATE_LIST(X)
#undef X
        DISPATCH_STATE_COUNT
};
const char *dispatch_state_name(enum dispatch_state state); /* "waiting" */

/* One provider that could serve the job, as what. The caller writes the upper part, and leaves it alone
 * while the ticket waits. */
struct dispatch_choice {
    const char *provider_id; /* borrowed */
    struct str model;        /* its own spelling; borrowed; empty: any, as of a cloud */
    int64_t wait_ms;  /* when full: how long it is waited for before the next choice counts too */
    bool is_hopeless; /* paused, key refused: neither taken nor waited for */

    /* The dispatcher's own, while the ticket waits for it. */
    struct dispatch_ticket *ticket;
    struct dispatch_account *account; /* NULL: not waited for (yet) */
    struct model_node node;
    struct dispatch_provider *provider; /* valid within one call */
    unsigned bit;                       /* of the model, there */
    bool is_out;                        /* hopeless, tried in vain, or deleted */
};

struct dispatch_lease {
    void *owner;                    /* of the worker; NULL: a cap's slot */
    int64_t epoch;                  /* of the worker; 0: a cap's slot */
    uint64_t life;                  /* one registration of one worker, or one cap: for `avoid` */
    size_t choice;                  /* which of the ticket's */
    struct dispatch_worker *worker; /* NULL: none is held */
};

/* Zero it, then write the upper part. The memory may go, and the upper part may change, when the ticket is
 * neither waiting nor holds a lease nor is still to be told by dispatch_next_settled: after dispatch_cancel
 * or dispatch_release that is so. Taking again with the same ticket keeps its place by arrival. */
struct dispatch_ticket {
    struct dispatch_choice *choices;
    size_t choice_count; /* 1 to DISPATCH_CHOICES_MAX */
    enum dispatch_class service_class;
    uint64_t team; /* whatever tells teams apart */
    uint64_t
        affinity; /* of the conversation; 0: none. The worker that served it last is tried first */
    int64_t deadline_ms;                /* it waits until then; already past: a free slot or none */
    uint64_t avoid[DISPATCH_AVOID_MAX]; /* `life` of leases that failed: each is tried once */
    size_t avoid_count;
    void *owner; /* the caller's */

    /* What came of it. */
    enum dispatch_state state;
    struct dispatch_lease lease; /* GRANTED; stays to be read in LOST, but for `worker` */
    int64_t waiting_since_ms;    /* of the last take that made it wait */

    /* The dispatcher's own. */
    int64_t arrival; /* 0: never seen */
    bool had_slot;
    size_t joined; /* choices[0..joined) count already */
    struct dispatch_team *of_team;
    struct model_node timer; /* the end of a choice's wait_ms, or the deadline */
    struct list settled, held, first, patient;
    struct dispatch_provider *first_at; /* whose list `first` is on; NULL: nobody's */
};

/** Down the choices: a free slot is taken; a full provider is waited for as long as the choice says; then the
 *  next counts as well. Who waits for all waits until the deadline. GRANTED, WAITING, EXPIRED (nothing free,
 *  and the deadline is past), NEVER or CROWDED; what this very ticket got is not told by dispatch_next_settled.
 *  A choice all of whose live workers are in `avoid` counts as hopeless. */
MUST_USE enum dispatch_state dispatch_take(struct dispatch *dispatch,
                                           struct dispatch_ticket *ticket, int64_t now_ms);
/** The caller left, or does not want what it was granted and has not taken the parked connection: slot and
 *  connection go to the next. IDLE. In any state; nothing is told of it afterwards. */
void dispatch_cancel(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t now_ms);
/** The job is over, or there was no connection: the slot goes to the next. A cap's slot: the same as
 *  dispatch_cancel. IDLE. In any state: late, after the worker was removed, it changes nothing for others. */
void dispatch_release(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t now_ms);

/** One whose wait or lease ended in a call since: GRANTED, EXPIRED, NEVER or LOST; each is told once. NULL: no
 *  more. Drain it before the lock is given up. */
struct dispatch_ticket *dispatch_next_settled(struct dispatch *dispatch);
/** Ends what is over at `now_ms`, as every other call with a time does first. Returns when it wants to be called
 *  again; INT64_MAX: nothing ends by time. Other calls may bring that forward: dispatch_due_ms. */
int64_t dispatch_tick(struct dispatch *dispatch, int64_t now_ms);
int64_t dispatch_due_ms(const struct dispatch *dispatch);
/** All that wait now. */
size_t dispatch_waiting(const struct dispatch *dispatch);
