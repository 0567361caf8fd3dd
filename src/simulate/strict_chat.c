/* simulate/strict_chat.c: what OpenAI takes as a request of chat completions: all but what was said
 * (strict_said.c).
 *
 * Source:  the fields of openai 7.55; PROVIDER_ERRORS.md 2.
 */
#include "simulate/strict_parts.h"

#define TOP          ((struct where){""})
#define NAME_MAX     64
#define USER_MAX     64
#define STOPS_MAX    4
#define METADATA_MAX 16
#define TOOLS_MAX    128

// clang-format off
static const struct field chat_fields[] = {
    {"model", A_STRING | IS_NEEDED}, {"messages", A_ARRAY | IS_NEEDED},
    {"audio", A_OBJECT | A_NULL}, {"frequency_penalty", A_NUMBER | A_NULL},
    {"function_call", A_STRING | A_OBJECT}, {"functions", A_ARRAY}, {"logit_bias", A_OBJECT | A_NULL},
    {"logprobs", A_BOOL | A_NULL}, {"max_completion_tokens", A_WHOLE | A_NULL},
    {"max_tokens", A_WHOLE | A_NULL}, {"metadata", A_OBJECT | A_NULL},
    {"modalities", A_ARRAY | A_NULL}, {"moderation", A_OBJECT}, {"n", A_WHOLE | A_NULL},
    {"parallel_tool_calls", A_BOOL}, {"prediction", A_OBJECT | A_NULL},
    {"presence_penalty", A_NUMBER | A_NULL}, {"prompt_cache_key", A_STRING | A_NULL},
    {"prompt_cache_options", A_OBJECT}, {"prompt_cache_retention", A_STRING | A_NULL},
    {"reasoning_effort", A_STRING | A_NULL}, {"response_format", A_OBJECT},
    {"safety_identifier", A_STRING | A_NULL}, {"seed", A_WHOLE | A_NULL},
    {"service_tier", A_STRING | A_NULL}, {"stop", A_STRING | A_ARRAY | A_NULL},
    {"store", A_BOOL | A_NULL}, {"stream", A_BOOL | A_NULL}, {"stream_options", A_OBJECT | A_NULL},
    {"temperature", A_NUMBER | A_NULL}, {"tool_choice", A_STRING | A_OBJECT}, {"tools", A_ARRAY},
    {"top_logprobs", A_WHOLE | A_NULL}, {"top_p", A_NUMBER | A_NULL}, {"user", A_STRING},
    {"verbosity", A_STRING | A_NULL}, {"web_search_options", A_OBJECT}, {NULL, 0}};

static const struct field tool_fields[] = {
    {"type", A_STRING}, {"function", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct field custom_tool_fields[] = {
    {"type", A_STRING}, {"custom", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct shape tool_kinds[] = {
    {"function", tool_fields}, {"custom", custom_tool_fields}, {NULL, NULL}};
static const struct field function_fields[] = {
    {"name", A_STRING | IS_NEEDED}, {"description", A_STRING}, {"parameters", A_OBJECT | A_NULL},
    {"strict", A_BOOL | A_NULL}, {NULL, 0}};

static const struct field named_choice[] = {{"type", A_STRING}, {"function", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct shape choice_kinds[] = {
    {"function", named_choice}, {"custom", NULL}, {"allowed_tools", NULL}, {NULL, NULL}};

static const struct field plain_format[] = {{"type", A_STRING}, {NULL, 0}};
static const struct field schema_format[] = {
    {"type", A_STRING}, {"json_schema", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct shape formats[] = {
    {"text", plain_format}, {"json_object", plain_format}, {"json_schema", schema_format}, {NULL, NULL}};
static const struct field schema_fields[] = {
    {"name", A_STRING | IS_NEEDED}, {"description", A_STRING}, {"schema", A_OBJECT},
    {"strict", A_BOOL | A_NULL}, {NULL, 0}};
static const struct field stream_fields[] = {
    {"include_usage", A_BOOL}, {"include_obfuscation", A_BOOL}, {NULL, 0}};
// clang-format on

static struct json get(const struct check *check, const char *name)
{
    return json_get(check->body, name);
}

/* ---- tools --------------------------------------------------------------------------------------- */

bool check_parameters(struct check *check, struct where at, struct json function)
{
    struct json parameters = json_get(function, "parameters");
    struct str name = json_string_or_empty(json_get(function, "name"));
    bool is_strict = false, is_open = true;
    (void)json_bool(json_get(function, "strict"), &is_strict);
    (void)json_bool(json_get(parameters, "additionalProperties"), &is_open);
    at = where_member(at, "parameters");
    if (is_given(parameters) && !is_word(json_get(parameters, "type"), "object"))
        return refuse_in_words(
            check, at, "invalid_function_parameters",
            "Invalid schema for function '%.*s': schema must be a JSON Schema of "
            "'type: \"object\"', got 'type: \"None\"'.",
            STR_ARG(name));
    return !is_strict || !is_open ||
           refuse_in_words(check, at, "invalid_function_parameters",
                           "Invalid schema for function '%.*s': In context=(), "
                           "'additionalProperties' is required to be supplied and to be false.",
                           STR_ARG(name));
}

static bool check_tool(struct check *check, struct where at, struct json tool)
{
    struct json function = json_get(tool, "function");
    const struct shape *shape;
    if (!check_shape(check, at, tool, "type", NULL, tool_kinds, &shape))
        return false;
    if (!is_given(function))
        return true;
    at = where_member(at, "function");
    return check_fields(check, at, function, function_fields) &&
           check_name(check, where_member(at, "name"), json_get(function, "name"), NAME_MAX) &&
           check_parameters(check, at, function);
}

static bool has_function(struct json tools, struct str name)
{
    for (struct json_cursor tool = json_each(tools); json_next(&tool);)
        if (str_eq(json_string_or_empty(json_at(tool.value, "function", "name", NULL)), name))
            return true;
    return false;
}

static bool check_choice(struct check *check)
{
    struct json choice = get(check, "tool_choice");
    struct where at = where_member(TOP, "tool_choice");
    const struct shape *shape;
    if (is_given(choice) && json_count(get(check, "tools")) == 0)
        return refuse_in_words(check, at, NULL,
                               "'tool_choice' is only allowed when 'tools' are specified.");
    if (json_type_of(choice) != JSON_OBJECT)
        return check_word(check, at, choice, "none auto required");
    if (!check_shape(check, at, choice, "type", NULL, choice_kinds, &shape))
        return false;
    struct str name = json_string_or_empty(json_at(choice, "function", "name", NULL));
    return shape->fields != named_choice || has_function(get(check, "tools"), name) ||
           refuse_in_words(check, at, NULL, "Tool choice '%.*s' not found in 'tools' parameter.",
                           (int)(name.len < 64 ? name.len : 64), name.at);
}

static bool check_tools(struct check *check)
{
    struct json tools = get(check, "tools");
    struct json_cursor tool = json_each(tools);
    struct where at = where_member(TOP, "tools");
    if (is_given(tools) && (json_count(tools) == 0 || json_count(tools) > TOOLS_MAX))
        return refuse(check, at, "empty_array", "expected 1 to %d elements, got %zu", TOOLS_MAX,
                      json_count(tools));
    for (size_t i = 0; json_next(&tool); i++)
        if (!check_tool(check, where_element(check, at, i), tool.value))
            return false;
    if (is_given(get(check, "parallel_tool_calls")) && json_count(tools) == 0)
        return refuse_in_words(check, where_member(TOP, "parallel_tool_calls"), NULL,
                               "'parallel_tool_calls' is only allowed when 'tools' are specified.");
    return check_choice(check);
}

/* ---- numbers and words --------------------------------------------------------------------------- */

/* What a model that reasons does not take. */
static bool check_habits(struct check *check)
{
    static const char *const refused[] = {"top_p",      "frequency_penalty", "presence_penalty",
                                          "logit_bias", "logprobs",          "top_logprobs",
                                          "stop"};
    unsigned habits = model_habits(check->request->model);
    double temperature = 1;
    if (habits & HABIT_NO_EFFORT && is_given(get(check, "reasoning_effort")))
        return refuse_in_words(check, where_member(TOP, "reasoning_effort"), NULL,
                               "Unrecognized request argument supplied: reasoning_effort");
    if (!(habits & HABIT_REASONS))
        return true;
    if (is_given(get(check, "max_tokens")))
        return refuse_unsupported(check, "max_tokens", " Use 'max_completion_tokens' instead.");
    (void)json_double(get(check, "temperature"), &temperature);
    if (temperature < 1 || temperature > 1)
        return refuse_in_words(check, where_member(TOP, "temperature"), "unsupported_value",
                               "Unsupported value: 'temperature' does not support %g with this "
                               "model. Only the default (1) value is supported.",
                               temperature);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (is_given(get(check, refused[i])))
            return refuse_unsupported(check, refused[i], "");
    if (habits & HABIT_TOOLS_ELSEWHERE && json_count(get(check, "tools")) > 0 &&
        !is_word(get(check, "reasoning_effort"), "none"))
        return refuse_in_words(check, where_member(TOP, "reasoning_effort"), NULL,
                               "Function tools with reasoning_effort are not supported for %.*s in "
                               "/v1/chat/completions. Please use /v1/responses instead.",
                               STR_ARG(check->request->model));
    return true;
}

static bool check_limits(struct check *check)
{
    if (is_given(get(check, "max_tokens")) && is_given(get(check, "max_completion_tokens")))
        return refuse_in_words(check, where_member(TOP, "max_tokens"),
                               "invalid_parameter_combination",
                               "Setting 'max_tokens' and 'max_completion_tokens' at the same time "
                               "is not supported.");
    static const struct {
        const char *name;
        double low, high;
    } ranges[] = {{"max_tokens", 1, 1e7},       {"max_completion_tokens", 1, 1e7},
                  {"temperature", 0, 2},        {"top_p", 0, 1},
                  {"frequency_penalty", -2, 2}, {"presence_penalty", -2, 2},
                  {"top_logprobs", 0, 20},      {"n", 1, 128}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!check_range(check, where_member(TOP, ranges[i].name), get(check, ranges[i].name),
                         ranges[i].low, ranges[i].high))
            return false;
    return true;
}

static bool check_words(struct check *check)
{
    static const struct {
        const char *name, *words;
    } words[] = {{"reasoning_effort", "none minimal low medium high xhigh max"},
                 {"verbosity", "low medium high"},
                 {"service_tier", "auto default flex scale priority fast"}};
    static const char *const names[] = {"user", "safety_identifier", "prompt_cache_key"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!check_word(check, where_member(TOP, words[i].name), get(check, words[i].name),
                        words[i].words))
            return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!check_length(check, where_member(TOP, names[i]), get(check, names[i]), USER_MAX))
            return false;
    return true;
}

static bool is_true(struct json value)
{
    bool truth = false;
    return json_bool(value, &truth) && truth;
}

static bool check_company(struct check *check)
{
    struct json options = get(check, "stream_options");
    struct json metadata = get(check, "metadata");
    if (is_given(options) && !is_true(get(check, "stream")))
        return refuse_in_words(check, where_member(TOP, "stream_options"), NULL,
                               "The 'stream_options' parameter is only allowed when 'stream' is "
                               "enabled.");
    if (is_given(options) &&
        !check_fields(check, where_member(TOP, "stream_options"), options, stream_fields))
        return false;
    if (is_given(get(check, "top_logprobs")) && !is_true(get(check, "logprobs")))
        return refuse_in_words(check, where_member(TOP, "top_logprobs"), NULL,
                               "'logprobs' must be true to use 'top_logprobs'.");
    if (json_count(metadata) > 0 && !is_true(get(check, "store")))
        return refuse_in_words(check, where_member(TOP, "metadata"), NULL,
                               "The 'metadata' parameter is only allowed when 'store' is enabled.");
    size_t stops = json_count(get(check, "stop"));
    if (stops > STOPS_MAX)
        return refuse(check, where_member(TOP, "stop"), "array_above_max_length",
                      "array too long. Expected an array with maximum length %d, but got an array "
                      "with length %zu instead.",
                      STOPS_MAX, stops);
    return json_count(metadata) <= METADATA_MAX ||
           refuse(check, where_member(TOP, "metadata"), NULL, "too many properties");
}

static bool check_format(struct check *check)
{
    struct json format = get(check, "response_format");
    struct json schema = json_get(format, "json_schema");
    struct where at = where_member(TOP, "response_format");
    const struct shape *shape;
    if (!is_given(format))
        return true;
    if (!check_shape(check, at, format, "type", NULL, formats, &shape))
        return false;
    if (str_eq(str_of(shape->kind), STR("json_object")) && !speaks_of_json(get(check, "messages")))
        return refuse_in_words(check, where_member(TOP, "messages"), NULL,
                               "'messages' must contain the word 'json' in some form, to use "
                               "'response_format' of type 'json_object'.");
    at = where_member(at, "json_schema");
    return !is_given(schema) ||
           (check_fields(check, at, schema, schema_fields) &&
            check_name(check, where_member(at, "name"), json_get(schema, "name"), NAME_MAX));
}

bool strict_chat(struct check *check)
{
    return check_fields(check, TOP, check->body, chat_fields) && check_habits(check) &&
           check_limits(check) && check_words(check) && check_company(check) &&
           check_tools(check) && check_format(check) && strict_said(check);
}
