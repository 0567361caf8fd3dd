/* sys/fd.h: file descriptors that close themselves at the end of a scope. */
#pragma once
#include <unistd.h>

/** Closes unless negative, and marks it closed. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
#define AUTO_CLOSE __attribute__((cleanup(fd_close)))

/** Gives the descriptor away: `return fd_take(&fd);` */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
