/* store/usage_tally.c: values, and items by value and time, in two hash tables with linear probing. */
#include "store/usage_tally.h"

#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>

#define ITEM_TEXT_BYTES 320u /* of a value and its label, on average and at most */
#define ROOM_FIRST      64u

struct tally_value {
    struct str text, label;
    uint64_t hash;
};

void tally_init(struct tally *tally, size_t items_max)
{
    assert(items_max < UINT32_MAX);
    *tally = (struct tally){.items_max = items_max};
    arena_init(&tally->arena, items_max * ITEM_TEXT_BYTES);
}

void tally_release(struct tally *tally)
{
    arena_release(&tally->arena);
    mem_free(tally->values);
    mem_free(tally->items);
    mem_free(tally->value_table);
    mem_free(tally->item_table);
}

static enum err no_memory(struct error *error)
{
    return error_set(error, ERR_NO_MEMORY, "no memory to sum up the usage");
}

static enum err too_many(const struct tally *tally, struct error *error)
{
    return error_set(error, ERR_TOO_LARGE,
                     "that would be more than %zu items: take a shorter range, larger buckets, or "
                     "a filter",
                     tally->items_max);
}

/* The array with room for one more, where it may have moved; NULL: it stays as it is. */
static void *with_room(void *array, size_t *room, size_t count, size_t size_bytes)
{
    if (count < *room)
        return array;
    size_t more = *room ? *room * 2 : ROOM_FIRST;
    void *grown = mem_realloc(array, more * size_bytes);
    if (grown)
        *room = more;
    return grown;
}

/* ---- values -------------------------------------------------------------------------------------- */

static void value_place(const struct tally *tally, size_t index)
{
    size_t at = (size_t)tally->values[index].hash & (tally->value_slots - 1);
    while (tally->value_table[at])
        at = (at + 1) & (tally->value_slots - 1);
    tally->value_table[at] = (uint32_t)index + 1;
}

static enum err values_grow(struct tally *tally, struct error *error)
{
    if (tally->value_count * 2 < tally->value_slots)
        return OK;
    size_t slots = tally->value_slots ? tally->value_slots * 2 : 2 * ROOM_FIRST;
    uint32_t *table = mem_zalloc(slots, sizeof *table);
    if (!table)
        return no_memory(error);
    mem_free(tally->value_table);
    tally->value_table = table;
    tally->value_slots = slots;
    for (size_t i = 0; i < tally->value_count; i++)
        value_place(tally, i);
    return OK;
}

static bool keep(struct tally *tally, struct str text, struct str *out_copy)
{
    const char *copy = arena_dup(&tally->arena, text.at, text.len);
    *out_copy = (struct str){copy, text.len};
    return copy != NULL;
}

enum err tally_value(struct tally *tally, struct str text, struct str label, size_t *out_value,
                     struct error *error)
{
    uint64_t hash = str_hash(text);
    enum err err = values_grow(tally, error);
    if (err != OK)
        return err;
    size_t at = (size_t)hash & (tally->value_slots - 1);
    for (; tally->value_table[at]; at = (at + 1) & (tally->value_slots - 1)) {
        struct tally_value *value = &tally->values[tally->value_table[at] - 1];
        if (value->hash != hash || !str_eq(value->text, text))
            continue;
        if (!value->label.len && label.len && !keep(tally, label, &value->label))
            return no_memory(error);
        *out_value = tally->value_table[at] - 1;
        return OK;
    }
    if (tally->value_count == tally->items_max)
        return too_many(tally, error);
    struct tally_value *values =
        with_room(tally->values, &tally->value_room, tally->value_count, sizeof *values);
    if (!values)
        return no_memory(error);
    tally->values = values;
    struct tally_value value = {.hash = hash};
    if (!keep(tally, text, &value.text) || !keep(tally, label, &value.label))
        return no_memory(error);
    *out_value = tally->value_count;
    tally->values[tally->value_count++] = value;
    tally->value_table[at] = (uint32_t)tally->value_count;
    return OK;
}

/* ---- items --------------------------------------------------------------------------------------- */

static size_t item_home(const struct tally *tally, int64_t at_ms, size_t value)
{
    uint64_t mixed = hash_spread((uint64_t)at_ms) ^ (uint64_t)value;
    return (size_t)hash_spread(mixed) & (tally->item_slots - 1);
}

static enum err items_grow(struct tally *tally, struct error *error)
{
    if (tally->item_count * 2 < tally->item_slots)
        return OK;
    size_t slots = tally->item_slots ? tally->item_slots * 2 : 2 * ROOM_FIRST;
    uint32_t *table = mem_zalloc(slots, sizeof *table);
    if (!table)
        return no_memory(error);
    mem_free(tally->item_table);
    tally->item_table = table;
    tally->item_slots = slots;
    for (size_t i = 0; i < tally->item_count; i++) {
        size_t at = item_home(tally, tally->items[i].at_ms, tally->items[i].value);
        while (table[at])
            at = (at + 1) & (slots - 1);
        table[at] = (uint32_t)i + 1;
    }
    return OK;
}

static void item_add(struct tally_item *item, const struct usage_sums *sums, bool is_local)
{
    usage_sums_add(&item->sums, sums);
    if (is_local)
        usage_sums_add(&item->local, sums);
}

enum err tally_add(struct tally *tally, int64_t at_ms, size_t value, const struct usage_sums *sums,
                   bool is_local, struct error *error)
{
    enum err err = items_grow(tally, error);
    if (err != OK)
        return err;
    size_t at = item_home(tally, at_ms, value);
    for (; tally->item_table[at]; at = (at + 1) & (tally->item_slots - 1)) {
        struct tally_item *item = &tally->items[tally->item_table[at] - 1];
        if (item->at_ms != at_ms || item->value != value)
            continue;
        item_add(item, sums, is_local);
        return OK;
    }
    if (tally->item_count == tally->items_max)
        return too_many(tally, error);
    struct tally_item *items =
        with_room(tally->items, &tally->item_room, tally->item_count, sizeof *items);
    if (!items)
        return no_memory(error);
    tally->items = items;
    tally->items[tally->item_count] = (struct tally_item){.at_ms = at_ms, .value = value};
    item_add(&tally->items[tally->item_count++], sums, is_local);
    tally->item_table[at] = (uint32_t)tally->item_count;
    return OK;
}

/* ---- giving -------------------------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right, void *arg)
{
    const struct tally_item *a = left, *b = right;
    const struct tally *tally = arg;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    struct str one = tally->values[a->value].text, other = tally->values[b->value].text;
    size_t len = one.len < other.len ? one.len : other.len;
    int order = len ? memcmp(one.at, other.at, len) : 0;
    return order ? order : (one.len > other.len) - (one.len < other.len);
}

void tally_sort(struct tally *tally)
{
    if (tally->item_count > 1)
        qsort_r(tally->items, tally->item_count, sizeof *tally->items, compare_items, tally);
}

struct usage_item tally_item(const struct tally *tally, size_t index)
{
    assert(index < tally->item_count);
    const struct tally_item *item = &tally->items[index];
    const struct tally_value *value = &tally->values[item->value];
    return (struct usage_item){item->at_ms, value->text, value->label, item->sums, item->local};
}
