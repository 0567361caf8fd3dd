/* domain/plan.c: see plan.h. */
#include "domain/plan.h"

#include <assert.h>

static const struct {
    const char *name;
    size_t providers_of_type; /* 0: no limit */
    bool has_assignment;
} plans[] = {
    [PLAN_FREE] = {"free", 1, false},
    [PLAN_TEAM] = {"team", 0, false},
    [PLAN_BUSINESS] = {"business", 0, true},
    [PLAN_ENTERPRISE] = {"enterprise", 0, true},
};
static_assert(sizeof plans / sizeof plans[0] == PLAN_COUNT, "a row each");

const char *plan_name(enum plan plan)
{
    assert(plan < PLAN_COUNT);
    return plans[plan].name;
}

bool plan_parse(struct str name, enum plan *out_plan)
{
    for (enum plan plan = PLAN_FREE; plan < PLAN_COUNT; plan++)
        if (str_eq(name, str_of(plans[plan].name))) {
            *out_plan = plan;
            return true;
        }
    return false;
}

enum err plan_check_provider(enum plan plan, const char *type, size_t count, struct error *error)
{
    size_t most = plans[plan].providers_of_type;
    if (most == 0 || count < most)
        return OK;
    return error_set(error, ERR_DENIED,
                     "The plan %s has %zu provider of each type, and there is one of type %s. The "
                     "plan team lifts this limit (AUXOT_PLAN).",
                     plans[plan].name, most, type);
}

enum err plan_check_assignment(enum plan plan, struct error *error)
{
    if (plans[plan].has_assignment)
        return OK;
    return error_set(error, ERR_DENIED,
                     "The plan %s shares providers among all teams. The plans business and "
                     "enterprise assign them to teams (AUXOT_PLAN).",
                     plans[plan].name);
}
