/* wire/responses_parts_write.c: the parts of an answer into output items: how each opens, grows and closes. */
#include "wire/responses_writing.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- parts: open ------------------------------------------------------------------------------- */

static void open_content(struct answer_writer *writer, enum part_kind part)
{
    struct responses_writing *writing = writer->own;
    if (!writing->has_item)
        responses_item_open(writer, ITEM_MESSAGE, STR(""));
    writing->speech = part == PART_REFUSAL ? SAYS_REFUSAL : SAYS_TEXT;
    writing->annotation_count = writing->characters = 0;
    buf_clear(&writing->text);
    buf_clear(&writing->annotations);
    buf_clear(&writing->logprobs.list);
    responses_place_make(writing);
    responses_tell_part(writer, STR("response.content_part.added"));
}

/* A provider that gives no id gets one made: the SDK takes two calls of one id for a fault. */
static void put_call_id(struct answer_writer *writer, struct str id)
{
    struct responses_writing *writing = writer->own;
    char made[RESPONSES_ID_MAX];
    (void)snprintf(made, sizeof made, "call_%s_%" PRId64, writer->key, writing->output_index);
    buf_append_lit(&writing->facts, ",\"call_id\":");
    tool_id_put(&writing->facts, ENDPOINT_RESPONSES, id.len ? id : str_of(made));
}

/* The tool goes by the caller's own name and namespace again. */
static void open_call(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    const struct tool_name *known =
        writer->names ? tool_name_find(writer->names, event->name) : NULL;
    bool is_custom = event->is_custom || (known && known->is_custom);
    buf_clear(&writing->facts);
    responses_put_string(&writing->facts, ",\"name\":", known ? known->name : event->name);
    writing->name_len = writing->facts.len;
    if (known && known->space.len)
        responses_put_string(&writing->facts, ",\"namespace\":", known->space);
    put_call_id(writer, event->id);
    writing->is_wrapped = is_custom && !event->is_custom;
    writing->speech = is_custom ? SAYS_INPUT : SAYS_ARGUMENTS;
    responses_item_open(writer, is_custom ? ITEM_CUSTOM_CALL : ITEM_CALL, STR(""));
    responses_place_make(writing);
}

void responses_part_open(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    bool is_content = event->part == PART_TEXT || event->part == PART_REFUSAL;
    if (!is_content)
        responses_item_close(writer); /* the message before it */
    if (is_content) {
        open_content(writer, event->part);
    } else if (event->part == PART_TOOL_CALL) {
        open_call(writer, event);
    } else if (event->part == PART_THINKING) {
        responses_item_open(writer, ITEM_REASONING, event->id);
        writing->speech = SAYS_SUMMARY;
        responses_place_make(writing);
    } else { /* sealed: an item only if its seal can be carried, which its end tells */
        writing->item = ITEM_REASONING;
        responses_id_make(writer, event->id);
    }
}

/* ---- parts: more ------------------------------------------------------------------------------- */

void responses_part_more(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    if (!writing->has_item || (event->text.len == 0 && event->logprobs.len == 0))
        return;
    if (writing->speech == SAYS_SUMMARY && !writing->has_summary) {
        writing->has_summary = true;
        responses_tell_part(writer, STR("response.reasoning_summary_part.added"));
    }
    buf_append_str(&writing->text, event->text);
    writing->characters += str_count_characters(event->text);
    if (!writing->is_wrapped || writing->speech != SAYS_INPUT)
        responses_tell_delta(writer, event->text, event->logprobs);
    if (event->logprobs.len)
        logprobs_keep(&writing->logprobs, event->logprobs, writer->fidelity);
}

/* Where in the text it belongs: as the provider says, else all of the part so far. */
static void put_range(struct answer_writer *writer, struct buf *out, struct str raw)
{
    const struct responses_writing *writing = writer->own;
    struct json root = {0};
    if (raw.len == 0 || !writer->scratch || json_parse(writer->scratch, raw, &root, NULL) != OK)
        root = (struct json){0};
    struct json inside = json_get(root, "url_citation"); /* as chat completions have it */
    if (json_type_of(inside) == JSON_OBJECT)
        root = inside;
    int64_t start = json_int64_or(json_get(root, "start_index"), 0);
    int64_t end = json_int64_or(json_get(root, "end_index"), writing->characters);
    responses_put_int(out, ",\"start_index\":", start > 0 ? start : 0);
    responses_put_int(out, ",\"end_index\":", end > 0 ? end : 0);
}

void responses_part_annotate(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    struct buf *list = &writing->annotations;
    if (!writing->has_item || writing->speech != SAYS_TEXT)
        return;
    if (event->url.len == 0) { /* of a document: the caller knows no id for it */
        fidelity_note(writer->fidelity, FIDELITY_DROPPED, "answer.citations");
        return;
    }
    if (list->len)
        buf_putc(list, ',');
    size_t start = list->len;
    responses_put_string(list, "{\"type\":\"url_citation\",\"url\":", event->url);
    responses_put_string(list, ",\"title\":", event->title);
    put_range(writer, list, event->raw);
    buf_putc(list, '}');
    responses_tell_annotation(writer, str_from(buf_str(list), start));
    writing->annotation_count++;
}

/* ---- parts: close ------------------------------------------------------------------------------ */

static void close_content(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    responses_tell_done(writer);
    responses_tell_part(writer, STR("response.content_part.done"));
    if (writing->content.len)
        buf_putc(&writing->content, ',');
    responses_content_put(&writing->content, writing);
    buf_clear(&writing->text);
    writing->content_index++;
}

/* The seal as the caller gets it: OpenAI's own, or ours around another maker's, or around nothing: what was thought without a
 * seal must be known again, since OpenAI has no such item. False: there is none, or it cannot be carried. */
static bool make_seal(struct answer_writer *writer, const struct answer_event *event,
                      bool is_opaque)
{
    struct responses_writing *writing = writer->own;
    bool is_sealed = event->seal.len > 0;
    struct sealed_thinking thinking = {.maker = is_sealed ? event->sealed_by : ENDPOINT_CHAT,
                                       .is_opaque = is_opaque,
                                       .text = is_opaque ? STR("") : buf_str(&writing->text),
                                       .seal = event->seal};
    buf_clear(&writing->seal);
    if (!is_sealed && is_opaque)
        return false;
    if (is_sealed && event->sealed_by == ENDPOINT_RESPONSES) {
        buf_append_str(&writing->seal, event->seal);
        return true;
    }
    if (seal_put(writer->sealer, &thinking, &writing->seal))
        return true;
    if (is_sealed)
        fidelity_note(writer->fidelity, FIDELITY_DROPPED, "answer.thinking.signature");
    return false;
}

static void close_thinking(struct answer_writer *writer, const struct answer_event *event)
{
    struct responses_writing *writing = writer->own;
    if (writing->has_summary) {
        responses_tell_done(writer);
        responses_tell_part(writer, STR("response.reasoning_summary_part.done"));
    }
    (void)make_seal(writer, event, false);
    responses_item_close(writer);
}

static void close_sealed(struct answer_writer *writer, const struct answer_event *event)
{
    const struct responses_writing *writing = writer->own;
    char id[RESPONSES_ID_MAX];
    str_copy(str_of(writing->id), id, sizeof id);
    if (!make_seal(writer, event, true))
        return;
    responses_item_open(writer, ITEM_REASONING, str_of(id));
    responses_item_close(writer);
}

/* The provider was given a function with one string, `input`; whatever else the model wrote is the input itself. */
static void unwrap_input(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    struct json root;
    struct str input;
    if (writer->scratch &&
        json_parse(writer->scratch, buf_str(&writing->text), &root, NULL) == OK &&
        json_string(json_get(root, "input"), &input)) {
        buf_clear(&writing->text);
        buf_append_str(&writing->text, input);
    }
    if (writing->text.len)
        responses_tell_delta(writer, buf_str(&writing->text), STR(""));
}

static void close_call(struct answer_writer *writer)
{
    struct responses_writing *writing = writer->own;
    if (writing->speech == SAYS_ARGUMENTS && writing->text.len == 0) {
        buf_append_lit(&writing->text, "{}"); /* no arguments at all are an empty object */
        responses_tell_delta(writer, buf_str(&writing->text), STR(""));
    }
    if (writing->speech == SAYS_INPUT && writing->is_wrapped)
        unwrap_input(writer);
    responses_tell_done(writer);
    responses_item_close(writer);
}

void responses_part_close(struct answer_writer *writer, const struct answer_event *event)
{
    const struct responses_writing *writing = writer->own;
    if (!writing->has_item) {
        close_sealed(writer, event);
        return;
    }
    switch (writing->item) {
    case ITEM_MESSAGE: close_content(writer); break;
    case ITEM_REASONING: close_thinking(writer, event); break;
    default: close_call(writer); break;
    }
}
