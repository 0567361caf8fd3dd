/* worker/worker.c: see worker.h.
 *
 * Three parts do the work: `ask` for the short questions, `link` for the control connection, `reverse` for the jobs.
 * What happens next is decided in two places: `look` says what the front's readiness means for the state, and
 * `on_again` what is tried once the pause after a failure is over.
 */
#include "worker/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/random.h"
#include "worker/worker_parts.h"

#include <stdio.h>

#define NS_PER_MS       INT64_C(1000000)
#define ASK_MS          10000
#define GOODBYE_MS      2000
#define LOOK_MS         20 /* draining: between looks at what runs */
#define FIRST_WAIT_MS   500
#define MOST_WAIT_MS    5000  /* F41: everybody is back within 10 s */
#define REFUSED_WAIT_MS 60000 /* a key that was good once: somebody deleted it */
#define JSON_BYTES_MAX  ASK_ANSWER_MAX

static void look(struct worker *worker);

static int64_t from_now(const struct worker *worker, int64_t ms)
{
    return loop_now_ns(worker->options.loop) + ms * NS_PER_MS;
}

static struct ask *ask(struct worker *worker, const char *path, const struct buf *body,
                       int64_t timeout_ms, void (*on_done)(void *, const struct answered *))
{
    struct ask_options options = {.loop = worker->options.loop,
                                  .pool = worker->options.pool,
                                  .reader = worker->reader,
                                  .target = worker->options.server,
                                  .path = path,
                                  .bearer = worker->options.key,
                                  .body = buf_str(body),
                                  .timeout_ms = timeout_ms,
                                  .on_done = on_done,
                                  .owner = worker};
    return body->failed ? NULL : ask_start(&options);
}

/* ---- ends and new tries ---------------------------------------------------------------------- */

static void stop_everything(struct worker *worker)
{
    ask_cancel(TAKE(worker->ask));
    ask_cancel(TAKE(worker->goodbye));
    link_close(worker->link, "the worker ends");
    reverse_close_waiting(worker->reverse);
    deadline_clear(&worker->again);
    deadline_clear(&worker->beat);
    deadline_clear(&worker->grace);
    deadline_clear(&worker->leave);
}

static void over(struct worker *worker, const char *trouble)
{
    worker->state = WORKER_OVER;
    stop_everything(worker);
    worker->options.on_over(worker->options.owner, trouble);
}

/* After a failure: once more, later. `least_ms` may ask for more patience. */
static void try_again(struct worker *worker, const char *why, int64_t least_ms)
{
    int64_t wait_ms = backoff_next(&worker->backoff, random_unit());
    if (wait_ms < least_ms)
        wait_ms = least_ms;
    log_warn(worker->has_joined_once ? "server_lost" : "server_not_reached",
             "why=\"%s\" again_in_ms=%lld", why, (long long)wait_ms);
    deadline_set(&worker->again, from_now(worker, wait_ms));
}

/* Jobs that run go on; nothing new comes before the next registration. */
static void lose_registration(struct worker *worker)
{
    link_close(worker->link, "registering again");
    reverse_close_waiting(worker->reverse);
    ask_cancel(TAKE(worker->ask));
    deadline_clear(&worker->beat);
    worker->state = WORKER_REGISTERING;
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

static void on_beat_answered(void *owner, const struct answered *answered)
{
    struct worker *worker = owner;
    worker->ask = NULL;
    if (answered->status == 200 || answered->status == 204) {
        worker->heard_ns = loop_now_ns(worker->options.loop);
        return;
    }
    worker->is_description_old = true; /* it may not have heard */
    if (answered->status == 409 || answered->status == 404) {
        lose_registration(worker);
        try_again(worker, "the server knows this registration no more", 0);
    }
}

static void beat(struct worker *worker)
{
    bool is_posted = !link_is_up(worker->link);
    AUTO_BUF struct buf text;
    buf_init(&text, WORKER_BODY_MAX);
    worker_write_heartbeat(worker, is_posted, &text);
    worker->is_description_old = text.failed || (is_posted && worker->ask);
    if (is_posted && !worker->ask)
        worker->ask = ask(worker, "/api/worker/v1/heartbeat", &text, ASK_MS, on_beat_answered);
    if (!is_posted && !text.failed)
        link_send(worker->link, buf_str(&text));
    deadline_set(&worker->beat, from_now(worker, worker->heartbeat_ms));
}

static void on_beat_due(struct deadline *deadline)
{
    struct worker *worker = LIST_OWNER(deadline, struct worker, beat);
    if (link_is_up(worker->link)) {
        backoff_reset(&worker->backoff); /* it has been up for a while */
        worker->heard_ns = loop_now_ns(worker->options.loop);
    }
    beat(worker);
}

/* ---- the control connection ------------------------------------------------------------------ */

/* How the front is now: told, and as many connections as it takes jobs at once. */
static void keep_up(struct worker *worker)
{
    beat(worker);
    reverse_open(worker->reverse, worker->worker_id, worker->epoch, worker->options.front->slots);
}

static void on_up(void *owner)
{
    struct worker *worker = owner;
    worker->heard_ns = loop_now_ns(worker->options.loop);
    worker->has_joined_once = true;
    log_info("waiting_for_jobs", "worker=%s slots=%d", worker->worker_id,
             worker->options.front->slots);
    keep_up(worker);
}

static void on_interval(void *owner, int64_t heartbeat_ms)
{
    struct worker *worker = owner;
    heartbeat_ms = worker_interval(heartbeat_ms);
    if (heartbeat_ms == worker->heartbeat_ms)
        return;
    worker->heartbeat_ms = heartbeat_ms;
    deadline_set(&worker->beat, from_now(worker, heartbeat_ms));
}

static void on_down(void *owner, enum link_end end, const char *why)
{
    struct worker *worker = owner;
    if (worker->state != WORKER_JOINED)
        return; /* we are leaving */
    if (end == LINK_LOST)
        reverse_pause(worker->reverse);
    else
        lose_registration(worker);
    try_again(worker, why, 0);
}

static const struct link_ops link_ops = {
    .on_up = on_up, .on_interval = on_interval, .on_down = on_down};

static void on_stale(void *owner, const char *why)
{
    struct worker *worker = owner;
    if (worker->state != WORKER_JOINED)
        return;
    lose_registration(worker);
    try_again(worker, why, 0);
}

static const struct reverse_ops reverse_ops = {.on_stale = on_stale};

static void dial(struct worker *worker)
{
    if (link_dial(worker->link, worker->worker_id, worker->epoch) != OK)
        try_again(worker, "no memory for the control connection", 0);
}

/* ---- registering ----------------------------------------------------------------------------- */

static void join(struct worker *worker)
{
    worker->state = WORKER_JOINED;
    worker->heard_ns = loop_now_ns(worker->options.loop);
    log_info("joined", "worker=%s epoch=%lld server=%s heartbeat_ms=%lld", worker->worker_id,
             (long long)worker->epoch, worker->options.server->authority,
             (long long)worker->heartbeat_ms);
    deadline_set(&worker->beat, from_now(worker, worker->heartbeat_ms));
    dial(worker);
}

/* Refused, and that is the first thing that we hear: wrong key, wrong kind, wrong address. */
static bool is_hopeless(const struct worker *worker, int status)
{
    return !worker->has_joined_once && status >= 400 && status < 500 && status != 408 &&
           status != 409 && status != 429;
}

static void on_registered(void *owner, const struct answered *answered)
{
    struct worker *worker = owner;
    char why[240];
    bool is_taken = answered->status == 200 || answered->status == 201;
    worker->ask = NULL;
    worker_explain(answered, why, sizeof why);
    if (is_taken && worker_take_registration(worker, answered->root))
        join(worker);
    else if (is_hopeless(worker, answered->status))
        over(worker, why);
    else if (answered->status == 401 || answered->status == 403)
        try_again(worker, why, REFUSED_WAIT_MS);
    else
        try_again(worker, why, answered->retry_after_ms);
}

static void register_now(struct worker *worker)
{
    AUTO_BUF struct buf body;
    buf_init(&body, WORKER_BODY_MAX);
    worker->state = WORKER_REGISTERING;
    worker_write_registration(worker, &body);
    worker->is_description_old = false; /* from here on a change is one */
    ask_cancel(worker->ask);
    worker->ask = ask(worker, "/api/worker/v1/register", &body, ASK_MS, on_registered);
    if (!worker->ask)
        try_again(worker, "no memory to register", 0);
}

static void on_again(struct deadline *deadline)
{
    struct worker *worker = LIST_OWNER(deadline, struct worker, again);
    int64_t silent_ns = loop_now_ns(worker->options.loop) - worker->heard_ns;
    if (worker->state == WORKER_JOINED && silent_ns >= worker->dead_after_ms * NS_PER_MS)
        lose_registration(worker);
    if (worker->state == WORKER_JOINED)
        dial(worker);
    else if (worker->state == WORKER_REGISTERING)
        register_now(worker);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void on_goodbye(void *owner, const struct answered *answered)
{
    struct worker *worker = owner;
    (void)answered; /* it knows, or it will find out */
    worker->goodbye = NULL;
    look(worker);
}

static void say_goodbye(struct worker *worker)
{
    AUTO_BUF struct buf body;
    buf_init(&body, WORKER_BODY_MAX);
    worker_write_goodbye(worker, &body);
    ask_cancel(worker->goodbye);
    worker->goodbye = ask(worker, "/api/worker/v1/deregister", &body, GOODBYE_MS, on_goodbye);
}

static void on_leave(struct deadline *deadline)
{
    struct worker *worker = LIST_OWNER(deadline, struct worker, leave);
    const struct worker_front *front = worker->options.front;
    bool is_idle = front->busy(front->arg) == 0 && reverse_busy(worker->reverse) == 0;
    if (is_idle && !worker->goodbye)
        over(worker, NULL);
    else
        deadline_set(&worker->leave, from_now(worker, LOOK_MS));
}

static void on_grace_over(struct deadline *deadline)
{
    struct worker *worker = LIST_OWNER(deadline, struct worker, grace);
    log_warn("cutting", "why=\"grace time over\" jobs=%d", reverse_busy(worker->reverse));
    over(worker, NULL);
}

/* The control connection stays until the end: its closing would be our death to the server, not our leaving. */
void worker_drain(struct worker *worker)
{
    struct worker_front *front = worker->options.front;
    if (worker->state >= WORKER_DRAINING)
        return;
    log_info("draining", "jobs=%d grace_ms=%lld", reverse_busy(worker->reverse),
             (long long)worker->grace_ms);
    front->drain(front->arg);
    deadline_clear(&worker->again);
    deadline_clear(&worker->beat);
    ask_cancel(TAKE(worker->ask));
    if (worker->state == WORKER_JOINED)
        say_goodbye(worker);
    worker->state = WORKER_DRAINING;
    reverse_close_waiting(worker->reverse);
    deadline_set(&worker->grace, from_now(worker, worker->grace_ms));
    deadline_set(&worker->leave, from_now(worker, 0));
}

/* ---- the front ------------------------------------------------------------------------------- */

/* It cannot answer any more: out of the pool until it can. */
static void step_out(struct worker *worker)
{
    log_warn("stepping_out", "why=\"nothing here can answer\"");
    deadline_clear(&worker->again);
    if (worker->state == WORKER_JOINED)
        say_goodbye(worker);
    lose_registration(worker);
    worker->state = WORKER_WAITING;
}

static void look(struct worker *worker)
{
    struct worker_front *front = worker->options.front;
    bool is_ready = front->is_ready(front->arg);
    switch (worker->state) {
    case WORKER_WAITING:
        if (is_ready && !worker->goodbye) /* which could end the new registration */
            register_now(worker);
        return;
    case WORKER_REGISTERING:
        if (!is_ready)
            step_out(worker);
        return;
    case WORKER_JOINED:
        if (!is_ready)
            step_out(worker);
        else if (link_is_up(worker->link))
            keep_up(worker);
        return;
    default: return;
    }
}

static void on_change(struct loop_message *message)
{
    struct worker *worker = LIST_OWNER(message, struct worker, changed);
    worker->is_change_noted = false;
    look(worker);
}

static void on_front_changed(void *changed_arg)
{
    struct worker *worker = changed_arg;
    worker->is_description_old = true;
    if (!worker->is_change_noted)
        loop_defer(worker->options.loop, &worker->changed);
    worker->is_change_noted = true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err make_parts(struct worker *worker, struct error *error)
{
    const struct worker_options *options = &worker->options;
    struct reverse_options reverse = {.loop = options->loop,
                                      .pool = options->pool,
                                      .server = options->server,
                                      .key = options->key,
                                      .service = options->front->service,
                                      .ops = &reverse_ops,
                                      .owner = worker};
    if (json_reader_new(JSON_BYTES_MAX, &worker->reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory for the worker");
    worker->link = link_new(&(struct link_options){.loop = options->loop,
                                                   .pool = options->pool,
                                                   .reader = worker->reader,
                                                   .server = options->server,
                                                   .key = options->key,
                                                   .ops = &link_ops,
                                                   .owner = worker});
    if (!worker->link)
        return error_set(error, ERR_NO_MEMORY, "no memory for the worker");
    return reverse_new(&reverse, &worker->reverse, error);
}

enum err worker_new(const struct worker_options *options, struct worker **out_worker,
                    struct error *error)
{
    struct worker *worker = mem_zalloc(1, sizeof *worker);
    if (!worker)
        return error_set(error, ERR_NO_MEMORY, "no memory for the worker");
    worker->options = *options;
    worker->grace_ms = WORKER_GRACE_MS;
    worker->backoff = (struct backoff){.first_ms = FIRST_WAIT_MS, .most_ms = MOST_WAIT_MS};
    worker->changed.run = on_change;
    random_hex(worker->instance, sizeof worker->instance - 1);
    deadline_init(&worker->again, options->loop, on_again);
    deadline_init(&worker->beat, options->loop, on_beat_due);
    deadline_init(&worker->grace, options->loop, on_grace_over);
    deadline_init(&worker->leave, options->loop, on_leave);
    enum err err = make_parts(worker, error);
    if (err != OK) {
        worker_free(worker);
        return err;
    }
    options->front->on_changed = on_front_changed;
    options->front->changed_arg = worker;
    on_front_changed(worker); /* the first look, from the loop */
    *out_worker = worker;
    return OK;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    worker->options.front->on_changed = NULL;
    ask_cancel(worker->ask);
    ask_cancel(worker->goodbye);
    link_free(worker->link);
    reverse_free(worker->reverse);
    json_reader_free(worker->reader);
    deadline_release(&worker->again);
    deadline_release(&worker->beat);
    deadline_release(&worker->grace);
    deadline_release(&worker->leave);
    mem_free(worker);
}
