/* http/peer.c: see peer.h. */
#include "http/peer.h"

#include <arpa/inet.h>

void peer_host(const char *peer, char out_host[PEER_HOST_MAX])
{
    const char *colon = strrchr(peer, ':');
    struct str host = {peer, colon ? (size_t)(colon - peer) : strlen(peer)};
    str_copy(host, out_host, PEER_HOST_MAX);
}

void peer_network(const char *host, char out_network[PEER_HOST_MAX])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct in6_addr v6;
    str_copy(str_of(host), out_network, PEER_HOST_MAX);
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return;
    if (memcmp(&v6, mapped, sizeof mapped) == 0) {
        (void)inet_ntop(AF_INET, (const uint8_t *)&v6 + 12, out_network, PEER_HOST_MAX);
        return;
    }
    memset((uint8_t *)&v6 + 8, 0, 8);
    (void)inet_ntop(AF_INET6, &v6, out_network, PEER_HOST_MAX);
}
