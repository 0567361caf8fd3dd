/* main/status_view.c: see status_view.h.
 *
 *     ✕ error       provider     Cloud                      4 min  The key was refused. (invalid_api_key)
 *                                                                  → Enter its API key again.
 */
#include "main/status_view.h"

#include "main/terminal.h"

#include <stdio.h>

#define KIND_WIDTH  11
#define STATE_WIDTH 12
#define WHAT_WIDTH  28
#define AGE_WIDTH   8
#define FIX_COLUMN  (2 + STATE_WIDTH + 1 + KIND_WIDTH + 1 + WHAT_WIDTH + 1 + AGE_WIDTH + 2)

/* How it looks: for providers and workers by their state, for all others by their level. */
static const struct look {
    const char *word, *shape, *colour;
} looks[] = {
    {"online", "●", "32"},     {"live", "●", "32"},    {"degraded", "◐", "33"},
    {"over_quota", "◐", "33"}, {"suspect", "◐", "33"}, {"offline", "○", "31"},
    {"away", "○", "31"},       {"dead", "○", "31"},    {"error", "✕", "31"},
    {"barred", "✕", "31"},     {"paused", "‖", "36"},  {"leaving", "‖", "36"},
    {"ok", "●", "32"},         {"fine", "●", "32"},    {"note", "◦", "36"},
    {"down", "✕", "31"},
};

static const struct look *look_of(struct str state, struct str level)
{
    static const struct look unknown = {"unknown", "◌", "36"};
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (str_eq(str_of(looks[i].word), state))
            return &looks[i];
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (str_eq(str_of(looks[i].word), level))
            return &looks[i];
    return &unknown;
}

/* ---- text ---------------------------------------------------------------------------------------- */

void status_view_text(struct str text, struct buf *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        buf_append(out, terminal_obeys(text, &at) ? "?" : &text.at[from], 1);
    }
}

static void put_spaces(struct buf *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        buf_puts(out, " ");
}

/* Cut or filled to so many characters. */
static void put_column(struct buf *out, struct str text, int width)
{
    int64_t characters = 0;
    size_t end = 0;
    while (end < text.len) {
        bool is_first = ((unsigned char)text.at[end] & 0xc0) != 0x80;
        if (is_first && characters == width)
            break;
        characters += is_first;
        end++;
    }
    status_view_text(str_upto(text, end), out);
    put_spaces(out, width - characters + 1);
}

static struct str text_of(struct json object, const char *name)
{
    return json_string_or_empty(json_get(object, name));
}

static void put_mark(const struct status_view *view, const struct look *look, struct str word,
                     struct buf *out)
{
    if (view->has_colour)
        buf_printf(out, "\x1b[%sm", look->colour);
    buf_printf(out, "%s ", look->shape);
    put_column(out, word, STATE_WIDTH);
    if (view->has_colour)
        buf_puts(out, "\x1b[0m");
}

static void put_age(struct buf *out, int64_t age_ms)
{
    static const struct unit {
        const char *name;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    char text[24] = "now";
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (age_ms >= units[i].ms) {
            (void)snprintf(text, sizeof text, "%lld %s", (long long)(age_ms / units[i].ms),
                           units[i].name);
            break;
        }
    put_column(out, str_of(text), AGE_WIDTH);
}

/* ---- lines --------------------------------------------------------------------------------------- */

static void write_item(const struct status_view *view, struct json item, int64_t now_ms,
                       struct buf *out)
{
    struct str level = text_of(item, "level"), state = text_of(item, "state");
    struct str code = text_of(item, "why_code"), fix = text_of(item, "fix");
    int64_t since_ms = json_int64_or(json_get(item, "since_ms"), 0);
    put_mark(view, look_of(state, level), state, out);
    put_column(out, text_of(item, "kind"), KIND_WIDTH);
    put_column(out, text_of(item, "what"), WHAT_WIDTH);
    if (since_ms > 0)
        put_age(out, now_ms - since_ms);
    else
        put_spaces(out, AGE_WIDTH + 1);
    buf_puts(out, " ");
    status_view_text(text_of(item, "why_text"), out);
    if (code.len) {
        buf_puts(out, " (");
        status_view_text(code, out);
        buf_puts(out, ")");
    }
    buf_puts(out, "\n");
    if (!fix.len)
        return;
    put_spaces(out, FIX_COLUMN);
    buf_puts(out, "→ ");
    status_view_text(fix, out);
    buf_puts(out, "\n");
}

void status_view_write(const struct status_view *view, struct json summary, struct buf *out)
{
    struct str status = text_of(summary, "status"), step = text_of(summary, "next_step");
    int64_t now_ms = json_int64_or(json_get(summary, "at_ms"), 0);
    int64_t hidden = json_int64_or(json_get(summary, "left_out"), 0);
    int shown = 0;
    put_mark(view, look_of(status, status), status, out);
    status_view_text(text_of(summary, "sentence"), out);
    buf_puts(out, "\n");
    if (step.len) {
        put_spaces(out, STATE_WIDTH + 3);
        buf_puts(out, "→ ");
        status_view_text(step, out);
        buf_puts(out, "\n");
    }
    for (struct json_cursor each = json_each(json_get(summary, "items")); json_next(&each);) {
        if (shown == view->lines) {
            hidden++;
            continue;
        }
        if (shown++ == 0)
            buf_puts(out, "\n");
        write_item(view, each.value, now_ms, out);
    }
    if (hidden > 0)
        buf_printf(out, "\nand %lld more, all of them less bad\n", (long long)hidden);
}
