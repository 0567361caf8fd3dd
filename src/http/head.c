/* http/head.c: the guard in front of llhttp, and the head as slices.
 *
 * llhttp 8.1.0 takes a bare CR inside a value for a line end (CVE-2023-30589) and a request line without
 * a version, so both are refused here before it sees them. Behind it, what decides where a message ends
 * (Content-Length, Transfer-Encoding) is checked a second time, on our own table: a front that reads a
 * length differently from us is how requests are smuggled. STACK.md 10, RELIABILITY.md T17.
 */
#include "http/parser.h"

#include <assert.h>
#include <string.h>

#define FRAMING_SLACK_BYTES (64u * 1024) /* chunk headers beyond the body's own size */
#define REQUEST_CHUNK_MAX \
    (1024u << 20) /* no body is larger: do not wait for what will be refused */

static const char *const method_names[] = {"GET",    "POST", "PUT",     "PATCH",
                                           "DELETE", "HEAD", "OPTIONS", "OTHER"};

const char *http_method_name(enum http_method method)
{
    return method_names[method];
}

size_t http_head_end(struct str bytes, size_t *scanned)
{
    size_t from = *scanned > 3 ? *scanned - 3 : 0;
    struct str rest = str_from(bytes, from);
    *scanned = bytes.len;
    while (rest.len >= 3) { /* line by line: half the price of memmem */
        const char *lf = memchr(rest.at, '\n', rest.len - 2);
        if (!lf)
            return 0;
        if (lf > bytes.at && lf[-1] == '\r' && lf[1] == '\r' && lf[2] == '\n')
            return (size_t)(lf - bytes.at) + 3;
        rest = str_from(rest, (size_t)(lf - rest.at) + 1);
    }
    return 0;
}

/* ---- the guard ------------------------------------------------------------------------------- */

static enum err guard_lines(struct str head, struct error *error)
{
    if (head.len && memchr(head.at, '\0', head.len))
        return error_set(error, ERR_MALFORMED, "the head holds a NUL byte");
    struct str rest = head;
    while (rest.len) {
        const char *lf = memchr(rest.at, '\n', rest.len);
        const char *cr = memchr(rest.at, '\r', rest.len);
        if (!lf || !cr || lf != cr + 1)
            return error_set(error, ERR_MALFORMED, "a line of the head does not end in CR LF");
        rest = str_from(rest, (size_t)(lf - rest.at) + 1);
        if (rest.len && (rest.at[0] == ' ' || rest.at[0] == '\t'))
            return error_set(error, ERR_MALFORMED, "a header line is folded");
        if (rest.len && rest.at[0] == ':')
            return error_set(error, ERR_MALFORMED, "a header has no name");
    }
    return OK;
}

/* Behind guard_lines: the first CR is the end of the line. */
static struct str first_line(struct str head)
{
    return str_cut(&head, '\r');
}

/* Three words with one space between them; RFC 9112 section 3 lets us refuse everything looser. */
static enum err guard_request_line(struct str head, struct error *error)
{
    struct str line = first_line(head);
    if (line.len > HTTP_REQUEST_LINE_MAX)
        return error_set(error, ERR_TOO_LARGE, "the request line is longer than %u bytes",
                         HTTP_REQUEST_LINE_MAX);
    struct str rest = line;
    struct str method = str_cut(&rest, ' '), target = str_cut(&rest, ' ');
    if (!str_eq(rest, STR("HTTP/1.1")) && !str_eq(rest, STR("HTTP/1.0")))
        return error_set(error, ERR_MALFORMED,
                         "the request line does not end in HTTP/1.1 or HTTP/1.0");
    if (method.len == 0 || target.len == 0)
        return error_set(error, ERR_MALFORMED, "the request line is not 'method target version'");
    return OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum err guard_status_line(struct str head, struct error *error)
{
    struct str line = first_line(head);
    bool is_http = str_starts(line, STR("HTTP/1.1 ")) || str_starts(line, STR("HTTP/1.0 "));
    if (!is_http || line.len < 12 || !is_digit(line.at[9]) || !is_digit(line.at[10]) ||
        !is_digit(line.at[11]) || (line.len > 12 && line.at[12] != ' '))
        return error_set(error, ERR_MALFORMED,
                         "the answer does not begin with HTTP/1.1 and a status");
    return OK;
}

bool http_head_is_hopeless(struct str bytes, size_t seen)
{
    for (size_t i = seen ? seen - 1 : 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        if (c == '\0' || (c == '\n' && (i == 0 || bytes.at[i - 1] != '\r')) ||
            (c == '\r' && i + 1 < bytes.len && bytes.at[i + 1] != '\n'))
            return true;
    }
    return false;
}

/* ---- llhttp's callbacks ---------------------------------------------------------------------- */

static struct http_parser *parser_of(llhttp_t *machine)
{
    return machine->data;
}

static int on_target(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = parser_of(machine);
    parser->head->target = (struct str){at, len}; /* the head is fed whole: spans are never split */
    return 0;
}

static int on_name(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = parser_of(machine);
    if (parser->is_head_done)
        return parser->is_request ? -1 : 0; /* a trailer: refused, or passed over */
    struct http_head *head = parser->head;
    if (head->header_count == head->header_room) {
        parser->is_overfull = true;
        return -1;
    }
    head->headers[head->header_count++] = (struct http_header){.name = {at, len}, .value = STR("")};
    return 0;
}

static int on_value(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = parser_of(machine);
    if (!parser->is_head_done && parser->head->header_count)
        parser->head->headers[parser->head->header_count - 1].value =
            str_trim((struct str){at, len});
    return 0;
}

static int on_head_done(llhttp_t *machine)
{
    struct http_parser *parser = parser_of(machine);
    struct http_head *head = parser->head;
    bool is_bodyless =
        machine->status_code < 200 || machine->status_code == 204 || machine->status_code == 304;
    parser->is_head_done = true;
    head->minor_version = machine->http_minor;
    head->status = machine->status_code;
    head->is_chunked = parser->is_chunked = (machine->flags & F_CHUNKED) != 0;
    head->content_length =
        machine->flags & F_CONTENT_LENGTH ? (int64_t)machine->content_length : -1;
    head->keep_alive = parser->keeps_alive = llhttp_should_keep_alive(machine) != 0;
    head->has_upgrade = (machine->flags & F_UPGRADE) && (machine->flags & F_CONNECTION_UPGRADE);
    if ((machine->flags & F_CONTENT_LENGTH) && machine->content_length > INT64_MAX)
        return -1;
    /* llhttp would wait for the body that a 304's Content-Length only describes. */
    return parser->has_no_body || (!parser->is_request && is_bodyless) ? 1 : 0;
}

static int on_body(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = parser_of(machine);
    parser->body_bytes += len;
    parser->on_body(parser->arg, (char *)(uintptr_t)at, len); /* the caller's own writable bytes */
    return 0;
}

static int on_done(llhttp_t *machine)
{
    parser_of(machine)->is_done = true;
    return HPE_PAUSED; /* what follows belongs to the next message */
}

static int on_chunk_size(llhttp_t *machine)
{
    return parser_of(machine)->is_request && machine->content_length > REQUEST_CHUNK_MAX ? -1 : 0;
}

static int on_extension(llhttp_t *machine, const char *at, size_t len)
{
    (void)at;
    (void)len;
    return parser_of(machine)->is_request ? -1 : 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head_done,
    .on_body = on_body,
    .on_message_complete = on_done,
    .on_chunk_header = on_chunk_size,
    .on_chunk_extension_name = on_extension,
};

/* ---- one message ----------------------------------------------------------------------------- */

void http_parser_init(struct http_parser *parser, bool is_request,
                      void (*on_body_bytes)(void *arg, char *bytes, size_t len), void *arg)
{
    *parser = (struct http_parser){.is_request = is_request, .on_body = on_body_bytes, .arg = arg};
    llhttp_init(&parser->machine, is_request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    parser->machine.data = parser;
}

static enum http_method method_of(uint8_t method)
{
    switch (method) {
    case HTTP_GET: return METHOD_GET;
    case HTTP_POST: return METHOD_POST;
    case HTTP_PUT: return METHOD_PUT;
    case HTTP_PATCH: return METHOD_PATCH;
    case HTTP_DELETE: return METHOD_DELETE;
    case HTTP_HEAD: return METHOD_HEAD;
    case HTTP_OPTIONS: return METHOD_OPTIONS;
    default: return METHOD_OTHER;
    }
}

/* Origin form, or absolute form without its scheme and authority. */
static void split_target(struct http_head *head)
{
    struct str rest = head->target;
    if (str_istarts(rest, STR("http://")) || str_istarts(rest, STR("https://"))) {
        size_t at = 0;
        str_find(rest, STR("//"), &at);
        rest = str_from(rest, at + 2);
        size_t len = 0;
        while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?')
            len++;
        rest = str_from(rest, len);
        head->path = str_cut(&rest, '?');
        head->query = rest;
        if (head->path.len == 0)
            head->path = STR("/");
        return;
    }
    head->path = str_cut(&rest, '?');
    head->query = rest;
}

/* uri-host [":" port]: what may stand there, not whether it makes sense. */
static bool is_host_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (!is_word && (c == '\0' || !strchr("-._~!$&'()*+;=%:[]", c)))
            return false;
    }
    return true;
}

/* What our own checks ask for, found in one pass over the table. */
struct noted {
    struct str value; /* the first one's */
    size_t count;
};
struct noted_headers {
    struct noted host, expect, length, coding;
};

static void note(struct noted *noted, const struct http_header *header, struct str name)
{
    if (str_ieq(header->name, name) && noted->count++ == 0)
        noted->value = header->value;
}

static void note_headers(const struct http_head *head, struct noted_headers *out_noted)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        switch (header->name.len) {
        case 4: note(&out_noted->host, header, STR("host")); break;
        case 6: note(&out_noted->expect, header, STR("expect")); break;
        case 14: note(&out_noted->length, header, STR("content-length")); break;
        case 17: note(&out_noted->coding, header, STR("transfer-encoding")); break;
        default: break;
        }
    }
}

/* Where the message ends, read again: at most one Content-Length, in digits; at most one
 * Transfer-Encoding, which says chunked and nothing else; never both; and llhttp saw the same. */
static enum err check_framing(const struct http_head *head, const struct noted_headers *noted,
                              struct error *error)
{
    struct noted length = noted->length, coding = noted->coding;
    int64_t said = -1;
    if (length.count > 1 || coding.count > 1 || (length.count && coding.count))
        return error_set(error, ERR_MALFORMED, "the length of the body is given twice");
    if (length.count && !str_to_int64(length.value, &said))
        return error_set(error, ERR_MALFORMED, "Content-Length is not a number");
    if (coding.count && (head->minor_version == 0 || !str_ieq(coding.value, STR("chunked"))))
        return error_set(error, ERR_MALFORMED, "Transfer-Encoding is not 'chunked'");
    if (head->is_chunked != (coding.count == 1) || head->content_length != said)
        return error_set(error, ERR_MALFORMED, "the length of the body is unclear");
    return OK;
}

static enum err check_request(struct http_parser *parser, struct http_head *head,
                              const struct noted_headers *noted, struct error *error)
{
    head->method = method_of(parser->machine.method);
    head->expects_continue =
        head->minor_version == 1 && str_ieq(noted->expect.value, STR("100-continue"));
    split_target(head);
    if (parser->machine.method == HTTP_CONNECT)
        return error_set(error, ERR_MALFORMED, "CONNECT is not offered here");
    if (str_is_empty(head->path) || head->path.at[0] != '/' ||
        memchr(head->target.at, '#', head->target.len))
        return error_set(error, ERR_MALFORMED, "the request target is not a path");
    if (noted->host.count > 1 || (noted->host.count == 0 && head->minor_version == 1))
        return error_set(error, ERR_MALFORMED, "a request needs exactly one Host header");
    if (!is_host_value(noted->host.value))
        return error_set(error, ERR_MALFORMED, "the Host header is not a host");
    return OK;
}

static enum err name_trouble(struct http_parser *parser, struct error *error)
{
    if (parser->is_overfull)
        return error_set(error, ERR_TOO_LARGE, "more than %zu headers", parser->head->header_room);
    const char *why = llhttp_get_error_reason(&parser->machine);
    return error_set(error, ERR_MALFORMED, "malformed HTTP: %s", why && *why ? why : "framing");
}

enum err http_parser_head(struct http_parser *parser, struct str bytes, bool skips_body,
                          struct http_head *head, struct error *error)
{
    enum err err = guard_lines(bytes, error);
    if (err == OK)
        err =
            parser->is_request ? guard_request_line(bytes, error) : guard_status_line(bytes, error);
    if (err != OK)
        return err;
    parser->head = head;
    parser->has_no_body = skips_body;
    *head = (struct http_head){
        .headers = head->headers, .header_room = head->header_room, .content_length = -1};
    llhttp_errno_t why = llhttp_execute(&parser->machine, bytes.at, bytes.len);
    if (why == HPE_PAUSED_UPGRADE && parser->is_head_done) {
        /* An Upgrade that is not taken up: the message simply has no body we would read. */
        parser->is_done = true;
        why = HPE_OK;
    }
    if ((why != HPE_OK && why != HPE_PAUSED) || !parser->is_head_done)
        return name_trouble(parser, error);
    parser->head = NULL;
    struct noted_headers noted = {0};
    note_headers(head, &noted);
    err = check_framing(head, &noted, error);
    return err == OK && parser->is_request ? check_request(parser, head, &noted, error) : err;
}

bool http_parser_is_done(const struct http_parser *parser)
{
    return parser->is_done;
}

enum http_parse http_parser_body(struct http_parser *parser, char *bytes, size_t len,
                                 size_t *out_used, struct error *error)
{
    *out_used = 0;
    if (parser->is_done)
        return HTTP_PARSE_DONE;
    char before = parser->last_byte; /* read before the body's owner may write there */
    if (len)
        parser->last_byte = bytes[len - 1];
    parser->wire_bytes += len;
    llhttp_errno_t why = llhttp_execute(&parser->machine, bytes, len);
    if (why == HPE_PAUSED && parser->is_done) {
        size_t used = (size_t)(llhttp_get_error_pos(&parser->machine) - bytes);
        *out_used = used;
        if (!parser->is_chunked || (used > 1 ? bytes[used - 2] : before) == '\r')
            return HTTP_PARSE_DONE;
        error_set(error, ERR_MALFORMED, "malformed HTTP body: it ends in a bare LF");
        return HTTP_PARSE_BAD;
    }
    *out_used = len;
    if (why != HPE_OK) {
        const char *reason = llhttp_get_error_reason(&parser->machine);
        error_set(error, ERR_MALFORMED, "malformed HTTP body: %s",
                  reason && *reason ? reason : "framing");
        return HTTP_PARSE_BAD;
    }
    if (parser->wire_bytes > 8 * parser->body_bytes + FRAMING_SLACK_BYTES) {
        error_set(error, ERR_TOO_LARGE, "the chunk headers outweigh the body");
        return HTTP_PARSE_BAD;
    }
    return HTTP_PARSE_MORE;
}

bool http_parser_finish(struct http_parser *parser)
{
    if (!parser->is_done && parser->machine.error == HPE_OK)
        llhttp_finish(&parser->machine); /* a body that ends with the connection is told as done */
    return parser->is_done;
}

/* ---- whole heads, for tests and for who needs no body ---------------------------------------- */

static enum err parse_alone(bool is_request, struct str bytes, struct http_head *head,
                            struct error *error)
{
    struct http_parser parser;
    http_parser_init(&parser, is_request, NULL, NULL);
    return http_parser_head(&parser, bytes, false, head, error);
}

enum err http_request_parse(struct str bytes, struct http_head *head, struct error *error)
{
    return parse_alone(true, bytes, head, error);
}

enum err http_response_parse(struct str bytes, struct http_head *head, struct error *error)
{
    return parse_alone(false, bytes, head, error);
}

struct str http_header_find(const struct http_head *head, struct str name, size_t *out_count)
{
    struct str found = STR("");
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!str_ieq(head->headers[i].name, name))
            continue;
        if (count++ == 0)
            found = head->headers[i].value;
        if (!out_count)
            break;
    }
    if (out_count)
        *out_count = count;
    return found;
}

// clang-format off
static const struct {
    int status;
    const char *phrase;
} reasons[] = {
    {100, "Continue"}, {200, "OK"}, {201, "Created"},
    {202, "Accepted"}, {204, "No Content"}, {301, "Moved Permanently"},
    {302, "Found"}, {304, "Not Modified"}, {400, "Bad Request"},
    {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"},
    {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
    {409, "Conflict"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
    {415, "Unsupported Media Type"}, {421, "Misdirected Request"}, {422, "Unprocessable Content"},
    {426, "Upgrade Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {529, "Overloaded"},
};
// clang-format on

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].phrase;
    return "Unknown";
}
