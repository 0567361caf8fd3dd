/* main/handover.c: see handover.h. */
#include "main/handover.h"

#include "base/str.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WORD_MAX 16

static enum err make_socket(const char *data_dir, struct sockaddr_un *out_address, int *out_fd,
                            struct error *error)
{
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len =
        snprintf(out_address->sun_path, sizeof out_address->sun_path, "%s/handover", data_dir);
    if (len < 0 || (size_t)len >= sizeof out_address->sun_path)
        return error_set(error, ERR_MALFORMED,
                         "the data directory's name is too long for a socket");
    *out_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*out_fd < 0)
        return error_set(error, ERR_IO, "cannot make a socket: %s", ERRNO_TEXT(errno));
    return OK;
}

/* ---- words ------------------------------------------------------------------------------------- */

bool handover_say(int conn, const char *word)
{
    return send(conn, word, strlen(word), MSG_NOSIGNAL) == (ssize_t)strlen(word);
}

static bool is_word(const char *got, ssize_t len, const char *word)
{
    return len == (ssize_t)strlen(word) && memcmp(got, word, (size_t)len) == 0;
}

bool handover_hear(int conn, const char *word, int ms)
{
    char got[WORD_MAX];
    struct pollfd wait = {.fd = conn, .events = POLLIN};
    return poll(&wait, 1, ms) == 1 && is_word(got, recv(conn, got, sizeof got, 0), word);
}

/* ---- sockets ----------------------------------------------------------------------------------- */

union sockets_room {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * HANDOVER_SOCKETS_MAX)];
};

bool handover_give(int conn, const int *sockets, int count)
{
    static char word[] = "sockets";
    union sockets_room room = {0};
    struct iovec text = {word, sizeof word - 1};
    size_t bytes = (size_t)count * sizeof *sockets;
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = CMSG_SPACE(bytes)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(head), sockets, bytes);
    return sendmsg(conn, &message, MSG_NOSIGNAL) == (ssize_t)text.iov_len;
}

/* What came with a message, whatever it is: ours to close from here on. -1: more came than may, or something else. */
static int descriptors_of(struct msghdr *message, int out_fds[HANDOVER_SOCKETS_MAX])
{
    int count = 0;
    bool is_whole = !(message->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        bool is_rights = head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS;
        int more = is_rights ? (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
        is_whole = is_whole && is_rights && more <= HANDOVER_SOCKETS_MAX - count;
        for (int i = 0; i < more; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + (size_t)i * sizeof fd, sizeof fd);
            if (count < HANDOVER_SOCKETS_MAX)
                out_fds[count++] = fd;
            else
                fd_close(&fd);
        }
    }
    while (!is_whole && count > 0)
        fd_close(&out_fds[--count]);
    return is_whole ? count : -1;
}

static bool sockets_take(struct handover *handover)
{
    char got[WORD_MAX];
    union sockets_room room = {0};
    struct iovec text = {got, sizeof got};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof room.bytes};
    ssize_t len = recvmsg(handover->conn, &message, MSG_CMSG_CLOEXEC);
    int count = len > 0 ? descriptors_of(&message, handover->sockets) : -1;
    if (count > 0 && is_word(got, len, "sockets")) {
        handover->count = count;
        return true;
    }
    while (count > 0)
        fd_close(&handover->sockets[--count]);
    return false;
}

/* ---- the old one's side ------------------------------------------------------------------------ */

enum err handover_listen(const char *data_dir, int *out_fd, struct error *error)
{
    struct sockaddr_un address;
    AUTO_CLOSE int fd = -1;
    enum err err = make_socket(data_dir, &address, &fd, error);
    if (err != OK)
        return err;
    unlink(address.sun_path);
    mode_t old = umask(0177);
    bool is_bound =
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4) == 0;
    int why = errno;
    umask(old);
    if (!is_bound)
        return error_set(error, ERR_IO, "cannot listen on '%s': %s", address.sun_path,
                         ERRNO_TEXT(why));
    *out_fd = fd_take(&fd);
    return OK;
}

int handover_accept(int listen_fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    bool is_ours = fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
                   (who.uid == geteuid() || who.uid == 0);
    return is_ours ? fd_take(&fd) : -1;
}

/* ---- the next one's side ----------------------------------------------------------------------- */

enum err handover_begin(const char *data_dir, struct handover *out_handover, struct error *error)
{
    struct sockaddr_un address;
    AUTO_CLOSE int fd = -1;
    *out_handover = (struct handover){.conn = -1};
    enum err err = make_socket(data_dir, &address, &fd, error);
    if (err != OK)
        return err;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return error_set(error, errno == ENOENT || errno == ECONNREFUSED ? ERR_NOT_FOUND : ERR_IO,
                         "cannot reach the server at '%s': %s", address.sun_path,
                         ERRNO_TEXT(errno));
    struct handover handover = {.conn = fd};
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (!handover_say(fd, "sockets") || poll(&wait, 1, HANDOVER_WAIT_MS) != 1 ||
        !sockets_take(&handover))
        return error_set(error, ERR_UNAVAILABLE,
                         "the server of this data directory does not hand over its sockets");
    *out_handover = handover;
    (void)fd_take(&fd);
    return OK;
}

enum err handover_store(const struct handover *handover, struct error *error)
{
    if (handover->conn < 0 || (handover_say(handover->conn, "store") &&
                               handover_hear(handover->conn, "store", HANDOVER_WAIT_MS)))
        return OK;
    return error_set(error, ERR_UNAVAILABLE, "the server before did not hand over the store");
}

void handover_end(struct handover *handover, bool is_ready)
{
    if (handover->conn >= 0 && is_ready)
        (void)handover_say(handover->conn, "ready");
    fd_close(&handover->conn);
}
