/* main/demo.c: `auxot demo`: what the gateway does, shown in a few seconds without anybody's key.
 *
 * Two simulated clouds and a server, all children of this process, on free ports and in a temporary
 * directory. Then what a person would do: add the providers, ask, break one provider, ask again, and look
 * at the record. Everything goes through the public API; each step shows the curl that does the same.
 */
#include "main/commands.h"

#include "json/json.h"
#include "main/child.h"
#include "main/http_call.h"
#include "main/setup.h"
#include "sys/clock.h"
#include "wire/sse.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLOUDS     2
#define READY_MS   20000
#define PATH_BYTES 1200
#define MODEL      "gpt-sim"

struct place {
    struct child child;
    char url[128];
    int port;
};

struct demo {
    char dir[1024];
    struct place clouds[CLOUDS], server;
    char key[128];
    struct json_reader *reader;
    bool keeps;
};

static const char *const cloud_names[CLOUDS] = {"Cloud North", "Cloud South"};

/* ---- saying ---------------------------------------------------------------------------------- */

static void headline(int number, const char *text)
{
    printf("\n%d. %s\n", number, text);
}

static void print_reply_headers(const struct http_reply *reply)
{
    static const struct str names[] = {STR_INIT("x-auxot-job"), STR_INIT("x-auxot-provider"),
                                       STR_INIT("x-auxot-model"), STR_INIT("x-auxot-attempts")};
    printf("   HTTP %d\n", reply->status);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        printf("   %.*s: %.*s\n", STR_ARG(names[i]), STR_ARG(http_reply_header(reply, names[i])));
}

/* ---- starting -------------------------------------------------------------------------------- */

static enum err start(struct demo *demo, struct place *place, const char *name,
                      const char *const args[], struct error *error)
{
    char log_path[PATH_BYTES], line[256];
    struct error why = {0};
    (void)snprintf(log_path, sizeof log_path, "%s/%s.log", demo->dir, name);
    enum err err = child_start(args, log_path, &place->child, &why);
    if (err == OK)
        err = child_read_line(&place->child, READY_MS, line, sizeof line, &why);
    size_t at = 0;
    if (err == OK && !str_find(str_of(line), STR("http://"), &at))
        err = error_set(&why, ERR_IO, "it said '%s'", line);
    if (err != OK)
        return error_set(error, err, "cannot start %s: %s (its log: %s)", name, why.text, log_path);

    str_copy(str_of(line + at), place->url, sizeof place->url);
    struct str rest = str_from(str_of(place->url), sizeof "http://" - 1);
    int64_t port = 0;
    (void)str_cut(&rest, ':');
    (void)str_to_int64(rest, &port);
    place->port = (int)port;
    return OK;
}

static enum err start_all(struct demo *demo, struct error *error)
{
    char data_dir[PATH_BYTES];
    (void)snprintf(data_dir, sizeof data_dir, "%s/data", demo->dir);
    enum err err = OK;
    for (int i = 0; err == OK && i < CLOUDS; i++)
        err = start(demo, &demo->clouds[i], i ? "cloud-south" : "cloud-north",
                    (const char *const[]){"simulate", "--port", "0", "--seed", i ? "2" : "1", NULL},
                    error);
    if (err == OK)
        err = start(demo, &demo->server, "server",
                    (const char *const[]){"serve", "--data-dir", data_dir, "--host", "127.0.0.1",
                                          "--port", "0", NULL},
                    error);
    return err;
}

static enum err create_key(struct demo *demo, struct error *error)
{
    char data_dir[PATH_BYTES], log_path[PATH_BYTES];
    (void)snprintf(data_dir, sizeof data_dir, "%s/data", demo->dir);
    (void)snprintf(log_path, sizeof log_path, "%s/keys.log", demo->dir);
    struct child child;
    enum err err = child_start((const char *const[]){"keys", "create", "--data-dir", data_dir,
                                                     "--name", "demo", "--role", "admin", NULL},
                               log_path, &child, error);
    if (err != OK)
        return err;
    err = child_read_line(&child, READY_MS, demo->key, sizeof demo->key, error);
    int status = child_wait(&child);
    if (err == OK && status != 0)
        err = error_set(error, ERR_IO, "keys create ended with %d (its log: %s)", status, log_path);
    return err;
}

/* ---- calling --------------------------------------------------------------------------------- */

static enum err call(const struct demo *demo, const struct place *place, const char *method,
                     const char *path, const char *body, struct http_reply *out_reply,
                     struct error *error)
{
    char headers[256];
    (void)snprintf(headers, sizeof headers, "authorization: Bearer %s\r\n", demo->key);
    return http_call(&(struct http_call){.port = place->port,
                                         .method = method,
                                         .path = path,
                                         .headers = headers,
                                         .body = str_of(body)},
                     out_reply, error);
}

/* A call whose answer is only checked. */
static enum err must(const struct demo *demo, const struct place *place, const char *path,
                     const char *body, int wanted, struct error *error)
{
    struct http_reply reply;
    enum err err = call(demo, place, "POST", path, body, &reply, error);
    if (err != OK)
        return err;
    if (reply.status != wanted)
        err = error_set(error, ERR_IO, "POST %s answered %d: %.*s", path, reply.status,
                        (int)(reply.body.len < 200 ? reply.body.len : 200), reply.body.at);
    http_reply_release(&reply);
    return err;
}

/* ---- the story ------------------------------------------------------------------------------- */

static enum err add_providers(const struct demo *demo, struct error *error)
{
    headline(1, "Two providers are added. (Both are played by `auxot simulate`; any key will do.)");
    for (int i = 0; i < CLOUDS; i++) {
        char body[512];
        (void)snprintf(body, sizeof body, "{\"rules\":[{\"then\":{\"text\":\"Hello from %s.\"}}]}",
                       cloud_names[i]);
        enum err err = must(demo, &demo->clouds[i], "/_sim/script", body, 200, error);
        (void)snprintf(body, sizeof body,
                       "{\"type\":\"openai\",\"name\":\"%s\",\"api_key\":\"sk-demo-%d\","
                       "\"base_url\":\"%s/v1\"}",
                       cloud_names[i], i, demo->clouds[i].url);
        if (err == OK)
            err = must(demo, &demo->server, "/api/providers", body, 201, error);
        if (err != OK)
            return err;
        printf("   POST /api/providers  %s\n", body);
    }
    return OK;
}

static void print_curl(const struct demo *demo, const char *body)
{
    printf(
        "   curl %s/api/openai/v1/chat/completions \\\n"
        "        -H \"authorization: Bearer $AUXOT_KEY\" -H 'content-type: application/json' \\\n"
        "        -d '%s'\n\n",
        demo->server.url, body);
}

static enum err ask_plain(const struct demo *demo, struct error *error)
{
    static const char body[] =
        "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello?\"}]}";
    struct http_reply reply;
    struct json root;
    headline(2, "A request is routed.");
    print_curl(demo, body);
    enum err err =
        call(demo, &demo->server, "POST", "/api/openai/v1/chat/completions", body, &reply, error);
    if (err != OK)
        return err;
    print_reply_headers(&reply);
    err = json_parse(demo->reader, reply.body, &root, error);
    struct json_cursor choice = json_each(json_get(root, "choices"));
    struct str text = err == OK && json_next(&choice)
                          ? json_string_or_empty(json_at(choice.value, "message", "content", NULL))
                          : reply.body;
    printf("   \"%.*s\"\n", STR_ARG(text));
    if (err == OK && reply.status != 200)
        err = error_set(error, ERR_IO, "the request was not answered");
    http_reply_release(&reply);
    return err;
}

/* Prints the text of a stream of chunks. */
static void print_stream(const struct demo *demo, struct str stream)
{
    AUTO_BUF struct buf joined;
    buf_init(&joined, 65536);
    size_t scanned = 0, len;
    printf("   \"");
    while ((len = sse_event_end(stream, &scanned)) > 0) {
        struct sse_event event;
        struct json root;
        struct error ignored;
        sse_event_read(str_upto(stream, len), &joined, &event);
        stream = str_from(stream, len);
        scanned = 0;
        if (!event.has_data || json_parse(demo->reader, event.data, &root, &ignored) != OK)
            continue; /* a comment, or [DONE] */
        struct json_cursor choice = json_each(json_get(root, "choices"));
        if (!json_next(&choice))
            continue;
        struct str text = json_string_or_empty(json_at(choice.value, "delta", "content", NULL));
        printf("%.*s", STR_ARG(text));
    }
    printf("\"\n");
}

static const struct place *cloud_of(const struct demo *demo, struct str slug)
{
    return &demo->clouds[str_ends(slug, STR("south"))];
}

/* Breaks the provider that answers first, and asks again. Copies the job's id out. */
static enum err ask_with_failure(const struct demo *demo, char *job, size_t job_bytes,
                                 struct error *error)
{
    static const char body[] = "{\"model\":\"" MODEL "\",\"stream\":true,"
                               "\"messages\":[{\"role\":\"user\",\"content\":\"Still there?\"}]}";
    static const char cut[] = "{\"name\":\"demo\",\"then\":{\"cut_after_events\":0}}";
    headline(3, "The first provider now says 200, opens a stream, and dies. A streamed request:");
    const struct place *first = cloud_of(demo, STR("cloud-north"));
    enum err err = must(demo, first, "/_sim/rules", cut, 200, error);
    if (err != OK)
        return err;
    print_curl(demo, body);
    struct http_reply reply;
    err = call(demo, &demo->server, "POST", "/api/openai/v1/chat/completions", body, &reply, error);
    if (err != OK)
        return err;
    print_reply_headers(&reply);
    print_stream(demo, reply.body);
    printf("   The caller saw one answer, whole, and nothing of the failure.\n");
    str_copy(http_reply_header(&reply, STR("x-auxot-job")), job, job_bytes);
    if (reply.status != 200)
        err = error_set(error, ERR_IO, "the request was not answered");
    http_reply_release(&reply);
    return err;
}

static struct str text_at(struct json object, const char *name)
{
    struct str text = json_string_or_empty(json_get(object, name));
    return text.len > 0 ? text : STR("-");
}

static void print_job(struct json job)
{
    printf("   %-10s %.*s, %.*s\n", "status", STR_ARG(text_at(job, "status")),
           STR_ARG(text_at(job, "reason")));
    printf("   %-10s %.*s, asked for as %.*s\n", "model", STR_ARG(text_at(job, "model")),
           STR_ARG(text_at(job, "requested_model")));
    printf("   %-10s %lld in, %lld out\n", "tokens",
           (long long)json_int64_or(json_get(job, "input_tokens"), -1),
           (long long)json_int64_or(json_get(job, "output_tokens"), -1));
    int64_t began_ms = json_int64_or(json_get(job, "created_at_ms"), 0);
    for (struct json_cursor attempt = json_each(json_get(job, "attempts")); json_next(&attempt);)
        printf("   attempt %lld  %-12.*s %-10.*s %-24.*s at +%lld ms, %lld ms long\n",
               (long long)json_int64_or(json_get(attempt.value, "seq"), 0),
               STR_ARG(text_at(json_get(attempt.value, "provider"), "name")),
               STR_ARG(text_at(attempt.value, "outcome")),
               STR_ARG(text_at(attempt.value, "reason")),
               (long long)(json_int64_or(json_get(attempt.value, "started_at_ms"), 0) - began_ms),
               (long long)(json_int64_or(json_get(attempt.value, "ended_at_ms"), 0) -
                           json_int64_or(json_get(attempt.value, "started_at_ms"), 0)));
}

static enum err show_record(const struct demo *demo, const char *job, struct error *error)
{
    char path[160];
    struct http_reply reply;
    struct json root;
    (void)snprintf(path, sizeof path, "/api/jobs/%s", job);
    headline(4, "The record has it all.");
    printf("   GET %s\n\n", path);
    enum err err = call(demo, &demo->server, "GET", path, "", &reply, error);
    if (err != OK)
        return err;
    if (reply.status != 200)
        err = error_set(error, ERR_IO, "GET %s answered %d", path, reply.status);
    else
        err = json_parse(demo->reader, reply.body, &root, error);
    if (err == OK)
        print_job(root);
    http_reply_release(&reply);
    return err;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

static void clean_up(struct demo *demo)
{
    (void)child_stop(&demo->server.child);
    for (int i = 0; i < CLOUDS; i++)
        (void)child_stop(&demo->clouds[i].child);
    json_reader_free(demo->reader);
    if (demo->dir[0])
        (void)nftw(demo->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void wait_for_signal(const struct demo *demo)
{
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    printf("\nIt keeps running until Ctrl-C. In another shell:\n\n"
           "  export AUXOT_URL=%s AUXOT_KEY=%s\n\n"
           "  The clouds: %s and %s (docs/reference/simulate.md)\n",
           demo->server.url, demo->key, demo->clouds[0].url, demo->clouds[1].url);
    fflush(stdout);
    (void)sigwait(&set, &signal_number);
}

static enum err tell(struct demo *demo, struct error *error)
{
    char job[96];
    int64_t from_ms = clock_monotonic_ms();
    enum err err = start_all(demo, error);
    if (err == OK)
        err = create_key(demo, error);
    if (err != OK)
        return err;
    printf("A server and two simulated clouds are up (%lld ms): %s\n",
           (long long)(clock_monotonic_ms() - from_ms), demo->server.url);
    err = add_providers(demo, error);
    if (err == OK)
        err = ask_plain(demo, error);
    if (err == OK)
        err = ask_with_failure(demo, job, sizeof job, error);
    if (err == OK)
        err = show_record(demo, job, error);
    return err;
}

static enum err prepare(struct demo *demo, struct error *error)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(demo->dir, sizeof demo->dir, "%s/auxot-demo-XXXXXX",
                       base && *base ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof demo->dir || !mkdtemp(demo->dir)) {
        demo->dir[0] = '\0';
        return error_set(error, ERR_IO, "no temporary directory: %s", ERRNO_TEXT(errno));
    }
    return json_reader_new(HTTP_REPLY_MAX, &demo->reader);
}

/* The demo is the same everywhere: nobody's settings reach its children. */
static void forget_settings(void)
{
    extern char **environ;
    for (char **variable = environ; *variable;) {
        struct str name = str_of(*variable);
        if (!str_starts(name, STR("AUXOT_"))) {
            variable++;
            continue;
        }
        char room[256];
        str_copy(str_cut(&name, '='), room, sizeof room);
        if (unsetenv(room) != 0 || str_of(room).len + 1 == sizeof room)
            variable++; /* cannot be: but never for ever */
    }
}

static void print_help(void)
{
    fputs(
        "Usage: auxot demo [--keep]\n\n"
        "Starts a server and two simulated providers on free ports with a temporary data directory,\n"
        "then shows a routed request, a failover that the caller does not see, and the job's record.\n"
        "Needs no key and no network.\n\n"
        "  --keep   leave it all running until Ctrl-C, and print URL and key\n",
        stdout);
}

int command_demo(int argc, char **argv)
{
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    struct demo demo = {.keeps = argc == 2 && str_eq(str_of(argv[1]), STR("--keep"))};
    struct error error = {0};
    if (argc > 1 && !demo.keeps)
        return complain("demo", 2, "'%s' is no flag of demo; see `auxot demo --help`", argv[1]);

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* a signal waits until the children are stopped */
    forget_settings();
    setvbuf(stdout, NULL, _IOLBF, 0);
    enum err err = prepare(&demo, &error);
    if (err == OK)
        err = tell(&demo, &error);
    if (err == OK && demo.keeps)
        wait_for_signal(&demo);
    else if (err == OK)
        printf("\nAll of it is gone again. `auxot demo --keep` leaves it running.\n");
    clean_up(&demo);
    return err == OK ? 0 : complain("demo", 1, "%s", error.text);
}
