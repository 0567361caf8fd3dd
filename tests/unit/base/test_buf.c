/* tests/unit/base/test_buf.c: a buffer keeps its limit, and tells once that it failed. */
#include "base/buf.h"
#include "base/mem.h"
#include "tests/test.h"

#define BIG 100000u

static void what_is_appended_is_there(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 100);
    CHECK("nothing is allocated before it is needed", !buf.data && buf_str(&buf).len == 0);
    buf_puts(&buf, "ab");
    buf_putc(&buf, 'c');
    buf_append_str(&buf, STR("de"));
    buf_append(&buf, "f\0g", 3);
    buf_append(&buf, NULL, 0);
    buf_append_str(&buf, (struct str){NULL, 0});
    buf_printf(&buf, "%d", 42);
    CHECK("content", str_eq(buf_str(&buf), STR("abcdef\0g42")));
    CHECK("always NUL-terminated", buf.data[buf.len] == '\0');
    CHECK("no failure", !buf.failed);
}

static void it_grows_as_far_as_its_limit_and_not_a_byte_further(void **unused)
{
    (void)unused;
    static const size_t limits[] = {1, 2, 255, 256, 257, 4096, BIG};
    for (size_t i = 0; i < COUNT(limits); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, limits[i]);
        for (size_t n = 0; n < limits[i]; n++)
            buf_putc(&buf, (char)('a' + n % 26));
        CHECK("full is no failure", !buf.failed);
        CHECK_INT("all of it", buf.len, limits[i]);
        buf_putc(&buf, 'x');
        CHECK("one more is one", buf.failed);
        CHECK_INT("nothing was added", buf.len, limits[i]);
        CHECK("nor lost", buf.data[limits[i] - 1] == (char)('a' + (limits[i] - 1) % 26));
    }
}

static void it_begins_in_the_room_it_is_lent_and_leaves_it_when_that_is_full(void **unused)
{
    (void)unused;
    char room[BUF_SLACK_BYTES + 8];
    static const size_t limits[] = {4, 8, 9, BIG};
    for (size_t i = 0; i < COUNT(limits); i++) {
        AUTO_BUF struct buf buf;
        buf_init_in(&buf, limits[i], room, sizeof room);
        size_t lent = limits[i] < 8 ? limits[i] : 8;
        for (size_t n = 0; n < limits[i]; n++) {
            buf_putc(&buf, (char)('a' + n % 26));
            CHECK("in the room as long as it fits", (buf.data == room) == (n < lent));
        }
        CHECK("full is no failure", !buf.failed && buf.len == limits[i]);
        buf_putc(&buf, 'x');
        CHECK("one more is one", buf.failed && buf.len == limits[i]);
        for (size_t n = 0; n < limits[i]; n++)
            CHECK("nothing is lost on the way", buf.data[n] == (char)('a' + n % 26));
        buf_release(&buf);
        CHECK("usable again, with memory of its own", !buf.failed && !buf.data);
        buf_puts(&buf, "abcd");
        CHECK("not in the room", buf.data != room && str_eq(buf_str(&buf), STR("abcd")));
    }
}

static void what_is_taken_from_lent_room_is_a_copy(void **unused)
{
    (void)unused;
    char room[BUF_SLACK_BYTES + 8];
    struct buf buf;
    buf_init_in(&buf, 100, room, sizeof room);
    CHECK("nothing was appended", buf_take(&buf) == NULL);
    buf_init_in(&buf, 100, room, sizeof room);
    buf_puts(&buf, "abc");
    char *taken = buf_take(&buf);
    CHECK("a copy", taken && taken != room);
    CHECK_STR("the content", taken, "abc");
    CHECK("empty", !buf.data && buf.len == 0);
    mem_free(taken);
}

static void a_failed_buffer_keeps_what_it_had_and_takes_no_more(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 8);
    buf_puts(&buf, "1234");
    buf_puts(&buf, "56789");
    CHECK("too much at once", buf.failed);
    CHECK("not even a part of it", str_eq(buf_str(&buf), STR("1234")));
    buf_putc(&buf, '5');
    buf_printf(&buf, "%s", "6");
    CHECK("what would fit comes too late", str_eq(buf_str(&buf), STR("1234")));
    CHECK("no room either", buf_reserve(&buf, 1) == NULL);

    buf_clear(&buf);
    CHECK("clearing forgets the failure", !buf.failed && buf.len == 0);
    buf_puts(&buf, "12345678");
    CHECK("and the limit is the old one", !buf.failed && buf.len == 8);
}

static void lengths_near_the_end_of_size_t_fail_too(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 63, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, 1000);
        buf_puts(&buf, "abc");
        CHECK("refused", buf_reserve(&buf, lengths[i]) == NULL && buf.failed);
        CHECK("kept", str_eq(buf_str(&buf), STR("abc")));
    }
}

static void numbers_are_written_as_printf_would(void **unused)
{
    (void)unused;
    static const uint64_t numbers[] = {0,     1,          9,          10,        15,
                                       16,    99,         100,        255,       4096,
                                       65535, 1000000007, UINT32_MAX, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        AUTO_BUF struct buf ours, theirs;
        buf_init(&ours, 100);
        buf_init(&theirs, 100);
        buf_put_uint(&ours, numbers[i]);
        buf_append_lit(&ours, ";");
        buf_printf(&theirs, "%llu;", (unsigned long long)numbers[i]);
        CHECK_STR("the same", ours.data, theirs.data);
    }
    AUTO_BUF struct buf narrow;
    buf_init(&narrow, 3);
    buf_put_uint(&narrow, 1000);
    CHECK("a number is whole or not there", narrow.failed && narrow.len == 0);
}

static void bytes_are_written_in_hexadecimal(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x00, 0x09, 0x0a, 0x10, 0x7f, 0x80, 0xf0, 0xff};
    AUTO_BUF struct buf buf;
    buf_init(&buf, 100);
    buf_put_hex(&buf, bytes, 0);
    CHECK_INT("none", buf.len, 0);
    buf_put_hex(&buf, bytes, sizeof bytes);
    CHECK_STR("two digits each", buf.data, "00090a107f80f0ff");
}

/* buf_vprintf has a room of its own; longer texts take another way. */
static void printf_of_any_length_is_whole(void **unused)
{
    (void)unused;
    static const int widths[] = {1, 510, 511, 512, 513, 1000, 5000};
    for (size_t i = 0; i < COUNT(widths); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, BIG);
        buf_puts(&buf, "<");
        buf_printf(&buf, "%*d", widths[i], 7);
        buf_puts(&buf, ">");
        CHECK_INT("length", buf.len, widths[i] + 2);
        CHECK("not failed, and terminated", !buf.failed && buf.data[buf.len] == '\0');
        CHECK("its last character", str_ends(buf_str(&buf), STR("7>")));
    }
}

static void printf_beyond_the_limit_adds_nothing(void **unused)
{
    (void)unused;
    static const int widths[] = {11, 511, 512, 5000};
    for (size_t i = 0; i < COUNT(widths); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, 12);
        buf_puts(&buf, "ab");
        buf_printf(&buf, "%*d", widths[i], 7);
        CHECK("failed", buf.failed);
        CHECK("kept", str_eq(buf_str(&buf), STR("ab")));
    }
}

static void the_front_can_be_consumed(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 6);
    buf_consume(&buf, 0); /* fine while empty */
    buf_puts(&buf, "abcdef");
    buf_consume(&buf, 4);
    CHECK_STR("the rest", buf.data, "ef");
    buf_puts(&buf, "ghij");
    CHECK_STR("its room is free again", buf.data, "efghij");
    buf_consume(&buf, 6);
    CHECK("all of it", buf.len == 0 && buf.data[0] == '\0' && !buf.failed);
}

static void reserved_room_may_be_filled_by_hand(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 1000);
    buf_puts(&buf, "ab");
    char *room = buf_reserve(&buf, 500);
    CHECK("there is room", room != NULL);
    memset(room, 'x', 500);
    buf.len += 500;
    buf_puts(&buf, "!");
    CHECK_INT("length", buf.len, 503);
    CHECK("in order", str_starts(buf_str(&buf), STR("abx")) && str_ends(buf_str(&buf), STR("x!")));
}

static void what_is_taken_is_the_takers(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 10);
    CHECK("nothing was appended", buf_take(&buf) == NULL);
    buf_puts(&buf, "abc");
    AUTO_FREE char *taken = buf_take(&buf);
    CHECK_STR("the bytes", taken, "abc");
    CHECK("the buffer is empty", !buf.data && buf.len == 0);
    buf_puts(&buf, "0123456789");
    CHECK("and as large as ever", !buf.failed && buf.len == 10);
    buf_putc(&buf, 'x');
    CHECK("but not larger", buf.failed);
    CHECK_STR("the taken bytes are untouched", taken, "abc");
}

TEST_MAIN(TEST(what_is_appended_is_there),
          TEST(it_grows_as_far_as_its_limit_and_not_a_byte_further),
          TEST(a_failed_buffer_keeps_what_it_had_and_takes_no_more),
          TEST(lengths_near_the_end_of_size_t_fail_too), TEST(numbers_are_written_as_printf_would),
          TEST(bytes_are_written_in_hexadecimal), TEST(printf_of_any_length_is_whole),
          TEST(printf_beyond_the_limit_adds_nothing), TEST(the_front_can_be_consumed),
          TEST(reserved_room_may_be_filled_by_hand), TEST(what_is_taken_is_the_takers),
          TEST(it_begins_in_the_room_it_is_lent_and_leaves_it_when_that_is_full),
          TEST(what_is_taken_from_lent_room_is_a_copy))
