/* worker/cli_launch.c: see cli_launch.h. */
#include "worker/cli_launch.h"

#include <stdarg.h>

#define TEXT_MAX (8u * 1024) /* of a formatted one */

void launch_init(struct cli_launch *launch)
{
    *launch = (struct cli_launch){0};
    arena_init(&launch->arena, LAUNCH_ARENA_MAX);
}

void launch_release(struct cli_launch *launch)
{
    arena_release(&launch->arena);
}

static const char *keep(struct cli_launch *launch, struct str text)
{
    char *copy = arena_dup(&launch->arena, text.at, text.len);
    launch->failed = launch->failed || !copy;
    return copy ? copy : "";
}

static const char *keep_format(struct cli_launch *launch, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static const char *keep_format(struct cli_launch *launch, const char *format, va_list args)
{
    AUTO_BUF struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_vprintf(&text, format, args);
    launch->failed = launch->failed || text.failed;
    return keep(launch, buf_str(&text));
}

const char *launch_text(struct cli_launch *launch, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = keep_format(launch, format, args);
    va_end(args);
    return text;
}

void launch_arg_str(struct cli_launch *launch, struct str text)
{
    if (launch->arg_count == LAUNCH_ARGS_MAX || memchr(text.at, '\0', text.len)) {
        launch->failed = true;
        return;
    }
    launch->args[launch->arg_count++] = keep(launch, text);
}

void launch_arg(struct cli_launch *launch, const char *text)
{
    launch_arg_str(launch, str_of(text));
}

void launch_env(struct cli_launch *launch, const char *format, ...)
{
    va_list args;
    if (launch->env_count == LAUNCH_ENV_MAX) {
        launch->failed = true;
        return;
    }
    va_start(args, format);
    launch->env[launch->env_count++] = keep_format(launch, format, args);
    va_end(args);
}

const char *launch_file(struct cli_launch *launch, const char *dir, const char *name,
                        struct str content)
{
    if (launch->file_count == LAUNCH_FILES_MAX) {
        launch->failed = true;
        return "";
    }
    const char *path = launch_text(launch, "%s/%s", dir, name);
    launch->files[launch->file_count++] =
        (struct launch_file){path, {keep(launch, content), content.len}};
    return path;
}
