/* http/upgrade.c: a request becomes a WebSocket, on the server's side. */
#include "http/upgrade.h"

#include "http/handshake.h"
#include "http/server_parts.h"

#include "base/mem.h"

/* In the path's error shape, and with what a client needs to do better (RFC 9110 section 15.5.22). */
static enum err refuse(struct exchange *exchange, struct refusal refusal)
{
    exchange_attach(exchange, NULL, NULL); /* who asked for the upgrade learns it from the result */
    exchange_answer_error_with(exchange_conn(exchange), refusal.status,
                               refusal.status == 426
                                   ? STR("upgrade: websocket\r\nsec-websocket-version: 13\r\n")
                                   : STR(""),
                               refusal.sentence);
    return ERR_MALFORMED;
}

static void write_101(struct buf *head, struct str key, struct str subprotocol)
{
    char accept[WS_ACCEPT_BYTES];
    handshake_accept(key, accept);
    buf_append_lit(head, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                         "connection: Upgrade\r\nsec-websocket-accept: ");
    buf_puts(head, accept);
    if (subprotocol.len) {
        buf_append_lit(head, "\r\nsec-websocket-protocol: ");
        buf_append_str(head, subprotocol);
    }
    buf_append_lit(head, "\r\n\r\n");
}

static enum err switch_protocols(struct server_conn *sc, struct str subprotocol,
                                 struct detached **out_detached)
{
    struct str key = http_header_find(&sc->exchange.head, STR("sec-websocket-key"), NULL);
    AUTO_BUF struct buf head;
    UNSET char room[512];
    buf_init_in(&head, HTTP_RESPONSE_HEAD_MAX, room, sizeof room);
    write_101(&head, key, subprotocol);
    enum err err =
        head.failed ? ERR_NO_MEMORY : conn_upgrade(&sc->conn, WS_SERVER, buf_str(&head), STR(""));
    if (err == OK)
        *out_detached = conn_detach(&sc->conn);
    server_conn_close(sc, false);
    return err;
}

enum err exchange_upgrade(struct exchange *exchange, struct str subprotocol,
                          struct detached **out_detached)
{
    struct server_conn *sc = exchange_conn(exchange);
    if (sc->phase == PHASE_CLOSED)
        return ERR_IO;
    struct refusal refusal = handshake_judge(&exchange->head, subprotocol);
    if (!refusal.status && sc->phase != PHASE_ANSWERING)
        refusal = (struct refusal){400, "A request for a WebSocket has no body."};
    if (!refusal.status && (sc->has_bytes_behind || sc->stash.len > 0 || sc->adopted))
        refusal = (struct refusal){400, "A client waits for the answer before it sends frames."};
    if (refusal.status)
        return refuse(exchange, refusal);
    return switch_protocols(sc, subprotocol, out_detached);
}
