/* tests/unit/full_disk.c: see full_disk.h. */
#include "tests/unit/full_disk.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char below[PATH_MAX];
static bool stays;
static atomic_long left; /* writes until the disk is full; 0: it has room */
static atomic_bool is_on, has_struck, has_struck_sync;

void full_disk_begin(const char *dir, long nth, bool stays_full)
{
    snprintf(below, sizeof below, "%s/", dir);
    stays = stays_full;
    atomic_store(&has_struck, false);
    atomic_store(&has_struck_sync, false);
    atomic_store(&left, nth);
    atomic_store(&is_on, true);
}

void full_disk_end(void)
{
    atomic_store(&is_on, false);
}

bool full_disk_has_struck(void)
{
    return atomic_load(&has_struck);
}

bool full_disk_has_struck_sync(void)
{
    return atomic_load(&has_struck_sync);
}

static bool is_below(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    return len > 0 && strncmp(path, below, strlen(below)) == 0;
}

/* Is this the one? */
static bool strikes(int fd, bool is_sync)
{
    if (!atomic_load(&is_on) || !is_below(fd))
        return false;
    long before = atomic_fetch_sub(&left, 1);
    if (before > 1 || (before < 1 && !stays))
        return false;
    atomic_store(&has_struck, true);
    if (is_sync)
        atomic_store(&has_struck_sync, true);
    errno = ENOSPC;
    return true;
}

/* ---- in the place of the C library's ------------------------------------------------------------- */

/* The kernel writes what still fits, and fails at the next: half of a record is on the disk then. */
static ssize_t write_half(int fd, const void *bytes, size_t len, off_t offset)
{
    if (len > 1)
        (void)syscall(SYS_pwrite64, fd, bytes, len / 2, offset);
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    if (strikes(fd, false))
        return write_half(fd, bytes, len, offset);
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    if (strikes(fd, false))
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, offset, len) == 0 ? 0 : errno;
}

int ftruncate(int fd, off_t len)
{
    struct stat info;
    bool grows = fstat(fd, &info) == 0 && len > info.st_size; /* to be shorter takes no room */
    return grows && strikes(fd, false) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

int fsync(int fd)
{
    return strikes(fd, true) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return strikes(fd, true) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
