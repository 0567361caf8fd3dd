/* main/worker_gpu.h: the flags of `auxot worker gpu`, read: pure but for the environment. */
#pragma once
#include "base/err.h"
#include "http/client.h"
#include "worker/gpu.h"

struct gpu_flags {
    const char *models[GPU_MODELS_MAX];
    int model_count;
    const char *program; /* "llama-server" unless said */
    bool is_attached;
    struct target attach;
    const char *attach_key;  /* NULL: none */
    const char *const *more; /* what stands behind `--`; NULL ends it */
};

/** Takes them out of argv, and everything from `--` on. ERR_MALFORMED with a sentence. */
MUST_USE enum err gpu_flags_read(int *argc, char **argv, struct gpu_flags *out_flags,
                                 struct error *error);
