/* store/open_jobs.c: a hash table with linear probing; removal closes the gap behind it. */
#include "store/open_jobs.h"

#include "base/mem.h"

#include <assert.h>

#define ROOM_FIRST 256u

void open_jobs_release(struct open_jobs *jobs)
{
    mem_free(jobs->slots);
    *jobs = (struct open_jobs){0};
}

/* Identifiers end in 80 random bits, so nobody outside chooses where they fall. */
static size_t home_of(const struct open_jobs *jobs, const char *id)
{
    return (size_t)str_hash(str_of(id)) & (jobs->room - 1);
}

/* The slot that holds `id`, or the free one where it would go. */
static size_t slot_of(const struct open_jobs *jobs, const char *id)
{
    size_t at = home_of(jobs, id);
    while (jobs->slots[at].id[0] && strcmp(jobs->slots[at].id, id) != 0)
        at = (at + 1) & (jobs->room - 1);
    return at;
}

enum err open_jobs_reserve(struct open_jobs *jobs, size_t more)
{
    size_t room = jobs->room ? jobs->room : ROOM_FIRST;
    while ((jobs->count + more) * 2 > room)
        room *= 2;
    if (room == jobs->room)
        return OK;
    struct open_jobs grown = {mem_zalloc(room, sizeof *grown.slots), room, 0};
    if (!grown.slots)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < jobs->room; i++)
        if (jobs->slots[i].id[0])
            open_jobs_put(&grown, &jobs->slots[i]);
    open_jobs_release(jobs);
    *jobs = grown;
    return OK;
}

void open_jobs_put(struct open_jobs *jobs, const struct open_job *job)
{
    assert(job->id[0] && (jobs->count + 1) * 2 <= jobs->room);
    struct open_job *slot = &jobs->slots[slot_of(jobs, job->id)];
    if (!slot->id[0])
        jobs->count++;
    *slot = *job;
}

const struct open_job *open_jobs_find(const struct open_jobs *jobs, const char *id)
{
    if (jobs->count == 0)
        return NULL;
    const struct open_job *slot = &jobs->slots[slot_of(jobs, id)];
    return slot->id[0] ? slot : NULL;
}

void open_jobs_remove(struct open_jobs *jobs, const char *id)
{
    if (jobs->count == 0)
        return;
    size_t mask = jobs->room - 1, gap = slot_of(jobs, id);
    if (!jobs->slots[gap].id[0])
        return;
    jobs->count--;
    for (size_t at = (gap + 1) & mask; jobs->slots[at].id[0]; at = (at + 1) & mask) {
        /* May it move into the gap? Only if its home does not lie behind the gap. */
        size_t home = home_of(jobs, jobs->slots[at].id);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        jobs->slots[gap] = jobs->slots[at];
        gap = at;
    }
    jobs->slots[gap].id[0] = '\0';
}
