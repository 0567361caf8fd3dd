/* tests/unit/http/test_upgrade.c: WebSockets between our own two sides, and against peers that break rules.
 *
 * The hub's side answers requests for WebSockets and calls over them; the worker's side dials and serves what comes
 * over them. Both live on one loop here, the last story puts them on two threads. F33, F34.
 */
#include "http/upgrade.h"
#include "tests/unit/http/authority.h"
#include "tests/unit/http/loopback.h"

#include <malloc.h>
#include <pthread.h>

#define PROTOCOL "auxot.reverse.v1"
#define LARGE    (24u << 20)

/* ---- the hub's side --------------------------------------------------------------------------- */

static struct http_listener *hub, *worker; /* `worker` is private: it serves what is adopted */
static struct client_pool *pool;
static SSL_CTX *context;
static struct detached *accepted[512];
static int accepted_count, refused_count, fds_before;
static enum err upgrade_err;
static struct exchange *asked; /* /later: upgraded when the story says so */

static void accept_socket(struct exchange *exchange)
{
    struct detached *detached = NULL;
    upgrade_err = exchange_upgrade(exchange, STR(PROTOCOL), &detached);
    if (upgrade_err == OK)
        accepted[accepted_count++] = detached;
    else
        refused_count++;
}

static void on_hub_gone(void *owner)
{
    (void)owner;
    asked = NULL;
}

static const struct exchange_ops hub_ops = {.on_body = on_hub_gone, .on_gone = on_hub_gone};

static void on_hub_request(void *arg, struct exchange *exchange)
{
    (void)arg;
    struct str path = exchange_head(exchange)->path;
    exchange_attach(exchange, &hub_ops, NULL);
    if (str_eq(path, STR("/later")))
        asked = exchange;
    else if (str_eq(path, STR("/ws")))
        accept_socket(exchange);
    else
        exchange_answer(exchange, 409, STR(""), STR("text/plain"), STR("stale"));
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    buf_printf(headers, "x-status: %d\r\n", status);
    buf_printf(body, "{\"path\":\"%.*s\",\"error\":\"%s\"}", STR_ARG(path), sentence);
}

static struct http_service hub_service = {.on_request = on_hub_request, .write_error = write_error};

/* ---- the worker's side: a service over adopted connections ------------------------------------ */

struct job {
    struct exchange *exchange;
    char path[32];
    size_t left;
    bool is_gone;
};

static struct job job; /* the one in hand */
static int jobs, idles, adopted_closed;
static struct adopted *adopted;

static void stream_on(void *owner)
{
    struct job *mine = owner;
    static char block[40000];
    while (mine->exchange && mine->left > 0 &&
           exchange_pending(mine->exchange) <= EXCHANGE_HIGH_BYTES) {
        size_t part = mine->left < sizeof block ? mine->left : sizeof block;
        struct iovec pieces[2] = {{block, part / 3}, {block + part / 3, part - part / 3}};
        exchange_send(mine->exchange, pieces, 2);
        mine->left -= part;
    }
    if (mine->exchange && mine->left == 0)
        exchange_finish(TAKE(mine->exchange));
}

static void on_job_body(void *owner)
{
    struct job *mine = owner;
    struct buf body;
    exchange_take_body(mine->exchange, &body);
    exchange_answer(TAKE(mine->exchange), 200, STR("x-answer: yes\r\n"), STR("text/plain"),
                    buf_str(&body));
    body_budget_return(body.len);
    buf_release(&body);
}

static void on_job_gone(void *owner)
{
    struct job *mine = owner;
    mine->exchange = NULL;
    mine->is_gone = true;
}

static const struct exchange_ops job_ops = {
    .on_body = on_job_body, .on_gone = on_job_gone, .on_drained = stream_on};

static void on_job(void *arg, struct exchange *exchange)
{
    (void)arg;
    jobs++;
    job = (struct job){.exchange = exchange};
    str_copy(exchange_head(exchange)->path, job.path, sizeof job.path);
    CHECK_STR("who it came over", exchange_adopted_owner(exchange), "the owner");
    exchange_attach(exchange, &job_ops, &job);
    if (strcmp(job.path, "/echo") == 0) {
        exchange_interim(exchange, 102, STR("x-begun: yes\r\n"));
        exchange_want_body(exchange, 64u << 20);
    } else if (strcmp(job.path, "/stream") == 0) {
        exchange_start(exchange, 200, STR(""), STR("text/event-stream"));
        job.left = LARGE;
        stream_on(&job);
    } else if (strcmp(job.path, "/close") == 0) {
        exchange_answer(TAKE(job.exchange), 200, STR("connection: close\r\n"), STR(""), STR("bye"));
    } else if (strcmp(job.path, "/now") == 0) {
        exchange_answer(TAKE(job.exchange), 200, STR(""), STR(""), STR("now"));
    } /* else: the story answers */
}

static struct http_service job_service = {.on_request = on_job, .write_error = write_error};

static void on_idle(void *owner)
{
    CHECK_STR("owner", owner, "the owner");
    idles++;
    adopted_send_text(adopted, STR("ready"));
}

static void on_adopted_closed(void *owner)
{
    (void)owner;
    adopted = NULL;
    adopted_closed++;
}

static const struct adopted_ops adopted_ops = {.on_idle = on_idle, .on_closed = on_adopted_closed};

static void adopt(struct detached *detached)
{
    CHECK("adopted",
          http_listener_adopt(worker, detached, &adopted_ops, "the owner", &adopted) == OK);
}

/* ---- dialling --------------------------------------------------------------------------------- */

struct dialler {
    struct ws_dial *dial;
    struct detached *detached;
    int failures, status;
    char sentence[200];
};

static void on_open(void *owner, struct detached *detached)
{
    struct dialler *dialler = owner;
    dialler->dial = NULL;
    dialler->detached = detached;
}

static void on_dial_failed(void *owner, int status, const char *sentence)
{
    struct dialler *dialler = owner;
    dialler->dial = NULL;
    dialler->failures++;
    dialler->status = status;
    str_copy(str_of(sentence), dialler->sentence, sizeof dialler->sentence);
}

static const struct ws_dial_ops dial_ops = {.on_open = on_open, .on_failed = on_dial_failed};

static bool is_tls;

static void dial_at(struct dialler *dialler, int port, const char *path)
{
    struct target target;
    struct error error;
    char url[100];
    *dialler = (struct dialler){0};
    snprintf(url, sizeof url, "%s://localhost:%d", is_tls ? "https" : "http", port);
    CHECK("a target", target_parse(url, &target, &error) == OK);
    struct ws_dial_options options = {.target = &target,
                                      .path = path,
                                      .bearer = STR("auxw_secret"),
                                      .subprotocol = PROTOCOL,
                                      .timeout_ms = 2000};
    dialler->dial = ws_dial_start(pool, &options, &dial_ops, dialler);
    CHECK("begun", dialler->dial != NULL);
}

/* A connection whose two ends are the hub's and the worker's. */
struct ends {
    struct detached *hub, *worker;
};

static struct ends connect_ends(void)
{
    struct dialler dialler;
    int before = accepted_count;
    dial_at(&dialler, http_listener_port(hub), "/ws");
    WAIT("open on both sides", accepted_count > before && (dialler.detached || dialler.failures));
    CHECK_STR("no failure", dialler.sentence, "");
    return (struct ends){TAKE(accepted[before]), dialler.detached};
}

/* ---- links ------------------------------------------------------------------------------------ */

struct talker {
    struct ws_link *link;
    struct buf heard; /* texts, each with a newline */
    int texts, closes;
    char why[200];
    int detaches_at; /* its n-th text; 0: never */
    struct detached *detached;
    bool echoes;
};

static void on_text(void *owner, struct str text)
{
    struct talker *talker = owner;
    talker->texts++;
    buf_append_str(&talker->heard, text);
    buf_putc(&talker->heard, '\n');
    if (talker->echoes)
        ws_link_send(talker->link, text);
    if (talker->detaches_at == talker->texts)
        talker->detached = ws_link_detach(TAKE(talker->link));
    CHECK("still there",
          text.len == 0 || talker->heard.data[talker->heard.len - 2] == text.at[text.len - 1]);
}

static void on_link_closed(void *owner, const char *why)
{
    struct talker *talker = owner;
    talker->link = NULL;
    talker->closes++;
    str_copy(str_of(why), talker->why, sizeof talker->why);
}

static const struct ws_link_ops link_ops = {.on_text = on_text, .on_closed = on_link_closed};

static void talk(struct talker *talker, struct detached *detached, int64_t ping_ms)
{
    if (!talker->heard.limit_bytes)
        buf_init(&talker->heard, 64u << 20);
    CHECK("linked",
          ws_link_new(stage.loop, detached, 4096, ping_ms, &link_ops, talker, &talker->link) == OK);
}

static void hush(struct talker *talker)
{
    if (talker->link)
        ws_link_close(TAKE(talker->link), 1000, "done");
    detached_free(TAKE(talker->detached));
    buf_release(&talker->heard);
}

static void send_text(struct talker *talker, const char *text)
{
    ws_link_send(talker->link, str_of(text));
}

/* ---- calls ------------------------------------------------------------------------------------ */

struct caller {
    struct call *call;
    int interims, ends, failures, status, returns;
    enum call_failure failure;
    char sentence[200], begun[16];
    struct buf body;
    size_t bytes;
    struct detached *returned;
    bool pauses_at_body, keeps_body;
};

static void on_interim(void *owner, const struct http_head *head)
{
    struct caller *caller = owner;
    CHECK("before the answer", caller->status == 0);
    caller->interims++;
    str_copy(http_header_find(head, STR("x-begun"), NULL), caller->begun, sizeof caller->begun);
}

static void on_head(void *owner, const struct http_head *head)
{
    struct caller *caller = owner;
    caller->status = head->status;
}

static void on_answer(void *owner, char *bytes, size_t len)
{
    struct caller *caller = owner;
    caller->bytes += len;
    if (caller->keeps_body)
        buf_append(&caller->body, bytes, len);
    if (caller->pauses_at_body)
        call_pause(caller->call);
}

static void on_end(void *owner)
{
    struct caller *caller = owner;
    caller->call = NULL;
    caller->ends++;
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct caller *caller = owner;
    caller->call = NULL;
    caller->failures++;
    caller->failure = failure;
    str_copy(str_of(sentence), caller->sentence, sizeof caller->sentence);
}

static void on_returned(void *owner, struct detached *detached)
{
    struct caller *caller = owner;
    CHECK("before the end", caller->ends == 0);
    caller->returns++;
    caller->returned = detached;
}

static const struct call_ops call_ops = {.on_interim = on_interim,
                                         .on_head = on_head,
                                         .on_body = on_answer,
                                         .on_end = on_end,
                                         .on_failed = on_failed,
                                         .on_returned = on_returned};

static void call_over(struct caller *caller, struct detached *over, const char *path,
                      struct str body)
{
    static char head[200];
    *caller = (struct caller){.keeps_body = true};
    buf_init(&caller->body, 64u << 20);
    int len =
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\nHost: worker\r\nContent-Length: %zu\r\n\r\n", path, body.len);
    struct call_options options = {
        .over = over,
        .pieces = {{head, (size_t)len}, {(char *)(uintptr_t)body.at, body.len}},
        .piece_count = 2,
        .connect_ms = 1000,
        .first_byte_ms = 5000,
        .idle_ms = 5000,
        .ops = &call_ops,
        .owner = caller};
    caller->call = call_start(pool, &options);
    CHECK("started", caller->call != NULL);
}

/* Parked until the worker says that it is ready. */
static struct detached *park(struct detached *detached)
{
    struct talker parked = {.detaches_at = 1};
    talk(&parked, detached, 0);
    WAIT("ready again", parked.detached != NULL);
    CHECK("by its text", str_eq(buf_str(&parked.heard), STR("ready\n")));
    buf_release(&parked.heard);
    return parked.detached;
}

static void forget(struct caller *caller)
{
    buf_release(&caller->body);
    detached_free(TAKE(caller->returned));
}

/* ---- the stage -------------------------------------------------------------------------------- */

static char ca_file[64];
static struct authority ca, localhost;

static int make_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(directory))
        return -1;
    ca = make("test authority", NULL, NULL, 30 * DAY_S);
    localhost = make("localhost", "DNS:localhost", &ca, 30 * DAY_S);
    in_directory(ca_file, sizeof ca_file, "ca.pem");
    write_pem(ca_file, ca.cert, NULL);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    drop(&ca);
    drop(&localhost);
    unlink(ca_file);
    return rmdir(directory);
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void open_all(bool with_tls)
{
    struct error error;
    fds_before = open_fds();
    accepted_count = refused_count = jobs = idles = adopted_closed = 0;
    memset(accepted, 0, sizeof accepted);
    asked = NULL;
    adopted = NULL;
    is_tls = with_tls;
    stage_open();
    context = with_tls ? server_context(&localhost) : NULL;
    struct http_listener_options at = {
        .loop = stage.loop, .host = "127.0.0.1", .tls = context, .service = &hub_service};
    struct http_listener_options within = {
        .loop = stage.loop, .is_private = true, .service = &job_service};
    struct client_options how = {.ca_file = ca_file};
    CHECK("the hub listens", http_listener_new(&at, &hub, &error) == OK);
    CHECK("the worker serves", http_listener_new(&within, &worker, &error) == OK);
    CHECK("a pool", client_pool_new(stage.loop, &how, &pool, &error) == OK);
}

static void close_all(void)
{
    for (int i = 0; i < accepted_count; i++)
        detached_free(TAKE(accepted[i]));
    client_pool_free(pool);
    http_listener_free(worker);
    http_listener_free(hub);
    turns(3);
    stage_close();
    SSL_CTX_free(context);
    CHECK_INT("no body is held", body_budget_used(), 0);
    CHECK_INT("every descriptor came back", open_fds(), fds_before);
}

/* ---- opening ---------------------------------------------------------------------------------- */

#define ASK(path, rest)                                                                 \
    "GET " path " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"      \
    "Sec-WebSocket-Protocol: x, " PROTOCOL "\r\n" rest "\r\n"

static void a_proper_request_is_answered_101_and_leaves_http(void **state)
{
    (void)state;
    open_all(false);
    struct peer *peer = peer_connect(http_listener_port(hub));
    peer_say(peer, ASK("/ws", ""));
    WAIT("answered", peer_has(peer, "\r\n\r\n"));
    CHECK("101", str_starts(buf_str(&peer->got), STR("HTTP/1.1 101 Switching Protocols\r\n")));
    CHECK("the key", peer_has(peer, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    CHECK("the protocol", peer_has(peer, "sec-websocket-protocol: " PROTOCOL "\r\n"));
    CHECK_INT("it is taken", accepted_count, 1);
    CHECK_INT("the listener has it no more", http_listener_connections(hub), 0);
    CHECK_INT("its end is no bad request", upgrade_err, OK);
    detached_free(TAKE(accepted[0]));
    WAIT("goodbye", peer->is_eof);
    CHECK("by a close of 1001", str_ends(buf_str(&peer->got), STR("\x88\x02\x03\xe9")));
    close_all();
}

static void an_upgrade_may_come_later(void **state)
{
    (void)state;
    open_all(false);
    struct peer *peer = peer_connect(http_listener_port(hub));
    peer_say(peer, ASK("/later", ""));
    WAIT("asked", asked != NULL);
    accept_socket(TAKE(asked));
    WAIT("answered", peer_has(peer, "101 Switching"));
    CHECK_INT("taken", accepted_count, 1);
    close_all();
}

static const struct refused {
    const char *name, *request, *status, *more;
} refused[] = {
    {"a browser", ASK("/ws", "Origin: https://a\r\n"), "403 Forbidden", "\"path\":\"/ws\""},
    {"an ordinary request", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "426 Upgrade Required",
     "upgrade: websocket\r\nsec-websocket-version: 13\r\n"},
    {"a body", ASK("/ws", "Content-Length: 3\r\n") "abc", "400 Bad Request", "no body"},
    {"a chunked body", ASK("/ws", "Transfer-Encoding: chunked\r\n") "0\r\n\r\n", "400 Bad Request",
     "no body"},
    {"frames before the answer", ASK("/ws", "") "\x81\x80\x01\x02\x03\x04", "400 Bad Request",
     "waits for the answer"},
    {"a request before the answer", ASK("/ws", "") ASK("/ws", ""), "400 Bad Request",
     "waits for the answer"},
};

static void what_is_no_proper_request_is_answered_in_the_paths_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        open_all(false);
        struct peer *peer = peer_connect(http_listener_port(hub));
        peer_say(peer, refused[i].request);
        WAIT(refused[i].name, peer->is_eof);
        CHECK(refused[i].name, peer_has(peer, refused[i].status));
        CHECK(refused[i].name, peer_has(peer, refused[i].more));
        CHECK(refused[i].name, peer_has(peer, "connection: close\r\n"));
        CHECK_INT(refused[i].name, accepted_count, 0);
        CHECK_INT(refused[i].name, upgrade_err, ERR_MALFORMED);
        close_all();
    }
}

static const struct unanswered {
    const char *name, *answer; /* NULL: closes; "": says nothing */
    int status;
    const char *sentence;
} unanswered[] = {
    {"refused", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", 401,
     "the server answered 401 Unauthorized in place of a WebSocket"},
    {"stale", "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409,
     "the server answered 409 Conflict in place of a WebSocket"},
    {"an ordinary answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200,
     "the server answered 200 OK in place of a WebSocket"},
    {"another key's answer",
     "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
     "Sec-WebSocket-Protocol: " PROTOCOL "\r\n\r\n",
     101, "the server did not answer our Sec-WebSocket-Key"},
    {"another protocol", "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 101,
     "the server switched to something that is not a WebSocket"},
    {"no HTTP", "SSH-2.0-x\r\n", 0, "the answer is not HTTP"},
    {"closed", NULL, 0, "the upstream closed the connection before it answered"},
    {"silent", "", 0, "no answer within the first-byte timeout"},
};

static void a_dial_that_leads_to_no_socket_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unanswered); i++) {
        open_all(false);
        struct upstream upstream;
        struct dialler dialler;
        struct peer *peer = NULL;
        upstream_open(&upstream, 0);
        dial_at(&dialler, upstream.port, "/x?epoch=1");
        WAIT("dialled", (peer = upstream_accept(&upstream)) != NULL);
        WAIT("asked", peer_has(peer, "\r\n\r\n"));
        CHECK("where", peer_has(peer, "GET /x?epoch=1 HTTP/1.1\r\nhost: localhost:"));
        CHECK("who", peer_has(peer, "\r\nauthorization: Bearer auxw_secret\r\n"));
        CHECK("what", peer_has(peer, "\r\nsec-websocket-protocol: " PROTOCOL "\r\n"));
        CHECK("no Origin", !peer_has(peer, "rigin"));
        if (unanswered[i].answer)
            peer_say(peer, unanswered[i].answer);
        else
            peer_close(peer, false);
        WAIT(unanswered[i].name, dialler.failures == 1);
        CHECK_INT(unanswered[i].name, dialler.status, unanswered[i].status);
        CHECK_STR(unanswered[i].name, dialler.sentence, unanswered[i].sentence);
        turns(2);
        upstream_close(&upstream);
        close_all();
    }
}

static void a_dial_is_cancelled_silently(void **state)
{
    (void)state;
    open_all(false);
    struct dialler dialler;
    dial_at(&dialler, http_listener_port(hub), "/ws");
    ws_dial_cancel(dialler.dial);
    turns(5);
    CHECK_INT("not told", dialler.failures, 0);
    CHECK("nor opened", !dialler.detached);
    close_all();
}

static void a_server_of_another_authority_is_not_believed(void **state)
{
    (void)state;
    open_all(true);
    struct dialler dialler;
    struct client_options stranger = {0};
    struct error error;
    client_pool_free(pool);
    CHECK("a pool", client_pool_new(stage.loop, &stranger, &pool, &error) == OK);
    dial_at(&dialler, http_listener_port(hub), "/ws");
    WAIT("failed", dialler.failures == 1);
    CHECK_INT("before any answer", dialler.status, 0);
    CHECK("by the certificate", str_ifind(str_of(dialler.sentence), STR("certificate"), NULL));
    close_all();
}

/* ---- texts ------------------------------------------------------------------------------------ */

static void texts_go_both_ways(void **state)
{
    (void)state;
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        open_all(with_tls);
        struct talker here = {0}, there = {.echoes = true};
        struct ends ends = connect_ends();
        talk(&here, ends.hub, 0);
        talk(&there, ends.worker, 0);
        char large[4097] = {0};
        memset(large, 'x', 4096);
        send_text(&here, "hello");
        send_text(&here, "");
        send_text(&here, large);
        WAIT("and back", here.texts == 3);
        CHECK("as they were", str_starts(buf_str(&here.heard), STR("hello\n\nxxx")));
        CHECK_INT("whole", here.heard.len, 6 + 1 + 4097);
        ws_link_close(TAKE(here.link), 1000, "that was all");
        WAIT("told", there.closes == 1);
        CHECK_STR("why", there.why, "the peer closed the WebSocket: 1000 that was all");
        hush(&here);
        hush(&there);
        close_all();
    }
}

static void a_peer_that_falls_silent_is_dead_and_one_that_answers_pings_is_not(void **state)
{
    (void)state;
    open_all(false);
    struct talker here = {0}, there = {0}, alone = {0};
    struct ends ends = connect_ends();
    talk(&here, ends.hub, 20);
    talk(&there, ends.worker, 0); /* answers pings, sends none */
    struct peer *peer = peer_connect(http_listener_port(hub));
    peer_say(peer, ASK("/ws", ""));
    WAIT("a third", accepted_count == 2);
    talk(&alone, TAKE(accepted[1]), 20);
    WAIT("dead", alone.closes == 1);
    CHECK_STR("why", alone.why, "the peer fell silent");
    WAIT("told", peer->is_eof);
    CHECK("it was pinged", peer_count_of(peer, "\x89") >= 2);
    CHECK("by policy", str_ends(buf_str(&peer->got), STR("\x03\xf0no answer to pings")));
    CHECK_INT("the other lives", here.closes, 0);
    hush(&here);
    hush(&there);
    hush(&alone);
    close_all();
}

static void who_does_not_read_is_given_up(void **state)
{
    (void)state;
    open_all(false);
    struct talker here = {0};
    struct peer *peer = peer_connect_small(http_listener_port(hub), 4096);
    peer_say(peer, ASK("/ws", ""));
    WAIT("open", accepted_count == 1);
    peer->is_stalled = true;
    talk(&here, TAKE(accepted[0]), 0);
    char text[4001] = {0};
    memset(text, 'x', 4000);
    int sent = 0;
    for (; here.link && sent < 4096; sent++) {
        send_text(&here, text);
        if (sent % 64 == 0)
            turn();
    }
    CHECK("long before 16 MB", sent < 4096);
    CHECK_INT("told once", here.closes, 1);
    CHECK_STR("why", here.why, "the peer does not take what it is sent");
    hush(&here);
    close_all();
}

/* ---- peers that break the rules: the code that they are closed with ---------------------------- */

static const struct broken {
    const char *name, *frames;
    size_t len;
    int code;
    const char *why;
} broken[] = {
#define FRAMES(text) text, sizeof(text) - 1
    {"not masked", FRAMES("\x81\x01x"), 1002, "a client's frame is not masked"},
    {"reserved bit", FRAMES("\xc1\x80----"), 1002, "a reserved bit is set"},
    {"bad UTF-8", FRAMES("\x81\x81\0\0\0\0\xff"), 1007, "a text is not UTF-8"},
    {"2 GB", FRAMES("\x81\xff\0\0\0\0\x7f\xff\xff\xff----"), 1009, "a message is too large"},
    {"one byte too many", FRAMES("\x81\xfe\x10\x01----"), 1009, "a message is too large"},
    {"bytes on a link", FRAMES("\x82\x81\0\0\0\0x"), 1003, "texts are expected"},
};

static void who_breaks_a_rule_is_told_by_the_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        open_all(false);
        struct talker here = {0};
        struct peer *peer = peer_connect(http_listener_port(hub));
        peer_say(peer, ASK("/ws", ""));
        WAIT("open", accepted_count == 1);
        turn();
        peer_forget(peer);
        talk(&here, TAKE(accepted[0]), 0);
        peer_send(peer, broken[i].frames, broken[i].len);
        WAIT(broken[i].name, here.closes == 1 && peer->is_eof);
        CHECK(broken[i].name, str_find(str_of(here.why), str_of(broken[i].why), NULL));
        CHECK(broken[i].name, peer->got.len > 4 && peer->got.data[0] == '\x88');
        const uint8_t *at = (const uint8_t *)peer->got.data;
        CHECK_INT(broken[i].name, at[2] << 8 | at[3], broken[i].code);
        hush(&here);
        close_all();
    }
}

static void a_flood_of_pings_is_answered_only_so_far(void **state)
{
    (void)state;
    open_all(false);
    struct talker here = {0};
    struct peer *peer = peer_connect(http_listener_port(hub));
    peer_say(peer, ASK("/ws", ""));
    WAIT("open", accepted_count == 1);
    talk(&here, TAKE(accepted[0]), 0);
    AUTO_BUF struct buf flood;
    buf_init(&flood, 4u << 20);
    for (int i = 0; i < 100000; i++)
        buf_append(&flood, "\x89\x80\0\0\0\0", 6);
    peer_send(peer, flood.data, flood.len);
    WAIT("closed", here.closes == 1);
    CHECK("why", str_find(str_of(here.why), STR("too many frames without content"), NULL));
    WAIT("told", peer->is_eof || peer->is_reset);
    CHECK("few pongs", peer_count_of(peer, "\x8a") <= WS_IDLE_MAX);
    CHECK("by policy", peer_has(peer, "\x03\xf0"));
    hush(&here);
    close_all();
}

/* ---- HTTP over it ----------------------------------------------------------------------------- */

static void a_call_runs_over_it_and_gives_it_back(void **state)
{
    (void)state;
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        open_all(with_tls);
        struct ends ends = connect_ends();
        struct caller caller;
        struct detached *over = ends.hub;
        adopt(ends.worker);
        for (int i = 1; i <= 5; i++) {
            call_over(&caller, over, "/echo", STR("question"));
            WAIT("answered", caller.ends == 1 || caller.failures);
            CHECK_STR("no failure", caller.sentence, "");
            CHECK_INT("status", caller.status, 200);
            CHECK_INT("begun", caller.interims, 1);
            CHECK_STR("with its header", caller.begun, "yes");
            CHECK("the answer", str_eq(buf_str(&caller.body), STR("question")));
            CHECK_INT("given back", caller.returns, 1);
            CHECK_INT("jobs", jobs, i);
            over = park(TAKE(caller.returned));
            forget(&caller);
        }
        CHECK_INT("idle after each", idles, 5);
        detached_free(over);
        WAIT("gone", adopted_closed == 1);
        close_all();
    }
}

static void a_large_request_and_a_large_stream_pass_whole(void **state)
{
    (void)state;
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        open_all(with_tls);
        struct ends ends = connect_ends();
        struct caller caller;
        AUTO_FREE char *large = mem_alloc(LARGE);
        CHECK("memory", large != NULL);
        for (size_t i = 0; i < LARGE; i++)
            large[i] = (char)(i * 31 + i / 1000);
        adopt(ends.worker);
        call_over(&caller, ends.hub, "/echo", (struct str){large, LARGE / 8});
        WAIT("echoed", caller.ends == 1 || caller.failures);
        CHECK_STR("no failure", caller.sentence, "");
        CHECK_INT("whole", caller.body.len, LARGE / 8);
        CHECK("as it was", memcmp(caller.body.data, large, LARGE / 8) == 0);
        struct detached *over = park(TAKE(caller.returned));
        forget(&caller);
        call_over(&caller, over, "/stream", STR(""));
        WAIT("streamed", caller.ends == 1 || caller.failures);
        CHECK_INT("whole", caller.bytes, LARGE);
        CHECK_INT("given back", caller.returns, 1);
        forget(&caller);
        close_all();
    }
}

static void a_caller_that_pauses_stops_the_worker(void **state)
{
    (void)state;
    open_all(false);
    struct ends ends = connect_ends();
    struct caller caller;
    adopt(ends.worker);
    call_over(&caller, ends.hub, "/stream", STR(""));
    caller.keeps_body = false;
    caller.pauses_at_body = true;
    WAIT("paused", caller.bytes > 0);
    turns(50);
    CHECK("the rest stands still", caller.bytes < 1u << 20);
    CHECK("at its source", job.exchange && job.left > LARGE / 2);
    CHECK("and little waits", exchange_pending(job.exchange) < 1u << 20);
    for (int i = 0; i < 20 && caller.call; i++) { /* it pauses again at each piece */
        call_resume(caller.call);
        turn();
    }
    caller.pauses_at_body = false;
    if (caller.call)
        call_resume(caller.call);
    WAIT("whole in the end", caller.ends == 1);
    CHECK_INT("all of it", caller.bytes, LARGE);
    forget(&caller);
    close_all();
}

/* What the peer says on a call, in place of our worker: how the call ends. */
static const struct torn {
    const char *name, *frames;
    size_t len;
    bool closes;
    enum call_failure failure; /* CALL_FAILED_COUNT: it ends well */
    int returns;
} torn[] = {
#define MASKED(op, len) op len "\0\0\0\0" /* a mask of zeros leaves the bytes as they are */
    {"whole", FRAMES(MASKED("\x82", "\xa8") "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
     false, CALL_FAILED_COUNT, 1},
    {"in fragments",
     FRAMES(MASKED("\x02", "\x89") "HTTP/1.1 " MASKED("\x00", "\x80") MASKED("\x89", "\x80")
                MASKED("\x80", "\x9f") "200 OK\r\ncontent-length: 2\r\n\r\nok"),
     false, CALL_FAILED_COUNT, 1},
    {"it says that it closes",
     FRAMES(MASKED("\x82",
                   "\xbb") "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
     false, CALL_FAILED_COUNT, 0},
    {"more than was said",
     FRAMES(MASKED("\x82", "\xab") "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTT"), false,
     CALL_FAILED_COUNT, 0},
    {"cut in the head", FRAMES(MASKED("\x82", "\x91") "HTTP/1.1 200 OK\r\n"), true,
     CALL_FAILED_RESET, 0},
    {"cut in the body",
     FRAMES(MASKED("\x82", "\xa7") "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no"), true,
     CALL_FAILED_RESET, 0},
    {"a close ends no body",
     FRAMES(MASKED("\x82", "\x95") "HTTP/1.1 200 OK\r\n\r\nok" MASKED("\x88", "\x82") "\x03\xe8"),
     true, CALL_FAILED_RESET, 0},
    {"an end of the connection neither", FRAMES(MASKED("\x82", "\x95") "HTTP/1.1 200 OK\r\n\r\nok"),
     true, CALL_FAILED_RESET, 0},
    {"a text in the middle", FRAMES(MASKED("\x81", "\x85") "ready"), false, CALL_FAILED_GARBAGE, 0},
    {"no HTTP", FRAMES(MASKED("\x82", "\x85") "hello"), false, CALL_FAILED_GARBAGE, 0},
    {"not masked", FRAMES("\x82\x05hello"), false, CALL_FAILED_GARBAGE, 0},
    {"101 where nobody asked",
     FRAMES(MASKED("\x82", "\xa6") "HTTP/1.1 101 X\r\nupgrade: websocket\r\n\r\n"), false,
     CALL_FAILED_GARBAGE, 0},
};

static void whatever_the_worker_says_the_call_ends_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(torn); i++) {
        open_all(false);
        struct caller caller;
        struct peer *peer = peer_connect(http_listener_port(hub));
        peer_say(peer, ASK("/ws", ""));
        WAIT("open", accepted_count == 1);
        call_over(&caller, TAKE(accepted[0]), "/x", STR("body"));
        WAIT("asked", peer_has(peer, "\r\n\r\nbody"));
        for (size_t at = 0; at < torn[i].len; at += 7) { /* frames across reads */
            peer_send(peer, torn[i].frames + at, torn[i].len - at < 7 ? torn[i].len - at : 7);
            turn();
        }
        if (torn[i].closes)
            peer_close(peer, false);
        WAIT(torn[i].name, caller.ends + caller.failures == 1);
        turns(3);
        CHECK_INT(torn[i].name, caller.ends, torn[i].failure == CALL_FAILED_COUNT);
        if (caller.failures)
            CHECK_INT(torn[i].name, caller.failure, torn[i].failure);
        CHECK_INT(torn[i].name, caller.returns, torn[i].returns);
        forget(&caller);
        close_all();
    }
}

static void ready_in_the_same_read_as_the_end_of_the_answer_waits_for_the_link(void **state)
{
    (void)state;
    open_all(false);
    struct caller caller;
    struct talker parked = {.detaches_at = 2};
    struct peer *peer = peer_connect(http_listener_port(hub));
    peer_say(peer, ASK("/ws", ""));
    WAIT("open", accepted_count == 1);
    call_over(&caller, TAKE(accepted[0]), "/x", STR(""));
    static const char all[] =
        MASKED("\x82", "\xa8") "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" //
        MASKED("\x81", "\x85") "ready" MASKED("\x81", "\x83") "two" MASKED("\x81", "\x85") "three";
    peer_send(peer, all, sizeof all - 1);
    WAIT("ended", caller.ends == 1);
    CHECK_INT("given back", caller.returns, 1);
    talk(&parked, TAKE(caller.returned), 0);
    WAIT("two texts", parked.detached != NULL);
    CHECK("in order", str_eq(buf_str(&parked.heard), STR("ready\ntwo\n")));
    talk(&parked, TAKE(parked.detached), 0);
    WAIT("the third for the next link", parked.texts == 3);
    CHECK("in order", str_ends(buf_str(&parked.heard), STR("two\nthree\n")));
    hush(&parked);
    forget(&caller);
    close_all();
}

static void a_cancelled_call_is_noticed_by_the_worker(void **state)
{
    (void)state;
    open_all(false);
    struct ends ends = connect_ends();
    struct caller caller;
    adopt(ends.worker);
    call_over(&caller, ends.hub, "/hangs", STR(""));
    WAIT("begun", jobs == 1);
    call_cancel(TAKE(caller.call));
    WAIT("noticed", job.is_gone && adopted_closed == 1);
    CHECK_INT("no end", caller.ends + caller.failures, 0);
    forget(&caller);
    close_all();
}

static void a_worker_that_goes_fails_the_call(void **state)
{
    (void)state;
    open_all(false);
    struct ends ends = connect_ends();
    struct caller caller;
    adopt(ends.worker);
    call_over(&caller, ends.hub, "/hangs", STR(""));
    WAIT("begun", jobs == 1);
    adopted_close(adopted);
    CHECK("its service is told", job.is_gone);
    WAIT("failed", caller.failures == 1);
    CHECK_INT("cut", caller.failure, CALL_FAILED_RESET);
    WAIT("told", adopted_closed == 1);
    forget(&caller);
    close_all();
}

static void an_answer_that_closes_ends_the_connection(void **state)
{
    (void)state;
    open_all(false);
    struct ends ends = connect_ends();
    struct caller caller;
    adopt(ends.worker);
    call_over(&caller, ends.hub, "/now", STR("a body that nobody reads"));
    WAIT("answered", caller.ends == 1);
    CHECK_INT("status", caller.status, 200);
    CHECK_INT("not given back", caller.returns, 0);
    WAIT("closed", adopted_closed == 1);
    forget(&caller);
    close_all();
}

static void a_draining_worker_takes_no_more(void **state)
{
    (void)state;
    open_all(false);
    struct ends idle = connect_ends(), late = connect_ends();
    struct adopted *refused_one = NULL;
    adopt(idle.worker);
    http_listener_drain(worker);
    WAIT("the idle one is closed", adopted_closed == 1);
    CHECK_INT("no other is taken",
              http_listener_adopt(worker, late.worker, &adopted_ops, "x", &refused_one),
              ERR_UNAVAILABLE);
    detached_free(idle.hub);
    detached_free(late.hub);
    close_all();
}

/* ---- from thread to thread -------------------------------------------------------------------- */

#define MOVES  400
#define THEIRS 2

/* A loop of its own, which takes connections, hears one text, answers it and passes the connection on. */
struct station {
    struct loop *loop;
    pthread_t thread;
    struct loop_message arrives;
    struct detached *arriving;
    struct talker talker;
    struct station *next;
    int heard;
    bool is_last;
};

static void on_station_text(void *owner, struct str text)
{
    struct station *station = owner;
    (void)text;
    station->heard++;
    ws_link_send(station->talker.link, STR("got it"));
    station->next->arriving = ws_link_detach(TAKE(station->talker.link));
    loop_post(station->next->loop, &station->next->arrives);
}

static const struct ws_link_ops station_ops = {.on_text = on_station_text,
                                               .on_closed = on_link_closed};

static void on_arrival(struct loop_message *message)
{
    struct station *station = LIST_OWNER(message, struct station, arrives);
    enum err err = ws_link_new(station->loop, station->arriving, 4096, 50, &station_ops, station,
                               &station->talker.link);
    CHECK("linked", err == OK);
}

static void *run_station(void *arg)
{
    loop_run(((struct station *)arg)->loop);
    return NULL;
}

static void a_connection_moves_between_threads_and_loses_nothing(void **state)
{
    (void)state;
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        open_all(with_tls);
        struct ends ends = connect_ends();
        struct talker here = {0};
        struct station stations[THEIRS] = {{0}};
        struct error error;
        for (int i = 0; i < THEIRS; i++) {
            stations[i].arrives.run = on_arrival;
            stations[i].next = &stations[(i + 1) % THEIRS];
            CHECK("a loop", loop_new(i + 1, &stations[i].loop, &error) == OK);
        }
        for (int i = 0; i < THEIRS; i++)
            CHECK("a thread",
                  pthread_create(&stations[i].thread, NULL, run_station, &stations[i]) == 0);
        stations[0].arriving = ends.hub;
        loop_post(stations[0].loop, &stations[0].arrives);
        talk(&here, ends.worker, 0);
        for (int i = 0; i < MOVES; i++)
            send_text(&here, "one more"); /* many in one read: the rest moves along */
        WAIT("all are answered", here.texts == MOVES);
        for (int i = 0; i < THEIRS; i++)
            loop_stop(stations[i].loop);
        for (int i = 0; i < THEIRS; i++)
            pthread_join(stations[i].thread, NULL);
        for (int i = 0; i < THEIRS; i++)
            loop_settle(stations[i].loop); /* may make a link, of what was under way */
        int heard = 0;
        for (int i = 0; i < THEIRS; i++) {
            heard += stations[i].heard;
            if (stations[i].talker.link)
                ws_link_close(TAKE(stations[i].talker.link), 1001, "");
            loop_free(stations[i].loop);
        }
        CHECK_INT("each was heard once", heard, MOVES);
        hush(&here);
        close_all();
    }
}

/* ---- memory ----------------------------------------------------------------------------------- */

#define PARKED 100

/* What a parked connection holds on the hub's side, in the kernel's eyes nothing: its texts and frames are gone. */
static void a_parked_connection_is_small(void **state)
{
    (void)state;
    static struct talker parked[PARKED];
    static struct detached *others[PARKED];
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        open_all(with_tls);
        memset(parked, 0, sizeof parked);
        for (int i = 0; i < PARKED; i++) {
            struct ends ends = connect_ends();
            others[i] = ends.worker;
            accepted[i] = ends.hub;
        }
        turns(3);
        size_t detached_bytes = mallinfo2().uordblks;
        for (int i = 0; i < PARKED; i++)
            CHECK("linked", ws_link_new(stage.loop, TAKE(accepted[i]), 4096, 20000, &link_ops,
                                        &parked[i], &parked[i].link) == OK);
        turns(3);
        size_t linked_bytes = mallinfo2().uordblks;
        for (int i = 0; i < PARKED; i++)
            ws_link_close(TAKE(parked[i].link), 1000, "");
        turns(3);
        size_t closed_bytes = mallinfo2().uordblks;
        size_t link = linked_bytes > detached_bytes ? (linked_bytes - detached_bytes) / PARKED : 0;
        size_t all = linked_bytes > closed_bytes ? (linked_bytes - closed_bytes) / PARKED : 0;
        print_message("parked%s: %zu bytes of heap, %zu of them the link's\n",
                      with_tls ? " (TLS)" : "", all, link);
        if (!with_tls)
            CHECK("8 KiB at most", all <= 8192);
        for (int i = 0; i < PARKED; i++)
            detached_free(TAKE(others[i]));
        close_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_proper_request_is_answered_101_and_leaves_http),
        TEST(an_upgrade_may_come_later),
        TEST(what_is_no_proper_request_is_answered_in_the_paths_shape),
        TEST(a_dial_that_leads_to_no_socket_says_why),
        TEST(a_dial_is_cancelled_silently),
        TEST(a_server_of_another_authority_is_not_believed),
        TEST(texts_go_both_ways),
        TEST(a_peer_that_falls_silent_is_dead_and_one_that_answers_pings_is_not),
        TEST(who_does_not_read_is_given_up),
        TEST(who_breaks_a_rule_is_told_by_the_code),
        TEST(a_flood_of_pings_is_answered_only_so_far),
        TEST(a_call_runs_over_it_and_gives_it_back),
        TEST(a_large_request_and_a_large_stream_pass_whole),
        TEST(a_caller_that_pauses_stops_the_worker),
        TEST(whatever_the_worker_says_the_call_ends_once),
        TEST(ready_in_the_same_read_as_the_end_of_the_answer_waits_for_the_link),
        TEST(a_cancelled_call_is_noticed_by_the_worker),
        TEST(a_worker_that_goes_fails_the_call),
        TEST(an_answer_that_closes_ends_the_connection),
        TEST(a_draining_worker_takes_no_more),
        TEST(a_connection_moves_between_threads_and_loses_nothing),
        TEST(a_parked_connection_is_small),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
