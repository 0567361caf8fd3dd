/* admin/front.c: see front.h. */
#include "admin/front.h"

#include "admin/dispatch.h"
#include "admin/problem.h"
#include "base/log.h"
#include "http/origin.h"
#include "json/json_writer.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "ui/ui.h"
#include "wire/say.h"

#include "admin/state.h"

#define METRICS_BYTES_MAX (1024u * 1024)

/* "/api/openai" itself, or something below it. */
static bool is_below(struct str path, struct str root)
{
    return str_starts(path, root) && (path.len == root.len || path.at[root.len] == '/');
}

enum front_part front_part_of(struct str path)
{
    if (is_below(path, STR("/api/openai")) || is_below(path, STR("/api/anthropic")))
        return FRONT_GATEWAY;
    if (str_starts(path, STR(GATEWAY_WORKER_PATH)))
        return FRONT_WORKER;
    if (str_eq(path, STR("/api/health")))
        return FRONT_HEALTH;
    if (str_eq(path, STR("/metrics")))
        return FRONT_METRICS;
    if (str_starts(path, STR("/api/")))
        return FRONT_ADMIN;
    return str_eq(path, STR("/")) ? FRONT_HINT : FRONT_NOWHERE;
}

static void request_id_make(char out_id[ID_MAX])
{
    uint8_t random[10];
    random_fill(random, sizeof random);
    id_make("req_", clock_wall_ms(), random, out_id);
}

static void answer_text(struct exchange *exchange, struct str content_type, struct str body,
                        const char *request_id)
{
    AUTO_BUF struct buf headers = {0};
    buf_init(&headers, 4096);
    common_headers(&headers, request_id);
    exchange_answer(exchange, 200, buf_str(&headers), content_type, body);
}

static void answer_health(struct front *front, struct exchange *exchange, const char *request_id)
{
    AUTO_BUF struct buf body = {0};
    struct json_writer writer;
    buf_init(&body, 1024);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_text(&writer, "status", "ok");
    json_put_text(&writer, "version", front->admin->options.version);
    json_put_bool(&writer, "ready", store_is_writable(front->admin->options.store));
    json_close_object(&writer);
    answer_text(exchange, STR("application/json"), buf_str(&body), request_id);
}

struct metric_row {
    const char *name, *type, *help;
    int64_t value;
};

static void write_rows(const struct metric_row *rows, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", rows[i].name, rows[i].help,
                   rows[i].name, rows[i].type, rows[i].name, (long long)rows[i].value);
}

static void write_store_metrics(const struct store *store, struct buf *out)
{
    struct store_figures figures = {0};
    store_figures(store, &figures);
    const struct metric_row rows[] = {
        {"auxot_store_rows_written_total", "counter", "Job rows written.", figures.rows_written},
        {"auxot_store_batches_total", "counter", "Batches written.", figures.batches},
        {"auxot_store_write_errors_total", "counter", "Batches that failed.", figures.write_errors},
        {"auxot_transitions_lost_total", "counter",
         "Changes of state that the log has no room for: unknown until noted again.",
         figures.transitions_lost},
        {"auxot_store_replayed_total", "counter", "Records replayed at start.", figures.replayed},
        {"auxot_store_interrupted_total", "counter", "Jobs closed as interrupted at start.",
         figures.interrupted},
        {"auxot_journal_waiting_bytes", "gauge", "Journal bytes not yet in the store.",
         figures.journal_bytes_waiting},
    };
    write_rows(rows, sizeof rows / sizeof rows[0], out);
}

static void write_http_metrics(const struct admin *admin, struct buf *out)
{
    struct http_figures sum = {0};
    for (int i = 0; i < admin->listener_count; i++) {
        struct http_figures one;
        http_listener_figures(admin->listeners[i], &one);
        sum.accepted += one.accepted;
        sum.refused += one.refused;
        sum.requests += one.requests;
        sum.bad_requests += one.bad_requests;
        sum.open += one.open;
    }
    const struct metric_row rows[] = {
        {"auxot_http_connections_total", "counter", "Client connections taken.", sum.accepted},
        {"auxot_http_connections_refused_total", "counter",
         "Client connections answered with 503: too many.", sum.refused},
        {"auxot_http_requests_total", "counter", "Request heads read, well-formed or not.",
         sum.requests},
        {"auxot_http_bad_requests_total", "counter",
         "Requests that the HTTP layer itself refused: malformed, too large, too slow.",
         sum.bad_requests},
        {"auxot_http_connections", "gauge", "Client connections open.", sum.open},
    };
    write_rows(rows, sizeof rows / sizeof rows[0], out);
}

static void write_log_metrics(struct buf *out)
{
    const struct metric_row row = {"auxot_log_lines_dropped_total", "counter",
                                   "Log lines that stderr did not take.", log_lines_dropped()};
    write_rows(&row, 1, out);
}

static void answer_metrics(struct front *front, struct exchange *exchange, const char *request_id)
{
    AUTO_BUF struct buf body = {0};
    buf_init(&body, METRICS_BYTES_MAX);
    gateway_metrics(front->admin->options.gateway, &body);
    write_store_metrics(front->admin->options.store, &body);
    write_http_metrics(front->admin, &body);
    write_log_metrics(&body);
    answer_text(exchange, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(&body),
                request_id);
}

static void answer_hint(struct exchange *exchange, const char *request_id)
{
    answer_text(exchange, STR("text/plain; charset=utf-8"),
                STR("auxot is running.\n\n"
                    "OpenAI base URL:     /api/openai/v1\n"
                    "Anthropic base URL:  /api/anthropic\n"
                    "Management API:      /api/providers, /api/keys, /api/jobs ...\n"
                    "First key:           auxot keys create --name me --role admin\n"),
                request_id);
}

static void answer_ui(struct exchange *exchange, const char *request_id)
{
    AUTO_BUF struct buf headers = {0};
    buf_init(&headers, 4096);
    buf_printf(&headers, "request-id: %s\r\nx-request-id: %s\r\n", request_id, request_id);
    ui_serve(exchange, buf_str(&headers));
}

static void on_request(void *arg, struct exchange *exchange)
{
    struct front *front = arg;
    const struct http_head *head = exchange_head(exchange);
    enum front_part part = front_part_of(head->path);
    char request_id[ID_MAX];
    bool is_read = head->method == METHOD_GET || head->method == METHOD_HEAD;
    if (part == FRONT_GATEWAY) {
        gateway_serve(front->gateway_loop, exchange);
        return;
    }
    if (part == FRONT_WORKER) {
        gateway_serve_worker(front->gateway_loop, exchange);
        return;
    }
    request_id_make(request_id);
    bool is_ui = (part == FRONT_NOWHERE || part == FRONT_HINT) && ui_wants(head);
    if (part == FRONT_ADMIN)
        dispatch(front, exchange, request_id);
    else if (part == FRONT_NOWHERE && !is_ui)
        answer_problem(exchange, PROBLEM_NOT_FOUND, "There is nothing at this path.", "",
                       request_id);
    else if (!is_read)
        answer_problem(exchange, PROBLEM_BAD_METHOD, "This path is only read.",
                       "allow: GET, HEAD\r\n", request_id);
    else if (!exchange_is_control(exchange) && !host_is_ours(front->admin->options.own, head))
        answer_problem(exchange, PROBLEM_MISDIRECTED, HOST_REFUSAL, "", request_id);
    else if (is_ui)
        answer_ui(exchange, request_id);
    else if (part == FRONT_HEALTH)
        answer_health(front, exchange, request_id);
    else if (part == FRONT_METRICS)
        answer_metrics(front, exchange, request_id);
    else
        answer_hint(exchange, request_id);
}

/* The row of SPEC 3's table for a status that the HTTP layer chose. */
static enum say say_of_status(int status)
{
    switch (status) {
    case 408: return SAY_REQUEST_TIMEOUT;
    case 413: return SAY_BODY_TOO_LARGE;
    case 426: return SAY_UPGRADE;
    case 503: return SAY_OVERLOADED;
    default: return status >= 500 ? SAY_INTERNAL : SAY_BAD_REQUEST;
    }
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    char request_id[ID_MAX];
    struct api_route route;
    enum dialect dialect = DIALECT_OPENAI;
    bool is_ours = false;
    request_id_make(request_id);
    if (front_part_of(path) == FRONT_GATEWAY) {
        enum say what = say_of_status(status);
        (void)api_route_find(path, &route, &dialect, &is_ours);
        say_error(body, dialect, what, sentence, NULL, request_id);
        if (!say_may_retry(what))
            buf_puts(headers, "x-should-retry: false\r\n");
    } else {
        problem_write(body, problem_of_status(status), sentence, NULL, request_id);
    }
    common_headers(headers, request_id);
}

static struct str error_type(void *arg, struct str path)
{
    (void)arg;
    return front_part_of(path) == FRONT_GATEWAY ? STR("application/json")
                                                : STR(PROBLEM_CONTENT_TYPE);
}

void front_init(struct front *front, struct admin *admin, struct gateway_loop *gateway_loop)
{
    *front = (struct front){
        .admin = admin,
        .gateway_loop = gateway_loop,
        .service = {.on_request = on_request,
                    .write_error = write_error,
                    .error_type = error_type,
                    .arg = front},
    };
}
