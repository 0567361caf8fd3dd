/* admin/config_sections.c: what is particular to each kind of row in the file of all configuration: how an entry is found again, made
 * and filled. The table at the end is the list of kinds.
 */
#include "admin/config_plan.h"
#include "admin/key_issue.h"
#include "admin/policy_field.h"
#include "admin/provider_models.h"
#include "admin/routes.h"
#include "admin/row_fields.h"
#include "admin/team_issue.h"
#include "sys/clock.h"
#include "sys/random.h"

#include <stdio.h>

#define TEAMS_MAX    10000u
#define ACCOUNTS_MAX 10000u

/* Created in the order of the file: what is told apart by time stays in it. */
int64_t plan_new_id(struct config_plan *plan, const char *prefix, char id[ID_MAX])
{
    uint8_t random[10];
    int64_t at_ms = clock_wall_ms() + (int64_t)plan->index;
    random_fill(random, sizeof random);
    id_make(prefix, at_ms, random, id);
    return at_ms;
}

/* ---- providers: config_providers.c ----------------------------------------------------------------- */

static void provider_release(void *row)
{
    provider_row_release(row);
}

static void provider_name(const struct store_config *config, const void *row, char *room,
                          size_t room_bytes)
{
    (void)config;
    str_copy(str_of(((const struct provider_row *)row)->slug), room, room_bytes);
}

/* ---- teams and their service accounts ------------------------------------------------------------ */

static size_t team_find(const struct config_plan *plan, struct json entry)
{
    struct str name = json_string_or_empty(json_get(entry, "name"));
    for (size_t i = 0; i < plan->wanted.team_count; i++)
        if (str_ieq(str_of(plan->wanted.teams[i].name), name))
            return i;
    return CONFIG_NO_ROW;
}

static bool team_make(struct config_plan *plan, struct json entry, void *into)
{
    struct team_row *row = into;
    struct str name = json_string_or_empty(json_get(entry, "name"));
    struct error error = {0};
    if (team_name_check(name, &error) != OK)
        return plan_fail(plan, "name", "%s", error.text);
    if (plan->wanted.team_count >= TEAMS_MAX)
        return plan_fail(plan, NULL, "There may be at most %u teams.", TEAMS_MAX);
    str_copy(name, row->name, sizeof row->name);
    row->created_at_ms = plan_new_id(plan, "tea_", row->id);
    row->rev = 1;
    return true;
}

static size_t account_at(const struct config_plan *plan, const struct team_row *team,
                         struct str name)
{
    const struct service_account_row *rows = plan->wanted.service_accounts;
    for (size_t i = 0; i < plan->wanted.service_account_count; i++)
        if (strcmp(rows[i].team_id, team->id) == 0 && str_ieq(str_of(rows[i].name), name))
            return i;
    return CONFIG_NO_ROW;
}

static bool account_add(struct config_plan *plan, const struct team_row *team, struct str name)
{
    struct error error = {0};
    if (account_at(plan, team, name) != CONFIG_NO_ROW)
        return true;
    if (team_name_check(name, &error) != OK)
        return plan_fail(plan, "service_accounts",
                         "A service account needs a name of 1 to 63 bytes, without blanks at its "
                         "ends.");
    if (plan->wanted.service_account_count >= ACCOUNTS_MAX)
        return plan_fail(plan, "service_accounts", "There may be at most %u service accounts.",
                         ACCOUNTS_MAX);
    struct service_account_row *row = plan_grow(plan, &config_sections[CONFIG_ACCOUNT]);
    if (!row)
        return false;
    str_copy(name, row->name, sizeof row->name);
    str_copy(str_of(team->id), row->team_id, sizeof row->team_id);
    row->created_at_ms = plan_new_id(plan, "svc_", row->id);
    row->rev = 1;
    return true;
}

static bool is_listed(struct json list, const char *name)
{
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (str_ieq(json_string_or_empty(each.value), str_of(name)))
            return true;
    return false;
}

static bool accounts_fill(struct config_plan *plan, const struct team_row *team, struct json list)
{
    if (json_type_of(list) == JSON_ABSENT)
        return true;
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (!account_add(plan, team, json_string_or_empty(each.value)))
            return false;
    for (size_t i = plan->wanted.service_account_count; i-- > 0;) {
        const struct service_account_row *row = &plan->wanted.service_accounts[i];
        if (strcmp(row->team_id, team->id) != 0 || is_listed(list, row->name))
            continue;
        if (plan->prune)
            plan_drop(plan, &config_sections[CONFIG_ACCOUNT], i);
        else
            plan_keep(plan, &config_sections[CONFIG_ACCOUNT], row);
    }
    return true;
}

static bool team_fill(struct config_plan *plan, struct json entry, void *into)
{
    struct team_row *row = into;
    str_copy(json_string_or_empty(json_get(entry, "name")), row->name, sizeof row->name);
    if (!policy_field(plan_entry(plan, entry), &plan->wanted, &row->policy_json))
        return plan_entry_is_good(plan);
    return accounts_fill(plan, row, json_get(entry, "service_accounts"));
}

static void team_release(void *row)
{
    team_row_release(row);
}

static void team_name(const struct store_config *config, const void *row, char *room,
                      size_t room_bytes)
{
    (void)config;
    str_copy(str_of(((const struct team_row *)row)->name), room, room_bytes);
}

static void account_name(const struct store_config *config, const void *given, char *room,
                         size_t room_bytes)
{
    const struct service_account_row *row = given;
    snprintf(room, room_bytes, "%s/%s", config_team_name(config, str_of(row->team_id)), row->name);
}

/* ---- routes -------------------------------------------------------------------------------------- */

static size_t route_find(const struct config_plan *plan, struct json entry)
{
    struct str name = json_string_or_empty(json_get(entry, "name"));
    for (size_t i = 0; i < plan->wanted.route_count; i++)
        if (str_eq(str_of(plan->wanted.routes[i].name), name))
            return i;
    return CONFIG_NO_ROW;
}

static bool route_make(struct config_plan *plan, struct json entry, void *into)
{
    struct route_row *row = into;
    str_copy(json_string_or_empty(json_get(entry, "name")), row->name, sizeof row->name);
    row->created_at_ms = plan_new_id(plan, "rte_", row->id);
    row->rev = 1;
    return true;
}

static bool route_fill(struct config_plan *plan, struct json entry, void *into)
{
    (void)route_fields(plan_entry(plan, entry), &plan->wanted, into);
    return plan_entry_is_good(plan);
}

static void route_release(void *row)
{
    route_row_release(row);
}

static void route_name(const struct store_config *config, const void *row, char *room,
                       size_t room_bytes)
{
    (void)config;
    str_copy(str_of(((const struct route_row *)row)->name), room, room_bytes);
}

/* ---- prices -------------------------------------------------------------------------------------- */

static size_t price_place(const struct config_plan *plan, struct json entry)
{
    char provider[128];
    struct str model = json_string_or_empty(json_get(entry, "model"));
    str_copy(json_string_or_empty(json_get(entry, "provider")), provider, sizeof provider);
    const struct provider_row *row = provider[0] ? config_provider(&plan->wanted, provider) : NULL;
    for (size_t i = 0; (row || !provider[0]) && i < plan->wanted.price_count; i++)
        if (str_eq(str_of(plan->wanted.prices[i].model), model) &&
            strcmp(plan->wanted.prices[i].provider_id, row ? row->id : "") == 0)
            return i;
    return CONFIG_NO_ROW;
}

/* Both are the handler's own reading: of a new one, and of one that is there. */
static bool price_take(struct config_plan *plan, struct json entry, void *into)
{
    const struct price_row *before = NULL;
    struct price_row made = {.rev = 0};
    if (!price_row_make(plan_entry(plan, entry), &plan->wanted, &before, &made))
        return plan_entry_is_good(plan);
    memcpy(into, &made, sizeof made);
    return true;
}

static void price_name(const struct store_config *config, const void *given, char *room,
                       size_t room_bytes)
{
    const struct price_row *row = given;
    const char *slug = config_provider_slug(config, str_of(row->provider_id));
    snprintf(room, room_bytes, "%s%s%s", row->model, slug[0] ? " at " : "", slug);
}

/* ---- the kinds ----------------------------------------------------------------------------------- */

#define ROWS(list)                                           \
    .rows_at = offsetof(struct store_config, list##s),       \
    .count_at = offsetof(struct store_config, list##_count), \
    .row_bytes = sizeof(struct list##_row)

/* clang-format off */
const struct config_section config_sections[CONFIG_AUTO] = {
    [CONFIG_PROVIDER] = {
        .section = "providers", .kind = "provider", ROWS(provider),
        .find = config_provider_find, .make = config_provider_make, .fill = config_provider_fill, .release = provider_release,
        .name = provider_name, .write = config_provider_write,
        .created = "provider.created", .updated = "provider.updated", .deleted = "provider.deleted",
        .insert = CONFIG_WRITE_PROVIDER_INSERT, .update = CONFIG_WRITE_PROVIDER_UPDATE, .remove = CONFIG_WRITE_PROVIDER_DELETE,
    },
    [CONFIG_TEAM] = {
        .section = "teams", .kind = "team", ROWS(team),
        .find = team_find, .make = team_make, .fill = team_fill, .release = team_release,
        .name = team_name, .write = config_team_write,
        .created = "team.created", .updated = "team.updated", .deleted = "team.deleted",
        .insert = CONFIG_WRITE_TEAM_INSERT, .update = CONFIG_WRITE_TEAM_UPDATE, .remove = CONFIG_WRITE_TEAM_DELETE,
    },
    [CONFIG_ROUTE] = {
        .section = "routes", .kind = "route", ROWS(route),
        .find = route_find, .make = route_make, .fill = route_fill, .release = route_release,
        .name = route_name, .write = config_route_write,
        .created = "route.created", .updated = "route.updated", .deleted = "route.deleted",
        .insert = CONFIG_WRITE_ROUTE_INSERT, .update = CONFIG_WRITE_ROUTE_UPDATE, .remove = CONFIG_WRITE_ROUTE_DELETE,
    },
    [CONFIG_PRICE] = {
        .section = "prices", .kind = "price", ROWS(price),
        .find = price_place, .make = price_take, .fill = price_take,
        .name = price_name, .write = config_price_write,
        .created = "price.created", .updated = "price.updated", .deleted = "price.deleted",
        .insert = CONFIG_WRITE_PRICE_PUT, .update = CONFIG_WRITE_PRICE_PUT, .remove = CONFIG_WRITE_PRICE_DELETE,
    },
    [CONFIG_ACCOUNT] = {
        .kind = "service_account", ROWS(service_account),
        .name = account_name, .write = config_account_write,
        .created = "service_account.created", .deleted = "service_account.deleted",
        .insert = CONFIG_WRITE_ACCOUNT_INSERT, .remove = CONFIG_WRITE_ACCOUNT_DELETE,
    },
};
/* clang-format on */
