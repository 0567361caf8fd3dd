/* admin/avoided.h: what own machines saved: the same tokens at a cloud's price.
 *
 * The cloud is the one of the Auto default when that has a price, else the cheapest default model of any cloud that is
 * configured. Which one it was is told, because every figure here is a comparison and no bill.
 *
 * Thread:  any.
 */
#pragma once
#include "gateway/snapshot.h"
#include "json/json_writer.h"
#include "store/usage.h"

struct avoided {
    const struct provider *provider; /* NULL: no cloud has a price to compare with */
    const char *model, *why;         /* why: "auto_default" or "cheapest_default" */
    struct price price;
};

/** Borrows from the snapshot. */
void avoided_choose(const struct snapshot *snapshot, struct avoided *out_avoided);
/** Of sums of local providers, without what failed attempts took; COST_UNKNOWN without a comparison. */
int64_t avoided_microusd(const struct avoided *avoided, const struct usage_sums *local);
void avoided_write(const struct avoided *avoided, struct json_writer *writer, const char *name);
