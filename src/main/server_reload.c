/* main/server_reload.c: settings that change while the server runs.
 *
 * Everything that can fail comes first; then each part takes what is its own. Open connections keep the certificate that
 * they began with, requests under way the deadline.
 */
#include "main/server_parts.h"

#include "net/tls.h"

struct gateway_tuning server_tuning(const struct settings *settings)
{
    return (struct gateway_tuning){.job_timeout_ms = settings->job_timeout_ms,
                                   .late_head_ms = settings->late_head_ms,
                                   .keepalive_ms = settings->keepalive_ms,
                                   .queue_wait_ms = settings->queue_wait_ms,
                                   .max_attempts = settings->max_attempts,
                                   .max_concurrent = settings->max_concurrent,
                                   .body_budget_bytes = settings->body_budget_bytes};
}

static void on_tls(struct loop_message *message)
{
    struct server_loop *at = LIST_OWNER(message, struct server_loop, tls_message);
    http_listener_set_tls(at->listener, at->server->tls);
    sem_post(&at->server->has_tls);
}

/* Waits for every loop, each of which takes it between two turns: then nobody begins a handshake with the old. */
static void swap_tls(struct server *server, SSL_CTX *fresh)
{
    SSL_CTX *old = server->tls;
    server->tls = fresh;
    for (int i = 0; i < server->loop_count; i++) {
        struct server_loop *at = &server->loops[i];
        at->server = server;
        at->tls_message.run = on_tls;
        loop_post(at->loop, &at->tls_message);
    }
    for (int i = 0; i < server->loop_count; i++)
        while (sem_wait(&server->has_tls) != 0)
            continue; /* a signal */
    SSL_CTX_free(old);
}

/* Whether there is TLS at all is decided at the start: cookies and links go by it. */
static void keep_tls_as_it_is(const struct settings *now, struct settings *fresh,
                              struct buf *out_waiting)
{
    if ((now->tls_cert[0] == '\0') == (fresh->tls_cert[0] == '\0'))
        return;
    memcpy(fresh->tls_cert, now->tls_cert, sizeof fresh->tls_cert);
    memcpy(fresh->tls_key, now->tls_key, sizeof fresh->tls_key);
    buf_puts(out_waiting, "tls_cert,tls_key");
}

enum err server_reload(struct server *server, const struct settings *given, struct buf *out_live,
                       struct buf *out_waiting, struct error *error)
{
    struct settings *settings = &server->settings;
    struct settings fresh = *given;
    SSL_CTX *tls = NULL;
    keep_tls_as_it_is(settings, &fresh, out_waiting);
    if (fresh.port == 0) /* any: it has one */
        fresh.port = settings->port;
    enum err err =
        fresh.tls_cert[0] ? tls_server_context(fresh.tls_cert, fresh.tls_key, &tls, error) : OK;
    if (err != OK)
        return err;
    settings_adopt(settings, &fresh, out_live, out_waiting);
    if (tls) {
        swap_tls(server, tls);
        admin_certificate_ends(server->admin, tls_context_ends_ms(tls));
    }
    struct gateway_tuning tuning = server_tuning(settings);
    gateway_tune(server->gateway, &tuning);
    sessions_last(gateway_sessions(server->gateway), settings->session_lifetime_ms,
                  settings->session_idle_ms);
    return OK;
}

const struct settings *server_settings(const struct server *server)
{
    return &server->settings;
}
