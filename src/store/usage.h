/* store/usage.h: what was used, over any range: the one layer that everybody who sums asks.
 *
 * A range is made of whole days, hours and minutes, which are summed up already (usage_book.h), and of the rows of
 * the jobs themselves at its edges; so it is exact to the millisecond, and the sum of the rows is the sum of the
 * usage. A job counts at the time it was created, and once it is closed. Minutes are kept 48 hours, hours 400 days,
 * days for ever; where they are gone, the rows stand in for them.
 *
 * Thread:  any may call, except loop threads. Jobs that are not drained yet are missing: store_drain first.
 */
#pragma once
#include "store/store.h"
#include "store/usage_post.h"

enum usage_bucket { USAGE_BY_MINUTE, USAGE_BY_HOUR, USAGE_BY_DAY, USAGE_IN_ONE };

/** Identifiers; "" means any. A provider or a key may also be given by its name. */
struct usage_filter {
    char name[USAGE_NAME_COUNT][200];
};

#define USAGE_PAGE_MAX 5000
struct usage_query {
    struct usage_filter filter;
    enum usage_name group_by;
    enum usage_bucket bucket;   /* UTC */
    int64_t since_ms, until_ms; /* created in [since, until); 0: since ever, until now */
    int limit;                  /* 1 to USAGE_PAGE_MAX items */
    char cursor[96];            /* from the page before; "" first */
};

/** The sums of one value of `group_by` in one bucket. Borrowed. */
struct usage_item {
    int64_t at_ms; /* where the bucket begins; 0 with USAGE_IN_ONE */
    struct str value,
        label; /* the identifier; for providers and keys the name as last seen, else "" */
    struct usage_sums sums;
    struct usage_sums local; /* the part of it on gpu and cli providers */
};
typedef void store_on_usage(void *arg, const struct usage_item *item);

/**
 * Calls `on_item` by time, then by value. `out_totals` (value "") is of the whole range, whatever the page.
 * Errors  ERR_MALFORMED: the cursor is not ours, or such small buckets are not kept for so long; ERR_TOO_LARGE: too
 *         many items; ERR_TIMEOUT: too many rows at the edges. Each with a sentence.
 */
MUST_USE enum err store_usage(struct store *store, const struct usage_query *query,
                              store_on_usage *on_item, void *arg, struct usage_item *out_totals,
                              char out_next_cursor[96], struct error *error);

/** The known cost of what was created in [since, until), by team and key. */
typedef void store_on_spent(void *arg, const char *team_id, const char *key_id,
                            int64_t cost_microusd);
MUST_USE enum err store_usage_spent(struct store *store, int64_t since_ms, int64_t until_ms,
                                    store_on_spent *on_spent, void *arg, struct error *error);
