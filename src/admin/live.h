/* admin/live.h: GET /api/live: what happens, as it happens. The stream itself is the gateway's (gateway/feed.h); here is who
 * may open it, and what the control plane has to tell.
 */
#pragma once
#include "admin/api.h"
#include "admin/front.h"

/** Turns the call's exchange into a stream; or the call has failed, and the exchange is still to be answered. On the loop. */
void live_open(struct front *front, struct exchange *exchange, struct api_call *call);

/** From now on jobs and events are told. */
void live_begin(struct admin *admin);
/** And no more. */
void live_end(struct admin *admin);
/** A configuration is in force. */
void live_tell_config(struct admin *admin, int64_t version);
