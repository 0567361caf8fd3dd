/* wire/sse.c: see sse.h.
 *
 * A stream is lines that end in LF, CR or CRLF; an event ends behind an empty line. `scanned` never
 * stands between a CR and an LF that may still come, so the byte before it tells whether it is the
 * start of a line.
 */
#include "wire/sse.h"

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static size_t find_lf(struct str bytes, size_t from)
{
    const char *lf = from < bytes.len ? memchr(bytes.at + from, '\n', bytes.len - from) : NULL;
    return lf ? (size_t)(lf - bytes.at) : bytes.len;
}

/* A walk over lines. The next LF is remembered, so that a text full of CRs is not searched for it
 * again and again. */
struct lines {
    struct str bytes;
    size_t at; /* start of what was not looked at */
    size_t lf; /* the first LF from `at`, or the length */
};

static struct lines lines_from(struct str bytes, size_t at)
{
    return (struct lines){.bytes = bytes, .at = at, .lf = find_lf(bytes, at)};
}

/* Offset of the first LF or CR from `at`, or the length. */
static size_t lines_find_end(struct lines *lines)
{
    if (lines->lf < lines->at)
        lines->lf = find_lf(lines->bytes, lines->at);
    const char *cr = memchr(lines->bytes.at + lines->at, '\r', lines->lf - lines->at);
    return cr ? (size_t)(cr - lines->bytes.at) : lines->lf;
}

/* Moves behind the line end at `end`. */
static void lines_step(struct lines *lines, size_t end)
{
    struct str rest = str_from(lines->bytes, end);
    lines->at = end + (str_starts(rest, STR("\r\n")) ? 2 : 1);
}

size_t sse_event_end(struct str bytes, size_t *scanned)
{
    struct lines lines = lines_from(bytes, *scanned);
    while (lines.at < bytes.len) {
        size_t start = lines.at;
        bool is_line_start = start == 0 || is_line_end(bytes.at[start - 1]);
        size_t end = lines_find_end(&lines);
        bool is_last_byte = end + 1 == bytes.len;
        if (end == bytes.len || (is_last_byte && bytes.at[end] == '\r')) {
            *scanned = end; /* an unfinished line, or a CR whose LF may still come */
            return 0;
        }
        lines_step(&lines, end);
        if (is_line_start && end == start) {
            *scanned = 0;
            return lines.at;
        }
    }
    *scanned = bytes.len;
    return 0;
}

/* Adds one data line; only the second and later ones cost a copy. */
static void add_data(struct sse_event *event, struct str line, struct buf *joined)
{
    if (!event->has_data) {
        event->has_data = true;
        event->data = line;
        return;
    }
    if (joined->len == 0)
        buf_append_str(joined, event->data);
    buf_putc(joined, '\n');
    buf_append_str(joined, line);
    event->data = buf_str(joined);
}

static void read_line(struct sse_event *event, struct str line, struct buf *joined)
{
    struct str value = line;
    struct str field = str_cut(&value, ':');
    if (value.len > 0 && value.at[0] == ' ')
        value = str_from(value, 1);

    if (str_eq(field, STR("data"))) {
        add_data(event, value, joined);
    } else if (str_eq(field, STR("event"))) {
        event->name = value;
    } else if (str_eq(field, STR("error"))) {
        event->name = field;
        add_data(event, value, joined);
    }
}

void sse_event_read(struct str event, struct buf *joined, struct sse_event *out_event)
{
    static const struct str byte_order_mark = STR_INIT("\xEF\xBB\xBF");
    *out_event = (struct sse_event){.name = STR(""), .data = STR("")};
    buf_clear(joined);
    if (str_starts(event, byte_order_mark))
        event = str_from(event, byte_order_mark.len);
    struct lines lines = lines_from(event, 0);
    while (lines.at < event.len) {
        size_t start = lines.at;
        size_t end = lines_find_end(&lines);
        read_line(out_event, str_upto(str_from(event, start), end - start), joined);
        lines_step(&lines, end);
    }
}
