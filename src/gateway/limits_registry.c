/* gateway/limits_registry.c: the counted parts of teams and keys by id, as snapshots find them again. See live_limits.h.
 *
 * A table with open addressing; a build of a snapshot goes through all rows, and thousands of keys must not make it
 * slow. What a row no longer names is forgotten: whoever still holds it keeps it.
 */
#include "base/mem.h"
#include "base/str.h"
#include "gateway/live_limits.h"

#include <stdlib.h>

#define FIRST_SLOTS 64u

struct entry {
    struct live_limits *live; /* NULL: free */
    bool is_seen;
};

struct limits_registry {
    struct entry *slots;
    size_t room, count; /* room: a power of two, at least twice the count */
};

struct limits_registry *limits_registry_new(void)
{
    struct limits_registry *registry = mem_zalloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    registry->slots = mem_zalloc(FIRST_SLOTS, sizeof *registry->slots);
    registry->room = FIRST_SLOTS;
    if (registry->slots)
        return registry;
    mem_free(registry);
    return NULL;
}

void limits_registry_free(struct limits_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->room; i++)
        live_limits_unref(registry->slots[i].live);
    mem_free(registry->slots);
    mem_free(registry);
}

/* The slot of this id, or the free one where it belongs. */
static struct entry *slot_of(struct entry *slots, size_t room, const char *id)
{
    size_t at = (size_t)str_hash(str_of(id)) & (room - 1);
    while (slots[at].live && strcmp(slots[at].live->id, id) != 0)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

/* Moves those that stay into a table of `room` slots; the others are forgotten. */
static bool move_to(struct limits_registry *registry, size_t room, bool all_stay)
{
    struct entry *slots = mem_zalloc(room, sizeof *slots);
    if (!slots)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < registry->room; i++) {
        struct entry entry = registry->slots[i];
        if (!entry.live)
            continue;
        if (entry.is_seen || all_stay) {
            *slot_of(slots, room, entry.live->id) = entry;
            count++;
        } else {
            live_limits_unref(entry.live);
        }
    }
    mem_free(registry->slots);
    *registry = (struct limits_registry){slots, room, count};
    return true;
}

void limits_registry_begin(struct limits_registry *registry)
{
    for (size_t i = 0; i < registry->room; i++)
        registry->slots[i].is_seen = false;
}

struct live_limits *limits_registry_follow(struct limits_registry *registry, const char *id,
                                           const char *name, const struct policy *policy)
{
    if ((registry->count + 1) * 2 > registry->room && !move_to(registry, registry->room * 2, true))
        return NULL;
    struct entry *entry = slot_of(registry->slots, registry->room, id);
    if (!entry->live) {
        entry->live = live_limits_new(id);
        registry->count += entry->live != NULL;
    }
    if (!entry->live)
        return NULL;
    entry->is_seen = true;
    return live_limits_follow(entry->live, name, policy) ? live_limits_ref(entry->live) : NULL;
}

void limits_registry_end(struct limits_registry *registry, bool is_whole)
{
    size_t gone = 0;
    for (size_t i = 0; i < registry->room; i++)
        gone += registry->slots[i].live && !registry->slots[i].is_seen;
    if (is_whole && gone > 0)
        (void)move_to(registry, registry->room, false); /* without memory they stay a while */
}

struct live_limits *limits_registry_find(struct limits_registry *registry, const char *id)
{
    return slot_of(registry->slots, registry->room, id)->live;
}

size_t limits_registry_count(const struct limits_registry *registry)
{
    return registry->count;
}
