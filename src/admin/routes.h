/* admin/routes.h: the fields of a named route, for whoever proposes one.  Thread: any. */
#pragma once
#include "admin/api.h"
#include "store/store.h"

/** name and steps of the body into the row; missing ones stay. False: the call has failed. */
bool route_fields(struct api_call *call, const struct store_config *config, struct route_row *row);
