/* worker/gpu_job.c: one request on its way to a llama-server, and the answer on its way back.
 *
 *     taken (a slot of the worker is its) -> body read -> the llama-server is chosen by `model`
 *     -> [attached: is a slot free there? others may use it] -> 102 -> call -> the answer, as it comes
 *
 * Before the 102 a job that cannot be served is refused as not begun; after it, the answer tells. The answer's bytes are
 * passed on as they are; a slow reader stops the reading of llama-server, and one that leaves ends the call, at which
 * llama-server stops within one token.
 */
#include "worker/gpu_parts.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/secret.h"
#include "worker/ask.h"

#include <stdio.h>

#define BODY_MAX     (256u * 1024 * 1024)
#define HEAD_MAX     4096u
#define CONNECT_MS   3000
#define PATIENCE_MS  (INT64_C(3600) * 1000) /* the server has its own, shorter ones: it hangs up */
#define PROBE_MS     1000
#define BURST_PIECES 32

struct gpu_job {
    struct list node;
    struct gpu *gpu;
    struct gpu_server *server; /* chosen; it counts this job */
    struct exchange *exchange;
    struct ask *probe;
    struct call *call;
    struct buf head, body;
    struct iovec burst[BURST_PIECES]; /* of one read */
    int burst_count;
    /* The answer: its head goes out with the first bytes, or at the end of a read without any. */
    bool has_begun, is_head_out;
    bool is_paused; /* the call, because the exchange takes no more */
};

static const char *const routes[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings",
                                     "/v1/messages/count_tokens", "/tokenize"};

void gpu_write_error(struct buf *body, int status, const char *sentence)
{
    struct json_writer json;
    const char *type = status == 503   ? "unavailable_error"
                       : status == 404 ? "not_found_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    json_writer_init(&json, body);
    json_open_object(&json);
    json_open_object_named(&json, "error");
    json_put_int(&json, "code", status);
    json_put_text(&json, "message", sentence);
    json_put_text(&json, "type", type);
    json_close_object(&json);
    json_close_object(&json);
}

static void say_error(struct exchange *exchange, int status, struct str headers,
                      const char *sentence)
{
    AUTO_BUF struct buf body;
    buf_init(&body, 4096);
    gpu_write_error(&body, status, sentence);
    exchange_answer(exchange, status, headers, STR("application/json"), buf_str(&body));
}

static void refuse(struct exchange *exchange, const char *sentence)
{
    log_debug("job_refused", "why=\"%s\"", sentence);
    say_error(exchange, 503, STR(WORKER_NOT_BEGUN), sentence);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void job_free(struct gpu_job *job)
{
    struct gpu *gpu = job->gpu;
    list_unlink(&job->node);
    gpu->job_count--;
    if (job->server)
        job->server->jobs--;
    if (job->head.data)
        secret_wipe(job->head.data, job->head.len);
    buf_release(&job->head);
    body_budget_return(job->body.len);
    buf_release(&job->body);
    mem_free(job);
}

static void stop_calls(struct gpu_job *job)
{
    ask_cancel(TAKE(job->probe));
    if (job->call)
        call_cancel(TAKE(job->call));
}

static void end_with_error(struct gpu_job *job, int status, const char *sentence)
{
    struct exchange *exchange = job->exchange;
    stop_calls(job);
    job_free(job);
    say_error(exchange, status, STR(""), sentence);
}

static void end_not_begun(struct gpu_job *job, const char *sentence)
{
    struct exchange *exchange = job->exchange;
    stop_calls(job);
    job_free(job);
    refuse(exchange, sentence);
}

void gpu_jobs_cut(struct gpu *gpu)
{
    LIST_EACH_SAFE(node, &gpu->jobs)
    {
        struct gpu_job *job = LIST_OWNER(node, struct gpu_job, node);
        struct exchange *exchange = job->exchange;
        stop_calls(job);
        job_free(job);
        exchange_abort(exchange, false);
    }
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void on_head(void *owner, const struct http_head *head)
{
    struct gpu_job *job = owner;
    struct str type = http_header_find(head, STR("content-type"), NULL);
    job->has_begun = true;
    (void)exchange_start(job->exchange, head->status, STR(""),
                         type.len ? type : STR("application/json"));
}

static void send_burst(struct gpu_job *job)
{
    if (job->burst_count > 0)
        exchange_send(job->exchange, job->burst, job->burst_count);
    else if (!job->is_head_out)
        exchange_flush_head(job->exchange);
    job->is_head_out = true;
    job->burst_count = 0;
    if (job->call && exchange_pending(job->exchange) > EXCHANGE_HIGH_BYTES) {
        job->is_paused = true;
        call_pause(job->call);
    }
}

static void on_body_bytes(void *owner, char *bytes, size_t len)
{
    struct gpu_job *job = owner;
    if (job->burst_count == BURST_PIECES)
        send_burst(job);
    job->burst[job->burst_count++] = (struct iovec){bytes, len};
}

static void on_read_done(void *owner)
{
    send_burst(owner);
}

static void on_end(void *owner)
{
    struct gpu_job *job = owner;
    struct exchange *exchange = job->exchange;
    job->call = NULL;
    send_burst(job);
    job_free(job);
    exchange_finish(exchange);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct gpu_job *job = owner;
    struct exchange *exchange = job->exchange;
    job->call = NULL;
    log_warn("llama_server_failed", "model=\"%s\" reason=%s why=\"%s\"",
             llama_name(job->server->llama), call_failure_reason(failure), sentence);
    llama_look(job->server->llama);
    if (!job->has_begun) {
        end_with_error(job, 502, "llama-server did not answer");
        return;
    }
    send_burst(job);
    job_free(job);
    exchange_abort(exchange, false);
}

static const struct call_ops call_ops = {.on_head = on_head,
                                         .on_body = on_body_bytes,
                                         .on_read_done = on_read_done,
                                         .on_end = on_end,
                                         .on_failed = on_failed};

/* ---- the request ----------------------------------------------------------------------------- */

static void put_header(struct buf *out, const struct http_head *head, const char *name)
{
    struct str value = http_header_find(head, str_of(name), NULL);
    if (value.len > 0)
        buf_printf(out, "%s: %.*s\r\n", name, STR_ARG(value));
}

static void write_head(struct gpu_job *job)
{
    const struct llama *llama = job->server->llama;
    const struct target *target = llama_target(llama);
    const struct http_head *head = exchange_head(job->exchange);
    struct buf *out = &job->head;
    char *room = buf_reserve(out, HEAD_MAX); /* once: no copy of a key stays behind */
    (void)room;                              /* a failure shows at the end */
    buf_printf(out, "POST %s%.*s HTTP/1.1\r\nhost: %s\r\n", target->path, STR_ARG(head->path),
               target->authority);
    put_header(out, head, "content-type");
    put_header(out, head, "accept");
    put_header(out, head, "traceparent");
    put_header(out, head, "x-client-request-id");
    if (llama_key(llama).len > 0) {
        buf_append_lit(out, "authorization: Bearer ");
        buf_append_str(out, llama_key(llama));
        buf_append_lit(out, "\r\n");
    }
    buf_printf(out, "content-length: %zu\r\n\r\n", job->body.len);
}

static void start_call(struct gpu_job *job)
{
    write_head(job);
    struct call_options options = {
        .target = llama_target(job->server->llama),
        .pieces = {{job->head.data, job->head.len}, {job->body.data, job->body.len}},
        .piece_count = job->body.len ? 2 : 1,
        .connect_ms = CONNECT_MS,
        .first_byte_ms = PATIENCE_MS,
        .idle_ms = PATIENCE_MS,
        .ops = &call_ops,
        .owner = job};
    job->call = job->head.failed ? NULL : call_start(job->gpu->options.pool, &options);
    if (!job->call)
        end_not_begun(job, "no memory for this job");
    else
        exchange_interim(job->exchange, 102, STR(""));
}

/* An attached llama-server may work for others as well. */
static void on_probed(void *owner, const struct answered *answered)
{
    struct gpu_job *job = owner;
    job->probe = NULL;
    if (answered->status == 503)
        end_not_begun(job, "all slots of llama-server are taken");
    else
        start_call(job); /* whatever else it says is no verdict */
}

static void probe(struct gpu_job *job)
{
    struct llama *llama = job->server->llama;
    struct ask_options options = {.loop = job->gpu->options.loop,
                                  .pool = job->gpu->options.pool,
                                  .reader = job->gpu->reader,
                                  .target = llama_target(llama),
                                  .path = "/slots?fail_on_no_slot=1",
                                  .bearer = llama_key(llama),
                                  .timeout_ms = PROBE_MS,
                                  .on_done = on_probed,
                                  .owner = job};
    job->probe = ask_start(&options);
    if (!job->probe)
        end_not_begun(job, "no memory for this job");
}

/* ---- admission ------------------------------------------------------------------------------- */

static bool has_model(const struct llama *llama, struct str id)
{
    int count = 0;
    const struct llama_model *models = llama_models(llama, &count);
    for (int i = 0; i < count; i++)
        if (str_eq(str_of(models[i].id), id))
            return true;
    return false;
}

/* One llama-server with one model answers to any name; of several the one that has it is meant. */
static struct gpu_server *choose(struct gpu_job *job)
{
    struct gpu *gpu = job->gpu;
    struct json_member model = {.name = "model"};
    struct json_span object;
    struct error error;
    if (gpu->server_count == 1)
        return &gpu->servers[0];
    if (json_peek(gpu->reader, buf_str(&job->body), &model, 1, &object, &error) != OK)
        return NULL;
    for (int i = 0; i < gpu->server_count; i++)
        if (has_model(gpu->servers[i].llama, model.text))
            return &gpu->servers[i];
    return NULL;
}

static void on_body(void *owner)
{
    struct gpu_job *job = owner;
    exchange_take_body(job->exchange, &job->body);
    struct gpu_server *server = choose(job);
    if (!server) {
        end_with_error(job, 404, "this worker has no model of that name");
        return;
    }
    int slots = llama_slots(server->llama);
    if (!llama_is_ready(server->llama)) {
        end_not_begun(job, "the model is not ready");
    } else if (slots > 0 && server->jobs >= slots) {
        end_not_begun(job, "all slots of the model are taken");
    } else {
        job->server = server;
        server->jobs++;
        if (llama_is_attached(server->llama) && !llama_is_router(server->llama))
            probe(job);
        else
            start_call(job);
    }
}

static void on_gone(void *owner)
{
    struct gpu_job *job = owner;
    stop_calls(job);
    job_free(job);
}

static void on_drained(void *owner)
{
    struct gpu_job *job = owner;
    if (!job->is_paused || !job->call)
        return;
    job->is_paused = false;
    call_resume(job->call);
}

static const struct exchange_ops exchange_ops = {
    .on_body = on_body, .on_gone = on_gone, .on_drained = on_drained};

static bool is_route(const struct http_head *head)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (str_eq(head->path, str_of(routes[i])))
            return head->method == METHOD_POST;
    return false;
}

void gpu_job_begin(struct gpu *gpu, struct exchange *exchange)
{
    struct gpu_job *job = NULL;
    if (!is_route(exchange_head(exchange)))
        say_error(exchange, 404, STR(""), "a gpu worker has no such path");
    else if (gpu->is_draining)
        refuse(exchange, "the worker is leaving");
    else if (gpu->job_count >= gpu->front.slots)
        refuse(exchange, "all slots of the worker are taken");
    else if (!(job = mem_zalloc(1, sizeof *job)))
        refuse(exchange, "no memory for this job");
    if (!job)
        return;
    job->gpu = gpu;
    job->exchange = exchange;
    buf_init(&job->head, HEAD_MAX);
    buf_init(&job->body, BODY_MAX);
    list_push_back(&gpu->jobs, &job->node);
    gpu->job_count++;
    exchange_attach(exchange, &exchange_ops, job);
    exchange_want_body(exchange, BODY_MAX);
}
