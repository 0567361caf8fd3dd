/* gateway/otlp_parts.h: what otlp.c and otlp_send.c share. Nobody else includes it. */
#pragma once
#include "base/list.h"
#include "gateway/otlp.h"
#include "http/client.h"
#include "worker/backoff.h"

#include <pthread.h>
#include <stdatomic.h>

/* The spans of one job. */
struct otlp_spans {
    struct list node;
    int count;
    size_t len;
    char text[];
};

struct otlp {
    struct target target;
    char service[128];
    struct buf headers; /* lines; wiped */
    struct loop *loop;
    struct client_pool *pool;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards the box */
    struct list box;
    int waiting;
    size_t waiting_bytes;
    _Atomic int64_t sent, dropped; /* spans */
    struct loop_message news_message, stop_message;
    atomic_bool is_news_posted;
    /* the thread's */
    struct call *call; /* NULL: none is out */
    struct buf head, body;
    int batch;  /* spans in `body`; 0: there is none */
    int status; /* of the answer; 0: none yet */
    int64_t retry_after_ms;
    struct backoff backoff;
    struct deadline clock; /* the call has to be over; or the next begins */
    struct deadline last;  /* of stopping */
    bool is_stopping, is_failing;
};

/* ---- otlp.c -------------------------------------------------------------------------------------- */

/** Moves the next spans out of the box, as the body of a request. False: there are none, or no memory. */
MUST_USE bool otlp_take_batch(struct otlp *otlp);
int otlp_waiting(struct otlp *otlp);

/* ---- otlp_send.c: on the thread ------------------------------------------------------------------ */

void otlp_on_clock(struct deadline *clock);
void otlp_on_last(struct deadline *last);
void otlp_on_news(struct loop_message *message);
void otlp_on_stop(struct loop_message *message);
