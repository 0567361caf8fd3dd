/* domain/feed_ring.c: see feed_ring.h. */
#include "domain/feed_ring.h"

#include "base/mem.h"

#include <assert.h>

enum err feed_ring_init(struct feed_ring *ring, size_t room, size_t bytes_max, int64_t keep_ms)
{
    assert(room > 0);
    struct feed_frame **frames = mem_zalloc(room, sizeof *frames);
    if (!frames)
        return ERR_NO_MEMORY;
    *ring = (struct feed_ring){
        .frames = frames, .room = room, .bytes_max = bytes_max, .keep_ms = keep_ms};
    return OK;
}

static void drop_first(struct feed_ring *ring)
{
    struct feed_frame *frame = TAKE(ring->frames[ring->first]);
    ring->first = ring->first + 1 < ring->room ? ring->first + 1 : 0;
    ring->count--;
    ring->bytes -= frame->len;
    ring->lost_rev = frame->rev;
    mem_free(frame);
}

void feed_ring_release(struct feed_ring *ring)
{
    while (ring->count > 0)
        drop_first(ring);
    mem_free(ring->frames);
    *ring = (struct feed_ring){0};
}

/* The first frame, for this one to come in. */
static bool must_go(const struct feed_ring *ring, const struct feed_frame *frame)
{
    return ring->count == ring->room || ring->bytes + frame->len > ring->bytes_max ||
           frame->at_ms - feed_ring_at(ring, 0)->at_ms > ring->keep_ms;
}

void feed_ring_put(struct feed_ring *ring, struct feed_frame *frame)
{
    assert(ring->count == 0 || feed_ring_at(ring, ring->count - 1)->rev < frame->rev);
    while (ring->count > 0 && must_go(ring, frame))
        drop_first(ring);
    size_t at = ring->first + ring->count++;
    ring->frames[at < ring->room ? at : at - ring->room] = frame;
    ring->bytes += frame->len;
}

void feed_ring_clear(struct feed_ring *ring, int64_t rev)
{
    while (ring->count > 0)
        drop_first(ring);
    ring->lost_rev = rev;
}

size_t feed_ring_after(const struct feed_ring *ring, int64_t rev)
{
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (feed_ring_at(ring, middle)->rev > rev)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
