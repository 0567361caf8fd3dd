/* domain/feed_board.h: the figures of this moment: one piece for the server, one for each provider.
 *
 * Figures are measured a few times a second, whoever reads; a reader gets, in one event, the pieces that are not as it saw
 * them last. What it was too slow for it never sees: the next event has the newest.
 *
 * Layer:   pure.  Thread: whoever owns the board; no locks.
 */
#pragma once
#include "base/buf.h"
#include "domain/feed.h"

#define FEED_PIECES_MAX   (PROVIDERS_MAX + 1)
#define FEED_PIECE_BYTES  480
#define FEED_BOARD_SERVER "server"

struct feed_piece {
    struct feed_audience audience; /* `of`: the provider; "" of the server */
    int64_t changed;               /* the round in which it became what it is */
    int64_t measured;              /* the last in which it was put */
    char text[FEED_PIECE_BYTES];
};

/** Zeroed: nothing was measured yet. */
struct feed_board {
    int64_t round;
    size_t count;
    struct feed_piece pieces[FEED_PIECES_MAX];
};

/** Begins a round; what is not put until feed_board_end is gone then. */
void feed_board_begin(struct feed_board *board);
/** `text`: a JSON object. What is too long, or has no room, is left out. */
void feed_board_put(struct feed_board *board, const struct feed_audience *audience,
                    struct str text);
void feed_board_end(struct feed_board *board);
/** Appends `{"server":{...},"providers":{...}}` of what has changed since the round `seen` and the viewer may see. False:
 *  nothing. */
bool feed_board_write(const struct feed_board *board, const struct feed_viewer *viewer,
                      int64_t seen, struct buf *out);
