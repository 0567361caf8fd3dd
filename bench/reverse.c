/* reverse.c: see reverse.h. */
#include "reverse.h"

#include "samples.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 4096

/* ---- blocking HTTP --------------------------------------------------------------------------- */

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("no gateway on port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

/* Reads an answer's head, a byte at a time: what follows it is not ours. */
static void read_head(int fd, char answer[ANSWER_MAX])
{
    size_t len = 0;
    while (len < ANSWER_MAX - 1 && read(fd, answer + len, 1) == 1) {
        answer[++len] = '\0';
        if (len >= 4 && strcmp(answer + len - 4, "\r\n\r\n") == 0)
            return;
    }
    die("the gateway hung up on a worker: %s", len ? answer : "no answer");
}

static void read_body(int fd, char body[ANSWER_MAX])
{
    size_t len = 0;
    for (ssize_t got; len < ANSWER_MAX - 1 && (got = read(fd, body + len, ANSWER_MAX - 1 - len)) > 0;)
        len += (size_t)got;
    body[len] = '\0';
}

/* The value of a member of a flat object, up to a quote or comma. */
static void copy_member(const char *json, const char *name, char *room, size_t room_bytes)
{
    const char *at = strstr(json, name);
    if (!at)
        die("no %s in %s", name, json);
    at += strlen(name);
    at += strspn(at, "\": ");
    snprintf(room, room_bytes, "%.*s", (int)strcspn(at, "\",}"), at);
}

struct registration reverse_register(int port, const char *key, int number, long slots)
{
    char body[1024], request[2048], answer[ANSWER_MAX], epoch[24];
    int body_len = snprintf(
        body, sizeof body,
        "{\"instance\":\"bench-%d-%d\",\"kind\":\"gpu\",\"name\":\"bench-%d\",\"version\":\"0\",\"slots\":%ld,"
        "\"models\":[{\"id\":\"plain\"},{\"id\":\"sse-50-20\"},{\"id\":\"sse-1000-0\"},{\"id\":\"sse-600-100\"},"
        "{\"id\":\"idle\"}]}",
        (int)getpid(), number, number, slots);
    int len = snprintf(request, sizeof request,
                       "POST /api/worker/v1/register HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\n"
                       "content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s",
                       key, body_len, body);
    int fd = dial(port);
    struct registration registration = {0};
    if (write(fd, request, (size_t)len) != len)
        die("cannot register: %s", strerror(errno));
    read_head(fd, answer);
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
        die("not registered: %s", answer);
    read_body(fd, answer);
    close(fd);
    copy_member(answer, "\"worker_id\"", registration.worker_id, sizeof registration.worker_id);
    copy_member(answer, "\"epoch\"", epoch, sizeof epoch);
    registration.epoch = strtol(epoch, NULL, 10);
    return registration;
}

int reverse_dial(int port, const char *key, const struct registration *registration,
                 enum reverse_kind kind)
{
    const char *word = kind == REVERSE_LINE ? "reverse" : "control";
    char request[1024], answer[ANSWER_MAX];
    int len = snprintf(request, sizeof request,
                       "GET /api/worker/v1/%s?worker_id=%s&epoch=%ld HTTP/1.1\r\nhost: bench\r\n"
                       "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
                       "sec-websocket-key: YmVuY2gtYmVuY2gtYmVuYw==\r\nsec-websocket-protocol: auxot.%s.v1\r\n"
                       "authorization: Bearer %s\r\n\r\n",
                       word, registration->worker_id, registration->epoch, word, key);
    int fd = dial(port);
    if (write(fd, request, (size_t)len) != len)
        die("cannot dial: %s", strerror(errno));
    read_head(fd, answer);
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0)
        die("no WebSocket: %s", answer);
    return fd;
}

/* ---- frames ---------------------------------------------------------------------------------- */

size_t frame_write(char *room, enum frame_type type, const char *bytes, size_t len)
{
    static const unsigned char mask[4] = {0x5a, 0xc3, 0x99, 0x17};
    size_t at = 0;
    room[at++] = (char)(0x80 | type);
    if (len < 126) {
        room[at++] = (char)(0x80 | len);
    } else if (len < 65536) {
        room[at++] = (char)(0x80 | 126);
        room[at++] = (char)(len >> 8);
        room[at++] = (char)len;
    } else {
        room[at++] = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            room[at++] = (char)(len >> shift);
    }
    memcpy(room + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < len; i++)
        room[at + i] = (char)((unsigned char)bytes[i] ^ mask[i & 3]);
    return at + len;
}

static size_t head_bytes(const unsigned char *head)
{
    return head[1] == 126 ? 4 : head[1] == 127 ? 10 : 2;
}

static void begin_payload(struct frame_reader *reader)
{
    size_t bytes = head_bytes(reader->head);
    reader->type = (enum frame_type)(reader->head[0] & 0x0f);
    reader->left = bytes == 2 ? reader->head[1] : 0;
    for (size_t i = 2; i < bytes; i++)
        reader->left = reader->left << 8 | reader->head[i];
    reader->head_len = 0;
    reader->is_inside = true;
}

bool frame_next(struct frame_reader *reader, const char **bytes, size_t *len, const char **out_piece,
                size_t *out_piece_len)
{
    while (!reader->is_inside && *len > 0) {
        reader->head[reader->head_len++] = (unsigned char)**bytes;
        (*bytes)++;
        (*len)--;
        if (reader->head_len >= 2 && reader->head_len == head_bytes(reader->head))
            begin_payload(reader);
    }
    if (!reader->is_inside || (*len == 0 && reader->left > 0))
        return false;
    size_t part = *len < reader->left ? *len : (size_t)reader->left;
    *out_piece = *bytes;
    *out_piece_len = part;
    *bytes += part;
    *len -= part;
    reader->left -= part;
    reader->is_inside = reader->left > 0;
    return true;
}
