/* providers/anthropic.c: Anthropic, and the services and servers that speak its dialect.
 *
 * Source: PROVIDER_ERRORS.md 3. Rows are tested in order and the first hit wins, as in openai.c.
 * Reason "spend_limit" without a date means: until the first of next month, 00:00 UTC (judge.c).
 */
#include "providers/judge_parts.h"

#define VERSION "2023-06-01"

// clang-format off
static const struct error_row errors[] = {
    /* status, code, fragment, verdict, reason */

    /* -- exact codes -- */
    {0, "enforced_spend_limit_reached", NULL, VERDICT_SPENT, "spend_limit"}, /* a 429 */

    /* -- fragments: money -- */
    {0,   NULL, "credit balance is too low",               VERDICT_SPENT, "credit_exhausted"}, /* a 400 */
    {0,   NULL, "you have reached your specified",         VERDICT_SPENT, "spend_limit"},      /* a 400 */

    /* -- fragments: length -- */
    {0,   NULL, "prompt is too long",                      VERDICT_LONG, "context_too_long"},
    {0,   NULL, "exceed context limit",                    VERDICT_LONG, "context_too_long"},
    {0,   NULL, "exceeds the available context size",      VERDICT_LONG, "context_too_long"}, /* llama-server */
    {0,   "exceed_context_size_error", NULL,               VERDICT_LONG, "context_too_long"},
    {0,   NULL, "maximum context length",                  VERDICT_LONG, "context_too_long"}, /* vLLM */

    /* -- fragments: content -- */
    {0,   NULL, "blocked by content filtering policy",     VERDICT_POLICY, "content_refused"},

    /* -- fragments: a field -- */
    {400, NULL, "which is the maximum allowed number of output tokens", VERDICT_PARAM, "max_tokens_too_large"},
    {400, NULL, "tool_choice forces tool use",             VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "does not support",                        VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "is not supported",                        VERDICT_PARAM, "unsupported_parameter"},
    {400, NULL, "is deprecated for this model",            VERDICT_PARAM, "unsupported_parameter"}, /* temperature, from 4.7 on */
    {400, NULL, "extra inputs are not permitted",          VERDICT_PARAM, "unsupported_parameter"},

    /* -- fragments: the model -- */
    {403, "permission_error", "access to model",           VERDICT_MODEL, "model_not_found"},
    {403, "permission_error", "access to the model",       VERDICT_MODEL, "model_not_found"},
    {403, "permission_error", "model:",                    VERDICT_MODEL, "model_not_found"},
    {403, "permission_error", "claude-",                   VERDICT_MODEL, "model_not_found"},
    {0,   "not_found_error",  "model:",                    VERDICT_MODEL, "model_not_found"},
    {0,   "not_found_error",  "model",                     VERDICT_MODEL, "model_not_found"},
    {400, NULL, "model not found",                         VERDICT_MODEL, "model_not_found"}, /* llama-server router */

    /* -- fragments: ours -- */
    {401, NULL, "cors requests are not allowed",           VERDICT_SERVER, "origin_refused"}, /* never forward Origin */

    /* -- generic types -- */
    {0,   "rate_limit_error",     NULL, VERDICT_LIMIT,  "rate_limited"},
    {0,   "overloaded_error",     NULL, VERDICT_BUSY,   "overloaded"},
    {0,   "billing_error",        NULL, VERDICT_SPENT,  "payment_required"},
    {0,   "authentication_error", NULL, VERDICT_KEY,    "invalid_api_key"},
    {0,   "request_too_large",    NULL, VERDICT_CALLER, "request_too_large"},
    {0,   "conflict_error",       NULL, VERDICT_SERVER, "conflict"},
    {0,   "timeout_error",        NULL, VERDICT_SERVER, "timeout"},
    {0,   "api_error",            NULL, VERDICT_SERVER, "server_error"},

    /* -- statuses of their own -- */
    {529, NULL, NULL, VERDICT_BUSY, "overloaded"},
};
// clang-format on

static void write_credential(struct buf *head, struct str key)
{
    header_line_write(head, "x-api-key", "", key);
}

void anthropic_defaults_write(struct buf *head, bool caller_sent_version)
{
    if (!caller_sent_version)
        buf_puts(head, "anthropic-version: " VERSION "\r\n");
}

const struct provider_kind_facts anthropic_facts = {
    .kind = PROVIDER_ANTHROPIC,
    .dialect = DIALECT_ANTHROPIC,
    .may_have_url = true,
    .default_base_url = "https://api.anthropic.com",
    .endpoints = ENDPOINTS_ANTHROPIC,
    .models_path = "/v1/models?limit=1000",
    .path_prefix = "/v1",
    FACTS_ERRORS(errors),
    .write_credential = write_credential,
    .write_defaults = anthropic_defaults_write,
};
