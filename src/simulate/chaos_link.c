/* simulate/chaos_link.c: bytes go  source -> held, marked with their due time -> sink.
 *
 * A lane moves bytes on one of four events: they arrive, the sink has drained, the timer of a delay or of
 * a trickle is due, the plan has changed. Only one portion is with the sink at a time, so that a strike
 * "after N bytes" happens when exactly N have left this process.
 *
 * net/conn.h does not keep a connection whose peer has closed its side, so a peer's half-close counts as
 * its close here: what it sent is still delivered, what is on its way to it is dropped.
 */
#include "simulate/chaos_link.h"

#include "base/mem.h"

#include <assert.h>
#include <unistd.h>

#define MARKS_MAX   128u
#define PORTION_MAX 65536u
#define NS_PER_MS   INT64_C(1000000)

struct mark {
    int64_t due_ns;
    uint64_t until; /* bytes that arrived before position `until` are due then */
};

enum strike { STRIKE_NONE, STRIKE_RESET, STRIKE_CUT, STRIKE_HALF_CLOSE, STRIKE_SILENCE };

struct lane {
    struct chaos_link *link;
    struct conn *source, *sink;
    const struct chaos_trouble *trouble;
    int64_t *figure; /* bytes that passed, of all links */
    struct buf held; /* [held_at, len) is still to go */
    size_t held_at;
    struct mark marks[MARKS_MAX]; /* a ring, oldest first */
    unsigned mark_at, mark_count;
    uint64_t arrived, due_until, sent; /* positions since the connection began */
    uint64_t counted_from;             /* `sent` when the plan last changed */
    int64_t next_ns;                   /* trickle: not before */
    int64_t trickled;                  /* bytes of the current portion that have gone */
    struct deadline deadline;
    bool has_ended;     /* the source has closed */
    bool is_silent;     /* swallows */
    enum strike strike; /* the lane is over: this happens once the sink has drained */
};

struct chaos_link {
    struct list node;
    struct chaos_link_options options;
    struct conn client, server;
    struct lane to_server, to_client;
};

static void pump(struct lane *lane);
static void fall_silent(struct lane *lane);

/* ---- life ------------------------------------------------------------------------------------ */

static void link_free(struct chaos_link *link)
{
    struct lane *lanes[] = {&link->to_server, &link->to_client};
    for (int i = 0; i < 2; i++) {
        deadline_release(&lanes[i]->deadline);
        buf_release(&lanes[i]->held);
    }
    list_unlink(&link->node);
    link->options.figures->open--;
    mem_free(link);
}

void chaos_link_end(struct chaos_link *link, bool with_reset)
{
    conn_close(&link->client, with_reset);
    conn_close(&link->server, with_reset);
    link_free(link);
}

struct chaos_link *chaos_link_of(struct list *node)
{
    return LIST_OWNER(node, struct chaos_link, node);
}

void chaos_link_replan(struct chaos_link *link)
{
    struct lane *lanes[] = {&link->to_server, &link->to_client};
    for (int i = 0; i < 2; i++) {
        lanes[i]->counted_from = lanes[i]->sent;
        lanes[i]->next_ns = lanes[i]->trickled = 0;
        if (link->options.plan->mode == CHAOS_BLACKHOLE)
            fall_silent(lanes[i]);
        else
            deadline_set(&lanes[i]->deadline, loop_now_ns(link->options.loop)); /* looks again */
    }
}

/* ---- a lane ---------------------------------------------------------------------------------- */

static size_t held_bytes(const struct lane *lane)
{
    return lane->held.len - lane->held_at;
}

/* False when there is no room for one more. Due times are rounded up to 1/64 of the delay, so that a
 * stream of small pieces does not run out of marks. */
static bool mark_arrival(struct lane *lane)
{
    int64_t delay_ns = lane->trouble->delay_ms * NS_PER_MS, step_ns = delay_ns / 64 + 1;
    int64_t due_ns = loop_now_ns(lane->link->options.loop) + delay_ns + step_ns - 1;
    due_ns -= due_ns % step_ns;
    struct mark *last =
        &lane->marks[(lane->mark_at + lane->mark_count + MARKS_MAX - 1) % MARKS_MAX];
    if (lane->mark_count > 0 && due_ns <= last->due_ns) { /* never overtakes */
        last->until = lane->arrived;
        return true;
    }
    lane->marks[(lane->mark_at + lane->mark_count) % MARKS_MAX] =
        (struct mark){due_ns, lane->arrived};
    return ++lane->mark_count < MARKS_MAX;
}

/* Moves what is held to the front once the sent part is the larger one. */
static void compact(struct lane *lane)
{
    if (lane->held_at == 0 || lane->held_at < lane->held.len / 2)
        return;
    buf_consume(&lane->held, lane->held_at);
    lane->held_at = 0;
}

static void on_arrived(struct lane *lane, const char *bytes, size_t len)
{
    if (lane->is_silent || lane->strike != STRIKE_NONE)
        return;
    compact(lane);
    buf_append(&lane->held, bytes, len);
    if (lane->held.failed) {
        chaos_link_end(lane->link, true);
        return;
    }
    lane->arrived += len;
    bool has_room = mark_arrival(lane);
    if (!has_room || held_bytes(lane) >= CHAOS_HELD_BYTES)
        conn_pause(lane->source);
    pump(lane);
}

/* What may go to the sink now: delays over, no more than a trickle's portion, nothing behind a strike.
 * Sets when to look again if that is a question of time. */
static size_t sendable(struct lane *lane, int64_t now_ns, int64_t left, int64_t *out_again_ns)
{
    const struct chaos_trouble *trouble = lane->trouble;
    for (; lane->mark_count > 0; lane->mark_count--) {
        const struct mark *first = &lane->marks[lane->mark_at];
        if (first->due_ns > now_ns) {
            *out_again_ns = first->due_ns;
            break;
        }
        lane->due_until = first->until;
        lane->mark_at = (lane->mark_at + 1) % MARKS_MAX;
    }
    int64_t len = (int64_t)(lane->due_until - lane->sent);
    if (len > PORTION_MAX)
        len = PORTION_MAX;
    if (len > 0 && trouble->trickle_bytes > 0 && trouble->trickle_ms > 0) {
        if (lane->next_ns > now_ns) {
            *out_again_ns = lane->next_ns;
            return 0;
        }
        if (len > trouble->trickle_bytes - lane->trickled)
            len = trouble->trickle_bytes - lane->trickled;
    }
    return (size_t)(len < left ? len : left);
}

static void send_portion(struct lane *lane, size_t len, int64_t now_ns)
{
    struct chaos_link *link = lane->link;
    const struct chaos_trouble *trouble = lane->trouble;
    char *bytes = lane->held.data + lane->held_at;
    uint64_t from = lane->sent - lane->counted_from;
    uint64_t seed = (uint64_t)link->options.plan->seed ^ (link->options.number << 1) ^
                    (lane == &link->to_client);
    chaos_trouble_corrupt(trouble, seed, from, bytes, len);
    if (trouble->corrupt_every > 0)
        link->options.figures->corrupted_bytes +=
            (int64_t)(from + len) / trouble->corrupt_every - (int64_t)from / trouble->corrupt_every;
    /* When the sink takes no more, reading from it tells why. */
    enum err err = conn_write(lane->sink, &(struct iovec){bytes, len}, 1);
    (void)err;
    lane->held_at += len;
    lane->sent += len;
    *lane->figure += (int64_t)len;
    if (held_bytes(lane) == 0) {
        buf_release(&lane->held); /* idle connections cost nothing */
        lane->held_at = 0;
    }
    lane->trickled += (int64_t)len;
    if (lane->trickled >= trouble->trickle_bytes) {
        lane->trickled = 0;
        lane->next_ns = now_ns + trouble->trickle_ms * NS_PER_MS;
    }
    if (held_bytes(lane) < CHAOS_HELD_BYTES / 2 && lane->mark_count < MARKS_MAX && !lane->has_ended)
        conn_resume(lane->source);
}

/* ---- strikes --------------------------------------------------------------------------------- */

static void fall_silent(struct lane *lane)
{
    lane->is_silent = true;
    buf_release(&lane->held);
    lane->held_at = 0;
    lane->mark_count = 0;
    deadline_clear(&lane->deadline);
    if (!lane->has_ended)
        conn_resume(lane->source); /* its close must be noticed */
}

static enum strike strike_at(const struct chaos_trouble *trouble, int64_t count)
{
    return trouble->reset_after == count        ? STRIKE_RESET
           : trouble->cut_after == count        ? STRIKE_CUT
           : trouble->half_close_after == count ? STRIKE_HALF_CLOSE
                                                : STRIKE_SILENCE;
}

/* The link may be gone behind this. */
static void strike(struct lane *lane)
{
    struct chaos_figures *figures = lane->link->options.figures;
    switch (lane->strike) {
    case STRIKE_RESET:
        figures->resets++;
        chaos_link_end(lane->link, true);
        break;
    case STRIKE_CUT:
        figures->cuts++;
        chaos_link_end(lane->link, false);
        break;
    case STRIKE_HALF_CLOSE:
        figures->half_closes++;
        conn_shutdown_write(lane->sink);
        fall_silent(lane);
        break;
    case STRIKE_SILENCE:
        figures->silences++;
        fall_silent(lane);
        break;
    case STRIKE_NONE: assert(false && "a strike of no kind");
    }
}

/* Moves what can be moved. The link may be gone behind this. */
static void pump(struct lane *lane)
{
    int64_t now_ns = loop_now_ns(lane->link->options.loop), again_ns = INT64_MAX;
    while (!lane->is_silent && conn_pending(lane->sink) == 0) {
        if (lane->strike != STRIKE_NONE) {
            strike(lane);
            return;
        }
        int64_t limit = chaos_trouble_strikes_after(lane->trouble);
        int64_t counted = (int64_t)(lane->sent - lane->counted_from);
        /* "After 0 bytes" is when the first one comes. */
        bool is_due = counted >= limit && (counted > 0 || held_bytes(lane) > 0);
        if (is_due) {
            lane->strike = strike_at(lane->trouble, limit);
            continue;
        }
        size_t len = sendable(lane, now_ns, limit - counted, &again_ns);
        if (len == 0)
            break;
        send_portion(lane, len, now_ns);
    }
    if (again_ns != INT64_MAX)
        deadline_set(&lane->deadline, again_ns);
    bool is_whole = !lane->is_silent && held_bytes(lane) == 0 && conn_pending(lane->sink) == 0;
    if (lane->has_ended && is_whole)
        chaos_link_end(lane->link, false); /* an end is swallowed too where bytes are */
}

static void on_due(struct deadline *deadline)
{
    pump(LIST_OWNER(deadline, struct lane, deadline));
}

/* ---- the two sockets --------------------------------------------------------------------------- */

static void on_connected(void *owner)
{
    (void)owner; /* what waits in the conn goes out by itself */
}

/* `from` has read its end; the other lane has nobody to write to any more. */
static void on_source_closed(struct lane *from, struct lane *other, enum conn_end end)
{
    struct chaos_link *link = from->link;
    bool is_server_missing = end == CONN_END_REFUSED;
    link->options.figures->refused += is_server_missing;
    from->has_ended = true;
    if (end != CONN_END_EOF || other->has_ended || other->source->fd < 0) {
        chaos_link_end(link, end != CONN_END_EOF);
        return;
    }
    fall_silent(other);
    pump(from);
}

static void on_client_bytes(void *owner, char *bytes, size_t len)
{
    struct chaos_link *link = owner;
    on_arrived(&link->to_server, bytes, len);
}

static void on_client_drained(void *owner)
{
    struct chaos_link *link = owner;
    pump(&link->to_client);
}

static void on_client_closed(void *owner, enum conn_end end, const char *sentence)
{
    struct chaos_link *link = owner;
    (void)sentence;
    on_source_closed(&link->to_server, &link->to_client, end);
}

static void on_server_bytes(void *owner, char *bytes, size_t len)
{
    struct chaos_link *link = owner;
    on_arrived(&link->to_client, bytes, len);
}

static void on_server_drained(void *owner)
{
    struct chaos_link *link = owner;
    pump(&link->to_server);
}

static void on_server_closed(void *owner, enum conn_end end, const char *sentence)
{
    struct chaos_link *link = owner;
    (void)sentence;
    on_source_closed(&link->to_client, &link->to_server, end);
}

static const struct conn_ops client_ops = {.on_connected = on_connected,
                                           .on_bytes = on_client_bytes,
                                           .on_drained = on_client_drained,
                                           .on_closed = on_client_closed};
static const struct conn_ops server_ops = {.on_connected = on_connected,
                                           .on_bytes = on_server_bytes,
                                           .on_drained = on_server_drained,
                                           .on_closed = on_server_closed};

/* ---- beginning --------------------------------------------------------------------------------- */

static void lane_init(struct lane *lane, struct chaos_link *link, bool is_to_server)
{
    const struct chaos_plan *plan = link->options.plan;
    struct chaos_figures *figures = link->options.figures;
    lane->link = link;
    lane->source = is_to_server ? &link->client : &link->server;
    lane->sink = is_to_server ? &link->server : &link->client;
    lane->trouble = is_to_server ? &plan->to_server : &plan->to_client;
    lane->figure = is_to_server ? &figures->bytes_to_server : &figures->bytes_to_client;
    buf_init(&lane->held, 2 * (CHAOS_HELD_BYTES + LOOP_SCRATCH_BYTES));
    deadline_init(&lane->deadline, link->options.loop, on_due);
}

static void reset_socket(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

void chaos_link_begin(const struct chaos_link_options *options, int fd)
{
    struct chaos_link *link = mem_zalloc(1, sizeof *link);
    if (!link) {
        reset_socket(fd);
        return;
    }
    link->options = *options;
    link->client.fd = link->server.fd = -1;
    list_push_back(options->links, &link->node);
    options->figures->open++;
    lane_init(&link->to_server, link, true);
    lane_init(&link->to_client, link, false);
    enum err err = conn_accept(&link->client, options->loop, fd, NULL, &client_ops, link);
    if (err != OK) {
        link_free(link);
        return;
    }
    if (options->plan->mode == CHAOS_BLACKHOLE) {
        link->to_server.is_silent = link->to_client.is_silent = true;
        return;
    }
    err = conn_dial(&link->server, options->loop, options->server, options->server_len, NULL, NULL,
                    NULL, &server_ops, link, NULL);
    if (err != OK) {
        options->figures->refused++;
        chaos_link_end(link, true);
    }
}
