/* domain/limit.h: how much of something there may be in a minute: requests, or tokens.
 *
 * A sliding minute of buckets of 250 ms: in no window of 60 s is more admitted than the limit, and the whole limit may
 * be used at once. A bucket counts until it is as old as 60 s at its youngest, so what was admitted counts for 60.00 to
 * 60.25 s, and 99.6 % of the limit can be used for ever.
 *
 * Tokens are not known beforehand: so many as there may be are taken, and corrected when they are known.
 *
 * Thread: whoever owns it; no locks. Time is a parameter: monotonic, and may differ a little from thread to thread: an
 * earlier time than one that was heard counts as that one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LIMIT_WINDOW_MS 60000
#define LIMIT_BUCKET_MS 250
#define LIMIT_BUCKETS   (LIMIT_WINDOW_MS / LIMIT_BUCKET_MS + 1) /* and the one that is being filled */
#define LIMIT_NEVER_MS  (-1)

struct limit {
    int64_t most;   /* in any minute */
    int64_t used;   /* all buckets together */
    int64_t newest; /* number of the bucket that is being filled */
    int64_t bucket[LIMIT_BUCKETS];
};

void limit_init(struct limit *limit, int64_t most);
/** Another limit, in force at once: what was admitted still counts. */
void limit_change(struct limit *limit, int64_t most);

/** Admits `count` (0 or more) if that fits now. `*out_bucket` is where it counts, for limit_correct. */
bool limit_take(struct limit *limit, int64_t count, int64_t now_ms, int64_t *out_bucket);
/** What was taken as `taken` turned out to be `real`; 0 gives it back. More than was taken counts from now on, and is
 *  not refused any more: it is there. Less is given back, unless the minute is over anyway. */
void limit_correct(struct limit *limit, int64_t bucket, int64_t taken, int64_t real,
                   int64_t now_ms);

/** What can be admitted now; never negative. */
int64_t limit_left(struct limit *limit, int64_t now_ms);
/** Until `count` fits, if nobody else comes; 0: now. LIMIT_NEVER_MS: it is more than the whole limit. */
int64_t limit_wait_ms(struct limit *limit, int64_t count, int64_t now_ms);
/** Until all of the limit is there again, if nobody comes. */
int64_t limit_reset_ms(struct limit *limit, int64_t now_ms);
