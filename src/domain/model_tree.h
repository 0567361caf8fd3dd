/* domain/model_tree.h: things in order, each with the set of models that it is for; finds the first one
 * that is for a given model, or for any of a worker's models, without looking at the others.
 *
 * A treap of nodes that lie in the things themselves: Aragon and Seidel, "Randomized search trees", FOCS
 * 1989. Each node also carries the union of the sets below it, so that whole branches that are for nobody
 * asked about are passed over. The dispatcher keeps everything in it that has an order: free workers by
 * load, teams by turn, a team's tickets by arrival, waits by their end. All is O(log n).
 *
 * Thread:  the owner's; no locks. Nothing allocates.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of models as bits; which model is which bit is the user's matter. */
#define MODEL_SET_BITS  256u
#define MODEL_SET_WORDS (MODEL_SET_BITS / 64)
struct model_set {
    uint64_t word[MODEL_SET_WORDS];
};

static inline void model_set_add(struct model_set *set, unsigned bit)
{
    set->word[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void model_set_drop(struct model_set *set, unsigned bit)
{
    set->word[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}

static inline bool model_set_has(const struct model_set *set, unsigned bit)
{
    return (set->word[bit / 64] >> bit % 64 & 1) != 0;
}

static inline bool model_set_meets(const struct model_set *a, const struct model_set *b)
{
    uint64_t both = 0;
    for (size_t i = 0; i < MODEL_SET_WORDS; i++)
        both |= a->word[i] & b->word[i];
    return both != 0;
}

static inline bool model_set_eq(const struct model_set *a, const struct model_set *b)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < MODEL_SET_WORDS; i++)
        differ |= a->word[i] ^ b->word[i];
    return differ == 0;
}

struct model_node {
    struct model_node *up, *left, *right;
    const struct model_set *own; /* borrowed; what the thing itself is for */
    int64_t key;
    uint32_t rank;        /* random: the heap's order */
    bool is_in;           /* a tree */
    struct model_set all; /* its own and those below */
};

struct model_tree { /* all zero: empty */
    struct model_node *root;
    uint64_t random;
};

/** Puts a node that is in no tree behind all with a key of at most `key`. */
void model_tree_add(struct model_tree *tree, struct model_node *node, int64_t key,
                    const struct model_set *own);
/** Takes it out; fine when it is in none. */
void model_tree_remove(struct model_tree *tree, struct model_node *node);
/** The set that `node->own` points to has changed: to be said before anything else is done with the tree. */
void model_tree_changed(struct model_node *node);
/** The first of all; NULL when empty. */
struct model_node *model_tree_first(const struct model_tree *tree);
/** The first that is for one of `wanted`; NULL: none is. */
struct model_node *model_tree_find(const struct model_tree *tree, const struct model_set *wanted);
/** The next one behind `node` that is for one of `wanted`. */
struct model_node *model_tree_find_next(const struct model_node *node,
                                        const struct model_set *wanted);
