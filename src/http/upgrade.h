/* http/upgrade.h: WebSocket connections: how one begins (either side), and what travels over it.
 *
 * Both sides end up with a `struct detached`: a connection that belongs to no loop. It may go from thread to
 * thread, by way of whoever holds it, and is then put to one of three uses, each of which takes it:
 *
 *     ws_link_new           text messages, on a loop (control connections; a reverse one that is parked)
 *     call_options.over     HTTP in which we are the client (http/client.h; the server's side)
 *     http_listener_adopt   HTTP in which we are the server (http/server.h; the worker's side)
 *
 * Links and calls give it back, so that a parked connection becomes a job's and is parked again.
 *
 * Thread: a link and a dial belong to their loop. A detached connection belongs to one thread at a time; what
 *         hands it over (a lock, a loop message) orders the two.
 */
#pragma once
#include "http/client.h"
#include "http/exchange.h"
#include "net/loop.h"
#include "net/websocket.h" /* WS_TEXT_MAX */

/** With the codec's state, the TLS object, bytes read and not yet looked at, bytes not yet sent. */
struct detached;
/** Is this text, and nothing else, what has come and was not told yet? Then it counts as told. */
bool detached_skip_text(struct detached *detached, struct str text);
/** Has nothing come, or closed, that was not read or not told? One look at the socket. */
bool detached_is_quiet(const struct detached *detached);
/** Says goodbye (1001), if that is possible at once, and closes. NULL is fine. */
void detached_free(struct detached *detached);

/** Server side: answers 101 with `subprotocol` (one of those the caller offers; empty: none is spoken) and takes
 *  the connection out of HTTP. Either way the exchange has ended and its pointer is dead. Errors: ERR_MALFORMED:
 *  it was no proper upgrade, and was answered 400, 403 (a browser's, by its Origin) or 426 in the path's error
 *  shape; ERR_NO_MEMORY, ERR_IO: the connection is gone. */
MUST_USE enum err exchange_upgrade(struct exchange *exchange, struct str subprotocol,
                                   struct detached **out_detached);

/* ---- text messages over one ------------------------------------------------------------------ */

struct ws_link;
struct ws_link_ops {
    /** One whole message, valid UTF-8, borrowed. The link may be closed or detached inside. */
    void (*on_text)(void *owner, struct str text);
    /** The peer closed it, broke a rule (of WebSockets; or bytes came), fell silent or took no more. The link is gone. */
    void (*on_closed)(void *owner, bool has_broken_rule, const char *why);
};
/** Takes `detached`, also on failure (ERR_NO_MEMORY). `text_max` bounds a message, 1 to WS_TEXT_MAX. A ping
 *  goes out every `ping_ms` (0: never), and a peer that three of them in a row bring nothing from is dead. Never calls back
 *  from inside. */
MUST_USE enum err ws_link_new(struct loop *loop, struct detached *detached, size_t text_max,
                              int64_t ping_ms, const struct ws_link_ops *ops, void *owner,
                              struct ws_link **out_link);
/** Queued when the socket takes no more; past 256 KiB the link closes, and on_closed comes later. */
void ws_link_send(struct ws_link *link, struct str text);
/** Off the loop again; the link is gone. NULL when nothing is left to give: closed, on_closed follows no more. */
MUST_USE struct detached *ws_link_detach(struct ws_link *link);
/** Closes with `code` (1000 to 4999) and a reason of at most 120 bytes; the link is gone, no callback follows. */
void ws_link_close(struct ws_link *link, int code, const char *reason);

/* ---- dialling (workers) ---------------------------------------------------------------------- */

struct ws_dial;
struct ws_dial_options {
    const struct target *target; /* copied as far as needed */
    const char *path;            /* with query; behind target->path */
    struct str bearer;           /* empty: none */
    const char *subprotocol;
    int64_t timeout_ms; /* for name, connection and TLS, and again for the answer; 0: 10 s */
};
struct ws_dial_ops {
    void (*on_open)(void *owner, struct detached *detached); /* yours */
    /** `http_status` when there was an answer (401, 409, 503, ...), else 0. */
    void (*on_failed)(void *owner, int http_status, const char *sentence);
};
/** Exactly one of the two follows, never from inside. NULL only without memory. */
MUST_USE struct ws_dial *ws_dial_start(struct client_pool *pool,
                                       const struct ws_dial_options *options,
                                       const struct ws_dial_ops *ops, void *owner);
/** Ends it silently. Not from inside its callbacks: it is gone by then. */
void ws_dial_cancel(struct ws_dial *dial);
