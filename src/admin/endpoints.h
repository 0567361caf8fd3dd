/* admin/endpoints.h: the management API's table: one row per method and path.
 *
 * The rows and the declarations of handlers are made from api/openapi.yaml at build time (tools/contract): an
 * operation there without its handler here does not link, a handler without its operation has no declaration and
 * does not compile.
 *
 * Layer:   pure.  Thread: any (immutable).
 */
#pragma once
#include "admin/api.h"
#include "json/schema.h"
#include "gen/api_handlers.h"

struct api_endpoint {
    enum http_method method;
    const char *path;           /* under /api; {name} stands for one segment */
    enum role role;             /* the least; ROLE_NONE: anyone */
    size_t body_limit_bytes;    /* 0: takes no body */
    const struct schema *body;  /* NULL: takes none */
    const struct schema *query; /* the parameters behind the '?', as fields; NULL: takes none */
    api_handler *handler;
};
extern const struct api_endpoint api_endpoint_rows[];
extern const size_t api_endpoint_row_count;

/**
 * Finds the row. `path` as sent, without its query. `args` gets what stood for {…}.
 * NULL: none; then `*out_allow` (at least 64 bytes) lists the methods that the path has, "" for none.
 */
const struct api_endpoint *api_endpoint_find(enum http_method method, struct str path,
                                             char args[API_PATH_ARGS][64], char *out_allow);
