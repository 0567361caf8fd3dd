/* gateway/limits_notice.c: refusals and passed budgets as events: at most one a minute of each kind and team, with how
 * many there were. A loop only notes them; an api thread writes them down.
 */
#include "gateway/request.h"

#include "base/log.h"
#include "json/json_writer.h"
#include "sys/clock.h"
#include "sys/random.h"

static const char *const kinds[LIMIT_KIND_COUNT] = {
    [LIMIT_REQUESTS] = "requests_per_minute",
    [LIMIT_TOKENS] = "tokens_per_minute",
    [LIMIT_CONCURRENCY] = "max_concurrent",
    [LIMIT_BUDGET] = "budget_microusd_per_month",
    [LIMIT_POLICY] = "policy",
};

static void add_event(struct live_limits *live, struct store *store, const char *action,
                      struct str after)
{
    uint8_t random[10];
    struct error error = {0};
    struct event_row event = {.at_ms = clock_wall_ms(), .after_json = after.at};
    random_fill(random, sizeof random);
    id_make("evt_", event.at_ms, random, event.id);
    str_copy(STR("limits"), event.actor, sizeof event.actor);
    str_copy(str_of(action), event.action, sizeof event.action);
    str_copy(str_of(live->id), event.subject, sizeof event.subject);
    if (store_event_add(store, &event, &error) != OK)
        log_warn("event_lost", "action=%s why=\"%s\"", action, error.text);
}

static void add_refused(struct live_limits *live, struct store *store, enum limit_kind kind,
                        int64_t count)
{
    AUTO_BUF struct buf after;
    struct json_writer writer;
    buf_init(&after, 512);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    json_put_text(&writer, "limit", kinds[kind]);
    json_put_int(&writer, "refused", count);
    json_close_object(&writer);
    buf_putc(&after, '\0');
    if (!after.failed)
        add_event(live, store, kind == LIMIT_POLICY ? "policy.refused" : "limit.refused",
                  buf_str(&after));
}

static void add_soft(struct live_limits *live, struct store *store,
                     const struct limits_figures *figures)
{
    AUTO_BUF struct buf after;
    struct json_writer writer;
    buf_init(&after, 512);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    json_put_int(&writer, "spent_microusd", figures->spent_microusd);
    json_close_object(&writer);
    buf_putc(&after, '\0');
    if (!after.failed)
        add_event(live, store, "budget.soft_passed", buf_str(&after));
}

/* What is due now, taken out; the next post may follow at once, from any loop. */
static struct limit_notices take_due(struct live_limits *live, struct store **out_store)
{
    pthread_mutex_lock(&live->lock);
    *out_store = live->notice_store;
    struct limit_notices due = live->notices;
    for (int kind = 0; kind < LIMIT_KIND_COUNT; kind++)
        if (due.due & 1u << kind)
            live->notices.refused[kind] = 0;
    live->notices.due = 0;
    live->notices.is_soft_due = live->notices.is_out = false;
    pthread_mutex_unlock(&live->lock);
    return due;
}

static void on_work(struct pool_work *work, struct json_reader *reader, bool is_stopping)
{
    (void)reader;
    struct live_limits *live = LIST_OWNER(work, struct live_limits, notice_work);
    struct store *store = NULL;
    struct limit_notices due = take_due(live, &store);
    struct limits_figures figures;
    live_limits_figures(live, &figures);
    for (int kind = 0; kind < LIMIT_KIND_COUNT && !is_stopping; kind++)
        if (due.due & 1u << kind)
            add_refused(live, store, (enum limit_kind)kind, due.refused[kind]);
    if (due.is_soft_due && !is_stopping)
        add_soft(live, store, &figures);
    live_limits_unref(live);
}

void limits_note_soft(struct live_limits *live)
{
    pthread_mutex_lock(&live->lock);
    live->notices.is_soft_due = true;
    pthread_mutex_unlock(&live->lock);
}

void limits_post_notices(struct gateway *gateway, struct live_limits *live)
{
    pthread_mutex_lock(&live->lock);
    bool is_ours = gateway->offload && !live->notices.is_out;
    live->notices.is_out |= is_ours;
    if (is_ours) {
        live->notice_work.run = on_work;
        live->notice_store = gateway->options.store;
    }
    pthread_mutex_unlock(&live->lock);
    if (!is_ours)
        return;
    live_limits_ref(live);
    if (gateway->offload(gateway->offload_arg, &live->notice_work))
        return;
    pthread_mutex_lock(&live->lock); /* the threads are busy: with the next one, then */
    live->notices.is_out = false;
    pthread_mutex_unlock(&live->lock);
    live_limits_unref(live);
}
