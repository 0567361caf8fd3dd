/* store/segment.h: one file of a journal: DATA/journal/<loop>-<sequence>.seg.
 *
 * A segment is made whole (its blocks allocated, zeroes) and begins with a header that names its loop,
 * its sequence, the node and the boot that wrote it. Sequences grow for ever; gaps mean nothing.
 * Thread:  any.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_BYTES      (4u * 1024 * 1024)
#define SEGMENT_HEAD_BYTES 64u

/** Who writes: told in each segment. */
struct segment_owner {
    const char *dir; /* DATA/journal */
    uint8_t node[16], boot[16];
};

/** A place in a series of segments, in one word: sequence above, offset in the low 24 bits. */
static inline uint64_t position_of(uint64_t sequence, uint64_t offset)
{
    return sequence << 24 | offset;
}
static inline uint64_t position_sequence(uint64_t position)
{
    return position >> 24;
}
static inline uint32_t position_offset(uint64_t position)
{
    return (uint32_t)(position & 0xffffff);
}

/** Makes and allocates one. ERR_UNAVAILABLE with a sentence when the disk has no room; ERR_IO. */
MUST_USE enum err segment_create(const struct segment_owner *owner, int loop, uint64_t sequence,
                                 int *out_fd, struct error *error);
/** Opens one for reading and checks its header. ERR_NOT_FOUND; ERR_MALFORMED when it is no segment of
 *  that loop and node; ERR_IO. */
MUST_USE enum err segment_open(const struct segment_owner *owner, int loop, uint64_t sequence,
                               int *out_fd);
void segment_remove(const struct segment_owner *owner, int loop, uint64_t sequence);

/** Calls `on_segment` for each segment file in the directory, in no order. */
typedef void segment_on_found(void *arg, int loop, uint64_t sequence);
MUST_USE enum err segment_list(const char *dir, segment_on_found *on_segment, void *arg,
                               struct error *error);
