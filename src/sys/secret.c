/* sys/secret.c: pages that hold secrets.
 *
 * Each secret has a page of its own between two pages that cannot be touched, locked against
 * swapping (where the limit allows) and left out of core files. A provider key is opened for every
 * request, and five system calls each time would show, so wiped pages wait in a small pool.
 *
 * It does not hide a secret from who can read this process's memory: nothing can.
 */
#include "sys/secret.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define POOL_MAX 32

struct secret {
    char *bytes; /* SECRET_MAX_BYTES, page aligned; guard pages before and behind */
    size_t len;
    struct secret *next; /* in the pool */
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct secret *pool;
static int pool_count;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t room_bytes(void)
{
    size_t page = page_bytes();
    return (SECRET_MAX_BYTES + page - 1) / page * page;
}

static char *pages_map(void)
{
    size_t page = page_bytes(), room = room_bytes();
    char *all = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    char *bytes = all + page;
    if (mprotect(bytes, room, PROT_READ | PROT_WRITE) != 0) {
        munmap(all, room + 2 * page);
        return NULL;
    }
    /* Both are bonuses: a container may refuse them, and the secret is needed all the same. */
    (void)mlock(bytes, room);
    (void)madvise(bytes, room, MADV_DONTDUMP);
    return bytes;
}

static struct secret *pool_take(void)
{
    pthread_mutex_lock(&pool_lock);
    struct secret *secret = pool;
    if (secret) {
        pool = secret->next;
        pool_count--;
    }
    pthread_mutex_unlock(&pool_lock);
    return secret;
}

static bool pool_give(struct secret *secret)
{
    pthread_mutex_lock(&pool_lock);
    bool has_room = pool_count < POOL_MAX;
    if (has_room) {
        secret->next = pool;
        pool = secret;
        pool_count++;
    }
    pthread_mutex_unlock(&pool_lock);
    return has_room;
}

static struct secret *secret_map(void)
{
    struct secret *secret = mem_zalloc(1, sizeof *secret);
    if (!secret)
        return NULL;
    secret->bytes = pages_map();
    if (!secret->bytes) {
        mem_free(secret);
        return NULL;
    }
    return secret;
}

enum err secret_room(size_t len, struct secret **out_secret, uint8_t **out_room)
{
    if (len > SECRET_MAX_BYTES)
        return ERR_TOO_LARGE;
    struct secret *secret = pool_take();
    if (!secret)
        secret = secret_map();
    if (!secret)
        return ERR_NO_MEMORY;
    secret->len = len;
    *out_secret = secret;
    *out_room = (uint8_t *)secret->bytes;
    return OK;
}

enum err secret_new(struct str bytes, struct secret **out_secret)
{
    uint8_t *room = NULL;
    enum err err = secret_room(bytes.len, out_secret, &room);
    if (err == OK && bytes.len)
        memcpy(room, bytes.at, bytes.len);
    return err;
}

void secret_free(struct secret *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret->bytes, secret->len);
    secret->len = 0;
    if (pool_give(secret))
        return;
    size_t page = page_bytes();
    munmap(secret->bytes - page, room_bytes() + 2 * page);
    mem_free(secret);
}

struct str secret_borrow(const struct secret *secret)
{
    assert(secret);
    return (struct str){secret->bytes, secret->len};
}

void secret_wipe(void *bytes, size_t len)
{
    explicit_bzero(bytes, len);
}
