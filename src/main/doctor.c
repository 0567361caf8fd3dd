/* main/doctor.c: `auxot doctor`: looks for what would keep the gateway from working. One line per check:
 *
 *     ok|warn|FAIL  what  — what to do about it
 *
 * It changes nothing that a start would not change too, and nothing at all while a server runs.
 */
#include "main/commands.h"

#include "base/buf.h"
#include "http/server.h"
#include "main/control_client.h"
#include "main/setup.h"
#include "net/tls.h"
#include "store/store.h"
#include "sys/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DESCRIPTORS_WANTED 8192
#define FREE_BYTES_WANTED  (UINT64_C(1) << 30)
#define YEAR_2024_MS       INT64_C(1704067200000)
#define YEAR_2100_MS       INT64_C(4102444800000)

static const char help[] =
    "Usage: auxot doctor [--data-dir D] [--port P] [flags of serve]\n"
    "\n"
    "Checks secret, permissions, store, port, certificates, clock and limits. Each line says ok, warn\n"
    "or FAIL, and what to do. Exits 1 when something failed. Give it the flags that serve gets.\n";

struct doctor {
    struct settings settings;
    bool has_server;
    struct vault *vault; /* NULL: no usable secret */
    int failures;
};

__attribute__((format(printf, 1, 2))) static void ok(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ok    ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void warn(const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("warn  ", stdout);
    vprintf(format, args);
    printf(" — %s\n", fix);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void bad(struct doctor *doctor, const char *fix,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("FAIL  ", stdout);
    vprintf(format, args);
    printf(" — %s\n", fix);
    va_end(args);
    doctor->failures++;
}

/* ---- checks, in the order in which a start would meet them ---------------------------------------- */

static void check_directory(struct doctor *doctor)
{
    const char *path = doctor->settings.data_dir;
    struct stat facts;
    if (stat(path, &facts) != 0 && errno == ENOENT)
        ok("data directory %s: not there yet, the first start makes it", path);
    else if (stat(path, &facts) != 0)
        bad(doctor, "give a --data-dir that this user may enter", "data directory %s: %s", path,
            ERRNO_TEXT(errno));
    else if (!S_ISDIR(facts.st_mode))
        bad(doctor, "give another --data-dir", "data directory %s: it is no directory", path);
    else if (facts.st_mode & (S_IRWXG | S_IRWXO))
        warn("run `chmod 700` on it; serve does so too", "data directory %s: others may enter it",
             path);
    else if (access(path, W_OK | X_OK) != 0)
        bad(doctor, "run as the user that owns it", "data directory %s: not writable", path);
    else
        ok("data directory %s", path);
}

static void check_server(struct doctor *doctor)
{
    AUTO_BUF struct buf answer = {0};
    struct error error = {0};
    char path[108];
    int status = 0;
    buf_init(&answer, 65536);
    if (control_path(&doctor->settings, path, &error) != OK) {
        bad(doctor, "give a shorter --data-dir", "control socket: %s", error.text);
        return;
    }
    enum err err = control_call(path, "GET", "/api/health", STR(""), &status, &answer, &error);
    doctor->has_server = err == OK && status == 200;
    if (doctor->has_server)
        ok("server: running, it answers on %s", path);
    else if (err == ERR_NOT_FOUND)
        ok("server: none runs on this data directory");
    else
        bad(doctor, "look in its log, or restart it", "server: it does not answer on %s", path);
}

static void check_secret(struct doctor *doctor)
{
    struct master_secret found = {0};
    struct error error = {0};
    enum err err = master_secret_load(doctor->settings.data_dir, false, &found, &error);
    if (err == ERR_NOT_FOUND && !error.text[0]) {
        ok("secret: none yet, the first start makes one");
        return;
    }
    if (err == OK)
        err = master_secret_vault(&found, &doctor->vault, &error);
    if (err != OK)
        bad(doctor, "see the sentence", "secret: %s", error.text);
    else
        ok("secret: from %s", found.from_environment ? "AUXOT_SECRET_KEY" : found.path);
    master_secret_release(&found);
}

/* With a server, the store is the server's: its own answer says whether it can be written. */
static void check_store(struct doctor *doctor)
{
    struct error error = {0};
    struct store *store = NULL;
    struct stat facts;
    struct store_options options = {.data_dir = doctor->settings.data_dir};
    if (doctor->has_server) {
        ok("store: in use by the running server");
        return;
    }
    if (!doctor->vault || stat(options.data_dir, &facts) != 0) {
        if (!doctor->failures)
            ok("store: not there yet, the first start makes it");
        return;
    }
    if (store_open(&options, doctor->vault, &store, &error) == OK)
        ok("store: opens");
    else
        bad(doctor, "see the sentence", "store: %s", error.text);
    store_close(store);
}

static void check_port(struct doctor *doctor)
{
    struct error error = {0};
    const struct settings *settings = &doctor->settings;
    if (settings->port == 0)
        ok("port: any free one");
    else if (http_port_probe(settings->host, (int)settings->port, &error) == OK)
        ok("port: %s:%d is free", settings->host, (int)settings->port);
    else if (doctor->has_server)
        ok("port: %s:%d is taken, and a server runs", settings->host, (int)settings->port);
    else
        bad(doctor, "stop what uses it, or give another --port", "port: %s", error.text);
}

static void check_certificates(struct doctor *doctor)
{
    struct error error = {0};
    const struct settings *settings = &doctor->settings;
    SSL_CTX *context = NULL;
    if (tls_client_context(settings->ca_file[0] ? settings->ca_file : NULL, &context, &error) == OK)
        ok("authorities: %s", settings->ca_file[0] ? settings->ca_file : "the system's");
    else
        bad(doctor, "install ca-certificates, or correct ca_file", "authorities: %s", error.text);
    SSL_CTX_free(context);
    context = NULL;
    if (!settings->tls_cert[0])
        return;
    if (tls_server_context(settings->tls_cert, settings->tls_key, &context, &error) == OK)
        ok("certificate: %s", settings->tls_cert);
    else
        bad(doctor, "correct tls_cert and tls_key", "certificate: %s", error.text);
    SSL_CTX_free(context);
}

static void check_clock(struct doctor *doctor)
{
    int64_t now_ms = clock_wall_ms();
    if (now_ms < YEAR_2024_MS || now_ms > YEAR_2100_MS)
        bad(doctor, "set it, or start an NTP client", "clock: it is far off");
    else
        ok("clock: plausible");
}

static void check_limits(struct doctor *doctor)
{
    struct rlimit files;
    struct statvfs disk;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < DESCRIPTORS_WANTED)
        warn("raise it with `ulimit -Hn` or LimitNOFILE=, each stream takes two",
             "descriptors: the hard limit is %llu", (unsigned long long)files.rlim_max);
    else
        ok("descriptors: enough");
    if (statvfs(doctor->settings.data_dir, &disk) != 0)
        return;
    if ((uint64_t)disk.f_bavail * disk.f_frsize < FREE_BYTES_WANTED)
        warn("make room: requests are refused when the disk is full",
             "disk: less than 1 GiB is free in %s", doctor->settings.data_dir);
    else
        ok("disk: room in %s", doctor->settings.data_dir);
}

int command_doctor(int argc, char **argv)
{
    static void (*const checks[])(struct doctor * doctor) = {
        check_directory, check_server,       check_secret, check_store,
        check_port,      check_certificates, check_clock,  check_limits,
    };
    struct doctor doctor = {0};
    struct error error = {0};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    if (load_settings(&argc, argv, &doctor.settings, &error) != OK) {
        bad(&doctor, "correct it", "settings: %s", error.text);
        return 1;
    }
    if (argc > 1)
        return complain("doctor", 2, "'%s' is no flag of doctor", argv[1]);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        checks[i](&doctor);
    vault_free(doctor.vault);
    return doctor.failures ? 1 : 0;
}
