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

#include <limits.h>
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

/* What the main thread waits for, and what it was told meanwhile. */
struct watch {
    int signals, handover; /* -1: none */
    bool is_reload_due;    /* SIGHUP is pending once, however often it is sent */
    int stop;              /* the signal to stop; 0: none yet */
    int64_t stop_ms;       /* monotonic: when it came */
};

enum news { NEWS_NONE, NEWS_STOP, NEWS_RELOAD, NEWS_OTHER };

/* Until a signal comes, `other` can be read (-1: nothing else), or `ms` have passed (-1: never). */
static enum news watch_next(struct watch *watch, int other, int ms)
{
    struct signalfd_siginfo signal;
    struct pollfd wait[] = {{.fd = watch->signals, .events = POLLIN},
                            {.fd = other, .events = POLLIN}};
    if (poll(wait, 2, ms) <= 0)
        return NEWS_NONE;
    if (!wait[0].revents || read(watch->signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
        return wait[1].revents ? NEWS_OTHER : NEWS_NONE;
    if (signal.ssi_signo == SIGHUP) {
        watch->is_reload_due = true;
        return NEWS_RELOAD;
    }
    if (!watch->stop)
        watch->stop_ms = clock_monotonic_ms();
    watch->stop = (int)signal.ssi_signo;
    return NEWS_STOP;
}

static int64_t ms_until(int64_t at_ms)
{
    int64_t left_ms = at_ms - clock_monotonic_ms();
    return left_ms > 0 ? left_ms : 0;
}

/* ---- handing over ------------------------------------------------------------------------------- */

enum heard { HEARD, HEARD_NO, HEARD_STOP };

/* HEARD_NO: the next one said something else, or left, or the time is over (`until_ms`; -1: never). */
static enum heard hear(struct watch *watch, int conn, const char *word, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms < 0 ? -1 : ms_until(until_ms);
        enum news news = watch_next(watch, conn, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        if (news == NEWS_OTHER)
            return handover_hear(conn, word, 0) ? HEARD : HEARD_NO;
        if (news == NEWS_STOP)
            return HEARD_STOP;
        if (until_ms >= 0 && left_ms == 0)
            return HEARD_NO;
    }
}

/* The store is the next one's, which opens it, and may have much to migrate: it is waited for without a limit. Who is told to
 * stop meanwhile still waits within its grace, because until then only it takes requests; a second signal ends that. */
static bool hear_ready(const struct server *server, struct watch *watch, int conn)
{
    enum heard heard = hear(watch, conn, "ready", -1);
    if (heard != HEARD_STOP)
        return heard == HEARD;
    int64_t grace_ms = server_settings(server)->grace_ms;
    log_info("stopping_when_handed_over", "signal=%d grace_ms=%lld", watch->stop,
             (long long)grace_ms);
    return hear(watch, conn, "ready", watch->stop_ms + grace_ms) == HEARD;
}

/* True: the next server has everything, and answers. A signal before the store is released ends the conversation. */
static bool hand_over(struct server *server, struct watch *watch, int conn)
{
    struct error error = {0};
    if (hear(watch, conn, "sockets", clock_monotonic_ms() + HANDOVER_WAIT_MS) != HEARD ||
        !server_give_sockets(server, conn) ||
        hear(watch, conn, "store", clock_monotonic_ms() + HANDOVER_WAIT_MS) != HEARD)
        return false;
    log_info("handing_over", "what=store");
    server_release_store(server);
    if (handover_say(conn, "store") && hear_ready(server, watch, conn))
        return true;
    enum err err = server_take_back(server, &error);
    log_error("not_handed_over", "why=\"%s\" store=\"%s\"",
              watch->stop ? "told to stop, and the next server is not ready"
                          : "the next server gave up",
              err == OK ? "taken back" : error.text);
    return false;
}

/* ---- the life between start and end ------------------------------------------------------------- */

/* Until a signal to stop comes; true: until the next server has taken over. */
static bool serve_until_over(struct server *server, struct watch *watch,
                             const struct reload *reload)
{
    int64_t reloaded_ms = -REST_MS;
    for (;;) {
        int ms = watch->is_reload_due ? (int)ms_until(reloaded_ms + REST_MS) : -1;
        if (watch_next(watch, watch->handover, ms) == NEWS_OTHER) {
            AUTO_CLOSE int conn = handover_accept(watch->handover);
            if (conn >= 0 && hand_over(server, watch, conn))
                return true;
        }
        if (watch->stop)
            return false;
        if (!watch->is_reload_due || clock_monotonic_ms() < reloaded_ms + REST_MS)
            continue;
        watch->is_reload_due = false;
        reload_now(reload, server);
        reloaded_ms = clock_monotonic_ms();
    }
}

static void leave(struct server *server, struct watch *watch)
{
    int64_t grace_ms = server_settings(server)->grace_ms;
    int64_t from_ms = watch->stop ? watch->stop_ms : clock_monotonic_ms(); /* one grace, not two */
    int64_t until_ms = from_ms + grace_ms;
    log_info("handed_over", "grace_ms=%lld", (long long)grace_ms);
    server_leave(server);
    while (!server_has_left(server) && clock_monotonic_ms() < until_ms)
        if (watch_next(watch, -1, LOOK_MS) == NEWS_STOP)
            break;
    if (server_is_idle(server))
        return;
    log_warn("cutting", "why=\"grace time over, or a signal\"");
    server_cut(server);
    (void)signal_came_before(server, CUT_MS);
}

static void drain(struct server *server, const struct watch *watch)
{
    int64_t grace_ms = server_settings(server)->grace_ms;
    log_info("draining", "signal=%d grace_ms=%lld", watch->stop, (long long)grace_ms);
    server_drain(server);
    bool is_hurried = signal_came_before(server, ms_until(watch->stop_ms + grace_ms));
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
    if (serve_until_over(server, watch, reload))
        leave(server, watch);
    else
        drain(server, watch);
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
