/* admin/config_words.c: a change in words: one sentence for each field that is another than before. */
#include "admin/config_changes.h"

#define DEPTH_MAX   4
#define PATH_MAX_   160
#define SHOWN_BYTES 120u
#define WORDS_MAX   4096u

/* Both sides of a change are read at once. */
struct wording {
    struct json_writer *writer;
    struct json_reader *before_reader, *after_reader;
    struct str before_text, after_text;
};

static struct str shown(struct json_reader *reader, struct json value, struct str text)
{
    struct str raw = json_raw(reader, value, text);
    return json_type_of(value) == JSON_ABSENT ? STR("nothing") : raw;
}

static void put_shown(struct buf *out, struct str text)
{
    struct str head = str_upto(text, SHOWN_BYTES);
    while (head.len < text.len && head.len > 0 && ((unsigned char)text.at[head.len] & 0xc0) == 0x80)
        head.len--;
    buf_append_str(out, head);
    if (head.len < text.len)
        buf_puts(out, "…");
}

static void say(struct wording *wording, const char *path, struct json before, struct json after)
{
    AUTO_BUF struct buf words;
    buf_init(&words, WORDS_MAX);
    buf_printf(&words, "%s: ", path);
    if (json_type_of(before) != JSON_ABSENT) {
        put_shown(&words, shown(wording->before_reader, before, wording->before_text));
        buf_puts(&words, " → ");
    }
    put_shown(&words, shown(wording->after_reader, after, wording->after_text));
    json_put_string(wording->writer, NULL, buf_str(&words));
}

/* ---- lists of names ------------------------------------------------------------------------------ */

static bool is_names(struct json list)
{
    if (json_type_of(list) != JSON_ARRAY)
        return false;
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (json_type_of(each.value) != JSON_STRING)
            return false;
    return true;
}

static bool has_name(struct json list, struct str name)
{
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (str_eq(json_string_or_empty(each.value), name))
            return true;
    return false;
}

static void put_missing(struct buf *words, const char *sign, struct json from, struct json in)
{
    for (struct json_cursor each = json_each(from); json_next(&each);) {
        struct str name = json_string_or_empty(each.value);
        if (!has_name(in, name))
            buf_printf(words, " %s%.*s", sign, STR_ARG(str_upto(name, SHOWN_BYTES)));
    }
}

/* Long ones are cut by the room. False: only their order is another. */
static bool say_names(struct wording *wording, const char *path, struct json before,
                      struct json after)
{
    AUTO_BUF struct buf words;
    buf_init(&words, WORDS_MAX);
    buf_printf(&words, "%s:", path);
    size_t len = words.len;
    put_missing(&words, "+", after, before);
    put_missing(&words, "-", before, after);
    if (words.len == len)
        return false;
    json_put_string(wording->writer, NULL, (struct str){words.data, words.len});
    return true;
}

/* ---- members ------------------------------------------------------------------------------------- */

static void compare(struct wording *wording, const char *path, struct json before,
                    struct json after, int depth);

static void compare_members(struct wording *wording, const char *path, struct json before,
                            struct json after, int depth)
{
    for (struct json_cursor each = json_each(after); json_next(&each);) {
        AUTO_BUF struct buf inner;
        buf_init(&inner, PATH_MAX_);
        buf_printf(&inner, "%s%s%.*s", path, path[0] ? "." : "", STR_ARG(each.name));
        compare(wording, inner.data ? inner.data : "", json_member_of(before, each.name),
                each.value, depth + 1);
    }
}

static void compare(struct wording *wording, const char *path, struct json before,
                    struct json after, int depth)
{
    bool is_new = json_type_of(before) == JSON_ABSENT;
    if (json_type_of(after) == JSON_OBJECT && (is_new || json_type_of(before) == JSON_OBJECT) &&
        depth < DEPTH_MAX) {
        compare_members(wording, path, before, after, depth);
        return;
    }
    if (is_new && (!json_says_something(after) || json_int64_or(after, 1) == 0))
        return;
    if (!is_new && str_eq(json_raw(wording->before_reader, before, wording->before_text),
                          json_raw(wording->after_reader, after, wording->after_text)))
        return;
    if (is_new || !is_names(before) || !is_names(after) || !say_names(wording, path, before, after))
        say(wording, path, before, after);
}

static void read_side(struct json_reader *reader, struct str text, struct json *out_root)
{
    struct error error = {0};
    *out_root = (struct json){0};
    if (text.len && json_parse(reader, text, out_root, &error) != OK)
        *out_root = (struct json){0};
}

void config_change_words(struct json_writer *writer, const struct config_change *change)
{
    struct wording wording = {.writer = writer,
                              .before_text = buf_str(&change->before),
                              .after_text = buf_str(&change->after)};
    struct json before, after;
    if (json_reader_new(CONFIG_LIST_BYTES_MAX, &wording.before_reader) == OK &&
        json_reader_new(CONFIG_LIST_BYTES_MAX, &wording.after_reader) == OK) {
        read_side(wording.before_reader, wording.before_text, &before);
        read_side(wording.after_reader, wording.after_text, &after);
        if (change->action != CONFIG_DELETE)
            compare(&wording, "", before, after, 0);
    }
    if (change->has_new_key)
        json_put_text(writer, NULL, "its key: another");
    json_reader_free(wording.before_reader);
    json_reader_free(wording.after_reader);
}
