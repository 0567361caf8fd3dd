/* http/forwarded.h: who is behind a proxy: X-Forwarded-For, believed only of the proxies that the operator names.
 *
 * Everybody can send the header, and proxies append to it; so it is read from its end, and only as far as each next entry
 * was written by a trusted proxy. What it says serves throttling and the list of sessions, and opens nothing.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

#define TRUSTED_PROXIES_MAX 32

struct trusted_proxies {
    struct proxy_network {
        uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
        int bits;            /* of it that count */
    } networks[TRUSTED_PROXIES_MAX];
    int count;
};

/** "10.0.0.0/8, 192.0.2.1, fd00::/8"; "" is none. ERR_MALFORMED with a sentence. */
MUST_USE enum err trusted_proxies_parse(struct str text, struct trusted_proxies *out_proxies,
                                        struct error *error);

/** The client of a request that came from the address `peer`, with these values of X-Forwarded-For in the order they came:
 *  the last entry that is no trusted proxy. What cannot be an address ends the search, and so do
 *  FORWARDED_ENTRIES_MAX entries: then it is the proxy that passed it on. A slice of `peer` or of a value. */
#define FORWARDED_ENTRIES_MAX 32
struct str forwarded_client(const struct trusted_proxies *proxies, struct str peer,
                            const struct str *values, size_t count);
