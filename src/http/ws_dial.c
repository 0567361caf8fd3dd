/* http/ws_dial.c: opens a WebSocket to a server: a call whose answer is 101. */
#include "http/upgrade.h"

#include "base/mem.h"
#include "gen/version.h"
#include "http/client_parts.h"
#include "http/handshake.h"
#include "sys/secret.h"

#include <stdio.h>

#define TIMEOUT_MS_DEFAULT 10000
#define HEAD_MAX           8192u

struct ws_dial {
    const struct ws_dial_ops *ops;
    void *owner;
    struct call *call;
    struct buf head; /* holds a secret */
    char accept[WS_ACCEPT_BYTES], subprotocol[64];
    struct loop *loop;
    struct loop_message free_later;
};

static void free_dial(struct loop_message *message)
{
    struct ws_dial *dial = LIST_OWNER(message, struct ws_dial, free_later);
    if (dial->head.data)
        secret_wipe(dial->head.data, dial->head.room_bytes);
    buf_release(&dial->head);
    mem_free(dial);
}

static void go(struct ws_dial *dial)
{
    loop_defer(dial->loop, &dial->free_later);
}

static void tell_failed(struct ws_dial *dial, int status, const char *sentence)
{
    const struct ws_dial_ops *ops = dial->ops;
    void *owner = dial->owner;
    go(dial);
    ops->on_failed(owner, status, sentence);
}

/* ---- the call -------------------------------------------------------------------------------- */

static void on_switched(void *owner, const struct http_head *head, struct detached *detached)
{
    struct ws_dial *dial = owner;
    const char *wrong = handshake_check(head, dial->accept, str_of(dial->subprotocol));
    if (wrong) {
        detached_free(detached);
        tell_failed(dial, head->status, wrong);
        return;
    }
    const struct ws_dial_ops *ops = dial->ops;
    void *whose = dial->owner;
    go(dial);
    ops->on_open(whose, detached);
}

static void on_head(void *owner, const struct http_head *head)
{
    struct ws_dial *dial = owner;
    char sentence[120];
    int status = head->status;
    snprintf(sentence, sizeof sentence, "the server answered %d %s in place of a WebSocket", status,
             http_reason(status));
    call_cancel(dial->call);
    tell_failed(dial, status, sentence);
}

static void on_body(void *owner, char *bytes, size_t len)
{
    (void)owner; /* never: on_head has ended it */
    (void)bytes;
    (void)len;
}

static void on_end(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum call_failure failure, const char *sentence)
{
    (void)failure;
    tell_failed(owner, 0, sentence);
}

static const struct call_ops call_ops = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_failed = on_failed};

/* ---- starting -------------------------------------------------------------------------------- */

static bool write_request(struct ws_dial *dial, const struct ws_dial_options *options)
{
    const struct target *target = options->target;
    char key[WS_KEY_BYTES];
    struct buf *head = &dial->head;
    handshake_key(key);
    handshake_accept(str_of(key), dial->accept);
    char *room = buf_reserve(head, HEAD_MAX / 2); /* once: no copy of a secret stays behind */
    (void)room;                                   /* a failure shows at the end */
    buf_append_lit(head, "GET ");
    buf_puts(head, target->path);
    buf_puts(head, options->path);
    buf_append_lit(head, " HTTP/1.1\r\nhost: ");
    buf_puts(head, target->authority);
    buf_append_lit(head, "\r\nuser-agent: auxot/" AUXOT_VERSION "\r\nupgrade: websocket\r\n"
                         "connection: Upgrade\r\nsec-websocket-version: 13\r\n"
                         "sec-websocket-key: ");
    buf_puts(head, key);
    if (dial->subprotocol[0]) {
        buf_append_lit(head, "\r\nsec-websocket-protocol: ");
        buf_puts(head, dial->subprotocol);
    }
    if (options->bearer.len) {
        buf_append_lit(head, "\r\nauthorization: Bearer ");
        buf_append_str(head, options->bearer);
    }
    buf_append_lit(head, "\r\n\r\n");
    return !head->failed;
}

struct ws_dial *ws_dial_start(struct client_pool *pool, const struct ws_dial_options *options,
                              const struct ws_dial_ops *ops, void *owner)
{
    int64_t timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS_DEFAULT;
    struct ws_dial *dial = mem_zalloc(1, sizeof *dial);
    if (!dial)
        return NULL;
    dial->ops = ops;
    dial->owner = owner;
    dial->free_later.run = free_dial;
    buf_init(&dial->head, HEAD_MAX);
    dial->loop = pool->loop;
    str_copy(str_of(options->subprotocol), dial->subprotocol, sizeof dial->subprotocol);
    struct call_options call = {.target = options->target,
                                .connect_ms = timeout_ms,
                                .first_byte_ms = timeout_ms,
                                .idle_ms = timeout_ms,
                                .ops = &call_ops,
                                .owner = dial};
    bool is_written = write_request(dial, options);
    call.pieces[0] = (struct iovec){dial->head.data, dial->head.len};
    call.piece_count = 1;
    dial->call = is_written ? call_start(pool, &call) : NULL;
    if (!dial->call) {
        free_dial(&dial->free_later);
        return NULL;
    }
    dial->call->on_switched = on_switched;
    return dial;
}

void ws_dial_cancel(struct ws_dial *dial)
{
    call_cancel(dial->call);
    go(dial);
}
