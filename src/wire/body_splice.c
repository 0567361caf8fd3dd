/* wire/body_splice.c: changing a body without rewriting it. See body.h.
 *
 * A change is an edit (these bytes become those), a few per body, and never inside one another: `model`, `stream_options`, and
 * what limits the answer. What is between them is passed as it came.
 */
#include "wire/body.h"

#include "json/json_writer.h"

#include <assert.h>

#define EDITS_MAX (2 + BODY_LIMITS)

/* body[start, end) becomes scratch[text_start, text_end): offsets, because scratch still grows. */
struct edit {
    size_t start, end;
    size_t text_start, text_end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Is the object whose '{' is at `open` empty? */
static bool is_empty_object(struct str body, size_t open)
{
    size_t at = open + 1;
    while (at < body.len && is_blank(body.at[at]))
        at++;
    return at < body.len && body.at[at] == '}';
}

/* The edit that makes stream_options.include_usage true. */
static struct edit edit_usage(struct str body, const struct body_facts *facts, struct buf *scratch)
{
    struct edit edit = {.text_start = scratch->len};
    if (facts->flag_end > 0) {
        edit.start = facts->flag_start;
        edit.end = facts->flag_end;
        buf_puts(scratch, "true");
    } else if (!facts->has_options) {
        edit.start = edit.end = facts->object_open + 1;
        buf_puts(scratch, "\"stream_options\":{\"include_usage\":true},");
    } else if (body.at[facts->options_start] != '{') {
        edit.start = facts->options_start;
        edit.end = facts->options_end;
        buf_puts(scratch, "{\"include_usage\":true}");
    } else {
        edit.start = edit.end = facts->options_start + 1;
        bool is_empty = is_empty_object(body, facts->options_start);
        buf_puts(scratch, is_empty ? "\"include_usage\":true" : "\"include_usage\":true,");
    }
    edit.text_end = scratch->len;
    return edit;
}

static struct edit edit_model(const struct body_facts *facts, struct str model, struct buf *scratch)
{
    struct edit edit = {facts->model_start, facts->model_end, .text_start = scratch->len};
    json_quote(scratch, model);
    edit.text_end = scratch->len;
    return edit;
}

static void add_piece(struct body_pieces *pieces, struct str piece)
{
    if (piece.len == 0)
        return;
    assert(pieces->count < BODY_PIECES_MAX);
    pieces->piece[pieces->count++] = piece;
    pieces->total_bytes += piece.len;
}

/* `edits` stand in the order of the body. */
static struct body_pieces cut(struct str body, const struct edit *edits, size_t count,
                              struct str scratch)
{
    struct body_pieces pieces = {0};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct edit *edit = &edits[i];
        assert(at <= edit->start && edit->start <= edit->end && edit->end <= body.len);
        add_piece(&pieces, str_upto(str_from(body, at), edit->start - at));
        add_piece(&pieces,
                  str_upto(str_from(scratch, edit->text_start), edit->text_end - edit->text_start));
        at = edit->end;
    }
    add_piece(&pieces, str_from(body, at));
    return pieces;
}

/* The whole of it behind what is in `scratch`: when there are more edits than a few slices can tell. */
static enum err join(struct str body, const struct edit *edits, size_t count, struct buf *scratch,
                     struct body_pieces *out_pieces)
{
    size_t at = 0, start = scratch->len;
    for (size_t i = 0; i < count; i++) {
        const struct edit *edit = &edits[i];
        size_t len = edit->text_end - edit->text_start;
        buf_append(scratch, body.at + at, edit->start - at);
        if (!buf_reserve(scratch, len)) /* first: it moves while it grows */
            return ERR_NO_MEMORY;
        buf_append(scratch, scratch->data + edit->text_start, len);
        at = edit->end;
    }
    buf_append_str(scratch, str_from(body, at));
    if (scratch->failed)
        return ERR_NO_MEMORY;
    *out_pieces = (struct body_pieces){0};
    add_piece(out_pieces, str_from(buf_str(scratch), start));
    return OK;
}

static struct edit edit_limit(const struct body_limit *limit, int64_t ceiling, struct buf *scratch)
{
    struct edit edit = {limit->start, limit->end, .text_start = scratch->len};
    buf_put_uint(scratch, (uint64_t)ceiling);
    edit.text_end = scratch->len;
    return edit;
}

static struct edit put_limit(const struct body_facts *facts, const struct body_change *change,
                             struct buf *scratch)
{
    size_t at = facts->object_open + 1;
    struct edit edit = {at, at, .text_start = scratch->len};
    buf_putc(scratch, '"');
    buf_puts(scratch, change->limit_name);
    buf_puts(scratch, "\":");
    buf_put_uint(scratch, (uint64_t)change->ceiling);
    buf_putc(scratch, ',');
    edit.text_end = scratch->len;
    return edit;
}

/* What is above the ceiling, or says nothing that can be understood, becomes the ceiling. */
static size_t edit_limits(const struct body_facts *facts, const struct body_change *change,
                          struct buf *scratch, struct edit *edits)
{
    size_t count = 0;
    bool is_there = false;
    for (size_t i = 0; i < BODY_LIMITS; i++) {
        const struct body_limit *limit = &facts->limits[i];
        if (limit->end == 0)
            continue;
        is_there |= (body_limits_of(change->endpoint) & 1u << i) != 0;
        if (limit->tokens < 0 || limit->tokens > change->ceiling)
            edits[count++] = edit_limit(limit, change->ceiling, scratch);
    }
    if (!is_there)
        edits[count++] = put_limit(facts, change, scratch);
    return count;
}

/* Few, and nearly in order. Those at the same place stay as they are. */
static void put_in_order(struct edit *edits, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t at = i; at > 0 && edits[at].start < edits[at - 1].start; at--) {
            struct edit moved = edits[at];
            edits[at] = edits[at - 1];
            edits[at - 1] = moved;
        }
}

enum err body_splice(struct str body, const struct body_facts *facts,
                     const struct body_change *change, struct buf *scratch,
                     struct body_pieces *out_pieces)
{
    struct edit edits[EDITS_MAX];
    size_t count = 0;
    buf_clear(scratch);
    if (change->model.len > 0 && !str_eq(change->model, facts->model))
        edits[count++] = edit_model(facts, change->model, scratch);
    if (change->adds_usage && !facts->wants_usage)
        edits[count++] = edit_usage(body, facts, scratch);
    if (change->has_ceiling)
        count += edit_limits(facts, change, scratch, &edits[count]);
    if (scratch->failed)
        return ERR_NO_MEMORY;
    put_in_order(edits, count);
    if (2 * count + 1 > BODY_PIECES_MAX)
        return join(body, edits, count, scratch, out_pieces);
    *out_pieces = cut(body, edits, count, buf_str(scratch));
    return OK;
}
