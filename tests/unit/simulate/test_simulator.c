/* The simulator over real sockets: how connections end, what the log says, rules while it runs. */
#include "simulate/simulator.h"
#include "sys/thread.h"

#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct loop *loop;
static struct simulator *simulator;
static pthread_t thread;

static void run_loop(void *arg)
{
    loop_run(arg);
}

static int set_up(void **state)
{
    (void)state;
    struct error error = {0};
    if (loop_new(-1, &loop, &error) != OK ||
        simulator_open(&(struct simulator_options){.loop = loop,
                                                   .vendor = VENDOR_OPENAI,
                                                   .needs_key = true,
                                                   .keeps_log = true,
                                                   .seed = 1},
                       &simulator, &error) != OK ||
        thread_start("simulate", run_loop, loop, &thread, &error) != OK) {
        print_error("%s\n", error.text);
        return 1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_stop(loop);
    thread_join(thread);
    simulator_close(simulator);
    loop_free(loop);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)simulator_port(simulator)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_usec = 300000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

static void say(int fd, const char *method, const char *path, const char *body)
{
    char request[2048];
    int len = snprintf(request, sizeof request,
                       "%s %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret-key\r\n"
                       "x-client-request-id: job_1-1\r\ncontent-length: %zu\r\n\r\n%s",
                       method, path, strlen(body), body);
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        abort();
}

/* Reads until `until` was seen, or the end. Gives 'F' for FIN, 'R' for RST, 'o' when it stayed open. */
static char hear(int fd, const char *until, char *room, size_t room_bytes)
{
    size_t len = 0;
    room[0] = '\0';
    while (len + 1 < room_bytes) {
        ssize_t n = recv(fd, room + len, room_bytes - 1 - len, 0);
        if (n == 0)
            return 'F';
        if (n < 0)
            return errno == ECONNRESET ? 'R' : 'o';
        len += (size_t)n;
        room[len] = '\0';
        if (until && strstr(room, until))
            return 'o';
    }
    return 'o';
}

static char answer[1 << 20];

static char ask(const char *path, const char *body, const char *until)
{
    int fd = dial();
    say(fd, strcmp(body, "") ? "POST" : "GET", path, body);
    char end = hear(fd, until, answer, sizeof answer);
    close(fd);
    return end;
}

// clang-format off
static const struct story {
    const char *name, *keys;
    bool        stream;
    const char *until;  /* NULL: to the end of the connection */
    char        end;
    const char *has;
} stories[] = {
    {"a whole stream keeps its connection", "text=hi",              true,  "0\r\n\r\n", 'o', "[DONE]"},
    {"a whole answer too",                  "text=hi",              false, "}}}",       'o', "\"content\":\"hi\""},
    {"cut after a piece",                   "die-after=1",          true,  NULL,        'F', "-0 "},
    {"reset after a piece",                 "reset-after-events=1", true,  NULL,        'R', "-0 "},
    {"closed without a word",               "cut-before-head",      true,  NULL,        'F', ""},
    {"reset without a word",                "reset-before-head",    true,  NULL,        'R', ""},
    {"a head, then silence",                "stall-after-bytes=0",  true,  NULL,        'o', "200 OK"},
    {"a delayed answer comes",              "delay-ms=30,text=hi",  false, "}}}",       'o', "200 OK"},
    {"garbage",                             "garbage",              true,  NULL,        'F', "not HTTP"},
    {"a length that promises too much",     "content-length-delta=9", false, NULL,      'F', "200 OK"},
};
// clang-format on

static void connections_end_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        char body[256];
        (void)snprintf(body, sizeof body, "{\"model\":\"sim:%s\",\"stream\":%s,\"messages\":[]}",
                       story->keys, story->stream ? "true" : "false");
        char end = ask("/v1/chat/completions", body, story->until);
        CHECK(story->name, end == story->end);
        CHECK(story->name, strstr(answer, story->has) != NULL);
    }
}

static void rules_come_and_go_while_it_runs(void **state)
{
    (void)state;
    (void)ask("/_sim/rules", "{\"name\":\"one\",\"then\":{\"status\":503}}", "}");
    CHECK("loaded", strstr(answer, "{\"status\":\"ok\"}") != NULL);
    (void)ask("/v1/chat/completions", "{\"model\":\"m\"}", "}}");
    CHECK("played", strstr(answer, " 503 ") != NULL);
    (void)ask("/_sim/script", "{\"rules\":[{\"then\":{\"stauts\":1}}]}", "}");
    CHECK("a bad one is refused by name", strstr(answer, "unknown key 'stauts'") != NULL);
    (void)ask("/_sim/script", "{\"rules\":[],\"models\":[\"only\"]}", "}");
    (void)ask("/v1/chat/completions", "{\"model\":\"m\"}", "}}}");
    CHECK("gone", strstr(answer, " 200 ") != NULL);
    (void)ask("/v1/models", "", "]}");
    CHECK("models", strstr(answer, "[{\"id\":\"only\"") != NULL);
}

/* Waits for a word in the log: it is written when the loop has noticed. */
static bool log_says(const char *word)
{
    for (int i = 0; i < 100; i++) {
        (void)ask("/_sim/log", "", "\r\n0\r\n\r\n");
        if (strstr(answer, word))
            return true;
        usleep(10000);
    }
    return false;
}

static void the_log_tells_who_left_and_hides_keys(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "POST", "/v1/chat/completions",
        "{\"model\":\"sim:stall-after-events=1\",\"stream\":true,\"messages\":[\"left\"]}");
    (void)hear(fd, "-0 ", answer, sizeof answer);
    CHECK("open", log_says("\"ended\":null"));
    close(fd);
    CHECK("left", log_says("\"ended\":\"client_closed\""));
    CHECK("request id", log_says("\"x_client_request_id\":\"job_1-1\""));
    CHECK("key by its hash", log_says("\"authorization\":\"sha256:85dbe15d75ef\""));
    CHECK("no key", !strstr(answer, "secret-key"));
}

static void requests_without_or_with_bad_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *request, *has;
    } rows[] = {
        {"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n", " 401 "},
        {"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: bad-key\r\n\r\n", "invalid_api_key"},
        {"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n\r\n", " 200 "},
        {"GET /nowhere HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n\r\n", " 404 "},
        {"GET /v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n\r\n", " 405 "},
        {"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", " 400 "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = dial();
        CHECK("sent", send(fd, rows[i].request, strlen(rows[i].request), MSG_NOSIGNAL) > 0);
        (void)hear(fd, "}", answer, sizeof answer);
        CHECK(rows[i].request, strstr(answer, rows[i].has) != NULL);
        close(fd);
    }
}

/* Under `strict` the vendor's rules hold, and a response that was stored may be gone on from. */
static void rules_are_held_when_asked(void **state)
{
    (void)state;
    char body[512];
    (void)ask("/v1/responses", "{\"model\":\"sim:strict\",\"input\":\"hi\",\"stop\":[\"x\"]}",
              "}}");
    CHECK("refused", strstr(answer, "400 Bad Request") != NULL);
    CHECK("by name", strstr(answer, "\"param\":\"stop\",\"code\":\"unknown_parameter\"") != NULL);
    (void)ask("/v1/responses", "{\"model\":\"sim:text=a\",\"input\":\"hi\",\"stop\":[\"x\"]}",
              "{}}");
    CHECK("lax otherwise", strstr(answer, "200 OK") != NULL);

    (void)ask("/v1/responses", "{\"model\":\"sim:strict,text=a\",\"input\":\"hi\"}", "{}}");
    const char *id = strstr(answer, "resp_");
    assert_non_null(id);
    (void)snprintf(
        body, sizeof body,
        "{\"model\":\"sim:strict,text=a\",\"input\":\"more\",\"previous_response_id\":\"%.37s\"}",
        id);
    (void)ask("/v1/responses", body, "{}}");
    CHECK("goes on", strstr(answer, "200 OK") != NULL);
    (void)ask(
        "/v1/responses",
        "{\"model\":\"sim:strict\",\"input\":\"more\",\"previous_response_id\":\"resp_none\"}",
        "}}");
    CHECK("not from nothing", strstr(answer, "404 Not Found") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_end_as_told), TEST(rules_come_and_go_while_it_runs),
        TEST(the_log_tells_who_left_and_hides_keys),
        TEST(requests_without_or_with_bad_keys_are_refused), TEST(rules_are_held_when_asked)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
