/* wire/meter.c: what each event of a stream is, per endpoint. Plain answers: meter_answer.c.
 *
 * The relay may still change provider, unseen, until the first STREAM_CONTENT; so what is content
 * decides over failover. Unknown events are lifecycle: an event that nobody has documented must not
 * commit us. This runs for every event of every stream: one parse, no allocation.
 */
#include "wire/meter_parts.h"

#include <assert.h>

void usage_init(struct usage *usage)
{
    *usage = (struct usage){.input_tokens = TOKENS_UNKNOWN,
                            .output_tokens = TOKENS_UNKNOWN,
                            .cached_tokens = TOKENS_UNKNOWN,
                            .cache_write_tokens = TOKENS_UNKNOWN,
                            .reasoning_tokens = TOKENS_UNKNOWN};
}

void meter_init(struct meter *meter, enum endpoint endpoint)
{
    assert(endpoint < ENDPOINT_COUNT);
    *meter = (struct meter){.endpoint = endpoint};
    usage_init(&meter->usage);
}

/* The members of an event's data that are looked for in every event; the rest is for rare ones. */
struct data {
    struct json root;
    struct json type, error, choices, usage, model, delta;
};

static struct json *data_member(struct data *data, struct str name)
{
    if (str_eq(name, STR("type")))
        return &data->type;
    if (str_eq(name, STR("delta")))
        return &data->delta;
    if (str_eq(name, STR("model")))
        return &data->model;
    if (str_eq(name, STR("usage")))
        return &data->usage;
    if (str_eq(name, STR("error")))
        return &data->error;
    return str_eq(name, STR("choices")) ? &data->choices : NULL;
}

/* In one pass over the members; of two of one name the first holds, as with json_get. */
static void data_read(struct data *data, struct json root)
{
    *data = (struct data){.root = root};
    for (struct json_cursor c = json_each(root); json_next(&c);) {
        struct json *member = data_member(data, c.name);
        if (member && !member->doc)
            *member = c.value;
    }
}

static struct str type_of(struct json object)
{
    return json_string_or_empty(json_get(object, "type"));
}

static bool is_one_of(struct str text, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, list[i]))
            return true;
    }
    return false;
}

/* CONTENT when `value` says something, and counts its text. */
static enum stream_class weigh(struct meter *meter, struct json value)
{
    struct str text;
    if (json_string(value, &text)) {
        meter->output_bytes += (int64_t)text.len;
        return text.len > 0 ? STREAM_CONTENT : STREAM_LIFECYCLE;
    }
    if (!meter_says_something(value))
        return STREAM_LIFECYCLE;
    meter->output_bytes += meter_text_bytes(value);
    return STREAM_CONTENT;
}

/* ---- chat completions and legacy completions ------------------------------------------------- */

/* Members of `delta` that a caller sees; `role` and whatever a vendor adds are not among them. */
static const struct str chat_content[] = {
    STR_INIT("content"), STR_INIT("reasoning_content"), STR_INIT("reasoning"),
    STR_INIT("refusal"), STR_INIT("tool_calls"),        STR_INIT("function_call"),
    STR_INIT("audio"),   STR_INIT("reasoning_details"), STR_INIT("images"),
};

struct choice {
    struct json text, delta, finish;
};

static struct choice choice_read(struct json value)
{
    struct choice choice = {0};
    for (struct json_cursor c = json_each(value); json_next(&c);) {
        struct json *member = str_eq(c.name, STR("delta"))           ? &choice.delta
                              : str_eq(c.name, STR("text"))          ? &choice.text
                              : str_eq(c.name, STR("finish_reason")) ? &choice.finish
                                                                     : NULL;
        if (member && c.is_object && !member->doc)
            *member = c.value;
    }
    return choice;
}

static bool choice_is_content(struct meter *meter, struct json value)
{
    struct choice choice = choice_read(value);
    bool is_content = weigh(meter, choice.text) == STREAM_CONTENT;
    for (struct json_cursor c = json_each(choice.delta); json_next(&c);) {
        if (is_one_of(c.name, chat_content, sizeof chat_content / sizeof chat_content[0]) &&
            weigh(meter, c.value) == STREAM_CONTENT)
            is_content = true;
    }
    if (json_type_of(choice.finish) == JSON_STRING) {
        meter->has_end = true;
        is_content = true;
    }
    return is_content;
}

static enum stream_class class_chat(struct meter *meter, const struct data *data)
{
    enum stream_class class = STREAM_LIFECYCLE;
    struct json choices = data->choices;
    struct json usage = data->usage;
    for (struct json_cursor c = json_each(choices); json_next(&c);) {
        if (choice_is_content(meter, c.value))
            class = STREAM_CONTENT;
    }
    if (json_type_of(usage) == JSON_OBJECT) {
        meter_take_usage(meter, usage);
        if (json_count(choices) == 0)
            class = STREAM_USAGE;
    }
    meter_take_model(meter, data->model);
    return class;
}

/* ---- responses ------------------------------------------------------------------------------- */

/* What stands behind "response.". Types that are not here end in ".delta" (content when it is not
 * empty), in ".done" (content), or are lifecycle. */
enum response_event {
    RESPONSE_NEWS,
    RESPONSE_ITEM,
    RESPONSE_ANNOTATION,
    RESPONSE_END,
    RESPONSE_FAILED
};

static const struct response_row {
    struct str type;
    enum response_event event;
} response_rows[] = {
    {STR_INIT("created"), RESPONSE_NEWS},
    {STR_INIT("queued"), RESPONSE_NEWS},
    {STR_INIT("in_progress"), RESPONSE_NEWS},
    {STR_INIT("output_item.added"), RESPONSE_ITEM},
    {STR_INIT("output_text.annotation.added"), RESPONSE_ANNOTATION},
    {STR_INIT("image_generation_call.partial_image"), RESPONSE_ANNOTATION},
    {STR_INIT("completed"), RESPONSE_END},
    {STR_INIT("incomplete"), RESPONSE_END},
    {STR_INIT("failed"), RESPONSE_FAILED},
};

/* An item that begins: an empty message or reasoning says nothing yet, any tool call does. */
static enum stream_class class_response_item(struct meter *meter, struct json item)
{
    struct str type = type_of(item);
    if (str_eq(type, STR("message")) || str_eq(type, STR("reasoning"))) {
        bool has_text = weigh(meter, json_get(item, "content")) == STREAM_CONTENT;
        bool has_summary = weigh(meter, json_get(item, "summary")) == STREAM_CONTENT;
        return has_text || has_summary ? STREAM_CONTENT : STREAM_LIFECYCLE;
    }
    meter->output_bytes += meter_text_bytes(json_get(item, "name"));
    return STREAM_CONTENT;
}

static enum stream_class class_response_end(struct meter *meter, struct json response)
{
    meter_take_usage(meter, json_get(response, "usage"));
    if (json_count(json_get(response, "output")) > 0)
        meter->has_content = true;
    return STREAM_END;
}

static enum stream_class class_response_row(struct meter *meter, enum response_event event,
                                            struct json root)
{
    struct json response = json_get(root, "response");
    meter_take_model(meter, json_get(response, "model"));
    switch (event) {
    case RESPONSE_ITEM: return class_response_item(meter, json_get(root, "item"));
    case RESPONSE_ANNOTATION: return STREAM_CONTENT;
    case RESPONSE_END: return class_response_end(meter, response);
    case RESPONSE_FAILED: meter_take_error(meter, response); return STREAM_ERROR;
    case RESPONSE_NEWS: break;
    }
    return STREAM_LIFECYCLE;
}

static enum stream_class class_responses(struct meter *meter, const struct data *data,
                                         struct str type)
{
    static const struct str prefix = STR_INIT("response.");
    if (!str_starts(type, prefix))
        return STREAM_LIFECYCLE;
    if (str_ends(type, STR(".delta")))
        return weigh(meter, data->delta);
    if (str_ends(type, STR(".done")))
        return STREAM_CONTENT;
    struct str kind = str_from(type, prefix.len);
    for (size_t i = 0; i < sizeof response_rows / sizeof response_rows[0]; i++) {
        if (str_eq(kind, response_rows[i].type))
            return class_response_row(meter, response_rows[i].event, data->root);
    }
    return STREAM_LIFECYCLE;
}

/* ---- messages -------------------------------------------------------------------------------- */

static enum stream_class on_message_start(struct meter *meter, const struct data *data)
{
    struct json message = json_get(data->root, "message");
    meter_take_usage(meter, json_get(message, "usage"));
    meter_take_model(meter, json_get(message, "model"));
    return weigh(meter, json_get(message, "content"));
}

static enum stream_class on_block_start(struct meter *meter, const struct data *data)
{
    struct json block = json_get(data->root, "content_block");
    struct str type = type_of(block);
    if (str_eq(type, STR("text")))
        return weigh(meter, json_get(block, "text"));
    if (str_eq(type, STR("thinking")))
        return weigh(meter, json_get(block, "thinking"));
    meter->output_bytes += meter_text_bytes(json_get(block, "name"));
    return STREAM_CONTENT;
}

/* text_delta, thinking_delta, input_json_delta and those to come: whatever stands beside `type`. */
static enum stream_class on_block_delta(struct meter *meter, const struct data *data)
{
    struct json delta = data->delta;
    enum stream_class class = STREAM_LIFECYCLE;
    for (struct json_cursor c = json_each(delta); json_next(&c);) {
        if (!str_eq(c.name, STR("type")) && meter_says_something(c.value))
            class = STREAM_CONTENT;
    }
    meter->output_bytes += meter_text_bytes(delta);
    return class;
}

static enum stream_class on_message_delta(struct meter *meter, const struct data *data)
{
    meter_take_usage(meter, data->usage);
    struct json reason = json_get(data->delta, "stop_reason");
    bool has_stopped = json_type_of(reason) == JSON_STRING;
    return has_stopped ? STREAM_CONTENT : STREAM_LIFECYCLE;
}

static enum stream_class on_message_stop(struct meter *meter, const struct data *data)
{
    (void)meter;
    (void)data;
    return STREAM_END;
}

static const struct message_row {
    struct str type;
    enum stream_class (*on_event)(struct meter *meter, const struct data *data);
} message_rows[] = {
    {STR_INIT("content_block_delta"), on_block_delta},
    {STR_INIT("message_start"), on_message_start},
    {STR_INIT("content_block_start"), on_block_start},
    {STR_INIT("message_delta"), on_message_delta},
    {STR_INIT("message_stop"), on_message_stop},
}; /* ping, content_block_stop and unknown ones are lifecycle */

static enum stream_class class_messages(struct meter *meter, const struct data *data,
                                        struct str type)
{
    for (size_t i = 0; i < sizeof message_rows / sizeof message_rows[0]; i++) {
        if (str_eq(type, message_rows[i].type))
            return message_rows[i].on_event(meter, data);
    }
    return STREAM_LIFECYCLE;
}

/* ---- one event ------------------------------------------------------------------------------- */

static bool is_error(const struct sse_event *event, struct json error, struct str type)
{
    return meter_says_something(error) || str_eq(type, STR("error")) ||
           str_eq(event->name, STR("error"));
}

static enum stream_class classify(struct meter *meter, const struct sse_event *event,
                                  struct json root)
{
    struct data data;
    data_read(&data, root);
    struct str type = json_string_or_empty(data.type);
    if (is_error(event, data.error, type)) {
        meter_take_error(meter, root);
        return STREAM_ERROR;
    }
    if (str_is_empty(type))
        type = event->name;
    switch (meter->endpoint) {
    case ENDPOINT_RESPONSES: return class_responses(meter, &data, type);
    case ENDPOINT_MESSAGES: return class_messages(meter, &data, type);
    default: return class_chat(meter, &data);
    }
}

enum err meter_event(struct meter *meter, struct json_reader *reader, const struct sse_event *event,
                     enum stream_class *out_class, struct json *out_root)
{
    struct str data = str_trim(event->data);
    enum stream_class class = STREAM_LIFECYCLE;
    *out_root = (struct json){0};
    if (str_eq(data, STR("[DONE]"))) {
        class = STREAM_END;
    } else if (data.len == 0) {
        class = str_eq(event->name, STR("error")) ? STREAM_ERROR : STREAM_LIFECYCLE;
    } else {
        struct json root;
        enum err failed = json_parse(reader, data, &root, NULL);
        if (failed)
            return failed;
        if (json_type_of(root) != JSON_OBJECT)
            return ERR_MALFORMED;
        class = classify(meter, event, root);
        *out_root = root;
    }
    meter->has_content = meter->has_content || class == STREAM_CONTENT;
    meter->has_end = meter->has_end || class == STREAM_END;
    *out_class = class;
    return OK;
}
