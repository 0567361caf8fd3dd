/* simulate/play.c: one table of keys, read from JSON or from text.
 *
 * A row says where the value goes and what it may be. Keys whose JSON form is more than a number,
 * a text or a truth have a function of their own; their text form is the same function given text.
 */
#include "simulate/play.h"

#include "json/json_writer.h"
#include "simulate/base64.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_MAX      (32u * 1024 * 1024)
#define HOUR_MS       3600000
#define MANY          1000000000
#define NESTED_MAX    24
#define BOMB_MIB_MAX  4096
#define HEADERS_LIMIT 65536u

enum key_type {
    KEY_INT,    /* int64_t at `offset`, between low and high; true and false count as 1 and 0 */
    KEY_BOOL,   /* bool */
    KEY_TEXT,   /* struct str */
    KEY_NAMED,  /* struct str, and the bool that follows it says that it was given */
    KEY_BASE64, /* the same, decoded */
    KEY_OWN     /* a reader of its own */
};

/* A value as it came: JSON, or text when `json` is absent. */
struct given {
    struct json json;
    struct str text;
    struct arena *arena;
};

typedef enum err key_reader(struct play *play, const struct given *given, struct error *error);
static key_reader read_body, read_headers, read_tool_calls, read_tool, read_tool_arguments,
    read_usage, read_error_event, read_die_after, read_models_body;

struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    int64_t low, high;
    key_reader *read;
};

// clang-format off
#define INT(field, low, high) {#field, KEY_INT,  offsetof(struct play, field), low, high, NULL}
#define TRUTH(field)          {#field, KEY_BOOL, offsetof(struct play, field), 0, 0, NULL}
#define WORDS(field)          {#field, KEY_TEXT, offsetof(struct play, field), 0, 0, NULL}
#define OWN(name, reader)     {name,   KEY_OWN,  0, 0, 0, reader}

static const struct key keys[] = {
    INT(status, 100, 999),
    OWN("body", read_body),
    {"body_base64", KEY_BASE64, offsetof(struct play, body), 0, 0, NULL},
    WORDS(content_type),
    OWN("headers", read_headers),
    WORDS(retry_after),
    {"text", KEY_NAMED, offsetof(struct play, text), 0, 0, NULL},
    WORDS(reasoning),
    INT(events, 0, 10000000),
    OWN("tool_calls", read_tool_calls),
    OWN("tool", read_tool),
    OWN("tool_arguments", read_tool_arguments),
    TRUTH(tool_loop),
    WORDS(stop_reason),
    OWN("usage", read_usage),
    INT(embedding_dimensions, 1, 8192),
    INT(one_event_bytes, 1, PLAY_BYTES_MAX),

    INT(delay_ms, 0, HOUR_MS),
    INT(first_event_delay_ms, 0, HOUR_MS),
    INT(gap_ms, 0, HOUR_MS),
    INT(trickle_ms, 0, HOUR_MS),

    TRUTH(cut_before_head),
    TRUTH(reset_before_head),
    TRUTH(stall_before_head),
    INT(cut_after_events, 0, MANY),
    INT(reset_after_events, 0, MANY),
    INT(stall_after_events, 0, MANY),
    INT(cut_after_bytes, 0, MANY),
    INT(reset_after_bytes, 0, MANY),
    INT(stall_after_bytes, 0, MANY),
    OWN("die_after", read_die_after),
    TRUTH(torn_chunk),
    TRUTH(no_terminal),
    TRUTH(double_terminal),
    TRUTH(lifecycle_only),

    OWN("error_event_after", read_error_event),
    WORDS(error_shape),
    WORDS(error_type),
    WORDS(error_code),
    WORDS(error_message),

    TRUTH(garbage),
    {"raw", KEY_NAMED, offsetof(struct play, raw), 0, 0, NULL},
    {"raw_base64", KEY_BASE64, offsetof(struct play, raw), 0, 0, NULL},
    INT(content_length_delta, -MANY, MANY),
    INT(chunked, 0, 1),
    TRUTH(close),
    TRUTH(http_1_0),
    INT(informational, 0, 100000),
    INT(header_bytes, 0, 64 * 1024 * 1024),
    INT(header_count, 0, 1000000),
    INT(gzip_bomb_mib, 1, BOMB_MIB_MAX),

    INT(models_status, 100, 999),
    INT(models_count, 0, 1000000),
    OWN("models_body", read_models_body),
};
// clang-format on
#define KEY_COUNT (sizeof keys / sizeof keys[0])

/* KEY_NAMED and KEY_BASE64 write the truth right behind the text. */
#define FOLLOWS(has, text)                                                                        \
    static_assert(offsetof(struct play, has) == offsetof(struct play, text) + sizeof(struct str), \
                  #has " follows " #text)
FOLLOWS(has_body, body);
FOLLOWS(has_text, text);
FOLLOWS(has_raw, raw);
FOLLOWS(has_models_body, models_body);

const char *play_key_name(size_t index)
{
    return index < KEY_COUNT ? keys[index].name : NULL;
}

void play_init(struct play *play)
{
    *play = (struct play){.error_after_events = PLAY_UNSET};
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (keys[i].type == KEY_INT)
            memcpy((char *)play + keys[i].offset, &(int64_t){PLAY_UNSET}, sizeof(int64_t));
    play->usage =
        (struct play_usage){USAGE_TOLD, PLAY_UNSET, PLAY_UNSET, PLAY_UNSET, PLAY_UNSET, PLAY_UNSET};
}

bool play_is_about_models(const struct play *play)
{
    return play->models_status != PLAY_UNSET || play->models_count != PLAY_UNSET ||
           play->has_models_body;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_json(const struct given *given)
{
    return json_type_of(given->json) != JSON_ABSENT;
}

static enum err keep(struct arena *arena, struct str text, struct str *out_text,
                     struct error *error)
{
    char *copy = arena_dup(arena, text.at, text.len);
    if (!copy)
        return error_set(error, ERR_NO_MEMORY, "the script is too large");
    *out_text = (struct str){copy, text.len};
    return OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place; anything else stays. */
static size_t percent_decode(char *text, size_t len)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_coded = text[i] == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
        text[done++] =
            is_coded ? (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
        i += is_coded ? 2 : 0;
    }
    text[done] = '\0';
    return done;
}

/* A text: a JSON string, a JSON number as it would be written, or percent-decoded text. */
static enum err given_text(const struct given *given, struct str *out_text, struct error *error)
{
    struct str text;
    int64_t number;
    if (!is_json(given)) {
        enum err err = keep(given->arena, given->text, &text, error);
        if (err != OK)
            return err;
        char *room = (char *)(uintptr_t)text.at; /* the arena's copy is ours to change */
        *out_text = (struct str){room, percent_decode(room, text.len)};
        return OK;
    }
    if (json_string(given->json, &text))
        return keep(given->arena, text, out_text, error);
    if (!json_int64(given->json, &number))
        return error_set(error, ERR_MALFORMED, "wants a text");
    char room[24];
    int len = snprintf(room, sizeof room, "%lld", (long long)number);
    return keep(given->arena, (struct str){room, (size_t)len}, out_text, error);
}

static bool text_to_int(struct str text, int64_t *out_value)
{
    bool is_negative = str_starts(text, STR("-"));
    if (!str_to_int64(str_from(text, is_negative ? 1 : 0), out_value))
        return false;
    *out_value = is_negative ? -*out_value : *out_value;
    return true;
}

static bool given_bool(const struct given *given, bool *out_value)
{
    int64_t number;
    if (is_json(given) && json_bool(given->json, out_value))
        return true;
    if (is_json(given) ? !json_int64(given->json, &number) : !text_to_int(given->text, &number)) {
        *out_value = str_eq(given->text, STR("true")) || given->text.len == 0;
        return !is_json(given) && (*out_value || str_eq(given->text, STR("false")));
    }
    *out_value = number != 0;
    return number == 0 || number == 1;
}

static enum err given_int(const struct given *given, int64_t low, int64_t high, int64_t *out_value,
                          struct error *error)
{
    int64_t value;
    bool truth;
    if (is_json(given) ? json_int64(given->json, &value) : text_to_int(given->text, &value))
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

/* A string as it is, any other JSON value as its text. */
static enum err given_document(const struct given *given, struct str *out_text, struct error *error)
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
    return keep(given->arena, buf_str(&text), out_text, error);
}

static enum err given_base64(const struct given *given, struct str *out_bytes, struct error *error)
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
    *out_bytes = (struct str){room, len};
    return OK;
}

/* ---- keys with a reader of their own ----------------------------------------------------------- */

static enum err read_body(struct play *play, const struct given *given, struct error *error)
{
    play->has_body = true;
    return given_document(given, &play->body, error);
}

static enum err read_models_body(struct play *play, const struct given *given, struct error *error)
{
    play->has_models_body = true;
    return given_document(given, &play->models_body, error);
}

static enum err read_die_after(struct play *play, const struct given *given, struct error *error)
{
    return given_int(given, 0, MANY, &play->cut_after_events, error);
}

/* {"Name": "value", "Other": ["two", "lines"]}; as text one header: `headers=Name:value`. */
static enum err read_headers(struct play *play, const struct given *given, struct error *error)
{
    AUTO_BUF struct buf lines;
    buf_init(&lines, HEADERS_LIMIT);
    buf_append_str(&lines, play->headers);
    if (!is_json(given)) {
        struct str line;
        enum err err = given_text(given, &line, error);
        if (err != OK)
            return err;
        buf_append_str(&lines, line);
        buf_puts(&lines, "\r\n");
    }
    for (struct json_cursor header = json_each(given->json); json_next(&header);) {
        struct json_cursor line = json_each(header.value);
        bool is_array = json_type_of(header.value) == JSON_ARRAY;
        while (is_array ? json_next(&line) : true) {
            struct str value;
            enum err err =
                given_text(&(struct given){is_array ? line.value : header.value, {0}, given->arena},
                           &value, error);
            if (err != OK)
                return err;
            buf_printf(&lines, "%.*s: %.*s\r\n", STR_ARG(header.name), STR_ARG(value));
            if (!is_array)
                break;
        }
    }
    if (lines.failed)
        return error_set(error, ERR_TOO_LARGE, "too many headers; try header_bytes");
    return keep(given->arena, buf_str(&lines), &play->headers, error);
}

static enum err read_tool_calls(struct play *play, const struct given *given, struct error *error)
{
    if (!is_json(given))
        return read_tool(play, given, error);
    play->tool_count = 0;
    for (struct json_cursor call = json_each(given->json); json_next(&call);) {
        if (play->tool_count == PLAY_TOOLS_MAX)
            return error_set(error, ERR_TOO_LARGE, "at most %d calls", PLAY_TOOLS_MAX);
        struct play_tool *tool = &play->tools[play->tool_count];
        struct json arguments = json_get(call.value, "arguments");
        enum err err = keep(given->arena, json_string_or_empty(json_get(call.value, "name")),
                            &tool->name, error);
        tool->arguments = STR("{}");
        if (err == OK && json_type_of(arguments) != JSON_ABSENT)
            err = given_document(&(struct given){arguments, {0}, given->arena}, &tool->arguments,
                                 error);
        if (err != OK)
            return err;
        if (tool->name.len == 0)
            return error_set(error, ERR_MALFORMED, "wants [{\"name\":..., \"arguments\":...}]");
        play->tool_count++;
    }
    return OK;
}

/* Each `tool=name` adds one call; `tool_arguments` belongs to the last. */
static enum err read_tool(struct play *play, const struct given *given, struct error *error)
{
    if (play->tool_count == PLAY_TOOLS_MAX)
        return error_set(error, ERR_TOO_LARGE, "at most %d calls", PLAY_TOOLS_MAX);
    struct play_tool *tool = &play->tools[play->tool_count];
    tool->arguments = STR("{}");
    enum err err = given_text(given, &tool->name, error);
    if (err == OK)
        play->tool_count++;
    return err;
}

static enum err read_tool_arguments(struct play *play, const struct given *given,
                                    struct error *error)
{
    if (play->tool_count == 0)
        return error_set(error, ERR_MALFORMED, "comes after tool");
    return given_document(given, &play->tools[play->tool_count - 1].arguments, error);
}

static enum err read_usage_mode(struct play_usage *usage, struct str word, struct error *error)
{
    if (str_eq(word, STR("null")) || str_eq(word, STR("none")))
        usage->mode = USAGE_MISSING;
    else if (str_eq(word, STR("after_done")) || str_eq(word, STR("after-done")))
        usage->mode = USAGE_AFTER_DONE;
    else
        return error_set(error, ERR_MALFORMED, "wants an object, null or \"after_done\"");
    return OK;
}

static enum err read_usage(struct play *play, const struct given *given, struct error *error)
{
    struct play_usage *usage = &play->usage;
    if (!is_json(given))
        return read_usage_mode(usage, given->text, error);
    if (json_type_of(given->json) == JSON_NULL)
        return read_usage_mode(usage, STR("null"), error);
    if (json_type_of(given->json) != JSON_OBJECT)
        return read_usage_mode(usage, json_string_or_empty(given->json), error);
    const struct {
        const char *name;
        int64_t *value;
    } members[] = {{"input_tokens", &usage->input_tokens},
                   {"output_tokens", &usage->output_tokens},
                   {"cached_tokens", &usage->cached_tokens},
                   {"cache_write_tokens", &usage->cache_write_tokens},
                   {"reasoning_tokens", &usage->reasoning_tokens}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        (void)json_int64(json_get(given->json, members[i].name), members[i].value);
    return OK;
}

/* {"events":N, "type", "code", "message", "shape"}, or only the number. */
static enum err read_error_event(struct play *play, const struct given *given, struct error *error)
{
    if (json_type_of(given->json) != JSON_OBJECT)
        return given_int(given, 0, MANY, &play->error_after_events, error);
    const struct {
        const char *name;
        struct str *text;
    } members[] = {{"type", &play->error_type},
                   {"code", &play->error_code},
                   {"message", &play->error_message},
                   {"shape", &play->error_shape}};
    play->error_after_events = json_int64_or(json_get(given->json, "events"), 0);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct json value = json_get(given->json, members[i].name);
        if (json_type_of(value) == JSON_ABSENT)
            continue;
        enum err err =
            given_text(&(struct given){value, {0}, given->arena}, members[i].text, error);
        if (err != OK)
            return err;
    }
    return OK;
}

/* ---- both ways in ---------------------------------------------------------------------------- */

static const struct key *find_key(struct str name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (str_eq(name, str_of(keys[i].name)))
            return &keys[i];
    return NULL;
}

static enum err read_value(struct play *play, const struct key *key, const struct given *given,
                           struct error *error)
{
    char *field = (char *)play + key->offset;
    enum err err = OK;
    switch (key->type) {
    case KEY_INT: return given_int(given, key->low, key->high, (int64_t *)(void *)field, error);
    case KEY_BOOL:
        if (!given_bool(given, (bool *)field))
            return error_set(error, ERR_MALFORMED, "wants true or false");
        return OK;
    case KEY_TEXT: return given_text(given, (struct str *)(void *)field, error);
    case KEY_NAMED: err = given_text(given, (struct str *)(void *)field, error); break;
    case KEY_BASE64: err = given_base64(given, (struct str *)(void *)field, error); break;
    case KEY_OWN: return key->read(play, given, error);
    }
    if (err == OK)
        *(bool *)(field + sizeof(struct str)) = true;
    return err;
}

static enum err read_key(struct play *play, struct str name, const struct given *given,
                         struct error *error)
{
    const struct key *key = find_key(name);
    if (!key)
        return error_set(error, ERR_MALFORMED,
                         "unknown key '%.*s'; docs/reference/simulate.md lists them",
                         (int)(name.len < 64 ? name.len : 64), name.at);
    struct error why = {0};
    enum err err = read_value(play, key, given, &why);
    return err == OK ? OK : error_set(error, err, "%s: %s", key->name, why.text);
}

enum err play_read_json(struct play *play, struct json object, struct arena *arena,
                        struct error *error)
{
    if (json_type_of(object) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "\"then\" must be an object");
    for (struct json_cursor member = json_each(object); json_next(&member);) {
        enum err err = read_key(play, member.name,
                                &(struct given){.json = member.value, .arena = arena}, error);
        if (err != OK)
            return err;
    }
    return OK;
}

enum err play_read_text(struct play *play, struct str text, struct arena *arena,
                        struct error *error)
{
    while (text.len > 0) {
        struct str value = str_trim(str_cut(&text, ','));
        struct str name = str_cut(&value, '=');
        char room[64];
        str_copy(name, room, sizeof room);
        for (char *c = room; *c; c++)
            *c = *c == '-' ? '_' : *c;
        enum err err =
            read_key(play, str_of(room), &(struct given){.text = value, .arena = arena}, error);
        if (err != OK)
            return err;
    }
    return OK;
}
