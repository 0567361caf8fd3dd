/* http/client_over.c: calls over a connection that was not dialled here, and what leaves the pool for good. */
#include "http/client_parts.h"

#include "base/mem.h"
#include "http/upgrade.h"

#define TEXT_MAX \
    65536u /* it waits for the link that comes after the call; in the middle of one it is an error */

#define PINGS_MISSED 3

/* What only such a one has: a peer that works for minutes without a word, and may have vanished meanwhile. */
struct given_conn {
    struct upstream_conn up; /* the first member: it is freed by that address */
    struct deadline ping;
    int64_t pinged_ns; /* 0: none is out */
    int missed;        /* pings in a row that nothing was heard after */
};

static struct given_conn *given_of(struct upstream_conn *up)
{
    return LIST_OWNER(up, struct given_conn, up);
}

/* ---- pings ------------------------------------------------------------------------------------- */

static void set_ping(struct given_conn *given)
{
    deadline_set(&given->ping, from_now(&given->up, given->up.call->options.ping_ms));
}

/* Counted, not timed: when this thread stood still, the peer need not have. While nobody reads here, or it has
 * not read all that was sent, its silence says nothing. */
static bool is_silent(struct given_conn *given)
{
    struct upstream_conn *up = &given->up;
    bool may_speak = !up->call->is_paused && conn_pending(&up->conn) == 0;
    bool is_missed = given->pinged_ns && conn_heard_ns(&up->conn) < given->pinged_ns;
    given->missed = is_missed && may_speak ? given->missed + 1 : 0;
    return given->missed >= PINGS_MISSED;
}

static void on_ping_due(struct deadline *deadline)
{
    struct given_conn *given = LIST_OWNER(deadline, struct given_conn, ping);
    struct upstream_conn *up = &given->up;
    if (!up->call)
        return;
    if (is_silent(given)) {
        upstream_fail(up, CALL_FAILED_SILENT, "the worker fell silent while it answered");
        return;
    }
    given->pinged_ns = loop_now_ns(up->pool->loop);
    conn_ping(&up->conn);
    set_ping(given);
}

void given_start_pings(struct upstream_conn *up)
{
    if (up->call->options.ping_ms > 0)
        set_ping(given_of(up));
}

void given_stop_pings(struct upstream_conn *up)
{
    deadline_clear(&given_of(up)->ping);
}

void given_release(struct upstream_conn *up)
{
    deadline_release(&given_of(up)->ping);
}

/* ---- the call ---------------------------------------------------------------------------------- */

struct call *call_start_over_given(struct client_pool *pool, const struct call_options *options)
{
    struct given_conn *given = mem_zalloc(1, sizeof *given);
    struct call *call = given ? mem_alloc(sizeof *call) : NULL;
    if (!call) {
        mem_free(given);
        detached_free(options->over);
        return NULL;
    }
    struct upstream_conn *up = &given->up;
    *call = (struct call){.options = *options, .up = up};
    call->options.over = NULL;
    up->pool = pool;
    up->call = call;
    up->is_given = true;
    if (conn_adopt(&up->conn, pool->loop, options->over, TEXT_MAX, &upstream_ops, up) != OK) {
        mem_free(call);
        mem_free(given);
        return NULL;
    }
    up->has_conn = true;
    upstream_init(up);
    deadline_init(&given->ping, pool->loop, on_ping_due);
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
