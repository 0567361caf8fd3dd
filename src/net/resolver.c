/* net/resolver.c: c-ares driven by the loop. It tells which sockets it waits for; a tick once a tenth of
 * a second while questions are out serves its timeouts.
 */
#include "net/resolver.h"

#include "base/mem.h"
#include "base/str.h"

#include <ares.h>
#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SOCKETS_MAX    16
#define CACHE_MAX      64
#define TTL_MAX_NS     (60 * INT64_C(1000000000))
#define TTL_MIN_NS     (1 * INT64_C(1000000000))
#define STALE_MAX_NS   (60 * INT64_C(1000000000))
#define PATIENCE_NS    (500 * INT64_C(1000000)) /* then the last good addresses do */
#define TICK_NS        (100 * INT64_C(1000000))
#define TRY_TIMEOUT_MS 2000
#define TRIES          2
#define HOST_ROOM      256

struct cached {
    char host[HOST_ROOM];
    struct resolved resolved;
    int64_t fresh_until_ns, used_ns;
};

struct watched {
    struct resolver *resolver;
    ares_socket_t fd;
    struct event event;
    bool is_used;
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct watched sockets[SOCKETS_MAX];
    struct deadline tick;
    struct list asked; /* questions not answered yet, the oldest first */
    struct cached cache[CACHE_MAX];
};

struct resolver_query {
    struct resolver *resolver;
    struct list node;
    int64_t asked_ns;
    char host[HOST_ROOM];
    int port;
    resolver_on_done *on_done; /* NULL: cancelled */
    void *arg;
    struct resolved resolved;
    struct error error;
    bool is_good;
    struct loop_message tell;
};

static void set_port(struct resolved *resolved, int port)
{
    for (int i = 0; i < resolved->count; i++) {
        struct sockaddr_storage *at = &resolved->address[i].at;
        if (at->ss_family == AF_INET)
            ((struct sockaddr_in *)(void *)at)->sin_port = htons((uint16_t)port);
        else
            ((struct sockaddr_in6 *)(void *)at)->sin6_port = htons((uint16_t)port);
    }
}

static bool numeric(const char *host, struct resolved *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&out->address[0].at, &v4, sizeof v4);
        out->address[0].len = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&out->address[0].at, &v6, sizeof v6);
        out->address[0].len = sizeof v6;
    } else {
        return false;
    }
    out->count = 1;
    return true;
}

/* The host's row, or the least recently used one to be overwritten. */
static struct cached *cache_row(struct resolver *resolver, const char *host, bool *out_found)
{
    struct cached *oldest = &resolver->cache[0];
    for (size_t i = 0; i < CACHE_MAX; i++) {
        struct cached *row = &resolver->cache[i];
        if (strcmp(row->host, host) == 0 && row->resolved.count > 0) {
            *out_found = true;
            return row;
        }
        if (row->used_ns < oldest->used_ns)
            oldest = row;
    }
    *out_found = false;
    return oldest;
}

/* What a failed or slow look-up may be answered with; NULL: nothing. */
static const struct resolved *last_good(struct resolver *resolver, const char *host)
{
    bool is_found;
    struct cached *row = cache_row(resolver, host, &is_found);
    int64_t now_ns = loop_now_ns(resolver->loop);
    if (!is_found || now_ns >= row->fresh_until_ns + STALE_MAX_NS)
        return NULL;
    row->used_ns = now_ns;
    return &row->resolved;
}

/* ---- c-ares and the loop --------------------------------------------------------------------- */

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct watched *watched = arg;
    ares_process_fd(watched->resolver->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = arg;
    struct watched *row = NULL;
    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        struct watched *each = &resolver->sockets[i];
        if (each->is_used && each->fd == fd) {
            row = each;
            break;
        }
        if (!each->is_used && !row)
            row = each;
    }
    if (!row)
        return; /* too many: its question will time out */
    if (row->is_used)
        event_del(&row->event);
    row->is_used = readable || writable;
    if (!row->is_used)
        return;
    row->resolver = resolver;
    row->fd = fd;
    short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
    event_assign(&row->event, loop_base(resolver->loop), fd, what, on_socket, row);
    event_add(&row->event, NULL);
}

/* The oldest question whose owner has waited long enough, and what it may have instead of an answer. */
static struct resolver_query *find_late(struct resolver *resolver,
                                        const struct resolved **out_instead)
{
    int64_t now_ns = loop_now_ns(resolver->loop);
    LIST_EACH(node, &resolver->asked)
    {
        struct resolver_query *query = LIST_OWNER(node, struct resolver_query, node);
        if (now_ns - query->asked_ns < PATIENCE_NS)
            break;
        *out_instead = query->on_done ? last_good(resolver, query->host) : NULL;
        if (*out_instead)
            return query;
    }
    return NULL;
}

/* A name server that hangs would use up the time to connect of every call before c-ares gives up. From
 * the start each time: an owner may ask again, or cancel others. */
static void serve_late(struct resolver *resolver)
{
    const struct resolved *instead;
    for (struct resolver_query *query; (query = find_late(resolver, &instead));) {
        resolver_on_done *on_done = query->on_done;
        struct resolved resolved = *instead;
        query->on_done = NULL; /* its answer, when it comes, is for the memory only */
        set_port(&resolved, query->port);
        on_done(query->arg, &resolved, &(struct error){0});
    }
}

static void on_tick(struct deadline *deadline)
{
    struct resolver *resolver = LIST_OWNER(deadline, struct resolver, tick);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    serve_late(resolver);
    if (!list_is_empty(&resolver->asked))
        deadline_set(deadline, loop_now_ns(resolver->loop) + TICK_NS);
}

static enum err set_servers(struct resolver *resolver, const char *servers, struct error *error)
{
    int why = ares_set_servers_ports_csv(resolver->channel, servers);
    if (why == ARES_SUCCESS)
        return OK;
    return error_set(error, why == ARES_ENOMEM ? ERR_NO_MEMORY : ERR_MALFORMED,
                     "the name servers must be addresses such as 10.0.0.53 or [::1]:5353, with"
                     " commas between them; '%s' is not",
                     servers);
}

enum err resolver_new(struct loop *loop, const char *servers, struct resolver **out_resolver,
                      struct error *error)
{
    struct resolver *resolver = mem_zalloc(1, sizeof *resolver);
    if (!resolver)
        return error_set(error, ERR_NO_MEMORY, "no memory for the resolver");
    resolver->loop = loop;
    list_init(&resolver->asked);
    deadline_init(&resolver->tick, loop, on_tick);
    struct ares_options options = {.timeout = TRY_TIMEOUT_MS,
                                   .tries = TRIES,
                                   .sock_state_cb = on_socket_state,
                                   .sock_state_cb_data = resolver};
    int why = ares_library_init(ARES_LIB_INIT_ALL);
    if (why == ARES_SUCCESS)
        why = ares_init_options(&resolver->channel, &options,
                                ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (why != ARES_SUCCESS) {
        mem_free(resolver);
        return error_set(error, ERR_IO, "cannot start the resolver: %s", ares_strerror(why));
    }
    enum err err = servers ? set_servers(resolver, servers, error) : OK;
    if (err != OK) {
        resolver_free(resolver);
        return err;
    }
    *out_resolver = resolver;
    return OK;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    ares_destroy(resolver->channel); /* answers every question with ARES_EDESTRUCTION */
    deadline_release(&resolver->tick);
    mem_free(resolver);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void tell(struct loop_message *message)
{
    struct resolver_query *query = LIST_OWNER(message, struct resolver_query, tell);
    if (query->on_done)
        query->on_done(query->arg, query->is_good ? &query->resolved : NULL, &query->error);
    mem_free(query);
}

static void keep(struct resolver *resolver, const struct resolver_query *query, int ttl_s)
{
    bool is_found;
    struct cached *row = cache_row(resolver, query->host, &is_found);
    int64_t ttl_ns = ttl_s * INT64_C(1000000000);
    if (ttl_ns > TTL_MAX_NS)
        ttl_ns = TTL_MAX_NS;
    if (ttl_ns < TTL_MIN_NS)
        ttl_ns = TTL_MIN_NS;
    str_copy(str_of(query->host), row->host, sizeof row->host);
    row->resolved = query->resolved;
    row->used_ns = loop_now_ns(resolver->loop);
    row->fresh_until_ns = row->used_ns + ttl_ns;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
    (void)timeouts;
    struct resolver_query *query = arg;
    struct resolver *resolver = query->resolver;
    list_unlink(&query->node);
    int ttl_s = (int)(TTL_MAX_NS / 1000000000);
    for (struct ares_addrinfo_node *node = answer ? answer->nodes : NULL;
         node && query->resolved.count < RESOLVED_MAX; node = node->ai_next) {
        struct address *address = &query->resolved.address[query->resolved.count];
        if (node->ai_addrlen > sizeof address->at)
            continue;
        memcpy(&address->at, node->ai_addr, node->ai_addrlen);
        address->len = node->ai_addrlen;
        query->resolved.count++;
        if (node->ai_ttl < ttl_s)
            ttl_s = node->ai_ttl;
    }
    if (answer)
        ares_freeaddrinfo(answer);
    query->is_good = query->resolved.count > 0;
    if (query->is_good) {
        keep(resolver, query, ttl_s);
    } else {
        const struct resolved *instead = last_good(resolver, query->host);
        if (instead)
            query->resolved = *instead;
        query->is_good = instead != NULL;
        error_set(&query->error, status == ARES_ENOMEM ? ERR_NO_MEMORY : ERR_NOT_FOUND,
                  "the name cannot be resolved: %s", ares_strerror(status));
    }
    set_port(&query->resolved, query->port);
    query->tell.run = tell;
    loop_defer(resolver->loop, &query->tell);
}

bool resolver_ask(struct resolver *resolver, const char *host, int port,
                  struct resolved *out_resolved, resolver_on_done *on_done, void *arg,
                  struct resolver_query **out_query)
{
    *out_query = NULL;
    *out_resolved = (struct resolved){0};
    if (numeric(host, out_resolved)) {
        set_port(out_resolved, port);
        return true;
    }
    bool is_found;
    struct cached *row = cache_row(resolver, host, &is_found);
    int64_t now_ns = loop_now_ns(resolver->loop);
    if (is_found && now_ns < row->fresh_until_ns) {
        row->used_ns = now_ns;
        *out_resolved = row->resolved;
        set_port(out_resolved, port);
        return true;
    }
    struct resolver_query *query = mem_zalloc(1, sizeof *query);
    if (!query)
        return false;
    query->resolver = resolver;
    query->port = port;
    query->on_done = on_done;
    query->arg = arg;
    query->asked_ns = now_ns;
    list_push_back(&resolver->asked, &query->node);
    str_copy(str_of(host), query->host, sizeof query->host);
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    *out_query = query;
    if (resolver->tick.due_ns ==
        INT64_MAX) /* else a stream of questions would put it off for ever */
        deadline_set(&resolver->tick, now_ns + TICK_NS);
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_answer, query);
    return false;
}

void resolver_cancel(struct resolver_query *query)
{
    query->on_done = NULL; /* freed when its answer comes */
}
