/* worker/cli_request.c: body -> common form -> the tool's dialect. */
#include "worker/cli_request.h"

#include "worker/cli_tool.h"

#define ARENA_BYTES (64u << 20)

enum err cli_bench_open(struct cli_bench *bench)
{
    *bench = (struct cli_bench){0};
    if (json_reader_new(CLI_BODY_MAX, &bench->source) == OK &&
        json_reader_new(CLI_BODY_MAX, &bench->scratch) == OK &&
        json_reader_new(CLI_TEXT_MAX, &bench->text) == OK &&
        json_reader_new(TALK_LINE_MAX, &bench->line) == OK)
        return OK;
    cli_bench_close(bench);
    return ERR_NO_MEMORY;
}

void cli_bench_close(struct cli_bench *bench)
{
    json_reader_free(bench->source);
    json_reader_free(bench->scratch);
    json_reader_free(bench->text);
    json_reader_free(bench->line);
    *bench = (struct cli_bench){0};
}

/* ---- what is said at the start ----------------------------------------------------------------- */

/* Takes the system turns in front out of the conversation: every tool has a place of its own for them. */
static void take_system(struct cli_request *request)
{
    struct prompt *prompt = &request->prompt;
    for (; prompt->turns && prompt->turns->role <= TURN_DEVELOPER;
         prompt->turns = prompt->turns->next)
        for (const struct part *part = prompt->turns->parts; part; part = part->next) {
            if (part->kind != PART_TEXT || prompt_is_billing(part))
                continue;
            if (request->system.len)
                buf_append_lit(&request->system, "\n\n");
            buf_append_str(&request->system, part->text);
        }
    if (!prompt->turns)
        prompt->last_turn = NULL;
}

/* ---- names of tools ---------------------------------------------------------------------------- */

static void rename_all(struct prompt *prompt, const struct cli_tool *tool)
{
    if (!tool->rename)
        return;
    for (struct tool *one = prompt->tools; one; one = one->next)
        if (tool->rename(one->name))
            one->name = str_of(tool->rename(one->name));
    for (struct turn *turn = prompt->turns; turn; turn = turn->next)
        for (struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_TOOL_CALL && tool->rename(part->name))
                part->name = str_of(tool->rename(part->name));
}

/* ---- what cannot be carried --------------------------------------------------------------------- */

static void drop_number(struct prompt *prompt, struct str *number, const char *field)
{
    if (number->len)
        prompt_drop(prompt, field);
    *number = STR("");
}

static void note_losses(struct prompt *prompt, const struct cli_tool *tool)
{
    drop_number(prompt, &prompt->temperature, "temperature");
    drop_number(prompt, &prompt->top_p, "top_p");
    drop_number(prompt, &prompt->top_k, "top_k");
    if (prompt->stop_count)
        prompt_drop(prompt, "stop_sequences");
    prompt->stop_count = 0;
    if (prompt->choice == CHOICE_ANY || prompt->choice == CHOICE_NAMED) {
        prompt_drop(prompt, "tool_choice");
        prompt->choice = CHOICE_AUTO;
    }
    if (prompt->choice == CHOICE_NONE) /* not offered, then */
        prompt->tools = prompt->last_tool = NULL;
    if (prompt->format == OUTPUT_SCHEMA && !tool->takes_schema) {
        prompt_drop(prompt, "output_config.format");
        prompt->format = OUTPUT_TEXT;
    }
    prompt->service_tier = STR("");
    prompt->user = STR("");
}

static bool has_part(const struct prompt *prompt, enum part_kind kind)
{
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next) {
            if (part->kind == kind)
                return true;
            for (const struct part *inside = part->inside; inside; inside = inside->next)
                if (inside->kind == kind)
                    return true;
        }
    return false;
}

static enum err check(const struct prompt *prompt, const struct cli_tool *tool, struct error *error)
{
    if (!prompt->turns)
        return error_set(error, ERR_MALFORMED, "messages: there is no message to answer");
    if (prompt->last_turn->role == TURN_ASSISTANT)
        return error_set(error, ERR_MALFORMED,
                         "messages: the last one is the assistant's; %s cannot go on in the middle "
                         "of an answer, so end with a user message",
                         tool->name);
    if (prompt->tools && !tool->takes_tools)
        return error_set(error, ERR_MALFORMED, "tools: %s takes no tools of its caller's",
                         tool->name);
    if (!tool->takes_images && (has_part(prompt, PART_IMAGE) || has_part(prompt, PART_DOCUMENT)))
        return error_set(error, ERR_MALFORMED, "messages: %s takes text only", tool->name);
    return OK;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* The top level's `model`, which the common form leaves to the router. */
static enum err take_model(struct cli_request *request, struct json root, struct error *error)
{
    struct str model;
    if (!json_string(json_get(root, "model"), &model) || model.len == 0)
        return error_set(error, ERR_MALFORMED, "model must be a string");
    char *copy = arena_dup(&request->arena, model.at, model.len);
    if (!copy)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the request");
    request->model = (struct str){copy, model.len};
    return OK;
}

static enum err read_prompt(struct cli_request *request, struct str body, struct error *error)
{
    struct cli_bench *bench = request->bench;
    struct prompt *prompt = &request->prompt;
    struct json root;
    enum err err = json_parse(bench->source, body, &root, error);
    if (err != OK)
        return err;
    prompt_init(prompt, &request->arena, bench->source, bench->scratch, body, &request->fidelity,
                &request->names);
    err = messages_prompt_read(prompt, root, error);
    return err == OK ? take_model(request, root, error) : err;
}

static enum err write_text(struct cli_request *request, const struct cli_tool *tool,
                           struct error *error)
{
    struct prompt_target target = {
        .model = request->model, .quirks = QUIRK_LOCAL, .max_output_tokens = -1};
    enum err err =
        dialect_facts(tool->speaks)->prompt_write(&request->prompt, &target, &request->text);
    if (err == OK)
        err = json_parse(request->bench->text, buf_str(&request->text), &request->root, NULL);
    if (err != OK || request->system.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the request");
    const char *name = tool->speaks == ENDPOINT_RESPONSES ? "input" : "messages";
    request->history = json_get(request->root, name);
    request->history_count = json_count(request->history);
    return OK;
}

enum err cli_request_read(struct cli_request *request, struct cli_bench *bench,
                          const struct cli_tool *tool, struct str body, struct error *error)
{
    *request = (struct cli_request){.bench = bench};
    struct prompt *prompt = &request->prompt;
    arena_init(&request->arena, ARENA_BYTES);
    tool_names_init(&request->names, &request->arena, tool->tool_name_bytes);
    buf_init(&request->system, CLI_SYSTEM_MAX);
    buf_init(&request->text, CLI_TEXT_MAX);
    enum err err = read_prompt(request, body, error);
    if (err == OK)
        take_system(request);
    if (err == OK)
        err = check(prompt, tool, error);
    if (err != OK)
        return err;
    request->is_stream = prompt->is_stream;
    request->wants_thinking =
        (prompt->thinking == THINKING_ON || prompt->thinking == THINKING_ADAPTIVE) &&
        !str_eq(prompt->thinking_shown, STR("omitted"));
    note_losses(prompt, tool);
    rename_all(prompt, tool);
    return write_text(request, tool, error);
}

void cli_request_slim(struct cli_request *request)
{
    buf_release(&request->system);
    buf_release(&request->text);
    request->prompt.turns = request->prompt.last_turn = NULL;
    request->root = request->history = (struct json){0};
}

void cli_request_release(struct cli_request *request)
{
    cli_request_slim(request);
    arena_release(&request->arena);
}

/* ---- what was said before ------------------------------------------------------------------------ */

struct str cli_request_raw(const struct cli_request *request, struct json value)
{
    return json_raw(request->bench->text, value, buf_str(&request->text));
}

static uint64_t mix(uint64_t hash, struct str text)
{
    return (hash ^ str_hash(text)) * UINT64_C(0x9e3779b97f4a7c15) + text.len;
}

uint64_t cli_request_hash(const struct cli_request *request, size_t count)
{
    uint64_t hash = mix(0, request->model);
    hash = mix(hash, buf_str(&request->system));
    hash = mix(hash, cli_request_raw(request, json_get(request->root, "tools")));
    struct json_cursor c = json_each(request->history);
    for (size_t i = 0; i < count && json_next(&c); i++)
        hash = mix(hash, cli_request_raw(request, c.value));
    return hash;
}

const struct turn *cli_request_news(const struct cli_request *request)
{
    const struct turn *news = request->prompt.turns;
    for (const struct turn *turn = news; turn; turn = turn->next)
        if (turn->role == TURN_ASSISTANT)
            news = turn->next;
    return news;
}
