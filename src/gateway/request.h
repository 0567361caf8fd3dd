/* gateway/request.h: one inference request, from its head to its record. Inside the room only.
 *
 * The life, in the order of the files:
 *     serve.c     path, method, key
 *     request.c   admit -> body -> parse -> route          (and cancel from anywhere)
 *     admission.c its team's and its key's limits: once, behind the route
 *     slots.c     a slot of a worker, or of a provider with a cap
 *     attempt.c   one try at one provider after the other: begin, move on, end (attempt_end.c)
 *     ask.c       what goes to the provider
 *     translate.c the same in another dialect, and its answer back
 *     reply.c     what comes back, and its errors
 *     relay.c     hold back, COMMIT, pass on in whole events, end
 *     passed.c    who was passed over
 *     record.c    what is written down, when
 *     answer.c    what the server itself says
 *
 * Thread: everything belongs to the loop of its connection.
 */
#pragma once
#include "base/list.h"
#include "base/mem.h"
#include "domain/attempt.h"
#include "domain/passed_over.h"
#include "domain/retry_budget.h"
#include "gateway/admission.h"
#include "gateway/feed_parts.h"
#include "gateway/gateway.h"
#include "gateway/otlp.h"
#include "gateway/outcomes.h"
#include "gateway/receipt.h"
#include "providers/kinds.h"
#include "wire/body.h"
#include "wire/say.h"

#define NS_PER_MS       INT64_C(1000000)
#define HELD_EVENTS_MAX (2u << 20)    /* hold-back; reaching it is COMMIT */
#define HELD_ANSWER_MAX (4u << 20)    /* a plain answer held whole; reaching it is COMMIT */
#define SCRATCH_BYTES   (8u << 20)    /* JSON inside a string: the arguments of one tool call */
#define TRANSLATED_MAX  (48u << 20)   /* what one read of an upstream may become */
#define TRANSLATED_KEPT (256u * 1024) /* room for the next read; more is given back */
#define HELD_ERROR_MAX  (64u * 1024)  /* of an error answer */
#define EVENT_RAW_BYTES \
    (256u * 1024)                 /* an unfinished event of this size is passed on as it comes */
#define EVENT_MAX      (4u << 20) /* and is no longer kept for reading past this */
#define ENDED_GRACE_MS 1000       /* for the upstream to end its framing after the last event */

/* One snapshot as one loop holds it: counted without atomics. */
struct lease {
    struct snapshot *snapshot;
    int64_t users;
    bool is_current;
};

enum request_state {
    REQUEST_BODY,      /* the body is being read */
    REQUEST_PARSING,   /* a large body is read on an api thread */
    REQUEST_SLOT,      /* it waits for a slot of a worker, or of a provider with a cap */
    REQUEST_ATTEMPT,   /* a provider is being tried; the client has seen no content */
    REQUEST_STREAMING, /* committed: content went to the client */
    REQUEST_ANSWERING, /* a plain answer is whole and its record is put: it goes out this turn */
    REQUEST_DRAINING,  /* the client has its answer; the upstream's framing is still to end */
    REQUEST_ENDED
};

/* What is remembered of an attempt for the record. */
struct attempt_note {
    const struct provider *provider;
    struct str model;
    char worker[ID_MAX]; /* "" for clouds */
    enum endpoint asked;
    const char *chosen;  /* why it was asked: a code of ROUTE_REASON_LIST */
    const char *outcome; /* NULL while open */
    char reason[48];
    int http_status;
    int64_t started_at_ms, first_byte_ms, ended_at_ms, started_ns;
    struct usage usage;    /* once it has ended */
    int64_t cost_microusd; /* COST_UNKNOWN */
};

/* A try at one provider. Zeroed between tries. */
struct trial {
    struct attempt machine;
    struct call *call; /* NULL when none is out */
    const struct provider *provider;
    struct live_provider *live;
    struct str model;
    enum endpoint asked; /* the caller's endpoint, or the one that it is translated to */
    unsigned quirks;     /* of the model, as known now; enum quirk */
    int64_t context_tokens, max_output_tokens; /* of the model; -1 unknown */
    enum route_reason chosen;                  /* why this provider */
    size_t rank;                               /* of its candidate */
    int64_t ceiling;                 /* the most tokens to ask for; -1: as the caller says */
    bool is_lowered;                 /* the caller had asked for more than the ceiling */
    struct translation *translation; /* NULL: bytes pass as they are */
    int repeats;                     /* for quirks that a refusal taught */
    struct attempt_note *note;
    struct buf head;                /* request head, with the credential: wiped */
    struct buf splice;              /* what body_splice put in */
    struct buf opened;              /* the body without envelopes, when it had some */
    bool adds_usage, is_repeat;     /* without the usage option */
    bool is_health_trial, is_coded; /* content-encoding: its body cannot be read */
    bool is_counted;                /* in the figures of attempts: of a worker, once it has begun */
    bool is_not_begun;              /* the worker was busy: its answer says so */
    bool has_spent;                 /* tokens that nobody told are estimated */
    int64_t credential_version;
    int status;
    bool is_sse;
    struct buf held; /* events held back, a plain answer, or an error body */
    struct buf tail; /* an unfinished event */
    size_t tail_scanned, tail_sent;
    bool is_tail_lost; /* longer than EVENT_MAX: only its end is looked for */
    bool is_last_lost; /* so was the event that came last: the end may have stood in it */
    struct meter meter;
    struct answer_headers *error_headers; /* of an error answer; arena; NULL: none */
    struct str extra_headers;             /* lines of the provider's that go along; arena */
    struct str content_type;              /* arena */
    int64_t events_relayed;
};

/* A provider's own error that the caller may have to see in the end. Texts in the arena. */
struct kept_error {
    int status; /* 0: none */
    const struct provider *provider;
    struct str model, extra_headers, content_type, body;
    const char *reason, *sentence;
    enum endpoint asked;
    bool is_long;
    int64_t context_tokens; /* of the model it was too long for; -1 unknown */
};

struct request {
    struct gateway_loop *gl;
    struct list node;      /* gl->live */
    struct list recording; /* gl->recording, while its record is put but not written */
    void (*on_recorded)(struct request *request, enum err err, const struct error *error);
    struct exchange *exchange; /* NULL once the client has everything, or left */
    enum request_state state;
    enum endpoint endpoint;
    enum dialect dialect;
    struct lease *lease;
    bool has_slot; /* one of tuning.max_concurrent */
    const struct principal *principal;
    bool is_signed_in;
    uint8_t sign_in[32]; /* the digest of its session, by which it is looked up again */
    char id[ID_MAX];
    struct trace *trace; /* arena; NULL: nobody asks for traces */
    struct arena arena;
    struct buf body;
    size_t body_charged, body_bytes;
    struct parsing *parsing;      /* NULL unless an api thread has the body */
    struct body_facts facts;      /* model and cache_key live in the arena */
    struct str pin;               /* arena */
    struct candidate *candidates; /* the eligible ones, then those that may come; arena */
    size_t candidate_count, later_count, next_candidate;
    bool has_asked_later;
    struct receipt receipt;
    struct passed_note *passed; /* passed.c; arena */
    uint32_t passed_more;       /* that are only counted */
    bool is_looked_for;         /* somebody to ask: whom that passes over, counts */
    const char *ended;          /* a code: it ends otherwise than by an answer; NULL */
    struct admission admission;
    struct seat *seat; /* NULL until it comes to a provider with counted slots */
    int64_t wait_ms;   /* X-Auxot-Wait; -1: not given */
    int64_t waited_ms; /* for slots, so far */
    bool is_batch;     /* x-auxot-class: batch */
    bool is_crowded;   /* the queue was full */
    bool has_session;
    uint8_t session[16];          /* the conversation, for affinity; zeroes: not known */
    bool was_cut;                 /* the last try ended by a worker's connection that closed */
    int not_begun, worker_deaths; /* workers that had no room after all; that died over it */
    bool is_pinned;
    bool is_strict;                            /* X-Auxot-Strict: no loss in translation */
    struct repeat *repeat;                     /* its Idempotency-Key; arena; NULL: none */
    const char *unfit_reason, *unfit_sentence; /* why a candidate could not be asked; arena */
    struct attempt_note *notes[ATTEMPTS_MAX];
    int attempt_count;
    struct trial trial;
    struct kept_error kept_error; /* the last one of MODEL and LONG */
    const char *last_sentence;    /* of the last failure; arena */
    bool has_met_quota,
        has_met_trouble;   /* attempts that failed for their quota; for yet another reason */
    bool has_met_long;     /* the last failure: too long for the model */
    int64_t quota_wait_ms; /* the smallest that was told; 0 none */
    bool is_head_sent, is_opened /* the journal has it */, is_closed;
    bool is_answered; /* by the provider of the trial: its answer, or its own error */
    bool is_paused;
    int64_t created_ns, created_at_ms, first_byte_ns, client_write_ns, deadline_ns;
    int64_t bytes_out;
    struct deadline clock;
    struct loop_message free_later;
    _Alignas(16) char first_room[480]; /* of the arena: many a request keeps but a few strings */
};

enum {
    COUNT_REQUESTS,
    COUNT_REFUSED,
    COUNT_DONE,
    COUNT_FAILED,
    COUNT_CANCELLED,
    COUNT_ATTEMPTS,
    COUNT_FAILOVERS,
    COUNT_BAD_KEYS,
    COUNT_REPLAYED,
    COUNT_COUNT
};

#define BATCH_MAX 48

/* What one read of an upstream has to send: slices of the bytes in hand, sent before these move. */
struct batch {
    struct iovec piece[BATCH_MAX];
    int count;
};

struct gateway_loop {
    struct gateway *gateway;
    struct loop *loop;
    int index;
    struct client_pool *pool;
    struct journal *journal;
    struct lease *lease;      /* the current one */
    struct lease *next_lease; /* the publisher's, until the loop adopts it */
    struct list live;         /* requests */
    struct list recording;
    struct loop_message record_message;
    bool is_record_queued;
    struct json_reader *body_reader, *event_reader, *scratch_reader;
    struct buf joined;     /* scratch for events of several data lines */
    struct buf translated; /* of the one request whose upstream is being read: else empty */
    struct batch batch;    /* of the one request whose upstream is being read: else empty */
    struct retry_budget retries;
    struct route_plan plan; /* scratch: large */
    struct provider_view views[PROVIDERS_MAX];
    size_t view_count; /* that hold something */
    _Atomic int64_t counters[COUNT_COUNT];
    _Atomic int64_t tokens_in, tokens_out;
    _Atomic int64_t by_endpoint[ENDPOINT_COUNT][6]; /* status class 0 (none), 1..5 */
    _Atomic int64_t running;
    struct loop_message adopt_message, cut_message, recheck_message;
    atomic_bool is_recheck_posted; /* at most one is under way */
    struct feed_loop feed;
};

struct gateway {
    struct gateway_options options;
    struct {
        _Atomic int64_t job_timeout_ms, late_head_ms, keepalive_ms, queue_wait_ms, max_attempts,
            max_concurrent;
    } tuning; /* of gateway_tune: each is read by itself */
    struct gateway_loop *loops[64];
    int loop_count;
    pthread_mutex_t lock;
    pthread_cond_t adopted;
    int waiting_for; /* loops that have not adopted yet */
    struct snapshot *newest;
    atomic_bool is_draining;
    struct thinking_memory *thinking;
    struct idempotency *idempotency;
    atomic_bool is_recalling; /* the names of the last life are being read */
    struct workers *workers;
    struct sessions *sessions;
    struct feed *feed;
    struct otlp *otlp;                                  /* of gateway_trace; NULL: off */
    bool (*offload)(void *arg, struct pool_work *work); /* set before the loops run; NULL: none */
    void *offload_arg;
    struct outcomes outcomes;
    _Atomic int64_t running; /* of requests with a place: max_concurrent was set when they came */
};

static inline void count_up(_Atomic int64_t *counter, int64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed); /* one writer: the loop */
}

/* gateway.c */
struct lease *lease_take(struct gateway_loop *gl);
void lease_give(struct lease *lease);

/* revoked.c */
void revoked_cut(
    struct gateway_loop *gl); /* what may not go on under the present snapshot and sessions */
void revoked_recheck(struct loop_message *message);

/* request.c */
void request_finish(struct request *request); /* the last step: frees at the end of this turn */
void request_fail(struct request *request, enum say what, const char *reason, const char *sentence);
void request_fail_for_memory(struct request *request);
void request_set_clock(struct request *request);
/* A try failed: plans again, for what the failure did to its provider may have brought in the target
 * of a fallback rule. Who was tried is left out. */
void request_reroute(struct request *request);
/* NULL without memory. */
struct request *request_new(struct gateway_loop *gl, struct exchange *exchange,
                            const struct api_route *route_found, const struct caller *caller,
                            const char *id);
void request_admit(struct request *request); /* asks for the body, or turns it away */
/* The body is read: on to the route. */
void request_parsed(struct request *request);
/* Routes with the health of this moment, into gl->plan; the time that takes goes on the receipt. */
enum route_outcome request_plan(struct request *request);
/* What of a model the body shows that it needs; enum route_need. */
unsigned request_needs(const struct request *request);
/* Far fewer tokens than its prompt has, whatever the language; -1: no saying. */
int64_t request_least_tokens(const struct request *request);
/* Says what gl->plan says, which has no candidate. */
void request_fail_unrouted(struct request *request);
const struct snapshot *request_snapshot(const struct request *request);
/* A copy in the arena; empty without memory. */
struct str request_keep(struct request *request, struct str text);

/* parse.c */
void request_parse(struct request *request); /* request_parsed, or request_fail, now or later */
void request_stop_parsing(struct request *request); /* the request ends first */

/* affinity.c */
void request_find_session(struct request *request); /* once, while the body is there */

/* attempt.c */
void attempt_next(struct request *request); /* tries the next candidate, or ends the request */
/* The slot of candidates[index] is held: tries it. */
void attempt_granted(struct request *request, size_t index);
/* Its worker had no room after all, or was gone before it began: not an attempt. Another slot is asked for. */
void attempt_not_begun(struct request *request, const char *reason);
/* The worker has begun: from now on it is an attempt. */
void attempt_has_begun(struct request *request);
/* Too long for one model: only a larger window, or an unknown one, is worth a try. */
bool attempt_is_large_enough(const struct request *request, const struct candidate *candidate);
/* Asks the same provider again, in the form that trial->asked and trial->quirks now say: no new attempt. */
void attempt_again(struct request *request);
/* attempt_end.c */
/* A health trial that told nothing: another may try. */
void attempt_end_health_trial(struct trial *trial);
/* Ends the try without a verdict on the provider: client gone, deadline, shutdown. */
void attempt_cancel(struct request *request, const char *outcome, const char *reason);
/* The try failed. Updates health, then moves on, shows the error, or cuts the stream. */
void attempt_failed(struct request *request, const struct verdict_report *report);
void attempt_broken(struct request *request, const char *reason, const char *sentence);
void attempt_succeeded(struct request *request); /* the whole answer is here */

void attempt_judge_event(
    struct request *request); /* an error inside a 200: judges meter->error_* */
/* Shows the caller a provider's own error as it came. */
void attempt_relay_error(struct request *request, int status, struct str content_type,
                         struct str body, const char *reason);

/* ask.c */
void attempt_ask(struct request *request);   /* sends; on failure the try, or the request, ends */
void attempt_wipe_head(struct trial *trial); /* the credential is not needed again */
/* Blots the provider's key out of what the provider said; both errors and their headers pass here. False: no
 * memory to know the key by, so what was said must not be shown. */
MUST_USE bool attempt_blot(struct request *request, char *bytes, size_t len);
void attempt_take_apart(struct request *request); /* frees what the try held */

/* reply.c */
extern const struct call_ops attempt_call_ops;

/* relay.c */
void relay_bytes(struct request *request, char *bytes, size_t len);
void relay_flush(struct request *request); /* one read is over: what it brought goes out */
void relay_upstream_ended(struct request *request);
/* False: no memory for the head; the request is over. */
MUST_USE bool relay_start_client(struct request *request, int status, struct str content_type);
void relay_keepalive(struct request *request); /* starts the late head when nothing was sent yet */
/* Ends a stream that already began with the dialect's error event. The exchange is gone afterwards. */
void relay_cut(struct request *request, enum say what, const char *sentence);

/* record.c */
/* Puts the record; the request may go on when it is written: record_await. */
MUST_USE enum err record_open(struct request *request, struct error *error);
void record_progress(struct request *request);
void record_close(struct request *request, enum job_status status, const char *reason,
                  int http_status);
/* The same, put and not yet written: nothing goes to the client before record_await has called back. */
void record_close_put(struct request *request, enum job_status status, const char *reason,
                      int http_status);
/* Calls `on_recorded` at the end of this turn of the loop, when what was put is written: OK, or ERR_IO and
 * the record is lost. The request may end before; then nobody is called. */
void record_await(struct request *request,
                  void (*on_recorded)(struct request *request, enum err err,
                                      const struct error *error));
void record_turn(struct loop_message *message); /* gl->record_message */
/* A request that was refused before any provider was asked: one closed record. */
void record_refused(struct request *request, const char *reason, int http_status);

/* passed.c */
/* Notes whom gl->plan, just made for `wanted`, leaves out. */
void passed_note_plan(struct request *request, const struct route_request *wanted);
/* The candidate of this rank is asked: notes who stood before him and was neither asked nor noted. SIZE_MAX: nobody is
 * asked any more. */
void passed_note_before(struct request *request, size_t rank);
void passed_note_one(struct request *request, const struct candidate *candidate, const char *code);
/* The lines of passed_over.h: of those that stood before `rank`. */
void passed_write(const struct request *request, size_t rank, char *room, size_t room_bytes);
void passed_header(const struct request *request, struct buf *out); /* X-Auxot-Reason */

/* answer.c */
#define HEADERS_MAX   8192u
#define HEADERS_USUAL 896u /* ours, and the provider's two */
void answer_headers_write(const struct request *request, struct buf *out);
/* Of these, what tells the job and who answered. */
void answer_names_write(const struct request *request, struct buf *out);
/* Of a plain answer that is whole. */
struct str answer_type(const struct request *request);
/* An error of the server's own, in the caller's dialect. */
struct own_error {
    enum dialect dialect;
    enum say what;
    const char *sentence, *id;
    int64_t retry_after_ms;        /* of 429 and 503; 0: a second */
    bool is_hopeless;              /* asking again does not help, whatever the table says */
    const char *allow;             /* of 405: the method */
    const struct request *request; /* NULL: it became none */
};
void answer_error(struct exchange *exchange, const struct own_error *error);
/* A provider's own error, said in the caller's dialect. */
void answer_foreign_error(struct request *request, int status, struct str headers, struct str body);
void answer_models(struct gateway_loop *gl, struct exchange *exchange,
                   const struct principal *principal, const struct api_route *route,
                   const char *id);
