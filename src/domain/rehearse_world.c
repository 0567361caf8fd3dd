/* domain/rehearse_world.c: the providers of a rehearsal: what is seen of them, their slots, and what they answer.
 *
 * A provider of workers that is offline, or whose key is refused, has no live worker; one over its quota has none either,
 * and says until when. Anything else answers, and its health follows from what it answers.
 */
#include "domain/rehearse_parts.h"

#include "base/mem.h"

#define FAR_MS (INT64_C(31) * 24 * 3600 * 1000) /* longer than what is rehearsed */

static const struct verdict_report refuses = {
    .verdict = VERDICT_NETWORK, .retry_after_ms = RETRY_UNKNOWN_MS, .reason = "connect_refused"};
static const struct verdict_report rejects = {.verdict = VERDICT_KEY,
                                              .retry_after_ms = RETRY_UNKNOWN_MS,
                                              .http_status = 401,
                                              .reason = "invalid_api_key"};
static const struct verdict_report is_spent = {.verdict = VERDICT_SPENT,
                                               .retry_after_ms = RETRY_UNKNOWN_MS,
                                               .http_status = 429,
                                               .reason = "insufficient_quota"};
static const struct verdict_report is_silent = {
    .verdict = VERDICT_NETWORK, .retry_after_ms = RETRY_UNKNOWN_MS, .reason = "first_byte_timeout"};

#define FAULTS_DOWN (REHEARSE_OFFLINE | REHEARSE_KEY_REJECTED | REHEARSE_OVER_QUOTA)

/* ---- slots --------------------------------------------------------------------------------------- */

/* One slot stays one: half a machine is no machine, and that is what `offline` is for. */
static int64_t halved(int64_t slots, unsigned faults)
{
    return faults & REHEARSE_HALF_SLOTS ? (slots + 1) / 2 : slots;
}

static int64_t slots_of_workers(const struct rehearse_provider *given)
{
    int64_t sum = 0;
    for (size_t i = 0; i < given->worker_count; i++)
        sum += given->workers[i].slots;
    return given->faults & FAULTS_DOWN ? 0 : halved(sum, given->faults);
}

int64_t rehearse_slots(const struct rehearse_world *world, size_t index)
{
    const struct provider *provider = world->routing->providers[index];
    const struct rehearse_provider *given = &world->providers[index];
    if (provider->has_workers)
        return slots_of_workers(given);
    int64_t slots = given->slots_found > 0 ? given->slots_found : -1;
    if (provider->max_concurrent > 0 && (slots < 0 || provider->max_concurrent < slots))
        slots = provider->max_concurrent;
    return slots > 0 ? halved(slots, given->faults) : slots;
}

static enum err join(struct rehearsal *rehearsal, const struct stage *stage,
                     const struct rehearse_worker *given, int64_t slots)
{
    struct dispatch_worker *worker = NULL;
    const struct dispatch_worker_options options = {.provider_id = stage->provider->id,
                                                    .slots = slots,
                                                    .models = given->models,
                                                    .model_count = given->model_count};
    enum err err =
        dispatch_worker_join(rehearsal->dispatch, &options, rehearsal->now_ms, &worker, NULL);
    for (int64_t i = 0; err == OK && i < slots && i < DISPATCH_SLOTS_MAX; i++)
        dispatch_worker_park(rehearsal->dispatch, worker, rehearsal->now_ms);
    return err;
}

/* Of half the slots, each worker has half of its own, and what is odd goes to the first ones. */
static enum err join_all(struct rehearsal *rehearsal, const struct stage *stage, int64_t slots)
{
    const struct rehearse_provider *given = stage->given;
    int64_t all = 0, given_out = 0;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < given->worker_count; i++) {
        all += given->workers[i].slots;
        int64_t own = halved(all, given->faults) - given_out;
        if (given_out + own > slots)
            own = slots - given_out;
        given_out += own;
        if (own > 0)
            err = join(rehearsal, stage, &given->workers[i], own);
    }
    return err;
}

static enum err stage_init(struct rehearsal *rehearsal, size_t index)
{
    struct stage *stage = &rehearsal->stages[index];
    int64_t slots = rehearse_slots(rehearsal->world, index);
    *stage = (struct stage){.provider = rehearsal->world->routing->providers[index],
                            .given = &rehearsal->world->providers[index],
                            .has_slots = slots >= 0,
                            .is_view_old = true,
                            .gate = DISPATCH_OPEN};
    stage->health = stage->given->health;
    stage->is_out = stage->provider->has_workers && slots == 0;
    if (stage->provider->has_workers)
        return join_all(rehearsal, stage, slots);
    if (!stage->has_slots)
        return OK;
    int32_t cap = slots < DISPATCH_NO_CAP ? (int32_t)slots : DISPATCH_NO_CAP;
    return dispatch_provider_cap(rehearsal->dispatch, stage->provider->id, cap, rehearsal->now_ms);
}

enum err world_init(struct rehearsal *rehearsal)
{
    size_t count = rehearsal->world->routing->provider_count;
    rehearsal->stages = mem_zalloc(count + 1, sizeof *rehearsal->stages);
    rehearsal->views = mem_zalloc(count + 1, sizeof *rehearsal->views);
    rehearsal->plan = mem_alloc(sizeof *rehearsal->plan);
    if (!rehearsal->stages || !rehearsal->views || !rehearsal->plan)
        return ERR_NO_MEMORY;
    enum err err = dispatch_new(&rehearsal->dispatch);
    rehearsal->stage_count = count;
    for (size_t i = 0; err == OK && i < count; i++)
        err = stage_init(rehearsal, i);
    return err;
}

void world_release(struct rehearsal *rehearsal)
{
    dispatch_free(rehearsal->dispatch);
    mem_free(rehearsal->plan);
    mem_free(rehearsal->views);
    mem_free(rehearsal->stages);
}

/* ---- what is seen -------------------------------------------------------------------------------- */

/* As gateway_views makes it of what workers are there. */
static struct health_view look_at_health(const struct rehearsal *rehearsal,
                                         const struct stage *stage)
{
    struct health_view view =
        health_look(&stage->health, stage->provider->is_paused, rehearsal->now_ms);
    if (!stage->is_out || view.state == STATE_PAUSED || view.state == STATE_ERROR)
        return view;
    if (stage->given->faults & REHEARSE_OVER_QUOTA)
        return (struct health_view){.state = STATE_OVER_QUOTA,
                                    .until_ms = rehearsal->world->now_ms + FAR_MS};
    if (stage->given->quota_until_ms > rehearsal->now_ms)
        return (struct health_view){.state = STATE_OVER_QUOTA,
                                    .until_ms = stage->given->quota_until_ms};
    return (struct health_view){.state = STATE_OFFLINE};
}

static bool misses_a_model(const struct health *health, int64_t now_ms)
{
    for (size_t i = 0; i < HEALTH_MODELS_MAX; i++)
        if (health->missing[i].until_ms > now_ms)
            return true;
    return false;
}

static void look_at_queue(const struct rehearsal *rehearsal, struct stage *stage,
                          struct provider_view *view)
{
    struct dispatch_provider_view seen;
    if (!stage->has_slots || !stage->is_view_old)
        return;
    dispatch_provider_look(rehearsal->dispatch, stage->provider->id, STR(""), rehearsal->now_ms,
                           &seen);
    view->waiting = seen.waiting;
    view->is_full = seen.is_full;
    stage->is_view_old = false;
}

void world_look(struct rehearsal *rehearsal)
{
    for (size_t i = 0; i < rehearsal->stage_count; i++) {
        struct stage *stage = &rehearsal->stages[i];
        struct provider_view *view = &rehearsal->views[i];
        view->health = look_at_health(rehearsal, stage);
        view->learned = stage->given->learned;
        view->loaded = stage->is_out ? NULL : stage->given->loaded;
        view->loaded_count = stage->is_out ? 0 : stage->given->loaded_count;
        view->models = misses_a_model(&stage->health, rehearsal->now_ms) ? &stage->health : NULL;
        look_at_queue(rehearsal, stage, view);
    }
}

/* ---- gates --------------------------------------------------------------------------------------- */

void world_gate(struct rehearsal *rehearsal, size_t index)
{
    struct stage *stage = &rehearsal->stages[index];
    struct health_view view =
        health_look(&stage->health, stage->provider->is_paused, rehearsal->now_ms);
    enum dispatch_gate gate = DISPATCH_OPEN;
    if (!stage->has_slots)
        return;
    if (view.state == STATE_OVER_QUOTA)
        gate = view.may_try ? DISPATCH_TRIAL : DISPATCH_CLOSED;
    else if (view.state == STATE_PAUSED || view.state == STATE_ERROR)
        gate = DISPATCH_CLOSED;
    if (gate == stage->gate && gate != DISPATCH_TRIAL)
        return;
    if (dispatch_provider_open(rehearsal->dispatch, stage->provider->id, gate, rehearsal->now_ms) ==
        OK)
        stage->gate = gate;
    stage->is_view_old = true;
}

/* Only of gates that world_gate would open then: nobody waits for the quota of one that is paused. */
int64_t world_gate_due_ms(const struct rehearsal *rehearsal)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < rehearsal->stage_count; i++) {
        const struct stage *stage = &rehearsal->stages[i];
        bool is_closed = stage->has_slots && !stage->provider->is_paused &&
                         stage->gate == DISPATCH_CLOSED &&
                         stage->health.state == STATE_OVER_QUOTA && !stage->health.is_on_trial;
        if (is_closed && stage->health.until_ms < due_ms)
            due_ms = stage->health.until_ms;
    }
    return due_ms;
}

/* ---- what it answers ----------------------------------------------------------------------------- */

/* As it was where it went, and at another as much slower or faster as that one is on the average. */
static int64_t takes_ms(const struct stage *stage, const struct rehearse_job *job, int64_t took_ms)
{
    int64_t here_ms = stage->given->usual_ms, there_ms = job->usual_ms;
    int64_t times = stage->given->faults & REHEARSE_SLOW_X3 ? 3 : 1;
    took_ms = took_ms < 0 ? 0 : took_ms < FAR_MS ? took_ms : FAR_MS;
    if (here_ms == there_ms || here_ms <= 0 || there_ms <= 0)
        return took_ms * times;
    return (int64_t)((double)took_ms * (double)times * (double)here_ms / (double)there_ms);
}

/* Only what is slowed down here falls silent: what was recorded came in time. */
static bool is_too_slow(const struct stage *stage, const struct rehearse_job *job, int64_t most_ms)
{
    return stage->given->faults & REHEARSE_SLOW_X3 && most_ms > 0 &&
           takes_ms(stage, job, job->first_byte_ms) > most_ms;
}

const struct verdict_report *world_answer(const struct rehearsal *rehearsal, size_t index,
                                          const struct rehearse_job *job, int64_t *out_ms)
{
    const struct stage *stage = &rehearsal->stages[index];
    const struct timeouts *timeouts = &stage->provider->timeouts;
    int64_t most_ms = job->is_stream ? timeouts->first_byte_ms : timeouts->plain_ms;
    unsigned faults = stage->given->faults;
    *out_ms = 0;
    if (faults & REHEARSE_OFFLINE)
        return &refuses;
    if (faults & REHEARSE_KEY_REJECTED)
        return &rejects;
    if (faults & REHEARSE_OVER_QUOTA)
        return &is_spent;
    bool is_late = is_too_slow(stage, job, most_ms);
    *out_ms = is_late ? most_ms : takes_ms(stage, job, job->service_ms);
    return is_late ? &is_silent : NULL;
}

/* ---- once faults are known ------------------------------------------------------------------------ */

static struct health_view settled_health(const struct rehearse_world *world, size_t index)
{
    const struct provider *provider = world->routing->providers[index];
    const struct rehearse_provider *given = &world->providers[index];
    struct health_view view = health_look(&given->health, provider->is_paused, world->now_ms);
    bool is_out = provider->has_workers && rehearse_slots(world, index) == 0;
    if (view.state == STATE_PAUSED || view.state == STATE_ERROR)
        return view;
    if (given->faults & (REHEARSE_OFFLINE | REHEARSE_KEY_REJECTED)) /* of a cloud nobody waits */
        return (struct health_view){.state = provider->has_workers ? STATE_OFFLINE : STATE_ERROR};
    if (given->faults & REHEARSE_OVER_QUOTA)
        return (struct health_view){.state = STATE_OVER_QUOTA, .until_ms = world->now_ms + FAR_MS};
    return is_out ? (struct health_view){.state = STATE_OFFLINE} : view;
}

void rehearse_plan_settled(const struct rehearse_world *world,
                           const struct rehearse_question *question, struct route_plan *out_plan)
{
    struct provider_view views[PROVIDERS_MAX];
    for (size_t i = 0; i < world->routing->provider_count; i++) {
        const struct rehearse_provider *given = &world->providers[i];
        bool has_any = rehearse_slots(world, i) != 0;
        views[i] = (struct provider_view){.health = settled_health(world, i),
                                          .learned = given->learned,
                                          .loaded = has_any ? given->loaded : NULL,
                                          .loaded_count = has_any ? given->loaded_count : 0};
    }
    const struct route_request request = {.endpoint = question->endpoint,
                                          .model = question->model,
                                          .provider_pin = question->pin,
                                          .is_admin = question->is_admin,
                                          .access = &world->accesses[question->caller],
                                          .needs = question->needs,
                                          .prompt_tokens = -1,
                                          .now_ms = world->now_ms};
    route_plan_make(world->routing, views, &request, out_plan);
}
