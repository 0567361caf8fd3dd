/* tests/unit/http/test_server.c: the server side over real sockets, told as stories. T21, F27 to F32, F64. */
#include "tests/unit/http/loopback.h"

#include "net/conn.h"

#include <sys/resource.h>

#define LIMIT_BYTES 100000u
#define GET(path)   "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- a service that does what the path says --------------------------------------------------- */

struct visit {
    struct exchange *exchange; /* NULL once it ended */
    char path[64];
    int bodies, drained;
    bool is_gone;
};

static struct visit visits[256];
static int visit_count, gone_count;
static struct http_listener *listener;
static struct http_service service;

static void answer(struct visit *visit, const char *text)
{
    struct exchange *exchange = TAKE(visit->exchange);
    exchange_answer(exchange, 200, STR(""), STR("text/plain"), str_of(text));
}

static void on_body(void *owner)
{
    struct visit *visit = owner;
    visit->bodies++;
    if (strncmp(visit->path, "/echo", 5) != 0)
        return;
    struct buf body;
    exchange_take_body(visit->exchange, &body);
    exchange_answer(TAKE(visit->exchange), 200, STR(""), STR("text/plain"), buf_str(&body));
    body_budget_return(body.len);
    buf_release(&body);
}

static void on_gone(void *owner)
{
    struct visit *visit = owner;
    visit->exchange = NULL;
    visit->is_gone = true;
    gone_count++;
}

static void on_drained(void *owner)
{
    struct visit *visit = owner;
    visit->drained++;
}

static const struct exchange_ops ops = {
    .on_body = on_body, .on_gone = on_gone, .on_drained = on_drained};

static void on_request(void *arg, struct exchange *exchange)
{
    (void)arg;
    struct visit *visit = &visits[visit_count++ % (int)COUNT(visits)];
    *visit = (struct visit){.exchange = exchange};
    str_copy(exchange_head(exchange)->path, visit->path, sizeof visit->path);
    exchange_attach(exchange, &ops, visit);
    if (strncmp(visit->path, "/now", 4) == 0)
        answer(visit, visit->path);
    if (strcmp(visit->path, "/echo") == 0 || strcmp(visit->path, "/body") == 0)
        exchange_want_body(exchange, LIMIT_BYTES);
    if (strcmp(visit->path, "/impatient") == 0) { /* asks for the body, and answers all the same */
        exchange_want_body(exchange, LIMIT_BYTES);
        answer(visit, "no");
    }
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    (void)path;
    buf_printf(headers, "x-status: %d\r\n", status);
    buf_printf(body, "{\"error\":\"%s\"}", sentence);
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int fds_before;

/* `how` holds what a story changes; the rest are short times for the impatient. */
static int serve(struct http_listener_options how)
{
    struct error error;
    fds_before = open_fds();
    visit_count = gone_count = 0;
    memset(visits, 0, sizeof visits);
    stage_open();
    service = (struct http_service){.on_request = on_request, .write_error = write_error};
    how.loop = stage.loop;
    how.host = "127.0.0.1";
    how.service = &service;
    CHECK("listens", http_listener_new(&how, &listener, &error) == OK);
    return http_listener_port(listener);
}

static void unserve(void)
{
    http_listener_free(listener);
    stage_close();
    CHECK_INT("no body is held", body_budget_used(), 0);
    CHECK_INT("every descriptor came back", open_fds(), fds_before);
}

#define PLAIN ((struct http_listener_options){0})

/* ---- one after the other ---------------------------------------------------------------------- */

static void a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    for (int i = 0; i < 5; i++) {
        peer_say(peer, GET("/now"));
        WAIT("answered", peer_has(peer, "\r\n\r\n/now"));
        CHECK("a whole head", peer_has(peer, "HTTP/1.1 200 OK\r\ndate: "));
        CHECK("its length", peer_has(peer, "content-length: 4\r\n"));
        CHECK("it stays", !peer_has(peer, "connection:"));
        peer_forget(peer);
    }
    CHECK_INT("one connection", http_listener_connections(listener), 1);
    unserve();
}

static void pipelined_requests_are_answered_in_order_one_at_a_time(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, GET("/a") GET("/now") GET("/b") "\r\n" GET("/now2"));
    WAIT("the first", visit_count == 1);
    turns(5);
    CHECK_INT("only the first", visit_count, 1);
    answer(&visits[0], "first");
    WAIT("the third", visit_count == 3);
    CHECK("in order", strcmp(visits[2].path, "/b") == 0);
    answer(&visits[2], "third");
    WAIT("the last", peer_has(peer, "/now2"));
    size_t a = 0, b = 0, c = 0, d = 0;
    struct str got = buf_str(&peer->got);
    CHECK("all", str_find(got, STR("first"), &a) && str_find(got, STR("/now"), &b) &&
                     str_find(got, STR("third"), &c) && str_find(got, STR("/now2"), &d));
    CHECK("in order", a < b && b < c && c < d);
    unserve();
}

static void many_small_requests_in_one_read_are_all_answered(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    AUTO_BUF struct buf all;
    buf_init(&all, 1u << 20);
    for (int i = 0; i < 3000; i++)
        buf_puts(&all, GET("/now"));
    peer_send(peer, all.data, all.len);
    WAIT("all",
         str_ends(buf_str(&peer->got), STR("/now")) && peer_count_of(peer, "\r\n\r\n/now") == 3000);
    unserve();
}

static void who_asks_on_without_reading_is_made_to_wait(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *peer = peer_connect_small(port, 4096);
    peer->is_stalled = true;
    AUTO_BUF struct buf block;
    buf_init(&block, 1u << 20);
    for (int i = 0; i < 1000; i++)
        buf_puts(&block, GET("/now"));
    size_t at = 0, sent = 0, limit = 64u << 20;
    for (int quiet = 0; quiet < 50 && sent < limit;) {
        ssize_t n = send(peer->fd, block.data + at, block.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        quiet = n > 0 ? 0 : quiet + 1;
        sent += n > 0 ? (size_t)n : 0;
        at = sent % block.len;
        if (n <= 0)
            turn();
    }
    CHECK("in the end no more was taken", sent < limit);
    peer_wake(peer);
    peer_send(peer, block.data + at, block.len - at);
    peer_say(peer, GET("/now-last"));
    WAIT("the last is answered", str_ends(buf_str(&peer->got), STR("/now-last")));
    CHECK_INT("and all", peer_count_of(peer, "\r\n\r\n/now"),
              (sent - at + block.len) / strlen(GET("/now")) + 1);
    unserve();
}

static void a_request_may_arrive_byte_by_byte(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    const char *raw = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for (const char *at = raw; *at; at++) {
        peer_send(peer, at, 1);
        turn();
    }
    WAIT("answered", peer_has(peer, "\r\n\r\nhello"));
    peer_forget(peer);
    raw = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    for (const char *at = raw; *at; at++) {
        peer_send(peer, at, 1);
        turn();
    }
    WAIT("answered", peer_has(peer, "\r\n\r\nhello"));
    unserve();
}

/* ---- bodies ----------------------------------------------------------------------------------- */

static void say_large(struct peer *peer, const char *head, size_t len)
{
    AUTO_BUF struct buf all;
    buf_init(&all, 32u << 20);
    buf_puts(&all, head);
    for (size_t i = 0; i < len; i++)
        buf_putc(&all, (char)('a' + i % 26));
    peer_send(peer, all.data, all.len);
}

static void a_body_in_the_same_read_as_its_head_is_echoed(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    say_large(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", 100000);
    WAIT("all of it", peer->got.len > 100000);
    CHECK("it stays", !peer_has(peer, "connection: close"));
    unserve();
}

static void a_split_head_before_a_large_body_is_no_trouble(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, "POST /echo HT");
    turns(3);
    say_large(peer, "TP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 99999);
    WAIT("all of it", peer->got.len > 99999);
    unserve();
}

static void a_body_wanted_late_is_still_there(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    say_large(peer, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 3);
    WAIT("the head", visit_count == 1);
    turns(3);
    exchange_want_body(visits[0].exchange, LIMIT_BYTES);
    WAIT("small", visits[0].bodies == 1);
    answer(&visits[0], "ok");
    WAIT("answered", peer_has(peer, "ok"));

    struct peer *large = peer_connect(http_listener_port(listener));
    AUTO_BUF struct buf all;
    buf_init(&all, 1u << 20);
    buf_puts(&all, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 100000; i++)
        buf_putc(&all, 'x');
    CHECK("into the socket", send(large->fd, all.data, all.len, MSG_DONTWAIT) == (ssize_t)all.len);
    WAIT("the head", visit_count == 2);
    turns(10);
    CHECK("waits", !large->is_reset && !visits[1].is_gone);
    exchange_want_body(visits[1].exchange, LIMIT_BYTES);
    WAIT("large", visits[1].bodies == 1);
    answer(&visits[1], "ok");
    WAIT("answered", peer_has(large, "ok"));
    unserve();
}

static void a_request_without_a_body_has_an_empty_one(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, GET("/echo"));
    WAIT("answered", peer_has(peer, "content-length: 0\r\n"));
    CHECK_INT("told once", visits[0].bodies, 1);
    peer_say(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    WAIT("again", peer_count_of(peer, "content-length: 0\r\n") == 2);
    unserve();
}

static void an_answer_before_the_body_was_told_is_not_told_to_the_next(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, GET("/impatient") GET("/held"));
    WAIT("both", visit_count == 2);
    turns(5);
    CHECK_INT("nobody was told of a body", visits[0].bodies + visits[1].bodies, 0);
    answer(&visits[1], "ok");
    WAIT("answered", peer_has(peer, "ok"));
    unserve();
}

static void a_body_too_large_is_answered_so_that_the_client_sees_it(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    say_large(peer, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n", 900000);
    WAIT("413", peer_has(peer, "HTTP/1.1 413 "));
    WAIT("the end", peer->is_eof || peer->is_reset);
    CHECK("no reset ate it", peer->is_eof && peer_has(peer, "larger than 100000 bytes"));
    CHECK("on_gone", visits[0].is_gone && visits[0].bodies == 0);

    struct peer *chunked = peer_connect(http_listener_port(listener));
    AUTO_BUF struct buf all;
    buf_init(&all, 4u << 20);
    buf_puts(&all, "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 500; i++) {
        buf_puts(&all, "3e8\r\n");
        for (int j = 0; j < 1000; j++)
            buf_putc(&all, 'x');
        buf_puts(&all, "\r\n");
    }
    peer_send(chunked, all.data, all.len);
    WAIT("413", peer_has(chunked, "HTTP/1.1 413 "));
    WAIT("the end", chunked->is_eof || chunked->is_reset);
    CHECK("no reset ate it", chunked->is_eof && visits[1].is_gone);
    unserve();
}

static void lingering_has_an_end(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    say_large(peer, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n", 8000000);
    WAIT("413", peer_has(peer, "HTTP/1.1 413 "));
    WAIT("cut", http_listener_connections(listener) == 0);
    unserve();
}

static void who_expects_is_told_to_continue_or_refused_at_once(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer,
             "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    WAIT("go on", peer_has(peer, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_say(peer, "hello");
    WAIT("answered", peer_has(peer, "\r\n\r\nhello"));
    peer_forget(peer);
    peer_say(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                   "Content-Length: 100001\r\n\r\n");
    WAIT("refused", peer_has(peer, "HTTP/1.1 413 "));
    CHECK("without 100", !peer_has(peer, "100 Continue"));
    unserve();
}

static void an_answer_before_the_body_closes_and_lingers(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    say_large(peer, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n", 500000);
    WAIT("the end", peer->is_eof || peer->is_reset);
    CHECK("seen", peer->is_eof && peer_has(peer, "/now") && peer_has(peer, "connection: close"));
    CHECK("nobody left", gone_count == 0);
    unserve();
}

static void held_bodies_have_a_budget_and_nobody_waits_for_ever(void **state)
{
    (void)state;
    int port = serve((struct http_listener_options){.body_ms = 150});
    body_budget_set(60000);
    struct peer *first = peer_connect(port), *second = peer_connect(port);
    say_large(first, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n", 49999);
    say_large(second, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n", 49999);
    WAIT("both began", visit_count == 2);
    WAIT("one was let go", peer_has(first, "HTTP/1.1 503 ") || peer_has(second, "HTTP/1.1 503 "));
    body_budget_set(INT64_C(256) << 20);
    unserve();
}

static void a_body_that_waits_for_the_budget_goes_on_when_there_is_room(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    body_budget_set(50000);
    struct peer *first = peer_connect(port);
    say_large(first, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", 60000);
    WAIT("over the budget all the same: it was here", visits[0].bodies == 1);
    struct peer *second = peer_connect(port);
    peer_say(second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    WAIT("began", visit_count == 2);
    turns(5);
    peer_say(second, "llo");
    turns(20);
    CHECK_INT("waits", visits[1].bodies, 0);
    answer(&visits[0], "done");
    WAIT("goes on", peer_has(second, "\r\n\r\nhello"));
    body_budget_set(INT64_C(256) << 20);
    unserve();
}

/* ---- the client leaves ------------------------------------------------------------------------ */

static void a_client_that_leaves_is_noticed_in_every_phase(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    const char *openings[] = {
        "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",   /* body not wanted yet */
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", /* in the body */
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", /* answer to come */
        GET("/held"),
    };
    for (size_t i = 0; i < 2 * COUNT(openings); i++) {
        int before = gone_count, seen = visit_count;
        struct peer *peer = peer_connect(port);
        peer_say(peer, openings[i / 2]);
        WAIT("began", visit_count == seen + 1);
        turns(3);
        peer_close(peer, i % 2 == 1);
        WAIT(openings[i / 2], gone_count == before + 1);
    }
    /* in a streamed answer */
    for (int i = 0; i < 2; i++) {
        int before = gone_count;
        struct peer *peer = peer_connect(port);
        peer_say(peer, GET("/held"));
        WAIT("began", visits[(visit_count - 1) % 256].exchange && gone_count == before);
        struct visit *visit = &visits[visit_count - 1];
        exchange_start(visit->exchange, 200, STR(""), STR("text/event-stream"));
        exchange_flush_head(visit->exchange);
        WAIT("head", peer_has(peer, "transfer-encoding: chunked"));
        peer_close(peer, i == 1);
        WAIT("gone", gone_count == before + 1);
    }
    unserve();
}

static void a_client_that_leaves_before_it_asked_bothers_nobody(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    for (int i = 0; i < 4; i++) {
        struct peer *peer = peer_connect(port);
        if (i & 1)
            peer_say(peer, "GET / HT");
        turns(3);
        peer_close(peer, i >= 2);
        WAIT("closed", http_listener_connections(listener) == 0);
    }
    CHECK_INT("nobody", visit_count, 0);
    unserve();
}

static void a_flood_behind_a_request_does_not_hide_that_the_client_left(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *peer = peer_connect(port);
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    exchange_start(visits[0].exchange, 200, STR(""), STR(""));
    say_large(peer, "GET /", 60000);
    turns(5);
    peer_close(peer, true);
    for (int i = 0; i < 200 && !visits[0].is_gone; i++) {
        struct iovec piece = {(char[]){"x"}, 1};
        exchange_send(visits[0].exchange, &piece, 1);
        turn();
    }
    CHECK("noticed by writing", visits[0].is_gone);
    unserve();
}

/* ---- streams ---------------------------------------------------------------------------------- */

static void send_text(struct exchange *exchange, const char *text)
{
    struct iovec piece = {(char *)(uintptr_t)text, strlen(text)};
    exchange_send(exchange, &piece, 1);
}

static void a_stream_goes_out_chunk_by_chunk(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    struct exchange *exchange = TAKE(visits[0].exchange);
    exchange_start(exchange, 200, STR("x-a: b\r\n"), STR("text/event-stream"));
    turns(3);
    CHECK_INT("the head waits", (int)peer->got.len, 0);
    exchange_send(exchange, NULL, 0);
    send_text(exchange, "hello");
    WAIT("sent", peer_has(peer, "x-a: b\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"));
    struct iovec pieces[3] = {{(char[]){"a"}, 1}, {NULL, 0}, {(char[]){"bc"}, 2}};
    exchange_send(exchange, pieces, 3);
    WAIT("one chunk", peer_has(peer, "3\r\nabc\r\n"));
    exchange_send_finish(exchange, pieces, 1);
    WAIT("the end", peer_has(peer, "1\r\na\r\n0\r\n\r\n"));
    peer_say(peer, GET("/now"));
    WAIT("it stays", peer_has(peer, "/now"));
    unserve();
}

static void a_chunk_says_its_size(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *line;
    } chunks[] = {{1, "1\r\n#"},        {9, "9\r\n#"},       {10, "a\r\n#"},
                  {15, "f\r\n#"},       {16, "10\r\n#"},     {255, "ff\r\n#"},
                  {256, "100\r\n#"},    {4096, "1000\r\n#"}, {43981, "abcd\r\n#"},
                  {65536, "10000\r\n#"}};
    static char bytes[65536];
    struct peer *peer = peer_connect(serve((struct http_listener_options){0}));
    memset(bytes, '#', sizeof bytes);
    peer_say(peer, GET("/stream"));
    WAIT("asked", visit_count == 1);
    char name[64];
    exchange_peer(visits[0].exchange, name, sizeof name);
    CHECK("who asks", strncmp(name, "127.0.0.1:", 10) == 0 && strcmp(name + 10, "0") != 0);
    exchange_start(visits[0].exchange, 200, STR(""), STR("text/plain"));
    exchange_flush_head(visits[0].exchange);
    WAIT("head", peer_has(peer, "\r\n\r\n"));
    for (size_t i = 0; i < COUNT(chunks); i++) {
        buf_clear(&peer->got);
        struct iovec piece = {bytes, chunks[i].size};
        exchange_send(visits[0].exchange, &piece, 1);
        size_t line = strlen(chunks[i].line) - 1;
        WAIT("all of it", peer->got.len == line + chunks[i].size + 2);
        CHECK(chunks[i].line, str_starts(buf_str(&peer->got), str_of(chunks[i].line)));
    }
    exchange_finish(TAKE(visits[0].exchange));
    WAIT("the end", peer_has(peer, "0\r\n\r\n"));
    unserve();
}

static void an_old_client_gets_its_stream_until_the_end_of_the_connection(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *peer = peer_connect(port);
    peer_say(peer, "GET /held HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    WAIT("began", visit_count == 1);
    struct exchange *exchange = TAKE(visits[0].exchange);
    exchange_start(exchange, 200, STR(""), STR("text/plain"));
    send_text(exchange, "hello");
    exchange_finish(exchange);
    WAIT("the end", peer->is_eof);
    CHECK("plain", str_ends(buf_str(&peer->got), STR("connection: close\r\n\r\nhello")));

    struct peer *stays = peer_connect(port);
    peer_say(stays, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    WAIT("told that it stays", peer_has(stays, "connection: keep-alive\r\n"));
    peer_say(stays, "GET /now HTTP/1.0\r\n\r\n");
    WAIT("and then not", stays->is_eof && peer_has(stays, "connection: close"));
    unserve();
}

static void an_answer_to_head_has_no_body(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, "HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n");
    WAIT("answered", peer_has(peer, "content-length: 4\r\n"));
    CHECK("no body", str_ends(buf_str(&peer->got), STR("\r\n\r\n")));
    peer_say(peer, "HEAD /held HTTP/1.1\r\nHost: a\r\n\r\n");
    WAIT("began", visit_count == 2);
    exchange_start(visits[1].exchange, 200, STR(""), STR(""));
    send_text(visits[1].exchange, "hello");
    exchange_finish(TAKE(visits[1].exchange));
    peer_say(peer, GET("/now"));
    WAIT("the next is understood", peer_has(peer, "\r\n\r\nHTTP/1.1 200 OK"));
    CHECK("no chunk", !peer_has(peer, "hello") && !peer_has(peer, "0\r\n\r\n"));
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 4);
    peer_forget(peer);
    exchange_answer(TAKE(visits[3].exchange), 304, STR("etag: x\r\n"), STR(""), STR(""));
    WAIT("304", peer_has(peer, "etag: x\r\n"));
    CHECK("names no length", !peer_has(peer, "content-length"));
    unserve();
}

static void a_stalled_reader_fills_the_queue_and_drains_once(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *peer = peer_connect_small(port, 4096);
    peer->is_stalled = true;
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    struct exchange *exchange = visits[0].exchange;
    exchange_start(exchange, 200, STR(""), STR(""));
    char block[16384];
    memset(block, 'z', sizeof block);
    size_t sent = 0;
    struct iovec piece = {block, sizeof block};
    for (; exchange_pending(exchange) <= EXCHANGE_HIGH_BYTES && sent < 64u << 20;
         sent += sizeof block)
        exchange_send(exchange, &piece, 1);
    CHECK("it grows", exchange_pending(exchange) > EXCHANGE_HIGH_BYTES);
    turns(20);
    CHECK_INT("nothing drains", visits[0].drained, 0);
    peer_wake(peer);
    WAIT("drained", visits[0].drained > 0);
    CHECK_INT("empty", (int)exchange_pending(exchange), 0);
    send_text(exchange, "tail");
    exchange_finish(TAKE(visits[0].exchange));
    WAIT("whole", peer_has(peer, "tail\r\n0\r\n\r\n") && peer->got.len > sent);
    turns(5);
    CHECK_INT("told once", visits[0].drained, 1);
    unserve();
}

static void a_queue_that_never_runs_empty_does_not_grow_for_that(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer->is_stalled = true;
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    struct exchange *exchange = visits[0].exchange;
    exchange_start(exchange, 200, STR(""), STR(""));
    static char block[30000], room[200000];
    struct iovec piece = {block, sizeof block};
    for (size_t read = 0; read < 3 * CONN_UNSENT_MAX;) {
        while (exchange_pending(exchange) < 1000000)
            exchange_send(exchange, &piece, 1);
        ssize_t n = recv(peer->fd, room, sizeof room, MSG_DONTWAIT);
        read += n > 0 ? (size_t)n : 0;
        turn();
        CHECK("still there", !visits[0].is_gone);
        CHECK("never empty", exchange_pending(exchange) > 0 && visits[0].drained == 0);
    }
    peer->is_stalled = false;
    exchange_finish(TAKE(visits[0].exchange));
    WAIT("whole", peer_has(peer, "0\r\n\r\n"));
    unserve();
}

static void an_abort_cuts_and_may_reset(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        struct peer *peer = peer_connect(port);
        peer_say(peer, GET("/held"));
        WAIT("began", visit_count == with_reset + 1);
        struct exchange *exchange = TAKE(visits[with_reset].exchange);
        exchange_start(exchange, 200, STR(""), STR(""));
        send_text(exchange, "hello");
        WAIT("some of it", peer_has(peer, "hello"));
        exchange_abort(exchange, with_reset);
        WAIT("cut", peer->is_eof || peer->is_reset);
        CHECK("by the right means", peer->is_reset == with_reset);
        CHECK("no proper end", !peer_has(peer, "0\r\n\r\n"));
    }
    CHECK_INT("nobody is told what he did himself", gone_count, 0);
    unserve();
}

/* ---- time ------------------------------------------------------------------------------------- */

static void a_head_that_does_not_come_is_answered_408(void **state)
{
    (void)state;
    int port = serve((struct http_listener_options){.head_ms = 60});
    struct peer *peer = peer_connect(port), *mute = peer_connect(port);
    peer_say(peer, "GET / HT");
    WAIT("408", peer_has(peer, "HTTP/1.1 408 "));
    WAIT("closed", peer->is_eof && mute->is_eof);
    CHECK("who said nothing hears nothing", mute->got.len == 0);
    unserve();
}

static void a_body_that_does_not_come_is_answered_408(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve((struct http_listener_options){.body_ms = 60}));
    peer_say(peer, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    WAIT("408", peer_has(peer, "HTTP/1.1 408 "));
    CHECK("told", visits[0].is_gone);
    unserve();
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve((struct http_listener_options){.idle_ms = 60}));
    peer_say(peer, GET("/now"));
    WAIT("answered", peer_has(peer, "/now"));
    WAIT("closed", peer->is_eof);
    CHECK_INT("silently", peer_count_of(peer, "HTTP/1.1"), 1);
    unserve();
}

static void the_service_may_take_its_time(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve((struct http_listener_options){
        .head_ms = 30, .body_ms = 30, .idle_ms = 30, .write_ms = 30}));
    peer_say(peer, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    WAIT("whole", visits[0].bodies == 1);
    turns(80);
    CHECK("still there", !visits[0].is_gone && !peer->is_eof);
    answer(&visits[0], "ok");
    WAIT("answered", peer_has(peer, "ok"));
    unserve();
}

static void who_does_not_read_is_cut_at_the_write_deadline(void **state)
{
    (void)state;
    int port = serve((struct http_listener_options){.write_ms = 100});
    struct peer *peer = peer_connect_small(port, 4096);
    peer->is_stalled = true;
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    exchange_start(visits[0].exchange, 200, STR(""), STR(""));
    static char block[200000];
    struct iovec piece = {block, sizeof block};
    for (int i = 0; i < 20; i++)
        exchange_send(visits[0].exchange, &piece, 1);
    CHECK("queued", exchange_pending(visits[0].exchange) > 0);
    WAIT("cut", visits[0].is_gone);
    CHECK_INT("freed", http_listener_connections(listener), 0);

    struct peer *after = peer_connect_small(port, 4096); /* the answer is out, the bytes are not */
    after->is_stalled = true;
    peer_say(after, GET("/held"));
    WAIT("began", visit_count == 2);
    AUTO_BUF struct buf body;
    buf_init(&body, 8u << 20);
    CHECK("room", buf_reserve(&body, 6u << 20));
    body.len = 6u << 20;
    memset(body.data, 'x', body.len);
    exchange_answer(TAKE(visits[1].exchange), 200, STR(""), STR(""), buf_str(&body));
    CHECK_INT("there", http_listener_connections(listener), 1);
    WAIT("cut", http_listener_connections(listener) == 0);
    unserve();
}

static void an_answer_too_large_for_the_queue_is_cut_and_told(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *peer = peer_connect_small(port, 4096);
    peer->is_stalled = true;
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    exchange_start(visits[0].exchange, 200, STR(""), STR(""));
    AUTO_BUF struct buf body;
    buf_init(&body, 16u << 20);
    CHECK("room", buf_reserve(&body, 15u << 20));
    body.len = 15u << 20;
    memset(body.data, 'x', body.len);
    struct iovec piece = {body.data, body.len};
    exchange_send(visits[0].exchange, &piece, 1);
    WAIT("told", visits[0].is_gone);
    unserve();
}

/* ---- the end of a listener, and its limits ---------------------------------------------------- */

static void draining_ends_what_is_idle_and_lets_the_rest_finish(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    struct peer *idle = peer_connect(port), *busy = peer_connect(port);
    struct peer *slow = peer_connect_small(port, 4096);
    slow->is_stalled = true;
    peer_say(idle, GET("/now"));
    peer_say(busy, GET("/held"));
    WAIT("began", visit_count == 2 && peer_has(idle, "/now"));
    peer_say(slow, GET("/held"));
    WAIT("began", visit_count == 3);
    AUTO_BUF struct buf body;
    buf_init(&body, 8u << 20);
    CHECK("room", buf_reserve(&body, 5u << 20));
    body.len = 5u << 20;
    memset(body.data, 'x', body.len);
    exchange_answer(TAKE(visits[2].exchange), 200, STR(""), STR(""), buf_str(&body));

    struct visit *held = &visits[strcmp(visits[0].path, "/held") == 0 ? 0 : 1];
    http_listener_drain(listener);
    WAIT("the idle one is closed", idle->is_eof);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = local(port);
    CHECK("no new ones", connect(fd, (struct sockaddr *)&at, sizeof at) != 0);
    close(fd);
    answer(held, "done");
    WAIT("finished", busy->is_eof && peer_has(busy, "done") && peer_has(busy, "connection: close"));
    peer_wake(slow);
    WAIT("what was said goes out", slow->is_eof && slow->got.len > 5u << 20);
    WAIT("empty", http_listener_connections(listener) == 0);
    unserve();
}

static void one_too_many_is_told_so(void **state)
{
    (void)state;
    int port = serve((struct http_listener_options){.connections_max = 2});
    struct peer *first = peer_connect(port), *second = peer_connect(port);
    peer_say(first, GET("/now"));
    peer_say(second, GET("/now"));
    WAIT("two", peer_has(first, "/now") && peer_has(second, "/now"));
    struct peer *third = peer_connect(port);
    WAIT("503", peer_has(third, "HTTP/1.1 503 ") && third->is_eof);
    peer_close(first, false);
    WAIT("room", http_listener_connections(listener) == 1);
    struct peer *fourth = peer_connect(port);
    peer_say(fourth, GET("/now"));
    WAIT("served", peer_has(fourth, "/now"));
    struct http_figures figures;
    http_listener_figures(listener, &figures);
    CHECK_INT("refused", figures.refused, 1);
    CHECK_INT("accepted", figures.accepted, 3);
    CHECK_INT("requests", figures.requests, 3);
    unserve();
}

static void without_descriptors_it_refuses_politely_and_recovers(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    turns(2);
    struct peer *peers[8];
    for (int i = 0; i < 8; i++) /* in the backlog, not accepted yet */
        peers[i] = peer_connect(port);
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)open_fds() - 1; /* some room lies in holes; fill those too */
    int holes[512], hole_count = 0;
    none.rlim_cur = 512;
    setrlimit(RLIMIT_NOFILE, &none);
    for (int fd; hole_count < 512 && (fd = dup(0)) >= 0;)
        holes[hole_count++] = fd;
    for (int i = 0; i < 4; i++)
        WAIT("a polite no", peer_has(peers[i], "HTTP/1.1 503 "));
    while (hole_count)
        close(holes[--hole_count]);
    setrlimit(RLIMIT_NOFILE, &before);
    struct peer *late = peer_connect(port);
    peer_say(late, GET("/now"));
    WAIT("recovered", peer_has(late, "/now"));
    unserve();
}

static void nonsense_is_answered_400_at_once(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    const char *nonsense[] = {
        "\x16\x03\x01\x02",           "GET / HTTP/1.1\nHost: a\n\n", "get / HTTP/1.1\r\n",
        "GET / HTTP/1.1\rHost",       "GET / HTTP/3.0\r\n\r\n",      "{\"a\":1}",
        "GET / HTTP/1.1\r\nX: a\n\n",
    };
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        struct peer *peer = peer_connect(port);
        peer_say(peer, nonsense[i]);
        WAIT(nonsense[i], peer_has(peer, "HTTP/1.1 400 ") && peer->is_eof);
        CHECK("says what", peer_has(peer, "x-status: 400\r\n"));
    }
    struct peer *large = peer_connect(port);
    say_large(large, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 40000);
    WAIT("431", peer_has(large, "HTTP/1.1 431 "));
    struct peer *smuggler = peer_connect(port);
    peer_say(smuggler, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/now"));
    WAIT("400", smuggler->is_eof);
    CHECK_INT("nothing reached the service", visit_count, 0);
    CHECK_INT("one answer", peer_count_of(smuggler, "HTTP/1.1"), 1);
    unserve();
}

static void bad_framing_in_a_body_closes_and_serves_nothing_behind_it(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(serve(PLAIN));
    peer_say(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\nhello\r\n0\r\n\r\n" GET("/now"));
    WAIT("400", peer_has(peer, "HTTP/1.1 400 ") && peer->is_eof);
    CHECK_INT("one request", visit_count, 1);
    CHECK("told", visits[0].is_gone);
    unserve();
}

static void the_control_socket_knows_its_user(void **state)
{
    (void)state;
    char path[] = "/tmp/auxot-test-XXXXXX";
    int made = mkstemp(path); /* a leftover file is replaced */
    close(made);
    serve((struct http_listener_options){.unix_path = path});
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } at = {.family = AF_UNIX};
    str_copy(str_of(path), at.path, sizeof at.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK("connected", connect(fd, (struct sockaddr *)(void *)&at, sizeof at) == 0);
    struct peer *peer = peer_of(fd);
    peer_say(peer, GET("/held"));
    WAIT("began", visit_count == 1);
    CHECK("is control", exchange_is_control(visits[0].exchange));
    char peer_name[64];
    exchange_peer(visits[0].exchange, peer_name, sizeof peer_name);
    CHECK_STR("peer", peer_name, "control");
    answer(&visits[0], "ok");
    WAIT("answered", peer_has(peer, "ok"));
    unserve();
    CHECK("the path is gone", access(path, F_OK) != 0);
}

static void freeing_a_listener_tells_every_owner(void **state)
{
    (void)state;
    int port = serve(PLAIN);
    for (int i = 0; i < 3; i++)
        peer_say(peer_connect(port), GET("/held") GET("/now"));
    WAIT("began", visit_count == 3);
    unserve();
    CHECK_INT("told", gone_count, 3);
}

TEST_MAIN(TEST(a_connection_serves_one_request_after_the_other),
          TEST(pipelined_requests_are_answered_in_order_one_at_a_time),
          TEST(many_small_requests_in_one_read_are_all_answered),
          TEST(who_asks_on_without_reading_is_made_to_wait),
          TEST(a_request_may_arrive_byte_by_byte),
          TEST(a_body_in_the_same_read_as_its_head_is_echoed),
          TEST(a_split_head_before_a_large_body_is_no_trouble),
          TEST(a_body_wanted_late_is_still_there), TEST(a_request_without_a_body_has_an_empty_one),
          TEST(an_answer_before_the_body_was_told_is_not_told_to_the_next),
          TEST(a_body_too_large_is_answered_so_that_the_client_sees_it), TEST(lingering_has_an_end),
          TEST(who_expects_is_told_to_continue_or_refused_at_once),
          TEST(an_answer_before_the_body_closes_and_lingers),
          TEST(held_bodies_have_a_budget_and_nobody_waits_for_ever),
          TEST(a_body_that_waits_for_the_budget_goes_on_when_there_is_room),
          TEST(a_client_that_leaves_is_noticed_in_every_phase),
          TEST(a_client_that_leaves_before_it_asked_bothers_nobody),
          TEST(a_flood_behind_a_request_does_not_hide_that_the_client_left),
          TEST(a_stream_goes_out_chunk_by_chunk), TEST(a_chunk_says_its_size),
          TEST(an_old_client_gets_its_stream_until_the_end_of_the_connection),
          TEST(an_answer_to_head_has_no_body),
          TEST(a_stalled_reader_fills_the_queue_and_drains_once),
          TEST(a_queue_that_never_runs_empty_does_not_grow_for_that),
          TEST(an_abort_cuts_and_may_reset), TEST(a_head_that_does_not_come_is_answered_408),
          TEST(a_body_that_does_not_come_is_answered_408), TEST(an_idle_connection_is_closed),
          TEST(the_service_may_take_its_time), TEST(who_does_not_read_is_cut_at_the_write_deadline),
          TEST(an_answer_too_large_for_the_queue_is_cut_and_told),
          TEST(draining_ends_what_is_idle_and_lets_the_rest_finish), TEST(one_too_many_is_told_so),
          TEST(without_descriptors_it_refuses_politely_and_recovers),
          TEST(nonsense_is_answered_400_at_once),
          TEST(bad_framing_in_a_body_closes_and_serves_nothing_behind_it),
          TEST(the_control_socket_knows_its_user), TEST(freeing_a_listener_tells_every_owner))
