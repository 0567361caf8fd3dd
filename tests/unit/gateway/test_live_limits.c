/* tests/unit/gateway/test_live_limits.c: limits that many threads count on are exact; they outlive configurations. */
#include "gateway/live_limits.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "tests/test.h"

#define THREADS 8
#define TRIES   400
#define ROUNDS  30

static struct policy policy_of(int64_t requests, int64_t tokens, int64_t concurrent, int64_t budget)
{
    struct policy policy = policy_none();
    policy.requests_per_minute = requests;
    policy.tokens_per_minute = tokens;
    policy.max_concurrent = concurrent;
    policy.budget_microusd_per_month = budget;
    return policy;
}

static bool admit(struct live_limits *live, const struct limits_ask *ask, struct limits_hold *hold,
                  struct limits_refusal *out_refusal)
{
    struct limits_told told = {0};
    return limits_admit(live, ask, hold, &told, out_refusal);
}

static struct live_limits *live_of(struct policy policy)
{
    struct live_limits *live = live_limits_new("tea_1");
    CHECK("made", live && live_limits_follow(live, "Research", &policy));
    return live;
}

static struct limits_ask ask_for(int64_t tokens, int64_t money)
{
    return (struct limits_ask){.tokens = tokens,
                               .money_microusd = money,
                               .created_at_ms = clock_wall_ms(),
                               .expires_at_ms = clock_monotonic_ms() + 3600000};
}

/* ---- stories ----------------------------------------------------------------------------------- */

static void each_limit_refuses_by_its_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        int64_t requests, tokens, concurrent, budget;
        int64_t least, asks, money;
        enum limit_kind kind;
        bool is_hopeless;
    } stories[] = {
        {"requests", 1, -1, -1, -1, 0, 10, 5, LIMIT_REQUESTS, false},
        {"tokens", -1, 15, -1, -1, 0, 10, 5, LIMIT_TOKENS, false},
        {"concurrency", -1, -1, 1, -1, 0, 10, 5, LIMIT_CONCURRENCY, false},
        {"the budget", -1, -1, -1, 9, 0, 10, 5, LIMIT_BUDGET, true},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct live_limits *live = live_of(policy_of(stories[i].requests, stories[i].tokens,
                                                     stories[i].concurrent, stories[i].budget));
        struct limits_ask ask = ask_for(stories[i].asks, stories[i].money);
        struct limits_hold first = {0}, second = {0};
        struct limits_refusal refusal;
        CHECK(stories[i].name, admit(live, &ask, &first, &refusal));
        CHECK(stories[i].name, !admit(live, &ask, &second, &refusal));
        CHECK_INT(stories[i].name, refusal.kind, stories[i].kind);
        CHECK_INT(stories[i].name, refusal.wait_ms == LIMIT_NEVER_MS, stories[i].is_hopeless);
        limits_undo(&first);
        CHECK(stories[i].name, admit(live, &ask, &second, &refusal));
        (void)limits_settle(&second, 0, 0);
        live_limits_unref(live);
    }
}

static void a_single_request_may_take_all_tokens_but_no_prompt_may_be_longer(void **unused)
{
    (void)unused;
    struct live_limits *live = live_of(policy_of(-1, 1000, -1, -1));
    struct limits_ask ask = ask_for(50000, 0);
    struct limits_hold hold = {0}, other = {0};
    struct limits_refusal refusal;
    CHECK("without a limit of its own it takes all there are", admit(live, &ask, &hold, &refusal));
    CHECK("so that nobody else comes in", !admit(live, &ask, &other, &refusal));
    (void)limits_settle(&hold, 40, 0);
    struct limits_figures figures;
    live_limits_figures(live, &figures);
    CHECK_INT("until it is known what it took", figures.tokens_used, 40);
    ask.least_tokens = 1001;
    CHECK("a prompt that is longer than the limit", !admit(live, &ask, &other, &refusal));
    CHECK_INT("never", refusal.wait_ms, LIMIT_NEVER_MS);
    live_limits_unref(live);
}

static void what_is_not_known_counts_as_reserved(void **unused)
{
    (void)unused;
    struct live_limits *live = live_of(policy_of(-1, 1000, -1, -1));
    struct limits_ask ask = ask_for(300, 0);
    struct limits_hold hold = {0};
    struct limits_refusal refusal;
    struct limits_figures figures;
    CHECK("in", admit(live, &ask, &hold, &refusal));
    (void)limits_settle(&hold, -1, 0);
    live_limits_figures(live, &figures);
    CHECK_INT("tokens", figures.tokens_used, 300);
    live_limits_unref(live);
}

static void limits_outlive_configurations(void **unused)
{
    (void)unused;
    struct limits_registry *registry = limits_registry_new();
    struct policy five = policy_of(5, -1, -1, -1), none = policy_none();
    struct limits_ask ask = ask_for(0, 0);
    struct limits_refusal refusal;
    limits_registry_begin(registry);
    struct live_limits *first = limits_registry_follow(registry, "tea_1", "Research", &five);
    limits_registry_end(registry, true);
    for (int i = 0; i < 5; i++) {
        struct limits_hold hold = {0};
        CHECK("five", admit(first, &ask, &hold, &refusal));
        (void)limits_settle(&hold, 0, 0);
    }
    limits_registry_begin(registry);
    struct live_limits *second = limits_registry_follow(registry, "tea_1", "Renamed", &none);
    CHECK("the same one", second == first);
    struct limits_hold hold = {0};
    CHECK("without a limit at once", admit(second, &ask, &hold, &refusal));
    (void)limits_settle(&hold, 0, 0);
    live_limits_unref(limits_registry_follow(registry, "tea_1", "Research", &five));
    CHECK("with it again: what was admitted counts", !admit(second, &ask, &hold, &refusal));
    limits_registry_end(registry, true);
    limits_registry_begin(registry);
    limits_registry_end(registry, false);
    CHECK("a build that failed forgets nobody", limits_registry_find(registry, "tea_1") == first);
    limits_registry_begin(registry);
    limits_registry_end(registry, true);
    CHECK("a row that is gone is forgotten", limits_registry_find(registry, "tea_1") == NULL);
    live_limits_unref(first);
    live_limits_unref(second);
    limits_registry_free(registry);
}

static void thousands_are_found_again(void **unused)
{
    (void)unused;
    struct limits_registry *registry = limits_registry_new();
    struct policy none = policy_none();
    for (int round = 0; round < 2; round++) {
        limits_registry_begin(registry);
        for (int i = 0; i < 5000; i++) {
            char id[32];
            snprintf(id, sizeof id, "key_%d", i * (round + 1)); /* half of them are gone then */
            struct live_limits *live = limits_registry_follow(registry, id, "k", &none);
            CHECK_STR("by its id", live->id, id);
            live_limits_unref(live);
        }
        limits_registry_end(registry, true);
        CHECK_INT("no more than there are", limits_registry_count(registry), 5000);
    }
    limits_registry_free(registry);
}

static void refusals_are_told_once_a_minute(void **unused)
{
    (void)unused;
    struct live_limits *live = live_of(policy_of(1, -1, -1, -1));
    CHECK("the first", limits_note_refusal(live, LIMIT_REQUESTS));
    CHECK("not the second", !limits_note_refusal(live, LIMIT_REQUESTS));
    CHECK("another kind", limits_note_refusal(live, LIMIT_BUDGET));
    CHECK_INT("both are counted", live->notices.refused[LIMIT_REQUESTS], 2);
    live_limits_unref(live);
}

/* ---- many threads ------------------------------------------------------------------------------ */

struct crowd {
    struct live_limits *live;
    struct limits_ask ask;
    int64_t cost_microusd;
    bool gives_back;
    _Atomic int64_t admitted, running, most_running, overspent;
};

static void run_one(struct crowd *crowd)
{
    struct limits_hold hold = {0};
    struct limits_refusal refusal;
    struct limits_figures figures;
    if (!admit(crowd->live, &crowd->ask, &hold, &refusal))
        return;
    crowd->admitted++;
    int64_t running = ++crowd->running;
    int64_t most = crowd->most_running;
    while (running > most && !atomic_compare_exchange_weak(&crowd->most_running, &most, running))
        continue;
    live_limits_figures(crowd->live, &figures);
    if (figures.spent_microusd + figures.reserved_microusd > crowd->live->ledger.limit_microusd &&
        crowd->live->ledger.limit_microusd >= 0)
        crowd->overspent++;
    crowd->running--;
    if (crowd->gives_back)
        limits_undo(&hold);
    else
        (void)limits_settle(&hold, crowd->ask.tokens, crowd->cost_microusd);
}

static void crowd_main(void *arg)
{
    for (int i = 0; i < TRIES; i++)
        run_one(arg);
}

static void play(struct crowd *crowd)
{
    pthread_t threads[THREADS];
    struct error error = {0};
    for (int i = 0; i < THREADS; i++)
        CHECK_INT("thread", thread_start("crowd", crowd_main, crowd, &threads[i], &error), OK);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* I7: all of the limit, and not one more. */
static void the_rate_is_exact_across_threads(void **unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {.live = live_of(policy_of(1000, 777000, 3, -1)),
                              .ask = ask_for(1000, 0)};
        play(&crowd);
        CHECK_INT("exactly", crowd.admitted, 777);
        CHECK("and no more than three at a time", crowd.most_running <= 3);
        live_limits_unref(crowd.live);
    }
}

/* I6: at the edge of a budget. */
static void no_budget_is_overspent_by_a_crowd(void **unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {.live = live_of(policy_of(-1, -1, -1, 1000003)),
                              .ask = ask_for(0, 2500),
                              .cost_microusd = 2500 - round};
        struct limits_figures figures;
        play(&crowd);
        live_limits_figures(crowd.live, &figures);
        CHECK_INT("never more than the limit", crowd.overspent, 0);
        CHECK_INT("all is settled", figures.reserved_microusd, 0);
        CHECK_INT("spent is the sum", figures.spent_microusd, crowd.admitted * crowd.cost_microusd);
        CHECK("within the limit", figures.spent_microusd <= 1000003);
        CHECK("and nobody was refused who fitted", 1000003 - figures.spent_microusd < 2500);
        live_limits_unref(crowd.live);
    }
}

static void what_is_undone_leaves_nothing_behind(void **unused)
{
    (void)unused;
    struct crowd crowd = {.live = live_of(policy_of(50, 5000, 20, 100000)),
                          .ask = ask_for(100, 2500),
                          .gives_back = true};
    struct limits_figures figures;
    play(&crowd);
    live_limits_figures(crowd.live, &figures);
    CHECK_INT("requests", figures.requests_used, 0);
    CHECK_INT("tokens", figures.tokens_used, 0);
    CHECK_INT("running", figures.running, 0);
    CHECK_INT("money", figures.reserved_microusd + figures.spent_microusd, 0);
    live_limits_unref(crowd.live);
}

TEST_MAIN(TEST(each_limit_refuses_by_its_name),
          TEST(a_single_request_may_take_all_tokens_but_no_prompt_may_be_longer),
          TEST(what_is_not_known_counts_as_reserved), TEST(limits_outlive_configurations),
          TEST(thousands_are_found_again), TEST(refusals_are_told_once_a_minute),
          TEST(the_rate_is_exact_across_threads), TEST(no_budget_is_overspent_by_a_crowd),
          TEST(what_is_undone_leaves_nothing_behind))
