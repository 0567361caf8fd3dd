/* gateway/workers_parts.h: what workers.c, workers_seen.c, slots.c and lot.c share. Nobody else includes it. */
#pragma once
#include "gateway/request.h"
#include "gateway/workers.h"
#include "http/upgrade.h"

enum worker_state {
    WORKER_LIVE,
    WORKER_SUSPECT,
    WORKER_AWAY,
    WORKER_QUOTA,
    WORKER_BARRED,
    WORKER_LEAVING,
    WORKER_DEAD,
    WORKER_STATE_COUNT
};

/* Owner: the lock, save what is the lot's. */
struct worker {
    struct list node; /* workers->all */
    struct workers *workers;
    int refs; /* the registry's while it is not forgotten; one per line, control, seat, message */
    char id[ID_MAX], provider_id[ID_MAX], key_id[ID_MAX];
    char instance[72], name[128], version[32], tool[32], kind[8];
    enum worker_state state;
    const char *state_why;         /* static: why it is barred or dead; NULL: the state says it */
    enum worker_state noted_state; /* as the log of transitions has it ... */
    int64_t noted_page;            /* ... on this page; -1: it has nothing */
    int64_t state_at_ms;           /* wall: when it took that state */
    bool is_leaving;
    bool is_doubted; /* it fell silent over a job; nothing was heard of it since */
    int64_t epoch, vram_mb;
    int64_t slots_said, slot_count;        /* what it told; what an admin leaves of that */
    int64_t registered_at_ms, heard_at_ms; /* wall */
    int64_t heard_ms;                      /* monotonic */
    int64_t away_since_ms;                 /* monotonic; 0: it is not */
    int64_t quota_until_ms;                /* wall; 0 */
    int64_t barred_until_ms;               /* monotonic; 0 */
    int64_t rule_breaks, rule_break_at_ms; /* lately */
    int64_t died_ms;                       /* monotonic */
    int64_t jobs, failures;
    int line_count;
    struct worker_model *models; /* owned */
    size_t model_count;
    struct live_provider *live;    /* a reference */
    struct dispatch_worker *slots; /* NULL: dead */
    const char *end_reason;        /* a sentence for the worker, when it is cut off */
    struct loop_message news;      /* to the lot: look at this worker */
    bool is_news_posted;
    /* the lot's */
    struct control *control;
    struct list lines; /* those at the lot: not ready, or parked */
    struct list warm;  /* under the lock: parked, and on no loop. The last used first */
};

/* A reverse connection, from its upgrade to its end. At the lot, with a job's loop, or on its way. */
struct line {
    struct list node; /* worker->lines, at the lot; worker->warm */
    struct loop_message message;
    struct worker *worker; /* a reference */
    int64_t epoch;
    struct detached *detached; /* on its way, or with a job's loop */
    struct ws_link *link;      /* at the lot */
    bool is_parked;            /* at the lot: ready, and counted by the dispatcher */
    bool is_ready;             /* away from the lot, and not used yet */
    bool is_counted;           /* and the dispatcher counts it as parked already */
    int64_t warm_ms;           /* since when it is on worker->warm; monotonic */
};

/* What a seat waits for: changed under the lock only. */
enum seat_phase {
    SEAT_IDLE,
    SEAT_WAITING,  /* the dispatcher has the ticket */
    SEAT_FETCHING, /* granted at a worker: the lot looks for the connection */
    SEAT_ARRIVING, /* on its way to the request's loop, with what came of it */
    SEAT_HELD      /* the request has the slot */
};

struct seat {
    struct dispatch_ticket ticket;
    struct dispatch_choice *choices; /* owned, as many as there is room for */
    size_t *candidate_of;            /* of each choice; in the same block */
    size_t room;
    struct workers *workers;
    struct loop *loop;
    struct loop_message message;
    /* under the lock */
    enum seat_phase phase;
    bool is_posted;        /* the message is on its way: the seat stays */
    bool is_left;          /* the request is gone: who gets the message frees the seat */
    struct worker *worker; /* a reference, from the grant to the end of the slot */
    struct line *line;     /* its connection */
    /* the loop's */
    struct request *request; /* NULL: gone */
    bool is_held;            /* SEAT_HELD, as this loop made it */
    uint64_t failed_life;    /* of the worker that is to be avoided from now on; 0 */
    struct deadline begin;
    bool is_begin_due, has_begun;
    bool is_lingering;
    bool is_lost;    /* the worker is dead: nothing more may be asked of it */
    bool is_again;   /* for the same provider, in another form */
    bool has_waited; /* what was planned may be old */
    size_t behind;   /* the first candidate behind those that were asked */
    int64_t since_ms;
    int retakes;
};

#define NEWS_MAX      256
#define POOLS_MAX     (PROVIDERS_MAX * 2)
#define QUEUE_LOOK_MS 200 /* how often the health of providers that are waited for is looked at */

/* A provider as the registry knows it. */
struct pool_entry {
    char id[ID_MAX];
    struct live_provider *live; /* a reference */
    enum provider_kind kind;
    bool has_workers, is_paused, is_seen;
    int64_t max_concurrent; /* 0: none */
    int64_t cap;            /* as told to the dispatcher; -1: never told */
    enum dispatch_gate gate;
    bool has_new_models;
    bool are_figures_old, are_models_old; /* to be published */
};

struct workers {
    pthread_mutex_t lock;
    struct workers_options options;
    struct dispatch *dispatch;
    struct lot *lot; /* NULL: none runs (yet, or any more) */
    struct list all;
    int worker_count;
    struct pool_entry pools[POOLS_MAX];
    size_t pool_count;
    struct worker_news news[NEWS_MAX];
    size_t news_first, news_count;
    void (*on_news)(void *arg);
    void *on_news_arg;
    struct workers_figures figures;
    int64_t lot_due_ms;  /* when the lot looks again */
    int64_t warm_due_ms; /* when it collects what was not used again; INT64_MAX: nothing is warm */
    struct loop_message rearm;
    bool is_rearm_posted;
    _Atomic int64_t waiting; /* tickets: read without the lock */
};

/* An interval and a half: one heartbeat is missed. */
#define HEARTBEATS_LATE 3 / 2

/* ---- workers.c and its files: under the lock ------------------------------------------------------------------ */

int64_t workers_now_ms(void); /* monotonic */
/** After anything that may have settled tickets: posts the grants, publishes figures, moves the lot's timer. */
void workers_settle(struct workers *workers);
void workers_rearm(struct workers *workers); /* makes the lot look at its timer */
void workers_tell(struct workers *workers);  /* there is news */
/** Publishes what is old of figures and models. */
void workers_publish(struct workers *workers, int64_t now_ms);
struct pool_entry *workers_pool(struct workers *workers, const char *provider_id);
struct pool_entry *workers_pool_new(struct workers *workers,
                                    struct live_provider *live); /* NULL: full */
void workers_pool_release(struct pool_entry *pool);
struct pool_entry *worker_pool(struct worker *worker); /* NULL: its provider is gone */
void worker_make_old(struct worker *worker);           /* what is published of its provider */
/** `why`: static, or NULL. */
void worker_news_put(struct worker *worker, const char *action, const char *why);
void worker_forget(struct worker *worker); /* a dead one: off the list */
/** Tells the dispatcher what the provider's health is now, if that is news. */
void workers_gate(struct workers *workers, struct pool_entry *pool, int64_t now_ms);
/** Sets its cap, so that tickets may be taken for it: for a provider without workers. */
void workers_cap(struct workers *workers, struct pool_entry *pool, int64_t now_ms);
void worker_hold(struct worker *worker);
void worker_drop(struct worker *worker); /* frees with the last */
/** Off the pool for good: its leases are lost, its connections are closed by the lot. */
void worker_die(struct worker *worker, const char *news, const char *why, const char *sentence,
                int64_t now_ms);
void worker_control_opened(struct worker *worker, int64_t now_ms);
void worker_control_closed(struct worker *worker, int64_t epoch, int64_t now_ms);
/** What it is now, from all that is known of it; tells the dispatcher. */
void worker_reckon(struct worker *worker, int64_t now_ms);
const char *worker_state_name(enum worker_state state);
const char *worker_state_why(const struct worker *worker); /* a stable code */
/** Notes the state, if it is another than was noted last. */
void worker_note_state(struct worker *worker);
void worker_note_message(struct worker *worker, const struct worker_message *message,
                         int64_t now_ms);
/** After its provider's cap, or what it told, has changed: as many slots as are left of that. */
void worker_clamp(struct worker *worker, int64_t now_ms);
/** It said what nobody asked. After three within a minute it is barred for one. */
void worker_note_rule_break(struct worker *worker, const char *what, int64_t now_ms);
/** No jobs for so long. */
void worker_bar(struct worker *worker, const char *why, int64_t rest_ms, int64_t now_ms);
/** Its window is used up until then (wall). */
void worker_note_quota(struct worker *worker, int64_t until_ms, int64_t now_ms);
/** Looks after time: expiries, heartbeats, gates. Returns when to look again (monotonic ms; INT64_MAX). */
int64_t workers_tick(struct workers *workers, int64_t now_ms);
/** Makes the lot look at this worker soon. */
void worker_tell_lot(struct worker *worker);

/* ---- slots.c ------------------------------------------------------------------------------------ */

/** Under the lock, by whoever holds it: what became of the ticket. */
void seat_settled(struct seat *seat);
void seat_mark_old(struct seat *seat, size_t choice); /* under the lock: figures of its provider */
/** Under the lock: sends the seat's one message, unless it is on its way. */
void seat_post(struct seat *seat, struct loop *loop, void (*run)(struct loop_message *message));
/** Under the lock: a worker's slot was granted; asks the lot for the connection. */
void seat_fetch(struct seat *seat);
void seat_free(struct seat *seat);
/** Gives the slot back, or what is left of it. The line is the caller's to end. */
struct line *seat_release(struct seat *seat);
void seat_line_end(struct workers *workers, struct line *line); /* NULL is fine */
void slots_arrived(struct loop_message *message); /* seat->message.run, on the request's loop */
int64_t slots_wait_left_ms(const struct request *request);
void seat_end_linger(struct request *request);
/** seat->message.run when a seat needs a parked line of lease.owner; on the lot's thread. */
void lot_fetch(struct loop_message *message);
void seat_begin_is_due(struct deadline *deadline);

/* ---- lot.c -------------------------------------------------------------------------------------- */

MUST_USE enum err lot_new(struct workers *workers, struct lot **out_lot, struct error *error);
/** Joins the thread and runs what was posted; every line that comes later is closed. */
void lot_stop(struct lot *lot);
void lot_free(struct lot *lot);
struct loop *lot_loop(struct lot *lot);
/** Says goodbye to all that are there. Once. */
void lot_let_go(struct lot *lot);
/** From any thread: a control or reverse connection is there. Takes the reference to the worker. */
void lot_take_control(struct workers *workers, struct worker *worker, int64_t epoch,
                      struct detached *detached);
void lot_take_line(struct workers *workers, struct worker *worker, int64_t epoch,
                   struct detached *detached);
/** A job's loop gives a line back: `line->detached` is set, or the connection is gone and the line with it. */
void lot_return_line(struct workers *workers, struct line *line);
/** Likewise, of a line over which a job was done: when the worker has said ready, it stays at hand (worker->warm). */
void lot_keep_line(struct workers *workers, struct line *line);
/** Under the lock: a parked line that is on no loop, and over which nothing has come, unless `is_any` will do.
 *  NULL: the lot has what there is. */
struct line *worker_take_warm(struct worker *worker, bool is_any);
/** lot_return_line, on the lot's own thread. */
void lot_put_back_line(struct line *line);
/** The connection is gone. Any thread, without the lock. */
void line_free(struct workers *workers, struct line *line);
void lot_look_at_worker(struct loop_message *message); /* worker->news.run */
void lot_rearm(struct loop_message *message);          /* workers->rearm.run */
