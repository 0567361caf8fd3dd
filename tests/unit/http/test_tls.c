/* tests/unit/http/test_tls.c: our client and our server over TLS, with authorities made here. T11, F06. */
#include "tests/unit/http/loopback.h"

#include "tests/unit/http/authority.h"

#include <sys/stat.h>

#define LARGE_BYTES (12u << 20)

static char ca_file[64], other_ca_file[64];

/* ---- the two sides ---------------------------------------------------------------------------- */

static struct http_listener *listener;
static struct client_pool *pool;
static SSL_CTX *context;
static struct exchange *held;
static struct buf *streamed; /* what /stream sends */
static size_t streamed_at;
static int gone_count;

static uint64_t sum_of(struct str bytes)
{
    return str_hash(bytes);
}

static void stream_on(void *arg)
{
    (void)arg;
    while (held && exchange_pending(held) <= EXCHANGE_HIGH_BYTES && streamed_at < streamed->len) {
        size_t left = streamed->len - streamed_at, part = left < 50000 ? left : 50000;
        struct iovec pieces[2] = {{streamed->data + streamed_at, part / 3},
                                  {streamed->data + streamed_at + part / 3, part - part / 3}};
        exchange_send(held, pieces, 2);
        streamed_at += part;
    }
    if (held && streamed_at == streamed->len)
        exchange_finish(TAKE(held));
}

static void on_body(void *arg)
{
    (void)arg;
    struct buf body;
    char text[64];
    exchange_take_body(held, &body);
    int len = snprintf(text, sizeof text, "%zu %llx", body.len,
                       (unsigned long long)sum_of(buf_str(&body)));
    body_budget_return(body.len);
    buf_release(&body);
    exchange_answer(TAKE(held), 200, STR(""), STR(""), (struct str){text, (size_t)len});
}

static void on_gone(void *arg)
{
    (void)arg;
    held = NULL;
    gone_count++;
}

static const struct exchange_ops server_ops = {
    .on_body = on_body, .on_gone = on_gone, .on_drained = stream_on};

static void on_request(void *arg, struct exchange *exchange)
{
    (void)arg;
    struct str path = exchange_head(exchange)->path;
    exchange_attach(exchange, &server_ops, NULL);
    if (str_eq(path, STR("/now"))) {
        exchange_answer(exchange, 200, STR(""), STR(""), STR("hello"));
        return;
    }
    held = exchange;
    if (str_eq(path, STR("/sum")))
        exchange_want_body(exchange, 64u << 20);
    if (str_eq(path, STR("/stream"))) {
        exchange_start(exchange, 200, STR(""), STR(""));
        stream_on(NULL);
    }
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg, (void)status, (void)path, (void)headers;
    buf_puts(body, sentence);
}

struct caller {
    struct call *call;
    int ends, failures;
    enum call_failure failure;
    char sentence[200];
    struct buf body;
    size_t pauses_every, paused_at;
    bool is_paused;
};

static void on_head(void *owner, const struct http_head *head)
{
    (void)owner, (void)head;
}

static void on_answer(void *owner, char *bytes, size_t len)
{
    struct caller *caller = owner;
    buf_append(&caller->body, bytes, len);
    if (caller->pauses_every && caller->body.len - caller->paused_at >= caller->pauses_every) {
        caller->paused_at = caller->body.len;
        caller->is_paused = true;
        call_pause(caller->call);
    }
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

static const struct call_ops client_ops = {
    .on_head = on_head, .on_body = on_answer, .on_end = on_end, .on_failed = on_failed};

/* Starts a call to https://host:port/path; `body` may be empty. */
static void call(struct caller *caller, const char *host, int port, const char *path,
                 struct str body)
{
    struct target target;
    struct error error;
    char url[300];
    static char head[400];
    snprintf(url, sizeof url, "https://%s:%d", host, port);
    CHECK("a target", target_parse(url, &target, &error) == OK);
    int len =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                 path, body.len);
    struct call_options options = {
        .target = &target,
        .pieces = {{head, (size_t)len}, {(char *)(uintptr_t)body.at, body.len}},
        .piece_count = 2,
        .connect_ms = 3000,
        .first_byte_ms = 8000,
        .idle_ms = 8000,
        .ops = &client_ops,
        .owner = caller};
    buf_release(&caller->body);
    size_t every = caller->pauses_every;
    *caller = (struct caller){.pauses_every = every};
    buf_init(&caller->body, 64u << 20);
    caller->call = call_start(pool, &options);
    CHECK("started", caller->call != NULL);
}

static struct http_service service = {.on_request = on_request, .write_error = write_error};

static int open_all(const struct authority *authority, const char *trusts)
{
    struct error error;
    stage_open();
    gone_count = 0;
    held = NULL;
    context = server_context(authority);
    struct http_listener_options options = {.loop = stage.loop,
                                            .host = "127.0.0.1",
                                            .tls = context,
                                            .service = &service,
                                            .head_ms = 1500};
    struct client_options how = {.ca_file = trusts};
    CHECK("listens", http_listener_new(&options, &listener, &error) == OK);
    CHECK("a pool", client_pool_new(stage.loop, &how, &pool, &error) == OK);
    return http_listener_port(listener);
}

static void close_all(struct caller *caller)
{
    buf_release(&caller->body);
    client_pool_free(pool);
    http_listener_free(listener);
    stage_close();
    SSL_CTX_free(context);
}

static struct authority ca, other_ca, good, by_address, expired, by_other;

static int make_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(directory))
        return -1;
    ca = make("test authority", NULL, NULL, 30 * DAY_S);
    other_ca = make("another authority", NULL, NULL, 30 * DAY_S);
    good = make("localhost", "DNS:localhost", &ca, 30 * DAY_S);
    by_address = make("x", "IP:127.0.0.1", &ca, 30 * DAY_S);
    expired = make("localhost", "DNS:localhost", &ca, -DAY_S);
    by_other = make("localhost", "DNS:localhost", &other_ca, 30 * DAY_S);
    in_directory(ca_file, sizeof ca_file, "ca.pem");
    in_directory(other_ca_file, sizeof other_ca_file, "other.pem");
    write_pem(ca_file, ca.cert, NULL);
    write_pem(other_ca_file, other_ca.cert, NULL);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    struct authority *all[] = {&ca, &other_ca, &good, &by_address, &expired, &by_other};
    for (size_t i = 0; i < COUNT(all); i++)
        drop(all[i]);
    unlink(ca_file);
    unlink(other_ca_file);
    return rmdir(directory);
}

/* ---- stories ---------------------------------------------------------------------------------- */

static void a_call_is_answered_over_tls_and_the_connection_reused(void **state)
{
    (void)state;
    struct caller caller = {0};
    int port = open_all(&good, ca_file);
    for (int i = 0; i < 3; i++) {
        call(&caller, "localhost", port, "/now", STR(""));
        WAIT("answered", caller.ends == 1);
        CHECK("right", str_eq(buf_str(&caller.body), STR("hello")));
    }
    CHECK_INT("one handshake", SSL_CTX_sess_accept_good(context), 1);
    close_all(&caller);
}

static void the_next_connection_resumes_the_session(void **state)
{
    (void)state;
    struct caller caller = {0};
    int port = open_all(&good, ca_file);
    for (int i = 0; i < 3; i++) {
        call(&caller, "localhost", port, "/now", STR(""));
        WAIT("answered", caller.ends == 1);
        client_pool_clear(pool);
        turns(2);
    }
    CHECK_INT("three handshakes", SSL_CTX_sess_accept_good(context), 3);
    CHECK_INT("two of them resumed", SSL_CTX_sess_hits(context), 2);
    close_all(&caller);
}

static void who_it_is_must_be_proven(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const struct authority *authority;
        const char *trusts, *host, *sentence; /* NULL: accepted */
    } stories[] = {
        {"the right name", &good, ca_file, "localhost", NULL},
        {"the right address", &by_address, ca_file, "127.0.0.1", NULL},
        {"a wrong name", &by_address, ca_file, "localhost", "ostname mismatch"},
        {"a name where an address is asked", &good, ca_file, "127.0.0.1", "IP address mismatch"},
        {"expired", &expired, ca_file, "localhost", "expired"},
        {"another authority", &by_other, ca_file, "localhost", "local issuer"},
        {"the other authority, trusted", &by_other, other_ca_file, "localhost", NULL},
        {"an authority nobody knows", &good, other_ca_file, "localhost", "local issuer"},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct caller caller = {0};
        int port = open_all(stories[i].authority, stories[i].trusts);
        call(&caller, stories[i].host, port, "/now", STR(""));
        WAIT(stories[i].name, caller.ends + caller.failures == 1);
        CHECK(stories[i].name, (caller.ends == 1) == (stories[i].sentence == NULL));
        if (stories[i].sentence) {
            CHECK_STR(stories[i].name, call_failure_reason(caller.failure), "tls_failed");
            CHECK(caller.sentence,
                  str_find(str_of(caller.sentence), str_of(stories[i].sentence), NULL));
        }
        WAIT("nothing is left", caller.ends || http_listener_connections(listener) == 0);
        close_all(&caller);
    }
}

static void make_large(struct buf *buf)
{
    buf_init(buf, 64u << 20);
    CHECK("room", buf_reserve(buf, LARGE_BYTES));
    for (uint32_t i = 0, x = 1; i < LARGE_BYTES; i++, x = x * 1664525u + 1013904223u)
        buf->data[i] = (char)(x >> 24);
    buf->len = LARGE_BYTES;
}

static void a_large_request_arrives_whole(void **state)
{
    (void)state;
    struct caller caller = {0};
    AUTO_BUF struct buf large;
    make_large(&large);
    int port = open_all(&good, ca_file);
    call(&caller, "localhost", port, "/sum", buf_str(&large));
    WAIT("answered", caller.ends + caller.failures == 1);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%zu %llx", large.len,
             (unsigned long long)sum_of(buf_str(&large)));
    CHECK("the same bytes", str_eq(buf_str(&caller.body), str_of(wanted)));
    close_all(&caller);
}

static void a_large_answer_arrives_whole_through_pauses(void **state)
{
    (void)state;
    AUTO_BUF struct buf large;
    make_large(&large);
    streamed = &large;
    for (size_t every = 0; every <= 1000000; every += 500000) {
        struct caller caller = {.pauses_every = every};
        streamed_at = 0;
        int port = open_all(&good, ca_file);
        call(&caller, "localhost", port, "/stream", STR(""));
        for (int i = 0; i < PATIENCE && !caller.ends && !caller.failures; i++) {
            turn();
            if (caller.is_paused && caller.call && i % 4 == 0) {
                caller.is_paused = false;
                call_resume(caller.call);
            }
        }
        CHECK_INT("ended", caller.ends, 1);
        CHECK_INT("all of it", caller.body.len, large.len);
        CHECK("the same bytes", memcmp(caller.body.data, large.data, large.len) == 0);
        call(&caller, "localhost", port, "/now", STR(""));
        WAIT("and reused", caller.ends == 1);
        CHECK_INT("one handshake", SSL_CTX_sess_accept_good(context), 1);
        close_all(&caller);
    }
    streamed = NULL;
}

static void a_stream_cut_in_the_middle_is_told(void **state)
{
    (void)state;
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        struct caller caller = {0};
        int port = open_all(&good, ca_file);
        call(&caller, "localhost", port, "/held", STR(""));
        WAIT("began", held != NULL);
        exchange_start(held, 200, STR(""), STR(""));
        struct iovec piece = {(char[]){"some"}, 4};
        exchange_send(held, &piece, 1);
        WAIT("some of it", caller.body.len == 4);
        exchange_abort(TAKE(held), with_reset);
        WAIT("told", caller.failures == 1);
        CHECK_STR("reason", call_failure_reason(caller.failure), "connection_reset");
        close_all(&caller);
    }
}

static void a_cancelled_call_is_noticed_by_the_other_side(void **state)
{
    (void)state;
    struct caller caller = {0};
    int port = open_all(&good, ca_file);
    call(&caller, "localhost", port, "/held", STR(""));
    WAIT("began", held != NULL);
    call_cancel(TAKE(caller.call));
    WAIT("noticed", gone_count == 1);
    CHECK_INT("silent", caller.ends + caller.failures, 0);
    close_all(&caller);
}

static void who_does_not_speak_tls_is_let_go(void **state)
{
    (void)state;
    struct caller caller = {0};
    int port = open_all(&good, ca_file);
    struct peer *plain = peer_connect(port), *mute = peer_connect(port), *half = peer_connect(port);
    peer_say(plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_send(half, "\x16\x03\x01\x02\x00\x01", 6);
    WAIT("nonsense at once", plain->is_eof || plain->is_reset);
    peer_close(half, true);
    WAIT("silence in time", mute->is_eof || mute->is_reset);
    WAIT("all", http_listener_connections(listener) == 0);

    struct upstream upstream; /* and a server that speaks plain HTTP */
    upstream_open(&upstream, 0);
    call(&caller, "localhost", upstream.port, "/now", STR(""));
    struct peer *peer = NULL;
    WAIT("a connection", (peer = upstream_accept(&upstream)) != NULL);
    peer_say(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "tls_failed");
    call(&caller, "localhost", upstream.port, "/now", STR(""));
    WAIT("a connection", (peer = upstream_accept(&upstream)) != NULL);
    peer_close(peer, false);
    WAIT("told", caller.failures == 1);
    CHECK_STR("reason", call_failure_reason(caller.failure), "tls_failed");
    CHECK("in words", strstr(caller.sentence, "error:00000000") == NULL);
    upstream_close(&upstream);
    close_all(&caller);
}

static void bad_files_are_refused_with_a_sentence(void **state)
{
    (void)state;
    SSL_CTX *none = NULL;
    struct error error = {0};
    char cert[64], key[64];
    in_directory(cert, sizeof cert, "c.pem");
    in_directory(key, sizeof key, "k.pem");
    CHECK("no file", tls_server_context("/nowhere", "/nowhere", &none, &error) == ERR_MALFORMED);
    write_pem(cert, good.cert, NULL);
    write_pem(key, NULL, expired.key);
    CHECK("another's key", tls_server_context(cert, key, &none, &error) == ERR_MALFORMED);
    CHECK("a sentence", strstr(error.text, key) != NULL);
    CHECK("no authority", tls_client_context("/nowhere", &none, &error) == ERR_MALFORMED && !none);
    unlink(cert);
    unlink(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_answered_over_tls_and_the_connection_reused),
        TEST(the_next_connection_resumes_the_session),
        TEST(who_it_is_must_be_proven),
        TEST(a_large_request_arrives_whole),
        TEST(a_large_answer_arrives_whole_through_pauses),
        TEST(a_stream_cut_in_the_middle_is_told),
        TEST(a_cancelled_call_is_noticed_by_the_other_side),
        TEST(who_does_not_speak_tls_is_let_go),
        TEST(bad_files_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
