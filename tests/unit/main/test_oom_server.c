/* tests/unit/main/test_oom_server.c: F62 for a whole server: its start, and each call of its management API, with an
 * allocation that fails. The API is asked over the control socket, where nobody needs a key.
 */
#include "main/server.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "json/json.h"
#include "sys/clock.h"
#include "tests/unit/gateway/upstream.h"
#include "tests/unit/oom.h"
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

#include <sys/un.h>

#define BUDGET_MS     150 /* of each call in an ordinary run; one failure happens in any case */
#define START_MS      1500
#define LONG_START_MS 60000
#define ANSWER_MAX    (1u << 20)
#define IN_FORCE_MS   5000 /* the health thread catches up once a second */
#define MODELS_ANSWER                                                                 \
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 59\r\n\r\n" \
    "{\"object\":\"list\",\"data\":[{\"id\":\"m1\",\"object\":\"model\"}]}\n\n\n\n\n"

struct site {
    char dir[64];
    struct settings settings;
    struct server *server;
    struct upstream provider;
    char provider_id[64];
    int number; /* of the run: what is made has another name each time */
};

/* ---- the server ------------------------------------------------------------------------------ */

static void site_settings(struct site *site)
{
    struct error error = {0};
    char *argv[] = {(char[]){"auxot"},
                    (char[]){"--data-dir"},
                    site->dir,
                    (char[]){"--port"},
                    (char[]){"0"},
                    (char[]){"--host"},
                    (char[]){"127.0.0.1"},
                    (char[]){"--confine"},
                    (char[]){"off"},
                    (char[]){"--threads"},
                    (char[]){"1"},
                    (char[]){"--otlp-endpoint"},
                    (char[]){"http://127.0.0.1:9"},
                    (char[]){"--otlp-headers"},
                    (char[]){"a=b"},
                    NULL};
    int argc = (int)COUNT(argv) - 1;
    char *no_environment[] = {NULL};
    CHECK_INT("settings", settings_load(&argc, argv, no_environment, &site->settings, &error), OK);
}

static void site_begin(struct site *site)
{
    *site = (struct site){.dir = "/tmp/auxot-oom-XXXXXX"};
    setenv("AUXOT_SECRET_KEY", FIXTURE_SECRET, 1);
    CHECK("a directory", mkdtemp(site->dir));
    site_settings(site);
}

static enum err site_start(struct site *site, struct error *error)
{
    char url[300];
    setenv("AUXOT_SECRET_KEY", FIXTURE_SECRET, 1); /* it is taken out when it is read */
    enum err err = server_open(&site->settings, NULL, &site->server, error);
    if (err != OK)
        return err;
    err = server_run(site->server, url, sizeof url, error);
    if (err != OK) {
        server_close(site->server);
        site->server = NULL;
    }
    return err;
}

static void site_end(struct site *site)
{
    if (site->server)
        server_close(site->server);
    fixture_remove_dir(site->dir);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct reply {
    int status; /* 0: none came */
    char *raw, *body;
};

static int control_open(const struct site *site)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 12};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/control", site->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK(at.sun_path, connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static struct reply ask(const struct site *site, const char *method, const char *path,
                        const char *body, const char *headers)
{
    char request[4096], piece[65536];
    struct reply reply = {0};
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    int fd = control_open(site);
    int len = snprintf(request, sizeof request,
                       "%s %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n%s"
                       "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                       method, path, headers, strlen(body), body);
    ssize_t n = send(fd, request, (size_t)len, MSG_NOSIGNAL); /* or it is cut off already */
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
        buf_append(&raw, piece, (size_t)n);
    close(fd);
    reply.raw = buf_take(&raw);
    reply.body = reply.raw ? strstr(reply.raw, "\r\n\r\n") : NULL;
    if (reply.body) {
        reply.body += 4;
        reply.status = atoi(reply.raw + strlen("HTTP/1.1 "));
    }
    return reply;
}

static bool is_json(const char *text)
{
    struct json_reader *reader = NULL;
    struct json root;
    bool is_good = json_reader_new(ANSWER_MAX, &reader) == OK &&
                   json_parse(reader, str_of(text), &root, NULL) == OK;
    json_reader_free(reader);
    return is_good;
}

/* The value of a string member, wherever it stands first. */
static void find_text(const char *body, const char *name, char *room, size_t room_bytes)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
    const char *at = body ? strstr(body, wanted) : NULL;
    room[0] = '\0';
    if (!at)
        return;
    at += strlen(wanted);
    const char *end = strchr(at, '"');
    str_copy((struct str){at, (size_t)(end - at)}, room, room_bytes);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const struct call_row {
    const char *name, *method, *path,
        *body; /* $P: the provider; $N: the run; $U: its URL; $M: what `make` made */
    int status;
    int also;                          /* what a repetition may find: 0 none */
    const char *make_path, *make_body; /* POSTed before; its id is $M */
    const char *undo_path;             /* DELETEd after, with the id of the answer behind it */
} calls[] = {
    {"providers", "GET", "/api/providers", "", 200, 0, NULL, NULL, NULL},
    {"a provider", "GET", "/api/providers/$P", "", 200, 0, NULL, NULL, NULL},
    {"a new provider", "POST", "/api/providers",
     "{\"type\":\"openai\",\"name\":\"New $N\",\"base_url\":\"$U\",\"api_key\":\"sk-canary\"}", 201,
     0, NULL, NULL, "/api/providers/"},
    {"a changed provider", "PATCH", "/api/providers/$P",
     "{\"name\":\"Name $N\",\"api_key\":\"sk-canary-$N\",\"max_concurrent\":3}", 200, 0, NULL, NULL,
     NULL},
    {"a removed provider", "DELETE", "/api/providers/$M", "", 200, 404, "/api/providers",
     "{\"type\":\"openai\",\"name\":\"Old $N\",\"base_url\":\"$U\",\"api_key\":\"sk-canary\"}",
     NULL},
    {"a refreshed provider", "POST", "/api/providers/$P/refresh", "", 200, 0, NULL, NULL, NULL},
    {"a tested provider", "POST", "/api/providers/$P/test", "", 200, 0, NULL, NULL, NULL},
    {"models", "GET", "/api/models", "", 200, 0, NULL, NULL, NULL},
    {"routing", "GET", "/api/routing", "", 200, 0, NULL, NULL, NULL},
    {"an explanation", "POST", "/api/routing/explain", "{\"model\":\"auto\"}", 200, 0, NULL, NULL,
     NULL},
    {"routes", "GET", "/api/routes", "", 200, 0, NULL, NULL, NULL},
    {"a new route", "POST", "/api/routes",
     "{\"name\":\"fast-$N\",\"steps\":[{\"provider\":\"$P\",\"model\":\"m1\"}]}", 201, 0, NULL,
     NULL, "/api/routes/"},
    {"a removed route", "DELETE", "/api/routes/$M", "", 200, 404, "/api/routes",
     "{\"name\":\"slow-$N\",\"steps\":[{\"provider\":\"$P\",\"model\":\"m1\"}]}", NULL},
    {"keys", "GET", "/api/keys", "", 200, 0, NULL, NULL, NULL},
    {"a new key", "POST", "/api/keys", "{\"name\":\"laptop $N\",\"role\":\"member\"}", 201, 0, NULL,
     NULL, "/api/keys/"},
    {"jobs", "GET", "/api/jobs?limit=5", "", 200, 0, NULL, NULL, NULL},
    {"events", "GET", "/api/events?limit=5", "", 200, 0, NULL, NULL, NULL},
    {"an unknown field", "POST", "/api/keys", "{\"nome\":\"x\"}", 400, 0, NULL, NULL, NULL},
    {"no JSON", "POST", "/api/keys", "{", 400, 0, NULL, NULL, NULL},
    {"nothing", "GET", "/api/nothing", "", 404, 0, NULL, NULL, NULL},
};

static void fill(const struct site *site, const char *pattern, const char *made, char *room,
                 size_t room_bytes)
{
    struct buf out;
    buf_init(&out, room_bytes);
    for (const char *at = pattern; *at; at++) {
        if (*at != '$') {
            buf_putc(&out, *at);
            continue;
        }
        at++;
        if (*at == 'P')
            buf_puts(&out, site->provider_id);
        else if (*at == 'M')
            buf_puts(&out, made);
        else if (*at == 'U')
            buf_printf(&out, "http://127.0.0.1:%d/v1", site->provider.port);
        else
            buf_printf(&out, "%d", site->number);
    }
    str_copy(buf_str(&out), room, room_bytes);
    buf_release(&out);
}

static struct reply do_call(const struct site *site, const struct call_row *row, const char *made)
{
    char path[256], body[1024];
    fill(site, row->path, made, path, sizeof path);
    fill(site, row->body, made, body, sizeof body);
    return ask(site, row->method, path, body, "");
}

static void make(const struct site *site, const struct call_row *row, char made[64])
{
    char body[1024];
    made[0] = '\0';
    if (!row->make_path)
        return;
    fill(site, row->make_body, "", body, sizeof body);
    struct reply reply = ask(site, "POST", row->make_path, body, "");
    if (reply.status != 201)
        print_error("%s\n", reply.raw);
    CHECK_INT(row->name, reply.status, 201);
    find_text(reply.body, "id", made, 64);
    mem_free(reply.raw);
}

static void undo(const struct site *site, const struct call_row *row, const char *body)
{
    char id[64], path[128];
    if (!row->undo_path)
        return;
    find_text(body, "id", id, sizeof id);
    snprintf(path, sizeof path, "%s%s", row->undo_path, id);
    struct reply reply = ask(site, "DELETE", path, "", "");
    CHECK_INT(row->name, reply.status, 200);
    mem_free(reply.raw);
}

/* It was made, and only the answer failed: whoever asks again finds it in the list. */
static void undo_unsaid(const struct site *site, const struct call_row *row)
{
    char body[1024], name[64], wanted[96], list_path[64];
    fill(site, row->body, "", body, sizeof body);
    find_text(body, "name", name, sizeof name);
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", name);
    snprintf(list_path, sizeof list_path, "%.*s", (int)strlen(row->undo_path) - 1, row->undo_path);
    struct reply list = ask(site, "GET", list_path, "", "");
    char *at = list.body ? strstr(list.body, wanted) : NULL;
    while (at && at > list.body && strncmp(at, "{\"id\":\"", 7) != 0)
        at--;
    if (at)
        undo(site, row, at);
    mem_free(list.raw);
}

static void check_reply(const struct call_row *row, long nth, const struct reply *reply)
{
    bool is_error = reply->status >= 400, is_empty = reply->raw && !reply->body[0];
    bool is_expected = reply->status >= 500 || reply->status == row->status;
    bool is_allowed = !reply->raw || /* a cut */
                      (is_expected && ((is_error && is_empty) || is_json(reply->body)));
    if (!is_allowed)
        print_error("%s, allocation %ld: %s\n", row->name, nth, reply->raw);
    CHECK(row->name, is_allowed);
}

/* Once with the nth failing, then once more as it should be. */
static long run_call(struct site *site, const struct call_row *row, long nth)
{
    char made[64];
    site->number++;
    make(site, row, made);
    oom_begin(nth);
    int64_t before_ms = clock_monotonic_ms();
    struct reply reply = do_call(site, row, made);
    int64_t took_ms = clock_monotonic_ms() - before_ms;
    long all = oom_end();
    check_reply(row, nth, &reply);
    CHECK(row->name, took_ms < 11000);
    if (reply.status == 201)
        undo(site, row, reply.body);
    else if (row->undo_path)
        undo_unsaid(site, row);
    mem_free(reply.raw);

    site->number++;
    reply = do_call(site, row, made);
    bool is_repeated = row->also && reply.status == row->also;
    if (reply.status != row->status && !is_repeated)
        print_error("%s, behind allocation %ld: %s\n", row->name, nth, reply.raw);
    CHECK(row->name, reply.status == row->status || is_repeated);
    if (reply.status == 201)
        undo(site, row, reply.body);
    mem_free(reply.raw);
    return all;
}

static void add_provider(struct site *site)
{
    char body[512];
    fill(site,
         "{\"type\":\"openai\",\"name\":\"Cloud\",\"base_url\":\"$U\",\"api_key\":\"sk-canary\"}",
         "", body, sizeof body);
    struct reply reply = ask(site, "POST", "/api/providers", body, "");
    CHECK_INT(reply.raw, reply.status, 201);
    find_text(reply.body, "id", site->provider_id, sizeof site->provider_id);
    mem_free(reply.raw);
}

static struct play models_play(struct upstream *up, int number)
{
    (void)up;
    (void)number;
    return (struct play){{SAY(MODELS_ANSWER), KEEP}};
}

static void begin_with_provider(struct site *site)
{
    struct error error = {0};
    site_begin(site);
    site->provider.choose = models_play;
    upstream_begin(&site->provider);
    CHECK_INT("started", site_start(site, &error), OK);
    add_provider(site);
}

static void F62_management_calls_without_memory(void **state)
{
    (void)state;
    struct site site;
    const char *only = getenv("STORY");
    oom_spare("writer"); /* unit_store_oom_store has it */
    begin_with_provider(&site);
    for (size_t i = 0; i < COUNT(calls); i++) {
        const struct call_row *row = &calls[i];
        if (only && !strstr(row->name, only))
            continue;
        long all = run_call(&site, row, 0);
        all = run_call(&site, row, 0);
        int64_t until_ms = clock_monotonic_ms() + BUDGET_MS;
        for (long turn = 0, nth; (nth = oom_nth(row->name, all, turn)) > 0; turn++)
            if (turn == 0 || oom_is_long() || clock_monotonic_ms() < until_ms)
                (void)run_call(&site, row, nth);
        if (getenv("STORY_LOUD"))
            print_message("%s: %ld allocations\n", row->name, all);
    }
    site_end(&site);
    upstream_end(&site.provider);
}

/* ---- a key that is revoked ------------------------------------------------------------------- */

static bool is_refused(const struct site *site, const char *key)
{
    char headers[256];
    snprintf(headers, sizeof headers, "authorization: Bearer %s\r\n", key);
    struct reply reply = ask(site, "GET", "/api/openai/v1/models", "", headers);
    bool is_so = reply.status == 401;
    mem_free(reply.raw);
    return is_so;
}

/* Whatever the answer was: what is on record as revoked is soon revoked in fact. */
static long revoke_one(struct site *site, long nth)
{
    char key[128], id[64], path[128];
    struct reply made = ask(site, "POST", "/api/keys", "{\"name\":\"x\"}", "");
    CHECK_INT("a key", made.status, 201);
    find_text(made.body, "key", key, sizeof key);
    find_text(made.body, "id", id, sizeof id);
    mem_free(made.raw);
    snprintf(path, sizeof path, "/api/keys/%s", id);
    oom_begin(nth);
    struct reply reply = ask(site, "DELETE", path, "", "");
    long all = oom_end();
    CHECK("refused or done", reply.status == 0 || reply.status == 200 || reply.status >= 500);
    mem_free(reply.raw);
    struct reply record = ask(site, "GET", path, "", "");
    bool is_on_record = record.status == 404;
    mem_free(record.raw);
    bool is_so = is_refused(site, key);
    for (int waited_ms = 0; is_on_record && !is_so && waited_ms < IN_FORCE_MS; waited_ms += 20) {
        usleep(20000);
        is_so = is_refused(site, key);
    }
    CHECK("in force as on record", is_so == is_on_record);
    return all;
}

static void F62_a_revoked_key_is_revoked_though_memory_lacks(void **state)
{
    (void)state;
    struct site site;
    oom_spare("writer");
    begin_with_provider(&site);
    long all = revoke_one(&site, 0);
    int64_t until_ms = clock_monotonic_ms() + 10 * BUDGET_MS;
    for (long turn = 0, nth; (nth = oom_nth("revoke", all, turn)) > 0; turn++)
        if (turn == 0 || oom_is_long() || clock_monotonic_ms() < until_ms)
            (void)revoke_one(&site, nth);
    site_end(&site);
    upstream_end(&site.provider);
}

/* ---- the start ------------------------------------------------------------------------------- */

static long start_one(long nth)
{
    struct site site;
    struct error error = {0};
    site_begin(&site);
    oom_begin(nth);
    oom_watch(true);
    enum err err = site_start(&site, &error);
    oom_watch(false);
    long all = oom_end();
    if (err != OK && !error.text[0])
        print_error("allocation %ld: %s without a word\n", nth, err_name(err));
    CHECK("started, or said why not", err == OK || error.text[0]);
    if (err == OK)
        server_close(site.server);
    site.server = NULL;
    CHECK_INT("the next start", site_start(&site, &error), OK);
    site_end(&site);
    return all;
}

static void F62_a_server_that_cannot_start_for_memory_says_so_and_starts_the_next_time(void **state)
{
    (void)state;
    oom_spare("");
    long all = start_one(0);
    int64_t until_ms = clock_monotonic_ms() + (oom_is_long() ? LONG_START_MS : START_MS);
    for (long turn = 0, nth; (nth = oom_nth_spread("start", all, turn)) > 0; turn++)
        if (turn == 0 || clock_monotonic_ms() < until_ms)
            (void)start_one(nth);
    if (getenv("STORY_LOUD"))
        print_message("start: %ld allocations\n", all);
}

TEST_MAIN(TEST(F62_management_calls_without_memory),
          TEST(F62_a_revoked_key_is_revoked_though_memory_lacks),
          TEST(F62_a_server_that_cannot_start_for_memory_says_so_and_starts_the_next_time))
