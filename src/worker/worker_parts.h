/* worker/worker_parts.h: a worker from inside, for worker.c and worker_say.c. */
#pragma once
#include "worker/ask.h"
#include "worker/backoff.h"
#include "worker/link.h"
#include "worker/serve_reverse.h"
#include "worker/worker.h"

enum worker_state {
    WORKER_WAITING,     /* the front cannot answer: the server does not know us */
    WORKER_REGISTERING, /* asked, or about to ask */
    WORKER_JOINED,      /* the server knows us; the control connection is up or being dialled */
    WORKER_DRAINING,
    WORKER_OVER
};

struct worker {
    struct worker_options options;
    enum worker_state state;
    struct json_reader *reader;
    struct link *link;
    struct reverse *reverse;
    struct ask *ask;        /* register, heartbeat */
    struct ask *goodbye;    /* deregister */
    struct deadline again;  /* the next try: register or dial, by the state */
    struct deadline beat;   /* the next heartbeat */
    struct deadline grace;  /* draining: then what runs is cut */
    struct deadline leave;  /* draining: the next look at what runs */
    struct backoff backoff; /* of registering and dialling */
    struct loop_message changed;
    bool is_change_noted;    /* `changed` is on its way */
    bool is_description_old; /* the next heartbeat says what the front has to offer */
    bool has_joined_once;
    char instance[33], worker_id[64];
    int64_t epoch, heartbeat_ms, dead_after_ms, grace_ms;
    int64_t heard_ns; /* the server: last, for certain */
};

#define WORKER_BODY_MAX (256u * 1024)
#define WORKER_GRACE_MS 30000 /* until the server has said what it grants */

/* Bodies of what is said, appended. */
void worker_write_registration(struct worker *worker, struct buf *out);
/** `is_posted`: it says who it is from; on the control connection that is known. */
void worker_write_heartbeat(struct worker *worker, bool is_posted, struct buf *out);
void worker_write_goodbye(struct worker *worker, struct buf *out);
/** The answer to a registration: id, epoch, intervals. False: it was none. */
bool worker_take_registration(struct worker *worker, struct json root);
/** What the server names, within what may be waited for: from 100 ms to an hour. */
int64_t worker_interval(int64_t ms);
/** A sentence: the server's own words for a refusal (problem JSON), else the status. */
void worker_explain(const struct answered *answered, char *room, size_t room_bytes);
