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

/* Offset of the first LF or CR from `from`, or the length. `lf` remembers the next LF, so that a
 * text full of CRs is not searched for it again and again. */
static size_t find_line_end(struct str bytes, size_t from, size_t *lf)
{
    if (*lf < from || from == 0) {
        const char *found = memchr(bytes.at + from, '\n', bytes.len - from);
        *lf = found ? (size_t)(found - bytes.at) : bytes.len;
    }
    const char *cr = memchr(bytes.at + from, '\r', *lf - from);
    return cr ? (size_t)(cr - bytes.at) : *lf;
}

size_t sse_event_end(struct str bytes, size_t *scanned)
{
    size_t at = *scanned;
    size_t lf = 0;
    while (at < bytes.len) {
        bool is_line_start = at == 0 || is_line_end(bytes.at[at - 1]);
        size_t end = find_line_end(bytes, at, &lf);
        bool is_last = end + 1 >= bytes.len;
        if (end == bytes.len || (is_last && bytes.at[end] == '\r')) {
            *scanned = end; /* unfinished line, or a CR whose LF may still come */
            return 0;
        }
        size_t next = end + (bytes.at[end] == '\r' && bytes.at[end + 1] == '\n' ? 2 : 1);
        if (is_line_start && end == at) {
            *scanned = 0;
            return next;
        }
        at = next;
    }
    *scanned = at;
    return 0;
}

/* Cuts the first line off `rest`, without its end. */
static struct str cut_line(struct str *rest)
{
    size_t lf = 0;
    size_t end = find_line_end(*rest, 0, &lf);
    struct str line = str_upto(*rest, end);
    bool is_crlf = end + 1 < rest->len && rest->at[end] == '\r' && rest->at[end + 1] == '\n';
    *rest = str_from(*rest, end + (is_crlf ? 2 : 1));
    return line;
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
    while (event.len > 0)
        read_line(out_event, cut_line(&event), joined);
}
