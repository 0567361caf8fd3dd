/* tests/unit/domain/test_dispatch_random.c: the dispatcher's promises, under whatever happens in whatever order.
 *
 * A seed makes a small world: a few providers with workers or a cap, and some dozens of tickets that come, wait,
 * are served, fail and come again, while workers join, die, go and return, connections and gates open and
 * close. The test keeps its own books, in the plainest way, and after each step looks through all of them:
 *
 *     - no worker ever gets more leases than slots, nor one while it is away, without a parked connection, behind a
 *       closed gate, without the model, or from a ticket that avoids it
 *     - a ticket is told once that it has a slot, once that it lost it, or once that its wait is over
 *     - nobody waits for a slot that is free and that he may have
 *     - nobody waits past his deadline, and nobody is sent away before it
 *     - who had a slot before comes first; batch stands back at most seven times before it has a slot of a worker
 *     - among tickets of one team that want the same, the one that came first is served first
 *     - a suspect worker is taken only when no other is free; a conversation's worker whenever it is
 *     - the figures are those of the books
 *
 * AUXOT_TEST_LONG=1 plays twenty times as many seeds; DISPATCH_SEED=n that one alone.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "domain/dispatch.h"
#include "tests/test.h"

#include <stdlib.h>

#define SEEDS     3000
#define STEPS     250
#define PROVIDERS 4 /* the last one has a cap */
#define WORKERS   6
#define TICKETS   32
#define MODELS    3
#define TEAMS     3

static const char *const provider_ids[PROVIDERS] = {"P", "Q", "R", "C"};
static const char *const model_ids[MODELS] = {"x", "y", "z"};

struct book_worker {
    struct dispatch_worker *worker; /* NULL: not here */
    int provider;
    uint64_t life;
    enum dispatch_worker_state state;
    int slots, busy, parked;
    unsigned models; /* bits; all: ~0 */
    int stood_back;  /* hand-overs past a batch ticket that could have had the slot */
};

struct book_ticket {
    struct dispatch_ticket ticket;
    struct dispatch_choice choices[PROVIDERS];
    int provider[PROVIDERS], model[PROVIDERS]; /* model -1: any */
    enum dispatch_state state;                 /* as it was told */
    int worker;                                /* GRANTED: whose slot; WORKERS: the cap's */
    int64_t arrival;
    bool had_slot;
    size_t joined; /* ticket.joined before this step */
};

struct world {
    char name[32];
    uint64_t random;
    struct dispatch *dispatch;
    int64_t now_ms, arrivals;
    enum dispatch_gate gate[PROVIDERS];
    struct book_worker workers[WORKERS + 1]; /* the last is the cap */
    struct book_ticket tickets[TICKETS];
    uint64_t last_life[4]; /* by affinity: who served it last */
};

static uint32_t roll(struct world *world, uint32_t sides)
{
    world->random += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash_spread(world->random) >> 32) % sides;
}

/* ---- the books ----------------------------------------------------------------------------------- */

static bool is_in_pool(const struct book_worker *worker)
{
    return worker->worker && worker->state != DISPATCH_AWAY;
}

static bool has_model(const struct book_worker *worker, int model)
{
    return model < 0 || (worker->models >> model & 1u) != 0;
}

static bool avoids(const struct book_ticket *ticket, const struct book_worker *worker)
{
    for (size_t i = 0; i < ticket->ticket.avoid_count; i++)
        if (ticket->ticket.avoid[i] == worker->life)
            return true;
    return false;
}

static bool has_room(const struct world *world, const struct book_worker *worker)
{
    return is_in_pool(worker) && worker->busy < worker->slots && worker->parked > 0 &&
           world->gate[worker->provider] != DISPATCH_CLOSED;
}

/* May this choice of the ticket have a slot of the worker, when it has one? */
static bool suits(const struct book_ticket *ticket, size_t choice, const struct book_worker *worker)
{
    return worker->provider == ticket->provider[choice] &&
           has_model(worker, ticket->model[choice]) && !avoids(ticket, worker) &&
           !ticket->choices[choice].is_hopeless;
}

/* Waits there already? What the dispatcher has come to is its own matter, so this is its word. */
static bool waits_at(const struct book_ticket *ticket, size_t choice)
{
    return ticket->state == DISPATCH_WAITING && choice < ticket->ticket.joined &&
           ticket->choices[choice].account != NULL;
}

/* By one of its first `upto` choices. */
static bool waits_for(const struct book_ticket *ticket, const struct book_worker *worker,
                      size_t upto)
{
    for (size_t i = 0; i < upto; i++)
        if (waits_at(ticket, i) && suits(ticket, i, worker))
            return true;
    return false;
}

/* ---- what the dispatcher says, entered into the books ------------------------------------------- */

static bool is_batch(const struct book_ticket *ticket)
{
    return ticket->ticket.service_class == DISPATCH_BATCH && !ticket->had_slot;
}

static void enter_lease(struct world *world, struct book_ticket *ticket)
{
    const struct dispatch_lease *lease = &ticket->ticket.lease;
    struct book_worker *worker = lease->owner ? lease->owner : &world->workers[WORKERS];
    CHECK(world->name, worker->worker == lease->worker || worker == &world->workers[WORKERS]);
    CHECK(world->name, worker->life == lease->life);
    CHECK(world->name, has_room(world, worker)); /* slots, connection, pool, gate */
    CHECK(world->name, suits(ticket, lease->choice, worker));
    worker->busy++;
    if (worker != &world->workers[WORKERS]) {
        worker->parked--;
        world->last_life[ticket->ticket.affinity] = worker->life;
    }
    if (world->gate[worker->provider] == DISPATCH_TRIAL)
        world->gate[worker->provider] = DISPATCH_CLOSED;
    if (is_batch(ticket))
        worker->stood_back = 0;
    ticket->state = DISPATCH_GRANTED;
    ticket->worker = (int)(worker - world->workers);
    ticket->had_slot = true;
}

/* Somebody who waited got a slot: was it his turn? Asked before the lease is entered, and of those alone who were
 * there before this step: who came down to a choice in it may have found the slot free, or come too late. */
static void check_turn(struct world *world, const struct book_ticket *served)
{
    const struct dispatch_lease *lease = &served->ticket.lease;
    struct book_worker *worker = lease->owner ? lease->owner : &world->workers[WORKERS];
    bool batch_stands_back = false;
    if (lease->choice >= served->joined)
        return;
    for (int i = 0; i < TICKETS; i++) {
        const struct book_ticket *other = &world->tickets[i];
        if (other == served || !waits_for(other, worker, other->joined))
            continue;
        batch_stands_back = batch_stands_back || (is_batch(other) && !is_batch(served));
        if (other->had_slot && !is_batch(served))
            CHECK(world->name, served->had_slot);
        bool is_like = other->had_slot == served->had_slot &&
                       other->ticket.team == served->ticket.team &&
                       other->ticket.service_class == served->ticket.service_class;
        if (is_like)
            CHECK(world->name, served->arrival < other->arrival);
    }
    worker->stood_back += batch_stands_back;
    CHECK(world->name, worker->stood_back < DISPATCH_BATCH_SHARE);
}

static void enter(struct world *world, struct book_ticket *ticket)
{
    enum dispatch_state said = ticket->ticket.state;
    switch (said) {
    case DISPATCH_GRANTED:
        CHECK(world->name, ticket->state == DISPATCH_WAITING);
        check_turn(world, ticket);
        enter_lease(world, ticket);
        return;
    case DISPATCH_EXPIRED:
        CHECK(world->name, ticket->state == DISPATCH_WAITING);
        CHECK(world->name, ticket->ticket.deadline_ms <= world->now_ms);
        break;
    case DISPATCH_NEVER: CHECK(world->name, ticket->state == DISPATCH_WAITING); break;
    case DISPATCH_LOST: /* of a slot that was not yet told of, too */
        CHECK(world->name, ticket->state == DISPATCH_GRANTED);
        CHECK(world->name, !ticket->ticket.lease.worker);
        break;
    default: CHECK(world->name, false);
    }
    ticket->state = said;
}

static void drain(struct world *world)
{
    for (struct dispatch_ticket *ticket; (ticket = dispatch_next_settled(world->dispatch));)
        enter(world, ticket->owner);
}

/* ---- what may happen: tickets -------------------------------------------------------------------- */

/* Is some worker free for the ticket? A suspect one counts when asked for. */
static bool could_have(const struct world *world, const struct book_ticket *ticket, size_t upto,
                       bool is_suspect)
{
    for (size_t i = 0; i < upto; i++)
        for (int w = 0; w <= WORKERS; w++)
            if (has_room(world, &world->workers[w]) && suits(ticket, i, &world->workers[w]) &&
                (world->workers[w].state == DISPATCH_SUSPECT) == is_suspect)
                return true;
    return false;
}

/* Before the lease is entered. */
static void check_choice(struct world *world, const struct book_ticket *ticket)
{
    const struct dispatch_lease *lease = &ticket->ticket.lease;
    const struct book_worker *worker = lease->owner ? lease->owner : &world->workers[WORKERS];
    if (worker->state == DISPATCH_SUSPECT) {
        CHECK(world->name, !could_have(world, ticket, ticket->ticket.joined, false));
        return;
    }
    CHECK(world->name, !could_have(world, ticket, lease->choice, false));
    uint64_t last = ticket->ticket.affinity ? world->last_life[ticket->ticket.affinity] : 0;
    for (int w = 0; w < WORKERS; w++) {
        const struct book_worker *other = &world->workers[w];
        bool may = has_room(world, other) && other->state == DISPATCH_LIVE &&
                   suits(ticket, lease->choice, other);
        if (may && other->life == last)
            CHECK(world->name, other == worker);
        if (may && worker->life != last)
            CHECK(world->name, other->busy >= worker->busy);
    }
}

static void try(struct world *world, struct book_ticket *ticket)
{
    enum dispatch_state state = dispatch_take(world->dispatch, &ticket->ticket, world->now_ms);
    drain(world); /* what the clock did before */
    switch (state) {
    case DISPATCH_GRANTED:
        check_choice(world, ticket);
        enter_lease(world, ticket);
        break;
    case DISPATCH_EXPIRED:
        CHECK(world->name, ticket->ticket.deadline_ms <= world->now_ms);
        CHECK(world->name, !could_have(world, ticket, ticket->ticket.choice_count, false) &&
                               !could_have(world, ticket, ticket->ticket.choice_count, true));
        break;
    case DISPATCH_WAITING: CHECK(world->name, ticket->ticket.deadline_ms > world->now_ms); break;
    default: CHECK(world->name, state == DISPATCH_NEVER); break;
    }
    ticket->state = state;
}

static void write_choices(struct world *world, struct book_ticket *ticket)
{
    size_t count = 1 + roll(world, PROVIDERS);
    int first = (int)roll(world, PROVIDERS);
    ticket->ticket.choice_count = count;
    for (size_t i = 0; i < count; i++) {
        int provider = (first + (int)i) % PROVIDERS;
        int model = provider == PROVIDERS - 1 ? -1 : (int)roll(world, MODELS + 1) - 1;
        ticket->provider[i] = provider;
        ticket->model[i] = model;
        ticket->choices[i] =
            (struct dispatch_choice){.provider_id = provider_ids[provider],
                                     .model = str_of(model < 0 ? NULL : model_ids[model]),
                                     .wait_ms = roll(world, 3) == 0 ? 1 + roll(world, 20) : 0,
                                     .is_hopeless = roll(world, 16) == 0};
    }
}

static void come(struct world *world, struct book_ticket *ticket)
{
    *ticket = (struct book_ticket){.arrival = ++world->arrivals};
    ticket->ticket = (struct dispatch_ticket){
        .choices = ticket->choices,
        .service_class = roll(world, 3) == 0 ? DISPATCH_BATCH : DISPATCH_INTERACTIVE,
        .team = roll(world, TEAMS),
        .affinity = roll(world, 4),
        .deadline_ms = world->now_ms + roll(world, 100),
        .owner = ticket};
    write_choices(world, ticket);
    try(world, ticket);
}

/* The books' part of giving a slot back. */
static void enter_return(struct world *world, struct book_ticket *ticket, bool with_connection)
{
    if (ticket->state == DISPATCH_GRANTED) {
        struct book_worker *worker = &world->workers[ticket->worker];
        worker->busy--;
        if (with_connection && worker != &world->workers[WORKERS])
            worker->parked++;
    }
    ticket->state = DISPATCH_IDLE;
}

static void give_back(struct world *world, struct book_ticket *ticket)
{
    (void)dispatch_tick(world->dispatch, world->now_ms);
    drain(world);
    bool with_connection = roll(world, 2) == 0;
    enter_return(world, ticket, with_connection);
    if (with_connection)
        dispatch_cancel(world->dispatch, &ticket->ticket, world->now_ms);
    else
        dispatch_release(world->dispatch, &ticket->ticket, world->now_ms);
}

static void come_again(struct world *world, struct book_ticket *ticket)
{
    struct dispatch_ticket *it = &ticket->ticket;
    if (it->lease.life && it->avoid_count < DISPATCH_AVOID_MAX && roll(world, 2) == 0)
        it->avoid[it->avoid_count++] = it->lease.life;
    it->deadline_ms = world->now_ms + roll(world, 100);
    try(world, ticket);
}

static void play_ticket(struct world *world)
{
    struct book_ticket *ticket = &world->tickets[roll(world, TICKETS)];
    bool is_here = ticket->state == DISPATCH_WAITING || ticket->state == DISPATCH_GRANTED;
    if (is_here ? roll(world, 3) > 0 : roll(world, 8) == 0)
        give_back(world, ticket);
    else if (!is_here && ticket->arrival && roll(world, 3) == 0)
        come_again(world, ticket);
    else if (!is_here)
        come(world, ticket);
}

/* ---- what may happen: workers and gates ---------------------------------------------------------- */

/* Something of its own choosing for a worker that joins or changes. */
static void write_options(struct world *world, struct dispatch_worker_options *options,
                          struct str *models, unsigned *out_models)
{
    *out_models = roll(world, 4) == 0 ? ~0u : roll(world, 1u << MODELS);
    options->has_all_models = *out_models == ~0u;
    options->slots = 1 + roll(world, 4);
    options->models = models;
    for (int i = 0; i < MODELS && !options->has_all_models; i++)
        if (*out_models >> i & 1u)
            models[options->model_count++] = str_of(model_ids[i]);
}

static void join(struct world *world, struct book_worker *worker)
{
    struct str models[MODELS];
    int provider = (int)roll(world, PROVIDERS - 1);
    *worker = (struct book_worker){.provider = provider};
    struct dispatch_worker_options options = {.provider_id = provider_ids[provider],
                                              .owner = worker};
    write_options(world, &options, models, &worker->models);
    worker->slots = (int)options.slots;
    CHECK(world->name, dispatch_worker_join(world->dispatch, &options, world->now_ms,
                                            &worker->worker, NULL) == OK);
    struct dispatch_worker_view view;
    dispatch_worker_look(worker->worker, &view);
    worker->life = view.life;
}

static void change(struct world *world, struct book_worker *worker)
{
    struct str models[MODELS];
    struct dispatch_worker_options options = {0};
    write_options(world, &options, models, &worker->models);
    worker->slots = (int)options.slots;
    CHECK(world->name, dispatch_worker_update(world->dispatch, worker->worker, &options,
                                              world->now_ms, NULL) == OK);
    worker->stood_back = 0; /* batch may wait for other models now */
}

static void leave(struct world *world, struct book_worker *worker)
{
    dispatch_worker_remove(world->dispatch, TAKE(worker->worker), world->now_ms);
}

static void play_worker(struct world *world)
{
    struct book_worker *worker = &world->workers[roll(world, WORKERS)];
    (void)dispatch_tick(world->dispatch, world->now_ms);
    drain(world); /* before the books change */
    uint32_t what = roll(world, 16);
    if (!worker->worker) {
        join(world, worker);
    } else if (what < 9) {
        worker->parked++;
        dispatch_worker_park(world->dispatch, worker->worker, world->now_ms);
    } else if (what == 9) {
        worker->parked -= worker->parked > 0;
        dispatch_worker_unpark(world->dispatch, worker->worker);
    } else if (what == 10) {
        change(world, worker);
    } else if (what == 11) {
        leave(world, worker);
    } else {
        worker->state = (enum dispatch_worker_state)roll(world, 3);
        dispatch_worker_set(world->dispatch, worker->worker, worker->state, world->now_ms);
    }
}

static void play_gate(struct world *world)
{
    int provider = (int)roll(world, PROVIDERS);
    (void)dispatch_tick(world->dispatch, world->now_ms);
    drain(world);
    if (provider == PROVIDERS - 1 && roll(world, 2) == 0) {
        struct book_worker *cap = &world->workers[WORKERS];
        cap->slots = (int)roll(world, 4);
        CHECK(world->name, dispatch_provider_cap(world->dispatch, provider_ids[provider],
                                                 cap->slots, world->now_ms) == OK);
        return;
    }
    enum dispatch_gate gate = (enum dispatch_gate)roll(world, 3);
    if (roll(world, 2) == 0)
        gate = DISPATCH_OPEN;
    world->gate[provider] = gate;
    CHECK(world->name, dispatch_provider_open(world->dispatch, provider_ids[provider], gate,
                                              world->now_ms) == OK);
}

/* ---- what holds after each step ------------------------------------------------------------------ */

static void check_workers(struct world *world)
{
    for (int w = 0; w < WORKERS; w++) {
        const struct book_worker *worker = &world->workers[w];
        if (!worker->worker)
            continue;
        struct dispatch_worker_view view;
        dispatch_worker_look(worker->worker, &view);
        CHECK_INT(world->name, view.busy, worker->busy);
        CHECK_INT(world->name, view.slots, worker->slots);
        CHECK_INT(world->name, view.parked, worker->parked);
        CHECK_INT(world->name, view.state, worker->state);
    }
}

static void check_tickets(struct world *world)
{
    size_t waiting = 0;
    for (int i = 0; i < TICKETS; i++) {
        struct book_ticket *ticket = &world->tickets[i];
        ticket->joined = ticket->state == DISPATCH_WAITING ? ticket->ticket.joined : 0;
        CHECK_INT(world->name, ticket->ticket.state, ticket->state);
        if (ticket->state != DISPATCH_WAITING)
            continue;
        waiting++;
        CHECK(world->name, ticket->ticket.deadline_ms > world->now_ms);
        for (int w = 0; w <= WORKERS; w++) /* no lost wake-up */
            CHECK(world->name, !(has_room(world, &world->workers[w]) &&
                                 waits_for(ticket, &world->workers[w], ticket->ticket.joined)));
    }
    CHECK_INT(world->name, dispatch_waiting(world->dispatch), waiting);
    CHECK(world->name, dispatch_due_ms(world->dispatch) > world->now_ms);
}

static void check_figures(struct world *world)
{
    for (int p = 0; p < PROVIDERS; p++) {
        struct dispatch_provider_view view, want = {0};
        dispatch_provider_look(world->dispatch, provider_ids[p], STR(""), world->now_ms, &view);
        for (int w = 0; w <= WORKERS; w++) {
            const struct book_worker *worker = &world->workers[w];
            if (!worker->worker || worker->provider != p)
                continue;
            want.busy += worker->busy;
            want.slots += is_in_pool(worker) ? worker->slots : 0;
            want.workers += is_in_pool(worker);
        }
        for (int i = 0; i < TICKETS; i++) {
            const struct book_ticket *ticket = &world->tickets[i];
            size_t first = 0;
            while (first < ticket->ticket.joined && !waits_at(ticket, first))
                first++;
            if (first == ticket->ticket.joined || ticket->provider[first] != p)
                continue;
            int64_t wait_ms = world->now_ms - ticket->ticket.waiting_since_ms;
            want.waiting++;
            want.oldest_wait_ms = wait_ms > want.oldest_wait_ms ? wait_ms : want.oldest_wait_ms;
        }
        CHECK_INT(world->name, view.busy, want.busy);
        CHECK_INT(world->name, view.slots, want.slots);
        CHECK_INT(world->name, view.workers, want.workers);
        CHECK_INT(world->name, view.waiting, want.waiting);
        CHECK_INT(world->name, view.oldest_wait_ms, want.oldest_wait_ms);
    }
}

/* ---- a life -------------------------------------------------------------------------------------- */

static void begin(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed};
    (void)snprintf(world->name, sizeof world->name, "seed %llu", (unsigned long long)seed);
    CHECK(world->name, dispatch_new(&world->dispatch) == OK);
    for (int p = 0; p < PROVIDERS; p++)
        world->gate[p] = DISPATCH_OPEN;
    struct book_worker *cap = &world->workers[WORKERS];
    *cap = (struct book_worker){
        .provider = PROVIDERS - 1, .slots = 1, .parked = 1, .models = ~0u, .life = 1};
    CHECK(world->name,
          dispatch_provider_cap(world->dispatch, provider_ids[PROVIDERS - 1], cap->slots, 0) == OK);
    cap->worker = (struct dispatch_worker *)cap; /* it is here; never looked at */
}

static void step(struct world *world)
{
    uint32_t what = roll(world, 20);
    if (roll(world, 4) == 0)
        world->now_ms += roll(world, 8);
    if (what < 12)
        play_ticket(world);
    else if (what < 18)
        play_worker(world);
    else if (what < 19)
        play_gate(world);
    else
        (void)dispatch_tick(world->dispatch, world->now_ms);
    (void)dispatch_tick(world->dispatch, world->now_ms);
    drain(world);
    check_workers(world);
    check_tickets(world);
    check_figures(world);
}

static void end(struct world *world)
{
    for (int i = 0; i < TICKETS; i++) {
        dispatch_cancel(world->dispatch, &world->tickets[i].ticket, world->now_ms);
        enter_return(world, &world->tickets[i], true);
        drain(world);
    }
    CHECK_INT(world->name, dispatch_waiting(world->dispatch), 0);
    CHECK_INT(world->name, dispatch_due_ms(world->dispatch), INT64_MAX);
    for (int w = 0; w <= WORKERS; w++)
        CHECK_INT(world->name, world->workers[w].worker ? world->workers[w].busy : 0, 0);
    dispatch_free(world->dispatch);
}

static void live(struct world *world, uint64_t seed)
{
    begin(world, seed);
    for (int i = 0; i < STEPS; i++)
        step(world);
    end(world);
}

static void its_promises_hold_whatever_happens(void **state)
{
    (void)state;
    static struct world world;
    const char *is_long = getenv("AUXOT_TEST_LONG"), *one = getenv("DISPATCH_SEED");
    if (one) {
        live(&world, strtoull(one, NULL, 10));
        return;
    }
    uint64_t seeds = is_long && strcmp(is_long, "1") == 0 ? 20 * SEEDS : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        live(&world, seed);
}

/* ---- fair shares --------------------------------------------------------------------------------- */

#define FAIR_TEAMS   7
#define FAIR_TICKETS 20

struct fair_ticket {
    struct dispatch_ticket ticket;
    struct dispatch_choice choice;
};

static enum dispatch_state fair_take(struct world *world, struct fair_ticket *it, uint64_t team)
{
    *it = (struct fair_ticket){.choice = {.provider_id = "C"}};
    it->ticket = (struct dispatch_ticket){
        .choices = &it->choice, .choice_count = 1, .deadline_ms = 1, .team = team};
    return dispatch_take(world->dispatch, &it->ticket, 0);
}

/* The greedy team 0 comes first with all it has, then the others, mixed. */
static void fair_queue(struct world *world, struct fair_ticket tickets[FAIR_TEAMS][FAIR_TICKETS])
{
    int next[FAIR_TEAMS] = {0};
    for (int n = 0; n < FAIR_TEAMS * FAIR_TICKETS;) {
        uint32_t team = n < FAIR_TICKETS ? 0 : roll(world, FAIR_TEAMS);
        if (next[team] == FAIR_TICKETS)
            continue;
        CHECK("waits", fair_take(world, &tickets[team][next[team]++], team) == DISPATCH_WAITING);
        n++;
    }
}

/* All have enough waiting: after any number of hand-overs no two of them are more than one apart. */
static void teams_share_within_one_round(void **state)
{
    (void)state;
    static struct fair_ticket tickets[FAIR_TEAMS][FAIR_TICKETS], first;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world world = {.random = seed};
        int served[FAIR_TEAMS] = {0};
        CHECK("made", dispatch_new(&world.dispatch) == OK);
        CHECK("capped", dispatch_provider_cap(world.dispatch, "C", 1, 0) == OK);
        CHECK("got", fair_take(&world, &first, 99) == DISPATCH_GRANTED);
        fair_queue(&world, tickets);
        struct dispatch_ticket *holds = &first.ticket;
        for (int n = 1; n <= FAIR_TEAMS * FAIR_TICKETS; n++) {
            dispatch_release(world.dispatch, holds, 0);
            holds = dispatch_next_settled(world.dispatch);
            CHECK("served", holds && holds->state == DISPATCH_GRANTED);
            served[holds->team]++;
            for (int team = 0; team < FAIR_TEAMS; team++)
                CHECK("within one round", served[team] >= n / FAIR_TEAMS &&
                                              served[team] <= (n + FAIR_TEAMS - 1) / FAIR_TEAMS);
        }
        dispatch_release(world.dispatch, holds, 0);
        dispatch_free(world.dispatch);
    }
}

TEST_MAIN(TEST(its_promises_hold_whatever_happens), TEST(teams_share_within_one_round))
