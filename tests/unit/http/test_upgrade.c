/* tests/unit/http/test_upgrade.c: how WebSockets begin, and texts over them. F33. */
#include "tests/unit/http/reverse.h"

/* ---- opening ---------------------------------------------------------------------------------- */

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
        CHECK("as it may", !there.has_broken_rule);
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
    CHECK("which breaks no rule", !alone.has_broken_rule);
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
        CHECK(broken[i].name, here.has_broken_rule);
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
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
