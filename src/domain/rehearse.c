/* domain/rehearse.c: the clock of a rehearsal.
 *
 * Time goes from event to event: an attempt ends, a wait is over, a quota is reset, a request arrives; of what happens in
 * the same millisecond, in this order, so that a slot that becomes free is found by who comes then.
 */
#include "domain/rehearse_parts.h"

#include "base/mem.h"

#define TURNS_PER_LOOK 256u /* at the deadline */

bool rehearse_fault_parse(struct str name, unsigned *out_fault)
{
    static const struct {
        struct str code;
        unsigned fault;
    } known[] = {
#define X(name, code, bit, text) {STR_INIT(code), REHEARSE_##name},
        REHEARSE_FAULT_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_eq(known[i].code, name)) {
            *out_fault = known[i].fault;
            return true;
        }
    return false;
}

/* ---- attempts under way, by their end ------------------------------------------------------------ */

/* Of one millisecond, who came first. */
static bool ends_before(const struct run *a, const struct run *b)
{
    return a->end_ms < b->end_ms || (a->end_ms == b->end_ms && a->index < b->index);
}

static bool ends_reserve(struct rehearsal *rehearsal)
{
    if (rehearsal->end_count < rehearsal->end_room)
        return true;
    size_t room = rehearsal->end_room ? rehearsal->end_room * 2 : 256;
    struct run **grown = mem_realloc(rehearsal->ends, room * sizeof *grown);
    if (!grown)
        return false;
    rehearsal->ends = grown;
    rehearsal->end_room = room;
    return true;
}

void ends_put(struct rehearsal *rehearsal, struct run *run, int64_t end_ms)
{
    run->end_ms = end_ms;
    if (!ends_reserve(rehearsal)) {
        rehearsal->has_failed = true; /* the whole run ends here */
        return;
    }
    size_t at = rehearsal->end_count++;
    for (; at > 0 && ends_before(run, rehearsal->ends[(at - 1) / 2]); at = (at - 1) / 2)
        rehearsal->ends[at] = rehearsal->ends[(at - 1) / 2];
    rehearsal->ends[at] = run;
}

static struct run *ends_take(struct rehearsal *rehearsal)
{
    struct run *first = rehearsal->ends[0], *last = rehearsal->ends[--rehearsal->end_count];
    size_t at = 0, count = rehearsal->end_count;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && ends_before(rehearsal->ends[child + 1], rehearsal->ends[child]))
            child++;
        if (!ends_before(rehearsal->ends[child], last))
            break;
        rehearsal->ends[at] = rehearsal->ends[child];
        at = child;
    }
    rehearsal->ends[at] = last;
    return first;
}

/* ---- time ---------------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t arrival_ms(const struct rehearsal *rehearsal, size_t at)
{
    const struct rehearse_traffic *traffic = rehearsal->traffic;
    return at < traffic->job_count
               ? rehearsal->world->now_ms + traffic->jobs[at].at_ms - traffic->jobs[0].at_ms
               : INT64_MAX;
}

static int64_t end_due_ms(const struct rehearsal *rehearsal)
{
    return rehearsal->end_count > 0 ? rehearsal->ends[0]->end_ms : INT64_MAX;
}

/* Quotas matter to who waits; whoever arrives looks for himself. */
static int64_t gate_due_ms(const struct rehearsal *rehearsal)
{
    return dispatch_waiting(rehearsal->dispatch) > 0 ? world_gate_due_ms(rehearsal) : INT64_MAX;
}

static void settle(struct rehearsal *rehearsal)
{
    struct dispatch_ticket *ticket;
    while (!rehearsal->has_failed && (ticket = dispatch_next_settled(rehearsal->dispatch)))
        run_settled(rehearsal, ticket->owner);
}

/* What happens at `now_ms` but for arrivals. */
static void happen(struct rehearsal *rehearsal)
{
    if (end_due_ms(rehearsal) <= rehearsal->now_ms) {
        run_end(rehearsal, ends_take(rehearsal));
        return;
    }
    (void)dispatch_tick(rehearsal->dispatch, rehearsal->now_ms);
    if (gate_due_ms(rehearsal) <= rehearsal->now_ms)
        for (size_t i = 0; i < rehearsal->stage_count; i++)
            world_gate(rehearsal, i);
}

/* Asked by turns, not by arrivals: whatever keeps the clock busy, it ends. */
static bool is_over(const struct rehearsal *rehearsal, size_t turn)
{
    const struct rehearse_world *world = rehearsal->world;
    return world->is_over && turn % TURNS_PER_LOOK == 0 && world->is_over(world->arg);
}

static enum err play(struct rehearsal *rehearsal, struct error *error)
{
    size_t arrived = 0;
    for (size_t turn = 0; !rehearsal->has_failed; turn++) {
        if (is_over(rehearsal, turn))
            return error_set(error, ERR_TIMEOUT, "the rehearsal took too long");
        int64_t due_ms = least(end_due_ms(rehearsal),
                               least(dispatch_due_ms(rehearsal->dispatch), gate_due_ms(rehearsal)));
        int64_t next_ms = arrival_ms(rehearsal, arrived);
        if (due_ms == INT64_MAX && next_ms == INT64_MAX)
            return OK;
        int64_t at_ms = least(due_ms, next_ms);
        if (at_ms > rehearsal->now_ms)
            rehearsal->now_ms = at_ms;
        if (due_ms <= next_ms)
            happen(rehearsal);
        else
            run_arrive(rehearsal, arrived++);
        settle(rehearsal);
    }
    return error_set(error, ERR_NO_MEMORY, "no memory for the rehearsal");
}

enum err rehearse_run(const struct rehearse_world *world, const struct rehearse_traffic *traffic,
                      struct rehearse_landing *out_landings, struct error *error)
{
    struct rehearsal rehearsal = {
        .world = world, .traffic = traffic, .landings = out_landings, .now_ms = world->now_ms};
    list_init(&rehearsal.active);
    list_init(&rehearsal.idle);
    enum err err = world_init(&rehearsal);
    if (err == OK)
        err = play(&rehearsal, error);
    else
        (void)error_set(error, err, "no memory for the rehearsal");
    run_free_all(&rehearsal);
    world_release(&rehearsal);
    mem_free(rehearsal.ends);
    return err;
}
