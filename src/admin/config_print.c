/* admin/config_print.c: see config_print.h. */
#include "admin/config_print.h"

#include "json/json_writer.h"

#include <inttypes.h>

#define LINE_BYTES 110u

static const char head[] =
    "// All configuration of this gateway but its secrets. Read by `auxot config validate|diff|apply`.\n"
    "//\n"
    "// It is JSON with comments; a comma may stand behind the last element. What is left out stays as it is: a section, an\n"
    "// entry, a field of an entry. What a section does not name is kept too, unless `apply --prune` removes it.\n"
    "// Not in here: API keys, users, sessions, workers' keys, and the providers' keys. To bring one of these along, give the\n"
    "// provider the field \"api_key_env\": the name of the variable of `auxot config apply` that holds its key.\n";

static const struct {
    const char *section, *comment;
} comments[] = {
    {"auto",
     "Whom the model \"auto\" asks first; null: the cascade (gpu, cli, openai, anthropic)."},
    {"providers",
     "Known by their slug. Of one type, those that are made first are asked first. base_url \"\": it has workers.\n"
     "  // needs_key: until it has a key, a new one waits in the state error. 0 and null are defaults: no wait, no limit."},
    {"routes",
     "Names that callers use as a model; a '*' may end one. Their steps are gone through in order."},
    {"teams",
     "Known by their name. null: no limit; of the allowed ones, all. Money in millionths of a dollar."},
    {"prices",
     "Your own, in place of the shipped ones: millionths of a dollar for a million tokens; null: not known."},
};

static void put_indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_puts(out, "  ");
}

static void put_scalar(struct buf *out, struct json value)
{
    int64_t number = 0;
    bool truth = false;
    if (json_type_of(value) == JSON_STRING)
        json_quote(out, json_string_or_empty(value));
    else if (json_int64(value, &number))
        buf_printf(out, "%" PRId64, number);
    else if (json_bool(value, &truth))
        buf_puts(out, truth ? "true" : "false");
    else
        buf_puts(out, "null");
}

static bool is_container(struct json value)
{
    return json_type_of(value) == JSON_OBJECT || json_type_of(value) == JSON_ARRAY;
}

static void put_name(struct buf *out, const struct json_cursor *each)
{
    if (!each->is_object)
        return;
    json_quote(out, each->name);
    buf_puts(out, ": ");
}

/* All on one line. The nesting is that of the file, which is bounded. */
static void put_flat(struct buf *out, struct json value)
{
    bool is_object = json_type_of(value) == JSON_OBJECT, is_first = true;
    if (!is_container(value)) {
        put_scalar(out, value);
        return;
    }
    buf_putc(out, is_object ? '{' : '[');
    for (struct json_cursor each = json_each(value); json_next(&each); is_first = false) {
        buf_puts(out, is_first ? "" : ", ");
        put_name(out, &each);
        put_flat(out, each.value);
    }
    buf_putc(out, is_object ? '}' : ']');
}

static bool put_on_one_line(struct buf *out, struct json value, int depth)
{
    AUTO_BUF struct buf line;
    buf_init(&line, LINE_BYTES);
    /* The file and its lists of entries never are. */
    bool has_entries = depth == 0 || (depth == 1 && json_type_of(value) == JSON_ARRAY);
    if (has_entries && json_count(value) > 0)
        return false;
    put_flat(&line, value);
    if (line.failed)
        return false;
    buf_append_str(out, buf_str(&line));
    return true;
}

static void put_comment(struct buf *out, struct str section)
{
    for (size_t i = 0; i < sizeof comments / sizeof comments[0]; i++)
        if (str_eq(str_of(comments[i].section), section))
            buf_printf(out, "\n  // %s\n", comments[i].comment);
}

static void put_value(struct buf *out, const struct config_print *print, struct json value,
                      int depth)
{
    bool is_object = json_type_of(value) == JSON_OBJECT, is_first = true;
    if (!is_container(value) || put_on_one_line(out, value, depth)) {
        if (!is_container(value))
            put_scalar(out, value);
        return;
    }
    buf_puts(out, is_object ? "{\n" : "[\n");
    for (struct json_cursor each = json_each(value); json_next(&each); is_first = false) {
        buf_puts(out, is_first ? "" : ",\n");
        if (depth == 0 && print->has_comments)
            put_comment(out, each.name);
        put_indent(out, depth + 1);
        put_name(out, &each);
        put_value(out, print, each.value, depth + 1);
    }
    buf_putc(out, '\n');
    put_indent(out, depth);
    buf_putc(out, is_object ? '}' : ']');
}

void config_print(struct buf *out, const struct config_print *print)
{
    if (print->has_comments)
        buf_printf(out, "%s// rev: %s\n", head, print->rev);
    put_value(out, print, print->root, 0);
    buf_putc(out, '\n');
}
