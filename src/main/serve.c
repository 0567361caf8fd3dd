/* main/serve.c: `auxot serve`: settings, signals, and the server between them.
 *
 * The main thread only waits for signals. SIGHUP reads the configuration again. The first SIGTERM or SIGINT drains (no
 * new connections, running requests finish within the grace time), the second ends at once.
 */
#include "main/commands.h"

#include "main/handover.h"
#include "main/limits.h"
#include "main/logging.h"
#include "main/reload.h"
#include "main/server.h"
#include "main/setup.h"
#include "net/watchdog.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/secret.h"

#include "gen/version.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>

#define LOOK_MS 20   /* between looks at what still runs while draining */
#define CUT_MS  2000 /* for cut requests to write their ends */
#define REST_MS 250  /* after a reload: what is sent meanwhile is one more, however often */

static void print_help(void)
{
    fputs(
        "Usage: auxot serve [--take-over] [--data-dir D] [--port P] [flags]\n\n"
        "Runs the gateway. Prints `auxot ready http://HOST:PORT` when it can answer; logs go to\n"
        "stderr. SIGHUP reads the configuration again, SIGTERM drains and exits 0.\n\n"
        "With --take-over it takes the port and the data over from the server that runs on the data\n"
        "directory, which ends its requests and then itself: an upgrade in which nobody is refused.\n"
        "If none runs it is an ordinary start.\n\n"
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

/* What the main thread waits for. */
struct watch {
    int signals, handover; /* -1: none */
};

/* The next signal; 0: somebody wants to take over; -1: the time is up. */
static int watch_next(const struct watch *watch, bool with_handover, int ms)
{
    struct signalfd_siginfo news;
    struct pollfd wait[] = {{.fd = watch->signals, .events = POLLIN},
                            {.fd = with_handover ? watch->handover : -1, .events = POLLIN}};
    if (poll(wait, 2, ms) <= 0)
        return -1;
    if (wait[0].revents && read(watch->signals, &news, sizeof news) == (ssize_t)sizeof news)
        return (int)news.ssi_signo;
    return wait[1].revents ? 0 : -1;
}

/* True: the next server has everything, and answers. */
static bool hand_over(struct server *server, int conn)
{
    struct error error = {0};
    if (!handover_hear(conn, "sockets", HANDOVER_WAIT_MS) || !server_give_sockets(server, conn) ||
        !handover_hear(conn, "store", HANDOVER_WAIT_MS))
        return false;
    log_info("handing_over", "what=store");
    server_release_store(server);
    if (handover_say(conn, "store") && handover_hear(conn, "ready", -1))
        return true;
    enum err err = server_take_back(server, &error);
    log_error("not_handed_over", "why=\"the next server gave up\" store=\"%s\"",
              err == OK ? "taken back" : error.text);
    return false;
}

/* Until a signal to stop comes; 0: until the next server has taken over. SIGHUP is pending once, however often it is sent. */
static int serve_until_stopped(struct server *server, const struct watch *watch,
                               const struct reload *reload)
{
    int64_t reloaded_ms = -REST_MS;
    bool is_due = false;
    for (;;) {
        int64_t left_ms = reloaded_ms + REST_MS - clock_monotonic_ms();
        int news = watch_next(watch, true, !is_due ? -1 : left_ms > 0 ? (int)left_ms : 0);
        if (news == SIGTERM || news == SIGINT)
            return news;
        is_due = is_due || news == SIGHUP;
        if (news == 0) {
            AUTO_CLOSE int conn = handover_accept(watch->handover);
            if (conn >= 0 && hand_over(server, conn))
                return 0;
        }
        if (!is_due || clock_monotonic_ms() < reloaded_ms + REST_MS)
            continue;
        is_due = false;
        reload_now(reload, server);
        reloaded_ms = clock_monotonic_ms();
    }
}

static void leave(struct server *server, const struct watch *watch)
{
    int64_t grace_ms = server_settings(server)->grace_ms;
    int64_t until_ms = clock_monotonic_ms() + grace_ms;
    log_info("handed_over", "grace_ms=%lld", (long long)grace_ms);
    server_leave(server);
    while (!server_has_left(server) && clock_monotonic_ms() < until_ms) {
        int news = watch_next(watch, false, LOOK_MS);
        if (news == SIGTERM || news == SIGINT)
            break;
    }
    if (server_is_idle(server))
        return;
    log_warn("cutting", "why=\"grace time over, or a signal\"");
    server_cut(server);
    (void)signal_came_before(server, CUT_MS);
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

static int run(const struct settings *settings, struct handover *handover, struct watch *watch,
               const struct reload *reload)
{
    struct error error = {0};
    struct server *server = NULL;
    char url[320];
    int64_t started_ms = clock_monotonic_ms();
    enum err err = server_open(settings, handover, &server, &error);
    if (err == OK)
        err = server_run(server, url, sizeof url, &error);
    if (err == OK)
        err = handover_listen(settings->data_dir, &watch->handover, &error);
    if (err != OK)
        server_close(
            server); /* first, so that the other finds the store free when it hears of it */
    if (handover)
        handover_end(handover, err == OK);
    if (err != OK)
        return complain("serve", 1, "%s", error.text);
    log_info("ready", "url=%s version=%s commit=%s start_ms=%lld", url, AUXOT_VERSION, AUXOT_COMMIT,
             (long long)(clock_monotonic_ms() - started_ms));
    announce_setup(server);
    printf("auxot ready %s\n", url);
    fflush(stdout);
    int news = serve_until_stopped(server, watch, reload);
    if (news == 0)
        leave(server, watch);
    else
        drain(server, news);
    server_close(server);
    log_info("stopped", "code=0");
    return 0;
}

static int serve(const struct settings *settings, bool takes_over, const struct reload *reload)
{
    struct error error = {0};
    struct handover handover = {.conn = -1};
    enum log_level level = LOG_INFO;
    (void)log_level_parse(settings->log_level, &level); /* one of the choices */
    logging_open(level);
    limits_apply();
    watchdog_prepare();
    sigset_t set = all_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* every thread inherits it; the signalfd takes them */
    AUTO_CLOSE int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct watch watch = {.signals = signals, .handover = -1};
    enum err err = takes_over ? handover_begin(settings->data_dir, &handover, &error) : OK;
    if (signals < 0 || (err != OK && err != ERR_NOT_FOUND)) /* nobody there: an ordinary start */
        return complain("serve", 1, "%s", err != OK ? error.text : "no descriptor for signals");
    int status = run(settings, handover.conn >= 0 ? &handover : NULL, &watch, reload);
    fd_close(&watch.handover);
    return status;
}

static int read_words(int argc, char **argv, struct settings *out_settings, bool *out_takes_over)
{
    struct error error = {0};
    *out_takes_over = take_switch(&argc, argv, "take-over");
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
    bool takes_over = false;
    int status = read_words(argc, argv, &settings, &takes_over);
    if (status == 0)
        status = serve(&settings, takes_over, &reload);
    reload_release(&reload);
    return status;
}
