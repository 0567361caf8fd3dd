/* net/conn_websocket.c: a connection whose bytes travel in frames, and which may move from loop to loop.
 *
 * One read may hold many frames. Their content is moved together, so that the owner is told once, as of a plain
 * connection. Everything else that is to be told (a text, a close) is told alone: what stands behind it waits in
 * `unread` for the next turn, because the owner may close, free or take away the connection inside a callback. So
 * here too every callback is the last thing its function does.
 */
#include "net/conn_parts.h"

#include "base/mem.h"
#include "sys/random.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS        INT64_C(1000000)
#define UNREAD_MAX       (4u * LOOP_SCRATCH_BYTES)
#define FRAME_BYTES      (1u << 20)
#define STAGE_BYTES      16384u       /* of a masked frame, which is put together on the stack */
#define PONG_PENDING_MAX (64u * 1024) /* a peer that does not read gets no pongs either */
#define DRAIN_BYTES      (1u << 20)
#define SLICE_PIECES     64

enum {
    CODE_NORMAL = 1000,
    CODE_GOING_AWAY = 1001,
    CODE_UNSUPPORTED = 1003,
    CODE_NOTHING = 1005,
    CODE_TOO_BIG = 1009,
    CODE_INTERNAL = 1011 /* no memory */
};

bool websocket_is_waiting(const struct detached *ws)
{
    return ws->held.kind != WS_NOTHING || ws->unread.len > 0;
}

void websocket_free(struct detached *ws)
{
    if (!ws)
        return;
    ws_reader_release(&ws->reader);
    buf_release(&ws->unread);
    mem_free(ws);
}

enum err conn_upgrade(struct conn *conn, enum ws_role role, struct str answer, struct str bytes)
{
    struct iovec piece = {(char *)(uintptr_t)answer.at, answer.len};
    assert(!conn->ws && conn->fd >= 0);
    struct detached *ws = mem_zalloc(1, sizeof *ws);
    if (!ws)
        return ERR_NO_MEMORY;
    ws->fd = -1;
    ws_reader_init(&ws->reader, role, 0);
    buf_init(&ws->unread, UNREAD_MAX);
    if (bytes.len)
        buf_append_str(&ws->unread, bytes);
    enum err err = ws->unread.failed ? ERR_NO_MEMORY : conn_write_raw(conn, &piece, 1);
    if (err != OK) {
        websocket_free(ws);
        return err;
    }
    ws->heard_ns = loop_now_ns(conn->loop);
    conn->ws = ws;
    if (conn->is_reading)
        conn_start_reading(conn);
    return OK;
}

int64_t conn_heard_ns(const struct conn *conn)
{
    return conn->ws->heard_ns;
}

/* ---- from loop to loop ----------------------------------------------------------------------- */

struct detached *conn_detach(struct conn *conn)
{
    struct detached *ws = TAKE(conn->ws);
    event_del(&conn->read_event);
    conn_forget_write(conn);
    ws->fd = conn->fd;
    ws->tls = TAKE(conn->tls);
    ws->unsent = conn->unsent;
    ws->unsent_at = conn->unsent_at;
    ws->progress_ns = conn->progress_ns;
    ws->is_dialled = conn->is_dialled;
    ws->is_write_dead = conn->is_write_dead;
    ws->is_out_of_memory = conn->is_out_of_memory;
    conn->unsent = (struct buf){0};
    conn->unsent_at = 0;
    conn->fd = -1;
    return ws;
}

/* Into a connection that is not on a loop yet. */
static void reattach(struct conn *conn, struct detached *ws)
{
    conn->tls = TAKE(ws->tls);
    conn->unsent = ws->unsent;
    conn->unsent_at = ws->unsent_at;
    conn->progress_ns = ws->progress_ns;
    conn->is_dialled = ws->is_dialled;
    conn->is_write_dead = ws->is_write_dead;
    conn->is_out_of_memory = ws->is_out_of_memory;
    conn->ws = ws;
    ws->unsent = (struct buf){0};
    ws->fd = -1;
}

enum err conn_adopt(struct conn *conn, struct loop *loop, struct detached *detached,
                    size_t text_max, const struct conn_ops *ops, void *owner)
{
    conn_init(conn, loop, detached->fd, ops, owner);
    reattach(conn, detached);
    ws_reader_limit(&detached->reader, text_max);
    if (event_add(&conn->read_event, NULL) != 0 ||
        (conn_pending(conn) > 0 && !conn_want_write(conn))) {
        conn_close(conn, false);
        return ERR_NO_MEMORY;
    }
    conn_start_reading(conn);
    if (conn->is_write_dead)
        event_active(&conn->read_event, EV_READ, 1);
    return OK;
}

bool detached_skip_text(struct detached *detached, struct str text)
{
    bool is_alone =
        detached->held.kind == WS_TEXT && detached->unread.len == 0 && detached->unsent.len == 0;
    if (!is_alone || !str_eq(buf_str(&detached->reader.text), text))
        return false;
    AUTO_BUF struct buf told;
    ws_reader_take_text(&detached->reader, &told);
    detached->held = (struct ws_event){.kind = WS_NOTHING};
    return true;
}

bool detached_is_quiet(const struct detached *detached)
{
    char byte;
    if (websocket_is_waiting(detached) || detached->is_write_dead ||
        (detached->tls && SSL_has_pending(detached->tls)))
        return false;
    ssize_t n = recv(detached->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* By way of a connection without a loop: what closes a connection does not need one. */
void detached_free(struct detached *detached)
{
    if (!detached)
        return;
    struct conn conn = {.fd = detached->fd};
    reattach(&conn, detached);
    conn_close_loopless(&conn, false);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool is_masking(const struct conn *conn)
{
    return conn->ws->reader.role == WS_CLIENT;
}

/* Where in a list of pieces a walk stands. */
struct walk {
    const struct iovec *pieces;
    int count, first;
    size_t skip;
};

/* The next run of at most `max` bytes and SLICE_PIECES pieces; 0 at the end. */
static size_t next_slice(struct walk *walk, size_t max, struct iovec slice[SLICE_PIECES],
                         int *out_count)
{
    size_t total = 0;
    int n = 0;
    while (walk->first < walk->count && n < SLICE_PIECES && total < max) {
        const struct iovec *piece = &walk->pieces[walk->first];
        size_t part = piece->iov_len - walk->skip;
        if (part > max - total)
            part = max - total;
        if (part > 0)
            slice[n++] = (struct iovec){(char *)piece->iov_base + walk->skip, part};
        total += part;
        walk->skip += part;
        if (walk->skip == piece->iov_len) {
            walk->first++;
            walk->skip = 0;
        }
    }
    *out_count = n;
    return total;
}

/* The payload is not ours to change: a masked frame is put together in `room`, which holds it and its head. */
static struct iovec masked_frame(char *room, enum ws_opcode opcode, const struct iovec *slice,
                                 int count, size_t total)
{
    uint8_t mask[4];
    random_fill(mask, sizeof mask);
    size_t head_len = ws_write_head(room, opcode, total, mask);
    size_t at = head_len;
    for (int i = 0; i < count; i++) {
        memcpy(room + at, slice[i].iov_base, slice[i].iov_len);
        at += slice[i].iov_len;
    }
    ws_mask(room + head_len, total, mask, 0);
    return (struct iovec){room, at};
}

static enum err write_masked(struct conn *conn, struct walk *walk)
{
    UNSET struct iovec slice[SLICE_PIECES];
    UNSET char room[WS_HEAD_MAX + STAGE_BYTES];
    enum err err = OK;
    int count;
    for (size_t total; err == OK && (total = next_slice(walk, STAGE_BYTES, slice, &count)) > 0;) {
        struct iovec frame = masked_frame(room, WS_OP_BINARY, slice, count, total);
        err = conn_write_raw(conn, &frame, 1);
    }
    return err;
}

static enum err write_plain(struct conn *conn, struct walk *walk)
{
    UNSET struct iovec all[1 + SLICE_PIECES];
    char head[WS_HEAD_MAX];
    enum err err = OK;
    int count;
    for (size_t total; err == OK && (total = next_slice(walk, FRAME_BYTES, all + 1, &count)) > 0;) {
        all[0] = (struct iovec){head, ws_write_head(head, WS_OP_BINARY, total, NULL)};
        err = conn_write_raw(conn, all, 1 + count);
    }
    return err;
}

enum err websocket_write(struct conn *conn, const struct iovec *pieces, int count)
{
    struct walk walk = {.pieces = pieces, .count = count};
    if (conn->ws->is_close_said)
        return ERR_IO;
    return is_masking(conn) ? write_masked(conn, &walk) : write_plain(conn, &walk);
}

enum err conn_write_text(struct conn *conn, struct str text)
{
    struct iovec all[2] = {{0}, {(char *)(uintptr_t)text.at, text.len}};
    char head[WS_HEAD_MAX];
    assert(text.len <= WS_TEXT_MAX);
    if (conn->fd < 0 || conn->ws->is_close_said)
        return ERR_IO;
    if (!is_masking(conn)) {
        all[0] = (struct iovec){head, ws_write_head(head, WS_OP_TEXT, text.len, NULL)};
        return conn_write_raw(conn, all, 2);
    }
    AUTO_FREE char *room = mem_alloc(WS_HEAD_MAX + text.len);
    if (!room)
        return ERR_NO_MEMORY;
    struct iovec frame = masked_frame(room, WS_OP_TEXT, &all[1], text.len ? 1 : 0, text.len);
    return conn_write_raw(conn, &frame, 1);
}

/* A control frame in `room`. */
static struct iovec control_frame(const struct conn *conn, char room[WS_HEAD_MAX + WS_CONTROL_MAX],
                                  enum ws_opcode opcode, const char *payload, size_t len)
{
    struct iovec piece = {(char *)(uintptr_t)payload, len};
    assert(len <= WS_CONTROL_MAX);
    if (is_masking(conn))
        return masked_frame(room, opcode, &piece, len ? 1 : 0, len);
    size_t head_len = ws_write_head(room, opcode, len, NULL);
    if (len)
        memcpy(room + head_len, payload, len);
    return (struct iovec){room, head_len + len};
}

static void write_control(struct conn *conn, enum ws_opcode opcode, const char *payload, size_t len)
{
    UNSET char room[WS_HEAD_MAX + WS_CONTROL_MAX];
    if (conn->fd < 0 || conn->ws->is_close_said)
        return;
    struct iovec frame = control_frame(conn, room, opcode, payload, len);
    enum err err = conn_write_raw(conn, &frame, 1);
    (void)err; /* reading will tell */
}

void conn_ping(struct conn *conn)
{
    write_control(conn, WS_OP_PING, NULL, 0);
}

/* Code and reason; returns the length. */
static size_t close_payload(char payload[WS_CONTROL_MAX], int code, struct str reason)
{
    reason = str_upto(reason, WS_CONTROL_MAX - 2);
    payload[0] = (char)(uint8_t)((unsigned)code >> 8);
    payload[1] = (char)(uint8_t)((unsigned)code & 255);
    memcpy(payload + 2, reason.at, reason.len);
    return 2 + reason.len;
}

void conn_say_close(struct conn *conn, int code, struct str reason)
{
    UNSET char payload[WS_CONTROL_MAX];
    assert(ws_is_close_code(code));
    write_control(conn, WS_OP_CLOSE, payload, close_payload(payload, code, reason));
    if (conn->ws)
        conn->ws->is_close_said = true;
}

/* Bytes that nobody has read would turn the end into a reset, which may overtake the reason for it. */
static void drain(struct conn *conn)
{
    char *scratch = loop_scratch(conn->loop);
    ssize_t n = 1;
    for (size_t total = 0; n > 0 && total < DRAIN_BYTES; total += (size_t)n)
        n = recv(conn->fd, scratch, LOOP_SCRATCH_BYTES, MSG_DONTWAIT);
}

void conn_close_saying(struct conn *conn, int code, struct str reason)
{
    conn_say_close(conn, code, reason);
    conn_half_close(conn);
    drain(conn);
    conn_close(conn, false);
}

/* Nothing may stand in the way of it: in the middle of another frame it would be content. */
void websocket_say_goodbye(struct conn *conn)
{
    UNSET char payload[WS_CONTROL_MAX], room[WS_HEAD_MAX + WS_CONTROL_MAX];
    if (conn->ws->is_close_said || conn->is_write_dead || conn_pending(conn) > 0)
        return;
    size_t len = close_payload(payload, CODE_GOING_AWAY, STR(""));
    struct iovec frame = control_frame(conn, room, WS_OP_CLOSE, payload, len);
    ssize_t sent = conn_send_now(conn, &frame, 1);
    (void)sent;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void answer_ping(struct conn *conn, const struct ws_event *ping)
{
    if (conn_pending(conn) <= PONG_PENDING_MAX)
        write_control(conn, WS_OP_PONG, ping->bytes, ping->len);
}

/* Reads frames until one must be told alone. Content is moved together at the front of `bytes`; returns how many
 * bytes were used. */
static size_t decode(struct conn *conn, char *bytes, size_t len, size_t *out_content)
{
    struct detached *ws = conn->ws;
    int64_t now_ms = loop_now_ms(conn->loop);
    size_t used = 0, content = 0;
    while (used < len && ws->held.kind == WS_NOTHING) {
        struct ws_event event;
        used += ws_read(&ws->reader, bytes + used, len - used, now_ms, &event);
        switch (event.kind) {
        case WS_NOTHING:
        case WS_PONG: break;
        case WS_PING: answer_ping(conn, &event); break;
        case WS_BINARY:
            if (event.bytes != bytes + content)
                memmove(bytes + content, event.bytes, event.len);
            content += event.len;
            break;
        default: ws->held = event;
        }
    }
    *out_content = content;
    return used;
}

static void tell_text(struct conn *conn)
{
    AUTO_BUF struct buf text; /* the connection may be gone, or on another thread, before it is */
    ws_reader_take_text(&conn->ws->reader, &text);
    conn->ops->on_text(conn->owner, buf_str(&text));
}

static void tell_close(struct conn *conn, const struct ws_event *close)
{
    char sentence[160 + WS_CONTROL_MAX];
    str_copy(STR("the peer closed the WebSocket"), sentence, sizeof sentence);
    if (close->code != CODE_NOTHING) {
        AUTO_BUF struct buf said;
        buf_init(&said, sizeof sentence - 1);
        buf_printf(&said, "the peer closed the WebSocket: %d %.*s", close->code, (int)close->len,
                   close->bytes);
        str_copy(str_trim(buf_str(&said)), sentence, sizeof sentence);
    }
    conn_say_close(conn, close->code == CODE_NOTHING ? CODE_NORMAL : close->code, STR(""));
    conn_tell_closed(conn, CONN_END_EOF, sentence);
}

static void tell_broken(struct conn *conn, int code, const char *what)
{
    struct error error;
    bool is_ours = code == CODE_INTERNAL;
    error_set(&error, ERR_MALFORMED, "%s%s",
              is_ours ? "" : "the peer broke the rules of WebSockets: ", what);
    conn_close_saying(conn, code, str_of(what));
    conn->ops->on_closed(conn->owner, is_ours ? CONN_END_NO_MEMORY : CONN_END_BROKEN, error.text);
}

/* What came before its user did was bounded by somebody else. */
static void tell_text_if_wanted(struct conn *conn, size_t len)
{
    if (!conn->ops->on_text)
        tell_broken(conn, CODE_UNSUPPORTED, "a text where none is expected");
    else if (len > conn->ws->reader.text_max)
        tell_broken(conn, CODE_TOO_BIG, "a message is too large");
    else
        tell_text(conn);
}

static void tell_held(struct conn *conn)
{
    struct ws_event event = conn->ws->held;
    conn->ws->held = (struct ws_event){.kind = WS_NOTHING};
    switch (event.kind) {
    case WS_TEXT: tell_text_if_wanted(conn, event.len); return;
    case WS_CLOSE: tell_close(conn, &event); return;
    default: tell_broken(conn, event.code, event.bytes); return;
    }
}

/* `content` bytes, or what is held; whatever is left then comes in the next turn. */
static void tell(struct conn *conn, char *bytes, size_t content)
{
    struct detached *ws = conn->ws;
    bool is_held_next = ws->held.kind != WS_NOTHING && content > 0;
    if (is_held_next || ws->unread.len > 0)
        event_active(&conn->read_event, EV_READ, 1);
    if (content > 0)
        conn->ops->on_bytes(conn->owner, bytes, content);
    else if (ws->held.kind != WS_NOTHING)
        tell_held(conn);
}

void websocket_take(struct conn *conn, char *bytes, size_t len)
{
    struct detached *ws = conn->ws;
    size_t content = 0;
    size_t used = websocket_is_waiting(ws) ? 0 : decode(conn, bytes, len, &content);
    ws->heard_ns = loop_now_ns(conn->loop);
    if (used < len)
        buf_append(&ws->unread, bytes + used, len - used);
    if (ws->unread.failed)
        conn_tell_no_memory(conn);
    else
        tell(conn, bytes, content);
}

/* By way of the scratch, because what is told must outlive the connection. OpenSSL may hold bytes that were
 * announced before these were looked at. */
void websocket_go_on(struct conn *conn)
{
    struct detached *ws = conn->ws;
    char *scratch = loop_scratch(conn->loop);
    size_t content = 0, len = ws->unread.len - ws->unread_at;
    if (len > LOOP_SCRATCH_BYTES)
        len = LOOP_SCRATCH_BYTES;
    if (conn->tls)
        event_active(&conn->read_event, EV_READ, 1);
    if (ws->held.kind == WS_NOTHING && len > 0) {
        memcpy(scratch, ws->unread.data + ws->unread_at, len);
        ws->unread_at += decode(conn, scratch, len, &content);
    }
    if (ws->unread_at == ws->unread.len) {
        buf_release(&ws->unread);
        ws->unread_at = 0;
    }
    tell(conn, scratch, content);
}
