/* main/worker_run.h: what `auxot worker gpu` and `auxot worker cli` share: flags, loop, signals, and the way out.
 *
 *     struct worker_run run;
 *     worker_run_read(&run, &argc, argv, &error)    the flags that every worker has; the rest stays in argv
 *     worker_run_open(&run, &error)                 loop and pool, for the front to be made on
 *     worker_run_until_over(&run, front)            registers, serves, leaves; the exit status
 *     ... the front is freed here ...
 *     worker_run_close(&run)
 *
 * The first SIGTERM or SIGINT drains; the second ends at once.
 * Thread:  main's, which is the loop's.
 */
#pragma once
#include "http/client.h"
#include "worker/front.h"
#include "worker/worker.h"

#include <event2/event.h>

struct secret;

struct worker_run {
    const char *command; /* "worker gpu": for messages. Set it first */
    /* from the flags */
    struct target server;
    struct secret *key;
    char name[64];
    int parallel; /* 0: not said */
    const char *ca_file, *resolver;
    /* from worker_run_open */
    struct loop *loop;
    struct client_pool *pool;
    /* while it runs */
    struct worker *worker;
    struct event *terminated, *interrupted;
    /** Ends what the front has started, once the worker is over; then worker_run_stopped. NULL: there is nothing. */
    void (*stop)(void *arg);
    void *arg;
    int signals;
    char trouble[400]; /* "": none */
};

/** Of `--name value` or its twins in the environment the first that is there, else NULL. `twins` has NULL at its end. */
const char *worker_flag(int *argc, char **argv, const char *name, const char *const *twins);
/** ERR_MALFORMED with a sentence. The key is wiped from the command line and from the environment. */
MUST_USE enum err worker_run_read(struct worker_run *run, int *argc, char **argv,
                                  struct error *error);
/** The help of those flags. */
void worker_run_print_flags(void);
MUST_USE enum err worker_run_open(struct worker_run *run, struct error *error);
int worker_run_until_over(struct worker_run *run, struct worker_front *front);
/** The front is of no use any more: ends with this sentence and exit status 1. */
void worker_run_fail(struct worker_run *run, const char *why);
void worker_run_stopped(struct worker_run *run);
void worker_run_close(struct worker_run *run);

int command_worker_gpu(int argc, char **argv);
int command_worker_cli(int argc, char **argv);
