/* admin/governed.c: what may this team, or this caller, use, and how much of its limits is used now?
 *
 * The answer is the rule that decides, from the very function that routing asks.
 */
#include "admin/endpoints.h"
#include "admin/provider_teams.h"
#include "admin/rights.h"
#include "admin/spent.h"
#include "domain/month.h"
#include "gateway/live_limits.h"

/* ---- access -------------------------------------------------------------------------------------- */

static void write_rule(struct json_writer *writer, const struct access *access,
                       const struct provider *provider, struct str model)
{
    char sentence[256];
    enum access_rule rule = access_decide(access, provider, model);
    access_say(access, provider, model, rule, sentence, sizeof sentence);
    json_put_bool(writer, "allowed", rule == ACCESS_ALLOWED);
    json_put_text(writer, "rule", access_rule_code(rule));
    json_put_text(writer, "sentence", sentence);
}

static void write_provider(struct json_writer *writer, const struct access *access,
                           const struct provider *provider)
{
    json_open_object(writer);
    json_put_text(writer, "id", provider->id);
    json_put_text(writer, "name", provider->name);
    json_put_text(writer, "slug", provider->slug);
    json_put_text(writer, "tier", tier_name(provider_kind_tier(provider->kind)));
    write_rule(writer, access, provider, STR(""));
    json_open_array(writer, "models");
    for (size_t i = 0; i < provider->model_count; i++) {
        if (!provider->models[i].is_surfaced)
            continue;
        json_open_object(writer);
        json_put_text(writer, "id", provider->models[i].id);
        write_rule(writer, access, provider, str_of(provider->models[i].id));
        json_close_object(writer);
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void answer_access(struct api_call *call, const struct snapshot *snapshot,
                          const struct access *access)
{
    struct json_writer *writer = api_answer(call, 200);
    json_put_text(writer, "team", access->team_id);
    json_open_array(writer, "providers");
    for (size_t i = 0; i < snapshot->routing.provider_count; i++)
        if (provider_is_seen(call, snapshot, snapshot->routing.providers[i]))
            write_provider(writer, access, snapshot->routing.providers[i]);
    json_close_array(writer);
    api_done(call);
}

static struct access access_of(const struct team *team, const struct policy *key)
{
    return (struct access){.team_id = team ? team->id : NULL,
                           .team_name = team ? team->name : NULL,
                           .team = team ? &team->policy : NULL,
                           .key = key};
}

/* Of the key that the call came with; NULL: it came without one. */
static const struct principal *principal_of(const struct snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->principal_count; i++)
        if (strcmp(snapshot->principals[i].id, id) == 0)
            return &snapshot->principals[i];
    return NULL;
}

void me_access(struct api_call *call)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct principal *principal = principal_of(snapshot, call->actor);
    struct access access =
        access_of(snapshot_team(snapshot, call->team), principal ? &principal->policy : NULL);
    answer_access(call, snapshot, &access);
    snapshot_unref(snapshot);
}

/* The team of the path, if it exists for the caller; else the call has failed. */
static const struct team *team_of_path(struct api_call *call, const struct snapshot *snapshot)
{
    struct error error = {0};
    struct store_config config = {0};
    const struct rights rights = {call, &config};
    const struct team *team = NULL;
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return NULL;
    }
    if (rights_sees_team(&rights, call->args[0]))
        team = snapshot_team(snapshot, call->args[0]);
    if (!team)
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no team \"%s\".", call->args[0]);
    store_config_release(&config);
    return team;
}

void team_access(struct api_call *call)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct team *team = team_of_path(call, snapshot);
    if (team) {
        struct access access = access_of(team, NULL);
        answer_access(call, snapshot, &access);
    }
    snapshot_unref(snapshot);
}

/* ---- limits as they are used now ----------------------------------------------------------------- */

static void put_known(struct json_writer *writer, const char *name, int64_t value)
{
    if (value >= 0)
        json_put_int(writer, name, value);
    else
        json_put_null(writer, name);
}

static void write_rate(struct json_writer *writer, const char *name, int64_t limit, int64_t used)
{
    json_open_object_named(writer, name);
    put_known(writer, "limit", limit);
    put_known(writer, "used", used);
    json_close_object(writer);
}

static void write_limits(struct json_writer *writer, const struct policy *policy,
                         const struct limits_figures *figures)
{
    char month[16];
    month_name(figures->month, month);
    write_rate(writer, "requests", policy->requests_per_minute, figures->requests_used);
    write_rate(writer, "tokens", policy->tokens_per_minute, figures->tokens_used);
    json_open_object_named(writer, "concurrent");
    put_known(writer, "limit", policy->max_concurrent);
    json_put_int(writer, "running", figures->running);
    json_close_object(writer);
    json_open_object_named(writer, "budget");
    json_put_text(writer, "month", month);
    put_known(writer, "limit_microusd", policy->budget_microusd_per_month);
    put_known(writer, "soft_microusd", policy->budget_soft_microusd_per_month);
    json_put_int(writer, "spent_microusd", figures->spent_microusd);
    json_put_int(writer, "reserved_microusd", figures->reserved_microusd);
    json_close_object(writer);
}

static bool load_spent(struct api_call *call)
{
    struct error error = {0};
    pthread_mutex_lock(&call->admin->config_lock);
    enum err err = spent_load(call->admin, &error);
    pthread_mutex_unlock(&call->admin->config_lock);
    if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

void team_limits(struct api_call *call)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct team *team = team_of_path(call, snapshot);
    if (team && load_spent(call)) {
        struct limits_figures figures;
        live_limits_figures(team->live, &figures);
        struct json_writer *writer = api_answer(call, 200);
        json_put_text(writer, "team", team->id);
        write_limits(writer, &team->policy, &figures);
        api_done(call);
    }
    snapshot_unref(snapshot);
}
