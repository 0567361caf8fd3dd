/* tests/unit/json/test_schema.c: what a body may be, by a schema of every kind. T05. */
#include "json/schema.h"

#include "tests/test.h"

static const struct schema whole = {
    .types = SCHEMA_BIT(JSON_NUMBER), .is_whole = true, .min = 1, .max = 9};

// clang-format off
static const struct schema_field inner_fields[] = {
    {"when", true, {.types = SCHEMA_BIT(JSON_STRING), .max = INT64_MAX, .words = " always never "}},
    {"open", false, {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX}},
    {0}};
static const struct schema inner = {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX, .fields = inner_fields};

static const struct schema_field fields[] = {
    {"name", true, {.types = SCHEMA_BIT(JSON_STRING), .min = 1, .max = 5}},
    {"count", false, {.types = SCHEMA_BIT(JSON_NUMBER) | SCHEMA_BIT(JSON_NULL), .is_whole = true, .min = -2, .max = 10}},
    {"many", false, {.types = SCHEMA_BIT(JSON_NUMBER), .is_whole = true, .min = 0, .max = INT64_MAX}},
    {"share", false, {.types = SCHEMA_BIT(JSON_NUMBER), .min = 0, .max = 1}},
    {"paused", false, {.types = SCHEMA_BIT(JSON_BOOL), .max = INT64_MAX}},
    {"list", false, {.types = SCHEMA_BIT(JSON_ARRAY), .max = 2, .items = &whole}},
    {"steps", false, {.types = SCHEMA_BIT(JSON_ARRAY), .min = 1, .max = INT64_MAX, .items = &inner}},
    {0}};
static const struct schema body = {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX, .fields = fields};

/* `detail` is NULL for what is fine. */
static const struct body_story {
    const char *body, *field, *detail;
} bodies[] = {
    {"{\"name\":\"x\"}", "", NULL},
    {"{\"name\":\"12345\",\"count\":null,\"many\":9223372036854775807,\"share\":0.5,\"paused\":true,\"list\":[1,9],\"steps\":[{\"when\":\"always\"}]}", "", NULL},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"never\",\"open\":{\"any\":[1,{}]}}]}", "", NULL},
    {"{\"count\":-2,\"name\":\"x\",\"list\":[]}", "", NULL},
    {"{\"count\":3.0,\"name\":\"x\"}", "", NULL},
    {"[]", "", "The body must be an object."},
    {"{}", "name", "The body needs the field \"name\"."},
    {"{\"name\":\"\"}", "name", "name must have 1 to 5 bytes."},
    {"{\"name\":\"123456\"}", "name", "name must have 1 to 5 bytes."},
    {"{\"name\":\"\\u00e4\\u00e4\\u00e4\"}", "name", "name must have 1 to 5 bytes."},
    {"{\"name\":7}", "name", "name must be a string."},
    {"{\"name\":null}", "name", "name must be a string."},
    {"{\"name\":\"x\",\"name\":\"y\"}", "name", "The body has the field \"name\" twice."},
    {"{\"name\":\"x\",\"role\":\"owner\"}", "role", "The body has no field \"role\"."},
    {"{\"name\":\"x\",\"\":1}", "", "The body has no field \"\"."},
    {"{\"name\":\"x\",\"Name\":1}", "Name", "The body has no field \"Name\"."},
    {"{\"name\":\"x\",\"name \":1}", "name ", "The body has no field \"name \"."},
    {"{\"name\":\"x\",\"count\":11}", "count", "count must be a whole number between -2 and 10."},
    {"{\"name\":\"x\",\"count\":-3}", "count", "count must be a whole number between -2 and 10."},
    {"{\"name\":\"x\",\"count\":1.5}", "count", "count must be a whole number between -2 and 10."},
    {"{\"name\":\"x\",\"count\":1e300}", "count", "count must be a whole number between -2 and 10."},
    {"{\"name\":\"x\",\"count\":\"3\"}", "count", "count must be a number or null."},
    {"{\"name\":\"x\",\"many\":-1}", "many", "many must be a whole number, at least 0."},
    {"{\"name\":\"x\",\"many\":9223372036854775808}", "many", "many must be a whole number, at least 0."},
    {"{\"name\":\"x\",\"share\":1.01}", "share", "share must be a number between 0 and 1."},
    {"{\"name\":\"x\",\"paused\":1}", "paused", "paused must be true or false."},
    {"{\"name\":\"x\",\"list\":{}}", "list", "list must be a list."},
    {"{\"name\":\"x\",\"list\":[1,2,3]}", "list", "list must have 0 to 2 elements."},
    {"{\"name\":\"x\",\"list\":[1,10]}", "list", "list[1] must be a whole number between 1 and 9."},
    {"{\"name\":\"x\",\"steps\":[]}", "steps", "steps must have at least 1 elements."},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"always\"},{\"when\":\"Always\"}]}", "steps", "steps[1].when must be one of: always never."},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"\"}]}", "steps", "steps[0].when must be one of: always never."},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"always never\"}]}", "steps", "steps[0].when must be one of: always never."},
    {"{\"name\":\"x\",\"steps\":[{}]}", "steps", "steps[0] needs the field \"when\"."},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"never\",\"name\":1}]}", "steps", "steps[0] has no field \"name\"."},
    {"{\"name\":\"x\",\"steps\":[{\"when\":\"never\",\"when\":\"never\"}]}", "steps", "steps[0] has the field \"when\" twice."},
    {"{\"name\":\"x\",\"steps\":[[]]}", "steps", "steps[0] must be an object."},
};
// clang-format on

static void bodies_keep_to_their_schema_or_are_told_where_they_do_not(void **state)
{
    (void)state;
    struct json_reader *reader = NULL;
    assert_int_equal(json_reader_new(4096, &reader), OK);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const struct body_story *story = &bodies[i];
        struct schema_breach breach;
        struct error error = {0};
        struct json root;
        CHECK(story->body, json_parse(reader, str_of(story->body), &root, &error) == OK);
        CHECK_INT(story->body, schema_holds(&body, root, &breach), story->detail == NULL);
        CHECK_STR(story->body, breach.detail, story->detail ? story->detail : "");
        CHECK_STR(story->body, breach.field, story->detail ? story->field : breach.field);
        CHECK_INT(story->body, breach.is_unknown_field,
                  strstr(breach.detail, "has no field") != NULL);
    }
    json_reader_free(reader);
}

static void parameters_keep_to_their_schema(void **state)
{
    (void)state;
    static const struct schema limit = {
        .types = SCHEMA_BIT(JSON_NUMBER), .is_whole = true, .min = 1, .max = 200};
    static const struct schema word = {
        .types = SCHEMA_BIT(JSON_STRING), .max = INT64_MAX, .words = " done failed "};
    static const struct schema text = {.types = SCHEMA_BIT(JSON_STRING), .max = 3};
    static const struct schema flag = {.types = SCHEMA_BIT(JSON_BOOL), .max = INT64_MAX};
    static const struct parameter_story {
        const struct schema *schema;
        const char *text, *detail;
    } parameters[] = {
        {&limit, "1", ""},
        {&limit, "200", ""},
        {&word, "failed", ""},
        {&text, "abc", ""},
        {&text, "", ""},
        {&flag, "true", ""},
        {&flag, "false", ""},
        {&limit, "0", "p must be a whole number between 1 and 200."},
        {&limit, "201", "p must be a whole number between 1 and 200."},
        {&limit, "1.0", "p must be a whole number between 1 and 200."},
        {&limit, "+1", "p must be a whole number between 1 and 200."},
        {&limit, " 1", "p must be a whole number between 1 and 200."},
        {&limit, "99999999999999999999", "p must be a whole number between 1 and 200."},
        {&word, "Done", "p must be one of: done failed."},
        {&word, "", "p must be one of: done failed."},
        {&text, "abcd", "p must have 0 to 3 bytes."},
        {&flag, "1", "p must be true or false."},
    };
    for (size_t i = 0; i < COUNT(parameters); i++) {
        const struct parameter_story *story = &parameters[i];
        struct schema_breach breach;
        CHECK_INT(story->text, schema_text_holds(story->schema, "p", str_of(story->text), &breach),
                  story->detail[0] == 0);
        CHECK_STR(story->text, breach.detail, story->detail);
        CHECK_STR(story->text, breach.field, "p");
    }
}

/* However long names and places become, the sentence stays within its room. */
static void long_names_are_cut(void **state)
{
    (void)state;
    static char text[70000];
    struct json_reader *reader = NULL;
    struct schema_breach breach;
    struct error error = {0};
    struct json root;
    size_t len = (size_t)snprintf(text, sizeof text, "{\"");
    memset(text + len, 'n', sizeof text - 10);
    snprintf(text + sizeof text - 8, 8, "\":1}");
    assert_int_equal(json_reader_new(sizeof text, &reader), OK);
    CHECK("parsed", json_parse(reader, str_of(text), &root, &error) == OK);
    CHECK("refused", !schema_holds(&body, root, &breach));
    CHECK("cut", strlen(breach.field) == sizeof breach.field - 1);
    CHECK("a sentence", strlen(breach.detail) < 128);
    json_reader_free(reader);
}

TEST_MAIN(TEST(bodies_keep_to_their_schema_or_are_told_where_they_do_not),
          TEST(parameters_keep_to_their_schema), TEST(long_names_are_cut))
