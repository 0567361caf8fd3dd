/* wire/messages_tools_write.c: `tools` and `tool_choice`. */
#include "wire/messages_parts.h"

/* A custom tool takes free text: here, the one argument of a function. The answer's writer takes it out again. */
static const struct str custom_schema = STR_INIT(
    "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"]}");
static const struct str empty_schema = STR_INIT("{\"type\":\"object\",\"properties\":{}}");

static bool has_quirk(const struct messages_plan *plan, enum quirk quirk)
{
    return (plan->target->quirks & (unsigned)quirk) != 0;
}

/* The caller's, byte for byte; but Anthropic wants "type":"object" at its top, which OpenAI lets callers leave out. */
static void put_schema(const struct messages_plan *plan, struct json_writer *writer,
                       struct str schema)
{
    struct json root;
    bool has_type = true;
    if (schema.len == 0)
        schema = empty_schema;
    if (json_parse(plan->prompt->scratch, schema, &root, NULL) == OK)
        has_type = json_type_of(json_get(root, "type")) != JSON_ABSENT;
    if (has_type || json_type_of(root) != JSON_OBJECT) {
        json_put_raw(writer, "input_schema", schema);
        return;
    }
    struct str inside = schema;
    (void)str_cut(&inside, '{');
    json_put_raw(writer, "input_schema", STR("{\"type\":\"object\""));
    if (json_count(root) > 0)
        buf_putc(writer->buf, ',');
    buf_append_str(writer->buf, inside);
}

/* What a custom tool's text has to look like can only be told. */
static void put_description(const struct messages_plan *plan, struct json_writer *writer,
                            const struct tool *tool)
{
    if (tool->kind == TOOL_CUSTOM && tool->format.len) {
        struct str head = prompt_join(plan->prompt, tool->description,
                                      STR("\n\nThe input has to follow this definition: "));
        json_put_string(writer, "description", prompt_join(plan->prompt, head, tool->format));
    } else if (tool->description.len) {
        json_put_string(writer, "description", tool->description);
    }
}

static void put_tool(const struct messages_plan *plan, struct json_writer *writer,
                     const struct tool *tool)
{
    struct prompt *prompt = plan->prompt;
    bool is_custom = tool->kind == TOOL_CUSTOM;
    struct str name = tool_name_out(prompt->names, tool->space, tool->name, is_custom);
    if (name.len == 0) { /* more of them than we keep names for */
        prompt_drop(prompt, "tools");
        return;
    }
    if (is_custom)
        prompt_emulate(prompt, "tools.custom");
    json_open_object(writer);
    json_put_string(writer, "name", name);
    put_description(plan, writer, tool);
    put_schema(plan, writer, is_custom ? custom_schema : tool->schema);
    if (tool->strict == MAYBE_YES && has_quirk(plan, QUIRK_NO_STRICT_SCHEMA))
        prompt_drop(prompt, "tools.strict");
    else if (tool->strict == MAYBE_YES)
        json_put_bool(writer, "strict", true);
    json_close_object(writer);
}

/* ---- tool_choice ------------------------------------------------------------------------------ */

static bool is_custom_tool(const struct prompt *prompt, struct str space, struct str name)
{
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next)
        if (str_eq(tool->name, name) && str_eq(tool->space, space))
            return tool->kind == TOOL_CUSTOM;
    return false;
}

static bool says_one_at_a_time(const struct messages_plan *plan)
{
    struct prompt *prompt = plan->prompt;
    if (prompt->parallel_tools != MAYBE_NO || plan->choice == CHOICE_NONE)
        return false;
    if (!has_quirk(plan, QUIRK_NO_PARALLEL_FLAG))
        return true;
    prompt_drop(prompt, "parallel_tool_calls");
    return false;
}

static void put_choice(const struct messages_plan *plan, struct json_writer *writer)
{
    static const char *const types[] = {[CHOICE_UNSET] = "auto",
                                        [CHOICE_AUTO] = "auto",
                                        [CHOICE_NONE] = "none",
                                        [CHOICE_ANY] = "any",
                                        [CHOICE_NAMED] = "tool"};
    struct prompt *prompt = plan->prompt;
    bool is_one_at_a_time = says_one_at_a_time(plan);
    if (plan->choice == CHOICE_UNSET && !is_one_at_a_time)
        return;
    json_open_object_named(writer, "tool_choice");
    json_put_text(writer, "type", types[plan->choice]);
    if (plan->choice == CHOICE_NAMED) {
        bool is_custom = is_custom_tool(prompt, prompt->choice_space, prompt->choice_name);
        json_put_string(
            writer, "name",
            tool_name_out(prompt->names, prompt->choice_space, prompt->choice_name, is_custom));
    }
    if (is_one_at_a_time)
        json_put_bool(writer, "disable_parallel_tool_use", true);
    json_close_object(writer);
}

/* ---- none, but a history with calls ------------------------------------------------------------ */

static const struct part *first_call(const struct prompt *prompt)
{
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_TOOL_CALL)
                return part;
    return NULL;
}

/* Tool blocks in the history want `tools` as well. The caller offers none any more: one for show, not to be used. */
static void put_stand_in(const struct messages_plan *plan, struct json_writer *writer,
                         const struct part *call)
{
    struct prompt *prompt = plan->prompt;
    json_open_array(writer, "tools");
    json_open_object(writer);
    json_put_string(writer, "name",
                    tool_name_out(prompt->names, call->space, call->name, call->is_custom));
    json_put_raw(writer, "input_schema", empty_schema);
    json_close_object(writer);
    json_close_array(writer);
    json_open_object_named(writer, "tool_choice");
    json_put_text(writer, "type", "none");
    json_close_object(writer);
    prompt_emulate(prompt, "tools");
}

void messages_write_tools(const struct messages_plan *plan, struct json_writer *writer)
{
    const struct part *call = plan->prompt->tools ? NULL : first_call(plan->prompt);
    if (call)
        put_stand_in(plan, writer, call);
    if (!plan->prompt->tools)
        return;
    json_open_array(writer, "tools");
    for (const struct tool *tool = plan->prompt->tools; tool; tool = tool->next)
        put_tool(plan, writer, tool);
    json_close_array(writer);
    put_choice(plan, writer);
}
