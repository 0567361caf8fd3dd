/* wire/tool_names.h: what a caller's tool is called at the provider, and back.
 *
 * A provider takes names of [A-Za-z0-9_-], 64 (OpenAI) or 128 (Anthropic) long, and no namespaces. A caller may have
 * both otherwise: Codex's namespaces (`mcp__ev` with `echo` inside), names with dots, long MCP names. Such a name is flattened, cleaned, and
 * cut with a hash; the table remembers it, so that an answer names the tool as the caller knows it. Names that need
 * no change are in it too: nobody else may get one of them.
 *
 * Layer:   wire: pure.  Memory: everything in the arena given to tool_names_init; lives as long as the
 *          request.  Thread: one.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"

#define TOOL_NAMES_MAX 1024u

struct tool_name {
    struct str name, space; /* the caller's */
    struct str sent;        /* the provider's */
    bool is_custom; /* the caller's tool takes free text: sent as a function with one `input` */
};
struct tool_names {
    struct arena *arena;
    struct tool_name *list;
    size_t count, room;
    size_t limit_bytes; /* of a name at the provider */
};

void tool_names_init(struct tool_names *names, struct arena *arena, size_t limit_bytes);

/** The name that the provider gets for (space, name); the same for the same. Two tools never get one name. Empty without memory, or past TOOL_NAMES_MAX. */
struct str tool_name_out(struct tool_names *names, struct str space, struct str name,
                         bool is_custom);

/** What the provider's name means to the caller; NULL when it was never sent. */
const struct tool_name *tool_name_find(const struct tool_names *names, struct str sent);
