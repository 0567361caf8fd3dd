/* worker/cli_launch.h: what is to be run for a job: words, environment, files. Data only; cli_run.c does it.
 *
 * Memory:  texts are the launch's arena's, but for a file's content, which outlives the launch by its caller's care.
 */
#pragma once
#include "base/buf.h"
#include "base/mem.h"

#define LAUNCH_ARGS_MAX  64
#define LAUNCH_ENV_MAX   32
#define LAUNCH_FILES_MAX 4
#define LAUNCH_ARENA_MAX (64u << 20)

struct launch_file {
    const char *path; /* absolute; missing directories are made */
    struct str content;
};

struct cli_launch {
    struct arena arena;
    const char *args[LAUNCH_ARGS_MAX + 1]; /* args[0] is the program */
    size_t arg_count;
    const char *env[LAUNCH_ENV_MAX]; /* "NAME=value", over what the worker itself has */
    size_t env_count;
    struct launch_file files[LAUNCH_FILES_MAX];
    size_t file_count;
    const char
        *litter; /* a directory that the tool fills outside its own, removed later; or NULL */
    bool failed; /* no memory, or past a bound */
};

void launch_init(struct cli_launch *launch);
void launch_release(struct cli_launch *launch);
void launch_arg(struct cli_launch *launch, const char *text); /* copied */
void launch_arg_str(struct cli_launch *launch, struct str text);
void launch_env(struct cli_launch *launch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** `content` is copied; returns the path. */
const char *launch_file(struct cli_launch *launch, const char *dir, const char *name,
                        struct str content);
/** Formatted into the arena; "" (and failed) without memory. */
const char *launch_text(struct cli_launch *launch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
