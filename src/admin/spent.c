/* admin/spent.c: see spent.h. */
#include "admin/spent.h"

#include "domain/month.h"
#include "gateway/live_limits.h"
#include "store/usage.h"
#include "sys/clock.h"

#define START_DRAIN_MS 60000 /* for what a crash left in the journals */
#define DRAIN_MS       1000

struct loading {
    struct limits_registry *registry;
    int64_t wall_ms;
};

/* A cost with a team and a key counts for both; rows of who is gone count for nobody. */
static void on_spent(void *arg, const char *team_id, const char *key_id, int64_t cost_microusd)
{
    const struct loading *loading = arg;
    const char *ids[] = {team_id, key_id};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct live_limits *live =
            ids[i] && ids[i][0] ? limits_registry_find(loading->registry, ids[i]) : NULL;
        if (live && cost_microusd > 0)
            live_limits_load(live, loading->wall_ms, cost_microusd);
    }
}

/* What is read before all is in the tables would be too little for the rest of the month. */
static enum err drain(struct admin *admin, struct error *error)
{
    bool is_start = admin->started_at_ms == 0;
    enum err err = store_drain(admin->options.store, is_start ? START_DRAIN_MS : DRAIN_MS);
    if (err == OK)
        return OK;
    return error_set(error, err,
                     "what was spent this month is not known, because the journal is not in the "
                     "tables yet: %s",
                     is_start ? "start again, and it goes on where it ended"
                              : "it is tried again each second");
}

/* Jobs that were created before this process was are closed once the leftovers are replayed. At the start all that is
 * there is theirs, also what a clock that was ahead put into the future. */
enum err spent_load(struct admin *admin, struct error *error)
{
    if (admin->has_spent)
        return OK;
    int64_t start_ms = admin->started_at_ms ? admin->started_at_ms : clock_wall_ms();
    int32_t month = month_of(start_ms);
    int64_t until_ms = admin->started_at_ms ? start_ms : month_start_ms(month + 1);
    struct loading loading = {live_registry_limits(admin->registry), start_ms};
    enum err err = drain(admin, error);
    if (err == OK && until_ms > month_start_ms(month))
        err = store_usage_spent(admin->options.store, month_start_ms(month), until_ms, on_spent,
                                &loading, error);
    admin->has_spent = err == OK;
    return err;
}

static bool has_budget(const struct policy *policy)
{
    return policy->budget_microusd_per_month >= 0 || policy->budget_soft_microusd_per_month >= 0;
}

enum err spent_load_for(struct admin *admin, const struct snapshot *snapshot, struct error *error)
{
    bool is_needed = false;
    for (size_t i = 0; i < snapshot->team_count && !is_needed; i++)
        is_needed = has_budget(&snapshot->teams[i].policy);
    for (size_t i = 0; i < snapshot->principal_count && !is_needed; i++)
        is_needed = has_budget(&snapshot->principals[i].policy);
    return is_needed ? spent_load(admin, error) : OK;
}
