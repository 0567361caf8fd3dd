/* tests/unit/json/test_json_writer.c: what is written is JSON, whatever the text holds. */
#include "json/json_writer.h"

#include "tests/test.h"

static const struct quote_story {
    const char *name;
    struct str text;
    const char *json;
} quote_stories[] = {
    {"plain", STR_INIT("abc"), "\"abc\""},
    {"empty", STR_INIT(""), "\"\""},
    {"quotes and backslashes", STR_INIT("a\"b\\c"), "\"a\\\"b\\\\c\""},
    {"control characters", STR_INIT("\n\r\t\x01\x7f\0"), "\"\\n\\r\\t\\u0001\\u007f\\u0000\""},
    {"well-formed UTF-8 stays", STR_INIT("\xC3\xA9\xF0\x9F\x98\x80"),
     "\"\xC3\xA9\xF0\x9F\x98\x80\""},
    {"a bad byte",
     STR_INIT("a\xFF"
              "b"),
     "\"a\xEF\xBF\xBD"
     "b\""},
    {"a sequence cut by the end", STR_INIT("\xF0\x9F\x98"),
     "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"an encoded surrogate", STR_INIT("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
};

static void text_is_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(quote_stories); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, 1024);
        json_quote(&buf, quote_stories[i].text);
        CHECK_STR(quote_stories[i].name, buf.data, quote_stories[i].json);
    }
}

static void commas_and_names_stand_where_they_belong(void **state)
{
    (void)state;
    AUTO_BUF struct buf buf;
    struct json_writer w;
    buf_init(&buf, 1024);
    json_writer_init(&w, &buf);
    json_open_object(&w);
    json_put_string(&w, "s", STR("x"));
    json_put_text(&w, "none", NULL);
    json_open_array(&w, "list");
    json_put_int(&w, NULL, INT64_MIN);
    json_put_double(&w, NULL, 0.1);
    json_open_object(&w);
    json_close_object(&w);
    json_open_array(&w, NULL);
    json_put_bool(&w, NULL, true);
    json_close_array(&w);
    json_close_array(&w);
    json_open_object_named(&w, "o");
    json_put_raw(&w, "raw", STR("[1,2]"));
    json_put_null(&w, "n");
    json_close_object(&w);
    json_close_object(&w);
    CHECK_STR("all kinds", buf.data,
              "{\"s\":\"x\",\"none\":null,\"list\":[-9223372036854775808,0.10000000000000001,{},"
              "[true]],\"o\":{\"raw\":[1,2],\"n\":null}}");
}

static void a_full_buffer_says_so_once_at_the_end(void **state)
{
    (void)state;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 8);
    json_quote(&buf, STR("more than eight"));
    CHECK("failed", buf.failed);
}

TEST_MAIN(TEST(text_is_quoted), TEST(commas_and_names_stand_where_they_belong),
          TEST(a_full_buffer_says_so_once_at_the_end))
