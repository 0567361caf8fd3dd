/* simulate/play.c: one table of keys, read from JSON or from text.
 *
 * A row says where the value goes and what it may be. Keys whose JSON form is more than a number,
 * a text or a truth have a function of their own; their text form is the same function given text.
 */
#include "simulate/play.h"
#include "json/json_writer.h"

#include "base/buf.h"
#include "simulate/given.h"

#include <assert.h>
#include <stddef.h>

#define HOUR_MS       3600000
#define MANY          1000000000
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
    WORDS(reasoning_field),
    TRUTH(redacted),
    WORDS(refusal),
    WORDS(citation),
    TRUTH(logprobs),
    INT(events, 0, 10000000),
    OWN("tool_calls", read_tool_calls),
    OWN("tool", read_tool),
    OWN("tool_arguments", read_tool_arguments),
    TRUTH(tool_loop),
    TRUTH(whole_arguments),
    TRUTH(interleave),
    WORDS(stop_reason),
    WORDS(stop_sequence),
    OWN("usage", read_usage),
    INT(embedding_dimensions, 1, 8192),
    INT(one_event_bytes, 1, PLAY_BYTES_MAX),
    INT(strict, 0, 1),

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
    if (!given_is_json(given)) {
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
    return given_keep(given->arena, buf_str(&lines), &play->headers, error);
}

/* Where there are no custom tools it is a function's one argument. */
static enum err read_input(struct play_tool *tool, struct str input, const struct given *given,
                           struct error *error)
{
    AUTO_BUF struct buf wrapped;
    buf_init(&wrapped, PLAY_BYTES_MAX);
    buf_puts(&wrapped, "{\"input\":");
    json_quote(&wrapped, input);
    buf_putc(&wrapped, '}');
    if (wrapped.failed)
        return error_set(error, ERR_TOO_LARGE, "the input is too long");
    enum err err = given_keep(given->arena, input, &tool->input, error);
    return err == OK ? given_keep(given->arena, buf_str(&wrapped), &tool->arguments, error) : err;
}

static enum err read_tool_calls(struct play *play, const struct given *given, struct error *error)
{
    if (!given_is_json(given))
        return read_tool(play, given, error);
    play->tool_count = 0;
    for (struct json_cursor call = json_each(given->json); json_next(&call);) {
        if (play->tool_count == PLAY_TOOLS_MAX)
            return error_set(error, ERR_TOO_LARGE, "at most %d calls", PLAY_TOOLS_MAX);
        struct play_tool *tool = &play->tools[play->tool_count];
        struct json arguments = json_get(call.value, "arguments");
        struct json input = json_get(call.value, "input");
        enum err err = given_keep(given->arena, json_string_or_empty(json_get(call.value, "name")),
                                  &tool->name, error);
        tool->arguments = STR("{}");
        if (err == OK && json_type_of(arguments) != JSON_ABSENT)
            err = given_document(&(struct given){arguments, {0}, given->arena}, &tool->arguments,
                                 error);
        if (err == OK && json_type_of(input) == JSON_STRING)
            err = read_input(tool, json_string_or_empty(input), given, error);
        if (err != OK)
            return err;
        if (tool->name.len == 0)
            return error_set(error, ERR_MALFORMED,
                             "wants [{\"name\":..., \"arguments\":...}] or input for arguments");
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
    if (!given_is_json(given))
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
