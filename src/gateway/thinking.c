/* gateway/thinking.c: see thinking.h. A hash table of chains, and a list in the order of keeping: what is oldest is
 * what expires first and what gives way.
 */
#include "gateway/thinking.h"

#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>

#define SLOTS 4096u

struct entry {
    struct entry *next; /* of its slot */
    struct list age;    /* the oldest first */
    struct thinking_name name;
    int64_t expires_ms;
    size_t len;
    char bytes[];
};

struct thinking_memory {
    pthread_mutex_t lock;
    struct list ages;
    size_t bytes;
    struct entry *slots[SLOTS];
};

struct thinking_memory *thinking_memory_new(void)
{
    struct thinking_memory *memory = mem_zalloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    pthread_mutex_init(&memory->lock, NULL);
    list_init(&memory->ages);
    return memory;
}

/* A keyed digest is uniform, so its first bytes are as good a hash as any. */
static struct entry **slot_of(struct thinking_memory *memory, const struct thinking_name *name)
{
    uint32_t hash;
    memcpy(&hash, name->bytes, sizeof hash);
    return &memory->slots[hash % SLOTS];
}

static struct entry **find(struct thinking_memory *memory, const struct thinking_name *name)
{
    struct entry **at = slot_of(memory, name);
    while (*at && memcmp((*at)->name.bytes, name->bytes, sizeof name->bytes) != 0)
        at = &(*at)->next;
    return at;
}

static void drop(struct thinking_memory *memory, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    list_unlink(&entry->age);
    memory->bytes -= sizeof *entry + entry->len;
    mem_free(entry);
}

static struct entry *oldest(struct thinking_memory *memory)
{
    return list_is_empty(&memory->ages) ? NULL : LIST_OWNER(memory->ages.next, struct entry, age);
}

/* Room for so many more, and nothing that is past its time. */
static void make_room(struct thinking_memory *memory, size_t bytes, int64_t now_ms)
{
    for (struct entry *entry; (entry = oldest(memory));) {
        if (entry->expires_ms > now_ms && memory->bytes + bytes <= THINKING_BYTES_MAX)
            return;
        drop(memory, find(memory, &entry->name));
    }
}

void thinking_memory_free(struct thinking_memory *memory)
{
    if (!memory)
        return;
    make_room(memory, 0, INT64_MAX);
    pthread_mutex_destroy(&memory->lock);
    mem_free(memory);
}

void thinking_keep(struct thinking_memory *memory, const struct thinking_name *name,
                   struct str envelopes, int64_t now_ms)
{
    if (envelopes.len == 0 || envelopes.len > THINKING_ENTRY_MAX)
        return;
    struct entry *entry = mem_alloc(sizeof *entry + envelopes.len);
    if (!entry)
        return;
    *entry = (struct entry){
        .name = *name, .expires_ms = now_ms + THINKING_EXPIRES_MS, .len = envelopes.len};
    memcpy(entry->bytes, envelopes.at, envelopes.len);
    pthread_mutex_lock(&memory->lock);
    struct entry **at = find(memory, name);
    if (*at)
        drop(memory, at);
    make_room(memory, sizeof *entry + entry->len, now_ms);
    at = slot_of(memory, name);
    entry->next = *at;
    *at = entry;
    list_push_back(&memory->ages, &entry->age);
    memory->bytes += sizeof *entry + entry->len;
    pthread_mutex_unlock(&memory->lock);
}

bool thinking_recall(struct thinking_memory *memory, const struct thinking_name *name,
                     int64_t now_ms, struct buf *out)
{
    pthread_mutex_lock(&memory->lock);
    struct entry **at = find(memory, name);
    bool is_there = *at && (*at)->expires_ms > now_ms;
    if (is_there)
        buf_append(out, (*at)->bytes, (*at)->len);
    pthread_mutex_unlock(&memory->lock);
    return is_there && !out->failed;
}

size_t thinking_bytes(struct thinking_memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    size_t bytes = memory->bytes;
    pthread_mutex_unlock(&memory->lock);
    return bytes;
}
