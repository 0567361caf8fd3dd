/* tests/fuzz/fuzz_websocket.c: frames tell the same however they are cut, and what a second reader (wslay) reads too.
 *
 * The first byte is the role and the step. Of what the two readers may differ in, `must_agree` says all.
 */
#include "net/websocket.h"

#include "base/mem.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#define TEXT_MAX   (64u << 10)
#define EVENTS_MAX 4096

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* What was told, binary apart: it comes in pieces here, and in messages there. */
struct told {
    uint64_t events[EVENTS_MAX]; /* a digest of each */
    size_t count;
    struct buf binary;
    int code; /* of the end: a close, or how it broke; 0: none */
    bool is_broken;
    /* Where it stands at the end: in the middle of what wslay may have judged already. */
    bool is_text_open, is_frame_open, is_head_open, is_close_open;
    bool is_close_short; /* of one byte, which wslay takes for one without a code */
};

static void told_init(struct told *told)
{
    told->count = 0;
    told->code = 0;
    told->is_broken = told->is_text_open = false;
    told->is_frame_open = told->is_head_open = told->is_close_open = false;
    told->is_close_short = false;
    buf_init(&told->binary, 1u << 20);
}

static void note(struct told *told, char letter, int code, const void *bytes, size_t len)
{
    uint64_t sum = str_hash((struct str){bytes, len}) * 31 + (uint64_t)letter;
    require(told->count < EVENTS_MAX);
    told->events[told->count++] = sum * 31 + (uint64_t)code;
}

/* ---- ours ------------------------------------------------------------------------------------ */

static void note_event(struct told *told, const struct ws_event *event)
{
    require(event->kind == WS_NOTHING || !told->code); /* nothing comes after the end */
    switch (event->kind) {
    case WS_NOTHING: return;
    case WS_BINARY:
        require(event->len > 0);
        buf_append(&told->binary, event->bytes, event->len);
        return;
    case WS_TEXT:
        require(event->len <= TEXT_MAX);
        require(str_is_utf8((struct str){event->bytes, event->len}));
        note(told, 'T', 0, event->bytes, event->len);
        return;
    case WS_PING: note(told, 'P', 0, event->bytes, event->len); return;
    case WS_PONG: note(told, 'O', 0, event->bytes, event->len); return;
    case WS_CLOSE:
        require(event->code == 1005 || ws_is_close_code(event->code));
        told->code = event->code;
        note(told, 'C', event->code, event->bytes, event->len);
        return;
    case WS_BROKEN:
        require(event->len > 0);
        told->code = event->code;
        told->is_broken = true;
        return;
    }
}

static void read_ours(struct str frames, enum ws_role role, size_t step, struct told *told)
{
    struct ws_reader reader;
    told_init(told);
    ws_reader_init(&reader, role, TEXT_MAX);
    for (size_t at = 0; at < frames.len;) {
        size_t part = frames.len - at < step ? frames.len - at : step;
        AUTO_FREE char *copy = mem_dup(frames.at + at, part); /* it is written to */
        for (size_t seen = 0; seen < part;) {
            struct ws_event event;
            size_t used = ws_read(&reader, copy + seen, part - seen, 0, &event);
            require(used > 0 && used <= part - seen);
            note_event(told, &event);
            seen += used;
        }
        at += part;
    }
    told->is_text_open = reader.message == WS_OP_TEXT;
    told->is_frame_open = reader.left > 0;
    told->is_close_open = reader.left > 0 && (reader.head[0] & 15) == WS_OP_CLOSE;
    told->is_close_short =
        told->is_broken && (reader.head[0] & 15) == WS_OP_CLOSE && reader.control_len == 1;
    told->is_head_open = reader.head_len > 2 && reader.left == 0;
    ws_reader_release(&reader);
}

/* ---- wslay's --------------------------------------------------------------------------------- */

/* wslay judges a frame by its whole head and a first byte of its payload: what broke for us before that may break there
 * too, if these bytes follow. */
#define AFTERWARDS 16

struct theirs {
    struct str rest;
    size_t zeros; /* behind it */
    struct told *told;
};

static ssize_t give(wslay_event_context_ptr context, uint8_t *room, size_t len, int flags,
                    void *arg)
{
    struct theirs *theirs = arg;
    (void)flags;
    if (theirs->rest.len == 0 && theirs->zeros > 0) {
        theirs->zeros--;
        room[0] = 0;
        return 1;
    }
    if (theirs->rest.len == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    len = len < theirs->rest.len ? len : theirs->rest.len;
    memcpy(room, theirs->rest.at, len);
    theirs->rest = str_from(theirs->rest, len);
    return (ssize_t)len;
}

/* It keeps the code that it closes with only once it has sent it. */
static ssize_t swallow(wslay_event_context_ptr context, const uint8_t *bytes, size_t len, int flags,
                       void *arg)
{
    (void)context, (void)bytes, (void)flags, (void)arg;
    return (ssize_t)len;
}

static int no_mask(wslay_event_context_ptr context, uint8_t *room, size_t len, void *arg)
{
    (void)context, (void)arg;
    memset(room, 0, len);
    return 0;
}

static void on_message(wslay_event_context_ptr context,
                       const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
    struct theirs *theirs = arg;
    struct told *told = theirs->told;
    (void)context;
    switch (message->opcode) {
    case WSLAY_BINARY_FRAME: buf_append(&told->binary, message->msg, message->msg_length); return;
    case WSLAY_TEXT_FRAME: note(told, 'T', 0, message->msg, message->msg_length); return;
    case WSLAY_PING: note(told, 'P', 0, message->msg, message->msg_length); return;
    case WSLAY_PONG: note(told, 'O', 0, message->msg, message->msg_length); return;
    default:
        told->code = message->status_code ? message->status_code : 1005;
        note(told, 'C', told->code, message->msg_length > 2 ? message->msg + 2 : NULL,
             message->msg_length > 2 ? message->msg_length - 2 : 0);
    }
}

static void read_theirs(struct str frames, enum ws_role role, size_t zeros, struct told *told)
{
    struct theirs theirs = {.rest = frames, .zeros = zeros, .told = told};
    const struct wslay_event_callbacks callbacks = {.recv_callback = give,
                                                    .send_callback = swallow,
                                                    .genmask_callback = no_mask,
                                                    .on_msg_recv_callback = on_message};
    wslay_event_context_ptr context;
    told_init(told);
    int made = role == WS_SERVER ? wslay_event_context_server_init(&context, &callbacks, &theirs)
                                 : wslay_event_context_client_init(&context, &callbacks, &theirs);
    require(made == 0);
    wslay_event_config_set_max_recv_msg_length(context, TEXT_MAX);
    do { /* it returns when a read brought less than a head */
        int how = wslay_event_recv(context);
        require(how == 0 || how == WSLAY_ERR_CALLBACK_FAILURE);
    } while (wslay_event_want_read(context) && theirs.rest.len + theirs.zeros > 0);
    if (!wslay_event_want_read(context) && !told->code) {
        int sent = wslay_event_send(context);
        told->is_broken = true;
        told->code = sent == 0 ? wslay_event_get_status_code_sent(context) : 1002;
    }
    wslay_event_context_free(context);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void must_be_same(const struct told *a, const struct told *b)
{
    require(a->count == b->count && a->code == b->code && a->is_broken == b->is_broken);
    require(memcmp(a->events, b->events, a->count * sizeof a->events[0]) == 0);
    require(str_eq(buf_str(&a->binary), buf_str(&b->binary)));
}

/* wslay knows no bounds of fragments and of frames without content, and not the codes 1012 to 1014. It judges some
 * things before they are whole: the UTF-8 of a text, a length whose mask is to come, the code of a close; and it bounds
 * binary messages as it does texts. In all else both must agree: the same was told up to where the first of the two
 * stops, and what broke for one broke for the other. */
static void must_agree(const struct told *ours, const struct told *theirs)
{
    size_t common = ours->count < theirs->count ? ours->count : theirs->count;
    bool is_code_new = !ours->is_broken && ours->code >= 1012 && ours->code <= 1014;
    if (is_code_new && common == ours->count)
        common--;
    require(memcmp(ours->events, theirs->events, common * sizeof ours->events[0]) == 0);
    if (is_code_new || ours->is_close_short || (ours->is_broken && ours->code == 1008))
        return;
    if (theirs->is_broken) {
        require(theirs->count <= ours->count);
        require(ours->is_broken || (theirs->code == 1007 && ours->is_text_open) ||
                (theirs->code == 1009 && ours->is_frame_open) || ours->is_head_open ||
                ours->is_close_open);
        return;
    }
    require(!ours->is_broken && ours->count == theirs->count && ours->code == theirs->code);
    require(str_starts(buf_str(&ours->binary), buf_str(&theirs->binary)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct told whole, steps, theirs;
    if (len == 0 || len > TEXT_MAX)
        return 0;
    struct str frames = {(const char *)bytes + 1, len - 1};
    enum ws_role role = bytes[0] & 1 ? WS_CLIENT : WS_SERVER;
    read_ours(frames, role, frames.len + 1, &whole);
    read_ours(frames, role, 1 + (bytes[0] >> 1), &steps);
    must_be_same(&whole, &steps);
    read_theirs(frames, role, whole.is_broken ? AFTERWARDS : 0, &theirs);
    must_agree(&whole, &theirs);
    buf_release(&whole.binary);
    buf_release(&steps.binary);
    buf_release(&theirs.binary);
    return 0;
}
