/* worker/llama_props.h: what llama-server's /props, /slots and /v1/models say, read. Pure. CLIENTS.md 9.
 *
 * Versions differ in what they say; what is not said is unknown, and that is no error.
 */
#pragma once
#include "json/json.h"
#include "json/json_writer.h"

#define LLAMA_MODELS_MAX   64
#define LLAMA_MODEL_ID_MAX 160

enum ability { ABILITY_UNKNOWN, ABILITY_NO, ABILITY_YES };

struct llama_model {
    char id[LLAMA_MODEL_ID_MAX];
    int64_t context_tokens; /* of one slot; -1: unknown */
    int slots;              /* 0: unknown */
    enum ability tools, images, json_schema, reasoning;
};

/** /v1/models: ids, and images where a model's architecture is told. Returns how many (at most LLAMA_MODELS_MAX).
 *  `out_is_router`: it may hold several models, of which some are not loaded. */
int llama_read_models(struct json root, struct llama_model models[LLAMA_MODELS_MAX],
                      bool *out_is_router);
/** /props: context and slots, and what the model can. */
void llama_read_props(struct json root, struct llama_model *model);
/** /slots: how many there are, and their context. */
void llama_read_slots(struct json root, struct llama_model *model);

bool llama_model_is_same(const struct llama_model *a, const struct llama_model *b);
/** As a registration has it: {"id", "context_tokens"?, "abilities"}. */
void llama_model_write(const struct llama_model *model, struct json_writer *json);
