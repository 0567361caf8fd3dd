/* tests/unit/admin/test_front.c: which part of the server a path belongs to, and that no spelling of a path
 * is taken for another. RELIABILITY T03.
 */
#include "admin/endpoints.h"
#include "admin/front.h"

#include "tests/test.h"

static const struct part_story {
    const char *path;
    enum front_part want;
} parts[] = {
    {"/api/openai/v1/chat/completions", FRONT_GATEWAY},
    {"/api/openai", FRONT_GATEWAY},
    {"/api/anthropic/v1/messages", FRONT_GATEWAY},
    {"/api/openaix/v1/models", FRONT_ADMIN}, /* and there it is a 404 */
    {"/api/health", FRONT_HEALTH},
    {"/api/health/", FRONT_ADMIN},
    {"/metrics", FRONT_METRICS},
    {"/api/providers", FRONT_ADMIN},
    {"/api/", FRONT_ADMIN},
    {"/", FRONT_HINT},
    {"/api", FRONT_NOWHERE},
    {"", FRONT_NOWHERE},
    {"*", FRONT_NOWHERE},
    {"/API/providers", FRONT_NOWHERE},
    {"//api/providers", FRONT_NOWHERE},
    {"/./api/providers", FRONT_NOWHERE},
    {"/metrics/", FRONT_NOWHERE},
    {"/metrics/../api/providers", FRONT_NOWHERE},
    {"http://host/api/providers", FRONT_NOWHERE},
};

static void every_path_has_one_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++)
        CHECK_INT(parts[i].path, front_part_of(str_of(parts[i].path)), parts[i].want);
}

static const char *const odd_spellings[] = {
    "/api//providers",
    "/api/./providers",
    "/api/providers/",
    "/api/providers//prv_1",
    "/api/Providers",
    "/api/providers%2f",
    "/api/%70roviders",
    "/api/providers;x",
    "/api/providers;x/prv",
    "/api/x/../providers",
    "/api/providers/../keys",
    "/api/providers/%2e%2e",
    "/api/providers/a b",
    "/api/providers/prv.1",
    "/api/providers/\xc3\xa9",
    "/api/keys\\",
    "/api/providers/prv_1/refresh/",
    "/api/providers/{id}",
    "/api/providers\t",
    "api/providers",
};

static void odd_spellings_lead_nowhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(odd_spellings); i++)
        for (int method = METHOD_GET; method <= METHOD_OTHER; method++) {
            char args[API_PATH_ARGS][64] = {0}, allow[64];
            CHECK(odd_spellings[i], !api_endpoint_find((enum http_method)method,
                                                       str_of(odd_spellings[i]), args, allow));
            CHECK_STR(odd_spellings[i], allow, "");
        }
}

TEST_MAIN(TEST(every_path_has_one_part), TEST(odd_spellings_lead_nowhere))
