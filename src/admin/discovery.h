/* admin/discovery.h: one look at a provider's model list, as a call on the prober's loop.
 *
 * Thread:  the prober's loop, from discovery_start to `on_done`.
 */
#pragma once
#include "admin/prober.h"
#include "http/client.h"

struct discovery_call {
    /* in */
    enum provider_kind kind;
    struct target target;
    struct buf head;        /* the request's head: holds the key, wiped at the end */
    size_t key_at, key_len; /* where in it */
    int64_t deadline_ms;
    void (*on_done)(struct discovery_call *at); /* the last thing that happens */
    /* out */
    struct discovery result;
    /* under way */
    struct call *call;
    struct deadline deadline;
    struct json_reader *reader; /* the loop's */
    struct buf body;
    int status;
    int64_t started_ms;
    struct answer_headers headers;
    struct arena header_bytes; /* what `headers` points to */
};

/** Parses the URL and builds the head. ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err discovery_prepare(struct discovery_call *at, enum provider_kind kind,
                                    const char *base_url, struct str key, const char *version,
                                    struct error *error);
/** Starts; never calls back from inside. */
void discovery_start(struct discovery_call *at, struct loop *loop, struct client_pool *pool,
                     struct json_reader *reader);
/** Ends it with a network verdict (stopping); on_done follows from inside. */
void discovery_cut(struct discovery_call *at);
/** Frees all but the result. */
void discovery_call_release(struct discovery_call *at);
