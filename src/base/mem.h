/* base/mem.h: allocation, and memory that frees itself at the end of a scope or of a request.
 *
 * Thread:  any. An arena belongs to one thread at a time.
 */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/** malloc of at least one byte; NULL when there is no memory. Yours to mem_free(). */
MUST_USE void *mem_alloc(size_t size_bytes);
/** Zeroed array; the product is checked. NULL when there is no memory or it would overflow. */
MUST_USE void *mem_zalloc(size_t count, size_t size_bytes);
/** realloc of at least one byte; on NULL the old block stays yours. */
MUST_USE void *mem_realloc(void *old, size_t size_bytes);
void mem_free(void *block);
/** How often this thread was refused memory: whoever builds with many bounded buffers tells by it whether a
 *  failed one was full or could not grow. */
unsigned mem_failures(void);
/** How this process keeps memory that was freed: at hand, most of it. Once, before there are threads. */
void mem_tune(void);
/** Gives free memory back to the kernel, after work that took much of it once. Of the calling thread's own arena
 *  also what lies at its top, which malloc_trim leaves alone in every arena but the main one. */
void mem_trim(void);
/** A NUL-terminated copy of `len` bytes. */
MUST_USE char *mem_dup(const void *bytes, size_t len);

/** Locals that free themselves on every way out; ownership leaves by TAKE on one visible line. */
static inline void mem_auto_free(void *pointer_to_pointer)
{
    void **block = pointer_to_pointer;
    mem_free(*block);
}
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))
#define TAKE(pointer)                           \
    __extension__({                             \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL;                       \
        taken_;                                 \
    })

/** For a large local that is written before it is read: the hardening flag that zeroes locals
 *  (-ftrivial-auto-var-init) would clear kilobytes on every call. */
#define UNSET __attribute__((uninitialized))

/** Memory of one request: many small pieces, one free. Bounded; zero-initialise, then arena_init. */
struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first */
    char *at, *end;
    size_t used_bytes, limit_bytes;
};

/** Empty arena that will hold at most `limit_bytes`; allocates nothing yet. */
void arena_init(struct arena *arena, size_t limit_bytes);
/** The same, with `room` (16-byte aligned, as long-lived as the arena) to begin with: it counts towards
 *  nothing. */
void arena_init_in(struct arena *arena, size_t limit_bytes, char *room, size_t room_bytes);
#define ARENA_ALIGN_BYTES ((size_t)16)
/** What arena_alloc does when the room is not there already. */
MUST_USE void *arena_grow(struct arena *arena, size_t size_bytes);
/** 16-byte aligned room, not zeroed; NULL past the limit or without memory. */
MUST_USE static inline void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    size_t left = (size_t)(arena->end - arena->at) & ~(ARENA_ALIGN_BYTES - 1);
    if (size_bytes == 0 || size_bytes > left)
        return arena_grow(arena, size_bytes);
    void *room = arena->at;
    arena->at += (size_bytes + ARENA_ALIGN_BYTES - 1) & ~(ARENA_ALIGN_BYTES - 1);
    return room;
}
/** NUL-terminated copy; NULL past the limit. */
MUST_USE char *arena_dup(struct arena *arena, const void *bytes, size_t len);
/** Frees everything; the arena may be used again with the same limit, without the room it began in. */
void arena_release(struct arena *arena);
