/* http/body_budget.c: how many bytes of request bodies the whole process holds. */
#include "http/server_parts.h"

static _Atomic int64_t budget_used;
static _Atomic int64_t budget_limit = INT64_C(256) << 20;

void body_budget_set(int64_t limit_bytes)
{
    atomic_store(&budget_limit, limit_bytes);
}

void body_budget_return(size_t bytes)
{
    atomic_fetch_sub_explicit(&budget_used, (int64_t)bytes, memory_order_relaxed);
}

int64_t body_budget_used(void)
{
    return atomic_load_explicit(&budget_used, memory_order_relaxed);
}

bool body_budget_take(size_t bytes)
{
    int64_t before = atomic_fetch_add_explicit(&budget_used, (int64_t)bytes, memory_order_relaxed);
    if (before + (int64_t)bytes <= atomic_load_explicit(&budget_limit, memory_order_relaxed))
        return true;
    body_budget_return(bytes);
    return false;
}

void body_budget_overdraw(size_t bytes)
{
    atomic_fetch_add_explicit(&budget_used, (int64_t)bytes, memory_order_relaxed);
}

bool body_budget_is_spent(void)
{
    return body_budget_used() >= atomic_load(&budget_limit);
}
