/* store/job_pick.c: see job_pick.h. */
#include "store/job_pick.h"

#include "store/job_answer.h"

#include <assert.h>
#include <string.h>

bool job_filter_looks(const struct job_filter *filter)
{
    return filter->order != JOBS_NEWEST || filter->cost_from_microusd > 0 ||
           filter->duration_from_ms > 0 || filter->failed_provider[0] || filter->is_failed_over ||
           filter->is_other_than_asked;
}

void job_pick_init(struct job_pick *pick, const struct job_filter *filter, struct job_record *jobs,
                   struct job_record *scratch)
{
    assert(filter->limit >= 1 && filter->limit <= JOBS_PAGE_MAX);
    *pick = (struct job_pick){
        .filter = filter, .jobs = jobs, .scratch = scratch, .limit = filter->limit};
}

bool job_pick_is_full(const struct job_pick *pick)
{
    bool has_room = pick->filter->order != JOBS_NEWEST || pick->count < pick->limit;
    return !has_room || (job_filter_looks(pick->filter) && pick->looks == JOB_LOOKS_MAX);
}

/* ---- one row ------------------------------------------------------------------------------------- */

/* Where job_sql_select has them; what is not known is NULL, which reads as 0. */
static int64_t number_of(sqlite3_stmt *row, enum job_field field)
{
    return sqlite3_column_int64(row, (int)field + 1);
}

static bool attempts_have(sqlite3_stmt *row, struct str text)
{
    return str_find(sql_blob(row, JOB_FIELD_COUNT + 2), text, NULL);
}

/* What the row itself shows: most rows are not read any further. */
static bool may_pass(const struct job_filter *filter, sqlite3_stmt *row)
{
    if (filter->cost_from_microusd > 0 &&
        number_of(row, JOB_FIELD_cost_microusd) < filter->cost_from_microusd)
        return false;
    if (filter->duration_from_ms > 0 &&
        number_of(row, JOB_FIELD_duration_ms) < filter->duration_from_ms)
        return false;
    if (filter->is_other_than_asked &&
        str_eq(sql_text(row, JOB_FIELD_model + 1), sql_text(row, JOB_FIELD_requested_model + 1)))
        return false;
    if ((filter->is_failed_over || filter->failed_provider[0]) &&
        !attempts_have(row, STR("failed")))
        return false;
    return !filter->failed_provider[0] || attempts_have(row, str_of(filter->failed_provider));
}

static bool has_failed_over(const struct job_record *job)
{
    struct job_answer answer;
    job_answer_make(job, NULL, NULL, &answer);
    return answer.named >= 0 && answer.facts.try_count > 0;
}

static bool has_failed_at(const struct job_record *job, const char *provider)
{
    for (int32_t i = 0; i < job->attempt_count && i < ATTEMPTS_MAX; i++) {
        const struct attempt_record *attempt = &job->attempt[i];
        if (strcmp(attempt->outcome, "failed") == 0 &&
            (strcmp(attempt->provider_id, provider) == 0 ||
             strcmp(attempt->provider_name, provider) == 0))
            return true;
    }
    return false;
}

static bool passes(const struct job_filter *filter, const struct job_record *job)
{
    return (!filter->is_other_than_asked || job_is_other_than_asked(job)) &&
           (!filter->is_failed_over || has_failed_over(job)) &&
           (!filter->failed_provider[0] || has_failed_at(job, filter->failed_provider));
}

/* ---- its place ----------------------------------------------------------------------------------- */

static int64_t value_of(const struct job_filter *filter, sqlite3_stmt *row)
{
    return number_of(row, filter->order == JOBS_COSTLIEST ? JOB_FIELD_cost_microusd
                                                          : JOB_FIELD_duration_ms);
}

/* One without a value has no place in an order. */
static bool has_place(const struct job_pick *pick, int64_t value)
{
    if (pick->filter->order == JOBS_NEWEST)
        return true;
    return value > 0 && (pick->count < pick->limit || value > pick->places[pick->limit - 1].value);
}

static int slot_take(struct job_pick *pick, int64_t value)
{
    if (pick->filter->order == JOBS_NEWEST)
        return pick->count++;
    bool has_room = pick->count < pick->limit;
    int at = has_room ? pick->count++ : pick->limit - 1;
    int slot = has_room ? at : pick->places[at].slot;
    for (; at > 0 && pick->places[at - 1].value < value; at--)
        pick->places[at] = pick->places[at - 1];
    pick->places[at].value = value;
    pick->places[at].slot = slot;
    return slot;
}

enum err job_pick_look(struct job_pick *pick, sqlite3_stmt *row, struct error *error)
{
    int64_t value = 0, unused = 0;
    pick->looks++;
    if (pick->filter->order != JOBS_NEWEST)
        value = value_of(pick->filter, row);
    if (!has_place(pick, value) || !may_pass(pick->filter, row))
        return OK;
    if (job_row_read(row, &unused, pick->scratch) != OK)
        return error_set(error, ERR_MALFORMED, "a row of the list is damaged");
    if (passes(pick->filter, pick->scratch))
        pick->jobs[slot_take(pick, value)] = *pick->scratch;
    return OK;
}

const struct job_record *job_pick_at(const struct job_pick *pick, int number)
{
    assert(number >= 0 && number < pick->count);
    bool is_ordered = pick->filter->order != JOBS_NEWEST;
    return &pick->jobs[is_ordered ? pick->places[number].slot : number];
}
