/* wire/responses_items_read.c: the items of a provider's output as parts of an answer, each told once.
 *
 * The dialect says everything up to four times: in deltas, in `.done` events, in the finished item and in the final
 * response; and services leave out any of these. So each part remembers how many bytes of its text were told, and whatever
 * brings the whole text tells the rest of it.
 */
#include "wire/logprobs.h"
#include "wire/responses_reading.h"

#include <stdio.h>

/* ---- lists ----------------------------------------------------------------------------------- */

/* Room for one more in a list of `count`; NULL (and failed) past the bound or without memory. */
static void *grow(struct answer_reader *reader, void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    size_t more = *room ? *room * 2 : 8;
    void *grown = more <= RESPONSES_ITEMS_MAX ? mem_realloc(list, more * size) : NULL;
    if (grown)
        *room = more;
    else
        reader->parts.failed = true;
    return grown;
}

void responses_reader_release(struct answer_reader *reader)
{
    struct responses_reading *reading = reader->own;
    mem_free(reading->items);
    mem_free(reading->parts);
    *reading = (struct responses_reading){0};
}

enum responses_item responses_item_kind(struct str type)
{
    static const struct {
        struct str type;
        enum responses_item kind;
    } kinds[] = {{STR_INIT("message"), ITEM_MESSAGE},
                 {STR_INIT("reasoning"), ITEM_REASONING},
                 {STR_INIT("function_call"), ITEM_CALL},
                 {STR_INIT("custom_tool_call"), ITEM_CUSTOM_CALL}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eq(type, kinds[i].type))
            return kinds[i].kind;
    return ITEM_OTHER;
}

static struct reading_item *find_place(const struct responses_reading *reading,
                                       int64_t output_index)
{
    for (size_t i = reading->item_count; i > 0; i--) /* the newest is the most likely */
        if (reading->items[i - 1].output_index == output_index)
            return &reading->items[i - 1];
    return NULL;
}

struct reading_item *responses_item_find_id(const struct responses_reading *reading, struct str id)
{
    uint64_t id_hash = id.len ? str_hash(id) : 0;
    for (size_t i = reading->item_count; i > 0 && id_hash; i--)
        if (reading->items[i - 1].id_hash == id_hash)
            return &reading->items[i - 1];
    return NULL;
}

struct reading_item *responses_item_find(struct answer_reader *reader, int64_t output_index,
                                         struct str id, enum responses_item kind)
{
    struct responses_reading *reading = reader->own;
    struct reading_item *item =
        output_index >= 0 ? find_place(reading, output_index) : responses_item_find_id(reading, id);
    if (item)
        return item;
    item = grow(reader, reading->items, reading->item_count, &reading->item_room, sizeof *item);
    if (!item)
        return NULL;
    reading->items = item;
    if (output_index < 0)
        output_index = (int64_t)reading->item_count; /* its place, if it is told in order */
    item += reading->item_count++;
    *item = (struct reading_item){
        .kind = kind, .output_index = output_index, .id_hash = id.len ? str_hash(id) : 0};
    return item;
}

struct reading_part *responses_part_find(struct answer_reader *reader,
                                         const struct reading_item *item, int64_t content_index,
                                         enum part_kind kind)
{
    struct responses_reading *reading = reader->own;
    size_t number = (size_t)(item - reading->items);
    for (size_t i = reading->part_count; i > 0; i--) {
        struct reading_part *part = &reading->parts[i - 1];
        if (part->item == number && part->content_index == content_index)
            return part;
    }
    struct reading_part *part =
        grow(reader, reading->parts, reading->part_count, &reading->part_room, sizeof *part);
    if (!part)
        return NULL;
    reading->parts = part;
    part += reading->part_count++;
    *part = (struct reading_part){
        .item = number, .content_index = content_index, .kind = kind, .summary_index = -1};
    return part;
}

/* ---- telling --------------------------------------------------------------------------------- */

static int slot_of(const struct answer_reader *reader, const struct reading_part *part)
{
    const struct responses_reading *reading = reader->own;
    return (int)(part - reading->parts);
}

static void begin(struct answer_reader *reader, struct reading_part *part)
{
    const struct responses_reading *reading = reader->own;
    struct answer_event event = {.kind = ANSWER_PART_BEGIN, .part = part->kind};
    if (part->has_begun)
        return;
    if (part->kind == PART_THINKING || part->kind == PART_SEALED)
        event.id = reading->thought_id;
    part->has_begun = true;
    answer_parts_begin(&reader->parts, slot_of(reader, part), &event);
}

static void tell(struct answer_reader *reader, struct reading_part *part, struct str text,
                 struct str logprobs)
{
    struct answer_event event = {
        .kind = ANSWER_PART_DELTA, .part = part->kind, .text = text, .logprobs = logprobs};
    begin(reader, part);
    part->told_bytes += text.len;
    answer_parts_more(&reader->parts, slot_of(reader, part), &event);
}

void responses_part_tell(struct answer_reader *reader, struct reading_part *part, struct str text)
{
    bool is_call = part->kind == PART_TOOL_CALL;
    if (text.len == 0 || part->has_ended || (is_call && !part->has_begun))
        return; /* a call without a name yet: its item will bring all of it */
    tell(reader, part, text, STR(""));
}

void responses_part_tell_tokens(struct answer_reader *reader, struct reading_part *part,
                                struct str text, struct json logprobs, size_t from)
{
    size_t count = json_count(logprobs);
    if (part->has_ended || part->kind != PART_TEXT || (text.len == 0 && count <= from))
        return;
    tell(reader, part, text, logprobs_of(reader->json, logprobs, from, reader->source));
    part->logprobs += count > from ? count - from : 0;
}

void responses_part_tell_rest(struct answer_reader *reader, struct reading_part *part,
                              struct str whole, struct json logprobs)
{
    struct str rest = str_from(whole, part->told_bytes);
    if (part->kind == PART_TEXT)
        responses_part_tell_tokens(reader, part, rest, logprobs, part->logprobs);
    else
        responses_part_tell(reader, part, rest);
}

static void end_sealed(struct answer_reader *reader, struct reading_part *part, struct str seal)
{
    if (!part->has_begun || part->has_ended)
        return;
    part->has_ended = true;
    struct answer_event event = {.kind = ANSWER_PART_END,
                                 .part = part->kind,
                                 .seal = seal,
                                 .sealed_by = seal.len ? ENDPOINT_RESPONSES : ENDPOINT_CHAT};
    answer_parts_end(&reader->parts, slot_of(reader, part), &event);
}

void responses_part_end(struct answer_reader *reader, struct reading_part *part)
{
    end_sealed(reader, part, STR(""));
}

/* A namespace goes in front of the name, as the request's writer has registered it. */
void responses_call_begin(struct answer_reader *reader, struct reading_part *part, struct json item)
{
    struct responses_reading *reading = reader->own;
    struct str space = json_string_or_empty(json_get(item, "namespace"));
    struct answer_event event = {.kind = ANSWER_PART_BEGIN,
                                 .part = PART_TOOL_CALL,
                                 .id = json_string_or_empty(json_get(item, "call_id")),
                                 .name = json_string_or_empty(json_get(item, "name"))};
    if (part->has_begun || event.name.len == 0)
        return;
    AUTO_BUF struct buf whole;
    buf_init(&whole, 64u * 1024);
    if (space.len) {
        buf_append_str(&whole, space);
        buf_append_lit(&whole, "__");
        buf_append_str(&whole, event.name);
        event.name = buf_str(&whole);
    }
    event.is_custom = reading->items[part->item].kind == ITEM_CUSTOM_CALL;
    part->has_begun = reading->has_calls = true;
    answer_parts_begin(&reader->parts, slot_of(reader, part), &event);
}

void responses_annotation_tell(struct answer_reader *reader, struct reading_part *part,
                               struct json annotation)
{
    if (part->kind != PART_TEXT || part->has_ended)
        return;
    begin(reader, part);
    part->annotations++;
    struct answer_event event = {.kind = ANSWER_ANNOTATION,
                                 .part = PART_TEXT,
                                 .url = json_string_or_empty(json_get(annotation, "url")),
                                 .title = json_string_or_empty(json_get(annotation, "title")),
                                 .raw = json_raw(reader->json, annotation, reader->source)};
    answer_parts_more(&reader->parts, slot_of(reader, part), &event);
}

/* ---- whole items ----------------------------------------------------------------------------- */

void responses_content_read(struct answer_reader *reader, struct reading_part *part,
                            struct json content)
{
    bool is_refusal = part->kind == PART_REFUSAL;
    size_t index = 0;
    responses_part_tell_rest(
        reader, part, json_string_or_empty(json_get(content, is_refusal ? "refusal" : "text")),
        json_get(content, "logprobs"));
    for (struct json_cursor c = json_each(json_get(content, "annotations")); json_next(&c); index++)
        if (index >= part->annotations)
            responses_annotation_tell(reader, part, c.value);
    responses_part_end(reader, part);
}

static void read_message(struct answer_reader *reader, const struct reading_item *item,
                         struct json value)
{
    int64_t index = 0;
    for (struct json_cursor c = json_each(json_get(value, "content")); json_next(&c); index++) {
        struct str type = json_string_or_empty(json_get(c.value, "type"));
        bool is_refusal = str_eq(type, STR("refusal"));
        struct reading_part *part =
            responses_part_find(reader, item, index, is_refusal ? PART_REFUSAL : PART_TEXT);
        if (!part)
            return;
        responses_content_read(reader, part, c.value);
    }
}

/* The pieces of a summary, with a blank line between two; of the whole, only what was not told. */
static void tell_pieces(struct answer_reader *reader, struct reading_part *part, struct json list)
{
    static const struct str blank = STR_INIT("\n\n");
    size_t start = 0; /* of the piece, in the whole */
    for (struct json_cursor c = json_each(list); json_next(&c);) {
        struct str text = json_string_or_empty(json_get(c.value, "text"));
        if (text.len == 0)
            continue;
        if (start > 0) {
            if (start >= part->told_bytes)
                responses_part_tell(reader, part, blank);
            start += blank.len;
        }
        if (start + text.len > part->told_bytes)
            responses_part_tell(
                reader, part,
                str_from(text, part->told_bytes > start ? part->told_bytes - start : 0));
        start += text.len;
    }
}

static void read_reasoning(struct answer_reader *reader, const struct reading_item *item,
                           struct json value)
{
    struct str seal = json_string_or_empty(json_get(value, "encrypted_content"));
    struct json summary = json_get(value, "summary");
    struct reading_part *part = responses_part_find(reader, item, 0, PART_THINKING);
    if (!part)
        return;
    ((struct responses_reading *)reader->own)->thought_id =
        json_string_or_empty(json_get(value, "id"));
    bool is_raw = part->has_begun ? part->is_raw : json_count(summary) == 0;
    tell_pieces(reader, part, is_raw ? json_get(value, "content") : summary);
    if (!part->has_begun && seal.len) {
        part->kind = PART_SEALED;
        begin(reader, part);
    }
    end_sealed(reader, part, seal);
}

static void read_call(struct answer_reader *reader, const struct reading_item *item,
                      struct json value)
{
    bool is_custom = item->kind == ITEM_CUSTOM_CALL;
    struct reading_part *part = responses_part_find(reader, item, 0, PART_TOOL_CALL);
    if (!part)
        return;
    responses_call_begin(reader, part, value);
    responses_part_tell_rest(
        reader, part, json_string_or_empty(json_get(value, is_custom ? "input" : "arguments")),
        (struct json){0});
    responses_part_end(reader, part);
}

void responses_item_drop(struct answer_reader *reader, struct str type)
{
    char field[2 * FIDELITY_FIELD_MAX];
    struct str shown = str_upto(type, FIDELITY_FIELD_MAX);
    (void)snprintf(field, sizeof field, "answer.%.*s", STR_ARG(shown));
    fidelity_note(reader->fidelity, FIDELITY_DROPPED, field);
}

void responses_item_read(struct answer_reader *reader, struct reading_item *item, struct json value)
{
    struct responses_reading *reading = reader->own;
    size_t number = (size_t)(item - reading->items);
    if (item->is_done)
        return;
    item->is_done = true;
    switch (item->kind) {
    case ITEM_MESSAGE: read_message(reader, item, value); break;
    case ITEM_REASONING: read_reasoning(reader, item, value); break;
    case ITEM_CALL:
    case ITEM_CUSTOM_CALL: read_call(reader, item, value); break;
    case ITEM_OTHER:
        responses_item_drop(reader, json_string_or_empty(json_get(value, "type")));
        break;
    }
    for (size_t i = 0; i < reading->part_count; i++) /* those that the finished item left out */
        if (reading->parts[i].item == number)
            responses_part_end(reader, &reading->parts[i]);
}
