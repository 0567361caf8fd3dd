/* tests/unit/http/test_peer.c: what counts as one address. */
#include "http/peer.h"

#include "tests/test.h"

static void one_address_is_what_one_party_has(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *host, *network;
    } stories[] = {
        {"127.0.0.1:53211", "127.0.0.1", "127.0.0.1"},
        {"2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"::1:8080", "::1", "::"},
        {"::ffff:10.1.2.3:9", "::ffff:10.1.2.3", "10.1.2.3"},
        {"control", "control", "control"},
        {"?:0", "?", "?"},
        {"", "", ""},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char host[PEER_HOST_MAX], network[PEER_HOST_MAX];
        peer_host(stories[i].peer, host);
        peer_network(host, network);
        CHECK_STR(stories[i].peer, host, stories[i].host);
        CHECK_STR(stories[i].peer, network, stories[i].network);
    }
}

TEST_MAIN(TEST(one_address_is_what_one_party_has))
