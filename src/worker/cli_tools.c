/* worker/cli_tools.c: the table of tools. */
#include "worker/cli_tool.h"

static const struct cli_tool *const tools[] = {&claude_tool, &codex_tool, &cursor_tool};

const struct cli_tool *cli_tool_find(struct str name)
{
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (str_eq(str_of(tools[i]->name), name))
            return tools[i];
    return NULL;
}

struct str cli_tool_name_back(const struct cli_tool *tool, struct str name)
{
    struct str prefix = STR(CLI_NAME_PREFIX);
    struct str rest = str_from(name, prefix.len);
    return tool->rename && str_starts(name, prefix) && tool->rename(rest) ? rest : name;
}
