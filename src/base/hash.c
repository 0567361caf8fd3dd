/* base/hash.c: chains of nodes, the newest first. */
#include "base/hash.h"

#include "base/mem.h"

#include <assert.h>

enum err hash_table_init(struct hash_table *table, size_t slots)
{
    assert(slots > 0 && (slots & (slots - 1)) == 0);
    struct hash_node **room = mem_zalloc(slots, sizeof *room);
    if (!room)
        return ERR_NO_MEMORY;
    *table = (struct hash_table){.slots = room, .mask = slots - 1};
    return OK;
}

void hash_table_release(struct hash_table *table)
{
    mem_free(table->slots);
    *table = (struct hash_table){0};
}

void hash_table_add(struct hash_table *table, struct hash_node *node, uint64_t hash)
{
    struct hash_node **slot = &table->slots[hash & table->mask];
    *node = (struct hash_node){.next = *slot, .hash = hash};
    *slot = node;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node)
{
    struct hash_node **at = &table->slots[node->hash & table->mask];
    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
}

static struct hash_node *with_hash(struct hash_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct hash_node *hash_table_find(const struct hash_table *table, uint64_t hash)
{
    return with_hash(table->slots[hash & table->mask], hash);
}

struct hash_node *hash_next(const struct hash_node *node)
{
    return with_hash(node->next, node->hash);
}
