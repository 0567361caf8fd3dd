/* simulate/request.h: what the simulator understands of a request. Pure.
 *
 * As lax as the gateway is strict: it reads what an answer depends on and ignores the rest.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"
#include "json/json.h"

struct slots;

enum vendor { VENDOR_OPENAI, VENDOR_ANTHROPIC, VENDOR_LLAMA, VENDOR_COUNT };
const char *vendor_name(enum vendor vendor);
bool vendor_parse(struct str name, enum vendor *out_vendor);

enum asked {
    ASKED_CHAT,
    ASKED_RESPONSES,
    ASKED_COMPLETIONS,
    ASKED_EMBEDDINGS,
    ASKED_MESSAGES,
    ASKED_COUNT_TOKENS,
    ASKED_TOKENIZE,
    ASKED_MODELS,
    ASKED_MODEL,
    ASKED_HEALTH,
    ASKED_PROPS,
    ASKED_SLOTS,
    ASKED_NOTHING /* no path of this vendor */
};

struct request {
    enum vendor vendor;
    enum asked asked;
    bool is_post;        /* what the path takes */
    bool is_public;      /* needs no key */
    struct str model_id; /* ASKED_MODEL: percent-decoded */
    int64_t seq;         /* of this simulator's life, from 1 */
    int64_t now_s;       /* wall clock */
    char id[33];         /* 32 hex digits: "chatcmpl-<id>", "msg_<id>" */

    struct str model;      /* decoded; empty: not given */
    struct str model_json; /* quoted */
    bool stream, wants_usage, has_tools, has_tool_result;
    bool wants_base64;
    bool wants_sealed;     /* responses: include reasoning.encrypted_content */
    bool is_stored;        /* responses: may be continued by its id */
    int64_t dimensions;    /* embeddings; 0: not given */
    int64_t input_count;   /* embeddings */
    int64_t prompt_tokens; /* a guess: four bytes a token */

    const struct slots *slots; /* llama: of this server; NULL: one, and nothing is refused */
};

/** Finds what a path (without its query, with or without /v1) asks of this vendor: `asked`,
 *  `is_post`, `is_public`, `model_id`. */
void request_route(enum vendor vendor, struct str path, struct arena *arena,
                   struct request *request);
/** Makes the id: of the seed and the number alone. */
void request_identify(struct request *request, uint64_t seed, int64_t seq);
/** Reads the body. ERR_MALFORMED with a sentence, ERR_NO_MEMORY. Text borrows from `arena`. */
MUST_USE enum err request_read(struct request *request, struct json_reader *reader, struct str body,
                               struct arena *arena, struct error *error);
/** The answer names this model, whatever was asked for. */
void request_answer_as(struct request *request, struct str model, struct arena *arena);
