/* wire/messages_parts.h: what the files of this dialect share, and the states that answer.c makes room for.
 *
 *     messages_prompt_read.c   a body's top level          messages_prompt_write.c   the same, written
 *     messages_turns_read.c    messages and their blocks   messages_turns_write.c    in the order that Anthropic wants
 *     messages_tools_read.c    tools, tool_choice          messages_blocks_write.c   one block each
 *     messages_answer_read.c   what a provider says        messages_tools_write.c    tools, tool_choice
 *     messages_answer_write.c  what a caller hears         messages_thinking.c       thinking, effort, what they forbid
 *     messages_stream_write.c  the same, as a stream
 *
 * Source:  Anthropic's API reference and the types of its TypeScript SDK (August 2026); CLIENTS.md 3, 8, 9, 11.
 */
#pragma once
#include "json/json_writer.h"
#include "wire/dialects.h"

/* ---- reading a request ------------------------------------------------------------------------ */

/** A body on its way into a prompt; where in it the reader stands, for its sentences. */
struct messages_body {
    struct prompt *prompt;
    struct error *error;
    char place[64]; /* "messages[3]", "messages[3].content[0]", "system" */
};

/** ERR_MALFORMED: "<place><what>". */
enum err messages_refuse(struct messages_body *body, const char *what);
MUST_USE enum err messages_read_system(struct messages_body *body, struct json system);
MUST_USE enum err messages_read_turns(struct messages_body *body, struct json messages);
MUST_USE enum err messages_read_tools(struct messages_body *body, struct json tools);
MUST_USE enum err messages_read_choice(struct messages_body *body, struct json choice);

/** Notes as dropped, with `prefix`, each member of `object` that is not among `known` (names between
 *  spaces, " id name ") and says something. `cache_control` is noted by that name alone. */
void messages_note_rest(struct prompt *prompt, struct json object, const char *prefix,
                        const char *known);

/* ---- writing a request ------------------------------------------------------------------------ */

enum messages_thinking {
    MESSAGES_THINKING_UNSAID,
    MESSAGES_THINKING_DISABLED,
    MESSAGES_THINKING_ADAPTIVE,
    MESSAGES_THINKING_BUDGET
};

/** What is decided before anything is written. */
struct messages_plan {
    struct prompt *prompt;
    const struct prompt_target *target;
    int64_t max_tokens;
    enum messages_thinking thinking;
    int64_t budget_tokens;
    struct str effort;  /* empty: not said */
    struct str display; /* likewise */
    enum tool_choice choice;
};

/** Fills thinking, budget, effort and display; may weaken `choice`. Max tokens and choice are set. */
void messages_plan_thinking(struct messages_plan *plan);
static inline bool messages_thinks(const struct messages_plan *plan)
{
    return plan->thinking >= MESSAGES_THINKING_ADAPTIVE;
}
/** "system" and "messages". */
void messages_write_turns(const struct messages_plan *plan, struct json_writer *writer);
/** "tools" and "tool_choice"; nothing without tools. */
void messages_write_tools(const struct messages_plan *plan, struct json_writer *writer);

/** Does Anthropic take such a part as a block? What it is a loss to leave out is noted. */
bool messages_takes(const struct messages_plan *plan, const struct part *part);
/** One content block, of a part that messages_takes and that is no result. */
void messages_write_block(const struct messages_plan *plan, struct json_writer *writer,
                          const struct part *part);
/** Thinking under Anthropic's own seal? */
bool messages_is_signed(const struct part *part);
/** The result of `call`, which is its partner; that there is none, when it has none. */
void messages_write_result(const struct messages_plan *plan, struct json_writer *writer,
                           const struct part *call);
/** Nothing but white space: Anthropic refuses such a text block. */
bool messages_is_blank(struct str text);
void messages_write_text(struct json_writer *writer, struct str text);

/* ---- answers ---------------------------------------------------------------------------------- */

#define MESSAGES_OPEN_MAX   32         /* blocks that a provider has begun and not ended */
#define MESSAGES_SIGNED_MAX (4u << 20) /* bytes of a signature, or of an input told at once */

/** A block that the provider has begun. */
struct messages_block {
    int slot; /* its index */
    bool is_open;
    bool is_skipped; /* hosted tools' and unknown ones: told to nobody */
    bool has_delta;
    enum part_kind part;
    struct buf kept; /* THINKING: signature; SEALED: data; TOOL_CALL: an input told at once */
};
/** answer_reader.own */
struct messages_reading {
    struct messages_block blocks[MESSAGES_OPEN_MAX];
};

/** answer_writer.own */
struct messages_writing {
    int index; /* of the next block */
    bool is_block_open;
    bool has_call, has_refusal;
    enum part_kind part; /* of the part in hand */
    bool is_custom;
    enum stop_reason stop;
    char stop_sequence[256];
    struct buf text; /* of the part in hand, in a plain answer; in a stream a scratch */
    struct buf
        more; /* likewise: TEXT: citations, comma between; TOOL_CALL: id and name as JSON members */
    struct buf item; /* THINKING, SEALED: the item's id */
};
void messages_reader_release(struct answer_reader *reader);
void messages_writer_release(struct answer_writer *writer);

/* What both forms of an answer need. */
void messages_writing_begin(
    struct answer_writer *writer); /* at ANSWER_BEGIN: the buffers' bounds */
void messages_note_part(struct answer_writer *writer, const struct answer_event *event);
/** At a delta: log probabilities have no place in this dialect. */
static inline void messages_note_logprobs(struct answer_writer *writer,
                                          const struct answer_event *delta)
{
    if (delta->logprobs.len)
        fidelity_note(writer->fidelity, FIDELITY_DROPPED, "answer.logprobs");
}
/** The members of a message up to and without its content. */
void messages_put_head(struct json_writer *json, const struct answer_writer *writer);
void messages_put_usage(struct json_writer *json, const struct usage *usage);
/** stop_reason and stop_sequence. */
void messages_put_stop(struct json_writer *json, const struct messages_writing *own);
void messages_keep_stop(struct messages_writing *own, const struct answer_event *event);
/** The signature or the opaque data at the end of a part of thinking: Anthropic's own, or an envelope of ours in own->text
 *  (which is cleared). Empty when there can be none; noted, if that is a loss. */
struct str messages_seal_of(struct answer_writer *writer, const struct answer_event *end);
/** A citation of Anthropic's own, as it came; empty (and noted) when it is somebody else's. */
struct str messages_citation_of(struct answer_writer *writer, const struct answer_event *event);
/** id and name of a call, as the caller knows them. */
void messages_put_call(struct json_writer *json, const struct answer_writer *writer,
                       const struct answer_event *event);
