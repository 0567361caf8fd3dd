/* admin/recent_use.c: see recent_use.h. */
#include "admin/recent_use.h"

#include "base/log.h"

#define DAYS    7
#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

void recent_use_init(struct recent_use *recent)
{
    *recent = (struct recent_use){0};
    pthread_mutex_init(&recent->lock, NULL);
}

void recent_use_release(struct recent_use *recent)
{
    pthread_mutex_destroy(&recent->lock);
}

struct days {
    int64_t today_at_ms, today, before;
    int days_before; /* with requests */
};

static void on_day(void *arg, const struct usage_item *item)
{
    struct days *days = arg;
    if (item->at_ms >= days->today_at_ms)
        days->today += item->sums.cost_microusd;
    else
        days->before += item->sums.cost_microusd;
    days->days_before += item->at_ms < days->today_at_ms && item->sums.jobs > 0;
}

static void on_nothing(void *arg, const struct usage_item *item)
{
    (void)arg;
    (void)item;
}

/* By source, so that a day is one item, or few. */
static enum err days_read(struct store *store, int64_t wall_ms, struct recent_figures *figures,
                          struct error *error)
{
    struct days days = {.today_at_ms = wall_ms / DAY_MS * DAY_MS};
    struct usage_item totals;
    char next[96];
    struct usage_query query = {.group_by = USAGE_source,
                                .bucket = USAGE_BY_DAY,
                                .since_ms = days.today_at_ms - DAYS * DAY_MS,
                                .until_ms = wall_ms + 1,
                                .limit = USAGE_PAGE_MAX};
    enum err err = store_usage(store, &query, on_day, &days, &totals, next, error);
    figures->today_microusd = days.today;
    figures->usual_microusd = days.days_before > 0 ? days.before / days.days_before : -1;
    return err;
}

static enum err hour_read(struct store *store, int64_t wall_ms, struct recent_figures *figures,
                          struct error *error)
{
    struct usage_item totals = {.at_ms = 0};
    char next[96];
    struct usage_query query = {.group_by = USAGE_source,
                                .bucket = USAGE_IN_ONE,
                                .since_ms = wall_ms - HOUR_MS,
                                .until_ms = wall_ms + 1,
                                .limit = USAGE_PAGE_MAX};
    enum err err = store_usage(store, &query, on_nothing, NULL, &totals, next, error);
    figures->hour = totals.sums;
    figures->hour.unknown_cost_jobs -=
        totals.local.unknown_cost_jobs; /* nothing is paid there by the token */
    return err;
}

static void read_anew(struct recent_use *recent, struct store *store, int64_t wall_ms,
                      int64_t mono_ms)
{
    struct error error = {0};
    enum err err = days_read(store, wall_ms, &recent->figures, &error);
    if (err == OK)
        err = hour_read(store, wall_ms, &recent->figures, &error);
    recent->is_known = err == OK;
    recent->read_at_ms = mono_ms;
    if (err != OK)
        log_debug("summary_without", "what=spend why=\"%s\"", error.text);
}

bool recent_use_look(struct recent_use *recent, struct store *store, int64_t wall_ms,
                     int64_t mono_ms, struct recent_figures *out_figures)
{
    pthread_mutex_lock(&recent->lock);
    if (!recent->is_known || mono_ms >= recent->read_at_ms + RECENT_USE_KEEP_MS)
        read_anew(recent, store, wall_ms, mono_ms);
    bool is_known = recent->is_known;
    if (is_known)
        *out_figures = recent->figures;
    pthread_mutex_unlock(&recent->lock);
    return is_known;
}
