/* wire/meter_answer.c: plain answers, and what they share with streams: tokens, text, errors. */
#include "wire/meter_parts.h"

#include "base/mem.h"

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

/* What the two dialects of OpenAI call it. */
enum counted {
    COUNTED_INPUT,
    COUNTED_INPUT_DETAILS,
    COUNTED_OUTPUT,
    COUNTED_OUTPUT_DETAILS,
    COUNTED_COUNT
};
static const struct str chat_names[COUNTED_COUNT] = {STR_INIT("prompt_tokens"),
                                                     STR_INIT("prompt_tokens_details"),
                                                     STR_INIT("completion_tokens"),
                                                     STR_INIT("completion_tokens_details")},
                        responses_names[COUNTED_COUNT] = {
                            STR_INIT("input_tokens"), STR_INIT("input_tokens_details"),
                            STR_INIT("output_tokens"), STR_INIT("output_tokens_details")};

static void take_openai(struct usage *usage, const struct str *names, struct json told)
{
    struct json counted[COUNTED_COUNT];
    json_pick(told, names, COUNTED_COUNT, counted);
    take_tokens(&usage->input_tokens, counted[COUNTED_INPUT]);
    take_tokens(&usage->output_tokens, counted[COUNTED_OUTPUT]);
    take_tokens(&usage->cached_tokens, json_get(counted[COUNTED_INPUT_DETAILS], "cached_tokens"));
    take_tokens(&usage->reasoning_tokens,
                json_get(counted[COUNTED_OUTPUT_DETAILS], "reasoning_tokens"));
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
    struct json kept = json_get(told, "cache_creation"); /* the same, by how long it is kept */
    int64_t hour = tokens_of(json_get(kept, "ephemeral_1h_input_tokens"));
    int64_t cached_before = or_zero(usage->cached_tokens) + or_zero(usage->cache_write_tokens);
    if (usage->input_tokens != TOKENS_UNKNOWN)
        fresh = larger(fresh, usage->input_tokens - cached_before);

    usage->cached_tokens = larger(read, usage->cached_tokens);
    usage->cache_write_tokens = larger(written, usage->cache_write_tokens);
    usage->cache_write_1h_tokens = larger(hour, usage->cache_write_1h_tokens);
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
    case ENDPOINT_RESPONSES: take_openai(&meter->usage, responses_names, usage); break;
    default: take_openai(&meter->usage, chat_names, usage); break;
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

/* All that is asked of an answer's top level. */
enum root {
    ROOT_MODEL,
    ROOT_USAGE,
    ROOT_ERROR,
    ROOT_TYPE,
    ROOT_OBJECT,
    ROOT_STATUS,
    ROOT_CHOICES,
    ROOT_OUTPUT,
    ROOT_CONTENT,
    ROOT_STOP_REASON,
    ROOT_INPUT_TOKENS,
    ROOT_DATA,
    ROOT_COUNT
};

static const struct str root_names[ROOT_COUNT] = {
    [ROOT_MODEL] = STR_INIT("model"),
    [ROOT_USAGE] = STR_INIT("usage"),
    [ROOT_ERROR] = STR_INIT("error"),
    [ROOT_TYPE] = STR_INIT("type"),
    [ROOT_OBJECT] = STR_INIT("object"),
    [ROOT_STATUS] = STR_INIT("status"),
    [ROOT_CHOICES] = STR_INIT("choices"),
    [ROOT_OUTPUT] = STR_INIT("output"),
    [ROOT_CONTENT] = STR_INIT("content"),
    [ROOT_STOP_REASON] = STR_INIT("stop_reason"),
    [ROOT_INPUT_TOKENS] = STR_INIT("input_tokens"),
    [ROOT_DATA] = STR_INIT("data"),
};

static bool is_string(struct json value)
{
    return json_type_of(value) == JSON_STRING;
}

static bool is_text(struct json value, struct str text)
{
    return str_eq(json_string_or_empty(value), text);
}

/* For an estimate, which is made only where the provider told nothing. */
static void count_text(struct meter *meter, struct json value)
{
    if (meter->usage.output_tokens == TOKENS_UNKNOWN)
        meter->output_bytes += meter_text_bytes(value);
}

static bool has_choice(struct meter *meter, struct json choices)
{
    enum { MESSAGE, TEXT, FINISH_REASON, COUNT };
    static const struct str names[COUNT] = {STR_INIT("message"), STR_INIT("text"),
                                            STR_INIT("finish_reason")};
    bool has_any = false;
    for (struct json_cursor c = json_each(choices); json_next(&c);) {
        struct json member[COUNT];
        json_pick(c.value, names, COUNT, member);
        count_text(meter, member[MESSAGE]);
        count_text(meter, member[TEXT]);
        has_any = has_any || is_string(member[FINISH_REASON]) ||
                  meter_says_something(member[TEXT]) || meter_text_bytes(member[MESSAGE]) > 0;
    }
    return has_any;
}

/* One that is still being worked on, or was cut by its token limit, may be without output. */
static bool has_response(struct meter *meter, const struct json *root)
{
    struct str status = json_string_or_empty(root[ROOT_STATUS]);
    count_text(meter, root[ROOT_OUTPUT]);
    return meter_says_something(root[ROOT_OUTPUT]) ||
           (!str_is_empty(status) && !str_eq(status, STR("completed")));
}

static bool has_message(struct meter *meter, const struct json *root)
{
    count_text(meter, root[ROOT_CONTENT]);
    return meter_says_something(root[ROOT_CONTENT]) || is_string(root[ROOT_STOP_REASON]);
}

static bool has_answer(struct meter *meter, const struct json *root)
{
    switch (meter->endpoint) {
    case ENDPOINT_CHAT:
    case ENDPOINT_COMPLETIONS: return has_choice(meter, root[ROOT_CHOICES]);
    case ENDPOINT_RESPONSES: return has_response(meter, root);
    case ENDPOINT_MESSAGES: return has_message(meter, root);
    case ENDPOINT_COUNT_TOKENS: return json_type_of(root[ROOT_INPUT_TOKENS]) == JSON_NUMBER;
    default: return meter_says_something(root[ROOT_DATA]);
    }
}

static bool is_error(const struct json *root)
{
    return meter_says_something(root[ROOT_ERROR]) || is_text(root[ROOT_TYPE], STR("error")) ||
           is_text(root[ROOT_OBJECT], STR("error")) || is_text(root[ROOT_STATUS], STR("failed"));
}

enum answer_class meter_answer(struct meter *meter, struct json_reader *reader, struct str body,
                               struct json *out_root)
{
    struct json root;
    bool is_object =
        json_parse(reader, body, &root, NULL) == OK && json_type_of(root) == JSON_OBJECT;
    if (out_root)
        *out_root = is_object ? root : (struct json){0};
    if (!is_object)
        return ANSWER_GARBAGE;
    UNSET struct json member[ROOT_COUNT];
    json_pick(root, root_names, ROOT_COUNT, member);
    meter_take_model(meter, member[ROOT_MODEL]);
    meter_take_usage(meter, member[ROOT_USAGE]);
    if (is_error(member)) {
        meter_take_error(meter, root);
        return ANSWER_ERROR;
    }
    if (has_answer(meter, member)) {
        meter->has_content = meter->has_end = true;
        return ANSWER_GOOD;
    }
    struct error_body unmarked; /* {"detail":...}, {"message":...} where an answer should be */
    if (!error_body_of(root, &unmarked))
        return ANSWER_EMPTY;
    meter_take_error(meter, root);
    return ANSWER_ERROR;
}
