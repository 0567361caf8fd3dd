/* gateway/receipt.h: the server's own time, by phase: X-Auxot-Timing, and the job's timing. Inside the room only.
 *
 * Whoever does the work of a phase adds what it took. The clock is read, not the loop's time of this turn: a phase takes
 * a few microseconds. About a dozen readings a request are all that it costs; `relay` would take two for each
 * read of a stream, so it is measured only for callers who ask for the receipt.
 *
 * Thread: the request's loop.
 */
#pragma once
#include "base/buf.h"
#include "domain/receipt_phase.h"
#include "sys/clock.h"
#include <stdbool.h>

struct receipt {
    int64_t ns[PHASE_COUNT];
    unsigned seen;  /* bits of phases that came */
    bool is_wanted; /* X-Auxot-Timing: 1 */
    int64_t connect_from, hold_from, record_from;
    int64_t admit_from, relay_from; /* 0: not under way */
};

/** Adds `ns` to the phase. */
static inline void receipt_add(struct receipt *receipt, enum receipt_phase phase, int64_t ns)
{
    receipt->ns[phase] += ns;
    receipt->seen |= 1u << phase;
}
/** Adds the time since `from`; returns now, from which the next phase may count. */
static inline int64_t receipt_since(struct receipt *receipt, enum receipt_phase phase, int64_t from)
{
    int64_t now = clock_monotonic_ns();
    receipt_add(receipt, phase, now - from);
    return now;
}
/** Admitted, or turned away: whichever comes first. */
static inline void receipt_admit_end(struct receipt *receipt)
{
    if (receipt->admit_from)
        (void)receipt_since(receipt, PHASE_ADMIT, receipt->admit_from);
    receipt->admit_from = 0;
}
/** Relaying: begins, if the receipt is wanted; so far. The closing record ends it (relay_from = 0). */
static inline void receipt_relay_begin(struct receipt *receipt)
{
    if (receipt->is_wanted)
        receipt->relay_from = clock_monotonic_ns();
}
static inline void receipt_relay(struct receipt *receipt)
{
    if (receipt->relay_from)
        receipt->relay_from = receipt_since(receipt, PHASE_RELAY, receipt->relay_from);
}

/** In microseconds; -1: the phase did not come, or was not measured. */
int64_t receipt_us(const struct receipt *receipt, enum receipt_phase phase);
/** "x-auxot-timing: auth;dur=0.004, parse;dur=0.012": milliseconds, as Server-Timing has them. Nothing unless wanted. */
void receipt_header(const struct receipt *receipt, struct buf *out);
