/* domain/dispatch_parts.h: what the dispatcher's files share. Inside the room only.
 *
 *     dispatch.c            the calls about tickets: take, cancel, release, time
 *     dispatch_wait.c       down the choices, waiting, and how it ends
 *     dispatch_workers.c    workers and caps: slots, connections, coming and going
 *     dispatch_providers.c  what is known of a provider: gate, models, figures
 *     dispatch_queue.c      who waits, and who is next
 *     dispatch_affinity.c   which worker served a conversation last
 *
 * Two rules hold after every call, and the rest follows from them:
 *     1. No slot is free while somebody waits who may have it. So whatever frees one serves the waiting at once,
 *        and whoever comes finds nobody before him.
 *     2. A ticket waits at the providers of choices[0..joined), each of which either did not have a free slot
 *        when it joined or has handed it to somebody since.
 */
#pragma once
#include "base/hash.h"
#include "domain/dispatch.h"
#include <assert.h>

/* Who goes first. A ticket that had a slot and lost it (a race, a worker's death, a failed attempt) has waited
 * already. */
enum rank { RANK_FRONT, RANK_INTERACTIVE, RANK_BATCH, RANK_COUNT };

/* Bits that are no model's: every worker has "any"; one that takes all models also has "unlisted", which stands
 * for those that nobody names and nobody waits for. */
#define BIT_ANY      0u
#define BIT_UNLISTED 1u
#define BIT_FIRST    2u
static_assert(BIT_FIRST + DISPATCH_MODELS_MAX == MODEL_SET_BITS, "each model has a bit");

/* A model that workers of a provider name, or that is waited for there. */
struct dispatch_model {
    struct dispatch_model *next; /* of its slot */
    uint64_t hash;
    char *name;
    size_t name_len;
    unsigned bit;
    struct model_set self; /* that bit alone */
    uint32_t users;        /* workers and waiting choices; at 0 it goes */
    uint32_t live;         /* workers of the pool that name it */
};

#define MODEL_SLOTS 16u
struct dispatch_provider {
    struct hash_node node; /* dispatch->providers */
    char *id;
    bool is_kept; /* a call named it; else it goes when nobody is left here */
    enum dispatch_gate gate;

    struct dispatch_worker *cap; /* NULL: it has workers, or nobody */
    struct list workers;         /* the cap's too */
    uint32_t workers_seen;       /* ever */
    struct model_tree free;      /* those with a free slot: not suspect, least busy first */
    int64_t live, live_all;      /* of the pool: workers; those that take all models */
    int64_t slots, busy;

    struct dispatch_model *models[MODEL_SLOTS], *model_of_bit[MODEL_SET_BITS];
    struct model_set bits_used;

    struct model_tree turns[RANK_COUNT]; /* accounts: whose turn is next */
    int64_t last_turn;
    size_t joined;     /* choices that wait here */
    struct list first; /* tickets whose first choice it is, the longest waiting first */
    size_t first_count;
    struct list patient; /* tickets that wait for it, full as it is, before their next choice */
};

/* A worker of the pool (live or suspect), or away. A provider's cap is one, too: it needs no connections. */
struct dispatch_worker {
    struct hash_node node; /* dispatch->workers, by life */
    uint64_t life;
    struct dispatch_provider *provider;
    struct list of_provider;
    void *owner;
    int64_t epoch;
    enum dispatch_worker_state state;
    bool is_cap, has_all_models;
    int32_t slots, busy, parked;
    struct model_set models;
    struct model_node free;
    int stood_back;   /* hand-overs past a batch ticket that may have had it, since batch had one */
    struct list held; /* tickets with its leases */
};

/* One team's tickets of one rank that wait at one provider. */
struct dispatch_account {
    struct hash_node node; /* dispatch->accounts */
    struct dispatch_provider *provider;
    uint64_t team;
    enum rank rank;
    struct model_set models;   /* that they wait for */
    struct model_node turn;    /* in provider->turns[rank] */
    struct model_tree tickets; /* their choices, by arrival */
};

/* One team's waiting tickets, counted. */
struct dispatch_team {
    struct hash_node node; /* dispatch->teams */
    size_t waiting;
};

struct affinity_entry {
    struct hash_node node; /* by affinity */
    struct list use;       /* the longest unused first */
    uint64_t life;         /* of the worker */
};
struct affinity {
    struct hash_table table;
    struct affinity_entry *entries;
    size_t count;
    struct list use;
};

struct dispatch {
    int64_t now_ms;
    struct hash_table providers, workers, accounts, teams;
    size_t provider_count, worker_count, account_count; /* worker_count without caps */
    uint64_t lives;
    int64_t arrivals;
    size_t waiting;
    struct model_tree timers; /* waiting tickets, by when their wait changes */
    struct list settled;
    struct affinity affinity;
};

/* dispatch_wait.c */
/* Ends every wait that is over, and goes on with those whose wait for one provider is. */
void dispatch_catch_up(struct dispatch *dispatch, int64_t now_ms);
/* Hands the free slots of a provider to those that wait for them. */
void dispatch_serve(struct dispatch *dispatch, struct dispatch_provider *provider);
/* A waiting choice's provider is deleted: the ticket waits for the others, if there are any. dispatch_catch_up
 * must follow. */
void dispatch_drop_choice(struct dispatch *dispatch, struct dispatch_choice *choice);
/* The provider closed, or workers of it went: who was patient with it goes on to the next choice when it is not
 * full any more but gone. It may be freed by that when it is not kept and has no workers. */
void dispatch_hurry(struct dispatch *dispatch, struct dispatch_provider *provider);
/* From choices[ticket->joined] on: stops at a free slot, or behind a full provider that is to be waited for, or
 * behind all. A suspect worker's slot is the last resort among those that it passed. */
struct step {
    struct dispatch_worker *worker; /* a free slot; NULL: none */
    size_t choice;                  /* whose */
    int64_t until_ms;               /* else: when it goes on */
};
struct step dispatch_go_down(const struct dispatch *dispatch, struct dispatch_ticket *ticket,
                             int64_t now_ms);
/* WAITING, or CROWDED. */
enum dispatch_state dispatch_start_waiting(struct dispatch *dispatch,
                                           struct dispatch_ticket *ticket, int64_t until_ms);
void dispatch_stop_waiting(struct dispatch *dispatch, struct dispatch_ticket *ticket);
/* What a ticket is told next time. */
void dispatch_settle(struct dispatch *dispatch, struct dispatch_ticket *ticket,
                     enum dispatch_state state);

/* dispatch_providers.c */
/* NULL: never heard of. */
struct dispatch_provider *provider_find(const struct dispatch *dispatch, const char *id);
/* Makes it when it is new. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err provider_get(struct dispatch *dispatch, const char *id,
                               struct dispatch_provider **out_provider);
/* Frees it when nothing is left that is worth knowing. */
void provider_tidy(struct dispatch *dispatch, struct dispatch_provider *provider);
/* The bit of a model, now with one more user; comes in as it is known, or BIT_UNLISTED. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err provider_model_ref(struct dispatch_provider *provider, struct str model,
                                     unsigned *in_out_bit);
void provider_model_unref(struct dispatch_provider *provider, unsigned bit);
/* The bit of a model as it stands: BIT_UNLISTED when it is nobody's. */
unsigned provider_model_bit(const struct dispatch_provider *provider, struct str model);
/* A set of that bit alone, which lives as long as the model. */
const struct model_set *provider_bit_set(const struct dispatch_provider *provider, unsigned bit);
/* How many workers of the pool have it. */
int64_t provider_live(const struct dispatch_provider *provider, unsigned bit);

/* dispatch_workers.c */
bool worker_is_free(const struct dispatch_worker *worker);
struct dispatch_worker *worker_of_life(const struct dispatch *dispatch, uint64_t life);
bool ticket_avoids(const struct dispatch_ticket *ticket, const struct dispatch_worker *worker);
/* How many of the pool that have the model the ticket has tried in vain. */
int64_t workers_tried(const struct dispatch *dispatch, const struct dispatch_ticket *ticket,
                      const struct dispatch_provider *provider, unsigned bit);
/* The free worker that is best for this ticket; NULL: none. Behind the gate: none. */
struct dispatch_worker *worker_choose(const struct dispatch *dispatch,
                                      const struct dispatch_provider *provider, unsigned bit,
                                      const struct dispatch_ticket *ticket, bool may_be_suspect);
/* One slot, and a parked connection, is the ticket's. */
void worker_lend(struct dispatch *dispatch, struct dispatch_worker *worker,
                 struct dispatch_ticket *ticket, size_t choice);
/* And is not any more. */
void worker_take_back(struct dispatch_worker *worker, struct dispatch_ticket *ticket,
                      bool with_connection);
/* The cap goes with its leases, or a worker. */
void worker_end(struct dispatch *dispatch, struct dispatch_worker *worker);

/* dispatch_queue.c */
/* The choice, which was looked up in this call, waits at its provider. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err queue_join(struct dispatch *dispatch, struct dispatch_choice *choice);
/* Not any more; fine when it does not. */
void queue_leave(struct dispatch *dispatch, struct dispatch_choice *choice);
/* Whose turn it is, and whose slot that is for; no worker: nobody waits for one that is free. */
struct turn {
    struct dispatch_choice *choice;
    struct dispatch_worker *worker;
};
struct turn queue_next(const struct dispatch *dispatch, const struct dispatch_provider *provider);
/* Its team had its turn. */
void queue_end_turn(struct dispatch_choice *choice);
/* Some choice that waits here; NULL: none does. */
struct dispatch_choice *queue_any(const struct dispatch_provider *provider);

/* dispatch_affinity.c */
MUST_USE enum err affinity_init(struct affinity *affinity);
void affinity_release(struct affinity *affinity);
/* The life of the worker that served it last; 0: not known. */
uint64_t affinity_find(const struct affinity *affinity, uint64_t conversation);
void affinity_note(struct affinity *affinity, uint64_t conversation, uint64_t life);
