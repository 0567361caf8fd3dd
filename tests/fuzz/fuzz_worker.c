/* tests/fuzz/fuzz_worker.c: a worker's life as it tells it, one message a line: the first registers, then heartbeats,
 * notices, goodbyes and signals, in any order. What is believed stays within its bounds, message after message, and
 * what is refused changes nothing.
 */
#include "wire/leading.h"
#include "wire/worker.h"

#include <stdlib.h>

static struct json_reader *reader;
static struct worker_hello hello;
static struct worker_message message;

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* What the registry would keep of the worker. */
struct kept {
    int64_t slots, epoch;
    size_t model_count;
    bool is_leaving;
};

static void check_models(const struct worker_model *models, size_t count)
{
    require(count <= WORKER_MODELS_MAX);
    for (size_t i = 0; i < count; i++) {
        require(models[i].id[0] && strlen(models[i].id) < sizeof models[i].id);
        require(models[i].context_tokens == -1 || models[i].context_tokens > 0);
        for (size_t k = 0; k < i; k++)
            require(strcmp(models[i].id, models[k].id) != 0);
    }
}

static void check_line(const char *text)
{
    for (; *text; text++)
        require((unsigned char)*text >= ' ' && *text != 0x7F);
}

static bool takes_hello(struct str line, struct kept *kept)
{
    struct error error;
    if (worker_hello_read(reader, line, &hello, &error) != OK)
        return false;
    require(hello.slots >= 1 && hello.slots <= WORKER_SLOTS_MAX && hello.model_count > 0);
    require(hello.over_quota_until_ms >= 0 && hello.vram_mb >= -1);
    check_models(hello.models, hello.model_count);
    check_line(hello.name);
    check_line(hello.version);
    kept->slots = hello.slots;
    kept->model_count = hello.model_count;
    kept->epoch++;
    return true;
}

static void takes_message(struct str line, struct kept *kept)
{
    struct error error;
    int64_t epoch = -7;
    if (worker_ready_read(reader, line, &epoch, &error) != OK)
        require(epoch == -7);
    if (worker_message_read(reader, line, WORKER_HEARTBEAT, &message, &error) != OK)
        return;
    require(message.slots >= 0 && message.slots <= WORKER_SLOTS_MAX);
    require(message.busy >= -1 && message.over_quota_until_ms >= -1);
    require(message.has_models == (message.model_count > 0));
    check_models(message.models, message.model_count);
    check_line(message.text);
    if (message.slots > 0)
        kept->slots = message.slots;
    if (message.has_models)
        kept->model_count = message.model_count;
    kept->is_leaving |= message.type == WORKER_GOODBYE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!reader)
        require(json_reader_new(WORKER_BODY_MAX, &reader) == OK);
    struct str rest = {(const char *)bytes, len};
    struct str leading = body_leading_turns(rest);
    require(leading.len <= len);
    struct kept kept = {0};
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        if (kept.epoch == 0 || str_find(line, STR("\"instance\""), NULL))
            (void)takes_hello(line, &kept);
        else
            takes_message(line, &kept);
        require(kept.epoch == 0 || (kept.slots >= 1 && kept.model_count >= 1));
    }
    return 0;
}
