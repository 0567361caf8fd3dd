/* domain/rehearse_slots.c: down the candidates that have counted slots, as gateway/slots.c does it. */
#include "domain/rehearse_parts.h"

void run_mark_old(struct rehearsal *rehearsal, const struct run *run)
{
    for (size_t i = 0; i < run->ticket.choice_count; i++)
        rehearsal->stages[run->candidates[run->candidate_of[i]].index].is_view_old = true;
}

int64_t run_wait_left_ms(const struct rehearsal *rehearsal, const struct run *run)
{
    int64_t most_ms = run->job->wait_ms >= 0 ? run->job->wait_ms : rehearsal->world->queue_wait_ms;
    return most_ms > run->waited_ms ? most_ms - run->waited_ms : 0;
}

bool run_needs_slot(const struct rehearsal *rehearsal, const struct candidate *candidate)
{
    return candidate->asked != ENDPOINT_COUNT && rehearsal->stages[candidate->index].has_slots;
}

static void choose(struct run *run, size_t index)
{
    const struct candidate *candidate = &run->candidates[index];
    const struct provider *provider = candidate->provider;
    size_t at = run->ticket.choice_count++;
    run->choices[at] =
        (struct dispatch_choice){.provider_id = provider->id,
                                 .model = provider->has_workers ? candidate->model : STR(""),
                                 .wait_ms = run->job->wait_ms == 0 ? 0 : provider->wait_ms};
    run->candidate_of[at] = index;
}

static bool is_worth_waiting(const struct candidate *candidate, int64_t deadline_ms)
{
    return candidate->reason != REASON_OVER_QUOTA || candidate->until_ms <= deadline_ms;
}

/* From run->next on, as long as they have slots; and those who may come, when nobody stands behind who can be asked. */
static void choose_all(struct rehearsal *rehearsal, struct run *run)
{
    size_t all = run->eligible_count + run->later_count, at = run->next;
    int64_t left_ms = run_wait_left_ms(rehearsal, run), own_ms = 0;
    run->ticket.choice_count = 0;
    for (; at < run->eligible_count && run_needs_slot(rehearsal, &run->candidates[at]); at++) {
        if (run->ticket.choice_count == DISPATCH_CHOICES_MAX)
            continue;
        choose(run, at);
        own_ms += run->candidates[at].provider->wait_ms;
    }
    run->behind = at;
    bool has_other = at < run->eligible_count;
    if (has_other && (run->job->wait_ms < 0 || own_ms < left_ms))
        left_ms = own_ms; /* as long as the providers' own waits, then overflow */
    run->ticket.deadline_ms = rehearsal->now_ms + left_ms;
    for (size_t i = run->eligible_count; !has_other && left_ms > 0 && i < all; i++)
        if (run->ticket.choice_count < DISPATCH_CHOICES_MAX &&
            is_worth_waiting(&run->candidates[i], run->ticket.deadline_ms))
            choose(run, i);
}

enum asked_slot run_ask_slot(struct rehearsal *rehearsal, struct run *run, size_t *out_index)
{
    choose_all(rehearsal, run);
    run->has_asked_later |= run->behind >= run->eligible_count;
    *out_index = run->behind;
    if (run->ticket.choice_count == 0)
        return SLOT_NONE;
    run->has_asked_slots = true;
    run->ticket.choices = run->choices;
    uint32_t caller = run->question->caller;
    bool is_batch = run->question->is_batch || rehearsal->world->are_batch[caller];
    run->ticket.service_class = is_batch ? DISPATCH_BATCH : DISPATCH_INTERACTIVE;
    run->ticket.team = rehearsal->world->teams[caller];
    for (size_t i = 0; i < run->ticket.choice_count; i++)
        world_gate(rehearsal, run->candidates[run->candidate_of[i]].index);
    enum dispatch_state state = dispatch_take(rehearsal->dispatch, &run->ticket, rehearsal->now_ms);
    run_mark_old(rehearsal, run);
    run->since_ms = rehearsal->now_ms;
    run->is_crowded = state == DISPATCH_CROWDED;
    run->has_waited = state == DISPATCH_WAITING;
    if (state == DISPATCH_GRANTED)
        *out_index = run->candidate_of[run->ticket.lease.choice];
    return state == DISPATCH_GRANTED   ? SLOT_HELD
           : state == DISPATCH_WAITING ? SLOT_LATER
                                       : SLOT_NONE;
}
