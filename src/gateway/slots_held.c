/* gateway/slots_held.c: a slot while it is held, and its end. */
#include "gateway/slots.h"
#include "gateway/workers_parts.h"

#include "sys/clock.h"

#define BEGIN_MS   5000 /* a worker that was given a job must have begun by then */
#define KEY_BAR_MS 300000

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

void seat_begin_is_due(struct deadline *deadline)
{
    struct seat *seat = LIST_OWNER(deadline, struct seat, begin);
    struct request *request = seat->request;
    if (request && seat->is_lingering) {
        seat_end_linger(request);
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

void slot_doubt(struct request *request)
{
    struct seat *seat = request->seat;
    if (!slot_is_held(request) || !seat->worker)
        return;
    pthread_mutex_lock(&seat->workers->lock);
    seat->worker->is_doubted = true;
    worker_reckon(seat->worker, workers_now_ms());
    workers_settle(seat->workers);
    pthread_mutex_unlock(&seat->workers->lock);
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
/* ---- the end of a slot ------------------------------------------------------------------------- */

void seat_line_end(struct workers *workers, struct line *line)
{
    if (line && line->detached)
        lot_return_line(workers, line);
    else if (line)
        line_free(workers, line);
}

/* Gives the slot back, or what is left of it. The line is the caller's to end. */
struct line *seat_release(struct seat *seat)
{
    struct workers *workers = seat->workers;
    pthread_mutex_lock(&workers->lock);
    if (seat->ticket.state == DISPATCH_GRANTED)
        seat_mark_old(seat, seat->ticket.lease.choice);
    seat_mark_old(seat, 0);
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
    struct line *line = seat_release(seat);
    if (line && line->detached)
        lot_keep_line(seat->workers, line);
    else
        seat_line_end(seat->workers, line);
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
        seat_mark_old(seat, 0);
    if (seat->phase != SEAT_IDLE && seat->ticket.state == DISPATCH_GRANTED)
        seat_mark_old(seat, seat->ticket.lease.choice);
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
    seat_line_end(workers, line);
    if (!is_posted)
        seat_free(seat);
}
