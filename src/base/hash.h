/* base/hash.h: an intrusive hash table. The node lives inside the struct that is listed, so adding cannot fail;
 * the number of slots is given once, so nothing is ever moved.
 *
 * Several nodes may have one hash: whoever looks compares the real key, and goes on with hash_next.
 * Thread:  whoever owns the table; no locks.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

struct hash_node {
    struct hash_node *next; /* of its slot */
    uint64_t hash;
};

struct hash_table {
    struct hash_node **slots;
    size_t mask;
};

#define HASH_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/** An empty table. `slots` is a power of two, about as many as there will be nodes. ERR_NO_MEMORY. */
MUST_USE enum err hash_table_init(struct hash_table *table, size_t slots);
/** Frees the slots, not what was listed. Fine for a zeroed one. */
void hash_table_release(struct hash_table *table);
/** `node` is in no table. */
void hash_table_add(struct hash_table *table, struct hash_node *node, uint64_t hash);
/** `node` is in this table. */
void hash_table_remove(struct hash_table *table, struct hash_node *node);
/** Some node with this hash; NULL: there is none. */
struct hash_node *hash_table_find(const struct hash_table *table, uint64_t hash);
/** The next one with the same hash; NULL: that was all. */
struct hash_node *hash_next(const struct hash_node *node);

/** Spreads a number whose low bits may follow a pattern (Vigna, "splitmix64"). */
static inline uint64_t hash_spread(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}
