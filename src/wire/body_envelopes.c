/* wire/body_envelopes.c: a conversation that comes back to a provider of the caller's own dialect, after it was elsewhere.
 *
 * What was thought elsewhere travels in our envelopes (wire/seal.h), as thinking blocks or reasoning items. Nobody but
 * us can open them, so they are cut out of the bytes; only the arrays that held one are written again, from the raw
 * bytes of the elements that stay.
 *
 * A model of Anthropic's that thinks within a budget wants its last turn, when it called tools, to begin with what it thought.
 * If that was another's, the request goes on without thinking: the tool's result is worth more than a refusal.
 *
 * Chat completions has no envelopes, but a field that OpenAI does not know: reasoning_content. Many servers tell it and take
 * it back, some refuse it (QUIRK_NO_THOUGHTS): then it is cut out of the messages that have it.
 */
#include "wire/body.h"

#include "json/json_writer.h"
#include "wire/seal.h"

struct cutting {
    struct json_reader *reader;
    struct str body;
    struct buf *out;
    size_t copied; /* of the body, so far */
};

bool body_has_envelopes(enum endpoint endpoint, struct str body)
{
    bool may = endpoint == ENDPOINT_MESSAGES || endpoint == ENDPOINT_COUNT_TOKENS ||
               endpoint == ENDPOINT_RESPONSES;
    return may && str_find(body, STR(SEAL_PREFIX), NULL);
}

/* A thinking block (messages) or a reasoning item (responses) whose seal is ours. */
static bool is_envelope(struct json part)
{
    static const struct {
        struct str type;
        const char *seal;
    } rows[] = {
        {STR_INIT("thinking"), "signature"},
        {STR_INIT("redacted_thinking"), "data"},
        {STR_INIT("reasoning"), "encrypted_content"},
    };
    struct str type = json_string_or_empty(json_get(part, "type"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_eq(type, rows[i].type))
            return seal_is_ours(json_string_or_empty(json_get(part, rows[i].seal)));
    return false;
}

static bool holds_envelope(struct json list)
{
    for (struct json_cursor c = json_each(list); json_next(&c);)
        if (is_envelope(c.value))
            return true;
    return false;
}

/* Writes the list without its envelopes. A turn may not become empty: `instead` stands for it. */
static void cut_list(struct cutting *cutting, struct json list, struct str instead)
{
    if (json_type_of(list) != JSON_ARRAY || !holds_envelope(list))
        return;
    struct str raw = json_raw(cutting->reader, list, cutting->body);
    size_t start = (size_t)(raw.at - cutting->body.at), kept = 0;
    buf_append(cutting->out, cutting->body.at + cutting->copied, start - cutting->copied);
    buf_putc(cutting->out, '[');
    for (struct json_cursor c = json_each(list); json_next(&c);) {
        if (is_envelope(c.value))
            continue;
        if (kept++ > 0)
            buf_putc(cutting->out, ',');
        buf_append_str(cutting->out, json_raw(cutting->reader, c.value, cutting->body));
    }
    if (kept == 0)
        buf_append_str(cutting->out, instead);
    buf_putc(cutting->out, ']');
    cutting->copied = start + raw.len;
}

/* The last turn of the assistant, as it will be without envelopes: it called tools, and begins with no thought. */
static bool is_left_unthought(struct json messages)
{
    bool is_open = false, begins_well = true, has_call = false, was_assistant = false;
    for (struct json_cursor turn = json_each(messages); json_next(&turn);) {
        bool is_assistant =
            str_eq(json_string_or_empty(json_get(turn.value, "role")), STR("assistant"));
        if (is_assistant && !was_assistant) {
            is_open = begins_well = true;
            has_call = false;
        }
        was_assistant = is_assistant;
        struct json_cursor block = json_each(json_get(turn.value, "content"));
        while (is_assistant && json_next(&block)) {
            struct str type = json_string_or_empty(json_get(block.value, "type"));
            if (is_envelope(block.value))
                continue;
            if (is_open)
                begins_well =
                    str_eq(type, STR("thinking")) || str_eq(type, STR("redacted_thinking"));
            has_call |= str_eq(type, STR("tool_use"));
            is_open = false;
        }
    }
    return has_call && !begins_well;
}

static void cut_messages(struct cutting *cutting, struct json messages)
{
    for (struct json_cursor c = json_each(messages); json_next(&c);)
        cut_list(cutting, json_get(c.value, "content"), STR("{\"type\":\"text\",\"text\":\".\"}"));
}

static void put_instead(struct cutting *cutting, struct json value, struct str instead)
{
    struct str raw = json_raw(cutting->reader, value, cutting->body);
    size_t start = (size_t)(raw.at - cutting->body.at);
    buf_append(cutting->out, cutting->body.at + cutting->copied, start - cutting->copied);
    buf_append_str(cutting->out, instead);
    cutting->copied = start + raw.len;
}

enum err body_drop_envelopes(struct json_reader *reader, enum endpoint endpoint, struct str body,
                             struct buf *out)
{
    struct json root;
    struct cutting cutting = {.reader = reader, .body = body, .out = out};
    enum err err = json_parse(reader, body, &root, NULL);
    if (err != OK)
        return err;
    bool has_budget =
        str_eq(json_string_or_empty(json_at(root, "thinking", "type", NULL)), STR("enabled"));
    bool is_unthought = has_budget && is_left_unthought(json_get(root, "messages"));
    for (struct json_cursor c = json_each(root); json_next(&c);) { /* in the order of the bytes */
        if (endpoint == ENDPOINT_RESPONSES && str_eq(c.name, STR("input")))
            cut_list(&cutting, c.value, STR(""));
        else if (endpoint != ENDPOINT_RESPONSES && str_eq(c.name, STR("messages")))
            cut_messages(&cutting, c.value);
        else if (is_unthought && str_eq(c.name, STR("thinking")))
            put_instead(&cutting, c.value, STR("{\"type\":\"disabled\"}"));
    }
    buf_append_str(out, str_from(body, cutting.copied));
    return out->failed ? ERR_NO_MEMORY : OK;
}

/* ---- chat ------------------------------------------------------------------------------------ */

static bool is_thought(struct str name)
{
    return str_eq(name, STR("reasoning_content")) || str_eq(name, STR("reasoning")) ||
           str_eq(name, STR("reasoning_details"));
}

static bool holds_thoughts(struct json message)
{
    for (struct json_cursor c = json_each(message); json_next(&c);)
        if (is_thought(c.name))
            return true;
    return false;
}

static void cut_message(struct cutting *cutting, struct json message)
{
    if (json_type_of(message) != JSON_OBJECT || !holds_thoughts(message))
        return;
    struct str raw = json_raw(cutting->reader, message, cutting->body);
    size_t start = (size_t)(raw.at - cutting->body.at), kept = 0;
    buf_append(cutting->out, cutting->body.at + cutting->copied, start - cutting->copied);
    buf_putc(cutting->out, '{');
    for (struct json_cursor c = json_each(message); json_next(&c);) {
        if (is_thought(c.name))
            continue;
        if (kept++ > 0)
            buf_putc(cutting->out, ',');
        json_quote(cutting->out, c.name);
        buf_putc(cutting->out, ':');
        buf_append_str(cutting->out, json_raw(cutting->reader, c.value, cutting->body));
    }
    buf_putc(cutting->out, '}');
    cutting->copied = start + raw.len;
}

bool body_has_thoughts(struct str body)
{
    return str_find(body, STR("\"reasoning"), NULL);
}

enum err body_drop_thoughts(struct json_reader *reader, struct str body, struct buf *out)
{
    struct json root;
    struct cutting cutting = {.reader = reader, .body = body, .out = out};
    enum err err = json_parse(reader, body, &root, NULL);
    if (err != OK)
        return err;
    for (struct json_cursor c = json_each(json_get(root, "messages")); json_next(&c);)
        cut_message(&cutting, c.value);
    buf_append_str(out, str_from(body, cutting.copied));
    return out->failed ? ERR_NO_MEMORY : OK;
}
