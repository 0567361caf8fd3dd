/* domain/ledger.c: see ledger.h. A few accounts, oldest first, and the list of open reservations. */
#include "domain/ledger.h"

#include "domain/month.h"

#include <assert.h>
#include <string.h>

/* ---- months ------------------------------------------------------------------------------------ */

static struct ledger_month *find(struct ledger *ledger, int32_t month)
{
    for (size_t i = 0; i < ledger->month_count; i++)
        if (ledger->months[i].month == month)
            return &ledger->months[i];
    return NULL;
}

/* Puts a new account at `place`. With all places taken the oldest goes, and with it what is open in it: its
 * reservations find no account any more, which only a clock that leaps over months can bring about. */
static struct ledger_month *insert(struct ledger *ledger, size_t place, int32_t month)
{
    if (ledger->month_count == LEDGER_MONTHS) {
        place--;
        memmove(&ledger->months[0], &ledger->months[1], place * sizeof ledger->months[0]);
    } else {
        memmove(&ledger->months[place + 1], &ledger->months[place],
                (ledger->month_count - place) * sizeof ledger->months[0]);
        ledger->month_count++;
    }
    ledger->months[place] = (struct ledger_month){.month = month};
    return &ledger->months[place];
}

static struct ledger_month *account(struct ledger *ledger, int64_t wall_ms)
{
    int32_t month = month_of(wall_ms);
    size_t place = ledger->month_count;
    while (place > 0 && ledger->months[place - 1].month > month)
        place--;
    if (place > 0 && ledger->months[place - 1].month == month)
        return &ledger->months[place - 1];
    if (place == 0 && ledger->month_count > 0)
        return &ledger->months[0]; /* before all that is known: it is not opened again */
    return insert(ledger, place, month);
}

const struct ledger_month *ledger_now(struct ledger *ledger, int64_t wall_ms)
{
    return account(ledger, wall_ms);
}

/* ---- making ------------------------------------------------------------------------------------ */

void ledger_init(struct ledger *ledger)
{
    *ledger = (struct ledger){.limit_microusd = LEDGER_NONE, .soft_microusd = LEDGER_NONE};
    list_init(&ledger->open);
}

void ledger_change(struct ledger *ledger, int64_t limit_microusd, int64_t soft_microusd)
{
    if (soft_microusd != ledger->soft_microusd)
        for (size_t i = 0; i < ledger->month_count; i++)
            ledger->months[i].is_soft_told = false;
    ledger->limit_microusd = limit_microusd;
    ledger->soft_microusd = soft_microusd;
}

static int64_t add(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static bool passes_soft(const struct ledger *ledger, const struct ledger_month *month)
{
    return ledger->soft_microusd != LEDGER_NONE && !month->is_soft_told &&
           month->spent_microusd >= ledger->soft_microusd && month->spent_microusd > 0;
}

void ledger_load(struct ledger *ledger, int64_t wall_ms, int64_t spent_microusd)
{
    assert(spent_microusd >= 0);
    struct ledger_month *month = account(ledger, wall_ms);
    if (month->month != month_of(wall_ms))
        return; /* only later months are open, whose money it is not */
    month->spent_microusd = add(month->spent_microusd, spent_microusd);
    month->is_soft_told |= passes_soft(ledger, month);
}

/* ---- reserving --------------------------------------------------------------------------------- */

static int64_t left_of(const struct ledger *ledger, const struct ledger_month *month)
{
    if (ledger->limit_microusd == LEDGER_NONE)
        return INT64_MAX;
    int64_t committed = add(month->spent_microusd, month->reserved_microusd);
    return committed < ledger->limit_microusd ? ledger->limit_microusd - committed : 0;
}

bool ledger_reserve(struct ledger *ledger, struct reservation *reservation, int64_t amount_microusd,
                    int64_t wall_ms, int64_t expires_at_ms, int64_t *out_left_microusd)
{
    assert(amount_microusd >= 0 && amount_microusd <= LEDGER_AMOUNT_MAX);
    assert(!reservation->is_made);
    struct ledger_month *month = account(ledger, wall_ms);
    int64_t left = left_of(ledger, month);
    if (amount_microusd > left) {
        *out_left_microusd = left;
        return false;
    }
    *reservation = (struct reservation){.amount_microusd = amount_microusd,
                                        .expires_at_ms = expires_at_ms,
                                        .month = month->month,
                                        .is_open = true,
                                        .is_made = true};
    month->reserved_microusd += amount_microusd; /* far from the end of the numbers */
    list_push_back(&ledger->open, &reservation->node);
    return true;
}

bool ledger_resize(struct ledger *ledger, struct reservation *reservation, int64_t amount_microusd,
                   int64_t *out_left_microusd)
{
    assert(amount_microusd >= 0 && amount_microusd <= LEDGER_AMOUNT_MAX);
    assert(reservation->is_made);
    struct ledger_month *month = reservation->is_open ? find(ledger, reservation->month) : NULL;
    *out_left_microusd = month ? left_of(ledger, month) : 0;
    int64_t more = amount_microusd - reservation->amount_microusd;
    if (!month || more > *out_left_microusd)
        return false;
    month->reserved_microusd += more;
    reservation->amount_microusd = amount_microusd;
    return true;
}

/* ---- ending ------------------------------------------------------------------------------------ */

/* It does not count any more. */
static void close(struct ledger *ledger, struct reservation *reservation)
{
    struct ledger_month *month = find(ledger, reservation->month);
    if (month)
        month->reserved_microusd -= reservation->amount_microusd;
    list_unlink(&reservation->node);
    reservation->is_open = false;
}

bool ledger_settle(struct ledger *ledger, struct reservation *reservation, int64_t cost_microusd)
{
    assert(cost_microusd >= 0);
    if (!reservation->is_made)
        return false;
    if (reservation->is_open)
        close(ledger, reservation);
    reservation->is_made = false;
    struct ledger_month *month = find(ledger, reservation->month);
    if (!month)
        return false;
    month->spent_microusd = add(month->spent_microusd, cost_microusd);
    if (!passes_soft(ledger, month))
        return false;
    month->is_soft_told = true;
    return true;
}

size_t ledger_expire(struct ledger *ledger, int64_t now_ms)
{
    size_t count = 0;
    while (!list_is_empty(&ledger->open)) {
        struct reservation *oldest = LIST_OWNER(ledger->open.next, struct reservation, node);
        if (oldest->expires_at_ms > now_ms)
            break;
        close(ledger, oldest);
        count++;
    }
    return count;
}
