/* wire/meter_answer.c: plain answers, and what they share with streams: tokens, text, errors. */
#include "wire/meter_parts.h"

#define TOKENS_MAX      INT64_C(1000000000000) /* more than this is a provider's mistake */
#define BYTES_PER_TOKEN 4

/* ---- text ------------------------------------------------------------------------------------ */

bool meter_says_something(struct json value)
{
    struct str text = STR("");
    if (json_string(value, &text))
        return text.len > 0;
    struct json_cursor items = json_each(value);
    return json_next(&items);
}

/* Strings that are not output: everybody's bookkeeping. */
static bool is_bookkeeping(struct str name)
{
    static const struct str names[] = {
        STR_INIT("type"),   STR_INIT("id"),        STR_INIT("role"),
        STR_INIT("status"), STR_INIT("signature"), STR_INIT("encrypted_content"),
        STR_INIT("object"), STR_INIT("call_id"),
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(name, names[i]))
            return true;
    }
    return false;
}

int64_t meter_text_bytes(struct json value)
{
    struct str text = STR("");
    if (json_string(value, &text))
        return (int64_t)text.len;
    int64_t bytes = 0;
    for (struct json_cursor c = json_each(value); json_next(&c);) {
        if (!c.is_object || !is_bookkeeping(c.name))
            bytes += meter_text_bytes(c.value); /* as deep as the reader allows */
    }
    return bytes;
}

void meter_take_model(struct meter *meter, struct json model)
{
    struct str name = STR("");
    if (meter->model[0] == '\0' && json_string(model, &name))
        str_copy(name, meter->model, sizeof meter->model);
}

void meter_take_error(struct meter *meter, struct json root)
{
    struct error_body error;
    (void)error_body_of(root, &error);
    meter->error_status = error_body_status(&error);
    str_copy(error.type, meter->error_type, sizeof meter->error_type);
    str_copy(error.code, meter->error_code, sizeof meter->error_code);
    str_copy(error.message, meter->error_message, sizeof meter->error_message);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static int64_t tokens_of(struct json value)
{
    int64_t tokens = json_int64_or(value, TOKENS_UNKNOWN);
    return tokens >= 0 && tokens <= TOKENS_MAX ? tokens : TOKENS_UNKNOWN;
}

/* What is told later replaces what was told before; what is not told replaces nothing. */
static void take_tokens(int64_t *known, struct json value)
{
    int64_t tokens = tokens_of(value);
    if (tokens != TOKENS_UNKNOWN)
        *known = tokens;
}

static int64_t at_most(int64_t tokens, int64_t whole)
{
    return whole != TOKENS_UNKNOWN && tokens > whole ? whole : tokens;
}

static const struct usage_names {
    const char *input, *input_details, *output, *output_details;
} chat_names = {"prompt_tokens", "prompt_tokens_details", "completion_tokens",
                "completion_tokens_details"},
  responses_names = {"input_tokens", "input_tokens_details", "output_tokens",
                     "output_tokens_details"};

static void take_openai(struct usage *usage, const struct usage_names *names, struct json told)
{
    take_tokens(&usage->input_tokens, json_get(told, names->input));
    take_tokens(&usage->output_tokens, json_get(told, names->output));
    take_tokens(&usage->cached_tokens, json_at(told, names->input_details, "cached_tokens", NULL));
    take_tokens(&usage->reasoning_tokens,
                json_at(told, names->output_details, "reasoning_tokens", NULL));
    usage->cached_tokens = at_most(usage->cached_tokens, usage->input_tokens);
    usage->reasoning_tokens = at_most(usage->reasoning_tokens, usage->output_tokens);
}

static int64_t or_zero(int64_t tokens)
{
    return tokens == TOKENS_UNKNOWN ? 0 : tokens;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Anthropic's input_tokens leave out what was read from and written to the cache. Its counts are
 * cumulative, and a proxy may send zeros first and the truth in message_delta, or the other way
 * round: the larger one holds. */
static void take_anthropic(struct usage *usage, struct json told)
{
    int64_t fresh = tokens_of(json_get(told, "input_tokens"));
    int64_t read = tokens_of(json_get(told, "cache_read_input_tokens"));
    int64_t written = tokens_of(json_get(told, "cache_creation_input_tokens"));
    int64_t cached_before = or_zero(usage->cached_tokens) + or_zero(usage->cache_write_tokens);
    if (usage->input_tokens != TOKENS_UNKNOWN)
        fresh = larger(fresh, usage->input_tokens - cached_before);

    usage->cached_tokens = larger(read, usage->cached_tokens);
    usage->cache_write_tokens = larger(written, usage->cache_write_tokens);
    if (fresh != TOKENS_UNKNOWN)
        usage->input_tokens =
            fresh + or_zero(usage->cached_tokens) + or_zero(usage->cache_write_tokens);
    take_tokens(&usage->output_tokens, json_get(told, "output_tokens"));
}

void meter_take_usage(struct meter *meter, struct json usage)
{
    if (json_type_of(usage) != JSON_OBJECT)
        return;
    switch (meter->endpoint) {
    case ENDPOINT_MESSAGES: take_anthropic(&meter->usage, usage); break;
    case ENDPOINT_RESPONSES: take_openai(&meter->usage, &responses_names, usage); break;
    default: take_openai(&meter->usage, &chat_names, usage); break;
    }
    if (meter->endpoint == ENDPOINT_EMBEDDINGS && meter->usage.output_tokens == TOKENS_UNKNOWN)
        meter->usage.output_tokens = 0;
}

void meter_estimate(struct meter *meter, int64_t input_bytes)
{
    struct usage *usage = &meter->usage;
    int64_t output_tokens = (meter->output_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    /* message_start tells a first output count, which stands until message_delta: a stream cut in
     * between has produced more. */
    bool is_early = meter->endpoint == ENDPOINT_MESSAGES && !meter->has_end &&
                    usage->output_tokens < output_tokens;
    if (usage->output_tokens == TOKENS_UNKNOWN || is_early) {
        usage->output_tokens = output_tokens;
        usage->is_estimated = true;
    }
    if (usage->input_tokens == TOKENS_UNKNOWN && input_bytes >= 0) {
        usage->input_tokens = (input_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
        usage->is_estimated = true;
    }
}

/* ---- plain answers --------------------------------------------------------------------------- */

static bool is_string(struct json value)
{
    return json_type_of(value) == JSON_STRING;
}

static bool has_choice(struct meter *meter, struct json root)
{
    bool has_any = false;
    for (struct json_cursor c = json_each(json_get(root, "choices")); json_next(&c);) {
        struct json message = json_get(c.value, "message");
        struct json text = json_get(c.value, "text");
        meter->output_bytes += meter_text_bytes(message) + meter_text_bytes(text);
        has_any = has_any || is_string(json_get(c.value, "finish_reason")) ||
                  meter_text_bytes(message) > 0 || meter_says_something(text);
    }
    return has_any;
}

/* One that is still being worked on, or was cut by its token limit, may be without output. */
static bool has_response(struct meter *meter, struct json root)
{
    struct json output = json_get(root, "output");
    struct str status = json_string_or_empty(json_get(root, "status"));
    meter->output_bytes += meter_text_bytes(output);
    return meter_says_something(output) ||
           (!str_is_empty(status) && !str_eq(status, STR("completed")));
}

static bool has_message(struct meter *meter, struct json root)
{
    struct json content = json_get(root, "content");
    meter->output_bytes += meter_text_bytes(content);
    return meter_says_something(content) || is_string(json_get(root, "stop_reason"));
}

static bool has_answer(struct meter *meter, struct json root)
{
    switch (meter->endpoint) {
    case ENDPOINT_CHAT:
    case ENDPOINT_COMPLETIONS: return has_choice(meter, root);
    case ENDPOINT_RESPONSES: return has_response(meter, root);
    case ENDPOINT_MESSAGES: return has_message(meter, root);
    case ENDPOINT_COUNT_TOKENS: return json_type_of(json_get(root, "input_tokens")) == JSON_NUMBER;
    default: return meter_says_something(json_get(root, "data"));
    }
}

static bool is_error(struct json root)
{
    return meter_says_something(json_get(root, "error")) ||
           str_eq(json_string_or_empty(json_get(root, "type")), STR("error")) ||
           str_eq(json_string_or_empty(json_get(root, "object")), STR("error")) ||
           str_eq(json_string_or_empty(json_get(root, "status")), STR("failed"));
}

enum answer_class meter_answer(struct meter *meter, struct json_reader *reader, struct str body)
{
    struct json root;
    if (json_parse(reader, body, &root, NULL) != OK || json_type_of(root) != JSON_OBJECT)
        return ANSWER_GARBAGE;
    meter_take_model(meter, json_get(root, "model"));
    meter_take_usage(meter, json_get(root, "usage"));
    if (is_error(root)) {
        meter_take_error(meter, root);
        return ANSWER_ERROR;
    }
    if (has_answer(meter, root)) {
        meter->has_content = meter->has_end = true;
        return ANSWER_GOOD;
    }
    struct error_body unmarked; /* {"detail":...}, {"message":...} where an answer should be */
    if (!error_body_of(root, &unmarked))
        return ANSWER_EMPTY;
    meter_take_error(meter, root);
    return ANSWER_ERROR;
}
