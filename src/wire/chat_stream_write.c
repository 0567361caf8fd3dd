/* wire/chat_stream_write.c: events as chat completion chunks. CLIENTS.md 8.
 *
 *     role, then per piece of text or thought a chunk, per call one that names it and one per piece of its
 *     arguments; sources; the finish reason; usage, if asked for; [DONE].
 *
 * Everything around a delta is the same in every chunk: it is written once, into writer->kept, and copied.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

#include <stdio.h>

/* ---- chunks --------------------------------------------------------------------------------------- */

static void open_chunk(struct answer_writer *writer)
{
    buf_append_str(writer->out, buf_str(&writer->kept));
}

static void put_logprobs(struct buf *out, struct str logprobs)
{
    buf_append_lit(out, ",\"logprobs\":{\"content\":[");
    logprobs_put(out, out->len, logprobs);
    buf_append_lit(out, "],\"refusal\":null}");
}

/* `finish` is a JSON value. A caller who gets a usage chunk gets null in all others. */
static void close_chunk_with(struct answer_writer *writer, struct str logprobs, const char *finish)
{
    struct buf *out = writer->out;
    if (logprobs.len)
        put_logprobs(out, logprobs);
    else
        buf_append_lit(out, ",\"logprobs\":null");
    buf_append_lit(out, ",\"finish_reason\":");
    buf_puts(out, finish);
    if (writer->wants_usage)
        buf_append_lit(out, "}],\"usage\":null}\n\n");
    else
        buf_append_lit(out, "}]}\n\n");
}

static void close_chunk(struct answer_writer *writer, const char *finish)
{
    close_chunk_with(writer, STR(""), finish);
}

/* ---- begin ---------------------------------------------------------------------------------------- */

static void on_begin(struct answer_writer *writer)
{
    struct buf *kept = &writer->kept;
    chat_writing_init(writer->own);
    buf_clear(kept);
    buf_append_lit(kept, "data: {");
    chat_put_head(writer, kept, "chat.completion.chunk");
    buf_append_lit(kept, "\"choices\":[{\"index\":0,\"delta\":");
    open_chunk(writer);
    buf_append_lit(writer->out, "{\"role\":\"assistant\",\"content\":\"\"}");
    close_chunk(writer, "null");
}

/* ---- text, thoughts, refusals ---------------------------------------------------------------------- */

static void put_said(struct answer_writer *writer, const struct answer_event *event)
{
    struct buf *out = writer->out;
    open_chunk(writer);
    if (event->part == PART_TEXT)
        buf_append_lit(out, "{\"content\":");
    else if (event->part == PART_REFUSAL)
        buf_append_lit(out, "{\"refusal\":");
    else
        buf_append_lit(out, "{\"reasoning_content\":");
    json_quote(out, event->text);
    buf_putc(out, '}');
    close_chunk_with(writer, event->logprobs, "null");
}

/* ---- tool calls ------------------------------------------------------------------------------------ */

static void open_call(struct answer_writer *writer)
{
    const struct chat_writing *writing = writer->own;
    open_chunk(writer);
    buf_append_lit(writer->out, "{\"tool_calls\":[{\"index\":");
    buf_put_uint(writer->out, (uint64_t)(writing->call_count - 1));
}

static void begin_call(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    struct buf *out = writer->out;
    struct str name = chat_call_begin(writer, event);
    open_call(writer);
    buf_append_lit(out, ",\"id\":");
    tool_id_put(out, ENDPOINT_CHAT, event->id);
    if (writing->is_custom)
        buf_append_lit(out, ",\"type\":\"custom\",\"custom\":{\"name\":");
    else
        buf_append_lit(out, ",\"type\":\"function\",\"function\":{\"name\":");
    json_quote(out, name);
    if (writing->is_custom)
        buf_append_lit(out, ",\"input\":\"\"}}]}");
    else
        buf_append_lit(out, ",\"arguments\":\"\"}}]}");
    close_chunk(writer, "null");
}

static void put_arguments(struct answer_writer *writer, struct str text)
{
    struct chat_writing *writing = writer->own;
    struct buf *out = writer->out;
    writing->has_arguments = true;
    open_call(writer);
    if (writing->is_custom)
        buf_append_lit(out, ",\"custom\":{\"input\":");
    else
        buf_append_lit(out, ",\"function\":{\"arguments\":");
    json_quote(out, text);
    buf_append_lit(out, "}}]}");
    close_chunk(writer, "null");
}

/* Clients parse the arguments: without any they would fail. */
static void end_call(struct answer_writer *writer)
{
    struct chat_writing *writing = writer->own;
    if (chat_call_is_held(writing))
        put_arguments(writer, chat_call_held(writer));
    else if (!writing->has_arguments && !writing->is_custom)
        put_arguments(writer, STR("{}"));
}

/* ---- parts ----------------------------------------------------------------------------------------- */

static void on_delta(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    bool says_something = event->text.len > 0 || event->logprobs.len > 0;
    if (!says_something || event->part == PART_SEALED)
        return;
    if (event->part != PART_TOOL_CALL)
        put_said(writer, event);
    else if (chat_call_is_held(writing))
        buf_append_str(&writing->input, event->text);
    else
        put_arguments(writer, event->text);
    if (event->part == PART_TEXT)
        chat_citations_text(writing, event->text);
    else if (event->part == PART_THINKING)
        chat_thinking_more(writer, event->text);
}

static void on_end(struct answer_writer *writer, const struct answer_event *event)
{
    chat_thinking_end(writer, event);
    if (event->part == PART_TOOL_CALL)
        end_call(writer);
    else if (event->part == PART_TEXT)
        chat_citations_end(writer->own);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static void put_sources(struct answer_writer *writer)
{
    const struct chat_writing *writing = writer->own;
    if (writing->citations.len == 0)
        return;
    open_chunk(writer);
    buf_append_lit(writer->out, "{\"annotations\":[");
    buf_append_str(writer->out, buf_str(&writing->citations));
    buf_append_lit(writer->out, "]}");
    close_chunk(writer, "null");
}

static void on_stop(struct answer_writer *writer, const struct answer_event *event)
{
    char finish[32];
    chat_thinking_stop(writer);
    (void)snprintf(finish, sizeof finish, "\"%s\"", chat_finish_reason(writer, event));
    put_sources(writer);
    open_chunk(writer);
    buf_append_lit(writer->out, "{}");
    close_chunk(writer, finish);
}

static void on_done(struct answer_writer *writer, const struct usage *usage)
{
    struct buf *out = writer->out;
    if (writer->wants_usage) {
        buf_append_lit(out, "data: {");
        chat_put_head(writer, out, "chat.completion.chunk");
        buf_append_lit(out, "\"choices\":[],\"usage\":");
        chat_put_usage(out, usage);
        buf_append_lit(out, "}\n\n");
    }
    buf_append_lit(out, "data: [DONE]\n\n");
}

void chat_stream_write(struct answer_writer *writer, const struct answer_event *event)
{
    switch (event->kind) {
    case ANSWER_BEGIN: on_begin(writer); break;
    case ANSWER_PART_BEGIN:
        if (event->part == PART_TOOL_CALL)
            begin_call(writer, event);
        else
            chat_thinking_begin(writer, event);
        break;
    case ANSWER_PART_DELTA: on_delta(writer, event); break;
    case ANSWER_ANNOTATION: chat_citation_add(writer, event); break;
    case ANSWER_PART_END: on_end(writer, event); break;
    case ANSWER_STOP: on_stop(writer, event); break;
    case ANSWER_END: on_done(writer, event->usage); break;
    }
    writer->failed = writer->failed || chat_writing_failed(writer->own);
}
