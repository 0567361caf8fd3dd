/* tests/unit/json/test_commented.c: what people may write in a file of configuration, and what they are told of a slip. */
#include "json/commented.h"
#include "json/json.h"

#include "tests/test.h"

#define TEXT_MAX 512

static const struct good_story {
    const char *name, *text, *json; /* json NULL: as it stands */
} good_stories[] = {
    {"plain JSON stays as it is", "{\"a\": [1, -20, true, false, null, \"x\"]}", NULL},
    {"a comment to the end of the line", "{ // why\n \"a\": 1}", "{       \n \"a\": 1}"},
    {"on the last line too", "{} // end", "{}       "},
    {"a comment in between", "{/* one\ntwo */\"a\": 1}", "{      \n      \"a\": 1}"},
    {"a comma behind the last element", "[1, 2,\n]", "[1, 2 \n]"},
    {"and behind the last member", "{\"a\": {\"b\": [],},}", "{\"a\": {\"b\": [] } }"},
    {"a byte order mark", "\xef\xbb\xbf{}", "   {}"},
    {"slashes in strings are no comments", "[\"http://a/* b\"]", NULL},
    {"escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"]", NULL},
    {"eighteen digits", "[123456789012345678, 0, -0]", NULL},
    {"carriage returns and tabs", "{\r\n\t\"a\":1\r\n}", NULL},
    {"a value alone", "7", NULL},
    {"empty ones", "[{}, [], \"\"]", NULL},
};

static void what_people_write_becomes_json_of_the_same_length(void **state)
{
    (void)state;
    struct json_reader *reader = NULL;
    assert_int_equal(json_reader_new(TEXT_MAX, &reader), OK);
    for (size_t i = 0; i < COUNT(good_stories); i++) {
        const struct good_story *story = &good_stories[i];
        struct text_flaw flaw = {{0, 0}, NULL, NULL};
        struct json root;
        struct error error = {0};
        char text[TEXT_MAX];
        str_copy(str_of(story->text), text, sizeof text);
        CHECK_INT(story->name, commented_to_json(text, strlen(text), &flaw), OK);
        CHECK_STR(story->name, text, story->json ? story->json : story->text);
        CHECK_INT(story->name, json_parse(reader, str_of(text), &root, &error), OK);
    }
    json_reader_free(reader);
}

static const struct bad_story {
    const char *name, *text, *what;
    size_t line, column;
} bad_stories[] = {
    {"nothing", "", "The file is empty.", 1, 1},
    {"nothing but a comment", "// to do\n", "The file is empty.", 2, 1},
    {"cut off", "{\"a\": 1,\n", "The file ends in the middle.", 2, 1},
    {"cut off behind a name", "{\"a\"", "The file ends in the middle.", 1, 5},
    {"cut off behind a colon", "{\"a\":", "The file ends in the middle.", 1, 6},
    {"more behind the end", "{}\n{}", "There is more behind the end.", 2, 1},
    {"a comment that is not closed", "{\n/* a\n\n", "This comment is not closed.", 2, 1},
    {"a string over the end of its line", "{\n  \"a: 1\n}", "This string is not closed.", 2, 3},
    {"a string up to the end", "[\"a", "This string is not closed.", 1, 2},
    {"a tab in a string", "[\"a\tb\"]", "A control character in a string.", 1, 4},
    {"an escape of its own", "[\"\\x\"]",
     "A backslash must be followed by one of \" \\ / b f n r t, or by u and four digits.", 1, 3},
    {"an escape without its digits", "[\"\\u12g4\"]",
     "A backslash must be followed by one of \" \\ / b f n r t, or by u and four digits.", 1, 3},
    {"an escape that the file ends in", "[\"\\",
     "A backslash must be followed by one of \" \\ / b f n r t, or by u and four digits.", 1, 3},
    {"no UTF-8", "[\"\xff\"]", "This string is not UTF-8.", 1, 2},
    {"no comma", "{\"a\": 1\n \"b\": 2}", "A comma is missing here.", 2, 2},
    {"two commas", "[1,,2]", "A value is missing here.", 1, 4},
    {"a comma alone", "[,]", "A value is missing here.", 1, 2},
    {"a comma alone in an object", "{,}", "The name of a field is missing here.", 1, 2},
    {"no colon", "{\"a\" 1}", "A colon is missing here.", 1, 6},
    {"no value", "{\"a\": }", "A value is missing here.", 1, 7},
    {"a list closed where a value is missing", "{\"a\": ]", "A value is missing here.", 1, 7},
    {"a name without quotes", "{a: 1}", "The name of a field is missing here.", 1, 2},
    {"a word", "{\"a\": yes}", "This word is no value.", 1, 7},
    {"a word of another language", "{\"a\": None_+x}", "This word is no value.", 1, 7},
    {"a fraction", "{\"a\": 1.5}", "Numbers are whole here, of at most 18 digits.", 1, 7},
    {"an exponent", "[1e3]", "Numbers are whole here, of at most 18 digits.", 1, 2},
    {"a zero in front", "[01]", "Numbers are whole here, of at most 18 digits.", 1, 2},
    {"a sign alone", "[-]", "Numbers are whole here, of at most 18 digits.", 1, 2},
    {"nineteen digits", "[1234567890123456789]", "Numbers are whole here, of at most 18 digits.", 1,
     2},
    {"the wrong bracket", "{\"a\": [1}", "This bracket closes nothing.", 1, 9},
    {"the other wrong bracket", "{\"a\": 1]", "This bracket closes nothing.", 1, 8},
    {"one slash", "{ / \"a\": 1}", "The name of a field is missing here.", 1, 3},
    {"too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "This is nested too deep.", 1, 33},
};

static void each_slip_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_stories); i++) {
        const struct bad_story *story = &bad_stories[i];
        struct text_flaw flaw = {{0, 0}, NULL, NULL};
        char text[TEXT_MAX];
        str_copy(str_of(story->text), text, sizeof text);
        CHECK_INT(story->name, commented_to_json(text, strlen(text), &flaw), ERR_MALFORMED);
        CHECK_STR(story->name, flaw.what, story->what);
        CHECK_INT(story->name, flaw.place.line, story->line);
        CHECK_INT(story->name, flaw.place.column, story->column);
        CHECK(story->name, flaw.fix && flaw.fix[0]);
    }
}

static void a_nul_byte_is_no_end(void **state)
{
    (void)state;
    struct text_flaw flaw = {{0, 0}, NULL, NULL};
    char text[] = "{}\0{}", in_string[] = "[\"a\0b\"]";
    CHECK_INT("behind the end", commented_to_json(text, 5, &flaw), ERR_MALFORMED);
    CHECK_INT("in a string", commented_to_json(in_string, 7, &flaw), ERR_MALFORMED);
}

TEST_MAIN(TEST(what_people_write_becomes_json_of_the_same_length),
          TEST(each_slip_is_told_with_its_place), TEST(a_nul_byte_is_no_end))
