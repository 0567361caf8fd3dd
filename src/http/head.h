/* http/head.h: request and response heads of HTTP/1.1, strictly. RFC 9112, STACK.md 10.
 *
 * A head is first found whole (to the empty line) in contiguous bytes, then guarded (no bare CR or LF, no
 * NUL, no line folding), then parsed by llhttp; names and values are slices of the caller's bytes.
 *
 * Thread: any. Pure, bounded; fuzzed by tests/fuzz/fuzz_http_*.c.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define HTTP_REQUEST_HEAD_MAX     (32u * 1024)
#define HTTP_RESPONSE_HEAD_MAX    (64u * 1024)
#define HTTP_REQUEST_LINE_MAX     (8u * 1024)
#define HTTP_HEADERS_MAX          100
#define HTTP_RESPONSE_HEADERS_MAX 200

enum http_method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_OTHER
};
const char *http_method_name(enum http_method method);

struct http_header {
    struct str name, value; /* value without surrounding blanks */
};

struct http_head {
    enum http_method method;     /* requests */
    struct str target;           /* as sent */
    struct str path, query;      /* query without '?' */
    int status;                  /* responses */
    int minor_version;           /* 0 or 1 */
    struct http_header *headers; /* room given by the caller */
    size_t header_count, header_room;
    int64_t content_length; /* -1: not given */
    bool is_chunked;        /* transfer-encoding: chunked (and nothing else) */
    bool keep_alive;        /* by version and Connection */
    bool has_upgrade, expects_continue;
};

/** Length of the head in `bytes` (with its empty line), 0 while unfinished. `scanned` in/out as in sse.h.
 *  Empty lines before a request line are the caller's to skip (at most one). */
size_t http_head_end(struct str bytes, size_t *scanned);
/** Parses one whole head. ERR_MALFORMED, or ERR_TOO_LARGE for too many headers, with a sentence. */
MUST_USE enum err http_request_parse(struct str bytes, struct http_head *head, struct error *error);
MUST_USE enum err http_response_parse(struct str bytes, struct http_head *head,
                                      struct error *error);
/** The first header of that name (any case), or the empty slice. `out_count` (may be NULL): how many. */
struct str http_header_find(const struct http_head *head, struct str name, size_t *out_count);
/** The reason phrase for a status. */
const char *http_reason(int status);
