/* simulate/player.h: plays a program on an exchange: the only place where an answer meets time.
 *
 * Thread:  the loop's.  Memory: the player lives in its owner; its program is kept for the next one.
 */
#pragma once
#include "http/exchange.h"
#include "simulate/program.h"

enum played_end { PLAYED_FINISHED, PLAYED_CUT, PLAYED_RESET, PLAYED_CLIENT_CLOSED, PLAYED_COUNT };

struct player;
/** The exchange is gone; the player may be used again, but not from inside. */
typedef void player_on_over(struct player *player, enum played_end end);

struct player {
    struct exchange *exchange; /* NULL: idle */
    struct program program;
    struct cursor cursor;
    struct deadline deadline;
    struct buf *scratch; /* shared by all players of a loop */
    player_on_over *on_over;
    bool has_started, has_head; /* a stream was begun; its head is out */
    bool waits_for_drain;
};

void player_init(struct player *player, struct loop *loop, struct buf *scratch,
                 player_on_over *on_over);
void player_release(struct player *player);
/** Plays player->program. May be over before it returns. */
void player_start(struct player *player, struct exchange *exchange);
/** To be called from the exchange's on_drained. */
void player_drained(struct player *player);
/** To be called from the exchange's on_gone. */
void player_gone(struct player *player);
