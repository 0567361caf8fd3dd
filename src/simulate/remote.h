/* simulate/remote.h: the simulator's own paths, by which a test drives it while it runs:
 * POST /_sim/script, POST /_sim/rules, GET /_sim/log?since=N&limit=M, GET /_sim/stats.
 */
#pragma once
#include "http/exchange.h"
#include "simulate/script.h"
#include "simulate/seen.h"

struct simulator_stats {
    int64_t open_streams, requests, closed_by_client;
};

/** What the paths act on; lives in the simulator. */
struct remote {
    struct script *script;
    struct seen *seen;
    const struct simulator_stats *stats;
};

/** Answers one request whose path begins with /_sim/. */
void remote_request(struct remote *remote, struct exchange *exchange);
