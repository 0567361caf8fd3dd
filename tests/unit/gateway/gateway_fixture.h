/* tests/unit/gateway/gateway_fixture.h: a whole gateway on one loop thread, scripted providers behind
 * it, and a client with blocking sockets in front.
 *
 *     struct stage stage = {.kind = "openai"};
 *     stage.up[0].plays[0] = (struct play){{SAY(...), KEEP}};
 *     stage_begin(&stage, 1);
 *     struct answer answer = stage_ask(&stage, "/api/openai/v1/chat/completions", "", body);
 *     struct job_record job = stage_job(&stage);   waits until the gateway is idle again
 *     stage_end(&stage);                           and checks that nothing is left over
 */
#pragma once
#include "gateway/gateway.h"
#include "gateway/live.h"
#include "providers/kinds.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "tests/unit/gateway/upstream.h"
#include "tests/unit/store/store_fixture.h"
#include "wire/say.h"

#include "tests/test.h"

#define STAGE_PROVIDERS 3
#define ANSWER_MAX      (80u << 20)
#define IDLE_WAIT_MS    5000

struct stage {
    const char *kind;               /* of all providers: "openai" or "anthropic" */
    struct gateway_options options; /* zeroes become what tests need */
    struct provider_row rows[STAGE_PROVIDERS];
    struct upstream up[STAGE_PROVIDERS];
    size_t provider_count;
    bool is_cut_short; /* stage_end with requests still running */
    bool has_workers;  /* the providers have no URL: fake_worker.h */
    struct fixture kept;
    struct price_table *prices;
    struct live_registry *registry;
    struct loop *loop;
    struct gateway *gateway;
    struct gateway_loop *gateway_loop;
    struct http_service service;
    struct http_listener *listener;
    pthread_t thread;
    char key[APIKEY_LEN + 1];
    struct key_row key_row;
    const char *team_policy,
        *key_policy;                 /* JSON; a team's makes the key a team's: tea_1, "Research" */
    char worker_key[APIKEY_LEN + 1]; /* of the first provider */
    struct worker_key_row worker_key_row;
    int64_t version;
};

/* ---- the server ------------------------------------------------------------------------------ */

static inline void stage_on_request(void *arg, struct exchange *exchange)
{
    if (str_starts(exchange_head(exchange)->path, STR(GATEWAY_WORKER_PATH)))
        gateway_serve_worker(arg, exchange);
    else
        gateway_serve(arg, exchange);
}

static inline void stage_write_error(void *arg, int status, struct str path, const char *sentence,
                                     struct buf *headers, struct buf *body)
{
    (void)arg;
    (void)path;
    (void)headers;
    (void)status;
    say_error(body, DIALECT_OPENAI, SAY_BAD_REQUEST, sentence, NULL, "none");
}

static inline void stage_must(enum err err, const struct error *error)
{
    if (err == OK)
        return;
    fprintf(stderr, "stage: %s\n", error->text);
    abort();
}

/* Fills what the test left open of the provider's row. */
static inline void stage_row(struct stage *stage, size_t i)
{
    struct provider_row *row = &stage->rows[i];
    bool is_openai = strcmp(stage->kind, "openai") == 0;
    snprintf(row->id, sizeof row->id, "prv_%zu", i + 1);
    snprintf(row->name, sizeof row->name, "Provider %zu", i + 1);
    snprintf(row->slug, sizeof row->slug, "p%zu", i + 1);
    snprintf(row->kind, sizeof row->kind, "%s", stage->kind);
    snprintf(row->base_url, sizeof row->base_url, "http://127.0.0.1:%d%s", stage->up[i].port,
             is_openai ? "/v1" : "");
    if (stage->has_workers)
        row->base_url[0] = '\0';
    if (!row->default_model[0])
        snprintf(row->default_model, sizeof row->default_model, "m%zu", i + 1);
    if (!row->models_json)
        row->models_json =
            "[{\"id\":\"m1\",\"surfaced\":true},{\"id\":\"m2\",\"surfaced\":true},"
            "{\"id\":\"m3\",\"surfaced\":true},{\"id\":\"gpt-5\",\"surfaced\":true}]";
    row->rules_json = "[]";
    row->created_seq = (int64_t)i + 1;
    struct error error = {0};
    struct buf sealed;
    buf_init(&sealed, 4096);
    stage_must(provider_key_seal(stage->kept.vault, row->id, STR("sk-canary-of-the-tests"), &sealed,
                                 &error),
               &error);
    row->sealed_key_len = sealed.len;
    row->sealed_key = buf_take(&sealed);
    row->credential_version = 1;
}

/* Publishes the rows (and the key, unless it is revoked) as the next version. */
static inline void stage_publish(struct stage *stage, bool has_key)
{
    struct error error = {0};
    struct snapshot *snapshot = NULL;
    struct team_row team = {
        .id = "tea_1", .name = "Research", .policy_json = (char *)(uintptr_t)stage->team_policy};
    stage->key_row.policy_json = (char *)(uintptr_t)stage->key_policy;
    if (stage->team_policy)
        str_copy(STR("tea_1"), stage->key_row.team, sizeof stage->key_row.team);
    struct store_config config = {.providers = stage->rows,
                                  .provider_count = stage->provider_count,
                                  .keys = &stage->key_row,
                                  .key_count = has_key ? 1 : 0,
                                  .teams = &team,
                                  .team_count = stage->team_policy ? 1 : 0,
                                  .worker_keys = &stage->worker_key_row,
                                  .worker_key_count = stage->has_workers ? 1 : 0,
                                  .version = ++stage->version};
    stage_must(snapshot_build(&config, stage->kept.vault, stage->registry, stage->prices, &snapshot,
                              &error),
               &error);
    stage_must(gateway_publish(stage->gateway, snapshot, &error), &error);
}

static inline void stage_options(struct stage *stage)
{
    struct gateway_options *options = &stage->options;
    options->store = stage->kept.store;
    options->vault = stage->kept.vault;
    options->tuning.job_timeout_ms =
        options->tuning.job_timeout_ms ? options->tuning.job_timeout_ms : 20000;
    options->tuning.late_head_ms =
        options->tuning.late_head_ms ? options->tuning.late_head_ms : 15000;
    options->tuning.keepalive_ms =
        options->tuning.keepalive_ms ? options->tuning.keepalive_ms : 15000;
    options->tuning.max_attempts = options->tuning.max_attempts ? options->tuning.max_attempts : 6;
}

static inline void stage_loop_main(void *arg)
{
    loop_run(arg);
}

static inline void stage_key(struct stage *stage)
{
    uint8_t random[32];
    random_fill(random, sizeof random);
    apikey_make(APIKEY_PREFIX, random, stage->key);
    stage->key_row = (struct key_row){.id = "key_1", .name = "tester", .role = "admin"};
    vault_key_digest(stage->kept.vault, str_of(stage->key), stage->key_row.digest);
    random_fill(random, sizeof random);
    apikey_make(APIKEY_PREFIX_WORKER, random, stage->worker_key);
    stage->worker_key_row = (struct worker_key_row){.id = "wky_1", .provider_id = "prv_1"};
    vault_key_digest(stage->kept.vault, str_of(stage->worker_key), stage->worker_key_row.digest);
}

static inline void stage_begin(struct stage *stage, size_t provider_count)
{
    struct error error = {0};
    if (!stage->kind)
        stage->kind = "openai";
    fixture_begin(&stage->kept);
    fixture_open(&stage->kept, 1, 0);
    stage->provider_count = provider_count;
    for (size_t i = 0; i < provider_count; i++) {
        upstream_begin(&stage->up[i]);
        stage_row(stage, i);
    }
    stage_key(stage);
    stage_options(stage);
    stage_must(price_table_new((struct str){prices_csv, prices_csv_len}, &stage->prices, &error),
               &error);
    stage->registry = live_registry_new();
    stage_must(loop_new(0, &stage->loop, &error), &error);
    stage_must(gateway_new(&stage->options, &stage->gateway, &error), &error);
    stage_must(gateway_loop_add(stage->gateway, stage->loop, 0, &stage->gateway_loop, &error),
               &error);
    stage_publish(stage, true);
    stage->service = (struct http_service){.on_request = stage_on_request,
                                           .write_error = stage_write_error,
                                           .arg = stage->gateway_loop};
    struct http_listener_options listen = {
        .loop = stage->loop, .host = "127.0.0.1", .service = &stage->service};
    stage_must(http_listener_new(&listen, &stage->listener, &error), &error);
    stage_must(thread_start("loop-0", stage_loop_main, stage->loop, &stage->thread, &error),
               &error);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct answer {
    char *raw; /* all that came; NUL-terminated */
    size_t raw_len;
    int status; /* 0: none came */
    char *body; /* without its framing; NUL-terminated */
    size_t body_len;
    bool is_whole; /* the framing ended as it should */
};

static inline int client_open(const struct stage *stage)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)http_listener_port(stage->listener));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

static inline void client_say(int fd, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

static inline void client_ask(const struct stage *stage, int fd, const char *path,
                              const char *headers, const char *body)
{
    char head[4096];
    int len = snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nhost: test\r\nauthorization: Bearer %s\r\n"
                       "content-type: application/json\r\ncontent-length: %zu\r\n"
                       "connection: close\r\n%s\r\n",
                       path, stage->key, strlen(body), headers);
    client_say(fd, head, (size_t)len);
    client_say(fd, body, strlen(body));
}

/* Reads until `needle` came or the connection ended; appends to `out`. */
static inline bool client_read_until(int fd, struct buf *out, const char *needle)
{
    char piece[65536];
    while (!needle || !out->data || !strstr(out->data, needle)) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0)
            return false;
        buf_append(out, piece, (size_t)n);
    }
    return true;
}

static inline void answer_dechunk(struct answer *answer, const char *at)
{
    for (;;) {
        char *end = NULL;
        unsigned long size = strtoul(at, &end, 16);
        if (end == at || strncmp(end, "\r\n", 2) != 0)
            return;
        const char *data = end + 2;
        if (size > (size_t)(answer->raw + answer->raw_len - data))
            size = (unsigned long)(answer->raw + answer->raw_len - data);
        memcpy(answer->body + answer->body_len, data, size);
        answer->body_len += size;
        at = data + size;
        answer->is_whole = size == 0 && strncmp(at, "\r\n", 2) == 0;
        if (size == 0 || strncmp(at, "\r\n", 2) != 0)
            return;
        at += 2;
    }
}

static inline struct answer answer_of(struct buf *raw)
{
    struct answer answer = {.raw_len = raw->len};
    answer.raw = buf_take(raw);
    answer.body = calloc(1, answer.raw_len + 1);
    const char *end = answer.raw ? strstr(answer.raw, "\r\n\r\n") : NULL;
    if (!end)
        return answer;
    answer.status = atoi(answer.raw + strlen("HTTP/1.1 "));
    const char *body = end + 4;
    const char *chunked = strstr(answer.raw, "transfer-encoding: chunked");
    const char *length = strstr(answer.raw, "content-length: ");
    if (chunked && chunked < end) {
        answer_dechunk(&answer, body);
    } else {
        answer.body_len = (size_t)(answer.raw + answer.raw_len - body);
        memcpy(answer.body, body, answer.body_len);
        answer.is_whole =
            length && length < end && strtoul(length + 16, NULL, 10) == answer.body_len;
    }
    answer.body[answer.body_len] = '\0';
    return answer;
}

/* Reads to the end of the connection. */
static inline struct answer client_finish(int fd, struct buf *raw)
{
    (void)client_read_until(fd, raw, NULL);
    close(fd);
    return answer_of(raw);
}

static inline void answer_free(struct answer *answer)
{
    mem_free(answer->raw);
    free(answer->body);
}

static inline struct answer stage_ask(const struct stage *stage, const char *path,
                                      const char *headers, const char *body)
{
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    int fd = client_open(stage);
    client_ask(stage, fd, path, headers, body);
    return client_finish(fd, &raw);
}

/* ---- what is left behind --------------------------------------------------------------------- */

static inline void sleep_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

static inline bool stage_is_idle(const struct stage *stage)
{
    int64_t until_ms = clock_monotonic_ms() + IDLE_WAIT_MS;
    while (gateway_running(stage->gateway) > 0 && clock_monotonic_ms() < until_ms)
        sleep_ms(2);
    return gateway_running(stage->gateway) == 0;
}

struct jobs_seen {
    int count;
    struct job_record newest;
};

static inline void stage_on_job(void *arg, const struct job_record *job)
{
    struct jobs_seen *seen = arg;
    if (seen->count++ == 0)
        seen->newest = *job;
}

/* The newest job, once the gateway is idle; its id is "" when there is none. */
static inline struct job_record stage_job(struct stage *stage)
{
    struct error error = {0};
    struct jobs_seen seen = {0};
    struct job_filter filter = {.limit = 10};
    char next[96];
    CHECK("the gateway is idle again", stage_is_idle(stage));
    CHECK_INT("drain", store_drain(stage->kept.store, 10000), OK);
    enum err err = store_jobs(stage->kept.store, &filter, stage_on_job, &seen, next, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    return seen.newest;
}

static inline struct live_provider *stage_live(struct stage *stage, size_t i)
{
    struct snapshot *snapshot = gateway_snapshot(stage->gateway);
    struct live_provider *live = provider_live(snapshot->routing.providers[i]);
    snapshot_unref(snapshot);
    return live;
}

/* Whatever was taken was given back: by every way out. */
static inline void stage_check(struct stage *stage, const char *name)
{
    CHECK(name, stage_is_idle(stage));
    CHECK_INT(name, body_budget_used(), 0);
    for (size_t i = 0; i < stage->provider_count; i++) {
        struct live_provider *live = stage_live(stage, i);
        CHECK_INT(name, atomic_load(&live->in_flight), 0);
        pthread_mutex_lock(&live->lock);
        bool is_on_trial = live->health.is_on_trial;
        pthread_mutex_unlock(&live->lock);
        CHECK(name, !is_on_trial);
    }
}

static inline void stage_end(struct stage *stage)
{
    if (!stage->is_cut_short)
        stage_check(stage, "at the end");
    loop_stop(stage->loop);
    thread_join(stage->thread);
    http_listener_free(stage->listener);
    gateway_free(stage->gateway);
    live_registry_free(stage->registry);
    loop_free(stage->loop);
    fixture_end(&stage->kept);
    price_table_free(stage->prices);
    for (size_t i = 0; i < stage->provider_count; i++) {
        upstream_end(&stage->up[i]);
        mem_free(stage->rows[i].sealed_key);
    }
}
