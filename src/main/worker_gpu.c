/* main/worker_gpu.c: `auxot worker gpu`: a llama-server per model file, or one that runs already, behind a worker. */
#include "main/worker_gpu.h"

#include "main/commands.h"
#include "main/setup.h"
#include "main/worker_run.h"
#include "worker/llama.h"

#include <stdio.h>

static void print_help(void)
{
    fputs(
        "Usage: auxot worker gpu --server URL --key KEY (--model FILE... | --attach URL) [flags]\n"
        "                        [-- options of llama-server]\n\n"
        "Brings the models of this machine to a gateway elsewhere. It dials out: nothing needs to\n"
        "reach it. Starts and watches a llama-server for each model file, or uses one that runs.\n"
        "SIGTERM lets running jobs finish, and exits 0.\n\n"
        "  --model FILE       a GGUF file; may be given several times; a directory of them is served\n"
        "                     in llama-server's router mode; also AUXOT_MODEL\n"
        "  --attach URL       a llama-server that runs already; also AUXOT_ATTACH\n"
        "  --attach-key KEY   its key, if it wants one; also AUXOT_ATTACH_KEY\n"
        "  --llama-server P   the program; default llama-server on PATH; also AUXOT_LLAMA_SERVER\n",
        stdout);
    worker_run_print_flags();
    fputs(
        "\n  auxot worker gpu --server https://auxot.example --model qwen3-8b.gguf -- -c 32768 -ngl all\n\n"
        "More: docs/workers.md\n",
        stdout);
}

/* ---- flags ----------------------------------------------------------------------------------- */

/* What is not the operator's to say behind `--`: ours, or of no good in a worker. */
static const struct forbidden {
    const char *word, *why;
} forbidden[] = {
    {"-m", "say --model before the --"},
    {"--model", "say it before the --"},
    {"--models-dir", "say --model DIRECTORY before the --"},
    {"--host", "the worker keeps llama-server on 127.0.0.1"},
    {"--port", "the worker chooses the port"},
    {"--api-key", "the worker makes one"},
    {"--api-key-file", "the worker makes a key"},
    {"--tools", "llama-server must run no tools for whoever asks"},
    {"--agent", "llama-server must run no tools for whoever asks"},
    {"-ag", "llama-server must run no tools for whoever asks"},
    {"--webui-mcp-proxy", "llama-server must reach nothing for whoever asks"},
    {"--ui-mcp-proxy", "llama-server must reach nothing for whoever asks"},
};

static enum err check_more(const char *const *more, struct error *error)
{
    for (int count = 1; *more; more++, count++) {
        if (count > LLAMA_MORE_MAX)
            return error_set(error, ERR_MALFORMED, "at most %d options for llama-server",
                             LLAMA_MORE_MAX);
        struct str rest = str_of(*more);
        struct str word = str_cut(&rest, '=');
        for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
            if (str_eq(word, str_of(forbidden[i].word)))
                return error_set(error, ERR_MALFORMED, "%s is no option for llama-server here: %s",
                                 forbidden[i].word, forbidden[i].why);
    }
    return OK;
}

static enum err take_models(int *argc, char **argv, struct gpu_flags *flags, struct error *error)
{
    static const char *const of_model[] = {"AUXOT_MODEL", NULL}, *const none[] = {NULL};
    const char *const *twins = of_model;
    for (const char *model; (model = worker_flag(argc, argv, "model", twins)); twins = none) {
        if (flags->model_count == GPU_MODELS_MAX)
            return error_set(error, ERR_MALFORMED, "at most %d models", GPU_MODELS_MAX);
        flags->models[flags->model_count++] = model;
    }
    return OK;
}

static enum err take_attach(int *argc, char **argv, struct gpu_flags *flags, struct error *error)
{
    static const char *const of_attach[] = {"AUXOT_ATTACH", NULL};
    static const char *const of_key[] = {"AUXOT_ATTACH_KEY", NULL};
    const char *url = worker_flag(argc, argv, "attach", of_attach);
    flags->attach_key = worker_flag(argc, argv, "attach-key", of_key);
    flags->is_attached = url != NULL;
    if (flags->is_attached == (flags->model_count > 0))
        return error_set(error, ERR_MALFORMED,
                         "give --model FILE, or --attach URL of a llama-server that runs%s",
                         url ? ", not both" : "");
    if (url && flags->more[0])
        return error_set(error, ERR_MALFORMED,
                         "options behind -- are for a llama-server that is started here");
    return url ? target_parse(url, &flags->attach, error) : OK;
}

enum err gpu_flags_read(int *argc, char **argv, struct gpu_flags *out_flags, struct error *error)
{
    static const char *const of_program[] = {"AUXOT_LLAMA_SERVER", NULL};
    struct gpu_flags flags = {0};
    int end = 1;
    while (end < *argc && strcmp(argv[end], "--") != 0)
        end++;
    flags.more = (const char *const *)(argv + (end < *argc ? end + 1 : end));
    *argc = end;
    argv[end] = NULL;
    enum err err = check_more(flags.more, error);
    if (err == OK)
        err = take_models(argc, argv, &flags, error);
    if (err == OK)
        err = take_attach(argc, argv, &flags, error);
    flags.program = worker_flag(argc, argv, "llama-server", of_program);
    if (!flags.program)
        flags.program = "llama-server";
    if (err == OK)
        *out_flags = flags;
    return err;
}

/* ---- running --------------------------------------------------------------------------------- */

struct gpu_command {
    struct worker_run run;
    struct gpu *gpu;
};

static void on_hopeless(void *owner, const char *why)
{
    struct gpu_command *command = owner;
    worker_run_fail(&command->run, why);
}

static void on_stopped(void *owner)
{
    struct gpu_command *command = owner;
    worker_run_stopped(&command->run);
}

static void stop(void *arg)
{
    struct gpu_command *command = arg;
    gpu_stop(command->gpu);
}

static enum err open_gpu(struct gpu_command *command, const struct gpu_flags *flags,
                         struct error *error)
{
    struct worker_run *run = &command->run;
    struct gpu_options options = {.loop = run->loop,
                                  .pool = run->pool,
                                  .models = flags->models,
                                  .model_count = flags->model_count,
                                  .program = flags->program,
                                  .parallel = run->parallel,
                                  .more = flags->more,
                                  .attach = &flags->attach,
                                  .attach_key = str_of(flags->attach_key),
                                  .on_hopeless = on_hopeless,
                                  .on_stopped = on_stopped,
                                  .owner = command};
    enum err err = gpu_new(&options, &command->gpu, error);
    if (err == ERR_NOT_FOUND && strcmp(flags->program, "llama-server") == 0 && error &&
        str_find(str_of(error->text), STR("no program"), NULL))
        return error_set(error, err,
                         "there is no llama-server on PATH: install llama.cpp, or say where it is "
                         "with --llama-server PATH");
    return err;
}

int command_worker_gpu(int argc, char **argv)
{
    struct gpu_command command = {.run = {.command = "worker gpu", .stop = stop}};
    struct gpu_flags flags;
    struct error error = {0};
    command.run.arg = &command;
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    enum err err = gpu_flags_read(&argc, argv, &flags, &error);
    if (err == OK)
        err = worker_run_read(&command.run, &argc, argv, &error);
    if (err == OK && argc > 1)
        err = error_set(&error, ERR_MALFORMED, "'%s' is no flag; see `auxot worker gpu --help`",
                        argv[1]);
    int status = 2;
    if (err == OK) {
        status = 1;
        err = worker_run_open(&command.run, &error);
    }
    if (err == OK)
        err = open_gpu(&command, &flags, &error);
    status = err == OK ? worker_run_until_over(&command.run, gpu_front(command.gpu))
                       : complain(command.run.command, status, "%s", error.text);
    gpu_free(command.gpu);
    worker_run_close(&command.run);
    return status;
}
