/* domain/dispatch_affinity.c: which worker holds a conversation's prefix in its cache: the one that served it
 * last. The conversation that was idle longest is forgotten when there are too many.
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

enum err affinity_init(struct affinity *affinity)
{
    list_init(&affinity->use);
    affinity->entries = mem_zalloc(DISPATCH_AFFINITY_MAX, sizeof *affinity->entries);
    if (!affinity->entries)
        return ERR_NO_MEMORY;
    return hash_table_init(&affinity->table, DISPATCH_AFFINITY_MAX);
}

void affinity_release(struct affinity *affinity)
{
    hash_table_release(&affinity->table);
    mem_free(TAKE(affinity->entries));
}

static struct affinity_entry *entry_of(const struct affinity *affinity, uint64_t conversation)
{
    struct hash_node *node = hash_table_find(&affinity->table, hash_spread(conversation));
    return node ? HASH_OWNER(node, struct affinity_entry, node)
                : NULL; /* the spread is one to one */
}

uint64_t affinity_find(const struct affinity *affinity, uint64_t conversation)
{
    const struct affinity_entry *entry = conversation ? entry_of(affinity, conversation) : NULL;
    return entry ? entry->life : 0;
}

/* An entry that was never used, or the longest unused. */
static struct affinity_entry *spare_entry(struct affinity *affinity)
{
    if (affinity->count < DISPATCH_AFFINITY_MAX) {
        struct affinity_entry *fresh = &affinity->entries[affinity->count++];
        list_init(&fresh->use);
        return fresh;
    }
    struct affinity_entry *oldest = LIST_OWNER(affinity->use.next, struct affinity_entry, use);
    hash_table_remove(&affinity->table, &oldest->node);
    return oldest;
}

void affinity_note(struct affinity *affinity, uint64_t conversation, uint64_t life)
{
    if (!conversation)
        return;
    struct affinity_entry *entry = entry_of(affinity, conversation);
    if (!entry) {
        entry = spare_entry(affinity);
        hash_table_add(&affinity->table, &entry->node, hash_spread(conversation));
    }
    entry->life = life;
    list_unlink(&entry->use);
    list_push_back(&affinity->use, &entry->use);
}
