/* admin/rehearse_view.c: a rehearsal as JSON: the schema Rehearsed. */
#include "admin/rehearse_parts.h"

#include <stdio.h>

#define HOURS_A_MONTH 730

/* ---- one side ------------------------------------------------------------------------------------ */

static void write_provider(struct json_writer *writer, const char *name,
                           const struct provider *provider)
{
    if (!provider) {
        json_put_null(writer, name);
        return;
    }
    json_open_object_named(writer, name);
    json_put_text(writer, "id", provider->id);
    json_put_text(writer, "name", provider->name);
    json_put_text(writer, "slug", provider->slug);
    json_close_object(writer);
}

/* NULL: nobody. */
static const struct provider *provider_at(const struct rehearse_side *side, int32_t index)
{
    return index >= 0 ? side->snapshot->routing.providers[index] : NULL;
}

static void put_slots(struct json_writer *writer, int64_t slots)
{
    if (slots >= 0)
        json_put_int(writer, "slots", slots);
    else
        json_put_null(writer, "slots");
}

static void write_landing(struct json_writer *writer, const struct rehearse_report *report,
                          const struct rehearse_side *side, size_t index)
{
    const struct provider *provider = side->snapshot->routing.providers[index];
    const struct rehearse_share *share = &side->sums.shares[index];
    size_t all = report->traffic.job_count;
    json_open_object(writer);
    write_provider(writer, "provider", provider);
    json_put_text(writer, "tier", tier_name(provider_kind_tier(provider->kind)));
    json_put_int(writer, "jobs", share->jobs);
    json_put_double(writer, "share", all ? (double)share->jobs / (double)all : 0.0);
    json_put_int(writer, "cost_microusd", share->cost_microusd);
    json_put_int(writer, "unpriced_jobs", share->unpriced);
    put_slots(writer, rehearse_slots(&side->world, index));
    json_close_object(writer);
}

static void write_refusals(struct json_writer *writer, const struct rehearse_sums *sums)
{
    json_open_array(writer, "refusals");
    for (size_t i = 0; i < sums->refusal_count; i++) {
        json_open_object(writer);
        json_put_text(writer, "reason", sums->refusals[i].reason);
        json_put_int(writer, "jobs", sums->refusals[i].jobs);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_side(struct json_writer *writer, const struct rehearse_report *report,
                       const struct rehearse_side *side, const char *name)
{
    const struct rehearse_sums *sums = &side->sums;
    int64_t hour_microusd = rehearse_per_hour(report, sums->cost_microusd);
    json_open_object_named(writer, name);
    json_put_int(writer, "landed", sums->landed);
    json_put_int(writer, "refused", sums->refused);
    json_put_int(writer, "failovers", sums->failovers);
    json_put_int(writer, "cost_microusd_per_hour", hour_microusd);
    json_put_int(writer, "cost_microusd_per_month", hour_microusd * HOURS_A_MONTH);
    json_put_int(writer, "unpriced_jobs", sums->unpriced);
    json_open_object_named(writer, "waits");
    json_put_int(writer, "jobs", sums->waited);
    json_put_int(writer, "p50_ms", sums->wait_p50_ms);
    json_put_int(writer, "p95_ms", sums->wait_p95_ms);
    json_put_int(writer, "max_ms", sums->wait_max_ms);
    json_close_object(writer);
    json_open_array(writer, "landing");
    for (size_t i = 0; i < side->snapshot->routing.provider_count; i++)
        write_landing(writer, report, side, i);
    json_close_array(writer);
    write_refusals(writer, sums);
    json_close_object(writer);
}

/* ---- who goes where ------------------------------------------------------------------------------ */

static void write_moves(struct json_writer *writer, const struct rehearse_report *report)
{
    json_open_array(writer, "moves");
    for (size_t i = 0; i < report->move_count; i++) {
        const struct rehearse_move *move = &report->moves[i];
        json_open_object(writer);
        write_provider(writer, "from", provider_at(&report->before, move->from));
        write_provider(writer, "to", provider_at(&report->after, move->to));
        json_put_int(writer, "jobs", move->jobs);
        json_put_int(writer, "cost_change_microusd", move->cost_change_microusd);
        json_put_int(writer, "unpriced_jobs", move->unpriced);
        json_close_object(writer);
    }
    json_close_array(writer);
}

/* ---- who is stranded ----------------------------------------------------------------------------- */

struct owner {
    const char *kind, *id, *name;
    char words[160];
};

static void owner_say(struct owner *owner)
{
    snprintf(owner->words, sizeof owner->words, "%s %s", owner->kind, owner->name);
}

/* A team before its keys, a user before their session, a key by itself. */
static struct owner owner_of(const struct rehearse_report *report, uint32_t caller_index)
{
    const struct rehearse_caller *caller = &report->jobs.callers[caller_index];
    const struct principal *principal = report->before.principals[caller_index];
    const struct team *team = snapshot_team(report->before.snapshot, caller->team);
    struct owner owner = {.kind = "key", .id = caller->key_id, .name = caller->key_id};
    if (principal && principal->name[0])
        owner.name = principal->name;
    if (team)
        owner = (struct owner){.kind = "team", .id = team->id, .name = team->name};
    else if (caller->user[0])
        owner = (struct owner){.kind = "user", .id = caller->user, .name = owner.name};
    owner_say(&owner);
    return owner;
}

/* Who takes most of what lands afterwards, and has no fault: the natural target of a rule. */
static const char *elsewhere(const struct rehearse_report *report)
{
    const struct rehearse_side *after = &report->after;
    int64_t most = -1;
    const char *name = "";
    for (size_t i = 0; i < after->snapshot->routing.provider_count; i++) {
        const struct provider *provider = after->snapshot->routing.providers[i];
        bool stands = !after->providers[i].faults && !provider->is_paused &&
                      rehearse_slots(&after->world, i) != 0;
        if (stands && after->sums.shares[i].jobs > most) {
            most = after->sums.shares[i].jobs;
            name = provider->name;
        }
    }
    return name;
}

static const char *pin_name(const struct rehearse_report *report, struct str pin)
{
    char id[128];
    str_copy(pin, id, sizeof id);
    const struct provider *provider = snapshot_provider(report->before.snapshot, id);
    return provider ? provider->name : "";
}

static void put_or_null(struct json_writer *writer, const char *name, struct str text)
{
    if (text.len)
        json_put_string(writer, name, text);
    else
        json_put_null(writer, name);
}

static void write_one_stranded(struct json_writer *writer, const struct owner *owner,
                               const struct rehearse_question *question, const char *reason,
                               int64_t jobs, const char *fix)
{
    json_open_object(writer);
    json_put_text(writer, "kind", owner->kind);
    json_put_text(writer, "id", owner->id);
    json_put_text(writer, "name", owner->name);
    json_put_string(writer, "model", question->model);
    put_or_null(writer, "pin", question->pin);
    json_put_int(writer, "jobs", jobs);
    json_put_text(writer, "reason", reason);
    json_put_text(writer, "fix", fix);
    json_close_object(writer);
}

static void write_stranded(struct json_writer *writer, const struct rehearse_report *report)
{
    static const struct rehearse_question usual = {.model = STR_INIT("auto")};
    const char *other = elsewhere(report);
    char fix[400];
    json_open_array(writer, "stranded");
    for (size_t i = 0; i < report->stranded_count; i++) {
        const struct rehearse_stranded *row = &report->stranded[i];
        const struct rehearse_question *question = &report->traffic.questions[row->question];
        struct owner owner = owner_of(report, question->caller);
        const char *trouble = report->are_denied[i] ? "policy_denied" : row->reason;
        rehearse_fix(trouble, owner.words, pin_name(report, question->pin), other, fix, sizeof fix);
        write_one_stranded(writer, &owner, question, row->reason, row->jobs, fix);
    }
    for (size_t i = 0; i < report->idle_count; i++) {
        const struct rehearse_idle *idle = &report->idle[i];
        struct owner owner = {.kind = idle->kind, .id = idle->id, .name = idle->name};
        owner_say(&owner);
        rehearse_fix(idle->reason, owner.words, "", other, fix, sizeof fix);
        write_one_stranded(writer, &owner, &usual, idle->reason, 0, fix);
    }
    json_close_array(writer);
}

/* ---- jobs, one by one ---------------------------------------------------------------------------- */

static void write_job_side(struct json_writer *writer, const struct rehearse_side *side,
                           size_t index, const char *name)
{
    const struct rehearse_landing *landing = &side->landings[index];
    json_open_object_named(writer, name);
    write_provider(writer, "provider", provider_at(side, landing->provider));
    put_or_null(writer, "model", landing->model);
    json_put_bool(writer, "answered", landing->is_answered);
    json_put_text(writer, "reason", landing->reason);
    json_put_int(writer, "attempts", landing->attempts);
    json_put_int(writer, "waited_ms", landing->waited_ms);
    json_close_object(writer);
}

static void write_jobs(struct json_writer *writer, const struct rehearse_report *report)
{
    json_open_array(writer, "jobs");
    for (size_t i = 0; i < report->jobs.shown; i++) {
        json_open_object(writer);
        json_put_text(writer, "id", report->jobs.ids[i]);
        json_put_int(writer, "created_at_ms", report->jobs.jobs[i].at_ms);
        write_job_side(writer, &report->before, i, "before");
        write_job_side(writer, &report->after, i, "after");
        json_close_object(writer);
    }
    json_close_array(writer);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static void write_window(struct json_writer *writer, const struct rehearse_report *report)
{
    const struct rehearse_jobs *jobs = &report->jobs;
    json_open_object_named(writer, "window");
    json_put_int(writer, "since_ms", report->wish.since_ms);
    json_put_int(writer, "until_ms", report->wish.until_ms);
    json_put_int(writer, "jobs", jobs->all);
    json_put_int(writer, "rehearsed", (int64_t)jobs->count);
    json_put_bool(writer, "sampled", jobs->is_sampled);
    json_put_int(writer, "left_out", jobs->left_out);
    json_put_int(writer, "without_shape", jobs->without_shape);
    json_put_int(writer, "as_recorded", report->as_recorded);
    json_close_object(writer);
}

/* What one should know of the figures. */
static void write_notes(struct json_writer *writer, const struct rehearse_report *report)
{
    const struct rehearse_side *after = &report->after;
    char text[300];
    json_open_array(writer, "notes");
    if (report->jobs.is_sampled)
        json_put_text(writer, NULL,
                      "There were more requests than are rehearsed: slices of the window were "
                      "taken, evenly spread, and costs are of the whole.");
    if (report->jobs.without_shape > 0) {
        snprintf(
            text, sizeof text,
            "Of %lld requests it is not recorded what they needed, what they were pinned to and how "
            "long they were: they are routed by model and endpoint alone.",
            (long long)report->jobs.without_shape);
        json_put_text(writer, NULL, text);
    }
    for (size_t i = 0; i < after->snapshot->routing.provider_count; i++) {
        bool is_void = after->providers[i].faults & REHEARSE_HALF_SLOTS &&
                       rehearse_slots(&after->world, i) < 0;
        if (!is_void)
            continue;
        snprintf(text, sizeof text, "%.64s has no counted slots: half_slots changes nothing there.",
                 after->snapshot->routing.providers[i]->name);
        json_put_text(writer, NULL, text);
    }
    json_close_array(writer);
}

void rehearse_report_write(const struct rehearse_report *report, struct json_writer *writer)
{
    json_put_text(writer, "sentence", report->sentence);
    write_window(writer, report);
    json_put_int(writer, "moved", report->moved);
    write_moves(writer, report);
    write_side(writer, report, &report->before, "before");
    write_side(writer, report, &report->after, "after");
    json_put_int(writer, "stranded_jobs", report->stranded_jobs);
    write_stranded(writer, report);
    write_notes(writer, report);
    write_jobs(writer, report);
}
