/* wire/messages_tools_read.c: tools and tool_choice of a messages body.
 *
 * A tool without a type, or of type custom, is the caller's own: it goes anywhere. All others (web_search_20250305,
 * bash_20250124, ...) mean something that only Anthropic's models or servers know: dropped, each by its type.
 */
#include "wire/messages_parts.h"

#include <stdio.h>

static void drop_hosted(struct prompt *prompt, struct str type)
{
    char field[FIDELITY_FIELD_MAX];
    (void)snprintf(field, sizeof field, "tools.%.*s", (int)(type.len < 64 ? type.len : 64),
                   type.at);
    prompt_drop(prompt, field);
}

/* Who may call it: the model itself is what everybody understands. */
static bool is_for_the_model_alone(struct json callers)
{
    for (struct json_cursor c = json_each(callers); json_next(&c);)
        if (!str_eq(prompt_text(c.value), STR("direct")))
            return false;
    return true;
}

static void note_extras(struct prompt *prompt, struct json tool)
{
    bool is_deferred;
    if (json_bool(json_get(tool, "defer_loading"), &is_deferred) && is_deferred)
        prompt_emulate(prompt, "tools.defer_loading"); /* it is there from the start instead */
    if (!is_for_the_model_alone(json_get(tool, "allowed_callers")))
        prompt_drop(prompt, "tools.allowed_callers");
    messages_note_rest(prompt, tool, "tools.",
                       " type name description input_schema strict defer_loading allowed_callers"
                       " eager_input_streaming ");
}

static enum err read_tool(struct messages_body *body, struct json value)
{
    struct prompt *prompt = body->prompt;
    struct str type = prompt_text(json_get(value, "type")), name;
    struct json schema = json_get(value, "input_schema");
    bool is_strict;
    if (json_type_of(value) != JSON_OBJECT)
        return messages_refuse(body, " must be an object");
    if (type.len && !str_eq(type, STR("custom"))) {
        drop_hosted(prompt, type);
        return OK;
    }
    if (!json_string(json_get(value, "name"), &name) || name.len == 0)
        return messages_refuse(body, ".name must be a string");
    if (json_says_something(schema) && json_type_of(schema) != JSON_OBJECT)
        return messages_refuse(body, ".input_schema must be an object");
    struct tool *tool = prompt_add_tool(prompt, TOOL_FUNCTION);
    if (!tool)
        return ERR_NO_MEMORY;
    tool->name = name;
    tool->description = prompt_text(json_get(value, "description"));
    if (json_type_of(schema) == JSON_OBJECT)
        tool->schema = prompt_raw(prompt, schema);
    if (json_bool(json_get(value, "strict"), &is_strict))
        tool->strict = is_strict ? MAYBE_YES : MAYBE_NO;
    note_extras(prompt, value);
    return OK;
}

enum err messages_read_tools(struct messages_body *body, struct json tools)
{
    size_t number = 0;
    enum err err = OK;
    if (json_type_of(tools) != JSON_ARRAY)
        return messages_refuse(body, "tools must be an array");
    for (struct json_cursor c = json_each(tools); err == OK && json_next(&c);) {
        (void)snprintf(body->place, sizeof body->place, "tools[%zu]", number++);
        err = read_tool(body, c.value);
    }
    if (err == OK)
        body->place[0] = '\0';
    return err;
}

static const struct choice_row {
    struct str type;
    enum tool_choice choice;
} choices[] = {
    {STR_INIT("auto"), CHOICE_AUTO},
    {STR_INIT("any"), CHOICE_ANY},
    {STR_INIT("tool"), CHOICE_NAMED},
    {STR_INIT("none"), CHOICE_NONE},
};

enum err messages_read_choice(struct messages_body *body, struct json value)
{
    struct prompt *prompt = body->prompt;
    struct str type = prompt_text(json_get(value, "type"));
    bool is_one_at_a_time;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (str_eq(type, choices[i].type))
            prompt->choice = choices[i].choice;
    if (prompt->choice == CHOICE_UNSET)
        return messages_refuse(body, "tool_choice.type must be auto, any, tool or none");
    prompt->choice_name = prompt_text(json_get(value, "name"));
    if (prompt->choice == CHOICE_NAMED && prompt->choice_name.len == 0)
        return messages_refuse(body, "tool_choice.name must be a string");
    if (json_bool(json_get(value, "disable_parallel_tool_use"), &is_one_at_a_time) &&
        is_one_at_a_time)
        prompt->parallel_tools = MAYBE_NO;
    messages_note_rest(prompt, value, "tool_choice.", " type name disable_parallel_tool_use ");
    return OK;
}
