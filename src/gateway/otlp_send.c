/* gateway/otlp_send.c: batches on their way to the collector, one at a time. OTLP 1, "OTLP/HTTP".
 *
 * The thread is in one of three states: a call is out (`call`); a batch waits for its next try (`batch`, `clock` set); or there
 * is none, and `clock` says when what lies in the box is sent.
 */
#include "gateway/otlp_parts.h"

#include "base/log.h"
#include "gen/version.h"
#include "http/head.h"
#include "sys/random.h"
#include "sys/secret.h"

#include <stdio.h>

#define NS_PER_MS        INT64_C(1000000)
#define GATHER_MS        500 /* for more to come along */
#define CALL_MS          10000
#define CONNECT_MS       5000
#define TRIES_MAX        8 /* of one batch; about two minutes */
#define RETRY_AFTER_MS   60000
#define HEAD_BYTES_MAX   (16u * 1024)
#define HEAD_BYTES_USUAL 2048u /* without the headers of the settings */

static void set_clock(struct otlp *otlp, int64_t in_ms)
{
    deadline_set(&otlp->clock, loop_refresh_now(otlp->loop) + in_ms * NS_PER_MS);
}

/* ---- what came of it ------------------------------------------------------------------------------ */

/* Told when it begins and when it is over: not once for each batch. */
static void tell_failure(struct otlp *otlp, const char *why)
{
    if (otlp->is_failing)
        return;
    otlp->is_failing = true;
    log_warn("otlp_failing", "collector=%s why=\"%s\"", otlp->target.authority, why);
}

static void forget_call(struct otlp *otlp)
{
    otlp->call = NULL;
    if (otlp->head.data)
        secret_wipe(otlp->head.data, otlp->head.len);
    buf_release(&otlp->head);
    deadline_clear(&otlp->clock);
}

static void end_batch(struct otlp *otlp, _Atomic int64_t *counter)
{
    atomic_fetch_add(counter, otlp->batch);
    otlp->batch = 0;
    buf_release(&otlp->body);
    backoff_reset(&otlp->backoff);
    int waiting = otlp_waiting(otlp);
    if (waiting > 0)
        set_clock(otlp, otlp->is_stopping || waiting >= OTLP_BATCH_SPANS ? 0 : GATHER_MS);
    else if (otlp->is_stopping)
        loop_stop(otlp->loop);
}

static void try_again(struct otlp *otlp, const char *why)
{
    int64_t wait_ms = backoff_next(&otlp->backoff, random_unit());
    tell_failure(otlp, why);
    if (otlp->is_stopping) {
        loop_stop(otlp->loop); /* that was the last try */
        return;
    }
    if (otlp->backoff.failures >= TRIES_MAX)
        end_batch(otlp, &otlp->dropped);
    else
        set_clock(otlp, wait_ms > otlp->retry_after_ms ? wait_ms : otlp->retry_after_ms);
}

/* The conventions' statuses to try again; whatever else it says to this batch, it would say again. */
static void judge(struct otlp *otlp)
{
    int status = otlp->status;
    char why[64];
    snprintf(why, sizeof why, "it answered %d", status);
    forget_call(otlp);
    if (status == 429 || status == 502 || status == 503 || status == 504) {
        try_again(otlp, why);
        return;
    }
    bool is_taken = status >= 200 && status < 300;
    if (!is_taken)
        tell_failure(otlp, why);
    else if (otlp->is_failing)
        log_info("otlp_sending", "collector=%s", otlp->target.authority);
    otlp->is_failing = !is_taken;
    end_batch(otlp, is_taken ? &otlp->sent : &otlp->dropped);
}

static void on_head(void *owner, const struct http_head *head)
{
    struct otlp *otlp = owner;
    int64_t seconds = 0;
    otlp->status = head->status;
    if (str_to_int64(http_header_find(head, STR("retry-after"), NULL), &seconds))
        otlp->retry_after_ms =
            seconds > RETRY_AFTER_MS / 1000 ? RETRY_AFTER_MS : seconds * INT64_C(1000);
}

static void on_body(void *owner, char *bytes, size_t len)
{
    (void)owner, (void)bytes, (void)len;
}

static void on_end(void *owner)
{
    judge(owner);
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    struct otlp *otlp = owner;
    (void)sentence;
    if (otlp->status) { /* it had decided */
        judge(otlp);
        return;
    }
    forget_call(otlp);
    try_again(otlp, call_failure_reason(failure));
}

/* ---- sending ------------------------------------------------------------------------------------- */

static bool write_head(struct otlp *otlp)
{
    buf_init(&otlp->head, HEAD_BYTES_MAX);
    if (!buf_reserve(&otlp->head, HEAD_BYTES_USUAL + otlp->headers.len))
        return false; /* in one piece: no copies of secrets */
    buf_printf(&otlp->head,
               "POST %s/v1/traces HTTP/1.1\r\nhost: %s\r\nuser-agent: auxot/%s\r\n"
               "content-type: application/json\r\ncontent-length: %zu\r\n",
               otlp->target.path, otlp->target.authority, AUXOT_VERSION, otlp->body.len);
    buf_append_str(&otlp->head, buf_str(&otlp->headers));
    buf_append_lit(&otlp->head, "\r\n");
    return !otlp->head.failed;
}

static void send_batch(struct otlp *otlp)
{
    static const struct call_ops ops = {
        .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};
    otlp->status = 0;
    otlp->retry_after_ms = 0;
    if (write_head(otlp)) {
        struct call_options options = {
            .target = &otlp->target,
            .pieces = {{otlp->head.data, otlp->head.len}, {otlp->body.data, otlp->body.len}},
            .piece_count = 2,
            .connect_ms = CONNECT_MS,
            .first_byte_ms = CALL_MS,
            .idle_ms = CALL_MS,
            .ops = &ops,
            .owner = otlp};
        otlp->call = call_start(otlp->pool, &options);
    }
    if (otlp->call) {
        set_clock(otlp, CALL_MS);
        return;
    }
    forget_call(otlp);
    try_again(otlp, "no memory");
}

void otlp_on_clock(struct deadline *clock)
{
    struct otlp *otlp = LIST_OWNER(clock, struct otlp, clock);
    if (otlp->call) {
        call_cancel(otlp->call);
        on_failed(otlp, CALL_FAILED_IDLE_TIMEOUT, "");
    } else if (otlp->batch > 0 || otlp_take_batch(otlp)) {
        send_batch(otlp);
    } else if (otlp_waiting(otlp) > 0) {
        set_clock(otlp, GATHER_MS); /* there was no memory for a batch: what it was of is dropped */
    } else if (otlp->is_stopping) {
        loop_stop(otlp->loop);
    }
}

void otlp_on_news(struct loop_message *message)
{
    struct otlp *otlp = LIST_OWNER(message, struct otlp, news_message);
    atomic_store(&otlp->is_news_posted,
                 false); /* before looking: what comes meanwhile posts again */
    if (otlp->call || otlp->batch > 0 || otlp->is_stopping)
        return; /* whoever ends that looks into the box */
    if (otlp_waiting(otlp) >= OTLP_BATCH_SPANS)
        set_clock(otlp, 0);
    else if (!deadline_is_set(&otlp->clock))
        set_clock(otlp, GATHER_MS);
}

/* ---- stopping ------------------------------------------------------------------------------------ */

void otlp_on_stop(struct loop_message *message)
{
    struct otlp *otlp = LIST_OWNER(message, struct otlp, stop_message);
    otlp->is_stopping = true;
    deadline_set(&otlp->last, loop_refresh_now(otlp->loop) + OTLP_STOP_MS * NS_PER_MS);
    if (!otlp->call)
        set_clock(otlp, 0); /* also where the next try was to come later: the last one comes now */
}

void otlp_on_last(struct deadline *last)
{
    struct otlp *otlp = LIST_OWNER(last, struct otlp, last);
    if (otlp->call)
        call_cancel(otlp->call);
    forget_call(otlp);
    loop_stop(otlp->loop);
}
