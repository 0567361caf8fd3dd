/* store/lives.c: the processes that write journals here: this one, and those that handed the store on and end their requests.
 *
 * Each has a number, and holds a lock on DATA/life-<number>.lock for as long as it writes. The loops of life k are the
 * series 64 k and up, so no two ever write the same file. What an earlier life wrote is read once its lock is free, whatever
 * it ended of: then nothing more comes.
 */
#include "base/log.h"
#include "store/store_parts.h"
#include "sys/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

/* -1 and EWOULDBLOCK: somebody holds it. */
static int life_lock(const struct store *store, int number, bool may_make)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/life-%d.lock", store->data_dir, number);
    assert(len > 0 && (size_t)len < sizeof path);
    AUTO_CLOSE int fd =
        open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (may_make ? O_CREAT : 0), 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return -1;
    return fd_take(&fd);
}

enum err lives_begin(struct store *store, struct error *error)
{
    struct lives *lives = &store->lives;
    for (int number = 0; number < LIVES_MAX; number++) {
        AUTO_CLOSE int fd = life_lock(store, number, lives->own_fd < 0);
        if (fd < 0 && errno == EWOULDBLOCK)
            lives->others |= 1u << number;
        else if (fd < 0 && errno != ENOENT)
            return error_set(error, ERR_IO, "cannot lock '%s/life-%d.lock': %s", store->data_dir,
                             number, ERRNO_TEXT(errno));
        if (fd < 0 || lives->own_fd >= 0)
            continue;
        lives->own = number;
        lives->own_fd = fd_take(&fd);
    }
    if (lives->own_fd < 0)
        return error_set(error, ERR_BUSY, "%d servers before this one are still ending requests",
                         LIVES_MAX);
    return OK;
}

void lives_end(struct store *store)
{
    fd_close(&store->lives.own_fd);
}

bool life_is_other(const struct store *store, int series_number)
{
    return store->lives.others >> (series_number / LIFE_LOOPS) & 1u;
}

/* What it wrote is whole now: up to behind the last of its segments. */
static enum err life_is_over(struct store *store, int number, struct error *error)
{
    for (int i = 0; i < store->series_count; i++) {
        struct series *series = &store->series[i];
        if (!series->is_foreign || series->loop / LIFE_LOOPS != number)
            continue;
        uint64_t last = 0;
        enum err err = series_last(store, series->loop, &last, error);
        if (err != OK)
            return err;
        if (last < position_sequence(series->at))
            last = position_sequence(series->at);
        store->first_positions[i] = position_of(last + 1, 0);
    }
    for (int i = 0; i < store->series_count; i++)
        if (store->series[i].loop / LIFE_LOOPS == number)
            store->series[i].is_foreign = false;
    return OK;
}

enum err lives_look(struct store *store, struct error *error)
{
    struct lives *lives = &store->lives;
    for (int number = 0; lives->others && number < LIVES_MAX; number++) {
        if (!(lives->others >> number & 1u))
            continue;
        AUTO_CLOSE int fd = life_lock(store, number, false);
        if (fd < 0 && errno != ENOENT) /* gone: whoever held it took it away at its end */
            continue;
        enum err err = life_is_over(store, number, error);
        if (err != OK)
            return err;
        lives->others &= ~(1u << number);
        log_info("predecessor_ended", "life=%d still_running=%d", number,
                 __builtin_popcount(lives->others));
    }
    return OK;
}

bool lives_are_behind(const struct store *store)
{
    for (int i = 0; i < store->series_count; i++) {
        const struct series *series = &store->series[i];
        if (!series->journal && !series->is_foreign && series->at < store->first_positions[i])
            return true;
    }
    return false;
}
