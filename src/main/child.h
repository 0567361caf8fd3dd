/* main/child.h: this program again as a child process, for the demo. (The server itself starts nobody.)
 *
 * A child's stdout is read here, its stderr goes to a file, and it dies with its parent.
 * Thread:  main's; calls block.
 */
#pragma once
#include "base/err.h"
#include <sys/types.h>

struct child {
    pid_t pid; /* 0: not running */
    int out_fd;
};

#define CHILD_ARGS_MAX 20

/** Starts `auxot args...` (NULL ends them). ERR_IO with a sentence. */
MUST_USE enum err child_start(const char *const args[], const char *log_path,
                              struct child *out_child, struct error *error);
/** Reads its first line, without the newline, for up to `timeout_ms`. ERR_TIMEOUT, ERR_IO (it ended). */
MUST_USE enum err child_read_line(struct child *child, int timeout_ms, char *room,
                                  size_t room_bytes, struct error *error);
/** SIGTERM, then SIGKILL after 5 s; waits for it. Returns its exit status, -1 when a signal ended it. */
int child_stop(struct child *child);
/** SIGKILL: nothing of it is left when this returns. Not running: nothing. */
void child_kill(struct child *child);
/** Waits for its own end. */
int child_wait(struct child *child);
