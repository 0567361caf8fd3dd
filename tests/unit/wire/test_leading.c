/* tests/unit/wire/test_leading.c: what of a conversation stays the same from turn to turn. */
#include "wire/leading.h"
#include "tests/test.h"

#define USER      "{\"role\":\"user\",\"content\":\"hi [\\\"}\"}"
#define SYSTEM    "{\"role\":\"system\",\"content\":\"be {brief\"}"
#define ASSISTANT "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"yes\"}]}"

static void turns_that_follow_change_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *body, *leading;
    } rows[] = {
        {"the first of the user", "{\"messages\":[" USER "]}", "[" USER},
        {"and what goes before it", "{\"messages\":[" SYSTEM "," USER "]}", "[" SYSTEM "," USER},
        {"a second turn", "{\"messages\":[" SYSTEM "," USER "," ASSISTANT "," USER "]}",
         "[" SYSTEM "," USER},
        {"blanks anywhere", " { \"model\" : \"m\" , \"messages\" : [ " USER " , " ASSISTANT "]}",
         "[ " USER},
        {"a member of that name inside another",
         "{\"metadata\":{\"messages\":[1]},\"messages\":[" USER "]}", "[" USER},
        {"a text that looks like one", "{\"x\":\"\\\"messages\\\":[\",\"messages\":[" USER "]}",
         "[" USER},
        {"responses: a list", "{\"input\":[" USER "," ASSISTANT "]}", "[" USER},
        {"responses: a text", "{\"input\":\"hi \\\" there\",\"model\":\"m\"}", "\"hi \\\" there\""},
        {"a text that ends in backslashes", "{\"input\":\"c:\\\\\\\\\",\"x\":\"y\"}",
         "\"c:\\\\\\\\\""},
        {"an escaped quote behind an escaped backslash", "{\"input\":\"a\\\\\\\"b\",\"x\":1}",
         "\"a\\\\\\\"b\""},
        {"an empty text", "{\"input\":\"\",\"x\":\"y\"}", "\"\""},
        {"nobody spoke yet", "{\"messages\":[" SYSTEM "]}", "[" SYSTEM "]}"},
        {"none", "{\"prompt\":\"x\"}", ""},
        {"a number", "{\"messages\":3}", ""},
        {"nothing", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char leading[512];
        str_copy(body_leading_turns(str_of(rows[i].body)), leading, sizeof leading);
        CHECK_STR(rows[i].name, leading, rows[i].leading);
    }
}

static void a_body_that_is_cut_anywhere_does_no_harm(void **unused)
{
    (void)unused;
    static const char body[] = "{\"model\":\"m\",\"messages\":[" SYSTEM "," USER "," ASSISTANT "]}";
    for (size_t len = 0; len < sizeof body; len++) {
        char exact[sizeof body];
        memcpy(exact, body, len);
        struct str leading = body_leading_turns((struct str){exact, len});
        CHECK("inside", leading.len <= len);
    }
}

TEST_MAIN(TEST(turns_that_follow_change_nothing), TEST(a_body_that_is_cut_anywhere_does_no_harm))
