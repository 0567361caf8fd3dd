/* domain/dispatch_queue.c: who waits at a provider, and whose turn it is.
 *
 * Deficit round robin with a job as the unit: what a job will cost nobody knows before it ends, so each costs
 * one, a turn is one job, and no deficit is ever left over. The ring of teams is a tree by the number of the
 * turn that each waits for: who had one gets the next new number, and so goes behind all. It is a tree for those
 * whose tickets this worker cannot serve: they are passed over without being looked at, and keep their place.
 *
 * A team that leaves the ring forgets its place and comes back behind all, so that to come with one ticket at a
 * time wins nothing.
 */
#include "base/mem.h"
#include "domain/dispatch_parts.h"

#include <assert.h>

#define ACCOUNTS_MAX (1u << 18)

static struct dispatch_account *account_of_turn(const struct model_node *turn)
{
    return LIST_OWNER(turn, struct dispatch_account, turn);
}

static struct dispatch_choice *choice_of_node(const struct model_node *node)
{
    return LIST_OWNER(node, struct dispatch_choice, node);
}

static enum rank rank_of(const struct dispatch_ticket *ticket)
{
    if (ticket->had_slot)
        return RANK_FRONT;
    return ticket->service_class == DISPATCH_BATCH ? RANK_BATCH : RANK_INTERACTIVE;
}

/* ---- accounts ------------------------------------------------------------------------------------ */

static uint64_t account_hash(const struct dispatch_provider *provider, uint64_t team,
                             enum rank rank)
{
    return hash_spread(team) + provider->node.hash * RANK_COUNT + rank;
}

static struct dispatch_account *account_find(const struct dispatch *dispatch,
                                             const struct dispatch_provider *provider,
                                             uint64_t team, enum rank rank)
{
    struct hash_node *node =
        hash_table_find(&dispatch->accounts, account_hash(provider, team, rank));
    for (; node; node = hash_next(node)) {
        struct dispatch_account *account = HASH_OWNER(node, struct dispatch_account, node);
        if (account->provider == provider && account->team == team && account->rank == rank)
            return account;
    }
    return NULL;
}

/* The team is new here: its turn comes after everybody's. NULL: too many, or no memory. */
static struct dispatch_account *account_new(struct dispatch *dispatch,
                                            struct dispatch_provider *provider, uint64_t team,
                                            enum rank rank)
{
    if (dispatch->account_count >= ACCOUNTS_MAX)
        return NULL;
    struct dispatch_account *account = mem_zalloc(1, sizeof *account);
    if (!account)
        return NULL;
    account->provider = provider;
    account->team = team;
    account->rank = rank;
    hash_table_add(&dispatch->accounts, &account->node, account_hash(provider, team, rank));
    dispatch->account_count++;
    model_tree_add(&provider->turns[rank], &account->turn, ++provider->last_turn, &account->models);
    return account;
}

static void account_free(struct dispatch *dispatch, struct dispatch_account *account)
{
    model_tree_remove(&account->provider->turns[account->rank], &account->turn);
    hash_table_remove(&dispatch->accounts, &account->node);
    dispatch->account_count--;
    mem_free(account);
}

/* What an account's tickets wait for has changed when one came or went. */
static void account_gather(struct dispatch_account *account)
{
    const struct model_set *all = &account->tickets.root->all;
    if (model_set_eq(all, &account->models))
        return;
    account->models = *all;
    model_tree_changed(&account->turn);
}

static enum err account_get(struct dispatch *dispatch, struct dispatch_provider *provider,
                            const struct dispatch_ticket *ticket,
                            struct dispatch_account **out_account)
{
    enum rank rank = rank_of(ticket);
    struct dispatch_account *account = account_find(dispatch, provider, ticket->team, rank);
    if (!account)
        account = account_new(dispatch, provider, ticket->team, rank);
    if (!account)
        return ERR_NO_MEMORY;
    *out_account = account;
    return OK;
}

/* ---- coming and going ---------------------------------------------------------------------------- */

enum err queue_join(struct dispatch *dispatch, struct dispatch_choice *choice)
{
    struct dispatch_provider *provider = choice->provider;
    enum err err = provider ? OK : provider_get(dispatch, choice->provider_id, &provider);
    if (err)
        return err;
    err = provider_model_ref(provider, choice->model, &choice->bit);
    if (!err) {
        err = account_get(dispatch, provider, choice->ticket, &choice->account);
        if (err)
            provider_model_unref(provider, choice->bit);
    }
    if (err) {
        provider_tidy(dispatch, provider);
        return err;
    }
    model_tree_add(&choice->account->tickets, &choice->node, choice->ticket->arrival,
                   provider_bit_set(provider, choice->bit));
    account_gather(choice->account);
    provider->joined++;
    return OK;
}

void queue_leave(struct dispatch *dispatch, struct dispatch_choice *choice)
{
    struct dispatch_account *account = choice->account;
    if (!account)
        return;
    struct dispatch_provider *provider = account->provider;
    model_tree_remove(&account->tickets, &choice->node);
    choice->account = NULL;
    if (account->tickets.root)
        account_gather(account);
    else
        account_free(dispatch, account);
    provider_model_unref(provider, choice->bit);
    provider->joined--;
    provider_tidy(dispatch, provider);
}

/* ---- who is next --------------------------------------------------------------------------------- */

/* The worker for this choice: `only`, when that is given and the ticket may have it, else the best free one. */
static struct dispatch_worker *worker_for(const struct dispatch *dispatch,
                                          const struct dispatch_choice *choice,
                                          struct dispatch_worker *only)
{
    if (only)
        return ticket_avoids(choice->ticket, only) ? NULL : only;
    return worker_choose(dispatch, choice->account->provider, choice->bit, choice->ticket, true);
}

/* The earliest of this team's tickets that wait for one of `wanted`, and for which there is a worker. */
static struct turn turn_of_team(const struct dispatch *dispatch,
                                const struct dispatch_account *account,
                                const struct model_set *wanted, struct dispatch_worker *only)
{
    struct turn turn = {0};
    struct model_node *node = model_tree_find(&account->tickets, wanted);
    for (; node && !turn.worker; node = model_tree_find_next(node, wanted)) {
        turn.choice = choice_of_node(node);
        turn.worker = worker_for(dispatch, turn.choice, only);
    }
    return turn;
}

/* Without `only`: of any worker that is free. */
static struct turn turn_of_rank(const struct dispatch *dispatch,
                                const struct dispatch_provider *provider, enum rank rank,
                                struct dispatch_worker *only)
{
    const struct model_set *wanted = only ? &only->models : &provider->free.root->all;
    struct turn turn = {0};
    struct model_node *node = model_tree_find(&provider->turns[rank], wanted);
    for (; node && !turn.worker; node = model_tree_find_next(node, wanted))
        turn = turn_of_team(dispatch, account_of_turn(node), wanted, only);
    return turn;
}

/* Batch comes last, but not for ever: of the slots of one worker that it could have had, each eighth is its
 * own. Each worker counts for itself, since not every worker has the models that batch waits for. */
struct turn queue_next(const struct dispatch *dispatch, const struct dispatch_provider *provider)
{
    if (!provider->free.root)
        return (struct turn){0};
    struct turn turn = turn_of_rank(dispatch, provider, RANK_FRONT, NULL);
    if (!turn.worker)
        turn = turn_of_rank(dispatch, provider, RANK_INTERACTIVE, NULL);
    struct turn batch = turn_of_rank(dispatch, provider, RANK_BATCH, turn.worker);
    if (turn.worker && batch.worker && turn.worker->stood_back < DISPATCH_BATCH_SHARE - 1) {
        turn.worker->stood_back++;
        return turn;
    }
    if (!batch.worker)
        return turn;
    batch.worker->stood_back = 0;
    return batch;
}

void queue_end_turn(struct dispatch_choice *choice)
{
    struct dispatch_account *account = choice->account;
    struct dispatch_provider *provider = account->provider;
    model_tree_remove(&provider->turns[account->rank], &account->turn);
    model_tree_add(&provider->turns[account->rank], &account->turn, ++provider->last_turn,
                   &account->models);
}

struct dispatch_choice *queue_any(const struct dispatch_provider *provider)
{
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        const struct model_node *turn = provider->turns[rank].root;
        if (turn)
            return choice_of_node(account_of_turn(turn)->tickets.root);
    }
    return NULL;
}
