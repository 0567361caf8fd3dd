/* domain/reason_tally.h: how often each reason was given in the last hour, by the minute.
 *
 * Bounded: so many reasons; who comes when all are in use counts as "other".
 *
 * Layer:   domain: pure; the time (any clock that does not go back, ms) is given.  Thread: the owner's lock.
 */
#pragma once
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

#define TALLY_REASONS 32
#define TALLY_MINUTES 60

struct reason_tally {
    struct reason_row {
        char reason[48];
        int64_t minute;                 /* the newest that is counted */
        uint32_t counts[TALLY_MINUTES]; /* of minute m at m % TALLY_MINUTES */
    } rows[TALLY_REASONS];              /* the last one may be "other" */
    size_t count;
};

void reason_tally_add(struct reason_tally *tally, const char *reason, int64_t now_ms);

struct reason_count {
    char reason[48];
    int64_t count;
};
/** Those of the last hour, the most first; returns how many. */
size_t reason_tally_read(const struct reason_tally *tally, int64_t now_ms,
                         struct reason_count out_counts[TALLY_REASONS]);
