/* worker/cli_process.h: one running program on a loop: lines from it, bytes to it, its end.
 *
 * It leads a process group of its own, so that what it starts itself can be ended with it, and dies with this process.
 * Its environment is ours without our own secrets (AUXOT_*). Its end is seen by a pidfd: no signal handler.
 *
 * Thread: the loop's.
 */
#pragma once
#include "base/buf.h"
#include "net/loop.h"

struct cli_process;

struct cli_process_ops {
    /** One line of its stdout, without the newline. cli_process_free not from inside. */
    void (*on_line)(void *owner, struct str line);
    /** Behind the lines of one read; cli_process_free not from inside. */
    void (*on_read)(void *owner);
    /** It is gone, all its lines were told. `status`: as a shell says it, 128 + signal. cli_process_free is fine. */
    void (*on_ended)(void *owner, int status);
};

struct cli_process_options {
    struct loop *loop;
    const char *const *args; /* args[0] is the program's path; NULL ends them */
    const char *const *env;  /* "NAME=value", over ours */
    size_t env_count;
    const char *dir;       /* NULL: ours */
    size_t line_max_bytes; /* a longer line is passed over */
};

/** Errors: ERR_IO, ERR_NO_MEMORY, with a sentence. A program that cannot be executed ends with status 127. */
MUST_USE enum err cli_process_start(const struct cli_process_options *options,
                                    const struct cli_process_ops *ops, void *owner,
                                    struct cli_process **out_process, struct error *error);
/** Takes all of `bytes` to be written to its stdin. */
void cli_process_write(struct cli_process *process, struct buf *bytes);
void cli_process_close_input(struct cli_process *process);           /* once all is written */
void cli_process_pause(struct cli_process *process, bool is_paused); /* reading of its stdout */
/** SIGTERM to its group after `grace_ms`, SIGKILL two seconds later. Again: the sooner counts. */
void cli_process_stop(struct cli_process *process, int64_t grace_ms);
/** The end of what it wrote to stderr, at most CLI_TAIL_BYTES. */
struct str cli_process_stderr(const struct cli_process *process);
#define CLI_TAIL_BYTES 4096
/** Ends its group at once if it still lives, without a call back. NULL is fine. */
void cli_process_free(struct cli_process *process);
