/* admin/polls.c: see polls.h. */
#include "admin/polls.h"

#include "admin/capacity.h"
#include "admin/state.h"
#include "gateway/workers.h"
#include "sys/clock.h"

#define POLL_MS       5000
#define POLL_TAKEN_MS 1000 /* while others have slots of it: they may be free any moment */
#define POLLS_AT_ONCE 16

struct poll {
    struct capacity_call call;
    struct polls *polls;
    struct list node;
    char provider_id[ID_MAX];
    int64_t credential_version, ours_before;
};

static void tell_capacity(struct live_provider *live, const struct poll *poll)
{
    const struct capacity *found = &poll->call.found;
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&live->lock);
    if (found->is_up) {
        bool was_down = live->health.cause == VERDICT_NETWORK || live->health.cause == VERDICT_BUSY;
        if (live->health.state == STATE_DEGRADED && was_down)
            health_clear(&live->health, now_ms);
        live->heartbeat_at_ms = clock_wall_ms();
        bool has_changed =
            found->context_tokens > 0 && found->context_tokens != live->context_found;
        if (has_changed) { /* the list shows it after another look */
            live->context_found = found->context_tokens;
            live->models_at_ms = live->probe_at_ms = 0;
        }
    } else if (found->report.verdict != VERDICT_NONE) {
        health_on_failure(&live->health, &found->report, STR(""), poll->credential_version,
                          live->credential_version, now_ms, 0.0);
    }
    live_note(live, now_ms);
    pthread_mutex_unlock(&live->lock);
}

static void on_poll_done(struct capacity_call *call)
{
    struct poll *poll = LIST_OWNER(call, struct poll, call);
    struct polls *polls = poll->polls;
    struct gateway *gateway = polls->admin->options.gateway;
    list_unlink(&poll->node);
    polls->count--;
    struct snapshot *snapshot = gateway_snapshot(gateway);
    const struct provider *provider = snapshot_provider(snapshot, poll->provider_id);
    if (provider && !polls->is_over) {
        tell_capacity(provider_live(provider), poll);
        if (call->found.is_up)
            workers_slots_found(gateway_workers(gateway), provider, call->found.slots,
                                call->found.busy, poll->ours_before);
        workers_health_changed(gateway_workers(gateway), provider);
    }
    snapshot_unref(snapshot);
    capacity_release(call);
    mem_free(poll);
}

static bool is_poll_due(const struct provider *provider, int64_t now_ms)
{
    struct live_provider *live = provider_live(provider);
    if (provider->kind != PROVIDER_GPU || provider->has_workers || provider->is_paused)
        return false;
    int64_t taken = atomic_load_explicit(&live->slots_taken, memory_order_relaxed);
    pthread_mutex_lock(&live->lock);
    bool is_due = now_ms >= live->poll_at_ms;
    if (is_due)
        live->poll_at_ms = now_ms + (taken > 0 ? POLL_TAKEN_MS : POLL_MS);
    pthread_mutex_unlock(&live->lock);
    return is_due;
}

static void start_poll(struct polls *polls, const struct provider *provider)
{
    struct error error = {0};
    struct poll *poll = mem_zalloc(1, sizeof *poll);
    if (!poll)
        return;
    struct secret *key = NULL;
    poll->polls = polls;
    poll->call.on_done = on_poll_done;
    poll->ours_before =
        workers_slots_ours(gateway_workers(polls->admin->options.gateway), provider);
    str_copy(str_of(provider->id), poll->provider_id, sizeof poll->provider_id);
    enum err err = live_key_open(provider_live(provider), polls->admin->options.vault, &key,
                                 &poll->credential_version, &error);
    if (err == OK)
        err = capacity_start(&poll->call, polls->loop, polls->pool, polls->reader,
                             provider->base_url, key ? secret_borrow(key) : STR(""),
                             polls->admin->options.version, &error);
    secret_free(key);
    if (err != OK) {
        capacity_release(&poll->call);
        mem_free(poll);
        return;
    }
    list_push_back(&polls->under_way, &poll->node);
    polls->count++;
}

void polls_look(struct polls *polls, const struct provider *provider, int64_t now_ms)
{
    if (polls->count < POLLS_AT_ONCE && is_poll_due(provider, now_ms))
        start_poll(polls, provider);
}

void polls_init(struct polls *polls, struct admin *admin, struct loop *loop,
                struct client_pool *pool, struct json_reader *reader)
{
    *polls = (struct polls){.admin = admin, .loop = loop, .pool = pool, .reader = reader};
    list_init(&polls->under_way);
}

void polls_end(struct polls *polls)
{
    polls->is_over = true;
    LIST_EACH_SAFE(node, &polls->under_way)
    {
        capacity_cut(&LIST_OWNER(node, struct poll, node)->call);
    }
}
