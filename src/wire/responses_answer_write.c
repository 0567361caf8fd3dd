/* wire/responses_answer_write.c: an answer for a caller of the responses dialect: its beginning, its end, its order.
 *
 * The full set of events is sent, numbered without gaps: the OpenAI SDK refuses a delta whose item or part was not
 * announced, Codex takes the text from output_item.done and needs id and total_tokens in response.completed. A plain
 * answer is built by the same code without its events: the response object is all there is.
 *
 * Items and their events: responses_items_write.c.
 * Source:  CLIENTS.md 5, 8; OpenAI's API reference.
 */
#include "wire/responses_writing.h"

/* ---- events ---------------------------------------------------------------------------------- */

void responses_event_open(struct answer_writer *writer, struct str type)
{
    struct buf *out = writer->out;
    buf_append_lit(out, "event: ");
    buf_append_str(out, type);
    buf_append_lit(out, "\ndata: {\"type\":\"");
    buf_append_str(out, type);
    buf_append_lit(out, "\",\"sequence_number\":");
    buf_put_uint(out, (uint64_t)writer->sequence++);
}

void responses_event_close(struct answer_writer *writer)
{
    buf_append_lit(writer->out, "}\n\n");
}

/* ---- the response object ----------------------------------------------------------------------- */

static const struct outcome {
    const char *event, *status;
    const char *reason; /* of an incomplete one */
} outcomes[] = {
    {"response.created", "in_progress", NULL},
    {"response.in_progress", "in_progress", NULL},
    {"response.completed", "completed", NULL},
    {"response.incomplete", "incomplete", "max_output_tokens"},
    {"response.incomplete", "incomplete", "content_filter"},
};
enum { CREATED, IN_PROGRESS, COMPLETED, TOO_LONG, REFUSED };

static uint64_t known(int64_t tokens)
{
    return tokens > 0 ? (uint64_t)tokens : 0;
}

static void put_count(struct buf *out, const char *name, uint64_t count)
{
    buf_puts(out, name);
    buf_put_uint(out, count);
}

/* Without its total, Codex takes the whole event for broken; an unknown count is 0. */
static void put_usage(struct buf *out, const struct usage *usage)
{
    uint64_t input = known(usage->input_tokens), output = known(usage->output_tokens);
    put_count(out, ",\"usage\":{\"input_tokens\":", input);
    put_count(out, ",\"input_tokens_details\":{\"cached_tokens\":", known(usage->cached_tokens));
    put_count(out, ",\"cache_write_tokens\":", known(usage->cache_write_tokens));
    put_count(out, "},\"output_tokens\":", output);
    put_count(out,
              ",\"output_tokens_details\":{\"reasoning_tokens\":", known(usage->reasoning_tokens));
    put_count(out, "},\"total_tokens\":", input + output);
    buf_putc(out, '}');
}

static void put_response(struct answer_writer *writer, const struct outcome *outcome,
                         const struct usage *usage)
{
    struct buf *out = writer->out;
    buf_append_lit(out, "{\"id\":\"resp_");
    buf_puts(out, writer->key);
    buf_append_lit(out, "\",\"object\":\"response\",\"created_at\":");
    buf_put_uint(out, known(writer->created_s));
    buf_append_lit(out, ",\"status\":\"");
    buf_puts(out, outcome->status);
    buf_append_lit(out, "\",\"background\":false,\"error\":null,\"incomplete_details\":");
    if (outcome->reason) {
        buf_append_lit(out, "{\"reason\":\"");
        buf_puts(out, outcome->reason);
        buf_append_lit(out, "\"}");
    } else {
        buf_append_lit(out, "null");
    }
    buf_append_lit(out, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":");
    json_quote(out, writer->model);
    buf_append_lit(out, ",\"output\":[");
    buf_append_str(out, buf_str(&writer->kept));
    buf_append_lit(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                        "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,"
                        "\"temperature\":null,\"text\":{\"format\":{\"type\":\"text\"}},"
                        "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":null,"
                        "\"truncation\":\"disabled\"");
    if (usage)
        put_usage(out, usage);
    else
        buf_append_lit(out, ",\"usage\":null");
    buf_append_lit(out, ",\"user\":null,\"metadata\":{}}");
}

static void tell_response(struct answer_writer *writer, const struct outcome *outcome,
                          const struct usage *usage)
{
    const struct responses_writing *writing = writer->own;
    if (writing->is_plain) {
        put_response(writer, outcome, usage);
        return;
    }
    responses_event_open(writer, str_of(outcome->event));
    buf_append_lit(writer->out, ",\"response\":");
    put_response(writer, outcome, usage);
    responses_event_close(writer);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void begin(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    struct buf *bufs[] = {&writing->text,  &writing->content, &writing->annotations,
                          &writing->facts, &writing->place,   &writing->seal};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_init(bufs[i], ANSWER_KEPT_MAX);
    logprobs_init(&writing->logprobs);
    if (writing->is_plain)
        return;
    tell_response(writer, &outcomes[CREATED], NULL);
    tell_response(writer, &outcomes[IN_PROGRESS], NULL);
}

void responses_writer_release(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    buf_release(&writing->text);
    buf_release(&writing->content);
    buf_release(&writing->annotations);
    logprobs_release(&writing->logprobs);
    buf_release(&writing->facts);
    buf_release(&writing->place);
    buf_release(&writing->seal);
}

static void end(struct answer_writer *writer, const struct usage *usage)
{
    const struct responses_writing *writing = writer->own;
    static const struct usage nothing = {0};
    size_t outcome = writing->stop == STOP_LENGTH    ? TOO_LONG
                     : writing->stop == STOP_REFUSAL ? REFUSED
                                                     : COMPLETED;
    tell_response(writer, &outcomes[outcome], usage ? usage : &nothing);
}

/* What is repeated at the end is bounded as a whole. */
static void check_bounds(struct answer_writer *writer)
{
    const struct responses_writing *writing = writer->own;
    size_t kept = writer->kept.len + writing->content.len + writing->text.len +
                  writing->annotations.len + writing->logprobs.list.len;
    writer->failed |= kept > ANSWER_KEPT_MAX || writer->kept.failed || writing->text.failed ||
                      writing->content.failed || writing->annotations.failed ||
                      writing->logprobs.list.failed || writing->facts.failed ||
                      writing->place.failed || writing->seal.failed;
}

static void take(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    if (writer->failed)
        return;
    switch (event->kind) {
    case ANSWER_BEGIN: begin(writer); break;
    case ANSWER_PART_BEGIN: responses_part_open(writer, event); break;
    case ANSWER_PART_DELTA: responses_part_more(writer, event); break;
    case ANSWER_ANNOTATION: responses_part_annotate(writer, event); break;
    case ANSWER_PART_END: responses_part_close(writer, event); break;
    case ANSWER_STOP:
        writing->stop = event->stop;
        responses_item_close(writer);
        break;
    case ANSWER_END: end(writer, event->usage); break;
    }
    check_bounds(writer);
}

void responses_stream_write(struct answer_writer *writer, const struct answer_event *event)
{
    take(writer, event);
}

void responses_answer_write(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    writing->is_plain = true;
    take(writer, event);
}
