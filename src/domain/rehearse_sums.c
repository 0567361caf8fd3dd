/* domain/rehearse_sums.c: see rehearse_sums.h. */
#include "domain/rehearse_sums.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- sums ---------------------------------------------------------------------------------------- */

static void add_refusal(struct rehearse_sums *sums, const char *reason)
{
    size_t at = 0;
    while (at < sums->refusal_count && strcmp(sums->refusals[at].reason, reason) != 0)
        at++;
    if (at == REHEARSE_REASONS_MAX)
        return; /* there are fewer codes than that */
    if (at == sums->refusal_count)
        sums->refusals[sums->refusal_count++] = (struct rehearse_refusal){.reason = reason};
    sums->refusals[at].jobs++;
}

static void add_landing(struct rehearse_sums *sums, const struct rehearse_landing *landing)
{
    sums->failovers += landing->attempts > 1;
    if (!landing->is_answered) {
        sums->refused++;
        add_refusal(sums, landing->reason);
        return;
    }
    sums->landed++;
    if (landing->provider < 0)
        return;
    struct rehearse_share *share = &sums->shares[landing->provider];
    bool is_priced = landing->cost_microusd != COST_UNKNOWN;
    share->jobs++;
    share->cost_microusd += is_priced ? landing->cost_microusd : 0;
    share->unpriced += !is_priced;
    sums->cost_microusd += is_priced ? landing->cost_microusd : 0;
    sums->unpriced += !is_priced;
}

static int compare_waits(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The wait that `percent` of all that landed did not exceed. `waits`: those above 0, sorted. */
static int64_t quantile(const int64_t *waits, int64_t waited, int64_t landed, int64_t percent)
{
    int64_t rank = (landed * percent + 99) / 100, zeros = landed - waited;
    return rank > zeros ? waits[rank - zeros - 1] : 0;
}

enum err rehearse_sum(const struct rehearse_landing *landings, size_t count,
                      struct rehearse_sums *out_sums)
{
    AUTO_FREE int64_t *waits = mem_alloc((count + 1) * sizeof *waits);
    size_t waited = 0;
    if (!waits)
        return ERR_NO_MEMORY;
    *out_sums = (struct rehearse_sums){0};
    for (size_t i = 0; i < count; i++) {
        add_landing(out_sums, &landings[i]);
        if (landings[i].is_answered && landings[i].waited_ms > 0)
            waits[waited++] = landings[i].waited_ms;
    }
    qsort(waits, waited, sizeof *waits, compare_waits);
    out_sums->waited = (int64_t)waited;
    if (waited == 0)
        return OK;
    out_sums->wait_p50_ms = quantile(waits, out_sums->waited, out_sums->landed, 50);
    out_sums->wait_p95_ms = quantile(waits, out_sums->waited, out_sums->landed, 95);
    out_sums->wait_max_ms = waits[waited - 1];
    return OK;
}

int64_t rehearse_moved(const struct rehearse_landing *before, const struct rehearse_landing *after,
                       size_t count, const int32_t *after_of)
{
    int64_t moved = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t was = before[i].provider >= 0 ? after_of[before[i].provider] : before[i].provider;
        moved += was != after[i].provider || before[i].is_answered != after[i].is_answered;
    }
    return moved;
}

/* ---- who is left with nothing -------------------------------------------------------------------- */

static bool is_same_kind(const struct rehearse_question *a, const struct rehearse_question *b)
{
    return a->caller == b->caller && str_eq(a->model, b->model) && str_eq(a->pin, b->pin);
}

static int most_first(const void *left, const void *right)
{
    const struct rehearse_stranded *a = left, *b = right;
    return (a->jobs < b->jobs) - (a->jobs > b->jobs);
}

size_t rehearse_strand(const struct rehearse_traffic *traffic,
                       const struct rehearse_landing *before, const struct rehearse_landing *after,
                       struct rehearse_stranded out_stranded[REHEARSE_STRANDED_MAX],
                       int64_t *out_jobs)
{
    size_t count = 0;
    *out_jobs = 0;
    for (size_t i = 0; i < traffic->job_count; i++) {
        if (!before[i].is_answered || after[i].is_answered)
            continue;
        uint32_t question = traffic->jobs[i].question;
        size_t at = 0;
        ++*out_jobs;
        while (at < count && (strcmp(out_stranded[at].reason, after[i].reason) != 0 ||
                              !is_same_kind(&traffic->questions[out_stranded[at].question],
                                            &traffic->questions[question])))
            at++;
        if (at == REHEARSE_STRANDED_MAX)
            continue;
        if (at == count)
            out_stranded[count++] = (struct rehearse_stranded){question, after[i].reason, 0};
        out_stranded[at].jobs++;
    }
    qsort(out_stranded, count, sizeof *out_stranded, most_first);
    return count;
}

/* What each reason asks for. %1: whose; %2: the provider that is pinned; %3: one that could take over. */
enum fix { FIX_POLICY, FIX_QUEUE, FIX_RULE, FIX_NAME, FIX_ABILITY, FIX_MORE };

static enum fix fix_of(const char *reason)
{
    static const struct {
        const char *reason;
        enum fix fix;
    } known[] = {
        {"policy_denied", FIX_POLICY},
        {"no_slot", FIX_QUEUE},
        {"queue_full", FIX_QUEUE},
        {"queue_timeout", FIX_QUEUE},
        {"unknown_model", FIX_NAME},
        {"unknown_provider", FIX_NAME},
        {"model_not_served", FIX_NAME},
        {"pins_disagree", FIX_NAME},
        {"lacks_ability", FIX_ABILITY},
        {"context_too_small", FIX_ABILITY},
        {"dialect_not_supported", FIX_ABILITY},
        {"endpoint_not_supported", FIX_ABILITY},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].reason, reason) == 0)
            return known[i].fix;
    return FIX_RULE;
}

void rehearse_fix(const char *reason, const char *owner, const char *pin, const char *elsewhere,
                  char *room, size_t room_bytes)
{
    const char *other = elsewhere[0] ? elsewhere : "another provider";
    switch (fix_of(reason)) {
    case FIX_POLICY:
        snprintf(room, room_bytes, "Let %s use %s too: its policy leaves nothing that stands.",
                 owner, other);
        break;
    case FIX_QUEUE:
        snprintf(room, room_bytes,
                 "Add slots, or a fallback rule queue_too_deep to the provider that is waited for, "
                 "with %s as its target.",
                 other);
        break;
    case FIX_NAME:
        snprintf(room, room_bytes,
                 "What %s asks for by name is served by nobody then: add the model to a provider, "
                 "or a route of that name.",
                 owner);
        break;
    case FIX_ABILITY:
        snprintf(room, room_bytes,
                 "No model that stands can do what %s needs: add one that can as a fallback.",
                 owner);
        break;
    default:
        if (pin[0])
            snprintf(room, room_bytes,
                     "%s is pinned to %s: give %s a fallback rule (offline, over_quota) with %s as "
                     "its target.",
                     owner, pin, pin, other);
        else
            snprintf(room, room_bytes,
                     "Nobody else serves what %s asks for: give its provider a fallback rule "
                     "(offline, over_quota) with %s as its target.",
                     owner, other);
    }
}

/* ---- the sentence -------------------------------------------------------------------------------- */

static void append(char *room, size_t room_bytes, const char *text)
{
    size_t len = strlen(room);
    if (len < room_bytes)
        snprintf(room + len, room_bytes - len, "%s", text);
}

static void say_cost(const struct rehearse_story *story, char *room, size_t room_bytes)
{
    int64_t change = story->cost_change_per_hour_microusd;
    int64_t size = change < 0 ? -change : change;
    char text[80];
    if (size < 10000)
        return; /* less than a cent */
    snprintf(text, sizeof text, ", at $%lld.%02lld an hour %s", (long long)(size / 1000000),
             (long long)(size / 10000 % 100), change > 0 ? "more" : "less");
    append(room, room_bytes, text);
}

static void say_waits(const struct rehearse_story *story, char *room, size_t room_bytes)
{
    char text[120];
    if (story->wait_p95_after_ms < story->wait_p95_before_ms + 1000)
        return;
    snprintf(text, sizeof text, " One in twenty would wait longer than %lld s.",
             (long long)(story->wait_p95_after_ms / 1000));
    append(room, room_bytes, text);
}

void rehearse_say(const struct rehearse_story *story, char *room, size_t room_bytes)
{
    char text[240];
    int64_t elsewhere = story->moved - story->newly_refused;
    if (story->jobs == 0) {
        snprintf(room, room_bytes, "There were no requests in this time.");
        return;
    }
    if (story->moved == 0) {
        snprintf(room, room_bytes, "All of %lld requests would land where they land now",
                 (long long)story->jobs);
    } else if (elsewhere > 0) {
        snprintf(room, room_bytes, "Of %lld requests, %lld would land elsewhere",
                 (long long)story->jobs, (long long)elsewhere);
        if (story->most_to) {
            snprintf(text, sizeof text, " (%lld on %s)", (long long)story->most_jobs,
                     story->most_to);
            append(room, room_bytes, text);
        }
    } else {
        snprintf(room, room_bytes, "Of %lld requests, none would land elsewhere",
                 (long long)story->jobs);
    }
    say_cost(story, room, room_bytes);
    if (story->newly_refused > 0)
        snprintf(text, sizeof text, "; %lld would fail.", (long long)story->newly_refused);
    else
        snprintf(text, sizeof text, "; none would fail that is answered now.");
    append(room, room_bytes, text);
    say_waits(story, room, room_bytes);
}
