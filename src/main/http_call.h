/* main/http_call.h: one blocking HTTP request, for commands that talk to a server on this machine.
 *
 * Plain HTTP/1.1 over TCP or over the control socket, one connection per call, the answer read whole.
 * Not for upstreams: no TLS, no redirects, no streaming (http/client.h is the event-driven one).
 *
 *     struct http_reply reply;
 *     if (http_call(&(struct http_call){.unix_path = "data/control", .method = "POST",
 *                   .path = "/api/keys", .body = STR("{}")}, &reply, &error) == OK) {
 *         ... reply.status, reply.body, http_reply_header(&reply, STR("x-auxot-job")) ...
 *         http_reply_release(&reply);
 *     }
 *
 * Thread:  any; blocks up to `timeout_ms` for each step.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct http_call {
    const char *unix_path; /* control socket; NULL: host and port */
    const char *host;      /* an address or name; NULL: 127.0.0.1 */
    int port;
    const char *method;  /* NULL: GET, or POST when there is a body */
    const char *path;    /* with its query */
    const char *headers; /* lines with CRLF ("authorization: Bearer x\r\n"); NULL: none */
    struct str body;     /* sent as application/json unless `headers` has a content-type */
    int timeout_ms;      /* 0: 30 s */
};

struct http_reply {
    int status;
    struct str head;  /* from the status line to the empty line */
    struct str body;  /* decoded; NUL-terminated behind its length */
    struct buf bytes; /* what both borrow from */
};

#define HTTP_REPLY_MAX (64u * 1024 * 1024)

/**
 * Sends and waits for the whole answer, of any status. `out_reply` is yours to http_reply_release;
 * untouched on failure.
 * Errors  ERR_UNAVAILABLE nobody listens there; ERR_TIMEOUT; ERR_IO cut off; ERR_MALFORMED not HTTP;
 *         ERR_TOO_LARGE; ERR_NO_MEMORY; each with a sentence.
 */
MUST_USE enum err http_call(const struct http_call *call, struct http_reply *out_reply,
                            struct error *error);
void http_reply_release(struct http_reply *reply);
/** The first header of that name (any case), or the empty slice. */
struct str http_reply_header(const struct http_reply *reply, struct str name);
