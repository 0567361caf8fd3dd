/* worker/gpu.h: the front of a gpu worker: it hands requests to the llama-servers behind it.
 *
 * Each model file has a llama-server of its own; all of them together take `slots` jobs at once, each of them no more
 * than it has slots: llama-server itself queues without limit and says that all is well (CLIENTS.md 9). What does not
 * fit is refused as not begun.
 *
 *     gpu_new -> worker_new(gpu_front) ... worker's on_over -> gpu_stop -> on_stopped -> gpu_free
 *
 * Thread:  the loop's.
 */
#pragma once
#include "http/client.h"
#include "worker/front.h"

#define GPU_MODELS_MAX 16

struct gpu;

struct gpu_options {
    struct loop *loop;
    struct client_pool *pool;
    const char *const *models; /* files, or directories of files; they live as long as the gpu */
    int model_count;           /* 0: attached */
    const char *program;       /* llama-server: a path, or a name for PATH */
    int parallel;              /* jobs at once; 0: as many as it has slots */
    const char *const *more;   /* for llama-server; NULL ends them */
    const struct target *attach;
    struct str attach_key; /* empty: none */
    /** No model can be served, now or later. Not the place for gpu_free. */
    void (*on_hopeless)(void *owner, const char *why);
    /** After gpu_stop: no process is left. */
    void (*on_stopped)(void *owner);
    void *owner;
};

/** Starts the llama-servers. Errors with a sentence: no such program, no such file, no memory. */
MUST_USE enum err gpu_new(const struct gpu_options *options, struct gpu **out_gpu,
                          struct error *error);
struct worker_front *gpu_front(struct gpu *gpu);
void gpu_stop(struct gpu *gpu); /* cuts what runs */
void gpu_free(struct gpu *gpu); /* kills what still runs; NULL is fine */
