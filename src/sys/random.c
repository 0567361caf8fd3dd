/* sys/random.c: random bytes, drawn from the kernel in blocks and handed out once.
 *
 * A block per thread saves a system call for each identifier. Bytes that were handed out are wiped,
 * and a child process throws the block away: parent and child must never give the same bytes.
 */
#include "sys/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 256u

struct block {
    uint8_t bytes[BLOCK_BYTES];
    size_t left;
    unsigned generation; /* of the process that drew it */
};

static _Thread_local struct block own_block;
static atomic_uint generation = 1; /* grows in each child */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_fork_child(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, on_fork_child) != 0)
        abort();
}

/* Without randomness no key and no nonce is safe, so there is nothing to go on with. getentropy is
 * getrandom(2) in pieces of at most 256 bytes, and starts over when a signal comes. */
static void draw(void *room, size_t len)
{
    uint8_t *at = room;
    while (len > 0) {
        size_t piece = len < BLOCK_BYTES ? len : BLOCK_BYTES;
        if (getentropy(at, piece) != 0)
            abort();
        at += piece;
        len -= piece;
    }
}

void random_fill(void *room, size_t len)
{
    if (len == 0)
        return;
    if (len > BLOCK_BYTES / 2) {
        draw(room, len);
        return;
    }
    pthread_once(&once, watch_forks);
    struct block *block = &own_block;
    unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
    if (block->left < len || block->generation != now) {
        draw(block->bytes, BLOCK_BYTES);
        block->left = BLOCK_BYTES;
        block->generation = now;
    }
    block->left -= len;
    memcpy(room, block->bytes + block->left, len);
    explicit_bzero(block->bytes + block->left, len);
}

void random_hex(char *room, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t byte;
    for (size_t i = 0; i + 1 < digits; i += 2) {
        random_fill(&byte, 1);
        room[i] = hex[byte >> 4];
        room[i + 1] = hex[byte & 15];
    }
    room[digits] = '\0';
    explicit_bzero(&byte, 1);
}

double random_unit(void)
{
    uint64_t bits;
    random_fill(&bits, sizeof bits);
    return (double)(bits >> 11) * 0x1.0p-53; /* 53 bits: every value is exact and below 1 */
}
