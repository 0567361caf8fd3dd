/* providers/openai.c: OpenAI, and the many services and servers that speak its dialect.
 *
 * Source: PROVIDER_ERRORS.md 2 and 4. Rows are tested in order and the first hit wins: exact codes,
 * then fragments of the message, then generic codes and types. What no row names, the HTTP status
 * decides (judge.c). A fragment "metadata.x" is about OpenRouter's metadata, not about the message.
 */
#include "providers/judge_parts.h"

// clang-format off
static const struct error_row errors[] = {
    /* status, code, fragment, verdict, reason */

    /* -- exact codes -- */
    {0, "invalid_api_key",                      NULL, VERDICT_KEY,    "invalid_api_key"},
    {0, "unsupported_country_region_territory", NULL, VERDICT_KEY,    "unsupported_region"},
    {0, "model_not_found",                      NULL, VERDICT_MODEL,  "model_not_found"}, /* also a 403 */
    {0, "DeploymentNotFound",                   NULL, VERDICT_MODEL,  "model_not_found"},
    {0, "credit_balance_exhausted",             NULL, VERDICT_SPENT,  "credit_exhausted"},
    {0, "organization_spend_limit_exceeded",    NULL, VERDICT_SPENT,  "spend_limit"},
    {0, "project_spend_limit_exceeded",         NULL, VERDICT_SPENT,  "spend_limit"},
    {0, "organization_usage_limit_exceeded",    NULL, VERDICT_SPENT,  "usage_limit"},
    {0, "insufficient_quota",                   NULL, VERDICT_SPENT,  "insufficient_quota"},
    {0, "billing_hard_limit_reached",           NULL, VERDICT_SPENT,  "spend_limit"},
    {0, "billing_not_active",                   NULL, VERDICT_SPENT,  "billing_not_active"},
    {0, "slow_down",                            NULL, VERDICT_LIMIT,  "slow_down"},
    {0, "server_is_overloaded",                 NULL, VERDICT_BUSY,   "overloaded"},
    {0, "capacity_exceeded",                    NULL, VERDICT_BUSY,   "overloaded"}, /* Groq, 498 */
    {0, "context_length_exceeded",              NULL, VERDICT_LONG,   "context_too_long"},
    {0, "exceed_context_size_error",            NULL, VERDICT_LONG,   "context_too_long"}, /* llama-server */
    {0, "unsupported_parameter",                NULL, VERDICT_PARAM,  "unsupported_parameter"},
    {0, "unsupported_value",                    NULL, VERDICT_PARAM,  "unsupported_value"},
    {0, "unknown_parameter",                    NULL, VERDICT_PARAM,  "unsupported_parameter"},
    {0, "extra_forbidden",                      NULL, VERDICT_PARAM,  "unsupported_parameter"}, /* Mistral */
    {0, "INVALID_PARAMETER_VALUE",              NULL, VERDICT_PARAM,  "unsupported_parameter"}, /* Databricks */
    {0, "invalid_prompt",                       NULL, VERDICT_POLICY, "content_refused"},
    {0, "content_filter",                       NULL, VERDICT_POLICY, "content_refused"}, /* Azure */
    {0, "content_policy_violation",             NULL, VERDICT_POLICY, "content_refused"},

    /* -- fragments: llama-server's 500 for what the caller did wrong (CLIENTS.md 9, 11). Before the others, since many
     * quote the caller. Not "Failed to parse input at pos": that is what the model wrote. -- */
    {500, NULL, "failed to parse messages:",             VERDICT_CALLER, "bad_request"},
    {500, NULL, "failed to parse tools:",                VERDICT_CALLER, "bad_request"},
    {500, NULL, "failed to parse tool call arguments",   VERDICT_CALLER, "bad_request"}, /* of earlier calls */
    {500, NULL, "input is not supported - hint",         VERDICT_CALLER, "bad_request"}, /* image, audio */
    {500, NULL, "does not support multimodal requests",  VERDICT_CALLER, "bad_request"},
    {500, NULL, "failed to load image",                  VERDICT_CALLER, "bad_request"},
    {500, NULL, "failed to download image",              VERDICT_CALLER, "bad_request"},
    {500, NULL, "url must be base64 encoded",            VERDICT_CALLER, "bad_request"},
    {500, NULL, "invalid url value",                     VERDICT_CALLER, "bad_request"},
    {500, NULL, "invalid url format:",                   VERDICT_CALLER, "bad_request"},
    {500, NULL, "input_audio.format must be",            VERDICT_CALLER, "bad_request"},
    {500, NULL, "unsupported content[].type",            VERDICT_CALLER, "bad_request"},
    {500, NULL, "expected 'messages' to be",             VERDICT_CALLER, "bad_request"},
    {500, NULL, "expected 'content' to be",              VERDICT_CALLER, "bad_request"},
    {500, NULL, "messages must contain 'content'",       VERDICT_CALLER, "bad_request"},
    {500, NULL, "assistant message must contain",        VERDICT_CALLER, "bad_request"},
    {500, NULL, "prefill is incompatible with",          VERDICT_CALLER, "bad_request"},
    {500, NULL, "assistant messages at the end",         VERDICT_CALLER, "bad_request"},
    {500, NULL, "param requires --jinja flag",           VERDICT_CALLER, "bad_request"},
    {500, NULL, "logprobs is not supported with tools",  VERDICT_CALLER, "bad_request"},
    {500, NULL, "json schema conversion failed",         VERDICT_CALLER, "bad_request"},
    {500, NULL, "cannot use both json_schema",           VERDICT_CALLER, "bad_request"},
    {500, NULL, "cannot use custom grammar",             VERDICT_CALLER, "bad_request"},
    {500, NULL, "only one completion choice",            VERDICT_CALLER, "bad_request"},
    {500, NULL, "only no echo is supported",             VERDICT_CALLER, "bad_request"},
    {500, NULL, "unsupported param: ",                   VERDICT_CALLER, "bad_request"},
    {500, NULL, "\"prompt\" must not be empty",          VERDICT_CALLER, "bad_request"},
    {500, NULL, "\"prompt\" elements must be",           VERDICT_CALLER, "bad_request"},
    {500, NULL, "[json.exception.parse_error.101]",      VERDICT_CALLER, "bad_request"}, /* the body is no JSON */
    {500, NULL, "[json.exception.type_error.302]",       VERDICT_CALLER, "bad_request"}, /* a field of another type */
    {500, NULL, "[json.exception.out_of_range.403]",     VERDICT_CALLER, "bad_request"}, /* a field is missing */
    {500, NULL, "jinja exception:",                      VERDICT_CALLER, "bad_request"}, /* also LM Studio */
    {500, NULL, "raise_exception(",                      VERDICT_CALLER, "bad_request"}, /* before 2026 */

    /* -- fragments: can never pass here, whatever the status says -- */
    {0,   NULL, "request too large for",                 VERDICT_LONG, "request_too_large"}, /* a 429; Groq: 413 */
    {0,   NULL, "maximum context length",                VERDICT_LONG, "context_too_long"},
    {0,   NULL, "exceeds the context window",            VERDICT_LONG, "context_too_long"},
    {0,   NULL, "context length is only",                VERDICT_LONG, "context_too_long"}, /* vLLM */
    {0,   NULL, "max_tokens must be at least 1, got -",  VERDICT_LONG, "context_too_long"},
    {0,   NULL, "exceeds the available context size",    VERDICT_LONG, "context_too_long"}, /* llama-server */
    {0,   NULL, "`max_new_tokens` must be <=",           VERDICT_LONG, "context_too_long"}, /* Together */
    {0,   NULL, "when context the overflows",            VERDICT_LONG, "context_too_long"}, /* LM Studio */
    {0,   NULL, "greater than the context length",       VERDICT_LONG, "context_too_long"},

    /* -- fragments: money -- */
    {402, NULL, "metadata.limit_source=openrouter_in_flight_budget", VERDICT_LIMIT, "in_flight_budget"},
    {0,   NULL, "exceeded your current quota",           VERDICT_SPENT, "insufficient_quota"},
    {0,   NULL, "your account is not active",            VERDICT_SPENT, "billing_not_active"},

    /* -- fragments: content -- */
    {0,   NULL, "violating our usage policy",            VERDICT_POLICY, "content_refused"},
    {0,   NULL, "responsibleaipolicyviolation",          VERDICT_POLICY, "content_refused"},
    {403, NULL, "metadata.flagged_input",                VERDICT_POLICY, "content_refused"},
    {403, NULL, "metadata.reasons",                      VERDICT_POLICY, "content_refused"},
    {403, NULL, "moderation",                            VERDICT_POLICY, "content_refused"},
    {403, NULL, "guardrail",                             VERDICT_POLICY, "content_refused"},

    /* -- fragments: the model -- */
    {0,   NULL, "does not have access to model",         VERDICT_MODEL, "model_not_found"},
    {0,   NULL, "you do not have access to it",          VERDICT_MODEL, "model_not_found"},
    {0,   NULL, "try pulling it first",                  VERDICT_MODEL, "model_not_found"}, /* Ollama */
    {0,   NULL, "is not a valid model id",               VERDICT_MODEL, "model_not_found"}, /* OpenRouter */
    {400, NULL, "model not found",                       VERDICT_MODEL, "model_not_found"}, /* llama-server router */
    {404, NULL, "model not found",                       VERDICT_MODEL, "model_not_found"},
    {404, NULL, "does not exist",                        VERDICT_MODEL, "model_not_found"}, /* vLLM */

    /* -- fragments: a field -- */
    {400, NULL, "parameter is only allowed when",        VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "not supported with this model",         VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "is not supported for this model",       VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "function tools with reasoning_effort",  VERDICT_PARAM, "tools_with_reasoning"},
    {400, NULL, "only the default (1) value",            VERDICT_PARAM, "unsupported_value"},
    {400, NULL, "does not support",                      VERDICT_PARAM, "unsupported_value"},
    {400, NULL, "service_tier",                          VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "' is unsupported",                      VERDICT_PARAM, "unsupported_parameter"}, /* Groq */
    {0,   NULL, "extra inputs are not permitted",        VERDICT_PARAM, "unsupported_parameter"}, /* Mistral, vLLM */

    /* -- fragments: capacity -- */
    {0,   NULL, "system is experiencing high demand",    VERDICT_BUSY, "overloaded"}, /* Azure, a 429 */
    {503, NULL, "loading model",                         VERDICT_BUSY, "loading"},    /* llama-server */
    {503, NULL, "overloaded",                            VERDICT_BUSY, "overloaded"},
    {503, NULL, "server busy",                           VERDICT_BUSY, "overloaded"}, /* Ollama */
    {503, NULL, "service unavailable",                   VERDICT_BUSY, "overloaded"}, /* Groq */
    {503, NULL, "no available",                          VERDICT_BUSY, "overloaded"}, /* OpenRouter */
    {503, NULL, "metadata.",                             VERDICT_BUSY, "overloaded"}, /* OpenRouter */
    {502, NULL, "metadata.",                             VERDICT_BUSY, "upstream_down"}, /* OpenRouter */
    {502, NULL, "provider returned error",               VERDICT_BUSY, "upstream_down"},

    /* -- generic codes and types -- */
    {0,   "rate_limit_exceeded",       NULL, VERDICT_LIMIT,  "rate_limited"},
    {0,   "rate_limit_error",          NULL, VERDICT_LIMIT,  "rate_limited"},
    {0,   "service_unavailable_error", NULL, VERDICT_BUSY,   "overloaded"},
    {503, "unavailable_error",         NULL, VERDICT_BUSY,   "loading"},
    {0,   "overloaded_error",          NULL, VERDICT_BUSY,   "overloaded"},
    {0,   "billing_error",             NULL, VERDICT_SPENT,  "payment_required"},
    {404, "not_found_error",           NULL, VERDICT_MODEL,  "model_not_found"}, /* llama-server */
    {501, "not_supported_error",       NULL, VERDICT_PARAM,  "unsupported_parameter"},

    /* -- statuses of their own -- */
    {424, NULL, NULL, VERDICT_CALLER, "bad_request"}, /* Groq */
    {498, NULL, NULL, VERDICT_BUSY,   "overloaded"},  /* Groq */
    {499, NULL, NULL, VERDICT_CALLER, "canceled"},    /* Groq */
    {529, NULL, NULL, VERDICT_BUSY,   "overloaded"},
};
// clang-format on

static void write_credential(struct buf *head, struct str key)
{
    header_line_write(head, "Authorization", "Bearer ", key);
}

static void write_defaults(struct buf *head, bool caller_sent_version)
{
    (void)head; /* this vendor needs none */
    (void)caller_sent_version;
}

const struct provider_kind_facts openai_facts = {
    .kind = PROVIDER_OPENAI,
    .dialect = DIALECT_OPENAI,
    .may_have_url = true,
    .default_base_url = "https://api.openai.com/v1",
    .endpoints = ENDPOINTS_OPENAI,
    .models_path = "/models",
    .path_prefix = "",
    FACTS_ERRORS(errors),
    .write_credential = write_credential,
    .write_defaults = write_defaults,
};
