/* worker/gpu.c: see gpu.h. Requests are in gpu_job.c. */
#include "worker/gpu_parts.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <sys/stat.h>

#define JSON_BYTES_MAX (256u * 1024 * 1024)
#define VRAM_MS        5000 /* for what takes half a second */

/* ---- what the worker asks --------------------------------------------------------------------- */

/* As many as the worker may take: of what is asked for and what there is, the less. */
static int slots_now(const struct gpu *gpu)
{
    int least = 0;
    for (int i = 0; i < gpu->server_count; i++) {
        const struct llama *llama = gpu->servers[i].llama;
        int slots = llama_is_ready(llama) ? llama_slots(llama) : 0;
        if (slots > 0 && (least == 0 || slots < least))
            least = slots;
    }
    int wanted = gpu->options.parallel;
    if (least == 0) /* it does not say */
        return wanted > 0 ? wanted : 1;
    return wanted > 0 && wanted < least ? wanted : least;
}

static bool is_ready(void *arg)
{
    const struct gpu *gpu = arg;
    bool is_any = false;
    for (int i = 0; i < gpu->server_count; i++)
        is_any |= llama_is_ready(gpu->servers[i].llama);
    return is_any && gpu->knows_vram && !gpu->is_draining;
}

static void describe(void *arg, struct json_writer *json)
{
    const struct gpu *gpu = arg;
    if (gpu->vram_mb > 0)
        json_put_int(json, "vram_mb", gpu->vram_mb);
    json_open_array(json, "models");
    for (int i = 0; i < gpu->server_count; i++) {
        int count = 0;
        const struct llama_model *models = llama_models(gpu->servers[i].llama, &count);
        for (int m = 0; llama_is_ready(gpu->servers[i].llama) && m < count; m++)
            llama_model_write(&models[m], json);
    }
    json_close_array(json);
}

static int busy(void *arg)
{
    return ((struct gpu *)arg)->job_count;
}

static void drain(void *arg)
{
    ((struct gpu *)arg)->is_draining = true;
}

static void tell_changed(struct gpu *gpu)
{
    gpu->front.slots = slots_now(gpu);
    if (gpu->front.on_changed)
        gpu->front.on_changed(gpu->front.changed_arg);
}

/* ---- what happens behind it ------------------------------------------------------------------- */

static void stopped_if_so(struct gpu *gpu)
{
    for (int i = 0; i < gpu->server_count; i++)
        if (llama_is_running(gpu->servers[i].llama))
            return;
    gpu->is_stopping = false;
    gpu->options.on_stopped(gpu->options.owner);
}

static void on_llama_changed(void *owner)
{
    struct gpu *gpu = owner;
    if (gpu->is_stopping)
        stopped_if_so(gpu);
    else
        tell_changed(gpu);
}

static void on_llama_hopeless(void *owner, const char *why)
{
    struct gpu *gpu = owner;
    if (!gpu->is_stopping)
        gpu->options.on_hopeless(gpu->options.owner, why);
}

static void on_vram_known(void *owner, int64_t vram_mb)
{
    struct gpu *gpu = owner;
    gpu->vram_mb = vram_mb;
    gpu->knows_vram = true;
    if (vram_mb > 0)
        log_info("vram", "mb=%lld", (long long)vram_mb);
    tell_changed(gpu);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_request(void *arg, struct exchange *exchange)
{
    gpu_job_begin(arg, exchange);
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    (void)path;
    (void)headers;
    gpu_write_error(body, status, sentence);
}

static enum err add_server(struct gpu *gpu, const char *model_path, struct error *error)
{
    struct gpu_options *options = &gpu->options;
    struct llama_options llama = {.loop = options->loop,
                                  .pool = options->pool,
                                  .reader = gpu->reader,
                                  .program = model_path ? options->program : NULL,
                                  .model_path = model_path,
                                  .parallel = options->parallel,
                                  .more = options->more,
                                  .at = options->attach,
                                  .key = options->attach_key,
                                  .on_changed = on_llama_changed,
                                  .on_hopeless = on_llama_hopeless,
                                  .owner = gpu};
    enum err err = llama_new(&llama, &gpu->servers[gpu->server_count].llama, error);
    gpu->server_count += err == OK;
    return err;
}

static enum err check_file(const struct gpu *gpu, const char *path, struct error *error)
{
    struct stat status;
    char name[LLAMA_MODEL_ID_MAX];
    if (stat(path, &status) != 0)
        return error_set(error, ERR_NOT_FOUND, "there is no model at '%s'", path);
    llama_alias(path, name, sizeof name);
    for (int i = 0; i < gpu->server_count; i++)
        if (strcmp(llama_name(gpu->servers[i].llama), name) == 0)
            return error_set(error, ERR_CONFLICT, "two models would be called '%s': rename one",
                             name);
    return OK;
}

static enum err start_all(struct gpu *gpu, struct error *error)
{
    if (gpu->options.model_count == 0)
        return add_server(gpu, NULL, error);
    for (int i = 0; i < gpu->options.model_count; i++) {
        enum err err = check_file(gpu, gpu->options.models[i], error);
        if (err == OK)
            err = add_server(gpu, gpu->options.models[i], error);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err make_parts(struct gpu *gpu, struct error *error)
{
    if (gpu->options.model_count > GPU_MODELS_MAX)
        return error_set(error, ERR_TOO_LARGE, "at most %d models", GPU_MODELS_MAX);
    if (json_reader_new(JSON_BYTES_MAX, &gpu->reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    gpu->vram = vram_look(gpu->options.loop, VRAM_MS, on_vram_known, gpu);
    if (!gpu->vram)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    return start_all(gpu, error);
}

enum err gpu_new(const struct gpu_options *options, struct gpu **out_gpu, struct error *error)
{
    struct gpu *gpu = mem_zalloc(1, sizeof *gpu);
    if (!gpu)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    gpu->options = *options;
    list_init(&gpu->jobs);
    gpu->service =
        (struct http_service){.on_request = on_request, .write_error = write_error, .arg = gpu};
    gpu->front = (struct worker_front){.kind = "gpu",
                                       .slots = 1,
                                       .service = &gpu->service,
                                       .is_ready = is_ready,
                                       .describe = describe,
                                       .busy = busy,
                                       .drain = drain,
                                       .arg = gpu};
    enum err err = make_parts(gpu, error);
    if (err != OK) {
        gpu_free(gpu);
        return err;
    }
    *out_gpu = gpu;
    return OK;
}

struct worker_front *gpu_front(struct gpu *gpu)
{
    return &gpu->front;
}

void gpu_stop(struct gpu *gpu)
{
    gpu->is_draining = gpu->is_stopping = true;
    gpu_jobs_cut(gpu);
    for (int i = 0; i < gpu->server_count; i++)
        llama_stop(gpu->servers[i].llama);
    stopped_if_so(gpu);
}

void gpu_free(struct gpu *gpu)
{
    if (!gpu)
        return;
    gpu_jobs_cut(gpu);
    for (int i = 0; i < gpu->server_count; i++)
        llama_free(gpu->servers[i].llama);
    vram_free(gpu->vram);
    json_reader_free(gpu->reader);
    mem_free(gpu);
}
