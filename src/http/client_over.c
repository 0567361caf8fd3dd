/* http/client_over.c: calls over a connection that was not dialled here, and what leaves the pool for good. */
#include "http/client_parts.h"

#include "base/mem.h"
#include "http/upgrade.h"

#define TEXT_MAX \
    65536u /* it waits for the link that comes after the call; in the middle of one it is an error */

struct call *call_start_over_given(struct client_pool *pool, const struct call_options *options)
{
    struct upstream_conn *up = mem_zalloc(1, sizeof *up);
    struct call *call = up ? mem_alloc(sizeof *call) : NULL;
    if (!call) {
        mem_free(up);
        detached_free(options->over);
        return NULL;
    }
    *call = (struct call){.options = *options, .up = up};
    call->options.over = NULL;
    up->pool = pool;
    up->call = call;
    up->is_given = true;
    if (conn_adopt(&up->conn, pool->loop, options->over, TEXT_MAX, &upstream_ops, up) != OK) {
        mem_free(call);
        mem_free(up);
        return NULL;
    }
    up->has_conn = true;
    upstream_init(up);
    upstream_start_request(up);
    return call;
}

struct detached *upstream_detach(struct upstream_conn *up)
{
    if (up->conn.tls)
        pool_keep_session(up->conn.tls, NULL);
    struct detached *detached = conn_detach(&up->conn);
    up->has_conn = false;
    upstream_close(up);
    return detached;
}
