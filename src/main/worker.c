/* main/worker.c: `auxot worker KIND`: the second word chooses the kind. */
#include "main/commands.h"

#include "main/worker_run.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *sentence;
} kinds[] = {
    {"gpu", command_worker_gpu, "Serves GGUF models with llama-server."},
    {"cli", command_worker_cli, "Answers with Claude Code, Codex or Cursor."},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static void print_help(FILE *out)
{
    fputs(
        "Usage: auxot worker KIND [flags]        auxot worker KIND --help\n\n"
        "Brings what a machine has to a gateway elsewhere. It dials out: nothing needs to reach it.\n\n",
        out);
    for (size_t i = 0; i < KIND_COUNT; i++)
        fprintf(out, "  %-5s %s\n", kinds[i].name, kinds[i].sentence);
}

int command_worker(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(word, kinds[i].name) == 0)
            return kinds[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (*word)
        fprintf(stderr, "auxot worker: there is no kind '%s'\n\n", word);
    print_help(stderr);
    return 2;
}
