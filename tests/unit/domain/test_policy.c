/* tests/unit/domain/test_policy.c: policies, roles and scopes are read strictly and written back. */
#include "domain/policy.h"
#include "domain/role.h"

#include "tests/test.h"

static struct json_reader *reader;
static struct arena arena;

static int before(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return json_reader_new(1 << 20, &reader) == OK ? 0 : -1;
}

static int after(void **state)
{
    (void)state;
    json_reader_free(reader);
    arena_release(&arena);
    return 0;
}

static struct json parsed(const char *text)
{
    struct json root = {0};
    struct error error = {0};
    CHECK(text, json_parse(reader, str_of(text), &root, &error) == OK);
    return root;
}

static enum err read_over(struct policy *policy, const char *text, const char **out_field)
{
    struct error error = {0};
    enum err err = policy_read(policy, parsed(text), &arena, out_field, &error);
    CHECK(text, (err == OK) == (error.text[0] == '\0'));
    return err;
}

static void check_written(const char *name, const struct policy *policy, const char *want)
{
    AUTO_BUF struct buf out = {0};
    struct json_writer writer;
    buf_init(&out, 1 << 16);
    json_writer_init(&writer, &out);
    json_open_object(&writer);
    policy_write(&writer, policy);
    json_close_object(&writer);
    CHECK_STR(name, out.data, want);
}

#define NOTHING_BUT(tiers, providers, models, class, requests, budget, soft)                        \
    "{\"allowed_tiers\":" tiers ",\"allowed_providers\":" providers ",\"allowed_models\":" models   \
    ",\"service_class\":" class                                                                     \
        ",\"requests_per_minute\":" requests                                                        \
        ",\"tokens_per_minute\":null,\"max_concurrent\":null,\"budget_microusd_per_month\":" budget \
        ",\"budget_soft_microusd_per_month\":" soft ",\"max_output_tokens\":null}"

static void what_is_read_is_written_back(void **state)
{
    (void)state;
    static const struct {
        const char *given, *written;
    } stories[] = {
        {"{}", NOTHING_BUT("null", "null", "null", "\"interactive\"", "null", "null", "null")},
        {"{\"allowed_tiers\":[\"cloud\",\"gpu\"],\"service_class\":\"batch\"}",
         NOTHING_BUT("[\"gpu\",\"cloud\"]", "null", "null", "\"batch\"", "null", "null", "null")},
        {"{\"allowed_models\":[],\"allowed_providers\":[\"prv_1\"],\"requests_per_minute\":60}",
         NOTHING_BUT("null", "[\"prv_1\"]", "[]", "\"interactive\"", "60", "null", "null")},
        {"{\"budget_microusd_per_month\":0,\"allowed_models\":[\"a\",\"claude-*\"]}",
         NOTHING_BUT("null", "null", "[\"a\",\"claude-*\"]", "\"interactive\"", "null", "0",
                     "null")},
        {"{\"budget_microusd_per_month\":5,\"budget_soft_microusd_per_month\":5}",
         NOTHING_BUT("null", "null", "null", "\"interactive\"", "null", "5", "5")},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        const char *field = NULL;
        struct policy policy = policy_none();
        CHECK_INT(stories[i].given, read_over(&policy, stories[i].given, &field), OK);
        check_written(stories[i].given, &policy, stories[i].written);
        struct policy again = policy_none();
        CHECK_INT("its own form", read_over(&again, stories[i].written, &field), OK);
        check_written("the same", &again, stories[i].written);
    }
}

static void a_change_leaves_what_it_does_not_name_and_null_takes_away(void **state)
{
    (void)state;
    const char *field = NULL;
    struct policy policy = policy_none();
    CHECK("none", policy_is_none(&policy) && !policy_has_limits(&policy));
    CHECK_INT("first",
              read_over(&policy, "{\"allowed_models\":[\"m\"],\"requests_per_minute\":3}", &field),
              OK);
    CHECK("some", !policy_is_none(&policy) && policy_has_limits(&policy));
    CHECK_INT("then", read_over(&policy, "{\"budget_microusd_per_month\":7}", &field), OK);
    check_written("both", &policy,
                  NOTHING_BUT("null", "null", "[\"m\"]", "\"interactive\"", "3", "7", "null"));
    CHECK_INT("away",
              read_over(&policy,
                        "{\"allowed_models\":null,\"requests_per_minute\":null,"
                        "\"budget_microusd_per_month\":null}",
                        &field),
              OK);
    CHECK("none again", policy_is_none(&policy));
}

static void a_wrong_policy_is_refused_by_the_name_of_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *given, *field;
    } stories[] = {
        {"[]", NULL},
        {"{\"admin\":true}", "admin"},
        {"{\"Requests_per_minute\":1}", "Requests_per_minute"},
        {"{\"requests_per_minute\":1,\"requests_per_minute\":2}", "requests_per_minute"},
        {"{\"requests_per_minute\":0}", "requests_per_minute"},
        {"{\"requests_per_minute\":-1}", "requests_per_minute"},
        {"{\"requests_per_minute\":\"60\"}", "requests_per_minute"},
        {"{\"requests_per_minute\":1.5}", "requests_per_minute"},
        {"{\"tokens_per_minute\":9223372036854775808}", "tokens_per_minute"},
        {"{\"max_concurrent\":true}", "max_concurrent"},
        {"{\"budget_microusd_per_month\":-1}", "budget_microusd_per_month"},
        {"{\"budget_microusd_per_month\":5,\"budget_soft_microusd_per_month\":6}",
         "budget_soft_microusd_per_month"},
        {"{\"allowed_tiers\":[\"gpu\",\"moon\"]}", "allowed_tiers"},
        {"{\"allowed_tiers\":\"gpu\"}", "allowed_tiers"},
        {"{\"allowed_providers\":[1]}", "allowed_providers"},
        {"{\"allowed_providers\":[\"\"]}", "allowed_providers"},
        {"{\"allowed_models\":{}}", "allowed_models"},
        {"{\"allowed_models\":[\"a*b\"]}", "allowed_models"},
        {"{\"allowed_models\":[\"a\\u0000b\"]}", "allowed_models"},
        {"{\"service_class\":\"vip\"}", "service_class"},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        const char *field = NULL;
        struct policy policy = policy_none();
        CHECK_INT(stories[i].given, read_over(&policy, stories[i].given, &field), ERR_MALFORMED);
        CHECK_STR(stories[i].given, field, stories[i].field);
    }
}

static void a_list_is_bounded(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = {0};
    const char *field = NULL;
    buf_init(&text, 1 << 16);
    buf_puts(&text, "{\"allowed_models\":[\"m\"");
    for (int i = 1; i < POLICY_LIST_MAX; i++)
        buf_puts(&text, ",\"m\"");
    struct policy policy = policy_none();
    size_t full = text.len;
    buf_puts(&text, "]}");
    CHECK_INT("full", read_over(&policy, text.data, &field), OK);
    CHECK_INT("all", policy.model_count, POLICY_LIST_MAX);
    text.len = full;
    buf_puts(&text, ",\"m\"]}");
    CHECK_INT("one more", read_over(&policy, text.data, &field), ERR_MALFORMED);
}

static void a_pattern_matches_whole_names_and_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *model;
        bool matches;
    } stories[] = {
        {"gpt-4", "gpt-4", true},      {"gpt-4", "gpt-4o", false}, {"gpt-4*", "gpt-4o", true},
        {"gpt-4*", "gpt-4", true},     {"*", "anything", true},    {"gpt-4*", "gpt-3", false},
        {"org/m*", "org/model", true}, {"GPT-4", "gpt-4", false},
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK_INT(stories[i].pattern,
                  policy_model_matches(stories[i].pattern, str_of(stories[i].model)),
                  stories[i].matches);
}

static void roles_and_scopes_are_read_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        enum err err;
        unsigned scopes;
    } stories[] = {
        {"[\"inference\"]", OK, SCOPE_INFERENCE},
        {"[\"manage\",\"read\",\"inference\"]", OK, SCOPE_ALL},
        {"[]", ERR_MALFORMED, 0},
        {"[\"read\",\"read\"]", ERR_MALFORMED, 0},
        {"[\"admin\"]", ERR_MALFORMED, 0},
        {"\"read\"", ERR_MALFORMED, 0},
        {"null", ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        unsigned scopes = 0;
        struct error error = {0};
        CHECK_INT(stories[i].given, scopes_read(parsed(stories[i].given), &scopes, &error),
                  stories[i].err);
        CHECK_INT(stories[i].given, scopes, stories[i].scopes);
    }
    enum role role = ROLE_NONE;
    CHECK("owner", role_parse(STR("owner"), &role) && role == ROLE_OWNER);
    CHECK("none is no role", !role_parse(STR("none"), &role));
    CHECK_INT("a member's key", scopes_of_role(ROLE_MEMBER), SCOPE_INFERENCE | SCOPE_READ);
    CHECK_INT("an admin's", scopes_of_role(ROLE_ADMIN), SCOPE_ALL);
    CHECK_INT("nobody's", scopes_of_role(ROLE_NONE), 0);
}

#define ISOLATED(function) cmocka_unit_test_setup_teardown(function, before, after)
TEST_MAIN(ISOLATED(what_is_read_is_written_back),
          ISOLATED(a_change_leaves_what_it_does_not_name_and_null_takes_away),
          ISOLATED(a_wrong_policy_is_refused_by_the_name_of_its_field), ISOLATED(a_list_is_bounded),
          ISOLATED(a_pattern_matches_whole_names_and_prefixes),
          ISOLATED(roles_and_scopes_are_read_by_name))
