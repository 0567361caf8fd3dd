/* wire/chat_answer_write.c: events as one whole chat completion, and what the stream's writer needs as well.
 *
 * A plain answer is collected by kind (text, thoughts, refusal, calls) and written at the end.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

#define KEPT_MAX    (ANSWER_KEPT_MAX / 4) /* of each kind */
#define THOUGHT_MAX (1u << 20)            /* longer thinking is not kept for the next request */

/* ---- shared with chat_stream_write.c ------------------------------------------------------------- */

void chat_writing_init(struct chat_writing *writing)
{
    buf_init(&writing->text, KEPT_MAX);
    buf_init(&writing->refusal, KEPT_MAX);
    buf_init(&writing->thinking, KEPT_MAX);
    buf_init(&writing->calls, KEPT_MAX);
    buf_init(&writing->input, KEPT_MAX);
    buf_init(&writing->citations, KEPT_MAX);
    buf_init(&writing->pending, KEPT_MAX);
    logprobs_init(&writing->logprobs);
    buf_init(&writing->thought, THOUGHT_MAX);
    buf_init(&writing->thought_id, 512);
    buf_init(&writing->envelopes, THOUGHT_MAX);
    buf_init(&writing->call_ids, 64u * 1024);
}

void chat_writer_release(struct answer_writer *writer)
{
    struct chat_writing *writing = writer->own;
    buf_release(&writing->text);
    buf_release(&writing->refusal);
    buf_release(&writing->thinking);
    buf_release(&writing->calls);
    buf_release(&writing->input);
    buf_release(&writing->citations);
    buf_release(&writing->pending);
    logprobs_release(&writing->logprobs);
    buf_release(&writing->thought);
    buf_release(&writing->thought_id);
    buf_release(&writing->envelopes);
    buf_release(&writing->call_ids);
}

bool chat_writing_failed(const struct chat_writing *writing)
{
    return writing->text.failed || writing->refusal.failed || writing->thinking.failed ||
           writing->calls.failed || writing->input.failed || writing->citations.failed ||
           writing->pending.failed || writing->logprobs.list.failed;
}

void chat_put_head(const struct answer_writer *writer, struct buf *out, const char *object)
{
    buf_append_lit(out, "\"id\":\"chatcmpl-");
    buf_puts(out, writer->key);
    buf_append_lit(out, "\",\"object\":\"");
    buf_puts(out, object);
    buf_append_lit(out, "\",\"created\":");
    buf_put_uint(out, (uint64_t)writer->created_s);
    buf_append_lit(out, ",\"model\":");
    json_quote(out, writer->model);
    buf_putc(out, ',');
}

static uint64_t or_zero(int64_t tokens)
{
    return tokens > 0 ? (uint64_t)tokens : 0;
}

void chat_put_usage(struct buf *out, const struct usage *usage)
{
    uint64_t input = usage ? or_zero(usage->input_tokens) : 0;
    uint64_t output = usage ? or_zero(usage->output_tokens) : 0;
    buf_append_lit(out, "{\"prompt_tokens\":");
    buf_put_uint(out, input);
    buf_append_lit(out, ",\"completion_tokens\":");
    buf_put_uint(out, output);
    buf_append_lit(out, ",\"total_tokens\":");
    buf_put_uint(out, input + output);
    buf_append_lit(out, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    buf_put_uint(out, usage ? or_zero(usage->cached_tokens) : 0);
    buf_append_lit(out, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    buf_put_uint(out, usage ? or_zero(usage->reasoning_tokens) : 0);
    buf_append_lit(out, "}}");
}

const char *chat_finish_reason(struct answer_writer *writer, const struct answer_event *stop)
{
    const struct chat_writing *writing = writer->own;
    switch (stop->stop) {
    case STOP_LENGTH: return "length";
    case STOP_TOOLS: return "tool_calls";
    case STOP_REFUSAL: return "content_filter";
    case STOP_SEQUENCE:
        if (stop->text.len)
            fidelity_note(writer->fidelity, FIDELITY_DROPPED, "answer.stop_sequence");
        return "stop";
    case STOP_PAUSE: fidelity_note(writer->fidelity, FIDELITY_CHANGED, "answer.stop_reason"); break;
    case STOP_UNKNOWN:
    case STOP_END: break;
    }
    return writing->call_count > 0 ? "tool_calls" : "stop";
}

/* ---- tool calls ----------------------------------------------------------------------------------- */

struct str chat_call_begin(struct answer_writer *writer, const struct answer_event *begin)
{
    struct chat_writing *writing = writer->own;
    const struct tool_name *known =
        writer->names ? tool_name_find(writer->names, begin->name) : NULL;
    writing->call_count++;
    chat_thinking_call(writer, begin->id);
    writing->is_custom = known ? known->is_custom : begin->is_custom;
    writing->is_told_plain = begin->is_custom;
    writing->has_arguments = false;
    buf_clear(&writing->input);
    return known ? known->name : begin->name;
}

bool chat_call_is_held(const struct chat_writing *writing)
{
    return writing->is_custom != writing->is_told_plain;
}

/* A custom tool's call came as a function's, {"input": text}, or (as no caller asks for) the other way round. */
struct str chat_call_held(struct answer_writer *writer)
{
    struct chat_writing *writing = writer->own;
    struct str told = buf_str(&writing->input), input = STR("");
    struct json root;
    if (writing->is_custom) {
        if (json_parse(writer->scratch, told, &root, NULL) == OK &&
            json_string(json_get(root, "input"), &input))
            return input;
        return told; /* the model did not keep to the form: all that it said, then */
    }
    size_t len = told.len;
    chat_put_input(&writing->input, told);
    return writing->input.failed ? STR("{}") : str_from(buf_str(&writing->input), len);
}

/* ---- plain answers -------------------------------------------------------------------------------- */

static struct buf *kept_for(struct chat_writing *writing, enum part_kind kind)
{
    switch (kind) {
    case PART_TEXT: return &writing->text;
    case PART_REFUSAL: return &writing->refusal;
    case PART_THINKING: return &writing->thinking;
    case PART_TOOL_CALL: return &writing->input;
    default: return NULL;
    }
}

static void begin_call(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    struct buf *calls = &writing->calls;
    struct str name = chat_call_begin(writer, event);
    if (calls->len)
        buf_putc(calls, ',');
    buf_append_lit(calls, "{\"id\":");
    tool_id_put(calls, ENDPOINT_CHAT, event->id);
    if (writing->is_custom)
        buf_append_lit(calls, ",\"type\":\"custom\",\"custom\":{\"name\":");
    else
        buf_append_lit(calls, ",\"type\":\"function\",\"function\":{\"name\":");
    json_quote(calls, name);
}

static void end_call(struct answer_writer *writer)
{
    struct chat_writing *writing = writer->own;
    struct buf *calls = &writing->calls;
    struct str told =
        chat_call_is_held(writing) ? chat_call_held(writer) : buf_str(&writing->input);
    if (writing->is_custom)
        buf_append_lit(calls, ",\"input\":");
    else
        buf_append_lit(calls, ",\"arguments\":");
    json_quote(calls, told.len || writing->is_custom ? told : STR("{}"));
    buf_append_lit(calls, "}}");
}

static void on_begin(struct answer_writer *writer, const struct answer_event *event)
{
    if (event->part == PART_TOOL_CALL)
        begin_call(writer, event);
    else
        chat_thinking_begin(writer, event);
}

static void on_delta(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    struct buf *kept = kept_for(writing, event->part);
    if (kept)
        buf_append_str(kept, event->text);
    if (event->logprobs.len)
        logprobs_keep(&writing->logprobs, event->logprobs, writer->fidelity);
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

/* Text is null when there was none. */
static void put_text(struct json_writer *json, const char *name, const struct buf *text)
{
    if (text->len)
        json_put_string(json, name, buf_str(text));
    else
        json_put_null(json, name);
}

/* `raw` are elements; nothing when there are none. */
static void put_list(struct json_writer *json, const char *name, const struct buf *raw)
{
    if (raw->len == 0)
        return;
    json_open_array(json, name);
    json_put_raw(json, NULL, buf_str(raw));
    json_close_array(json);
}

static void put_message(struct json_writer *json, const struct chat_writing *writing)
{
    json_open_object_named(json, "message");
    json_put_string(json, "role", STR("assistant"));
    if (writing->thinking.len)
        json_put_string(json, "reasoning_content", buf_str(&writing->thinking));
    put_text(json, "content", &writing->text);
    put_text(json, "refusal", &writing->refusal);
    put_list(json, "annotations", &writing->citations);
    put_list(json, "tool_calls", &writing->calls);
    json_close_object(json);
}

static void put_logprobs(struct json_writer *json, const struct buf *list)
{
    if (list->len == 0) {
        json_put_null(json, "logprobs");
        return;
    }
    json_open_object_named(json, "logprobs");
    put_list(json, "content", list);
    json_put_null(json, "refusal");
    json_close_object(json);
}

static void put_answer(struct answer_writer *writer, const struct usage *usage)
{
    const struct chat_writing *writing = writer->own;
    struct answer_event stop = {.kind = ANSWER_STOP, .stop = writing->stop};
    struct json_writer json;
    buf_putc(writer->out, '{');
    chat_put_head(writer, writer->out, "chat.completion");
    buf_append_lit(writer->out, "\"choices\":[");
    json_writer_init(&json, writer->out);
    json_open_object(&json);
    json_put_int(&json, "index", 0);
    put_message(&json, writing);
    put_logprobs(&json, &writing->logprobs.list);
    json_put_text(&json, "finish_reason", chat_finish_reason(writer, &stop));
    json_close_object(&json);
    buf_append_lit(writer->out, "],\"usage\":");
    chat_put_usage(writer->out, usage);
    buf_putc(writer->out, '}');
}

static void on_stop(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    writing->stop = event->stop;
    chat_thinking_stop(writer);
    (void)chat_finish_reason(writer, event); /* for its notes: the sequence is not kept */
}

void chat_answer_write(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    switch (event->kind) {
    case ANSWER_BEGIN: chat_writing_init(writing); break;
    case ANSWER_PART_BEGIN: on_begin(writer, event); break;
    case ANSWER_PART_DELTA: on_delta(writer, event); break;
    case ANSWER_ANNOTATION: chat_citation_add(writer, event); break;
    case ANSWER_PART_END: on_end(writer, event); break;
    case ANSWER_STOP: on_stop(writer, event); break;
    case ANSWER_END: put_answer(writer, event->usage); break;
    }
    writer->failed = writer->failed || chat_writing_failed(writing);
}
