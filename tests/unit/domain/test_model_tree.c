/* tests/unit/domain/test_model_tree.c: against a plain array that is looked through from the start. */
#include "base/hash.h"
#include "domain/model_tree.h"
#include "tests/test.h"

#define THINGS 60

struct thing {
    struct model_node node;
    struct model_set own;
    int64_t key;
    uint64_t added; /* the how-manieth; 0: it is in no tree */
};

static struct thing things[THINGS];
static uint64_t throws, adds;

static uint32_t roll(uint32_t sides)
{
    return (uint32_t)(hash_spread(throws += UINT64_C(0x9e3779b97f4a7c15)) >> 32) % sides;
}

static struct model_set some_models(uint32_t most)
{
    struct model_set set = {0};
    for (uint32_t count = roll(most + 1); count > 0; count--)
        model_set_add(&set, roll(2) ? roll(5) : roll(MODEL_SET_BITS));
    return set;
}

static bool comes_before(const struct thing *a, const struct thing *b)
{
    return a->key < b->key || (a->key == b->key && a->added < b->added);
}

/* The first one behind `after` (NULL: of all) that is for one of `wanted`. */
static struct thing *plain_find(const struct thing *after, const struct model_set *wanted)
{
    struct thing *first = NULL;
    for (size_t i = 0; i < THINGS; i++) {
        struct thing *it = &things[i];
        bool may =
            it->added && model_set_meets(&it->own, wanted) && (!after || comes_before(after, it));
        if (may && (!first || comes_before(it, first)))
            first = it;
    }
    return first;
}

/* The union of what is below, and the heap's order: what the searches and their cost rest on. */
static struct model_set check_below(const struct model_node *node)
{
    struct model_set all = *node->own;
    const struct model_node *children[] = {node->left, node->right};
    for (size_t i = 0; i < COUNT(children); i++) {
        if (!children[i])
            continue;
        struct model_set below = check_below(children[i]);
        for (size_t w = 0; w < MODEL_SET_WORDS; w++)
            all.word[w] |= below.word[w];
        CHECK("it knows its parent", children[i]->up == node);
        CHECK("the higher rank is above", children[i]->rank <= node->rank);
    }
    CHECK("all below", model_set_eq(&all, &node->all));
    return all;
}

static void check_searches(const struct model_tree *tree)
{
    struct model_set wanted = some_models(3);
    struct thing *want = plain_find(NULL, &wanted);
    struct model_node *got = model_tree_find(tree, &wanted);
    while (want && got) {
        CHECK("the first, then each next", got == &want->node);
        want = plain_find(want, &wanted);
        got = model_tree_find_next(got, &wanted);
    }
    CHECK("all of them", !want && !got);
    const struct thing *first = NULL;
    for (size_t i = 0; i < THINGS; i++)
        if (things[i].added && (!first || comes_before(&things[i], first)))
            first = &things[i];
    CHECK("the very first", model_tree_first(tree) == (first ? &first->node : NULL));
}

static void come_and_go(struct model_tree *tree, uint32_t keys)
{
    struct thing *it = &things[roll(THINGS)];
    if (!it->added) {
        it->own = some_models(2);
        it->key = (int64_t)roll(keys) - keys / 2;
        it->added = ++adds;
        model_tree_add(tree, &it->node, it->key, &it->own);
    } else if (roll(2)) {
        it->own = some_models(2);
        model_tree_changed(&it->node);
    } else {
        model_tree_remove(tree, &it->node);
        it->added = 0;
    }
}

static void the_first_that_is_wanted_is_found_whatever_came_and_went(void **state)
{
    (void)state;
    for (uint32_t keys = 3; keys < 3000; keys *= 10) {
        struct model_tree tree = {0};
        for (int step = 0; step < 4000; step++) {
            come_and_go(&tree, keys);
            if (tree.root)
                (void)check_below(tree.root);
            check_searches(&tree);
        }
        for (size_t i = 0; i < THINGS; i++) {
            model_tree_remove(&tree, &things[i].node); /* fine for those that are in none */
            things[i].added = 0;
        }
        CHECK("empty", !tree.root);
    }
}

#define MANY 20000

static int depth_of(const struct model_node *node)
{
    if (!node)
        return 0;
    int left = depth_of(node->left), right = depth_of(node->right);
    return 1 + (left < right ? right : left);
}

/* Tickets come in the order of their keys, which makes a plain search tree a list. */
static void a_rising_row_makes_no_tall_tree(void **state)
{
    (void)state;
    static struct model_node nodes[MANY];
    static const struct model_set none = {0};
    struct model_tree tree = {0};
    for (int i = 0; i < MANY; i++)
        model_tree_add(&tree, &nodes[i], i, &none);
    CHECK("some 2 ln n on average; 4 log2 n is far out", depth_of(tree.root) < 58);
}

TEST_MAIN(TEST(the_first_that_is_wanted_is_found_whatever_came_and_went),
          TEST(a_rising_row_makes_no_tall_tree))
