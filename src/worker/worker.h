/* worker/worker.h: a worker's life: it tells the server that it is there, brings its front jobs, and leaves in order.
 *
 *     worker_new -> (front ready) register -> control connection up -> reverse connections -> jobs
 *                   ... worker_drain -> deregister, what runs ends -> on_over
 *
 * What it does when the server is away: try again, at once after a cut and then less and less often, with some chance
 * in it (F41). Within the time after which the server holds it for dead it comes back as the same registration, later
 * it registers anew. A front that cannot answer any more takes the worker out until it can.
 *
 * Thread:  all of it on one loop.
 */
#pragma once
#include "http/client.h"
#include "worker/front.h"

struct worker;

struct worker_options {
    struct loop *loop;
    struct client_pool *pool;
    const struct target *server; /* lives as long as the worker, and so do the next two */
    struct str key;
    const char *name;
    struct worker_front *front;
    /** It is over: drained, or the server refuses it. `trouble` is NULL or a sentence. Not the place to free it. */
    void (*on_over)(void *owner, const char *trouble);
    void *owner;
};

MUST_USE enum err worker_new(const struct worker_options *options, struct worker **out_worker,
                             struct error *error);
/** No new jobs; what runs may finish within the server's grace time. on_over follows. */
void worker_drain(struct worker *worker);
void worker_free(struct worker *worker); /* NULL is fine */
