/* domain/model_tree.c: a treap. By key it is a search tree, by rank, which is random, a heap: so it has the
 * shape that a search tree gets when keys come in random order, whatever order they do come in.
 *
 * `all` of each node is what a search steers by: a branch whose `all` does not meet what is wanted is not
 * entered, and one whose `all` does holds a node that is for it.
 */
#include "domain/model_tree.h"

#include "base/hash.h"

#include <assert.h>

static bool meets(const struct model_node *node, const struct model_set *wanted)
{
    return node && model_set_meets(&node->all, wanted);
}

/* `all` of one node, from its children's. False: it is as it was. */
static bool gather(struct model_node *node)
{
    struct model_set all = *node->own;
    for (size_t i = 0; i < MODEL_SET_WORDS; i++) {
        all.word[i] |= node->left ? node->left->all.word[i] : 0;
        all.word[i] |= node->right ? node->right->all.word[i] : 0;
    }
    if (model_set_eq(&all, &node->all))
        return false;
    node->all = all;
    return true;
}

static void gather_upwards(struct model_node *node)
{
    while (node && gather(node))
        node = node->up;
}

void model_tree_changed(struct model_node *node)
{
    gather_upwards(node);
}

/* ---- adding and removing ------------------------------------------------------------------------- */

/* Where the tree points to `node`. */
static struct model_node **place_of(struct model_tree *tree, const struct model_node *node)
{
    if (!node->up)
        return &tree->root;
    return node->up->left == node ? &node->up->left : &node->up->right;
}

/* `child` changes places with its parent; the order by key stays. */
static void lift(struct model_tree *tree, struct model_node *child)
{
    struct model_node *parent = child->up, *between;
    *place_of(tree, parent) = child;
    child->up = parent->up;
    if (parent->left == child) {
        between = parent->left = child->right;
        child->right = parent;
    } else {
        between = parent->right = child->left;
        child->left = parent;
    }
    if (between)
        between->up = parent;
    parent->up = child;
    child->all = parent->all; /* the same nodes as before */
    (void)gather(parent);
}

void model_tree_add(struct model_tree *tree, struct model_node *node, int64_t key,
                    const struct model_set *own)
{
    assert(!node->is_in);
    tree->random += UINT64_C(0x9e3779b97f4a7c15);
    *node = (struct model_node){.own = own,
                                .key = key,
                                .rank = (uint32_t)hash_spread(tree->random),
                                .is_in = true,
                                .all = *own};

    struct model_node **place = &tree->root;
    while (*place) {
        node->up = *place;
        place = key < node->up->key ? &node->up->left : &node->up->right;
    }
    *place = node;
    gather_upwards(node->up);
    while (node->up && node->up->rank < node->rank)
        lift(tree, node);
}

/* Of two children the one that belongs above the other. */
static struct model_node *upper(struct model_node *a, struct model_node *b)
{
    return a->rank < b->rank ? b : a;
}

void model_tree_remove(struct model_tree *tree, struct model_node *node)
{
    if (!node->is_in)
        return;
    while (node->left && node->right)
        lift(tree, upper(node->left, node->right));

    struct model_node *child = node->left ? node->left : node->right;
    *place_of(tree, node) = child;
    if (child)
        child->up = node->up;
    gather_upwards(node->up);
    node->up = node->left = node->right = NULL;
    node->is_in = false;
}

/* ---- finding ------------------------------------------------------------------------------------- */

/* The first in a branch that has one. */
static struct model_node *first_below(struct model_node *node, const struct model_set *wanted)
{
    for (;;) {
        if (meets(node->left, wanted))
            node = node->left;
        else if (model_set_meets(node->own, wanted))
            return node;
        else
            node = node->right;
    }
}

struct model_node *model_tree_find(const struct model_tree *tree, const struct model_set *wanted)
{
    return meets(tree->root, wanted) ? first_below(tree->root, wanted) : NULL;
}

struct model_node *model_tree_find_next(const struct model_node *node,
                                        const struct model_set *wanted)
{
    if (meets(node->right, wanted))
        return first_below(node->right, wanted);
    for (struct model_node *up = node->up; up; node = up, up = up->up) {
        if (up->right == node)
            continue; /* all of it lies before */
        if (model_set_meets(up->own, wanted))
            return up;
        if (meets(up->right, wanted))
            return first_below(up->right, wanted);
    }
    return NULL;
}

struct model_node *model_tree_first(const struct model_tree *tree)
{
    struct model_node *node = tree->root;
    while (node && node->left)
        node = node->left;
    return node;
}
