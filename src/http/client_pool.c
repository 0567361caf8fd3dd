/* http/client_pool.c: idle connections and TLS sessions of each origin, kept for the next call. */
#include "http/client_parts.h"

#include "base/mem.h"
#include "net/tls.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#define IDLE_MS_DEFAULT 55000 /* below the usual 60 to 75 s of servers */
#define IDLE_MAX_LEAST  64
#define IDLE_MAX_MOST   512
#define ORIGINS_MAX     512

static int origin_of_tls; /* OpenSSL's slot for our upstream_conn on an SSL */

static pthread_once_t origin_of_tls_once = PTHREAD_ONCE_INIT;

static void make_origin_of_tls(void)
{
    origin_of_tls = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

void pool_keep_session(SSL *tls, struct upstream_conn *up)
{
    SSL_set_ex_data(tls, origin_of_tls, up);
}

/* TLS 1.3 tickets come after the handshake: keep the newest for the origin's next connection. */
static int on_session(SSL *tls, SSL_SESSION *session)
{
    struct upstream_conn *up = SSL_get_ex_data(tls, origin_of_tls);
    if (!up)
        return 0;
    SSL_SESSION_free(up->origin->session);
    up->origin->session = session;
    return 1; /* the reference is ours */
}

/* A burst leaves many connections idle, and those that are not kept are dialled again by the next one (bench/NOTES.md).
 * Descriptors are what they cost, so it is a share of those. */
static int idle_max_from_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t share = limit.rlim_cur / 40;
    return share < IDLE_MAX_LEAST  ? IDLE_MAX_LEAST
           : share > IDLE_MAX_MOST ? IDLE_MAX_MOST
                                   : (int)share;
}

enum err client_pool_new(struct loop *loop, const struct client_options *options,
                         struct client_pool **out_pool, struct error *error)
{
    struct client_pool *pool = mem_zalloc(1, sizeof *pool);
    if (!pool)
        return error_set(error, ERR_NO_MEMORY, "no memory for the upstream pool");
    pool->loop = loop;
    pool->options = *options;
    if (pool->options.idle_ms == 0)
        pool->options.idle_ms = IDLE_MS_DEFAULT;
    if (pool->options.idle_max == 0)
        pool->options.idle_max = idle_max_from_limit();
    list_init(&pool->busy);
    enum err err = tls_client_context(options->ca_file, &pool->tls, error);
    if (err == OK)
        err = resolver_new(loop, options->name_servers, &pool->resolver, error);
    if (err != OK) {
        SSL_CTX_free(pool->tls);
        mem_free(pool);
        return err;
    }
    pthread_once(&origin_of_tls_once, make_origin_of_tls);
    SSL_CTX_sess_set_new_cb(pool->tls, on_session);
    *out_pool = pool;
    return OK;
}

struct origin *pool_origin(struct client_pool *pool, const struct target *target)
{
    size_t slot = str_hash(str_of(target->host)) % (sizeof pool->origins / sizeof pool->origins[0]);
    for (struct origin *origin = pool->origins[slot]; origin; origin = origin->next)
        if (origin->port == target->port && origin->is_tls == target->is_tls &&
            strcmp(origin->host, target->host) == 0)
            return origin;
    if (pool->origin_count >= ORIGINS_MAX)
        return NULL;
    struct origin *origin = mem_zalloc(1, sizeof *origin);
    if (!origin)
        return NULL;
    str_copy(str_of(target->host), origin->host, sizeof origin->host);
    origin->port = target->port;
    origin->is_tls = target->is_tls;
    list_init(&origin->idle);
    origin->next = pool->origins[slot];
    pool->origins[slot] = origin;
    pool->origin_count++;
    return origin;
}

/* The idle connection that was used last. One whose socket was just found readable (by this very turn of
 * the loop, which comes to it later) is dead, or holds bytes that nobody asked for: it is dropped, so that
 * they are never taken for the next answer. */
struct upstream_conn *pool_take_idle(struct client_pool *pool, struct origin *origin)
{
    while (!list_is_empty(&origin->idle)) {
        struct upstream_conn *up = LIST_OWNER(origin->idle.next, struct upstream_conn, node);
        if (up->conn.read_event.ev_evcallback.evcb_flags & EVLIST_ACTIVE) {
            upstream_close(up);
            continue;
        }
        list_unlink(&up->node);
        list_push_back(&pool->busy, &up->node);
        origin->idle_count--;
        up->is_reused = true;
        up->head_scanned = 0;
        up->informational = 0;
        return up;
    }
    return NULL;
}

void upstream_free(struct loop_message *message)
{
    struct upstream_conn *up = LIST_OWNER(message, struct upstream_conn, free_later);
    if (up->is_fail_queued) {
        loop_defer(up->pool->loop, &up->free_later);
        return;
    }
    deadline_release(&up->deadline);
    if (up->is_given)
        given_release(up);
    buf_release(&up->head);
    mem_free(up->dialing);
    mem_free(up);
}

void upstream_close(struct upstream_conn *up)
{
    if (up->phase == UP_CLOSED)
        return;
    if (up->phase == UP_IDLE)
        up->origin->idle_count--;
    up->phase = UP_CLOSED;
    list_unlink(&up->node);
    if (up->query)
        resolver_cancel(up->query);
    up->query = NULL;
    if (up->has_conn) {
        if (up->conn.tls)
            pool_keep_session(up->conn.tls, NULL);
        conn_close(&up->conn, false);
    }
    deadline_clear(&up->deadline);
    if (up->is_given)
        given_stop_pings(up);
    loop_defer(up->pool->loop, &up->free_later);
}

void client_pool_clear(struct client_pool *pool)
{
    for (size_t slot = 0; slot < sizeof pool->origins / sizeof pool->origins[0]; slot++)
        for (struct origin *origin = pool->origins[slot]; origin; origin = origin->next)
            while (!list_is_empty(&origin->idle))
                upstream_close(LIST_OWNER(origin->idle.next, struct upstream_conn, node));
}

void client_pool_free(struct client_pool *pool)
{
    if (!pool)
        return;
    client_pool_clear(pool);
    while (!list_is_empty(&pool->busy)) {
        struct upstream_conn *up = LIST_OWNER(pool->busy.next, struct upstream_conn, node);
        mem_free(TAKE(up->call));
        upstream_close(up);
    }
    resolver_free(pool->resolver);
    SSL_CTX_free(pool->tls);
    for (size_t slot = 0; slot < sizeof pool->origins / sizeof pool->origins[0]; slot++)
        while (pool->origins[slot]) {
            struct origin *origin = pool->origins[slot];
            pool->origins[slot] = origin->next;
            SSL_SESSION_free(origin->session);
            mem_free(origin);
        }
    mem_free(pool);
}
