/* admin/front.h: the door of a listener: which part of the server a path belongs to.
 *
 *     /api/openai..., /api/anthropic...   gateway_serve: the data plane
 *     /api/health, /metrics               answered here, without a key
 *     /api/...                            the management API (dispatch.h)
 *     /                                   a hint for people with curl
 *     everything else                     the web UI, for browsers (ui/ui.h)
 *
 * Paths are compared as sent: nothing is decoded, folded or cleaned up first, so that what is checked
 * is what is served (RELIABILITY T03).
 *
 * Thread:  one front per loop; the loop's.
 */
#pragma once
#include "admin/admin.h"

struct front {
    struct admin *admin;
    struct gateway_loop *gateway_loop;
    struct http_service service; /* give &front->service to the listener; `front` stays in place */
};

void front_init(struct front *front, struct admin *admin, struct gateway_loop *gateway_loop);

enum front_part {
    FRONT_NOWHERE,
    FRONT_GATEWAY,
    FRONT_WORKER,
    FRONT_HEALTH,
    FRONT_METRICS,
    FRONT_ADMIN,
    FRONT_HINT
};
enum front_part front_part_of(struct str path);
