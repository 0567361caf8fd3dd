/* simulate/answer.c: from a play and a request to a program.
 *
 * Content goes out in pieces, and pieces are what breaks are counted in: reasoning, text and the
 * arguments of calls, in that order. Once the break is built the answer is over and every later
 * append does nothing, so the vendor files read as if all went well.
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"

/* ---- breaks ---------------------------------------------------------------------------------- */

static void take_break(struct answer *answer, int64_t after, enum step_kind kind)
{
    if (after == PLAY_UNSET || (answer->pieces_max >= 0 && after >= answer->pieces_max))
        return;
    answer->pieces_max = after;
    answer->break_kind = kind;
}

static void plan_break(struct answer *answer)
{
    const struct play *play = answer->play;
    answer->pieces_max = -1;
    take_break(answer, play->cut_after_events, STEP_CUT);
    take_break(answer, play->reset_after_events, STEP_RESET);
    take_break(answer, play->stall_after_events, STEP_STALL);
    take_break(answer, play->error_after_events, STEP_FINISH);
}

static void break_if_due(struct answer *answer)
{
    if (answer->is_over || answer->pieces_max < 0 || answer->pieces < answer->pieces_max)
        return;
    if (answer->break_kind == STEP_FINISH)
        vendor_error_event(answer);
    program_end(answer->program, answer->break_kind);
    answer->is_over = true;
}

void answer_opened(struct answer *answer)
{
    break_if_due(answer);
    if (answer->is_over || !answer->play->lifecycle_only)
        return;
    program_end(answer->program, STEP_FINISH);
    answer->is_over = true;
}

/* ---- events ---------------------------------------------------------------------------------- */

bool answer_begin_quiet(struct answer *answer, size_t *out_opened)
{
    *out_opened = program_open(answer->program);
    return !answer->is_over;
}

void answer_end_quiet(struct answer *answer, size_t opened)
{
    program_close(answer->program, opened, 1);
}

bool answer_begin(struct answer *answer, size_t *out_opened)
{
    if (!answer->is_over && answer->pieces > 0)
        program_wait(answer->program, play_or(answer->play->gap_ms, 0));
    return answer_begin_quiet(answer, out_opened);
}

void answer_end(struct answer *answer, size_t opened)
{
    program_close(answer->program, opened, 1);
    answer->pieces++;
    break_if_due(answer);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static size_t to_boundary(struct str text, size_t len)
{
    while (len < text.len && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* The next word with the blanks behind it. */
static size_t word_length(struct str text)
{
    size_t len = 0;
    while (len < text.len && text.at[len] != ' ' && text.at[len] != '\n')
        len++;
    while (len < text.len && (text.at[len] == ' ' || text.at[len] == '\n'))
        len++;
    return len;
}

static size_t piece_length(struct str rest, int64_t pieces_left)
{
    if (pieces_left <= 0)
        return word_length(rest);
    size_t len = rest.len / (size_t)pieces_left;
    return to_boundary(rest, len > 0 ? len : 1);
}

static void append_number(struct answer *answer, const struct frame *frame)
{
    if (!frame->has_number)
        return;
    buf_printf(answer->out, "%lld", (long long)answer->sequence++);
    buf_append_str(answer->out, frame->after);
}

static void append_piece(struct answer *answer, struct str piece, const struct frame *frame)
{
    size_t opened;
    if (!answer_begin(answer, &opened))
        return;
    buf_append_str(answer->out, frame->before);
    json_quote(answer->out, piece);
    buf_append_str(answer->out, frame->middle);
    if (frame->list_end.len > 0)
        answer_put_logprob(answer->out, piece);
    buf_append_str(answer->out, frame->list_end);
    append_number(answer, frame);
    answer_end(answer, opened);
}

struct str answer_cut_piece(struct str *rest, int64_t *pieces)
{
    struct str text = *rest;
    size_t len = *pieces < 0 ? to_boundary(text, (size_t) - *pieces) : piece_length(text, *pieces);
    *rest = str_from(text, len);
    *pieces -= *pieces > 1 && rest->len > 0;
    return str_upto(text, len);
}

static void append_pieces(struct answer *answer, struct str text, int64_t pieces,
                          const struct frame *frame)
{
    while (text.len > 0 && !answer->is_over)
        append_piece(answer, answer_cut_piece(&text, &pieces), frame);
}

/* One event with a filler of many bytes. */
static void append_huge(struct answer *answer, int64_t bytes, const struct frame *frame)
{
    size_t opened;
    if (!answer_begin(answer, &opened))
        return;
    buf_append_str(answer->out, frame->before);
    buf_putc(answer->out, '"');
    program_close(answer->program, opened, 0);
    program_fill(answer->program, 'x', bytes);
    opened = program_open(answer->program);
    buf_putc(answer->out, '"');
    buf_append_str(answer->out, frame->middle);
    append_number(answer, frame);
    answer_end(answer, opened);
}

static int64_t default_pieces(const struct play *play)
{
    return play_or(play->events, DEFAULT_PIECES);
}

/* A run of stamped tokens: one step, cut short where a break is due. */
static void append_tokens(struct answer *answer, const struct frame *frame)
{
    int64_t count = default_pieces(answer->play);
    int64_t left = answer->pieces_max < 0 ? count : answer->pieces_max - answer->pieces;
    count = count < left ? count : left;
    if (answer->is_over || count <= 0)
        return;
    int64_t gap_ms = play_or(answer->play->gap_ms, 0);
    if (answer->pieces > 0)
        program_wait(answer->program, gap_ms);

    AUTO_BUF struct buf before;
    AUTO_BUF struct buf middle;
    buf_init(&before, 8192);
    buf_init(&middle, 8192);
    buf_append_str(&before, frame->before);
    buf_putc(&before, '"');
    buf_putc(&middle, '"');
    buf_append_str(&middle, frame->middle);
    program_tokens(answer->program, buf_str(&before), buf_str(&middle), frame->after,
                   frame->has_number ? answer->sequence : -1, count, gap_ms);
    answer->sequence += frame->has_number ? count : 0;
    answer->pieces += count;
    answer->program->failed |= before.failed || middle.failed;
    break_if_due(answer);
}

void answer_text(struct answer *answer, const struct frame *frame)
{
    const struct play *play = answer->play;
    if (play->one_event_bytes != PLAY_UNSET)
        append_huge(answer, play->one_event_bytes, frame);
    else if (play->has_text)
        append_pieces(answer, play->text, play_or(play->events, 0), frame);
    else
        append_tokens(answer, frame);
}

void answer_reasoning(struct answer *answer, const struct frame *frame)
{
    append_pieces(answer, answer->play->reasoning, 0, frame);
}

void answer_arguments(struct answer *answer, struct str arguments, const struct frame *frame)
{
    append_pieces(answer, arguments, -ARGUMENT_BYTES, frame);
}

void answer_argument_piece(struct answer *answer, struct str *rest, const struct frame *frame)
{
    size_t len = to_boundary(*rest, ARGUMENT_BYTES < rest->len ? ARGUMENT_BYTES : rest->len);
    append_piece(answer, str_upto(*rest, len), frame);
    *rest = str_from(*rest, len);
}

void answer_refusal(struct answer *answer, const struct frame *frame)
{
    append_pieces(answer, answer->play->refusal, 0, frame);
}

/* ---- the whole text, and its price ------------------------------------------------------------- */

bool answer_has_text(const struct answer *answer)
{
    const struct play *play = answer->play;
    if (play->one_event_bytes != PLAY_UNSET)
        return true;
    if (play->has_text)
        return play->text.len > 0;
    return !answer->has_tools && play->refusal.len == 0 && default_pieces(play) > 0;
}

void answer_quote_text(const struct answer *answer, struct buf *out)
{
    const struct play *play = answer->play;
    if (!answer_has_text(answer)) {
        buf_puts(out, "\"\"");
    } else if (play->one_event_bytes != PLAY_UNSET) {
        buf_puts(out, "\"(one_event_bytes is only for streams)\"");
    } else if (play->has_text) {
        json_quote(out, play->text);
    } else {
        buf_putc(out, '"');
        for (int64_t n = 0; n < default_pieces(play) && !out->failed; n++)
            token_append(out, answer->request->seq, n);
        buf_putc(out, '"');
    }
}

static int64_t count_words(struct str text)
{
    int64_t count = 0;
    for (; text.len > 0; count++)
        text = str_from(text, word_length(text));
    return count;
}

struct said_usage answer_usage(const struct answer *answer)
{
    const struct play *play = answer->play;
    int64_t reasoning = count_words(play->reasoning);
    int64_t output = reasoning + count_words(play->refusal);
    if (answer_has_text(answer))
        output += play->has_text ? count_words(play->text) : default_pieces(play);
    for (size_t i = 0; answer->has_tools && i < play->tool_count; i++)
        output += (int64_t)(play->tools[i].arguments.len / 4) + 8;
    return (struct said_usage){
        .input = play_or(play->usage.input_tokens, answer->request->prompt_tokens),
        .output = play_or(play->usage.output_tokens, output),
        .cached = play_or(play->usage.cached_tokens, 0),
        .cache_write = play_or(play->usage.cache_write_tokens, 0),
        .reasoning = play_or(play->usage.reasoning_tokens, reasoning)};
}

/* ---- kinds of answers ------------------------------------------------------------------------ */

static const struct way {
    void (*stream)(struct answer *answer);
    void (*plain)(struct answer *answer);
} ways[] = {
    [ASKED_CHAT] = {chat_stream, chat_plain},
    [ASKED_RESPONSES] = {responses_stream, responses_plain},
    [ASKED_COMPLETIONS] = {completions_stream, completions_plain},
    [ASKED_EMBEDDINGS] = {NULL, embeddings_plain},
    [ASKED_MESSAGES] = {messages_stream, messages_plain},
    [ASKED_COUNT_TOKENS] = {NULL, count_tokens_plain},
    [ASKED_TOKENIZE] = {NULL, tokenize_plain},
};

static void build_models(struct answer *answer, const struct model_list *models)
{
    const struct play *play = answer->play;
    answer->program->status = (int)play_or(play->models_status, 200);
    if (play->has_models_body)
        buf_append_str(answer->out, play->models_body);
    else if (answer->program->status >= 400)
        vendor_error_body(answer->out, answer->request, play, answer->program->status, NULL);
    else if (answer->request->asked == ASKED_MODELS)
        models_plain(answer, models);
    else if (answer->request->asked == ASKED_MODEL)
        model_plain(answer, models);
    else
        llama_plain(answer, models);
}

static void build_plain(struct answer *answer, const struct model_list *models)
{
    const struct play *play = answer->play;
    program_wait(answer->program, play_or(play->first_event_delay_ms, 0));
    size_t opened = program_open(answer->program);
    if (play->has_body)
        buf_append_str(answer->out, play->body);
    else if (answer->program->status < 400 && play->error_after_events != PLAY_UNSET)
        vendor_error_body(answer->out, answer->request, play, 500, NULL); /* inside a 200 */
    else if (answer->program->status >= 400)
        vendor_error_body(answer->out, answer->request, play, answer->program->status, NULL);
    else if (answer->request->asked >= ASKED_MODELS)
        build_models(answer, models);
    else
        ways[answer->request->asked].plain(answer);
    program_close(answer->program, opened, 0);
}

static void build_stream(struct answer *answer)
{
    program_wait(answer->program, play_or(answer->play->first_event_delay_ms, 0));
    ways[answer->request->asked].stream(answer);
}

static bool is_stream(const struct answer *answer)
{
    return answer->request->stream && answer->request->asked < ASKED_MODELS &&
           ways[answer->request->asked].stream && !answer->play->has_body &&
           answer->program->status < 400;
}

static void append_headers(struct answer *answer)
{
    struct buf *out = &answer->program->headers;
    const char *id = answer->request->id;
    if (answer->request->vendor == VENDOR_ANTHROPIC)
        buf_printf(out, "request-id: req_%s\r\n", id);
    else if (answer->request->vendor == VENDOR_OPENAI)
        buf_printf(out, "x-request-id: req_%s\r\nopenai-processing-ms: 7\r\n", id);
    if (answer->play->retry_after.len > 0)
        buf_printf(out, "retry-after: %.*s\r\n", STR_ARG(answer->play->retry_after));
    buf_append_str(out, answer->play->headers);
}

static void begin(struct answer *answer, struct program *program, const struct play *play,
                  const struct request *request)
{
    *answer = (struct answer){
        .program = program, .out = &program->bytes, .play = play, .request = request};
    answer->has_tools = play->tool_count > 0 && request->has_tools &&
                        (play->tool_loop || !request->has_tool_result);
    program_clear(program);
    program->seq = request->seq;
    program->status = (int)play_or(play->status, 200);
    program->content_type = STR("application/json");
    plan_break(answer);
    append_headers(answer);
}

void answer_build(struct program *program, const struct play *play, const struct request *request,
                  const struct model_list *models)
{
    struct answer answer;
    begin(&answer, program, play, request);
    program->delay_ms = play_or(play->delay_ms, 0);
    program->trickle_ms = play_or(play->trickle_ms, 0);
    if (is_stream(&answer)) {
        program->framing = FRAMING_CHUNKED;
        program->content_type = STR("text/event-stream; charset=utf-8");
        build_stream(&answer);
    } else {
        program->framing = FRAMING_LENGTH;
        build_plain(&answer, models);
    }
    if (!answer.is_over)
        program_end(program, STEP_FINISH);
    if (play->content_type.len > 0)
        program->content_type = play->content_type;
    framing_apply(program, play);
}

/* Begins an answer without a play; what the caller appends is its body. */
static size_t begin_refusal(struct answer *answer, struct play *play, struct program *program,
                            const struct request *request, int status)
{
    play_init(play);
    begin(answer, program, play, request);
    program->status = status;
    program->framing = FRAMING_LENGTH;
    return program_open(program);
}

void answer_refuse(struct program *program, const struct request *request, int status,
                   const char *message)
{
    struct play play;
    struct answer answer;
    size_t opened = begin_refusal(&answer, &play, program, request, status);
    vendor_error_body(answer.out, request, &play, status, message);
    program_close(program, opened, 0);
    program_end(program, STEP_FINISH);
}

void answer_refuse_field(struct program *program, const struct request *request,
                         const struct refusal *refusal)
{
    struct play play;
    struct answer answer;
    size_t opened = begin_refusal(&answer, &play, program, request, refusal->status);
    vendor_error_refusal(answer.out, request, refusal);
    program_close(program, opened, 0);
    program_end(program, STEP_FINISH);
}

void answer_refuse_overflow(struct program *program, const struct request *request,
                            int64_t context_tokens)
{
    struct play play;
    struct answer answer;
    long long prompt = request->prompt_tokens, context = context_tokens;
    size_t opened = begin_refusal(&answer, &play, program, request, 400);
    buf_printf(
        answer.out,
        "{\"error\":{\"code\":400,\"message\":\"request (%lld tokens) exceeds the available "
        "context size (%lld tokens), try increasing it\",\"type\":\"exceed_context_size_error\","
        "\"n_prompt_tokens\":%lld,\"n_ctx\":%lld}}",
        prompt, context, prompt, context);
    program_close(program, opened, 0);
    program_end(program, STEP_FINISH);
}
