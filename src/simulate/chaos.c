/* simulate/chaos.c: the gate, its links, and the control port: GET and POST /plan, GET /stats,
 * POST /cut, POST /reset.
 */
#include "simulate/chaos.h"

#include "base/mem.h"
#include "http/server.h"
#include "json/json_writer.h"
#include "simulate/chaos_gate.h"
#include "simulate/chaos_link.h"

#define PLAN_BYTES_MAX 65536u
#define ANSWER_MAX     8192u
#define IDLE_MS        300000

struct chaos {
    struct loop *loop;
    struct chaos_plan plan;
    struct chaos_gate gate;
    struct sockaddr_storage server;
    socklen_t server_len;
    struct list links;
    struct chaos_figures figures;
    struct http_service service;
    struct http_listener *control; /* NULL: none */
};

/* ---- connections ----------------------------------------------------------------------------- */

static void on_accepted(void *owner, int fd)
{
    struct chaos *chaos = owner;
    chaos->figures.accepted++;
    chaos_link_begin(&(struct chaos_link_options){.loop = chaos->loop,
                                                  .plan = &chaos->plan,
                                                  .server = (struct sockaddr *)&chaos->server,
                                                  .server_len = chaos->server_len,
                                                  .figures = &chaos->figures,
                                                  .links = &chaos->links,
                                                  .number = (uint64_t)chaos->figures.accepted},
                     fd);
}

static int64_t end_all(struct chaos *chaos, bool with_reset)
{
    int64_t count = chaos->figures.open;
    LIST_EACH_SAFE(node, &chaos->links)
    chaos_link_end(chaos_link_of(node), with_reset);
    return count;
}

static const enum chaos_gate_state gate_states[CHAOS_MODE_COUNT] = {
    [CHAOS_FORWARD] = CHAOS_GATE_OPEN,
    [CHAOS_BLACKHOLE] = CHAOS_GATE_OPEN,
    [CHAOS_DEAF] = CHAOS_GATE_DEAF,
    [CHAOS_REFUSE] = CHAOS_GATE_SHUT,
};

static enum err change_plan(struct chaos *chaos, struct str json, struct error *error)
{
    struct chaos_plan plan;
    enum err err = chaos_plan_read(json, &plan, error);
    if (err == OK)
        err = chaos_gate_become(&chaos->gate, gate_states[plan.mode], error);
    if (err != OK)
        return err;
    chaos->plan = plan;
    LIST_EACH_SAFE(node, &chaos->links)
    chaos_link_replan(chaos_link_of(node));
    return OK;
}

/* ---- control --------------------------------------------------------------------------------- */

/* A POST that waits for its body. */
struct change {
    struct chaos *chaos;
    struct exchange *exchange;
};

static void answer_json(struct exchange *exchange, int status, const struct buf *body)
{
    exchange_answer(exchange, status, STR(""), STR("application/json"), buf_str(body));
}

static void say_error(struct exchange *exchange, int status, const char *sentence)
{
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, ANSWER_MAX);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_text(&writer, "error", sentence);
    json_close_object(&writer);
    answer_json(exchange, status, &body);
}

static void answer_plan(struct chaos *chaos, struct exchange *exchange)
{
    AUTO_BUF struct buf body;
    buf_init(&body, ANSWER_MAX);
    chaos_plan_write(&chaos->plan, &body);
    answer_json(exchange, 200, &body);
}

static void on_body(void *owner)
{
    struct change change = *(struct change *)owner;
    mem_free(owner);
    struct error error = {0};
    struct buf text;
    exchange_take_body(change.exchange, &text);
    size_t len = text.len;
    enum err err = change_plan(change.chaos, buf_str(&text), &error);
    buf_release(&text);
    body_budget_return(len);
    if (err == OK)
        answer_plan(change.chaos, change.exchange);
    else
        say_error(change.exchange, err_http_status(err), error.text);
}

static void on_gone(void *owner)
{
    mem_free(owner);
}

static void on_drained(void *owner)
{
    (void)owner;
}

static const struct exchange_ops change_ops = {
    .on_body = on_body, .on_gone = on_gone, .on_drained = on_drained};

static void begin_change(struct chaos *chaos, struct exchange *exchange)
{
    struct change *change = mem_alloc(sizeof *change);
    if (!change) {
        exchange_abort(exchange, true);
        return;
    }
    *change = (struct change){chaos, exchange};
    exchange_attach(exchange, &change_ops, change);
    exchange_want_body(exchange, PLAN_BYTES_MAX);
}

static void answer_stats(struct chaos *chaos, struct exchange *exchange)
{
    const struct chaos_figures *figures = &chaos->figures;
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, ANSWER_MAX);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_int(&writer, "accepted", figures->accepted);
    json_put_int(&writer, "open", figures->open);
    json_put_int(&writer, "refused", figures->refused);
    json_put_int(&writer, "bytes_to_server", figures->bytes_to_server);
    json_put_int(&writer, "bytes_to_client", figures->bytes_to_client);
    json_put_int(&writer, "cuts", figures->cuts);
    json_put_int(&writer, "half_closes", figures->half_closes);
    json_put_int(&writer, "resets", figures->resets);
    json_put_int(&writer, "silences", figures->silences);
    json_put_int(&writer, "corrupted_bytes", figures->corrupted_bytes);
    json_close_object(&writer);
    answer_json(exchange, 200, &body);
}

static void end_and_tell(struct chaos *chaos, struct exchange *exchange, bool with_reset)
{
    AUTO_BUF struct buf body;
    buf_init(&body, 64);
    buf_printf(&body, "{\"ended\":%lld}", (long long)end_all(chaos, with_reset));
    answer_json(exchange, 200, &body);
}

static void on_request(void *arg, struct exchange *exchange)
{
    struct chaos *chaos = arg;
    const struct http_head *head = exchange_head(exchange);
    bool is_post = head->method == METHOD_POST;
    if (str_eq(head->path, STR("/plan")) && is_post)
        begin_change(chaos, exchange);
    else if (str_eq(head->path, STR("/plan")))
        answer_plan(chaos, exchange);
    else if (str_eq(head->path, STR("/stats")) && !is_post)
        answer_stats(chaos, exchange);
    else if (str_eq(head->path, STR("/cut")) && is_post)
        end_and_tell(chaos, exchange, false);
    else if (str_eq(head->path, STR("/reset")) && is_post)
        end_and_tell(chaos, exchange, true);
    else
        say_error(exchange, 404, "GET /plan, POST /plan, GET /stats, POST /cut, POST /reset");
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    (void)status;
    (void)path;
    (void)headers;
    buf_puts(body, "{\"error\":");
    json_quote(body, str_of(sentence));
    buf_puts(body, "}");
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err open_control(struct chaos *chaos, const struct chaos_options *options,
                             struct error *error)
{
    if (!options->control_host)
        return OK;
    chaos->service =
        (struct http_service){.on_request = on_request, .write_error = write_error, .arg = chaos};
    return http_listener_new(&(struct http_listener_options){.loop = chaos->loop,
                                                             .host = options->control_host,
                                                             .port = options->control_port,
                                                             .service = &chaos->service,
                                                             .idle_ms = IDLE_MS},
                             &chaos->control, error);
}

enum err chaos_open(const struct chaos_options *options, struct chaos **out_chaos,
                    struct error *error)
{
    struct chaos *chaos = mem_zalloc(1, sizeof *chaos);
    if (!chaos)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    chaos->loop = options->loop;
    chaos->plan = options->plan;
    list_init(&chaos->links);
    enum err err = chaos_address_of(options->to_host, options->to_port, &chaos->server,
                                    &chaos->server_len, error);
    if (err == OK)
        err = chaos_gate_open(&chaos->gate, chaos->loop, options->listen_host, options->listen_port,
                              on_accepted, chaos, error);
    if (err == OK)
        err = chaos_gate_become(&chaos->gate, gate_states[chaos->plan.mode], error);
    if (err == OK)
        err = open_control(chaos, options, error);
    if (err != OK) {
        chaos_close(chaos);
        return err;
    }
    *out_chaos = chaos;
    return OK;
}

int chaos_port(const struct chaos *chaos)
{
    return chaos_gate_port(&chaos->gate);
}

int chaos_control_port(const struct chaos *chaos)
{
    return chaos->control ? http_listener_port(chaos->control) : 0;
}

void chaos_close(struct chaos *chaos)
{
    if (chaos->control)
        http_listener_free(chaos->control);
    chaos_gate_close(&chaos->gate);
    end_all(chaos, false);
    mem_free(chaos);
}
