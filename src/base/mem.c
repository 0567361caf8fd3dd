/* base/mem.c: thin over malloc, so that a failing allocator can be put in its place by a test. */
#include "base/mem.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* The first block is small, since many a request keeps but a few strings while it waits for a model; each
 * further one is twice as large. With the block's and malloc's headers: half a KiB, and a page. */
#define FIRST_BLOCK_BYTES 480u
#define BLOCK_BYTES       4064u

#define KEPT_BYTES (128 * 1024 * 1024) /* free, at the top of an arena */
#define MMAP_BYTES (32 * 1024 * 1024)
#define PAD_BYTES  (8 * 1024 * 1024)
#define ARENAS     8

static _Thread_local unsigned failures;

static void *noted(void *block)
{
    failures += block == NULL;
    return block;
}

unsigned mem_failures(void)
{
    return failures;
}

void *mem_alloc(size_t size_bytes)
{
    return noted(malloc(size_bytes ? size_bytes : 1));
}

void *mem_zalloc(size_t count, size_t size_bytes)
{
    return noted(calloc(count ? count : 1, size_bytes ? size_bytes : 1));
}

void *mem_realloc(void *old, size_t size_bytes)
{
    return noted(realloc(old, size_bytes ? size_bytes : 1));
}

void mem_free(void *block)
{
    free(block);
}

char *mem_dup(const void *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

/* STACK.md 7: 100 KB bodies cost a quarter less when their memory is kept and not given back. */
void mem_tune(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    (void)mallopt(M_TOP_PAD, PAD_BYTES);
    (void)mallopt(M_ARENA_MAX, ARENAS);
}

void mem_trim(void)
{
    enum {
        LOOKED_AT = 128 * 1024
    }; /* whoever frees as much makes glibc look at the top of its arena */
    (void)malloc_trim(0);
    (void)mallopt(M_TRIM_THRESHOLD, LOOKED_AT);
    (void)mallopt(M_TOP_PAD, 0);
    volatile char *block = malloc(LOOKED_AT);
    if (block)
        *block = 0; /* or the compiler leaves the pair out */
    free((void *)(uintptr_t)block);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_TOP_PAD, PAD_BYTES);
}

struct arena_block {
    struct arena_block *next;
    size_t size_bytes;
    _Alignas(ARENA_ALIGN_BYTES) char room[];
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

void arena_init_in(struct arena *arena, size_t limit_bytes, char *room, size_t room_bytes)
{
    assert((uintptr_t)room % ARENA_ALIGN_BYTES == 0);
    arena_init(arena, limit_bytes);
    arena->at = room;
    arena->end = room + room_bytes;
}

/* Starts a block that has room for `size_bytes`. False past the limit or without memory. */
static bool start_block(struct arena *arena, size_t size_bytes)
{
    size_t room = arena->blocks ? arena->blocks->size_bytes * 2 : FIRST_BLOCK_BYTES;
    if (room > BLOCK_BYTES)
        room = BLOCK_BYTES;
    if (room < size_bytes)
        room = size_bytes;
    if (room > arena->limit_bytes - arena->used_bytes)
        room = size_bytes;
    if (room > arena->limit_bytes - arena->used_bytes)
        return false;
    struct arena_block *block = mem_alloc(sizeof *block + room);
    if (!block)
        return false;
    block->next = arena->blocks;
    block->size_bytes = room;
    arena->blocks = block;
    arena->used_bytes += room;
    arena->at = block->room;
    arena->end = block->room + room;
    return true;
}

void *arena_grow(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > arena->limit_bytes)
        return NULL;
    size_t wanted = size_bytes ? size_bytes : 1;
    size_t rounded = (wanted + ARENA_ALIGN_BYTES - 1) & ~(ARENA_ALIGN_BYTES - 1);
    if ((size_t)(arena->end - arena->at) < rounded && !start_block(arena, rounded))
        return NULL;
    void *room = arena->at;
    arena->at += rounded;
    return room;
}

char *arena_dup(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void arena_release(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        mem_free(block);
    }
    arena_init(arena, arena->limit_bytes);
}
