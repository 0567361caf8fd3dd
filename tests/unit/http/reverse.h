/* tests/unit/http/reverse.h: the stage of stories about WebSockets: a hub that answers requests for them and calls
 * over them, a worker that dials and serves what comes over them, both on the loop of loopback.h.
 */
#pragma once
#include "http/upgrade.h"
#include "tests/unit/http/authority.h"
#include "tests/unit/http/loopback.h"

#define PROTOCOL "auxot.reverse.v1"
#define LARGE    (24u << 20)

/* What a raw peer says. */
#define ASK(path, rest)                                                                 \
    "GET " path " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"      \
    "Sec-WebSocket-Protocol: x, " PROTOCOL "\r\n" rest "\r\n"
#define FRAMES(text)    text, sizeof(text) - 1
#define MASKED(op, len) op len "\0\0\0\0" /* a mask of zeros leaves the bytes as they are */

/* ---- the hub's side --------------------------------------------------------------------------- */

static struct http_listener *hub, *worker; /* `worker` is private: it serves what is adopted */
static struct client_pool *pool;
static SSL_CTX *context;
static struct detached *accepted[512];
static int accepted_count, refused_count, fds_before;
static enum err upgrade_err;
static struct exchange *asked; /* /later: upgraded when the story says so */

static inline void accept_socket(struct exchange *exchange)
{
    struct detached *detached = NULL;
    upgrade_err = exchange_upgrade(exchange, STR(PROTOCOL), &detached);
    if (upgrade_err == OK)
        accepted[accepted_count++] = detached;
    else
        refused_count++;
}

static inline void on_hub_gone(void *owner)
{
    (void)owner;
    asked = NULL;
}

static const struct exchange_ops hub_ops = {.on_body = on_hub_gone, .on_gone = on_hub_gone};

static inline void on_hub_request(void *arg, struct exchange *exchange)
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

static inline void write_error(void *arg, int status, struct str path, const char *sentence,
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
static int64_t worker_ping_ms; /* 0: as usual */
static int64_t call_ping_ms;   /* of calls; 0: none */
static struct adopted *adopted;

static inline void stream_on(void *owner)
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

static inline void on_job_body(void *owner)
{
    struct job *mine = owner;
    struct buf body;
    exchange_take_body(mine->exchange, &body);
    exchange_answer(TAKE(mine->exchange), 200, STR("x-answer: yes\r\n"), STR("text/plain"),
                    buf_str(&body));
    body_budget_return(body.len);
    buf_release(&body);
}

static inline void on_job_gone(void *owner)
{
    struct job *mine = owner;
    mine->exchange = NULL;
    mine->is_gone = true;
}

static const struct exchange_ops job_ops = {
    .on_body = on_job_body, .on_gone = on_job_gone, .on_drained = stream_on};

static inline void on_job(void *arg, struct exchange *exchange)
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

static inline void on_idle(void *owner)
{
    CHECK_STR("owner", owner, "the owner");
    idles++;
    adopted_send_text(adopted, STR("ready"));
}

static inline void on_adopted_closed(void *owner)
{
    (void)owner;
    adopted = NULL;
    adopted_closed++;
}

static const struct adopted_ops adopted_ops = {.on_idle = on_idle, .on_closed = on_adopted_closed};

static inline void adopt(struct detached *detached)
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

static inline void on_open(void *owner, struct detached *detached)
{
    struct dialler *dialler = owner;
    dialler->dial = NULL;
    dialler->detached = detached;
}

static inline void on_dial_failed(void *owner, int status, const char *sentence)
{
    struct dialler *dialler = owner;
    dialler->dial = NULL;
    dialler->failures++;
    dialler->status = status;
    str_copy(str_of(sentence), dialler->sentence, sizeof dialler->sentence);
}

static const struct ws_dial_ops dial_ops = {.on_open = on_open, .on_failed = on_dial_failed};

static bool is_tls;

static inline void dial_at(struct dialler *dialler, int port, const char *path)
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

static inline struct ends connect_ends(void)
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
    bool echoes, has_broken_rule;
};

static inline void on_text(void *owner, struct str text)
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

static inline void on_link_closed(void *owner, bool has_broken_rule, const char *why)
{
    struct talker *talker = owner;
    talker->has_broken_rule = has_broken_rule;
    talker->link = NULL;
    talker->closes++;
    str_copy(str_of(why), talker->why, sizeof talker->why);
}

static const struct ws_link_ops link_ops = {.on_text = on_text, .on_closed = on_link_closed};

static inline void talk(struct talker *talker, struct detached *detached, int64_t ping_ms)
{
    if (!talker->heard.limit_bytes)
        buf_init(&talker->heard, 64u << 20);
    CHECK("linked",
          ws_link_new(stage.loop, detached, 4096, ping_ms, &link_ops, talker, &talker->link) == OK);
}

static inline void hush(struct talker *talker)
{
    if (talker->link)
        ws_link_close(TAKE(talker->link), 1000, "done");
    detached_free(TAKE(talker->detached));
    buf_release(&talker->heard);
}

static inline void send_text(struct talker *talker, const char *text)
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

static inline void on_interim(void *owner, const struct http_head *head)
{
    struct caller *caller = owner;
    CHECK("before the answer", caller->status == 0);
    caller->interims++;
    str_copy(http_header_find(head, STR("x-begun"), NULL), caller->begun, sizeof caller->begun);
}

static inline void on_head(void *owner, const struct http_head *head)
{
    struct caller *caller = owner;
    caller->status = head->status;
}

static inline void on_answer(void *owner, char *bytes, size_t len)
{
    struct caller *caller = owner;
    caller->bytes += len;
    if (caller->keeps_body)
        buf_append(&caller->body, bytes, len);
    if (caller->pauses_at_body)
        call_pause(caller->call);
}

static inline void on_end(void *owner)
{
    struct caller *caller = owner;
    caller->call = NULL;
    caller->ends++;
}

static inline void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct caller *caller = owner;
    caller->call = NULL;
    caller->failures++;
    caller->failure = failure;
    str_copy(str_of(sentence), caller->sentence, sizeof caller->sentence);
}

static inline void on_returned(void *owner, struct detached *detached)
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

static inline void call_over(struct caller *caller, struct detached *over, const char *path,
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
        .ping_ms = call_ping_ms,
        .idle_ms = 5000,
        .ops = &call_ops,
        .owner = caller};
    caller->call = call_start(pool, &options);
    CHECK("started", caller->call != NULL);
}

/* Parked until the worker says that it is ready. */
static inline struct detached *park(struct detached *detached)
{
    struct talker parked = {.detaches_at = 1};
    talk(&parked, detached, 0);
    WAIT("ready again", parked.detached != NULL);
    CHECK("by its text", str_eq(buf_str(&parked.heard), STR("ready\n")));
    buf_release(&parked.heard);
    return parked.detached;
}

static inline void forget(struct caller *caller)
{
    buf_release(&caller->body);
    detached_free(TAKE(caller->returned));
}

/* ---- the stage -------------------------------------------------------------------------------- */

static char ca_file[64];
static struct authority ca, localhost;

static inline int make_all(void **state)
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

static inline int drop_all(void **state)
{
    (void)state;
    drop(&ca);
    drop(&localhost);
    unlink(ca_file);
    return rmdir(directory);
}

static inline int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline void open_all(bool with_tls)
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
        .loop = stage.loop, .is_private = true, .service = &job_service, .ping_ms = worker_ping_ms};
    struct client_options how = {.ca_file = ca_file};
    CHECK("the hub listens", http_listener_new(&at, &hub, &error) == OK);
    CHECK("the worker serves", http_listener_new(&within, &worker, &error) == OK);
    CHECK("a pool", client_pool_new(stage.loop, &how, &pool, &error) == OK);
}

static inline void close_all(void)
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
