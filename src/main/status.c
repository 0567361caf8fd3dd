/* main/status.c: `auxot status`: how it goes, from the server on this data directory, or from one elsewhere.
 *
 * The exit status says it to scripts: 0 ok, 1 degraded, 2 down (also when no server answers), 3 it could not be asked.
 */
#include "main/commands.h"

#include "json/json_writer.h"
#include "main/control_client.h"
#include "main/remote.h"
#include "main/setup.h"
#include "main/status_view.h"
#include "sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SUMMARY_PATH     "/api/health/summary"
#define ANSWER_BYTES_MAX (8u * 1024 * 1024)
#define LINES_MAX        60
#define EVERY_MS         2000
#define EVERY_LEAST_MS   200

enum status_exit { STATUS_OK, STATUS_DEGRADED, STATUS_DOWN, STATUS_NOT_ASKED };

static const char help[] =
    "Usage: auxot status [--data-dir D | --url URL] [--watch [--every 2s]] [--json]\n"
    "\n"
    "How it goes, worst first, with what to do: asked of the server that runs on the data directory, or\n"
    "of the one at URL, with the key in AUXOT_API_KEY. --watch goes on until it is interrupted; --json\n"
    "prints the answer of GET /api/health/summary. Colours only on a terminal, and not with NO_COLOR.\n"
    "\n"
    "Exit status: 0 ok, 1 degraded, 2 down or no server answers, 3 it was asked wrongly or refused.\n";

struct watcher {
    struct settings settings;
    struct remote remote;
    char socket_path[108];
    bool has_url, goes_on, is_json, is_terminal;
    int64_t every_ms;
    struct json_reader *reader;
};

/* ---- asking -------------------------------------------------------------------------------------- */

/* A server that does not answer is down, in the same words as one that does. */
static void write_down(struct buf *answer, const struct error *why)
{
    struct json_writer writer;
    buf_clear(answer);
    json_writer_init(&writer, answer);
    json_open_object(&writer);
    json_put_text(&writer, "status", "down");
    json_put_text(&writer, "sentence", why->text);
    json_put_text(&writer, "next_step",
                  "Start it with auxot serve, or look at the end of its log.");
    json_put_int(&writer, "at_ms", clock_wall_ms());
    json_open_array(&writer, "items");
    json_close_array(&writer);
    json_put_int(&writer, "left_out", 0);
    json_close_object(&writer);
}

static bool is_absence(enum err err)
{
    return err == ERR_NOT_FOUND || err == ERR_UNAVAILABLE || err == ERR_IO || err == ERR_TIMEOUT;
}

/* The answer, whoever gave it. Errors: it could not be asked, or refused. */
static enum err ask(struct watcher *watcher, struct buf *answer, struct json *out_root,
                    struct error *error)
{
    int status = 0;
    buf_clear(answer);
    enum err err = watcher->has_url ? remote_call(&watcher->remote, SUMMARY_PATH, STR(""), &status,
                                                  answer, error)
                                    : control_call(watcher->socket_path, "GET", SUMMARY_PATH,
                                                   STR(""), &status, answer, error);
    if (is_absence(err)) {
        write_down(answer, error);
        err = OK;
        status = 200;
    }
    if (err == OK)
        err = json_parse(watcher->reader, buf_str(answer), out_root, error);
    if (err != OK || status == 200)
        return err;
    struct str detail = json_string_or_empty(json_get(*out_root, "detail"));
    return error_set(error, ERR_DENIED, "the server answered %d: %.*s", status, STR_ARG(detail));
}

/* ---- telling ------------------------------------------------------------------------------------- */

static enum status_exit exit_of(struct json root)
{
    struct str status = json_string_or_empty(json_get(root, "status"));
    return str_eq(status, STR("ok"))         ? STATUS_OK
           : str_eq(status, STR("degraded")) ? STATUS_DEGRADED
                                             : STATUS_DOWN;
}

/* False: nobody reads it any more. */
static bool tell(const struct watcher *watcher, struct str answer, struct json root)
{
    AUTO_BUF struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    const char *no_colour = getenv("NO_COLOR");
    struct status_view view = {.has_colour = watcher->is_terminal && !(no_colour && no_colour[0]),
                               .lines = LINES_MAX};
    if (watcher->is_json) {
        buf_append_str(&text, answer);
        buf_puts(&text, "\n");
    } else {
        if (watcher->goes_on)
            buf_puts(&text, watcher->is_terminal ? "\x1b[H\x1b[J" : "\n");
        status_view_write(&view, root, &text);
    }
    return !text.failed && fwrite(text.data, 1, text.len, stdout) == text.len &&
           fflush(stdout) == 0;
}

static int look_once(struct watcher *watcher)
{
    AUTO_BUF struct buf answer;
    struct error error = {0};
    struct json root = {0};
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (ask(watcher, &answer, &root, &error) != OK)
        return complain("status", STATUS_NOT_ASKED, "%s", error.text);
    if (!tell(watcher, buf_str(&answer), root))
        return complain("status", STATUS_NOT_ASKED, "cannot write the answer");
    return (int)exit_of(root);
}

static int run(struct watcher *watcher)
{
    const struct timespec pause = {.tv_sec = watcher->every_ms / 1000,
                                   .tv_nsec = watcher->every_ms % 1000 * 1000000};
    int status = look_once(watcher);
    while (watcher->goes_on && status != STATUS_NOT_ASKED) {
        (void)nanosleep(&pause, NULL);
        status = look_once(watcher);
    }
    return status;
}

/* ---- the words ----------------------------------------------------------------------------------- */

static bool take_word(int *argc, char **argv, const char *word)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], word) != 0)
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof argv[0]);
        --*argc;
        return true;
    }
    return false;
}

static enum err read_words(int *argc, char **argv, struct watcher *watcher, struct error *error)
{
    const char *every = take_flag(argc, argv, "every");
    watcher->remote.url = take_flag(argc, argv, "url");
    watcher->has_url = watcher->remote.url != NULL;
    watcher->goes_on = take_word(argc, argv, "--watch");
    watcher->is_json = take_word(argc, argv, "--json");
    watcher->every_ms = EVERY_MS;
    if (every &&
        (!duration_parse(str_of(every), &watcher->every_ms) || watcher->every_ms < EVERY_LEAST_MS))
        return error_set(error, ERR_MALFORMED,
                         "--every is '%.40s': it must be a time such as 2s, 200ms at least", every);
    enum err err = load_settings(argc, argv, &watcher->settings, error);
    if (err == OK && *argc > 1)
        err = error_set(error, ERR_MALFORMED, "'%.40s' is no flag of status; see --help", argv[1]);
    if (err == OK)
        err = control_path(&watcher->settings, watcher->socket_path, error);
    return err;
}

int command_status(int argc, char **argv)
{
    struct watcher watcher = {.is_terminal = isatty(STDOUT_FILENO) == 1};
    struct error error = {0};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    if (read_words(&argc, argv, &watcher, &error) != OK)
        return complain("status", STATUS_NOT_ASKED, "%s", error.text);
    watcher.remote.ca_file = watcher.settings.ca_file;
    watcher.remote.resolver = watcher.settings.resolver;
    if (json_reader_new(ANSWER_BYTES_MAX, &watcher.reader) != OK)
        return complain("status", STATUS_NOT_ASKED, "no memory");
    int status = run(&watcher);
    json_reader_free(watcher.reader);
    return status;
}
