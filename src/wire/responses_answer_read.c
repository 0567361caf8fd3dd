/* wire/responses_answer_read.c: what a provider of the responses dialect says, as events of an answer.
 *
 * A stream's events are looked up in one table; a plain answer is what the final event of a stream carries. An item
 * is found by its output_index; where a service sends none, by its id, and without that it is the last one.
 * Errors (`error`, response.failed) are the meter's and never come here.
 *
 * Source:  OpenAI's API reference; tests/fixtures/openai/responses_*.
 */
#include "wire/responses_reading.h"

/* ---- which item, which part -------------------------------------------------------------------- */

/* What nearly every event says, found in one walk over it. */
enum told { TYPE, DELTA, OUTPUT_INDEX, CONTENT_INDEX, ITEM_ID, LOGPROBS, TOLD_COUNT };
static const struct str told_names[TOLD_COUNT] = {
    [TYPE] = STR_INIT("type"),
    [DELTA] = STR_INIT("delta"),
    [OUTPUT_INDEX] = STR_INIT("output_index"),
    [CONTENT_INDEX] = STR_INIT("content_index"),
    [ITEM_ID] = STR_INIT("item_id"),
    [LOGPROBS] = STR_INIT("logprobs"),
};
struct telling {
    struct json root;
    struct json member[TOLD_COUNT];
};

static struct str text_of(const struct telling *telling, enum told what)
{
    return json_string_or_empty(telling->member[what]);
}

/* -1: none, or none that makes sense. */
static int64_t index_of(const struct telling *telling, enum told what)
{
    int64_t index = json_int64_or(telling->member[what], -1);
    return index >= 0 ? index : -1;
}

/* The item that an event speaks of; one that was never announced is taken to be of the event's kind. */
static struct reading_item *item_of(struct answer_reader *reader, const struct telling *telling,
                                    enum responses_item kind)
{
    struct responses_reading *reading = reader->own;
    int64_t output_index = index_of(telling, OUTPUT_INDEX);
    struct str id = text_of(telling, ITEM_ID);
    if (output_index < 0 && id.len == 0 && reading->item_count > 0)
        return &reading->items[reading->item_count - 1];
    return responses_item_find(reader, output_index, id, kind);
}

/* Its part, of an item of that kind; NULL when the event is of no use. */
static struct reading_part *part_of(struct answer_reader *reader, const struct telling *telling,
                                    enum responses_item kind, enum part_kind part_kind)
{
    const struct reading_item *item = item_of(reader, telling, kind);
    int64_t content_index = kind == ITEM_MESSAGE ? index_of(telling, CONTENT_INDEX) : 0;
    if (!item || item->kind != kind || item->is_done)
        return NULL;
    return responses_part_find(reader, item, content_index < 0 ? 0 : content_index, part_kind);
}

/* ---- events of items --------------------------------------------------------------------------- */

/* An item that is told of by itself: its id is inside it. */
static struct reading_item *told_item(struct answer_reader *reader, const struct telling *telling)
{
    struct json item = json_get(telling->root, "item");
    return responses_item_find(reader, index_of(telling, OUTPUT_INDEX),
                               json_string_or_empty(json_get(item, "id")),
                               responses_item_kind(json_string_or_empty(json_get(item, "type"))));
}

/* The end of an item without index and id is that of the last one. */
static struct reading_item *done_item(struct answer_reader *reader, const struct telling *telling)
{
    struct responses_reading *reading = reader->own;
    struct json item = json_get(telling->root, "item");
    struct reading_item *last =
        reading->item_count > 0 ? &reading->items[reading->item_count - 1] : NULL;
    bool is_nameless = index_of(telling, OUTPUT_INDEX) < 0 &&
                       str_is_empty(json_string_or_empty(json_get(item, "id")));
    bool is_last = last && !last->is_done &&
                   last->kind == responses_item_kind(json_string_or_empty(json_get(item, "type")));
    return is_nameless && is_last ? last : told_item(reader, telling);
}

static void on_item_added(struct answer_reader *reader, const struct telling *telling)
{
    const struct reading_item *item = told_item(reader, telling);
    if (!item || (item->kind != ITEM_CALL && item->kind != ITEM_CUSTOM_CALL))
        return;
    struct reading_part *part = responses_part_find(reader, item, 0, PART_TOOL_CALL);
    if (part)
        responses_call_begin(reader, part, json_get(telling->root, "item"));
}

static void on_item_done(struct answer_reader *reader, const struct telling *telling)
{
    struct reading_item *item = done_item(reader, telling);
    if (item)
        responses_item_read(reader, item, json_get(telling->root, "item"));
}

static void on_content_done(struct answer_reader *reader, const struct telling *telling)
{
    struct json content = json_get(telling->root, "part");
    struct str type = json_string_or_empty(json_get(content, "type"));
    bool is_refusal = str_eq(type, STR("refusal"));
    if (!is_refusal && !str_eq(type, STR("output_text")))
        return; /* reasoning_text: told by its own events */
    struct reading_part *part =
        part_of(reader, telling, ITEM_MESSAGE, is_refusal ? PART_REFUSAL : PART_TEXT);
    if (part)
        responses_content_read(reader, part, content);
}

static void on_annotation(struct answer_reader *reader, const struct telling *telling)
{
    struct reading_part *part = part_of(reader, telling, ITEM_MESSAGE, PART_TEXT);
    if (part)
        responses_annotation_tell(reader, part, json_get(telling->root, "annotation"));
}

/* ---- events of texts --------------------------------------------------------------------------- */

static const struct text_row {
    struct str type; /* behind "response." */
    enum responses_item item;
    enum part_kind part;
    const char *whole; /* the member with the whole text; NULL: a delta */
    const char *index; /* REASONING: what numbers its pieces */
} text_rows[] = {
    {STR_INIT("output_text.delta"), ITEM_MESSAGE, PART_TEXT, NULL, NULL},
    {STR_INIT("output_text.done"), ITEM_MESSAGE, PART_TEXT, "text", NULL},
    {STR_INIT("refusal.delta"), ITEM_MESSAGE, PART_REFUSAL, NULL, NULL},
    {STR_INIT("refusal.done"), ITEM_MESSAGE, PART_REFUSAL, "refusal", NULL},
    {STR_INIT("function_call_arguments.delta"), ITEM_CALL, PART_TOOL_CALL, NULL, NULL},
    {STR_INIT("function_call_arguments.done"), ITEM_CALL, PART_TOOL_CALL, "arguments", NULL},
    {STR_INIT("custom_tool_call_input.delta"), ITEM_CUSTOM_CALL, PART_TOOL_CALL, NULL, NULL},
    {STR_INIT("custom_tool_call_input.done"), ITEM_CUSTOM_CALL, PART_TOOL_CALL, "input", NULL},
    {STR_INIT("reasoning_summary_text.delta"), ITEM_REASONING, PART_THINKING, NULL,
     "summary_index"},
    {STR_INIT("reasoning_summary_text.done"), ITEM_REASONING, PART_THINKING, "text",
     "summary_index"},
    {STR_INIT("reasoning_text.delta"), ITEM_REASONING, PART_THINKING, NULL, "content_index"},
    {STR_INIT("reasoning_text.done"), ITEM_REASONING, PART_THINKING, "text", "content_index"},
};

/* Pieces of a summary (or of the raw reasoning) have their numbers; a new number begins a new paragraph. Of an item
 * that tells both, the one that came first is told: they are the same thoughts. */
static void tell_thought(struct answer_reader *reader, struct reading_part *part,
                         const struct text_row *row, const struct telling *telling, struct str text)
{
    struct responses_reading *reading = reader->own;
    bool is_raw = str_eq(str_of(row->index), told_names[CONTENT_INDEX]);
    int64_t index = json_int64_or(json_get(telling->root, row->index), -1);
    if (part->has_begun && part->is_raw != is_raw)
        return;
    if (row->whole && part->has_begun && index <= part->summary_index)
        return; /* its deltas have told it */
    reading->thought_id = text_of(telling, ITEM_ID);
    part->is_raw = is_raw;
    if (part->has_begun && index > part->summary_index)
        responses_part_tell(reader, part, STR("\n\n"));
    part->summary_index = index;
    responses_part_tell(reader, part, text);
}

static void on_text(struct answer_reader *reader, const struct text_row *row,
                    const struct telling *telling)
{
    struct str text = row->whole ? json_string_or_empty(json_get(telling->root, row->whole))
                                 : text_of(telling, DELTA);
    struct json logprobs = telling->member[LOGPROBS];
    if (text.len == 0 && json_count(logprobs) == 0)
        return;
    struct reading_part *part = part_of(reader, telling, row->item, row->part);
    if (!part)
        return;
    if (row->item == ITEM_REASONING)
        tell_thought(reader, part, row, telling, text);
    else if (row->whole)
        responses_part_tell_rest(reader, part, text, logprobs);
    else if (part->kind == PART_TEXT)
        responses_part_tell_tokens(reader, part, text, logprobs, 0);
    else
        responses_part_tell(reader, part, text);
}

/* ---- begin and end ----------------------------------------------------------------------------- */

static void tell_begin(struct answer_reader *reader, struct json response)
{
    struct answer_event event = {.kind = ANSWER_BEGIN,
                                 .id = json_string_or_empty(json_get(response, "id"))};
    answer_reader_tell(reader, &event);
}

static void on_news(struct answer_reader *reader, const struct telling *telling)
{
    tell_begin(reader, json_get(telling->root, "response"));
}

static enum stop_reason stop_of(const struct responses_reading *reading, struct json response)
{
    static const struct {
        struct str reason;
        enum stop_reason stop;
    } reasons[] = {{STR_INIT("max_output_tokens"), STOP_LENGTH},
                   {STR_INIT("max_tokens"), STOP_LENGTH},
                   {STR_INIT("length"), STOP_LENGTH},
                   {STR_INIT("content_filter"), STOP_REFUSAL}};
    struct str status = json_string_or_empty(json_get(response, "status"));
    if (!str_eq(status, STR("incomplete")))
        return reading->has_calls ? STOP_TOOLS : STOP_END;
    struct str reason =
        json_string_or_empty(json_at(response, "incomplete_details", "reason", NULL));
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (str_eq(reason, reasons[i].reason))
            return reasons[i].stop;
    return STOP_UNKNOWN;
}

/* An item of the final list, among those that the stream has told: by its id, else by its place. Services leave items
 * out of the list (the places shift) and change ids between events; none was seen to do both. */
static struct reading_item *final_item(struct answer_reader *reader, struct json value,
                                       int64_t place)
{
    struct str id = json_string_or_empty(json_get(value, "id"));
    enum responses_item kind = responses_item_kind(json_string_or_empty(json_get(value, "type")));
    struct reading_item *item = responses_item_find_id(reader->own, id);
    return item ? item : responses_item_find(reader, place, id, kind);
}

static void read_response(struct answer_reader *reader, struct json response)
{
    int64_t place = 0;
    tell_begin(reader, response);
    for (struct json_cursor c = json_each(json_get(response, "output")); json_next(&c); place++) {
        struct reading_item *item = final_item(reader, c.value, place);
        if (!item)
            return;
        responses_item_read(reader, item, c.value);
    }
    answer_parts_end_all(&reader->parts);
    struct answer_event stop = {.kind = ANSWER_STOP, .stop = stop_of(reader->own, response)};
    answer_reader_tell(reader, &stop);
}

static void on_end(struct answer_reader *reader, const struct telling *telling)
{
    read_response(reader, json_get(telling->root, "response"));
}

/* ---- one event --------------------------------------------------------------------------------- */

static const struct event_row {
    struct str type; /* behind "response." */
    void (*on_event)(struct answer_reader *reader, const struct telling *telling);
} event_rows[] = {
    {STR_INIT("created"), on_news},
    {STR_INIT("in_progress"), on_news},
    {STR_INIT("queued"), on_news},
    {STR_INIT("output_item.added"), on_item_added},
    {STR_INIT("output_item.done"), on_item_done},
    {STR_INIT("content_part.done"), on_content_done},
    {STR_INIT("output_text.annotation.added"), on_annotation},
    {STR_INIT("completed"), on_end},
    {STR_INIT("incomplete"), on_end},
};

void responses_stream_read(struct answer_reader *reader, const struct sse_event *event,
                           struct json root)
{
    static const struct str prefix = STR_INIT("response.");
    struct telling telling = {.root = root};
    json_pick(root, told_names, TOLD_COUNT, telling.member);
    struct str type = text_of(&telling, TYPE);
    if (type.len == 0)
        type = event->name;
    if (!str_starts(type, prefix) || reader->has_stopped)
        return;
    type = str_from(type, prefix.len);
    for (size_t i = 0; i < sizeof text_rows / sizeof text_rows[0]; i++) {
        if (str_eq(type, text_rows[i].type)) {
            on_text(reader, &text_rows[i], &telling);
            return;
        }
    }
    for (size_t i = 0; i < sizeof event_rows / sizeof event_rows[0]; i++) {
        if (str_eq(type, event_rows[i].type)) {
            event_rows[i].on_event(reader, &telling);
            return;
        }
    }
}

void responses_answer_read(struct answer_reader *reader, struct json root)
{
    read_response(reader, root);
}
