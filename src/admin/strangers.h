/* admin/strangers.h: unknown callers as events: how many there were, at most once a minute, so that a flood of bad keys
 * fills nothing (SPEC 8).
 *
 * Thread:  health.
 */
#pragma once
#include "admin/admin.h"

struct strangers {
    int64_t told;       /* requests that events have told of */
    int64_t told_at_ms; /* monotonic; 0: never */
};

/** Once a second. An event that cannot be written is tried again. */
void strangers_look(struct strangers *strangers, struct admin *admin, int64_t now_ms);
