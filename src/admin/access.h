/* admin/access.h: who calls the management API, and may they. The only place where roles are looked at.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "admin/api.h"
#include "admin/front.h"

/** Who calls, into the call, whose endpoint is known. False: they may not, and the exchange was answered. */
bool access_check(struct front *front, struct exchange *exchange, struct api_call *call);
