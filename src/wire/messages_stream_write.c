/* wire/messages_stream_write.c: an answer as the stream that the SDKs' helpers and Claude Code accept.
 *
 *     message_start (content_block_start content_block_delta* content_block_stop)+ message_delta message_stop
 *
 * Every event has its name, indexes go up by one, each block is stopped. A block of text or thinking starts with its first
 * text, not before: an empty one would come back with the conversation, and be refused. Opaque thinking is known at
 * its end only, and then told in one piece.
 */
#include "wire/messages_parts.h"

/* ---- events ----------------------------------------------------------------------------------- */

/* The line before an event's data; `json` writes the data. */
static void open_event(struct answer_writer *writer, struct json_writer *json, const char *type)
{
    buf_append_lit(writer->out, "event: ");
    buf_puts(writer->out, type);
    buf_append_lit(writer->out, "\ndata: ");
    json_writer_init(json, writer->out);
    json_open_object(json);
    json_put_text(json, "type", type);
}

static void close_event(struct answer_writer *writer, struct json_writer *json)
{
    json_close_object(json);
    buf_append_lit(writer->out, "\n\n");
}

static void put_message_start(struct answer_writer *writer, const struct usage *usage)
{
    struct json_writer json;
    open_event(writer, &json, "message_start");
    json_open_object_named(&json, "message");
    messages_put_head(&json, writer);
    json_open_array(&json, "content");
    json_close_array(&json);
    json_put_null(&json, "stop_reason");
    json_put_null(&json, "stop_sequence");
    messages_put_usage(&json, usage);
    json_close_object(&json);
    close_event(writer, &json);
}

static void put_message_end(struct answer_writer *writer, const struct usage *usage)
{
    struct json_writer json;
    open_event(writer, &json, "message_delta");
    json_open_object_named(&json, "delta");
    messages_put_stop(&json, writer->own);
    json_close_object(&json);
    messages_put_usage(&json, usage);
    close_event(writer, &json);
    open_event(writer, &json, "message_stop");
    close_event(writer, &json);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

/* The writer stands inside "content_block" afterwards. */
static void open_block(struct answer_writer *writer, struct json_writer *json, const char *type)
{
    struct messages_writing *own = writer->own;
    open_event(writer, json, "content_block_start");
    json_put_int(json, "index", own->index);
    json_open_object_named(json, "content_block");
    json_put_text(json, "type", type);
    own->is_block_open = true;
}

static void close_block_start(struct answer_writer *writer, struct json_writer *json)
{
    json_close_object(json);
    close_event(writer, json);
}

static void start_text(struct answer_writer *writer)
{
    struct messages_writing *own = writer->own;
    struct json_writer json;
    if (own->is_block_open)
        return;
    bool is_thinking = own->part == PART_THINKING;
    open_block(writer, &json, is_thinking ? "thinking" : "text");
    json_put_text(&json, is_thinking ? "thinking" : "text", "");
    if (is_thinking)
        json_put_text(&json, "signature", "");
    close_block_start(writer, &json);
}

static void start_call(struct answer_writer *writer, const struct answer_event *event)
{
    struct json_writer json;
    open_block(writer, &json, "tool_use");
    messages_put_call(&json, writer, event);
    json_put_raw(&json, "input", STR("{}"));
    close_block_start(writer, &json);
}

static void stop_block(struct answer_writer *writer)
{
    struct messages_writing *own = writer->own;
    struct json_writer json;
    if (!own->is_block_open)
        return;
    open_event(writer, &json, "content_block_stop");
    json_put_int(&json, "index", own->index++);
    close_event(writer, &json);
    own->is_block_open = false;
}

/* ---- deltas: what a stream mostly consists of --------------------------------------------------- */

/* `kind`: the delta's type, and its member up to the value. */
static void open_delta(struct answer_writer *writer, struct str kind)
{
    const struct messages_writing *own = writer->own;
    buf_append_lit(writer->out, "event: content_block_delta\n"
                                "data: {\"type\":\"content_block_delta\",\"index\":");
    buf_put_uint(writer->out, (uint64_t)own->index);
    buf_append_lit(writer->out, ",\"delta\":{\"type\":");
    buf_append_str(writer->out, kind);
}

static void put_delta(struct answer_writer *writer, struct str kind, struct str text)
{
    open_delta(writer, kind);
    json_quote(writer->out, text);
    buf_append_lit(writer->out, "}}\n\n");
}

static const struct str text_delta = STR_INIT("\"text_delta\",\"text\":");
static const struct str thinking_delta = STR_INIT("\"thinking_delta\",\"thinking\":");
static const struct str signature_delta = STR_INIT("\"signature_delta\",\"signature\":");
static const struct str input_delta = STR_INIT("\"input_json_delta\",\"partial_json\":");
static const struct str citations_delta = STR_INIT("\"citations_delta\",\"citation\":");

/* Free text of a tool, as a piece of the JSON string that it becomes. */
static void put_custom_input(struct answer_writer *writer, struct str text)
{
    struct messages_writing *own = writer->own;
    buf_clear(&own->text);
    json_quote(&own->text, text);
    struct str quoted = buf_str(&own->text);
    if (!own->text.failed)
        put_delta(writer, input_delta, str_upto(str_from(quoted, 1), quoted.len - 2));
}

static void on_delta(struct answer_writer *writer, struct str text)
{
    struct messages_writing *own = writer->own;
    if (text.len == 0 || own->part == PART_SEALED)
        return;
    if (own->part == PART_TOOL_CALL && own->is_custom) {
        put_custom_input(writer, text);
        return;
    }
    if (own->part == PART_TOOL_CALL) {
        put_delta(writer, input_delta, text);
        return;
    }
    start_text(writer);
    put_delta(writer, own->part == PART_THINKING ? thinking_delta : text_delta, text);
}

/* The caller's JSON may be written over several lines; an event's data may not. */
static void put_raw_on_one_line(struct buf *out, struct str raw)
{
    for (size_t i = 0; i < raw.len; i++)
        buf_putc(out, raw.at[i] == '\n' || raw.at[i] == '\r' ? ' ' : raw.at[i]);
}

static void on_annotation(struct answer_writer *writer, const struct answer_event *event)
{
    struct str citation = messages_citation_of(writer, event);
    if (citation.len == 0)
        return;
    start_text(writer);
    open_delta(writer, citations_delta);
    put_raw_on_one_line(writer->out, citation);
    buf_append_lit(writer->out, "}}\n\n");
}

/* ---- parts ------------------------------------------------------------------------------------ */

static void on_part_begin(struct answer_writer *writer, const struct answer_event *event)
{
    messages_note_part(writer, event);
    if (event->part != PART_TOOL_CALL)
        return;
    start_call(writer, event);
    if (event->is_custom)
        put_delta(writer, input_delta, STR("{\"input\":\""));
}

static void end_thinking(struct answer_writer *writer, const struct answer_event *end)
{
    const struct messages_writing *own = writer->own;
    if (!own->is_block_open && end->seal.len == 0)
        return;
    struct str signature = messages_seal_of(writer, end);
    if (signature.len == 0)
        return;
    start_text(writer);
    put_delta(writer, signature_delta, signature);
}

static void put_sealed(struct answer_writer *writer, const struct answer_event *end)
{
    struct json_writer json;
    struct str data = messages_seal_of(writer, end);
    if (data.len == 0)
        return;
    open_block(writer, &json, "redacted_thinking");
    json_put_string(&json, "data", data);
    close_block_start(writer, &json);
}

static void on_part_end(struct answer_writer *writer, const struct answer_event *end)
{
    const struct messages_writing *own = writer->own;
    if (own->part == PART_THINKING)
        end_thinking(writer, end);
    else if (own->part == PART_SEALED)
        put_sealed(writer, end);
    else if (own->part == PART_TOOL_CALL && own->is_custom)
        put_delta(writer, input_delta, STR("\"}"));
    stop_block(writer);
}

static void on_end(struct answer_writer *writer, const struct usage *usage)
{
    struct messages_writing *own = writer->own;
    if (own->index == 0) { /* Claude Code asks again when there is no block at all */
        own->part = PART_TEXT;
        start_text(writer);
        stop_block(writer);
    }
    put_message_end(writer, usage);
}

void messages_stream_write(struct answer_writer *writer, const struct answer_event *event)
{
    struct messages_writing *own = writer->own;
    switch (event->kind) {
    case ANSWER_BEGIN:
        messages_writing_begin(writer);
        put_message_start(writer, event->usage);
        break;
    case ANSWER_PART_BEGIN: on_part_begin(writer, event); break;
    case ANSWER_PART_DELTA:
        messages_note_logprobs(writer, event);
        on_delta(writer, event->text);
        break;
    case ANSWER_ANNOTATION: on_annotation(writer, event); break;
    case ANSWER_PART_END: on_part_end(writer, event); break;
    case ANSWER_STOP: messages_keep_stop(own, event); break;
    case ANSWER_END: on_end(writer, event->usage); break;
    }
    if (own->text.failed || own->item.failed)
        writer->failed = true;
}
