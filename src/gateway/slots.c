/* gateway/slots.c: a request's wait for a slot, and the slot that it then holds. See slots.h.
 *
 * The ticket and its choices lie in the seat; the dispatcher links them in place, under the registry's lock. The
 * seat's one message is at most once on its way: to the lot, which adds the connection, and to the request's
 * loop. A request that ends meanwhile gives up at once what it was granted, and leaves the seat to whoever
 * gets the message.
 */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#include "base/log.h"
#include "sys/clock.h"

#include <assert.h>

#define BEGIN_MS   5000  /* a worker that was given a job must have begun by then */
#define AGAIN_MS   10000 /* for another slot of the same provider, to ask in another form */
#define RETAKES    16    /* lost races of one request */
#define LINGER_MS  100
#define KEY_BAR_MS 300000

/* ---- who is asked ------------------------------------------------------------------------------ */

bool slot_is_needed(const struct candidate *candidate)
{
    const struct provider *provider = candidate->provider;
    return candidate->asked != ENDPOINT_COUNT &&
           (provider->has_workers || provider->max_concurrent > 0 ||
            atomic_load_explicit(&provider_live(provider)->slots_found, memory_order_relaxed) > 0);
}

static int64_t wait_left_ms(const struct request *request)
{
    int64_t most_ms =
        request->wait_ms >= 0 ? request->wait_ms : request->gl->gateway->options.queue_wait_ms;
    return most_ms > request->waited_ms ? most_ms - request->waited_ms : 0;
}

bool slots_may_wait(const struct request *request)
{
    return wait_left_ms(request) > 0 && request->later_count > 0;
}

/* Of those that cannot be asked now: may it come in time? After a try that failed, only for workers: who has
 * waited that long should hear what went wrong. */
static bool is_worth_waiting(const struct request *request, const struct candidate *candidate,
                             int64_t deadline_ms)
{
    if (request->attempt_count > 0 && !candidate->provider->has_workers)
        return false;
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

static void seat_free(struct seat *seat)
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
    int64_t left_ms = wait_left_ms(request), own_ms = 0;
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
            is_worth_waiting(request, &request->candidates[i], seat->ticket.deadline_ms))
            choose(seat, request, i);
    return true;
}

static uint64_t team_of(const struct request *request)
{
    const struct principal *principal = request->principal;
    return str_hash(str_of(principal->team[0] ? principal->team : principal->id));
}

/* ---- under the lock: taking -------------------------------------------------------------------- */

static void mark_old(struct seat *seat, size_t choice)
{
    struct pool_entry *pool = workers_pool(seat->workers, seat->choices[choice].provider_id);
    if (pool)
        pool->are_figures_old = true;
}

static void post(struct seat *seat, struct loop *loop, void (*run)(struct loop_message *message))
{
    if (seat->is_posted)
        return; /* what it brings says all */
    seat->is_posted = true;
    seat->message.run = run;
    loop_post(loop, &seat->message);
}

static void slots_arrived(struct loop_message *message);

/* A slot was granted. True: it is a cap's, so nothing else is needed. */
static bool take_grant(struct seat *seat)
{
    struct worker *worker = seat->ticket.lease.owner;
    mark_old(seat, seat->ticket.lease.choice);
    seat->worker = worker;
    if (!worker)
        return true;
    worker_hold(worker);
    seat->phase = SEAT_FETCHING;
    if (seat->workers->lot)
        post(seat, lot_loop(seat->workers->lot), lot_fetch);
    else
        post(seat, seat->loop, slots_arrived); /* without a connection: a lost race */
    return false;
}

void seat_settled(struct seat *seat)
{
    mark_old(seat, 0);
    switch (seat->ticket.state) {
    case DISPATCH_GRANTED:
        if (!take_grant(seat))
            return;
        break;
    case DISPATCH_LOST:
        if (seat->phase == SEAT_FETCHING)
            return; /* the lot sees it */
        post(seat, seat->loop, slots_arrived);
        return;
    default: break;
    }
    seat->phase = SEAT_ARRIVING;
    post(seat, seat->loop, slots_arrived);
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

static enum slots_answer take(struct request *request, struct seat *seat, size_t *out_index)
{
    struct workers *workers = seat->workers;
    enum slots_answer answer = SLOTS_NONE;
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = workers_now_ms();
    prepare_pools(seat, request, now_ms);
    enum dispatch_state state = dispatch_take(workers->dispatch, &seat->ticket, now_ms);
    mark_old(seat, 0);
    seat->since_ms = now_ms;
    if (state == DISPATCH_WAITING) {
        seat->phase = SEAT_WAITING;
        answer = SLOTS_LATER;
    } else if (state == DISPATCH_GRANTED) {
        bool is_whole = take_grant(seat);
        answer = is_whole ? SLOTS_HELD : SLOTS_LATER;
        if (is_whole)
            seat->phase = SEAT_HELD;
        seat->is_held = is_whole;
        *out_index = seat->candidate_of[seat->ticket.lease.choice];
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

/* ---- the end of a slot ------------------------------------------------------------------------- */

static void line_end(struct workers *workers, struct line *line)
{
    if (line && line->detached)
        lot_return_line(workers, line);
    else if (line)
        line_free(workers, line);
}

/* Gives the slot back, or what is left of it. The line is the caller's to end. */
static struct line *seat_release(struct seat *seat)
{
    struct workers *workers = seat->workers;
    pthread_mutex_lock(&workers->lock);
    if (seat->ticket.state == DISPATCH_GRANTED)
        mark_old(seat, seat->ticket.lease.choice);
    mark_old(seat, 0);
    dispatch_release(workers->dispatch, &seat->ticket, workers_now_ms());
    if (seat->worker)
        worker_drop(TAKE(seat->worker));
    struct line *line = TAKE(seat->line);
    seat->phase = SEAT_IDLE;
    seat->is_held = false;
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    return line;
}

void slot_end(struct request *request)
{
    struct seat *seat = request->seat;
    if (!seat || !seat->is_held)
        return;
    deadline_clear(&seat->begin);
    if (seat->worker) {
        pthread_mutex_lock(&seat->workers->lock);
        seat->worker->jobs += seat->has_begun;
        pthread_mutex_unlock(&seat->workers->lock);
    }
    line_end(seat->workers, seat_release(seat));
}

void slots_leave(struct request *request)
{
    struct seat *seat = TAKE(request->seat);
    if (!seat)
        return;
    struct workers *workers = seat->workers;
    deadline_release(&seat->begin);
    seat->request = NULL;
    pthread_mutex_lock(&workers->lock);
    if (seat->phase != SEAT_IDLE)
        mark_old(seat, 0);
    if (seat->phase != SEAT_IDLE && seat->ticket.state == DISPATCH_GRANTED)
        mark_old(seat, seat->ticket.lease.choice);
    if (seat->phase == SEAT_WAITING || seat->phase == SEAT_FETCHING)
        dispatch_cancel(workers->dispatch, &seat->ticket, workers_now_ms());
    else if (seat->phase != SEAT_IDLE)
        dispatch_release(workers->dispatch, &seat->ticket, workers_now_ms());
    struct line *line = TAKE(seat->line);
    if (seat->worker)
        worker_drop(TAKE(seat->worker));
    seat->phase = SEAT_IDLE;
    bool is_posted = seat->is_left = seat->is_posted;
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    line_end(workers, line);
    if (!is_posted)
        seat_free(seat);
}

/* ---- arriving: on the request's loop ----------------------------------------------------------- */

/* What the message came with. */
enum arrival {
    ARRIVAL_LEFT,
    ARRIVAL_SLOT,
    ARRIVAL_RACE_LOST,
    ARRIVAL_NOTHING,
    ARRIVAL_WORKER_DIED
};

static enum arrival arrival_of(struct seat *seat)
{
    struct workers *workers = seat->workers;
    enum arrival arrival;
    pthread_mutex_lock(&workers->lock);
    seat->is_posted = false;
    bool is_running = seat->phase == SEAT_HELD;
    if (seat->is_left)
        arrival = ARRIVAL_LEFT;
    else if (seat->ticket.state == DISPATCH_LOST)
        arrival = is_running ? ARRIVAL_WORKER_DIED : ARRIVAL_RACE_LOST;
    else if (seat->ticket.state == DISPATCH_GRANTED && (!seat->worker || seat->line))
        arrival = ARRIVAL_SLOT;
    else if (seat->ticket.state == DISPATCH_GRANTED)
        arrival = ARRIVAL_RACE_LOST;
    else
        arrival = ARRIVAL_NOTHING;
    if (arrival == ARRIVAL_SLOT) {
        seat->phase = SEAT_HELD;
        seat->is_held = true;
    }
    workers->figures.queue_timeouts +=
        arrival == ARRIVAL_NOTHING && seat->ticket.state == DISPATCH_EXPIRED;
    pthread_mutex_unlock(&workers->lock);
    return arrival;
}

void slots_retake(struct request *request)
{
    struct seat *seat = request->seat;
    if (seat && ++seat->retakes > RETAKES) {
        request_fail(request, SAY_OVERLOADED, "no_slot",
                     "Workers were found, and lost again before they could be asked; try again.");
        return;
    }
    request_reroute(request);
    attempt_next(request);
}

/* The wait took time: what was planned may be old. False: its provider may not be asked now. */
static bool refresh(struct request *request, size_t index)
{
    struct candidate *candidate = &request->candidates[index];
    const struct route_plan *plan = &request->gl->plan;
    (void)request_plan(request);
    for (size_t i = 0; i < plan->eligible_count; i++) {
        if (plan->list[i].provider != candidate->provider)
            continue;
        struct str model = plan->list[i].model;
        if (!str_eq(model, candidate->model))
            model = request_keep(request, model);
        else
            model = candidate->model;
        *candidate = plan->list[i];
        candidate->model = model;
        return model.len > 0;
    }
    return false;
}

static void on_slot(struct request *request)
{
    struct seat *seat = request->seat;
    size_t index = seat->candidate_of[seat->ticket.lease.choice];
    request->waited_ms += workers_now_ms() - seat->since_ms;
    request->state = REQUEST_ATTEMPT;
    request_set_clock(request);
    if (seat->is_again) {
        attempt_ask(request);
        return;
    }
    bool may_be_old = seat->has_waited || index >= request->candidate_count;
    if (may_be_old && !refresh(request, index)) {
        slot_end(request);
        slots_retake(request);
        return;
    }
    attempt_granted(request, index);
}

static void on_nothing(struct request *request)
{
    struct seat *seat = request->seat;
    line_end(seat->workers, seat_release(seat));
    request->waited_ms += workers_now_ms() - seat->since_ms;
    request->state = REQUEST_ATTEMPT;
    request_set_clock(request);
    if (seat->is_again) {
        attempt_broken(request, "no_slot", "no worker was free to be asked again in another form");
        return;
    }
    request->next_candidate = seat->behind;
    attempt_next(request);
}

static void on_race_lost(struct request *request)
{
    struct seat *seat = request->seat;
    line_end(seat->workers, seat_release(seat));
    request->waited_ms += workers_now_ms() - seat->since_ms;
    request->state = REQUEST_ATTEMPT;
    if (seat->is_again)
        attempt_broken(request, "worker_lost", "the worker was lost");
    else
        slots_retake(request);
}

/* While its job runs, or is about to. */
static void on_worker_died(struct request *request)
{
    struct seat *seat = request->seat;
    seat->is_lost = true;
    if (!request->trial.call || request->state == REQUEST_DRAINING)
        return; /* it is seen when the worker is asked, or no longer matters */
    if (slot_was_begun(request))
        attempt_broken(request, "worker_lost", "the worker was lost while it answered");
    else
        attempt_not_begun(request, "worker_lost");
}

static void slots_arrived(struct loop_message *message)
{
    struct seat *seat = LIST_OWNER(message, struct seat, message);
    switch (arrival_of(seat)) {
    case ARRIVAL_LEFT: seat_free(seat); return;
    case ARRIVAL_SLOT: on_slot(seat->request); return;
    case ARRIVAL_RACE_LOST: on_race_lost(seat->request); return;
    case ARRIVAL_NOTHING: on_nothing(seat->request); return;
    case ARRIVAL_WORKER_DIED: on_worker_died(seat->request); return;
    }
}

/* ---- on the lot's thread ----------------------------------------------------------------------- */

/* A parked line of the worker, off the lot's loop. NULL: none is left. */
static struct line *take_line(struct worker *worker)
{
    LIST_EACH_SAFE(node, &worker->lines)
    {
        struct line *line = LIST_OWNER(node, struct line, node);
        if (!line->is_parked)
            continue;
        line->is_parked = false;
        line->is_ready = true; /* until something is asked over it */
        list_unlink(&line->node);
        line->detached = ws_link_detach(TAKE(line->link));
        if (line->detached)
            return line;
        line_free(worker->workers, line);
    }
    return NULL;
}

void lot_fetch(struct loop_message *message)
{
    struct seat *seat = LIST_OWNER(message, struct seat, message);
    struct workers *workers = seat->workers;
    struct worker *worker = NULL;
    struct line *line = NULL;
    pthread_mutex_lock(&workers->lock);
    if (!seat->is_left && seat->ticket.state == DISPATCH_GRANTED) {
        worker = seat->worker;
        worker_hold(worker);
    }
    pthread_mutex_unlock(&workers->lock);
    if (worker)
        line = take_line(worker);
    pthread_mutex_lock(&workers->lock);
    seat->is_posted = false;
    bool is_left = seat->is_left;
    if (!is_left) {
        seat->line = TAKE(line);
        seat->phase = SEAT_ARRIVING;
        post(seat, seat->loop, slots_arrived);
    }
    if (worker)
        worker_drop(worker);
    pthread_mutex_unlock(&workers->lock);
    if (line) { /* the request left meanwhile, and the slot with it; the connection is still counted */
        line->is_counted = true;
        lot_put_back_line(line);
    }
    if (is_left)
        seat_free(seat);
}

/* ---- while it is held -------------------------------------------------------------------------- */

bool slot_is_held(const struct request *request)
{
    return request->seat && request->seat->is_held;
}

struct detached *slot_take_connection(struct request *request)
{
    struct line *line = slot_is_held(request) ? request->seat->line : NULL;
    if (!line)
        return NULL;
    line->is_ready = false;
    return TAKE(line->detached);
}

void slot_give_connection(struct request *request, struct detached *detached)
{
    struct line *line = slot_is_held(request) ? request->seat->line : NULL;
    if (line)
        line->detached = detached;
    else
        detached_free(detached);
}

const char *slot_worker_id(const struct request *request)
{
    bool has_worker = slot_is_held(request) && request->seat->worker;
    return has_worker ? request->seat->worker->id : "";
}

bool slot_is_lost(const struct request *request)
{
    return slot_is_held(request) && request->seat->is_lost;
}

void slot_expect_beginning(struct request *request)
{
    struct seat *seat = request->seat;
    if (!slot_is_held(request) || !seat->worker)
        return;
    seat->is_begin_due = true;
    deadline_set(&seat->begin, loop_now_ns(seat->loop) + BEGIN_MS * NS_PER_MS);
}

void slot_has_begun(struct request *request)
{
    if (!slot_is_held(request))
        return;
    request->seat->has_begun = true;
    request->seat->is_begin_due = false;
    deadline_clear(&request->seat->begin);
}

bool slot_was_begun(const struct request *request)
{
    return !slot_is_held(request) || !request->seat->worker || request->seat->has_begun;
}

bool slots_linger(struct request *request)
{
    struct seat *seat = request->seat;
    if (!seat || !request->was_cut || wait_left_ms(request) == 0)
        return false;
    request->was_cut = false;
    request->state = REQUEST_SLOT;
    request_set_clock(request);
    seat->is_lingering = true;
    deadline_set(&seat->begin, loop_now_ns(seat->loop) + LINGER_MS * NS_PER_MS);
    return true;
}

static void end_linger(struct request *request)
{
    request->seat->is_lingering = false;
    request->state = REQUEST_ATTEMPT;
    request_set_clock(request);
    request_reroute(request);
    attempt_next(request);
}

void seat_begin_is_due(struct deadline *deadline)
{
    struct seat *seat = LIST_OWNER(deadline, struct seat, begin);
    struct request *request = seat->request;
    if (request && seat->is_lingering) {
        end_linger(request);
        return;
    }
    if (!request || !seat->is_begin_due || !slot_is_held(request) || !request->trial.call)
        return;
    pthread_mutex_lock(&seat->workers->lock);
    worker_note_rule_break(seat->worker, "it took a job and did not begin", workers_now_ms());
    workers_settle(seat->workers);
    pthread_mutex_unlock(&seat->workers->lock);
    attempt_not_begun(request, "begin_timeout");
}

void slot_note_not_begun(struct request *request)
{
    struct workers *workers = request->gl->gateway->workers;
    pthread_mutex_lock(&workers->lock);
    workers->figures.not_begun++;
    pthread_mutex_unlock(&workers->lock);
}

void slot_avoid(struct request *request)
{
    if (!request->seat)
        return;
    request->seat->failed_life = request->seat->ticket.lease.life;
}

bool slot_note_verdict(struct request *request, const struct verdict_report *report)
{
    struct worker *worker = slot_is_held(request) ? request->seat->worker : NULL;
    bool is_own =
        report->verdict == VERDICT_NETWORK && request->trial.note && request->trial.note->worker[0];
    if (!worker)
        return is_own;
    struct workers *workers = request->seat->workers;
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = workers_now_ms();
    int64_t rest_ms = report->retry_after_ms > 0 ? report->retry_after_ms : KEY_BAR_MS;
    worker->failures++;
    if (report->verdict == VERDICT_LIMIT || report->verdict == VERDICT_SPENT) {
        worker_note_quota(worker, clock_wall_ms() + rest_ms, now_ms);
        is_own = true;
    } else if (report->verdict == VERDICT_KEY) {
        worker_bar(worker, "key_refused", KEY_BAR_MS, now_ms);
        is_own = true;
    }
    workers_settle(workers);
    pthread_mutex_unlock(&workers->lock);
    return is_own;
}
