/* http/adopted.c: connections that were made elsewhere and are served by a listener: a worker's reverse ones.
 *
 * To the listener they are connections like any other. What differs is how they live: nobody closes them for being
 * idle, so pings find out whether the peer is still there, and keep awake what stands between.
 */
#include "http/server_parts.h"

#include "base/mem.h"

static void on_ping_due(struct deadline *deadline)
{
    struct adopted *adopted = LIST_OWNER(deadline, struct adopted, ping);
    struct server_conn *sc = adopted->sc;
    /* During a request a peer that does not read need not answer pings. */
    if (pulse_is_gone(&adopted->pulse, &sc->conn, sc->phase == PHASE_IDLE)) {
        server_conn_lose(sc, true);
        return;
    }
    if (conn_pending(&sc->conn) == 0)
        pulse_ping(&adopted->pulse, &sc->conn);
    deadline_set(&adopted->ping, after_ms(sc, sc->listener->options.ping_ms));
}

static void tell_idle(struct loop_message *message)
{
    struct adopted *adopted = LIST_OWNER(message, struct adopted, idle_later);
    adopted->is_idle_queued = false;
    if (adopted->sc->phase == PHASE_IDLE && adopted->ops->on_idle)
        adopted->ops->on_idle(adopted->owner);
}

void adopted_tell_idle(struct adopted *adopted)
{
    if (adopted->is_idle_queued)
        return;
    adopted->is_idle_queued = true;
    loop_defer(adopted->sc->conn.loop, &adopted->idle_later);
}

void adopted_free(struct adopted *adopted)
{
    if (!adopted)
        return;
    deadline_release(&adopted->ping);
    if (adopted->ops->on_closed)
        adopted->ops->on_closed(adopted->owner);
    mem_free(adopted);
}

/* Not connected yet; NULL without memory. */
static struct adopted *new_adopted(struct http_listener *listener, const struct adopted_ops *ops,
                                   void *owner)
{
    struct adopted *adopted = mem_zalloc(1, sizeof *adopted);
    struct server_conn *sc = adopted ? server_conn_new(listener) : NULL;
    if (!sc) {
        mem_free(adopted);
        return NULL;
    }
    *adopted = (struct adopted){.sc = sc, .ops = ops, .owner = owner, .idle_later.run = tell_idle};
    return adopted;
}

enum err http_listener_adopt(struct http_listener *listener, struct detached *detached,
                             const struct adopted_ops *ops, void *owner,
                             struct adopted **out_adopted)
{
    if (listener->is_draining) {
        detached_free(detached);
        return ERR_UNAVAILABLE;
    }
    struct adopted *adopted = new_adopted(listener, ops, owner);
    if (!adopted) {
        detached_free(detached);
        return ERR_NO_MEMORY;
    }
    if (!server_conn_adopt(adopted->sc, detached)) {
        mem_free(adopted);
        return ERR_NO_MEMORY;
    }
    atomic_fetch_add(&server_connections, 1);
    adopted->sc->adopted = adopted;
    deadline_init(&adopted->ping, listener->loop, on_ping_due);
    deadline_set(&adopted->ping, after_ms(adopted->sc, listener->options.ping_ms));
    *out_adopted = adopted;
    return OK;
}

void adopted_send_text(struct adopted *adopted, struct str text)
{
    struct server_conn *sc = adopted->sc;
    if (sc->phase == PHASE_CLOSED || conn_write_text(&sc->conn, text) == OK)
        return;
    deadline_set(&sc->deadline, loop_now_ns(sc->conn.loop)); /* given up there, not from inside */
}

void adopted_close(struct adopted *adopted)
{
    server_conn_lose(adopted->sc, false);
}

void *exchange_adopted_owner(const struct exchange *exchange)
{
    const struct server_conn *sc = exchange_conn((struct exchange *)(uintptr_t)exchange);
    return sc->adopted ? sc->adopted->owner : NULL;
}
