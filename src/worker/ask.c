/* worker/ask.c: see ask.h. */
#include "worker/ask.h"

#include "base/mem.h"
#include "sys/secret.h"

#include "gen/version.h"

#include <stdio.h>

#define HEAD_MAX    8192u
#define NS_PER_MS   INT64_C(1000000)
#define RETRY_MAX_S 3600

struct ask {
    struct ask_options options;
    struct call *call;
    struct deadline deadline;
    struct buf head, body, answer;
    int status;
    int64_t retry_after_ms;
};

static void ask_free(struct ask *ask)
{
    deadline_release(&ask->deadline);
    if (ask->head.data)
        secret_wipe(ask->head.data, ask->head.len); /* it holds the key */
    if (ask->body.data)
        secret_wipe(ask->body.data, ask->body.len); /* it may */
    buf_release(&ask->head);
    buf_release(&ask->body);
    buf_release(&ask->answer);
    mem_free(ask);
}

static void done(struct ask *ask, struct answered answered)
{
    void (*on_done)(void *, const struct answered *) = ask->options.on_done;
    void *owner = ask->options.owner;
    struct buf text = ask->answer;
    struct error error;
    ask->answer = (struct buf){.limit_bytes = text.limit_bytes};
    answered.text = buf_str(&text);
    if (answered.status && text.len > 0 &&
        json_parse(ask->options.reader, answered.text, &answered.root, &error) != OK)
        answered.root = (struct json){0};
    ask_free(ask);
    on_done(owner, &answered);
    buf_release(&text);
}

static void fail(struct ask *ask, const char *sentence)
{
    buf_clear(&ask->answer);
    done(ask, (struct answered){.sentence = sentence});
}

/* ---- the call -------------------------------------------------------------------------------- */

static void on_head(void *owner, const struct http_head *head)
{
    struct ask *ask = owner;
    int64_t seconds;
    ask->status = head->status;
    if (str_to_int64(http_header_find(head, STR("retry-after"), NULL), &seconds))
        ask->retry_after_ms = (seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S) * 1000;
}

static void on_body(void *owner, char *bytes, size_t len)
{
    struct ask *ask = owner;
    buf_append(&ask->answer, bytes, len);
}

static void on_end(void *owner)
{
    struct ask *ask = owner;
    ask->call = NULL;
    if (ask->answer.failed)
        fail(ask, "the answer is too long");
    else
        done(ask, (struct answered){.status = ask->status,
                                    .sentence = "",
                                    .retry_after_ms = ask->retry_after_ms});
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct ask *ask = owner;
    (void)failure;
    ask->call = NULL;
    fail(ask, sentence);
}

static const struct call_ops ask_ops = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};

static void on_late(struct deadline *deadline)
{
    struct ask *ask = LIST_OWNER(deadline, struct ask, deadline);
    call_cancel(TAKE(ask->call));
    fail(ask, "no answer in time");
}

/* ---- life ------------------------------------------------------------------------------------ */

static void write_head(struct ask *ask)
{
    const struct ask_options *options = &ask->options;
    struct buf *head = &ask->head;
    char *room = buf_reserve(head, HEAD_MAX); /* once: no copy of a key stays behind */
    (void)room;                               /* a failure shows at the end */
    buf_printf(head,
               "%s %s%s HTTP/1.1\r\nhost: %s\r\nuser-agent: %s/%s\r\naccept: application/json\r\n",
               ask->body.len ? "POST" : "GET", options->target->path, options->path,
               options->target->authority, options->agent ? options->agent : "auxot-worker",
               AUXOT_VERSION);
    if (options->bearer.len) {
        buf_append_lit(head, "authorization: Bearer ");
        buf_append_str(head, options->bearer);
        buf_append_lit(head, "\r\n");
    }
    if (ask->body.len)
        buf_printf(head, "content-type: application/json\r\ncontent-length: %zu\r\n",
                   ask->body.len);
    buf_puts(head, "\r\n");
}

struct ask *ask_start(const struct ask_options *options)
{
    struct ask *ask = mem_zalloc(1, sizeof *ask);
    if (!ask)
        return NULL;
    ask->options = *options;
    buf_init(&ask->head, HEAD_MAX);
    size_t limit_bytes = options->limit_bytes ? options->limit_bytes : ASK_ANSWER_MAX;
    buf_init(&ask->body, limit_bytes);
    buf_init(&ask->answer, limit_bytes);
    deadline_init(&ask->deadline, options->loop, on_late);
    buf_append_str(&ask->body, options->body);
    write_head(ask);
    bool is_written = !ask->head.failed && !ask->body.failed;
    ask->options.body = buf_str(&ask->body);
    ask->options.bearer = STR("");
    struct call_options call = {
        .target = options->target,
        .pieces = {{ask->head.data, ask->head.len}, {ask->body.data, ask->body.len}},
        .piece_count = ask->body.len ? 2 : 1,
        .connect_ms = options->timeout_ms,
        .first_byte_ms = options->timeout_ms,
        .idle_ms = options->timeout_ms,
        .ops = &ask_ops,
        .owner = ask};
    ask->call = is_written ? call_start(options->pool, &call) : NULL;
    if (!ask->call) {
        ask_free(ask);
        return NULL;
    }
    deadline_set(&ask->deadline, loop_now_ns(options->loop) + options->timeout_ms * NS_PER_MS);
    return ask;
}

void ask_cancel(struct ask *ask)
{
    if (!ask)
        return;
    if (ask->call)
        call_cancel(ask->call);
    ask_free(ask);
}
