/* tests/unit/wire/responses_listener.h: hears a stream of the responses dialect as the strictest client would.
 *
 * It refuses what the OpenAI SDK's accumulator refuses (an item, a part, a delta out of place or under another id) and
 * more: each number must follow the last, each `.done` must repeat the deltas, and the final response must be the
 * items of output_item.done, byte for byte. Used by tests and by the fuzz harness, so it says what is wrong
 * instead of failing a test itself.
 */
#pragma once
#include "json/json.h"
#include "wire/sse.h"

#include <stdio.h>

struct responses_listener {
    struct json_reader *json;
    const char *wrong; /* the first fault, or NULL */
    int64_t sequence;
    bool has_ended;
    int64_t output_index; /* of the item that is open, or of the next */
    bool has_item, has_part;
    int64_t content_index; /* of the part that is open, or of the next */
    char id[160], type[32];
    struct buf text;   /* of the open part, from its deltas */
    struct buf output; /* finished items */
    char status[32], response_id[96];
    int64_t total_tokens;
};

static inline void listener_init(struct responses_listener *listener, struct json_reader *json)
{
    *listener = (struct responses_listener){.json = json};
    buf_init(&listener->text, 64u << 20);
    buf_init(&listener->output, 64u << 20);
}

static inline void listener_release(struct responses_listener *listener)
{
    buf_release(&listener->text);
    buf_release(&listener->output);
}

static inline void listener_want(struct responses_listener *listener, bool condition,
                                 const char *what)
{
    if (!condition && !listener->wrong)
        listener->wrong = what;
}

static inline bool listener_is(struct json object, const char *name, const char *text)
{
    return str_eq(json_string_or_empty(json_get(object, name)), str_of(text));
}

static inline void listener_item(struct responses_listener *listener, struct json root,
                                 bool is_done, struct str data)
{
    struct json item = json_get(root, "item");
    listener_want(listener,
                  json_int64_or(json_get(root, "output_index"), -1) == listener->output_index,
                  "output_index");
    listener_want(listener, listener->has_item == is_done, "item opened twice, or never");
    listener_want(listener, !listener->has_part, "a part is still open");
    if (is_done) {
        listener_want(listener, listener_is(item, "id", listener->id), "another id");
        listener_want(listener, listener_is(item, "type", listener->type), "another type");
        if (listener->output_index > 0)
            buf_putc(&listener->output, ',');
        buf_append_str(&listener->output, json_raw(listener->json, item, data));
        listener->output_index++;
    } else {
        str_copy(json_string_or_empty(json_get(item, "id")), listener->id, sizeof listener->id);
        str_copy(json_string_or_empty(json_get(item, "type")), listener->type,
                 sizeof listener->type);
        listener_want(listener, listener->id[0] != '\0', "an item without id");
        listener->content_index = 0;
        buf_clear(&listener->text);
        /* Calls have no part events: they are their own part. */
        listener->has_part = strstr(listener->type, "call") != NULL;
    }
    listener->has_item = !is_done;
}

static inline void listener_place(struct responses_listener *listener, struct json root,
                                  const char *index_name)
{
    listener_want(listener, listener->has_item, "no item is open");
    listener_want(listener, listener_is(root, "item_id", listener->id), "item_id");
    listener_want(listener,
                  json_int64_or(json_get(root, "output_index"), -1) == listener->output_index,
                  "output_index");
    if (index_name)
        listener_want(listener,
                      json_int64_or(json_get(root, index_name), -1) == listener->content_index,
                      index_name);
}

static inline void listener_part(struct responses_listener *listener, struct json root,
                                 bool is_done, const char *index_name)
{
    struct json part = json_get(root, "part");
    bool is_refusal = listener_is(part, "type", "refusal");
    struct str text = json_string_or_empty(json_get(part, is_refusal ? "refusal" : "text"));
    listener_place(listener, root, index_name);
    if (is_done) {
        listener_want(listener, str_eq(text, buf_str(&listener->text)), "part.done repeats");
        listener->content_index++;
    } else {
        listener_want(listener, !listener->has_part, "part opened twice");
        listener_want(listener, text.len == 0, "part.added is empty");
        listener->has_part = true;
        buf_clear(&listener->text);
    }
}

static inline void listener_end(struct responses_listener *listener, struct json root,
                                struct str data)
{
    struct json response = json_get(root, "response");
    struct json usage = json_get(response, "usage");
    struct str output = json_raw(listener->json, json_get(response, "output"), data);
    struct str bare = output.len >= 2 ? str_upto(str_from(output, 1), output.len - 2) : STR("?");
    listener_want(listener, !listener->has_item, "an item is still open");
    listener_want(listener, str_eq(bare, buf_str(&listener->output)), "output repeats the items");
    listener_want(listener, listener_is(response, "id", listener->response_id), "response id");
    listener->total_tokens = json_int64_or(json_get(usage, "total_tokens"), -1);
    listener_want(listener, listener->total_tokens >= 0, "total_tokens");
    str_copy(json_string_or_empty(json_get(response, "status")), listener->status,
             sizeof listener->status);
    listener->has_ended = true;
}

static inline void listener_text(struct responses_listener *listener, struct json root,
                                 struct str type)
{
    static const struct {
        const char *type, *done, *index;
    } rows[] = {{"response.output_text.", "text", "content_index"},
                {"response.refusal.", "refusal", "content_index"},
                {"response.reasoning_summary_text.", "text", "summary_index"},
                {"response.function_call_arguments.", "arguments", NULL},
                {"response.custom_tool_call_input.", "input", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!str_starts(type, str_of(rows[i].type)))
            continue;
        listener_place(listener, root, rows[i].index);
        listener_want(listener, listener->has_part, "no part is open");
        if (str_ends(type, STR(".delta"))) {
            buf_append_str(&listener->text, json_string_or_empty(json_get(root, "delta")));
            return;
        }
        listener_want(listener, str_ends(type, STR(".done")), "unknown event");
        listener_want(
            listener,
            str_eq(json_string_or_empty(json_get(root, rows[i].done)), buf_str(&listener->text)),
            "done repeats the deltas");
        listener->has_part = false; /* closed; its part.done may follow */
        return;
    }
    listener_want(listener, false, "unknown event");
}

/** One event; its name must be its type. */
static inline void listener_event(struct responses_listener *listener,
                                  const struct sse_event *event)
{
    struct json root;
    if (json_parse(listener->json, event->data, &root, NULL) != OK) {
        listener_want(listener, false, "no JSON");
        return;
    }
    struct str type = json_string_or_empty(json_get(root, "type"));
    listener_want(listener, str_eq(type, event->name), "event name");
    listener_want(listener, !listener->has_ended, "nothing behind the end");
    listener_want(listener,
                  json_int64_or(json_get(root, "sequence_number"), -1) == listener->sequence,
                  "sequence_number");
    listener->sequence++;
    bool is_first = listener->sequence == 1;
    listener_want(listener, is_first == str_eq(type, STR("response.created")), "created is first");
    if (is_first)
        str_copy(json_string_or_empty(json_at(root, "response", "id", NULL)), listener->response_id,
                 sizeof listener->response_id);
    else if (str_eq(type, STR("response.in_progress")))
        listener_want(listener, listener->sequence == 2, "in_progress is second");
    else if (str_eq(type, STR("response.output_item.added")))
        listener_item(listener, root, false, event->data);
    else if (str_eq(type, STR("response.output_item.done")))
        listener_item(listener, root, true, event->data);
    else if (str_eq(type, STR("response.content_part.added")))
        listener_part(listener, root, false, "content_index");
    else if (str_eq(type, STR("response.content_part.done")))
        listener_part(listener, root, true, "content_index");
    else if (str_eq(type, STR("response.reasoning_summary_part.added")))
        listener_part(listener, root, false, "summary_index");
    else if (str_eq(type, STR("response.reasoning_summary_part.done")))
        listener_part(listener, root, true, "summary_index");
    else if (str_eq(type, STR("response.output_text.annotation.added")))
        listener_place(listener, root, "content_index");
    else if (str_eq(type, STR("response.completed")) || str_eq(type, STR("response.incomplete")))
        listener_end(listener, root, event->data);
    else
        listener_text(listener, root, type);
}

/** All events of `stream`. */
static inline void listener_hear(struct responses_listener *listener, struct str stream)
{
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, 64u << 20);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0;) {
        struct sse_event event;
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (event.has_data)
            listener_event(listener, &event);
        stream = str_from(stream, len);
    }
    listener_want(listener, stream.len == 0, "half an event");
}
