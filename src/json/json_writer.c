/* json/json_writer.c: see json_writer.h. Runs of harmless bytes are appended in one piece. */
#include "json/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* ---- strings --------------------------------------------------------------------------------- */

/* Length of the well-formed UTF-8 sequence at the start of `s` (not empty), 0 when there is none. */
static size_t sequence_len(struct str s)
{
    unsigned char first = (unsigned char)s.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return len > 0 && len <= s.len && str_is_utf8(str_upto(s, len)) ? len : 0;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7F && c != '"' && c != '\\';
}

#define VECTOR_BYTES 16u
typedef uint8_t vector
    __attribute__((vector_size(VECTOR_BYTES))); /* the compiler's; SSE2, NEON or neither */

/* Are all of these VECTOR_BYTES bytes plain? */
static bool are_plain(const char *bytes)
{
    vector x;
    uint64_t half[2];
    memcpy(&x, bytes, sizeof x);
    vector special = (vector)((x < 0x20) | (x >= 0x7F) | (x == '"') | (x == '\\'));
    memcpy(half, &special, sizeof half);
    return (half[0] | half[1]) == 0;
}

/* Behind the plain bytes that stand at `at`. */
static size_t skip_plain(struct str text, size_t at)
{
    for (;;) {
        while (at + VECTOR_BYTES <= text.len && are_plain(text.at + at))
            at += VECTOR_BYTES;
        size_t stop = at + VECTOR_BYTES < text.len ? at + VECTOR_BYTES : text.len;
        while (at < stop && is_plain(text.at[at]))
            at++;
        if (at < stop || at == text.len)
            return at;
    }
}

static void put_escape(struct buf *buf, char c)
{
    switch (c) {
    case '"': buf_puts(buf, "\\\""); break;
    case '\\': buf_puts(buf, "\\\\"); break;
    case '\n': buf_puts(buf, "\\n"); break;
    case '\r': buf_puts(buf, "\\r"); break;
    case '\t': buf_puts(buf, "\\t"); break;
    default: buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)c); break;
    }
}

/* Puts the one character at the start of `s` that is not plain, and returns how long it was. */
static size_t put_special(struct buf *buf, struct str s)
{
    if ((unsigned char)s.at[0] < 0x80) {
        put_escape(buf, s.at[0]);
        return 1;
    }
    size_t len = sequence_len(s);
    if (len > 0)
        buf_append(buf, s.at, len);
    else
        buf_puts(buf, REPLACEMENT);
    return len > 0 ? len : 1;
}

void json_quote(struct buf *buf, struct str text)
{
    buf_putc(buf, '"');
    for (size_t at = 0; at < text.len;) {
        size_t end = skip_plain(text, at);
        buf_append(buf, text.at + at, end - at);
        at = end < text.len ? end + put_special(buf, str_from(text, end)) : end;
    }
    buf_putc(buf, '"');
}

/* ---- structure ------------------------------------------------------------------------------- */

void json_writer_init(struct json_writer *writer, struct buf *buf)
{
    *writer = (struct json_writer){.buf = buf};
}

/* The comma and the name that stand before every value. */
static void put_name(struct json_writer *writer, const char *name)
{
    if (writer->needs_comma[writer->depth])
        buf_putc(writer->buf, ',');
    writer->needs_comma[writer->depth] = true;
    if (name) {
        json_quote(writer->buf, str_of(name));
        buf_putc(writer->buf, ':');
    }
}

static void open_bracket(struct json_writer *writer, const char *name, char bracket)
{
    put_name(writer, name);
    buf_putc(writer->buf, bracket);
    writer->depth++;
    assert(writer->depth < JSON_WRITER_DEPTH_MAX);
    writer->needs_comma[writer->depth] = false;
}

static void close_bracket(struct json_writer *writer, char bracket)
{
    assert(writer->depth > 0);
    writer->depth--;
    buf_putc(writer->buf, bracket);
}

void json_open_object(struct json_writer *writer)
{
    open_bracket(writer, NULL, '{');
}

void json_open_object_named(struct json_writer *writer, const char *name)
{
    open_bracket(writer, name, '{');
}

void json_close_object(struct json_writer *writer)
{
    close_bracket(writer, '}');
}

void json_open_array(struct json_writer *writer, const char *name)
{
    open_bracket(writer, name, '[');
}

void json_close_array(struct json_writer *writer)
{
    close_bracket(writer, ']');
}

/* ---- values ---------------------------------------------------------------------------------- */

void json_put_string(struct json_writer *writer, const char *name, struct str text)
{
    put_name(writer, name);
    json_quote(writer->buf, text);
}

void json_put_text(struct json_writer *writer, const char *name, const char *text)
{
    if (text)
        json_put_string(writer, name, str_of(text));
    else
        json_put_null(writer, name);
}

void json_put_int(struct json_writer *writer, const char *name, int64_t value)
{
    put_name(writer, name);
    buf_printf(writer->buf, "%" PRId64, value);
}

void json_put_double(struct json_writer *writer, const char *name, double value)
{
    assert(isfinite(value));
    put_name(writer, name);
    buf_printf(writer->buf, "%.17g", value);
}

void json_put_bool(struct json_writer *writer, const char *name, bool value)
{
    put_name(writer, name);
    buf_puts(writer->buf, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer, const char *name)
{
    put_name(writer, name);
    buf_puts(writer->buf, "null");
}

void json_put_raw(struct json_writer *writer, const char *name, struct str raw)
{
    put_name(writer, name);
    buf_append_str(writer->buf, raw);
}
