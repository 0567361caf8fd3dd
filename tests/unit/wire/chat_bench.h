/* tests/unit/wire/chat_bench.h: what the tests of the chat dialect share: a workbench for prompts, and prompts told in one line. */
#pragma once
#include "wire/chat_parts.h"

#include <stdlib.h>

struct bench {
    struct json_reader *reader, *scratch;
    struct arena arena;
    struct fidelity fidelity;
    struct tool_names names;
    struct prompt prompt;
    struct error error;
    struct buf told; /* the prompt in one line */
    struct buf body;
    struct buf notes;
};

static inline void bench_open(struct bench *bench)
{
    *bench = (struct bench){0};
    if (json_reader_new(4u << 20, &bench->reader) != OK ||
        json_reader_new(4u << 20, &bench->scratch) != OK)
        abort();
    arena_init(&bench->arena, 8u << 20);
    buf_init(&bench->told, 8u << 20);
    buf_init(&bench->body, 8u << 20);
    buf_init(&bench->notes, 1u << 16);
}

static inline void bench_close(struct bench *bench)
{
    json_reader_free(bench->reader);
    json_reader_free(bench->scratch);
    arena_release(&bench->arena);
    buf_release(&bench->told);
    buf_release(&bench->body);
    buf_release(&bench->notes);
}

/** An empty prompt, to be filled by hand or by bench_read. */
static inline void bench_start(struct bench *bench, struct str source)
{
    arena_release(&bench->arena);
    bench->fidelity = (struct fidelity){0};
    tool_names_init(&bench->names, &bench->arena, 64);
    prompt_init(&bench->prompt, &bench->arena, bench->reader, bench->scratch, source,
                &bench->fidelity, &bench->names);
}

static inline enum err bench_read(struct bench *bench, struct str body)
{
    struct json root;
    bench->error = (struct error){0};
    if (json_parse(bench->reader, body, &root, &bench->error) != OK)
        return ERR_MALFORMED;
    bench_start(bench, body);
    return chat_prompt_read(&bench->prompt, root, &bench->error);
}

static inline const char *bench_write(struct bench *bench, unsigned quirks, int64_t max_tokens)
{
    struct prompt_target target = {
        .model = STR("m"), .quirks = quirks, .max_output_tokens = max_tokens};
    buf_clear(&bench->body);
    if (chat_prompt_write(&bench->prompt, &target, &bench->body) != OK)
        return "(failed)";
    return bench->body.data;
}

static inline const char *bench_notes(struct bench *bench)
{
    buf_clear(&bench->notes);
    buf_puts(&bench->notes, "");
    fidelity_write(&bench->fidelity, &bench->notes);
    return bench->notes.data;
}

/* ---- a prompt in one line ----------------------------------------------------------------------- */

static inline void tell_str(struct buf *out, const char *name, struct str value)
{
    if (value.len)
        buf_printf(out, " %s=%.*s", name, STR_ARG(value));
}

static inline void tell_int(struct buf *out, const char *name, int64_t value)
{
    if (value >= 0)
        buf_printf(out, " %s=%lld", name, (long long)value);
}

static inline void tell_maybe(struct buf *out, const char *name, enum maybe value)
{
    if (value != MAYBE_UNSET)
        buf_printf(out, " %s=%s", name, value == MAYBE_YES ? "yes" : "no");
}

static inline void tell_media(struct buf *out, const char *kind, const struct media *media)
{
    static const char *const sources[] = {"url", "base64", "text", "file"};
    buf_printf(out, "%s %s", kind, sources[media->source]);
    const struct str texts[] = {media->type, media->data, media->name, media->detail};
    for (size_t i = 0; i < 4; i++)
        if (texts[i].len)
            buf_printf(out, " %.*s", STR_ARG(texts[i]));
}

static inline void tell_parts(struct buf *out, const struct part *parts);

static inline void tell_part(struct buf *out, const struct part *part)
{
    switch (part->kind) {
    case PART_TEXT: buf_printf(out, "'%.*s'", STR_ARG(part->text)); break;
    case PART_REFUSAL: buf_printf(out, "no '%.*s'", STR_ARG(part->text)); break;
    case PART_THINKING: buf_printf(out, "hm '%.*s'", STR_ARG(part->text)); break;
    case PART_IMAGE: tell_media(out, "image", &part->media); break;
    case PART_DOCUMENT: tell_media(out, "document", &part->media); break;
    case PART_AUDIO: tell_media(out, "audio", &part->media); break;
    case PART_TOOL_CALL:
        buf_printf(out, "%.*s=%.*s", STR_ARG(part->id), STR_ARG(part->name));
        buf_printf(out, part->is_custom ? "<%.*s>" : "(%.*s)",
                   STR_ARG(part->is_custom ? part->text : part->arguments));
        break;
    case PART_TOOL_RESULT:
        buf_printf(out, "%.*s%s->{", STR_ARG(part->id), part->is_custom ? " custom" : "");
        tell_parts(out, part->inside);
        buf_putc(out, '}');
        break;
    default: buf_puts(out, "?");
    }
}

static inline void tell_parts(struct buf *out, const struct part *parts)
{
    for (const struct part *part = parts; part; part = part->next) {
        tell_part(out, part);
        if (part->next)
            buf_puts(out, ", ");
    }
}

static inline void tell_tool(struct buf *out, const struct tool *tool)
{
    buf_printf(out, " %s:%.*s", tool->kind == TOOL_CUSTOM ? "custom" : "tool", STR_ARG(tool->name));
    tell_str(out, "about", tool->description);
    tell_str(out, "schema", tool->schema);
    tell_str(out, "format", tool->format);
    tell_maybe(out, "strict", tool->strict);
}

static inline void tell_fields(struct buf *out, const struct prompt *prompt)
{
    static const char *const choices[] = {"", " choice=auto", " choice=none", " choice=any",
                                          " choice="};
    static const char *const formats[] = {"", " json", " schema"};
    static const char *const modes[] = {"", " thinking=off", " thinking=on", " thinking=adaptive"};
    buf_puts(out, choices[prompt->choice]);
    buf_append_str(out, prompt->choice_name);
    tell_maybe(out, "parallel", prompt->parallel_tools);
    buf_puts(out, prompt->is_stream ? " stream" : "");
    tell_int(out, "max", prompt->max_tokens);
    tell_str(out, "temperature", prompt->temperature);
    tell_str(out, "top_p", prompt->top_p);
    tell_str(out, "top_k", prompt->top_k);
    tell_str(out, "seed", prompt->seed);
    tell_str(out, "frequency", prompt->frequency_penalty);
    tell_str(out, "presence", prompt->presence_penalty);
    tell_str(out, "bias", prompt->logit_bias);
    for (size_t i = 0; i < prompt->stop_count; i++)
        tell_str(out, "stop", prompt->stops[i]);
    tell_maybe(out, "logprobs", prompt->logprobs);
    tell_int(out, "top", prompt->top_logprobs);
    tell_int(out, "n", prompt->answers);
    buf_puts(out, formats[prompt->format]);
    tell_str(out, "name", prompt->format_name);
    tell_str(out, "about", prompt->format_description);
    tell_str(out, "schema", prompt->format_schema);
    tell_maybe(out, "strict", prompt->format_strict);
    buf_puts(out, modes[prompt->thinking]);
    tell_str(out, "effort", prompt->effort);
    tell_str(out, "verbosity", prompt->verbosity);
    tell_str(out, "user", prompt->user);
    tell_str(out, "metadata", prompt->metadata);
    tell_str(out, "tier", prompt->service_tier);
    tell_str(out, "cache", prompt->cache_key);
    tell_maybe(out, "store", prompt->store);
}

/** "user['hi'] assistant['ho'] tool:f max=3" */
static inline const char *bench_tell(struct bench *bench)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant"};
    struct buf *out = &bench->told;
    buf_clear(out);
    for (const struct turn *turn = bench->prompt.turns; turn; turn = turn->next) {
        buf_printf(out, "%s%s[", out->len ? " " : "", roles[turn->role]);
        tell_parts(out, turn->parts);
        buf_putc(out, ']');
    }
    for (const struct tool *tool = bench->prompt.tools; tool; tool = tool->next)
        tell_tool(out, tool);
    tell_fields(out, &bench->prompt);
    return out->data;
}
