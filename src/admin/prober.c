/* admin/prober.c: see prober.h.
 *
 * Two users: handlers, which wait (struct waiting, on their stack), and the prober itself, which looks
 * once a second for providers that are due (struct probe). Both are discovery calls on this loop.
 */
#include "admin/prober.h"

#include "admin/discovery.h"
#include "admin/polls.h"
#include "admin/provider_fields.h"
#include "admin/provider_models.h"
#include "admin/state.h"
#include "admin/strangers.h"
#include "admin/workers.h"
#include "base/log.h"
#include "gateway/workers.h"
#include "sys/clock.h"
#include "sys/thread.h"

#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define NS_PER_MS      INT64_C(1000000)
#define TICK_MS        1000
#define PROBES_AT_ONCE 4
#define PROBE_MS       10000
#define ERROR_AGAIN_MS (5 * 60 * 1000) /* SPEC 4.1: error is re-probed every 5 minutes */
#define NEVER_AGAIN_MS (60 * 1000)     /* no model list was ever read */
#define REFRESH_MS     (INT64_C(24) * 3600 * 1000) /* daily */
#define STAGGER_MS     (INT64_C(2) * 3600 * 1000)  /* spread over two hours by id */
#define GPU_REFRESH_MS (INT64_C(60) * 1000)        /* and what it has loaded */

struct prober {
    struct admin *admin;
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards waiting_count, is_stopping */
    pthread_cond_t nobody_waits;
    int waiting_count;
    bool is_stopping;
    /* the loop's */
    struct list waiting, probes;
    struct polls polls;
    struct strangers strangers;
    int probe_count;
    bool is_closed;
    struct deadline tick;
    struct loop_message start_message, stop_message;
    struct loop_message news_message; /* of workers */
    atomic_bool is_news_posted;
};

/* ---- handlers wait ------------------------------------------------------------------------------- */

struct waiting {
    struct discovery_call call;
    struct prober *prober;
    struct list node;
    struct loop_message start;
    pthread_cond_t done;
    bool is_done; /* under the prober's lock */
};

static void fill_failure(struct discovery *discovery, const char *reason, const char *sentence)
{
    *discovery = (struct discovery){
        .latency_ms = -1,
        .report = {.verdict = VERDICT_NETWORK, .retry_after_ms = RETRY_UNKNOWN_MS}};
    str_copy(str_of(reason), discovery->report.reason, sizeof discovery->report.reason);
    str_copy(str_of(sentence), discovery->report.sentence, sizeof discovery->report.sentence);
}

/* From here on `waiting` may be gone: it lies on the stack of the one who is woken. */
static void wake(struct waiting *waiting)
{
    struct prober *prober = waiting->prober;
    pthread_mutex_lock(&prober->lock);
    waiting->is_done = true;
    pthread_cond_signal(&waiting->done);
    pthread_mutex_unlock(&prober->lock);
}

static void on_waiting_done(struct discovery_call *call)
{
    struct waiting *waiting = LIST_OWNER(call, struct waiting, call);
    list_unlink(&waiting->node);
    wake(waiting);
}

static void on_waiting_start(struct loop_message *message)
{
    struct waiting *waiting = LIST_OWNER(message, struct waiting, start);
    struct prober *prober = waiting->prober;
    list_push_back(&prober->waiting, &waiting->node);
    if (!prober->is_closed) {
        discovery_start(&waiting->call, prober->loop, prober->pool, prober->reader);
        return;
    }
    fill_failure(&waiting->call.result, "stopping", "The server is stopping.");
    on_waiting_done(&waiting->call);
}

static void wait_for(struct prober *prober, struct waiting *waiting)
{
    pthread_mutex_lock(&prober->lock);
    bool may_start = !prober->is_stopping;
    if (may_start) {
        prober->waiting_count++;
        waiting->start.run = on_waiting_start;
        loop_post(prober->loop, &waiting->start);
        while (!waiting->is_done)
            pthread_cond_wait(&waiting->done, &prober->lock);
        if (--prober->waiting_count == 0)
            pthread_cond_signal(&prober->nobody_waits);
    } else {
        fill_failure(&waiting->call.result, "stopping", "The server is stopping.");
    }
    pthread_mutex_unlock(&prober->lock);
}

void prober_discover(struct prober *prober, enum provider_kind kind, const char *base_url,
                     struct str key, int64_t deadline_ms, struct discovery *out_discovery)
{
    struct error error = {0};
    struct waiting waiting = {.prober = prober};
    waiting.call.deadline_ms = deadline_ms;
    waiting.call.on_done = on_waiting_done;
    pthread_cond_init(&waiting.done, NULL);
    if (discovery_prepare(&waiting.call, kind, base_url, key, prober->admin->options.version,
                          &error) == OK)
        wait_for(prober, &waiting);
    else
        fill_failure(&waiting.call.result, "bad_base_url", error.text);
    *out_discovery = waiting.call.result;
    discovery_call_release(&waiting.call);
    pthread_cond_destroy(&waiting.done);
}

/* ---- the prober's own rounds --------------------------------------------------------------------- */

struct probe {
    struct discovery_call call;
    struct prober *prober;
    struct list node;
    char provider_id[ID_MAX];
    int64_t credential_version;
};

/* What a llama-server's slot really holds, rather than what its model was trained for. */
static void note_context(struct probe *probe)
{
    struct snapshot *snapshot = gateway_snapshot(probe->prober->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, probe->provider_id);
    int64_t tokens = 0;
    if (provider && provider->kind == PROVIDER_GPU) {
        struct live_provider *live = provider_live(provider);
        pthread_mutex_lock(&live->lock);
        tokens = live->context_found;
        pthread_mutex_unlock(&live->lock);
    }
    snapshot_unref(snapshot);
    struct discovery *found = &probe->call.result;
    for (size_t i = 0; tokens > 0 && i < found->count; i++)
        found->models[i].context_tokens = tokens;
}

static void on_probe_done(struct discovery_call *call)
{
    struct probe *probe = LIST_OWNER(call, struct probe, call);
    struct prober *prober = probe->prober;
    struct error error = {0};
    list_unlink(&probe->node);
    prober->probe_count--;
    log_debug("probed", "provider=%s ok=%d reason=%s", probe->provider_id, call->result.is_ok,
              call->result.report.reason);
    note_context(probe);
    enum err err = prober->is_closed ? OK
                                     : discovery_apply(prober->admin, probe->provider_id,
                                                       probe->credential_version, &call->result,
                                                       BY_HEALTH_THREAD, NULL, &error);
    if (err != OK)
        log_debug("probe_dropped", "provider=%s why=\"%s\"", probe->provider_id, error.text);
    discovery_release(&call->result);
    discovery_call_release(call);
    mem_free(probe);
}

/* Is it due? Then the time of the next look is set at once, so that it is not due again meanwhile. */
static bool take_turn(const struct provider *provider, int64_t now_ms, int64_t wall_ms)
{
    struct live_provider *live = provider_live(provider);
    if (provider->has_workers)
        return false; /* they come by themselves */
    int64_t stagger_ms = (int64_t)(str_hash(str_of(provider->id)) % STAGGER_MS);
    pthread_mutex_lock(&live->lock);
    struct health_view view = health_look(&live->health, provider->is_paused, now_ms);
    bool is_never = live->models_at_ms == 0;
    bool is_gpu = provider->kind == PROVIDER_GPU;
    bool is_old =
        wall_ms - live->models_at_ms > (is_gpu ? GPU_REFRESH_MS : REFRESH_MS + stagger_ms);
    bool is_error_old =
        view.state == STATE_ERROR && now_ms - live->health.since_ms >= ERROR_AGAIN_MS;
    bool lacks_key =
        strcmp(live->health.reason, KEY_MISSING) == 0; /* what it said would be in vain */
    bool is_due = !provider->is_paused && !lacks_key && now_ms >= live->probe_at_ms &&
                  (is_never || is_old || is_error_old);
    if (is_due)
        live->probe_at_ms =
            now_ms +
            ((is_never || is_gpu) && view.state != STATE_ERROR ? NEVER_AGAIN_MS : ERROR_AGAIN_MS);
    pthread_mutex_unlock(&live->lock);
    return is_due;
}

static void start_probe(struct prober *prober, const struct provider *provider)
{
    struct error error = {0};
    struct live_provider *live = provider_live(provider);
    struct probe *probe = mem_zalloc(1, sizeof *probe);
    if (!probe)
        return;
    probe->prober = prober;
    str_copy(str_of(provider->id), probe->provider_id, sizeof probe->provider_id);
    probe->call.deadline_ms = clock_monotonic_ms() + PROBE_MS;
    probe->call.on_done = on_probe_done;
    struct secret *key = NULL;
    enum err err =
        live_key_open(live, prober->admin->options.vault, &key, &probe->credential_version, &error);
    if (err == OK)
        err = discovery_prepare(&probe->call, provider->kind, provider->base_url,
                                key ? secret_borrow(key) : STR(""), prober->admin->options.version,
                                &error);
    secret_free(key);
    if (err != OK) {
        discovery_call_release(&probe->call);
        mem_free(probe);
        return;
    }
    list_push_back(&prober->probes, &probe->node);
    prober->probe_count++;
    discovery_start(&probe->call, prober->loop, prober->pool, prober->reader);
}

/* What time alone has changed, and what was noted on a page that is turned. */
static void note_time(const struct provider *provider, int64_t now_ms)
{
    struct live_provider *live = provider_live(provider);
    pthread_mutex_lock(&live->lock);
    if (!live->is_deleted)
        live_note(live, now_ms);
    pthread_mutex_unlock(&live->lock);
}

static void on_tick(struct deadline *tick)
{
    struct prober *prober = LIST_OWNER(tick, struct prober, tick);
    admin_catch_up(prober->admin);
    admin_note_seen(prober->admin);
    admin_watch_keys(prober->admin);
    struct snapshot *snapshot = gateway_snapshot(prober->admin->options.gateway);
    int64_t now_ms = clock_monotonic_ms(), wall_ms = clock_wall_ms();
    for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
        const struct provider *provider = snapshot->routing.providers[i];
        if (prober->probe_count < PROBES_AT_ONCE && take_turn(provider, now_ms, wall_ms))
            start_probe(prober, provider);
        polls_look(&prober->polls, provider, now_ms);
        note_time(provider, now_ms);
    }
    snapshot_unref(snapshot);
    workers_note_all(gateway_workers(prober->admin->options.gateway));
    store_still_alive(prober->admin->options.store, wall_ms);
    workers_record(prober->admin); /* what could not be written when it was news */
    strangers_look(&prober->strangers, prober->admin, now_ms);
    refusals_look(prober->admin, now_ms);
    deadline_set(&prober->tick, loop_refresh_now(prober->loop) + TICK_MS * NS_PER_MS);
}

/* ---- news of workers --------------------------------------------------------------------------- */

static void on_news(struct loop_message *message)
{
    struct prober *prober = LIST_OWNER(message, struct prober, news_message);
    atomic_store(&prober->is_news_posted,
                 false); /* before looking: what comes meanwhile posts again */
    if (!prober->is_closed)
        workers_record(prober->admin);
}

/* On whatever thread there is news, which holds the registry's lock. */
static void ring(void *arg)
{
    struct prober *prober = arg;
    if (!atomic_exchange(&prober->is_news_posted, true))
        loop_post(prober->loop, &prober->news_message);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void prober_main(void *arg)
{
    struct prober *prober = arg;
    deadline_init(&prober->tick, prober->loop, on_tick);
    deadline_set(&prober->tick, loop_refresh_now(prober->loop) + TICK_MS * NS_PER_MS);
    loop_run(prober->loop);
    deadline_release(&prober->tick);
}

enum err prober_new(struct admin *admin, struct prober **out_prober, struct error *error)
{
    struct prober *prober = mem_zalloc(1, sizeof *prober);
    if (!prober)
        return error_set(error, ERR_NO_MEMORY, "no memory for the health thread");
    prober->admin = admin;
    pthread_mutex_init(&prober->lock, NULL);
    pthread_cond_init(&prober->nobody_waits, NULL);
    list_init(&prober->waiting);
    list_init(&prober->probes);
    struct client_options options = {.ca_file = admin->options.ca_file,
                                     .name_servers = admin->options.name_servers,
                                     .idle_max = 2};
    enum err err = loop_new(-1, &prober->loop, error);
    if (err == OK)
        err = client_pool_new(prober->loop, &options, &prober->pool, error);
    if (err == OK)
        err = json_reader_new(LIST_BYTES_MAX, &prober->reader);
    if (err == OK)
        polls_init(&prober->polls, admin, prober->loop, prober->pool, prober->reader);
    if (err == OK)
        err = thread_start("health", prober_main, prober, &prober->thread, error);
    prober->has_thread = err == OK;
    if (err != OK) {
        prober_free(prober);
        return err;
    }
    prober->news_message.run = on_news;
    workers_on_news(gateway_workers(admin->options.gateway), ring, prober);
    *out_prober = prober;
    return OK;
}

static void on_stop(struct loop_message *message)
{
    struct prober *prober = LIST_OWNER(message, struct prober, stop_message);
    pthread_mutex_lock(&prober->lock);
    prober->is_closed = true; /* written under the lock for prober_stop, read here without */
    pthread_cond_signal(&prober->nobody_waits);
    pthread_mutex_unlock(&prober->lock);
    LIST_EACH_SAFE(node, &prober->waiting)
    {
        discovery_cut(&LIST_OWNER(node, struct waiting, node)->call);
    }
    LIST_EACH_SAFE(node, &prober->probes)
    {
        discovery_cut(&LIST_OWNER(node, struct probe, node)->call);
    }
    polls_end(&prober->polls);
}

void prober_stop(struct prober *prober)
{
    if (!prober->has_thread)
        return;
    prober->has_thread = false;
    workers_on_news(gateway_workers(prober->admin->options.gateway), NULL, NULL);
    pthread_mutex_lock(&prober->lock);
    prober->is_stopping = true;
    prober->stop_message.run = on_stop;
    loop_post(prober->loop, &prober->stop_message);
    while (!prober->is_closed || prober->waiting_count > 0)
        pthread_cond_wait(&prober->nobody_waits, &prober->lock);
    pthread_mutex_unlock(&prober->lock);
    loop_stop(prober->loop);
    thread_join(prober->thread);
}

void prober_free(struct prober *prober)
{
    if (!prober)
        return;
    prober_stop(prober);
    if (prober->pool)
        client_pool_free(prober->pool);
    loop_free(prober->loop);
    json_reader_free(prober->reader);
    pthread_cond_destroy(&prober->nobody_waits);
    pthread_mutex_destroy(&prober->lock);
    mem_free(prober);
}
