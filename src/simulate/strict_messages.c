/* simulate/strict_messages.c: what Anthropic takes as a request of messages or count_tokens: all but the
 * turns themselves (strict_turns.c).
 *
 * Source:  the fields of @anthropic-ai/sdk 1.11; PROVIDER_ERRORS.md 3; CLIENTS.md 3.
 */
#include "simulate/strict_parts.h"

#define TOOL_NAME_MAX 128
#define BUDGET_MIN    1024
#define USER_ID_MAX   512
#define EFFORTS       "low medium high xhigh max"
#define TOP           ((struct where){""})

// clang-format off
#define SHARED_FIELDS                                                                              \
    {"model", A_STRING | IS_NEEDED}, {"messages", A_ARRAY | IS_NEEDED},                            \
    {"system", A_STRING | A_ARRAY}, {"tools", A_ARRAY}, {"tool_choice", A_OBJECT},                 \
    {"thinking", A_OBJECT}, {"output_config", A_OBJECT}, {"output_format", A_OBJECT | A_NULL},     \
    {"cache_control", A_OBJECT | A_NULL}, {"context_management", A_OBJECT | A_NULL},               \
    {"mcp_servers", A_ARRAY}, {"speed", A_STRING | A_NULL}
static const struct field message_fields[] = {
    SHARED_FIELDS,
    {"max_tokens", A_WHOLE | IS_NEEDED}, {"stream", A_BOOL}, {"temperature", A_NUMBER},
    {"top_p", A_NUMBER}, {"top_k", A_WHOLE}, {"stop_sequences", A_ARRAY}, {"metadata", A_OBJECT},
    {"service_tier", A_STRING}, {"container", A_STRING | A_OBJECT | A_NULL},
    {"inference_geo", A_STRING | A_NULL}, {"diagnostics", A_OBJECT | A_NULL},
    {"compaction", A_OBJECT | A_NULL}, {"fallbacks", A_ARRAY | A_OBJECT | A_NULL},
    {"user_profile_id", A_STRING}, {"workspace_id", A_STRING}, {NULL, 0}};
static const struct field count_fields[] = {SHARED_FIELDS, {NULL, 0}};

static const struct field tool_fields[] = {
    {"type", A_STRING | A_NULL}, {"name", A_STRING | IS_NEEDED}, {"description", A_STRING},
    {"input_schema", A_OBJECT | IS_NEEDED}, {"cache_control", A_OBJECT | A_NULL},
    {"strict", A_BOOL}, {"defer_loading", A_BOOL}, {"allowed_callers", A_ARRAY},
    {"eager_input_streaming", A_BOOL | A_NULL}, {"input_examples", A_ARRAY}, {NULL, 0}};

static const struct field any_choice[] = {
    {"type", A_STRING}, {"disable_parallel_tool_use", A_BOOL}, {NULL, 0}};
static const struct field one_choice[] = {
    {"type", A_STRING}, {"name", A_STRING | IS_NEEDED}, {"disable_parallel_tool_use", A_BOOL}, {NULL, 0}};
static const struct field no_choice[] = {{"type", A_STRING}, {NULL, 0}};
static const struct shape choices[] = {
    {"auto", any_choice}, {"any", any_choice}, {"tool", one_choice}, {"none", no_choice}, {NULL, NULL}};

static const struct field thinking_on[] = {
    {"type", A_STRING}, {"budget_tokens", A_WHOLE | IS_NEEDED}, {"display", A_STRING | A_NULL}, {NULL, 0}};
static const struct field thinking_adaptive[] = {
    {"type", A_STRING}, {"display", A_STRING | A_NULL}, {NULL, 0}};
static const struct field thinking_off[] = {{"type", A_STRING}, {NULL, 0}};
static const struct shape thinkings[] = {
    {"enabled", thinking_on}, {"adaptive", thinking_adaptive}, {"disabled", thinking_off}, {NULL, NULL}};

static const struct field metadata_fields[] = {{"user_id", A_STRING | A_NULL}, {NULL, 0}};
static const struct field output_fields[] = {
    {"effort", A_STRING | A_NULL}, {"format", A_OBJECT | A_NULL}, {"task_budget", A_OBJECT | A_NULL}, {NULL, 0}};
static const struct field format_fields[] = {
    {"type", A_STRING | IS_NEEDED}, {"schema", A_OBJECT | IS_NEEDED}, {NULL, 0}};
// clang-format on

/* ---- tools --------------------------------------------------------------------------------------- */

static bool has_tool(struct json tools, struct str name, size_t *in_out_before)
{
    struct json_cursor tool = json_each(tools);
    for (size_t i = 0; json_next(&tool) && (!in_out_before || i < *in_out_before); i++)
        if (str_eq(json_string_or_empty(json_get(tool.value, "name")), name))
            return true;
    return false;
}

/* Tools with a type of their own are the vendor's: only their names matter. */
static bool check_tool(struct check *check, struct where at, struct json tool)
{
    struct json type = json_get(tool, "type");
    struct where schema = where_member(at, "input_schema");
    if (is_given(type) && !is_word(type, "custom"))
        return true;
    if (!check_fields(check, at, tool, tool_fields) ||
        !check_name(check, where_member(at, "name"), json_get(tool, "name"), TOOL_NAME_MAX))
        return false;
    struct json kind = json_at(tool, "input_schema", "type", NULL);
    if (json_type_of(kind) == JSON_ABSENT)
        return refuse(check, where_member(schema, "type"), NULL, "Field required");
    return is_word(kind, "object") ||
           refuse(check, where_member(schema, "type"), NULL, "Input should be 'object'");
}

static bool check_tools(struct check *check)
{
    struct json tools = json_get(check->body, "tools");
    struct json_cursor tool = json_each(tools);
    struct where at = where_member(TOP, "tools");
    for (size_t i = 0; json_next(&tool); i++) {
        if (!check_tool(check, where_element(check, at, i), tool.value))
            return false;
        if (has_tool(tools, json_string_or_empty(json_get(tool.value, "name")), &i))
            return refuse(check, at, NULL, "Tool names must be unique.");
    }
    return true;
}

static bool check_choice(struct check *check)
{
    struct json choice = json_get(check->body, "tool_choice");
    struct json tools = json_get(check->body, "tools");
    struct where at = where_member(TOP, "tool_choice");
    const struct shape *shape;
    if (!is_given(choice))
        return true;
    if (!check_shape(check, at, choice, "type", NULL, choices, &shape))
        return false;
    if (json_count(tools) == 0)
        return refuse(check, at, NULL, "tool_choice may only be specified while providing tools");
    struct str name = json_string_or_empty(json_get(choice, "name"));
    bool is_forced =
        is_word(json_get(choice, "type"), "tool") || is_word(json_get(choice, "type"), "any");
    if (is_forced && model_habits(check->request->model) & HABIT_NO_FORCED_TOOL)
        return refuse(check, at, NULL, "forcing tool use is not supported on this model");
    return name.len == 0 || has_tool(tools, name, NULL) ||
           refuse(check, at, NULL, "Tool '%.*s' not found in provided tools",
                  (int)(name.len < 48 ? name.len : 48), name.at);
}

/* ---- thinking ------------------------------------------------------------------------------------ */

static bool check_budget(struct check *check, struct json thinking)
{
    struct where at = where_member(where_member(TOP, "thinking.enabled"), "budget_tokens");
    int64_t budget = json_int64_or(json_get(thinking, "budget_tokens"), 0);
    int64_t most = json_int64_or(json_get(check->body, "max_tokens"), INT64_MAX);
    if (budget < BUDGET_MIN)
        return refuse(check, at, NULL, "Input should be greater than or equal to %d", BUDGET_MIN);
    return budget < most || refuse(check, where_member(TOP, "max_tokens"), NULL,
                                   "`max_tokens` must be greater than `thinking.budget_tokens`");
}

/* What does not go together with thinking. */
static bool check_company(struct check *check)
{
    struct json choice = json_at(check->body, "tool_choice", "type", NULL);
    double temperature = 1, top_p = 1;
    (void)json_double(json_get(check->body, "temperature"), &temperature);
    (void)json_double(json_get(check->body, "top_p"), &top_p);
    if (temperature < 1)
        return refuse(check, where_member(TOP, "temperature"), NULL,
                      "`temperature` may only be set to 1 when thinking is enabled");
    if (top_p < 0.95)
        return refuse(check, where_member(TOP, "top_p"), NULL,
                      "`top_p` must be greater than or equal to 0.95 or unset when thinking is on");
    if (is_given(json_get(check->body, "top_k")))
        return refuse(check, where_member(TOP, "top_k"), NULL,
                      "`top_k` must be unset when thinking is enabled");
    return !(is_word(choice, "any") || is_word(choice, "tool")) ||
           refuse(check, where_member(TOP, "tool_choice"), NULL,
                  "Thinking may not be enabled when tool_choice forces tool use.");
}

static bool check_thinking(struct check *check, bool *out_is_manual)
{
    struct json thinking = json_get(check->body, "thinking");
    struct where at = where_member(TOP, "thinking");
    unsigned habits = model_habits(check->request->model);
    const struct shape *shape;
    *out_is_manual = false;
    if (!is_given(thinking))
        return true;
    if (!check_shape(check, at, thinking, "type", NULL, thinkings, &shape))
        return false;
    if (str_eq(str_of(shape->kind), STR("disabled")))
        return !(habits & HABIT_ALWAYS_THINKS) ||
               refuse(check, at, NULL, "thinking cannot be disabled on this model");
    *out_is_manual = str_eq(str_of(shape->kind), STR("enabled"));
    if (habits & (*out_is_manual ? HABIT_NO_BUDGET : HABIT_NO_ADAPTIVE))
        return refuse(check, where_member(at, "type"), NULL, "'%s' is not supported on this model",
                      shape->kind);
    return (!*out_is_manual || check_budget(check, thinking)) && check_company(check);
}

/* ---- numbers and words --------------------------------------------------------------------------- */

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] > ' ')
            return false;
    return true;
}

static bool check_stops(struct check *check)
{
    struct json_cursor stop = json_each(json_get(check->body, "stop_sequences"));
    struct where at = where_member(TOP, "stop_sequences");
    for (size_t i = 0; json_next(&stop); i++) {
        if (json_type_of(stop.value) != JSON_STRING)
            return refuse(check, where_element(check, at, i), NULL,
                          "Input should be a valid string");
        if (is_blank(json_string_or_empty(stop.value)))
            return refuse(check, at, NULL, "each stop sequence must contain non-whitespace");
    }
    return true;
}

static bool check_sampling(struct check *check)
{
    struct json temperature = json_get(check->body, "temperature");
    struct json top_p = json_get(check->body, "top_p");
    if (model_habits(check->request->model) & HABIT_NO_SAMPLING &&
        (is_given(temperature) || is_given(top_p) || is_given(json_get(check->body, "top_k"))))
        return refuse(check, where_member(TOP, is_given(temperature) ? "temperature" : "top_p"),
                      NULL, "sampling parameters are not supported on this model");
    return check_range(check, where_member(TOP, "max_tokens"), json_get(check->body, "max_tokens"),
                       1, 1e6) &&
           check_range(check, where_member(TOP, "temperature"), temperature, 0, 1) &&
           check_range(check, where_member(TOP, "top_p"), top_p, 0, 1) &&
           check_range(check, where_member(TOP, "top_k"), json_get(check->body, "top_k"), 0, 500);
}

static bool check_output(struct check *check)
{
    struct json output = json_get(check->body, "output_config");
    struct json format = json_get(output, "format");
    struct where at = where_member(TOP, "output_config");
    if (!is_given(output))
        return true;
    return check_fields(check, at, output, output_fields) &&
           check_word(check, where_member(at, "effort"), json_get(output, "effort"), EFFORTS) &&
           (!is_given(format) ||
            (check_fields(check, where_member(at, "format"), format, format_fields) &&
             check_word(check, where_member(at, "format.type"), json_get(format, "type"),
                        "json_schema")));
}

static bool check_metadata(struct check *check)
{
    struct json metadata = json_get(check->body, "metadata");
    struct where at = where_member(TOP, "metadata");
    return !is_given(metadata) || (check_fields(check, at, metadata, metadata_fields) &&
                                   check_length(check, where_member(at, "user_id"),
                                                json_get(metadata, "user_id"), USER_ID_MAX));
}

bool strict_messages(struct check *check)
{
    bool is_count = check->request->asked == ASKED_COUNT_TOKENS;
    bool thinks = false;
    return check_fields(check, TOP, check->body, is_count ? count_fields : message_fields) &&
           check_sampling(check) && check_stops(check) && check_tools(check) &&
           check_choice(check) && check_thinking(check, &thinks) && check_output(check) &&
           check_metadata(check) &&
           check_word(check, where_member(TOP, "service_tier"),
                      json_get(check->body, "service_tier"), "auto standard_only") &&
           strict_turns(check, thinks);
}
