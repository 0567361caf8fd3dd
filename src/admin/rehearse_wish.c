/* admin/rehearse_wish.c: the body of POST /api/routing/rehearse.
 *
 * Changes are read by the very functions that read them where they are made, over rows of the configuration that nobody
 * writes back: what would be refused there is refused here, in the same words.
 */
#include "admin/rehearse_parts.h"

#include "admin/api.h"
#include "admin/provider_fields.h"
#include "admin/provider_models.h"
#include "admin/policy_field.h"
#include "admin/routes.h"
#include "admin/routing.h"
#include "sys/clock.h"

#define WINDOW_MAX_MS (INT64_C(31) * 24 * 3600 * 1000)
#define ROUTES_MAX    10000u

/* ---- the window and the faults ------------------------------------------------------------------- */

static bool window_fields(struct api_call *call, struct rehearse_wish *wish)
{
    int64_t show = 0;
    wish->until_ms = clock_wall_ms() + 1;
    wish->since_ms = -1;
    if (!api_int(call, "until", 0, INT64_MAX / 2, &wish->until_ms) ||
        !api_int(call, "since", 0, INT64_MAX / 2, &wish->since_ms) ||
        !api_int(call, "show", 0, REHEARSE_SHOW_MAX, &show))
        return false;
    if (wish->since_ms < 0)
        wish->since_ms =
            wish->until_ms > REHEARSE_WINDOW_MS ? wish->until_ms - REHEARSE_WINDOW_MS : 0;
    wish->show = (size_t)show;
    if (wish->since_ms < wish->until_ms && wish->until_ms - wish->since_ms <= WINDOW_MAX_MS)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "since",
             "since must lie before until, by at most 31 days.");
    return false;
}

static bool fault_put(struct api_call *call, const struct store_config *config, struct json fault,
                      struct rehearse_wish *wish)
{
    char name[128];
    str_copy(json_string_or_empty(json_get(fault, "provider")), name, sizeof name);
    const struct provider_row *row = config_provider(config, name);
    if (!row || wish->fault_count == REHEARSE_FAULTS_MAX) {
        api_fail(call, PROBLEM_INVALID_FIELD, "faults",
                 "faults: provider must be the id or slug of a provider.");
        return false;
    }
    struct rehearse_fault_at *at = &wish->faults[wish->fault_count++];
    str_copy(str_of(row->id), at->provider, sizeof at->provider);
    (void)rehearse_fault_parse(json_string_or_empty(json_get(fault, "fault")), &at->fault);
    return true;
}

static bool faults_field(struct api_call *call, const struct store_config *config,
                         struct rehearse_wish *wish)
{
    struct json faults = json_get(call->root, "faults");
    for (struct json_cursor each = json_each(faults); json_next(&each);)
        if (!fault_put(call, config, each.value, wish))
            return false;
    return true;
}

/* ---- changes: each is read as if it were the whole body ------------------------------------------ */

typedef bool change_read(struct api_call *call, struct store_config *config);

static bool provider_change(struct api_call *call, struct store_config *config)
{
    char name[128];
    str_copy(json_string_or_empty(json_get(call->root, "provider")), name, sizeof name);
    struct provider_row *row = config_provider(config, name);
    if (row)
        return provider_change_fields(call, config, row);
    api_fail(call, PROBLEM_INVALID_FIELD, "changes",
             "changes: provider must be the id or slug of a provider.");
    return false;
}

/* The route of that name, which is made when there is none. NULL: no room. */
static struct route_row *route_named(struct store_config *config, struct str name)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (str_eq(str_of(config->routes[i].name), name))
            return &config->routes[i];
    struct route_row *grown =
        config->route_count < ROUTES_MAX
            ? mem_realloc(config->routes, (config->route_count + 1) * sizeof *grown)
            : NULL;
    if (!grown)
        return NULL;
    config->routes = grown;
    struct route_row *row = &grown[config->route_count++];
    *row = (struct route_row){.id = "rte_proposed"};
    str_copy(name, row->name, sizeof row->name);
    return row;
}

static bool route_change(struct api_call *call, struct store_config *config)
{
    struct route_row *row = route_named(config, json_string_or_empty(json_get(call->root, "name")));
    if (row)
        return route_fields(call, config, row);
    api_fail(call, PROBLEM_OVERLOADED, NULL, "No room for another route.");
    return false;
}

static bool team_change(struct api_call *call, struct store_config *config)
{
    struct str wanted = json_string_or_empty(json_get(call->root, "team"));
    for (size_t i = 0; i < config->team_count; i++)
        if (str_eq(str_of(config->teams[i].id), wanted) ||
            str_ieq(str_of(config->teams[i].name), wanted))
            return policy_field(call, config, &config->teams[i].policy_json);
    api_fail(call, PROBLEM_INVALID_FIELD, "changes",
             "changes: team must be the id or name of a team.");
    return false;
}

static bool each_change(struct api_call *call, struct store_config *config, struct json list,
                        change_read *read)
{
    struct json body = call->root;
    bool is_good = true;
    for (struct json_cursor each = json_each(list); is_good && json_next(&each);) {
        call->root = each.value;
        is_good = read(call, config);
    }
    call->root = body;
    return is_good;
}

static bool auto_change(struct api_call *call, struct store_config *config, struct json changes)
{
    struct json body = call->root;
    if (json_type_of(json_get(changes, "auto")) == JSON_ABSENT)
        return true;
    call->root = changes;
    bool is_good = routing_auto_field(call, config, config->auto_provider, config->auto_model);
    call->root = body;
    return is_good;
}

static bool changes_field(struct api_call *call, struct store_config *config)
{
    struct json changes = json_get(call->root, "changes");
    return each_change(call, config, json_get(changes, "providers"), provider_change) &&
           auto_change(call, config, changes) &&
           each_change(call, config, json_get(changes, "routes"), route_change) &&
           each_change(call, config, json_get(changes, "teams"), team_change);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

bool rehearse_wish_read(struct api_call *call, struct store_config *out_proposed,
                        struct rehearse_wish *out_wish)
{
    struct error error = {0};
    out_wish->deadline_ms = call->deadline_ms;
    if (!window_fields(call, out_wish))
        return false;
    if (store_config_load(call->admin->options.store, out_proposed, &error) != OK) {
        api_fail_error(call, &error);
        return false;
    }
    if (!faults_field(call, out_proposed, out_wish) || !changes_field(call, out_proposed))
        return false;
    if (json_says_something(json_get(call->root, "changes")))
        out_wish->proposed = out_proposed;
    return true;
}
