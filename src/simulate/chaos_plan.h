/* simulate/chaos_plan.h: what the chaos proxy does to the bytes, per direction, and its form as JSON.
 *
 *     {"mode": "forward", "seed": 7, "to_server": {"delay_ms": 200}, "to_client": {"cut_after": 913}}
 *
 * Layer:   pure; the link (chaos_link.h) does what is planned.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum chaos_mode {
    CHAOS_FORWARD,   /* connections are accepted and led on, with the trouble below */
    CHAOS_BLACKHOLE, /* accepted and read, never led on */
    CHAOS_DEAF,      /* not accepted: packets of new connections are dropped by the kernel */
    CHAOS_REFUSE,    /* nobody listens */
    CHAOS_MODE_COUNT
};

/** Trouble in one direction. Counts begin with the connection, and anew with each change of plan. */
struct chaos_trouble {
    int64_t delay_ms;                    /* each byte so much later; 0: none */
    int64_t trickle_bytes, trickle_ms;   /* so many bytes each so many ms; 0: as they come */
    int64_t corrupt_every;               /* the n-th, 2n-th ... byte is changed; 0: none */
    int64_t cut_after, half_close_after; /* -1: never. FIN to both; FIN to the reader only */
    int64_t reset_after, silence_after;  /* -1: never. RST to both; swallow the rest */
};

struct chaos_plan {
    enum chaos_mode mode;
    int64_t seed; /* of the corruption */
    struct chaos_trouble to_server, to_client;
};

void chaos_plan_init(struct chaos_plan *plan); /* no trouble at all */
/** Reads a whole plan; what it does not name is no trouble. ERR_MALFORMED with a sentence that names the
 *  key, ERR_NO_MEMORY. */
MUST_USE enum err chaos_plan_read(struct str json, struct chaos_plan *out_plan,
                                  struct error *error);
/** Appends the plan as JSON, every key of it. */
void chaos_plan_write(const struct chaos_plan *plan, struct buf *out);

/** How many bytes may pass before the first of the `_after` keys strikes; INT64_MAX: none will. */
int64_t chaos_trouble_strikes_after(const struct chaos_trouble *trouble);
/** Changes the bytes whose turn it is. `position` is the number of bytes that passed before them. */
void chaos_trouble_corrupt(const struct chaos_trouble *trouble, uint64_t seed, uint64_t position,
                           char *bytes, size_t len);
