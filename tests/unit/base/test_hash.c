/* tests/unit/base/test_hash.c: a table of nodes that lie in the things themselves. */
#include "base/hash.h"
#include "tests/test.h"

#define THINGS 200

struct thing {
    int key;
    struct hash_node node;
};

static struct thing *thing_find(const struct hash_table *table, int key)
{
    /* Few hashes, so that many share one. */
    struct hash_node *node = hash_table_find(table, (uint64_t)(key % 10));
    while (node && HASH_OWNER(node, struct thing, node)->key != key)
        node = hash_next(node);
    return node ? HASH_OWNER(node, struct thing, node) : NULL;
}

static void what_was_added_is_found_until_it_is_removed(void **state)
{
    (void)state;
    static struct thing things[THINGS];
    for (size_t slots = 1; slots <= 16; slots *= 4) {
        struct hash_table table;
        CHECK("made", hash_table_init(&table, slots) == OK);
        for (int i = 0; i < THINGS; i++) {
            things[i].key = i;
            CHECK("not yet", thing_find(&table, i) == NULL);
            hash_table_add(&table, &things[i].node, (uint64_t)(i % 10));
        }
        for (int i = 0; i < THINGS; i += 3)
            hash_table_remove(&table, &things[i].node);
        for (int i = 0; i < THINGS; i++)
            CHECK("there, or not", thing_find(&table, i) == (i % 3 ? &things[i] : NULL));
        hash_table_release(&table);
    }
}

static void numbers_in_a_row_are_spread(void **state)
{
    (void)state;
    unsigned seen[16] = {0};
    for (uint64_t i = 0; i < 1600; i++)
        seen[hash_spread(i) % COUNT(seen)]++;
    for (size_t i = 0; i < COUNT(seen); i++)
        CHECK("evenly", seen[i] > 50 && seen[i] < 150);
}

TEST_MAIN(TEST(what_was_added_is_found_until_it_is_removed), TEST(numbers_in_a_row_are_spread))
