/* gateway/slots_arrive.c: what was granted, or not, on its way to the request: by the lot's thread, which adds a worker's
 * connection, to the request's loop.
 */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#define RETAKES   16 /* lost races of one request */
#define LINGER_MS 100

/* ---- on the lot's thread ----------------------------------------------------------------------- */

/* A parked line of the worker, off the lot's loop. NULL: none is left there. */
static struct line *take_parked(struct worker *worker)
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

/* The one that the grant counted on may have closed; but as many are left as grants, here or warm. */
static struct line *take_line(struct worker *worker)
{
    struct line *line = take_parked(worker);
    if (line)
        return line;
    pthread_mutex_lock(&worker->workers->lock);
    line = worker_take_warm(worker, true);
    pthread_mutex_unlock(&worker->workers->lock);
    return line;
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
        seat_post(seat, seat->loop, slots_arrived);
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

/* ---- arriving: on the request's loop ----------------------------------------------------------- */

/* What the message came with. It says nothing itself: what is so when it arrives, counts. One that was sent for a slot
 * which has been given back since is late, and may even find the next one granted. */
enum arrival {
    ARRIVAL_LATE,
    ARRIVAL_LEFT,
    ARRIVAL_SLOT,
    ARRIVAL_RACE_LOST,
    ARRIVAL_NOTHING,
    ARRIVAL_WORKER_DIED
};

static enum arrival arrival_by_phase(struct seat *seat)
{
    enum dispatch_state state = seat->ticket.state;
    bool is_whole = state == DISPATCH_GRANTED && (!seat->worker || seat->line);
    switch (seat->phase) {
    case SEAT_HELD: return state == DISPATCH_LOST ? ARRIVAL_WORKER_DIED : ARRIVAL_LATE;
    case SEAT_FETCHING: /* a late one was under way, so the lot has not heard of it yet */
        seat_fetch(seat);
        return ARRIVAL_LATE;
    case SEAT_ARRIVING:
        if (is_whole)
            return ARRIVAL_SLOT;
        return state == DISPATCH_GRANTED || state == DISPATCH_LOST ? ARRIVAL_RACE_LOST
                                                                   : ARRIVAL_NOTHING;
    default: return ARRIVAL_LATE;
    }
}

static enum arrival arrival_of(struct seat *seat)
{
    struct workers *workers = seat->workers;
    pthread_mutex_lock(&workers->lock);
    seat->is_posted = false;
    enum arrival arrival = seat->is_left ? ARRIVAL_LEFT : arrival_by_phase(seat);
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
        struct candidate now = plan->list[i];
        bool is_same = str_eq(now.model, candidate->model);
        now.model = is_same ? candidate->model : request_keep(request, now.model);
        if (now.model.len == 0 || (!is_same && !admission_fits(request, &now)))
            return false;
        *candidate = now;
        return true;
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
    seat_line_end(seat->workers, seat_release(seat));
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
    seat_line_end(seat->workers, seat_release(seat));
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

void slots_arrived(struct loop_message *message)
{
    struct seat *seat = LIST_OWNER(message, struct seat, message);
    switch (arrival_of(seat)) {
    case ARRIVAL_LATE: return;
    case ARRIVAL_LEFT: seat_free(seat); return;
    case ARRIVAL_SLOT: on_slot(seat->request); return;
    case ARRIVAL_RACE_LOST: on_race_lost(seat->request); return;
    case ARRIVAL_NOTHING: on_nothing(seat->request); return;
    case ARRIVAL_WORKER_DIED: on_worker_died(seat->request); return;
    }
}

/* ---- a moment later ---------------------------------------------------------------------------- */

bool slots_linger(struct request *request)
{
    struct seat *seat = request->seat;
    if (!seat || !request->was_cut || slots_wait_left_ms(request) == 0)
        return false;
    request->was_cut = false;
    request->state = REQUEST_SLOT;
    request_set_clock(request);
    seat->is_lingering = true;
    deadline_set(&seat->begin, loop_now_ns(seat->loop) + LINGER_MS * NS_PER_MS);
    return true;
}

void seat_end_linger(struct request *request)
{
    request->seat->is_lingering = false;
    request->state = REQUEST_ATTEMPT;
    request_set_clock(request);
    request_reroute(request);
    attempt_next(request);
}
