/* domain/health_facts.c: what each kind of fact is worth, and what is said about it. */
#include "domain/health_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (24 * 60 * MINUTE_MS)
#define MIB       (INT64_C(1) << 20)
#define GIB       (INT64_C(1) << 30)

#define CERTIFICATE_SOON_DAYS 21
#define CERTIFICATE_NOW_DAYS  3
#define BACKUP_OLD_DAYS       7
#define ERRORS_AT_LEAST       10 /* of a reason, before their share means anything */
#define ERRORS_ONE_IN         20
#define SPEND_AT_LEAST        INT64_C(1000000) /* microusd */

static void fill(char *room, size_t room_bytes, const char *text)
{
    str_copy(str_of(text ? text : ""), room, room_bytes);
}

static void __attribute__((format(printf, 2, 3)))
why(struct health_item *item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(item->why_text, sizeof item->why_text, format, arguments);
    va_end(arguments);
}

/* ---- providers ----------------------------------------------------------------------------------- */

static const struct state_fact {
    enum health_level level;
    int rank; /* above HEALTH_RANK_PROVIDER */
    const char *why, *fix;
} states[STATE_COUNT] = {
    [STATE_ONLINE] = {HEALTH_FINE, 0, "It answers.", ""},
    [STATE_DEGRADED] = {HEALTH_DEGRADED, 1, "It failed lately; it is asked after the others.",
                        "Nothing, if it mends itself; else look at its service."},
    [STATE_OVER_QUOTA] = {HEALTH_DEGRADED, 2, "It is over its quota until its reset.",
                          "Wait for its reset, or raise the quota at the vendor."},
    [STATE_OFFLINE] = {HEALTH_DEGRADED, 3, "It is offline.", "Start it."},
    [STATE_ERROR] = {HEALTH_DEGRADED, 4, "It refuses us.", "Look at its key and its account."},
    [STATE_PAUSED] = {HEALTH_NOTE, 0, "An administrator paused it.",
                      "Resume it when it may answer again."},
};

/* What helps, by the reason's code; first those that are more than their state says. */
static const struct remedy {
    const char *reason, *fix;
} remedies[] = {
    {"invalid_api_key", "Enter its API key again."},
    {"key_unreadable", "Enter its API key again."},
    {"forbidden", "Give its key the rights that it lacks, at the vendor."},
    {"insufficient_quota", "Add credit at the vendor."},
    {"credit_exhausted", "Add credit at the vendor."},
    {"payment_required", "Add credit at the vendor."},
    {"billing_not_active", "Set up billing at the vendor."},
    {"spend_limit", "Raise the spending limit at the vendor."},
    {"usage_limit", "Raise the usage limit at the vendor."},
    {"no_models", "Set up billing at the vendor, then refresh its models."},
    {"no_worker", "Start a worker, or look at the log of the one that is gone."},
    {"window_used_up", "Wait for the reset, or add a worker with a subscription of its own."},
    {"dns_failed", "Check the name in its base URL, and the resolver."},
    {"connect_refused", "Start its service, or correct its base URL."},
    {"connect_timeout", "Check the way to it: firewall, address, port."},
    {"tls_failed", "Check its certificate, and ca_file."},
};

static const char *remedy_of(const char *reason, const char *otherwise)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (strcmp(remedies[i].reason, reason) == 0)
            return remedies[i].fix;
    return otherwise;
}

static void count_tier(struct health_tier *tier, const struct health_provider_fact *fact)
{
    bool is_able = fact->state == STATE_ONLINE || fact->state == STATE_DEGRADED;
    if (fact->state == STATE_PAUSED)
        return;
    tier->providers++;
    tier->able += is_able;
    if (!is_able && fact->since_ms > tier->gone_ms)
        tier->gone_ms = fact->since_ms;
}

void health_add_provider(struct health_report *report, const struct health_provider_fact *fact)
{
    assert(fact->state < STATE_COUNT);
    const struct state_fact *state = &states[fact->state];
    struct health_item item = {.kind = "provider",
                               .state = provider_state_name(fact->state),
                               .level = state->level,
                               .rank = HEALTH_RANK_PROVIDER + state->rank,
                               .since_ms = fact->since_ms};
    count_tier(&report->tier[fact->tier], fact);
    report->providers++;
    report->providers_able += fact->state == STATE_ONLINE || fact->state == STATE_DEGRADED;
    fill(item.what, sizeof item.what, fact->name);
    fill(item.id, sizeof item.id, fact->id);
    fill(item.why_code, sizeof item.why_code, fact->reason);
    fill(item.why_text, sizeof item.why_text, fact->sentence[0] ? fact->sentence : state->why);
    fill(item.fix, sizeof item.fix, remedy_of(fact->reason, state->fix));
    (void)snprintf(item.link, sizeof item.link, "/settings/providers/%s", fact->id);
    health_item_put(report, &item);
}

/* ---- workers ------------------------------------------------------------------------------------- */

static const struct worker_fact {
    const char *state;
    enum health_level level;
    int rank; /* above HEALTH_RANK_WORKER */
    bool is_able;
    const char *why, *fix;
} worker_facts[] = {
    {"live", HEALTH_FINE, 0, true, "It takes jobs.", ""},
    {"suspect", HEALTH_DEGRADED, 2, true, "It has not been heard of for longer than a heartbeat.",
     "Look at its machine and the way to it."},
    {"away", HEALTH_DEGRADED, 3, false, "Its control connection is closed.",
     "It comes back by itself; if not, look at its machine."},
    {"barred", HEALTH_DEGRADED, 4, false, "It may take no jobs for a while.",
     "Look at its log: it broke the protocol, or is not signed in."},
    {"over_quota", HEALTH_NOTE, 1, false, "Its subscription is used up until the reset.", ""},
    {"leaving", HEALTH_NOTE, 0, false, "It said goodbye and finishes its jobs.", ""},
    {"dead", HEALTH_NOTE, 2, false, "It is gone.", "Start it again, if it is to come back."},
};

void health_add_worker(struct health_report *report, const struct health_worker_fact *fact)
{
    const struct worker_fact *found = NULL;
    for (size_t i = 0; i < sizeof worker_facts / sizeof worker_facts[0]; i++)
        if (strcmp(worker_facts[i].state, fact->state) == 0)
            found = &worker_facts[i];
    bool has_left = found && strcmp(fact->reason, "left") == 0;
    if (!found)
        return;
    struct health_item item = {.kind = "worker",
                               .state = found->state,
                               .level = has_left ? HEALTH_FINE : found->level,
                               .rank = HEALTH_RANK_WORKER + found->rank,
                               .since_ms = fact->since_ms};
    report->workers_able += found->is_able;
    (void)snprintf(item.what, sizeof item.what, "%.60s of %.30s",
                   fact->name[0] ? fact->name : fact->id, fact->provider);
    fill(item.id, sizeof item.id, fact->id);
    fill(item.why_code, sizeof item.why_code, fact->reason);
    fill(item.why_text, sizeof item.why_text, found->why);
    fill(item.fix, sizeof item.fix, has_left ? "" : found->fix);
    fill(item.link, sizeof item.link, "/settings/providers");
    health_item_put(report, &item);
}

/* ---- queue and limits ---------------------------------------------------------------------------- */

void health_add_queue(struct health_report *report, int64_t waiting, int64_t oldest_wait_ms,
                      int64_t patience_ms)
{
    bool is_long = waiting > 0 && patience_ms > 0 && oldest_wait_ms * 2 > patience_ms;
    struct health_item item = {.kind = "queue",
                               .state = waiting > 0 ? "waiting" : "empty",
                               .level = is_long       ? HEALTH_DEGRADED
                                        : waiting > 0 ? HEALTH_NOTE
                                                      : HEALTH_FINE,
                               .rank = HEALTH_RANK_QUEUE};
    report->waiting = waiting;
    fill(item.what, sizeof item.what, "Queue");
    fill(item.link, sizeof item.link, "/routing");
    if (waiting > 0) {
        fill(item.why_code, sizeof item.why_code, "at_capacity");
        why(&item, "%lld request%s wait%s for a slot, the oldest for %lld s.", (long long)waiting,
            waiting == 1 ? "" : "s", waiting == 1 ? "s" : "", (long long)(oldest_wait_ms / 1000));
        fill(item.fix, sizeof item.fix,
             is_long ? "Add a worker, slots or a provider, or let a team spill to the cloud." : "");
    } else {
        why(&item, "Nobody waits.");
    }
    health_item_put(report, &item);
}

void health_add_limit(struct health_report *report, const struct health_limit_fact *fact)
{
    if (fact->most < 1 || fact->used * 5 < fact->most * 4)
        return;
    bool is_full = fact->used >= fact->most;
    struct health_item item = {.kind = fact->is_money ? "budget" : "limit",
                               .state = is_full ? "spent" : "near",
                               .level = is_full ? HEALTH_DEGRADED : HEALTH_NOTE,
                               .rank = HEALTH_RANK_LIMIT + fact->is_money};
    fill(item.what, sizeof item.what, fact->name);
    fill(item.id, sizeof item.id, fact->id);
    fill(item.why_code, sizeof item.why_code, is_full ? "limit_reached" : "limit_near");
    if (fact->is_money)
        why(&item, "$%.2f of $%.2f this month are spent.", (double)fact->used / 1e6,
            (double)fact->most / 1e6);
    else
        why(&item, "%lld of %lld %s are used.", (long long)fact->used, (long long)fact->most,
            fact->of);
    fill(item.fix, sizeof item.fix,
         fact->is_money ? "Raise the budget, or wait for the next month."
                        : "Raise the limit, if that much is meant.");
    (void)snprintf(item.link, sizeof item.link,
                   fact->is_team ? "/settings/teams/%s" : "/settings/keys", fact->id);
    health_item_put(report, &item);
}

/* ---- requests ------------------------------------------------------------------------------------ */

void health_add_failures(struct health_report *report, const char *reason, int64_t count,
                         int64_t requests, int64_t since_ms)
{
    bool is_much = count >= ERRORS_AT_LEAST && requests >= 0 && count * ERRORS_ONE_IN >= requests;
    struct health_item item = {.kind = "errors",
                               .state = "failed",
                               .level = is_much ? HEALTH_DEGRADED : HEALTH_NOTE,
                               .rank = HEALTH_RANK_ERRORS,
                               .since_ms = since_ms};
    fill(item.what, sizeof item.what, "Failed requests");
    fill(item.why_code, sizeof item.why_code, reason);
    if (requests > 0)
        why(&item, "%lld of %lld failed lately: %s.", (long long)count, (long long)requests,
            reason);
    else
        why(&item, "%lld failed lately: %s.", (long long)count, reason);
    fill(item.fix, sizeof item.fix,
         remedy_of(reason, "Look at one of them: its attempts say why."));
    (void)snprintf(item.link, sizeof item.link, "/audit/jobs?status=failed&reason=%s", reason);
    health_item_put(report, &item);
}

void health_add_failovers(struct health_report *report, const char *reason, int64_t count,
                          int64_t since_ms)
{
    struct health_item item = {.kind = "failovers",
                               .state = "moved_on",
                               .level = HEALTH_NOTE,
                               .rank = HEALTH_RANK_FAILOVERS,
                               .since_ms = since_ms};
    fill(item.what, sizeof item.what, "Failovers");
    fill(item.why_code, sizeof item.why_code, reason);
    why(&item, "%lld attempt%s failed, and the request went on elsewhere: %s.", (long long)count,
        count == 1 ? "" : "s", reason);
    fill(item.link, sizeof item.link, "/audit/jobs");
    health_item_put(report, &item);
}

void health_add_spend(struct health_report *report, int64_t today, int64_t usual)
{
    bool is_much = usual >= 0 && today >= SPEND_AT_LEAST && today * 2 > usual * 3;
    struct health_item item = {.kind = "spend",
                               .state = is_much ? "high" : "usual",
                               .level = is_much ? HEALTH_NOTE : HEALTH_FINE,
                               .rank = HEALTH_RANK_SPEND};
    fill(item.what, sizeof item.what, "Spend today");
    fill(item.why_code, sizeof item.why_code, is_much ? "above_usual" : "");
    if (usual >= 0)
        why(&item, "$%.2f today (UTC); a usual day has $%.2f.", (double)today / 1e6,
            (double)usual / 1e6);
    else
        why(&item, "$%.2f today (UTC).", (double)today / 1e6);
    fill(item.fix, sizeof item.fix, is_much ? "Look who spends it, by team and key." : "");
    fill(item.link, sizeof item.link, "/usage");
    health_item_put(report, &item);
}

void health_add_hour(struct health_report *report, int64_t microusd)
{
    report->hour_microusd = microusd;
}

/* ---- the server ---------------------------------------------------------------------------------- */

void health_add_record(struct health_report *report, bool is_writable, int64_t free_bytes,
                       int64_t total_bytes)
{
    bool is_short = free_bytes >= 0 && (free_bytes < GIB || free_bytes < total_bytes / 50);
    struct health_item item = {.kind = "disk",
                               .state = !is_writable ? "not_writable"
                                        : is_short   ? "short"
                                                     : "room",
                               .level = !is_writable ? HEALTH_DOWN
                                        : is_short   ? HEALTH_DEGRADED
                                                     : HEALTH_FINE,
                               .rank = is_writable ? HEALTH_RANK_DISK : HEALTH_RANK_RECORD};
    fill(item.what, sizeof item.what, "Disk for records");
    fill(item.why_code, sizeof item.why_code,
         !is_writable ? "record_not_writable"
         : is_short   ? "disk_short"
                      : "");
    if (!is_writable)
        why(&item, "The record cannot be written, so requests are refused.");
    else if (free_bytes >= 0)
        why(&item, "%lld MiB of %lld are free.", (long long)(free_bytes / MIB),
            (long long)(total_bytes / MIB));
    else
        why(&item, "How much is free is not known.");
    fill(item.fix, sizeof item.fix,
         item.level == HEALTH_FINE ? "" : "Make room on the disk of the data directory.");
    fill(item.link, sizeof item.link, "/settings/organization");
    health_item_put(report, &item);
}

void health_add_certificate(struct health_report *report, int64_t ends_at_ms, int64_t now_ms)
{
    int64_t days = (ends_at_ms - now_ms) / DAY_MS;
    bool is_over = ends_at_ms <= now_ms;
    struct health_item item = {.kind = "certificate",
                               .state = is_over                        ? "over"
                                        : days < CERTIFICATE_SOON_DAYS ? "ends_soon"
                                                                       : "good",
                               .level = is_over                        ? HEALTH_DOWN
                                        : days < CERTIFICATE_NOW_DAYS  ? HEALTH_DEGRADED
                                        : days < CERTIFICATE_SOON_DAYS ? HEALTH_NOTE
                                                                       : HEALTH_FINE,
                               .rank = HEALTH_RANK_CERTIFICATE};
    fill(item.what, sizeof item.what, "Certificate");
    fill(item.why_code, sizeof item.why_code,
         item.level == HEALTH_FINE ? ""
         : is_over                 ? "certificate_over"
                                   : "certificate_ends");
    if (is_over)
        why(&item, "It is over since %lld days: clients refuse us.", (long long)-days);
    else
        why(&item, "It is good for %lld more days.", (long long)days);
    fill(item.fix, sizeof item.fix,
         item.level == HEALTH_FINE ? "" : "Put the new certificate in place and send SIGHUP.");
    fill(item.link, sizeof item.link, "/settings/organization");
    health_item_put(report, &item);
}

void health_add_backup(struct health_report *report, int64_t backup_at_ms, int64_t life_ms,
                       int64_t now_ms)
{
    int64_t days = (now_ms - backup_at_ms) / DAY_MS;
    bool is_missing = backup_at_ms == 0 && life_ms >= DAY_MS;
    bool is_old = backup_at_ms > 0 && days >= BACKUP_OLD_DAYS;
    struct health_item item = {.kind = "backup",
                               .state = backup_at_ms == 0 ? "never"
                                        : is_old          ? "old"
                                                          : "fresh",
                               .level = is_missing || is_old ? HEALTH_NOTE : HEALTH_FINE,
                               .rank = HEALTH_RANK_BACKUP,
                               .since_ms = backup_at_ms};
    fill(item.what, sizeof item.what, "Backup");
    if (backup_at_ms > 0)
        why(&item, "The last one is %lld day%s old.", (long long)days, days == 1 ? "" : "s");
    else
        why(&item, "There was none yet.");
    if (item.level != HEALTH_FINE) {
        fill(item.why_code, sizeof item.why_code, is_old ? "backup_old" : "no_backup");
        fill(item.fix, sizeof item.fix, "Run auxot backup, daily.");
    }
    fill(item.link, sizeof item.link, "/settings/organization");
    health_item_put(report, &item);
}

void health_add_server(struct health_report *report, const char *version, int64_t started_at_ms,
                       bool was_killed)
{
    struct health_item item = {.kind = "server",
                               .state = was_killed ? "restarted" : "running",
                               .level = was_killed ? HEALTH_NOTE : HEALTH_FINE,
                               .rank = HEALTH_RANK_SERVER,
                               .since_ms = started_at_ms};
    fill(item.what, sizeof item.what, "Gateway");
    fill(item.why_code, sizeof item.why_code, was_killed ? "killed" : "");
    why(&item, was_killed ? "Version %s. It was killed before it was started last." : "Version %s.",
        version);
    fill(item.fix, sizeof item.fix,
         was_killed ? "Look for the end of its log: memory, a crash, or somebody's kill." : "");
    health_item_put(report, &item);
}

void health_add_change(struct health_report *report, const char *action, const char *actor,
                       const char *event, int64_t at_ms)
{
    struct health_item item = {.kind = "change",
                               .state = "changed",
                               .level = HEALTH_FINE,
                               .rank = HEALTH_RANK_CHANGE,
                               .since_ms = at_ms};
    fill(item.what, sizeof item.what, "Configuration");
    fill(item.id, sizeof item.id, event);
    fill(item.why_code, sizeof item.why_code, action);
    why(&item, "%s by %s.", action[0] ? action : "changed", actor[0] ? actor : "the server itself");
    fill(item.link, sizeof item.link, "/audit/events");
    health_item_put(report, &item);
}
