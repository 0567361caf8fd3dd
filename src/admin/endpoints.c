/* admin/endpoints.c: every endpoint of the management API, one line each.
 *
 * To add one: write the handler in admin/<resource>.c, declare it in endpoints.h, add its line here and
 * in the matrix of tests/unit/admin/test_endpoints.c. The dispatcher checks role, body size and the
 * names of fields before it calls the handler, so no handler repeats that.
 */
#include "admin/endpoints.h"

#include <stdio.h>

#define KIB 1024u

#define PROVIDER_NEW " type name api_key base_url dialects "
#define PROVIDER_CHANGE                                                                          \
    " name base_url api_key surfaced_models default_model fallback_rules wait_ms max_concurrent" \
    " timeouts paused dialects "
#define EXPLAIN " model provider agent team endpoint needs prompt_tokens faults "

// clang-format off
static const struct api_endpoint endpoints[] = {
    /* method     path under /api             who         body     fields            handler            for the reference */
    {METHOD_GET,    "/providers",               WHO_MEMBER, 0,       "",               providers_list,    "All providers, with health."},
    {METHOD_POST,   "/providers",               WHO_ADMIN,  64*KIB,  PROVIDER_NEW,     providers_create,  "Adds a provider: checks its key, reads its models."},
    {METHOD_GET,    "/providers/{id}",          WHO_MEMBER, 0,       "",               providers_read,    "One provider; never its key."},
    {METHOD_PATCH,  "/providers/{id}",          WHO_ADMIN,  512*KIB, PROVIDER_CHANGE,  providers_update,  "Changes the given fields."},
    {METHOD_DELETE, "/providers/{id}",          WHO_ADMIN,  0,       "",               providers_delete,  "Removes a provider; lists what pointed at it."},
    {METHOD_POST,   "/providers/{id}/refresh",  WHO_ADMIN,  4*KIB,   "",               providers_refresh, "Reads its models again."},
    {METHOD_POST,   "/providers/{id}/test",     WHO_ADMIN,  4*KIB,   "",               providers_test,    "Tries its key; changes nothing but its health."},
    {METHOD_POST,   "/providers/{id}/worker-keys",      WHO_ADMIN, 4*KIB, " name ", worker_keys_create, "Makes a key for its workers; shows it this once."},
    {METHOD_GET,    "/providers/{id}/worker-keys",      WHO_ADMIN, 0,     "",       worker_keys_list,   "The keys of its workers, as hints."},
    {METHOD_DELETE, "/providers/{id}/worker-keys/{key}", WHO_ADMIN, 0,     "",       worker_keys_revoke, "Revokes one; its workers are cut off."},
    {METHOD_GET,    "/workers",                 WHO_MEMBER, 0,       "",               workers_list,      "All workers that are registered."},
    {METHOD_GET,    "/models",                  WHO_MEMBER, 0,       "",               models_list,       "Surfaced models of every provider."},
    {METHOD_GET,    "/routing",                 WHO_MEMBER, 0,       "",               routing_read,      "The Auto default."},
    {METHOD_PATCH,  "/routing",                 WHO_ADMIN,  4*KIB,   " auto ",         routing_update,    "Sets or clears the Auto default."},
    {METHOD_POST,   "/routing/explain",         WHO_MEMBER, 16*KIB,  EXPLAIN,          routing_explain,   "Who would answer, and why."},
    {METHOD_GET,    "/routes",                  WHO_MEMBER, 0,       "",               routes_list,       "All named routes."},
    {METHOD_POST,   "/routes",                  WHO_ADMIN,  16*KIB,  " name steps ",   routes_create,     "Adds a named route."},
    {METHOD_GET,    "/routes/{id}",             WHO_MEMBER, 0,       "",               routes_read,       "One named route."},
    {METHOD_PATCH,  "/routes/{id}",             WHO_ADMIN,  16*KIB,  " name steps ",   routes_update,     "Changes a named route."},
    {METHOD_DELETE, "/routes/{id}",             WHO_ADMIN,  0,       "",               routes_delete,     "Removes a named route."},
    {METHOD_GET,    "/keys",                    WHO_ADMIN,  0,       "",               keys_list,         "All API keys that are in force, as hints."},
    {METHOD_POST,   "/keys",                    WHO_ADMIN,  4*KIB,   " name role team ", keys_create,     "Makes an API key; shows it this once."},
    {METHOD_DELETE, "/keys/{id}",               WHO_ADMIN,  0,       "",               keys_revoke,       "Revokes an API key."},
    {METHOD_GET,    "/jobs",                    WHO_MEMBER, 0,       "",               jobs_list,         "Requests on record, newest first; members see their own."},
    {METHOD_GET,    "/jobs/{id}",               WHO_MEMBER, 0,       "",               jobs_read,         "One request with its attempts."},
    {METHOD_GET,    "/events",                  WHO_ADMIN,  0,       "",               events_list,       "Administrative acts, newest first."},
};
// clang-format on
#define ENDPOINT_ROWS (sizeof endpoints / sizeof endpoints[0])

const struct api_endpoint *api_endpoints(size_t *out_count)
{
    *out_count = ENDPOINT_ROWS;
    return endpoints;
}

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
    for (size_t i = 0; i < ENDPOINT_ROWS; i++) {
        char found[API_PATH_ARGS][64] = {0};
        if (!path_matches(endpoints[i].path, path, found))
            continue;
        if (endpoints[i].method == method) {
            memcpy(args, found, sizeof found);
            return &endpoints[i];
        }
        allow_len += (size_t)snprintf(out_allow + allow_len, 64 - allow_len, "%s%s",
                                      allow_len ? ", " : "", http_method_name(endpoints[i].method));
    }
    return NULL;
}

bool api_endpoint_has_field(const struct api_endpoint *endpoint, struct str field)
{
    struct str rest = str_of(endpoint->fields);
    while (rest.len) {
        struct str known = str_cut(&rest, ' ');
        if (known.len && str_eq(known, field))
            return true;
    }
    return false;
}
