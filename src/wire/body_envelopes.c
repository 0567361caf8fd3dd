/* wire/body_envelopes.c: a conversation that comes back to a provider of the caller's own dialect, after it was elsewhere.
 *
 * What was thought elsewhere travels in our envelopes (wire/seal.h), as thinking blocks or reasoning items. Nobody but
 * us can open them, so they are cut out of the bytes; only the arrays that held one are written again, from the raw
 * bytes of the elements that stay.
 */
#include "wire/body.h"

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

enum err body_drop_envelopes(struct json_reader *reader, enum endpoint endpoint, struct str body,
                             struct buf *out)
{
    struct json root;
    struct cutting cutting = {.reader = reader, .body = body, .out = out};
    enum err err = json_parse(reader, body, &root, NULL);
    if (err != OK)
        return err;
    if (endpoint == ENDPOINT_RESPONSES)
        cut_list(&cutting, json_get(root, "input"), STR(""));
    else
        for (struct json_cursor c = json_each(json_get(root, "messages")); json_next(&c);)
            cut_list(&cutting, json_get(c.value, "content"),
                     STR("{\"type\":\"text\",\"text\":\".\"}"));
    buf_append_str(out, str_from(body, cutting.copied));
    return out->failed ? ERR_NO_MEMORY : OK;
}
