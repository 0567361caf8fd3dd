/* http/origin.c: see origin.h. */
#include "http/origin.h"

#include "http/client.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool is_address(struct str host)
{
    char text[64];
    struct in6_addr room;
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct str){host.at + 1, host.len - 2};
    if (host.len >= sizeof text)
        return false;
    str_copy(host, text, sizeof text);
    return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "::1") == 0 || str_ieq(str_of(host), STR("localhost"));
}

enum err own_address_init(struct own_address *own, const char *base_url, const char *listen_host,
                          bool is_tls, struct error *error)
{
    *own = (struct own_address){.is_tls = is_tls, .is_loopback = is_loopback(listen_host)};
    if (!base_url[0])
        return OK;
    struct target target;
    enum err err = target_parse(base_url, &target, error);
    if (err != OK)
        return error_set(error, err, "base_url is '%.100s': it must be like https://ai.example.com",
                         base_url);
    str_copy(str_of(target.host), own->host, sizeof own->host);
    str_copy(str_of(target.authority), own->authority, sizeof own->authority);
    snprintf(own->origin, sizeof own->origin, "%s://%s", target.is_tls ? "https" : "http",
             own->authority);
    return OK;
}

bool own_address_is_secure(const struct own_address *own)
{
    return own->is_tls || str_starts(str_of(own->origin), STR("https://"));
}

void own_origin(const struct own_address *own, const struct http_head *head,
                char out_origin[ORIGIN_MAX])
{
    struct str host = str_upto(http_header_find(head, STR("host"), NULL), ORIGIN_MAX - 16);
    str_copy(str_of(own->origin), out_origin, ORIGIN_MAX);
    if (!own->origin[0])
        snprintf(out_origin, ORIGIN_MAX, "%s://%.*s", own->is_tls ? "https" : "http",
                 STR_ARG(host));
}

/* ---- Host ---------------------------------------------------------------------------------------- */

/* "name:8080" without its port; "[::1]:8080" likewise. */
static struct str without_port(struct str authority)
{
    size_t end;
    if (!str_starts(authority, STR("[")))
        return str_cut(&authority, ':');
    if (!str_find(authority, STR("]"), &end))
        return authority;
    struct str rest = str_from(authority, end + 1);
    return rest.len && rest.at[0] != ':' ? authority : str_upto(authority, end + 1);
}

/* No registry hands such a name to a stranger. */
static bool is_local_name(struct str host)
{
    static const char *const endings[] = {".localhost", ".local", ".internal"};
    if (!memchr(host.at, '.', host.len))
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t len = strlen(endings[i]);
        if (host.len > len && str_ieq(str_from(host, host.len - len), str_of(endings[i])))
            return true;
    }
    return false;
}

bool host_is_ours(const struct own_address *own, const struct http_head *head)
{
    size_t count = 0;
    struct str host = without_port(http_header_find(head, STR("host"), &count));
    if (host.len && host.at[host.len - 1] == '.')
        host.len--; /* a name may be written with its root */
    if (count == 0 || !host.len)
        return true;
    if (is_address(host) || is_local_name(host) || str_ieq(host, str_of(own->host)))
        return true;
    return !own->host[0] && !own->is_loopback;
}

/* ---- Origin -------------------------------------------------------------------------------------- */

/* "https://host": the base URL's, or the scheme we speak with the name that was asked for. */
static bool is_own_origin(const struct own_address *own, const struct http_head *head,
                          struct str origin)
{
    struct str scheme = own->is_tls ? STR("https://") : STR("http://");
    struct str host = http_header_find(head, STR("host"), NULL);
    if (own->origin[0] && str_ieq(origin, str_of(own->origin)))
        return true;
    return host.len && str_istarts(origin, scheme) && str_ieq(str_from(origin, scheme.len), host);
}

bool origin_is_ours(const struct own_address *own, const struct http_head *head)
{
    size_t origins = 0, sites = 0;
    struct str origin = http_header_find(head, STR("origin"), &origins);
    struct str site = http_header_find(head, STR("sec-fetch-site"), &sites);
    return origins == 1 && is_own_origin(own, head, origin) && sites <= 1 &&
           (sites == 0 || str_eq(site, STR("same-origin")));
}

bool origin_is_not_foreign(const struct own_address *own, const struct http_head *head)
{
    size_t origins = 0, sites = 0;
    (void)http_header_find(head, STR("origin"), &origins);
    (void)http_header_find(head, STR("sec-fetch-site"), &sites);
    return (origins == 0 && sites == 0) || origin_is_ours(own, head);
}
