/* simulate/responses.c: OpenAI's responses, plain and as the full sequence of events (CLIENTS.md 5).
 *
 * Each event carries sequence_number; items open with output_item.added and close with
 * output_item.done; the last event repeats the whole response. Output is at most one reasoning item,
 * one message, and function calls, in this order.
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"

#include <stdio.h>

#define FRAME_MAX 4096u

/* ---- items ----------------------------------------------------------------------------------- */

/* What stands around an item: its number in `output`, and the event names of its kind. */
struct place {
    int index;
    size_t call; /* function calls: which */
};

static void append_reasoning(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_printf(out, "{\"id\":\"rs_%s\",\"type\":\"reasoning\",\"summary\":[", answer->request->id);
    if (is_done) {
        buf_puts(out, "{\"type\":\"summary_text\",\"text\":");
        json_quote(out, answer->play->reasoning);
        buf_putc(out, '}');
    }
    buf_puts(out, "]}");
}

static void append_part(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_puts(out, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":");
    if (is_done)
        answer_quote_text(answer, out);
    else
        buf_puts(out, "\"\"");
    buf_putc(out, '}');
}

static void append_message(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_printf(out, "{\"id\":\"msg_%s\",\"type\":\"message\",\"status\":\"%s\",\"content\":[",
               answer->request->id, is_done ? "completed" : "in_progress");
    if (is_done)
        append_part(answer, out, true);
    buf_puts(out, "],\"role\":\"assistant\"}");
}

static void append_call(const struct answer *answer, struct buf *out, size_t number, bool is_done)
{
    const struct play_tool *tool = &answer->play->tools[number];
    buf_printf(out,
               "{\"id\":\"fc_%.28s%02zu\",\"type\":\"function_call\",\"status\":\"%s\","
               "\"arguments\":",
               answer->request->id, number, is_done ? "completed" : "in_progress");
    json_quote(out, is_done ? tool->arguments : STR(""));
    buf_printf(out, ",\"call_id\":\"call_%.22s%02zu\",\"name\":", answer->request->id, number);
    json_quote(out, tool->name);
    buf_putc(out, '}');
}

static void append_output(const struct answer *answer, struct buf *out)
{
    const char *comma = "";
    if (answer->play->reasoning.len > 0) {
        append_reasoning(answer, out, true);
        comma = ",";
    }
    if (answer_has_text(answer)) {
        buf_puts(out, comma);
        append_message(answer, out, true);
        comma = ",";
    }
    for (size_t i = 0; answer->has_tools && i < answer->play->tool_count; i++) {
        buf_puts(out, comma);
        append_call(answer, out, i, true);
        comma = ",";
    }
}

/* ---- the response object ----------------------------------------------------------------------- */

static void append_usage(const struct answer *answer, struct buf *out)
{
    struct said_usage usage = answer_usage(answer);
    if (answer->play->usage.mode == USAGE_MISSING) {
        buf_puts(out, "null");
        return;
    }
    buf_printf(out,
               "{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},"
               "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%lld},"
               "\"total_tokens\":%lld}",
               (long long)usage.input, (long long)usage.cached, (long long)usage.output,
               (long long)usage.reasoning, (long long)(usage.input + usage.output));
}

/* A stop reason other than the ordinary ones makes the answer an incomplete one. */
static bool is_incomplete(const struct answer *answer)
{
    struct str reason = answer->play->stop_reason;
    return reason.len > 0 && !str_eq(reason, STR("stop")) && !str_eq(reason, STR("completed"));
}

/* `failure` is the error object of a response that failed, or NULL. */
static void append_response(const struct answer *answer, struct buf *out, bool is_done,
                            const char *failure)
{
    const struct request *request = answer->request;
    const char *status = failure                 ? "failed"
                         : !is_done              ? "in_progress"
                         : is_incomplete(answer) ? "incomplete"
                                                 : "completed";
    buf_printf(out,
               "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\","
               "\"background\":false,\"error\":%s,\"incomplete_details\":",
               request->id, (long long)request->now_s, status, failure ? failure : "null");
    if (is_done && is_incomplete(answer)) {
        buf_puts(out, "{\"reason\":");
        json_quote(out, answer->play->stop_reason);
        buf_putc(out, '}');
    } else {
        buf_puts(out, "null");
    }
    buf_puts(out, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":");
    buf_append_str(out, request->model_json);
    buf_puts(out, ",\"output\":[");
    if (is_done)
        append_output(answer, out);
    buf_puts(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                  "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,"
                  "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
                  "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
                  "\"truncation\":\"disabled\",\"usage\":");
    if (is_done)
        append_usage(answer, out);
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"user\":null,\"metadata\":{}}");
}

void responses_plain(struct answer *answer)
{
    append_response(answer, answer->out, true, NULL);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void append_event(struct buf *out, const char *type)
{
    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void append_sequence(struct answer *answer)
{
    buf_printf(answer->out, ",\"sequence_number\":%lld}\n\n", (long long)answer->sequence++);
}

/* response.created, .in_progress, .completed and .incomplete carry the whole response. */
static void response_event(struct answer *answer, const char *type, bool is_done)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    append_event(answer->out, type);
    buf_puts(answer->out, ",\"response\":");
    append_response(answer, answer->out, is_done, NULL);
    append_sequence(answer);
    answer_end_quiet(answer, opened);
}

void responses_failed(struct answer *answer, struct str code, struct str message)
{
    AUTO_BUF struct buf failure;
    struct json_writer writer;
    buf_init(&failure, 65536);
    json_writer_init(&writer, &failure);
    json_open_object(&writer);
    json_put_string(&writer, "code", code);
    json_put_string(&writer, "message", message);
    json_close_object(&writer);
    append_event(answer->out, "response.failed");
    buf_puts(answer->out, ",\"response\":");
    append_response(answer, answer->out, false, failure.data);
    append_sequence(answer);
}

typedef void item_writer(const struct answer *answer, struct buf *out, bool is_done);

static void item_event(struct answer *answer, struct place place, item_writer *write, bool is_done)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    append_event(answer->out, is_done ? "response.output_item.done" : "response.output_item.added");
    buf_printf(answer->out, ",\"output_index\":%d,\"item\":", place.index);
    if (write)
        write(answer, answer->out, is_done);
    else
        append_call(answer, answer->out, place.call, is_done);
    append_sequence(answer);
    answer_end_quiet(answer, opened);
}

/* The members that lead to the place inside the output, after `type`. */
static void append_place(const struct answer *answer, struct buf *out, const char *prefix,
                         struct place place, const char *inner)
{
    if (str_eq(str_of(prefix), STR("fc")))
        buf_printf(out, ",\"item_id\":\"fc_%.28s%02zu\"", answer->request->id, place.call);
    else
        buf_printf(out, ",\"item_id\":\"%s_%s\"", prefix, answer->request->id);
    buf_printf(out, ",\"output_index\":%d%s", place.index, inner);
}

/* A frame for deltas of one kind. `room` holds the text in front. */
static struct frame delta_frame(const struct answer *answer, struct buf *room, const char *type,
                                const char *prefix, struct place place, const char *inner)
{
    append_event(room, type);
    append_place(answer, room, prefix, place, inner);
    buf_puts(room, ",\"delta\":");
    return (struct frame){.before = buf_str(room),
                          .middle = STR(",\"sequence_number\":"),
                          .after = STR("}\n\n"),
                          .has_number = true};
}

/* An event with one quoted or composed value behind its place. */
static bool begin_placed(struct answer *answer, const char *type, const char *prefix,
                         struct place place, const char *inner, size_t *out_opened)
{
    if (!answer_begin_quiet(answer, out_opened))
        return false;
    append_event(answer->out, type);
    append_place(answer, answer->out, prefix, place, inner);
    return true;
}

static void end_placed(struct answer *answer, size_t opened)
{
    append_sequence(answer);
    answer_end_quiet(answer, opened);
}

#define SUMMARY ",\"summary_index\":0"
#define CONTENT ",\"content_index\":0"

static void stream_reasoning(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
    item_event(answer, place, append_reasoning, false);
    if (begin_placed(answer, "response.reasoning_summary_part.added", "rs", place, SUMMARY,
                     &opened)) {
        buf_puts(answer->out, ",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}");
        end_placed(answer, opened);
    }
    struct frame frame =
        delta_frame(answer, &room, "response.reasoning_summary_text.delta", "rs", place, SUMMARY);
    answer_reasoning(answer, &frame);
    if (begin_placed(answer, "response.reasoning_summary_text.done", "rs", place, SUMMARY,
                     &opened)) {
        buf_puts(answer->out, ",\"text\":");
        json_quote(answer->out, answer->play->reasoning);
        end_placed(answer, opened);
    }
    if (begin_placed(answer, "response.reasoning_summary_part.done", "rs", place, SUMMARY,
                     &opened)) {
        buf_puts(answer->out, ",\"part\":{\"type\":\"summary_text\",\"text\":");
        json_quote(answer->out, answer->play->reasoning);
        buf_putc(answer->out, '}');
        end_placed(answer, opened);
    }
    item_event(answer, place, append_reasoning, true);
}

static void part_event(struct answer *answer, const char *type, struct place place, bool is_done)
{
    size_t opened;
    if (!begin_placed(answer, type, "msg", place, CONTENT, &opened))
        return;
    buf_puts(answer->out, ",\"part\":");
    append_part(answer, answer->out, is_done);
    end_placed(answer, opened);
}

static void stream_message(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
    item_event(answer, place, append_message, false);
    part_event(answer, "response.content_part.added", place, false);
    struct frame frame = delta_frame(answer, &room, "response.output_text.delta", "msg", place,
                                     CONTENT ",\"logprobs\":[]");
    answer_text(answer, &frame);
    if (begin_placed(answer, "response.output_text.done", "msg", place, CONTENT ",\"logprobs\":[]",
                     &opened)) {
        buf_puts(answer->out, ",\"text\":");
        answer_quote_text(answer, answer->out);
        end_placed(answer, opened);
    }
    part_event(answer, "response.content_part.done", place, true);
    item_event(answer, place, append_message, true);
}

static void stream_call(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
    item_event(answer, place, NULL, false);
    struct frame frame =
        delta_frame(answer, &room, "response.function_call_arguments.delta", "fc", place, "");
    answer_arguments(answer, answer->play->tools[place.call].arguments, &frame);
    if (begin_placed(answer, "response.function_call_arguments.done", "fc", place, "", &opened)) {
        buf_puts(answer->out, ",\"arguments\":");
        json_quote(answer->out, answer->play->tools[place.call].arguments);
        end_placed(answer, opened);
    }
    item_event(answer, place, NULL, true);
}

void responses_stream(struct answer *answer)
{
    const struct play *play = answer->play;
    struct place place = {0};
    response_event(answer, "response.created", false);
    response_event(answer, "response.in_progress", false);
    answer_opened(answer);
    if (play->reasoning.len > 0) {
        stream_reasoning(answer, place);
        place.index++;
    }
    if (answer_has_text(answer)) {
        stream_message(answer, place);
        place.index++;
    }
    for (; answer->has_tools && place.call < play->tool_count; place.call++, place.index++)
        stream_call(answer, place);
    const char *end = is_incomplete(answer) ? "response.incomplete" : "response.completed";
    for (int i = play->no_terminal; i < 1 + play->double_terminal; i++)
        response_event(answer, end, true);
}
