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

static enum err say_101(struct server_conn *sc, struct str key, struct str subprotocol)
{
    char accept[WS_ACCEPT_BYTES];
    AUTO_BUF struct buf head;
    UNSET char room[512];
    buf_init_in(&head, HTTP_RESPONSE_HEAD_MAX, room, sizeof room);
    handshake_accept(key, accept);
    buf_append_lit(&head, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                          "connection: Upgrade\r\nsec-websocket-accept: ");
    buf_puts(&head, accept);
    if (subprotocol.len) {
        buf_append_lit(&head, "\r\nsec-websocket-protocol: ");
        buf_append_str(&head, subprotocol);
    }
    buf_append_lit(&head, "\r\n\r\n");
    if (head.failed)
        return ERR_NO_MEMORY;
    struct iovec piece = {head.data, head.len};
    return conn_write(&sc->conn, &piece, 1) == OK ? OK : ERR_IO;
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
    struct str key = http_header_find(&exchange->head, STR("sec-websocket-key"), NULL);
    enum err err = say_101(sc, key, subprotocol);
    if (err == OK)
        err = conn_upgrade(&sc->conn, WS_SERVER, STR(""));
    if (err == OK)
        *out_detached = conn_detach(&sc->conn);
    server_conn_close(sc, false);
    return err;
}
