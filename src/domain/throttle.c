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

/* The keys and buckets that a try draws on; returns how many. */
static int draws_on(const struct throttle_try *try, enum throttle_kind kinds[2], uint64_t keys[2])
{
    if (try->is_known) {
        kinds[0] = THROTTLE_PAIR;
        keys[0] = hash_spread(try->address) ^ try->account;
        return 1;
    }
    kinds[0] = THROTTLE_ADDRESS;
    keys[0] = try->address;
    kinds[1] = THROTTLE_ACCOUNT;
    keys[1] = try->account;
    return 2;
}

bool throttle_take(struct throttle *throttle, const struct throttle_try *try, int64_t now_ms,
                   int64_t *out_wait_ms)
{
    enum throttle_kind kinds[2];
    uint64_t keys[2];
    struct throttle_bucket *buckets[2];
    int count = draws_on(try, kinds, keys);
    int64_t longest_ms = 0;
    for (int i = 0; i < count; i++) {
        buckets[i] = bucket_of(throttle, kinds[i], keys[i]);
        int64_t wait_ms = wait_of(buckets[i], &rates[kinds[i]], now_ms);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
    }
    *out_wait_ms = longest_ms;
    for (int i = 0; longest_ms == 0 && i < count; i++)
        take(buckets[i], &rates[kinds[i]], now_ms);
    return longest_ms == 0;
}

void throttle_give(struct throttle *throttle, const struct throttle_try *try, int64_t now_ms)
{
    enum throttle_kind kinds[2];
    uint64_t keys[2];
    int count = draws_on(try, kinds, keys);
    for (int i = 0; i < count; i++) {
        struct throttle_bucket *bucket = bucket_of(throttle, kinds[i], keys[i]);
        if (bucket->full_at_ms > now_ms)
            bucket->full_at_ms -= rates[kinds[i]].interval_ms;
    }
}
