/* providers/gpu.c: our own GPUs: llama-server behind a worker, or any server that speaks OpenAI's dialect, by its URL.
 *
 * Source: PROVIDER_ERRORS.md 4, CLIENTS.md 9. llama-server answers 500 where the request is to blame: an image
 * for a model that has no eyes, JSON that its own parser refuses. To fail over for that would only spend
 * another provider's time. What these rows do not name, OpenAI's rows judge: vLLM, Ollama and LM Studio
 * stand behind such URLs too.
 */
#include "providers/judge_parts.h"

// clang-format off
static const struct error_row errors[] = {
    /* status, code, fragment, verdict, reason */

    /* -- a 500 that is the caller's -- */
    {500, "server_error", "json.exception",                 VERDICT_CALLER, "bad_request"},
    {500, "server_error", "parse error at line",            VERDICT_CALLER, "bad_request"},
    {500, "server_error", "image input is not supported",   VERDICT_CALLER, "images_not_supported"},
    {500, "server_error", "audio input is not supported",   VERDICT_CALLER, "audio_not_supported"},
    {500, "server_error", "you may need to provide the mmproj", VERDICT_CALLER, "images_not_supported"},
    {500, "server_error", "failed to load image",           VERDICT_CALLER, "bad_request"},
    {500, "server_error", "failed to parse",                VERDICT_CALLER, "bad_request"}, /* grammar, tools */
    {500, "server_error", "unsupported content",            VERDICT_CALLER, "bad_request"},
    {500, "server_error", "only one of",                    VERDICT_CALLER, "bad_request"},
    {500, "server_error", "context size",                   VERDICT_LONG,   "context_too_long"}, /* first builds */

    /* -- no room -- */
    {503, NULL, "no slot available",                        VERDICT_BUSY,   "slots_full"},
    {503, NULL, "loading model",                            VERDICT_BUSY,   "loading"},
};
// clang-format on

static void write_credential(struct buf *head, struct str key)
{
    header_line_write(head, "Authorization", "Bearer ", key);
}

static void write_defaults(struct buf *head, bool caller_sent_version)
{
    (void)head;
    (void)caller_sent_version;
}

const struct provider_kind_facts gpu_facts = {
    .kind = PROVIDER_GPU,
    .dialect = DIALECT_OPENAI,
    .default_base_url = "", /* none: workers */
    .may_have_workers = true,
    .may_have_url = true,
    .endpoints = ENDPOINTS_GPU,
    .models_path = "/models",
    .path_prefix = "",
    FACTS_ERRORS(errors),
    .errors_like = &openai_facts,
    .write_credential = write_credential,
    .write_defaults = write_defaults,
};
