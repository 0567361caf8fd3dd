/* wire/answer.h: the common form of an answer, between the three generation dialects: a row of events.
 *
 *     provider's stream or body -- answer_reader --> events, in order --> answer_writer -- caller's stream or body
 *
 * Streams and plain answers are the same row of events, so there is one way through:
 *
 *     BEGIN  (PART_BEGIN  PART_DELTA*  [ANNOTATION*]  PART_END)*  STOP  END
 *
 * A reader may find its parts interleaved (parallel tool calls, llama-server's overlapping blocks); answer_parts puts
 * them in order, so that a writer has at most one part open and can promise gapless indexes. Usage is not read here: the
 * meter (wire/meter.h) has read the same event already.
 *
 * Layer:   wire: pure.  Thread: the loop of the request.
 * Memory:  events borrow, and are valid during the call only. Reader and writer own what they must keep;
 *          all of it bounded; no allocation per event in steady state.
 * Source:  CLIENTS.md 3, 5, 8 (what clients need), 9 (llama-server); SPEC.md 3.
 */
#pragma once
#include "base/buf.h"
#include "wire/fidelity.h"
#include "wire/meter.h"
#include "wire/prompt.h"
#include "wire/seal.h"
#include "wire/sse.h"

enum stop_reason {
    STOP_UNKNOWN,
    STOP_END,      /* the model was done: stop, end_turn, completed */
    STOP_LENGTH,   /* max tokens, or the window was full */
    STOP_SEQUENCE, /* a stop sequence: `text` when the provider says which */
    STOP_TOOLS,    /* tool calls wait for their results */
    STOP_REFUSAL,  /* content filter, refusal */
    STOP_PAUSE     /* messages: pause_turn */
};

enum answer_kind {
    ANSWER_BEGIN, /* once, first. id: the provider's own */
    ANSWER_PART_BEGIN, /* part; of a TOOL_CALL also id, name, is_custom; of THINKING, SEALED the item's id */
    ANSWER_PART_DELTA, /* text: more of the open part: text, thinking, arguments (JSON text, as it comes); of TEXT also logprobs */
    ANSWER_ANNOTATION, /* of the open TEXT part: url, title, text (the cited words), raw */
    ANSWER_PART_END,   /* of THINKING and SEALED: seal, sealed_by */
    ANSWER_STOP,       /* stop; text: the stop sequence */
    ANSWER_END         /* once, last. usage */
};

struct answer_event {
    enum answer_kind kind;
    enum part_kind part; /* PART_TEXT, REFUSAL, THINKING, SEALED, TOOL_CALL */
    struct str id, name, text;
    bool
        is_custom; /* a TOOL_CALL whose deltas are free text, not JSON (from a responses provider) */
    struct str seal;
    enum endpoint sealed_by;
    struct str url, title, raw; /* ANNOTATION */
    struct str logprobs; /* of this delta's tokens (logprobs.h); its text may be empty then */
    enum stop_reason stop;
    const struct usage *usage; /* BEGIN (so far; unknown is -1) and END */
};

typedef void answer_on_event(void *arg, const struct answer_event *event);

/* ---- parts in order --------------------------------------------------------------------------- */

#define ANSWER_PARTS_MAX   256        /* that wait at one time */
#define ANSWER_WAITING_MAX (8u << 20) /* bytes of all that waits */

/** Lets one part through at a time. A slot is the reader's own number of a part, unique in the answer. */
struct answer_parts {
    answer_on_event *on_event;
    void *arg;
    struct waiting_part *waiting; /* in the order of their begin */
    size_t count, room;
    size_t waiting_bytes;
    int open_slot; /* -1: none */
    enum part_kind open_part;
    bool failed; /* past a bound, or no memory: the answer cannot be told rightly any more */
};
void answer_parts_init(struct answer_parts *parts, answer_on_event *on_event, void *arg);
void answer_parts_release(struct answer_parts *parts);
void answer_parts_begin(struct answer_parts *parts, int slot, const struct answer_event *begin);
/** DELTA or ANNOTATION of that slot. Of a slot that has ended: fails. */
void answer_parts_more(struct answer_parts *parts, int slot, const struct answer_event *more);
void answer_parts_end(struct answer_parts *parts, int slot, const struct answer_event *end);
bool answer_parts_has(const struct answer_parts *parts, int slot); /* begun and not ended */
/** Ends all that is open or waiting, in order (no seals). */
void answer_parts_end_all(struct answer_parts *parts);

/* ---- reading ---------------------------------------------------------------------------------- */

/** What the provider says. Zeroed; then answer_reader_init. */
struct answer_reader {
    const struct dialect_facts *facts;
    answer_on_event *on_event;
    void *arg;
    struct answer_parts parts;
    struct json_reader *json; /* has parsed `source`, for json_raw */
    struct str source;
    struct fidelity *fidelity;
    bool has_begun, has_stopped;
    void *own; /* the dialect's state: facts->reader_bytes, zeroed at first */
};

/** For the dialects' files: sends an event on (not for parts: those go through answer_parts_*). */
static inline void answer_reader_tell(struct answer_reader *reader,
                                      const struct answer_event *event)
{
    reader->on_event(reader->arg, event);
}

/* ---- writing ---------------------------------------------------------------------------------- */

#define ANSWER_KEPT_MAX \
    (16u << 20) /* of a whole answer: what the last events repeat, or a plain body */

/** What the caller hears. The first group is set by whoever makes it. */
struct answer_writer {
    const struct dialect_facts *facts;
    struct buf *out; /* this call's bytes go here: whole events, or the plain body at END */
    const char *key; /* makes ids: "chatcmpl-<key>", "msg_<key>"; the job's id without its prefix */
    struct str model;               /* what the answer says it is from */
    int64_t created_s;              /* unix time */
    bool wants_usage;               /* chat, streaming: the caller asked for the usage chunk */
    const struct tool_names *names; /* tools as the caller knows them; may be NULL */
    const struct sealer *sealer;    /* may be NULL: thinking of other makers goes unsealed */
    struct json_reader *scratch;    /* for JSON inside strings */
    struct fidelity *fidelity;

    struct buf kept;  /* the dialect's, e.g. output items so far; bound ANSWER_KEPT_MAX */
    int64_t sequence; /* responses: the next sequence_number */
    bool failed;
    void *own; /* the dialect's state: facts->writer_bytes, zeroed at first */
};

/* ---- the whole way ---------------------------------------------------------------------------- */

/** One answer on its way from one dialect to another: what gateway/ holds per attempt. */
struct answer_translation; /* opaque: wire/answer.c */

struct answer_options {
    enum endpoint from, to; /* ENDPOINT_CHAT, _RESPONSES, _MESSAGES */
    bool is_stream;
    const char *key; /* as in answer_writer; these live as long as the translation */
    struct str model;
    int64_t created_s;
    bool wants_usage;
    const struct tool_names *names;
    const struct sealer *sealer;
    struct fidelity *fidelity;
};
MUST_USE enum err answer_translation_new(const struct answer_options *options,
                                         struct answer_translation **out_translation);
void answer_translation_free(struct answer_translation *translation); /* NULL is fine */

/**
 * Translates one event of the provider's stream; appends whole events of the caller's dialect (or nothing).
 * `root` is the event's data as `json` has parsed it (absent when it is no JSON: [DONE]); `scratch` is free for
 * use; `usage` is what the meter knows.
 * ERR_TOO_LARGE, ERR_NO_MEMORY: the answer cannot go on.
 */
MUST_USE enum err answer_translate_event(struct answer_translation *translation,
                                         const struct sse_event *event, struct json_reader *json,
                                         struct json root, struct json_reader *scratch,
                                         const struct usage *usage, struct buf *out);
/** The provider's stream has ended well: appends the last events. `scratch` is free for use. */
MUST_USE enum err answer_translate_end(struct answer_translation *translation,
                                       struct json_reader *scratch, const struct usage *usage,
                                       struct buf *out);
/** A whole plain answer, in one go. `text` is what `json` has parsed as `root`. */
MUST_USE enum err answer_translate_plain(struct answer_translation *translation,
                                         struct json_reader *json, struct str text,
                                         struct json root, struct json_reader *scratch,
                                         const struct usage *usage, struct buf *out);
/** For an error event of ours behind what was written: responses' next number, and its id ("" else). */
int64_t answer_next_sequence(const struct answer_translation *translation);
const char *answer_response_id(const struct answer_translation *translation);
/* ---- a plain answer is one row of events, so is a stream: four functions per dialect ------------ */

void chat_stream_read(struct answer_reader *reader, const struct sse_event *event,
                      struct json root);
void chat_answer_read(struct answer_reader *reader, struct json root);
void chat_stream_write(struct answer_writer *writer, const struct answer_event *event);
void chat_answer_write(struct answer_writer *writer, const struct answer_event *event);

void responses_stream_read(struct answer_reader *reader, const struct sse_event *event,
                           struct json root);
void responses_answer_read(struct answer_reader *reader, struct json root);
void responses_stream_write(struct answer_writer *writer, const struct answer_event *event);
void responses_answer_write(struct answer_writer *writer, const struct answer_event *event);

void messages_stream_read(struct answer_reader *reader, const struct sse_event *event,
                          struct json root);
void messages_answer_read(struct answer_reader *reader, struct json root);
void messages_stream_write(struct answer_writer *writer, const struct answer_event *event);
void messages_answer_write(struct answer_writer *writer, const struct answer_event *event);
