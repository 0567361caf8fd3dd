/* gateway/gateway.c: the gateway as a whole: its loops, the configuration they hold, the views of health.
 *
 * A snapshot reaches a loop by message; the loop swaps its lease, cuts requests whose key is gone, and says
 * so; gateway_publish waits for all of them. Old leases die when their last request ends.
 */
#include "gateway/repeat.h"
#include "gateway/thinking.h"
#include "gateway/translate.h"
#include "gateway/workers_parts.h"
#include "http/origin.h"
#include "base/log.h"

#include <assert.h>

#define BODY_LIMIT_DEFAULT  ((size_t)32 << 20)
#define BODY_BUDGET_DEFAULT (INT64_C(256) << 20)
/* An event is kept until it has EVENT_MAX bytes, and the read that ends it may bring one more scratch. */
#define EVENT_READER_BYTES ((size_t)EVENT_MAX + LOOP_SCRATCH_BYTES + 4096)
#define JOINED_BYTES       EVENT_READER_BYTES

/* ---- making ---------------------------------------------------------------------------------- */

static const struct own_address unknown_address;

#define NAMES_MAX        ((size_t)1 << 18) /* about 200 bytes each */
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define ANSWER_KEPT_MS   INT64_C(600000)

/* A quarter of all for one API key, so that nobody takes the room of everybody. */
static struct idempotency *idempotency_of(struct gateway_options *options)
{
    if (options->idempotency_ms <= 0)
        options->idempotency_ms = INT64_C(3600000);
    if (options->idempotency_bytes <= 0)
        options->idempotency_bytes = INT64_C(64) << 20;
    int64_t window_ms = options->idempotency_ms;
    return idempotency_new(&(struct idempotency_limits){
        .names_max = NAMES_MAX,
        .names_of_one_max = NAMES_MAX / 4,
        .answers_bytes = (size_t)options->idempotency_bytes,
        .answers_of_one_bytes = (size_t)options->idempotency_bytes / 4,
        .answer_of_bytes = ANSWER_BYTES_MAX,
        .window_ms = window_ms,
        .answer_ms = window_ms < ANSWER_KEPT_MS ? window_ms : ANSWER_KEPT_MS});
}

enum err gateway_new(const struct gateway_options *options, struct gateway **out_gateway,
                     struct error *error)
{
    struct gateway *gateway = mem_zalloc(1, sizeof *gateway);
    if (!gateway)
        return error_set(error, ERR_NO_MEMORY, "no memory for the gateway");
    gateway->options = *options;
    if (!options->own)
        gateway->options.own = &unknown_address;
    gateway->thinking = thinking_memory_new();
    gateway->idempotency = idempotency_of(&gateway->options);
    if (!gateway->thinking || !gateway->idempotency || sessions_new(&gateway->sessions) != OK) {
        thinking_memory_free(gateway->thinking);
        idempotency_free(gateway->idempotency);
        mem_free(gateway);
        return error_set(error, ERR_NO_MEMORY, "no memory for the gateway");
    }
    struct workers_options workers = {
        .heartbeat_ms = options->heartbeat_ms,
        .dead_after_ms = options->dead_after_ms,
        .grace_ms = options->grace_ms,
        .transitions = options->store ? store_transitions(options->store) : NULL};
    enum err err = workers_new(&workers, &gateway->workers, error);
    if (err == OK && feed_new(gateway, &gateway->feed) != OK) {
        workers_free(gateway->workers);
        err = error_set(error, ERR_NO_MEMORY, "no memory for the gateway");
    }
    if (err != OK) {
        sessions_free(gateway->sessions);
        thinking_memory_free(gateway->thinking);
        idempotency_free(gateway->idempotency);
        mem_free(gateway);
        return err;
    }
    pthread_mutex_init(&gateway->lock, NULL);
    outcomes_init(&gateway->outcomes);
    pthread_cond_init(&gateway->adopted, NULL);
    gateway_tune(gateway, &options->tuning);
    *out_gateway = gateway;
    return OK;
}

void gateway_tune(struct gateway *gateway, const struct gateway_tuning *tuning)
{
    gateway->tuning.job_timeout_ms = tuning->job_timeout_ms;
    gateway->tuning.late_head_ms = tuning->late_head_ms;
    gateway->tuning.keepalive_ms = tuning->keepalive_ms;
    gateway->tuning.queue_wait_ms = tuning->queue_wait_ms;
    gateway->tuning.max_attempts = tuning->max_attempts;
    gateway->tuning.max_concurrent = tuning->max_concurrent;
    body_budget_set(tuning->body_budget_bytes ? tuning->body_budget_bytes : BODY_BUDGET_DEFAULT);
}

void gateway_bounds(const struct gateway *gateway, int64_t *out_queue_wait_ms,
                    int *out_max_attempts)
{
    *out_queue_wait_ms = gateway->tuning.queue_wait_ms;
    *out_max_attempts = (int)gateway->tuning.max_attempts;
}

static void lease_drop(struct lease *lease)
{
    if (lease->users > 0 || lease->is_current)
        return;
    snapshot_unref(lease->snapshot);
    mem_free(lease);
}

static void loop_release(struct gateway_loop *gl)
{
    LIST_EACH_SAFE(node, &gl->live)
    {
        struct request *request = LIST_OWNER(node, struct request, node);
        attempt_cancel(request, "cancelled", "shutdown");
        record_close(request, JOB_FAILED, "shutdown", 0);
        if (request->exchange)
            exchange_abort(TAKE(request->exchange), true);
        request_finish(request);
    }
    feed_loop_release(&gl->feed);
    gateway_views_release(gl->views, gl->view_count);
    client_pool_free(gl->pool);
    json_reader_free(gl->body_reader);
    json_reader_free(gl->event_reader);
    json_reader_free(gl->scratch_reader);
    buf_release(&gl->joined);
    buf_release(&gl->translated);
}

/* The loops have ended. Seats and lines that are still on their way arrive, and go. */
static void stop_workers(struct gateway *gateway)
{
    struct lot *lot = gateway->workers->lot;
    for (int i = 0; i < gateway->loop_count; i++)
        loop_release(gateway->loops[i]);
    lot_stop(lot);
    for (int i = 0; i < gateway->loop_count; i++)
        loop_settle(gateway->loops[i]->loop);
    lot_free(lot);
}

struct workers *gateway_workers(struct gateway *gateway)
{
    return gateway->workers;
}

struct loop *gateway_lot_loop(struct gateway *gateway)
{
    return lot_loop(gateway->workers->lot);
}

struct outcomes *gateway_outcomes(struct gateway *gateway)
{
    return &gateway->outcomes;
}

int64_t gateway_queue_wait_ms(const struct gateway *gateway)
{
    return atomic_load_explicit(&gateway->tuning.queue_wait_ms, memory_order_relaxed);
}

struct sessions *gateway_sessions(struct gateway *gateway)
{
    return gateway->sessions;
}

struct feed *gateway_feed(struct gateway *gateway)
{
    return gateway->feed;
}

void gateway_free(struct gateway *gateway)
{
    if (!gateway)
        return;
    stop_workers(gateway);
    for (int i = 0; i < gateway->loop_count; i++) {
        struct gateway_loop *gl = gateway->loops[i];
        if (gl->lease) { /* requests that are freed with the loop's last turn still hold it */
            gl->lease->is_current = false;
            lease_drop(gl->lease);
        }
        mem_free(gl);
    }
    workers_free(gateway->workers);
    if (gateway->newest)
        snapshot_unref(gateway->newest);
    sessions_free(gateway->sessions);
    feed_free(gateway->feed);
    thinking_memory_free(gateway->thinking);
    idempotency_free(gateway->idempotency);
    pthread_cond_destroy(&gateway->adopted);
    outcomes_release(&gateway->outcomes);
    pthread_mutex_destroy(&gateway->lock);
    mem_free(gateway);
}

static void adopt(struct loop_message *message);
static void cut_all(struct loop_message *message);

enum err gateway_loop_add(struct gateway *gateway, struct loop *loop, int index,
                          struct gateway_loop **out_loop, struct error *error)
{
    assert(gateway->loop_count < (int)(sizeof gateway->loops / sizeof gateway->loops[0]));
    struct gateway_loop *gl = mem_zalloc(1, sizeof *gl);
    if (!gl)
        return error_set(error, ERR_NO_MEMORY, "no memory for a gateway loop");
    gl->gateway = gateway;
    gl->loop = loop;
    gl->index = index;
    gl->journal = store_journal(gateway->options.store, index);
    gl->adopt_message.run = adopt;
    gl->cut_message.run = cut_all;
    gl->recheck_message.run = revoked_recheck;
    gl->record_message.run = record_turn;
    list_init(&gl->live);
    list_init(&gl->recording);
    feed_loop_init(&gl->feed, gl);
    buf_init(&gl->joined, JOINED_BYTES);
    buf_init(&gl->translated, TRANSLATED_MAX);
    struct client_options options = {.ca_file = gateway->options.ca_file,
                                     .name_servers = gateway->options.name_servers};
    enum err err = client_pool_new(loop, &options, &gl->pool, error);
    size_t body_limit =
        gateway->options.body_limit_bytes ? gateway->options.body_limit_bytes : BODY_LIMIT_DEFAULT;
    if (err == OK && (json_reader_new(body_limit + 1, &gl->body_reader) != OK ||
                      json_reader_new(EVENT_READER_BYTES, &gl->event_reader) != OK ||
                      json_reader_new(SCRATCH_BYTES, &gl->scratch_reader) != OK))
        err = error_set(error, ERR_NO_MEMORY, "no memory for a JSON reader");
    if (err != OK) {
        client_pool_free(gl->pool);
        json_reader_free(gl->body_reader);
        json_reader_free(gl->event_reader);
        mem_free(gl);
        return err;
    }
    gateway->loops[gateway->loop_count++] = gl;
    *out_loop = gl;
    return OK;
}

/* ---- configuration --------------------------------------------------------------------------- */

struct lease *lease_take(struct gateway_loop *gl)
{
    gl->lease->users++;
    return gl->lease;
}

void lease_give(struct lease *lease)
{
    lease->users--;
    lease_drop(lease);
}

static void swap_lease(struct gateway_loop *gl)
{
    struct lease *old = gl->lease;
    gl->lease = TAKE(gl->next_lease);
    if (old) {
        old->is_current = false;
        revoked_cut(gl);
        if (old->users == 0)
            lease_drop(old);
    }
}

static void adopt(struct loop_message *message)
{
    struct gateway_loop *gl = LIST_OWNER(message, struct gateway_loop, adopt_message);
    struct gateway *gateway = gl->gateway;
    swap_lease(gl);
    pthread_mutex_lock(&gateway->lock);
    if (--gateway->waiting_for == 0)
        pthread_cond_broadcast(&gateway->adopted);
    pthread_mutex_unlock(&gateway->lock);
}

/* A lease for each loop before any loop adopts: once it has begun, a publication does not fail. */
static bool make_leases(struct gateway *gateway, struct snapshot *snapshot)
{
    bool is_done = true;
    for (int i = 0; is_done && i < gateway->loop_count; i++) {
        struct lease *lease = mem_zalloc(1, sizeof *lease);
        is_done = lease != NULL;
        if (lease)
            *lease = (struct lease){.snapshot = snapshot_ref(snapshot), .is_current = true};
        gateway->loops[i]->next_lease = lease;
    }
    for (int i = 0; !is_done && i < gateway->loop_count; i++) {
        struct lease *lease = TAKE(gateway->loops[i]->next_lease);
        if (lease)
            snapshot_unref(lease->snapshot);
        mem_free(lease);
    }
    return is_done;
}

enum err gateway_publish(struct gateway *gateway, struct snapshot *snapshot, struct error *error)
{
    pthread_mutex_lock(&gateway->lock);
    if (!make_leases(gateway, snapshot)) {
        pthread_mutex_unlock(&gateway->lock);
        snapshot_unref(snapshot);
        return error_set(error, ERR_NO_MEMORY, "no memory to publish the configuration");
    }
    workers_follow(gateway->workers, snapshot);
    struct snapshot *old = gateway->newest;
    gateway->newest = snapshot;
    for (int i = 0; i < gateway->loop_count; i++) {
        struct gateway_loop *gl = gateway->loops[i];
        if (!old) { /* no loop runs yet */
            swap_lease(gl);
            continue;
        }
        gateway->waiting_for++;
        loop_post(gl->loop, &gl->adopt_message);
    }
    while (gateway->waiting_for > 0)
        pthread_cond_wait(&gateway->adopted, &gateway->lock);
    pthread_mutex_unlock(&gateway->lock);
    if (old)
        snapshot_unref(old);
    return OK;
}

struct snapshot *gateway_snapshot(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    struct snapshot *snapshot = gateway->newest ? snapshot_ref(gateway->newest) : NULL;
    pthread_mutex_unlock(&gateway->lock);
    return snapshot;
}

/* ---- health ---------------------------------------------------------------------------------- */

#define MISSING_COPIES 8
#define LEARNED_COPIES 16

void gateway_views_release(struct provider_view *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (views[i].loaded)
            loaded_models_unref(
                (struct loaded_models *)(void *)((char *)(uintptr_t)views[i].loaded -
                                                 offsetof(struct loaded_models, models)));
}

/* What its workers make of its state: under the live part's lock. */
static void look_at_workers(struct live_provider *live, struct provider_view *view)
{
    const struct slot_figures *figures = &live->slot_figures;
    if (live->loaded) {
        view->loaded = loaded_models_ref(live->loaded)->models;
        view->loaded_count = live->loaded->count;
    }
    bool is_out = view->health.state == STATE_PAUSED || view->health.state == STATE_ERROR;
    if (figures->workers > 0 || is_out)
        return;
    view->health =
        figures->quota_until_ms > 0
            ? (struct health_view){.state = STATE_OVER_QUOTA, .until_ms = figures->quota_until_ms}
            : (struct health_view){.state = STATE_OFFLINE};
}

void gateway_views(const struct snapshot *snapshot, int64_t now_ms, struct provider_view *views)
{
    /* Which models a provider said it lacks, and what it refused, is copied out: few said so. */
    static _Thread_local struct health copies[MISSING_COPIES];
    static _Thread_local struct quirk_memory learned[LEARNED_COPIES];
    size_t copied = 0, learned_count = 0;
    for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
        const struct provider *provider = snapshot->routing.providers[i];
        struct live_provider *live = provider_live(provider);
        views[i] = (struct provider_view){0};
        pthread_mutex_lock(&live->lock);
        views[i].health = health_look(&live->health, provider->is_paused, now_ms);
        views[i].waiting = live->slot_figures.waiting;
        views[i].is_full = live->slot_figures.is_full;
        views[i].heard_at_ms = live->heartbeat_at_ms;
        if (provider->has_workers)
            look_at_workers(live, &views[i]);
        for (size_t m = 0; m < HEALTH_MODELS_MAX && copied < MISSING_COPIES; m++) {
            if (live->health.missing[m].until_ms <= now_ms)
                continue;
            copies[copied] = live->health;
            views[i].models = &copies[copied++];
            break;
        }
        if (quirk_memory_matters(&live->learned) && learned_count < LEARNED_COPIES) {
            learned[learned_count] = live->learned;
            views[i].learned = &learned[learned_count++];
        }
        pthread_mutex_unlock(&live->lock);
    }
}

void gateway_offload(struct gateway *gateway, bool (*submit)(void *arg, struct pool_work *work),
                     void *arg)
{
    gateway->offload = submit;
    gateway->offload_arg = arg;
}

void gateway_trace(struct gateway *gateway, struct otlp *otlp)
{
    gateway->otlp = otlp;
}

void gateway_recall(struct gateway *gateway)
{
    repeat_recall(gateway);
}

void gateway_leave_names(struct gateway *gateway, bool is_leaving)
{
    if (is_leaving)
        repeat_leave(gateway);
    else
        repeat_return(gateway);
}

/* ---- draining -------------------------------------------------------------------------------- */

void gateway_drain(struct gateway *gateway)
{
    atomic_store(&gateway->is_draining, true);
    feed_wake(gateway->feed);
}

int64_t gateway_waiting(const struct gateway *gateway)
{
    return atomic_load_explicit(&gateway->workers->waiting, memory_order_relaxed);
}

void gateway_let_workers_go(struct gateway *gateway)
{
    lot_let_go(gateway->workers->lot);
}

int64_t gateway_running(const struct gateway *gateway)
{
    int64_t running = 0;
    for (int i = 0; i < gateway->loop_count; i++)
        running += atomic_load_explicit(&gateway->loops[i]->running, memory_order_relaxed);
    return running;
}

static void cut_all(struct loop_message *message)
{
    struct gateway_loop *gl = LIST_OWNER(message, struct gateway_loop, cut_message);
    LIST_EACH_SAFE(node, &gl->live)
    {
        struct request *request = LIST_OWNER(node, struct request, node);
        request_fail(request, SAY_OVERLOADED, "shutdown",
                     "The server is shutting down; send the request again.");
    }
}

void gateway_cut(struct gateway *gateway)
{
    for (int i = 0; i < gateway->loop_count; i++)
        loop_post(gateway->loops[i]->loop, &gateway->loops[i]->cut_message);
}
