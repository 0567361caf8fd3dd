/* wire/messages_prompt_read.c: the top level of a messages body, one row for each field.
 *
 * What every provider would refuse is refused here, with the place; what only Anthropic can do is noted as dropped and the
 * rest of the request goes on. Claude Code sends much of that kind (CLIENTS.md 3), and must not notice.
 */
#include "wire/messages_parts.h"

#include <stdio.h>

enum err messages_refuse(struct messages_body *body, const char *what)
{
    return error_set(body->error, ERR_MALFORMED, "%s%s", body->place, what);
}

/* "a b" is not one of " a b ". */
static bool is_known(const char *known, struct str name)
{
    char padded[64];
    if (name.len == 0 || name.len > sizeof padded - 3 || memchr(name.at, ' ', name.len))
        return false;
    (void)snprintf(padded, sizeof padded, " %.*s ", STR_ARG(name));
    return strstr(known, padded) != NULL;
}

void messages_note_rest(struct prompt *prompt, struct json object, const char *prefix,
                        const char *known)
{
    for (struct json_cursor c = json_each(object); json_next(&c);) {
        if (str_eq(c.name, STR("cache_control"))) {
            if (json_says_something(c.value))
                prompt_drop(prompt, "cache_control");
            continue;
        }
        if (is_known(known, c.name) || !json_says_something(c.value))
            continue;
        char field[FIDELITY_FIELD_MAX];
        (void)snprintf(field, sizeof field, "%s%.*s", prefix,
                       (int)(c.name.len < 64 ? c.name.len : 64), c.name.at);
        prompt_drop(prompt, field);
    }
}

/* ---- sampling and limits ---------------------------------------------------------------------- */

static enum err read_number(struct messages_body *body, struct json value, const char *complaint,
                            struct str *out_raw)
{
    if (json_type_of(value) != JSON_NUMBER)
        return messages_refuse(body, complaint);
    *out_raw = prompt_raw(body->prompt, value);
    return OK;
}

static enum err read_max_tokens(struct messages_body *body, struct json value)
{
    int64_t tokens;
    if (!json_int64(value, &tokens) || tokens < 0)
        return messages_refuse(body, "max_tokens must be a whole number, not negative");
    body->prompt->max_tokens = tokens;
    return OK;
}

static enum err read_temperature(struct messages_body *body, struct json value)
{
    return read_number(body, value, "temperature must be a number", &body->prompt->temperature);
}

static enum err read_top_p(struct messages_body *body, struct json value)
{
    return read_number(body, value, "top_p must be a number", &body->prompt->top_p);
}

static enum err read_top_k(struct messages_body *body, struct json value)
{
    return read_number(body, value, "top_k must be a number", &body->prompt->top_k);
}

static enum err read_stops(struct messages_body *body, struct json value)
{
    struct prompt *prompt = body->prompt;
    if (json_type_of(value) != JSON_ARRAY)
        return messages_refuse(body, "stop_sequences must be an array of strings");
    for (struct json_cursor c = json_each(value); json_next(&c);) {
        struct str stop;
        if (!json_string(c.value, &stop))
            return messages_refuse(body, "stop_sequences must be an array of strings");
        if (prompt->stop_count < PROMPT_STOPS_MAX)
            prompt->stops[prompt->stop_count++] = stop;
        else
            prompt_drop(prompt, "stop_sequences");
    }
    return OK;
}

static enum err read_stream(struct messages_body *body, struct json value)
{
    if (!json_bool(value, &body->prompt->is_stream))
        return messages_refuse(body, "stream must be true or false");
    return OK;
}

/* ---- thinking and the answer's form ------------------------------------------------------------ */

static enum err read_thinking(struct messages_body *body, struct json value)
{
    struct prompt *prompt = body->prompt;
    if (json_type_of(value) != JSON_OBJECT)
        return messages_refuse(body, "thinking must be an object");
    struct str type = prompt_text(json_get(value, "type"));
    if (str_eq(type, STR("enabled")))
        prompt->thinking = THINKING_ON;
    else if (str_eq(type, STR("adaptive")))
        prompt->thinking = THINKING_ADAPTIVE;
    else if (str_eq(type, STR("disabled")))
        prompt->thinking = THINKING_OFF;
    else
        return messages_refuse(body, "thinking.type must be enabled, adaptive or disabled");
    prompt->thinking_budget = json_int64_or(json_get(value, "budget_tokens"), -1);
    prompt->thinking_shown = prompt_text(json_get(value, "display"));
    messages_note_rest(prompt, value, "thinking.", " type budget_tokens display ");
    return OK;
}

static enum err read_format(struct messages_body *body, struct json value)
{
    struct prompt *prompt = body->prompt;
    struct json schema = json_get(value, "schema");
    if (!str_eq(prompt_text(json_get(value, "type")), STR("json_schema"))) {
        prompt_drop(prompt, "output_config.format");
        return OK;
    }
    if (json_type_of(schema) != JSON_OBJECT)
        return messages_refuse(body, "output_config.format.schema must be an object");
    prompt->format = OUTPUT_SCHEMA;
    prompt->format_schema = prompt_raw(prompt, schema);
    prompt->format_name = prompt_text(json_get(value, "name"));
    messages_note_rest(prompt, value, "output_config.format.", " type schema name ");
    return OK;
}

static enum err read_output_config(struct messages_body *body, struct json value)
{
    if (json_type_of(value) != JSON_OBJECT)
        return messages_refuse(body, "output_config must be an object");
    body->prompt->effort = prompt_text(json_get(value, "effort"));
    messages_note_rest(body->prompt, value, "output_config.", " effort format ");
    struct json format = json_get(value, "format");
    return json_says_something(format) ? read_format(body, format) : OK;
}

/* ---- who and how ------------------------------------------------------------------------------- */

static enum err read_metadata(struct messages_body *body, struct json value)
{
    if (json_type_of(value) != JSON_OBJECT)
        return messages_refuse(body, "metadata must be an object");
    body->prompt->user = prompt_text(json_get(value, "user_id"));
    messages_note_rest(body->prompt, value, "metadata.", " user_id ");
    return OK;
}

static enum err read_service_tier(struct messages_body *body, struct json value)
{
    body->prompt->service_tier = prompt_text(value);
    return OK;
}

/* Read elsewhere, or of no effect on the answer: betas belong into a header, and it is the header that counts. */
static enum err pass_over(struct messages_body *body, struct json value)
{
    (void)body;
    (void)value;
    return OK;
}

static const struct field {
    struct str name;
    enum err (*read)(struct messages_body *body, struct json value);
} fields[] = {
    {STR_INIT("model"), pass_over},
    {STR_INIT("system"), pass_over}, /* these two come first, in the order of the conversation */
    {STR_INIT("messages"), pass_over},
    {STR_INIT("max_tokens"), read_max_tokens},
    {STR_INIT("stream"), read_stream},
    {STR_INIT("tools"), messages_read_tools},
    {STR_INIT("tool_choice"), messages_read_choice},
    {STR_INIT("thinking"), read_thinking},
    {STR_INIT("output_config"), read_output_config},
    {STR_INIT("output_format"), read_format},
    {STR_INIT("temperature"), read_temperature},
    {STR_INIT("top_p"), read_top_p},
    {STR_INIT("top_k"), read_top_k},
    {STR_INIT("stop_sequences"), read_stops},
    {STR_INIT("metadata"), read_metadata},
    {STR_INIT("service_tier"), read_service_tier},
    {STR_INIT("betas"), pass_over},
    {STR_INIT("anthropic_beta"), pass_over},
    {STR_INIT("anthropic_version"), pass_over},
};

/* A field without a row says what only Anthropic does: context_management, mcp_servers, container, ... */
static enum err read_field(struct messages_body *body, struct str name, struct json value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (str_eq(fields[i].name, name))
            return fields[i].read(body, value);
    if (json_says_something(value))
        fidelity_note_str(body->prompt->fidelity, FIDELITY_DROPPED, name);
    return OK;
}

enum err messages_prompt_read(struct prompt *prompt, struct json root, struct error *error)
{
    struct messages_body body = {.prompt = prompt, .error = error};
    if (json_type_of(root) != JSON_OBJECT)
        return messages_refuse(&body, "the body must be a JSON object");
    enum err err = messages_read_system(&body, json_get(root, "system"));
    if (err == OK)
        err = messages_read_turns(&body, json_get(root, "messages"));
    body.place[0] = '\0';
    for (struct json_cursor c = json_each(root); err == OK && json_next(&c);)
        if (json_type_of(c.value) != JSON_NULL)
            err = read_field(&body, c.name, c.value);
    if (err == OK && prompt->failed)
        err = error_set(error, ERR_NO_MEMORY, "no memory to read the request");
    return err;
}
