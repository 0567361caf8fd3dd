/* admin/capacity.h: one look at a GPU server that is reached by its URL: is it up, how many slots, how long a context.
 *
 * llama-server tells all three (CLIENTS.md 9): GET /health, /props, /slots beside its /v1. Other servers of the same
 * dialect know none of these paths: that they answer at all says that they are up, and their slots stay unknown.
 *
 * Thread: the prober's loop.
 */
#pragma once
#include "domain/verdict.h"
#include "http/client.h"
#include "json/json.h"

struct capacity {
    bool is_up;
    struct verdict_report report; /* when it is not */
    int64_t slots;                /* 0: not told */
    int64_t busy;                 /* of those, whoever's work it is */
    int64_t context_tokens;       /* of one slot; -1: not told */
};

struct capacity_call {
    void (*on_done)(struct capacity_call *at); /* the last thing that happens */
    struct capacity found;
    /* under way */
    struct target target;
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader;       /* the loop's */
    struct buf key_lines, head, body; /* the first two hold the key: wiped at the end */
    const char *version;
    struct call *call;
    struct deadline deadline;
    int step, status;
};

/** Asks; on_done follows, never from inside. ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err capacity_start(struct capacity_call *at, struct loop *loop,
                                 struct client_pool *pool, struct json_reader *reader,
                                 const char *base_url, struct str key, const char *version,
                                 struct error *error);
/** Ends it; on_done follows from inside, with nothing found (verdict NONE). */
void capacity_cut(struct capacity_call *at);
void capacity_release(struct capacity_call *at);
