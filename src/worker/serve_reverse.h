/* worker/serve_reverse.h: the reverse connections: dialled by us, and then we are the HTTP server on them.
 *
 * As many are kept as jobs are taken at once. Each says `ready` when it can take a job, serves one request with the
 * worker's front, says `ready` again. One that breaks is dialled again, after a pause. They belong to one registration
 * (worker_id, epoch): with the next one, those that wait are replaced at once and those at work when they are done.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "http/server.h"
#include "http/upgrade.h"

#define REVERSE_MAX 1024

struct reverse_ops {
    /** The server does not know this registration, or not this key: no more is dialled until reverse_open. */
    void (*on_stale)(void *owner, const char *why);
};

struct reverse_options {
    struct loop *loop;
    struct client_pool *pool;
    const struct target *server;
    struct str key;                     /* borrowed for life */
    const struct http_service *service; /* the front's */
    const struct reverse_ops *ops;
    void *owner;
};

struct reverse;
MUST_USE enum err reverse_new(const struct reverse_options *options, struct reverse **out_reverse,
                              struct error *error);
void reverse_free(struct reverse *reverse); /* cuts what runs; NULL is fine */
/** From now on `count` connections for this registration; a larger count than REVERSE_MAX is cut to it. Those whose pause
 *  after a failure is not over wait on, unless the registration is another one or reverse_pause came before. */
void reverse_open(struct reverse *reverse, const char *worker_id, int64_t epoch, int count);
/** The server is not there: what is connected stays, nothing is dialled until reverse_open. */
void reverse_pause(struct reverse *reverse);
/** No more are dialled, those that wait are closed; what runs goes on. */
void reverse_close_waiting(struct reverse *reverse);
int reverse_busy(const struct reverse *reverse); /* jobs that run */
