/* admin/routing.h: the Auto default of a body, for whoever proposes one.  Thread: any. */
#pragma once
#include "admin/api.h"
#include "store/store.h"

/** `auto`: {provider, model} | null, into ids; "" none. False: the call has failed. */
bool routing_auto_field(struct api_call *call, const struct store_config *config,
                        char provider_id[ID_MAX], char model[200]);
