/* admin/routing.c: /api/routing: the Auto default; and the dry run, which asks the very function that live
 * traffic asks, with faults put into its view of the providers.
 */
#include "admin/routing.h"

#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "sys/clock.h"

#include <stdio.h>

#define MANY_WAITING INT64_C(1000000000) /* above every threshold */

/* ---- the Auto default ---------------------------------------------------------------------------- */

static void write_auto(struct json_writer *writer, const char *provider_id, const char *model,
                       const struct store_config *config)
{
    const struct provider_row *row = provider_id[0] ? config_provider(config, provider_id) : NULL;
    if (!provider_id[0]) {
        json_put_null(writer, "auto");
        return;
    }
    json_open_object_named(writer, "auto");
    json_put_text(writer, "provider", provider_id);
    json_put_text(writer, "provider_name", row ? row->name : NULL);
    json_put_text(writer, "model", model[0] ? model : NULL);
    json_close_object(writer);
}

void routing_read(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    bool is_seen =
        provider_is_seen(call, snapshot, snapshot_provider(snapshot, config.auto_provider));
    struct json_writer *writer = api_answer(call, 200);
    write_auto(writer, is_seen ? config.auto_provider : "", config.auto_model, &config);
    snapshot_unref(snapshot);
    json_put_int(writer, "version", config.version);
    api_done(call);
    store_config_release(&config);
}

/* {provider, model} | null, into ids. False: the call has failed. */
static bool auto_field(struct api_call *call, const struct store_config *config,
                       char provider_id[ID_MAX], char model[200])
{
    struct json wanted = json_get(call->root, "auto");
    char name[128];
    provider_id[0] = model[0] = '\0';
    if (json_type_of(wanted) == JSON_NULL)
        return true;
    str_copy(json_string_or_empty(json_get(wanted, "provider")), name, sizeof name);
    const struct provider_row *row = config_provider(config, name);
    if (!row) {
        api_fail(call, PROBLEM_INVALID_FIELD, "auto",
                 "auto: provider must be the id or slug of a provider.");
        return false;
    }
    str_copy(str_of(row->id), provider_id, ID_MAX);
    str_copy(json_string_or_empty(json_get(wanted, "model")), model, 200);
    return true;
}

static bool model_is_known(struct api_call *call, const char *provider_id, const char *model)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, provider_id);
    bool is_known = !model[0] || (provider && provider_model(provider, str_of(model)));
    snapshot_unref(snapshot);
    if (!is_known)
        api_fail(call, PROBLEM_INVALID_FIELD, "auto", "That provider has no model \"%.100s\".",
                 model);
    return is_known;
}

bool routing_auto_field(struct api_call *call, const struct store_config *config,
                        char provider_id[ID_MAX], char model[200])
{
    return auto_field(call, config, provider_id, model) && model_is_known(call, provider_id, model);
}

static enum err auto_store(struct api_call *call, const struct store_config *config,
                           const char *provider_id, const char *model, struct error *error)
{
    AUTO_BUF struct buf before = {0}, after = {0};
    struct json_writer writer;
    buf_init(&before, 4096);
    buf_init(&after, 4096);
    json_writer_init(&writer, &before);
    json_open_object(&writer);
    write_auto(&writer, config->auto_provider, config->auto_model, config);
    json_close_object(&writer);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    write_auto(&writer, provider_id, model, config);
    json_close_object(&writer);
    struct event_row event = event_make(call->actor, "routing.updated", "auto");
    event.before_json = before.data;
    event.after_json = after.data;
    return store_auto_set(call->admin->options.store, provider_id, model, &event, error);
}

void routing_update(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    char provider_id[ID_MAX], model[200];
    if (json_type_of(json_get(call->root, "auto")) == JSON_ABSENT) {
        routing_read(call); /* nothing asked, nothing changed */
        return;
    }
    if (!change_begin(&change, call->admin, call))
        return;
    if (api_is_stale(call, change.config.version))
        api_fail(call, PROBLEM_STALE, "version",
                 "The configuration is at version %lld; the change was made for %s.",
                 (long long)change.config.version, call->if_match);
    else
        (void)routing_auto_field(call, &change.config, provider_id, model);
    if (api_has_failed(call)) {
        change_drop(&change);
        return;
    }
    enum err err = auto_store(call, &change.config, provider_id, model, &error);
    if (change_end(&change, err, &error))
        routing_read(call);
}

/* ---- the dry run --------------------------------------------------------------------------------- */

struct dry_run {
    struct api_call *call;
    struct snapshot *snapshot;
    struct provider_view *views;
    struct route_plan *plan;
    char model[256], pin[128];
    struct access access; /* whose policy counts */
    enum endpoint endpoint;
    unsigned needs;
    int64_t prompt_tokens;
};

/* What words mean; that they are known, the dispatcher has seen. */
static void endpoint_field(struct dry_run *run)
{
    struct str wanted = json_string_or_empty(json_get(run->call->root, "endpoint"));
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        if (str_eq(str_of(endpoint_facts((enum endpoint)i)->name), wanted))
            run->endpoint = (enum endpoint)i;
}

static void needs_field(struct dry_run *run)
{
    static const struct {
        struct str name;
        enum route_need need;
    } known[] = {
        {STR_INIT("tools"), NEEDS_TOOLS},
        {STR_INIT("images"), NEEDS_IMAGES},
        {STR_INIT("json_schema"), NEEDS_SCHEMA},
    };
    struct json needs = json_get(run->call->root, "needs");
    for (struct json_cursor each = json_each(needs); json_next(&each);)
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (str_eq(json_string_or_empty(each.value), known[i].name))
                run->needs |= known[i].need;
}

/* One request is no traffic: what becomes of it is seen once the fault is known. */
static void apply_fault(struct provider_view *view, struct str fault)
{
    if (str_eq(fault, STR("queue_too_deep"))) {
        view->waiting = MANY_WAITING;
        return;
    }
    view->health = (struct health_view){.state = STATE_OFFLINE};
    if (str_eq(fault, STR("key_rejected")))
        view->health.state = STATE_ERROR;
    if (str_eq(fault, STR("over_quota")))
        view->health = (struct health_view){.state = STATE_OVER_QUOTA,
                                            .until_ms = clock_monotonic_ms() + 30000};
}

static bool fault_put(struct dry_run *run, struct json fault)
{
    char name[128];
    str_copy(json_string_or_empty(json_get(fault, "provider")), name, sizeof name);
    const struct provider *provider = snapshot_provider(run->snapshot, name);
    if (!provider || !provider_is_seen(run->call, run->snapshot, provider)) {
        api_fail(run->call, PROBLEM_INVALID_FIELD, "faults",
                 "faults: provider must be the id or slug of a provider.");
        return false;
    }
    for (size_t i = 0; i < run->snapshot->routing.provider_count; i++)
        if (run->snapshot->routing.providers[i] == provider)
            apply_fault(&run->views[i], json_string_or_empty(json_get(fault, "fault")));
    return true;
}

static bool faults_field(struct dry_run *run)
{
    struct json faults = json_get(run->call->root, "faults");
    for (struct json_cursor each = json_each(faults); json_next(&each);)
        if (!fault_put(run, each.value))
            return false;
    return true;
}

/* The live part's own sentence, when the reason lies in its state: for admins, for it may name addresses. */
static void write_evidence(struct json_writer *writer, const struct dry_run *run,
                           const struct candidate *candidate)
{
    char text[600];
    const struct provider_view *view = &run->views[candidate->index];
    struct live_provider *live = provider_live(candidate->provider);
    char said[256];
    pthread_mutex_lock(&live->lock);
    str_copy(str_of(live->health.sentence), said, sizeof said);
    pthread_mutex_unlock(&live->lock);
    bool has_said = view->health.state != STATE_ONLINE && said[0] && run->call->role >= ROLE_ADMIN;
    snprintf(text, sizeof text, "%s%s%s%s", route_reason_text(candidate->reason),
             has_said ? " (it said: " : "", has_said ? said : "", has_said ? ")" : "");
    json_put_text(writer, "evidence", text);
    json_put_text(writer, "status", provider_state_name(view->health.state));
}

static void put_name(void *arg, const char *name)
{
    json_put_text(arg, NULL, name);
}

/* Of who is asked in another dialect than the caller's: where, and what is seen to in translation. */
static void write_asked(struct json_writer *writer, const struct dry_run *run,
                        const struct candidate *candidate)
{
    if (candidate->asked == run->endpoint || candidate->verdict == ROUTE_SKIPPED)
        return;
    if (candidate->asked == ENDPOINT_COUNT) {
        json_put_text(writer, "asked", "estimate");
        return;
    }
    json_put_text(writer, "asked", endpoint_facts(candidate->asked)->name);
    json_open_array(writer, "quirks");
    quirks_each(quirks_join(candidate->quirks,
                            live_quirks(provider_live(candidate->provider), candidate->model)),
                put_name, writer);
    json_close_array(writer);
}

static void write_candidate(struct json_writer *writer, const struct dry_run *run,
                            const struct candidate *candidate)
{
    json_open_object(writer);
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", candidate->provider->id);
    json_put_text(writer, "name", candidate->provider->name);
    json_put_text(writer, "slug", candidate->provider->slug);
    json_close_object(writer);
    if (candidate->model.len)
        json_put_string(writer, "model", candidate->model);
    else
        json_put_null(writer, "model");
    json_put_text(writer, "verdict", route_verdict_name(candidate->verdict));
    json_put_text(writer, "reason", route_reason_code(candidate->reason));
    write_asked(writer, run, candidate);
    write_evidence(writer, run, candidate);
    json_close_object(writer);
}

static void write_outcome(struct json_writer *writer, const struct route_plan *plan)
{
    static const char *const names[] = {
        [ROUTE_OK] = "ok",
        [ROUTE_UNKNOWN_MODEL] = "unknown_model",
        [ROUTE_UNKNOWN_PIN] = "unknown_provider",
        [ROUTE_PIN_LACKS_MODEL] = "provider_lacks_model",
        [ROUTE_PINS_DISAGREE] = "pins_disagree",
        [ROUTE_DIALECT] = "dialect_not_supported",
        [ROUTE_ABILITY] = "lacks_ability",
        [ROUTE_TOO_LONG] = "context_too_small",
        [ROUTE_ENDPOINT] = "endpoint_not_supported",
        [ROUTE_DENIED] = "policy_denied",
        [ROUTE_ALL_OVER_QUOTA] = "all_over_quota",
        [ROUTE_NOBODY_NOW] = "nobody_now",
        [ROUTE_NONE_EVER] = "no_candidate",
    };
    json_put_text(writer, "outcome", names[plan->outcome]);
    if (plan->outcome == ROUTE_OK)
        json_put_text(writer, "sentence", "The first candidate would be asked.");
    else
        json_put_text(writer, "sentence", plan->sentence);
}

static void answer_plan(const struct dry_run *run)
{
    const struct route_plan *plan = run->plan;
    struct json_writer *writer = api_answer(run->call, 200);
    json_open_array(writer, "candidates");
    for (size_t i = 0; i < plan->count; i++)
        if (provider_is_seen(run->call, run->snapshot, plan->list[i].provider))
            write_candidate(writer, run, &plan->list[i]);
    json_close_array(writer);
    write_outcome(writer, plan);
    json_put_int(writer, "config_version", run->snapshot->version);
    api_done(run->call);
}

/* The team that was named, else the caller's. A member may look at no other: to them there is none. */
static bool team_field(struct dry_run *run)
{
    char wanted[128] = "";
    if (!api_text(run->call, "team", wanted, sizeof wanted, NULL))
        return false;
    const struct team *team =
        snapshot_team_named(run->snapshot, wanted[0] ? wanted : run->call->team);
    bool is_hidden = run->call->role < ROLE_ADMIN && team && strcmp(team->id, run->call->team) != 0;
    if (wanted[0] && (!team || is_hidden)) {
        api_fail(run->call, PROBLEM_INVALID_FIELD, "team", "There is no team \"%.100s\".", wanted);
        return false;
    }
    if (team)
        run->access =
            (struct access){.team_id = team->id, .team_name = team->name, .team = &team->policy};
    return true;
}

/* agent is a fixed name of the API; there are no agents yet. */
static bool words_are_good(struct dry_run *run)
{
    char agent[128] = "";
    str_copy(STR("auto"), run->model, sizeof run->model);
    if (!api_text(run->call, "model", run->model, sizeof run->model, NULL) ||
        !api_text(run->call, "provider", run->pin, sizeof run->pin, NULL) ||
        !api_text(run->call, "agent", agent, sizeof agent, NULL) || !team_field(run) ||
        !api_int(run->call, "prompt_tokens", 0, INT64_MAX, &run->prompt_tokens))
        return false;
    if (agent[0])
        api_fail(run->call, PROBLEM_INVALID_FIELD, "agent", "There are no agents yet.");
    return !agent[0];
}

static void explain(struct dry_run *run)
{
    int64_t now_ms = clock_monotonic_ms();
    gateway_views(run->snapshot, now_ms, run->views);
    if (!words_are_good(run) || !faults_field(run))
        return;
    endpoint_field(run);
    needs_field(run);
    struct route_request request = {
        .endpoint = run->endpoint,
        .model = str_of(run->model),
        .provider_pin = str_of(run->pin),
        .is_admin = run->call->role >= ROLE_ADMIN,
        .access = &run->access,
        .needs = run->needs,
        .prompt_tokens = run->prompt_tokens,
        .now_ms = now_ms,
    };
    route_plan_make(&run->snapshot->routing, run->views, &request, run->plan);
    answer_plan(run);
}

void routing_explain(struct api_call *call)
{
    struct dry_run run = {.call = call,
                          .snapshot = gateway_snapshot(call->admin->options.gateway),
                          .endpoint = ENDPOINT_CHAT,
                          .prompt_tokens = -1};
    AUTO_FREE struct provider_view *views = mem_zalloc(PROVIDERS_MAX, sizeof *views);
    AUTO_FREE struct route_plan *plan = mem_zalloc(1, sizeof *plan);
    run.views = views;
    run.plan = plan;
    if (views && plan)
        explain(&run);
    else
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    if (views)
        gateway_views_release(views, run.snapshot->routing.provider_count);
    snapshot_unref(run.snapshot);
}
