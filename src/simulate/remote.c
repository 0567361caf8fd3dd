/* simulate/remote.c: four small endpoints. No key: this program is for tests, on this machine. */
#include "simulate/remote.h"

#include "json/json_writer.h"

/* A POST that waits for its body. */
struct change {
    struct remote *remote;
    struct exchange *exchange;
    bool replaces;
};

static void say(struct exchange *exchange, int status, const char *name, struct str value)
{
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, 8192);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_string(&writer, name, value);
    json_close_object(&writer);
    exchange_answer(exchange, status, STR(""), STR("application/json"), buf_str(&body));
}

static void on_body(void *owner)
{
    struct change change = *(struct change *)owner;
    mem_free(owner);
    struct error error = {0};
    struct buf text;
    exchange_take_body(change.exchange, &text);
    size_t len = text.len;
    enum err err = change.replaces ? script_load(change.remote->script, buf_str(&text), &error)
                                   : script_prepend(change.remote->script, buf_str(&text), &error);
    buf_release(&text);
    body_budget_return(len);
    if (err == OK)
        say(change.exchange, 200, "status", STR("ok"));
    else
        say(change.exchange, 400, "error", str_of(error.text));
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

static void begin_change(struct remote *remote, struct exchange *exchange, bool replaces)
{
    struct change *change = mem_alloc(sizeof *change);
    if (!change) {
        exchange_abort(exchange, true);
        return;
    }
    *change = (struct change){remote, exchange, replaces};
    exchange_attach(exchange, &change_ops, change);
    exchange_want_body(exchange, SCRIPT_BYTES_MAX);
}

/* The number behind `name` in a query, or `otherwise`. */
static int64_t query_number(struct str query, struct str name, int64_t otherwise)
{
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');
        struct str found = str_cut(&value, '=');
        int64_t number;
        if (str_eq(found, name) && str_to_int64(value, &number))
            return number;
    }
    return otherwise;
}

/* The log, as fast as the client takes it. */
struct reading {
    struct remote *remote;
    struct exchange *exchange;
    int64_t since;
    size_t limit;
};

static void read_on(struct reading *reading)
{
    AUTO_BUF struct buf lines;
    buf_init(&lines, SEEN_PORTION_BYTES + SEEN_LINE_MAX);
    bool has_more = true;
    while (has_more && exchange_pending(reading->exchange) <= EXCHANGE_HIGH_BYTES) {
        buf_clear(&lines);
        has_more = seen_read(reading->remote->seen, &reading->since, &reading->limit, &lines);
        exchange_send(reading->exchange, &(struct iovec){lines.data, lines.len}, lines.len > 0);
    }
    if (has_more)
        return; /* on_drained goes on */
    exchange_finish(reading->exchange);
    mem_free(reading);
}

static void on_log_drained(void *owner)
{
    read_on(owner);
}

static const struct exchange_ops reading_ops = {.on_gone = on_gone, .on_drained = on_log_drained};

static void answer_log(struct remote *remote, struct exchange *exchange)
{
    struct str query = exchange_head(exchange)->query;
    struct reading *reading = mem_alloc(sizeof *reading);
    if (!reading) {
        exchange_abort(exchange, true);
        return;
    }
    *reading = (struct reading){.remote = remote,
                                .exchange = exchange,
                                .since = query_number(query, STR("since"), 0),
                                .limit = (size_t)query_number(query, STR("limit"), INT64_MAX)};
    exchange_attach(exchange, &reading_ops, reading);
    exchange_start(exchange, 200, STR(""), STR("application/x-ndjson"));
    read_on(reading);
}

static void answer_stats(struct remote *remote, struct exchange *exchange)
{
    AUTO_BUF struct buf body;
    buf_init(&body, 512);
    buf_printf(&body, "{\"open_streams\":%lld,\"requests\":%lld,\"closed_by_client\":%lld}",
               (long long)remote->stats->open_streams, (long long)remote->stats->requests,
               (long long)remote->stats->closed_by_client);
    exchange_answer(exchange, 200, STR(""), STR("application/json"), buf_str(&body));
}

void remote_request(struct remote *remote, struct exchange *exchange)
{
    const struct http_head *head = exchange_head(exchange);
    bool is_post = head->method == METHOD_POST;
    if (is_post && str_eq(head->path, STR("/_sim/script")))
        begin_change(remote, exchange, true);
    else if (is_post && str_eq(head->path, STR("/_sim/rules")))
        begin_change(remote, exchange, false);
    else if (!is_post && str_eq(head->path, STR("/_sim/log")))
        answer_log(remote, exchange);
    else if (!is_post && str_eq(head->path, STR("/_sim/stats")))
        answer_stats(remote, exchange);
    else
        say(exchange, 404, "error",
            STR("POST /_sim/script, POST /_sim/rules, GET /_sim/log?since=N, GET /_sim/stats"));
}
