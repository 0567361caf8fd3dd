/* admin/admin.c: the control plane's parts, and how a change of configuration comes into force. */
#include "admin/admin.h"

#include "admin/api.h"
#include "admin/authority.h"
#include "admin/live.h"
#include "sys/pool.h"
#include "admin/prober.h"
#include "admin/spent.h"
#include "admin/state.h"
#include "base/log.h"
#include "sys/clock.h"

#include <assert.h>
#include <time.h>

#define PUBLISH_TRIES    3
#define PUBLISH_PAUSE_MS 20
#define SEEN_AT_ONCE     256

static void write_uses(struct admin *admin, const struct snapshot *snapshot)
{
    struct error error = {0};
    struct key_use *uses = NULL;
    size_t count = 0;
    if (snapshot_gather_uses(snapshot, &uses, &count) == OK && count > 0 &&
        store_keys_used(admin->options.store, uses, count, &error) != OK)
        log_warn("key_uses_not_written", "keys=%zu why=\"%s\"", count, error.text);
    mem_free(uses);
}

static enum err publish(struct admin *admin, struct error *error)
{
    struct store_config config = {0};
    struct snapshot *snapshot = NULL;
    enum err err = store_config_load(admin->options.store, &config, error);
    bool is_set_up = config.is_set_up;
    if (err == OK) {
        err = snapshot_build(&config, admin->options.vault, admin->registry, admin->options.prices,
                             &snapshot, error);
        store_config_release(&config);
    }
    if (err != OK)
        return err;
    err = spent_load_for(admin, snapshot, error);
    if (err != OK) {
        snapshot_unref(snapshot);
        return err;
    }
    struct snapshot *before = gateway_snapshot(admin->options.gateway);
    int64_t version = snapshot->version;
    err = gateway_publish(admin->options.gateway, snapshot, error); /* takes it */
    if (before && err == OK && before->version != version)
        live_tell_config(admin, version);
    if (before && err == OK)
        write_uses(admin, before); /* no loop notes anything there any more */
    snapshot_unref(before);
    if (err == OK && is_set_up)
        atomic_store(&admin->is_set_up, true);
    return err;
}

/* What is published is on record already, so want of memory, which passes, is waited for a little. */
enum err admin_publish(struct admin *admin, struct error *error)
{
    const struct timespec pause = {.tv_nsec = PUBLISH_PAUSE_MS * 1000000};
    if (!admin->options.gateway)
        return OK; /* a command, where no server runs */
    enum err err = publish(admin, error);
    for (int i = 1; err == ERR_NO_MEMORY && i < PUBLISH_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        err = publish(admin, error);
    }
    admin->is_behind = err != OK;
    return err;
}

void admin_catch_up(struct admin *admin)
{
    struct error error = {0};
    if (pthread_mutex_trylock(&admin->config_lock) != 0)
        return; /* whoever has it publishes */
    if (admin->is_behind && admin_publish(admin, &error) == OK)
        log_info("configuration_published", "late=true");
    pthread_mutex_unlock(&admin->config_lock);
}

/* When sessions were last used, for the next life. */
void admin_note_seen(struct admin *admin)
{
    struct session_seen seen[SEEN_AT_ONCE];
    struct error error = {0};
    int count = sessions_take_seen(gateway_sessions(admin->options.gateway), seen, SEEN_AT_ONCE);
    if (count > 0 && store_sessions_seen(admin->options.store, seen, (size_t)count, &error) != OK)
        log_warn("sessions_not_noted", "why=\"%s\"", error.text);
}

/* The end of a key or a session is no write: whoever came with it is looked at again when it comes. */
static void cut_ended(struct admin *admin, const struct snapshot *snapshot)
{
    int64_t now_ms = clock_wall_ms();
    if (admin->recheck_version == snapshot->version && now_ms < admin->recheck_at_ms)
        return;
    gateway_recheck(admin->options.gateway);
    int64_t key_ms = snapshot_next_end(snapshot, now_ms);
    int64_t session_ms = sessions_next_end(gateway_sessions(admin->options.gateway), now_ms);
    admin->recheck_at_ms = key_ms < session_ms ? key_ms : session_ms;
    admin->recheck_version = snapshot->version;
}

void admin_watch_keys(struct admin *admin)
{
    if (pthread_mutex_trylock(&admin->config_lock) != 0)
        return; /* in a second again */
    struct snapshot *snapshot = gateway_snapshot(admin->options.gateway);
    cut_ended(admin, snapshot);
    write_uses(admin, snapshot);
    snapshot_unref(snapshot);
    pthread_mutex_unlock(&admin->config_lock);
}

bool change_begin(struct change *change, struct admin *admin, struct api_call *call)
{
    struct error error = {0};
    *change = (struct change){.admin = admin, .call = call};
    pthread_mutex_lock(&admin->config_lock);
    enum err err = store_config_load(admin->options.store, &change->config, &error);
    if (err != OK && call)
        api_fail_error(call, &error);
    if (err == OK &&
        (!call || authority_look(call, &change->config, gateway_sessions(admin->options.gateway),
                                 clock_wall_ms())))
        return true;
    change_drop(change);
    return false;
}

void change_drop(struct change *change)
{
    pthread_mutex_unlock(&change->admin->config_lock);
    store_config_release(&change->config);
}

bool change_end(struct change *change, enum err err, struct error *error)
{
    if (err == OK)
        err = admin_publish(change->admin, error);
    change_drop(change);
    if (err != OK && change->call)
        api_fail_error(change->call, error);
    bool is_callers = err == ERR_CONFLICT || err == ERR_NOT_FOUND || err == ERR_MALFORMED;
    if (err != OK && !is_callers)
        log_warn("change_failed", "why=\"%s\"", error->text);
    return err == OK;
}

static enum err on_session(void *sessions, const struct session_row *row)
{
    return sessions_put(sessions, row);
}

enum err admin_new(const struct admin_options *options, struct admin **out_admin,
                   struct error *error)
{
    struct admin *admin = mem_zalloc(1, sizeof *admin);
    if (!admin)
        return error_set(error, ERR_NO_MEMORY, "no memory for the control plane");
    admin->options = *options;
    pthread_mutex_init(&admin->config_lock, NULL);
    pthread_mutex_init(&admin->pool_lock, NULL);
    people_init(&admin->people);
    refusals_init(&admin->refusals);
    recent_use_init(&admin->recent_use);
    admin->registry = live_registry_new();
    if (admin->registry)
        live_registry_note_to(admin->registry, store_transitions(options->store));
    enum err err = admin->registry ? admin_publish(admin, error)
                                   : error_set(error, ERR_NO_MEMORY, "no memory for the providers");
    if (err == OK)
        err = store_sessions_each(options->store, on_session, gateway_sessions(options->gateway),
                                  error);
    if (err != OK) {
        admin_free(admin);
        return err;
    }
    admin->started_at_ms = clock_wall_ms();
    live_begin(admin);
    *out_admin = admin;
    return OK;
}

void admin_watch(struct admin *admin, const struct http_listener *listener)
{
    assert(admin->listener_count < LISTENERS_MAX);
    admin->listeners[admin->listener_count++] = listener;
}

enum err admin_start(struct admin *admin, struct error *error)
{
    enum err err = prober_new(admin, &admin->prober, error);
    if (err != OK)
        return err;
    const struct pool_options of_hashes = {
        .name = "hash", .threads = HASH_THREADS, .queue_max = HASH_QUEUE_MAX};
    struct pool *pool = NULL, *hash_pool = NULL;
    err = pool_new(&POOL_OF_API, &pool, error);
    if (err == OK)
        err = pool_new(&of_hashes, &hash_pool, error);
    pthread_mutex_lock(&admin->pool_lock);
    admin->pool = pool;
    admin->hash_pool = hash_pool;
    pthread_mutex_unlock(&admin->pool_lock);
    return err;
}

/* The prober goes first: it lets go of handlers that wait for a provider. */
bool admin_submit(void *arg, struct pool_work *work)
{
    struct admin *admin = arg;
    pthread_mutex_lock(&admin->pool_lock);
    bool is_taken = admin->pool && pool_submit(admin->pool, work);
    pthread_mutex_unlock(&admin->pool_lock);
    return is_taken;
}

bool admin_submit_slow(void *arg, struct pool_work *work)
{
    struct admin *admin = arg;
    pthread_mutex_lock(&admin->pool_lock);
    bool is_taken = admin->hash_pool && pool_submit(admin->hash_pool, work);
    pthread_mutex_unlock(&admin->pool_lock);
    return is_taken;
}

void admin_certificate_ends(struct admin *admin, int64_t ends_at_ms)
{
    atomic_store(&admin->certificate_ends_ms, ends_at_ms);
}

bool admin_is_set_up(const struct admin *admin)
{
    return atomic_load(&admin->is_set_up);
}

void admin_stop(struct admin *admin)
{
    live_end(admin);
    if (admin->prober)
        prober_stop(admin->prober);
    pthread_mutex_lock(&admin->pool_lock);
    struct pool *pool = admin->pool, *hash_pool = admin->hash_pool;
    admin->pool = admin->hash_pool = NULL;
    pthread_mutex_unlock(&admin->pool_lock);
    pool_free(pool);
    pool_free(hash_pool);
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    prober_free(admin->prober);
    live_registry_free(admin->registry);
    people_release(&admin->people);
    refusals_release(&admin->refusals);
    recent_use_release(&admin->recent_use);
    pthread_mutex_destroy(&admin->config_lock);
    pthread_mutex_destroy(&admin->pool_lock);
    mem_free(admin);
}
