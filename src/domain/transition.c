/* domain/transition.c: see transition.h. */
#include "domain/transition.h"

#include <assert.h>

static const char *const names[] = {
#define X(name, text) text,
    TRANSITION_LIST(X)
#undef X
};
static_assert(sizeof names / sizeof names[0] == TRANSITION_KINDS, "one name per kind");

const char *transition_kind_name(enum transition_kind kind)
{
    assert(kind < TRANSITION_KINDS);
    return names[kind];
}

bool transition_kind_parse(struct str text, enum transition_kind *out_kind)
{
    for (int kind = 0; kind < TRANSITION_KINDS; kind++)
        if (str_eq(text, str_of(names[kind]))) {
            *out_kind = (enum transition_kind)kind;
            return true;
        }
    return false;
}

static struct str text_of(const char *text)
{
    return str_of(text ? text : "");
}

void transition_set(struct transition *transition, enum transition_kind kind, const char *id,
                    const char *from, const char *to, const char *reason)
{
    transition->kind = kind;
    str_copy(text_of(id), transition->id, sizeof transition->id);
    str_copy(text_of(from), transition->from, sizeof transition->from);
    str_copy(text_of(to), transition->to, sizeof transition->to);
    str_copy(text_of(reason), transition->reason, sizeof transition->reason);
}
