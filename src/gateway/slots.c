/* gateway/slots.c: a request's wait for a slot, and the slot that it then holds. See slots.h.
 *
 * The ticket and its choices lie in the seat; the dispatcher links them in place, under the registry's lock. The
 * seat's one message is at most once on its way: to the lot, which adds the connection, and to the request's
 * loop. A request that ends meanwhile gives up at once what it was granted, and leaves the seat to whoever
 * gets the message.
 */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#include <assert.h>

#define AGAIN_MS 10000 /* for another slot of the same provider, to ask in another form */

/* ---- who is asked ------------------------------------------------------------------------------ */

bool slot_is_needed(const struct candidate *candidate)
{
    const struct provider *provider = candidate->provider;
    return candidate->asked != ENDPOINT_COUNT &&
           (provider->has_workers || provider->max_concurrent > 0 ||
            atomic_load_explicit(&provider_live(provider)->slots_found, memory_order_relaxed) > 0);
}

int64_t slots_wait_left_ms(const struct request *request)
{
    int64_t most_ms =
        request->wait_ms >= 0 ? request->wait_ms : request->gl->gateway->tuning.queue_wait_ms;
    return most_ms > request->waited_ms ? most_ms - request->waited_ms : 0;
}

bool slots_may_wait(const struct request *request)
{
    return slots_wait_left_ms(request) > 0 && request->later_count > 0;
}

/* Of those that cannot be asked now: may it come in time? */
static bool is_worth_waiting(const struct candidate *candidate, int64_t deadline_ms)
{
    return candidate->reason != REASON_OVER_QUOTA || candidate->until_ms <= deadline_ms;
}

/* ---- making the seat --------------------------------------------------------------------------- */

static struct seat *seat_of(struct request *request)
{
    if (request->seat)
        return request->seat;
    struct seat *seat = mem_zalloc(1, sizeof *seat);
    if (!seat)
        return NULL;
    seat->workers = request->gl->gateway->workers;
    seat->loop = request->gl->loop;
    seat->request = request;
    seat->ticket.owner = seat;
    deadline_init(&seat->begin, seat->loop, seat_begin_is_due);
    request->seat = seat;
    return seat;
}

void seat_free(struct seat *seat)
{
    mem_free(seat->choices);
    mem_free(seat);
}

/* Room for so many choices; only while the ticket is idle. */
static bool seat_reserve(struct seat *seat, size_t count)
{
    if (count <= seat->room)
        return true;
    mem_free(seat->choices);
    seat->room = 0;
    seat->choices = mem_alloc(count * (sizeof *seat->choices + sizeof *seat->candidate_of));
    if (!seat->choices)
        return false;
    seat->candidate_of = (size_t *)(void *)&seat->choices[count];
    seat->room = count;
    return true;
}

static void choose(struct seat *seat, const struct request *request, size_t index)
{
    const struct candidate *candidate = &request->candidates[index];
    size_t at = seat->ticket.choice_count++;
    bool is_of_workers = candidate->provider->has_workers;
    seat->choices[at] = (struct dispatch_choice){
        .provider_id = candidate->provider->id,
        .model = is_of_workers ? candidate->model : STR(""),
        .wait_ms = request->wait_ms == 0 ? 0 : candidate->provider->wait_ms};
    seat->candidate_of[at] = index;
}

/* The choices: from `from` on, as long as they have slots; and, when nobody stands behind them who can be asked at
 * once, those who may come. */
static bool choose_all(struct seat *seat, const struct request *request, size_t from,
                       int64_t now_ms)
{
    size_t all = request->candidate_count + request->later_count, at = from;
    int64_t left_ms = slots_wait_left_ms(request), own_ms = 0;
    seat->ticket.choice_count = 0;
    if (!seat_reserve(seat, all < DISPATCH_CHOICES_MAX ? all : DISPATCH_CHOICES_MAX))
        return false;
    for (; at < request->candidate_count && slot_is_needed(&request->candidates[at]); at++) {
        if (seat->ticket.choice_count == seat->room ||
            !attempt_is_large_enough(request, &request->candidates[at]))
            continue;
        choose(seat, request, at);
        own_ms += request->candidates[at].provider->wait_ms;
    }
    seat->behind = at;
    bool has_other = at < request->candidate_count;
    if (has_other && request->wait_ms < 0)
        left_ms = own_ms; /* as long as the providers' own waits, then overflow */
    else if (has_other && own_ms < left_ms)
        left_ms = own_ms;
    seat->ticket.deadline_ms = now_ms + left_ms;
    for (size_t i = request->candidate_count; !has_other && left_ms > 0 && i < all; i++)
        if (seat->ticket.choice_count < seat->room &&
            is_worth_waiting(&request->candidates[i], seat->ticket.deadline_ms))
            choose(seat, request, i);
    return true;
}

static uint64_t team_of(const struct request *request)
{
    const struct principal *principal = request->principal;
    return str_hash(str_of(principal->team ? principal->team->id : principal->id));
}

/* ---- under the lock: taking -------------------------------------------------------------------- */

void seat_mark_old(struct seat *seat, size_t choice)
{
    struct pool_entry *pool = workers_pool(seat->workers, seat->choices[choice].provider_id);
    if (pool)
        pool->are_figures_old = true;
}

void seat_post(struct seat *seat, struct loop *loop, void (*run)(struct loop_message *message))
{
    if (seat->is_posted)
        return; /* what it brings says all */
    seat->is_posted = true;
    seat->message.run = run;
    loop_post(loop, &seat->message);
}

void seat_fetch(struct seat *seat)
{
    struct lot *lot = seat->workers->lot;
    seat->phase = lot ? SEAT_FETCHING : SEAT_ARRIVING; /* without a connection: a lost race */
    if (lot)
        seat_post(seat, lot_loop(lot), lot_fetch);
    else
        seat_post(seat, seat->loop, slots_arrived);
}

/* A slot was granted. True: nothing else is needed, for it is a cap's, or the worker has a connection at hand. */
static bool take_grant(struct seat *seat)
{
    struct worker *worker = seat->ticket.lease.owner;
    seat_mark_old(seat, seat->ticket.lease.choice);
    seat->worker = worker;
    if (!worker)
        return true;
    worker_hold(worker);
    seat->line = worker_take_warm(worker, false);
    if (seat->line)
        return true;
    seat_fetch(seat);
    return false;
}

void seat_settled(struct seat *seat)
{
    seat_mark_old(seat, 0);
    switch (seat->ticket.state) {
    case DISPATCH_GRANTED:
        if (!take_grant(seat))
            return;
        break;
    case DISPATCH_LOST:
        if (seat->phase == SEAT_FETCHING)
            return; /* the lot sees it */
        seat_post(seat, seat->loop, slots_arrived);
        return;
    default: break;
    }
    seat->phase = SEAT_ARRIVING;
    seat_post(seat, seat->loop, slots_arrived);
}

static void prepare_pools(struct seat *seat, const struct request *request, int64_t now_ms)
{
    for (size_t i = 0; i < seat->ticket.choice_count; i++) {
        const struct candidate *candidate = &request->candidates[seat->candidate_of[i]];
        struct pool_entry *pool = provider_live(candidate->provider)->pool;
        if (!pool)
            continue;
        if (!pool->has_workers)
            workers_cap(seat->workers, pool, now_ms);
        workers_gate(seat->workers, pool, now_ms);
    }
}

/* A worker that could not be asked when this was planned, and can now, is planned anew: by slots_arrived. */
static enum slots_answer take_at_once(const struct request *request, struct seat *seat,
                                      size_t index)
{
    if (!take_grant(seat))
        return SLOTS_LATER;
    bool is_old = seat->worker && index >= request->candidate_count;
    seat->phase = is_old ? SEAT_ARRIVING : SEAT_HELD;
    seat->is_held = !is_old;
    if (is_old)
        seat_post(seat, seat->loop, slots_arrived);
    return is_old ? SLOTS_LATER : SLOTS_HELD;
}

static enum slots_answer take(struct request *request, struct seat *seat, size_t *out_index)
{
    struct workers *workers = seat->workers;
    enum slots_answer answer = SLOTS_NONE;
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = workers_now_ms();
    prepare_pools(seat, request, now_ms);
    enum dispatch_state state = dispatch_take(workers->dispatch, &seat->ticket, now_ms);
    seat_mark_old(seat, 0);
    seat->since_ms = now_ms;
    if (state == DISPATCH_WAITING) {
        seat->phase = SEAT_WAITING;
        answer = SLOTS_LATER;
    } else if (state == DISPATCH_GRANTED) {
        *out_index = seat->candidate_of[seat->ticket.lease.choice];
        answer = take_at_once(request, seat, *out_index);
    }
    workers->figures.queue_full += state == DISPATCH_CROWDED;
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    request->is_crowded = state == DISPATCH_CROWDED;
    seat->has_waited = state == DISPATCH_WAITING;
    return answer;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static void seat_begin_anew(struct seat *seat)
{
    struct dispatch_ticket *ticket = &seat->ticket;
    assert(seat->phase == SEAT_IDLE);
    if (seat->failed_life && ticket->avoid_count < DISPATCH_AVOID_MAX)
        ticket->avoid[ticket->avoid_count++] = seat->failed_life;
    seat->failed_life = 0;
    seat->is_lost = seat->is_again = false;
    seat->is_begin_due = seat->has_begun = false;
}

enum slots_answer slots_ask(struct request *request, size_t from, size_t *out_index)
{
    struct seat *seat = seat_of(request);
    if (!seat) {
        request_fail_for_memory(request);
        return SLOTS_ENDED;
    }
    seat_begin_anew(seat);
    if (!choose_all(seat, request, from, workers_now_ms())) {
        request_fail_for_memory(request);
        return SLOTS_ENDED;
    }
    *out_index = seat->behind;
    if (seat->ticket.choice_count == 0) {
        request->has_asked_later |= seat->behind >= request->candidate_count;
        return SLOTS_NONE;
    }
    seat->ticket.choices = seat->choices;
    seat->ticket.service_class = request->is_batch ? DISPATCH_BATCH : DISPATCH_INTERACTIVE;
    seat->ticket.team = team_of(request);
    request_find_session(request);
    memcpy(&seat->ticket.affinity, request->session, sizeof seat->ticket.affinity);
    request->has_asked_later |= seat->behind >= request->candidate_count;
    enum slots_answer answer = take(request, seat, out_index);
    if (answer == SLOTS_LATER) {
        request->state = REQUEST_SLOT;
        request_set_clock(request);
    }
    return answer;
}

enum slots_answer slots_ask_again(struct request *request)
{
    struct seat *seat = seat_of(request);
    size_t index = 0;
    if (!seat || !seat_reserve(seat, 1)) {
        request_fail_for_memory(request);
        return SLOTS_ENDED;
    }
    seat_begin_anew(seat);
    seat->is_again = true;
    seat->ticket.choices = seat->choices;
    seat->ticket.choice_count = 0;
    choose(seat, request, request->next_candidate - 1);
    seat->ticket.deadline_ms = workers_now_ms() + AGAIN_MS;
    enum slots_answer answer = take(request, seat, &index);
    if (answer == SLOTS_LATER) {
        request->state = REQUEST_SLOT;
        request_set_clock(request);
    }
    return answer;
}
