/* domain/feed_ring.h: the last frames of one sort, in order. Old ones make room: beyond a number, a size, or an age.
 *
 * A reader is a number, the last frame it has; it has missed something when a frame behind that is not kept any more.
 *
 * Memory:  the ring owns its frames.   Thread: whoever owns it; no locks.
 */
#pragma once
#include "base/err.h"
#include "domain/feed.h"

struct feed_ring {
    struct feed_frame **frames;
    size_t room, first, count;
    size_t bytes, bytes_max;
    int64_t keep_ms;
    int64_t lost_rev; /* the newest that was kept and is not any more; 0: none */
};

/** `room` frames, 1 or more; `bytes_max` of text in all. ERR_NO_MEMORY. */
MUST_USE enum err feed_ring_init(struct feed_ring *ring, size_t room, size_t bytes_max,
                                 int64_t keep_ms);
void feed_ring_release(struct feed_ring *ring); /* fine for a zeroed one */
/** Takes the frame, which has its number and time. */
void feed_ring_put(struct feed_ring *ring, struct feed_frame *frame);
/** Drops everything; whoever has read less than `rev` has missed something. */
void feed_ring_clear(struct feed_ring *ring, int64_t rev);
/** The place of the first frame behind `rev`: 0 to count. */
size_t feed_ring_after(const struct feed_ring *ring, int64_t rev);

static inline const struct feed_frame *feed_ring_at(const struct feed_ring *ring, size_t place)
{
    size_t at = ring->first + place;
    return ring->frames[at < ring->room ? at : at - ring->room];
}

static inline bool feed_ring_has_lost(const struct feed_ring *ring, int64_t rev)
{
    return rev < ring->lost_rev;
}
