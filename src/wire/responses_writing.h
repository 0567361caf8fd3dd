/* wire/responses_writing.h: what is known of an answer while it is written for a responses caller.
 *
 *     responses_answer_write.c  its beginning and end, the response object
 *     responses_parts_write.c   how each part opens, grows and closes
 *     responses_items_write.c   items as JSON, and their events
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "json/json_writer.h"
#include "wire/dialects.h"
#include "wire/logprobs.h"
#include "wire/responses_reading.h" /* enum responses_item */

#define RESPONSES_ID_MAX 128u

/** What the open part says; each has its events. */
enum responses_speech { SAYS_TEXT, SAYS_REFUSAL, SAYS_SUMMARY, SAYS_ARGUMENTS, SAYS_INPUT };

/** answer_writer.own: the item that is open, and what of it the closing events repeat. */
struct responses_writing {
    bool is_plain; /* no events: the response object at the end is all */
    bool has_item; /* one is open */
    enum responses_item item;
    enum responses_speech speech;
    int64_t output_index;                 /* of the open item, or of the next */
    int64_t content_index;                /* MESSAGE: of the open part, or of the next */
    int64_t annotation_count, characters; /* of the open part */
    bool has_summary;                     /* REASONING: its one part was announced */
    bool is_wrapped;                      /* CUSTOM_CALL: the text is JSON, with the input inside */
    size_t name_len; /* calls: of the member `name`, with which `facts` begins */
    char id[RESPONSES_ID_MAX];
    struct buf text;        /* of the open part */
    struct buf content;     /* MESSAGE: its finished parts, as JSON */
    struct buf annotations; /* of the open part, as JSON */
    struct logprobs logprobs;
    struct buf facts; /* calls: name, namespace, call_id, as members of the item */
    struct buf place; /* where the open part belongs, as members of its events */
    struct buf seal;  /* REASONING: encrypted_content */
    enum stop_reason stop;
};
void responses_writer_release(struct answer_writer *writer);

/** The items of an answer: each opens, grows and closes through these, with its events. */
void responses_part_open(struct answer_writer *writer, const struct answer_event *event);
void responses_part_more(struct answer_writer *writer, const struct answer_event *event);
void responses_part_annotate(struct answer_writer *writer, const struct answer_event *event);
void responses_part_close(struct answer_writer *writer, const struct answer_event *event);
/** Closes the message that may still be open: more parts of it could have come. */
void responses_item_close(struct answer_writer *writer);

/** An event's first lines and members; the caller adds members, each behind a comma, and closes. */
void responses_event_open(struct answer_writer *writer, struct str type);
void responses_event_close(struct answer_writer *writer);

/** One item, opened with its event; a provider's own id is kept. */
void responses_item_open(struct answer_writer *writer, enum responses_item item, struct str own_id);
void responses_id_make(struct answer_writer *writer, struct str own_id);
/** The content part that is open, with its text so far, as JSON. */
void responses_content_put(struct buf *out, const struct responses_writing *writing);

/** Events of the open part; of a plain answer, none. */
void responses_place_make(struct responses_writing *writing);
void responses_tell_delta(struct answer_writer *writer, struct str text, struct str logprobs);
void responses_tell_done(struct answer_writer *writer);
/** content_part.added and .done, reasoning_summary_part.added and .done. */
void responses_tell_part(struct answer_writer *writer, struct str type);
void responses_tell_annotation(struct answer_writer *writer, struct str annotation);

/** A member, comma and quoted name included: `,"delta":`. On the way of every delta, so without a json_writer. */
static inline void responses_put_string(struct buf *out, const char *name, struct str text)
{
    buf_puts(out, name);
    json_quote(out, text);
}
static inline void responses_put_int(struct buf *out, const char *name, int64_t value)
{
    buf_puts(out, name);
    buf_put_uint(out, (uint64_t)value);
}
