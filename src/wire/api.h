/* wire/api.h: the two dialects and the endpoints that callers use. One row each.
 *
 * Layer:   wire: pure.  Thread: any (immutable tables).
 */
#pragma once
#include "base/str.h"
#include <stdbool.h>

enum dialect { DIALECT_OPENAI, DIALECT_ANTHROPIC, DIALECT_COUNT };

enum endpoint {
    ENDPOINT_CHAT,      /* OpenAI chat completions */
    ENDPOINT_RESPONSES, /* OpenAI responses */
    ENDPOINT_EMBEDDINGS,
    ENDPOINT_COMPLETIONS,  /* OpenAI legacy completions */
    ENDPOINT_MESSAGES,     /* Anthropic messages */
    ENDPOINT_COUNT_TOKENS, /* Anthropic messages/count_tokens */
    ENDPOINT_MODELS,       /* list; GET */
    ENDPOINT_MODEL,        /* one; GET */
    ENDPOINT_COUNT
};

struct endpoint_facts {
    const char *name;          /* "chat_completions", as jobs and metrics show it */
    enum dialect dialect;      /* for the two models endpoints: of the path that was used */
    const char *upstream_path; /* behind the provider's base; NULL for models */
    bool is_inference;         /* makes a job */
    bool may_stream;
};
const struct endpoint_facts *endpoint_facts(enum endpoint endpoint);
const char *dialect_name(enum dialect dialect); /* "openai", "anthropic" */

/** What an inference path asks for. */
struct api_route {
    enum dialect dialect;
    enum endpoint endpoint;
    bool is_post;        /* the method this endpoint takes: POST or GET */
    struct str model_id; /* ENDPOINT_MODEL: still percent-encoded, borrowed from the path */
};

/**
 * Finds the endpoint of a path without its query, e.g. "/api/openai/v1/chat/completions". `/v1` may
 * be missing or doubled. False when there is no such endpoint; `out_dialect` still says in whose
 * shape to answer, when the path begins with /api/openai or /api/anthropic (`*out_is_ours`).
 */
bool api_route_find(struct str path, struct api_route *out_route, enum dialect *out_dialect,
                    bool *out_is_ours);
