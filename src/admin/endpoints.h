/* admin/endpoints.h: the management API's table: one row per method and path.
 *
 * Layer:   pure.  Thread: any (immutable).
 */
#pragma once
#include "admin/api.h"

enum who { WHO_MEMBER, WHO_ADMIN }; /* the least role; there is no row without one */

struct api_endpoint {
    enum http_method method;
    const char *path; /* under /api; {name} stands for one segment */
    enum who who;
    size_t body_limit_bytes; /* 0: takes no body */
    const char *fields;      /* names that the body may have, with spaces around each */
    api_handler *handler;
    const char *sentence; /* for the reference */
};

/**
 * Finds the row. `path` as sent, without its query. `args` gets what stood for {…}.
 * NULL: none; then `*out_allow` (at least 64 bytes) lists the methods that the path has, "" for none.
 */
const struct api_endpoint *api_endpoint_find(enum http_method method, struct str path,
                                             char args[API_PATH_ARGS][64], char *out_allow);
const struct api_endpoint *api_endpoints(size_t *out_count);
/** "allowed" by the row's field list? */
bool api_endpoint_has_field(const struct api_endpoint *endpoint, struct str field);

api_handler providers_create, providers_list, providers_read, providers_update, providers_delete;
api_handler providers_refresh, providers_test, models_list;
api_handler worker_keys_create, worker_keys_list, worker_keys_revoke, workers_list;
api_handler routing_read, routing_update, routing_explain;
api_handler routes_create, routes_list, routes_read, routes_update, routes_delete;
api_handler keys_create, keys_list, keys_revoke;
api_handler jobs_list, jobs_read, events_list;
