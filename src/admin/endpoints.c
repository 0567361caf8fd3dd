/* admin/endpoints.c: which row of the management API's table a request means.
 *
 * The rows themselves are made from api/openapi.yaml: gen/api_routes.c in the build directory. The dispatcher checks
 * role, parameters and body by the row before it calls the handler, so no handler repeats that.
 */
#include "admin/endpoints.h"

#include <stdio.h>

/* One segment of an id: what our ids and slugs are made of, and nothing that needs decoding. */
static size_t segment_len(struct str path)
{
    size_t len = 0;
    while (len < path.len) {
        char c = path.at[len];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!is_plain)
            break;
        len++;
    }
    return len < 64 ? len : 0;
}

static bool path_matches(const char *pattern, struct str path, char args[API_PATH_ARGS][64])
{
    size_t count = 0;
    while (*pattern && path.len) {
        if (*pattern == '{') {
            size_t len = segment_len(path);
            if (len == 0 || count == API_PATH_ARGS)
                return false;
            str_copy(str_upto(path, len), args[count++], 64);
            path = str_from(path, len);
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != path.at[0]) {
            return false;
        } else {
            path = str_from(path, 1);
        }
    }
    return *pattern == '\0' && path.len == 0;
}

const struct api_endpoint *api_endpoint_find(enum http_method method, struct str path,
                                             char args[API_PATH_ARGS][64], char *out_allow)
{
    size_t allow_len = 0;
    out_allow[0] = '\0';
    if (!str_starts(path, STR("/api/")))
        return NULL;
    path = str_from(path, 4);
    for (size_t i = 0; i < api_endpoint_row_count; i++) {
        char found[API_PATH_ARGS][64] = {0};
        if (!path_matches(api_endpoint_rows[i].path, path, found))
            continue;
        if (api_endpoint_rows[i].method == method) {
            memcpy(args, found, sizeof found);
            return &api_endpoint_rows[i];
        }
        allow_len +=
            (size_t)snprintf(out_allow + allow_len, 64 - allow_len, "%s%s", allow_len ? ", " : "",
                             http_method_name(api_endpoint_rows[i].method));
    }
    return NULL;
}
