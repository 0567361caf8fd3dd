/* simulate/answer_parts.h: what the files that build answers share. Not for others. */
#pragma once
#include "simulate/answer.h"

#define DEFAULT_PIECES 8
#define ARGUMENT_BYTES 12

/** An answer under construction. */
struct answer {
    struct program *program;
    struct buf *out; /* program->bytes: between program_open and program_close */
    const struct play *play;
    const struct request *request;
    bool is_over;              /* its end was built: nothing more is appended */
    bool has_tools;            /* this answer calls tools */
    int64_t pieces;            /* of content, so far */
    int64_t pieces_max;        /* then comes the break; -1: none */
    enum step_kind break_kind; /* STEP_FINISH: an error event, then the end */
    int64_t sequence;          /* responses: next sequence_number */
};

/** The events' constant parts: before, "piece", middle, and with numbers: number, after. With a `list_end` the
 *  middle opens a list of log probabilities: middle, the piece's, list_end. */
struct frame {
    struct str before, middle, list_end, after;
    bool has_number;
};

/** Tokens as the answer tells them. */
struct said_usage {
    int64_t input, output, cached, cache_write, reasoning;
};

/** After the opening events: stops there when the play says so. */
void answer_opened(struct answer *answer);
/** One content event built by the caller between _begin and _end: `if (answer_begin(a, &at))`. */
bool answer_begin(struct answer *answer, size_t *out_opened);
void answer_end(struct answer *answer, size_t opened);
/** An event that is not counted: opening, closing. False (and nothing to do) when it is over. */
bool answer_begin_quiet(struct answer *answer, size_t *out_opened);
void answer_end_quiet(struct answer *answer, size_t opened);
/** The text in pieces: words, or the number of `events`; without a text, default tokens. */
void answer_text(struct answer *answer, const struct frame *frame);
void answer_reasoning(struct answer *answer, const struct frame *frame);
void answer_arguments(struct answer *answer, struct str arguments, const struct frame *frame);

/** The first piece of `rest`, which is moved behind it. */
void answer_argument_piece(struct answer *answer, struct str *rest, const struct frame *frame);
void answer_refusal(struct answer *answer, const struct frame *frame);

/** The next piece of `rest`, of so many evenly (counted down); 0: a word; negative: so many bytes. */
struct str answer_cut_piece(struct str *rest, int64_t *pieces);

bool answer_has_text(const struct answer *answer);
struct said_usage answer_usage(const struct answer *answer);
/** The whole text, quoted, as plain answers and closing events have it. */
/** What the text is said to be taken from: the first bytes of it, [0, CITED_BYTES). */
#define CITED_BYTES 4
#define CITED_TITLE "A page"
void answer_quote_text(const struct answer *answer, struct buf *out);

/* logprobs.c: how probable the text's tokens were */
bool answer_has_logprobs(const struct answer *answer);
void answer_put_logprob(struct buf *out, struct str token);
/** Those of all pieces of the text, comma between; nothing when none are told. */
void answer_put_logprobs(const struct answer *answer, struct buf *out);

/* one vendor's way each */
void chat_stream(struct answer *answer);
void chat_plain(struct answer *answer);
void completions_stream(struct answer *answer);
void completions_plain(struct answer *answer);
void responses_stream(struct answer *answer);
void responses_plain(struct answer *answer);
void messages_stream(struct answer *answer);
void messages_plain(struct answer *answer);
void embeddings_plain(struct answer *answer);
void count_tokens_plain(struct answer *answer);
void tokenize_plain(struct answer *answer);
void models_plain(struct answer *answer, const struct model_list *models);
void model_plain(struct answer *answer, const struct model_list *models);
void llama_plain(struct answer *answer, const struct model_list *models); /* health, props, slots */

/** The error as a whole body, or as an event of the stream. */
void vendor_error_body(struct buf *out, const struct request *request, const struct play *play,
                       int status, const char *message);
void vendor_error_refusal(struct buf *out, const struct request *request,
                          const struct refusal *refusal);
void vendor_error_event(struct answer *answer);
/** The event response.failed, whole. */
void responses_failed(struct answer *answer, struct str code, struct str message);

/** Puts the head in front where the framing is a lie, and the limits behind. */
void framing_apply(struct program *program, const struct play *play);
