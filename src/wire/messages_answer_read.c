/* wire/messages_answer_read.c: what a messages provider says, block by block.
 *
 * Blocks come one behind the other, but llama-server lets them overlap: each is a part in the slot of its index, and
 * answer_parts puts them in order. A signature comes in a delta of its own, before the block ends; it is kept until then.
 * Some servers tell a tool's input whole at the start of the block: those are its arguments, unless deltas come.
 */
#include "wire/messages_parts.h"

#include <limits.h>
#include <stdio.h>

/* Blocks that stand in message_start already get slots that no index reaches. */
#define SLOTS_OF_START (INT_MAX / 2)

void messages_reader_release(struct answer_reader *reader)
{
    struct messages_reading *own = reader->own;
    for (size_t i = 0; i < MESSAGES_OPEN_MAX; i++)
        buf_release(&own->blocks[i].kept);
}

/* ---- blocks that are open --------------------------------------------------------------------- */

static struct messages_block *find_block(struct answer_reader *reader, int slot)
{
    struct messages_reading *own = reader->own;
    for (size_t i = 0; i < MESSAGES_OPEN_MAX; i++)
        if (own->blocks[i].is_open && own->blocks[i].slot == slot)
            return &own->blocks[i];
    return NULL;
}

/* NULL, and the answer has failed, when too many are open. */
static struct messages_block *add_block(struct answer_reader *reader, int slot, enum part_kind part)
{
    struct messages_reading *own = reader->own;
    for (size_t i = 0; i < MESSAGES_OPEN_MAX; i++) {
        struct messages_block *block = &own->blocks[i];
        if (block->is_open)
            continue;
        struct buf kept = block->kept; /* its room is used again */
        if (kept.limit_bytes == 0)
            buf_init(&kept, MESSAGES_SIGNED_MAX);
        buf_clear(&kept);
        *block = (struct messages_block){.slot = slot, .is_open = true, .part = part, .kept = kept};
        return block;
    }
    reader->parts.failed = true;
    return NULL;
}

static void keep(struct answer_reader *reader, struct messages_block *block, struct str bytes)
{
    buf_append_str(&block->kept, bytes);
    if (block->kept.failed)
        reader->parts.failed = true;
}

static void note_lost(struct answer_reader *reader, struct str what)
{
    char field[FIDELITY_FIELD_MAX];
    (void)snprintf(field, sizeof field, "answer.%.*s", (int)(what.len < 64 ? what.len : 64),
                   what.at);
    fidelity_note(reader->fidelity, FIDELITY_DROPPED, field);
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void tell_text(struct answer_reader *reader, struct messages_block *block, struct str text)
{
    if (text.len == 0)
        return;
    block->has_delta = true;
    answer_parts_more(
        &reader->parts, block->slot,
        &(struct answer_event){.kind = ANSWER_PART_DELTA, .part = block->part, .text = text});
}

/* Where a citation leads: a page of the web, or a search result of the caller's. */
static void tell_citation(struct answer_reader *reader, const struct messages_block *block,
                          struct json citation)
{
    struct str url = json_string_or_empty(json_get(citation, "url"));
    struct str title = json_string_or_empty(json_get(citation, "title"));
    if (block->part != PART_TEXT || json_type_of(citation) != JSON_OBJECT)
        return;
    if (url.len == 0)
        url = json_string_or_empty(json_get(citation, "source"));
    if (title.len == 0)
        title = json_string_or_empty(json_get(citation, "document_title"));
    answer_parts_more(
        &reader->parts, block->slot,
        &(struct answer_event){.kind = ANSWER_ANNOTATION,
                               .part = PART_TEXT,
                               .url = url,
                               .title = title,
                               .text = json_string_or_empty(json_get(citation, "cited_text")),
                               .raw = json_raw(reader->json, citation, reader->source)});
}

/* ---- a block's life --------------------------------------------------------------------------- */

static const struct block_row {
    struct str type;
    enum part_kind part;
} block_rows[] = {
    {STR_INIT("text"), PART_TEXT},
    {STR_INIT("tool_use"), PART_TOOL_CALL},
    {STR_INIT("thinking"), PART_THINKING},
    {STR_INIT("redacted_thinking"), PART_SEALED},
};

static const struct block_row *row_of(struct str type)
{
    for (size_t i = 0; i < sizeof block_rows / sizeof block_rows[0]; i++)
        if (str_eq(block_rows[i].type, type))
            return &block_rows[i];
    return NULL;
}

/* What a block holds from the start on: in a stream mostly nothing, in a plain answer everything. */
static void tell_content(struct answer_reader *reader, struct messages_block *block,
                         struct json content)
{
    struct json input = json_get(content, "input");
    switch (block->part) {
    case PART_TEXT:
        tell_text(reader, block, json_string_or_empty(json_get(content, "text")));
        for (struct json_cursor c = json_each(json_get(content, "citations")); json_next(&c);)
            tell_citation(reader, block, c.value);
        break;
    case PART_THINKING:
        tell_text(reader, block, json_string_or_empty(json_get(content, "thinking")));
        keep(reader, block, json_string_or_empty(json_get(content, "signature")));
        break;
    case PART_SEALED: keep(reader, block, json_string_or_empty(json_get(content, "data"))); break;
    default:
        if (json_count(input) > 0)
            keep(reader, block, json_raw(reader->json, input, reader->source));
        break;
    }
}

static void begin_block(struct answer_reader *reader, int slot, struct json content)
{
    struct str type = json_string_or_empty(json_get(content, "type"));
    const struct block_row *row = row_of(type);
    if (find_block(reader, slot)) { /* begun twice: nobody can tell whose the deltas are */
        reader->parts.failed = true;
        return;
    }
    struct messages_block *block = add_block(reader, slot, row ? row->part : PART_TEXT);
    if (!block)
        return;
    block->is_skipped = !row;
    if (!row) {
        note_lost(reader, type);
        return;
    }
    answer_parts_begin(
        &reader->parts, slot,
        &(struct answer_event){.kind = ANSWER_PART_BEGIN,
                               .part = row->part,
                               .id = json_string_or_empty(json_get(content, "id")),
                               .name = json_string_or_empty(json_get(content, "name"))});
    tell_content(reader, block, content);
}

static void end_block(struct answer_reader *reader, struct messages_block *block)
{
    struct answer_event end = {.kind = ANSWER_PART_END, .part = block->part};
    struct str kept = buf_str(&block->kept);
    if (block->is_skipped) {
        block->is_open = false;
        return;
    }
    if (block->part == PART_TOOL_CALL && !block->has_delta)
        tell_text(reader, block, kept);
    if (block->part == PART_THINKING || block->part == PART_SEALED) {
        end.seal = kept;
        end.sealed_by = ENDPOINT_MESSAGES;
    }
    answer_parts_end(&reader->parts, block->slot, &end);
    block->is_open = false;
}

/* Those that the provider forgot to end, in the order of their slots. */
static void end_blocks(struct answer_reader *reader)
{
    struct messages_reading *own = reader->own;
    for (;;) {
        struct messages_block *first = NULL;
        for (size_t i = 0; i < MESSAGES_OPEN_MAX; i++)
            if (own->blocks[i].is_open && (!first || own->blocks[i].slot < first->slot))
                first = &own->blocks[i];
        if (!first)
            return;
        end_block(reader, first);
    }
}

/* ---- why it stopped --------------------------------------------------------------------------- */

static const struct stop_row {
    struct str name;
    enum stop_reason stop;
} stop_rows[] = {
    {STR_INIT("end_turn"), STOP_END},
    {STR_INIT("tool_use"), STOP_TOOLS},
    {STR_INIT("max_tokens"), STOP_LENGTH},
    {STR_INIT("model_context_window_exceeded"), STOP_LENGTH},
    {STR_INIT("stop_sequence"), STOP_SEQUENCE},
    {STR_INIT("refusal"), STOP_REFUSAL},
    {STR_INIT("pause_turn"), STOP_PAUSE},
};

/* `object` has stop_reason and what belongs to it: a message, or the delta of one. */
static void tell_stop(struct answer_reader *reader, struct json object)
{
    struct answer_event event = {.kind = ANSWER_STOP,
                                 .stop = STOP_UNKNOWN,
                                 .text = json_string_or_empty(json_get(object, "stop_sequence"))};
    struct str name;
    if (!json_string(json_get(object, "stop_reason"), &name) || reader->has_stopped)
        return;
    for (size_t i = 0; i < sizeof stop_rows / sizeof stop_rows[0]; i++)
        if (str_eq(stop_rows[i].name, name))
            event.stop = stop_rows[i].stop;
    if (json_string_or_empty(json_at(object, "stop_details", "explanation", NULL)).len)
        note_lost(reader, STR("stop_details"));
    end_blocks(reader);
    answer_reader_tell(reader, &event);
}

/* ---- whole answers, and what stands in message_start -------------------------------------------- */

static void tell_begin(struct answer_reader *reader, struct json message)
{
    answer_reader_tell(reader,
                       &(struct answer_event){.kind = ANSWER_BEGIN,
                                              .id = json_string_or_empty(json_get(message, "id"))});
}

static void tell_blocks(struct answer_reader *reader, struct json blocks, int slot)
{
    for (struct json_cursor c = json_each(blocks); json_next(&c) && !reader->parts.failed;) {
        begin_block(reader, slot, c.value);
        struct messages_block *block = find_block(reader, slot++);
        if (block)
            end_block(reader, block);
    }
}

void messages_answer_read(struct answer_reader *reader, struct json root)
{
    tell_begin(reader, root);
    tell_blocks(reader, json_get(root, "content"), 0);
    tell_stop(reader, root);
}

/* ---- streams ---------------------------------------------------------------------------------- */

static void on_message_start(struct answer_reader *reader, struct json root)
{
    struct json message = json_get(root, "message");
    if (reader->has_begun)
        return;
    tell_begin(reader, message);
    tell_blocks(reader, json_get(message, "content"), SLOTS_OF_START);
}

static void on_block_start(struct answer_reader *reader, struct json root)
{
    int64_t index = json_int64_or(json_get(root, "index"), -1);
    if (index < 0 || index >= SLOTS_OF_START)
        reader->parts.failed = true;
    else if (reader->has_stopped)
        note_lost(reader, STR("late_block"));
    else
        begin_block(reader, (int)index, json_get(root, "content_block"));
}

/* NULL when there is no such block: one of those that were skipped, or ended. */
static struct messages_block *block_of(struct answer_reader *reader, struct json root)
{
    int64_t index = json_int64_or(json_get(root, "index"), -1);
    return index >= 0 && index < SLOTS_OF_START ? find_block(reader, (int)index) : NULL;
}

/* Where each kind of part has its text; what other kinds of delta bring is skipped. */
static const struct delta_row {
    struct str type;
    enum part_kind part;
    const char *member;
} delta_rows[] = {
    {STR_INIT("text_delta"), PART_TEXT, "text"},
    {STR_INIT("input_json_delta"), PART_TOOL_CALL, "partial_json"},
    {STR_INIT("thinking_delta"), PART_THINKING, "thinking"},
};

static void on_block_delta(struct answer_reader *reader, struct json root)
{
    struct messages_block *block = block_of(reader, root);
    struct json delta = json_get(root, "delta");
    struct str type = json_string_or_empty(json_get(delta, "type"));
    if (!block) {
        note_lost(reader, type); /* it never began, or has ended */
        return;
    }
    if (block->is_skipped)
        return;
    for (size_t i = 0; i < sizeof delta_rows / sizeof delta_rows[0]; i++) {
        const struct delta_row *row = &delta_rows[i];
        if (block->part == row->part && str_eq(type, row->type)) {
            tell_text(reader, block, json_string_or_empty(json_get(delta, row->member)));
            return;
        }
    }
    if (str_eq(type, STR("signature_delta")) && block->part == PART_THINKING)
        keep(reader, block, json_string_or_empty(json_get(delta, "signature")));
    else if (str_eq(type, STR("citations_delta")))
        tell_citation(reader, block, json_get(delta, "citation"));
    else
        note_lost(reader, type);
}

static void on_block_stop(struct answer_reader *reader, struct json root)
{
    struct messages_block *block = block_of(reader, root);
    if (block)
        end_block(reader, block);
}

static void on_message_delta(struct answer_reader *reader, struct json root)
{
    tell_stop(reader, json_get(root, "delta"));
}

static void on_message_stop(struct answer_reader *reader, struct json root)
{
    (void)root;
    end_blocks(reader);
}

static const struct event_row {
    struct str type;
    void (*on_event)(struct answer_reader *reader, struct json root);
} event_rows[] = {
    {STR_INIT("content_block_delta"), on_block_delta},
    {STR_INIT("message_start"), on_message_start},
    {STR_INIT("content_block_start"), on_block_start},
    {STR_INIT("content_block_stop"), on_block_stop},
    {STR_INIT("message_delta"), on_message_delta},
    {STR_INIT("message_stop"), on_message_stop},
}; /* ping and unknown ones say nothing */

void messages_stream_read(struct answer_reader *reader, const struct sse_event *event,
                          struct json root)
{
    struct str type = json_string_or_empty(json_get(root, "type"));
    if (type.len == 0)
        type = event->name;
    for (size_t i = 0; i < sizeof event_rows / sizeof event_rows[0]; i++)
        if (str_eq(type, event_rows[i].type)) {
            event_rows[i].on_event(reader, root);
            return;
        }
}
