/* http/client_dial.c: the way to a fresh connection: the name, its addresses one by one, TCP and TLS. */
#include "http/client_parts.h"

#include "base/mem.h"

/* A connection that is to be made for `call`; upstream_dial() follows. NULL without memory. */
struct upstream_conn *upstream_new(struct client_pool *pool, struct origin *origin,
                                   struct call *call)
{
    struct upstream_conn *up = mem_zalloc(1, sizeof *up);
    if (!up)
        return NULL;
    up->dialing = mem_zalloc(1, sizeof *up->dialing);
    if (!up->dialing) {
        mem_free(up);
        return NULL;
    }
    up->pool = pool;
    up->origin = origin;
    up->call = call;
    return up;
}

static void on_fail_later(struct loop_message *message)
{
    struct upstream_conn *up = LIST_OWNER(message, struct upstream_conn, fail_later);
    up->is_fail_queued = false;
    if (up->call)
        upstream_fail(up, up->dialing->late_failure, up->dialing->late_sentence);
}

/* For trouble found inside call_start, which must not call back. */
static void fail_later(struct upstream_conn *up, enum call_failure failure, const char *sentence)
{
    struct dialing *dialing = up->dialing;
    dialing->late_failure = failure;
    str_copy(str_of(sentence), dialing->late_sentence, sizeof dialing->late_sentence);
    up->is_fail_queued = true;
    loop_defer(up->pool->loop, &up->fail_later);
}

bool upstream_has_next_address(const struct upstream_conn *up)
{
    return up->dialing->next_address < up->dialing->resolved.count;
}

/* One address after the other, each with its share of the time that is left, so that one that swallows
 * packets (a broken IPv6 route) does not take the others' chance. */
void upstream_dial_next(struct upstream_conn *up)
{
    struct origin *origin = up->origin;
    struct dialing *dialing = up->dialing;
    struct error error = {0};
    int64_t now_ns = loop_now_ns(up->pool->loop);
    up->phase = UP_CONNECTING;
    up->has_conn = false;
    if (upstream_has_next_address(up))
        deadline_set(&up->deadline, now_ns + (dialing->due_ns - now_ns) /
                                                 (dialing->resolved.count - dialing->next_address));
    while (upstream_has_next_address(up)) {
        const struct address *address = &dialing->resolved.address[dialing->next_address++];
        if (conn_dial(&up->conn, up->pool->loop, (const struct sockaddr *)&address->at,
                      address->len, origin->is_tls ? up->pool->tls : NULL, origin->host,
                      origin->session, &upstream_ops, up, &error) != OK)
            continue;
        up->has_conn = true;
        if (up->conn.tls)
            pool_keep_session(up->conn.tls, up);
        return;
    }
    fail_later(up, error.code == ERR_NO_MEMORY ? CALL_FAILED_NO_MEMORY : CALL_FAILED_CONNECT,
               error.text);
}

static void on_resolved(void *arg, const struct resolved *resolved, const struct error *error)
{
    struct upstream_conn *up = arg;
    up->query = NULL;
    if (!resolved) {
        upstream_fail(up, error->code == ERR_NO_MEMORY ? CALL_FAILED_NO_MEMORY : CALL_FAILED_DNS,
                      error->text);
        return;
    }
    up->dialing->resolved = *resolved;
    upstream_dial_next(up);
}

void upstream_init(struct upstream_conn *up)
{
    up->free_later.run = upstream_free;
    up->fail_later.run = on_fail_later;
    buf_init(&up->head, HTTP_RESPONSE_HEAD_MAX + LOOP_SCRATCH_BYTES);
    deadline_init(&up->deadline, up->pool->loop, upstream_due);
    list_init(&up->node);
    list_push_back(&up->pool->busy, &up->node);
}

/* A fresh connection for up->call: resolve, connect, send. */
void upstream_dial(struct upstream_conn *up)
{
    struct client_pool *pool = up->pool;
    upstream_init(up);
    up->phase = UP_RESOLVING;
    up->dialing->due_ns = from_now(up, up->call->options.connect_ms);
    deadline_set(&up->deadline, up->dialing->due_ns);
    if (resolver_ask(pool->resolver, up->origin->host, up->origin->port, &up->dialing->resolved,
                     on_resolved, up, &up->query))
        upstream_dial_next(up);
    else if (!up->query)
        fail_later(up, CALL_FAILED_NO_MEMORY, "no memory to resolve the name");
}

bool upstream_may_start_over(const struct upstream_conn *dead)
{
    return dead->is_reused && !dead->is_answer_begun && !dead->call->has_retried;
}

/* Gives the call a fresh connection in place of a reused one that turned out to be dead. */
void upstream_start_over(struct upstream_conn *dead)
{
    struct call *call = dead->call;
    struct upstream_conn *fresh = upstream_new(dead->pool, dead->origin, call);
    if (!fresh) {
        upstream_fail(dead, CALL_FAILED_NO_MEMORY, "no memory for another connection");
        return;
    }
    call->has_retried = true;
    call->piece = 0;
    call->piece_at = 0;
    dead->call = NULL;
    upstream_close(dead);
    call->up = fresh;
    upstream_dial(fresh);
}
