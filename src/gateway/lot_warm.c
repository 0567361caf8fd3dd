/* gateway/lot_warm.c: connections that have just brought an answer and stay at hand, on no loop.
 *
 * A line whose worker said ready with the last bytes of an answer is most often wanted again at once. On its way to the
 * lot and back it would change threads twice and event loops four times, which is more than the rest of a small request
 * takes. So it is parked as it is, on worker->warm, for whoever comes next on any loop.
 *
 * Nobody reads there. So whoever takes one looks first whether anything has come (a close, a ping, junk): that is for the
 * lot to read, as everything that stays for longer than a second. What belongs to a registration that is over is closed.
 *
 * The dispatcher counts a warm line as parked, like those at the lot; it does not know which of them a grant will get.
 */
#include "gateway/lot_parts.h"

#include <stdio.h>

#define WARM_MS 1000

/* Under the lock. */
static void keep(struct worker *worker, struct line *line)
{
    struct workers *workers = worker->workers;
    line->is_ready = true;
    line->warm_ms = workers_now_ms();
    list_push_front(&worker->warm, &line->node);
    if (workers->warm_due_ms == INT64_MAX) {
        workers->warm_due_ms = line->warm_ms + WARM_MS;
        if (workers->warm_due_ms < workers->lot_due_ms)
            workers_rearm(workers);
    }
    dispatch_worker_park(workers->dispatch, worker->slots, line->warm_ms);
    workers_settle(workers);
}

void lot_keep_line(struct workers *workers, struct line *line)
{
    struct worker *worker = line->worker;
    char ready[64];
    snprintf(ready, sizeof ready, "{\"type\":\"ready\",\"epoch\":%lld}", (long long)line->epoch);
    if (!detached_skip_text(line->detached, str_of(ready))) {
        lot_return_line(workers, line); /* it comes later, or in other words */
        return;
    }
    pthread_mutex_lock(&workers->lock);
    bool is_good = workers->lot && worker->slots && worker->epoch == line->epoch;
    if (is_good)
        keep(worker, line);
    pthread_mutex_unlock(&workers->lock);
    if (!is_good)
        line_free(workers, line); /* its registration is over */
}

struct line *worker_take_warm(struct worker *worker, bool is_any)
{
    struct lot *lot = worker->workers->lot;
    LIST_EACH_SAFE(node, &worker->warm)
    {
        struct line *line = LIST_OWNER(node, struct line, node);
        if (!lot || line->epoch != worker->epoch)
            return NULL; /* an old one; so are those behind it */
        list_unlink(node);
        if (is_any || detached_is_quiet(line->detached))
            return line;
        line->is_counted = true;
        lot_post_line(lot, line);
    }
    return NULL;
}

/* Under the lock: those that are too old, and those of another epoch. */
static void move(struct worker *worker, int64_t until_ms, int64_t epoch, struct list *to)
{
    LIST_EACH_SAFE(node, &worker->warm)
    {
        struct line *line = LIST_OWNER(node, struct line, node);
        if (line->warm_ms > until_ms && line->epoch == epoch)
            continue;
        list_unlink(node);
        line->is_counted = true;
        list_push_back(to, node);
    }
}

/* Under the lock: what was not used again in time. */
static void find_old(struct workers *workers, int64_t now_ms, struct list *found)
{
    if (now_ms < workers->warm_due_ms)
        return;
    workers->warm_due_ms = INT64_MAX;
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        move(worker, now_ms - WARM_MS, worker->epoch, found);
        if (!list_is_empty(&worker->warm))
            workers->warm_due_ms = now_ms + WARM_MS;
    }
}

void lot_collect_warm(struct workers *workers, int64_t now_ms)
{
    struct list found;
    list_init(&found);
    pthread_mutex_lock(&workers->lock);
    find_old(workers, now_ms, &found);
    pthread_mutex_unlock(&workers->lock);
    LIST_EACH_SAFE(node, &found)
    {
        list_unlink(node);
        lot_put_back_line(LIST_OWNER(node, struct line, node));
    }
}

void lot_close_warm(struct worker *worker, bool is_dead, int64_t epoch)
{
    struct workers *workers = worker->workers;
    struct list found;
    list_init(&found);
    pthread_mutex_lock(&workers->lock);
    move(worker, is_dead ? INT64_MAX : INT64_MIN, epoch, &found);
    pthread_mutex_unlock(&workers->lock);
    LIST_EACH_SAFE(node, &found)
    {
        list_unlink(node);
        line_free(workers, LIST_OWNER(node, struct line, node));
    }
}
