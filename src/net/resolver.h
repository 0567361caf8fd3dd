/* net/resolver.h: names to addresses without blocking: c-ares on the loop, with a small cache.
 *
 * A look-up that fails, or takes longer than half a second, may be answered with the last good addresses
 * for up to 60 s after their time (F03).
 * Thread: the loop's.
 */
#pragma once
#include "net/loop.h"
#include <sys/socket.h>

#define RESOLVED_MAX 4
struct address {
    struct sockaddr_storage at;
    socklen_t len;
};
struct resolved {
    struct address address[RESOLVED_MAX];
    int count;
};

struct resolver;
struct resolver_query; /* outstanding; cancel it before its owner goes */

/** `servers`: name servers, "address[:port],..."; NULL: the system's. ERR_MALFORMED when they are none. */
MUST_USE enum err resolver_new(struct loop *loop, const char *servers,
                               struct resolver **out_resolver, struct error *error);
void resolver_free(struct resolver *resolver);

/** Called once unless cancelled; never from inside resolver_ask. `resolved` is NULL on failure: ERR_NO_MEMORY, or
 *  ERR_NOT_FOUND for whatever else kept the name from being resolved. */
typedef void resolver_on_done(void *arg, const struct resolved *resolved,
                              const struct error *error);

/**
 * Numeric addresses and cached names are answered at once: returns true with `out_resolved` filled. Else
 * false, and `*out_query` is set (NULL: no memory) and on_done will come.
 */
bool resolver_ask(struct resolver *resolver, const char *host, int port,
                  struct resolved *out_resolved, resolver_on_done *on_done, void *arg,
                  struct resolver_query **out_query);
void resolver_cancel(struct resolver_query *query);
