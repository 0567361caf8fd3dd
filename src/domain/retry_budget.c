/* domain/retry_budget.c: a window of ten one-second slots, reused in turn.
 *
 * In any ten seconds: at most a tenth of the requests, and on top a hundred (10 a second), which keeps
 * a quiet server able to fail over at all.
 */
#include "domain/retry_budget.h"

#include <stddef.h>

#define RETRIES_PER_SECOND 10

/* The slot of this second, emptied if it still counts an older one. */
static size_t slot_of(struct retry_budget *budget, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    size_t slot = (size_t)((uint64_t)second % RETRY_BUDGET_SECONDS);
    if (budget->second[slot] != second) {
        budget->second[slot] = second;
        budget->requests[slot] = 0;
        budget->retries[slot] = 0;
    }
    return slot;
}

void retry_budget_on_request(struct retry_budget *budget, int64_t now_ms)
{
    size_t slot = slot_of(budget, now_ms);
    if (budget->requests[slot] < INT32_MAX)
        budget->requests[slot]++;
}

bool retry_budget_take(struct retry_budget *budget, int64_t now_ms)
{
    size_t now_slot = slot_of(budget, now_ms);
    int64_t second = now_ms / 1000, requests = 0, retries = 0;

    for (size_t i = 0; i < RETRY_BUDGET_SECONDS; i++) {
        if (second - budget->second[i] >= RETRY_BUDGET_SECONDS)
            continue;
        requests += budget->requests[i];
        retries += budget->retries[i];
    }
    if (retries >= requests / 10 + RETRY_BUDGET_SECONDS * RETRIES_PER_SECOND)
        return false;
    budget->retries[now_slot]++;
    return true;
}
