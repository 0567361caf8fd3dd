/* sys/lock.c: the lock file. */
#include "sys/lock.h"

#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

/* Only for the sentence: the number may be stale or missing, the lock itself never is. */
static void holder_name(int fd, char *room, size_t room_bytes)
{
    char text[24];
    size_t len = 0;
    int64_t pid = 0;
    if (file_read_at(fd, text, sizeof text, 0, &len) != OK)
        len = 0;
    struct str rest = {text, len};
    if (str_to_int64(str_cut(&rest, '\n'), &pid))
        snprintf(room, room_bytes, "process %lld", (long long)pid);
    else
        str_copy(STR("another process"), room, room_bytes);
}

enum err lock_take(const char *path, int *out_fd, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot open the lock '%s': %s", path, ERRNO_TEXT(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        if (why != EWOULDBLOCK)
            return error_set(error, ERR_IO, "cannot lock '%s': %s", path, ERRNO_TEXT(why));
        char holder[40];
        holder_name(fd, holder, sizeof holder);
        return error_set(error, ERR_BUSY, "%s holds '%s': one server per data directory", holder,
                         path);
    }
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || file_write_at(fd, text, (size_t)len, 0) != OK)
        (void)0; /* a full disk costs the number in the sentence, not the lock */
    *out_fd = fd_take(&fd);
    return OK;
}
