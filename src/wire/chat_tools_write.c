/* wire/chat_tools_write.c: tools and the choice among them, for a chat completions provider.
 *
 * Custom tools, which take free text, become functions with one string: OpenAI's own chat completions know them, but
 * hardly any compatible service does. Their grammar goes into the description, where a model can read it.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

#define EMPTY_SCHEMA "{\"type\":\"object\",\"properties\":{}}"
#define INPUT_SCHEMA                                                         \
    "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}}," \
    "\"required\":[\"input\"],\"additionalProperties\":false}"

static bool is_named(const struct prompt *prompt, const struct tool *tool)
{
    return str_eq(tool->name, prompt->choice_name) && str_eq(tool->space, prompt->choice_space);
}

static const struct tool *named_tool(const struct prompt *prompt)
{
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next)
        if (is_named(prompt, tool))
            return tool;
    return NULL;
}

static struct str sent_name(struct prompt *prompt, const struct tool *tool)
{
    struct str name =
        tool_name_out(prompt->names, tool->space, tool->name, tool->kind == TOOL_CUSTOM);
    if (name.len == 0)
        prompt->failed = true;
    return name;
}

/* The grammar's own text, when it can be found; else the raw JSON says it too. */
static struct str grammar_text(struct prompt *prompt, struct str format)
{
    struct json root;
    struct str definition = STR("");
    if (json_parse(prompt->scratch, format, &root, NULL) == OK)
        definition = json_string_or_empty(json_get(root, "definition"));
    return definition.len ? definition : format;
}

static void put_custom(struct prompt *prompt, struct json_writer *json, const struct tool *tool)
{
    struct str description = tool->description;
    if (tool->format.len) {
        struct str heading = prompt_join(prompt, description, STR("\n\nGrammar of the input:\n"));
        description = prompt_join(prompt, heading, grammar_text(prompt, tool->format));
    }
    if (description.len)
        json_put_string(json, "description", description);
    json_put_raw(json, "parameters", STR(INPUT_SCHEMA));
    prompt_emulate(prompt, "tools.custom");
}

static void put_function(struct prompt *prompt, unsigned quirks, struct json_writer *json,
                         const struct tool *tool)
{
    bool may_be_strict = !(quirks & QUIRK_NO_STRICT_SCHEMA);
    if (tool->description.len)
        json_put_string(json, "description", tool->description);
    json_put_raw(json, "parameters", tool->schema.len ? tool->schema : STR(EMPTY_SCHEMA));
    if (tool->strict != MAYBE_UNSET && may_be_strict)
        json_put_bool(json, "strict", tool->strict == MAYBE_YES);
    else if (tool->strict == MAYBE_YES)
        prompt_drop(prompt, "tools.strict");
}

static void put_tool(struct prompt *prompt, unsigned quirks, struct json_writer *json,
                     const struct tool *tool)
{
    json_open_object(json);
    json_put_string(json, "type", STR("function"));
    json_open_object_named(json, "function");
    json_put_string(json, "name", sent_name(prompt, tool));
    if (tool->space.len)
        prompt_emulate(prompt, "tools.namespace");
    if (tool->kind == TOOL_CUSTOM)
        put_custom(prompt, json, tool);
    else
        put_function(prompt, quirks, json, tool);
    json_close_object(json);
    json_close_object(json);
}

static void put_named_choice(struct prompt *prompt, struct json_writer *json,
                             const struct tool *tool)
{
    json_open_object_named(json, "tool_choice");
    json_put_string(json, "type", STR("function"));
    json_open_object_named(json, "function");
    json_put_string(json, "name", sent_name(prompt, tool));
    json_close_object(json);
    json_close_object(json);
}

/* `only` is the one tool that was listed, to say by "required" that it is to be used. */
static void put_choice(struct prompt *prompt, unsigned quirks, struct json_writer *json,
                       const struct tool *only)
{
    const struct tool *named = prompt->choice == CHOICE_NAMED ? named_tool(prompt) : NULL;
    bool is_forced = prompt->choice == CHOICE_ANY || prompt->choice == CHOICE_NAMED;
    if (is_forced && (quirks & QUIRK_NO_FORCED_TOOL)) {
        prompt_change(prompt, "tool_choice");
        json_put_string(json, "tool_choice", STR("auto"));
    } else if (prompt->choice == CHOICE_ANY || only) {
        json_put_string(json, "tool_choice", STR("required"));
    } else if (named) {
        put_named_choice(prompt, json, named);
    } else if (prompt->choice == CHOICE_NAMED) {
        prompt_drop(prompt, "tool_choice"); /* of a tool that is not listed */
    } else if (prompt->choice != CHOICE_UNSET) {
        json_put_string(json, "tool_choice",
                        prompt->choice == CHOICE_NONE ? STR("none") : STR("auto"));
    }
}

static void put_parallel(struct prompt *prompt, unsigned quirks, struct json_writer *json)
{
    if (prompt->parallel_tools == MAYBE_UNSET)
        return;
    if (!(quirks & QUIRK_NO_PARALLEL_FLAG))
        json_put_bool(json, "parallel_tool_calls", prompt->parallel_tools == MAYBE_YES);
    else if (prompt->parallel_tools == MAYBE_NO)
        prompt_drop(prompt, "parallel_tool_calls");
}

void chat_tools_write(struct prompt *prompt, unsigned quirks, struct json_writer *json)
{
    const struct tool *only = NULL;
    if (!prompt->tools)
        return; /* a choice without tools is refused, and chooses nothing */
    if (prompt->choice == CHOICE_NAMED && (quirks & QUIRK_NAMED_TOOL_IGNORED) &&
        !(quirks & QUIRK_NO_FORCED_TOOL))
        only = named_tool(prompt);
    if (only)
        prompt_emulate(prompt, "tool_choice");
    json_open_array(json, "tools");
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next)
        if (!only || tool == only)
            put_tool(prompt, quirks, json, tool);
    json_close_array(json);
    put_choice(prompt, quirks, json, only);
    put_parallel(prompt, quirks, json);
}
