/* worker/cli_probe.c: the tool's own status command, run on a loop of its own. */
#include "worker/cli_probe.h"

#include "base/list.h"
#include "worker/cli_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)
#define PROBE_MS   30000
#define LAST_MS    500 /* for a tool that has said what was asked */

/* One run of it. */
struct probe {
    struct loop *loop;
    struct cli_process *process;
    const char *until; /* NULL: to its end */
    struct buf output; /* stdout; behind it the end of stderr */
    struct deadline limit;
    bool has_answered, has_ended;
    int status;
};

static void on_line(void *owner, struct str line)
{
    struct probe *probe = owner;
    buf_append_str(&probe->output, line);
    buf_putc(&probe->output, '\n');
    if (!probe->until || probe->has_answered || !str_find(line, str_of(probe->until), NULL))
        return;
    probe->has_answered = true;
    cli_process_close_input(probe->process);
    cli_process_stop(probe->process, LAST_MS);
}

static void on_read(void *owner)
{
    (void)owner;
}

static void on_ended(void *owner, int status)
{
    struct probe *probe = owner;
    probe->has_ended = true;
    probe->status = status;
    buf_append_str(&probe->output, cli_process_stderr(probe->process));
    loop_stop(probe->loop);
}

static void on_limit(struct deadline *deadline)
{
    struct probe *probe = LIST_OWNER(deadline, struct probe, limit);
    loop_stop(probe->loop);
}

static const struct cli_process_ops ops = {
    .on_line = on_line, .on_read = on_read, .on_ended = on_ended};

static enum err converse(struct probe *probe, const char *const *args, const char *input,
                         struct error *error)
{
    AUTO_BUF struct buf bytes;
    buf_init(&bytes, OUTPUT_MAX);
    buf_puts(&bytes, input ? input : "");
    enum err err = cli_process_start(&(struct cli_process_options){.loop = probe->loop,
                                                                   .args = args,
                                                                   .line_max_bytes = OUTPUT_MAX},
                                     &ops, probe, &probe->process, error);
    if (err != OK)
        return err;
    cli_process_write(probe->process, &bytes);
    if (!probe->until)
        cli_process_close_input(probe->process);
    deadline_init(&probe->limit, probe->loop, on_limit);
    deadline_set(&probe->limit, loop_refresh_now(probe->loop) + PROBE_MS * INT64_C(1000000));
    loop_run(probe->loop);
    deadline_release(&probe->limit);
    cli_process_free(probe->process);
    if (probe->has_ended)
        return OK;
    return error_set(error, ERR_TIMEOUT, "'%s %s' did not answer within %d s", args[0],
                     args[1] ? args[1] : "", PROBE_MS / 1000);
}

/* Yours: buf_release(&out_probe->output), also on failure. */
static enum err run(const char *const *args, const char *input, const char *until,
                    struct probe *out_probe, struct error *error)
{
    *out_probe = (struct probe){.until = until};
    buf_init(&out_probe->output, OUTPUT_MAX);
    enum err err = loop_new(-1, &out_probe->loop, error);
    if (err != OK)
        return err;
    err = converse(out_probe, args, input, error);
    loop_free(out_probe->loop);
    return err;
}

/* ---- where it is -------------------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool find_in_path(const char *name, char *room, size_t room_bytes)
{
    const char *path = getenv("PATH");
    struct str rest = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin");
    while (rest.len) {
        struct str dir = str_cut(&rest, ':');
        int len = snprintf(room, room_bytes, "%.*s/%s", STR_ARG(dir), name);
        if (dir.len && len > 0 && (size_t)len < room_bytes && is_program(room))
            return true;
    }
    return false;
}

static enum err find_program(const struct cli_tool *tool, const char *program,
                             struct cli_findings *findings, struct error *error)
{
    const char *name = program ? program : tool->program;
    if (!strchr(name, '/')) {
        if (find_in_path(name, findings->program, sizeof findings->program))
            return OK;
        return error_set(error, ERR_NOT_FOUND,
                         "there is no program '%s' in PATH: install %s, or say where it is with "
                         "--program",
                         name, tool->name);
    }
    char *real = realpath(name, NULL);
    bool is_there = real && strlen(real) < sizeof findings->program && is_program(real);
    if (is_there)
        str_copy(str_of(real), findings->program, sizeof findings->program);
    free(real);
    return is_there ? OK
                    : error_set(error, ERR_NOT_FOUND, "'%s' is no program that can be run", name);
}

/* ---- the two questions ---------------------------------------------------------------------------------------- */

static enum err ask_version(const struct cli_tool *tool, struct cli_findings *findings,
                            struct error *error)
{
    const char *args[] = {findings->program, tool->version_flag, NULL};
    struct probe probe;
    enum err err = run(args, NULL, NULL, &probe, error);
    struct str output = buf_str(&probe.output);
    str_copy(str_trim(str_cut(&output, '\n')), findings->version, sizeof findings->version);
    if (err == OK && probe.status != 0)
        err = error_set(error, ERR_IO, "'%s %s' failed (status %d): %s", findings->program,
                        tool->version_flag, probe.status, findings->version);
    buf_release(&probe.output);
    return err;
}

static enum err ask_login(const struct cli_tool *tool, struct cli_findings *findings,
                          struct error *error)
{
    const char *args[6] = {findings->program};
    struct json_reader *reader;
    struct probe probe;
    for (size_t i = 0; i < 4 && tool->probe_args[i]; i++)
        args[i + 1] = tool->probe_args[i];
    if (json_reader_new(OUTPUT_MAX, &reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to look for %s", tool->name);
    enum err err = run(args, tool->probe_input, tool->probe_until, &probe, error);
    if (err == OK)
        err = tool->judge(reader, buf_str(&probe.output), probe.status, findings, error);
    buf_release(&probe.output);
    json_reader_free(reader);
    return err;
}

enum err cli_probe(const struct cli_tool *tool, const char *program,
                   struct cli_findings *out_findings, struct error *error)
{
    struct cli_findings findings = {0};
    enum err err = find_program(tool, program, &findings, error);
    if (err == OK)
        err = ask_version(tool, &findings, error);
    if (err == OK)
        err = ask_login(tool, &findings, error);
    if (err == OK)
        *out_findings = findings;
    return err;
}
