/* tests/unit/gateway/test_snapshot.c: rows become a configuration that requests can search, and the live parts
 * follow their rows.
 */
#include "domain/price.h"
#include "gateway/snapshot.h"
#include "sys/vault.h"

#include "tests/test.h"

static struct vault *vault;
static struct live_registry *registry;

static int before(void **state)
{
    (void)state;
    struct error error;
    registry = live_registry_new();
    return vault_new(STR("0123456789abcdefghijklmnopqrstuv"), &vault, &error) == OK && registry
               ? 0
               : -1;
}

static int after(void **state)
{
    (void)state;
    live_registry_free(registry);
    vault_free(vault);
    return 0;
}

static struct provider_row row_of(const char *id, const char *kind, int64_t seq)
{
    struct provider_row row = {.created_seq = seq, .credential_version = 1, .rev = 1};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(id), row.name, sizeof row.name);
    str_copy(str_of(id), row.slug, sizeof row.slug);
    str_copy(str_of(kind), row.kind, sizeof row.kind);
    str_copy(STR("https://example.com/v1"), row.base_url, sizeof row.base_url);
    return row;
}

static struct snapshot *build(const struct store_config *config)
{
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    CHECK("builds", snapshot_build(config, vault, registry, NULL, &snapshot, &error) == OK);
    return snapshot;
}

static void seal(struct provider_row *row, const char *key, struct buf *room)
{
    struct error error;
    buf_clear(room);
    CHECK("seals", provider_key_seal(vault, row->id, str_of(key), room, &error) == OK);
    row->sealed_key = room->data;
    row->sealed_key_len = room->len;
}

static bool key_is(struct live_provider *live, struct str want)
{
    struct secret *key = NULL;
    struct error error;
    int64_t version;
    bool is_same = live_key_open(live, vault, &key, &version, &error) == OK && key &&
                   str_eq(secret_borrow(key), want);
    secret_free(key);
    return is_same;
}

static void providers_stand_in_cascade_order_with_their_targets(void **state)
{
    (void)state;
    struct provider_row rows[] = {row_of("prv_a", "anthropic", 1), row_of("prv_b", "openai", 3),
                                  row_of("prv_c", "openai", 2), row_of("prv_d", "unheard-of", 4)};
    str_copy(STR("http://[::1]:8080"), rows[0].base_url, sizeof rows[0].base_url);
    struct store_config config = {.providers = rows, .provider_count = 4, .version = 7};
    struct snapshot *snapshot = build(&config);
    CHECK_INT("a kind that is unknown is left out", snapshot->routing.provider_count, 3);
    CHECK_STR("older openai first", snapshot->routing.providers[0]->id, "prv_c");
    CHECK_STR("then the newer", snapshot->routing.providers[1]->id, "prv_b");
    CHECK_STR("anthropic last", snapshot->routing.providers[2]->id, "prv_a");
    CHECK_INT("its target", snapshot->targets[2].port, 8080);
    CHECK_STR("of openai", snapshot->targets[0].host, "example.com");
    CHECK_INT("default timeouts", snapshot->routing.providers[0]->timeouts.connect_ms, 5000);
    CHECK_INT("version", snapshot->version, 7);
    CHECK("found by slug", snapshot_provider(snapshot, "prv_b") == snapshot->routing.providers[1]);
    CHECK("not found", !snapshot_provider(snapshot, "prv_z"));
    snapshot_unref(snapshot);
}

static void lists_are_read_sorted_and_a_damaged_one_is_empty(void **state)
{
    (void)state;
    static char models[] = "[{\"id\":\"z\",\"surfaced\":true,\"context_tokens\":9},{\"id\":\"a\"}]";
    static char rules[] =
        "[{\"condition\":\"offline\",\"provider\":\"prv_b\",\"model\":null},"
        "{\"condition\":\"no such\",\"provider\":\"prv_b\"},"
        "{\"condition\":\"queue_too_deep\",\"provider\":\"prv_b\",\"threshold\":3}]";
    static char steps[] =
        "[{\"tier\":\"cloud\",\"when\":\"previous_full\"},{\"provider\":\"prv_b\","
        "\"model\":\"m\"}]";
    static char damaged[] = "[{";
    struct provider_row rows[] = {row_of("prv_a", "openai", 1), row_of("prv_b", "openai", 2)};
    rows[0].models_json = models;
    rows[0].rules_json = rules;
    rows[1].models_json = damaged;
    struct route_row route = {.id = "rte_1", .name = "coding", .steps_json = steps};
    struct store_config config = {
        .providers = rows, .provider_count = 2, .routes = &route, .route_count = 1};
    struct snapshot *snapshot = build(&config);
    const struct provider *first = snapshot->routing.providers[0];
    CHECK_INT("two models", first->model_count, 2);
    CHECK_STR("sorted", first->models[0].id, "a");
    CHECK("z is surfaced", provider_model(first, STR("z"))->is_surfaced);
    CHECK_INT("its context", provider_model(first, STR("z"))->context_tokens, 9);
    CHECK_INT("a's is unknown", provider_model(first, STR("a"))->context_tokens, -1);
    CHECK_INT("two good rules", first->rule_count, 2);
    CHECK("null model", first->rules[0].model == NULL);
    CHECK_INT("default threshold", first->rules[0].threshold, FALLBACK_THRESHOLD_DEFAULT);
    CHECK_INT("given threshold", first->rules[1].threshold, 3);
    CHECK_INT("no models", snapshot->routing.providers[1]->model_count, 0);
    const struct named_route *named = &snapshot->routing.routes[0];
    CHECK_INT("two steps", named->step_count, 2);
    CHECK("a tier", named->steps[0].tier == TIER_CLOUD && !named->steps[0].provider_id);
    CHECK("when", named->steps[0].when == STEP_PREVIOUS_FULL);
    CHECK("a provider", named->steps[1].tier == -1 && named->steps[1].when == STEP_ALWAYS);
    CHECK("no Auto default", snapshot->routing.auto_provider_id == NULL);
    snapshot_unref(snapshot);
}

static void abilities_come_from_the_tables_but_not_to_local_models(void **state)
{
    (void)state;
    static char models[] =
        "[{\"id\":\"gpt-4\"},{\"id\":\"gpt-5\",\"context_tokens\":9},{\"id\":\"mine\"}]";
    struct provider_row rows[] = {row_of("prv_a", "openai", 1), row_of("prv_b", "openai", 2)};
    rows[0].models_json = rows[1].models_json = models;
    str_copy(STR("http://127.0.0.1:8080/v1"), rows[1].base_url, sizeof rows[1].base_url);
    struct store_config config = {.providers = rows, .provider_count = 2};
    struct error error = {0};
    struct price_table *prices = NULL;
    struct snapshot *snapshot = NULL;
    CHECK_INT("prices", price_table_new((struct str){prices_csv, prices_csv_len}, &prices, &error),
              OK);
    CHECK_INT("builds", snapshot_build(&config, vault, registry, prices, &snapshot, &error), OK);
    const struct provider *cloud = snapshot->routing.providers[0];
    const struct provider *local = snapshot->routing.providers[1];
    const struct model *model = provider_model(cloud, STR("gpt-4"));
    CHECK_INT("no images", model->lacks & MODEL_LACKS_IMAGES, MODEL_LACKS_IMAGES);
    CHECK_INT("its window", model->context_tokens, 8192);
    model = provider_model(cloud, STR("gpt-5"));
    CHECK_INT("what the provider said itself counts", model->context_tokens, 9);
    CHECK_INT("its longest answer", model->max_output_tokens, 128000);
    CHECK("its quirks", model->quirks & QUIRK_NO_TEMPERATURE);
    model = provider_model(cloud, STR("mine"));
    CHECK("nothing is known", !model->lacks && !model->quirks && model->context_tokens == -1 &&
                                  model->max_output_tokens == -1);
    model = provider_model(local, STR("gpt-4"));
    CHECK("another of that name", !model->lacks && model->context_tokens == -1);
    CHECK("but local", model->quirks & QUIRK_LOCAL);
    snapshot_unref(snapshot);
    price_table_free(prices);
}

static void a_provider_speaks_what_its_row_says(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *dialects;
        unsigned speaks;
    } rows[] = {
        {"openai", "", ENDPOINTS_OPENAI},
        {"anthropic", "", ENDPOINTS_ANTHROPIC},
        {"openai", "[\"messages\",\"chat_completions\"]",
         ENDPOINT_BIT(ENDPOINT_MESSAGES) | ENDPOINT_BIT(ENDPOINT_CHAT)},
        {"anthropic", "[\"from a later version\"]", ENDPOINTS_ANTHROPIC},
        {"openai", "[damaged", ENDPOINTS_OPENAI},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct provider_row row = row_of("prv_a", rows[i].kind, 1);
        str_copy(str_of(rows[i].dialects), row.dialects_json, sizeof row.dialects_json);
        struct store_config config = {.providers = &row, .provider_count = 1};
        struct snapshot *snapshot = build(&config);
        CHECK_INT(rows[i].dialects, snapshot->routing.providers[0]->speaks, rows[i].speaks);
        snapshot_unref(snapshot);
    }
}

static void what_was_learned_is_forgotten_when_the_provider_moves(void **state)
{
    (void)state;
    struct provider_row row = row_of("prv_a", "openai", 1);
    struct store_config config = {.providers = &row, .provider_count = 1};
    struct snapshot *first = build(&config);
    struct live_provider *live = provider_live(first->routing.providers[0]);
    live_learn_quirk(live, STR("m"), QUIRK_NO_STOP);
    live_learn_quirk(live, STR("m"), QUIRK_NO_RESPONSES);
    struct snapshot *second = build(&config);
    CHECK_INT("kept", live_quirks(live, STR("m")), QUIRK_NO_STOP | QUIRK_NO_RESPONSES);
    CHECK_INT("of the whole service", live_quirks(live, STR("n")), QUIRK_NO_RESPONSES);
    str_copy(STR("https://elsewhere.example/v1"), row.base_url, sizeof row.base_url);
    struct snapshot *third = build(&config);
    CHECK_INT("forgotten", live_quirks(live, STR("m")), 0);
    snapshot_unref(first);
    snapshot_unref(second);
    snapshot_unref(third);
}

static void a_key_is_found_by_its_whole_digest(void **state)
{
    (void)state;
    static struct key_row keys[300];
    for (size_t i = 0; i < COUNT(keys); i++) {
        snprintf(keys[i].id, sizeof keys[i].id, "key_%zu", i);
        str_copy(i % 2 ? STR("admin") : STR("member"), keys[i].role, sizeof keys[i].role);
        memset(keys[i].digest, 7, sizeof keys[i].digest); /* the same slot for all: worst case */
        keys[i].digest[30] = (uint8_t)(i >> 8);
        keys[i].digest[31] = (uint8_t)i;
    }
    keys[5].revoked_at_ms = 1;
    str_copy(STR("emperor"), keys[6].role, sizeof keys[6].role);
    struct store_config config = {.keys = keys, .key_count = COUNT(keys)};
    struct snapshot *snapshot = build(&config);
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct principal *found = snapshot_principal(snapshot, keys[i].digest, 1);
        bool is_known = i != 5 && i != 6;
        CHECK_INT(keys[i].id, found != NULL, is_known);
        if (is_known) {
            CHECK_STR(keys[i].id, found->id, keys[i].id);
            CHECK_STR(keys[i].id, role_name(found->role), keys[i].role);
        }
    }
    uint8_t unknown[32] = {0};
    CHECK("unknown", !snapshot_principal(snapshot, unknown, 1));
    snapshot_unref(snapshot);
}

static void the_live_part_outlives_snapshots_and_follows_its_row(void **state)
{
    (void)state;
    AUTO_BUF struct buf room;
    buf_init(&room, 8192);
    struct provider_row row = row_of("prv_live", "openai", 1);
    seal(&row, "sk-one", &room);
    struct store_config config = {.providers = &row, .provider_count = 1};
    struct snapshot *first = build(&config);
    struct live_provider *live = live_ref(provider_live(first->routing.providers[0]));
    CHECK("key opens", key_is(live, STR("sk-one")));

    struct verdict_report refused = {.verdict = VERDICT_KEY, .retry_after_ms = RETRY_UNKNOWN_MS};
    health_on_failure(&live->health, &refused, STR(""), 1, 1, 1000, 0.5);
    struct snapshot *second = build(&config);
    CHECK("the same one", provider_live(second->routing.providers[0]) == live);
    CHECK_INT("nothing changed: still in error", live->health.state, STATE_ERROR);

    seal(&row, "sk-two", &room);
    row.credential_version = 2;
    struct snapshot *third = build(&config);
    CHECK("a new key", key_is(live, STR("sk-two")));
    CHECK_INT("clears the verdict", live->health.state, STATE_ONLINE);

    config.provider_count = 0;
    struct snapshot *last = build(&config);
    CHECK("deleted, and its key is gone", live->is_deleted && !live->sealed_key);
    snapshot_unref(first);
    snapshot_unref(second);
    snapshot_unref(third);
    snapshot_unref(last);
    live_unref(live);
}

static void a_moved_ciphertext_leaves_its_provider_in_error(void **state)
{
    (void)state;
    AUTO_BUF struct buf room;
    buf_init(&room, 8192);
    struct provider_row thief = row_of("prv_thief", "openai", 1);
    struct provider_row owner = row_of("prv_owner", "openai", 2);
    seal(&owner, "sk-secret", &room);
    thief.sealed_key = owner.sealed_key; /* T11: swapped in the database */
    thief.sealed_key_len = owner.sealed_key_len;
    struct store_config config = {.providers = &thief, .provider_count = 1};
    struct snapshot *snapshot = build(&config);
    struct live_provider *live = provider_live(snapshot->routing.providers[0]);
    CHECK("no key", !key_is(live, STR("sk-secret")));
    CHECK_INT("in error", live->health.state, STATE_ERROR);
    CHECK_STR("with a reason", live->health.reason, "key_unreadable");
    snapshot_unref(snapshot);
}

static void trouble_on_record_survives_a_restart(void **state)
{
    (void)state;
    struct provider_row row = row_of("prv_known", "openai", 1);
    str_copy(STR("no_models"), row.error_code, sizeof row.error_code);
    str_copy(STR("is billing set up?"), row.error_text, sizeof row.error_text);
    struct store_config config = {.providers = &row, .provider_count = 1};
    struct snapshot *snapshot = build(&config);
    CHECK_INT("in error", provider_live(snapshot->routing.providers[0])->health.state, STATE_ERROR);
    snapshot_unref(snapshot);
}

#define ISOLATED(function) cmocka_unit_test_setup_teardown(function, before, after)
TEST_MAIN(ISOLATED(providers_stand_in_cascade_order_with_their_targets),
          ISOLATED(lists_are_read_sorted_and_a_damaged_one_is_empty),
          ISOLATED(abilities_come_from_the_tables_but_not_to_local_models),
          ISOLATED(a_provider_speaks_what_its_row_says),
          ISOLATED(what_was_learned_is_forgotten_when_the_provider_moves),
          ISOLATED(a_key_is_found_by_its_whole_digest),
          ISOLATED(the_live_part_outlives_snapshots_and_follows_its_row),
          ISOLATED(a_moved_ciphertext_leaves_its_provider_in_error),
          ISOLATED(trouble_on_record_survives_a_restart))
