/* worker/cli_codex_start.c: how `codex app-server` is started for a job, and what it hears first.
 *
 * Without tools of its own it has no environment to act in (`environments: []`), and nothing of the machine stands in the
 * prompt: no skills, no permissions, no AGENTS.md. What its built-in tools then still offer (view_image, request_user_input)
 * answers that it is unavailable: measured.
 */
#include "worker/cli_codex.h"

#include "json/json_writer.h"
#include "worker/cli_probe.h"

#define ITEMS_MAX (80u << 20)
#define TURN_MAX  (4u << 20)

/* Codex drops a tool of a caller's with the name of one of its own, silently; so those get another. */
static const struct {
    struct str name;
    const char *instead;
} clashes[] = {
    {STR_INIT("exec_command"), "caller_exec_command"},
    {STR_INIT("write_stdin"), "caller_write_stdin"},
    {STR_INIT("view_image"), "caller_view_image"},
    {STR_INIT("update_plan"), "caller_update_plan"},
    {STR_INIT("apply_patch"), "caller_apply_patch"},
    {STR_INIT("web_search"), "caller_web_search"},
    {STR_INIT("tool_search"), "caller_tool_search"},
    {STR_INIT("request_user_input"), "caller_request_user_input"},
};

const char *codex_rename(struct str name)
{
    for (size_t i = 0; i < sizeof clashes / sizeof clashes[0]; i++)
        if (str_eq(clashes[i].name, name))
            return clashes[i].instead;
    return NULL;
}

/* ---- thread/start ---------------------------------------------------------------------------------------- */

static void put_config(struct json_writer *json, bool has_own_tools)
{
    static const char *const off[] = {
        "features.shell_tool",         "features.unified_exec",
        "features.multi_agent",        "features.goals",
        "skills.include_instructions", "include_permissions_instructions",
        "include_environment_context", "include_apps_instructions"};
    json_open_object_named(json, "config");
    json_put_int(json, "tool_output_token_limit", 1000000);
    json_put_int(json, "project_doc_max_bytes", 0);
    if (!has_own_tools) {
        json_put_text(json, "web_search", "disabled");
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
            json_put_bool(json, off[i], false);
    }
    json_close_object(json);
}

static enum err put_tools(const struct cli_request *request, struct cli_talk *talk,
                          struct json_writer *json)
{
    enum err err = OK;
    struct json tools = json_get(request->root, "tools");
    if (json_count(tools) == 0)
        return OK;
    json_open_array(json, "dynamicTools");
    for (struct json_cursor c = json_each(tools); err == OK && json_next(&c);) {
        struct str name = json_string_or_empty(json_get(c.value, "name"));
        err = talk_add_caller_tool(talk, name);
        json_open_object(json);
        json_put_text(json, "type", "function");
        json_put_string(json, "name", name);
        json_put_string(json, "description",
                        json_string_or_empty(json_get(c.value, "description")));
        json_put_raw(json, "inputSchema",
                     cli_request_raw(request, json_get(c.value, "parameters")));
        json_close_object(json);
    }
    json_close_array(json);
    return err;
}

static enum err put_thread(const struct cli_job *job, struct cli_talk *talk)
{
    const struct cli_request *request = job->request;
    /* Own tools only for callers who bring none: who brings tools is an agent itself. */
    bool has_own = job->terms->allow_tools && !request->prompt.tools;
    struct json_writer json;
    buf_append_lit(&talk->out, "{\"id\":2,\"method\":\"thread/start\",\"params\":");
    json_writer_init(&json, &talk->out);
    json_open_object(&json);
    if (job->model.len)
        json_put_string(&json, "model", job->model);
    json_put_text(&json, "cwd", job->work_dir);
    json_put_text(&json, "approvalPolicy", "never");
    json_put_text(&json, "sandbox", has_own ? job->terms->allow_tools : "read-only");
    json_put_bool(&json, "ephemeral", true);
    json_put_bool(&json, "experimentalRawEvents", true);
    if (!has_own) {
        json_open_array(&json, "environments");
        json_close_array(&json);
    }
    put_config(&json, has_own);
    if (request->system.len || !has_own) /* an agent keeps its own instructions */
        json_put_string(&json, "baseInstructions",
                        request->system.len ? buf_str(&request->system) : STR(" "));
    enum err err = put_tools(request, talk, &json);
    json_close_object(&json);
    buf_append_lit(&talk->out, "}\n");
    return err;
}

/* ---- turn/start ------------------------------------------------------------------------------------------- */

static void put_turn(const struct cli_request *request, struct buf *out)
{
    struct str effort = json_string_or_empty(json_at(request->root, "reasoning", "effort", NULL));
    struct json schema = json_at(request->root, "text", "format", "schema", NULL);
    buf_append_lit(out, ",\"input\":[],\"summary\":");
    buf_puts(out, request->wants_thinking ? "\"auto\"" : "\"none\"");
    if (effort.len && !str_eq(effort, STR("none"))) {
        buf_append_lit(out, ",\"effort\":");
        json_quote(out, effort);
    }
    if (json_type_of(schema) == JSON_OBJECT) {
        buf_append_lit(out, ",\"outputSchema\":");
        buf_append_str(out, cli_request_raw(request, schema));
    }
}

enum err codex_start(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                     struct error *error)
{
    const struct cli_request *request = job->request;
    struct codex_own *own = talk->own;
    launch_arg(launch, job->terms->program);
    launch_arg(launch, "app-server");
    launch_env(launch, "RUST_LOG=error");
    launch_env(launch, "TMPDIR=%s", job->side_dir);
    buf_init(&own->items, ITEMS_MAX);
    buf_init(&own->turn, TURN_MAX);
    buf_append_str(&own->items, cli_request_raw(request, request->history));
    put_turn(request, &own->turn);
    buf_append_lit(&talk->out, CODEX_HELLO);
    enum err err = put_thread(job, talk);
    if (err != OK || launch->failed || own->items.failed || own->turn.failed || talk->out.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to start codex");
    return OK;
}

/* ---- the probe -------------------------------------------------------------------------------------------- */

/* The line that answers account/read. A provider of the user's own, by config.toml, needs no account. */
enum err codex_judge(struct json_reader *reader, struct str output, int exit_status,
                     struct cli_findings *findings, struct error *error)
{
    while (output.len) {
        struct json root;
        bool needs_account = true;
        if (json_parse(reader, str_cut(&output, '\n'), &root, NULL) != OK ||
            json_int64_or(json_get(root, "id"), 0) != 2)
            continue;
        struct json account = json_at(root, "result", "account", NULL);
        (void)json_bool(json_at(root, "result", "requiresOpenaiAuth", NULL), &needs_account);
        if (needs_account && json_type_of(account) != JSON_OBJECT)
            return error_set(error, ERR_UNAUTHORIZED,
                             "nobody is logged in to Codex here: run `codex login` as this user");
        struct str type = json_string_or_empty(json_get(account, "type"));
        str_copy(type.len ? type : STR("a provider of its own"), findings->login,
                 sizeof findings->login);
        return OK;
    }
    return error_set(
        error, ERR_IO,
        "`codex app-server` gave no answer (status %d); Codex 0.169 or later is needed",
        exit_status);
}
