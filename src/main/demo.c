/* main/demo.c: `auxot demo`: what the gateway does, shown in a few seconds without anybody's key.
 *
 * One question, asked four times: the GPU answers; the GPU is killed while it thinks, and the subscription answers;
 * that is killed, too, and the cloud answers; both come back, and so does the GPU's answer. What runs for it is in
 * demo_scene.h. The GPU is killed only when its model is seen at work, so the story is the same every time.
 */
#include "main/commands.h"

#include "main/demo_scene.h"
#include "main/setup.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "wire/sse.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHAT_PATH "/api/openai/v1/chat/completions"
#define QUESTION                           \
    "{\"model\":\"auto\",\"stream\":true," \
    "\"messages\":[{\"role\":\"user\",\"content\":\"Who are you?\"}]}"

/* ---- saying: in colours on a terminal, unless NO_COLOR asks for none ------------------------------------- */

static struct {
    const char *bold, *dim, *good, *bad, *off;
} tone = {"", "", "", "", ""};

static void choose_tone(void)
{
    const char *refusal = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool is_dumb = terminal && str_eq(str_of(terminal), STR("dumb"));
    if (!isatty(STDOUT_FILENO) || (refusal && *refusal) || is_dumb)
        return;
    tone.bold = "\033[1m";
    tone.dim = "\033[2m";
    tone.good = "\033[32m";
    tone.bad = "\033[31m";
    tone.off = "\033[0m";
}

static void say_step(int number, const char *text)
{
    printf("\n%s%d. %s%s\n\n", tone.bold, number, text, tone.off);
}

static void say_cast(const struct scene *scene, int64_t took_ms)
{
    printf("\n%sYour own GPU first, a subscription of yours second, a cloud last.%s\n\n"
           "Gateway and workers are real and run on this machine; the models are played.\n\n",
           tone.bold, tone.off);
    printf("   %-8s %-7s %s%s%s\n", "gateway", "", tone.dim, scene->gateway.url, tone.off);
    for (int i = 0; i < TIER_COUNT; i++)
        printf("   %-8s %-7s %s%s%s\n", tier_roles[i].kind, tier_roles[i].name, tone.dim,
               tier_roles[i].who, tone.off);
    printf("   %s%-8s %-7s in %lld ms%s\n", tone.dim, "up", "", (long long)took_ms, tone.off);
}

static void say_curl(const struct scene *scene)
{
    printf(
        "%s   curl -N %s" CHAT_PATH " \\\n"
        "        -H \"authorization: Bearer $AUXOT_KEY\" -H 'content-type: application/json' \\\n"
        "        -d '" QUESTION "'%s\n\n",
        tone.dim, scene->gateway.url, tone.off);
}

/* The text of a stream of chunks. */
static void say_stream(struct json_reader *reader, struct str stream)
{
    AUTO_BUF struct buf joined;
    buf_init(&joined, 65536);
    size_t scanned = 0, len;
    while ((len = sse_event_end(stream, &scanned)) > 0) {
        struct sse_event event;
        struct json root;
        struct error ignored;
        sse_event_read(str_upto(stream, len), &joined, &event);
        stream = str_from(stream, len);
        scanned = 0;
        if (!event.has_data || json_parse(reader, event.data, &root, &ignored) != OK)
            continue; /* a comment, or [DONE] */
        struct json_cursor choice = json_each(json_get(root, "choices"));
        if (!json_next(&choice))
            continue;
        struct str text = json_string_or_empty(json_at(choice.value, "delta", "content", NULL));
        printf("%.*s", STR_ARG(text));
    }
}

static const struct tier_role *role_of(struct str slug)
{
    for (int i = 0; i < TIER_COUNT; i++)
        if (str_ieq(slug, str_of(tier_roles[i].name)))
            return &tier_roles[i];
    return NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

struct asking {
    const struct scene *scene;
    struct http_reply reply;
    struct error error;
    enum err err;
    int64_t took_ms;
};

static void ask(void *arg)
{
    struct asking *asking = arg;
    int64_t from_ms = clock_monotonic_ms();
    asking->err = scene_call(asking->scene, &asking->scene->gateway, "POST", CHAT_PATH, QUESTION,
                             &asking->reply, &asking->error);
    asking->took_ms = clock_monotonic_ms() - from_ms;
}

/* Says who answered, and what; that must be `wanted`. The job's id is copied out (NULL: not wanted). */
static enum err hear(const struct scene *scene, struct asking *asking, enum tier wanted, char *job,
                     size_t job_bytes, struct error *error)
{
    if (asking->err != OK)
        return error_set(error, asking->err, "%s", asking->error.text);
    struct http_reply *reply = &asking->reply;
    struct str slug = http_reply_header(reply, STR("x-auxot-provider"));
    const struct tier_role *role = role_of(slug);
    enum err err = OK;
    if (reply->status != 200 || role != &tier_roles[wanted]) {
        err = error_set(error, ERR_IO, "%s was to answer; it was '%.*s', with HTTP %d",
                        tier_roles[wanted].name, STR_ARG(slug), reply->status);
    } else {
        printf("   %s%-8s %-7s%s \"", tone.good, role->kind, role->name, tone.off);
        say_stream(scene->reader, reply->body);
        printf("\"   %s%lld ms%s\n", tone.dim, (long long)asking->took_ms, tone.off);
    }
    if (job)
        str_copy(http_reply_header(reply, STR("x-auxot-job")), job, job_bytes);
    http_reply_release(reply);
    return err;
}

static enum err ask_and_hear(const struct scene *scene, enum tier wanted, struct error *error)
{
    struct asking asking = {.scene = scene};
    ask(&asking);
    return hear(scene, &asking, wanted, NULL, 0, error);
}

/* ---- the record -------------------------------------------------------------------------------------------- */

static struct str text_at(struct json object, const char *name)
{
    struct str text = json_string_or_empty(json_get(object, name));
    return text.len > 0 ? text : STR("-");
}

static void say_attempt(struct json attempt, int64_t began_ms)
{
    struct str outcome = text_at(attempt, "outcome");
    int64_t from_ms = json_int64_or(json_get(attempt, "started_at_ms"), 0);
    int64_t to_ms = json_int64_or(json_get(attempt, "ended_at_ms"), 0);
    printf("   attempt %lld  %-7.*s %s%-8.*s%s %-18.*s %sfrom +%lld to +%lld ms%s\n",
           (long long)json_int64_or(json_get(attempt, "seq"), 0),
           STR_ARG(text_at(json_get(attempt, "provider"), "name")),
           str_eq(outcome, STR("ok")) ? tone.good : tone.bad, STR_ARG(outcome), tone.off,
           STR_ARG(text_at(attempt, "reason")), tone.dim, (long long)(from_ms - began_ms),
           (long long)(to_ms - began_ms), tone.off);
}

static enum err say_job(const struct scene *scene, const char *job, struct error *error)
{
    char path[160];
    struct http_reply reply;
    struct json root;
    (void)snprintf(path, sizeof path, "/api/jobs/%s", job);
    printf("\n   %sGET %s%s\n", tone.dim, path, tone.off);
    enum err err = scene_call(scene, &scene->gateway, "GET", path, "", &reply, error);
    if (err != OK)
        return err;
    if (reply.status != 200)
        err = error_set(error, ERR_IO, "GET %s answered %d", path, reply.status);
    else
        err = json_parse(scene->reader, reply.body, &root, error);
    if (err == OK) {
        int64_t began_ms = json_int64_or(json_get(root, "created_at_ms"), 0);
        for (struct json_cursor item = json_each(json_get(root, "attempts")); json_next(&item);)
            say_attempt(item.value, began_ms);
    }
    http_reply_release(&reply);
    return err;
}

/* ---- the story --------------------------------------------------------------------------------------------- */

static enum err show_gpu(struct scene *scene, struct error *error)
{
    say_step(1, "A question. The first tier has room, so it answers.");
    say_curl(scene);
    return ask_and_hear(scene, TIER_GPU, error);
}

/* Asks in a thread of its own, kills who is at work on it, and hears the answer. */
static enum err kill_and_hear(struct scene *scene, char *job, size_t job_bytes, struct error *error)
{
    struct asking asking = {.scene = scene};
    struct error why = {0};
    pthread_t thread;
    enum err err = thread_start("asking", ask, &asking, &thread, error);
    if (err != OK)
        return err;
    enum err seen = scene_await_gpu_busy(scene, &why);
    enum err killed = scene_kill_worker(scene, TIER_GPU, seen == OK ? &why : NULL);
    thread_join(thread);
    err = hear(scene, &asking, TIER_CLI, job, job_bytes, error);
    if (err == OK && (seen != OK || killed != OK))
        err = error_set(error, seen != OK ? seen : killed, "%s", why.text);
    return err;
}

static enum err show_failover(struct scene *scene, struct error *error)
{
    char job[96];
    say_step(2, "The same again. While the GPU thinks, its worker is killed (kill -9).");
    enum err err = scene_slow_gpu(scene, true, error);
    if (err == OK)
        err = kill_and_hear(scene, job, sizeof job, error);
    if (err != OK)
        return err;
    printf(
        "\n   Failover: the caller saw one answer, whole, and nothing of this. The record has both "
        "attempts:\n");
    return say_job(scene, job, error);
}

static enum err show_cloud(struct scene *scene, struct error *error)
{
    say_step(3, "The second worker is killed, too. What is left is the cloud.");
    enum err err = scene_kill_worker(scene, TIER_CLI, error);
    return err == OK ? ask_and_hear(scene, TIER_CLOUD, error) : err;
}

static enum err show_return(struct scene *scene, struct error *error)
{
    say_step(4, "Both workers are started again. Nobody has to tell the gateway: they dial in.");
    enum err err = scene_slow_gpu(scene, false, error);
    if (err == OK)
        err = scene_start_worker(scene, TIER_GPU, error);
    if (err == OK)
        err = scene_start_worker(scene, TIER_CLI, error);
    return err == OK ? ask_and_hear(scene, TIER_GPU, error) : err;
}

static enum err tell(struct scene *scene, struct error *error)
{
    int64_t from_ms = clock_monotonic_ms();
    enum err err = scene_open(scene, error);
    if (err != OK)
        return err;
    say_cast(scene, clock_monotonic_ms() - from_ms);
    err = show_gpu(scene, error);
    if (err == OK)
        err = show_failover(scene, error);
    if (err == OK)
        err = show_cloud(scene, error);
    if (err == OK)
        err = show_return(scene, error);
    return err;
}

/* ---- life -------------------------------------------------------------------------------------------------- */

static void wait_for_signal(const struct scene *scene)
{
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    printf("\nIt keeps running until Ctrl-C. In another shell:\n\n"
           "   export AUXOT_URL=%s AUXOT_KEY=%s\n"
           "   curl -s $AUXOT_URL/api/workers -H \"authorization: Bearer $AUXOT_KEY\"\n\n"
           "The simulated llama-server is %s, the cloud %s (docs/reference/simulate.md).\n",
           scene->gateway.url, scene->key, scene->llama.url, scene->cloud.url);
    fflush(stdout);
    (void)sigwait(&set, &signal_number);
}

/* The demo is the same everywhere: nobody's settings reach its children, nor the keys of those that it plays. */
static void forget_settings(void)
{
    extern char **environ;
    (void)unsetenv("LLAMA_API_KEY");
    (void)unsetenv("CURSOR_API_KEY");
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
        "Starts a gateway, a GPU worker, a CLI worker and who plays their models and a cloud, on free\n"
        "ports with a temporary data directory. Then it asks, kills the worker that answers, and shows\n"
        "that the answer arrives all the same, and what the record says. Needs no key and no network.\n\n"
        "  --keep   leave it all running until Ctrl-C, and print URL and key\n",
        stdout);
}

int command_demo(int argc, char **argv)
{
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    struct scene scene = {0};
    struct error error = {0};
    bool keeps = argc == 2 && str_eq(str_of(argv[1]), STR("--keep"));
    if (argc > 1 && !keeps)
        return complain("demo", 2, "'%s' is no flag of demo; see `auxot demo --help`", argv[1]);

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* a signal waits until the children are stopped */
    forget_settings();
    choose_tone();
    setvbuf(stdout, NULL, _IOLBF, 0);
    enum err err = tell(&scene, &error);
    if (err == OK && keeps)
        wait_for_signal(&scene);
    else if (err == OK)
        printf("\nAll of it is gone again. `auxot demo --keep` leaves it running.\n");
    scene_release(&scene);
    return err == OK ? 0 : complain("demo", 1, "%s", error.text);
}
