/* http/server.h: listeners and their connections.
 * Thread: a listener belongs to one loop; make one per loop with SO_REUSEPORT.
 */
#pragma once
#include "http/exchange.h"
#include <openssl/ssl.h>

struct http_listener;

struct http_listener_options {
    struct loop *loop;
    const char *host;      /* address or name; or NULL with unix_path */
    int port;              /* 0: any, see http_listener_port */
    const char *unix_path; /* control socket: made 0600, an old one is replaced */
    bool is_private;       /* no socket: serves what it is given by http_listener_adopt */
    bool share_port;       /* SO_REUSEPORT */
    bool has_fd; /* `fd` listens already: it is taken over, in the place of host and port */
    int fd;
    SSL_CTX *tls;
    const struct http_service *service;
    int64_t head_ms, body_ms, idle_ms, write_ms; /* 0: defaults 10 s, 30 s + 1 KiB/s, 60 s, 60 s */
    int64_t ping_ms;                             /* of adopted connections; 0: 20 s */
    int connections_max;                         /* 0: from the descriptor limit */
};
MUST_USE enum err http_listener_new(const struct http_listener_options *options,
                                    struct http_listener **out_listener, struct error *error);
int http_listener_port(const struct http_listener *listener);
int http_listener_connections(const struct http_listener *listener);

/** A connection that was made elsewhere and is served here: a worker's reverse connection, on the worker's side. */
struct adopted;
struct adopted_ops {
    /** An answer is out and the connection can take the next request: the time to say so to the peer. */
    void (*on_idle)(void *owner);
    /** The connection is gone: closed by the peer or by us, or cut. Comes once, after on_gone of its exchange. */
    void (*on_closed)(void *owner);
};
/** Serves the requests that come over `detached` (http/upgrade.h; taken, also on failure), one at a time, until
 *  it closes. Pings keep it alive; a peer that leaves three in a row unanswered between requests is dead.
 *  on_idle does not come before the first request. Errors: ERR_NO_MEMORY, ERR_UNAVAILABLE while draining.
 *  Never calls back from inside. */
MUST_USE enum err http_listener_adopt(struct http_listener *listener, struct detached *detached,
                                      const struct adopted_ops *ops, void *owner,
                                      struct adopted **out_adopted);
/** A text message beside HTTP: "ready". Fine at any time before on_closed. */
void adopted_send_text(struct adopted *adopted, struct str text);
/** Which one a request came over, or NULL: `owner` of http_listener_adopt. */
void *exchange_adopted_owner(const struct exchange *exchange);
/** Closes it; a running exchange is told on_gone. on_closed follows, later. */
void adopted_close(struct adopted *adopted);

/** Connections that come from now on take this context; those that are open go on. The caller frees both, the one
 *  before as soon as this has returned. */
void http_listener_set_tls(struct http_listener *listener, SSL_CTX *tls);
/** Stops accepting and closes idle connections; running exchanges go on. */
void http_listener_drain(struct http_listener *listener);
/** Another process has the socket as well, and accepts: stops accepting, and takes one more request on each connection that is
 *  open, whose answer closes it. The path of a control socket is the other's from now on. */
void http_listener_leave(struct http_listener *listener);
int http_listener_fd(const struct http_listener *listener); /* fixed until it drains or leaves */
/** Cuts what is left and frees. */
void http_listener_free(struct http_listener *listener);
/** Binds without SO_REUSEPORT and closes again, so that two servers never share a port unseen. */
MUST_USE enum err http_port_probe(const char *host, int port, struct error *error);
/** Gauges for /metrics. */
struct http_figures {
    int64_t accepted, refused, requests, bad_requests, open;
};
void http_listener_figures(const struct http_listener *listener, struct http_figures *out_figures);
