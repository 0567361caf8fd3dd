/* http/peer.h: the other side's address as text, and the network that one household or machine has.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/str.h"

#define PEER_HOST_MAX 64

/** Of what exchange_peer gives: "127.0.0.1:53211" -> "127.0.0.1". */
void peer_host(const char *peer, char out_host[PEER_HOST_MAX]);
/** What counts as one address: IPv4 whole, of IPv6 the first 64 bits, since whoever has one has all behind them.
 *  An IPv4 address in IPv6's clothes is the IPv4 address. Anything else as it is. */
void peer_network(const char *host, char out_network[PEER_HOST_MAX]);
