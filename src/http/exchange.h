/* http/exchange.h: one request and its answer, as the gateway, the management API and the simulator see it.
 *
 * Life:  on_request (the head is there) -> [exchange_want_body -> on_body] -> exchange_answer, or
 *        exchange_start, exchange_send..., exchange_finish -> gone. At any time before the end on_gone may
 *        come instead: the client left. After finish, abort or on_gone the pointer is dead.
 * Thread: the loop's. Nobody is called back from inside these functions.
 */
#pragma once
#include "base/buf.h"
#include "http/head.h"
#include "net/loop.h"
#include <sys/uio.h>

struct exchange;
struct detached; /* http/upgrade.h */

struct exchange_ops {
    void (*on_body)(void *owner); /* the whole body is there: exchange_take_body */
    void (*on_gone)(void *owner); /* the client left, or stalled past the write deadline */
    void (*on_refused)(void *owner, int status); /* the HTTP layer answered in its place: 400, 408,
                                                    413; NULL: on_gone is told instead */
    void (*on_drained)(void *owner); /* unsent bytes went from above EXCHANGE_HIGH_BYTES to none */
};
#define EXCHANGE_HIGH_BYTES 65536u

/** What a listener serves. One per listener; `arg` is given back. */
struct http_service {
    void (*on_request)(void *arg, struct exchange *exchange);
    /** Appends the body (JSON) of an error that the HTTP layer itself makes, in the shape of the path's
     *  dialect: 400, 408, 413, 431, 503 and so on. `path` may be empty. Also appends header lines. */
    void (*write_error)(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body);
    /** What kind of text that is; NULL: application/json. */
    struct str (*error_type)(void *arg, struct str path);
    void *arg;
};

const struct http_head *exchange_head(const struct exchange *exchange); /* valid until the end */
struct loop *exchange_loop(const struct exchange *exchange);
/** "127.0.0.1:53211", or "control"; "?:0" once the peer is gone. 64 bytes are enough. */
void exchange_peer(const struct exchange *exchange, char *room, size_t room_bytes);
bool exchange_is_control(const struct exchange *exchange); /* came over the control socket */
void exchange_attach(struct exchange *exchange, const struct exchange_ops *ops, void *owner);
/** Reads the body whole, up to `limit_bytes` (else the HTTP layer answers 413 and on_refused follows). */
void exchange_want_body(struct exchange *exchange, size_t limit_bytes);
/** Moves the body (padded for simdjson) to `out_body`. Its room is charged to the process-wide budget of held
 *  bodies: whoever frees it gives body_budget_return(its length) back. */
void exchange_take_body(struct exchange *exchange, struct buf *out_body);

/** Held bodies of the whole process; when it is spent, reading of further bodies pauses. Any thread. */
void body_budget_set(int64_t limit_bytes); /* any thread; default 256 MiB */
void body_budget_return(size_t bytes);
int64_t body_budget_used(void);

/** A whole answer in one write. `headers` are lines with CRLF (may be empty). Ends the exchange. If the body
 *  was not read the connection lingers (drains up to 1 MiB or 2 s) and closes. */
void exchange_answer(struct exchange *exchange, int status, struct str headers,
                     struct str content_type, struct str body);
/** Begins a streamed answer (chunked; until close for HTTP/1.0). The head goes out with the first
 *  exchange_send or with exchange_flush_head. ERR_NO_MEMORY: the head is a bare 500 and nothing that is sent
 *  goes out behind it; finish. */
enum err exchange_start(struct exchange *exchange, int status, struct str headers,
                        struct str content_type);
/** An answer before the answer: 102 and other 1xx but 101. `headers` are lines with CRLF (may be empty). Any
 *  number, before exchange_start or exchange_answer. Nothing is sent to an HTTP/1.0 client. */
void exchange_interim(struct exchange *exchange, int status, struct str headers);
void exchange_flush_head(struct exchange *exchange);
/** Sends body bytes of a streamed answer: one chunk of the pieces together, at most 60 pieces. Empty is fine. */
void exchange_send(struct exchange *exchange, const struct iovec *pieces, int count);
size_t exchange_pending(const struct exchange *exchange); /* unsent bytes */
void exchange_finish(struct exchange *exchange);          /* ends a streamed answer properly */
/** Like send then finish, in one write. */
void exchange_send_finish(struct exchange *exchange, const struct iovec *pieces, int count);
/** Cuts the connection; `with_reset` by RST. The exchange ends. */
void exchange_abort(struct exchange *exchange, bool with_reset);

/* For the simulator, which must be able to misbehave: bytes on the socket as they are, in place of
 * start/send/finish. End with exchange_abort. */
void exchange_send_raw(struct exchange *exchange, const void *bytes, size_t len);
