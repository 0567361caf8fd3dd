/* simulate/player.c: one beat after the other: bytes out, then wait, then on.
 *
 * A client that reads slowly is waited for: nothing more is made while EXCHANGE_HIGH_BYTES are unsent.
 */
#include "simulate/player.h"

#define BEAT_BYTES 65536u
#define NS_PER_MS  INT64_C(1000000)

static void play_on(struct player *player);

static void on_due(struct deadline *deadline)
{
    play_on(LIST_OWNER(deadline, struct player, deadline));
}

void player_init(struct player *player, struct loop *loop, struct buf *scratch,
                 player_on_over *on_over)
{
    *player = (struct player){.scratch = scratch, .on_over = on_over};
    program_init(&player->program);
    cursor_init(&player->cursor);
    deadline_init(&player->deadline, loop, on_due);
}

void player_release(struct player *player)
{
    deadline_release(&player->deadline);
    program_release(&player->program);
    cursor_release(&player->cursor);
}

static void over(struct player *player, enum played_end end)
{
    player->exchange = NULL;
    deadline_clear(&player->deadline);
    player->on_over(player, end);
}

static bool is_raw(const struct player *player)
{
    return player->program.framing == FRAMING_RAW || player->program.framing == FRAMING_RAW_CHUNKED;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void start_stream(struct player *player)
{
    if (player->has_started)
        return;
    player->has_started = true;
    exchange_start(player->exchange, player->program.status, buf_str(&player->program.headers),
                   player->program.content_type);
}

static void send_bytes(struct player *player)
{
    struct buf *bytes = player->scratch;
    if (is_raw(player)) {
        if (bytes->len > 0)
            exchange_send_raw(player->exchange, bytes->data, bytes->len);
        return;
    }
    start_stream(player);
    if (bytes->len > 0)
        exchange_send(player->exchange, &(struct iovec){bytes->data, bytes->len}, 1);
    else if (!player->has_head)
        exchange_flush_head(player->exchange);
    player->has_head = true;
}

static void finish(struct player *player)
{
    struct exchange *exchange = player->exchange;
    struct buf *bytes = player->scratch;
    const struct program *program = &player->program;
    if (is_raw(player)) {
        send_bytes(player);
        exchange_abort(exchange, false);
    } else if (program->framing == FRAMING_LENGTH) {
        exchange_answer(exchange, program->status, buf_str(&program->headers),
                        program->content_type, buf_str(bytes));
    } else {
        start_stream(player);
        exchange_send_finish(exchange, &(struct iovec){bytes->data, bytes->len}, bytes->len > 0);
    }
    over(player, PLAYED_FINISHED);
}

static void break_off(struct player *player, bool with_reset)
{
    send_bytes(player);
    exchange_abort(player->exchange, with_reset);
    over(player, with_reset ? PLAYED_RESET : PLAYED_CUT);
}

/* ---- beats ----------------------------------------------------------------------------------- */

/* True: the next beat may come at once. */
static bool play_beat(struct player *player)
{
    size_t want = player->program.framing == FRAMING_LENGTH ? SIZE_MAX : BEAT_BYTES;
    buf_clear(player->scratch);
    struct beat beat = program_next(&player->program, &player->cursor, player->scratch, want);
    switch (beat.kind) {
    case BEAT_FINISH: finish(player); return false;
    case BEAT_CUT: break_off(player, false); return false;
    case BEAT_RESET: break_off(player, true); return false;
    case BEAT_STALL: send_bytes(player); return false;
    default: break;
    }
    send_bytes(player);
    player->waits_for_drain = exchange_pending(player->exchange) > EXCHANGE_HIGH_BYTES;
    if (player->waits_for_drain)
        return false;
    if (beat.kind == BEAT_SEND)
        return true;
    struct loop *loop = exchange_loop(player->exchange);
    deadline_set(&player->deadline, loop_now_ns(loop) + beat.wait_ms * NS_PER_MS);
    return false;
}

static void play_on(struct player *player)
{
    while (player->exchange && play_beat(player))
        continue;
}

void player_start(struct player *player, struct exchange *exchange)
{
    player->exchange = exchange;
    player->has_started = player->has_head = player->waits_for_drain = false;
    struct buf held = player->cursor.held;
    buf_clear(&held);
    player->cursor = (struct cursor){.held = held};
    int64_t delay_ms = player->program.delay_ms;
    if (delay_ms > 0)
        deadline_set(&player->deadline,
                     loop_now_ns(exchange_loop(exchange)) + delay_ms * NS_PER_MS);
    else
        play_on(player);
}

void player_drained(struct player *player)
{
    if (!player->waits_for_drain)
        return;
    player->waits_for_drain = false;
    play_on(player);
}

void player_gone(struct player *player)
{
    over(player, PLAYED_CLIENT_CLOSED);
}
