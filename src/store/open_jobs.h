/* store/open_jobs.h: where the row of each open job is, so that its close replaces it.
 * Thread:  the writer's.
 */
#pragma once
#include "base/err.h"
#include "domain/id.h"
#include <stdbool.h>
#include <stdint.h>

struct open_job {
    char id[ID_MAX]; /* "" : free */
    int64_t chunk, at;
    bool is_inherited; /* an earlier life opened it */
};
struct open_jobs {
    struct open_job *slots; /* power of two, linear probing */
    size_t room, count;
};

void open_jobs_release(struct open_jobs *jobs);
/** Makes room for `more` further jobs, so that that many puts cannot fail. ERR_NO_MEMORY. */
MUST_USE enum err open_jobs_reserve(struct open_jobs *jobs, size_t more);
void open_jobs_put(struct open_jobs *jobs, const struct open_job *job);
const struct open_job *open_jobs_find(const struct open_jobs *jobs, const char *id);
void open_jobs_remove(struct open_jobs *jobs, const char *id);
