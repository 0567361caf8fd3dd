/* wire/body.h: the request body as the gateway sees it: what it asks for, and the same bytes with
 * the few that must change changed.
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "base/buf.h"
#include "json/json.h"
#include "wire/api.h"

/* Where the members stand that say how long an answer may become: max_tokens, max_completion_tokens, max_output_tokens,
 * and llama-server's n_predict. Which of them count, depends on the endpoint. */
#define BODY_LIMITS 4
/* More answers than anybody gives; what is asked for beyond it counts as this. */
#define BODY_CHOICES_MAX INT64_C(1000000000)
struct body_limit {
    size_t start, end; /* the raw value; 0, 0 when missing */
    int64_t tokens;    /* -1: no whole number, or less than 0 */
};

/** What the gateway needs to know of a body. Strings borrow from the reader until its next use. */
struct body_facts {
    struct str model;   /* decoded; never empty on success */
    size_t model_start; /* raw value, quotes included: body[model_start, model_end) */
    size_t model_end;
    bool stream;
    bool wants_usage;     /* chat, completions: stream_options.include_usage is true */
    size_t options_start; /* raw stream_options value (object or null); 0, 0 when missing */
    size_t options_end;
    size_t flag_start; /* raw stream_options.include_usage value; 0, 0 when missing */
    size_t flag_end;
    size_t object_open;        /* offset of the top-level '{' */
    bool has_options;          /* stream_options is present (object or null) */
    struct str cache_key;      /* prompt_cache_key, for affinity; may be empty */
    int64_t max_output_tokens; /* the largest of the limits, if one counts here; -1 unknown */
    struct body_limit limits[BODY_LIMITS];
    int64_t
        choices; /* answers that one request has: n, best_of, prompts of completions; 1 or more */
    bool is_premium;       /* a service_tier or speed that has its own prices */
    bool has_hosted_tools; /* the provider runs some, and reads what they find */
    bool has_stored;       /* responses: the prompt is, in part, what the provider has kept */
    bool has_tools;        /* a non-empty `tools` */
    bool has_images;       /* somewhere in messages or input */
    bool has_media;        /* images, documents, sounds: bytes that are no text */
    bool wants_schema;     /* an answer by a JSON schema */
};

/**
 * Reads a body, in place: `body` is a buf's content, or has JSON_PADDING_BYTES writable bytes behind
 * it. Errors: ERR_MALFORMED with a sentence that names the field (no object, duplicate
 * top-level key, another spelling of a guarded key, `model` missing or no string or empty or over 256
 * bytes or with control characters, `stream` no boolean, `stream_options` no object, messages/input
 * missing where the endpoint needs it: chat and messages need `messages` to be an array); T01: the
 * members api_base, base_url, api_key, api_version, custom_llm_provider, extra_headers at top level
 * are refused by name.
 */
MUST_USE enum err body_read(struct json_reader *reader, enum endpoint endpoint, struct str body,
                            struct body_facts *out_facts, struct error *error);

/** Which of the limits of its facts count at an endpoint, as bits in their order. */
unsigned body_limits_of(enum endpoint endpoint);

/** Up to this many slices: two for each of three changes, and the rest. More changes are rare, and the slices of such a
 *  body are put together. */
#define BODY_PIECES_MAX 7
/** The changed body, as slices of the old one and of `scratch`: ready for writev. */
struct body_pieces {
    struct str piece[BODY_PIECES_MAX];
    size_t count;
    size_t total_bytes;
};

/** What is to change. Everything else stays byte for byte. */
struct body_change {
    struct str model;       /* if not empty and different */
    enum endpoint endpoint; /* at which it is asked: whose limits count */
    bool adds_usage; /* merges stream_options.include_usage true in; other options are kept */
    bool has_ceiling;
    int64_t ceiling;        /* no limit is above it; where there is none, one is put in */
    const char *limit_name; /* by this name */
};

/** `scratch` (cleared first) holds what is new. ERR_NO_MEMORY. */
MUST_USE enum err body_splice(struct str body, const struct body_facts *facts,
                              const struct body_change *change, struct buf *scratch,
                              struct body_pieces *out_pieces);

/** Is there one in a body's `tools` that the provider runs (body_tools.c)? */
bool body_has_hosted_tools(struct json tools);

/** May it hold envelopes of ours (wire/seal.h)? A search for their first bytes. */
bool body_has_envelopes(enum endpoint endpoint, struct str body);
/**
 * Appends the body without the thinking that other makers sealed: a provider of the caller's own dialect
 * would refuse it. Everything else stays byte for byte. ERR_NO_MEMORY, ERR_MALFORMED (body_read was not asked).
 */
MUST_USE enum err body_drop_envelopes(struct json_reader *reader, enum endpoint endpoint,
                                      struct str body, struct buf *out);

/** Chat completions: may it hold what assistants thought (reasoning_content)? A search. */
bool body_has_thoughts(struct str body);
/** The same without it, for a service that refuses what it does not know. */
MUST_USE enum err body_drop_thoughts(struct json_reader *reader, struct str body, struct buf *out);
