/* worker/front.h: what a worker puts before the server: an HTTP service, and what is to be said about it.
 *
 * A worker has two halves that know of each other only this. The front answers requests: gpu.c passes them to
 * llama-server, cli.c runs a command-line tool for each. The worker (worker.c) brings it requests over connections that
 * it dialled itself, and tells the server who is here. `auxot worker cli --listen` serves the same front on a port.
 *
 * How a front answers, on a reverse connection as on a port:
 *   it takes the job      exchange_interim(102) at once, then the answer of an ordinary provider
 *   it has no room        503 with `x-auxot-not-begun: 1`, and the job counts nowhere as an attempt
 *
 * Thread:  all of it on the loop of the worker's process.
 */
#pragma once
#include "http/exchange.h"
#include "json/json_writer.h"

#define WORKER_NOT_BEGUN "x-auxot-not-begun: 1\r\n"

struct worker_front {
    const char *kind; /* "gpu" or "cli" */
    const char *tool; /* "claude", "codex", "cursor"; NULL for gpu */
    int slots;        /* how many jobs it takes at once: as many reverse connections are opened */
    const struct http_service *service;
    /** False: it cannot answer (a model still loads, the server died). Nothing is registered before it is true. */
    bool (*is_ready)(void *arg);
    /** Writes `"models":[...]` and what else the kind has to say (vram_mb) into the open object of a registration. */
    void (*describe)(void *arg, struct json_writer *json);
    /** Jobs that are running. A process that waits for the caller's tools is none: its answer has been given. */
    int (*busy)(void *arg);
    /** Wall clock; 0: not over quota. */
    int64_t (*over_quota_until_ms)(void *arg);
    /** From now on every request is refused as not begun; what runs goes on. Done when busy() is 0. */
    void (*drain)(void *arg);
    void *arg;

    /** Set by the worker, called by the front from its own callbacks when something that was described, the quota or the
     *  readiness is another than before. NULL: nobody wants to know. Does no work inside: posts, or notes. */
    void (*on_changed)(void *changed_arg);
    void *changed_arg;
};
