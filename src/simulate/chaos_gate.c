/* simulate/chaos_gate.c: one listening socket and what becomes of it. */
#include "simulate/chaos_gate.h"

#include "sys/fd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG   4096
#define BATCH_MAX 64
#define PAUSE_NS  INT64_C(50000000)

enum err chaos_address_of(const char *host, int port, struct sockaddr_storage *out_address,
                          socklen_t *out_len, struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int why = getaddrinfo(host, service, &hints, &found);
    if (why != 0 || !found)
        return error_set(error, ERR_MALFORMED, "cannot find '%s': %s", host, gai_strerror(why));
    memcpy(out_address, found->ai_addr, found->ai_addrlen);
    *out_len = found->ai_addrlen;
    freeaddrinfo(found);
    return OK;
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct chaos_gate *gate = arg;
    for (int i = 0; i < BATCH_MAX && gate->state == CHAOS_GATE_OPEN; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            gate->on_accepted(gate->owner, accepted);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN) { /* no descriptors: asking again at once would be a busy loop */
            event_del(&gate->event);
            deadline_set(&gate->pause, loop_now_ns(gate->loop) + PAUSE_NS);
        }
        return;
    }
}

static void on_pause_over(struct deadline *deadline)
{
    struct chaos_gate *gate = LIST_OWNER(deadline, struct chaos_gate, pause);
    if (gate->state == CHAOS_GATE_OPEN)
        event_add(&gate->event, NULL);
}

/* ---- states ---------------------------------------------------------------------------------- */

static enum err listen_again(struct chaos_gate *gate, struct error *error)
{
    AUTO_CLOSE int fd =
        socket(gate->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    socklen_t len = sizeof gate->address;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&gate->address, gate->address_len) != 0 ||
        listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&gate->address, &len) != 0)
        return error_set(error, ERR_IO, "cannot listen: %s", ERRNO_TEXT(errno));
    gate->fd = fd_take(&fd);
    event_assign(&gate->event, loop_base(gate->loop), gate->fd, EV_READ | EV_PERSIST, on_acceptable,
                 gate);
    return OK;
}

static void drop_fillers(struct chaos_gate *gate)
{
    for (int i = 0; i < CHAOS_GATE_FILLERS; i++)
        fd_close(&gate->fillers[i]);
}

static void fill_backlog(struct chaos_gate *gate)
{
    for (int i = 0; i < CHAOS_GATE_FILLERS; i++) {
        int fd = socket(gate->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        gate->fillers[i] = fd;
        if (fd >= 0) { /* nonblocking: those that find no room go on trying, which is fine */
            int ignored = connect(fd, (struct sockaddr *)&gate->address, gate->address_len);
            (void)ignored;
        }
    }
}

static void shut(struct chaos_gate *gate)
{
    if (gate->fd < 0)
        return;
    event_del(&gate->event);
    fd_close(&gate->fd); /* who waits in the backlog is reset */
    drop_fillers(gate);
    gate->state = CHAOS_GATE_SHUT;
}

enum err chaos_gate_become(struct chaos_gate *gate, enum chaos_gate_state state,
                           struct error *error)
{
    if (state == gate->state)
        return OK;
    shut(gate); /* always by way of shut: no filler is ever accepted */
    if (state == CHAOS_GATE_SHUT)
        return OK;
    enum err err = listen_again(gate, error);
    if (err != OK)
        return err;
    gate->state = state;
    if (state == CHAOS_GATE_OPEN) {
        event_add(&gate->event, NULL);
        return OK;
    }
    if (listen(gate->fd, 0) != 0)
        return error_set(error, ERR_IO, "cannot be deaf: %s", ERRNO_TEXT(errno));
    fill_backlog(gate);
    return OK;
}

enum err chaos_gate_open(struct chaos_gate *gate, struct loop *loop, const char *host, int port,
                         void (*on_accepted)(void *owner, int fd), void *owner, struct error *error)
{
    *gate = (struct chaos_gate){.loop = loop, .fd = -1, .on_accepted = on_accepted, .owner = owner};
    for (int i = 0; i < CHAOS_GATE_FILLERS; i++)
        gate->fillers[i] = -1;
    deadline_init(&gate->pause, loop, on_pause_over);
    enum err err = chaos_address_of(host, port, &gate->address, &gate->address_len, error);
    return err == OK ? chaos_gate_become(gate, CHAOS_GATE_OPEN, error) : err;
}

int chaos_gate_port(const struct chaos_gate *gate)
{
    const struct sockaddr_in *v4 = (const void *)&gate->address;
    const struct sockaddr_in6 *v6 = (const void *)&gate->address;
    return ntohs(gate->address.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
}

void chaos_gate_close(struct chaos_gate *gate)
{
    if (!gate->loop)
        return;
    shut(gate);
    deadline_release(&gate->pause);
}
