/* sys/lock.h: one process per directory: flock on a file, which the kernel drops when we die. */
#pragma once
#include "base/err.h"

/**
 * Takes the lock file (made with mode 0600 when missing) without waiting and writes our process id
 * into it, for people. `out_fd` holds the lock until it is closed.
 * Errors: ERR_BUSY with the holder's process id, ERR_IO.
 */
MUST_USE enum err lock_take(const char *path, int *out_fd, struct error *error);
