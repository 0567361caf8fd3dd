/* gateway/workers_state.c: one worker's state: what is known of it, and what the dispatcher and the record hear of it. */
#include "gateway/workers_parts.h"

#include "base/log.h"
#include "sys/clock.h"

#include <assert.h>

#define BREAKS_TO_BAR 3
#define BREAKS_WITHIN 60000
#define BARRED_MS     60000
#define QUOTA_MAX_MS  (INT64_C(8) * 24 * 3600 * 1000)

void worker_hold(struct worker *worker)
{
    worker->refs++;
}

void worker_drop(struct worker *worker)
{
    if (--worker->refs > 0)
        return;
    live_unref(worker->live);
    mem_free(worker->models);
    mem_free(worker);
}

void worker_unref(struct workers *workers, struct worker *worker)
{
    pthread_mutex_lock(&workers->lock);
    worker_drop(worker);
    pthread_mutex_unlock(&workers->lock);
}

/* ---- news -------------------------------------------------------------------------------------- */

void workers_tell(struct workers *workers)
{
    if (workers->on_news)
        workers->on_news(workers->on_news_arg);
}

void worker_news_put(struct worker *worker, const char *action, const char *why)
{
    struct workers *workers = worker->workers;
    workers->figures.lost += strcmp(action, "worker.lost") == 0;
    if (workers->news_count == NEWS_MAX) {
        workers->news_first = (workers->news_first + 1) % NEWS_MAX;
        workers->news_count--;
    }
    struct worker_news *news =
        &workers->news[(workers->news_first + workers->news_count++) % NEWS_MAX];
    *news = (struct worker_news){.action = action, .why = why, .at_ms = clock_wall_ms()};
    str_copy(str_of(worker->id), news->worker_id, sizeof news->worker_id);
    str_copy(str_of(worker->provider_id), news->provider_id, sizeof news->provider_id);
    str_copy(str_of(worker->name), news->name, sizeof news->name);
    log_info("worker", "what=%s worker=%s provider=%s why=%s", action, worker->id,
             worker->provider_id, why ? why : "-");
    workers_tell(workers);
}

bool workers_take_news(struct workers *workers, struct worker_news *out_news)
{
    pthread_mutex_lock(&workers->lock);
    bool has_news = workers->news_count > 0;
    if (has_news) {
        *out_news = workers->news[workers->news_first];
        workers->news_first = (workers->news_first + 1) % NEWS_MAX;
        workers->news_count--;
    }
    pthread_mutex_unlock(&workers->lock);
    return has_news;
}

void workers_on_news(struct workers *workers, void (*on_news)(void *arg), void *arg)
{
    pthread_mutex_lock(&workers->lock);
    workers->on_news = on_news;
    workers->on_news_arg = arg;
    pthread_mutex_unlock(&workers->lock);
}

/* ---- one worker's state ------------------------------------------------------------------------ */

struct pool_entry *worker_pool(struct worker *worker)
{
    return worker->live->pool;
}

void worker_make_old(struct worker *worker)
{
    struct pool_entry *pool = worker_pool(worker);
    if (pool)
        pool->are_figures_old = pool->are_models_old = true;
}

void worker_tell_lot(struct worker *worker)
{
    if (worker->is_news_posted || !worker->workers->lot)
        return;
    worker->is_news_posted = true;
    worker_hold(worker);
    worker->news.run = lot_look_at_worker;
    loop_post(lot_loop(worker->workers->lot), &worker->news);
}

static enum worker_state reckon(const struct worker *worker, int64_t now_ms)
{
    int64_t late_ms = worker->workers->options.heartbeat_ms * HEARTBEATS_LATE;
    if (!worker->slots)
        return WORKER_DEAD;
    if (worker->is_leaving)
        return WORKER_LEAVING;
    if (worker->away_since_ms > 0)
        return WORKER_AWAY;
    if (worker->barred_until_ms > now_ms)
        return WORKER_BARRED;
    if (worker->quota_until_ms > clock_wall_ms())
        return WORKER_QUOTA;
    bool is_late = now_ms - worker->heard_ms > late_ms;
    return is_late || worker->is_doubted ? WORKER_SUSPECT : WORKER_LIVE;
}

/* ---- the log of transitions ---------------------------------------------------------------------- */

const char *worker_state_why(const struct worker *worker)
{
    static const char *const reasons[] = {"heard",          "heartbeat_late", "control_closed",
                                          "window_used_up", "barred",         "goodbye",
                                          "silent"};
    static_assert(sizeof reasons / sizeof reasons[0] == WORKER_STATE_COUNT, "one reason per state");
    if (worker->state_why)
        return worker->state_why;
    return worker->state == WORKER_SUSPECT && worker->is_doubted ? "silent_over_a_job"
                                                                 : reasons[worker->state];
}

void worker_note_state(struct worker *worker)
{
    struct transitions *log = worker->workers->options.transitions;
    int64_t page = transitions_page(log); /* notes that are lost from here on turn it */
    bool is_noted = worker->noted_page == page;
    if (is_noted && worker->noted_state == worker->state)
        return;
    if (worker->noted_page < 0 || worker->noted_state != worker->state)
        worker->state_at_ms = clock_wall_ms();
    struct transition transition = {.at_ms = clock_wall_ms()};
    transition_set(&transition, TRANSITION_WORKER, worker->id,
                   is_noted ? worker_state_name(worker->noted_state) : "",
                   worker_state_name(worker->state), worker_state_why(worker));
    str_copy(str_of(worker->provider_id), transition.owner, sizeof transition.owner);
    str_copy(str_of(worker->name), transition.name, sizeof transition.name);
    transitions_note(log, &transition);
    worker->noted_state = worker->state;
    worker->noted_page = page;
}

void workers_note_all(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    LIST_EACH(node, &workers->all)
    {
        worker_note_state(LIST_OWNER(node, struct worker, node));
    }
    pthread_mutex_unlock(&workers->lock);
}

void worker_reckon(struct worker *worker, int64_t now_ms)
{
    enum worker_state state = reckon(worker, now_ms);
    if (state == worker->state)
        return;
    worker->state = state;
    if (state != WORKER_BARRED && state != WORKER_DEAD)
        worker->state_why = NULL;
    worker_note_state(worker);
    worker_make_old(worker);
    if (worker->slots)
        dispatch_worker_set(worker->workers->dispatch, worker->slots,
                            state == WORKER_LIVE      ? DISPATCH_LIVE
                            : state == WORKER_SUSPECT ? DISPATCH_SUSPECT
                                                      : DISPATCH_AWAY,
                            now_ms);
}

void worker_die(struct worker *worker, const char *news, const char *why, const char *sentence,
                int64_t now_ms)
{
    if (!worker->slots)
        return;
    dispatch_worker_remove(worker->workers->dispatch, TAKE(worker->slots), now_ms);
    worker->end_reason = sentence;
    worker->died_ms = now_ms;
    worker->state_why = worker->is_leaving ? "left" : why;
    worker_reckon(worker, now_ms);
    if (news)
        worker_news_put(worker, news, why);
    worker_tell_lot(worker);
}

void worker_control_closed(struct worker *worker, int64_t epoch, int64_t now_ms)
{
    if (!worker->slots || worker->epoch != epoch)
        return;
    worker->away_since_ms = now_ms;
    if (!worker->is_leaving)
        worker_news_put(worker, "worker.lost", "control_closed");
    worker_reckon(worker, now_ms);
    workers_rearm(worker->workers);
}

void worker_control_opened(struct worker *worker, int64_t now_ms)
{
    bool was_away = worker->away_since_ms > 0;
    worker->away_since_ms = 0;
    worker->is_doubted = false;
    worker->heard_ms = now_ms;
    worker->heard_at_ms = clock_wall_ms();
    if (was_away)
        worker_news_put(worker, "worker.returned", NULL);
    worker_reckon(worker, now_ms);
    workers_rearm(worker->workers);
}

void worker_note_rule_break(struct worker *worker, const char *what, int64_t now_ms)
{
    worker->workers->figures.rule_breaks++;
    log_warn("worker_broke_rule", "worker=%s provider=%s what=\"%s\"", worker->id,
             worker->provider_id, what);
    if (now_ms - worker->rule_break_at_ms > BREAKS_WITHIN)
        worker->rule_breaks = 0;
    worker->rule_break_at_ms = now_ms;
    if (++worker->rule_breaks < BREAKS_TO_BAR)
        return;
    worker->rule_breaks = 0;
    worker_bar(worker, "broke_rules", BARRED_MS, now_ms);
}

void worker_bar(struct worker *worker, const char *why, int64_t rest_ms, int64_t now_ms)
{
    worker->barred_until_ms = now_ms + rest_ms;
    worker->state_why = why;
    worker_reckon(worker, now_ms);
    if (worker->state == WORKER_BARRED)
        worker_news_put(worker, "worker.barred", why);
    workers_rearm(worker->workers);
}

void worker_note_quota(struct worker *worker, int64_t until_ms, int64_t now_ms)
{
    int64_t latest_ms = clock_wall_ms() + QUOTA_MAX_MS;
    worker->quota_until_ms = until_ms < latest_ms ? until_ms : latest_ms;
    worker_reckon(worker, now_ms);
    workers_rearm(worker->workers);
}
