/* domain/health_report.h: how it goes, worst first: what is wrong, since when, why, and the one thing to do next.
 *
 * Whoever knows the facts adds them, one after the other; then the report is finished, which puts it in order and makes its
 * sentence. What is told is a matter of tables: no fact needs a line of code elsewhere.
 *
 * Layer:   domain: pure.  Thread: any, one at a time.
 *
 *     health_report_init(&report, items, room);
 *     health_add_provider(&report, &fact);  ...
 *     health_report_finish(&report);
 *     ... report.level, report.sentence, report.next_step, report.items[0..count) ...
 */
#pragma once
#include "domain/health.h"
#include "domain/id.h"
#include "domain/provider.h"

/** Of an item, and of the whole. NOTE: worth a look, nothing fails; the whole is then still fine. */
enum health_level { HEALTH_FINE, HEALTH_NOTE, HEALTH_DEGRADED, HEALTH_DOWN, HEALTH_LEVELS };
const char *health_level_name(enum health_level level); /* "fine", "note", "degraded", "down" */

struct health_item {
    const char *kind, *state; /* literals */
    enum health_level level;
    int rank;          /* among items of a level: the higher is told first */
    int64_t since_ms;  /* wall; 0: not known */
    char what[96];     /* "Cloud" */
    char id[ID_MAX];   /* "" none */
    char why_code[48]; /* "" none */
    char why_text[256];
    char fix[160];  /* "" nothing to do */
    char link[128]; /* a page of the UI; "" none */
};

struct health_report {
    struct health_item *items; /* borrowed */
    size_t room, count, left_out;
    size_t providers, providers_able; /* able: online or degraded */
    size_t workers_able;
    struct health_tier { /* of the providers that are not paused */
        size_t providers, able;
        int64_t
            gone_ms; /* wall: when the last of them could no more, while none can; 0: not known */
    } tier[TIER_COUNT];
    int64_t hour_microusd; /* what the last hour cost; -1: not told */
    int64_t waiting;
    bool is_whole; /* all providers are told: the caller sees every one */
    enum health_level level;
    char sentence[512], next_step[160]; /* next_step "": nothing to do */
};

/** `items` has room for `room`, at least 1; the least bad are left out when there are more. */
void health_report_init(struct health_report *report, struct health_item *items, size_t room);

struct health_provider_fact {
    const char *id, *name, *reason, *sentence; /* as the API tells them */
    enum tier tier;
    enum provider_state state;
    int64_t since_ms;
};
void health_add_provider(struct health_report *report, const struct health_provider_fact *fact);

struct health_worker_fact {
    const char *id, *name, *provider, *state, *reason; /* as the API tells them */
    int64_t since_ms;
};
void health_add_worker(struct health_report *report, const struct health_worker_fact *fact);

/** Requests that wait for a slot. `patience_ms`: after which they are refused. */
void health_add_queue(struct health_report *report, int64_t waiting, int64_t oldest_wait_ms,
                      int64_t patience_ms);

/** What a team or key has used of what it may; told from four fifths on. `most` below 1: no limit. `is_money`: microusd of a
 *  month, where the last part is not given back in a minute. */
struct health_limit_fact {
    const char *id, *name, *of; /* `of`: "requests a minute" */
    int64_t used, most;
    bool is_money, is_team;
};
void health_add_limit(struct health_report *report, const struct health_limit_fact *fact);

/** Failed requests, or attempts that another provider took over, with one reason, since `since_ms`. `requests`: all of then,
 *  or -1. */
void health_add_failures(struct health_report *report, const char *reason, int64_t count,
                         int64_t requests, int64_t since_ms);
void health_add_failovers(struct health_report *report, const char *reason, int64_t count,
                          int64_t since_ms);

/** Known costs, microusd. `usual`: of a day, -1: not known. */
void health_add_spend(struct health_report *report, int64_t today, int64_t usual);
/** Likewise, of the last hour: what it costs that no provider of one's own answers is said with that. */
void health_add_hour(struct health_report *report, int64_t microusd);

/** Can requests be recorded? And where: room left, of all; -1: not known. */
void health_add_record(struct health_report *report, bool is_writable, int64_t free_bytes,
                       int64_t total_bytes);
/** When the listener's certificate ends. */
void health_add_certificate(struct health_report *report, int64_t ends_at_ms, int64_t now_ms);
/** 0: there was none. `life_ms`: how long the server has had something to lose. */
void health_add_backup(struct health_report *report, int64_t backup_at_ms, int64_t life_ms,
                       int64_t now_ms);
/** The server runs, of that version, since then; `was_killed`: its last life had no proper end. */
void health_add_server(struct health_report *report, const char *version, int64_t started_at_ms,
                       bool was_killed);
/** Somebody changed the configuration. */
void health_add_change(struct health_report *report, const char *action, const char *actor,
                       const char *event, int64_t at_ms);

/** In order, worst first; then the level of the whole, its sentence, the next step. */
void health_report_finish(struct health_report *report);
