/* main/server_leave.c: the end of a server whose sockets and store the next one has. See handover.h.
 *
 * Connections that are open stay, each for one more request, whose answer says that it closes: a client that is about to send
 * on one of them must not find it closed. So nothing is refused here, as it is when a server drains.
 */
#include "main/server_parts.h"

#include "base/log.h"
#include "main/handover.h"
#include "sys/clock.h"

#define WORKERS_MS 2000 /* for what their slots are still asked for on open connections */

bool server_give_sockets(const struct server *server, int conn)
{
    int sockets[HANDOVER_SOCKETS_MAX];
    for (int i = 0; i < server->loop_count; i++)
        sockets[i] = http_listener_fd(server->loops[i].listener);
    return handover_give(conn, sockets, server->loop_count);
}

void server_release_store(struct server *server)
{
    gateway_leave_names(server->gateway,
                        true); /* what is begun from here on the next one cannot know */
    store_release(server->store);
}

enum err server_take_back(struct server *server, struct error *error)
{
    enum err err = store_take_back(server->store, error);
    if (err == OK)
        gateway_leave_names(server->gateway, false);
    return err;
}

static void on_leave(struct loop_message *message)
{
    struct server_loop *at = LIST_OWNER(message, struct server_loop, drain_message);
    http_listener_leave(at->listener);
    if (at->control)
        http_listener_leave(at->control);
}

void server_leave(struct server *server)
{
    server->left_ms = clock_monotonic_ms();
    for (int i = 0; i < server->loop_count; i++) {
        struct server_loop *at = &server->loops[i];
        at->is_drain_posted = true;
        at->drain_message.run = on_leave;
        loop_post(at->loop, &at->drain_message);
    }
}

/* Workers go to the next one as soon as nobody waits for them here; their running jobs end here. */
static void let_workers_go(struct server *server)
{
    int64_t since_ms = clock_monotonic_ms() - server->left_ms;
    bool is_time = since_ms >= WORKERS_MS && gateway_waiting(server->gateway) == 0;
    if (server->are_workers_gone || (!is_time && since_ms < server->settings.grace_ms / 2))
        return;
    server->are_workers_gone = true;
    gateway_let_workers_go(server->gateway);
}

bool server_has_left(struct server *server)
{
    int connections = 0;
    let_workers_go(server);
    for (int i = 0; i < server->loop_count; i++) {
        connections += http_listener_connections(server->loops[i].listener);
        if (server->loops[i].control)
            connections += http_listener_connections(server->loops[i].control);
    }
    return connections == 0 && server_is_idle(server);
}
