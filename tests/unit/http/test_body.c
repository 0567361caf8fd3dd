/* tests/unit/http/test_body.c: what a body holds and where it ends, cut at every point. RFC 9112 section 7; F12, F16. */
#include "http/parser.h"

#include "base/buf.h"
#include "tests/test.h"

#define MANY "Transfer-Encoding: chunked\r\n"

enum outcome { DONE = HTTP_PARSE_DONE, MORE = HTTP_PARSE_MORE, BAD = HTTP_PARSE_BAD };

// clang-format off
static const struct story {
    const char *name, *framing, *wire, *body; /* the body as far as it was good */
    enum outcome outcome;
    size_t left;      /* bytes behind the end of the message */
    bool is_answer;   /* else a request */
    bool ends_well;   /* when the connection ends behind `wire` */
} stories[] = {
    {"a length", "Content-Length: 5\r\n", "hello", "hello", DONE, 0, false, true},
    {"a length, and the next message", "Content-Length: 5\r\n", "helloGET /", "hello", DONE, 5, false, true},
    {"shorter than said", "Content-Length: 6\r\n", "hello", "hello", MORE, 0, false, false},
    {"an answer shorter than said", "Content-Length: 6\r\n", "hello", "hello", MORE, 0, true, false},
    {"an answer longer than said", "Content-Length: 4\r\n", "hello", "hell", DONE, 1, true, true},
    {"until close", "", "hello", "hello", MORE, 0, true, true},
    {"until close, nothing", "", "", "", MORE, 0, true, true},

    {"one chunk", MANY, "5\r\nhello\r\n0\r\n\r\n", "hello", DONE, 0, false, true},
    {"two chunks", MANY, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello", DONE, 0, false, true},
    {"no chunk", MANY, "0\r\n\r\n", "", DONE, 0, false, true},
    {"a chunk of CR LF", MANY, "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", DONE, 0, false, true},
    {"a chunk that looks like an end", MANY, "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", DONE, 0, false, true},
    {"hex in both cases", MANY, "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", DONE, 0, false, true},
    {"leading zeros", MANY, "0005\r\nhello\r\n000\r\n\r\n", "hello", DONE, 0, false, true},
    {"and the next message", MANY, "5\r\nhello\r\n0\r\n\r\nGET / HTTP", "hello", DONE, 10, false, true},
    {"an answer in chunks", MANY, "5\r\nhello\r\n0\r\n\r\n", "hello", DONE, 0, true, true},
    {"bytes behind an answer", MANY, "5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200", "hello", DONE, 12, true, true},

    {"cut in the size", MANY, "5", "", MORE, 0, true, false},
    {"cut behind the size", MANY, "5\r\n", "", MORE, 0, true, false},
    {"cut in a chunk", MANY, "5\r\nhel", "hel", MORE, 0, true, false},
    {"cut behind a chunk", MANY, "5\r\nhello\r\n", "hello", MORE, 0, true, false},
    {"cut before the last empty line", MANY, "5\r\nhello\r\n0\r\n", "hello", MORE, 0, true, false},

    {"an extension in a request", MANY, "5;a=b\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"an empty extension in a request", MANY, "5;\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"an extension at the last chunk of a request", MANY, "5\r\nhello\r\n0;a\r\n\r\n", "hello", BAD, 0, false, false},
    {"an extension that hides a line end", MANY, "5;\nGET\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"an extension in an answer", MANY, "5;a=b\r\nhello\r\n0\r\n\r\n", "hello", DONE, 0, true, true},
    {"a trailer in a request", MANY, "5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello", BAD, 0, false, false},
    {"a trailer in an answer", MANY, "5\r\nhello\r\n0\r\nX: y\r\nZ: w\r\n\r\n", "hello", DONE, 0, true, true},
    {"a trailer that is a length", MANY, "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", "hello", BAD, 0, false, false},

    {"no size", MANY, "\r\nhello", "", BAD, 0, false, false},
    {"a size that is none", MANY, "x\r\nhello", "", BAD, 0, false, false},
    {"a size with 0x", MANY, "0x5\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"a plus sign", MANY, "+5\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"a minus sign", MANY, "-5\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"a blank before the size", MANY, " 5\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"a blank behind the size", MANY, "5 \r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"a tab behind the size", MANY, "5\t\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"an underscore", MANY, "1_0\r\nhello", "", BAD, 0, false, false},
    {"a quoted size", MANY, "\"5\"\r\nhello", "", BAD, 0, false, false},
    {"a size past 2^64", MANY, "10000000000000005\r\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"bare LF behind the size", MANY, "5\nhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"bare CR behind the size", MANY, "5\rhello\r\n0\r\n\r\n", "", BAD, 0, false, false},
    {"bare LF behind the chunk", MANY, "5\r\nhello\n0\r\n\r\n", "hello", BAD, 0, false, false},
    {"bare CR behind the chunk", MANY, "5\r\nhello\rX0\r\n\r\n", "hello", BAD, 0, false, false},
    {"nothing behind the chunk", MANY, "5\r\nhello0\r\n\r\n", "hello", BAD, 0, false, false},
    {"a chunk longer than said", MANY, "5\r\nhello!\r\n0\r\n\r\n", "hello", BAD, 0, false, false},
    {"a chunk shorter than said", MANY, "6\r\nhello\r\n0\r\n\r\n", "hello\r", BAD, 0, false, false},
    {"bare LF at the end", MANY, "5\r\nhello\r\n0\n\n", "hello", BAD, 0, false, false},
    {"bare LF for the last line", MANY, "5\r\nhello\r\n0\r\n\n", "hello", BAD, 0, false, false},
    {"in an answer, bare LF behind the size", MANY, "5\nhello\r\n0\r\n\r\n", "", BAD, 0, true, false},
    {"in an answer, a chunk longer than said", MANY, "5\r\nhello!\r\n0\r\n\r\n", "hello", BAD, 0, true, false},
    {"in an answer, a size that is none", MANY, "zz\r\nhello\r\n0\r\n\r\n", "", BAD, 0, true, false},
};
// clang-format on

static void on_bytes(void *arg, char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static void begin(struct http_parser *parser, struct buf *out, const char *framing, bool is_answer)
{
    struct http_header table[16];
    struct http_head head = {.headers = table, .header_room = COUNT(table)};
    struct error error;
    AUTO_BUF struct buf raw;
    buf_init(&raw, 4096);
    buf_printf(&raw, "%s\r\n%s\r\n", is_answer ? "HTTP/1.1 200 OK" : "POST / HTTP/1.1\r\nHost: a",
               framing);
    http_parser_init(parser, !is_answer, on_bytes, out);
    CHECK(framing, http_parser_head(parser, buf_str(&raw), false, &head, &error) == OK);
}

/* Feeds in steps, the first of `first` bytes and the rest of `step`; returns how it ended. */
static enum http_parse feed(struct http_parser *parser, const char *wire, size_t first, size_t step,
                            size_t *out_left)
{
    char room[256];
    struct error error;
    size_t at = 0, total = strlen(wire);
    enum http_parse parse = HTTP_PARSE_MORE;
    for (size_t part = first; at < total && parse == HTTP_PARSE_MORE; part = step) {
        size_t used, len = part < total - at ? part : total - at;
        memcpy(room, wire + at, len); /* the decoder may write into what it is given */
        parse = http_parser_body(parser, room, len, &used, &error);
        at += used;
    }
    *out_left = parse == HTTP_PARSE_DONE ? total - at : 0;
    return parse;
}

static void play(const struct story *story, size_t first, size_t step)
{
    struct http_parser parser;
    size_t left;
    AUTO_BUF struct buf body;
    buf_init(&body, 4096);
    begin(&parser, &body, story->framing, story->is_answer);
    enum http_parse parse = feed(&parser, story->wire, first, step, &left);
    CHECK_INT(story->name, parse, story->outcome);
    CHECK_INT(story->name, left, story->left);
    CHECK(story->name, str_eq(buf_str(&body), str_of(story->body)));
    if (parse != HTTP_PARSE_BAD)
        CHECK(story->name, http_parser_finish(&parser) == story->ends_well);
}

static void a_body_is_the_same_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        play(&stories[i], 200, 200);
        play(&stories[i], 1, 1);
        for (size_t cut = 1; cut < strlen(stories[i].wire); cut++)
            play(&stories[i], cut, 200);
    }
}

// clang-format off
static const struct bodyless {
    const char *name, *answer;
    bool is_head_method, is_done;
} bodyless[] = {
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", false, true},
    {"204 that names a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, true},
    {"204 that says chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
    {"304 that names a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, true},
    {"1xx", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n", false, true},
    {"an answer to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, true},
    {"a chunked answer to HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, true},
    {"an answer to HEAD without a length", "HTTP/1.1 200 OK\r\n\r\n", true, true},
    {"length zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, true},
    {"a body to come", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, false},
    {"a body until close", "HTTP/1.1 200 OK\r\n\r\n", false, false},
};
// clang-format on

static void some_answers_end_with_their_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodyless); i++) {
        struct http_header table[4];
        struct http_head head = {.headers = table, .header_room = COUNT(table)};
        struct http_parser parser;
        struct error error;
        http_parser_init(&parser, false, on_bytes, NULL);
        CHECK(bodyless[i].name, http_parser_head(&parser, str_of(bodyless[i].answer),
                                                 bodyless[i].is_head_method, &head, &error) == OK);
        CHECK(bodyless[i].name, http_parser_is_done(&parser) == bodyless[i].is_done);
    }
}

static void chunk_headers_may_not_outweigh_the_body(void **state)
{
    (void)state;
    struct http_parser parser;
    struct error error;
    AUTO_BUF struct buf body;
    buf_init(&body, 1u << 24);
    begin(&parser, &body, MANY, true);
    char zeros[4096];
    memset(zeros, '0', sizeof zeros);
    enum http_parse parse = HTTP_PARSE_MORE;
    size_t used, fed = 0;
    for (; parse == HTTP_PARSE_MORE && fed < 10u << 20; fed += sizeof zeros)
        parse = http_parser_body(&parser, zeros, sizeof zeros, &used, &error);
    CHECK("a size without end is cut", parse == HTTP_PARSE_BAD && fed < 128 * 1024);

    begin(&parser, &body, MANY, true);
    parse = HTTP_PARSE_MORE;
    for (int i = 0; parse == HTTP_PARSE_MORE && i < 100000; i++) {
        char chunk[] = "1\r\nx\r\n";
        parse = http_parser_body(&parser, chunk, sizeof chunk - 1, &used, &error);
    }
    CHECK("chunks of one byte are fine", parse == HTTP_PARSE_MORE);
}

TEST_MAIN(TEST(a_body_is_the_same_however_it_is_cut), TEST(some_answers_end_with_their_head),
          TEST(chunk_headers_may_not_outweigh_the_body))
