/* admin/rehearse_jobs.c: recorded jobs into what a rehearsal takes.
 *
 * Requests have few callers and ask few things, many times: each caller and each question is kept once, and a job points
 * to it. Of more jobs than are rehearsed, slices of the window are taken, evenly spread: within a slice they are as close
 * as they were, so that queues come out as they would.
 */
#include "admin/rehearse_parts.h"

#include "store/replay.h"
#include "sys/clock.h"

#define TABLE_SLOTS      65536u /* twice what is put into it */
#define QUESTIONS_MAX    (TABLE_SLOTS / 2)
#define CALLERS_MAX      (TABLE_SLOTS / 2)
#define SLICES           20
#define SAMPLE_SHARE     0.95 /* of what may be rehearsed: how many there are is known only about */
#define SERVICE_USUAL_MS 1000 /* when no job tells how long it took */

/* ---- growing lists ------------------------------------------------------------------------------- */

static bool grow(void *in_out_list, size_t *room, size_t count, size_t size_bytes)
{
    void **list = in_out_list;
    if (count < *room)
        return true;
    size_t more = *room ? *room * 2 : 64;
    void *grown = mem_realloc(*list, more * size_bytes);
    if (!grown)
        return false;
    *list = grown;
    *room = more;
    return true;
}

static bool jobs_grow(struct rehearse_jobs *jobs)
{
    size_t room = jobs->room, more = jobs->room;
    if (jobs->count < jobs->room)
        return true;
    if (!grow(&jobs->landed_at, &room, jobs->count, sizeof *jobs->landed_at))
        return false;
    if (!grow(&jobs->jobs, &more, jobs->count, sizeof *jobs->jobs))
        return false;
    jobs->room = more;
    return true;
}

/* ---- callers and questions ----------------------------------------------------------------------- */

static bool is_caller(const struct rehearse_caller *caller, const struct replay_row *row)
{
    return str_eq(str_of(caller->key_id), row->key_id) && str_eq(str_of(caller->team), row->team);
}

/* Its number; CALLERS_MAX: there is no room for another. */
static uint32_t caller_of(struct rehearse_jobs *jobs, const struct replay_row *row)
{
    size_t at = (size_t)(str_hash(row->key_id) ^ str_hash(row->team)) % TABLE_SLOTS;
    for (; jobs->caller_table[at]; at = (at + 1) % TABLE_SLOTS)
        if (is_caller(&jobs->callers[jobs->caller_table[at] - 1], row))
            return jobs->caller_table[at] - 1;
    if (jobs->caller_count == CALLERS_MAX ||
        !grow(&jobs->callers, &jobs->caller_room, jobs->caller_count, sizeof *jobs->callers))
        return CALLERS_MAX;
    struct rehearse_caller *caller = &jobs->callers[jobs->caller_count++];
    str_copy(row->key_id, caller->key_id, sizeof caller->key_id);
    str_copy(row->team, caller->team, sizeof caller->team);
    str_copy(row->user, caller->user, sizeof caller->user);
    return jobs->caller_table[at] = (uint32_t)jobs->caller_count, (uint32_t)jobs->caller_count - 1;
}

static bool is_question(const struct rehearse_question *a, const struct rehearse_question *b)
{
    return a->caller == b->caller && a->endpoint == b->endpoint && a->needs == b->needs &&
           a->is_admin == b->is_admin && a->is_batch == b->is_batch && str_eq(a->model, b->model) &&
           str_eq(a->pin, b->pin);
}

static uint64_t question_hash(const struct rehearse_question *question)
{
    return str_hash(question->model) ^ str_hash(question->pin) * 31 ^
           (uint64_t)question->caller * 0x9e3779b97f4a7c15u ^
           ((uint64_t)question->endpoint << 8 | question->needs);
}

static uint32_t question_of(struct rehearse_report *report, struct rehearse_question wanted)
{
    struct rehearse_jobs *jobs = &report->jobs;
    size_t at = (size_t)question_hash(&wanted) % TABLE_SLOTS;
    for (; jobs->question_table[at]; at = (at + 1) % TABLE_SLOTS)
        if (is_question(&jobs->questions[jobs->question_table[at] - 1], &wanted))
            return jobs->question_table[at] - 1;
    if (jobs->question_count == QUESTIONS_MAX ||
        !grow(&jobs->questions, &jobs->question_room, jobs->question_count,
              sizeof *jobs->questions))
        return QUESTIONS_MAX;
    const char *model = arena_dup(&report->arena, wanted.model.at, wanted.model.len);
    const char *pin = arena_dup(&report->arena, wanted.pin.at, wanted.pin.len);
    if (!model || !pin)
        return QUESTIONS_MAX;
    wanted.model = str_of(model);
    wanted.pin = str_of(pin);
    jobs->questions[jobs->question_count++] = wanted;
    jobs->question_table[at] = (uint32_t)jobs->question_count;
    return (uint32_t)jobs->question_count - 1;
}

/* ---- one row ------------------------------------------------------------------------------------- */

static bool endpoint_of(struct str name, enum endpoint *out_endpoint)
{
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        if (str_eq(str_of(endpoint_facts((enum endpoint)i)->name), name)) {
            *out_endpoint = (enum endpoint)i;
            return true;
        }
    return false;
}

/* Was it refused by routing, so that routing may be asked again? By a limit, or for what it said: then it would be once
 * more, whoever stands. */
static bool was_routed(const struct replay_row *row)
{
    static const struct str queue[] = {STR_INIT("no_slot"), STR_INIT("queue_timeout"),
                                       STR_INIT("queue_full")};
    if (row->queued_ms >= 0)
        return true; /* somebody was asked */
    for (int i = ROUTE_OK + 1; i <= ROUTE_NONE_EVER; i++)
        if (str_eq(str_of(route_outcome_reason((enum route_outcome)i)), row->reason))
            return true;
    for (size_t i = 0; i < sizeof queue / sizeof queue[0]; i++)
        if (str_eq(queue[i], row->reason))
            return true;
    return row->status == JOB_DONE; /* tokens that were counted here */
}

static int32_t provider_index(const struct snapshot *snapshot, struct str id)
{
    for (size_t i = 0; id.len && i < snapshot->routing.provider_count; i++)
        if (str_eq(str_of(snapshot->routing.providers[i]->id), id))
            return (int32_t)i;
    return REHEARSE_NOBODY;
}

static int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

static struct rehearse_job job_of(const struct replay_row *row, uint32_t question)
{
    int64_t queued_ms = at_least_0(row->queued_ms);
    bool has_time = row->queued_ms >= 0 && row->duration_ms >= 0;
    return (struct rehearse_job){
        .at_ms = row->created_at_ms,
        .service_ms = has_time ? at_least_0(row->duration_ms - queued_ms) : -1,
        .first_byte_ms = row->first_byte_ms >= 0 ? at_least_0(row->first_byte_ms - queued_ms) : -1,
        .prompt_tokens = row->has_shape ? row->prompt_tokens : -1,
        .wait_ms = row->has_shape ? row->wait_ms : -1,
        .usage = row->usage,
        .question = question,
        .is_stream = row->is_stream};
}

static enum err on_row(void *arg, const struct replay_row *row)
{
    struct rehearse_report *report = arg;
    struct rehearse_jobs *jobs = &report->jobs;
    struct rehearse_question question = {.model = row->requested_model};
    if (!was_routed(row) || !row->requested_model.len ||
        !endpoint_of(row->endpoint, &question.endpoint)) {
        jobs->left_out++;
        return OK;
    }
    question.caller = caller_of(jobs, row);
    question.pin = row->pin;
    question.needs = row->has_shape ? (unsigned)row->needs : 0;
    question.is_admin = row->is_admin;
    question.is_batch = row->is_batch;
    uint32_t index = question.caller == CALLERS_MAX ? QUESTIONS_MAX : question_of(report, question);
    if (index == QUESTIONS_MAX || !jobs_grow(jobs))
        return ERR_NO_MEMORY;
    size_t at = jobs->count++;
    jobs->jobs[at] = job_of(row, index);
    jobs->landed_at[at] = provider_index(report->before.snapshot, row->provider_id);
    jobs->without_shape += !row->has_shape;
    if (at < report->wish.show)
        str_copy(row->id, jobs->ids[jobs->shown++], ID_MAX);
    return OK;
}

/* ---- all of them --------------------------------------------------------------------------------- */

/* Slice by slice, each in a short transaction of its own, at most `limit` jobs in all. `share`: so much of the time of each
 * slice, so that all of them are thinned alike; 1.0: all of it. */
static enum err read_slices(struct store *store, struct rehearse_report *report, double share,
                            size_t limit, struct error *error)
{
    const struct rehearse_wish *wish = &report->wish;
    const struct rehearse_jobs *jobs = &report->jobs;
    int64_t all_ms = wish->until_ms - wish->since_ms;
    enum err err = OK;
    for (int i = 0; err == OK && i < SLICES; i++) {
        int64_t from_ms = wish->since_ms + all_ms * i / SLICES;
        int64_t next_ms = wish->since_ms + all_ms * (i + 1) / SLICES;
        int64_t taken_ms = (int64_t)((double)(next_ms - from_ms) * share);
        size_t read = jobs->count + (size_t)jobs->left_out;
        if (read < limit)
            err = store_replay(store, from_ms, from_ms + taken_ms, limit - read, on_row, report,
                               error);
    }
    return err;
}

static void forget_rows(struct rehearse_jobs *jobs)
{
    jobs->count = jobs->shown = 0;
    jobs->without_shape = jobs->left_out = 0;
}

static enum err read_all(struct store *store, struct rehearse_report *report, struct error *error)
{
    const struct rehearse_wish *wish = &report->wish;
    struct rehearse_jobs *jobs = &report->jobs;
    enum err err = store_replay_count(store, wish->since_ms, wish->until_ms, &jobs->all, error);
    if (err == OK && jobs->all <= (int64_t)REHEARSE_JOBS_MAX * 2)
        err = read_slices(store, report, 1.0, REHEARSE_JOBS_MAX + 1, error);
    else if (err == OK)
        jobs->is_sampled = true;
    if (err == OK && jobs->count + (size_t)jobs->left_out > REHEARSE_JOBS_MAX)
        jobs->is_sampled = true; /* the catalogue knows only about how many there are */
    if (err != OK || !jobs->is_sampled) {
        jobs->all = (int64_t)jobs->count + jobs->left_out;
        return err;
    }
    forget_rows(jobs);
    if (jobs->all < (int64_t)REHEARSE_JOBS_MAX + 1)
        jobs->all = (int64_t)REHEARSE_JOBS_MAX + 1;
    double share = SAMPLE_SHARE * (double)REHEARSE_JOBS_MAX / (double)jobs->all;
    return read_slices(store, report, share, REHEARSE_JOBS_MAX, error);
}

/* Rows of a chunk are in order; where a late one lies in a newer chunk, it waits there: its arrival is that of the one
 * before it. So what stands beside the jobs stays in step. */
static void put_in_order(struct rehearse_jobs *jobs)
{
    for (size_t i = 1; i < jobs->count; i++)
        if (jobs->jobs[i].at_ms < jobs->jobs[i - 1].at_ms)
            jobs->jobs[i].at_ms = jobs->jobs[i - 1].at_ms;
}

/* What is usual at each provider, and at all of them together, which is last. Who was refused took no time; answered, it
 * would take as long as others do. */
static void fill_times(struct rehearse_jobs *jobs)
{
    int64_t sums[PROVIDERS_MAX + 1] = {0}, known[PROVIDERS_MAX + 1] = {0};
    for (size_t i = 0; i < jobs->count; i++) {
        if (jobs->jobs[i].service_ms < 0 || jobs->landed_at[i] < 0)
            continue;
        sums[jobs->landed_at[i]] += jobs->jobs[i].service_ms;
        known[jobs->landed_at[i]]++;
        sums[PROVIDERS_MAX] += jobs->jobs[i].service_ms;
        known[PROVIDERS_MAX]++;
    }
    for (size_t i = 0; i <= PROVIDERS_MAX; i++)
        jobs->usual_ms[i] = known[i] > 0 ? sums[i] / known[i] : 0;
    int64_t usual_ms = known[PROVIDERS_MAX] > 0 ? jobs->usual_ms[PROVIDERS_MAX] : SERVICE_USUAL_MS;
    for (size_t i = 0; i < jobs->count; i++) {
        struct rehearse_job *job = &jobs->jobs[i];
        bool is_known = job->service_ms >= 0 && jobs->landed_at[i] >= 0;
        job->usual_ms = is_known ? jobs->usual_ms[jobs->landed_at[i]] : usual_ms;
        if (job->service_ms < 0)
            job->service_ms = usual_ms;
    }
}

enum err rehearse_jobs_read(struct admin *admin, struct rehearse_report *report,
                            struct error *error)
{
    struct rehearse_jobs *jobs = &report->jobs;
    jobs->question_table = mem_zalloc(TABLE_SLOTS, sizeof *jobs->question_table);
    jobs->caller_table = mem_zalloc(TABLE_SLOTS, sizeof *jobs->caller_table);
    jobs->ids = mem_zalloc(report->wish.show + 1, sizeof *jobs->ids);
    if (!jobs->question_table || !jobs->caller_table || !jobs->ids)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the jobs");
    enum err err = read_all(admin->options.store, report, error);
    if (err == ERR_NO_MEMORY)
        return error_set(error, err, "no memory to read the jobs, or they ask too many things");
    put_in_order(jobs);
    fill_times(jobs);
    report->traffic = (struct rehearse_traffic){.jobs = jobs->jobs,
                                                .job_count = jobs->count,
                                                .questions = jobs->questions,
                                                .question_count = jobs->question_count};
    return err;
}

void rehearse_jobs_release(struct rehearse_jobs *jobs)
{
    mem_free(jobs->jobs);
    mem_free(jobs->ids);
    mem_free(jobs->landed_at);
    mem_free(jobs->questions);
    mem_free(jobs->callers);
    mem_free(jobs->question_table);
    mem_free(jobs->caller_table);
}
