/* simulate/given.c: small readers; each takes both forms. */
#include "simulate/given.h"

#include "json/json_writer.h"
#include "simulate/base64.h"

#include <stdio.h>

#define TEXT_MAX   (32u * 1024 * 1024)
#define NESTED_MAX 24

bool given_is_json(const struct given *given)
{
    return json_type_of(given->json) != JSON_ABSENT;
}

enum err given_keep(struct arena *arena, struct str text, struct str *out_text, struct error *error)
{
    char *copy = arena_dup(arena, text.at, text.len);
    if (!copy)
        return error_set(error, ERR_NO_MEMORY, "the script is too large");
    *out_text = (struct str){copy, text.len};
    return OK;
}

/* Decodes %XX in place; anything else stays. */
static size_t percent_decode(char *text, size_t len)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_coded = text[i] == '%' && i + 2 < len && str_hex_digit(text[i + 1]) >= 0 &&
                        str_hex_digit(text[i + 2]) >= 0;
        text[done++] = is_coded
                           ? (char)(str_hex_digit(text[i + 1]) * 16 + str_hex_digit(text[i + 2]))
                           : text[i];
        i += is_coded ? 2 : 0;
    }
    text[done] = '\0';
    return done;
}

enum err given_text(const struct given *given, struct str *out_text, struct error *error)
{
    struct str text;
    int64_t number;
    if (!given_is_json(given)) {
        enum err err = given_keep(given->arena, given->text, &text, error);
        if (err != OK)
            return err;
        char *room = (char *)(uintptr_t)text.at; /* the arena's copy is ours to change */
        *out_text = (struct str){room, percent_decode(room, text.len)};
        return OK;
    }
    if (json_string(given->json, &text))
        return given_keep(given->arena, text, out_text, error);
    if (!json_int64(given->json, &number))
        return error_set(error, ERR_MALFORMED, "wants a text");
    char room[24];
    int len = snprintf(room, sizeof room, "%lld", (long long)number);
    return given_keep(given->arena, (struct str){room, (size_t)len}, out_text, error);
}

static bool text_to_int(struct str text, int64_t *out_value)
{
    bool is_negative = str_starts(text, STR("-"));
    if (!str_to_int64(str_from(text, is_negative ? 1 : 0), out_value))
        return false;
    *out_value = is_negative ? -*out_value : *out_value;
    return true;
}

bool given_bool(const struct given *given, bool *out_value)
{
    int64_t number;
    if (given_is_json(given) && json_bool(given->json, out_value))
        return true;
    if (given_is_json(given) ? !json_int64(given->json, &number)
                             : !text_to_int(given->text, &number)) {
        *out_value = str_eq(given->text, STR("true")) || given->text.len == 0;
        return !given_is_json(given) && (*out_value || str_eq(given->text, STR("false")));
    }
    *out_value = number != 0;
    return number == 0 || number == 1;
}

enum err given_int(const struct given *given, int64_t low, int64_t high, int64_t *out_value,
                   struct error *error)
{
    int64_t value;
    bool truth;
    if (given_is_json(given) ? json_int64(given->json, &value) : text_to_int(given->text, &value))
        ; /* a number */
    else if (given_bool(given, &truth))
        value = truth;
    else
        return error_set(error, ERR_MALFORMED, "wants a whole number");
    if (value < low || value > high)
        return error_set(error, ERR_MALFORMED, "wants a number between %lld and %lld",
                         (long long)low, (long long)high);
    *out_value = value;
    return OK;
}

/* Writes a parsed value again, so that a script can hold a body as JSON. */
static void copy_json(struct json_writer *writer, const char *name, struct json value, int depth)
{
    struct str text;
    int64_t whole;
    double fraction;
    bool truth;
    switch (json_type_of(value)) {
    case JSON_STRING: json_put_string(writer, name, json_string_or_empty(value)); return;
    case JSON_BOOL: json_put_bool(writer, name, json_bool(value, &truth) && truth); return;
    case JSON_NUMBER:
        if (json_int64(value, &whole))
            json_put_int(writer, name, whole);
        else if (json_double(value, &fraction))
            json_put_double(writer, name, fraction);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    default: json_put_null(writer, name); return;
    }
    if (depth >= NESTED_MAX) {
        json_put_null(writer, name);
        return;
    }
    bool is_object = json_type_of(value) == JSON_OBJECT;
    if (!is_object)
        json_open_array(writer, name);
    else if (name)
        json_open_object_named(writer, name);
    else
        json_open_object(writer);
    for (struct json_cursor cursor = json_each(value); json_next(&cursor);) {
        char member[256];
        text = cursor.name;
        str_copy(text, member, sizeof member);
        copy_json(writer, is_object ? member : NULL, cursor.value, depth + 1);
    }
    if (is_object)
        json_close_object(writer);
    else
        json_close_array(writer);
}

enum err given_document(const struct given *given, struct str *out_text, struct error *error)
{
    enum json_type type = json_type_of(given->json);
    if (type != JSON_ARRAY && type != JSON_OBJECT)
        return given_text(given, out_text, error);
    AUTO_BUF struct buf text;
    buf_init(&text, TEXT_MAX);
    struct json_writer writer;
    json_writer_init(&writer, &text);
    copy_json(&writer, NULL, given->json, 0);
    if (text.failed)
        return error_set(error, ERR_NO_MEMORY, "the value is too large");
    return given_keep(given->arena, buf_str(&text), out_text, error);
}

enum err given_base64(const struct given *given, struct str *out_bytes, struct error *error)
{
    struct str text;
    enum err err = given_text(given, &text, error);
    if (err != OK)
        return err;
    char *room = arena_alloc(given->arena, text.len + 1);
    if (!room)
        return error_set(error, ERR_NO_MEMORY, "the script is too large");
    size_t len;
    if (!base64_decode(text, room, &len))
        return error_set(error, ERR_MALFORMED, "wants base64");
    room[len] = '\0';
    *out_bytes = (struct str){room, len};
    return OK;
}
