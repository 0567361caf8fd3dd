/* worker/cli_cursor.c: Cursor's agent, headless: `cursor-agent -p --output-format stream-json --stream-partial-output PROMPT`.
 *
 * Written after Cursor's documentation (cursor.com/docs/cli/reference/output-format), and tested with a program that plays
 * it: Cursor itself could not be run here. It takes one prompt and no history, so a conversation becomes one text; no
 * tools, no images, no usage. Its `ask` mode changes nothing on the machine, but may read: it should have a user, or a
 * container, of its own.
 *
 * With partial output a piece of text has `timestamp_ms` and no `model_call_id`; what has both, or neither, repeats
 * what was said. Versions without partial output say each message once, without either.
 */
#include "worker/cli_probe.h"
#include "worker/cli_tool.h"

#include <stdlib.h>

#define PROMPT_MAX (120u * 1024) /* one word of a command line: Linux takes 128 KiB */

struct cursor_own {
    bool has_pieces; /* text came with timestamps: what comes without them is a repeat */
};

/* ---- lines -------------------------------------------------------------------------------------------------- */

static void on_assistant(struct cli_talk *talk, struct json root)
{
    struct cursor_own *own = talk->own;
    bool has_time = json_type_of(json_get(root, "timestamp_ms")) == JSON_NUMBER;
    bool has_call = json_type_of(json_get(root, "model_call_id")) == JSON_STRING;
    if (has_call || (own->has_pieces && !has_time))
        return;
    own->has_pieces = has_time;
    for (struct json_cursor c = json_each(json_at(root, "message", "content", NULL));
         json_next(&c);)
        talk_say(talk, PART_TEXT, STR("text"), json_string_or_empty(json_get(c.value, "text")));
}

static void on_thinking(struct cli_talk *talk, struct json root)
{
    talk_say(talk, PART_THINKING, STR("thinking"), json_string_or_empty(json_get(root, "text")));
}

/* {"tool_call":{"readToolCall":{"args":{...}}}}: the member's name is the tool's. */
static void on_tool(struct cli_talk *talk, struct json root)
{
    struct json_cursor c = json_each(json_get(root, "tool_call"));
    if (str_eq(json_string_or_empty(json_get(root, "subtype")), STR("started")) && json_next(&c))
        talk_activity(talk, c.name, json_raw(talk->json, json_get(c.value, "args"), talk->line));
}

static void on_result(struct cli_talk *talk, struct json root)
{
    struct str text = json_string_or_empty(json_get(root, "result"));
    bool is_error = false;
    (void)json_bool(json_get(root, "is_error"), &is_error);
    if (is_error) {
        bool is_limit = str_ifind(text, STR("limit"), NULL);
        talk_fail(talk, is_limit ? 429 : 502, "cursor: %.*s", STR_ARG(str_upto(text, 260)));
        return;
    }
    if (!talk->has_said)
        talk_say(talk, PART_TEXT, STR("text"), text);
    talk_done(talk, STOP_END);
}

// clang-format off
static const struct line_row {
    struct str type;
    void (*on_line)(struct cli_talk *talk, struct json root);
} line_rows[] = {
    {STR_INIT("assistant"), on_assistant},
    {STR_INIT("thinking"),  on_thinking},
    {STR_INIT("tool_call"), on_tool},
    {STR_INIT("result"),    on_result},
};
// clang-format on

static void on_line(struct cli_talk *talk, struct json root)
{
    struct str type = json_string_or_empty(json_get(root, "type"));
    for (size_t i = 0; i < sizeof line_rows / sizeof line_rows[0]; i++)
        if (str_eq(line_rows[i].type, type))
            line_rows[i].on_line(talk, root);
}

/* ---- start --------------------------------------------------------------------------------------------------- */

static void put_turn(struct buf *out, const struct turn *turn, bool is_alone)
{
    if (!is_alone)
        buf_puts(out, turn->role == TURN_ASSISTANT ? "Assistant:\n" : "User:\n");
    for (const struct part *part = turn->parts; part; part = part->next)
        if (part->kind == PART_TEXT) {
            buf_append_str(out, part->text);
            buf_putc(out, '\n');
        }
    if (!is_alone)
        buf_putc(out, '\n');
}

/* A conversation as one text. One message alone stands as it is. */
static void put_prompt(struct buf *out, const struct cli_request *request)
{
    const struct turn *first = request->prompt.turns;
    bool is_alone = !first->next;
    if (request->system.len) {
        buf_append_str(out, buf_str(&request->system));
        buf_append_lit(out, "\n\n");
    }
    if (!is_alone)
        buf_append_lit(out, "A conversation follows. Give the assistant's next answer, and nothing "
                            "else.\n\n");
    for (const struct turn *turn = first; turn; turn = turn->next)
        put_turn(out, turn, is_alone);
}

static enum err start(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                      struct error *error)
{
    AUTO_BUF struct buf prompt;
    buf_init(&prompt, PROMPT_MAX);
    if (!buf_reserve(&prompt, PROMPT_MAX)) /* now, so that to fail later is to be too long */
        return error_set(error, ERR_NO_MEMORY, "no memory to start cursor");
    put_prompt(&prompt, job->request);
    if (prompt.failed)
        return error_set(error, ERR_TOO_LARGE,
                         "prompt is too long: Cursor takes %u bytes on its command line",
                         PROMPT_MAX);
    if (memchr(prompt.data, '\0', prompt.len))
        return error_set(error, ERR_MALFORMED, "messages: Cursor takes no NUL character");
    launch_arg(launch, job->terms->program);
    launch_arg(launch, "-p");
    launch_arg(launch, "--output-format");
    launch_arg(launch, "stream-json");
    launch_arg(launch, "--stream-partial-output");
    if (job->terms->allow_tools) {
        launch_arg(launch, "--force");
    } else {
        launch_arg(launch, "--mode");
        launch_arg(launch, "ask");
    }
    if (job->model.len) {
        launch_arg(launch, "--model");
        launch_arg_str(launch, job->model);
    }
    launch_arg(launch, "--"); /* a prompt may begin with a dash */
    launch_arg_str(launch, buf_str(&prompt));
    launch_env(launch, "TMPDIR=%s", job->side_dir);
    talk->ends_input = true;
    return launch->failed ? error_set(error, ERR_NO_MEMORY, "no memory to start cursor") : OK;
}

static enum err judge(struct json_reader *reader, struct str output, int exit_status,
                      struct cli_findings *findings, struct error *error)
{
    (void)reader;
    if (getenv("CURSOR_API_KEY")) {
        str_copy(STR("CURSOR_API_KEY"), findings->login, sizeof findings->login);
        return OK;
    }
    if (exit_status != 0 || str_ifind(output, STR("not logged in"), NULL))
        return error_set(error, ERR_UNAUTHORIZED,
                         "nobody is logged in to Cursor here: run `cursor-agent login` as this "
                         "user, or set CURSOR_API_KEY");
    str_copy(STR("login"), findings->login, sizeof findings->login);
    return OK;
}

const struct cli_tool cursor_tool = {
    .name = "cursor",
    .program = "cursor-agent",
    .model = "cursor",
    .version_flag = "--version",
    .speaks = ENDPOINT_MESSAGES,
    .tool_name_bytes = 128,
    .own_bytes = sizeof(struct cursor_own),
    .start = start,
    .on_line = on_line,
    .probe_args = {"status"},
    .judge = judge,
};
