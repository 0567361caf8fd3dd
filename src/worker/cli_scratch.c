/* worker/cli_scratch.c: see cli_scratch.h. A number is taken by a lock on its file, so that a worker that was killed leaves it free. */
#define _XOPEN_SOURCE 700
#include "worker/cli_scratch.h"

#include "base/log.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define WORKERS_MAX 64
#define OPEN_MAX    16 /* descriptors of a walk */

/* ---- files ------------------------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0; /* go on: the rest can still go */
}

/* A directory without rights for its owner would hide what is in it. */
static int open_up(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)place;
    if (kind == FTW_D || kind == FTW_DNR)
        (void)chmod(path, 0700);
    return 0;
}

void scratch_remove(const char *dir)
{
    struct stat about;
    (void)nftw(dir, remove_one, OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    if (lstat(dir, &about) != 0)
        return;
    (void)nftw(dir, open_up, OPEN_MAX, FTW_PHYS);
    (void)nftw(dir, remove_one, OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    if (lstat(dir, &about) == 0)
        log_warn("scratch_left", "dir=%s", dir);
}

static enum err write_all(int fd, struct str content)
{
    while (content.len) {
        ssize_t n = write(fd, content.at, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        content = str_from(content, (size_t)n);
    }
    return OK;
}

static enum err make_dir_of(const char *path, struct error *error)
{
    char dir[1024];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len == 0 || len >= sizeof dir)
        return error_set(error, ERR_IO, "no directory for '%s'", path);
    str_copy((struct str){path, len}, dir, sizeof dir);
    return file_make_private_dir(dir, error);
}

enum err scratch_write(const char *path, struct str content, struct error *error)
{
    enum err err = make_dir_of(path, error);
    if (err != OK)
        return err;
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_all(fd, content) != OK)
        return error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(errno));
    return OK;
}

/* ---- places ------------------------------------------------------------------------------------------------ */

static enum err join(char room[SCRATCH_PATH_MAX], const char *dir, const char *name,
                     struct error *error)
{
    int len = snprintf(room, SCRATCH_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= SCRATCH_PATH_MAX)
        return error_set(error, ERR_IO, "the scratch directory's name is too long: '%s'", dir);
    return OK;
}

/* The first number whose lock is free. */
static enum err take_number(const char *base, struct scratch *scratch, struct error *error)
{
    enum err err = ERR_BUSY;
    for (int i = 1; i <= WORKERS_MAX && err == ERR_BUSY; i++) {
        char name[16], lock[SCRATCH_PATH_MAX];
        (void)snprintf(name, sizeof name, "%d", i);
        err = join(scratch->dir, base, name, error);
        if (err == OK)
            err = file_make_private_dir(scratch->dir, error);
        if (err == OK)
            err = join(lock, scratch->dir, "lock", error);
        if (err == OK)
            err = lock_take(lock, &scratch->lock_fd, error);
    }
    return err;
}

enum err scratch_open(const char *base, struct scratch *out_scratch, struct error *error)
{
    struct scratch scratch = {.lock_fd = -1};
    enum err err = file_make_private_dir(base, error);
    if (err != OK)
        return err;
    char *real = realpath(base, NULL); /* tools know a directory by its real name */
    if (!real)
        return error_set(error, ERR_IO, "cannot use '%s': %s", base, ERRNO_TEXT(errno));
    err = take_number(real, &scratch, error);
    free(real);
    if (err == OK)
        *out_scratch = scratch;
    return err;
}

void scratch_close(struct scratch *scratch)
{
    if (scratch->lock_fd < 0)
        return;
    scratch_remove(scratch->dir);
    fd_close(&scratch->lock_fd);
}

enum err scratch_make(const struct scratch *scratch, int number, struct scratch_place *out_place,
                      struct error *error)
{
    struct scratch_place place;
    char name[16];
    (void)snprintf(name, sizeof name, "%d", number);
    enum err err = join(place.dir, scratch->dir, name, error);
    if (err == OK)
        err = join(place.work, place.dir, "work", error);
    if (err == OK)
        err = join(place.side, place.dir, "side", error);
    if (err != OK)
        return err;
    scratch_remove(place.dir);
    err = file_make_private_dir(place.work, error);
    if (err == OK)
        err = file_make_private_dir(place.side, error);
    if (err == OK)
        *out_place = place;
    return err;
}
