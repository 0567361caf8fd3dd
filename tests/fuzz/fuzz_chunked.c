/* tests/fuzz/fuzz_chunked.c: chunked request bodies against a strict decoder of thirty lines, in steps of any
 * size. The first byte is the step. What llhttp takes and RFC 9112 section 7.1 does not is a way to smuggle. */
#include "base/buf.h"
#include "http/parser.h"

#include <stdlib.h>

#define BODY_MAX  (1u << 20)
#define CHUNK_MAX (1u << 30) /* no request may promise more in one chunk */

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void on_body(void *arg, char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* No extension, no trailer, CR LF everywhere. */
static enum http_parse strict(struct str rest, struct buf *body, size_t *out_left)
{
    for (;;) {
        uint64_t size = 0;
        size_t digits = 0;
        for (; rest.len && digit(rest.at[0]) >= 0; rest = str_from(rest, 1), digits++)
            if (__builtin_mul_overflow(size, 16, &size) ||
                __builtin_add_overflow(size, (uint64_t)digit(rest.at[0]), &size))
                return HTTP_PARSE_BAD;
        if (rest.len == 0)
            return HTTP_PARSE_MORE;
        if (digits == 0 || rest.at[0] != '\r' || (rest.len > 1 && rest.at[1] != '\n'))
            return HTTP_PARSE_BAD;
        if (rest.len > 1 && size > CHUNK_MAX)
            return HTTP_PARSE_BAD;
        rest = str_from(rest, 2);
        struct str chunk = str_upto(rest, size > rest.len ? rest.len : (size_t)size);
        buf_append_str(body, chunk);
        rest = str_from(rest, chunk.len);
        if (chunk.len < size)
            return HTTP_PARSE_MORE;
        struct str wanted = str_upto(STR("\r\n"), rest.len);
        if (!str_eq(str_upto(rest, wanted.len), wanted))
            return HTTP_PARSE_BAD;
        if (rest.len < 2)
            return HTTP_PARSE_MORE;
        rest = str_from(rest, 2);
        *out_left = rest.len;
        if (size == 0)
            return HTTP_PARSE_DONE;
    }
}

static enum http_parse ours(struct str all, size_t step, struct buf *body, size_t *out_left)
{
    struct http_header table[4];
    struct http_head head = {.headers = table, .header_room = 4};
    struct http_parser parser;
    struct error error;
    AUTO_BUF struct buf piece;
    buf_init(&piece, BODY_MAX);
    http_parser_init(&parser, true, on_body, body);
    require(http_parser_head(
                &parser, STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
                false, &head, &error) == OK);
    enum http_parse parse = HTTP_PARSE_MORE;
    for (size_t at = 0, used; parse == HTTP_PARSE_MORE && at < all.len; at += used) {
        buf_clear(&piece);
        buf_append_str(&piece, str_upto(str_from(all, at), step));
        parse = http_parser_body(&parser, piece.data, piece.len, &used, &error);
        require(used <= piece.len);
        *out_left = all.len - at - used;
    }
    require(parse != HTTP_PARSE_MORE || !http_parser_finish(&parser));
    return parse;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > 60000) /* longer ones meet the limit on framing */
        return 0;
    struct str all = {(const char *)bytes + 1, len - 1};
    size_t steps[3] = {all.len ? all.len : 1, 1, (size_t)bytes[0] + 1}, left = 0, wanted_left = 0;
    AUTO_BUF struct buf body, wanted;
    buf_init(&body, BODY_MAX);
    buf_init(&wanted, BODY_MAX);
    enum http_parse verdict = strict(all, &wanted, &wanted_left);
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&body);
        enum http_parse parse = ours(all, steps[i], &body, &left);
        if (verdict == HTTP_PARSE_BAD && parse == HTTP_PARSE_MORE)
            continue; /* llhttp notices some things a few bytes later, but before the end */
        require(parse == verdict);
        require(verdict == HTTP_PARSE_BAD || str_eq(buf_str(&body), buf_str(&wanted)));
        require(verdict != HTTP_PARSE_DONE || left == wanted_left);
    }
    return 0;
}
