/* gateway/live_limits.c: see live_limits.h. All or nothing: what is asked for is looked at first, then taken. */
#include "gateway/live_limits.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/clock.h"

#include <assert.h>

#define NOTICE_EVERY_MS 60000
#define NO_LIMIT \
    INT64_MAX /* there was one: it goes on counting, so that corrections find what they correct */

static bool is_limited(const struct limit *limit)
{
    return limit && limit->most != NO_LIMIT;
}

/* ---- its life ---------------------------------------------------------------------------------- */

struct live_limits *live_limits_new(const char *id)
{
    struct live_limits *live = mem_zalloc(1, sizeof *live);
    if (!live)
        return NULL;
    int failed = pthread_mutex_init(&live->lock, NULL);
    assert(!failed);
    (void)failed;
    atomic_init(&live->refs, 1);
    str_copy(str_of(id), live->id, sizeof live->id);
    live->max_concurrent = -1;
    ledger_init(&live->ledger);
    return live;
}

struct live_limits *live_limits_ref(struct live_limits *live)
{
    atomic_fetch_add_explicit(&live->refs, 1, memory_order_relaxed);
    return live;
}

void live_limits_unref(struct live_limits *live)
{
    if (!live || atomic_fetch_sub_explicit(&live->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&live->lock);
    mem_free(live->requests);
    mem_free(live->tokens);
    mem_free(live);
}

/* A limit that is new, changed, or gone. What is counted already stays counted. `*spare` is a fresh one for the first
 * case, and is taken then. */
static void follow(struct limit **limit, struct limit **spare, int64_t most)
{
    if (!*limit && *spare) {
        *limit = TAKE(*spare);
        limit_init(*limit, most);
    } else if (*limit) {
        limit_change(*limit, most < 0 ? NO_LIMIT : most);
    }
}

bool live_limits_follow(struct live_limits *live, const char *name, const struct policy *policy)
{
    AUTO_FREE struct limit *requests = NULL, *tokens = NULL;
    bool needs_requests = policy->requests_per_minute >= 0 && !live->requests;
    bool needs_tokens = policy->tokens_per_minute >= 0 && !live->tokens;
    if (needs_requests)
        requests = mem_alloc(sizeof *requests);
    if (needs_tokens)
        tokens = mem_alloc(sizeof *tokens);
    if ((needs_requests && !requests) || (needs_tokens && !tokens))
        return false;
    pthread_mutex_lock(&live->lock);
    follow(&live->requests, &requests, policy->requests_per_minute);
    follow(&live->tokens, &tokens, policy->tokens_per_minute);
    live->max_concurrent = policy->max_concurrent;
    ledger_change(&live->ledger, policy->budget_microusd_per_month,
                  policy->budget_soft_microusd_per_month);
    str_copy(str_of(name), live->name, sizeof live->name);
    pthread_mutex_unlock(&live->lock);
    return true;
}

void live_limits_load(struct live_limits *live, int64_t wall_ms, int64_t spent_microusd)
{
    pthread_mutex_lock(&live->lock);
    ledger_load(&live->ledger, wall_ms, spent_microusd);
    pthread_mutex_unlock(&live->lock);
}

/* ---- admitting: under the lock ----------------------------------------------------------------- */

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What is counted of the request's tokens: a single one that may become as long as all that is allowed takes it all. */
static int64_t tokens_of(const struct live_limits *live, const struct limits_ask *ask)
{
    return live->tokens ? lesser(ask->tokens, live->tokens->most)
                        : 0; /* NO_LIMIT: the most there is */
}

static bool refuse(struct limits_refusal *out, enum limit_kind kind, int64_t most, int64_t left,
                   int64_t wait_ms)
{
    *out = (struct limits_refusal){kind, most, left, wait_ms};
    return false;
}

/* The rates and the concurrency. False: with what stands in `out`. */
static bool has_room(struct live_limits *live, const struct limits_ask *ask, int64_t now_ms,
                     struct limits_refusal *out)
{
    struct limit *requests = live->requests, *tokens = live->tokens;
    int64_t wait_ms = is_limited(requests) ? limit_wait_ms(requests, 1, now_ms) : 0;
    if (wait_ms != 0)
        return refuse(out, LIMIT_REQUESTS, requests->most, limit_left(requests, now_ms), wait_ms);
    if (is_limited(tokens) && ask->least_tokens > tokens->most)
        return refuse(out, LIMIT_TOKENS, tokens->most, limit_left(tokens, now_ms), LIMIT_NEVER_MS);
    wait_ms = is_limited(tokens) ? limit_wait_ms(tokens, tokens_of(live, ask), now_ms) : 0;
    if (wait_ms != 0)
        return refuse(out, LIMIT_TOKENS, tokens->most, limit_left(tokens, now_ms), wait_ms);
    if (live->max_concurrent >= 0 && live->running >= live->max_concurrent)
        return refuse(out, LIMIT_CONCURRENCY, live->max_concurrent, 0,
                      live->max_concurrent > 0 ? 0 : LIMIT_NEVER_MS);
    return true;
}

static void take(struct live_limits *live, const struct limits_ask *ask, int64_t now_ms,
                 struct limits_hold *hold)
{
    hold->live = live;
    hold->tokens = tokens_of(live, ask);
    hold->counts_request =
        live->requests && limit_take(live->requests, 1, now_ms, &hold->request_bucket);
    hold->counts_tokens =
        live->tokens && limit_take(live->tokens, hold->tokens, now_ms, &hold->token_bucket);
    live->running++;
}

static void tell(struct limit *limit, int64_t now_ms, struct limit_told *told)
{
    if (!is_limited(limit))
        return;
    int64_t left = limit_left(limit, now_ms);
    if (!told->is_there || left < told->left)
        *told = (struct limit_told){true, limit->most, left, limit_reset_ms(limit, now_ms)};
}

static void tell_rates(struct live_limits *live, int64_t now_ms, struct limits_told *told)
{
    tell(live->requests, now_ms, &told->requests);
    tell(live->tokens, now_ms, &told->tokens);
}

bool limits_admit(struct live_limits *live, const struct limits_ask *ask, struct limits_hold *hold,
                  struct limits_told *told, struct limits_refusal *out_refusal)
{
    int64_t left = 0;
    assert(!hold->live);
    pthread_mutex_lock(&live->lock);
    int64_t now_ms = clock_monotonic_ms(); /* under the lock: so it grows with each that comes */
    (void)ledger_expire(&live->ledger, now_ms);
    bool is_in = has_room(live, ask, now_ms, out_refusal);
    if (is_in && !ledger_reserve(&live->ledger, &hold->money, ask->money_microusd,
                                 ask->created_at_ms, ask->expires_at_ms, &left))
        is_in =
            refuse(out_refusal, LIMIT_BUDGET, live->ledger.limit_microusd, left, LIMIT_NEVER_MS);
    if (is_in)
        take(live, ask, now_ms, hold);
    tell_rates(live, now_ms, told);
    pthread_mutex_unlock(&live->lock);
    return is_in;
}

void limits_tell(struct live_limits *live, struct limits_told *told)
{
    pthread_mutex_lock(&live->lock);
    tell_rates(live, clock_monotonic_ms(), told);
    pthread_mutex_unlock(&live->lock);
}

bool limits_money(struct limits_hold *hold, int64_t money_microusd, int64_t *out_left)
{
    struct live_limits *live = hold->live;
    pthread_mutex_lock(&live->lock);
    bool fits = ledger_resize(&live->ledger, &hold->money, money_microusd, out_left);
    if (!fits) /* this much it may have in all */
        *out_left += hold->money.is_open ? hold->money.amount_microusd : 0;
    pthread_mutex_unlock(&live->lock);
    return fits;
}

/* ---- the end ----------------------------------------------------------------------------------- */

/* What the request counted for, to what it really was. */
static void correct(struct limit *limit, bool was_counted, int64_t bucket, int64_t taken,
                    int64_t real, int64_t now_ms)
{
    if (was_counted)
        limit_correct(limit, bucket, taken, real, now_ms);
}

static bool end(struct limits_hold *hold, int64_t requests, int64_t tokens, int64_t cost_microusd)
{
    struct live_limits *live = TAKE(hold->live);
    if (!live)
        return false;
    pthread_mutex_lock(&live->lock);
    int64_t now_ms = clock_monotonic_ms();
    if (requests == 0)
        correct(live->requests, hold->counts_request, hold->request_bucket, 1, 0, now_ms);
    if (tokens >= 0)
        correct(live->tokens, hold->counts_tokens, hold->token_bucket, hold->tokens, tokens,
                now_ms);
    live->running--;
    bool passes_soft = ledger_settle(&live->ledger, &hold->money, cost_microusd);
    pthread_mutex_unlock(&live->lock);
    return passes_soft;
}

void limits_undo(struct limits_hold *hold)
{
    (void)end(hold, 0, 0, 0);
}

bool limits_settle(struct limits_hold *hold, int64_t tokens, int64_t cost_microusd)
{
    return end(hold, 1, tokens, cost_microusd);
}

bool limits_note_refusal(struct live_limits *live, enum limit_kind kind)
{
    pthread_mutex_lock(&live->lock);
    struct limit_notices *notices = &live->notices;
    int64_t now_ms = clock_monotonic_ms();
    notices->refused[kind]++;
    bool is_due =
        notices->told_at_ms[kind] == 0 || now_ms - notices->told_at_ms[kind] >= NOTICE_EVERY_MS;
    if (is_due) {
        notices->told_at_ms[kind] = now_ms;
        notices->due |= 1u << kind;
    }
    pthread_mutex_unlock(&live->lock);
    return is_due;
}

static int64_t used_of(struct limit *limit, int64_t now_ms)
{
    (void)limit_left(limit, now_ms); /* turns it to this moment */
    return limit->used;
}

void live_limits_figures(struct live_limits *live, struct limits_figures *out_figures)
{
    pthread_mutex_lock(&live->lock);
    int64_t now_ms = clock_monotonic_ms();
    const struct ledger_month *month = ledger_now(&live->ledger, clock_wall_ms());
    *out_figures = (struct limits_figures){
        .requests_used = is_limited(live->requests) ? used_of(live->requests, now_ms) : -1,
        .tokens_used = is_limited(live->tokens) ? used_of(live->tokens, now_ms) : -1,
        .running = live->running,
        .spent_microusd = month->spent_microusd,
        .reserved_microusd = month->reserved_microusd,
        .month = month->month,
    };
    pthread_mutex_unlock(&live->lock);
}
