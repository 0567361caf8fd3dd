/* gateway/passed.c: who stood before the one who is asked, and why he was not; and the codes of X-Auxot-Reason.
 *
 * What a plan leaves out is noted when it is made, with the health of that moment; who is passed because he has no
 * slot, or has just changed, when another is asked. Most requests are answered by their first choice, and nothing is
 * noted. What of it counts in the end is known when somebody answers: those whose rank is before his.
 */
#include "gateway/slots.h"
#include "sys/clock.h"

struct passed_note {
    struct passed_note *next;
    const struct provider *provider; /* of the request's snapshot */
    struct str model;
    size_t rank;
    const char *code;
    struct evidence evidence;
};

static bool was_asked(const struct request *request, const struct provider *provider)
{
    for (int i = 0; i < request->attempt_count; i++)
        if (request->notes[i]->provider == provider)
            return true;
    return false;
}

static bool is_known(const struct request *request, const struct provider *provider)
{
    if (was_asked(request, provider))
        return true;
    for (const struct passed_note *note = request->passed; note; note = note->next)
        if (note->provider == provider)
            return true;
    return false;
}

/* Models of workers belong to nobody for long. */
static struct str keep_model(struct request *request, const struct candidate *candidate)
{
    return candidate->provider->has_workers && candidate->model.len
               ? request_keep(request, candidate->model)
               : candidate->model;
}

static void note(struct request *request, const struct candidate *candidate, const char *code,
                 const struct evidence *evidence)
{
    struct passed_note **end = &request->passed;
    size_t count = 0;
    for (; *end; end = &(*end)->next)
        count++;
    struct passed_note *made =
        count < PASSED_OVER_MAX ? arena_alloc(&request->arena, sizeof *made) : NULL;
    if (!made) { /* one more that is only counted; without memory too */
        request->passed_more++;
        return;
    }
    *made = (struct passed_note){.provider = candidate->provider,
                                 .model = keep_model(request, candidate),
                                 .rank = candidate->rank,
                                 .code = code,
                                 .evidence = *evidence};
    *end = made;
}

void passed_note_plan(struct request *request, const struct route_request *wanted)
{
    const struct route_plan *plan = &request->gl->plan;
    for (size_t i = plan->eligible_count; i < plan->count; i++) {
        const struct candidate *candidate = &plan->list[i];
        if (!candidate_was_passed(candidate) || is_known(request, candidate->provider))
            continue;
        struct evidence evidence =
            evidence_of(candidate->reason, &request->gl->views[candidate->index], candidate, wanted,
                        loop_wall_ms(request->gl->loop));
        note(request, candidate, route_reason_code(candidate->reason), &evidence);
    }
}

/* Could be asked, and was not: its slots and its health as they are now. */
static const char *look_now(struct request *request, const struct candidate *candidate,
                            struct evidence *evidence)
{
    struct live_provider *live = provider_live(candidate->provider);
    int64_t now_ms = loop_now_ms(request->gl->loop);
    bool is_full = slot_is_needed(candidate);
    pthread_mutex_lock(&live->lock);
    struct slot_figures figures = live->slot_figures;
    struct health_view health = health_look(&live->health, false, now_ms);
    pthread_mutex_unlock(&live->lock);
    if (candidate->reason == REASON_DEGRADED) {
        evidence->until_ms = health.until_ms > now_ms
                                 ? loop_wall_ms(request->gl->loop) + health.until_ms - now_ms
                                 : -1;
        return "degraded";
    }
    if (!is_full)
        return "just_changed";
    evidence->slots = figures.slots;
    evidence->busy = figures.busy;
    evidence->waiting = figures.waiting > 0 ? figures.waiting : -1;
    return "at_capacity";
}

void passed_note_before(struct request *request, size_t rank)
{
    for (size_t i = 0; rank > 0 && i < request->candidate_count; i++) {
        const struct candidate *candidate = &request->candidates[i];
        if (candidate->rank >= rank || is_known(request, candidate->provider))
            continue;
        struct evidence evidence = EVIDENCE_NONE;
        const char *code = look_now(request, candidate, &evidence);
        note(request, candidate, code, &evidence);
    }
}

void passed_note_one(struct request *request, const struct candidate *candidate, const char *code)
{
    struct evidence evidence = EVIDENCE_NONE;
    if (str_eq(str_of(code), STR("context_too_small"))) {
        evidence.context_tokens = candidate->context_tokens;
        evidence.prompt_tokens = request_least_tokens(request);
    }
    if (!is_known(request, candidate->provider))
        note(request, candidate, code, &evidence);
}

void passed_write(const struct request *request, size_t rank, char *room, size_t room_bytes)
{
    UNSET char lines[PASSED_OVER_BYTES];
    struct buf text;
    size_t more = request->passed_more;
    room[0] = '\0';
    if (!request->passed)
        return;
    buf_init_in(&text, PASSED_OVER_BYTES, lines, sizeof lines);
    for (const struct passed_note *note = request->passed; note; note = note->next) {
        const struct provider *provider = note->provider;
        struct passed passed = {str_of(provider->id),
                                str_of(provider->name),
                                str_of(tier_name(provider_kind_tier(provider->kind))),
                                note->model,
                                str_of(note->code),
                                note->evidence};
        if (note->rank < rank && !was_asked(request, provider) && !passed_over_put(&text, &passed))
            more++;
    }
    passed_over_put_more(&text, more);
    str_copy(buf_str(&text), room, room_bytes);
    buf_release(&text);
}

/* ---- X-Auxot-Reason ---------------------------------------------------------------------------- */

/* The attempt of whom the answer's headers name, or -1. */
static int attempt_named(const struct request *request)
{
    int i = request->trial.provider ? request->attempt_count - 1 : -1;
    while (i >= 0 && request->notes[i]->provider != request->trial.provider)
        i--;
    return i;
}

void passed_header(const struct request *request, struct buf *out)
{
    int named = attempt_named(request);
    if (named < 0 && !request->ended)
        return; /* a head that goes out before anybody answered: nobody can tell */
    buf_append_lit(out, "x-auxot-reason: ");
    buf_puts(out, named >= 0 ? request->notes[named]->chosen : request->ended);
    for (int i = named - 1; i >= 0; i--) {
        if (!request->notes[i]->reason[0])
            continue;
        buf_append_lit(out, "; failed_over=");
        buf_puts(out, request->notes[i]->reason);
        break;
    }
    if (named >= 0 && request->ended) {
        buf_append_lit(out, "; ended=");
        buf_puts(out, request->ended);
    }
    buf_append_lit(out, "\r\n");
}
