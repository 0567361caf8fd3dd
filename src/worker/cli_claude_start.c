/* worker/cli_claude_start.c: how Claude Code is started for a job, and what it hears first.
 *
 * A worker's tool answers strangers, on the machine of somebody else. So everything that lets words become deeds is shut:
 * no tools, no settings of the user's or of a project, no commands ("/cost"), no mentions ("@/etc/passwd" would be read
 * and put into the prompt even without tools: measured).
 *
 * A conversation of one message comes on stdin. A longer one lies in a session file that --resume reads; its last message
 * comes on stdin when it is words, and stands in the file when it is results of calls: then Claude Code goes on by itself.
 */
#include "worker/cli_claude.h"

#include "worker/cli_probe.h"

#define FIRST_MAX (80u << 20)

/* ---- a user line ------------------------------------------------------------------------------------- */

void claude_open_user(struct json_writer *json, struct buf *out)
{
    json_writer_init(json, out);
    json_open_object(json);
    json_put_text(json, "type", "user");
    json_open_object_named(json, "message");
    json_put_text(json, "role", "user");
    json_open_array(json, "content");
}

void claude_close_user(struct json_writer *json)
{
    json_close_array(json);
    json_close_object(json);
    json_close_object(json);
    buf_putc(json->buf, '\n');
}

/* A last text that begins with a slash may be one of its commands; behind a blank it is just words. */
static void put_text(struct json_writer *json, struct str text)
{
    AUTO_BUF struct buf guarded;
    buf_init(&guarded, text.len + 2);
    if (str_starts(text, STR("/")))
        buf_putc(&guarded, ' ');
    buf_append_str(&guarded, text);
    json_open_object(json);
    json_put_text(json, "type", "text");
    json_put_string(json, "text", buf_str(&guarded));
    json_close_object(json);
}

void claude_put_part(struct json_writer *json, const struct part *part)
{
    if (part->kind == PART_TEXT) {
        put_text(json, part->text);
    } else if (part->kind == PART_IMAGE && part->media.source == MEDIA_BASE64) {
        json_open_object(json);
        json_put_text(json, "type", "image");
        json_open_object_named(json, "source");
        json_put_text(json, "type", "base64");
        json_put_string(json, "media_type", part->media.type);
        json_put_string(json, "data", part->media.data);
        json_close_object(json);
        json_close_object(json);
    } else {
        put_text(json, part->media.data);
    }
}

/* The last message of the history as it stands, with its last text guarded. */
static void put_last(const struct cli_request *request, struct json message, struct buf *out)
{
    struct json_writer json;
    claude_open_user(&json, out);
    for (struct json_cursor c = json_each(json_get(message, "content")); json_next(&c);) {
        struct str text;
        if (json_string(json_get(c.value, "text"), &text) && str_starts(text, STR("/")))
            put_text(&json, text);
        else
            json_put_raw(&json, NULL, cli_request_raw(request, c.value));
    }
    claude_close_user(&json);
}

/* ---- the caller's tools -------------------------------------------------------------------------------- */

static void put_tool(const struct cli_request *request, struct json_writer *json, struct json tool)
{
    json_open_object(json);
    json_put_string(json, "name", json_string_or_empty(json_get(tool, "name")));
    json_put_string(json, "description", json_string_or_empty(json_get(tool, "description")));
    json_put_raw(json, "inputSchema", cli_request_raw(request, json_get(tool, "input_schema")));
    json_open_object_named(json, "annotations");
    json_put_bool(json, "readOnlyHint", true); /* else its calls come one at a time */
    json_close_object(json);
    json_open_object_named(json, "_meta");
    json_put_int(json, "anthropic/maxResultSizeChars", 500000);
    json_close_object(json);
    json_close_object(json);
}

/* The answer to tools/list, for the whole talk. */
static enum err offer_tools(const struct cli_request *request, struct cli_talk *talk)
{
    struct claude_own *own = talk->own;
    struct json tools = json_get(request->root, "tools");
    struct json_writer json;
    AUTO_BUF struct buf text;
    buf_init(&text, TALK_ARENA_MAX);
    json_writer_init(&json, &text);
    json_open_object(&json);
    json_open_array(&json, "tools");
    for (struct json_cursor c = json_each(tools); json_next(&c);) {
        enum err err = talk_add_caller_tool(talk, json_string_or_empty(json_get(c.value, "name")));
        if (err != OK)
            return err;
        put_tool(request, &json, c.value);
    }
    json_close_array(&json);
    json_close_object(&json);
    char *copy = text.failed ? NULL : arena_dup(&talk->arena, text.data, text.len);
    own->tools = (struct str){copy, text.len};
    return copy ? OK : ERR_NO_MEMORY;
}

/* ---- words and environment ------------------------------------------------------------------------------- */

static void put_limits(const struct cli_job *job, struct cli_launch *launch)
{
    const struct cli_terms *terms = job->terms;
    if (terms->max_turns) {
        launch_arg(launch, "--max-turns");
        launch_arg(launch, launch_text(launch, "%d", terms->max_turns));
    }
    if (terms->max_budget_usd) {
        launch_arg(launch, "--max-budget-usd");
        launch_arg(launch, terms->max_budget_usd);
    }
}

/* Own tools only for callers who bring none: who brings tools is an agent itself, and wants its own to be used. */
static bool has_own_tools(const struct cli_job *job, const struct cli_talk *talk)
{
    return job->terms->allow_tools && talk->caller_tool_count == 0;
}

/* "Bash(git *) Read" is a list of permissions; the tools themselves are "Bash Read". */
static void put_names(const char *permissions, struct cli_launch *launch)
{
    AUTO_BUF struct buf names;
    int depth = 0;
    buf_init(&names, strlen(permissions) + 1);
    for (const char *at = permissions; *at; at++) {
        depth += (*at == '(') - (depth > 0 && at > permissions && at[-1] == ')');
        if (depth == 0)
            buf_putc(&names, *at == ' ' ? ',' : *at);
    }
    launch_arg_str(launch, buf_str(&names));
}

static void put_tools(const struct cli_job *job, struct cli_launch *launch,
                      const struct cli_talk *talk)
{
    bool has_own = has_own_tools(job, talk);
    launch_arg(launch, "--tools");
    put_names(has_own ? job->terms->allow_tools : "", launch);
    if (has_own) {
        launch_arg(launch, "--allowedTools");
        launch_arg(launch, job->terms->allow_tools);
    } else if (talk->caller_tool_count ==
               0) { /* a second lock; a caller's tool may be called Read */
        launch_arg(launch, "--settings");
        launch_arg(launch, "{\"permissions\":{\"deny\":[\"Read\",\"Bash\",\"Edit\",\"Write\"]}}");
    }
    if (talk->caller_tool_count == 0)
        return;
    launch_arg(launch, "--mcp-config");
    launch_arg(
        launch,
        launch_file(launch, job->side_dir, "mcp.json",
                    STR("{\"mcpServers\":{\"caller\":{\"type\":\"sdk\",\"name\":\"caller\"}}}")));
    launch_arg(launch, "--allowedTools");
    launch_arg(launch, "mcp__caller__*");
}

static void put_effort(const struct cli_request *request, struct cli_launch *launch)
{
    static const struct str known[] = {STR_INIT("low"), STR_INIT("medium"), STR_INIT("high"),
                                       STR_INIT("xhigh"), STR_INIT("max")};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_eq(request->prompt.effort, known[i])) {
            launch_arg(launch, "--effort");
            launch_arg_str(launch, known[i]);
        }
}

static void put_words(const struct cli_job *job, struct cli_launch *launch,
                      const struct cli_talk *talk, bool is_resumed)
{
    static const char *const always[] = {"-p",
                                         "--input-format",
                                         "stream-json",
                                         "--output-format",
                                         "stream-json",
                                         "--verbose",
                                         "--include-partial-messages",
                                         "--permission-mode",
                                         "dontAsk",
                                         "--strict-mcp-config",
                                         "--setting-sources",
                                         "",
                                         "--disable-slash-commands"};
    const struct cli_request *request = job->request;
    launch_arg(launch, job->terms->program);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        launch_arg(launch, always[i]);
    launch_arg(launch, is_resumed ? "--resume" : "--no-session-persistence");
    if (is_resumed)
        launch_arg(launch, job->uuid);
    if (job->model.len) {
        launch_arg(launch, "--model");
        launch_arg_str(launch, job->model);
    }
    put_effort(request, launch);
    if (request->system.len || !has_own_tools(job, talk)) { /* an agent keeps its own prompt */
        struct str system = request->system.len ? buf_str(&request->system) : STR(" ");
        launch_arg(launch, "--system-prompt-file");
        launch_arg(launch, launch_file(launch, job->side_dir, "system.txt", system));
    }
    put_tools(job, launch, talk);
    put_limits(job, launch);
}

static void put_environment(const struct cli_job *job, struct cli_launch *launch, bool goes_on)
{
    static const char *const always[] = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
                                         "DISABLE_TELEMETRY=1",
                                         "DISABLE_ERROR_REPORTING=1",
                                         "DISABLE_AUTOUPDATER=1",
                                         "CLAUDE_CODE_DISABLE_ATTACHMENTS=1",
                                         "CLAUDE_CODE_DISABLE_FILE_MENTIONS=1",
                                         "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK=1",
                                         "CLAUDE_CODE_MAX_RETRIES=2",
                                         "CLAUDE_AGENT_SDK_MCP_NO_PREFIX=1",
                                         "ENABLE_TOOL_SEARCH=false"};
    const struct prompt *prompt = &job->request->prompt;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        launch_env(launch, "%s", always[i]);
    launch_env(launch, "TMPDIR=%s", job->side_dir);
    launch_env(launch, "CLAUDE_CODE_TMPDIR=%s", job->side_dir);
    if (goes_on)
        launch_env(launch, "CLAUDE_CODE_RESUME_INTERRUPTED_TURN=1");
    if (prompt->max_tokens > 0)
        launch_env(launch, "CLAUDE_CODE_MAX_OUTPUT_TOKENS=%lld", (long long)prompt->max_tokens);
    if (prompt->thinking == THINKING_UNSET || prompt->thinking == THINKING_OFF)
        launch_env(launch, "MAX_THINKING_TOKENS=0");
    else if (prompt->thinking_budget > 0)
        launch_env(launch, "MAX_THINKING_TOKENS=%lld", (long long)prompt->thinking_budget);
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

/* The first `count` messages become a file where it looks for them. */
static enum err put_session(const struct cli_job *job, struct cli_launch *launch, size_t count)
{
    AUTO_BUF struct buf text, slug;
    buf_init(&text, FIRST_MAX);
    buf_init(&slug, 4096);
    claude_session_put(job, count, &text);
    claude_slug_put(&slug, str_of(job->work_dir));
    if (text.failed || slug.failed)
        return ERR_NO_MEMORY;
    launch->litter = launch_text(launch, "%s/%s", job->terms->sessions_dir, slug.data);
    (void)launch_file(launch, launch->litter, launch_text(launch, "%s.jsonl", job->uuid),
                      buf_str(&text));
    return launch->failed ? ERR_NO_MEMORY : OK;
}

static struct json last_of(struct json array)
{
    struct json last = {0};
    for (struct json_cursor c = json_each(array); json_next(&c);)
        last = c.value;
    return last;
}

static bool has_result(struct json message)
{
    for (struct json_cursor c = json_each(json_get(message, "content")); json_next(&c);)
        if (str_eq(json_string_or_empty(json_get(c.value, "type")), STR("tool_result")))
            return true;
    return false;
}

enum err claude_start(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                      struct error *error)
{
    const struct cli_request *request = job->request;
    struct json last = last_of(request->history);
    bool goes_on = has_result(last);
    size_t in_file = goes_on ? request->history_count : request->history_count - 1;
    enum err err = request->prompt.tools ? offer_tools(request, talk) : OK;
    if (err == OK && in_file > 0)
        err = put_session(job, launch, in_file);
    put_words(job, launch, talk, in_file > 0);
    put_environment(job, launch, goes_on);
    if (talk->caller_tool_count)
        buf_append_lit(&talk->out,
                       "{\"type\":\"control_request\",\"request_id\":\"hello\",\"request\":"
                       "{\"subtype\":\"initialize\",\"sdkMcpServers\":[\"caller\"]}}\n");
    if (!goes_on)
        put_last(request, last, &talk->out);
    if (err != OK || launch->failed || talk->out.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to start claude");
    return OK;
}

/* `claude auth status` prints an object, and fails when nobody is logged in. */
enum err claude_judge(struct json_reader *reader, struct str output, int exit_status,
                      struct cli_findings *findings, struct error *error)
{
    struct json root;
    bool is_in = false;
    if (json_parse(reader, output, &root, NULL) != OK)
        return error_set(
            error, ERR_IO,
            "`claude auth status` gave no answer (status %d); Claude Code 2.1 or later "
            "is needed",
            exit_status);
    if (!json_bool(json_get(root, "loggedIn"), &is_in) || !is_in)
        return error_set(error, ERR_UNAUTHORIZED,
                         "nobody is logged in to Claude Code here: run `claude auth login` as this "
                         "user, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN");
    str_copy(json_string_or_empty(json_get(root, "authMethod")), findings->login,
             sizeof findings->login);
    str_copy(json_string_or_empty(json_get(root, "projectsDirectory")), findings->sessions_dir,
             sizeof findings->sessions_dir);
    if (!findings->sessions_dir[0])
        return error_set(error, ERR_IO, "`claude auth status` does not say where sessions are");
    return OK;
}
