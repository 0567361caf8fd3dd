/* wire/responses_reading.h: what is known of a responses provider's answer while it is read.
 *
 *     responses_answer_read.c   the events of a stream, a plain answer: which item, which part
 *     responses_items_read.c    items and parts, each told once
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "wire/dialects.h"

#define RESPONSES_ITEMS_MAX 1024u /* of one answer; and as many parts */

enum responses_item {
    ITEM_MESSAGE,
    ITEM_REASONING,
    ITEM_CALL,
    ITEM_CUSTOM_CALL,
    ITEM_OTHER /* a hosted tool's: not carried */
};

/** An item of the provider's output; known by its index, or by its id where a provider sends no index. */
struct reading_item {
    enum responses_item kind;
    int64_t output_index;
    uint64_t id_hash; /* 0: had no id */
    bool is_done;
};
/** A piece of an item that is a part of the answer. Its place in the list is its slot. */
struct reading_part {
    size_t item;
    int64_t content_index; /* of a message; else 0 */
    enum part_kind kind;
    bool has_begun, has_ended;
    bool is_raw;           /* REASONING: told from reasoning_text, not from the summary */
    int64_t summary_index; /* REASONING: the piece that was told last */
    size_t told_bytes;     /* of its text */
    size_t annotations;    /* told */
    size_t logprobs;       /* told, of so many tokens */
};

/** answer_reader.own */
struct responses_reading {
    struct reading_item *items;
    struct reading_part *parts;
    size_t item_count, item_room, part_count, part_room;
    bool has_calls;
    struct str thought_id; /* of the reasoning item in hand; during one event only */
};
void responses_reader_release(struct answer_reader *reader);

/** One whole item, from `output_item.done`, a final response or a plain answer: tells of it what was not told
 *  before, and ends its parts. */
void responses_item_read(struct answer_reader *reader, struct reading_item *item,
                         struct json value);
/** The item with this index (-1: none given) and id; a new one of this kind when there is none. NULL and
 *  failed past the bound. */
struct reading_item *responses_item_find(struct answer_reader *reader, int64_t output_index,
                                         struct str id, enum responses_item kind);
/** The item that was told under this id; NULL: none. */
struct reading_item *responses_item_find_id(const struct responses_reading *reading, struct str id);
enum responses_item responses_item_kind(struct str type);
/** Its part, made when new; NULL and failed past the bound. */
struct reading_part *responses_part_find(struct answer_reader *reader,
                                         const struct reading_item *item, int64_t content_index,
                                         enum part_kind kind);
/** More text of a part, which begins with its first byte. */
void responses_part_tell(struct answer_reader *reader, struct reading_part *part, struct str text);
/** The same of a TEXT part, with the list of its tokens' log probabilities from number `from` on. */
void responses_part_tell_tokens(struct answer_reader *reader, struct reading_part *part,
                                struct str text, struct json logprobs, size_t from);
/** What of its whole text was not told yet, and of its whole list of log probabilities (absent: none). */
void responses_part_tell_rest(struct answer_reader *reader, struct reading_part *part,
                              struct str whole, struct json logprobs);
void responses_part_end(struct answer_reader *reader, struct reading_part *part);
/** A call begins as soon as its name is known. */
void responses_call_begin(struct answer_reader *reader, struct reading_part *part,
                          struct json item);
/** A finished content part of a message: the rest of its text, its annotations, its end. */
void responses_content_read(struct answer_reader *reader, struct reading_part *part,
                            struct json content);
/** Notes that an item of this type is not carried. */
void responses_item_drop(struct answer_reader *reader, struct str type);
void responses_annotation_tell(struct answer_reader *reader, struct reading_part *part,
                               struct json annotation);
