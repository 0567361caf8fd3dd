/* wire/chat_tools_read.c: the tools of a chat completions request, and the choice among them. */
#include "wire/chat_parts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* {"type":"grammar","grammar":{…}} as {"type":"grammar",…}: the form of the responses dialect. Any text is no grammar. */
static struct str grammar_of(struct prompt *prompt, struct json format)
{
    struct json grammar = json_get(format, "grammar");
    if (json_type_of(grammar) != JSON_OBJECT || json_count(grammar) == 0)
        return STR("");
    return prompt_join(prompt, STR("{\"type\":\"grammar\","),
                       str_from(prompt_raw(prompt, grammar), 1));
}

/* `about` is the object with the name: of a function, of a custom tool, or a function of old. */
static enum err add_tool(struct prompt *prompt, enum tool_kind kind, struct json about,
                         struct error *error)
{
    static const struct str known[] = {STR_INIT("name"), STR_INIT("description"),
                                       STR_INIT("parameters"), STR_INIT("strict"),
                                       STR_INIT("format")};
    struct str name = prompt_text(json_get(about, "name"));
    if (name.len == 0)
        return error_set(error, ERR_MALFORMED, "a tool of \"tools\" has no name");
    struct tool *tool = prompt_add_tool(prompt, kind);
    if (!tool)
        return ERR_NO_MEMORY;
    tool->name = name;
    tool->description = prompt_text(json_get(about, "description"));
    tool->strict = prompt_maybe(json_get(about, "strict"));
    if (kind == TOOL_CUSTOM)
        tool->format = grammar_of(prompt, json_get(about, "format"));
    else if (json_type_of(json_get(about, "parameters")) == JSON_OBJECT)
        tool->schema = prompt_raw(prompt, json_get(about, "parameters"));
    prompt_drop_others(prompt, about, known, COUNT(known), "tools");
    return OK;
}

static enum err read_tool(struct prompt *prompt, struct json value, struct error *error)
{
    static const struct str known[] = {STR_INIT("type"), STR_INIT("function"), STR_INIT("custom")};
    struct json function = json_get(value, "function"), custom = json_get(value, "custom");
    enum err err = OK;
    if (json_type_of(value) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "\"tools\" must be an array of objects");
    if (json_type_of(function) == JSON_OBJECT)
        err = add_tool(prompt, TOOL_FUNCTION, function, error);
    else if (json_type_of(custom) == JSON_OBJECT)
        err = add_tool(prompt, TOOL_CUSTOM, custom, error);
    else
        prompt_drop_member(prompt, "tools", prompt_text(json_get(value, "type")));
    prompt_drop_others(prompt, value, known, COUNT(known), "tools");
    return err;
}

enum err chat_tools_read(struct prompt *prompt, struct json tools, struct error *error)
{
    enum err err = OK;
    for (struct json_cursor c = json_each(tools); err == OK && json_next(&c);)
        err = read_tool(prompt, c.value, error);
    return err;
}

/* Whoever sends these waits for `function_call` in the answer, which will hold `tool_calls`: a change. */
enum err chat_functions_read(struct prompt *prompt, struct json functions, struct error *error)
{
    enum err err = OK;
    for (struct json_cursor c = json_each(functions); err == OK && json_next(&c);)
        err = add_tool(prompt, TOOL_FUNCTION, c.value, error);
    prompt_change(prompt, "functions");
    return err;
}

/* ---- the choice -------------------------------------------------------------------------------- */

static const struct choice_row {
    struct str word;
    enum tool_choice choice;
} choice_rows[] = {
    {STR_INIT("auto"), CHOICE_AUTO},
    {STR_INIT("none"), CHOICE_NONE},
    {STR_INIT("required"), CHOICE_ANY},
    {STR_INIT("any"), CHOICE_ANY}, /* Mistral's word */
};

static void read_word(struct prompt *prompt, struct str word)
{
    for (size_t i = 0; i < COUNT(choice_rows); i++) {
        if (str_eq(word, choice_rows[i].word)) {
            prompt->choice = choice_rows[i].choice;
            return;
        }
    }
    prompt_drop(prompt, "tool_choice");
}

/* A word; {function: {name}}, {custom: {name}}; {allowed_tools: {mode}}; of old: {name}. */
bool chat_choice_read(struct prompt *prompt, struct json value)
{
    struct json allowed = json_get(value, "allowed_tools");
    struct str word, name = prompt_text(json_get(value, "name"));
    if (name.len == 0)
        name = prompt_text(json_at(value, "function", "name", NULL));
    if (name.len == 0)
        name = prompt_text(json_at(value, "custom", "name", NULL));
    if (json_string(value, &word)) {
        read_word(prompt, word);
    } else if (json_type_of(allowed) == JSON_OBJECT) {
        prompt_drop(prompt, "tool_choice.allowed_tools");
        read_word(prompt, prompt_text(json_get(allowed, "mode")));
    } else if (name.len) {
        prompt->choice = CHOICE_NAMED;
        prompt->choice_name = name;
    } else {
        return false;
    }
    return true;
}
