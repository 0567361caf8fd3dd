/* http/listener.c: binds, accepts what there is room for, and lets go of what it accepted. */
#include "http/server_parts.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS  100

_Atomic int64_t server_connections;

/* ---- accepting ---------------------------------------------------------------------------------- */

static bool is_own_user(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

/* A plain 503 on a connection we have no room for. */
static void refuse(struct http_listener *listener, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n"
                               "retry-after: 1\r\nconnection: close\r\n\r\n";
    char request[4096];
    count_up(&listener->counters.refused, 1);
    if (!listener->options.tls) {
        ssize_t n = send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
        n = recv(fd, request, sizeof request,
                 MSG_DONTWAIT); /* unread bytes would turn the end into a reset */
        (void)n;
    }
    close(fd);
}

static void welcome(struct http_listener *listener, int fd)
{
    if (listener->is_control && !is_own_user(fd)) {
        close(fd);
        return;
    }
    if (atomic_fetch_add(&server_connections, 1) >= listener->options.connections_max &&
        !listener->is_control) {
        atomic_fetch_sub(&server_connections, 1);
        refuse(listener, fd);
        return;
    }
    struct server_conn *sc = server_conn_new(listener);
    if (!sc) {
        atomic_fetch_sub(&server_connections, 1);
        refuse(listener, fd);
        return;
    }
    if (!server_conn_open(sc, fd))
        atomic_fetch_sub(&server_connections, 1);
}

/* No descriptor left: give up the spare one to take a connection and turn it away; then rest. */
static void out_of_descriptors(struct http_listener *listener)
{
    close(listener->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse(listener, fd);
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    event_del(&listener->accept_event);
    deadline_set(&listener->accept_pause,
                 loop_now_ns(listener->loop) + ACCEPT_PAUSE_MS * NS_PER_MS);
}

static void on_acceptable(evutil_socket_t listen_fd, short what, void *arg)
{
    (void)what;
    struct http_listener *listener = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(listener, fd);
            continue;
        }
        int why = errno;
        if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM)
            out_of_descriptors(listener);
        if (why != EINTR && why != ECONNABORTED)
            return;
    }
}

static void on_accept_pause_over(struct deadline *deadline)
{
    struct http_listener *listener = LIST_OWNER(deadline, struct http_listener, accept_pause);
    if (!listener->is_draining)
        event_add(&listener->accept_event, NULL);
}

static void on_starved_tick(struct deadline *deadline)
{
    struct http_listener *listener = LIST_OWNER(deadline, struct http_listener, starved_tick);
    while (!list_is_empty(&listener->starved)) {
        if (body_budget_is_spent()) {
            deadline_set(deadline, loop_now_ns(listener->loop) + STARVED_RETRY_MS * NS_PER_MS);
            return;
        }
        struct server_conn *sc = LIST_OWNER(listener->starved.next, struct server_conn, starved);
        list_unlink(&sc->starved);
        sc->is_starved = false;
        sc->body_from_ns += loop_now_ns(listener->loop) - sc->starved_from_ns;
        conn_resume(&sc->conn);
        server_conn_feed_later(sc);
    }
}

/* ---- listeners ---------------------------------------------------------------------------------- */

static enum err resolve_listen(const char *host, int port, struct addrinfo **out_list,
                               struct error *error)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int why = getaddrinfo(host && *host ? host : NULL, service, &hints, out_list);
    if (why != 0)
        return error_set(error, ERR_MALFORMED, "cannot listen on '%s': %s", host,
                         gai_strerror(why));
    return OK;
}

static enum err bind_tcp(const char *host, int port, bool share_port, int *out_fd,
                         struct error *error)
{
    struct addrinfo *list;
    enum err err = resolve_listen(host, port, &list, error);
    if (err != OK)
        return err;
    int one = 1;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why = fd < 0 ? errno : 0;
    if (!why) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        conn_set_options(fd); /* inherited by what is accepted */
        if (share_port)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 4096) != 0)
            why = errno;
    }
    freeaddrinfo(list);
    if (why) {
        if (fd >= 0)
            close(fd);
        return error_set(error, why == EADDRINUSE ? ERR_BUSY : ERR_IO,
                         "cannot listen on %s port %d: %s", host, port, ERRNO_TEXT(why));
    }
    *out_fd = fd;
    return OK;
}

static enum err bind_unix(const char *path, int *out_fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, ERR_TOO_LARGE,
                         "the path of the control socket is longer than %zu bytes: '%s'",
                         sizeof address.sun_path - 1, path);
    str_copy(str_of(path), address.sun_path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot make the control socket: %s", ERRNO_TEXT(errno));
    unlink(path);
    mode_t old = umask(0177);
    int why = bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0
                  ? errno
                  : 0;
    umask(old);
    if (why) {
        close(fd);
        return error_set(error, ERR_IO, "cannot listen on '%s': %s", path, ERRNO_TEXT(why));
    }
    *out_fd = fd;
    return OK;
}

static enum err bind_as_asked(const struct http_listener_options *options, int *out_fd,
                              struct error *error)
{
    if (options->is_private)
        return OK;
    if (options->has_fd) {
        *out_fd = options->fd;
        return OK;
    }
    if (options->unix_path)
        return bind_unix(options->unix_path, out_fd, error);
    return bind_tcp(options->host, options->port, options->share_port, out_fd, error);
}

enum err http_port_probe(const char *host, int port, struct error *error)
{
    int fd = -1;
    enum err err = bind_tcp(host, port, false, &fd, error);
    if (err == OK)
        close(fd);
    return err;
}

static int port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return 0;
}

/* Two descriptors a proxied stream, and some for files: RELIABILITY.md F64. */
static int connections_from_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t usable =
        limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    int room = (int)((double)(usable > 64 ? usable - 64 : 1) / 2.2);
    return room > 8 ? room : 8;
}

static void fill_defaults(struct http_listener_options *options)
{
    options->head_ms = options->head_ms ? options->head_ms : 10000;
    options->body_ms = options->body_ms ? options->body_ms : 30000;
    options->idle_ms = options->idle_ms ? options->idle_ms : 60000;
    options->write_ms = options->write_ms ? options->write_ms : 60000;
    options->ping_ms = options->ping_ms ? options->ping_ms : 20000;
    options->connections_max =
        options->connections_max ? options->connections_max : connections_from_limit();
}

MUST_USE static bool start_accepting(struct http_listener *listener)
{
    event_assign(&listener->accept_event, loop_base(listener->loop), listener->fd,
                 EV_READ | EV_PERSIST, on_acceptable, listener);
    return event_add(&listener->accept_event, NULL) == 0;
}

static void stop_accepting(struct http_listener *listener)
{
    if (listener->fd < 0)
        return; /* private */
    event_del(&listener->accept_event);
    close(listener->fd);
    listener->fd = -1;
}

enum err http_listener_new(const struct http_listener_options *options,
                           struct http_listener **out_listener, struct error *error)
{
    int fd = -1;
    enum err err = bind_as_asked(options, &fd, error);
    if (err != OK)
        return err;
    struct http_listener *listener = mem_zalloc(1, sizeof *listener);
    if (!listener) {
        if (fd >= 0)
            close(fd);
        return error_set(error, ERR_NO_MEMORY, "no memory for a listener");
    }
    listener->options = *options;
    fill_defaults(&listener->options);
    listener->loop = options->loop;
    listener->fd = fd;
    listener->port = fd >= 0 ? port_of(fd) : 0;
    listener->spare_fd = fd >= 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    listener->is_control = options->unix_path != NULL;
    if (options->unix_path)
        str_copy(str_of(options->unix_path), listener->unix_path, sizeof listener->unix_path);
    list_init(&listener->conns);
    list_init(&listener->starved);
    deadline_init(&listener->accept_pause, listener->loop, on_accept_pause_over);
    deadline_init(&listener->starved_tick, listener->loop, on_starved_tick);
    if (fd >= 0 && !start_accepting(listener)) {
        http_listener_free(listener);
        return error_set(error, ERR_NO_MEMORY, "no memory for a listener");
    }
    *out_listener = listener;
    return OK;
}

int http_listener_port(const struct http_listener *listener)
{
    return listener->port;
}

int http_listener_connections(const struct http_listener *listener)
{
    return (int)atomic_load_explicit(&listener->counters.open, memory_order_relaxed);
}

void http_listener_figures(const struct http_listener *listener, struct http_figures *out_figures)
{
    *out_figures = (struct http_figures){.accepted = listener->counters.accepted,
                                         .refused = listener->counters.refused,
                                         .requests = listener->counters.requests,
                                         .bad_requests = listener->counters.bad_requests,
                                         .open = listener->counters.open};
}

void http_listener_set_tls(struct http_listener *listener, SSL_CTX *tls)
{
    listener->options.tls = tls;
}

int http_listener_fd(const struct http_listener *listener)
{
    return listener->fd;
}

void http_listener_leave(struct http_listener *listener)
{
    if (listener->is_draining)
        return;
    listener->is_draining = listener->has_left = true;
    stop_accepting(listener);
}

void http_listener_drain(struct http_listener *listener)
{
    if (listener->is_draining)
        return;
    listener->is_draining = true;
    stop_accepting(listener);
    LIST_EACH_SAFE(node, &listener->conns)
    {
        struct server_conn *sc = LIST_OWNER(node, struct server_conn, node);
        if (sc->phase != PHASE_IDLE && sc->phase != PHASE_HEAD)
            continue;
        if (conn_pending(&sc->conn) > 0)
            server_conn_linger(sc); /* the end of an answer is still on its way */
        else
            server_conn_close(sc, false);
    }
}

void http_listener_free(struct http_listener *listener)
{
    if (!listener)
        return;
    http_listener_drain(listener);
    while (!list_is_empty(&listener->conns))
        server_conn_lose(LIST_OWNER(listener->conns.next, struct server_conn, node), true);
    deadline_release(&listener->accept_pause);
    deadline_release(&listener->starved_tick);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    if (listener->is_control && !listener->has_left)
        unlink(listener->unix_path);
    mem_free(listener);
}
