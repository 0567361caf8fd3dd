/* admin/admin.h: the control plane as main/ sees it: management API, publishing of configuration,
 * probes of providers.
 *
 * Threads: `api-N` run handlers, which may block; `health` is a loop of its own that talks to providers
 * for the control plane. Requests arrive on loop threads through a front (front.h).
 */
#pragma once
#include "domain/plan.h"
#include "gateway/gateway.h"
#include "store/store.h"

struct admin;
struct vault;

struct admin_options {
    struct store *store;
    const struct vault *vault;
    struct gateway *gateway;
    const struct price_table *prices;
    const struct own_address *own;         /* http/origin.h */
    const struct trusted_proxies *proxies; /* http/forwarded.h */
    enum plan plan;
    const char *ca_file, *name_servers; /* NULL: the system's */
    const char *version;                /* "0.1.0" */
};

/** Reads the configuration from the store and publishes it: after the last gateway_loop_add, before any
 *  loop runs. All in `options` outlives the admin. */
MUST_USE enum err admin_new(const struct admin_options *options, struct admin **out_admin,
                            struct error *error);
/** Counts this listener's connections and requests in /metrics. Before the loops run; the listener lives as
 *  long as they do. */
void admin_watch(struct admin *admin, const struct http_listener *listener);
/** When the listener's certificate ends (wall); 0: there is none. Any thread. */
void admin_certificate_ends(struct admin *admin, int64_t ends_at_ms);
/** Starts api and health threads. */
MUST_USE enum err admin_start(struct admin *admin, struct error *error);
struct pool_work;
/** Runs `work` on an api thread; false when none takes it now. `admin` is void for gateway_offload. */
bool admin_submit(void *admin, struct pool_work *work);
/** The same for what hashes a password: fewer threads, a shorter queue. */
bool admin_submit_slow(void *admin, struct pool_work *work);
/** False: nobody can sign in yet, and whoever brings the set-up token becomes the owner. */
bool admin_is_set_up(const struct admin *admin);
/** Ends them: waiting calls get 503. The loops must still run. */
void admin_stop(struct admin *admin);
void admin_free(struct admin *admin); /* NULL is fine */
