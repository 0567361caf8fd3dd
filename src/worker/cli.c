/* worker/cli.c: requests, slots, and which process a request belongs to. What that process then does is in cli_run.c. */
#include "worker/cli.h"

#include "base/log.h"
#include "sys/clock.h"
#include "wire/say.h"
#include "worker/cli_run.h"

#include <stdio.h>

/* ---- room ------------------------------------------------------------------------------------------------------ */

/* Those that end still have a process; so many may overlap with the next jobs. */
static bool has_room(const struct cli *cli)
{
    return !cli->is_draining && cli->counts[RUN_ANSWERING] < cli->options.slots &&
           cli->counts[RUN_ENDING] < CLI_SLOTS_MAX;
}

static int64_t quota_left_s(const struct cli *cli)
{
    int64_t left_s = cli->quota_until_s - clock_wall_ms() / 1000;
    return left_s > 0 ? left_s : 0;
}

static void refuse_busy(struct cli *cli, struct exchange *exchange)
{
    cli_answer_refuse(exchange, 503, WORKER_NOT_BEGUN "retry-after: 1\r\n",
                      cli->is_draining ? "this worker is about to stop" : "all slots are taken");
}

/* True: it was answered. */
static bool is_refused(struct cli *cli, struct exchange *exchange)
{
    char headers[80];
    if (!has_room(cli)) {
        refuse_busy(cli, exchange);
        return true;
    }
    if (quota_left_s(cli) == 0)
        return false;
    (void)snprintf(headers, sizeof headers, "retry-after: %lld\r\n", (long long)quota_left_s(cli));
    cli_answer_refuse(exchange, 429, headers,
                      "the usage limit of this subscription has been reached");
    return true;
}

/* ---- a request -------------------------------------------------------------------------------------------------- */

/* A body on its way. */
struct arrival {
    struct cli *cli;
    struct exchange *exchange;
};

/* Results for a process that waits go to it, unless the caller now tells another story; then nobody will ask it again. */
static bool goes_on(struct cli *cli, struct cli_request *request, struct exchange *exchange)
{
    LIST_EACH_SAFE(node, &cli->runs[RUN_WAITING])
    {
        struct run *run = LIST_OWNER(node, struct run, node);
        if (!run_fits(run, request, exchange))
            continue;
        if (run_go_on(run, request, exchange))
            return true;
        run_drop(run);
    }
    return false;
}

static void serve(struct cli *cli, struct exchange *exchange, struct str body)
{
    struct error error = {0};
    struct cli_request request;
    if (is_refused(cli, exchange))
        return;
    enum err err = cli_request_read(&request, &cli->bench, cli->options.tool, body, &error);
    if (err != OK) {
        cli_request_release(&request);
        cli_answer_refuse(exchange, err_http_status(err), "", error.text);
    } else if (!goes_on(cli, &request, exchange)) {
        run_begin(cli, &request, exchange);
    }
}

static void on_body(void *owner)
{
    struct arrival *arrival = owner;
    struct cli *cli = arrival->cli;
    struct exchange *exchange = arrival->exchange;
    struct buf body;
    mem_free(arrival);
    exchange_take_body(exchange, &body);
    size_t len = body.len;
    serve(cli, exchange, buf_str(&body));
    buf_release(&body);
    body_budget_return(len);
}

static void on_gone(void *owner)
{
    mem_free(owner);
}

static const struct exchange_ops arrival_ops = {.on_body = on_body, .on_gone = on_gone};

static void take_messages(struct cli *cli, struct exchange *exchange)
{
    struct arrival *arrival = mem_alloc(sizeof *arrival);
    if (!arrival) {
        cli_answer_refuse(exchange, 503, WORKER_NOT_BEGUN, "no memory");
        return;
    }
    *arrival = (struct arrival){cli, exchange};
    exchange_attach(exchange, &arrival_ops, arrival);
    exchange_want_body(exchange, CLI_BODY_MAX);
}

static void list_models(struct cli *cli, struct exchange *exchange)
{
    struct model_entry entries[CLI_MODELS_MAX];
    AUTO_BUF struct buf body;
    for (size_t i = 0; i < cli->options.model_count; i++)
        entries[i] = (struct model_entry){.id = cli->options.models[i].id,
                                          .owned_by = cli->options.tool->name};
    buf_init(&body, 64u * 1024);
    say_models(&body, DIALECT_ANTHROPIC, entries, cli->options.model_count, false);
    exchange_answer(exchange, 200, STR(""), STR("application/json"), buf_str(&body));
}

static void on_request(void *arg, struct exchange *exchange)
{
    struct cli *cli = arg;
    const struct http_head *head = exchange_head(exchange);
    bool is_messages = str_eq(head->path, STR("/v1/messages"));
    bool is_models = str_eq(head->path, STR("/v1/models"));
    if (is_messages && head->method == METHOD_POST)
        take_messages(cli, exchange);
    else if (is_models && head->method == METHOD_GET)
        list_models(cli, exchange);
    else if (is_messages || is_models)
        cli_answer_refuse(exchange, 405, "x-should-retry: false\r\n",
                          "this path takes another method");
    else
        cli_answer_refuse(exchange, 404, "x-should-retry: false\r\n",
                          "there is POST /v1/messages and GET /v1/models here");
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    (void)arg;
    (void)path;
    (void)headers;
    say_foreign_error(body, DIALECT_ANTHROPIC, status, false,
                      &(struct error_body){.message = str_of(sentence)}, NULL);
}

/* ---- the front --------------------------------------------------------------------------------------------------- */

static bool is_ready(void *arg)
{
    (void)arg;
    return true; /* cli_probe has seen to it */
}

static void describe(void *arg, struct json_writer *json)
{
    const struct cli *cli = arg;
    const struct cli_tool *tool = cli->options.tool;
    json_open_array(json, "models");
    for (size_t i = 0; i < cli->options.model_count; i++) {
        json_open_object(json);
        json_put_text(json, "id", cli->options.models[i].id);
        json_open_object_named(json, "abilities");
        json_put_bool(json, "tools", tool->takes_tools);
        json_put_bool(json, "images", tool->takes_images);
        json_put_bool(json, "json_schema", tool->takes_schema);
        json_put_bool(json, "reasoning", tool->shows_reasoning);
        json_close_object(json);
        json_close_object(json);
    }
    json_close_array(json);
}

static int busy(void *arg)
{
    const struct cli *cli = arg;
    return cli->counts[RUN_ANSWERING];
}

static int64_t over_quota_until_ms(void *arg)
{
    const struct cli *cli = arg;
    return cli->limit_until_s * 1000 > clock_wall_ms() ? cli->limit_until_s * 1000 : 0;
}

static void drain(void *arg)
{
    struct cli *cli = arg;
    cli->is_draining = true;
    LIST_EACH_SAFE(node, &cli->runs[RUN_WAITING])
    {
        run_drop(LIST_OWNER(node, struct run, node));
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void fill(struct cli *cli)
{
    struct cli_options *options = &cli->options;
    if (options->model_count == 0)
        options->models[options->model_count++] =
            (struct cli_model){.id = options->tool->model, .tool_model = ""};
    cli->terms = (struct cli_terms){.program = options->findings->program,
                                    .allow_tools = options->allow_tools,
                                    .max_turns = options->max_turns,
                                    .max_budget_usd = options->max_budget_usd,
                                    .sessions_dir = options->findings->sessions_dir};
    cli->service =
        (struct http_service){.on_request = on_request, .write_error = write_error, .arg = cli};
    cli->front = (struct worker_front){.kind = "cli",
                                       .tool = options->tool->name,
                                       .slots = options->slots,
                                       .service = &cli->service,
                                       .is_ready = is_ready,
                                       .describe = describe,
                                       .busy = busy,
                                       .over_quota_until_ms = over_quota_until_ms,
                                       .drain = drain,
                                       .arg = cli};
    for (size_t i = 0; i < RUN_STATE_COUNT; i++)
        list_init(&cli->runs[i]);
}

enum err cli_open(const struct cli_options *options, struct cli **out_cli, struct error *error)
{
    struct cli *cli = mem_zalloc(1, sizeof *cli);
    if (!cli)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    cli->options = *options;
    cli->scratch.lock_fd = -1;
    fill(cli);
    enum err err = cli_bench_open(&cli->bench);
    if (err == OK)
        err = scratch_open(options->scratch_base, &cli->scratch, error);
    else
        (void)error_set(error, err, "no memory to begin");
    if (err != OK) {
        cli_close(cli);
        return err;
    }
    *out_cli = cli;
    return OK;
}

struct worker_front *cli_front(struct cli *cli)
{
    return &cli->front;
}

void cli_close(struct cli *cli)
{
    if (!cli)
        return;
    for (size_t i = 0; i < RUN_STATE_COUNT; i++)
        LIST_EACH_SAFE(node, &cli->runs[i])
        {
            run_free(LIST_OWNER(node, struct run, node));
        }
    scratch_close(&cli->scratch);
    cli_bench_close(&cli->bench);
    mem_free(cli);
}
