/* simulate/strict_said.c: the messages of a request of chat completions, as OpenAI takes them: content by role,
 * and each call followed by its results.
 */
#include "simulate/strict_parts.h"

#define TOP         ((struct where){""})
#define NAME_MAX    64
#define CALL_ID_MAX 40

// clang-format off
#define ROLE {"role", A_STRING | IS_NEEDED}, {"name", A_STRING}
static const struct field said_fields[] = {ROLE, {"content", A_STRING | A_ARRAY | IS_NEEDED}, {NULL, 0}};
static const struct field assistant_fields[] = {
    ROLE, {"content", A_STRING | A_ARRAY | A_NULL}, {"refusal", A_STRING | A_NULL},
    {"audio", A_OBJECT | A_NULL}, {"tool_calls", A_ARRAY}, {"function_call", A_OBJECT | A_NULL},
    {"annotations", A_ARRAY}, {NULL, 0}};
static const struct field tool_message_fields[] = {
    {"role", A_STRING}, {"content", A_STRING | A_ARRAY | IS_NEEDED},
    {"tool_call_id", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct shape roles[] = {
    {"system", said_fields}, {"developer", said_fields}, {"user", said_fields},
    {"assistant", assistant_fields}, {"tool", tool_message_fields}, {"function", NULL}, {NULL, NULL}};

#define TYPED {"type", A_STRING}, {"prompt_cache_breakpoint", A_OBJECT}
static const struct field text_part[] = {TYPED, {"text", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field refusal_part[] = {TYPED, {"refusal", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field image_part[] = {TYPED, {"image_url", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct field audio_part[] = {TYPED, {"input_audio", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct field file_part[] = {TYPED, {"file", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct field image_url_fields[] = {
    {"url", A_STRING | IS_NEEDED}, {"detail", A_STRING}, {NULL, 0}};
static const struct field file_fields[] = {
    {"file_data", A_STRING}, {"file_id", A_STRING}, {"filename", A_STRING}, {NULL, 0}};
static const struct shape text_only[] = {{"text", text_part}, {NULL, NULL}};
static const struct shape user_parts[] = {
    {"text", text_part}, {"image_url", image_part}, {"input_audio", audio_part},
    {"file", file_part}, {NULL, NULL}};
static const struct shape assistant_parts[] = {
    {"text", text_part}, {"refusal", refusal_part}, {NULL, NULL}};

static const struct field call_fields[] = {
    {"id", A_STRING | IS_NEEDED}, {"type", A_STRING | IS_NEEDED}, {"function", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct field custom_call_fields[] = {
    {"id", A_STRING | IS_NEEDED}, {"type", A_STRING | IS_NEEDED}, {"custom", A_OBJECT | IS_NEEDED}, {NULL, 0}};
static const struct shape call_kinds[] = {
    {"function", call_fields}, {"custom", custom_call_fields}, {NULL, NULL}};
static const struct field called_fields[] = {
    {"name", A_STRING | IS_NEEDED}, {"arguments", A_STRING | IS_NEEDED}, {NULL, 0}};
// clang-format on

static bool is_image_url(struct str url)
{
    static const char *const begins[] = {"https://",
                                         "http://",
                                         "data:image/png;base64,",
                                         "data:image/jpeg;base64,",
                                         "data:image/gif;base64,",
                                         "data:image/webp;base64,"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (str_starts(url, str_of(begins[i])) && url.len > str_of(begins[i]).len)
            return true;
    return false;
}

static bool check_part(struct check *check, struct where at, struct json part,
                       const struct shape *shapes)
{
    struct json image = json_get(part, "image_url"), file = json_get(part, "file");
    const struct shape *shape;
    if (!check_shape(check, at, part, "type", NULL, shapes, &shape))
        return false;
    if (is_given(file)) {
        struct str data = json_string_or_empty(json_get(file, "file_data"));
        at = where_member(at, "file");
        if (data.len > 0 && !str_starts(data, STR("data:")))
            return refuse(check, where_member(at, "file_data"), "invalid_value",
                          "expected a base64-encoded data URL with a MIME type");
        return check_fields(check, at, file, file_fields);
    }
    if (!is_given(image))
        return true;
    at = where_member(at, "image_url");
    return check_fields(check, at, image, image_url_fields) &&
           check_word(check, where_member(at, "detail"), json_get(image, "detail"),
                      "auto low high original") &&
           (is_image_url(json_string_or_empty(json_get(image, "url"))) ||
            refuse(check, where_member(at, "url"), "invalid_image_url",
                   "expected an http(s) URL or a data URL of png, jpeg, gif or webp"));
}

static bool check_content(struct check *check, struct where at, struct json message)
{
    struct json content = json_get(message, "content");
    struct json_cursor part = json_each(content);
    struct json role = json_get(message, "role");
    const struct shape *shapes = is_word(role, "user")        ? user_parts
                                 : is_word(role, "assistant") ? assistant_parts
                                                              : text_only;
    at = where_member(at, "content");
    if (json_type_of(content) == JSON_ARRAY && json_count(content) == 0)
        return refuse(check, at, "empty_array",
                      "empty array. Expected an array with minimum length 1");
    for (size_t i = 0; json_next(&part); i++)
        if (!check_part(check, where_element(check, at, i), part.value, shapes))
            return false;
    return true;
}

static bool check_call(struct check *check, struct where at, struct json call, struct calls *calls)
{
    struct json function = json_get(call, "function");
    const struct shape *shape;
    if (!check_shape(check, at, call, "type", NULL, call_kinds, &shape) ||
        !check_length(check, where_member(at, "id"), json_get(call, "id"), CALL_ID_MAX))
        return false;
    if (is_given(function) &&
        (!check_fields(check, where_member(at, "function"), function, called_fields) ||
         !check_name(check, where_member(at, "function.name"), json_get(function, "name"),
                     NAME_MAX)))
        return false;
    struct str id = json_string_or_empty(json_get(call, "id"));
    return (id.len > 0 && calls_open(calls, id)) ||
           refuse(check, where_member(at, "id"), "invalid_value", "ids must be given and unique");
}

static bool check_assistant(struct check *check, struct where at, struct json message,
                            struct calls *calls)
{
    struct json list = json_get(message, "tool_calls");
    struct json_cursor call = json_each(list);
    bool has_content =
        is_given(json_get(message, "content")) || is_given(json_get(message, "refusal"));
    calls->count = 0;
    if (!has_content && json_count(list) == 0 && !is_given(json_get(message, "function_call")))
        return refuse(check, where_member(at, "content"), NULL, "expected a string, got null");
    at = where_member(at, "tool_calls");
    if (is_given(list) && json_count(list) == 0)
        return refuse(check, at, "empty_array",
                      "empty array. Expected an array with minimum length 1");
    for (size_t i = 0; json_next(&call); i++)
        if (!check_call(check, where_element(check, at, i), call.value, calls))
            return false;
    return true;
}

static bool check_result(struct check *check, struct where at, struct json message,
                         struct calls *calls)
{
    struct str id = json_string_or_empty(json_get(message, "tool_call_id"));
    if (calls->count == 0)
        return refuse_in_words(check, at, NULL,
                               "Invalid parameter: messages with role 'tool' must be a response to "
                               "a preceeding message with 'tool_calls'.");
    return calls_answer(calls, id) == CALL_FINE ||
           refuse_in_words(check, at, NULL,
                           "Invalid parameter: 'tool_call_id' of '%.*s' not found in 'tool_calls' "
                           "of previous message.",
                           (int)(id.len < 64 ? id.len : 64), id.at);
}

/* Before anybody but a tool speaks, all calls have their results. */
static bool check_answered(struct check *check, struct where at, struct calls *calls)
{
    struct str id = calls_waiting(calls);
    calls->count = 0;
    return id.len == 0 ||
           refuse_in_words(
               check, at, NULL,
               "An assistant message with 'tool_calls' must be followed by tool "
               "messages responding to each 'tool_call_id'. The following tool_call_ids "
               "did not have response messages: %.*s",
               (int)(id.len < 64 ? id.len : 64), id.at);
}

static bool check_message(struct check *check, struct where at, struct json message,
                          struct calls *calls)
{
    const struct shape *shape;
    if (!check_shape(check, at, message, "role", NULL, roles, &shape))
        return false;
    bool is_tool = is_word(json_get(message, "role"), "tool");
    if (is_tool ? !check_result(check, at, message, calls) : !check_answered(check, at, calls))
        return false;
    if (is_word(json_get(message, "role"), "assistant") &&
        !check_assistant(check, at, message, calls))
        return false;
    return check_content(check, at, message);
}

bool strict_said(struct check *check)
{
    struct json messages = json_get(check->body, "messages");
    struct json_cursor message = json_each(messages);
    struct where at = where_member(TOP, "messages");
    struct calls calls = {.count = 0};
    if (json_count(messages) == 0)
        return refuse(check, at, "empty_array",
                      "empty array. Expected an array with minimum length 1");
    for (size_t i = 0; json_next(&message); i++)
        if (!check_message(check, where_element(check, at, i), message.value, &calls))
            return false;
    return check_answered(check, at, &calls);
}
