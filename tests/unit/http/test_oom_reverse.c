/* tests/unit/http/test_oom_reverse.c: F62 for WebSockets: an allocation fails while one is opened, linked, called over
 * or served. Each thing then ends once, nothing is left behind, and the next time all is well.
 */
#include "tests/unit/http/reverse.h"

#include "tests/unit/oom.h"

#define TRIES_MAX 2000

/* What became of one act; the callbacks allocate nothing. */
static struct act {
    struct ws_dial *dial;
    struct ws_link *link;
    struct call *call;
    struct adopted *adopted;
    struct detached *detached; /* the worker's end, then whatever is in hand */
    int opened, texts, closes, ends, failures, returns;
} act;

static void on_act_open(void *owner, struct detached *detached)
{
    (void)owner;
    act.dial = NULL;
    act.opened = 1;
    act.detached = detached;
}

static void on_act_dial_failed(void *owner, int status, const char *sentence)
{
    (void)owner, (void)status;
    CHECK("a sentence", *sentence);
    act.dial = NULL;
    act.failures++;
}

static void on_act_text(void *owner, struct str text)
{
    (void)owner;
    CHECK("ready", str_eq(text, STR("ready")));
    act.texts++;
    act.detached = ws_link_detach(TAKE(act.link));
}

static void on_act_closed(void *owner, bool has_broken_rule, const char *why)
{
    (void)owner;
    CHECK("a sentence", *why);
    CHECK("nobody is blamed for our memory", !has_broken_rule);
    act.link = NULL;
    act.closes++;
}

static void on_act_idle(void *owner)
{
    (void)owner;
    adopted_send_text(act.adopted, STR("ready"));
}

static void on_act_adopted_closed(void *owner)
{
    (void)owner;
    act.adopted = NULL;
}

static void on_act_head(void *owner, const struct http_head *head)
{
    (void)owner, (void)head;
}

static void on_act_body(void *owner, char *bytes, size_t len)
{
    (void)owner, (void)bytes, (void)len;
}

static void on_act_end(void *owner)
{
    (void)owner;
    act.call = NULL;
    act.ends++;
}

static void on_act_failed(void *owner, enum call_failure failure, const char *sentence)
{
    (void)owner, (void)failure;
    CHECK("a sentence", *sentence);
    act.call = NULL;
    act.failures++;
}

static void on_act_returned(void *owner, struct detached *detached)
{
    (void)owner;
    act.returns++;
    act.detached = detached;
}

static const struct ws_dial_ops act_dial_ops = {on_act_open, on_act_dial_failed};
static const struct ws_link_ops act_link_ops = {on_act_text, on_act_closed};
static const struct adopted_ops act_adopted_ops = {on_act_idle, on_act_adopted_closed};
static const struct call_ops act_call_ops = {.on_head = on_act_head,
                                             .on_body = on_act_body,
                                             .on_returned = on_act_returned,
                                             .on_end = on_act_end,
                                             .on_failed = on_act_failed};

static struct target hub_target;

/* Both ends, or false. */
static bool open_act(void)
{
    struct ws_dial_options options = {.target = &hub_target,
                                      .path = "/ws",
                                      .bearer = STR("auxw_secret"),
                                      .subprotocol = PROTOCOL,
                                      .timeout_ms = 3000};
    accepted_count = 0;
    act.dial = ws_dial_start(pool, &options, &act_dial_ops, &act);
    if (!act.dial)
        return false;
    WAIT("open or not", act.opened || act.failures);
    WAIT("here too", accepted_count == 1 || !act.opened);
    return act.opened;
}

static bool call_act(struct detached *over)
{
    static char head[] = "POST /echo HTTP/1.1\r\nHost: w\r\nContent-Length: 8\r\n\r\nquestion";
    struct call_options options = {.over = over,
                                   .pieces = {{head, sizeof head - 1}},
                                   .piece_count = 1,
                                   .connect_ms = 1000,
                                   .first_byte_ms = 3000,
                                   .idle_ms = 3000,
                                   .ops = &act_call_ops,
                                   .owner = &act};
    act.call = call_start(pool, &options);
    if (!act.call)
        return false;
    WAIT("answered or not", act.ends + act.failures == 1);
    return act.returns == 1;
}

static bool park_act(struct detached *detached)
{
    if (ws_link_new(stage.loop, detached, 100, 1000, &act_link_ops, &act, &act.link) != OK)
        return false;
    WAIT("ready or gone", act.texts + act.closes == 1);
    return act.texts == 1;
}

/* Opened, called over, parked until ready, called over again: true when all of it came about. */
static bool perform(void)
{
    act = (struct act){0};
    bool is_well = open_act() && http_listener_adopt(worker, TAKE(act.detached), &act_adopted_ops,
                                                     "the owner", &act.adopted) == OK;
    is_well = is_well && call_act(TAKE(accepted[0])) && park_act(TAKE(act.detached));
    act.ends = act.returns = 0;
    is_well = is_well && call_act(TAKE(act.detached));
    for (int i = 0; i < accepted_count; i++)
        detached_free(TAKE(accepted[i]));
    detached_free(TAKE(act.detached));
    if (act.link)
        ws_link_close(TAKE(act.link), 1000, "");
    WAIT("the worker's end is gone", !act.adopted);
    turns(2);
    return is_well;
}

static void a_failed_allocation_ends_one_connection_and_nothing_else(void **state)
{
    (void)state;
    struct error error;
    char url[64];
    int struck = 0;
    open_all(false);
    snprintf(url, sizeof url, "http://localhost:%d", http_listener_port(hub));
    CHECK("a target", target_parse(url, &hub_target, &error) == OK);
    CHECK("all is well", perform());
    oom_watch(true);
    oom_begin(0);
    CHECK("still", perform());
    long all = oom_end();
    CHECK("allocations", all > 10);
    for (long turn = 0, nth; turn < TRIES_MAX && (nth = oom_nth("reverse", all, turn)) > 0;
         turn++) {
        oom_begin(nth);
        bool is_well = perform();
        bool has_struck = oom_has_struck();
        oom_end();
        client_pool_clear(pool);
        struck += has_struck && !is_well;
        CHECK("without a failure all is well", is_well || has_struck);
        CHECK("and the next time, too", perform());
    }
    oom_watch(false);
    CHECK("it made a difference", struck > 5);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failed_allocation_ends_one_connection_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
