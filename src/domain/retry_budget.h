/* domain/retry_budget.h: failovers may not become the outage. A request's first failover is always
 * allowed; further ones draw on 10 % of the last 10 s' requests plus 10 a second.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RETRY_BUDGET_SECONDS 10
struct retry_budget {                     /* owner: loop; one per loop thread */
    int64_t second[RETRY_BUDGET_SECONDS]; /* which second each slot counts */
    int32_t requests[RETRY_BUDGET_SECONDS], retries[RETRY_BUDGET_SECONDS];
};
void retry_budget_on_request(struct retry_budget *budget, int64_t now_ms);
/** May a second or later failover happen now? Counts it when it may. */
bool retry_budget_take(struct retry_budget *budget, int64_t now_ms);
