/* sys/file.c: reads and writes small files whole.
 *
 * Whole, because every caller needs all of the text before it can act. Bounded, because a wrong path
 * (a device, a log) must be an error message and not the end of the process.
 */
#include "sys/file.h"

#include "base/mem.h"
#include "sys/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* Reads until end of file or until `room` is full, whichever comes first. */
static enum err read_all(int fd, char *into, size_t room, size_t *out_len)
{
    size_t len = 0;
    while (len < room) {
        ssize_t n = read(fd, into + len, room - len);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        len += (size_t)n;
    }
    *out_len = len;
    return OK;
}

enum err file_read(const char *path, size_t limit_bytes, char **out_bytes, size_t *out_len,
                   struct error *error)
{
    assert(path && out_bytes && out_len);
    assert(limit_bytes > 0 && limit_bytes < SIZE_MAX);

    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open '%s': %s",
                         path, ERRNO_TEXT(errno));

    /* One byte more than allowed: it shows that a file is too long, or else holds the final NUL. */
    AUTO_FREE char *bytes = mem_alloc(limit_bytes + 1);
    if (!bytes)
        return error_set(error, ERR_NO_MEMORY, "no memory to read '%s'", path);

    size_t len = 0;
    if (read_all(fd, bytes, limit_bytes + 1, &len) != OK)
        return error_set(error, ERR_IO, "cannot read '%s': %s", path, ERRNO_TEXT(errno));
    if (len > limit_bytes)
        return error_set(error, ERR_TOO_LARGE, "'%s' is longer than %zu bytes", path, limit_bytes);

    bytes[len] = '\0';
    *out_bytes = TAKE(bytes);
    *out_len = len;
    return OK;
}

enum err file_write_at(int fd, const void *bytes, size_t len, int64_t offset)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = pwrite(fd, at, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        at += n;
        len -= (size_t)n;
        offset += n;
    }
    return OK;
}

enum err file_read_at(int fd, void *room, size_t len, int64_t offset, size_t *out_len)
{
    char *at = room;
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, at + got, len - got, offset + (int64_t)got);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        got += (size_t)n;
    }
    *out_len = got;
    return OK;
}

static enum err write_new(const char *path, struct str content)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0)
        return ERR_IO;
    if (content.len && file_write_at(fd, content.at, content.len, 0) != OK)
        return ERR_IO;
    return fsync(fd) == 0 ? OK : ERR_IO;
}

/* The directory part of `path`; "." when it has none. */
static void directory_of(const char *path, char *room, size_t room_bytes)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        str_copy(STR("."), room, room_bytes);
    else
        str_copy((struct str){path, slash == path ? 1 : (size_t)(slash - path)}, room, room_bytes);
}

enum err file_write_atomic(const char *path, struct str content, struct error *error)
{
    char fresh[PATH_MAX], directory[PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof fresh)
        return error_set(error, ERR_IO, "the path '%s' is too long", path);
    if (write_new(fresh, content) != OK || rename(fresh, path) != 0) {
        int why = errno;
        unlink(fresh);
        return error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(why));
    }
    directory_of(path, directory, sizeof directory);
    return file_sync_dir(directory, error);
}

enum err file_sync_dir(const char *path, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return error_set(error, ERR_IO, "cannot sync the directory '%s': %s", path,
                         ERRNO_TEXT(errno));
    return OK;
}

/* What is missing above `path`, with the modes that the umask gives. What fails shows at the end. */
static void make_parents(const char *path)
{
    char above[PATH_MAX];
    str_copy(str_of(path), above, sizeof above);
    for (char *at = above + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(above, 0755);
        *at = '/';
    }
}

enum err file_make_private_dir(const char *path, struct error *error)
{
    if (!path[0])
        return error_set(error, ERR_IO, "the path of a directory is empty");
    make_parents(path);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(error, ERR_IO, "cannot make the directory '%s': %s", path,
                         ERRNO_TEXT(errno));
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return error_set(error, ERR_IO, "cannot enter the directory '%s': %s", path,
                         ERRNO_TEXT(errno));
    if (info.st_uid != geteuid())
        return error_set(error, ERR_DENIED,
                         "the directory '%s' belongs to user %ld, and this process is user %ld: "
                         "run as its owner or change the owner",
                         path, (long)info.st_uid, (long)geteuid());
    if ((info.st_mode & 077) != 0 && fchmod(fd, 0700) != 0)
        return error_set(error, ERR_IO, "cannot make the directory '%s' private: %s", path,
                         ERRNO_TEXT(errno));
    return OK;
}
