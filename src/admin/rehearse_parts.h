/* admin/rehearse_parts.h: what the rehearsal's files of this room share. Nobody else includes it.
 *
 *     rehearse.c          both runs, and what they come to
 *     rehearse_jobs.c     recorded jobs into questions, callers and arrivals
 *     rehearse_stage.c    providers and callers as they stand, or would
 *     rehearse_wish.c     what a caller of the API asks for
 *     rehearse_view.c     the answer
 */
#pragma once
#include "admin/rehearse.h"
#include "admin/state.h"
#include "base/mem.h"
#include "domain/rehearse_moves.h"

struct api_call;

/* Somebody whose requests were recorded. */
struct rehearse_caller {
    char key_id[ID_MAX], team[ID_MAX], user[ID_MAX];
};

/* What was read. */
struct rehearse_jobs {
    struct rehearse_job *jobs;
    char (*ids)[ID_MAX]; /* of the first so many that are shown */
    int32_t *landed_at;  /* of each job: provider in `before`, as recorded; or REHEARSE_NOBODY */
    size_t count, room, shown;
    struct rehearse_question *questions;
    size_t question_count, question_room;
    struct rehearse_caller *callers;
    size_t caller_count, caller_room;
    int64_t usual_ms[PROVIDERS_MAX + 1];     /* at each provider of `before`; 0: nobody was there */
    uint32_t *question_table, *caller_table; /* open addressing; index + 1 */
    int64_t all;                             /* jobs of the window; when sampled, about so many */
    int64_t without_shape; /* of those rehearsed: routed by model and endpoint alone */
    int64_t left_out;      /* refused by a limit or for what they said, before anybody was chosen */
    bool is_sampled;
};

/* One configuration, and what came of it. */
struct rehearse_side {
    struct snapshot *snapshot;
    struct live_registry *registry; /* of a proposed one: its own; NULL */
    struct rehearse_provider *providers;
    struct loaded_models **loaded;
    struct quirk_memory *learned;
    struct access *accesses;
    const struct principal **principals; /* by caller; NULL: gone, or a member's */
    uint64_t *teams;
    bool *are_batch;
    struct rehearse_world world;
    int64_t deadline_ms;
    struct rehearse_landing *landings;
    struct rehearse_sums sums;
};

struct rehearse_report {
    struct rehearse_wish wish;
    struct arena arena; /* names and lists that both sides borrow */
    struct rehearse_jobs jobs;
    struct rehearse_traffic traffic;
    struct rehearse_side before, after;
    int32_t after_of[PROVIDERS_MAX]; /* where a provider of `before` stands in `after` */
    int64_t moved, stranded_jobs, as_recorded;
    struct rehearse_stranded stranded[REHEARSE_STRANDED_MAX];
    bool are_denied[REHEARSE_STRANDED_MAX]; /* of each: others stand, and a policy forbids them */
    size_t stranded_count;
    struct rehearse_move moves[REHEARSE_MOVES_MAX];
    size_t move_count;
    /* Teams and keys without requests in the window, for which `auto` leaves nothing. */
    struct rehearse_idle {
        const char *kind, *id, *name;
        const char *reason;
    } idle[REHEARSE_STRANDED_MAX];
    size_t idle_count;
    char sentence[600];
};

/* ---- rehearse_jobs.c ---- */

MUST_USE enum err rehearse_jobs_read(struct admin *admin, struct rehearse_report *report,
                                     struct error *error);
void rehearse_jobs_release(struct rehearse_jobs *jobs);

/* ---- rehearse_stage.c ---- */

/* Fills providers, callers and world of a side whose snapshot is set. ERR_NO_MEMORY. */
MUST_USE enum err rehearse_stage(struct admin *admin, struct rehearse_report *report,
                                 struct rehearse_side *side);
void rehearse_side_release(struct rehearse_side *side);

/* ---- rehearse.c ---- */

/* Of the whole window, when only a part of it was rehearsed. */
int64_t rehearse_per_hour(const struct rehearse_report *report, int64_t cost_microusd);

/* ---- rehearse_wish.c ---- */

/* Reads the body. `out_proposed` is filled, and `wish->proposed` set, when it has changes; release it. False: the call
 * has failed. */
bool rehearse_wish_read(struct api_call *call, struct store_config *out_proposed,
                        struct rehearse_wish *out_wish);
