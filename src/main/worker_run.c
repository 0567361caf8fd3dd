/* main/worker_run.c: see worker_run.h. */
#include "main/worker_run.h"

#include "base/log.h"
#include "base/mem.h"
#include "main/limits.h"
#include "main/logging.h"
#include "main/setup.h"
#include "sys/secret.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define PARALLEL_MAX 1024

/* ---- flags ----------------------------------------------------------------------------------- */

const char *worker_flag(int *argc, char **argv, const char *name, const char *const *twins)
{
    const char *value = take_flag(argc, argv, name);
    for (; !value && *twins; twins++) {
        value = getenv(*twins);
        if (value && !*value)
            value = NULL; /* an empty variable is an unset one */
    }
    return value;
}

void worker_run_print_flags(void)
{
    fputs(
        "  --server URL       the gateway; also AUXOT_ROUTER_URL\n"
        "  --key KEY          a worker key of the provider, auxw_...; also AUXOT_WORKER_KEY, which keeps\n"
        "                     it off the command line, and AUXOT_GPU_KEY\n"
        "  --parallel N       jobs at once; also AUXOT_MAX_PARALLEL\n"
        "  --name NAME        as the gateway shows it; default: the machine's; also AUXOT_WORKER_NAME\n"
        "  --ca-file FILE     authorities (PEM) for the gateway's certificate; also AUXOT_CA_FILE\n"
        "  --resolver LIST    name servers, address:port; also AUXOT_RESOLVER\n"
        "  --log-level LEVEL  debug, info (default), warn or error; also AUXOT_LOG_LEVEL\n",
        stdout);
}

static const char *const of_server[] = {"AUXOT_ROUTER_URL", "AUXOT_SERVER", NULL};
static const char *const of_key[] = {"AUXOT_WORKER_KEY", "AUXOT_GPU_KEY", "AUXOT_KEY", NULL};
static const char *const of_parallel[] = {"AUXOT_MAX_PARALLEL", "AUXOT_PARALLEL", NULL};
static const char *const of_name[] = {"AUXOT_WORKER_NAME", "AUXOT_NAME", NULL};
static const char *const of_ca_file[] = {"AUXOT_CA_FILE", NULL};
static const char *const of_resolver[] = {"AUXOT_RESOLVER", NULL};
static const char *const of_log_level[] = {"AUXOT_LOG_LEVEL", NULL};

/* Into protected memory; whoever lists processes, or is started by us, must not find it. */
static enum err take_key(struct worker_run *run, int *argc, char **argv, struct error *error)
{
    char *value = (char *)(uintptr_t)worker_flag(argc, argv, "key", of_key);
    if (!value)
        return error_set(error, ERR_MALFORMED,
                         "--key is needed: a worker key of the provider (auxw_...), or "
                         "AUXOT_WORKER_KEY");
    if (!str_starts(str_of(value), STR("auxw_")))
        return error_set(error, ERR_MALFORMED,
                         "that is no worker key: it begins with auxw_, and POST "
                         "/api/providers/ID/worker-keys makes one");
    enum err err = secret_new(str_of(value), &run->key);
    secret_wipe(value, strlen(value));
    for (const char *const *name = of_key; *name; name++)
        unsetenv(*name);
    return err == OK ? OK : error_set(error, err, "no memory for the key");
}

static enum err take_parallel(struct worker_run *run, int *argc, char **argv, struct error *error)
{
    const char *text = worker_flag(argc, argv, "parallel", of_parallel);
    int64_t number = 0;
    if (text && (!str_to_int64(str_of(text), &number) || number < 1 || number > PARALLEL_MAX))
        return error_set(error, ERR_MALFORMED, "--parallel wants a number from 1 to %d, not '%s'",
                         PARALLEL_MAX, text);
    run->parallel = (int)number;
    return OK;
}

static void take_name(struct worker_run *run, int *argc, char **argv)
{
    const char *name = worker_flag(argc, argv, "name", of_name);
    char host[65] = "";
    if (!name && gethostname(host, sizeof host - 1) == 0)
        name = host;
    str_copy(str_of(name && *name ? name : "worker"), run->name, sizeof run->name);
}

static enum err take_log_level(int *argc, char **argv, struct error *error)
{
    const char *text = worker_flag(argc, argv, "log-level", of_log_level);
    enum log_level level = LOG_INFO;
    if (text && !log_level_parse(text, &level))
        return error_set(error, ERR_MALFORMED,
                         "--log-level is debug, info, warn or error, not '%s'", text);
    logging_open(level);
    return OK;
}

enum err worker_run_read(struct worker_run *run, int *argc, char **argv, struct error *error)
{
    const char *server = worker_flag(argc, argv, "server", of_server);
    run->ca_file = worker_flag(argc, argv, "ca-file", of_ca_file);
    run->resolver = worker_flag(argc, argv, "resolver", of_resolver);
    take_name(run, argc, argv);
    enum err err = take_log_level(argc, argv, error);
    if (err == OK)
        err = take_parallel(run, argc, argv, error);
    if (err == OK)
        err = take_key(run, argc, argv, error);
    if (err == OK && !server)
        err = error_set(error, ERR_MALFORMED,
                        "--server is needed: the gateway's address, or AUXOT_ROUTER_URL");
    return err == OK ? target_parse(server, &run->server, error) : err;
}

/* ---- running --------------------------------------------------------------------------------- */

enum err worker_run_open(struct worker_run *run, struct error *error)
{
    struct client_options options = {.ca_file = run->ca_file, .name_servers = run->resolver};
    limits_apply();
    enum err err = loop_new(-1, &run->loop, error);
    return err == OK ? client_pool_new(run->loop, &options, &run->pool, error) : err;
}

void worker_run_stopped(struct worker_run *run)
{
    loop_stop(run->loop);
}

static void stop_front(struct worker_run *run)
{
    if (run->stop)
        run->stop(run->arg);
    else
        worker_run_stopped(run);
}

void worker_run_fail(struct worker_run *run, const char *why)
{
    str_copy(str_of(why), run->trouble, sizeof run->trouble);
    stop_front(run);
}

static void on_over(void *owner, const char *trouble)
{
    struct worker_run *run = owner;
    if (trouble)
        snprintf(run->trouble, sizeof run->trouble, "%.120s takes no worker from here: %s",
                 run->server.authority, trouble);
    stop_front(run);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct worker_run *run = arg;
    (void)signal_number;
    (void)what;
    if (run->signals++ == 0) {
        worker_drain(run->worker);
        return;
    }
    log_warn("cutting", "why=\"second signal\"");
    worker_run_stopped(run);
}

static bool catch_signals(struct worker_run *run)
{
    struct event_base *base = loop_base(run->loop);
    run->terminated = evsignal_new(base, SIGTERM, on_signal, run);
    run->interrupted = evsignal_new(base, SIGINT, on_signal, run);
    return run->terminated && run->interrupted && event_add(run->terminated, NULL) == 0 &&
           event_add(run->interrupted, NULL) == 0;
}

int worker_run_until_over(struct worker_run *run, struct worker_front *front)
{
    struct error error = {0};
    struct worker_options options = {.loop = run->loop,
                                     .pool = run->pool,
                                     .server = &run->server,
                                     .key = secret_borrow(run->key),
                                     .name = run->name,
                                     .front = front,
                                     .on_over = on_over,
                                     .owner = run};
    if (!catch_signals(run))
        return complain(run->command, 1, "cannot wait for signals");
    if (worker_new(&options, &run->worker, &error) != OK)
        return complain(run->command, 1, "%s", error.text);
    log_info("started", "name=\"%s\" kind=%s server=%s", run->name, front->kind,
             run->server.authority);
    loop_run(run->loop);
    worker_free(TAKE(run->worker));
    if (run->trouble[0])
        return complain(run->command, 1, "%s", run->trouble);
    log_info("stopped", "code=0");
    return 0;
}

void worker_run_close(struct worker_run *run)
{
    if (run->terminated)
        event_free(run->terminated);
    if (run->interrupted)
        event_free(run->interrupted);
    client_pool_free(run->pool);
    loop_free(run->loop);
    secret_free(run->key);
}
