/* simulate/strict_llama.c: what llama-server minds in a request of chat completions.
 *
 * It ignores fields that it does not know and named tool choices (request.c: the answer is prose). What it
 * minds: content of a kind that the model has no ears for, arguments that are no JSON, and whatever the
 * model's chat template throws at. A model whose name holds "strict-template" has the strictest of them:
 * one system message, first; then user and assistant in turn. "vision" in the name: images are taken.
 *
 * Source:  CLIENTS.md 9; PROVIDER_ERRORS.md 4; llama.cpp common/chat.cpp, tools/server/utils.
 */
#include "simulate/strict_parts.h"

#define TOP ((struct where){""})

/* llama-server says 500 to what its template or its parser throws at. */
static bool throw_at(struct check *check, struct where at, const char *sentence)
{
    (void)refuse_in_words(check, at, NULL, "%s", sentence);
    check->refusal->status = 500;
    return false;
}

static bool check_part(struct check *check, struct where at, struct json part)
{
    struct json type = json_get(part, "type");
    if (is_word(type, "text"))
        return json_type_of(json_get(part, "text")) == JSON_STRING ||
               refuse_in_words(check, at, NULL, "missing content part text");
    if (!is_word(type, "image_url") && !is_word(type, "input_audio"))
        return refuse_in_words(check, at, NULL, "unsupported content[].type");
    return str_find(check->request->model, STR("vision"), NULL) ||
           throw_at(check, at,
                    "image input is not supported - hint: if this is unexpected, you "
                    "may need to provide the mmproj");
}

/* Arguments are parsed for the template. Anything that begins and ends as an object will do here. */
static bool check_call(struct check *check, struct where at, struct json call)
{
    struct json arguments = json_at(call, "function", "arguments", NULL);
    struct str text = str_trim(json_string_or_empty(arguments));
    if (json_type_of(json_at(call, "function", "name", NULL)) != JSON_STRING)
        return refuse_in_words(check, at, NULL, "Missing tool call name");
    return (str_starts(text, STR("{")) && str_ends(text, STR("}"))) ||
           throw_at(check, at, "Failed to parse tool call arguments as JSON");
}

static bool check_message(struct check *check, struct where at, struct json message)
{
    struct json content = json_get(message, "content"), calls = json_get(message, "tool_calls");
    struct json_cursor part = json_each(content), call = json_each(calls);
    if (json_type_of(json_get(message, "role")) != JSON_STRING)
        return refuse_in_words(check, at, NULL, "Missing 'role' in message");
    if (!is_given(content) && json_count(calls) == 0)
        return refuse_in_words(check, at, NULL, "Expected 'content' to be a string or an array");
    for (size_t i = 0; json_next(&part); i++)
        if (!check_part(check, where_element(check, where_member(at, "content"), i), part.value))
            return false;
    for (size_t i = 0; json_next(&call); i++)
        if (!check_call(check, where_element(check, where_member(at, "tool_calls"), i), call.value))
            return false;
    return true;
}

/* system?, then a user first, and nobody twice in a row but for calls and their results. */
static bool check_template(struct check *check, struct where at, struct json message, size_t index,
                           struct str *in_out_last)
{
    struct str role = json_string_or_empty(json_get(message, "role"));
    struct str last = *in_out_last;
    bool is_call = json_count(json_get(message, "tool_calls")) > 0;
    if (str_eq(role, STR("system")))
        return index == 0 ||
               throw_at(check, at, "Jinja Exception: System message must be at the beginning.");
    if (!word_in(role, "user assistant tool"))
        return throw_at(check, at, "Jinja Exception: Unexpected message role.");
    bool is_out_of_turn = last.len == 0 ? !str_eq(role, STR("user"))
                                        : str_eq(role, last) && !str_eq(role, STR("tool"));
    if (is_out_of_turn)
        return throw_at(check, at,
                        "Jinja Exception: Conversation roles must alternate "
                        "user/assistant/user/assistant/...");
    *in_out_last = is_call ? STR("call") : role;
    return true;
}

bool strict_llama(struct check *check)
{
    struct json messages = json_get(check->body, "messages");
    struct json_cursor message = json_each(messages);
    struct where at = where_member(TOP, "messages");
    bool is_strict = str_find(check->request->model, STR("strict-template"), NULL);
    struct str last = {0};
    if (json_type_of(messages) != JSON_ARRAY || json_count(messages) == 0)
        return refuse_in_words(check, at, NULL, "\"messages\" is required");
    for (size_t i = 0; json_next(&message); i++) {
        struct where here = where_element(check, at, i);
        if (!check_message(check, here, message.value) ||
            (is_strict && !check_template(check, here, message.value, i, &last)))
            return false;
    }
    return true;
}
