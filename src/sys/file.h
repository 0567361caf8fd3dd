/* sys/file.h: small files read and written whole (configuration, keys, certificates), directories.
 *
 * Thread:  any; calls block.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

/**
 * Reads a file of at most `limit_bytes`. `out_bytes` is NUL-terminated behind `out_len`; yours to
 * mem_free. Errors: ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE, ERR_NO_MEMORY, each with a sentence.
 */
MUST_USE enum err file_read(const char *path, size_t limit_bytes, char **out_bytes, size_t *out_len,
                            struct error *error);
/**
 * Replaces the file whole, with mode 0600: a reader sees the old content or the new, also after a
 * power cut. ERR_IO with a sentence; the old file is then untouched.
 */
MUST_USE enum err file_write_atomic(const char *path, struct str content, struct error *error);
/** Makes the directory with mode 0700 when it is missing, and whatever is missing above it; an existing one
 *  that others may enter is tightened to 0700. ERR_IO with a sentence, ERR_DENIED when it belongs to another user. */
MUST_USE enum err file_make_private_dir(const char *path, struct error *error);
/** Makes renames and new names in the directory durable. */
MUST_USE enum err file_sync_dir(const char *path, struct error *error);
/** All of `len` bytes at `offset`, in as many writes as it takes; ERR_IO leaves errno set. */
MUST_USE enum err file_write_at(int fd, const void *bytes, size_t len, int64_t offset);
/** Up to `len` bytes at `offset`; fewer only at the end of the file. ERR_IO leaves errno set. */
MUST_USE enum err file_read_at(int fd, void *room, size_t len, int64_t offset, size_t *out_len);
