/* base/list.h: an intrusive doubly linked ring. The node lives inside the struct that is listed,
 * so linking cannot fail and unlinking needs no search.
 *
 * Thread:  whoever owns the list; no locks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define LIST_EACH(node, head) \
    for (struct list *node = (head)->next; node != (head); node = node->next)
/** Like LIST_EACH; the body may unlink `node`. */
#define LIST_EACH_SAFE(node, head)                                              \
    for (struct list *node = (head)->next, *next_ = node->next; node != (head); \
         node = next_, next_ = node->next)

/** Makes an empty ring, or a node that is on no list. */
static inline void list_init(struct list *node)
{
    node->next = node->prev = node;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_push_back(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_push_back(head->next, node);
}

/** Moves all of `from` to the ring that `to` becomes. */
static inline void list_move(struct list *from, struct list *to)
{
    list_init(to);
    if (list_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    list_init(from);
}

/** Takes the node off whatever list it is on; fine when it is on none. */
static inline void list_unlink(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
