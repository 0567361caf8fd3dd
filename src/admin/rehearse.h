/* admin/rehearse.h: recorded requests of a window, sent once more through routing: as things stand, and under faults or
 * another configuration. domain/rehearse.h is the simulation; here it gets its jobs, providers and policies.
 *
 * Thread:  any that may block; takes no lock for longer than a copy. Nothing is sent, nothing is changed.
 */
#pragma once
#include "admin/admin.h"
#include "domain/rehearse.h"
#include "domain/rehearse_sums.h"
#include "json/json_writer.h"

#define REHEARSE_FAULTS_MAX 64u
#define REHEARSE_SHOW_MAX   1000u
#define REHEARSE_WINDOW_MS  (INT64_C(24) * 3600 * 1000)

/** What is asked. Zero it first. */
struct rehearse_wish {
    int64_t since_ms, until_ms; /* wall: jobs created in [since, until) */
    struct rehearse_fault_at {
        char provider[ID_MAX]; /* id */
        unsigned fault;
    } faults[REHEARSE_FAULTS_MAX];
    size_t fault_count;
    const struct store_config
        *proposed;       /* the whole configuration as it would be; NULL: as it is */
    size_t show;         /* so many jobs are told one by one, the oldest first */
    int64_t deadline_ms; /* monotonic */
};

struct rehearse_report; /* opaque: rehearse_parts.h */

/** Rehearses. ERR_TIMEOUT past the deadline; ERR_NO_MEMORY; what the store says; each with a sentence. */
MUST_USE enum err rehearse(struct admin *admin, const struct rehearse_wish *wish,
                           struct rehearse_report **out_report, struct error *error);
void rehearse_report_free(struct rehearse_report *report); /* NULL is fine */
/** Its members into the object that is open: those of the schema Rehearsed. */
void rehearse_report_write(const struct rehearse_report *report, struct json_writer *writer);
/** The sentence at the top. */
const char *rehearse_report_sentence(const struct rehearse_report *report);
