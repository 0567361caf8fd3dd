/* main/worker_cli.h: the flags of `auxot worker cli`, read: pure but for the environment. */
#pragma once
#include "base/err.h"
#include "worker/cli.h"

struct cli_flags {
    struct cli_options options;            /* but for loop, findings, slots; texts are argv's */
    char model_names[CLI_MODELS_MAX][256]; /* ids that stood before a '=' */
    const char *program;                   /* NULL: the tool's usual name, on PATH */
    int listen_port;                       /* -1: no port, a gateway is served */
    int parallel;                          /* with a port: jobs at once */
    char scratch[512];
};

/** Takes them out of argv. ERR_MALFORMED with a sentence. */
MUST_USE enum err cli_flags_read(int *argc, char **argv, struct cli_flags *out_flags,
                                 struct error *error);
