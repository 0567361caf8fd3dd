/* tests/fuzz/translation.h: any bytes as a request, and as an answer, from one dialect to all three.
 *
 * Whatever comes in, what goes out is JSON, in whole events; and nothing is read or written where it should not be.
 */
#pragma once
#include "wire/dialects.h"

#include <stdlib.h>

#define LIMIT_BYTES (4u << 20)
#define DEPTH_SURE \
    40 /* brackets in the input: what is made of it is no deeper than the reader allows */

static struct json_reader *fuzz_reader, *fuzz_scratch, *fuzz_judge;

static inline void require(bool condition)
{
    if (!condition)
        abort();
}

static inline void fuzz_start(void)
{
    if (fuzz_reader)
        return;
    require(json_reader_new(LIMIT_BYTES, &fuzz_reader) == OK);
    require(json_reader_new(LIMIT_BYTES, &fuzz_scratch) == OK);
    require(json_reader_new(4 * LIMIT_BYTES, &fuzz_judge) == OK);
}

/* No cryptography: the text itself, behind a letter. What was not sealed here does not open. */
static inline bool fuzz_seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    buf_putc(out, 's');
    for (size_t i = 0; i < plain.len; i++)
        buf_printf(out, "%02x", (unsigned char)plain.at[i]);
    return true;
}

static inline bool fuzz_open(void *arg, struct str sealed, struct buf *out)
{
    (void)arg;
    buf_append_str(out, str_from(sealed, 1));
    return str_starts(sealed, STR("s"));
}

static const struct sealer fuzz_sealer = {NULL, fuzz_seal, fuzz_open};
static const enum endpoint fuzz_dialects[] = {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES};

/* Arguments that were a string may become JSON: the text's brackets count, wherever they stand. */
static inline bool is_shallow(struct str text)
{
    size_t brackets = 0;
    for (size_t i = 0; i < text.len; i++)
        brackets += text.at[i] == '{' || text.at[i] == '[' || text.at[i] == '\\';
    return brackets < DEPTH_SURE;
}

static inline void require_json(struct str text, struct str source)
{
    struct json root;
    if (is_shallow(source))
        require(json_parse(fuzz_judge, text, &root, NULL) == OK);
}

/* ---- requests ------------------------------------------------------------------------------------ */

static inline void fuzz_prompt_to(enum endpoint from, enum endpoint to, struct str body)
{
    struct arena arena, names_arena;
    struct tool_names names;
    struct fidelity fidelity = {0};
    AUTO_BUF struct buf out;
    uint64_t hash = str_hash(body);
    struct error error;
    arena_init(&arena, LIMIT_BYTES);
    arena_init(&names_arena, LIMIT_BYTES);
    tool_names_init(&names, &names_arena, dialect_facts(to)->tool_name_bytes);
    buf_init(&out, 4 * LIMIT_BYTES);
    const struct prompt_options options = {
        .from = from,
        .to = to,
        .target = {.model = STR("m"),
                   .quirks = hash & 1 ? (unsigned)(hash >> 8) : 0,
                   .max_output_tokens = hash & 2 ? 8192 : -1},
        .sealer = hash & 4 ? NULL : &fuzz_sealer,
        .reader = fuzz_reader,
        .scratch = fuzz_scratch,
        .arena = &arena,
        .names = &names,
        .fidelity = &fidelity,
        .is_stream = (hash & 8) != 0,
    };
    if (prompt_translate(&options, body, &out, &error) == OK)
        require_json(buf_str(&out), body);
    arena_release(&arena);
    arena_release(&names_arena);
}

static inline void fuzz_prompt(enum endpoint from, const uint8_t *bytes, size_t len)
{
    fuzz_start();
    for (size_t i = 0; i < sizeof fuzz_dialects / sizeof fuzz_dialects[0]; i++)
        fuzz_prompt_to(from, fuzz_dialects[i], (struct str){(const char *)bytes, len});
}

/* ---- answers -------------------------------------------------------------------------------------- */

static inline struct answer_translation *fuzz_translation(enum endpoint from, enum endpoint to,
                                                          bool is_stream, struct fidelity *fidelity)
{
    struct answer_translation *made;
    const struct answer_options options = {.from = from,
                                           .to = to,
                                           .is_stream = is_stream,
                                           .key = "k",
                                           .model = STR("m"),
                                           .wants_usage = true,
                                           .sealer = &fuzz_sealer,
                                           .fidelity = fidelity};
    require(answer_translation_new(&options, &made) == OK);
    return made;
}

/* Every event is whole, and its data is JSON. */
static inline void require_events(struct str stream, struct str source)
{
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, 4 * LIMIT_BYTES);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (event.has_data && !str_eq(event.data, STR("[DONE]")))
            require_json(event.data, source);
    }
    require(stream.len == 0);
}

static inline void fuzz_stream_to(enum endpoint from, enum endpoint to, struct str stream)
{
    struct fidelity fidelity = {0};
    struct answer_translation *translation = fuzz_translation(from, to, true, &fidelity);
    struct str rest = stream;
    struct usage usage;
    enum err err = OK;
    size_t scanned = 0;
    AUTO_BUF struct buf joined, out;
    buf_init(&joined, LIMIT_BYTES);
    buf_init(&out, 16 * LIMIT_BYTES);
    usage_init(&usage);
    for (size_t len; err == OK && (len = sse_event_end(rest, &scanned)) > 0;
         rest = str_from(rest, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(rest, len), &joined, &event);
        if (json_parse(fuzz_reader, str_trim(event.data), &root, NULL) == OK)
            err = answer_translate_event(translation, &event, fuzz_reader, root, fuzz_scratch,
                                         &usage, &out);
    }
    if (err == OK)
        err = answer_translate_end(translation, fuzz_scratch, &usage, &out);
    if (err == OK)
        require_events(buf_str(&out), stream);
    answer_translation_free(translation);
}

static inline void fuzz_plain_to(enum endpoint from, enum endpoint to, struct str text)
{
    struct fidelity fidelity = {0};
    struct usage usage;
    struct json root;
    AUTO_BUF struct buf out;
    buf_init(&out, 16 * LIMIT_BYTES);
    if (json_parse(fuzz_reader, text, &root, NULL) != OK)
        return;
    struct answer_translation *translation = fuzz_translation(from, to, false, &fidelity);
    usage_init(&usage);
    if (answer_translate_plain(translation, fuzz_reader, text, root, fuzz_scratch, &usage, &out) ==
        OK)
        require_json(buf_str(&out), text);
    answer_translation_free(translation);
}

static inline void fuzz_answer(enum endpoint from, const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    fuzz_start();
    for (size_t i = 0; i < sizeof fuzz_dialects / sizeof fuzz_dialects[0]; i++) {
        fuzz_stream_to(from, fuzz_dialects[i], text);
        fuzz_plain_to(from, fuzz_dialects[i], text);
    }
}
