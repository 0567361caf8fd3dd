/* wire/sse.c: see sse.h.
 *
 * A stream is lines that end in LF, CR or CRLF; an event ends behind an empty line. `scanned` never
 * stands between a CR and an LF that may still come, so the byte before it tells whether it is the
 * start of a line.
 */
#include "wire/sse.h"

#define WINDOW_BYTES  512u
#define FIELD_LEN_MAX 5u /* "event", "error" */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Offset of the first LF or CR from `from`, or the length. Looks for both in one window after the
 * other, so that a text full of CRs is not searched to its end for LFs at every line. */
static size_t find_line_end(struct str bytes, size_t from)
{
    if (from < bytes.len && is_line_end(bytes.at[from]))
        return from; /* every event has a blank line */
    for (size_t at = from; at < bytes.len; at += WINDOW_BYTES) {
        const char *window = bytes.at + at;
        size_t len = smaller(WINDOW_BYTES, bytes.len - at);
        const char *lf = memchr(window, '\n', len);
        const char *cr = memchr(window, '\r', lf ? (size_t)(lf - window) : len);
        if (cr || lf)
            return (size_t)((cr ? cr : lf) - bytes.at);
    }
    return bytes.len;
}

/* Behind the line end at `end`. */
static size_t next_line(struct str bytes, size_t end)
{
    bool is_pair = end + 1 < bytes.len && bytes.at[end] == '\r' && bytes.at[end + 1] == '\n';
    return end + (is_pair ? 2 : 1);
}

size_t sse_event_end(struct str bytes, size_t *scanned)
{
    size_t at = *scanned;
    while (at < bytes.len) {
        bool is_line_start = at == 0 || is_line_end(bytes.at[at - 1]);
        size_t end = find_line_end(bytes, at);
        bool is_last_byte = end + 1 == bytes.len;
        if (end == bytes.len || (is_last_byte && bytes.at[end] == '\r')) {
            *scanned = end; /* an unfinished line, or a CR whose LF may still come */
            return 0;
        }
        bool is_blank = is_line_start && end == at;
        at = next_line(bytes, end);
        if (is_blank) {
            *scanned = 0;
            return at;
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

/* Field names have 4 or 5 letters: the colon is not searched in a whole line. */
static struct str field_of(struct str line)
{
    size_t len = 0;
    while (len < line.len && len <= FIELD_LEN_MAX && line.at[len] != ':')
        len++;
    return (struct str){line.at, len};
}

static void read_line(struct sse_event *event, struct str line, struct buf *joined)
{
    struct str field = field_of(line);
    size_t start = field.len + (field.len < line.len ? 1 : 0);
    if (start < line.len && line.at[start] == ' ')
        start++;
    struct str value = {line.at + start, line.len - start};

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
    if (event.len > 0 && event.at[0] == byte_order_mark.at[0] && str_starts(event, byte_order_mark))
        event = str_from(event, byte_order_mark.len);
    for (size_t at = 0; at < event.len;) {
        size_t end = find_line_end(event, at);
        if (end > at)
            read_line(out_event, (struct str){event.at + at, end - at}, joined);
        at = next_line(event, end);
    }
}
