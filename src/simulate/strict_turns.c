/* simulate/strict_turns.c: what was said, as Anthropic takes it.
 *
 * Turns of one role in a row count as one, as at the vendor: the order of calls and results is that of the
 * merged turns. A system message may stand behind the first user message (CLIENTS.md 3) and interrupts
 * nothing.
 */
#include "simulate/stamp.h"
#include "simulate/strict_parts.h"

#define TOP ((struct where){""})

// clang-format off
#define CACHED {"cache_control", A_OBJECT | A_NULL}
#define TYPED  {"type", A_STRING | IS_NEEDED}
static const struct field turn_fields[] = {
    {"role", A_STRING | IS_NEEDED}, {"content", A_STRING | A_ARRAY | IS_NEEDED}, {NULL, 0}};
static const struct field system_fields[] = {
    {"role", A_STRING | IS_NEEDED}, {"content", A_STRING | A_ARRAY},
    {"output_config", A_OBJECT | A_NULL}, {"clear_at", A_STRING | A_NULL}, {NULL, 0}};

static const struct field text_fields[] = {
    TYPED, {"text", A_STRING | IS_NEEDED}, CACHED, {"citations", A_ARRAY | A_NULL}, {NULL, 0}};
static const struct field image_fields[] = {
    TYPED, {"source", A_OBJECT | IS_NEEDED}, CACHED, {"transformations", A_OBJECT | A_NULL}, {NULL, 0}};
static const struct field document_fields[] = {
    TYPED, {"source", A_OBJECT | IS_NEEDED}, CACHED, {"title", A_STRING | A_NULL},
    {"context", A_STRING | A_NULL}, {"citations", A_OBJECT | A_NULL}, {NULL, 0}};
static const struct field thinking_fields[] = {
    TYPED, {"thinking", A_STRING | IS_NEEDED}, {"signature", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field redacted_fields[] = {TYPED, {"data", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field use_fields[] = {
    TYPED, {"id", A_STRING | IS_NEEDED}, {"name", A_STRING | IS_NEEDED},
    {"input", A_OBJECT | IS_NEEDED}, CACHED, {"caller", A_OBJECT}, {"toolset_name", A_STRING | A_NULL}, {NULL, 0}};
static const struct field result_fields[] = {
    TYPED, {"tool_use_id", A_STRING | IS_NEEDED}, {"content", A_STRING | A_ARRAY},
    {"is_error", A_BOOL}, CACHED, {"toolset_name", A_STRING | A_NULL}, {NULL, 0}};

static const struct shape user_blocks[] = {
    {"text", text_fields}, {"image", image_fields}, {"document", document_fields},
    {"tool_result", result_fields}, {"search_result", NULL}, {"container_upload", NULL}, {NULL, NULL}};
static const struct shape assistant_blocks[] = {
    {"text", text_fields}, {"thinking", thinking_fields}, {"redacted_thinking", redacted_fields},
    {"tool_use", use_fields}, {"server_tool_use", NULL}, {"web_search_tool_result", NULL},
    {"web_fetch_tool_result", NULL}, {"code_execution_tool_result", NULL}, {NULL, NULL}};
static const struct shape system_blocks[] = {{"text", text_fields}, {NULL, NULL}};
static const struct shape result_blocks[] = {
    {"text", text_fields}, {"image", image_fields}, {"document", document_fields},
    {"search_result", NULL}, {"tool_reference", NULL}, {NULL, NULL}};

static const struct field base64_fields[] = {
    TYPED, {"media_type", A_STRING | IS_NEEDED}, {"data", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field url_fields[] = {TYPED, {"url", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field file_fields[] = {TYPED, {"file_id", A_STRING | IS_NEEDED}, {NULL, 0}};
static const struct field content_fields[] = {
    TYPED, {"content", A_STRING | A_ARRAY | IS_NEEDED}, {NULL, 0}};
static const struct shape image_sources[] = {
    {"base64", base64_fields}, {"url", url_fields}, {"file", file_fields}, {NULL, NULL}};
static const struct shape document_sources[] = {
    {"base64", base64_fields}, {"url", url_fields}, {"file", file_fields}, {"text", base64_fields},
    {"content", content_fields}, {NULL, NULL}};
// clang-format on

/* What is known of the conversation so far. */
struct talk {
    struct calls calls; /* of the assistant's turn that is open or was closed last */
    bool is_user;       /* whose turn it is */
    bool has_turns;
    bool is_past_results;                /* in this user turn something else was said already */
    bool begins_with_thinking, has_call; /* of the last assistant turn */
    struct where last_assistant;
};

/* ---- blocks -------------------------------------------------------------------------------------- */

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] > ' ')
            return false;
    return true;
}

static bool check_text(struct check *check, struct where at, struct json block)
{
    struct str text = json_string_or_empty(json_get(block, "text"));
    if (text.len == 0)
        return refuse(check, at, NULL, "text content blocks must be non-empty");
    return !is_blank(text) ||
           refuse(check, at, NULL, "text content blocks must contain non-whitespace text");
}

static bool check_source(struct check *check, struct where at, struct json block, bool is_image)
{
    struct json source = json_get(block, "source");
    const struct shape *shape;
    at = where_member(at, "source");
    if (!check_shape(check, at, source, "type", NULL, is_image ? image_sources : document_sources,
                     &shape))
        return false;
    struct str kind = str_of(shape->kind);
    if (str_eq(kind, STR("url")) &&
        !str_starts(json_string_or_empty(json_get(source, "url")), STR("https://")))
        return refuse(check, where_member(at, "url"), NULL, "Only HTTPS URLs are supported.");
    if (!str_eq(kind, STR("base64")) && !str_eq(kind, STR("text")))
        return true;
    const char *types = is_image                      ? "image/jpeg image/png image/gif image/webp"
                        : str_eq(kind, STR("base64")) ? "application/pdf"
                                                      : "text/plain";
    return check_word(check, where_member(at, "media_type"), json_get(source, "media_type"),
                      types) &&
           (json_string_or_empty(json_get(source, "data")).len > 0 ||
            refuse(check, where_member(at, "data"), NULL, "must not be empty"));
}

static bool check_seal(struct check *check, struct where at, struct json block)
{
    struct str id, thinking = json_string_or_empty(json_get(block, "thinking"));
    if (is_word(json_get(block, "type"), "thinking"))
        return stamp_thinking_is_ours(json_string_or_empty(json_get(block, "signature")),
                                      thinking) ||
               refuse(check, at, NULL, "Invalid `signature` in `thinking` block");
    return stamp_opaque_is_ours(json_string_or_empty(json_get(block, "data")), &id) ||
           refuse(check, at, NULL, "Invalid `data` in `redacted_thinking` block");
}

static bool check_use(struct check *check, struct where at, struct json block, struct talk *talk)
{
    struct str id = json_string_or_empty(json_get(block, "id"));
    talk->has_call = true;
    return check_name(check, where_member(at, "id"), json_get(block, "id"), 256) &&
           check_name(check, where_member(at, "name"), json_get(block, "name"), 200) &&
           (calls_open(&talk->calls, id) ||
            refuse(check, at, NULL, "`tool_use` ids must be unique"));
}

static bool check_inside(struct check *check, struct where at, struct json result);

static bool check_result(struct check *check, struct where at, struct json block, struct talk *talk)
{
    struct str id = json_string_or_empty(json_get(block, "tool_use_id"));
    bool is_error = false;
    (void)json_bool(json_get(block, "is_error"), &is_error);
    struct json content = json_get(block, "content");
    bool is_empty = json_count(content) == 0 && json_string_or_empty(content).len == 0;
    if (talk->is_past_results)
        return refuse(check, at, NULL, "`tool_result` blocks must come first in the content");
    if (is_error && is_empty)
        return refuse(check, at, NULL, "content cannot be empty if `is_error` is true");
    switch (calls_answer(&talk->calls, id)) {
    case CALL_FINE: return check_inside(check, at, block);
    case CALL_ANSWERED_TWICE:
        return refuse(check, at, NULL, "each tool_use must have a single result. Found multiple");
    default:
        return refuse(check, at, NULL,
                      "unexpected `tool_use_id` found in `tool_result` blocks: %.*s. Each "
                      "`tool_result` block must have a corresponding `tool_use` block in the "
                      "previous message.",
                      (int)(id.len < 64 ? id.len : 64), id.at);
    }
}

static bool check_block(struct check *check, struct where at, struct json block,
                        const struct shape *shapes, struct talk *talk)
{
    const struct shape *shape;
    if (!check_shape(check, at, block, "type", NULL, shapes, &shape))
        return false;
    struct str kind = str_of(shape->kind);
    if (talk && str_eq(kind, STR("tool_result")))
        return check_result(check, at, block, talk);
    if (talk)
        talk->is_past_results = true;
    if (str_eq(kind, STR("text")))
        return check_text(check, at, block);
    if (str_eq(kind, STR("image")) || str_eq(kind, STR("document")))
        return check_source(check, at, block, str_eq(kind, STR("image")));
    if (word_in(kind, "thinking redacted_thinking"))
        return check_seal(check, at, block);
    return !str_eq(kind, STR("tool_use")) || check_use(check, at, block, talk);
}

static bool check_inside(struct check *check, struct where at, struct json result)
{
    struct json_cursor block = json_each(json_get(result, "content"));
    at = where_member(at, "content");
    for (size_t i = 0; json_next(&block); i++)
        if (!check_block(check, where_element(check, at, i), block.value, result_blocks, NULL))
            return false;
    return true;
}

/* ---- turns --------------------------------------------------------------------------------------- */

/* Before somebody else speaks, or at the end: a user turn has answered all calls. */
static bool close_user_turn(struct check *check, struct where at, struct talk *talk)
{
    struct str waiting = calls_waiting(&talk->calls);
    if (!talk->is_user || waiting.len == 0)
        return true;
    return refuse(check, at, NULL,
                  "`tool_use` ids were found without `tool_result` blocks immediately after: %.*s. "
                  "Each `tool_use` block must have a corresponding `tool_result` block in the next "
                  "message.",
                  (int)(waiting.len < 64 ? waiting.len : 64), waiting.at);
}

static bool begin_turn(struct check *check, struct where at, struct talk *talk, bool is_user)
{
    if (talk->has_turns && talk->is_user == is_user)
        return true; /* one turn with the one before */
    if (!talk->has_turns && !is_user)
        return refuse(check, where_member(TOP, "messages"), NULL,
                      "first message must use the \"user\" role");
    if (!close_user_turn(check, at, talk))
        return false;
    if (is_user) {
        talk->is_past_results = false;
    } else {
        talk->calls.count = 0;
        talk->begins_with_thinking = talk->has_call = false;
        talk->last_assistant = at;
    }
    talk->is_user = is_user;
    return talk->has_turns = true;
}

static bool check_content(struct check *check, struct where at, struct json turn,
                          const struct shape *shapes, struct talk *talk, bool may_be_empty)
{
    struct json content = json_get(turn, "content");
    struct str text = json_string_or_empty(content);
    bool is_fresh = !talk->is_user && !talk->has_call && !talk->begins_with_thinking;
    if (json_count(content) == 0 && text.len == 0)
        return may_be_empty || refuse(check, at, NULL,
                                      "all messages must have non-empty content except for the "
                                      "optional final assistant message");
    if (json_type_of(content) == JSON_STRING) {
        talk->is_past_results = true;
        return !is_blank(text) ||
               refuse(check, at, NULL, "text content blocks must contain non-whitespace text");
    }
    struct json_cursor block = json_each(content);
    at = where_member(at, "content");
    for (size_t i = 0; json_next(&block); i++) {
        if (!check_block(check, where_element(check, at, i), block.value, shapes, talk))
            return false;
        if (i == 0 && is_fresh)
            talk->begins_with_thinking = word_in(
                json_string_or_empty(json_get(block.value, "type")), "thinking redacted_thinking");
    }
    return true;
}

static bool check_system_turn(struct check *check, struct where at, struct json turn,
                              const struct talk *talk)
{
    struct talk nothing = {.is_user = true};
    if (!talk->has_turns)
        return refuse(check, where_member(TOP, "messages"), NULL,
                      "first message must use the \"user\" role");
    return check_fields(check, at, turn, system_fields) &&
           check_content(check, at, turn, system_blocks, &nothing,
                         is_given(json_get(turn, "output_config")));
}

static bool check_turn(struct check *check, struct where at, struct json turn, struct talk *talk,
                       bool is_last)
{
    struct json role = json_get(turn, "role");
    bool is_user = is_word(role, "user");
    if (is_word(role, "system"))
        return check_system_turn(check, at, turn, talk);
    if (!check_fields(check, at, turn, turn_fields) ||
        !check_word(check, where_member(at, "role"), role, "user assistant"))
        return false;
    return begin_turn(check, at, talk, is_user) &&
           check_content(check, at, turn, is_user ? user_blocks : assistant_blocks, talk,
                         is_last && !is_user);
}

/* Thinking with a budget: the last turn with a call must still know what it thought. */
static bool check_last_thinking(struct check *check, const struct talk *talk)
{
    if (!talk->has_call || talk->begins_with_thinking)
        return true;
    return refuse(check, where_member(talk->last_assistant, "content.0.type"), NULL,
                  "Expected `thinking` or `redacted_thinking`, but found something else. When "
                  "`thinking` is enabled, a final `assistant` message must start with a thinking "
                  "block.");
}

static bool check_system(struct check *check)
{
    struct json_cursor block = json_each(json_get(check->body, "system"));
    struct where at = where_member(TOP, "system");
    for (size_t i = 0; json_next(&block); i++)
        if (!check_block(check, where_element(check, at, i), block.value, system_blocks, NULL))
            return false;
    return true;
}

static bool check_end(struct check *check, struct where at, struct talk *talk, struct json last)
{
    struct str text = json_string_or_empty(json_get(last, "content"));
    if (!talk->is_user && text.len > 0 && (unsigned char)text.at[text.len - 1] <= ' ')
        return refuse(check, at, NULL,
                      "final assistant content cannot end with trailing "
                      "whitespace");
    if (!talk->is_user && talk->has_call)
        talk->is_user = true; /* the result should have come */
    return close_user_turn(check, at, talk);
}

bool strict_turns(struct check *check, bool thinks)
{
    struct json messages = json_get(check->body, "messages");
    struct where at = where_member(TOP, "messages");
    struct talk talk = {.is_user = true};
    size_t count = json_count(messages), i = 0;
    struct json last = {0};
    if (count == 0)
        return refuse(check, at, NULL, "at least one message is required");
    if (!check_system(check))
        return false;
    for (struct json_cursor turn = json_each(messages); json_next(&turn); i++) {
        if (!check_turn(check, where_element(check, at, i), turn.value, &talk, i + 1 == count))
            return false;
        last = turn.value;
    }
    return check_end(check, where_element(check, at, count - 1), &talk, last) &&
           (!thinks || check_last_thinking(check, &talk));
}
