/* simulate/play.h: what one answer shall be like: the "then" of a rule, as plain data.
 *
 * The same keys come from three places: a JSON object (scripts), `sim:key=value,...` as a model's
 * name, and the same syntax in the header x-simulate. One table in play.c has a row for each key;
 * docs/reference/simulate.md explains them (a test compares the two).
 *
 * Layer:   pure.  Memory: text borrows from the arena given to the reader.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "json/json.h"

#define PLAY_UNSET     INT64_MIN
#define PLAY_TOOLS_MAX 16
#define PLAY_BYTES_MAX (256u * 1024 * 1024) /* the largest filler that may be asked for */

struct play_tool {
    struct str name, arguments; /* arguments: JSON text, as the model would write it */
    struct str input; /* of a custom tool, any text: responses says it so; empty: a function */
};

enum usage_mode { USAGE_TOLD, USAGE_MISSING, USAGE_AFTER_DONE };

/** Tokens that the answer claims; PLAY_UNSET: counted. Any number is said as it is, also nonsense. */
struct play_usage {
    enum usage_mode mode;
    int64_t input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens;
};

/** Numbers are PLAY_UNSET and text is empty (with a has_ where empty means something) unless given. */
struct play {
    /* what is said */
    int64_t status;
    struct str body;
    bool has_body;
    struct str content_type;
    struct str headers; /* lines with CRLF */
    struct str retry_after;
    struct str text;
    bool has_text;
    struct str reasoning;
    struct str reasoning_field; /* chat: what it is called */
    bool redacted;              /* something was thought that nobody may read */
    struct str refusal;
    struct str citation; /* a URL that the text refers to */
    bool logprobs;       /* each piece of `text` is a token, and how probable it was is told */
    int64_t events;
    struct play_tool tools[PLAY_TOOLS_MAX];
    size_t tool_count;
    bool tool_loop;
    bool whole_arguments, interleave;
    struct str stop_reason, stop_sequence;
    struct play_usage usage;
    int64_t embedding_dimensions;
    int64_t one_event_bytes;

    int64_t strict; /* 0, 1: are requests held to the vendor's rules? */

    /* when */
    int64_t delay_ms, first_event_delay_ms, gap_ms, trickle_ms;

    /* how it breaks off */
    bool cut_before_head, reset_before_head, stall_before_head;
    int64_t cut_after_events, reset_after_events, stall_after_events;
    int64_t cut_after_bytes, reset_after_bytes, stall_after_bytes;
    bool torn_chunk;
    bool no_terminal, double_terminal, lifecycle_only;

    /* errors, as a plain answer (status) or as an event in a stream */
    int64_t error_after_events;
    struct str error_shape, error_type, error_code, error_message;

    /* lies about the framing */
    bool garbage;
    struct str raw;
    bool has_raw;
    int64_t content_length_delta;
    int64_t chunked; /* 0, 1 */
    bool close, http_1_0;
    int64_t informational, header_bytes, header_count, gzip_bomb_mib;

    /* the list of models */
    int64_t models_status, models_count;
    struct str models_body;
    bool has_models_body;
};

void play_init(struct play *play);

/** The number, or `otherwise` when it was not given. */
static inline int64_t play_or(int64_t value, int64_t otherwise)
{
    return value == PLAY_UNSET ? otherwise : value;
}

/** Sets what the object names and leaves the rest. ERR_MALFORMED names the key; ERR_NO_MEMORY. */
MUST_USE enum err play_read_json(struct play *play, struct json object, struct arena *arena,
                                 struct error *error);
/** The same from `key=value,key=value`: '-' counts as '_', values are percent-decoded. */
MUST_USE enum err play_read_text(struct play *play, struct str text, struct arena *arena,
                                 struct error *error);
/** Anything about the list of models in it? */
bool play_is_about_models(const struct play *play);

/** The keys, for the documentation's test: names until NULL. */
const char *play_key_name(size_t index);
