/* wire/dialects.h: the three generation dialects that can be translated into each other. One row each.
 *
 * To add one: wire/<name>_prompt.c (request, both ways), <name>_answer_read.c, <name>_answer_write.c, its line in
 * dialects.c, fixtures, a fuzz harness.
 *
 * Layer:   wire: pure.  Thread: any (immutable table).
 */
#pragma once
#include "wire/answer.h"
#include "wire/prompt.h"

struct dialect_facts {
    enum endpoint endpoint;
    size_t tool_name_bytes; /* longest name of a tool */
    enum err (*prompt_read)(struct prompt *prompt, struct json root, struct error *error);
    enum err (*prompt_write)(struct prompt *prompt, const struct prompt_target *target,
                             struct buf *out);
    size_t reader_bytes; /* of answer_reader.own: struct <name>_reading of wire/<name>_parts.h */
    void (*stream_read)(struct answer_reader *reader, const struct sse_event *event,
                        struct json root);
    void (*answer_read)(struct answer_reader *reader, struct json root);
    size_t writer_bytes; /* of answer_writer.own: struct <name>_writing */
    void (*stream_write)(struct answer_writer *writer, const struct answer_event *event);
    void (*answer_write)(struct answer_writer *writer, const struct answer_event *event);
    /** Frees what `own` holds besides itself; NULL: nothing. */
    void (*reader_release)(struct answer_reader *reader);
    void (*writer_release)(struct answer_writer *writer);
};
/** NULL for endpoints that are not translated. */
const struct dialect_facts *dialect_facts(enum endpoint endpoint);

/** A request from one dialect to another. */
struct prompt_options {
    enum endpoint from, to;
    struct prompt_target target;
    const struct sealer *sealer; /* may be NULL */
    struct json_reader *reader, *scratch;
    struct arena *arena;       /* for the prompt; may be released afterwards, but for `names` */
    struct tool_names *names;  /* filled; made by tool_names_init with the target's limit */
    struct fidelity *fidelity; /* filled */
    bool is_stream;            /* what the provider is asked for */
    bool is_padded;            /* the body has JSON_PADDING_BYTES of room behind it */
};
/** Appends the translated body. ERR_MALFORMED (sentence: what the caller did wrong), ERR_NO_MEMORY. */
MUST_USE enum err prompt_translate(const struct prompt_options *options, struct str body,
                                   struct buf *out, struct error *error);
