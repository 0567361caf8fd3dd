/* wire/meter.h: what an answer means for the relay and for the bill: stream events, tokens.
 *
 * Layer:   wire: pure.  Thread: any, one at a time.
 * Source:  SPEC.md 4.4 (what is content), CLIENTS.md 3, 5, 8, 9, PROVIDER_ERRORS.md 6.
 */
#pragma once
#include "json/json.h"
#include "wire/api.h"
#include "wire/sse.h"

#define TOKENS_UNKNOWN (-1)

/** Tokens as the provider told them; TOKENS_UNKNOWN where it did not. */
struct usage {
    int64_t input_tokens;       /* all of the prompt, cached parts included */
    int64_t output_tokens;      /* reasoning included */
    int64_t cached_tokens;      /* part of the input read from a cache */
    int64_t cache_write_tokens; /* part of the input written to a cache (Anthropic) */
    int64_t reasoning_tokens;
    bool is_estimated; /* counted by us from what was relayed */
    int64_t
        cache_write_1h_tokens; /* part of those written: kept an hour, which costs more; else 0 */
};
void usage_init(struct usage *usage); /* all unknown */

/** What one event of a stream is to the relay. */
enum stream_class {
    STREAM_LIFECYCLE, /* role delta, message_start, ping, created, comment: no content yet */
    STREAM_CONTENT,   /* text, reasoning, tool-call start or arguments, refusal, a stop reason */
    STREAM_USAGE,     /* OpenAI chat's extra chunk: `choices: []` with a usage object */
    STREAM_ERROR,     /* an error inside a 200; `meter->error_*` is filled */
    STREAM_END /* [DONE], message_stop, response.completed, response.incomplete (an answer) */
};

/** Follows one stream. Zero-initialise by meter_init. Holds no pointers into events. */
struct meter {
    enum endpoint endpoint;
    struct usage usage;
    bool has_content;     /* some STREAM_CONTENT was seen */
    bool has_end;         /* STREAM_END was seen, or (chat) a finish_reason */
    int64_t output_bytes; /* of text, reasoning and arguments seen, for estimates */
    char model[128];      /* as the provider names it; empty until told */
    int error_status;     /* as a plain answer would have had it; 0 when it did not say */
    char error_type[64];  /* of the STREAM_ERROR event; "" when absent */
    char error_code[64];
    char error_message[256];
};
void meter_init(struct meter *meter, enum endpoint endpoint);

/**
 * Classifies one event of the stream and adds up what it tells. An event whose data is no JSON
 * object (and not [DONE]) is ERR_MALFORMED: garbage, the stream is broken. ERR_NO_MEMORY and
 * ERR_TOO_LARGE are the reader's. `out_root` is what was read, absent where there was no JSON.
 */
MUST_USE enum err meter_event(struct meter *meter, struct json_reader *reader,
                              const struct sse_event *event, enum stream_class *out_class,
                              struct json *out_root);

/** What a whole plain answer (status 2xx) is. */
enum answer_class { ANSWER_GOOD, ANSWER_EMPTY, ANSWER_ERROR, ANSWER_GARBAGE };

/** Reads a plain answer: usage, model, errors inside a 200 (fills meter->error_*), emptiness. `out_root` (NULL:
 *  not wanted) is what was read, the reader's until it reads again; absent where it was no object. */
enum answer_class meter_answer(struct meter *meter, struct json_reader *reader, struct str body,
                               struct json *out_root);

/** Fills unknown tokens by an estimate (4 bytes a token) and marks it: output from output_bytes,
 *  input from `input_bytes` unless that is negative. Also replaces the placeholder that Anthropic's
 *  message_start gives, when the stream broke before its message_delta. */
void meter_estimate(struct meter *meter, int64_t input_bytes);

/** Bytes of text in a value, however deep; ids, types and signatures not counted. */
int64_t meter_text_bytes(struct json value);

/** What is told by an error of any shape of PROVIDER_ERRORS.md 1. */
struct error_body {
    struct str type, code, message; /* borrowed from the reader; empty when absent */
    struct str details_code;        /* error.details.error_code (Anthropic) */
    struct str param;
    struct str resume_at;              /* unused unless a shape gives a date */
    int64_t number_code;               /* `code` as a number (or all digits), else 0 */
    int64_t sent_tokens, limit_tokens; /* llama-server's overflow, else 0 */
    bool is_json;
};
/** Reads the body of an error answer; all empty when it has none of the shapes. */
void error_body_read(struct json_reader *reader, struct str body, struct error_body *out_error);
/** The same of a parsed document; false (and all empty) when there is no error in it. */
bool error_body_of(struct json root, struct error_body *out_error);
/** The HTTP status that an error without one stands for, by its code, then its type; 0 unknown. */
int error_body_status(const struct error_body *error);
