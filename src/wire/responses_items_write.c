/* wire/responses_items_write.c: the output items of an answer as JSON, and the events that announce, fill and finish them.
 *
 * Parts of text that follow one another are one message with several content parts; so a message stays open until
 * something else begins, or the answer stops. A reasoning item, a call: one part, one item. A finished item goes into
 * writer->kept, from where output_item.done and the final response take it.
 */
#include "wire/responses_writing.h"

#include <inttypes.h>
#include <stdio.h>

static const struct item_facts {
    const char *prefix, *type;
} item_facts[] = {
    [ITEM_MESSAGE] = {"msg", "message"},
    [ITEM_REASONING] = {"rs", "reasoning"},
    [ITEM_CALL] = {"fc", "function_call"},
    [ITEM_CUSTOM_CALL] = {"ctc", "custom_tool_call"},
};

static const struct speech_facts {
    struct str delta, done; /* events */
    const char *member;     /* of `done`, with the whole text */
} speech_facts[] = {
    [SAYS_TEXT] = {STR_INIT("response.output_text.delta"), STR_INIT("response.output_text.done"),
                   ",\"text\":"},
    [SAYS_REFUSAL] = {STR_INIT("response.refusal.delta"), STR_INIT("response.refusal.done"),
                      ",\"refusal\":"},
    [SAYS_SUMMARY] = {STR_INIT("response.reasoning_summary_text.delta"),
                      STR_INIT("response.reasoning_summary_text.done"), ",\"text\":"},
    [SAYS_ARGUMENTS] = {STR_INIT("response.function_call_arguments.delta"),
                        STR_INIT("response.function_call_arguments.done"), ",\"arguments\":"},
    [SAYS_INPUT] = {STR_INIT("response.custom_tool_call_input.delta"),
                    STR_INIT("response.custom_tool_call_input.done"), ",\"input\":"},
};

/* ---- items as JSON ----------------------------------------------------------------------------- */

static void put_logprobs(struct buf *out, struct str logprobs)
{
    buf_append_lit(out, ",\"logprobs\":[");
    logprobs_put(out, out->len, logprobs);
    buf_putc(out, ']');
}

/* The content part that is open, with its text so far. */
void responses_content_put(struct buf *out, const struct responses_writing *writing)
{
    if (writing->speech == SAYS_REFUSAL) {
        responses_put_string(out, "{\"type\":\"refusal\",\"refusal\":", buf_str(&writing->text));
    } else {
        buf_append_lit(out, "{\"type\":\"output_text\",\"annotations\":[");
        buf_append_str(out, buf_str(&writing->annotations));
        buf_putc(out, ']');
        put_logprobs(out, buf_str(&writing->logprobs.list));
        responses_put_string(out, ",\"text\":", buf_str(&writing->text));
    }
    buf_putc(out, '}');
}

static void put_summary_part(struct buf *out, struct str text)
{
    responses_put_string(out, "{\"type\":\"summary_text\",\"text\":", text);
    buf_putc(out, '}');
}

static void put_status(struct buf *out, const char *status)
{
    responses_put_string(out, ",\"status\":", str_of(status));
}

/* The members that only items of this kind have. */
static void put_members(struct buf *out, const struct responses_writing *writing)
{
    struct str text = buf_str(&writing->text);
    switch (writing->item) {
    case ITEM_MESSAGE:
        buf_append_lit(out, ",\"role\":\"assistant\",\"content\":[");
        buf_append_str(out, buf_str(&writing->content));
        buf_putc(out, ']');
        break;
    case ITEM_REASONING:
        buf_append_lit(out, ",\"summary\":[");
        if (text.len)
            put_summary_part(out, text);
        buf_putc(out, ']');
        if (writing->seal.len)
            responses_put_string(out, ",\"encrypted_content\":", buf_str(&writing->seal));
        break;
    default:
        responses_put_string(out,
                             writing->item == ITEM_CALL ? ",\"arguments\":" : ",\"input\":", text);
        buf_append_str(out, buf_str(&writing->facts));
        break;
    }
}

static void put_item(struct buf *out, const struct responses_writing *writing, const char *status)
{
    responses_put_string(out, "{\"id\":", str_of(writing->id));
    responses_put_string(out, ",\"type\":", str_of(item_facts[writing->item].type));
    if (writing->item != ITEM_REASONING)
        put_status(out, status);
    put_members(out, writing);
    buf_putc(out, '}');
}

/* ---- items: open and close --------------------------------------------------------------------- */

/* A provider's own id where it has one: a reasoning item comes back to its maker under it. */
void responses_id_make(struct answer_writer *writer, struct str own)
{
    struct responses_writing *writing = writer->own;
    if (own.len > 0 && own.len < sizeof writing->id)
        str_copy(own, writing->id, sizeof writing->id);
    else
        (void)snprintf(writing->id, sizeof writing->id, "%s_%s_%" PRId64,
                       item_facts[writing->item].prefix, writer->key, writing->output_index);
}

void responses_item_open(struct answer_writer *writer, enum responses_item item, struct str own_id)
{
    struct responses_writing *writing = writer->own;
    writing->has_item = true;
    writing->item = item;
    writing->content_index = 0;
    writing->has_summary = false;
    buf_clear(&writing->text);
    buf_clear(&writing->content);
    responses_id_make(writer, own_id);
    if (writing->is_plain)
        return;
    responses_event_open(writer, STR("response.output_item.added"));
    responses_put_int(writer->out, ",\"output_index\":", writing->output_index);
    buf_append_lit(writer->out, ",\"item\":");
    put_item(writer->out, writing, "in_progress");
    responses_event_close(writer);
}

void responses_item_close(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    struct buf *kept = &writer->kept;
    bool is_cut = writing->stop == STOP_LENGTH || writing->stop == STOP_REFUSAL;
    if (!writing->has_item)
        return;
    writing->has_item = false;
    if (kept->len)
        buf_putc(kept, ',');
    size_t start = kept->len;
    put_item(kept, writing, is_cut ? "incomplete" : "completed");
    if (!writing->is_plain) {
        responses_event_open(writer, STR("response.output_item.done"));
        responses_put_int(writer->out, ",\"output_index\":", writing->output_index);
        buf_append_lit(writer->out, ",\"item\":");
        buf_append_str(writer->out, str_from(buf_str(kept), start));
        responses_event_close(writer);
    }
    writing->output_index++;
    buf_clear(&writing->seal);
}

/* ---- events of the open part ------------------------------------------------------------------- */

/* What all of them say: the same bytes each time, so they are made once. */
void responses_place_make(struct responses_writing *writing)
{
    struct buf *place = &writing->place;
    buf_clear(place);
    responses_put_string(place, ",\"item_id\":", str_of(writing->id));
    responses_put_int(place, ",\"output_index\":", writing->output_index);
    if (writing->item == ITEM_MESSAGE)
        responses_put_int(place, ",\"content_index\":", writing->content_index);
    else if (writing->item == ITEM_REASONING)
        buf_append_lit(place, ",\"summary_index\":0");
}

static void open_event(struct answer_writer *writer, struct str type)
{
    const struct responses_writing *writing = writer->own;
    responses_event_open(writer, type);
    buf_append_str(writer->out, buf_str(&writing->place));
}

void responses_tell_delta(struct answer_writer *writer, struct str text, struct str logprobs)
{
    const struct responses_writing *writing = writer->own;
    const struct speech_facts *facts = &speech_facts[writing->speech];
    if (writing->is_plain)
        return;
    open_event(writer, facts->delta);
    responses_put_string(writer->out, ",\"delta\":", text);
    if (writing->speech == SAYS_TEXT)
        put_logprobs(writer->out, logprobs);
    responses_event_close(writer);
}

void responses_tell_done(struct answer_writer *writer)
{
    const struct responses_writing *writing = writer->own;
    const struct speech_facts *facts = &speech_facts[writing->speech];
    if (writing->is_plain)
        return;
    open_event(writer, facts->done);
    if (writing->speech == SAYS_ARGUMENTS)
        buf_append_str(writer->out, str_upto(buf_str(&writing->facts), writing->name_len));
    responses_put_string(writer->out, facts->member, buf_str(&writing->text));
    if (writing->speech == SAYS_TEXT)
        put_logprobs(writer->out, buf_str(&writing->logprobs.list));
    responses_event_close(writer);
}

/* content_part.added and .done, reasoning_summary_part.added and .done. */
void responses_tell_part(struct answer_writer *writer, struct str type)
{
    const struct responses_writing *writing = writer->own;
    if (writing->is_plain)
        return;
    open_event(writer, type);
    buf_append_lit(writer->out, ",\"part\":");
    if (writing->item == ITEM_REASONING)
        put_summary_part(writer->out, buf_str(&writing->text));
    else
        responses_content_put(writer->out, writing);
    responses_event_close(writer);
}

void responses_tell_annotation(struct answer_writer *writer, struct str annotation)
{
    const struct responses_writing *writing = writer->own;
    if (writing->is_plain)
        return;
    open_event(writer, STR("response.output_text.annotation.added"));
    responses_put_int(writer->out, ",\"annotation_index\":", writing->annotation_count);
    buf_append_lit(writer->out, ",\"annotation\":");
    buf_append_str(writer->out, annotation);
    responses_event_close(writer);
}
