/* http/target.c: where a base URL leads: host, port, path. One parser for all upstream URLs. */
#include "http/client.h"

#include <stdio.h>

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
}

/* "host", "host:port" or "[v6]:port". */
static bool split_authority(struct str authority, struct str *out_host, struct str *out_port)
{
    *out_port = STR("");
    if (str_starts(authority, STR("["))) {
        size_t end;
        if (!str_find(authority, STR("]"), &end))
            return false;
        *out_host = (struct str){authority.at + 1, end - 1};
        struct str rest = str_from(authority, end + 1);
        if (rest.len && rest.at[0] != ':')
            return false;
        *out_port = str_from(rest, 1);
        return out_host->len > 0;
    }
    struct str rest = authority;
    *out_host = str_cut(&rest, ':');
    *out_port = rest;
    return out_host->len > 0 && !memchr(rest.len ? rest.at : ".", ':', rest.len ? rest.len : 1);
}

enum err target_parse(const char *url, struct target *out_target, struct error *error)
{
    struct str rest = str_of(url);
    struct target target = {.is_tls = str_istarts(rest, STR("https://"))};
    if (!target.is_tls && !str_istarts(rest, STR("http://")))
        return error_set(error, ERR_MALFORMED, "'%.100s' is no http:// or https:// URL", url);
    rest = str_from(rest, target.is_tls ? 8 : 7);
    size_t slash = rest.len;
    str_find(rest, STR("/"), &slash);
    struct str authority = str_upto(rest, slash), path = str_from(rest, slash), host, port;
    while (str_ends(path, STR("/")))
        path.len--;
    int64_t number = target.is_tls ? 443 : 80;
    if (!split_authority(authority, &host, &port) || (port.len && !str_to_int64(port, &number)) ||
        number < 1 || number > 65535)
        return error_set(error, ERR_MALFORMED, "'%.100s' has no usable host and port", url);
    for (size_t i = 0; i < host.len; i++)
        if (!is_host_byte(host.at[i]))
            return error_set(error, ERR_MALFORMED, "the host of '%.100s' holds a strange character",
                             url);
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.at[i] <= 0x20 || path.at[i] == '?' || path.at[i] == '#' ||
            path.at[i] == 0x7f)
            return error_set(error, ERR_MALFORMED, "the path of '%.100s' holds a strange character",
                             url);
    if (host.len >= sizeof target.host || path.len >= sizeof target.path)
        return error_set(error, ERR_TOO_LARGE, "the URL '%.100s...' is too long", url);
    str_copy(host, target.host, sizeof target.host);
    str_copy(path, target.path, sizeof target.path);
    target.port = (int)number;
    bool is_v6 = memchr(host.at, ':', host.len) != NULL;
    bool is_default = number == (target.is_tls ? 443 : 80);
    int len = snprintf(target.authority, sizeof target.authority, "%s%s%s", is_v6 ? "[" : "",
                       target.host, is_v6 ? "]" : "");
    if (!is_default)
        snprintf(target.authority + len, sizeof target.authority - (size_t)len, ":%d", target.port);
    *out_target = target;
    return OK;
}
