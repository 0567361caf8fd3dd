/* gateway/worker_api.c: /api/worker/v1/: what workers ask of the server, on the loops. DESIGN.md 3.2.
 *
 *     POST register, heartbeat, deregister      JSON
 *     GET  control, reverse                     WebSockets; the lot has them from then on
 *
 * Every one carries the worker's key. Errors are problem JSON with a code; `stale_epoch` (409) means: register
 * again.
 */
#include "gateway/workers_parts.h"

#include "json/json_writer.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/vault.h"

#include <stdio.h>

#define ANSWER_MAX 4096u

/* ---- answers ----------------------------------------------------------------------------------- */

static void answer(struct exchange *exchange, int status, struct str type, struct str body)
{
    exchange_answer(exchange, status,
                    status == 503 || status == 429
                        ? STR("cache-control: no-store\r\nretry-after: 1\r\n")
                        : STR("cache-control: no-store\r\n"),
                    type, body);
}

static void refuse(struct exchange *exchange, int status, const char *code, const char *detail)
{
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, ANSWER_MAX);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_text(&writer, "code", code);
    json_put_int(&writer, "status", status);
    json_put_text(&writer, "detail", detail);
    json_close_object(&writer);
    if (body.failed)
        buf_clear(&body);
    answer(exchange, status, STR("application/problem+json"), buf_str(&body));
}

static void refuse_for(struct exchange *exchange, enum err err, const struct error *error)
{
    static const struct {
        enum err err;
        int status;
        const char *code;
    } rows[] = {
        {ERR_MALFORMED, 400, "invalid_body"},  {ERR_NOT_FOUND, 404, "unknown_worker"},
        {ERR_CONFLICT, 409, "stale_epoch"},    {ERR_BUSY, 429, "enough_connections"},
        {ERR_UNAVAILABLE, 503, "unavailable"}, {ERR_TOO_LARGE, 503, "unavailable"},
        {ERR_NO_MEMORY, 503, "no_memory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].err == err) {
            refuse(exchange, rows[i].status, rows[i].code, error->text);
            return;
        }
    refuse(exchange, 500, "internal", error->text);
}

/* ---- who asks ---------------------------------------------------------------------------------- */

/* The key of the request, as the snapshot has it. NULL: it was answered. */
static const struct worker_key *key_of(struct gateway_loop *gl, struct exchange *exchange)
{
    size_t count = 0;
    uint8_t digest[32];
    struct str value = http_header_find(exchange_head(exchange), STR("authorization"), &count);
    struct str given = str_istarts(value, STR("bearer ")) ? str_trim(str_from(value, 7)) : STR("");
    const struct worker_key *key = NULL;
    if (count == 1 && apikey_is_wellformed(given, APIKEY_PREFIX_WORKER)) {
        vault_key_digest(gl->gateway->options.vault, given, digest);
        key = snapshot_worker_key(gl->lease->snapshot, digest);
    }
    if (!key)
        refuse(exchange, 401, "invalid_worker_key",
               "This is no worker key that is known here. An admin makes one with POST "
               "/api/providers/{id}/worker-keys.");
    return key;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

struct worker_call {
    struct gateway_loop *gl;
    struct exchange *exchange;
    struct lease *lease;
    const struct worker_key *key;
    enum worker_call_kind { CALL_REGISTER, CALL_HEARTBEAT, CALL_DEREGISTER } kind;
    union {
        struct worker_hello hello;
        struct worker_message message;
    } body; /* large: not for the stack of a loop */
};

static void call_free(struct worker_call *call)
{
    lease_give(call->lease);
    mem_free(call);
}

static enum err do_register(struct worker_call *call, struct str text, struct buf *out,
                            struct error *error)
{
    char id[ID_MAX];
    struct worker_terms terms;
    const struct provider *provider =
        snapshot_provider(call->lease->snapshot, call->key->provider_id);
    enum err err = worker_hello_read(call->gl->event_reader, text, &call->body.hello, error);
    if (err == OK && !provider)
        err = error_set(error, ERR_UNAVAILABLE, "the provider of this key is gone");
    if (err == OK && atomic_load_explicit(&call->gl->gateway->is_draining, memory_order_relaxed))
        err =
            error_set(error, ERR_UNAVAILABLE, "the server is shutting down; try again in a moment");
    if (err == OK)
        err = workers_register(call->gl->gateway->workers, call->key, provider, &call->body.hello,
                               id, &terms, error);
    if (err == OK)
        worker_terms_write(out, &terms);
    return err;
}

static enum err do_message(struct worker_call *call, struct str text, struct buf *out,
                           struct error *error)
{
    struct worker_message *message = &call->body.message;
    enum worker_message_type type =
        call->kind == CALL_DEREGISTER ? WORKER_GOODBYE : WORKER_HEARTBEAT;
    enum err err = worker_message_read(call->gl->event_reader, text, type, message, error);
    message->type = type;
    if (err == OK)
        err = workers_take_message(call->gl->gateway->workers, call->key, message, error);
    if (err == OK)
        buf_append_str(out, WORKER_SAYS_HEARD);
    return err;
}

static void on_body(void *owner)
{
    struct worker_call *call = owner;
    struct error error = {0};
    struct buf body;
    AUTO_BUF struct buf out;
    buf_init(&out, ANSWER_MAX);
    exchange_take_body(call->exchange, &body);
    enum err err = call->kind == CALL_REGISTER ? do_register(call, buf_str(&body), &out, &error)
                                               : do_message(call, buf_str(&body), &out, &error);
    body_budget_return(body.len);
    buf_release(&body);
    bool is_misfit = err == ERR_CONFLICT && call->kind == CALL_REGISTER;
    if (is_misfit)
        refuse(call->exchange, 400, "wrong_kind", error.text);
    else if (err != OK || out.failed)
        refuse_for(call->exchange, err != OK ? err : ERR_NO_MEMORY, &error);
    else
        answer(call->exchange, 200, STR("application/json"), buf_str(&out));
    call_free(call);
}

static void on_gone(void *owner)
{
    call_free(owner);
}

static void begin_call(struct gateway_loop *gl, struct exchange *exchange,
                       const struct worker_key *key, enum worker_call_kind kind)
{
    static const struct exchange_ops ops = {.on_body = on_body, .on_gone = on_gone};
    struct worker_call *call = mem_zalloc(1, sizeof *call);
    if (!call) {
        refuse(exchange, 503, "no_memory", "The server is out of memory; try again.");
        return;
    }
    call->gl = gl;
    call->exchange = exchange;
    call->lease = lease_take(gl);
    call->key = key;
    call->kind = kind;
    exchange_attach(exchange, &ops, call);
    exchange_want_body(exchange, WORKER_BODY_MAX);
}

/* ---- WebSockets -------------------------------------------------------------------------------- */

static struct str query_value(struct str query, struct str name)
{
    while (query.len) {
        struct str value = str_cut(&query, '&'), key = str_cut(&value, '=');
        if (str_eq(key, name))
            return value;
    }
    return STR("");
}

static void open_socket(struct gateway_loop *gl, struct exchange *exchange,
                        const struct worker_key *key, bool is_reverse)
{
    struct workers *workers = gl->gateway->workers;
    struct str query = exchange_head(exchange)->query;
    struct worker *worker = NULL;
    struct detached *detached = NULL;
    struct error error = {0};
    int64_t epoch = 0;
    (void)str_to_int64(query_value(query, STR("epoch")), &epoch);
    enum err err = workers_admit(workers, key, query_value(query, STR("worker_id")), epoch,
                                 is_reverse, &worker, &error);
    if (err != OK) {
        refuse_for(exchange, err, &error);
        return;
    }
    struct str protocol = is_reverse ? STR(WORKER_REVERSE_PROTOCOL) : STR(WORKER_CONTROL_PROTOCOL);
    if (exchange_upgrade(exchange, protocol, &detached) != OK) /* it has answered */
        workers_turn_away(workers, worker, is_reverse);
    else if (is_reverse)
        lot_take_line(workers, worker, epoch, detached);
    else
        lot_take_control(workers, worker, epoch, detached);
}

/* ---- the door ---------------------------------------------------------------------------------- */

void gateway_serve_worker(struct gateway_loop *gl, struct exchange *exchange)
{
    static const struct {
        struct str path;
        enum http_method method;
        enum worker_call_kind kind;
        bool is_socket, is_reverse;
    } rows[] = {
        {STR_INIT("register"), METHOD_POST, CALL_REGISTER, false, false},
        {STR_INIT("heartbeat"), METHOD_POST, CALL_HEARTBEAT, false, false},
        {STR_INIT("deregister"), METHOD_POST, CALL_DEREGISTER, false, false},
        {STR_INIT("control"), METHOD_GET, CALL_REGISTER, true, false},
        {STR_INIT("reverse"), METHOD_GET, CALL_REGISTER, true, true},
    };
    const struct http_head *head = exchange_head(exchange);
    struct str path = str_from(head->path, strlen(GATEWAY_WORKER_PATH));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!str_eq(path, rows[i].path))
            continue;
        if (head->method != rows[i].method) {
            refuse(exchange, 405, "method_not_allowed",
                   rows[i].is_socket ? "Use GET here, as a WebSocket." : "Use POST here.");
            return;
        }
        const struct worker_key *key = key_of(gl, exchange);
        if (key && rows[i].is_socket)
            open_socket(gl, exchange, key, rows[i].is_reverse);
        else if (key)
            begin_call(gl, exchange, key, rows[i].kind);
        return;
    }
    refuse(exchange, 404, "not_found", "There is nothing at this path.");
}
