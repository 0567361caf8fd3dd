/* tests/unit/http/test_handshake.c: who may open a WebSocket, and what an answer must say. RFC 6455 section 4. */
#include "http/handshake.h"

#include "tests/test.h"

#define REQUEST(rest) "GET /api/worker/v1/control?epoch=1 HTTP/1.1\r\nHost: a\r\n" rest "\r\n"
#define UPGRADE       "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION       "Sec-WebSocket-Version: 13\r\n"
#define KEY           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define OFFER         "Sec-WebSocket-Protocol: auxot.control.v1\r\n"

// clang-format off
static const struct request {
    const char *name, *head;
    int status; /* 0: granted */
} requests[] = {
    {"a proper one",                        REQUEST(UPGRADE VERSION KEY OFFER), 0},
    {"names and tokens in any case",        REQUEST("uPGRADE: WebSocket\r\nconnection: uPgRaDe\r\n" VERSION KEY OFFER), 0},
    {"a front adds keep-alive",             REQUEST("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" VERSION KEY OFFER), 0},
    {"without blanks",                      REQUEST("Upgrade: websocket\r\nConnection: keep-alive,Upgrade\r\n" VERSION KEY OFFER), 0},
    {"two Connection headers",              REQUEST(UPGRADE "Connection: x\r\n" VERSION KEY OFFER), 0},
    {"more than one protocol to choose of", REQUEST(UPGRADE VERSION KEY "Sec-WebSocket-Protocol: a, auxot.control.v1 ,b\r\n"), 0},
    {"protocols in two headers",            REQUEST(UPGRADE VERSION KEY "Sec-WebSocket-Protocol: a\r\n" OFFER), 0},
    {"extensions that are passed over",     REQUEST(UPGRADE VERSION KEY OFFER "Sec-WebSocket-Extensions: permessage-deflate\r\n"), 0},
    {"more than one protocol to upgrade to", REQUEST("Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n" VERSION KEY OFFER), 0},

    {"a browser",                           REQUEST(UPGRADE VERSION KEY OFFER "Origin: https://evil.example\r\n"), 403},
    {"a browser, from nowhere",             REQUEST(UPGRADE VERSION KEY OFFER "Origin: null\r\n"), 403},
    {"an empty Origin",                     REQUEST(UPGRADE VERSION KEY OFFER "Origin:\r\n"), 403},
    {"POST",                                "POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION KEY OFFER "\r\n", 400},
    {"HEAD",                                "HEAD / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION KEY OFFER "\r\n", 400},
    {"HTTP/1.0",                            "GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE VERSION KEY OFFER "\r\n", 400},
    {"an ordinary request",                 REQUEST(""), 426},
    {"no Upgrade",                          REQUEST("Connection: Upgrade\r\n" VERSION KEY OFFER), 426},
    {"another Upgrade",                     REQUEST("Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION KEY OFFER), 426},
    {"nearly that Upgrade",                 REQUEST("Upgrade: websockets\r\nConnection: Upgrade\r\n" VERSION KEY OFFER), 426},
    {"no Connection",                       REQUEST("Upgrade: websocket\r\n" VERSION KEY OFFER), 400},
    {"another Connection",                  REQUEST("Upgrade: websocket\r\nConnection: keep-alive\r\n" VERSION KEY OFFER), 400},
    {"no version",                          REQUEST(UPGRADE KEY OFFER), 426},
    {"version 8",                           REQUEST(UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY OFFER), 426},
    {"version 13 and 8",                    REQUEST(UPGRADE "Sec-WebSocket-Version: 13, 8\r\n" KEY OFFER), 426},
    {"two versions",                        REQUEST(UPGRADE VERSION VERSION KEY OFFER), 426},
    {"no key",                              REQUEST(UPGRADE VERSION OFFER), 400},
    {"an empty key",                        REQUEST(UPGRADE VERSION "Sec-WebSocket-Key:\r\n" OFFER), 400},
    {"two keys",                            REQUEST(UPGRADE VERSION KEY KEY OFFER), 400},
    {"a short key",                         REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" OFFER), 400},
    {"a long key",                          REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA==\r\n" OFFER), 400},
    {"a key that is not base64",            REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\n" OFFER), 400},
    {"a key with a tilde",                  REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j~Q==\r\n" OFFER), 400},
    {"a key with a colon",                  REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j:Q==\r\n" OFFER), 400},
    {"a key without its end",               REQUEST(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n" OFFER), 400},
    {"no protocol",                         REQUEST(UPGRADE VERSION KEY), 400},
    {"another protocol",                    REQUEST(UPGRADE VERSION KEY "Sec-WebSocket-Protocol: auxot.reverse.v1\r\n"), 400},
    {"the protocol in another case",        REQUEST(UPGRADE VERSION KEY "Sec-WebSocket-Protocol: Auxot.Control.v1\r\n"), 400},
    {"half of the protocol",                REQUEST(UPGRADE VERSION KEY "Sec-WebSocket-Protocol: auxot.control\r\n"), 400},
};

#define ANSWER(rest) "HTTP/1.1 101 Switching Protocols\r\n" rest "\r\n"
#define ACCEPT       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static const struct answer {
    const char *name, *head, *wrong; /* NULL: taken */
} answers[] = {
    {"a proper one",               ANSWER(UPGRADE ACCEPT OFFER), NULL},
    {"in any case",                ANSWER("upgrade: WEBSOCKET\r\nconnection: UPGRADE\r\n" ACCEPT OFFER), NULL},
    {"no Upgrade",                 ANSWER("Connection: Upgrade\r\n" ACCEPT OFFER), "the server switched to something that is not a WebSocket"},
    {"no Connection",              ANSWER("Upgrade: websocket\r\n" ACCEPT OFFER), "the server switched to something that is not a WebSocket"},
    {"no Accept",                  ANSWER(UPGRADE OFFER), "the server did not answer our Sec-WebSocket-Key"},
    {"two of them",                ANSWER(UPGRADE ACCEPT ACCEPT OFFER), "the server did not answer our Sec-WebSocket-Key"},
    {"the answer to another key",  ANSWER(UPGRADE "Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" OFFER), "the server did not answer our Sec-WebSocket-Key"},
    {"the right one in lower case", ANSWER(UPGRADE "Sec-WebSocket-Accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n" OFFER), "the server did not answer our Sec-WebSocket-Key"},
    {"an extension",               ANSWER(UPGRADE ACCEPT OFFER "Sec-WebSocket-Extensions: permessage-deflate\r\n"), "the server chose an extension that was not offered"},
    {"no protocol",                ANSWER(UPGRADE ACCEPT), "the server speaks another subprotocol"},
    {"another protocol",           ANSWER(UPGRADE ACCEPT "Sec-WebSocket-Protocol: x\r\n"), "the server speaks another subprotocol"},
    {"two protocols",              ANSWER(UPGRADE ACCEPT OFFER OFFER), "the server speaks another subprotocol"},
};
// clang-format on

static void only_workers_that_ask_properly_are_let_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct http_header table[HTTP_HEADERS_MAX];
        struct http_head head = {.headers = table, .header_room = HTTP_HEADERS_MAX};
        struct error error;
        CHECK(requests[i].name, http_request_parse(str_of(requests[i].head), &head, &error) == OK);
        struct refusal refusal = handshake_judge(&head, STR("auxot.control.v1"));
        CHECK_INT(requests[i].name, refusal.status, requests[i].status);
        CHECK(requests[i].name, !refusal.status || refusal.sentence);
    }
}

static void only_a_server_that_answers_the_key_is_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct http_header table[HTTP_RESPONSE_HEADERS_MAX];
        struct http_head head = {.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
        struct error error;
        char accept[WS_ACCEPT_BYTES];
        CHECK(answers[i].name, http_response_parse(str_of(answers[i].head), &head, &error) == OK);
        handshake_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
        CHECK_STR(answers[i].name, handshake_check(&head, accept, STR("auxot.control.v1")),
                  answers[i].wrong);
    }
}

static void without_a_protocol_none_is_offered_and_none_chosen(void **state)
{
    (void)state;
    struct http_header table[HTTP_RESPONSE_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_HEADERS_MAX};
    struct error error;
    char accept[WS_ACCEPT_BYTES];
    CHECK("asked", http_request_parse(STR(REQUEST(UPGRADE VERSION KEY)), &head, &error) == OK);
    CHECK_INT("granted", handshake_judge(&head, STR("")).status, 0);
    handshake_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    head = (struct http_head){.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    CHECK("answered", http_response_parse(STR(ANSWER(UPGRADE ACCEPT)), &head, &error) == OK);
    CHECK_STR("taken", handshake_check(&head, accept, STR("")), NULL);
    head = (struct http_head){.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    CHECK("answered", http_response_parse(STR(ANSWER(UPGRADE ACCEPT OFFER)), &head, &error) == OK);
    CHECK("one that nobody offered", handshake_check(&head, accept, STR("")) != NULL);
}

static void the_standards_own_example_comes_out(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_BYTES];
    handshake_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    CHECK_STR("RFC 6455, section 1.3", accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void our_keys_are_keys_and_differ(void **state)
{
    (void)state;
    char one[WS_KEY_BYTES], two[WS_KEY_BYTES];
    handshake_key(one);
    handshake_key(two);
    CHECK_INT("24 characters", strlen(one), 24);
    CHECK("never the same", strcmp(one, two) != 0);
    CHECK("base64 of 16 bytes", str_ends(str_of(one), STR("==")));
}

TEST_MAIN(TEST(only_workers_that_ask_properly_are_let_in),
          TEST(only_a_server_that_answers_the_key_is_believed),
          TEST(without_a_protocol_none_is_offered_and_none_chosen),
          TEST(the_standards_own_example_comes_out), TEST(our_keys_are_keys_and_differ))
