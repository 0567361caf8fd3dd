/* main/serve.c: `auxot serve`: settings, signals, and the server between them.
 *
 * The main thread only waits for signals. SIGHUP reads the configuration again. The first SIGTERM or SIGINT drains (no
 * new connections, running requests finish within the grace time), the second ends at once.
 */
#include "main/commands.h"

#include "main/limits.h"
#include "main/logging.h"
#include "main/reload.h"
#include "main/server.h"
#include "main/setup.h"
#include "net/watchdog.h"
#include "sys/clock.h"
#include "sys/secret.h"

#include "gen/version.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define LOOK_MS 20   /* between looks at what still runs while draining */
#define CUT_MS  2000 /* for cut requests to write their ends */
#define REST_MS 250  /* after a reload: what is sent meanwhile is one more, however often */

static void print_help(void)
{
    fputs("Usage: auxot serve [--data-dir D] [--port P] [flags]\n\n"
          "Runs the gateway. Prints `auxot ready http://HOST:PORT` when it can answer; logs go to\n"
          "stderr. SIGHUP reads the configuration again, SIGTERM drains and exits 0.\n\n"
          "The secret is AUXOT_SECRET_KEY in the environment (32 characters or more), or the file\n"
          "secret.key in the data directory, which the first start makes.\n\n",
          stdout);
    settings_print(stdout);
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static sigset_t all_signals(void)
{
    sigset_t set = stop_signals();
    sigaddset(&set, SIGHUP);
    return set;
}

/* Waits until `is_done` or the time is over. True: a signal came before either. */
static bool signal_came_before(const struct server *server, int64_t patience_ms)
{
    sigset_t set = stop_signals();
    int64_t until_ms = clock_monotonic_ms() + patience_ms;
    while (!server_is_idle(server) && clock_monotonic_ms() < until_ms)
        if (sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = LOOK_MS * 1000000L}) > 0)
            return true;
    return false;
}

/* Until a signal to stop comes. SIGHUP is pending once, however often it is sent. */
static int serve_until_stopped(struct server *server, const struct reload *reload)
{
    sigset_t stop = stop_signals(), all = all_signals();
    int signal_number = 0;
    for (;;) {
        if (sigwait(&all, &signal_number) != 0)
            continue;
        if (signal_number != SIGHUP)
            return signal_number;
        reload_now(reload, server);
        signal_number =
            sigtimedwait(&stop, NULL, &(struct timespec){.tv_nsec = REST_MS * 1000000L});
        if (signal_number > 0)
            return signal_number;
    }
}

static void drain(struct server *server, int signal_number)
{
    int64_t grace_ms = server_settings(server)->grace_ms;
    log_info("draining", "signal=%d grace_ms=%lld", signal_number, (long long)grace_ms);
    server_drain(server);
    bool is_hurried = signal_came_before(server, grace_ms);
    if (server_is_idle(server))
        return;
    log_warn("cutting", "why=\"%s\"", is_hurried ? "second signal" : "grace time over");
    server_cut(server);
    (void)signal_came_before(server, CUT_MS);
}

/* Not a line of the log: people read it, once. */
static void announce_setup(const struct server *server)
{
    char token[APIKEY_LEN + 1];
    struct error error = {0};
    enum err err = server_setup_token(server, token, &error);
    if (err == ERR_CONFLICT)
        return;
    if (err != OK) {
        log_warn("no_setup_token", "why=\"%s\"", error.text);
        return;
    }
    logging_tell(
        "auxot: nobody can sign in yet: POST /api/setup makes the first user, with this token\n"
        "auxot: set-up token: %s\n",
        token);
    secret_wipe(token, sizeof token);
}

static int run(const struct settings *settings, const struct reload *reload)
{
    struct error error = {0};
    struct server *server = NULL;
    char url[320];
    int64_t started_ms = clock_monotonic_ms();
    if (server_open(settings, &server, &error) != OK)
        return complain("serve", 1, "%s", error.text);
    if (server_run(server, url, sizeof url, &error) != OK) {
        server_close(server);
        return complain("serve", 1, "%s", error.text);
    }
    log_info("ready", "url=%s version=%s commit=%s start_ms=%lld", url, AUXOT_VERSION, AUXOT_COMMIT,
             (long long)(clock_monotonic_ms() - started_ms));
    announce_setup(server);
    printf("auxot ready %s\n", url);
    fflush(stdout);
    drain(server, serve_until_stopped(server, reload));
    server_close(server);
    log_info("stopped", "code=0");
    return 0;
}

static int serve(const struct settings *settings, const struct reload *reload)
{
    enum log_level level = LOG_INFO;
    (void)log_level_parse(settings->log_level, &level); /* one of the choices */
    logging_open(level);
    limits_apply();
    watchdog_prepare();
    sigset_t set = all_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* every thread inherits it; sigwait takes them */
    return run(settings, reload);
}

static int read_words(int argc, char **argv, struct settings *out_settings)
{
    struct error error = {0};
    if (load_settings(&argc, argv, out_settings, &error) != OK)
        return complain("serve", 2, "%s", error.text);
    if (argc > 1)
        return complain("serve", 2, "'%s' is no flag of serve; see `auxot serve --help`", argv[1]);
    return 0;
}

int command_serve(int argc, char **argv)
{
    struct settings settings;
    struct reload reload;
    if (asks_for_help(argc, argv)) {
        print_help();
        return 0;
    }
    if (!reload_init(&reload, argc, argv))
        return complain("serve", 1, "no memory to start");
    int status = read_words(argc, argv, &settings);
    if (status == 0)
        status = serve(&settings, &reload);
    reload_release(&reload);
    return status;
}
