/* wire/prompt.h: the common form of a request, between the three generation dialects.
 *
 *     chat completions, responses, messages  -- prompt_read -->  struct prompt  -- prompt_write -->  any of them
 *
 * The common form holds meaning, not spelling: who said what, with which tools, under which limits. What
 * one dialect alone knows stays out of it and is noted as dropped (wire/fidelity.h) by the reader; what the
 * other dialect cannot say is noted by the writer. JSON that is the caller's own (schemas, arguments, metadata,
 * numbers) is kept as raw bytes, so that not a digit changes.
 *
 * Layer:   wire: pure.  Thread: any, one at a time.
 * Memory:  everything borrows from the source text, from its reader's document, or from the arena. A prompt is
 *          made, written and forgotten in one go: it never outlives the reader's next use.
 * Source:  CLIENTS.md 3, 5, 9; the vendors' API references.
 */
#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include "json/json.h"
#include "wire/api.h"
#include "wire/fidelity.h"
#include "wire/quirks.h"
#include "wire/seal.h"
#include "wire/tool_names.h"

/* ---- what was said --------------------------------------------------------------------------- */

enum part_kind {
    PART_TEXT,
    PART_REFUSAL, /* text: the assistant declined */
    PART_IMAGE,
    PART_DOCUMENT,
    PART_AUDIO,
    PART_THINKING, /* text the model thought, with the seal that its maker put on it */
    PART_SEALED,   /* thinking that only its maker can read: redacted, encrypted */
    PART_TOOL_CALL,
    PART_TOOL_RESULT,
    PART_KIND_COUNT
};

/** Where an image, a document or a sound is. */
enum media_source { MEDIA_URL, MEDIA_BASE64, MEDIA_TEXT, MEDIA_FILE /* the vendor's file id */ };
struct media {
    enum media_source source;
    struct str type;   /* "image/png"; empty when the dialect does not say */
    struct str data;   /* URL, base64, plain text or id */
    struct str name;   /* of a document: file name or title */
    struct str detail; /* of an image: "low", "high", "auto" */
};

/** One piece of a turn. Members that a kind does not use are empty. */
struct part {
    enum part_kind kind;
    struct part *next;
    struct str text;    /* TEXT, REFUSAL, THINKING; the input of a custom tool's call */
    struct media media; /* IMAGE, DOCUMENT, AUDIO */
    struct str id; /* TOOL_CALL, TOOL_RESULT: the call's; THINKING, SEALED: a reasoning item's */
    struct str name, space; /* TOOL_CALL: tool, and its namespace (responses) */
    bool is_custom;         /* TOOL_CALL, TOOL_RESULT: of a tool that takes free text */
    struct str arguments;   /* TOOL_CALL: JSON text as the model wrote it; may be no JSON at all */
    bool is_error;          /* TOOL_RESULT */
    struct part *inside, *last_inside; /* TOOL_RESULT: TEXT, IMAGE, DOCUMENT parts; NULL: none */
    struct str seal;                   /* THINKING: signature; SEALED: the opaque data */
    enum endpoint sealed_by; /* whose seal it is: ENDPOINT_MESSAGES or ENDPOINT_RESPONSES */
    struct part *partner;    /* filled by tool_pairs_find: TOOL_CALL: its result; and back */
    unsigned repeat;         /* likewise: TOOL_CALL: earlier calls with this id */
};

enum turn_role { TURN_SYSTEM, TURN_DEVELOPER, TURN_USER, TURN_ASSISTANT };

struct turn {
    enum turn_role role;
    struct turn *next;
    struct part *parts, *last_part;
};

/* ---- what may be used ------------------------------------------------------------------------ */

enum tool_kind {
    TOOL_FUNCTION, /* takes JSON by a schema */
    TOOL_CUSTOM    /* takes free text (responses), by a grammar or none */
};
enum maybe { MAYBE_UNSET, MAYBE_NO, MAYBE_YES };

struct tool {
    enum tool_kind kind;
    struct tool *next;
    struct str name, space; /* space: namespace of the responses dialect; usually empty */
    struct str description;
    struct str schema; /* raw JSON object; empty: takes nothing */
    struct str format; /* CUSTOM: raw JSON of its grammar; empty: any text */
    enum maybe strict;
};

enum tool_choice {
    CHOICE_UNSET,
    CHOICE_AUTO,
    CHOICE_NONE,
    CHOICE_ANY,  /* "required" */
    CHOICE_NAMED /* choice_name */
};

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_SCHEMA };
enum thinking_mode {
    THINKING_UNSET,
    THINKING_OFF,
    THINKING_ON,      /* with effort or a budget of tokens, when given */
    THINKING_ADAPTIVE /* as much as the model sees fit */
};

#define PROMPT_STOPS_MAX 16

/** A whole request. Absent numbers are -1 or empty, absent texts empty. */
struct prompt {
    /* the workbench; prompt_init sets it */
    struct arena *arena;
    struct json_reader *reader;  /* of the source text: for json_raw */
    struct json_reader *scratch; /* for JSON inside strings */
    struct str source;           /* the text that `reader` has parsed */
    struct fidelity *fidelity;
    struct tool_names *names;    /* how tools are called at the provider; outlives the prompt */
    const struct sealer *sealer; /* may be NULL */
    bool failed;                 /* no memory, or past a bound: the prompt is useless */

    struct turn *turns, *last_turn; /* system turns stand where they stood */
    struct tool *tools, *last_tool;
    enum tool_choice choice;
    struct str choice_name, choice_space;
    enum maybe parallel_tools;

    bool is_stream;
    bool has_prefill; /* messages: the last turn is the assistant's; the answer goes on with it */
    int64_t max_tokens;
    struct str temperature, top_p, top_k, seed; /* raw numbers */
    struct str frequency_penalty, presence_penalty, logit_bias;
    struct str stops[PROMPT_STOPS_MAX]; /* decoded */
    size_t stop_count;
    enum maybe logprobs;
    int64_t top_logprobs;
    int64_t answers; /* chat's n; -1 when not given */

    enum output_format format;
    struct str format_name, format_description, format_schema; /* schema: raw JSON */
    enum maybe format_strict;

    enum thinking_mode thinking;
    struct str effort; /* "none", "minimal", "low", "medium", "high", "xhigh", "max" */
    int64_t thinking_budget;
    struct str thinking_shown; /* responses: reasoning.summary; messages: thinking.display */
    struct str verbosity;      /* "low", "medium", "high" */

    struct str user;         /* user, safety_identifier, metadata.user_id */
    struct str metadata;     /* raw JSON object (OpenAI's) */
    struct str service_tier; /* as the source says it: each writer maps it */
    struct str cache_key;
    enum maybe store;
};

/** What the writer must know of whom it writes to. */
struct prompt_target {
    struct str model;
    unsigned quirks;           /* enum quirk */
    int64_t max_output_tokens; /* what the model can at most; -1 unknown */
    bool has_ceiling;          /* what the caller may have at most: put in where nothing is said */
    int64_t ceiling;
};

void prompt_init(struct prompt *prompt, struct arena *arena, struct json_reader *reader,
                 struct json_reader *scratch, struct str source, struct fidelity *fidelity,
                 struct tool_names *names);

/** New ones at the end; NULL (and prompt->failed) without memory. */
struct turn *prompt_add_turn(struct prompt *prompt, enum turn_role role);
/** The last turn when it has this role, else a new one. */
struct turn *prompt_turn(struct prompt *prompt, enum turn_role role);
struct part *prompt_add_part(struct prompt *prompt, struct turn *turn, enum part_kind kind);
/** A piece of a tool's result. */
struct part *prompt_add_inside(struct prompt *prompt, struct part *result, enum part_kind kind);
/** What an opened envelope holds; the part's kind is set already. Texts are borrowed. */
void prompt_part_think(struct part *part, const struct sealed_thinking *thinking);
struct tool *prompt_add_tool(struct prompt *prompt, enum tool_kind kind);

/** The raw bytes of a value of the source document. */
struct str prompt_raw(const struct prompt *prompt, struct json value);
/** A string of the source document (borrowed), or empty. */
struct str prompt_text(struct json value);
/** Appends to the arena: a and b joined; empty (and failed) without memory. */
struct str prompt_join(struct prompt *prompt, struct str a, struct str b);
void prompt_drop(struct prompt *prompt, const char *field);    /* noted as dropped */
void prompt_change(struct prompt *prompt, const char *field);  /* noted as changed */
void prompt_emulate(struct prompt *prompt, const char *field); /* noted as emulated */
/** Notes "where.name" as dropped; long names are cut. */
void prompt_drop_member(struct prompt *prompt, const char *where, struct str name);
/** Likewise each member that is not among `known` and says something. */
void prompt_drop_others(struct prompt *prompt, struct json object, const struct str *known,
                        size_t known_count, const char *where);
/** A boolean of the source document; MAYBE_UNSET for anything else. */
enum maybe prompt_maybe(struct json value);

/** Claude Code's first system text, a note to Anthropic's billing. It means nothing to a model of our own, and spoils its
 *  prompt cache (CLIENTS.md 3). */
bool prompt_is_billing(const struct part *part);

/** Is this text one JSON object? Uses the scratch reader. */
bool prompt_is_object(struct prompt *prompt, struct str text);

/** "data:image/png;base64,AAAA" taken apart; false when it is no base64 data URL. */
bool media_from_data_url(struct str url, struct media *out_media);
/** Writes it as a data URL or as the URL it is, as a JSON string. */
void media_put_url(struct buf *out, const struct media *media);

/* ---- ids of tool calls ------------------------------------------------------------------------
 * Each dialect's clients expect their own prefix; what the provider gave comes back to it unchanged:
 * call_1 -> toolu_call_1 -> call_1. */
void tool_id_put(struct buf *out, enum endpoint speaker, struct str id); /* as a JSON string */

/* ---- the six functions, one pair per dialect; wire/dialects.h has the table -------------------- */

/** Reads the parsed body `root` into `prompt` (prompt_init was called).
 *  Errors: ERR_MALFORMED with a sentence naming the field (what every provider would refuse); ERR_NO_MEMORY. */
MUST_USE enum err chat_prompt_read(struct prompt *prompt, struct json root, struct error *error);
MUST_USE enum err responses_prompt_read(struct prompt *prompt, struct json root,
                                        struct error *error);
MUST_USE enum err messages_prompt_read(struct prompt *prompt, struct json root,
                                       struct error *error);

/** Appends the whole body in its dialect for `target`. ERR_NO_MEMORY. */
MUST_USE enum err chat_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                                    struct buf *out);
MUST_USE enum err responses_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                                         struct buf *out);
MUST_USE enum err messages_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                                        struct buf *out);
