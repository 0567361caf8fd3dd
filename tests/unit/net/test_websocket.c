/* tests/unit/net/test_websocket.c: frames, told as a table of conversations. F33.
 *
 * What a peer says is written as frames, masked as its side must:
 *
 *     81:Hello    first byte 0x81, payload "Hello"        81#c3a4    payload in hex
 *     82*300      payload of 300 times 'a'                82!7fffffff    only the head, with this length (hex)
 *     82=2:ab     the length in 2 (or 8) bytes, needed or not
 *     65x89:      65 times this frame                     ~81:Hello    masked when it must not be, or the reverse
 *
 * What is told: T(text) B(all binary bytes since the last other event) P(ping) O(pong) C1000(reason) X1002 (broken:
 * close with this), and "+" when the reader stands in the middle of something. Each row is read by both roles,
 * whole, byte by byte, and cut at every point.
 */
#include "net/websocket.h"

#include "base/mem.h"

#include <stdlib.h>

#include "tests/test.h"

#define TEXT_MAX    1000
#define SPLITS_MAX  700 /* of a long row only the first and the last points */
#define SPLITS_ENDS 40

static const struct conversation {
    const char *name, *said, *told;
} conversations[] = {
    // clang-format off
    /* ---- text, whole ---- */
    {"a text",                               "81:Hello",                    "T(Hello)"},
    {"an empty text",                        "81:",                         "T()"},
    {"two texts",                            "81:a 81:b",                   "T(a)T(b)"},
    {"a text of 125 bytes",                  "81*125",                      "T(125a)"},
    {"a text of 126 bytes",                  "81*126",                      "T(126a)"},
    {"a text of 127 bytes",                  "81*127",                      "T(127a)"},
    {"a text of 128 bytes",                  "81*128",                      "T(128a)"},
    {"a text as long as may be",             "81*1000",                     "T(1000a)"},
    {"a text one byte longer",               "81*1001",                     "X1009"},
    {"a text of 64 KB",                      "81*65535",                    "X1009"},
    {"a text of 64 KB and one",              "81*65536",                    "X1009"},
    {"a text of 2 GB, announced",            "81!7fffffff",                 "X1009"},
    {"a text of 4 GB, announced",            "81!100000000",                "X1009"},
    {"a text of 2^63 - 1 bytes, announced",  "81!7fffffffffffffff",         "X1009"},
    {"a text of 2^63 bytes, announced",      "81!8000000000000000",         "X1002"},
    {"a text of 2^64 - 1 bytes, announced",  "81!ffffffffffffffff",         "X1002"},
    {"a text with a NUL",                    "81#610062",                   "T(a%00b)"},
    {"half a text",                          "81=2:ab 01:a",                "X1002"},
    /* ---- text in fragments ---- */
    {"in two",                               "01:Hel 80:lo",                "T(Hello)"},
    {"in three",                             "01:H 00:el 80:lo",            "T(Hello)"},
    {"an empty beginning",                   "01: 80:a",                    "T(a)"},
    {"an empty end",                         "01:a 80:",                    "T(a)"},
    {"nothing but empty fragments",          "01: 00: 00: 80:",             "T()"},
    {"a ping between fragments",             "01:Hel 89:x 80:lo",           "P(x)T(Hello)"},
    {"a pong between fragments",             "01:Hel 8a:x 80:lo",           "O(x)T(Hello)"},
    {"a close between fragments",            "01:Hel 88#03e8",              "C1000()"},
    {"two messages in fragments",            "01:a 80:b 01:c 80:d",         "T(ab)T(cd)"},
    {"fragments up to the bound",            "01*500 80*500",               "T(1000a)"},
    {"fragments past the bound",             "01*500 80*501",               "X1009"},
    {"fragments far past the bound",         "01*500 80!7fffffff",          "X1009"},
    {"unfinished",                           "01:Hel",                      "+"},
    {"unfinished after two",                 "01:Hel 00:lo",                "+"},
    {"a text inside a text",                 "01:a 81:b",                   "X1002"},
    {"a beginning inside a text",            "01:a 01:b",                   "X1002"},
    {"binary inside a text",                 "01:a 82:b",                   "X1002"},
    {"a beginning of binary inside a text",  "01:a 02:b",                   "X1002"},
    {"a continuation of nothing",            "80:a",                        "X1002"},
    {"a fragment of nothing",                "00:a",                        "X1002"},
    {"a continuation after a whole text",    "81:a 80:b",                   "T(a)X1002"},
    {"a continuation after the last one",    "01:a 80:b 80:c",              "T(ab)X1002"},
    {"a continuation after a ping",          "89:a 80:b",                   "P(a)X1002"},
    {"a continuation after binary",          "82:a 80:b",                   "B(a)X1002"},
    {"256 fragments",                        "01:a 254x00:a 80:a",          "T(256a)"},
    {"a fragment flood",                     "01:a 300x00:a",               "X1008"},
    {"a flood of empty fragments",           "01: 300x00:",                 "X1008"},
    /* ---- binary ---- */
    {"binary",                               "82:abc",                      "B(abc)"},
    {"empty binary",                         "82:",                         ""},
    {"binary in two messages is one stream", "82:ab 82:cd",                 "B(abcd)"},
    {"binary in fragments is one stream",    "02:ab 00:cd 80:ef",           "B(abcdef)"},
    {"an unfinished one is told as it comes", "02:ab",                      "B(ab)+"},
    {"a ping between its fragments",         "02:ab 89:x 80:cd",            "B(ab)P(x)B(cd)"},
    {"a text inside binary",                 "02:ab 81:x",                  "B(ab)X1002"},
    {"binary inside binary",                 "02:ab 82:x",                  "B(ab)X1002"},
    {"a text after binary",                  "82:ab 81:x 82:cd",            "B(ab)T(x)B(cd)"},
    {"binary after a text in fragments",     "01:a 80:b 82:cd",             "T(ab)B(cd)"},
    {"bytes that are no UTF-8",              "82#fffe00c0",                 "B(%ff%fe%00%c0)"},
    {"300 bytes",                            "82*300",                      "B(300a)"},
    {"64 KB",                                "82*65535",                    "B(65535a)"},
    {"64 KB and one",                        "82*65536",                    "B(65536a)"},
    {"a million, in a row",                  "82*1000000",                  "B(1000000a)"},
    {"1,000 fragments of one byte",          "02:a 998x00:a 80:a",          "B(1000a)"},
    {"a frame of 16 MB, announced",          "82!1000000",                  "+"},
    {"a frame of 16 MB and one, announced",  "82!1000001",                  "X1009"},
    {"a frame of 2 GB, announced",           "82!7fffffff",                 "X1009"},
    {"a frame of 2^63 bytes, announced",     "82!8000000000000000",         "X1002"},
    {"a flood of empty frames",              "65x82:",                      "X1008"},
    {"a flood of empty fragments",           "02: 65x00:",                  "X1008"},
    /* ---- lengths in more bytes than they need ---- */
    {"5 bytes, said in two",                 "81=2:Hello",                  "X1002"},
    {"5 bytes, said in eight",               "81=8:Hello",                  "X1002"},
    {"no byte, said in two",                 "82=2:",                       "X1002"},
    {"no byte, said in eight",               "82=8:",                       "X1002"},
    {"125 bytes, said in two",               "82=2*125",                    "X1002"},
    {"126 bytes, said in two",               "82=2*126",                    "B(126a)"},
    {"126 bytes, said in eight",             "82=8*126",                    "X1002"},
    {"65,535 bytes, said in eight",          "82=8*65535",                  "X1002"},
    {"65,536 bytes, said in eight",          "82=8*65536",                  "B(65536a)"},
    {"a ping, said in two",                  "89=2:x",                      "X1002"},
    {"a close, said in eight",               "88=8#03e8",                   "X1002"},
    /* ---- masks ---- */
    {"a text, masked the wrong way",         "~81:Hello",                   "X1002"},
    {"an empty one, masked the wrong way",   "~81:",                        "X1002"},
    {"binary, masked the wrong way",         "~82:ab",                      "X1002"},
    {"a ping, masked the wrong way",         "~89:",                        "X1002"},
    {"a pong, masked the wrong way",         "~8a:",                        "X1002"},
    {"a close, masked the wrong way",        "~88#03e8",                    "X1002"},
    {"a second fragment, masked the wrong way", "01:a ~80:b",               "X1002"},
    {"after a good one",                     "81:a ~81:b",                  "T(a)X1002"},
    /* ---- reserved bits ---- */
    {"RSV1, a text",                         "c1:a",                        "X1002"},
    {"RSV2, a text",                         "a1:a",                        "X1002"},
    {"RSV3, a text",                         "91:a",                        "X1002"},
    {"RSV1 and 2, a text",                   "e1:a",                        "X1002"},
    {"RSV1 and 3, a text",                   "d1:a",                        "X1002"},
    {"RSV2 and 3, a text",                   "b1:a",                        "X1002"},
    {"all three, a text",                    "f1:a",                        "X1002"},
    {"RSV1, binary",                         "c2:a",                        "X1002"},
    {"RSV2, binary",                         "a2:a",                        "X1002"},
    {"RSV3, binary",                         "92:a",                        "X1002"},
    {"RSV1, a ping",                         "c9:a",                        "X1002"},
    {"RSV2, a pong",                         "aa:a",                        "X1002"},
    {"RSV3, a close",                        "98#03e8",                     "X1002"},
    {"RSV1, a beginning",                    "41:a",                        "X1002"},
    {"RSV1, a continuation",                 "01:a c0:b",                   "X1002"},
    {"RSV3, a fragment",                     "01:a 10:b",                   "X1002"},
    {"after a good one",                     "82:a c2:b",                   "B(a)X1002"},
    /* ---- opcodes ---- */
    {"opcode 3",                             "83:a",                        "X1002"},
    {"opcode 4",                             "84:a",                        "X1002"},
    {"opcode 5",                             "85:a",                        "X1002"},
    {"opcode 6",                             "86:a",                        "X1002"},
    {"opcode 7",                             "87:a",                        "X1002"},
    {"opcode 11",                            "8b:a",                        "X1002"},
    {"opcode 12",                            "8c:a",                        "X1002"},
    {"opcode 13",                            "8d:a",                        "X1002"},
    {"opcode 14",                            "8e:a",                        "X1002"},
    {"opcode 15",                            "8f:a",                        "X1002"},
    {"opcode 3, empty",                      "83:",                         "X1002"},
    {"opcode 11, empty",                     "8b:",                         "X1002"},
    {"opcode 3, a beginning",                "03:a",                        "X1002"},
    {"opcode 7, a beginning",                "07:a",                        "X1002"},
    {"opcode 11, a beginning",               "0b:a",                        "X1002"},
    {"opcode 15, a beginning",               "0f:a",                        "X1002"},
    {"opcode 4 inside a text",               "01:a 84:b",                   "X1002"},
    {"opcode 13 after a good one",           "82:a 8d:b",                   "B(a)X1002"},
    {"HTTP where a frame should be",         "47:ET",                       "X1002"},
    /* ---- pings and pongs ---- */
    {"a ping",                               "89:",                         "P()"},
    {"a ping with a payload",                "89:Hello",                    "P(Hello)"},
    {"a ping with bytes",                    "89#00ff80",                   "P(%00%ff%80)"},
    {"a ping of 125 bytes",                  "89*125",                      "P(125a)"},
    {"a ping of 126 bytes",                  "89*126",                      "X1002"},
    {"a ping of 64 KB and one",              "89*65536",                    "X1002"},
    {"a ping of 2 GB, announced",            "89!7fffffff",                 "X1002"},
    {"a fragmented ping",                    "09:a",                        "X1002"},
    {"an empty fragmented ping",             "09:",                         "X1002"},
    {"a pong",                               "8a:",                         "O()"},
    {"a pong with a payload",                "8a:Hello",                    "O(Hello)"},
    {"a pong of 125 bytes",                  "8a*125",                      "O(125a)"},
    {"a pong of 126 bytes",                  "8a*126",                      "X1002"},
    {"a fragmented pong",                    "0a:a",                        "X1002"},
    {"ten pings",                            "3x89:a 3x89:b 4x89:c",        "P(a)P(a)P(a)P(b)P(b)P(b)P(c)P(c)P(c)P(c)"},
    {"a ping and a pong",                    "89:a 8a:b",                   "P(a)O(b)"},
    {"a ping flood",                         "70x89:",                      "64P()X1008"},
    {"a ping flood with payloads",           "70x89*125",                   "64P(125a)X1008"},
    {"a pong flood",                         "70x8a:",                      "64O()X1008"},
    {"a flood of both, with content between", "40x89: 82:a 40x8a:",         "40P()B(a)24O()X1008"},
    /* ---- closes ---- */
    {"a close without a code",               "88:",                         "C1005()"},
    {"a close with one byte",                "88#03",                       "X1002"},
    {"1000",                                 "88#03e8",                     "C1000()"},
    {"1000 with a reason",                   "88#03e8627965",               "C1000(bye)"},
    {"a reason of 123 bytes",                "88#03e8<123>",                "C1000(123a)"},
    {"a reason of 124 bytes",                "88#03e8<124>",                "X1002"},
    {"a reason that is UTF-8",               "88#03e8c3a4",                 "C1000(%c3%a4)"},
    {"a reason that is not",                 "88#03e8ff",                   "X1007"},
    {"a reason that is half a character",    "88#03e8c3",                   "X1007"},
    {"1001",                                 "88#03e9",                     "C1001()"},
    {"1002",                                 "88#03ea",                     "C1002()"},
    {"1003",                                 "88#03eb",                     "C1003()"},
    {"1007",                                 "88#03ef",                     "C1007()"},
    {"1008",                                 "88#03f0",                     "C1008()"},
    {"1009",                                 "88#03f1",                     "C1009()"},
    {"1010",                                 "88#03f2",                     "C1010()"},
    {"1011",                                 "88#03f3",                     "C1011()"},
    {"1012, service restart",                "88#03f4",                     "C1012()"},
    {"1013, try again later",                "88#03f5",                     "C1013()"},
    {"1014, bad gateway",                    "88#03f6",                     "C1014()"},
    {"3000",                                 "88#0bb8",                     "C3000()"},
    {"3999",                                 "88#0f9f",                     "C3999()"},
    {"4000",                                 "88#0fa0",                     "C4000()"},
    {"4999",                                 "88#1387",                     "C4999()"},
    {"0",                                    "88#0000",                     "X1002"},
    {"999",                                  "88#03e7",                     "X1002"},
    {"1004, reserved",                       "88#03ec",                     "X1002"},
    {"1005, never sent",                     "88#03ed",                     "X1002"},
    {"1006, never sent",                     "88#03ee",                     "X1002"},
    {"1015, never sent",                     "88#03f7",                     "X1002"},
    {"1016",                                 "88#03f8",                     "X1002"},
    {"1100",                                 "88#044c",                     "X1002"},
    {"2000",                                 "88#07d0",                     "X1002"},
    {"2999",                                 "88#0bb7",                     "X1002"},
    {"5000",                                 "88#1388",                     "X1002"},
    {"65535",                                "88#ffff",                     "X1002"},
    {"a fragmented close",                   "08#03e8",                     "X1002"},
    {"a close of 126 bytes",                 "88*126",                      "X1002"},
    {"a close of 2 GB, announced",           "88!7fffffff",                 "X1002"},
    {"a close storm is one close",           "200x88#03e8",                 "C1000()"},
    {"nothing counts after a close",         "88#03e8 81:a 83:b ~81:c",     "C1000()"},
    {"nothing counts after a broken rule",   "83:a 81:b 88#03e8",           "X1002"},
    {"a text, then a close",                 "81:a 88#03e8",                "T(a)C1000()"},
    {"binary, then a close",                 "82:a 88#03e9",                "B(a)C1001()"},
    {"a ping, then a close",                 "89:a 88:",                    "P(a)C1005()"},
    /* ---- UTF-8 ---- */
    {"two bytes",                            "81#c3a4",                     "T(%c3%a4)"},
    {"three bytes",                          "81#e282ac",                   "T(%e2%82%ac)"},
    {"four bytes",                           "81#f09f9880",                 "T(%f0%9f%98%80)"},
    {"a character in two fragments",         "01#c3 80#a4",                 "T(%c3%a4)"},
    {"a character in four fragments",        "01#f0 00#9f 00#98 80#80",     "T(%f0%9f%98%80)"},
    {"with a ping inside it",                "01#e2 89: 00#82 80#ac",       "P()T(%e2%82%ac)"},
    {"the smallest of two bytes",            "81#c280",                     "T(%c2%80)"},
    {"the smallest of three bytes",          "81#e0a080",                   "T(%e0%a0%80)"},
    {"the smallest of four bytes",           "81#f0908080",                 "T(%f0%90%80%80)"},
    {"the largest of two bytes",             "81#dfbf",                     "T(%df%bf)"},
    {"the largest of three bytes",           "81#efbfbf",                   "T(%ef%bf%bf)"},
    {"the largest of all",                   "81#f48fbfbf",                 "T(%f4%8f%bf%bf)"},
    {"before the surrogates",                "81#ed9fbf",                   "T(%ed%9f%bf)"},
    {"after the surrogates",                 "81#ee8080",                   "T(%ee%80%80)"},
    {"a byte order mark",                    "81#efbbbf",                   "T(%ef%bb%bf)"},
    {"a lone continuation byte",             "81#80",                       "X1007"},
    {"another",                              "81#bf",                       "X1007"},
    {"two of them",                          "81#80bf",                     "X1007"},
    {"a lone first byte of two",             "81#c3",                       "X1007"},
    {"a first byte before a letter",         "81#c361",                     "X1007"},
    {"a lone first byte of three",           "81#e2",                       "X1007"},
    {"two bytes of three",                   "81#e282",                     "X1007"},
    {"three bytes of four",                  "81#f09f98",                   "X1007"},
    {"overlong in two: c0 af",               "81#c0af",                     "X1007"},
    {"overlong in two: c1 bf",               "81#c1bf",                     "X1007"},
    {"overlong in three: e0 80 af",          "81#e080af",                   "X1007"},
    {"overlong in three: e0 9f bf",          "81#e09fbf",                   "X1007"},
    {"overlong in four: f0 80 80 af",        "81#f08080af",                 "X1007"},
    {"overlong in four: f0 8f bf bf",        "81#f08fbfbf",                 "X1007"},
    {"overlong NUL: c0 80",                  "81#c080",                     "X1007"},
    {"the first surrogate",                  "81#eda080",                   "X1007"},
    {"the last surrogate",                   "81#edbfbf",                   "X1007"},
    {"a pair of surrogates",                 "81#eda0bdedb880",             "X1007"},
    {"past the end: f4 90 80 80",            "81#f4908080",                 "X1007"},
    {"past the end: f5",                     "81#f5808080",                 "X1007"},
    {"five bytes: f8",                       "81#f888808080",               "X1007"},
    {"six bytes: fc",                        "81#fc8480808080",             "X1007"},
    {"fe",                                   "81#fe",                       "X1007"},
    {"ff",                                   "81#ff",                       "X1007"},
    {"a good start, a bad end",              "81#6161ff",                   "X1007"},
    {"a bad fragment",                       "01:a 80#ff",                  "X1007"},
    {"half a character at the end of all",   "01#e2 80#82",                 "X1007"},
    {"a bad text after a good one",          "81:a 81#ff",                  "T(a)X1007"},
    /* ---- cut in the middle ---- */
    {"one byte of a head",                   "raw#81",                      "+"},
    {"an announced text",                    "81!5",                        "+"},
    {"an announced ping",                    "89!5",                        "+"},
    {"an announced close",                   "88!2",                        "+"},
    {"nothing at all",                       "",                            ""},
    // clang-format on
};

/* ---- what a peer says ------------------------------------------------------------------------ */

#define SAID_MAX (2u << 20)

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static unsigned hex(const char **at)
{
    char two[3] = {(*at)[0], (*at)[1], 0};
    *at += 2;
    return (unsigned)strtoul(two, NULL, 16);
}

/* The payload of one frame: ":text", "#hex" with "<n>" for n times 'a', or "*n". */
static void say_payload(const char *at, struct buf *payload)
{
    char *end;
    if (*at == ':') {
        buf_puts(payload, at + 1);
        return;
    }
    if (*at == '*') {
        for (unsigned long n = strtoul(at + 1, NULL, 10); n > 0; n--)
            buf_putc(payload, 'a');
        return;
    }
    for (at++; *at;) {
        if (*at != '<') {
            buf_putc(payload, (char)hex(&at));
            continue;
        }
        for (unsigned long n = strtoul(at + 1, &end, 10); n > 0; n--)
            buf_putc(payload, 'a');
        at = end + 1;
    }
}

static void say_frame(const char *at, enum ws_role reader, struct buf *out)
{
    bool is_masked = (reader == WS_SERVER) != (*at == '~');
    AUTO_BUF struct buf payload;
    buf_init(&payload, SAID_MAX);
    at += *at == '~';
    if (strncmp(at, "raw", 3) == 0) {
        say_payload(at + 3, out);
        return;
    }
    buf_putc(out, (char)hex(&at));
    size_t bytes = 0;
    uint64_t len = 0;
    bool is_announced = *at == '!';
    if (*at == '=') {
        bytes = (size_t)(at[1] - '0');
        at += 2;
    }
    if (is_announced)
        len = strtoull(at + 1, NULL, 16);
    else
        say_payload(at, &payload);
    len = is_announced ? len : payload.len;
    bytes = bytes ? bytes : len > 65535 ? 8 : len > 125 ? 2 : 0;
    buf_putc(out, (char)((is_masked ? 0x80u : 0) | (bytes == 8   ? 127u
                                                    : bytes == 2 ? 126u
                                                                 : (unsigned)len)));
    while (bytes-- > 0)
        buf_putc(out, (char)(uint8_t)(len >> (8 * bytes)));
    if (is_masked)
        buf_append(out, key, sizeof key);
    for (size_t i = 0; i < payload.len && is_masked; i++)
        payload.data[i] = (char)(payload.data[i] ^ key[i % 4]);
    buf_append_str(out, buf_str(&payload));
}

static void say(const char *said, enum ws_role reader, struct buf *out)
{
    AUTO_FREE char *copy = mem_dup(said, strlen(said));
    for (char *rest = copy, *frame; (frame = strsep(&rest, " "));) {
        char *behind;
        unsigned long count = strtoul(frame, &behind, 10);
        if (!*frame)
            continue;
        if (*behind == 'x')
            frame = behind + 1;
        else
            count = 1;
        for (; count > 0; count--)
            say_frame(frame, reader, out);
    }
    CHECK(said, !out->failed);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* "300a" for a long run; bytes that are not printable as %xx. */
static void tell_bytes(struct buf *out, const char *bytes, size_t len)
{
    size_t same = 0;
    while (same < len && bytes[same] == 'a')
        same++;
    buf_putc(out, '(');
    if (same == len && len > 20) {
        buf_printf(out, "%zua", len);
    } else {
        for (size_t i = 0; i < len; i++) {
            if (bytes[i] >= ' ' && bytes[i] <= '~')
                buf_putc(out, bytes[i]);
            else
                buf_printf(out, "%%%02x", (unsigned char)bytes[i]);
        }
    }
    buf_putc(out, ')');
}

struct telling {
    struct buf out, binary;
    char last[160]; /* events that repeat are counted: 64P() */
    int repeats;
};

static void tell_last(struct telling *telling)
{
    if (telling->repeats > 10)
        buf_printf(&telling->out, "%d", telling->repeats);
    for (int i = telling->repeats > 10 ? 1 : telling->repeats; i > 0; i--)
        buf_puts(&telling->out, telling->last);
    telling->repeats = 0;
}

static void tell(struct telling *telling, char letter, int code, const char *bytes, size_t len)
{
    AUTO_BUF struct buf one;
    buf_init(&one, 4096);
    buf_putc(&one, letter);
    if (code)
        buf_printf(&one, "%d", code);
    if (letter != 'X')
        tell_bytes(&one, bytes, len);
    if (strcmp(one.data, telling->last) != 0)
        tell_last(telling);
    str_copy(buf_str(&one), telling->last, sizeof telling->last);
    telling->repeats++;
}

static void tell_binary(struct telling *telling)
{
    if (telling->binary.len)
        tell(telling, 'B', 0, telling->binary.data, telling->binary.len);
    buf_clear(&telling->binary);
}

static void tell_event(struct telling *telling, const struct ws_event *event)
{
    static const char letters[] = {
        [WS_TEXT] = 'T', [WS_PING] = 'P', [WS_PONG] = 'O', [WS_CLOSE] = 'C', [WS_BROKEN] = 'X'};
    if (event->kind == WS_NOTHING)
        return;
    if (event->kind == WS_BINARY) {
        buf_append(&telling->binary, event->bytes, event->len);
        return;
    }
    tell_binary(telling);
    tell(telling, letters[event->kind], event->code, event->bytes, event->len);
}

static void feed(struct ws_reader *reader, const char *bytes, size_t len, struct telling *telling)
{
    AUTO_FREE char *room = mem_dup(bytes, len); /* its end is guarded by ASan */
    for (size_t at = 0; at < len;) {
        struct ws_event event;
        size_t used = ws_read(reader, room + at, len - at, 0, &event);
        CHECK("it goes on", used > 0);
        at += used;
        tell_event(telling, &event);
    }
}

/* Not in the middle of a frame or of a message. */
static bool is_between(const struct ws_reader *reader)
{
    return reader->head_len == 0 && reader->left == 0 && reader->message == 0;
}

/* Reads `said` in pieces: up to `cut`, then in steps of `step`. */
static void check(const struct conversation *row, struct str said, enum ws_role role, size_t cut,
                  size_t step)
{
    struct ws_reader reader;
    struct telling telling = {.repeats = 0};
    buf_init(&telling.out, 1u << 20);
    buf_init(&telling.binary, SAID_MAX);
    ws_reader_init(&reader, role, TEXT_MAX);
    feed(&reader, said.at, cut, &telling);
    for (size_t at = cut; at < said.len; at += step)
        feed(&reader, said.at + at, said.len - at < step ? said.len - at : step, &telling);
    tell_binary(&telling);
    tell_last(&telling);
    if (!reader.is_over && !is_between(&reader))
        buf_putc(&telling.out, '+');
    CHECK_STR(row->name, telling.out.len ? telling.out.data : "", row->told);
    ws_reader_release(&reader);
    buf_release(&telling.out);
    buf_release(&telling.binary);
}

static void every_conversation_is_read_right_however_it_is_cut(void **state)
{
    (void)state;
    CHECK("200 and more", COUNT(conversations) >= 200);
    for (size_t i = 0; i < COUNT(conversations); i++) {
        const struct conversation *row = &conversations[i];
        for (int role = WS_SERVER; role <= WS_CLIENT; role++) {
            AUTO_BUF struct buf said;
            buf_init(&said, SAID_MAX);
            say(row->said, (enum ws_role)role, &said);
            struct str all = buf_str(&said);
            check(row, all, (enum ws_role)role, 0, all.len + 1);
            check(row, all, (enum ws_role)role, 0, all.len > 100000 ? 997 : 1);
            for (size_t cut = 1; cut < all.len; cut++)
                if (all.len < SPLITS_MAX || cut < SPLITS_ENDS || cut > all.len - SPLITS_ENDS)
                    check(row, all, (enum ws_role)role, cut, all.len);
        }
    }
}

/* ---- what a table cannot say ----------------------------------------------------------------- */

/* Reads `count` frames that are said at `now_ms`; the last event. */
static struct ws_event hear(struct ws_reader *reader, const char *said, int count, int64_t now_ms)
{
    struct ws_event event = {.kind = WS_NOTHING};
    AUTO_BUF struct buf bytes;
    buf_init(&bytes, SAID_MAX);
    say(said, WS_SERVER, &bytes);
    for (int i = 0; i < count; i++) {
        AUTO_FREE char *copy = mem_dup(bytes.data, bytes.len);
        size_t used = ws_read(reader, copy, bytes.len, now_ms, &event);
        CHECK(said, used == bytes.len || event.kind == WS_BROKEN);
    }
    return event;
}

static void pings_that_keep_a_connection_alive_are_no_flood(void **state)
{
    (void)state;
    struct ws_reader reader;
    ws_reader_init(&reader, WS_SERVER, TEXT_MAX);
    for (int64_t day_ms = 0; day_ms < INT64_C(86400000); day_ms += 20000)
        CHECK("one each 20 s", hear(&reader, "89:", 1, day_ms).kind == WS_PING);
    int64_t now_ms = INT64_C(86400000);
    CHECK("64 in a second", hear(&reader, "89:", 64, now_ms).kind == WS_PING);
    now_ms += WS_IDLE_MS;
    CHECK("and again in the next", hear(&reader, "8a:", 64, now_ms).kind == WS_PONG);
    struct ws_event event = hear(&reader, "89:", 1, now_ms + 999);
    CHECK("one more is too many", event.kind == WS_BROKEN);
    CHECK_INT("by policy", event.code, 1008);
    ws_reader_release(&reader);
}

static void where_no_text_is_expected_it_breaks_the_rules(void **state)
{
    (void)state;
    struct ws_reader reader;
    ws_reader_init(&reader, WS_SERVER, 0);
    CHECK("binary", hear(&reader, "82:a", 1, 0).kind == WS_BINARY);
    struct ws_event event = hear(&reader, "81:a", 1, 0);
    CHECK("no text", event.kind == WS_BROKEN);
    CHECK_INT("not supported", event.code, 1003);
    ws_reader_release(&reader);
}

static void the_bound_of_texts_changes_with_the_use(void **state)
{
    (void)state;
    struct ws_reader reader;
    ws_reader_init(&reader, WS_SERVER, 10);
    CHECK("ten", hear(&reader, "81:0123456789", 1, 0).kind == WS_TEXT);
    CHECK("a beginning", hear(&reader, "01:01234", 1, 0).kind == WS_NOTHING);
    ws_reader_limit(&reader, 3);
    CHECK_INT("what is there is too much", hear(&reader, "80:5", 1, 0).code, 1009);
    ws_reader_release(&reader);
}

/* What we write is what we read, at every length at which something changes, in both roles. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 7, 8, 9, 124, 125, 126, 127, 65535, 65536, 70001};
    for (size_t i = 0; i < COUNT(lengths); i++)
        for (int role = WS_SERVER; role <= WS_CLIENT; role++) {
            bool is_masked = role == WS_SERVER;
            size_t len = lengths[i];
            char head[WS_HEAD_MAX];
            size_t head_len = ws_write_head(head, WS_OP_BINARY, len, is_masked ? key : NULL);
            AUTO_FREE char *all = mem_alloc(head_len + len);
            CHECK("memory", all != NULL);
            memcpy(all, head, head_len);
            for (size_t n = 0; n < len; n++)
                all[head_len + n] = (char)(n * 7);
            if (is_masked)
                ws_mask(all + head_len, len, key, 0);
            struct ws_reader reader;
            struct ws_event event;
            ws_reader_init(&reader, (enum ws_role)role, 0);
            CHECK_INT("all of it", ws_read(&reader, all, head_len + len, 0, &event),
                      head_len + len);
            CHECK("between", is_between(&reader));
            CHECK_INT("as long as it was", event.len, len);
            for (size_t n = 0; n < len; n++)
                if (event.bytes[n] != (char)(n * 7))
                    CHECK("as it was", false);
            ws_reader_release(&reader);
        }
}

static void a_mask_goes_on_where_it_stopped(void **state)
{
    (void)state;
    char whole[41], pieces[41];
    for (size_t i = 0; i < sizeof whole; i++)
        whole[i] = pieces[i] = (char)(i * 11);
    ws_mask(whole, sizeof whole, key, 0);
    for (size_t first = 0; first <= sizeof whole; first++) {
        char copy[41];
        memcpy(copy, pieces, sizeof copy);
        ws_mask(copy, first, key, 0);
        ws_mask(copy + first, sizeof copy - first, key, first);
        CHECK("the same", memcmp(copy, whole, sizeof copy) == 0);
    }
}

TEST_MAIN(TEST(every_conversation_is_read_right_however_it_is_cut),
          TEST(pings_that_keep_a_connection_alive_are_no_flood),
          TEST(where_no_text_is_expected_it_breaks_the_rules),
          TEST(the_bound_of_texts_changes_with_the_use), TEST(what_is_written_is_read),
          TEST(a_mask_goes_on_where_it_stopped))
