/* wire/tool_names.c: see tool_names.h. A list, searched linearly: a request has a few dozen tools. */
#include "wire/tool_names.h"

#include "base/buf.h"

#define HASH_DIGITS 8

void tool_names_init(struct tool_names *names, struct arena *arena, size_t limit_bytes)
{
    *names = (struct tool_names){.arena = arena, .limit_bytes = limit_bytes};
}

const struct tool_name *tool_name_find(const struct tool_names *names, struct str sent)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->list[i].sent, sent))
            return &names->list[i];
    return NULL;
}

static const struct tool_name *find_callers(const struct tool_names *names, struct str space,
                                            struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->list[i].name, name) && str_eq(names->list[i].space, space))
            return &names->list[i];
    return NULL;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* "space__name", cleaned; cut with a hash of the whole when it is too long or when somebody else has it. */
static void flatten(const struct tool_names *names, struct str space, struct str name,
                    bool with_hash, struct buf *out)
{
    if (space.len) {
        buf_append_str(out, space);
        buf_append_lit(out, "__");
    }
    buf_append_str(out, name);
    uint64_t hash = str_hash(buf_str(out));
    for (size_t i = 0; i < out->len; i++)
        if (!is_plain(out->data[i]))
            out->data[i] = '_';
    if (out->len <= names->limit_bytes && !with_hash && out->len > 0)
        return;
    size_t kept = names->limit_bytes - HASH_DIGITS - 1;
    out->len = out->len < kept ? out->len : kept;
    buf_printf(out, "_%0*llx", HASH_DIGITS, (unsigned long long)(hash & 0xFFFFFFFFu));
}

/* In powers of two; the old list stays in the arena. */
static bool reserve(struct tool_names *names)
{
    if (names->count < names->room)
        return true;
    size_t room = names->room ? names->room * 2 : 32;
    struct tool_name *list =
        room <= TOOL_NAMES_MAX ? arena_alloc(names->arena, room * sizeof *list) : NULL;
    if (!list)
        return false;
    if (names->count)
        memcpy(list, names->list, names->count * sizeof *list);
    names->list = list;
    names->room = room;
    return true;
}

static struct str keep(struct tool_names *names, struct str text)
{
    char *copy = arena_dup(names->arena, text.at, text.len);
    return (struct str){copy, copy ? text.len : 0};
}

struct str tool_name_out(struct tool_names *names, struct str space, struct str name,
                         bool is_custom)
{
    const struct tool_name *known = find_callers(names, space, name);
    if (known)
        return known->sent;
    AUTO_BUF struct buf flat;
    buf_init(&flat, 64u * 1024);
    flatten(names, space, name, false, &flat);
    if (tool_name_find(names, buf_str(&flat))) {
        buf_clear(&flat);
        flatten(names, space, name, true, &flat);
    }
    if (flat.failed || tool_name_find(names, buf_str(&flat)) || !reserve(names))
        return STR("");
    struct tool_name made = {.name = keep(names, name),
                             .space = keep(names, space),
                             .sent = keep(names, buf_str(&flat)),
                             .is_custom = is_custom};
    if (!made.sent.at || !made.name.at || !made.space.at)
        return STR("");
    names->list[names->count++] = made;
    return made.sent;
}
