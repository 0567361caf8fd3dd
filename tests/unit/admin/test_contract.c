/* tests/unit/admin/test_contract.c: the words of the contract's enums are those that the tables of the domain have, all of
 * them: a state, a reason or a problem that is new in one must be in the other. Limits likewise. And its bodies are closed (T05).
 */
#include "admin/export.h"
#include "admin/endpoints.h"
#include "admin/problem.h"
#include "domain/feed.h"
#include "domain/health.h"
#include "domain/route.h"
#include "gateway/snapshot.h"
#include "gen/api_enums.h"
#include "store/record.h"
#include "store/usage.h"

#include "tests/test.h"

#define WORD(text) text,

static bool has_word(const char *const *words, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], wanted) == 0)
            return true;
    return false;
}

/* The words that a table has, by its own function for names: as many, and each of them. */
#define CHECK_WORDS(ENUM, count, type, name_of)                                       \
    do {                                                                              \
        static const char *const words[] = {ENUM(WORD)};                              \
        for (int i = 0; i < (int)(count); i++)                                        \
            CHECK(name_of((type)i), has_word(words, COUNT(words), name_of((type)i))); \
        CHECK_INT(#ENUM, COUNT(words), (count));                                      \
    } while (0)

static const char *problem_code(enum problem problem)
{
    static const char *const codes[] = {
#define X(name, status, code, title, fix) code,
        PROBLEM_LIST(X)
#undef X
    };
    return codes[problem];
}

static void words_are_those_of_the_tables(void **state)
{
    (void)state;
    CHECK_WORDS(ENUM_PROBLEM_CODE, PROBLEM_COUNT, enum problem, problem_code);
    CHECK_WORDS(ENUM_PROVIDER_STATUS, STATE_COUNT, enum provider_state, provider_state_name);
    CHECK_WORDS(ENUM_LIVE_KIND, FEED_KIND_COUNT, enum feed_kind, feed_kind_name);
    CHECK_WORDS(ENUM_TIER, TIER_COUNT, enum tier, tier_name);
    CHECK_WORDS(ENUM_CONDITION, CONDITION_COUNT, enum condition, condition_name);
    CHECK_WORDS(ENUM_JOB_STATUS, JOB_STATUS_COUNT, enum job_status, job_status_name);
    CHECK_WORDS(ENUM_ROUTE_REASON, REASON_COUNT, enum route_reason, route_reason_code);
}

static void provider_types_are_the_kinds(void **state)
{
    (void)state;
    static const char *const words[] = {ENUM_PROVIDER_TYPE(WORD)};
    enum provider_kind kind;
    CHECK_INT("as many", COUNT(words), PROVIDER_KIND_COUNT);
    for (size_t i = 0; i < COUNT(words); i++)
        CHECK(words[i], provider_kind_parse(str_of(words[i]), &kind));
}

static void endpoints_are_those_that_make_jobs(void **state)
{
    (void)state;
    static const char *const words[] = {ENUM_ENDPOINT(WORD)};
    size_t inference = 0;
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        inference += endpoint_facts((enum endpoint)i)->is_inference;
    CHECK_INT("as many", COUNT(words), inference);
    for (size_t i = 0; i < COUNT(words); i++)
        CHECK(words[i], provider_dialect_endpoints(str_of(words[i])) != 0);
}

static void roles_of_keys_are_roles(void **state)
{
    (void)state;
    static const char *const words[] = {ENUM_KEY_ROLE(WORD)};
    enum role role;
    for (size_t i = 0; i < COUNT(words); i++)
        CHECK(words[i], role_parse(str_of(words[i]), &role));
}

/* Limits that C has, too: what passes the contract must fit. */
static void limits_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct limit {
        enum http_method method;
        const char *path, *field; /* of the body; of the query where there is no body */
        int64_t max;
    } limits[] = {
        {METHOD_POST, "/api/routes", "steps", STEPS_MAX},
        {METHOD_POST, "/api/routes", "name", sizeof((struct route_row *)0)->name - 1},
        {METHOD_POST, "/api/providers", "name", sizeof((struct provider_row *)0)->name - 1},
        {METHOD_POST, "/api/providers", "base_url", sizeof((struct provider_row *)0)->base_url - 1},
        {METHOD_PATCH, "/api/providers/x", "fallback_rules", RULES_MAX},
        {METHOD_PATCH, "/api/providers/x", "default_model",
         sizeof((struct provider_row *)0)->default_model - 1},
        {METHOD_POST, "/api/keys", "name", sizeof((struct key_row *)0)->name - 1},
        {METHOD_GET, "/api/jobs", "limit", EXPORT_ROWS_MAX},
        {METHOD_GET, "/api/usage", "limit", USAGE_PAGE_MAX},
        {METHOD_GET, "/api/events", "limit", EXPORT_ROWS_MAX},
        {METHOD_GET, "/api/jobs", "model", sizeof((struct job_filter *)0)->model - 1},
        {METHOD_GET, "/api/jobs", "cursor", sizeof((struct job_filter *)0)->cursor - 1},
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        char args[API_PATH_ARGS][64], allow[64];
        const struct api_endpoint *row =
            api_endpoint_find(limits[i].method, str_of(limits[i].path), args, allow);
        CHECK(limits[i].path, row);
        const struct schema_field *field =
            schema_field_of(row->body ? row->body : row->query, str_of(limits[i].field));
        CHECK(limits[i].field, field);
        CHECK_INT(limits[i].field, field->schema.max, limits[i].max);
    }
}

static void bodies_of_the_contract_know_whole_names_only(void **state)
{
    (void)state;
    char args[API_PATH_ARGS][64] = {0}, allow[64];
    const struct api_endpoint *keys = api_endpoint_find(METHOD_POST, STR("/api/keys"), args, allow);
    CHECK("role", schema_field_of(keys->body, STR("role")));
    static const char *const refused[] = {"",       " ",         "rol",           "roles",
                                          "Role",   "name role", "org_id",        "id",
                                          "digest", "budget",    "allowed_routes"};
    for (size_t i = 0; i < COUNT(refused); i++)
        CHECK(refused[i], !schema_field_of(keys->body, str_of(refused[i])));
}

static void every_body_is_a_closed_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_endpoint_row_count; i++) {
        const struct schema *schema = api_endpoint_rows[i].body;
        CHECK(api_endpoint_rows[i].path,
              !schema || (schema->types == SCHEMA_BIT(JSON_OBJECT) && schema->fields));
    }
}

TEST_MAIN(TEST(limits_are_those_of_the_tables), TEST(words_are_those_of_the_tables),
          TEST(provider_types_are_the_kinds), TEST(endpoints_are_those_that_make_jobs),
          TEST(roles_of_keys_are_roles), TEST(bodies_of_the_contract_know_whole_names_only),
          TEST(every_body_is_a_closed_object))
