/* tests/unit/main/test_status_view.c: how it goes, as a terminal shows it. */
#include "main/status_view.h"
#include "tests/test.h"

#define SUMMARY(more)                                                                      \
    "{\"status\":\"degraded\",\"sentence\":\"Degraded: Cloud.\",\"next_step\":\"Do it.\"," \
    "\"at_ms\":1000000,\"left_out\":0,\"items\":[" more "]}"
#define ITEM(state, level, what, fix)                                                          \
    "{\"kind\":\"provider\",\"what\":\"" what "\",\"id\":null,\"level\":\"" level "\","        \
    "\"state\":\"" state "\",\"since_ms\":760000,\"why_code\":\"code\",\"why_text\":\"Why.\"," \
    "\"fix\":" fix ",\"link\":null}"

static char *shown(const char *json, bool has_colour, int lines)
{
    static char text[8192];
    struct json_reader *reader = NULL;
    struct json root;
    struct buf out;
    struct status_view view = {.has_colour = has_colour, .lines = lines};
    buf_init(&out, sizeof text - 1);
    CHECK_INT("reader", json_reader_new(65536, &reader), OK);
    CHECK_INT("parsed", json_parse(reader, str_of(json), &root, NULL), OK);
    status_view_write(&view, root, &out);
    CHECK("it fits", !out.failed);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    buf_release(&out);
    json_reader_free(reader);
    return text;
}

static void a_state_is_a_shape_and_a_word_and_what_to_do_stands_below(void **state)
{
    (void)state;
    CHECK_STR("without colour",
              shown(SUMMARY(ITEM("error", "degraded", "Cloud",
                                 "\"Enter it.\"") "," ITEM("room", "fine", "Disk", "null")),
                    false, 9),
              "◐ degraded     Degraded: Cloud.\n"
              "               → Do it.\n"
              "\n"
              "✕ error        provider    Cloud                        4 min     Why. (code)\n"
              "                                                                  → Enter it.\n"
              "● room         provider    Disk                         4 min     Why. (code)\n");
    CHECK("with colour", strstr(shown(SUMMARY(ITEM("error", "degraded", "Cloud", "null")), true, 9),
                                "\x1b[31m✕ error        \x1b[0m") != NULL);
}

static void every_state_has_its_shape(void **unused)
{
    (void)unused;
    static const struct story {
        const char *json, *shape;
    } stories[] = {
        {SUMMARY(ITEM("online", "fine", "x", "null")), "● online"},
        {SUMMARY(ITEM("degraded", "degraded", "x", "null")), "◐ degraded"},
        {SUMMARY(ITEM("over_quota", "degraded", "x", "null")), "◐ over_quota"},
        {SUMMARY(ITEM("offline", "degraded", "x", "null")), "○ offline"},
        {SUMMARY(ITEM("paused", "note", "x", "null")), "‖ paused"},
        {SUMMARY(ITEM("live", "fine", "x", "null")), "● live"},
        {SUMMARY(ITEM("never", "note", "x", "null")), "◦ never"},
        {SUMMARY(ITEM("not_writable", "down", "x", "null")), "✕ not_writable"},
        {SUMMARY(ITEM("what", "ever", "x", "null")), "◌ what"},
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK(stories[i].shape, strstr(shown(stories[i].json, false, 9), stories[i].shape) != NULL);
}

static void nothing_from_elsewhere_moves_a_cursor(void **state)
{
    (void)state;
    const char *text =
        shown(SUMMARY(ITEM("error", "degraded", "a\\u001b[2Jb\\u009bc\\nd\\u007f\\u00e9", "null")),
              false, 9);
    CHECK("each control character is a question mark", strstr(text, "a?[2Jb?c?d?é") != NULL);
    CHECK("and none is left", !strchr(text, '\x1b'));
}

static void long_names_are_cut_at_a_character(void **state)
{
    (void)state;
    const char *text = shown(
        SUMMARY(ITEM("error", "degraded", "éééééééééééééééééééééééééééééééééé", "null")), false, 9);
    CHECK("at 28 of them", strstr(text, " éééééééééééééééééééééééééééé 4 min") != NULL);
}

static void what_finds_no_line_is_counted(void **state)
{
    (void)state;
    const char *text =
        shown(SUMMARY(ITEM("error", "degraded", "a", "null") "," ITEM(
                  "error", "degraded", "b", "null") "," ITEM("error", "degraded", "c", "null")),
              false, 1);
    CHECK("it is said", strstr(text, "\nand 2 more, all of them less bad\n") != NULL);
}

TEST_MAIN(TEST(a_state_is_a_shape_and_a_word_and_what_to_do_stands_below),
          TEST(every_state_has_its_shape), TEST(nothing_from_elsewhere_moves_a_cursor),
          TEST(long_names_are_cut_at_a_character), TEST(what_finds_no_line_is_counted))
