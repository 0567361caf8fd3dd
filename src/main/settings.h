/* main/settings.h: what an operator may set, one row each in settings.c.
 *
 * Precedence: flags, then the environment (AUXOT_ and the name in capitals), then the file given with
 * --config (`name = value` lines, '#' comments), then the default. The secret is no setting: it must
 * not stand in an argument list (master_secret.h).
 *
 * Thread:  main's.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include <stdio.h>

#define SETTING_PATH_MAX 1024

struct settings {
    char host[256], base_url[512], trusted_proxies[1024];
    char data_dir[SETTING_PATH_MAX], database_url[SETTING_PATH_MAX];
    int64_t port;
    char tls_cert[SETTING_PATH_MAX], tls_key[SETTING_PATH_MAX], ca_file[SETTING_PATH_MAX];
    char resolver[512];
    char log_level[16], plan[16], confine[16];
    int64_t threads, max_concurrent, max_attempts;
    int64_t job_timeout_ms, late_head_ms, keepalive_ms, grace_ms;
    int64_t session_lifetime_ms, session_idle_ms;
    int64_t heartbeat_interval_ms, dead_worker_timeout_ms, queue_wait_ms;
    int64_t idempotency_ms, idempotency_bytes;
    int64_t transition_retention_ms, job_retention_ms, usage_minute_retention_ms;
    int64_t body_limit_bytes, body_budget_bytes;
    int64_t live_clients, live_frames;
    char otlp_endpoint[512], otlp_headers[2048], otlp_service[128];
    char config_file[SETTING_PATH_MAX]; /* the file that was read; no setting itself */
};

/**
 * Fills all of `out_settings`. Known flags (`--name value`, `--name=value`) are taken out of `argv`
 * and `*argc` falls accordingly; what is left is the command's own. `environment` as environ.
 * Errors: ERR_MALFORMED, ERR_NOT_FOUND (the file), each with a sentence that names setting and source.
 */
MUST_USE enum err settings_load(int *argc, char **argv, char *const *environment,
                                struct settings *out_settings, struct error *error);
/** Takes over what may change while the server runs. The names of what has changed are added, with commas: of what was
 *  taken over to `out_live`, of what waits for the next start, and stays as it was, to `out_waiting`. */
void settings_adopt(struct settings *settings, const struct settings *fresh, struct buf *out_live,
                    struct buf *out_waiting);
/** The reference, generated from the table. */
void settings_print(FILE *out);

/** "500ms", "30s", "5m", "2h", "1d", "0". False: none of these, or beyond ten years. */
bool duration_parse(struct str text, int64_t *out_ms);
/** "4096", "64KiB", "32MiB", "1GiB" (also k, K, m, M, g, G with or without B; all binary). */
bool bytes_parse(struct str text, int64_t *out_bytes);
