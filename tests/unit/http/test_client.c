/* tests/unit/http/test_client.c: calls to upstreams that behave, and to upstreams that do not. F01 to F16. */
#include "tests/unit/http/loopback.h"

#include "net/resolver.h"

#include <sys/resource.h>

#define REQUEST "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HEAD(x) "HTTP/1.1 200 OK\r\n" x "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

/* ---- one call and what became of it ----------------------------------------------------------- */

struct caller {
    struct call *call; /* NULL once it ended */
    int heads, ends, failures, status;
    enum call_failure failure;
    size_t bytes;
    struct buf body;
    bool cancels_at_head, cancels_at_body, pauses_at_head, pauses_at_body, calls_again;
    struct target target;
    struct iovec request;
};

static struct client_pool *pool;
static struct upstream upstream;

static void start(struct caller *caller);

static void on_head(void *owner, const struct http_head *head)
{
    struct caller *caller = owner;
    caller->heads++;
    caller->status = head->status;
    if (caller->pauses_at_head)
        call_pause(caller->call);
    if (caller->cancels_at_head)
        call_cancel(TAKE(caller->call));
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct caller *caller = owner;
    buf_append(&caller->body, bytes, len);
    memset(bytes, '#', len); /* it is ours to write to */
    caller->bytes += len;
    if (caller->pauses_at_body)
        call_pause(caller->call);
    if (caller->cancels_at_body)
        call_cancel(TAKE(caller->call));
}

static void on_end(void *owner)
{
    struct caller *caller = owner;
    caller->call = NULL;
    caller->ends++;
    if (caller->calls_again) {
        caller->calls_again = false;
        start(caller);
    }
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct caller *caller = owner;
    CHECK("a sentence", sentence && *sentence);
    caller->call = NULL;
    caller->failures++;
    caller->failure = failure;
}

static const struct call_ops ops = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};

static struct call_options plain_options(struct caller *caller)
{
    return (struct call_options){.target = &caller->target,
                                 .pieces = {caller->request},
                                 .piece_count = 1,
                                 .connect_ms = 2000,
                                 .first_byte_ms = 5000,
                                 .idle_ms = 5000,
                                 .ops = &ops,
                                 .owner = caller};
}

static void start_with(struct caller *caller, const struct call_options *options)
{
    caller->call = call_start(pool, options);
    CHECK("started", caller->call != NULL);
}

static void start(struct caller *caller)
{
    struct call_options options = plain_options(caller);
    start_with(caller, &options);
}

static struct caller caller_of(const char *host, int port)
{
    struct caller caller = {.request = {(char *)(uintptr_t)REQUEST, strlen(REQUEST)}};
    struct error error;
    char url[300];
    snprintf(url, sizeof url, "http://%s:%d", host, port);
    CHECK("a target", target_parse(url, &caller.target, &error) == OK);
    buf_init(&caller.body, 64u << 20);
    return caller;
}

static struct caller new_caller(void)
{
    return caller_of("127.0.0.1", upstream.port);
}

static void again(struct caller *caller)
{
    buf_clear(&caller->body);
    caller->heads = caller->ends = caller->failures = 0;
    caller->bytes = 0;
    start(caller);
}

static void open_with(struct client_options options)
{
    struct error error;
    stage_open();
    upstream_open(&upstream, 0);
    CHECK("a pool", client_pool_new(stage.loop, &options, &pool, &error) == OK);
}

static void open_all(void)
{
    open_with((struct client_options){0});
}

static void close_all(void)
{
    client_pool_free(pool);
    upstream_close(&upstream);
    stage_close();
}

static struct peer *accepted(void)
{
    struct peer *peer = NULL;
    WAIT("a connection", (peer = upstream_accept(&upstream)) != NULL);
    return peer;
}

/* ---- good answers, however they are framed ---------------------------------------------------- */

// clang-format off
static const struct good {
    const char *name, *answer, *body;
    int status;
    bool closes, is_reused, is_head_method;
} goods[] = {
    {"a length", ANSWER, "ok", 200, false, true, false},
    {"chunks", HEAD(CHUNKED) "1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", 200, false, true, false},
    {"chunks with extension and trailer", HEAD(CHUNKED) "2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n", "ok", 200, false, true, false},
    {"no body", HEAD("Content-Length: 0\r\n"), "", 200, false, true, false},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, true, false},
    {"304 that names a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304, false, true, false},
    {"HEAD", HEAD("Content-Length: 9\r\n"), "", 200, false, true, true},
    {"until close", HEAD("") "ok", "ok", 200, true, false, false},
    {"until close, empty", HEAD(""), "", 200, true, false, false},
    {"it says close", HEAD("Connection: close\r\nContent-Length: 2\r\n") "ok", "ok", 200, false, false, false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false, false, false},
    {"HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false, true, false},
    {"100 before it", "HTTP/1.1 100 Continue\r\n\r\n" ANSWER, "ok", 200, false, true, false},
    {"103 with headers before it", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" ANSWER, "ok", 200, false, true, false},
    {"an error with a body", "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno", "no", 429, false, true, false},
    {"bytes behind the end", ANSWER "x", "ok", 200, false, false, false},
    {"another answer behind the end", ANSWER ANSWER, "ok", 200, false, false, false},
    {"a body for 204", "HTTP/1.1 204 No Content\r\n\r\nbody", "", 204, false, false, false},
};

static const struct bad {
    const char *name, *answer;
    enum call_failure failure;
    bool closes; /* the upstream closes behind it */
    int heads;
} bads[] = {
    {"nothing", "", CALL_FAILED_RESET, true, 0},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", CALL_FAILED_RESET, true, 0},
    {"a cut body", HEAD("Content-Length: 9\r\n") "ok", CALL_FAILED_RESET, true, 1},
    {"a cut chunk", HEAD(CHUNKED) "9\r\nok", CALL_FAILED_RESET, true, 1},
    {"no last chunk", HEAD(CHUNKED) "2\r\nok\r\n", CALL_FAILED_RESET, true, 1},
    {"only 100", "HTTP/1.1 100 Continue\r\n\r\n", CALL_FAILED_RESET, true, 0},
    {"HTML", "<html>", CALL_FAILED_GARBAGE, false, 0},
    {"SSH", "SSH-2.0-x\r\n", CALL_FAILED_GARBAGE, false, 0},
    {"one byte of nonsense", "\x15", CALL_FAILED_GARBAGE, false, 0},
    {"HTTP/2", "HTTP/2 200\r\n\r\n", CALL_FAILED_GARBAGE, false, 0},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", CALL_FAILED_GARBAGE, false, 0},
    {"length and chunked", HEAD(CHUNKED "Content-Length: 2\r\n") "ok", CALL_FAILED_GARBAGE, false, 0},
    {"two lengths", HEAD("Content-Length: 2\r\nContent-Length: 3\r\n") "ok", CALL_FAILED_GARBAGE, false, 0},
    {"a length that is none", HEAD("Content-Length: x\r\n") "ok", CALL_FAILED_GARBAGE, false, 0},
    {"a chunk size that is none", HEAD(CHUNKED) "zz\r\n", CALL_FAILED_GARBAGE, false, 1},
    {"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", CALL_FAILED_GARBAGE, false, 0},
    {"status 600", "HTTP/1.1 600 Odd\r\n\r\n", CALL_FAILED_GARBAGE, false, 0},
    {"status 099", "HTTP/1.1 099 Odd\r\n\r\n", CALL_FAILED_GARBAGE, false, 0},
};
// clang-format on

static void speak(struct peer *peer, const char *text, bool bytewise)
{
    if (!bytewise) {
        peer_say(peer, text);
        return;
    }
    for (; *text; text++) {
        peer_send(peer, text, 1);
        turn();
    }
}

static void play_good(const struct good *good, bool bytewise)
{
    struct caller caller = new_caller();
    struct call_options options = plain_options(&caller);
    options.is_head_method = good->is_head_method;
    start_with(&caller, &options);
    struct peer *peer = accepted();
    WAIT("the request", peer_has(peer, REQUEST));
    speak(peer, good->answer, bytewise);
    if (good->closes)
        peer_close(peer, false);
    WAIT(good->name, caller.ends == 1);
    CHECK_INT(good->name, caller.status, good->status);
    CHECK(good->name, str_eq(buf_str(&caller.body), str_of(good->body)));
    CHECK_INT(good->name, caller.heads * 10 + caller.failures, 10);
    turns(2);
    if (!good->is_reused && !good->closes)
        WAIT("closed", peer->is_eof || peer->is_reset);
    peer_forget(peer);
    again(&caller);
    struct peer *next = peer;
    if (good->is_reused)
        WAIT("reused", peer_has(peer, REQUEST));
    else
        next = accepted();
    WAIT("asked again", peer_has(next, REQUEST));
    peer_say(next, ANSWER);
    WAIT("answered again", caller.ends == 1);
    CHECK(good->name, str_eq(buf_str(&caller.body), STR("ok")));
    client_pool_clear(pool);
    buf_release(&caller.body);
}

static void good_answers_are_given_whole_and_the_connection_is_kept_when_it_may(void **state)
{
    (void)state;
    for (int bytewise = 0; bytewise < 2; bytewise++)
        for (size_t i = 0; i < COUNT(goods); i++) {
            open_all();
            play_good(&goods[i], bytewise);
            close_all();
        }
}

static void bad_answers_fail_with_their_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bads); i++) {
        open_all();
        struct caller caller = new_caller();
        start(&caller);
        struct peer *peer = accepted();
        WAIT("the request", peer_has(peer, REQUEST));
        peer_say(peer, bads[i].answer);
        if (bads[i].closes)
            peer_close(peer, false);
        WAIT(bads[i].name, caller.failures == 1);
        CHECK_STR(bads[i].name, call_failure_reason(caller.failure),
                  call_failure_reason(bads[i].failure));
        CHECK_INT(bads[i].name, caller.heads, bads[i].heads);
        CHECK_INT(bads[i].name, caller.ends, 0);
        if (!bads[i].closes)
            WAIT("closed", peer->is_eof || peer->is_reset);
        buf_release(&caller.body);
        close_all();
    }
}

static void floods_in_a_head_are_cut(void **state)
{
    (void)state;
    const char *lines[] = {"X: y\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "aaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        open_all();
        struct caller caller = new_caller();
        start(&caller);
        struct peer *peer = accepted();
        AUTO_BUF struct buf flood;
        buf_init(&flood, 1u << 20);
        buf_puts(&flood, i == 1 ? "" : "HTTP/1.1 200 OK\r\nX: ");
        for (int line = 0; line < 20000; line++)
            buf_puts(&flood, lines[i]);
        peer_send(peer, flood.data, flood.len);
        WAIT("cut", caller.failures == 1);
        CHECK_STR("reason", call_failure_reason(caller.failure), "bad_answer");
        buf_release(&caller.body);
        close_all();
    }
}

/* ---- reuse ------------------------------------------------------------------------------------ */

static void a_reused_connection_that_died_is_replaced_unseen(void **state)
{
    (void)state;
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        open_all();
        struct caller caller = new_caller();
        start(&caller);
        struct peer *peer = accepted();
        peer_say(peer, ANSWER);
        WAIT("first", caller.ends == 1);
        peer_forget(peer);
        again(&caller); /* on the same connection */
        WAIT("asked there", peer_has(peer, REQUEST));
        peer_close(peer, with_reset);
        struct peer *fresh = accepted();
        WAIT("asked anew", peer_has(fresh, REQUEST));
        peer_say(fresh, ANSWER);
        WAIT("answered", caller.ends == 1);
        CHECK_INT("nobody saw it", caller.failures, 0);
        peer_forget(fresh);
        again(&caller);
        WAIT("and the fresh one is reused", peer_has(fresh, REQUEST));
        peer_say(fresh, ANSWER);
        WAIT("answered", caller.ends == 1);
        buf_release(&caller.body);
        close_all();
    }
}

static void closed_while_idle_is_never_used(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("first", caller.ends == 1);
    peer_close(peer, false); /* and at once: the loop has not seen it yet */
    again(&caller);
    struct peer *fresh = accepted();
    peer_say(fresh, ANSWER);
    WAIT("answered", caller.ends == 1 && caller.failures == 0);
    buf_release(&caller.body);
    close_all();
}

static void a_second_death_is_told(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("first", caller.ends == 1);
    peer_close(peer, false);
    again(&caller);
    peer_close(accepted(), false);
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "connection_reset");
    buf_release(&caller.body);
    close_all();
}

static void a_reused_connection_that_began_to_answer_is_not_replaced(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("first", caller.ends == 1);
    again(&caller);
    peer_say(peer, "HTTP/1.1 2");
    turns(5);
    peer_close(peer, false);
    WAIT("told", caller.failures == 1);
    turns(5);
    CHECK("not asked again", upstream_accept(&upstream) == NULL);
    buf_release(&caller.body);
    close_all();
}

static void idle_connections_are_last_in_first_out_and_capped(void **state)
{
    (void)state;
    open_with((struct client_options){.idle_max = 2, .idle_ms = 100});
    struct caller callers[3];
    struct peer *peers[3];
    for (int i = 0; i < 3; i++) {
        callers[i] = new_caller();
        start(&callers[i]);
        peers[i] = accepted();
    }
    for (int i = 0; i < 3; i++) {
        peer_say(peers[i], ANSWER);
        WAIT("answered", callers[i].ends == 1);
    }
    WAIT("the third is one too many", peers[2]->is_eof);
    peer_forget(peers[1]);
    again(&callers[0]);
    WAIT("the latest is used", peer_has(peers[1], REQUEST));
    peer_say(peers[1], ANSWER);
    WAIT("answered", callers[0].ends == 1);
    WAIT("idle ones are closed in time", peers[0]->is_eof && peers[1]->is_eof);
    for (int i = 0; i < 3; i++)
        buf_release(&callers[i].body);
    close_all();
}

/* With descriptors enough: the next burst dials nobody. */
static void what_a_burst_leaves_is_kept(void **state)
{
    (void)state;
    enum { BURST = 80 };
    struct rlimit limit;
    CHECK_INT("limit", getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 4000)
        skip();
    limit.rlim_cur = 4000;
    CHECK_INT("raised", setrlimit(RLIMIT_NOFILE, &limit), 0);
    open_all();
    static struct caller callers[BURST];
    static struct peer *peers[BURST];
    for (int i = 0; i < BURST; i++) {
        callers[i] = new_caller();
        start(&callers[i]);
        peers[i] = accepted();
    }
    for (int i = 0; i < BURST; i++) {
        peer_say(peers[i], ANSWER);
        WAIT("answered", callers[i].ends == 1);
    }
    turns(5);
    for (int i = 0; i < BURST; i++) {
        CHECK("still open", !peers[i]->is_eof);
        peer_forget(peers[i]);
        again(&callers[i]);
    }
    for (int i = 0; i < BURST; i++) {
        WAIT("asked over the same", peer_has(peers[i], REQUEST));
        peer_say(peers[i], ANSWER);
    }
    for (int i = 0; i < BURST; i++) {
        WAIT("answered", callers[i].ends == 1);
        buf_release(&callers[i].body);
    }
    close_all();
}

static void bytes_nobody_asked_for_end_an_idle_connection(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("answered", caller.ends == 1);
    turns(2);
    peer_say(peer, ANSWER);
    WAIT("closed", peer->is_eof || peer->is_reset);
    again(&caller);
    struct peer *fresh = accepted();
    peer_say(fresh, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright");
    WAIT("answered", caller.ends == 1);
    CHECK("its own", str_eq(buf_str(&caller.body), STR("right")));
    buf_release(&caller.body);
    close_all();
}

static void a_call_may_be_started_when_another_ends(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    caller.calls_again = true;
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("one", caller.ends == 1);
    WAIT("the second request", peer_count_of(peer, REQUEST) == 2);
    peer_say(peer, ANSWER);
    WAIT("two", caller.ends == 2);
    buf_release(&caller.body);
    close_all();
}

/* ---- getting there ---------------------------------------------------------------------------- */

static int dead_port(void)
{
    struct upstream gone;
    upstream_open(&gone, 0);
    upstream_close(&gone);
    return gone.port;
}

static void nobody_listens(void **state)
{
    (void)state;
    open_all();
    struct caller caller = caller_of("127.0.0.1", dead_port());
    start(&caller);
    CHECK_INT("not from inside", caller.failures, 0);
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "connect_refused");
    buf_release(&caller.body);
    close_all();
}

static void the_second_address_is_tried(void **state)
{
    (void)state;
    open_all();
    struct caller caller =
        caller_of("localhost", upstream.port); /* ::1 is refused, 127.0.0.1 is not */
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("answered", caller.ends == 1);
    buf_release(&caller.body);
    close_all();
}

static void a_name_that_does_not_exist_is_told_so(void **state)
{
    (void)state;
    open_all();
    struct caller caller = caller_of("nothing.invalid", 80);
    struct call_options options = plain_options(&caller);
    options.connect_ms = 300; /* where no name server answers */
    start_with(&caller, &options);
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "dns_failed");
    buf_release(&caller.body);
    close_all();
}

static void a_connect_that_hangs_times_out(void **state)
{
    (void)state;
    open_all();
    struct upstream full; /* a backlog of none, and full */
    upstream_open(&full, 0);
    listen(full.fd, 0);
    struct sockaddr_in at = local(full.port);
    int fill[4];
    for (size_t i = 0; i < COUNT(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fill[i], (struct sockaddr *)&at, sizeof at);
    }
    turns(5);
    struct caller caller = caller_of("127.0.0.1", full.port);
    struct call_options options = plain_options(&caller);
    options.connect_ms = 80;
    start_with(&caller, &options);
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "connect_timeout");
    for (size_t i = 0; i < COUNT(fill); i++)
        close(fill[i]);
    upstream_close(&full);
    buf_release(&caller.body);
    close_all();
}

/* ---- time ------------------------------------------------------------------------------------- */

static void silence_has_its_limits(void **state)
{
    (void)state;
    const struct {
        const char *said, *reason;
    } stories[] = {
        {"", "first_byte_timeout"},
        {"HTTP/1.1 200 OK\r\nX: ", "first_byte_timeout"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "first_byte_timeout"},
        {HEAD("Content-Length: 9\r\n"), "idle_timeout"},
        {HEAD(CHUNKED) "2\r\nok\r\n", "idle_timeout"},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        open_all();
        struct caller caller = new_caller();
        struct call_options options = plain_options(&caller);
        options.first_byte_ms = options.idle_ms = 80;
        start_with(&caller, &options);
        struct peer *peer = accepted();
        peer_say(peer, stories[i].said);
        WAIT("told", caller.failures == 1);
        CHECK_STR(stories[i].said, call_failure_reason(caller.failure), stories[i].reason);
        WAIT("closed", peer->is_eof);
        buf_release(&caller.body);
        close_all();
    }
}

static void a_trickle_is_no_silence(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    struct call_options options = plain_options(&caller);
    options.idle_ms = 2000; /* of a machine that does something else now and then */
    start_with(&caller, &options);
    struct peer *peer = accepted();
    peer_say(peer, HEAD("Content-Length: 30\r\n"));
    for (int i = 0; i < 30; i++) {
        turns(40); /* in all, more than the limit */
        peer_say(peer, "x");
    }
    WAIT("whole", caller.ends == 1);
    buf_release(&caller.body);
    close_all();
}

/* ---- pause, cancel, large requests ------------------------------------------------------------ */

static void a_paused_call_reads_no_further_and_keeps_no_time(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    struct call_options options = plain_options(&caller);
    options.idle_ms = 60;
    caller.pauses_at_head = true;
    start_with(&caller, &options);
    struct peer *peer = accepted();
    static char block[1u << 20];
    memset(block, 'x', sizeof block);
    peer_say(peer, HEAD("Content-Length: 20971520\r\n"));
    WAIT("head", caller.heads == 1);
    size_t sent = 0;
    for (int quiet = 0; quiet < 50;) {
        ssize_t n = send(peer->fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        quiet = n > 0 ? 0 : quiet + 1;
        sent += n > 0 ? (size_t)n : 0;
        turn();
    }
    CHECK("the socket is full", sent < 20u << 20);
    CHECK("little was read", caller.bytes <= LOOP_SCRATCH_BYTES);
    CHECK_INT("no timeout", caller.failures, 0);
    call_resume(caller.call);
    while (sent < 20u << 20) {
        size_t part = (20u << 20) - sent < sizeof block ? (20u << 20) - sent : sizeof block;
        peer_send(peer, block, part);
        sent += part;
    }
    WAIT("whole", caller.ends == 1);
    CHECK_INT("all of it", (int)caller.bytes, 20 << 20);
    peer_forget(peer);
    caller.pauses_at_head = false;
    again(&caller);
    WAIT("and reused", peer_has(peer, REQUEST));
    buf_release(&caller.body);
    close_all();
}

static void paused_to_the_end_it_ends_and_is_reused(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    caller.pauses_at_body = true;
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, ANSWER);
    WAIT("ended", caller.ends == 1);
    caller.pauses_at_body = false;
    peer_forget(peer);
    again(&caller);
    WAIT("reused", peer_has(peer, REQUEST));
    peer_say(peer, ANSWER);
    WAIT("ended", caller.ends == 1);
    buf_release(&caller.body);
    close_all();
}

static void pausing_before_there_is_anything_is_harmless(void **state)
{
    (void)state;
    open_all();
    struct caller caller = caller_of("localhost", upstream.port);
    start(&caller);
    call_pause(caller.call);
    call_resume(caller.call);
    call_pause(caller.call);
    struct peer *peer = accepted();
    peer_say(peer, HEAD("Content-Length: 2\r\n"));
    WAIT("head", caller.heads == 1);
    peer_say(peer, "ok");
    turns(20);
    CHECK_INT("paused", (int)caller.bytes, 0);
    call_resume(caller.call);
    WAIT("whole", caller.ends == 1);
    buf_release(&caller.body);
    close_all();
}

static void a_cancelled_call_says_nothing_more(void **state)
{
    (void)state;
    for (int phase = 0; phase < 6; phase++) {
        open_all();
        struct caller caller =
            caller_of(phase == 5 ? "nothing.invalid" : "127.0.0.1", upstream.port);
        caller.cancels_at_head = phase == 3;
        caller.cancels_at_body = phase == 4;
        start(&caller);
        struct peer *peer = NULL;
        if (phase == 0 || phase == 5) {
            call_cancel(TAKE(caller.call)); /* at once */
        } else {
            peer = accepted();
            WAIT("asked", peer_has(peer, REQUEST));
        }
        if (phase == 1)
            call_cancel(TAKE(caller.call)); /* while it waits */
        if (phase >= 2 && phase <= 4)
            peer_say(peer, HEAD(CHUNKED) "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n");
        if (phase == 2) {
            WAIT("some body", caller.bytes == 3);
            call_cancel(TAKE(caller.call));
        }
        if (peer)
            WAIT("closed", peer->is_eof || peer->is_reset);
        turns(10);
        CHECK("silent", caller.ends == 0 && caller.failures == 0 && !caller.call);
        if (phase == 4)
            CHECK_INT("not even the rest of the same read", (int)caller.bytes, 1);
        buf_release(&caller.body);
        close_all();
    }
}

/* ---- one read, many pieces --------------------------------------------------------------------- */

/* Writes down who was told what, and looks at the pieces of a read only when it is over. */
struct keeper {
    struct call *call;
    char story[32];
    size_t told;
    struct iovec kept[8];
    int kept_count;
    struct buf body;
    char cancels_at; /* a letter of the story */
};

static void note(struct keeper *keeper, char letter)
{
    CHECK("a short story", keeper->told + 1 < sizeof keeper->story);
    keeper->story[keeper->told++] = letter;
    if (letter == keeper->cancels_at)
        call_cancel(TAKE(keeper->call));
}

static void keeper_on_head(void *owner, const struct http_head *head)
{
    (void)head;
    note(owner, 'H');
}

static void keeper_on_body(void *owner, char *bytes, size_t len)
{
    struct keeper *keeper = owner;
    CHECK("few pieces", keeper->kept_count < (int)COUNT(keeper->kept));
    keeper->kept[keeper->kept_count++] = (struct iovec){bytes, len};
    note(keeper, 'B');
}

static void keeper_on_read_done(void *owner)
{
    struct keeper *keeper = owner;
    for (int i = 0; i < keeper->kept_count; i++)
        buf_append(&keeper->body, keeper->kept[i].iov_base, keeper->kept[i].iov_len);
    keeper->kept_count = 0;
    note(keeper, 'R');
}

static void keeper_on_end(void *owner)
{
    note(owner, 'E');
}

static void keeper_on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    (void)failure;
    (void)sentence;
    note(owner, 'F');
}

static const struct call_ops keeper_ops = {.on_head = keeper_on_head,
                                           .on_body = keeper_on_body,
                                           .on_read_done = keeper_on_read_done,
                                           .on_end = keeper_on_end,
                                           .on_failed = keeper_on_failed};

// clang-format off
static const struct burst {
    const char *name, *first, *second, *story, *body;
    char cancels_at;
    bool closes;
} bursts[] = {
    {"chunks in one read", HEAD(CHUNKED) "1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n", NULL, "HBBBRE", "abcd", 0, false},
    {"chunks in two reads", HEAD(CHUNKED) "1\r\na\r\n2\r\nb", "c\r\n1\r\nd\r\n0\r\n\r\n", "HBBRBBRE", "abcd", 0, false},
    {"its end alone", HEAD(CHUNKED) "1\r\na\r\n", "0\r\n\r\n", "HBRRE", "a", 0, false},
    {"a length", ANSWER, NULL, "HBRE", "ok", 0, false},
    {"the head in two reads", "HTTP/1.1 200 OK\r\nContent-Le", "ngth: 2\r\n\r\nok", "HBRE", "ok", 0, false},
    {"100 alone", "HTTP/1.1 100 Continue\r\n\r\n", ANSWER, "HBRE", "ok", 0, false},
    {"no body", "HTTP/1.1 204 No Content\r\n\r\n", NULL, "HRE", "", 0, false},
    {"until close", HEAD("") "ok", NULL, "HBRE", "ok", 0, true},
    {"cut", HEAD(CHUNKED) "1\r\na\r\n", NULL, "HBRF", "a", 0, true},
    {"nonsense in the same read", HEAD(CHUNKED) "1\r\na\r\nzz\r\n", NULL, "HBF", "", 0, false},
    {"nonsense in the next", HEAD(CHUNKED) "1\r\na\r\n", "zz\r\n", "HBRF", "a", 0, false},
    {"cancelled at the head", ANSWER, NULL, "H", "", 'H', false},
    {"cancelled at the first piece", HEAD(CHUNKED) "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", NULL, "HB", "", 'B', false},
    {"cancelled when the read is over", ANSWER, NULL, "HBR", "ok", 'R', false},
};
// clang-format on

static void play_burst(const struct burst *burst)
{
    struct caller caller = new_caller();
    struct keeper keeper = {.cancels_at = burst->cancels_at};
    buf_init(&keeper.body, 1000);
    struct call_options options = plain_options(&caller);
    options.ops = &keeper_ops;
    options.owner = &keeper;
    keeper.call = call_start(pool, &options);
    CHECK("started", keeper.call != NULL);
    struct peer *peer = accepted();
    WAIT("the request", peer_has(peer, REQUEST));
    peer_say(peer, burst->first);
    turns(3);
    if (burst->second)
        peer_say(peer, burst->second);
    if (burst->closes)
        peer_close(peer, false);
    WAIT(burst->name, strcmp(keeper.story, burst->story) == 0);
    turns(2);
    CHECK_STR(burst->name, keeper.story, burst->story);
    CHECK(burst->name, str_eq(buf_str(&keeper.body), str_of(burst->body)));
    buf_release(&keeper.body);
    buf_release(&caller.body);
}

static void a_read_is_told_to_be_over_once_and_its_pieces_stay_until_then(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bursts); i++) {
        open_all();
        play_burst(&bursts[i]);
        close_all();
    }
}

static void freeing_the_pool_ends_calls_silently(void **state)
{
    (void)state;
    open_all();
    struct caller waiting = new_caller(), resolving = caller_of("nothing.invalid", 80);
    start(&waiting);
    struct peer *peer = accepted();
    WAIT("asked", peer_has(peer, REQUEST));
    start(&resolving);
    close_all();
    CHECK_INT("silently", waiting.failures + resolving.failures, 0);
    buf_release(&waiting.body);
    buf_release(&resolving.body);
}

static void a_large_request_to_a_slow_upstream_is_not_queued_whole(void **state)
{
    (void)state;
    open_all();
    struct upstream slow;
    upstream_open(&slow, 4096);
    struct caller caller = caller_of("127.0.0.1", slow.port);
    size_t len = 20u << 20;
    char *body = mem_alloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    struct call_options options = plain_options(&caller);
    options.first_byte_ms = 1500; /* less than it takes in all */
    options.pieces[1] = (struct iovec){body, len};
    options.piece_count = 2;
    start_with(&caller, &options);
    struct peer *peer = NULL;
    WAIT("a connection", (peer = upstream_accept(&slow)) != NULL);
    peer->is_stalled = true;
    turns(50);
    CHECK("still at it", caller.failures == 0);
    peer_wake(peer);
    WAIT("all of it", peer->got.len == strlen(REQUEST) + len);
    CHECK("as it was", peer->got.data[peer->got.len - 1] == 'x');
    peer_say(peer, ANSWER);
    WAIT("answered", caller.ends == 1);
    peer_forget(peer);
    again(&caller);
    WAIT("and reused", peer_has(peer, REQUEST));
    mem_free(body);
    buf_release(&caller.body);
    upstream_close(&slow);
    close_all();
}

static void an_answer_before_the_request_is_out_frees_its_bytes(void **state)
{
    (void)state;
    open_all();
    struct upstream slow;
    upstream_open(&slow, 4096);
    struct caller caller = caller_of("127.0.0.1", slow.port);
    size_t len = 20u << 20;
    char *body = mem_alloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    struct call_options options = plain_options(&caller);
    options.pieces[1] = (struct iovec){body, len};
    options.piece_count = 2;
    start_with(&caller, &options);
    struct peer *peer = NULL;
    WAIT("a connection", (peer = upstream_accept(&slow)) != NULL);
    peer->is_stalled = true;
    peer_say(peer, "HTTP/1.1 413 Too Large\r\nContent-Length: 20\r\n\r\n");
    WAIT("head", caller.heads == 1);
    mem_free(body); /* as a caller may: a sanitizer sees who reads it now */
    peer_wake(peer);
    turns(20);
    peer_say(peer, "01234567890123456789");
    WAIT("ended", caller.ends == 1);
    WAIT("not reused", peer->is_eof || peer->is_reset);
    buf_release(&caller.body);
    upstream_close(&slow);
    close_all();
}

static void an_early_answer_and_a_reset_still_give_the_answer(void **state)
{
    (void)state;
    open_all();
    struct caller caller = new_caller();
    start(&caller);
    struct peer *peer = accepted();
    peer_say(peer, HEAD("Connection: close\r\nContent-Length: 2\r\n") "ok");
    peer_close(peer, false); /* with the request unread: the kernel sends a reset */
    WAIT("either way it ends", caller.ends + caller.failures == 1);
    buf_release(&caller.body);
    close_all();
}

TEST_MAIN(TEST(good_answers_are_given_whole_and_the_connection_is_kept_when_it_may),
          TEST(bad_answers_fail_with_their_reason), TEST(floods_in_a_head_are_cut),
          TEST(a_reused_connection_that_died_is_replaced_unseen),
          TEST(closed_while_idle_is_never_used), TEST(a_second_death_is_told),
          TEST(a_reused_connection_that_began_to_answer_is_not_replaced),
          TEST(idle_connections_are_last_in_first_out_and_capped),
          TEST(what_a_burst_leaves_is_kept), TEST(bytes_nobody_asked_for_end_an_idle_connection),
          TEST(a_call_may_be_started_when_another_ends), TEST(nobody_listens),
          TEST(the_second_address_is_tried), TEST(a_name_that_does_not_exist_is_told_so),
          TEST(a_connect_that_hangs_times_out), TEST(silence_has_its_limits),
          TEST(a_trickle_is_no_silence), TEST(a_paused_call_reads_no_further_and_keeps_no_time),
          TEST(paused_to_the_end_it_ends_and_is_reused),
          TEST(pausing_before_there_is_anything_is_harmless),
          TEST(a_cancelled_call_says_nothing_more),
          TEST(a_read_is_told_to_be_over_once_and_its_pieces_stay_until_then),
          TEST(freeing_the_pool_ends_calls_silently),
          TEST(a_large_request_to_a_slow_upstream_is_not_queued_whole),
          TEST(an_answer_before_the_request_is_out_frees_its_bytes),
          TEST(an_early_answer_and_a_reset_still_give_the_answer))
