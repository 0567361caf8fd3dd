/* tests/unit/base/test_log.c: a line is one line, whatever is in it, and the quiet levels stay quiet. */
#include "base/log.h"
#include "tests/test.h"

static char last_line[4096];
static enum log_level last_level;
static int lines;

static bool is_full;

static bool catch_line(enum log_level level, const char *line, size_t len)
{
    assert_true(len < sizeof last_line);
    memcpy(last_line, line, len);
    last_line[len] = '\0';
    last_level = level;
    lines++;
    return !is_full;
}

static void listen_from(enum log_level at_least)
{
    log_open(catch_line, at_least);
    last_line[0] = '\0';
    lines = 0;
}

static void without_a_sink_lines_go_nowhere(void **unused)
{
    (void)unused;
    log_open(NULL, LOG_DEBUG);
    CHECK("nothing is on", !log_is_on(LOG_ERROR));
    log_error("nobody_hears", "x=%d", 1);
}

static void a_line_says_level_event_and_values(void **unused)
{
    (void)unused;
    listen_from(LOG_INFO);
    log_warn("provider_state", "provider=%s to=%s", "openai", "degraded");
    CHECK_STR("the line", last_line, "level=warn event=provider_state provider=openai to=degraded");
    CHECK_INT("its level", last_level, LOG_WARN);
}

static void levels_below_the_least_are_dropped(void **unused)
{
    (void)unused;
    for (int least = 0; least < LOG_LEVEL_COUNT; least++) {
        listen_from((enum log_level)least);
        for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
            int before = lines;
            log_line((enum log_level)level, "x", "n=%d", level);
            CHECK_INT(log_level_name((enum log_level)level), lines - before, level >= least);
            CHECK("log_is_on says the same", log_is_on((enum log_level)level) == (level >= least));
        }
    }
}

static void control_characters_cannot_forge_a_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *value, *want;
    } stories[] = {
        {"a new line", "a\nlevel=error event=forged", "a?level=error event=forged"},
        {"carriage return", "a\r\nb", "a??b"},
        {"an escape for the terminal", "\x1b[2J", "?[2J"},
        {"the lowest and the highest", "\x01\x1f\x7f", "???"},
        {"a tab", "a\tb", "a?b"},
        {"UTF-8 stays", "caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
        {"visible ASCII stays", " !~", " !~"},
    };
    listen_from(LOG_DEBUG);
    for (size_t i = 0; i < COUNT(stories); i++) {
        char want[128];
        log_info("x", "v=%s", stories[i].value);
        (void)snprintf(want, sizeof want, "level=info event=x v=%s", stories[i].want);
        CHECK_STR(stories[i].name, last_line, want);
    }
}

static void a_long_value_is_cut(void **unused)
{
    (void)unused;
    char value[5000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    listen_from(LOG_DEBUG);
    log_info("x", "v=%s", value);
    CHECK_INT("one line", lines, 1);
    CHECK("shorter than a pipe's atomic write", strlen(last_line) < 4096);
    CHECK("the beginning is there", strncmp(last_line, "level=info event=x v=vvv", 24) == 0);
}

static void levels_have_names_both_ways(void **unused)
{
    (void)unused;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const junk[] = {"", "INFO", "warning", "info ", "trace"};
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        enum log_level level = LOG_LEVEL_COUNT;
        CHECK_STR("name", log_level_name((enum log_level)i), names[i]);
        CHECK("and back", log_level_parse(names[i], &level) && (int)level == i);
    }
    for (size_t i = 0; i < COUNT(junk); i++) {
        enum log_level level = LOG_WARN;
        CHECK(junk[i], !log_level_parse(junk[i], &level) && level == LOG_WARN);
    }
}

static void lines_that_are_not_taken_are_counted(void **unused)
{
    (void)unused;
    long long before = log_lines_dropped();
    listen_from(LOG_INFO);
    log_info("heard", "x=%d", 1);
    is_full = true;
    log_info("lost", "x=%d", 1);
    log_debug("never_on", "x=%d", 1);
    is_full = false;
    CHECK_INT("one of three", log_lines_dropped() - before, 1);
}

TEST_MAIN(TEST(lines_that_are_not_taken_are_counted), TEST(without_a_sink_lines_go_nowhere),
          TEST(a_line_says_level_event_and_values), TEST(levels_below_the_least_are_dropped),
          TEST(control_characters_cannot_forge_a_line), TEST(a_long_value_is_cut),
          TEST(levels_have_names_both_ways))
