/* main/simulate.c: `auxot simulate`: flags, one loop, and a simulator on it until a signal comes. */
#include "main/commands.h"

#include "main/limits.h"
#include "main/logging.h"
#include "main/setup.h"
#include "simulate/simulator.h"
#include "simulate/slots.h"
#include "sys/random.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void print_help(void)
{
    fputs("Usage: auxot simulate --port P [flags]\n\n"
          "Plays a provider: answers in its dialect, and misbehaves as it is told by the model's\n"
          "name (sim:status=429), by the header x-simulate, or by a script. Prints the line\n"
          "`simulate ready http://HOST:PORT` when it listens.\n\n"
          "  --port P        0: any free port\n"
          "  --host H        default 127.0.0.1\n"
          "  --dialect D     openai (default), anthropic or llama\n"
          "  --script FILE   rules, as JSON; POST /_sim/script and /_sim/rules change them later\n"
          "  --log FILE      one JSON line for each request; also GET /_sim/log?since=N\n"
          "  --seed N        the same ids and chances each time\n"
          "  --strict        refuse what the vendor would refuse, in its words\n"
          "  --no-key        answer without a credential too\n"
          "  --no-log        keep no log in memory (for benchmarks)\n"
          "  --slots N       llama: requests at once, the others wait; default 4\n"
          "  --context N     llama: tokens of a slot; default 131072\n"
          "  --loading T     llama: how long it loads before it is well; default 0\n\n"
          "  curl http://127.0.0.1:P/v1/chat/completions -H 'authorization: Bearer x' \\\n"
          "       -d '{\"model\":\"sim:text=hello\",\"messages\":[]}'\n\n"
          "All keys and fields: docs/reference/simulate.md\n",
          stdout);
}

static enum err read_number(const char *text, const char *name, int64_t high, int64_t *out_number,
                            struct error *error)
{
    if (text && (!str_to_int64(str_of(text), out_number) || *out_number > high))
        return error_set(error, ERR_MALFORMED, "%s wants a number up to %lld, not '%s'", name,
                         (long long)high, text);
    return OK;
}

static enum err read_flags(int *argc, char **argv, struct simulator_options *options,
                           struct error *error)
{
    const char *port = take_flag(argc, argv, "port");
    const char *seed = take_flag(argc, argv, "seed");
    const char *dialect = take_flag(argc, argv, "dialect");
    int64_t port_number = -1, seed_number = 0;
    options->host = take_flag(argc, argv, "host");
    options->script_path = take_flag(argc, argv, "script");
    options->log_path = take_flag(argc, argv, "log");
    const char *slots = take_flag(argc, argv, "slots");
    const char *context = take_flag(argc, argv, "context");
    const char *loading = take_flag(argc, argv, "loading");
    int64_t slots_number = 0;
    if (dialect && !vendor_parse(str_of(dialect), &options->vendor))
        return error_set(error, ERR_MALFORMED, "--dialect is openai, anthropic or llama, not '%s'",
                         dialect);
    options->needs_key = !take_switch(argc, argv, "no-key") && options->vendor != VENDOR_LLAMA;
    options->is_strict = take_switch(argc, argv, "strict");
    options->keeps_log = !take_switch(argc, argv, "no-log");

    enum err err = read_number(port, "--port", 65535, &port_number, error);
    if (err == OK)
        err = read_number(seed, "--seed", INT64_MAX, &seed_number, error);
    if (err == OK)
        err = read_number(slots, "--slots", SLOTS_MAX, &slots_number, error);
    if (err == OK)
        err = read_number(context, "--context", INT32_MAX, &options->context_tokens, error);
    if (err == OK && loading && !duration_parse(str_of(loading), &options->loading_ms))
        err = error_set(error, ERR_MALFORMED, "--loading wants a time (5s), not '%s'", loading);
    options->slots = (int)slots_number;
    if (options->vendor == VENDOR_LLAMA)
        options->key = getenv("LLAMA_API_KEY"); /* as llama-server itself */
    if (err == OK && port_number < 0)
        err = error_set(error, ERR_MALFORMED, "--port is needed (0: any free port)");
    options->port = (int)port_number;
    options->seed = (uint64_t)seed_number;
    if (!seed)
        random_fill(&options->seed, sizeof options->seed);
    return err;
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    loop_stop(arg);
}

/* Runs until SIGTERM or SIGINT. */
static enum err run_until_signal(struct loop *loop, struct error *error)
{
    struct event *terminated = evsignal_new(loop_base(loop), SIGTERM, on_signal, loop);
    struct event *interrupted = evsignal_new(loop_base(loop), SIGINT, on_signal, loop);
    bool is_ready = terminated && interrupted && event_add(terminated, NULL) == 0 &&
                    event_add(interrupted, NULL) == 0;
    if (is_ready)
        loop_run(loop);
    if (terminated)
        event_free(terminated);
    if (interrupted)
        event_free(interrupted);
    return is_ready ? OK : error_set(error, ERR_NO_MEMORY, "cannot wait for signals");
}

static int run(struct simulator_options *options)
{
    struct error error = {0};
    struct simulator *simulator = NULL;
    if (loop_new(-1, &options->loop, &error) != OK)
        return complain("simulate", 1, "%s", error.text);
    enum err err = simulator_open(options, &simulator, &error);
    if (err == OK) {
        printf("simulate ready http://%s:%d\n", options->host ? options->host : "127.0.0.1",
               simulator_port(simulator));
        fflush(stdout);
        err = run_until_signal(options->loop, &error);
        simulator_close(simulator);
    }
    loop_free(options->loop);
    return err == OK ? 0 : complain("simulate", 1, "%s", error.text);
}

int command_simulate(int argc, char **argv)
{
    struct simulator_options options = {.vendor = VENDOR_OPENAI};
    struct error error = {0};
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    if (read_flags(&argc, argv, &options, &error) != OK)
        return complain("simulate", 2, "%s", error.text);
    if (argc > 1)
        return complain("simulate", 2, "'%s' is no flag; see `auxot simulate --help`", argv[1]);
    logging_open(LOG_WARN);
    limits_apply();
    return run(&options);
}
