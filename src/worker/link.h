/* worker/link.h: the control connection: a WebSocket on which a worker and its server exchange lines of JSON.
 *
 * The worker says how it is (heartbeat), the server that it heard, that this registration is no more (`stale`) or that
 * it wants nothing more of this connection (`bye`). While it is up the server gives jobs; whether it comes back is the
 * worker's to decide (worker.c).
 *
 * Thread:  the loop's.
 */
#pragma once
#include "http/upgrade.h"
#include "json/json.h"

#define LINK_PING_MS 20000

enum link_end {
    LINK_LOST,    /* cut, silent, or never came up: dial again */
    LINK_STALE,   /* this worker_id and epoch are no more: register again */
    LINK_REFUSED, /* the key is not accepted */
    LINK_BYE      /* the server ended it on purpose */
};

struct link_ops {
    void (*on_up)(void *owner);
    void (*on_interval)(void *owner, int64_t heartbeat_ms); /* the server wants another one */
    /** The end of a dial or of a connection. link_dial may be called from inside. */
    void (*on_down)(void *owner, enum link_end end, const char *why);
};

struct link_options {
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader; /* used while a line is looked at */
    const struct target *server;
    struct str key; /* borrowed for the link's life */
    const struct link_ops *ops;
    void *owner;
};

struct link;
MUST_USE struct link *link_new(const struct link_options *options); /* NULL without memory */
void link_free(struct link *link);                                  /* NULL is fine */
/** Where this worker is known by `worker_id` and `epoch`. Not while it is up or being dialled (asserted). */
MUST_USE enum err link_dial(struct link *link, const char *worker_id, int64_t epoch);
bool link_is_up(const struct link *link);
void link_send(struct link *link, struct str json); /* nothing while it is down */
/** Hangs up or stops dialling; no callback follows. */
void link_close(struct link *link, const char *reason);
