/* wire/responses_tools_write.c: tools, and which of them must be used, in the responses dialect.
 *
 * Custom tools and namespaces are its own: they are written as they are. A namespace is native only where the flat name
 * would be "space__name": then an answer's call, which names both, is found again under that name
 * (responses_item_read). One that had to be cut or cleaned is a plain function under its flat name.
 */
#include "json/json_writer.h"
#include "wire/responses_parts.h"

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_space_and_name(struct str flat, struct str space, struct str name)
{
    return flat.len == space.len + 2 + name.len && str_starts(flat, space) &&
           str_starts(str_from(flat, space.len), STR("__")) && str_ends(flat, name);
}

struct str responses_tool_name(struct prompt *prompt, struct str space, struct str name,
                               struct str *out_space)
{
    struct str flat = tool_name_out(prompt->names, space, name, false);
    bool is_native = space.len > 0 && is_space_and_name(flat, space, name);
    if (flat.len == 0)
        prompt->failed = true;
    *out_space = is_native ? space : STR("");
    if (space.len > 0 && !is_native)
        prompt_emulate(prompt, "tools.namespace");
    return is_native ? name : flat;
}

/* ---- definitions ----------------------------------------------------------------------------- */

static void put_function(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *writer, const struct tool *tool)
{
    if (tool->schema.len)
        json_put_raw(writer, "parameters", tool->schema);
    else
        json_put_raw(writer, "parameters", STR("{\"type\":\"object\",\"properties\":{}}"));
    /* The API's default is true, which changes the schema; chat's and Anthropic's is false. */
    if (!(target->quirks & QUIRK_NO_STRICT_SCHEMA))
        json_put_bool(writer, "strict", tool->strict == MAYBE_YES);
    else if (tool->strict == MAYBE_YES)
        prompt_drop(prompt, "tools.strict");
}

static void put_tool(struct prompt *prompt, const struct prompt_target *target,
                     struct json_writer *writer, const struct tool *tool, struct str name)
{
    bool is_custom = tool->kind == TOOL_CUSTOM;
    json_open_object(writer);
    json_put_text(writer, "type", is_custom ? "custom" : "function");
    json_put_string(writer, "name", name);
    if (tool->description.len)
        json_put_string(writer, "description", tool->description);
    if (!is_custom)
        put_function(prompt, target, writer, tool);
    else if (tool->format.len)
        json_put_raw(writer, "format", tool->format);
    json_close_object(writer);
}

/* The list of tools, or (`only`) one of them. */
struct tool_list {
    struct prompt *prompt;
    const struct prompt_target *target;
    struct json_writer *writer;
    const struct tool *only;
};

static bool is_listed(const struct tool_list *list, const struct tool *tool, struct str space)
{
    return (!list->only || tool == list->only) && str_eq(tool->space, space);
}

static void open_space(struct json_writer *writer, struct str space)
{
    json_open_object(writer);
    json_put_text(writer, "type", "namespace");
    json_put_string(writer, "name", space);
    json_put_text(writer, "description", "Tools of this namespace."); /* required */
    json_open_array(writer, "tools");
}

/* From its first tool on, all of a namespace: grouped those that can keep it, then the others. */
static void put_space(const struct tool_list *list, const struct tool *first)
{
    struct json_writer *writer = list->writer;
    struct str space, name;
    bool is_open = false;
    for (const struct tool *tool = first; tool; tool = tool->next) {
        if (!is_listed(list, tool, first->space))
            continue;
        name = responses_tool_name(list->prompt, tool->space, tool->name, &space);
        if (space.len == 0)
            continue;
        if (!is_open)
            open_space(writer, space);
        is_open = true;
        put_tool(list->prompt, list->target, writer, tool, name);
    }
    if (is_open) {
        json_close_array(writer);
        json_close_object(writer);
    }
    for (const struct tool *tool = first; tool; tool = tool->next) {
        if (!is_listed(list, tool, first->space))
            continue;
        name = responses_tool_name(list->prompt, tool->space, tool->name, &space);
        if (space.len == 0)
            put_tool(list->prompt, list->target, writer, tool, name);
    }
}

static bool is_first_of_space(const struct tool_list *list, const struct tool *tool)
{
    const struct tool *other = list->prompt->tools;
    while (other != tool && !is_listed(list, other, tool->space))
        other = other->next;
    return other == tool;
}

static void put_tools(const struct tool_list *list)
{
    struct str no_space;
    json_open_array(list->writer, "tools");
    for (const struct tool *tool = list->prompt->tools; tool; tool = tool->next) {
        if (!is_listed(list, tool, tool->space))
            continue;
        if (tool->space.len == 0)
            put_tool(list->prompt, list->target, list->writer, tool,
                     responses_tool_name(list->prompt, tool->space, tool->name, &no_space));
        else if (is_first_of_space(list, tool))
            put_space(list, tool);
    }
    json_close_array(list->writer);
}

/* ---- which must be used ---------------------------------------------------------------------- */

/* The tool that must be used, when there is one of that name. */
static const struct tool *chosen(const struct prompt *prompt)
{
    const struct tool *tool = prompt->choice == CHOICE_NAMED ? prompt->tools : NULL;
    while (tool &&
           !(str_eq(tool->name, prompt->choice_name) && str_eq(tool->space, prompt->choice_space)))
        tool = tool->next;
    return tool;
}

static void put_named(struct prompt *prompt, struct json_writer *writer, const struct tool *tool)
{
    struct str space;
    struct str name = responses_tool_name(prompt, tool->space, tool->name, &space);
    json_open_object_named(writer, "tool_choice");
    json_put_text(writer, "type", tool->kind == TOOL_CUSTOM ? "custom" : "function");
    json_put_string(writer, "name", name);
    if (space.len)
        json_put_string(writer, "namespace", space);
    json_close_object(writer);
}

static bool is_forced(const struct prompt *prompt)
{
    return prompt->choice == CHOICE_ANY || prompt->choice == CHOICE_NAMED;
}

static void put_choice(const struct tool_list *list, const struct tool *named)
{
    struct prompt *prompt = list->prompt;
    bool is_unknown = prompt->choice == CHOICE_NAMED && !named; /* a tool that nobody defined */
    if (is_forced(prompt) && ((list->target->quirks & QUIRK_NO_FORCED_TOOL) || is_unknown)) {
        prompt_change(prompt, "tool_choice");
        json_put_text(list->writer, "tool_choice", "auto");
    } else if (list->only) {
        prompt_emulate(prompt, "tool_choice");
        json_put_text(list->writer, "tool_choice", "required");
    } else if (named) {
        put_named(prompt, list->writer, named);
    } else if (prompt->choice != CHOICE_UNSET) {
        json_put_text(list->writer, "tool_choice",
                      prompt->choice == CHOICE_ANY    ? "required"
                      : prompt->choice == CHOICE_NONE ? "none"
                                                      : "auto");
    }
}

static void put_parallel(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *writer)
{
    if (prompt->parallel_tools == MAYBE_UNSET)
        return;
    if (!(target->quirks & QUIRK_NO_PARALLEL_FLAG))
        json_put_bool(writer, "parallel_tool_calls", prompt->parallel_tools == MAYBE_YES);
    else if (prompt->parallel_tools == MAYBE_NO)
        prompt_drop(prompt, "parallel_tool_calls");
}

void responses_tools_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer)
{
    struct tool_list list = {.prompt = prompt, .target = target, .writer = writer};
    const struct tool *named = chosen(prompt);
    if (!prompt->tools) {
        if (is_forced(prompt)) /* all tools were hosted ones */
            prompt_drop(prompt, "tool_choice");
        return;
    }
    if ((target->quirks & QUIRK_NAMED_TOOL_IGNORED) && !(target->quirks & QUIRK_NO_FORCED_TOOL))
        list.only = named;
    put_tools(&list);
    put_choice(&list, named);
    put_parallel(prompt, target, writer);
}
