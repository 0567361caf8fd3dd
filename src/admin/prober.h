/* admin/prober.h: the `health` thread: talks to providers on the control plane's behalf.
 *
 * It reads model lists: when a provider is created or refreshed, again while one is in error, and once
 * a day. A list that comes proves that address and key work. It has its own loop and connections, so
 * that a slow provider delays neither requests nor the management API.
 *
 * What it does not do: probe providers whose money is spent. Only a real request shows whether that is
 * over, and routing sends one when the rest is over (health.h, the trial).
 */
#pragma once
#include "admin/admin.h"
#include "domain/verdict.h"
#include "providers/kinds.h"

struct prober;
struct admin;

/** What a look at a provider's model list found. */
struct discovery {
    bool is_ok;
    struct verdict_report report; /* when not ok */
    struct model_found *models;   /* owned; sorted by id */
    size_t count;
    int64_t latency_ms; /* until the answer's head; -1 none came */
};
void discovery_release(struct discovery *discovery);
/** Did the look fail for want of our own memory? Then it tells nothing about the provider. */
bool discovery_is_void(const struct discovery *discovery);

/** Starts the thread. */
MUST_USE enum err prober_new(struct admin *admin, struct prober **out_prober, struct error *error);
/** Reads the model list, blocking until `deadline_ms` (monotonic) at most. Not from the prober's own
 *  thread, and not under the config lock. `key` may be empty. */
void prober_discover(struct prober *prober, enum provider_kind kind, const char *base_url,
                     struct str key, int64_t deadline_ms, struct discovery *out_discovery);
/** Lets go of everybody who waits and joins the thread. */
void prober_stop(struct prober *prober);
void prober_free(struct prober *prober); /* NULL is fine */
