/* tests/unit/http/loopback.h: a stage for stories over real sockets, in one thread.
 *
 * The loop runs in short turns; between them the test looks at what came and acts. WAIT is the only
 * waiting there is: for a condition, with an end. `peer` is a raw socket that speaks whatever bytes the
 * story needs, as a client or, accepted by `upstream`, as a server.
 */
#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/server.h"
#include "net/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

#define TURN_NS  INT64_C(2000000)
#define PATIENCE 5000 /* turns: ten seconds, and more under a sanitizer */
#define GOT_MAX  (64u << 20)

#define WAIT(name, condition)                                         \
    do {                                                              \
        bool came_ = (condition);                                     \
        for (int turns_ = 0; turns_ < PATIENCE && !came_; turns_++) { \
            turn();                                                   \
            came_ = (condition);                                      \
        }                                                             \
        if (!came_)                                                   \
            print_error("  waited in vain for: %s\n", #condition);    \
        CHECK(name, came_);                                           \
    } while (0)

struct peer {
    int fd;
    struct buf got;
    bool is_open, is_eof, is_reset, is_stalled;
};

#define PEERS_MAX 128
static struct {
    struct loop *loop;
    struct deadline tick;
    struct peer peers[PEERS_MAX];
    int peer_count;
} stage;

static inline void on_tick(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(stage.loop);
}

static inline void stage_open(void)
{
    struct error error;
    signal(SIGPIPE, SIG_IGN);
    CHECK("a loop", loop_new(0, &stage.loop, &error) == OK);
    deadline_init(&stage.tick, stage.loop, on_tick);
    stage.peer_count = 0;
}

static inline void stage_close(void)
{
    for (int i = 0; i < stage.peer_count; i++) {
        buf_release(&stage.peers[i].got);
        if (stage.peers[i].is_open)
            close(stage.peers[i].fd);
    }
    deadline_release(&stage.tick);
    loop_free(stage.loop);
}

static inline void peer_read(struct peer *peer)
{
    static char room[65536];
    while (peer->is_open && !peer->is_stalled && !peer->is_eof && !peer->is_reset) {
        ssize_t n = recv(peer->fd, room, sizeof room, MSG_DONTWAIT);
        if (n > 0)
            buf_append(&peer->got, room, (size_t)n);
        else if (n == 0)
            peer->is_eof = true;
        else if (errno == EAGAIN)
            return;
        else
            peer->is_reset = true;
    }
}

static inline void turn(void)
{
    deadline_set(&stage.tick, loop_refresh_now(stage.loop) + TURN_NS);
    loop_run(stage.loop);
    for (int i = 0; i < stage.peer_count; i++)
        peer_read(&stage.peers[i]);
}

/* For stories in which nothing may happen. */
static inline void turns(int count)
{
    for (int i = 0; i < count; i++)
        turn();
}

static inline struct peer *peer_of(int fd)
{
    CHECK("few peers", stage.peer_count < PEERS_MAX);
    struct peer *peer = &stage.peers[stage.peer_count++];
    *peer = (struct peer){.fd = fd, .is_open = true};
    buf_init(&peer->got, GOT_MAX);
    return peer;
}

static inline struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* `room_bytes` bounds what the kernel takes for a stalled reader; 0: as usual. */
static inline struct peer *peer_connect_small(int port, int room_bytes)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in at = local(port);
    if (room_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room_bytes, sizeof room_bytes);
    CHECK("connected", connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return peer_of(fd);
}

/* Reads again, and faster than it could through the small window. */
static inline void peer_wake(struct peer *peer)
{
    int room_bytes = 1 << 20;
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &room_bytes, sizeof room_bytes);
    peer->is_stalled = false;
}

static inline struct peer *peer_connect(int port)
{
    return peer_connect_small(port, 0);
}

static inline void peer_send(struct peer *peer, const char *bytes, size_t len)
{
    for (int tries = 0; len > 0 && tries < PATIENCE; tries++) {
        ssize_t n = send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the story looks at what came back */
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else {
            turn();
        }
    }
}

static inline void peer_say(struct peer *peer, const char *text)
{
    peer_send(peer, text, strlen(text));
}

static inline void peer_close(struct peer *peer, bool with_reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (with_reset)
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(peer->fd);
    peer->is_open = false;
}

static inline bool peer_has(const struct peer *peer, const char *text)
{
    return str_find(buf_str(&peer->got), str_of(text), NULL);
}

/* Not by memmem: under TSan each call of it costs as much as all that is left is long. */
static inline int peer_count_of(const struct peer *peer, const char *text)
{
    struct str rest = buf_str(&peer->got), wanted = str_of(text);
    int count = 0;
    while (rest.len) {
        const char *hit = memchr(rest.at, wanted.at[0], rest.len);
        if (!hit)
            break;
        rest = str_from(rest, (size_t)(hit - rest.at));
        bool is_it = str_starts(rest, wanted);
        count += is_it;
        rest = str_from(rest, is_it ? wanted.len : 1);
    }
    return count;
}

static inline void peer_forget(struct peer *peer)
{
    buf_clear(&peer->got);
}

/* ---- a raw server: listens, and hands out what it accepted as peers --------------------------- */

struct upstream {
    int fd, port;
};

static inline void upstream_open(struct upstream *upstream, int room_bytes)
{
    struct sockaddr_in at = local(0);
    socklen_t len = sizeof at;
    upstream->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (room_bytes)
        setsockopt(upstream->fd, SOL_SOCKET, SO_RCVBUF, &room_bytes, sizeof room_bytes);
    CHECK("bound", bind(upstream->fd, (struct sockaddr *)&at, len) == 0);
    CHECK("listens", listen(upstream->fd, 64) == 0);
    CHECK("named", getsockname(upstream->fd, (struct sockaddr *)&at, &len) == 0);
    upstream->port = ntohs(at.sin_port);
}

static inline void upstream_close(struct upstream *upstream)
{
    close(upstream->fd);
}

/* The next connection, or NULL when none came yet. */
static inline struct peer *upstream_accept(struct upstream *upstream)
{
    int fd = accept4(upstream->fd, NULL, NULL, SOCK_CLOEXEC);
    return fd < 0 ? NULL : peer_of(fd);
}
