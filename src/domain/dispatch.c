/* domain/dispatch.c: the life of a ticket.
 *
 *     IDLE -> take -> GRANTED                          a slot was free
 *                     WAITING -> GRANTED               a slot became free, and it was its turn
 *                             -> EXPIRED, NEVER        its deadline passed; its last provider was deleted
 *                     EXPIRED, NEVER, CROWDED          at once
 *     GRANTED -> LOST                                  its worker was removed
 *     all     -> IDLE                                  cancel, release
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

#include <assert.h>

#define PROVIDER_SLOTS 1024u /* of hash tables */
#define WORKER_SLOTS   4096u
#define ACCOUNT_SLOTS  65536u
#define TEAM_SLOTS     16384u

const char *dispatch_state_name(enum dispatch_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        DISPATCH_STATE_LIST(X)
#undef X
    };
    static_assert(sizeof names / sizeof names[0] == DISPATCH_STATE_COUNT, "one name per state");
    assert(state < DISPATCH_STATE_COUNT);
    return names[state];
}

/* ---- life ---------------------------------------------------------------------------------------- */

static enum err init_tables(struct dispatch *dispatch)
{
    enum err err = hash_table_init(&dispatch->providers, PROVIDER_SLOTS);
    err = err ? err : hash_table_init(&dispatch->workers, WORKER_SLOTS);
    err = err ? err : hash_table_init(&dispatch->accounts, ACCOUNT_SLOTS);
    err = err ? err : hash_table_init(&dispatch->teams, TEAM_SLOTS);
    return err ? err : affinity_init(&dispatch->affinity);
}

static void release_tables(struct dispatch *dispatch)
{
    hash_table_release(&dispatch->providers);
    hash_table_release(&dispatch->workers);
    hash_table_release(&dispatch->accounts);
    hash_table_release(&dispatch->teams);
    affinity_release(&dispatch->affinity);
}

enum err dispatch_new(struct dispatch **out_dispatch)
{
    struct dispatch *dispatch = mem_zalloc(1, sizeof *dispatch);
    if (!dispatch)
        return ERR_NO_MEMORY;
    dispatch->now_ms = INT64_MIN;
    list_init(&dispatch->settled);
    enum err err = init_tables(dispatch);
    if (err) {
        release_tables(dispatch);
        mem_free(dispatch);
        return err;
    }
    *out_dispatch = dispatch;
    return OK;
}

static void free_provider(struct dispatch *dispatch, struct dispatch_provider *provider)
{
    while (!list_is_empty(&provider->workers))
        worker_end(dispatch,
                   LIST_OWNER(provider->workers.next, struct dispatch_worker, of_provider));
    provider->is_kept = false;
    provider_tidy(dispatch, provider);
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    assert(dispatch->waiting == 0);
    for (size_t i = 0; i < PROVIDER_SLOTS; i++)
        while (dispatch->providers.slots[i])
            free_provider(dispatch,
                          HASH_OWNER(dispatch->providers.slots[i], struct dispatch_provider, node));
    assert(list_is_empty(&dispatch->settled)); /* else somebody still held a lease */
    release_tables(dispatch);
    mem_free(dispatch);
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void begin(struct dispatch *dispatch, struct dispatch_ticket *ticket)
{
    assert(ticket->state != DISPATCH_WAITING && ticket->state != DISPATCH_GRANTED);
    assert(ticket->choice_count > 0 && ticket->choice_count <= DISPATCH_CHOICES_MAX);
    assert(ticket->avoid_count <= DISPATCH_AVOID_MAX);
    if (!ticket->arrival) {
        ticket->arrival = ++dispatch->arrivals;
        list_init(&ticket->settled);
        list_init(&ticket->held);
        list_init(&ticket->first);
        list_init(&ticket->patient);
    }
    list_unlink(&ticket->settled);
    ticket->lease = (struct dispatch_lease){0};
    ticket->joined = 0;
    for (size_t i = 0; i < ticket->choice_count; i++) {
        ticket->choices[i].ticket = ticket;
        ticket->choices[i].account = NULL;
        ticket->choices[i].node = (struct model_node){0};
    }
}

static bool has_hope(const struct dispatch_ticket *ticket)
{
    for (size_t i = 0; i < ticket->joined; i++)
        if (!ticket->choices[i].is_out)
            return true;
    return false;
}

enum dispatch_state dispatch_take(struct dispatch *dispatch, struct dispatch_ticket *ticket,
                                  int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    begin(dispatch, ticket);
    struct step step = dispatch_go_down(dispatch, ticket, dispatch->now_ms);
    if (step.worker) {
        worker_lend(dispatch, step.worker, ticket, step.choice);
        ticket->state = DISPATCH_GRANTED;
    } else if (!has_hope(ticket)) {
        ticket->state = DISPATCH_NEVER;
    } else if (ticket->deadline_ms <= dispatch->now_ms) {
        ticket->state = DISPATCH_EXPIRED;
    } else {
        ticket->state = dispatch_start_waiting(dispatch, ticket, step.until_ms);
    }
    return ticket->state;
}

static void leave(struct dispatch *dispatch, struct dispatch_ticket *ticket, bool with_connection,
                  int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    if (!ticket->arrival)
        return; /* it was never here */
    struct dispatch_worker *worker = ticket->lease.worker;
    if (ticket->state == DISPATCH_WAITING)
        dispatch_stop_waiting(dispatch, ticket);
    if (worker)
        worker_take_back(worker, ticket, with_connection);
    list_unlink(&ticket->settled);
    ticket->state = DISPATCH_IDLE;
    if (worker)
        dispatch_serve(dispatch, worker->provider);
}

void dispatch_cancel(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t now_ms)
{
    leave(dispatch, ticket, true, now_ms);
}

void dispatch_release(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t now_ms)
{
    leave(dispatch, ticket, false, now_ms);
}

struct dispatch_ticket *dispatch_next_settled(struct dispatch *dispatch)
{
    if (list_is_empty(&dispatch->settled))
        return NULL;
    struct list *node = dispatch->settled.next;
    list_unlink(node);
    return LIST_OWNER(node, struct dispatch_ticket, settled);
}

int64_t dispatch_due_ms(const struct dispatch *dispatch)
{
    const struct model_node *timer = model_tree_first(&dispatch->timers);
    return timer ? timer->key : INT64_MAX;
}

int64_t dispatch_tick(struct dispatch *dispatch, int64_t now_ms)
{
    dispatch_catch_up(dispatch, now_ms);
    return dispatch_due_ms(dispatch);
}

size_t dispatch_waiting(const struct dispatch *dispatch)
{
    return dispatch->waiting;
}
