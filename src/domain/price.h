/* domain/price.h: what a model's tokens cost. Integers only: micro-dollars per million tokens.
 *
 * Facts come from an embedded table (prices.csv: source and date in it). An unknown price is unknown,
 * never 0. The long-context tier reprices the whole request. Of the parts of the input, one without a price of its
 * own costs what other input costs.
 */
#pragma once
#include "domain/provider.h"
#include "wire/meter.h"

#define COST_UNKNOWN (-1)

/* clang-format off */
/* What an admin may say in their own words; micro-dollars per 1e6 tokens. */
#define PRICE_LIST(X)                                                      \
    /* member            name in the API */                                \
    X(input,             "input_microusd_per_mtok")                        \
    X(output,            "output_microusd_per_mtok")                       \
    X(cached,            "cached_input_microusd_per_mtok")                 \
    X(cache_write,       "cache_write_microusd_per_mtok")                  \
    X(cache_write_1h,    "cache_write_1h_microusd_per_mtok")               \
    X(long_input,        "long_context_input_microusd_per_mtok")           \
    X(long_output,       "long_context_output_microusd_per_mtok")          \
    X(long_cached,       "long_context_cached_input_microusd_per_mtok")    \
    X(long_cache_write,  "long_context_cache_write_microusd_per_mtok")
/* clang-format on */
#define PRICE_MAX INT64_C(1000000000000) /* a dollar a token */

struct price {
    const char *model;
    enum provider_kind kind;          /* of the table; of an override that holds everywhere: any */
    const char *source, *source_date; /* who says so, and when; "" not told */
    const char *override_id;          /* NULL: of the table */
    const char *provider_id;          /* of an override; "" all */
    int64_t updated_at_ms, rev;       /* likewise */
    int64_t input, output, cached, cache_write; /* micro-dollars per 1e6 tokens; COST_UNKNOWN */
    int64_t cache_write_1h;                     /* of those written, the ones kept an hour */
    int64_t long_from_tokens;                   /* more input than this: long; 0: no such tier */
    int64_t long_input, long_output, long_cached, long_cache_write, long_cache_write_1h;
    int64_t context_tokens, max_output_tokens; /* abilities, when the table has them; -1 */
    unsigned lacks;                            /* enum model_lack: where the table says false */
};

struct price_table; /* immutable, any thread */

/** Reads the embedded table. ERR_NO_MEMORY, ERR_MALFORMED (a bug in the table: says the line). */
MUST_USE enum err price_table_new(struct str csv, struct price_table **out_table,
                                  struct error *error);
void price_table_free(struct price_table *table);
/** All of it, by kind and name; NULL behind the last. */
const struct price *price_table_at(const struct price_table *table, size_t index);
/** Exact name, else the name without a trailing -YYYY-MM-DD or -YYYYMMDD date; NULL when unknown. */
const struct price *price_find(const struct price_table *table, enum provider_kind kind,
                               struct str model);
/** Micro-dollars, rounded up to the next whole one; COST_UNKNOWN when price or tokens are unknown. */
int64_t price_cost(const struct price *price, const struct usage *usage);

extern const char prices_csv[]; /* generated from prices.csv */
extern const unsigned long prices_csv_len;
