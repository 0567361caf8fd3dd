/* admin/admin.c: the control plane's parts, and how a change of configuration comes into force. */
#include "admin/admin.h"

#include "admin/api.h"
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

static enum err publish(struct admin *admin, struct error *error)
{
    struct store_config config = {0};
    struct snapshot *snapshot = NULL;
    enum err err = store_config_load(admin->options.store, &config, error);
    if (err == OK) {
        err = snapshot_build(&config, admin->options.vault, admin->registry, admin->options.prices,
                             &snapshot, error);
        store_config_release(&config);
    }
    if (err != OK)
        return err;
    err = spent_load_for(admin, snapshot, error);
    if (err == OK)
        return gateway_publish(admin->options.gateway, snapshot, error);
    snapshot_unref(snapshot);
    return err;
}

/* What is published is on record already, so want of memory, which passes, is waited for a little. */
enum err admin_publish(struct admin *admin, struct error *error)
{
    const struct timespec pause = {.tv_nsec = PUBLISH_PAUSE_MS * 1000000};
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

bool change_begin(struct change *change, struct admin *admin, struct api_call *call)
{
    struct error error = {0};
    *change = (struct change){.admin = admin, .call = call};
    pthread_mutex_lock(&admin->config_lock);
    if (store_config_load(admin->options.store, &change->config, &error) == OK)
        return true;
    pthread_mutex_unlock(&admin->config_lock);
    if (call)
        api_fail_error(call, &error);
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

enum err admin_new(const struct admin_options *options, struct admin **out_admin,
                   struct error *error)
{
    struct admin *admin = mem_zalloc(1, sizeof *admin);
    if (!admin)
        return error_set(error, ERR_NO_MEMORY, "no memory for the control plane");
    admin->options = *options;
    pthread_mutex_init(&admin->config_lock, NULL);
    pthread_mutex_init(&admin->pool_lock, NULL);
    admin->registry = live_registry_new();
    enum err err = admin->registry ? admin_publish(admin, error)
                                   : error_set(error, ERR_NO_MEMORY, "no memory for the providers");
    if (err != OK) {
        admin_free(admin);
        return err;
    }
    admin->started_at_ms = clock_wall_ms();
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
    struct pool *pool = NULL;
    err = pool_new(&pool, error);
    pthread_mutex_lock(&admin->pool_lock);
    admin->pool = pool;
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

void admin_stop(struct admin *admin)
{
    if (admin->prober)
        prober_stop(admin->prober);
    pthread_mutex_lock(&admin->pool_lock);
    struct pool *pool = admin->pool;
    admin->pool = NULL;
    pthread_mutex_unlock(&admin->pool_lock);
    pool_free(pool);
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    prober_free(admin->prober);
    live_registry_free(admin->registry);
    pthread_mutex_destroy(&admin->config_lock);
    pthread_mutex_destroy(&admin->pool_lock);
    mem_free(admin);
}
