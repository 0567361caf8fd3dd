/* domain/rehearse_parts.h: what the rehearsal's files share. Nobody else includes it.
 *
 *     rehearse.c         the clock: arrivals, ends, what is due
 *     rehearse_job.c     the life of one request; it follows gateway/request.c and attempt.c step by step
 *     rehearse_slots.c   its slots; it follows gateway/slots.c
 *     rehearse_world.c   the providers: their views, slots, gates, and what they answer
 */
#pragma once
#include "base/list.h"
#include "domain/dispatch.h"
#include "domain/rehearse.h"
#include "domain/retry_budget.h"

#define REHEARSE_ATTEMPTS_MAX 6
#define REHEARSE_RETAKES_MAX  16

/* A provider of the simulation. */
struct stage {
    const struct provider *provider;
    const struct rehearse_provider *given;
    struct health health;
    bool is_out; /* of workers: none is live */
    bool has_slots;
    bool is_view_old; /* its queue moved since it was looked at */
    enum dispatch_gate gate;
};

/* A request under way. */
struct run {
    struct list node; /* rehearsal->active, or ->idle */
    size_t index;     /* of its job */
    const struct rehearse_job *job;
    const struct rehearse_question *question;
    struct candidate *candidates; /* owned: the eligible, then those that may come */
    struct dispatch_choice *choices;
    size_t *candidate_of; /* of each choice */
    size_t room;          /* of all three */
    size_t eligible_count, later_count, next, behind;
    struct dispatch_ticket ticket;
    bool has_asked_later, has_asked_slots, is_crowded, has_waited;
    bool has_met_quota, has_met_trouble;
    bool is_failing; /* what ends is no answer */
    size_t tried[REHEARSE_ATTEMPTS_MAX];
    int attempts, retakes;
    size_t asked_at; /* the provider of the attempt under way */
    int64_t since_ms, waited_ms;
    int64_t end_ms; /* in the heap */
};

struct rehearsal {
    const struct rehearse_world *world;
    const struct rehearse_traffic *traffic;
    struct rehearse_landing *landings;
    int64_t now_ms;
    struct stage *stages; /* by provider */
    size_t stage_count;
    struct provider_view *views;
    struct route_plan *plan;
    struct dispatch *dispatch;
    struct retry_budget retries;
    struct run **ends; /* a heap by end_ms */
    size_t end_count, end_room;
    struct list active, idle; /* requests under way; what of them can be used again */
    bool has_failed;          /* no memory: the run ends */
};

/* ---- rehearse_world.c ---- */

/* ERR_NO_MEMORY. Whatever came of it, world_release follows. */
MUST_USE enum err world_init(struct rehearsal *rehearsal);
void world_release(struct rehearsal *rehearsal);
/* Fills rehearsal->views as they are now. */
void world_look(struct rehearsal *rehearsal);
/* Tells the dispatcher whether it may be asked. */
void world_gate(struct rehearsal *rehearsal, size_t index);
/* When a closed gate opens by itself; INT64_MAX: none does. */
int64_t world_gate_due_ms(const struct rehearsal *rehearsal);
/* How an attempt there ends: NULL, well; else with this. `*out_ms`: how long it takes. */
const struct verdict_report *world_answer(const struct rehearsal *rehearsal, size_t index,
                                          const struct rehearse_job *job, int64_t *out_ms);

/* ---- rehearse_job.c ---- */

void run_arrive(struct rehearsal *rehearsal, size_t index);
/* Its attempt is over. */
void run_end(struct rehearsal *rehearsal, struct run *run);
/* The dispatcher has told what became of its wait. */
void run_settled(struct rehearsal *rehearsal, struct run *run);
/* All that are left, also those under way. */
void run_free_all(struct rehearsal *rehearsal);

/* ---- rehearse_slots.c ---- */

enum asked_slot { SLOT_HELD, SLOT_LATER, SLOT_NONE };
/* For a slot of run->candidates[run->next] or of those behind it that have counted ones. `*out_index`: HELD, the candidate
 * whose slot it is; NONE, the first behind them. */
enum asked_slot run_ask_slot(struct rehearsal *rehearsal, struct run *run, size_t *out_index);
bool run_needs_slot(const struct rehearsal *rehearsal, const struct candidate *candidate);
int64_t run_wait_left_ms(const struct rehearsal *rehearsal, const struct run *run);
/* What its ticket moves is to be looked at again. */
void run_mark_old(struct rehearsal *rehearsal, const struct run *run);

/* ---- rehearse.c ---- */

/* Its attempt ends then. */
void ends_put(struct rehearsal *rehearsal, struct run *run, int64_t end_ms);
