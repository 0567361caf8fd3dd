/* load.c: the load generator. One thread, one epoll; prints key=value lines.
 *
 *     load MODE --port P [--path /...] [--key K] [--model M] [--pid SERVER] ...
 *
 *   closed   N connections, each sends its next request when the answer is complete
 *   rate     requests at a fixed rate; latency counts from the moment that a request was due, not from
 *            when it could be sent, so a server that stalls is charged for all who waited
 *   sse      N connections, each reads `repeat` streams of stamped events to the end
 *   hold     opens N streams and holds them: memory per idle stream
 *   stall    N readers stop reading behind the head, then resume and must get every byte
 *   bodies   N bodies that all lack their last byte, then all get it: peak memory
 *   gone     opens a stream and hangs up, N times: how long until the upstream sees it
 *   start    runs the command behind `--`: how long until it answers, what it holds then, how long to stop
 *   usage    prints what the process has used so far, nothing else
 *
 * With --pid the server's CPU is read when the warm-up ends and when the last answer is in, by thread; the
 * connections are made before. A run ends by itself: by --seconds, by counts, or 30 s behind its time.
 */
#include "client.h"
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define NS          1000000000u
#define PATIENCE_NS (30ull * NS)
#define SAMPLES_MAX (4u << 20)
#define DUE_MAX     (1u << 20)
#define READY_MAX   512

struct options {
    const char *path, *key, *model;
    long port, upstream_port, connections, bytes, repeat, rate, pid, seconds, warm_ms, hold_ms;
    long expect_stamps, pace; /* pace: connections that are opened in 5 ms */
    char **command;
};

struct load {
    struct options options;
    struct request request;
    struct client *clients;
    int epoll;
    void (*on_done)(struct load *, struct client *);

    uint64_t from_ns, until_ns; /* the window that counts */
    uint64_t answers, failures, stamps, short_streams;
    long running;
    struct samples latencies, delays;
    struct cpu cpu;
    bool is_measuring;

    struct client **idle; /* rate: connections at rest, the last used on top */
    long idle_count, opened;
    uint64_t *due; /* rate: requests that no connection was free for, a ring */
    size_t due_head, due_count;
};

/* ---- options --------------------------------------------------------------------------------- */

static bool text_option(const char *name, const char *value, const char *wanted, const char **out)
{
    bool is_it = strcmp(name, wanted) == 0;
    if (is_it)
        *out = value;
    return is_it;
}

static bool number_option(struct options *options, const char *name, const char *value)
{
    struct {
        const char *name;
        long *out;
    } table[] = {
        {"--port", &options->port},
        {"--upstream-port", &options->upstream_port},
        {"--connections", &options->connections},
        {"--bytes", &options->bytes},
        {"--repeat", &options->repeat},
        {"--rate", &options->rate},
        {"--pid", &options->pid},
        {"--seconds", &options->seconds},
        {"--warm-ms", &options->warm_ms},
        {"--hold-ms", &options->hold_ms},
        {"--expect-stamps", &options->expect_stamps},
        {"--pace", &options->pace},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        char *end;
        *table[i].out = strtol(value, &end, 10);
        return end != value && *end == '\0' && *table[i].out >= 0;
    }
    return false;
}

static void read_options(struct options *options, int argc, char **argv)
{
    for (int i = 2; i < argc; i += 2) {
        if (strcmp(argv[i], "--") == 0) {
            options->command = argv + i + 1;
            return;
        }
        if (i + 1 == argc)
            die("%s wants a value", argv[i]);
        if (!text_option(argv[i], argv[i + 1], "--path", &options->path) &&
            !text_option(argv[i], argv[i + 1], "--key", &options->key) &&
            !text_option(argv[i], argv[i + 1], "--model", &options->model) &&
            !number_option(options, argv[i], argv[i + 1]))
            die("cannot use %s %s", argv[i], argv[i + 1]);
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void wait_ready(struct load *load, uint64_t until_ns)
{
    struct epoll_event ready[READY_MAX];
    uint64_t now = now_ns();
    uint64_t wait = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {(time_t)(wait / NS), (long)(wait % NS)};
    int count = epoll_pwait2(load->epoll, ready, READY_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        struct client *client = ready[i].data.ptr;
        if (client->state == CLIENT_CLOSED)
            continue;
        client_run(client, ready[i].events);
        if (client->state == CLIENT_DONE || client->state == CLIENT_FAILED)
            load->on_done(load, client);
    }
}

/* Opens one connection; a server that refuses it ends the run. */
static void open_client(struct load *load, struct client *client)
{
    if (!client_open(client, load->epoll, (int)load->options.port))
        die("nobody listens on port %ld: %s", load->options.port, strerror(errno));
}

static void open_all(struct load *load)
{
    for (long i = 0; i < load->options.connections; i++)
        open_client(load, &load->clients[i]);
}

static void start(struct load *load, struct client *client, uint64_t scheduled_ns)
{
    client->scheduled_ns = scheduled_ns;
    load->running++;
    client_send(client, &load->request, load->request.len);
}

/* Books an answer; a failed connection is opened again. */
static void book(struct load *load, struct client *client)
{
    uint64_t now = now_ns();
    bool is_good = client->state == CLIENT_DONE && client->status == 200;
    load->running--;
    if (is_good && load->options.expect_stamps &&
        client->stamps != (unsigned)load->options.expect_stamps)
        load->short_streams++;
    load->stamps += client->stamps;
    load->answers += is_good;
    load->failures += !is_good;
    if (is_good && client->scheduled_ns >= load->from_ns)
        samples_add(&load->latencies, now - client->scheduled_ns);
    if (!is_good && load->failures == 1)
        fprintf(stderr, "load: first failure: status %d, state %d, %s\n", client->status,
                (int)client->state, client->head_len ? client->head : "no head");
    if (client->state == CLIENT_FAILED) {
        client_close(client);
        open_client(load, client);
    }
}

/* ---- the window ------------------------------------------------------------------------------ */

static void begin_window(struct load *load)
{
    load->answers = load->failures = load->stamps = load->short_streams = 0;
    load->delays.count = 0;
    load->from_ns = now_ns();
    load->is_measuring = true;
    if (load->options.pid)
        load->cpu = cpu_read((int)load->options.pid);
}

static void print_cpu(const struct cpu *since, const struct cpu *now)
{
    printf("cpu_path_ns=%llu\ncpu_writer_ns=%llu\ncpu_all_ns=%llu\n",
           (unsigned long long)(now->path_ns - since->path_ns),
           (unsigned long long)(now->writer_ns - since->writer_ns),
           (unsigned long long)(now->all_ns - since->all_ns));
}

static void end_window(struct load *load)
{
    uint64_t took = now_ns() - load->from_ns;
    if (load->options.pid) {
        struct cpu now = cpu_read((int)load->options.pid);
        print_cpu(&load->cpu, &now);
        printf("cpu_all_at_start_ns=%llu\n", (unsigned long long)load->cpu.all_ns);
        printf("cpu_writer_at_start_ns=%llu\n", (unsigned long long)load->cpu.writer_ns);
    }
    printf("window_ms=%.1f\nanswers=%llu\nfailures=%llu\nanswers_per_s=%.0f\n", took / 1e6,
           (unsigned long long)load->answers, (unsigned long long)load->failures,
           load->answers * 1e9 / (double)took);
    if (load->options.expect_stamps)
        printf("stamps=%llu\nstamps_per_s=%.0f\nshort_streams=%llu\n",
               (unsigned long long)load->stamps, load->stamps * 1e9 / (double)took,
               (unsigned long long)load->short_streams);
    samples_print(&load->latencies, "latency");
    if (load->options.expect_stamps)
        samples_print(&load->delays, "delay");
}

static void finish_running(struct load *load)
{
    uint64_t end = now_ns() + PATIENCE_NS;
    while (load->running > 0 && now_ns() < end)
        wait_ready(load, end);
    if (load->running > 0)
        load->failures += (uint64_t)load->running;
}

/* ---- closed ---------------------------------------------------------------------------------- */

static void next_closed(struct load *load, struct client *client)
{
    book(load, client);
    uint64_t now = now_ns();
    if (now < load->until_ns)
        start(load, client, now);
}

static void run_closed(struct load *load)
{
    load->on_done = next_closed;
    open_all(load);
    uint64_t begin = now_ns(), warm_end = begin + (uint64_t)load->options.warm_ms * 1000000u;
    load->until_ns = warm_end + (uint64_t)load->options.seconds * NS;
    load->from_ns = UINT64_MAX;
    for (long i = 0; i < load->options.connections; i++)
        start(load, &load->clients[i], begin);
    while (now_ns() < load->until_ns) {
        if (!load->is_measuring && now_ns() >= warm_end)
            begin_window(load);
        wait_ready(load, load->is_measuring ? load->until_ns : warm_end);
    }
    finish_running(load);
    end_window(load);
}

/* ---- rate ------------------------------------------------------------------------------------ */

static void at_rest(struct load *load, struct client *client)
{
    book(load, client);
    if (load->due_count == 0) {
        load->idle[load->idle_count++] = client;
        return;
    }
    start(load, client, load->due[load->due_head]);
    load->due_head = (load->due_head + 1) % DUE_MAX;
    load->due_count--;
}

static void dispatch(struct load *load, uint64_t due_ns)
{
    if (load->idle_count == 0 && load->opened < load->options.connections) {
        open_client(load, &load->clients[load->opened]);
        load->idle[load->idle_count++] = &load->clients[load->opened++];
    }
    if (load->idle_count > 0)
        start(load, load->idle[--load->idle_count], due_ns);
    else if (load->due_count < DUE_MAX)
        load->due[(load->due_head + load->due_count++) % DUE_MAX] = due_ns;
    else
        load->failures++;
}

static void run_rate(struct load *load)
{
    load->on_done = at_rest;
    load->idle = calloc((size_t)load->options.connections, sizeof(struct client *));
    load->due = malloc(DUE_MAX * sizeof *load->due);
    if (!load->idle || !load->due)
        die("no memory");
    uint64_t begin = now_ns() + 1000000u, interval = NS / (uint64_t)load->options.rate;
    uint64_t warm_end = begin + (uint64_t)load->options.warm_ms * 1000000u, due = begin;
    load->until_ns = warm_end + (uint64_t)load->options.seconds * NS;
    load->from_ns = UINT64_MAX;
    while (due < load->until_ns) {
        wait_ready(load, due);
        for (uint64_t now = now_ns(); due <= now && due < load->until_ns; due += interval) {
            if (!load->is_measuring && due >= warm_end)
                begin_window(load);
            dispatch(load, due);
        }
    }
    finish_running(load);
    end_window(load);
    printf("connections_used=%ld\n", load->opened);
}

/* ---- sse ------------------------------------------------------------------------------------- */

static void next_stream(struct load *load, struct client *client)
{
    book(load, client);
    if (client->turn + 1 < load->options.repeat && client->state == CLIENT_DONE)
        start(load, client, now_ns());
}

/* The first streams begin spread over --warm-ms, so that their events do not all fall together. */
static void run_sse(struct load *load)
{
    load->on_done = next_stream;
    for (long i = 0; i < load->options.connections; i++)
        load->clients[i].delays = &load->delays;
    open_all(load);
    begin_window(load);
    uint64_t spread =
        (uint64_t)load->options.warm_ms * 1000000u / (uint64_t)load->options.connections;
    for (long i = 0; i < load->options.connections; i++) {
        uint64_t at = load->from_ns + (uint64_t)i * spread;
        while (now_ns() < at)
            wait_ready(load, at);
        start(load, &load->clients[i], at);
    }
    uint64_t end = now_ns() + (uint64_t)load->options.seconds * NS + PATIENCE_NS;
    while (load->running > 0 && now_ns() < end)
        wait_ready(load, end);
    load->failures += (uint64_t)load->running;
    end_window(load);
}

/* ---- hold ------------------------------------------------------------------------------------ */

static void lost(struct load *load, struct client *client)
{
    (void)client;
    load->failures++;
    client_close(client);
}

static void wait_for(struct load *load, long ms)
{
    for (uint64_t end = now_ns() + (uint64_t)ms * 1000000u; now_ns() < end;)
        wait_ready(load, end);
}

static long with_a_stamp(const struct load *load)
{
    long count = 0;
    for (long i = 0; i < load->options.connections; i++)
        count += load->clients[i].state == CLIENT_BODY && load->clients[i].stamps > 0;
    return count;
}

/* Opens the streams a few at a time; says how many have had their first event. */
static long open_streams(struct load *load)
{
    for (long i = 0; i < load->options.connections; i++) {
        load->clients[i].delays = &load->delays;
        open_client(load, &load->clients[i]);
        start(load, &load->clients[i], now_ns());
        if (i % load->options.pace == load->options.pace - 1)
            wait_for(load, 5);
    }
    uint64_t end = now_ns() + PATIENCE_NS;
    while (with_a_stamp(load) < load->options.connections && load->failures == 0 && now_ns() < end)
        wait_for(load, 20);
    return with_a_stamp(load);
}

static void run_hold(struct load *load)
{
    load->on_done = lost;
    struct memory before = memory_read((int)load->options.pid);
    long opened = open_streams(load);
    wait_for(load, load->options.hold_ms);
    struct cpu from = cpu_read((int)load->options.pid);
    wait_for(load, 1000);
    struct cpu to = cpu_read((int)load->options.pid);
    struct memory held = memory_read((int)load->options.pid);
    printf("streams=%ld\nfailures=%llu\npss_before_kib=%ld\npss_held_kib=%ld\n", opened,
           (unsigned long long)load->failures, before.pss_kib, held.pss_kib);
    printf("kib_per_stream=%.2f\n", opened ? (double)(held.pss_kib - before.pss_kib) / opened : 0);
    printf("cpu_idle_ms_per_s=%.2f\n", (to.all_ns - from.all_ns) / 1e6);
    for (long i = 0; i < load->options.connections; i++)
        client_close(&load->clients[i]);
    usleep(500000);
    printf("pss_after_kib=%ld\n", memory_read((int)load->options.pid).pss_kib);
}

/* ---- stall ----------------------------------------------------------------------------------- */

static void stream_ended(struct load *load, struct client *client)
{
    book(load, client);
}

/* Lets time go by and keeps the largest growth seen. */
static void watch_growth(struct load *load, long ms, long before_kib, long *most_kib)
{
    for (long passed = 0; passed < ms && load->running > 0; passed += 50) {
        wait_for(load, 50);
        long growth = memory_read((int)load->options.pid).pss_kib - before_kib;
        *most_kib = growth > *most_kib ? growth : *most_kib;
    }
}

static bool have_begun(const struct load *load)
{
    for (long i = 0; i < load->options.connections; i++)
        if (load->clients[i].state == CLIENT_HEAD)
            return false;
    return true;
}

/* Reads each answer's head and a little more, then no further. */
static void stop_reading_all(struct load *load)
{
    for (long i = 0; i < load->options.connections; i++) {
        load->clients[i].delays = &load->delays;
        open_client(load, &load->clients[i]);
        start(load, &load->clients[i], now_ns());
        for (uint64_t end = now_ns() + PATIENCE_NS; !have_begun(load) && now_ns() < end;)
            wait_ready(load, end);
        client_pause(&load->clients[i]);
    }
}

static void run_stall(struct load *load)
{
    load->on_done = stream_ended;
    long before = memory_read((int)load->options.pid).pss_kib, stalled = 0, resumed = 0;
    stop_reading_all(load);
    watch_growth(load, load->options.hold_ms, before, &stalled);
    struct cpu from = cpu_read((int)load->options.pid);
    watch_growth(load, 1000, before, &stalled);
    struct cpu to = cpu_read((int)load->options.pid);
    for (long i = 0; i < load->options.connections; i++)
        client_resume(&load->clients[i]);
    watch_growth(load, 60000, before, &resumed);
    printf("answers=%llu\nfailures=%llu\nshort_streams=%llu\nunfinished=%ld\n",
           (unsigned long long)load->answers, (unsigned long long)load->failures,
           (unsigned long long)load->short_streams, load->running);
    printf("growth_stalled_kib=%ld\ngrowth_resumed_kib=%ld\ncpu_stalled_ms_per_s=%.2f\n", stalled,
           resumed, (to.all_ns - from.all_ns) / 1e6);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void run_bodies(struct load *load)
{
    load->on_done = stream_ended;
    open_all(load);
    for (long i = 0; i < load->options.connections; i++) {
        struct client *client = &load->clients[i];
        client->scheduled_ns = now_ns();
        load->running++;
        client_send(client, &load->request, load->request.len - 1);
    }
    wait_for(load, load->options.hold_ms);
    struct memory held = memory_read((int)load->options.pid);
    long early = load->options.connections - load->running;
    for (long i = 0; i < load->options.connections; i++)
        if (load->clients[i].state == CLIENT_HEAD)
            client_send_rest(&load->clients[i]);
    finish_running(load);
    struct memory after = memory_read((int)load->options.pid);
    printf("answers=%llu\nfailures=%llu\nanswered_early=%ld\n", (unsigned long long)load->answers,
           (unsigned long long)load->failures, early);
    printf("rss_held_kib=%ld\nrss_peak_kib=%ld\nrss_after_kib=%ld\n", held.rss_kib, after.peak_kib,
           after.rss_kib);
}

/* ---- gone ------------------------------------------------------------------------------------ */

/* The upstream answers GET /watch with a stamp for each peer that left in mid-stream. */
static void run_gone(struct load *load)
{
    struct samples closes;
    samples_init(&closes, (size_t)load->options.repeat + 1);
    struct client *client = &load->clients[0], *watcher = &load->clients[1];
    struct request watch = request_get("/watch", "none");
    load->on_done = lost;
    if (!client_open(watcher, load->epoll, (int)load->options.upstream_port))
        die("no upstream on port %ld", load->options.upstream_port);
    watcher->delays = &load->delays;
    client_send(watcher, &watch, watch.len);
    for (long i = 0; i < load->options.repeat && load->failures == 0; i++) {
        client->delays = &load->latencies;
        open_client(load, client);
        start(load, client, now_ns());
        uint64_t end = now_ns() + PATIENCE_NS / 10;
        while (client->stamps == 0 && now_ns() < end)
            wait_ready(load, end);
        wait_for(load, 10);
        unsigned seen = watcher->stamps;
        uint64_t closed_ns = now_ns();
        client_close(client);
        while (watcher->stamps == seen && load->failures == 0 && now_ns() < end)
            wait_ready(load, end);
        if (watcher->stamps > seen)
            samples_add(&closes, watcher->stamp_ns - closed_ns);
    }
    printf("clients_gone=%ld\nupstreams_closed=%zu\n", load->options.repeat, closes.count);
    samples_print(&closes, "gone");
}

/* ---- start ----------------------------------------------------------------------------------- */

static int run_command(char **command)
{
    int pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execvp(command[0], command);
    _exit(127);
}

/* Asks until there is a 200; false when there is none in time. */
static bool ask_until_answered(struct load *load, uint64_t end)
{
    struct client *client = &load->clients[0];
    while (load->answers == 0 && now_ns() < end) {
        if (!client_open(client, load->epoll, (int)load->options.port)) {
            usleep(500);
            continue;
        }
        start(load, client, now_ns());
        while (load->running > 0 && now_ns() < end)
            wait_ready(load, end);
        client_close(client);
        if (load->answers == 0)
            usleep(500);
    }
    return load->answers > 0;
}

static void start_ended(struct load *load, struct client *client)
{
    load->running--;
    load->answers += client->state == CLIENT_DONE && client->status == 200;
    client_close(client);
}

static void run_start(struct load *load)
{
    if (!load->options.command || !load->options.command[0])
        die("start wants a command behind --");
    load->on_done = start_ended;
    uint64_t begin = now_ns();
    int pid = run_command(load->options.command);
    bool is_up = ask_until_answered(load, begin + PATIENCE_NS);
    uint64_t answered = now_ns();
    if (is_up) {
        usleep((useconds_t)load->options.hold_ms * 1000);
        printf("first_answer_ms=%.1f\nrss_kib=%ld\n", (answered - begin) / 1e6,
               memory_read(pid).rss_kib);
    }
    uint64_t told = now_ns();
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    printf("stop_ms=%.1f\n", (now_ns() - told) / 1e6);
    if (!is_up)
        die("it did not answer");
}

/* ---- usage ----------------------------------------------------------------------------------- */

static void run_usage(struct load *load)
{
    struct cpu none = {0}, now = cpu_read((int)load->options.pid);
    struct memory memory = memory_read((int)load->options.pid);
    print_cpu(&none, &now);
    printf("pss_kib=%ld\nrss_kib=%ld\npeak_kib=%ld\n", memory.pss_kib, memory.rss_kib,
           memory.peak_kib);
}

/* ---- main ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*run)(struct load *);
    bool is_stream;
} modes[] = {
    {"closed", run_closed, false}, {"rate", run_rate, false},   {"sse", run_sse, true},
    {"hold", run_hold, true},      {"stall", run_stall, true},  {"bodies", run_bodies, false},
    {"gone", run_gone, true},      {"start", run_start, false}, {"usage", run_usage, false},
};

static void prepare(struct load *load, bool is_stream)
{
    struct options *options = &load->options;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    (void)prctl(PR_SET_TIMERSLACK, 1000UL); /* the default of 50 us would be half a latency */
    samples_init(&load->latencies, SAMPLES_MAX);
    samples_init(&load->delays, SAMPLES_MAX);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->clients = calloc((size_t)options->connections + 2, sizeof *load->clients);
    if (load->epoll < 0 || !load->clients)
        die("cannot start: %s", strerror(errno));
    load->request = request_chat(options->path, options->key, options->model, is_stream,
                                 (size_t)options->bytes);
}

int main(int argc, char **argv)
{
    static struct load load = {.options = {.path = "/v1/chat/completions",
                                           .key = "none",
                                           .model = "plain",
                                           .connections = 1,
                                           .bytes = 1000,
                                           .repeat = 1,
                                           .rate = 1000,
                                           .pace = 64,
                                           .seconds = 1,
                                           .hold_ms = 1000}};
    if (argc < 2)
        die("usage: load closed|rate|sse|hold|stall|bodies|gone|start|usage --port P ...");
    read_options(&load.options, argc, argv);
    if (load.options.pace == 0)
        die("--pace is at least 1");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) != 0)
            continue;
        prepare(&load, modes[i].is_stream);
        modes[i].run(&load);
        return 0;
    }
    die("there is no mode '%s'", argv[1]);
}
