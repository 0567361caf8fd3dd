/* worker/cli_scratch.h: directories for jobs, made before and removed after each.
 *
 *     BASE/N/        of this worker: N is the first number that no other worker has locked
 *     BASE/N/K/work  where the tool of place K runs; empty at first
 *     BASE/N/K/side  what the tool is given to read
 *
 * Few names, used again: a tool that keeps notes about every directory it ever saw (Claude Code does) keeps few.
 *
 * Thread: the loop's; it blocks for as long as the files take.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define SCRATCH_PATH_MAX 256

struct scratch {
    char dir[SCRATCH_PATH_MAX]; /* BASE/N, without symbolic links */
    int lock_fd;
};

/** `base` is made when missing. ERR_IO, ERR_BUSY (64 workers have theirs there already), with a sentence. */
MUST_USE enum err scratch_open(const char *base, struct scratch *out_scratch, struct error *error);
void scratch_close(struct scratch *scratch); /* removes what is left */

struct scratch_place {
    char dir[SCRATCH_PATH_MAX], work[SCRATCH_PATH_MAX], side[SCRATCH_PATH_MAX];
};
/** Whatever was there before is gone. ERR_IO with a sentence. */
MUST_USE enum err scratch_make(const struct scratch *scratch, int number,
                               struct scratch_place *out_place, struct error *error);
/** Writes a file, mode 0600, and the directories above it, 0700. ERR_IO with a sentence. */
MUST_USE enum err scratch_write(const char *path, struct str content, struct error *error);
/** Removes a directory with all that is in it, never through a symbolic link. Missing is fine. */
void scratch_remove(const char *dir);
