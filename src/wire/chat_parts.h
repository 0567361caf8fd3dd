/* wire/chat_parts.h: what the files of the chat completions dialect share, and the states that answer.c makes room for.
 *
 *     chat_prompt_read.c    a request's fields               chat_prompt_write.c    the same, written
 *     chat_tools_read.c     its tools                        chat_tools_write.c
 *     chat_messages_read.c  its messages                     chat_messages_write.c, chat_content_write.c
 *     chat_answer_read.c    chunks and plain answers         chat_stream_write.c    chunks
 *     chat_calls_read.c     the tool calls in them           chat_answer_write.c    plain answers
 *                                                            chat_citations.c       sources of a text
 */
#pragma once
#include "wire/dialects.h"
#include "wire/logprobs.h"

/* ---- requests, in ----------------------------------------------------------------------------- */

/** Reads the array of messages into turns. ERR_MALFORMED. */
MUST_USE enum err chat_messages_read(struct prompt *prompt, struct json messages,
                                     struct error *error);
/** Reads the array `tools`, and that of old, `functions`. ERR_MALFORMED. */
MUST_USE enum err chat_tools_read(struct prompt *prompt, struct json tools, struct error *error);
MUST_USE enum err chat_functions_read(struct prompt *prompt, struct json functions,
                                      struct error *error);
/** Reads `tool_choice`, or `function_call` of old. False when it is neither a word nor names a tool. */
MUST_USE bool chat_choice_read(struct prompt *prompt, struct json value);

/* ---- requests, out ---------------------------------------------------------------------------- */

struct json_writer;
/** Writes the member "messages". */
void chat_messages_write(struct prompt *prompt, unsigned quirks, struct json_writer *json);
/** Writes "tools", "tool_choice", "parallel_tool_calls", where there are tools. */
void chat_tools_write(struct prompt *prompt, unsigned quirks, struct json_writer *json);
/** Can this part stand in a user's or tool's message? Notes it when not. Empty text cannot. */
bool chat_is_writable(struct prompt *prompt, unsigned quirks, const struct part *part);
/** Is it more than text? Then a tool's message cannot hold it. */
bool chat_is_media(const struct part *part);
/** Writes one that is writable, as an element of `content`. */
void chat_part_write(struct prompt *prompt, struct json_writer *json, const struct part *part);
/** Writes the members of a text part into an open object. */
void chat_put_text(struct json_writer *json, struct str text);
/** Writes `{"input": text}`: how a function takes the free text of a custom tool. */
void chat_put_input(struct buf *out, struct str input);

/* ---- answers, in ------------------------------------------------------------------------------ */

/** Follows JSON text that comes in pieces: is what has come so far one whole object or array? */
struct chat_scan {
    unsigned depth;
    bool is_in_string, is_escaped;
    bool is_whole, is_broken;
};
void chat_scan_more(struct chat_scan *scan, struct str text);

/** A tool call that the provider is telling, in fragments. */
struct chat_call {
    int64_t index; /* the provider's number of it; negative: it gives none */
    int slot;      /* of answer_parts; -1: not begun, its name may still grow */
    bool is_custom, has_ended;
    struct buf id, name;
    struct buf early; /* arguments that came before any name */
    struct chat_scan scan;
};

#define CHAT_CALLS_MAX 256u

/** answer_reader.own */
struct chat_reading {
    int next_slot;
    bool has_prose; /* a text, refusal or thought is open, in prose_slot */
    int prose_slot;
    enum part_kind prose;
    struct chat_call *calls;
    size_t call_count, call_room;
    bool has_told_call;
    uint64_t seed; /* of ids that we make up: the answer's own id, hashed */
};
void chat_reader_release(struct answer_reader *reader);

/** Ends the open text, thought or refusal, if there is one. */
void chat_prose_end(struct answer_reader *reader);
/** A fragment of `tool_calls`, or a whole call (`is_whole`: then it is always a new one). */
void chat_call_read(struct answer_reader *reader, struct json fragment, bool is_whole);
/** The `function_call` of old. */
void chat_call_read_legacy(struct answer_reader *reader, struct json function);
/** Something else begins, or (`is_last`) nothing more comes: begins the calls whose name is known now, ends those that are whole. */
void chat_calls_settle(struct answer_reader *reader, bool is_last);

/* ---- answers, out ----------------------------------------------------------------------------- */

/** answer_writer.own */
struct chat_writing {
    struct buf text, refusal, thinking; /* plain answers: what was said */
    struct buf calls;                   /* plain answers: tool_calls, without brackets */
    struct buf input;                   /* arguments of the open call, where they are held */
    struct buf citations, pending;      /* chat_citations.c */
    struct logprobs logprobs;           /* plain answers: of the text's tokens */
    struct buf thought, thought_id, envelopes, call_ids; /* chat_thinking.c */
    bool has_seal;
    int64_t text_start, text_end; /* of the open text within all text, in characters */
    int64_t call_count;
    bool is_custom;     /* the open call: as the caller knows the tool, */
    bool is_told_plain; /* and as the provider tells it: free text, not JSON */
    bool has_arguments;
    enum stop_reason stop; /* plain answers */
};
void chat_writer_release(struct answer_writer *writer);
/** At ANSWER_BEGIN: the bounds of all buffers. */
void chat_writing_init(struct chat_writing *writing);
bool chat_writing_failed(const struct chat_writing *writing);
/** At the begin of a call: what it is to the caller. Returns the tool's name there. */
struct str chat_call_begin(struct answer_writer *writer, const struct answer_event *begin);
/** Are the open call's arguments collected whole, and then put in another form? */
bool chat_call_is_held(const struct chat_writing *writing);
/** At its end: the arguments (or input) that were held, in the caller's form; borrowed until the next call. */
struct str chat_call_held(struct answer_writer *writer);
/** Sealed thinking and calls of the answer, as they come; at its stop they are kept, or noted as lost. */
void chat_thinking_begin(struct answer_writer *writer, const struct answer_event *begin);
void chat_thinking_more(struct answer_writer *writer, struct str text);
void chat_thinking_end(struct answer_writer *writer, const struct answer_event *end);
void chat_thinking_call(struct answer_writer *writer, struct str id);
void chat_thinking_stop(struct answer_writer *writer);
/** Adds what was kept of the turn that made these calls. False: nothing. */
bool chat_thinking_recall(struct prompt *prompt, struct turn *turn, struct json calls);
/** "tool_calls", "stop", ...; notes what the word does not tell. */
const char *chat_finish_reason(struct answer_writer *writer, const struct answer_event *stop);
/** Puts the usage object, without a name. */
void chat_put_usage(struct buf *out, const struct usage *usage);
/** Puts `"id":"chatcmpl-…","object":…,"created":…,"model":…,`. */
void chat_put_head(const struct answer_writer *writer, struct buf *out, const char *object);

/** Keeps a source of the open text for chat_citations_put. */
void chat_citation_add(struct answer_writer *writer, const struct answer_event *event);
/** The open text has so many bytes more. */
void chat_citations_text(struct chat_writing *writing, struct str text);
/** It ends: now its sources are known to end there. */
void chat_citations_end(struct chat_writing *writing);
