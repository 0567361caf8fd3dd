/* net/deadlines.c: a pairing heap. */
#include "net/deadlines.h"

/* Two roots become one tree. Either may be NULL. */
static struct deadline *meld(struct deadline *a, struct deadline *b)
{
    if (!a || !b)
        return a ? a : b;
    struct deadline *early = b->armed_ns < a->armed_ns ? b : a, *late = early == a ? b : a;
    late->before = early;
    late->next = early->child;
    if (late->next)
        late->next->before = late;
    early->child = late;
    return early;
}

/* The children of a root that goes: melded two by two, then all, which is what keeps it logarithmic. */
static struct deadline *meld_all(struct deadline *child)
{
    struct deadline *pairs = NULL, *root = NULL;
    while (child) {
        struct deadline *a = child, *b = a->next;
        child = b ? b->next : NULL;
        struct deadline *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct deadline *pair = pairs;
        pairs = pair->next;
        root = meld(root, pair);
    }
    if (root)
        root->before = root->next = NULL;
    return root;
}

void deadlines_add(struct deadlines *deadlines, struct deadline *deadline)
{
    deadline->child = deadline->next = deadline->before = NULL;
    deadlines->first = meld(deadlines->first, deadline);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
    struct deadline *rest = meld_all(deadline->child);
    if (deadline == deadlines->first) {
        deadlines->first = rest;
    } else {
        if (deadline->before->child == deadline)
            deadline->before->child = deadline->next;
        else
            deadline->before->next = deadline->next;
        if (deadline->next)
            deadline->next->before = deadline->before;
        deadlines->first = meld(deadlines->first, rest);
    }
    deadline->child = deadline->next = deadline->before = NULL;
}
