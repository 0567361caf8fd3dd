/* gateway/live_limits.h: what is counted of one team or one key: requests and tokens of the last minute, requests that
 * run now, money of the month. Inside the room, but for the figures that the API shows.
 *
 * It outlives configurations: a snapshot's team or principal points to it, and the next snapshot's finds the same one
 * by its id. One short lock; all loops count on it, so the limits are exact on a node.
 *
 * A request that is admitted has a hold on its team's and on its key's: an object in the request, whose end gives
 * everything back, whatever became of the request.
 *
 * Thread: any.
 */
#pragma once
#include "domain/id.h"
#include "domain/ledger.h"
#include "domain/limit.h"
#include "domain/policy.h"
#include "sys/pool.h"
#include <pthread.h>
#include <stdatomic.h>

/** What may be refused, each in its own sampled event. */
enum limit_kind {
    LIMIT_REQUESTS,
    LIMIT_TOKENS,
    LIMIT_CONCURRENCY,
    LIMIT_BUDGET,
    LIMIT_POLICY, /* not counted here: routing left nobody */
    LIMIT_KIND_COUNT
};

/** What happened and is not yet an event; kept until somebody writes it down. */
struct limit_notices {
    int64_t refused[LIMIT_KIND_COUNT];    /* since the last event of the kind */
    int64_t told_at_ms[LIMIT_KIND_COUNT]; /* monotonic; 0: never */
    unsigned due;                         /* bit per kind */
    bool is_soft_due;                     /* the soft budget was passed */
    bool is_out;                          /* the work is under way */
};

struct live_limits {
    pthread_mutex_t lock; /* guards all below that is not atomic; never held across I/O */
    atomic_int refs;
    char id[ID_MAX], name[64];
    struct limit *requests, *tokens; /* NULL: no limit */
    int64_t max_concurrent, running; /* max_concurrent -1: no limit */
    struct ledger ledger;
    struct limit_notices notices;
    struct pool_work notice_work; /* notices.is_out: a reference of its own */
    struct store *notice_store;   /* of whoever posts it; always the same one */
};

struct live_limits *live_limits_new(const char *id);
struct live_limits *live_limits_ref(struct live_limits *live);
void live_limits_unref(struct live_limits *live); /* NULL is fine */
/** Follows a changed policy, in force at once. False: no memory; the old one stays. */
MUST_USE bool live_limits_follow(struct live_limits *live, const char *name,
                                 const struct policy *policy);
/** Adds what was spent in this month before the start. */
void live_limits_load(struct live_limits *live, int64_t wall_ms, int64_t spent_microusd);

/* ---- one request ------------------------------------------------------------------------------- */

/** What one request has of one of them. Zeroed: nothing. */
struct limits_hold {
    struct live_limits *live; /* borrowed from the request's snapshot */
    int64_t tokens, request_bucket, token_bucket;
    bool counts_request, counts_tokens;
    struct reservation money;
};

struct limits_ask {
    int64_t least_tokens, tokens; /* of the prompt alone; with all that may come of it */
    int64_t money_microusd;
    int64_t created_at_ms; /* wall: whose month pays */
    int64_t expires_at_ms; /* monotonic: when the request must be over */
};

/** Why not: which limit, how much it is, and how long until it may be tried again. */
struct limits_refusal {
    enum limit_kind kind;
    int64_t most, left;
    int64_t wait_ms; /* LIMIT_NEVER_MS: asking again does not help */
};

/** One limit as headers tell it. Zeroed: none. */
struct limit_told {
    bool is_there;
    int64_t most, left, reset_ms;
};

/** Of the rates, as they are afterwards. */
struct limits_told {
    struct limit_told requests, tokens;
};

/** Takes all that is asked for, or nothing. Lowers what is told to what is left here afterwards, if that is less. */
MUST_USE bool limits_admit(struct live_limits *live, const struct limits_ask *ask,
                           struct limits_hold *hold, struct limits_told *told,
                           struct limits_refusal *out_refusal);
/** Lowers what is told to what is left here now, if that is less. */
void limits_tell(struct live_limits *live, struct limits_told *told);
/** Another sum of money in place of the one that is reserved. False: not so much is left, but `*out_left`. */
MUST_USE bool limits_money(struct limits_hold *hold, int64_t money_microusd, int64_t *out_left);
/** As if it had never been admitted. */
void limits_undo(struct limits_hold *hold);
/** The request is over. tokens -1: not known, what was reserved counts. True: its cost passed the soft budget. Fine
 *  when nothing is held. */
bool limits_settle(struct limits_hold *hold, int64_t tokens, int64_t cost_microusd);

/** Notes a refusal. True: an event of this kind is due, which is at most one a minute. */
bool limits_note_refusal(struct live_limits *live, enum limit_kind kind);

/* ---- figures ----------------------------------------------------------------------------------- */

struct limits_figures {
    int64_t requests_used, tokens_used; /* of the last minute; -1: not counted */
    int64_t running;
    int64_t spent_microusd, reserved_microusd;
    int32_t month;
};
void live_limits_figures(struct live_limits *live, struct limits_figures *out_figures);

/* ---- all of them ------------------------------------------------------------------------------- */

/** By id; the configuration's: one thread at a time. */
struct limits_registry;
struct limits_registry *limits_registry_new(void);
void limits_registry_free(struct limits_registry *registry);
void limits_registry_begin(struct limits_registry *registry);
/** Finds or makes it, and brings it up to date. A new reference; NULL without memory. */
struct live_limits *limits_registry_follow(struct limits_registry *registry, const char *id,
                                           const char *name, const struct policy *policy);
/** `is_whole`: all rows were followed, so those that were not are forgotten. */
void limits_registry_end(struct limits_registry *registry, bool is_whole);
/** NULL: not known. Borrowed. */
struct live_limits *limits_registry_find(struct limits_registry *registry, const char *id);
size_t limits_registry_count(const struct limits_registry *registry);
