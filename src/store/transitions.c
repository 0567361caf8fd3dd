/* store/transitions.c: the box between whoever notes and the writer.
 *
 * Only the writer takes notes out, and only when they are written, so it looks at the first ones, writes them, and then drops
 * them: what could not be written stays. The box is a ring; its memory is touched only as far as it was ever full.
 */
#include "store/transitions.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/store_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define BOX_ROOM       1024
#define ALIVE_EVERY_MS 10000
#define ALIVE_DIGITS   20 /* always so many: the file never changes its size */

struct transitions {
    pthread_mutex_t lock; /* the innermost of all; held for a copy */
    struct bell *bell;
    transitions_on_note *on_note;
    void *on_note_arg;
    size_t first, count;
    int64_t lost, lost_since_ms; /* not told yet */
    _Atomic int64_t lost_in_all, page;
    struct transition box[BOX_ROOM];
};

struct transitions *transitions_new(struct bell *bell)
{
    struct transitions *log = mem_zalloc(1, sizeof *log);
    if (!log)
        return NULL;
    pthread_mutex_init(&log->lock, NULL);
    log->bell = bell;
    return log;
}

void transitions_free(struct transitions *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    mem_free(log);
}

struct transitions *store_transitions(struct store *store)
{
    return store->transitions;
}

/* ---- noting -------------------------------------------------------------------------------------- */

static void put(struct transitions *log, const struct transition *transition)
{
    log->box[(log->first + log->count++) % BOX_ROOM] = *transition;
    if (log->on_note)
        log->on_note(log->on_note_arg, transition);
}

static void put_loss(struct transitions *log)
{
    struct transition loss = {.at_ms = log->lost_since_ms, .lost = log->lost};
    transition_set(&loss, TRANSITION_SERVER, "", "started", "notes_lost", "box_full");
    put(log, &loss);
    log->lost = 0;
    atomic_fetch_add(&log->page, 1);
}

void transitions_note(struct transitions *log, const struct transition *transition)
{
    if (!log)
        return;
    pthread_mutex_lock(&log->lock);
    size_t needed = log->lost > 0 ? 2 : 1;
    if (log->count + needed > BOX_ROOM) {
        if (log->lost++ == 0)
            log->lost_since_ms = transition->at_ms;
        atomic_fetch_add(&log->lost_in_all, 1);
    } else {
        if (log->lost > 0)
            put_loss(log);
        put(log, transition);
    }
    pthread_mutex_unlock(&log->lock);
    bell_ring(log->bell);
}

/* Nobody may have noted anything since notes were lost. */
static void tell_loss(struct transitions *log)
{
    pthread_mutex_lock(&log->lock);
    bool is_due = log->lost > 0 && log->count < BOX_ROOM;
    if (is_due)
        put_loss(log);
    pthread_mutex_unlock(&log->lock);
    if (is_due)
        bell_ring(log->bell);
}

void transitions_told(struct transitions *log, const struct transition *transition)
{
    pthread_mutex_lock(&log->lock);
    if (log->on_note)
        log->on_note(log->on_note_arg, transition);
    pthread_mutex_unlock(&log->lock);
}

int64_t transitions_page(const struct transitions *log)
{
    return log ? atomic_load(&log->page) : 0;
}

int64_t transitions_lost(const struct transitions *log)
{
    return log ? atomic_load(&log->lost_in_all) : 0;
}

void transitions_subscribe(struct transitions *log, transitions_on_note *on_note, void *arg)
{
    pthread_mutex_lock(&log->lock);
    log->on_note = on_note;
    log->on_note_arg = arg;
    pthread_mutex_unlock(&log->lock);
}

/* ---- the writer's side --------------------------------------------------------------------------- */

size_t transitions_look(struct transitions *log, struct transition *out_first, size_t room)
{
    pthread_mutex_lock(&log->lock);
    size_t count = log->count < room ? log->count : room;
    for (size_t i = 0; i < count; i++)
        out_first[i] = log->box[(log->first + i) % BOX_ROOM];
    pthread_mutex_unlock(&log->lock);
    return count;
}

void transitions_drop(struct transitions *log, size_t count)
{
    pthread_mutex_lock(&log->lock);
    assert(count <= log->count);
    log->first = (log->first + count) % BOX_ROOM;
    log->count -= count;
    pthread_mutex_unlock(&log->lock);
}

bool transitions_wait(struct transitions *log)
{
    pthread_mutex_lock(&log->lock);
    bool answer = log->count > 0;
    pthread_mutex_unlock(&log->lock);
    return answer;
}

/* ---- being alive --------------------------------------------------------------------------------- */

int64_t alive_open(struct store *store)
{
    char path[PATH_MAX], text[ALIVE_DIGITS + 1];
    size_t len = 0;
    int64_t at_ms = 0;
    (void)snprintf(path, sizeof path, "%s/alive", store->data_dir);
    /* Of a store that comes back it is open, and the health thread writes there. */
    if (store->alive_fd < 0)
        store->alive_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->alive_fd < 0) {
        log_warn("alive_not_noted", "path=\"%s\" why=\"%s\"", path, ERRNO_TEXT(errno));
        return 0;
    }
    if (file_read_at(store->alive_fd, text, sizeof text, 0, &len) != OK || len == 0 ||
        !str_to_int64((struct str){text, len - 1}, &at_ms))
        return 0; /* a new one, or one that a power cut emptied */
    return at_ms;
}

void store_still_alive(struct store *store, int64_t wall_ms)
{
    char text[ALIVE_DIGITS + 2];
    int64_t since_ms = wall_ms - store->alive_at_ms;
    tell_loss(store->transitions);
    if (store->alive_fd < 0 || (since_ms >= 0 && since_ms < ALIVE_EVERY_MS))
        return;
    store->alive_at_ms = wall_ms;
    int len = snprintf(text, sizeof text, "%0*lld\n", ALIVE_DIGITS, (long long)wall_ms);
    if (file_write_at(store->alive_fd, text, (size_t)len, 0) != OK)
        log_debug("alive_not_noted", "why=\"%s\"", ERRNO_TEXT(errno));
}
