/* tests/unit/wire/test_tool_arguments.c: a call's arguments become an object, and stay as they are where they are one. */
#include "wire/tool_arguments.h"

#include "tests/test.h"

static void arguments_become_an_object(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want, *notes;
    } rows[] = {
        {"{\"n\":1.00, \"a\":[ ]}", "{\"input\":{\"n\":1.00, \"a\":[ ]}}", ""},
        {"\n {} ", "{\"input\":{}}", ""},
        {"", "{\"input\":{}}", ""},
        {" \t\r\n", "{\"input\":{}}", ""},
        {"[1]", "{\"input\":{\"arguments\":\"[1]\"}}", "changed:tool_arguments"},
        {"\"{}\"", "{\"input\":{\"arguments\":\"\\\"{}\\\"\"}}", "changed:tool_arguments"},
        {"{\"a\":", "{\"input\":{\"arguments\":\"{\\\"a\\\":\"}}", "changed:tool_arguments"},
        {"{} {}", "{\"input\":{\"arguments\":\"{} {}\"}}", "changed:tool_arguments"},
        {" ls -la ", "{\"input\":{\"arguments\":\" ls -la \"}}", "changed:tool_arguments"},
    };
    struct json_reader *scratch;
    CHECK("a reader", json_reader_new(1u << 16, &scratch) == OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_writer writer;
        struct fidelity fidelity = {0};
        AUTO_BUF struct buf out, notes;
        buf_init(&out, 1024);
        buf_init(&notes, 1024);
        json_writer_init(&writer, &out);
        json_open_object(&writer);
        tool_arguments_put_object(&writer, "input", str_of(rows[i].text), scratch, &fidelity);
        json_close_object(&writer);
        fidelity_write(&fidelity, &notes);
        CHECK_STR(rows[i].text, buf_str(&out).at, rows[i].want);
        CHECK_STR(rows[i].text, buf_str(&notes).at, rows[i].notes);
    }
    json_reader_free(scratch);
}

TEST_MAIN(TEST(arguments_become_an_object))
