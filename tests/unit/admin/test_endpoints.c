/* tests/unit/admin/test_endpoints.c: the authorization matrix: every endpoint, and who may call it. T05, T07.
 *
 * A row of the table that is missing here, or the reverse, fails: nobody adds an endpoint without saying here
 * who it is for.
 */
#include "admin/endpoints.h"

#include "tests/test.h"

static const struct permission {
    enum http_method method;
    const char *path;
    enum who who;
} matrix[] = {
    {METHOD_GET, "/providers", WHO_MEMBER},
    {METHOD_POST, "/providers", WHO_ADMIN},
    {METHOD_GET, "/providers/{id}", WHO_MEMBER},
    {METHOD_PATCH, "/providers/{id}", WHO_ADMIN},
    {METHOD_DELETE, "/providers/{id}", WHO_ADMIN},
    {METHOD_POST, "/providers/{id}/refresh", WHO_ADMIN},
    {METHOD_POST, "/providers/{id}/test", WHO_ADMIN},
    {METHOD_POST, "/providers/{id}/worker-keys", WHO_ADMIN},
    {METHOD_GET, "/providers/{id}/worker-keys", WHO_ADMIN},
    {METHOD_DELETE, "/providers/{id}/worker-keys/{key}", WHO_ADMIN},
    {METHOD_GET, "/workers", WHO_MEMBER},
    {METHOD_GET, "/models", WHO_MEMBER},
    {METHOD_GET, "/routing", WHO_MEMBER},
    {METHOD_PATCH, "/routing", WHO_ADMIN},
    {METHOD_POST, "/routing/explain", WHO_MEMBER},
    {METHOD_GET, "/routes", WHO_MEMBER},
    {METHOD_POST, "/routes", WHO_ADMIN},
    {METHOD_GET, "/routes/{id}", WHO_MEMBER},
    {METHOD_PATCH, "/routes/{id}", WHO_ADMIN},
    {METHOD_DELETE, "/routes/{id}", WHO_ADMIN},
    {METHOD_GET, "/keys", WHO_ADMIN},
    {METHOD_POST, "/keys", WHO_ADMIN},
    {METHOD_DELETE, "/keys/{id}", WHO_ADMIN},
    {METHOD_GET, "/jobs", WHO_MEMBER},
    {METHOD_GET, "/jobs/{id}", WHO_MEMBER},
    {METHOD_GET, "/events", WHO_ADMIN},
};

static const struct permission *permission_of(const struct api_endpoint *endpoint)
{
    for (size_t i = 0; i < COUNT(matrix); i++)
        if (matrix[i].method == endpoint->method && strcmp(matrix[i].path, endpoint->path) == 0)
            return &matrix[i];
    return NULL;
}

static void every_endpoint_is_in_the_matrix(void **state)
{
    (void)state;
    size_t count;
    const struct api_endpoint *endpoints = api_endpoints(&count);
    for (size_t i = 0; i < count; i++) {
        const struct permission *permission = permission_of(&endpoints[i]);
        CHECK(endpoints[i].path, permission);
        CHECK_INT(endpoints[i].path, endpoints[i].who, permission->who);
        CHECK(endpoints[i].path, endpoints[i].handler && endpoints[i].sentence[0]);
    }
    CHECK_INT("none is in the matrix only", count, COUNT(matrix));
}

static void members_only_read_and_ask(void **state)
{
    (void)state;
    size_t count;
    const struct api_endpoint *endpoints = api_endpoints(&count);
    for (size_t i = 0; i < count; i++) {
        bool changes =
            endpoints[i].method != METHOD_GET && strcmp(endpoints[i].path, "/routing/explain");
        CHECK(endpoints[i].path, !changes || endpoints[i].who == WHO_ADMIN);
        CHECK(endpoints[i].path,
              endpoints[i].method != METHOD_GET || !endpoints[i].body_limit_bytes);
    }
}

static void rows_are_found_with_their_arguments(void **state)
{
    (void)state;
    char args[API_PATH_ARGS][64] = {0}, allow[64];
    const struct api_endpoint *found =
        api_endpoint_find(METHOD_POST, STR("/api/providers/prv_1/refresh"), args, allow);
    CHECK("refresh", found && strcmp(found->path, "/providers/{id}/refresh") == 0);
    CHECK_STR("the id", args[0], "prv_1");
    CHECK("no PUT", !api_endpoint_find(METHOD_PUT, STR("/api/keys"), args, allow));
    CHECK_STR("but these", allow, "GET, POST");
    CHECK("nothing", !api_endpoint_find(METHOD_GET, STR("/api/nothing"), args, allow));
    CHECK_STR("at all", allow, "");
}

static void fields_are_known_by_whole_names(void **state)
{
    (void)state;
    char args[API_PATH_ARGS][64] = {0}, allow[64];
    const struct api_endpoint *keys = api_endpoint_find(METHOD_POST, STR("/api/keys"), args, allow);
    CHECK("role", api_endpoint_has_field(keys, STR("role")));
    static const char *const refused[] = {"",       " ",         "rol",           "roles",
                                          "Role",   "name role", "org_id",        "id",
                                          "digest", "budget",    "allowed_routes"};
    for (size_t i = 0; i < COUNT(refused); i++)
        CHECK(refused[i], !api_endpoint_has_field(keys, str_of(refused[i])));
}

TEST_MAIN(TEST(every_endpoint_is_in_the_matrix), TEST(members_only_read_and_ask),
          TEST(rows_are_found_with_their_arguments), TEST(fields_are_known_by_whole_names))
