/* tests/unit/json/test_json.c: what is JSON, and what the reader makes of it. */
#include "json/json.h"

#include "base/buf.h"

#include "tests/fixtures/fixture.h"

#include <dirent.h>

#include "tests/test.h"

#define LIMIT_BYTES (1024u * 1024)

static struct json_reader *reader;

static int open_reader(void **state)
{
    (void)state;
    return json_reader_new(LIMIT_BYTES, &reader) == OK ? 0 : -1;
}

static int close_reader(void **state)
{
    (void)state;
    json_reader_free(reader);
    return 0;
}

static struct json parse(const char *text)
{
    struct json root = {0};
    struct error error;
    CHECK(text, json_parse(reader, str_of(text), &root, &error) == OK);
    return root;
}

/* Every file of JSONTestSuite: y_ must be read, n_ must not, i_ may be either (but not crash). */
static void the_test_suite_is_obeyed(void **state)
{
    (void)state;
    int accepted = 0, refused = 0;
    DIR *directory = opendir(FIXTURES "/json");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "json/%s", entry->d_name);
        if (!strstr(entry->d_name, ".json"))
            continue;
        struct fixture file = fixture_read(path);
        struct json root;
        struct error error = {0};
        enum err result = json_parse(reader, (struct str){file.bytes, file.len}, &root, &error);
        if (entry->d_name[0] == 'y')
            CHECK(entry->d_name, result == OK && ++accepted);
        if (entry->d_name[0] == 'n')
            CHECK(entry->d_name, result == ERR_MALFORMED && error.text[0] && ++refused);
        free(file.bytes);
    }
    closedir(directory);
    CHECK_INT("y_ files", accepted, 95);
    CHECK_INT("n_ files", refused, 188);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1) + 1];
    struct json root;
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct error error;
        enum err result = json_parse(reader, (struct str){text, 2 * depth}, &root, &error);
        CHECK("depth", result == (depth <= JSON_DEPTH_MAX ? OK : ERR_MALFORMED));
        if (result)
            CHECK_STR("depth", error.text, "the JSON is nested deeper than 64 levels");
    }
}

static const struct text_story {
    const char *name, *json, *text;
} text_stories[] = {
    {"plain", "\"abc\"", "abc"},
    {"escapes are decoded", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "\"\\/\b\f\n\r\t\xC3\xA9"},
    {"a pair of surrogates is one character", "\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
    {"a high surrogate alone", "\"a\\ud83d\"", "a\xEF\xBF\xBD"},
    {"a low surrogate alone", "\"\\uDE00b\"",
     "\xEF\xBF\xBD"
     "b"},
    {"two high ones", "\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
    {"an escaped backslash before u is no escape", "\"\\ud800\\\\ud800\"", "\xEF\xBF\xBD\\ud800"},
    {"empty", "\"\"", ""},
};

static void strings_are_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(text_stories); i++) {
        struct str text;
        CHECK(text_stories[i].name, json_string(parse(text_stories[i].json), &text));
        CHECK(text_stories[i].name, str_eq(text, str_of(text_stories[i].text)));
    }
    struct str text;
    CHECK("NUL", json_string(parse("\"a\\u0000b\""), &text) && text.len == 3);
}

static const struct number_story {
    const char *json;
    bool is_integer;
    int64_t integer;
    double real;
} number_stories[] = {
    {"0", true, 0, 0},
    {"-1", true, -1, -1},
    {"9223372036854775807", true, INT64_MAX, 9223372036854775807.0},
    {"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0},
    {"9223372036854775808", false, 0, 9223372036854775808.0},
    {"18446744073709551615", false, 0, 18446744073709551615.0},
    {"18446744073709552000", false, 0, 18446744073709552000.0},
    {"-18446744073709552000", false, 0, -18446744073709552000.0},
    {"123456789012345678901234567890", false, 0, 123456789012345678901234567890.0},
    {"3.0", true, 3, 3},
    {"1e3", true, 1000, 1000},
    {"3.5", false, 0, 3.5},
    {"1e300", false, 0, 1e300},
};

static void numbers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(number_stories); i++) {
        const struct number_story *story = &number_stories[i];
        struct json value = parse(story->json);
        int64_t integer = 0;
        double real = 0;
        CHECK(story->json, json_int64(value, &integer) == story->is_integer);
        CHECK(story->json, integer == story->integer);
        CHECK(story->json, json_double(value, &real));
        CHECK(story->json, real >= story->real && real <= story->real);
    }
}

static const struct refusal_story {
    const char *name, *json, *sentence;
} refusal_stories[] = {
    {"empty", "", "the text is empty where JSON was expected"},
    {"blank", " \n", "the text is empty where JSON was expected"},
    {"no UTF-8", "\"\xC3\"", "the JSON text is not valid UTF-8"},
    {"overlong", "\"\xC0\xAF\"", "the JSON text is not valid UTF-8"},
    {"open string", "[\"a", "not valid JSON: a string is not closed"},
    {"raw newline", "\"a\nb\"", "not valid JSON: a string holds an unescaped control character"},
    {"bad escape", "\"\\x\"", "not valid JSON: a string has a wrong escape"},
    {"bad escape after a lone surrogate", "\"\\ud800\\x\"",
     "not valid JSON: a string has a wrong escape"},
    {"infinity", "1e999", "not valid JSON: a number is malformed or beyond the range of a double"},
    {"long number with leading zeros", "00000000000000000000001",
     "not valid JSON: a number is malformed or beyond the range of a double"},
    {"wrong word", "[nul]", "not valid JSON: true, false or null expected"},
    {"two values", "{} {}",
     "not valid JSON: a comma, bracket, colon or quote is missing or too many"},
};

static void refusals_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusal_stories); i++) {
        struct json root;
        struct error error;
        enum err result = json_parse(reader, str_of(refusal_stories[i].json), &root, &error);
        CHECK(refusal_stories[i].name, result == ERR_MALFORMED);
        CHECK_STR(refusal_stories[i].name, error.text, refusal_stories[i].sentence);
    }
}

static void a_text_past_the_limit_is_too_large(void **state)
{
    (void)state;
    struct json_reader *small;
    struct json root;
    CHECK("made", json_reader_new(4, &small) == OK);
    CHECK("a first text of nothing", json_parse(small, STR(""), &root, NULL) == ERR_MALFORMED);
    CHECK("at the limit", json_parse(small, STR("1234"), &root, NULL) == OK);
    CHECK("past it", json_parse(small, STR("12345"), &root, NULL) == ERR_TOO_LARGE);
    json_reader_free(small);
}

static void trees_are_walked(void **state)
{
    (void)state;
    struct json root = parse("{\"a\":{\"b\":[1,2.5,\"x\",{},[]],\"c\":null},\"a\":2,\"\":true}");
    CHECK("first of two", json_type_of(json_get(root, "a")) == JSON_OBJECT);
    CHECK("path", json_type_of(json_at(root, "a", "c", NULL)) == JSON_NULL);
    CHECK("missing", json_type_of(json_at(root, "a", "x", "y", NULL)) == JSON_ABSENT);
    CHECK("empty name", json_type_of(json_get(root, "")) == JSON_BOOL);
    CHECK_INT("members", json_count(root), 3);
    CHECK_INT("elements", json_count(json_at(root, "a", "b", NULL)), 5);

    static const enum json_type types[] = {JSON_NUMBER, JSON_NUMBER, JSON_STRING, JSON_OBJECT,
                                           JSON_ARRAY};
    size_t count = 0;
    for (struct json_cursor c = json_each(json_at(root, "a", "b", NULL)); json_next(&c); count++)
        CHECK("element", json_type_of(c.value) == types[count] && c.name.len == 0);
    CHECK_INT("all", count, 5);
    struct json_cursor none = json_each(json_get(root, "missing"));
    CHECK("nothing in nothing", !json_next(&none));
    CHECK("wrong types", json_int64_or(json_get(root, "a"), 7) == 7);
    CHECK("wrong types", json_string_or_empty(root).len == 0);
}

static void big_room_is_given_back_and_reused(void **state)
{
    (void)state;
    static char text[LIMIT_BYTES];
    memset(text, ' ', sizeof text);
    text[0] = '[';
    text[sizeof text - 1] = ']';
    struct json root;
    for (int i = 0; i < 3; i++) {
        CHECK("big", json_parse(reader, (struct str){text, sizeof text}, &root, NULL) == OK);
        CHECK("small", json_count(parse("[1,2,3]")) == 3);
    }
}

/* ---- peeking ----------------------------------------------------------------------------------- */

static const struct peek_story {
    const char *name, *json;
    enum json_type type; /* of member "model" */
    const char *raw;     /* its bytes */
    const char *sentence;
} peek_stories[] = {
    {"a string", "{\"model\":\"x\"}", JSON_STRING, "\"x\"", NULL},
    {"space around", " { \"a\" : [1,{\"model\":2}] , \"model\"\t:\n\"x\\\"}\"  , \"b\":1} ",
     JSON_STRING, "\"x\\\"}\"", NULL},
    {"a number", "{\"model\": -1.5e3 }", JSON_NUMBER, "-1.5e3", NULL},
    {"an object", "{\"model\":{\"a\":[{}]} ,\"z\":[]}", JSON_OBJECT, "{\"a\":[{}]}", NULL},
    {"an escaped name is the same name", "{\"\\u006dodel\":true}", JSON_BOOL, "true", NULL},
    {"missing", "{\"a\":{\"model\":1}}", JSON_ABSENT, "", NULL},
    {"empty", "{ }", JSON_ABSENT, "", NULL},
    {"long integers beside it", "{\"a\":18446744073709552000,\"model\":null}", JSON_NULL, "null",
     NULL},
    {"twice", "{\"model\":1,\"model\":1}", 0, NULL, "the member \"model\" occurs twice"},
    {"twice, once escaped", "{\"model\":1,\"mode\\u006c\":1}", 0, NULL,
     "the member \"model\" occurs twice"},
    {"another member twice", "{\"x\":1,\"model\":1,\"x\":1}", 0, NULL,
     "the member \"x\" occurs twice"},
    {"another spelling", "{\"Model\":1}", 0, NULL,
     "the member \"Model\" must be spelled \"model\""},
    {"no object", "[1]", 0, NULL, "the JSON text must be an object"},
    {"malformed further down", "{\"model\":1,\"a\":[1,]}", 0, NULL,
     "not valid JSON: a comma, bracket, colon or quote is missing or too many"},
};

static void peeking_finds_the_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(peek_stories); i++) {
        const struct peek_story *story = &peek_stories[i];
        struct json_member member = {.name = "model"};
        struct json_span span;
        struct error error;
        enum err result = json_peek(reader, str_of(story->json), &member, 1, &span, &error);
        if (story->sentence) {
            CHECK(story->name, result == ERR_MALFORMED);
            CHECK_STR(story->name, error.text, story->sentence);
            continue;
        }
        CHECK(story->name, result == OK && member.type == story->type);
        struct str raw = {story->json + member.start, member.end - member.start};
        CHECK(story->name, str_eq(raw, str_of(story->raw)));
        CHECK(story->name, story->json[span.open] == '{' && story->json[span.close] == '}');
        CHECK(story->name, json_type_of(member.value) == story->type);
        CHECK(story->name, span.is_empty == (strcmp(story->name, "empty") == 0));
    }
}

static void peeking_inside_gives_offsets_of_the_whole(void **state)
{
    (void)state;
    const char *text = "{\"a\":[{}], \"o\" : {\"deep\":{\"x\":1}, \"x\" : [2] } }";
    struct json_member outer = {.name = "o"}, inner = {.name = "x"};
    struct json_span span;
    CHECK("outer", json_peek(reader, str_of(text), &outer, 1, &span, NULL) == OK);
    CHECK("inner", json_peek_inside(reader, &outer, &inner, 1, &span, NULL) == OK);
    CHECK("bytes", memcmp(text + inner.start, "[2]", 3) == 0 && inner.end == inner.start + 3);
    CHECK("span", span.open == outer.start && span.close == outer.end - 1 && !span.is_empty);
}

/* Names are sorted, so neither their number nor their order matters. */
static void duplicates_are_found_among_many(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        AUTO_BUF struct buf text;
        buf_init(&text, LIMIT_BYTES);
        buf_putc(&text, '{');
        for (int i = 0; i < 4000; i++)
            buf_printf(&text, "\"n%d\":%d,", i, i);
        buf_puts(&text, twice ? "\"n17\":0}" : "\"m\":0}");
        struct json_span span;
        enum err result = json_peek(reader, buf_str(&text), NULL, 0, &span, NULL);
        CHECK("many", result == (twice ? ERR_MALFORMED : OK));
    }
}

static void raw_values_are_the_bytes_of_the_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *want;
    } rows[] = {
        {"{\"a\": 1.10 }", "a", "1.10"},
        {"{\"a\":123456789012345678901234567890 ,\"b\":2}", "a", "123456789012345678901234567890"},
        {"{\"a\":\"\\ud800 x\"\n}", "a", "\"\\ud800 x\""},
        {"{ \"x\" : [1,{\"y\":[]}] , \"a\" : { \"k\" : [ 1.0, -0 ] }\t,\"z\":null}", "a",
         "{ \"k\" : [ 1.0, -0 ] }"},
        {"{\"x\":{\"a\":1},\"a\":[]}", "a", "[]"},
        {"{\"x\":[\",:]\",2],\"a\":true}", "a", "true"},
        {"{\"x\":1}", "a", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json root;
        struct str text = str_of(rows[i].text);
        CHECK(rows[i].text, json_parse(reader, text, &root, NULL) == OK);
        struct str raw = json_raw(reader, json_get(root, rows[i].name), text);
        CHECK(rows[i].text, str_eq(raw, str_of(rows[i].want)));
        CHECK(rows[i].text, str_eq(json_raw(reader, root, text), text));
    }
    struct json root;
    CHECK("a lone number", json_parse(reader, STR(" 12 "), &root, NULL) == OK);
    CHECK("a lone number", str_eq(json_raw(reader, root, STR(" 12 ")), STR("12")));
}

static void members_are_picked_as_each_would_be_found(void **state)
{
    (void)state;
    static const struct str names[] = {STR_INIT("b"), STR_INIT("a"), STR_INIT(""), STR_INIT("no"),
                                       STR_INIT("\xc3\xa9")};
    static const char *const texts[] = {
        "{}",
        "[]",
        "7",
        "\"a\"",
        "{\"a\":1}",
        "{\"a\":1,\"b\":{\"a\":2},\"a\":3}",
        "{\"x\":[{\"a\":1}],\"\":null,\"\\u00e9\":\"e\",\"b\":[],\"b\":1.5}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct json root = parse(texts[i]);
        struct json picked[COUNT(names)];
        json_pick(root, names, COUNT(names), picked);
        for (size_t n = 0; n < COUNT(names); n++) {
            struct json found = json_member_of(root, names[n]);
            CHECK(texts[i], picked[n].doc == found.doc && picked[n].at == found.at);
        }
    }
}

/* Where it stood before: values point there, until they are void. */
static void a_wiped_reader_holds_nothing_of_its_text(void **state)
{
    (void)state;
    char text[] = "{\"key\":\"a secret \\u0041\",\"n\":184467440737095520000}"; /* mended: a copy */
    struct json root;
    CHECK_INT("read", json_parse(reader, str_of(text), &root, NULL), OK);
    struct str key = json_string_or_empty(json_get(root, "key"));
    CHECK("as it was", str_eq(key, STR("a secret A")));
    json_wipe(reader);
    for (size_t i = 0; i < key.len; i++)
        CHECK_INT("wiped", key.at[i], 0);
    json_wipe(reader); /* again, and before anything was read: nothing */
    CHECK_INT("and reads on", json_parse(reader, STR("{\"key\":\"b\"}"), &root, NULL), OK);
    CHECK("the next", str_eq(json_string_or_empty(json_get(root, "key")), STR("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_test_suite_is_obeyed),
        TEST(nesting_has_an_end),
        TEST(strings_are_decoded),
        TEST(numbers_are_read),
        TEST(refusals_say_why),
        TEST(a_text_past_the_limit_is_too_large),
        TEST(trees_are_walked),
        TEST(members_are_picked_as_each_would_be_found),
        TEST(big_room_is_given_back_and_reused),
        TEST(peeking_finds_the_bytes),
        TEST(peeking_inside_gives_offsets_of_the_whole),
        TEST(duplicates_are_found_among_many),
        TEST(raw_values_are_the_bytes_of_the_text),
        TEST(a_wiped_reader_holds_nothing_of_its_text),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
