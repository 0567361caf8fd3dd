/* net/websocket.c: a frame is a head of 2 to 14 bytes and its payload; a reader stands in one or the other.
 *
 * The head is collected byte by byte, because a read may end anywhere, and judged twice: after two bytes (what it
 * is) and when it is whole (how long it is). The payload is taken in pieces as large as they come.
 */
#include "net/websocket.h"

#include <assert.h>
#include <string.h>

#define BIT_FIN      0x80u
#define BITS_RSV     0x70u
#define BITS_OPCODE  0x0Fu
#define BIT_MASK     0x80u
#define BITS_LENGTH  0x7Fu
#define LENGTH_TWO   126u /* the length follows in two bytes, or in eight */
#define LENGTH_EIGHT 127u

enum {
    CODE_PROTOCOL = 1002,
    CODE_UNSUPPORTED = 1003,
    CODE_NOTHING = 1005,
    CODE_INVALID = 1007,
    CODE_POLICY = 1008,
    CODE_TOO_BIG = 1009,
    CODE_INTERNAL = 1011
};

void ws_reader_init(struct ws_reader *reader, enum ws_role role, size_t text_max)
{
    assert(text_max <= WS_TEXT_MAX);
    *reader = (struct ws_reader){.role = role, .text_max = text_max};
    buf_init(&reader->text, WS_TEXT_MAX);
}

void ws_reader_limit(struct ws_reader *reader, size_t text_max)
{
    assert(text_max <= WS_TEXT_MAX);
    reader->text_max = text_max;
}

void ws_reader_release(struct ws_reader *reader)
{
    buf_release(&reader->text);
}

void ws_reader_take_text(struct ws_reader *reader, struct buf *out_text)
{
    assert(reader->is_text_told);
    *out_text = reader->text;
    reader->is_text_told = false;
    buf_init(&reader->text, WS_TEXT_MAX);
}

/* ---- the head -------------------------------------------------------------------------------- */

static bool is_final(const struct ws_reader *reader)
{
    return reader->head[0] & BIT_FIN;
}

static unsigned opcode_of(const struct ws_reader *reader)
{
    return reader->head[0] & BITS_OPCODE;
}

static bool is_control(unsigned opcode)
{
    return opcode >= WS_OP_CLOSE;
}

static bool is_masked(const struct ws_reader *reader)
{
    return reader->head[1] & BIT_MASK;
}

/* Of the whole head, once its first two bytes are there. */
static size_t head_bytes(const struct ws_reader *reader)
{
    unsigned length = reader->head[1] & BITS_LENGTH;
    size_t more = length == LENGTH_EIGHT ? 8 : length == LENGTH_TWO ? 2 : 0;
    return 2 + more + (is_masked(reader) ? 4 : 0);
}

static const uint8_t *mask_of(const struct ws_reader *reader)
{
    return reader->head + head_bytes(reader) - 4;
}

static void tell_broken(struct ws_reader *reader, struct ws_event *event, int code,
                        const char *sentence)
{
    reader->is_over = true;
    *event = (struct ws_event){.kind = WS_BROKEN,
                               .code = code,
                               .bytes = (char *)(uintptr_t)sentence,
                               .len = strlen(sentence)};
}

/* What is wrong with a frame that begins so, or NULL. All of it is 1002. */
static const char *judge_start(const struct ws_reader *reader)
{
    unsigned opcode = opcode_of(reader);
    bool is_known = opcode <= WS_OP_BINARY || (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
    if (reader->head[0] & BITS_RSV)
        return "a reserved bit is set";
    if (!is_known)
        return "unknown opcode";
    if (is_masked(reader) != (reader->role == WS_SERVER))
        return reader->role == WS_SERVER ? "a client's frame is not masked"
                                         : "a server's frame is masked";
    if (is_control(opcode)) {
        if (!is_final(reader))
            return "a control frame is fragmented";
        return (reader->head[1] & BITS_LENGTH) > WS_CONTROL_MAX
                   ? "a control frame is longer than 125 bytes"
                   : NULL;
    }
    if (opcode == WS_OP_CONTINUATION && !reader->message)
        return "a continuation without a beginning";
    if (opcode != WS_OP_CONTINUATION && reader->message)
        return "a message begins inside another";
    return NULL;
}

/* The payload's length into `left`; false when a shorter form would have held it. */
static bool take_length(struct ws_reader *reader)
{
    unsigned length = reader->head[1] & BITS_LENGTH;
    size_t bytes = length == LENGTH_EIGHT ? 8 : length == LENGTH_TWO ? 2 : 0;
    reader->left = bytes ? 0 : length;
    for (size_t i = 0; i < bytes; i++)
        reader->left = reader->left << 8 | reader->head[2 + i];
    if (bytes == 8)
        return reader->left > UINT16_MAX && reader->left >> 63 == 0;
    return bytes == 0 || reader->left >= LENGTH_TWO;
}

/* A peer that sends what brings nothing keeps us busy for nothing. */
static bool is_idling(struct ws_reader *reader, int64_t now_ms)
{
    if (now_ms - reader->idle_from_ms >= WS_IDLE_MS) {
        reader->idle_from_ms = now_ms;
        reader->idle_frames = 0;
    }
    return ++reader->idle_frames > WS_IDLE_MAX;
}

static size_t text_room(const struct ws_reader *reader)
{
    return reader->text_max > reader->text.len ? reader->text_max - reader->text.len : 0;
}

/* The head is whole: how much comes, and may it? False when a rule was broken. */
static bool begin_frame(struct ws_reader *reader, int64_t now_ms, struct ws_event *event)
{
    unsigned opcode = opcode_of(reader);
    if (!take_length(reader)) {
        tell_broken(reader, event, CODE_PROTOCOL, "a length is not in its shortest form");
        return false;
    }
    reader->mask_at = 0;
    reader->control_len = 0;
    if (!is_control(opcode) && opcode != WS_OP_CONTINUATION) {
        reader->message = (uint8_t)opcode;
        reader->fragments = 0;
    }
    bool is_text = !is_control(opcode) && reader->message == WS_OP_TEXT;
    if (is_text && reader->text_max == 0) {
        tell_broken(reader, event, CODE_UNSUPPORTED, "a text where none is expected");
        return false;
    }
    if (reader->left > (is_text ? text_room(reader) : WS_BINARY_MAX)) {
        tell_broken(reader, event, CODE_TOO_BIG, "a message is too large");
        return false;
    }
    if (is_text && ++reader->fragments > WS_FRAGMENTS_MAX) {
        tell_broken(reader, event, CODE_POLICY, "a message in too many fragments");
        return false;
    }
    if ((is_control(opcode) || reader->left == 0) && is_idling(reader, now_ms)) {
        tell_broken(reader, event, CODE_POLICY, "too many frames without content");
        return false;
    }
    return true;
}

/* Up to `wanted` bytes of it; returns how many were used. */
static size_t fill_head(struct ws_reader *reader, size_t wanted, const char *bytes, size_t len)
{
    size_t used = 0;
    while (used < len && reader->head_len < wanted)
        reader->head[reader->head_len++] = (uint8_t)bytes[used++];
    return used;
}

/* Collects the head; returns how many bytes were used. It is whole when `*out_is_whole`. */
static size_t read_head(struct ws_reader *reader, const char *bytes, size_t len, int64_t now_ms,
                        struct ws_event *event, bool *out_is_whole)
{
    size_t used = 0;
    *out_is_whole = false;
    if (reader->head_len < 2) {
        used = fill_head(reader, 2, bytes, len);
        if (reader->head_len < 2)
            return used;
        const char *wrong = judge_start(reader);
        if (wrong) {
            tell_broken(reader, event, CODE_PROTOCOL, wrong);
            return used;
        }
    }
    size_t wanted = head_bytes(reader);
    used += fill_head(reader, wanted, bytes + used, len - used);
    if (reader->head_len == wanted)
        *out_is_whole = begin_frame(reader, now_ms, event);
    return used;
}

/* ---- the payload ----------------------------------------------------------------------------- */

bool ws_is_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void end_close(struct ws_reader *reader, struct ws_event *event)
{
    size_t len = reader->control_len;
    const uint8_t *at = (const uint8_t *)reader->control;
    int code = len >= 2 ? at[0] << 8 | at[1] : CODE_NOTHING;
    if (len == 1 || (len >= 2 && !ws_is_close_code(code))) {
        tell_broken(reader, event, CODE_PROTOCOL, "a close with a code that may not be sent");
        return;
    }
    struct str reason = str_from((struct str){reader->control, len}, 2);
    if (!str_is_utf8(reason)) {
        tell_broken(reader, event, CODE_INVALID, "the reason of a close is not UTF-8");
        return;
    }
    reader->is_over = true;
    *event = (struct ws_event){.kind = WS_CLOSE,
                               .code = code,
                               .bytes = reader->control + (len < 2 ? len : 2),
                               .len = reason.len};
}

static void end_text(struct ws_reader *reader, struct ws_event *event)
{
    struct str text = buf_str(&reader->text);
    if (!str_is_utf8(text)) {
        tell_broken(reader, event, CODE_INVALID, "a text is not UTF-8");
        return;
    }
    reader->is_text_told = true;
    *event =
        (struct ws_event){.kind = WS_TEXT, .bytes = (char *)(uintptr_t)text.at, .len = text.len};
}

/* The payload is whole. */
static void end_frame(struct ws_reader *reader, struct ws_event *event)
{
    unsigned opcode = opcode_of(reader);
    reader->head_len = 0;
    reader->control[reader->control_len] = '\0';
    if (opcode == WS_OP_CLOSE) {
        end_close(reader, event);
    } else if (is_control(opcode)) {
        *event = (struct ws_event){.kind = opcode == WS_OP_PING ? WS_PING : WS_PONG,
                                   .bytes = reader->control,
                                   .len = reader->control_len};
    } else if (is_final(reader)) {
        bool is_text = reader->message == WS_OP_TEXT;
        reader->message = 0;
        if (is_text)
            end_text(reader, event);
    }
}

/* Unmasks what is there of the payload and puts it where it belongs; returns how many bytes that was. */
static size_t read_payload(struct ws_reader *reader, char *bytes, size_t len,
                           struct ws_event *event)
{
    size_t part = reader->left < len ? (size_t)reader->left : len;
    if (is_masked(reader))
        ws_mask(bytes, part, mask_of(reader), reader->mask_at);
    reader->mask_at = (uint8_t)((reader->mask_at + part) & 3);
    reader->left -= part;
    if (is_control(opcode_of(reader))) {
        memcpy(reader->control + reader->control_len, bytes, part);
        reader->control_len = (uint8_t)(reader->control_len + part);
    } else if (reader->message == WS_OP_BINARY) {
        *event = (struct ws_event){.kind = WS_BINARY, .bytes = bytes, .len = part};
    } else {
        buf_append(&reader->text, bytes, part);
        if (reader->text.failed)
            tell_broken(reader, event, CODE_INTERNAL, "no memory for a message");
    }
    return part;
}

size_t ws_read(struct ws_reader *reader, char *bytes, size_t len, int64_t now_ms,
               struct ws_event *out_event)
{
    size_t used = 0;
    *out_event = (struct ws_event){.kind = WS_NOTHING};
    if (reader->is_text_told) {
        reader->is_text_told = false;
        buf_release(&reader->text);
    }
    while (used < len && out_event->kind == WS_NOTHING) {
        if (reader->is_over)
            return len;
        if (reader->left == 0) {
            bool is_whole;
            used += read_head(reader, bytes + used, len - used, now_ms, out_event, &is_whole);
            if (!is_whole)
                continue;
        } else {
            used += read_payload(reader, bytes + used, len - used, out_event);
        }
        if (reader->left == 0 && !reader->is_over)
            end_frame(reader, out_event);
    }
    return used;
}

/* ---- writing --------------------------------------------------------------------------------- */

size_t ws_write_head(char head[WS_HEAD_MAX], enum ws_opcode opcode, size_t len,
                     const uint8_t mask[4])
{
    size_t bytes = len > UINT16_MAX ? 8 : len >= LENGTH_TWO ? 2 : 0;
    unsigned length = bytes == 8 ? LENGTH_EIGHT : bytes == 2 ? LENGTH_TWO : (unsigned)len;
    size_t at = 0;
    head[at++] = (char)(BIT_FIN | opcode);
    head[at++] = (char)(length | (mask ? BIT_MASK : 0));
    for (size_t i = bytes; i-- > 0;)
        head[at++] = (char)(uint8_t)((uint64_t)len >> (8 * i));
    if (mask) {
        memcpy(head + at, mask, 4);
        at += 4;
    }
    return at;
}

void ws_mask(char *bytes, size_t len, const uint8_t mask[4], size_t at)
{
    uint8_t turned[8];
    uint64_t word, eight;
    for (size_t i = 0; i < 4; i++)
        turned[i] = mask[(at + i) & 3];
    memcpy(turned + 4, turned, 4);
    memcpy(&word, turned, sizeof word);
    for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
        memcpy(&eight, bytes, sizeof eight);
        eight ^= word;
        memcpy(bytes, &eight, sizeof eight);
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(bytes[i] ^ turned[i]);
}
