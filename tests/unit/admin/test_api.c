/* tests/unit/admin/test_api.c: problems, query parameters, If-Match and fields, as handlers use them. */
#include "admin/api.h"

#include "tests/test.h"

static void call_init(struct api_call *call)
{
    memset(call, 0, sizeof *call);
    buf_init(&call->answer, API_ANSWER_MAX);
    str_copy(STR("req_1"), call->request_id, sizeof call->request_id);
}

static void a_problem_says_what_and_what_to_do(void **state)
{
    (void)state;
    AUTO_BUF struct buf body;
    buf_init(&body, 4096);
    problem_write(&body, PROBLEM_INVALID_FIELD, "name \"x\" is taken\n", "name", "req_9");
    CHECK_STR(
        "the whole body", body.data,
        "{\"code\":\"invalid_field\",\"title\":\"Invalid value\",\"detail\":\"name \\\"x\\\" is "
        "taken\\n\",\"fix\":\"Correct the field and send the request "
        "again.\",\"field\":\"name\",\"request_id\":\"req_9\"}");
    for (int i = 0; i < PROBLEM_COUNT; i++)
        CHECK("a status", problem_status((enum problem)i) >= 400);
    CHECK_INT("HTTP's own 413", problem_of_status(413), PROBLEM_TOO_LARGE);
    CHECK_INT("a strange 5xx", problem_of_status(599), PROBLEM_INTERNAL);
    CHECK_INT("a strange 4xx", problem_of_status(418), PROBLEM_BAD_REQUEST);
}

static const struct query_story {
    const char *query, *want; /* NULL: not found */
    bool fails;
} queries[] = {
    {"model=gpt-4", "gpt-4", false},
    {"a=1&model=b&c=2", "b", false},
    {"model=", "", false},
    {"model", "", false},
    {"", NULL, false},
    {"models=x&xmodel=y", NULL, false},
    {"model=a%2Fb+c", "a/b c", false},
    {"model=%c3%a9", "\xc3\xa9", false},
    {"model=1&model=2", NULL, true},
    {"model=%", NULL, true},
    {"model=%4", NULL, true},
    {"model=%zz", NULL, true},
    {"model=%00", NULL, true},
    {"model=%ff", NULL, true},
    {"model=0123456789012345", NULL, true},
};

static void query_parameters_are_decoded_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        struct api_call call;
        char room[16] = "";
        call_init(&call);
        str_copy(str_of(queries[i].query), call.query, sizeof call.query);
        bool is_found = api_query(&call, "model", room, sizeof room);
        CHECK_INT(queries[i].query, is_found, queries[i].want != NULL);
        CHECK_INT(queries[i].query, api_has_failed(&call), queries[i].fails);
        if (is_found)
            CHECK_STR(queries[i].query, room, queries[i].want);
        buf_release(&call.answer);
    }
}

static void an_edit_for_another_rev_is_stale(void **state)
{
    (void)state;
    static const struct {
        const char *if_match;
        bool is_stale;
    } stories[] = {{"", false},      {"*", false},       {"7", false},
                   {"\"7\"", false}, {"W/\"7\"", false}, {"8", true},
                   {"\"6\"", true},  {"seven", true},    {"\"", true}};
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct api_call call;
        call_init(&call);
        str_copy(str_of(stories[i].if_match), call.if_match, sizeof call.if_match);
        CHECK_INT(stories[i].if_match, api_is_stale(&call, 7), stories[i].is_stale);
    }
}

static void fields_have_types_and_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_good;
        const char *text;
        int64_t number;
    } stories[] = {
        {"{}", true, "old", 5},
        {"{\"t\":\"new\",\"n\":7}", true, "new", 7},
        {"{\"t\":null,\"n\":null}", true, "", 0},
        {"{\"t\":7}", false, NULL, 0},
        {"{\"t\":\"longer than eight\"}", false, NULL, 0},
        {"{\"t\":\"a\\u0000b\"}", false, NULL, 0},
        {"{\"t\":\"a\\nb\"}", false, NULL, 0},
        {"{\"n\":\"7\"}", false, NULL, 0},
        {"{\"n\":11}", false, NULL, 0},
        {"{\"n\":-1}", false, NULL, 0},
        {"{\"n\":1.5}", false, NULL, 0},
        {"{\"b\":1}", false, NULL, 0},
    };
    struct json_reader *reader = NULL;
    CHECK("a reader", json_reader_new(4096, &reader) == OK);
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct api_call call;
        struct error error;
        char text[8] = "old";
        int64_t number = 5;
        bool flag = false;
        call_init(&call);
        CHECK(stories[i].body,
              json_parse(reader, str_of(stories[i].body), &call.root, &error) == OK);
        bool is_good = api_text(&call, "t", text, sizeof text, NULL) &&
                       api_int(&call, "n", 0, 10, &number) && api_bool(&call, "b", &flag);
        CHECK_INT(stories[i].body, is_good, stories[i].is_good);
        CHECK_INT(stories[i].body, api_has_failed(&call), !stories[i].is_good);
        if (is_good) {
            CHECK_STR(stories[i].body, text, stories[i].text);
            CHECK_INT(stories[i].body, number, stories[i].number);
        }
        buf_release(&call.answer);
    }
    json_reader_free(reader);
}

TEST_MAIN(TEST(a_problem_says_what_and_what_to_do), TEST(query_parameters_are_decoded_or_refused),
          TEST(an_edit_for_another_rev_is_stale), TEST(fields_have_types_and_bounds))
