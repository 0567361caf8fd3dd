/* wire/responses_prompt_read.c: a request in the responses dialect into the common form: its top level.
 *
 * One row per field that the API has; a field without a row is noted under its own name. What only OpenAI's own
 * servers can do (stored conversations, templates, background runs) is refused, with what to do instead:
 * leaving it out would answer another question than the caller asked.
 *
 * Items: responses_input_read.c.  Tools: responses_tools_read.c.
 * Source:  CLIENTS.md 5; OpenAI's API reference as of November 2026.
 */
#include "wire/responses_parts.h"

#include <stdio.h>

/* ---- fields that need more than a row ---------------------------------------------------------- */

static enum err read_stream(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    (void)json_bool(value, &prompt->is_stream);
    return OK;
}

static enum err read_instructions(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    struct str text = prompt_text(value);
    if (text.len == 0)
        return OK;
    struct part *part = prompt_add_part(prompt, prompt_turn(prompt, TURN_SYSTEM), PART_TEXT);
    if (part)
        part->text = text;
    return OK;
}

static enum err read_tools(struct prompt *prompt, struct json value, struct error *error)
{
    return responses_tools_read(prompt, value, "tools", error);
}

static bool is_effort(struct str effort)
{
    static const struct str efforts[] = {
        STR_INIT("none"), STR_INIT("minimal"), STR_INIT("low"), STR_INIT("medium"),
        STR_INIT("high"), STR_INIT("xhigh"),   STR_INIT("max"),
    };
    return str_is_among(effort, efforts, sizeof efforts / sizeof efforts[0]);
}

/* Whoever speaks of reasoning without an effort wants as much of it as the model sees fit. */
static enum err read_reasoning(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    static const struct str known[] = {STR_INIT("effort"), STR_INIT("summary"),
                                       STR_INIT("generate_summary"), STR_INIT("context"),
                                       STR_INIT("mode")};
    struct str effort = prompt_text(json_get(value, "effort"));
    struct str context = prompt_text(json_get(value, "context"));
    struct str mode = prompt_text(json_get(value, "mode"));
    if (effort.len && !is_effort(effort)) {
        prompt_drop(prompt, "reasoning.effort");
        effort = STR("");
    }
    prompt->effort = effort;
    prompt->thinking_shown = prompt_text(json_get(value, "summary"));
    if (prompt->thinking_shown.len == 0)
        prompt->thinking_shown = prompt_text(json_get(value, "generate_summary"));
    if (str_eq(effort, STR("none")))
        prompt->thinking = THINKING_OFF;
    else if (effort.len)
        prompt->thinking = THINKING_ON;
    else if (prompt->thinking_shown.len)
        prompt->thinking = THINKING_ADAPTIVE;
    if (context.len && !str_eq(context, STR("auto")))
        prompt_drop(prompt, "reasoning.context");
    if (mode.len && !str_eq(mode, STR("standard")))
        prompt_drop(prompt, "reasoning.mode");
    prompt_drop_others(prompt, value, known, sizeof known / sizeof known[0], "reasoning");
    return OK;
}

static enum err read_format(struct prompt *prompt, struct json format, struct error *error)
{
    struct str type = prompt_text(json_get(format, "type"));
    struct json schema = json_get(format, "schema");
    if (type.len == 0 || str_eq(type, STR("text")))
        return OK;
    if (str_eq(type, STR("json_object"))) {
        prompt->format = OUTPUT_JSON;
        return OK;
    }
    if (!str_eq(type, STR("json_schema")))
        return error_set(error, ERR_MALFORMED,
                         "text.format.type must be text, json_object or json_schema");
    if (json_type_of(schema) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "text.format.schema must be an object");
    prompt->format = OUTPUT_SCHEMA;
    prompt->format_schema = prompt_raw(prompt, schema);
    prompt->format_name = prompt_text(json_get(format, "name"));
    prompt->format_description = prompt_text(json_get(format, "description"));
    prompt->format_strict = prompt_maybe(json_get(format, "strict"));
    return OK;
}

static enum err read_text(struct prompt *prompt, struct json value, struct error *error)
{
    static const struct str known[] = {STR_INIT("format"), STR_INIT("verbosity")};
    prompt->verbosity = prompt_text(json_get(value, "verbosity"));
    prompt_drop_others(prompt, value, known, sizeof known / sizeof known[0], "text");
    return read_format(prompt, json_get(value, "format"), error);
}

/* Encrypted reasoning comes in any case, sealed by its maker or by us; the rest is of hosted tools. */
static enum err read_include(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    for (struct json_cursor c = json_each(value); json_next(&c);) {
        struct str what = prompt_text(c.value);
        if (str_eq(what, STR("message.output_text.logprobs")))
            prompt->logprobs = MAYBE_YES;
        else if (!str_eq(what, STR("reasoning.encrypted_content")))
            prompt_drop(prompt, "include");
    }
    return OK;
}

/* Nothing is stored for the caller here, so what it would be stored for cannot work. */
static enum err read_store(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    prompt->store = MAYBE_NO;
    if (prompt_maybe(value) == MAYBE_YES)
        prompt_drop(prompt, "store");
    return OK;
}

static enum err read_truncation(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    if (!str_eq(prompt_text(value), STR("disabled")))
        prompt_drop(prompt, "truncation");
    return OK;
}

static enum err read_metadata(struct prompt *prompt, struct json value, struct error *error)
{
    (void)error;
    if (json_count(value) > 0)
        prompt->metadata = prompt_raw(prompt, value);
    return OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum take {
    TAKE_NOTHING, /* has no effect on the answer, or is seen to elsewhere */
    TAKE_RAW,     /* the digits as they stand */
    TAKE_TEXT,
    TAKE_INT,
    TAKE_MAYBE,
    TAKE_BY,   /* `read` */
    TAKE_DROP, /* noted when it says something */
    REFUSE     /* with `sentence`, when it says something */
};

static const struct field {
    const char *name;
    enum json_type type; /* JSON_ABSENT: any */
    enum take take;
    size_t member; /* of struct prompt */
    enum err (*read)(struct prompt *prompt, struct json value, struct error *error);
    const char *sentence;
} fields[] = {
    {.name = "model", .take = TAKE_NOTHING},
    {.name = "stream", .type = JSON_BOOL, .take = TAKE_BY, .read = read_stream},
    {.name = "stream_options", .take = TAKE_NOTHING},
    {.name = "client_metadata", .take = TAKE_NOTHING},
    {.name = "instructions", .type = JSON_STRING, .take = TAKE_BY, .read = read_instructions},
    {.name = "tools", .type = JSON_ARRAY, .take = TAKE_BY, .read = read_tools},
    {.name = "input", .take = TAKE_BY, .read = responses_input_read},
    {.name = "tool_choice", .take = TAKE_BY, .read = responses_choice_read},
    {.name = "parallel_tool_calls",
     .type = JSON_BOOL,
     .take = TAKE_MAYBE,
     .member = offsetof(struct prompt, parallel_tools)},
    {.name = "max_output_tokens",
     .type = JSON_NUMBER,
     .take = TAKE_INT,
     .member = offsetof(struct prompt, max_tokens)},
    {.name = "temperature",
     .type = JSON_NUMBER,
     .take = TAKE_RAW,
     .member = offsetof(struct prompt, temperature)},
    {.name = "top_p",
     .type = JSON_NUMBER,
     .take = TAKE_RAW,
     .member = offsetof(struct prompt, top_p)},
    {.name = "top_logprobs",
     .type = JSON_NUMBER,
     .take = TAKE_INT,
     .member = offsetof(struct prompt, top_logprobs)},
    {.name = "reasoning", .type = JSON_OBJECT, .take = TAKE_BY, .read = read_reasoning},
    {.name = "text", .type = JSON_OBJECT, .take = TAKE_BY, .read = read_text},
    {.name = "include", .type = JSON_ARRAY, .take = TAKE_BY, .read = read_include},
    {.name = "store", .type = JSON_BOOL, .take = TAKE_BY, .read = read_store},
    {.name = "truncation", .type = JSON_STRING, .take = TAKE_BY, .read = read_truncation},
    {.name = "metadata", .type = JSON_OBJECT, .take = TAKE_BY, .read = read_metadata},
    {.name = "user",
     .type = JSON_STRING,
     .take = TAKE_TEXT,
     .member = offsetof(struct prompt, user)},
    {.name = "safety_identifier", /* what `user` is called now: it holds over the old name */
     .type = JSON_STRING,
     .take = TAKE_TEXT,
     .member = offsetof(struct prompt, user)},
    {.name = "service_tier",
     .type = JSON_STRING,
     .take = TAKE_TEXT,
     .member = offsetof(struct prompt, service_tier)},
    {.name = "prompt_cache_key",
     .type = JSON_STRING,
     .take = TAKE_TEXT,
     .member = offsetof(struct prompt, cache_key)},
    {.name = "prompt_cache_retention", .take = TAKE_DROP},
    {.name = "prompt_cache_options", .take = TAKE_DROP},
    {.name = "max_tool_calls", .take = TAKE_DROP},
    {.name = "context_management", .take = TAKE_DROP},
    {.name = "moderation", .take = TAKE_DROP},
    {.name = "previous_response_id",
     .take = REFUSE,
     .sentence = "previous_response_id cannot be used here: no response is stored. Send the whole "
                 "conversation in input, with store: false"},
    {.name = "conversation",
     .take = REFUSE,
     .sentence = "conversation cannot be used here: no conversation is stored. Send the whole "
                 "conversation in input, with store: false"},
    {.name = "prompt",
     .take = REFUSE,
     .sentence = "prompt (a stored template) cannot be used here. Send its text in instructions "
                 "and input"},
    {.name = "background",
     .take = REFUSE,
     .sentence = "background: true cannot be used here: the answer comes with this request. "
                 "Leave it out, and stream for long answers"},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static const char *const type_names[] = {
    [JSON_ABSENT] = "",          [JSON_NULL] = "null",       [JSON_BOOL] = "true or false",
    [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "a list",
    [JSON_OBJECT] = "an object",
};

static enum err read_field(struct prompt *prompt, const struct field *field, struct json value,
                           struct error *error)
{
    enum json_type type = json_type_of(value);
    void *member = (char *)prompt + field->member;
    if (type == JSON_ABSENT || type == JSON_NULL)
        return OK;
    if (field->type != JSON_ABSENT && field->type != type)
        return error_set(error, ERR_MALFORMED, "%s must be %s", field->name,
                         type_names[field->type]);
    switch (field->take) {
    case TAKE_NOTHING: return OK;
    case TAKE_RAW: *(struct str *)member = prompt_raw(prompt, value); return OK;
    case TAKE_TEXT: *(struct str *)member = prompt_text(value); return OK;
    case TAKE_INT:
        if (!json_int64(value, member))
            return error_set(error, ERR_MALFORMED, "%s must be a whole number", field->name);
        return OK;
    case TAKE_MAYBE: *(enum maybe *)member = prompt_maybe(value); return OK;
    case TAKE_BY: return field->read(prompt, value, error);
    case TAKE_DROP:
        if (json_says_something(value))
            prompt_drop(prompt, field->name);
        return OK;
    case REFUSE: break;
    }
    return !json_says_something(value) ? OK
                                       : error_set(error, ERR_MALFORMED, "%s", field->sentence);
}

static bool is_field(struct str name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (str_eq(name, str_of(fields[i].name)))
            return true;
    return false;
}

enum err responses_prompt_read(struct prompt *prompt, struct json root, struct error *error)
{
    if (json_type_of(root) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "the body must be a JSON object");
    if (json_type_of(json_get(root, "input")) <= JSON_NULL)
        return error_set(error, ERR_MALFORMED, "input is missing: a string or a list of items");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        enum err err = read_field(prompt, &fields[i], json_get(root, fields[i].name), error);
        if (err != OK)
            return err;
    }
    for (struct json_cursor c = json_each(root); json_next(&c);)
        if (!is_field(c.name) && json_says_something(c.value))
            fidelity_note_str(prompt->fidelity, FIDELITY_DROPPED, c.name);
    if (prompt->failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to translate the request");
    return OK;
}
