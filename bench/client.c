/* client.c: see client.h.
 *
 * The upstream stamps its events with the time of sending, `@` nineteen digits `@`; the stamp is found
 * again however proxies cut the bytes. All clients share one read buffer.
 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAMP_DIGITS 19u
#define READ_BYTES   (256u * 1024)

/* ---- requests -------------------------------------------------------------------------------- */

static struct request request_new(size_t room)
{
    struct request request = {.bytes = malloc(room)};
    if (!request.bytes)
        die("no memory for a request of %zu bytes", room);
    return request;
}

struct request request_get(const char *path, const char *key)
{
    struct request request = request_new(1024);
    request.len = (size_t)snprintf(
        request.bytes, 1024, "GET %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\n\r\n",
        path, key);
    return request;
}

struct request request_chat(const char *path, const char *key, const char *model, bool is_stream,
                            size_t body_bytes)
{
    char front[256], back[64];
    int front_len =
        snprintf(front, sizeof front,
                 "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"", model);
    int back_len = snprintf(back, sizeof back, "\"}],\"max_tokens\":1000,\"stream\":%s}",
                            is_stream ? "true" : "false");
    size_t frame = (size_t)(front_len + back_len);
    size_t filler = body_bytes > frame ? body_bytes - frame : 0;

    struct request request = request_new(1024 + frame + filler);
    int len = snprintf(request.bytes, 1024,
                       "POST %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\n"
                       "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                       path, key, frame + filler, front);
    if (len >= 1024)
        die("the request's head is too long");
    for (size_t i = 0; i < filler; i++)
        request.bytes[(size_t)len + i] = i % 6 == 5 ? ' ' : (char)('a' + i % 26);
    memcpy(request.bytes + (size_t)len + filler, back, (size_t)back_len);
    request.len = (size_t)len + filler + (size_t)back_len;
    return request;
}

/* ---- the socket ------------------------------------------------------------------------------ */

static void arm(struct client *client, uint32_t events)
{
    if (client->armed == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, client->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    client->armed = events;
}

bool client_open(struct client *client, int epoll, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    struct samples *delays = client->delays;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return false;
    }
    *client = (struct client){
        .state = CLIENT_IDLE, .fd = fd, .epoll = epoll, .armed = EPOLLIN, .delays = delays};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    return true;
}

void client_close(struct client *client)
{
    if (client->state != CLIENT_CLOSED)
        close(client->fd);
    client->state = CLIENT_CLOSED;
}

static void flush(struct client *client)
{
    while (client->sent < client->send_limit) {
        ssize_t sent = send(client->fd, client->request->bytes + client->sent,
                            client->send_limit - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            arm(client, EPOLLIN | EPOLLOUT);
            return;
        }
        if (sent < 0) {
            client->state = CLIENT_FAILED;
            return;
        }
        client->sent += (size_t)sent;
    }
    arm(client, EPOLLIN);
}

void client_send(struct client *client, const struct request *request, size_t send_limit)
{
    client->turn += client->state == CLIENT_DONE;
    client->state = CLIENT_HEAD;
    client->request = request;
    client->sent = 0;
    client->send_limit = send_limit < request->len ? send_limit : request->len;
    client->status = 0;
    client->head_len = 0;
    client->body_bytes = 0;
    client->stamps = client->digits = 0;
    flush(client);
}

void client_send_rest(struct client *client)
{
    client->send_limit = client->request->len;
    flush(client);
}

void client_pause(struct client *client)
{
    arm(client, 0);
}

void client_resume(struct client *client)
{
    arm(client, EPOLLIN);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* The value of a header in a head that ends in a NUL, or NULL. */
static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n'))
        if (strncasecmp(line + 1, name, len) == 0 && line[1 + len] == ':')
            return line + 1 + len + 1 + strspn(line + 1 + len + 1, " ");
    return NULL;
}

static void begin_body(struct client *client)
{
    const char *length = header(client->head, "content-length");
    const char *coding = header(client->head, "transfer-encoding");
    client->status = strncmp(client->head, "HTTP/1.", 7) == 0 ? atoi(client->head + 9) : 0;
    client->is_chunked = coding && strncasecmp(coding, "chunked", 7) == 0;
    client->part = CHUNK_SIZE;
    client->left = length ? strtoull(length, NULL, 10) : 0;
    client->line_bytes = 0;
    client->state = client->status == 0                      ? CLIENT_FAILED
                    : client->is_chunked || client->left > 0 ? CLIENT_BODY
                    : length || (client->status == 204)      ? CLIENT_DONE
                                                             : CLIENT_FAILED;
}

/* Takes bytes of the head; says how many. */
static size_t take_head(struct client *client, const char *bytes, size_t len)
{
    size_t room = sizeof client->head - 1 - client->head_len;
    size_t before = client->head_len;
    size_t copied = len < room ? len : room;
    memcpy(client->head + before, bytes, copied);
    client->head_len += copied;
    client->head[client->head_len] = '\0';
    const char *end = strstr(client->head, "\r\n\r\n");
    if (!end) {
        if (copied < len)
            client->state = CLIENT_FAILED;
        return copied;
    }
    size_t taken = (size_t)(end + 4 - client->head) - before;
    begin_body(client);
    return taken;
}

static void see_stamp_byte(struct client *client, char byte, uint64_t now)
{
    if (byte >= '0' && byte <= '9' && client->digits <= STAMP_DIGITS) {
        client->stamp_ns = client->stamp_ns * 10 + (uint64_t)(byte - '0');
        client->digits++;
        return;
    }
    if (byte == '@' && client->digits == STAMP_DIGITS + 1) {
        client->stamps++;
        samples_add(client->delays, now > client->stamp_ns ? now - client->stamp_ns : 0);
    }
    client->digits = 0;
}

static void see_payload(struct client *client, const char *bytes, size_t len, uint64_t now)
{
    client->body_bytes += len;
    for (size_t at = 0; client->delays && at < len; at++) {
        if (client->digits > 0) {
            see_stamp_byte(client, bytes[at], now);
            continue;
        }
        const char *mark = memchr(bytes + at, '@', len - at);
        if (!mark)
            return;
        at = (size_t)(mark - bytes);
        client->digits = 1;
        client->stamp_ns = 0;
    }
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void end_of_chunk_line(struct client *client)
{
    bool is_empty = client->line_bytes == 0;
    client->line_bytes = 0;
    if (client->part == CHUNK_SIZE)
        client->part = client->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    else if (client->part == CHUNK_DATA_END)
        client->part = CHUNK_SIZE;
    else if (is_empty)
        client->state = CLIENT_DONE;
}

/* One byte of a line that frames chunks. */
static void see_frame_byte(struct client *client, char byte)
{
    if (byte == '\r')
        return;
    if (byte == '\n') {
        end_of_chunk_line(client);
        return;
    }
    int digit = hex_digit(byte);
    if (client->part == CHUNK_SIZE && digit < 0)
        client->state = CLIENT_FAILED; /* no upstream of ours has extensions */
    if (client->part == CHUNK_SIZE)
        client->left = client->left * 16 + (uint64_t)digit;
    client->line_bytes++;
}

static size_t take_body(struct client *client, const char *bytes, size_t len, uint64_t now)
{
    if (client->is_chunked && client->part != CHUNK_DATA) {
        see_frame_byte(client, *bytes);
        return 1;
    }
    size_t taken = len < client->left ? len : (size_t)client->left;
    see_payload(client, bytes, taken, now);
    client->left -= taken;
    if (client->left == 0 && client->is_chunked)
        client->part = CHUNK_DATA_END;
    else if (client->left == 0)
        client->state = CLIENT_DONE;
    return taken;
}

static void take(struct client *client, const char *bytes, size_t len)
{
    uint64_t now = client->delays ? now_ns() : 0;
    for (size_t at = 0; at < len;) {
        if (client->state == CLIENT_HEAD)
            at += take_head(client, bytes + at, len - at);
        else if (client->state == CLIENT_BODY)
            at += take_body(client, bytes + at, len - at, now);
        else {
            client->state = CLIENT_FAILED; /* bytes that nobody asked for */
            return;
        }
    }
}

void client_run(struct client *client, uint32_t ready)
{
    static char bytes[READ_BYTES];
    if (ready & EPOLLOUT)
        flush(client);
    if (!(ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) || client->state == CLIENT_FAILED)
        return;
    ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0)
        take(client, bytes, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        client->state = CLIENT_FAILED;
}
