/* wire/tool_arguments.c: see tool_arguments.h. */
#include "wire/tool_arguments.h"

static struct str without_space(struct str text)
{
    static const char space[] = " \t\r\n";
    while (text.len && memchr(space, text.at[0], sizeof space - 1))
        text = str_from(text, 1);
    while (text.len && memchr(space, text.at[text.len - 1], sizeof space - 1))
        text.len--;
    return text;
}

void tool_arguments_put_object(struct json_writer *writer, const char *name, struct str text,
                               struct json_reader *scratch, struct fidelity *fidelity)
{
    struct json root;
    struct str bare = without_space(text);
    if (bare.len == 0) {
        json_put_raw(writer, name, STR("{}"));
        return;
    }
    if (bare.at[0] == '{' && json_parse(scratch, bare, &root, NULL) == OK) {
        json_put_raw(writer, name, bare);
        return;
    }
    fidelity_note(fidelity, FIDELITY_CHANGED, "tool_arguments");
    if (name)
        json_open_object_named(writer, name);
    else
        json_open_object(writer);
    json_put_string(writer, "arguments", text);
    json_close_object(writer);
}
