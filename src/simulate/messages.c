/* simulate/messages.c: Anthropic's messages and count_tokens.
 *
 * The order of a real stream: message_start; for each block start, deltas, stop; a ping behind the
 * first start; message_delta with the stop reason and the final usage; message_stop. Thinking ends
 * with a signature_delta. Blocks have indexes without gaps (CLIENTS.md 3, 8).
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"
#include "simulate/stamp.h"

#include <stdio.h>

#define FRAME_MAX 4096u

static struct str stop_reason(const struct answer *answer)
{
    if (answer->play->stop_reason.len > 0)
        return answer->play->stop_reason;
    if (answer->play->refusal.len > 0)
        return STR("refusal");
    if (answer->play->stop_sequence.len > 0)
        return STR("stop_sequence");
    return answer->has_tools ? STR("tool_use") : STR("end_turn");
}

static void append_stop(const struct answer *answer, struct buf *out)
{
    buf_puts(out, "\"stop_reason\":");
    json_quote(out, stop_reason(answer));
    buf_puts(out, ",\"stop_sequence\":");
    if (answer->play->stop_sequence.len > 0)
        json_quote(out, answer->play->stop_sequence);
    else
        buf_puts(out, "null");
}

static void append_usage(const struct answer *answer, struct buf *out, int64_t output_tokens)
{
    struct said_usage usage = answer_usage(answer);
    buf_printf(out,
               "{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,"
               "\"cache_read_input_tokens\":%lld,\"output_tokens\":%lld,"
               "\"service_tier\":\"standard\"}",
               (long long)usage.input, (long long)usage.cache_write, (long long)usage.cached,
               (long long)output_tokens);
}

static void append_message_opening(const struct answer *answer, struct buf *out)
{
    buf_printf(out, "{\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
               answer->request->id);
    buf_append_str(out, answer->request->model_json);
}

/* ---- stream ---------------------------------------------------------------------------------- */

static void quiet_event(struct answer *answer, const char *text)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    buf_puts(answer->out, text);
    answer_end_quiet(answer, opened);
}

static void stream_start(struct answer *answer)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    buf_puts(answer->out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
    append_message_opening(answer, answer->out);
    buf_puts(answer->out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
    if (answer->play->usage.mode != USAGE_MISSING) {
        buf_puts(answer->out, ",\"usage\":");
        append_usage(answer, answer->out, 1);
    }
    buf_puts(answer->out, "}}\n\n");
    answer_end_quiet(answer, opened);
}

/* `start` is the content_block up to where a tool's name would go. */
static void block_start(struct answer *answer, int index, const char *block)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    buf_printf(answer->out,
               "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,"
               "\"content_block\":%s}\n\n",
               index, block);
    answer_end_quiet(answer, opened);
    if (index == 0)
        quiet_event(answer, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

static void block_stop(struct answer *answer, int index)
{
    char event[96];
    (void)snprintf(event, sizeof event,
                   "event: content_block_stop\n"
                   "data: {\"type\":\"content_block_stop\",\"index\":%d}\n\n",
                   index);
    quiet_event(answer, event);
}

/* The frame of a block's deltas; `kind` is text_delta and `field` text, and so on. */
struct delta {
    char before[192];
    struct frame frame;
};

static const struct frame *delta_frame(struct delta *delta, int index, const char *kind,
                                       const char *field)
{
    int len = snprintf(delta->before, sizeof delta->before,
                       "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                       "\"index\":%d,\"delta\":{\"type\":\"%s\",\"%s\":",
                       index, kind, field);
    delta->frame = (struct frame){.before = {delta->before, (size_t)len}, .middle = STR("}}\n\n")};
    return &delta->frame;
}

static void stream_thinking(struct answer *answer, int index)
{
    struct delta delta;
    block_start(answer, index, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
    answer_reasoning(answer, delta_frame(&delta, index, "thinking_delta", "thinking"));
    size_t opened;
    if (answer_begin_quiet(answer, &opened)) {
        const struct frame *frame = delta_frame(&delta, index, "signature_delta", "signature");
        buf_append_str(answer->out, frame->before);
        buf_putc(answer->out, '"');
        stamp_thinking(answer->out, answer->play->reasoning);
        buf_puts(answer->out, "\"}}\n\n");
        answer_end_quiet(answer, opened);
    }
    block_stop(answer, index);
}

/* {"type":"redacted_thinking","data":...}: all of it is in the block's start. */
static void append_redacted(const struct answer *answer, struct buf *out)
{
    buf_puts(out, "{\"type\":\"redacted_thinking\",\"data\":\"");
    stamp_opaque(out, str_of(answer->request->id));
    buf_puts(out, "\"}");
}

static void stream_redacted(struct answer *answer, int index)
{
    AUTO_BUF struct buf block;
    buf_init(&block, FRAME_MAX);
    append_redacted(answer, &block);
    block_start(answer, index, block.data);
    block_stop(answer, index);
}

static void append_citation(const struct answer *answer, struct buf *out)
{
    buf_puts(out, "{\"type\":\"web_search_result_location\",\"cited_text\":\"what stands there\","
                  "\"encrypted_index\":\"c2lt\",\"title\":\"" CITED_TITLE "\",\"url\":");
    json_quote(out, answer->play->citation);
    buf_putc(out, '}');
}

static void stream_citation(struct answer *answer, int index)
{
    struct delta delta;
    size_t opened;
    if (answer->play->citation.len == 0 || !answer_begin_quiet(answer, &opened))
        return;
    const struct frame *frame = delta_frame(&delta, index, "citations_delta", "citation");
    buf_append_str(answer->out, frame->before);
    append_citation(answer, answer->out);
    buf_append_str(answer->out, frame->middle);
    answer_end_quiet(answer, opened);
}

static void stream_text(struct answer *answer, int index)
{
    struct delta delta;
    block_start(answer, index, "{\"type\":\"text\",\"text\":\"\"}");
    const struct frame *frame = delta_frame(&delta, index, "text_delta", "text");
    if (answer_has_text(answer))
        answer_text(answer, frame);
    else
        answer_refusal(answer, frame);
    stream_citation(answer, index);
    block_stop(answer, index);
}

/* "{"type":"tool_use","id":...,"name":...,"input":" */
static void append_tool_opening(const struct answer *answer, struct buf *out, size_t number)
{
    buf_printf(out,
               "{\"type\":\"tool_use\",\"id\":\"toolu_%.22s%02zu\",\"name\":", answer->request->id,
               number);
    json_quote(out, answer->play->tools[number].name);
    buf_puts(out, ",\"input\":");
}

static void stream_tool(struct answer *answer, int index, size_t number)
{
    AUTO_BUF struct buf block;
    buf_init(&block, FRAME_MAX);
    append_tool_opening(answer, &block, number);
    buf_puts(&block, "{}}");
    block_start(answer, index, block.data);
    struct delta delta;
    answer_arguments(answer, answer->play->tools[number].arguments,
                     delta_frame(&delta, index, "input_json_delta", "partial_json"));
    block_stop(answer, index);
}

static void stream_message_delta(struct answer *answer)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    buf_puts(answer->out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
    append_stop(answer, answer->out);
    buf_putc(answer->out, '}');
    if (answer->play->usage.mode != USAGE_MISSING) {
        buf_puts(answer->out, ",\"usage\":");
        append_usage(answer, answer->out, answer_usage(answer).output);
    }
    buf_puts(answer->out, "}\n\n");
    answer_end_quiet(answer, opened);
}

#define MESSAGE_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

void messages_stream(struct answer *answer)
{
    const struct play *play = answer->play;
    int index = 0;
    stream_start(answer);
    if (play->lifecycle_only)
        quiet_event(answer, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
    answer_opened(answer);
    if (play->reasoning.len > 0)
        stream_thinking(answer, index++);
    if (play->redacted)
        stream_redacted(answer, index++);
    if (answer_has_text(answer) || play->refusal.len > 0)
        stream_text(answer, index++);
    for (size_t i = 0; answer->has_tools && i < play->tool_count; i++)
        stream_tool(answer, index++, i);
    if (play->usage.mode == USAGE_AFTER_DONE) {
        quiet_event(answer, MESSAGE_STOP);
        stream_message_delta(answer);
        return;
    }
    stream_message_delta(answer);
    if (!play->no_terminal)
        quiet_event(answer, MESSAGE_STOP);
    if (play->double_terminal)
        quiet_event(answer, MESSAGE_STOP);
}

/* ---- plain ----------------------------------------------------------------------------------- */

static void append_text(const struct answer *answer, struct buf *out)
{
    buf_puts(out, "{\"type\":\"text\",\"text\":");
    if (answer_has_text(answer))
        answer_quote_text(answer, out);
    else
        json_quote(out, answer->play->refusal);
    if (answer->play->citation.len > 0) {
        buf_puts(out, ",\"citations\":[");
        append_citation(answer, out);
        buf_putc(out, ']');
    }
    buf_putc(out, '}');
}

static void append_blocks(const struct answer *answer, struct buf *out)
{
    const char *comma = "";
    if (answer->play->reasoning.len > 0) {
        buf_puts(out, "{\"type\":\"thinking\",\"thinking\":");
        json_quote(out, answer->play->reasoning);
        buf_puts(out, ",\"signature\":\"");
        stamp_thinking(out, answer->play->reasoning);
        buf_puts(out, "\"}");
        comma = ",";
    }
    if (answer->play->redacted) {
        buf_puts(out, comma);
        append_redacted(answer, out);
        comma = ",";
    }
    if (answer_has_text(answer) || answer->play->refusal.len > 0) {
        buf_puts(out, comma);
        append_text(answer, out);
        comma = ",";
    }
    for (size_t i = 0; answer->has_tools && i < answer->play->tool_count; i++) {
        buf_puts(out, comma);
        append_tool_opening(answer, out, i);
        buf_append_str(out, answer->play->tools[i].arguments);
        buf_putc(out, '}');
        comma = ",";
    }
}

void messages_plain(struct answer *answer)
{
    struct buf *out = answer->out;
    append_message_opening(answer, out);
    buf_puts(out, ",\"content\":[");
    append_blocks(answer, out);
    buf_puts(out, "],");
    append_stop(answer, out);
    if (answer->play->usage.mode != USAGE_MISSING) {
        buf_puts(out, ",\"usage\":");
        append_usage(answer, out, answer_usage(answer).output);
    }
    buf_putc(out, '}');
}

void count_tokens_plain(struct answer *answer)
{
    buf_printf(answer->out, "{\"input_tokens\":%lld}", (long long)answer_usage(answer).input);
}
