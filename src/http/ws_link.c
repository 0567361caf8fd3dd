/* http/ws_link.c: text messages over a WebSocket on a loop.
 *
 * A link is either open or gone: closing says so and closes at once, because what a peer still sends is of no
 * interest to anybody. Its memory goes in a turn of its own, so that it may close inside its own callbacks.
 */
#include "http/upgrade.h"

#include "base/mem.h"
#include "http/pulse.h"
#include "net/conn.h"

#include <assert.h>

#define NS_PER_MS   INT64_C(1000000)
#define PENDING_MAX (256u * 1024)

enum { CODE_UNSUPPORTED = 1003, CODE_POLICY = 1008 };

struct ws_link {
    struct conn conn;
    const struct ws_link_ops *ops;
    void *owner;
    int64_t ping_ms;
    struct pulse pulse;
    struct deadline ping;
    struct loop_message later; /* its end */
    bool is_gone, is_given_up;
};

/* The last message: the end that had to wait for its turn, and the memory. */
static void on_later(struct loop_message *message)
{
    struct ws_link *link = LIST_OWNER(message, struct ws_link, later);
    deadline_release(&link->ping);
    if (link->is_given_up)
        link->ops->on_closed(link->owner, false, "the peer does not take what it is sent");
    mem_free(link);
}

static void go(struct ws_link *link)
{
    link->is_gone = true;
    deadline_clear(&link->ping);
    loop_defer(link->conn.loop, &link->later);
}

/* Closed here, for a reason that the owner is told. */
static void drop(struct ws_link *link, bool has_broken_rule, const char *why)
{
    const struct ws_link_ops *ops = link->ops;
    void *owner = link->owner;
    go(link);
    ops->on_closed(owner, has_broken_rule, why);
}

/* ---- from the connection --------------------------------------------------------------------- */

static void on_text(void *owner, struct str text)
{
    struct ws_link *link = owner;
    link->ops->on_text(link->owner, text);
}

static void on_bytes(void *owner, char *bytes, size_t len)
{
    struct ws_link *link = owner;
    (void)bytes;
    (void)len;
    conn_close_saying(&link->conn, CODE_UNSUPPORTED, STR("bytes where texts are expected"));
    drop(link, true, "the peer sent bytes where texts are expected");
}

static void on_drained(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner, enum conn_end end, const char *sentence)
{
    struct ws_link *link = owner;
    drop(link, end == CONN_END_BROKEN, sentence);
}

static const struct conn_ops link_ops = {
    .on_text = on_text, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

static void set_ping(struct ws_link *link)
{
    if (link->ping_ms > 0)
        deadline_set(&link->ping, loop_now_ns(link->conn.loop) + link->ping_ms * NS_PER_MS);
}

static void on_ping_due(struct deadline *deadline)
{
    struct ws_link *link = LIST_OWNER(deadline, struct ws_link, ping);
    if (link->is_gone)
        return;
    if (pulse_is_gone(&link->pulse, &link->conn, true)) {
        conn_close_saying(&link->conn, CODE_POLICY, STR("no answer to pings"));
        drop(link, false, "the peer fell silent");
        return;
    }
    pulse_ping(&link->pulse, &link->conn);
    set_ping(link);
}

/* ---- for the owner --------------------------------------------------------------------------- */

enum err ws_link_new(struct loop *loop, struct detached *detached, size_t text_max, int64_t ping_ms,
                     const struct ws_link_ops *ops, void *owner, struct ws_link **out_link)
{
    struct ws_link *link = mem_zalloc(1, sizeof *link);
    assert(text_max > 0 && text_max <= WS_TEXT_MAX);
    if (!link) {
        detached_free(detached);
        return ERR_NO_MEMORY;
    }
    if (conn_adopt(&link->conn, loop, detached, text_max, &link_ops, link) != OK) {
        mem_free(link);
        return ERR_NO_MEMORY;
    }
    link->ops = ops;
    link->owner = owner;
    link->ping_ms = ping_ms;
    link->later.run = on_later;
    deadline_init(&link->ping, loop, on_ping_due);
    set_ping(link);
    *out_link = link;
    return OK;
}

void ws_link_send(struct ws_link *link, struct str text)
{
    if (link->is_gone)
        return; /* the owner hears of it in the next turn */
    enum err err = conn_pending(&link->conn) > PENDING_MAX ? ERR_TOO_LARGE
                                                           : conn_write_text(&link->conn, text);
    if (err == OK || err == ERR_IO)
        return; /* reading will tell */
    link->is_given_up = true;
    conn_close(&link->conn, true);
    go(link);
}

struct detached *ws_link_detach(struct ws_link *link)
{
    link->is_given_up = false; /* whoever takes it is told now */
    if (link->is_gone)
        return NULL;
    struct detached *detached = conn_detach(&link->conn);
    go(link);
    return detached;
}

void ws_link_close(struct ws_link *link, int code, const char *reason)
{
    link->is_given_up = false;
    if (link->is_gone)
        return;
    conn_close_saying(&link->conn, code, str_of(reason));
    go(link);
}
