/* tests/fuzz/fuzz_llama_props.c: whatever a llama-server says of itself is bounded, and comes out as JSON again. */
#include "json/json.h"
#include "worker/llama_props.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_reader *reader;
    static struct llama_model models[LLAMA_MODELS_MAX];
    struct json root;
    struct error error;
    bool is_router;
    if (!reader && json_reader_new(1u << 20, &reader) != OK)
        abort();
    if (json_parse(reader, (struct str){(const char *)data, size}, &root, &error) != OK)
        return 0;
    int count = llama_read_models(root, models, &is_router);
    assert(count >= 0 && count <= LLAMA_MODELS_MAX);
    if (count == 0)
        models[count++] = (struct llama_model){.id = "m", .context_tokens = -1};
    llama_read_props(root, &models[0]);
    llama_read_slots(root, &models[0]);
    assert(models[0].slots >= 0 && models[0].slots <= 1024);
    AUTO_BUF struct buf told;
    struct json_writer json;
    buf_init(&told, 1u << 20);
    json_writer_init(&json, &told);
    json_open_array(&json, NULL);
    for (int i = 0; i < count; i++)
        llama_model_write(&models[i], &json);
    json_close_array(&json);
    assert(!told.failed && json_parse(reader, buf_str(&told), &root, &error) == OK);
    return 0;
}
