/* wire/responses_parts.h: what the files of this dialect share, and the states that answer.c makes room for.
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "json/json_writer.h"
#include "wire/dialects.h"

/* ---- requests -------------------------------------------------------------------------------- */

/** The items of `input` into turns. ERR_MALFORMED names the item. */
MUST_USE enum err responses_input_read(struct prompt *prompt, struct json input,
                                       struct error *error);
/** A list of tools into the prompt; `where` begins the sentences: "tools". */
MUST_USE enum err responses_tools_read(struct prompt *prompt, struct json tools, const char *where,
                                       struct error *error);
MUST_USE enum err responses_choice_read(struct prompt *prompt, struct json choice,
                                        struct error *error);

/** Notes each member of `object` that says something and is not among `known` as dropped: "where.member". */
void responses_note_others(struct prompt *prompt, struct json object, const char *where,
                           const struct str *known, size_t count);
/** Notes "where.name" as dropped. */
void responses_drop(struct prompt *prompt, const char *where, struct str name);

/** The member `input`: an array, opened and closed here. */
void responses_input_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer);
/** The members `tools`, `tool_choice` and `parallel_tool_calls`; nothing when there are no tools. */
void responses_tools_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer);
/** A tool's name at the provider. `out_space` is its namespace there: empty when it had to be flattened.
 *  Empty (and prompt->failed) when there are too many names. */
struct str responses_tool_name(struct prompt *prompt, struct str space, struct str name,
                               struct str *out_space);

/* ---- answers, read --------------------------------------------------------------------------- */

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
/** What of its whole text was not told yet. */
void responses_part_tell_rest(struct answer_reader *reader, struct reading_part *part,
                              struct str whole);
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

/* ---- answers, written ------------------------------------------------------------------------ */

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
    struct buf facts;       /* calls: name, namespace, call_id, as members of the item */
    struct buf place;       /* where the open part belongs, as members of its events */
    struct buf seal;        /* REASONING: encrypted_content */
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
void responses_tell_delta(struct answer_writer *writer, struct str text);
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
