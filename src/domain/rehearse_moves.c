/* domain/rehearse_moves.c: see rehearse_moves.h.
 *
 * One cell for each pair of providers, nobody being one of them: so nothing is searched for a hundred thousand requests.
 */
#include "domain/rehearse_moves.h"

#include "base/mem.h"

#include <stdlib.h>

#define PLACES ((size_t)PROVIDERS_MAX + 1) /* nobody stands first */

static bool is_answered_here(const struct rehearse_landing *landing)
{
    return landing->is_answered && landing->provider < 0;
}

static int32_t place_of(const struct rehearse_landing *landing)
{
    return landing->is_answered ? landing->provider : REHEARSE_NOBODY;
}

static bool has_moved(const struct rehearse_landing *was, const struct rehearse_landing *is,
                      const int32_t *after_of)
{
    int32_t from = place_of(was), to = place_of(is);
    if (is_answered_here(was) || is_answered_here(is))
        return false;
    if (from < 0 || to < 0)
        return from != to;
    return after_of[from] != to || !str_eq(was->model, is->model);
}

static void add_cost(struct rehearse_move *move, const struct rehearse_landing *was,
                     const struct rehearse_landing *is)
{
    int64_t before = was->is_answered ? was->cost_microusd : 0;
    int64_t after = is->is_answered ? is->cost_microusd : 0;
    if (before == COST_UNKNOWN || after == COST_UNKNOWN)
        move->unpriced++;
    else
        move->cost_change_microusd += after - before;
}

static int most_first(const void *left, const void *right)
{
    const struct rehearse_move *a = left, *b = right;
    if (a->jobs != b->jobs)
        return (a->jobs < b->jobs) - (a->jobs > b->jobs);
    if (a->from != b->from)
        return (a->from > b->from) - (a->from < b->from);
    return (a->to > b->to) - (a->to < b->to);
}

/* Moves the cells that count to the front. */
static size_t gather(struct rehearse_move *cells)
{
    size_t count = 0;
    for (size_t i = 0; i < PLACES * PLACES; i++) {
        struct rehearse_move move = cells[i];
        if (move.jobs == 0)
            continue;
        move.from = (int32_t)(i / PLACES) - 1;
        move.to = (int32_t)(i % PLACES) - 1;
        cells[count++] = move;
    }
    return count;
}

enum err rehearse_moves(const struct rehearse_landing *before, const struct rehearse_landing *after,
                        size_t count, const int32_t *after_of,
                        struct rehearse_move out_moves[REHEARSE_MOVES_MAX], size_t *out_count)
{
    static_assert(REHEARSE_NOBODY == -1, "nobody is the first place");
    AUTO_FREE struct rehearse_move *cells = mem_zalloc(PLACES * PLACES, sizeof *cells);
    if (!cells)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!has_moved(&before[i], &after[i], after_of))
            continue;
        size_t from = (size_t)(place_of(&before[i]) + 1), to = (size_t)(place_of(&after[i]) + 1);
        struct rehearse_move *move = &cells[from * PLACES + to];
        move->jobs++;
        add_cost(move, &before[i], &after[i]);
    }
    size_t found = gather(cells);
    qsort(cells, found, sizeof *cells, most_first);
    *out_count = found < REHEARSE_MOVES_MAX ? found : REHEARSE_MOVES_MAX;
    for (size_t i = 0; i < *out_count; i++)
        out_moves[i] = cells[i];
    return OK;
}
