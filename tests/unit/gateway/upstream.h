/* tests/unit/gateway/upstream.h: a provider that plays raw bytes from a script, one script per request.
 *
 * It is a thread with blocking sockets that knows nothing of HTTP but where a request ends, so that it
 * can lie in every way. What it saw is kept for the test.
 */
#pragma once
#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum act {
    ACT_CLOSE = 0, /* FIN: where a script ends without saying how */
    ACT_SAY,
    ACT_FILL,  /* `amount` times the text, or 'x' */
    ACT_WAIT,  /* milliseconds */
    ACT_STALL, /* silent until the gateway closes */
    ACT_RESET,
    ACT_KEEP /* the answer is complete: the connection waits for another request */
};
struct step {
    enum act act;
    const char *text;
    int64_t amount;
};
// clang-format off
#define SAY(text)       {ACT_SAY, "" text, 0}
#define FILL(count)     {ACT_FILL, "x", count}
#define REPEAT(text, n) {ACT_FILL, "" text, n}
#define WAIT(ms)        {ACT_WAIT, NULL, ms}
#define STALL           {ACT_STALL, NULL, 0}
#define RESET           {ACT_RESET, NULL, 0}
#define KEEP            {ACT_KEEP, NULL, 0}
// clang-format on

#define UPSTREAM_STEPS 16
#define UPSTREAM_PLAYS 4
#define UPSTREAM_CONNS 8
#define UPSTREAM_SEEN  8
#define STALL_MS       5000

struct play {
    struct step steps[UPSTREAM_STEPS];
};

struct upstream {
    int listen_fd, port;
    bool refuses; /* has a port, takes no connection */
    struct play plays[UPSTREAM_PLAYS];
    /* In place of `plays`: what the n-th request gets. On the upstream's thread. */
    struct play (*choose)(struct upstream *up, int number);
    uint32_t seed; /* of `choose` */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    bool is_stopping;
    char *seen[UPSTREAM_SEEN]; /* requests, head and body */
    int seen_count;
    int left_count; /* how often the gateway closed while we played */
    int64_t said_bytes;
};

static inline bool upstream_is_stopping(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    bool is_stopping = up->is_stopping;
    pthread_mutex_unlock(&up->lock);
    return is_stopping;
}

static inline void upstream_note_left(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    up->left_count++;
    pthread_mutex_unlock(&up->lock);
}

/* Waits; true when the gateway closed meanwhile. */
static inline bool upstream_wait(struct upstream *up, int fd, int64_t wait_ms)
{
    for (int64_t waited_ms = 0; waited_ms < wait_ms; waited_ms += 5) {
        struct pollfd watch = {.fd = fd, .events = POLLRDHUP};
        int64_t part_ms = wait_ms - waited_ms < 5 ? wait_ms - waited_ms : 5;
        if (poll(&watch, 1, (int)part_ms) > 0)
            return true;
        if (upstream_is_stopping(up))
            return false;
    }
    return false;
}

static inline bool upstream_send(struct upstream *up, int fd, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
            pthread_mutex_lock(&up->lock);
            up->said_bytes += n;
            pthread_mutex_unlock(&up->lock);
            continue;
        }
        if (n < 0 && errno != EAGAIN)
            return false;
        struct pollfd watch = {.fd = fd, .events = POLLOUT};
        (void)poll(&watch, 1, 20);
        if (upstream_is_stopping(up))
            return false;
    }
    return true;
}

static inline bool upstream_fill(struct upstream *up, int fd, const struct step *step)
{
    char block[65536];
    size_t unit = strlen(step->text), filled = 0;
    assert(unit > 0 && unit <= sizeof block);
    while (filled + unit <= sizeof block) {
        memcpy(block + filled, step->text, unit);
        filled += unit;
    }
    for (int64_t left = step->amount * (int64_t)unit; left > 0;) {
        size_t part = left < (int64_t)filled ? (size_t)left : filled;
        if (!upstream_send(up, fd, block, part))
            return false;
        left -= (int64_t)part;
    }
    return true;
}

/* One step; false when the connection is over. */
static inline bool upstream_step(struct upstream *up, int fd, const struct step *step)
{
    struct linger hard = {.l_onoff = 1};
    bool is_going_on = true;
    switch (step->act) {
    case ACT_SAY: is_going_on = upstream_send(up, fd, step->text, strlen(step->text)); break;
    case ACT_FILL: is_going_on = upstream_fill(up, fd, step); break;
    case ACT_WAIT: is_going_on = !upstream_wait(up, fd, step->amount); break;
    case ACT_STALL: is_going_on = !upstream_wait(up, fd, STALL_MS); break;
    case ACT_RESET: setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); return false;
    case ACT_CLOSE: return false;
    case ACT_KEEP: return true;
    }
    if (!is_going_on)
        upstream_note_left(up);
    return is_going_on;
}

static inline bool upstream_play(struct upstream *up, int fd, const struct play *play)
{
    for (int i = 0; i < UPSTREAM_STEPS; i++) {
        if (!upstream_step(up, fd, &play->steps[i]))
            return false;
        if (play->steps[i].act == ACT_KEEP)
            return true;
    }
    return false;
}

/* A whole request in blocking reads; NULL at the end of the connection. The caller frees. */
static inline char *upstream_read_request(int fd)
{
    size_t room = 1 << 16, len = 0, wanted = 0;
    char *text = malloc(room + 1);
    assert(text);
    while (!wanted || len < wanted) {
        if (len == room) {
            room *= 2;
            text = realloc(text, room + 1);
            assert(text);
        }
        ssize_t n = recv(fd, text + len, room - len, 0);
        if (n <= 0) {
            free(text);
            return NULL;
        }
        len += (size_t)n;
        text[len] = '\0';
        const char *end = wanted ? NULL : strstr(text, "\r\n\r\n");
        const char *length = end ? strcasestr(text, "content-length:") : NULL;
        if (end)
            wanted = (size_t)(end - text) + 4 + (length ? strtoul(length + 15, NULL, 10) : 0);
    }
    return text;
}

/* Takes one request and plays; false when the connection is over. */
static inline bool upstream_serve(struct upstream *up, int fd)
{
    char *request = upstream_read_request(fd);
    if (!request)
        return false;
    pthread_mutex_lock(&up->lock);
    int number = up->seen_count++;
    if (number < UPSTREAM_SEEN)
        up->seen[number] = request;
    else
        free(request);
    pthread_mutex_unlock(&up->lock);
    int last = UPSTREAM_PLAYS - 1;
    struct play play =
        up->choose ? up->choose(up, number) : up->plays[number < last ? number : last];
    return upstream_play(up, fd, &play);
}

static inline void *upstream_main(void *arg)
{
    struct upstream *up = arg;
    struct pollfd watch[UPSTREAM_CONNS + 1] = {{.fd = up->listen_fd, .events = POLLIN}};
    nfds_t count = 1;
    while (!upstream_is_stopping(up)) {
        if (poll(watch, count, 5) <= 0)
            continue;
        for (nfds_t i = count; i-- > 1;) {
            if (!watch[i].revents || upstream_serve(up, watch[i].fd))
                continue;
            close(watch[i].fd);
            watch[i] = watch[--count];
        }
        if ((watch[0].revents & POLLIN) && count <= UPSTREAM_CONNS)
            watch[count++] =
                (struct pollfd){.fd = accept(up->listen_fd, NULL, NULL), .events = POLLIN};
    }
    while (count-- > 1)
        close(watch[count].fd);
    return NULL;
}

/* `up` has its plays. */
static inline void upstream_begin(struct upstream *up)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pthread_mutex_init(&up->lock, NULL);
    up->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = bind(up->listen_fd, (struct sockaddr *)&address, sizeof address);
    failed |= !up->refuses && listen(up->listen_fd, 64);
    failed |= getsockname(up->listen_fd, (struct sockaddr *)&address, &len);
    failed |= !up->refuses && pthread_create(&up->thread, NULL, upstream_main, up);
    if (failed)
        abort();
    up->port = ntohs(address.sin_port);
}

static inline void upstream_end(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    up->is_stopping = true;
    pthread_mutex_unlock(&up->lock);
    if (!up->refuses)
        pthread_join(up->thread, NULL);
    close(up->listen_fd);
    for (int i = 0; i < UPSTREAM_SEEN; i++)
        free(up->seen[i]);
    pthread_mutex_destroy(&up->lock);
}

/* The n-th request as it was seen, "" when there was none. Borrowed; the thread only adds. */
static inline const char *upstream_seen(struct upstream *up, int number)
{
    pthread_mutex_lock(&up->lock);
    const char *text = number < up->seen_count && number < UPSTREAM_SEEN ? up->seen[number] : "";
    pthread_mutex_unlock(&up->lock);
    return text;
}

static inline int upstream_count(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    int count = up->seen_count;
    pthread_mutex_unlock(&up->lock);
    return count;
}

static inline int upstream_left(struct upstream *up)
{
    pthread_mutex_lock(&up->lock);
    int count = up->left_count;
    pthread_mutex_unlock(&up->lock);
    return count;
}
