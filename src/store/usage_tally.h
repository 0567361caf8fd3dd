/* store/usage_tally.h: sums as a query gathers them: one per value and bucket. Inside the room.
 * Thread:  any, one at a time.
 */
#pragma once
#include "base/mem.h"
#include "store/usage.h"

struct tally_value;
struct tally_item {
    int64_t at_ms;
    size_t value; /* index */
    struct usage_sums sums, local;
};
struct tally {
    size_t items_max;   /* and values */
    struct arena arena; /* texts */
    struct tally_value *values;
    size_t value_count, value_room;
    struct tally_item *items;
    size_t item_count, item_room;
    uint32_t *value_table, *item_table; /* open addressing; index + 1 */
    size_t value_slots, item_slots;
};

void tally_init(struct tally *tally, size_t items_max);
void tally_release(struct tally *tally);
/** Finds or adds a value; a label that is given replaces an empty one. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err tally_value(struct tally *tally, struct str text, struct str label,
                              size_t *out_value, struct error *error);
MUST_USE enum err tally_add(struct tally *tally, int64_t at_ms, size_t value,
                            const struct usage_sums *sums, bool is_local, struct error *error);
/** Brings the items into order: time, then value. Afterwards nothing is added. */
void tally_sort(struct tally *tally);
struct usage_item tally_item(const struct tally *tally, size_t index);
