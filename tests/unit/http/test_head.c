/* tests/unit/http/test_head.c: which heads are let in, byte for byte. RFC 9112; RELIABILITY.md T17, F12, F13, F16, F32.
 *
 * Every row is one raw head. What two parsers could read in two ways is refused, because a front and we
 * reading it differently is how one client's request becomes another's.
 */
#include "http/head.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/parser.h"
#include "tests/test.h"

#define HOST      "Host: a\r\n"
#define RAW(text) text, sizeof(text) - 1

enum verdict { TAKEN = OK, REFUSED = ERR_MALFORMED, TOO_LARGE = ERR_TOO_LARGE };

struct story {
    const char *name, *bytes;
    size_t len;
    enum verdict verdict;
};

// clang-format off
static const struct story requests[] = {
    /* the plain ones */
    {"GET", RAW("GET / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"HTTP/1.0 needs no Host", RAW("GET / HTTP/1.0\r\n\r\n"), TAKEN},
    {"HTTP/1.0 with Host", RAW("GET / HTTP/1.0\r\n" HOST "\r\n"), TAKEN},
    {"POST with a length", RAW("POST /v1/x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"), TAKEN},
    {"POST, chunked", RAW("POST /v1/x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), TAKEN},
    {"chunked in capitals", RAW("POST / HTTP/1.1\r\n" HOST "TRANSFER-ENCODING: Chunked\r\n\r\n"), TAKEN},
    {"length zero", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), TAKEN},
    {"length with leading zeros", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 0005\r\n\r\n"), TAKEN},
    {"blanks around the length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length:  5 \r\n\r\n"), TAKEN},
    {"no blank behind the colon", RAW("GET / HTTP/1.1\r\nHost:a\r\n\r\n"), TAKEN},
    {"an empty value", RAW("GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n"), TAKEN},
    {"a value of blanks", RAW("GET / HTTP/1.1\r\n" HOST "X: \t \r\n\r\n"), TAKEN},
    {"an empty Host", RAW("GET / HTTP/1.1\r\nHost:\r\n\r\n"), TAKEN},
    {"Host with port", RAW("GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"), TAKEN},
    {"Host in brackets", RAW("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), TAKEN},
    {"Latin-1 in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: caf\xe9\r\n\r\n"), TAKEN},
    {"UTF-8 in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: caf\xc3\xa9\r\n\r\n"), TAKEN},
    {"a tab in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\tb\r\n\r\n"), TAKEN},
    {"every token character in a name", RAW("GET / HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~09aZ: x\r\n\r\n"), TAKEN},
    {"a query", RAW("GET /a?b=c&d=%20 HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"an empty query", RAW("GET /a? HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"PUT", RAW("PUT / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"PATCH", RAW("PATCH / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"DELETE", RAW("DELETE / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"HEAD", RAW("HEAD / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"OPTIONS", RAW("OPTIONS / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"a method we know only by name", RAW("PROPFIND / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"TRACE is the service's to refuse", RAW("TRACE / HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"absolute form", RAW("GET http://a/b HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"absolute form without a path", RAW("GET http://a HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"absolute form, query without a path", RAW("GET http://a?b/c HTTP/1.1\r\n" HOST "\r\n"), TAKEN},
    {"Upgrade that may be passed over", RAW("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), TAKEN},
    {"Upgrade with a body", RAW("POST / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"), TAKEN},
    {"Expect", RAW("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"), TAKEN},
    {"a repeated ordinary header", RAW("GET / HTTP/1.1\r\n" HOST "X: 1\r\nX: 2\r\n\r\n"), TAKEN},
    {"TE is not Transfer-Encoding", RAW("GET / HTTP/1.1\r\n" HOST "TE: trailers\r\n\r\n"), TAKEN},
    {"a colon in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a:b\r\n\r\n"), TAKEN},

    /* where does the body end? */
    {"length and chunked", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"chunked and length", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), REFUSED},
    {"chunked and length zero", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), REFUSED},
    {"two lengths", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), REFUSED},
    {"the same length twice", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), REFUSED},
    {"two lengths, one in capitals", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n\r\n"), REFUSED},
    {"a list of lengths", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"), REFUSED},
    {"lengths with a blank", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n"), REFUSED},
    {"a plus sign", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"), REFUSED},
    {"a minus sign", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"), REFUSED},
    {"a length in hex", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"), REFUSED},
    {"a length with a unit", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5b\r\n\r\n"), REFUSED},
    {"a fraction", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n\r\n"), REFUSED},
    {"an exponent", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 1e3\r\n\r\n"), REFUSED},
    {"an underscore", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 1_0\r\n\r\n"), REFUSED},
    {"an empty length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"), REFUSED},
    {"a blank length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n"), REFUSED},
    {"a quoted length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: \"5\"\r\n\r\n"), REFUSED},
    {"a length past 2^64", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551621\r\n\r\n"), REFUSED},
    {"a length past 2^63", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n"), REFUSED},
    {"vertical tab before the length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: \v5\r\n\r\n"), REFUSED},
    {"digits of another script", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: \xd9\xa5\r\n\r\n"), REFUSED},
    {"identity", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"), REFUSED},
    {"gzip", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"), REFUSED},
    {"gzip, chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), REFUSED},
    {"chunked, gzip", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n"), REFUSED},
    {"chunked, identity", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n"), REFUSED},
    {"chunked, chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n"), REFUSED},
    {"chunked twice", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"gzip, then chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"chunked, then identity", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"), REFUSED},
    {"xchunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"), REFUSED},
    {"chunkedx", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunkedx\r\n\r\n"), REFUSED},
    {"chunked with a parameter", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n"), REFUSED},
    {"chunked with a comma", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked,\r\n\r\n"), REFUSED},
    {"a comma before chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: ,chunked\r\n\r\n"), REFUSED},
    {"quoted chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"), REFUSED},
    {"vertical tab before chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n"), REFUSED},
    {"form feed behind chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\f\r\n\r\n"), REFUSED},
    {"chunked in two words", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chu nked\r\n\r\n"), REFUSED},
    {"an empty Transfer-Encoding", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"), REFUSED},
    {"chunked in HTTP/1.0", RAW("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"an empty Transfer-Encoding hides a length", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\n"), REFUSED},

    /* names and colons */
    {"a blank before the colon", RAW("GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n"), REFUSED},
    {"a blank before the colon of a length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\n"), REFUSED},
    {"a blank before the colon of chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n"), REFUSED},
    {"a tab before the colon", RAW("GET / HTTP/1.1\r\n" HOST "X\t: y\r\n\r\n"), REFUSED},
    {"a blank in a name", RAW("GET / HTTP/1.1\r\n" HOST "X Y: z\r\n\r\n"), REFUSED},
    {"a name alone", RAW("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n"), REFUSED},
    {"no name", RAW("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"), REFUSED},
    {"a name with a slash", RAW("GET / HTTP/1.1\r\n" HOST "X/Y: z\r\n\r\n"), REFUSED},
    {"a name with a quote", RAW("GET / HTTP/1.1\r\n" HOST "\"X\": z\r\n\r\n"), REFUSED},
    {"a name with a bracket", RAW("GET / HTTP/1.1\r\n" HOST "X[]: z\r\n\r\n"), REFUSED},
    {"a name outside ASCII", RAW("GET / HTTP/1.1\r\n" HOST "\xc3\xa9: z\r\n\r\n"), REFUSED},
    {"a control character in a name", RAW("GET / HTTP/1.1\r\n" HOST "X\x01: z\r\n\r\n"), REFUSED},

    /* line ends, folds, control characters */
    {"a fold", RAW("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"), REFUSED},
    {"a fold with a tab", RAW("GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"), REFUSED},
    {"a fold that hides a length", RAW("POST / HTTP/1.1\r\n" HOST "X: a\r\n Content-Length: 5\r\n\r\n"), REFUSED},
    {"a folded length", RAW("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n 5\r\n\r\n"), REFUSED},
    {"a folded chunked", RAW("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n"), REFUSED},
    {"a fold at the first header", RAW("GET / HTTP/1.1\r\n " HOST "\r\n"), REFUSED},
    {"a fold at the end", RAW("GET / HTTP/1.1\r\n" HOST "X: a\r\n \r\n\r\n"), REFUSED},
    {"bare LF behind the request line", RAW("GET / HTTP/1.1\n" HOST "\r\n"), REFUSED},
    {"bare LF behind a header", RAW("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"), REFUSED},
    {"bare LF in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"bare CR in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: \rTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"bare CR behind a value", RAW("GET / HTTP/1.1\r\n" HOST "X: y\r\r\n\r\n"), REFUSED},
    {"bare CR in a name", RAW("GET / HTTP/1.1\r\n" HOST "X\rY: z\r\n\r\n"), REFUSED},
    {"bare CR in the target", RAW("GET /\rb HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"bare CR for the line end", RAW("GET / HTTP/1.1\rHost: a\r\n\r\n"), REFUSED},
    {"CR CR LF", RAW("GET / HTTP/1.1\r\r\n" HOST "\r\n"), REFUSED},
    {"LF CR", RAW("GET / HTTP/1.1\n\r" HOST "\r\n"), REFUSED},
    {"NUL in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), REFUSED},
    {"NUL in a name", RAW("GET / HTTP/1.1\r\n" HOST "X\0: b\r\n\r\n"), REFUSED},
    {"NUL in the target", RAW("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"NUL in front", RAW("\0GET / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a control character in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\x01" "b\r\n\r\n"), REFUSED},
    {"an escape in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: \x1b[2J\r\n\r\n"), REFUSED},
    {"DEL in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"), REFUSED},
    {"an empty line before it is not part of it", RAW("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},

    /* Host */
    {"no Host", RAW("GET / HTTP/1.1\r\n\r\n"), REFUSED},
    {"two Hosts", RAW("GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n"), REFUSED},
    {"the same Host twice", RAW("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), REFUSED},
    {"two Hosts in HTTP/1.0", RAW("GET / HTTP/1.0\r\n" HOST "hOST: b\r\n\r\n"), REFUSED},
    {"Host with a blank", RAW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), REFUSED},
    {"Host with a path", RAW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), REFUSED},
    {"Host with a user", RAW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), REFUSED},
    {"a list of Hosts", RAW("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), REFUSED},
    {"Host outside ASCII", RAW("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"), REFUSED},

    /* the request line */
    {"no version", RAW("GET /\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/0.9", RAW("GET / HTTP/0.9\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/1.2", RAW("GET / HTTP/1.2\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/2.0", RAW("GET / HTTP/2.0\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/1.10", RAW("GET / HTTP/1.10\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/01.1", RAW("GET / HTTP/01.1\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/1", RAW("GET / HTTP/1\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/1.", RAW("GET / HTTP/1.\r\n" HOST "\r\n"), REFUSED},
    {"http/1.1", RAW("GET / http/1.1\r\n" HOST "\r\n"), REFUSED},
    {"HTTPS/1.1", RAW("GET / HTTPS/1.1\r\n" HOST "\r\n"), REFUSED},
    {"ICE/1.0", RAW("SOURCE / ICE/1.0\r\n" HOST "\r\n"), REFUSED},
    {"RTSP/1.0", RAW("DESCRIBE / RTSP/1.0\r\n" HOST "\r\n"), REFUSED},
    {"a blank behind the version", RAW("GET / HTTP/1.1 \r\n" HOST "\r\n"), REFUSED},
    {"two blanks before the target", RAW("GET  / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"two blanks before the version", RAW("GET /  HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a tab before the target", RAW("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a tab before the version", RAW("GET /\tHTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a blank in front", RAW(" GET / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a blank in the target", RAW("GET /a b HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"two versions", RAW("GET / HTTP/1.1 HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"no target", RAW("GET HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"an empty target", RAW("GET  HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a target without a slash", RAW("GET a HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"an asterisk", RAW("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a fragment", RAW("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"another scheme", RAW("GET ftp://a/b HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a target outside ASCII", RAW("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a control character in the target", RAW("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"DEL in the target", RAW("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"CONNECT", RAW("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"CONNECT to a path", RAW("CONNECT /a HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"CONNECT to a URL", RAW("CONNECT http://a/ HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"an unknown method", RAW("FROBNICATE / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a method in small letters", RAW("get / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"half a method", RAW("GE / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a method too long", RAW("GETT / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a method with a colon", RAW("GET: / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"HTTP/2's preface", RAW("PRI * HTTP/2.0\r\n\r\n"), REFUSED},
    {"an answer", RAW("HTTP/1.1 200 OK\r\n\r\n"), REFUSED},
    {"SSH", RAW("SSH-2.0-OpenSSH_9.2\r\n\r\n"), REFUSED},
    {"a TLS hello", RAW("\x16\x03\x01\x02\r\n\r\n"), REFUSED},
    {"nothing but an empty line", RAW("\r\n\r\n"), REFUSED},
};

static const struct story answers[] = {
    {"200", RAW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), TAKEN},
    {"no reason", RAW("HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n"), TAKEN},
    {"no blank behind the status", RAW("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n"), TAKEN},
    {"a reason outside ASCII", RAW("HTTP/1.1 200 tr\xc3\xa8s bien\r\nContent-Length: 5\r\n\r\n"), TAKEN},
    {"until close", RAW("HTTP/1.1 200 OK\r\n\r\n"), TAKEN},
    {"HTTP/1.0", RAW("HTTP/1.0 200 OK\r\n\r\n"), TAKEN},
    {"chunked", RAW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), TAKEN},
    {"204", RAW("HTTP/1.1 204 No Content\r\n\r\n"), TAKEN},
    {"304 that names a length", RAW("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), TAKEN},
    {"an unusual status", RAW("HTTP/1.1 529 Overloaded\r\nContent-Length: 0\r\n\r\n"), TAKEN},
    {"100", RAW("HTTP/1.1 100 Continue\r\n\r\n"), TAKEN},
    {"length and chunked", RAW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"two lengths", RAW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"), REFUSED},
    {"a list of lengths", RAW("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n"), REFUSED},
    {"a minus sign", RAW("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), REFUSED},
    {"a length past 2^64", RAW("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), REFUSED},
    {"gzip as a transfer coding", RAW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), REFUSED},
    {"identity as a transfer coding", RAW("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"), REFUSED},
    {"chunked in HTTP/1.0", RAW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"a bare CR in a value", RAW("HTTP/1.1 200 OK\r\nX: \rContent-Length: 5\r\n\r\n"), REFUSED},
    {"a bare LF", RAW("HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n"), REFUSED},
    {"a fold", RAW("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), REFUSED},
    {"NUL", RAW("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), REFUSED},
    {"a blank before the colon", RAW("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n"), REFUSED},
    {"HTTP/2", RAW("HTTP/2 200\r\n\r\n"), REFUSED},
    {"HTTP/1.2", RAW("HTTP/1.2 200 OK\r\n\r\n"), REFUSED},
    {"HTTP/0.9", RAW("HTTP/0.9 200 OK\r\n\r\n"), REFUSED},
    {"small letters", RAW("http/1.1 200 OK\r\n\r\n"), REFUSED},
    {"a status of two digits", RAW("HTTP/1.1 20 OK\r\n\r\n"), REFUSED},
    {"a status of four digits", RAW("HTTP/1.1 2000 OK\r\n\r\n"), REFUSED},
    {"a status in letters", RAW("HTTP/1.1 abc OK\r\n\r\n"), REFUSED},
    {"a negative status", RAW("HTTP/1.1 -20 OK\r\n\r\n"), REFUSED},
    {"two blanks before the status", RAW("HTTP/1.1  200 OK\r\n\r\n"), REFUSED},
    {"no status", RAW("HTTP/1.1\r\n\r\n"), REFUSED},
    {"HTML", RAW("<html>hello</html>\r\n\r\n"), REFUSED},
    {"a request", RAW("GET / HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"nothing", RAW("\r\n\r\n"), REFUSED},
};
// clang-format on

#define ROOM 200
static struct http_header table[ROOM];

/* In a block of its own size, so that a sanitizer sees every byte read too far. */
static enum err parse(bool is_request, const char *bytes, size_t len, struct http_head *head)
{
    static char *kept; /* the head's slices point into it */
    struct error error;
    mem_free(kept);
    kept = mem_alloc(len);
    assert_non_null(kept);
    memcpy(kept, bytes, len);
    *head =
        (struct http_head){.headers = table, .header_room = is_request ? HTTP_HEADERS_MAX : ROOM};
    struct str whole = {kept, len};
    return is_request ? http_request_parse(whole, head, &error)
                      : http_response_parse(whole, head, &error);
}

static void each_head_meets_its_verdict(void **state)
{
    (void)state;
    struct http_head head;
    for (size_t i = 0; i < COUNT(requests); i++)
        CHECK_INT(requests[i].name, parse(true, requests[i].bytes, requests[i].len, &head),
                  requests[i].verdict);
    for (size_t i = 0; i < COUNT(answers); i++)
        CHECK_INT(answers[i].name, parse(false, answers[i].bytes, answers[i].len, &head),
                  answers[i].verdict);
}

/* No head that was cut anywhere is taken, and none makes us read past its end. */
static void a_head_cut_short_is_never_taken(void **state)
{
    (void)state;
    struct http_head head;
    for (size_t i = 0; i < COUNT(requests); i++)
        for (size_t len = 0; len < requests[i].len; len++)
            CHECK(requests[i].name, parse(true, requests[i].bytes, len, &head) != OK);
}

static void the_end_is_found_however_it_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct str all = {requests[i].bytes, requests[i].len};
        size_t at, whole = str_find(all, STR("\r\n\r\n"), &at) ? at + 4 : 0;
        for (size_t step = 1; step < 8; step++) {
            size_t scanned = 0, end = 0;
            for (size_t seen = step; !end && seen < all.len + step; seen += step)
                end = http_head_end(str_upto(all, seen), &scanned);
            CHECK_INT(requests[i].name, end, whole);
        }
    }
}

static void a_request_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct http_head head;
    const char raw[] = "POST /v1/chat?x=1&y HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nConnection: "
                       "keep-alive\r\nX-Pad:  two  words \t\r\nContent-Length: 12\r\n\r\n";
    CHECK("taken", parse(true, RAW(raw), &head) == OK);
    CHECK("method", head.method == METHOD_POST);
    CHECK("target", str_eq(head.target, STR("/v1/chat?x=1&y")));
    CHECK("path", str_eq(head.path, STR("/v1/chat")));
    CHECK("query", str_eq(head.query, STR("x=1&y")));
    CHECK_INT("headers", head.header_count, 5);
    CHECK_INT("length", head.content_length, 12);
    CHECK("not chunked", !head.is_chunked && head.keep_alive && head.minor_version == 1);
    CHECK("empty", str_is_empty(http_header_find(&head, STR("x-empty"), NULL)));
    CHECK("trimmed", str_eq(http_header_find(&head, STR("X-PAD"), NULL), STR("two  words")));
    size_t count = 7;
    http_header_find(&head, STR("absent"), &count);
    CHECK_INT("absent", count, 0);
}

// clang-format off
static const struct fact_story {
    const char *name, *bytes, *path, *query;
    bool keep_alive, has_upgrade, expects_continue, is_chunked;
} fact_stories[] = {
    {"HTTP/1.1 stays", "GET /a HTTP/1.1\r\n" HOST "\r\n", "/a", "", true, false, false, false},
    {"HTTP/1.1 may close", "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "/a", "", false, false, false, false},
    {"close in a list", "GET /a HTTP/1.1\r\n" HOST "Connection: x, CLOSE\r\n\r\n", "/a", "", false, false, false, false},
    {"close in a second header", "GET /a HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n", "/a", "", false, false, false, false},
    {"HTTP/1.0 closes", "GET /a HTTP/1.0\r\n\r\n", "/a", "", false, false, false, false},
    {"HTTP/1.0 may stay", "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/a", "", true, false, false, false},
    {"absolute form", "GET HTTP://b:80/a/b?c HTTP/1.1\r\n" HOST "\r\n", "/a/b", "c", true, false, false, false},
    {"absolute form, no path", "GET http://b HTTP/1.1\r\n" HOST "\r\n", "/", "", true, false, false, false},
    {"absolute form, no path but a query", "GET http://b?c/d HTTP/1.1\r\n" HOST "\r\n", "/", "c/d", true, false, false, false},
    {"a query with a question mark", "GET /a?b?c HTTP/1.1\r\n" HOST "\r\n", "/a", "b?c", true, false, false, false},
    {"two slashes are a path", "GET //b/c HTTP/1.1\r\n" HOST "\r\n", "//b/c", "", true, false, false, false},
    {"upgrade", "GET /a HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", "/a", "", true, true, false, false},
    {"upgrade without Connection is none", "GET /a HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n", "/a", "", true, false, false, false},
    {"expect", "POST /a HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n", "/a", "", true, false, true, true},
    {"HTTP/1.0 expects nothing", "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "/a", "", false, false, false, false},
};
// clang-format on

static void the_facts_of_a_head_are_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fact_stories); i++) {
        const struct fact_story *story = &fact_stories[i];
        struct http_head head;
        CHECK(story->name, parse(true, story->bytes, strlen(story->bytes), &head) == OK);
        CHECK(story->name, str_eq(head.path, str_of(story->path)));
        CHECK(story->name, str_eq(head.query, str_of(story->query)));
        CHECK(story->name, head.keep_alive == story->keep_alive);
        CHECK(story->name, head.has_upgrade == story->has_upgrade);
        CHECK(story->name, head.expects_continue == story->expects_continue);
        CHECK(story->name, head.is_chunked == story->is_chunked);
    }
}

static void pad(struct buf *buf, const char *before, size_t count, const char *after)
{
    buf_puts(buf, before);
    for (size_t i = 0; i < count; i++)
        buf_putc(buf, 'a');
    buf_puts(buf, after);
}

static void every_dimension_has_its_limit(void **state)
{
    (void)state;
    struct http_head head;
    AUTO_BUF struct buf buf;
    buf_init(&buf, 1u << 21);

    pad(&buf, "GET /", HTTP_REQUEST_LINE_MAX - 14, " HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT("a request line that just fits", parse(true, buf.data, buf.len, &head), OK);
    buf_clear(&buf);
    pad(&buf, "GET /", HTTP_REQUEST_LINE_MAX - 13, " HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT("one byte more", parse(true, buf.data, buf.len, &head), ERR_TOO_LARGE);

    for (int count = HTTP_HEADERS_MAX; count <= HTTP_HEADERS_MAX + 1; count++) {
        buf_clear(&buf);
        buf_puts(&buf, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < count; i++)
            buf_printf(&buf, "X-%d: y\r\n", i);
        buf_puts(&buf, "\r\n");
        CHECK_INT("the number of headers", parse(true, buf.data, buf.len, &head),
                  count > HTTP_HEADERS_MAX ? ERR_TOO_LARGE : OK);
    }
    buf_clear(&buf);
    buf_puts(&buf, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        buf_printf(&buf, "X-%d: y\r\n", i);
    buf_puts(&buf, "bad name: y\r\n\r\n");
    CHECK_INT("bad is bad, however many", parse(true, buf.data, buf.len, &head), ERR_MALFORMED);

    buf_clear(&buf);
    pad(&buf, "HTTP/1.1 200 OK\r\nX: ", 1u << 20, "\r\n\r\n");
    CHECK_INT("size is the caller's limit", parse(false, buf.data, buf.len, &head), OK);
    buf_clear(&buf);
    buf_puts(&buf, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10000; i++)
        buf_puts(&buf, "X: y\r\n");
    buf_puts(&buf, "\r\n");
    CHECK_INT("10,000 headers", parse(false, buf.data, buf.len, &head), ERR_TOO_LARGE);
}

static void what_can_never_become_a_head_is_hopeless(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str bytes;
        bool is_hopeless;
    } stories[] = {
        {"nothing yet", STR_INIT(""), false},
        {"half a line", STR_INIT("GET / HT"), false},
        {"a line", STR_INIT("GET / HTTP/1.1\r\nHo"), false},
        {"an end that is only half there", STR_INIT("GET / HTTP/1.1\r"), false},
        {"a bare LF", STR_INIT("GET / HTTP/1.1\nHo"), true},
        {"that comes first", STR_INIT("\nGET"), true},
        {"a bare CR", STR_INIT("GET / HTTP/1.1\rHo"), true},
        {"a NUL", STR_INIT("GET /\0"), true},
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK_INT(stories[i].name, http_head_is_hopeless(stories[i].bytes, 0),
                  stories[i].is_hopeless);
}

static void a_header_is_found_and_counted(void **state)
{
    (void)state;
    struct http_header headers[] = {{STR_INIT("A"), STR_INIT("1")},
                                    {STR_INIT("b"), STR_INIT("2")},
                                    {STR_INIT("a"), STR_INIT("3")}};
    struct http_head head = {.headers = headers, .header_count = COUNT(headers)};
    size_t count = 7;
    CHECK("the first", str_eq(http_header_find(&head, STR("a"), &count), STR("1")));
    CHECK_INT("of two", count, 2);
    CHECK("who does not count", str_eq(http_header_find(&head, STR("B"), NULL), STR("2")));
    CHECK_INT("none", http_header_find(&head, STR("c"), &count).len, 0);
    CHECK_INT("none", count, 0);
    CHECK_STR("a status of its own", http_reason(200), "OK");
    CHECK_STR("a status of nobody", http_reason(299), "Unknown");
}

TEST_MAIN(TEST(each_head_meets_its_verdict), TEST(a_head_cut_short_is_never_taken),
          TEST(the_end_is_found_however_it_arrives), TEST(what_can_never_become_a_head_is_hopeless),
          TEST(a_header_is_found_and_counted), TEST(a_request_is_read_as_it_was_written),
          TEST(the_facts_of_a_head_are_right), TEST(every_dimension_has_its_limit))
