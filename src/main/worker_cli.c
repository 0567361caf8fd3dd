/* main/worker_cli.c: `auxot worker cli`: Claude Code, Codex or Cursor behind a worker, or on a port of this machine.
 */
#include "main/worker_cli.h"

#include "base/log.h"
#include "http/server.h"
#include "main/commands.h"
#include "main/limits.h"
#include "main/logging.h"
#include "main/setup.h"
#include "main/worker_run.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS_OTHERWISE   2
#define WAITING_OTHERWISE 8
#define TOOL_WAIT_S       600
#define JOB_S             1800
#define DAY_S             86400
#define IDLE_MS           300000

static void print_help(void)
{
    fputs(
        "Usage: auxot worker cli --tool TOOL --server URL --key KEY [flags]\n"
        "       auxot worker cli --tool TOOL --listen PORT [flags]\n\n"
        "Answers with a command-line tool that is installed and logged in on this machine, run\n"
        "headless, one process for each job. It dials out: nothing needs to reach it.\n\n"
        "  --tool TOOL        claude, codex or cursor; also AUXOT_CLI_TOOL\n"
        "  --program PATH     the tool's program; default: its usual name, on PATH\n"
        "  --model NAME       a model that is offered; NAME=OTHER when the tool calls it OTHER. May be\n"
        "                     given several times; without it the tool's own default is offered\n"
        "  --allow-tools LIST own tools that the tool may use on this machine, in its words; default none\n"
        "                     (claude: \"Bash(git *) Read\"; codex: read-only or workspace-write; cursor: all)\n"
        "  --max-turns N      claude: cap on the turns of one job\n"
        "  --max-budget-usd X claude: cap on the money of one job\n"
        "  --waiting N        processes that wait for results of a caller's tools; default 8\n"
        "  --tool-wait S      seconds that one waits; default 600\n"
        "  --job-timeout S    seconds for one answer; default 1800\n"
        "  --scratch DIR      for the jobs' directories; default ~/.cache/auxot/cli\n"
        "  --listen PORT      no gateway: serve POST /v1/messages on 127.0.0.1, for trying it out\n",
        stdout);
    worker_run_print_flags();
    fputs(
        "\n  auxot worker cli --tool claude --model sonnet --model opus --server https://auxot.example\n\n"
        "More: docs/workers-cli.md\n",
        stdout);
}

/* ---- flags -------------------------------------------------------------------------------------------------- */

static const char *const nothing[] = {NULL};

static enum err take_number(int *argc, char **argv, const char *name, int64_t low, int64_t high,
                            int64_t *out_number, struct error *error)
{
    const char *text = worker_flag(argc, argv, name, nothing);
    int64_t number = *out_number;
    if (text && (!str_to_int64(str_of(text), &number) || number < low || number > high))
        return error_set(error, ERR_MALFORMED, "--%s wants a number from %lld to %lld, not '%s'",
                         name, (long long)low, (long long)high, text);
    *out_number = number;
    return OK;
}

static enum err take_tool(int *argc, char **argv, struct cli_flags *flags, struct error *error)
{
    static const char *const of_tool[] = {"AUXOT_CLI_TOOL", NULL};
    const char *name = worker_flag(argc, argv, "tool", of_tool);
    flags->options.tool = name ? cli_tool_find(str_of(name)) : NULL;
    if (!flags->options.tool)
        return error_set(error, ERR_MALFORMED, "--tool is claude, codex or cursor%s%s",
                         name ? ", not " : "", name ? name : "");
    return OK;
}

/* NAME, or NAME=OTHER. */
static enum err take_models(int *argc, char **argv, struct cli_flags *flags, struct error *error)
{
    struct cli_options *options = &flags->options;
    for (const char *word; (word = worker_flag(argc, argv, "model", nothing));) {
        struct str other = str_of(word);
        struct str name = str_cut(&other, '=');
        if (options->model_count == CLI_MODELS_MAX)
            return error_set(error, ERR_MALFORMED, "at most %d models", CLI_MODELS_MAX);
        char *room = flags->model_names[options->model_count];
        if (name.len == 0 || name.len >= sizeof flags->model_names[0])
            return error_set(error, ERR_MALFORMED, "--model wants a name, not '%s'", word);
        str_copy(name, room, sizeof flags->model_names[0]);
        options->models[options->model_count++] =
            (struct cli_model){room, other.len ? other.at : room};
    }
    return OK;
}

static enum err take_terms(int *argc, char **argv, struct cli_flags *flags, struct error *error)
{
    struct cli_options *options = &flags->options;
    int64_t turns = 0, waiting = WAITING_OTHERWISE, tool_wait_s = TOOL_WAIT_S, job_s = JOB_S;
    options->allow_tools = worker_flag(argc, argv, "allow-tools", nothing);
    options->max_budget_usd = worker_flag(argc, argv, "max-budget-usd", nothing);
    enum err err = take_number(argc, argv, "max-turns", 1, 10000, &turns, error);
    if (err == OK)
        err = take_number(argc, argv, "waiting", 0, CLI_WAITING_MAX, &waiting, error);
    if (err == OK)
        err = take_number(argc, argv, "tool-wait", 1, DAY_S, &tool_wait_s, error);
    if (err == OK)
        err = take_number(argc, argv, "job-timeout", 1, DAY_S, &job_s, error);
    options->max_turns = (int)turns;
    options->waiting_max = (int)waiting;
    options->tool_wait_ms = tool_wait_s * 1000;
    options->job_ms = job_s * 1000;
    if (err != OK)
        return err;
    const char *budget = options->max_budget_usd;
    if (budget && (!*budget || budget[strspn(budget, "0123456789.")]))
        return error_set(error, ERR_MALFORMED,
                         "--max-budget-usd wants an amount like 0.50, not '%s'", budget);
    bool is_claude = options->tool == &claude_tool;
    if (!is_claude && (options->max_turns || options->max_budget_usd))
        return error_set(error, ERR_MALFORMED, "--max-turns and --max-budget-usd: only claude can");
    bool is_sandbox =
        options->allow_tools && (strcmp(options->allow_tools, "read-only") == 0 ||
                                 strcmp(options->allow_tools, "workspace-write") == 0);
    if (options->tool == &codex_tool && options->allow_tools && !is_sandbox)
        return error_set(error, ERR_MALFORMED,
                         "--allow-tools for codex is read-only or workspace-write, not '%s'",
                         options->allow_tools);
    return OK;
}

static enum err take_places(int *argc, char **argv, struct cli_flags *flags, struct error *error)
{
    static const char *const of_parallel[] = {"AUXOT_MAX_PARALLEL", "AUXOT_PARALLEL", NULL};
    const char *base = worker_flag(argc, argv, "scratch", nothing);
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int64_t port = -1, parallel = SLOTS_OTHERWISE;
    int len;
    if (base)
        len = snprintf(flags->scratch, sizeof flags->scratch, "%s", base);
    else if (cache && cache[0] == '/')
        len = snprintf(flags->scratch, sizeof flags->scratch, "%s/auxot/cli", cache);
    else
        len = snprintf(flags->scratch, sizeof flags->scratch, "%s/.cache/auxot/cli",
                       home ? home : "");
    if (len < 0 || (size_t)len >= sizeof flags->scratch)
        return error_set(error, ERR_MALFORMED, "--scratch: that name is too long");
    enum err err = take_number(argc, argv, "listen", 0, 65535, &port, error);
    flags->listen_port = (int)port;
    if (err == OK && port >= 0) { /* else it is a flag of every worker */
        const char *text = worker_flag(argc, argv, "parallel", of_parallel);
        if (text &&
            (!str_to_int64(str_of(text), &parallel) || parallel < 1 || parallel > CLI_SLOTS_MAX))
            err = error_set(error, ERR_MALFORMED, "--parallel wants a number from 1 to %d",
                            CLI_SLOTS_MAX);
    }
    flags->parallel = (int)parallel;
    return err;
}

enum err cli_flags_read(int *argc, char **argv, struct cli_flags *out_flags, struct error *error)
{
    struct cli_flags *flags = out_flags;
    *flags = (struct cli_flags){0};
    flags->program = worker_flag(argc, argv, "program", nothing);
    enum err err = take_tool(argc, argv, flags, error);
    if (err == OK)
        err = take_models(argc, argv, flags, error);
    if (err == OK)
        err = take_terms(argc, argv, flags, error);
    if (err == OK)
        err = take_places(argc, argv, flags, error);
    flags->options.scratch_base = flags->scratch;
    return err;
}

/* ---- the front ------------------------------------------------------------------------------------------------ */

static enum err open_cli(struct cli_flags *flags, struct loop *loop, int slots,
                         struct cli_findings *findings, struct cli **out_cli, struct error *error)
{
    const struct cli_tool *tool = flags->options.tool;
    enum err err = cli_probe(tool, flags->program, findings, error);
    if (err != OK)
        return err;
    log_info("tool_found", "tool=%s version=\"%s\" login=\"%s\" program=%s", tool->name,
             findings->version, findings->login, findings->program);
    flags->options.loop = loop;
    flags->options.findings = findings;
    flags->options.slots = slots > CLI_SLOTS_MAX ? CLI_SLOTS_MAX : slots ? slots : SLOTS_OTHERWISE;
    return cli_open(&flags->options, out_cli, error);
}

/* ---- on a port -------------------------------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    loop_stop(arg);
}

static void run_until_signal(struct loop *loop)
{
    struct event *terminated = evsignal_new(loop_base(loop), SIGTERM, on_signal, loop);
    struct event *interrupted = evsignal_new(loop_base(loop), SIGINT, on_signal, loop);
    if (terminated && interrupted && event_add(terminated, NULL) == 0 &&
        event_add(interrupted, NULL) == 0)
        loop_run(loop);
    if (terminated)
        event_free(terminated);
    if (interrupted)
        event_free(interrupted);
}

/* On the loopback address only: it asks nobody for a key. */
static enum err serve(struct loop *loop, struct cli *cli, int port, struct error *error)
{
    struct http_listener *listener = NULL;
    enum err err =
        http_listener_new(&(struct http_listener_options){.loop = loop,
                                                          .host = "127.0.0.1",
                                                          .port = port,
                                                          .service = cli_front(cli)->service,
                                                          .idle_ms = IDLE_MS},
                          &listener, error);
    if (err != OK)
        return err;
    printf("worker ready http://127.0.0.1:%d\n", http_listener_port(listener));
    fflush(stdout);
    run_until_signal(loop);
    http_listener_free(listener);
    return OK;
}

static int serve_port(struct cli_flags *flags)
{
    struct error error = {0};
    struct cli_findings findings;
    struct loop *loop = NULL;
    struct cli *cli = NULL;
    logging_open(LOG_INFO);
    limits_apply();
    enum err err = loop_new(-1, &loop, &error);
    if (err == OK)
        err = open_cli(flags, loop, flags->parallel, &findings, &cli, &error);
    if (err == OK)
        err = serve(loop, cli, flags->listen_port, &error);
    cli_close(cli);
    loop_free(loop);
    return err == OK ? 0 : complain("worker cli", 1, "%s", error.text);
}

/* ---- behind a gateway --------------------------------------------------------------------------------------------- */

static int serve_gateway(struct cli_flags *flags, int *argc, char **argv)
{
    struct worker_run run = {.command = "worker cli"};
    struct error error = {0};
    struct cli_findings findings;
    struct cli *cli = NULL;
    int status = 2;
    enum err err = worker_run_read(&run, argc, argv, &error);
    if (err == OK && *argc > 1)
        err = error_set(&error, ERR_MALFORMED, "'%s' is no flag; see `auxot worker cli --help`",
                        argv[1]);
    if (err == OK) {
        status = 1;
        err = worker_run_open(&run, &error);
    }
    if (err == OK)
        err = open_cli(flags, run.loop, run.parallel, &findings, &cli, &error);
    status = err == OK ? worker_run_until_over(&run, cli_front(cli))
                       : complain(run.command, status, "%s", error.text);
    cli_close(cli);
    worker_run_close(&run);
    return status;
}

int command_worker_cli(int argc, char **argv)
{
    struct cli_flags flags;
    struct error error = {0};
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    if (cli_flags_read(&argc, argv, &flags, &error) != OK)
        return complain("worker cli", 2, "%s", error.text);
    if (flags.listen_port < 0)
        return serve_gateway(&flags, &argc, argv);
    if (argc > 1)
        return complain("worker cli", 2, "'%s' is no flag; see `auxot worker cli --help`", argv[1]);
    return serve_port(&flags);
}
