/* providers/cli.c: Claude Code, Codex and Cursor, run by a worker that speaks Anthropic's Messages for them.
 *
 * A subscription's window that is used up comes as a 429 with the time of its reset; what the worker itself
 * has to say (no login, the tool is missing, the process died) has rows of its own. The rest is Anthropic's.
 */
#include "providers/judge_parts.h"

// clang-format off
static const struct error_row errors[] = {
    /* status, code, fragment, verdict, reason */
    {0,   NULL, "usage limit reached",     VERDICT_SPENT,  "window_used_up"},
    {0,   NULL, "hit your usage limit",    VERDICT_SPENT,  "window_used_up"}, /* Codex */
    {0,   NULL, "please run /login",       VERDICT_KEY,    "not_logged_in"},
    {0,   NULL, "not logged in",           VERDICT_KEY,    "not_logged_in"},
    {500, NULL, "the tool ended",          VERDICT_SERVER, "tool_died"},
};
// clang-format on

static void write_credential(struct buf *head, struct str key)
{
    (void)head; /* the worker holds its own */
    (void)key;
}

const struct provider_kind_facts cli_facts = {
    .kind = PROVIDER_CLI,
    .dialect = DIALECT_ANTHROPIC,
    .default_base_url = "",
    .may_have_workers = true,
    .may_have_url = false,
    .endpoints = ENDPOINTS_CLI,
    .models_path = "/v1/models?limit=1000",
    .path_prefix = "/v1",
    FACTS_ERRORS(errors),
    .errors_like = &anthropic_facts,
    .write_credential = write_credential,
    .write_defaults = anthropic_defaults_write,
};
