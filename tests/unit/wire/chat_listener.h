/* tests/unit/wire/chat_listener.h: an answer's events told in one line, e.g.
 *
 *     begin chatcmpl-1 text{Hel|lo} call_1=f{{"a"|:1}} stop:tools
 *
 * Log probabilities stand behind their delta: {Hel<{"token":"Hel",...}>|lo}.
 */
#pragma once
#include "wire/chat_parts.h"

#include <stdlib.h>

struct listener {
    struct answer_reader reader;
    struct chat_reading reading;
    struct fidelity fidelity;
    struct json_reader *json;
    struct buf told, joined, notes;
    bool has_more; /* the open part has had a delta */
};

static inline const char *part_name(enum part_kind kind)
{
    static const char *const names[] = {"text",  "refusal", "image", "document", "audio",
                                        "think", "sealed",  "call",  "result"};
    return names[kind];
}

static inline void listener_hear(void *arg, const struct answer_event *event)
{
    static const char *const stops[] = {"unknown", "end",     "length", "sequence",
                                        "tools",   "refusal", "pause"};
    struct listener *listener = arg;
    struct buf *told = &listener->told;
    switch (event->kind) {
    case ANSWER_BEGIN:
        listener->reader.has_begun = true; /* as answer.c does */
        buf_printf(told, "begin %.*s", STR_ARG(event->id));
        break;
    case ANSWER_PART_BEGIN:
        buf_printf(told, " %s", event->part == PART_TOOL_CALL ? "" : part_name(event->part));
        if (event->part == PART_TOOL_CALL)
            buf_printf(told, "%.*s=%.*s%s", STR_ARG(event->id), STR_ARG(event->name),
                       event->is_custom ? "*" : "");
        buf_putc(told, '{');
        listener->has_more = false;
        break;
    case ANSWER_PART_DELTA:
        buf_printf(told, "%s%.*s", listener->has_more ? "|" : "", STR_ARG(event->text));
        if (event->logprobs.len)
            buf_printf(told, "<%.*s>", STR_ARG(event->logprobs));
        listener->has_more = true;
        break;
    case ANSWER_ANNOTATION:
        buf_printf(told, "[%.*s %.*s %.*s]", STR_ARG(event->url), STR_ARG(event->title),
                   STR_ARG(event->raw));
        break;
    case ANSWER_PART_END: buf_puts(told, "}"); break;
    case ANSWER_STOP:
        listener->reader.has_stopped = true;
        buf_printf(told, " stop:%s%s%.*s", stops[event->stop], event->text.len ? " " : "",
                   STR_ARG(event->text));
        break;
    case ANSWER_END: buf_puts(told, " end"); break;
    }
}

static inline void listener_start(struct listener *listener)
{
    struct json_reader *json = listener->json;
    *listener = (struct listener){.json = json};
    if (!json && json_reader_new(4u << 20, &listener->json) != OK)
        abort();
    buf_init(&listener->told, 16u << 20);
    buf_init(&listener->joined, 1u << 20);
    buf_init(&listener->notes, 1u << 16);
    buf_puts(&listener->told, "");
    listener->reader = (struct answer_reader){.on_event = listener_hear,
                                              .arg = listener,
                                              .json = listener->json,
                                              .fidelity = &listener->fidelity,
                                              .own = &listener->reading};
    answer_parts_init(&listener->reader.parts, listener_hear, listener);
}

/** Ready for listener_start; the JSON reader stays. */
static inline void listener_stop(struct listener *listener)
{
    chat_reader_release(&listener->reader);
    answer_parts_release(&listener->reader.parts);
    buf_release(&listener->told);
    buf_release(&listener->joined);
    buf_release(&listener->notes);
}

/** One event's data. */
static inline void listener_event(struct listener *listener, const struct sse_event *event)
{
    struct json root = {0};
    listener->reader.source = str_trim(event->data);
    if (json_parse(listener->json, listener->reader.source, &root, NULL) != OK)
        root = (struct json){0};
    chat_stream_read(&listener->reader, event, root);
}

/** A whole stream. */
static inline void listener_stream(struct listener *listener, struct str stream)
{
    size_t scanned = 0;
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        sse_event_read(str_upto(stream, len), &listener->joined, &event);
        listener_event(listener, &event);
    }
}

/** A plain answer. False when it is no JSON. */
static inline bool listener_answer(struct listener *listener, struct str body)
{
    struct json root;
    listener->reader.source = body;
    if (json_parse(listener->json, body, &root, NULL) != OK)
        return false;
    chat_answer_read(&listener->reader, root);
    return true;
}

static inline const char *listener_notes(struct listener *listener)
{
    buf_clear(&listener->notes);
    buf_puts(&listener->notes, "");
    fidelity_write(&listener->fidelity, &listener->notes);
    return listener->notes.data;
}
