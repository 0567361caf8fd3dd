/* simulate/plain.c: answers that are never streams: embeddings, lists of models, llama-server's own. */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"
#include "simulate/base64.h"
#include "simulate/slots.h"

#define DIMENSIONS_DEFAULT 8
#define INPUTS_MAX         2048

/* ---- embeddings ------------------------------------------------------------------------------ */

/* Numbers that float32 holds exactly, so that both encodings give the same: k/1024 in [-1, 1). */
static float coordinate(int64_t input, int64_t dimension)
{
    uint32_t x = (uint32_t)(input * 7919 + dimension * 104729 + 1);
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return (float)((int)(x % 2048) - 1024) / 1024.0f;
}

static void append_vector(struct buf *out, int64_t input, int64_t dimensions, bool as_base64)
{
    AUTO_BUF struct buf bytes;
    buf_init(&bytes, 65536);
    if (!as_base64)
        buf_putc(out, '[');
    for (int64_t i = 0; i < dimensions; i++) {
        float value = coordinate(input, i);
        if (as_base64)
            buf_append(&bytes, &value, sizeof value); /* little-endian, as the SDK decodes it */
        else
            buf_printf(out, "%s%.10g", i ? "," : "", (double)value);
    }
    if (!as_base64) {
        buf_putc(out, ']');
        return;
    }
    buf_putc(out, '"');
    base64_append(out, bytes.data ? bytes.data : "", bytes.len);
    buf_putc(out, '"');
}

void embeddings_plain(struct answer *answer)
{
    const struct request *request = answer->request;
    struct buf *out = answer->out;
    int64_t dimensions =
        play_or(answer->play->embedding_dimensions,
                request->dimensions > 0 ? request->dimensions : DIMENSIONS_DEFAULT);
    dimensions = dimensions > 8192 ? 8192 : dimensions;
    int64_t inputs = request->input_count > INPUTS_MAX ? INPUTS_MAX : request->input_count;
    buf_puts(out, "{\"object\":\"list\",\"data\":[");
    for (int64_t i = 0; i < inputs; i++) {
        buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%lld,\"embedding\":", i ? "," : "",
                   (long long)i);
        append_vector(out, i, dimensions, request->wants_base64);
        buf_putc(out, '}');
    }
    buf_puts(out, "],\"model\":");
    buf_append_str(out, request->model_json);
    if (answer->play->usage.mode != USAGE_MISSING) {
        long long input = answer_usage(answer).input;
        buf_printf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}", input, input);
    }
    buf_putc(out, '}');
}

/* ---- models ---------------------------------------------------------------------------------- */

static const struct str defaults_openai[] = {STR_INIT("gpt-sim"), STR_INIT("gpt-sim-mini"),
                                             STR_INIT("text-embedding-sim")};
static const struct str defaults_anthropic[] = {STR_INIT("claude-sim"),
                                                STR_INIT("claude-sim-small")};
static const struct str defaults_llama[] = {STR_INIT("local-sim")};

static struct model_list listed(const struct answer *answer, const struct model_list *models)
{
    if (models->count > 0)
        return *models;
    switch (answer->request->vendor) {
    case VENDOR_ANTHROPIC: return (struct model_list){defaults_anthropic, 2};
    case VENDOR_LLAMA: return (struct model_list){defaults_llama, 1};
    default: return (struct model_list){defaults_openai, 3};
    }
}

static void append_model(const struct answer *answer, struct buf *out, struct str id)
{
    if (answer->request->vendor == VENDOR_ANTHROPIC) {
        buf_puts(out, "{\"type\":\"model\",\"id\":");
        json_quote(out, id);
        buf_puts(out, ",\"display_name\":");
        json_quote(out, id);
        buf_puts(out, ",\"created_at\":\"2026-01-01T00:00:00Z\"}");
        return;
    }
    buf_puts(out, "{\"id\":");
    json_quote(out, id);
    bool is_llama = answer->request->vendor == VENDOR_LLAMA;
    if (is_llama) {
        buf_puts(out, ",\"aliases\":[");
        json_quote(out, id);
        buf_putc(out, ']');
    }
    buf_printf(out, ",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"%s\"",
               is_llama ? "llamacpp" : "simulate");
    if (is_llama)
        buf_puts(out, ",\"meta\":{\"vocab_type\":2,\"n_vocab\":32000,\"n_ctx_train\":8192,"
                      "\"n_embd\":256,\"n_params\":1000000,\"size\":2000000}");
    buf_putc(out, '}');
}

/* The n-th model of the list: given, or made up when the play asks for a number of them. */
static struct str nth_model(const struct model_list *models, size_t n, struct buf *room)
{
    if (n < models->count)
        return models->names[n];
    buf_clear(room);
    buf_printf(room, "model-%05zu", n);
    return buf_str(room);
}

static void append_span(struct buf *out, const struct model_list *models, size_t count,
                        struct buf *room)
{
    buf_puts(out, ",\"has_more\":false,\"first_id\":");
    if (count > 0)
        json_quote(out, nth_model(models, 0, room));
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"last_id\":");
    if (count > 0)
        json_quote(out, nth_model(models, count - 1, room));
    else
        buf_puts(out, "null");
}

void models_plain(struct answer *answer, const struct model_list *models)
{
    struct model_list list = listed(answer, models);
    size_t count = (size_t)play_or(answer->play->models_count, (int64_t)list.count);
    struct buf *out = answer->out;
    AUTO_BUF struct buf room;
    buf_init(&room, 64);
    bool is_anthropic = answer->request->vendor == VENDOR_ANTHROPIC;
    buf_puts(out, is_anthropic ? "{\"data\":[" : "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count && !out->failed; i++) {
        if (i > 0)
            buf_putc(out, ',');
        append_model(answer, out, nth_model(&list, i, &room));
    }
    buf_putc(out, ']');
    if (is_anthropic)
        append_span(out, &list, count, &room);
    buf_putc(out, '}');
}

void model_plain(struct answer *answer, const struct model_list *models)
{
    struct model_list list = listed(answer, models);
    struct str id = answer->request->model_id;
    for (size_t i = 0; i < list.count; i++) {
        if (!str_eq(list.names[i], id))
            continue;
        append_model(answer, answer->out, id);
        return;
    }
    AUTO_BUF struct buf sentence;
    buf_init(&sentence, 1024);
    if (answer->request->vendor == VENDOR_ANTHROPIC)
        buf_printf(&sentence, "model: %.*s", (int)(id.len < 256 ? id.len : 256), id.at);
    else
        buf_printf(&sentence, "The model '%.*s' does not exist or you do not have access to it.",
                   (int)(id.len < 256 ? id.len : 256), id.at);
    answer->program->status = 404;
    vendor_error_body(answer->out, answer->request, answer->play, 404, sentence.data);
}

/* ---- llama-server ---------------------------------------------------------------------------- */

/* As many numbers as there are thought to be tokens. */
void tokenize_plain(struct answer *answer)
{
    buf_puts(answer->out, "{\"tokens\":[");
    for (int64_t i = 0; i < answer->request->prompt_tokens && !answer->out->failed; i++)
        buf_printf(answer->out, "%s%lld", i ? "," : "", (long long)(i + 1));
    buf_puts(answer->out, "]}");
}

void llama_plain(struct answer *answer, const struct model_list *models)
{
    struct slots alone;
    const struct slots *slots = answer->request->slots;
    struct buf *out = answer->out;
    if (!slots) {
        slots_init(&alone, NULL, 1, 4096, 0);
        slots = &alone;
    }
    switch (answer->request->asked) {
    case ASKED_HEALTH: buf_puts(out, "{\"status\":\"ok\"}"); return;
    case ASKED_SLOTS: slots_write(slots, out); return;
    default: break;
    }
    buf_printf(out,
               "{\"default_generation_settings\":{\"id\":0,\"n_ctx\":%lld},\"total_slots\":%d,"
               "\"model_alias\":",
               (long long)slots->context_tokens, slots->count);
    json_quote(out, listed(answer, models).names[0]);
    buf_puts(out, ",\"model_path\":\"/simulate.gguf\",\"modalities\":{\"vision\":false,"
                  "\"audio\":false},\"chat_template_caps\":{\"supports_tools\":true,"
                  "\"supports_tool_calls\":true,\"supports_parallel_tool_calls\":true,"
                  "\"supports_system_role\":true},\"build_info\":\"b8589-simulate\","
                  "\"is_sleeping\":false}");
}
