/* worker/serve_reverse.c: see serve_reverse.h.
 *
 * One slot per connection. Its life is its `state`; whatever ends a connection brings it back to SLOT_EMPTY, and
 * `tend` decides what becomes of an empty slot: dialled, now or after a pause, or left.
 */
#include "worker/serve_reverse.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/random.h"
#include "worker/backoff.h"

#include <stdio.h>

#define DIAL_MS       10000
#define FIRST_WAIT_MS 100
#define MOST_WAIT_MS  5000
#define NS_PER_MS     INT64_C(1000000)
#define JOB_ID_MAX    96
#define PATIENCE_MS   120000 /* more than the server has with its callers: it decides */

enum slot_state {
    SLOT_EMPTY, /* no connection; perhaps a deadline until the next dial */
    SLOT_DIALLING,
    SLOT_WAITING, /* it said ready */
    SLOT_BUSY,    /* a request came; its answer is not out yet */
    SLOT_CLOSING  /* closed by us, on_closed is to come */
};

struct slot {
    struct reverse *reverse;
    enum slot_state state;
    int64_t registration; /* it was dialled for */
    struct ws_dial *dial;
    struct adopted *adopted;
    struct deadline again;
    int64_t began_ns;
    char job[JOB_ID_MAX];
};

struct reverse {
    struct reverse_options options;
    struct http_service service; /* ours around the front's */
    struct http_listener *listener;
    struct slot *slots; /* REVERSE_MAX of them: addresses stay */
    int wanted;         /* of them, from the first */
    int busy;
    bool is_paused;
    struct backoff backoff; /* of all: they have one server */
    char worker_id[64];
    struct loop_message free_later;
    int64_t epoch;
    int64_t registration; /* counts (worker_id, epoch): epochs begin anew when a server does */
};

static void tend(struct slot *slot);
static void try_later(struct slot *slot);

/* The one place where a state changes, so that the count is right. */
static void become(struct slot *slot, enum slot_state state)
{
    struct reverse *reverse = slot->reverse;
    reverse->busy += (state == SLOT_BUSY) - (slot->state == SLOT_BUSY);
    slot->state = state;
}

static bool is_wanted(const struct slot *slot)
{
    return slot - slot->reverse->slots < slot->reverse->wanted;
}

static bool is_current(const struct slot *slot)
{
    return is_wanted(slot) && slot->registration == slot->reverse->registration;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void say_ready(struct slot *slot)
{
    char text[64];
    int len = snprintf(text, sizeof text, "{\"type\":\"ready\",\"epoch\":%lld}",
                       (long long)slot->reverse->epoch);
    adopted_send_text(slot->adopted, (struct str){text, (size_t)len});
    become(slot, SLOT_WAITING);
}

static void close_slot(struct slot *slot)
{
    adopted_close(slot->adopted);
    become(slot, SLOT_CLOSING);
}

static void log_end(const struct slot *slot, const char *event)
{
    if (slot->state != SLOT_BUSY) /* what the HTTP layer refused was no job */
        return;
    int64_t took_ns = loop_now_ns(slot->reverse->options.loop) - slot->began_ns;
    log_info(event, "job=%s ms=%lld", slot->job, (long long)(took_ns / NS_PER_MS));
}

static void on_request(void *arg, struct exchange *exchange)
{
    struct reverse *reverse = arg;
    struct slot *slot = exchange_adopted_owner(exchange);
    const struct http_head *head = exchange_head(exchange);
    struct str job = http_header_find(head, STR("x-client-request-id"), NULL);
    str_copy(job.len ? job : STR("-"), slot->job, sizeof slot->job);
    slot->began_ns = loop_now_ns(reverse->options.loop);
    become(slot, SLOT_BUSY);
    log_info("job_begun", "job=%s path=%.*s", slot->job, STR_ARG(str_upto(head->path, 80)));
    reverse->options.service->on_request(reverse->options.service->arg, exchange);
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    const struct http_service *front = ((struct reverse *)arg)->options.service;
    front->write_error(front->arg, status, path, sentence, headers, body);
}

static void on_answered(void *owner)
{
    struct slot *slot = owner;
    log_end(slot, "job_ended");
    backoff_reset(&slot->reverse->backoff);
    if (is_current(slot))
        say_ready(slot);
    else
        close_slot(slot);
}

static void on_closed(void *owner)
{
    struct slot *slot = owner;
    bool is_their_wish = slot->state == SLOT_WAITING; /* lest we dial, and they close, for ever */
    slot->adopted = NULL;
    log_end(slot, "job_cut");
    become(slot, SLOT_EMPTY);
    if (is_their_wish)
        try_later(slot);
    else
        tend(slot);
}

static const struct adopted_ops adopted_ops = {.on_idle = on_answered, .on_closed = on_closed};

/* ---- dialling -------------------------------------------------------------------------------- */

static void try_later(struct slot *slot)
{
    if (!is_wanted(slot))
        return;
    int64_t wait_ms = backoff_next(&slot->reverse->backoff, random_unit());
    deadline_set(&slot->again, loop_now_ns(slot->reverse->options.loop) + wait_ms * NS_PER_MS);
}

static void on_open(void *owner, struct detached *detached)
{
    struct slot *slot = owner;
    struct reverse *reverse = slot->reverse;
    slot->dial = NULL;
    become(slot, SLOT_EMPTY);
    if (!is_current(slot)) {
        detached_free(detached);
        tend(slot);
    } else if (http_listener_adopt(reverse->listener, detached, &adopted_ops, slot,
                                   &slot->adopted) == OK) {
        say_ready(slot);
    } else {
        try_later(slot);
    }
}

static void on_failed(void *owner, int http_status, const char *sentence)
{
    struct slot *slot = owner;
    struct reverse *reverse = slot->reverse;
    bool is_stale =
        http_status == 401 || http_status == 403 || http_status == 404 || http_status == 409;
    slot->dial = NULL;
    become(slot, SLOT_EMPTY);
    if (is_stale && is_current(slot)) {
        reverse_close_waiting(reverse);
        reverse->options.ops->on_stale(reverse->options.owner, sentence);
    } else {
        log_debug("reverse_failed", "status=%d why=\"%s\"", http_status, sentence);
        try_later(slot);
    }
}

static const struct ws_dial_ops dial_ops = {.on_open = on_open, .on_failed = on_failed};

static void tend(struct slot *slot)
{
    struct reverse *reverse = slot->reverse;
    char path[160];
    deadline_clear(&slot->again);
    if (!is_wanted(slot) || reverse->is_paused)
        return;
    slot->registration = reverse->registration;
    snprintf(path, sizeof path, "/api/worker/v1/reverse?worker_id=%s&epoch=%lld",
             reverse->worker_id, (long long)reverse->epoch);
    struct ws_dial_options options = {.target = reverse->options.server,
                                      .path = path,
                                      .bearer = reverse->options.key,
                                      .subprotocol = "auxot.reverse.v1",
                                      .timeout_ms = DIAL_MS};
    slot->dial = ws_dial_start(reverse->options.pool, &options, &dial_ops, slot);
    if (slot->dial)
        become(slot, SLOT_DIALLING);
    else
        try_later(slot);
}

static void on_again(struct deadline *deadline)
{
    struct slot *slot = LIST_OWNER(deadline, struct slot, again);
    if (slot->state == SLOT_EMPTY)
        tend(slot);
}

/* ---- life ------------------------------------------------------------------------------------ */

enum err reverse_new(const struct reverse_options *options, struct reverse **out_reverse,
                     struct error *error)
{
    struct reverse *reverse = mem_zalloc(1, sizeof *reverse);
    struct slot *slots = mem_zalloc(REVERSE_MAX, sizeof *slots);
    if (!reverse || !slots) {
        mem_free(reverse);
        mem_free(slots);
        return error_set(error, ERR_NO_MEMORY, "no memory for the reverse connections");
    }
    reverse->options = *options;
    reverse->slots = slots;
    reverse->backoff = (struct backoff){.first_ms = FIRST_WAIT_MS, .most_ms = MOST_WAIT_MS};
    reverse->service =
        (struct http_service){.on_request = on_request, .write_error = write_error, .arg = reverse};
    for (int i = 0; i < REVERSE_MAX; i++) {
        slots[i].reverse = reverse;
        deadline_init(&slots[i].again, options->loop, on_again);
    }
    enum err err =
        http_listener_new(&(struct http_listener_options){.loop = options->loop,
                                                          .is_private = true,
                                                          .service = &reverse->service,
                                                          .body_ms = PATIENCE_MS,
                                                          .write_ms = PATIENCE_MS,
                                                          .connections_max = REVERSE_MAX},
                          &reverse->listener, error);
    if (err != OK) {
        reverse_free(reverse);
        return err;
    }
    *out_reverse = reverse;
    return OK;
}

void reverse_open(struct reverse *reverse, const char *worker_id, int64_t epoch, int count)
{
    bool is_new = epoch != reverse->epoch || strcmp(worker_id, reverse->worker_id) != 0;
    bool is_fresh = is_new || reverse->is_paused;
    reverse->registration += is_new;
    str_copy(str_of(worker_id), reverse->worker_id, sizeof reverse->worker_id);
    reverse->epoch = epoch;
    reverse->wanted = count < REVERSE_MAX ? count : REVERSE_MAX;
    reverse->is_paused = false;
    for (int i = 0; i < REVERSE_MAX; i++) {
        struct slot *slot = &reverse->slots[i];
        if (slot->state == SLOT_WAITING && !is_current(slot))
            close_slot(slot); /* its end dials the new one */
        else if (slot->state == SLOT_EMPTY && (is_fresh || !deadline_is_set(&slot->again)))
            tend(slot);
    }
}

void reverse_pause(struct reverse *reverse)
{
    reverse->is_paused = true;
}

void reverse_close_waiting(struct reverse *reverse)
{
    reverse->wanted = 0;
    for (int i = 0; i < REVERSE_MAX; i++) {
        struct slot *slot = &reverse->slots[i];
        deadline_clear(&slot->again);
        if (slot->state == SLOT_DIALLING) {
            ws_dial_cancel(TAKE(slot->dial));
            become(slot, SLOT_EMPTY);
        } else if (slot->state == SLOT_WAITING) {
            close_slot(slot);
        }
    }
}

int reverse_busy(const struct reverse *reverse)
{
    return reverse->busy;
}

static void free_now(struct loop_message *message)
{
    struct reverse *reverse = LIST_OWNER(message, struct reverse, free_later);
    mem_free(reverse->slots);
    mem_free(reverse);
}

/* The listener tells the end of its connections between two turns of the loop; the slots are there until then. */
void reverse_free(struct reverse *reverse)
{
    if (!reverse)
        return;
    reverse->wanted = 0;
    for (int i = 0; i < REVERSE_MAX; i++) {
        if (reverse->slots[i].dial)
            ws_dial_cancel(reverse->slots[i].dial);
        deadline_release(&reverse->slots[i].again);
    }
    if (reverse->listener)
        http_listener_free(reverse->listener);
    reverse->free_later.run = free_now;
    loop_defer(reverse->options.loop, &reverse->free_later);
}
