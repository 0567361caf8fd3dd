/* worker/cli_answer.c: see cli_answer.h. The writer of the dialect (wire/) makes the bytes; when they go out is decided here. */
#include "worker/cli_answer.h"

#include "wire/say.h"
#include "worker/cli_tool.h"

#include <stdio.h>

#define OUT_MAX     (24u << 20)
#define HEADERS_MAX 4096

/* ---- life ------------------------------------------------------------------------------------------------- */

static bool is_stream(const struct cli_answer *answer)
{
    return answer->request->is_stream;
}

enum err cli_answer_open(struct cli_answer *answer, struct exchange *exchange,
                         const struct cli_tool *tool, struct cli_request *request, const char *key)
{
    const struct dialect_facts *facts = dialect_facts(ENDPOINT_MESSAGES);
    void *own = mem_zalloc(1, facts->writer_bytes);
    if (!own)
        return ERR_NO_MEMORY;
    *answer = (struct cli_answer){.exchange = exchange, .tool = tool, .request = request};
    str_copy(str_of(key), answer->key, sizeof answer->key);
    buf_init(&answer->out, OUT_MAX);
    answer->writer = (struct answer_writer){.facts = facts,
                                            .out = &answer->out,
                                            .key = answer->key,
                                            .model = request->model,
                                            .names = &request->names,
                                            .scratch = request->bench->scratch,
                                            .fidelity = &request->fidelity,
                                            .own = own};
    buf_init(&answer->writer.kept, ANSWER_KEPT_MAX);
    return OK;
}

void cli_answer_release(struct cli_answer *answer)
{
    if (answer->writer.own) {
        answer->writer.facts->writer_release(&answer->writer);
        mem_free(answer->writer.own);
        buf_release(&answer->writer.kept);
        buf_release(&answer->out);
    }
    *answer = (struct cli_answer){0};
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static void write_event(struct cli_answer *answer, const struct answer_event *event)
{
    if (is_stream(answer))
        answer->writer.facts->stream_write(&answer->writer, event);
    else
        answer->writer.facts->answer_write(&answer->writer, event);
}

static void begin(struct cli_answer *answer)
{
    if (answer->has_begun)
        return;
    answer->has_begun = true;
    write_event(answer, &(struct answer_event){.kind = ANSWER_BEGIN});
}

static bool is_content(const struct answer_event *event)
{
    return event->kind == ANSWER_PART_DELTA ||
           (event->kind == ANSWER_PART_BEGIN && event->part == PART_TOOL_CALL);
}

void cli_answer_take(void *arg, const struct answer_event *event)
{
    struct cli_answer *answer = arg;
    if (!answer->exchange)
        return;
    begin(answer);
    answer->has_content = answer->has_content || is_content(event);
    if (event->kind == ANSWER_PART_BEGIN && event->part == PART_TOOL_CALL) {
        struct answer_event call = *event;
        call.name = cli_tool_name_back(answer->tool, event->name);
        write_event(answer, &call);
    } else {
        write_event(answer, event);
    }
}

/* ---- heads ------------------------------------------------------------------------------------------------- */

static void put_headers(const struct cli_answer *answer, struct buf *headers)
{
    buf_printf(headers, "request-id: req_%s\r\n", answer->key);
    if (answer->request->fidelity.count == 0)
        return;
    buf_append_lit(headers, "x-auxot-fidelity: ");
    fidelity_write(&answer->request->fidelity, headers);
    buf_append_lit(headers, "\r\n");
}

static void open_stream(struct cli_answer *answer)
{
    AUTO_BUF struct buf headers;
    buf_init(&headers, HEADERS_MAX);
    put_headers(answer, &headers);
    answer->is_open = true;
    (void)exchange_start(answer->exchange, 200, buf_str(&headers), STR("text/event-stream"));
}

void cli_answer_flush(struct cli_answer *answer)
{
    if (!answer->exchange || !is_stream(answer) || !answer->has_content || answer->out.len == 0)
        return;
    if (!answer->is_open)
        open_stream(answer);
    exchange_send(answer->exchange,
                  &(struct iovec){.iov_base = answer->out.data, .iov_len = answer->out.len}, 1);
    buf_clear(&answer->out);
}

void cli_answer_ping(struct cli_answer *answer)
{
    struct str ping = say_keepalive(ENDPOINT_MESSAGES);
    if (!answer->exchange || !answer->is_open)
        return;
    buf_append_str(&answer->out, ping);
    cli_answer_flush(answer);
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static void finish_stream(struct cli_answer *answer)
{
    struct exchange *exchange = answer->exchange;
    if (!answer->is_open)
        open_stream(answer);
    answer->exchange = NULL;
    exchange_send_finish(
        exchange, &(struct iovec){.iov_base = answer->out.data, .iov_len = answer->out.len}, 1);
    buf_clear(&answer->out);
}

static void finish_plain(struct cli_answer *answer)
{
    struct exchange *exchange = answer->exchange;
    AUTO_BUF struct buf headers;
    buf_init(&headers, HEADERS_MAX);
    put_headers(answer, &headers);
    answer->exchange = NULL;
    exchange_answer(exchange, 200, buf_str(&headers), STR("application/json"),
                    buf_str(&answer->out));
}

void cli_answer_finish(struct cli_answer *answer, enum stop_reason stop, const struct usage *usage)
{
    if (!answer->exchange)
        return;
    begin(answer);
    write_event(answer, &(struct answer_event){.kind = ANSWER_STOP, .stop = stop});
    write_event(answer, &(struct answer_event){.kind = ANSWER_END, .usage = usage});
    if (answer->writer.failed || answer->writer.kept.failed || answer->out.failed) {
        cli_answer_fail(
            answer, &(struct talk_trouble){.status = 502, .sentence = "the answer is too large"},
            0);
        return;
    }
    if (is_stream(answer))
        finish_stream(answer);
    else
        finish_plain(answer);
}

/* Behind content: an error event, in words of our own status. */
static enum say say_of(const struct talk_trouble *trouble)
{
    if (trouble->status == 429)
        return trouble->is_quota ? SAY_ALL_OVER_QUOTA : SAY_RATE_LIMITED;
    if (trouble->status == 504)
        return SAY_DEADLINE;
    return trouble->status == 503 || trouble->status == 529 ? SAY_OVERLOADED
                                                            : SAY_ATTEMPTS_EXHAUSTED;
}

static void fail_stream(struct cli_answer *answer, const struct talk_trouble *trouble)
{
    char request_id[40];
    (void)snprintf(request_id, sizeof request_id, "req_%s", answer->key);
    buf_clear(&answer->out); /* what was not sent is part of nothing */
    say_stream_error(&answer->out, ENDPOINT_MESSAGES, say_of(trouble), trouble->sentence,
                     request_id, "", 0);
    finish_stream(answer);
}

void cli_answer_fail(struct cli_answer *answer, const struct talk_trouble *trouble, int64_t now_s)
{
    struct exchange *exchange = answer->exchange;
    char headers[160] = "";
    int64_t wait_s = trouble->wait_s ? trouble->wait_s : CLI_RETRY_AFTER_S;
    if (!exchange)
        return;
    if (answer->is_open) {
        fail_stream(answer, trouble);
        return;
    }
    if (trouble->resets_at_s > now_s)
        wait_s = trouble->resets_at_s - now_s;
    if (trouble->status == 429)
        (void)snprintf(headers, sizeof headers, "retry-after: %lld\r\n", (long long)wait_s);
    answer->exchange = NULL;
    cli_answer_refuse(exchange, trouble->status, headers, trouble->sentence);
}

void cli_answer_refuse(struct exchange *exchange, int status, const char *headers,
                       const char *sentence)
{
    AUTO_BUF struct buf body;
    buf_init(&body, 8192);
    say_foreign_error(&body, DIALECT_ANTHROPIC, status, false,
                      &(struct error_body){.message = str_of(sentence)}, NULL);
    exchange_answer(exchange, status, str_of(headers), STR("application/json"), buf_str(&body));
}
