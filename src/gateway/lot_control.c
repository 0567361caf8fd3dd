/* gateway/lot_control.c: control connections: heartbeats, notices, goodbyes. On the lot's thread. */
#include "gateway/lot_parts.h"

#include "base/log.h"

#define MESSAGES_MAX 50 /* of one control connection in a second */

/* ---- control connections ----------------------------------------------------------------------- */

static void control_free(struct control *control)
{
    detached_free(control->detached);
    worker_unref(control->worker->workers, control->worker);
    mem_free(control);
}

/* Ends it from our side; `saying` (may be empty) goes first. */
void control_end(struct control *control, struct str saying, const char *reason)
{
    struct worker *worker = control->worker;
    if (worker->control == control)
        worker->control = NULL;
    if (saying.len)
        ws_link_send(control->link, saying);
    ws_link_close(TAKE(control->link), CLOSE_NORMAL, reason);
    control_free(control);
}

void control_say_bye(struct control *control, const char *reason)
{
    AUTO_BUF struct buf bye;
    buf_init(&bye, 1024);
    worker_say_bye(&bye, reason);
    control_end(control, bye.failed ? STR("") : buf_str(&bye), "bye");
}

static void control_gone(struct control *control)
{
    struct worker *worker = control->worker;
    struct workers *workers = worker->workers;
    if (worker->control == control) {
        worker->control = NULL;
        pthread_mutex_lock(&workers->lock);
        worker_control_closed(worker, control->epoch, workers_now_ms());
        workers_settle(workers);
        pthread_mutex_unlock(&workers->lock);
    }
    control_free(control);
}

static void on_control_closed(void *owner, bool has_broken_rule, const char *why)
{
    struct control *control = owner;
    if (has_broken_rule)
        worker_break_rule(control->worker, why);
    log_debug("control_closed", "worker=%s why=\"%s\"", control->worker->id, why);
    control->link = NULL;
    control_gone(control);
}

static bool is_flood(struct control *control)
{
    int64_t second = workers_now_ms() / 1000;
    if (control->second != second)
        control->messages = 0;
    control->second = second;
    return ++control->messages > MESSAGES_MAX;
}

/* The worker is off the pool, as if it had closed. */
static void cut_control(struct control *control, const char *reason)
{
    worker_break_rule(control->worker, reason);
    ws_link_close(TAKE(control->link), CLOSE_POLICY, reason);
    control_gone(control);
}

static void on_control_text(void *owner, struct str text)
{
    struct control *control = owner;
    struct worker *worker = control->worker;
    struct workers *workers = worker->workers;
    struct lot *lot = workers->lot;
    struct worker_message *message = &lot->message;
    struct error error;
    if (is_flood(control)) {
        cut_control(control, "too many messages");
        return;
    }
    enum err err = worker_message_read(lot->reader, text, WORKER_HEARTBEAT, message, &error);
    if (err == ERR_NO_MEMORY)
        return; /* the next one will be heard */
    if (err != OK) {
        cut_control(control, "a message that cannot be read");
        return;
    }
    pthread_mutex_lock(&workers->lock);
    bool is_foreign = message->worker_id[0] && strcmp(message->worker_id, worker->id) != 0;
    bool is_stale = is_foreign || !worker->slots || worker->epoch != control->epoch ||
                    (message->epoch != 0 && message->epoch != control->epoch);
    if (is_stale)
        workers->figures.stale_messages++;
    else
        worker_note_message(worker, message, workers_now_ms());
    if (is_foreign)
        worker_note_rule_break(worker, "it spoke for another worker", workers_now_ms());
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    if (is_stale)
        ws_link_send(control->link, WORKER_SAYS_STALE);
    else if (message->type == WORKER_HEARTBEAT)
        ws_link_send(control->link, WORKER_SAYS_HEARD);
}

static const struct ws_link_ops control_ops = {.on_text = on_control_text,
                                               .on_closed = on_control_closed};

static void on_control(struct loop_message *message)
{
    struct control *control = LIST_OWNER(message, struct control, arrival);
    struct worker *worker = control->worker;
    struct workers *workers = worker->workers;
    struct lot *lot = lot_of(workers);
    bool is_good = lot && worker_is_current(worker, control->epoch) &&
                   ws_link_new(lot->loop, TAKE(control->detached), WORKER_BODY_MAX, PING_MS,
                               &control_ops, control, &control->link) == OK;
    if (!is_good) {
        control_free(control);
        return;
    }
    struct control *older = worker->control;
    worker->control = control;
    if (older)
        control_say_bye(older, "a newer control connection of this worker has taken its place");
    AUTO_BUF struct buf hello;
    buf_init(&hello, 256);
    worker_say_hello(&hello, workers->options.heartbeat_ms);
    ws_link_send(control->link, buf_str(&hello));
    pthread_mutex_lock(&workers->lock);
    if (worker->slots && worker->epoch == control->epoch)
        worker_control_opened(worker, workers_now_ms());
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
}

void lot_take_control(struct workers *workers, struct worker *worker, int64_t epoch,
                      struct detached *detached)
{
    struct control *control = mem_zalloc(1, sizeof *control);
    struct lot *lot = NULL;
    if (control) {
        *control = (struct control){.worker = worker, .epoch = epoch, .detached = detached};
        control->arrival.run = on_control;
        pthread_mutex_lock(&workers->lock);
        lot = workers->lot;
        if (lot)
            loop_post(lot->loop, &control->arrival);
        pthread_mutex_unlock(&workers->lock);
    }
    if (lot)
        return;
    detached_free(detached);
    worker_unref(workers, worker);
    mem_free(control);
}
