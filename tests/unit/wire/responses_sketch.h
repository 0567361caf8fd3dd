/* tests/unit/wire/responses_sketch.h: a prompt, or a row of answer events, as one line that a story can be compared with.
 *
 *     system "be kind" | user "hi" image(url https://x) | assistant call exec#call_1({"a":1})
 *     begin(resp_1) text +Hi +there end stop(end)
 */
#pragma once
#include "wire/responses_parts.h"

/* ---- prompts --------------------------------------------------------------------------------- */

static inline void sketch_media(struct buf *out, const char *what, const struct media *media)
{
    static const char *const sources[] = {"url", "base64", "text", "file"};
    buf_printf(out, "%s(%s %.*s", what, sources[media->source], STR_ARG(media->data));
    if (media->type.len)
        buf_printf(out, " %.*s", STR_ARG(media->type));
    if (media->name.len)
        buf_printf(out, " name=%.*s", STR_ARG(media->name));
    if (media->detail.len)
        buf_printf(out, " detail=%.*s", STR_ARG(media->detail));
    buf_putc(out, ')');
}

static inline void sketch_part(struct buf *out, const struct part *part)
{
    const char *custom = part->is_custom ? "custom " : "";
    buf_putc(out, ' ');
    switch (part->kind) {
    case PART_TEXT: buf_printf(out, "\"%.*s\"", STR_ARG(part->text)); break;
    case PART_REFUSAL: buf_printf(out, "refusal \"%.*s\"", STR_ARG(part->text)); break;
    case PART_IMAGE: sketch_media(out, "image", &part->media); break;
    case PART_DOCUMENT: sketch_media(out, "document", &part->media); break;
    case PART_AUDIO: sketch_media(out, "audio", &part->media); break;
    case PART_THINKING:
        buf_printf(out, "thinking%u \"%.*s\" id=%.*s seal=%.*s", part->sealed_by,
                   STR_ARG(part->text), STR_ARG(part->id), STR_ARG(part->seal));
        break;
    case PART_SEALED:
        buf_printf(out, "sealed%u id=%.*s seal=%.*s", part->sealed_by, STR_ARG(part->id),
                   STR_ARG(part->seal));
        break;
    case PART_TOOL_CALL:
        buf_printf(out, "%scall %.*s/%.*s#%.*s(%.*s)", custom, STR_ARG(part->space),
                   STR_ARG(part->name), STR_ARG(part->id),
                   STR_ARG(part->is_custom ? part->text : part->arguments));
        break;
    default:
        buf_printf(out, "%sresult #%.*s%s[", custom, STR_ARG(part->id),
                   part->is_error ? " error" : "");
        for (const struct part *inside = part->inside; inside; inside = inside->next)
            sketch_part(out, inside);
        buf_putc(out, ']');
        break;
    }
}

static inline void sketch_turns(struct buf *out, const struct prompt *prompt)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant"};
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next) {
        buf_printf(out, "%s%s", turn == prompt->turns ? "" : " | ", roles[turn->role]);
        for (const struct part *part = turn->parts; part; part = part->next)
            sketch_part(out, part);
    }
}

static inline void sketch_tools(struct buf *out, const struct prompt *prompt)
{
    static const char *const choices[] = {"", "auto", "none", "any", "named"};
    static const char *const maybes[] = {"", " strict=no", " strict=yes"};
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next)
        buf_printf(out, "%s %.*s/%.*s \"%.*s\" %.*s%s; ",
                   tool->kind == TOOL_CUSTOM ? "custom" : "function", STR_ARG(tool->space),
                   STR_ARG(tool->name), STR_ARG(tool->description),
                   STR_ARG(tool->kind == TOOL_CUSTOM ? tool->format : tool->schema),
                   maybes[tool->strict]);
    buf_printf(out, "choice=%s", choices[prompt->choice]);
    if (prompt->choice == CHOICE_NAMED)
        buf_printf(out, " %.*s/%.*s", STR_ARG(prompt->choice_space), STR_ARG(prompt->choice_name));
}

/* ---- answers --------------------------------------------------------------------------------- */

static inline void sketch_event(void *arg, const struct answer_event *event)
{
    static const char *const parts[PART_KIND_COUNT] = {
        [PART_TEXT] = "text",     [PART_REFUSAL] = "refusal", [PART_THINKING] = "thinking",
        [PART_SEALED] = "sealed", [PART_TOOL_CALL] = "call",
    };
    static const char *const stops[] = {"unknown", "end",     "length", "sequence",
                                        "tools",   "refusal", "pause"};
    struct buf *out = arg;
    switch (event->kind) {
    case ANSWER_BEGIN: buf_printf(out, "begin(%.*s)", STR_ARG(event->id)); break;
    case ANSWER_PART_BEGIN:
        buf_printf(out, " %s%s", event->is_custom ? "custom " : "", parts[event->part]);
        if (event->id.len || event->name.len)
            buf_printf(out, "(%.*s %.*s)", STR_ARG(event->id), STR_ARG(event->name));
        break;
    case ANSWER_PART_DELTA:
        buf_printf(out, " +%.*s", STR_ARG(event->text));
        if (event->logprobs.len)
            buf_printf(out, "<%.*s>", STR_ARG(event->logprobs));
        break;
    case ANSWER_ANNOTATION:
        buf_printf(out, " note(%.*s %.*s)", STR_ARG(event->url), STR_ARG(event->title));
        break;
    case ANSWER_PART_END:
        buf_puts(out, " end");
        if (event->seal.len)
            buf_printf(out, "(seal%u %.*s)", event->sealed_by, STR_ARG(event->seal));
        break;
    case ANSWER_STOP: buf_printf(out, " stop(%s)", stops[event->stop]); break;
    case ANSWER_END: buf_puts(out, " END"); break;
    }
}
