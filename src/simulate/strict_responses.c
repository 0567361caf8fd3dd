/* simulate/strict_responses.c: what OpenAI takes as a request of responses: all but the items of the input
 * (strict_input.c).
 *
 * Source:  the fields of openai 7.55; PROVIDER_ERRORS.md 2; CLIENTS.md 5 (what Codex sends).
 */
#include "simulate/strict_parts.h"

#define TOP               ((struct where){""})
#define NAME_MAX          64
#define USER_MAX          64
#define OUTPUT_TOKENS_MIN 16

// clang-format off
static const struct field response_fields[] = {
    {"model", A_STRING | IS_NEEDED}, {"input", A_STRING | A_ARRAY}, {"background", A_BOOL | A_NULL},
    {"access_programs", A_OBJECT}, {"client_metadata", A_OBJECT | A_NULL}, {"context_management", A_ARRAY | A_NULL},
    {"conversation", A_STRING | A_OBJECT | A_NULL}, {"image", A_OBJECT}, {"include", A_ARRAY | A_NULL},
    {"instructions", A_STRING | A_NULL}, {"max_output_tokens", A_WHOLE | A_NULL},
    {"max_tool_calls", A_WHOLE | A_NULL}, {"metadata", A_OBJECT | A_NULL}, {"moderation", A_OBJECT},
    {"parallel_tool_calls", A_BOOL | A_NULL}, {"previous_response_id", A_STRING | A_NULL},
    {"prompt", A_OBJECT | A_NULL}, {"prompt_cache_key", A_STRING | A_NULL},
    {"prompt_cache_options", A_OBJECT}, {"prompt_cache_retention", A_STRING | A_NULL},
    {"reasoning", A_OBJECT | A_NULL}, {"safety_identifier", A_STRING | A_NULL},
    {"service_tier", A_STRING | A_NULL}, {"store", A_BOOL | A_NULL}, {"stream", A_BOOL | A_NULL},
    {"stream_options", A_OBJECT | A_NULL}, {"temperature", A_NUMBER | A_NULL}, {"text", A_OBJECT},
    {"tool_choice", A_STRING | A_OBJECT}, {"tools", A_ARRAY}, {"top_logprobs", A_WHOLE | A_NULL},
    {"top_p", A_NUMBER | A_NULL}, {"truncation", A_STRING | A_NULL}, {"user", A_STRING}, {NULL, 0}};

static const struct field function_fields[] = {
    {"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {"description", A_STRING | A_NULL},
    {"parameters", A_OBJECT | A_NULL}, {"strict", A_BOOL | A_NULL}, {"allowed_callers", A_ARRAY | A_NULL},
    {"async", A_BOOL}, {"defer_loading", A_BOOL}, {"output_schema", A_OBJECT | A_NULL}, {NULL, 0}};
static const struct field custom_fields[] = {
    {"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {"description", A_STRING}, {"format", A_OBJECT},
    {"allowed_callers", A_ARRAY | A_NULL}, {"async", A_BOOL}, {"defer_loading", A_BOOL}, {NULL, 0}};
static const struct field namespace_fields[] = {
    {"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {"description", A_STRING | IS_NEEDED},
    {"tools", A_ARRAY | IS_NEEDED}, {NULL, 0}};
static const struct shape tool_kinds[] = {
    {"function", function_fields}, {"custom", custom_fields}, {"namespace", namespace_fields},
    {"web_search", NULL}, {"web_search_preview", NULL}, {"file_search", NULL}, {"tool_search", NULL},
    {"code_interpreter", NULL}, {"image_generation", NULL}, {"mcp", NULL}, {"local_shell", NULL},
    {"shell", NULL}, {"apply_patch", NULL}, {"computer_use_preview", NULL}, {NULL, NULL}};

static const struct field named_choice[] = {{"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct shape choice_kinds[] = {
    {"function", named_choice}, {"custom", named_choice}, {"allowed_tools", NULL}, {"mcp", NULL},
    {"web_search", NULL}, {"file_search", NULL}, {"image_generation", NULL}, {NULL, NULL}};

static const struct field text_fields[] = {{"format", A_OBJECT}, {"verbosity", A_STRING | A_NULL}, {NULL, 0}};
static const struct field plain_format[] = {{"type", A_STRING}, {NULL, 0}};
static const struct field schema_format[] = {
    {"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {"schema", A_OBJECT | IS_NEEDED},
    {"description", A_STRING}, {"strict", A_BOOL | A_NULL}, {NULL, 0}};
static const struct shape formats[] = {
    {"text", plain_format}, {"json_object", plain_format}, {"json_schema", schema_format}, {NULL, NULL}};
static const struct field reasoning_fields[] = {
    {"effort", A_STRING | A_NULL}, {"summary", A_STRING | A_NULL}, {"generate_summary", A_STRING | A_NULL},
    {"context", A_STRING | A_NULL}, {"mode", A_STRING}, {NULL, 0}};
static const struct field stream_fields[] = {{"include_obfuscation", A_BOOL}, {NULL, 0}};

#define INCLUDABLE "reasoning.encrypted_content message.output_text.logprobs file_search_call.results " \
    "web_search_call.results web_search_call.action.sources message.input_image.image_url " \
    "computer_call_output.output.image_url code_interpreter_call.outputs"
// clang-format on

static struct json get(const struct check *check, const char *name)
{
    return json_get(check->body, name);
}

/* ---- tools --------------------------------------------------------------------------------------- */

static bool check_tool_list(struct check *check, struct where at, struct json tools, bool may_nest);

static bool check_tool(struct check *check, struct where at, struct json tool, bool may_nest)
{
    const struct shape *shape;
    if (!check_shape(check, at, tool, "type", NULL, tool_kinds, &shape))
        return false;
    if (!shape->fields)
        return true;
    if (!check_name(check, where_member(at, "name"), json_get(tool, "name"), NAME_MAX))
        return false;
    if (shape->fields == namespace_fields)
        return may_nest ? check_tool_list(check, where_member(at, "tools"), json_get(tool, "tools"),
                                          false)
                        : refuse(check, at, "invalid_value", "a namespace inside a namespace");
    return shape->fields != function_fields || check_parameters(check, at, tool);
}

static bool check_tool_list(struct check *check, struct where at, struct json tools, bool may_nest)
{
    struct json_cursor tool = json_each(tools);
    for (size_t i = 0; json_next(&tool); i++)
        if (!check_tool(check, where_element(check, at, i), tool.value, may_nest))
            return false;
    return true;
}

static bool has_tool(struct json tools, struct str name)
{
    for (struct json_cursor tool = json_each(tools); json_next(&tool);)
        if (str_eq(json_string_or_empty(json_get(tool.value, "name")), name))
            return true;
    return false;
}

static bool check_choice(struct check *check)
{
    struct json choice = get(check, "tool_choice");
    struct where at = where_member(TOP, "tool_choice");
    const struct shape *shape;
    if (json_type_of(choice) != JSON_OBJECT)
        return check_word(check, at, choice, "none auto required");
    if (!check_shape(check, at, choice, "type", NULL, choice_kinds, &shape))
        return false;
    struct str name = json_string_or_empty(json_get(choice, "name"));
    return shape->fields != named_choice || has_tool(get(check, "tools"), name) ||
           refuse_in_words(check, at, "invalid_value",
                           "Tool choice '%.*s' not found in 'tools' parameter.",
                           (int)(name.len < 64 ? name.len : 64), name.at);
}

/* ---- numbers and words --------------------------------------------------------------------------- */

static bool check_habits(struct check *check)
{
    unsigned habits = model_habits(check->request->model);
    double temperature = 1, top_p = 1;
    (void)json_double(get(check, "temperature"), &temperature);
    (void)json_double(get(check, "top_p"), &top_p);
    if (habits & HABIT_NO_EFFORT && is_given(json_get(get(check, "reasoning"), "effort")))
        return refuse_unsupported(check, "reasoning.effort", "");
    if (!(habits & HABIT_REASONS))
        return true;
    if (temperature < 1 || temperature > 1)
        return refuse_unsupported(check, "temperature", "");
    return (top_p >= 1) || refuse_unsupported(check, "top_p", "");
}

static bool check_limits(struct check *check)
{
    int64_t most = json_int64_or(get(check, "max_output_tokens"), OUTPUT_TOKENS_MIN);
    if (most < OUTPUT_TOKENS_MIN)
        return refuse(check, where_member(TOP, "max_output_tokens"), "integer_below_min_value",
                      "integer below minimum value. Expected a value >= %d, but got %lld instead.",
                      OUTPUT_TOKENS_MIN, (long long)most);
    return check_range(check, where_member(TOP, "temperature"), get(check, "temperature"), 0, 2) &&
           check_range(check, where_member(TOP, "top_p"), get(check, "top_p"), 0, 1) &&
           check_range(check, where_member(TOP, "top_logprobs"), get(check, "top_logprobs"), 0, 20);
}

static bool check_words(struct check *check)
{
    static const char *const names[] = {"user", "safety_identifier", "prompt_cache_key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!check_length(check, where_member(TOP, names[i]), get(check, names[i]), USER_MAX))
            return false;
    struct json_cursor wish = json_each(get(check, "include"));
    for (size_t i = 0; json_next(&wish); i++)
        if (!check_word(check, where_element(check, where_member(TOP, "include"), i), wish.value,
                        INCLUDABLE))
            return false;
    return check_word(check, where_member(TOP, "service_tier"), get(check, "service_tier"),
                      "auto default flex scale priority fast") &&
           check_word(check, where_member(TOP, "truncation"), get(check, "truncation"),
                      "auto disabled");
}

static bool check_text(struct check *check)
{
    struct json text = get(check, "text"), format = json_get(text, "format");
    struct where at = where_member(TOP, "text");
    const struct shape *shape;
    if (!is_given(text))
        return true;
    if (!check_fields(check, at, text, text_fields) ||
        !check_word(check, where_member(at, "verbosity"), json_get(text, "verbosity"),
                    "low medium high"))
        return false;
    if (!is_given(format))
        return true;
    at = where_member(at, "format");
    if (!check_shape(check, at, format, "type", NULL, formats, &shape))
        return false;
    if (str_eq(str_of(shape->kind), STR("json_object")) && !speaks_of_json(get(check, "input")))
        return refuse_in_words(check, where_member(TOP, "input"), NULL,
                               "Response input messages must contain the word 'json' in some form "
                               "to use 'text.format' of type 'json_object'.");
    return shape->fields != schema_format ||
           check_name(check, where_member(at, "name"), json_get(format, "name"), NAME_MAX);
}

static bool check_reasoning(struct check *check)
{
    struct json reasoning = get(check, "reasoning");
    struct where at = where_member(TOP, "reasoning");
    return !is_given(reasoning) ||
           (check_fields(check, at, reasoning, reasoning_fields) &&
            check_word(check, where_member(at, "effort"), json_get(reasoning, "effort"),
                       "none minimal low medium high xhigh max") &&
            check_word(check, where_member(at, "summary"), json_get(reasoning, "summary"),
                       "auto concise detailed"));
}

static bool check_stream(struct check *check)
{
    struct json options = get(check, "stream_options");
    struct where at = where_member(TOP, "stream_options");
    if (!is_given(options))
        return true;
    return check->request->stream
               ? check_fields(check, at, options, stream_fields)
               : refuse_in_words(check, at, NULL,
                                 "The 'stream_options' parameter is only allowed when 'stream' is "
                                 "enabled.");
}

/* ---- what went before ---------------------------------------------------------------------------- */

static bool is_stored(const struct stored *stored, struct str id)
{
    struct str digits = str_from(id, sizeof "resp_" - 1);
    for (size_t i = 0; stored && digits.len > 0 && i < STORED_MAX; i++)
        if (str_eq(str_of(stored->ids[i]), digits))
            return true;
    return false;
}

static bool check_previous(struct check *check)
{
    struct str id = json_string_or_empty(get(check, "previous_response_id"));
    if (id.len == 0 || is_stored(check->stored, id))
        return true;
    (void)refuse_in_words(
        check, where_member(TOP, "previous_response_id"), "previous_response_not_found",
        "Previous response with id '%.*s' not found.", (int)(id.len < 64 ? id.len : 64), id.at);
    check->refusal->status = 404;
    return false;
}

bool strict_responses(struct check *check)
{
    return check_fields(check, TOP, check->body, response_fields) && check_habits(check) &&
           check_limits(check) && check_words(check) && check_text(check) &&
           check_reasoning(check) && check_stream(check) &&
           check_tool_list(check, where_member(TOP, "tools"), get(check, "tools"), true) &&
           check_choice(check) && check_previous(check) && strict_input(check);
}
