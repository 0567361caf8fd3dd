/* gateway/live.h: the long-lived part of a provider: what outlives any one configuration.
 *
 * A snapshot's provider points to one of these; it is ref-counted, and shared by all threads under its
 * own lock. Health, the sealed key, counters.
 */
#pragma once
#include "domain/health.h"
#include "domain/provider.h"
#include "sys/secret.h"
#include <pthread.h>
#include <stdatomic.h>

struct live_provider {
    pthread_mutex_t lock;   /* guards all below that is not atomic; never held across I/O */
    atomic_int      refs;
    char            id[32];
    struct health   health;
    struct secret  *key;    /* NULL: none; replaced whole under the lock */
    int64_t         credential_version;
    bool            is_deleted;
    bool            drops_usage_option; /* it refused stream_options once: do not ask again */
    _Atomic int64_t attempts, failures, in_flight; /* for metrics and load */
    int64_t         latency_ms;     /* smoothed time to first byte */
    int64_t         heartbeat_at_ms; /* wall: the last answer of any kind */
    int64_t         probe_at_ms;    /* monotonic: when the health thread may look again */
    int64_t         models_at_ms;   /* wall: the last model list; 0: none yet */
};

struct live_provider *live_new(const char *id);
struct live_provider *live_ref(struct live_provider *live);
void                  live_unref(struct live_provider *live);
