/* simulate/framing.c: the head of an answer that lies, and where its bytes stop.
 *
 * Honest answers are framed by http/exchange.h. An answer that must be wrong at this level gets its
 * head built here, byte by byte, and put in front of the body's steps. It always ends its connection.
 */
#include "simulate/answer_parts.h"

#include "http/head.h"

/* A gzip stream of zeros, a thousand times as long as what is sent: head, then zero bytes (each is four
 * matches of 258), then an end. The checksum is left out: nobody should get that far. */
static const char bomb_head[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
                                "\xed\xc1\x01\x01\x00\x00\x00\x82\x20\xff\xaf\x6e\x48\x40\x01";
static const char bomb_tail[] = "\xf7\x06";
#define BOMB_RATIO 1032

static const char garbage[] = "\x16\x03\x01 this is not HTTP \xff\xfe\r\nnor is this\r\n\r\n";

/* ---- breaks below the events ------------------------------------------------------------------- */

static void limit(struct program *program, int64_t bytes, enum step_kind end)
{
    if (bytes == PLAY_UNSET || (program->bytes_max >= 0 && bytes >= program->bytes_max))
        return;
    program->bytes_max = bytes;
    program->max_end = end;
}

static void limit_plain(struct program *program, int64_t after_events, enum step_kind end)
{
    if (after_events != PLAY_UNSET)
        limit(program, program_size(program) / 2, end);
}

static void apply_limits(struct program *program, const struct play *play)
{
    limit(program, play->cut_after_bytes, STEP_CUT);
    limit(program, play->reset_after_bytes, STEP_RESET);
    limit(program, play->stall_after_bytes, STEP_STALL);
    if (program->framing != FRAMING_LENGTH)
        return;
    limit_plain(program, play->cut_after_events, STEP_CUT);
    limit_plain(program, play->reset_after_events, STEP_RESET);
    limit_plain(program, play->stall_after_events, STEP_STALL);
}

/* ---- instead of an answer ---------------------------------------------------------------------- */

static void say_instead(struct program *program, struct str bytes, enum step_kind end)
{
    program->framing = FRAMING_RAW;
    program->step_count = 0;
    program->head_steps = 0;
    program->bytes_max = -1;
    program_bytes(program, bytes, 0);
    program_end(program, end);
}

static bool has_no_answer(struct program *program, const struct play *play)
{
    if (play->stall_before_head)
        say_instead(program, STR(""), STEP_STALL);
    else if (play->reset_before_head)
        say_instead(program, STR(""), STEP_RESET);
    else if (play->cut_before_head)
        say_instead(program, STR(""), STEP_CUT);
    else if (play->garbage)
        say_instead(program, (struct str){garbage, sizeof garbage - 1}, STEP_CUT);
    else if (play->has_raw)
        say_instead(program, play->raw, STEP_CUT);
    else
        return false;
    return true;
}

static void make_bomb(struct program *program, int64_t mib)
{
    program->step_count = 0;
    program->framing = FRAMING_CHUNKED;
    program->bytes_max = -1;
    buf_puts(&program->headers, "content-encoding: gzip\r\n");
    program_bytes(program, (struct str){bomb_head, sizeof bomb_head - 1}, 0);
    program_fill(program, '\0', mib * 1024 * 1024 / BOMB_RATIO);
    program_bytes(program, (struct str){bomb_tail, sizeof bomb_tail - 1}, 0);
    program_end(program, STEP_FINISH);
}

/* ---- the head -------------------------------------------------------------------------------- */

static bool has_odd_status(const struct program *program, const struct play *play)
{
    bool has_no_body = program->status < 200 || program->status == 204 || program->status == 304;
    return has_no_body && play->has_body;
}

#define ONE_WRITE_MAX (1024 * 1024) /* a longer answer goes out as the client takes it */

static bool needs_raw(const struct program *program, const struct play *play)
{
    bool is_length = program->framing == FRAMING_LENGTH;
    return play->http_1_0 || play->close || play->torn_chunk ||
           play_or(play->informational, 0) > 0 || play->content_length_delta != PLAY_UNSET ||
           play->header_bytes != PLAY_UNSET || play->header_count != PLAY_UNSET ||
           has_odd_status(program, play) ||
           (is_length ? program_size(program) > ONE_WRITE_MAX || program->trickle_ms > 0 ||
                            program->bytes_max >= 0 || play->first_event_delay_ms != PLAY_UNSET
                      : play->chunked == 0);
}

static void append_status(struct program *program, const struct play *play)
{
    struct buf *out = &program->bytes;
    const char *version = play->http_1_0 ? "1.0" : "1.1";
    for (int64_t i = 0; i < play_or(play->informational, 0); i++)
        buf_puts(out, i % 2 ? "HTTP/1.1 102 Processing\r\n\r\n"
                            : "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
    buf_printf(out, "HTTP/%s %d %s\r\n", version, program->status, http_reason(program->status));
    buf_append_str(out, buf_str(&program->headers));
    buf_printf(out, "content-type: %.*s\r\n", STR_ARG(program->content_type));
}

static void append_length(struct program *program, const struct play *play, int64_t size)
{
    struct buf *out = &program->bytes;
    if (program->framing == FRAMING_RAW_CHUNKED)
        buf_puts(out, "transfer-encoding: chunked\r\n");
    else if (size >= 0)
        buf_printf(out, "content-length: %lld\r\n",
                   (long long)(size + play_or(play->content_length_delta, 0)));
    if (play->close)
        buf_puts(out, "connection: close\r\n");
    for (int64_t i = 0; i < play_or(play->header_count, 0); i++)
        buf_printf(out, "x-fill-%lld: 1\r\n", (long long)i);
}

static void make_head(struct program *program, const struct play *play)
{
    bool is_length = program->framing == FRAMING_LENGTH || play->content_length_delta != PLAY_UNSET;
    bool is_open_ended = play->http_1_0 || play->chunked == 0;
    int64_t size = is_length ? program_size(program) : -1;
    program->framing = is_length || is_open_ended ? FRAMING_RAW : FRAMING_RAW_CHUNKED;
    program->torn_chunk = play->torn_chunk;

    size_t body_steps = program->step_count;
    size_t opened = program_open(program);
    append_status(program, play);
    append_length(program, play, size);
    if (play->header_bytes != PLAY_UNSET) {
        buf_puts(&program->bytes, "x-fill: ");
        program_close(program, opened, 0);
        program_fill(program, 'a', play->header_bytes);
        opened = program_open(program);
        buf_puts(&program->bytes, "\r\n");
    }
    buf_puts(&program->bytes, "\r\n");
    program_close(program, opened, 0);
    program_make_head(program, program->step_count - body_steps);
}

void framing_apply(struct program *program, const struct play *play)
{
    if (has_no_answer(program, play))
        return;
    if (play->gzip_bomb_mib != PLAY_UNSET)
        make_bomb(program, play->gzip_bomb_mib);
    else
        apply_limits(program, play);
    if (program->framing == FRAMING_LENGTH && play->chunked == 1)
        program->framing = FRAMING_CHUNKED;
    if (needs_raw(program, play))
        make_head(program, play);
}
