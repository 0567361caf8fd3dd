/* worker/llama_read.c: what a llama-server has: /v1/models, then /props of each, and /slots where that says too little.
 *
 * In router mode the questions name the model, and ask that it not be loaded for this: a model that is not loaded is
 * known by its name alone.
 */
#include "worker/llama_parts.h"

#include <stdio.h>

#define READ_MS 10000

struct ask *llama_ask(struct llama *llama, const char *path, int64_t timeout_ms,
                      void (*on_done)(void *, const struct answered *))
{
    struct ask_options options = {.loop = llama->options.loop,
                                  .pool = llama->options.pool,
                                  .reader = llama->options.reader,
                                  .target = &llama->target,
                                  .path = path,
                                  .bearer = str_of(llama->key),
                                  .timeout_ms = timeout_ms,
                                  .on_done = on_done,
                                  .owner = llama};
    return ask_start(&options);
}

/* `path`, and for a router "?model=ID&autoload=false". */
static void write_path(const struct llama *llama, const char *path, char *room, size_t room_bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t at = (size_t)snprintf(room, room_bytes, "%s", path);
    if (!llama->fresh_is_router)
        return;
    at += (size_t)snprintf(room + at, room_bytes - at, "?model=");
    for (const char *c = llama->fresh[llama->fresh_at].id; *c && at + 24 < room_bytes; c++) {
        room[at++] = '%';
        room[at++] = hex[(unsigned char)*c >> 4];
        room[at++] = hex[(unsigned char)*c & 15];
    }
    (void)snprintf(room + at, room_bytes - at, "&autoload=false");
}

static void ask_about_model(struct llama *llama, const char *path,
                            void (*on_done)(void *, const struct answered *))
{
    char room[3 * LLAMA_MODEL_ID_MAX + 64];
    write_path(llama, path, room, sizeof room);
    llama->ask = llama_ask(llama, room, READ_MS, on_done);
    if (!llama->ask)
        llama_was_read(llama, "no memory to read its models");
}

static void adopt(struct llama *llama)
{
    bool is_same = llama->model_count == llama->fresh_count;
    for (int i = 0; is_same && i < llama->fresh_count; i++)
        is_same = llama_model_is_same(&llama->models[i], &llama->fresh[i]);
    memcpy(llama->models, llama->fresh, sizeof llama->models);
    llama->model_count = llama->fresh_count;
    llama->is_router = llama->fresh_is_router;
    llama->has_changed = !is_same;
    llama_was_read(llama, NULL);
}

static void on_props(void *owner, const struct answered *answered);

static void read_next(struct llama *llama)
{
    if (++llama->fresh_at < llama->fresh_count)
        ask_about_model(llama, "/props", on_props);
    else
        adopt(llama);
}

static void on_slots(void *owner, const struct answered *answered)
{
    struct llama *llama = owner;
    llama->ask = NULL;
    if (answered->status == 200)
        llama_read_slots(answered->root, &llama->fresh[llama->fresh_at]);
    read_next(llama);
}

static void on_props(void *owner, const struct answered *answered)
{
    struct llama *llama = owner;
    struct llama_model *model = &llama->fresh[llama->fresh_at];
    llama->ask = NULL;
    if (answered->status == 200)
        llama_read_props(answered->root, model);
    if (answered->status == 200 && (model->slots == 0 || model->context_tokens < 0))
        ask_about_model(llama, "/slots", on_slots);
    else
        read_next(llama);
}

static void on_models(void *owner, const struct answered *answered)
{
    struct llama *llama = owner;
    llama->ask = NULL;
    if (answered->status != 200) {
        llama_was_read(llama, answered->status == 401 ? "it wants a key: give --attach-key"
                              : answered->status      ? "it gave no list of models"
                                                      : answered->sentence);
        return;
    }
    llama->fresh_count = llama_read_models(answered->root, llama->fresh, &llama->fresh_is_router);
    llama->fresh_at = -1;
    if (llama->fresh_count == 0)
        llama_was_read(llama, "its list of models is empty");
    else
        read_next(llama);
}

void llama_read(struct llama *llama)
{
    llama->ask = llama_ask(llama, "/v1/models", READ_MS, on_models);
    if (!llama->ask)
        llama_was_read(llama, "no memory to read its models");
}
