/* domain/rehearse_moves.h: who goes where in a rehearsal: how many from one provider to another, and what that costs.
 *
 * Layer: domain: pure.  Thread: any.
 */
#pragma once
#include "domain/rehearse.h"

#define REHEARSE_MOVES_MAX 64u

/** Requests that are answered elsewhere, by another model of the same provider, or by nobody. */
struct rehearse_move {
    int32_t from, to; /* of the side before, of the side after; REHEARSE_NOBODY: no answer */
    int64_t jobs;
    int64_t
        cost_change_microusd; /* of those whose cost is known on both sides; no answer costs nothing */
    int64_t unpriced;         /* of those others */
};

/**
 * The most frequent first; what finds no room is left out. Who is answered without a provider being asked, before or
 * after, is not told.
 *
 * after_of  where each provider of `before` stands in `after`; another negative number: gone.
 * Errors    ERR_NO_MEMORY.
 */
MUST_USE enum err rehearse_moves(const struct rehearse_landing *before,
                                 const struct rehearse_landing *after, size_t count,
                                 const int32_t *after_of,
                                 struct rehearse_move out_moves[REHEARSE_MOVES_MAX],
                                 size_t *out_count);
