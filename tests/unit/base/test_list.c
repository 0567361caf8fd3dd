/* tests/unit/base/test_list.c: rings keep their order, and may be changed while they are walked. */
#include "base/list.h"
#include "tests/test.h"

#define ITEMS 5

struct item {
    char name;
    struct list node;
};

struct ring {
    struct list head;
    struct item items[ITEMS]; /* a, b, c, d, e */
};

static void ring_fill(struct ring *ring)
{
    list_init(&ring->head);
    for (int i = 0; i < ITEMS; i++) {
        ring->items[i].name = (char)('a' + i);
        list_push_back(&ring->head, &ring->items[i].node);
    }
}

/* The names in order, checked backwards too. */
static const char *names_of(const struct ring *ring, char room[ITEMS + 2])
{
    size_t len = 0, back = 0;
    LIST_EACH(node, &ring->head)
    {
        assert_true(len <= ITEMS);
        room[len++] = LIST_OWNER(node, struct item, node)->name;
    }
    room[len] = '\0';
    for (struct list *node = ring->head.prev; node != &ring->head; node = node->prev)
        assert_true(LIST_OWNER(node, struct item, node)->name == room[len - ++back]);
    assert_true(back == len);
    return room;
}

static void pushing_keeps_the_order(void **unused)
{
    (void)unused;
    struct ring ring;
    char room[ITEMS + 2];
    struct list head;
    struct item first = {.name = '1'}, second = {.name = '2'};

    ring_fill(&ring);
    CHECK_STR("to the back", names_of(&ring, room), "abcde");

    list_init(&head);
    CHECK("empty", list_is_empty(&head));
    list_push_front(&head, &second.node);
    list_push_front(&head, &first.node);
    CHECK("to the front", head.next == &first.node && head.prev == &second.node);
    CHECK("no longer empty", !list_is_empty(&head));
}

static void any_node_can_leave(void **unused)
{
    (void)unused;
    static const char *const left[ITEMS] = {"bcde", "acde", "abde", "abce", "abcd"};
    for (int i = 0; i < ITEMS; i++) {
        struct ring ring;
        char room[ITEMS + 2];
        ring_fill(&ring);
        list_unlink(&ring.items[i].node);
        CHECK_STR("the others stay", names_of(&ring, room), left[i]);
        CHECK("it is on no list", list_is_empty(&ring.items[i].node));
        list_unlink(&ring.items[i].node);
        CHECK_STR("leaving twice does no harm", names_of(&ring, room), left[i]);
        list_push_back(&ring.head, &ring.items[i].node);
        CHECK("it may come back", ring.head.prev == &ring.items[i].node);
    }
}

/* Every subset of the nodes leaves while the ring is walked. */
static void nodes_may_leave_while_the_ring_is_walked(void **unused)
{
    (void)unused;
    for (unsigned leaving = 0; leaving < 1u << ITEMS; leaving++) {
        struct ring ring;
        char room[ITEMS + 2], stays[ITEMS + 1];
        size_t visited = 0, len = 0;
        ring_fill(&ring);
        LIST_EACH_SAFE(node, &ring.head)
        {
            struct item *item = LIST_OWNER(node, struct item, node);
            unsigned bit = 1u << (item->name - 'a');
            visited++;
            if (leaving & bit) {
                list_unlink(node);
                memset(item, 0, sizeof *item); /* as if it had been freed */
            } else {
                stays[len++] = item->name;
            }
        }
        stays[len] = '\0';
        CHECK_INT("each was visited once", visited, ITEMS);
        CHECK_STR("who stayed", names_of(&ring, room), stays);
    }
}

static void a_node_may_move_to_another_ring_while_walked(void **unused)
{
    (void)unused;
    struct ring ring;
    struct list others;
    char room[ITEMS + 2];
    size_t moved = 0;
    ring_fill(&ring);
    list_init(&others);
    LIST_EACH_SAFE(node, &ring.head)
    {
        if (LIST_OWNER(node, struct item, node)->name % 2 == 0)
            continue;
        list_unlink(node);
        list_push_back(&others, node);
    }
    LIST_EACH(node, &others)
    {
        moved++;
    }
    CHECK_STR("who stayed", names_of(&ring, room), "bd");
    CHECK_INT("who moved", moved, 3);
}

TEST_MAIN(TEST(pushing_keeps_the_order), TEST(any_node_can_leave),
          TEST(nodes_may_leave_while_the_ring_is_walked),
          TEST(a_node_may_move_to_another_ring_while_walked))
