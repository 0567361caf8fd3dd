/* main/control_client.c: plain HTTP/1.1 over the unix socket: one request, `connection: close`.
 *
 * The answer's length is told by content-length; the server's whole answers always carry one.
 */
#include "main/control_client.h"

#include "http/head.h"
#include "sys/fd.h"
#include "sys/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define ANSWER_BYTES_MAX (8u * 1024 * 1024)
#define WAIT_SECONDS     30

static enum err control_connect(const char *socket_path, int *out_fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path)
        return error_set(error, ERR_MALFORMED, "'%s' is too long for a socket", socket_path);
    str_copy(str_of(socket_path), address.sun_path, sizeof address.sun_path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot make a socket: %s", ERRNO_TEXT(errno));
    struct timeval patience = {.tv_sec = WAIT_SECONDS};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return error_set(error, errno == ENOENT || errno == ECONNREFUSED ? ERR_NOT_FOUND : ERR_IO,
                         "cannot reach the server at '%s': %s", socket_path, ERRNO_TEXT(errno));
    *out_fd = fd_take(&fd);
    return OK;
}

static enum err send_all(int fd, struct str bytes, struct error *error)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(error, ERR_IO, "the control socket closed: %s", ERRNO_TEXT(errno));
        bytes = str_from(bytes, (size_t)n);
    }
    return OK;
}

/* Until the server closes. */
static enum err receive_all(int fd, struct buf *answer, struct error *error)
{
    for (;;) {
        char *room = buf_reserve(answer, 16384);
        if (!room)
            return error_set(error, ERR_TOO_LARGE, "the server's answer is too long");
        ssize_t n = recv(fd, room, 16384, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(error, ERR_TIMEOUT, "the server does not answer: %s",
                             ERRNO_TEXT(errno));
        if (n == 0)
            return OK;
        answer->len += (size_t)n;
    }
}

static enum err read_answer(struct buf *answer, int *out_status, struct buf *out_body,
                            struct error *error)
{
    static struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
    struct http_head head = {.headers = headers, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    size_t scanned = 0;
    size_t head_len = http_head_end(buf_str(answer), &scanned);
    if (!head_len)
        return error_set(error, ERR_MALFORMED, "the control socket does not speak HTTP");
    enum err err = http_response_parse(str_upto(buf_str(answer), head_len), &head, error);
    if (err != OK)
        return err;
    struct str body = str_from(buf_str(answer), head_len);
    if (head.content_length < 0 || (uint64_t)head.content_length > body.len)
        return error_set(error, ERR_MALFORMED, "the server's answer was cut");
    buf_append_str(out_body, str_upto(body, (size_t)head.content_length));
    *out_status = head.status;
    return OK;
}

enum err control_call(const char *socket_path, const char *method, const char *path,
                      struct str body, int *out_status, struct buf *out_body, struct error *error)
{
    AUTO_CLOSE int fd = -1;
    enum err err = control_connect(socket_path, &fd, error);
    if (err != OK)
        return err;
    AUTO_BUF struct buf request = {0}, answer = {0};
    buf_init(&request, ANSWER_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    (void)!buf_reserve(&request, body.len + 1024); /* once: the body may bring a key */
    buf_printf(&request, "%s %s HTTP/1.1\r\nhost: control\r\nconnection: close\r\n", method, path);
    if (body.len)
        buf_printf(&request, "content-type: application/json\r\ncontent-length: %zu\r\n", body.len);
    buf_puts(&request, "\r\n");
    buf_append_str(&request, body);
    if (request.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for the request");
    err = send_all(fd, buf_str(&request), error);
    secret_wipe(request.data, request.len);
    if (err == OK)
        err = receive_all(fd, &answer, error);
    return err == OK ? read_answer(&answer, out_status, out_body, error) : err;
}
