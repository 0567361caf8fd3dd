/* simulate/strict_input.c: the items of a responses request.
 *
 * Calls need their outputs and outputs their calls; reasoning must be this vendor's own and must stand before
 * what came of it. With previous_response_id the calls may be in what went before: then outputs are
 * taken on trust.
 */
#include "simulate/stamp.h"
#include "simulate/strict_parts.h"

#define TOP      ((struct where){""})
#define ID_MAX   64
#define NAME_MAX 64

// clang-format off
/* The last of ITEM is what Codex adds for OpenAI itself. */
#define ITEM {"type", A_STRING}, {"id", A_STRING | A_NULL}, {"status", A_STRING | A_NULL}, \
    {"internal_chat_message_metadata_passthrough", A_OBJECT | A_NULL}
#define CALL ITEM, {"call_id", A_STRING | IS_NEEDED}, {"caller", A_OBJECT | A_NULL}, \
    {"namespace", A_STRING | A_NULL}, {"async", A_BOOL}
static const struct field message_fields[] = {
    ITEM, {"role", A_STRING | IS_NEEDED}, {"content", A_STRING | A_ARRAY | IS_NEEDED},
    {"phase", A_STRING | A_NULL}, {NULL, 0}};
static const struct field call_fields[] = {
    CALL, {"name", A_STRING | IS_NEEDED}, {"arguments", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field custom_call_fields[] = {
    CALL, {"name", A_STRING | IS_NEEDED}, {"input", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field output_fields[] = {
    CALL, {"output", A_STRING | A_ARRAY | IS_NEEDED}, {"name", A_STRING | A_NULL}, {NULL, 0}};
static const struct field reasoning_fields[] = {
    ITEM, {"summary", A_ARRAY | IS_NEEDED}, {"content", A_ARRAY | A_NULL},
    {"encrypted_content", A_STRING | A_NULL}, {NULL, 0}};
static const struct field tools_fields[] = {
    ITEM, {"role", A_STRING}, {"tools", A_ARRAY | IS_NEEDED}, {NULL, 0}};
static const struct field reference_fields[] = {
    {"type", A_STRING}, {"id", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct shape items[] = {
    {"message", message_fields}, {"function_call", call_fields},
    {"function_call_output", output_fields}, {"custom_tool_call", custom_call_fields},
    {"custom_tool_call_output", output_fields}, {"reasoning", reasoning_fields},
    {"additional_tools", tools_fields}, {"item_reference", reference_fields},
    {"web_search_call", NULL}, {"file_search_call", NULL}, {"image_generation_call", NULL},
    {"code_interpreter_call", NULL}, {"local_shell_call", NULL}, {"local_shell_call_output", NULL},
    {"tool_search_call", NULL}, {"tool_search_output", NULL}, {"compaction", NULL}, {NULL, NULL}};

#define PART {"type", A_STRING}, {"prompt_cache_breakpoint", A_OBJECT}
static const struct field text_part[] = {PART, {"text", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field image_part[] = {
    PART, {"image_url", A_STRING | A_NULL}, {"file_id", A_STRING | A_NULL}, {"detail", A_STRING}, {NULL, 0}};
static const struct field file_part[] = {
    PART, {"file_data", A_STRING}, {"file_id", A_STRING | A_NULL}, {"file_url", A_STRING},
    {"filename", A_STRING}, {"detail", A_STRING}, {NULL, 0}};
static const struct field output_part[] = {
    PART, {"text", A_STRING | IS_NEEDED}, {"annotations", A_ARRAY}, {"logprobs", A_ARRAY}, {NULL, 0}};
static const struct field refusal_part[] = {PART, {"refusal", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct shape given_parts[] = {
    {"input_text", text_part}, {"input_image", image_part}, {"input_file", file_part},
    {"input_audio", NULL}, {NULL, NULL}};
static const struct shape said_parts[] = {
    {"output_text", output_part}, {"refusal", refusal_part}, {NULL, NULL}};
static const struct shape summary_parts[] = {{"summary_text", text_part}, {NULL, NULL}};
// clang-format on

/* ---- parts --------------------------------------------------------------------------------------- */

static bool check_part(struct check *check, struct where at, struct json part,
                       const struct shape *shapes)
{
    const struct shape *shape;
    if (!check_shape(check, at, part, "type", NULL, shapes, &shape))
        return false;
    struct str url = json_string_or_empty(json_get(part, "image_url"));
    struct str file = json_string_or_empty(json_get(part, "file_data"));
    bool has_file =
        file.len > 0 || is_given(json_get(part, "file_id")) || is_given(json_get(part, "file_url"));
    if (shape->fields == image_part && !is_given(json_get(part, "file_id")) &&
        !str_starts(url, STR("https://")) && !str_starts(url, STR("http://")) &&
        !str_starts(url, STR("data:image/")))
        return refuse(check, where_member(at, "image_url"), "invalid_value",
                      "expected an http(s) URL or a data URL of an image");
    if (shape->fields == file_part && !has_file)
        return refuse(check, where_member(at, "file_id"), "missing_required_parameter",
                      "one of file_id, file_url, file_data is needed");
    return file.len == 0 || str_starts(file, STR("data:")) ||
           refuse(check, where_member(at, "file_data"), "invalid_value",
                  "expected a base64-encoded data URL with a MIME type");
}

static bool check_parts(struct check *check, struct where at, struct json list,
                        const struct shape *shapes)
{
    struct json_cursor part = json_each(list);
    for (size_t i = 0; json_next(&part); i++)
        if (!check_part(check, where_element(check, at, i), part.value, shapes))
            return false;
    return true;
}

/* ---- items --------------------------------------------------------------------------------------- */

/* What went by of the input. */
struct past {
    struct calls calls;
    bool is_continued; /* previous_response_id */
    bool reasons;      /* the last item was reasoning: something must follow */
    struct where reasoned_at;
};

static bool check_message(struct check *check, struct where at, struct json item)
{
    struct json role = json_get(item, "role");
    bool is_assistant = is_word(role, "assistant");
    return check_word(check, where_member(at, "role"), role, "user assistant system developer") &&
           check_parts(check, where_member(at, "content"), json_get(item, "content"),
                       is_assistant ? said_parts : given_parts);
}

static bool check_call(struct check *check, struct where at, struct json item, struct past *past)
{
    struct str id = json_string_or_empty(json_get(item, "call_id"));
    return check_length(check, where_member(at, "call_id"), json_get(item, "call_id"), ID_MAX) &&
           check_name(check, where_member(at, "name"), json_get(item, "name"), NAME_MAX) &&
           ((id.len > 0 && calls_open(&past->calls, id)) ||
            refuse(check, where_member(at, "call_id"), "invalid_value",
                   "call ids must be given and unique"));
}

static bool check_output(struct check *check, struct where at, struct json item, struct past *past)
{
    struct str id = json_string_or_empty(json_get(item, "call_id"));
    enum call_found found = calls_answer(&past->calls, id);
    if (found == CALL_UNKNOWN && !past->is_continued)
        return refuse_in_words(check, where_member(TOP, "input"), NULL,
                               "No tool call found for function call output with call_id %.*s.",
                               (int)(id.len < 64 ? id.len : 64), id.at);
    if (found == CALL_ANSWERED_TWICE)
        return refuse(check, where_member(at, "call_id"), "invalid_value",
                      "this call has an output already");
    return check_parts(check, where_member(at, "output"), json_get(item, "output"), given_parts);
}

/* Encrypted content is worth something for the item that it was made for. Without it the item is looked up. */
static bool check_reasoning(struct check *check, struct where at, struct json item,
                            const struct past *past)
{
    struct str id = json_string_or_empty(json_get(item, "id")), made_for;
    struct str sealed = json_string_or_empty(json_get(item, "encrypted_content"));
    if (sealed.len == 0) {
        if (past->is_continued)
            return true;
        (void)refuse_in_words(check, where_member(TOP, "input"), NULL,
                              "Item with id '%.*s' not found. Items are not persisted when `store` "
                              "is set to false.",
                              (int)(id.len < 64 ? id.len : 64), id.at);
        check->refusal->status = 404;
        return false;
    }
    bool is_ours = stamp_opaque_is_ours(sealed, &made_for);
    if (!is_ours || (id.len > 0 && !str_eq(id, made_for)))
        return refuse_in_words(
            check, where_member(at, "encrypted_content"), "invalid_encrypted_content",
            "The encrypted content for item %.*s could not be verified. "
            "Reason: %s",
            (int)(id.len < 64 ? id.len : 64), id.at,
            is_ours ? "Encrypted content item_id did not match the target item id."
                    : "Encrypted content could not be decrypted or parsed.");
    return check_parts(check, where_member(at, "summary"), json_get(item, "summary"),
                       summary_parts);
}

/* An id of an item says what it is of. */
static bool check_id(struct check *check, struct where at, struct json item,
                     const struct field *fields)
{
    struct json id = json_get(item, "id");
    const char *begin = fields == message_fields       ? "msg"
                        : fields == call_fields        ? "fc"
                        : fields == custom_call_fields ? "ctc"
                        : fields == reasoning_fields   ? "rs"
                                                       : "";
    at = where_member(at, "id");
    if (!is_given(id))
        return true;
    if (!str_starts(json_string_or_empty(id), str_of(begin)))
        return refuse(check, at, "invalid_value", "Expected an ID that begins with '%s'.", begin);
    return check_length(check, at, id, ID_MAX);
}

/* `item` is absent at the end of the input. */
static bool check_follows(struct check *check, const struct past *past, struct json item,
                          const struct field *fields)
{
    bool is_said = fields == message_fields && is_word(json_get(item, "role"), "assistant");
    bool may_follow = is_said || fields == call_fields || fields == custom_call_fields ||
                      fields == reasoning_fields;
    return !past->reasons || may_follow ||
           refuse_in_words(check, past->reasoned_at, NULL,
                           "Item of type 'reasoning' was provided without its required following "
                           "item.");
}

static bool check_item(struct check *check, struct where at, struct json item, struct past *past)
{
    const struct shape *shape;
    if (!check_shape(check, at, item, "type", "message", items, &shape))
        return false;
    const struct field *fields = shape->fields;
    if (!fields)
        return true;
    if (!check_id(check, at, item, fields) || !check_follows(check, past, item, fields))
        return false;
    past->reasons = fields == reasoning_fields;
    past->reasoned_at = at;
    if (fields == message_fields)
        return check_message(check, at, item);
    if (fields == call_fields || fields == custom_call_fields)
        return check_call(check, at, item, past);
    if (fields == output_fields)
        return check_output(check, at, item, past);
    return fields != reasoning_fields || check_reasoning(check, at, item, past);
}

bool strict_input(struct check *check)
{
    struct json input = json_get(check->body, "input");
    struct json_cursor item = json_each(input);
    struct where at = where_member(TOP, "input");
    struct past past = {.is_continued = is_given(json_get(check->body, "previous_response_id"))};
    bool may_be_empty = past.is_continued || is_given(json_get(check->body, "prompt")) ||
                        is_given(json_get(check->body, "conversation"));
    if (json_count(input) == 0 && json_string_or_empty(input).len == 0 && !may_be_empty)
        return refuse_in_words(check, at, "missing_required_parameter",
                               "One of \"input\" or \"previous_response_id\" or 'prompt' or "
                               "'conversation' must be provided.");
    for (size_t i = 0; json_next(&item); i++)
        if (!check_item(check, where_element(check, at, i), item.value, &past))
            return false;
    if (!check_follows(check, &past, (struct json){0}, NULL))
        return false;
    struct str waiting = calls_waiting(&past.calls);
    return waiting.len == 0 ||
           refuse_in_words(check, at, NULL, "No tool output found for function call %.*s.",
                           (int)(waiting.len < 64 ? waiting.len : 64), waiting.at);
}
