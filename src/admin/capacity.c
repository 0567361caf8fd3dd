/* admin/capacity.c: see capacity.h. Three GETs, one after the other; the first decides whether it is up. */
#include "admin/capacity.h"

#include "base/mem.h"
#include "providers/kinds.h"
#include "sys/secret.h"

#include <stdio.h>

#define BODY_MAX   (1024u * 1024)
#define HEAD_MAX   8192u
#define CONNECT_MS 2000
#define ANSWER_MS  5000
#define SLOTS_MAX  1024
#define NS_PER_MS  INT64_C(1000000)

enum { STEP_HEALTH, STEP_PROPS, STEP_SLOTS, STEP_COUNT };
static const char *const paths[STEP_COUNT] = {"/health", "/props", "/slots"};

static void finish(struct capacity_call *at)
{
    deadline_release(&at->deadline);
    at->call = NULL;
    at->on_done(at);
}

static void fail(struct capacity_call *at, enum verdict verdict, const char *reason,
                 const char *sentence)
{
    at->found.report = (struct verdict_report){
        .verdict = verdict, .retry_after_ms = RETRY_UNKNOWN_MS, .http_status = at->status};
    str_copy(str_of(reason), at->found.report.reason, sizeof at->found.report.reason);
    str_copy(str_of(sentence), at->found.report.sentence, sizeof at->found.report.sentence);
    finish(at);
}

static int64_t within(int64_t number, int64_t most)
{
    return number < 0 ? 0 : number > most ? most : number;
}

static void read_props(struct capacity_call *at)
{
    struct json root = {0};
    if (at->status != 200 || at->body.failed ||
        json_parse(at->reader, buf_str(&at->body), &root, NULL) != OK)
        return;
    at->found.slots = within(json_int64_or(json_get(root, "total_slots"), 0), SLOTS_MAX);
    int64_t tokens = json_int64_or(json_at(root, "default_generation_settings", "n_ctx", NULL), -1);
    at->found.context_tokens = tokens > 0 ? tokens : -1;
}

static void read_slots(struct capacity_call *at)
{
    struct json root = {0};
    if (at->status != 200 || at->body.failed ||
        json_parse(at->reader, buf_str(&at->body), &root, NULL) != OK ||
        json_type_of(root) != JSON_ARRAY)
        return;
    if (at->found.slots == 0)
        at->found.slots = within((int64_t)json_count(root), SLOTS_MAX);
    for (struct json_cursor each = json_each(root); json_next(&each);) {
        bool is_busy = false;
        (void)json_bool(json_get(each.value, "is_processing"), &is_busy);
        at->found.busy += is_busy;
    }
}

static void ask(struct capacity_call *at);

static void on_end(void *owner)
{
    struct capacity_call *at = owner;
    at->call = NULL;
    if (at->step == STEP_HEALTH && at->status == 503) {
        fail(at, VERDICT_BUSY, "loading", "It is up, and still loading its model.");
        return;
    }
    if (at->step == STEP_HEALTH && at->status > 503) {
        fail(at, VERDICT_SERVER, "server_error", "Its GET /health failed.");
        return;
    }
    at->found.is_up = true;
    if (at->step == STEP_PROPS)
        read_props(at);
    else if (at->step == STEP_SLOTS)
        read_slots(at);
    if (++at->step == STEP_COUNT)
        finish(at);
    else
        ask(at);
}

static void on_head(void *owner, const struct http_head *head)
{
    struct capacity_call *at = owner;
    at->status = head->status;
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct capacity_call *at = owner;
    buf_append(&at->body, bytes, len);
}

/* The first step is about being up; what fails behind it is only not known. */
static void give_up(struct capacity_call *at, const char *reason, const char *sentence)
{
    if (at->step == STEP_HEALTH)
        fail(at, VERDICT_NETWORK, reason, sentence);
    else
        finish(at);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct capacity_call *at = owner;
    at->call = NULL;
    if (failure == CALL_FAILED_NO_MEMORY)
        finish(at);
    else
        give_up(at, call_failure_reason(failure), sentence);
}

static void on_due(struct deadline *deadline)
{
    struct capacity_call *at = LIST_OWNER(deadline, struct capacity_call, deadline);
    if (!at->call) { /* it could not be asked, for want of memory */
        finish(at);
        return;
    }
    call_cancel(TAKE(at->call));
    give_up(at, "first_byte_timeout", "It did not answer GET /health in time.");
}

static void ask(struct capacity_call *at)
{
    static const struct call_ops ops = {
        .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};
    at->status = 0;
    buf_clear(&at->body);
    buf_clear(&at->head);
    buf_printf(&at->head,
               "GET %s%s HTTP/1.1\r\nhost: %s\r\naccept: application/json\r\n"
               "user-agent: auxot/%s\r\n",
               at->target.path, paths[at->step], at->target.authority, at->version);
    buf_append_str(&at->head, buf_str(&at->key_lines));
    buf_puts(&at->head, "\r\n");
    struct call_options options = {
        .target = &at->target,
        .pieces = {{.iov_base = at->head.data, .iov_len = at->head.len}},
        .piece_count = 1,
        .connect_ms = CONNECT_MS,
        .first_byte_ms = ANSWER_MS,
        .idle_ms = ANSWER_MS,
        .ops = &ops,
        .owner = at,
    };
    at->call = at->head.failed ? NULL : call_start(at->pool, &options);
    if (at->call)
        deadline_set(&at->deadline, loop_refresh_now(at->loop) + ANSWER_MS * NS_PER_MS);
    else
        deadline_set(&at->deadline, loop_now_ns(at->loop)); /* ends in the next turn */
}

/* Those paths lie beside the "/v1" of the base URL, not below it. */
static void leave_v1(struct target *target)
{
    static const struct str v1 = STR_INIT("/v1");
    size_t len = strlen(target->path);
    if (str_ends(str_of(target->path), v1))
        target->path[len - v1.len] = '\0';
}

enum err capacity_start(struct capacity_call *at, struct loop *loop, struct client_pool *pool,
                        struct json_reader *reader, const char *base_url, struct str key,
                        const char *version, struct error *error)
{
    enum err err = target_parse(base_url, &at->target, error);
    if (err != OK)
        return err;
    leave_v1(&at->target);
    at->loop = loop;
    at->pool = pool;
    at->reader = reader;
    at->version = version;
    at->found.context_tokens = -1;
    buf_init(&at->key_lines, HEAD_MAX);
    buf_init(&at->head, HEAD_MAX + 2048);
    buf_init(&at->body, BODY_MAX);
    provider_kind_facts(PROVIDER_GPU)->write_credential(&at->key_lines, key);
    if (at->key_lines.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to look at the server");
    deadline_init(&at->deadline, loop, on_due);
    ask(at);
    return OK;
}

void capacity_cut(struct capacity_call *at)
{
    if (at->call)
        call_cancel(TAKE(at->call));
    finish(at);
}

void capacity_release(struct capacity_call *at)
{
    struct buf *secrets[] = {&at->key_lines, &at->head};
    for (size_t i = 0; i < 2; i++) {
        if (secrets[i]->data)
            secret_wipe(secrets[i]->data, secrets[i]->room_bytes);
        buf_release(secrets[i]);
    }
    buf_release(&at->body);
}
