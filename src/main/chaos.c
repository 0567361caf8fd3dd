/* main/chaos.c: `auxot chaos`: flags, one loop, and a chaos proxy on it until a signal comes. */
#include "main/commands.h"

#include "main/limits.h"
#include "main/logging.h"
#include "main/setup.h"
#include "simulate/chaos.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

static void print_help(void)
{
    fputs(
        "Usage: auxot chaos --to HOST:PORT [flags]\n\n"
        "A TCP proxy that delays, trickles, corrupts, cuts, resets and swallows what goes through\n"
        "it, as it is told while it runs. Prints the line\n"
        "`chaos ready HOST:PORT control http://HOST:PORT` when it listens.\n\n"
        "  --to HOST:PORT       the server behind it\n"
        "  --listen HOST:PORT   default 127.0.0.1:0 (0: any free port)\n"
        "  --control HOST:PORT  where the plan is read and changed; default 127.0.0.1:0\n"
        "  --plan JSON          the plan to begin with; default: no trouble\n\n"
        "  curl http://CONTROL/plan -d '{\"to_client\":{\"delay_ms\":200,\"cut_after\":913}}'\n"
        "  curl http://CONTROL/plan -d '{\"mode\":\"blackhole\"}'\n\n"
        "All keys: docs/reference/chaos.md\n",
        stdout);
}

/* Splits HOST:PORT; the host of [::1]:80 is without its brackets. */
static enum err read_address(char *text, const char *flag, char **out_host, int *out_port,
                             struct error *error)
{
    char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !str_to_int64(str_of(colon + 1), &port) || port > 65535 || colon == text)
        return error_set(error, ERR_MALFORMED, "%s wants HOST:PORT, not '%s'", flag, text);
    *colon = '\0';
    if (text[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        text++;
    }
    *out_host = text;
    *out_port = (int)port;
    return OK;
}

/* The texts are cut up in place: argv and the room for the defaults are ours. */
static enum err read_flags(int *argc, char **argv, struct chaos_options *options,
                           struct error *error)
{
    static char any_port[] = "127.0.0.1:0", any_control[] = "127.0.0.1:0";
    char *listen_at = (char *)(uintptr_t)take_flag(argc, argv, "listen");
    char *to = (char *)(uintptr_t)take_flag(argc, argv, "to");
    char *control = (char *)(uintptr_t)take_flag(argc, argv, "control");
    const char *plan = take_flag(argc, argv, "plan");
    char *hosts[3] = {0};
    if (!to)
        return error_set(error, ERR_MALFORMED, "--to HOST:PORT is needed");
    enum err err = read_address(to, "--to", &hosts[0], &options->to_port, error);
    if (err == OK)
        err = read_address(listen_at ? listen_at : any_port, "--listen", &hosts[1],
                           &options->listen_port, error);
    if (err == OK)
        err = read_address(control ? control : any_control, "--control", &hosts[2],
                           &options->control_port, error);
    if (err == OK && plan)
        err = chaos_plan_read(str_of(plan), &options->plan, error);
    options->to_host = hosts[0];
    options->listen_host = hosts[1];
    options->control_host = hosts[2];
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

static int run(struct chaos_options *options)
{
    struct error error = {0};
    struct chaos *chaos = NULL;
    if (loop_new(-1, &options->loop, &error) != OK)
        return complain("chaos", 1, "%s", error.text);
    enum err err = chaos_open(options, &chaos, &error);
    if (err == OK) {
        printf("chaos ready %s:%d control http://%s:%d\n", options->listen_host, chaos_port(chaos),
               options->control_host, chaos_control_port(chaos));
        fflush(stdout);
        err = run_until_signal(options->loop, &error);
        chaos_close(chaos);
    }
    loop_free(options->loop);
    return err == OK ? 0 : complain("chaos", 1, "%s", error.text);
}

int command_chaos(int argc, char **argv)
{
    struct chaos_options options = {0};
    struct error error = {0};
    chaos_plan_init(&options.plan);
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    if (read_flags(&argc, argv, &options, &error) != OK)
        return complain("chaos", 2, "%s", error.text);
    if (argc > 1)
        return complain("chaos", 2, "'%s' is no flag; see `auxot chaos --help`", argv[1]);
    logging_open(LOG_WARN);
    limits_apply();
    return run(&options);
}
