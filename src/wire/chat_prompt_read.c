/* wire/chat_prompt_read.c: a chat completions request into the common form: one row per field that it can hold.
 *
 * What has no row is noted as dropped, under its own name; an empty object too (web_search_options: {} means a
 * search). A field that is null is absent. A field of the wrong type is refused here, with its name: every provider
 * would refuse it, less clearly.
 */
#include "wire/chat_parts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct field {
    struct str name;
    enum err (*read)(struct prompt *prompt, const struct field *field, struct json value,
                     struct error *error);
    size_t offset; /* of the member of struct prompt that it fills */
};

static void *member_of(struct prompt *prompt, const struct field *field)
{
    return (char *)prompt + field->offset;
}

static enum err refuse(const struct field *field, const char *what, struct error *error)
{
    return error_set(error, ERR_MALFORMED, "\"%.*s\" %s", STR_ARG(field->name), what);
}

/* ---- simple fields ----------------------------------------------------------------------------- */

/* No effect on an answer, or the gateway's own business. */
static enum err read_nothing(struct prompt *prompt, const struct field *field, struct json value,
                             struct error *error)
{
    (void)prompt;
    (void)field;
    (void)value;
    (void)error;
    return OK;
}

static enum err read_number(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    if (json_type_of(value) != JSON_NUMBER)
        return refuse(field, "must be a number", error);
    *(struct str *)member_of(prompt, field) = prompt_raw(prompt, value);
    return OK;
}

/* 0 is everybody's default: then nothing is asked for. */
static enum err read_penalty(struct prompt *prompt, const struct field *field, struct json value,
                             struct error *error)
{
    double number;
    if (json_double(value, &number) && number == 0)
        return OK;
    return read_number(prompt, field, value, error);
}

static enum err read_int(struct prompt *prompt, const struct field *field, struct json value,
                         struct error *error)
{
    int64_t number;
    if (!json_int64(value, &number) || number < 0)
        return refuse(field, "must be a whole number", error);
    *(int64_t *)member_of(prompt, field) = number;
    return OK;
}

/* The newer name of the same limit goes first, wherever it stands. */
static enum err read_old_limit(struct prompt *prompt, const struct field *field, struct json value,
                               struct error *error)
{
    int64_t newer = prompt->max_tokens;
    enum err err = read_int(prompt, field, value, error);
    if (newer >= 0)
        prompt->max_tokens = newer;
    return err;
}

static enum err read_flag(struct prompt *prompt, const struct field *field, struct json value,
                          struct error *error)
{
    bool truth;
    if (!json_bool(value, &truth))
        return refuse(field, "must be true or false", error);
    *(enum maybe *)member_of(prompt, field) = truth ? MAYBE_YES : MAYBE_NO;
    return OK;
}

static enum err read_stream(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    return json_bool(value, &prompt->is_stream) ? OK
                                                : refuse(field, "must be true or false", error);
}

static enum err read_text(struct prompt *prompt, const struct field *field, struct json value,
                          struct error *error)
{
    struct str *text = member_of(prompt, field);
    return json_string(value, text) ? OK : refuse(field, "must be a string", error);
}

/* `user` is the older name of safety_identifier. */
static enum err read_user(struct prompt *prompt, const struct field *field, struct json value,
                          struct error *error)
{
    struct str newer = prompt->user;
    enum err err = read_text(prompt, field, value, error);
    if (newer.len)
        prompt->user = newer;
    return err;
}

static enum err read_object(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    if (json_type_of(value) != JSON_OBJECT)
        return refuse(field, "must be an object", error);
    if (json_says_something(value))
        *(struct str *)member_of(prompt, field) = prompt_raw(prompt, value);
    return OK;
}

static enum err read_messages(struct prompt *prompt, const struct field *field, struct json value,
                              struct error *error)
{
    (void)field;
    return chat_messages_read(prompt, value, error);
}

/* ---- fields with a form of their own ----------------------------------------------------------- */

static void add_stop(struct prompt *prompt, struct json value)
{
    struct str text = prompt_text(value);
    if (text.len == 0)
        return;
    if (prompt->stop_count < PROMPT_STOPS_MAX)
        prompt->stops[prompt->stop_count++] = text;
    else
        prompt_change(prompt, "stop");
}

static enum err read_stop(struct prompt *prompt, const struct field *field, struct json value,
                          struct error *error)
{
    if (json_type_of(value) != JSON_STRING && json_type_of(value) != JSON_ARRAY)
        return refuse(field, "must be a string or an array of strings", error);
    add_stop(prompt, value);
    for (struct json_cursor c = json_each(value); json_next(&c);)
        add_stop(prompt, c.value);
    return OK;
}

/* Any effort asks the model to think; "none" asks it not to. */
static enum err read_effort(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    if (!json_string(value, &prompt->effort))
        return refuse(field, "must be a string", error);
    prompt->thinking = str_eq(prompt->effort, STR("none")) ? THINKING_OFF : THINKING_ON;
    return OK;
}

/* Text is what comes unasked. */
static enum err read_modalities(struct prompt *prompt, const struct field *field, struct json value,
                                struct error *error)
{
    (void)error;
    for (struct json_cursor c = json_each(value); json_next(&c);)
        if (!str_eq(prompt_text(c.value), STR("text")))
            fidelity_note_str(prompt->fidelity, FIDELITY_DROPPED, field->name);
    return OK;
}

/* Without a schema anything goes, which has a schema too. */
static struct str schema_of(struct prompt *prompt, struct json schema)
{
    return json_type_of(schema) == JSON_OBJECT ? prompt_raw(prompt, schema) : STR("{}");
}

static void read_schema(struct prompt *prompt, struct json schema)
{
    static const struct str known[] = {STR_INIT("name"), STR_INIT("description"),
                                       STR_INIT("schema"), STR_INIT("strict")};
    prompt->format = OUTPUT_SCHEMA;
    prompt->format_name = prompt_text(json_get(schema, "name"));
    prompt->format_description = prompt_text(json_get(schema, "description"));
    prompt->format_schema = schema_of(prompt, json_get(schema, "schema"));
    prompt->format_strict = prompt_maybe(json_get(schema, "strict"));
    prompt_drop_others(prompt, schema, known, COUNT(known), "response_format");
}

static enum err read_format(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    static const struct str known[] = {STR_INIT("type"), STR_INIT("json_schema")};
    struct json schema = json_get(value, "json_schema");
    struct str type = prompt_text(json_get(value, "type"));
    if (json_type_of(value) != JSON_OBJECT || type.len == 0)
        return refuse(field, "must be an object with a type", error);
    if (str_eq(type, STR("json_object")))
        prompt->format = OUTPUT_JSON;
    else if (str_eq(type, STR("json_schema")))
        read_schema(prompt, schema);
    else if (!str_eq(type, STR("text")))
        prompt_drop_member(prompt, "response_format", type);
    prompt_drop_others(prompt, value, known, COUNT(known), "response_format");
    return OK;
}

/* ---- tools: chat_tools_read.c ------------------------------------------------------------------ */

static enum err read_tools(struct prompt *prompt, const struct field *field, struct json value,
                           struct error *error)
{
    if (json_type_of(value) != JSON_ARRAY)
        return refuse(field, "must be an array", error);
    return chat_tools_read(prompt, value, error);
}

static enum err read_functions(struct prompt *prompt, const struct field *field, struct json value,
                               struct error *error)
{
    if (json_type_of(value) != JSON_ARRAY)
        return refuse(field, "must be an array", error);
    return chat_functions_read(prompt, value, error);
}

static enum err read_choice(struct prompt *prompt, const struct field *field, struct json value,
                            struct error *error)
{
    return chat_choice_read(prompt, value)
               ? OK
               : refuse(field, "must be none, auto, required or name a tool", error);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct prompt, member)

// clang-format off
static const struct field fields[] = {
    {STR_INIT("model"),                 read_nothing,    0},
    {STR_INIT("messages"),              read_messages,   0},
    {STR_INIT("stream"),                read_stream,     0},
    {STR_INIT("stream_options"),        read_nothing,    0},
    {STR_INIT("tools"),                 read_tools,      0},
    {STR_INIT("tool_choice"),           read_choice,     0},
    {STR_INIT("parallel_tool_calls"),   read_flag,       AT(parallel_tools)},
    {STR_INIT("functions"),             read_functions,  0},
    {STR_INIT("function_call"),         read_choice,     0},
    {STR_INIT("max_completion_tokens"), read_int,        AT(max_tokens)},
    {STR_INIT("max_tokens"),            read_old_limit,  AT(max_tokens)},
    {STR_INIT("temperature"),           read_number,     AT(temperature)},
    {STR_INIT("top_p"),                 read_number,     AT(top_p)},
    {STR_INIT("top_k"),                 read_number,     AT(top_k)},
    {STR_INIT("seed"),                  read_number,     AT(seed)},
    {STR_INIT("frequency_penalty"),     read_penalty,    AT(frequency_penalty)},
    {STR_INIT("presence_penalty"),      read_penalty,    AT(presence_penalty)},
    {STR_INIT("logit_bias"),            read_object,     AT(logit_bias)},
    {STR_INIT("stop"),                  read_stop,       0},
    {STR_INIT("logprobs"),              read_flag,       AT(logprobs)},
    {STR_INIT("top_logprobs"),          read_int,        AT(top_logprobs)},
    {STR_INIT("n"),                     read_int,        AT(answers)},
    {STR_INIT("response_format"),       read_format,     0},
    {STR_INIT("modalities"),            read_modalities, 0},
    {STR_INIT("reasoning_effort"),      read_effort,     0},
    {STR_INIT("verbosity"),             read_text,       AT(verbosity)},
    {STR_INIT("safety_identifier"),     read_text,       AT(user)},
    {STR_INIT("user"),                  read_user,       AT(user)},
    {STR_INIT("metadata"),              read_object,     AT(metadata)},
    {STR_INIT("service_tier"),          read_text,       AT(service_tier)},
    {STR_INIT("prompt_cache_key"),      read_text,       AT(cache_key)},
    {STR_INIT("store"),                 read_flag,       AT(store)},
};
// clang-format on

static const struct field *field_find(struct str name)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (str_eq(name, fields[i].name))
            return &fields[i];
    return NULL;
}

enum err chat_prompt_read(struct prompt *prompt, struct json root, struct error *error)
{
    if (json_type_of(root) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "the body must be a JSON object");
    for (struct json_cursor c = json_each(root); json_next(&c);) {
        const struct field *field = field_find(c.name);
        if (json_type_of(c.value) == JSON_NULL)
            continue;
        if (!field) {
            if (json_type_of(c.value) == JSON_OBJECT || json_says_something(c.value))
                fidelity_note_str(prompt->fidelity, FIDELITY_DROPPED, c.name);
            continue;
        }
        enum err err = field->read(prompt, field, c.value, error);
        if (err == ERR_NO_MEMORY)
            break;
        if (err != OK)
            return err;
    }
    if (!prompt->turns && !prompt->failed)
        return error_set(error, ERR_MALFORMED, "\"messages\" is missing");
    return prompt->failed ? error_set(error, ERR_NO_MEMORY, "no memory to translate the request")
                          : OK;
}
