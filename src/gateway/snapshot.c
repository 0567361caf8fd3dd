/* gateway/snapshot.c: from rows of the store to the structure that requests read.
 *
 * A translation of rows into arena arrays, sorted as their readers search them. A damaged row is left
 * out and reported, so that the rest goes on serving. The one effect, on the live parts of providers,
 * stands in registry.c.
 */
#include "gateway/snapshot_parts.h"

#include "base/log.h"
#include "domain/price.h"
#include "gateway/live_limits.h"
#include "gateway/registry.h"
#include "json/json.h"
#include "providers/kinds.h"
#include "sys/vault.h"

#include <stdlib.h>

#define SNAPSHOT_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define LIST_BYTES_MAX     ((size_t)4 * 1024 * 1024)

enum err provider_key_seal(const struct vault *vault, const char *provider_id, struct str key,
                           struct buf *out, struct error *error)
{
    return vault_seal(vault, SNAPSHOT_ORG, "providers", "sealed_key", provider_id, key, out, error);
}

/* ---- rows into arena arrays ---------------------------------------------------------------------- */

void *build_room(struct build *build, size_t count, size_t size_bytes)
{
    void *room = arena_alloc(&build->snapshot->arena, count * size_bytes + 1);
    if (room)
        memset(room, 0, count * size_bytes + 1);
    build->has_failed |= !room;
    return room;
}

const char *build_text(struct build *build, struct str text)
{
    char *copy = arena_dup(&build->snapshot->arena, text.at, text.len);
    build->has_failed |= !copy;
    return copy ? copy : "";
}

static const char *build_text_or_null(struct build *build, struct str text)
{
    return text.len ? build_text(build, text) : NULL;
}

struct json build_json(struct build *build, const char *owner, const char *text)
{
    struct json root = {0};
    struct error why = {0};
    if (text && text[0] != '\0' && json_parse(build->reader, str_of(text), &root, &why) != OK)
        log_error("config_list_damaged", "row=%s why=\"%s\"", owner, why.text);
    return root;
}

const char *const *build_names(struct build *build, struct json list, size_t max, size_t *out_count)
{
    size_t room = json_count(list) < max ? json_count(list) : max, count = 0;
    const char **names = build_room(build, room, sizeof *names);
    for (struct json_cursor each = json_each(list); names && count < room && json_next(&each);)
        names[count++] = build_text(build, json_string_or_empty(each.value));
    *out_count = count;
    return names;
}

static int model_order(const void *left, const void *right)
{
    return strcmp(((const struct model *)left)->id, ((const struct model *)right)->id);
}

/* What the tables know of a model. The price table knows vendors' models: a local one that bears such a name can do
 * other things; but it costs what they do, since a proxy in front of a vendor is local, too. */
static void build_abilities(struct build *build, const struct provider *provider,
                            struct model *model)
{
    struct str id = str_of(model->id);
    model->quirks = quirks_known(provider->kind, provider->base_url, id);
    model->max_output_tokens = -1;
    model->price = price_at(build->snapshot, provider, id);
    const struct price *price =
        build->snapshot->prices ? price_find(build->snapshot->prices, provider->kind, id) : NULL;
    if (!price || model->quirks & QUIRK_LOCAL)
        return;
    if (model->context_tokens < 0)
        model->context_tokens = price->context_tokens;
    model->max_output_tokens = price->max_output_tokens;
    model->lacks = price->lacks;
}

static void build_models(struct build *build, const struct provider_row *row,
                         struct provider *provider)
{
    struct json list = build_json(build, row->id, row->models_json);
    size_t room = json_count(list) < MODELS_MAX ? json_count(list) : MODELS_MAX;
    struct model *models = build_room(build, room, sizeof *models);
    size_t count = 0;
    for (struct json_cursor each = json_each(list); models && count < room && json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        if (!id.len)
            continue;
        struct model *model = &models[count++];
        model->id = build_text(build, id);
        json_bool(json_get(each.value, "surfaced"), &model->is_surfaced);
        model->context_tokens = json_int64_or(json_get(each.value, "context_tokens"), -1);
        model->created_at_ms = json_int64_or(json_get(each.value, "created_at_ms"), 0);
        build_abilities(build, provider, model);
    }
    if (count > 1)
        qsort(models, count, sizeof *models, model_order);
    provider->models = models;
    provider->model_count = count;
}

static void build_rules(struct build *build, const struct provider_row *row,
                        struct provider *provider)
{
    struct json list = build_json(build, row->id, row->rules_json);
    size_t room = json_count(list) < RULES_MAX ? json_count(list) : RULES_MAX;
    struct fallback_rule *rules = build_room(build, room, sizeof *rules);
    size_t count = 0;
    for (struct json_cursor each = json_each(list); rules && count < room && json_next(&each);) {
        struct fallback_rule rule = {0};
        if (!condition_parse(json_string_or_empty(json_get(each.value, "condition")),
                             &rule.condition))
            continue;
        rule.provider_id =
            build_text(build, json_string_or_empty(json_get(each.value, "provider")));
        rule.model = build_text_or_null(build, json_string_or_empty(json_get(each.value, "model")));
        rule.threshold =
            json_int64_or(json_get(each.value, "threshold"), FALLBACK_THRESHOLD_DEFAULT);
        rules[count++] = rule;
    }
    provider->rules = rules;
    provider->rule_count = count;
}

/* A damaged list is nobody's: it was given to somebody, who cannot be known any more. */
static void build_teams_of(struct build *build, const struct provider_row *row,
                           struct provider *provider)
{
    if (!row->teams_json || row->teams_json[0] == '\0')
        return;
    struct json list = build_json(build, row->id, row->teams_json);
    provider->has_teams = true;
    provider->teams = build_names(build, list, PROVIDER_TEAMS_MAX, &provider->team_count);
}

/* What it really answers: its own list, else what its kind usually does. */
static unsigned build_speaks(struct build *build, const struct provider_row *row,
                             enum provider_kind kind)
{
    struct json list = build_json(build, row->id, row->dialects_json);
    unsigned speaks = 0;
    for (struct json_cursor each = json_each(list); json_next(&each);)
        speaks |= provider_dialect_endpoints(json_string_or_empty(each.value));
    return speaks ? speaks : provider_kind_endpoints(kind);
}

static int64_t value_or(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static struct provider *build_provider(struct build *build, const struct provider_row *row,
                                       enum provider_kind kind)
{
    struct provider *provider = build_room(build, 1, sizeof *provider);
    if (!provider)
        return NULL;
    const struct timeouts *usual = provider_kind_timeouts(kind);
    *provider = (struct provider){
        .id = build_text(build, str_of(row->id)),
        .name = build_text(build, str_of(row->name)),
        .slug = build_text(build, str_of(row->slug)),
        .kind = kind,
        .base_url = build_text(build, str_of(row->base_url)),
        .has_workers = row->base_url[0] == '\0',
        .speaks = build_speaks(build, row, kind),
        .is_openais_own = base_url_is_openais_own(row->base_url),
        .default_model = build_text_or_null(build, str_of(row->default_model)),
        .timeouts = {.connect_ms = value_or(row->connect_ms, usual->connect_ms),
                     .first_byte_ms = value_or(row->first_byte_ms, usual->first_byte_ms),
                     .plain_ms = value_or(row->plain_ms, usual->plain_ms),
                     .idle_ms = value_or(row->idle_ms, usual->idle_ms)},
        .wait_ms = row->wait_ms,
        .max_concurrent = row->max_concurrent,
        .is_paused = row->is_paused,
        .has_key = row->sealed_key != NULL,
        .credential_version = row->credential_version,
        .created_at_ms = row->created_at_ms,
        .created_seq = row->created_seq,
    };
    build_models(build, row, provider);
    build_rules(build, row, provider);
    build_teams_of(build, row, provider);
    return provider;
}

/* Both halves of a provider, to be sorted together. */
struct placed {
    struct provider *provider;
    struct target target;
};

static int cascade_order(const void *left, const void *right)
{
    const struct provider *a = ((const struct placed *)left)->provider;
    const struct provider *b = ((const struct placed *)right)->provider;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return (a->created_seq > b->created_seq) - (a->created_seq < b->created_seq);
}

/* Nobody is dialled: what a worker reads in the head of a request. */
static struct target target_of_workers(enum provider_kind kind)
{
    struct target target = {.host = "worker", .authority = "worker"};
    str_copy(provider_kind_dialect(kind) == DIALECT_OPENAI ? STR("/v1") : STR(""), target.path,
             sizeof target.path);
    return target;
}

/* One row into `out_placed`. False: left out, with a line in the log, or out of memory. */
static bool build_placed(struct build *build, const struct provider_row *row,
                         const struct vault *vault, struct live_registry *registry,
                         struct placed *out_placed)
{
    struct error why = {0};
    enum provider_kind kind;
    struct placed placed = {0};
    if (!provider_kind_parse(str_of(row->kind), &kind)) {
        log_warn("provider_left_out", "provider=%s why=\"unknown kind %s\"", row->id, row->kind);
        return false;
    }
    if (row->base_url[0] == '\0')
        placed.target = target_of_workers(kind);
    else if (target_parse(row->base_url, &placed.target, &why) != OK) {
        log_error("provider_left_out", "provider=%s why=\"%s\"", row->id, why.text);
        return false;
    }
    placed.provider = build_provider(build, row, kind);
    struct live_provider *live = registry_follow(registry, row, vault);
    if (!placed.provider || !live) {
        live_unref(live);
        build->has_failed = true;
        return false;
    }
    placed.provider->live = live;
    *out_placed = placed;
    return true;
}

static void build_providers(struct build *build, const struct store_config *config,
                            const struct vault *vault, struct live_registry *registry)
{
    size_t room = config->provider_count < PROVIDERS_MAX ? config->provider_count : PROVIDERS_MAX;
    AUTO_FREE struct placed *placed = mem_zalloc(room + 1, sizeof *placed);
    const struct provider **list = build_room(build, room, sizeof *list);
    struct target *targets = build_room(build, room, sizeof *targets);
    if (!placed || !list || !targets) {
        build->has_failed = true;
        return;
    }
    if (room < config->provider_count)
        log_error("providers_left_out", "count=%zu why=\"at most %u\"",
                  config->provider_count - room, PROVIDERS_MAX);
    size_t count = 0;
    for (size_t i = 0; i < room; i++)
        if (build_placed(build, &config->providers[i], vault, registry, &placed[count]))
            count++;
    qsort(placed, count, sizeof *placed, cascade_order);
    for (size_t i = 0; i < count; i++) {
        list[i] = placed[i].provider;
        targets[i] = placed[i].target;
    }
    build->snapshot->routing.providers = list;
    build->snapshot->routing.provider_count = count;
    build->snapshot->targets = targets;
}

static bool step_when_parse(struct str name, enum step_when *out_when)
{
    static const char *const names[] = {"always", "previous_full", "previous_offline"};
    for (int when = STEP_ALWAYS; when <= STEP_PREVIOUS_OFFLINE; when++)
        if (str_eq(name, str_of(names[when]))) {
            *out_when = (enum step_when)when;
            return true;
        }
    return false;
}

static void build_steps(struct build *build, const struct route_row *row, struct named_route *route)
{
    struct json list = build_json(build, row->id, row->steps_json);
    size_t room = json_count(list) < STEPS_MAX ? json_count(list) : STEPS_MAX;
    struct route_step *steps = build_room(build, room, sizeof *steps);
    size_t count = 0;
    for (struct json_cursor each = json_each(list); steps && count < room && json_next(&each);) {
        struct route_step step = {.tier = -1, .when = STEP_ALWAYS};
        enum tier tier;
        if (tier_parse(json_string_or_empty(json_get(each.value, "tier")), &tier))
            step.tier = (int)tier;
        step.provider_id =
            build_text_or_null(build, json_string_or_empty(json_get(each.value, "provider")));
        step.model = build_text_or_null(build, json_string_or_empty(json_get(each.value, "model")));
        (void)step_when_parse(json_string_or_empty(json_get(each.value, "when")), &step.when);
        steps[count++] = step;
    }
    route->steps = steps;
    route->step_count = count;
}

static void build_routes(struct build *build, const struct store_config *config)
{
    struct named_route *routes = build_room(build, config->route_count, sizeof *routes);
    for (size_t i = 0; routes && i < config->route_count; i++) {
        const struct route_row *row = &config->routes[i];
        routes[i].id = build_text(build, str_of(row->id));
        routes[i].name = build_text(build, str_of(row->name));
        build_steps(build, row, &routes[i]);
    }
    build->snapshot->routing.routes = routes;
    build->snapshot->routing.route_count = routes ? config->route_count : 0;
}

const struct provider *snapshot_provider(const struct snapshot *snapshot, const char *id_or_slug)
{
    for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
        const struct provider *provider = snapshot->routing.providers[i];
        if (strcmp(provider->id, id_or_slug) == 0 || strcmp(provider->slug, id_or_slug) == 0)
            return provider;
    }
    return NULL;
}

/* ---- the life of a snapshot ---------------------------------------------------------------------- */

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->routing.provider_count; i++)
        live_unref(provider_live(snapshot->routing.providers[i]));
    for (size_t i = 0; i < snapshot->team_count; i++)
        live_limits_unref(snapshot->teams[i].live);
    for (size_t i = 0; i < snapshot->principal_count; i++)
        live_limits_unref(snapshot->principals[i].live);
    arena_release(&snapshot->arena);
    mem_free(snapshot);
}

static void build_all(struct build *build, const struct store_config *config,
                      const struct vault *vault, struct live_registry *registry)
{
    struct routing *routing = &build->snapshot->routing;
    build_prices(build, config);
    registry_begin(registry);
    build_providers(build, config, vault, registry);
    registry_end(registry, !build->has_failed);
    build_routes(build, config);
    limits_registry_begin(build->limits);
    build_teams(build, config);
    build_principals(build, config);
    limits_registry_end(build->limits, !build->has_failed);
    build_users(build, config);
    build_worker_keys(build, config);
    routing->auto_provider_id = build_text_or_null(build, str_of(config->auto_provider));
    routing->auto_model = build_text_or_null(build, str_of(config->auto_model));
    routing->version = config->version;
    build->snapshot->version = config->version;
}

enum err snapshot_build(const struct store_config *config, const struct vault *vault,
                        struct live_registry *registry, const struct price_table *prices,
                        struct snapshot **out_snapshot, struct error *error)
{
    struct build build = {.snapshot = mem_zalloc(1, sizeof *build.snapshot)};
    if (!build.snapshot || json_reader_new(LIST_BYTES_MAX, &build.reader) != OK) {
        mem_free(build.snapshot);
        return error_set(error, ERR_NO_MEMORY, "no memory for the configuration");
    }
    atomic_init(&build.snapshot->refs, 1);
    arena_init(&build.snapshot->arena, SNAPSHOT_BYTES_MAX);
    build.snapshot->prices = prices;
    build.limits = live_registry_limits(registry);
    build_all(&build, config, vault, registry);
    json_reader_free(build.reader);
    if (build.has_failed) {
        snapshot_unref(build.snapshot);
        return error_set(error, ERR_NO_MEMORY, "no memory for the configuration");
    }
    *out_snapshot = build.snapshot;
    return OK;
}
