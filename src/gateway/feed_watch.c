/* gateway/feed_watch.c: those who watch, on the loop of their connection.
 *
 * Serving one: lock the log, write what it has not had into the loop's scratch, unlock, one write to its socket, by turns. A socket
 * that holds more than EXCHANGE_HIGH_BYTES unsent is left alone until it has drained: what is told meanwhile waits in the
 * log, gauges are skipped, and if the log moves on past the watcher it is told to begin anew. A reader that takes nothing at
 * all is given up by the HTTP layer.
 *
 * What is lost with a connection is found again by the next: every event carries how far the reader is.
 */
#include "gateway/feed_parts.h"
#include "gateway/request.h"

#include <stdio.h>

#define TURNS_MAX       8                   /* writes to one watcher before the others get theirs */
#define FULL_BYTES      EXCHANGE_HIGH_BYTES /* of one write, or a frame more */
#define OUT_MAX         ((size_t)1024 * 1024)
#define GAUGES_ID       "gauges"
#define RETRY_MS        2000 /* told to browsers */
#define PING_DEFAULT_MS 15000

struct watcher {
    struct list node; /* feed_loop->watchers */
    struct feed_loop *at;
    struct exchange *exchange;
    struct feed_seat seat;
    struct feed_viewer viewer;
    struct feed_reader reader;
    bool is_control, is_signed_in;
    enum role role;
    char team[ID_MAX];
    uint8_t digest[32]; /* of the key or session it came with */
    int64_t seen_round; /* of the board */
    int64_t sent_ms;    /* monotonic: the last write */
};

static struct feed *feed_of(const struct watcher *watcher)
{
    return watcher->at->gl->gateway->feed;
}

static int64_t now_ms_of(const struct watcher *watcher)
{
    return loop_now_ms(watcher->at->gl->loop);
}

/* As other streams are kept alive. */
static int64_t ping_ms_of(const struct watcher *watcher)
{
    int64_t ping_ms = watcher->at->gl->gateway->tuning.keepalive_ms;
    return ping_ms > 0 ? ping_ms : PING_DEFAULT_MS;
}

/* By the configuration of this moment, not that of when it came. */
static bool sees_provider(const void *arg, const char *provider_id)
{
    const struct watcher *watcher = arg;
    const struct snapshot *snapshot = watcher->at->gl->lease->snapshot;
    return snapshot_may_see(snapshot, snapshot_provider(snapshot, provider_id),
                            watcher->viewer.user, watcher->team);
}

/* ---- ending -------------------------------------------------------------------------------------- */

static void watcher_free(struct watcher *watcher)
{
    atomic_fetch_sub(&watcher->at->watching, 1);
    feed_leave(feed_of(watcher), &watcher->seat);
    list_unlink(&watcher->node);
    mem_free(watcher);
}

static void on_gone(void *owner)
{
    watcher_free(owner);
}

/* It can be told nothing more: it comes back, and finds what it missed in the log. */
static void give_up(struct watcher *watcher)
{
    exchange_abort(watcher->exchange, true);
    watcher_free(watcher);
}

static void write_notice(const struct watcher *watcher, const char *code, const char *sentence,
                         struct buf *out)
{
    AUTO_BUF struct buf patch;
    struct feed *feed = feed_of(watcher);
    buf_init(&patch, 1024);
    feed_write_notice(code, sentence, &patch);
    pthread_mutex_lock(&feed->lock);
    feed_write_own(&feed->log, &watcher->reader, FEED_NOTICE, code, buf_str(&patch), out);
    pthread_mutex_unlock(&feed->lock);
}

/* The last word, unless it would have to queue up behind others. */
static void end(struct watcher *watcher, const char *code, const char *sentence)
{
    struct buf *out = &watcher->at->out;
    buf_clear(out);
    write_notice(watcher, code, sentence, out);
    if (out->failed || exchange_pending(watcher->exchange) > 0) {
        give_up(watcher);
        return;
    }
    struct iovec piece = {out->data, out->len};
    exchange_send_finish(watcher->exchange, &piece, 1);
    watcher_free(watcher);
}

/* ---- serving ------------------------------------------------------------------------------------- */

/* Under the feed's lock. */
static void begin_anew(struct watcher *watcher, const char *reason, struct buf *out)
{
    struct feed *feed = feed_of(watcher);
    char patch[64];
    snprintf(patch, sizeof patch, "{\"reason\":\"%s\"}", reason);
    feed_reader_begin(&watcher->reader, &feed->log);
    feed_write_own(&feed->log, &watcher->reader, FEED_RESET, reason, str_of(patch), out);
    watcher->seen_round = 0;
    atomic_fetch_add_explicit(&feed->resets, 1, memory_order_relaxed);
}

static bool read_log(struct watcher *watcher, struct buf *out)
{
    struct feed *feed = feed_of(watcher);
    pthread_mutex_lock(&feed->lock);
    enum feed_read result = feed_read(&feed->log, &watcher->reader, &watcher->viewer,
                                      now_ms_of(watcher), out, FULL_BYTES);
    if (result == FEED_READ_LOST)
        begin_anew(watcher, "too_slow", out);
    pthread_mutex_unlock(&feed->lock);
    return result == FEED_READ_MORE;
}

static void read_board(struct watcher *watcher, struct buf *out)
{
    struct feed *feed = feed_of(watcher);
    AUTO_BUF struct buf patch;
    UNSET char room[4096];
    buf_init_in(&patch, 256 * 1024, room, sizeof room);
    pthread_mutex_lock(&feed->board_lock);
    bool has_news = feed_board_write(&feed->board, &watcher->viewer, watcher->seen_round, &patch);
    watcher->seen_round = feed->board.round;
    pthread_mutex_unlock(&feed->board_lock);
    if (!has_news || patch.failed)
        return;
    pthread_mutex_lock(&feed->lock);
    feed_write_own(&feed->log, &watcher->reader, FEED_GAUGE, GAUGES_ID, buf_str(&patch), out);
    pthread_mutex_unlock(&feed->lock);
}

/* An event and no comment, of which browsers tell nobody: so a page notices a stream that is dead. And how far it has read,
 * for what it may not see moves that, too. */
static void write_ping(struct watcher *watcher, struct buf *out)
{
    struct feed *feed = feed_of(watcher);
    pthread_mutex_lock(&feed->lock);
    feed_write_own(&feed->log, &watcher->reader, FEED_PING, "ping", STR("{}"), out);
    pthread_mutex_unlock(&feed->lock);
}

/* What is to be sent now, into `out`. True: there is more. */
static bool gather(struct watcher *watcher, bool is_tick, struct buf *out)
{
    bool has_more = read_log(watcher, out);
    if (is_tick && !has_more && exchange_pending(watcher->exchange) == 0)
        read_board(watcher, out);
    if (out->len == 0 && now_ms_of(watcher) - watcher->sent_ms >= ping_ms_of(watcher))
        write_ping(watcher, out);
    return has_more;
}

static void serve_later(struct feed_loop *at)
{
    if (!atomic_exchange(&at->is_posted, true))
        loop_post(at->gl->loop, &at->message);
}

/* The watcher may be gone afterwards. */
static void serve(struct watcher *watcher, bool is_tick)
{
    struct buf *out = &watcher->at->out;
    bool has_more = true;
    for (int turn = 0; has_more && turn < TURNS_MAX; turn++) {
        if (exchange_pending(watcher->exchange) > EXCHANGE_HIGH_BYTES)
            return;
        buf_clear(out);
        has_more = gather(watcher, is_tick, out);
        if (out->failed) {
            give_up(watcher);
            return;
        }
        if (out->len == 0)
            continue; /* nothing of it is for this one, yet */
        struct iovec piece = {out->data, out->len};
        exchange_send(watcher->exchange, &piece, 1);
        watcher->sent_ms = now_ms_of(watcher);
    }
    if (has_more)
        serve_later(watcher->at);
}

static void on_drained(void *owner)
{
    serve(owner, false);
}

static void serve_all(struct feed_loop *at, bool is_tick)
{
    bool is_draining = atomic_load(&at->gl->gateway->is_draining);
    LIST_EACH_SAFE(node, &at->watchers)
    {
        struct watcher *watcher = LIST_OWNER(node, struct watcher, node);
        if (is_draining)
            end(watcher, "draining", "This server is shutting down; connect again.");
        else
            serve(watcher, is_tick);
    }
}

static void await_tick(struct feed_loop *at)
{
    if (!list_is_empty(&at->watchers))
        deadline_set(&at->tick, loop_now_ns(at->gl->loop) + FEED_TICK_MS * NS_PER_MS);
}

static void on_tick(struct deadline *tick)
{
    struct feed_loop *at = LIST_OWNER(tick, struct feed_loop, tick);
    if (list_is_empty(&at->watchers))
        return;
    feed_measure(at->gl);
    serve_all(at, true);
    await_tick(at);
}

static void on_news(struct loop_message *message)
{
    struct feed_loop *at = LIST_OWNER(message, struct feed_loop, message);
    atomic_store(&at->is_posted, false); /* before it is looked at: what comes now posts again */
    serve_all(at, false);
}

/* ---- coming -------------------------------------------------------------------------------------- */

static void write_hello(const struct watcher *watcher, const char *version, bool is_resumed,
                        struct buf *out)
{
    AUTO_BUF struct buf patch;
    struct json_writer writer;
    const struct feed *feed = feed_of(watcher);
    const struct gateway_loop *gl = watcher->at->gl;
    buf_init(&patch, 1024);
    json_writer_init(&writer, &patch);
    json_open_object(&writer);
    json_put_text(&writer, "version", version);
    json_put_text(&writer, "role", role_name(watcher->role));
    json_put_bool(&writer, "resumed", is_resumed);
    json_put_int(&writer, "now_ms", loop_wall_ms(gl->loop));
    json_put_int(&writer, "config_version", gl->lease->snapshot->version);
    json_put_int(&writer, "ping_ms", ping_ms_of(watcher));
    json_close_object(&writer);
    buf_printf(out, "retry: %d\n", RETRY_MS);
    feed_write_own(&feed->log, &watcher->reader, FEED_HELLO, feed->log.life, buf_str(&patch), out);
}

/* Where it begins, and that it is told so: in one with entering, so that nothing falls between. */
static enum err enter(struct watcher *watcher, const struct feed_watch *wanted, struct buf *out,
                      struct error *error)
{
    struct feed *feed = feed_of(watcher);
    struct feed_reader *reader = &watcher->reader;
    pthread_mutex_lock(&feed->lock);
    enum err err = feed_enter(feed, &watcher->seat, error);
    if (err == OK) {
        bool is_back = wanted->last_event_id.len > 0;
        bool is_resumed = is_back && feed_reader_resume(reader, &feed->log, wanted->last_event_id);
        if (!is_resumed)
            feed_reader_begin(reader, &feed->log);
        write_hello(watcher, wanted->version, is_resumed, out);
        if (is_back && !is_resumed)
            begin_anew(watcher, "not_kept", out);
    }
    pthread_mutex_unlock(&feed->lock);
    return err;
}

/* Whose right it is to see it: what is looked at again whenever that may have changed. */
static enum err take_caller(struct watcher *watcher, const struct http_head *head,
                            struct error *error)
{
    struct caller caller = {0};
    enum err err = gateway_caller(watcher->at->gl, head, &caller, error);
    if (err != OK)
        return err;
    const uint8_t *digest = caller.is_signed_in ? caller.digest : caller.principal->digest;
    memcpy(watcher->digest, digest, sizeof watcher->digest);
    watcher->is_signed_in = caller.is_signed_in;
    return OK;
}

static struct watcher *watcher_new(struct feed_loop *at, struct exchange *exchange,
                                   const struct feed_watch *wanted)
{
    struct watcher *watcher = mem_zalloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    list_init(&watcher->node);
    watcher->at = at;
    watcher->exchange = exchange;
    watcher->is_control = wanted->is_control;
    watcher->role = wanted->role;
    watcher->sent_ms = now_ms_of(watcher);
    watcher->viewer = (struct feed_viewer){
        .is_admin = wanted->role >= ROLE_ADMIN, .sees_provider = sees_provider, .arg = watcher};
    if (!wanted->is_control && wanted->role < ROLE_ADMIN)
        str_copy(str_of(wanted->user[0] ? wanted->user : wanted->key), watcher->seat.whose,
                 sizeof watcher->seat.whose);
    str_copy(str_of(wanted->user), watcher->viewer.user, sizeof watcher->viewer.user);
    str_copy(str_of(wanted->key), watcher->viewer.key, sizeof watcher->viewer.key);
    str_copy(str_of(wanted->team), watcher->team, sizeof watcher->team);
    return watcher;
}

static void begin(struct watcher *watcher, struct str headers)
{
    static const struct exchange_ops ops = {.on_gone = on_gone, .on_drained = on_drained};
    struct feed_loop *at = watcher->at;
    bool is_first = list_is_empty(&at->watchers);
    list_push_back(&at->watchers, &watcher->node);
    atomic_fetch_add(&at->watching, 1);
    exchange_attach(watcher->exchange, &ops, watcher);
    enum err err = exchange_start(watcher->exchange, 200, headers, STR("text/event-stream"));
    if (err != OK) {
        exchange_finish(watcher->exchange);
        watcher_free(watcher);
        return;
    }
    if (at->out.failed) {
        give_up(watcher);
        return;
    }
    struct iovec piece = {at->out.data, at->out.len};
    exchange_send(watcher->exchange, &piece, 1);
    if (is_first)
        await_tick(at);
    serve(watcher, false);
}

enum err feed_watch(struct gateway_loop *gl, struct exchange *exchange,
                    const struct feed_watch *wanted, struct str headers, struct error *error)
{
    if (atomic_load(&gl->gateway->is_draining))
        return error_set(error, ERR_UNAVAILABLE, "The server is shutting down; connect again.");
    struct watcher *watcher = watcher_new(&gl->feed, exchange, wanted);
    if (!watcher)
        return error_set(error, ERR_NO_MEMORY, "The server is out of memory; try again.");
    enum err err = wanted->is_control ? OK : take_caller(watcher, exchange_head(exchange), error);
    buf_clear(&gl->feed.out);
    if (err == OK)
        err = enter(watcher, wanted, &gl->feed.out, error);
    if (err != OK) {
        mem_free(watcher);
        return err;
    }
    begin(watcher, headers);
    return OK;
}

/* ---- rights that end ----------------------------------------------------------------------------- */

/* Whom its credential stands for now; NULL: nobody any more. */
static const struct principal *principal_of(const struct watcher *watcher, int64_t wall_ms)
{
    const struct gateway_loop *gl = watcher->at->gl;
    const struct snapshot *snapshot = gl->lease->snapshot;
    if (!watcher->is_signed_in)
        return snapshot_principal(snapshot, watcher->digest, wall_ms);
    return sessions_has(gl->gateway->sessions, watcher->digest, wall_ms)
               ? snapshot_user(snapshot, watcher->viewer.user, watcher->team)
               : NULL;
}

/* A key is of another team now. Who is signed in has all their teams, and is looked for in the one they came with. */
static bool is_moved(const struct watcher *watcher, const struct principal *principal)
{
    const char *team = principal->team ? principal->team->id : "";
    return !watcher->is_signed_in && strcmp(team, watcher->team) != 0;
}

void feed_recheck(struct gateway_loop *gl, int64_t wall_ms)
{
    LIST_EACH_SAFE(node, &gl->feed.watchers)
    {
        struct watcher *watcher = LIST_OWNER(node, struct watcher, node);
        if (watcher->is_control)
            continue;
        const struct principal *principal = principal_of(watcher, wall_ms);
        if (!principal)
            end(watcher, watcher->is_signed_in ? "session_ended" : "key_ended",
                watcher->is_signed_in ? "The session of this stream ended: sign in again."
                                      : "The API key of this stream was revoked, or is over.");
        else if (principal->role != watcher->role || !(principal->scopes & SCOPE_READ) ||
                 is_moved(watcher, principal))
            end(watcher, "access_changed", "What you may see has changed: connect again.");
        else
            watcher->seen_round = 0; /* it may see providers that it did not see before */
    }
}

/* ---- a loop's part ------------------------------------------------------------------------------- */

void feed_loop_init(struct feed_loop *at, struct gateway_loop *gl)
{
    at->gl = gl;
    at->message.run = on_news;
    list_init(&at->watchers);
    buf_init(&at->out, OUT_MAX);
    deadline_init(&at->tick, gl->loop, on_tick);
}

void feed_loop_release(struct feed_loop *at)
{
    LIST_EACH_SAFE(node, &at->watchers)
    give_up(LIST_OWNER(node, struct watcher, node));
    deadline_release(&at->tick);
    buf_release(&at->out);
}
