/* admin/discovery.c: GET the model list, judge what comes. */
#include "admin/discovery.h"

#include "base/mem.h"
#include "providers/blot.h"
#include "sys/clock.h"
#include "sys/secret.h"

#include <stdio.h>

#define LIST_BYTES_MAX   (4u * 1024 * 1024)
#define NO_MEMORY        "no_memory" /* as call_failure_reason spells it */
#define HEAD_BYTES_MAX   (16u * 1024)
#define HEADER_BYTES_MAX (16u * 1024)
#define CONNECT_MS       5000

void discovery_release(struct discovery *discovery)
{
    mem_free(discovery->models);
    *discovery = (struct discovery){0};
}

enum err discovery_prepare(struct discovery_call *at, enum provider_kind kind, const char *base_url,
                           struct str key, const char *version, struct error *error)
{
    const struct provider_kind_facts *facts = provider_kind_facts(kind);
    enum err err = target_parse(base_url, &at->target, error);
    if (err != OK)
        return err;
    at->kind = kind;
    at->result.latency_ms = -1;
    buf_init(&at->head, HEAD_BYTES_MAX);
    buf_init(&at->body, LIST_BYTES_MAX);
    arena_init(&at->header_bytes, HEADER_BYTES_MAX);
    buf_printf(
        &at->head,
        "GET %s%s HTTP/1.1\r\nhost: %s\r\naccept: application/json\r\nuser-agent: auxot/%s\r\n",
        at->target.path, facts->models_path, at->target.authority, version);
    facts->write_credential(&at->head, key);
    bool has_key = key.len && str_find(buf_str(&at->head), key, &at->key_at);
    at->key_len = has_key ? key.len : 0;
    facts->write_defaults(&at->head, false);
    buf_puts(&at->head, "\r\n");
    return at->head.failed ? error_set(error, ERR_NO_MEMORY, "the key is too long") : OK;
}

void discovery_call_release(struct discovery_call *at)
{
    if (at->head.data)
        secret_wipe(at->head.data, at->head.room_bytes);
    buf_release(&at->head);
    buf_release(&at->body);
    arena_release(&at->header_bytes);
}

static void finish(struct discovery_call *at)
{
    deadline_release(&at->deadline);
    at->call = NULL;
    at->on_done(at);
}

static void fail(struct discovery_call *at, enum verdict verdict, const char *reason,
                 const char *sentence)
{
    struct verdict_report *report = &at->result.report;
    *report = (struct verdict_report){
        .verdict = verdict, .retry_after_ms = RETRY_UNKNOWN_MS, .http_status = at->status};
    str_copy(str_of(reason), report->reason, sizeof report->reason);
    str_copy(str_of(sentence), report->sentence, sizeof report->sentence);
    finish(at);
}

static void fail_for_memory(struct discovery_call *at)
{
    fail(at, VERDICT_NETWORK, NO_MEMORY, "The server has no memory to ask the provider now.");
}

bool discovery_is_void(const struct discovery *discovery)
{
    return !discovery->is_ok && strcmp(discovery->report.reason, NO_MEMORY) == 0;
}

/* The head is gone after the callback; what the verdict needs of it is kept. */
static void on_head(void *owner, const struct http_head *head)
{
    struct discovery_call *at = owner;
    at->status = head->status;
    at->result.latency_ms = clock_monotonic_ms() - at->started_ms;
    for (size_t i = 0; head->status >= 400 && i < head->header_count; i++) {
        struct str value = head->headers[i].value;
        char *kept = arena_dup(&at->header_bytes, value.at, value.len);
        if (kept)
            answer_headers_note(&at->headers, head->headers[i].name, (struct str){kept, value.len});
    }
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct discovery_call *at = owner;
    buf_append(&at->body, bytes, len); /* past the limit it fails, and so does the list */
}

static void read_list(struct discovery_call *at)
{
    struct error error = {0};
    bool is_lost = at->body.failed && at->body.len < LIST_BYTES_MAX / 2;
    at->result.models = mem_zalloc(MODELS_MAX, sizeof *at->result.models);
    if (is_lost || !at->result.models ||
        json_reserve(at->reader, at->body.failed ? 0 : at->body.len) != OK) {
        fail_for_memory(at);
        return;
    }
    enum err err = at->body.failed ? error_set(&error, ERR_TOO_LARGE, "The model list is too long.")
                                   : provider_models_read(at->kind, at->reader, buf_str(&at->body),
                                                          at->result.models, MODELS_MAX,
                                                          &at->result.count, &error);
    if (err != OK) {
        char sentence[256];
        snprintf(sentence, sizeof sentence, "The answer at %.100s is no model list: %.100s",
                 at->target.authority, error.text);
        fail(at, VERDICT_NETWORK, "bad_answer", sentence);
        return;
    }
    at->result.is_ok = true;
    finish(at);
}

static void on_end(void *owner)
{
    struct discovery_call *at = owner;
    if (at->status == 200) {
        read_list(at);
        return;
    }
    if (at->status < 400) { /* T01: a redirect is never followed, the key stays here */
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "It answered %d in place of a model list; check the base URL.", at->status);
        fail(at, VERDICT_NETWORK, "bad_answer", sentence);
        return;
    }
    blot_key(at->body.data, at->body.len,
             str_upto(str_from(buf_str(&at->head), at->key_at), at->key_len));
    provider_judge(at->kind, at->status, &at->headers, buf_str(&at->body), at->reader,
                   clock_wall_ms(), &at->result.report);
    if (at->result.report.verdict == VERDICT_CALLER || at->result.report.verdict == VERDICT_MODEL) {
        char sentence[256];
        snprintf(sentence, sizeof sentence, "No model list at this base URL (HTTP %d): %.180s",
                 at->status, at->result.report.sentence);
        fail(at, VERDICT_NETWORK, "no_model_list", sentence);
        return;
    }
    finish(at);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    fail(owner, VERDICT_NETWORK, call_failure_reason(failure), sentence);
}

void discovery_cut(struct discovery_call *at)
{
    call_cancel(at->call);
    fail(at, VERDICT_NETWORK, "stopping", "The server is stopping.");
}

static void on_due(struct deadline *deadline)
{
    struct discovery_call *at = LIST_OWNER(deadline, struct discovery_call, deadline);
    call_cancel(at->call);
    fail(at, VERDICT_NETWORK, "first_byte_timeout", "It did not answer in time.");
}

void discovery_start(struct discovery_call *at, struct loop *loop, struct client_pool *pool,
                     struct json_reader *reader)
{
    static const struct call_ops ops = {
        .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};
    at->started_ms = clock_monotonic_ms();
    at->reader = reader;
    int64_t left_ms = at->deadline_ms - at->started_ms;
    left_ms = left_ms < 1 ? 1 : left_ms;
    struct call_options options = {
        .target = &at->target,
        .pieces = {{.iov_base = at->head.data, .iov_len = at->head.len}},
        .piece_count = 1,
        .connect_ms = left_ms < CONNECT_MS ? left_ms : CONNECT_MS,
        .first_byte_ms = left_ms,
        .idle_ms = left_ms,
        .ops = &ops,
        .owner = at,
    };
    deadline_init(&at->deadline, loop, on_due);
    deadline_set(&at->deadline, loop_refresh_now(loop) + left_ms * INT64_C(1000000));
    at->call = call_start(pool, &options);
    if (!at->call)
        fail_for_memory(at);
}
