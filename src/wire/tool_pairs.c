/* wire/tool_pairs.c: see tool_pairs.h. Calls and results are sorted by id, so that the many of one caller stay cheap. */
#include "wire/tool_pairs.h"

#include <stdlib.h>

struct entry {
    struct part *part;
    const struct turn *turn;
    size_t order;
};

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    struct str x = a->part->id, y = b->part->id;
    size_t len = x.len < y.len ? x.len : y.len;
    int by_bytes = len ? memcmp(x.at, y.at, len) : 0;
    if (by_bytes != 0)
        return by_bytes;
    if (x.len != y.len)
        return x.len < y.len ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static bool is_call(const struct part *part)
{
    return part->kind == PART_TOOL_CALL;
}

/* Fills `entries`, or only counts when it is NULL. */
static size_t collect(const struct prompt *prompt, struct entry *entries)
{
    size_t count = 0;
    for (struct turn *turn = prompt->turns; turn; turn = turn->next) {
        for (struct part *part = turn->parts; part; part = part->next) {
            if (!is_call(part) && part->kind != PART_TOOL_RESULT)
                continue;
            if (entries)
                entries[count] = (struct entry){.part = part, .turn = turn, .order = count};
            count++;
        }
    }
    return count;
}

/* All of one id, in the order of the conversation. */
static void pair(struct entry *entries, size_t count)
{
    const struct turn *calling = NULL; /* the last turn with such calls */
    size_t waiting = 0;                /* its oldest call without a result, or behind all */
    unsigned calls = 0;
    for (size_t i = 0; i < count; i++) {
        struct part *part = entries[i].part;
        part->partner = NULL;
        if (is_call(part)) {
            part->repeat = calls++;
            if (entries[i].turn != calling)
                waiting = i;
            calling = entries[i].turn;
            continue;
        }
        while (waiting < i && !is_call(entries[waiting].part))
            waiting++;
        if (waiting == i)
            continue;
        part->partner = entries[waiting].part;
        entries[waiting++].part->partner = part;
    }
}

void tool_pairs_find(struct prompt *prompt)
{
    size_t count = collect(prompt, NULL);
    struct entry *entries = count ? arena_alloc(prompt->arena, count * sizeof *entries) : NULL;
    if (!entries) {
        prompt->failed = prompt->failed || count > 0;
        return;
    }
    (void)collect(prompt, entries);
    qsort(entries, count, sizeof *entries, compare);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count; end++)
            if (!str_eq(entries[start].part->id, entries[end].part->id))
                break;
        pair(entries + start, end - start);
    }
}
