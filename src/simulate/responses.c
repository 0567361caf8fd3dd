/* simulate/responses.c: OpenAI's responses as the full sequence of events (CLIENTS.md 5).
 *
 * Each event carries sequence_number; items open with output_item.added and close with
 * output_item.done; the last event repeats the whole response (responses_body.c).
 */
#include "simulate/responses_parts.h"

#include "json/json_writer.h"

#define FRAME_MAX 4096u

/* What stands around an item: its number in `output`, and the event names of its kind. */
struct place {
    int index;
    size_t call; /* function calls: which */
};

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
    responses_append_response(answer, answer->out, is_done, NULL);
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
    responses_append_response(answer, answer->out, false, failure.data);
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
        responses_append_call(answer, answer->out, place.call, is_done);
    append_sequence(answer);
    answer_end_quiet(answer, opened);
}

/* The members that lead to the place inside the output, after `type`. */
static void append_place(const struct answer *answer, struct buf *out, const char *prefix,
                         struct place place, const char *inner)
{
    if (str_eq(str_of(prefix), STR("fc")) || str_eq(str_of(prefix), STR("ctc")))
        buf_printf(out, ",\"item_id\":\"%s_%.28s%02zu\"", prefix, answer->request->id, place.call);
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

/* What a reasoning item says, between its opening and its end. */
static void stream_summary(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
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
}

static void stream_reasoning(struct answer *answer, struct place place)
{
    item_event(answer, place, responses_append_reasoning, false);
    if (answer->play->reasoning.len > 0)
        stream_summary(answer, place);
    item_event(answer, place, responses_append_reasoning, true);
}

static void part_event(struct answer *answer, const char *type, struct place place, bool is_done)
{
    size_t opened;
    if (!begin_placed(answer, type, "msg", place, CONTENT, &opened))
        return;
    buf_puts(answer->out, ",\"part\":");
    responses_append_part(answer, answer->out, is_done);
    end_placed(answer, opened);
}

static void stream_refusal(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
    struct frame frame =
        delta_frame(answer, &room, "response.refusal.delta", "msg", place, CONTENT);
    answer_refusal(answer, &frame);
    if (begin_placed(answer, "response.refusal.done", "msg", place, CONTENT, &opened)) {
        buf_puts(answer->out, ",\"refusal\":");
        json_quote(answer->out, answer->play->refusal);
        end_placed(answer, opened);
    }
}

static void stream_citation(struct answer *answer, struct place place)
{
    size_t opened;
    if (answer->play->citation.len == 0 ||
        !begin_placed(answer, "response.output_text.annotation.added", "msg", place,
                      CONTENT ",\"annotation_index\":0", &opened))
        return;
    buf_puts(answer->out, ",\"annotation\":");
    responses_append_citation(answer, answer->out);
    end_placed(answer, opened);
}

static void stream_said(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    size_t opened;
    buf_init(&room, FRAME_MAX);
    bool has_logprobs = answer_has_logprobs(answer);
    struct frame frame = delta_frame(answer, &room, "response.output_text.delta", "msg", place,
                                     has_logprobs ? CONTENT : CONTENT ",\"logprobs\":[]");
    if (has_logprobs) {
        frame.middle = STR(",\"logprobs\":[");
        frame.list_end = STR("],\"sequence_number\":");
    }
    answer_text(answer, &frame);
    stream_citation(answer, place);
    if (begin_placed(answer, "response.output_text.done", "msg", place, CONTENT, &opened)) {
        buf_puts(answer->out, ",\"logprobs\":[");
        answer_put_logprobs(answer, answer->out);
        buf_puts(answer->out, "],\"text\":");
        answer_quote_text(answer, answer->out);
        end_placed(answer, opened);
    }
}

static void stream_message(struct answer *answer, struct place place)
{
    item_event(answer, place, responses_append_message, false);
    part_event(answer, "response.content_part.added", place, false);
    if (answer_has_text(answer))
        stream_said(answer, place);
    else
        stream_refusal(answer, place);
    part_event(answer, "response.content_part.done", place, true);
    item_event(answer, place, responses_append_message, true);
}

static void stream_call(struct answer *answer, struct place place)
{
    AUTO_BUF struct buf room;
    const struct play_tool *tool = &answer->play->tools[place.call];
    const struct call_kind *kind = responses_call_kind(tool);
    size_t opened;
    buf_init(&room, FRAME_MAX);
    item_event(answer, place, NULL, false);
    struct frame frame = delta_frame(answer, &room, kind->delta, kind->prefix, place, "");
    answer_arguments(answer, responses_call_text(tool), &frame);
    if (begin_placed(answer, kind->done, kind->prefix, place, "", &opened)) {
        buf_printf(answer->out, ",\"%s\":", kind->member);
        json_quote(answer->out, responses_call_text(tool));
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
    if (responses_has_reasoning(answer)) {
        stream_reasoning(answer, place);
        place.index++;
    }
    if (responses_has_message(answer)) {
        stream_message(answer, place);
        place.index++;
    }
    for (; answer->has_tools && place.call < play->tool_count; place.call++, place.index++)
        stream_call(answer, place);
    const char *end =
        responses_is_incomplete(answer) ? "response.incomplete" : "response.completed";
    for (int i = play->no_terminal; i < 1 + play->double_terminal; i++)
        response_event(answer, end, true);
}
