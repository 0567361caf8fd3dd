/* tests/unit/main/test_settings.c: where a setting comes from, and what is refused. */
#include "main/settings.h"

#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#define WORDS_MAX 12

static const struct load_story {
    const char *name;
    const char *words[WORDS_MAX];
    const char *environment[4];
    const char *file; /* NULL: no --config */
    enum err want_err;
    const char *want_part; /* of the sentence, when refused */
    int64_t want_port;
    const char *want_host;
} loads[] = {
    {"nothing said gives the defaults", {"serve"}, {NULL}, NULL, OK, NULL, 8080, "127.0.0.1"},
    {"the environment wins over the default",
     {"serve"},
     {"AUXOT_PORT=9000", "AUXOT_HOST=0.0.0.0"},
     NULL,
     OK,
     NULL,
     9000,
     "0.0.0.0"},
    {"a flag wins over the environment",
     {"serve", "--port", "9001"},
     {"AUXOT_PORT=9000"},
     NULL,
     OK,
     NULL,
     9001,
     "127.0.0.1"},
    {"a flag may be joined to its value",
     {"serve", "--port=9002"},
     {NULL},
     NULL,
     OK,
     NULL,
     9002,
     "127.0.0.1"},
    {"the file wins over the default",
     {"serve"},
     {NULL},
     "# a comment\n\n port = 9003 \r\nhost=::1\n",
     OK,
     NULL,
     9003,
     "::1"},
    {"the environment wins over the file",
     {"serve"},
     {"AUXOT_PORT=9000"},
     "port = 9003\n",
     OK,
     NULL,
     9000,
     "127.0.0.1"},
    {"an empty variable is an unset one",
     {"serve"},
     {"AUXOT_PORT="},
     NULL,
     OK,
     NULL,
     8080,
     "127.0.0.1"},
    {"a word for a number is refused by name",
     {"serve", "--port", "abc"},
     {NULL},
     NULL,
     ERR_MALFORMED,
     "flag --port",
     0,
     NULL},
    {"a port beyond 65535 is refused",
     {"serve"},
     {"AUXOT_PORT=70000"},
     NULL,
     ERR_MALFORMED,
     "AUXOT_PORT",
     0,
     NULL},
    {"an unknown name in the file is refused with its line",
     {"serve"},
     {NULL},
     "port = 1\nprot = 2\n",
     ERR_MALFORMED,
     "line 2",
     0,
     NULL},
    {"a line without '=' is refused",
     {"serve"},
     {NULL},
     "port\n",
     ERR_MALFORMED,
     "line 1",
     0,
     NULL},
    {"a flag without its value is refused",
     {"serve", "--port"},
     {NULL},
     NULL,
     ERR_MALFORMED,
     "needs a value",
     0,
     NULL},
    {"a choice outside the list is refused",
     {"serve", "--log-level", "loud"},
     {NULL},
     NULL,
     ERR_MALFORMED,
     "debug info warn error",
     0,
     NULL},
    {"half a certificate is refused",
     {"serve", "--tls-cert", "x.pem"},
     {NULL},
     NULL,
     ERR_MALFORMED,
     "tls_key",
     0,
     NULL},
};

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    CHECK("a file for the test", fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void settings_come_from_the_right_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(loads); i++) {
        const struct load_story *story = &loads[i];
        char path[] = "/tmp/auxot-settings-XXXXXX", flag[] = "--config";
        char *argv[WORDS_MAX + 3] = {0};
        int argc = 0;
        struct settings settings;
        struct error error = {0};
        while (story->words[argc]) {
            argv[argc] = (char *)(uintptr_t)story->words[argc];
            argc++;
        }
        if (story->file) {
            write_file(path, story->file);
            argv[argc++] = flag;
            argv[argc++] = path;
        }
        enum err err = settings_load(&argc, argv, (char *const *)(uintptr_t)story->environment,
                                     &settings, &error);
        CHECK_INT(story->name, err, story->want_err);
        if (err == OK) {
            CHECK_INT(story->name, settings.port, story->want_port);
            CHECK_STR(story->name, settings.host, story->want_host);
            CHECK_INT(story->name, argc, 1); /* every known flag was taken out */
        } else {
            CHECK(story->name, strstr(error.text, story->want_part));
        }
        if (story->file)
            unlink(path);
    }
}

static void unknown_words_are_left_to_the_command(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"keys"},   (char[]){"create"}, (char[]){"--name"},  (char[]){"me"},
                    (char[]){"--port"}, (char[]){"1"},      (char[]){"--other"}, NULL};
    int argc = 7;
    struct settings settings;
    struct error error = {0};
    CHECK("loads", settings_load(&argc, argv, NULL, &settings, &error) == OK);
    CHECK_INT("five words stay", argc, 5);
    CHECK_STR("in their order", argv[4], "--other");
    CHECK("and end in NULL", argv[5] == NULL);
}

static const struct number_story {
    const char *text;
    int64_t want; /* -1: refused */
} durations[] =
    {
        {"500ms", 500},   {"30s", 30000}, {"5m", 300000},   {"2h", 7200000},
        {"1d", 86400000}, {"0", 0},       {"0s", 0},        {"", -1},
        {"5", -1},        {"s", -1},      {"-5s", -1},      {"1.5s", -1},
        {"5 s", -1},      {"5S", -1},     {"9999999d", -1}, {"99999999999999999999s", -1},
        {"1m30s", -1},
},
  sizes[] = {
      {"4096", 4096},
      {"64KiB", 65536},
      {"1k", 1024},
      {"32MiB", 33554432},
      {"1GiB", 1073741824},
      {"1G", 1073741824},
      {"", -1},
      {"MiB", -1},
      {"1TiB", -1},
      {"-1", -1},
      {"9999999999999GiB", -1},
};

static void times_and_sizes_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        int64_t ms = -1;
        (void)duration_parse(str_of(durations[i].text), &ms);
        CHECK_INT(durations[i].text, ms, durations[i].want);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int64_t bytes = -1;
        (void)bytes_parse(str_of(sizes[i].text), &bytes);
        CHECK_INT(sizes[i].text, bytes, sizes[i].want);
    }
}

/* ---- changes ------------------------------------------------------------------------------------- */

static const struct change_story {
    const char *name;
    const char *words[WORDS_MAX];
    const char *want_live, *want_waiting;
    int64_t want_grace_ms, want_port; /* afterwards */
} changes[] = {
    {"the same again changes nothing", {"serve"}, "", "", 30000, 8080},
    {"what may change is taken over", {"serve", "--grace", "5s"}, "grace", "", 5000, 8080},
    {"what may not is named and stays", {"serve", "--port", "81"}, "", "port", 30000, 8080},
    {"each of several goes its own way",
     {"serve", "--port=81", "--grace=1s", "--log-level=warn", "--plan=free"},
     "log_level,grace",
     "port,plan",
     1000,
     8080},
};

static void what_may_change_is_taken_over_and_the_rest_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        const struct change_story *story = &changes[i];
        char *first[] = {(char *)(uintptr_t) "serve", NULL}, *words[WORDS_MAX] = {NULL};
        int first_count = 1, count = 0;
        struct settings now, fresh;
        struct error error = {0};
        AUTO_BUF struct buf live = {0}, waiting = {0};
        buf_init(&live, 256);
        buf_init(&waiting, 256);
        for (; story->words[count]; count++)
            words[count] = (char *)(uintptr_t)story->words[count];
        CHECK_INT(story->name, settings_load(&first_count, first, NULL, &now, &error), OK);
        CHECK_INT(story->name, settings_load(&count, words, NULL, &fresh, &error), OK);
        settings_adopt(&now, &fresh, &live, &waiting);
        CHECK(story->name, str_eq(buf_str(&live), str_of(story->want_live)));
        CHECK(story->name, str_eq(buf_str(&waiting), str_of(story->want_waiting)));
        CHECK_INT(story->name, now.grace_ms, story->want_grace_ms);
        CHECK_INT(story->name, now.port, story->want_port);
    }
}

TEST_MAIN(TEST(what_may_change_is_taken_over_and_the_rest_is_named),
          TEST(settings_come_from_the_right_place), TEST(unknown_words_are_left_to_the_command),
          TEST(times_and_sizes_are_read_strictly))
