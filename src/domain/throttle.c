/* domain/throttle.c: token buckets, each one number: the time at which it is full again.
 *
 * Taking a token moves that time on by what one token needs to come back; there is one left while the time
 * lies less than the whole bucket ahead. A table is eight-way: an address can only push out entries of its own set,
 * and the one pushed out is the nearest to being full.
 */
#include "domain/throttle.h"

#include "base/hash.h"

// clang-format off
static const struct rate {
    int64_t room;        /* tries in a row */
    int64_t interval_ms; /* until one comes back */
} rates[THROTTLE_KIND_COUNT] = {
    [THROTTLE_ADDRESS] = {30, 4000},
    [THROTTLE_ACCOUNT] = {10, 60000},
    [THROTTLE_PAIR]    = {10, 10000},
};
// clang-format on

static struct throttle_bucket *bucket_of(struct throttle *throttle, enum throttle_kind kind,
                                         uint64_t key)
{
    struct throttle_bucket *set = throttle->buckets[kind][hash_spread(key) % THROTTLE_SETS];
    struct throttle_bucket *fullest = &set[0];
    for (int i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].full_at_ms < fullest->full_at_ms)
            fullest = &set[i];
    }
    *fullest = (struct throttle_bucket){.key = key};
    return fullest;
}

static int64_t wait_of(const struct throttle_bucket *bucket, const struct rate *rate,
                       int64_t now_ms)
{
    int64_t missing_ms = bucket->full_at_ms - now_ms;
    int64_t wait_ms = missing_ms - (rate->room - 1) * rate->interval_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

static void take(struct throttle_bucket *bucket, const struct rate *rate, int64_t now_ms)
{
    int64_t from_ms = bucket->full_at_ms > now_ms ? bucket->full_at_ms : now_ms;
    bucket->full_at_ms = from_ms + rate->interval_ms;
}

static struct throttle_bucket *bucket_for(struct throttle *throttle, enum throttle_kind kind,
                                          const struct throttle_try *try)
{
    uint64_t key = kind == THROTTLE_ADDRESS   ? try->address
                   : kind == THROTTLE_ACCOUNT ? try->account
                                              : hash_spread(try->address) ^ try->account;
    return bucket_of(throttle, kind, key);
}

static int64_t wait_for(struct throttle *throttle, enum throttle_kind kind,
                        const struct throttle_try *try, int64_t now_ms)
{
    return wait_of(bucket_for(throttle, kind, try), &rates[kind], now_ms);
}

bool throttle_take(struct throttle *throttle, struct throttle_try *try, int64_t now_ms,
                   int64_t *out_wait_ms)
{
    int64_t address_ms = wait_for(throttle, THROTTLE_ADDRESS, try, now_ms);
    int64_t account_ms = wait_for(throttle, THROTTLE_ACCOUNT, try, now_ms);
    *out_wait_ms = address_ms > account_ms ? address_ms : account_ms;
    try->taken = *out_wait_ms > 0 ? 0 : 1u << THROTTLE_ADDRESS | 1u << THROTTLE_ACCOUNT;
    if (try->is_known && wait_for(throttle, THROTTLE_PAIR, try, now_ms) == 0)
        try->taken |= 1u << THROTTLE_PAIR;
    for (enum throttle_kind kind = 0; kind < THROTTLE_KIND_COUNT; kind++)
        if (try->taken & 1u << kind)
            take(bucket_for(throttle, kind, try), &rates[kind], now_ms);
    return try->taken != 0;
}

void throttle_give(struct throttle *throttle, const struct throttle_try *try, int64_t now_ms)
{
    for (enum throttle_kind kind = 0; kind < THROTTLE_KIND_COUNT; kind++) {
        struct throttle_bucket *bucket =
            try->taken & 1u << kind ? bucket_for(throttle, kind, try) : NULL;
        if (bucket && bucket->full_at_ms > now_ms)
            bucket->full_at_ms -= rates[kind].interval_ms;
    }
}
