/* gateway/feed_gauges.c: the figures of this moment, for the board. Measured once for all who watch.
 *
 * Whoever may see a provider sees these figures of it; those of the whole server are the admins'.
 */
#include "gateway/feed_parts.h"
#include "gateway/request.h"
#include "gateway/workers.h"

static void put_count(struct json_writer *writer, const struct gateway *gateway, const char *name,
                      int counter)
{
    int64_t sum = 0;
    for (int i = 0; i < gateway->loop_count; i++)
        sum += atomic_load_explicit(&gateway->loops[i]->counters[counter], memory_order_relaxed);
    json_put_int(writer, name, sum);
}

static void put_tokens(struct json_writer *writer, const struct gateway *gateway)
{
    int64_t in = 0, out = 0;
    for (int i = 0; i < gateway->loop_count; i++) {
        in += atomic_load_explicit(&gateway->loops[i]->tokens_in, memory_order_relaxed);
        out += atomic_load_explicit(&gateway->loops[i]->tokens_out, memory_order_relaxed);
    }
    json_put_int(writer, "input_tokens", in);
    json_put_int(writer, "output_tokens", out);
}

static void measure_server(struct feed *feed, struct buf *text)
{
    static const struct feed_audience admins = {.reach = FEED_FOR_ADMINS};
    struct gateway *gateway = feed->gateway;
    struct workers_figures workers;
    struct json_writer writer;
    workers_figures(gateway->workers, &workers);
    json_writer_init(&writer, text);
    json_open_object(&writer);
    json_put_int(&writer, "running", gateway_running(gateway));
    json_put_int(&writer, "waiting", workers.waiting);
    json_put_int(&writer, "oldest_wait_ms", workers.oldest_wait_ms);
    json_put_int(&writer, "workers", workers.live + workers.suspect);
    put_count(&writer, gateway, "done", COUNT_DONE);
    put_count(&writer, gateway, "failed", COUNT_FAILED);
    put_count(&writer, gateway, "cancelled", COUNT_CANCELLED);
    put_count(&writer, gateway, "refused", COUNT_REFUSED);
    put_count(&writer, gateway, "attempts", COUNT_ATTEMPTS);
    put_count(&writer, gateway, "failovers", COUNT_FAILOVERS);
    put_tokens(&writer, gateway);
    json_close_object(&writer);
    feed_board_put(&feed->board, &admins, text->failed ? STR("{}") : buf_str(text));
}

/* The names are those of a provider's fields in the management API. */
static void measure_provider(struct feed *feed, const struct provider *provider, int64_t now_ms,
                             struct buf *text)
{
    struct live_provider *live = provider_live(provider);
    struct feed_audience audience = {.reach = FEED_FOR_PROVIDER};
    struct json_writer writer;
    str_copy(str_of(provider->id), audience.of, sizeof audience.of);
    pthread_mutex_lock(&live->lock);
    struct slot_figures slots = live->slot_figures;
    double error_rate = health_error_rate(&live->health);
    int64_t latency_ms = live->latency_ms;
    pthread_mutex_unlock(&live->lock);
    json_writer_init(&writer, text);
    json_open_object(&writer);
    json_put_int(&writer, "in_flight",
                 atomic_load_explicit(&live->in_flight, memory_order_relaxed));
    json_put_int(&writer, "workers", slots.workers);
    json_put_int(&writer, "slots", slots.slots);
    json_put_int(&writer, "busy", slots.busy);
    json_put_int(&writer, "queue_depth", slots.waiting);
    json_put_int(&writer, "oldest_wait_ms",
                 slots.oldest_wait_at_ms ? now_ms - slots.oldest_wait_at_ms : 0);
    json_put_double(&writer, "error_rate", error_rate);
    if (latency_ms > 0)
        json_put_int(&writer, "latency_ms", latency_ms);
    else
        json_put_null(&writer, "latency_ms");
    json_close_object(&writer);
    if (!text->failed)
        feed_board_put(&feed->board, &audience, buf_str(text));
}

/* A store that cannot write refuses requests: whoever looks at this server wants to know at once. */
static void tell_store(struct feed *feed)
{
    bool is_unwritable = !store_is_writable(feed->gateway->options.store);
    if (is_unwritable == feed->was_unwritable)
        return;
    feed->was_unwritable = is_unwritable;
    if (is_unwritable)
        feed_tell_notice(feed, "store_not_writable",
                         "The server cannot record requests at present (is its disk full?), so it "
                         "takes none.");
    else
        feed_tell_notice(feed, "store_writable", "The server records requests again.");
}

/* A little early is fine: the ticks of two loops are never quite in step. */
static bool is_due(struct feed *feed, int64_t now_ms)
{
    if (now_ms - feed->measured_at_ms < FEED_TICK_MS - FEED_TICK_MS / 5)
        return false;
    feed->measured_at_ms = now_ms;
    return true;
}

void feed_measure(struct gateway_loop *gl)
{
    struct feed *feed = gl->gateway->feed;
    const struct snapshot *snapshot = gl->lease->snapshot;
    int64_t now_ms = loop_now_ms(gl->loop);
    AUTO_BUF struct buf text;
    UNSET char room[1024];
    buf_init_in(&text, 4096, room, sizeof room);
    pthread_mutex_lock(&feed->board_lock);
    if (is_due(feed, now_ms)) {
        feed_board_begin(&feed->board);
        measure_server(feed, &text);
        for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
            buf_clear(&text);
            measure_provider(feed, snapshot->routing.providers[i], now_ms, &text);
        }
        feed_board_end(&feed->board);
        tell_store(feed);
    }
    pthread_mutex_unlock(&feed->board_lock);
}
