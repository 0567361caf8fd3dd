/* gateway/gateway.h: the data plane as the rest of the process sees it.
 *
 * One gateway per process; one gateway_loop per loop thread. main/ makes them, admin/ publishes snapshots and
 * asks for figures.
 */
#pragma once
#include "gateway/sessions.h"
#include "gateway/snapshot.h"
#include "http/server.h"
#include "store/store.h"

struct own_address;
struct vault;

/** What may change while requests run. */
struct gateway_tuning {
    int64_t job_timeout_ms;    /* 30 min; of requests that come from now on */
    int64_t late_head_ms;      /* 15 s */
    int64_t keepalive_ms;      /* 15 s */
    int64_t queue_wait_ms;     /* 60 s; 0: nobody waits for a slot */
    int64_t max_attempts;      /* 6 */
    int64_t max_concurrent;    /* whole server; 0: none */
    int64_t body_budget_bytes; /* process-wide, held bodies; 0: 256 MiB */
};

struct gateway_options {
    struct store *store;
    const struct vault *vault;
    const struct own_address *own; /* http/origin.h; outlives the gateway; NULL: nothing is known */
    const char *ca_file, *name_servers;  /* NULL: the system's */
    struct gateway_tuning tuning;        /* at first: gateway_tune */
    int64_t heartbeat_ms, dead_after_ms; /* of workers; 0: 30 s, 90 s */
    int64_t grace_ms;                    /* told to workers */
    size_t body_limit_bytes;             /* 32 MiB */
    int64_t idempotency_ms;              /* an Idempotency-Key is remembered; 1 h */
    int64_t idempotency_bytes;           /* of answers that are kept for repetitions; 64 MiB */
    size_t feed_frames; /* of each sort that GET /api/live can go back; 0: 10,000 */
    int feed_watchers;  /* clients of GET /api/live at once; 0: 1,000 */
};

struct gateway;
struct gateway_loop;

MUST_USE enum err gateway_new(const struct gateway_options *options, struct gateway **out_gateway,
                              struct error *error);
void gateway_free(struct gateway *gateway);
/** In force at once. Any thread. */
void gateway_tune(struct gateway *gateway, const struct gateway_tuning *tuning);
/** What bounds a request's way through the candidates now: how long it may wait, how many it may try. Any thread. */
void gateway_bounds(const struct gateway *gateway, int64_t *out_queue_wait_ms,
                    int *out_max_attempts);
/** Adds a loop (before its thread runs); index from 0 is also the journal's. */
MUST_USE enum err gateway_loop_add(struct gateway *gateway, struct loop *loop, int index,
                                   struct gateway_loop **out_loop, struct error *error);
/** Takes over an exchange whose path is an inference path (begins with /api/openai or /api/anthropic). */
void gateway_serve(struct gateway_loop *loop, struct exchange *exchange);
/** Takes over one whose path begins with this: registrations and connections of workers. */
#define GATEWAY_WORKER_PATH "/api/worker/v1/"
void gateway_serve_worker(struct gateway_loop *loop, struct exchange *exchange);
/** The registry of workers and the dispatcher. */
struct workers;
struct workers *gateway_workers(struct gateway *gateway);
/** The loop of the thread `lot`. */
struct loop *gateway_lot_loop(struct gateway *gateway);
/** Who calls, by a key or a session. Lives as long as the loop's present snapshot. */
struct caller {
    const struct principal *principal;
    bool is_misdirected; /* the name in Host is a stranger's: no session counts (421) */
    bool is_signed_in;   /* by a session: */
    char session[ID_MAX];
    uint8_t digest[32];
};
/** The caller of a request by its credentials: on the loop thread. Errors, with a sentence for the caller:
 *  ERR_UNAUTHORIZED; ERR_MALFORMED: two different credentials; ERR_DENIED: a session that a foreign page uses, or under a name
 *  that is not ours; ERR_NOT_FOUND: they are not in the team that they name. */
MUST_USE enum err gateway_caller(struct gateway_loop *loop, const struct http_head *head,
                                 struct caller *out_caller, struct error *error);
/** Who is signed in, whatever page asks: for calls that need nobody. */
bool gateway_signed_in(struct gateway_loop *loop, const struct http_head *head,
                       struct caller *out_caller);
#define SESSION_COOKIE        "auxot"
#define SESSION_COOKIE_SECURE "__Host-auxot" /* where people reach the server over TLS */
/** What went wrong lately (gateway/outcomes.h). */
struct outcomes;
struct outcomes *gateway_outcomes(struct gateway *gateway);
/** How long a request may wait for a slot, as it is set now. */
int64_t gateway_queue_wait_ms(const struct gateway *gateway);
/** All that are signed in. */
struct sessions *gateway_sessions(struct gateway *gateway);
/** Sessions ended: loops cut what those still have open, soon. Any thread. */
void gateway_recheck(struct gateway *gateway);

/** What GET /api/live tells (gateway/feed.h). */
struct feed *gateway_feed(struct gateway *gateway);

/** Swaps the configuration; returns after every loop has adopted it. Any thread but a loop's; serialised by
 *  the caller. Takes the reference, also on failure: ERR_NO_MEMORY, and then no loop has adopted it. */
MUST_USE enum err gateway_publish(struct gateway *gateway, struct snapshot *snapshot,
                                  struct error *error);
/** The newest snapshot, a new reference. Any thread. */
struct snapshot *gateway_snapshot(struct gateway *gateway);
/** Where work that takes milliseconds may go (large bodies): true when `submit` took it, which must then
 *  run it on another thread. Before the loops run. Without it everything is done on the loops. */
struct pool_work;
void gateway_offload(struct gateway *gateway, bool (*submit)(void *arg, struct pool_work *work),
                     void *arg);
/** Where jobs that ended are told as spans (gateway/otlp.h), which outlives the gateway; NULL: nowhere. Before the loops run. */
struct otlp;
void gateway_trace(struct gateway *gateway, struct otlp *otlp);
/** Reads, on one of those threads, which Idempotency-Keys were used in the last life. Requests with such a key wait for
 *  it with 503. */
void gateway_recall(struct gateway *gateway);
/** Before the store goes to the next server, and after it came back: whether idempotency keys are the next one's. Any
 *  thread. */
void gateway_leave_names(struct gateway *gateway, bool is_leaving);

/** Requests that wait for a slot. */
int64_t gateway_waiting(const struct gateway *gateway);
/** Tells the workers to register again, with whoever answers now; their running jobs end here. Once. */
void gateway_let_workers_go(struct gateway *gateway);
/** No new requests (503 draining); running ones go on; `on_idle` once, when none is left. */
void gateway_drain(struct gateway *gateway);
int64_t gateway_running(const struct gateway *gateway); /* requests in flight */
/** Requests without a good key, since the start. */
int64_t gateway_strangers(const struct gateway *gateway);
/** Cuts everything that still runs, as SPEC 4.4 says for after COMMIT. Loop threads do it soon. */
void gateway_cut(struct gateway *gateway);

/** Live views for routing, from the providers' health now. `views` has routing.provider_count entries; they hold
 *  what workers have loaded until gateway_views_release. */
void gateway_views(const struct snapshot *snapshot, int64_t now_ms, struct provider_view *views);
void gateway_views_release(struct provider_view *views, size_t count);

/** Appends Prometheus text. */
void gateway_metrics(struct gateway *gateway, struct buf *out);
