/* worker/llama_props.c: see llama_props.h. */
#include "worker/llama_props.h"

#define SLOTS_MOST 1024

static enum ability ability_of(struct json value)
{
    bool is_true;
    if (!json_bool(value, &is_true))
        return ABILITY_UNKNOWN;
    return is_true ? ABILITY_YES : ABILITY_NO;
}

/* ["text", "image"] */
static enum ability images_of(struct json modalities)
{
    if (json_type_of(modalities) != JSON_ARRAY)
        return ABILITY_UNKNOWN;
    for (struct json_cursor each = json_each(modalities); json_next(&each);)
        if (str_eq(json_string_or_empty(each.value), STR("image")))
            return ABILITY_YES;
    return ABILITY_NO;
}

int llama_read_models(struct json root, struct llama_model models[LLAMA_MODELS_MAX],
                      bool *out_is_router)
{
    int count = 0;
    *out_is_router = false;
    for (struct json_cursor each = json_each(json_get(root, "data")); json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        if (json_type_of(json_get(each.value, "status")) == JSON_OBJECT)
            *out_is_router = true;
        if (id.len == 0 || id.len >= LLAMA_MODEL_ID_MAX || count == LLAMA_MODELS_MAX)
            continue;
        struct llama_model *model = &models[count++];
        *model = (struct llama_model){.context_tokens = -1};
        str_copy(id, model->id, sizeof model->id);
        model->images = images_of(json_at(each.value, "architecture", "input_modalities", NULL));
    }
    return count;
}

void llama_read_props(struct json root, struct llama_model *model)
{
    struct json caps = json_get(root, "chat_template_caps");
    int64_t slots = json_int64_or(json_get(root, "total_slots"), 0);
    int64_t context =
        json_int64_or(json_at(root, "default_generation_settings", "n_ctx", NULL), -1);
    if (slots > 0)
        model->slots = (int)(slots < SLOTS_MOST ? slots : SLOTS_MOST);
    if (context > 0)
        model->context_tokens = context;

    struct json tools = json_get(caps, "supports_tools");
    struct json calls = json_get(caps, "supports_tool_calls");
    model->tools = ability_of(json_type_of(tools) == JSON_BOOL ? tools : calls);
    enum ability images = ability_of(json_at(root, "modalities", "vision", NULL));
    if (images != ABILITY_UNKNOWN)
        model->images = images;
    /* Grammars are the server's, whatever the model. */
    model->json_schema = ABILITY_YES;
    /* Only its presence tells: a template without the word may think all the same. */
    if (ability_of(json_get(caps, "supports_preserve_reasoning")) == ABILITY_YES ||
        ability_of(json_get(caps, "supports_reasoning_effort")) == ABILITY_YES)
        model->reasoning = ABILITY_YES;
}

void llama_read_slots(struct json root, struct llama_model *model)
{
    if (json_type_of(root) != JSON_ARRAY || json_count(root) == 0)
        return;
    size_t slots = json_count(root);
    struct json_cursor first = json_each(root);
    if (json_next(&first) && model->context_tokens < 0)
        model->context_tokens = json_int64_or(json_get(first.value, "n_ctx"), -1);
    model->slots = (int)(slots < SLOTS_MOST ? slots : SLOTS_MOST);
}

bool llama_model_is_same(const struct llama_model *a, const struct llama_model *b)
{
    return strcmp(a->id, b->id) == 0 && a->context_tokens == b->context_tokens &&
           a->slots == b->slots && a->tools == b->tools && a->images == b->images &&
           a->json_schema == b->json_schema && a->reasoning == b->reasoning;
}

static void put_ability(struct json_writer *json, const char *name, enum ability ability)
{
    if (ability != ABILITY_UNKNOWN)
        json_put_bool(json, name, ability == ABILITY_YES);
}

void llama_model_write(const struct llama_model *model, struct json_writer *json)
{
    json_open_object(json);
    json_put_text(json, "id", model->id);
    if (model->context_tokens > 0)
        json_put_int(json, "context_tokens", model->context_tokens);
    json_open_object_named(json, "abilities");
    put_ability(json, "tools", model->tools);
    put_ability(json, "images", model->images);
    put_ability(json, "json_schema", model->json_schema);
    put_ability(json, "reasoning", model->reasoning);
    json_close_object(json);
    json_close_object(json);
}
