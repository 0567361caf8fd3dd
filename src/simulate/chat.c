/* simulate/chat.c: chat completions and the older completions, as OpenAI and llama-server say them.
 *
 * llama-server differs in the first delta (`content: null`), in `timings`, in reasoning_content and
 * in its fingerprint (CLIENTS.md 9). A usage chunk comes only with stream_options.include_usage, and
 * then every other chunk says `"usage":null`, as the real service does.
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"

#include <stdio.h>

#define FRAME_MAX 4096u

static bool is_llama(const struct answer *answer)
{
    return answer->request->vendor == VENDOR_LLAMA;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void append_opening(const struct answer *answer, struct buf *out, const char *id_prefix,
                           const char *object)
{
    const struct request *request = answer->request;
    buf_printf(out, "{\"id\":\"%s%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", id_prefix,
               request->id, object, (long long)request->now_s);
    buf_append_str(out, request->model_json);
    buf_puts(out, is_llama(answer) ? ",\"system_fingerprint\":\"b8589-simulate\""
                                   : ",\"service_tier\":\"default\""
                                     ",\"system_fingerprint\":\"fp_simulate\"");
}

static void append_usage(const struct answer *answer, struct buf *out)
{
    struct said_usage usage = answer_usage(answer);
    buf_printf(out,
               "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
               "\"prompt_tokens_details\":{\"cached_tokens\":%lld,\"audio_tokens\":0},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":%lld,\"audio_tokens\":0,"
               "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
               (long long)usage.input, (long long)usage.output,
               (long long)(usage.input + usage.output), (long long)usage.cached,
               (long long)usage.reasoning);
}

static void append_timings(const struct answer *answer, struct buf *out)
{
    struct said_usage usage = answer_usage(answer);
    if (is_llama(answer))
        buf_printf(out,
                   ",\"timings\":{\"cache_n\":%lld,\"prompt_n\":%lld,\"prompt_ms\":10.0,"
                   "\"prompt_per_token_ms\":1.0,\"prompt_per_second\":1000.0,\"predicted_n\":%lld,"
                   "\"predicted_ms\":20.0,\"predicted_per_token_ms\":1.0,"
                   "\"predicted_per_second\":1000.0}",
                   (long long)usage.cached, (long long)usage.input, (long long)usage.output);
}

static struct str finish_reason(const struct answer *answer)
{
    if (answer->play->stop_reason.len > 0)
        return answer->play->stop_reason;
    return answer->has_tools ? STR("tool_calls") : STR("stop");
}

static void append_call_id(const struct answer *answer, struct buf *out, size_t index)
{
    if (is_llama(answer))
        buf_printf(out, "%.30s%02zu", answer->request->id, index);
    else
        buf_printf(out, "call_%.22s%02zu", answer->request->id, index);
}

/* ---- a stream of chunks ------------------------------------------------------------------------ */

/* Up to `"delta":`. */
static void append_chunk(const struct answer *answer, struct buf *out)
{
    buf_puts(out, "data: ");
    append_opening(answer, out, "chatcmpl-", "chat.completion.chunk");
    buf_puts(out, ",\"choices\":[{\"index\":0,\"delta\":");
}

/* Behind `"logprobs":`. */
static void append_chunk_close(const struct answer *answer, struct buf *out)
{
    buf_puts(out, ",\"finish_reason\":null}]");
    buf_puts(out, answer->request->wants_usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static void append_chunk_end(const struct answer *answer, struct buf *out)
{
    buf_puts(out, ",\"logprobs\":null");
    append_chunk_close(answer, out);
}

static void stream_role(struct answer *answer)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    append_chunk(answer, answer->out);
    const char *content = is_llama(answer) || !answer_has_text(answer) ? "null" : "\"\"";
    buf_printf(answer->out, "{\"role\":\"assistant\",\"content\":%s%s}", content,
               is_llama(answer) ? "" : ",\"refusal\":null");
    append_chunk_end(answer, answer->out);
    answer_end_quiet(answer, opened);
}

/* The frame of a piece: `delta` is the chunk's delta up to it, `closing` what closes that. */
struct piece_frame {
    struct buf before, middle, list_end;
    struct frame frame;
};

static const struct frame *piece_frame_make(const struct answer *answer, struct piece_frame *piece,
                                            const char *delta, const char *closing)
{
    buf_init(&piece->before, FRAME_MAX);
    buf_init(&piece->middle, FRAME_MAX);
    buf_init(&piece->list_end, FRAME_MAX);
    append_chunk(answer, &piece->before);
    buf_puts(&piece->before, delta);
    buf_puts(&piece->middle, closing);
    append_chunk_end(answer, &piece->middle);
    piece->frame =
        (struct frame){.before = buf_str(&piece->before), .middle = buf_str(&piece->middle)};
    return &piece->frame;
}

static void piece_frame_release(struct piece_frame *piece)
{
    buf_release(&piece->before);
    buf_release(&piece->middle);
    buf_release(&piece->list_end);
}

static void stream_pieces(struct answer *answer, const char *member,
                          void (*say)(struct answer *answer, const struct frame *frame))
{
    char delta[80];
    struct piece_frame piece;
    (void)snprintf(delta, sizeof delta, "{\"%s\":", member);
    say(answer, piece_frame_make(answer, &piece, delta, "}"));
    piece_frame_release(&piece);
}

#define LIST_BEGIN ",\"logprobs\":{\"content\":["
#define LIST_END   "],\"refusal\":null}"

/* Text with the probabilities of its tokens. */
static void stream_tokens(struct answer *answer)
{
    struct piece_frame piece;
    (void)piece_frame_make(answer, &piece, "{\"content\":", "}");
    buf_clear(&piece.middle);
    buf_puts(&piece.middle, "}" LIST_BEGIN);
    buf_puts(&piece.list_end, LIST_END);
    append_chunk_close(answer, &piece.list_end);
    piece.frame.middle = buf_str(&piece.middle);
    piece.frame.list_end = buf_str(&piece.list_end);
    answer_text(answer, &piece.frame);
    piece_frame_release(&piece);
}

static void append_citation(const struct answer *answer, struct buf *out)
{
    buf_printf(out,
               "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":0,"
               "\"end_index\":%d,\"title\":\"" CITED_TITLE "\",\"url\":",
               CITED_BYTES);
    json_quote(out, answer->play->citation);
    buf_puts(out, "}}]");
}

static void stream_citation(struct answer *answer)
{
    size_t opened;
    if (answer->play->citation.len == 0 || !answer_begin_quiet(answer, &opened))
        return;
    append_chunk(answer, answer->out);
    buf_putc(answer->out, '{');
    append_citation(answer, answer->out);
    buf_putc(answer->out, '}');
    append_chunk_end(answer, answer->out);
    answer_end_quiet(answer, opened);
}

static void stream_call_start(struct answer *answer, size_t index)
{
    const struct play_tool *tool = &answer->play->tools[index];
    size_t opened;
    if (!answer_begin(answer, &opened))
        return;
    append_chunk(answer, answer->out);
    buf_printf(answer->out, "{\"tool_calls\":[{\"index\":%zu,\"id\":\"", index);
    append_call_id(answer, answer->out, index);
    buf_puts(answer->out, "\",\"type\":\"function\",\"function\":{\"name\":");
    json_quote(answer->out, tool->name);
    buf_puts(answer->out, ",\"arguments\":");
    json_quote(answer->out, answer->play->whole_arguments ? tool->arguments : STR(""));
    buf_puts(answer->out, "}}]}");
    append_chunk_end(answer, answer->out);
    answer_end(answer, opened);
}

/* One fragment of a call's arguments, or all that is left of them. */
static void stream_arguments(struct answer *answer, size_t index, struct str *rest, bool all)
{
    char delta[80];
    struct piece_frame piece;
    (void)snprintf(delta, sizeof delta,
                   "{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", index);
    const struct frame *frame = piece_frame_make(answer, &piece, delta, "}}]}");
    do
        answer_argument_piece(answer, rest, frame);
    while (all && rest->len > 0 && !answer->is_over);
    piece_frame_release(&piece);
}

/* Calls one behind the other; or all starts, and then a fragment of each in turn. */
static void stream_calls(struct answer *answer)
{
    const struct play *play = answer->play;
    struct str rest[PLAY_TOOLS_MAX];
    bool is_left = !play->whole_arguments;
    for (size_t i = 0; i < play->tool_count; i++) {
        rest[i] = play->tools[i].arguments;
        stream_call_start(answer, i);
        if (!play->interleave && !play->whole_arguments && rest[i].len > 0)
            stream_arguments(answer, i, &rest[i], true);
    }
    while (is_left && play->interleave && !answer->is_over) {
        is_left = false;
        for (size_t i = 0; i < play->tool_count; i++) {
            if (rest[i].len > 0)
                stream_arguments(answer, i, &rest[i], false);
            is_left |= rest[i].len > 0;
        }
    }
}

static const char *reasoning_field(const struct answer *answer, char room[64])
{
    if (answer->play->reasoning_field.len == 0)
        return "reasoning_content";
    str_copy(answer->play->reasoning_field, room, 64);
    return room;
}

static void stream_usage(struct answer *answer)
{
    size_t opened;
    if (!answer->request->wants_usage || answer->play->usage.mode == USAGE_MISSING ||
        !answer_begin_quiet(answer, &opened))
        return;
    buf_puts(answer->out, "data: ");
    append_opening(answer, answer->out, "chatcmpl-", "chat.completion.chunk");
    buf_puts(answer->out, ",\"choices\":[],\"usage\":");
    append_usage(answer, answer->out);
    append_timings(answer, answer->out);
    buf_puts(answer->out, "}\n\n");
    answer_end_quiet(answer, opened);
}

static void stream_finish(struct answer *answer)
{
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    append_chunk(answer, answer->out);
    buf_puts(answer->out, "{},\"logprobs\":null,\"finish_reason\":");
    json_quote(answer->out, finish_reason(answer));
    buf_puts(answer->out, "}]");
    if (answer->request->wants_usage)
        buf_puts(answer->out, ",\"usage\":null");
    else
        append_timings(answer, answer->out);
    buf_puts(answer->out, "}\n\n");
    answer_end_quiet(answer, opened);
}

static void stream_done(struct answer *answer)
{
    size_t opened;
    if (answer->play->no_terminal || !answer_begin_quiet(answer, &opened))
        return;
    buf_puts(answer->out, "data: [DONE]\n\n");
    if (answer->play->double_terminal)
        buf_puts(answer->out, "data: [DONE]\n\n");
    answer_end_quiet(answer, opened);
}

void chat_stream(struct answer *answer)
{
    stream_role(answer);
    answer_opened(answer);
    char field[64];
    if (answer->play->reasoning.len > 0)
        stream_pieces(answer, reasoning_field(answer, field), answer_reasoning);
    if (answer_has_logprobs(answer))
        stream_tokens(answer);
    else if (answer_has_text(answer))
        stream_pieces(answer, "content", answer_text);
    if (answer->play->refusal.len > 0)
        stream_pieces(answer, "refusal", answer_refusal);
    stream_citation(answer);
    if (answer->has_tools)
        stream_calls(answer);
    stream_finish(answer);
    if (answer->play->usage.mode == USAGE_AFTER_DONE) {
        stream_done(answer);
        stream_usage(answer);
    } else {
        stream_usage(answer);
        stream_done(answer);
    }
}

/* ---- a plain answer ---------------------------------------------------------------------------- */

static void append_calls(const struct answer *answer, struct buf *out)
{
    buf_puts(out, ",\"tool_calls\":[");
    for (size_t i = 0; i < answer->play->tool_count; i++) {
        buf_puts(out, i ? ",{\"id\":\"" : "{\"id\":\"");
        append_call_id(answer, out, i);
        buf_puts(out, "\",\"type\":\"function\",\"function\":{\"name\":");
        json_quote(out, answer->play->tools[i].name);
        buf_puts(out, ",\"arguments\":");
        json_quote(out, answer->play->tools[i].arguments);
        buf_puts(out, "}}");
    }
    buf_putc(out, ']');
}

static void append_plain_end(const struct answer *answer, struct buf *out)
{
    buf_puts(out, ",\"finish_reason\":");
    json_quote(out, finish_reason(answer));
    buf_puts(out, "}]");
    if (answer->play->usage.mode != USAGE_MISSING) {
        buf_puts(out, ",\"usage\":");
        append_usage(answer, out);
    }
    append_timings(answer, out);
    buf_putc(out, '}');
}

static void append_plain_extras(const struct answer *answer, struct buf *out)
{
    buf_puts(out, ",\"refusal\":");
    if (answer->play->refusal.len > 0)
        json_quote(out, answer->play->refusal);
    else
        buf_puts(out, "null");
    buf_putc(out, ',');
    if (answer->play->citation.len > 0)
        append_citation(answer, out);
    else
        buf_puts(out, "\"annotations\":[]");
}

void chat_plain(struct answer *answer)
{
    struct buf *out = answer->out;
    append_opening(answer, out, "chatcmpl-", "chat.completion");
    buf_puts(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    bool is_silent = answer->has_tools || answer->play->refusal.len > 0;
    if (is_silent && !answer_has_text(answer))
        buf_puts(out, "null");
    else
        answer_quote_text(answer, out);
    if (answer->play->reasoning.len > 0) {
        char field[64];
        buf_printf(out, ",\"%s\":", reasoning_field(answer, field));
        json_quote(out, answer->play->reasoning);
    }
    if (answer->has_tools)
        append_calls(answer, out);
    if (!is_llama(answer))
        append_plain_extras(answer, out);
    buf_putc(out, '}');
    if (answer_has_logprobs(answer)) {
        buf_puts(out, LIST_BEGIN);
        answer_put_logprobs(answer, out);
        buf_puts(out, LIST_END);
    } else {
        buf_puts(out, ",\"logprobs\":null");
    }
    append_plain_end(answer, out);
}

/* ---- the older completions --------------------------------------------------------------------- */

void completions_plain(struct answer *answer)
{
    append_opening(answer, answer->out, "cmpl-", "text_completion");
    buf_puts(answer->out, ",\"choices\":[{\"text\":");
    answer_quote_text(answer, answer->out);
    buf_puts(answer->out, ",\"index\":0,\"logprobs\":null");
    append_plain_end(answer, answer->out);
}

void completions_stream(struct answer *answer)
{
    AUTO_BUF struct buf before;
    buf_init(&before, FRAME_MAX);
    buf_puts(&before, "data: ");
    append_opening(answer, &before, "cmpl-", "text_completion");
    buf_puts(&before, ",\"choices\":[{\"text\":");
    struct str middle =
        answer->request->wants_usage
            ? STR(",\"index\":0,\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n")
            : STR(",\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    answer_opened(answer);
    if (answer_has_text(answer))
        answer_text(answer, &(struct frame){.before = buf_str(&before), .middle = middle});

    size_t opened;
    if (answer_begin_quiet(answer, &opened)) {
        buf_append_str(answer->out, buf_str(&before));
        buf_puts(answer->out, "\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":");
        json_quote(answer->out, finish_reason(answer));
        buf_puts(answer->out, answer->request->wants_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
        answer_end_quiet(answer, opened);
    }
    stream_usage(answer);
    stream_done(answer);
}
