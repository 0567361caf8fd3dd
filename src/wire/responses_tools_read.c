/* wire/responses_tools_read.c: the tools of a responses request, and which of them must be used.
 *
 * Three kinds reach a model elsewhere: functions, custom tools (free text), and namespaces, which group these. Hosted
 * tools (web_search, file_search, mcp, ...) are run by OpenAI itself: they are left out with a note each.
 */
#include "wire/responses_parts.h"

/* ---- one tool -------------------------------------------------------------------------------- */

/* A tool that is told twice (again in `additional_tools`) is one tool; a provider refuses two of one name. */
static struct tool *add_tool(struct prompt *prompt, enum tool_kind kind, struct str space,
                             struct str name)
{
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next) {
        if (str_eq(tool->name, name) && str_eq(tool->space, space)) {
            prompt_drop(prompt, "tools.duplicate");
            return NULL;
        }
    }
    struct tool *tool = prompt_add_tool(prompt, kind);
    if (tool) {
        tool->name = name;
        tool->space = space;
    }
    return tool;
}

/* A tool that waits to be searched for is there from the start instead. */
static void read_deferral(struct prompt *prompt, struct json value)
{
    bool is_deferred;
    if (json_bool(json_get(value, "defer_loading"), &is_deferred) && is_deferred)
        prompt_emulate(prompt, "tools.defer_loading");
}

static void read_function(struct prompt *prompt, struct tool *tool, struct json value)
{
    static const struct str known[] = {STR_INIT("type"),        STR_INIT("name"),
                                       STR_INIT("description"), STR_INIT("parameters"),
                                       STR_INIT("strict"),      STR_INIT("defer_loading")};
    bool is_strict;
    read_deferral(prompt, value);
    struct json parameters = json_get(value, "parameters");
    tool->description = prompt_text(json_get(value, "description"));
    if (json_type_of(parameters) == JSON_OBJECT)
        tool->schema = prompt_raw(prompt, parameters);
    if (json_bool(json_get(value, "strict"), &is_strict))
        tool->strict = is_strict ? MAYBE_YES : MAYBE_NO;
    prompt_drop_others(prompt, value, known, sizeof known / sizeof known[0], "tools");
}

/* The format {"type":"text"} is any text: the same as none. */
static void read_custom(struct prompt *prompt, struct tool *tool, struct json value)
{
    static const struct str known[] = {STR_INIT("type"), STR_INIT("name"), STR_INIT("description"),
                                       STR_INIT("format"), STR_INIT("defer_loading")};
    read_deferral(prompt, value);
    struct json format = json_get(value, "format");
    tool->description = prompt_text(json_get(value, "description"));
    if (json_type_of(format) == JSON_OBJECT &&
        !str_eq(prompt_text(json_get(format, "type")), STR("text")))
        tool->format = prompt_raw(prompt, format);
    prompt_drop_others(prompt, value, known, sizeof known / sizeof known[0], "tools");
}

static enum err read_tool(struct prompt *prompt, struct json value, struct str space,
                          const char *where, struct error *error)
{
    struct str type = prompt_text(json_get(value, "type"));
    struct str name = prompt_text(json_get(value, "name"));
    enum json_type parameters = json_type_of(json_get(value, "parameters"));
    bool is_custom = str_eq(type, STR("custom"));
    if (!is_custom && !str_eq(type, STR("function"))) {
        prompt_drop_member(prompt, "tools", type);
        return OK;
    }
    if (name.len == 0)
        return error_set(error, ERR_MALFORMED, "%s: a %s tool has no name", where,
                         is_custom ? "custom" : "function");
    if (!is_custom && parameters > JSON_NULL && parameters != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "%s: parameters of %.*s must be an object", where,
                         STR_ARG(str_upto(name, 64)));
    struct tool *tool = add_tool(prompt, is_custom ? TOOL_CUSTOM : TOOL_FUNCTION, space, name);
    if (tool && is_custom)
        read_custom(prompt, tool, value);
    else if (tool)
        read_function(prompt, tool, value);
    return OK;
}

/* ---- lists of tools -------------------------------------------------------------------------- */

/* What is said of the whole namespace is said with its first tool: no other dialect has a place for it. */
static void describe_space(struct prompt *prompt, struct tool *first, struct str description)
{
    if (!first || description.len == 0)
        return;
    struct str head =
        first->description.len ? prompt_join(prompt, description, STR("\n\n")) : description;
    first->description =
        first->description.len ? prompt_join(prompt, head, first->description) : head;
    prompt_emulate(prompt, "tools.namespace.description");
}

static enum err read_namespace(struct prompt *prompt, struct json value, const char *where,
                               struct error *error)
{
    static const struct str known[] = {STR_INIT("type"), STR_INIT("name"), STR_INIT("description"),
                                       STR_INIT("tools")};
    struct str space = prompt_text(json_get(value, "name"));
    struct tool *before = prompt->last_tool;
    if (space.len == 0)
        return error_set(error, ERR_MALFORMED, "%s: a namespace has no name", where);
    for (struct json_cursor c = json_each(json_get(value, "tools")); json_next(&c);) {
        enum err err = read_tool(prompt, c.value, space, where, error);
        if (err != OK)
            return err;
    }
    describe_space(prompt, before ? before->next : prompt->tools,
                   prompt_text(json_get(value, "description")));
    prompt_drop_others(prompt, value, known, sizeof known / sizeof known[0], "tools.namespace");
    return OK;
}

static size_t count_tools(const struct prompt *prompt)
{
    size_t count = 0;
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next)
        count++;
    return count;
}

/* How many more tools this value brings: they are looked up one against the other, so they are bounded. */
static size_t tools_in(struct json value)
{
    size_t inside = json_count(json_get(value, "tools"));
    return inside > 0 ? inside : 1;
}

enum err responses_tools_read(struct prompt *prompt, struct json tools, const char *where,
                              struct error *error)
{
    size_t count = count_tools(prompt);
    for (struct json_cursor c = json_each(tools); json_next(&c);) {
        count += tools_in(c.value);
        if (count > TOOL_NAMES_MAX)
            return error_set(error, ERR_MALFORMED, "%s: more than %u tools", where, TOOL_NAMES_MAX);
        bool is_space = str_eq(prompt_text(json_get(c.value, "type")), STR("namespace"));
        enum err err = is_space ? read_namespace(prompt, c.value, where, error)
                                : read_tool(prompt, c.value, STR(""), where, error);
        if (err != OK)
            return err;
    }
    return OK;
}

/* ---- tool_choice ----------------------------------------------------------------------------- */

static enum err read_mode(struct prompt *prompt, struct str mode, struct error *error)
{
    static const struct {
        struct str name;
        enum tool_choice choice;
    } modes[] = {{STR_INIT("auto"), CHOICE_AUTO},
                 {STR_INIT("none"), CHOICE_NONE},
                 {STR_INIT("required"), CHOICE_ANY}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (str_eq(mode, modes[i].name)) {
            prompt->choice = modes[i].choice;
            return OK;
        }
    }
    return error_set(error, ERR_MALFORMED, "tool_choice must be auto, none, required or an object");
}

enum err responses_choice_read(struct prompt *prompt, struct json choice, struct error *error)
{
    struct str mode;
    if (json_string(choice, &mode))
        return read_mode(prompt, mode, error);
    struct str type = prompt_text(json_get(choice, "type"));
    if (str_eq(type, STR("function")) || str_eq(type, STR("custom"))) {
        prompt->choice = CHOICE_NAMED;
        prompt->choice_name = prompt_text(json_get(choice, "name"));
        prompt->choice_space = prompt_text(json_get(choice, "namespace"));
        if (prompt->choice_name.len == 0)
            return error_set(error, ERR_MALFORMED, "tool_choice.name is missing");
        return OK;
    }
    prompt_drop_member(prompt, "tool_choice", type); /* allowed_tools, or a hosted tool */
    if (str_eq(type, STR("allowed_tools")))
        return read_mode(prompt, prompt_text(json_get(choice, "mode")), error);
    return OK;
}
