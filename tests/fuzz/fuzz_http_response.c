/* tests/fuzz/fuzz_http_response.c: one answer, whole and in steps: the same head, the same body, the same end.
 * The first byte is the step. */
#include "base/buf.h"
#include "http/parser.h"

#include <stdlib.h>

#define BODY_MAX (1u << 20)

struct outcome {
    int status;
    bool has_head, is_bad, ends_well;
    size_t end; /* where the message ended, 0: not */
    uint64_t body;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void on_body(void *arg, char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
    memset(bytes, 'X', len); /* it is its reader's to write to */
}

static struct outcome read_answer(struct str all, size_t step, size_t head_len)
{
    struct outcome outcome = {0};
    struct http_header table[HTTP_RESPONSE_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_RESPONSE_HEADERS_MAX};
    struct http_parser parser;
    struct error error;
    AUTO_BUF struct buf body, piece;
    buf_init(&body, BODY_MAX);
    buf_init(&piece, BODY_MAX);
    http_parser_init(&parser, false, on_body, &body);
    outcome.has_head =
        http_parser_head(&parser, str_upto(all, head_len), false, &head, &error) == OK;
    if (!outcome.has_head)
        return outcome;
    outcome.status = head.status;
    size_t at = head_len, used;
    enum http_parse parse = http_parser_is_done(&parser) ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
    while (parse == HTTP_PARSE_MORE && at < all.len) {
        buf_clear(&piece);
        buf_append_str(&piece, str_upto(str_from(all, at), step));
        parse = http_parser_body(&parser, piece.data, piece.len, &used, &error);
        require(used <= piece.len);
        at += used;
    }
    outcome.is_bad = parse == HTTP_PARSE_BAD;
    outcome.end = parse == HTTP_PARSE_DONE ? at : 0;
    outcome.ends_well = !outcome.is_bad && http_parser_finish(&parser);
    outcome.body = str_hash(buf_str(&body));
    return outcome;
}

static void require_same(struct outcome a, struct outcome b)
{
    require(a.has_head == b.has_head && a.status == b.status && a.is_bad == b.is_bad);
    require(a.end == b.end && a.ends_well == b.ends_well);
    require(a.is_bad || a.body == b.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct str all = {(const char *)bytes + 1, len - 1};
    size_t scanned = 0, end = http_head_end(all, &scanned);
    size_t head_len = end ? end : all.len;
    struct outcome whole = read_answer(all, all.len, head_len);
    require(!whole.has_head || end != 0);
    require_same(whole, read_answer(all, 1, head_len));
    require_same(whole, read_answer(all, (size_t)bytes[0] + 1, head_len));
    return 0;
}
