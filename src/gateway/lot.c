/* gateway/lot.c: the `lot` thread: control connections, parked reverse connections, and everything that ends by time.
 *
 * A connection that a worker opened arrives here from the loop that answered its upgrade. It says `ready` when it
 * can take a job; then it is parked, and the dispatcher counts it. A job's loop gets it by way of lot_fetch, and
 * sends it back when its answer has ended, or leaves it at hand (lot_warm.c). Links, and the lists of them, belong to
 * this thread; what the registry knows of a worker is read and changed under the registry's lock, and never while a
 * link is told something.
 */
#include "gateway/lot_parts.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/thread.h"

/* ---- life -------------------------------------------------------------------------------------- */

static void look(struct lot *lot)
{
    struct workers *workers = lot->workers;
    int64_t now_ms = workers_now_ms();
    lot_collect_warm(workers, now_ms);
    pthread_mutex_lock(&workers->lock);
    int64_t due_ms = workers_tick(workers, now_ms);
    pthread_mutex_unlock(&workers->lock);
    if (due_ms == INT64_MAX)
        deadline_clear(&lot->clock);
    else
        deadline_set(&lot->clock, due_ms * NS_PER_MS);
}

static void on_clock(struct deadline *clock)
{
    look(LIST_OWNER(clock, struct lot, clock));
}

void lot_rearm(struct loop_message *message)
{
    struct workers *workers = LIST_OWNER(message, struct workers, rearm);
    pthread_mutex_lock(&workers->lock);
    workers->is_rearm_posted = false;
    struct lot *lot = workers->lot;
    pthread_mutex_unlock(&workers->lock);
    if (lot)
        look(lot);
}

static void lot_main(void *arg)
{
    loop_run(arg);
}

enum err lot_new(struct workers *workers, struct lot **out_lot, struct error *error)
{
    struct lot *lot = mem_zalloc(1, sizeof *lot);
    if (!lot)
        return error_set(error, ERR_NO_MEMORY, "no memory for the lot");
    lot->workers = workers;
    enum err err = loop_new(-1, &lot->loop, error);
    if (err == OK)
        err = json_reader_new(WORKER_BODY_MAX, &lot->reader);
    if (err == OK) {
        deadline_init(&lot->clock, lot->loop, on_clock);
        err = thread_start("lot", lot_main, lot->loop, &lot->thread, error);
    }
    if (err != OK) {
        json_reader_free(lot->reader);
        loop_free(lot->loop);
        mem_free(lot);
        return err;
    }
    *out_lot = lot;
    return OK;
}

struct loop *lot_loop(struct lot *lot)
{
    return lot->loop;
}

static void close_all(struct workers *workers);

void lot_stop(struct lot *lot)
{
    struct workers *workers = lot->workers;
    loop_stop(lot->loop);
    thread_join(lot->thread);
    pthread_mutex_lock(&workers->lock);
    workers->lot = NULL; /* from here on nothing is posted to it */
    pthread_mutex_unlock(&workers->lock);
    loop_settle(lot->loop);
    close_all(workers);
    loop_settle(lot->loop);
    deadline_release(&lot->clock);
}

void lot_free(struct lot *lot)
{
    if (!lot)
        return;
    loop_free(lot->loop);
    json_reader_free(lot->reader);
    mem_free(lot);
}

/* The loop of a message that came; NULL once the lot has ended: what it brings is closed. */
struct lot *lot_of(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    struct lot *lot = workers->lot;
    pthread_mutex_unlock(&workers->lock);
    return lot;
}

bool worker_is_current(struct worker *worker, int64_t epoch)
{
    pthread_mutex_lock(&worker->workers->lock);
    bool is = worker->slots && worker->epoch == epoch;
    pthread_mutex_unlock(&worker->workers->lock);
    return is;
}

/* ---- reverse connections ----------------------------------------------------------------------- */

void line_free(struct workers *workers, struct line *line)
{
    detached_free(line->detached);
    pthread_mutex_lock(&workers->lock);
    line->worker->line_count--;
    worker_drop(line->worker);
    pthread_mutex_unlock(&workers->lock);
    mem_free(line);
}

void worker_break_rule(struct worker *worker, const char *what)
{
    struct workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    worker_note_rule_break(worker, what, workers_now_ms());
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

static void line_end(struct line *line, int code, const char *reason)
{
    ws_link_close(TAKE(line->link), code, reason);
    list_unlink(&line->node);
    line_free(line->worker->workers, line);
}

/* The dispatcher may count on it from now on. False: its registration is over. */
static bool park(struct line *line)
{
    struct worker *worker = line->worker;
    struct workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    bool is_good = worker->slots && worker->epoch == line->epoch;
    line->is_parked = is_good;
    if (is_good && !line->is_counted)
        dispatch_worker_park(workers->dispatch, worker->slots, workers_now_ms());
    line->is_counted = false;
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    return is_good;
}

static void unpark(struct line *line)
{
    struct worker *worker = line->worker;
    struct workers *workers = worker->workers;
    if (!line->is_parked && !line->is_counted)
        return;
    pthread_mutex_lock(&workers->lock);
    if (worker->slots && worker->epoch == line->epoch)
        dispatch_worker_unpark(workers->dispatch, worker->slots);
    line->is_parked = line->is_counted = false;
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

static void on_line_text(void *owner, struct str text)
{
    struct line *line = owner;
    struct lot *lot = line->worker->workers->lot;
    struct error error;
    int64_t epoch = 0;
    bool was_parked = line->is_parked;
    enum err err = worker_ready_read(lot->reader, text, &epoch, &error);
    if (err == OK && epoch == line->epoch && !was_parked && park(line))
        return;
    unpark(line);
    if (err == ERR_NO_MEMORY) { /* ours: nobody's fault */
        line_end(line, CLOSE_AGAIN, "no memory; try again");
        return;
    }
    if (err == OK && !was_parked) { /* an old epoch, here or there */
        pthread_mutex_lock(&line->worker->workers->lock);
        line->worker->workers->figures.stale_messages++;
        pthread_mutex_unlock(&line->worker->workers->lock);
        ws_link_send(line->link, WORKER_SAYS_STALE);
        line_end(line, CLOSE_POLICY, "this registration is over");
        return;
    }
    worker_break_rule(line->worker,
                      err == OK ? "ready was said twice" : "no ready on a reverse connection");
    line_end(line, CLOSE_POLICY, "only ready is said here, and once");
}

static void on_line_closed(void *owner, bool has_broken_rule, const char *why)
{
    struct line *line = owner;
    line->link = NULL;
    unpark(line);
    if (has_broken_rule)
        worker_break_rule(line->worker,
                          "it said what nobody had asked for on a connection without a job");
    log_debug("line_closed", "worker=%s why=\"%s\"", line->worker->id, why);
    list_unlink(&line->node);
    line_free(line->worker->workers, line);
}

static const struct ws_link_ops line_ops = {.on_text = on_line_text, .on_closed = on_line_closed};

/* Onto the lot's loop, from its upgrade or from a job. */
static void on_line(struct loop_message *message)
{
    struct line *line = LIST_OWNER(message, struct line, message);
    struct worker *worker = line->worker;
    struct workers *workers = worker->workers;
    struct lot *lot = lot_of(workers);
    bool is_good = lot && worker_is_current(worker, line->epoch);
    if (is_good)
        is_good = ws_link_new(lot->loop, TAKE(line->detached), WORKER_SIGNAL_MAX, PING_MS,
                              &line_ops, line, &line->link) == OK;
    if (!is_good) {
        unpark(line);
        line_free(workers, line);
        return;
    }
    list_push_back(&worker->lines, &line->node);
    bool was_ready = line->is_ready;
    line->is_ready = false;
    if (was_ready && !park(line))
        line_end(line, CLOSE_NORMAL, "this registration is over");
}

void lot_put_back_line(struct line *line)
{
    on_line(&line->message);
}

void lot_post_line(struct lot *lot, struct line *line)
{
    line->message.run = on_line;
    loop_post(lot->loop, &line->message);
}

static void line_post(struct workers *workers, struct line *line)
{
    pthread_mutex_lock(&workers->lock);
    struct lot *lot = workers->lot;
    if (lot)
        lot_post_line(lot, line);
    pthread_mutex_unlock(&workers->lock);
    if (!lot)
        line_free(workers, line);
}

void lot_return_line(struct workers *workers, struct line *line)
{
    line_post(workers, line);
}

void lot_take_line(struct workers *workers, struct worker *worker, int64_t epoch,
                   struct detached *detached)
{
    struct line *line = mem_zalloc(1, sizeof *line);
    if (!line) {
        detached_free(detached);
        pthread_mutex_lock(&workers->lock);
        worker->line_count--;
        worker_drop(worker);
        pthread_mutex_unlock(&workers->lock);
        return;
    }
    *line = (struct line){.worker = worker, .epoch = epoch, .detached = detached};
    list_init(&line->node);
    line_post(workers, line);
}

/* ---- a worker whose epoch has ended ------------------------------------------------------------ */

static void close_lines(struct worker *worker, bool is_dead, int64_t epoch)
{
    lot_close_warm(worker, is_dead, epoch);
    LIST_EACH_SAFE(node, &worker->lines)
    {
        struct line *line = LIST_OWNER(node, struct line, node);
        if (!is_dead && line->epoch == epoch)
            continue;
        unpark(line);
        line_end(line, CLOSE_NORMAL, "this registration is over");
    }
}

void lot_look_at_worker(struct loop_message *message)
{
    struct worker *worker = LIST_OWNER(message, struct worker, news);
    struct workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    worker->is_news_posted = false;
    bool is_dead = !worker->slots;
    int64_t epoch = worker->epoch;
    const char *reason = is_dead ? worker->end_reason : "a newer registration has taken its place";
    pthread_mutex_unlock(&workers->lock);
    struct control *control = worker->control;
    bool is_over = control && (is_dead || control->epoch != epoch);
    if (is_over && reason)
        control_say_bye(control, reason);
    else if (is_over)
        control_end(control, WORKER_SAYS_STALE, "stale");
    close_lines(worker, is_dead, epoch);
    worker_unref(workers, worker);
}

/* A worker without a control connection is given nothing; what it runs goes on. */
static void let_go(struct loop_message *message)
{
    struct lot *lot = LIST_OWNER(message, struct lot, let_go);
    struct workers *workers = lot->workers;
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (!worker->control)
            continue;
        int64_t epoch = worker->control->epoch;
        control_say_bye(worker->control, "the server was upgraded: register again");
        pthread_mutex_lock(&workers->lock);
        worker_control_closed(worker, epoch, workers_now_ms());
        workers_settle(workers);
        pthread_mutex_unlock(&workers->lock);
    }
}

void lot_let_go(struct lot *lot)
{
    lot->let_go.run = let_go;
    loop_post(lot->loop, &lot->let_go);
}

/* At the end: the loop runs no more, and neither does any other. */
static void close_all(struct workers *workers)
{
    LIST_EACH(node, &workers->all)
    {
        struct worker *worker = LIST_OWNER(node, struct worker, node);
        if (worker->control)
            control_say_bye(worker->control, "the server stops");
        close_lines(worker, true, 0);
    }
}
