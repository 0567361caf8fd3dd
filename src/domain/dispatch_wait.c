/* domain/dispatch_wait.c: a ticket goes down its choices, waits, and stops waiting.
 *
 * A waiting ticket has one timer: the end of the wait for the choice that it came to last, or, once it has come
 * to all, its deadline. What is due is done before anything else in every call, at the time for which it was
 * due: so who is granted does not hang on when somebody looks at the clock.
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

/* ---- how many of a team wait --------------------------------------------------------------------- */

/* Counts one more; false: there are too many already, or there is no memory. */
static bool team_add(struct dispatch *dispatch, struct dispatch_ticket *ticket)
{
    uint64_t hash =
        hash_spread(ticket->team); /* one to one: it tells teams apart as the key does */
    struct hash_node *node = hash_table_find(&dispatch->teams, hash);
    struct dispatch_team *team = node ? HASH_OWNER(node, struct dispatch_team, node) : NULL;
    if (!team) {
        team = mem_zalloc(1, sizeof *team);
        if (!team)
            return false;
        hash_table_add(&dispatch->teams, &team->node, hash);
    }
    if (team->waiting >= DISPATCH_TEAM_TICKETS_MAX)
        return false;
    team->waiting++;
    ticket->of_team = team;
    return true;
}

static void team_drop(struct dispatch *dispatch, struct dispatch_ticket *ticket)
{
    struct dispatch_team *team = TAKE(ticket->of_team);
    if (--team->waiting > 0)
        return;
    hash_table_remove(&dispatch->teams, &team->node);
    mem_free(team);
}

/* ---- down the choices ---------------------------------------------------------------------------- */

/* Once for all that follows: the names are longer than all the rest. */
static void look_up(const struct dispatch *dispatch, struct dispatch_choice *choice)
{
    choice->provider = provider_find(dispatch, choice->provider_id);
    choice->bit =
        choice->provider ? provider_model_bit(choice->provider, choice->model) : BIT_UNLISTED;
}

/* Nobody will ever serve it there, as far as is known now. */
static bool is_out(const struct dispatch *dispatch, const struct dispatch_choice *choice)
{
    if (choice->is_hopeless || choice->ticket->avoid_count == 0 || !choice->provider)
        return choice->is_hopeless;
    int64_t live = provider_live(choice->provider, choice->bit);
    return live > 0 &&
           workers_tried(dispatch, choice->ticket, choice->provider, choice->bit) >= live;
}

/* Somebody there would serve it, but for the slots; asked when none was free. */
static bool is_full(const struct dispatch_choice *choice)
{
    return choice->provider && choice->provider->gate != DISPATCH_CLOSED &&
           provider_live(choice->provider, choice->bit) > 0;
}

static struct dispatch_worker *choose(const struct dispatch *dispatch,
                                      const struct dispatch_choice *choice, bool may_be_suspect)
{
    if (choice->is_out || !choice->provider)
        return NULL;
    return worker_choose(dispatch, choice->provider, choice->bit, choice->ticket, may_be_suspect);
}

struct step dispatch_go_down(const struct dispatch *dispatch, struct dispatch_ticket *ticket,
                             int64_t now_ms)
{
    struct step step = {.until_ms = ticket->deadline_ms};
    size_t from = ticket->joined;
    while (ticket->joined < ticket->choice_count) {
        step.choice = ticket->joined++;
        struct dispatch_choice *choice = &ticket->choices[step.choice];
        look_up(dispatch, choice);
        choice->is_out = is_out(dispatch, choice);
        step.worker = choose(dispatch, choice, false);
        if (step.worker)
            return step;
        if (choice->wait_ms > 0 && now_ms < ticket->deadline_ms && !choice->is_out &&
            is_full(choice)) {
            if (choice->wait_ms < ticket->deadline_ms - now_ms)
                step.until_ms = now_ms + choice->wait_ms;
            break;
        }
    }
    for (step.choice = from; step.choice < ticket->joined; step.choice++) {
        step.worker = choose(dispatch, &ticket->choices[step.choice], true);
        if (step.worker)
            return step;
    }
    return step;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static const struct model_set no_models = {0};

static bool waits_somewhere(const struct dispatch_ticket *ticket)
{
    for (size_t i = 0; i < ticket->joined; i++)
        if (ticket->choices[i].account)
            return true;
    return false;
}

/* The choices from `from` on, which it has come to, wait as well; one for which there is no room is given up. */
static void join(struct dispatch *dispatch, struct dispatch_ticket *ticket, size_t from)
{
    for (size_t i = from; i < ticket->joined; i++) {
        struct dispatch_choice *choice = &ticket->choices[i];
        if (!choice->is_out && queue_join(dispatch, choice) != OK)
            choice->is_out = true;
    }
}

static void set_timer(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t until_ms)
{
    model_tree_remove(&dispatch->timers, &ticket->timer);
    model_tree_add(&dispatch->timers, &ticket->timer, until_ms, &no_models);
}

/* Until then. While there are choices that it has not come to, it is the last one's turn to be waited for. */
static void wait_until(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t until_ms)
{
    struct dispatch_account *account = ticket->choices[ticket->joined - 1].account;
    list_unlink(&ticket->patient);
    if (ticket->joined < ticket->choice_count && account)
        list_push_back(&account->provider->patient, &ticket->patient);
    set_timer(dispatch, ticket, until_ms);
}

/* Counted where its first choice waits: queue_too_deep looks there. */
static void count_first(struct dispatch_ticket *ticket)
{
    size_t i = 0;
    while (!ticket->choices[i].account)
        i++;
    ticket->first_at = ticket->choices[i].account->provider;
    list_push_back(&ticket->first_at->first, &ticket->first);
    ticket->first_at->first_count++;
}

static void uncount_first(struct dispatch_ticket *ticket)
{
    if (!ticket->first_at)
        return;
    list_unlink(&ticket->first);
    TAKE(ticket->first_at)->first_count--;
}

enum dispatch_state dispatch_start_waiting(struct dispatch *dispatch,
                                           struct dispatch_ticket *ticket, int64_t until_ms)
{
    if (dispatch->waiting >= DISPATCH_TICKETS_MAX || !team_add(dispatch, ticket))
        return DISPATCH_CROWDED;
    join(dispatch, ticket, 0);
    if (!waits_somewhere(ticket)) {
        team_drop(dispatch, ticket);
        return DISPATCH_CROWDED;
    }
    dispatch->waiting++;
    ticket->waiting_since_ms = dispatch->now_ms;
    count_first(ticket);
    wait_until(dispatch, ticket, until_ms);
    return DISPATCH_WAITING;
}

void dispatch_stop_waiting(struct dispatch *dispatch, struct dispatch_ticket *ticket)
{
    uncount_first(ticket);
    list_unlink(&ticket->patient);
    model_tree_remove(&dispatch->timers, &ticket->timer);
    for (size_t i = 0; i < ticket->joined; i++)
        queue_leave(dispatch, &ticket->choices[i]);
    team_drop(dispatch, ticket);
    dispatch->waiting--;
}

void dispatch_settle(struct dispatch *dispatch, struct dispatch_ticket *ticket,
                     enum dispatch_state state)
{
    ticket->state = state;
    list_unlink(&ticket->settled); /* it may not have been told of its last state yet */
    list_push_back(&dispatch->settled, &ticket->settled);
}

static void grant_waiting(struct dispatch *dispatch, struct dispatch_ticket *ticket,
                          struct dispatch_worker *worker, size_t choice)
{
    dispatch_stop_waiting(dispatch, ticket);
    worker_lend(dispatch, worker, ticket, choice);
    dispatch_settle(dispatch, ticket, DISPATCH_GRANTED);
}

static void give_up(struct dispatch *dispatch, struct dispatch_ticket *ticket,
                    enum dispatch_state state)
{
    dispatch_stop_waiting(dispatch, ticket);
    dispatch_settle(dispatch, ticket, state);
}

/* Its timer went off, which was set for `at_ms`. */
static void go_on(struct dispatch *dispatch, struct dispatch_ticket *ticket, int64_t at_ms)
{
    size_t from = ticket->joined;
    struct step step = dispatch_go_down(dispatch, ticket, at_ms);
    if (step.worker) {
        grant_waiting(dispatch, ticket, step.worker, step.choice);
        return;
    }
    if (at_ms >= ticket->deadline_ms) {
        give_up(dispatch, ticket, DISPATCH_EXPIRED);
        return;
    }
    join(dispatch, ticket, from);
    if (waits_somewhere(ticket))
        wait_until(dispatch, ticket, step.until_ms);
    else
        give_up(dispatch, ticket, DISPATCH_NEVER);
}

/* ---- what others' calls do to those that wait ---------------------------------------------------- */

void dispatch_catch_up(struct dispatch *dispatch, int64_t now_ms)
{
    if (dispatch->now_ms < now_ms)
        dispatch->now_ms = now_ms;
    struct model_node *timer;
    while ((timer = model_tree_first(&dispatch->timers)) && timer->key <= dispatch->now_ms)
        go_on(dispatch, LIST_OWNER(timer, struct dispatch_ticket, timer), timer->key);
}

void dispatch_serve(struct dispatch *dispatch, struct dispatch_provider *provider)
{
    while (provider->gate != DISPATCH_CLOSED) {
        struct turn turn = queue_next(dispatch, provider);
        if (!turn.worker)
            return;
        struct dispatch_ticket *ticket = turn.choice->ticket;
        queue_end_turn(turn.choice);
        grant_waiting(dispatch, ticket, turn.worker, (size_t)(turn.choice - ticket->choices));
    }
}

void dispatch_hurry(struct dispatch *dispatch, struct dispatch_provider *provider)
{
    LIST_EACH(node, &provider->patient)
    {
        struct dispatch_ticket *ticket = LIST_OWNER(node, struct dispatch_ticket, patient);
        const struct dispatch_choice *choice = &ticket->choices[ticket->joined - 1];
        if (provider->gate == DISPATCH_CLOSED || provider_live(provider, choice->bit) == 0)
            set_timer(dispatch, ticket, dispatch->now_ms);
    }
    dispatch_catch_up(dispatch, dispatch->now_ms);
}

void dispatch_drop_choice(struct dispatch *dispatch, struct dispatch_choice *choice)
{
    struct dispatch_ticket *ticket = choice->ticket;
    if (ticket->first_at == choice->account->provider)
        uncount_first(ticket);
    bool is_last = choice == &ticket->choices[ticket->joined - 1];
    if (is_last)
        list_unlink(&ticket->patient);
    queue_leave(dispatch, choice);
    choice->is_out = true;
    if (is_last || !waits_somewhere(ticket))
        set_timer(dispatch, ticket, dispatch->now_ms); /* goes on to the next choice, or gives up */
}
