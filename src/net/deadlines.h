/* net/deadlines.h: the armed deadlines of one loop, the earliest first.
 *
 * A pairing heap of nodes that lie in the deadlines themselves, so that arming cannot fail for want of
 * memory and costs an idle stream 56 bytes instead of the 160 with a libevent timer for each.
 * Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap", Algorithmica 1986.
 *
 * Thread: the loop's. Private to net/.
 */
#pragma once
#include "net/loop.h"

struct deadlines {
    struct deadline *first; /* the one with the least armed_ns; NULL: none */
};

/** By `armed_ns`, which stays as it is until deadlines_remove. */
void deadlines_add(struct deadlines *deadlines, struct deadline *deadline);
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);
