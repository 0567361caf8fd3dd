/* wire/say.h: what the server itself says to a caller, in the caller's dialect: errors, error
 * events, keep-alives, model lists.
 *
 * Layer:   wire: pure.
 * Source:  SPEC.md 3 (table of errors), CLIENTS.md 3, 5, 8, 11.
 */
#pragma once
#include "base/buf.h"
#include "wire/api.h"

/* The cases of SPEC 3's table, one row each: status, OpenAI type and code, Anthropic type, and
 * whether asking again can help (`x-should-retry: false` is sent when it cannot). */
// clang-format off
#define SAY_LIST(X)                                                                                 \
    /* name                 status openai type             openai code               anthropic type           retry */ \
    X(BAD_REQUEST,          400, "invalid_request_error", NULL,                      "invalid_request_error", false)  \
    X(DIALECT,              400, "invalid_request_error", "dialect_not_supported",   "invalid_request_error", false)  \
    X(TOO_LONG,             400, "invalid_request_error", "context_length_exceeded", "invalid_request_error", false)  \
    X(UNAUTHORIZED,         401, "invalid_request_error", "invalid_api_key",         "authentication_error",  false)  \
    X(FORBIDDEN,            403, "permission_denied",     NULL,                      "permission_error",      false)  \
    X(NO_PATH,              404, "invalid_request_error", NULL,                      "not_found_error",       false)  \
    X(NO_MODEL,             404, "invalid_request_error", "model_not_found",         "not_found_error",       false)  \
    X(BAD_METHOD,           405, "invalid_request_error", NULL,                      "invalid_request_error", false)  \
    X(REQUEST_TIMEOUT,      408, "invalid_request_error", NULL,                      "invalid_request_error", true)   \
    X(KEY_IN_USE,           409, "invalid_request_error", "idempotency_key_in_use",  "conflict_error",        true)   \
    X(KEY_USED,             409, "invalid_request_error", "idempotency_key_used",    "conflict_error",        false)  \
    X(BODY_TOO_LARGE,       413, "invalid_request_error", NULL,                      "request_too_large",     false)  \
    X(MISDIRECTED,          421, "invalid_request_error", NULL,                      "invalid_request_error", false)  \
    X(KEY_REUSED,           422, "invalid_request_error", "idempotency_key_reused",  "invalid_request_error", false)  \
    X(UPGRADE,              426, "invalid_request_error", NULL,                      "invalid_request_error", false)  \
    X(RATE_LIMITED,         429, "rate_limit_error",      NULL,                      "rate_limit_error",      true)   \
    X(BUDGET_SPENT,         429, "insufficient_quota",    "insufficient_quota",      "rate_limit_error",      false)  \
    X(ALL_OVER_QUOTA,       429, "insufficient_quota",    "insufficient_quota",      "rate_limit_error",      true)   \
    X(OVERLOADED,           503, "server_error",          "server_is_overloaded",    "overloaded_error",      true)   \
    X(NO_CANDIDATE,         503, "server_error",          NULL,                      "overloaded_error",      false)  \
    X(ATTEMPTS_EXHAUSTED,   502, "server_error",          NULL,                      "api_error",             true)   \
    X(DEADLINE,             504, "server_error",          NULL,                      "timeout_error",         true)   \
    X(INTERNAL,             500, "server_error",          NULL,                      "api_error",             true)
// clang-format on

enum say {
#define X(name, status, openai_type, openai_code, anthropic_type, retry) SAY_##name,
    SAY_LIST(X)
#undef X
        SAY_COUNT
};

int say_status(enum say what);
bool say_may_retry(enum say what);

/** Appends the whole JSON error body in the dialect's shape. `param` may be NULL. */
void say_error(struct buf *out, enum dialect dialect, enum say what, const char *sentence,
               const char *param, const char *request_id);

/** A provider's error in the other dialect: its sentence, with the type and code that this dialect has for its status;
 *  a context overflow in each dialect's own words. wire/foreign_error.c. */
struct error_body; /* wire/meter.h; its message, and the sizes of an overflow */
void say_foreign_error(struct buf *out, enum dialect dialect, int status, bool is_too_long,
                       const struct error_body *error, const char *request_id);

/**
 * Appends the dialect's own error event for a stream that already began: OpenAI chat/completions
 * `data: {"error":{...}}` (and no [DONE]); responses `event: response.failed` with `response_id`
 * (made up when empty), `sequence_number` = next_sequence; messages `event: error`.
 */
void say_stream_error(struct buf *out, enum endpoint endpoint, enum say what, const char *sentence,
                      const char *request_id, const char *response_id, int64_t next_sequence);

/** The keep-alive of an open stream: Anthropic a ping event, OpenAI a comment line. Whole event. */
struct str say_keepalive(enum endpoint endpoint);

/** One model of a list. */
struct model_entry {
    const char *id;
    const char *owned_by;  /* provider slug, or "auxot" for auto */
    int64_t created_at_ms; /* wall clock */
};
/** Appends the list body: OpenAI {"object":"list","data":[...]}; Anthropic with has_more, first_id,
 *  last_id. */
void say_models(struct buf *out, enum dialect dialect, const struct model_entry *entries,
                size_t count, bool has_more);
void say_model(struct buf *out, enum dialect dialect, const struct model_entry *entry);
