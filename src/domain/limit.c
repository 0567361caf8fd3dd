/* domain/limit.c: see limit.h. A ring of buckets, and their sum. */
#include "domain/limit.h"

#include <assert.h>
#include <string.h>

/* The number of the oldest bucket in the ring; in the first minute of all there are fewer. */
static int64_t oldest(const struct limit *limit)
{
    return limit->newest < LIMIT_BUCKETS ? 0 : limit->newest - LIMIT_BUCKETS + 1;
}

static int64_t *bucket_at(struct limit *limit, int64_t number)
{
    return &limit->bucket[(uint64_t)number % LIMIT_BUCKETS];
}

/* Is the bucket of this number still in the ring? */
static bool counts(const struct limit *limit, int64_t number)
{
    return number <= limit->newest && number >= oldest(limit);
}

/* Turns the ring to this moment: what is older than a minute falls out. */
static void turn(struct limit *limit, int64_t now_ms)
{
    int64_t now = now_ms / LIMIT_BUCKET_MS;
    if (now - limit->newest >= LIMIT_BUCKETS) {
        memset(limit->bucket, 0, sizeof limit->bucket);
        limit->used = 0;
        limit->newest = now;
        return;
    }
    while (limit->newest < now) {
        int64_t *reused = bucket_at(limit, ++limit->newest);
        limit->used -= *reused;
        *reused = 0;
    }
}

/* Until the bucket of this number has fallen out. */
static int64_t until_gone_ms(int64_t number, int64_t now_ms)
{
    return (number + LIMIT_BUCKETS) * LIMIT_BUCKET_MS - now_ms;
}

void limit_init(struct limit *limit, int64_t most)
{
    assert(most >= 0);
    *limit = (struct limit){.most = most};
}

void limit_change(struct limit *limit, int64_t most)
{
    assert(most >= 0);
    limit->most = most;
}

bool limit_take(struct limit *limit, int64_t count, int64_t now_ms, int64_t *out_bucket)
{
    assert(count >= 0 && now_ms >= 0);
    turn(limit, now_ms);
    if (limit->used > limit->most || count > limit->most - limit->used)
        return false;
    *bucket_at(limit, limit->newest) += count;
    limit->used += count;
    *out_bucket = limit->newest;
    return true;
}

void limit_correct(struct limit *limit, int64_t bucket, int64_t taken, int64_t real, int64_t now_ms)
{
    assert(real >= 0 && taken >= 0);
    turn(limit, now_ms);
    int64_t more = real - taken;
    if (more > 0)
        bucket = limit->newest;
    if (!counts(limit, bucket))
        return;
    *bucket_at(limit, bucket) += more;
    limit->used += more;
}

int64_t limit_left(struct limit *limit, int64_t now_ms)
{
    turn(limit, now_ms);
    return limit->used < limit->most ? limit->most - limit->used : 0;
}

int64_t limit_wait_ms(struct limit *limit, int64_t count, int64_t now_ms)
{
    if (count > limit->most)
        return LIMIT_NEVER_MS;
    turn(limit, now_ms);
    int64_t too_many = limit->used + count - limit->most;
    int64_t wait_ms = 0;
    for (int64_t at = oldest(limit); too_many > 0 && at <= limit->newest; at++) {
        if (*bucket_at(limit, at) == 0)
            continue;
        too_many -= *bucket_at(limit, at);
        wait_ms = until_gone_ms(at, now_ms);
    }
    return wait_ms;
}

int64_t limit_reset_ms(struct limit *limit, int64_t now_ms)
{
    turn(limit, now_ms);
    for (int64_t at = limit->newest; limit->used > 0 && at >= oldest(limit); at--)
        if (*bucket_at(limit, at) > 0)
            return until_gone_ms(at, now_ms);
    return 0;
}
