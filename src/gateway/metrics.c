/* gateway/metrics.c: counters as Prometheus text. Labels are bounded: endpoints, status classes, providers by
 * slug (at most PROVIDERS_MAX); never models, keys or users.
 */
#include "gateway/idempotency.h"
#include "gateway/request.h"
#include "gateway/workers.h"
#include "sys/clock.h"

static int64_t total(const struct gateway *gateway, int counter)
{
    int64_t sum = 0;
    for (int i = 0; i < gateway->loop_count; i++)
        sum += atomic_load_explicit(&gateway->loops[i]->counters[counter], memory_order_relaxed);
    return sum;
}

int64_t gateway_strangers(const struct gateway *gateway)
{
    return total(gateway, COUNT_BAD_KEYS);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void simple(struct buf *out, const char *name, const char *type, const char *help,
                   int64_t value)
{
    metric(out, name, type, help);
    buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void by_endpoint(const struct gateway *gateway, struct buf *out)
{
    metric(out, "auxot_requests_total", "counter",
           "Inference requests that ended, by endpoint and status class.");
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        for (int c = 0; c < 6; c++) {
            int64_t sum = 0;
            for (int i = 0; i < gateway->loop_count; i++)
                sum += atomic_load_explicit(&gateway->loops[i]->by_endpoint[e][c],
                                            memory_order_relaxed);
            if (sum > 0)
                buf_printf(out, "auxot_requests_total{endpoint=\"%s\",status=\"%s\"} %lld\n",
                           endpoint_facts((enum endpoint)e)->name,
                           (const char *[]){"none", "1xx", "2xx", "3xx", "4xx", "5xx"}[c],
                           (long long)sum);
        }
    }
}

/* What stands under the live part's lock: slots, busy, queue, up. */
static int64_t live_figure(struct live_provider *live, const struct provider *provider,
                           size_t which, int64_t now_ms)
{
    pthread_mutex_lock(&live->lock);
    struct health_view view = health_look(&live->health, provider->is_paused, now_ms);
    struct slot_figures slots = live->slot_figures;
    pthread_mutex_unlock(&live->lock);
    bool is_up = view.state == STATE_ONLINE || view.state == STATE_DEGRADED || view.may_try;
    bool has_somebody = !provider->has_workers || slots.workers > 0;
    return which == 0   ? slots.slots
           : which == 1 ? slots.busy
           : which == 2 ? slots.waiting
                        : is_up && has_somebody;
}

static void by_provider(struct gateway *gateway, struct buf *out)
{
    struct snapshot *snapshot = gateway_snapshot(gateway);
    if (!snapshot)
        return;
    static const struct {
        const char *name, *type, *help;
    } families[] = {
        {"auxot_provider_attempts_total", "counter", "Attempts at each provider."},
        {"auxot_provider_failures_total", "counter", "Attempts that failed, by provider."},
        {"auxot_provider_in_flight", "gauge", "Attempts under way."},
        {"auxot_provider_slots", "gauge", "Counted slots of each provider; 0: it has no limit."},
        {"auxot_provider_slots_busy", "gauge", "Of those, taken."},
        {"auxot_provider_queue", "gauge",
         "Requests that wait, by the provider they wait for first."},
        {"auxot_provider_up", "gauge", "1 when the provider may be tried now."},
    };
    int64_t now_ms = clock_monotonic_ms();
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        metric(out, families[f].name, families[f].type, families[f].help);
        for (size_t p = 0; p < snapshot->routing.provider_count; p++) {
            const struct provider *provider = snapshot->routing.providers[p];
            struct live_provider *live = provider_live(provider);
            int64_t value = 0;
            if (f == 0)
                value = atomic_load_explicit(&live->attempts, memory_order_relaxed);
            else if (f == 1)
                value = atomic_load_explicit(&live->failures, memory_order_relaxed);
            else if (f == 2)
                value = atomic_load_explicit(&live->in_flight, memory_order_relaxed);
            else
                value = live_figure(live, provider, f - 3, now_ms);
            buf_printf(out, "%s{provider=\"%s\"} %lld\n", families[f].name, provider->slug,
                       (long long)value);
        }
    }
    snapshot_unref(snapshot);
}

static void of_workers(struct gateway *gateway, struct buf *out)
{
    struct workers_figures figures;
    workers_figures(gateway->workers, &figures);
    metric(out, "auxot_workers", "gauge",
           "Workers, by state; away: registered, and given no jobs.");
    buf_printf(out,
               "auxot_workers{state=\"live\"} %lld\nauxot_workers{state=\"suspect\"} %lld\n"
               "auxot_workers{state=\"away\"} %lld\n",
               (long long)figures.live, (long long)figures.suspect, (long long)figures.away);
    simple(out, "auxot_workers_joined_total", "counter", "Registrations of workers.",
           figures.joined);
    simple(out, "auxot_workers_lost_total", "counter", "Workers that were lost without a goodbye.",
           figures.lost);
    simple(out, "auxot_worker_stale_messages_total", "counter",
           "Messages and connections of registrations that are over.", figures.stale_messages);
    simple(out, "auxot_worker_rule_breaks_total", "counter",
           "What workers said or sent that nobody had asked for.", figures.rule_breaks);
    simple(out, "auxot_jobs_not_begun_total", "counter",
           "Jobs that a worker was given and did not begin: given to the next.", figures.not_begun);
    simple(out, "auxot_queue_waiting", "gauge", "Requests that wait for a slot.", figures.waiting);
    simple(out, "auxot_queue_oldest_wait_ms", "gauge", "How long the oldest of them has waited.",
           figures.oldest_wait_ms);
    simple(out, "auxot_queue_full_total", "counter", "Requests refused because too many waited.",
           figures.queue_full);
    simple(out, "auxot_queue_timeouts_total", "counter", "Requests that waited in vain.",
           figures.queue_timeouts);
}

static void of_feed(struct gateway *gateway, struct buf *out)
{
    struct feed_figures figures;
    feed_figures(gateway->feed, &figures);
    simple(out, "auxot_live_clients", "gauge", "Clients of GET /api/live.", figures.watchers);
    simple(out, "auxot_live_frames_total", "counter", "Frames that were told there.",
           figures.frames);
    simple(out, "auxot_live_resets_total", "counter",
           "Clients of it that had missed something, and were told to begin anew.", figures.resets);
}

static void of_otlp(const struct gateway *gateway, struct buf *out)
{
    struct otlp_figures figures;
    otlp_figures(gateway->otlp, &figures);
    simple(out, "auxot_otlp_spans_sent_total", "counter", "Spans that the collector took.",
           figures.sent);
    simple(out, "auxot_otlp_spans_dropped_total", "counter",
           "Spans that it did not take, or that there was no room to keep for it.",
           figures.dropped);
    simple(out, "auxot_otlp_spans_waiting", "gauge", "Spans that wait to be sent.",
           figures.waiting);
}

void gateway_metrics(struct gateway *gateway, struct buf *out)
{
    int64_t tokens_in = 0, tokens_out = 0;
    for (int i = 0; i < gateway->loop_count; i++) {
        tokens_in += atomic_load_explicit(&gateway->loops[i]->tokens_in, memory_order_relaxed);
        tokens_out += atomic_load_explicit(&gateway->loops[i]->tokens_out, memory_order_relaxed);
    }
    by_endpoint(gateway, out);
    simple(out, "auxot_jobs_done_total", "counter", "Jobs that were answered.",
           total(gateway, COUNT_DONE));
    simple(out, "auxot_jobs_failed_total", "counter", "Jobs that failed.",
           total(gateway, COUNT_FAILED));
    simple(out, "auxot_jobs_cancelled_total", "counter", "Jobs whose client left.",
           total(gateway, COUNT_CANCELLED));
    simple(out, "auxot_jobs_refused_total", "counter",
           "Requests of known callers refused before any provider was asked.",
           total(gateway, COUNT_REFUSED));
    struct idempotency_figures repeats;
    idempotency_figures(gateway->idempotency, &repeats);
    simple(out, "auxot_answers_replayed_total", "counter",
           "Repeated requests that got the answer of the first.", total(gateway, COUNT_REPLAYED));
    simple(out, "auxot_idempotency_keys", "gauge", "Idempotency-Keys that are remembered.",
           repeats.names);
    simple(out, "auxot_idempotency_answers_bytes", "gauge", "Answers kept for repetitions.",
           repeats.answers_bytes);
    simple(out, "auxot_attempts_total", "counter", "Attempts at providers.",
           total(gateway, COUNT_ATTEMPTS));
    simple(out, "auxot_failovers_total", "counter", "Attempts after a first one failed.",
           total(gateway, COUNT_FAILOVERS));
    simple(out, "auxot_bad_keys_total", "counter", "Requests without a good API key.",
           gateway_strangers(gateway));
    simple(out, "auxot_input_tokens_total", "counter", "Prompt tokens, as providers reported them.",
           tokens_in);
    simple(out, "auxot_output_tokens_total", "counter", "Answer tokens, reported or estimated.",
           tokens_out);
    simple(out, "auxot_requests_running", "gauge", "Inference requests in flight.",
           gateway_running(gateway));
    simple(out, "auxot_held_body_bytes", "gauge", "Request bodies held in memory.",
           body_budget_used());
    of_feed(gateway, out);
    of_otlp(gateway, out);
    by_provider(gateway, out);
    of_workers(gateway, out);
}
