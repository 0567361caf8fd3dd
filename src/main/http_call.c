/* main/http_call.c: connect, send, read to the end, take the framing off.
 *
 * Every request says `Connection: close`, so the answer ends where the peer ends it; content-length
 * is only compared, to notice a cut. An answer with neither length nor chunks ends with the stream.
 */
#include "main/http_call.h"

#include "http/head.h"
#include "sys/fd.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define TIMEOUT_MS      30000
#define READ_BYTES      65536u
#define HEADERS_MAX     128
#define CALL_HEAD_BYTES 65536u

/* ---- connecting ------------------------------------------------------------------------------ */

static void limit_waits(int fd, int timeout_ms)
{
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait); /* connect(2) heeds it too */
}

static enum err connect_unix(const struct http_call *call, int timeout_ms, int *out_fd,
                             struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(call->unix_path) >= sizeof address.sun_path)
        return error_set(error, ERR_TOO_LARGE, "the path of the socket '%s' is too long",
                         call->unix_path);
    str_copy(str_of(call->unix_path), address.sun_path, sizeof address.sun_path);

    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, ERR_IO, "no socket: %s", ERRNO_TEXT(errno));
    limit_waits(fd, timeout_ms);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return error_set(error, ERR_UNAVAILABLE, "cannot reach a server at '%s': %s",
                         call->unix_path, ERRNO_TEXT(errno));
    *out_fd = fd_take(&fd);
    return OK;
}

static int connect_first(const struct addrinfo *found, int timeout_ms)
{
    for (; found; found = found->ai_next) {
        AUTO_CLOSE int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        limit_waits(fd, timeout_ms);
        if (connect(fd, found->ai_addr, found->ai_addrlen) == 0)
            return fd_take(&fd);
    }
    return -1;
}

static enum err connect_tcp(const struct http_call *call, int timeout_ms, int *out_fd,
                            struct error *error)
{
    const char *host = call->host ? call->host : "127.0.0.1";
    char port[12];
    (void)snprintf(port, sizeof port, "%d", call->port);

    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0)
        return error_set(error, ERR_UNAVAILABLE, "cannot find '%s': %s", host,
                         gai_strerror(failure));
    int fd = connect_first(found, timeout_ms);
    int reason = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return error_set(error, ERR_UNAVAILABLE, "cannot reach a server at %s:%s: %s", host, port,
                         ERRNO_TEXT(reason));
    *out_fd = fd;
    return OK;
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool has_content_type(const struct http_call *call)
{
    return call->headers && str_ifind(str_of(call->headers), STR("content-type:"), NULL);
}

static void append_request(struct buf *out, const struct http_call *call)
{
    const char *method = call->method ? call->method : call->body.len > 0 ? "POST" : "GET";
    buf_printf(out, "%s %s HTTP/1.1\r\n", method, call->path);
    if (call->unix_path)
        buf_puts(out, "host: localhost\r\n");
    else
        buf_printf(out, "host: %s:%d\r\n", call->host ? call->host : "127.0.0.1", call->port);
    buf_puts(out, "connection: close\r\n");
    if (call->headers)
        buf_puts(out, call->headers);
    if (call->body.len > 0 && !has_content_type(call))
        buf_puts(out, "content-type: application/json\r\n");
    buf_printf(out, "content-length: %zu\r\n\r\n", call->body.len);
    buf_append_str(out, call->body);
}

static enum err io_failure(struct error *error, const char *what)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return error_set(error, ERR_TIMEOUT, "the server did not answer in time (%s)", what);
    return error_set(error, ERR_IO, "the connection broke (%s): %s", what, ERRNO_TEXT(errno));
}

static enum err send_all(int fd, struct str bytes, struct error *error)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_failure(error, "sending");
        bytes = str_from(bytes, (size_t)n);
    }
    return OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static enum err receive_all(int fd, struct buf *into, struct error *error)
{
    for (;;) {
        char *room = buf_reserve(into, READ_BYTES);
        if (!room)
            return error_set(error, ERR_TOO_LARGE, "the answer is longer than %u bytes",
                             HTTP_REPLY_MAX);
        ssize_t n = recv(fd, room, READ_BYTES, 0);
        if (n == 0)
            return OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == ECONNRESET && into->len > 0)
            return OK; /* an early answer to a body that nobody read: the framing tells if whole */
        if (n < 0)
            return io_failure(error, "reading");
        into->len += (size_t)n;
    }
}

static bool chunk_size(struct str line, size_t *out_size)
{
    size_t size = 0, digits = 0;
    for (; digits < line.len && digits < 8 && str_hex_digit(line.at[digits]) >= 0; digits++)
        size = size * 16 + (size_t)str_hex_digit(line.at[digits]);
    *out_size = size;
    return digits > 0;
}

/* Takes the chunk framing out, in place. False when the body does not end as it should. */
static bool unchunk(char *body, size_t len, size_t *out_len)
{
    struct str rest = {body, len};
    size_t done = 0;
    for (;;) {
        size_t line_end, size;
        if (!str_find(rest, STR("\r\n"), &line_end) || !chunk_size(str_upto(rest, line_end), &size))
            return false;
        rest = str_from(rest, line_end + 2);
        if (size == 0)
            break;
        if (rest.len < size + 2)
            return false;
        memmove(body + done, rest.at, size);
        done += size;
        rest = str_from(rest, size + 2);
    }
    *out_len = done;
    return true;
}

/* An interim answer (100, 103) is skipped; the final one may stand behind it. */
static enum err find_final_head(struct str bytes, struct http_head *head, size_t *out_start,
                                size_t *out_end, struct error *error)
{
    size_t start = 0;
    do {
        size_t scanned = 0;
        size_t len = http_head_end(str_from(bytes, start), &scanned);
        if (len == 0)
            return error_set(error, ERR_IO, "the server closed the connection without an answer");
        head->header_count = 0;
        enum err err = http_response_parse(str_upto(str_from(bytes, start), len), head, error);
        if (err != OK)
            return err;
        *out_start = start;
        start = *out_end = start + len;
    } while (head->status < 200);
    return OK;
}

static enum err take_reply(struct buf *bytes, struct http_reply *out_reply, struct error *error)
{
    struct http_header headers[HEADERS_MAX];
    struct http_head head = {.headers = headers, .header_room = HEADERS_MAX};
    size_t start = 0, end = 0;
    enum err err = find_final_head(buf_str(bytes), &head, &start, &end, error);
    if (err != OK)
        return err;

    size_t body_len = bytes->len - end;
    bool is_whole = true;
    if (head.is_chunked)
        is_whole = unchunk(bytes->data + end, body_len, &body_len);
    else if (head.content_length >= 0)
        is_whole = body_len >= (size_t)head.content_length;
    if (!is_whole)
        return error_set(error, ERR_IO, "the answer was cut off");
    if (!head.is_chunked && head.content_length >= 0)
        body_len = (size_t)head.content_length;

    bytes->data[end + body_len] = '\0'; /* buf keeps room for it */
    *out_reply = (struct http_reply){.status = head.status,
                                     .head = {bytes->data + start, end - start},
                                     .body = {bytes->data + end, body_len},
                                     .bytes = *bytes};
    *bytes = (struct buf){.limit_bytes = bytes->limit_bytes};
    return OK;
}

enum err http_call(const struct http_call *call, struct http_reply *out_reply, struct error *error)
{
    int timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : TIMEOUT_MS;
    AUTO_CLOSE int fd = -1;
    enum err err = call->unix_path ? connect_unix(call, timeout_ms, &fd, error)
                                   : connect_tcp(call, timeout_ms, &fd, error);
    if (err != OK)
        return err;

    AUTO_BUF struct buf request;
    buf_init(&request, call->body.len + CALL_HEAD_BYTES);
    append_request(&request, call);
    if (request.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for the request");
    err = send_all(fd, buf_str(&request), error);
    if (err != OK)
        return err;

    AUTO_BUF struct buf answer;
    buf_init(&answer, HTTP_REPLY_MAX);
    err = receive_all(fd, &answer, error);
    if (err != OK)
        return err;
    return take_reply(&answer, out_reply, error);
}

void http_reply_release(struct http_reply *reply)
{
    buf_release(&reply->bytes);
    *reply = (struct http_reply){0};
}

struct str http_reply_header(const struct http_reply *reply, struct str name)
{
    struct str rest = reply->head;
    (void)str_cut(&rest, '\n'); /* the status line */
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        struct str value = line;
        struct str found = str_cut(&value, ':');
        if (!str_ieq(found, name))
            continue;
        if (value.len > 0 && value.at[value.len - 1] == '\r')
            value.len--;
        return str_trim(value);
    }
    return (struct str){"", 0};
}
