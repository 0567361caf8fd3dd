/* simulate/strict.c: the workbench of the rules: places, refusals, tables of fields, calls, models. */
#include "simulate/strict_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_anthropic(const struct check *check)
{
    return check->request->vendor == VENDOR_ANTHROPIC;
}

/* ---- where ------------------------------------------------------------------------------------- */

struct where where_member(struct where at, const char *name)
{
    size_t len = strlen(at.text);
    (void)snprintf(at.text + len, sizeof at.text - len, len > 0 ? ".%s" : "%s", name);
    return at;
}

struct where where_element(const struct check *check, struct where at, size_t index)
{
    size_t len = strlen(at.text);
    (void)snprintf(at.text + len, sizeof at.text - len, is_anthropic(check) ? ".%zu" : "[%zu]",
                   index);
    return at;
}

/* ---- refusals ------------------------------------------------------------------------------------ */

/* Refuses with a sentence behind the vendor's frame. */
static bool refuse_framed(struct check *check, struct where at, const char *code, const char *frame,
                          const char *format, va_list args) __attribute__((format(printf, 5, 0)));
static bool refuse_framed(struct check *check, struct where at, const char *code, const char *frame,
                          const char *format, va_list args)
{
    struct refusal *refusal = check->refusal;
    *refusal = (struct refusal){.status = 400, .code = code};
    (void)snprintf(refusal->param, sizeof refusal->param, "%s", at.text);
    int len = snprintf(refusal->message, sizeof refusal->message, "%s", frame);
    (void)vsnprintf(refusal->message + len, sizeof refusal->message - (size_t)len, format, args);
    return false;
}

bool refuse(struct check *check, struct where at, const char *code, const char *format, ...)
{
    char frame[160];
    va_list args;
    (void)snprintf(frame, sizeof frame, is_anthropic(check) ? "%s: " : "Invalid '%s': ", at.text);
    va_start(args, format);
    (void)refuse_framed(check, at, code, frame, format, args);
    va_end(args);
    return false;
}

bool refuse_in_words(struct check *check, struct where at, const char *code, const char *format,
                     ...)
{
    va_list args;
    va_start(args, format);
    (void)refuse_framed(check, at, code, "", format, args);
    va_end(args);
    return false;
}

bool refuse_unknown(struct check *check, struct where at, struct str name)
{
    char room[64];
    str_copy(name, room, sizeof room);
    bool is_top = at.text[0] == '\0';
    at = where_member(at, room);
    if (is_anthropic(check))
        return refuse(check, at, NULL, "Extra inputs are not permitted");
    if (check->request->asked == ASKED_CHAT && is_top)
        return refuse_in_words(check, at, NULL, "Unrecognized request argument supplied: %s", room);
    return refuse_in_words(check, at, "unknown_parameter", "Unknown parameter: '%s'.", at.text);
}

bool refuse_unsupported(struct check *check, const char *param, const char *more)
{
    return refuse_in_words(check, where_member((struct where){""}, param), "unsupported_parameter",
                           "Unsupported parameter: '%s' is not supported with this model.%s", param,
                           more);
}

static bool refuse_missing(struct check *check, struct where at, const char *name)
{
    at = where_member(at, name);
    if (is_anthropic(check))
        return refuse(check, at, NULL, "Field required");
    return refuse_in_words(check, at, "missing_required_parameter",
                           "Missing required parameter: '%s'.", at.text);
}

static const char *type_word(unsigned types)
{
    if (types & A_WHOLE)
        return "an integer";
    if (types & A_STRING)
        return "a string";
    if (types & A_ARRAY)
        return "an array";
    if (types & A_OBJECT)
        return "an object";
    return types & A_NUMBER ? "a number" : "a boolean";
}

static bool refuse_type(struct check *check, struct where at, unsigned types)
{
    if (is_anthropic(check))
        return refuse(check, at, NULL, "Input should be %s", type_word(types));
    return refuse_in_words(check, at, "invalid_type",
                           "Invalid type for '%s': expected %s, but got something else instead.",
                           at.text, type_word(types));
}

/* ---- fields -------------------------------------------------------------------------------------- */

bool is_given(struct json value)
{
    return json_type_of(value) > JSON_NULL;
}

bool is_word(struct json value, const char *word)
{
    return str_eq(json_string_or_empty(value), str_of(word));
}

bool speaks_of_json(struct json said)
{
    if (str_ifind(json_string_or_empty(said), STR("json"), NULL))
        return true;
    for (struct json_cursor message = json_each(said); json_next(&message);) {
        struct json content = json_get(message.value, "content");
        if (str_ifind(json_string_or_empty(content), STR("json"), NULL))
            return true;
        for (struct json_cursor part = json_each(content); json_next(&part);)
            if (str_ifind(json_string_or_empty(json_get(part.value, "text")), STR("json"), NULL))
                return true;
    }
    return false;
}

bool word_in(struct str word, const char *words)
{
    for (struct str rest = str_of(words); rest.len > 0;)
        if (str_eq(str_cut(&rest, ' '), word))
            return true;
    return false;
}

static bool has_type(struct json value, unsigned types)
{
    int64_t whole;
    if (types & A_WHOLE && json_type_of(value) == JSON_NUMBER)
        return json_int64(value, &whole);
    return types & 1u << json_type_of(value);
}

static const struct field *find_field(const struct field *fields, struct str name)
{
    for (; fields->name; fields++)
        if (str_eq(name, str_of(fields->name)))
            return fields;
    return NULL;
}

bool check_fields(struct check *check, struct where at, struct json object,
                  const struct field *fields)
{
    if (json_type_of(object) != JSON_OBJECT)
        return refuse_type(check, at, A_OBJECT);
    for (const struct field *field = fields; field->name; field++)
        if (field->types & IS_NEEDED && json_type_of(json_get(object, field->name)) == JSON_ABSENT)
            return refuse_missing(check, at, field->name);
    for (struct json_cursor member = json_each(object); json_next(&member);) {
        const struct field *field = find_field(fields, member.name);
        if (!field)
            return refuse_unknown(check, at, member.name);
        if (!has_type(member.value, field->types))
            return refuse_type(check, where_member(at, field->name), field->types);
    }
    return true;
}

bool check_shape(struct check *check, struct where at, struct json object, const char *by,
                 const char *otherwise, const struct shape *shapes, const struct shape **out_shape)
{
    struct json kind = json_get(object, by);
    if (json_type_of(object) != JSON_OBJECT)
        return refuse_type(check, at, A_OBJECT);
    if (json_type_of(kind) != JSON_STRING && !otherwise)
        return refuse_missing(check, at, by);
    struct str word =
        json_type_of(kind) == JSON_STRING ? json_string_or_empty(kind) : str_of(otherwise);
    for (; shapes->kind; shapes++) {
        if (!str_eq(word, str_of(shapes->kind)))
            continue;
        *out_shape = shapes;
        return !shapes->fields || check_fields(check, at, object, shapes->fields);
    }
    at = where_member(at, by);
    return refuse(check, at, "invalid_value", "'%.*s' is none of the supported values",
                  (int)(word.len < 48 ? word.len : 48), word.at);
}

bool check_word(struct check *check, struct where at, struct json value, const char *words)
{
    struct str word = json_string_or_empty(value);
    if (!is_given(value) || word_in(word, words))
        return true;
    return refuse(check, at, "invalid_value", "'%.*s' is not supported. Supported values are: %s",
                  (int)(word.len < 48 ? word.len : 48), word.at, words);
}

bool check_range(struct check *check, struct where at, struct json value, double low, double high)
{
    double number;
    if (!json_double(value, &number))
        return true;
    if (number < low)
        return refuse(check, at, "decimal_below_min_value",
                      "Input should be greater than or equal to %g, but got %g", low, number);
    if (number > high)
        return refuse(check, at, "decimal_above_max_value",
                      "Input should be less than or equal to %g, but got %g", high, number);
    return true;
}

bool check_length(struct check *check, struct where at, struct json value, size_t most)
{
    size_t len = json_string_or_empty(value).len;
    if (len <= most)
        return true;
    return refuse(check, at, "string_above_max_length",
                  "string too long. Expected a string with maximum length %zu, but got a string "
                  "with length %zu instead.",
                  most, len);
}

bool check_name(struct check *check, struct where at, struct json value, size_t most)
{
    struct str name = json_string_or_empty(value);
    bool is_fine = name.len > 0 && name.len <= most;
    for (size_t i = 0; i < name.len; i++)
        is_fine &=
            (name.at[i] >= 'a' && name.at[i] <= 'z') || (name.at[i] >= 'A' && name.at[i] <= 'Z') ||
            (name.at[i] >= '0' && name.at[i] <= '9') || name.at[i] == '_' || name.at[i] == '-';
    return is_fine || refuse(check, at, "invalid_value",
                             "string does not match pattern '^[a-zA-Z0-9_-]{1,%zu}$'", most);
}

/* ---- calls --------------------------------------------------------------------------------------- */

bool calls_open(struct calls *calls, struct str id)
{
    for (size_t i = 0; i < calls->count; i++)
        if (str_eq(calls->id[i], id))
            return false;
    if (calls->count == CALLS_MAX)
        return false;
    calls->is_answered[calls->count] = false;
    calls->id[calls->count++] = id;
    return true;
}

enum call_found calls_answer(struct calls *calls, struct str id)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (!str_eq(calls->id[i], id))
            continue;
        bool was_answered = calls->is_answered[i];
        calls->is_answered[i] = true;
        return was_answered ? CALL_ANSWERED_TWICE : CALL_FINE;
    }
    return CALL_UNKNOWN;
}

struct str calls_waiting(const struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        if (!calls->is_answered[i])
            return calls->id[i];
    return STR("");
}

/* ---- models -------------------------------------------------------------------------------------- */

// clang-format off
static const struct {
    const char *begins;
    unsigned    habits;
} habits[] = { /* all that match add up; PROVIDER_ERRORS.md 2 and 3 */
    {"o1",      HABIT_REASONS}, {"o3", HABIT_REASONS}, {"o4", HABIT_REASONS},
    {"gpt-5",   HABIT_REASONS}, {"gpt-6", HABIT_REASONS},
    {"gpt-5.6", HABIT_TOOLS_ELSEWHERE}, {"gpt-6", HABIT_TOOLS_ELSEWHERE},
    {"gpt-3",   HABIT_NO_EFFORT}, {"gpt-4", HABIT_NO_EFFORT},
    {"claude-opus-5",     HABIT_NO_SAMPLING | HABIT_NO_BUDGET},
    {"claude-opus-5-5",   HABIT_NO_FORCED_TOOL | HABIT_ALWAYS_THINKS},
    {"claude-sonnet-5-5", HABIT_NO_FORCED_TOOL | HABIT_NO_SAMPLING},
    {"claude-fable-5",    HABIT_NO_FORCED_TOOL | HABIT_ALWAYS_THINKS | HABIT_NO_SAMPLING},
    {"claude-3",          HABIT_NO_ADAPTIVE},
    {"claude-sonnet-4-5", HABIT_NO_ADAPTIVE}, {"claude-haiku-4-5", HABIT_NO_ADAPTIVE},
    {"claude-opus-4-5",   HABIT_NO_ADAPTIVE},
};
// clang-format on

unsigned model_habits(struct str model)
{
    unsigned all = 0;
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
        if (str_starts(model, str_of(habits[i].begins)))
            all |= habits[i].habits;
    return all;
}

/* ---- all together -------------------------------------------------------------------------------- */

void stored_add(struct stored *stored, const char *id)
{
    (void)snprintf(stored->ids[stored->next], sizeof stored->ids[0], "%s", id);
    stored->next = (stored->next + 1) % STORED_MAX;
}

bool strict_accepts(const struct request *request, struct json body, const struct stored *stored,
                    struct refusal *out_refusal)
{
    struct check check = {request, body, stored, out_refusal};
    switch (request->asked) {
    case ASKED_CHAT:
        return request->vendor == VENDOR_LLAMA ? strict_llama(&check) : strict_chat(&check);
    case ASKED_RESPONSES: return strict_responses(&check);
    case ASKED_MESSAGES:
    case ASKED_COUNT_TOKENS: return request->vendor == VENDOR_LLAMA || strict_messages(&check);
    default: return true;
    }
}
