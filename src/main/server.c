/* main/server.c: makes the parts, gives each loop its thread, takes all apart again.
 *
 * Order of making is the order of need: secret, fences, store, prices, gateway, its loops, admin (which publishes
 * the first configuration to them), then a listener on each loop. Taking apart is the reverse;
 * the admin stops while the loops still run, because its answers travel over them.
 */
#include "main/server_parts.h"

#include "admin/people.h"
#include "base/log.h"
#include "domain/price.h"
#include "gateway/otlp.h"
#include "main/setup.h"
#include "net/tls.h"
#include "store/retention.h"
#include "sys/confine.h"
#include "sys/thread.h"

#include "gen/version.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- making -------------------------------------------------------------------------------------- */

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static int loops_wanted(const struct settings *settings)
{
    long cores = settings->threads > 0 ? (long)settings->threads : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > LOOPS_MAX ? LOOPS_MAX : (int)cores;
}

/* The fences hold for threads made later only, so they come before the store, which starts one. What is
 * read after this: authorities, certificate, and what sys/confine.c knows of. */
static enum err confine_process(const struct settings *settings, struct error *error)
{
    if (strcmp(settings->confine, "off") == 0) {
        log_warn("not_confined", "why=\"the setting confine is off\"");
        return OK;
    }
    const char *readable[] = {settings->ca_file, getenv("SSL_CERT_FILE"), getenv("SSL_CERT_DIR")};
    const char *read_again[] = {settings->tls_cert, settings->tls_key, settings->config_file};
    struct confine_options options = {.data_dir = settings->data_dir,
                                      .readable = readable,
                                      .readable_count = sizeof readable / sizeof readable[0],
                                      .read_again = read_again,
                                      .read_again_count = sizeof read_again / sizeof read_again[0]};
    struct confinement now;
    confine(&options, &now);
    if (now.missing[0] && strcmp(settings->confine, "require") == 0)
        return error_set(error, ERR_DENIED,
                         "confine is 'require', and this kernel or build does not offer: %s",
                         now.missing);
    log_line(now.missing[0] ? LOG_WARN : LOG_INFO, "confined",
             "seccomp=%s landlock=%d missing=\"%s\"", now.has_filter ? "yes" : "no",
             now.landlock_abi, now.missing);
    return OK;
}

static enum err open_store(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    if (settings->database_url[0])
        return error_set(
            error, ERR_MALFORMED,
            "database_url: PostgreSQL is not there yet; leave it empty for the embedded"
            " database");
    struct store_options options = {.data_dir = settings->data_dir,
                                    .journal_count = server->loop_count,
                                    .jobs_kept_ms = settings->job_retention_ms,
                                    .usage_minutes_kept_ms = settings->usage_minute_retention_ms,
                                    .transitions_kept_ms = settings->transition_retention_ms};
    if (options.jobs_kept_ms > 0 && options.jobs_kept_ms < RETENTION_LEAST_MS)
        return error_set(error, ERR_MALFORMED,
                         "job_retention must be 48h or more, for requests may run that long; or 0: "
                         "jobs are kept for ever");
    enum err err = open_vault(settings, true, &server->vault, &options.secret_is_in_files, error);
    if (err == OK)
        err = confine_process(settings, error);
    if (err == OK && server->handover)
        err = handover_store(server->handover, error);
    if (err != OK)
        return err;
    return store_open(&options, server->vault, &server->store, error);
}

/* Nothing and nobody, unless an endpoint is set. */
static enum err open_otlp(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    if (!settings->otlp_endpoint[0])
        return OK;
    struct otlp_options options = {.endpoint = settings->otlp_endpoint,
                                   .headers = settings->otlp_headers,
                                   .service = settings->otlp_service,
                                   .ca_file = or_null(settings->ca_file),
                                   .name_servers = or_null(settings->resolver)};
    enum err err = otlp_new(&options, &server->otlp, error);
    if (err == OK)
        gateway_trace(server->gateway, server->otlp);
    return err;
}

static enum err open_gateway(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    struct gateway_options options = {
        .store = server->store,
        .vault = server->vault,
        .own = &server->own,
        .ca_file = or_null(settings->ca_file),
        .name_servers = or_null(settings->resolver),
        .tuning = server_tuning(settings),
        .idempotency_ms = settings->idempotency_ms,
        .idempotency_bytes = settings->idempotency_bytes,
        .heartbeat_ms = settings->heartbeat_interval_ms,
        .dead_after_ms = settings->dead_worker_timeout_ms,
        .grace_ms = settings->grace_ms,
        .body_limit_bytes = (size_t)settings->body_limit_bytes,
        .feed_watchers = (int)settings->live_clients,
        .feed_frames = (size_t)settings->live_frames,
    };
    enum err err = gateway_new(&options, &server->gateway, error);
    if (err == OK)
        sessions_last(gateway_sessions(server->gateway), settings->session_lifetime_ms,
                      settings->session_idle_ms);
    return err;
}

static enum plan plan_of(const struct settings *settings)
{
    enum plan plan = PLAN_ENTERPRISE;
    bool is_known = plan_parse(str_of(settings->plan), &plan);
    assert(is_known); /* settings.c takes no other */
    return plan;
}

static enum err open_admin(struct server *server, struct error *error)
{
    struct admin_options options = {
        .store = server->store,
        .vault = server->vault,
        .gateway = server->gateway,
        .prices = server->prices,
        .own = &server->own,
        .proxies = &server->proxies,
        .plan = plan_of(&server->settings),
        .ca_file = or_null(server->settings.ca_file),
        .name_servers = or_null(server->settings.resolver),
        .version = AUXOT_VERSION,
    };
    enum err err = admin_new(&options, &server->admin, error);
    if (err == OK)
        gateway_offload(server->gateway, admin_submit, server->admin);
    return err;
}

static enum err open_control(struct server *server, struct server_loop *at, struct error *error)
{
    char path[108];
    enum err err = control_path(&server->settings, path, error);
    if (err != OK)
        return err;
    struct http_listener_options options = {
        .loop = at->loop, .unix_path = path, .service = &at->front.service};
    return http_listener_new(&options, &at->control, error);
}

static enum err open_loops(struct server *server, struct error *error)
{
    enum err err = OK;
    for (int i = 0; err == OK && i < server->loop_count; i++) {
        struct server_loop *at = &server->loops[i];
        err = loop_new(i, &at->loop, error);
        if (err == OK)
            err = gateway_loop_add(server->gateway, at->loop, i, &at->gateway_loop, error);
    }
    return err;
}

/* Port 0 is chosen by the first loop's listener, and shared by the rest. */
static enum err open_listener(struct server *server, int index, struct error *error)
{
    struct server_loop *at = &server->loops[index];
    front_init(&at->front, server->admin, at->gateway_loop);
    struct http_listener_options options = {
        .loop = at->loop,
        .host = server->settings.host,
        .port = (int)server->settings.port,
        .share_port = true,
        .has_fd = server->handover != NULL,
        .fd = server->handover ? server->handover->sockets[index] : -1,
        .tls = server->tls,
        .service = &at->front.service,
    };
    enum err err = http_listener_new(&options, &at->listener, error);
    if (err == OK)
        server->settings.port = http_listener_port(at->listener);
    if (err == OK)
        admin_watch(server->admin, at->listener);
    return err == OK && index == 0 ? open_control(server, at, error) : err;
}

static enum err open_listeners(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    enum err err = OK;
    if (settings->port != 0 && !server->handover)
        err = http_port_probe(settings->host, (int)settings->port, error);
    if (err == OK && server->tls)
        admin_certificate_ends(server->admin, tls_context_ends_ms(server->tls));
    for (int i = 0; err == OK && i < server->loop_count; i++)
        err = open_listener(server, i, error);
    return err;
}

enum err server_open(const struct settings *settings, struct handover *handover,
                     struct server **out_server, struct error *error)
{
    struct server *server = mem_zalloc(1, sizeof *server);
    if (!server)
        return error_set(error, ERR_NO_MEMORY, "no memory to start");
    server->settings = *settings;
    sem_init(&server->has_tls, 0, 0);
    server->handover = handover;
    server->loop_count = handover ? handover->count : loops_wanted(settings);
    enum err err = own_address_init(&server->own, settings->base_url, settings->host,
                                    settings->tls_cert[0] != '\0', error);
    if (err == OK)
        err = trusted_proxies_parse(str_of(settings->trusted_proxies), &server->proxies, error);
    if (err == OK &&
        settings->tls_cert[0]) /* before the store: a bad one must cost an upgrade nothing */
        err = tls_server_context(settings->tls_cert, settings->tls_key, &server->tls, error);
    if (err == OK)
        err = price_table_new((struct str){prices_csv, prices_csv_len}, &server->prices, error);
    if (err == OK)
        err = open_store(server, error);
    if (err == OK)
        err = open_gateway(server, error);
    if (err == OK)
        err = open_otlp(server, error);
    if (err == OK)
        err = open_loops(server, error);
    if (err == OK)
        err = open_admin(server, error);
    if (err == OK)
        err = open_listeners(server, error);
    if (err != OK) {
        server_close(server);
        return err;
    }
    *out_server = server;
    return OK;
}

/* ---- running ------------------------------------------------------------------------------------- */

static void loop_main(void *arg)
{
    loop_run(arg);
}

/* False when it does not fit. */
static bool write_url(const struct settings *settings, char *room, size_t room_bytes)
{
    bool is_v6 = strchr(settings->host, ':') != NULL;
    AUTO_BUF struct buf url = {0};
    buf_init(&url, room_bytes);
    buf_printf(&url, "%s://%s%s%s:%d", settings->tls_cert[0] ? "https" : "http", is_v6 ? "[" : "",
               settings->host, is_v6 ? "]" : "", (int)settings->port);
    str_copy(buf_str(&url), room, room_bytes);
    return !url.failed;
}

static enum err start_watchdog(struct server *server, struct error *error)
{
    struct watchdog_options options = {.on_stuck = watchdog_abort};
    enum err err = watchdog_new(&options, &server->watchdog, error);
    if (err != OK)
        return err;
    for (int i = 0; i < server->loop_count; i++)
        watchdog_watch(server->watchdog, server->loops[i].loop, server->loops[i].name);
    watchdog_watch(server->watchdog, gateway_lot_loop(server->gateway), "lot");
    return watchdog_start(server->watchdog, error);
}

enum err server_run(struct server *server, char *out_url, size_t room_bytes, struct error *error)
{
    /* The api threads first: the port takes connections already, and a loop may bring a call. */
    enum err err = admin_start(server->admin, error);
    if (err == OK)
        gateway_recall(server->gateway);
    for (int i = 0; err == OK && i < server->loop_count; i++) {
        struct server_loop *at = &server->loops[i];
        snprintf(at->name, sizeof at->name, "loop-%d", i);
        err = thread_start(at->name, loop_main, at->loop, &at->thread, error);
        at->is_running = err == OK;
    }
    if (err == OK)
        err = start_watchdog(server, error);
    if (err == OK && !write_url(&server->settings, out_url, room_bytes))
        err = error_set(error, ERR_MALFORMED, "the host's name is too long");
    return err;
}

enum err server_setup_token(const struct server *server, char out_token[APIKEY_LEN + 1],
                            struct error *error)
{
    if (admin_is_set_up(server->admin))
        return error_set(error, ERR_CONFLICT, "set-up was done already");
    return setup_token(server->store, server->vault, out_token, error);
}

/* ---- ending -------------------------------------------------------------------------------------- */

static void on_drain(struct loop_message *message)
{
    struct server_loop *at = LIST_OWNER(message, struct server_loop, drain_message);
    http_listener_drain(at->listener);
    if (at->control)
        http_listener_drain(at->control);
}

void server_drain(struct server *server)
{
    gateway_drain(server->gateway);
    for (int i = 0; i < server->loop_count; i++) {
        struct server_loop *at = &server->loops[i];
        if (!at->is_running || at->is_drain_posted)
            continue;
        at->is_drain_posted = true;
        at->drain_message.run = on_drain;
        loop_post(at->loop, &at->drain_message);
    }
}

bool server_is_idle(const struct server *server)
{
    return gateway_running(server->gateway) == 0;
}

void server_cut(struct server *server)
{
    gateway_cut(server->gateway);
}

static void stop_loops(struct server *server)
{
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i].is_running)
            loop_stop(server->loops[i].loop);
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i].is_running)
            thread_join(server->loops[i].thread);
    /* "Drain" and "cut" may have come behind the loop's last turn: they speak of listeners and requests. */
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i].is_running)
            loop_settle(server->loops[i].loop);
}

static void free_listeners(struct server *server)
{
    for (int i = 0; i < server->loop_count; i++) {
        if (server->loops[i].control)
            http_listener_free(server->loops[i].control);
        if (server->loops[i].listener)
            http_listener_free(server->loops[i].listener);
    }
}

void server_close(struct server *server)
{
    if (!server)
        return;
    watchdog_stop(server->watchdog);
    if (server->admin)
        admin_stop(server->admin);
    stop_loops(server);
    free_listeners(server);
    if (server->gateway)
        gateway_free(server->gateway);
    otlp_free(server->otlp);
    admin_free(server->admin);
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i].loop)
            loop_free(server->loops[i].loop);
    watchdog_free(server->watchdog);
    store_close(server->store);
    if (server->prices)
        price_table_free(server->prices);
    SSL_CTX_free(server->tls);
    sem_destroy(&server->has_tls);
    vault_free(server->vault);
    mem_free(server);
}
