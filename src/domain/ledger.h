/* domain/ledger.h: money of a team or a key: reserve before, settle after; a month at a time.
 *
 * Of each calendar month (UTC): spent + reserved <= the limit, always. A reservation is an object with one owner, who
 * settles it with what it really cost, or gives it back; one whose owner forgot it expires. It belongs to the month
 * in which it was made, and so does its cost, as in the job rows: so the sum of the rows is what was spent.
 *
 * A clock that jumps: each month keeps its own account, so that a month to which the clock returns is found as it was
 * left, and is not opened afresh. A month before the first that was opened is never opened.
 *
 *     ledger_init -> ledger_load (what earlier runs spent) -> ledger_reserve -> ledger_settle
 *
 * Thread: whoever owns it; no locks. Money is in micro-dollars, whole ones.
 */
#pragma once
#include "base/list.h"
#include <stdint.h>

#define LEDGER_NONE   (-1) /* no limit */
#define LEDGER_MONTHS 4u   /* accounts that are kept: the newest ones */
#define LEDGER_AMOUNT_MAX \
    INT64_C(1000000000000000) /* of one reservation: a thousand million dollars */

struct ledger_month {
    int32_t month; /* domain/month.h */
    bool is_soft_told;
    int64_t spent_microusd, reserved_microusd;
};

struct ledger {
    int64_t limit_microusd, soft_microusd;     /* of a month; LEDGER_NONE */
    struct ledger_month months[LEDGER_MONTHS]; /* oldest first */
    size_t month_count;
    struct list open; /* reservations, in the order in which they were made */
};

/** Zeroed: none. Lies in its owner, and does not move while it is open. */
struct reservation {
    struct list node;
    int64_t amount_microusd;
    int64_t expires_at_ms; /* monotonic */
    int32_t month;
    bool is_open; /* counted in its month's `reserved` */
    bool is_made; /* and not settled */
};

void ledger_init(struct ledger *ledger);
/** Other limits, in force at once for whoever comes; what was promised stays promised. */
void ledger_change(struct ledger *ledger, int64_t limit_microusd, int64_t soft_microusd);
/** Adds what was spent in this month before the ledger was made; that the soft limit was passed then was told then.
 *  A month before the first that was opened is left alone. */
void ledger_load(struct ledger *ledger, int64_t wall_ms, int64_t spent_microusd);

/** Reserves if it fits; also 0, which always fits. False: nothing changed, and `*out_left_microusd` would have. */
bool ledger_reserve(struct ledger *ledger, struct reservation *reservation, int64_t amount_microusd,
                    int64_t wall_ms, int64_t expires_at_ms, int64_t *out_left_microusd);
/** More of an open reservation, if it fits; less never fails. False: nothing changed. */
bool ledger_resize(struct ledger *ledger, struct reservation *reservation, int64_t amount_microusd,
                   int64_t *out_left_microusd);
/** It is over and cost so much; 0 gives it back. Fine when it was never made, or is settled. True: with this the soft
 *  limit of its month is passed, which is told once. */
bool ledger_settle(struct ledger *ledger, struct reservation *reservation, int64_t cost_microusd);
/** Gives back what nobody settled in time. What they cost may still be settled. Returns how many. */
size_t ledger_expire(struct ledger *ledger, int64_t now_ms);

/** The account of this moment. */
const struct ledger_month *ledger_now(struct ledger *ledger, int64_t wall_ms);
