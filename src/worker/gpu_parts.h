/* worker/gpu_parts.h: a gpu front from inside, for gpu.c and gpu_job.c. */
#pragma once
#include "base/list.h"
#include "worker/gpu.h"
#include "worker/llama.h"
#include "worker/vram.h"

/** A llama-server, and the jobs that it has. */
struct gpu_server {
    struct llama *llama;
    int jobs;
};

struct gpu {
    struct gpu_options options;
    struct worker_front front;
    struct http_service service;
    struct json_reader *reader;
    struct gpu_server servers[GPU_MODELS_MAX];
    int server_count;
    struct vram *vram;
    int64_t vram_mb; /* 0: not known */
    bool knows_vram; /* asked, answered */
    bool is_draining, is_stopping;
    struct list jobs;
    int job_count; /* taken: also those whose body still comes */
};

/** A request came: takes it or refuses it. */
void gpu_job_begin(struct gpu *gpu, struct exchange *exchange);
void gpu_jobs_cut(struct gpu *gpu);
/** The body of an error, as llama-server would write it. */
void gpu_write_error(struct buf *body, int status, const char *sentence);
